/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include "converge.h"

static struct fixture fx;
static nva_id tsi_id;
static struct nva_place here, there;

#define NOW (1000 * NVA_SEC)
#define TIMEOUT (NVA_REDIRECT_TIMEOUT_DEFAULT * NVA_SEC)

static void
setup(void)
{
    fx_init(&fx);
    fx.view.now = NOW;
    here = fx_place(HV1, "tap1");
    there = fx_place(HV2, "tap1");
    tsi_id = fx_vm(&fx, RED, 1, "10.0.0.1", HV1, "tap1");
    fx_start(&fx);
}

static void
teardown(void)
{
    fx_uninit(&fx);
}

static void
place(nva_id id, struct nva_place current, struct nva_place published,
      struct nva_place prepared, bool paused)
{
    struct nva_tsi t = *directory_tsi(fx.dir, id);

    t.current = current;
    t.published = published;
    t.prepared = prepared;
    t.paused = paused;
    fx_tsi_put(&fx, &t);
}

/* The interface and its move from hv1 to hv2 in 'state', all published that
 * may be. */
static nva_id
moving(enum nva_move_state state)
{
    nva_id id = fx_move(&fx, tsi_id, state, here, there);

    if (state == NVA_MS_PREPARED || state == NVA_MS_PAUSED) {
        place(tsi_id, here, here, there, state == NVA_MS_PAUSED);
    } else if (state == NVA_MS_SWITCHING) {
        place(tsi_id, there, here, fx_nowhere(), false);
    } else {
        place(tsi_id, there, there, fx_nowhere(), false);
    }
    fx_start(&fx);
    return id;
}

static const struct nva_move *
move_of(nva_id id)
{
    return directory_move(fx.dir, id);
}

static void
put_move(const struct nva_move *move)
{
    struct nva_delta d = { .type = NVA_DELTA_MOVE_PUT, .id = move->id };

    d.move = *move;
    fx_apply(&fx, &d);
    fx_start(&fx);
}

/* An aborted move that is being unwound. */
static nva_id
unwinding(nva_usec by)
{
    nva_id id = moving(NVA_MS_PAUSED);
    struct nva_move move = *move_of(id);

    move.state = NVA_MS_ABORTED;
    move.unwinding = true;
    move.unwind_by = by;
    put_move(&move);
    place(tsi_id, here, here, there, false);
    fx_start(&fx);
    return id;
}

static void
happens(enum nva_event_type type, nva_id nve, enum nva_owner_kind kind,
        nva_id id)
{
    struct nva_event ev = { .type = type, .nve = nve, .session = 1000 + nve };

    ev.flow.owner = (struct nva_owner) { kind, id };
    ev.flow.packets = 42;
    ev.flow.by_timeout = true;
    fx_start(&fx);
    converge_event(&fx.view, &ev, &fx.plan);
}

static void
confirms(nva_id nve)
{
    happens(NVA_EV_CONFIRMED, nve, NVA_OWNER_TSI, tsi_id);
}

static const struct nva_move *
put_of(nva_id id)
{
    const struct nva_delta *d = fx_delta(&fx, NVA_DELTA_MOVE_PUT, id);

    return d ? &d->move : NULL;
}

static const struct nva_tsi *
tsi_put(nva_id id)
{
    const struct nva_delta *d = fx_delta(&fx, NVA_DELTA_TSI_PUT, id);

    return d ? &d->tsi : NULL;
}

static nva_id
implied_vap(nva_id nve, const char *port)
{
    struct nva_delta d = { .type = NVA_DELTA_VAP_PUT };

    fx_vap(&fx, nve, port, RED);
    d.vap = *directory_vap_for(fx.dir, nve, port, fx_mac(1));
    d.id = d.vap.id;
    d.vap.implied = true;
    fx_apply(&fx, &d);
    return d.id;
}

/* ## Ready ## */

