/* SPDX-License-Identifier: Apache-2.0 */

/* Which flows the truth requires: a pure function of the directory, used by
 * incremental, full and reconnect programming alike. */

#ifndef NVA_INTENT_H
#define NVA_INTENT_H 1

#include "directory.h"
#include "flow-set.h"

/* Puts into 'out' (emptied first) the flows, and the meters they need, that
 * 'owner' must have at 'nve' now.  An owner that is gone or has no business
 * there: none. 'now': for the time that remains to a redirect. */
void intent_flows(const struct directory *, nva_id nve, struct nva_owner owner,
                  nva_usec now, struct flow_set *out);

#endif /* intent.h */
