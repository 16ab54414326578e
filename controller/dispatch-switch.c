/* SPDX-License-Identifier: Apache-2.0 */

/* Switches: what their sessions say becomes events, and which NVE a bridge is.
 * Must never know what an event leads to. */

#include <config.h>

#include "dispatch.h"

#include <string.h>

#include "dispatch-private.h"
#include "openvswitch/ofpbuf.h"
#include "packets.h"
#include "pipeline.h"
#include "util.h"

static void claim(struct dispatch *, struct bridge *, const struct nva_nve *,
                  nva_usec now);
static void release(struct dispatch *, struct nve_prog *);
static void read_back(struct dispatch *, struct bridge *);
static void bridge_synced(struct dispatch *, struct bridge *, nva_usec now);
static void bridge_forget(struct dispatch *, struct bridge *, nva_usec now);
static bool is_too_much(struct dispatch *, struct bridge *,
                        const struct nva_packet_in *,
                        const struct nva_event *, nva_usec now);
static void tell_dropped(struct dispatch *, const struct nva_packet_in *,
                         enum nva_reason, nva_usec now);
static void tell_floods(struct dispatch *, struct bridge *, nva_usec now);

enum nva_reason
dispatch_switch_up(struct dispatch *d, void *channel,
                   const struct dispatch_peer *peer, nva_usec now)
{
    const struct nva_nve *nve = directory_nve_by_dpid(d->dir, peer->dpid);
    struct bridge *br = bridges_by_dpid(&d->bridges, peer->dpid);

    if (br) {
        void *older = br->channel;

        bridge_forget(d, br, now);
        d->ops.close(older, NVA_R_DPID_BUSY);
    }
    if (hmap_count(&d->bridges.by_dpid) >= DISPATCH_SWITCHES_MAX
        || (!nve && d->bridges.n_unclaimed >= DISPATCH_UNCLAIMED_MAX)) {
        d->metrics.counters[METRICS_SWITCHES_REFUSED]++;
        return NVA_R_LIMIT;
    }

    br = bridges_add(&d->bridges, channel, peer->dpid, peer->text);
    br->peer_ip = peer->ip;
    br->openflow = peer->openflow;
    br->bundles = peer->bundles;
    for (size_t i = 0; i < peer->n_ports; i++) {
        bridge_put_port(br, &peer->ports[i], false);
    }
    d->metrics.counters[METRICS_SWITCHES_UP]++;
    if (nve) {
        claim(d, br, nve, now);
    } else {
        read_back(d, br);
    }
    return NVA_OK;
}

void
dispatch_switch_down(struct dispatch *d, void *channel, nva_usec now)
{
    struct bridge *br = bridges_by_channel(&d->bridges, channel);

    if (br) {
        bridge_forget(d, br, now);
    }
}

size_t
dispatch_switch_memory(const struct dispatch *d, void *channel)
{
    const struct bridge *br = bridges_by_channel(&d->bridges, channel);

    return br ? bridge_memory(br) : 0;
}

void
dispatch_switch_readback_flow(struct dispatch *d, void *channel,
                              uint64_t cookie, uint64_t hash)
{
    struct bridge *br = bridges_by_channel(&d->bridges, channel);
    struct nva_owner owner;
    bool current_schema;
    bool ours = pipeline_cookie_parse(cookie, &owner, &current_schema);

    if (!br || br->read_again) {
        return;
    } else if (br->auditing) {
        dispatch_audit_flow(d, br, cookie, hash);
        return;
    }
    br->foreign_flows += !ours;
    br->our_flows += ours && (br->nve == NVA_ID_NONE
                              || (owner.kind == NVA_OWNER_TSI
                                  && !directory_tsi(d->dir, owner.id)));
    if (br->nve != NVA_ID_NONE) {
        struct flow_prog *prog = dispatch_prog_get(d, br->nve)->prog;
        const struct nva_nve *nve = directory_nve(d->dir, br->nve);

        if (ours) {
            flow_prog_readback(prog, cookie, hash);
        } else if (nve && nve->adopt) {
            flow_prog_readback_foreign(prog, cookie);
        }
    }
}

void
dispatch_switch_readback_meter(struct dispatch *d, void *channel,
                               struct nva_meter meter)
{
    struct bridge *br = bridges_by_channel(&d->bridges, channel);

    if (br && !br->read_again && !br->auditing && br->nve != NVA_ID_NONE) {
        flow_prog_readback_meter(dispatch_prog_get(d, br->nve)->prog, meter);
    }
}

