/* SPDX-License-Identifier: Apache-2.0 */

/* Who has an address that two interfaces say is theirs.  Knows claims and what
 * their holders answer; must never know who may speak where (admission did).
 *
 * Invariant: an address changes hands only after its holder was asked and kept
 * silent for NVA_CONFIRM_TIME, or was off for so long, or when the port where
 * it was is gone; a frozen one does not at all.  RFC 9161 s3.7 (F7). */

#include <config.h>

#include "duplicate.h"

#include "packets.h"
#include "probe.h"
#include "story.h"
#include "util.h"

static const struct nva_tsi *sender(const struct nva_view *,
                                    const struct nva_event *,
                                    const struct nva_plan *);
static bool is_echo(const struct nva_view *, const struct nva_lease *);
static void contest(const struct nva_view *, const struct nva_tsi *holder,
                    const struct nva_tsi *rival, const struct in6_addr *,
                    struct nva_plan *);
static void stays(const struct nva_view *, const struct nva_probe *,
                  struct nva_plan *);
static void goes(const struct nva_view *, const struct nva_probe *,
                 struct nva_plan *);
static void refuse(const struct nva_tsi *, const struct in6_addr *,
                   enum nva_reason, struct nva_plan *);
static void replace_rival(const struct nva_view *, const struct nva_probe *,
                          const struct nva_tsi *rival, struct nva_plan *);
static bool can_take(const struct nva_tsi *rival, nva_id vn);
static bool is_moving(const struct nva_view *, const struct nva_tsi *);
static bool is_unplugged(const struct nva_view *, const struct nva_tsi *);
static void count(const struct nva_view *, const struct nva_tsi *holder,
                  const struct nva_tsi *rival, struct nva_lease *,
                  struct nva_plan *);
static directory_cb thaw_cb;
static struct nva_note *note(const struct nva_tsi *, const struct in6_addr *,
                             enum nva_note_type, enum nva_reason,
                             struct nva_plan *);
static void put(struct nva_plan *, const struct nva_lease *);

/* ## Claims ## */

void
duplicate_claim(const struct nva_view *v, const struct nva_event *ev,
                struct nva_plan *plan)
{
    const struct nva_vn *vn = directory_vn(v->dir, ev->packet.vn);
    const struct nva_tsi *rival = sender(v, ev, plan), *holder;
    const struct nva_probe *probe;
    const struct nva_lease *lease;
    struct in6_addr ip;

    if (!rival || !nva_frame_teaches_ip(&ev->packet.frame, &ip)
        || nva_vn_shares(vn, &ip)) {
        return;
    }
    holder = directory_tsi_by_ip(v->dir, vn->id, &ip);
    lease = holder ? directory_lease(v->dir, holder->id, &ip) : NULL;
    if (!lease || !story_tsi(v, plan, holder->id)) {
        return;                 /* Nobody's, or given; or makes room. */
    }
    probe = directory_probe_of_ip(v->dir, holder->id, NVA_PROBE_CLAIM, &ip);
    if (holder->id != rival->id) {
        if (lease->frozen) {
            note(rival, &ip, NVA_NOTE_DROPPED, NVA_R_FROZEN, plan);
        } else if (!is_echo(v, lease)) {
            contest(v, holder, rival, &ip, plan);
        }
    } else if (probe) {
        /* It said so by itself: no need to ask on. */
        stays(v, probe, plan);
        probe_cancel(v, holder->id, NVA_PROBE_CLAIM, &ip, plan);
    }
}

/* Who has sent the frame, as the plan leaves it; it may be new. */
static const struct nva_tsi *
sender(const struct nva_view *v, const struct nva_event *ev,
       const struct nva_plan *plan)
{
    struct eth_addr mac = ev->packet.frame.eth_src;
    const struct nva_tsi *tsi = directory_tsi_by_mac(v->dir, ev->packet.vn,
                                                     mac);

    if (tsi) {
        return story_tsi(v, plan, tsi->id);
    }
    for (size_t i = plan->deltas.n; i-- > 0; ) {
        const struct nva_delta *d = &plan->deltas.a[i];

        if (d->type == NVA_DELTA_TSI_PUT && d->tsi.vn == ev->packet.vn
            && eth_addr_equals(d->tsi.mac, mac)) {
            return &d->tsi;
        }
    }
    return NULL;
}

/* True if the last claim has only just been answered: one that says so all the
 * time is no reason to ask all the time. */
