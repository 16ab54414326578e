/* SPDX-License-Identifier: Apache-2.0 */

/* What an admitted port may say all the same only if it is its business: that
 * it has an address which another has, or that it is a router or a DHCP
 * server.
 *
 * Knows CLAIM and ROLE; must never know a directory, nor who is who.
 * Invariant: their flows hand a packet on, or refuse it; what no flow is about
 * goes on.  Only what asks from an unknown address is shown, limited.
 *
 * RFC 6105 and 7113 (RA guard), RFC 7610 (DHCP shield), RFC 7039. */

#include "pipeline-private.h"

#include "openvswitch/util.h"

/* Priorities in CLAIM and ROLE. */
enum {
    GUARD_OWN = 20,
    GUARD_REFUSE = 10,
    GUARD_ASKS_OWN = 7,                 /* Questions, from an own address, */
    GUARD_ASKS = 5,                     /* ...from another: what it teaches. */
};

#define ICMP_REDIRECT_V4 5              /* RFC 792. */
#define ICMP_ROUTER_ADVERT_V4 9         /* RFC 1256. */

/* What a role says: an ICMP type, or UDP from or to a port.  Clients do not
 * look at the port that an answer comes from. */
static const struct saying {
    enum nva_role role;
    uint16_t eth_type;
    uint8_t protocol;
    int icmp_type, src_port, dst_port;          /* 0: any. */
} sayings[] = {
    { NVA_ROLE_ROUTER, ETH_TYPE_IPV6, IPPROTO_ICMPV6, ND_ROUTER_ADVERT,
      0, 0 },
    { NVA_ROLE_ROUTER, ETH_TYPE_IPV6, IPPROTO_ICMPV6, ND_REDIRECT,
      0, 0 },
    { NVA_ROLE_ROUTER, ETH_TYPE_IP, IPPROTO_ICMP, ICMP_REDIRECT_V4, 0, 0 },
    { NVA_ROLE_ROUTER, ETH_TYPE_IP, IPPROTO_ICMP, ICMP_ROUTER_ADVERT_V4,
      0, 0 },
    { NVA_ROLE_DHCP_SERVER, ETH_TYPE_IP, IPPROTO_UDP, 0, 67, 0 },
    { NVA_ROLE_DHCP_SERVER, ETH_TYPE_IP, IPPROTO_UDP, 0, 0, 68 },
    { NVA_ROLE_DHCP_SERVER, ETH_TYPE_IPV6, IPPROTO_UDP, 0, 547, 0 },
    { NVA_ROLE_DHCP_SERVER, ETH_TYPE_IPV6, IPPROTO_UDP, 0, 0, 546 },
};

static void match_saying(struct nva_flow *, const struct saying *);
static void start_claim(const struct pipeline *, uint32_t vni, int priority,
                        struct nva_flow *);
static void match_claim(struct nva_flow *, bool na, const struct in6_addr *);
static void start_asks(const struct pipeline *, const struct pipeline_tsi *,
                       nva_ofport, int priority, struct nva_flow *);
static void match_from(struct nva_flow *, const struct in6_addr *, bool data);

void
pipeline_vn_roles(const struct pipeline *p, uint32_t vni)
{
    for (size_t i = 0; i < ARRAY_SIZE(sayings); i++) {
        struct nva_flow f;

        start(p, NVA_TABLE_ROLE, GUARD_REFUSE, &f);
        match_vn(&f, vni);
        match_saying(&f, &sayings[i]);
        finish_refuse(p, (sayings[i].role == NVA_ROLE_ROUTER
                          ? PIPELINE_REFUSE_ROUTER : PIPELINE_REFUSE_DHCP),
                      &f);
    }
}

void
pipeline_admit_roles(const struct pipeline *p, const struct pipeline_tsi *tsi,
                     nva_ofport port, unsigned int roles)
{
    for (size_t i = 0; i < ARRAY_SIZE(sayings); i++) {
        struct nva_flow f;

        if (port == NVA_OFPORT_NONE || !(roles & 1u << sayings[i].role)) {
            continue;
        }
        start(p, NVA_TABLE_ROLE, GUARD_OWN, &f);
        match_port(&f, port);
        match_vn(&f, tsi->vni);
        match_set_dl_src(&f.match, tsi->mac);
        match_saying(&f, &sayings[i]);
        finish_goto(p, NVA_TABLE_ADDRESS, &f);
    }
}

void
pipeline_claim_refuse(const struct pipeline *p, uint32_t vni,
                      const struct in6_addr *ip, bool data)
{
    struct nva_flow f;

    if (nva_ip_is_v4(ip)) {
        start_claim(p, vni, GUARD_REFUSE, &f);
        match_set_dl_type(&f.match, htons(ETH_TYPE_ARP));
        match_set_nw_src(&f.match, in6_addr_get_mapped_ipv4(ip));
        finish_refuse(p, PIPELINE_REFUSE_ADDRESS, &f);
        return;
    }
    for (int na = 0; na <= 1; na++) {
        start_claim(p, vni, GUARD_REFUSE, &f);
        match_claim(&f, na, ip);
        finish_refuse(p, PIPELINE_REFUSE_ADDRESS, &f);
    }
    start_claim(p, vni, GUARD_REFUSE, &f);
    match_from(&f, ip, data);
    finish_refuse(p, PIPELINE_REFUSE_ADDRESS, &f);
}

