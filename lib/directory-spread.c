/* SPDX-License-Identifier: Apache-2.0 */

/* What a change of the directory spreads to: whose flows, at which NVEs, read
 * what changed.
 *
 * It knows which owners' flows depend on which objects (directory_apply() in
 * directory.h has the table).  It must never know a flow itself, and changes
 * nothing of an object but the version of the owner it is.
 *
 * Invariant: one apply names a pair (NVE, owner) once, in programming order,
 * and the cost is that of the pairs.  RFC 8014 s8 (what an NVE needs to be
 * told). */

#include <config.h>

#include "directory.h"

#include <string.h>

#include "directory-private.h"
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "openvswitch/util.h"
#include "packets.h"
#include "util.h"

static uint32_t *dirt_slot(const struct dirt *, struct nva_dirty);
static void dirt_grow(struct dirt *);
static void dirt_owner_cb(struct nva_owner, void *at);
static void dirt_tsi_everywhere(struct dirt *, const struct tsi_obj *,
                                nva_id except);
static void dirt_tsis_of_vn(struct dirt *, struct nve_obj *,
                            const struct vn_obj *, bool all);
static void dirt_local_tsis(struct dirt *, const struct nve_obj *,
                            const struct vn_obj *);
static void dirt_holders(struct dirt *, nva_id vn, nva_id tsi);
static void dirt_answers(struct dirt *, nva_id vn, nva_id tsi,
                         const struct nva_tsi *old, const struct nva_tsi *new);
static void dirt_tsis_at(struct dirt *, nva_id nve, const char *port);
static void dirt_tsi_at_members(struct dirt *, enum nva_owner_kind,
                                nva_id vn, nva_id tsi);
static bool is_probed(const struct dirt_probe *, size_t n,
                      const struct nva_place *);
static size_t probe_place(const struct directory *, const struct nva_place *,
                          nva_id vn, struct dirt_probe *);
static void dirt_place(struct dirt *, nva_id nve, nva_id tsi,
                       const struct dirt_probe *, size_t n);
static bool same_answers(const struct nva_tsi *, const struct nva_tsi *);
static void dirt_subscription(struct dirt *, nva_id nve,
                              const struct vn_obj *);
static void dirt_probes(struct dirt *, nva_id nve, const struct dirt_probe *,
                        size_t n);
static void dirt_flooding(struct dirt *, const struct dirt_probe *);
static void dirt_quiet(struct dirt *, nva_id nve, const char *port,
                       nva_id vn);
static void dirt_left(struct dirt *, const struct nva_tsi *);
static void dirt_rivals(struct dirt *, nva_id tsi, const struct nva_tsi *);
static directory_cb dirt_rival_cb;

struct dirt_rivals {
    struct dirt *dirt;
    nva_id id;
    const struct nva_tsi *tsi;          /* 'id', as it was or is. */
};

struct dirt_at {
    struct dirt *dirt;
    nva_id nve;
};

void
dirt_add(struct dirt *dirt, nva_id nve, enum nva_owner_kind kind, nva_id id)
{
    const struct nva_dirty x = { .nve = nve, .owner = { kind, id } };
    struct nva_dirty_list *list = dirt->list;

    if (nve == NVA_ID_NONE) {
        return;
    }
    dirt_grow(dirt);

    uint32_t *slot = dirt_slot(dirt, x);
    if (*slot) {
        return;
    }
    if (list->n >= list->allocated) {
        list->a = x2nrealloc(list->a, &list->allocated, sizeof *list->a);
    }
    list->a[list->n++] = x;
    *slot = list->n - dirt->first;

    uint64_t *version = dir_owner_version(dirt->dir, x.owner);
    if (version) {
        *version = dirt->dir->version;
    }
}

void
dirt_all_at(struct dirt *dirt, nva_id nve)
{
    struct dirt_at at = { dirt, nve };

    directory_each_owner_at(dirt->dir, nve, dirt_owner_cb, &at);
}

void
dirt_port(struct dirt *dirt, nva_id nve, const char *port)
{
    const struct vap_obj *vap;

    HMAP_FOR_EACH_WITH_HASH (vap, key_node, hash_at(nve, port),
                             &dirt->dir->vaps_by_key) {
        if (vap_is_at(vap, nve, port)) {
            dirt_add(dirt, nve, NVA_OWNER_FLOOD, vap->v.vn);
            dirt_add(dirt, nve, NVA_OWNER_VAP, vap->v.id);
            dirt_add(dirt, nve, NVA_OWNER_QUIET, vap->v.id);
        }
    }
    dirt_tsis_at(dirt, nve, port);
}

