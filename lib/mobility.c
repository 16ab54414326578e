/* SPDX-License-Identifier: Apache-2.0 */

/* Decides what admitted evidence does to the places of a VM.  Must never know
 * flows, messages or sessions beyond what the view confirms.
 * draft vmm-15 s4.2, s4.4 (D1, D2, D6, D7). */

#include <config.h>

#include "mobility.h"

#include "learned.h"
#include "mobility-private.h"
#include "packets.h"
#include "probe.h"
#include "redirect.h"
#include "relocate.h"
#include "story.h"

static void act(const struct nva_view *, const struct nva_event *,
                enum nva_admit, struct nva_plan *);
static struct nva_place place_of(const struct nva_view *,
                                 const struct nva_event *);
static void hear(const struct nva_view *, const struct nva_tsi *,
                 struct nva_plan *);
static void note_life(const struct nva_view *, const struct nva_event *,
                      struct nva_plan *);
static void evidence_refresh(const struct nva_view *, const struct nva_event *,
                             const struct nva_tsi *, struct nva_plan *);
static void evidence_move(const struct nva_view *, const struct nva_tsi *,
                          const struct nva_place *, enum nva_admit,
                          struct nva_plan *);
static void evidence_doubt(const struct nva_view *, const struct nva_event *,
                           const struct nva_tsi *, const struct nva_place *,
                           struct nva_plan *);
static bool take_shared(const struct nva_view *, const struct nva_event *,
                        const struct nva_tsi *, struct nva_plan *);
static void evidence_nested(const struct nva_view *, const struct nva_event *,
                            const struct nva_tsi *, struct nva_plan *);
static void send_after_nested(const struct nva_view *, const struct nva_tsi *,
                              const struct nva_tsi *from, struct nva_plan *);
static void evidence_new(const struct nva_view *, const struct nva_event *,
                         const struct nva_place *, struct nva_plan *);
static void learned_name(const struct nva_view *, const struct nva_tsi *,
                         char name[NVA_NAME_MAX]);

void
mobility_evidence(const struct nva_view *v, const struct nva_event *ev,
                  enum nva_admit what, struct nva_plan *plan)
{
    act(v, ev, what, plan);
    if (what != NVA_ADMIT_DOUBT) {
        note_life(v, ev, plan);
    }
}

void
mobility_answer(const struct nva_view *v, const struct nva_event *ev,
                struct nva_plan *plan)
{
    const struct nva_tsi *tsi = directory_tsi_by_mac(
        v->dir, ev->packet.vn, ev->packet.frame.eth_src);
    const struct nva_vap *vap = directory_vap(v->dir, ev->packet.vap);
    struct nva_place here;

    if (tsi && vap) {
        here = nva_vap_place(vap);
        if (nva_place_equal(&tsi->current, &here)) {
            hear(v, tsi, plan);
        }
    }
}

static void
act(const struct nva_view *v, const struct nva_event *ev, enum nva_admit what,
    struct nva_plan *plan)
{
    const struct nva_place place = place_of(v, ev);
    const struct nva_tsi *tsi = directory_tsi_speaking(
        v->dir, &place, ev->packet.vn, ev->packet.frame.eth_src);
    const struct nva_move *move;

    switch (what) {
    case NVA_ADMIT_REFRESH:
        evidence_refresh(v, ev, tsi, plan);
        break;
    case NVA_ADMIT_ABORT:
        move = story_active(v, plan, tsi->vm);
        if (move && move->state == NVA_MS_PAUSED) {
            mobility_take_back(v, move, NVA_MS_ABORTED,
                               NVA_R_FRAME_WHILE_PAUSED, plan);
            break;
        }
        /* Another interface has switched, and there is no way back; or it
         * was off, without a move, and is up again. */
        evidence_refresh(v, ev, tsi, plan);
        if (tsi->stopped) {
            mobility_set_vm_state(v, plan, tsi->vm, NVA_VM_RUNNING,
                                  NVA_R_EVIDENCE);
        }
        break;
    case NVA_ADMIT_NESTED:
        evidence_nested(v, ev, tsi, plan);
        break;
    case NVA_ADMIT_NEW:
        evidence_new(v, ev, &place, plan);
        break;
    case NVA_ADMIT_PLACE:
        mobility_place(v, tsi, &place, plan);
        break;
    case NVA_ADMIT_DOUBT:
        evidence_doubt(v, ev, tsi, &place, plan);
        break;
    case NVA_ADMIT_ACTIVATE:
    case NVA_ADMIT_MOVE:
    case NVA_ADMIT_RETURN:
        evidence_move(v, tsi, &place, what, plan);
        break;
    }
}

