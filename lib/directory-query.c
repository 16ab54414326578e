/* SPDX-License-Identifier: Apache-2.0 */

/* The directory's answers: look-ups, walks, counts.
 *
 * It knows how the indices are laid out and which order the walks promise.  It
 * must never change a record, nor know why someone asks.
 *
 * Invariant: an answer costs what it touches, not what there is; a walk meets
 * each object once.  RFC 8014 s4.3 (what an NVE may ask of an NVA). */

#include <config.h>

#include "directory.h"

#include <string.h>

#include "directory-private.h"
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "openvswitch/util.h"
#include "packets.h"
#include "util.h"

static bool walk_spot(const struct spot *, bool all, directory_cb *,
                      void *aux);
static bool visit_is_first_at_nve(const struct visit *);
static bool spot_floods(const struct port_obj *, const struct stand *,
                        bool implied);

/* Walks what may allow MAC in VN: is_allowing() tells. */
#define FOR_EACH_ALLOWING(O, D, VN, MAC)                                    \
    HMAP_FOR_EACH_WITH_HASH (O, hmap_node, hash_vn_mac(VN, MAC),            \
                             &(D)->allowed)

static bool
is_allowing(const struct allowed_obj *o, nva_id vn, struct eth_addr mac)
{
    return o->tsi->v.vn == vn && eth_addr_equals(o->mac, mac);
}

/* ## Look-ups ## */

const struct nva_vn *
directory_vn(const struct directory *d, nva_id id)
{
    const struct vn_obj *vn = dir_find_vn(d, id);

    return vn ? &vn->v : NULL;
}

const struct nva_vn *
directory_vn_by_name(const struct directory *d, const char *name)
{
    const struct vn_obj *vn;

    HMAP_FOR_EACH_WITH_HASH (vn, name_node, hash_string(name, 0),
                             &d->vns_by_name) {
        if (!strcmp(vn->v.name, name)) {
            return &vn->v;
        }
    }
    return NULL;
}

const struct nva_vn *
directory_vn_by_vni(const struct directory *d, uint32_t vni)
{
    const struct vn_obj *vn;

    HMAP_FOR_EACH_WITH_HASH (vn, vni_node, hash_id(vni), &d->vns_by_vni) {
        if (vn->v.vni == vni) {
            return &vn->v;
        }
    }
    return NULL;
}

const struct nva_nve *
directory_nve(const struct directory *d, nva_id id)
{
    const struct nve_obj *nve = dir_find_nve(d, id);

    return nve ? &nve->v : NULL;
}

const struct nva_nve *
directory_nve_by_name(const struct directory *d, const char *name)
{
    const struct nve_obj *nve;

    HMAP_FOR_EACH_WITH_HASH (nve, name_node, hash_string(name, 0),
                             &d->nves_by_name) {
        if (!strcmp(nve->v.name, name)) {
            return &nve->v;
        }
    }
    return NULL;
}

const struct nva_nve *
directory_nve_by_dpid(const struct directory *d, uint64_t dpid)
{
    const struct nve_obj *nve;

    HMAP_FOR_EACH_WITH_HASH (nve, dpid_node, hash_id(dpid),
                             &d->nves_by_dpid) {
        if (nve->v.dpid == dpid) {
            return &nve->v;
        }
    }
    return NULL;
}

const struct nva_port *
directory_port(const struct directory *d, nva_id nve, const char *name)
{
    const struct port_obj *port = dir_find_port(d, nve, name);

    return port ? &port->v : NULL;
}

const struct nva_port *
directory_port_by_ofport(const struct directory *d, nva_id nve,
                         nva_ofport ofport)
{
    const struct port_obj *port = dir_find_ofport(d, nve, ofport);

    return port ? &port->v : NULL;
}

const struct nva_port *
directory_tunnel_port(const struct directory *d, nva_id id)
{
    const struct nve_obj *nve = dir_find_nve(d, id);

    return nve && nve->tunnel ? &nve->tunnel->v : NULL;
}

