/* SPDX-License-Identifier: Apache-2.0 */

/* A switch in memory.  Decodes and encodes with libopenvswitch, so that what
 * nvad sends is judged by the code that real switches run. */

#include <config.h>

#include "fake-switch.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "flow-set.h"
#include "flow.h"
#include "hash.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/hmap.h"
#include "openvswitch/match.h"
#include "openvswitch/meta-flow.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofp-bundle.h"
#include "openvswitch/ofp-connection.h"
#include "openvswitch/ofp-errors.h"
#include "openvswitch/ofp-flow.h"
#include "openvswitch/ofp-meter.h"
#include "openvswitch/ofp-monitor.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofp-packet.h"
#include "openvswitch/ofp-port.h"
#include "openvswitch/ofp-print.h"
#include "openvswitch/ofp-switch.h"
#include "openvswitch/ofp-util.h"
#include "openvswitch/vconn.h"
#include "packets.h"
#include "svec.h"
#include "util.h"

enum {
    PORTS_MAX = 1024, METERS_MAX = 1024,
    MAX_DEPTH = 64, MAX_STAGED = 4096, MAX_CACHED = 4096, MAX_OUTS = 64
};

struct rule {
    struct nva_flow flow;
    struct minimatch match;
    uint64_t hash;                      /* nva_flow_hash() or 0: not yet. */
    nva_usec added, used;
};

struct port {
    nva_ofport ofport;
    char name[NVA_PORT_NAME_MAX];
};

/* One output of a decision. */
struct out {
    nva_ofport port;                    /* OFPP_CONTROLLER: a packet-in. */
    uint64_t tun_id;
    struct in6_addr tun_dst;
    uint8_t table;
    uint32_t refusal;                   /* reg3. */
    uint64_t cookie;
    bool rewritten;
};

/* A decision. */
struct decision {
    uint64_t idle_cookie;               /* Of a flow used that may idle. */
    size_t n, allocated;
    struct out *outs;
};

/* A decision as the datapath caches it. */
struct cached {
    struct hmap_node node;              /* In fake_switch's 'cache'. */
    nva_ofport in_port;
    uint64_t tun_id;
    struct eth_addr src, dst;
    ovs_be16 eth_type;
    size_t n_changes;                   /* Of the tables, when it was made. */
    struct decision decision;
};

/* A flow mod of the open bundle. */
struct staged {
    struct ofputil_flow_mod fm;
    struct ofpbuf ofpacts;
    struct ofpbuf *msg;                 /* As it came, for an error. */
};

struct fake_switch {
    char *name;
    uint64_t dpid;
    enum ofp_version version;
    bool no_bundles;
    bool nx_match;                      /* First fragments have ports. */
    nva_usec lag;
    struct fake_switch_ops ops;
    struct ofpbuf in, out;
    size_t n_rules, allocated_rules;
    struct rule **rules;                /* By table, then priority down. */
    size_t n_timeouts;                  /* Rules with a hard timeout. */
    size_t n_ports;
    struct port ports[PORTS_MAX];
    size_t n_meters;
    struct ofputil_meter_config meters[METERS_MAX];
    struct ofputil_meter_band bands[METERS_MAX];

    bool open;                          /* A bundle is. */
    uint32_t bundle;
    size_t n_staged;
    struct staged *staged[MAX_STAGED];

    struct hmap cache;
    size_t n_changes, allocated_changes;
    nva_usec *changes;                  /* When the tables changed. */
    int refuse_commits, break_adds;
    size_t n_mods;
};

struct exec {
    struct fake_switch *sw;
    struct flow flow;
    const struct sim_packet *packet;
    bool rewritten;
    struct decision *decision;
};

static void handle(struct fake_switch *, const struct ofp_header *,
                   nva_usec now);
static void exec_actions(struct exec *, const struct ofpact *, size_t,
                         uint8_t table, uint64_t cookie, int depth);
static void execute(struct exec *, uint8_t table, int depth);
static void emit(struct exec *);

struct fake_switch *
fake_switch_create(const char *name, uint64_t dpid, nva_usec lag,
                   const struct fake_switch_ops *ops)
{
    struct fake_switch *sw = xzalloc(sizeof *sw);

    sw->name = xstrdup(name);
    sw->dpid = dpid;
    sw->version = OFP15_VERSION;
    sw->lag = lag;
    sw->ops = *ops;
    hmap_init(&sw->cache);
    ofpbuf_init(&sw->in, 0);
    ofpbuf_init(&sw->out, 0);
    return sw;
}

static void
rule_free(struct rule *r)
{
    nva_flow_uninit(&r->flow);
    minimatch_destroy(&r->match);
    free(r);
}

static void
forget_decisions(struct fake_switch *sw)
{
    struct cached *c;

    HMAP_FOR_EACH_POP (c, node, &sw->cache) {
        free(c->decision.outs);
        free(c);
    }
}

static void
staged_free(struct staged *st)
{
    minimatch_destroy(&st->fm.match);
    ofpbuf_uninit(&st->ofpacts);
    ofpbuf_delete(st->msg);
    free(st);
}

static void
drop_bundle(struct fake_switch *sw)
{
    for (size_t i = 0; i < sw->n_staged; i++) {
        staged_free(sw->staged[i]);
    }
    sw->n_staged = 0;
    sw->open = false;
}

