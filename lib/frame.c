/* SPDX-License-Identifier: Apache-2.0 */

/* ARP (RFC 826, 5227), RARP (RFC 903) and neighbour discovery (RFC 4861):
 * bytes <-> struct.  Knows the formats; must never know who is where.
 *
 * Invariant: what a frame says is read once, by a cursor whose first error
 * sticks, so no byte beyond 'size' is looked at; and a frame that contradicts
 * itself (addresses inside against the Ethernet source, two different
 * link-layer options) never becomes a struct, because a host might believe
 * the half that we did not check. */

#include <config.h>

#include "frame.h"

#include <netinet/icmp6.h>
#include <string.h>

#include "csum.h"
#include "packets.h"
#include "util.h"

/* Reads.  Once 'error' is set, every read yields zeros and changes nothing. */
struct reader {
    const uint8_t *p;
    size_t left;
    enum nva_reason error;
};

/* Writes.  'overflow' sticks. */
struct writer {
    uint8_t *p;
    size_t size, n;
    bool overflow;
};

static void reader_fail(struct reader *, enum nva_reason);
static void reader_require(struct reader *, bool, enum nva_reason);
static const uint8_t *get_bytes(struct reader *, size_t);
static uint8_t get_u8(struct reader *);
static uint16_t get_u16(struct reader *);
static struct eth_addr get_mac(struct reader *);
static struct in6_addr get_ip4(struct reader *);
static struct in6_addr get_ip6(struct reader *);

static void parse_ethernet(struct reader *, struct nva_frame *);
static void unwrap_snap(struct reader *, struct nva_frame *);
static void parse_arp(struct reader *, struct nva_frame *);
static void parse_ipv4(struct reader *, struct nva_frame *);
static void parse_ipv6(struct reader *, struct nva_frame *);
static uint8_t skip_extensions(struct reader *, uint8_t next, size_t *len);
static void parse_nd(struct reader *, struct nva_frame *);
static void parse_nd_options(struct reader *, struct nva_frame *);
static void check_ns(struct reader *, const struct nva_frame *);
static void check_na(struct reader *, const struct nva_frame *);
static bool is_solicited_node(const struct in6_addr *);
static uint16_t icmp6_csum(const struct in6_addr *src,
                           const struct in6_addr *dst,
                           const uint8_t *, size_t);

static void put_bytes(struct writer *, const void *, size_t);
static void put_u8(struct writer *, uint8_t);
static void put_u16(struct writer *, uint16_t);
static void put_mac(struct writer *, struct eth_addr);
static void put_ip4(struct writer *, const struct in6_addr *);
static void put_ethernet(struct writer *, struct eth_addr dst,
                         struct eth_addr src, uint16_t type);
static void put_arp_header(struct writer *, uint16_t op);
static void put_nd(struct writer *, const struct in6_addr *src,
                   const struct in6_addr *dst, uint8_t icmp[]);
static size_t put_end(struct writer *);

#define FRAME_MIN 60                /* Ethernet's, without the FCS. */
#define ND_LEN 32                   /* ICMPv6 part: NS or NA, one option. */
#define ND_OPT_NONCE 14             /* RFC 3971 s5.3.2. */
#define RARP_OP_REQUEST 3           /* RFC 903. */
#define RARP_OP_REPLY 4
#define WARM_ETH_TYPE 0x88b5        /* IEEE 802 local experimental 1. */

static const char *const kind_words[] = {
#define X(E, W) [NVA_FRAME_##E] = W,
    NVA_FRAME_KINDS
#undef X
};

const char *
nva_frame_kind_word(enum nva_frame_kind kind)
{
    return kind < ARRAY_SIZE(kind_words) ? kind_words[kind] : "?";
}

enum nva_reason
nva_frame_parse(const void *data, size_t size, struct nva_frame *f)
{
    struct reader r = { .p = data, .left = size };

    memset(f, 0, sizeof *f);
    reader_require(&r, size <= NVA_FRAME_MAX, NVA_R_FRAME_FORMAT);
    parse_ethernet(&r, f);
    switch (f->eth_type) {
    case ETH_TYPE_ARP:
    case ETH_TYPE_RARP:
        parse_arp(&r, f);
        break;
    case ETH_TYPE_IPV6:
        parse_ipv6(&r, f);
        break;
    case ETH_TYPE_IP:
        parse_ipv4(&r, f);
        break;
    default:
        break;
    }
    if (r.error) {
        f->kind = NVA_FRAME_OTHER;
    }
    return r.error;
}

