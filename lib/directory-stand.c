/* SPDX-License-Identifier: Apache-2.0 */

/* Stands: what a VN has at a port where its interfaces are or may be.  How
 * many there are, how many of them floods must reach, and which hosts were
 * only learned there, the longest silent one first.
 *
 * It knows counts and orders.  It must never know why somebody asks for them,
 * nor what time it is: silence is compared with a time that comes in.
 *
 * Invariant (stand_check()): all of it follows from the interfaces and their
 * VMs; an answer costs no walk over the interfaces of a port or of a VN.
 * RFC 8014 s4.3; draft vmm-15 s10 (limits against who makes up hosts). */

#include <config.h>

#include "directory.h"

#include <string.h>

#include "directory-private.h"
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "openvswitch/util.h"
#include "packets.h"
#include "util.h"

static struct nva_place place_of(const struct spot *);
static uint32_t hash_stand(const struct nva_place *, nva_id vn);
static bool is_learned(const struct directory *, const struct tsi_obj *,
                       bool *evictable);
static void leave_fullest(struct stand *);
static void enter_fullest(struct stand *);
static const struct nva_tsi *longest_silent(const struct stand *);
static const char *check_stand(const struct directory *,
                               const struct stand *);

/* ## Asking ## */

struct stand *
dir_find_stand(const struct directory *d, const struct nva_place *place,
               nva_id vn)
{
    struct stand *s;

    HMAP_FOR_EACH_WITH_HASH (s, hmap_node, hash_stand(place, vn),
                             &d->stands) {
        if (s->vn->v.id == vn && s->spot->nve->v.id == place->nve
            && !strcmp(s->spot->port, place->port)) {
            return s;
        }
    }
    return NULL;
}

const struct nva_tsi *
directory_silent_at(const struct directory *d, const struct nva_place *place,
                    nva_id vn, nva_usec since)
{
    const struct stand *s = dir_find_stand(d, place, vn);
    const struct nva_tsi *t = s ? longest_silent(s) : NULL;

    return t && t->heard <= since ? t : NULL;
}

const struct nva_tsi *
directory_silent_at_fullest(const struct directory *d, nva_id vn_id,
                            size_t more_than, nva_usec since)
{
    const struct vn_obj *vn = dir_find_vn(d, vn_id);

    for (size_t n = FULLEST_N; vn && vn->fullest && n-- > more_than + 1; ) {
        const struct heap *heap = &vn->fullest[n];
        const struct nva_tsi *t = NULL;

        if (!heap_is_empty(heap)) {
            t = longest_silent(CONTAINER_OF(heap_max(heap), struct stand,
                                            full_node));
        }
        if (t && t->heard <= since) {
            return t;
        }
    }
    return NULL;
}

bool
tsi_listens(const struct nva_tsi *t, const struct spot *spot)
{
    const struct nva_place place = place_of(spot);

    if (t->deaf) {
        return false;
    }
    if (nva_place_equal(&t->current, &place)) {
        return !t->paused && !t->stopped;
    }
    if (nva_place_equal(&t->prepared, &place) && t->paused) {
        return true;
    }
    return nva_place_equal(&t->published, &place);
}

/* ## Coming and going ## */

void
stand_enter(struct directory *d, struct visit *visit)
{
    const struct nva_tsi *t = &visit->tsi->v;
    const struct nva_place place = place_of(visit->spot);
    struct stand *s = dir_find_stand(d, &place, t->vn);

    if (!s) {
        s = xzalloc(sizeof *s);
        s->spot = visit->spot;
        s->vn = dir_find_vn(d, t->vn);
        heap_init(&s->evictable);
        hmap_insert(&d->stands, &s->hmap_node, hash_stand(&place, t->vn));
    }
    visit->stand = s;
    s->n_visits++;
    s->n_listening += tsi_listens(t, visit->spot);
}

void
stand_leave(struct directory *d, struct visit *visit)
{
    struct stand *s = visit->stand;

    s->n_visits--;
    s->n_listening -= tsi_listens(&visit->tsi->v, visit->spot);
    if (!s->n_visits) {
        hmap_remove(&d->stands, &s->hmap_node);
        heap_destroy(&s->evictable);
        free(s);
    }
}

void
stand_learn(struct directory *d, struct tsi_obj *t)
{
    bool evictable;
    struct stand *s;

    if (!is_learned(d, t, &evictable)) {
        return;
    }
    s = dir_find_stand(d, &t->v.current, t->v.vn);
    leave_fullest(s);
    t->learned_at = s;
    t->evictable = evictable;
    s->n_learned++;
    s->vn->n_learned++;
    if (evictable) {
        heap_insert(&s->evictable, &t->silent_node,
                    UINT64_MAX - t->v.heard);
    }
    enter_fullest(s);
}