void
fake_switch_destroy(struct fake_switch *sw)
{
    if (sw) {
        fake_switch_clear(sw);
        drop_bundle(sw);
        ofpbuf_uninit(&sw->in);
        ofpbuf_uninit(&sw->out);
        free(sw->rules);
        hmap_destroy(&sw->cache);
        free(sw->changes);
        free(sw->name);
        free(sw);
    }
}

const char *
fake_switch_name(const struct fake_switch *sw)
{
    return sw->name;
}

/* ## Ports ## */

static void
say(struct fake_switch *sw, struct ofpbuf *msg)
{
    ofpmsg_update_length(msg);
    ofpbuf_put(&sw->out, msg->data, msg->size);
    ofpbuf_delete(msg);
}

static enum ofputil_protocol
protocol(const struct fake_switch *sw)
{
    return ofputil_protocol_from_ofp_version(sw->version);
}

static void
port_desc(const struct port *port, struct ofputil_phy_port *pp)
{
    memset(pp, 0, sizeof *pp);
    pp->port_no = OFP_PORT_C(port->ofport);
    pp->hw_addr = (struct eth_addr) ETH_ADDR_C(fe, 0, 0, 0, 0, 1);
    ovs_strlcpy(pp->name, port->name, sizeof pp->name);
}

static void
port_status(struct fake_switch *sw, const struct port *port,
            enum ofp_port_reason reason)
{
    struct ofputil_port_status ps = { .reason = reason };

    port_desc(port, &ps.desc);
    say(sw, ofputil_encode_port_status(&ps, protocol(sw)));
}

void
fake_switch_add_port(struct fake_switch *sw, nva_ofport ofport,
                     const char *name)
{
    struct port *port = &sw->ports[sw->n_ports++];

    ovs_assert(sw->n_ports <= ARRAY_SIZE(sw->ports));
    port->ofport = ofport;
    ovs_strlcpy(port->name, name, sizeof port->name);
    port_status(sw, port, OFPPR_ADD);
}

void
fake_switch_del_port(struct fake_switch *sw, const char *name)
{
    for (size_t i = 0; i < sw->n_ports; i++) {
        if (!strcmp(sw->ports[i].name, name)) {
            port_status(sw, &sw->ports[i], OFPPR_DELETE);
            sw->ports[i] = sw->ports[--sw->n_ports];
            return;
        }
    }
    OVS_NOT_REACHED();
}

static const struct port *
find_port(const struct fake_switch *sw, nva_ofport ofport)
{
    for (size_t i = 0; i < sw->n_ports; i++) {
        if (sw->ports[i].ofport == ofport) {
            return &sw->ports[i];
        }
    }
    return NULL;
}

static bool
is_tunnel(const struct fake_switch *sw, nva_ofport ofport)
{
    const struct port *port = find_port(sw, ofport);

    return port && !strncmp(port->name, "vx", 2);
}

/* ## Connection ## */

void
fake_switch_connect(struct fake_switch *sw)
{
    drop_bundle(sw);
    ofpbuf_clear(&sw->in);
    ofpbuf_clear(&sw->out);
    say(sw, ofputil_encode_hello(1u << sw->version));
}

void
fake_switch_speak(struct fake_switch *sw, uint8_t version, bool bundles)
{
    sw->version = version;
    sw->no_bundles = !bundles;
}

void
fake_switch_clear(struct fake_switch *sw)
{
    for (size_t i = 0; i < sw->n_rules; i++) {
        rule_free(sw->rules[i]);
    }
    sw->n_rules = 0;
    sw->n_timeouts = 0;
    sw->n_meters = 0;
    forget_decisions(sw);
}

void
fake_switch_input(struct fake_switch *sw, const void *data, size_t size,
                  nva_usec now)
{
    ofpbuf_put(&sw->in, data, size);
    while (sw->in.size >= sizeof(struct ofp_header)) {
        const uint8_t *p = sw->in.data;
        size_t length = p[2] << 8 | p[3];
        struct ofp_header *oh;

        if (sw->in.size < length) {
            break;
        }
        oh = xmemdup(p, length);        /* Aligned: packet-outs are odd. */
        handle(sw, oh, now);
        free(oh);
        ofpbuf_pull(&sw->in, length);
    }
}

struct ofpbuf *
fake_switch_output(struct fake_switch *sw)
{
    return &sw->out;
}

/* ## Flow table ## */

/* Decisions made until now are good for 'lag' more. */
static void
go_stale(struct fake_switch *sw, nva_usec now)
{
    if (sw->n_changes >= sw->allocated_changes) {
        sw->changes = x2nrealloc(sw->changes, &sw->allocated_changes,
                                 sizeof *sw->changes);
    }
    sw->changes[sw->n_changes++] = now;
}

static bool
is_stale(const struct fake_switch *sw, const struct cached *c, nva_usec now)
{
    return (c->n_changes < sw->n_changes
            && now >= sw->changes[c->n_changes] + sw->lag);
}

