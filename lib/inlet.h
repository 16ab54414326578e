/* SPDX-License-Identifier: Apache-2.0 */

/* What one NVE may make the NVA work: counts the packet-ins of its ports,
 * drops beyond a limit, and sees which port floods.  Knows numbers only, no
 * directory, no flow, no clock. */

#ifndef NVA_INLET_H
#define NVA_INLET_H 1

#include "delta.h"
#include "nva-types.h"

/* Named limits. */
enum {
    /* Packet-ins a second of one NVE, of all its VAPs together: a switch full
     * of VMs that lie, each within its own meter, or a switch that lies
     * itself.  Bucket size in packet-ins, too. */
    INLET_RATE = 2000,

    /* Of the bucket, what only ports get that said little lately: so that the
     * announcement of a VM that has just come passes when others of its NVE
     * have used up the rest. */
    INLET_RESERVE = 500,
    INLET_LITTLE = 16,          /* Packet-ins in this window and the last. */

    /* ARP, ND and RARP packet-ins of one port in a window that are a flood:
     * each forged address costs the switch a datapath flow, and the more it
     * has of these the later all its traffic follows a change of tables. */
    INLET_FLOOD = 80,
    /* ...and different source MACs of other frames, of 256 told apart. */
    INLET_SOURCES = 56,

    /* It has ended when this many windows in a row had less than a quarter. */
    INLET_CALM_WINDOWS = 5,

    /* Ports counted at a time; others have the rate, but are not watched. */
    INLET_PORTS_MAX = NVA_VAPS_PER_NVE_MAX,
};
#define INLET_WINDOW NVA_SEC

struct inlet;

struct inlet *inlet_create(void);
void inlet_destroy(struct inlet *);

/* A packet-in of 'port' from 'src'; 'data' if it is neither ARP, ND nor RARP.
 * NVE_LIMIT: there are too many, drop it. */
enum nva_reason inlet_take(struct inlet *, nva_ofport port,
                           struct eth_addr src, bool data, nva_usec now);

/* The next port that began to flood, or has ended to, since the last call.
 * False if there is none.  Sets '*level' to what has to be detoured now. */
bool inlet_next(struct inlet *, nva_usec now, nva_ofport *port,
                enum nva_detour *level);

/* When inlet_next() should be asked at the latest, or NVA_NEVER: while no port
 * floods. */
nva_usec inlet_deadline(const struct inlet *);

/* The port is gone, or another one now. */
void inlet_forget(struct inlet *, nva_ofport port);

#endif /* inlet.h */
