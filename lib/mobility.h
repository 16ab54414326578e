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

/* MOVE_START, MOVE_PAUSE, MOVE_ACTIVATE, MOVE_ABORT. */
void mobility_request(const struct nva_view *, const struct nva_request *,
                      struct nva_plan *);

/* Evidence that admission admitted as 'what'. */
void mobility_evidence(const struct nva_view *, const struct nva_event *,
                       enum nva_admit what, struct nva_plan *);

/* STRAY at an old NVE: a fresh redirect (design: after the redirect's end). */
void mobility_stray(const struct nva_view *, const struct nva_event *,
                    struct nva_plan *);

/* VM management says that 'tsi' (a value; may be new, then 'current' is unset)
 * now is at 'place': appends the deltas of a move that enters at switching
 * (or of a first placement) to 'plan'. */
void mobility_place(const struct nva_view *, const struct nva_tsi *tsi,
                    const struct nva_place *place, struct nva_plan *);

#endif /* mobility.h */