/* Where a port is gone, nobody answers for what was learned there. */
void
dirt_learned_at(struct dirt *dirt, nva_id nve, const char *port)
{
    const struct spot *spot = dir_find_spot(dirt->dir, nve, port);
    const struct visit *visit;

    if (!spot) {
        return;
    }
    LIST_FOR_EACH (visit, node, &spot->visits) {
        const struct nva_tsi *t = &visit->tsi->v;

        if (t->n_ips > t->n_given && t->current.nve == nve
            && !strcmp(t->current.port, port)) {
            dirt_address(dirt, t);
        }
    }
}

void
dirt_vn(struct dirt *dirt, const struct vn_obj *vn, bool turned)
{
    const struct member *m;
    const struct vap_obj *vap;

    LIST_FOR_EACH (m, vn_node, &vn->members) {
        const nva_id nve = m->nve->v.id;

        dirt_add(dirt, nve, NVA_OWNER_VN, vn->v.id);
        dirt_add(dirt, nve, NVA_OWNER_FLOOD, vn->v.id);
        LIST_FOR_EACH (vap, member_node, &m->vaps) {
            dirt_add(dirt, nve, NVA_OWNER_VAP, vap->v.id);
            dirt_add(dirt, nve, NVA_OWNER_QUIET, vap->v.id);
        }
        dirt_tsis_of_vn(dirt, m->nve, vn, turned);
    }
}

void
dirt_tunnel_ip(struct dirt *dirt, const struct nve_obj *nve)
{
    const nva_id id = nve->v.id;
    const struct member *m, *peer;
    const struct spot *spot;
    const struct visit *visit;
    const struct redirect_obj *r;

    dirt_add(dirt, id, NVA_OWNER_BASE, id);
    LIST_FOR_EACH (m, nve_node, &nve->members) {
        LIST_FOR_EACH (peer, vn_node, &m->vn->members) {
            dirt_add(dirt, peer->nve != nve ? peer->nve->v.id : NVA_ID_NONE,
                     NVA_OWNER_FLOOD, m->vn->v.id);
        }
    }
    LIST_FOR_EACH (spot, nve_node, &nve->spots) {
        LIST_FOR_EACH (visit, node, &spot->visits) {
            dirt_tsi_everywhere(dirt, visit->tsi, id);
        }
    }
    LIST_FOR_EACH (r, to_node, &nve->redirects_to) {
        dirt_add(dirt, r->v.at, NVA_OWNER_REDIRECT, r->v.id);
    }
}

void
dirt_vap(struct dirt *dirt, const struct nva_vap *vap, bool turned)
{
    if (turned) {
        dirt_add(dirt, vap->nve, NVA_OWNER_VN, vap->vn);
    }
    dirt_add(dirt, vap->nve, NVA_OWNER_FLOOD, vap->vn);
    dirt_add(dirt, vap->nve, NVA_OWNER_VAP, vap->id);
    dirt_add(dirt, vap->nve, NVA_OWNER_QUIET, vap->id);
    dirt_quiet(dirt, vap->nve, vap->port, vap->vn);
    dirt_tsis_at(dirt, vap->nve, vap->port);
    if (turned) {
        dirt_subscription(dirt, vap->nve, dir_find_vn(dirt->dir, vap->vn));
    }
}

size_t
dirt_take_probes(const struct directory *d, const struct nva_tsi *old,
                 const struct nva_tsi *new,
                 struct dirt_probe probes[DIRT_PROBES_MAX])
{
    const struct nva_place *places[DIRT_PLACES_MAX] = {
        &new->current, &old->published, &new->published,
        &new->prepared, &old->current, &old->prepared,
    };
    size_t n = 0;

    for (size_t i = 0; i < DIRT_PLACES_MAX; i++) {
        if (nva_place_is_set(places[i]) && !is_probed(probes, n, places[i])) {
            n += probe_place(d, places[i], new->vn, &probes[n]);
            if (old->vn != new->vn) {
                n += probe_place(d, places[i], old->vn, &probes[n]);
            }
        }
    }
    return n;
}

/* Most of an interface's places are the same one. */
static bool
is_probed(const struct dirt_probe *probes, size_t n,
          const struct nva_place *place)
{
    for (size_t i = 0; i < n; i++) {
        if (nva_place_equal(probes[i].place, place)) {
            return true;
        }
    }
    return false;
}

static size_t
probe_place(const struct directory *d, const struct nva_place *place,
            nva_id vn, struct dirt_probe *probes)
{
    for (int implied = 0; implied < 2; implied++) {
        probes[implied] = (struct dirt_probe) {
            .place = place, .vn = vn, .implied = implied,
            .before = dir_spot_floods(d, place, vn, implied),
        };
    }
    return 2;
}