START_TEST(ready_needs_all_of_it)
{
    nva_id id = moving(NVA_MS_PREPARED);
    struct nva_move move = *move_of(id);

    ck_assert(converge_is_ready(&fx.view, &move));
    switch (_i) {
    case 0:
        fx_connect(&fx, HV2, false);
        break;
    case 1:
        fx_unconfirm(&fx, HV2, NVA_OWNER_TSI, tsi_id);
        break;
    case 2:
        fx_unconfirm(&fx, HV2, NVA_OWNER_VAP, fx_vap_id(&fx, HV2, "tap1"));
        break;
    case 3:
        fx_unconfirm(&fx, HV2, NVA_OWNER_VN, RED);
        break;
    case 4:
        ovs_strlcpy(move.ifs[0].to.port, "tap9", NVA_PORT_NAME_MAX);
        fx_vap(&fx, HV2, "tap9", RED);          /* No such port yet. */
        break;
    case 5:
        ovs_strlcpy(move.ifs[0].to.port, "tap2", NVA_PORT_NAME_MAX);
        break;                                  /* blue's. */
    case 6:
        place(tsi_id, here, fx_place(HV3, "tap1"), there, false);
        break;                                  /* An older gate is shut. */
    case 7:
        fx_port(&fx, HV2, "tap9", 19);
        ovs_strlcpy(move.ifs[0].to.port, "tap9", NVA_PORT_NAME_MAX);
        break;                                  /* No VAP. */
    }
    ck_assert(!converge_is_ready(&fx.view, &move));
}
END_TEST

static void
hold_connections(void)
{
    struct nva_delta d = { .type = NVA_DELTA_VM_PUT };

    d.id = directory_tsi(fx.dir, tsi_id)->vm;
    d.vm = *directory_vm(fx.dir, d.id);
    d.vm.connections = NVA_CONNECTIONS_HOLD;
    fx_apply(&fx, &d);
}

START_TEST(D18_held_connections_may_pause_without_a_port)
{
    nva_id id = moving(NVA_MS_PREPARED);
    struct nva_move move = *move_of(id);

    ovs_strlcpy(move.ifs[0].to.port, "tap9", NVA_PORT_NAME_MAX);
    fx_vap(&fx, HV2, "tap9", RED);
    ck_assert(!converge_may_pause(&fx.view, &move, false));
    hold_connections();
    ck_assert(converge_may_pause(&fx.view, &move, false));
    ck_assert(!converge_is_ready(&fx.view, &move));
    if (_i == 0) {
        fx_connect(&fx, HV2, false);
    } else if (_i == 1) {
        fx_unconfirm(&fx, HV2, NVA_OWNER_TSI, tsi_id);
    } else {
        move.ifs[0].to.port[0] = '\0';          /* Not named. */
    }
    ck_assert(!converge_may_pause(&fx.view, &move, false));
}
END_TEST

START_TEST(D18_released)
{
    nva_id id = moving(NVA_MS_DRAINING);
    struct nva_event ev = { .type = NVA_EV_RELEASED };
    struct nva_tsi t = *directory_tsi(fx.dir, tsi_id);

    t.held_until = _i ? fx.view.now : 0;
    fx_tsi_put(&fx, &t);
    ev.released.tsi = tsi_id;
    ev.released.sent = 7;
    ev.released.dropped = _i - 1;
    fx_start(&fx);
    converge_event(&fx.view, &ev, &fx.plan);
    if (!_i) {                          /* Ended before: nothing to do. */
        ck_assert_uint_eq(fx.plan.deltas.n, 0);
        return;
    }
    ck_assert_int_eq(tsi_put(tsi_id)->held_until, 0);
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_MOVE_STAMP), _i);
    ck_assert_int_eq(fx_delta(&fx, NVA_DELTA_MOVE_STAMP, id)->stamp.kind,
                     _i == 1 ? NVA_STAMP_RELEASED : NVA_STAMP_HELD_LOST);
}
END_TEST

START_TEST(ready_does_not_need_the_others)
{
    nva_id id = moving(NVA_MS_PREPARED);

    fx_unconfirm(&fx, HV1, NVA_OWNER_TSI, tsi_id);
    fx_unconfirm(&fx, HV3, NVA_OWNER_TSI, tsi_id);
    fx_connect(&fx, HV1, false);
    ck_assert(converge_is_ready(&fx.view, move_of(id)));
}
END_TEST

START_TEST(a_confirmation_completes_the_preparation)
{
    nva_id id = moving(NVA_MS_PREPARED);

    happens(NVA_EV_CONFIRMED, HV3, NVA_OWNER_VN, RED);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    happens(NVA_EV_CONFIRMED, HV2, _i ? NVA_OWNER_VN : NVA_OWNER_TSI,
            _i ? RED : tsi_id);
    ck_assert(put_of(id)->ready);
    ck_assert_int_eq(put_of(id)->state, NVA_MS_PREPARED);
    ck_assert_uint_eq(fx_stamp(&fx, id, NVA_STAMP_READY)->nve, HV2);
    ck_assert_uint_eq(fx.plan.n_notes, 0);
    fx_apply_plan(&fx);
    confirms(HV2);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);     /* Once. */
}
END_TEST

