/* SPDX-License-Identifier: Apache-2.0 */

/* The directory: objects by value, and what each kind of delta does to them.
 *
 * It knows what a delta means, and asks directory-index to list what it put
 * and directory-spread who reads it.  It must never know a flow, a message, a
 * clock, or why something changed.
 *
 * Invariant: a delta that contradicts what is there is a bug and aborts; after
 * one that does not, directory_check() finds nothing.  RFC 8014 s4.3, s8 (what
 * an NVA keeps). */

#include <config.h>

#include "directory.h"

#include <string.h>

#include "directory-private.h"
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "openvswitch/util.h"
#include "packets.h"
#include "util.h"

static void apply_vn_put(struct dirt *, const struct nva_vn *);
static void apply_vn_del(struct dirt *, nva_id);
static void apply_nve_put(struct dirt *, const struct nva_nve *);
static void apply_nve_del(struct dirt *, nva_id);
static void apply_port_put(struct dirt *, const struct nva_port *);
static void apply_port_del(struct dirt *, const struct nva_port *);
static void apply_vap_put(struct dirt *, const struct nva_vap *);
static void apply_vap_del(struct dirt *, nva_id);
static void apply_vm_put(struct dirt *, const struct nva_vm *);
static void apply_vm_del(struct directory *, nva_id);
static void apply_tsi(struct dirt *, nva_id, const struct nva_tsi *new);
static void apply_redirect_put(struct dirt *, const struct nva_redirect *);
static void apply_redirect_del(struct dirt *, nva_id);
static void apply_probe_put(struct directory *, const struct nva_probe *);
static void apply_probe_del(struct directory *, nva_id);
static void apply_pull_put(struct dirt *, const struct nva_pull *);
static void apply_move_put(struct directory *, const struct nva_move *);
static void forget_moves(struct directory *);
static void apply_move_stamp(struct directory *, nva_id,
                             const struct nva_stamp *);

static void apply_drain_put(struct directory *, const struct nva_drain *);

static void drop_unserved(struct dirt *, const struct nva_vap *old);
static void take_id(struct directory *, nva_id);

/* Each hmap of the directory, for create and destroy. */
#define ALL_MAPS                                                            \
    X(vns) X(vns_by_name) X(vns_by_vni)                                     \
    X(nves) X(nves_by_name) X(nves_by_dpid)                                 \
    X(ports_by_name) X(ports_by_ofport)                                     \
    X(vaps) X(vaps_by_key) X(members)                                       \
    X(vms) X(vms_by_name) X(tsis) X(tsis_by_mac) X(ips) X(allowed) X(spots) \
    X(stands)                                                               \
    X(redirects) X(probes) X(moves) X(pulls) X(absents) X(absents_by_mac)

struct directory *
directory_create(void)
{
    struct directory *d = xzalloc(sizeof *d);

    d->next_id = 1;
#define X(MAP) hmap_init(&d->MAP);
    ALL_MAPS
#undef X
    heap_init(&d->probes_due);
    heap_init(&d->thaws);
    heap_init(&d->looks);
    heap_init(&d->leases);
    heap_init(&d->scans);
    ovs_list_init(&d->vn_list);
    ovs_list_init(&d->nve_list);
    ovs_list_init(&d->vm_list);
    ovs_list_init(&d->move_list);
    ovs_list_init(&d->active_moves);
    for (size_t i = 0; i < NVA_N_MOVE_CAUSES; i++) {
        ovs_list_init(&d->ended_moves[i]);
    }
    ovs_list_init(&d->drains);
    ovs_list_init(&d->cursors);
    return d;
}

