/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include "story.h"

static struct fixture fx;
static nva_id tsi, vm;

static void
setup(void)
{
    fx_init(&fx);
    fx.view.now = 500 * NVA_SEC;
    tsi = fx_vm(&fx, RED, 1, "10.0.0.1", HV1, "tap1");
    vm = directory_tsi(fx.dir, tsi)->vm;
    fx_start(&fx);
}

static void
teardown(void)
{
    fx_uninit(&fx);
}

static nva_id
add_move(enum nva_move_state state)
{
    nva_id id = fx_move(&fx, tsi, state, fx_place(HV1, "tap1"),
                        fx_place(HV2, "tap1"));

    fx_start(&fx);
    return id;
}

START_TEST(a_stamp_says_all)
{
    const struct nva_stamp about = {
        .kind = NVA_STAMP_REDIRECT_OFF, .when = 8, .nve = HV1, .other = HV2,
        .reason = NVA_R_LATE, .count = 99,
    };
    const struct nva_stamp *s;

    story_stamp(&fx.plan, 77, NVA_STAMP_READY, 7, HV3, NVA_R_CALLER);
    story_stamp_about(&fx.plan, 78, &about);
    ck_assert_uint_eq(fx.plan.deltas.n, 2);
    s = fx_stamp(&fx, 77, NVA_STAMP_READY);
    ck_assert_ptr_nonnull(s);
    ck_assert_int_eq(s->when, 7);
    ck_assert_uint_eq(s->nve, HV3);
    ck_assert_int_eq(s->reason, NVA_R_CALLER);
    s = fx_stamp(&fx, 78, NVA_STAMP_REDIRECT_OFF);
    ck_assert_ptr_nonnull(s);
    ck_assert_mem_eq(s, &about, sizeof about);
}
END_TEST

START_TEST(no_move_no_stamp)
{
    const struct nva_stamp about = { .kind = NVA_STAMP_DONE };

    story_stamp(&fx.plan, NVA_ID_NONE, NVA_STAMP_READY, 7, HV3, NVA_OK);
    story_stamp_about(&fx.plan, NVA_ID_NONE, &about);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
}
END_TEST

START_TEST(put_twice_is_one_delta)
{
    struct nva_move a = { .id = 77, .vm = vm }, b = { .id = 78, .vm = vm };

    story_put(&fx.plan, &a);
    story_put(&fx.plan, &b);
    story_stamp(&fx.plan, 77, NVA_STAMP_READY, 7, HV3, NVA_OK);
    a.ready = true;
    story_put(&fx.plan, &a);
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_MOVE_PUT), 2);
    ck_assert_uint_eq(fx.plan.deltas.a[0].id, 77);
    ck_assert(fx.plan.deltas.a[0].move.ready);
    ck_assert(!fx.plan.deltas.a[1].move.ready);
}
END_TEST

START_TEST(an_interface_is_as_the_plan_leaves_it)
{
    struct nva_tsi t = *directory_tsi(fx.dir, tsi);

    ck_assert_ptr_eq(story_tsi(&fx.view, &fx.plan, tsi),
                     directory_tsi(fx.dir, tsi));
    ck_assert_ptr_null(story_tsi(&fx.view, &fx.plan, 9999));
    t.paused = true;
    story_put_tsi(&fx.plan, &t);
    ck_assert(story_tsi(&fx.view, &fx.plan, tsi)->paused);
    t.prepared = fx_place(HV2, "tap1");
    story_put_tsi(&fx.plan, &t);
    ck_assert_uint_eq(fx.plan.deltas.n, 1);
    ck_assert_uint_eq(story_tsi(&fx.view, &fx.plan, tsi)->prepared.nve, HV2);
    nva_deltas_add(&fx.plan.deltas, NVA_DELTA_TSI_DEL)->id = tsi;
    ck_assert_ptr_null(story_tsi(&fx.view, &fx.plan, tsi));
}
END_TEST

START_TEST(begin_puts_links_and_notes)
{
    struct nva_move move = { .vm = vm, .to_nve = HV2 };
    nva_id id = fx.plan.next_id;
    const struct nva_delta *d;
    const struct nva_note *n;

    ck_assert_ptr_null(story_active(&fx.view, &fx.plan, vm));
    story_begin(&fx.view, &fx.plan, &move, NVA_MS_PREPARED, NVA_R_CALLER);
    ck_assert_uint_eq(move.id, id);
    ck_assert_uint_eq(fx.plan.next_id, id + 1);

    d = fx_delta(&fx, NVA_DELTA_MOVE_PUT, id);
    ck_assert_ptr_nonnull(d);
    ck_assert_uint_eq(d->move.id, id);
    ck_assert_int_eq(d->move.state, NVA_MS_PREPARED);
    ck_assert_int_eq(d->move.started, fx.view.now);
    ck_assert_int_eq(d->move.ended, 0);
    ck_assert_str_eq(d->move.vm_name, directory_vm(fx.dir, vm)->name);

    d = fx_delta(&fx, NVA_DELTA_VM_PUT, vm);
    ck_assert_ptr_nonnull(d);
    ck_assert_uint_eq(d->vm.move, id);
    ck_assert_str_eq(d->vm.name, directory_vm(fx.dir, vm)->name);
    ck_assert_int_eq(d->vm.state, NVA_VM_RUNNING);

    ck_assert_uint_eq(fx.plan.n_notes, 1);
    n = fx_move_note(&fx, id, NVA_MS_PREPARED);
    ck_assert_ptr_nonnull(n);
    ck_assert_int_eq(n->reason, NVA_R_CALLER);
    ck_assert_uint_eq(n->vm, vm);
    ck_assert_uint_eq(n->nve, HV2);
    ck_assert_ptr_eq(story_active(&fx.view, &fx.plan, vm),
                     &fx_delta(&fx, NVA_DELTA_MOVE_PUT, id)->move);
}
END_TEST

