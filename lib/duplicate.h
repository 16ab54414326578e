/* SPDX-License-Identifier: Apache-2.0 */

/* Duplicate addresses: one interface has an address by its own word, another
 * says that it has it (RFC 9161 s3.7, F7; RFC 5227).
 *
 * The former holder is asked, for up to NVA_CONFIRM_TIME.  If it answers, the
 * address stays its and a conflict is counted; if it is silent, is off all
 * that time, or the port where it was is gone, the address goes to who claims
 * it.  A VM that stands still for a move keeps it.  `duplicate_moves'
 * conflicts in `duplicate_window' freeze the address: nobody answers for it,
 * and it changes hands no more, until somebody or its timer thaws it.
 *
 * Addresses that VM management gave, those of sticky VMs and those of networks
 * with binding=strict are never in question (admission), nor are those that
 * their network shares. */

#ifndef NVA_DUPLICATE_H
#define NVA_DUPLICATE_H 1

#include "step.h"

/* Claims of one address are heard as often as this: a guest that repeats its
 * own makes us ask another no more. */
#define NVA_CLAIM_PACE NVA_SEC

/* EVIDENCE that was admitted, after 'plan' has what else follows from it. */
void duplicate_claim(const struct nva_view *, const struct nva_event *,
                     struct nva_plan *);

/* What a probe for NVA_PROBE_CLAIM says (a probe_outcome_cb). */
void duplicate_outcome(const struct nva_view *, const struct nva_probe *,
                       enum nva_reason outcome, const struct nva_probe_place *,
                       struct nva_plan *);

/* Thaws the frozen addresses of 'tsi'. */
void duplicate_thaw(const struct nva_view *, const struct nva_tsi *,
                    struct nva_plan *);
/* Thaws that of 'lease' (a value, which the caller puts). */
void duplicate_thaw_lease(const struct nva_view *, struct nva_lease *,
                          enum nva_reason, struct nva_plan *);

#endif /* duplicate.h */
