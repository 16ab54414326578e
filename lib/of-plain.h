/* SPDX-License-Identifier: Apache-2.0 */

/* What takes a bundle's place at a switch that has none: which of its messages
 * to send when, so that no table has a gap on the way.  Bytes and sessions are
 * its caller's. */

#ifndef NVA_OF_PLAIN_H
#define NVA_OF_PLAIN_H 1

#include "flow-prog.h"
#include "of-codec.h"

struct of_plain;

/* How a message of the bundle is to be sent, in this order, with a barrier
 * after the adds where something follows. */
enum of_plain_how {
    OF_PLAIN_ADD,               /* As a flow mod. */
    OF_PLAIN_DELETE,            /* As a flow mod: its owner gets no flows. */
    OF_PLAIN_SWEEP,             /* Not at all: its owner's flows are read back
                                 * by their cookie, and those deleted that
                                 * of_plain_is_left_over(). */
};

/* Keeps nothing of 'bundle'. */
struct of_plain *of_plain_create(const struct flow_prog_bundle *bundle);
void of_plain_destroy(struct of_plain *);

enum of_plain_how of_plain_how(const struct of_plain *, size_t msg);

/* True if 'flow', found by the sweep for 'msg', is none that the bundle adds:
 * only flows of the cookie swept for are. */
bool of_plain_is_left_over(const struct of_plain *, size_t msg,
                           const struct of_flow *flow);

/* The sweep for 'msg' is under way; after of_plain_swept() it is not. */
bool of_plain_is_sweeping(const struct of_plain *, size_t msg);
void of_plain_swept(struct of_plain *, size_t msg);
/* Sweeps under way. */
size_t of_plain_n_sweeps(const struct of_plain *);

#endif /* of-plain.h */
