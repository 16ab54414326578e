/* SPDX-License-Identifier: Apache-2.0 */

/* After a VM has left an NVE, those that it leaves behind there are asked
 * whether they are still there (draft vmm-15 s4.2, D3): what a kernel's ARP
 * scan of its segment is, unicast, out of each one's own port.
 *
 * It costs a move nothing: it waits until no VM has left for a while.  However
 * many leave one after the other, it is one scan. */

#ifndef NVA_SCAN_H
#define NVA_SCAN_H 1

#include "step.h"

/* So long after the last move from there is over, but no longer than that
 * after the first. */
#define NVA_SCAN_DELAY (30 * NVA_SEC)
#define NVA_SCAN_DELAY_MAX (300 * NVA_SEC)

/* At one NVE so many interfaces are asked in so much time, of however many
 * VNs: 50 a second, fewer than what an NVE's port may answer without being
 * taken for one that floods (inlet.h).  A VN with more of them there than
 * NVA_SCAN_MAX was filled by somebody who makes them up: the rest only
 * ages. */
enum {
    NVA_SCAN_BATCH = 5,
    NVA_SCAN_MAX = 512,
};
#define NVA_SCAN_TICK (100 * NVA_MSEC)

/* After a step: 'plan' may end a move, and so begin a scan. */
void scan_sweep(const struct nva_view *, struct nva_plan *);

/* SCAN_DUE. */
void scan_due(const struct nva_view *, const struct nva_event *,
              struct nva_plan *);
/* A scan for which SCAN_DUE is due at view->now, or NULL; when that will be,
 * or NVA_NEVER. */
const struct nva_scan *scan_next_due(const struct nva_view *);
nva_usec scan_deadline(const struct nva_view *);

/* What a probe for NVA_PROBE_SCAN says (a probe_outcome_cb). */
void scan_outcome(const struct nva_view *, const struct nva_probe *,
                  enum nva_reason outcome, const struct nva_probe_place *,
                  struct nva_plan *);

#endif /* scan.h */
