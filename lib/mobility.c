/* SPDX-License-Identifier: Apache-2.0 */

/* Decides what a request or admitted evidence does to the places of a VM, and
 * tells it as a move.  Each interface goes its own way through relocate; the
 * move sums them up.  Must never know flows, messages or sessions beyond what
 * the view confirms.
 *
 * Invariant: a VM has at most one move under way; a newer one supersedes it.
 * draft vmm-15 s3, s4.2, s4.4 (D1, D2, D7, D16, D17). */

#include <config.h>

#include "mobility.h"

#include <string.h>

#include "binding.h"
#include "converge.h"
#include "fabric.h"
#include "packets.h"
#include "redirect.h"
#include "relocate.h"
#include "story.h"
#include "util.h"

struct tsis {
    size_t n;
    const struct nva_tsi *a[NVA_IFS_MAX];
};

static void move_start(const struct nva_view *,
                       const struct nva_request_move *, struct nva_plan *);
static void move_pause(const struct nva_view *, const struct nva_move *,
                       struct nva_plan *);
static void move_activate(const struct nva_view *, const struct nva_move *,
                          struct nva_plan *);
static bool all_switched(const struct nva_move *);
static void move_abort(const struct nva_view *, const struct nva_move *,
                       enum nva_reason, struct nva_plan *);
static void evidence_refresh(const struct nva_view *, const struct nva_event *,
                             const struct nva_tsi *, struct nva_plan *);
static void evidence_new(const struct nva_view *, const struct nva_event *,
                         const struct nva_place *, struct nva_plan *);
static void appear(const struct nva_view *, const struct nva_tsi *,
                   const struct nva_place *, enum nva_move_cause,
                   enum nva_reason, struct nva_plan *);
static void go_to(const struct nva_view *, const struct nva_tsi *,
                  const struct nva_place *, enum nva_move_cause,
                  enum nva_reason, struct nva_plan *);
static void switch_if(const struct nva_view *, struct nva_plan *,
                      struct nva_move *, const struct nva_tsi *,
                      const struct nva_place *, enum nva_stamp_kind);
static void enter(struct nva_move *, const struct nva_tsi *,
                  const struct nva_place *);
static void supersede(const struct nva_view *, struct nva_plan *,
                      const struct nva_move *);
static void release_unused(const struct nva_view *, struct nva_plan *,
                           const struct nva_move *);
static void learned_name(const struct nva_view *, const struct nva_tsi *,
                         char name[NVA_NAME_MAX]);
static directory_cb collect_cb;
static struct nva_tsi tsi_of_if(const struct nva_view *,
                                const struct nva_plan *,
                                const struct nva_move_if *);
static void switch_rest(const struct nva_view *, struct nva_plan *,
                        struct nva_move *);
static bool is_prepared_at(const struct nva_move *, const struct nva_tsi *,
                           const struct nva_place *);
static bool evidence_ip(const struct nva_frame *, struct in6_addr *);

/* ## Requests ## */

void
mobility_request(const struct nva_view *v, const struct nva_request *request,
                 struct nva_plan *plan)
{
    const struct nva_move *move;

    if (request->type == NVA_REQ_MOVE_START) {
        move_start(v, &request->move, plan);
        return;
    }
    move = directory_move(v->dir, request->move.id);
    plan->object = request->move.id;
    if (!move) {
        nva_plan_refuse(plan, NVA_R_NOT_FOUND, "id");
    } else if (request->type == NVA_REQ_MOVE_ACTIVATE
               && move_fsm_has_switched(move->state)) {
        /* The VM's own word was faster, or it is said twice. */
        if (!all_switched(move)) {
            move_activate(v, move, plan);
        }
    } else if (move_fsm_is_ended(move->state)) {
        nva_plan_refuse(plan, NVA_R_MOVE_ENDED, "state");
    } else if (move_fsm_has_switched(move->state)) {
        nva_plan_refuse(plan, NVA_R_ALREADY_SWITCHED, "state");
    } else if (request->type == NVA_REQ_MOVE_PAUSE) {
        move_pause(v, move, plan);
    } else if (request->type == NVA_REQ_MOVE_ACTIVATE) {
        move_activate(v, move, plan);
    } else {
        move_abort(v, move, NVA_R_CALLER, plan);
    }
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

/* ## Evidence ## */

void
mobility_evidence(const struct nva_view *v, const struct nva_event *ev,
                  enum nva_admit what, struct nva_plan *plan)
{
    const struct nva_vap *vap = directory_vap(v->dir, ev->packet.vap);
    const struct nva_tsi *tsi = directory_tsi_by_mac(
        v->dir, ev->packet.vn, ev->packet.frame.eth_src);
    struct nva_place place = { .nve = ev->nve };
    const struct nva_move *move;

