/* SPDX-License-Identifier: Apache-2.0 */

/* Probes: "are you there?", asked of an interface out of a port of an NVE, and
 * the answer awaited.  Says who was asked, where, why and what came of it;
 * what follows is the caller's.
 *
 * RFC 9161 s3.5 (F6): unicast, sender IP 0, to the owner's attachment only.
 * RFC 5227 (H1): a probe is never evidence, nor is its answer. */

#ifndef NVA_PROBE_H
#define NVA_PROBE_H 1

#include "step.h"

/* Asked at one place: its first answer ends the probe (ANSWERED_HERE), or
 * NVA_PROBE_TRIES questions without one do (NO_ANSWER); for NVA_PROBE_CLAIM
 * NVA_CONFIRM_TRIES, in NVA_CONFIRM_TIME.
 *
 * Asked at two places: TWO_PLACES when it has answered at both at once,
 * NVA_PROBE_TRIES times in a row; ANSWERED_HERE when only one of them has
 * answered any of the last two questions; NO_ANSWER; UNCLEAR when it was here
 * and there by turns, or has left where it answered.  That takes
 * NVA_PROBE_TRIES questions, and twice as many if it is not clear by then or
 * if the interface has moved meanwhile.
 *
 * UNCLEAR, too, when nobody answered but not every question could be sent. */

/* What follows from a probe that has ended: 'outcome' is one of the above,
 * 'where' the place of ANSWERED_HERE, else NULL.  'probe' is a value of the
 * callee's caller; the interface is there. */
typedef void probe_outcome_cb(const struct nva_view *,
                              const struct nva_probe *probe,
                              enum nva_reason outcome,
                              const struct nva_probe_place *where,
                              struct nva_plan *);

/* Begins what 'what' says ('why', 'n_places' and the places, 'ip' or none,
 * 'rival'): puts the probe and asks for the first time.  One for the same
 * reason and address that is under way is replaced.  'tsi' is a value as the
 * plan leaves it.
 * UNKNOWN_ADDRESS: it has no IP that could be asked for.  LIMIT:
 * NVA_PROBES_MAX are under way. */
enum nva_reason probe_begin(const struct nva_view *, const struct nva_tsi *,
                            const struct nva_probe *what, struct nva_plan *);

/* Gives up the question for 'ip' (all zero: for any address) that is under way
 * for that reason, without an outcome. */
void probe_cancel(const struct nva_view *, nva_id tsi, enum nva_probe_why,
                  const struct in6_addr *ip, struct nva_plan *);

/* 'tsi' has spoken at 'place', unasked: an answer of before, at another place,
 * counts no more, unless it answers on there. */
void probe_heard(const struct nva_view *, nva_id tsi,
                 const struct nva_place *, struct nva_plan *);

/* ANSWER.  Notes DROPPED with UNASKED if no probe waits for it. */
void probe_answer(const struct nva_view *, const struct nva_event *,
                  probe_outcome_cb *, struct nva_plan *);

/* QUESTION: a host that probes an address of its own is not asked there for
 * NVA_ACD_TIME: our probe would be a conflict to it (RFC 5227 s2.1.1), and it
 * does not answer yet.  What is not asked is UNCLEAR. */
void probe_question(const struct nva_view *, const struct nva_event *,
                    struct nva_plan *);

/* PROBE_DUE: asks again, or ends it. */
void probe_due(const struct nva_view *, const struct nva_event *,
               probe_outcome_cb *, struct nva_plan *);

/* A probe for which PROBE_DUE is due at view->now; NONE: there is none. */
nva_id probe_next_due(const struct nva_view *);
/* When that will be; NVA_NEVER if never. */
nva_usec probe_deadline(const struct nva_view *);

#endif /* probe.h */