void
dirt_tsi(struct dirt *dirt, nva_id id, const struct nva_tsi *old,
         const struct nva_tsi *new, const struct dirt_probe *probes, size_t n)
{
    const bool published = !nva_place_equal(&old->published, &new->published);
    const bool renamed = tsi_macs_differ(old, new);
    /* Peers are sent elsewhere: the NVE that is left comes first.  Else the
     * NVE that is to deliver does. */
    const nva_id nves[DIRT_PLACES_MAX] = {
        published ? old->published.nve : new->current.nve,
        old->published.nve, old->current.nve,
        new->prepared.nve, old->prepared.nve,
    };

    for (size_t i = 0; i < DIRT_PLACES_MAX; i++) {
        dirt_place(dirt, nves[i], id, probes, n);
    }
    if (published || renamed) {
        dirt_holders(dirt, new->vn, id);
        if (renamed) {
            dirt_holders(dirt, old->vn, id);
        }
    }
    if (old->deaf || new->deaf) {
        dirt_left(dirt, old);
        dirt_left(dirt, new);
    }
    dirt_place(dirt, new->current.nve, id, probes, n);
    dirt_place(dirt, new->published.nve, id, probes, n);
    dirt_answers(dirt, new->vn, id, old, new);
    dirt_answers(dirt, old->vn, id, old, new);
    dirt_rivals(dirt, id, old);
    dirt_rivals(dirt, id, new);
}

/* The places that floods for 't' leave or enter: the flow of one that they
 * have left shows them. */
static void
dirt_left(struct dirt *dirt, const struct nva_tsi *t)
{
    dirt_quiet(dirt, t->current.nve, t->current.port, t->vn);
    dirt_quiet(dirt, t->prepared.nve, t->prepared.port, t->vn);
}

/* Of the interfaces at one port that allow a MAC one admits it: which one may
 * have changed where 't' is, or was. */
static void
dirt_rivals(struct dirt *dirt, nva_id id, const struct nva_tsi *t)
{
    struct dirt_rivals r = { .dirt = dirt, .id = id, .tsi = t };

    for (size_t i = 0; i < t->n_allowed; i++) {
        directory_each_tsi_allowing(dirt->dir, t->vn, t->allowed[i],
                                    dirt_rival_cb, &r);
    }
}

static bool
is_place_of(const struct nva_tsi *t, const struct nva_place *place)
{
    return (nva_place_equal(&t->current, place)
            || nva_place_equal(&t->published, place)
            || nva_place_equal(&t->prepared, place));
}

static bool
dirt_rival_cb(const void *tsi, void *r_)
{
    const struct nva_tsi *t = tsi;
    const struct dirt_rivals *r = r_;
    const struct nva_place *places[] = { &t->current, &t->published,
                                         &t->prepared };

    for (size_t i = 0; t->id != r->id && i < ARRAY_SIZE(places); i++) {
        if (is_place_of(r->tsi, places[i])) {
            dirt_add(r->dirt, places[i]->nve, NVA_OWNER_TSI, t->id);
        }
    }
    return true;
}

/* Who sends to interface 'tsi' of 'vn' from afar. */
static void
dirt_holders(struct dirt *dirt, nva_id vn, nva_id tsi)
{
    const struct nva_vn *v = directory_vn(dirt->dir, vn);
    const struct tsi_obj *t = dir_find_tsi(dirt->dir, tsi);
    const struct pull_obj *p;

    if (!v || !v->pulls) {
        dirt_tsi_at_members(dirt, NVA_OWNER_TSI, vn, tsi);
    } else if (t) {
        LIST_FOR_EACH (p, tsi_node, &t->pulls) {
            dirt_add(dirt, p->v.nve, NVA_OWNER_TSI, tsi);
        }
    }
}

/* Who answers for its addresses: in a VN that pulls only where it is. */
static void
dirt_answers(struct dirt *dirt, nva_id vn, nva_id tsi,
             const struct nva_tsi *old, const struct nva_tsi *new)
{
    const struct nva_vn *v = directory_vn(dirt->dir, vn);
    const nva_id nves[DIRT_PLACES_MAX] = {
        new->current.nve, new->published.nve, new->prepared.nve,
        old->current.nve, old->published.nve, old->prepared.nve,
    };

    if (v && v->pulls) {
        for (size_t i = 0; i < DIRT_PLACES_MAX; i++) {
            dirt_add(dirt, nves[i], NVA_OWNER_ADDRESS, tsi);
        }
    } else if (old->vn != new->vn || !eth_addr_equals(old->mac, new->mac)
               || !same_answers(old, new)) {
        dirt_tsi_at_members(dirt, NVA_OWNER_ADDRESS, vn, tsi);
    }
}