START_TEST(ready_is_lost_with_the_destination)
{
    nva_id id = moving(_i ? NVA_MS_PAUSED : NVA_MS_PREPARED);
    struct nva_move move = *move_of(id);

    move.ready = true;
    put_move(&move);
    fx_connect(&fx, HV2, false);
    happens(NVA_EV_NVE_DOWN, HV2, NVA_OWNER_NONE, 0);
    ck_assert(!put_of(id)->ready);
    ck_assert_uint_eq(fx.plan.deltas.n, 1);
    ck_assert_int_eq(put_of(id)->state, move.state);    /* Never by itself. */
}
END_TEST

/* ## The gate ## */

START_TEST(D10_K4_published_and_converging_when_the_gate_opens)
{
    nva_id id = moving(NVA_MS_SWITCHING);

    fx_unconfirm(&fx, HV2, NVA_OWNER_TSI, tsi_id);
    confirms(HV1);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    confirms(HV2);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    fx.n_unconfirmed = 0;
    confirms(HV2);
    ck_assert(nva_place_equal(&tsi_put(tsi_id)->published, &there));
    ck_assert_int_eq(put_of(id)->state, NVA_MS_CONVERGING);
    ck_assert_ptr_nonnull(fx_stamp(&fx, id, NVA_STAMP_GATE_PASSED));
    ck_assert_ptr_nonnull(fx_move_note(&fx, id, NVA_MS_CONVERGING));
    ck_assert_ptr_null(fx_stamp(&fx, id, NVA_STAMP_CONVERGED));
    fx_apply_plan(&fx);
}
END_TEST

/* Two interfaces: 0: the second's gate is shut; 1: it has not switched. */
START_TEST(D16_switching_lasts_for_all_interfaces)
{
    nva_id second = fx_second(&fx, tsi_id, 2);
    nva_id id = moving(NVA_MS_SWITCHING);
    struct nva_move move = *move_of(id);

    move.n_ifs = 2;
    move.ifs[1] = move.ifs[0];
    move.ifs[1].tsi = second;
    move.ifs[1].switched = _i == 0;
    put_move(&move);
    if (_i == 0) {
        place(second, there, here, fx_nowhere(), false);
        fx_unconfirm(&fx, HV2, NVA_OWNER_TSI, second);
    } else {
        place(second, here, here, there, false);
    }
    confirms(HV2);
    ck_assert(nva_place_equal(&tsi_put(tsi_id)->published, &there));
    ck_assert_ptr_null(tsi_put(second));
    ck_assert_ptr_null(put_of(id));
    ck_assert_uint_eq(fx.plan.n_notes, 0);
    fx_apply_plan(&fx);
}
END_TEST

/* The gate of an older move opens while a newer one is prepared, or none is
 * under way at all. */
START_TEST(an_older_gate_still_counts)
{
    nva_id id = _i ? NVA_ID_NONE : fx_move(&fx, tsi_id, NVA_MS_PREPARED, there,
                                           fx_place(HV3, "tap1"));

    place(tsi_id, there, here, fx_nowhere(), false);
    fx_unconfirm(&fx, HV2, NVA_OWNER_TSI, tsi_id);
    confirms(HV2);
    ck_assert_ptr_null(tsi_put(tsi_id));
    fx.n_unconfirmed = 0;
    confirms(HV2);
    ck_assert_ptr_nonnull(tsi_put(tsi_id));
    ck_assert(nva_place_equal(&tsi_put(tsi_id)->published, &there));
    ck_assert_ptr_null(put_of(id));
    fx_apply_plan(&fx);
}
END_TEST

/* ...also while a newer one switches another interface of the VM. */
START_TEST(an_older_gate_counts_beside_another_interface)
{
    nva_id second = fx_second(&fx, tsi_id, 2);

    moving(NVA_MS_SWITCHING);
    place(second, there, here, fx_nowhere(), false);
    fx_unconfirm(&fx, HV2, NVA_OWNER_TSI, tsi_id);
    happens(NVA_EV_CONFIRMED, HV2, NVA_OWNER_TSI, second);
    ck_assert_ptr_nonnull(tsi_put(second));
    ck_assert(nva_place_equal(&tsi_put(second)->published, &there));
}
END_TEST

