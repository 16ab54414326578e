/* SPDX-License-Identifier: Apache-2.0 */

/* The steps of one interface from place to place, each as deltas: prepare,
 * pause, switch, publish, and back.  Works on a value of the interface that
 * the caller owns (see story_tsi()); each step puts it.
 *
 * design: a move.  Gate: peers are told only once the new NVE delivers locally
 * and holds no redirect for the interface. */

#ifndef NVA_RELOCATE_H
#define NVA_RELOCATE_H 1

#include "step.h"

/* The place the interface may go to; {0} takes the preparation back. */
void relocate_prepare(struct nva_plan *, struct nva_tsi *,
                      const struct nva_place *);

/* Its NVE redirects to the prepared place from now on, where it is held if the
 * VM's connections are (D18), or if 'early': then its VM still runs, and
 * floods enter the new port only when they have left the old one. */
void relocate_pause(const struct nva_view *, struct nva_plan *,
                    struct nva_tsi *, nva_id move, bool early);

/* The VM of an interface that was paused early has stopped. */
void relocate_stop(const struct nva_view *, struct nva_plan *,
                   struct nva_tsi *);

/* The VM of an interface that was paused early runs on: as relocate_resume(),
 * but floods leave the prepared place first. */
void relocate_run_on(const struct nva_view *, struct nva_plan *,
                     struct nva_tsi *);

/* ...and no longer: it delivers again.  What is held stays so, at both places,
 * until all of it is out. */
void relocate_resume(const struct nva_view *, struct nva_plan *,
                     struct nva_tsi *);

/* What comes for it is no longer held. */
void relocate_let_go(struct nva_plan *, struct nva_tsi *);

/* The interface is at 'to' now.  Published at once where the gate is open
 * already, or where no other NVE is concerned. */
void relocate_switch(const struct nva_view *, struct nva_plan *,
                     struct nva_tsi *, const struct nva_place *to,
                     nva_id move);

/* Publishes an interface that has switched, if its gate is open now; true if
 * it did. */
bool relocate_publish_if_open(const struct nva_view *, struct nva_plan *,
                              struct nva_tsi *, nva_id move);

#endif /* relocate.h */
