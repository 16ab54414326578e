/* SPDX-License-Identifier: Apache-2.0 */

/* One OpenFlow session: bytes in, bytes out, events out.
 *
 * Knows the order of a session's messages: hello, features, ports; then, when
 * asked, a read-back and bundles (of-session-bundle), each found again by its
 * xids.  Must never know a socket, a clock, or what a flow is for.
 * Invariants: UP is the first event and ENDED the last; after the hellos every
 * message is of the highest version that both speak; one handler per type of
 * message; an answer that belongs to nothing under way (a stale xid) changes
 * nothing.
 *
 * Whether the switch has bundles is asked before UP: one is opened and given
 * up, and a barrier ends the question.  OpenFlow 1.3 has them as an extension,
 * and many a switch has none in any version.
 *
 * Before UP, packet-ins and flow-removed are ignored: the VM says it again, or
 * the read-back tells.  So are port changes before the list of ports, which
 * has them already; those within it follow UP.
 *
 * OpenFlow Switch Specification 1.3.5, 1.4.1 and 1.5.1, sections 6.3 and 7;
 * ONF extension 230. */

#include <config.h>

#include "of-session-private.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/list.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/util.h"
#include "util.h"

/* Types of messages that look the same in every version (section 7.1). */
enum { TYPE_HELLO = 0, TYPE_ERROR = 1 };

/* An event that the caller has not taken yet. */
struct queued {
    struct ovs_list node;
    struct of_session_event event;
    void *data;                         /* Of a packet-in; owned... */
    size_t size;                        /* ...so many bytes. */
};

typedef void handler_func(struct of_session *, const struct of_msg *);

static bool usable(const struct of_session *);
static void check_output(struct of_session *);
static void compact(struct ofpbuf *);
static void give_back(struct ofpbuf *);
static struct of_head next_head(struct of_session *);
static struct of_session_event *push_at(struct of_session *,
                                        struct ovs_list *where,
                                        enum of_session_event_type);
static void drop_events(struct of_session *);
static void free_taken(struct of_session *);
static void free_queued(struct of_session *, struct queued *);
static void free_ports(struct of_session *);
static void count_unasked(struct of_session *, const struct of_msg *);
static bool next_message(struct of_session *);
static bool header_is_good(struct of_session *, const struct ofp_header *);
static void handle_message(struct of_session *);
static bool is_waiting(const struct of_session *);
static void read_flows(struct of_session *, bool more);
static bool readback_count(struct of_session *);
static void readback_check_done(struct of_session *);
static uint8_t highest_common(uint32_t versions);
static void up_if_complete(struct of_session *);

static handler_func on_hello, on_error, on_echo_request, on_features;
static handler_func on_port_desc, on_port_status, on_packet_in;
static handler_func on_flow_removed, on_flows, on_meters, on_barrier;
static handler_func on_bundle_ctrl, on_role_status;

static handler_func *const handlers[] = {
    [OF_MSG_HELLO] = on_hello,
    [OF_MSG_ERROR] = on_error,
    [OF_MSG_ECHO_REQUEST] = on_echo_request,
    [OF_MSG_ECHO_REPLY] = NULL,         /* Having heard it is enough. */
    [OF_MSG_FEATURES] = on_features,
    [OF_MSG_PORT_DESC] = on_port_desc,
    [OF_MSG_PORT_STATUS] = on_port_status,
    [OF_MSG_PACKET_IN] = on_packet_in,
    [OF_MSG_FLOW_REMOVED] = on_flow_removed,
    [OF_MSG_FLOWS] = on_flows,
    [OF_MSG_METERS] = on_meters,
    [OF_MSG_BARRIER] = on_barrier,
    [OF_MSG_BUNDLE_CTRL] = on_bundle_ctrl,
    [OF_MSG_ROLE_STATUS] = on_role_status,
    [OF_MSG_OTHER] = NULL,
};