/* ## Converging, draining ## */

START_TEST(D10_converging_waits_for_connected_nves)
{
    nva_id id = moving(NVA_MS_CONVERGING);

    fx_unconfirm(&fx, HV3, NVA_OWNER_TSI, tsi_id);
    confirms(HV1);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    fx_redirect(&fx, tsi_id, HV1, HV2, id, NOW);

    fx_connect(&fx, HV3, false);
    happens(NVA_EV_NVE_DOWN, HV3, NVA_OWNER_NONE, 0);
    ck_assert_int_eq(put_of(id)->state, NVA_MS_DRAINING);
    ck_assert_ptr_nonnull(fx_stamp(&fx, id, NVA_STAMP_CONVERGED));
    ck_assert_uint_eq(fx_stamp(&fx, id, NVA_STAMP_OWING)->nve, HV3);
    ck_assert_ptr_null(fx_stamp(&fx, id, NVA_STAMP_DONE));
    ck_assert_ptr_nonnull(fx_move_note(&fx, id, NVA_MS_DRAINING));
    fx_apply_plan(&fx);
}
END_TEST

START_TEST(converged_without_a_redirect_is_done)
{
    nva_id id = moving(NVA_MS_CONVERGING);
    nva_id vm = directory_tsi(fx.dir, tsi_id)->vm;

    confirms(HV3);
    ck_assert_int_eq(put_of(id)->state, NVA_MS_DONE);
    ck_assert_int_eq(put_of(id)->ended, NOW);
    ck_assert_ptr_null(fx_stamp(&fx, id, NVA_STAMP_OWING));
    ck_assert_ptr_nonnull(fx_stamp(&fx, id, NVA_STAMP_DONE));
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_MOVE_PUT), 1);
    ck_assert_uint_eq(fx_delta(&fx, NVA_DELTA_VM_PUT, vm)->vm.move, 0);
    fx_apply_plan(&fx);
}
END_TEST

START_TEST(done_releases_the_port_it_left)
{
    nva_id vap = implied_vap(HV1, "tap9");
    nva_id id;

    here = fx_place(HV1, "tap9");
    id = moving(NVA_MS_DRAINING);
    ck_assert_int_eq(converge_deadline(&fx.view), NOW);
    converge_timer(&fx.view, &fx.plan);
    ck_assert_int_eq(put_of(id)->state, NVA_MS_DONE);
    binding_sweep(&fx.view, &fx.plan);
    ck_assert_ptr_nonnull(fx_delta(&fx, NVA_DELTA_VAP_DEL, vap));
    fx_apply_plan(&fx);
}
END_TEST

START_TEST(draining_lasts_while_there_is_a_redirect)
{
    nva_id id = moving(NVA_MS_DRAINING);

    fx_redirect(&fx, tsi_id, HV1, HV2, id, NOW);
    ck_assert_int_eq(converge_deadline(&fx.view), NOW + TIMEOUT - NVA_SEC);
    fx_start(&fx);
    converge_timer(&fx.view, &fx.plan);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    ck_assert_ptr_null(put_of(id));
}
END_TEST

START_TEST(nobody_moves_no_deadline)
{
    ck_assert_int_eq(converge_deadline(&fx.view), NVA_NEVER);
    moving(NVA_MS_SWITCHING);
    ck_assert_int_eq(converge_deadline(&fx.view), NVA_NEVER);
    converge_timer(&fx.view, &fx.plan);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
}
END_TEST

/* Only who is connected can owe: 0 owes, 1 is away. */
START_TEST(D11_rearmed_while_a_connected_nve_owes)
{
    nva_id id = moving(NVA_MS_CONVERGING);
    nva_id r = fx_redirect(&fx, tsi_id, HV1, HV2, id, NOW);

    fx_unconfirm(&fx, HV3, NVA_OWNER_TSI, tsi_id);
    fx_connect(&fx, HV3, _i == 0);
    fx.view.now = NOW + TIMEOUT - NVA_SEC;
    fx_start(&fx);
    converge_timer(&fx.view, &fx.plan);
    ck_assert((fx_delta(&fx, NVA_DELTA_REDIRECT_PUT, r) != NULL) == (_i == 0));
}
END_TEST

/* ## Redirects ## */

/* Deleted by somebody else, or for want of a tunnel port: it is wanted still.
 * One that another NVE says has ended has not. */
