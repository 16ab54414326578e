/* SPDX-License-Identifier: Apache-2.0 */

/* The evacuation of an NVE: its VMs' planned moves, a few at a time.
 *
 * The network's part only: a move begun here is `prepared' and waits for VM
 * management, which is told by the event stream, or for the VM's own word.
 * What waits, what was given up and what has left is asked of the directory.
 * draft vmm-15 s3, s6 (D16). */

#ifndef NVA_DRAIN_H
#define NVA_DRAIN_H 1

#include "step.h"

/* DRAIN_START, DRAIN_STOP.  START of a drain that there is changes its targets
 * and how many moves go at a time, and tries again what was given up.
 * NOT_FOUND, MISSING_FIELD, SAME_PLACE, DRAINING (a target), BAD_VALUE. */
void drain_request(const struct nva_view *, const struct nva_request *,
                   struct nva_plan *);

/* An NVE whose drain has something to do now; NVA_ID_NONE: none has. */
nva_id drain_due(const struct nva_view *);

/* One step of the drain of 'nve': takes note of what has left, gives up what
 * was refused, begins at most one move, ends when nothing is left to do. */
void drain_step(const struct nva_view *, nva_id nve, struct nva_plan *);

/* How a VM of an NVE stands to its drain. */
enum drain_standing {
    DRAIN_WAITING,              /* Will be moved. */
    DRAIN_UNDER_WAY,            /* A move of this drain or another. */
    DRAIN_REFUSED,              /* Given up: nva_vm.drain_refusal. */
};

/* Calls 'cb' for each VM that still is at the drain's NVE, or that is on its
 * way from there by a move of the drain; in any order; until it returns
 * false. */
typedef bool drain_vm_cb(const struct nva_vm *, enum drain_standing,
                         void *aux);
void drain_each_vm(const struct nva_view *, const struct nva_drain *,
                   drain_vm_cb *, void *aux);

#endif /* drain.h */
