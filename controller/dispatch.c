/* SPDX-License-Identifier: Apache-2.0 */

/* The journey of every event, in the order of the design: classify, admit,
 * step, apply, program, reply, note.
 *
 * Knows which module hears which event and which channel is which NVE's.
 * Must never know a socket, a loop or a clock, and decides nothing about
 * truth.  Invariant: the directory changes in commit() only, and whatever that
 * dirtied is queued with its NVE's flow_prog before the next step looks. */

#include <config.h>

#include "dispatch.h"

#include <string.h>

#include "admission.h"
#include "converge.h"
#include "directory.h"
#include "fabric.h"
#include "hash.h"
#include "intent.h"
#include "mobility.h"
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/util.h"
#include "pipeline.h"
#include "registry.h"
#include "responder.h"
#include "util.h"

/* A connected bridge, claimed or not. */
struct bridge {
    struct hmap_node channel_node;
    struct hmap_node dpid_node;
    void *channel;
    uint64_t dpid;
    uint64_t session;               /* New with each claim. */
    char peer[DISPATCH_PEER_MAX];
    struct in6_addr peer_ip;
    struct hmap ports;              /* struct bridge_port, for a claim. */
    nva_id nve;                     /* NVA_ID_NONE: unclaimed. */
    bool reading;                   /* A read back is under way... */
    bool read_again;                /* ...and its result is of no use. */
    bool in_flight;                 /* A bundle is. */
    uint64_t foreign_flows;         /* Found by the last read back. */
};

struct bridge_port {
    struct hmap_node node;          /* By name. */
    struct nva_port port;
};

/* The programming of an NVE that has been claimed once. */
enum queue { QUEUE_NONE, QUEUE_BULK, QUEUE_MOVE };
struct nve_prog {
    struct hmap_node node;
    nva_id id;
    struct flow_prog *prog;
    struct bridge *bridge;          /* NULL: not connected. */
    const struct flow_prog_bundle *bundle;      /* In flight, or NULL. */
    enum queue queue;
    struct ovs_list queue_node;
};

struct ack {
    nva_id nve;
    struct nva_owner owner;
    uint64_t version;
    bool sent;                      /* By a bundle, not found to be there. */
};

struct dispatch {
    struct dispatch_ops ops;
    struct directory *dir;
    struct nva_plan plan;
    struct nva_dirty_list dirty;
    struct flow_prog_source source;
    struct metrics metrics;
    nva_usec deadline;              /* Of the brain, as last looked at... */
    bool deadline_is_old;           /* ...before the directory changed. */

    struct hmap bridges_by_channel;
    struct hmap bridges_by_dpid;
    size_t n_unclaimed;
    uint64_t last_session;

    struct hmap progs;
    struct ovs_list moves;          /* Dirty NVEs with something of a move. */
    struct ovs_list bulk;           /* Other dirty NVEs. */

    /* NVEs that a request made, changed or deleted: claim or release. */
    size_t n_relink, allocated_relink;
    nva_id *relink;
    /* Confirmations not yet told to the brain. */
    size_t n_acks, allocated_acks;
    struct ack *acks;
    /* Redirects that a read back did not find. */
    size_t n_expired, allocated_expired;
    struct ack *expired;
};

static void commit(struct dispatch *, const struct nva_event *, nva_usec now);
static void tell_note(struct dispatch *, const struct nva_note *,
                      nva_usec now);
static void step(const struct nva_view *, const struct nva_event *,
                 struct nva_plan *);
static bool is_fabric(enum nva_event_type);
static void note_dropped(struct nva_plan *, enum nva_reason,
                         const struct nva_event *);
static void note_relink(struct dispatch *, const struct nva_delta *);
static void program(struct dispatch *, const struct nva_dirty *);
static void send_reply(struct dispatch *, const struct nva_reply *);
static void relink(struct dispatch *, nva_id nve, nva_usec now);
static void claim(struct dispatch *, struct bridge *, const struct nva_nve *,
                  nva_usec now);
static void read_back(struct dispatch *, struct bridge *);
static void bridge_synced(struct dispatch *, struct bridge *, nva_usec now);
static void bridge_forget(struct dispatch *, struct bridge *, nva_usec now);
static void bridge_put_port(struct bridge *, const struct nva_port *,
                            bool gone);
static struct bridge *bridge_by_channel(const struct dispatch *, void *);
static struct bridge *bridge_by_dpid(const struct dispatch *, uint64_t dpid);
static struct nva_event switch_event(const struct bridge *,
                                     enum nva_event_type);