void
directory_destroy(struct directory *d)
{
    if (!d) {
        return;
    }

    pull_destroy_all(d);
    heap_destroy(&d->looks);
    struct redirect_obj *r;
    HMAP_FOR_EACH_POP (r, id_node, &d->redirects) {
        dir_unlink_redirect(d, r);
        free(r);
    }
    struct probe_obj *p;
    HMAP_FOR_EACH_POP (p, id_node, &d->probes) {
        dir_unlink_probe(d, p);
        free(p);
    }
    heap_destroy(&d->probes_due);
    struct tsi_obj *t;
    HMAP_FOR_EACH_POP (t, id_node, &d->tsis) {
        lease_drop_of(d, t);
        dir_unlink_tsi(d, t);
        free(t);
    }
    heap_destroy(&d->leases);
    heap_destroy(&d->thaws);
    struct vap_obj *vap;
    HMAP_FOR_EACH_POP (vap, id_node, &d->vaps) {
        dir_unlink_vap(d, vap);
        free(vap);
    }
    heap_destroy(&d->scans);
    struct move_obj *m;
    LIST_FOR_EACH_SAFE (m, node, &d->move_list) {
        dir_unlink_move(d, m);
        dir_free_move(d, m);
    }
    struct port_obj *port;
    HMAP_FOR_EACH_POP (port, name_node, &d->ports_by_name) {
        free(port);
    }
    struct vm_obj *vm;
    HMAP_FOR_EACH_POP (vm, id_node, &d->vms) {
        free(vm);
    }
    struct vn_obj *vn;
    HMAP_FOR_EACH_POP (vn, id_node, &d->vns) {
        stand_destroy_of_vn(vn);
        free(vn);
    }
    struct nve_obj *nve;
    HMAP_FOR_EACH_POP (nve, id_node, &d->nves) {
        free(nve->drain);
        free(nve);
    }
#define X(MAP) hmap_destroy(&d->MAP);
    ALL_MAPS
#undef X
    free(d);
}

nva_id
directory_next_id(const struct directory *d)
{
    return d->next_id;
}

void
nva_dirty_init(struct nva_dirty_list *list)
{
    *list = (struct nva_dirty_list) { .n = 0 };
}

void
nva_dirty_uninit(struct nva_dirty_list *list)
{
    free(list->a);
    nva_dirty_init(list);
}

void
nva_dirty_clear(struct nva_dirty_list *list)
{
    list->n = 0;
}

void
directory_apply(struct directory *d, const struct nva_delta *delta,
                struct nva_dirty_list *list)
{
    struct dirt dirt = { .dir = d, .list = list, .first = list->n };

    d->version++;
    switch (delta->type) {
    case NVA_DELTA_VN_PUT: apply_vn_put(&dirt, &delta->vn); break;
    case NVA_DELTA_VN_DEL: apply_vn_del(&dirt, delta->id); break;
    case NVA_DELTA_NVE_PUT: apply_nve_put(&dirt, &delta->nve); break;
    case NVA_DELTA_NVE_DEL: apply_nve_del(&dirt, delta->id); break;
    case NVA_DELTA_PORT_PUT: apply_port_put(&dirt, &delta->port); break;
    case NVA_DELTA_PORT_DEL: apply_port_del(&dirt, &delta->port); break;
    case NVA_DELTA_VAP_PUT: apply_vap_put(&dirt, &delta->vap); break;
    case NVA_DELTA_VAP_DEL: apply_vap_del(&dirt, delta->id); break;
    case NVA_DELTA_VM_PUT: apply_vm_put(&dirt, &delta->vm); break;
    case NVA_DELTA_VM_DEL: apply_vm_del(d, delta->id); break;
    case NVA_DELTA_TSI_PUT:
        apply_tsi(&dirt, delta->tsi.id, &delta->tsi);
        break;
    case NVA_DELTA_TSI_DEL: apply_tsi(&dirt, delta->id, NULL); break;
    case NVA_DELTA_REDIRECT_PUT:
        apply_redirect_put(&dirt, &delta->redirect);
        break;
    case NVA_DELTA_REDIRECT_DEL: apply_redirect_del(&dirt, delta->id); break;
    case NVA_DELTA_PROBE_PUT: apply_probe_put(d, &delta->probe); break;
    case NVA_DELTA_PROBE_DEL: apply_probe_del(d, delta->id); break;
    case NVA_DELTA_MOVE_PUT: apply_move_put(d, &delta->move); break;
    case NVA_DELTA_MOVE_STAMP:
        apply_move_stamp(d, delta->id, &delta->stamp);
        break;
    case NVA_DELTA_DRAIN_PUT: apply_drain_put(d, &delta->drain); break;
    case NVA_DELTA_PULL_PUT: apply_pull_put(&dirt, &delta->pull); break;
    case NVA_DELTA_PULL_DEL: pull_del(&dirt, &delta->pull); break;
    case NVA_DELTA_SCAN_PUT: scan_put(d, &delta->scan); break;
    case NVA_DELTA_SCAN_DEL: scan_del(d, &delta->scan); break;
    case NVA_DELTA_LEASE_PUT: lease_put(&dirt, &delta->lease); break;
    default: OVS_NOT_REACHED();
    }
    free(dirt.slots);
}

