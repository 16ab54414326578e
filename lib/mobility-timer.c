/* SPDX-License-Identifier: Apache-2.0 */

/* What a prepared move does by itself when time goes by.  Knows the move's own
 * times; must never know who asked for it, nor what a redirect waits for.
 *
 * Invariant: a move that has switched never ends by this; one that nobody
 * makes in its time ends failed, and nothing of it stays.
 * draft vmm-15 s3, s7 (D16, D22). */

#include <config.h>

#include "mobility.h"

#include "converge.h"
#include "fabric.h"
#include "mobility-private.h"
#include "story.h"
#include "util.h"

struct walk {
    const struct nva_view *view;
    struct nva_plan *plan;
    nva_usec deadline;
};

static directory_cb timer_cb, deadline_cb;
static nva_usec due_at(const struct nva_move *);
static enum nva_reason why_not(const struct nva_view *,
                               const struct nva_move *);
static void refresh(const struct nva_view *, const struct nva_move *,
                    struct nva_plan *);

void
mobility_timer(const struct nva_view *v, struct nva_plan *plan)
{
    struct walk w = { .view = v, .plan = plan };

    directory_each_active_move(v->dir, timer_cb, &w);
}

nva_usec
mobility_deadline(const struct nva_view *v)
{
    struct walk w = { .view = v, .deadline = NVA_NEVER };

    directory_each_active_move(v->dir, deadline_cb, &w);
    return w.deadline;
}

static bool
timer_cb(const void *move_, void *w_)
{
    const struct nva_move *move = move_;
    const struct walk *w = w_;
    const struct nva_view *v = w->view;

    if (v->now < due_at(move)) {
        return true;
    } else if (move->timeout && v->now >= move->switch_by) {
        mobility_take_back(v, move, NVA_MS_FAILED, why_not(v, move), w->plan);
    } else {
        refresh(v, move, w->plan);
    }
    return true;
}

static bool
deadline_cb(const void *move, void *w_)
{
    struct walk *w = w_;

    w->deadline = MIN(w->deadline, due_at(move));
    return true;
}

/* When 'move' is to be looked at; NVA_NEVER once it has switched or ended. */
static nva_usec
due_at(const struct nva_move *move)
{
    nva_usec at = NVA_NEVER;

    if (move->state != NVA_MS_PREPARED && move->state != NVA_MS_PAUSED) {
        return NVA_NEVER;
    }
    if (move->timeout) {
        at = move->switch_by;
    }
    return move->refresh ? MIN(at, move->refresh_at) : at;
}

/* Why a move has not been made in its time. */
static enum nva_reason
why_not(const struct nva_view *v, const struct nva_move *move)
{
    const struct nva_nve *to = directory_nve(v->dir, move->to_nve);

    if (!to || !to->connected) {
        return NVA_R_DESTINATION_DOWN;
    }
    for (size_t i = 0; i < move->n_ifs; i++) {
        const struct nva_place *place = &move->ifs[i].to;

        if (!directory_port(v->dir, place->nve, place->port)) {
            return NVA_R_PORT_ABSENT;
        }
    }
    return NVA_R_TIMED_OUT;
}

/* True if the destination has confirmed, in this session, all that the VM
 * needs there: what a pause asks for and the answers for its addresses. */
static bool
is_current(const struct nva_view *v, const struct nva_move *move)
{
    for (size_t i = 0; i < move->n_ifs; i++) {
        const struct nva_owner answers = { NVA_OWNER_ADDRESS,
                                           move->ifs[i].tsi };

        if (!nva_confirmed(v, move->to_nve, answers)) {
            return false;
        }
    }
    return converge_is_ready(v, move);
}

/* The destination of a warm move holds the VM's network state: looks whether
 * it still does, and keeps its tunnels' neighbours from being forgotten. */
static void
refresh(const struct nva_view *v, const struct nva_move *old,
        struct nva_plan *plan)
{
    struct nva_move move = *old;
    struct nva_stamp stamp = {
        .kind = NVA_STAMP_REFRESHED, .when = v->now, .nve = move.to_nve,
        .reason = is_current(v, &move) ? NVA_OK : NVA_R_NOT_READY, .count = 1,
    };

    for (size_t i = 0; i < move.n_ifs; i++) {
        const struct nva_tsi *tsi = directory_tsi(v->dir, move.ifs[i].tsi);

        fabric_warm(v, move.to_nve, tsi->vn, plan);
    }
    move.refresh_at = v->now + move.refresh * NVA_SEC;
    story_put(plan, &move);
    story_stamp_about(plan, move.id, &stamp);
}