static struct nve_prog *prog_find(const struct dispatch *, nva_id nve);
static struct nve_prog *prog_get(struct dispatch *, nva_id nve);
static void prog_destroy(struct dispatch *, struct nve_prog *);
static void prog_queue(struct dispatch *, struct nve_prog *, enum queue);
static void prog_unqueue(struct nve_prog *);
static void prog_run(struct dispatch *, struct nve_prog *, nva_usec now);
static void add_ack(struct dispatch *, const struct ack *);
static void send_moves(struct dispatch *, nva_usec now);
static void tell_acks(struct dispatch *, nva_usec now);
static void stamp(struct dispatch *, enum nva_stamp_kind, nva_id nve,
                  nva_id move, nva_usec now);
static nva_id move_of_owner(const struct dispatch *, struct nva_owner);

static void
source_flows(void *d_, nva_id nve, struct nva_owner owner, nva_usec now,
             struct flow_set *out)
{
    struct dispatch *d = d_;

    intent_flows(d->dir, nve, owner, now, out);
}

static uint64_t
source_version(void *d_, struct nva_owner owner)
{
    struct dispatch *d = d_;

    return directory_owner_version(d->dir, owner);
}

/* Nobody told us of the end of this redirect while the session was away. */
static void
source_expired(void *d_, nva_id nve, struct nva_owner owner)
{
    struct dispatch *d = d_;

    if (d->n_expired >= d->allocated_expired) {
        d->expired = x2nrealloc(d->expired, &d->allocated_expired,
                                sizeof *d->expired);
    }
    d->expired[d->n_expired++] = (struct ack) { .nve = nve, .owner = owner };
}

static void
source_unchanged(void *d_, nva_id nve, struct nva_owner owner,
                 uint64_t version)
{
    const struct ack ack = { .nve = nve, .owner = owner, .version = version };

    add_ack(d_, &ack);
}

struct dispatch *
dispatch_create(const struct dispatch_ops *ops)
{
    struct dispatch *d = xzalloc(sizeof *d);

    d->ops = *ops;
    d->dir = directory_create();
    d->deadline = NVA_NEVER;
    nva_plan_init(&d->plan);
    nva_dirty_init(&d->dirty);
    d->source = (struct flow_prog_source) {
        .flows = source_flows, .version = source_version,
        .unchanged = source_unchanged, .expired = source_expired, .aux = d,
    };
    hmap_init(&d->bridges_by_channel);
    hmap_init(&d->bridges_by_dpid);
    hmap_init(&d->progs);
    ovs_list_init(&d->moves);
    ovs_list_init(&d->bulk);
    return d;
}

static void
bridge_destroy(struct dispatch *d, struct bridge *br)
{
    struct bridge_port *p;

    HMAP_FOR_EACH_POP (p, node, &br->ports) {
        free(p);
    }
    hmap_destroy(&br->ports);
    hmap_remove(&d->bridges_by_channel, &br->channel_node);
    hmap_remove(&d->bridges_by_dpid, &br->dpid_node);
    free(br);
}

void
dispatch_destroy(struct dispatch *d)
{
    struct bridge *br;
    struct nve_prog *np;

    if (!d) {
        return;
    }
    HMAP_FOR_EACH_SAFE (br, channel_node, &d->bridges_by_channel) {
        bridge_destroy(d, br);
    }
    HMAP_FOR_EACH_SAFE (np, node, &d->progs) {
        prog_destroy(d, np);
    }
    hmap_destroy(&d->bridges_by_channel);
    hmap_destroy(&d->bridges_by_dpid);
    hmap_destroy(&d->progs);
    nva_dirty_uninit(&d->dirty);
    nva_plan_uninit(&d->plan);
    directory_destroy(d->dir);
    free(d->relink);
    free(d->acks);
    free(d->expired);
    free(d);
}

/* ## Events ## */

/* The product in one function.  What a step decided is applied before the
 * next one looks; the sessions' and ports' own change comes before mobility
 * asks what that lets go on. */
enum nva_reason
dispatch_event(struct dispatch *d, const struct nva_event *ev, nva_usec now)
{
    struct nva_view view = dispatch_view(d, now);
    struct nva_plan *plan = &d->plan;

    d->metrics.events[ev->type]++;
    if (is_fabric(ev->type)) {
        nva_plan_start(plan, directory_next_id(d->dir));
        fabric_event(&view, ev, plan);
        commit(d, ev, now);
    }
    nva_plan_start(plan, directory_next_id(d->dir));
    step(&view, ev, plan);
    commit(d, ev, now);
    return plan->verdict;
}

