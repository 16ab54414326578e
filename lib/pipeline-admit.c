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
    ADMIT_FALSE_SOURCE = 150,           /* ...from another. */
    ADMIT_MAC = 100,
    ADMIT_VAP_MAC = 20,                 /* A source no TSI has here. */
    ADMIT_VAP = 10,
};

/* Priorities in REFUSE. */
enum {
    REFUSE_PORT_MAC = 20,
    REFUSE_PORT = 10,
};

#define ICMP_ROUTER_SOLICIT 133
#define ICMP_REDIRECT 137

/* IPv6 addresses that may be used in ND. */
struct admit_nd {
    bool show;
    struct in6_addr ip, mask;
};

static const struct admit_nd link_local = {
    .ip = { .s6_addr = { 0xfe, 0x80 } },
    .mask = { .s6_addr = { 0xff, 0xc0 } },
};

/* An IP source of data; 'mask' is for IPv6. */
struct source {
    struct in6_addr ip, mask;
    bool show;
};

static void start_nobody(const struct pipeline *, struct nva_flow *);
static void finish_nobody(const struct pipeline *, enum pipeline_refusal,
                          struct nva_flow *);
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
                         struct nva_flow *);
static void finish_refuse(const struct pipeline *, uint32_t meter,
                          struct nva_flow *);
static void admit_no_address(const struct pipeline *,
                             const struct pipeline_tsi *, nva_ofport,
                             bool show);
static void refuse_addresses(const struct pipeline *,
                             const struct pipeline_tsi *, nva_ofport);
static void admit_arp(const struct pipeline *, const struct pipeline_tsi *,
                      nva_ofport, bool show, ovs_be32 spa);
static void admit_nd(const struct pipeline *, const struct pipeline_tsi *,
                     nva_ofport, const struct admit_nd *);
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

    start_nobody(p, &f);
    match_set_dl_dst_masked(&f.match, bridge, sixteen);
    finish_nobody(p, PIPELINE_REFUSE_GROUP, &f);

    for (size_t i = 0; i < ARRAY_SIZE(nobody); i++) {
        start_nobody(p, &f);
        match_set_dl_src_masked(&f.match, nobody[i].mac, nobody[i].mask);
        finish_nobody(p, PIPELINE_REFUSE_SOURCE, &f);

        start_nobody(p, &f);
        match_set_dl_type(&f.match, htons(ETH_TYPE_ARP));
        match_set_arp_sha_masked(&f.match, nobody[i].mac, nobody[i].mask);
        finish_nobody(p, PIPELINE_REFUSE_SOURCE, &f);

        for (int na = 0; nobody[i].also_nd && na <= 1; na++) {
            start_nobody(p, &f);
            match_lla(&f, na, nobody[i].mac, nobody[i].mask);
            finish_nobody(p, PIPELINE_REFUSE_SOURCE, &f);
        }
    }
}

/* From a tunnel: those who share the meter of strays. */
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
        finish_refuse(p, port, &f);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        start_detour(p, port, mac, &f);
        match_set_dl_type(&f.match, htons(types[i]));
        finish_refuse(p, port, &f);
    }
    for (int type = ICMP_ROUTER_SOLICIT; type <= ICMP_REDIRECT; type++) {
        start_detour(p, port, mac, &f);
        match_icmp6(&f, type);
        finish_refuse(p, port, &f);
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
    finish_admit(p, port + PIPELINE_METER_SHOW, show, &f);
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
        struct admit_nd nd = { show, *ip, in6addr_exact };

        admit_nd(p, tsi, port, &nd);
    }
}

void
pipeline_admit_source(const struct pipeline *p,
                      const struct pipeline_tsi *tsi, nva_ofport port,
                      bool show, const struct in6_addr *ip)
{
    const struct source sources[] = {
        { in6_addr_mapped_ipv4(htonl(INADDR_ANY)), in6addr_exact, show },
        { in6addr_any, in6addr_exact, show },
        { link_local.ip, link_local.mask, show },
    };

    if (port == NVA_OFPORT_NONE) {
        return;
    }
    if (ip) {
        admit_source(p, tsi, port, &(struct source) { *ip, in6addr_exact,
                                                       show });
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
        admit_source(p, tsi, port, &sources[i]);
    }
    refuse_sources(p, tsi, port);
}

/* ## What no port may send ## */

static void
start_nobody(const struct pipeline *p, struct nva_flow *f)
{
    start(p, NVA_TABLE_ADMIT, ADMIT_NOBODY, f);
}

