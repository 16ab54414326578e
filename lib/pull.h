/* SPDX-License-Identifier: Apache-2.0 */

/* VNs that pull: an NVE has flows towards what it asked for, for a lifetime,
 * and towards nothing else.  RFC 8171 s3 (B7, B8, B13, B14, B18), s4 (B21). */

#ifndef NVA_PULL_H
#define NVA_PULL_H 1

#include "step.h"

/* True if a VN with this 'resolution', 'n' interfaces, that pulled up to now
 * or not, is to pull.  `auto' pulls from NVA_PUSH_MAX on and pushes again
 * below NVA_PUSH_AGAIN. */
bool pull_decides(enum nva_resolution, bool pulled, size_t n);

/* The time in seconds for which a pulled flow may be unused: one that was used
 * later than that is renewed at the end of its life. */
uint32_t pull_idle(uint32_t lifetime);

/* ## What an NVE asks ##
 *
 * Each but pull_evidence() does nothing in a VN that does not pull.  The
 * answer itself, or the packet sent on, is the responder's. */

/* QUESTION: its NVE will need a flow to the owner.  Nobody's address: flooded
 * where the VN's 'unknown_question' says so. */
void pull_question(const struct nva_view *, const struct nva_event *,
                   struct nva_plan *);
/* STRAY: the same for a packet; a MAC that nobody has is flooded, or the NVE
 * is told so for a while, as 'unknown_unicast' says. */
void pull_stray(const struct nva_view *, const struct nva_event *,
                struct nva_plan *);
/* EVIDENCE that was admitted, before it changes anything: an announcement is
 * flooded where no flow has done so, also where a VN that pushes drops unknown
 * questions (RFC 9161 s3.6, F5).  'moves': it says where its VM is, and what
 * it teaches besides is heard when it is shown once more, at the new place. */
void pull_evidence(const struct nva_view *, const struct nva_event *,
                   bool moves, struct nva_plan *);

/* ## What follows ## */

/* 'tsi' (a value whose 'published' is new) leaves the NVE of 'old': those who
 * stay there send to it now, so that NVE holds it. */
void pull_follow(const struct nva_view *, const struct nva_tsi *,
                 const struct nva_place *old, struct nva_plan *);

/* After a step: VNs whose size 'plan' changes begin to pull or to push. */
void pull_resize(const struct nva_view *, struct nva_plan *);

/* FLOW_REMOVED by its timer: the NVE holds that no more. */
void pull_event(const struct nva_view *, const struct nva_event *,
                struct nva_plan *);

/* TIMER: renews what was used, forgets what has ended; a bounded part of what
 * is due. */
void pull_timer(const struct nva_view *, struct nva_plan *);
nva_usec pull_deadline(const struct nva_view *);

#endif /* pull.h */
