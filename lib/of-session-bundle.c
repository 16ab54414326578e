/* SPDX-License-Identifier: Apache-2.0 */

/* The bundle in flight: its messages, or what stands for them at a switch that
 * has no bundles, and what becomes of each.
 *
 * Knows which xid is whose (a meter's, the opening's, a message's, the
 * commit's, the barrier's); must never know a socket, a clock, or what a flow
 * is for.  Invariants: each message fails at most once; a bundle is done only
 * when its barrier is answered, since OVS leaves a message that it cannot
 * decode out of the bundle and commits the rest; while none is in flight no
 * answer changes anything.
 *
 * OpenFlow Switch Specification 1.3.5, 1.4.1 and 1.5.1, sections 6.9 and 7;
 * ONF extension 230. */

#include <config.h>

#include "of-session-private.h"

#include <stdlib.h>

#include "of-plain.h"
#include "openflow/nicira-ext.h"
#include "openvswitch/ofp-actions.h"
#include "util.h"

/* One message of the bundle in flight. */
struct sent {
    uint32_t meter;                     /* That its flow uses, 0: none. */
    bool failed;
};

static void take_bundle(struct of_session *, const struct flow_prog_bundle *);
static void put_bundle(struct of_session *, const struct flow_prog_bundle *);
static void put_plain(struct of_session *, const struct flow_prog_bundle *);
static void put_plain_add(struct of_session *, size_t msg,
                          const struct flow_prog_msg *);
static void put_plain_delete(struct of_session *, size_t msg,
                             const struct flow_prog_msg *);
static void sweep(struct of_session *, size_t msg, bool more);
static void swept(struct of_session *, size_t msg);
static bool sweeps_left(const struct of_session *);
static void meter_error(struct of_session *, size_t i, const struct of_msg *);
static void fail_message(struct of_session *, size_t msg, enum nva_reason,
                         const char *text);
static uint32_t flow_meter(const struct nva_flow *);

void
of_bundle_begin(struct of_session *s, const struct flow_prog_bundle *bundle)
{
    take_bundle(s, bundle);
    if (s->bundles) {
        put_bundle(s, bundle);
    } else {
        put_plain(s, bundle);
    }
}

void
of_bundle_clear(struct of_session *s)
{
    s->bundle.active = false;
    free(s->bundle.meters);
    free(s->bundle.msgs);
    s->bundle.meters = NULL;
    s->bundle.msgs = NULL;
    of_plain_destroy(s->bundle.plain);
    s->bundle.plain = NULL;
}

/* An error belongs to what its xid says.  False: not to the bundle. */
bool
of_bundle_error(struct of_session *s, const struct of_msg *msg)
{
    uint32_t xid = msg->error.xid;
    size_t i;

    if (!s->bundle.active) {
        return false;
    }
    if (xid == s->bundle.barrier_xid
        || (s->bundle.plain && (xid == s->bundle.open_xid
                                || xid == s->bundle.commit_xid))) {
        of_session_fail(s, NVA_R_MSG_UNEXPECTED,
                        "the switch refuses a barrier");
        return true;
    }
    if (xid == s->bundle.open_xid || xid == s->bundle.commit_xid) {
        s->bundle.refused = true;
        return true;
    }
    i = (uint32_t) (xid - s->bundle.msg_xid);
    if (i < s->bundle.n_msgs) {
        fail_message(s, i, (msg->error.table_full ? NVA_R_TABLE_FULL
                            : NVA_R_REJECTED), msg->error.text);
        if (s->bundle.plain && of_plain_is_sweeping(s->bundle.plain, i)) {
            swept(s, i);                /* It refuses the dump. */
        }
        return true;
    }
    i = (uint32_t) (xid - s->bundle.meter_xid);
    if (i < s->bundle.n_meters) {
        meter_error(s, i, msg);
        return true;
    }
    return false;
}

/* A part of a dump that a sweep asked for. */
bool
of_bundle_flows(struct of_session *s, const struct of_msg *msg)
{
    size_t i = (uint32_t) (msg->xid - s->bundle.msg_xid);

    if (!s->bundle.plain || !of_plain_is_sweeping(s->bundle.plain, i)) {
        return false;
    }
    sweep(s, i, msg->more);
    return true;
}