void
dirt_address(struct dirt *dirt, const struct nva_tsi *t)
{
    const struct nva_vn *v = directory_vn(dirt->dir, t->vn);

    if (v->pulls) {
        dirt_add(dirt, t->current.nve, NVA_OWNER_ADDRESS, t->id);
        dirt_add(dirt, t->published.nve, NVA_OWNER_ADDRESS, t->id);
        dirt_add(dirt, t->prepared.nve, NVA_OWNER_ADDRESS, t->id);
    } else {
        dirt_tsi_at_members(dirt, NVA_OWNER_ADDRESS, t->vn, t->id);
    }
}

/* Which ports at 'nve' get floods, where a changed place concerns it, and the
 * interface's owner. */
static void
dirt_place(struct dirt *dirt, nva_id nve, nva_id tsi,
           const struct dirt_probe *probes, size_t n)
{
    if (nve != NVA_ID_NONE) {
        dirt_probes(dirt, nve, probes, n);
        dirt_add(dirt, nve, NVA_OWNER_TSI, tsi);
    }
}

/* The same addresses are answered for: by their owner's MAC, wherever it is,
 * once it is anywhere. */
static bool
same_answers(const struct nva_tsi *a, const struct nva_tsi *b)
{
    return (a->n_ips == b->n_ips && a->n_given == b->n_given
            && !memcmp(a->ips, b->ips, a->n_ips * sizeof a->ips[0])
            && a->n_allowed == b->n_allowed
            && !memcmp(a->allowed, b->allowed,
                       a->n_allowed * sizeof a->allowed[0])
            && nva_place_is_set(&a->current) == nva_place_is_set(&b->current));
}

void
dirt_redirects_of(struct dirt *dirt, const struct tsi_obj *t)
{
    const struct redirect_obj *r;

    LIST_FOR_EACH (r, tsi_node, &t->redirects) {
        dirt_add(dirt, r->v.at, NVA_OWNER_REDIRECT, r->v.id);
    }
}

/* The slot of 'x': where it is, or the free one where it goes. */
static uint32_t *
dirt_slot(const struct dirt *dirt, struct nva_dirty x)
{
    uint32_t i = hash_pair(x.nve, nva_owner_hash(x.owner));

    for (;; i++) {
        uint32_t *slot = &dirt->slots[i & (dirt->n_slots - 1)];
        const struct nva_dirty *y;

        if (!*slot) {
            return slot;
        }
        y = &dirt->list->a[dirt->first + (*slot - 1)];
        if (y->nve == x.nve && nva_owner_equal(y->owner, x.owner)) {
            return slot;
        }
    }
}

static void
dirt_grow(struct dirt *dirt)
{
    const size_t n = dirt->list->n - dirt->first;

    if (n * 2 < dirt->n_slots) {
        return;
    }
    free(dirt->slots);
    dirt->n_slots = MAX(32, dirt->n_slots * 4);
    dirt->slots = xcalloc(dirt->n_slots, sizeof *dirt->slots);
    for (size_t i = 0; i < n; i++) {
        *dirt_slot(dirt, dirt->list->a[dirt->first + i]) = i + 1;
    }
}

static void
dirt_owner_cb(struct nva_owner owner, void *at_)
{
    const struct dirt_at *at = at_;

    dirt_add(at->dirt, at->nve, owner.kind, owner.id);
}

/* The TSI owner wherever it may have flows: the NVEs of its places, then
 * those that serve its VN; not at 'except'. */
static void
dirt_tsi_everywhere(struct dirt *dirt, const struct tsi_obj *t, nva_id except)
{
    const struct vn_obj *vn = dir_find_vn(dirt->dir, t->v.vn);
    const struct member *m;

    for (size_t i = 0; i < t->n_visits; i++) {
        const nva_id nve = t->visits[i].spot->nve->v.id;

        dirt_add(dirt, nve != except ? nve : NVA_ID_NONE,
                 NVA_OWNER_TSI, t->v.id);
    }
    if (vn->v.pulls) {
        dirt_holders(dirt, vn->v.id, t->v.id);
        return;
    }
    LIST_FOR_EACH (m, vn_node, &vn->members) {
        const nva_id nve = m->nve->v.id;

        dirt_add(dirt, nve != except ? nve : NVA_ID_NONE,
                 NVA_OWNER_TSI, t->v.id);
    }
}

