/* SPDX-License-Identifier: Apache-2.0 */

/* Packets that are held for VMs that stand still (D18, draft vmm-15 s4.4): a
 * bounded queue for each interface, filled by packet-ins, let go in order
 * towards where the directory says that the VM is.  No socket, no clock: 'now'
 * comes in, a deadline goes out. */

#ifndef NVA_HOLD_H
#define NVA_HOLD_H 1

#include "classify.h"
#include "step.h"

struct hold;

/* Named limits.  Whoever sends to a VM that stands still makes these grow; the
 * newest is dropped when there is no room (HOLD_FULL). */
enum {
    HOLD_PACKETS_MAX = 16384,           /* Of one interface. */
    HOLD_BYTES_MAX = 16 * 1024 * 1024,  /* Of one interface. */
    HOLD_TOTAL_MAX = 128 * 1024 * 1024, /* Bytes, all told. */

    /* Let go at once and per HOLD_PACE: the port's queue (1,000 frames in a
     * tap) must not overflow before the guest gets to read it. */
    HOLD_BATCH = 64,
};
#define HOLD_PACE NVA_MSEC

/* The hold ends when for so long no packet has had to wait here: what the
 * switch still has to send of the queue is then out, and few packets are on
 * their way through us that those which no longer are could overtake. */
#define HOLD_CALM (50 * NVA_MSEC)

/* Decisions that a datapath has cached show us packets for some time after the
 * hold has ended: they go out the same way. */
#define HOLD_LINGER (200 * NVA_MSEC)

struct hold_stats {
    uint64_t held, sent;                /* Packets, ever. */
    uint64_t dropped[NVA_N_REASONS];
    size_t packets, bytes;              /* Now. */
};

struct hold *hold_create(void);
/* What is still held is lost. */
void hold_destroy(struct hold *);

/* 'tsi' has been put: if it is held, its packets are taken from now on. */
void hold_look(struct hold *, const struct nva_tsi *);

/* Takes the packet if it is from the HOLD table and its destination's packets
 * are held (or were, until HOLD_LINGER ago); copies it.  False: not ours. */
bool hold_take(struct hold *, const struct directory *,
               const struct nva_packet_in *);

/* Out of a port of an NVE, as the present session numbers it. */
struct hold_packet {
    nva_id nve;
    nva_ofport ofport;
    const void *data;
    size_t size;
};

/* Sends; false: that NVE cannot take it now, ask again later. */
typedef bool hold_send(void *aux, const struct hold_packet *);

/* Lets go what may go, in order: of an interface that has switched, at its new
 * place; whose move was aborted, at its old one; whose hold took too long, at
 * the place it was prepared for.  Drops what is too old to wait for a port or
 * a session (HOLD_TIMEOUT), and what is for nobody (HOLD_GONE). */
void hold_run(struct hold *, const struct nva_view *, hold_send *, void *aux);

/* The next RELEASED to tell the brain: an interface has switched, or stays
 * where it was after all and its NVE has confirmed that, and all has gone out
 * (for HOLD_CALM), or its time is over.  Call until false, after each
 * hold_run(). */
bool hold_next_released(const struct hold *, const struct nva_view *,
                        struct nva_event *);

/* When hold_run() has something to do that no event announces. */
nva_usec hold_deadline(const struct hold *, const struct nva_view *);

const struct hold_stats *hold_stats(const struct hold *);

#endif /* hold.h */