bool
nva_frame_is_probe(const struct nva_frame *f)
{
    if (f->kind == NVA_FRAME_ARP_REQUEST) {
        return !in6_addr_get_mapped_ipv4(&f->spa);
    }
    return f->kind == NVA_FRAME_NS && IN6_IS_ADDR_UNSPECIFIED(&f->ip_src);
}

bool
nva_frame_is_announcement(const struct nva_frame *f)
{
    struct in6_addr solicited_node;

    switch (f->kind) {
    case NVA_FRAME_ARP_REQUEST:
    case NVA_FRAME_ARP_REPLY:
        return (in6_addr_get_mapped_ipv4(&f->spa)
                && ipv6_addr_equals(&f->spa, &f->tpa));
    case NVA_FRAME_NA:
        in6_addr_solicited_node(&solicited_node, &f->tpa);
        return (!f->na_solicited
                && (ipv6_is_all_hosts(&f->ip_dst)
                    || ipv6_addr_equals(&f->ip_dst, &solicited_node)));
    case NVA_FRAME_RARP_REQUEST:
        return eth_addr_equals(f->sha, f->tha);
    case NVA_FRAME_OTHER:
    case NVA_FRAME_RARP_REPLY:
    case NVA_FRAME_NS:
    default:
        return false;
    }
}

size_t
nva_frame_arp_reply(const struct nva_frame *request, struct eth_addr mac,
                    void *buf, size_t size)
{
    struct writer w = { .p = buf, .size = size };

    put_ethernet(&w, request->eth_src, mac, ETH_TYPE_ARP);
    put_arp_header(&w, ARP_OP_REPLY);
    put_mac(&w, mac);
    put_ip4(&w, &request->tpa);
    put_mac(&w, request->sha);
    put_ip4(&w, &request->spa);
    return put_end(&w);
}

size_t
nva_frame_probe(const struct in6_addr *ip, struct eth_addr mac, void *buf,
                size_t size)
{
    static const struct in6_addr no_ip4 = {
        { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0 } }
    };
    struct writer w = { .p = buf, .size = size };

    if (nva_ip_is_v4(ip)) {
        put_ethernet(&w, mac, nva_own_mac, ETH_TYPE_ARP);
        put_arp_header(&w, ARP_OP_REQUEST);
        put_mac(&w, nva_own_mac);
        put_ip4(&w, &no_ip4);
        put_mac(&w, eth_addr_zero);
        put_ip4(&w, ip);
    } else {
        uint8_t icmp[ND_LEN] = { [0] = ND_NEIGHBOR_SOLICIT };
        struct in6_addr src;

        in6_generate_lla(nva_own_mac, &src);
        memcpy(&icmp[8], ip, 16);
        icmp[24] = ND_OPT_SOURCE_LINKADDR;
        memcpy(&icmp[26], nva_own_mac.ea, ETH_ADDR_LEN);
        put_ethernet(&w, mac, nva_own_mac, ETH_TYPE_IPV6);
        put_nd(&w, &src, ip, icmp);
    }
    return put_end(&w);
}

bool
nva_frame_claim(const struct nva_frame *f, struct in6_addr *ip)
{
    switch (f->kind) {
    case NVA_FRAME_ARP_REQUEST:
    case NVA_FRAME_ARP_REPLY:
        *ip = f->spa;
        return true;
    case NVA_FRAME_NS:
        *ip = f->ip_src;
        return true;
    case NVA_FRAME_NA:
        *ip = f->tpa;
        return true;
    case NVA_FRAME_OTHER:
    case NVA_FRAME_RARP_REQUEST:
    case NVA_FRAME_RARP_REPLY:
    default:
        return false;
    }
}

bool
nva_frame_teaches_ip(const struct nva_frame *f, struct in6_addr *ip)
{
    return (nva_frame_claim(f, ip) && nva_ip_is_host(ip)
            && (f->kind != NVA_FRAME_NA || f->na_override));
}

