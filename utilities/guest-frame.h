/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GUEST_FRAME_H
#define GUEST_FRAME_H 1

/* The frames that a guest of the laboratory sends, as bytes.
 *
 * Each function writes one whole Ethernet frame into 'buf', which has room for
 * GUEST_FRAME_SIZE bytes, and returns its length.  Short frames are padded to
 * 60 bytes.  IPv4 addresses are 4 bytes, IPv6 addresses 16, MAC addresses 6,
 * all in network order. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUEST_FRAME_SIZE 2048
#define GUEST_FRAME_UDP_MAX 1400        /* Bytes of payload. */

/* An ARP packet (RFC 826). */
struct guest_arp {
    uint16_t op;                /* 1 request, 2 reply, 3 reverse request. */
    uint8_t sha[6], spa[4];
    uint8_t tha[6], tpa[4];
};

/* Ends of a UDP datagram: 'family' is 4 or 6. */
struct guest_udp {
    int family;
    const uint8_t *src_mac, *dst_mac;
    const uint8_t *src_ip, *dst_ip;
    uint16_t src_port, dst_port;
};

extern const uint8_t guest_broadcast_mac[6];

/* 'ethertype' is 0x0806, or 0x8035 for RARP. */
size_t guest_frame_arp(uint8_t *buf, uint16_t ethertype,
                       const uint8_t dst_mac[6], const struct guest_arp *);

/* Parses an ARP packet for IPv4 over Ethernet.  Returns false if it is not
 * one. */
bool guest_frame_parse_arp(const uint8_t *frame, size_t len,
                           struct guest_arp *);

/* Gratuitous ARP, a request or a reply (RFC 5227, 2.3 and 3). */
size_t guest_frame_garp(uint8_t *buf, const uint8_t mac[6],
                        const uint8_t ip[4], bool reply);

/* ARP probe: sender address 0 (RFC 5227, 2.1.1). */
size_t guest_frame_probe(uint8_t *buf, const uint8_t mac[6],
                         const uint8_t ip[4]);

/* Reverse ARP request as QEMU announces itself: it names a MAC only. */
size_t guest_frame_rarp(uint8_t *buf, const uint8_t mac[6]);

/* Unsolicited neighbour advertisement, O set, S clear (RFC 4861, 7.2.6), to
 * all nodes or, with 'solicited_node', to that group of the target. */
size_t guest_frame_na(uint8_t *buf, const uint8_t mac[6],
                      const uint8_t ip[16], bool solicited_node);

/* Answer to a solicitation from 'dst_ip' at 'dst_mac', S and O set. */
size_t guest_frame_na_reply(uint8_t *buf, const uint8_t mac[6],
                            const uint8_t ip[16], const uint8_t dst_mac[6],
                            const uint8_t dst_ip[16]);

/* Neighbour solicitation for 'target' from 'src_ip'; a NULL 'src_ip' makes the
 * probe of duplicate address detection (RFC 4862, 5.4.2). */
size_t guest_frame_ns(uint8_t *buf, const uint8_t mac[6],
                      const uint8_t *src_ip, const uint8_t target[16]);

/* What guest_frame_parse_nd() finds. */
struct guest_nd {
    uint8_t type;               /* 135 or 136. */
    uint8_t src_ip[16];
    uint8_t target[16];
    bool has_lla;               /* Source or target link-layer option. */
    uint8_t lla[6];
};

/* Parses a neighbour solicitation or advertisement, without verifying its
 * checksum.  Returns false if it is neither. */
bool guest_frame_parse_nd(const uint8_t *frame, size_t len, struct guest_nd *);

/* A UDP datagram with 'n' (at most GUEST_FRAME_UDP_MAX) bytes of payload and
 * right checksums. */
size_t guest_frame_udp(uint8_t *buf, const struct guest_udp *,
                       const void *payload, size_t n);

/* Finds the payload of a whole UDP datagram to 'dst_port' over IPv4 (no
 * options) or IPv6 (no extension headers).  Returns NULL if it is none or if
 * its checksum is wrong. */
const uint8_t *guest_frame_parse_udp(const uint8_t *frame, size_t len,
                                     uint16_t dst_port, size_t *n);

#endif /* guest-frame.h */