void
dispatch_switch_readback_done(struct dispatch *d, void *channel, nva_usec now)
{
    struct bridge *br = bridges_by_channel(&d->bridges, channel);

    if (br && br->auditing) {
        dispatch_audit_read(d, br);
    }
    if (!br || !br->reading) {
        return;
    }
    br->reading = false;
    if (br->read_again) {
        br->read_again = false;
        read_back(d, br);
    } else if (br->nve != NVA_ID_NONE) {
        bridge_synced(d, br, now);
    } else {
        const struct nva_view view = dispatch_view(d, now);

        faults_flows_unknown(d->faults, &view, br->dpid, br->our_flows);
    }
}

void
dispatch_switch_port(struct dispatch *d, void *channel,
                     const struct nva_port *port, bool gone, nva_usec now)
{
    struct bridge *br = bridges_by_channel(&d->bridges, channel);

    if (!br) {
        return;
    }
    bridge_put_port(br, port, gone);
    inlet_forget(br->inlet, port->ofport);
    if (br->nve != NVA_ID_NONE) {
        struct nva_event ev = dispatch_session_event(br, NVA_EV_PORT);

        ev.port.gone = gone;
        ev.port.port = *port;
        ev.port.port.nve = br->nve;
        dispatch_event(d, &ev, now);
    }
}

void
dispatch_switch_packet_in(struct dispatch *d, void *channel,
                          const struct nva_packet_in *pin_, nva_usec now)
{
    struct bridge *br = bridges_by_channel(&d->bridges, channel);
    struct nva_packet_in pin = *pin_;
    struct nva_event ev[2];
    enum nva_reason reason;
    size_t n = 0;

    if (!br || br->nve == NVA_ID_NONE) {
        d->metrics.counters[METRICS_PACKET_INS_UNCLAIMED]++;
        return;
    }
    d->metrics.counters[METRICS_PACKET_INS]++;
    pin.nve = br->nve;
    pin.session = br->session;
    if (pin.table == NVA_TABLE_PORT) {
        d->metrics.counters[METRICS_FLOODS_LOST]++;
        return;
    } else if (hold_take(d->hold, d->dir, &pin)) {
        return;
    }
    reason = classify_packet_in(d->dir, &pin, ev, &n);
    if (is_too_much(d, br, &pin, n ? &ev[0] : NULL, now)) {
        reason = NVA_R_NVE_LIMIT;
    }
    if (reason) {
        tell_dropped(d, &pin, reason, now);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        dispatch_event(d, &ev[i], now);
        if (ev[i].type == NVA_EV_STRAY && pin.table == NVA_TABLE_FORWARD) {
            dispatch_verify(d, &ev[i], now);
        }
    }
}

/* What it was is not known, but where it came in, and who says to have sent
 * it. */
static void
tell_dropped(struct dispatch *d, const struct nva_packet_in *pin,
             enum nva_reason reason, nva_usec now)
{
    struct nva_note note = {
        .type = NVA_NOTE_DROPPED, .reason = reason, .nve = pin->nve,
    };
    const struct nva_view view = dispatch_view(d, now);
    struct nva_frame frame;
    struct eth_header eth;
    nva_id vap;

    if (!nva_frame_parse(pin->data, pin->size, &frame)
        && !nva_frame_claim(&frame, &note.ip)) {
        note.ip = frame.ip_src;
    }
    if (pin->size >= sizeof eth) {
        memcpy(&eth, pin->data, sizeof eth);
        note.mac = frame.eth_src = eth.eth_src;
        classify_packet_vn(d->dir, pin, &vap, &note.vn);
        faults_refused(d->faults, &view, reason, vap, &frame);
        if (pin->table == NVA_TABLE_REFUSE) {
            faults_unbound(d->faults, &view, pin->nve, pin->in_port, &frame);
        }
    }
    dispatch_name_sender(d->dir, pin->in_port, &note);
    dispatch_tell_note(d, &note, now);
}

/* Strays have a limit of their own.  'ev' is NULL if it is a frame that we do
 * not understand; who sends such is not silent. */
static bool
is_too_much(struct dispatch *d, struct bridge *br,
            const struct nva_packet_in *pin, const struct nva_event *ev,
            nva_usec now)
{
    const struct nva_frame *frame = ev ? &ev->packet.frame : NULL;
    struct nva_frame refused;
    enum nva_reason reason;
    bool data;

    if (pin->table == NVA_TABLE_DELIVER || pin->table == NVA_TABLE_FORWARD
        || (ev && (ev->type == NVA_EV_STRAY
                   || ev->type == NVA_EV_SEGMENT))) {
        return false;
    }
    if (pin->table == NVA_TABLE_REFUSE
        && !nva_frame_parse(pin->data, pin->size, &refused)) {
        frame = &refused;
    }
    data = frame && frame->kind == NVA_FRAME_OTHER;
    reason = inlet_take(br->inlet, pin->in_port,
                        frame ? frame->eth_src : eth_addr_zero, data, now);
    tell_floods(d, br, now);
    return reason != NVA_OK;
}