bool
nva_frame_is_answer(const struct nva_frame *f)
{
    return ((f->kind == NVA_FRAME_ARP_REPLY || f->kind == NVA_FRAME_NA)
            && eth_addr_equals(f->eth_dst, nva_own_mac));
}

size_t
nva_frame_na_reply(const struct nva_frame *request, struct eth_addr mac,
                   bool router, void *buf, size_t size)
{
    bool dad = IN6_IS_ADDR_UNSPECIFIED(&request->ip_src);
    const struct in6_addr *dst = (dad ? &in6addr_all_hosts
                                  : &request->ip_src);
    uint8_t icmp[ND_LEN] = { [0] = ND_NEIGHBOR_ADVERT };
    struct writer w = { .p = buf, .size = size };
    struct eth_addr eth_dst = request->eth_src;

    if (dad) {
        ipv6_multicast_to_ethernet(&eth_dst, dst);
    }
    icmp[4] = (router ? 0x80 : 0) | (dad ? 0 : 0x40) | 0x20;
    memcpy(&icmp[8], &request->tpa, 16);
    icmp[24] = ND_OPT_TARGET_LINKADDR;
    memcpy(&icmp[26], mac.ea, ETH_ADDR_LEN);
    put_ethernet(&w, eth_dst, mac, ETH_TYPE_IPV6);
    put_nd(&w, &request->tpa, dst, icmp);
    return put_end(&w);
}

size_t
nva_frame_rarp_reply(const struct nva_frame *request,
                     const struct in6_addr *ip, struct eth_addr server_mac,
                     const struct in6_addr *server_ip, void *buf, size_t size)
{
    struct writer w = { .p = buf, .size = size };

    put_ethernet(&w, request->eth_src, server_mac, ETH_TYPE_RARP);
    put_arp_header(&w, RARP_OP_REPLY);
    put_mac(&w, server_mac);
    put_ip4(&w, server_ip);
    put_mac(&w, request->tha);
    put_ip4(&w, ip);
    return put_end(&w);
}

size_t
nva_frame_warm(void *buf, size_t size)
{
    static const struct eth_addr src = ETH_ADDR_C(02,00,00,00,ff,01);
    static const struct eth_addr dst = ETH_ADDR_C(ff,ff,ff,ff,ff,ff);
    struct writer w = { .p = buf, .size = size };

    put_ethernet(&w, dst, src, WARM_ETH_TYPE);
    return put_end(&w);
}

/* ## Parsing ## */

/* One tag is admitted when it carries a priority only (VID 0). */
static void
parse_ethernet(struct reader *r, struct nva_frame *f)
{
    f->eth_dst = get_mac(r);
    f->eth_src = get_mac(r);
    f->eth_type = get_u16(r);
    if (f->eth_type == ETH_TYPE_VLAN_8021Q) {
        uint16_t tci = get_u16(r);

        f->eth_type = get_u16(r);
        reader_require(r, !(tci & VLAN_VID_MASK), NVA_R_FRAME_FORMAT);
        reader_require(r, f->eth_type != ETH_TYPE_VLAN_8021Q,
                       NVA_R_FRAME_FORMAT);
    }
    reader_require(r, f->eth_type != ETH_TYPE_VLAN_8021AD, NVA_R_FRAME_FORMAT);
    unwrap_snap(r, f);
}

/* A length instead of a type, LLC, and SNAP with an Ethernet type (RFC 1042):
 * switches match it as if the type stood in front. */
static void
unwrap_snap(struct reader *r, struct nva_frame *f)
{
    static const uint8_t snap[] = { 0xaa, 0xaa, 3, 0, 0, 0 };

    if (f->eth_type < ETH_TYPE_MIN && r->left >= sizeof snap + 2
        && !memcmp(r->p, snap, sizeof snap)) {
        get_bytes(r, sizeof snap);
        f->eth_type = get_u16(r);
    }
}

