/* SPDX-License-Identifier: Apache-2.0 */

/* The rules of tenants about sharing an NVE.  Knows VNs, their tenants and
 * where they have access points; must never know why a VM wants to be there.
 *
 * Invariant: no two VNs of different tenants, one of them exclusive, have
 * access points at one NVE: whatever would make it so is refused before.
 * draft vmm-15 s10 (D24). */

#include <config.h>

#include "placement.h"

#include <string.h>

struct search {
    const struct directory *dir;
    const struct nva_vn *vn;
    nva_id nve;
    const struct nva_vn *other;         /* That it may not be beside. */
};

static directory_cb vn_cb, nve_cb;
static bool clash(const struct nva_vn *, const struct nva_vn *);
static enum nva_reason refuse(const struct search *, struct nva_plan *);

enum nva_reason
placement_check(const struct nva_view *v, nva_id nve, nva_id vn,
                struct nva_plan *plan)
{
    struct search s = {
        .dir = v->dir, .vn = directory_vn(v->dir, vn), .nve = nve,
    };

    if (!directory_nve_serves(v->dir, nve, vn)) {
        directory_each_vn_of_nve(v->dir, nve, vn_cb, &s);
    }
    for (size_t i = 0; !s.other && i < plan->deltas.n; i++) {
        const struct nva_delta *d = &plan->deltas.a[i];

        if (d->type == NVA_DELTA_VAP_PUT && d->vap.nve == nve) {
            vn_cb(directory_vn(v->dir, d->vap.vn), &s);
        }
    }
    return refuse(&s, plan);
}

enum nva_reason
placement_check_vn(const struct nva_view *v, const struct nva_vn *vn,
                   struct nva_plan *plan)
{
    struct search s = { .dir = v->dir, .vn = vn };

    directory_each_nve_of_vn(v->dir, vn->id, nve_cb, &s);
    return refuse(&s, plan);
}

bool
placement_allows(const struct directory *dir, nva_id nve,
                 const struct nva_vn *vn)
{
    struct search s = { .dir = dir, .vn = vn, .nve = nve };

    directory_each_vn_of_nve(dir, nve, vn_cb, &s);
    return !s.other;
}

static bool
vn_cb(const void *vn, void *s_)
{
    struct search *s = s_;

    if (clash(s->vn, vn)) {
        s->other = vn;
    }
    return !s->other;
}

static bool
nve_cb(const void *nve_, void *s_)
{
    const struct nva_nve *nve = nve_;
    struct search *s = s_;

    s->nve = nve->id;
    directory_each_vn_of_nve(s->dir, nve->id, vn_cb, s);
    return !s->other;
}

/* No tenant is a tenant, too: all the VNs that name none. */
static bool
clash(const struct nva_vn *a, const struct nva_vn *b)
{
    return (a->id != b->id && strcmp(a->tenant, b->tenant)
            && (a->isolation == NVA_ISOLATION_EXCLUSIVE
                || b->isolation == NVA_ISOLATION_EXCLUSIVE));
}

static enum nva_reason
refuse(const struct search *s, struct nva_plan *plan)
{
    const struct nva_vn *strict = s->vn, *guest = s->other;

    if (!s->other) {
        return NVA_OK;
    }
    if (s->vn->isolation != NVA_ISOLATION_EXCLUSIVE) {
        strict = s->other;
        guest = s->vn;
    }
    nva_plan_explain(plan, "isolation exclusive: tenant %s (network %s) does "
                     "not share %s with network %s of %s%s", strict->tenant,
                     strict->name, directory_nve(s->dir, s->nve)->name,
                     guest->name, guest->tenant[0] ? "tenant " : "no tenant",
                     guest->tenant);
    return NVA_R_PLACEMENT;
}