START_TEST(K5_only_its_timer_ends_a_redirect)
{
    nva_id id = moving(NVA_MS_DRAINING);
    nva_id r = fx_redirect(&fx, tsi_id, HV1, HV2, id, NOW);
    struct nva_event ev = {
        .type = NVA_EV_FLOW_REMOVED, .nve = HV1,
        .flow.owner = { NVA_OWNER_REDIRECT, r },
    };

    fx_start(&fx);
    converge_event(&fx.view, &ev, &fx.plan);
    ck_assert_uint_eq(fx.plan.deltas.n, 1);
    ck_assert_ptr_nonnull(fx_delta(&fx, NVA_DELTA_REDIRECT_PUT, r));

    happens(NVA_EV_FLOW_REMOVED, HV2, NVA_OWNER_REDIRECT, r);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
}
END_TEST

START_TEST(D11_K5_flow_removed_ends_that_instance)
{
    nva_id vap = implied_vap(HV1, "tap9");
    nva_id id = moving(NVA_MS_DRAINING);
    nva_id r = fx_redirect(&fx, tsi_id, HV1, HV2, id, NOW);

    happens(NVA_EV_FLOW_REMOVED, HV1, NVA_OWNER_REDIRECT, r + 1);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    happens(NVA_EV_FLOW_REMOVED, HV1, NVA_OWNER_TSI, tsi_id);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    happens(NVA_EV_FLOW_REMOVED, HV1, NVA_OWNER_REDIRECT, r);
    ck_assert_ptr_nonnull(fx_delta(&fx, NVA_DELTA_REDIRECT_DEL, r));
    ck_assert_uint_eq(fx_stamp(&fx, id, NVA_STAMP_REDIRECT_OFF)->count, 42);
    binding_sweep(&fx.view, &fx.plan);
    ck_assert_ptr_nonnull(fx_delta(&fx, NVA_DELTA_VAP_DEL, vap));
    fx_apply_plan(&fx);
    ck_assert_int_eq(converge_deadline(&fx.view), NOW);     /* Then done. */
}
END_TEST

START_TEST(a_redirect_is_confirmed_where_it_is)
{
    nva_id id = moving(NVA_MS_SWITCHING);
    nva_id r = fx_redirect(&fx, tsi_id, HV1, HV2, id, NOW);

    fx_unconfirm(&fx, HV2, NVA_OWNER_TSI, tsi_id);
    happens(NVA_EV_CONFIRMED, HV3, NVA_OWNER_REDIRECT, r);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    happens(NVA_EV_CONFIRMED, HV1, NVA_OWNER_REDIRECT, r + 1);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    happens(NVA_EV_CONFIRMED, HV1, NVA_OWNER_REDIRECT, r);
    ck_assert_uint_eq(fx.plan.deltas.n, 1);
    ck_assert_uint_eq(fx_stamp(&fx, id, NVA_STAMP_REDIRECT_CONFIRMED)->nve,
                      HV1);
    ck_assert_uint_eq(fx_stamp(&fx, id, NVA_STAMP_REDIRECT_CONFIRMED)->other,
                      HV2);
}
END_TEST

/* ## Unwinding ## */

static void
ck_unwound(nva_id id, nva_id vap)
{
    ck_assert(!put_of(id)->unwinding);
    ck_assert_int_eq(put_of(id)->state, NVA_MS_ABORTED);
    ck_assert(!nva_place_is_set(&tsi_put(tsi_id)->prepared));
    ck_assert(nva_place_equal(&tsi_put(tsi_id)->current, &here));
    binding_sweep(&fx.view, &fx.plan);
    ck_assert_ptr_nonnull(fx_delta(&fx, NVA_DELTA_VAP_DEL, vap));
    ck_assert_ptr_nonnull(fx_stamp(&fx, id, NVA_STAMP_UNWOUND));
    ck_assert_uint_eq(fx_delta(&fx, NVA_DELTA_VM_PUT, 0)->vm.move, 0);
    fx_apply_plan(&fx);
    ck_assert_int_eq(converge_deadline(&fx.view), NVA_NEVER);
}

START_TEST(D16_unwound_once_the_old_nve_delivers_again)
{
    nva_id vap = implied_vap(HV2, "tap9");
    nva_id id;

    there = fx_place(HV2, "tap9");
    id = unwinding(NOW + 12 * NVA_SEC);
    fx_unconfirm(&fx, HV1, NVA_OWNER_TSI, tsi_id);
    confirms(HV2);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    fx.n_unconfirmed = 0;
    confirms(HV1);
    ck_unwound(id, vap);
}
END_TEST

