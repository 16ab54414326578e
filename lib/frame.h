/* SPDX-License-Identifier: Apache-2.0 */

/* ARP, RARP and neighbour discovery: bytes <-> struct. */

#ifndef NVA_FRAME_H
#define NVA_FRAME_H 1

#include "nva-types.h"
#include "openvswitch/packets.h"

#define NVA_FRAME_KINDS                                                     \
    X(OTHER, "other")                   /* Only the Ethernet header. */     \
    X(ARP_REQUEST, "arp_request") X(ARP_REPLY, "arp_reply")                 \
    X(RARP_REQUEST, "rarp_request") X(RARP_REPLY, "rarp_reply")             \
    X(NS, "ns") X(NA, "na")

enum nva_frame_kind {
#define X(E, W) NVA_FRAME_##E,
    NVA_FRAME_KINDS
#undef X
};

const char *nva_frame_kind_word(enum nva_frame_kind);

struct nva_frame {
    enum nva_frame_kind kind;
    struct eth_addr eth_src, eth_dst;
    uint16_t eth_type;                  /* Host order, after any VLAN tag. */

    /* ARP and RARP (RFC 826, 903): sender and target.  IPs are IPv4-mapped;
     * 0.0.0.0 is ::ffff:0.0.0.0.
     * NS and NA (RFC 4861): 'ip_src', 'ip_dst' are the IPv6 header's, 'tpa'
     * the target address, 'has_lla' the SLL (NS) or TLL (NA) option, 'lla'
     * its value.
     * Other IPv4 and IPv6: 'ip_src', as far as it is there. */
    struct eth_addr sha, tha;
    struct in6_addr spa, tpa;
    struct in6_addr ip_src, ip_dst;
    bool has_lla;
    struct eth_addr lla;
    bool has_nonce;                     /* RFC 7527: enhanced DAD. */
    bool na_router, na_solicited, na_override;
};

/* Parses 'size' bytes at 'data' (an Ethernet frame, with at most one VLAN
 * priority tag).  A frame of another protocol is NVA_FRAME_OTHER, no error.
 * ARP: Ethernet/IPv4 only (other hardware types: FRAME_FORMAT), 'sha' equal to
 * the Ethernet source, else FRAME_MISMATCH (RFC 5227 says nothing; a proxy
 * that rewrites one and not the other lies).  RARP as QEMU sends it (I1).
 * NS/NA: RFC 4861 s7.1.1, s7.1.2 (G4): hop limit 255, code 0, checksum,
 * target not multicast, no zero-length option, S=0 if destination multicast,
 * NS from :: only to a solicited-node address and without SLL; an SLL/TLL that
 * is not the Ethernet source is allowed only in NA (proxy), kept in 'lla'.
 * IPv6 extension headers before ICMPv6: NVA_FRAME_OTHER. */
enum nva_reason nva_frame_parse(const void *data, size_t size,
                                struct nva_frame *);

/* RFC 5227: request with sender IP 0; or DAD's NS from :: (RFC 4862 s5.4). */
bool nva_frame_is_probe(const struct nva_frame *);

/* True if the frame says that its sender has an address, '*ip': ARP's sender
 * IP, an NS's source, an NA's target.  Which may be none that a host can own.
 * RARP names a MAC only (I2). */
bool nva_frame_claim(const struct nva_frame *, struct in6_addr *ip);

/* The same, of an address that a host may own and that is its alone: what an
 * NA without the override flag says of an anycast address teaches nobody who
 * has it (RFC 9161 s3.2.1, F4). */
bool nva_frame_teaches_ip(const struct nva_frame *, struct in6_addr *ip);

/* An announcement (D2, D7, G3, H2, I1): gratuitous ARP request or reply
 * (sender IP = target IP, not 0), unsolicited NA (S = 0) to all-nodes or the
 * target's solicited-node address, RARP request with sha = tha. */
bool nva_frame_is_announcement(const struct nva_frame *);

/* ## Frames we send ##
 *
 * Each writes at most 'size' bytes (NVA_REPLY_MAX suffice) to 'buf', padded to
 * 60 bytes, with right lengths and checksums; returns the length. */
#define NVA_REPLY_MAX 128

/* ARP reply (F1): 'ip' is at 'mac', to the asker of 'request'. */
size_t nva_frame_arp_reply(const struct nva_frame *request,
                           struct eth_addr mac, void *buf, size_t size);

/* NA in answer to NS 'request' (F1, F3): target = request's, TLL = 'mac', O
 * set, S set unless the request is DAD's (then to all-nodes, S = 0),
 * R = 'router'.  Hop limit 255. */
size_t nva_frame_na_reply(const struct nva_frame *request, struct eth_addr mac,
                          bool router, void *buf, size_t size);

/* RARP reply (RFC 903, I3): 'ip' (IPv4) for the target MAC of 'request',
 * from server 'server_mac', 'server_ip'; unicast to the request's source. */
size_t nva_frame_rarp_reply(const struct nva_frame *request,
                            const struct in6_addr *ip,
                            struct eth_addr server_mac,
                            const struct in6_addr *server_ip,
                            void *buf, size_t size);

/* "Are you there?", from the NVA to the owner of 'ip' alone, whose MAC is
 * 'mac': an ARP request whose sender IP is 0 (RFC 9161 s3.5, F6: it updates no
 * cache), or an NS from the NVA's link-local address with an SLL. */
size_t nva_frame_probe(const struct in6_addr *ip, struct eth_addr mac,
                       void *buf, size_t size);

/* True for an answer to that: an ARP reply or NA to the NVA's MAC. */
bool nva_frame_is_answer(const struct nva_frame *);

/* A frame that warms a tunnel's neighbour entry: experimental EtherType
 * 0x88b5, to broadcast, from a locally administered MAC. */
size_t nva_frame_warm(void *buf, size_t size);

#endif /* frame.h */
