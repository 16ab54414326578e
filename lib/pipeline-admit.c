/* SPDX-License-Identifier: Apache-2.0 */

/* Who may send what from a port: the VN the port is of, the sources that are
 * known there, and what the NVA is shown of the others.
 *
 * Knows what CLASSIFY does with local ports, and all of ADMIT; must never know
 * a directory, nor where a packet goes.  Invariant: each of its flows matches
 * one port, hands a packet to the next table or drops it, and shows the NVA
 * only what a meter of that port lets through.
 *
 * draft vmm-15 s4.2 (D2), s10 (D15). */

#include "pipeline-private.h"

#include "openvswitch/util.h"

/* Priorities in ADMIT. */
enum {
    ADMIT_NOBODY = 400,                 /* What no port may send. */
    ADMIT_ADDRESS = 300,                /* ARP, ND: with its own address. */
    ADMIT_FALSE_ADDRESS = 200,          /* ...with another. */
    ADMIT_SOURCE = 160,                 /* Data: from its own address. */
    ADMIT_IMPLIED_SOURCE = 157,         /* ...from what another MAC implies. */
    ADMIT_ANY_SOURCE = 155,             /* ...from what anybody may have. */
    ADMIT_FALSE_SOURCE = 150,           /* ...from another. */
    ADMIT_MAC = 100,
    ADMIT_VAP_MAC = 20,                 /* A source no TSI has here. */
    ADMIT_VAP = 10,
};

/* Priorities in ADMIT_ND. */
enum {
    ND_OWN = 30,
    ND_IMPLIED = 20,                    /* By another MAC. */
    ND_ANY = 10,                        /* Nobody's, unless claimed. */
};

/* Priorities in REFUSE. */
enum {
    REFUSE_PORT_MAC = 20,
    REFUSE_PORT = 10,
    REFUSE_UNBOUND = 5,                 /* Of a port without a VAP. */
};

#define ICMP_REDIRECT 137

struct prefix {
    struct in6_addr ip, mask;
};

static const struct prefix link_local = {
    { .s6_addr = { 0xfe, 0x80 } },
    { .s6_addr = { 0xff, 0xc0 } },
};

/* Link-local addresses that a MAC implies (RFC 4291 appendix A): they are the
 * interface's that has it. */
static const struct prefix eui64 = {
    { .s6_addr = { 0xfe, 0x80, [11] = 0xff, [12] = 0xfe } },
    { .s6_addr = { 0xff, 0xc0, [11] = 0xff, [12] = 0xff } },
};

/* Of an RS, NS or NA: the source, or the target with the source unspecified in
 * an NS, which is DAD's. */
struct nd_use {
    uint8_t type;
    bool target;
    struct prefix ip;
};

/* An IP source of data; 'mask' is for IPv6. */
struct source {
    struct prefix ip;
    int priority;
    bool show;
};

static void start_nobody(const struct pipeline *, struct nva_flow *);
static void base_fragments(const struct pipeline *);
static void base_ambiguous(const struct pipeline *);
static void vap_classify(const struct pipeline *, uint32_t vni, nva_ofport,
                         const struct eth_addr *mac);
static void start_vap(const struct pipeline *, nva_ofport,
                      const struct eth_addr *mac, bool metered,
                      struct nva_flow *);
static void finish_vap(const struct pipeline *, uint32_t vni,
                       struct nva_flow *);
static void vap_admit(const struct pipeline *, uint32_t vni, nva_ofport,
                      const struct eth_addr *mac, bool strict);
static void vap_refuse(const struct pipeline *, nva_ofport,
                       const struct eth_addr *mac);
static void start_detour(const struct pipeline *, nva_ofport,
                         const struct eth_addr *mac, struct nva_flow *);
static void start_admit(const struct pipeline *, const struct pipeline_tsi *,
                        nva_ofport, int priority, struct nva_flow *);
static void finish_admit(const struct pipeline *, uint32_t meter, bool show,
                         enum nva_table next, struct nva_flow *);
static void finish_show(const struct pipeline *, uint32_t meter,
                        struct nva_flow *);
static void match_nd_use(struct nva_flow *, const struct nd_use *);
static void admit_no_address(const struct pipeline *,
                             const struct pipeline_tsi *, nva_ofport,
                             bool show);
static void refuse_addresses(const struct pipeline *,
                             const struct pipeline_tsi *, nva_ofport);