static void
parse_arp(struct reader *r, struct nva_frame *f)
{
    bool rarp = f->eth_type == ETH_TYPE_RARP;
    uint16_t op;

    reader_require(r, get_u16(r) == ARP_HRD_ETHERNET, NVA_R_FRAME_FORMAT);
    reader_require(r, get_u16(r) == ARP_PRO_IP, NVA_R_FRAME_FORMAT);
    reader_require(r, get_u8(r) == ETH_ADDR_LEN, NVA_R_FRAME_FORMAT);
    reader_require(r, get_u8(r) == 4, NVA_R_FRAME_FORMAT);
    op = get_u16(r);
    f->sha = get_mac(r);
    f->spa = get_ip4(r);
    f->tha = get_mac(r);
    f->tpa = get_ip4(r);

    if (op == (rarp ? RARP_OP_REQUEST : ARP_OP_REQUEST)) {
        f->kind = rarp ? NVA_FRAME_RARP_REQUEST : NVA_FRAME_ARP_REQUEST;
    } else if (op == (rarp ? RARP_OP_REPLY : ARP_OP_REPLY)) {
        f->kind = rarp ? NVA_FRAME_RARP_REPLY : NVA_FRAME_ARP_REPLY;
    } else {
        reader_fail(r, NVA_R_FRAME_FORMAT);
    }
    reader_require(r, eth_addr_equals(f->sha, f->eth_src),
                   NVA_R_FRAME_MISMATCH);
}

/* Only for who sent it; what is too short for an address has none. */
static void
parse_ipv4(struct reader *r, struct nva_frame *f)
{
    ovs_be32 src;

    if (!r->error && r->left >= IP_HEADER_LEN) {
        memcpy(&src, r->p + offsetof(struct ip_header, ip_src), sizeof src);
        in6_addr_set_mapped_ipv4(&f->ip_src, src);
    }
}

/* Goes on only for an NS or NA; bytes after the IPv6 payload are padding. */
static void
parse_ipv6(struct reader *r, struct nva_frame *f)
{
    uint8_t next_header, hop_limit, type;
    uint16_t csum;
    size_t len;

    reader_require(r, get_u8(r) >> 4 == 6, NVA_R_FRAME_FORMAT);
    get_bytes(r, 3);
    len = get_u16(r);
    next_header = get_u8(r);
    hop_limit = get_u8(r);
    f->ip_src = get_ip6(r);
    f->ip_dst = get_ip6(r);
    next_header = skip_extensions(r, next_header, &len);
    if (r->error || next_header != IPPROTO_ICMPV6 || !r->left) {
        return;
    }
    type = r->p[0];
    if (type != ND_NEIGHBOR_SOLICIT && type != ND_NEIGHBOR_ADVERT) {
        return;
    }
    f->kind = type == ND_NEIGHBOR_SOLICIT ? NVA_FRAME_NS : NVA_FRAME_NA;

    reader_require(r, r->left >= len && len >= 24, NVA_R_FRAME_TRUNCATED);
    if (r->error) {
        return;
    }
    r->left = len;
    csum = icmp6_csum(&f->ip_src, &f->ip_dst, r->p, len);
    reader_require(r, hop_limit == 255, NVA_R_FRAME_HOP_LIMIT);
    reader_require(r, !csum, NVA_R_FRAME_CHECKSUM);
    parse_nd(r, f);
}

/* Extension headers (RFC 8200 s4) that a host, and the switch, reads over on
 * its way to the payload: fragments alone stay closed.  Returns what follows
 * them; they do not count in '*len'. */
static uint8_t
skip_extensions(struct reader *r, uint8_t next, size_t *len)
{
    while (!r->error && r->left >= 8 && *len >= 8) {
        size_t n = (r->p[1] + 1) * 8;
        uint16_t offset = r->p[2] << 8 | r->p[3];

        if (next == IPPROTO_FRAGMENT && !offset) {
            n = 8;
        } else if (next == IPPROTO_AH) {
            n = (r->p[1] + 2) * 4;
        } else if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING
                   && next != IPPROTO_DSTOPTS) {
            break;
        }
        next = r->p[0];
        reader_require(r, n <= *len, NVA_R_FRAME_TRUNCATED);
        get_bytes(r, n);
        *len -= MIN(n, *len);
    }
    return next;
}

