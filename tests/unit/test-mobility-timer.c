/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include "mobility.h"

static struct fixture fx;
static nva_id tsi_id, vm_id;            /* In red, at hv1 tap1. */

#define NOW (1000 * NVA_SEC)

static void
setup(void)
{
    fx_init(&fx);
    fx.view.now = NOW;
    tsi_id = fx_vm(&fx, RED, 1, "10.0.0.1", HV1, "tap1");
    vm_id = directory_tsi(fx.dir, tsi_id)->vm;
    fx_start(&fx);
}

static void
teardown(void)
{
    fx_uninit(&fx);
}

static nva_id
start(enum nva_move_kind kind, uint32_t timeout, uint32_t refresh,
      const char *port)
{
    struct nva_request r = { .type = NVA_REQ_MOVE_START };

    ovs_strlcpy(r.move.vm, "vm101-1", sizeof r.move.vm);
    ovs_strlcpy(r.move.nve, "hv2", sizeof r.move.nve);
    r.move.has_kind = true;
    r.move.kind = kind;
    r.move.timeout = timeout;
    r.move.refresh = refresh;
    r.move.n_ports = 1;
    ovs_strlcpy(r.move.ports[0].port, port, NVA_PORT_NAME_MAX);
    fx_start(&fx);
    mobility_request(&fx.view, &r, &fx.plan);
    ck_assert_int_eq(fx.plan.verdict, NVA_OK);
    fx_apply_plan(&fx);
    return fx.plan.object;
}

static void
ask(enum nva_request_type type, nva_id id)
{
    struct nva_request r = { .type = type, .move = { .id = id } };

    fx_start(&fx);
    mobility_request(&fx.view, &r, &fx.plan);
    ck_assert_int_eq(fx.plan.verdict, NVA_OK);
    fx_apply_plan(&fx);
}

/* The time that mobility asked for has come. */
static void
time_comes(void)
{
    fx.view.now = mobility_deadline(&fx.view);
    fx_start(&fx);
    mobility_timer(&fx.view, &fx.plan);
    fx_apply_plan(&fx);
}

START_TEST(D16_a_move_without_a_bound_waits_for_ever)
{
    start(NVA_MOVE_HOT, 0, 0, "tap1");
    ck_assert_int_eq(mobility_deadline(&fx.view), NVA_NEVER);
}
END_TEST

/* Nothing of it stays, and its VM's state is what it was. */
START_TEST(D16_a_move_that_never_happens_times_out)
{
    nva_id id = start(NVA_MOVE_HOT, 30, 0, "tap1");

    ck_assert_int_eq(directory_vm(fx.dir, vm_id)->state, NVA_VM_MIGRATING);
    ck_assert_int_eq(mobility_deadline(&fx.view), NOW + 30 * NVA_SEC);
    fx.view.now = NOW + 30 * NVA_SEC - 1;
    fx_start(&fx);
    mobility_timer(&fx.view, &fx.plan);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);

    time_comes();
    const struct nva_move *move = directory_move(fx.dir, id);
    ck_assert_int_eq(move->state, NVA_MS_FAILED);
    ck_assert_int_eq(move->end_reason, NVA_R_TIMED_OUT);
    ck_assert_ptr_nonnull(fx_stamp(&fx, id, NVA_STAMP_FAILED));
    ck_assert_ptr_nonnull(fx_move_note(&fx, id, NVA_MS_FAILED));
    ck_assert_int_eq(directory_vm(fx.dir, vm_id)->state, NVA_VM_RUNNING);
    ck_assert_uint_eq(directory_vm(fx.dir, vm_id)->move, NVA_ID_NONE);
    ck_assert(!nva_place_is_set(&directory_tsi(fx.dir, tsi_id)->prepared));
    ck_assert_int_eq(mobility_deadline(&fx.view), NVA_NEVER);
}
END_TEST