const struct nva_vap *
directory_vap(const struct directory *d, nva_id id)
{
    const struct vap_obj *vap = dir_find_vap(d, id);

    return vap ? &vap->v : NULL;
}

const struct nva_vap *
directory_vap_by_key(const struct directory *d, nva_id nve, const char *port,
                     bool has_mac, struct eth_addr mac)
{
    const struct vap_obj *vap = dir_find_vap_by_key(d, nve, port, has_mac,
                                                    mac);

    return vap ? &vap->v : NULL;
}

const struct nva_vap *
directory_vap_for(const struct directory *d, nva_id nve, const char *port,
                  struct eth_addr mac)
{
    const struct vap_obj *vap = dir_find_vap_by_key(d, nve, port, true, mac);

    if (!vap) {
        vap = dir_find_vap_by_key(d, nve, port, false, mac);
    }
    return vap ? &vap->v : NULL;
}

bool
directory_is_quiet(const struct directory *d, const struct nva_vap *vap)
{
    const struct port_obj *port = dir_find_port(d, vap->nve, vap->port);
    const struct nva_place place = nva_vap_place(vap);
    const struct stand *stand = dir_find_stand(d, &place, vap->vn);
    const struct vap_obj *v;

    if (!port || port->v.ofport == NVA_OFPORT_NONE) {
        return false;
    }
    HMAP_FOR_EACH_WITH_HASH (v, key_node, hash_at(vap->nve, vap->port),
                             &d->vaps_by_key) {
        if (vap_is_at(v, vap->nve, vap->port) && v->v.vn == vap->vn
            && (v->v.id < vap->id
                || spot_floods(port, stand, v->v.implied))) {
            return false;
        }
    }
    return true;
}

const struct nva_vm *
directory_vm(const struct directory *d, nva_id id)
{
    const struct vm_obj *vm = dir_find_vm(d, id);

    return vm ? &vm->v : NULL;
}

const struct nva_vm *
directory_vm_by_name(const struct directory *d, const char *name)
{
    const struct vm_obj *vm;

    HMAP_FOR_EACH_WITH_HASH (vm, name_node, hash_string(name, 0),
                             &d->vms_by_name) {
        if (!strcmp(vm->v.name, name)) {
            return &vm->v;
        }
    }
    return NULL;
}

const struct nva_tsi *
directory_tsi(const struct directory *d, nva_id id)
{
    const struct tsi_obj *t = dir_find_tsi(d, id);

    return t ? &t->v : NULL;
}

const struct nva_tsi *
directory_tsi_by_mac(const struct directory *d, nva_id vn,
                     struct eth_addr mac)
{
    const struct tsi_obj *t;

    HMAP_FOR_EACH_WITH_HASH (t, mac_node, hash_vn_mac(vn, mac),
                             &d->tsis_by_mac) {
        if (t->v.vn == vn && eth_addr_equals(t->v.mac, mac)) {
            return &t->v;
        }
    }

    const struct allowed_obj *o;
    FOR_EACH_ALLOWING (o, d, vn, mac) {
        if (is_allowing(o, vn, mac) && nva_tsi_has_nested(&o->tsi->v, mac)) {
            return &o->tsi->v;
        }
    }
    return NULL;
}

const struct nva_tsi *
directory_tsi_allowing(const struct directory *d,
                       const struct nva_place *place, nva_id vn,
                       struct eth_addr mac)
{
    const struct nva_tsi *found = NULL;
    const struct allowed_obj *o;

    FOR_EACH_ALLOWING (o, d, vn, mac) {
        const struct nva_tsi *t = &o->tsi->v;

        if (!is_allowing(o, vn, mac)
            || (!nva_place_equal(&t->current, place)
                && !nva_place_equal(&t->published, place)
                && !nva_place_equal(&t->prepared, place))) {
            continue;
        }
        if (nva_tsi_has_nested(t, mac)) {
            return t;
        } else if (!found || t->id < found->id) {
            found = t;
        }
    }
    return found;
}

