/* SPDX-License-Identifier: Apache-2.0 */

/* The early pause: what comes for a VM that still runs waits already, so that
 * nothing is lost when it stops.  Knows its times, and when floods may leave
 * one place for the other; must never know who asked for it.
 *
 * Invariant: an interface gets each flood at one of its places at most: none
 * enters a port before the other one's switch has confirmed that none goes
 * there, and its datapath follows.  draft vmm-15 s4.4 (D17, D18). */

#include <config.h>

#include "converge.h"

#include "converge-private.h"
#include "relocate.h"
#include "story.h"
#include "util.h"

static bool is_lost(const struct nva_view *, const struct nva_move *);
static void run_on(const struct nva_view *, struct nva_move *,
                   enum nva_reason, struct nva_plan *);
static bool is_deaf(const struct nva_view *, const struct nva_move *);
static void let_floods_enter(const struct nva_view *, struct nva_move *,
                             struct nva_plan *);
static bool may_floods_enter(const struct nva_view *, const struct nva_move *);
static bool have_floods_left(const struct nva_view *, const struct nva_tsi *);

void
converge_early(const struct nva_view *v, struct nva_move *move,
               struct nva_plan *plan)
{
    if (move->early && !move->early_until && !converge_is_pausing(v, move)) {
        move->early_until = v->now + move->early_ms * NVA_MSEC;
        story_put(plan, move);
    }
    if (move->early && is_lost(v, move)) {
        run_on(v, move, NVA_R_DESTINATION_DOWN, plan);
    } else if (move->early
               && v->now >= (move->early_until ? move->early_until
                             : move->paused_at + NVA_EARLY_CONFIRM)) {
        run_on(v, move, NVA_R_TIMED_OUT, plan);
    } else if (is_deaf(v, move)) {
        let_floods_enter(v, move, plan);
    }
}

nva_usec
converge_early_at(const struct nva_view *v, const struct nva_move *move)
{
    nva_usec at = move->floods_at ? move->floods_at : NVA_NEVER;

    if (move->state != NVA_MS_PREPARED && move->state != NVA_MS_PAUSED) {
        return NVA_NEVER;
    } else if (!move->early) {
        return at;
    } else if (move->early_until) {
        return MIN(at, move->early_until);
    } else if (!converge_is_pausing(v, move)) {
        return v->now;
    }
    at = MIN(at, converge_pause_settles_at(v, move));
    return MIN(at, move->paused_at + NVA_EARLY_CONFIRM);
}

/* True if what waits would be lost at the destination. */
static bool
is_lost(const struct nva_view *v, const struct nva_move *move)
{
    const struct nva_nve *to = directory_nve(v->dir, move->to_nve);

    return !to || !to->connected;
}

/* The VM has not stopped in time: prepared again.  What waits comes out of its
 * old port. */
static void
run_on(const struct nva_view *v, struct nva_move *move, enum nva_reason reason,
       struct nva_plan *plan)
{
    story_go(v, plan, move, NVA_MS_PREPARED, reason);
    move->early = false;
    move->early_ms = 0;
    move->early_until = move->floods_at = move->settles_from = 0;
    story_put(plan, move);
    story_stamp(plan, move->id, NVA_STAMP_RUNS_ON, v->now, NVA_ID_NONE,
                reason);
    for (size_t i = 0; i < move->n_ifs; i++) {
        struct nva_tsi t = *story_tsi(v, plan, move->ifs[i].tsi);

        relocate_run_on(v, plan, &t);
    }
}

/* ## Floods ## */

static bool
is_deaf(const struct nva_view *v, const struct nva_move *move)
{
    for (size_t i = 0; i < move->n_ifs; i++) {
        if (directory_tsi(v->dir, move->ifs[i].tsi)->deaf) {
            return true;
        }
    }
    return false;
}

static void
let_floods_enter(const struct nva_view *v, struct nva_move *move,
                 struct nva_plan *plan)
{
    if (!move->floods_at) {
        if (may_floods_enter(v, move)) {
            move->floods_at = v->now + NVA_DATAPATH_SETTLE;
            story_put(plan, move);
        }
        return;
    } else if (v->now < move->floods_at) {
        return;
    }
    move->floods_at = 0;
    story_put(plan, move);
    for (size_t i = 0; i < move->n_ifs; i++) {
        struct nva_tsi t = *story_tsi(v, plan, move->ifs[i].tsi);

        t.deaf = false;
        story_put_tsi(plan, &t);
    }
}

static bool
may_floods_enter(const struct nva_view *v, const struct nva_move *move)
{
    for (size_t i = 0; i < move->n_ifs; i++) {
        if (!have_floods_left(v, directory_tsi(v->dir, move->ifs[i].tsi))) {
            return false;
        }
    }
    return true;
}

/* True if the place that floods for 'tsi' leave has none any more.  Where
 * others at its port go on getting them it is deaf at the new place until it
 * stops (never twice), but not at the old one, where it runs. */
static bool
have_floods_left(const struct nva_view *v, const struct nva_tsi *tsi)
{
    const struct nva_place *left = (tsi->paused ? &tsi->current
                                    : &tsi->prepared);
    const struct nva_nve *nve = directory_nve(v->dir, left->nve);
    const struct nva_vap *vap = directory_vap_for(v->dir, left->nve,
                                                  left->port, tsi->mac);

    if (!tsi->deaf || !vap
        || !directory_port(v->dir, left->nve, left->port)) {
        return true;
    } else if (!nve->connected || !directory_is_quiet(v->dir, vap)) {
        return !tsi->paused;
    }
    return nva_confirmed(v, left->nve, (struct nva_owner) {
                             NVA_OWNER_QUIET, vap->id });
}
