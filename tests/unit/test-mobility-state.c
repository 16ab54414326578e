/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include "mobility.h"
#include "redirect.h"

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

static enum nva_reason
try_start(const enum nva_move_kind *kind)
{
    struct nva_request r = { .type = NVA_REQ_MOVE_START };

    ovs_strlcpy(r.move.vm, "vm101-1", sizeof r.move.vm);
    ovs_strlcpy(r.move.nve, "hv2", sizeof r.move.nve);
    r.move.has_kind = kind;
    r.move.kind = kind ? *kind : 0;
    r.move.n_ports = 1;
    ovs_strlcpy(r.move.ports[0].port, "tap1", NVA_PORT_NAME_MAX);
    fx_start(&fx);
    mobility_request(&fx.view, &r, &fx.plan);
    fx_apply_plan(&fx);
    return fx.plan.verdict;
}

static nva_id
start(enum nva_move_kind kind)
{
    ck_assert_int_eq(try_start(&kind), NVA_OK);
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

static void
say(enum nva_vm_state state)
{
    fx_start(&fx);
    mobility_vm_state(&fx.view, vm_id, state, &fx.plan);
    fx_apply_plan(&fx);
}

static enum nva_vm_state
state(void)
{
    return directory_vm(fx.dir, vm_id)->state;
}

static const struct nva_tsi *
tsi(void)
{
    return directory_tsi(fx.dir, tsi_id);
}

static enum nva_move_state
move_state(nva_id id)
{
    return directory_move(fx.dir, id)->state;
}

/* D21: off is off, with or without a move; told once. */
START_TEST(D21_a_vm_that_is_off_is_not_delivered_to)
{
    say(NVA_VM_SHUTDOWN);
    ck_assert(tsi()->stopped);
    ck_assert_int_eq(state(), NVA_VM_SHUTDOWN);
    ck_assert_int_eq(directory_vm(fx.dir, vm_id)->since, NOW);
    ck_assert_uint_eq(fx.plan.n_notes, 1);
    ck_assert_int_eq(fx.plan.notes[0].type, NVA_NOTE_VM);
    ck_assert_int_eq(fx.plan.notes[0].vm_state, NVA_VM_SHUTDOWN);
    say(NVA_VM_SHUTDOWN);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    ck_assert_uint_eq(fx.plan.n_notes, 0);
    say(NVA_VM_RUNNING);
    ck_assert(!tsi()->stopped);
    say(NVA_VM_PAUSED);
    ck_assert(!tsi()->stopped);
}
END_TEST

START_TEST(C3_a_hot_move_makes_its_vm_migrating_paused_running)
{
    nva_id id = start(NVA_MOVE_HOT);

    ck_assert_int_eq(state(), NVA_VM_MIGRATING);
    ask(NVA_REQ_MOVE_PAUSE, id);
    ck_assert_int_eq(state(), NVA_VM_PAUSED);
    ck_assert(tsi()->paused && !tsi()->stopped);
    ask(NVA_REQ_MOVE_ACTIVATE, id);
    ck_assert_int_eq(state(), NVA_VM_RUNNING);
}
END_TEST

START_TEST(C3_a_warm_move_suspends)
{
    nva_id id = start(NVA_MOVE_WARM);

    ask(NVA_REQ_MOVE_PAUSE, id);
    ck_assert_int_eq(state(), NVA_VM_SUSPENDED);
    ck_assert_ptr_nonnull(redirect_at(fx.dir, tsi_id, HV1));
    ask(NVA_REQ_MOVE_ACTIVATE, id);
    ck_assert_int_eq(state(), NVA_VM_RUNNING);
}
END_TEST

/* D21: stop comes before the destination is there. */
START_TEST(D21_a_cold_move_stops_without_a_redirect)
{
    nva_id id = start(NVA_MOVE_COLD);

    ck_assert_int_eq(state(), NVA_VM_RUNNING);
    fx_connect(&fx, HV2, false);
    ask(NVA_REQ_MOVE_PAUSE, id);
    ck_assert_ptr_nonnull(fx_stamp(&fx, id, NVA_STAMP_STOPPED));
    ck_assert_ptr_null(fx_stamp(&fx, id, NVA_STAMP_PAUSED));
    ck_assert_int_eq(state(), NVA_VM_SHUTDOWN);
    ck_assert(tsi()->stopped && !tsi()->paused);
    ck_assert_ptr_null(redirect_at(fx.dir, tsi_id, HV1));
    fx_connect(&fx, HV2, true);
    ask(NVA_REQ_MOVE_ACTIVATE, id);
    ck_assert_int_eq(state(), NVA_VM_RUNNING);
    ck_assert(!tsi()->stopped);
    ck_assert_uint_eq(tsi()->published.nve, HV2);
}
END_TEST

/* The word about the VM is the word about its move. */
START_TEST(C3_the_vms_state_stops_its_move)
{
    nva_id id = start(NVA_MOVE_COLD);

    say(NVA_VM_SHUTDOWN);
    ck_assert_int_eq(move_state(id), NVA_MS_PAUSED);
    /* Said by VM management: it stays so when the move is not made. */
    ask(NVA_REQ_MOVE_ABORT, id);
    ck_assert_int_eq(state(), NVA_VM_SHUTDOWN);
    ck_assert(tsi()->stopped);
}
END_TEST

START_TEST(C3_paused_pauses_a_hot_move_once_it_is_ready)
{
    nva_id id = start(NVA_MOVE_HOT);

    fx_unconfirm(&fx, HV2, NVA_OWNER_TSI, tsi_id);
    say(NVA_VM_PAUSED);
    ck_assert_int_eq(move_state(id), NVA_MS_PREPARED);
    fx.n_unconfirmed = 0;
    say(NVA_VM_MIGRATING);
    say(NVA_VM_PAUSED);
    ck_assert_int_eq(move_state(id), NVA_MS_PAUSED);
    ck_assert(tsi()->paused);
    say(NVA_VM_RUNNING);
    ck_assert_int_eq(move_state(id), NVA_MS_ABORTED);
    ck_assert_int_eq(state(), NVA_VM_RUNNING);
    ck_assert(!tsi()->paused);
}
END_TEST

START_TEST(C3_an_abort_gives_the_state_back)
{
    const enum nva_move_kind kind = _i;
    nva_id id = start(kind);

    ask(NVA_REQ_MOVE_PAUSE, id);
    ask(NVA_REQ_MOVE_ABORT, id);
    ck_assert_int_eq(state(), NVA_VM_RUNNING);
    ck_assert(!tsi()->stopped && !tsi()->paused);
}
END_TEST

START_TEST(C3_the_state_names_the_kind)
{
    static const struct {
        enum nva_vm_state state;
        enum nva_move_kind kind;
    } t[] = {
        { NVA_VM_RUNNING, NVA_MOVE_HOT }, { NVA_VM_SHUTDOWN, NVA_MOVE_COLD },
        { NVA_VM_SUSPENDED, NVA_MOVE_WARM },
        { NVA_VM_CRASHED, NVA_MOVE_FAILOVER },
    };

    say(t[_i].state);
    ck_assert_int_eq(try_start(NULL), NVA_OK);
    ck_assert_int_eq(directory_move(fx.dir, fx.plan.object)->kind,
                     t[_i].kind);
}
END_TEST

START_TEST(C3_a_vm_that_is_off_makes_no_hot_move)
{
    const enum nva_move_kind hot = NVA_MOVE_HOT, warm = NVA_MOVE_WARM;

    say(NVA_VM_SHUTDOWN);
    ck_assert_int_eq(try_start(&hot), NVA_R_VM_STATE);
    ck_assert_str_eq(fx.plan.field, "kind");
    ck_assert_str_eq(fx.plan.detail, "a VM that is shutdown makes no hot "
                     "move");
    ck_assert_int_eq(try_start(&warm), NVA_R_VM_STATE);
    start(NVA_MOVE_COLD);
    ck_assert_int_eq(try_start(&hot), NVA_R_IMMUTABLE);
}
END_TEST

/* Without a planned move, too: where it comes to run says what happened. */
START_TEST(C3_running_elsewhere_is_cold_warm_or_failover)
{
    static const struct {
        enum nva_vm_state state;
        enum nva_move_kind kind;
    } t[] = {
        { NVA_VM_SHUTDOWN, NVA_MOVE_COLD },
        { NVA_VM_SUSPENDED, NVA_MOVE_WARM },
        { NVA_VM_CRASHED, NVA_MOVE_FAILOVER },
        { NVA_VM_RUNNING, NVA_MOVE_HOT },
    };
    struct nva_place place = fx_place(HV2, "tap1");
    const struct nva_delta *d;

    say(t[_i].state);
    fx_start(&fx);
    mobility_place(&fx.view, tsi(), &place, &fx.plan);
    d = fx_delta(&fx, NVA_DELTA_MOVE_PUT, 0);
    ck_assert_ptr_nonnull(d);
    ck_assert_int_eq(d->move.kind, t[_i].kind);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("mobility-state");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, D21_a_vm_that_is_off_is_not_delivered_to);
    tcase_add_test(tc, C3_a_hot_move_makes_its_vm_migrating_paused_running);
    tcase_add_test(tc, C3_a_warm_move_suspends);
    tcase_add_test(tc, D21_a_cold_move_stops_without_a_redirect);
    tcase_add_test(tc, C3_the_vms_state_stops_its_move);
    tcase_add_test(tc, C3_paused_pauses_a_hot_move_once_it_is_ready);
    tcase_add_loop_test(tc, C3_an_abort_gives_the_state_back, NVA_MOVE_HOT,
                        NVA_MOVE_FAILOVER);
    tcase_add_loop_test(tc, C3_the_state_names_the_kind, 0, 4);
    tcase_add_test(tc, C3_a_vm_that_is_off_makes_no_hot_move);
    tcase_add_loop_test(tc, C3_running_elsewhere_is_cold_warm_or_failover, 0,
                        4);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
