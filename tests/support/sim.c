/* SPDX-License-Identifier: Apache-2.0 */

/* The simulated fabric.  One heap of what happens next; everything that takes
 * time is an entry in it. */

#include <config.h>

#include "sim.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api-json.h"
#include "drain.h"
#include "flow.h"
#include "guest-frame.h"
#include "intent.h"
#include "of-session.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofp-actions.h"
#include "packets.h"
#include "pipeline.h"
#include "util.h"

enum { HOPS_ALARM = 12, SPINS_ALARM = 1000, QUEUE_MAX = 1000 };

#define CONTROL_DELAY (200 * (nva_usec) 1)
#define LINK_DELAY (50 * (nva_usec) 1)
#define LAG (1 * NVA_MSEC)

enum happening_type { TO_NVAD, TO_SWITCH, TUNNEL, FROM_GUEST };

struct happening {
    nva_usec when;
    uint64_t seq;
    enum happening_type type;
    int nve;
    uint64_t session;
    uint8_t *data;                      /* TO_*: bytes. */
    size_t size;
    struct sim_packet packet;           /* TUNNEL, FROM_GUEST. */
    nva_ofport ofport;                  /* FROM_GUEST. */
};

struct sim_port {
    int nve;
    nva_ofport ofport;
    char name[NVA_PORT_NAME_MAX];
    bool gone;
    size_t n_queued, allocated_queued;
    uint64_t *queued;
};

struct sim_nve {
    int n;
    struct sim *sim;
    struct fake_switch *sw;
    struct of_session *session;         /* nvad's end; NULL: down. */
    uint64_t generation;
    bool up;                            /* dispatch knows it. */
    bool isolated;
    struct in6_addr ip;
    bool local;                         /* A unix socket: shows no address. */
    nva_usec slow;
    nva_usec last_up, last_down;        /* TCP keeps order. */
    nva_ofport next_ofport;
};

struct guest {
    struct sim_vm vm;
    struct sim_port *at;
    bool still;
    bool mute;                          /* Answers nobody. */
    uint64_t last_let_go;               /* Held packets keep their order. */
    nva_usec stood;                     /* When it came to where it is. */
    int answers;
    nva_usec probes_until[2];           /* Its own address: IPv4, IPv6. */
    int conflicts;
};

struct journey {
    int from, to;                       /* 'to' -1: broadcast. */
    nva_usec sent;
    int received, delivered, hops;
    uint64_t order;                     /* Of its first reading. */
    uint64_t held;                      /* nvad holds it, or did: order. */
    uint64_t let_go;                    /* By the session with this number of
                                         * its NVE, one more; 0: not yet. */
    int let_go_at;
    nva_ofport let_go_to;
    uint8_t heard[SIM_VMS_MAX];
};

struct sim {
    uint64_t rng;
    nva_usec now;
    nva_usec turn_usec;             /* How long one takes that compares. */
    uint64_t seq;
    struct dispatch *dispatch;
    int n_nves;
    struct sim_nve nves[SIM_NVES_MAX + 1];
    int n_vms;
    struct guest guests[SIM_VMS_MAX];
    size_t n_ports;
    struct sim_port *ports;
    size_t n_heap, allocated_heap;
    struct happening **heap;
    size_t n_journeys, allocated_journeys;
    struct journey *journeys;
    uint64_t n_read, n_held;
    int n_spins;                        /* Timers in a row that were due. */
    size_t notes[NVA_N_NOTES][NVA_N_REASONS];
    char *body;
    const char *alarm;
};

static void feed(struct sim_nve *);
static void flush_nve(struct sim_nve *);
static void flush(struct sim *);

/* ## Chance ## */

uint32_t
sim_random(struct sim *sim, uint32_t n)
{
    sim->rng ^= sim->rng << 13;
    sim->rng ^= sim->rng >> 7;
    sim->rng ^= sim->rng << 17;
    return sim->rng ? (sim->rng >> 11) % n : 0;
}

static nva_usec
jitter(struct sim *sim, nva_usec most)
{
    return sim->rng ? (nva_usec) sim_random(sim, most + 1) : 0;
}

/* ## The heap ## */

static bool
before(const struct happening *a, const struct happening *b)
{
    return a->when < b->when || (a->when == b->when && a->seq < b->seq);
}

static struct happening *
heap_pop(struct sim *sim)
{
    struct happening *top = sim->heap[0];
    struct happening *last = sim->heap[--sim->n_heap];
    size_t i = 0;

    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= sim->n_heap) {
            break;
        }
        if (child + 1 < sim->n_heap
            && before(sim->heap[child + 1], sim->heap[child])) {
            child++;
        }
        if (!before(sim->heap[child], last)) {
            break;
        }
        sim->heap[i] = sim->heap[child];
        i = child;
    }
    if (sim->n_heap) {
        sim->heap[i] = last;
    }
    return top;
}