static void
parse_nd(struct reader *r, struct nva_frame *f)
{
    uint8_t flags;

    get_u8(r);                                  /* Type. */
    reader_require(r, get_u8(r) == 0, NVA_R_FRAME_FORMAT);
    get_u16(r);                                 /* Checksum. */
    flags = get_u8(r);
    get_bytes(r, 3);
    f->tpa = get_ip6(r);
    reader_require(r, !IN6_IS_ADDR_MULTICAST(&f->tpa), NVA_R_FRAME_FORMAT);
    reader_require(r, !IN6_IS_ADDR_MULTICAST(&f->ip_src), NVA_R_FRAME_FORMAT);
    if (f->kind == NVA_FRAME_NA) {
        f->na_router = flags & 0x80;
        f->na_solicited = flags & 0x40;
        f->na_override = flags & 0x20;
    }

    while (!r->error && r->left) {
        parse_nd_options(r, f);
    }
    if (f->kind == NVA_FRAME_NS) {
        check_ns(r, f);
    } else {
        check_na(r, f);
    }
}

/* Reads one option.  A second link-layer address that contradicts the first is
 * malformed: hosts differ in which one they take. */
static void
parse_nd_options(struct reader *r, struct nva_frame *f)
{
    uint8_t want = (f->kind == NVA_FRAME_NS ? ND_OPT_SOURCE_LINKADDR
                    : ND_OPT_TARGET_LINKADDR);
    uint8_t type = get_u8(r);
    size_t len = r->left ? get_u8(r) * 8 : 0;
    struct eth_addr lla;

    if (!len || len - 2 > r->left) {
        reader_fail(r, NVA_R_FRAME_OPTION);
        return;
    }
    if (type != want) {
        f->has_nonce |= f->kind == NVA_FRAME_NS && type == ND_OPT_NONCE;
        get_bytes(r, len - 2);
        return;
    }
    reader_require(r, len == 8, NVA_R_FRAME_OPTION);
    lla = get_mac(r);
    reader_require(r, !f->has_lla || eth_addr_equals(lla, f->lla),
                   NVA_R_FRAME_OPTION);
    f->has_lla = true;
    f->lla = lla;
}

/* RFC 4861 s7.1.1. */
static void
check_ns(struct reader *r, const struct nva_frame *f)
{
    if (IN6_IS_ADDR_UNSPECIFIED(&f->ip_src)) {
        reader_require(r, is_solicited_node(&f->ip_dst), NVA_R_FRAME_FORMAT);
        reader_require(r, !f->has_lla, NVA_R_FRAME_FORMAT);
    }
    reader_require(r, !f->has_lla || eth_addr_equals(f->lla, f->eth_src),
                   NVA_R_FRAME_MISMATCH);
}

/* RFC 4861 s7.1.2. */
static void
check_na(struct reader *r, const struct nva_frame *f)
{
    reader_require(r,
                   !f->na_solicited || !IN6_IS_ADDR_MULTICAST(&f->ip_dst),
                   NVA_R_FRAME_FORMAT);
}

static bool
is_solicited_node(const struct in6_addr *ip)
{
    static const uint8_t prefix[13] = { 0xff, 2, 0, 0, 0, 0, 0, 0,
                                        0, 0, 0, 1, 0xff };

    return !memcmp(ip, prefix, sizeof prefix);
}

/* The checksum over the pseudo-header and 'len' bytes at 'p', in host order: 0
 * if they hold a right one, else what to put where they hold zeros. */
static uint16_t
icmp6_csum(const struct in6_addr *src, const struct in6_addr *dst,
           const uint8_t *p, size_t len)
{
    const uint8_t tail[8] = { len >> 24, len >> 16, len >> 8, len,
                              0, 0, 0, IPPROTO_ICMPV6 };
    uint32_t partial = 0;

    partial = csum_continue(partial, src, sizeof *src);
    partial = csum_continue(partial, dst, sizeof *dst);
    partial = csum_continue(partial, tail, sizeof tail);
    return ntohs(csum_finish(csum_continue(partial, p, len)));
}

/* ## Reader ## */

static void
reader_fail(struct reader *r, enum nva_reason reason)
{
    if (!r->error) {
        r->error = reason;
    }
    r->left = 0;
}

