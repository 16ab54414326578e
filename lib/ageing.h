/* SPDX-License-Identifier: Apache-2.0 */

/* Ageing: what frames taught lasts as long as it shows signs of life (RFC 9161
 * s3.5, F6).
 *
 * A learned address that was not heard for a third to half of its network's
 * `age' is asked: unicast, out of its owner's port alone.  A frame or an
 * answer of it renews it; if there is none until the full age it is withdrawn,
 * and with the last of its addresses a host nobody told us of.  Data between
 * VMs is no sign: no NVE shows it to us.  Where the question could not be sent
 * (the session is down, the VM stands still), silence says nothing.
 *
 * Addresses that VM management gave never age.  Those of an interface that
 * allows nested guests may be theirs, and only the guests could answer: they
 * are not asked, and stay as long as its port is there. */

#ifndef NVA_AGEING_H
#define NVA_AGEING_H 1

#include "step.h"

/* Not more than one is asked in this time: what was learned all at once, or is
 * all overdue, makes no burst.  100,000 take 100 s. */
#define NVA_AGEING_PACE (1 * NVA_MSEC)

/* Admitted EVIDENCE, as 'plan' leaves its interface, or an ANSWER. */
void ageing_sign(const struct nva_view *, const struct nva_event *,
                 struct nva_plan *);

/* LOOK_DUE. */
void ageing_due(const struct nva_view *, const struct nva_event *,
                struct nva_plan *);
/* A lease for which LOOK_DUE is due at view->now, or NULL; when that will be,
 * or NVA_NEVER. */
const struct nva_lease *ageing_next_due(const struct nva_view *);
nva_usec ageing_deadline(const struct nva_view *);

/* What was learned of 'tsi' is asked for now, whatever its age: there is
 * reason to. */
void ageing_hasten(const struct nva_view *, const struct nva_tsi *,
                   struct nva_plan *);

/* What a probe for NVA_PROBE_AGE says (a probe_outcome_cb). */
void ageing_outcome(const struct nva_view *, const struct nva_probe *,
                    enum nva_reason outcome, const struct nva_probe_place *,
                    struct nva_plan *);

#endif /* ageing.h */