/* Apply, program, reply, note. */
static void
commit(struct dispatch *d, const struct nva_event *ev, nva_usec now)
{
    const struct nva_plan *plan = &d->plan;

    nva_dirty_clear(&d->dirty);
    d->deadline_is_old |= plan->deltas.n > 0;
    for (size_t i = 0; i < plan->deltas.n; i++) {
        directory_apply(d->dir, &plan->deltas.a[i], &d->dirty);
        if (ev->type == NVA_EV_REQUEST) {
            note_relink(d, &plan->deltas.a[i]);
        }
    }
    for (size_t i = 0; i < d->dirty.n; i++) {
        program(d, &d->dirty.a[i]);
    }
    send_moves(d, now);         /* Before anything else is said or written. */
    for (size_t i = 0; i < plan->n_replies; i++) {
        send_reply(d, &plan->replies[i]);
    }
    for (size_t i = 0; i < plan->n_notes; i++) {
        tell_note(d, &plan->notes[i], now);
    }
}

static void
tell_note(struct dispatch *d, const struct nva_note *note, nva_usec now)
{
    const struct nva_view view = dispatch_view(d, now);

    metrics_note(&d->metrics, note);
    d->ops.on_note(d->ops.aux, &view, note);
}

/* Which module hears which event.  Changes nothing but 'plan'. */
static void
step(const struct nva_view *view, const struct nva_event *ev,
     struct nva_plan *plan)
{
    enum nva_admit admit;
    enum nva_reason reason;

    switch (ev->type) {
    case NVA_EV_REQUEST:
        if (ev->request.type >= NVA_REQ_MOVE_START) {
            mobility_request(view, &ev->request, plan);
        } else {
            registry_request(view, &ev->request, plan);
        }
        break;
    case NVA_EV_EVIDENCE:
        reason = admission_evidence(view, ev, &admit);
        if (reason) {
            note_dropped(plan, reason, ev);
        } else {
            mobility_evidence(view, ev, admit, plan);
        }
        break;
    case NVA_EV_QUESTION:
        responder_question(view, ev, plan);
        break;
    case NVA_EV_STRAY:
        responder_stray(view, ev, plan);
        mobility_stray(view, ev, plan);
        break;
    case NVA_EV_TIMER:
        converge_timer(view, plan);
        fabric_timer(view, plan);
        break;
    case NVA_EV_NVE_UP:
    case NVA_EV_NVE_SYNCED:
    case NVA_EV_NVE_DOWN:
    case NVA_EV_PORT:
    case NVA_EV_FLOW_REMOVED:
    case NVA_EV_CONFIRMED:
    case NVA_EV_QUARANTINED:
        converge_event(view, ev, plan);
        break;
    }
}

static bool
is_fabric(enum nva_event_type type)
{
    return (type == NVA_EV_NVE_UP || type == NVA_EV_NVE_SYNCED
            || type == NVA_EV_NVE_DOWN || type == NVA_EV_PORT);
}

static void
note_dropped(struct nva_plan *plan, enum nva_reason reason,
             const struct nva_event *ev)
{
    struct nva_note *note = nva_plan_note(plan, NVA_NOTE_DROPPED, reason);

    note->nve = ev->nve;
    note->vn = ev->packet.vn;
    note->mac = ev->packet.frame.eth_src;
    note->ip = ev->packet.frame.spa;
}

enum nva_reason
dispatch_request(struct dispatch *d, const struct nva_request *request,
                 nva_usec now)
{
    struct nva_event ev = { .type = NVA_EV_REQUEST, .request = *request };

    if (request->type == NVA_REQ_NVE_PUT) {
        const struct bridge *br = bridge_by_dpid(d, request->nve.nve.dpid);

        ev.request.nve.foreign_flows =
            br && br->nve == NVA_ID_NONE ? br->foreign_flows : 0;
    }
    return dispatch_event(d, &ev, now);
}

const struct nva_plan *
dispatch_plan(const struct dispatch *d)
{
    return &d->plan;
}

void
dispatch_timer(struct dispatch *d, nva_usec now)
{
    if (dispatch_deadline(d, now) <= now) {
        struct nva_event ev = { .type = NVA_EV_TIMER };

        d->deadline = NVA_NEVER;
        d->deadline_is_old = true;
        dispatch_event(d, &ev, now);
    }
}

/* A walk over all redirects: only when something has changed.  An earlier
 * deadline that has not been served stays, so that time that goes by between
 * a change and this look loses nothing. */
nva_usec
dispatch_deadline(struct dispatch *d, nva_usec now)
{
    if (d->deadline_is_old) {
        struct nva_view view = dispatch_view(d, now);

        d->deadline = MIN(d->deadline, converge_deadline(&view));
        d->deadline = MIN(d->deadline, fabric_deadline(&view));
        d->deadline_is_old = false;
    }
    return d->deadline;
}

/* Only what was queued when this began: an owner that is dirtied by its own
 * confirmation must not keep the loop here. */
static void
send_moves(struct dispatch *d, nva_usec now)
{
    for (size_t n = ovs_list_size(&d->moves); n > 0; n--) {
        struct nve_prog *np = CONTAINER_OF(ovs_list_front(&d->moves),
                                           struct nve_prog, queue_node);

        prog_unqueue(np);
        prog_run(d, np, now);
    }
}

