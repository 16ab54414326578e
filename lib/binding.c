/* SPDX-License-Identifier: Apache-2.0 */

/* Makes and drops implied VAPs.  Knows which VN a port serves; must never know
 * why a VM is, or may be, at a place.
 *
 * Invariant: an implied VAP is there as long as an interface of its VN has a
 * place at its port, or has left it and a redirect, or the move that took it
 * away, is not over; once the port itself is gone, only the NVE's service to
 * the redirect stays. */

#include <config.h>

#include "binding.h"

#include <string.h>

#include "explain.h"
#include "fabric.h"
#include "packets.h"
#include "placement.h"
#include "story.h"
#include "util.h"

struct users {
    const struct nva_view *view;
    const struct nva_plan *plan;
    const struct nva_place *place;
    nva_id vn;
    bool any;
};

/* Redirects that were left at a port that is gone. */
struct keep {
    const struct nva_view *view;
    const struct nva_place *place;
    struct nva_plan *plan;
    bool names;
    size_t n;
};

/* No name of a port begins so: see nva_name_is_valid(). */
#define NAMELESS '~'

static directory_cb users_cb, count_cb, left_cb, gone_cb, keep_cb;
static void keep_planned(struct keep *);
static void name_vap(struct keep *, struct nva_redirect *);
static void free_port(const struct nva_view *, nva_id nve, const char *port,
                      nva_id vn, struct nva_plan *);
static void sweep_tsi(const struct nva_view *, const struct nva_tsi *old,
                      struct nva_plan *);
static void sweep_redirect(const struct nva_view *,
                           const struct nva_redirect *old, struct nva_plan *);
static void sweep_move(const struct nva_view *, const struct nva_move *old,
                       struct nva_plan *);
static void release(const struct nva_view *, const struct nva_place *,
                    const struct nva_tsi *, struct nva_plan *);
static bool is_changed(const struct nva_plan *, nva_id vap);
static struct nva_place redirect_place(const struct nva_redirect *);
static bool is_left_by(const struct nva_view *, const struct nva_place *,
                       const struct nva_tsi *, const struct nva_plan *);
static bool is_moved_from(const struct nva_view *, const struct nva_place *,
                          const struct nva_tsi *, const struct nva_plan *);
static bool is_used(const struct nva_view *, const struct nva_place *,
                    nva_id vn, const struct nva_plan *);
static enum nva_reason check_port(const struct nva_view *, nva_id nve,
                                  const char *port, nva_id vn,
                                  struct nva_plan *, bool *bound);

enum nva_reason
binding_imply(const struct nva_view *v, nva_id nve, const char *port,
              nva_id vn, struct nva_plan *plan)
{
    enum nva_reason reason;
    struct nva_delta *d;
    bool bound;

    free_port(v, nve, port, vn, plan);
    reason = check_port(v, nve, port, vn, plan, &bound);
    if (reason || bound) {
        return reason;
    }
    reason = placement_check(v, nve, vn, plan);
    if (reason) {
        return reason;
    }
    if (!binding_has_room(v, nve, vn)) {
        return explain_room(plan);
    }
    if (!directory_nve_serves(v->dir, nve, vn)) {
        fabric_warm(v, nve, vn, plan);
    }
    d = nva_deltas_add(&plan->deltas, NVA_DELTA_VAP_PUT);
    d->id = nva_plan_new_id(plan);
    d->vap.id = d->id;
    d->vap.nve = nve;
    d->vap.vn = vn;
    d->vap.implied = true;
    ovs_strlcpy(d->vap.port, port, sizeof d->vap.port);
    return NVA_OK;
}

bool
binding_has_room(const struct nva_view *v, nva_id nve, nva_id vn)
{
    size_t n = 0;

    directory_each_vap_of_vn(v->dir, nve, vn, count_cb, &n);
    return (n < NVA_VAPS_PER_VN_AT_NVE_MAX
            && directory_n_vaps(v->dir, nve) < NVA_VAPS_PER_NVE_MAX
            && (directory_nve_serves(v->dir, nve, vn)
                || directory_n_nves_of_vn(v->dir, vn) < NVA_NVES_PER_VN_MAX));
}