void
stand_unlearn(struct tsi_obj *t)
{
    struct stand *s = t->learned_at;

    if (!s) {
        return;
    }
    leave_fullest(s);
    t->learned_at = NULL;
    s->n_learned--;
    s->vn->n_learned--;
    if (t->evictable) {
        heap_remove(&s->evictable, &t->silent_node);
    }
    enter_fullest(s);
}

void
stand_destroy_of_vn(struct vn_obj *vn)
{
    for (size_t i = 0; vn->fullest && i < FULLEST_N; i++) {
        heap_destroy(&vn->fullest[i]);
    }
    free(vn->fullest);
}

static struct nva_place
place_of(const struct spot *spot)
{
    struct nva_place place = { .nve = spot->nve->v.id };

    ovs_strlcpy(place.port, spot->port, sizeof place.port);
    return place;
}

static uint32_t
hash_stand(const struct nva_place *place, nva_id vn)
{
    return hash_string(place->port, hash_pair(place->nve, vn));
}

/* True for an interface, with a place, of a host nobody told us of. */
static bool
is_learned(const struct directory *d, const struct tsi_obj *t,
           bool *evictable)
{
    const struct vm_obj *vm = dir_find_vm(d, t->v.vm);

    *evictable = (!t->v.frozen && vm->v.move == NVA_ID_NONE
                  && !lease_is_any_frozen(t));
    return (vm->v.origin == NVA_ORIGIN_LEARNED
            && nva_place_is_set(&t->v.current));
}

/* Before what the order of stands goes by changes, and after. */
static void
leave_fullest(struct stand *s)
{
    if (!heap_is_empty(&s->evictable)) {
        heap_remove(&s->vn->fullest[MIN(s->n_learned, FULLEST_N - 1)],
                    &s->full_node);
    }
}

static void
enter_fullest(struct stand *s)
{
    struct vn_obj *vn = s->vn;

    if (heap_is_empty(&s->evictable)) {
        return;
    }
    if (!vn->fullest) {
        vn->fullest = xmalloc(FULLEST_N * sizeof *vn->fullest);
        for (size_t i = 0; i < FULLEST_N; i++) {
            heap_init(&vn->fullest[i]);
        }
    }
    heap_insert(&vn->fullest[MIN(s->n_learned, FULLEST_N - 1)],
                &s->full_node, heap_max(&s->evictable)->priority);
}

static const struct nva_tsi *
longest_silent(const struct stand *s)
{
    return (heap_is_empty(&s->evictable) ? NULL
            : &CONTAINER_OF(heap_max(&s->evictable), struct tsi_obj,
                            silent_node)->v);
}

/* ## Checking ## */

const char *
stand_check(const struct directory *d)
{
    size_t n_visits = 0, n_learned = 0, n_of_vns = 0, n_full = 0, n_used = 0;
    const struct stand *s;
    const struct tsi_obj *t;
    const struct vn_obj *vn;
    bool evictable;

    HMAP_FOR_EACH (s, hmap_node, &d->stands) {
        const char *error = check_stand(d, s);

        if (error) {
            return error;
        }
        n_visits += s->n_visits;
        n_used += !heap_is_empty(&s->evictable);
    }
    HMAP_FOR_EACH (t, id_node, &d->tsis) {
        n_visits -= t->n_visits;
        if (is_learned(d, t, &evictable) != (t->learned_at != NULL)
            || (t->learned_at && t->evictable != evictable)) {
            return "a host is wrongly listed as learned, or not";
        }
        n_learned += t->learned_at != NULL;
    }
    LIST_FOR_EACH (vn, node, &d->vn_list) {
        n_of_vns += vn->n_learned;
        for (size_t i = 0; vn->fullest && i < FULLEST_N; i++) {
            n_full += heap_count(&vn->fullest[i]);
        }
    }
    return (n_visits || n_learned != n_of_vns || n_full != n_used
            ? "the indices of stands differ in size" : NULL);
}

static const char *
check_stand(const struct directory *d, const struct stand *s)
{
    const struct nva_place place = place_of(s->spot);
    size_t n = 0, n_listening = 0, n_learned = 0, n_evictable = 0;
    const struct visit *visit;

    if (dir_find_stand(d, &place, s->vn->v.id) != s) {
        return "a stand is not found by its port and VN";
    }
    LIST_FOR_EACH (visit, node, &s->spot->visits) {
        const struct tsi_obj *t = visit->tsi;

        if (t->v.vn == s->vn->v.id) {
            n++;
            n_listening += tsi_listens(&t->v, s->spot);
            n_learned += t->learned_at == s;
            n_evictable += t->learned_at == s && t->evictable;
            if (t->learned_at == s && t->evictable
                && t->v.heard < longest_silent(s)->heard) {
                return "a host is silent for longer than the longest";
            }
        }
    }
    return (n != s->n_visits || n_listening != s->n_listening
            || n_learned != s->n_learned
            || n_evictable != heap_count(&s->evictable)
            ? "a stand is miscounted" : NULL);
}
