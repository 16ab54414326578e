/* SPDX-License-Identifier: Apache-2.0 */

/* Reads a TCP segment and writes the reset that answers it.  Knows the bytes
 * of Ethernet, IP and TCP; must never know why the connection is no more.
 * Invariant: a reset is never answered, and no byte outside the frame is read.
 * RFC 9293 s3.5.2 (reset generation), RFC 791, RFC 8200. */

#include <config.h>

#include "tcp-reset.h"

#include <string.h>

#include "csum.h"
#include "openvswitch/packets.h"
#include "packets.h"
#include "util.h"

enum { IP4_LEN = 20, IP6_LEN = 40, TCP_LEN = 20, TTL = 64 };

/* What a segment says. */
struct segment {
    struct eth_addr eth_src, eth_dst;
    struct in6_addr src, dst;           /* IPv4-mapped, or IPv6. */
    uint16_t src_port, dst_port;
    uint32_t seq, ack, len;             /* 'len': SYN and FIN count. */
    uint8_t flags;
};

static enum nva_reason parse_ip4(const uint8_t *, size_t, struct segment *);
static enum nva_reason parse_ip6(const uint8_t *, size_t, struct segment *);
static enum nva_reason parse_tcp(const uint8_t *, size_t, struct segment *);
static size_t put_ip4(uint8_t *, const struct segment *);
static size_t put_ip6(uint8_t *, const struct segment *);
static void put_tcp(uint8_t *, const struct segment *, uint32_t pseudo);

static uint16_t
get16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

static uint32_t
get32(const uint8_t *p)
{
    return (uint32_t) get16(p) << 16 | get16(p + 2);
}

static void
put16(uint8_t *p, uint16_t value)
{
    p[0] = value >> 8;
    p[1] = value;
}

static void
put32(uint8_t *p, uint32_t value)
{
    put16(p, value >> 16);
    put16(p + 2, value);
}

enum nva_reason
nva_tcp_reset(const void *frame, size_t size, uint8_t buf[NVA_TCP_RESET_MAX],
              size_t *n)
{
    const uint8_t *p = frame;
    size_t at = ETH_HEADER_LEN;
    enum nva_reason reason;
    struct segment s;
    uint16_t type;

    if (size < ETH_HEADER_LEN + VLAN_HEADER_LEN) {
        return NVA_R_FRAME_TRUNCATED;
    }
    memcpy(&s.eth_dst, p, sizeof s.eth_dst);
    memcpy(&s.eth_src, p + ETH_ADDR_LEN, sizeof s.eth_src);
    type = get16(p + 2 * ETH_ADDR_LEN);
    if (type == ETH_TYPE_VLAN_8021Q) {
        at += VLAN_HEADER_LEN;
        type = get16(p + at - 2);
    }
    reason = (type == ETH_TYPE_IP ? parse_ip4(p + at, size - at, &s)
              : type == ETH_TYPE_IPV6 ? parse_ip6(p + at, size - at, &s)
              : NVA_R_NOT_INTERESTING);
    if (reason) {
        return reason;
    }
    if (s.flags & TCP_RST || !nva_ip_is_host(&s.src)
        || !nva_mac_is_host(s.eth_src)) {
        return NVA_R_NOT_INTERESTING;
    }

    memset(buf, 0, NVA_TCP_RESET_MAX);
    memcpy(buf, &s.eth_src, sizeof s.eth_src);
    memcpy(buf + ETH_ADDR_LEN, &s.eth_dst, sizeof s.eth_dst);
    put16(buf + 2 * ETH_ADDR_LEN, type);
    *n = ETH_HEADER_LEN + (type == ETH_TYPE_IP
                           ? put_ip4(buf + ETH_HEADER_LEN, &s)
                           : put_ip6(buf + ETH_HEADER_LEN, &s));
    *n = MAX(*n, 60);
    return NVA_OK;
}

static enum nva_reason
parse_ip4(const uint8_t *p, size_t size, struct segment *s)
{
    size_t header, total;
    ovs_be32 ip;

    if (size < IP4_LEN) {
        return NVA_R_FRAME_TRUNCATED;
    }
    header = (p[0] & 0xf) * 4;
    total = get16(p + 2);
    if (p[0] >> 4 != 4 || header < IP4_LEN || total < header) {
        return NVA_R_FRAME_FORMAT;
    } else if (total > size) {
        return NVA_R_FRAME_TRUNCATED;
    } else if (p[9] != IPPROTO_TCP || get16(p + 6) & 0x3fff) {
        return NVA_R_NOT_INTERESTING;   /* Or a fragment. */
    }
    memcpy(&ip, p + 12, sizeof ip);
    in6_addr_set_mapped_ipv4(&s->src, ip);
    memcpy(&ip, p + 16, sizeof ip);
    in6_addr_set_mapped_ipv4(&s->dst, ip);
    return parse_tcp(p + header, total - header, s);
}