struct of_session *
of_session_create(nva_usec now)
{
    struct of_session *s = xzalloc(sizeof *s);

    s->phase = PHASE_HELLO;
    s->now = s->started = s->heard = s->progress = s->unasked_filled = now;
    s->unasked = OF_SESSION_UNASKED_BURST * NVA_SEC;
    s->probed = NVA_NEVER;
    s->next_xid = s->bundle.next_id = 1;
    s->version = OF_VERSION_MAX;
    ofpbuf_init(&s->in, 0);
    ofpbuf_init(&s->msg, 0);
    ofpbuf_init(&s->out, 0);
    ovs_list_init(&s->events);
    of_encode_hello(of_session_take_xids(s, 1), &s->out);
    return s;
}

void
of_session_destroy(struct of_session *s)
{
    if (s) {
        drop_events(s);
        free_taken(s);
        of_bundle_clear(s);
        ofpbuf_uninit(&s->in);
        ofpbuf_uninit(&s->msg);
        ofpbuf_uninit(&s->out);
        free_ports(s);
        free(s);
    }
}

void
of_session_feed(struct of_session *s, const void *data, size_t size)
{
    if (s->phase != PHASE_ENDED) {
        compact(&s->in);
        ofpbuf_put(&s->in, data, size);
    }
}

bool
of_session_handle(struct of_session *s, nva_usec now)
{
    bool handled = false;

    s->now = now;
    if (s->phase == PHASE_ENDED) {
        return false;
    } else if (next_message(s)) {
        handled = true;
        compact(&s->out);
        handle_message(s);
        check_output(s);
    }
    if (s->phase == PHASE_ENDED) {
        ofpbuf_clear(&s->in);
        return true;                    /* A header may be enough for that. */
    }
    return handled;
}

void
of_session_input(struct of_session *s, const void *data, size_t size,
                 nva_usec now)
{
    of_session_feed(s, data, size);
    while (of_session_handle(s, now)) {
        continue;
    }
}

size_t
of_session_memory(const struct of_session *s)
{
    return (s->in.allocated + s->msg.allocated + s->out.allocated
            + s->allocated_ports * sizeof *s->ports + s->event_bytes);
}

void
of_session_trim(struct of_session *s)
{
    ofpbuf_clear(&s->msg);
    s->msg.header = NULL;
    give_back(&s->msg);
    give_back(&s->in);
    give_back(&s->out);
}

static nva_usec
answer_deadline(const struct of_session *s)
{
    const nva_usec total = OF_SESSION_ANSWER_TOTAL_SECS * NVA_SEC;
    nva_usec t = s->progress + OF_SESSION_ANSWER_SECS * NVA_SEC;

    if (s->readback.flows || s->readback.meters) {
        t = MIN(t, s->readback.began + total);
    }
    if (s->bundle.active) {
        t = MIN(t, s->bundle.began + total);
    }
    return t;
}

/* A process that stood still itself must not take its peer for dead: it asks
 * first and counts from there. */
void
of_session_run(struct of_session *s, nva_usec now)
{
    s->now = now;
    if (s->phase == PHASE_ENDED || now < of_session_deadline(s)) {
        return;
    }
    if (s->phase != PHASE_UP) {
        of_session_fail(s, NVA_R_HANDSHAKE_TIMEOUT, "no end of the handshake");
    } else if (is_waiting(s) && now >= answer_deadline(s)) {
        of_session_fail(s, NVA_R_ECHO_TIMEOUT,
                        "no answer to a bundle or a read-back");
    } else if (s->probed != NVA_NEVER) {
        of_session_fail(s, NVA_R_ECHO_TIMEOUT, "no answer to an echo request");
    } else {
        compact(&s->out);
        of_encode_echo_request(next_head(s), &s->out);
        s->probed = now;
        check_output(s);
    }
}

