/* SPDX-License-Identifier: Apache-2.0 */

/* The bridges that are connected, by channel and by datapath id, with their
 * ports.  Claimed or not is the caller's word: 'nve' and 'session' are his to
 * set.  Knows no directory and sends nothing. */

#ifndef NVA_BRIDGES_H
#define NVA_BRIDGES_H 1

#include "delta.h"
#include "inlet.h"
#include "nva-types.h"
#include "openvswitch/hmap.h"

/* Named limits. */
enum {
    BRIDGE_PEER_MAX = 72,           /* Bytes of a peer's text. */
};

struct bridge {
    struct hmap_node channel_node;
    struct hmap_node dpid_node;
    void *channel;
    uint64_t dpid;
    uint64_t session;               /* New with each claim. */
    char peer[BRIDGE_PEER_MAX];
    struct in6_addr peer_ip;
    const char *openflow;           /* Its version, as text; static. */
    bool bundles;                   /* It has them. */
    struct hmap ports;              /* struct bridge_port, for a claim. */
    nva_id nve;                     /* NVA_ID_NONE: unclaimed. */
    bool reading;                   /* A read back is under way... */
    bool read_again;                /* ...and its result is of no use. */
    bool in_flight;                 /* A bundle is. */
    bool auditing;                  /* What is read back is an audit's. */
    uint64_t foreign_flows;         /* Found by the last read back. */
    uint64_t our_flows;             /* The same, with our cookies, if nobody
                                     * claims it; else of them those of
                                     * interfaces we do not know. */
    struct inlet *inlet;            /* What its packet-ins may cost. */
};

struct bridge_port {
    struct hmap_node node;          /* By name. */
    struct nva_port port;
};

struct bridges {
    struct hmap by_channel, by_dpid;
    size_t n_unclaimed;             /* Kept by who claims. */
};

void bridges_init(struct bridges *);
void bridges_uninit(struct bridges *);

/* NULL when there is none. */
struct bridge *bridges_by_channel(const struct bridges *, void *channel);
struct bridge *bridges_by_dpid(const struct bridges *, uint64_t dpid);

/* A new one, unclaimed; neither key may be there yet.  'peer' is copied, and
 * cut to BRIDGE_PEER_MAX. */
struct bridge *bridges_add(struct bridges *, void *channel, uint64_t dpid,
                           const char *peer);
void bridges_remove(struct bridges *, struct bridge *);

/* 'port' came, changed, or is 'gone'.  More than NVA_PORTS_PER_NVE_MAX are
 * ignored: a switch that invents ports. */
void bridge_put_port(struct bridge *, const struct nva_port *, bool gone);

/* Bytes that its ports take. */
size_t bridge_memory(const struct bridge *);

/* A copy of the ports, '*n' of them; the caller frees. */
struct nva_port *bridge_ports(const struct bridge *, size_t *n);

#endif /* bridges.h */