static void admit_arp(const struct pipeline *, const struct pipeline_tsi *,
                      nva_ofport, bool show, ovs_be32 spa);
static void admit_nd(const struct pipeline *, const struct pipeline_tsi *,
                     nva_ofport, const struct in6_addr *);
static void admit_dad(const struct pipeline *, const struct pipeline_tsi *,
                      nva_ofport, const struct in6_addr *);
static void admit_source(const struct pipeline *, const struct pipeline_tsi *,
                         nva_ofport, const struct source *);
static void refuse_sources(const struct pipeline *,
                           const struct pipeline_tsi *, nva_ofport);

/* MACs that no station has, as source and in ARP and ND, and groups that end
 * at the next bridge (IEEE 802.1Q s8.6.3).  Not in CLASSIFY: what comes from a
 * tunnel is to be looked up by its destination alone. */
void
pipeline_base_admit(const struct pipeline *p)
{
    static const struct eth_addr bridge = ETH_ADDR_C(01,80,c2,00,00,00);
    static const struct eth_addr sixteen = ETH_ADDR_C(ff,ff,ff,ff,ff,f0);
    const struct { struct eth_addr mac, mask; bool also_nd; } nobody[] = {
        { group_bit, group_bit, true },
        { nva_own_mac, eth_addr_exact, true },
        { eth_addr_zero, eth_addr_exact, false },   /* ND: no option. */
    };
    struct nva_flow f;

    base_fragments(p);
    base_ambiguous(p);
    start_nobody(p, &f);
    match_set_dl_dst_masked(&f.match, bridge, sixteen);
    finish_refuse(p, PIPELINE_REFUSE_GROUP, &f);

    for (size_t i = 0; i < ARRAY_SIZE(nobody); i++) {
        start_nobody(p, &f);
        match_set_dl_src_masked(&f.match, nobody[i].mac, nobody[i].mask);
        finish_refuse(p, PIPELINE_REFUSE_SOURCE, &f);

        start_nobody(p, &f);
        match_set_dl_type(&f.match, htons(ETH_TYPE_ARP));
        match_set_arp_sha_masked(&f.match, nobody[i].mac, nobody[i].mask);
        finish_refuse(p, PIPELINE_REFUSE_SOURCE, &f);

        for (int na = 0; nobody[i].also_nd && na <= 1; na++) {
            start_nobody(p, &f);
            match_lla(&f, na, nobody[i].mac, nobody[i].mask);
            finish_refuse(p, PIPELINE_REFUSE_SOURCE, &f);
        }
    }
}

/* Of a port whose addresses are checked, what is not its own: link-local
 * addresses that no MAC implies, and DAD; others may have them still. */
void
pipeline_base_admit_nd(const struct pipeline *p)
{
    const struct nd_use any[] = {
        { ICMP_ROUTER_SOLICIT, false, link_local },
        { ICMP_ROUTER_SOLICIT, false, { in6addr_any, in6addr_exact } },
        { ND_NEIGHBOR_SOLICIT, false, link_local },
        { ND_NEIGHBOR_ADVERT, true, link_local },
        { ND_NEIGHBOR_SOLICIT, false, { in6addr_any, in6addr_exact } },
    };
    const struct nd_use implied[] = {
        { ICMP_ROUTER_SOLICIT, false, eui64 },
        { ND_NEIGHBOR_SOLICIT, false, eui64 },
        { ND_NEIGHBOR_ADVERT, true, eui64 },
        { ND_NEIGHBOR_SOLICIT, true, eui64 },       /* DAD. */
    };
    struct nva_flow f;

    for (size_t i = 0; i < ARRAY_SIZE(any); i++) {
        start(p, NVA_TABLE_ADMIT_ND, ND_ANY, &f);
        match_nd_use(&f, &any[i]);
        finish_goto(p, NVA_TABLE_CLAIM, &f);
    }
    for (size_t i = 0; i < ARRAY_SIZE(implied); i++) {
        start(p, NVA_TABLE_ADMIT_ND, ND_IMPLIED, &f);
        match_nd_use(&f, &implied[i]);
        finish_refuse(p, PIPELINE_REFUSE_ADDRESS, &f);
    }
    start(p, NVA_TABLE_ADMIT_ND, PRIO_MISS, &f);
    finish_refuse(p, PIPELINE_REFUSE_ADDRESS, &f);
}