uint64_t
directory_version(const struct directory *d)
{
    return d->version;
}

uint64_t
directory_owner_version(const struct directory *d, struct nva_owner owner)
{
    const uint64_t *version = dir_owner_version(d, owner);

    return version ? *version : d->version;
}

static void
take_id(struct directory *d, nva_id id)
{
    ovs_assert(id != NVA_ID_NONE);
    if (id >= d->next_id) {
        d->next_id = id + 1;
    }
}

/* ## VNs ## */

static bool
vn_flows_equal(const struct nva_vn *a, const struct nva_vn *b)
{
    return (a->vni == b->vni && a->binding == b->binding
            && a->unknown_question == b->unknown_question
            && a->unknown_unicast == b->unknown_unicast
            && a->port_security == b->port_security && a->mtu == b->mtu
            && a->n_shared_ips == b->n_shared_ips
            && !memcmp(a->shared_ips, b->shared_ips,
                       a->n_shared_ips * sizeof a->shared_ips[0])
            && a->pulls == b->pulls);
}

static void
apply_vn_put(struct dirt *dirt, const struct nva_vn *new)
{
    struct directory *d = dirt->dir;
    struct vn_obj *vn = dir_find_vn(d, new->id);
    bool differs = false, turned = false, ages = false;

    take_id(d, new->id);
    if (!vn) {
        vn = dir_new_vn(d, new->id);
    } else {
        differs = !vn_flows_equal(&vn->v, new);
        turned = vn->v.pulls != new->pulls;
        ages = vn->v.age != new->age;
        dir_unlink_vn(d, vn);
    }
    if (turned) {
        pull_drop_of_vn(dirt, vn);
    }
    vn->v = *new;
    dir_link_vn(d, vn);
    if (turned && new->pulls) {
        pull_all_of_vn(d, vn);
    }
    if (ages) {
        lease_renew_of_vn(d, vn);
    }
    if (differs) {
        dirt_vn(dirt, vn, turned);
    }
}

static void
apply_vn_del(struct dirt *dirt, nva_id id)
{
    struct directory *d = dirt->dir;
    struct vn_obj *vn = dir_find_vn(d, id);

    ovs_assert(vn);
    dir_unlink_vn(d, vn);
    dir_free_vn(d, vn);
}

/* ## NVEs and ports ## */

static nva_ofport
tunnel_ofport(const struct nve_obj *nve)
{
    return nve->tunnel ? nve->tunnel->v.ofport : NVA_OFPORT_NONE;
}

static void
apply_nve_put(struct dirt *dirt, const struct nva_nve *new)
{
    struct directory *d = dirt->dir;
    struct nve_obj *nve = dir_find_nve(d, new->id);
    const bool is_new = !nve;

    take_id(d, new->id);
    if (is_new) {
        nve = dir_new_nve(d, new->id);
    } else {
        dir_unlink_nve(d, nve);
    }

    const bool ip_differs = memcmp(&nve->v.tunnel_ip, &new->tunnel_ip,
                                   sizeof new->tunnel_ip);
    const nva_ofport old_tunnel = tunnel_ofport(nve);
    nve->v = *new;
    dir_link_nve(d, nve);
    nve->tunnel = dir_compute_tunnel(d, nve);

    if (is_new) {
        dirt_add(dirt, new->id, NVA_OWNER_BASE, new->id);
    } else if (ip_differs) {
        dirt_tunnel_ip(dirt, nve);
    }
    if (tunnel_ofport(nve) != old_tunnel) {
        dirt_all_at(dirt, new->id);
    }
}

