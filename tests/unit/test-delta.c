/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

START_TEST(words_go_both_ways)
{
    enum nva_binding binding = NVA_BINDING_STRICT;
    enum nva_unknown_question question = NVA_UQ_FLOOD;
    enum nva_unknown_unicast unicast = NVA_UU_QUERY;
    enum nva_move_kind kind = NVA_MOVE_HOT;

    ck_assert(nva_binding_from_word("learn", &binding));
    ck_assert_int_eq(binding, NVA_BINDING_LEARN);
    ck_assert_str_eq(nva_binding_word(binding), "learn");
    ck_assert(nva_unknown_question_from_word("drop", &question));
    ck_assert_str_eq(nva_unknown_question_word(question), "drop");
    ck_assert(nva_unknown_unicast_from_word("flood", &unicast));
    ck_assert_str_eq(nva_unknown_unicast_word(unicast), "flood");
    ck_assert(nva_move_kind_from_word("failover", &kind));
    ck_assert_str_eq(nva_move_kind_word(kind), "failover");
    ck_assert_str_eq(nva_origin_word(NVA_ORIGIN_LEARNED), "learned");
    ck_assert_str_eq(nva_move_cause_word(NVA_CAUSE_ANNOUNCED), "announced");
    ck_assert_str_eq(nva_move_state_word(NVA_MS_CONVERGING), "converging");
    ck_assert_str_eq(nva_stamp_word(NVA_STAMP_GATE_PASSED), "gate passed");
    ck_assert_str_eq(nva_delta_type_word(NVA_DELTA_TSI_PUT), "tsi_put");
}
END_TEST

START_TEST(unknown_words_change_nothing)
{
    enum nva_binding binding = NVA_BINDING_LEARN;
    enum nva_move_kind kind = NVA_MOVE_COLD;

    ck_assert(!nva_binding_from_word("Learn", &binding));
    ck_assert(!nva_binding_from_word("", &binding));
    ck_assert_int_eq(binding, NVA_BINDING_LEARN);
    ck_assert(!nva_move_kind_from_word("warmer", &kind));
    ck_assert_int_eq(kind, NVA_MOVE_COLD);
    ck_assert_str_eq(nva_move_state_word(NVA_N_MOVE_STATES), "?");
}
END_TEST

START_TEST(C1_vm_states_are_those_of_rfc7666)
{
    static const char *const words[] = {
        NULL, "unknown", "other", "preparing", "running", "suspending",
        "suspended", "resuming", "paused", "migrating", "shuttingdown",
        "shutdown", "crashed",
    };
    enum nva_vm_state state;

    for (int i = 1; i <= 12; i++) {
        ck_assert_str_eq(nva_vm_state_word(i), words[i]);
        ck_assert(nva_vm_state_from_word(words[i], &state));
        ck_assert_int_eq(state, i);
    }
    ck_assert_str_eq(nva_vm_state_word(0), "?");
}
END_TEST

/* What was given stays in front, and as many as there were. */
START_TEST(an_address_is_taken_from_an_interface)
{
    struct nva_tsi t = { .n_ips = 3, .n_given = 2 };

    for (uint8_t i = 0; i < 3; i++) {
        t.ips[i].s6_addr[15] = i + 1;
    }
    nva_tsi_drop_ip(&t, &(struct in6_addr) { .s6_addr[15] = 9 });
    ck_assert(t.n_ips == 3 && t.n_given == 2);
    nva_tsi_drop_ip(&t, &(struct in6_addr) { .s6_addr[15] = 3 });
    ck_assert(t.n_ips == 2 && t.n_given == 2);
    nva_tsi_drop_ip(&t, &(struct in6_addr) { .s6_addr[15] = 1 });
    ck_assert(t.n_ips == 1 && t.n_given == 1);
    ck_assert_uint_eq(t.ips[0].s6_addr[15], 2);
    ck_assert(IN6_IS_ADDR_UNSPECIFIED(&t.ips[1]));
}
END_TEST

START_TEST(list_grows_zeroed_and_is_reused)
{
    struct nva_deltas deltas;

    nva_deltas_init(&deltas);
    for (int i = 0; i < 100; i++) {
        struct nva_delta *d = nva_deltas_add(&deltas, NVA_DELTA_TSI_PUT);

        ck_assert_int_eq(d->type, NVA_DELTA_TSI_PUT);
        ck_assert_uint_eq(d->id, 0);
        ck_assert_uint_eq(d->tsi.n_ips, 0);
        d->id = i + 1;
        d->tsi.n_ips = 7;
    }
    ck_assert_uint_eq(deltas.n, 100);
    ck_assert_uint_eq(deltas.a[99].id, 100);

    nva_deltas_clear(&deltas);
    ck_assert_uint_eq(deltas.n, 0);
    ck_assert_uint_eq(nva_deltas_add(&deltas, NVA_DELTA_VN_DEL)->id, 0);
    nva_deltas_uninit(&deltas);
    ck_assert_ptr_null(deltas.a);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("delta");
    TCase *tc = tcase_create("all");

    tcase_add_test(tc, words_go_both_ways);
    tcase_add_test(tc, unknown_words_change_nothing);
    tcase_add_test(tc, C1_vm_states_are_those_of_rfc7666);
    tcase_add_test(tc, an_address_is_taken_from_an_interface);
    tcase_add_test(tc, list_grows_zeroed_and_is_reused);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
