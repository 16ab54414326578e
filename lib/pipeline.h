/* SPDX-License-Identifier: Apache-2.0 */

/* Tables, cookies, match and action templates of an NVE.  Says what one flow
 * looks like; intent says which flows there are.  Knows no directory. */

#ifndef NVA_PIPELINE_H
#define NVA_PIPELINE_H 1

#include "flow-set.h"
#include "nva-types.h"
#include "openvswitch/packets.h"

/* X(ENUM, number, name, what it does) in the order a packet meets them. */
#define NVA_TABLES                                                          \
    X(CLASSIFY, 0, "classify", "port -> VN (VAP); tunnel key -> VN")        \
    X(ADMIT, 10, "admit", "source addresses the port may use")              \
    X(ADMIT_ND, 11, "admit_nd", "addresses the port may use in ND")         \
    X(CLAIM, 15, "claim", "addresses that another has")                     \
    X(ROLE, 16, "role", "what only routers and DHCP servers say")           \
    X(ADDRESS, 20, "address", "ARP and ND answered or asked")               \
    X(REPLY_NS, 21, "reply_ns", "NA with TLL")                              \
    X(FORWARD, 30, "forward", "(VN, MAC) -> local port or tunnel")          \
    X(FLOOD, 31, "flood", "VN -> its local ports and its other NVEs")       \
    X(LOCAL, 32, "local", "VN -> its local ports")                          \
    X(PORT, 33, "port", "to the port in reg2, unless it gets no floods")    \
    X(REDIRECT, 40, "redirect", "(VN, MAC) of a VM that left")              \
    X(HOP, 41, "hop", "counts redirects in the tunnel key, sends")          \
    X(DELIVER, 50, "deliver", "from a tunnel: (VN, MAC) -> local port")     \
    X(HOLD, 60, "hold", "for a VM that stands still: to the NVA")           \
    X(RESET, 61, "reset", "TCP of a VM that left: the NVA resets it")       \
    X(REFUSE, 62, "refuse", "dropped; the NVA counts what reg3 says it is")

enum nva_table {
#define X(E, N, W, T) NVA_TABLE_##E = N,
    NVA_TABLES
#undef X
};

const char *nva_table_name(uint8_t table);      /* NULL if not one of ours. */

/* Cookie = application 8 | schema 8 | owner kind 4 | owner id 44. */
#define NVA_COOKIE_APP UINT64_C(0x4e)           /* 'N' */
#define NVA_COOKIE_SCHEMA UINT64_C(1)           /* Changes with templates. */
#define NVA_COOKIE_APP_MASK UINT64_C(0xff00000000000000)

uint64_t pipeline_cookie(struct nva_owner);
/* False if the cookie is not of our application ('*owner' unset) ; of another
 * schema: true with '*current_schema' false. */
bool pipeline_cookie_parse(uint64_t cookie, struct nva_owner *owner,
                           bool *current_schema);

/* Registers: reg0 = VNI, reg1 = redirect hops of a packet from a tunnel,
 * reg2 = the local port that a flooded packet is to leave by, reg3 = why a
 * frame is refused, reg4 = 1 if it had a priority tag. */

/* What a flow refuses, in reg3: X(ENUM, number, reason that is counted). */
#define PIPELINE_REFUSALS                                                   \
    X(TAG, 1, TAGGED)                   /* One priority tag alone may be. */\
    X(SOURCE, 2, BAD_MAC)               /* A MAC that no station has. */    \
    X(GROUP, 3, RESERVED_GROUP)         /* For the next bridge alone. */    \
    X(ND, 4, ND_FRAGMENT)               /* RFC 6980. */                     \
    X(CHAIN, 5, HEADER_CHAIN)           /* RFC 7112: not all there. */      \
    X(ADDRESS, 6, SPOOFED)              /* Another's, or not its own. */    \
    X(ROUTER, 7, NOT_ROUTER)            /* RFC 6105. */                     \
    X(DHCP, 8, NOT_DHCP_SERVER)         /* RFC 7610. */                     \
    X(OPTION, 9, FRAME_OPTION)          /* Two addresses where one may be. */\
    X(UNBOUND, 10, NO_VAP)              /* Nobody bound the port. */

