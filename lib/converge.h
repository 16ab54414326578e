/* SPDX-License-Identifier: Apache-2.0 */

/* What follows from confirmations, sessions and time: the gate, convergence,
 * unwinding an abort, the end of redirects and of moves. */

#ifndef NVA_CONVERGE_H
#define NVA_CONVERGE_H 1

#include "step.h"

/* CONFIRMED, QUARANTINED, FLOW_REMOVED, NVE_UP, NVE_SYNCED, NVE_DOWN, PORT:
 * what waited for that goes on. */
void converge_event(const struct nva_view *, const struct nva_event *,
                    struct nva_plan *);

/* TIMER: re-arms or ends redirects whose time has come, ends moves. */
void converge_timer(const struct nva_view *, struct nva_plan *);

/* When converge_timer() must run next; NVA_NEVER if never. */
nva_usec converge_deadline(const struct nva_view *);

/* True if the tables at the destination of 'move' would deliver: its NVE is
 * connected, its ports are there, all it was told is confirmed. */
bool converge_is_ready(const struct nva_view *, const struct nva_move *);
/* 'move' is being prepared.  On a way back, with the redirect of the way there
 * still at work when the one back begins, packets would go to and fro: it
 * ends, as nobody needs it who has been told where the VM is; unless it resets
 * connections.  True if it does. */
bool converge_end_way_there(const struct nva_view *, struct nva_move *,
                            struct nva_move_if *, struct nva_plan *);

/* True if 'move' may be paused: it is ready, or would be if its ports existed
 * and its VM's packets are held meanwhile (D18); and a redirect that its
 * destination had has left the datapath there, too (decision 0026).  'held':
 * they will be held, whatever its VM's connections are. */
bool converge_may_pause(const struct nva_view *, const struct nva_move *,
                        bool held);

/* True while a frame that the VM sent before its pause may still come from its
 * old port: the old NVE has not confirmed, or has only just. */
bool converge_is_pausing(const struct nva_view *, const struct nva_move *);

/* True if an NVE that sends to 'tsi', connected or not, has not confirmed
 * where that is. */
bool converge_owes(const struct nva_view *, const struct nva_tsi *);

/* What holds 'move' up, for `blocked_by': the NVEs (at most 'max' ids into
 * 'nves'), returns how many; sets '*why' to a literal ("port absent", "not
 * confirmed", "not connected", "redirect") or NULL. */
size_t converge_blocked_by(const struct nva_view *, const struct nva_move *,
                           nva_id *nves, size_t max, const char **why);

/* True once the old NVEs of a move that was taken back have confirmed that
 * they deliver again. */
bool converge_is_home(const struct nva_view *, const struct nva_move *);

/* True once what the caller asked of 'move' has been confirmed by the switches
 * it concerns: prepared -> ready; paused -> the redirect is confirmed at the
 * old NVEs; switched -> published; aborted -> unwound, or home if its VM is
 * still expected elsewhere. */
bool converge_is_settled(const struct nva_view *, const struct nva_move *);

#endif /* converge.h */