nva_usec
of_session_deadline(const struct of_session *s)
{
    if (s->phase == PHASE_ENDED) {
        return NVA_NEVER;
    } else if (s->phase != PHASE_UP) {
        return s->started + OF_SESSION_HANDSHAKE_SECS * NVA_SEC;
    }

    nva_usec t = (s->probed == NVA_NEVER
                  ? s->heard + OF_SESSION_PROBE_SECS * NVA_SEC
                  : s->probed + (OF_SESSION_DEAD_SECS - OF_SESSION_PROBE_SECS)
                                * NVA_SEC);
    if (is_waiting(s)) {
        t = MIN(t, answer_deadline(s));
    }
    return t;
}

struct ofpbuf *
of_session_output(struct of_session *s)
{
    return &s->out;
}

/* What was queued before UP waits for it. */
bool
of_session_next_event(struct of_session *s, struct of_session_event *event)
{
    free_taken(s);
    if (s->phase < PHASE_UP || ovs_list_is_empty(&s->events)) {
        return false;
    }
    s->taken = CONTAINER_OF(ovs_list_pop_front(&s->events), struct queued,
                            node);
    *event = s->taken->event;
    return true;
}

void
of_session_read_back(struct of_session *s)
{
    if (!usable(s) || s->readback.flows || s->readback.meters) {
        return;
    }
    s->readback.flows = s->readback.meters = true;
    s->readback.n = 0;
    s->readback.flows_xid = of_session_take_xids(s, 2);
    s->readback.meters_xid = s->readback.flows_xid + 1;
    s->progress = s->readback.began = s->now;
    s->readback.n_empty = 0;
    of_encode_flow_dump_request(head(s, s->readback.flows_xid), 0, 0,
                                &s->out);
    of_encode_meter_dump_request(head(s, s->readback.meters_xid), &s->out);
    check_output(s);
}

void
of_session_send_bundle(struct of_session *s,
                       const struct flow_prog_bundle *bundle)
{
    if (usable(s)) {
        ovs_assert(!s->bundle.active);
        of_bundle_begin(s, bundle);
        check_output(s);
    }
}

void
of_session_delete_meter(struct of_session *s, uint32_t meter)
{
    if (usable(s)) {
        of_encode_meter_delete(next_head(s), meter, &s->out);
        check_output(s);
    }
}

void
of_session_match_fragments(struct of_session *s)
{
    if (usable(s)) {
        of_encode_set_config(next_head(s), &s->out);
        check_output(s);
    }
}

void
of_session_packet_out(struct of_session *s, const void *data, size_t size,
                      const struct ofpbuf *ofpacts)
{
    if (usable(s)) {
        of_encode_packet_out(next_head(s), data, size, ofpacts, &s->out);
        check_output(s);
    }
}

void
of_session_end(struct of_session *s, enum nva_reason reason)
{
    if (s->phase != PHASE_ENDED) {
        of_session_fail(s, reason, nva_reason_text(reason));
    }
}

/* ## Framing ## */

/* Takes the next whole message from 'in' into 'msg'; false: there is none. */
static bool
next_message(struct of_session *s)
{
    struct ofp_header oh;

    if (s->in.size < sizeof oh) {
        return false;
    }
    memcpy(&oh, s->in.data, sizeof oh);

    size_t length = ntohs(oh.length);
    if (!header_is_good(s, &oh) || s->in.size < length) {
        return false;
    }
    ofpbuf_clear(&s->msg);
    s->msg.header = NULL;
    ofpbuf_put(&s->msg, s->in.data, length);
    ofpbuf_pull(&s->in, length);
    return true;
}

/* Refuses from the header on: nothing is buffered for a peer that speaks
 * something else. */
static bool
header_is_good(struct of_session *s, const struct ofp_header *oh)
{
    if (s->phase == PHASE_HELLO) {
        if (oh->type == TYPE_ERROR) {
            of_session_fail(s, NVA_R_VERSION, "an error instead of a hello");
        } else if (oh->type != TYPE_HELLO) {
            of_session_fail(s, NVA_R_MSG_UNEXPECTED,
                            "the first message is no hello");
        }
    } else if (oh->version != s->version) {
        of_session_fail(s, NVA_R_VERSION, "a message of another version");
    }
    if (s->phase != PHASE_ENDED && ntohs(oh->length) < OF_HEADER_LEN) {
        of_session_fail(s, NVA_R_MSG_TRUNCATED, "a length below 8");
    }
    return s->phase != PHASE_ENDED;
}