static void
reader_require(struct reader *r, bool ok, enum nva_reason reason)
{
    if (!ok) {
        reader_fail(r, reason);
    }
}

/* Returns NULL when there is an error. */
static const uint8_t *
get_bytes(struct reader *r, size_t n)
{
    const uint8_t *p = r->p;

    if (r->error || n > r->left) {
        reader_fail(r, NVA_R_FRAME_TRUNCATED);
        return NULL;
    }
    r->p += n;
    r->left -= n;
    return p;
}

static uint8_t
get_u8(struct reader *r)
{
    const uint8_t *p = get_bytes(r, 1);

    return p ? *p : 0;
}

static uint16_t
get_u16(struct reader *r)
{
    const uint8_t *p = get_bytes(r, 2);

    return p ? p[0] << 8 | p[1] : 0;
}

static struct eth_addr
get_mac(struct reader *r)
{
    const uint8_t *p = get_bytes(r, ETH_ADDR_LEN);
    struct eth_addr mac = eth_addr_zero;

    if (p) {
        memcpy(mac.ea, p, ETH_ADDR_LEN);
    }
    return mac;
}

static struct in6_addr
get_ip4(struct reader *r)
{
    const uint8_t *p = get_bytes(r, 4);
    ovs_be32 ip4 = 0;

    if (p) {
        memcpy(&ip4, p, sizeof ip4);
    }
    return in6_addr_mapped_ipv4(ip4);
}

static struct in6_addr
get_ip6(struct reader *r)
{
    const uint8_t *p = get_bytes(r, 16);
    struct in6_addr ip = in6addr_any;

    if (p) {
        memcpy(&ip, p, sizeof ip);
    }
    return ip;
}

/* ## Writer ## */

static void
put_bytes(struct writer *w, const void *p, size_t n)
{
    if (w->overflow || n > w->size - w->n) {
        w->overflow = true;
        return;
    }
    memcpy(w->p + w->n, p, n);
    w->n += n;
}

static void
put_u8(struct writer *w, uint8_t x)
{
    put_bytes(w, &x, 1);
}

static void
put_u16(struct writer *w, uint16_t x)
{
    const uint8_t bytes[2] = { x >> 8, x & 0xff };

    put_bytes(w, bytes, sizeof bytes);
}

static void
put_mac(struct writer *w, struct eth_addr mac)
{
    put_bytes(w, mac.ea, ETH_ADDR_LEN);
}

static void
put_ip4(struct writer *w, const struct in6_addr *ip)
{
    put_bytes(w, &ip->s6_addr[12], 4);
}

static void
put_ethernet(struct writer *w, struct eth_addr dst, struct eth_addr src,
             uint16_t type)
{
    put_mac(w, dst);
    put_mac(w, src);
    put_u16(w, type);
}

static void
put_arp_header(struct writer *w, uint16_t op)
{
    put_u16(w, ARP_HRD_ETHERNET);
    put_u16(w, ARP_PRO_IP);
    put_u8(w, ETH_ADDR_LEN);
    put_u8(w, 4);
    put_u16(w, op);
}

/* The IPv6 packet around the ND_LEN bytes at 'icmp', whose option's length and
 * checksum are filled in. */
static void
put_nd(struct writer *w, const struct in6_addr *src,
       const struct in6_addr *dst, uint8_t icmp[])
{
    uint16_t csum;

    icmp[25] = 1;
    csum = icmp6_csum(src, dst, icmp, ND_LEN);
    icmp[2] = csum >> 8;
    icmp[3] = csum & 0xff;
    put_u16(w, 0x6000);
    put_u16(w, 0);
    put_u16(w, ND_LEN);
    put_u8(w, IPPROTO_ICMPV6);
    put_u8(w, 255);
    put_bytes(w, src, 16);
    put_bytes(w, dst, 16);
    put_bytes(w, icmp, ND_LEN);
}

/* Pads; returns the length, 0 if it did not fit. */
static size_t
put_end(struct writer *w)
{
    while (w->n < FRAME_MIN && !w->overflow) {
        put_u8(w, 0);
    }
    return w->overflow ? 0 : w->n;
}