bool
dispatch_run(struct dispatch *d, nva_usec now)
{
    struct nve_prog *np;

    for (size_t i = 0; i < d->n_relink; i++) {
        relink(d, d->relink[i], now);
    }
    d->n_relink = 0;

    send_moves(d, now);
    for (size_t n = MIN(ovs_list_size(&d->bulk), DISPATCH_BULK_PER_RUN);
         n > 0; n--) {
        np = CONTAINER_OF(ovs_list_front(&d->bulk), struct nve_prog,
                          queue_node);
        prog_unqueue(np);
        prog_run(d, np, now);
    }
    tell_acks(d, now);
    return !ovs_list_is_empty(&d->moves) || !ovs_list_is_empty(&d->bulk);
}

/* ## Switches ## */

enum nva_reason
dispatch_switch_up(struct dispatch *d, void *channel,
                   const struct dispatch_peer *peer, nva_usec now)
{
    const struct nva_nve *nve = directory_nve_by_dpid(d->dir, peer->dpid);
    struct bridge *br = bridge_by_dpid(d, peer->dpid);

    if (br) {
        void *older = br->channel;

        bridge_forget(d, br, now);
        d->ops.close(older, NVA_R_DPID_BUSY);
    }
    if (hmap_count(&d->bridges_by_dpid) >= DISPATCH_SWITCHES_MAX
        || (!nve && d->n_unclaimed >= DISPATCH_UNCLAIMED_MAX)) {
        d->metrics.counters[METRICS_SWITCHES_REFUSED]++;
        return NVA_R_LIMIT;
    }

    br = xzalloc(sizeof *br);
    br->channel = channel;
    br->dpid = peer->dpid;
    br->peer_ip = peer->ip;
    ovs_strzcpy(br->peer, peer->text, sizeof br->peer);
    hmap_init(&br->ports);
    for (size_t i = 0; i < peer->n_ports; i++) {
        bridge_put_port(br, &peer->ports[i], false);
    }
    hmap_insert(&d->bridges_by_channel, &br->channel_node,
                hash_pointer(channel, 0));
    hmap_insert(&d->bridges_by_dpid, &br->dpid_node, hash_uint64(br->dpid));
    d->n_unclaimed++;
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
    struct bridge *br = bridge_by_channel(d, channel);

    if (br) {
        bridge_forget(d, br, now);
    }
}

