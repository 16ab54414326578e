/* SPDX-License-Identifier: Apache-2.0 */

/* Leases: one for each address that a frame taught, and one for each interface
 * of a host nobody told us of; when each last gave a sign of life, and when to
 * look at it again.
 *
 * It knows what was learned from what was given.  It must never know what time
 * it is, nor what a look finds.
 *
 * Invariant (directory_check()): the leases of an interface follow from its
 * addresses and its VM, so that whoever changes those need not know of them.
 * RFC 9161 s3.5 (F6). */

#include <config.h>

#include "directory.h"

#include "directory-private.h"
#include "heap.h"
#include "openvswitch/list.h"
#include "openvswitch/util.h"
#include "packets.h"
#include "util.h"

static struct lease_obj *find(const struct tsi_obj *, const struct in6_addr *);
static bool is_learned(const struct directory *, const struct tsi_obj *,
                       const struct in6_addr *);
static void want(struct directory *, struct tsi_obj *,
                 const struct in6_addr *);
static void drop(struct directory *, struct lease_obj *);

/* ## Look-ups ## */

const struct nva_lease *
directory_lease(const struct directory *d, nva_id tsi,
                const struct in6_addr *ip)
{
    const struct tsi_obj *t = dir_find_tsi(d, tsi);
    const struct lease_obj *l = t ? find(t, ip) : NULL;

    return l ? &l->v : NULL;
}

bool
directory_is_frozen_ip(const struct directory *d, nva_id tsi,
                       const struct in6_addr *ip)
{
    const struct nva_lease *l = directory_lease(d, tsi, ip);

    return l && l->frozen;
}

const struct nva_lease *
directory_first_lease(const struct directory *d)
{
    return (heap_is_empty(&d->leases) ? NULL
            : &CONTAINER_OF(heap_max(&d->leases), struct lease_obj,
                            look_node)->v);
}

void
directory_each_lease_of_tsi(const struct directory *d, nva_id tsi,
                            directory_cb *cb, void *aux)
{
    const struct tsi_obj *t = dir_find_tsi(d, tsi);
    const struct lease_obj *l;

    if (t) {
        LIST_FOR_EACH (l, tsi_node, &t->leases) {
            if (!cb(&l->v, aux)) {
                return;
            }
        }
    }
}

nva_usec
directory_last_asked(const struct directory *d)
{
    return d->last_asked;
}

bool
lease_is_any_frozen(const struct tsi_obj *t)
{
    const struct lease_obj *l;

    LIST_FOR_EACH (l, tsi_node, &t->leases) {
        if (l->v.frozen) {
            return true;
        }
    }
    return false;
}

/* ## Coming and going ## */

void
lease_sync(struct directory *d, struct tsi_obj *t)
{
    struct lease_obj *l;

    LIST_FOR_EACH_SAFE (l, tsi_node, &t->leases) {
        if (!is_learned(d, t, &l->v.ip)) {
            drop(d, l);
        }
    }
    want(d, t, &in6addr_any);
    for (size_t i = t->v.n_given; i < t->v.n_ips; i++) {
        want(d, t, &t->v.ips[i]);
    }
}

void
lease_drop_of(struct directory *d, struct tsi_obj *t)
{
    struct lease_obj *l;

    LIST_FOR_EACH_SAFE (l, tsi_node, &t->leases) {
        drop(d, l);
    }
}

void
lease_renew_of_vn(struct directory *d, struct vn_obj *vn)
{
    struct lease_obj *l;
    struct tsi_obj *t;

    LIST_FOR_EACH (t, vn_node, &vn->tsis) {
        LIST_FOR_EACH (l, tsi_node, &t->leases) {
            l->v.look = 0;
            heap_change(&d->leases, &l->look_node, dir_soonest(0));
        }
    }
}

void
lease_put(struct dirt *dirt, const struct nva_lease *new)
{
    struct directory *d = dirt->dir;
    struct tsi_obj *t = dir_find_tsi(d, new->tsi);
    struct lease_obj *l = t ? find(t, &new->ip) : NULL;

    if (l) {
        bool differs = l->v.frozen != new->frozen;

        if (differs) {
            dirt_address(dirt, &t->v);
            stand_unlearn(t);
        }
        l->v = *new;
        if (differs) {
            stand_learn(d, t);
        }
        heap_change(&d->leases, &l->look_node, dir_soonest(new->look));
        d->last_asked = MAX(d->last_asked, new->asked);
    }
}

static struct lease_obj *
find(const struct tsi_obj *t, const struct in6_addr *ip)
{
    struct lease_obj *l;

    LIST_FOR_EACH (l, tsi_node, &t->leases) {
        if (ipv6_addr_equals(&l->v.ip, ip)) {
            return l;
        }
    }
    return NULL;
}

/* True if 't' has 'ip', or with an 'ip' of zero is there at all, only because
 * a frame said so. */
static bool
is_learned(const struct directory *d, const struct tsi_obj *t,
           const struct in6_addr *ip)
{
    const struct nva_tsi *v = &t->v;

    if (!ipv6_addr_is_set(ip)) {
        return dir_find_vm(d, v->vm)->v.origin == NVA_ORIGIN_LEARNED;
    }
    return (nva_ips_have(v->ips, v->n_ips, ip)
            && !nva_ips_have(v->ips, MIN(v->n_given, v->n_ips), ip));
}

static void
want(struct directory *d, struct tsi_obj *t, const struct in6_addr *ip)
{
    struct lease_obj *l;

    if (find(t, ip) || !is_learned(d, t, ip)) {
        return;
    }
    l = xzalloc(sizeof *l);
    l->v.tsi = t->v.id;
    l->v.ip = *ip;
    ovs_list_push_back(&t->leases, &l->tsi_node);
    heap_insert(&d->leases, &l->look_node, dir_soonest(0));
}

static void
drop(struct directory *d, struct lease_obj *l)
{
    ovs_list_remove(&l->tsi_node);
    heap_remove(&d->leases, &l->look_node);
    free(l);
}

/* ## Checking ## */

const char *
lease_check(const struct directory *d)
{
    const struct lease_obj *l;
    const struct tsi_obj *t;
    size_t n = 0;

    HMAP_FOR_EACH (t, id_node, &d->tsis) {
        size_t wanted = is_learned(d, t, &in6addr_any);

        for (size_t i = 0; i < t->v.n_ips; i++) {
            wanted += is_learned(d, t, &t->v.ips[i]);
        }
        LIST_FOR_EACH (l, tsi_node, &t->leases) {
            if (l->v.tsi != t->v.id || !is_learned(d, t, &l->v.ip)) {
                return "there is a lease of what was not learned";
            }
            if (l->v.look < directory_first_lease(d)->look) {
                return "a lease is looked at before the first";
            }
            n++;
            wanted--;
        }
        if (wanted) {
            return "something learned has no lease, or two";
        }
    }
    return (n == heap_count(&d->leases) ? NULL
            : "the indices of leases differ in size");
}