START_TEST(D16_unwound_when_the_redirect_must_have_expired)
{
    nva_id vap = implied_vap(HV2, "tap9");
    nva_id id;

    there = fx_place(HV2, "tap9");
    id = unwinding(NOW + 12 * NVA_SEC);
    fx_unconfirm(&fx, HV1, NVA_OWNER_TSI, tsi_id);
    ck_assert_int_eq(converge_deadline(&fx.view), NOW + 12 * NVA_SEC);
    fx.view.now = NOW + 12 * NVA_SEC - 1;
    converge_timer(&fx.view, &fx.plan);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    fx.view.now++;
    converge_timer(&fx.view, &fx.plan);
    ck_unwound(id, vap);
}
END_TEST

/* ## Questions ## */

START_TEST(blocked_by)
{
    nva_id id = moving(NVA_MS_PREPARED);
    struct nva_move move = *move_of(id);
    const char *why = "?";
    nva_id nves[4];

    ck_assert_uint_eq(converge_blocked_by(&fx.view, &move, nves, 4, &why), 0);
    ck_assert_ptr_null(why);
    fx_unconfirm(&fx, HV2, NVA_OWNER_TSI, tsi_id);
    ck_assert_uint_eq(converge_blocked_by(&fx.view, &move, nves, 4, &why), 1);
    ck_assert_uint_eq(nves[0], HV2);
    ck_assert_str_eq(why, "not confirmed");
    ck_assert_uint_eq(converge_blocked_by(&fx.view, &move, nves, 0, &why), 0);
    ovs_strlcpy(move.ifs[0].to.port, "tap9", NVA_PORT_NAME_MAX);
    converge_blocked_by(&fx.view, &move, nves, 4, &why);
    ck_assert_str_eq(why, "port absent");
    fx_connect(&fx, HV2, false);
    converge_blocked_by(&fx.view, &move, nves, 4, &why);
    ck_assert_str_eq(why, "not connected");
}
END_TEST

START_TEST(blocked_by_after_the_switch)
{
    nva_id id = moving(NVA_MS_CONVERGING);
    struct nva_move move = *move_of(id);
    const char *why;
    nva_id nves[4];

    ck_assert_uint_eq(converge_blocked_by(&fx.view, &move, nves, 4, &why), 0);
    ck_assert_ptr_null(why);
    fx_unconfirm(&fx, HV1, NVA_OWNER_TSI, tsi_id);
    fx_unconfirm(&fx, HV3, NVA_OWNER_TSI, tsi_id);
    ck_assert_uint_eq(converge_blocked_by(&fx.view, &move, nves, 4, &why), 2);
    ck_assert_uint_eq(nves[0], HV1);
    ck_assert_uint_eq(nves[1], HV3);
    ck_assert_str_eq(why, "not confirmed");
    ck_assert_uint_eq(converge_blocked_by(&fx.view, &move, nves, 1, &why), 1);
    fx_connect(&fx, HV1, false);
    ck_assert_uint_eq(converge_blocked_by(&fx.view, &move, nves, 4, &why), 1);
    ck_assert_uint_eq(nves[0], HV3);

    /* Every NVE that redirects, not only the one it came from. */
    move.state = NVA_MS_DRAINING;
    ck_assert_uint_eq(converge_blocked_by(&fx.view, &move, nves, 4, &why), 0);
    ck_assert_ptr_null(why);
    fx_redirect(&fx, tsi_id, HV1, HV2, id, NOW);
    fx_redirect(&fx, tsi_id, HV3, HV2, id, NOW);
    ck_assert_uint_eq(converge_blocked_by(&fx.view, &move, nves, 4, &why), 2);
    ck_assert_uint_eq(nves[0] + nves[1], HV1 + HV3);
    ck_assert_str_eq(why, "redirect");
    place(tsi_id, here, here, there, false);
    move.state = NVA_MS_ABORTED;
    ck_assert_uint_eq(converge_blocked_by(&fx.view, &move, nves, 4, &why), 0);
    move.unwinding = true;
    ck_assert_uint_eq(converge_blocked_by(&fx.view, &move, nves, 4, &why), 1);
    ck_assert_uint_eq(nves[0], HV1);
}
END_TEST

