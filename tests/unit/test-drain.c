/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include "drain.h"

#define NOW (1000 * NVA_SEC)

static struct fixture fx;

static void
setup(void)
{
    fx_init(&fx);
    fx.view.now = NOW;
}

static void
teardown(void)
{
    fx_uninit(&fx);
}

/* START for hv1 to the NVEs named in 'to' (until NULL). */
static enum nva_reason
start(const char *nve, uint32_t parallel, const char *const *to)
{
    struct nva_request r = { .type = NVA_REQ_DRAIN_START };

    ovs_strlcpy(r.drain.nve, nve, sizeof r.drain.nve);
    r.drain.parallel = parallel;
    for (; to && *to; to++) {
        ovs_strlcpy(r.drain.to[r.drain.n_to++], *to, sizeof r.drain.to[0]);
    }
    fx_start(&fx);
    drain_request(&fx.view, &r, &fx.plan);
    fx_apply_plan(&fx);
    return fx.plan.verdict;
}

static const char *const both[] = { "hv2", "hv3", NULL };
static const char *const hv2[] = { "hv2", NULL };

static enum nva_reason
stop(const char *nve)
{
    struct nva_request r = { .type = NVA_REQ_DRAIN_STOP };

    ovs_strlcpy(r.drain.nve, nve, sizeof r.drain.nve);
    fx_start(&fx);
    drain_request(&fx.view, &r, &fx.plan);
    fx_apply_plan(&fx);
    return fx.plan.verdict;
}

/* Steps until nothing is due; returns how many there were. */
static size_t
run(void)
{
    size_t n = 0;

    for (nva_id nve; (nve = drain_due(&fx.view)) != NVA_ID_NONE; n++) {
        uint64_t version = directory_version(fx.dir);

        ck_assert_uint_lt(n, 1000);
        fx_start(&fx);
        drain_step(&fx.view, nve, &fx.plan);
        ck_assert_int_eq(fx.plan.verdict, NVA_OK);
        fx_apply_plan(&fx);
        ck_assert_uint_gt(directory_version(fx.dir), version);
    }
    return n;
}

static const struct nva_drain *
drain(void)
{
    return directory_drain(fx.dir, HV1);
}

static bool
count_cb(const struct nva_vm *vm OVS_UNUSED, enum drain_standing standing,
         void *n)
{
    ((size_t *) n)[standing]++;
    return true;
}

static size_t
n_of(enum drain_standing standing)
{
    size_t n[DRAIN_REFUSED + 1] = { 0 };

    drain_each_vm(&fx.view, drain(), count_cb, n);
    return n[standing];
}

static void
vms(int n)
{
    for (int i = 1; i <= n; i++) {
        fx_vm(&fx, RED, i, NULL, HV1, "tap1");
    }
}

/* The 'i'th move of the drain goes to 'state'; by then its VM is there. */
static void
move_goes(size_t i, enum nva_move_state state)
{
    struct nva_delta m = { .type = NVA_DELTA_MOVE_PUT,
                           .id = drain()->moves[i] };
    struct nva_delta vm = { .type = NVA_DELTA_VM_PUT };
    struct nva_tsi tsi;

    m.move = *directory_move(fx.dir, m.id);
    m.move.state = state;
    m.move.end_reason = state == NVA_MS_ABORTED ? NVA_R_CALLER : NVA_OK;
    tsi = *directory_tsi(fx.dir, m.move.ifs[0].tsi);
    tsi.prepared = fx_nowhere();
    if (state == NVA_MS_SWITCHING || state == NVA_MS_DRAINING) {
        tsi.current = tsi.published = fx_place(m.move.to_nve, "tap1");
    }
    fx_tsi_put(&fx, &tsi);
    fx_apply(&fx, &m);
    vm.vm = *directory_vm(fx.dir, m.move.vm);
    vm.id = vm.vm.id;
    vm.vm.move = state < NVA_MS_DONE ? m.id : NVA_ID_NONE;
    fx_apply(&fx, &vm);
}

START_TEST(begins_no_more_than_parallel)
{
    vms(10);
    ck_assert_int_eq(start("hv1", 3, both), NVA_OK);
    ck_assert_uint_eq(run(), 3);
    ck_assert_uint_eq(drain()->n_moves, 3);
    ck_assert_uint_eq(n_of(DRAIN_UNDER_WAY), 3);
    ck_assert_uint_eq(n_of(DRAIN_WAITING), 7);
    ck_assert_uint_eq(directory_n_moves_active(fx.dir), 3);
    ck_assert_int_eq(drain()->state, NVA_DRAIN_RUNNING);
}
END_TEST