static void
apply_nve_del(struct dirt *dirt, nva_id id)
{
    struct directory *d = dirt->dir;
    struct nve_obj *nve = dir_find_nve(d, id);

    ovs_assert(nve);
    pull_drop_at(dirt, nve, NVA_ID_NONE);
    dir_unlink_nve(d, nve);
    dir_free_nve(d, nve);
    dirt_add(dirt, id, NVA_OWNER_BASE, id);
}

/* After the ports of 'nve' changed. */
static void
refresh_tunnel(struct dirt *dirt, struct nve_obj *nve, nva_ofport old)
{
    nve->tunnel = dir_compute_tunnel(dirt->dir, nve);
    if (tunnel_ofport(nve) != old) {
        dirt_all_at(dirt, nve->v.id);
    }
}

static void
apply_port_put(struct dirt *dirt, const struct nva_port *new)
{
    struct directory *d = dirt->dir;
    struct nve_obj *nve = dir_find_nve(d, new->nve);
    struct port_obj *port = dir_find_port(d, new->nve, new->name);

    ovs_assert(nve && new->name[0]);
    if (port && port->v.ofport == new->ofport) {
        port->v = *new;
        return;
    }

    /* A number belongs to one port.  Real switches reuse numbers, so another
     * port that had this one is not there any more under it; it comes back
     * with its own PUT if it was only renumbered. */
    struct port_obj *other = (new->ofport != NVA_OFPORT_NONE
                              ? dir_find_ofport(d, new->nve, new->ofport)
                              : NULL);
    const nva_ofport old_tunnel = tunnel_ofport(nve);
    if (other) {
        char name[NVA_PORT_NAME_MAX];

        ovs_strlcpy(name, other->v.name, sizeof name);
        dir_free_port(d, nve, other);
        dirt_port(dirt, new->nve, name);
        dirt_learned_at(dirt, new->nve, name);
    }
    if (port) {
        dir_free_port(d, nve, port);
    }
    dir_new_port(d, nve, new);
    dirt_port(dirt, new->nve, new->name);
    if (!port) {
        dirt_learned_at(dirt, new->nve, new->name);
    }
    refresh_tunnel(dirt, nve, old_tunnel);
}

/* A port that is not known is not a contradiction: see apply_port_put(). */
static void
apply_port_del(struct dirt *dirt, const struct nva_port *key)
{
    struct directory *d = dirt->dir;
    struct nve_obj *nve = dir_find_nve(d, key->nve);
    struct port_obj *port = dir_find_port(d, key->nve, key->name);

    ovs_assert(nve);
    if (!port) {
        return;
    }

    const nva_ofport old_tunnel = tunnel_ofport(nve);
    dir_free_port(d, nve, port);
    dirt_port(dirt, key->nve, key->name);
    dirt_learned_at(dirt, key->nve, key->name);
    refresh_tunnel(dirt, nve, old_tunnel);
}

/* ## VAPs ## */

/* But for 'detour'. */
static bool
vap_equal(const struct nva_vap *a, const struct nva_vap *b)
{
    return (a->nve == b->nve && !strcmp(a->port, b->port)
            && a->has_mac == b->has_mac
            && (!a->has_mac || eth_addr_equals(a->mac, b->mac))
            && a->vn == b->vn && a->implied == b->implied);
}

/* 'old' is no VAP any more: was it the last one of its VN there? */
static void
drop_unserved(struct dirt *dirt, const struct nva_vap *old)
{
    if (!dir_find_member(dirt->dir, old->nve, old->vn)) {
        pull_drop_at(dirt, dir_find_nve(dirt->dir, old->nve), old->vn);
    }
}

