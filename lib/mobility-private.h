/* SPDX-License-Identifier: Apache-2.0 */

/* What the files of mobility share: how a VM's interfaces switch.  For
 * lib/mobility*.c only. */

#ifndef NVA_MOBILITY_PRIVATE_H
#define NVA_MOBILITY_PRIVATE_H 1

#include "step.h"

/* The interface is at 'place'.  Where that was prepared, this activates the
 * move; else it joins the VM's move to that NVE, or begins one, which
 * supersedes the other. */
void mobility_appear(const struct nva_view *, const struct nva_tsi *,
                     const struct nva_place *, enum nva_move_cause,
                     enum nva_reason, struct nva_plan *);

/* VM management says that the interface (a value, which the caller puts) is
 * where it is: whatever was in doubt is not. */
void mobility_settle(const struct nva_view *, struct nva_tsi *,
                     struct nva_plan *);

/* Evidence has taken the interface from 'from' to where the plan has it: one
 * move more of those that may be too many, 'in_doubt' if its VM may still be
 * at 'from'. */
void mobility_doubt_move(const struct nva_view *, nva_id tsi,
                         const struct nva_place *from, bool in_doubt,
                         struct nva_plan *);

/* The interface was heard at 'elsewhere', without having said that it is
 * there: it is asked at both. */
void mobility_doubt_place(const struct nva_view *, const struct nva_tsi *,
                          const struct nva_place *elsewhere,
                          struct nva_plan *);

/* Announcements move the VM's interfaces again. */
void mobility_thaw(const struct nva_view *, const char *vm, struct nva_plan *);

/* Switches what is prepared and has not switched: a VM moves as a whole.  One
 * that speaks at a prepared place has come there with its silent interfaces,
 * too. */
void mobility_switch_rest(const struct nva_view *, struct nva_plan *,
                          struct nva_move *);

/* Ends 'old' in favour of a newer move: what it prepared and did not use goes;
 * its redirects stay and will be retargeted. */
void mobility_supersede(const struct nva_view *, struct nva_plan *,
                        const struct nva_move *old);

/* Ends a move that has not switched as 'end' (aborted or failed) and takes
 * back what it did, in reverse order: while its old NVE redirects, it unwinds.
 * The VM's state is again what it was. */
void mobility_take_back(const struct nva_view *, const struct nva_move *,
                        enum nva_move_state end, enum nva_reason,
                        struct nva_plan *);

/* True if what 'kind' does to a VM between its two places is to stop it: its
 * old place delivers no more, and nothing is sent after it. */
static inline bool
mobility_stops(enum nva_move_kind kind)
{
    return kind == NVA_MOVE_COLD || kind == NVA_MOVE_FAILOVER;
}

/* The VM of a prepared move stands still (hot, warm: its old NVE redirects) or
 * is off.  The caller has asked whether it may. */
void mobility_stand_still(const struct nva_view *, const struct nva_move *,
                          struct nva_plan *);

/* The VM of 'old', which was taken back, has gone where that would have
 * brought it: begins a new move, of all that had a port named. */
void mobility_go_after_all(const struct nva_view *, const struct nva_move *old,
                           enum nva_move_cause, enum nva_reason,
                           struct nva_plan *);

/* The VM of a prepared move will stand still within 'early_ms' milliseconds of
 * when the switches have confirmed that what comes for it waits. */
void mobility_pause_early(const struct nva_view *, const struct nva_move *,
                          uint32_t early_ms, struct nva_plan *);
/* ...and does so now. */
void mobility_stop(const struct nva_view *, const struct nva_move *,
                   struct nva_plan *);

/* VM 'vm' is in 'state' now: its record, a note if that is new, and whether
 * its interfaces are delivered to. */
void mobility_set_vm_state(const struct nva_view *, struct nva_plan *,
                           nva_id vm, enum nva_vm_state, enum nva_reason);

#endif /* mobility-private.h */
