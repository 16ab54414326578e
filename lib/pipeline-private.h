/* SPDX-License-Identifier: Apache-2.0 */

/* What the files of the pipeline share: how one flow is built.  For
 * lib/pipeline*.c only. */

#ifndef NVA_PIPELINE_PRIVATE_H
#define NVA_PIPELINE_PRIVATE_H 1

#include <netinet/icmp6.h>
#include <netinet/in.h>

#include "flow.h"
#include "openvswitch/meta-flow.h"
#include "openvswitch/ofp-actions.h"
#include "packets.h"
#include "pipeline.h"

/* Priorities within a table.  Higher wins; 0 is the miss.  Those of
 * other tables stand with who writes them. */
enum {
    PRIO_MISS = 0,

    CLASSIFY_TAG_0 = 300,               /* A first priority tag: popped. */
    CLASSIFY_TAG = 290,                 /* Any other: refused. */
    CLASSIFY_WARM = 280,                /* Frames that warm a neighbour. */
    CLASSIFY_TUNNEL = 270,
    CLASSIFY_LEFT_VN = 200,             /* A key of no VN that is served. */
    CLASSIFY_DETOUR = 180,              /* Above what looks at a MAC. */
    CLASSIFY_DETOUR_MAC = 170,
    CLASSIFY_VAP_MAC_METERED = 140,
    CLASSIFY_VAP_MAC = 130,
    CLASSIFY_VAP_METERED = 120,
    CLASSIFY_VAP = 110,
    CLASSIFY_NOBODY = 20,               /* Ports that no VM has. */
    CLASSIFY_UNBOUND = 10,              /* A port without a VAP: refused. */

    PRIO_ONLY = 10,                     /* Tables with one kind of flow. */
};

#define ICMP_ROUTER_SOLICIT 133         /* RFC 4861. */

/* What all NVEs have in ADMIT and REFUSE, but for their misses, and in
 * ADMIT_ND. */
void pipeline_base_admit(const struct pipeline *);
void pipeline_base_admit_nd(const struct pipeline *);
void pipeline_base_refuse(const struct pipeline *);

/* What all NVEs have in ADDRESS, but for its miss, and in REPLY_NS. */
void pipeline_base_address(const struct pipeline *);
void pipeline_base_reply_ns(const struct pipeline *);

/* Whoever has a flow with a meter has the meter: a flow that comes before it
 * is not limited by it, then or later, and the switch says nothing. */
void pipeline_use_meter(const struct pipeline *, uint32_t id);

/* ## One flow ## */

static inline void
start(const struct pipeline *p, enum nva_table table, int priority,
      struct nva_flow *f)
{
    nva_flow_init(f);
    ofpbuf_prealloc_tailroom(&f->actions, 512);
    f->table = table;
    f->priority = priority;
    f->cookie = p->cookie;
}

static inline void
finish(const struct pipeline *p, struct nva_flow *f)
{
    flow_set_add(p->out, f);
}

/* ...which refuses what it matches. */
static inline void put_refuse(struct ofpbuf *, enum pipeline_refusal);

static inline void
finish_refuse(const struct pipeline *p, enum pipeline_refusal why,
              struct nva_flow *f)
{
    put_refuse(&f->actions, why);
    finish(p, f);
}

static inline void
finish_goto(const struct pipeline *p, enum nva_table table,
            struct nva_flow *f)
{
    ofpact_put_GOTO_TABLE(&f->actions)->table_id = table;
    finish(p, f);
}

/* ## Matches ## */

static inline void
match_vn(struct nva_flow *f, uint32_t vni)
{
    match_set_reg(&f->match, 0, vni);
}

static inline void
match_port(struct nva_flow *f, nva_ofport port)
{
    match_set_in_port(&f->match, u16_to_ofp(port));
}

static const struct eth_addr group_bit = ETH_ADDR_C(01,00,00,00,00,00);

static inline void
match_multicast(struct nva_flow *f)
{
    match_set_dl_dst_masked(&f->match, group_bit, group_bit);
}