static void
apply_vap_put(struct dirt *dirt, const struct nva_vap *new)
{
    struct directory *d = dirt->dir;
    struct vap_obj *vap = dir_find_vap(d, new->id);
    struct nva_vap old = { .id = NVA_ID_NONE };

    take_id(d, new->id);
    if (!vap) {
        vap = dir_new_vap(d, new->id);
    } else if (vap_equal(&vap->v, new)) {
        if (vap->v.detour != new->detour) {
            vap->v.detour = new->detour;
            dirt_add(dirt, new->nve, NVA_OWNER_VAP, new->id);
        }
        return;
    } else {
        old = vap->v;
    }

    const bool is_first = !dir_find_member(d, new->nve, new->vn);
    if (old.id) {
        dir_unlink_vap(d, vap);
    }
    vap->v = *new;
    dir_link_vap(d, vap);
    if (old.id) {
        drop_unserved(dirt, &old);
    }
    if (old.id && (old.vn != new->vn || old.nve != new->nve
                   || strcmp(old.port, new->port))) {
        dirt_vap(dirt, &old, !dir_find_member(d, old.nve, old.vn));
    }
    dirt_vap(dirt, new, is_first);
}

static void
apply_vap_del(struct dirt *dirt, nva_id id)
{
    struct directory *d = dirt->dir;
    struct vap_obj *vap = dir_find_vap(d, id);

    ovs_assert(vap);
    const struct nva_vap old = vap->v;
    dir_unlink_vap(d, vap);
    dir_free_vap(d, vap);
    drop_unserved(dirt, &old);
    dirt_vap(dirt, &old, !dir_find_member(d, old.nve, old.vn));
}

/* ## VMs and interfaces ## */

static void
apply_vm_put(struct dirt *dirt, const struct nva_vm *new)
{
    struct directory *d = dirt->dir;
    struct vm_obj *vm = dir_find_vm(d, new->id);
    struct tsi_obj *t;

    take_id(d, new->id);
    if (!vm) {
        vm = dir_new_vm(d, new->id);
    } else {
        dir_unlink_vm(d, vm);
    }
    LIST_FOR_EACH (t, vm_node, &vm->tsis) {
        const nva_id at[] = { t->v.current.nve, t->v.prepared.nve };

        for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
            if (vm->v.connections != new->connections && at[i]) {
                dirt_add(dirt, at[i], NVA_OWNER_TSI, t->v.id);
            }
        }
        if (vm->v.sticky != new->sticky) {
            dirt_address(dirt, &t->v);
        }
        stand_unlearn(t);
    }
    vm->v = *new;
    dir_link_vm(d, vm);
    LIST_FOR_EACH (t, vm_node, &vm->tsis) {
        lease_sync(d, t);
        stand_learn(d, t);
    }
}

static void
apply_vm_del(struct directory *d, nva_id id)
{
    struct vm_obj *vm = dir_find_vm(d, id);

    ovs_assert(vm);
    dir_unlink_vm(d, vm);
    dir_free_vm(d, vm);
}

static bool
tsi_flows_equal(const struct nva_tsi *a, const struct nva_tsi *b)
{
    return (a->vn == b->vn && eth_addr_equals(a->mac, b->mac)
            && a->n_ips == b->n_ips && a->n_given == b->n_given
            && !memcmp(a->ips, b->ips, a->n_ips * sizeof a->ips[0])
            && nva_place_equal(&a->current, &b->current)
            && nva_place_equal(&a->published, &b->published)
            && nva_place_equal(&a->prepared, &b->prepared)
            && a->paused == b->paused && a->stopped == b->stopped
            && a->early == b->early && a->deaf == b->deaf
            && !a->held_until == !b->held_until
            && a->roles == b->roles
            && a->nested == b->nested && a->n_allowed == b->n_allowed
            && !memcmp(a->allowed, b->allowed,
                       a->n_allowed * sizeof a->allowed[0]));
}

