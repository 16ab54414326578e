/* SPDX-License-Identifier: Apache-2.0 */

/* Hosts that nobody told us of.  Knows how many a port and a network may
 * teach, and who has been silent; must never know a frame, nor where a host
 * moves.
 *
 * Invariant: who makes room was learned, is silent, and is at the newcomer's
 * own port or at one that has taught more than that: however many hosts a port
 * makes up, it takes nobody's place whose port has taught as few as it has.
 * draft vmm-15 s10 (D15). */

#include <config.h>

#include "learned.h"

static directory_cb del_redirect_cb;

enum nva_reason
learned_room(const struct nva_view *v, const struct nva_vap *vap,
             const struct nva_tsi **victim)
{
    const nva_usec since = v->now - NVA_EVICT_SILENCE - NVA_HEARD_GRAIN;
    const struct nva_vn *vn = directory_vn(v->dir, vap->vn);
    const struct nva_place here = nva_vap_place(vap);
    size_t n;

    *victim = NULL;
    n = directory_n_learned_at(v->dir, &here, vn->id);
    if (n >= NVA_LEARNED_PER_VAP_MAX) {
        *victim = directory_silent_at(v->dir, &here, vn->id, since);
        return *victim ? NVA_OK : NVA_R_LEARN_LIMIT;
    }
    if (directory_n_learned(v->dir, vn->id) < vn->max_learned) {
        return NVA_OK;
    }
    *victim = directory_silent_at_fullest(v->dir, vn->id, n, since);
    if (!*victim) {
        *victim = directory_silent_at(v->dir, &here, vn->id, since);
    }
    return *victim ? NVA_OK : NVA_R_VN_LEARN_LIMIT;
}

void
learned_forget(const struct nva_view *v, const struct nva_tsi *tsi,
               enum nva_reason reason, struct nva_plan *plan)
{
    nva_plan_note_tsi(plan, NVA_NOTE_EVICTED, reason, tsi);
    directory_each_redirect_of_tsi(v->dir, tsi->id, del_redirect_cb, plan);
    nva_deltas_add(&plan->deltas, NVA_DELTA_TSI_DEL)->id = tsi->id;
    nva_deltas_add(&plan->deltas, NVA_DELTA_VM_DEL)->id = tsi->vm;
}

static bool
del_redirect_cb(const void *redirect_, void *plan_)
{
    const struct nva_redirect *r = redirect_;
    struct nva_plan *plan = plan_;

    nva_deltas_add(&plan->deltas, NVA_DELTA_REDIRECT_DEL)->id = r->id;
    return true;
}
