/* SPDX-License-Identifier: Apache-2.0 */

/* Ports bound to VNs because a VM needs it there: implied VAPs come with a
 * place and go when nothing is left at it. */

#ifndef NVA_BINDING_H
#define NVA_BINDING_H 1

#include "step.h"

/* Appends the delta for an implied VAP (nve, port, vn) to 'plan' unless a VAP
 * serves that VN there already, in the directory or in 'plan'.  PORT_TAKEN
 * when the port serves another VN; PLACEMENT; LIMIT. */
enum nva_reason binding_imply(const struct nva_view *, nva_id nve,
                              const char *port, nva_id vn, struct nva_plan *);

/* True if 'nve' may have one more VAP, of 'vn': NVA_VAPS_PER_NVE_MAX,
 * NVA_VAPS_PER_VN_AT_NVE_MAX, NVA_NVES_PER_VN_MAX. */
bool binding_has_room(const struct nva_view *, nva_id nve, nva_id vn);

/* Appends the deletions of the implied VAPs that nothing needs any more once
 * 'plan' is applied: called once, when the rest of the plan is complete.  No
 * step that ends something has to think of them. */
void binding_sweep(const struct nva_view *, struct nva_plan *);

#endif /* binding.h */