static inline void
match_arp(struct nva_flow *f, uint16_t op)
{
    match_set_dl_type(&f->match, htons(ETH_TYPE_ARP));
    match_set_nw_proto(&f->match, op);
}

static inline void
match_icmp6(struct nva_flow *f, uint8_t type)
{
    match_set_dl_type(&f->match, htons(ETH_TYPE_IPV6));
    match_set_nw_proto(&f->match, IPPROTO_ICMPV6);
    match_set_icmp_type(&f->match, type);
}

/* A neighbour discovery message that has not passed a router (G4). */
static inline void
match_nd(struct nva_flow *f, uint8_t type)
{
    match_icmp6(f, type);
    match_set_icmp_code(&f->match, 0);
    match_set_nw_ttl(&f->match, 255);
}

/* The link-layer address in an NS (SLL), or with 'na' in an NA (TLL); zero if
 * there is none.  Open vSwitch keeps it where ARP has its MACs. */
static inline void
match_lla(struct nva_flow *f, bool na, struct eth_addr mac,
          struct eth_addr mask)
{
    match_icmp6(f, na ? ND_NEIGHBOR_ADVERT : ND_NEIGHBOR_SOLICIT);
    match_set_icmp_code(&f->match, 0);
    if (na) {
        match_set_arp_tha_masked(&f->match, mac, mask);
    } else {
        match_set_arp_sha_masked(&f->match, mac, mask);
    }
}

/* ## Actions ## */

static inline void
put_output(struct ofpbuf *ofpacts, ofp_port_t port)
{
    ofpact_put_OUTPUT(ofpacts)->port = port;
}

/* To the NVA, the whole packet. */
static inline void
put_ask(struct ofpbuf *ofpacts)
{
    struct ofpact_output *output = ofpact_put_OUTPUT(ofpacts);

    output->port = OFPP_CONTROLLER;
    output->max_len = UINT16_MAX;
}

/* ...within what 'meter' allows. */
static inline void
put_ask_limited(const struct pipeline *p, struct ofpbuf *ofpacts,
                uint32_t meter)
{
    struct ofpact_controller *controller = ofpact_put_CONTROLLER(ofpacts);

    pipeline_use_meter(p, meter);
    controller->max_len = UINT16_MAX;
    controller->reason = OFPR_ACTION;
    controller->meter_id = meter;
    controller->provider_meter_id = UINT32_MAX;
    ofpact_finish_CONTROLLER(ofpacts, &controller);
}

static inline void
put_goto(struct ofpbuf *ofpacts, enum nva_table table)
{
    ofpact_put_GOTO_TABLE(ofpacts)->table_id = table;
}

static inline void
put_resubmit(struct ofpbuf *ofpacts, enum nva_table table)
{
    struct ofpact_resubmit *resubmit = ofpact_put_RESUBMIT(ofpacts);

    resubmit->in_port = OFPP_IN_PORT;
    resubmit->table_id = table;
}

static inline void
put_set(struct ofpbuf *ofpacts, enum mf_field_id field, const void *value)
{
    ofpact_put_set_field(ofpacts, mf_from_id(field), value, NULL);
}

static inline void
put_move_bits(struct ofpbuf *ofpacts, struct mf_subfield src,
              struct mf_subfield dst)
{
    struct ofpact_reg_move *move = ofpact_put_REG_MOVE(ofpacts);

    move->src = src;
    move->dst = dst;
}

static inline void
put_set_reg(struct ofpbuf *ofpacts, enum mf_field_id reg, uint32_t value_)
{
    ovs_be32 value = htonl(value_);

    put_set(ofpacts, reg, &value);
}

/* Dropped, and shown to the NVA under its port's meter. */
static inline void
put_refuse(struct ofpbuf *ofpacts, enum pipeline_refusal why)
{
    put_set_reg(ofpacts, MFF_REG3, why);
    put_goto(ofpacts, NVA_TABLE_REFUSE);
}

static inline void
put_set_vni(struct ofpbuf *ofpacts, uint32_t vni)
{
    put_set_reg(ofpacts, MFF_REG0, vni);
}

#endif /* pipeline-private.h */
