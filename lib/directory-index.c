/* SPDX-License-Identifier: Apache-2.0 */

/* The directory's indices: puts each kind of record into them, takes it out,
 * finds it.
 *
 * It knows where a record is listed and by what key.  It must never know whose
 * flows read a record, nor when or why one comes or goes.
 *
 * Invariant (directory_check()): a linked record is in every index that its
 * value names and in no other; a value that contradicts the others aborts.
 * RFC 8014 s4.3, s8 (what an NVA keeps). */

#include <config.h>

#include "directory.h"

#include <string.h>

#include "directory-private.h"
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "openvswitch/util.h"
#include "packets.h"
#include "util.h"

static void link_visit(struct directory *, struct tsi_obj *,
                       const struct nva_place *);

/* Inserts OBJ into LIST of STRUCT linked by MEMBER, by KEY.  Ids only grow, so
 * this nearly always looks at the last one only. */
#define INSERT_SORTED(STRUCT, OBJ, MEMBER, KEY, LIST)                       \
    insert_sorted(LIST, &(OBJ)->MEMBER, (OBJ)->KEY, STRUCT##_##MEMBER##_key)

/* How INSERT_SORTED knows the id of what is linked. */
typedef nva_id key_func(const struct ovs_list *);
#define DEFINE_KEY(STRUCT, MEMBER, KEY)                                     \
static nva_id                                                               \
STRUCT##_##MEMBER##_key(const struct ovs_list *node)                        \
{                                                                           \
    return CONTAINER_OF(node, struct STRUCT, MEMBER)->KEY;                  \
}
DEFINE_KEY(vn_obj, node, v.id)
DEFINE_KEY(nve_obj, node, v.id)
DEFINE_KEY(vm_obj, node, v.id)
DEFINE_KEY(move_obj, node, v.id)
DEFINE_KEY(move_obj, state_node, v.id)
DEFINE_KEY(member, vn_node, nve->v.id)
DEFINE_KEY(member, nve_node, vn->v.id)
DEFINE_KEY(vap_obj, nve_node, v.id)
DEFINE_KEY(vap_obj, member_node, v.id)
DEFINE_KEY(tsi_obj, vm_node, v.id)

static void
insert_sorted(struct ovs_list *list, struct ovs_list *node, nva_id id,
              key_func *key)
{
    struct ovs_list *prev = list->prev;

    while (prev != list && key(prev) > id) {
        prev = prev->prev;
    }
    ovs_list_insert(prev->next, node);
}

/* ## Finding ## */

#define DEFINE_FIND(KIND, MAP)                                              \
struct KIND##_obj *                                                         \
dir_find_##KIND(const struct directory *d, nva_id id)                       \
{                                                                           \
    struct KIND##_obj *o;                                                   \
                                                                            \
    HMAP_FOR_EACH_WITH_HASH (o, id_node, hash_id(id), &d->MAP) {            \
        if (o->v.id == id) {                                                \
            return o;                                                       \
        }                                                                   \
    }                                                                       \
    return NULL;                                                            \
}
DEFINE_FIND(vn, vns)
DEFINE_FIND(nve, nves)
DEFINE_FIND(vap, vaps)
DEFINE_FIND(vm, vms)
DEFINE_FIND(tsi, tsis)
DEFINE_FIND(redirect, redirects)
DEFINE_FIND(probe, probes)
DEFINE_FIND(move, moves)

struct port_obj *
dir_find_port(const struct directory *d, nva_id nve, const char *name)
{
    struct port_obj *port;

    HMAP_FOR_EACH_WITH_HASH (port, name_node, hash_at(nve, name),
                             &d->ports_by_name) {
        if (port->v.nve == nve && !strcmp(port->v.name, name)) {
            return port;
        }
    }
    return NULL;
}

struct port_obj *
dir_find_ofport(const struct directory *d, nva_id nve, nva_ofport ofport)
{
    struct port_obj *port;

    HMAP_FOR_EACH_WITH_HASH (port, ofport_node, hash_pair(nve, ofport),
                             &d->ports_by_ofport) {
        if (port->v.nve == nve && port->v.ofport == ofport) {
            return port;
        }
    }
    return NULL;
}

struct vap_obj *
dir_find_vap_by_key(const struct directory *d, nva_id nve, const char *port,
                    bool has_mac, struct eth_addr mac)
{
    struct vap_obj *vap;

    HMAP_FOR_EACH_WITH_HASH (vap, key_node, hash_at(nve, port),
                             &d->vaps_by_key) {
        if (vap_is_at(vap, nve, port) && vap->v.has_mac == has_mac
            && (!has_mac || eth_addr_equals(vap->v.mac, mac))) {
            return vap;
        }
    }
    return NULL;
}

struct member *
dir_find_member(const struct directory *d, nva_id nve, nva_id vn)
{
    struct member *m;

    HMAP_FOR_EACH_WITH_HASH (m, hmap_node, hash_pair(nve, vn), &d->members) {
        if (m->nve->v.id == nve && m->vn->v.id == vn) {
            return m;
        }
    }
    return NULL;
}

struct spot *
dir_find_spot(const struct directory *d, nva_id nve, const char *port)
{
    struct spot *spot;

    HMAP_FOR_EACH_WITH_HASH (spot, hmap_node, hash_at(nve, port),
                             &d->spots) {
        if (spot->nve->v.id == nve && !strcmp(spot->port, port)) {
            return spot;
        }
    }
    return NULL;
}

uint64_t *
dir_owner_version(const struct directory *d, struct nva_owner owner)
{
#define VERSION_OF(KIND)                                                    \
    do {                                                                    \
        struct KIND##_obj *o_ = dir_find_##KIND(d, owner.id);               \
        return o_ ? &o_->version : NULL;                                    \
    } while (0)

    switch (owner.kind) {
    case NVA_OWNER_BASE: VERSION_OF(nve);
    case NVA_OWNER_VN: VERSION_OF(vn);
    case NVA_OWNER_VAP: VERSION_OF(vap);
    case NVA_OWNER_TSI: VERSION_OF(tsi);
    case NVA_OWNER_REDIRECT: VERSION_OF(redirect);
    case NVA_OWNER_FLOOD: {
        struct vn_obj *vn = dir_find_vn(d, owner.id);

        return vn ? &vn->flood_version : NULL;
    }
    case NVA_OWNER_ADDRESS: {
        struct tsi_obj *t = dir_find_tsi(d, owner.id);

        return t ? &t->address_version : NULL;
    }
    case NVA_OWNER_QUIET: {
        struct vap_obj *vap = dir_find_vap(d, owner.id);

        return vap ? &vap->quiet_version : NULL;
    }
    case NVA_OWNER_ABSENT: {
        struct pull_obj *p = dir_find_absent(d, owner.id);

        return p ? &p->version : NULL;
    }
    case NVA_OWNER_NONE:
    case NVA_N_OWNER_KINDS:
    default: return NULL;
    }
#undef VERSION_OF
}

/* ## VNs ## */

struct vn_obj *
dir_new_vn(struct directory *d, nva_id id)
{
    struct vn_obj *vn = xzalloc(sizeof *vn);

    vn->v.id = id;
    hmap_insert(&d->vns, &vn->id_node, hash_id(id));
    INSERT_SORTED(vn_obj, vn, node, v.id, &d->vn_list);
    ovs_list_init(&vn->members);
    ovs_list_init(&vn->tsis);
    return vn;
}

void
dir_link_vn(struct directory *d, struct vn_obj *vn)
{
    ovs_assert(!directory_vn_by_name(d, vn->v.name));
    ovs_assert(!directory_vn_by_vni(d, vn->v.vni));
    hmap_insert(&d->vns_by_name, &vn->name_node, hash_string(vn->v.name, 0));
    hmap_insert(&d->vns_by_vni, &vn->vni_node, hash_id(vn->v.vni));
    name_index_insert(&d->vns_in_order, &vn->order_node, vn->v.name, vn->v.id);
}

void
dir_unlink_vn(struct directory *d, struct vn_obj *vn)
{
    hmap_remove(&d->vns_by_name, &vn->name_node);
    hmap_remove(&d->vns_by_vni, &vn->vni_node);
    name_index_remove(&d->vns_in_order, &vn->order_node);
}

void
dir_free_vn(struct directory *d, struct vn_obj *vn)
{
    ovs_assert(ovs_list_is_empty(&vn->members)
               && ovs_list_is_empty(&vn->tsis));
    hmap_remove(&d->vns, &vn->id_node);
    ovs_list_remove(&vn->node);
    stand_destroy_of_vn(vn);
    free(vn);
}

/* ## NVEs and ports ## */

struct nve_obj *
dir_new_nve(struct directory *d, nva_id id)
{
    struct nve_obj *nve = xzalloc(sizeof *nve);

    nve->v.id = id;
    hmap_insert(&d->nves, &nve->id_node, hash_id(id));
    INSERT_SORTED(nve_obj, nve, node, v.id, &d->nve_list);
    ovs_list_init(&nve->ports);
    ovs_list_init(&nve->vx_ports);
    ovs_list_init(&nve->vaps);
    ovs_list_init(&nve->members);
    ovs_list_init(&nve->spots);
    ovs_list_init(&nve->redirects_at);
    ovs_list_init(&nve->redirects_to);
    ovs_list_init(&nve->drain_node);
    ovs_list_init(&nve->pulls);
    return nve;
}

void
dir_link_nve(struct directory *d, struct nve_obj *nve)
{
    ovs_assert(!directory_nve_by_name(d, nve->v.name));
    ovs_assert(!directory_nve_by_dpid(d, nve->v.dpid));
    hmap_insert(&d->nves_by_name, &nve->name_node,
                hash_string(nve->v.name, 0));
    hmap_insert(&d->nves_by_dpid, &nve->dpid_node, hash_id(nve->v.dpid));
    name_index_insert(&d->nves_in_order, &nve->order_node, nve->v.name,
                      nve->v.id);
}

void
dir_unlink_nve(struct directory *d, struct nve_obj *nve)
{
    hmap_remove(&d->nves_by_name, &nve->name_node);
    hmap_remove(&d->nves_by_dpid, &nve->dpid_node);
    name_index_remove(&d->nves_in_order, &nve->order_node);
}

void
dir_free_nve(struct directory *d, struct nve_obj *nve)
{
    struct port_obj *port;

    ovs_assert(ovs_list_is_empty(&nve->vaps)
               && ovs_list_is_empty(&nve->spots)
               && ovs_list_is_empty(&nve->redirects_at)
               && ovs_list_is_empty(&nve->redirects_to)
               && ovs_list_is_empty(&nve->pulls));
    LIST_FOR_EACH_SAFE (port, node, &nve->ports) {
        dir_free_port(d, nve, port);
    }
    hmap_remove(&d->nves, &nve->id_node);
    ovs_list_remove(&nve->node);
    ovs_list_remove(&nve->drain_node);
    free(nve->drain);
    free(nve);
}

const struct port_obj *
dir_compute_tunnel(const struct directory *d, const struct nve_obj *nve)
{
    const struct port_obj *port, *best = NULL;

    if (nve->v.tunnel_port[0]) {
        port = dir_find_port(d, nve->v.id, nve->v.tunnel_port);
        return port && port->v.ofport != NVA_OFPORT_NONE ? port : NULL;
    }
    LIST_FOR_EACH (port, vx_node, &nve->vx_ports) {
        if (port->v.ofport != NVA_OFPORT_NONE
            && (!best || port->v.ofport < best->v.ofport)) {
            best = port;
        }
    }
    return best;
}

struct port_obj *
dir_new_port(struct directory *d, struct nve_obj *nve,
             const struct nva_port *v)
{
    struct port_obj *port = xzalloc(sizeof *port);

    port->v = *v;
    hmap_insert(&d->ports_by_name, &port->name_node,
                hash_at(v->nve, v->name));
    if (v->ofport != NVA_OFPORT_NONE) {
        hmap_insert(&d->ports_by_ofport, &port->ofport_node,
                    hash_pair(v->nve, v->ofport));
    }
    ovs_list_push_back(&nve->ports, &port->node);
    ovs_list_init(&port->vx_node);
    if (is_vx_port(v->name)) {
        ovs_list_push_back(&nve->vx_ports, &port->vx_node);
    }
    return port;
}

void
dir_free_port(struct directory *d, struct nve_obj *nve, struct port_obj *port)
{
    hmap_remove(&d->ports_by_name, &port->name_node);
    if (port->v.ofport != NVA_OFPORT_NONE) {
        hmap_remove(&d->ports_by_ofport, &port->ofport_node);
    }
    ovs_list_remove(&port->node);
    ovs_list_remove(&port->vx_node);
    if (nve->tunnel == port) {
        nve->tunnel = NULL;
    }
    free(port);
}

/* ## VAPs ## */

struct vap_obj *
dir_new_vap(struct directory *d, nva_id id)
{
    struct vap_obj *vap = xzalloc(sizeof *vap);

    vap->v.id = id;
    hmap_insert(&d->vaps, &vap->id_node, hash_id(id));
    return vap;
}

void
dir_link_vap(struct directory *d, struct vap_obj *vap)
{
    struct nve_obj *nve = dir_find_nve(d, vap->v.nve);
    struct vn_obj *vn = dir_find_vn(d, vap->v.vn);
    struct member *m = dir_find_member(d, vap->v.nve, vap->v.vn);

    ovs_assert(nve && vn && vap->v.port[0]);
    ovs_assert(!dir_find_vap_by_key(d, vap->v.nve, vap->v.port,
                                    vap->v.has_mac, vap->v.mac));
    if (!m) {
        m = xzalloc(sizeof *m);
        m->nve = nve;
        m->vn = vn;
        hmap_insert(&d->members, &m->hmap_node,
                    hash_pair(nve->v.id, vn->v.id));
        INSERT_SORTED(member, m, vn_node, nve->v.id, &vn->members);
        INSERT_SORTED(member, m, nve_node, vn->v.id, &nve->members);
        dir_enter(d, &m->nve_node);
        ovs_list_init(&m->vaps);
        vn->n_members++;
    }
    INSERT_SORTED(vap_obj, vap, member_node, v.id, &m->vaps);
    INSERT_SORTED(vap_obj, vap, nve_node, v.id, &nve->vaps);
    dir_enter(d, &vap->nve_node);
    nve->n_vaps++;
    hmap_insert(&d->vaps_by_key, &vap->key_node,
                hash_at(vap->v.nve, vap->v.port));
}

void
dir_unlink_vap(struct directory *d, struct vap_obj *vap)
{
    struct member *m = dir_find_member(d, vap->v.nve, vap->v.vn);

    hmap_remove(&d->vaps_by_key, &vap->key_node);
    dir_leave(d, &vap->nve_node);
    ovs_list_remove(&vap->member_node);
    m->nve->n_vaps--;
    if (ovs_list_is_empty(&m->vaps)) {
        hmap_remove(&d->members, &m->hmap_node);
        ovs_list_remove(&m->vn_node);
        dir_leave(d, &m->nve_node);
        m->vn->n_members--;
        scan_drop(d, m);
        free(m);
    }
}

void
dir_free_vap(struct directory *d, struct vap_obj *vap)
{
    hmap_remove(&d->vaps, &vap->id_node);
    free(vap);
}

/* ## VMs and interfaces ## */

struct vm_obj *
dir_new_vm(struct directory *d, nva_id id)
{
    struct vm_obj *vm = xzalloc(sizeof *vm);

    vm->v.id = id;
    hmap_insert(&d->vms, &vm->id_node, hash_id(id));
    INSERT_SORTED(vm_obj, vm, node, v.id, &d->vm_list);
    ovs_list_init(&vm->tsis);
    return vm;
}

void
dir_link_vm(struct directory *d, struct vm_obj *vm)
{
    ovs_assert(!directory_vm_by_name(d, vm->v.name));
    hmap_insert(&d->vms_by_name, &vm->name_node, hash_string(vm->v.name, 0));
    name_index_insert(&d->vms_in_order, &vm->order_node, vm->v.name, vm->v.id);
}

void
dir_unlink_vm(struct directory *d, struct vm_obj *vm)
{
    hmap_remove(&d->vms_by_name, &vm->name_node);
    name_index_remove(&d->vms_in_order, &vm->order_node);
}

void
dir_free_vm(struct directory *d, struct vm_obj *vm)
{
    ovs_assert(ovs_list_is_empty(&vm->tsis));
    hmap_remove(&d->vms, &vm->id_node);
    ovs_list_remove(&vm->node);
    free(vm);
}

struct tsi_obj *
dir_new_tsi(struct directory *d, nva_id id)
{
    struct tsi_obj *t = xzalloc(sizeof *t);

    hmap_insert(&d->tsis, &t->id_node, hash_id(id));
    ovs_list_init(&t->redirects);
    ovs_list_init(&t->probes);
    ovs_list_init(&t->pulls);
    ovs_list_init(&t->leases);
    return t;
}

void
dir_link_tsi(struct directory *d, struct tsi_obj *t)
{
    const struct nva_tsi *v = &t->v;
    struct vm_obj *vm = dir_find_vm(d, v->vm);
    struct vn_obj *vn = dir_find_vn(d, v->vn);

    ovs_assert(vm && vn && v->n_ips <= NVA_IPS_MAX);
    ovs_assert(!directory_tsi_by_mac(d, v->vn, v->mac));
    hmap_insert(&d->tsis_by_mac, &t->mac_node, hash_vn_mac(v->vn, v->mac));
    INSERT_SORTED(tsi_obj, t, vm_node, v.id, &vm->tsis);
    ovs_list_push_back(&vn->tsis, &t->vn_node);
    dir_enter(d, &t->vn_node);
    vn->n_tsis++;
    t->ips = v->n_ips ? xcalloc(v->n_ips, sizeof *t->ips) : NULL;
    for (size_t i = 0; i < v->n_ips; i++) {
        ovs_assert(!directory_tsi_by_ip(d, v->vn, &v->ips[i]));
        t->ips[i].tsi = t;
        t->ips[i].ip = v->ips[i];
        hmap_insert(&d->ips, &t->ips[i].hmap_node,
                    hash_vn_ip(v->vn, &v->ips[i]));
    }
    t->allowed = (v->n_allowed ? xcalloc(v->n_allowed, sizeof *t->allowed)
                  : NULL);
    for (size_t i = 0; i < v->n_allowed; i++) {
        t->allowed[i].tsi = t;
        t->allowed[i].mac = v->allowed[i];
        ovs_assert(!nva_tsi_has_nested(v, v->allowed[i])
                   || !directory_tsi_by_mac(d, v->vn, v->allowed[i]));
        hmap_insert(&d->allowed, &t->allowed[i].hmap_node,
                    hash_vn_mac(v->vn, v->allowed[i]));
    }
    link_visit(d, t, &v->current);
    link_visit(d, t, &v->published);
    link_visit(d, t, &v->prepared);
    stand_learn(d, t);
    if (tsi_thaws(v)) {
        heap_insert(&d->thaws, &t->thaw_node, UINT64_MAX - v->thaws_at);
    }
}

void
dir_unlink_tsi(struct directory *d, struct tsi_obj *t)
{
    if (tsi_thaws(&t->v)) {
        heap_remove(&d->thaws, &t->thaw_node);
    }
    stand_unlearn(t);
    hmap_remove(&d->tsis_by_mac, &t->mac_node);
    ovs_list_remove(&t->vm_node);
    dir_leave(d, &t->vn_node);
    dir_find_vn(d, t->v.vn)->n_tsis--;
    for (size_t i = 0; i < t->v.n_ips; i++) {
        hmap_remove(&d->ips, &t->ips[i].hmap_node);
    }
    free(t->ips);
    t->ips = NULL;
    for (size_t i = 0; i < t->v.n_allowed; i++) {
        hmap_remove(&d->allowed, &t->allowed[i].hmap_node);
    }
    free(t->allowed);
    t->allowed = NULL;
    for (size_t i = 0; i < t->n_visits; i++) {
        struct spot *spot = t->visits[i].spot;

        stand_leave(d, &t->visits[i]);
        dir_leave(d, &t->visits[i].node);
        spot->nve->n_visits--;
        if (ovs_list_is_empty(&spot->visits)) {
            hmap_remove(&d->spots, &spot->hmap_node);
            dir_leave(d, &spot->nve_node);
            free(spot);
        }
    }
    t->n_visits = 0;
}

void
dir_free_tsi(struct directory *d, struct tsi_obj *t)
{
    struct probe_obj *p;

    ovs_assert(ovs_list_is_empty(&t->redirects)
               && ovs_list_is_empty(&t->pulls));
    LIST_FOR_EACH_SAFE (p, tsi_node, &t->probes) {
        dir_unlink_probe(d, p);
        dir_free_probe(d, p);
    }
    lease_drop_of(d, t);
    hmap_remove(&d->tsis, &t->id_node);
    free(t);
}

/* Lists 't' at 'place', once. */
static void
link_visit(struct directory *d, struct tsi_obj *t,
           const struct nva_place *place)
{
    struct spot *spot;

    if (!nva_place_is_set(place)) {
        return;
    }
    spot = dir_find_spot(d, place->nve, place->port);
    if (!spot) {
        struct nve_obj *nve = dir_find_nve(d, place->nve);

        ovs_assert(nve);
        spot = xzalloc(sizeof *spot);
        spot->nve = nve;
        ovs_strlcpy(spot->port, place->port, sizeof spot->port);
        hmap_insert(&d->spots, &spot->hmap_node,
                    hash_at(place->nve, place->port));
        ovs_list_push_back(&nve->spots, &spot->nve_node);
        dir_enter(d, &spot->nve_node);
        ovs_list_init(&spot->visits);
    }
    for (size_t i = 0; i < t->n_visits; i++) {
        if (t->visits[i].spot == spot) {
            return;
        }
    }

    struct visit *visit = &t->visits[t->n_visits++];
    visit->spot = spot;
    visit->tsi = t;
    ovs_list_push_back(&spot->visits, &visit->node);
    dir_enter(d, &visit->node);
    spot->nve->n_visits++;
    stand_enter(d, visit);
}

/* ## Redirects ## */

struct redirect_obj *
dir_new_redirect(struct directory *d, nva_id id)
{
    struct redirect_obj *r = xzalloc(sizeof *r);

    hmap_insert(&d->redirects, &r->id_node, hash_id(id));
    return r;
}

void
dir_link_redirect(struct directory *d, struct redirect_obj *r)
{
    struct tsi_obj *t = dir_find_tsi(d, r->v.tsi);
    struct nve_obj *at = dir_find_nve(d, r->v.at);
    struct nve_obj *to = dir_find_nve(d, r->v.to);

    ovs_assert(t && at && to && at != to);
    ovs_list_push_back(&t->redirects, &r->tsi_node);
    ovs_list_push_back(&at->redirects_at, &r->at_node);
    dir_enter(d, &r->at_node);
    ovs_list_push_back(&to->redirects_to, &r->to_node);
}

void
dir_unlink_redirect(struct directory *d, struct redirect_obj *r)
{
    ovs_list_remove(&r->tsi_node);
    dir_leave(d, &r->at_node);
    ovs_list_remove(&r->to_node);
}

void
dir_free_redirect(struct directory *d, struct redirect_obj *r)
{
    hmap_remove(&d->redirects, &r->id_node);
    free(r);
}

/* ## Probes ## */

struct probe_obj *
dir_new_probe(struct directory *d, nva_id id)
{
    struct probe_obj *p = xzalloc(sizeof *p);

    hmap_insert(&d->probes, &p->id_node, hash_id(id));
    return p;
}

void
dir_link_probe(struct directory *d, struct probe_obj *p)
{
    struct tsi_obj *t = dir_find_tsi(d, p->v.tsi);

    ovs_assert(t && p->v.n_places <= NVA_PROBE_PLACES_MAX);
    ovs_list_push_back(&t->probes, &p->tsi_node);
    d->n_probes[p->v.why]++;
    heap_insert(&d->probes_due, &p->due_node, UINT64_MAX - p->v.due);
}

void
dir_unlink_probe(struct directory *d, struct probe_obj *p)
{
    d->n_probes[p->v.why]--;
    ovs_list_remove(&p->tsi_node);
    heap_remove(&d->probes_due, &p->due_node);
}

void
dir_free_probe(struct directory *d, struct probe_obj *p)
{
    hmap_remove(&d->probes, &p->id_node);
    free(p);
}

/* ## Moves ## */

struct move_obj *
dir_new_move(struct directory *d, nva_id id)
{
    struct move_obj *m = xzalloc(sizeof *m);

    m->v.id = id;
    hmap_insert(&d->moves, &m->id_node, hash_id(id));
    INSERT_SORTED(move_obj, m, node, v.id, &d->move_list);
    return m;
}

void
dir_link_move(struct directory *d, struct move_obj *m)
{
    m->active = move_is_active(&m->v);
    if (m->active) {
        INSERT_SORTED(move_obj, m, state_node, v.id, &d->active_moves);
        d->n_active_moves++;
    } else {
        ovs_list_push_back(&d->ended_moves[m->v.cause], &m->state_node);
        d->n_ended_moves[m->v.cause]++;
    }
}

void
dir_unlink_move(struct directory *d, struct move_obj *m)
{
    ovs_list_remove(&m->state_node);
    d->n_active_moves -= m->active;
    d->n_ended_moves[m->v.cause] -= !m->active;
}

void
dir_free_move(struct directory *d, struct move_obj *m)
{
    hmap_remove(&d->moves, &m->id_node);
    ovs_list_remove(&m->node);
    free(m->stamps);
    free(m);
}
