/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

START_TEST(words)
{
    ck_assert_str_eq(nva_request_type_word(NVA_REQ_MOVE_ABORT), "move_abort");
    ck_assert_str_eq(nva_event_type_word(NVA_EV_NVE_SYNCED), "nve_synced");
    ck_assert_str_eq(nva_note_type_word(NVA_NOTE_LATE), "late");
    ck_assert_str_eq(nva_event_type_word(NVA_N_EVENTS), "?");
}
END_TEST

START_TEST(plan_starts_with_nothing_of_the_last)
{
    struct nva_plan plan;
    struct nva_note *note;

    nva_plan_init(&plan);
    nva_plan_start(&plan, 40);
    ck_assert_uint_eq(nva_plan_new_id(&plan), 40);
    ck_assert_uint_eq(nva_plan_new_id(&plan), 41);
    ck_assert_uint_eq(plan.next_id, 42);
    for (int i = 0; i < 5; i++) {
        struct nva_reply *reply = nva_plan_reply(&plan);

        ck_assert_uint_eq(reply->size, 0);
        ck_assert_uint_eq(reply->data[NVA_REPLY_MAX - 1], 0);
        reply->size = 60;
        reply->data[NVA_REPLY_MAX - 1] = 0xee;
    }
    note = nva_plan_note(&plan, NVA_NOTE_DROPPED, NVA_R_PROBE);
    ck_assert_int_eq(note->type, NVA_NOTE_DROPPED);
    ck_assert_int_eq(note->reason, NVA_R_PROBE);
    note->nve = 3;
    nva_deltas_add(&plan.deltas, NVA_DELTA_VN_DEL);
    plan.object = 9;
    nva_plan_refuse(&plan, NVA_R_LIMIT, "name");

    nva_plan_start(&plan, 50);
    ck_assert_int_eq(plan.verdict, NVA_OK);
    ck_assert_ptr_null(plan.field);
    ck_assert_uint_eq(plan.object, NVA_ID_NONE);
    ck_assert_uint_eq(plan.n_replies, 0);
    ck_assert_uint_eq(plan.n_notes, 0);
    ck_assert_uint_eq(plan.deltas.n, 0);
    ck_assert_uint_eq(nva_plan_reply(&plan)->data[NVA_REPLY_MAX - 1], 0);
    ck_assert_uint_eq(nva_plan_note(&plan, NVA_NOTE_NVE, NVA_OK)->nve, 0);
    nva_plan_uninit(&plan);
}
END_TEST

START_TEST(refusal_empties_the_deltas)
{
    struct nva_plan plan;

    nva_plan_init(&plan);
    nva_plan_start(&plan, 1);
    nva_deltas_add(&plan.deltas, NVA_DELTA_VN_PUT);
    ck_assert_int_eq(nva_plan_refuse(&plan, NVA_OK, NULL), NVA_OK);
    ck_assert_uint_eq(plan.deltas.n, 1);
    ck_assert_int_eq(nva_plan_refuse(&plan, NVA_R_VNI_TAKEN, "vni"),
                     NVA_R_VNI_TAKEN);
    ck_assert_int_eq(plan.verdict, NVA_R_VNI_TAKEN);
    ck_assert_str_eq(plan.field, "vni");
    ck_assert_uint_eq(plan.deltas.n, 0);
    nva_plan_uninit(&plan);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("event");
    TCase *tc = tcase_create("all");

    tcase_add_test(tc, words);
    tcase_add_test(tc, plan_starts_with_nothing_of_the_last);
    tcase_add_test(tc, refusal_empties_the_deltas);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
