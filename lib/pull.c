/* SPDX-License-Identifier: Apache-2.0 */

/* Decides which NVE holds what of the VNs that pull: what it asked for, as
 * long as it uses it.  Must never know a flow, nor where a VM ought to be.
 *
 * Invariant: an NVE that may have a flow towards an interface is on record as
 * holding it, so that a change reaches it, and nobody else; a record ends at
 * its lifetime unless it is renewed, which takes an NVE that is connected and
 * whose switch has not found the flow unused.
 *
 * A lifetime L is: the flow's hard timeout, L from the answer on; its idle
 * timeout, L/2; a look at it at 3L/4.  What the switch has not removed by
 * then was used recently and is answered anew (not with an L of 1 s, where it
 * could not tell: that ends and is asked for again).  So use alone prolongs
 * nothing (B7), what is not used is gone after L at the latest, and an NVE
 * that hears nothing of us has nothing of ours after L (B18).  RFC 8171 s3,
 * s4. */

#include <config.h>

#include "pull.h"

#include "packets.h"
#include "util.h"

enum {
    /* Looks of one timer: a VN that was turned has all its looks at the same
     * time, and a move must not wait for them. */
    LOOKS_MAX = 256,
};

/* A hard timeout is whole seconds, rounded up, and runs from when the switch
 * got it. */
#define EXPIRY_GRACE (2 * NVA_SEC)

static directory_cb look_cb;
static const struct nva_vn *pulling_vn(const struct nva_view *,
                                       const struct nva_event *);
static void hold(const struct nva_view *, nva_id nve, const struct nva_tsi *,
                 struct nva_plan *);
static void hold_absent(const struct nva_view *, const struct nva_event *,
                        const struct nva_vn *, struct nva_plan *);
static void put(struct nva_plan *, const struct nva_pull *);
static void del(struct nva_plan *, const struct nva_pull *);
static void flood(const struct nva_event *, const struct nva_vn *,
                  struct nva_plan *);
static bool is_at(const struct nva_tsi *, nva_id nve);
static bool has_place_at(const struct nva_tsi *, nva_id nve);
static void resize(const struct nva_view *, nva_id vn, struct nva_plan *);

bool
pull_decides(enum nva_resolution resolution, bool pulled, size_t n)
{
    switch (resolution) {
    case NVA_RESOLUTION_PUSH:
        return false;
    case NVA_RESOLUTION_PULL:
        return true;
    case NVA_RESOLUTION_AUTO:
        break;
    }
    return n >= (pulled ? NVA_PUSH_AGAIN : NVA_PUSH_MAX);
}

uint32_t
pull_idle(uint32_t lifetime)
{
    return MAX(1, lifetime / 2);
}

void
pull_question(const struct nva_view *v, const struct nva_event *ev,
              struct nva_plan *plan)
{
    const struct nva_frame *f = &ev->packet.frame;
    const struct nva_vn *vn = pulling_vn(v, ev);
    const struct nva_tsi *tsi;

    if (!vn || (f->kind != NVA_FRAME_ARP_REQUEST && f->kind != NVA_FRAME_NS)
        || !eth_addr_is_multicast(f->eth_dst)) {
        return;
    }
    tsi = directory_tsi_by_ip(v->dir, vn->id, &f->tpa);
    if (!tsi || !nva_place_is_set(&tsi->current)
        || directory_nobody_answers(v->dir, tsi, &f->tpa)) {
        if (vn->unknown_question == NVA_UQ_FLOOD) {
            flood(ev, vn, plan);
        }
    } else if (eth_addr_equals(f->eth_src, tsi->mac)) {
        /* It asks for itself: where it is known to be, a flow has flooded
         * that. */
        if (!has_place_at(tsi, ev->nve)) {
            flood(ev, vn, plan);
        }
    } else {
        hold(v, ev->nve, tsi, plan);
    }
}

void
pull_stray(const struct nva_view *v, const struct nva_event *ev,
           struct nva_plan *plan)
{
    const struct eth_addr dst = ev->packet.frame.eth_dst;
    const struct nva_vn *vn = pulling_vn(v, ev);
    const struct nva_tsi *tsi;

