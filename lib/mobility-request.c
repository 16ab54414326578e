/* SPDX-License-Identifier: Apache-2.0 */

/* What VM management asks of a move: start, pause, activate, abort.  Must
 * never know evidence, flows or sessions beyond what the view confirms.
 * draft vmm-15 s3, s4.4, s6 (D16, D17). */

#include <config.h>

#include "mobility.h"

#include <inttypes.h>
#include <string.h>

#include "binding.h"
#include "converge.h"
#include "explain.h"
#include "fabric.h"
#include "mobility-private.h"
#include "placement.h"
#include "relocate.h"
#include "story.h"
#include "util.h"
#include "vm-fsm.h"

struct tsis {
    size_t n;
    const struct nva_tsi *a[NVA_IFS_MAX];
};

static void request_pause(const struct nva_view *, const struct nva_move *,
                          uint32_t early_ms, struct nva_plan *);
static void request_activate(const struct nva_view *, const struct nva_move *,
                             struct nva_plan *);
static void request_abort(const struct nva_view *, const struct nva_move *,
                          struct nva_plan *);
static void refuse_ended(const struct nva_move *, struct nva_plan *);
static bool all_switched(const struct nva_move *);
static bool is_all_there(const struct nva_view *, const struct nva_move *);
static void activate_ended(const struct nva_view *, const struct nva_move *,
                           struct nva_plan *);
static bool may_switch(const struct nva_view *, const struct nva_move *,
                       struct nva_plan *);
static void move_start(const struct nva_view *,
                       const struct nva_request_move *, struct nva_plan *);
static void move_pause(const struct nva_view *, const struct nva_move *,
                       uint32_t early_ms, struct nva_plan *);
static void refuse_pause(const struct nva_view *, const struct nva_move *,
                         bool held, struct nva_plan *);
static void pause_again(const struct nva_view *, const struct nva_move *,
                        uint32_t early_ms, struct nva_plan *);
static void say_stopped(const struct nva_view *, const struct nva_move *,
                        struct nva_plan *);
static void move_activate(const struct nva_view *, const struct nva_move *,
                          struct nva_plan *);
static void refuse_start(const struct nva_view *, const struct nva_move *,
                         enum nva_reason, struct nva_plan *);
static bool collect_cb(const void *tsi, void *tsis_);

void
mobility_request(const struct nva_view *v, const struct nva_request *request,
                 struct nva_plan *plan)
{
    const struct nva_move *move;

    if (request->type == NVA_REQ_MOVE_START) {
        move_start(v, &request->move, plan);
        return;
    }
    if (request->type == NVA_REQ_VM_THAW) {
        mobility_thaw(v, request->name, plan);
        return;
    }
    move = directory_move(v->dir, request->move.id);
    plan->object = request->move.id;
    if (!move) {
        nva_plan_explain(plan, "there is no move %"PRIu64, request->move.id);
        nva_plan_refuse(plan, NVA_R_NOT_FOUND, "id");
    } else if (request->type == NVA_REQ_MOVE_PAUSE) {
        request_pause(v, move, request->move.early_ms, plan);
    } else if (request->type == NVA_REQ_MOVE_ACTIVATE) {
        request_activate(v, move, plan);
    } else {
        request_abort(v, move, plan);
    }
}

/* A VM that has switched stands still no more: nothing is left to do. */
static void
request_pause(const struct nva_view *v, const struct nva_move *move,
              uint32_t early_ms, struct nva_plan *plan)
{
    if (move_fsm_has_switched(move->state)) {
        return;
    } else if (move_fsm_is_ended(move->state)) {
        refuse_ended(move, plan);
    } else {
        move_pause(v, move, early_ms, plan);
    }
}

/* The VM's own word may have been faster, or it is said twice. */
static void
request_activate(const struct nva_view *v, const struct nva_move *move,
                 struct nva_plan *plan)
{
    if (!move_fsm_has_switched(move->state)
        && move_fsm_is_ended(move->state)) {
        activate_ended(v, move, plan);
    } else if (!all_switched(move)) {
        move_activate(v, move, plan);
    }
}

static void
request_abort(const struct nva_view *v, const struct nva_move *move,
              struct nva_plan *plan)
{
    if (move->state == NVA_MS_ABORTED) {
        return;                         /* Said twice. */
    } else if (move_fsm_is_ended(move->state)) {
        refuse_ended(move, plan);
    } else if (move_fsm_has_switched(move->state)) {
        nva_plan_refuse(plan, NVA_R_ALREADY_SWITCHED, "state");
    } else {
        mobility_take_back(v, move, NVA_MS_ABORTED, NVA_R_CALLER, plan);
    }
}