static void
send_removed(struct fake_switch *sw, const struct rule *r, nva_usec now,
             enum ofp_flow_removed_reason reason)
{
    if (r->flow.send_flow_removed) {
        struct ofputil_flow_removed fr = {
            .match = r->flow.match, .cookie = htonll(r->flow.cookie),
            .priority = r->flow.priority, .table_id = r->flow.table,
            .reason = reason, .idle_timeout = r->flow.idle_timeout,
            .hard_timeout = r->flow.hard_timeout,
            .duration_sec = (now - r->added) / NVA_SEC,
        };

        say(sw, ofputil_encode_flow_removed(&fr, protocol(sw)));
    }
}

static void
rule_remove(struct fake_switch *sw, size_t i)
{
    sw->n_timeouts -= sw->rules[i]->flow.hard_timeout != 0;
    rule_free(sw->rules[i]);
    memmove(&sw->rules[i], &sw->rules[i + 1],
            (--sw->n_rules - i) * sizeof *sw->rules);
}

/* The first rule of 'table' with 'priority' or below. */
static size_t
rule_position(const struct fake_switch *sw, uint8_t table, int priority)
{
    size_t i = 0, end = sw->n_rules;

    while (i < end) {
        size_t mid = (i + end) / 2;
        const struct nva_flow *f = &sw->rules[mid]->flow;

        if (f->table < table
            || (f->table == table && f->priority > priority)) {
            i = mid + 1;
        } else {
            end = mid;
        }
    }
    return i;
}

static void
rule_add(struct fake_switch *sw, struct nva_flow *flow, nva_usec now)
{
    size_t i = rule_position(sw, flow->table, flow->priority);
    struct rule *r = xmalloc(sizeof *r);

    for (size_t j = i; j < sw->n_rules
                       && sw->rules[j]->flow.table == flow->table
                       && sw->rules[j]->flow.priority == flow->priority; j++) {
        if (match_equal(&sw->rules[j]->flow.match, &flow->match)) {
            rule_remove(sw, j);
            break;
        }
    }
    if (sw->n_rules >= sw->allocated_rules) {
        sw->rules = x2nrealloc(sw->rules, &sw->allocated_rules,
                               sizeof *sw->rules);
    }
    memmove(&sw->rules[i + 1], &sw->rules[i],
            (sw->n_rules++ - i) * sizeof *sw->rules);
    r->flow = *flow;
    minimatch_init(&r->match, &flow->match);
    r->hash = 0;
    r->added = r->used = now;
    sw->rules[i] = r;
    sw->n_timeouts += flow->hard_timeout != 0;
}

/* A switch takes a flow whose meter it does not have; nothing limits it then.
 * None of ours is to be such a one. */
static void
assert_meters(const struct fake_switch *sw, const struct nva_flow *flow)
{
    const struct ofpact *a;

    OFPACT_FOR_EACH (a, flow->actions.data, flow->actions.size) {
        uint32_t id = (a->type == OFPACT_METER
                       ? ofpact_get_METER(a)->meter_id
                       : a->type == OFPACT_CONTROLLER
                       ? ofpact_get_CONTROLLER(a)->meter_id
                       : NX_CTLR_NO_METER);
        bool found = id == NX_CTLR_NO_METER;

        for (size_t i = 0; i < sw->n_meters && !found; i++) {
            found = sw->meters[i].meter_id == id;
        }
        ovs_assert(found);
    }
}

static void
apply_add(struct fake_switch *sw, const struct ofputil_flow_mod *fm,
          nva_usec now)
{
    struct nva_flow flow = {
        .table = fm->table_id, .priority = fm->priority,
        .idle_timeout = fm->idle_timeout,
        .hard_timeout = fm->hard_timeout,
        .send_flow_removed = fm->flags & OFPUTIL_FF_SEND_FLOW_REM,
        .cookie = ntohll(fm->new_cookie),
    };

    minimatch_expand(&fm->match, &flow.match);
    ofpbuf_init(&flow.actions, 0);
    ofpbuf_put(&flow.actions, fm->ofpacts, fm->ofpacts_len);
    assert_meters(sw, &flow);
    rule_add(sw, &flow, now);
}

static bool
is_same_place(const struct rule *r, const struct ofputil_flow_mod *fm)
{
    return (r->flow.table == fm->table_id && r->flow.priority == fm->priority
            && minimatch_equal(&r->match, &fm->match));
}

static void
apply_delete(struct fake_switch *sw, const struct ofputil_flow_mod *fm,
             nva_usec now)
{
    for (size_t i = sw->n_rules; i-- > 0; ) {
        if (sw->rules[i]->flow.cookie == ntohll(fm->cookie)
            && (fm->command == OFPFC_DELETE
                || is_same_place(sw->rules[i], fm))) {
            send_removed(sw, sw->rules[i], now, OFPRR_DELETE);
            rule_remove(sw, i);
        }
    }
}

static void
apply(struct fake_switch *sw, const struct ofputil_flow_mod *fm, nva_usec now)
{
    sw->n_mods++;
    go_stale(sw, now);
    if (fm->command == OFPFC_ADD) {
        apply_add(sw, fm, now);
    } else {
        ovs_assert((fm->command == OFPFC_DELETE
                    || fm->command == OFPFC_DELETE_STRICT)
                   && fm->cookie_mask == OVS_BE64_MAX);
        apply_delete(sw, fm, now);
    }
}

