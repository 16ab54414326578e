/* SPDX-License-Identifier: Apache-2.0 */

/* The record of a move: its states, its timeline, the note of each change.
 * Decides nothing. */

#ifndef NVA_STORY_H
#define NVA_STORY_H 1

#include "move-fsm.h"
#include "step.h"

/* Appends a stamp to the timeline of 'move' (NONE: nothing). */
void story_stamp(struct nva_plan *, nva_id move, enum nva_stamp_kind,
                 nva_usec now, nva_id nve, enum nva_reason);
/* The same, with all there is to say. */
void story_stamp_about(struct nva_plan *, nva_id move,
                       const struct nva_stamp *);

/* The move of 'vm' under way as 'plan' leaves it: points into the plan or the
 * directory; NULL if there is none. */
const struct nva_move *story_active(const struct nva_view *,
                                    const struct nva_plan *, nva_id vm);

/* Interface 'tsi' as 'plan' leaves it; NULL if there is none (any more). */
const struct nva_tsi *story_tsi(const struct nva_view *,
                                const struct nva_plan *, nva_id tsi);

/* VM 'vm' as 'plan' leaves it; NULL if there is none. */
const struct nva_vm *story_vm(const struct nva_view *, const struct nva_plan *,
                              nva_id vm);

/* 'vm' is in 'state': put, and a note unless it was so. */
void story_vm_state(const struct nva_view *, struct nva_plan *, nva_id vm,
                    enum nva_vm_state, enum nva_reason);

/* Appends the put of 'tsi', in place of the last delta if that is one. */
void story_put_tsi(struct nva_plan *, const struct nva_tsi *);

/* Appends, or rewrites in place, the put of 'move'. */
void story_put(struct nva_plan *, const struct nva_move *);

/* Begins 'move' (id, state and times are filled in): put, link from its VM,
 * note.  The VM must have none under way. */
void story_begin(const struct nva_view *, struct nva_plan *,
                 struct nva_move *, enum nva_move_state, enum nva_reason);

/* Takes 'move' to 'state' with a note; an ended one is unlinked from its VM
 * unless it is still unwinding.  Does not put it. */
void story_go(const struct nva_view *, struct nva_plan *, struct nva_move *,
              enum nva_move_state, enum nva_reason);

/* Unlinks an aborted move that has been unwound. */
void story_unlink(const struct nva_view *, struct nva_plan *,
                  const struct nva_move *);

#endif /* story.h */
