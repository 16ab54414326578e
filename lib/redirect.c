/* SPDX-License-Identifier: Apache-2.0 */

/* Knows when a redirect begins, leads elsewhere and ends.  Must never know why
 * the VM moved, nor what a redirect looks like on the wire.
 *
 * Invariant: once published, an interface has no redirect at its own NVE, and
 * every one of its redirects leads to that NVE.  draft vmm-15 s5. */

#include <config.h>

#include "redirect.h"

#include "openvswitch/util.h"
#include "story.h"
#include "util.h"

/* A flow's hard timeout is whole seconds, rounded up, and runs from when the
 * switch got it: past this the switch has ended it, told or not. */
#define EXPIRY_GRACE (2 * NVA_SEC)

struct search {
    nva_id at;
    const struct nva_redirect *found;
    const struct nva_redirect *oldest;
    size_t n;
};

struct walk {
    const struct nva_view *view;
    const struct nva_tsi *tsi;
    nva_id move;
    nva_id evicted;
    bool (*owes)(const struct nva_view *, const struct nva_tsi *);
    nva_usec deadline;
    struct nva_plan *plan;
};

static directory_cb search_cb, retarget_cb, renew_cb, timer_cb, deadline_cb;
static void put(struct nva_plan *, const struct nva_redirect *);
static void del(struct nva_plan *, const struct nva_redirect *);
static void stamp(struct nva_plan *, const struct nva_redirect *,
                  enum nva_stamp_kind, nva_usec now, uint64_t count);
static bool resets(const struct nva_view *, const struct nva_tsi *,
                   const char *port);
static bool is_pause(const struct nva_tsi *, const struct nva_redirect *);
static nva_usec margin(const struct directory *, const struct nva_redirect *);

nva_usec
redirect_timeout(const struct directory *dir, const struct nva_tsi *tsi)
{
    const struct nva_vn *vn = directory_vn(dir, tsi->vn);

    return (vn ? vn->redirect_timeout : NVA_REDIRECT_TIMEOUT_DEFAULT)
           * NVA_SEC;
}

const struct nva_redirect *
redirect_at(const struct directory *dir, nva_id tsi, nva_id at)
{
    struct search s = { .at = at };

    directory_each_redirect_of_tsi(dir, tsi, search_cb, &s);
    return s.found;
}

nva_id
redirect_arm(const struct nva_view *v, const struct nva_tsi *tsi,
             const struct nva_place *at, nva_id to, nva_id move,
             struct nva_plan *plan)
{
    struct search s = { .at = at->nve };
    nva_id evicted = NVA_ID_NONE;
    struct nva_redirect r = {
        .id = nva_plan_new_id(plan),
        .tsi = tsi->id, .at = at->nve, .to = to, .move = move,
        .since = v->now,
        .until = v->now + redirect_timeout(v->dir, tsi),
        .resets = resets(v, tsi, at->port) && !tsi->early,
    };

    ovs_strlcpy(r.port, at->port, sizeof r.port);
    directory_each_redirect_of_tsi(v->dir, tsi->id, search_cb, &s);
    if (s.n >= NVA_REDIRECTS_PER_TSI_MAX && s.oldest) {
        del(plan, s.oldest);
        stamp(plan, s.oldest, NVA_STAMP_REDIRECT_OFF, v->now, 0);
        evicted = s.oldest->id;
    }
    put(plan, &r);
    stamp(plan, &r, NVA_STAMP_REDIRECT_ON, v->now, 0);
    return evicted;
}

/* Late packets call a redirect, too, from a place without a port: who sends
 * them may have connected since (D18). */
static bool
resets(const struct nva_view *v, const struct nva_tsi *tsi, const char *port)
{
    return port[0] && directory_vm(v->dir, tsi->vm)->connections
                      == NVA_CONNECTIONS_RESET;
}

void
redirect_stop(const struct nva_view *v, const struct nva_tsi *tsi,
              struct nva_plan *plan)
{
    const struct nva_redirect *old = redirect_at(v->dir, tsi->id,
                                                 tsi->current.nve);

    if (old && !old->resets && resets(v, tsi, old->port)) {
        struct nva_redirect r = *old;

        r.resets = true;
        put(plan, &r);
    }
}

void
redirect_clear_at(const struct nva_view *v, const struct nva_tsi *tsi,
                  nva_id at, struct nva_plan *plan)
{
    const struct nva_redirect *r = redirect_at(v->dir, tsi->id, at);

    if (r) {
        del(plan, r);
        stamp(plan, r, NVA_STAMP_REDIRECT_OFF, v->now, 0);
    }
}

void
redirect_follow(const struct nva_view *v, const struct nva_tsi *tsi,
                const struct nva_place *old, nva_id move,
                struct nva_plan *plan)
{
    struct walk w = { .view = v, .tsi = tsi, .move = move, .plan = plan };
    nva_id here = tsi->published.nve;

    if (nva_place_is_set(old) && old->nve != here
        && !redirect_at(v->dir, tsi->id, old->nve)) {
        w.evicted = redirect_arm(v, tsi, old, here, move, plan);
    }
    directory_each_redirect_of_tsi(v->dir, tsi->id, retarget_cb, &w);
}

void
redirect_ended(const struct nva_view *v, nva_id id, uint64_t packets,
               struct nva_plan *plan)
{
    const struct nva_redirect *r = directory_redirect(v->dir, id);

    if (r) {
        const struct nva_tsi *tsi = directory_tsi(v->dir, r->tsi);

        del(plan, r);
        stamp(plan, r, NVA_STAMP_REDIRECT_OFF, v->now, packets);
        if (is_pause(tsi, r)) {
            redirect_arm(v, tsi, &tsi->current, r->to, r->move, plan);
        }
    }
}