static struct nva_place
place_of(const struct nva_view *v, const struct nva_event *ev)
{
    return nva_vap_place(directory_vap(v->dir, ev->packet.vap));
}

static void
note_life(const struct nva_view *v, const struct nva_event *ev,
          struct nva_plan *plan)
{
    const struct nva_place place = place_of(v, ev);
    const struct nva_tsi *old = directory_tsi_speaking(
        v->dir, &place, ev->packet.vn, ev->packet.frame.eth_src);

    if (old) {
        hear(v, old, plan);
    }
}

/* A learned host is alive. */
static void
hear(const struct nva_view *v, const struct nva_tsi *old,
     struct nva_plan *plan)
{
    if (v->now - old->heard >= NVA_HEARD_GRAIN
        && directory_vm(v->dir, old->vm)->origin == NVA_ORIGIN_LEARNED) {
        struct nva_tsi t = *story_tsi(v, plan, old->id);

        t.heard = v->now;
        story_put_tsi(plan, &t);
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
        || redirect_at(v->dir, tsi->id, ev->nve)
        || !directory_nve_serves(v->dir, ev->nve, vn->id)) {
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
        mobility_appear(v, tsi, place, NVA_CAUSE_PLANNED, NVA_R_CALLER, plan);
    }
}

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
    probe_heard(v, tsi->id, &tsi->current, plan);
    if (take_shared(v, ev, tsi, plan)) {
        nva_frame_teaches_ip(&ev->packet.frame, &note->ip);
        note->type = NVA_NOTE_LEARNED;
        return;
    }
    if (vn->binding != NVA_BINDING_LEARN || t.n_ips >= NVA_IPS_MAX
        || !nva_frame_teaches_ip(&ev->packet.frame, &ip)
        || directory_tsi_by_ip(v->dir, t.vn, &ip)) {
        return;
    }
    t.ips[t.n_ips++] = ip;
    story_put_tsi(plan, &t);
    note->type = NVA_NOTE_LEARNED;
    note->ip = ip;
}

/* An announcement from where it was prepared is VM management's move. */
static void
evidence_move(const struct nva_view *v, const struct nva_tsi *tsi,
              const struct nva_place *place, enum nva_admit what,
              struct nva_plan *plan)
{
    mobility_appear(v, tsi, place, NVA_CAUSE_ANNOUNCED, NVA_R_EVIDENCE, plan);
    if (what != NVA_ADMIT_ACTIVATE) {
        mobility_doubt_move(v, tsi->id, &tsi->current,
                            what == NVA_ADMIT_RETURN, plan);
    }
}

/* It may have been sent before the VM left there: not acted on. */
static void
evidence_doubt(const struct nva_view *v, const struct nva_event *ev,
               const struct nva_tsi *tsi, const struct nva_place *place,
               struct nva_plan *plan)
{
    nva_plan_note_tsi(plan, NVA_NOTE_DROPPED, NVA_R_UNDER_WAY, tsi)->nve =
        ev->nve;
    mobility_doubt_place(v, tsi, place, plan);
}

/* An address that its VN shares is whose who announced it last, answers for it
 * and all.  What else says that one has it, such as a question, only uses it
 * still: that takes nothing. */