static struct staged *
decode_flow_mod(const struct fake_switch *sw, const struct ofp_header *oh,
                enum ofperr *error)
{
    struct staged *st = xmalloc(sizeof *st);

    ofpbuf_init(&st->ofpacts, 0);
    *error = ofputil_decode_flow_mod(&st->fm, oh, protocol(sw), NULL, NULL,
                                     &st->ofpacts, OFP_PORT_C(OFPP_MAX), 254);
    if (*error) {
        ofpbuf_uninit(&st->ofpacts);
        free(st);
        return NULL;
    }
    st->msg = ofpbuf_clone_data(oh, ntohs(oh->length));
    return st;
}

static nva_usec
hard_end(const struct rule *r)
{
    return (r->flow.hard_timeout
            ? r->added + r->flow.hard_timeout * NVA_SEC : NVA_NEVER);
}

static nva_usec
idle_end(const struct rule *r)
{
    return (r->flow.idle_timeout
            ? r->used + r->flow.idle_timeout * NVA_SEC : NVA_NEVER);
}

void
fake_switch_run(struct fake_switch *sw, nva_usec now)
{
    for (size_t i = sw->n_rules; sw->n_timeouts && i-- > 0; ) {
        const struct rule *r = sw->rules[i];

        if (now >= MIN(hard_end(r), idle_end(r))) {
            go_stale(sw, now);
            send_removed(sw, r, now, now >= hard_end(r) ? OFPRR_HARD_TIMEOUT
                                                       : OFPRR_IDLE_TIMEOUT);
            rule_remove(sw, i);
        }
    }
}

nva_usec
fake_switch_deadline(const struct fake_switch *sw)
{
    nva_usec deadline = NVA_NEVER;

    for (size_t i = 0; sw->n_timeouts && i < sw->n_rules; i++) {
        const struct rule *r = sw->rules[i];

        deadline = MIN(deadline, MIN(hard_end(r), idle_end(r)));
    }
    return deadline;
}

/* ## Messages ## */

void
fake_switch_refuse_commits(struct fake_switch *sw, int n)
{
    sw->refuse_commits = n;
}

void
fake_switch_break_adds(struct fake_switch *sw, int n)
{
    sw->break_adds = n;
}

static void
bundle_commit(struct fake_switch *sw, const struct ofp_header *oh,
              struct ofputil_bundle_ctrl_msg *ctrl, nva_usec now)
{
    if (sw->refuse_commits > 0) {
        sw->refuse_commits--;
        if (sw->n_staged) {
            say(sw, ofperr_encode_reply(OFPERR_OFPFMFC_TABLE_FULL,
                                         sw->staged[0]->msg->data));
        }
        say(sw, ofperr_encode_reply(OFPERR_OFPBFC_MSG_FAILED, oh));
    } else {
        for (size_t i = 0; i < sw->n_staged; i++) {
            apply(sw, &sw->staged[i]->fm, now);
        }
        ctrl->type = OFPBCT_COMMIT_REPLY;
        say(sw, ofputil_encode_bundle_ctrl_reply(oh, ctrl));
    }
    drop_bundle(sw);
}

static void
bundle_ctrl(struct fake_switch *sw, const struct ofp_header *oh, nva_usec now)
{
    struct ofputil_bundle_ctrl_msg ctrl;

    ovs_assert(!ofputil_decode_bundle_ctrl(oh, &ctrl));
    if (ctrl.type == OFPBCT_OPEN_REQUEST) {
        ovs_assert(!sw->open);
        sw->open = true;
        sw->bundle = ctrl.bundle_id;
        ctrl.type = OFPBCT_OPEN_REPLY;
        say(sw, ofputil_encode_bundle_ctrl_reply(oh, &ctrl));
    } else if (ctrl.type == OFPBCT_DISCARD_REQUEST) {
        ovs_assert(sw->open && ctrl.bundle_id == sw->bundle);
        drop_bundle(sw);
        ctrl.type = OFPBCT_DISCARD_REPLY;
        say(sw, ofputil_encode_bundle_ctrl_reply(oh, &ctrl));
    } else {
        ovs_assert(ctrl.type == OFPBCT_COMMIT_REQUEST && sw->open
                   && ctrl.bundle_id == sw->bundle);
        bundle_commit(sw, oh, &ctrl, now);
    }
}

/* Outside of a bundle: applied or refused at once. */
static void
plain_flow_mod(struct fake_switch *sw, const struct ofp_header *oh,
               nva_usec now)
{
    enum ofperr error = 0;

    if (sw->refuse_commits > 0) {
        sw->refuse_commits--;
        error = OFPERR_OFPFMFC_TABLE_FULL;
    } else if (sw->break_adds > 0) {
        sw->break_adds--;
        error = OFPERR_OFPBMC_BAD_PREREQ;
    } else {
        struct staged *st = decode_flow_mod(sw, oh, &error);

        if (st) {
            apply(sw, &st->fm, now);
            staged_free(st);
        }
    }
    if (error) {
        say(sw, ofperr_encode_reply(error, oh));
    }
}

/* As a real switch: what does not decode is answered with an error and left
 * out. */
