/* SPDX-License-Identifier: Apache-2.0 */

/* What NVEs were told because they asked: the records, where they are listed,
 * and what takes them away.
 *
 * It knows which NVE holds what, and when to look at it again.  It must never
 * know why an NVE asked, what time it is, or what a flow looks like.
 *
 * Invariant (directory_check()): an NVE holds something only of VNs that it
 * serves and that pull; for an interface once; and that nobody has a MAC only
 * while nobody has it.  RFC 8171 s3.3 (B13, B14: a client is told of changes
 * of what it holds, so the server knows what that is). */

#include <config.h>

#include "directory.h"

#include <string.h>

#include "directory-private.h"
#include "heap.h"
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "openvswitch/util.h"
#include "util.h"

static struct pull_obj *find_again(const struct directory *,
                                   const struct nva_pull *);
static struct pull_obj *find_absent_mac(const struct directory *, nva_id nve,
                                        nva_id vn, struct eth_addr);
static bool is_wanted(const struct directory *, const struct nva_pull *);
static void new_pull(struct directory *, const struct nva_pull *);
static void dirt_pull(struct dirt *, const struct nva_pull *);
static void drop(struct dirt *, struct pull_obj *);
static bool has_place_at(const struct tsi_obj *, const struct nve_obj *);

/* ## Look-ups and walks ## */

struct pull_obj *
dir_find_absent(const struct directory *d, nva_id id)
{
    struct pull_obj *p;

    HMAP_FOR_EACH_WITH_HASH (p, key_node, hash_id(id), &d->absents) {
        if (p->v.id == id) {
            return p;
        }
    }
    return NULL;
}

const struct nva_pull *
directory_pull(const struct directory *d, nva_id nve, nva_id tsi)
{
    const struct nva_pull key = { .nve = nve, .tsi = tsi };
    const struct pull_obj *p = find_again(d, &key);

    return tsi && p ? &p->v : NULL;
}

const struct nva_pull *
directory_absent(const struct directory *d, nva_id id)
{
    const struct pull_obj *p = dir_find_absent(d, id);

    return p ? &p->v : NULL;
}

const struct nva_pull *
directory_absent_by_mac(const struct directory *d, nva_id nve, nva_id vn,
                        struct eth_addr mac)
{
    const struct pull_obj *p = find_absent_mac(d, nve, vn, mac);

    return p ? &p->v : NULL;
}

const struct nva_pull *
directory_oldest_pull(const struct directory *d, nva_id id)
{
    const struct nve_obj *nve = dir_find_nve(d, id);
    const struct pull_obj *p;

    if (nve) {
        LIST_FOR_EACH (p, nve_node, &nve->pulls) {
            if (p->v.tsi) {
                return &p->v;
            }
        }
    }
    return NULL;
}

nva_usec
directory_next_look(const struct directory *d)
{
    return (heap_is_empty(&d->looks) ? NVA_NEVER
            : CONTAINER_OF(heap_max(&d->looks), struct pull_obj,
                           look_node)->v.look);
}

/* The due ones are a connected part of the heap, which begins on top: 'todo'
 * holds where it goes on. */
void
directory_each_pull_due(const struct directory *d, nva_usec now, size_t max,
                        directory_cb *cb, void *aux)
{
    size_t *todo = xmalloc((max + 1) * sizeof *todo);
    size_t n = 0, left = max;

    todo[n++] = 1;
    while (n && left) {
        size_t i = todo[--n];
        const struct pull_obj *p;

        if (i > d->looks.n) {
            continue;
        }
        p = CONTAINER_OF(d->looks.array[i], struct pull_obj, look_node);
        if (p->v.look > now) {
            continue;
        }
        left--;
        if (n + 2 <= max + 1) {
            todo[n++] = 2 * i;
            todo[n++] = 2 * i + 1;
        }
        if (!cb(&p->v, aux)) {
            break;
        }
    }
    free(todo);
}

size_t
directory_n_pulls(const struct directory *d, nva_id id)
{
    const struct nve_obj *nve = dir_find_nve(d, id);

    return nve ? nve->n_pulls : 0;
}

size_t
directory_n_absent(const struct directory *d, nva_id id)
{
    const struct nve_obj *nve = dir_find_nve(d, id);

    return nve ? nve->n_absent : 0;
}

/* ## Coming and going ## */

void
pull_put(struct dirt *dirt, const struct nva_pull *new)
{
    struct directory *d = dirt->dir;
    struct pull_obj *p = find_again(d, new);

    if (!is_wanted(d, new)) {
        return;
    }
    if (p) {
        struct nve_obj *nve = dir_find_nve(d, new->nve);

        p->v.until = new->until;
        p->v.look = new->look;
        heap_change(&d->looks, &p->look_node, dir_soonest(new->look));
        dir_leave(d, &p->nve_node);
        ovs_list_push_back(&nve->pulls, &p->nve_node);
        dir_enter(d, &p->nve_node);
    } else {
        new_pull(d, new);
    }
    dirt_pull(dirt, new);
}

void
pull_del(struct dirt *dirt, const struct nva_pull *key)
{
    struct pull_obj *p = find_again(dirt->dir, key);

    if (p) {
        drop(dirt, p);
    }
}

void
pull_drop_of_tsi(struct dirt *dirt, struct tsi_obj *t)
{
    struct pull_obj *p;

    LIST_FOR_EACH_SAFE (p, tsi_node, &t->pulls) {
        drop(dirt, p);
    }
}

void
pull_drop_at(struct dirt *dirt, struct nve_obj *nve, nva_id vn)
{
    struct pull_obj *p;

    LIST_FOR_EACH_SAFE (p, nve_node, &nve->pulls) {
        if (vn == NVA_ID_NONE || p->v.vn == vn) {
            drop(dirt, p);
        }
    }
}

