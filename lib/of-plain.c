/* SPDX-License-Identifier: Apache-2.0 */

/* Flow mods for a switch without bundles.
 *
 * Knows the messages of one bundle and the cookies and keys of the flows it
 * adds; must never know bytes, xids or a session.
 *
 * A bundle deletes an owner's flows and adds them anew, at once.  One by one
 * that would leave a gap.  So all adds go first: one with the match of a flow
 * that is there takes its place.  What the owner had beside them is known to
 * nobody, as flow-prog keeps no flows: it is read back by the owner's cookie
 * and deleted flow by flow.  Until then old and new flows stand side by side,
 * which the gates allow for, since nothing is confirmed before the end.
 *
 * Invariant: a flow that the bundle adds is never left over.
 *
 * OpenFlow Switch Specification 1.3.5, sections 6.2 (barriers) and 6.4 (an
 * add replaces a flow of the same match and priority). */

#include <config.h>

#include "of-plain.h"

#include <stdlib.h>

#include "openvswitch/util.h"
#include "util.h"

/* One flow that is added. */
struct added {
    uint64_t cookie, key;
};

struct step {
    enum of_plain_how how;
    uint64_t cookie;                    /* SWEEP: whose. */
    bool sweeping;
};

struct of_plain {
    size_t n_steps, n_added, n_sweeps;
    struct step *steps;                 /* One for each message. */
    struct added *added;                /* Sorted. */
};

static int compare(const void *, const void *);
static bool adds_any(const struct of_plain *, uint64_t cookie);

struct of_plain *
of_plain_create(const struct flow_prog_bundle *bundle)
{
    struct of_plain *plain = xzalloc(sizeof *plain);

    plain->n_steps = bundle->n_msgs;
    plain->steps = xcalloc(bundle->n_msgs, sizeof *plain->steps);
    plain->added = xcalloc(bundle->n_msgs, sizeof *plain->added);
    for (size_t i = 0; i < bundle->n_msgs; i++) {
        const struct flow_prog_msg *msg = &bundle->msgs[i];

        if (msg->op == FLOW_PROG_ADD) {
            plain->added[plain->n_added++] = (struct added) {
                msg->flow->cookie, nva_flow_key_hash(msg->flow),
            };
        }
    }
    qsort(plain->added, plain->n_added, sizeof *plain->added, compare);

    for (size_t i = 0; i < bundle->n_msgs; i++) {
        const struct flow_prog_msg *msg = &bundle->msgs[i];
        struct step *step = &plain->steps[i];

        step->cookie = msg->cookie;
        step->how = (msg->op == FLOW_PROG_ADD ? OF_PLAIN_ADD
                     : adds_any(plain, msg->cookie) ? OF_PLAIN_SWEEP
                     : OF_PLAIN_DELETE);
        step->sweeping = step->how == OF_PLAIN_SWEEP;
        plain->n_sweeps += step->sweeping;
    }
    return plain;
}

void
of_plain_destroy(struct of_plain *plain)
{
    if (plain) {
        free(plain->steps);
        free(plain->added);
        free(plain);
    }
}

enum of_plain_how
of_plain_how(const struct of_plain *plain, size_t msg)
{
    ovs_assert(msg < plain->n_steps);
    return plain->steps[msg].how;
}

bool
of_plain_is_left_over(const struct of_plain *plain, size_t msg,
                      const struct of_flow *flow)
{
    const struct added wanted = { flow->cookie, flow->key };

    ovs_assert(msg < plain->n_steps);
    return (flow->hash && flow->cookie == plain->steps[msg].cookie
            && !bsearch(&wanted, plain->added, plain->n_added, sizeof wanted,
                        compare));
}

bool
of_plain_is_sweeping(const struct of_plain *plain, size_t msg)
{
    return msg < plain->n_steps && plain->steps[msg].sweeping;
}

void
of_plain_swept(struct of_plain *plain, size_t msg)
{
    if (of_plain_is_sweeping(plain, msg)) {
        plain->steps[msg].sweeping = false;
        plain->n_sweeps--;
    }
}

size_t
of_plain_n_sweeps(const struct of_plain *plain)
{
    return plain->n_sweeps;
}

/* By cookie, then by key. */
static int
compare(const void *a_, const void *b_)
{
    const struct added *a = a_, *b = b_;

    if (a->cookie != b->cookie) {
        return a->cookie < b->cookie ? -1 : 1;
    }
    return a->key < b->key ? -1 : a->key > b->key;
}

/* The first of that cookie, if there is one, by halving. */
static bool
adds_any(const struct of_plain *plain, uint64_t cookie)
{
    size_t low = 0, high = plain->n_added;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (plain->added[middle].cookie < cookie) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < plain->n_added && plain->added[low].cookie == cookie;
}