static void
bundle_add(struct fake_switch *sw, const struct ofp_header *oh)
{
    struct ofputil_bundle_add_msg add;
    enum ofptype type;
    enum ofperr error = ofputil_decode_bundle_add(oh, &add, &type);

    ovs_assert(!error && sw->open && add.bundle_id == sw->bundle
               && type == OFPTYPE_FLOW_MOD && add.msg->xid == oh->xid);
    if (sw->break_adds > 0 && !sw->n_staged) {
        sw->break_adds--;
        error = OFPERR_OFPBMC_BAD_PREREQ;
    } else {
        struct staged *st = decode_flow_mod(sw, add.msg, &error);

        if (st) {
            ovs_assert(sw->n_staged < MAX_STAGED);
            sw->staged[sw->n_staged++] = st;
        }
    }
    if (error) {
        say(sw, ofperr_encode_reply(error, oh));
    }
}

static void
send_list(struct fake_switch *sw, struct ovs_list *replies)
{
    struct ofpbuf *msg;

    LIST_FOR_EACH_POP (msg, list_node, replies) {
        say(sw, msg);
    }
}

static void
flow_stats(struct fake_switch *sw, const struct ofp_header *oh)
{
    struct ofpbuf request = ofpbuf_const_initializer(oh, ntohs(oh->length));
    struct ofputil_flow_stats_request fsr;
    struct ovs_list replies;

    ovs_assert(!ofputil_decode_flow_stats_request(&fsr, request.data, NULL,
                                                  NULL));
    ofpmp_init(&replies, oh);
    for (size_t i = 0; i < sw->n_rules; i++) {
        const struct nva_flow *f = &sw->rules[i]->flow;

        if ((htonll(f->cookie) ^ fsr.cookie) & fsr.cookie_mask) {
            continue;
        }
        struct ofputil_flow_stats fs = {
            .match = f->match, .cookie = htonll(f->cookie),
            .table_id = f->table, .priority = f->priority,
            .hard_timeout = f->hard_timeout,
            .ofpacts = f->actions.data, .ofpacts_len = f->actions.size,
            .flags = f->send_flow_removed ? OFPUTIL_FF_SEND_FLOW_REM : 0,
        };

        ofputil_append_flow_stats_reply(&fs, &replies, NULL);
    }
    send_list(sw, &replies);
}

static void
port_stats(struct fake_switch *sw, const struct ofp_header *oh)
{
    struct ovs_list replies;

    ofpmp_init(&replies, oh);
    for (size_t i = 0; i < sw->n_ports; i++) {
        struct ofputil_phy_port pp;

        port_desc(&sw->ports[i], &pp);
        ofputil_append_port_desc_stats_reply(&pp, &replies);
    }
    send_list(sw, &replies);
}

/* A switch keeps flows whose packet-ins had a meter that is gone: they have
 * none then, or another's. */
static bool
meter_is_used(const struct fake_switch *sw, uint32_t id)
{
    for (size_t i = 0; i < sw->n_rules; i++) {
        const struct nva_flow *flow = &sw->rules[i]->flow;
        const struct ofpact *a;

        OFPACT_FOR_EACH (a, flow->actions.data, flow->actions.size) {
            if (a->type == OFPACT_CONTROLLER
                && ofpact_get_CONTROLLER(a)->meter_id == id) {
                return true;
            }
        }
    }
    return false;
}

static void
meter_mod(struct fake_switch *sw, const struct ofp_header *oh)
{
    struct ofputil_meter_mod mm;
    struct ofpbuf bands;
    size_t i;

    ofpbuf_init(&bands, 0);
    ovs_assert(!ofputil_decode_meter_mod(oh, &mm, &bands));
    for (i = 0; i < sw->n_meters; i++) {
        if (sw->meters[i].meter_id == mm.meter.meter_id) {
            break;
        }
    }
    if (mm.command == OFPMC13_DELETE) {
        ovs_assert(!meter_is_used(sw, mm.meter.meter_id));
        if (i < sw->n_meters) {
            sw->meters[i] = sw->meters[--sw->n_meters];
            sw->bands[i] = sw->bands[sw->n_meters];
            sw->meters[i].bands = &sw->bands[i];
        }
    } else if (i < sw->n_meters) {
        say(sw, ofperr_encode_reply(OFPERR_OFPMMFC_METER_EXISTS, oh));
    } else {
        ovs_assert(sw->n_meters < ARRAY_SIZE(sw->meters)
                   && mm.meter.n_bands == 1);
        sw->meters[i] = mm.meter;
        sw->bands[i] = *mm.meter.bands;
        sw->meters[i].bands = &sw->bands[i];
        sw->n_meters++;
    }
    ofpbuf_uninit(&bands);
}

static void
meter_stats(struct fake_switch *sw, const struct ofp_header *oh)
{
    struct ovs_list replies;

    ofpmp_init(&replies, oh);
    for (size_t i = 0; i < sw->n_meters; i++) {
        ofputil_append_meter_config(&replies, &sw->meters[i]);
    }
    send_list(sw, &replies);
}

static void
extract(const struct sim_packet *packet, ofp_port_t in_port, struct flow *flow)
{
    struct dp_packet dp;

    dp_packet_use_const(&dp, packet->bytes, packet->size);
    flow_extract(&dp, flow);
    dp_packet_uninit(&dp);
    flow->in_port.ofp_port = in_port;
}

