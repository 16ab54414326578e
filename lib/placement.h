/* SPDX-License-Identifier: Apache-2.0 */

/* Which tenants may share an NVE.  draft vmm-15 s10 (D24): "Some tenants may
 * have requirements that prohibit their VMs to be co-attached to the NVEs with
 * other tenants."  A VN is at an NVE that it has an access point at. */

#ifndef NVA_PLACEMENT_H
#define NVA_PLACEMENT_H 1

#include "step.h"

/* NVA_OK if 'vn' may be at 'nve' beside the VNs that are there, in the
 * directory and by what 'plan' binds; else PLACEMENT, and 'plan' gets the
 * sentence that names the rule and the other VN. */
enum nva_reason placement_check(const struct nva_view *, nva_id nve, nva_id vn,
                                struct nva_plan *);

/* The same for a VN whose tenant or isolation changes to those of 'vn': at
 * each NVE where it is. */
enum nva_reason placement_check_vn(const struct nva_view *,
                                   const struct nva_vn *, struct nva_plan *);

/* True if what is at 'nve' now lets 'vn' be there. */
bool placement_allows(const struct directory *, nva_id nve,
                      const struct nva_vn *);

#endif /* placement.h */