void
pull_drop_of_vn(struct dirt *dirt, struct vn_obj *vn)
{
    struct member *m;

    LIST_FOR_EACH (m, vn_node, &vn->members) {
        pull_drop_at(dirt, m->nve, vn->v.id);
    }
}

void
pull_drop_absent(struct dirt *dirt, nva_id vn, struct eth_addr mac)
{
    struct pull_obj *p;

    while ((p = find_absent_mac(dirt->dir, NVA_ID_NONE, vn, mac)) != NULL) {
        drop(dirt, p);
    }
}

void
pull_all_of_vn(struct directory *d, struct vn_obj *vn)
{
    const nva_usec lifetime = vn->v.lifetime * NVA_SEC;
    struct member *m;
    struct tsi_obj *t;

    LIST_FOR_EACH (m, vn_node, &vn->members) {
        LIST_FOR_EACH (t, vn_node, &vn->tsis) {
            const struct nva_pull pull = {
                .nve = m->nve->v.id, .tsi = t->v.id, .vn = vn->v.id,
                .until = vn->v.pulls_since + lifetime,
                .look = vn->v.pulls_since + lifetime - lifetime / 4,
            };

            if (lifetime && nva_place_is_set(&t->v.published)
                && m->nve->n_pulls < NVA_PULLS_PER_NVE_MAX
                && !has_place_at(t, m->nve)) {
                new_pull(d, &pull);
            }
        }
    }
}

void
pull_destroy_all(struct directory *d)
{
    struct nve_obj *nve;
    struct pull_obj *p;

    LIST_FOR_EACH (nve, node, &d->nve_list) {
        LIST_FOR_EACH_SAFE (p, nve_node, &nve->pulls) {
            dir_free_pull(d, p);
        }
    }
}

void
dir_free_pull(struct directory *d, struct pull_obj *p)
{
    struct nve_obj *nve = dir_find_nve(d, p->v.nve);

    if (p->v.tsi) {
        hmap_remove(&d->pulls, &p->key_node);
        ovs_list_remove(&p->tsi_node);
        nve->n_pulls--;
    } else {
        hmap_remove(&d->absents, &p->key_node);
        hmap_remove(&d->absents_by_mac, &p->mac_node);
        nve->n_absent--;
    }
    dir_leave(d, &p->nve_node);
    heap_remove(&d->looks, &p->look_node);
    free(p);
}

/* The record that 'key' names, by what it is about. */
static struct pull_obj *
find_again(const struct directory *d, const struct nva_pull *key)
{
    struct pull_obj *p;

    if (!key->tsi) {
        return dir_find_absent(d, key->id);
    }
    HMAP_FOR_EACH_WITH_HASH (p, key_node, hash_pair(key->nve, key->tsi),
                             &d->pulls) {
        if (p->v.nve == key->nve && p->v.tsi == key->tsi) {
            return p;
        }
    }
    return NULL;
}

/* With 'nve' NONE: that of any NVE. */
static struct pull_obj *
find_absent_mac(const struct directory *d, nva_id nve, nva_id vn,
                struct eth_addr mac)
{
    struct pull_obj *p;

    HMAP_FOR_EACH_WITH_HASH (p, mac_node, hash_vn_mac(vn, mac),
                             &d->absents_by_mac) {
        if ((nve == NVA_ID_NONE || p->v.nve == nve) && p->v.vn == vn
            && eth_addr_equals(p->v.mac, mac)) {
            return p;
        }
    }
    return NULL;
}

/* What the same plan may have changed before. */
static bool
is_wanted(const struct directory *d, const struct nva_pull *new)
{
    const struct nva_vn *vn = directory_vn(d, new->vn);
    const struct nva_tsi *tsi = directory_tsi(d, new->tsi);

    if (!vn || !vn->pulls || !dir_find_member(d, new->nve, new->vn)) {
        return false;
    }
    return (new->tsi ? tsi && tsi->vn == new->vn
            : !directory_tsi_by_mac(d, new->vn, new->mac));
}

static void
new_pull(struct directory *d, const struct nva_pull *new)
{
    struct nve_obj *nve = dir_find_nve(d, new->nve);
    struct pull_obj *p = xzalloc(sizeof *p);

    p->v = *new;
    if (new->tsi) {
        struct tsi_obj *t = dir_find_tsi(d, new->tsi);

        hmap_insert(&d->pulls, &p->key_node, hash_pair(new->nve, new->tsi));
        ovs_list_push_back(&t->pulls, &p->tsi_node);
        nve->n_pulls++;
    } else {
        hmap_insert(&d->absents, &p->key_node, hash_id(new->id));
        hmap_insert(&d->absents_by_mac, &p->mac_node,
                    hash_vn_mac(new->vn, new->mac));
        nve->n_absent++;
    }
    ovs_list_push_back(&nve->pulls, &p->nve_node);
    dir_enter(d, &p->nve_node);
    heap_insert(&d->looks, &p->look_node, dir_soonest(new->look));
}

static void
dirt_pull(struct dirt *dirt, const struct nva_pull *p)
{
    if (p->tsi) {
        dirt_add(dirt, p->nve, NVA_OWNER_TSI, p->tsi);
    } else {
        dirt_add(dirt, p->nve, NVA_OWNER_ABSENT, p->id);
    }
}

static void
drop(struct dirt *dirt, struct pull_obj *p)
{
    const struct nva_pull old = p->v;

    dir_free_pull(dirt->dir, p);
    dirt_pull(dirt, &old);
}

static bool
has_place_at(const struct tsi_obj *t, const struct nve_obj *nve)
{
    for (size_t i = 0; i < t->n_visits; i++) {
        if (t->visits[i].spot->nve == nve) {
            return true;
        }
    }
    return false;
}
