/* SPDX-License-Identifier: Apache-2.0 */

/* The decision: when a VM moves, what changes.  draft vmm-15 s4.2, s4.4, s5;
 * design: a move.
 *
 * Phases live in the directory: an interface's current, published, prepared,
 * paused and its redirects.  A move is the story told about them.  What
 * follows from confirmations and time is converge's business. */

#ifndef NVA_MOBILITY_H
#define NVA_MOBILITY_H 1

#include "admission.h"
#include "step.h"

/* MOVE_START, MOVE_PAUSE, MOVE_ACTIVATE, MOVE_ABORT, VM_THAW. */
void mobility_request(const struct nva_view *, const struct nva_request *,
                      struct nva_plan *);

/* Evidence that admission admitted as 'what'. */
void mobility_evidence(const struct nva_view *, const struct nva_event *,
                       enum nva_admit what, struct nva_plan *);

/* ANSWER: a VM has answered a question of ours, so it is alive. */
void mobility_answer(const struct nva_view *, const struct nva_event *,
                     struct nva_plan *);

/* What a probe says of a VM's place (a probe_outcome_cb). */
void mobility_outcome(const struct nva_view *, const struct nva_probe *,
                      enum nva_reason outcome,
                      const struct nva_probe_place *where,
                      struct nva_plan *);

/* THAW_DUE. */
void mobility_thaw_due(const struct nva_view *, const struct nva_event *,
                       struct nva_plan *);
/* A frozen interface for which THAW_DUE is due at view->now, or NONE; when
 * that will be, or NVA_NEVER. */
nva_id mobility_next_thaw(const struct nva_view *);
nva_usec mobility_thaws_at(const struct nva_view *);

/* STRAY at an old NVE: a fresh redirect (design: after the redirect's end). */
void mobility_stray(const struct nva_view *, const struct nva_event *,
                    struct nva_plan *);

/* VM management says that 'tsi' (a value; may be new, then 'current' is unset)
 * now is at 'place': appends the deltas of a move that enters at switching
 * (or of a first placement) to 'plan'. */
void mobility_place(const struct nva_view *, const struct nva_tsi *tsi,
                    const struct nva_place *place, struct nva_plan *);

/* VM management says that 'vm', as 'plan' leaves it, is in 'state': what the
 * registry has found legal.  A prepared move whose kind stops its VM so goes
 * to paused; one that is paused is aborted when the VM runs on (C3). */
void mobility_vm_state(const struct nva_view *, nva_id vm, enum nva_vm_state,
                       struct nva_plan *);

/* What a prepared move does by itself: a warm one looks at its destination
 * every 'refresh' seconds (D22), any one fails when its time has come. */
void mobility_timer(const struct nva_view *, struct nva_plan *);
/* When mobility_timer() must run; NVA_NEVER if never. */
nva_usec mobility_deadline(const struct nva_view *);

#endif /* mobility.h */