START_TEST(one_through_one_begun)
{
    vms(4);
    ck_assert_int_eq(start("hv1", 1, hv2), NVA_OK);
    run();
    for (int i = 1; i <= 4; i++) {
        ck_assert_uint_eq(drain()->n_moves, 1);
        move_goes(0, NVA_MS_SWITCHING);
        ck_assert_uint_eq(drain_due(&fx.view), NVA_ID_NONE);
        move_goes(0, NVA_MS_CONVERGING);
        ck_assert_uint_eq(drain_due(&fx.view), NVA_ID_NONE);
        /* Its redirect is in nobody's way. */
        move_goes(0, NVA_MS_DRAINING);
        run();
        ck_assert_uint_eq(drain()->done, i);
    }
    ck_assert_int_eq(drain()->state, NVA_DRAIN_FINISHED);
    ck_assert_int_eq(drain()->ended, NOW);
    ck_assert_uint_eq(drain_due(&fx.view), NVA_ID_NONE);
}
END_TEST

START_TEST(least_occupied_first)
{
    size_t n2 = 0;

    fx_vm(&fx, BLUE, 90, NULL, HV2, "tap2");
    fx_vm(&fx, BLUE, 91, NULL, HV2, "tap2");
    vms(6);
    ck_assert_int_eq(start("hv1", 6, both), NVA_OK);
    run();
    for (size_t i = 0; i < drain()->n_moves; i++) {
        n2 += directory_move(fx.dir, drain()->moves[i])->to_nve == HV2;
    }
    ck_assert_uint_eq(n2, 2);
    ck_assert_uint_eq(directory_n_places(fx.dir, HV2), 4);
    ck_assert_uint_eq(directory_n_places(fx.dir, HV3), 4);
}
END_TEST

START_TEST(taken_back_is_given_up)
{
    nva_id vm, attempt;

    vms(2);
    ck_assert_int_eq(start("hv1", 1, hv2), NVA_OK);
    run();
    vm = directory_move(fx.dir, drain()->moves[0])->vm;
    move_goes(0, NVA_MS_ABORTED);
    run();
    ck_assert_uint_eq(n_of(DRAIN_REFUSED), 1);
    ck_assert_int_eq(directory_vm(fx.dir, vm)->drain_refusal, NVA_R_CALLER);
    /* The other one goes on. */
    ck_assert_uint_ne(directory_move(fx.dir, drain()->moves[0])->vm, vm);
    move_goes(0, NVA_MS_DRAINING);
    run();
    ck_assert_int_eq(drain()->state, NVA_DRAIN_FINISHED);
    ck_assert_uint_eq(drain()->done, 1);
    ck_assert_uint_eq(n_of(DRAIN_REFUSED), 1);

    /* Asked again, it is tried again, to where it was. */
    attempt = drain()->attempt;
    ck_assert_int_eq(start("hv1", 0, NULL), NVA_OK);
    ck_assert_uint_gt(drain()->attempt, attempt);
    run();
    ck_assert_uint_eq(n_of(DRAIN_REFUSED), 0);
    ck_assert_uint_eq(directory_move(fx.dir, drain()->moves[0])->vm, vm);
    ck_assert_uint_eq(drain()->parallel, 1);
}
END_TEST

START_TEST(no_room_is_waited_for)
{
    vms(3);
    fx_connect(&fx, HV2, false);
    ck_assert_int_eq(start("hv1", 3, hv2), NVA_OK);
    ck_assert_uint_eq(run(), 0);
    ck_assert_int_eq(drain()->state, NVA_DRAIN_RUNNING);
    ck_assert_uint_eq(n_of(DRAIN_WAITING), 3);
    fx_connect(&fx, HV2, true);
    ck_assert_uint_eq(run(), 3);
}
END_TEST

START_TEST(stopped_begins_nothing)
{
    vms(4);
    ck_assert_int_eq(start("hv1", 2, hv2), NVA_OK);
    run();
    ck_assert_int_eq(stop("hv1"), NVA_OK);
    ck_assert_int_eq(stop("hv1"), NVA_OK);
    ck_assert_int_eq(drain()->state, NVA_DRAIN_STOPPED);
    ck_assert_int_eq(drain()->ended, 0);
    ck_assert_uint_eq(run(), 0);
    move_goes(1, NVA_MS_DRAINING);
    run();
    ck_assert_uint_eq(drain()->n_moves, 1);
    move_goes(0, NVA_MS_ABORTED);
    run();
    ck_assert_int_eq(drain()->state, NVA_DRAIN_STOPPED);
    ck_assert_int_eq(drain()->ended, NOW);
    ck_assert_uint_eq(drain()->done, 1);
    /* A new one counts anew. */
    ck_assert_int_eq(start("hv1", 2, NULL), NVA_OK);
    ck_assert_uint_eq(drain()->done, 0);
    ck_assert_uint_eq(run(), 2);
}
END_TEST

START_TEST(others_moves_are_awaited)
{
    nva_id tsi = fx_vm(&fx, RED, 1, NULL, HV1, "tap1");

    fx_move(&fx, tsi, NVA_MS_PREPARED, fx_place(HV1, "tap1"),
            fx_place(HV3, "tap1"));
    ck_assert_int_eq(start("hv1", 2, hv2), NVA_OK);
    ck_assert_uint_eq(run(), 0);
    ck_assert_uint_eq(n_of(DRAIN_UNDER_WAY), 1);
    ck_assert_int_eq(drain()->state, NVA_DRAIN_RUNNING);
}
END_TEST

