/* SPDX-License-Identifier: Apache-2.0 */

/* A keyed set of flows: one per (table, priority, match), as in a switch.
 * Knows OpenFlow's matches and actions; must never know why a flow exists.
 *
 * Invariant: a flow and the same flow as a switch shows it hash alike.  So the
 * hash is taken from what survives the wire: of the match the masked fields,
 * of the actions their OpenFlow 1.5 encoding (7.2.5 of the specification). */

#include "flow-set.h"

#include "openvswitch/dynamic-string.h"
#include "openvswitch/hmap.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/util.h"
#include "util.h"

struct flow_node {
    struct hmap_node hmap_node;         /* In flow_set's 'index'. */
    struct nva_flow flow;
};

struct flow_set {
    struct hmap index;                  /* By (table, priority, match). */
    struct flow_node **flows;           /* In the order of addition. */
    size_t n_flows, allocated_flows;
    struct nva_meter *meters;
    size_t n_meters, allocated_meters;
};

static const struct match *canonical(const struct match *,
                                     struct match *stub);
static uint64_t mix(uint64_t hash, uint64_t value);
static uint64_t key_hash(uint8_t table, uint16_t priority,
                         const struct match *);
static uint64_t actions_hash(const struct ofpbuf *ofpacts, uint64_t hash);
static const struct flow_node *find(const struct flow_set *, uint64_t hash,
                                    uint8_t table, uint16_t priority,
                                    const struct match *canonical);

void
nva_flow_init(struct nva_flow *flow)
{
    flow->table = 0;
    flow->priority = 0;
    flow->idle_timeout = 0;
    flow->hard_timeout = 0;
    flow->send_flow_removed = false;
    flow->cookie = 0;
    match_init_catchall(&flow->match);
    ofpbuf_init(&flow->actions, 0);
}

void
nva_flow_uninit(struct nva_flow *flow)
{
    ofpbuf_uninit(&flow->actions);
}

struct flow_set *
flow_set_create(void)
{
    struct flow_set *set = xzalloc(sizeof *set);

    hmap_init(&set->index);
    return set;
}

void
flow_set_destroy(struct flow_set *set)
{
    if (set) {
        flow_set_clear(set);
        hmap_destroy(&set->index);
        free(set->flows);
        free(set->meters);
        free(set);
    }
}

void
flow_set_clear(struct flow_set *set)
{
    hmap_clear(&set->index);
    for (size_t i = 0; i < set->n_flows; i++) {
        nva_flow_uninit(&set->flows[i]->flow);
        free(set->flows[i]);
    }
    set->n_flows = 0;
    set->n_meters = 0;
}

bool
flow_set_add(struct flow_set *set, struct nva_flow *flow)
{
    struct match stub;
    const struct match *match = canonical(&flow->match, &stub);
    uint64_t hash = key_hash(flow->table, flow->priority, match);
    struct flow_node *node;

    if (find(set, hash, flow->table, flow->priority, match)) {
        nva_flow_uninit(flow);
        return false;
    }

    node = xmalloc(sizeof *node);
    node->flow = *flow;
    if (match != &flow->match) {
        node->flow.match = *match;
    }
    hmap_insert(&set->index, &node->hmap_node, hash);
    if (set->n_flows >= set->allocated_flows) {
        set->flows = x2nrealloc(set->flows, &set->allocated_flows,
                                sizeof *set->flows);
    }
    set->flows[set->n_flows++] = node;
    return true;
}

void
flow_set_add_meter(struct flow_set *set, struct nva_meter meter)
{
    for (size_t i = 0; i < set->n_meters; i++) {
        if (set->meters[i].id == meter.id) {
            set->meters[i] = meter;
            return;
        }
    }
    if (set->n_meters >= set->allocated_meters) {
        set->meters = x2nrealloc(set->meters, &set->allocated_meters,
                                 sizeof *set->meters);
    }
    set->meters[set->n_meters++] = meter;
}

size_t
flow_set_n(const struct flow_set *set)
{
    return set->n_flows;
}

const struct nva_flow *
flow_set_at(const struct flow_set *set, size_t i)
{
    ovs_assert(i < set->n_flows);
    return &set->flows[i]->flow;
}

const struct nva_flow *
flow_set_find(const struct flow_set *set, uint8_t table, uint16_t priority,
              const struct match *match)
{
    const struct flow_node *node;
    struct match stub;

    match = canonical(match, &stub);
    node = find(set, key_hash(table, priority, match), table, priority, match);
    return node ? &node->flow : NULL;
}

size_t
flow_set_n_meters(const struct flow_set *set)
{
    return set->n_meters;
}

const struct nva_meter *
flow_set_meter(const struct flow_set *set, size_t i)
{
    ovs_assert(i < set->n_meters);
    return &set->meters[i];
}

uint64_t
nva_flow_hash(const struct nva_flow *flow)
{
    struct match stub;
    const struct match *match = canonical(&flow->match, &stub);
    uint64_t hash = key_hash(flow->table, flow->priority, match);

    hash = mix(hash, flow->cookie);
    hash = mix(hash, flow->send_flow_removed);
    return actions_hash(&flow->actions, hash);
}

