/* SPDX-License-Identifier: Apache-2.0 */

/* The NVEs' sessions and ports as deltas: up, synced, down, port changes; and
 * the frames that keep tunnel neighbours warm.  Session loss is not loss of
 * VMs (K6): nothing here touches a place. */

#ifndef NVA_FABRIC_H
#define NVA_FABRIC_H 1

#include "step.h"

/* NVE_UP (diffs the port list; sets session, a guessed tunnel_ip when none is
 * configured), NVE_SYNCED (connected; warm-up replies both ways with every
 * connected NVE that shares a VN), NVE_DOWN, PORT. */
void fabric_event(const struct nva_view *, const struct nva_event *,
                  struct nva_plan *);

/* Warm-up replies from and to 'nve' for each connected NVE that shares 'vn'
 * with it (0: any VN), IPv4 and IPv6 underlay alike. */
void fabric_warm(const struct nva_view *, nva_id nve, nva_id vn,
                 struct nva_plan *);

#endif /* fabric.h */
