/* SPDX-License-Identifier: Apache-2.0 */

/* What the files of a session share: its state, and how it ends, numbers its
 * messages and says what happened.  For lib/of-session*.c only. */

#ifndef NVA_OF_SESSION_PRIVATE_H
#define NVA_OF_SESSION_PRIVATE_H 1

#include "of-session.h"
#include "openvswitch/list.h"
#include "openvswitch/ofpbuf.h"

struct of_plain;
struct queued;
struct sent;

enum phase { PHASE_HELLO, PHASE_FEATURES, PHASE_PORTS, PHASE_UP, PHASE_ENDED };

struct of_session {
    enum phase phase;
    nva_usec now;                       /* As last heard. */
    nva_usec started;
    nva_usec heard;                     /* The last whole message. */
    nva_usec probed;                    /* Unanswered probe; NVA_NEVER: none */
    nva_usec progress;                  /* Of the bundle or read-back. */

    nva_usec unasked;                   /* Allowance of unasked messages, in
                                         * messages * NVA_SEC... */
    nva_usec unasked_filled;            /* ...as of then. */
    size_t n_answers;                   /* That may still come. */

    struct ofpbuf in;                   /* Less than one message is kept. */
    struct ofpbuf msg;                  /* The message at hand, aligned. */
    struct ofpbuf out;

    struct ovs_list events;             /* Of struct queued... */
    size_t event_bytes;                 /* ...with their data. */
    size_t n_pushed;                    /* Events so far. */
    struct queued *taken;               /* Valid until the next call. */

    uint32_t next_xid;                  /* Never 0. */
    uint32_t features_xid, ports_xid;
    uint32_t probe_xid, probe_end_xid;  /* The question for bundles. */

    uint8_t version;                    /* OF_VERSION_MAX until agreed on. */
    bool bundles, probe_ended, ports_ended;
    uint64_t dpid;
    size_t n_ports, allocated_ports;
    struct nva_port *ports;
    bool ports_begun;                   /* A part of the list has come. */
    size_t n_early;                     /* Port changes queued before UP. */

    struct {
        bool flows, meters;             /* Still to come. */
        uint32_t flows_xid, meters_xid;
        size_t n;                       /* Flows and meters so far. */
        size_t n_empty;                 /* Parts with none of them. */
        nva_usec began;
    } readback;

    struct {                            /* The bundle in flight. */
        bool active, committed, refused;
        uint32_t next_id;
        uint32_t open_xid, commit_xid, barrier_xid;
        uint32_t meter_xid, msg_xid;    /* Of the first of each. */
        size_t n_meters, n_msgs;
        uint32_t *meters;               /* Their ids. */
        struct sent *msgs;
        struct of_plain *plain;         /* If the switch has no bundles. */
        size_t n_swept;                 /* Flows that sweeps have found... */
        size_t n_empty;                 /* ...and parts with none of them. */
        nva_usec began;
    } bundle;
};

/* ## of-session ## */

/* Ends the session; 'detail' is kept by reference. */
void of_session_fail(struct of_session *, enum nva_reason, const char *detail);

/* Appends an event, which the caller fills in. */
struct of_session_event *of_session_push(struct of_session *,
                                         enum of_session_event_type);

/* 'n' xids in a row, none of them 0; returns the first. */
uint32_t of_session_take_xids(struct of_session *, size_t n);

/* A part of an answer has come with 'n' things in it, and 'more' follow.
 * False: that was one empty part too many, and the session has ended. */
bool of_session_take_part(struct of_session *, size_t *n_empty, size_t n,
                          bool more);

static inline struct of_head
head(const struct of_session *s, uint32_t xid)
{
    return (struct of_head) { s->version, xid };
}

/* ## of-session-bundle ## */

/* Queues the messages of 'bundle', which is in flight from then on. */
void of_bundle_begin(struct of_session *, const struct flow_prog_bundle *);
/* Forgets it. */
void of_bundle_clear(struct of_session *);

/* Answers, of which those that are not the bundle's change nothing.  False: it
 * is not the bundle's. */
bool of_bundle_error(struct of_session *, const struct of_msg *);
bool of_bundle_flows(struct of_session *, const struct of_msg *);
void of_bundle_committed(struct of_session *, const struct of_msg *);
void of_bundle_barrier(struct of_session *, const struct of_msg *);

#endif /* of-session-private.h */
