/* SPDX-License-Identifier: Apache-2.0 */

/* Which place is true, when what is heard of a VM contradicts itself: asks it
 * where it is and acts on the answer, counts its announced moves, freezes and
 * thaws.  Knows outcomes of probes; must never know frames.
 *
 * Invariant: what was asked before the interface moved on decides nothing; a
 * frozen interface was asked first, if it can be, and moves by VM management's
 * word alone.  RFC 7432 s7.7, s15 (E2-E5); draft vmm-15 s10. */

#include <config.h>

#include "mobility.h"

#include "binding.h"
#include "duplicate.h"
#include "mobility-private.h"
#include "probe.h"
#include "story.h"
#include "util.h"

/* Once may be bad luck: the VM hopped on before each question came. */
#define SUSPICIONS_MAX 3

static bool begin_probe(const struct nva_view *, const struct nva_tsi *,
                        enum nva_probe_why, const struct nva_place *elsewhere,
                        struct nva_plan *, enum nva_reason *);
static bool count_move(const struct nva_view *, struct nva_tsi *,
                       const struct nva_place *from);
static void place_outcome(const struct nva_view *, const struct nva_probe *,
                          enum nva_reason, const struct nva_probe_place *,
                          struct nva_plan *);
static void moves_outcome(const struct nva_view *, const struct nva_probe *,
                          enum nva_reason, const struct nva_probe_place *,
                          struct nva_plan *);
static bool contradicts(const struct nva_probe *,
                        const struct nva_probe_place *where, bool has_moved);
static void put_at(const struct nva_view *, struct nva_tsi *,
                   const struct nva_place *, enum nva_reason,
                   struct nva_plan *);
static void freeze(const struct nva_view *, struct nva_tsi *,
                   const struct nva_place *, enum nva_reason,
                   const struct nva_place *const rivals[2],
                   struct nva_plan *);
static struct nva_place usable(const struct nva_view *, const struct nva_tsi *,
                               const struct nva_place *, struct nva_plan *);
static void thaw(const struct nva_tsi *, enum nva_reason, struct nva_plan *);
static directory_cb thaw_cb;

/* ## Reasons for doubt ## */

void
mobility_settle(const struct nva_view *v, struct nva_tsi *tsi,
                struct nva_plan *plan)
{
    if (tsi->frozen) {
        nva_plan_note_tsi(plan, NVA_NOTE_THAWED, NVA_R_CALLER, tsi);
    }
    tsi->frozen = false;
    tsi->thaws_at = 0;
    tsi->unconfirmed = false;
    tsi->confirmed = tsi->current;
    tsi->n_moves = 0;
    probe_cancel(v, tsi->id, NVA_PROBE_PLACE, &in6addr_any, plan);
    probe_cancel(v, tsi->id, NVA_PROBE_MOVES, &in6addr_any, plan);
}

void
mobility_doubt_move(const struct nva_view *v, nva_id id,
                    const struct nva_place *from, bool in_doubt,
                    struct nva_plan *plan)
{
    struct nva_tsi t = *story_tsi(v, plan, id);
    const struct nva_place here = t.current;
    const struct nva_place *const rivals[] = { &here, from };
    bool is_suspect = count_move(v, &t, from);
    enum nva_reason reason = NVA_OK;

    if (directory_probe_of_tsi(v->dir, id, NVA_PROBE_MOVES)) {
        t.unconfirmed = true;           /* As long as that goes on. */
    } else if (is_suspect) {
        t.unconfirmed = begin_probe(v, &t, NVA_PROBE_MOVES, from, plan,
                                    &reason);
        probe_cancel(v, id, NVA_PROBE_PLACE, &in6addr_any, plan);
    } else if (in_doubt) {
        t.unconfirmed = begin_probe(v, &t, NVA_PROBE_PLACE, from, plan,
                                    &reason);
    }
    if (is_suspect && reason == NVA_R_UNKNOWN_ADDRESS) {
        freeze(v, &t, &t.confirmed, NVA_R_NO_ANSWER, rivals, plan);
    } else {
        story_put_tsi(plan, &t);
    }
}

void
mobility_doubt_place(const struct nva_view *v, const struct nva_tsi *tsi,
                     const struct nva_place *elsewhere, struct nva_plan *plan)
{
    struct nva_tsi t = *tsi;
    enum nva_reason reason;

    if (begin_probe(v, &t, NVA_PROBE_PLACE, elsewhere, plan, &reason)) {
        t.unconfirmed = true;
        story_put_tsi(plan, &t);
    }
}

