/* SPDX-License-Identifier: Apache-2.0 */

/* The end of a read-back: what a switch was found to have is compared with
 * the truth, a slice a turn.
 *
 * Knows turns and who waits for one.  Must never decide what is equal.
 * Invariant: an NVE that is compared is sent nothing and confirms nothing;
 * what changes meanwhile is dirty when it is done. */

#include <config.h>

#include "dispatch.h"

#include "dispatch-private.h"
#include "util.h"

static bool compare_some(struct dispatch *, struct nve_prog *, size_t *budget,
                         nva_usec now);
static void note_found(struct dispatch *, struct nve_prog *, struct nva_owner);
static void tell_expired(struct dispatch *, const struct nve_prog *,
                         nva_usec now);
static void end(struct dispatch *, struct nve_prog *);

void
dispatch_compare_begin(struct dispatch *d, struct nve_prog *np)
{
    dispatch_compare_stop(np);
    np->cursor = directory_owners_start(d->dir, np->id);
    ovs_list_push_back(&d->comparing, &np->compare_node);
}

void
dispatch_compare_stop(struct nve_prog *np)
{
    if (np->cursor) {
        directory_owners_stop(np->cursor);
        np->cursor = NULL;
        ovs_list_remove(&np->compare_node);
        np->n_found = 0;
    }
}

/* One NVE after the other gets its share, until the turn is used up. */
void
dispatch_compare_run(struct dispatch *d, nva_usec now)
{
    size_t budget = d->compare_per_turn;

    while (budget && !ovs_list_is_empty(&d->comparing)) {
        struct nve_prog *np = CONTAINER_OF(ovs_list_pop_front(&d->comparing),
                                           struct nve_prog, compare_node);

        ovs_list_push_back(&d->comparing, &np->compare_node);
        if (!compare_some(d, np, &budget, now)) {
            end(d, np);
        }
        tell_expired(d, np, now);
    }
    dispatch_tell_acks(d, now);
}

void
dispatch_compare_per_turn(struct dispatch *d, size_t n)
{
    d->compare_per_turn = n;
}

bool
dispatch_is_comparing(const struct dispatch *d)
{
    return !ovs_list_is_empty(&d->comparing);
}

/* A share of 'budget', and takes what it cost; false: all is compared. */
static bool
compare_some(struct dispatch *d, struct nve_prog *np, size_t *budget,
             nva_usec now)
{
    const size_t share = MIN(*budget, DISPATCH_COMPARE_SHARE);
    struct nva_owner owner;
    size_t used = 0;
    bool more = true;

    while (used < share && more) {
        if (directory_owners_next(np->cursor, &owner)) {
            used += flow_prog_compare(np->prog, &d->source, owner, now);
            note_found(d, np, owner);
        } else {
            more = flow_prog_compare_rest(np->prog, share - used);
            used = share;
        }
    }
    *budget -= MIN(*budget, used);
    return more;
}

/* What is right already is an acknowledgement too, once all is compared: of
 * what a move or a redirect may wait for. */
static void
note_found(struct dispatch *d, struct nve_prog *np, struct nva_owner owner)
{
    if (owner.kind != NVA_OWNER_REDIRECT
        && (!directory_n_moves_active(d->dir)
            || dispatch_move_of_owner(d, owner) == NVA_ID_NONE)) {
        return;
    }
    if (np->n_found >= np->allocated_found) {
        np->found = x2nrealloc(np->found, &np->allocated_found,
                               sizeof *np->found);
    }
    np->found[np->n_found++] = owner;
}

static void
end(struct dispatch *d, struct nve_prog *np)
{
    for (size_t i = 0; i < np->n_found; i++) {
        const struct ack ack = {
            .nve = np->id, .owner = np->found[i],
            .version = directory_owner_version(d->dir, np->found[i]),
        };

        if (flow_prog_confirmed(np->prog, ack.owner, ack.version)) {
            dispatch_add_ack(d, &ack);
        }
    }
    dispatch_compare_stop(np);
    dispatch_prog_queue(d, np, QUEUE_MOVE);
    d->deadline_is_old = true;
}

/* Redirects and pulled flows that ended while the session was away. */
static void
tell_expired(struct dispatch *d, const struct nve_prog *np, nva_usec now)
{
    for (size_t i = 0; i < d->n_expired; i++) {
        struct nva_event ev = dispatch_session_event(np->bridge,
                                                     NVA_EV_FLOW_REMOVED);

        ev.flow.owner = d->expired[i].owner;
        ev.flow.by_timeout = true;
        dispatch_event(d, &ev, now);
    }
    d->n_expired = 0;
}
