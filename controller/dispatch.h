/* SPDX-License-Identifier: Apache-2.0 */

/* The one way from what happened to what is true and what is sent: events go
 * in, the directory changes, switches are programmed.  Owns the directory and
 * a flow_prog per claimed NVE.  Knows no socket, no loop, no clock. */

#ifndef NVA_DISPATCH_H
#define NVA_DISPATCH_H 1

#include "api-json.h"
#include "classify.h"
#include "dispatch-ops.h"
#include "event.h"
#include "flow-prog.h"
#include "metrics.h"
#include "step.h"

struct dispatch;

/* Named limits. */
enum {
    DISPATCH_SWITCHES_MAX = 8192,   /* Connected bridges: a peer that opens
                                     * sessions with invented dpids. */
    DISPATCH_UNCLAIMED_MAX = 4096,  /* ...of them unclaimed, if the process may
                                     * have as many descriptors. */
    DISPATCH_HOLD_BACKLOG_MAX = 1024 * 1024,    /* Bytes that wait for a switch
                                     * that does not read: then what was held
                                     * waits where it is. */
    DISPATCH_LOOKS_PER_TURN = 64,   /* Learned addresses looked at in a row:
                                     * a large network that ages differently
                                     * now must not hold up a move. */
    DISPATCH_SCANS_PER_TURN = 64,   /* The same of scans: many NVEs' may be due
                                     * at once. */
    DISPATCH_FAULTS_PER_TURN = 64,  /* Faults told in a row: a switch that
                                     * loses all its ports. */
    DISPATCH_BULK_PER_RUN = 32,     /* NVEs without a move that get a bundle
                                     * per dispatch_run(): a change of a large
                                     * VN must not hold up a move. */
    DISPATCH_COMPARE_PER_TURN = 512,    /* Owners and flows compared in a turn
                                     * at the end of read-backs: 0.3 ms... */
    DISPATCH_COMPARE_SHARE = 64,    /* ...and of one NVE in a row. */
};

/* For so long the NVE that a VM leaves is programmed alone. */
#define DISPATCH_LATER (2 * NVA_MSEC)

/* An NVE that asks for an interface whose flows it has confirmed, and again so
 * much later, does not have them: they are written anew, an interface at most
 * in DISPATCH_VERIFY_PAUSE (A2, RFC 8014 s8.3).  Sooner it may be a decision
 * that its datapath had cached. */
#define DISPATCH_VERIFY NVA_SEC
#define DISPATCH_VERIFY_PAUSE (10 * NVA_SEC)

struct dispatch *dispatch_create(const struct dispatch_ops *);
/* Closes nothing: the channels are the caller's. */
void dispatch_destroy(struct dispatch *);

/* ## Events ## */

/* One event through the whole brain: step, apply, program, reply, note.
 * Returns the plan's verdict (requests; NVA_OK otherwise). */
enum nva_reason dispatch_event(struct dispatch *, const struct nva_event *,
                               nva_usec now);

/* A northbound request, with what only the sessions know filled in; a bridge
 * that waits for it is claimed by the next dispatch_run(). */
enum nva_reason dispatch_request(struct dispatch *,
                                 const struct nva_request *, nva_usec now);
/* The plan of the last event or request.  Valid until the next call that
 * takes a non-const dispatch. */
const struct nva_plan *dispatch_plan(const struct dispatch *);

/* Runs what is due; cheap when nothing is. */
void dispatch_timer(struct dispatch *, nva_usec now);
/* When dispatch_timer() must run; NVA_NEVER if never. */
nva_usec dispatch_deadline(struct dispatch *, nva_usec now);

/* Ends a turn: claims, and sends to each NVE what is due to it.  Costs what
 * changed.  True if there is more to send now: run again after others had
 * their turn. */
bool dispatch_run(struct dispatch *, nva_usec now);

/* How much of what switches were found to have is compared in a turn; by
 * default DISPATCH_COMPARE_PER_TURN.  Tests take less, so that more happens
 * meanwhile. */
void dispatch_compare_per_turn(struct dispatch *, size_t n);
/* True if dispatch_timer() has some of that to do. */
bool dispatch_is_comparing(const struct dispatch *);