START_TEST(blocked_by_names_an_nve_once)
{
    nva_id second = fx_second(&fx, tsi_id, 2);
    nva_id id = moving(NVA_MS_CONVERGING);
    struct nva_move move = *move_of(id);
    const char *why;
    nva_id nves[4];

    move.n_ifs = 2;
    move.ifs[1] = move.ifs[0];
    move.ifs[1].tsi = second;
    fx_unconfirm(&fx, HV3, NVA_OWNER_TSI, tsi_id);
    fx_unconfirm(&fx, HV3, NVA_OWNER_TSI, second);
    ck_assert_uint_eq(converge_blocked_by(&fx.view, &move, nves, 4, &why), 1);
}
END_TEST

START_TEST(settled)
{
    nva_id id = moving(NVA_MS_PREPARED), r;
    struct nva_move move = *move_of(id);

    ck_assert(!converge_is_settled(&fx.view, &move));
    move.ready = true;
    ck_assert(converge_is_settled(&fx.view, &move));

    move.state = NVA_MS_PAUSED;
    place(tsi_id, here, here, there, true);
    r = fx_redirect(&fx, tsi_id, HV1, HV2, id, NOW);
    fx.view.now = NOW + NVA_DATAPATH_SETTLE;
    ck_assert(converge_is_settled(&fx.view, &move));
    fx_unconfirm(&fx, HV1, NVA_OWNER_REDIRECT, r);
    ck_assert(!converge_is_settled(&fx.view, &move));
    fx.n_unconfirmed = 0;
    fx_unconfirm(&fx, HV1, NVA_OWNER_TSI, tsi_id);
    ck_assert(!converge_is_settled(&fx.view, &move));

    move.state = NVA_MS_SWITCHING;
    place(tsi_id, there, here, fx_nowhere(), false);
    ck_assert(!converge_is_settled(&fx.view, &move));
    place(tsi_id, there, there, fx_nowhere(), false);
    ck_assert(converge_is_settled(&fx.view, &move));

    move.state = NVA_MS_ABORTED;
    ck_assert(converge_is_settled(&fx.view, &move));
    move.unwinding = true;
    ck_assert(!converge_is_settled(&fx.view, &move));
}
END_TEST

/* Datapaths follow their tables a little later, and slow ones a little later
 * than that. */
START_TEST(a_pause_settles_after_the_datapath)
{
    static const nva_usec took[] = { 0, 3 * NVA_MSEC, NVA_SEC };
    nva_id id = moving(NVA_MS_PAUSED);
    nva_usec settled_at = (NOW + NVA_DATAPATH_SETTLE
                           + MIN(took[_i], NVA_DATAPATH_SLOW));
    nva_id r = fx_redirect(&fx, tsi_id, HV1, HV2, id, NOW - NVA_SEC);
    struct nva_move move = *move_of(id);

    move.paused_at = NOW - took[_i];
    put_move(&move);
    happens(NVA_EV_CONFIRMED, HV1, NVA_OWNER_REDIRECT, r);
    fx_apply_plan(&fx);
    fx.view.now = settled_at - 1;
    ck_assert(!converge_is_settled(&fx.view, directory_move(fx.dir, id)));
    ck_assert_int_eq(converge_deadline(&fx.view), settled_at);
    fx.view.now = settled_at;
    ck_assert(converge_is_settled(&fx.view, directory_move(fx.dir, id)));
    ck_assert_int_gt(converge_deadline(&fx.view), settled_at);

    /* The destination is lost: no timer brings it back. */
    fx_unconfirm(&fx, HV2, NVA_OWNER_TSI, tsi_id);
    ck_assert(!converge_is_settled(&fx.view, directory_move(fx.dir, id)));
    ck_assert_int_gt(converge_deadline(&fx.view), settled_at);
}
END_TEST

/* A destination that redirected is ready when its datapath redirects no more,
 * and that begins when nobody needs it. */
