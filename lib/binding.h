/* SPDX-License-Identifier: Apache-2.0 */

/* Ports bound to VNs because a VM needs it there: implied VAPs come with a
 * place and go when nothing is left at it. */

#ifndef NVA_BINDING_H
#define NVA_BINDING_H 1

#include "step.h"

/* Appends the delta for an implied VAP (nve, port, vn) to 'plan' unless a VAP
 * serves that VN there already, in the directory or in 'plan'.  PORT_TAKEN
 * when the port serves another VN; LIMIT. */
enum nva_reason binding_imply(const struct nva_view *, nva_id nve,
                              const char *port, nva_id vn, struct nva_plan *);

/* Appends the deletion of the implied VAP at 'place' for 'vn' if no interface
 * but 'tsi' has a place there. */
void binding_release(const struct nva_view *, const struct nva_place *,
                     nva_id vn, nva_id tsi, struct nva_plan *);

/* Appends the deletion of each implied VAP of 'vn' at 'nve' where no interface
 * has a place. */
void binding_release_nve(const struct nva_view *, nva_id nve, nva_id vn,
                         struct nva_plan *);

#endif /* binding.h */
