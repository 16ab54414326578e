/* SPDX-License-Identifier: Apache-2.0 */

/* Where a packet goes in an NVE, as flows that Open vSwitch takes: what all
 * NVEs have, VNs, delivery, forwarding, redirects, what is held or reset; and
 * packet-outs.
 *
 * Knows the tables, the cookie, the meters and the tunnel key; who may send
 * is pipeline-admit's, how ARP and ND are answered is pipeline-address's.
 * Must never know a directory, nor why a flow is wanted.
 *
 * Invariant, of all three: every flow carries its owner's cookie, matches its
 * VN by reg0 (registers cost the datapath no field), and no action names a
 * port that its caller did not name.  What comes from a local port goes
 * CLASSIFY, ADMIT, ADDRESS, FORWARD; what comes from a tunnel goes CLASSIFY,
 * REDIRECT, DELIVER and never back into a tunnel but by REDIRECT.
 *
 * draft vmm-15 s4.2 (D6), s5 (D11). */

#include "pipeline-private.h"

#include "openvswitch/util.h"

/* Priorities in FORWARD, REDIRECT and DELIVER. */
enum {
    FORWARD_TCP = 110,                  /* REDIRECT, too. */
    FORWARD_MAC = 100,                  /* FORWARD, DELIVER. */
    FORWARD_ABSENT = 90,
    FORWARD_MULTICAST = 50,
    FORWARD_UNKNOWN = 10,
};

/* Bits of the tunnel key above the VNI: how often it was redirected. */
#define HOP_SHIFT 22
#define HOP_BITS 2

static void out_table(uint32_t vni, nva_ofport, enum nva_table,
                      struct ofpbuf *ofpacts);

static void match_tsi(struct nva_flow *, const struct pipeline_tsi *);
static void match_unicast(struct nva_flow *);

static void put_set_key(struct ofpbuf *, uint32_t vni);
static void put_set_hops(struct ofpbuf *, uint64_t hops);
static void put_set_tunnel_dst(struct ofpbuf *, const struct in6_addr *);
static void put_clear_tunnel_dst(struct ofpbuf *);

static void base_miss(const struct pipeline *, enum nva_table,
                      const enum nva_table *next);
static void base_tags(const struct pipeline *);
static void base_classify(const struct pipeline *);
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

enum nva_reason
pipeline_refusal_reason(uint32_t reg3)
{
    switch (reg3) {
#define X(ENUM, NUMBER, REASON) case NUMBER: return NVA_R_##REASON;
    PIPELINE_REFUSALS
#undef X
    default:
        return NVA_R_NOT_INTERESTING;
    }
}

void
pipeline_base(const struct pipeline *p)
{
    static const enum nva_table forward = NVA_TABLE_FORWARD;
    static const enum nva_table deliver = NVA_TABLE_DELIVER;
    static const enum nva_table role = NVA_TABLE_ROLE;
    static const enum nva_table address = NVA_TABLE_ADDRESS;

    base_tags(p);
    base_classify(p);
    pipeline_base_admit(p);
    base_miss(p, NVA_TABLE_ADMIT, NULL);
    pipeline_base_admit_nd(p);
    base_miss(p, NVA_TABLE_CLAIM, &role);
    base_miss(p, NVA_TABLE_ROLE, &address);
    pipeline_base_address(p);
    base_miss(p, NVA_TABLE_ADDRESS, &forward);
    pipeline_base_reply_ns(p);
    base_miss(p, NVA_TABLE_FORWARD, NULL);
    base_port(p);
    base_miss(p, NVA_TABLE_REDIRECT, &deliver);
    base_hop(p);
    base_deliver(p);
    base_shown(p, NVA_TABLE_HOLD, PIPELINE_METER_HOLD);
    base_shown(p, NVA_TABLE_RESET, PIPELINE_METER_RESET);
    pipeline_base_refuse(p);
    base_miss(p, NVA_TABLE_REFUSE, NULL);
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
pipeline_quiet(const struct pipeline *p, uint32_t vni, nva_ofport port,
               bool show)
{
    struct nva_flow f;

    start(p, NVA_TABLE_PORT, PRIO_ONLY, &f);
    match_vn(&f, vni);
    match_set_reg(&f.match, 2, port);
    if (show) {
        put_ask_limited(p, &f.actions, PIPELINE_METER_HOLD);
    }
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

void
pipeline_use_meter(const struct pipeline *p, uint32_t id)
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
    case PIPELINE_METER_UNBOUND:
        meter.rate = PIPELINE_UNBOUND_RATE;
        meter.burst = PIPELINE_UNBOUND_BURST;
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

/* ## Matches ## */

static void
match_tsi(struct nva_flow *f, const struct pipeline_tsi *tsi)
{
    match_vn(f, tsi->vni);
    match_set_dl_dst(&f->match, tsi->mac);
}

static void
match_unicast(struct nva_flow *f)
{
    match_set_dl_dst_masked(&f->match, eth_addr_zero, group_bit);
}

/* ## Actions ## */

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

/* One priority tag is popped, once: what is tagged then has more.  Of those
 * beyond the switch's `vlan-limit', or of another kind, it sees the type
 * alone. */
static void
base_tags(const struct pipeline *p)
{
    static const uint16_t types[] = {
        ETH_TYPE_VLAN_8021Q, ETH_TYPE_VLAN_8021AD,
        0x9100, 0x9200, 0x9300,         /* Q-in-Q before 802.1ad. */
    };
    struct nva_flow f;

    start(p, NVA_TABLE_CLASSIFY, CLASSIFY_TAG_0, &f);
    match_set_reg(&f.match, 4, 0);
    match_set_dl_tci_masked(&f.match, htons(VLAN_CFI),
                            htons(VLAN_CFI | VLAN_VID_MASK));
    ofpact_put_STRIP_VLAN(&f.actions);
    put_set_reg(&f.actions, MFF_REG4, 1);
    put_resubmit(&f.actions, NVA_TABLE_CLASSIFY);
    finish(p, &f);

    start(p, NVA_TABLE_CLASSIFY, CLASSIFY_TAG, &f);
    match_set_dl_tci_masked(&f.match, htons(VLAN_CFI), htons(VLAN_CFI));
    put_refuse(&f.actions, PIPELINE_REFUSE_TAG);
    finish(p, &f);

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        start(p, NVA_TABLE_CLASSIFY, CLASSIFY_TAG, &f);
        match_set_dl_type(&f.match, htons(types[i]));
        put_refuse(&f.actions, PIPELINE_REFUSE_TAG);
        finish(p, &f);
    }
}

/* A VM may have turned up at a port that nobody bound.  The bridge's own port
 * is no VM's, nor are groups of a VN that this NVE has left. */
static void
base_unbound(const struct pipeline *p)
{
    const nva_ofport nobody[] = { ofp_to_u16(OFPP_LOCAL), p->tunnel };
    struct nva_flow f;

    for (size_t i = 0; i < ARRAY_SIZE(nobody); i++) {
        if (nobody[i] != NVA_OFPORT_NONE) {
            start(p, NVA_TABLE_CLASSIFY, CLASSIFY_NOBODY, &f);
            match_port(&f, nobody[i]);
            finish(p, &f);
        }
    }
    start(p, NVA_TABLE_CLASSIFY, CLASSIFY_UNBOUND, &f);
    finish_refuse(p, PIPELINE_REFUSE_UNBOUND, &f);
}

static void
base_classify(const struct pipeline *p)
{
    struct nva_flow f;

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
    base_unbound(p);
    base_miss(p, NVA_TABLE_CLASSIFY, NULL);
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