/* The interfaces of 'vn' that 'nve' has flows of; 'all': as if it pushed. */
static void
dirt_tsis_of_vn(struct dirt *dirt, struct nve_obj *nve,
                const struct vn_obj *vn, bool all)
{
    const nva_id id = nve->v.id;
    const struct tsi_obj *t;
    const struct pull_obj *p;

    if (vn->v.pulls && !all) {
        dirt_local_tsis(dirt, nve, vn);
        LIST_FOR_EACH (p, nve_node, &nve->pulls) {
            if (p->v.vn == vn->v.id && p->v.tsi) {
                dirt_add(dirt, id, NVA_OWNER_TSI, p->v.tsi);
            }
        }
        return;
    }
    LIST_FOR_EACH (t, vn_node, &vn->tsis) {
        dirt_add(dirt, id, NVA_OWNER_TSI, t->v.id);
        dirt_add(dirt, id, NVA_OWNER_ADDRESS, t->v.id);
    }
}

static void
dirt_local_tsis(struct dirt *dirt, const struct nve_obj *nve,
                const struct vn_obj *vn)
{
    const struct spot *spot;
    const struct visit *visit;

    LIST_FOR_EACH (spot, nve_node, &nve->spots) {
        LIST_FOR_EACH (visit, node, &spot->visits) {
            const struct nva_tsi *t = &visit->tsi->v;

            if (t->vn == vn->v.id) {
                dirt_add(dirt, nve->v.id, NVA_OWNER_TSI, t->id);
                dirt_add(dirt, nve->v.id, NVA_OWNER_ADDRESS, t->id);
            }
        }
    }
}

static void
dirt_tsis_at(struct dirt *dirt, nva_id nve, const char *port)
{
    const struct spot *spot = dir_find_spot(dirt->dir, nve, port);
    const struct visit *visit;

    if (spot) {
        LIST_FOR_EACH (visit, node, &spot->visits) {
            dirt_add(dirt, nve, NVA_OWNER_TSI, visit->tsi->v.id);
        }
    }
}

static void
dirt_tsi_at_members(struct dirt *dirt, enum nva_owner_kind kind, nva_id vn_id,
                    nva_id tsi)
{
    const struct vn_obj *vn = dir_find_vn(dirt->dir, vn_id);
    const struct member *m;

    if (vn) {
        LIST_FOR_EACH (m, vn_node, &vn->members) {
            dirt_add(dirt, m->nve->v.id, kind, tsi);
        }
    }
}

/* The NVE has begun or ceased to serve 'vn'. */
static void
dirt_subscription(struct dirt *dirt, nva_id nve, const struct vn_obj *vn)
{
    const struct member *m;

    dirt_tsis_of_vn(dirt, dir_find_nve(dirt->dir, nve), vn, false);
    LIST_FOR_EACH (m, vn_node, &vn->members) {
        dirt_add(dirt, m->nve->v.id, NVA_OWNER_FLOOD, vn->v.id);
    }
}

/* The ports at 'nve' that 'probes' find to get floods now, or none. */
static void
dirt_probes(struct dirt *dirt, nva_id nve, const struct dirt_probe *probes,
            size_t n)
{
    for (const struct dirt_probe *p = probes; p < &probes[n]; p++) {
        if (p->place->nve == nve
            && dir_spot_floods(dirt->dir, p->place, p->vn, p->implied)
               != p->before) {
            dirt_flooding(dirt, p);
        }
    }
}

/* The port that 'p' is about, if it has a VAP of that kind. */
static void
dirt_flooding(struct dirt *dirt, const struct dirt_probe *p)
{
    const nva_id nve = p->place->nve;
    const char *port = p->place->port;
    const struct vap_obj *vap;

    HMAP_FOR_EACH_WITH_HASH (vap, key_node, hash_at(nve, port),
                             &dirt->dir->vaps_by_key) {
        if (vap_is_at(vap, nve, port) && vap->v.vn == p->vn
            && vap->v.implied == p->implied) {
            dirt_quiet(dirt, nve, port, p->vn);
            return;
        }
    }
}

/* Whether 'port' gets the floods of 'vn': one of its VAPs says so. */
static void
dirt_quiet(struct dirt *dirt, nva_id nve, const char *port, nva_id vn)
{
    const struct vap_obj *vap;

    HMAP_FOR_EACH_WITH_HASH (vap, key_node, hash_at(nve, port),
                             &dirt->dir->vaps_by_key) {
        if (vap_is_at(vap, nve, port) && vap->v.vn == vn) {
            dirt_add(dirt, nve, NVA_OWNER_QUIET, vap->v.id);
        }
    }
}
