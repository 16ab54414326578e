/* SPDX-License-Identifier: Apache-2.0 */

/* Truth against claim: compares the directory with what an NVE's tables hold
 * and with the ports it has, and lists what contradicts.  Changes nothing.
 * draft vmm-15 s10 (D14, D25). */

#ifndef NVA_AUDIT_H
#define NVA_AUDIT_H 1

#include "finding.h"

struct audit_reading;

/* Call when the NVE is asked for its flows: what changes from then on is not
 * compared.  To be destroyed before the directory. */
struct audit_reading *audit_reading_create(struct directory *, nva_id nve);
void audit_reading_destroy(struct audit_reading *);
/* A flow that it has: its cookie, its nva_flow_hash(). */
void audit_reading_flow(struct audit_reading *, uint64_t cookie,
                        uint64_t hash);
size_t audit_reading_n(const struct audit_reading *);
/* Once all flows are in: compares those of at most 'max' owners, or as much
 * work.  True: call again for more; the directory may change meanwhile. */
bool audit_reading_compare(struct audit_reading *, const struct nva_view *,
                           size_t max, struct nva_findings *);

void audit_silent(const struct nva_view *, nva_id nve, const char *why,
                  struct nva_findings *);
void audit_rejected(const struct nva_view *, nva_id nve, struct nva_owner,
                    enum nva_reason, struct nva_findings *);
/* Ports that access points and interfaces name, and ports that are there. */
void audit_ports(const struct nva_view *, nva_id nve, struct nva_findings *);

#endif /* audit.h */
