/* SPDX-License-Identifier: Apache-2.0 */

/* What the files of dispatch share.  For controller/dispatch*.c only. */

#ifndef NVA_DISPATCH_PRIVATE_H
#define NVA_DISPATCH_PRIVATE_H 1

#include "bridges.h"
#include "directory.h"
#include "dispatch-ops.h"
#include "fault.h"
#include "hold.h"
#include "metrics.h"
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"

/* The programming of an NVE that has been claimed once. */
enum queue { QUEUE_NONE, QUEUE_BULK, QUEUE_LATER, QUEUE_MOVE };
struct nve_prog {
    struct hmap_node node;
    nva_id id;
    struct flow_prog *prog;
    struct bridge *bridge;          /* NULL: not connected. */
    const struct flow_prog_bundle *bundle;      /* In flight, or NULL. */
    enum queue queue;
    struct ovs_list queue_node;
    nva_usec later;                 /* QUEUE_LATER: not before then. */
    nva_id suspect;                 /* An interface that the switch asked for
                                     * though it should have it, or NONE; when
                                     * that was. */
    nva_usec suspected;
    nva_usec rewritten;             /* When one was written anew. */

    /* While what was read is compared: whose turn it is, and what was found
     * that somebody may wait for.  NULL: it is not. */
    struct owner_cursor *cursor;
    struct ovs_list compare_node;   /* In dispatch's 'comparing'. */
    size_t n_found, allocated_found;
    struct nva_owner *found;
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
    nva_usec inlet_deadline;        /* When floods may have ended. */

    struct bridges bridges;
    uint64_t last_session;

    struct hold *hold;              /* Packets for VMs that stand still. */

    struct hmap progs;
    struct ovs_list moves;          /* Dirty NVEs with something of a move. */
    struct ovs_list later;          /* The same, while the one that the VM
                                     * leaves goes first; by time. */
    struct ovs_list bulk;           /* Other dirty NVEs. */
    struct ovs_list comparing;      /* NVEs read back, not yet compared. */
    size_t compare_per_turn;        /* Owners and flows. */

    /* NVEs that a request made, changed or deleted: claim or release. */
    size_t n_relink, allocated_relink;
    nva_id *relink;
    /* Confirmations not yet told to the brain. */
    size_t n_acks, allocated_acks;
    struct ack *acks;
    /* Redirects that a read back did not find. */
    size_t n_expired, allocated_expired;
    struct ack *expired;

    struct dispatch_audit *audit;
    struct faults *faults;          /* What does not work. */
};

/* ## dispatch ## */

/* Whose frame a note is about, as far as that is known: its 'port' by the
 * number where it came in at 'nve', its interface by 'vn' and 'mac'. */
void dispatch_name_sender(const struct directory *, nva_ofport,
                          struct nva_note *);

/* Counts the decision and tells the world. */
void dispatch_tell_note(struct dispatch *, const struct nva_note *,
                        nva_usec now);

/* ## dispatch-program: what is sent to whom, when ## */

/* Where flow_prog gets flows and versions, and tells what it found. */
struct flow_prog_source dispatch_prog_source(struct dispatch *);

struct nve_prog *dispatch_prog(const struct dispatch *, nva_id nve);
struct nve_prog *dispatch_prog_get(struct dispatch *, nva_id nve);
void dispatch_prog_destroy(struct dispatch *, struct nve_prog *);
void dispatch_prog_queue(struct dispatch *, struct nve_prog *, enum queue);
void dispatch_prog_unqueue(struct nve_prog *);

/* Owners have changed at NVEs, by one step: queues them there. */
void dispatch_program(struct dispatch *, const struct nva_dirty_list *,
                      nva_usec now);

/* The NVE asked for an interface that it may have been told of: see
 * DISPATCH_VERIFY. */
void dispatch_verify(struct dispatch *, const struct nva_event *stray,
                     nva_usec now);

/* A bundle to each NVE that has something of a move that is due, and to some
 * of those that have something else. */
void dispatch_send_moves(struct dispatch *, nva_usec now);
void dispatch_send_bulk(struct dispatch *, nva_usec now);
/* When something of a move will be due that is not yet; NVA_NEVER. */
nva_usec dispatch_send_deadline(const struct dispatch *);

/* Confirmations, kept until no flow_prog is in the middle of something, then
 * told to the brain. */
void dispatch_add_ack(struct dispatch *, const struct ack *);
void dispatch_tell_acks(struct dispatch *, nva_usec now);

/* Of the interface that an owner is about, if its VM is moving; or NONE. */
nva_id dispatch_move_of_owner(const struct dispatch *, struct nva_owner);

/* ## dispatch-compare: the end of a read-back ## */

/* All of the NVE is read: compares it, in slices, then queues it.  Stopped
 * with its session. */
void dispatch_compare_begin(struct dispatch *, struct nve_prog *);
void dispatch_compare_stop(struct nve_prog *);
/* A slice; once a turn. */
void dispatch_compare_run(struct dispatch *, nva_usec now);

/* ## dispatch-hold: packets for VMs that stand still ## */

/* Sends what may go now and tells the brain what has gone. */
void dispatch_hold_run(struct dispatch *, nva_usec now);

/* ## dispatch-switch: sessions and what they claim ## */

/* An event of type 'type' from the NVE that claims 'br', in its session. */
struct nva_event dispatch_session_event(const struct bridge *br,
                                        enum nva_event_type type);

/* Tells the brain of each port that floods, or has ended to. */
void dispatch_tell_floods(struct dispatch *, nva_usec now);

/* A request made, changed or deleted NVE 'id': claims or releases. */
void dispatch_relink(struct dispatch *, nva_id id, nva_usec now);

/* ## dispatch-audit ## */

struct dispatch_audit *dispatch_audit_create(void);
void dispatch_audit_destroy(struct dispatch_audit *);
/* A flow of 'br', which an audit has asked; then the end of them. */
void dispatch_audit_flow(struct dispatch *, const struct bridge *,
                         uint64_t cookie, uint64_t hash);
void dispatch_audit_read(struct dispatch *, struct bridge *);
/* Goes on; true if there is more to do now. */
bool dispatch_audit_run(struct dispatch *, nva_usec now);
/* When an audit begins or is given up; NVA_NEVER if never. */
nva_usec dispatch_audit_deadline(const struct dispatch *);

/* ## dispatch-fault ## */

/* Tells of what begins and ends not to work. */
void dispatch_fault_run(struct dispatch *, nva_usec now);

#endif /* dispatch-private.h */