static void
refuse_ended(const struct nva_move *move, struct nva_plan *plan)
{
    nva_plan_explain(plan, "the move was %s: %s",
                     nva_move_state_word(move->state),
                     nva_reason_text(move->end_reason));
    nva_plan_refuse(plan, NVA_R_MOVE_ENDED, "state");
}

static bool
all_switched(const struct nva_move *move)
{
    for (size_t i = 0; i < move->n_ifs; i++) {
        if (!move->ifs[i].switched) {
            return false;
        }
    }
    return true;
}

/* ## Starting ## */

/* The port named for interface 'name'; "" when none is. */
static const char *
port_for(const struct nva_request_move *r, const char *name, size_t n_ifs)
{
    for (size_t i = 0; i < r->n_ports; i++) {
        const char *interface = r->ports[i].interface;

        if (!strcmp(interface, name) || (!interface[0] && n_ifs == 1)) {
            return r->ports[i].port;
        }
    }
    return "";
}

/* Refuses ports for interfaces that the VM does not have. */
static enum nva_reason
check_ports(const struct nva_request_move *r, const struct tsis *tsis,
            struct nva_plan *plan)
{
    for (size_t i = 0; i < r->n_ports; i++) {
        bool found = !r->ports[i].interface[0] && tsis->n == 1;

        for (size_t j = 0; j < tsis->n; j++) {
            found |= !strcmp(r->ports[i].interface, tsis->a[j]->name);
        }
        if (!found && !r->ports[i].interface[0]) {
            nva_plan_explain(plan, "the VM has %"PRIuSIZE" interfaces: name "
                             "the one that port %s is for", tsis->n,
                             r->ports[i].port);
            return NVA_R_NOT_FOUND;
        } else if (!found) {
            return explain_absent(plan, "interface", r->ports[i].interface);
        }
    }
    return NVA_OK;
}

/* True if a start to 'nve' goes on with 'active', or comes after it. */
static bool
may_replace(const struct nva_view *v, const struct nva_move *active,
            const struct nva_nve *nve)
{
    bool going_on = (active->state == NVA_MS_PREPARED
                     && active->to_nve == nve->id && !active->unwinding);
    bool is_over = active->expected_until && converge_is_home(v, active);

    return going_on || is_over || move_fsm_has_switched(active->state);
}

/* Refuses a start that cannot be, whatever its kind. */
static bool
may_start(const struct nva_view *v, const struct nva_request_move *r,
          const struct tsis *tsis, struct nva_plan *plan)
{
    const struct nva_vm *vm = directory_vm_by_name(v->dir, r->vm);
    const struct nva_nve *nve = directory_nve_by_name(v->dir, r->nve);
    const struct nva_move *active = vm ? directory_move(v->dir, vm->move)
                                       : NULL;
    enum nva_reason reason = NVA_OK;
    const char *field = "vm";

    if (!vm) {
        reason = explain_absent(plan, "VM", r->vm);
    } else if (!nve) {
        field = "to.nve";
        reason = explain_absent(plan, "NVE", r->nve);
    } else if (active && !may_replace(v, active, nve)) {
        reason = explain_move(v, plan, active);
    } else if (!active
               && directory_n_moves_active(v->dir) >= NVA_MOVES_ACTIVE_MAX) {
        reason = explain_limit(plan, "moves at a time", NVA_MOVES_ACTIVE_MAX);
    } else if (!tsis->n) {
        field = "interfaces";
        nva_plan_explain(plan, "VM %s has no interface", vm->name);
        reason = NVA_R_NOT_FOUND;
    } else {
        field = "to.ports";
        reason = check_ports(r, tsis, plan);
    }
    if (reason) {
        nva_plan_refuse(plan, reason, field);
    }
    return !reason;
}

/* The kind asked for; else that of the move that is prepared already; else
 * what the VM's state makes of it (C3). */
static enum nva_move_kind
kind_for(const struct nva_request_move *r, const struct nva_vm *vm,
         const struct nva_move *active)
{
    return (r->has_kind ? r->kind
            : active && active->state == NVA_MS_PREPARED ? active->kind
            : vm_fsm_kind(vm->state));
}