const struct nva_tsi *
directory_tsi_speaking(const struct directory *d,
                       const struct nva_place *place, nva_id vn,
                       struct eth_addr mac)
{
    const struct nva_tsi *has = directory_tsi_by_mac(d, vn, mac);
    const struct nva_tsi *allows;

    if (has && eth_addr_equals(has->mac, mac)) {
        return has;
    }
    allows = directory_tsi_allowing(d, place, vn, mac);
    return allows ? allows : has;
}

const struct nva_tsi *
directory_tsi_by_ip(const struct directory *d, nva_id vn,
                    const struct in6_addr *ip)
{
    const struct ip_obj *o;

    HMAP_FOR_EACH_WITH_HASH (o, hmap_node, hash_vn_ip(vn, ip), &d->ips) {
        if (o->tsi->v.vn == vn && !memcmp(&o->ip, ip, sizeof *ip)) {
            return &o->tsi->v;
        }
    }
    return NULL;
}

const struct nva_probe *
directory_probe(const struct directory *d, nva_id id)
{
    const struct probe_obj *p = dir_find_probe(d, id);

    return p ? &p->v : NULL;
}

const struct nva_redirect *
directory_redirect(const struct directory *d, nva_id id)
{
    const struct redirect_obj *r = dir_find_redirect(d, id);

    return r ? &r->v : NULL;
}

const struct nva_move *
directory_move(const struct directory *d, nva_id id)
{
    const struct move_obj *m = dir_find_move(d, id);

    return m ? &m->v : NULL;
}

const struct nva_drain *
directory_drain(const struct directory *d, nva_id id)
{
    const struct nve_obj *nve = dir_find_nve(d, id);

    return nve ? nve->drain : NULL;
}

const struct nva_stamp *
directory_move_stamps(const struct directory *d, nva_id move, size_t *n)
{
    const struct move_obj *m = dir_find_move(d, move);

    *n = m ? m->n_stamps : 0;
    return m ? m->stamps : NULL;
}

/* ## Walks ## */

/* The body of a walk over a list. */
#define WALK(STRUCT, MEMBER, LIST)                                          \
    const struct STRUCT *o_;                                                \
    LIST_FOR_EACH (o_, MEMBER, LIST) {                                      \
        if (!cb(&o_->v, aux)) {                                             \
            break;                                                          \
        }                                                                   \
    }

const struct nva_vn *
directory_vn_after(const struct directory *d, const char *name)
{
    struct name_node *node = name_index_after(d->vns_in_order, name);

    return node ? &CONTAINER_OF(node, struct vn_obj, order_node)->v : NULL;
}

const struct nva_nve *
directory_nve_after(const struct directory *d, const char *name)
{
    struct name_node *node = name_index_after(d->nves_in_order, name);

    return node ? &CONTAINER_OF(node, struct nve_obj, order_node)->v : NULL;
}

const struct nva_vm *
directory_vm_after(const struct directory *d, const char *name)
{
    struct name_node *node = name_index_after(d->vms_in_order, name);

    return node ? &CONTAINER_OF(node, struct vm_obj, order_node)->v : NULL;
}

void
directory_each_vn(const struct directory *d, directory_cb *cb, void *aux)
{
    WALK(vn_obj, node, &d->vn_list)
}

void
directory_each_nve(const struct directory *d, directory_cb *cb, void *aux)
{
    WALK(nve_obj, node, &d->nve_list)
}

void
directory_each_vm(const struct directory *d, directory_cb *cb, void *aux)
{
    WALK(vm_obj, node, &d->vm_list)
}

void
directory_each_move(const struct directory *d, directory_cb *cb, void *aux)
{
    WALK(move_obj, node, &d->move_list)
}

void
directory_each_active_move(const struct directory *d, directory_cb *cb,
                           void *aux)
{
    WALK(move_obj, state_node, &d->active_moves)
}

void
directory_each_drain_going_on(const struct directory *d, directory_cb *cb,
                              void *aux)
{
    const struct nve_obj *nve;

    LIST_FOR_EACH (nve, drain_node, &d->drains) {
        if (!cb(nve->drain, aux)) {
            return;
        }
    }
}