static void
tell_floods(struct dispatch *d, struct bridge *br, nva_usec now)
{
    struct nva_event ev = dispatch_session_event(br, NVA_EV_FLOODING);

    while (inlet_next(br->inlet, now, &ev.flooding.ofport,
                      &ev.flooding.level)) {
        dispatch_event(d, &ev, now);
    }
    d->inlet_deadline = MIN(d->inlet_deadline, inlet_deadline(br->inlet));
}

void
dispatch_tell_floods(struct dispatch *d, nva_usec now)
{
    struct bridge *br;

    if (d->inlet_deadline > now) {
        return;
    }
    d->inlet_deadline = NVA_NEVER;
    HMAP_FOR_EACH (br, channel_node, &d->bridges.by_channel) {
        if (br->nve != NVA_ID_NONE) {
            tell_floods(d, br, now);
        }
    }
}

void
dispatch_switch_flow_removed(struct dispatch *d, void *channel,
                             uint64_t cookie, uint64_t packets,
                             bool by_timeout, nva_usec now)
{
    struct bridge *br = bridges_by_channel(&d->bridges, channel);
    struct nva_owner owner;
    bool current_schema;

    if (!br || br->nve == NVA_ID_NONE
        || !pipeline_cookie_parse(cookie, &owner, &current_schema)
        || !current_schema) {
        return;
    }
    if (by_timeout) {
        flow_prog_removed(dispatch_prog_get(d, br->nve)->prog, owner);
    }
    if (owner.kind == NVA_OWNER_REDIRECT || by_timeout) {
        struct nva_event ev = dispatch_session_event(br, NVA_EV_FLOW_REMOVED);

        ev.flow.owner = owner;
        ev.flow.packets = packets;
        ev.flow.by_timeout = by_timeout;
        dispatch_event(d, &ev, now);
    }
}

void
dispatch_switch_msg_failed(struct dispatch *d, void *channel, size_t msg,
                           enum nva_reason reason, nva_usec now)
{
    struct bridge *br = bridges_by_channel(&d->bridges, channel);
    struct nve_prog *np = br ? dispatch_prog(d, br->nve) : NULL;

    if (np && np->bundle && msg < np->bundle->n_msgs) {
        struct nva_event ev = dispatch_session_event(br, NVA_EV_QUARANTINED);

        ev.flow.owner = np->bundle->msgs[msg].owner;
        ev.flow.reason = reason;
        d->metrics.counters[METRICS_FLOWS_FAILED]++;
        flow_prog_msg_failed(np->prog, msg, reason);
        dispatch_event(d, &ev, now);
    }
}

struct ack_aux {
    struct dispatch *d;
    nva_id nve;
};

static void
ack_cb(struct nva_owner owner, uint64_t version, void *aux_)
{
    struct ack_aux *aux = aux_;
    const struct ack ack = {
        .nve = aux->nve, .owner = owner, .version = version, .sent = true,
    };

    dispatch_add_ack(aux->d, &ack);
}

void
dispatch_switch_bundle_done(struct dispatch *d, void *channel, bool applied,
                            nva_usec now)
{
    struct bridge *br = bridges_by_channel(&d->bridges, channel);
    struct nve_prog *np = br ? dispatch_prog(d, br->nve) : NULL;

    if (!br || !br->in_flight) {
        return;
    }
    br->in_flight = false;
    d->metrics.counters[METRICS_BUNDLES_FAILED] += !applied;
    if (!np) {
        return;
    }
    if (np->bundle) {
        struct ack_aux aux = { .d = d, .nve = np->id };

        np->bundle = NULL;
        flow_prog_bundle_done(np->prog, applied, ack_cb, &aux);
    }
    if (!flow_prog_is_idle(np->prog)) {
        dispatch_prog_queue(d, np, QUEUE_MOVE);
    }
    dispatch_tell_acks(d, now);
}

void
dispatch_each_unclaimed(const void *d_,
                        void (*cb)(uint64_t dpid, const char *peer,
                        uint64_t foreign_flows, void *aux),
                        void *aux)
{
    const struct dispatch *d = d_;
    const struct bridge *br;

    HMAP_FOR_EACH (br, dpid_node, &d->bridges.by_dpid) {
        if (br->nve == NVA_ID_NONE) {
            cb(br->dpid, br->peer, br->foreign_flows, aux);
        }
    }
}

/* ## Claim and release ## */