static bool
is_echo(const struct nva_view *v, const struct nva_lease *lease)
{
    return (lease->n_conflicts
            && v->now - lease->conflict_at < NVA_CLAIM_PACE);
}

/* Asks the holder, for each of its addresses that is claimed; but not where
 * nobody can be, nor so often that moves could not be asked about. */
static void
contest(const struct nva_view *v, const struct nva_tsi *holder,
        const struct nva_tsi *rival, const struct in6_addr *ip,
        struct nva_plan *plan)
{
    const struct nva_probe what = {
        .why = NVA_PROBE_CLAIM, .ip = *ip, .tsi = holder->id,
        .rival = rival->id, .n_places = 1,
        .places = { { .place = holder->current } },
    };
    const struct nva_probe *old = directory_probe_of_ip(
        v->dir, holder->id, NVA_PROBE_CLAIM, ip);

    if (is_moving(v, holder)) {
        refuse(rival, ip, NVA_R_MOVE_IN_PROGRESS, plan);
    } else if (rival->n_ips >= NVA_IPS_MAX) {
        refuse(rival, ip, NVA_R_LIMIT, plan);
    } else if (is_unplugged(v, holder)) {
        goes(v, &what, plan);
    } else if (old) {
        replace_rival(v, old, rival, plan);
    } else if (directory_n_probes(v->dir) >= NVA_ROUTINE_PROBES_MAX
               || directory_n_probes_for(v->dir, NVA_PROBE_CLAIM)
                  >= NVA_CLAIM_PROBES_MAX) {
        refuse(rival, ip, NVA_R_LIMIT, plan);
    } else {
        probe_begin(v, holder, &what, plan);
    }
}

static void
refuse(const struct nva_tsi *rival, const struct in6_addr *ip,
       enum nva_reason reason, struct nva_plan *plan)
{
    note(rival, ip, NVA_NOTE_DROPPED, reason, plan);
}

/* Who claimed it first may be gone, or have no room: then who claims it now
 * gets it. */
static void
replace_rival(const struct nva_view *v, const struct nva_probe *old,
              const struct nva_tsi *rival, struct nva_plan *plan)
{
    const struct nva_tsi *first = story_tsi(v, plan, old->rival);

    if (!can_take(first, rival->vn)) {
        struct nva_delta *d = nva_deltas_add(&plan->deltas,
                                             NVA_DELTA_PROBE_PUT);

        d->id = old->id;
        d->probe = *old;
        d->probe.rival = rival->id;
    }
}

static bool
can_take(const struct nva_tsi *rival, nva_id vn)
{
    return rival && rival->vn == vn && rival->n_ips < NVA_IPS_MAX;
}

/* ## Verdicts ## */

void
duplicate_outcome(const struct nva_view *v, const struct nva_probe *probe,
                  enum nva_reason outcome,
                  const struct nva_probe_place *where OVS_UNUSED,
                  struct nva_plan *plan)
{
    const struct nva_tsi *holder = directory_tsi(v->dir, probe->tsi);

    if (!directory_lease(v->dir, probe->tsi, &probe->ip)) {
        return;                         /* It has lost it meanwhile. */
    } else if (outcome == NVA_R_ANSWERED_HERE) {
        stays(v, probe, plan);
    } else if (holder->sequence == probe->sequence && !is_moving(v, holder)
               && (outcome == NVA_R_NO_ANSWER || holder->stopped
                   || is_unplugged(v, holder))) {
        goes(v, probe, plan);
    }
}

static void
stays(const struct nva_view *v, const struct nva_probe *probe,
      struct nva_plan *plan)
{
    const struct nva_tsi *holder = story_tsi(v, plan, probe->tsi);
    struct nva_lease l = *directory_lease(v->dir, probe->tsi, &probe->ip);
    struct nva_tsi rival = { .id = NVA_ID_NONE };
    const struct nva_tsi *known = story_tsi(v, plan, probe->rival);
    struct nva_note *n = note(holder, &probe->ip, NVA_NOTE_DUPLICATE,
                              NVA_R_CLAIMED, plan);

    if (known) {
        rival = *known;
    }
    n->other = rival.current.nve;
    /* The plan may have renewed it already, by the same frame. */
    l.heard = v->now;
    l.silent = false;
    l.look = 0;
    count(v, holder, &rival, &l, plan);
    put(plan, &l);
}

