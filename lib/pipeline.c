/* SPDX-License-Identifier: Apache-2.0 */

/* What each flow of an NVE looks like, as Open vSwitch takes it.  Knows
 * tables, priorities, registers and actions; must never know a directory, nor
 * why a flow is wanted.
 *
 * Invariant: every flow carries its owner's cookie, matches its VN by reg0
 * (registers cost the datapath no field), and no action names a port that its
 * caller did not name.  What comes from a local port goes CLASSIFY, ADMIT,
 * ADDRESS, FORWARD; what comes from a tunnel goes CLASSIFY, REDIRECT, DELIVER
 * and never back into a tunnel but by REDIRECT.
 *
 * draft vmm-15 s4.2, s5; RFC 9161 s3 (F1-F3); RFC 5227 (H4). */

#include "pipeline.h"

#include <netinet/icmp6.h>

#include "flow.h"
#include "openvswitch/meta-flow.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/util.h"
#include "packets.h"

/* Priorities within a table.  Higher wins; 0 is the miss. */
enum {
    PRIO_MISS = 0,

    CLASSIFY_TAG_0 = 300,               /* Priority tag: popped. */
    CLASSIFY_TAG = 290,                 /* Any other: dropped. */
    CLASSIFY_WARM = 280,                /* Frames that warm a neighbour. */
    CLASSIFY_TUNNEL = 270,
    CLASSIFY_LEFT_VN = 200,             /* A key of no VN that is served. */
    CLASSIFY_DETOUR = 180,              /* Above what looks at a MAC. */
    CLASSIFY_DETOUR_MAC = 170,
    CLASSIFY_VAP_MAC_METERED = 140,
    CLASSIFY_VAP_MAC = 130,
    CLASSIFY_VAP_METERED = 120,
    CLASSIFY_VAP = 110,

    ADMIT_ADDRESS = 300,                /* ARP, ND: with its own address. */
    ADMIT_FALSE_ADDRESS = 200,          /* ...with another. */
    ADMIT_SOURCE = 160,                 /* Data: from its own address. */
    ADMIT_FALSE_SOURCE = 150,           /* ...from another. */
    ADMIT_MAC = 100,
    ADMIT_VAP_MAC = 20,                 /* A source no TSI has here. */
    ADMIT_VAP = 10,

    ADDRESS_NVA_ASKED = 70,             /* Answers to the NVA's probes. */
    ADDRESS_NVA = 60,                   /* Anything else to its MAC. */
    ADDRESS_SHARED = 55,                /* Who has it from now on says so. */
    ADDRESS_OWNER = 50,                 /* The owner asks for itself (H4). */
    ADDRESS_CLAIM = 45,                 /* Another says that it has it. */
    ADDRESS_DAD = 40,
    ADDRESS_NO_SLL = 30,
    ADDRESS_ANSWER = 20,
    ADDRESS_UNKNOWN = 10,
    ADDRESS_EVIDENCE = 10,

    FORWARD_TCP = 110,                  /* REDIRECT, too. */
    FORWARD_MAC = 100,                  /* FORWARD, DELIVER. */
    FORWARD_ABSENT = 90,
    FORWARD_MULTICAST = 50,
    FORWARD_UNKNOWN = 10,

    PRIO_ONLY = 10,                     /* Tables with one kind of flow. */
};

/* Bits of the tunnel key above the VNI: how often it was redirected. */
#define HOP_SHIFT 22
#define HOP_BITS 2

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

static void out_table(uint32_t vni, nva_ofport, enum nva_table,
                      struct ofpbuf *ofpacts);
static void start(const struct pipeline *, enum nva_table, int priority,
                  struct nva_flow *);
static void finish(const struct pipeline *, struct nva_flow *);

static void match_vn(struct nva_flow *, uint32_t vni);
static void match_tsi(struct nva_flow *, const struct pipeline_tsi *);
static void match_port(struct nva_flow *, nva_ofport);
static void match_multicast(struct nva_flow *);
static void match_unicast(struct nva_flow *);
static void match_arp(struct nva_flow *, uint16_t op);
static void match_icmp6(struct nva_flow *, uint8_t type);
static void match_nd(struct nva_flow *, uint8_t type);

static void put_output(struct ofpbuf *, ofp_port_t);
static void put_ask(struct ofpbuf *);
static void put_ask_limited(const struct pipeline *, struct ofpbuf *,
                            uint32_t meter);
static void use_meter(const struct pipeline *, uint32_t id);
static void put_goto(struct ofpbuf *, enum nva_table);
static void put_resubmit(struct ofpbuf *, enum nva_table);
static void put_set(struct ofpbuf *, enum mf_field_id, const void *);
static void put_move(struct ofpbuf *, enum mf_field_id src,
                     enum mf_field_id dst);
static void put_move_bits(struct ofpbuf *, struct mf_subfield src,
                          struct mf_subfield dst);
static void put_set_vni(struct ofpbuf *, uint32_t vni);
static void put_set_key(struct ofpbuf *, uint32_t vni);
static void put_set_hops(struct ofpbuf *, uint64_t hops);
static void put_set_tunnel_dst(struct ofpbuf *, const struct in6_addr *);
static void put_clear_tunnel_dst(struct ofpbuf *);