/* From a tunnel: those who share the meter of strays.  From a port without a
 * VAP: whatever it is refused for. */
void
pipeline_base_refuse(const struct pipeline *p)
{
    struct nva_flow f;

    if (p->tunnel != NVA_OFPORT_NONE) {
        start(p, NVA_TABLE_REFUSE, REFUSE_PORT, &f);
        match_port(&f, p->tunnel);
        put_ask_limited(p, &f.actions, PIPELINE_METER_STRAY);
        finish(p, &f);
    }
    start(p, NVA_TABLE_REFUSE, REFUSE_UNBOUND, &f);
    put_ask_limited(p, &f.actions, PIPELINE_METER_UNBOUND);
    finish(p, &f);
}

void
pipeline_vap(const struct pipeline *p, uint32_t vni, nva_ofport port,
             const struct eth_addr *mac, bool strict)
{
    if (port == NVA_OFPORT_NONE) {
        return;
    }
    vap_classify(p, vni, port, mac);
    vap_admit(p, vni, port, mac, strict);
    vap_refuse(p, port, mac);
}

void
pipeline_detour(const struct pipeline *p, nva_ofport port,
                const struct eth_addr *mac, bool all)
{
    static const uint16_t types[] = { ETH_TYPE_ARP, ETH_TYPE_RARP };
    struct nva_flow f;

    if (port == NVA_OFPORT_NONE) {
        return;
    }
    if (all) {
        start_detour(p, port, mac, &f);
        finish_show(p, port, &f);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        start_detour(p, port, mac, &f);
        match_set_dl_type(&f.match, htons(types[i]));
        finish_show(p, port, &f);
    }
    for (int type = ICMP_ROUTER_SOLICIT; type <= ICMP_REDIRECT; type++) {
        start_detour(p, port, mac, &f);
        match_icmp6(&f, type);
        finish_show(p, port, &f);
    }
}

void
pipeline_admit(const struct pipeline *p, const struct pipeline_tsi *tsi,
               nva_ofport port, bool show)
{
    struct nva_flow f;

    if (port == NVA_OFPORT_NONE) {
        return;
    }
    start_admit(p, tsi, port, ADMIT_MAC, &f);
    finish_admit(p, port + PIPELINE_METER_SHOW, show, NVA_TABLE_CLAIM, &f);
}

void
pipeline_admit_address(const struct pipeline *p,
                       const struct pipeline_tsi *tsi, nva_ofport port,
                       bool show, const struct in6_addr *ip)
{
    if (port == NVA_OFPORT_NONE) {
        return;
    }
    if (!ip) {
        admit_no_address(p, tsi, port, show);
        refuse_addresses(p, tsi, port);
    } else if (nva_ip_is_v4(ip)) {
        admit_arp(p, tsi, port, show, in6_addr_get_mapped_ipv4(ip));
    } else {
        admit_nd(p, tsi, port, ip);
    }
}

void
pipeline_admit_source(const struct pipeline *p,
                      const struct pipeline_tsi *tsi, nva_ofport port,
                      bool show, const struct in6_addr *ip)
{
    const struct in6_addr no_ip4 = in6_addr_mapped_ipv4(htonl(INADDR_ANY));
    const struct source sources[] = {
        { { no_ip4, in6addr_exact }, ADMIT_ANY_SOURCE, show },
        { { in6addr_any, in6addr_exact }, ADMIT_ANY_SOURCE, show },
        { link_local, ADMIT_ANY_SOURCE, show },
    };
    struct source own = { .ip = { .mask = in6addr_exact },
                          .priority = ADMIT_SOURCE, .show = show };

    if (port == NVA_OFPORT_NONE) {
        return;
    }
    if (ip) {
        own.ip.ip = *ip;
        admit_source(p, tsi, port, &own);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
        admit_source(p, tsi, port, &sources[i]);
    }
    in6_generate_lla(tsi->mac, &own.ip.ip);
    admit_source(p, tsi, port, &own);
    refuse_sources(p, tsi, port);
}

/* ## What no port may send ## */

static void
start_nobody(const struct pipeline *p, struct nva_flow *f)
{
    start(p, NVA_TABLE_ADMIT, ADMIT_NOBODY, f);
}

/* ND in fragments (RFC 6980 s5), and IPv6 packets of which the switch cannot
 * say what they are as their headers are not all there (RFC 7112 s5): it shows
 * protocol 0, and of a fragment's ICMPv6 type 0. */