static enum nva_reason
check_kind(const struct nva_request_move *r, const struct nva_vm *vm,
           const struct nva_move *active, struct nva_plan *plan,
           const char **field)
{
    enum nva_move_kind kind = kind_for(r, vm, active);
    bool again = active && active->state == NVA_MS_PREPARED;

    *field = "kind";
    if (r->has_kind && r->kind == NVA_MOVE_FAILOVER) {
        return NVA_R_UNSUPPORTED;
    } else if (again && kind != active->kind) {
        nva_plan_explain(plan, "move %"PRIu64" is prepared as %s already",
                         active->id, nva_move_kind_word(active->kind));
        return NVA_R_IMMUTABLE;
    } else if (!again && !vm_fsm_may_move(vm->state, kind)) {
        nva_plan_explain(plan, "a VM that is %s makes no %s move",
                         nva_vm_state_word(vm->state),
                         nva_move_kind_word(kind));
        return NVA_R_VM_STATE;
    }
    *field = "refresh";
    if (r->refresh > NVA_WARM_REFRESH_MAX
        || (r->refresh && kind != NVA_MOVE_WARM)) {
        nva_plan_explain(plan, "a warm move has it, at most %d s",
                         NVA_WARM_REFRESH_MAX);
        return NVA_R_BAD_VALUE;
    }
    *field = "timeout";
    return (r->timeout > NVA_MOVE_TIMEOUT_MAX
            ? explain_range(plan, 0, NVA_MOVE_TIMEOUT_MAX, false) : NVA_OK);
}

/* What is not named anew stays as it was. */
static void
set_times(const struct nva_view *v, const struct nva_request_move *r,
          struct nva_move *move)
{
    if (r->timeout) {
        move->timeout = r->timeout;
        move->switch_by = v->now + r->timeout * NVA_SEC;
    }
    if (move->kind == NVA_MOVE_WARM && (r->refresh || !move->refresh)) {
        move->refresh = r->refresh ? r->refresh : NVA_WARM_REFRESH_DEFAULT;
        move->refresh_at = v->now + move->refresh * NVA_SEC;
    }
}

/* A port may be bound for this MAC alone; else all of it is. */
static enum nva_reason
bind_port(const struct nva_view *v, nva_id nve, const char *port,
          const struct nva_tsi *tsi, struct nva_plan *plan)
{
    const struct nva_vap *vap = directory_vap_for(v->dir, nve, port,
                                                  tsi->mac);

    if (vap && vap->has_mac) {
        return vap->vn == tsi->vn ? NVA_OK
               : explain_vap(v, plan, vap);
    }
    return binding_imply(v, nve, port, tsi->vn, plan);
}

/* When its VM's last move, or the one before that if the last is prepared
 * anew, took 'tsi' from 'nve'; 0: it did not. */
static nva_usec
left_at(const struct nva_view *v, const struct nva_tsi *tsi, nva_id nve)
{
    const struct nva_vm *vm = directory_vm(v->dir, tsi->vm);
    const struct nva_move_if *last = nva_move_if_of(
        directory_move(v->dir, vm->move), tsi->id);

    return (!last ? 0
            : !last->switched ? last->left_at
            : last->from.nve == nve ? last->switched_at : 0);
}

/* True if the move leaves 'tsi' where it is. */
static bool
stays(const struct nva_tsi *tsi, const struct nva_place *to)
{
    return (tsi->current.nve == to->nve
            && (!to->port[0] || nva_place_equal(&tsi->current, to)));
}

/* Prepares interface 'tsi' and enters it into 'move', unless it is to stay
 * where it is.  Without 'port' it goes to the one that the same move named
 * before. */
static enum nva_reason
start_if(const struct nva_view *v, struct nva_move *move,
         const struct nva_tsi *tsi, const char *port, struct nva_plan *plan)
{
    static const struct nva_place nowhere;
    const struct nva_move_if *before = nva_move_if_of(
        directory_move(v->dir, move->id), tsi->id);
    struct nva_tsi t = *story_tsi(v, plan, tsi->id);
    struct nva_move_if *mif = &move->ifs[move->n_ifs];
    enum nva_reason reason;

    *mif = (struct nva_move_if) {
        .tsi = t.id, .from = t.current, .to = { .nve = move->to_nve },
        .way_there = before ? before->way_there : NVA_ID_NONE,
        .left_at = left_at(v, &t, move->to_nve),
    };
    ovs_strlcpy(mif->to.port, !port[0] && before ? before->to.port : port,
                sizeof mif->to.port);
    if (stays(&t, &mif->to)) {
        relocate_prepare(plan, &t, &nowhere);
        return NVA_OK;
    }
    move->n_ifs++;
    reason = placement_check(v, move->to_nve, t.vn, plan);
    if (!reason && mif->to.port[0]) {
        reason = bind_port(v, move->to_nve, mif->to.port, &t, plan);
    }
    if (reason) {
        return reason;
    }
    if (converge_end_way_there(v, move, mif, plan)
        || !before || !nva_place_equal(&before->to, &mif->to)) {
        move->ready = false;
    }
    relocate_prepare(plan, &t, &mif->to);
    fabric_warm(v, move->to_nve, t.vn, plan);
    return NVA_OK;
}