/* Only a whole message is a sign of life: a peer that sends a byte now and
 * then would keep its session for days. */
static void
handle_message(struct of_session *s)
{
    size_t n_pushed = s->n_pushed;
    struct of_msg msg;

    s->heard = s->now;
    s->probed = NVA_NEVER;
    if (of_decode(&s->msg, &msg)) {
        of_session_fail(s, NVA_R_MSG_MALFORMED, "a message does not decode");
    } else if (s->phase == PHASE_HELLO && msg.type != OF_MSG_HELLO) {
        of_session_fail(s, NVA_R_VERSION, "a hello of no version");
    } else {
        if (handlers[msg.type]) {
            handlers[msg.type](s, &msg);
        }
        if (s->n_pushed == n_pushed) {
            count_unasked(s, &msg);
        }
    }
}

/* What may come by itself in any number is an event, or will be one once the
 * session is up. */
static bool
is_of_traffic(const struct of_msg *msg)
{
    return (msg->type == OF_MSG_PACKET_IN || msg->type == OF_MSG_FLOW_REMOVED
            || msg->type == OF_MSG_PORT_STATUS);
}

static bool
is_an_answer(const struct of_msg *msg)
{
    return (msg->type != OF_MSG_HELLO && msg->type != OF_MSG_ECHO_REQUEST
            && msg->type != OF_MSG_ROLE_STATUS && msg->type != OF_MSG_OTHER);
}

/* A message without an event costs its sender nothing: answers are counted
 * against what was asked, the rest against time. */
static void
count_unasked(struct of_session *s, const struct of_msg *msg)
{
    if (is_of_traffic(msg)) {
        return;
    } else if (is_an_answer(msg) && s->n_answers) {
        s->n_answers--;
        return;
    }
    s->unasked = MIN(s->unasked + (s->now - s->unasked_filled)
                                  * OF_SESSION_UNASKED_RATE,
                     OF_SESSION_UNASKED_BURST * NVA_SEC);
    s->unasked_filled = s->now;
    if (s->unasked < NVA_SEC) {
        of_session_fail(s, NVA_R_MSG_FLOOD, "nobody asked for them");
    } else {
        s->unasked -= NVA_SEC;
    }
}

/* ## Handshake ## */

static void
on_hello(struct of_session *s, const struct of_msg *msg)
{
    const struct ofp_header *oh = s->msg.data;

    if (s->phase != PHASE_HELLO) {
        of_session_fail(s, NVA_R_MSG_UNEXPECTED, "a second hello");
        return;
    }
    if (!(msg->versions & OF_VERSIONS)) {
        of_encode_hello_failed(msg->xid, oh->version, &s->out);
        of_session_fail(s, NVA_R_VERSION, "no version of OpenFlow in common");
        return;
    }
    s->version = highest_common(msg->versions);
    s->phase = PHASE_FEATURES;
    s->features_xid = of_session_take_xids(s, 1);
    of_encode_features_request(head(s, s->features_xid), &s->out);
    of_encode_set_async(next_head(s), &s->out);
    s->probe_xid = of_session_take_xids(s, 1);
    of_encode_bundle_open(head(s, s->probe_xid), 0, &s->out);
    of_encode_bundle_discard(next_head(s), 0, &s->out);
    s->probe_end_xid = of_session_take_xids(s, 1);
    of_encode_barrier(head(s, s->probe_end_xid), &s->out);
    s->ports_xid = of_session_take_xids(s, 1);
    of_encode_port_desc_request(head(s, s->ports_xid), &s->out);
}

/* One of 'versions', of which at least one is ours. */
static uint8_t
highest_common(uint32_t versions)
{
    uint8_t version = OF_VERSION_MAX;

    while (!(versions & OF_VERSIONS & 1u << version)) {
        version--;
    }
    return version;
}