static struct happening *
heap_push(struct sim *sim, nva_usec when, enum happening_type type, int nve)
{
    struct happening *h = xzalloc(sizeof *h);
    size_t i = sim->n_heap++;

    h->when = when;
    h->seq = sim->seq++;
    h->type = type;
    h->nve = nve;
    if (sim->n_heap > sim->allocated_heap) {
        sim->allocated_heap = MAX(64, 2 * sim->allocated_heap);
        sim->heap = xrealloc(sim->heap,
                             sim->allocated_heap * sizeof *sim->heap);
    }
    while (i && before(h, sim->heap[(i - 1) / 2])) {
        sim->heap[i] = sim->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    sim->heap[i] = h;
    return h;
}

static void
happening_free(struct happening *h)
{
    free(h->data);
    free(h);
}

/* ## Bytes between nvad and a switch ## */

static void
push_bytes(struct sim_nve *nve, enum happening_type type, struct ofpbuf *from,
           nva_usec *last)
{
    struct sim *sim = nve->sim;
    struct happening *h;
    nva_usec when;

    if (!from->size) {
        return;
    }
    when = sim->now + CONTROL_DELAY + nve->slow + jitter(sim,
                                                         2 * CONTROL_DELAY);
    *last = MAX(*last, when);
    h = heap_push(sim, *last, type, nve->n);
    h->session = nve->generation;
    h->data = xmemdup(from->data, from->size);
    h->size = from->size;
    ofpbuf_clear(from);
}

static void
flush_nve(struct sim_nve *nve)
{
    if (!nve->session) {
        ofpbuf_clear(fake_switch_output(nve->sw));
        return;
    }
    push_bytes(nve, TO_SWITCH, of_session_output(nve->session),
               &nve->last_down);
    push_bytes(nve, TO_NVAD, fake_switch_output(nve->sw), &nve->last_up);
}

static void
flush(struct sim *sim)
{
    while (dispatch_run(sim->dispatch, sim->now)) {
        continue;
    }
    for (int i = 1; i <= sim->n_nves; i++) {
        flush_nve(&sim->nves[i]);
    }
}

static void
alarm_set(struct sim *sim, const char *alarm)
{
    sim->alarm = sim->alarm ? sim->alarm : alarm;
}

/* A data packet of ours; NULL: another frame. */
static struct journey *
journey_of(struct sim *sim, const void *frame, size_t size)
{
    const ovs_be16 eth_type = htons(ETH_TYPE_IP);
    uint64_t id;

    if (size < ETH_HEADER_LEN + sizeof id
        || memcmp((const uint8_t *) frame + 12, &eth_type, 2)) {
        return NULL;
    }
    memcpy(&id, (const uint8_t *) frame + ETH_HEADER_LEN, sizeof id);
    return id && id <= sim->n_journeys ? &sim->journeys[id - 1] : NULL;
}

static struct hold_stats
hold_stats_now(const struct sim *sim)
{
    struct metrics_gauges gauges;

    dispatch_gauges(sim->dispatch, &gauges);
    return gauges.hold;
}

/* What comes to nvad to be held, and is. */
static void
feed_packet_in(struct sim_nve *nve, const struct nva_packet_in *pin)
{
    struct sim *sim = nve->sim;
    bool shown = pin->table == NVA_TABLE_HOLD;
    uint64_t held = shown ? hold_stats_now(sim).held : 0;
    struct journey *j;

    dispatch_switch_packet_in(sim->dispatch, nve, pin, sim->now);
    if (!shown || hold_stats_now(sim).held == held) {
        return;
    }
    j = journey_of(sim, pin->data, pin->size);
    if (j && j->held) {
        alarm_set(sim, "a packet was held twice");
    } else if (j) {
        j->held = ++sim->n_held;
    }
}

/* What was held goes out once, in the order in which it came. */
static void
note_let_go(struct sim_nve *nve, struct journey *j,
            const struct ofpbuf *ofpacts)
{
    const struct ofpact_output *out = ofpact_get_OUTPUT(ofpacts->data);
    struct guest *to = &nve->sim->guests[j->to];

    if (j->let_go) {
        alarm_set(nve->sim, "a packet was held once and let go twice");
    } else if (j->held < to->last_let_go) {
        alarm_set(nve->sim, "held packets have overtaken each other");
    }
    to->last_let_go = j->held;
    j->let_go = nve->generation + 1;
    j->let_go_at = nve->n;
    j->let_go_to = ofp_to_u16(out->port);
}

static void
feed_up(struct sim_nve *nve, const struct of_session_event *ev)
{
    const struct dispatch_peer peer = {
        .dpid = ev->up.dpid, .text = "sim",
        .ip = nve->local ? in6addr_any : nve->ip,
        .n_ports = ev->up.n_ports, .ports = ev->up.ports,
        .openflow = of_version_text(ev->up.version),
        .bundles = ev->up.bundles,
    };

    nve->up = true;
    ovs_assert(!dispatch_switch_up(nve->sim->dispatch, nve, &peer,
                                   nve->sim->now));
}

static void
feed_one(struct sim_nve *nve, const struct of_session_event *ev)
{
    struct dispatch *d = nve->sim->dispatch;
    nva_usec now = nve->sim->now;

    switch (ev->type) {
    case OF_SESSION_UP:
        feed_up(nve, ev);
        break;
    case OF_SESSION_READBACK_FLOW:
        dispatch_switch_readback_flow(d, nve, ev->flow.cookie, ev->flow.hash);
        break;
    case OF_SESSION_READBACK_METER:
        dispatch_switch_readback_meter(d, nve, ev->meter);
        break;
    case OF_SESSION_READBACK_DONE:
        dispatch_switch_readback_done(d, nve, now);
        break;
    case OF_SESSION_PORT:
        dispatch_switch_port(d, nve, &ev->port.port, ev->port.gone, now);
        break;
    case OF_SESSION_PACKET_IN:
        feed_packet_in(nve, &ev->pin);
        break;
    case OF_SESSION_FLOW_REMOVED:
        dispatch_switch_flow_removed(d, nve, ev->removed.cookie,
                                     ev->removed.packets,
                                     ev->removed.by_timeout, now);
        break;
    case OF_SESSION_MSG_FAILED:
        dispatch_switch_msg_failed(d, nve, ev->failed.msg, ev->failed.reason,
                                   now);
        break;
    case OF_SESSION_BUNDLE_DONE:
        dispatch_switch_bundle_done(d, nve, ev->applied, now);
        break;
    case OF_SESSION_ENDED:
        ovs_fatal(0, "hv%d: session ended: %s %s", nve->n,
                  nva_reason_word(ev->ended.reason),
                  ev->ended.detail ? ev->ended.detail : "");
    }
}

static void
feed(struct sim_nve *nve)
{
    struct of_session_event ev;

    while (nve->session && of_session_next_event(nve->session, &ev)) {
        feed_one(nve, &ev);
    }
}

static void
op_send_bundle(void *nve_, const struct flow_prog_bundle *bundle)
{
    struct sim_nve *nve = nve_;

    of_session_send_bundle(nve->session, bundle);
}

static void
op_packet_out(void *nve_, const void *data, size_t size,
              const struct ofpbuf *ofpacts)
{
    struct sim_nve *nve = nve_;
    struct journey *j = journey_of(nve->sim, data, size);

    if (j && j->held) {
        note_let_go(nve, j, ofpacts);
    }
    of_session_packet_out(nve->session, data, size, ofpacts);
}

static void
op_claimed(void *nve_ OVS_UNUSED, bool claimed OVS_UNUSED)
{
}

static size_t
op_backlog(void *nve_)
{
    struct sim_nve *nve = nve_;

    return of_session_output(nve->session)->size;
}

static void
op_delete_meter(void *nve_, uint32_t meter)
{
    struct sim_nve *nve = nve_;

    of_session_delete_meter(nve->session, meter);
}

static void
op_read_back(void *nve_)
{
    struct sim_nve *nve = nve_;

    of_session_read_back(nve->session);
}

static void
op_match_fragments(void *nve_)
{
    struct sim_nve *nve = nve_;

    of_session_match_fragments(nve->session);
}

static void
op_close(void *nve_, enum nva_reason reason)
{
    struct sim_nve *nve = nve_;

    ovs_fatal(0, "hv%d: closed: %s", nve->n, nva_reason_word(reason));
}

/* Who is left when a drain has ended was refused, with a reason. */
static bool
is_left_cb(const struct nva_vm *vm, enum drain_standing standing, void *sim)
{
    if (standing != DRAIN_REFUSED || !vm->drain_refusal) {
        alarm_set(sim, "a drain has ended, and a VM is left");
    }
    return true;
}

static void
op_on_note(void *sim_, const struct nva_view *v, const struct nva_note *note)
{
    struct sim *sim = sim_;
    const struct nva_drain *drain = (note->type == NVA_NOTE_DRAIN
                                     ? directory_drain(v->dir, note->nve)
                                     : NULL);

    sim->notes[note->type][note->reason]++;
    if (drain && drain->state == NVA_DRAIN_FINISHED) {
        drain_each_vm(v, drain, is_left_cb, sim);
    }
}

/* ## Packets ## */

static void
read_packet(struct sim *sim, struct guest *g, uint64_t id)
{
    int me = g - sim->guests;
    struct journey *j;

    if (!id || id > sim->n_journeys) {
        g->answers++;
        return;
    }
    j = &sim->journeys[id - 1];
    if (strcmp(sim->guests[j->from].vm.vn, g->vm.vn)) {
        alarm_set(sim, "a packet crossed from one VN into another");
    }
    if (j->to >= 0 && j->to != me) {
        return;                         /* Not for us: a guest ignores it. */
    }
    j->received++;
    j->order = j->order ? j->order : ++sim->n_read;
    if (j->heard[me]++ && (j->to >= 0 || g->stood < j->sent)) {
        alarm_set(sim, "a packet was read twice");
    }
}

/* A guest answers a question to itself, as its kernel would; while it finds
 * out whether its address is free it does not, and another's probe is a
 * conflict (RFC 5227 s2.1.1, RFC 4862 s5.4.3).  False if the frame is none. */
static bool
guest_answers(struct sim *sim, struct guest *g,
              const struct sim_packet *packet)
{
    const struct sim_vm *vm = &g->vm;
    struct guest_arp arp;
    struct guest_nd nd;
    struct happening *h;
    uint8_t buf[GUEST_FRAME_SIZE];
    bool probes;
    size_t n = 0;

    if (memcmp(packet->bytes, &vm->mac, 6)) {
        return false;
    } else if (guest_frame_parse_arp(packet->bytes, packet->size, &arp)
               && arp.op == 1 && !memcmp(arp.tpa, vm->ip4, 4)) {
        static const uint8_t none[4];
        struct guest_arp reply = { .op = 2 };

        probes = sim->now < g->probes_until[0];
        g->conflicts += probes && !memcmp(arp.spa, none, 4);
        memcpy(reply.sha, &vm->mac, 6);
        memcpy(reply.spa, vm->ip4, 4);
        memcpy(reply.tha, arp.sha, 6);
        memcpy(reply.tpa, arp.spa, 4);
        n = guest_frame_arp(buf, ETH_TYPE_ARP, arp.sha, &reply);
    } else if (guest_frame_parse_nd(packet->bytes, packet->size, &nd)
               && nd.type == 135 && !memcmp(nd.target, vm->ip6, 16)) {
        probes = sim->now < g->probes_until[1];
        n = guest_frame_na_reply(buf, vm->mac.ea, vm->ip6,
                                 packet->bytes + 6, nd.src_ip);
    } else {
        return false;
    }
    if (!g->mute && !probes) {
        h = heap_push(sim, sim->now + LINK_DELAY, FROM_GUEST, g->at->nve);
        h->ofport = g->at->ofport;
        h->packet.size = n;
        memcpy(h->packet.bytes, buf, n);
    }
    return true;
}

/* Whoever stands at 'port' reads 'packet'; but if one of them has the MAC that
 * it is for, that one alone.  False if nobody does. */
static bool
guests_read(struct sim *sim, const struct sim_port *port,
            const struct sim_packet *packet, uint64_t id)
{
    bool any = false;

    for (int pass = 0; pass < 2 && !any; pass++) {
        for (int i = 0; i < sim->n_vms; i++) {
            struct guest *g = &sim->guests[i];

            if (g->at != port
                || (!pass && memcmp(packet->bytes, &g->vm.mac, 6))) {
                continue;
            } else if (!g->still && !guest_answers(sim, g, packet)) {
                read_packet(sim, g, id);
            }
            if (g->still && !pass) {
                return false;
            }
            any |= !g->still;
        }
    }
    return any;
}

static struct sim_port *
port_by_ofport(struct sim *sim, int nve, nva_ofport ofport)
{
    for (size_t i = sim->n_ports; i-- > 0; ) {
        struct sim_port *p = &sim->ports[i];

        if (p->nve == nve && p->ofport == ofport && !p->gone) {
            return p;
        }
    }
    return NULL;
}

static struct sim_port *
port_by_name(struct sim *sim, int nve, const char *name)
{
    for (size_t i = sim->n_ports; i-- > 0; ) {
        struct sim_port *p = &sim->ports[i];

        if (p->nve == nve && !strcmp(p->name, name) && !p->gone) {
            return p;
        }
    }
    return NULL;
}

static int
nve_of_switch(const struct sim *sim, const struct fake_switch *sw)
{
    for (int i = 1; i <= sim->n_nves; i++) {
        if (sim->nves[i].sw == sw) {
            return i;
        }
    }
    OVS_NOT_REACHED();
}

static void
op_to_port(void *sim_, struct fake_switch *sw, nva_ofport ofport,
           const struct sim_packet *packet)
{
    struct sim *sim = sim_;
    struct sim_port *port = port_by_ofport(sim, nve_of_switch(sim, sw),
                                           ofport);
    uint64_t id = packet->rewritten ? 0 : packet->id;

    if (!port) {
        return;
    }
    if (id && id <= sim->n_journeys) {
        struct journey *j = &sim->journeys[id - 1];

        j->delivered++;
        j->hops = MAX(j->hops, packet->hops);
    }
    if (!guests_read(sim, port, packet, id)
        && port->n_queued < QUEUE_MAX) {
        if (port->n_queued >= port->allocated_queued) {
            port->queued = x2nrealloc(port->queued, &port->allocated_queued,
                                      sizeof *port->queued);
        }
        port->queued[port->n_queued++] = id;
    }
}

static void
op_to_tunnel(void *sim_, struct fake_switch *sw, const struct in6_addr *dst,
             const struct sim_packet *packet)
{
    struct sim *sim = sim_;
    struct sim_nve *from = &sim->nves[nve_of_switch(sim, sw)];

    if (packet->hops > HOPS_ALARM) {
        alarm_set(sim, "a packet went round");
        return;
    }
    for (int i = 1; i <= sim->n_nves; i++) {
        struct sim_nve *to = &sim->nves[i];

        if (!memcmp(&to->ip, dst, sizeof *dst) && !to->isolated
            && !from->isolated && to != from) {
            struct happening *h;

            h = heap_push(sim, sim->now + LINK_DELAY + jitter(sim, LINK_DELAY),
                          TUNNEL, i);
            h->packet = *packet;
        }
    }
}

/* ## Time ## */

static void
happen(struct sim *sim, struct happening *h)
{
    struct sim_nve *nve = &sim->nves[h->nve];

    switch (h->type) {
    case TO_NVAD:
        if (nve->session && h->session == nve->generation) {
            of_session_input(nve->session, h->data, h->size, sim->now);
            feed(nve);
        }
        break;
    case TO_SWITCH:
        if (nve->session && h->session == nve->generation) {
            fake_switch_input(nve->sw, h->data, h->size, sim->now);
        }
        break;
    case FROM_GUEST:
        fake_switch_packet(nve->sw, h->ofport, &h->packet, sim->now);
        break;
    case TUNNEL:
        if (!nve->isolated) {
            fake_switch_packet(nve->sw, 1, &h->packet, sim->now);
        }
        break;
    }
    happening_free(h);
}

static nva_usec
next_timer(const struct sim *sim)
{
    nva_usec t = dispatch_deadline(sim->dispatch, sim->now);

    for (int i = 1; i <= sim->n_nves; i++) {
        t = MIN(t, fake_switch_deadline(sim->nves[i].sw));
        if (sim->nves[i].session) {
            t = MIN(t, of_session_deadline(sim->nves[i].session));
        }
    }
    return MAX(t, sim->now + (dispatch_is_comparing(sim->dispatch)
                              ? sim->turn_usec : 1));
}

static void
run_timers(struct sim *sim)
{
    if (dispatch_deadline(sim->dispatch, sim->now) <= sim->now) {
        dispatch_timer(sim->dispatch, sim->now);
    }
    for (int i = 1; i <= sim->n_nves; i++) {
        struct sim_nve *nve = &sim->nves[i];

        fake_switch_run(nve->sw, sim->now);
        if (nve->session) {
            of_session_run(nve->session, sim->now);
            feed(nve);
        }
    }
}

/* One thing that happens not after 'until'; false if there is none. */
static bool
turn(struct sim *sim, nva_usec until)
{
    nva_usec timer, heap;

    flush(sim);
    timer = next_timer(sim);
    heap = sim->n_heap ? sim->heap[0]->when : NVA_NEVER;
    if (MIN(timer, heap) > until) {
        return false;
    }
    sim->n_spins = timer < heap && timer == sim->now + 1 ? sim->n_spins + 1
                   : 0;
    if (sim->n_spins > SPINS_ALARM) {
        alarm_set(sim, "a deadline is never met: nvad spins");
    }
    sim->now = MIN(timer, heap);
    if (heap <= timer) {
        happen(sim, heap_pop(sim));
    } else {
        run_timers(sim);
    }
    flush(sim);
    return true;
}

void
sim_run(struct sim *sim, nva_usec usec)
{
    nva_usec until = sim->now + usec;

    while (turn(sim, until)) {
        continue;
    }
    sim->now = until;
}

void
sim_settle(struct sim *sim)
{
    flush(sim);
    do {
        while (sim->n_heap || dispatch_is_comparing(sim->dispatch)) {
            turn(sim, NVA_NEVER);
        }
        /* The lag of cached decisions, too, is over, also at NVEs that were
         * told later; a timer may have begun something new. */
        sim_run(sim, DISPATCH_LATER + LAG + NVA_MSEC);
    } while (sim->n_heap || dispatch_is_comparing(sim->dispatch));
}

nva_usec
sim_now(const struct sim *sim)
{
    return sim->now;
}

void
sim_compare_slowly(struct sim *sim, size_t per_turn, nva_usec turn)
{
    dispatch_compare_per_turn(sim->dispatch, per_turn);
    sim->turn_usec = turn;
}

struct dispatch *
sim_dispatch(const struct sim *sim)
{
    return sim->dispatch;
}

/* ## Making ## */

struct sim *
sim_create(uint64_t seed)
{
    struct sim *sim = xzalloc(sizeof *sim);
    const struct dispatch_ops ops = {
        op_send_bundle, op_packet_out, op_delete_meter, op_read_back,
        op_match_fragments, op_close, op_claimed, op_backlog, op_on_note, sim,
    };

    sim->rng = seed;
    sim->now = NVA_SEC;
    sim->turn_usec = 1;
    sim->ports = xcalloc(SIM_PORTS_MAX, sizeof *sim->ports);
    sim->dispatch = dispatch_create(&ops);
    return sim;
}

void
sim_destroy(struct sim *sim)
{
    for (int i = 1; i <= sim->n_nves; i++) {
        fake_switch_destroy(sim->nves[i].sw);
        of_session_destroy(sim->nves[i].session);
    }
    dispatch_destroy(sim->dispatch);
    while (sim->n_heap) {
        happening_free(heap_pop(sim));
    }
    free(sim->heap);
    free(sim->journeys);
    for (size_t i = 0; i < sim->n_ports; i++) {
        free(sim->ports[i].queued);
    }
    free(sim->ports);
    free(sim->body);
    free(sim);
}

int
sim_nve(struct sim *sim, bool ipv6)
{
    const struct fake_switch_ops ops = { op_to_port, op_to_tunnel, sim };
    int n = ++sim->n_nves;
    struct sim_nve *nve = &sim->nves[n];
    char name[16];

    ovs_assert(n <= SIM_NVES_MAX);
    snprintf(name, sizeof name, "hv%d", n);
    nve->n = n;
    nve->sim = sim;
    nve->sw = fake_switch_create(name, n, LAG, &ops);
    nve->next_ofport = 2;
    if (ipv6) {
        nve->ip = (struct in6_addr) { .s6_addr = { 0xfd, 0x31, [15] = n } };
    } else {
        in6_addr_set_mapped_ipv4(&nve->ip, htonl(0xac1f0000 + n));
    }
    fake_switch_add_port(nve->sw, 1, "vx0");
    sim_connect(sim, n);
    return n;
}

struct fake_switch *
sim_switch(struct sim *sim, int nve)
{
    return sim->nves[nve].sw;
}

void
sim_slow(struct sim *sim, int nve, nva_usec extra)
{
    sim->nves[nve].slow = extra;
}

void
sim_disconnect(struct sim *sim, int n)
{
    struct sim_nve *nve = &sim->nves[n];

    if (nve->session) {
        if (nve->up) {
            dispatch_switch_down(sim->dispatch, nve, sim->now);
        }
        nve->up = false;
        of_session_destroy(nve->session);
        nve->session = NULL;
        nve->generation++;
    }
}

void
sim_connect(struct sim *sim, int n)
{
    struct sim_nve *nve = &sim->nves[n];

    ovs_assert(!nve->session);
    nve->session = of_session_create(sim->now);
    fake_switch_connect(nve->sw);
}

void
sim_restart(struct sim *sim, int nve, bool keep_flows)
{
    sim_disconnect(sim, nve);
    if (!keep_flows) {
        fake_switch_clear(sim->nves[nve].sw);
    }
    sim_connect(sim, nve);
}

void
sim_by_unix_socket(struct sim *sim, int nve)
{
    sim->nves[nve].local = true;
    sim_restart(sim, nve, true);
}

void
sim_isolate(struct sim *sim, int nve, bool isolated)
{
    sim->nves[nve].isolated = isolated;
}

void
sim_plug(struct sim *sim, int nve, const char *name)
{
    struct sim_port *p = &sim->ports[sim->n_ports++];

    ovs_assert(sim->n_ports <= SIM_PORTS_MAX);
    *p = (struct sim_port) {
        .nve = nve, .ofport = sim->nves[nve].next_ofport++,
    };
    ovs_strlcpy(p->name, name, sizeof p->name);
    fake_switch_add_port(sim->nves[nve].sw, p->ofport, name);
}

void
sim_unplug(struct sim *sim, int nve, const char *name)
{
    struct sim_port *p = port_by_name(sim, nve, name);

    p->gone = true;
    for (int i = 0; i < sim->n_vms; i++) {
        if (sim->guests[i].at == p) {
            sim->guests[i].at = NULL;
        }
    }
    fake_switch_del_port(sim->nves[nve].sw, name);
}

bool
sim_is_plugged(const struct sim *sim, int nve, const char *name)
{
    return port_by_name(CONST_CAST(struct sim *, sim), nve, name) != NULL;
}

/* ## API ## */

static enum api_method
method_from_word(const char *word)
{
    return (!strcmp(word, "GET") ? API_GET
            : !strcmp(word, "PUT") ? API_PUT
            : !strcmp(word, "POST") ? API_POST
            : !strcmp(word, "DELETE") ? API_DELETE : API_OTHER);
}

int
sim_api(struct sim *sim, const char *method, const char *path,
        const char *json)
{
    const struct api_facts facts = {
        .aux = sim->dispatch, .each_unclaimed = dispatch_each_unclaimed,
        .nve_state = dispatch_nve_state,
        .nve_openflow = dispatch_nve_openflow,
        .audit = dispatch_last_audit,
        .nve_since = dispatch_nve_since, .faults = dispatch_faults,
    };
    struct nva_view v = dispatch_view(sim->dispatch, sim->now);
    char *query, *bare = xstrdup(path);
    struct api_call call;

    query = strchr(bare, '?');
    if (query) {
        *query++ = '\0';
    }
    api_json_call(&v, &facts, method_from_word(method), bare, query,
                  json, json ? strlen(json) : 0, &call);
    if (call.kind == API_REQUEST) {
        dispatch_request(sim->dispatch, &call.request, sim->now);
        v = dispatch_view(sim->dispatch, sim->now);
        call.status = api_json_result(&v, &facts, &call.request,
                                      dispatch_plan(sim->dispatch),
                                      &call.body);
    } else if (call.kind == API_AUDIT) {
        bool goes_on = true;

        ovs_assert(!dispatch_audit(sim->dispatch, &call.audit, sim->now));
        while (goes_on) {
            flush(sim);
            sim_run(sim, NVA_SEC);
            dispatch_last_audit(sim->dispatch, &goes_on);
        }
        v = dispatch_view(sim->dispatch, sim->now);
        call.body = api_json_audit(&v, &facts);
        call.status = 200;
    } else if (call.kind == API_LIST) {
        while (!api_json_list_run(&v, &facts, call.list)) {
            continue;
        }
        call.body = api_json_list_finish(call.list);
        call.status = 200;
    }
    free(bare);
    free(sim->body);
    sim->body = call.body;
    flush(sim);
    return call.status;
}

int
sim_apif(struct sim *sim, const char *method, const char *path,
         const char *format, ...)
{
    va_list args;
    char *json;
    int status;

    va_start(args, format);
    json = xvasprintf(format, args);
    va_end(args);
    status = sim_api(sim, method, path, json);
    free(json);
    return status;
}

const char *
sim_body(const struct sim *sim)
{
    return sim->body ? sim->body : "";
}

/* ## VMs ## */

int
sim_vm(struct sim *sim, const struct sim_vm *vm)
{
    ovs_assert(sim->n_vms < SIM_VMS_MAX);
    sim->guests[sim->n_vms].vm = *vm;
    return sim->n_vms++;
}

static void
read_queue(struct sim *sim, struct guest *g, struct sim_port *port)
{
    size_t n = 0;

    for (size_t i = 0; i < port->n_queued; i++) {
        const uint64_t id = port->queued[i];
        const int to = (id && id <= sim->n_journeys
                        ? sim->journeys[id - 1].to : -1);

        read_packet(sim, g, id);
        if (to >= 0 && to != g - sim->guests) {
            port->queued[n++] = id;     /* For another guest at this port. */
        }
    }
    port->n_queued = n;
}

/* What waited at the port it left was read before it left or travels with it;
 * what waits at the new one is read first.  A broadcast may have reached both
 * places of a VM that moved meanwhile: that is no fault. */
void
sim_stand(struct sim *sim, int vm, int nve, const char *port)
{
    struct guest *g = &sim->guests[vm];
    struct sim_port *old = g->at;

    g->at = nve ? port_by_name(sim, nve, port) : NULL;
    g->still = false;
    g->stood = sim->now;
    ovs_assert(!nve || g->at);
    if (old && g->at) {
        read_queue(sim, g, old);
    }
    if (g->at) {
        read_queue(sim, g, g->at);
    }
}

int
sim_stands_at(const struct sim *sim, int vm)
{
    const struct sim_port *at = sim->guests[vm].at;

    return at ? at->nve : 0;
}

void
sim_still(struct sim *sim, int vm)
{
    sim->guests[vm].still = true;
}

void
sim_mute(struct sim *sim, int vm, bool mute)
{
    sim->guests[vm].mute = mute;
}

bool
sim_is_still(const struct sim *sim, int vm)
{
    return sim->guests[vm].still;
}

static void
transmit(struct sim *sim, const struct sim_port *port,
         const struct sim_packet *packet)
{
    fake_switch_packet(sim->nves[port->nve].sw, port->ofport, packet,
                       sim->now);
    flush(sim);
}

void
sim_frame_at(struct sim *sim, const void *frame, size_t size, int nve,
             const char *port)
{
    struct sim_packet packet = { .size = size };

    ovs_assert(size <= sizeof packet.bytes);
    memcpy(packet.bytes, frame, size);
    transmit(sim, port_by_name(sim, nve, port), &packet);
}

static size_t
announcement(const struct sim_vm *vm, enum sim_announcement what, uint8_t *buf)
{
    switch (what) {
    case SIM_GARP:
        return guest_frame_garp(buf, vm->mac.ea, vm->ip4, false);
    case SIM_GARP_REPLY:
        return guest_frame_garp(buf, vm->mac.ea, vm->ip4, true);
    case SIM_NA:
        return guest_frame_na(buf, vm->mac.ea, vm->ip6, false);
    case SIM_NA_NODE:
        return guest_frame_na(buf, vm->mac.ea, vm->ip6, true);
    case SIM_RARP:
        return guest_frame_rarp(buf, vm->mac.ea);
    case SIM_PROBE:
        return guest_frame_probe(buf, vm->mac.ea, vm->ip4);
    case SIM_DAD:
        return guest_frame_ns(buf, vm->mac.ea, NULL, vm->ip6);
    }
    OVS_NOT_REACHED();
}

void
sim_forge_at(struct sim *sim, int vm, int owner, enum sim_announcement what,
             int nve, const char *port)
{
    struct sim_vm mixed = sim->guests[owner].vm;
    uint8_t buf[GUEST_FRAME_SIZE];
    size_t size;

    mixed.mac = sim->guests[vm].vm.mac;
    size = announcement(&mixed, what, buf);
    sim_frame_at(sim, buf, size, nve, port);
}

void
sim_announce_at(struct sim *sim, int vm, enum sim_announcement what, int nve,
                const char *port)
{
    sim_forge_at(sim, vm, vm, what, nve, port);
}

void
sim_announce(struct sim *sim, int vm, enum sim_announcement what)
{
    struct guest *g = &sim->guests[vm];

    if (what == SIM_PROBE) {
        g->probes_until[0] = sim->now + 2 * NVA_SEC;    /* ANNOUNCE_WAIT. */
    } else if (what == SIM_DAD) {
        g->probes_until[1] = sim->now + NVA_SEC;        /* RetransTimer. */
    }
    sim_announce_at(sim, vm, what, g->at->nve, g->at->name);
}

static uint64_t
send_packet(struct sim *sim, int from, int to, struct eth_addr dst)
{
    const struct guest *g = &sim->guests[from];
    struct sim_packet packet = { .size = 60 };
    ovs_be16 eth_type = htons(ETH_TYPE_IP);

    if (sim->n_journeys >= sim->allocated_journeys) {
        sim->journeys = x2nrealloc(sim->journeys, &sim->allocated_journeys,
                                   sizeof *sim->journeys);
    }
    sim->journeys[sim->n_journeys++] = (struct journey) {
        .from = from, .to = to, .sent = sim->now,
    };
    packet.id = sim->n_journeys;
    memcpy(packet.bytes, &dst, 6);
    memcpy(packet.bytes + 6, &g->vm.mac, 6);
    memcpy(packet.bytes + 12, &eth_type, 2);
    memcpy(packet.bytes + 14, &packet.id, sizeof packet.id);
    if (g->at && !g->still) {
        transmit(sim, g->at, &packet);
    }
    return packet.id;
}

uint64_t
sim_send(struct sim *sim, int from, int to)
{
    return send_packet(sim, from, to, sim->guests[to].vm.mac);
}

uint64_t
sim_broadcast(struct sim *sim, int from)
{
    return send_packet(sim, from, -1, eth_addr_broadcast);
}

int
sim_received(const struct sim *sim, uint64_t id)
{
    return sim->journeys[id - 1].received;
}

uint64_t
sim_order(const struct sim *sim, uint64_t id)
{
    return sim->journeys[id - 1].order;
}

int
sim_delivered(const struct sim *sim, uint64_t id)
{
    return sim->journeys[id - 1].delivered;
}

int
sim_hops(const struct sim *sim, uint64_t id)
{
    return sim->journeys[id - 1].hops;
}

int
sim_answers(const struct sim *sim, int vm)
{
    return sim->guests[vm].answers;
}

int
sim_conflicts(const struct sim *sim, int vm)
{
    return sim->guests[vm].conflicts;
}

int
sim_ping_all(struct sim *sim)
{
    uint64_t first = sim->n_journeys + 1;
    int bad = 0;

    for (int a = 0; a < sim->n_vms; a++) {
        for (int b = 0; b < sim->n_vms; b++) {
            const struct guest *ga = &sim->guests[a], *gb = &sim->guests[b];

            /* Who stands at one port reaches the other without us. */
            if (ga->at != gb->at && ga->at && gb->at
                && !ga->still && !gb->still
                && !strcmp(ga->vm.vn, gb->vm.vn)) {
                sim_send(sim, a, b);
            }
        }
    }
    sim_settle(sim);
    for (uint64_t id = first; id <= sim->n_journeys; id++) {
        bad += sim_received(sim, id) != 1;
    }
    return bad;
}

/* ## Invariants ## */

struct check {
    struct sim *sim;
    nva_id nve;
    struct flow_set *flows;
    uint64_t hash;
    size_t n;
    bool believed;
};

/* When to ask intent: a flow with a hard timeout is there for the rest of the
 * second that this is rounded up to, and until its end has been told. */
static nva_usec
time_for(const struct check *c, const struct nva_view *v,
         struct nva_owner owner)
{
    const struct flow_prog *fp = dispatch_flow_prog(c->sim->dispatch, c->nve);
    const struct nva_redirect *r = (owner.kind == NVA_OWNER_REDIRECT
                                    ? directory_redirect(v->dir, owner.id)
                                    : NULL);
    const struct nva_pull *p = (owner.kind == NVA_OWNER_TSI
                                ? directory_pull(v->dir, c->nve, owner.id)
                                : owner.kind == NVA_OWNER_ABSENT
                                ? directory_absent(v->dir, owner.id) : NULL);
    nva_usec until = r ? r->until : p ? p->until : NVA_NEVER;

    return flow_prog_hash(fp, owner) ? MIN(v->now, until - 1) : v->now;
}

static void
check_owner(struct nva_owner owner, void *c_)
{
    struct check *c = c_;
    const struct nva_view v = dispatch_view(c->sim->dispatch, c->sim->now);
    const struct flow_prog *fp = dispatch_flow_prog(c->sim->dispatch, c->nve);

    flow_set_clear(c->flows);
    intent_flows(v.dir, c->nve, owner, time_for(c, &v, owner), c->flows);
    c->hash += flow_set_hash(c->flows);
    c->n += flow_set_n(c->flows);
    if (flow_prog_hash(fp, owner) != flow_set_hash(c->flows)) {
        c->believed = false;
    }
}

/* Recompute equals incremental equals what the switch has. */
static const char *
check_nve(struct sim *sim, int n)
{
    static char text[160];
    const struct nva_view v = dispatch_view(sim->dispatch, sim->now);
    const struct nva_nve *nve = directory_nve_by_dpid(v.dir, n);
    const struct fake_switch *sw = sim->nves[n].sw;
    struct check c = { .sim = sim, .believed = true };

    if (!nve || !nve->connected) {
        return NULL;
    }
    c.nve = nve->id;
    c.flows = flow_set_create();
    directory_each_owner_at(v.dir, nve->id, check_owner, &c);
    flow_set_destroy(c.flows);
    if (!c.believed) {
        snprintf(text, sizeof text, "hv%d: flow-prog believes other flows", n);
        return text;
    } else if (c.hash != fake_switch_hash(sw)
               || c.n != fake_switch_n_flows(sw)) {
        snprintf(text, sizeof text, "hv%d: the switch has other flows "
                 "(%"PRIuSIZE", should be %"PRIuSIZE")", n,
                 fake_switch_n_flows(sw), c.n);
        return text;
    }
    return NULL;
}

/* Everything that was held is held, was sent or is counted as dropped; and
 * what was sent has arrived, if its port and its session are still there. */
static const char *
check_held(struct sim *sim)
{
    const struct hold_stats stats = hold_stats_now(sim);
    uint64_t dropped = 0, missing = 0;

    for (size_t i = 0; i < NVA_N_REASONS; i++) {
        dropped += stats.dropped[i];
    }
    for (size_t i = 0; i < sim->n_journeys; i++) {
        const struct journey *j = &sim->journeys[i];

        missing += j->held && !j->let_go;
        if (j->let_go == sim->nves[j->let_go_at].generation + 1
            && !j->delivered
            && port_by_ofport(sim, j->let_go_at, j->let_go_to)) {
            return "a held packet was let go and did not arrive";
        }
    }
    return (stats.held != stats.sent + dropped + stats.packets
            ? "held packets do not add up"
            : missing > dropped + stats.packets
            ? "held packets are lost without being counted" : NULL);
}

const char *
sim_check(struct sim *sim)
{
    const struct nva_view v = dispatch_view(sim->dispatch, sim->now);
    const char *bad = directory_check(v.dir);

    for (int i = 1; !bad && i <= sim->n_nves; i++) {
        bad = check_nve(sim, i);
    }
    bad = bad ? bad : check_held(sim);
    return bad ? bad : sim->alarm;
}

const char *
sim_alarm(const struct sim *sim)
{
    return sim->alarm;
}

static void
check_confirmed(struct nva_owner owner, void *c_)
{
    struct check *c = c_;
    const struct nva_view v = dispatch_view(c->sim->dispatch, c->sim->now);
    const struct flow_prog *fp = dispatch_flow_prog(c->sim->dispatch, c->nve);

    if (owner.kind == NVA_OWNER_REDIRECT) {
        return;                         /* Ends by itself, untold. */
    }
    flow_set_clear(c->flows);
    if (nva_confirmed(&v, c->nve, owner)) {
        intent_flows(v.dir, c->nve, owner, time_for(c, &v, owner), c->flows);
        c->believed &= flow_prog_hash(fp, owner) == flow_set_hash(c->flows);
    }
    if (!flow_set_is_timed(c->flows)) {
        c->hash += flow_prog_hash(fp, owner);
    }
}

static const char *
check_nve_now(struct sim *sim, int n, struct flow_set *flows)
{
    static char text[80];
    const struct nva_view v = dispatch_view(sim->dispatch, sim->now);
    const struct nva_nve *nve = directory_nve_by_dpid(v.dir, n);
    struct check c = { .sim = sim, .flows = flows, .believed = true };
    const struct flow_prog *fp;

    if (!nve || !nve->connected) {
        return NULL;
    }
    c.nve = nve->id;
    fp = dispatch_flow_prog(sim->dispatch, c.nve);
    directory_each_owner_at(v.dir, nve->id, check_confirmed, &c);
    if (!c.believed) {
        snprintf(text, sizeof text, "hv%d: has confirmed other flows than it "
                 "should have now", n);
        return text;
    }
    if (flow_prog_is_idle(fp) && !flow_prog_n_quarantined(fp)
        && c.hash != fake_switch_hash_lasting(sim->nves[n].sw)) {
        snprintf(text, sizeof text, "hv%d: idle, and the switch has other "
                 "flows", n);
        return text;
    }
    return NULL;
}

const char *
sim_check_now(struct sim *sim)
{
    struct flow_set *flows = flow_set_create();
    const char *bad = NULL;

    for (int i = 1; !bad && i <= sim->n_nves; i++) {
        bad = check_nve_now(sim, i, flows);
    }
    flow_set_destroy(flows);
    return bad;
}

size_t
sim_notes(const struct sim *sim, enum nva_note_type type,
          enum nva_reason reason)
{
    return sim->notes[type][reason];
}