/* Deletes interface 'id' if 'new' is null. */
static void
apply_tsi(struct dirt *dirt, nva_id id, const struct nva_tsi *new)
{
    static const struct nva_tsi nothing;
    struct directory *d = dirt->dir;
    struct tsi_obj *t = dir_find_tsi(d, id);
    const struct nva_tsi old = t ? t->v : nothing;
    struct dirt_probe probes[DIRT_PROBES_MAX];

    take_id(d, id);
    ovs_assert(new || t);

    const bool differs = !t || !new || !tsi_flows_equal(&old, new);
    const size_t n = (differs
                      ? dirt_take_probes(d, &old, new ? new : &nothing,
                                         probes)
                      : 0);
    if (t && (!new || tsi_is_renamed(&old, new))) {
        pull_drop_of_tsi(dirt, t);
    }
    if (t) {
        dir_unlink_tsi(d, t);
    } else {
        t = dir_new_tsi(d, id);
    }
    if (new && new->vn != old.vn) {
        lease_drop_of(d, t);
    }
    if (new) {
        struct eth_addr macs[NVA_ALLOWED_MACS_MAX + 1];

        for (size_t i = nva_tsi_macs(new, macs); i-- > 0; ) {
            pull_drop_absent(dirt, new->vn, macs[i]);
        }
        t->v = *new;
        lease_sync(d, t);
        dir_link_tsi(d, t);
    } else {
        dir_free_tsi(d, t);
        t = NULL;
    }
    if (differs) {
        dirt_tsi(dirt, id, &old, new ? new : &nothing, probes, n);
    }
    if (t && differs && t->v.n_ips > t->v.n_given
        && tsi_is_gone(d, &old) != tsi_is_gone(d, &t->v)) {
        dirt_address(dirt, &t->v);
    }
    if (t && tsi_macs_differ(&old, &t->v)) {
        dirt_redirects_of(dirt, t);
    }
}

/* ## Redirects ## */

/* But for the name of the port that was left. */
static bool
redirect_flows_equal(const struct nva_redirect *a,
                     const struct nva_redirect *b)
{
    return (a->at == b->at && a->tsi == b->tsi && a->to == b->to
            && a->resets == b->resets && a->until == b->until
            && strcmp(a->port, b->port));
}

static void
apply_redirect_put(struct dirt *dirt, const struct nva_redirect *new)
{
    struct directory *d = dirt->dir;
    struct redirect_obj *r = dir_find_redirect(d, new->id);

    take_id(d, new->id);
    if (!r) {
        r = dir_new_redirect(d, new->id);
    } else {
        dir_unlink_redirect(d, r);
        if (redirect_flows_equal(&r->v, new)) {
            r->v = *new;
            dir_link_redirect(d, r);
            return;
        }
        if (r->v.at != new->at || r->v.tsi != new->tsi) {
            dirt_add(dirt, r->v.at, NVA_OWNER_REDIRECT, new->id);
            dirt_add(dirt, r->v.at, NVA_OWNER_TSI, r->v.tsi);
        }
    }
    r->v = *new;
    dir_link_redirect(d, r);
    dirt_add(dirt, new->at, NVA_OWNER_REDIRECT, new->id);
    dirt_add(dirt, new->at, NVA_OWNER_TSI, new->tsi);
}

static void
apply_redirect_del(struct dirt *dirt, nva_id id)
{
    struct directory *d = dirt->dir;
    struct redirect_obj *r = dir_find_redirect(d, id);

    ovs_assert(r);
    const struct nva_redirect old = r->v;
    dir_unlink_redirect(d, r);
    dir_free_redirect(d, r);
    dirt_add(dirt, old.at, NVA_OWNER_REDIRECT, id);
    dirt_add(dirt, old.at, NVA_OWNER_TSI, old.tsi);
}

/* ## Probes ## */

static void
apply_probe_put(struct directory *d, const struct nva_probe *new)
{
    struct probe_obj *p = dir_find_probe(d, new->id);

    take_id(d, new->id);
    if (p) {
        dir_unlink_probe(d, p);
    } else {
        p = dir_new_probe(d, new->id);
    }
    p->v = *new;
    dir_link_probe(d, p);
}