    ovs_strlcpy(place.port, vap->port, sizeof place.port);
    switch (what) {
    case NVA_ADMIT_REFRESH:
        evidence_refresh(v, ev, tsi, plan);
        break;
    case NVA_ADMIT_ABORT:
        move = story_active(v, plan, tsi->vm);
        if (move_fsm_has_switched(move->state)) {
            /* Another interface has switched: there is no way back. */
            evidence_refresh(v, ev, tsi, plan);
        } else {
            move_abort(v, move, NVA_R_FRAME_WHILE_PAUSED, plan);
        }
        break;
    case NVA_ADMIT_NEW:
        evidence_new(v, ev, &place, plan);
        break;
    case NVA_ADMIT_PLACE:
        mobility_place(v, tsi, &place, plan);
        break;
    case NVA_ADMIT_ACTIVATE:
    case NVA_ADMIT_MOVE:
        appear(v, tsi, &place, NVA_CAUSE_ANNOUNCED, NVA_R_EVIDENCE, plan);
        break;
    }
}

void
mobility_stray(const struct nva_view *v, const struct nva_event *ev,
               struct nva_plan *plan)
{
    const struct nva_tsi *tsi = directory_tsi_by_mac(
        v->dir, ev->packet.vn, ev->packet.frame.eth_dst);
    const struct nva_vm *vm = tsi ? directory_vm(v->dir, tsi->vm) : NULL;
    const struct nva_vn *vn = directory_vn(v->dir, ev->packet.vn);
    const struct nva_place left = { .nve = ev->nve };

