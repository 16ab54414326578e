/* SPDX-License-Identifier: Apache-2.0 */

/* What does not work, for as long as it does not: standing conditions beside
 * the directory, kept from its deltas, from refused evidence and from what the
 * sessions show, so that the count of them costs nothing to ask for.  A fault
 * is told once when it begins and once when it ends.  No socket, no clock:
 * 'now' comes in, a deadline goes out.  draft vmm-15 s10 (D14). */

#ifndef NVA_FAULT_H
#define NVA_FAULT_H 1

#include "finding.h"

struct faults;

/* Named limits. */
enum {
    FAULTS_MAX = 65536,         /* That follow from what we were told: a VM
                                 * management that gets every port wrong. */
    FAULTS_SEEN_MAX = 4096,     /* That frames and switches show: VMs that make
                                 * up addresses, switches that make up ports.
                                 * What comes when they are full is counted
                                 * by its note only. */
    FAULT_DROPS_MAX = 4,        /* Addresses kept of one interface or access
                                 * point: a VM that makes them up.  Further
                                 * ones are counted with the last. */
    FAULT_PORTS_MAX = 64,       /* Unbound ports kept of one NVE: one that is
                                 * also used as an ordinary bridge.  Further
                                 * ones are counted with the last. */
    FAULTS_LISTED_MAX = 256,    /* In one list: what is longer is read by
                                 * nobody, and a turn must stay short. */
    FAULT_UPS = 5,              /* So many sessions... */
};
#define FAULT_UPS_TIME (300 * NVA_SEC)  /* ...in so long are too many. */

/* What a frame showed is wrong for so long after the last such frame. */
#define FAULT_LATELY (300 * NVA_SEC)

struct faults *faults_create(void);
void faults_destroy(struct faults *);

/* ## What happens ## */

/* 'delta' has been applied to view->dir. */
void faults_delta(struct faults *, const struct nva_view *,
                  const struct nva_delta *);
/* NVE 'nve' has a session and is not used, because of 'reason'. */
void faults_held_back(struct faults *, nva_id nve, enum nva_reason reason);
/* The unclaimed bridge 'dpid' holds 'n' flows of ours; 0: none any more, or it
 * is claimed, or gone.  At most as many bridges as may be unclaimed. */
void faults_flows_unknown(struct faults *, const struct nva_view *,
                          uint64_t dpid, uint64_t n);
/* The bridge of 'nve' came for the first time, with 'n' flows of interfaces
 * that the directory does not know: they are deleted. */
void faults_flows_removed(struct faults *, const struct nva_view *,
                          nva_id nve, uint64_t n);
/* True if 'nve' has been connected once. */
bool faults_nve_ever(const struct faults *, nva_id nve);
/* 'frame' of access point 'vap' was refused, by a flow or by us.  Most reasons
 * are no fault. */
void faults_refused(struct faults *, const struct nva_view *,
                    enum nva_reason, nva_id vap, const struct nva_frame *);

/* 'frame' was refused at port 'ofport' of 'nve'; a fault unless the port is
 * bound (by now), or not one of a VM. */
void faults_unbound(struct faults *, const struct nva_view *, nva_id nve,
                    nva_ofport, const struct nva_frame *);

/* ## Questions ## */

/* How many there are; of one kind. */
size_t faults_n(const struct faults *);
size_t faults_n_of(const struct faults *, enum nva_audit_kind);

/* Calls 'cb' with at most FAULTS_LISTED_MAX of them, kind by kind, the oldest
 * first.  The finding is valid during the call. */
typedef void faults_cb(const struct nva_finding *, void *aux);
void faults_each(const struct faults *, const struct nva_view *, faults_cb *,
                 void *aux);
/* Those about one interface. */
void faults_each_of_tsi(const struct faults *, const struct nva_view *,
                        nva_id tsi, faults_cb *, void *aux);

/* Since when 'nve' has been connected, or not been. */
nva_usec faults_nve_since(const struct faults *, nva_id nve);

/* ## Telling ## */

/* Drops what has ended by time.  True if there is a fault to tell of, whose
 * beginning (or end: '*ended') 'finding' then says; call again. */
bool faults_tell(struct faults *, const struct nva_view *,
                 struct nva_finding *, bool *ended);
/* When faults_tell() has something to do; NVA_NEVER if never. */
nva_usec faults_deadline(const struct faults *);

#endif /* fault.h */