static void
move_start(const struct nva_view *v, const struct nva_request_move *r,
           struct nva_plan *plan)
{
    const struct nva_vm *vm = directory_vm_by_name(v->dir, r->vm);
    const struct nva_nve *nve = directory_nve_by_name(v->dir, r->nve);
    const struct nva_move *active = vm ? directory_move(v->dir, vm->move)
                                       : NULL;
    struct nva_move move = { .cause = NVA_CAUSE_PLANNED };
    struct tsis tsis = { .n = 0 };
    enum nva_reason reason;
    const char *field;

    if (vm) {
        directory_each_tsi_of_vm(v->dir, vm->id, collect_cb, &tsis);
    }
    if (!may_start(v, r, &tsis, plan)) {
        return;
    }
    reason = check_kind(r, vm, active, plan, &field);
    if (reason) {
        nva_plan_refuse(plan, reason, field);
        return;
    }

    /* Called again while prepared: a retry, or it names ports later. */
    if (active && active->state == NVA_MS_PREPARED) {
        move = *active;
        move.n_ifs = 0;
        story_put(plan, &move);
    } else {
        if (active) {
            mobility_supersede(v, plan, active);
        }
        move.vm = vm->id;
        move.vm_was = vm->state;
        move.kind = kind_for(r, vm, NULL);
        move.to_nve = nve->id;
        story_begin(v, plan, &move, NVA_MS_PREPARED, NVA_R_CALLER);
        story_stamp(plan, move.id, NVA_STAMP_STARTED, v->now, nve->id,
                    NVA_R_CALLER);
        mobility_set_vm_state(v, plan, vm->id,
                              vm_fsm_prepared(vm->state, move.kind),
                              NVA_R_CALLER);
    }
    set_times(v, r, &move);
    for (size_t i = 0; !reason && i < tsis.n; i++) {
        reason = start_if(v, &move, tsis.a[i],
                          port_for(r, tsis.a[i]->name, tsis.n), plan);
    }
    if (reason || !move.n_ifs) {
        refuse_start(v, &move, reason ? reason : NVA_R_SAME_PLACE, plan);
        return;
    }
    story_put(plan, &move);
    plan->object = move.id;
}

static void
refuse_start(const struct nva_view *v, const struct nva_move *move,
             enum nva_reason reason, struct nva_plan *plan)
{
    if (reason == NVA_R_SAME_PLACE) {
        nva_plan_explain(plan, "all of it is at %s already; a move within an "
                         "NVE names another port",
                         directory_nve(v->dir, move->to_nve)->name);
    }
    nva_plan_refuse(plan, reason, reason == NVA_R_PLACEMENT ? "to.nve"
                    : "to.ports");
}

static bool
collect_cb(const void *tsi, void *tsis_)
{
    struct tsis *tsis = tsis_;

    if (tsis->n < NVA_IFS_MAX) {
        tsis->a[tsis->n++] = tsi;
    }
    return true;
}

/* ## Pausing, activating ## */

static void
move_pause(const struct nva_view *v, const struct nva_move *old,
           uint32_t early_ms, struct nva_plan *plan)
{
    if (old->state == NVA_MS_PAUSED) {
        pause_again(v, old, early_ms, plan);
    } else if (early_ms && mobility_stops(old->kind)) {
        nva_plan_explain(plan, "in a %s move the machine is off between its "
                         "places: nothing is sent after it",
                         nva_move_kind_word(old->kind));
        nva_plan_refuse(plan, NVA_R_BAD_VALUE, "early_ms");
    } else if (!mobility_stops(old->kind)
               && !converge_may_pause(v, old, early_ms)) {
        refuse_pause(v, old, early_ms, plan);
    } else if (early_ms) {
        mobility_pause_early(v, old, early_ms, plan);
    } else {
        mobility_stand_still(v, old, plan);
        say_stopped(v, old, plan);
    }
}