void
directory_each_port(const struct directory *d, nva_id id, directory_cb *cb,
                    void *aux)
{
    const struct nve_obj *nve = dir_find_nve(d, id);

    if (!nve) {
        return;
    }
    WALK(port_obj, node, &nve->ports)
}

void
directory_each_vap(const struct directory *d, nva_id id, directory_cb *cb,
                   void *aux)
{
    const struct nve_obj *nve = dir_find_nve(d, id);

    if (!nve) {
        return;
    }
    WALK(vap_obj, nve_node, &nve->vaps)
}

void
directory_each_vap_of_vn(const struct directory *d, nva_id nve, nva_id vn,
                         directory_cb *cb, void *aux)
{
    const struct member *m = dir_find_member(d, nve, vn);

    if (!m) {
        return;
    }
    WALK(vap_obj, member_node, &m->vaps)
}

void
directory_each_tsi_of_vm(const struct directory *d, nva_id id,
                         directory_cb *cb, void *aux)
{
    const struct vm_obj *vm = dir_find_vm(d, id);

    if (!vm) {
        return;
    }
    WALK(tsi_obj, vm_node, &vm->tsis)
}

void
directory_each_tsi_of_vn(const struct directory *d, nva_id id,
                         directory_cb *cb, void *aux)
{
    const struct vn_obj *vn = dir_find_vn(d, id);

    if (!vn) {
        return;
    }
    WALK(tsi_obj, vn_node, &vn->tsis)
}

void
directory_each_tsi_allowing(const struct directory *d, nva_id vn,
                            struct eth_addr mac, directory_cb *cb, void *aux)
{
    const struct allowed_obj *o;

    FOR_EACH_ALLOWING (o, d, vn, mac) {
        if (is_allowing(o, vn, mac) && !cb(&o->tsi->v, aux)) {
            return;
        }
    }
}

void
directory_each_tsi_at(const struct directory *d, nva_id id, const char *port,
                      directory_cb *cb, void *aux)
{
    const struct nve_obj *nve = dir_find_nve(d, id);
    const struct spot *spot = port ? dir_find_spot(d, id, port) : NULL;

    if (!nve) {
        return;
    }
    if (port) {
        if (spot) {
            walk_spot(spot, true, cb, aux);
        }
        return;
    }
    LIST_FOR_EACH (spot, nve_node, &nve->spots) {
        if (!walk_spot(spot, false, cb, aux)) {
            return;
        }
    }
}

void
directory_each_redirect(const struct directory *d, directory_cb *cb,
                        void *aux)
{
    const struct redirect_obj *r;

    HMAP_FOR_EACH (r, id_node, &d->redirects) {
        if (!cb(&r->v, aux)) {
            return;
        }
    }
}

void
directory_each_redirect_of_tsi(const struct directory *d, nva_id id,
                               directory_cb *cb, void *aux)
{
    const struct tsi_obj *t = dir_find_tsi(d, id);

    if (!t) {
        return;
    }
    WALK(redirect_obj, tsi_node, &t->redirects)
}

void
directory_each_redirect_at(const struct directory *d, nva_id id,
                           directory_cb *cb, void *aux)
{
    const struct nve_obj *nve = dir_find_nve(d, id);

    if (!nve) {
        return;
    }
    WALK(redirect_obj, at_node, &nve->redirects_at)
}

bool
directory_port_is_gone(const struct directory *d,
                       const struct nva_place *place)
{
    return (nva_place_is_set(place)
            && !directory_port(d, place->nve, place->port));
}

bool
directory_nobody_answers(const struct directory *d, const struct nva_tsi *t,
                         const struct in6_addr *ip)
{
    return (directory_is_frozen_ip(d, t->id, ip)
            || (tsi_is_gone(d, t) && !nva_ips_have(t->ips, t->n_given, ip)));
}