/* ## Switches ##
 *
 * A call for a channel that dispatch does not know (never up, closed by it)
 * does nothing. */

struct dispatch_peer {
    uint64_t dpid;
    struct in6_addr ip;                 /* Zero: a unix socket. */
    const char *text;                   /* For people. */
    const char *openflow;               /* "1.5" or the like; static. */
    bool bundles;                       /* It has them. */
    size_t n_ports;
    const struct nva_port *ports;
};

/* A bridge has shaken hands; 'peer' is copied.  A known dpid becomes its NVE's
 * session, another is unclaimed: its flows are counted and it gets no flow
 * mod.  An older session of the same dpid is closed (DPID_BUSY).  Refuses with
 * LIMIT: the caller closes. */
enum nva_reason dispatch_switch_up(struct dispatch *, void *channel,
                                   const struct dispatch_peer *peer,
                                   nva_usec now);
void dispatch_switch_down(struct dispatch *, void *channel, nva_usec now);
void dispatch_switch_readback_flow(struct dispatch *, void *channel,
                                   uint64_t cookie, uint64_t hash);
void dispatch_switch_readback_meter(struct dispatch *, void *channel,
                                    struct nva_meter);
void dispatch_switch_readback_done(struct dispatch *, void *channel,
                                   nva_usec now);
void dispatch_switch_port(struct dispatch *, void *channel,
                          const struct nva_port *, bool gone, nva_usec now);
/* 'pin': its 'nve' and 'session' are filled in. */
void dispatch_switch_packet_in(struct dispatch *, void *channel,
                               const struct nva_packet_in *pin, nva_usec now);
void dispatch_switch_flow_removed(struct dispatch *, void *channel,
                                  uint64_t cookie, uint64_t packets,
                                  bool by_timeout, nva_usec now);
void dispatch_switch_msg_failed(struct dispatch *, void *channel, size_t msg,
                                enum nva_reason, nva_usec now);
void dispatch_switch_bundle_done(struct dispatch *, void *channel,
                                 bool applied, nva_usec now);

/* Bytes that the bridge makes dispatch hold: its ports. */
size_t dispatch_switch_memory(const struct dispatch *, void *channel);

/* ## Questions ## */

/* A view of the truth at 'now'; valid until the next change. */
struct nva_view dispatch_view(const struct dispatch *, nva_usec now);

/* What was counted: the other parts of the body count here too. */
struct metrics *dispatch_metrics(struct dispatch *);
/* Fills in all gauges but 'subscribers'. */
void dispatch_gauges(const struct dispatch *, struct metrics_gauges *);

/* ## Audit ## */

/* Begins an audit; 'wanted' and its inventory are dispatch's from here on.
 * AUDIT_RUNNING. */
enum nva_reason dispatch_audit(struct dispatch *,
                               const struct api_audit *wanted, nva_usec now);
/* From now on begins one each 'interval' (0: none), without an inventory. */
void dispatch_audit_every(struct dispatch *, nva_usec interval, nva_usec now);
/* For struct api_facts; 'aux' is the dispatch. */
const struct nva_audit *dispatch_last_audit(const void *dispatch,
                                            bool *goes_on);

/* ## Faults ## */

/* For struct api_facts; 'aux' is the dispatch. */
size_t dispatch_faults(const void *dispatch, const struct nva_view *,
                       nva_id tsi,
                       void (*cb)(const struct nva_finding *, void *cb_aux),
                       void *cb_aux);
nva_usec dispatch_nve_since(const void *dispatch, nva_id nve);

/* For struct api_facts; 'aux' is the dispatch. */
void dispatch_each_unclaimed(const void *dispatch,
                             void (*cb)(uint64_t dpid, const char *peer,
                                        uint64_t foreign_flows, void *aux),
                             void *aux);
void dispatch_nve_state(const void *dispatch, nva_id nve, size_t *owners,
                        size_t *dirty, size_t *quarantined);

const char *dispatch_nve_openflow(const void *dispatch, nva_id nve,
                                  bool *bundles);

/* The programming of 'nve', NULL if it has never been claimed. */
const struct flow_prog *dispatch_flow_prog(const struct dispatch *,
                                           nva_id nve);

#endif /* dispatch.h */