void
binding_sweep(const struct nva_view *v, struct nva_plan *plan)
{
    for (size_t i = 0, n = plan->deltas.n; i < n; i++) {
        /* By value: the sweep's own deltas move the list. */
        const enum nva_delta_type type = plan->deltas.a[i].type;
        const nva_id id = plan->deltas.a[i].id;

        if (type == NVA_DELTA_TSI_PUT || type == NVA_DELTA_TSI_DEL) {
            sweep_tsi(v, directory_tsi(v->dir, id), plan);
        } else if (type == NVA_DELTA_REDIRECT_DEL) {
            sweep_redirect(v, directory_redirect(v->dir, id), plan);
        } else if (type == NVA_DELTA_MOVE_PUT) {
            sweep_move(v, directory_move(v->dir, id), plan);
        }
    }
}

void
binding_event(const struct nva_view *v, const struct nva_event *ev,
              struct nva_plan *plan)
{
    struct nva_walk w = { .view = v, .plan = plan };
    struct nva_place place = { .nve = ev->nve };

    if (ev->type == NVA_EV_NVE_UP) {
        directory_each_vap(v->dir, ev->nve, gone_cb, &w);
    } else if (ev->type == NVA_EV_PORT && ev->port.gone) {
        ovs_strlcpy(place.port, ev->port.port.name, sizeof place.port);
        if (directory_port_is_gone(v->dir, &place)) {
            binding_leave_port(v, &place, plan);
        }
    }
}

bool
binding_leave_port(const struct nva_view *v, const struct nva_place *place,
                   struct nva_plan *plan)
{
    const struct nva_vap *vap = directory_vap_by_key(
        v->dir, place->nve, place->port, false, eth_addr_zero);
    struct keep keep = { .view = v, .place = place, .plan = plan };

    for (int pass = 0; pass < 2; pass++) {
        keep_planned(&keep);
        directory_each_redirect_at(v->dir, place->nve, keep_cb, &keep);
        if (keep.n + directory_n_vaps(v->dir, place->nve)
            > NVA_VAPS_PER_NVE_MAX) {
            return false;
        }
        keep.n = 0;
        keep.names = true;
    }
    if (vap && vap->implied && !is_changed(plan, vap->id)
        && !is_used(v, place, vap->vn, plan)) {
        nva_deltas_add(&plan->deltas, NVA_DELTA_VAP_DEL)->id = vap->id;
    }
    return true;
}

bool
binding_is_nameless(const struct nva_vap *vap)
{
    return vap->port[0] == NAMELESS;
}

static bool
gone_cb(const void *vap_, void *w_)
{
    const struct nva_walk *w = w_;
    const struct nva_place place = nva_vap_place(vap_);

    if (!binding_is_nameless(vap_)
        && directory_port_is_gone(w->view->dir, &place)) {
        binding_leave_port(w->view, &place, w->plan);
    }
    return true;
}

/* Counts the redirects that were left at the place, but for those that the
 * plan writes or ends; gives each a VAP of its own if 'keep' is to. */
static bool
keep_cb(const void *redirect_, void *keep_)
{
    struct nva_redirect r = *(const struct nva_redirect *) redirect_;
    struct keep *keep = keep_;
    struct nva_delta *d;

    if (strcmp(r.port, keep->place->port)
        || nva_plan_find(keep->plan, NVA_DELTA_REDIRECT_PUT, r.id)
        || nva_plan_find(keep->plan, NVA_DELTA_REDIRECT_DEL, r.id)) {
        return true;
    }
    keep->n++;
    if (keep->names) {
        name_vap(keep, &r);
        d = nva_deltas_add(&keep->plan->deltas, NVA_DELTA_REDIRECT_PUT);
        d->id = r.id;
        d->redirect = r;
    }
    return true;
}

/* The same for those that the plan writes. */
static void
keep_planned(struct keep *keep)
{
    for (size_t i = 0; i < keep->plan->deltas.n; i++) {
        const struct nva_delta *d = &keep->plan->deltas.a[i];
        struct nva_redirect r = d->redirect;

        if (d->type != NVA_DELTA_REDIRECT_PUT || r.at != keep->place->nve
            || strcmp(r.port, keep->place->port)) {
            continue;
        }
        keep->n++;
        if (keep->names) {
            name_vap(keep, &r);
            keep->plan->deltas.a[i].redirect = r;
        }
    }
}