START_TEST(two_interfaces_one_vm)
{
    nva_id first = fx_vm(&fx, RED, 1, NULL, HV1, "tap1");

    fx_second(&fx, first, 2);
    ck_assert_int_eq(start("hv1", 8, hv2), NVA_OK);
    ck_assert_uint_eq(n_of(DRAIN_WAITING), 1);
    ck_assert_uint_eq(run(), 1);
    ck_assert_uint_eq(directory_move(fx.dir, drain()->moves[0])->n_ifs, 2);
}
END_TEST

START_TEST(an_empty_nve_is_finished_at_once)
{
    ck_assert_int_eq(start("hv1", 8, hv2), NVA_OK);
    ck_assert_uint_eq(run(), 1);
    ck_assert_int_eq(drain()->state, NVA_DRAIN_FINISHED);
}
END_TEST

/* What this attempt has given up is passed over; the next one tries it. */
START_TEST(given_up_is_passed_over_and_tried_again)
{
    nva_id tsi = fx_vm(&fx, RED, 1, NULL, HV1, "tap1");
    struct nva_delta d = { .type = NVA_DELTA_VM_PUT };
    struct nva_request r = { .type = NVA_REQ_DRAIN_START };

    fx_vm(&fx, RED, 2, NULL, HV1, "tap1");
    ck_assert_int_eq(start("hv1", 4, both), NVA_OK);
    d.id = directory_tsi(fx.dir, tsi)->vm;
    d.vm = *directory_vm(fx.dir, d.id);
    d.vm.drain = drain()->attempt;
    d.vm.drain_refusal = NVA_R_LIMIT;
    fx_apply(&fx, &d);
    ck_assert_uint_eq(run(), 1);
    ck_assert_uint_eq(n_of(DRAIN_REFUSED), 1);
    ck_assert_uint_eq(n_of(DRAIN_UNDER_WAY), 1);

    /* The timeout is each move's; asked again, it stays. */
    ovs_strlcpy(r.drain.nve, "hv1", sizeof r.drain.nve);
    r.drain.timeout = 7;
    fx_start(&fx);
    drain_request(&fx.view, &r, &fx.plan);
    ck_assert_int_eq(fx.plan.verdict, NVA_OK);
    fx_apply_plan(&fx);
    ck_assert_int_eq(start("hv1", 0, NULL), NVA_OK);
    run();
    ck_assert_uint_eq(drain()->n_moves, 2);
    ck_assert_uint_eq(directory_move(fx.dir, drain()->moves[1])->timeout, 7);
    r.drain.timeout = NVA_MOVE_TIMEOUT_MAX + 1;
    fx_start(&fx);
    drain_request(&fx.view, &r, &fx.plan);
    ck_assert_int_eq(fx.plan.verdict, NVA_R_BAD_VALUE);
    ck_assert_str_eq(fx.plan.field, "timeout");
}
END_TEST

START_TEST(refusals)
{
    static const char *const self[] = { "hv2", "hv1", NULL };
    static const char *const unknown[] = { "hv9", NULL };
    static const char *const hv1[] = { "hv1", NULL };

    vms(1);
    ck_assert_int_eq(start("hv9", 1, hv2), NVA_R_NOT_FOUND);
    ck_assert_int_eq(start("hv1", 1, unknown), NVA_R_NOT_FOUND);
    ck_assert_str_eq(fx.plan.field, "to");
    ck_assert_int_eq(start("hv1", 1, self), NVA_R_SAME_PLACE);
    ck_assert_int_eq(start("hv1", 1, NULL), NVA_R_MISSING_FIELD);
    ck_assert_int_eq(start("hv1", NVA_DRAIN_PARALLEL_MAX + 1, hv2),
                     NVA_R_BAD_VALUE);
    ck_assert_int_eq(stop("hv1"), NVA_R_NOT_FOUND);
    ck_assert_ptr_null(drain());
    ck_assert_int_eq(start("hv1", 1, hv2), NVA_OK);
    ck_assert_int_eq(start("hv2", 1, hv1), NVA_R_DRAINING);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("drain");
    Suite *suite = suite_create("drain");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, begins_no_more_than_parallel);
    tcase_add_test(tc, one_through_one_begun);
    tcase_add_test(tc, least_occupied_first);
    tcase_add_test(tc, taken_back_is_given_up);
    tcase_add_test(tc, no_room_is_waited_for);
    tcase_add_test(tc, stopped_begins_nothing);
    tcase_add_test(tc, others_moves_are_awaited);
    tcase_add_test(tc, two_interfaces_one_vm);
    tcase_add_test(tc, an_empty_nve_is_finished_at_once);
    tcase_add_test(tc, given_up_is_passed_over_and_tried_again);
    tcase_add_test(tc, refusals);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
