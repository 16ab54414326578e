/* SPDX-License-Identifier: Apache-2.0 */

/* ARP and ND at an NVE: answered there, asked of the NVA, or shown to it.
 *
 * Knows ADDRESS and REPLY_NS; must never know a directory, nor who may send
 * from a port, which ADMIT has said before.  Invariant: an answer goes out of
 * the port that its question came in at and nowhere else; a question to all
 * for an address that somebody has goes on into the VN only from its owner, or
 * where the address is shared.
 *
 * RFC 9161 s3 (F1-F3, F5, F7); RFC 4861 s7.2; RFC 5227 (H4). */

#include "pipeline-private.h"

/* Priorities in ADDRESS. */
enum {
    ADDRESS_NVA_ASKED = 70,             /* Answers to the NVA's probes. */
    ADDRESS_NVA = 60,                   /* Anything else to its MAC. */
    ADDRESS_SHARED = 55,                /* Who has it from now on says so. */
    ADDRESS_OWNER = 50,                 /* The owner asks for itself (H4). */
    ADDRESS_CLAIM = 45,                 /* Another says that it has it. */
    ADDRESS_DAD = 40,
    ADDRESS_OWN_PORT = 35,              /* The owner hears it itself. */
    ADDRESS_NO_SLL = 30,
    ADDRESS_ANSWER = 20,
    ADDRESS_UNKNOWN = 10,
    ADDRESS_EVIDENCE = 10,
};

static void base_answer(const struct pipeline *);
static void base_evidence(const struct pipeline *);
static void address_v4(const struct pipeline *, const struct pipeline_tsi *,
                       ovs_be32 ip);
static void address_v6(const struct pipeline *, const struct pipeline_tsi *,
                       const struct in6_addr *ip);
static void start_ns(const struct pipeline *, const struct pipeline_tsi *,
                     const struct in6_addr *ip, int priority,
                     struct nva_flow *);
static void put_move(struct ofpbuf *, enum mf_field_id src,
                     enum mf_field_id dst);

void
pipeline_base_address(const struct pipeline *p)
{
    base_answer(p);
    base_evidence(p);
}

/* The second half of an answer to an NS: nd_tll has a prerequisite that only
 * a match of this table gives.  The Ethernet source is the owner's already. */
void
pipeline_base_reply_ns(const struct pipeline *p)
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
        put_ask(&f.actions);
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
        put_ask(&f.actions);
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
pipeline_address_own_port(const struct pipeline *p,
                          const struct pipeline_tsi *tsi, nva_ofport port,
                          const struct in6_addr *ip)
{
    struct nva_flow f;

    if (port == NVA_OFPORT_NONE) {
        return;
    }
    if (nva_ip_is_v4(ip)) {
        start(p, NVA_TABLE_ADDRESS, ADDRESS_OWN_PORT, &f);
        match_vn(&f, tsi->vni);
        match_multicast(&f);
        match_arp(&f, ARP_OP_REQUEST);
        match_set_nw_dst(&f.match, in6_addr_get_mapped_ipv4(ip));
    } else {
        start_ns(p, tsi, ip, ADDRESS_OWN_PORT, &f);
    }
    match_port(&f, port);
    put_ask(&f.actions);
    finish(p, &f);
}

/* ## What all NVEs have ## */

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

/* Answers and announcements, which the NVA learns from: D2, D4, D7. */
static void
base_evidence(const struct pipeline *p)
{
    struct nva_flow f;

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

/* ## Address ## */

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

/* The whole of 'src' into 'dst'. */
static void
put_move(struct ofpbuf *ofpacts, enum mf_field_id src, enum mf_field_id dst)
{
    struct mf_subfield from = { mf_from_id(src), 0, mf_from_id(src)->n_bits };
    struct mf_subfield to = { mf_from_id(dst), 0, mf_from_id(dst)->n_bits };

    put_move_bits(ofpacts, from, to);
}