static bool
take_shared(const struct nva_view *v, const struct nva_event *ev,
            const struct nva_tsi *tsi, struct nva_plan *plan)
{
    const struct nva_vn *vn = directory_vn(v->dir, tsi->vn);
    const struct nva_tsi *holder;
    struct nva_tsi t = *tsi;
    struct in6_addr ip;

    if (!nva_frame_is_announcement(&ev->packet.frame)
        || !nva_frame_teaches_ip(&ev->packet.frame, &ip)
        || !nva_vn_shares(vn, &ip) || t.n_ips >= NVA_IPS_MAX) {
        return false;
    }
    holder = directory_tsi_by_ip(v->dir, tsi->vn, &ip);
    if (holder == tsi) {
        return false;
    }
    if (holder) {
        struct nva_tsi loser = *holder;

        nva_tsi_drop_ip(&loser, &ip);
        story_put_tsi(plan, &loser);
    }
    t.ips[t.n_ips++] = ip;
    story_put_tsi(plan, &t);
    return true;
}

/* A nested guest is behind 'tsi', and no more behind whoever had it. */
static void
evidence_nested(const struct nva_view *v, const struct nva_event *ev,
                const struct nva_tsi *tsi, struct nva_plan *plan)
{
    const struct eth_addr mac = ev->packet.frame.eth_src;
    const struct nva_tsi *from = directory_tsi_by_mac(v->dir, tsi->vn, mac);
    struct nva_tsi t = *tsi;
    struct nva_note *note;

    if (from) {
        struct nva_tsi old = *from;

        old.nested &= ~(UINT32_C(1) << nva_tsi_allowed(&old, mac));
        story_put_tsi(plan, &old);
        redirect_renew(v, old.id, plan);
    }
    t.nested |= UINT32_C(1) << nva_tsi_allowed(&t, mac);
    t.nested_since = v->now;
    story_put_tsi(plan, &t);
    redirect_renew(v, t.id, plan);
    if (from) {
        send_after_nested(v, &t, from, plan);
    }

    note = nva_plan_note_tsi(plan, NVA_NOTE_LEARNED, NVA_R_EVIDENCE, tsi);
    note->nve = ev->nve;
    note->other = from ? from->current.nve : NVA_ID_NONE;
    note->mac = mac;
}

/* What is on its way to where the guest was is sent after it, as after a VM
 * that has left. */
static void
send_after_nested(const struct nva_view *v, const struct nva_tsi *tsi,
                  const struct nva_tsi *from, struct nva_plan *plan)
{
    const nva_id at = from->current.nve;

    if (at && tsi->current.nve != at && tsi->prepared.nve != at
        && nva_place_is_set(&tsi->published) && tsi->published.nve != at
        && !redirect_at(v->dir, tsi->id, at)) {
        redirect_arm(v, tsi, &from->current, tsi->published.nve, NVA_ID_NONE,
                     plan);
    }
}

/* A host nobody told us of: a VM named VN/MAC with one interface. */
static void
evidence_new(const struct nva_view *v, const struct nva_event *ev,
             const struct nva_place *place, struct nva_plan *plan)
{
    const struct nva_vn *vn = directory_vn(v->dir, ev->packet.vn);
    const struct nva_frame *frame = &ev->packet.frame;
    struct nva_tsi t = {
        .id = nva_plan_new_id(plan), .vm = nva_plan_new_id(plan),
        .name = "eth0", .vn = vn->id, .mac = frame->eth_src, .heard = v->now,
    };
    const struct nva_tsi *victim, *holder = NULL;
    struct nva_delta *d;
    struct nva_note *note;

    learned_room(v, directory_vap(v->dir, ev->packet.vap), &victim);
    if (victim) {
        learned_forget(v, victim, NVA_R_EVIDENCE, plan);
    }
    d = nva_deltas_add(&plan->deltas, NVA_DELTA_VM_PUT);
    d->id = t.vm;
    d->vm.id = t.vm;
    d->vm.state = NVA_VM_RUNNING;
    d->vm.origin = NVA_ORIGIN_LEARNED;
    learned_name(v, &t, d->vm.name);
    if (nva_frame_teaches_ip(frame, &t.ips[0])) {
        holder = directory_tsi_by_ip(v->dir, vn->id, &t.ips[0]);
        t.n_ips = !holder || holder == victim;
    }
    relocate_switch(v, plan, &t, place, NVA_ID_NONE);

    note = nva_plan_note_tsi(plan, NVA_NOTE_LEARNED, NVA_R_EVIDENCE, &t);
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