/* Asks where it is and at 'elsewhere'.  False if it cannot be asked. */
static bool
begin_probe(const struct nva_view *v, const struct nva_tsi *tsi,
            enum nva_probe_why why, const struct nva_place *elsewhere,
            struct nva_plan *plan, enum nva_reason *reason)
{
    const struct nva_probe what = {
        .why = why, .n_places = 2,
        .places = { { .place = tsi->current }, { .place = *elsewhere } },
    };

    *reason = probe_begin(v, tsi, &what, plan);
    return !*reason;
}

/* Counts as RFC 7432 s15.1 says: from the first move on for the length of the
 * window.  A place that the VM kept for longer than that is beyond doubt. */
static bool
count_move(const struct nva_view *v, struct nva_tsi *tsi,
           const struct nva_place *from)
{
    const struct nva_vn *vn = directory_vn(v->dir, tsi->vn);

    if (!vn->duplicate_moves) {
        return false;
    }
    if (!tsi->n_moves
        || v->now - tsi->moves_since > vn->duplicate_window * NVA_SEC) {
        tsi->n_moves = 0;
        tsi->moves_since = v->now;
        tsi->confirmed = *from;
    }
    return ++tsi->n_moves >= vn->duplicate_moves;
}

/* ## What answers say ## */

void
mobility_outcome(const struct nva_view *v, const struct nva_probe *probe,
                 enum nva_reason outcome, const struct nva_probe_place *where,
                 struct nva_plan *plan)
{
    switch (probe->why) {
    case NVA_PROBE_PLACE:
        place_outcome(v, probe, outcome, where, plan);
        break;
    case NVA_PROBE_MOVES:
        moves_outcome(v, probe, outcome, where, plan);
        break;
    case NVA_PROBE_AGE:
    case NVA_PROBE_CLAIM:
    case NVA_PROBE_SCAN:
    case NVA_PROBE_N_WHYS:
        break;
    }
}

/* Nothing but an answer from elsewhere alone outweighs the last evidence; time
 * confirms it if nobody answers. */
static void
place_outcome(const struct nva_view *v, const struct nva_probe *probe,
              enum nva_reason outcome, const struct nva_probe_place *where,
              struct nva_plan *plan)
{
    struct nva_tsi t = *story_tsi(v, plan, probe->tsi);

    if (nva_sequence_is_newer(t.sequence, probe->sequence)) {
        return;                         /* It has moved on since. */
    } else if (outcome == NVA_R_TWO_PLACES) {
        struct nva_note *n = nva_plan_note_tsi(plan, NVA_NOTE_DUPLICATE,
                                               outcome, &t);

        n->nve = probe->places[0].place.nve;
        n->other = probe->places[1].place.nve;
    } else {
        put_at(v, &t, where ? &where->place : NULL, outcome, plan);
    }
}

/* A VM that answers where it says it is only moves often, however fast.  One
 * that answers at two places at once, or nowhere, is frozen; so is one that
 * kept answering where it was, not where it was announced, though only when
 * that has shown several times: a VM that hops about may look so once. */
static void
moves_outcome(const struct nva_view *v, const struct nva_probe *probe,
              enum nva_reason outcome, const struct nva_probe_place *where,
              struct nva_plan *plan)
{
    const struct nva_place *const rivals[] = {
        &probe->places[0].place, &probe->places[1].place
    };
    struct nva_tsi t = *story_tsi(v, plan, probe->tsi);
    bool has_moved = t.sequence != probe->sequence;
    bool is_forged = (where && contradicts(probe, where, has_moved));

    t.n_moves = 0;
    if (outcome == NVA_R_NO_ANSWER || is_forged) {
        t.n_suspicions++;
    } else {
        t.n_suspicions = 0;
    }
    if (outcome == NVA_R_TWO_PLACES
        || (outcome == NVA_R_NO_ANSWER && !has_moved)
        || t.n_suspicions >= SUSPICIONS_MAX) {
        freeze(v, &t, is_forged ? &where->place : &t.confirmed,
               is_forged ? NVA_R_FORGED : outcome, rivals, plan);
    } else {
        /* What it has said since is newer than its answer. */
        put_at(v, &t, where && where->sequence == t.sequence ? &where->place
               : NULL, outcome, plan);
    }
}

/* True if the VM answered each question at 'where', and never at the other
 * place, though it was announced there: as the newest when the probe began, or
 * since. */
