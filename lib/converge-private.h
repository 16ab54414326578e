/* SPDX-License-Identifier: Apache-2.0 */

/* What the files of converge share.  For lib/converge*.c only. */

#ifndef NVA_CONVERGE_PRIVATE_H
#define NVA_CONVERGE_PRIVATE_H 1

#include "step.h"

/* When the old NVE's packets surely go to the new one: NVA_NEVER while it has
 * not confirmed. */
nva_usec converge_pause_settles_at(const struct nva_view *,
                                   const struct nva_move *);

/* 'move' (the caller's, put here) is prepared or paused: what an early pause
 * waits for goes on.  Its time begins when the switches have confirmed it;
 * when it is over, or the destination is lost, the VM runs on.  Floods enter
 * one place once they have left the other. */
void converge_early(const struct nva_view *, struct nva_move *,
                    struct nva_plan *);
/* When that must be called next; NVA_NEVER if no time is awaited. */
nva_usec converge_early_at(const struct nva_view *, const struct nva_move *);

#endif /* converge-private.h */