/* Of its own MAC: inside, too. */
void
pipeline_claim_own(const struct pipeline *p, const struct pipeline_tsi *tsi,
                   const struct in6_addr *ip)
{
    const struct eth_addr llas[] = { tsi->mac, eth_addr_zero };
    struct nva_flow f;

    if (nva_ip_is_v4(ip)) {
        start_claim(p, tsi->vni, GUARD_OWN, &f);
        match_set_dl_src(&f.match, tsi->mac);
        match_set_dl_type(&f.match, htons(ETH_TYPE_ARP));
        match_set_nw_src(&f.match, in6_addr_get_mapped_ipv4(ip));
        match_set_arp_sha(&f.match, tsi->mac);
        finish_goto(p, NVA_TABLE_ROLE, &f);
        return;
    }
    for (size_t i = 0; i < 2 * ARRAY_SIZE(llas); i++) {
        start_claim(p, tsi->vni, GUARD_OWN, &f);
        match_set_dl_src(&f.match, tsi->mac);
        match_lla(&f, i % 2, llas[i / 2], eth_addr_exact);
        match_claim(&f, i % 2, ip);
        finish_goto(p, NVA_TABLE_ROLE, &f);
    }
    start_claim(p, tsi->vni, GUARD_OWN, &f);
    match_set_dl_src(&f.match, tsi->mac);
    match_from(&f, ip, false);
    finish_goto(p, NVA_TABLE_ROLE, &f);
}

void
pipeline_claim_asking(const struct pipeline *p,
                      const struct pipeline_tsi *tsi, nva_ofport port,
                      const struct in6_addr *ip)
{
    const struct in6_addr none[] = {
        in6_addr_mapped_ipv4(htonl(INADDR_ANY)), in6addr_any,
    };
    struct nva_flow f;

    if (port == NVA_OFPORT_NONE) {
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
        const struct in6_addr *own = ip ? ip : &none[i];
        bool v4 = nva_ip_is_v4(own);

        start_asks(p, tsi, port, GUARD_ASKS_OWN, &f);
        if (v4) {
            match_arp(&f, ARP_OP_REQUEST);
            match_set_nw_src(&f.match, in6_addr_get_mapped_ipv4(own));
        } else {
            match_claim(&f, false, own);
        }
        finish_goto(p, NVA_TABLE_ROLE, &f);
        if (ip) {
            return;
        }
        start_asks(p, tsi, port, GUARD_ASKS, &f);
        if (v4) {
            match_arp(&f, ARP_OP_REQUEST);
        } else {
            match_icmp6(&f, ND_NEIGHBOR_SOLICIT);
        }
        put_ask_limited(p, &f.actions, port + PIPELINE_METER_DATA);
        finish_goto(p, NVA_TABLE_ROLE, &f);
    }
}

static void
start_asks(const struct pipeline *p, const struct pipeline_tsi *tsi,
           nva_ofport port, int priority, struct nva_flow *f)
{
    start_claim(p, tsi->vni, priority, f);
    match_port(f, port);
    match_set_dl_src(&f->match, tsi->mac);
}

static void
match_saying(struct nva_flow *f, const struct saying *s)
{
    match_set_dl_type(&f->match, htons(s->eth_type));
    match_set_nw_proto(&f->match, s->protocol);
    if (s->icmp_type) {
        match_set_icmp_type(&f->match, s->icmp_type);
    }
    if (s->src_port) {
        match_set_tp_src(&f->match, htons(s->src_port));
    }
    if (s->dst_port) {
        match_set_tp_dst(&f->match, htons(s->dst_port));
    }
}

static void
start_claim(const struct pipeline *p, uint32_t vni, int priority,
            struct nva_flow *f)
{
    start(p, NVA_TABLE_CLAIM, priority, f);
    match_vn(f, vni);
}

/* An NS by its source, an NA by its target. */
static void
match_claim(struct nva_flow *f, bool na, const struct in6_addr *ip)
{
    match_icmp6(f, na ? ND_NEIGHBOR_ADVERT : ND_NEIGHBOR_SOLICIT);
    if (na) {
        match_set_icmp_code(&f->match, 0);
        match_set_nd_target(&f->match, ip);
    } else {
        match_set_ipv6_src(&f->match, ip);
    }
}

/* All data, or what a router learns a neighbour from: an RS. */
static void
match_from(struct nva_flow *f, const struct in6_addr *ip, bool data)
{
    if (data) {
        match_set_dl_type(&f->match, htons(ETH_TYPE_IPV6));
    } else {
        match_icmp6(f, ICMP_ROUTER_SOLICIT);
    }
    match_set_ipv6_src(&f->match, ip);
}