static void base_miss(const struct pipeline *, enum nva_table,
                      const enum nva_table *next);
static void base_classify(const struct pipeline *);
static void base_address(const struct pipeline *);
static void base_answer(const struct pipeline *);
static void base_reply_ns(const struct pipeline *);
static void base_port(const struct pipeline *);
static void base_hop(const struct pipeline *);
static void base_deliver(const struct pipeline *);
static void base_shown(const struct pipeline *, enum nva_table,
                       uint32_t meter);
static void hold(const struct pipeline *, const struct pipeline_tsi *,
                 enum nva_table);
static void local_list(const struct pipeline *, uint32_t vni,
                       const struct pipeline_flood *);
static void flood_list(const struct pipeline *, uint32_t vni,
                       const struct pipeline_flood *);
static void put_flood_nves(struct ofpbuf *, const struct pipeline_flood *,
                           bool v4, nva_ofport tunnel);
static void vap_classify(const struct pipeline *, uint32_t vni, nva_ofport,
                         const struct eth_addr *mac);
static void vap_admit(const struct pipeline *, uint32_t vni, nva_ofport,
                      const struct eth_addr *mac, bool strict);
static void start_detour(const struct pipeline *, nva_ofport,
                         const struct eth_addr *mac, struct nva_flow *);
static void start_vap(const struct pipeline *, nva_ofport,
                      const struct eth_addr *mac, bool metered,
                      struct nva_flow *);
static void finish_vap(const struct pipeline *, uint32_t vni,
                       struct nva_flow *);
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
static void address_v4(const struct pipeline *, const struct pipeline_tsi *,
                       ovs_be32 ip);
static void address_v6(const struct pipeline *, const struct pipeline_tsi *,
                       const struct in6_addr *ip);
static void start_ns(const struct pipeline *, const struct pipeline_tsi *,
                     const struct in6_addr *ip, int priority,
                     struct nva_flow *);

const char *
nva_table_name(uint8_t table)
{
    switch (table) {
#define X(E, N, W, T) case N: return W;
    NVA_TABLES
#undef X
    default:
        return NULL;
    }
}

uint64_t
pipeline_cookie(struct nva_owner owner)
{
    return (NVA_COOKIE_APP << 56
            | NVA_COOKIE_SCHEMA << 48
            | (uint64_t) owner.kind << NVA_ID_BITS
            | (owner.id & ((UINT64_C(1) << NVA_ID_BITS) - 1)));
}

bool
pipeline_cookie_parse(uint64_t cookie, struct nva_owner *owner,
                      bool *current_schema)
{
    if (cookie >> 56 != NVA_COOKIE_APP) {
        return false;
    }
    owner->kind = (cookie >> NVA_ID_BITS) & 0xf;
    owner->id = cookie & ((UINT64_C(1) << NVA_ID_BITS) - 1);
    *current_schema = ((cookie >> 48) & 0xff) == NVA_COOKIE_SCHEMA;
    return true;
}

void
pipeline_base(const struct pipeline *p)
{
    static const enum nva_table forward = NVA_TABLE_FORWARD;
    static const enum nva_table deliver = NVA_TABLE_DELIVER;

    base_classify(p);
    base_miss(p, NVA_TABLE_ADMIT, NULL);
    base_address(p);
    base_miss(p, NVA_TABLE_ADDRESS, &forward);
    base_reply_ns(p);
    base_miss(p, NVA_TABLE_FORWARD, NULL);
    base_port(p);
    base_miss(p, NVA_TABLE_REDIRECT, &deliver);
    base_hop(p);
    base_deliver(p);
    base_shown(p, NVA_TABLE_HOLD, PIPELINE_METER_HOLD);
    base_shown(p, NVA_TABLE_RESET, PIPELINE_METER_RESET);
}

void
pipeline_vn_tunnel(const struct pipeline *p, uint32_t vni)
{
    struct mf_subfield key = { mf_from_id(MFF_TUN_ID), HOP_SHIFT, HOP_BITS };
    struct mf_subfield hops = { mf_from_id(MFF_REG1), 0, HOP_BITS };
    struct nva_flow f;

    if (p->tunnel == NVA_OFPORT_NONE) {
        return;
    }
    start(p, NVA_TABLE_CLASSIFY, CLASSIFY_TUNNEL, &f);
    match_port(&f, p->tunnel);
    match_set_tun_id_masked(&f.match, htonll(vni), htonll(NVA_VNI_MAX));
    put_set_vni(&f.actions, vni);
    put_move_bits(&f.actions, key, hops);
    put_goto(&f.actions, NVA_TABLE_REDIRECT);
    finish(p, &f);
}

void
pipeline_vn_flood(const struct pipeline *p, uint32_t vni,
                  const struct pipeline_flood *flood)
{
    struct nva_flow f;

    start(p, NVA_TABLE_FORWARD, FORWARD_MULTICAST, &f);
    match_vn(&f, vni);
    match_multicast(&f);
    put_goto(&f.actions, NVA_TABLE_FLOOD);
    finish(p, &f);

    flood_list(p, vni, flood);
    local_list(p, vni, flood);

    start(p, NVA_TABLE_DELIVER, FORWARD_MULTICAST, &f);
    match_vn(&f, vni);
    match_multicast(&f);
    put_resubmit(&f.actions, NVA_TABLE_LOCAL);
    finish(p, &f);

    if (flood->unknown) {
        start(p, NVA_TABLE_DELIVER, FORWARD_UNKNOWN, &f);
        match_vn(&f, vni);
        put_resubmit(&f.actions, NVA_TABLE_LOCAL);
        finish(p, &f);
    }
}

