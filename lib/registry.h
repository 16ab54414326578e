/* SPDX-License-Identifier: Apache-2.0 */

/* Northbound writes of objects -> deltas, or the reason of refusal.  Knows
 * which object may depend on which; knows no JSON, no flow, and not how a
 * move goes: a changed place is handed to mobility. */

#ifndef NVA_REGISTRY_H
#define NVA_REGISTRY_H 1

#include "step.h"

/* Handles VN, NVE, PORT and VM requests (PUT and DEL).  Sets plan->verdict,
 * field and object.  Names: nva_name_is_valid().  VM_PUT replaces the VM's
 * interfaces; an interface that is placed is moved by mobility_place() when
 * its nve/port differ from where it is ("": stays where it is).  A VAP that
 * the place needs is made ('implied') when the port has none; a port bound to
 * another VN refuses (PORT_TAKEN). */
void registry_request(const struct nva_view *, const struct nva_request *,
                      struct nva_plan *);

#endif /* registry.h */
