/* SPDX-License-Identifier: Apache-2.0 */

/* Frames of a laboratory guest.
 *
 * Knows the bytes of ARP, RARP (RFC 826, RFC 903), neighbour discovery (RFC
 * 4861) and UDP (RFC 768, RFC 8200).  Must never know sockets or taps, nor
 * share code with the product's own frame module: what measures must not
 * inherit the errors of what is measured.  Invariant: checksums of what is
 * built are right, and a frame is read only inside its length. */

#include "guest-frame.h"

#include <string.h>

#define ETH_LEN 14
#define MIN_FRAME 60
#define IP4_LEN 20
#define IP6_LEN 40
#define UDP_LEN 8
#define ND_LEN 32               /* Type to the end of the one option. */

const uint8_t guest_broadcast_mac[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
static const uint8_t zeros[16];
static const uint8_t all_nodes[16] = { 0xff, 0x02, [15] = 1 };

static void put16(uint8_t *, uint16_t);
static uint16_t get16(const uint8_t *);
static uint32_t sum16(uint32_t sum, const uint8_t *, size_t n);
static uint16_t fold(uint32_t sum);
static void put_eth(uint8_t *, const uint8_t dst[6], const uint8_t src[6],
                    uint16_t ethertype);
static void put_ip6(uint8_t *, const uint8_t src[16], const uint8_t dst[16],
                    size_t len, uint8_t proto, uint8_t hop_limit);
static uint16_t sum_ip6(const uint8_t *ip6, size_t len, uint8_t proto);
static void solicited_node(uint8_t group[16], const uint8_t ip[16]);
static void multicast_mac(uint8_t mac[6], const uint8_t group[16]);
static void put_nd(uint8_t *, const uint8_t *src_mac, const uint8_t *dst_mac,
                   const uint8_t *src_ip, const uint8_t *dst_ip);
static size_t finish_nd(uint8_t *, uint8_t type, uint8_t flags,
                        const uint8_t target[16], const uint8_t *lla);
static size_t pad(uint8_t *, size_t len);

size_t
guest_frame_arp(uint8_t *buf, uint16_t ethertype, const uint8_t dst_mac[6],
                const struct guest_arp *arp)
{
    uint8_t *p = buf + ETH_LEN;

    put_eth(buf, dst_mac, arp->sha, ethertype);
    put16(p, 1);
    put16(p + 2, 0x0800);
    p[4] = 6;
    p[5] = 4;
    put16(p + 6, arp->op);
    memcpy(p + 8, arp->sha, 6);
    memcpy(p + 14, arp->spa, 4);
    memcpy(p + 18, arp->tha, 6);
    memcpy(p + 24, arp->tpa, 4);
    return pad(buf, ETH_LEN + 28);
}

bool
guest_frame_parse_arp(const uint8_t *frame, size_t len, struct guest_arp *arp)
{
    const uint8_t *p = frame + ETH_LEN;

    if (len < ETH_LEN + 28 || get16(frame + 12) != 0x0806 || get16(p) != 1
        || get16(p + 2) != 0x0800 || p[4] != 6 || p[5] != 4) {
        return false;
    }
    arp->op = get16(p + 6);
    memcpy(arp->sha, p + 8, 6);
    memcpy(arp->spa, p + 14, 4);
    memcpy(arp->tha, p + 18, 6);
    memcpy(arp->tpa, p + 24, 4);
    return true;
}

size_t
guest_frame_garp(uint8_t *buf, const uint8_t mac[6], const uint8_t ip[4],
                 bool reply)
{
    struct guest_arp arp = { .op = reply ? 2 : 1 };

    memcpy(arp.sha, mac, 6);
    memcpy(arp.spa, ip, 4);
    memcpy(arp.tha, reply ? guest_broadcast_mac : zeros, 6);
    memcpy(arp.tpa, ip, 4);
    return guest_frame_arp(buf, 0x0806, guest_broadcast_mac, &arp);
}

size_t
guest_frame_probe(uint8_t *buf, const uint8_t mac[6], const uint8_t ip[4])
{
    struct guest_arp arp = { .op = 1 };

    memcpy(arp.sha, mac, 6);
    memcpy(arp.tpa, ip, 4);
    return guest_frame_arp(buf, 0x0806, guest_broadcast_mac, &arp);
}

size_t
guest_frame_rarp(uint8_t *buf, const uint8_t mac[6])
{
    struct guest_arp arp = { .op = 3 };

    memcpy(arp.sha, mac, 6);
    memcpy(arp.tha, mac, 6);
    return guest_frame_arp(buf, 0x8035, guest_broadcast_mac, &arp);
}

size_t
guest_frame_na(uint8_t *buf, const uint8_t mac[6], const uint8_t ip[16],
               bool to_solicited_node)
{
    uint8_t group[16], dst_mac[6];

    if (to_solicited_node) {
        solicited_node(group, ip);
    } else {
        memcpy(group, all_nodes, sizeof group);
    }
    multicast_mac(dst_mac, group);
    put_nd(buf, mac, dst_mac, ip, group);
    return finish_nd(buf, 136, 0x20, ip, mac);
}

size_t
guest_frame_na_reply(uint8_t *buf, const uint8_t mac[6], const uint8_t ip[16],
                     const uint8_t dst_mac[6], const uint8_t dst_ip[16])
{
    put_nd(buf, mac, dst_mac, ip, dst_ip);
    return finish_nd(buf, 136, 0x60, ip, mac);
}

size_t
guest_frame_ns(uint8_t *buf, const uint8_t mac[6], const uint8_t *src_ip,
               const uint8_t target[16])
{
    uint8_t group[16], dst_mac[6];

    solicited_node(group, target);
    multicast_mac(dst_mac, group);
    put_nd(buf, mac, dst_mac, src_ip ? src_ip : zeros, group);
    return finish_nd(buf, 135, 0, target, src_ip ? mac : NULL);
}

bool
guest_frame_parse_nd(const uint8_t *frame, size_t len, struct guest_nd *nd)
{
    const uint8_t *ip6 = frame + ETH_LEN;
    const uint8_t *icmp = ip6 + IP6_LEN;

    if (len < ETH_LEN + IP6_LEN + 24 || get16(frame + 12) != 0x86dd
        || ip6[6] != 58 || ip6[7] != 255
        || (icmp[0] != 135 && icmp[0] != 136)) {
        return false;
    }
    nd->type = icmp[0];
    memcpy(nd->src_ip, ip6 + 8, 16);
    memcpy(nd->target, icmp + 8, 16);
    nd->has_lla = false;
    for (const uint8_t *opt = icmp + 24;
         opt + 8 <= frame + len && opt[1]; opt += opt[1] * 8) {
        if (opt[0] == (nd->type == 135 ? 1 : 2)) {
            nd->has_lla = true;
            memcpy(nd->lla, opt + 2, 6);
            break;
        }
    }
    return true;
}

size_t
guest_frame_udp(uint8_t *buf, const struct guest_udp *u, const void *payload,
                size_t n)
{
    bool v4 = u->family == 4;
    uint8_t *ip = buf + ETH_LEN;
    uint8_t *udp = ip + (v4 ? IP4_LEN : IP6_LEN);
    size_t len = UDP_LEN + n;
    uint16_t sum;

    put16(udp, u->src_port);
    put16(udp + 2, u->dst_port);
    put16(udp + 4, len);
    put16(udp + 6, 0);
    memcpy(udp + UDP_LEN, payload, n);
    put_eth(buf, u->dst_mac, u->src_mac, v4 ? 0x0800 : 0x86dd);
    if (v4) {
        memset(ip, 0, IP4_LEN);
        ip[0] = 0x45;
        put16(ip + 2, IP4_LEN + len);
        ip[8] = 64;
        ip[9] = 17;
        memcpy(ip + 12, u->src_ip, 4);
        memcpy(ip + 16, u->dst_ip, 4);
        put16(ip + 10, fold(sum16(0, ip, IP4_LEN)));
        sum = fold(sum16(sum16(17 + len, ip + 12, 8), udp, len));
    } else {
        put_ip6(ip, u->src_ip, u->dst_ip, len, 17, 64);
        sum = sum_ip6(ip, len, 17);
    }
    put16(udp + 6, sum ? sum : 0xffff);
    return pad(buf, udp + len - buf);
}

const uint8_t *
guest_frame_parse_udp(const uint8_t *frame, size_t len, uint16_t dst_port,
                      size_t *n)
{
    const uint8_t *ip = frame + ETH_LEN;
    bool v4 = len > ETH_LEN && get16(frame + 12) == 0x0800;
    size_t ip_len = v4 ? IP4_LEN : IP6_LEN;
    const uint8_t *udp = ip + ip_len;
    size_t udp_len;
    uint16_t sum;

    if (len < ETH_LEN + ip_len + UDP_LEN
        || (v4 ? ip[0] != 0x45 || ip[9] != 17
               : get16(frame + 12) != 0x86dd || ip[6] != 17)
        || get16(udp + 2) != dst_port) {
        return NULL;
    }
    udp_len = get16(udp + 4);
    if (udp_len < UDP_LEN || udp_len > len - ETH_LEN - ip_len) {
        return NULL;
    }
    sum = (v4 ? fold(sum16(sum16(17 + udp_len, ip + 12, 8), udp, udp_len))
           : sum_ip6(ip, udp_len, 17));
    if (sum) {
        return NULL;
    }
    *n = udp_len - UDP_LEN;
    return udp + UDP_LEN;
}

static void
put16(uint8_t *p, uint16_t x)
{
    p[0] = x >> 8;
    p[1] = x;
}

static uint16_t
get16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

/* Adds 'n' bytes to a ones' complement sum that is not folded yet. */
static uint32_t
sum16(uint32_t sum, const uint8_t *p, size_t n)
{
    for (; n > 1; p += 2, n -= 2) {
        sum += get16(p);
    }
    return n ? sum + (*p << 8) : sum;
}

static uint16_t
fold(uint32_t sum)
{
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return ~sum;
}

static void
put_eth(uint8_t *buf, const uint8_t dst[6], const uint8_t src[6],
        uint16_t ethertype)
{
    memcpy(buf, dst, 6);
    memcpy(buf + 6, src, 6);
    put16(buf + 12, ethertype);
}

static void
put_ip6(uint8_t *ip6, const uint8_t src[16], const uint8_t dst[16],
        size_t len, uint8_t proto, uint8_t hop_limit)
{
    memset(ip6, 0, 4);
    ip6[0] = 0x60;
    put16(ip6 + 4, len);
    ip6[6] = proto;
    ip6[7] = hop_limit;
    memcpy(ip6 + 8, src, 16);
    memcpy(ip6 + 24, dst, 16);
}

/* The checksum of the 'len' bytes after the header 'ip6' and their pseudo
 * header. */
static uint16_t
sum_ip6(const uint8_t *ip6, size_t len, uint8_t proto)
{
    return fold(sum16(sum16(len + proto, ip6 + 8, 32), ip6 + IP6_LEN, len));
}

static void
solicited_node(uint8_t group[16], const uint8_t ip[16])
{
    memset(group, 0, 16);
    group[0] = 0xff;
    group[1] = 0x02;
    group[11] = 1;
    group[12] = 0xff;
    memcpy(group + 13, ip + 13, 3);
}

static void
multicast_mac(uint8_t mac[6], const uint8_t group[16])
{
    mac[0] = mac[1] = 0x33;
    memcpy(mac + 2, group + 12, 4);
}

static void
put_nd(uint8_t *buf, const uint8_t *src_mac, const uint8_t *dst_mac,
       const uint8_t *src_ip, const uint8_t *dst_ip)
{
    put_eth(buf, dst_mac, src_mac, 0x86dd);
    put_ip6(buf + ETH_LEN, src_ip, dst_ip, ND_LEN, 58, 255);
}

/* Writes what follows the IPv6 header; 'lla' may be NULL. */
static size_t
finish_nd(uint8_t *buf, uint8_t type, uint8_t flags, const uint8_t target[16],
          const uint8_t *lla)
{
    uint8_t *ip6 = buf + ETH_LEN;
    uint8_t *icmp = ip6 + IP6_LEN;
    size_t len = lla ? ND_LEN : ND_LEN - 8;

    memset(icmp, 0, 8);
    icmp[0] = type;
    icmp[4] = flags;
    memcpy(icmp + 8, target, 16);
    if (lla) {
        icmp[24] = type == 135 ? 1 : 2;
        icmp[25] = 1;
        memcpy(icmp + 26, lla, 6);
    }
    put16(ip6 + 4, len);
    put16(icmp + 2, sum_ip6(ip6, len, 58));
    return ETH_LEN + IP6_LEN + len;
}

static size_t
pad(uint8_t *buf, size_t len)
{
    if (len < MIN_FRAME) {
        memset(buf + len, 0, MIN_FRAME - len);
        len = MIN_FRAME;
    }
    return len;
}
