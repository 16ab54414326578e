/* SPDX-License-Identifier: Apache-2.0 */

/* Writes down what the deciding modules decided about a move.  Must never
 * decide.  Invariant: a VM links to a move exactly while that move has not
 * ended, or is still being unwound. */

#include <config.h>

#include "story.h"

#include "util.h"

static struct nva_vm *put_vm(const struct nva_view *, struct nva_plan *,
                             nva_id vm);
static void link_vm(const struct nva_view *, struct nva_plan *, nva_id vm,
                    nva_id move);
static void note_state(struct nva_plan *, const struct nva_move *,
                       enum nva_reason);

void
story_stamp(struct nva_plan *plan, nva_id move, enum nva_stamp_kind kind,
            nva_usec now, nva_id nve, enum nva_reason reason)
{
    const struct nva_stamp stamp = {
        .kind = kind, .when = now, .nve = nve, .reason = reason,
    };

    story_stamp_about(plan, move, &stamp);
}

void
story_stamp_about(struct nva_plan *plan, nva_id move,
                  const struct nva_stamp *stamp)
{
    if (move) {
        struct nva_delta *d = nva_deltas_add(&plan->deltas,
                                             NVA_DELTA_MOVE_STAMP);

        d->id = move;
        d->stamp = *stamp;
    }
}

const struct nva_move *
story_active(const struct nva_view *v, const struct nva_plan *plan, nva_id vm)
{
    const struct nva_vm *known = story_vm(v, plan, vm);
    nva_id move = known ? known->move : NVA_ID_NONE;
    const struct nva_delta *put = nva_plan_find(plan, NVA_DELTA_MOVE_PUT,
                                                move);

    return put ? &put->move : directory_move(v->dir, move);
}

const struct nva_tsi *
story_tsi(const struct nva_view *v, const struct nva_plan *plan, nva_id tsi)
{
    const struct nva_delta *put = nva_plan_find(plan, NVA_DELTA_TSI_PUT, tsi);

    if (nva_plan_find(plan, NVA_DELTA_TSI_DEL, tsi)) {
        return NULL;
    }
    return put ? &put->tsi : directory_tsi(v->dir, tsi);
}

const struct nva_vm *
story_vm(const struct nva_view *v, const struct nva_plan *plan, nva_id vm)
{
    const struct nva_delta *put = nva_plan_find(plan, NVA_DELTA_VM_PUT, vm);

    return put ? &put->vm : directory_vm(v->dir, vm);
}

void
story_vm_state(const struct nva_view *v, struct nva_plan *plan, nva_id id,
               enum nva_vm_state state, enum nva_reason reason)
{
    if (story_vm(v, plan, id)->state != state) {
        struct nva_vm *vm = put_vm(v, plan, id);
        struct nva_note *note = nva_plan_note(plan, NVA_NOTE_VM, reason);

        vm->state = state;
        vm->since = v->now;
        note->vm = id;
        note->move = vm->move;
        note->vm_state = state;
    }
}

void
story_put_tsi(struct nva_plan *plan, const struct nva_tsi *tsi)
{
    const struct nva_tsi value = *tsi;
    struct nva_delta *last = (plan->deltas.n
                              ? &plan->deltas.a[plan->deltas.n - 1] : NULL);

    /* Never one further back: what stands in between may have made room for
     * this value. */
    if (!last || last->type != NVA_DELTA_TSI_PUT || last->id != value.id) {
        last = nva_deltas_add(&plan->deltas, NVA_DELTA_TSI_PUT);
        last->id = value.id;
    }
    last->tsi = value;
}

void
story_put(struct nva_plan *plan, const struct nva_move *move)
{
    struct nva_delta *d = nva_plan_find(plan, NVA_DELTA_MOVE_PUT, move->id);

    if (!d) {
        d = nva_deltas_add(&plan->deltas, NVA_DELTA_MOVE_PUT);
        d->id = move->id;
    }
    d->move = *move;
}

void
story_begin(const struct nva_view *v, struct nva_plan *plan,
            struct nva_move *move, enum nva_move_state state,
            enum nva_reason reason)
{
    const struct nva_vm *vm = directory_vm(v->dir, move->vm);

    move->id = nva_plan_new_id(plan);
    move->state = state;
    move->started = v->now;
    ovs_strlcpy(move->vm_name, vm->name, sizeof move->vm_name);
    story_put(plan, move);
    link_vm(v, plan, move->vm, move->id);
    note_state(plan, move, reason);
}

void
story_go(const struct nva_view *v, struct nva_plan *plan,
         struct nva_move *move, enum nva_move_state state,
         enum nva_reason reason)
{
    move_fsm_go(move, state);
    if (move_fsm_is_ended(state)) {
        move->ended = v->now;
        move->end_reason = reason;
        if (!move->unwinding) {
            story_unlink(v, plan, move);
        }
    }
    note_state(plan, move, reason);
}

void
story_unlink(const struct nva_view *v, struct nva_plan *plan,
             const struct nva_move *move)
{
    link_vm(v, plan, move->vm, NVA_ID_NONE);
}

/* The value of 'vm' in a put that 'plan' has or gets: to be changed in place.
 */
static struct nva_vm *
put_vm(const struct nva_view *v, struct nva_plan *plan, nva_id vm)
{
    struct nva_delta *d = nva_plan_find(plan, NVA_DELTA_VM_PUT, vm);

    if (!d) {
        d = nva_deltas_add(&plan->deltas, NVA_DELTA_VM_PUT);
        d->id = vm;
        d->vm = *directory_vm(v->dir, vm);
    }
    return &d->vm;
}

static void
link_vm(const struct nva_view *v, struct nva_plan *plan, nva_id vm,
        nva_id move)
{
    put_vm(v, plan, vm)->move = move;
}

static void
note_state(struct nva_plan *plan, const struct nva_move *move,
           enum nva_reason reason)
{
    struct nva_note *note = nva_plan_note(plan, NVA_NOTE_MOVE, reason);

    note->vm = move->vm;
    note->move = move->id;
    note->nve = move->to_nve;
    note->state = move->state;
}