static void
packet_out(struct fake_switch *sw, const struct ofp_header *oh)
{
    struct ofputil_packet_out po;
    struct ofpbuf ofpacts;
    struct sim_packet packet = { .id = 0 };
    struct decision decision = { .n = 0 };
    struct exec x = { .sw = sw, .packet = &packet, .decision = &decision };

    ofpbuf_init(&ofpacts, 0);
    ovs_assert(!ofputil_decode_packet_out(&po, oh, NULL, &ofpacts));
    packet.size = MIN(po.packet_len, sizeof packet.bytes);
    memcpy(packet.bytes, po.packet, packet.size);
    extract(&packet, po.flow_metadata.flow.in_port.ofp_port, &x.flow);
    if (packet.size >= 22) {
        memcpy(&packet.id, packet.bytes + 14, sizeof packet.id);
    }
    exec_actions(&x, po.ofpacts, po.ofpacts_len, 0, 0, 0);
    emit(&x);
    free(decision.outs);
    ofpbuf_uninit(&ofpacts);
}

static void
set_config(struct fake_switch *sw, const struct ofp_header *oh)
{
    struct ofputil_switch_config config;

    ovs_assert(!ofputil_decode_set_config(oh, &config));
    sw->nx_match = config.frag == OFPUTIL_FRAG_NX_MATCH;
}

static void
features(struct fake_switch *sw, const struct ofp_header *oh)
{
    const struct ofputil_switch_features sf = {
        .datapath_id = sw->dpid, .n_tables = 254,
    };

    say(sw, ofputil_encode_switch_features(&sf, protocol(sw), oh->xid));
}

static void
handle(struct fake_switch *sw, const struct ofp_header *oh, nva_usec now)
{
    enum ofptype type;

    if (ofptype_decode(&type, oh)
        || (sw->no_bundles && (type == OFPTYPE_BUNDLE_CONTROL
                               || type == OFPTYPE_BUNDLE_ADD_MESSAGE))) {
        say(sw, ofperr_encode_reply(OFPERR_OFPBRC_BAD_TYPE, oh));
        return;
    }
    ovs_assert(oh->version == sw->version || type == OFPTYPE_HELLO);
    switch ((int) type) {
    case OFPTYPE_HELLO:
    case OFPTYPE_SET_ASYNC_CONFIG:
    case OFPTYPE_ECHO_REPLY:
    case OFPTYPE_ERROR:
        break;
    case OFPTYPE_SET_CONFIG:
        set_config(sw, oh);
        break;
    case OFPTYPE_ECHO_REQUEST:
        say(sw, ofputil_encode_echo_reply(oh));
        break;
    case OFPTYPE_FEATURES_REQUEST:
        features(sw, oh);
        break;
    case OFPTYPE_PORT_DESC_STATS_REQUEST:
        port_stats(sw, oh);
        break;
    case OFPTYPE_FLOW_STATS_REQUEST:
        flow_stats(sw, oh);
        break;
    case OFPTYPE_METER_CONFIG_STATS_REQUEST:
        meter_stats(sw, oh);
        break;
    case OFPTYPE_METER_MOD:
        meter_mod(sw, oh);
        break;
    case OFPTYPE_BARRIER_REQUEST:
        say(sw, ofpraw_alloc_reply(OFPRAW_OFPT11_BARRIER_REPLY, oh, 0));
        break;
    case OFPTYPE_BUNDLE_CONTROL:
        bundle_ctrl(sw, oh, now);
        break;
    case OFPTYPE_BUNDLE_ADD_MESSAGE:
        bundle_add(sw, oh);
        break;
    case OFPTYPE_FLOW_MOD:
        plain_flow_mod(sw, oh, now);
        break;
    case OFPTYPE_PACKET_OUT:
        packet_out(sw, oh);
        break;
    default:
        ovs_fatal(0, "%s: unexpected message type %d", sw->name, (int) type);
    }
}

/* ## Packets ## */

static void
add_out(struct exec *x, nva_ofport port, uint8_t table, uint64_t cookie)
{
    struct decision *d = x->decision;
    struct out *o;

    ovs_assert(d->n < MAX_OUTS);
    if (d->n >= d->allocated) {
        d->outs = x2nrealloc(d->outs, &d->allocated, sizeof *d->outs);
    }
    o = &d->outs[d->n++];
    o->port = port;
    o->table = table;
    o->refusal = x->flow.regs[3];
    o->cookie = cookie;
    o->rewritten = x->rewritten;
    o->tun_id = ntohll(x->flow.tunnel.tun_id);
    /* IPv4 wins over IPv6 when both are set. */
    if (x->flow.tunnel.ip_dst) {
        in6_addr_set_mapped_ipv4(&o->tun_dst, x->flow.tunnel.ip_dst);
    } else {
        o->tun_dst = x->flow.tunnel.ipv6_dst;
    }
}

static void
do_output(struct exec *x, ofp_port_t port, uint8_t table, uint64_t cookie)
{
    nva_ofport in_port = ofp_to_u16(x->flow.in_port.ofp_port);

    if (port == OFPP_CONTROLLER) {
        add_out(x, ofp_to_u16(OFPP_CONTROLLER), table, cookie);
    } else if (port == OFPP_IN_PORT) {
        add_out(x, in_port, table, cookie);
    } else if (ofp_to_u16(port) != in_port
               && find_port(x->sw, ofp_to_u16(port))) {
        add_out(x, ofp_to_u16(port), table, cookie);
    }
}