static bool
contradicts(const struct nva_probe *probe, const struct nva_probe_place *where,
            bool has_moved)
{
    const struct nva_probe_place *newest = &probe->places[0];
    const struct nva_probe_place *older = &probe->places[1];

    return (count_1bits(where->answered) == probe->asked
            && (where == newest ? has_moved && !older->answered
                : !newest->answered));
}

/* It is at 'place', as it says itself; NULL: time confirms where it is. */
static void
put_at(const struct nva_view *v, struct nva_tsi *tsi,
       const struct nva_place *place, enum nva_reason reason,
       struct nva_plan *plan)
{
    struct nva_place there = place ? usable(v, tsi, place, plan)
                             : tsi->current;

    tsi->unconfirmed = false;
    if (place) {
        tsi->confirmed = there;
    }
    story_put_tsi(plan, tsi);
    if (!nva_place_equal(&tsi->current, &there)) {
        mobility_appear(v, tsi, &there, NVA_CAUSE_PROBED, reason, plan);
    }
}

/* ## Freezing, thawing ## */

/* At 'place', against whichever of 'rivals' is not that. */
static void
freeze(const struct nva_view *v, struct nva_tsi *tsi,
       const struct nva_place *place, enum nva_reason reason,
       const struct nva_place *const rivals[2], struct nva_plan *plan)
{
    const struct nva_vn *vn = directory_vn(v->dir, tsi->vn);
    struct nva_place there = usable(v, tsi, place, plan);
    struct nva_note *n = nva_plan_note_tsi(plan, NVA_NOTE_FROZEN, reason,
                                           tsi);

    n->nve = there.nve;
    n->other = rivals[nva_place_equal(rivals[0], &there)]->nve;
    tsi->frozen = true;
    tsi->thaws_at = (vn->freeze_time ? v->now + vn->freeze_time * NVA_SEC
                     : 0);
    tsi->n_moves = 0;
    tsi->n_suspicions = 0;
    put_at(v, tsi, &there, NVA_R_FROZEN, plan);
}

/* 'place' if the interface can still be put there, else where it is. */
static struct nva_place
usable(const struct nva_view *v, const struct nva_tsi *tsi,
       const struct nva_place *place, struct nva_plan *plan)
{
    const struct nva_vap *vap = directory_vap_for(v->dir, place->nve,
                                                  place->port, tsi->mac);

    if (!directory_nve(v->dir, place->nve)
        || (vap ? vap->vn != tsi->vn
            : binding_imply(v, place->nve, place->port, tsi->vn, plan))) {
        return tsi->current;
    }
    return *place;
}

void
mobility_thaw(const struct nva_view *v, const char *name,
              struct nva_plan *plan)
{
    const struct nva_vm *vm = directory_vm_by_name(v->dir, name);
    struct nva_walk w = { .view = v, .plan = plan };

    if (!vm) {
        nva_plan_refuse(plan, NVA_R_NOT_FOUND, "name");
        return;
    }
    plan->object = vm->id;
    directory_each_tsi_of_vm(v->dir, vm->id, thaw_cb, &w);
}

void
mobility_thaw_due(const struct nva_view *v, const struct nva_event *ev,
                  struct nva_plan *plan)
{
    thaw(directory_tsi(v->dir, ev->tsi), NVA_R_EXPIRED, plan);
}

nva_id
mobility_next_thaw(const struct nva_view *v)
{
    const struct nva_tsi *tsi = directory_first_thaw(v->dir);

    return tsi && tsi->thaws_at <= v->now ? tsi->id : NVA_ID_NONE;
}

nva_usec
mobility_thaws_at(const struct nva_view *v)
{
    const struct nva_tsi *tsi = directory_first_thaw(v->dir);

    return tsi ? tsi->thaws_at : NVA_NEVER;
}

static bool
thaw_cb(const void *tsi, void *w_)
{
    const struct nva_walk *w = w_;

    thaw(tsi, NVA_R_CALLER, w->plan);
    duplicate_thaw(w->view, tsi, w->plan);
    return true;
}

static void
thaw(const struct nva_tsi *tsi, enum nva_reason reason, struct nva_plan *plan)
{
    struct nva_tsi t;

    if (!tsi || !tsi->frozen) {
        return;
    }
    t = *tsi;
    t.frozen = false;
    t.thaws_at = 0;
    t.n_moves = 0;
    story_put_tsi(plan, &t);
    nva_plan_note_tsi(plan, NVA_NOTE_THAWED, reason, &t);
}