static void
on_features(struct of_session *s, const struct of_msg *msg)
{
    if (s->phase == PHASE_FEATURES && msg->xid == s->features_xid) {
        s->dpid = msg->features.dpid;
        s->phase = PHASE_PORTS;
    } else if (s->phase != PHASE_UP) {
        of_session_fail(s, NVA_R_MSG_UNEXPECTED, "features nobody asked for");
    }
    up_if_complete(s);
}

static void
on_port_desc(struct of_session *s, const struct of_msg *msg)
{
    struct ofpbuf cursor = s->msg;
    enum nva_reason error;
    struct nva_port port;

    if (s->phase == PHASE_UP) {
        return;
    } else if (s->phase != PHASE_PORTS || s->ports_ended
               || msg->xid != s->ports_xid) {
        of_session_fail(s, NVA_R_MSG_UNEXPECTED, "ports nobody asked for");
        return;
    }

    s->ports_begun = true;
    while (of_next_port(&cursor, &port, &error)) {
        if (s->n_ports >= NVA_PORTS_PER_NVE_MAX) {
            of_session_fail(s, NVA_R_LIMIT, "too many ports");
            return;
        }
        if (s->n_ports >= s->allocated_ports) {
            s->ports = x2nrealloc(s->ports, &s->allocated_ports,
                                  sizeof *s->ports);
        }
        s->ports[s->n_ports++] = port;
    }
    if (error) {
        of_session_fail(s, error, "a port does not decode");
    } else if (!msg->more) {
        s->ports_ended = true;
        up_if_complete(s);
    }
}

/* A switch need not answer in the order it was asked. */
static void
up_if_complete(struct of_session *s)
{
    struct of_session_event *event;

    if (s->phase != PHASE_PORTS || !s->ports_ended || !s->probe_ended) {
        return;
    }
    s->phase = PHASE_UP;
    event = push_at(s, s->events.next, OF_SESSION_UP);
    event->up.dpid = s->dpid;
    event->up.version = s->version;
    event->up.bundles = s->bundles;
    event->up.n_ports = s->n_ports;
    event->up.ports = s->ports;
}

/* ## What the switch says by itself ## */

static void
on_echo_request(struct of_session *s, const struct of_msg *msg OVS_UNUSED)
{
    of_encode_echo_reply(&s->msg, &s->out);
}

static void
on_port_status(struct of_session *s, const struct of_msg *msg)
{
    struct of_session_event *event;

    if (s->phase != PHASE_UP) {
        if (!s->ports_begun) {
            return;
        }
        if (s->n_early++ >= NVA_PORTS_PER_NVE_MAX) {
            of_session_fail(s, NVA_R_LIMIT,
                            "too many port changes in the handshake");
            return;
        }
    }
    event = of_session_push(s, OF_SESSION_PORT);
    event->port.port = msg->port.port;
    event->port.gone = msg->port.gone;
}

static void
on_packet_in(struct of_session *s, const struct of_msg *msg)
{
    struct of_session_event *event;
    struct queued *q;

    if (s->phase == PHASE_UP) {
        event = of_session_push(s, OF_SESSION_PACKET_IN);
        q = CONTAINER_OF(event, struct queued, event);
        q->data = xmemdup(msg->pin.data, msg->pin.size);
        q->size = msg->pin.size;
        s->event_bytes += q->size;
        event->pin = msg->pin;
        event->pin.data = q->data;
    }
}

static void
on_flow_removed(struct of_session *s, const struct of_msg *msg)
{
    struct of_session_event *event;

    if (s->phase == PHASE_UP) {
        event = of_session_push(s, OF_SESSION_FLOW_REMOVED);
        event->removed.cookie = msg->removed.cookie;
        event->removed.packets = msg->removed.packets;
        event->removed.by_timeout = msg->removed.by_timeout;
    }
}