static void
base_fragments(const struct pipeline *p)
{
    struct nva_flow f;

    for (int type = ICMP_ROUTER_SOLICIT; type <= ICMP_REDIRECT; type++) {
        start_nobody(p, &f);
        match_icmp6(&f, type);
        match_set_nw_frag_masked(&f.match, FLOW_NW_FRAG_ANY,
                                 FLOW_NW_FRAG_ANY);
        finish_refuse(p, PIPELINE_REFUSE_ND, &f);
    }
    start_nobody(p, &f);
    match_icmp6(&f, 0);
    match_set_nw_frag_masked(&f.match, FLOW_NW_FRAG_ANY, FLOW_NW_FRAG_ANY);
    finish_refuse(p, PIPELINE_REFUSE_CHAIN, &f);

    start_nobody(p, &f);
    match_set_dl_type(&f.match, htons(ETH_TYPE_IPV6));
    match_set_nw_proto(&f.match, 0);
    finish_refuse(p, PIPELINE_REFUSE_CHAIN, &f);
}

/* ND with two link-layer addresses of a kind: hosts differ in which they take,
 * and the switch shows neither, nor the target. */
static void
base_ambiguous(const struct pipeline *p)
{
    for (int na = 0; na <= 1; na++) {
        struct nva_flow f;

        start_nobody(p, &f);
        match_icmp6(&f, na ? ND_NEIGHBOR_ADVERT : ND_NEIGHBOR_SOLICIT);
        match_set_icmp_code(&f.match, 0);
        match_set_nd_target(&f.match, &in6addr_any);
        /* Both bits: what saves flows as text and restores them does so. */
        match_set_nw_frag_masked(&f.match, 0, FLOW_NW_FRAG_MASK);
        finish_refuse(p, PIPELINE_REFUSE_OPTION, &f);
    }
}

/* ## VAP ## */

static void
vap_classify(const struct pipeline *p, uint32_t vni, nva_ofport port,
             const struct eth_addr *mac)
{
    struct nva_flow f;

    start_vap(p, port, mac, false, &f);
    finish_vap(p, vni, &f);

    start_vap(p, port, mac, true, &f);
    match_set_dl_type(&f.match, htons(ETH_TYPE_ARP));
    finish_vap(p, vni, &f);

    start_vap(p, port, mac, true, &f);
    match_set_dl_type(&f.match, htons(ETH_TYPE_RARP));
    finish_vap(p, vni, &f);

    for (int type = ICMP_ROUTER_SOLICIT; type <= ICMP_REDIRECT; type++) {
        start_vap(p, port, mac, true, &f);
        match_icmp6(&f, type);
        finish_vap(p, vni, &f);
    }
}

static void
start_vap(const struct pipeline *p, nva_ofport port,
          const struct eth_addr *mac, bool metered, struct nva_flow *f)
{
    int priority = (mac
                    ? metered ? CLASSIFY_VAP_MAC_METERED : CLASSIFY_VAP_MAC
                    : metered ? CLASSIFY_VAP_METERED : CLASSIFY_VAP);

    start(p, NVA_TABLE_CLASSIFY, priority, f);
    match_port(f, port);
    if (mac) {
        match_set_dl_src(&f->match, *mac);
    }
    if (metered) {
        pipeline_use_meter(p, port);
        ofpact_put_METER(&f->actions)->meter_id = port;
    }
}

static void
finish_vap(const struct pipeline *p, uint32_t vni, struct nva_flow *f)
{
    put_set_vni(&f->actions, vni);
    put_goto(&f->actions, NVA_TABLE_ADMIT);
    finish(p, f);
}

/* A source that no TSI has at this port.  It is matched by VN, too: a port may
 * have VAPs of several. */
static void
vap_admit(const struct pipeline *p, uint32_t vni, nva_ofport port,
          const struct eth_addr *mac, bool strict)
{
    struct nva_flow f;

    start(p, NVA_TABLE_ADMIT, mac ? ADMIT_VAP_MAC : ADMIT_VAP, &f);
    match_port(&f, port);
    match_vn(&f, vni);
    if (mac) {
        match_set_dl_src(&f.match, *mac);
    }
    put_ask_limited(p, &f.actions, port + PIPELINE_METER_DATA);
    if (!strict) {
        put_goto(&f.actions, NVA_TABLE_CLAIM);
    }
    finish(p, &f);
}

