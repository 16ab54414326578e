/* SPDX-License-Identifier: Apache-2.0 */

/* The detour of a VM that floods: what it says goes through the NVA, at the
 * rate of its meter, and from there back into the pipeline of its NVE. */

#ifndef NVA_DETOUR_H
#define NVA_DETOUR_H 1

#include "step.h"

/* 'ev' is FLOODING: the VAPs of that port take the level, with a note.  ALL is
 * no more than NEIGHBOUR where the port is shared by VAPs of several MACs: the
 * others did nothing wrong.  PORT, NVE_UP: what is not that port any more is
 * not detoured. */
void detour_event(const struct nva_view *, const struct nva_event *ev,
                  struct nva_plan *);

/* 'ev' is DETOURED: the frame goes on where it would have gone. */
void detour_packet(const struct nva_view *, const struct nva_event *ev,
                   struct nva_plan *);

#endif /* detour.h */