/* To who claimed it, if that is still there; else it only ages. */
static void
goes(const struct nva_view *v, const struct nva_probe *probe,
     struct nva_plan *plan)
{
    struct nva_lease l = *directory_lease(v->dir, probe->tsi, &probe->ip);
    const struct nva_tsi *rival = story_tsi(v, plan, probe->rival);
    struct nva_tsi from = *story_tsi(v, plan, probe->tsi), to;

    if (!can_take(rival, from.vn)) {
        if (rival) {
            refuse(rival, &probe->ip, NVA_R_LIMIT, plan);
        }
        return;
    }
    to = *rival;
    nva_tsi_drop_ip(&from, &probe->ip);
    to.ips[to.n_ips++] = probe->ip;
    story_put_tsi(plan, &from);
    story_put_tsi(plan, &to);
    note(&to, &probe->ip, NVA_NOTE_LEARNED, NVA_R_NO_ANSWER, plan)->other
        = from.current.nve;
    l = (struct nva_lease) {
        .tsi = to.id, .ip = l.ip, .n_conflicts = l.n_conflicts,
        .conflicts_since = l.conflicts_since,
    };
    count(v, &to, &from, &l, plan);
    put(plan, &l);
}

/* True while it stands still for a move: it will be asked when it goes on. */
static bool
is_moving(const struct nva_view *v, const struct nva_tsi *holder)
{
    return (holder->paused
            || (holder->stopped && directory_vm(v->dir, holder->vm)->move));
}

/* Nobody is where the port is gone; where the session is, who knows, and who
 * has a move under way may be at its other end.  Who is off may be only about
 * to start again, at a port that is made anew. */
static bool
is_unplugged(const struct nva_view *v, const struct nva_tsi *holder)
{
    const struct nva_nve *nve = directory_nve(v->dir, holder->current.nve);

    return (!holder->stopped && !directory_vm(v->dir, holder->vm)->move
            && (!nve || (nve->connected
                         && !directory_port(v->dir, nve->id,
                                            holder->current.port))));
}

/* As moves are counted (RFC 7432 s15.1): from the first one on for the length
 * of the window. */
static void
count(const struct nva_view *v, const struct nva_tsi *holder,
      const struct nva_tsi *rival, struct nva_lease *l, struct nva_plan *plan)
{
    const struct nva_vn *vn = directory_vn(v->dir, holder->vn);

    if (!l->n_conflicts
        || v->now - l->conflicts_since > vn->duplicate_window * NVA_SEC) {
        l->n_conflicts = 0;
        l->conflicts_since = v->now;
    }
    l->n_conflicts++;
    l->conflict_at = v->now;
    if (vn->duplicate_moves && l->n_conflicts >= vn->duplicate_moves) {
        l->frozen = true;
        l->thaws_at = (vn->freeze_time ? v->now + vn->freeze_time * NVA_SEC
                       : 0);
        l->look = l->thaws_at ? MIN(l->look, l->thaws_at) : l->look;
        note(holder, &l->ip, NVA_NOTE_FROZEN, NVA_R_CLAIMED, plan)->other
            = rival->current.nve;
    }
}

/* ## Thawing ## */

void
duplicate_thaw(const struct nva_view *v, const struct nva_tsi *tsi,
               struct nva_plan *plan)
{
    struct nva_walk w = { .view = v, .plan = plan };

    directory_each_lease_of_tsi(v->dir, tsi->id, thaw_cb, &w);
}

static bool
thaw_cb(const void *lease, void *w_)
{
    const struct nva_walk *w = w_;
    struct nva_lease l = *(const struct nva_lease *) lease;

    if (l.frozen) {
        duplicate_thaw_lease(w->view, &l, NVA_R_CALLER, w->plan);
        put(w->plan, &l);
    }
    return true;
}

void
duplicate_thaw_lease(const struct nva_view *v, struct nva_lease *l,
                     enum nva_reason reason, struct nva_plan *plan)
{
    l->frozen = false;
    l->thaws_at = 0;
    l->n_conflicts = 0;
    note(directory_tsi(v->dir, l->tsi), &l->ip, NVA_NOTE_THAWED, reason,
         plan);
}

static struct nva_note *
note(const struct nva_tsi *tsi, const struct in6_addr *ip,
     enum nva_note_type type, enum nva_reason reason, struct nva_plan *plan)
{
    struct nva_note *n = nva_plan_note_tsi(plan, type, reason, tsi);

    n->ip = *ip;
    return n;
}

static void
put(struct nva_plan *plan, const struct nva_lease *l)
{
    nva_deltas_add(&plan->deltas, NVA_DELTA_LEASE_PUT)->lease = *l;
}