bool
tsi_is_gone(const struct directory *d, const struct nva_tsi *t)
{
    return (!nva_place_is_set(&t->prepared)
            && directory_port_is_gone(d, &t->current));
}

const struct nva_probe *
directory_probe_of_tsi(const struct directory *d, nva_id id,
                       enum nva_probe_why why)
{
    const struct tsi_obj *t = dir_find_tsi(d, id);
    const struct probe_obj *p;

    if (t) {
        LIST_FOR_EACH (p, tsi_node, &t->probes) {
            if (p->v.why == why) {
                return &p->v;
            }
        }
    }
    return NULL;
}

const struct nva_probe *
directory_probe_of_ip(const struct directory *d, nva_id id,
                      enum nva_probe_why why, const struct in6_addr *ip)
{
    const struct tsi_obj *t = dir_find_tsi(d, id);
    const struct probe_obj *p;

    if (t) {
        LIST_FOR_EACH (p, tsi_node, &t->probes) {
            if (p->v.why == why && ipv6_addr_equals(&p->v.ip, ip)) {
                return &p->v;
            }
        }
    }
    return NULL;
}

void
directory_each_probe_of_tsi(const struct directory *d, nva_id id,
                            directory_cb *cb, void *aux)
{
    const struct tsi_obj *t = dir_find_tsi(d, id);

    if (!t) {
        return;
    }
    WALK(probe_obj, tsi_node, &t->probes)
}

const struct nva_probe *
directory_first_probe(const struct directory *d)
{
    return (heap_is_empty(&d->probes_due) ? NULL
            : &CONTAINER_OF(heap_max(&d->probes_due), struct probe_obj,
                            due_node)->v);
}

const struct nva_tsi *
directory_first_thaw(const struct directory *d)
{
    return (heap_is_empty(&d->thaws) ? NULL
            : &CONTAINER_OF(heap_max(&d->thaws), struct tsi_obj,
                            thaw_node)->v);
}

void
directory_each_nve_of_vn(const struct directory *d, nva_id id,
                         directory_cb *cb, void *aux)
{
    const struct vn_obj *vn = dir_find_vn(d, id);
    const struct member *m;

    if (!vn) {
        return;
    }
    LIST_FOR_EACH (m, vn_node, &vn->members) {
        if (!cb(&m->nve->v, aux)) {
            return;
        }
    }
}

void
directory_each_nve_of_tsi(const struct directory *d, nva_id id,
                          directory_cb *cb, void *aux)
{
    const struct tsi_obj *t = dir_find_tsi(d, id);
    const struct vn_obj *vn = t ? dir_find_vn(d, t->v.vn) : NULL;
    const struct redirect_obj *r;
    const struct pull_obj *p;

    if (!vn) {
        return;
    }
    if (!vn->v.pulls) {
        directory_each_nve_of_vn(d, vn->v.id, cb, aux);
        return;
    }
    for (size_t i = 0; i < t->n_visits; i++) {
        if (visit_is_first_at_nve(&t->visits[i])
            && !cb(&t->visits[i].spot->nve->v, aux)) {
            return;
        }
    }
    LIST_FOR_EACH (r, tsi_node, &t->redirects) {
        const struct nve_obj *nve = dir_find_nve(d, r->v.at);

        if (!dir_tsi_visits(t, nve) && !cb(&nve->v, aux)) {
            return;
        }
    }
    LIST_FOR_EACH (p, tsi_node, &t->pulls) {
        const struct nve_obj *nve = dir_find_nve(d, p->v.nve);

        if (!dir_tsi_visits(t, nve) && !dir_tsi_redirects_at(t, nve)
            && !cb(&nve->v, aux)) {
            return;
        }
    }
}

void
directory_each_vn_of_nve(const struct directory *d, nva_id id,
                         directory_cb *cb, void *aux)
{
    const struct nve_obj *nve = dir_find_nve(d, id);
    const struct member *m;

    if (!nve) {
        return;
    }
    LIST_FOR_EACH (m, nve_node, &nve->members) {
        if (!cb(&m->vn->v, aux)) {
            return;
        }
    }
}