START_TEST(D16_a_paused_move_times_out_and_unwinds)
{
    nva_id id = start(NVA_MOVE_HOT, 30, 0, "tap1");

    ask(NVA_REQ_MOVE_PAUSE, id);
    time_comes();
    ck_assert_int_eq(directory_move(fx.dir, id)->state, NVA_MS_FAILED);
    ck_assert(directory_move(fx.dir, id)->unwinding);
    ck_assert(!directory_tsi(fx.dir, tsi_id)->paused);
    ck_assert(nva_place_is_set(&directory_tsi(fx.dir, tsi_id)->prepared));
}
END_TEST

START_TEST(D16_the_reason_says_what_was_missing)
{
    nva_id id = start(NVA_MOVE_HOT, 1, 0, "tap9");

    time_comes();
    ck_assert_int_eq(directory_move(fx.dir, id)->end_reason,
                     NVA_R_PORT_ABSENT);
    id = start(NVA_MOVE_HOT, 1, 0, "tap9");
    fx_connect(&fx, HV2, false);
    time_comes();
    ck_assert_int_eq(directory_move(fx.dir, id)->end_reason,
                     NVA_R_DESTINATION_DOWN);
}
END_TEST

START_TEST(D16_a_switched_move_never_times_out)
{
    nva_id id = start(NVA_MOVE_WARM, 1, 0, "tap1");

    ask(NVA_REQ_MOVE_ACTIVATE, id);
    ck_assert_int_eq(mobility_deadline(&fx.view), NVA_NEVER);
}
END_TEST

/* At an interval, and said: what has confirmed and what has not. */
START_TEST(D22_a_warm_move_is_refreshed)
{
    nva_id id = start(NVA_MOVE_WARM, 0, 5, "tap1");
    const struct nva_stamp *stamp;
    size_t n;

    ck_assert_int_eq(mobility_deadline(&fx.view), NOW + 5 * NVA_SEC);
    time_comes();
    stamp = fx_stamp(&fx, id, NVA_STAMP_REFRESHED);
    ck_assert_ptr_nonnull(stamp);
    ck_assert_int_eq(stamp->reason, NVA_OK);
    ck_assert_uint_eq(stamp->nve, HV2);
    ck_assert_uint_gt(fx.plan.n_replies, 0);    /* Warm tunnels. */
    ck_assert_int_eq(mobility_deadline(&fx.view), NOW + 10 * NVA_SEC);

    /* Its addresses are answered there, too, or it is not current. */
    fx_unconfirm(&fx, HV2, NVA_OWNER_ADDRESS, tsi_id);
    time_comes();
    stamp = fx_stamp(&fx, id, NVA_STAMP_REFRESHED);
    ck_assert_int_eq(stamp->reason, NVA_R_NOT_READY);

    /* Days of it are one entry. */
    fx.n_unconfirmed = 0;
    for (int i = 0; i < 1000; i++) {
        time_comes();
    }
    stamp = directory_move_stamps(fx.dir, id, &n);
    ck_assert_uint_lt(n, 8);
    ck_assert_int_eq(stamp[n - 1].kind, NVA_STAMP_REFRESHED);
    ck_assert_uint_eq(stamp[n - 1].count, 1000);
    ck_assert_int_eq(stamp[n - 1].when, fx.view.now);
}
END_TEST

START_TEST(D22_an_interval_has_a_default)
{
    start(NVA_MOVE_WARM, 0, 0, "tap1");
    ck_assert_int_eq(mobility_deadline(&fx.view),
                     NOW + NVA_WARM_REFRESH_DEFAULT * NVA_SEC);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("mobility-timer");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, D16_a_move_without_a_bound_waits_for_ever);
    tcase_add_test(tc, D16_a_move_that_never_happens_times_out);
    tcase_add_test(tc, D16_a_paused_move_times_out_and_unwinds);
    tcase_add_test(tc, D16_the_reason_says_what_was_missing);
    tcase_add_test(tc, D16_a_switched_move_never_times_out);
    tcase_add_test(tc, D22_a_warm_move_is_refreshed);
    tcase_add_test(tc, D22_an_interval_has_a_default);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