/* What is refused of it, whoever refuses it: dropped and shown. */
static void
vap_refuse(const struct pipeline *p, nva_ofport port,
           const struct eth_addr *mac)
{
    struct nva_flow f;

    start(p, NVA_TABLE_REFUSE, mac ? REFUSE_PORT_MAC : REFUSE_PORT, &f);
    match_port(&f, port);
    if (mac) {
        match_set_dl_src(&f.match, *mac);
    }
    put_ask_limited(p, &f.actions, port + PIPELINE_METER_DATA);
    finish(p, &f);
}

static void
start_detour(const struct pipeline *p, nva_ofport port,
             const struct eth_addr *mac, struct nva_flow *f)
{
    start(p, NVA_TABLE_CLASSIFY, mac ? CLASSIFY_DETOUR_MAC : CLASSIFY_DETOUR,
          f);
    match_port(f, port);
    if (mac) {
        match_set_dl_src(&f->match, *mac);
    }
}

/* ## TSI ## */

static void
start_admit(const struct pipeline *p, const struct pipeline_tsi *tsi,
            nva_ofport port, int priority, struct nva_flow *f)
{
    start(p, NVA_TABLE_ADMIT, priority, f);
    match_port(f, port);
    match_vn(f, tsi->vni);
    match_set_dl_src(&f->match, tsi->mac);
}

static void
finish_admit(const struct pipeline *p, uint32_t meter, bool show,
             enum nva_table next, struct nva_flow *f)
{
    if (show) {
        put_ask_limited(p, &f->actions, meter);
    }
    finish_goto(p, next, f);
}

/* To the NVA alone. */
static void
finish_show(const struct pipeline *p, uint32_t meter, struct nva_flow *f)
{
    put_ask_limited(p, &f->actions, meter);
    finish(p, f);
}

/* 0.0.0.0 while it has none (probes); ND, whose addresses ADMIT_ND looks at,
 * about its own MAC alone (of an RS the switch does not show it); and the
 * address that its MAC implies. */
static void
admit_no_address(const struct pipeline *p, const struct pipeline_tsi *tsi,
                 nva_ofport port, bool show)
{
    const struct eth_addr llas[] = { tsi->mac, eth_addr_zero };
    struct in6_addr implied;
    struct nva_flow f;

    admit_arp(p, tsi, port, show, htonl(INADDR_ANY));
    for (size_t i = 0; i < 2 * ARRAY_SIZE(llas); i++) {
        start_admit(p, tsi, port, ADMIT_ADDRESS, &f);
        match_lla(&f, i % 2, llas[i / 2], eth_addr_exact);
        finish_admit(p, port, show, NVA_TABLE_ADMIT_ND, &f);
    }
    start_admit(p, tsi, port, ADMIT_ADDRESS, &f);
    match_icmp6(&f, ICMP_ROUTER_SOLICIT);
    finish_admit(p, port, show, NVA_TABLE_ADMIT_ND, &f);

    in6_generate_lla(tsi->mac, &implied);
    admit_nd(p, tsi, port, &implied);
    admit_dad(p, tsi, port, &implied);
}

/* ARP, NS and NA with any address that no other flow admits. */
static void
refuse_addresses(const struct pipeline *p, const struct pipeline_tsi *tsi,
                 nva_ofport port)
{
    struct nva_flow f;

    start_admit(p, tsi, port, ADMIT_FALSE_ADDRESS, &f);
    match_set_dl_type(&f.match, htons(ETH_TYPE_ARP));
    finish_refuse(p, PIPELINE_REFUSE_ADDRESS, &f);

    start_admit(p, tsi, port, ADMIT_FALSE_ADDRESS, &f);
    match_icmp6(&f, ND_NEIGHBOR_SOLICIT);
    finish_refuse(p, PIPELINE_REFUSE_ADDRESS, &f);

    start_admit(p, tsi, port, ADMIT_FALSE_ADDRESS, &f);
    match_icmp6(&f, ND_NEIGHBOR_ADVERT);
    finish_refuse(p, PIPELINE_REFUSE_ADDRESS, &f);
}

static void
admit_arp(const struct pipeline *p, const struct pipeline_tsi *tsi,
          nva_ofport port, bool show, ovs_be32 spa)
{
    struct nva_flow f;

    start_admit(p, tsi, port, ADMIT_ADDRESS, &f);
    match_set_dl_type(&f.match, htons(ETH_TYPE_ARP));
    match_set_nw_src(&f.match, spa);
    match_set_arp_sha(&f.match, tsi->mac);
    if (!spa) {
        match_multicast(&f);            /* As DAD: see match_nd_use(). */
    }
    finish_admit(p, port, show, NVA_TABLE_ADDRESS, &f);
}