static void
finish_nobody(const struct pipeline *p, enum pipeline_refusal why,
              struct nva_flow *f)
{
    put_refuse(&f->actions, why);
    finish(p, f);
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
        put_goto(&f.actions, NVA_TABLE_ADDRESS);
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
             struct nva_flow *f)
{
    if (show) {
        put_ask_limited(p, &f->actions, meter);
    }
    put_goto(&f->actions, NVA_TABLE_ADDRESS);
    finish(p, f);
}

/* Dropped, and shown to the NVA, which says why. */
static void
finish_refuse(const struct pipeline *p, uint32_t meter, struct nva_flow *f)
{
    put_ask_limited(p, &f->actions, meter);
    finish(p, f);
}

/* Addresses every host may use: 0.0.0.0 and :: while it has none (probes,
 * DAD), link-local ones. */
static void
admit_no_address(const struct pipeline *p, const struct pipeline_tsi *tsi,
                 nva_ofport port, bool show)
{
    struct admit_nd nd = link_local;
    struct nva_flow f;

    admit_arp(p, tsi, port, show, htonl(INADDR_ANY));

    nd.show = show;
    admit_nd(p, tsi, port, &nd);

    start_admit(p, tsi, port, ADMIT_ADDRESS, &f);
    match_icmp6(&f, ND_NEIGHBOR_SOLICIT);
    match_set_ipv6_src(&f.match, &in6addr_any);
    finish_admit(p, port, show, &f);
}

/* ARP, NS and NA with any address that no other flow admits. */
static void
refuse_addresses(const struct pipeline *p, const struct pipeline_tsi *tsi,
                 nva_ofport port)
{
    struct nva_flow f;

    start_admit(p, tsi, port, ADMIT_FALSE_ADDRESS, &f);
    match_set_dl_type(&f.match, htons(ETH_TYPE_ARP));
    finish_refuse(p, port + PIPELINE_METER_DATA, &f);

    start_admit(p, tsi, port, ADMIT_FALSE_ADDRESS, &f);
    match_icmp6(&f, ND_NEIGHBOR_SOLICIT);
    finish_refuse(p, port + PIPELINE_METER_DATA, &f);

    start_admit(p, tsi, port, ADMIT_FALSE_ADDRESS, &f);
    match_icmp6(&f, ND_NEIGHBOR_ADVERT);
    finish_refuse(p, port + PIPELINE_METER_DATA, &f);
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
    finish_admit(p, port, show, &f);
}

/* In an NS one's own address is the source, in an NA the target. */
static void
admit_nd(const struct pipeline *p, const struct pipeline_tsi *tsi,
         nva_ofport port, const struct admit_nd *nd)
{
    struct nva_flow f;

    start_admit(p, tsi, port, ADMIT_ADDRESS, &f);
    match_icmp6(&f, ND_NEIGHBOR_SOLICIT);
    match_set_ipv6_src_masked(&f.match, &nd->ip, &nd->mask);
    finish_admit(p, port, nd->show, &f);

    start_admit(p, tsi, port, ADMIT_ADDRESS, &f);
    match_icmp6(&f, ND_NEIGHBOR_ADVERT);
    match_set_nd_target_masked(&f.match, &nd->ip, &nd->mask);
    finish_admit(p, port, nd->show, &f);
}

static void
admit_source(const struct pipeline *p, const struct pipeline_tsi *tsi,
             nva_ofport port, const struct source *source)
{
    bool v4 = nva_ip_is_v4(&source->ip);
    struct nva_flow f;

    start_admit(p, tsi, port, ADMIT_SOURCE, &f);
    match_set_dl_type(&f.match, htons(v4 ? ETH_TYPE_IP : ETH_TYPE_IPV6));
    if (v4) {
        match_set_nw_src(&f.match, in6_addr_get_mapped_ipv4(&source->ip));
    } else {
        match_set_ipv6_src_masked(&f.match, &source->ip, &source->mask);
    }
    finish_admit(p, port + PIPELINE_METER_SHOW, source->show, &f);
}

static void
refuse_sources(const struct pipeline *p, const struct pipeline_tsi *tsi,
               nva_ofport port)
{
    static const uint16_t types[] = { ETH_TYPE_IP, ETH_TYPE_IPV6 };

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        struct nva_flow f;

        start_admit(p, tsi, port, ADMIT_FALSE_SOURCE, &f);
        match_set_dl_type(&f.match, htons(types[i]));
        finish_refuse(p, port + PIPELINE_METER_DATA, &f);
    }
}