bool
directory_nve_serves(const struct directory *d, nva_id nve, nva_id vn)
{
    return dir_find_member(d, nve, vn) != NULL;
}

/* ## Counts ## */

size_t
directory_n_vns(const struct directory *d)
{
    return hmap_count(&d->vns);
}

size_t
directory_n_nves(const struct directory *d)
{
    return hmap_count(&d->nves);
}

size_t
directory_n_vms(const struct directory *d)
{
    return hmap_count(&d->vms);
}

size_t
directory_n_learned(const struct directory *d, nva_id id)
{
    const struct vn_obj *vn = dir_find_vn(d, id);

    return vn ? vn->n_learned : 0;
}

size_t
directory_n_learned_at(const struct directory *d,
                       const struct nva_place *place, nva_id vn)
{
    const struct stand *stand = dir_find_stand(d, place, vn);

    return stand ? stand->n_learned : 0;
}

size_t
directory_n_tsis_of_vn(const struct directory *d, nva_id id)
{
    const struct vn_obj *vn = dir_find_vn(d, id);

    return vn ? vn->n_tsis : 0;
}

size_t
directory_n_nves_of_vn(const struct directory *d, nva_id id)
{
    const struct vn_obj *vn = dir_find_vn(d, id);

    return vn ? vn->n_members : 0;
}

size_t
directory_n_vaps(const struct directory *d, nva_id id)
{
    const struct nve_obj *nve = dir_find_nve(d, id);

    return nve ? nve->n_vaps : 0;
}

size_t
directory_n_places(const struct directory *d, nva_id id)
{
    const struct nve_obj *nve = dir_find_nve(d, id);

    return nve ? nve->n_visits : 0;
}

size_t
directory_n_probes(const struct directory *d)
{
    return hmap_count(&d->probes);
}

size_t
directory_n_probes_for(const struct directory *d, enum nva_probe_why why)
{
    return d->n_probes[why];
}

size_t
directory_n_moves_active(const struct directory *d)
{
    return d->n_active_moves;
}

/* ## Places and who is at them ## */

/* Walks the interfaces at 'spot'; unless 'all', not those that were met at
 * another spot of this NVE.  False: 'cb' has had enough. */
static bool
walk_spot(const struct spot *spot, bool all, directory_cb *cb, void *aux)
{
    const struct visit *visit;

    LIST_FOR_EACH (visit, node, &spot->visits) {
        if ((all || visit_is_first_at_nve(visit))
            && !cb(&visit->tsi->v, aux)) {
            return false;
        }
    }
    return true;
}

/* An interface with two ports at one NVE is walked once there. */
static bool
visit_is_first_at_nve(const struct visit *visit)
{
    const struct visit *v = visit->tsi->visits;

    while (v->spot->nve != visit->spot->nve) {
        v++;
    }
    return v == visit;
}

bool
dir_tsi_redirects_at(const struct tsi_obj *t, const struct nve_obj *nve)
{
    const struct redirect_obj *r;

    LIST_FOR_EACH (r, tsi_node, &t->redirects) {
        if (r->v.at == nve->v.id) {
            return true;
        }
    }
    return false;
}

bool
dir_tsi_visits(const struct tsi_obj *t, const struct nve_obj *nve)
{
    for (size_t i = 0; i < t->n_visits; i++) {
        if (t->visits[i].spot->nve == nve) {
            return true;
        }
    }
    return false;
}

bool
dir_spot_floods(const struct directory *d, const struct nva_place *place,
                nva_id vn, bool implied)
{
    return spot_floods(dir_find_port(d, place->nve, place->port),
                       dir_find_stand(d, place, vn), implied);
}

/* 'stand': who of the VN is or may be at 'port'; NULL for nobody. */
static bool
spot_floods(const struct port_obj *port, const struct stand *stand,
            bool implied)
{
    if (!port || port->v.ofport == NVA_OFPORT_NONE) {
        return false;
    }
    return stand ? stand->n_listening > 0 : !implied;
}
