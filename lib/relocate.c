/* SPDX-License-Identifier: Apache-2.0 */

/* Moves one interface through its phases, which live in the directory as
 * current, published, prepared and paused.  Must never know who asked, nor
 * what the other interfaces of the VM do.
 *
 * Invariant: 'published' follows 'current' only through the gate; a switched
 * interface has no redirect at its current NVE.  draft vmm-15 s4.4, s5 (D11,
 * D17, K4). */

#include <config.h>

#include "relocate.h"

#include "pull.h"
#include "redirect.h"
#include "story.h"

static bool gate_is_open(const struct nva_view *, const struct nva_tsi *,
                         nva_id nve);
static void publish(const struct nva_view *, struct nva_plan *,
                    struct nva_tsi *, nva_id move);
static void warn_if_draining(const struct nva_view *, struct nva_plan *,
                             const struct nva_tsi *, nva_id nve);

void
relocate_prepare(struct nva_plan *plan, struct nva_tsi *tsi,
                 const struct nva_place *place)
{
    tsi->prepared = *place;
    if (!nva_place_is_set(place)) {
        tsi->deaf = false;
    }
    story_put_tsi(plan, tsi);
}

void
relocate_pause(const struct nva_view *v, struct nva_plan *plan,
               struct nva_tsi *tsi, nva_id move, bool early)
{
    nva_id here = tsi->current.nve;

    tsi->paused = true;
    tsi->early = tsi->deaf = early;
    if (early || directory_vm(v->dir, tsi->vm)->connections
                 == NVA_CONNECTIONS_HOLD) {
        tsi->held_until = v->now + NVA_HOLD_MAX;
    }
    story_put_tsi(plan, tsi);
    /* The prepared place delivers from now on: on a way back, its redirect of
     * the way here ends. */
    redirect_clear_at(v, tsi, tsi->prepared.nve, plan);
    if (here && here != tsi->prepared.nve && !redirect_at(v->dir, tsi->id,
                                                          here)) {
        redirect_arm(v, tsi, &tsi->current, tsi->prepared.nve, move, plan);
    }
}

void
relocate_stop(const struct nva_view *v, struct nva_plan *plan,
              struct nva_tsi *tsi)
{
    tsi->early = tsi->deaf = false;
    tsi->held_until = v->now + NVA_HOLD_MAX;
    story_put_tsi(plan, tsi);
    redirect_stop(v, tsi, plan);
}

void
relocate_run_on(const struct nva_view *v, struct nva_plan *plan,
                struct nva_tsi *tsi)
{
    bool had_entered = !tsi->deaf;

    relocate_resume(v, plan, tsi);
    tsi->deaf = had_entered;
    story_put_tsi(plan, tsi);
}

void
relocate_resume(const struct nva_view *v, struct nva_plan *plan,
                struct nva_tsi *tsi)
{
    tsi->paused = tsi->early = tsi->deaf = false;
    story_put_tsi(plan, tsi);
    redirect_clear_at(v, tsi, tsi->current.nve, plan);
}

void
relocate_let_go(struct nva_plan *plan, struct nva_tsi *tsi)
{
    tsi->held_until = 0;
    story_put_tsi(plan, tsi);
}

void
relocate_switch(const struct nva_view *v, struct nva_plan *plan,
                struct nva_tsi *tsi, const struct nva_place *to, nva_id move)
{
    bool first = !nva_place_is_set(&tsi->current);
    bool same_nve = (tsi->published.nve == to->nve
                     && tsi->current.nve == to->nve);
    bool delivers = (nva_place_equal(&tsi->prepared, to)
                     && gate_is_open(v, tsi, to->nve)
                     && !redirect_at(v->dir, tsi->id, to->nve));

    warn_if_draining(v, plan, tsi, to->nve);
    if (!nva_place_equal(&tsi->prepared, to)) {
        tsi->held_until = 0;            /* It went elsewhere. */
    }
    if (first) {
        tsi->confirmed = *to;
    } else if (!nva_place_equal(&tsi->current, to)) {
        tsi->sequence++;
    }
    tsi->unconfirmed = false;
    tsi->current = *to;
    tsi->prepared = (struct nva_place) { .nve = NVA_ID_NONE };
    tsi->paused = tsi->early = tsi->deaf = false;
    if (first || same_nve) {
        tsi->published = *to;
        story_put_tsi(plan, tsi);
    } else if (delivers) {
        publish(v, plan, tsi, move);
    } else {
        story_put_tsi(plan, tsi);
        redirect_clear_at(v, tsi, to->nve, plan);
    }
}

bool
relocate_publish_if_open(const struct nva_view *v, struct nva_plan *plan,
                         struct nva_tsi *tsi, nva_id move)
{
    if (nva_place_equal(&tsi->current, &tsi->published)
        || redirect_at(v->dir, tsi->id, tsi->current.nve)
        || !gate_is_open(v, tsi, tsi->current.nve)) {
        return false;
    }
    publish(v, plan, tsi, move);
    return true;
}

/* True if 'nve', which is to deliver, has confirmed all it was told about
 * 'tsi'. */
static bool
gate_is_open(const struct nva_view *v, const struct nva_tsi *tsi, nva_id nve)
{
    const struct nva_owner owner = { NVA_OWNER_TSI, tsi->id };

    return nva_confirmed(v, nve, owner);
}

static void
publish(const struct nva_view *v, struct nva_plan *plan, struct nva_tsi *tsi,
        nva_id move)
{
    struct nva_place old = tsi->published;

    tsi->published = tsi->current;
    story_stamp(plan, move, NVA_STAMP_GATE_PASSED, v->now, tsi->current.nve,
                NVA_OK);
    story_put_tsi(plan, tsi);
    redirect_follow(v, tsi, &old, move, plan);
    pull_follow(v, tsi, &old, plan);
}

/* Where VMs run is not ours to decide: one that comes to an NVE that is being
 * drained is said to, and moves on with the others. */
static void
warn_if_draining(const struct nva_view *v, struct nva_plan *plan,
                 const struct nva_tsi *tsi, nva_id nve)
{
    const struct nva_drain *drain = directory_drain(v->dir, nve);
    struct nva_note *note;

    if (!drain || drain->state != NVA_DRAIN_RUNNING
        || tsi->current.nve == nve) {
        return;
    }
    note = nva_plan_note_tsi(plan, NVA_NOTE_DRAIN, NVA_R_DRAINING, tsi);
    note->nve = nve;
    note->what = "came meanwhile";
}