static void
name_vap(struct keep *keep, struct nva_redirect *r)
{
    const nva_id id = nva_plan_new_id(keep->plan);
    struct nva_delta *d = nva_deltas_add(&keep->plan->deltas,
                                         NVA_DELTA_VAP_PUT);

    snprintf(r->port, sizeof r->port, "%c%"PRIx64, NAMELESS, id);
    d->id = id;
    d->vap = (struct nva_vap) {
        .id = id, .nve = r->at, .implied = true,
        .vn = directory_tsi(keep->view->dir, r->tsi)->vn,
    };
    ovs_strlcpy(d->vap.port, r->port, sizeof d->vap.port);
}

/* If the port is gone and bound to another VN, which has left it, it is
 * free. */
static void
free_port(const struct nva_view *v, nva_id nve, const char *port, nva_id vn,
          struct nva_plan *plan)
{
    const struct nva_vap *vap = directory_vap_by_key(v->dir, nve, port, false,
                                                     eth_addr_zero);

    if (vap && vap->vn != vn) {
        const struct nva_place place = nva_vap_place(vap);

        if (directory_port_is_gone(v->dir, &place)) {
            binding_leave_port(v, &place, plan);
        }
    }
}

static void
sweep_tsi(const struct nva_view *v, const struct nva_tsi *old,
          struct nva_plan *plan)
{
    if (old) {
        release(v, &old->current, old, plan);
        release(v, &old->published, old, plan);
        release(v, &old->prepared, old, plan);
    }
}

static void
sweep_redirect(const struct nva_view *v, const struct nva_redirect *old,
               struct nva_plan *plan)
{
    if (old) {
        const struct nva_place left = redirect_place(old);

        release(v, &left, directory_tsi(v->dir, old->tsi), plan);
    }
}

static void
sweep_move(const struct nva_view *v, const struct nva_move *old,
           struct nva_plan *plan)
{
    for (size_t i = 0; old && i < old->n_ifs; i++) {
        const struct nva_tsi *tsi = directory_tsi(v->dir, old->ifs[i].tsi);

        if (tsi) {
            release(v, &old->ifs[i].from, tsi, plan);
            release(v, &old->ifs[i].to, tsi, plan);
        }
    }
}

/* Appends the deletion of the implied VAP at 'place', which 'tsi' had a reason
 * to need, if nothing needs it as 'plan' leaves it. */
static void
release(const struct nva_view *v, const struct nva_place *place,
        const struct nva_tsi *tsi, struct nva_plan *plan)
{
    const struct nva_vap *vap;

    if (!nva_place_is_set(place)) {
        return;
    }
    vap = directory_vap_by_key(v->dir, place->nve, place->port, false,
                               eth_addr_zero);
    if (!vap || !vap->implied || vap->vn != tsi->vn
        || is_changed(plan, vap->id) || is_used(v, place, tsi->vn, plan)) {
        return;
    }
    if (!binding_is_nameless(vap) && directory_port_is_gone(v->dir, place)
        && binding_leave_port(v, place, plan)) {
        return;
    }
    if (!is_left_by(v, place, tsi, plan)
        && !is_moved_from(v, place, tsi, plan)) {
        nva_deltas_add(&plan->deltas, NVA_DELTA_VAP_DEL)->id = vap->id;
    }
}

static bool
count_cb(const void *vap OVS_UNUSED, void *n)
{
    ++*(size_t *) n;
    return true;
}

/* Looks for a VAP of any VN at the port, first in the directory, then among
 * those that this very plan makes. */
static enum nva_reason
check_port(const struct nva_view *v, nva_id nve, const char *port, nva_id vn,
           struct nva_plan *plan, bool *bound)
{
    const struct nva_vap *vap = directory_vap_by_key(v->dir, nve, port, false,
                                                     eth_addr_zero);