void
redirect_restore(const struct nva_redirect *r, struct nva_plan *plan)
{
    put(plan, r);
}

void
redirect_renew(const struct nva_view *v, nva_id tsi, struct nva_plan *plan)
{
    struct walk w = { .view = v, .plan = plan };

    directory_each_redirect_of_tsi(v->dir, tsi, renew_cb, &w);
}

static bool
renew_cb(const void *redirect, void *w_)
{
    const struct nva_redirect *old = redirect;
    struct walk *w = w_;
    struct nva_redirect r = *old;

    r.id = nva_plan_new_id(w->plan);
    del(w->plan, old);
    put(w->plan, &r);
    return true;
}

/* The pause's own redirect lasts as long as the pause. */
static bool
is_pause(const struct nva_tsi *tsi, const struct nva_redirect *r)
{
    return tsi->paused && r->at == tsi->current.nve;
}

void
redirect_timer(const struct nva_view *v,
               bool (*owes)(const struct nva_view *, const struct nva_tsi *),
               struct nva_plan *plan)
{
    struct walk w = { .view = v, .owes = owes, .plan = plan };

    directory_each_redirect(v->dir, timer_cb, &w);
}

nva_usec
redirect_deadline(const struct nva_view *v)
{
    struct walk w = { .view = v, .deadline = NVA_NEVER };

    directory_each_redirect(v->dir, deadline_cb, &w);
    return w.deadline;
}

static void
put(struct nva_plan *plan, const struct nva_redirect *r)
{
    struct nva_delta *d = nva_deltas_add(&plan->deltas,
                                         NVA_DELTA_REDIRECT_PUT);

    d->id = r->id;
    d->redirect = *r;
}

/* Once: what is cleared may also be the oldest that makes room. */
static void
del(struct nva_plan *plan, const struct nva_redirect *r)
{
    if (!nva_plan_find(plan, NVA_DELTA_REDIRECT_DEL, r->id)) {
        nva_deltas_add(&plan->deltas, NVA_DELTA_REDIRECT_DEL)->id = r->id;
    }
}

static void
stamp(struct nva_plan *plan, const struct nva_redirect *r,
      enum nva_stamp_kind kind, nva_usec now, uint64_t count)
{
    const struct nva_stamp stamp = {
        .kind = kind, .when = now, .nve = r->at, .other = r->to,
        .count = count,
    };

    story_stamp_about(plan, r->move, &stamp);
}

static bool
search_cb(const void *redirect, void *s_)
{
    const struct nva_redirect *r = redirect;
    struct search *s = s_;

    s->n++;
    if (r->at == s->at) {
        s->found = r;
    }
    if (!s->oldest || r->since < s->oldest->since) {
        s->oldest = r;
    }
    return true;
}

/* A redirect at the VM's own NVE ends; one that leads elsewhere is replaced by
 * an instance that leads here; one that leads here (a pause made it) lives its
 * full time from now on. */
static bool
retarget_cb(const void *redirect, void *w_)
{
    const struct nva_redirect *old = redirect;
    struct walk *w = w_;
    nva_usec now = w->view->now;
    struct nva_redirect r = *old;

    if (old->id == w->evicted) {
        return true;
    }
    if (old->at == w->tsi->published.nve) {
        del(w->plan, old);
        stamp(w->plan, old, NVA_STAMP_REDIRECT_OFF, now, 0);
        return true;
    }
    r.until = now + redirect_timeout(w->view->dir, w->tsi);
    r.resets |= resets(w->view, w->tsi, old->port);
    if (old->to != w->tsi->published.nve) {
        r.id = nva_plan_new_id(w->plan);
        r.to = w->tsi->published.nve;
        r.since = now;
        r.move = w->move;
        del(w->plan, old);
        put(w->plan, &r);
        stamp(w->plan, &r, NVA_STAMP_REDIRECT_RETARGETED, now, 0);
    } else {
        put(w->plan, &r);
    }
    return true;
}

/* How long before its end a redirect is looked at again. */
static nva_usec
margin(const struct directory *dir, const struct nva_redirect *r)
{
    const struct nva_tsi *tsi = directory_tsi(dir, r->tsi);
    nva_usec timeout = tsi ? redirect_timeout(dir, tsi) : NVA_SEC;

    return MIN(NVA_SEC, timeout / 2);
}

static bool
timer_cb(const void *redirect, void *w_)
{
    const struct nva_redirect *r = redirect;
    struct walk *w = w_;
    const struct nva_view *v = w->view;
    const struct nva_tsi *tsi = directory_tsi(v->dir, r->tsi);

    if (v->now < r->until - margin(v->dir, r)) {
        return true;
    }
    if (is_pause(tsi, r)
        || (v->now < r->until && v->now - r->since < NVA_REDIRECT_MAX
            && w->owes(v, tsi))) {
        struct nva_redirect again = *r;

        again.until = v->now + redirect_timeout(v->dir, tsi);
        put(w->plan, &again);
        stamp(w->plan, &again, NVA_STAMP_REDIRECT_REARMED, v->now, 0);
    } else if (v->now >= r->until + EXPIRY_GRACE) {
        del(w->plan, r);
        stamp(w->plan, r, NVA_STAMP_REDIRECT_OFF, v->now, 0);
    }
    return true;
}

static bool
deadline_cb(const void *redirect, void *w_)
{
    const struct nva_redirect *r = redirect;
    struct walk *w = w_;
    nva_usec look = r->until - margin(w->view->dir, r);
    nva_usec next = (w->view->now < look ? look : r->until + EXPIRY_GRACE);

    w->deadline = MIN(w->deadline, next);
    return true;
}
