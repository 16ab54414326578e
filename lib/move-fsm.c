/* SPDX-License-Identifier: Apache-2.0 */

/* Which state of a move may follow which.  Knows the states only; must never
 * know why a move goes on.  Invariant: an ended move stays ended, and after
 * the switch there is no way back to a state before it.
 * draft-ietf-nvo3-vmm-15 s4, s5. */

#include <config.h>

#include "move-fsm.h"

#include "util.h"

#define B(STATE) (1u << NVA_MS_##STATE)

/* A paused move is aborted or goes on; it is prepared again only if it was
 * paused early and its VM did not stop in time.  A move that has switched
 * cannot be aborted, only superseded by a newer one. */
static const unsigned int successors[NVA_N_MOVE_STATES] = {
    [NVA_MS_PREPARED] = (B(PAUSED) | B(SWITCHING) | B(ABORTED) | B(FAILED)
                         | B(SUPERSEDED)),
    [NVA_MS_PAUSED] = (B(PREPARED) | B(SWITCHING) | B(ABORTED) | B(FAILED)
                       | B(SUPERSEDED)),
    [NVA_MS_SWITCHING] = B(CONVERGING) | B(FAILED) | B(SUPERSEDED),
    [NVA_MS_CONVERGING] = B(DRAINING) | B(DONE) | B(SUPERSEDED),
    [NVA_MS_DRAINING] = B(DONE) | B(SUPERSEDED),
    [NVA_MS_DONE] = 0,
    [NVA_MS_ABORTED] = 0,
    [NVA_MS_FAILED] = 0,
    [NVA_MS_SUPERSEDED] = 0,
};

bool
move_fsm_allows(enum nva_move_state from, enum nva_move_state to)
{
    return (from < NVA_N_MOVE_STATES && to < NVA_N_MOVE_STATES
            && successors[from] & (1u << to));
}

bool
move_fsm_is_ended(enum nva_move_state state)
{
    return !successors[state];
}

bool
move_fsm_has_switched(enum nva_move_state state)
{
    return (state == NVA_MS_SWITCHING || state == NVA_MS_CONVERGING
            || state == NVA_MS_DRAINING || state == NVA_MS_DONE);
}

void
move_fsm_go(struct nva_move *move, enum nva_move_state to)
{
    ovs_assert(move_fsm_allows(move->state, to));
    move->state = to;
}