/* DAD asks a group; that which one guest alone hears is to make its own
 * fail. */
static void
match_nd_use(struct nva_flow *f, const struct nd_use *use)
{
    match_icmp6(f, use->type);
    match_set_icmp_code(&f->match, 0);
    if (use->type == ND_NEIGHBOR_SOLICIT
        && (use->target || IN6_IS_ADDR_UNSPECIFIED(&use->ip.ip))) {
        match_multicast(f);
    }
    if (!use->target) {
        match_set_ipv6_src_masked(&f->match, &use->ip.ip, &use->ip.mask);
        return;
    }
    match_set_nd_target_masked(&f->match, &use->ip.ip, &use->ip.mask);
    if (use->type == ND_NEIGHBOR_SOLICIT) {
        match_set_ipv6_src(&f->match, &in6addr_any);
    }
}

static void
start_nd(const struct pipeline *p, const struct pipeline_tsi *tsi,
         nva_ofport port, struct nva_flow *f)
{
    start_admit(p, tsi, port, ND_OWN, f);
    f->table = NVA_TABLE_ADMIT_ND;
}

/* In an RS or NS one's own address is the source, in an NA the target. */
static void
admit_nd(const struct pipeline *p, const struct pipeline_tsi *tsi,
         nva_ofport port, const struct in6_addr *ip)
{
    static const uint8_t types[] = {
        ICMP_ROUTER_SOLICIT, ND_NEIGHBOR_SOLICIT, ND_NEIGHBOR_ADVERT,
    };

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        const struct nd_use use = {
            types[i], types[i] == ND_NEIGHBOR_ADVERT, { *ip, in6addr_exact },
        };
        struct nva_flow f;

        start_nd(p, tsi, port, &f);
        match_nd_use(&f, &use);
        finish_goto(p, NVA_TABLE_ADDRESS, &f);
    }
}

static void
admit_dad(const struct pipeline *p, const struct pipeline_tsi *tsi,
          nva_ofport port, const struct in6_addr *ip)
{
    const struct nd_use use = {
        ND_NEIGHBOR_SOLICIT, true, { *ip, in6addr_exact },
    };
    struct nva_flow f;

    start_nd(p, tsi, port, &f);
    match_nd_use(&f, &use);
    finish_goto(p, NVA_TABLE_ADDRESS, &f);
}

static void
admit_source(const struct pipeline *p, const struct pipeline_tsi *tsi,
             nva_ofport port, const struct source *source)
{
    bool own = source->priority == ADMIT_SOURCE;
    bool v4 = nva_ip_is_v4(&source->ip.ip);
    struct nva_flow f;

    start_admit(p, tsi, port, source->priority, &f);
    match_set_dl_type(&f.match, htons(v4 ? ETH_TYPE_IP : ETH_TYPE_IPV6));
    if (v4) {
        match_set_nw_src(&f.match, in6_addr_get_mapped_ipv4(&source->ip.ip));
    } else {
        match_set_ipv6_src_masked(&f.match, &source->ip.ip,
                                  &source->ip.mask);
    }
    finish_admit(p, port + PIPELINE_METER_SHOW, source->show,
                 own ? NVA_TABLE_ROLE : NVA_TABLE_CLAIM, &f);
}

static void
refuse_sources(const struct pipeline *p, const struct pipeline_tsi *tsi,
               nva_ofport port)
{
    static const uint16_t types[] = { ETH_TYPE_IP, ETH_TYPE_IPV6 };
    struct nva_flow f;

    start_admit(p, tsi, port, ADMIT_IMPLIED_SOURCE, &f);
    match_set_dl_type(&f.match, htons(ETH_TYPE_IPV6));
    match_set_ipv6_src_masked(&f.match, &eui64.ip, &eui64.mask);
    finish_refuse(p, PIPELINE_REFUSE_ADDRESS, &f);

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        start_admit(p, tsi, port, ADMIT_FALSE_SOURCE, &f);
        match_set_dl_type(&f.match, htons(types[i]));
        finish_refuse(p, PIPELINE_REFUSE_ADDRESS, &f);
    }
}
