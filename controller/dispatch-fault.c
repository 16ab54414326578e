/* SPDX-License-Identifier: Apache-2.0 */

/* What does not work: told when it begins and when it ends, and shown.
 *
 * Must never decide what a fault is.  Invariant: a fault is told of once each
 * way, a few in each turn. */

#include <config.h>

#include "dispatch.h"

#include "dispatch-private.h"

void
dispatch_fault_run(struct dispatch *d, nva_usec now)
{
    const struct nva_view view = dispatch_view(d, now);
    struct nva_finding finding;
    bool ended;

    for (int i = 0; i < DISPATCH_FAULTS_PER_TURN
         && faults_tell(d->faults, &view, &finding, &ended); i++) {
        const struct nva_note note = {
            .type = NVA_NOTE_FAULT,
            .reason = ended ? NVA_R_MENDED : NVA_R_WRONG,
            .nve = finding.nve, .vn = finding.vn, .vm = finding.vm,
            .tsi = finding.tsi, .what = nva_audit_kind_word(finding.kind),
            .finding = &finding,
        };

        dispatch_tell_note(d, &note, now);
    }
}

size_t
dispatch_faults(const void *d_, const struct nva_view *view, nva_id tsi,
                void (*cb)(const struct nva_finding *, void *cb_aux),
                void *cb_aux)
{
    const struct dispatch *d = d_;

    if (tsi) {
        faults_each_of_tsi(d->faults, view, tsi, cb, cb_aux);
    } else {
        faults_each(d->faults, view, cb, cb_aux);
    }
    return faults_n(d->faults);
}

nva_usec
dispatch_nve_since(const void *d_, nva_id nve)
{
    const struct dispatch *d = d_;

    return faults_nve_since(d->faults, nve);
}