void
of_bundle_committed(struct of_session *s, const struct of_msg *msg)
{
    if (s->bundle.active && msg->bundle.committed
        && msg->xid == s->bundle.commit_xid) {
        s->bundle.committed = true;
        s->progress = s->now;
    }
}

void
of_bundle_barrier(struct of_session *s, const struct of_msg *msg)
{
    struct of_session_event *event;

    if (s->bundle.active && msg->xid == s->bundle.barrier_xid
        && !sweeps_left(s)) {
        event = of_session_push(s, OF_SESSION_BUNDLE_DONE);
        event->applied = s->bundle.committed && !s->bundle.refused;
        of_bundle_clear(s);
        s->progress = s->now;
    }
}

/* ## Sending ## */

/* Takes the xids: of the meters, the opening, the messages, the commit and the
 * barrier.  Without bundles, opening and commit are barriers too: before the
 * adds, and after them. */
static void
take_bundle(struct of_session *s, const struct flow_prog_bundle *bundle)
{
    uint32_t xid = of_session_take_xids(s, (bundle->n_meters + bundle->n_msgs
                                            + 3));

    s->bundle.active = true;
    s->bundle.committed = s->bundle.refused = false;
    s->bundle.n_meters = bundle->n_meters;
    s->bundle.n_msgs = bundle->n_msgs;
    s->bundle.meters = xcalloc(bundle->n_meters, sizeof *s->bundle.meters);
    s->bundle.msgs = xcalloc(bundle->n_msgs, sizeof *s->bundle.msgs);
    s->progress = s->bundle.began = s->now;
    s->bundle.n_empty = 0;

    s->bundle.meter_xid = xid;
    s->bundle.open_xid = xid + bundle->n_meters;
    s->bundle.msg_xid = s->bundle.open_xid + 1;
    s->bundle.commit_xid = s->bundle.msg_xid + bundle->n_msgs;
    s->bundle.barrier_xid = s->bundle.commit_xid + 1;

    for (size_t i = 0; i < bundle->n_meters; i++) {
        s->bundle.meters[i] = bundle->meters[i].id;
        of_encode_meter_add(head(s, xid + i), &bundle->meters[i], &s->out);
    }
    for (size_t i = 0; i < bundle->n_msgs; i++) {
        const struct flow_prog_msg *msg = &bundle->msgs[i];

        s->bundle.msgs[i].meter = (msg->op == FLOW_PROG_ADD
                                   ? flow_meter(msg->flow) : 0);
    }
}

static void
put_bundle(struct of_session *s, const struct flow_prog_bundle *bundle)
{
    uint32_t id = s->bundle.next_id++;

    of_encode_bundle_open(head(s, s->bundle.open_xid), id, &s->out);
    for (size_t i = 0; i < bundle->n_msgs; i++) {
        if (!of_encode_bundle_add(head(s, s->bundle.msg_xid + i), id,
                                  &bundle->msgs[i], &s->out)) {
            fail_message(s, i, NVA_R_REJECTED, "longer than a message");
        }
    }
    of_encode_bundle_commit(head(s, s->bundle.commit_xid), id, &s->out);
    of_encode_barrier(head(s, s->bundle.barrier_xid), &s->out);
}

/* What is not refused is applied. */
static void
put_plain(struct of_session *s, const struct flow_prog_bundle *bundle)
{
    s->bundle.plain = of_plain_create(bundle);
    s->bundle.n_swept = 0;
    s->bundle.committed = true;
    of_encode_barrier(head(s, s->bundle.open_xid), &s->out);
    for (size_t i = 0; i < bundle->n_msgs; i++) {
        put_plain_add(s, i, &bundle->msgs[i]);
    }
    of_encode_barrier(head(s, s->bundle.commit_xid), &s->out);
    for (size_t i = 0; i < bundle->n_msgs; i++) {
        put_plain_delete(s, i, &bundle->msgs[i]);
    }
    if (!of_plain_n_sweeps(s->bundle.plain)) {
        of_encode_barrier(head(s, s->bundle.barrier_xid), &s->out);
    }
}

