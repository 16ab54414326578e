/* SPDX-License-Identifier: Apache-2.0 */

/* Packet-in -> event.  Knows which table asks what; decides nothing about
 * truth: whether evidence is believed is admission's business. */

#ifndef NVA_CLASSIFY_H
#define NVA_CLASSIFY_H 1

#include "directory.h"
#include "event.h"

/* A packet-in, decoded.  'data' is the caller's. */
struct nva_packet_in {
    nva_id nve;
    uint64_t session;
    uint8_t table;                      /* Of the flow that sent it. */
    nva_ofport in_port;
    uint64_t tun_id;                    /* From a tunnel: its key. */
    uint32_t refusal;                   /* From REFUSE: its reg3. */
    const void *data;
    size_t size;
};

/* The VN of 'pin' (a whole Ethernet header at least): of '*vap', where it came
 * in, or of its tunnel key (then '*vap' is NONE).  Refuses: NO_VAP. */
enum nva_reason classify_packet_vn(const struct directory *,
                                   const struct nva_packet_in *, nva_id *vap,
                                   nva_id *vn);

/* Turns 'pin' into at most two events in 'ev': an announcement or a frame
 * from an unknown (port, MAC) is EVIDENCE; an ARP request, NS or RARP request
 * is a QUESTION (a RARP request is both: EVIDENCE first); an ARP reply or NA
 * to the NVA itself is an ANSWER and nothing else; a frame from the tunnel, or
 * for a destination no flow knew, is a STRAY.  Sets '*n'.
 * Refuses: STALE_SESSION, NO_VAP, NOT_INTERESTING, what nva_frame_parse()
 * refuses, and what a flow refused (pipeline_refusal_reason()). */
enum nva_reason classify_packet_in(const struct directory *,
                                   const struct nva_packet_in *,
                                   struct nva_event ev[2], size_t *n);

#endif /* classify.h */
