/* SPDX-License-Identifier: Apache-2.0 */

/* The transitions of a move, declared.  Knows no directory. */

#ifndef NVA_MOVE_FSM_H
#define NVA_MOVE_FSM_H 1

#include "delta.h"

/* True if a move may go from 'from' to 'to' in one step (design: a move). */
bool move_fsm_allows(enum nva_move_state from, enum nva_move_state to);

/* True for done, aborted, failed, superseded. */
bool move_fsm_is_ended(enum nva_move_state);

/* True from 'switching' on: the VM runs at its new place. */
bool move_fsm_has_switched(enum nva_move_state);

/* Sets move->state to 'to' after asserting that the table allows it. */
void move_fsm_go(struct nva_move *move, enum nva_move_state to);

#endif /* move-fsm.h */