START_TEST(active_is_what_the_plan_leaves)
{
    nva_id old = add_move(NVA_MS_SWITCHING);
    struct nva_move move = *directory_move(fx.dir, old);
    struct nva_move newer = { .vm = vm, .to_nve = HV3 };

    ck_assert_ptr_eq(story_active(&fx.view, &fx.plan, vm),
                     directory_move(fx.dir, old));
    move.ready = true;
    story_put(&fx.plan, &move);
    ck_assert(story_active(&fx.view, &fx.plan, vm)->ready);
    story_go(&fx.view, &fx.plan, &move, NVA_MS_SUPERSEDED, NVA_OK);
    ck_assert_ptr_null(story_active(&fx.view, &fx.plan, vm));
    story_begin(&fx.view, &fx.plan, &newer, NVA_MS_SWITCHING, NVA_OK);
    ck_assert_uint_eq(story_active(&fx.view, &fx.plan, vm)->id, newer.id);

    /* The VM is put once, with its last link. */
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_VM_PUT), 1);
    ck_assert_uint_eq(fx_delta(&fx, NVA_DELTA_VM_PUT, vm)->vm.move, newer.id);
}
END_TEST

START_TEST(active_is_of_that_vm)
{
    nva_id other = directory_tsi(fx.dir, fx_vm(&fx, RED, 2, NULL, HV1,
                                               "tap1"))->vm;

    add_move(NVA_MS_SWITCHING);
    ck_assert_ptr_null(story_active(&fx.view, &fx.plan, other));
    ck_assert_ptr_null(story_active(&fx.view, &fx.plan, 9999));
}
END_TEST

/* A state on the way: noted; not put, not unlinked. */
START_TEST(go_on)
{
    struct nva_move move = *directory_move(fx.dir, add_move(NVA_MS_PREPARED));

    story_go(&fx.view, &fx.plan, &move, NVA_MS_PAUSED, NVA_R_CALLER);
    ck_assert_int_eq(move.state, NVA_MS_PAUSED);
    ck_assert_int_eq(move.ended, 0);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    ck_assert_uint_eq(fx.plan.n_notes, 1);
    ck_assert_int_eq(fx_move_note(&fx, move.id, NVA_MS_PAUSED)->reason,
                     NVA_R_CALLER);
}
END_TEST

START_TEST(an_ended_move_is_unlinked)
{
    struct nva_move move = *directory_move(fx.dir, add_move(NVA_MS_DRAINING));

    story_go(&fx.view, &fx.plan, &move, NVA_MS_DONE, NVA_R_EVIDENCE);
    ck_assert_int_eq(move.ended, fx.view.now);
    ck_assert_int_eq(move.end_reason, NVA_R_EVIDENCE);
    ck_assert_uint_eq(fx.plan.deltas.n, 1);
    ck_assert_uint_eq(fx_delta(&fx, NVA_DELTA_VM_PUT, vm)->vm.move,
                      NVA_ID_NONE);
    ck_assert_ptr_nonnull(fx_move_note(&fx, move.id, NVA_MS_DONE));
}
END_TEST

START_TEST(an_unwinding_move_stays_linked)
{
    struct nva_move move = *directory_move(fx.dir, add_move(NVA_MS_PAUSED));

    move.unwinding = true;
    story_go(&fx.view, &fx.plan, &move, NVA_MS_ABORTED, NVA_R_CALLER);
    ck_assert_int_eq(move.ended, fx.view.now);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    ck_assert_uint_eq(fx.plan.n_notes, 1);

    story_unlink(&fx.view, &fx.plan, &move);
    ck_assert_uint_eq(fx_delta(&fx, NVA_DELTA_VM_PUT, vm)->vm.move,
                      NVA_ID_NONE);
    ck_assert_uint_eq(fx.plan.n_notes, 1);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("story");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_stamp_says_all);
    tcase_add_test(tc, no_move_no_stamp);
    tcase_add_test(tc, put_twice_is_one_delta);
    tcase_add_test(tc, an_interface_is_as_the_plan_leaves_it);
    tcase_add_test(tc, begin_puts_links_and_notes);
    tcase_add_test(tc, active_is_what_the_plan_leaves);
    tcase_add_test(tc, active_is_of_that_vm);
    tcase_add_test(tc, go_on);
    tcase_add_test(tc, an_ended_move_is_unlinked);
    tcase_add_test(tc, an_unwinding_move_stays_linked);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
