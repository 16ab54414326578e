/* SPDX-License-Identifier: Apache-2.0 */

/* A keyed set of flows (and the meters they need), with a canonical hash.
 * Knows nothing of owners or networks. */

#ifndef NVA_FLOW_SET_H
#define NVA_FLOW_SET_H 1

#include "nva-types.h"
#include "openvswitch/match.h"
#include "openvswitch/ofpbuf.h"

/* One flow.  'actions' holds ofpacts and is owned by the flow. */
struct nva_flow {
    uint8_t table;
    uint16_t priority;
    uint16_t idle_timeout;              /* Seconds, 0: none. */
    uint16_t hard_timeout;              /* Seconds, 0: none. */
    bool send_flow_removed;
    uint64_t cookie;
    struct match match;
    struct ofpbuf actions;
};

void nva_flow_init(struct nva_flow *);          /* match-all, no actions. */
void nva_flow_uninit(struct nva_flow *);

/* A packet meter in packets per second. */
struct nva_meter {
    uint32_t id;
    uint32_t rate, burst;
};

struct flow_set;

struct flow_set *flow_set_create(void);
void flow_set_destroy(struct flow_set *);
void flow_set_clear(struct flow_set *);

/* Takes '*flow' (its actions are moved).  False, and '*flow' is freed, if a
 * flow of the same (table, priority, match) is there already. */
bool flow_set_add(struct flow_set *, struct nva_flow *flow);
void flow_set_add_meter(struct flow_set *, struct nva_meter);

size_t flow_set_n(const struct flow_set *);
/* In the order of addition, 0 <= i < flow_set_n(). */
const struct nva_flow *flow_set_at(const struct flow_set *, size_t i);
const struct nva_flow *flow_set_find(const struct flow_set *, uint8_t table,
                                     uint16_t priority, const struct match *);
size_t flow_set_n_meters(const struct flow_set *);
const struct nva_meter *flow_set_meter(const struct flow_set *, size_t i);

/* 64-bit hash of one flow as a switch would show it: table, priority, match,
 * actions (in OpenFlow 1.5 wire form), flow-removed flag, cookie.  The
 * timeouts are left out: they run. */
uint64_t nva_flow_hash(const struct nva_flow *);

/* 64-bit hash of its (table, priority, match): flows of which a table holds
 * one. */
uint64_t nva_flow_key_hash(const struct nva_flow *);

/* True if some flow of it ends by itself: to write it again is to restart its
 * clocks. */
bool flow_set_is_timed(const struct flow_set *);

/* Sum of its flows' hashes: independent of order; 0 when empty. */
uint64_t flow_set_hash(const struct flow_set *);

/* Calls 'cb' for each flow in only one of the sets, or different in both. */
enum flow_diff { FLOW_ONLY_A, FLOW_ONLY_B, FLOW_DIFFERS };
typedef void flow_diff_cb(enum flow_diff, const struct nva_flow *a,
                          const struct nva_flow *b, void *aux);
void flow_set_diff(const struct flow_set *a, const struct flow_set *b,
                   flow_diff_cb *, void *aux);

/* Formats like ovs-ofctl: "table=5, priority=10,... actions=...". */
struct ds;
void nva_flow_format(const struct nva_flow *, struct ds *);

#endif /* flow-set.h */