    if (!vn || !ev->packet.vap || eth_addr_is_multicast(dst)) {
        return;
    }
    tsi = directory_tsi_by_mac(v->dir, vn->id, dst);
    if (tsi) {
        if (nva_place_is_set(&tsi->current)) {
            hold(v, ev->nve, tsi, plan);
        }
    } else if (vn->unknown_unicast == NVA_UU_FLOOD) {
        flood(ev, vn, plan);
    } else {
        hold_absent(v, ev, vn, plan);
    }
}

/* A question flow of a VN that pulls, or drops unknown questions, floods
 * nothing: it cannot tell a request from an announcement.  The announcements
 * of a VM that is known here with that address are flooded by its own flow. */
void
pull_evidence(const struct nva_view *v, const struct nva_event *ev,
              bool moves, struct nva_plan *plan)
{
    const struct nva_frame *f = &ev->packet.frame;
    const struct nva_vn *vn = directory_vn(v->dir, ev->packet.vn);
    const struct nva_tsi *owner;

    if (!vn || f->kind != NVA_FRAME_ARP_REQUEST
        || !nva_frame_is_announcement(f)
        || (!vn->pulls && vn->unknown_question == NVA_UQ_FLOOD)) {
        return;
    }
    owner = directory_tsi_by_ip(v->dir, vn->id, &f->tpa);
    if (owner ? (vn->pulls && !has_place_at(owner, ev->nve))
                || directory_nobody_answers(v->dir, owner, &f->tpa)
        : !moves) {
        flood(ev, vn, plan);
    }
}

void
pull_follow(const struct nva_view *v, const struct nva_tsi *tsi,
            const struct nva_place *old, struct nva_plan *plan)
{
    const struct nva_vn *vn = directory_vn(v->dir, tsi->vn);

    if (vn->pulls && nva_place_is_set(old)) {
        hold(v, old->nve, tsi, plan);
    }
}

void
pull_resize(const struct nva_view *v, struct nva_plan *plan)
{
    for (size_t i = 0; i < plan->deltas.n; i++) {
        const struct nva_delta *d = &plan->deltas.a[i];
        const struct nva_tsi *tsi = (d->type == NVA_DELTA_TSI_DEL
                                     ? directory_tsi(v->dir, d->id)
                                     : d->type == NVA_DELTA_TSI_PUT ? &d->tsi
                                     : NULL);

        if (tsi) {
            resize(v, tsi->vn, plan);
        }
    }
}

void
pull_event(const struct nva_view *v, const struct nva_event *ev,
           struct nva_plan *plan)
{
    const struct nva_owner owner = ev->flow.owner;
    const struct nva_pull *p = NULL;

    if (ev->type != NVA_EV_FLOW_REMOVED || !ev->flow.by_timeout) {
        return;
    }
    if (owner.kind == NVA_OWNER_TSI) {
        p = directory_pull(v->dir, ev->nve, owner.id);
    } else if (owner.kind == NVA_OWNER_ABSENT) {
        p = directory_absent(v->dir, owner.id);
    }
    if (p && p->nve == ev->nve) {
        del(plan, p);
    }
}

void
pull_timer(const struct nva_view *v, struct nva_plan *plan)
{
    struct nva_walk w = { .view = v, .plan = plan };

    directory_each_pull_due(v->dir, v->now, LOOKS_MAX, look_cb, &w);
}

nva_usec
pull_deadline(const struct nva_view *v)
{
    return directory_next_look(v->dir);
}

/* One whose time has come. */
static bool
look_cb(const void *pull, void *w_)
{
    const struct nva_pull *p = pull;
    const struct nva_walk *w = w_;
    const struct nva_view *v = w->view;
    const struct nva_nve *nve = directory_nve(v->dir, p->nve);
    const struct nva_vn *vn = directory_vn(v->dir, p->vn);
    const struct nva_tsi *tsi = directory_tsi(v->dir, p->tsi);
    struct nva_pull again = *p;

    if (v->now >= p->until || !tsi || !vn->lifetime
        || !nva_place_is_set(&tsi->current) || is_at(tsi, p->nve)) {
        del(w->plan, p);
    } else if (nve->connected) {
        hold(v, p->nve, tsi, w->plan);
    } else {
        again.look = p->until;
        put(w->plan, &again);
    }
    return true;
}

/* The VN of a packet-in, if it pulls. */
static const struct nva_vn *
pulling_vn(const struct nva_view *v, const struct nva_event *ev)
{
    const struct nva_vn *vn = directory_vn(v->dir, ev->packet.vn);

    return vn && vn->pulls ? vn : NULL;
}