void
dispatch_switch_readback_flow(struct dispatch *d, void *channel,
                              uint64_t cookie, uint64_t hash)
{
    struct bridge *br = bridge_by_channel(d, channel);
    struct nva_owner owner;
    bool current_schema;
    bool ours = pipeline_cookie_parse(cookie, &owner, &current_schema);

    if (!br || br->read_again) {
        return;
    }
    br->foreign_flows += !ours;
    if (br->nve != NVA_ID_NONE) {
        struct flow_prog *prog = prog_get(d, br->nve)->prog;
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
    struct bridge *br = bridge_by_channel(d, channel);

    if (br && !br->read_again && br->nve != NVA_ID_NONE) {
        flow_prog_readback_meter(prog_get(d, br->nve)->prog, meter);
    }
}

void
dispatch_switch_readback_done(struct dispatch *d, void *channel, nva_usec now)
{
    struct bridge *br = bridge_by_channel(d, channel);

    if (!br || !br->reading) {
        return;
    }
    br->reading = false;
    if (br->read_again) {
        br->read_again = false;
        read_back(d, br);
    } else if (br->nve != NVA_ID_NONE) {
        bridge_synced(d, br, now);
    }
}

void
dispatch_switch_port(struct dispatch *d, void *channel,
                     const struct nva_port *port, bool gone, nva_usec now)
{
    struct bridge *br = bridge_by_channel(d, channel);

    if (!br) {
        return;
    }
    bridge_put_port(br, port, gone);
    if (br->nve != NVA_ID_NONE) {
        struct nva_event ev = switch_event(br, NVA_EV_PORT);

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
    struct bridge *br = bridge_by_channel(d, channel);
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
    reason = classify_packet_in(d->dir, &pin, ev, &n);
    if (reason) {
        const struct nva_note note = {
            .type = NVA_NOTE_DROPPED, .reason = reason, .nve = br->nve,
        };

        tell_note(d, &note, now);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        dispatch_event(d, &ev[i], now);
    }
}

void
dispatch_switch_flow_removed(struct dispatch *d, void *channel,
                             uint64_t cookie, uint64_t packets,
                             bool by_timeout, nva_usec now)
{
    struct bridge *br = bridge_by_channel(d, channel);
    struct nva_owner owner;
    bool current_schema;

    if (!br || br->nve == NVA_ID_NONE
        || !pipeline_cookie_parse(cookie, &owner, &current_schema)
        || !current_schema) {
        return;
    }
    if (by_timeout) {
        flow_prog_removed(prog_get(d, br->nve)->prog, owner);
    }
    if (owner.kind == NVA_OWNER_REDIRECT) {
        struct nva_event ev = switch_event(br, NVA_EV_FLOW_REMOVED);

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
    struct bridge *br = bridge_by_channel(d, channel);
    struct nve_prog *np = br ? prog_find(d, br->nve) : NULL;

    if (np && np->bundle && msg < np->bundle->n_msgs) {
        struct nva_event ev = switch_event(br, NVA_EV_QUARANTINED);

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

    add_ack(aux->d, &ack);
}

void
dispatch_switch_bundle_done(struct dispatch *d, void *channel, bool applied,
                            nva_usec now)
{
    struct bridge *br = bridge_by_channel(d, channel);
    struct nve_prog *np = br ? prog_find(d, br->nve) : NULL;

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
        prog_queue(d, np, QUEUE_MOVE);
    }
    tell_acks(d, now);
}

/* ## Questions ## */

static bool
view_confirmed(const void *d, nva_id nve, struct nva_owner owner,
               uint64_t version)
{
    const struct nve_prog *np = prog_find(d, nve);

    return np && flow_prog_confirmed(np->prog, owner, version);
}

struct nva_view
dispatch_view(const struct dispatch *d, nva_usec now)
{
    return (struct nva_view) {
        .dir = d->dir, .now = now, .confirmed = view_confirmed, .aux = d,
    };
}

struct metrics *
dispatch_metrics(struct dispatch *d)
{
    return &d->metrics;
}

struct gauges_aux {
    const struct dispatch *d;
    struct metrics_gauges *gauges;
};

static bool
gauge_nve_cb(const void *nve_, void *aux_)
{
    const struct nva_nve *nve = nve_;
    const struct gauges_aux *aux = aux_;
    size_t owners, dirty, quarantined;

    dispatch_nve_state(aux->d, nve->id, &owners, &dirty, &quarantined);
    aux->gauges->nves_connected += nve->connected;
    aux->gauges->owners += owners;
    aux->gauges->dirty += dirty;
    aux->gauges->quarantined += quarantined;
    return true;
}

static bool
gauge_move_cb(const void *move_, void *aux_)
{
    const struct nva_move *move = move_;
    const struct gauges_aux *aux = aux_;

    aux->gauges->moves[move->state]++;
    return true;
}

void
dispatch_gauges(const struct dispatch *d, struct metrics_gauges *gauges)
{
    struct gauges_aux aux = { .d = d, .gauges = gauges };

    *gauges = (struct metrics_gauges) {
        .nves = directory_n_nves(d->dir),
        .unclaimed = d->n_unclaimed,
        .vns = directory_n_vns(d->dir),
        .vms = directory_n_vms(d->dir),
    };
    directory_each_nve(d->dir, gauge_nve_cb, &aux);
    directory_each_move(d->dir, gauge_move_cb, &aux);
}

void
dispatch_each_unclaimed(const void *d_,
                        void (*cb)(uint64_t dpid, const char *peer,
                                   uint64_t foreign_flows, void *aux),
                        void *aux)
{
    const struct dispatch *d = d_;
    const struct bridge *br;

    HMAP_FOR_EACH (br, dpid_node, &d->bridges_by_dpid) {
        if (br->nve == NVA_ID_NONE) {
            cb(br->dpid, br->peer, br->foreign_flows, aux);
        }
    }
}

void
dispatch_nve_state(const void *d, nva_id nve, size_t *owners, size_t *dirty,
                   size_t *quarantined)
{
    const struct nve_prog *np = prog_find(d, nve);

    *owners = np ? flow_prog_n_owners(np->prog) : 0;
    *dirty = np ? flow_prog_n_dirty(np->prog) : 0;
    *quarantined = np ? flow_prog_n_quarantined(np->prog) : 0;
}

const struct flow_prog *
dispatch_flow_prog(const struct dispatch *d, nva_id nve)
{
    const struct nve_prog *np = prog_find(d, nve);

    return np ? np->prog : NULL;
}

/* ## Program and reply ## */

/* Of the interface that 'owner' is about, if its VM is moving. */
static nva_id
move_of_owner(const struct dispatch *d, struct nva_owner owner)
{
    const struct nva_tsi *tsi = (owner.kind == NVA_OWNER_TSI
                                 ? directory_tsi(d->dir, owner.id) : NULL);
    const struct nva_vm *vm = tsi ? directory_vm(d->dir, tsi->vm) : NULL;

    return vm ? vm->move : NVA_ID_NONE;
}

static void
program(struct dispatch *d, const struct nva_dirty *dirty)
{
    struct nve_prog *np = prog_find(d, dirty->nve);
    bool move;

    if (!np || !np->bridge) {
        return;                 /* Read back will find the difference. */
    }
    move = (dirty->owner.kind == NVA_OWNER_REDIRECT
            || move_of_owner(d, dirty->owner) != NVA_ID_NONE);
    flow_prog_dirty(np->prog, dirty->owner,
                    move ? FLOW_PROG_MOVE
                    : dirty->owner.kind == NVA_OWNER_FLOOD ? FLOW_PROG_RESYNC
                    : FLOW_PROG_CONFIG);
    prog_queue(d, np, move ? QUEUE_MOVE : QUEUE_BULK);
}

static bool
put_reply_actions(const struct dispatch *d, const struct nva_reply *reply,
                  struct ofpbuf *ofpacts)
{
    const struct nva_nve *to = directory_nve(d->dir, reply->to);
    const struct nva_port *tunnel = directory_tunnel_port(d->dir, reply->nve);

    switch (reply->target) {
    case NVA_REPLY_TO_PORT:
        pipeline_out_port(reply->ofport, ofpacts);
        return true;
    case NVA_REPLY_TO_FLOOD:
        pipeline_out_flood(reply->vni, ofpacts);
        return true;
    case NVA_REPLY_TO_TUNNEL:
        if (!to || !tunnel || IN6_IS_ADDR_UNSPECIFIED(&to->tunnel_ip)) {
            return false;
        }
        pipeline_out_tunnel(tunnel->ofport, &to->tunnel_ip, reply->vni,
                            ofpacts);
        return true;
    }
    return false;
}

static void
send_reply(struct dispatch *d, const struct nva_reply *reply)
{
    const struct nve_prog *np = prog_find(d, reply->nve);
    uint64_t stub[128 / 8];
    struct ofpbuf ofpacts;

    if (!np || !np->bridge) {
        return;
    }
    ofpbuf_use_stub(&ofpacts, stub, sizeof stub);
    if (put_reply_actions(d, reply, &ofpacts)) {
        nva_ofport in_port = (reply->target == NVA_REPLY_TO_FLOOD
                              ? reply->ofport : NVA_OFPORT_NONE);

        d->metrics.counters[METRICS_PACKET_OUTS]++;
        d->ops.packet_out(np->bridge->channel, in_port, reply->data,
                          reply->size, &ofpacts);
    }
    ofpbuf_uninit(&ofpacts);
}

/* ## NVEs and their programming ## */

static struct nve_prog *
prog_find(const struct dispatch *d, nva_id nve)
{
    struct nve_prog *np;

    HMAP_FOR_EACH_WITH_HASH (np, node, hash_uint64(nve), &d->progs) {
        if (np->id == nve) {
            return np;
        }
    }
    return NULL;
}

static struct nve_prog *
prog_get(struct dispatch *d, nva_id nve)
{
    struct nve_prog *np = prog_find(d, nve);

    if (!np) {
        np = xzalloc(sizeof *np);
        np->id = nve;
        np->prog = flow_prog_create(nve);
        ovs_list_init(&np->queue_node);
        hmap_insert(&d->progs, &np->node, hash_uint64(nve));
    }
    return np;
}

static void
prog_destroy(struct dispatch *d, struct nve_prog *np)
{
    prog_unqueue(np);
    flow_prog_destroy(np->prog);
    hmap_remove(&d->progs, &np->node);
    free(np);
}

static void
prog_unqueue(struct nve_prog *np)
{
    ovs_list_remove(&np->queue_node);
    ovs_list_init(&np->queue_node);
    np->queue = QUEUE_NONE;
}

static void
prog_queue(struct dispatch *d, struct nve_prog *np, enum queue queue)
{
    if (queue > np->queue) {
        prog_unqueue(np);
        np->queue = queue;
        ovs_list_push_back(queue == QUEUE_MOVE ? &d->moves : &d->bulk,
                           &np->queue_node);
    }
}

/* One SENT for each move whose interface is in the bundle. */
static void
stamp_sent(struct dispatch *d, const struct nve_prog *np, nva_usec now)
{
    const struct flow_prog_bundle *bundle = np->bundle;
    nva_id last = NVA_ID_NONE;

    for (size_t i = 0; i < bundle->n_owners; i++) {
        nva_id move = move_of_owner(d, bundle->owners[i]);

        if (move != NVA_ID_NONE && move != last) {
            stamp(d, NVA_STAMP_SENT, np->id, move, now);
            last = move;
        }
    }
}

static void
prog_run(struct dispatch *d, struct nve_prog *np, nva_usec now)
{
    const struct nva_nve *nve = directory_nve(d->dir, np->id);
    struct bridge *br = np->bridge;
    uint32_t meter;

    if (!nve || !nve->connected || !br || br->reading || br->in_flight) {
        return;                 /* The end of that queues it again. */
    }
    np->bundle = flow_prog_next(np->prog, &d->source, now);
    if (np->bundle) {
        br->in_flight = true;
        d->metrics.counters[METRICS_BUNDLES]++;
        d->metrics.counters[METRICS_FLOW_MODS] += np->bundle->n_msgs;
        d->ops.send_bundle(br->channel, np->bundle);
        stamp_sent(d, np, now);
    }
    while (flow_prog_next_meter_delete(np->prog, &meter)) {
        d->ops.delete_meter(br->channel, meter);
    }
}

/* ## Acknowledgements ## */

static void
add_ack(struct dispatch *d, const struct ack *ack)
{
    if (ack->owner.kind == NVA_OWNER_NONE
        || ack->owner.kind == NVA_OWNER_BASE) {
        return;                 /* Nothing in the brain waits for these. */
    }
    if (d->n_acks >= d->allocated_acks) {
        d->acks = x2nrealloc(d->acks, &d->allocated_acks, sizeof *d->acks);
    }
    d->acks[d->n_acks++] = *ack;
}

/* Called when no flow_prog is in the middle of something. */
static void
tell_acks(struct dispatch *d, nva_usec now)
{
    nva_id last = NVA_ID_NONE;

    for (size_t i = 0; i < d->n_acks; i++) {
        const struct ack *ack = &d->acks[i];
        nva_id move = move_of_owner(d, ack->owner);

        if (ack->sent && move != NVA_ID_NONE && move != last) {
            stamp(d, NVA_STAMP_CONFIRMED, ack->nve, move, now);
            last = move;
        }
    }
    for (size_t i = 0; i < d->n_acks; i++) {
        const struct ack *ack = &d->acks[i];
        const struct nve_prog *np = prog_find(d, ack->nve);

        if (np && np->bridge) {
            struct nva_event ev = switch_event(np->bridge, NVA_EV_CONFIRMED);

            ev.flow.owner = ack->owner;
            ev.flow.version = ack->version;
            dispatch_event(d, &ev, now);
        }
    }
    d->n_acks = 0;
}

/* The body's own book-keeping in a move's timeline: when it sent and when it
 * heard.  Dirties nothing. */
static void
stamp(struct dispatch *d, enum nva_stamp_kind kind, nva_id nve, nva_id move,
      nva_usec now)
{
    struct nva_delta delta = {
        .type = NVA_DELTA_MOVE_STAMP, .id = move,
        .stamp = { .kind = kind, .when = now, .nve = nve },
    };

    nva_dirty_clear(&d->dirty);
    directory_apply(d->dir, &delta, &d->dirty);
    d->deadline_is_old = true;          /* A pause settles after its last. */
}

/* ## Claim and release ## */

static void
note_relink(struct dispatch *d, const struct nva_delta *delta)
{
    if (delta->type != NVA_DELTA_NVE_PUT && delta->type != NVA_DELTA_NVE_DEL) {
        return;
    }
    if (d->n_relink >= d->allocated_relink) {
        d->relink = x2nrealloc(d->relink, &d->allocated_relink,
                               sizeof *d->relink);
    }
    d->relink[d->n_relink++] = (delta->type == NVA_DELTA_NVE_PUT
                                ? delta->nve.id : delta->id);
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
        d->n_unclaimed++;
    }
    flow_prog_session_end(np->prog);
    prog_unqueue(np);
}

/* A request made, changed or deleted 'id'. */
static void
relink(struct dispatch *d, nva_id id, nva_usec now)
{
    const struct nva_nve *nve = directory_nve(d->dir, id);
    struct nve_prog *np = prog_find(d, id);
    struct bridge *br = nve ? bridge_by_dpid(d, nve->dpid) : NULL;

    if (!nve) {
        br = np ? np->bridge : NULL;
        if (np) {
            release(d, np);
            prog_destroy(d, np);
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
    struct nve_prog *np = prog_get(d, nve->id);
    struct nva_port *ports = xcalloc(hmap_count(&br->ports) + 1,
                                     sizeof *ports);
    struct bridge_port *p;
    struct nva_event ev;
    size_t n = 0;

    br->session = ++d->last_session;
    br->nve = nve->id;
    d->n_unclaimed--;
    np->bridge = br;
    np->bundle = NULL;
    flow_prog_session_start(np->prog);

    HMAP_FOR_EACH (p, node, &br->ports) {
        ports[n] = p->port;
        ports[n++].nve = nve->id;
    }
    ev = switch_event(br, NVA_EV_NVE_UP);
    ev.up.peer_ip = br->peer_ip;
    ev.up.n_ports = n;
    ev.up.ports = ports;
    dispatch_event(d, &ev, now);
    free(ports);
    read_back(d, br);
}

static void
read_back(struct dispatch *d, struct bridge *br)
{
    if (br->reading) {
        br->read_again = true;
    } else {
        br->reading = true;
        br->foreign_flows = 0;
        d->ops.read_back(br->channel);
    }
}

struct owners_aux {
    size_t n, allocated;
    struct nva_owner *a;
};

static void
owners_cb(struct nva_owner owner, void *aux_)
{
    struct owners_aux *aux = aux_;

    if (aux->n >= aux->allocated) {
        aux->a = x2nrealloc(aux->a, &aux->allocated, sizeof *aux->a);
    }
    aux->a[aux->n++] = owner;
}

/* What the switch was found to have right already is an acknowledgement too:
 * tell those that a move or a redirect may wait for. */
static void
ack_found(struct dispatch *d, const struct nve_prog *np,
          const struct owners_aux *owners)
{
    bool moving = directory_n_moves_active(d->dir) > 0;

    for (size_t i = 0; i < owners->n; i++) {
        struct nva_owner owner = owners->a[i];
        const struct ack ack = {
            .nve = np->id, .owner = owner,
            .version = directory_owner_version(d->dir, owner),
        };

        if ((moving || owner.kind == NVA_OWNER_REDIRECT)
            && flow_prog_confirmed(np->prog, owner, ack.version)) {
            add_ack(d, &ack);
        }
    }
}

static void
tell_expired(struct dispatch *d, const struct bridge *br, nva_usec now)
{
    for (size_t i = 0; i < d->n_expired; i++) {
        struct nva_event ev = switch_event(br, NVA_EV_FLOW_REMOVED);

        ev.flow.owner = d->expired[i].owner;
        ev.flow.by_timeout = true;
        dispatch_event(d, &ev, now);
    }
    d->n_expired = 0;
}

static void
bridge_synced(struct dispatch *d, struct bridge *br, nva_usec now)
{
    struct nva_event ev = switch_event(br, NVA_EV_NVE_SYNCED);
    struct nve_prog *np = prog_get(d, br->nve);
    struct owners_aux owners = { .n = 0 };
    const struct nva_nve *nve;

    ev.synced.foreign_flows = br->foreign_flows;
    dispatch_event(d, &ev, now);

    nve = directory_nve(d->dir, np->id);
    if (nve && nve->connected) {
        directory_each_owner_at(d->dir, np->id, owners_cb, &owners);
        flow_prog_readback_done(np->prog, &d->source, owners.a, owners.n,
                                now);
        ack_found(d, np, &owners);
        prog_queue(d, np, QUEUE_MOVE);
        free(owners.a);
        tell_expired(d, br, now);
        tell_acks(d, now);
    }
}

/* ## Bridges ## */

static struct bridge *
bridge_by_channel(const struct dispatch *d, void *channel)
{
    struct bridge *br;

    HMAP_FOR_EACH_WITH_HASH (br, channel_node, hash_pointer(channel, 0),
                             &d->bridges_by_channel) {
        if (br->channel == channel) {
            return br;
        }
    }
    return NULL;
}

static struct bridge *
bridge_by_dpid(const struct dispatch *d, uint64_t dpid)
{
    struct bridge *br;

    HMAP_FOR_EACH_WITH_HASH (br, dpid_node, hash_uint64(dpid),
                             &d->bridges_by_dpid) {
        if (br->dpid == dpid) {
            return br;
        }
    }
    return NULL;
}

static void
bridge_forget(struct dispatch *d, struct bridge *br, nva_usec now)
{
    struct nve_prog *np = prog_find(d, br->nve);
    struct nva_event ev = switch_event(br, NVA_EV_NVE_DOWN);

    if (np) {
        release(d, np);
    }
    d->n_unclaimed--;
    d->metrics.counters[METRICS_SWITCHES_DOWN]++;
    bridge_destroy(d, br);
    if (np) {
        dispatch_event(d, &ev, now);
    }
}

static void
bridge_put_port(struct bridge *br, const struct nva_port *port, bool gone)
{
    uint32_t hash = hash_string(port->name, 0);
    struct bridge_port *p;

    HMAP_FOR_EACH_WITH_HASH (p, node, hash, &br->ports) {
        if (!strcmp(p->port.name, port->name)) {
            break;
        }
    }
    if (gone) {
        if (p) {
            hmap_remove(&br->ports, &p->node);
            free(p);
        }
        return;
    }
    if (!p) {
        if (hmap_count(&br->ports) >= NVA_PORTS_PER_NVE_MAX) {
            return;             /* A switch that invents ports. */
        }
        p = xzalloc(sizeof *p);
        hmap_insert(&br->ports, &p->node, hash);
    }
    p->port = *port;
}

static struct nva_event
switch_event(const struct bridge *br, enum nva_event_type type)
{
    return (struct nva_event) {
        .type = type, .nve = br->nve, .session = br->session,
    };
}