static void
on_role_status(struct of_session *s, const struct of_msg *msg)
{
    if (msg->slave) {
        of_session_fail(s, NVA_R_SLAVE, "the switch has made us a slave");
    }
}

static void
on_error(struct of_session *s, const struct of_msg *msg)
{
    uint32_t xid = msg->error.xid;

    if (msg->error.is_slave) {
        of_session_fail(s, NVA_R_SLAVE,
                        "the switch answers that we are a slave");
    } else if (of_bundle_error(s, msg)) {
        s->progress = s->now;
    } else if (s->phase != PHASE_UP
               && (xid == s->features_xid || xid == s->ports_xid
                   || xid == s->probe_end_xid)) {
        of_session_fail(s, NVA_R_MSG_UNEXPECTED,
                        "the switch refuses the handshake");
    } else if (s->readback.flows && xid == s->readback.flows_xid) {
        of_session_fail(s, NVA_R_MSG_UNEXPECTED,
                        "the switch refuses a flow dump");
    } else if (s->readback.meters && xid == s->readback.meters_xid) {
        s->readback.meters = false;     /* A datapath without meters. */
        readback_check_done(s);
    }
}

/* ## The question for bundles, and the bundle in flight ## */

static void
on_bundle_ctrl(struct of_session *s, const struct of_msg *msg)
{
    if (s->phase < PHASE_UP) {
        s->bundles |= msg->bundle.opened && msg->xid == s->probe_xid;
    } else {
        of_bundle_committed(s, msg);
    }
}

static void
on_barrier(struct of_session *s, const struct of_msg *msg)
{
    if (s->phase < PHASE_UP && msg->xid == s->probe_end_xid) {
        s->probe_ended = true;
        up_if_complete(s);
    } else {
        of_bundle_barrier(s, msg);
    }
}

/* ## Read-back ## */

static void
on_flows(struct of_session *s, const struct of_msg *msg)
{
    if (!of_bundle_flows(s, msg)
        && s->readback.flows && msg->xid == s->readback.flows_xid) {
        read_flows(s, msg->more);
    }
}

static void
read_flows(struct of_session *s, bool more)
{
    struct ofpbuf cursor = s->msg;
    struct of_session_event *event;
    size_t before = s->readback.n;
    enum nva_reason error;
    struct of_flow flow;

    while (of_next_flow(&cursor, &flow, &error)) {
        if (!readback_count(s)) {
            return;
        }
        event = of_session_push(s, OF_SESSION_READBACK_FLOW);
        event->flow.cookie = flow.cookie;
        event->flow.hash = flow.hash;
    }
    if (error) {
        of_session_fail(s, error, "a flow does not decode");
    } else if (of_session_take_part(s, &s->readback.n_empty,
                                    s->readback.n - before, more)) {
        s->readback.flows = more;
        readback_check_done(s);
    }
}

static void
on_meters(struct of_session *s, const struct of_msg *msg)
{
    struct ofpbuf cursor = s->msg;
    size_t before = s->readback.n;
    enum nva_reason error;
    struct nva_meter meter;

    if (!s->readback.meters || msg->xid != s->readback.meters_xid) {
        return;
    }
    while (of_next_meter(&cursor, &meter, &error)) {
        if (!readback_count(s)) {
            return;
        }
        of_session_push(s, OF_SESSION_READBACK_METER)->meter = meter;
    }
    if (error) {
        of_session_fail(s, error, "a meter does not decode");
    } else if (of_session_take_part(s, &s->readback.n_empty,
                                    s->readback.n - before, msg->more)) {
        s->readback.meters = msg->more;
        readback_check_done(s);
    }
}

static bool
readback_count(struct of_session *s)
{
    if (s->readback.n++ >= OF_SESSION_READBACK_MAX) {
        of_session_fail(s, NVA_R_LIMIT, "too many flows");
        return false;
    }
    return true;
}

static void
readback_check_done(struct of_session *s)
{
    s->progress = s->now;
    if (!s->readback.flows && !s->readback.meters) {
        of_session_push(s, OF_SESSION_READBACK_DONE);
    }
}

