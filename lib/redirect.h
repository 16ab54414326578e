/* SPDX-License-Identifier: Apache-2.0 */

/* The life of redirects (draft vmm-15 s5, D11; K5): armed when a VM leaves,
 * retargeted when it moves on, re-armed while a peer owes, ended by its own
 * flow-removed or its absence.  Each instance has an id of its own. */

#ifndef NVA_REDIRECT_H
#define NVA_REDIRECT_H 1

#include "step.h"

/* How long one of 'tsi''s redirects lasts: its VN's redirect_timeout. */
nva_usec redirect_timeout(const struct directory *, const struct nva_tsi *);

/* The redirect of 'tsi' at 'at', or NULL. */
const struct nva_redirect *redirect_at(const struct directory *, nva_id tsi,
                                       nva_id at);

/* Appends a new instance at 'at', the place that is left, to NVE 'to'.  Beyond
 * NVA_REDIRECTS_PER_TSI_MAX the oldest goes (its id is returned, else NONE):
 * late packets there become queries. */
nva_id redirect_arm(const struct nva_view *, const struct nva_tsi *,
                    const struct nva_place *at, nva_id to, nva_id move,
                    struct nva_plan *);

/* Ends the redirect of 'tsi' at 'at', if there is one. */
void redirect_clear_at(const struct nva_view *, const struct nva_tsi *,
                       nva_id at, struct nva_plan *);

/* 'tsi' (a value whose 'published' is new; it was 'old' before) is published:
 * every trailing redirect leads to its NVE, there is one at the old NVE, none
 * at the new one. */
void redirect_follow(const struct nva_view *, const struct nva_tsi *,
                     const struct nva_place *old, nva_id move,
                     struct nva_plan *);

/* The VM of 'tsi', which was paused early, has stopped: from now on its
 * connections from before are reset at its old NVE, unless they are kept. */
void redirect_stop(const struct nva_view *, const struct nva_tsi *,
                   struct nva_plan *);

/* Other MACs are behind 'tsi' than were: what its redirects match is not the
 * same any more, so each is a new instance, for the time that remains. */
void redirect_renew(const struct nva_view *, nva_id tsi, struct nva_plan *);

/* The switch says that instance 'id' has gone, after about 'packets'. */
void redirect_ended(const struct nva_view *, nva_id id, uint64_t packets,
                    struct nva_plan *);

/* The switch lost 'redirect', which is wanted: it is written again. */
void redirect_restore(const struct nva_redirect *, struct nva_plan *);

/* Re-arms, or ends when nobody said so, those whose time has come.
 * 'owes' tells whether some connected NVE has not confirmed 'tsi' yet. */
void redirect_timer(const struct nva_view *,
                    bool (*owes)(const struct nva_view *,
                                 const struct nva_tsi *),
                    struct nva_plan *);
nva_usec redirect_deadline(const struct nva_view *);

#endif /* redirect.h */
