/* SPDX-License-Identifier: Apache-2.0 */

/* The states of a VM and the transitions between them, declared; and what they
 * have to do with kinds of moves.  RFC 7666 (C1, C3).  Knows no directory. */

#ifndef NVA_VM_FSM_H
#define NVA_VM_FSM_H 1

#include "delta.h"

/* True if VM management may say that a VM in state 'from' is in state 'to'
 * now.  A manager that does not report what is in between (suspending,
 * resuming, shuttingdown, preparing) leaves it out; one that lost sight says
 * `unknown' or `other', and anything may follow. */
bool vm_fsm_allows(enum nva_vm_state from, enum nva_vm_state to);

/* True if the VM is off: nothing is delivered to it where it was. */
bool vm_fsm_is_off(enum nva_vm_state);

/* The kind of a move by which a VM in 'state' comes to run elsewhere (C3). */
enum nva_move_kind vm_fsm_kind(enum nva_vm_state);

/* True if a move of 'kind' may begin with a VM in 'state': a hot move needs
 * one that runs, a warm move one that is not off. */
bool vm_fsm_may_move(enum nva_vm_state, enum nva_move_kind);

/* The state of a VM in 'state' while a move of 'kind' is prepared. */
enum nva_vm_state vm_fsm_prepared(enum nva_vm_state, enum nva_move_kind);

/* The state in which it stands still, between its two places. */
enum nva_vm_state vm_fsm_stopped(enum nva_move_kind);

#endif /* vm-fsm.h */
