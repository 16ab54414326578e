/* SPDX-License-Identifier: Apache-2.0 */

/* The sentences of refusals: each names the other party and the value, so that
 * a caller knows what stands in the way and what to do about it.
 *
 * Each returns 'reason' as it came and decides nothing; nva_plan_refuse() has
 * the last word. */

#ifndef NVA_EXPLAIN_H
#define NVA_EXPLAIN_H 1

#include "step.h"

/* NOT_FOUND: there is no 'kind' (a noun) called 'name'. */
enum nva_reason explain_absent(struct nva_plan *, const char *kind,
                               const char *name);

/* 'what' (an address or a MAC, as text) is that of interface 'holder'. */
enum nva_reason explain_holder(const struct nva_view *, struct nva_plan *,
                               enum nva_reason, const char *what,
                               const struct nva_tsi *holder);

/* The same for a MAC, and for an IP address. */
enum nva_reason explain_mac(const struct nva_view *, struct nva_plan *,
                            enum nva_reason, struct eth_addr,
                            const struct nva_tsi *holder);
enum nva_reason explain_ip(const struct nva_view *, struct nva_plan *,
                           enum nva_reason, const struct in6_addr *,
                           const struct nva_tsi *holder);

/* PORT_TAKEN: to which network, and for whom, 'vap' binds its port. */
enum nva_reason explain_vap(const struct nva_view *, struct nva_plan *,
                            const struct nva_vap *);

/* IN_USE: by interface 'tsi'; by VAP 'vap'. */
enum nva_reason explain_used_by_tsi(const struct nva_view *,
                                    struct nva_plan *, const struct nva_tsi *);
enum nva_reason explain_used_by_vap(const struct nva_view *,
                                    struct nva_plan *, const struct nva_vap *);

/* MOVE_IN_PROGRESS: which move, and how to end it. */
enum nva_reason explain_move(const struct nva_view *, struct nva_plan *,
                             const struct nva_move *);

/* NOT_READY: which port of the destination is not named, or is absent though
 * it 'must_exist', or else that the NVE has not confirmed. */
enum nva_reason explain_not_ready(const struct nva_view *, struct nva_plan *,
                                  const struct nva_move *, bool must_exist);

/* LIMIT: there are 'n' of 'what' (a plural), and there can be no more. */
enum nva_reason explain_limit(struct nva_plan *, const char *what, size_t n);

/* LIMIT: no room for another VAP at an NVE. */
enum nva_reason explain_room(struct nva_plan *);

/* BAD_NAME: what a name of less than 'size' bytes is made of. */
enum nva_reason explain_name(struct nva_plan *, size_t size);

/* BAD_VALUE: 'low' to 'high', or 0 as well if 'zero' is so. */
enum nva_reason explain_range(struct nva_plan *, uint32_t low, uint32_t high,
                              bool zero);

#endif /* explain.h */
