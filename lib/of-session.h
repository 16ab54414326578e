/* SPDX-License-Identifier: Apache-2.0 */

/* One OpenFlow session as a state machine: bytes in, bytes out, events out.
 * No socket, no clock: 'now' comes in, a deadline goes out. */

#ifndef NVA_OF_SESSION_H
#define NVA_OF_SESSION_H 1

#include "of-codec.h"

struct of_session;

/* Named limits. */
enum {
    OF_SESSION_OUTPUT_MAX = 8 * 1024 * 1024,    /* A peer that does not read:
                                                 * OUTPUT_LIMIT. */
    OF_SESSION_HANDSHAKE_SECS = 10,
    OF_SESSION_PROBE_SECS = 5,          /* Idle: echo request; ... */
    OF_SESSION_DEAD_SECS = 15,          /* ...no answer: ECHO_TIMEOUT. */
    OF_SESSION_ANSWER_SECS = 30,        /* A peer that echoes, but does not go
                                         * on with a bundle or a read-back:
                                         * ECHO_TIMEOUT. */
    OF_SESSION_ANSWER_TOTAL_SECS = 600, /* The same for one that goes on, but
                                         * never comes to an end. */
    OF_SESSION_EMPTY_PARTS_MAX = 16,    /* Parts of one answer with nothing in
                                         * them, though more follows: LIMIT. */
    OF_SESSION_UNASKED_RATE = 100,      /* Messages a second that answer
                                         * nothing and say nothing (echo
                                         * requests, errors, unknown types):
                                         * a switch sends one in seconds... */
    OF_SESSION_UNASKED_BURST = 1000,    /* ...and this at once: MSG_FLOOD. */
    OF_SESSION_ANSWERS_MAX = 65536,     /* Answers that may still come to what
                                         * we have sent. */
    OF_SESSION_KEEP_MAX = 4096,         /* Bytes of a buffer that are kept. */
    OF_SESSION_READBACK_MAX = 4 * 1024 * 1024,  /* A peer that invents flows
                                                 * and meters: LIMIT. */
    OF_SESSION_SWEEP_MAX = 64 * 1024,   /* ...that invents flows of an owner
                                         * whose flows change: LIMIT. */
};

struct of_session *of_session_create(nva_usec now);
void of_session_destroy(struct of_session *);

/* Appends bytes as they came; handles none of them. */
void of_session_feed(struct of_session *, const void *, size_t);

/* Handles the next whole message, framed by its OpenFlow length (below 8:
 * MSG_TRUNCATED), or ends at a header that is none.  False: neither is there.
 * Its events are bounded by its size: the caller takes them before it handles
 * the next. */
bool of_session_handle(struct of_session *, nva_usec now);

/* Feeds, and handles all that is there. */
void of_session_input(struct of_session *, const void *, size_t, nva_usec now);

/* Bytes that the peer makes this session hold: what it has sent in part, what
 * it does not read, its ports, and events not taken yet. */
size_t of_session_memory(const struct of_session *);
/* Gives back what buffers hold that are empty, or nearly. */
void of_session_trim(struct of_session *);

/* Time goes by: probes, timeouts. */
void of_session_run(struct of_session *, nva_usec now);
nva_usec of_session_deadline(const struct of_session *);

/* Bytes to write: the caller writes and then removes what it wrote
 * (ofpbuf_pull).  There may be some after ENDED: the refusal of a version. */
struct ofpbuf *of_session_output(struct of_session *);

/* ## What happened: call until false. ## */

enum of_session_event_type {
    OF_SESSION_UP,              /* Shaken hands: dpid and ports known. */
    OF_SESSION_READBACK_FLOW,   /* flow.cookie, flow.hash */
    OF_SESSION_READBACK_METER,
    OF_SESSION_READBACK_DONE,
    OF_SESSION_PORT,            /* port, gone */
    OF_SESSION_PACKET_IN,
    OF_SESSION_FLOW_REMOVED,    /* removed */
    OF_SESSION_MSG_FAILED,      /* failed.msg of the bundle in flight */
    OF_SESSION_BUNDLE_DONE,     /* applied */
    OF_SESSION_ENDED,           /* reason, detail; nothing comes after */
};

struct of_session_event {
    enum of_session_event_type type;
    union {
        struct {
            uint64_t dpid;
            uint8_t version;            /* Of OF_VERSIONS. */
            bool bundles;               /* The switch has them. */
            size_t n_ports;
            const struct nva_port *ports;       /* The session's, until the
                                                 * next call. */
        } up;
        struct { uint64_t cookie, hash; } flow;
        struct nva_meter meter;
        struct { struct nva_port port; bool gone; } port;
        struct nva_packet_in pin;       /* data: the session's, until the next
                                         * call. */
        struct { uint64_t cookie, packets; bool by_timeout; } removed;
        struct { size_t msg; enum nva_reason reason; char text[64]; } failed;
        bool applied;
        struct { enum nva_reason reason; const char *detail; } ended;
    };
};

bool of_session_next_event(struct of_session *, struct of_session_event *);

/* ## What to do: each queues output; only after UP.  Without effect once the
 * session has ended. ## */

/* Flow and meter dump; events follow, then READBACK_DONE.  Without effect
 * while one is under way. */
void of_session_read_back(struct of_session *);
/* Meters, bundle open, adds, commit and barrier in one write; to a switch that
 * has no bundles, flow mods in an order that leaves no gap (of-plain.h), so
 * that what it rejects concerns only its owner.  One in flight at a time.  A
 * failed message gives MSG_FAILED (REJECTED or TABLE_FULL), once each; then
 * BUNDLE_DONE, when the barrier has been answered.  Nothing of 'bundle' is
 * kept.
 *
 * A meter that exists is fine.  One that is refused fails the messages whose
 * flows use it: OVS would take a flow with controller(meter_id=N) without it,
 * and then nothing would limit its packet-ins. */
void of_session_send_bundle(struct of_session *,
                            const struct flow_prog_bundle *);
void of_session_delete_meter(struct of_session *, uint32_t meter);
/* From now on flows match what first fragments say of their protocol. */
void of_session_match_fragments(struct of_session *);
void of_session_packet_out(struct of_session *, const void *data, size_t size,
                           const struct ofpbuf *ofpacts);
/* Ends the session from our side: ENDED follows. */
void of_session_end(struct of_session *, enum nva_reason);

#endif /* of-session.h */
