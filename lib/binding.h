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

/* PORT that is gone, and NVE_UP for those that its session does not have: what
 * a VM has left there is free for others, as binding_leave_port() says. */
void binding_event(const struct nva_view *, const struct nva_event *,
                   struct nva_plan *);

/* Frees 'place', whose port is gone, from the redirects of VMs that have left
 * it: the NVE goes on serving their VNs by implied VAPs whose names no port
 * can have.  An implied VAP that nobody has a place at goes.  False, with
 * nothing done, if there is no room for that. */
bool binding_leave_port(const struct nva_view *, const struct nva_place *,
                        struct nva_plan *);

/* True for such a VAP, which is no port of anybody's. */
bool binding_is_nameless(const struct nva_vap *);

/* Appends the deletions of the implied VAPs that nothing needs any more once
 * 'plan' is applied: called once, when the rest of the plan is complete.  No
 * step that ends something has to think of them. */
void binding_sweep(const struct nva_view *, struct nva_plan *);

#endif /* binding.h */
