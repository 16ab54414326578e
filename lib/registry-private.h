/* SPDX-License-Identifier: Apache-2.0 */

/* What the registry's own files share.  For lib/registry*.c only. */

#ifndef NVA_REGISTRY_PRIVATE_H
#define NVA_REGISTRY_PRIVATE_H 1

#include <string.h>

#include "packets.h"
#include "step.h"

/* ## registry ## */

/* Appends a delta about 'id' and returns it (valid until the next). */
struct nva_delta *registry_add(struct nva_plan *, enum nva_delta_type,
                               nva_id id);

/* Appends the note that a request was carried out, and returns it. */
struct nva_note *registry_done(struct nva_plan *, enum nva_request_type);

bool registry_port_name_is_valid(const char *);

/* ## registry-vm ## */

void registry_vm_put(const struct nva_view *, const struct nva_request *,
                     struct nva_plan *);
void registry_vm_del(const struct nva_view *, const char *name,
                     struct nva_plan *);

/* ## registry-want ## */

/* One interface as the request wants it. */
struct want {
    struct nva_tsi tsi;                 /* id NONE: a new one.  Its places are
                                         * where it is. */
    const struct nva_tsi *old;          /* The one that it continues: the VM's
                                         * own, or a learned host's. */
    struct nva_place place;             /* Named by the request, or kept for
                                         * a changed MAC. */
};

/* One VM_PUT or VM_DEL. */
struct job {
    const struct nva_view *view;
    struct nva_plan *plan;
    const struct nva_vm *vm;            /* As it is; NULL: a new one. */
    nva_id id;
    size_t n_olds;
    const struct nva_tsi *olds[NVA_IFS_MAX];    /* The VM's interfaces. */
    bool kept[NVA_IFS_MAX];
    size_t n_wants;
    struct want wants[NVA_IFS_MAX];
    size_t n_yielding;                  /* Learned hosts that are nested guests
                                         * by this request. */
    const struct nva_tsi *yielding[NVA_IFS_MAX * NVA_ALLOWED_MACS_MAX];
};

/* Fills in job->vm and what the VM has and is to have.  The reason of refusal
 * and its field, or NVA_OK: then all of it can be done, but for a limit or a
 * port of another VN at a new place. */
enum nva_reason registry_want_vm(struct job *, const struct nva_request *,
                                 const char **field);

/* Fills in the interfaces that job->vm has. */
void registry_collect(struct job *);

/* True for a move on its way to the new place: it must not be cut short. */
bool registry_move_is_unsettled(const struct nva_view *, nva_id move);

static inline bool
has_ip(const struct nva_tsi *t, const struct in6_addr *ip)
{
    return nva_ips_have(t->ips, t->n_ips, ip);
}

static inline bool
ips_equal(const struct nva_tsi *a, const struct nva_tsi *b)
{
    return (a->n_ips == b->n_ips
            && !memcmp(a->ips, b->ips, a->n_ips * sizeof a->ips[0]));
}

/* True if another VM manages 't'. */
static inline bool
is_foreign(const struct job *job, const struct nva_tsi *t)
{
    return !job->vm || t->vm != job->vm->id;
}

/* True if 'w' takes an interface from where it is. */
static inline bool
want_moves(const struct want *w)
{
    return (nva_place_is_set(&w->place)
            && !nva_place_equal(&w->place, &w->tsi.current));
}

#endif /* registry-private.h */