static ofp_port_t
output_reg(const struct exec *x, const struct ofpact_output_reg *output)
{
    return u16_to_ofp(mf_get_subfield(&output->src, &x->flow));
}

static void
set_field(struct exec *x, const struct ofpact_set_field *sf)
{
    x->rewritten |= sf->field->id >= MFF_ETH_SRC;
    mf_set_flow_value_masked(sf->field, sf->value,
                             ofpact_set_field_mask(sf), &x->flow);
}

static void
reg_move(struct exec *x, const struct ofpact_reg_move *move)
{
    union mf_subvalue v;

    mf_read_subfield(&move->src, &x->flow, &v);
    mf_write_subfield_flow(&move->dst, &v, &x->flow);
}

static void
exec_actions(struct exec *x, const struct ofpact *ofpacts, size_t len,
             uint8_t table, uint64_t cookie, int depth)
{
    const struct ofpact *a;

    OFPACT_FOR_EACH (a, ofpacts, len) {
        switch ((int) a->type) {
        case OFPACT_OUTPUT:
            do_output(x, ofpact_get_OUTPUT(a)->port, table, cookie);
            break;
        case OFPACT_OUTPUT_REG:
            do_output(x, output_reg(x, ofpact_get_OUTPUT_REG(a)), table,
                      cookie);
            break;
        case OFPACT_CONTROLLER:
            add_out(x, ofp_to_u16(OFPP_CONTROLLER), table, cookie);
            break;
        case OFPACT_SET_FIELD:
            set_field(x, ofpact_get_SET_FIELD(a));
            break;
        case OFPACT_REG_MOVE:
            reg_move(x, ofpact_get_REG_MOVE(a));
            break;
        case OFPACT_STRIP_VLAN:
            flow_pop_vlan(&x->flow, NULL);
            break;
        case OFPACT_RESUBMIT:
            execute(x, ofpact_get_RESUBMIT(a)->table_id, depth + 1);
            break;
        case OFPACT_GOTO_TABLE:
            execute(x, ofpact_get_GOTO_TABLE(a)->table_id, depth + 1);
            break;
        case OFPACT_METER:
            break;
        default:
            ovs_fatal(0, "%s: action %s", x->sw->name,
                      ofpact_name(a->type));
        }
    }
}

static void
execute(struct exec *x, uint8_t table, int depth)
{
    ovs_assert(depth < MAX_DEPTH);
    for (size_t i = rule_position(x->sw, table, UINT16_MAX);
         i < x->sw->n_rules && x->sw->rules[i]->flow.table == table; i++) {
        const struct rule *r = x->sw->rules[i];

        if (minimatch_matches_flow(&r->match, &x->flow)) {
            if (r->flow.idle_timeout) {
                x->decision->idle_cookie = r->flow.cookie;
            }
            exec_actions(x, r->flow.actions.data, r->flow.actions.size,
                         table, r->flow.cookie, depth);
            return;
        }
    }
}

static void
packet_in(struct fake_switch *sw, const struct exec *x, const struct out *o)
{
    struct ofputil_packet_in_private pin = {
        .base = {
            .packet = CONST_CAST(uint8_t *, x->packet->bytes),
            .packet_len = x->packet->size,
            .reason = OFPR_ACTION, .table_id = o->table,
            .cookie = htonll(o->cookie),
        },
    };

    flow_get_metadata(&x->flow, &pin.base.flow_metadata);
    match_set_reg(&pin.base.flow_metadata, 3, o->refusal);
    say(sw, ofputil_encode_packet_in_private(&pin, protocol(sw),
                                              OFPUTIL_PACKET_IN_STD));
}

static void
emit(struct exec *x)
{
    struct fake_switch *sw = x->sw;

    for (size_t i = 0; i < x->decision->n; i++) {
        const struct out *o = &x->decision->outs[i];
        struct sim_packet copy = *x->packet;

        copy.rewritten |= o->rewritten;
        if (o->port == ofp_to_u16(OFPP_CONTROLLER)) {
            packet_in(sw, x, o);
        } else if (is_tunnel(sw, o->port)) {
            copy.tun_id = o->tun_id;
            copy.hops++;
            sw->ops.to_tunnel(sw->ops.aux, sw, &o->tun_dst, &copy);
        } else {
            sw->ops.to_port(sw->ops.aux, sw, o->port, &copy);
        }
    }
}