    if (vap && nva_plan_find(plan, NVA_DELTA_VAP_DEL, vap->id)) {
        vap = NULL;
    }
    for (size_t i = 0; !vap && i < plan->deltas.n; i++) {
        const struct nva_delta *d = &plan->deltas.a[i];

        if (d->type == NVA_DELTA_VAP_PUT && d->vap.nve == nve
            && !d->vap.has_mac && !strcmp(d->vap.port, port)) {
            vap = &d->vap;
        }
    }
    *bound = vap && vap->vn == vn;
    return vap && vap->vn != vn ? explain_vap(v, plan, vap) : NVA_OK;
}

/* True if the plan deletes it already, or makes it somebody's. */
static bool
is_changed(const struct nva_plan *plan, nva_id vap)
{
    return (nva_plan_find(plan, NVA_DELTA_VAP_PUT, vap)
            || nva_plan_find(plan, NVA_DELTA_VAP_DEL, vap));
}

static bool
has_place(const struct nva_tsi *tsi, const struct nva_place *place, nva_id vn)
{
    return tsi && tsi->vn == vn
           && (nva_place_equal(&tsi->current, place)
               || nva_place_equal(&tsi->published, place)
               || nva_place_equal(&tsi->prepared, place));
}

/* True if an interface of 'vn' has 'place' as 'plan' leaves it. */
static bool
is_used(const struct nva_view *v, const struct nva_place *place, nva_id vn,
        const struct nva_plan *plan)
{
    struct users u = { .view = v, .plan = plan, .place = place, .vn = vn };

    for (size_t i = 0; i < plan->deltas.n; i++) {
        const struct nva_delta *d = &plan->deltas.a[i];

        if (d->type == NVA_DELTA_TSI_PUT
            && has_place(story_tsi(v, plan, d->id), place, vn)) {
            return true;
        }
    }
    directory_each_tsi_at(v->dir, place->nve, place->port, users_cb, &u);
    return u.any;
}

static bool
users_cb(const void *tsi_, void *u_)
{
    const struct nva_tsi *tsi = tsi_;
    struct users *u = u_;

    u->any = has_place(story_tsi(u->view, u->plan, tsi->id), u->place, u->vn);
    return !u->any;
}

static struct nva_place
redirect_place(const struct nva_redirect *r)
{
    struct nva_place place = { .nve = r->at };

    ovs_strlcpy(place.port, r->port, sizeof place.port);
    return place;
}

/* True if a redirect of 'tsi' remains that was left at 'place': what the VM
 * sent before it left may still be on its way. */
static bool
is_left_by(const struct nva_view *v, const struct nva_place *place,
           const struct nva_tsi *tsi, const struct nva_plan *plan)
{
    struct users u = { .view = v, .plan = plan, .place = place };

    for (size_t i = 0; i < plan->deltas.n; i++) {
        const struct nva_delta *d = &plan->deltas.a[i];

        if (d->type == NVA_DELTA_REDIRECT_PUT && d->redirect.tsi == tsi->id) {
            left_cb(&d->redirect, &u);
        }
    }
    directory_each_redirect_of_tsi(v->dir, tsi->id, left_cb, &u);
    return u.any;
}

static bool
left_cb(const void *redirect_, void *u_)
{
    const struct nva_redirect *redirect = redirect_;
    const struct nva_place left = redirect_place(redirect);
    struct users *u = u_;
    bool ends = false;

    for (size_t i = 0; i < u->plan->deltas.n; i++) {
        const struct nva_delta *d = &u->plan->deltas.a[i];

        ends |= d->type == NVA_DELTA_REDIRECT_DEL && d->id == redirect->id;
    }
    u->any |= !ends && nva_place_equal(&left, u->place);
    return true;
}

/* True if the move of the VM of 'tsi' under way began at 'place', for the same
 * reason. */
static bool
is_moved_from(const struct nva_view *v, const struct nva_place *place,
              const struct nva_tsi *tsi, const struct nva_plan *plan)
{
    const struct nva_tsi *now = story_tsi(v, plan, tsi->id);
    const struct nva_move_if *mif = nva_move_if_of(
        now ? story_active(v, plan, now->vm) : NULL, tsi->id);

    return mif && nva_place_equal(&mif->from, place);
}