/* A request made, changed or deleted 'id'. */
void
dispatch_relink(struct dispatch *d, nva_id id, nva_usec now)
{
    const struct nva_nve *nve = directory_nve(d->dir, id);
    struct nve_prog *np = dispatch_prog(d, id);
    struct bridge *br = nve ? bridges_by_dpid(&d->bridges, nve->dpid) : NULL;

    if (!nve) {
        br = np ? np->bridge : NULL;
        if (np) {
            release(d, np);
            dispatch_prog_destroy(d, np);
        }
        if (br) {
            read_back(d, br);   /* Counts others' flows anew. */
        }
        return;
    }
    if (br && br->nve == NVA_ID_NONE) {
        claim(d, br, nve, now);
    } else if (br && br->nve == id && nve->adopt && !nve->connected
               && !br->reading) {
        /* Held back because of others' flows; now they may go. */
        flow_prog_session_start(np->prog);
        read_back(d, br);
    }
}

static void
claim(struct dispatch *d, struct bridge *br, const struct nva_nve *nve,
      nva_usec now)
{
    const struct nva_view view = dispatch_view(d, now);
    struct nve_prog *np = dispatch_prog_get(d, nve->id);
    struct nva_port *ports;
    struct nva_event ev;
    size_t n;

    faults_flows_unknown(d->faults, &view, br->dpid, 0);
    br->session = ++d->last_session;
    br->nve = nve->id;
    d->bridges.n_unclaimed--;
    d->ops.claimed(br->channel, true);
    np->bridge = br;
    np->bundle = NULL;
    flow_prog_session_start(np->prog);

    ports = bridge_ports(br, &n);
    for (size_t i = 0; i < n; i++) {
        ports[i].nve = nve->id;
    }
    ev = dispatch_session_event(br, NVA_EV_NVE_UP);
    ev.up.peer_ip = br->peer_ip;
    ev.up.n_ports = n;
    ev.up.ports = ports;
    dispatch_event(d, &ev, now);
    free(ports);
    d->ops.match_fragments(br->channel);
    read_back(d, br);
}

/* 'br' belongs to no NVE any more.  Its flows stay as they are: whoever takes
 * an NVE out of our hands decides about them. */
static void
release(struct dispatch *d, struct nve_prog *np)
{
    struct bridge *br = np->bridge;

    if (br) {
        br->nve = NVA_ID_NONE;
        br->read_again = br->reading;
        np->bridge = NULL;
        np->bundle = NULL;
        d->bridges.n_unclaimed++;
        d->ops.claimed(br->channel, false);
    }
    dispatch_compare_stop(np);
    flow_prog_session_end(np->prog);
    dispatch_prog_unqueue(np);
}

static void
read_back(struct dispatch *d, struct bridge *br)
{
    if (br->reading) {
        br->read_again = true;
    } else if (br->auditing) {
        br->auditing = false;   /* That audit has lost this NVE. */
        br->reading = br->read_again = true;
    } else {
        br->reading = true;
        br->foreign_flows = 0;
        br->our_flows = 0;
        d->ops.read_back(br->channel);
    }
}

/* The brain says whether it is connected: only then it is ours to compare. */
static void
bridge_synced(struct dispatch *d, struct bridge *br, nva_usec now)
{
    struct nva_event ev = dispatch_session_event(br, NVA_EV_NVE_SYNCED);
    struct nve_prog *np = dispatch_prog_get(d, br->nve);
    const bool is_first = !faults_nve_ever(d->faults, br->nve);
    const struct nva_view view = dispatch_view(d, now);
    const struct nva_nve *nve;

    ev.synced.foreign_flows = br->foreign_flows;
    dispatch_event(d, &ev, now);
    nve = directory_nve(d->dir, np->id);
    if (nve && nve->connected && is_first && br->our_flows) {
        faults_flows_removed(d->faults, &view, nve->id, br->our_flows);
    }
    if (nve && nve->connected) {
        dispatch_compare_begin(d, np);
    }
}

static void
bridge_forget(struct dispatch *d, struct bridge *br, nva_usec now)
{
    struct nve_prog *np = dispatch_prog(d, br->nve);
    struct nva_event ev = dispatch_session_event(br, NVA_EV_NVE_DOWN);
    const struct nva_view view = dispatch_view(d, now);

    if (np) {
        release(d, np);
    }
    faults_flows_unknown(d->faults, &view, br->dpid, 0);
    d->metrics.counters[METRICS_SWITCHES_DOWN]++;
    bridges_remove(&d->bridges, br);
    if (np) {
        dispatch_event(d, &ev, now);
    }
}

struct nva_event
dispatch_session_event(const struct bridge *br, enum nva_event_type type)
{
    return (struct nva_event) {
        .type = type, .nve = br->nve, .session = br->session,
    };
}