bool
flow_set_is_timed(const struct flow_set *set)
{
    for (size_t i = 0; i < set->n_flows; i++) {
        if (set->flows[i]->flow.hard_timeout) {
            return true;
        }
    }
    return false;
}

uint64_t
nva_flow_key_hash(const struct nva_flow *flow)
{
    struct match stub;

    return key_hash(flow->table, flow->priority,
                    canonical(&flow->match, &stub));
}

uint64_t
flow_set_hash(const struct flow_set *set)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < set->n_flows; i++) {
        sum += nva_flow_hash(&set->flows[i]->flow);
    }
    return sum;
}

void
flow_set_diff(const struct flow_set *a, const struct flow_set *b,
              flow_diff_cb *cb, void *aux)
{
    for (size_t i = 0; i < a->n_flows; i++) {
        const struct nva_flow *fa = &a->flows[i]->flow;
        const struct nva_flow *fb
            = flow_set_find(b, fa->table, fa->priority, &fa->match);

        if (!fb) {
            cb(FLOW_ONLY_A, fa, NULL, aux);
        } else if (nva_flow_hash(fa) != nva_flow_hash(fb)) {
            cb(FLOW_DIFFERS, fa, fb, aux);
        }
    }
    for (size_t i = 0; i < b->n_flows; i++) {
        const struct nva_flow *fb = &b->flows[i]->flow;

        if (!flow_set_find(a, fb->table, fb->priority, &fb->match)) {
            cb(FLOW_ONLY_B, NULL, fb, aux);
        }
    }
}

void
nva_flow_format(const struct nva_flow *flow, struct ds *s)
{
    struct ofpact_format_params params = { .s = s };

    ds_put_format(s, "cookie=0x%"PRIx64", table=%"PRIu8", ",
                  flow->cookie, flow->table);
    if (flow->idle_timeout) {
        ds_put_format(s, "idle_timeout=%"PRIu16", ", flow->idle_timeout);
    }
    if (flow->hard_timeout) {
        ds_put_format(s, "hard_timeout=%"PRIu16", ", flow->hard_timeout);
    }
    if (flow->send_flow_removed) {
        ds_put_cstr(s, "send_flow_rem ");
    }
    match_format(&flow->match, NULL, s, flow->priority);
    ds_put_cstr(s, " actions=");
    ofpacts_format(flow->actions.data, flow->actions.size, &params);
}

/* A match on any Ethernet field comes back from a switch with the packet type
 * that it implies (Ethernet) spelled out.  Returns 'match' without it, in
 * 'stub' if it had it. */
static const struct match *
canonical(const struct match *match, struct match *stub)
{
    if (!match_has_default_packet_type(match)) {
        return match;
    }
    *stub = *match;
    stub->flow.packet_type = 0;
    stub->wc.masks.packet_type = 0;
    return stub;
}

/* Folds 'value' into 'hash'. */
static uint64_t
mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 32);
}

/* Only words with a mask count: what a match leaves open may hold anything
 * (a pointer, even) in one that was decoded. */
static uint64_t
key_hash(uint8_t table, uint16_t priority, const struct match *match)
{
    const uint64_t *masks = (const uint64_t *) &match->wc.masks;
    const uint64_t *values = (const uint64_t *) &match->flow;
    uint64_t hash = mix(0, (uint64_t) table << 16 | priority);

    for (size_t i = 0; i < FLOW_U64S; i++) {
        if (masks[i]) {
            hash = mix(hash, i);
            hash = mix(hash, masks[i]);
            hash = mix(hash, values[i] & masks[i]);
        }
    }
    return hash;
}

static uint64_t
actions_hash(const struct ofpbuf *ofpacts, uint64_t hash)
{
    uint64_t stub[1024 / sizeof(uint64_t)];
    struct ofpbuf wire = OFPBUF_STUB_INITIALIZER(stub);

    ofpacts_put_openflow_instructions(ofpacts->data, ofpacts->size, &wire,
                                      OFP15_VERSION);
    for (size_t ofs = 0; ofs < wire.size; ofs += sizeof(uint64_t)) {
        uint64_t word = 0;

        memcpy(&word, (const char *) wire.data + ofs,
               MIN(sizeof word, wire.size - ofs));
        hash = mix(hash, word);
    }
    hash = mix(hash, wire.size);
    ofpbuf_uninit(&wire);
    return hash;
}

static const struct flow_node *
find(const struct flow_set *set, uint64_t hash, uint8_t table,
     uint16_t priority, const struct match *match)
{
    const struct flow_node *node;

    HMAP_FOR_EACH_WITH_HASH (node, hmap_node, hash, &set->index) {
        if (node->flow.table == table && node->flow.priority == priority
            && match_equal(&node->flow.match, match)) {
            return node;
        }
    }
    return NULL;
}