/* A destination port must exist by then, unless what is sent there waits. */
static void
refuse_pause(const struct nva_view *v, const struct nva_move *move,
             bool held, struct nva_plan *plan)
{
    bool must_exist = !held && (directory_vm(v->dir, move->vm)->connections
                                != NVA_CONNECTIONS_HOLD);

    nva_plan_refuse(plan, explain_not_ready(v, plan, move, must_exist),
                    "state");
}

/* Said twice, it changes nothing; unless the VM ran on until now, or is to run
 * on for longer. */
static void
pause_again(const struct nva_view *v, const struct nva_move *old,
            uint32_t early_ms, struct nva_plan *plan)
{
    struct nva_move move = *old;

    if (old->early && early_ms) {
        move.early_ms = early_ms;
        move.early_until = 0;
        story_put(plan, &move);
    } else if (old->early) {
        mobility_stop(v, old, plan);
        say_stopped(v, old, plan);
    }
}

static void
say_stopped(const struct nva_view *v, const struct nva_move *old,
            struct nva_plan *plan)
{
    const enum nva_vm_state stopped = vm_fsm_stopped(old->kind);

    if (vm_fsm_allows(story_vm(v, plan, old->vm)->state, stopped)) {
        mobility_set_vm_state(v, plan, old->vm, stopped, NVA_R_CALLER);
    }
}

static void
move_activate(const struct nva_view *v, const struct nva_move *old,
              struct nva_plan *plan)
{
    struct nva_move move = *old;

    if (may_switch(v, old, plan)) {
        mobility_set_vm_state(v, plan, move.vm, NVA_VM_RUNNING, NVA_R_CALLER);
        mobility_switch_rest(v, plan, &move);
    }
}

/* Refuses if it may not. */
static bool
may_switch(const struct nva_view *v, const struct nva_move *move,
           struct nva_plan *plan)
{
    const struct nva_nve *to = directory_nve(v->dir, move->to_nve);

    if (!to->connected) {
        nva_plan_explain(plan, "%s is not connected", to->name);
        nva_plan_refuse(plan, NVA_R_DESTINATION_DOWN, "to.nve");
        return false;
    } else if (!converge_is_ready(v, move)) {
        nva_plan_refuse(plan, explain_not_ready(v, plan, move, true),
                        "state");
        return false;
    }
    return true;
}

/* The caller has carried the VM over, or says so twice.  A refusal names where
 * the VM is taken to be, and the way out. */
static void
activate_ended(const struct nva_view *v, const struct nva_move *move,
               struct nva_plan *plan)
{
    const struct nva_move_if *mif = &move->ifs[0];
    const struct nva_tsi *tsi = directory_tsi(v->dir, mif->tsi);
    const struct nva_nve *at = tsi ? directory_nve(v->dir, tsi->current.nve)
                                   : NULL;
    const struct nva_nve *to = directory_nve(v->dir, move->to_nve);

    if (is_all_there(v, move)) {
        return;
    } else if (move->expected_until) {
        if (may_switch(v, move, plan)) {
            mobility_go_after_all(v, move, NVA_CAUSE_PLANNED, NVA_R_CALLER,
                                  plan);
        }
        return;
    }
    if (at && to) {
        nva_plan_explain(plan, "this move was %s (%s); %s is taken to be at "
                         "%s port %s; if it runs at %s, say so: nvactl vm set "
                         "%s --nve %s --port %s",
                         nva_move_state_word(move->state),
                         nva_reason_word(move->end_reason), move->vm_name,
                         at->name, tsi->current.port, to->name, move->vm_name,
                         to->name, mif->to.port[0] ? mif->to.port : "PORT");
    }
    nva_plan_refuse(plan, NVA_R_MOVE_ENDED, "state");
}

/* True if each interface is where 'move' was to bring it. */
static bool
is_all_there(const struct nva_view *v, const struct nva_move *move)
{
    for (size_t i = 0; i < move->n_ifs; i++) {
        const struct nva_tsi *tsi = directory_tsi(v->dir, move->ifs[i].tsi);

        if (!tsi || !nva_place_equal(&tsi->current, &move->ifs[i].to)) {
            return false;
        }
    }
    return true;
}
