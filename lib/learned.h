/* SPDX-License-Identifier: Apache-2.0 */

/* Hosts that nobody told us of: how many a port and a network may teach, who
 * makes room, and how one is forgotten.  Changes nothing but the plan. */

#ifndef NVA_LEARNED_H
#define NVA_LEARNED_H 1

#include "step.h"

/* NVA_OK if one host more may be learned at 'vap'; sets '*victim' to the
 * interface of the host that makes room for it, or to NULL if there is room.
 * LEARN_LIMIT: the port has taught NVA_LEARNED_PER_VAP_MAX; then only its own
 * make room.  VN_LEARN_LIMIT: its VN has learned 'max_learned'; then who makes
 * room is at the port that has taught the most, and more than this one has, or
 * at this one.  Only who has been silent for NVA_EVICT_SILENCE does, the
 * longest silent one first. */
enum nva_reason learned_room(const struct nva_view *, const struct nva_vap *,
                             const struct nva_tsi **victim);

/* Forgets the learned host of 'tsi', its only interface: redirects, interface,
 * VM.  The caller has made sure that no move of it is under way.  A note,
 * EVICTED. */
void learned_forget(const struct nva_view *, const struct nva_tsi *,
                    enum nva_reason, struct nva_plan *);

#endif /* learned.h */