static enum nva_reason
parse_ip6(const uint8_t *p, size_t size, struct segment *s)
{
    size_t payload;

    if (size < IP6_LEN) {
        return NVA_R_FRAME_TRUNCATED;
    }
    payload = get16(p + 4);
    if (p[0] >> 4 != 6) {
        return NVA_R_FRAME_FORMAT;
    } else if (payload > size - IP6_LEN) {
        return NVA_R_FRAME_TRUNCATED;
    } else if (p[6] != IPPROTO_TCP) {
        return NVA_R_NOT_INTERESTING;
    }
    memcpy(&s->src, p + 8, sizeof s->src);
    memcpy(&s->dst, p + 24, sizeof s->dst);
    return parse_tcp(p + IP6_LEN, payload, s);
}

static enum nva_reason
parse_tcp(const uint8_t *p, size_t size, struct segment *s)
{
    size_t header;

    if (size < TCP_LEN) {
        return NVA_R_FRAME_TRUNCATED;
    }
    header = (p[12] >> 4) * 4;
    if (header < TCP_LEN || header > size) {
        return NVA_R_FRAME_FORMAT;
    }
    s->src_port = get16(p);
    s->dst_port = get16(p + 2);
    s->seq = get32(p + 4);
    s->ack = get32(p + 8);
    s->flags = p[13];
    s->len = (size - header + !!(s->flags & TCP_SYN)
              + !!(s->flags & TCP_FIN));
    return NVA_OK;
}

static size_t
put_ip4(uint8_t *p, const struct segment *s)
{
    ovs_be32 src = in6_addr_get_mapped_ipv4(&s->dst);
    ovs_be32 dst = in6_addr_get_mapped_ipv4(&s->src);
    const uint8_t tail[4] = { 0, IPPROTO_TCP, 0, TCP_LEN };
    ovs_be16 check;
    uint32_t pseudo;

    p[0] = 0x45;
    put16(p + 2, IP4_LEN + TCP_LEN);
    put16(p + 6, 0x4000);               /* Do not fragment. */
    p[8] = TTL;
    p[9] = IPPROTO_TCP;
    memcpy(p + 12, &src, sizeof src);
    memcpy(p + 16, &dst, sizeof dst);
    check = csum(p, IP4_LEN);
    memcpy(p + 10, &check, sizeof check);

    pseudo = csum_continue(0, p + 12, 8);
    pseudo = csum_continue(pseudo, tail, sizeof tail);
    put_tcp(p + IP4_LEN, s, pseudo);
    return IP4_LEN + TCP_LEN;
}

static size_t
put_ip6(uint8_t *p, const struct segment *s)
{
    const uint8_t tail[8] = { 0, 0, 0, TCP_LEN, 0, 0, 0, IPPROTO_TCP };
    uint32_t pseudo;

    p[0] = 0x60;
    put16(p + 4, TCP_LEN);
    p[6] = IPPROTO_TCP;
    p[7] = TTL;
    memcpy(p + 8, &s->dst, sizeof s->dst);
    memcpy(p + 24, &s->src, sizeof s->src);

    pseudo = csum_continue(0, p + 8, 32);
    pseudo = csum_continue(pseudo, tail, sizeof tail);
    put_tcp(p + IP6_LEN, s, pseudo);
    return IP6_LEN + TCP_LEN;
}

/* RFC 9293 s3.5.2: with an acknowledgement, the reset takes its number from
 * there; without, it acknowledges the whole segment. */
static void
put_tcp(uint8_t *p, const struct segment *s, uint32_t pseudo)
{
    ovs_be16 check;

    put16(p, s->dst_port);
    put16(p + 2, s->src_port);
    if (s->flags & TCP_ACK) {
        put32(p + 4, s->ack);
        p[13] = TCP_RST;
    } else {
        put32(p + 8, s->seq + s->len);
        p[13] = TCP_RST | TCP_ACK;
    }
    p[12] = TCP_LEN / 4 << 4;
    check = csum_finish(csum_continue(pseudo, p, TCP_LEN));
    memcpy(p + 16, &check, sizeof check);
}
