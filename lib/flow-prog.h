/* SPDX-License-Identifier: Apache-2.0 */

/* What to send next to one NVE.  Keeps per owner: absent, present or unknown;
 * the version confirmed in the present session; a hash.  No copy of flows, no
 * socket, no clock. */

#ifndef NVA_FLOW_PROG_H
#define NVA_FLOW_PROG_H 1

#include "flow-set.h"
#include "nva-types.h"

struct flow_prog;

/* What goes first.  A bundle that begins with MOVE holds nothing else. */
enum flow_prog_class { FLOW_PROG_MOVE, FLOW_PROG_CONFIG, FLOW_PROG_RESYNC };

/* How flow_prog asks for truth (intent and directory, or a test's). */
struct flow_prog_source {
    void (*flows)(void *aux, nva_id nve, struct nva_owner, nva_usec now,
                  struct flow_set *out);
    uint64_t (*version)(void *aux, struct nva_owner);
    /* An owner that was dirty turned out to have the flows the switch has:
     * confirmed without a message.  Not called at read-back.  May be NULL. */
    void (*unchanged)(void *aux, nva_id nve, struct nva_owner,
                      uint64_t version);
    /* At read-back: what ends by itself (a redirect, a pulled flow) was there
     * in an earlier session and is gone, though the switch kept its other
     * flows: its timer ended it.  May be NULL. */
    void (*expired)(void *aux, nva_id nve, struct nva_owner);
    void *aux;
};

/* Limits of one bundle. */
enum {
    FLOW_PROG_BUNDLE_FLOWS = 256,
    FLOW_PROG_BUNDLE_BYTES = 64 * 1024,
};

struct flow_prog *flow_prog_create(nva_id nve);
void flow_prog_destroy(struct flow_prog *);

/* A new session: everything is unknown, nothing is in flight.  Nothing is
 * sent until what was read is compared. */
void flow_prog_session_start(struct flow_prog *);
/* The session is gone: nothing can be sent, nothing is confirmed. */
void flow_prog_session_end(struct flow_prog *);

/* One flow (its cookie, its nva_flow_hash()) that the switch was found to
 * have.  Flows of other applications are not passed in. */
void flow_prog_readback(struct flow_prog *, uint64_t cookie, uint64_t hash);
/* A cookie of another application that an adopted bridge was found to have:
 * its flows are deleted by that exact cookie once ours are confirmed.  At most
 * 1,024 are kept (a bridge with a cookie per flow), the rest at the next
 * session. */
void flow_prog_readback_foreign(struct flow_prog *, uint64_t cookie);
/* A meter that the switch was found to have. */
void flow_prog_readback_meter(struct flow_prog *, struct nva_meter);

/* ## Once all is read ##
 *
 * A little at a time: owners may be dirtied meanwhile. */

/* Compares what was read of 'owner', who may have flows here, with the truth
 * now.  Equal: it is confirmed without a message once all are compared; else
 * it becomes dirty (RESYNC).  Harmless if done twice.  Returns what that cost:
 * owners and flows looked at. */
size_t flow_prog_compare(struct flow_prog *, const struct flow_prog_source *,
                         struct nva_owner, nva_usec now);
/* After all of them: owners found that have no business here become dirty
 * (RESYNC), at most 'max' of them.  True: call again for more.  False: all is
 * compared; from now on there is something to send, and to confirm. */
bool flow_prog_compare_rest(struct flow_prog *, size_t max);

/* The owner's flows here may have changed. */
void flow_prog_dirty(struct flow_prog *, struct nva_owner,
                     enum flow_prog_class);

/* The owner's flows here are not what was believed: they are written anew. */
void flow_prog_mistrust(struct flow_prog *, struct nva_owner);

/* What to put into the messages of one bundle, in order. */
enum flow_prog_op { FLOW_PROG_DELETE, FLOW_PROG_ADD };
struct flow_prog_msg {
    enum flow_prog_op op;
    struct nva_owner owner;
    uint64_t cookie;                    /* DELETE: exact. */
    const struct nva_flow *flow;        /* ADD: inside the bundle's sets;
                                         * 'owner' NONE: foreign or old. */
};
struct flow_prog_bundle {
    size_t n_meters;                    /* Add before the bundle. */
    const struct nva_meter *meters;
    size_t n_msgs;
    const struct flow_prog_msg *msgs;
    size_t n_owners;                    /* Sent in it, for the timeline. */
    const struct nva_owner *owners;
};

/* The next bundle, or NULL if there is nothing to send or one is in flight.
 * It stays flow_prog's and valid until it ends.  Owners of class MOVE first;
 * a redirect and its interface's owner dirtied together are never split.
 * 'now' is for intent. */
const struct flow_prog_bundle *
flow_prog_next(struct flow_prog *, const struct flow_prog_source *,
               nva_usec now);

/* ## How the bundle in flight ended ## */

/* Message 'msg' of it (an index into msgs) failed, before the bundle ended:
 * its owner is quarantined ('reason') until it is dirtied again. */
void flow_prog_msg_failed(struct flow_prog *, size_t msg, enum nva_reason);

typedef void flow_prog_owner_cb(struct nva_owner, uint64_t version, void *aux);

/* The barrier after it was answered.  'applied': the commit succeeded; else
 * nothing was applied and the owners without a failed message are sent again.
 * Calls 'confirmed' for each owner now confirmed at the version it was
 * computed from; an owner dirtied since stays dirty. */
void flow_prog_bundle_done(struct flow_prog *, bool applied,
                           flow_prog_owner_cb *confirmed, void *aux);

/* A meter that no VAP needs any more and may be deleted now; false: none. */
bool flow_prog_next_meter_delete(struct flow_prog *, uint32_t *id);

/* A flow of ours went by itself (hard timeout): the owner is absent. */
void flow_prog_removed(struct flow_prog *, struct nva_owner);

/* ## Questions ## */

/* See nva_view's 'confirmed'.  False while the session is down or not read
 * back.  An owner that is not dirty and not in flight is confirmed at any
 * version (whatever would change it here would have dirtied it; one never
 * heard of is confirmed absent); one that is dirty or in flight is confirmed
 * at the version that the last finished bundle carried; a quarantined one
 * never. */
bool flow_prog_confirmed(const struct flow_prog *, struct nva_owner,
                         uint64_t version);
/* Nothing dirty, nothing in flight. */
bool flow_prog_is_idle(const struct flow_prog *);
size_t flow_prog_n_owners(const struct flow_prog *);
size_t flow_prog_n_dirty(const struct flow_prog *);
size_t flow_prog_n_quarantined(const struct flow_prog *);
/* Quarantined owners with reasons. */
void flow_prog_each_quarantined(const struct flow_prog *,
                                void (*cb)(struct nva_owner, enum nva_reason,
                                           void *aux), void *aux);
/* The hash believed to be at the switch; 0: absent.  For tests. */
uint64_t flow_prog_hash(const struct flow_prog *, struct nva_owner);

#endif /* flow-prog.h */