static void
apply_probe_del(struct directory *d, nva_id id)
{
    struct probe_obj *p = dir_find_probe(d, id);

    ovs_assert(p);
    dir_unlink_probe(d, p);
    dir_free_probe(d, p);
}

/* ## Pulls ## */

static void
apply_pull_put(struct dirt *dirt, const struct nva_pull *new)
{
    if (new->id != NVA_ID_NONE) {
        take_id(dirt->dir, new->id);
    }
    pull_put(dirt, new);
}

/* ## Moves ## */

static void
apply_move_put(struct directory *d, const struct nva_move *new)
{
    struct move_obj *m = dir_find_move(d, new->id);

    take_id(d, new->id);
    if (!m) {
        m = dir_new_move(d, new->id);
    } else if (m->active == move_is_active(new)) {
        m->v = *new;
        return;
    } else {
        dir_unlink_move(d, m);
    }
    m->v = *new;
    dir_link_move(d, m);
    forget_moves(d);
}

/* Planned moves have half the room, those that guests caused (announced, or
 * probed after that) the other half, and each what the others leave: guests
 * that hop about do not make us forget what operators did. */
static void
forget_moves(struct directory *d)
{
    const size_t *n = d->n_ended_moves;
    const size_t by_guests = n[NVA_CAUSE_ANNOUNCED] + n[NVA_CAUSE_PROBED];

    if (n[NVA_CAUSE_PLANNED] + by_guests > NVA_MOVES_KEPT_MAX) {
        enum nva_move_cause cause = n[NVA_CAUSE_PLANNED]
                                    > NVA_MOVES_KEPT_MAX / 2
                                    ? NVA_CAUSE_PLANNED
                                    : n[NVA_CAUSE_PROBED] > by_guests / 2
                                    ? NVA_CAUSE_PROBED : NVA_CAUSE_ANNOUNCED;
        struct move_obj *oldest = CONTAINER_OF(
            ovs_list_front(&d->ended_moves[cause]), struct move_obj,
            state_node);

        dir_unlink_move(d, oldest);
        dir_free_move(d, oldest);
    }
}

/* A move that was forgotten takes no stamps: its redirects may outlive it. */
static void
apply_move_stamp(struct directory *d, nva_id id,
                 const struct nva_stamp *stamp)
{
    struct move_obj *m = dir_find_move(d, id);

    if (!m) {
        return;
    }
    if (m->n_stamps && stamp->kind == NVA_STAMP_REFRESHED
        && m->stamps[m->n_stamps - 1].kind == NVA_STAMP_REFRESHED
        && m->stamps[m->n_stamps - 1].reason == stamp->reason) {
        /* What repeats itself for days is one entry: its last time, and how
         * often. */
        m->stamps[m->n_stamps - 1].when = stamp->when;
        m->stamps[m->n_stamps - 1].count += stamp->count;
        return;
    }
    if (m->n_stamps >= NVA_STAMPS_MAX) {
        /* The begin and the end of a story tell most: the newest stamp takes
         * the place of the last. */
        m->n_stamps--;
    }
    if (m->n_stamps >= m->allocated_stamps) {
        m->stamps = x2nrealloc(m->stamps, &m->allocated_stamps,
                               sizeof *m->stamps);
    }
    m->stamps[m->n_stamps++] = *stamp;
}

/* ## Drains ## */

static void
apply_drain_put(struct directory *d, const struct nva_drain *new)
{
    struct nve_obj *nve = dir_find_nve(d, new->nve);

    ovs_assert(nve);
    take_id(d, new->attempt);
    if (!nve->drain) {
        nve->drain = xmalloc(sizeof *nve->drain);
    }
    *nve->drain = *new;
    ovs_list_remove(&nve->drain_node);
    ovs_list_init(&nve->drain_node);
    if (nva_drain_goes_on(new)) {
        ovs_list_push_back(&d->drains, &nve->drain_node);
    }
}