/* The cached decision for the packet, or an empty one to decide in. */
static struct decision *
lookup(struct fake_switch *sw, const struct exec *x, nva_usec now, bool *hit)
{
    const struct flow *f = &x->flow;
    nva_ofport in_port = ofp_to_u16(f->in_port.ofp_port);
    uint64_t tun_id = x->packet->tun_id;
    uint32_t hash = hash_mac(f->dl_dst, 0, hash_mac(f->dl_src, 0, in_port));
    struct cached *c;

    hash = hash_uint64_basis(tun_id, hash);
    HMAP_FOR_EACH_WITH_HASH (c, node, hash, &sw->cache) {
        if (c->in_port == in_port && c->tun_id == tun_id
            && eth_addr_equals(c->src, f->dl_src)
            && eth_addr_equals(c->dst, f->dl_dst)
            && c->eth_type == f->dl_type) {
            break;
        }
    }
    *hit = c && !is_stale(sw, c, now);
    if (*hit) {
        return &c->decision;
    } else if (!c) {
        if (hmap_count(&sw->cache) >= MAX_CACHED) {
            forget_decisions(sw);
        }
        c = xzalloc(sizeof *c);
        c->in_port = in_port;
        c->tun_id = tun_id;
        c->src = f->dl_src;
        c->dst = f->dl_dst;
        c->eth_type = f->dl_type;
        hmap_insert(&sw->cache, &c->node, hash);
    }
    c->n_changes = sw->n_changes;
    c->decision.n = 0;
    c->decision.idle_cookie = 0;
    return &c->decision;
}

void
fake_switch_packet(struct fake_switch *sw, nva_ofport port,
                   const struct sim_packet *packet, nva_usec now)
{
    struct exec x = { .sw = sw, .packet = packet };
    struct decision uncached = { .n = 0 };
    bool hit = false;

    extract(packet, OFP_PORT_C(port), &x.flow);
    if (x.flow.nw_frag && !sw->nx_match) {
        x.flow.tp_src = x.flow.tp_dst = 0;
    }
    if (is_tunnel(sw, port)) {
        /* An IPv4 packet from a tunnel has its own destination set. */
        x.flow.tunnel.tun_id = htonll(packet->tun_id);
        x.flow.tunnel.ip_dst = htonl(0x7f7f7f7f);
        x.flow.tunnel.ip_src = htonl(0x7f7f7f7e);
    }
    /* ARP and ND decisions depend on more than the key, and data does not, as
     * long as it has no address. */
    x.decision = (x.flow.dl_type == htons(ETH_TYPE_IP) && !x.flow.nw_src
                  ? lookup(sw, &x, now, &hit) : &uncached);
    if (!hit) {
        execute(&x, 0, 0);
    }
    for (size_t i = 0; i < sw->n_rules && x.decision->idle_cookie; i++) {
        if (sw->rules[i]->flow.cookie == x.decision->idle_cookie) {
            sw->rules[i]->used = now;
        }
    }
    emit(&x);
    free(uncached.outs);
}

/* ## Looking inside ## */

void
fake_switch_lose(struct fake_switch *sw, uint64_t cookie)
{
    for (size_t i = 0; i < sw->n_rules; i++) {
        if (sw->rules[i]->flow.cookie == cookie) {
            rule_remove(sw, i);
            forget_decisions(sw);
            return;
        }
    }
    ovs_assert(false);
}

void
fake_switch_plant(struct fake_switch *sw, uint64_t cookie)
{
    struct nva_flow flow;

    nva_flow_init(&flow);
    flow.cookie = cookie;
    flow.table = 99;
    rule_add(sw, &flow, 0);
}

size_t
fake_switch_n_flows(const struct fake_switch *sw)
{
    return sw->n_rules;
}

static uint64_t
hash_rules(const struct fake_switch *sw, bool lasting)
{
    uint64_t hash = 0;

    for (size_t i = 0; i < sw->n_rules; i++) {
        struct rule *r = sw->rules[i];

        if (!lasting || !r->flow.hard_timeout) {
            r->hash = r->hash ? r->hash : nva_flow_hash(&r->flow);
            hash += r->hash;
        }
    }
    return hash;
}

uint64_t
fake_switch_hash(const struct fake_switch *sw)
{
    return hash_rules(sw, false);
}

uint64_t
fake_switch_hash_lasting(const struct fake_switch *sw)
{
    return hash_rules(sw, true);
}

size_t
fake_switch_n_cookie(const struct fake_switch *sw, uint64_t cookie)
{
    size_t n = 0;

    for (size_t i = 0; i < sw->n_rules; i++) {
        n += sw->rules[i]->flow.cookie == cookie;
    }
    return n;
}

size_t
fake_switch_n_table(const struct fake_switch *sw, uint8_t table)
{
    size_t n = 0;

    for (size_t i = 0; i < sw->n_rules; i++) {
        n += sw->rules[i]->flow.table == table;
    }
    return n;
}

size_t
fake_switch_n_mods(const struct fake_switch *sw)
{
    return sw->n_mods;
}

void
fake_switch_format(const struct fake_switch *sw, struct ds *ds)
{
    for (size_t i = 0; i < sw->n_rules; i++) {
        nva_flow_format(&sw->rules[i]->flow, ds);
        ds_put_char(ds, '\n');
    }
}

void
fake_switch_dump(const struct fake_switch *sw, struct ds *ds)
{
    struct svec lines = SVEC_EMPTY_INITIALIZER;

    for (size_t i = 0; i < sw->n_rules; i++) {
        struct ds line = DS_EMPTY_INITIALIZER;

        nva_flow_format(&sw->rules[i]->flow, &line);
        svec_add_nocopy(&lines, ds_steal_cstr(&line));
    }
    svec_sort(&lines);
    for (size_t i = 0; i < lines.n; i++) {
        ds_put_format(ds, "%s\n", lines.names[i]);
    }
    svec_destroy(&lines);
}
