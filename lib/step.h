/* SPDX-License-Identifier: Apache-2.0 */

/* What every step sees: the directory as it is, what the NVEs have confirmed,
 * and the time.  A step is a function (view, event) -> plan; it changes
 * nothing. */

#ifndef NVA_STEP_H
#define NVA_STEP_H 1

#include "directory.h"
#include "event.h"
#include "nva-types.h"

struct nva_view {
    const struct directory *dir;
    nva_usec now;                       /* Monotonic. */

    /* True if 'nve' has confirmed, in its present session, that its flows of
     * 'owner' are those of 'version' or newer (an owner that was never sent
     * and has no flows there counts as confirmed absent).  Asked, never
     * remembered. */
    bool (*confirmed)(const void *aux, nva_id nve, struct nva_owner,
                      uint64_t version);
    const void *aux;
};

static inline bool
nva_confirmed(const struct nva_view *v, nva_id nve, struct nva_owner owner)
{
    return v->confirmed(v->aux, nve, owner,
                        directory_owner_version(v->dir, owner));
}

/* What a walk of the directory needs that plans as it goes. */
struct nva_walk {
    const struct nva_view *view;
    struct nva_plan *plan;
};

#endif /* step.h */