START_TEST(a_way_back_settles_after_the_datapath)
{
    nva_id id = moving(NVA_MS_PREPARED);
    nva_id r = fx_redirect(&fx, tsi_id, HV2, HV1, id, NOW);
    struct nva_move move = *move_of(id);

    place(tsi_id, here, here, there, false);
    move.ready = false;
    move.started = NOW;
    put_move(&move);
    fx_unconfirm(&fx, HV3, NVA_OWNER_TSI, tsi_id);
    confirms(HV2);
    fx_apply_plan(&fx);
    ck_assert(directory_redirect(fx.dir, r));
    ck_assert(!move_of(id)->ready);
    ck_assert_int_eq(converge_deadline(&fx.view),
                     move.started + NVA_DATAPATH_SLOW);

    fx.n_unconfirmed = 0;
    confirms(HV3);
    fx_apply_plan(&fx);
    ck_assert(!directory_redirect(fx.dir, r));
    fx_unconfirm(&fx, HV2, NVA_OWNER_REDIRECT, r);
    confirms(HV3);
    fx_apply_plan(&fx);
    ck_assert(!move_of(id)->ready);
    ck_assert_int_eq(converge_deadline(&fx.view), NVA_NEVER);

    fx.n_unconfirmed = 0;
    happens(NVA_EV_CONFIRMED, HV2, NVA_OWNER_REDIRECT, r);
    fx_apply_plan(&fx);
    ck_assert(!move_of(id)->ready);
    ck_assert(!converge_may_pause(&fx.view, move_of(id), false));
    ck_assert_int_eq(converge_deadline(&fx.view), NOW + NVA_DATAPATH_SETTLE);
    fx.view.now = NOW + NVA_DATAPATH_SETTLE;
    fx_start(&fx);
    converge_timer(&fx.view, &fx.plan);
    fx_apply_plan(&fx);
    ck_assert(move_of(id)->ready);
    ck_assert_int_eq(converge_deadline(&fx.view), NVA_NEVER);
}
END_TEST

START_TEST(D16_unwound_at_once_where_nothing_is_to_confirm)
{
    nva_id id = unwinding(NOW + NVA_SEC);

    fx_unconfirm(&fx, HV1, NVA_OWNER_TSI, tsi_id);
    ck_assert_int_eq(converge_deadline(&fx.view), NOW + NVA_SEC);
    fx.n_unconfirmed = 0;
    ck_assert_int_eq(converge_deadline(&fx.view), NOW);
    converge_timer(&fx.view, &fx.plan);
    fx_apply_plan(&fx);
    ck_assert(!move_of(id)->unwinding);
    ck_assert_int_eq(converge_deadline(&fx.view), NVA_NEVER);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("converge");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, ready_needs_all_of_it, 0, 8);
    tcase_add_loop_test(tc, D18_held_connections_may_pause_without_a_port,
                        0, 3);
    tcase_add_loop_test(tc, D18_released, 0, 3);
    tcase_add_test(tc, ready_does_not_need_the_others);
    tcase_add_loop_test(tc, a_confirmation_completes_the_preparation, 0, 2);
    tcase_add_loop_test(tc, ready_is_lost_with_the_destination, 0, 2);
    tcase_add_test(tc, D10_K4_published_and_converging_when_the_gate_opens);
    tcase_add_loop_test(tc, D16_switching_lasts_for_all_interfaces, 0, 2);
    tcase_add_loop_test(tc, an_older_gate_still_counts, 0, 2);
    tcase_add_test(tc, an_older_gate_counts_beside_another_interface);
    tcase_add_test(tc, D10_converging_waits_for_connected_nves);
    tcase_add_test(tc, converged_without_a_redirect_is_done);
    tcase_add_test(tc, done_releases_the_port_it_left);
    tcase_add_test(tc, draining_lasts_while_there_is_a_redirect);
    tcase_add_test(tc, nobody_moves_no_deadline);
    tcase_add_loop_test(tc, D11_rearmed_while_a_connected_nve_owes, 0, 2);
    tcase_add_test(tc, K5_only_its_timer_ends_a_redirect);
    tcase_add_test(tc, D11_K5_flow_removed_ends_that_instance);
    tcase_add_test(tc, a_redirect_is_confirmed_where_it_is);
    tcase_add_test(tc, D16_unwound_once_the_old_nve_delivers_again);
    tcase_add_test(tc, D16_unwound_when_the_redirect_must_have_expired);
    tcase_add_test(tc, blocked_by);
    tcase_add_test(tc, blocked_by_after_the_switch);
    tcase_add_test(tc, blocked_by_names_an_nve_once);
    tcase_add_test(tc, settled);
    tcase_add_loop_test(tc, a_pause_settles_after_the_datapath, 0, 3);
    tcase_add_test(tc, a_way_back_settles_after_the_datapath);
    tcase_add_test(tc, D16_unwound_at_once_where_nothing_is_to_confirm);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
