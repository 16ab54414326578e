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

/* Open vSwitch forgets a tunnel neighbour after 900 s, and the first packets
 * to a cold one are lost, so every NVE is warmed once in FABRIC_WARM_PERIOD:
 * one at a time, spread over the period.  fabric_timer() appends the replies
 * of the NVE whose turn it is at view->now, if it is one's turn. */
#define FABRIC_WARM_PERIOD (300 * NVA_SEC)
void fabric_timer(const struct nva_view *, struct nva_plan *);
/* When it is the next one's turn; NVA_NEVER with fewer than two NVEs. */
nva_usec fabric_deadline(const struct nva_view *);

#endif /* fabric.h */