enum pipeline_refusal {
#define X(ENUM, NUMBER, REASON) PIPELINE_REFUSE_##ENUM = NUMBER,
    PIPELINE_REFUSALS
#undef X
};

/* The reason of what REFUSE shows with 'reg3'; NOT_INTERESTING if it is no
 * refusal of ours. */
enum nva_reason pipeline_refusal_reason(uint32_t reg3);

/* Meter ids: a VAP's is its ofport; what else than ARP, ND and RARP of it is
 * shown has one of its own, PIPELINE_METER_DATA higher, so that it leaves the
 * announcements their share; what is shown of a VM that may send, because it
 * means that it is there now, another, PIPELINE_METER_SHOW higher;
 * PIPELINE_METER_STRAY for strays from tunnels,
 * PIPELINE_METER_HOLD for what is held, PIPELINE_METER_RESET for what is
 * reset, PIPELINE_METER_MISS for what VNs that pull have no flow for,
 * PIPELINE_METER_UNBOUND for what comes in at ports without a VAP. */
#define PIPELINE_METER_STRAY 0xff01
#define PIPELINE_METER_HOLD 0xff02
#define PIPELINE_METER_RESET 0xff03
#define PIPELINE_METER_MISS 0xff04
#define PIPELINE_METER_UNBOUND 0xff05
#define PIPELINE_METER_DATA 0x10000
#define PIPELINE_METER_SHOW 0x20000

/* Named limits of what a switch sends us, packets per second. */
enum {
    /* A VM that floods us with ARP, ND, RARP.  The burst lets the
     * announcements of a VM that has just moved through. */
    PIPELINE_VAP_RATE = 200,
    PIPELINE_VAP_BURST = 100,

    /* ...and with new source MACs, or with data from where it should not send
     * any. */
    PIPELINE_DATA_RATE = 100,
    PIPELINE_DATA_BURST = 100,

    /* A VM that comes to where it is prepared: one frame says so, and what
     * follows costs its NVE and the NVA time just as they are to switch. */
    PIPELINE_SHOW_RATE = 50,
    PIPELINE_SHOW_BURST = 1,

    /* A VM, or whoever can send into a tunnel, that makes up destinations. */
    PIPELINE_STRAY_RATE = 100,
    PIPELINE_STRAY_BURST = 100,

    /* Whoever floods a VM that is held: all VMs that an NVE holds for, and
     * more than a session carries comfortably is not asked for. */
    PIPELINE_HOLD_RATE = 30000,
    PIPELINE_HOLD_BURST = 30000,

    /* Whoever makes up segments to have them answered.  A peer whose segment
     * is dropped here sends it again. */
    PIPELINE_RESET_RATE = 500,
    PIPELINE_RESET_BURST = 500,

    /* VMs of an NVE that begin to talk to others, or make up destinations, in
     * VNs that pull.  What is above it loses its first packets; questions
     * (ARP, ND) are not counted here and pull, too. */
    PIPELINE_MISS_RATE = 1000,
    PIPELINE_MISS_BURST = 1000,

    /* Whoever speaks at ports that nobody bound.  One frame of each says so;
     * a port that floods may hide another for a while. */
    PIPELINE_UNBOUND_RATE = 10,
    PIPELINE_UNBOUND_BURST = 20,

    /* Local ports of one VN at one NVE that get its floods.  With
     * NVA_NVES_PER_VN_MAX tunnels the list still fits in one flow mod (64 kB)
     * and in 64 kB of datapath actions (8 bytes for a port, about 84 for a
     * tunnel), past which Open vSwitch drops the rest of it silently. */
    PIPELINE_FLOOD_PORTS_MAX = 512,
};

/* ## Templates ##
 *
 * Each adds flows (and the meters they use) of one owner to a flow set.  Ports
 * are OpenFlow port numbers of the present session; NVA_OFPORT_NONE where one
 * may be missing: then the flow drops, never mentions it.  A flow that is in
 * the set already is left as it is. */

struct pipeline {
    struct flow_set *out;
    uint64_t cookie;                    /* Of the owner. */
    nva_ofport tunnel;                  /* NVA_OFPORT_NONE: has none. */
};

/* What all NVEs have: tags, table misses, ARP/ND evidence, hop counts, the
 * meter for strays. */
void pipeline_base(const struct pipeline *);

