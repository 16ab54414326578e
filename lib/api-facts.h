/* SPDX-License-Identifier: Apache-2.0 */

/* What the northbound API shows beside the directory: the body's facts. */

#ifndef NVA_API_FACTS_H
#define NVA_API_FACTS_H 1

#include "nva-types.h"

struct nva_audit;
struct nva_finding;
struct nva_view;

/* What the body adds to the truth when it shows it: facts of sessions that
 * the directory does not keep.  All may be NULL. */
struct api_facts {
    const void *aux;
    /* Bridges that are connected and not claimed: calls 'cb' for each. */
    void (*each_unclaimed)(const void *aux,
                           void (*cb)(uint64_t dpid, const char *peer,
                                      uint64_t foreign_flows, void *cb_aux),
                           void *cb_aux);
    /* Programming state of an NVE. */
    void (*nve_state)(const void *aux, nva_id nve, size_t *owners,
                      size_t *dirty, size_t *quarantined);
    /* How its bridge is spoken to: the version of OpenFlow ("1.3", static),
     * and whether it has bundles.  NULL if it is not connected. */
    const char *(*nve_openflow)(const void *aux, nva_id nve, bool *bundles);
    /* The last audit that has ended, or NULL; '*goes_on' if one does. */
    const struct nva_audit *(*audit)(const void *aux, bool *goes_on);
    /* Since when it has been connected, or not been; monotonic. */
    nva_usec (*nve_since)(const void *aux, nva_id nve);
    /* What does not work now: returns how many things, calls 'cb' with as many
     * of them as may be listed.  With a 'tsi' only those about it. */
    size_t (*faults)(const void *aux, const struct nva_view *, nva_id tsi,
                     void (*cb)(const struct nva_finding *, void *cb_aux),
                     void *cb_aux);
    /* Wall time of a monotonic time, microseconds since 1970. */
    int64_t (*wall)(const void *aux, nva_usec monotonic);
};

#endif /* api-facts.h */