    if (ev->packet.vap || vn->unknown_unicast == NVA_UU_FLOOD
        || !tsi || !nva_place_is_set(&tsi->published)
        || tsi->published.nve == ev->nve || tsi->current.nve == ev->nve
        || tsi->prepared.nve == ev->nve
        || redirect_at(v->dir, tsi->id, ev->nve)) {
        return;
    }
    story_stamp(plan, vm->move, NVA_STAMP_LATE, v->now, ev->nve, NVA_R_LATE);
    redirect_arm(v, tsi, &left, tsi->published.nve, vm->move, plan);
}

void
mobility_place(const struct nva_view *v, const struct nva_tsi *tsi,
               const struct nva_place *place, struct nva_plan *plan)
{
    if (!nva_place_is_set(&tsi->current)
        && !story_active(v, plan, tsi->vm)) {
        struct nva_tsi t = *tsi;

        relocate_switch(v, plan, &t, place, NVA_ID_NONE);
    } else {
        story_put_tsi(plan, tsi);
        appear(v, tsi, place, NVA_CAUSE_PLANNED, NVA_R_CALLER, plan);
    }
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
static bool
ports_match(const struct nva_request_move *r, const struct tsis *tsis)
{
    for (size_t i = 0; i < r->n_ports; i++) {
        bool found = !r->ports[i].interface[0] && tsis->n == 1;

        for (size_t j = 0; j < tsis->n; j++) {
            found |= !strcmp(r->ports[i].interface, tsis->a[j]->name);
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

static enum nva_reason
check_start(const struct nva_view *v, const struct nva_request_move *r,
            const struct nva_vm *vm, const struct nva_nve *nve,
            const struct tsis *tsis, const char **field)
{
    const struct nva_move *active = vm ? directory_move(v->dir, vm->move)
                                       : NULL;
    bool going_on = (active && active->state == NVA_MS_PREPARED && nve
                     && active->to_nve == nve->id && !active->unwinding);

    *field = "vm";
    if (!vm) {
        return NVA_R_NOT_FOUND;
    }
    *field = "to.nve";
    if (!nve) {
        return NVA_R_NOT_FOUND;
    }
    *field = "vm";
    if (active && !going_on && !move_fsm_has_switched(active->state)) {
        return NVA_R_MOVE_IN_PROGRESS;
    } else if (!active
               && directory_n_moves_active(v->dir) >= NVA_MOVES_ACTIVE_MAX) {
        return NVA_R_LIMIT;
    }
    *field = "kind";
    if (r->kind != NVA_MOVE_HOT) {
        return NVA_R_UNSUPPORTED;
    }
    *field = "interfaces";
    if (!tsis->n) {
        return NVA_R_NOT_FOUND;
    }
    *field = "to.ports";
    return ports_match(r, tsis) ? NVA_OK : NVA_R_NOT_FOUND;
}

/* A port may be bound for this MAC alone; else all of it is. */
static enum nva_reason
bind_port(const struct nva_view *v, nva_id nve, const char *port,
          const struct nva_tsi *tsi, struct nva_plan *plan)
{
    const struct nva_vap *vap = directory_vap_for(v->dir, nve, port,
                                                  tsi->mac);

    if (vap && vap->has_mac) {
        return vap->vn == tsi->vn ? NVA_OK : NVA_R_PORT_TAKEN;
    }
    return binding_imply(v, nve, port, tsi->vn, plan);
}

/* Prepares interface 'tsi' and enters it into 'move'. */
static enum nva_reason
start_if(const struct nva_view *v, struct nva_move *move,
         const struct nva_tsi *tsi, const char *port, struct nva_plan *plan)
{
    struct nva_move_if *mif = &move->ifs[move->n_ifs++];
    struct nva_tsi t = *story_tsi(v, plan, tsi->id);
    const struct nva_place before = t.prepared;
    enum nva_reason reason = NVA_OK;

    *mif = (struct nva_move_if) {
        .tsi = t.id, .from = t.current, .to = { .nve = move->to_nve },
    };
    ovs_strlcpy(mif->to.port, port, sizeof mif->to.port);
    if (port[0]) {
        reason = bind_port(v, move->to_nve, port, &t, plan);
    }
    if (!reason && nva_place_equal(&mif->to, &t.current)) {
        reason = NVA_R_SAME_PLACE;
    }
    relocate_prepare(plan, &t, &mif->to);
    binding_release(v, &before, t.vn, plan);
    fabric_warm(v, move->to_nve, t.vn, plan);
    return reason;
}

static void
move_start(const struct nva_view *v, const struct nva_request_move *r,
           struct nva_plan *plan)
{
    const struct nva_vm *vm = directory_vm_by_name(v->dir, r->vm);
    const struct nva_nve *nve = directory_nve_by_name(v->dir, r->nve);
    const struct nva_move *active = vm ? directory_move(v->dir, vm->move)
                                       : NULL;
    struct nva_move move = { .kind = r->kind, .cause = NVA_CAUSE_PLANNED };
    struct nva_move old = { .n_ifs = 0 };
    struct tsis tsis = { .n = 0 };
    enum nva_reason reason;
    const char *field;

    if (vm) {
        directory_each_tsi_of_vm(v->dir, vm->id, collect_cb, &tsis);
    }
    reason = check_start(v, r, vm, nve, &tsis, &field);
    if (reason) {
        nva_plan_refuse(plan, reason, field);
        return;
    }

    /* Called again while prepared: names the ports later. */
    if (active && active->state == NVA_MS_PREPARED) {
        move = *active;
        move.n_ifs = 0;
        move.ready = false;
        story_put(plan, &move);
    } else {
        if (active) {
            old = *active;
            supersede(v, plan, &old);
        }
        move.vm = vm->id;
        move.to_nve = nve->id;
        story_begin(v, plan, &move, NVA_MS_PREPARED, NVA_R_CALLER);
        story_stamp(plan, move.id, NVA_STAMP_STARTED, v->now, nve->id,
                    NVA_R_CALLER);
    }
    for (size_t i = 0; !reason && i < tsis.n; i++) {
        reason = start_if(v, &move, tsis.a[i],
                          port_for(r, tsis.a[i]->name, tsis.n), plan);
    }
    if (reason) {
        nva_plan_refuse(plan, reason, "to.ports");
        return;
    }
    story_put(plan, &move);
    release_unused(v, plan, &old);
    plan->object = move.id;
}

/* ## Pausing, activating, aborting ## */

static void
move_pause(const struct nva_view *v, const struct nva_move *old,
           struct nva_plan *plan)
{
    struct nva_move move = *old;

    if (move.state == NVA_MS_PAUSED) {
        return;                         /* Said twice. */
    } else if (!converge_is_ready(v, &move)) {
        nva_plan_refuse(plan, NVA_R_NOT_READY, "state");
        return;
    }
    story_go(v, plan, &move, NVA_MS_PAUSED, NVA_R_CALLER);
    move.settles_from = v->now;
    story_put(plan, &move);
    story_stamp(plan, move.id, NVA_STAMP_PAUSED, v->now, NVA_ID_NONE,
                NVA_R_CALLER);
    for (size_t i = 0; i < move.n_ifs; i++) {
        struct nva_tsi t = tsi_of_if(v, plan, &move.ifs[i]);

        relocate_pause(v, plan, &t, move.id);
    }
}

static void
move_activate(const struct nva_view *v, const struct nva_move *old,
              struct nva_plan *plan)
{
    const struct nva_nve *to = directory_nve(v->dir, old->to_nve);
    struct nva_move move = *old;

    if (!to->connected) {
        nva_plan_refuse(plan, NVA_R_DESTINATION_DOWN, "to.nve");
        return;
    } else if (!converge_is_ready(v, &move)) {
        nva_plan_refuse(plan, NVA_R_NOT_READY, "state");
        return;
    }
    switch_rest(v, plan, &move);
}

static void
move_abort(const struct nva_view *v, const struct nva_move *old,
           enum nva_reason reason, struct nva_plan *plan)
{
    const struct nva_place nowhere = { .nve = NVA_ID_NONE };
    struct nva_move move = *old;

    move.unwinding = move.state == NVA_MS_PAUSED;
    move.unwind_by = v->now + NVA_SEC;
    for (size_t i = 0; i < move.n_ifs; i++) {
        struct nva_tsi t = tsi_of_if(v, plan, &move.ifs[i]);

        if (move.unwinding) {
            const struct nva_redirect *r = redirect_at(v->dir, t.id,
                                                       t.current.nve);

            /* The whole second that a hard timeout is rounded up to. */
            move.unwind_by = MAX(move.unwind_by,
                                 r ? r->until + 2 * NVA_SEC : 0);
            relocate_resume(v, plan, &t);
        } else {
            relocate_prepare(plan, &t, &nowhere);
            binding_release(v, &move.ifs[i].to, t.vn, plan);
        }
    }
    story_go(v, plan, &move, NVA_MS_ABORTED, reason);
    story_put(plan, &move);
    story_stamp(plan, move.id, NVA_STAMP_ABORTED, v->now, NVA_ID_NONE, reason);
}

/* ## What evidence does ## */

/* Known here already: it may still teach an address, in `learn' (D2, D7). */
static void
evidence_refresh(const struct nva_view *v, const struct nva_event *ev,
                 const struct nva_tsi *tsi, struct nva_plan *plan)
{
    const struct nva_vn *vn = directory_vn(v->dir, tsi->vn);
    struct nva_note *note = nva_plan_note(plan, NVA_NOTE_REFRESHED,
                                          NVA_R_REFRESH);
    struct nva_tsi t = *tsi;
    struct in6_addr ip;

    note->tsi = tsi->id;
    note->nve = ev->nve;
    if (vn->binding != NVA_BINDING_LEARN || t.n_ips >= NVA_IPS_MAX
        || !evidence_ip(&ev->packet.frame, &ip)
        || directory_tsi_by_ip(v->dir, t.vn, &ip)) {
        return;
    }
    t.ips[t.n_ips++] = ip;
    story_put_tsi(plan, &t);
    note->type = NVA_NOTE_LEARNED;
    note->ip = ip;
}

/* A host nobody told us of: a VM named VN/MAC with one interface. */
static void
evidence_new(const struct nva_view *v, const struct nva_event *ev,
             const struct nva_place *place, struct nva_plan *plan)
{
    const struct nva_vn *vn = directory_vn(v->dir, ev->packet.vn);
    const struct nva_frame *frame = &ev->packet.frame;
    struct nva_delta *d = nva_deltas_add(&plan->deltas, NVA_DELTA_VM_PUT);
    struct nva_tsi t = {
        .id = nva_plan_new_id(plan), .vm = nva_plan_new_id(plan),
        .name = "eth0", .vn = vn->id, .mac = frame->eth_src,
    };
    struct nva_note *note;

    d->id = t.vm;
    d->vm.id = t.vm;
    d->vm.state = NVA_VM_RUNNING;
    d->vm.origin = NVA_ORIGIN_LEARNED;
    learned_name(v, &t, d->vm.name);
    if (evidence_ip(frame, &t.ips[0])
        && !directory_tsi_by_ip(v->dir, vn->id, &t.ips[0])) {
        t.n_ips = 1;
    }
    relocate_switch(v, plan, &t, place, NVA_ID_NONE);

    note = nva_plan_note(plan, NVA_NOTE_LEARNED, NVA_R_EVIDENCE);
    note->nve = ev->nve;
    note->vn = vn->id;
    note->vm = t.vm;
    note->tsi = t.id;
    note->mac = t.mac;
    note->ip = t.ips[0];
}

/* VN/MAC; should somebody have given that name away, with the VM's id. */
static void
learned_name(const struct nva_view *v, const struct nva_tsi *tsi,
             char name[NVA_NAME_MAX])
{
    const struct nva_vn *vn = directory_vn(v->dir, tsi->vn);
    int n = snprintf(name, NVA_NAME_MAX, "%s/"ETH_ADDR_FMT, vn->name,
                     ETH_ADDR_ARGS(tsi->mac));

    for (nva_id id = tsi->vm; directory_vm_by_name(v->dir, name); id++) {
        snprintf(name + n, NVA_NAME_MAX - n, "-%"PRIu64, id);
    }
}

/* ## Moving ## */

/* The interface is at 'place'.  Where that was prepared, this activates the
 * move; else it is a move nobody told us of. */
static void
appear(const struct nva_view *v, const struct nva_tsi *tsi,
       const struct nva_place *place, enum nva_move_cause cause,
       enum nva_reason reason, struct nva_plan *plan)
{
    const struct nva_move *active = story_active(v, plan, tsi->vm);

    if (active && is_prepared_at(active, tsi, place)) {
        struct nva_move move = *active;

        switch_if(v, plan, &move, tsi, place,
                  cause == NVA_CAUSE_ANNOUNCED ? NVA_STAMP_EVIDENCE
                                               : NVA_STAMP_ACTIVATED);
        switch_rest(v, plan, &move);
    } else {
        go_to(v, tsi, place, cause, reason, plan);
    }
}

/* Switches what is prepared and has not switched: a VM moves as a whole.  One
 * that speaks at a prepared place has come there with its silent interfaces,
 * too. */
static void
switch_rest(const struct nva_view *v, struct nva_plan *plan,
              struct nva_move *move)
{
    for (size_t i = 0; i < move->n_ifs; i++) {
        struct nva_tsi t = tsi_of_if(v, plan, &move->ifs[i]);
        const struct nva_place to = move->ifs[i].to;

        if (!move->ifs[i].switched && to.port[0]
            && nva_place_equal(&t.prepared, &to)) {
            switch_if(v, plan, move, &t, &to, NVA_STAMP_ACTIVATED);
        }
    }
}

/* A port that is to be named later may be any of that NVE. */
static bool
is_prepared_at(const struct nva_move *active, const struct nva_tsi *tsi,
               const struct nva_place *place)
{
    return (!active->unwinding && tsi->prepared.nve == place->nve
            && (!tsi->prepared.port[0]
                || nva_place_equal(&tsi->prepared, place)));
}

/* The interface is at 'place' without having been prepared there: joins the
 * VM's move to that NVE, or begins one, which supersedes the other. */
static void
go_to(const struct nva_view *v, const struct nva_tsi *tsi,
      const struct nva_place *place, enum nva_move_cause cause,
      enum nva_reason reason, struct nva_plan *plan)
{
    const struct nva_move *active = story_active(v, plan, tsi->vm);
    bool joins = (active && active->to_nve == place->nve
                  && active->cause == cause
                  && active->state == NVA_MS_SWITCHING);
    struct nva_move old = { .n_ifs = 0 };
    struct nva_move move = {
        .vm = tsi->vm, .cause = cause, .kind = NVA_MOVE_HOT,
        .to_nve = place->nve,
    };

    if (!active
        && directory_n_moves_active(v->dir) >= NVA_MOVES_ACTIVE_MAX) {
        /* Guests that hop about: they are followed, without a story. */
        struct nva_tsi t = *story_tsi(v, plan, tsi->id);

        relocate_switch(v, plan, &t, place, NVA_ID_NONE);
        return;
    } else if (joins) {
        move = *active;
    } else {
        if (active) {
            old = *active;
            supersede(v, plan, &old);
        }
        story_begin(v, plan, &move, NVA_MS_SWITCHING, reason);
    }
    enter(&move, tsi, place);
    switch_if(v, plan, &move, tsi, place,
              cause == NVA_CAUSE_ANNOUNCED ? NVA_STAMP_EVIDENCE
                                           : NVA_STAMP_ACTIVATED);
    release_unused(v, plan, &old);
}

/* Makes 'tsi' one of the interfaces of 'move', going to 'place'. */
static void
enter(struct nva_move *move, const struct nva_tsi *tsi,
      const struct nva_place *place)
{
    size_t i = 0;

    while (i < move->n_ifs && move->ifs[i].tsi != tsi->id) {
        i++;
    }
    if (i == move->n_ifs) {
        move->ifs[move->n_ifs++] = (struct nva_move_if) {
            .tsi = tsi->id, .from = tsi->current,
        };
    }
    move->ifs[i].to = *place;
}

/* Switches one interface of 'move' and puts both. */
static void
switch_if(const struct nva_view *v, struct nva_plan *plan,
          struct nva_move *move, const struct nva_tsi *tsi,
          const struct nva_place *place, enum nva_stamp_kind stamp)
{
    struct nva_tsi t = *story_tsi(v, plan, tsi->id);

    for (size_t i = 0; i < move->n_ifs; i++) {
        if (move->ifs[i].tsi == tsi->id) {
            move->ifs[i].switched = true;
            move->ifs[i].switched_at = v->now;
            move->ifs[i].to = *place;
        }
    }
    if (move->state != NVA_MS_SWITCHING) {
        story_go(v, plan, move, NVA_MS_SWITCHING, NVA_OK);
    }
    story_put(plan, move);
    story_stamp(plan, move->id, stamp, v->now, place->nve, NVA_OK);
    relocate_switch(v, plan, &t, place, move->id);
}

/* Ends 'old' in favour of a newer move: what it prepared and did not use goes
 * (the caller releases the ports once it has put the newer one); its redirects
 * stay and will be retargeted. */
static void
supersede(const struct nva_view *v, struct nva_plan *plan,
          const struct nva_move *old)
{
    const struct nva_place nowhere = { .nve = NVA_ID_NONE };
    struct nva_move move = *old;

    for (size_t i = 0; i < move.n_ifs; i++) {
        struct nva_tsi t = tsi_of_if(v, plan, &move.ifs[i]);

        if (t.paused) {
            relocate_resume(v, plan, &t);
        }
        if (nva_place_is_set(&t.prepared)) {
            relocate_prepare(plan, &t, &nowhere);
        }
    }
    move.unwinding = false;
    if (move.state == NVA_MS_ABORTED) {
        story_unlink(v, plan, &move);
    } else {
        story_go(v, plan, &move, NVA_MS_SUPERSEDED, NVA_R_SUPERSEDED_BY);
    }
    story_put(plan, &move);
    story_stamp(plan, move.id, NVA_STAMP_SUPERSEDED, v->now, NVA_ID_NONE,
                NVA_R_SUPERSEDED_BY);
}

static void
release_unused(const struct nva_view *v, struct nva_plan *plan,
               const struct nva_move *superseded)
{
    for (size_t i = 0; i < superseded->n_ifs; i++) {
        const struct nva_move_if *mif = &superseded->ifs[i];

        if (!mif->switched) {
            binding_release(v, &mif->to, tsi_of_if(v, plan, mif).vn, plan);
        } else if (mif->from.nve == mif->to.nve) {
            binding_release(v, &mif->from, tsi_of_if(v, plan, mif).vn, plan);
        }
    }
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

/* The interface as 'plan' leaves it. */
static struct nva_tsi
tsi_of_if(const struct nva_view *v, const struct nva_plan *plan,
          const struct nva_move_if *mif)
{
    return *story_tsi(v, plan, mif->tsi);
}

/* The IP that 'frame' claims for its sender, if it claims one. */
static bool
evidence_ip(const struct nva_frame *frame, struct in6_addr *ip)
{
    switch (frame->kind) {
    case NVA_FRAME_ARP_REQUEST:
    case NVA_FRAME_ARP_REPLY:
        *ip = frame->spa;
        break;
    case NVA_FRAME_NA:
        *ip = frame->tpa;
        break;
    case NVA_FRAME_NS:
        *ip = frame->ip_src;
        break;
    case NVA_FRAME_OTHER:
    case NVA_FRAME_RARP_REQUEST:
    case NVA_FRAME_RARP_REPLY:
        return false;
    }
    return nva_ip_is_host(ip);
}