/* 'nve' holds 'tsi' for a lifetime from now on. */
static void
hold(const struct nva_view *v, nva_id nve, const struct nva_tsi *tsi,
     struct nva_plan *plan)
{
    const struct nva_vn *vn = directory_vn(v->dir, tsi->vn);
    const struct nva_pull *old = directory_pull(v->dir, nve, tsi->id);
    const nva_usec lifetime = vn->lifetime * NVA_SEC;
    const nva_usec look = lifetime - lifetime / 4;
    /* By then the switch must have found out what is not used. */
    const bool tells = look > pull_idle(vn->lifetime) * NVA_SEC;
    const struct nva_pull p = {
        .nve = nve, .tsi = tsi->id, .vn = vn->id,
        .until = v->now + lifetime,
        .look = v->now + (tells ? look : lifetime),
    };

    if (!lifetime || is_at(tsi, nve) || (old && v->now < old->look)) {
        return;
    }
    if (!old && directory_n_pulls(v->dir, nve) >= NVA_PULLS_PER_NVE_MAX) {
        del(plan, directory_oldest_pull(v->dir, nve));
    }
    put(plan, &p);
}

/* Not renewed and told to nobody: it ends by itself, or when the MAC comes. */
static void
hold_absent(const struct nva_view *v, const struct nva_event *ev,
            const struct nva_vn *vn, struct nva_plan *plan)
{
    const struct eth_addr mac = ev->packet.frame.eth_dst;
    const nva_usec lifetime = MIN(vn->lifetime, NVA_LIFETIME_ABSENT) * NVA_SEC;
    struct nva_pull p = {
        .nve = ev->nve, .vn = vn->id, .mac = mac,
        .until = v->now + lifetime,
        .look = v->now + lifetime + EXPIRY_GRACE,
    };

    if (lifetime && !directory_absent_by_mac(v->dir, ev->nve, vn->id, mac)
        && directory_n_absent(v->dir, ev->nve) < NVA_ABSENT_PER_NVE_MAX) {
        p.id = nva_plan_new_id(plan);
        put(plan, &p);
    }
}

static void
put(struct nva_plan *plan, const struct nva_pull *p)
{
    struct nva_delta *d = nva_deltas_add(&plan->deltas, NVA_DELTA_PULL_PUT);

    d->id = p->id;
    d->pull = *p;
}

static void
del(struct nva_plan *plan, const struct nva_pull *p)
{
    struct nva_delta *d = nva_deltas_add(&plan->deltas, NVA_DELTA_PULL_DEL);

    d->id = p->id;
    d->pull = *p;
}

static void
flood(const struct nva_event *ev, const struct nva_vn *vn,
      struct nva_plan *plan)
{
    struct nva_reply *reply;
    struct nva_note *note;

    if (ev->packet.size > NVA_FRAME_MAX) {
        return;
    }
    reply = nva_plan_reply_packet(plan, ev, NVA_REPLY_TO_FLOOD);
    reply->ofport = ev->packet.ofport;
    reply->vni = vn->vni;

    note = nva_plan_note(plan, NVA_NOTE_FLOODED, NVA_R_UNKNOWN_ADDRESS);
    note->nve = ev->nve;
    note->vn = vn->id;
    note->mac = ev->packet.frame.eth_src;
    note->ip = ev->packet.frame.tpa;
}

/* Its way there is that of a local VM, and need not be held. */
static bool
is_at(const struct nva_tsi *tsi, nva_id nve)
{
    return tsi->current.nve == nve || tsi->published.nve == nve;
}

static bool
has_place_at(const struct nva_tsi *tsi, nva_id nve)
{
    return is_at(tsi, nve) || tsi->prepared.nve == nve;
}

static void
resize(const struct nva_view *v, nva_id id, struct nva_plan *plan)
{
    const struct nva_vn *vn = directory_vn(v->dir, id);
    size_t n = directory_n_tsis_of_vn(v->dir, id);
    struct nva_delta *d;

    if (!vn || pull_decides(vn->resolution, vn->pulls, n) == vn->pulls
        || nva_plan_find(plan, NVA_DELTA_VN_PUT, id)) {
        return;
    }
    d = nva_deltas_add(&plan->deltas, NVA_DELTA_VN_PUT);
    d->id = id;
    d->vn = *vn;
    d->vn.pulls = !vn->pulls;
    d->vn.pulls_since = v->now;
}
