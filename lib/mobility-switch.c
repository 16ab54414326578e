/* SPDX-License-Identifier: Apache-2.0 */

/* Switching: an interface is somewhere else, and its VM's move says so.
 * Knows the move's own states; must never know a request or a frame.
 *
 * Invariant: a VM has at most one move under way; a newer one supersedes it.
 * draft vmm-15 s4.4, s5 (D1, D17). */

#include <config.h>

#include "mobility-private.h"

#include "redirect.h"
#include "relocate.h"
#include "story.h"
#include "vm-fsm.h"
#include "util.h"

static bool fits_prepared(const struct nva_move *, const struct nva_tsi *,
                          const struct nva_place *);
static void go_to(const struct nva_view *, const struct nva_tsi *,
                  const struct nva_place *, enum nva_move_cause,
                  enum nva_reason, struct nva_plan *);
static void enter(struct nva_move *, const struct nva_tsi *,
                  const struct nva_place *);
static void switch_if(const struct nva_view *, struct nva_plan *,
                      struct nva_move *, const struct nva_tsi *,
                      const struct nva_place *, enum nva_stamp_kind);

void
mobility_appear(const struct nva_view *v, const struct nva_tsi *tsi,
                const struct nva_place *place, enum nva_move_cause cause,
                enum nva_reason reason, struct nva_plan *plan)
{
    const struct nva_move *active = story_active(v, plan, tsi->vm);

    if (active && active->expected_until
        && nva_place_equal(&tsi->prepared, place)) {
        mobility_go_after_all(v, active, cause, reason, plan);
    } else if (active && fits_prepared(active, tsi, place)) {
        struct nva_move move = *active;

        mobility_set_vm_state(v, plan, tsi->vm, NVA_VM_RUNNING, reason);
        switch_if(v, plan, &move, tsi, place,
                  cause == NVA_CAUSE_PLANNED ? NVA_STAMP_ACTIVATED
                                             : NVA_STAMP_EVIDENCE);
        mobility_switch_rest(v, plan, &move);
    } else {
        go_to(v, tsi, place, cause, reason, plan);
    }
}

void
mobility_switch_rest(const struct nva_view *v, struct nva_plan *plan,
                     struct nva_move *move)
{
    for (size_t i = 0; i < move->n_ifs; i++) {
        struct nva_tsi t = *story_tsi(v, plan, move->ifs[i].tsi);
        const struct nva_place to = move->ifs[i].to;

        if (move->ifs[i].switched) {
            continue;
        } else if (to.port[0] && nva_place_equal(&t.prepared, &to)) {
            switch_if(v, plan, move, &t, &to, NVA_STAMP_ACTIVATED);
        }
    }
}

void
mobility_go_after_all(const struct nva_view *v, const struct nva_move *old,
                      enum nva_move_cause cause, enum nva_reason reason,
                      struct nva_plan *plan)
{
    const struct nva_move was = *old;
    struct nva_move move = {
        .vm = was.vm, .cause = NVA_CAUSE_PLANNED, .to_nve = was.to_nve,
        .kind = was.kind,           /* VM management has prepared it. */
    };

    mobility_supersede(v, plan, &was);
    mobility_set_vm_state(v, plan, move.vm, NVA_VM_RUNNING, reason);
    story_begin(v, plan, &move, NVA_MS_SWITCHING, reason);
    plan->object = move.id;
    for (size_t i = 0; i < was.n_ifs; i++) {
        const struct nva_tsi *tsi = story_tsi(v, plan, was.ifs[i].tsi);

        if (was.ifs[i].to.port[0]) {
            enter(&move, tsi, &was.ifs[i].to);
        }
    }
    for (size_t i = 0; i < move.n_ifs; i++) {
        const struct nva_place to = move.ifs[i].to;

        switch_if(v, plan, &move, story_tsi(v, plan, move.ifs[i].tsi), &to,
                  cause == NVA_CAUSE_PLANNED ? NVA_STAMP_ACTIVATED
                                             : NVA_STAMP_EVIDENCE);
    }
}