/* Frames from a tunnel with the key of 'vni', however often redirected.
 * Nothing without a tunnel port. */
void pipeline_vn_tunnel(const struct pipeline *, uint32_t vni);

/* Where broadcast, unknown unicast and multicast of a VN go (head-end
 * replication).  'ports' without duplicates, at most
 * PIPELINE_FLOOD_PORTS_MAX; 'nves' are tunnel addresses. */
struct pipeline_flood {
    size_t n_ports, n_nves;
    const nva_ofport *ports;
    const struct in6_addr *nves;
    bool unknown;                       /* What came from a tunnel for a MAC
                                         * that nobody knows, too. */
};
void pipeline_vn_flood(const struct pipeline *, uint32_t vni,
                       const struct pipeline_flood *);

/* None of them leaves by 'port', which is in its flood list. */
void pipeline_quiet(const struct pipeline *, uint32_t vni, nva_ofport port,
                    bool show);

/* A unicast MAC that nobody knows: the NVA is asked (in a VN that pulls: for
 * each first packet), it is flooded, or dropped. */
enum pipeline_unknown {
    PIPELINE_ASK, PIPELINE_PULL, PIPELINE_FLOOD, PIPELINE_DROP
};
void pipeline_vn_unknown_unicast(const struct pipeline *, uint32_t vni,
                                 enum pipeline_unknown);

/* An ARP request or NS for an address that nobody has: the NVA is asked; with
 * 'flood' the VN, too (F5). */
void pipeline_vn_unknown_question(const struct pipeline *, uint32_t vni,
                                  bool flood);

/* A VAP: what comes from 'port' ('mac' not NULL: with this source) is of the
 * VN.  Its meter.  'strict': a source no TSI has there is dropped and shown
 * to the NVA, else shown and let through.  What is refused of it is shown. */
void pipeline_vap(const struct pipeline *, uint32_t vni, nva_ofport port,
                  const struct eth_addr *mac, bool strict);

/* The same VAP floods: its ARP, ND and RARP, or all it sends, goes to the NVA
 * (limited), without a look at more than the port (and 'mac'). */
void pipeline_detour(const struct pipeline *, nva_ofport port,
                     const struct eth_addr *mac, bool all);

/* A TSI: 'mac' in 'vni'. */
struct pipeline_tsi {
    uint32_t vni;
    struct eth_addr mac;
};

/* What comes from a tunnel for it goes out of 'port'. */
void pipeline_deliver(const struct pipeline *, const struct pipeline_tsi *,
                      nva_ofport port);

/* What comes from a tunnel for it, or what local ports send it, goes to the
 * NVA, which holds it. */
void pipeline_deliver_hold(const struct pipeline *,
                           const struct pipeline_tsi *);
void pipeline_forward_hold(const struct pipeline *,
                           const struct pipeline_tsi *);

/* What local ports send it goes out of 'port', or to the NVE at 'tunnel_ip'
 * (which must be known; nothing without a tunnel port). */
void pipeline_forward_local(const struct pipeline *,
                            const struct pipeline_tsi *, nva_ofport port);
void pipeline_forward_tunnel(const struct pipeline *,
                             const struct pipeline_tsi *,
                             const struct in6_addr *tunnel_ip);

/* The same for an NVE that asked: for 'seconds' at most, and no longer than
 * 'idle' seconds without use (RFC 8171 s3). */
void pipeline_forward_pulled(const struct pipeline *,
                             const struct pipeline_tsi *,
                             const struct in6_addr *tunnel_ip,
                             uint16_t seconds, uint16_t idle);
/* What local ports send it is dropped for 'seconds': nobody has the MAC. */
void pipeline_absent(const struct pipeline *, const struct pipeline_tsi *,
                     uint16_t seconds);

/* It may send from 'port'; 'show': the NVA sees what it sends (limited),
 * because it may mean that the VM has moved. */
void pipeline_admit(const struct pipeline *, const struct pipeline_tsi *,
                    nva_ofport port, bool show);
/* From there ARP and ND are admitted only with its own addresses (D15): adds
 * the flows for '*ip', and for addresses every host may use when 'ip' is
 * NULL. */
void pipeline_admit_address(const struct pipeline *,
                            const struct pipeline_tsi *, nva_ofport port,
                            bool show, const struct in6_addr *ip);