void
pipeline_quiet(const struct pipeline *p, uint32_t vni, nva_ofport port)
{
    struct nva_flow f;

    start(p, NVA_TABLE_PORT, PRIO_ONLY, &f);
    match_vn(&f, vni);
    match_set_reg(&f.match, 2, port);
    finish(p, &f);
}

void
pipeline_vn_unknown_unicast(const struct pipeline *p, uint32_t vni,
                            enum pipeline_unknown unknown)
{
    struct nva_flow f;

    start(p, NVA_TABLE_FORWARD, FORWARD_UNKNOWN, &f);
    match_vn(&f, vni);
    if (unknown == PIPELINE_ASK) {
        put_ask_limited(p, &f.actions, PIPELINE_METER_STRAY);
    } else if (unknown == PIPELINE_PULL) {
        put_ask_limited(p, &f.actions, PIPELINE_METER_MISS);
    } else if (unknown == PIPELINE_FLOOD) {
        put_goto(&f.actions, NVA_TABLE_FLOOD);
    }
    finish(p, &f);
}

void
pipeline_vn_unknown_question(const struct pipeline *p, uint32_t vni,
                             bool flood)
{
    for (int nd = 0; nd <= 1; nd++) {
        struct nva_flow f;

        start(p, NVA_TABLE_ADDRESS, ADDRESS_UNKNOWN, &f);
        match_vn(&f, vni);
        match_multicast(&f);
        if (nd) {
            match_nd(&f, ND_NEIGHBOR_SOLICIT);
        } else {
            match_arp(&f, ARP_OP_REQUEST);
        }
        put_ask(&f.actions);
        if (flood) {
            put_goto(&f.actions, NVA_TABLE_FORWARD);
        }
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
pipeline_deliver(const struct pipeline *p, const struct pipeline_tsi *tsi,
                 nva_ofport port)
{
    struct nva_flow f;

    start(p, NVA_TABLE_DELIVER, FORWARD_MAC, &f);
    match_tsi(&f, tsi);
    if (port != NVA_OFPORT_NONE) {
        put_output(&f.actions, u16_to_ofp(port));
    }
    finish(p, &f);
}

void
pipeline_deliver_hold(const struct pipeline *p, const struct pipeline_tsi *tsi)
{
    hold(p, tsi, NVA_TABLE_DELIVER);
}

void
pipeline_forward_hold(const struct pipeline *p, const struct pipeline_tsi *tsi)
{
    hold(p, tsi, NVA_TABLE_FORWARD);
}

void
pipeline_forward_local(const struct pipeline *p,
                       const struct pipeline_tsi *tsi, nva_ofport port)
{
    struct nva_flow f;

    start(p, NVA_TABLE_FORWARD, FORWARD_MAC, &f);
    match_tsi(&f, tsi);
    if (port != NVA_OFPORT_NONE) {
        put_output(&f.actions, u16_to_ofp(port));
    }
    finish(p, &f);
}

void
pipeline_forward_tunnel(const struct pipeline *p,
                        const struct pipeline_tsi *tsi,
                        const struct in6_addr *tunnel_ip)
{
    struct nva_flow f;

    if (p->tunnel == NVA_OFPORT_NONE) {
        return;
    }
    start(p, NVA_TABLE_FORWARD, FORWARD_MAC, &f);
    match_tsi(&f, tsi);
    pipeline_out_tunnel(p->tunnel, tunnel_ip, tsi->vni, &f.actions);
    finish(p, &f);
}

void
pipeline_forward_pulled(const struct pipeline *p,
                        const struct pipeline_tsi *tsi,
                        const struct in6_addr *tunnel_ip, uint16_t seconds,
                        uint16_t idle)
{
    struct nva_flow f;

    if (p->tunnel == NVA_OFPORT_NONE) {
        return;
    }
    start(p, NVA_TABLE_FORWARD, FORWARD_MAC, &f);
    f.hard_timeout = seconds;
    f.idle_timeout = idle;
    f.send_flow_removed = true;
    match_tsi(&f, tsi);
    pipeline_out_tunnel(p->tunnel, tunnel_ip, tsi->vni, &f.actions);
    finish(p, &f);
}

void
pipeline_absent(const struct pipeline *p, const struct pipeline_tsi *tsi,
                uint16_t seconds)
{
    struct nva_flow f;

    start(p, NVA_TABLE_FORWARD, FORWARD_ABSENT, &f);
    f.hard_timeout = seconds;
    f.send_flow_removed = true;
    match_tsi(&f, tsi);
    finish(p, &f);
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

void
pipeline_address(const struct pipeline *p, const struct pipeline_tsi *tsi,
                 const struct in6_addr *ip)
{
    if (nva_ip_is_v4(ip)) {
        address_v4(p, tsi, in6_addr_get_mapped_ipv4(ip));
    } else {
        address_v6(p, tsi, ip);
    }
}

void
pipeline_address_shared(const struct pipeline *p,
                        const struct pipeline_tsi *tsi,
                        const struct in6_addr *ip)
{
    struct nva_flow f;

    if (!nva_ip_is_v4(ip)) {
        start_ns(p, tsi, ip, ADDRESS_SHARED, &f);
        match_set_ipv6_src(&f.match, &in6addr_any);
        put_goto(&f.actions, NVA_TABLE_FORWARD);
        finish(p, &f);
        return;             /* All advertisements are shown. */
    }
    for (int announces = 0; announces <= 1; announces++) {
        ovs_be32 ip4 = in6_addr_get_mapped_ipv4(ip);

        start(p, NVA_TABLE_ADDRESS, ADDRESS_SHARED, &f);
        match_vn(&f, tsi->vni);
        match_multicast(&f);
        match_arp(&f, ARP_OP_REQUEST);
        match_set_nw_src(&f.match, announces ? ip4 : htonl(INADDR_ANY));
        match_set_nw_dst(&f.match, ip4);
        if (announces) {
            put_ask(&f.actions);
        }
        put_goto(&f.actions, NVA_TABLE_FORWARD);
        finish(p, &f);
    }
}

void
pipeline_address_learned(const struct pipeline *p,
                         const struct pipeline_tsi *tsi,
                         const struct in6_addr *ip)
{
    ovs_be32 ip4 = in6_addr_get_mapped_ipv4(ip);
    struct nva_flow f;

    if (!nva_ip_is_v4(ip)) {
        return;                 /* All advertisements are shown. */
    }
    start(p, NVA_TABLE_ADDRESS, ADDRESS_CLAIM, &f);
    match_vn(&f, tsi->vni);
    match_multicast(&f);
    match_arp(&f, ARP_OP_REQUEST);
    match_set_nw_src(&f.match, ip4);
    match_set_nw_dst(&f.match, ip4);
    put_ask(&f.actions);
    finish(p, &f);
}

void
pipeline_redirect(const struct pipeline *p, const struct pipeline_tsi *tsi,
                  const struct in6_addr *tunnel_ip, uint16_t seconds)
{
    struct nva_flow f;

    if (p->tunnel == NVA_OFPORT_NONE) {
        return;
    }
    start(p, NVA_TABLE_REDIRECT, PRIO_ONLY, &f);
    f.hard_timeout = seconds;
    f.send_flow_removed = true;
    match_tsi(&f, tsi);
    if (!nva_ip_is_v4(tunnel_ip)) {
        /* The packet comes with its own tun_dst, which would win. */
        put_clear_tunnel_dst(&f.actions);
    }
    put_set_tunnel_dst(&f.actions, tunnel_ip);
    put_goto(&f.actions, NVA_TABLE_HOP);
    finish(p, &f);
}

/* What begins a connection has SYN and not ACK. */
void
pipeline_reset(const struct pipeline *p, const struct pipeline_tsi *tsi,
               enum nva_table table, uint16_t seconds)
{
    static const uint16_t types[] = { ETH_TYPE_IP, ETH_TYPE_IPV6 };
    static const struct { uint16_t flags, mask; } kinds[] = {
        { 0, TCP_SYN | TCP_RST },
        { TCP_SYN | TCP_ACK, TCP_SYN | TCP_ACK | TCP_RST },
    };

    for (size_t i = 0; i < ARRAY_SIZE(types) * ARRAY_SIZE(kinds); i++) {
        struct nva_flow f;

        start(p, table, FORWARD_TCP, &f);
        f.hard_timeout = seconds;
        match_tsi(&f, tsi);
        match_set_dl_type(&f.match, htons(types[i / 2]));
        match_set_nw_proto(&f.match, IPPROTO_TCP);
        match_set_tcp_flags_masked(&f.match, htons(kinds[i % 2].flags),
                                   htons(kinds[i % 2].mask));
        put_goto(&f.actions, NVA_TABLE_RESET);
        finish(p, &f);
    }
}

void
pipeline_out_forward(uint32_t vni, struct ofpbuf *ofpacts)
{
    put_set_vni(ofpacts, vni);
    put_resubmit(ofpacts, NVA_TABLE_FORWARD);
}

void
pipeline_out_port(nva_ofport port, struct ofpbuf *ofpacts)
{
    put_output(ofpacts, u16_to_ofp(port));
}

void
pipeline_out_tunnel(nva_ofport tunnel, const struct in6_addr *tunnel_ip,
                    uint32_t vni, struct ofpbuf *ofpacts)
{
    put_set_key(ofpacts, vni);
    put_set_tunnel_dst(ofpacts, tunnel_ip);
    put_output(ofpacts, u16_to_ofp(tunnel));
}

void
pipeline_out_flood(uint32_t vni, nva_ofport port, struct ofpbuf *ofpacts)
{
    out_table(vni, port, NVA_TABLE_FLOOD, ofpacts);
}

void
pipeline_out_admit(uint32_t vni, nva_ofport port, struct ofpbuf *ofpacts)
{
    out_table(vni, port, NVA_TABLE_ADMIT, ofpacts);
}

static void
out_table(uint32_t vni, nva_ofport port, enum nva_table table,
          struct ofpbuf *ofpacts)
{
    ovs_be16 in_port = htons(port);

    put_set(ofpacts, MFF_IN_PORT, &in_port);
    put_set_vni(ofpacts, vni);
    put_resubmit(ofpacts, table);
}

/* ## One flow ## */

static void
start(const struct pipeline *p, enum nva_table table, int priority,
      struct nva_flow *f)
{
    nva_flow_init(f);
    ofpbuf_prealloc_tailroom(&f->actions, 512);
    f->table = table;
    f->priority = priority;
    f->cookie = p->cookie;
}

static void
finish(const struct pipeline *p, struct nva_flow *f)
{
    flow_set_add(p->out, f);
}

/* ## Matches ## */

static void
match_vn(struct nva_flow *f, uint32_t vni)
{
    match_set_reg(&f->match, 0, vni);
}

static void
match_tsi(struct nva_flow *f, const struct pipeline_tsi *tsi)
{
    match_vn(f, tsi->vni);
    match_set_dl_dst(&f->match, tsi->mac);
}

static void
match_port(struct nva_flow *f, nva_ofport port)
{
    match_set_in_port(&f->match, u16_to_ofp(port));
}

static const struct eth_addr group_bit = ETH_ADDR_C(01,00,00,00,00,00);

static void
match_multicast(struct nva_flow *f)
{
    match_set_dl_dst_masked(&f->match, group_bit, group_bit);
}

static void
match_unicast(struct nva_flow *f)
{
    match_set_dl_dst_masked(&f->match, eth_addr_zero, group_bit);
}

static void
match_arp(struct nva_flow *f, uint16_t op)
{
    match_set_dl_type(&f->match, htons(ETH_TYPE_ARP));
    match_set_nw_proto(&f->match, op);
}

static void
match_icmp6(struct nva_flow *f, uint8_t type)
{
    match_set_dl_type(&f->match, htons(ETH_TYPE_IPV6));
    match_set_nw_proto(&f->match, IPPROTO_ICMPV6);
    match_set_icmp_type(&f->match, type);
}

/* A neighbour discovery message that has not passed a router (G4). */
static void
match_nd(struct nva_flow *f, uint8_t type)
{
    match_icmp6(f, type);
    match_set_icmp_code(&f->match, 0);
    match_set_nw_ttl(&f->match, 255);
}

/* ## Actions ## */

static void
put_output(struct ofpbuf *ofpacts, ofp_port_t port)
{
    ofpact_put_OUTPUT(ofpacts)->port = port;
}

/* To the NVA, the whole packet. */
static void
put_ask(struct ofpbuf *ofpacts)
{
    struct ofpact_output *output = ofpact_put_OUTPUT(ofpacts);

    output->port = OFPP_CONTROLLER;
    output->max_len = UINT16_MAX;
}

/* ...within what 'meter' allows. */
static void
put_ask_limited(const struct pipeline *p, struct ofpbuf *ofpacts,
                uint32_t meter)
{
    struct ofpact_controller *controller = ofpact_put_CONTROLLER(ofpacts);

    use_meter(p, meter);
    controller->max_len = UINT16_MAX;
    controller->reason = OFPR_ACTION;
    controller->meter_id = meter;
    controller->provider_meter_id = UINT32_MAX;
    ofpact_finish_CONTROLLER(ofpacts, &controller);
}

/* Whoever has a flow with a meter has the meter: a flow that comes before it
 * is not limited by it, then or later, and the switch says nothing. */
static void
use_meter(const struct pipeline *p, uint32_t id)
{
    struct nva_meter meter = { .id = id };

    switch (id) {
    case PIPELINE_METER_STRAY:
        meter.rate = PIPELINE_STRAY_RATE;
        meter.burst = PIPELINE_STRAY_BURST;
        break;
    case PIPELINE_METER_HOLD:
        meter.rate = PIPELINE_HOLD_RATE;
        meter.burst = PIPELINE_HOLD_BURST;
        break;
    case PIPELINE_METER_RESET:
        meter.rate = PIPELINE_RESET_RATE;
        meter.burst = PIPELINE_RESET_BURST;
        break;
    case PIPELINE_METER_MISS:
        meter.rate = PIPELINE_MISS_RATE;
        meter.burst = PIPELINE_MISS_BURST;
        break;
    default:
        meter.rate = (id > PIPELINE_METER_SHOW ? PIPELINE_SHOW_RATE
                      : id > PIPELINE_METER_DATA ? PIPELINE_DATA_RATE
                      : PIPELINE_VAP_RATE);
        meter.burst = (id > PIPELINE_METER_SHOW ? PIPELINE_SHOW_BURST
                       : id > PIPELINE_METER_DATA ? PIPELINE_DATA_BURST
                       : PIPELINE_VAP_BURST);
        break;
    }
    flow_set_add_meter(p->out, meter);
}

static void
put_goto(struct ofpbuf *ofpacts, enum nva_table table)
{
    ofpact_put_GOTO_TABLE(ofpacts)->table_id = table;
}

static void
put_resubmit(struct ofpbuf *ofpacts, enum nva_table table)
{
    struct ofpact_resubmit *resubmit = ofpact_put_RESUBMIT(ofpacts);

    resubmit->in_port = OFPP_IN_PORT;
    resubmit->table_id = table;
}

static void
put_set(struct ofpbuf *ofpacts, enum mf_field_id field, const void *value)
{
    ofpact_put_set_field(ofpacts, mf_from_id(field), value, NULL);
}

static void
put_move(struct ofpbuf *ofpacts, enum mf_field_id src, enum mf_field_id dst)
{
    struct mf_subfield from = { mf_from_id(src), 0, mf_from_id(src)->n_bits };
    struct mf_subfield to = { mf_from_id(dst), 0, mf_from_id(dst)->n_bits };

    put_move_bits(ofpacts, from, to);
}

static void
put_move_bits(struct ofpbuf *ofpacts, struct mf_subfield src,
              struct mf_subfield dst)
{
    struct ofpact_reg_move *move = ofpact_put_REG_MOVE(ofpacts);

    move->src = src;
    move->dst = dst;
}

static void
put_set_vni(struct ofpbuf *ofpacts, uint32_t vni)
{
    ovs_be32 value = htonl(vni);

    put_set(ofpacts, MFF_REG0, &value);
}

static void
put_set_key(struct ofpbuf *ofpacts, uint32_t vni)
{
    ovs_be64 value = htonll(vni);

    put_set(ofpacts, MFF_TUN_ID, &value);
}

static void
put_set_hops(struct ofpbuf *ofpacts, uint64_t hops)
{
    ovs_be64 value = htonll(hops << HOP_SHIFT);
    ovs_be64 mask = htonll(((UINT64_C(1) << HOP_BITS) - 1) << HOP_SHIFT);

    ofpact_put_set_field(ofpacts, mf_from_id(MFF_TUN_ID), &value, &mask);
}

static void
put_set_tunnel_dst(struct ofpbuf *ofpacts, const struct in6_addr *ip)
{
    if (nva_ip_is_v4(ip)) {
        ovs_be32 ip4 = in6_addr_get_mapped_ipv4(ip);

        put_set(ofpacts, MFF_TUN_DST, &ip4);
    } else {
        put_set(ofpacts, MFF_TUN_IPV6_DST, ip);
    }
}

static void
put_clear_tunnel_dst(struct ofpbuf *ofpacts)
{
    ovs_be32 none = 0;

    put_set(ofpacts, MFF_TUN_DST, &none);
}

/* ## Base ## */

/* The miss of 'table': on to '*next', or dropped (and counted). */
static void
base_miss(const struct pipeline *p, enum nva_table table,
          const enum nva_table *next)
{
    struct nva_flow f;

    start(p, table, PRIO_MISS, &f);
    if (next) {
        put_goto(&f.actions, *next);
    }
    finish(p, &f);
}

static void
base_classify(const struct pipeline *p)
{
    struct nva_flow f;

    start(p, NVA_TABLE_CLASSIFY, CLASSIFY_TAG_0, &f);
    match_set_dl_tci_masked(&f.match, htons(VLAN_CFI),
                            htons(VLAN_CFI | VLAN_VID_MASK));
    ofpact_put_STRIP_VLAN(&f.actions);
    put_resubmit(&f.actions, NVA_TABLE_CLASSIFY);
    finish(p, &f);

    start(p, NVA_TABLE_CLASSIFY, CLASSIFY_TAG, &f);
    match_set_dl_tci_masked(&f.match, htons(VLAN_CFI), htons(VLAN_CFI));
    finish(p, &f);

    if (p->tunnel != NVA_OFPORT_NONE) {
        start(p, NVA_TABLE_CLASSIFY, CLASSIFY_WARM, &f);
        match_port(&f, p->tunnel);
        match_set_tun_id(&f.match, htonll(0));
        finish(p, &f);

        /* For a VM whose VN this NVE has left since: D6. */
        start(p, NVA_TABLE_CLASSIFY, CLASSIFY_LEFT_VN, &f);
        match_port(&f, p->tunnel);
        match_unicast(&f);
        put_ask_limited(p, &f.actions, PIPELINE_METER_STRAY);
        finish(p, &f);
    }
    base_miss(p, NVA_TABLE_CLASSIFY, NULL);
}

/* Answers and announcements, which the NVA learns from: D2, D4, D7. */
static void
base_address(const struct pipeline *p)
{
    struct nva_flow f;

    base_answer(p);

    start(p, NVA_TABLE_ADDRESS, ADDRESS_EVIDENCE, &f);
    match_arp(&f, ARP_OP_REPLY);
    put_ask(&f.actions);
    put_goto(&f.actions, NVA_TABLE_FORWARD);
    finish(p, &f);

    start(p, NVA_TABLE_ADDRESS, ADDRESS_EVIDENCE, &f);
    match_set_dl_type(&f.match, htons(ETH_TYPE_RARP));
    put_ask(&f.actions);
    finish(p, &f);

    start(p, NVA_TABLE_ADDRESS, ADDRESS_EVIDENCE, &f);
    match_icmp6(&f, ND_NEIGHBOR_ADVERT);
    match_set_icmp_code(&f.match, 0);
    put_ask(&f.actions);
    put_goto(&f.actions, NVA_TABLE_FORWARD);
    finish(p, &f);
}

/* Answers to the NVA's own probes, which are no other's business; nothing else
 * reaches its MAC. */
static void
base_answer(const struct pipeline *p)
{
    struct nva_flow f;

    start(p, NVA_TABLE_ADDRESS, ADDRESS_NVA_ASKED, &f);
    match_arp(&f, ARP_OP_REPLY);
    match_set_dl_dst(&f.match, nva_own_mac);
    put_ask(&f.actions);
    finish(p, &f);

    start(p, NVA_TABLE_ADDRESS, ADDRESS_NVA_ASKED, &f);
    match_icmp6(&f, ND_NEIGHBOR_ADVERT);
    match_set_icmp_code(&f.match, 0);
    match_set_dl_dst(&f.match, nva_own_mac);
    put_ask(&f.actions);
    finish(p, &f);

    start(p, NVA_TABLE_ADDRESS, ADDRESS_NVA, &f);
    match_set_dl_dst(&f.match, nva_own_mac);
    finish(p, &f);
}

/* The second half of an answer to an NS: nd_tll has a prerequisite that only
 * a match of this table gives.  The Ethernet source is the owner's already. */
static void
base_reply_ns(const struct pipeline *p)
{
    uint8_t tll_option = ND_OPT_TARGET_LINKADDR;
    /* R, S and O.  R = 1 makes nobody a default router, R = 0 would drop a VM
     * that is one (RFC 9161 s3.2.1, RFC 4861 s7.2.5). */
    ovs_be32 flags = htonl(0xe0000000);
    struct nva_flow f;

    start(p, NVA_TABLE_REPLY_NS, PRIO_ONLY, &f);
    match_icmp6(&f, ND_NEIGHBOR_ADVERT);
    match_set_icmp_code(&f.match, 0);
    put_move(&f.actions, MFF_ETH_SRC, MFF_ND_TLL);
    put_set(&f.actions, MFF_ND_OPTIONS_TYPE, &tll_option);
    put_set(&f.actions, MFF_ND_RESERVED, &flags);
    put_output(&f.actions, OFPP_IN_PORT);
    finish(p, &f);
}

static void
base_port(const struct pipeline *p)
{
    struct ofpact_output_reg *output;
    struct nva_flow f;

    start(p, NVA_TABLE_PORT, 0, &f);
    output = ofpact_put_OUTPUT_REG(&f.actions);
    output->src = (struct mf_subfield) {
        .field = mf_from_id(MFF_REG2), .ofs = 0, .n_bits = 16,
    };
    output->max_len = UINT16_MAX;
    finish(p, &f);
}

/* Out of the tunnel it came from, one hop more; after the last one dropped
 * (and counted): no TTL would end a loop of redirects. */
static void
base_hop(const struct pipeline *p)
{
    for (int hops = 0; hops < NVA_REDIRECT_HOPS_MAX; hops++) {
        struct nva_flow f;

        start(p, NVA_TABLE_HOP, PRIO_ONLY, &f);
        match_set_reg(&f.match, 1, hops);
        put_set_hops(&f.actions, hops + 1);
        put_output(&f.actions, OFPP_IN_PORT);
        finish(p, &f);
    }
    base_miss(p, NVA_TABLE_HOP, NULL);
}

/* Nobody here has that MAC: the NVA may know where it went (D6).  Not of
 * priority 0: Open vSwitch reports that as a table miss, which a controller
 * subscribes to apart. */
static void
base_deliver(const struct pipeline *p)
{
    struct nva_flow f;

    start(p, NVA_TABLE_DELIVER, FORWARD_UNKNOWN, &f);
    put_ask_limited(p, &f.actions, PIPELINE_METER_STRAY);
    finish(p, &f);
}

/* Tables of their own: what they show the NVA is told from strays by them. */
static void
base_shown(const struct pipeline *p, enum nva_table table, uint32_t meter)
{
    struct nva_flow f;

    start(p, table, PRIO_ONLY, &f);
    put_ask_limited(p, &f.actions, meter);
    finish(p, &f);
}

/* ## VN ## */

/* Unknown unicast counts as redirected as often as may be: each NVE gets its
 * copy, so none is to be sent after a VM that has left. */
static void
flood_list(const struct pipeline *p, uint32_t vni,
           const struct pipeline_flood *flood)
{
    struct nva_flow f;

    start(p, NVA_TABLE_FLOOD, PRIO_ONLY, &f);
    match_vn(&f, vni);
    put_resubmit(&f.actions, NVA_TABLE_LOCAL);
    if (flood->n_nves && p->tunnel != NVA_OFPORT_NONE) {
        put_set_key(&f.actions, vni);
        if (flood->unknown) {
            put_set_hops(&f.actions, NVA_REDIRECT_HOPS_MAX);
        }
        put_flood_nves(&f.actions, flood, true, p->tunnel);
        put_flood_nves(&f.actions, flood, false, p->tunnel);
    }
    finish(p, &f);
}

/* Each port is looked up, so that one that gets no floods for a while (its VM
 * is about to come) costs a flow, not the list anew.  Open vSwitch itself
 * leaves out the port that the packet came from. */
static void
local_list(const struct pipeline *p, uint32_t vni,
           const struct pipeline_flood *flood)
{
    struct nva_flow f;

    start(p, NVA_TABLE_LOCAL, PRIO_ONLY, &f);
    match_vn(&f, vni);
    for (size_t i = 0; i < flood->n_ports; i++) {
        ovs_be32 port = htonl(flood->ports[i]);

        put_set(&f.actions, MFF_REG2, &port);
        put_resubmit(&f.actions, NVA_TABLE_PORT);
    }
    finish(p, &f);
}

/* IPv4 goes first: tun_dst wins, so it is cleared before the first IPv6 one
 * and not needed again. */
static void
put_flood_nves(struct ofpbuf *ofpacts, const struct pipeline_flood *flood,
               bool v4, nva_ofport tunnel)
{
    bool cleared = v4;

    for (size_t i = 0; i < flood->n_nves; i++) {
        if (nva_ip_is_v4(&flood->nves[i]) != v4) {
            continue;
        }
        if (!cleared) {
            put_clear_tunnel_dst(ofpacts);
            cleared = true;
        }
        put_set_tunnel_dst(ofpacts, &flood->nves[i]);
        put_output(ofpacts, u16_to_ofp(tunnel));
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
        use_meter(p, port);
        ofpact_put_METER(&f->actions)->meter_id = port;
    }
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

/* ## TSI ## */

static void
hold(const struct pipeline *p, const struct pipeline_tsi *tsi,
     enum nva_table table)
{
    struct nva_flow f;

    start(p, table, FORWARD_MAC, &f);
    match_tsi(&f, tsi);
    put_goto(&f.actions, NVA_TABLE_HOLD);
    finish(p, &f);
}

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

/* Only questions to all: a unicast one (NUD) is for the owner itself. */
static void
address_v4(const struct pipeline *p, const struct pipeline_tsi *tsi,
           ovs_be32 ip)
{
    ovs_be16 reply = htons(ARP_OP_REPLY);
    struct nva_flow f;

    start(p, NVA_TABLE_ADDRESS, ADDRESS_OWNER, &f);
    match_vn(&f, tsi->vni);
    match_multicast(&f);
    match_set_dl_src(&f.match, tsi->mac);
    match_arp(&f, ARP_OP_REQUEST);
    match_set_nw_dst(&f.match, ip);
    put_ask(&f.actions);
    put_goto(&f.actions, NVA_TABLE_FORWARD);
    finish(p, &f);

    start(p, NVA_TABLE_ADDRESS, ADDRESS_ANSWER, &f);
    match_vn(&f, tsi->vni);
    match_multicast(&f);
    match_arp(&f, ARP_OP_REQUEST);
    match_set_nw_dst(&f.match, ip);
    put_move(&f.actions, MFF_ETH_SRC, MFF_ETH_DST);
    put_set(&f.actions, MFF_ETH_SRC, &tsi->mac);
    put_set(&f.actions, MFF_ARP_OP, &reply);
    put_move(&f.actions, MFF_ARP_SHA, MFF_ARP_THA);
    put_move(&f.actions, MFF_ARP_SPA, MFF_ARP_TPA);
    put_set(&f.actions, MFF_ARP_SHA, &tsi->mac);
    put_set(&f.actions, MFF_ARP_SPA, &ip);
    put_output(&f.actions, OFPP_IN_PORT);
    finish(p, &f);
}

/* Flows can answer an NS that has an SLL as its first option.  One without
 * must be answered with a TLL all the same (RFC 4861 s7.2.4), which takes the
 * NVA; so does DAD's, for stacks that want a TLL there. */
static void
address_v6(const struct pipeline *p, const struct pipeline_tsi *tsi,
           const struct in6_addr *ip)
{
    uint8_t advert = ND_NEIGHBOR_ADVERT;
    struct nva_flow f;

    start_ns(p, tsi, ip, ADDRESS_OWNER, &f);
    match_set_dl_src(&f.match, tsi->mac);
    put_ask(&f.actions);
    put_goto(&f.actions, NVA_TABLE_FORWARD);
    finish(p, &f);

    start_ns(p, tsi, ip, ADDRESS_DAD, &f);
    match_set_ipv6_src(&f.match, &in6addr_any);
    put_ask(&f.actions);
    finish(p, &f);

    start_ns(p, tsi, ip, ADDRESS_NO_SLL, &f);
    match_set_arp_sha(&f.match, eth_addr_zero);     /* Is nd_sll here. */
    put_ask(&f.actions);
    finish(p, &f);

    start_ns(p, tsi, ip, ADDRESS_ANSWER, &f);
    put_move(&f.actions, MFF_ETH_SRC, MFF_ETH_DST);
    put_set(&f.actions, MFF_ETH_SRC, &tsi->mac);
    put_move(&f.actions, MFF_IPV6_SRC, MFF_IPV6_DST);
    put_set(&f.actions, MFF_IPV6_SRC, ip);
    put_set(&f.actions, MFF_ICMPV6_TYPE, &advert);
    put_resubmit(&f.actions, NVA_TABLE_REPLY_NS);
    finish(p, &f);
}

static void
start_ns(const struct pipeline *p, const struct pipeline_tsi *tsi,
         const struct in6_addr *ip, int priority, struct nva_flow *f)
{
    start(p, NVA_TABLE_ADDRESS, priority, f);
    match_vn(f, tsi->vni);
    match_multicast(f);
    match_nd(f, ND_NEIGHBOR_SOLICIT);
    match_set_nd_target(&f->match, ip);
}