void
mobility_supersede(const struct nva_view *v, struct nva_plan *plan,
                   const struct nva_move *old)
{
    const struct nva_place nowhere = { .nve = NVA_ID_NONE };
    struct nva_move move = *old;

    for (size_t i = 0; i < move.n_ifs; i++) {
        struct nva_tsi t = *story_tsi(v, plan, move.ifs[i].tsi);

        if (t.paused) {
            relocate_resume(v, plan, &t);
        }
        if (nva_place_is_set(&t.prepared)) {
            relocate_prepare(plan, &t, &nowhere);
        }
    }
    move.unwinding = move.early = false;
    move.expected_until = 0;
    if (move_fsm_is_ended(move.state)) {
        story_unlink(v, plan, &move);
    } else {
        story_go(v, plan, &move, NVA_MS_SUPERSEDED, NVA_R_SUPERSEDED_BY);
    }
    story_put(plan, &move);
    story_stamp(plan, move.id, NVA_STAMP_SUPERSEDED, v->now, NVA_ID_NONE,
                NVA_R_SUPERSEDED_BY);
}

void
mobility_take_back(const struct nva_view *v, const struct nva_move *old,
                   enum nva_move_state end, enum nva_reason reason,
                   struct nva_plan *plan)
{
    const struct nva_place nowhere = { .nve = NVA_ID_NONE };
    bool runs = reason == NVA_R_FRAME_WHILE_PAUSED;
    struct nva_move move = *old;

    move.unwinding = move.state == NVA_MS_PAUSED;
    move.early = false;
    move.unwind_by = v->now + NVA_SEC;
    for (size_t i = 0; i < move.n_ifs; i++) {
        struct nva_tsi t = *story_tsi(v, plan, move.ifs[i].tsi);

        if (move.unwinding) {
            const struct nva_redirect *r = redirect_at(v->dir, t.id,
                                                       t.current.nve);

            /* The whole second that a hard timeout is rounded up to. */
            move.unwind_by = MAX(move.unwind_by,
                                 r ? r->until + 2 * NVA_SEC : 0);
            if (runs) {
                move.expected_until = MAX(move.expected_until, v->now
                                          + redirect_timeout(v->dir, &t));
            }
            relocate_resume(v, plan, &t);
        } else {
            relocate_prepare(plan, &t, &nowhere);
        }
    }
    story_go(v, plan, &move, end, reason);
    story_put(plan, &move);
    story_stamp(plan, move.id,
                end == NVA_MS_FAILED ? NVA_STAMP_FAILED : NVA_STAMP_ABORTED,
                v->now, NVA_ID_NONE, reason);
    mobility_set_vm_state(v, plan, move.vm,
                          runs && vm_fsm_is_off(move.vm_was) ? NVA_VM_RUNNING
                          : move.vm_was, reason);
}

/* A port that is to be named later may be any of that NVE. */
static bool
fits_prepared(const struct nva_move *active, const struct nva_tsi *tsi,
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
    struct nva_move move = {
        .vm = tsi->vm, .cause = cause, .to_nve = place->nve,
        .kind = vm_fsm_kind(directory_vm(v->dir, tsi->vm)->state),
    };

    if (cause == NVA_CAUSE_ANNOUNCED
        || (active && !move_fsm_has_switched(active->state))) {
        mobility_set_vm_state(v, plan, tsi->vm, NVA_VM_RUNNING, reason);
        active = story_active(v, plan, tsi->vm);
    }
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
            mobility_supersede(v, plan, active);
        }
        story_begin(v, plan, &move, NVA_MS_SWITCHING, reason);
    }
    enter(&move, tsi, place);
    switch_if(v, plan, &move, tsi, place,
              cause == NVA_CAUSE_PLANNED ? NVA_STAMP_ACTIVATED
                                         : NVA_STAMP_EVIDENCE);
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
    move->early = false;
    if (move->state != NVA_MS_SWITCHING) {
        story_go(v, plan, move, NVA_MS_SWITCHING, NVA_OK);
    }
    story_put(plan, move);
    story_stamp(plan, move->id, stamp, v->now, place->nve, NVA_OK);
    relocate_switch(v, plan, &t, place, move->id);
    if (move->cause == NVA_CAUSE_PLANNED) {
        t = *story_tsi(v, plan, tsi->id);
        mobility_settle(v, &t, plan);
        story_put_tsi(plan, &t);
    }
}