bool
of_session_take_part(struct of_session *s, size_t *n_empty, size_t n,
                     bool more)
{
    if (!n && more && ++*n_empty > OF_SESSION_EMPTY_PARTS_MAX) {
        of_session_fail(s, NVA_R_LIMIT, "an answer of empty parts");
        return false;
    }
    return true;
}

/* ## Common helpers ## */

/* Ends the session.  The caller never saw an UP: it never sees anything that
 * belongs to it. */
void
of_session_fail(struct of_session *s, enum nva_reason reason,
                const char *detail)
{
    struct of_session_event *event;

    if (s->phase < PHASE_UP) {
        drop_events(s);
    }
    s->phase = PHASE_ENDED;
    of_bundle_clear(s);
    event = of_session_push(s, OF_SESSION_ENDED);
    event->ended.reason = reason;
    event->ended.detail = detail;
}

/* True while there is somebody to send to. */
static bool
usable(const struct of_session *s)
{
    return s->phase == PHASE_UP;
}

static void
check_output(struct of_session *s)
{
    if (s->phase != PHASE_ENDED && s->out.size > OF_SESSION_OUTPUT_MAX) {
        ofpbuf_clear(&s->out);
        of_session_fail(s, NVA_R_OUTPUT_LIMIT, "the switch does not read");
    }
}

/* Moves what is left to the front: an ofpbuf that is filled at its tail and
 * drained at its head, and never empty, would grow for ever. */
static void
compact(struct ofpbuf *b)
{
    size_t headroom = ofpbuf_headroom(b);

    if (headroom && headroom >= b->size) {
        ofpbuf_shift(b, -(int) headroom);
    }
}

static void
give_back(struct ofpbuf *b)
{
    if (b->allocated <= OF_SESSION_KEEP_MAX || b->allocated / 2 < b->size) {
        return;
    } else if (b->size) {
        ofpbuf_trim(b);
    } else {
        ofpbuf_uninit(b);
        ofpbuf_init(b, 0);
    }
}

static bool
is_waiting(const struct of_session *s)
{
    return s->bundle.active || s->readback.flows || s->readback.meters;
}

uint32_t
of_session_take_xids(struct of_session *s, size_t n)
{
    if (n > UINT32_MAX - s->next_xid) {
        s->next_xid = 1;
    }

    uint32_t first = s->next_xid;
    s->next_xid += n;
    s->n_answers = MIN(s->n_answers + n, OF_SESSION_ANSWERS_MAX);
    return first;
}

/* With an xid of its own. */
static struct of_head
next_head(struct of_session *s)
{
    return head(s, of_session_take_xids(s, 1));
}

struct of_session_event *
of_session_push(struct of_session *s, enum of_session_event_type type)
{
    return push_at(s, &s->events, type);
}

/* Inserts before 'where'. */
static struct of_session_event *
push_at(struct of_session *s, struct ovs_list *where,
        enum of_session_event_type type)
{
    struct queued *q = xzalloc(sizeof *q);

    s->n_pushed++;
    s->event_bytes += sizeof *q;
    q->event.type = type;
    ovs_list_insert(where, &q->node);
    return &q->event;
}

static void
drop_events(struct of_session *s)
{
    struct queued *q;

    LIST_FOR_EACH_POP (q, node, &s->events) {
        free_queued(s, q);
    }
}

/* The list of ports goes with the event that told of it. */
static void
free_taken(struct of_session *s)
{
    if (s->taken) {
        if (s->taken->event.type == OF_SESSION_UP) {
            free_ports(s);
        }
        free_queued(s, s->taken);
        s->taken = NULL;
    }
}

static void
free_queued(struct of_session *s, struct queued *q)
{
    s->event_bytes -= sizeof *q + q->size;
    free(q->data);
    free(q);
}

static void
free_ports(struct of_session *s)
{
    free(s->ports);
    s->ports = NULL;
    s->n_ports = s->allocated_ports = 0;
}
