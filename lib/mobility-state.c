/* SPDX-License-Identifier: Apache-2.0 */

/* A VM's state and its move: what the one says about the other.  Knows which
 * state a kind of move stops its VM in; must never know a transition that
 * vm-fsm does not, nor a place.
 *
 * Invariant: an interface is stopped exactly while its VM is off.
 * RFC 7666 (C1, C3); draft vmm-15 s6, s7 (D12, D21). */

#include <config.h>

#include "mobility.h"

#include "converge.h"
#include "mobility-private.h"
#include "relocate.h"
#include "story.h"
#include "vm-fsm.h"

struct stop {
    const struct nva_view *view;
    struct nva_plan *plan;
    nva_id vm;
    bool stopped;
};

static directory_cb stop_cb;
static void stop_tsi(const struct stop *, nva_id tsi);

void
mobility_vm_state(const struct nva_view *v, nva_id vm, enum nva_vm_state state,
                  struct nva_plan *plan)
{
    const struct nva_vm *before = directory_vm(v->dir, vm);
    const struct nva_move *active;
    struct nva_move move;

    mobility_set_vm_state(v, plan, vm, state, NVA_R_CALLER);
    active = story_active(v, plan, vm);
    if (!before || before->state == state || !active
        || (active->state != NVA_MS_PREPARED
            && active->state != NVA_MS_PAUSED)) {
        return;
    }
    move = *active;
    move.vm_was = state;
    story_put(plan, &move);
    if (move.early) {
        if (state == vm_fsm_stopped(move.kind)) {
            mobility_stop(v, &move, plan);
        }
    } else if (move.state == NVA_MS_PAUSED && state == NVA_VM_RUNNING) {
        mobility_take_back(v, &move, NVA_MS_ABORTED, NVA_R_CALLER, plan);
    } else if (move.state == NVA_MS_PREPARED
               && state == vm_fsm_stopped(move.kind)
               && (mobility_stops(move.kind)
                   || converge_may_pause(v, &move, false))) {
        mobility_stand_still(v, &move, plan);
    }
}

void
mobility_stand_still(const struct nva_view *v, const struct nva_move *old,
                     struct nva_plan *plan)
{
    const bool stops = mobility_stops(old->kind);
    struct nva_move move = *old;

    story_go(v, plan, &move, NVA_MS_PAUSED, NVA_R_CALLER);
    move.paused_at = move.settles_from = v->now;
    move.early_ms = 0;
    move.floods_at = 0;
    story_put(plan, &move);
    story_stamp(plan, move.id, stops ? NVA_STAMP_STOPPED : NVA_STAMP_PAUSED,
                v->now, NVA_ID_NONE, NVA_R_CALLER);
    for (size_t i = 0; !stops && i < move.n_ifs; i++) {
        struct nva_tsi t = *story_tsi(v, plan, move.ifs[i].tsi);

        relocate_pause(v, plan, &t, move.id, false);
    }
}

void
mobility_pause_early(const struct nva_view *v, const struct nva_move *old,
                     uint32_t early_ms, struct nva_plan *plan)
{
    struct nva_move move = *old;

    story_go(v, plan, &move, NVA_MS_PAUSED, NVA_R_CALLER);
    move.paused_at = move.settles_from = v->now;
    move.early = true;
    move.early_ms = early_ms;
    move.early_until = move.floods_at = 0;
    story_put(plan, &move);
    story_stamp(plan, move.id, NVA_STAMP_EARLY, v->now, NVA_ID_NONE,
                NVA_R_CALLER);
    for (size_t i = 0; i < move.n_ifs; i++) {
        struct nva_tsi t = *story_tsi(v, plan, move.ifs[i].tsi);

        relocate_pause(v, plan, &t, move.id, true);
    }
}

void
mobility_stop(const struct nva_view *v, const struct nva_move *old,
              struct nva_plan *plan)
{
    struct nva_move move = *old;

    move.early = false;
    move.early_until = move.floods_at = 0;
    move.paused_at = move.settles_from = v->now;
    story_put(plan, &move);
    story_stamp(plan, move.id, NVA_STAMP_PAUSED, v->now, NVA_ID_NONE,
                NVA_R_CALLER);
    for (size_t i = 0; i < move.n_ifs; i++) {
        struct nva_tsi t = *story_tsi(v, plan, move.ifs[i].tsi);

        relocate_stop(v, plan, &t);
    }
}

void
mobility_set_vm_state(const struct nva_view *v, struct nva_plan *plan,
                      nva_id id, enum nva_vm_state state,
                      enum nva_reason reason)
{
    struct stop stop = {
        .view = v, .plan = plan, .vm = id, .stopped = vm_fsm_is_off(state),
    };

    story_vm_state(v, plan, id, state, reason);
    directory_each_tsi_of_vm(v->dir, id, stop_cb, &stop);
    for (size_t i = 0; i < plan->deltas.n; i++) {
        if (plan->deltas.a[i].type == NVA_DELTA_TSI_PUT) {
            stop_tsi(&stop, plan->deltas.a[i].id);
        }
    }
}

static bool
stop_cb(const void *tsi_, void *stop)
{
    const struct nva_tsi *tsi = tsi_;

    stop_tsi(stop, tsi->id);
    return true;
}

static void
stop_tsi(const struct stop *stop, nva_id id)
{
    const struct nva_tsi *tsi = story_tsi(stop->view, stop->plan, id);

    if (tsi && tsi->vm == stop->vm && tsi->stopped != stop->stopped) {
        struct nva_tsi t = *tsi;

        t.stopped = stop->stopped;
        story_put_tsi(stop->plan, &t);
    }
}