static void
put_plain_add(struct of_session *s, size_t i, const struct flow_prog_msg *msg)
{
    if (of_plain_how(s->bundle.plain, i) == OF_PLAIN_ADD
        && !of_encode_flow_mod(head(s, s->bundle.msg_xid + i), msg,
                               &s->out)) {
        fail_message(s, i, NVA_R_REJECTED, "longer than a message");
    }
}

static void
put_plain_delete(struct of_session *s, size_t i,
                 const struct flow_prog_msg *msg)
{
    struct of_head h = head(s, s->bundle.msg_xid + i);

    switch (of_plain_how(s->bundle.plain, i)) {
    case OF_PLAIN_DELETE:
        of_encode_flow_mod(h, msg, &s->out);
        break;
    case OF_PLAIN_SWEEP:
        of_encode_flow_dump_request(h, msg->cookie, UINT64_MAX, &s->out);
        break;
    case OF_PLAIN_ADD:
        break;
    }
}

/* ## Answers ## */

/* A part of the dump for message 'i' has come. */
static void
sweep(struct of_session *s, size_t i, bool more)
{
    struct ofpbuf cursor = s->msg;
    size_t before = s->bundle.n_swept;
    enum nva_reason error;
    struct of_flow flow;

    s->progress = s->now;
    while (of_next_flow(&cursor, &flow, &error)) {
        if (s->bundle.n_swept++ >= OF_SESSION_SWEEP_MAX) {
            of_session_fail(s, NVA_R_LIMIT, "too many flows of one owner");
            return;
        }
        if (of_plain_is_left_over(s->bundle.plain, i, &flow)) {
            of_encode_flow_delete(head(s, s->bundle.msg_xid + i), &flow,
                                  &s->out);
        }
    }
    if (error) {
        of_session_fail(s, error, "a flow does not decode");
    } else if (of_session_take_part(s, &s->bundle.n_empty,
                                    s->bundle.n_swept - before, more)
               && !more) {
        swept(s, i);
    }
}

static void
swept(struct of_session *s, size_t i)
{
    of_plain_swept(s->bundle.plain, i);
    if (!of_plain_n_sweeps(s->bundle.plain)) {
        of_encode_barrier(head(s, s->bundle.barrier_xid), &s->out);
    }
}

/* The last barrier has not been sent yet. */
static bool
sweeps_left(const struct of_session *s)
{
    return s->bundle.plain && of_plain_n_sweeps(s->bundle.plain);
}

static void
meter_error(struct of_session *s, size_t i, const struct of_msg *msg)
{
    if (msg->error.exists) {
        return;
    }
    for (size_t j = 0; j < s->bundle.n_msgs; j++) {
        if (s->bundle.msgs[j].meter == s->bundle.meters[i]) {
            fail_message(s, j, (msg->error.table_full ? NVA_R_TABLE_FULL
                                : NVA_R_REJECTED), msg->error.text);
        }
    }
}

static void
fail_message(struct of_session *s, size_t i, enum nva_reason reason,
             const char *text)
{
    struct of_session_event *event;

    if (!s->bundle.msgs[i].failed) {
        s->bundle.msgs[i].failed = true;
        event = of_session_push(s, OF_SESSION_MSG_FAILED);
        event->failed.msg = i;
        event->failed.reason = reason;
        ovs_strlcpy(event->failed.text, text, sizeof event->failed.text);
    }
}

/* The first meter that 'flow' uses, 0 if it uses none. */
static uint32_t
flow_meter(const struct nva_flow *flow)
{
    const struct ofpact *a;

    OFPACT_FOR_EACH (a, flow->actions.data, flow->actions.size) {
        uint32_t meter = 0;

        if (a->type == OFPACT_METER) {
            meter = ofpact_get_METER(a)->meter_id;
        } else if (a->type == OFPACT_CONTROLLER) {
            meter = ofpact_get_CONTROLLER(a)->meter_id;
        }
        if (meter && meter != NX_CTLR_NO_METER) {
            return meter;
        }
    }
    return 0;
}