/* ...and data with an IP source that is not its own is dropped and shown: the
 * same for '*ip', and for sources every host may use when 'ip' is NULL. */
void pipeline_admit_source(const struct pipeline *,
                           const struct pipeline_tsi *, nva_ofport port,
                           bool show, const struct in6_addr *ip);

/* In 'vni' only who is allowed to says what routers (RA, redirects) and DHCP
 * servers say (RFC 6105, 7610); and one that is, from 'port': 'roles' is a set
 * of enum nva_role bits. */
void pipeline_vn_roles(const struct pipeline *, uint32_t vni);
void pipeline_admit_roles(const struct pipeline *,
                          const struct pipeline_tsi *, nva_ofport port,
                          unsigned int roles);

/* 'ip' is another's than those who say in ARP or ND that it is theirs, or if
 * 'data' send from it: refused.  Not with the MAC of 'tsi', which says so of
 * itself alone. */
void pipeline_claim_refuse(const struct pipeline *, uint32_t vni,
                           const struct in6_addr *ip, bool data);
void pipeline_claim_own(const struct pipeline *, const struct pipeline_tsi *,
                        const struct in6_addr *ip);

/* Where questions teach addresses, and it may be at 'port': what asks, by ARP
 * or ND, from an address that is neither its own '*ip' nor another's is shown
 * to the NVA and goes on.  Adds the flows for '*ip', and the others, with what
 * has no address, when 'ip' is NULL. */
void pipeline_claim_asking(const struct pipeline *,
                           const struct pipeline_tsi *, nva_ofport port,
                           const struct in6_addr *ip);

/* ARP (RFC 9161 F1, F2) or ND questions for 'ip', which is its address. */
void pipeline_address(const struct pipeline *, const struct pipeline_tsi *,
                      const struct in6_addr *ip);

/* The same 'ip' may be announced by others, who take it over: they are shown
 * to the NVA instead of being answered, and not told that it is in use. */
void pipeline_address_shared(const struct pipeline *,
                             const struct pipeline_tsi *,
                             const struct in6_addr *ip);

/* At its own 'port' the interface hears a question for 'ip' itself, whatever
 * MAC it has by now: only shown to the NVA (RFC 9161 s3.3, F2). */
void pipeline_address_own_port(const struct pipeline *,
                               const struct pipeline_tsi *, nva_ofport port,
                               const struct in6_addr *ip);

/* It has 'ip' by its own word alone: what others announce of it is shown to
 * the NVA, and goes nowhere (RFC 9161 s3.7, F7). */
void pipeline_address_learned(const struct pipeline *,
                              const struct pipeline_tsi *,
                              const struct in6_addr *ip);

/* What comes from a tunnel for it goes on to the NVE at 'tunnel_ip' for
 * 'seconds', unless it was redirected NVA_REDIRECT_HOPS_MAX times before.
 * Nothing without a tunnel port. */
void pipeline_redirect(const struct pipeline *, const struct pipeline_tsi *,
                       const struct in6_addr *tunnel_ip, uint16_t seconds);

/* TCP segments for it that 'table' (FORWARD, REDIRECT, DELIVER) meets go to
 * the NVA, which resets their connection (D18), for 'seconds' (0: no timeout):
 * but for resets, and for those that begin a connection. */
void pipeline_reset(const struct pipeline *, const struct pipeline_tsi *,
                    enum nva_table, uint16_t seconds);

/* ## Packet-outs: append ofpacts. ## */

void pipeline_out_port(nva_ofport port, struct ofpbuf *ofpacts);
/* As a local port of the VN would send it. */
void pipeline_out_forward(uint32_t vni, struct ofpbuf *ofpacts);
/* 'vni' 0: a key no NVE uses (warm-up). */
void pipeline_out_tunnel(nva_ofport tunnel, const struct in6_addr *tunnel_ip,
                         uint32_t vni, struct ofpbuf *ofpacts);
/* Through the VN's flood list, but for the port it came in at. */
void pipeline_out_flood(uint32_t vni, nva_ofport port, struct ofpbuf *ofpacts);
/* On from where a frame that came in at a VAP's 'port' is of the VN. */
void pipeline_out_admit(uint32_t vni, nva_ofport port,
                        struct ofpbuf *ofpacts);

#endif /* pipeline.h */
