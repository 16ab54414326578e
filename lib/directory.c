/* SPDX-License-Identifier: Apache-2.0 */

/* The directory: objects by value, and the indices that make each look-up and
 * each apply cost what it touches, not what there is.
 *
 * It knows objects and which owners' flows read them.  It must never know a
 * flow, a message, a clock, or why something changed.
 *
 * Invariant (directory_check()): every index can be recomputed from the
 * objects; every reference between live objects resolves; a MAC and an
 * address are unique in their VN.  RFC 8014 s4.3, s8 (what an NVA keeps). */

#include <config.h>

#include "directory.h"

#include <string.h>

#include "hash.h"
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "openvswitch/util.h"
#include "packets.h"
#include "util.h"

struct directory {
    uint64_t version;
    nva_id next_id;

    struct hmap vns, vns_by_name, vns_by_vni;
    struct hmap nves, nves_by_name, nves_by_dpid;
    struct hmap ports_by_name;          /* (NVE, name). */
    struct hmap ports_by_ofport;        /* (NVE, ofport), present ones. */
    struct hmap vaps, vaps_by_key;      /* (NVE, port), then by MAC. */
    struct hmap members;                /* (NVE, VN). */
    struct hmap vms, vms_by_name;
    struct hmap tsis, tsis_by_mac;      /* (VN, MAC). */
    struct hmap ips;                    /* (VN, IP). */
    struct hmap spots;                  /* (NVE, port). */
    struct hmap redirects;
    struct hmap moves;

    /* By id. */
    struct ovs_list vn_list, nve_list, vm_list, move_list, active_moves;
    struct ovs_list ended_moves;        /* In the order they ended. */
    size_t n_active_moves, n_ended_moves;
};

struct vn_obj {
    struct nva_vn v;
    uint64_t version;
    struct hmap_node id_node, name_node, vni_node;
    struct ovs_list node;               /* In directory.vn_list. */
    struct ovs_list members;            /* 'struct member', by NVE id. */
    size_t n_members;
    struct ovs_list tsis;
};

struct nve_obj {
    struct nva_nve v;
    uint64_t version;
    struct hmap_node id_node, name_node, dpid_node;
    struct ovs_list node;               /* In directory.nve_list. */
    struct ovs_list ports;
    struct ovs_list vx_ports;           /* Those named vx*. */
    const struct port_obj *tunnel;
    struct ovs_list vaps;               /* By id. */
    size_t n_vaps;
    struct ovs_list members;
    struct ovs_list spots;
    struct ovs_list redirects_at, redirects_to;
};

struct port_obj {
    struct nva_port v;
    struct hmap_node name_node, ofport_node;
    struct ovs_list node;               /* In nve_obj.ports. */
    struct ovs_list vx_node;            /* In nve_obj.vx_ports, or alone. */
};

/* An NVE serves a VN: it has 'vaps' in it, at least one. */
struct member {
    struct hmap_node hmap_node;
    struct nve_obj *nve;
    struct vn_obj *vn;
    struct ovs_list vn_node, nve_node;
    struct ovs_list vaps;
};

struct vap_obj {
    struct nva_vap v;
    uint64_t version;
    struct hmap_node id_node, key_node;
    struct ovs_list nve_node;           /* In nve_obj.vaps. */
    struct ovs_list member_node;        /* In member.vaps. */
};

struct vm_obj {
    struct nva_vm v;
    struct hmap_node id_node, name_node;
    struct ovs_list node;               /* In directory.vm_list. */
    struct ovs_list tsis;
};

/* A port of an NVE where at least one interface is or may be. */
struct spot {
    struct hmap_node hmap_node;
    struct nve_obj *nve;
    char port[NVA_PORT_NAME_MAX];
    struct ovs_list nve_node;
    struct ovs_list visits;
};

/* One of the (at most three different) places of an interface. */
struct visit {
    struct ovs_list node;
    struct spot *spot;
    struct tsi_obj *tsi;
};

struct ip_obj {
    struct hmap_node hmap_node;
    struct tsi_obj *tsi;
    struct in6_addr ip;
};

struct tsi_obj {
    struct nva_tsi v;
    uint64_t version;
    struct hmap_node id_node, mac_node;
    struct ovs_list vm_node, vn_node;
    struct ip_obj *ips;                 /* v.n_ips of them. */
    struct visit visits[3];
    size_t n_visits;
    struct ovs_list redirects;
};

struct redirect_obj {
    struct nva_redirect v;
    uint64_t version;
    struct hmap_node id_node;
    struct ovs_list tsi_node, at_node, to_node;
};

struct move_obj {
    struct nva_move v;
    struct hmap_node id_node;
    struct ovs_list node;               /* In directory.move_list. */
    struct ovs_list state_node;         /* In active_moves or ended_moves. */
    bool active;
    struct nva_stamp *stamps;
    size_t n_stamps, allocated_stamps;
};

/* What one apply dirties: appends to 'list' what is not there yet since
 * 'first'.  'slots' is an open-addressing table of positions + 1. */
struct dirt {
    struct directory *dir;
    struct nva_dirty_list *list;
    size_t first;
    uint32_t *slots;
    size_t n_slots;                     /* A power of two, or 0. */
};

/* Whether local port 'place' floods for VAPs of 'vn' that are 'implied' or
 * not: before a change of an interface, to compare with after. */
struct probe {
    const struct nva_place *place;
    nva_id vn;
    bool implied;
    bool before;
};
#define N_PLACES 6                      /* Three old, three new. */
#define N_PROBES (N_PLACES * 4)         /* Two VNs, implied or not. */

static void apply_vn_put(struct dirt *, const struct nva_vn *);
static void apply_vn_del(struct dirt *, nva_id);
static void apply_nve_put(struct dirt *, const struct nva_nve *);
static void apply_nve_del(struct dirt *, nva_id);
static void apply_port_put(struct dirt *, const struct nva_port *);
static void apply_port_del(struct dirt *, const struct nva_port *);
static void apply_vap_put(struct dirt *, const struct nva_vap *);
static void apply_vap_del(struct dirt *, nva_id);
static void apply_vm_put(struct directory *, const struct nva_vm *);
static void apply_vm_del(struct directory *, nva_id);
static void apply_tsi(struct dirt *, nva_id, const struct nva_tsi *new);
static void apply_redirect_put(struct dirt *, const struct nva_redirect *);
static void apply_redirect_del(struct dirt *, nva_id);
static void apply_move_put(struct directory *, const struct nva_move *);
static void apply_move_stamp(struct directory *, nva_id,
                             const struct nva_stamp *);

static uint64_t *owner_version(const struct directory *, struct nva_owner);
static void take_id(struct directory *, nva_id);

static uint32_t hash_id(nva_id);
static uint32_t hash_pair(nva_id, nva_id);
static uint32_t hash_at(nva_id nve, const char *port);
static uint32_t hash_vn_mac(nva_id vn, struct eth_addr);
static uint32_t hash_vn_ip(nva_id vn, const struct in6_addr *);

static struct vn_obj *find_vn(const struct directory *, nva_id);
static struct nve_obj *find_nve(const struct directory *, nva_id);
static struct vap_obj *find_vap(const struct directory *, nva_id);
static struct vm_obj *find_vm(const struct directory *, nva_id);
static struct tsi_obj *find_tsi(const struct directory *, nva_id);
static struct redirect_obj *find_redirect(const struct directory *, nva_id);
static struct move_obj *find_move(const struct directory *, nva_id);
static struct port_obj *find_port(const struct directory *, nva_id nve,
                                  const char *name);
static struct port_obj *find_ofport(const struct directory *, nva_id nve,
                                    nva_ofport);
static struct vap_obj *find_vap_by_key(const struct directory *, nva_id nve,
                                       const char *port, bool has_mac,
                                       struct eth_addr);
static struct member *find_member(const struct directory *, nva_id nve,
                                  nva_id vn);
static struct spot *find_spot(const struct directory *, nva_id nve,
                              const char *port);

static bool visit_is_first_at_nve(const struct visit *);
static bool spot_floods(const struct directory *, const struct nva_place *,
                        nva_id vn, bool implied);
static const char *check_vns(const struct directory *);
static const char *check_nves(const struct directory *);
static const char *check_ports(const struct directory *);
static const char *check_vaps(const struct directory *);
static const char *check_vms(const struct directory *);
static const char *check_tsis(const struct directory *);
static const char *check_redirects(const struct directory *);
static const char *check_moves(const struct directory *);
static void unlink_vap(struct directory *, struct vap_obj *);
static void unlink_tsi(struct directory *, struct tsi_obj *);
static void unlink_redirect(struct redirect_obj *);
static void free_port(struct directory *, struct nve_obj *,
                      struct port_obj *);
static void free_move(struct directory *, struct move_obj *);

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

/* Each hmap of the directory, for create and destroy. */
#define ALL_MAPS                                                            \
    X(vns) X(vns_by_name) X(vns_by_vni)                                     \
    X(nves) X(nves_by_name) X(nves_by_dpid)                                 \
    X(ports_by_name) X(ports_by_ofport)                                     \
    X(vaps) X(vaps_by_key) X(members)                                       \
    X(vms) X(vms_by_name) X(tsis) X(tsis_by_mac) X(ips) X(spots)            \
    X(redirects) X(moves)

struct directory *
directory_create(void)
{
    struct directory *d = xzalloc(sizeof *d);

    d->next_id = 1;
#define X(MAP) hmap_init(&d->MAP);
    ALL_MAPS
#undef X
    ovs_list_init(&d->vn_list);
    ovs_list_init(&d->nve_list);
    ovs_list_init(&d->vm_list);
    ovs_list_init(&d->move_list);
    ovs_list_init(&d->active_moves);
    ovs_list_init(&d->ended_moves);
    return d;
}

void
directory_destroy(struct directory *d)
{
    if (!d) {
        return;
    }

    struct redirect_obj *r;
    HMAP_FOR_EACH_POP (r, id_node, &d->redirects) {
        unlink_redirect(r);
        free(r);
    }
    struct tsi_obj *t;
    HMAP_FOR_EACH_POP (t, id_node, &d->tsis) {
        unlink_tsi(d, t);
        free(t);
    }
    struct vap_obj *vap;
    HMAP_FOR_EACH_POP (vap, id_node, &d->vaps) {
        unlink_vap(d, vap);
        free(vap);
    }
    struct move_obj *m;
    LIST_FOR_EACH_SAFE (m, node, &d->move_list) {
        free_move(d, m);
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
        free(vn);
    }
    struct nve_obj *nve;
    HMAP_FOR_EACH_POP (nve, id_node, &d->nves) {
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
    case NVA_DELTA_VM_PUT: apply_vm_put(d, &delta->vm); break;
    case NVA_DELTA_VM_DEL: apply_vm_del(d, delta->id); break;
    case NVA_DELTA_TSI_PUT:
        apply_tsi(&dirt, delta->tsi.id, &delta->tsi);
        break;
    case NVA_DELTA_TSI_DEL: apply_tsi(&dirt, delta->id, NULL); break;
    case NVA_DELTA_REDIRECT_PUT:
        apply_redirect_put(&dirt, &delta->redirect);
        break;
    case NVA_DELTA_REDIRECT_DEL: apply_redirect_del(&dirt, delta->id); break;
    case NVA_DELTA_MOVE_PUT: apply_move_put(d, &delta->move); break;
    case NVA_DELTA_MOVE_STAMP:
        apply_move_stamp(d, delta->id, &delta->stamp);
        break;
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
    const uint64_t *version = owner_version(d, owner);

    return version ? *version : d->version;
}

const struct nva_vn *
directory_vn(const struct directory *d, nva_id id)
{
    const struct vn_obj *vn = find_vn(d, id);

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
    const struct nve_obj *nve = find_nve(d, id);

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
    const struct port_obj *port = find_port(d, nve, name);

    return port ? &port->v : NULL;
}

const struct nva_port *
directory_port_by_ofport(const struct directory *d, nva_id nve,
                         nva_ofport ofport)
{
    const struct port_obj *port = find_ofport(d, nve, ofport);

    return port ? &port->v : NULL;
}

const struct nva_port *
directory_tunnel_port(const struct directory *d, nva_id id)
{
    const struct nve_obj *nve = find_nve(d, id);

    return nve && nve->tunnel ? &nve->tunnel->v : NULL;
}

const struct nva_vap *
directory_vap(const struct directory *d, nva_id id)
{
    const struct vap_obj *vap = find_vap(d, id);

    return vap ? &vap->v : NULL;
}

const struct nva_vap *
directory_vap_by_key(const struct directory *d, nva_id nve, const char *port,
                     bool has_mac, struct eth_addr mac)
{
    const struct vap_obj *vap = find_vap_by_key(d, nve, port, has_mac, mac);

    return vap ? &vap->v : NULL;
}

const struct nva_vap *
directory_vap_for(const struct directory *d, nva_id nve, const char *port,
                  struct eth_addr mac)
{
    const struct vap_obj *vap = find_vap_by_key(d, nve, port, true, mac);

    if (!vap) {
        vap = find_vap_by_key(d, nve, port, false, mac);
    }
    return vap ? &vap->v : NULL;
}

bool
directory_vap_floods(const struct directory *d, const struct nva_vap *vap)
{
    struct nva_place place = { .nve = vap->nve };

    ovs_strlcpy(place.port, vap->port, sizeof place.port);
    return spot_floods(d, &place, vap->vn, vap->implied);
}

const struct nva_vm *
directory_vm(const struct directory *d, nva_id id)
{
    const struct vm_obj *vm = find_vm(d, id);

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
    const struct tsi_obj *t = find_tsi(d, id);

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
    return NULL;
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

const struct nva_redirect *
directory_redirect(const struct directory *d, nva_id id)
{
    const struct redirect_obj *r = find_redirect(d, id);

    return r ? &r->v : NULL;
}

const struct nva_move *
directory_move(const struct directory *d, nva_id id)
{
    const struct move_obj *m = find_move(d, id);

    return m ? &m->v : NULL;
}

const struct nva_stamp *
directory_move_stamps(const struct directory *d, nva_id move, size_t *n)
{
    const struct move_obj *m = find_move(d, move);

    *n = m ? m->n_stamps : 0;
    return m ? m->stamps : NULL;
}

/* The body of a walk over a list. */
#define WALK(STRUCT, MEMBER, LIST)                                          \
    const struct STRUCT *o_;                                                \
    LIST_FOR_EACH (o_, MEMBER, LIST) {                                      \
        if (!cb(&o_->v, aux)) {                                             \
            break;                                                          \
        }                                                                   \
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
directory_each_port(const struct directory *d, nva_id id, directory_cb *cb,
                    void *aux)
{
    const struct nve_obj *nve = find_nve(d, id);

    if (!nve) {
        return;
    }
    WALK(port_obj, node, &nve->ports)
}

void
directory_each_vap(const struct directory *d, nva_id id, directory_cb *cb,
                   void *aux)
{
    const struct nve_obj *nve = find_nve(d, id);

    if (!nve) {
        return;
    }
    WALK(vap_obj, nve_node, &nve->vaps)
}

void
directory_each_vap_of_vn(const struct directory *d, nva_id nve, nva_id vn,
                         directory_cb *cb, void *aux)
{
    const struct member *m = find_member(d, nve, vn);

    if (!m) {
        return;
    }
    WALK(vap_obj, member_node, &m->vaps)
}

void
directory_each_tsi_of_vm(const struct directory *d, nva_id id,
                         directory_cb *cb, void *aux)
{
    const struct vm_obj *vm = find_vm(d, id);

    if (!vm) {
        return;
    }
    WALK(tsi_obj, vm_node, &vm->tsis)
}

void
directory_each_tsi_of_vn(const struct directory *d, nva_id id,
                         directory_cb *cb, void *aux)
{
    const struct vn_obj *vn = find_vn(d, id);

    if (!vn) {
        return;
    }
    WALK(tsi_obj, vn_node, &vn->tsis)
}

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

void
directory_each_tsi_at(const struct directory *d, nva_id id, const char *port,
                      directory_cb *cb, void *aux)
{
    const struct nve_obj *nve = find_nve(d, id);
    const struct spot *spot = port ? find_spot(d, id, port) : NULL;

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
    const struct tsi_obj *t = find_tsi(d, id);

    if (!t) {
        return;
    }
    WALK(redirect_obj, tsi_node, &t->redirects)
}

void
directory_each_nve_of_vn(const struct directory *d, nva_id id,
                         directory_cb *cb, void *aux)
{
    const struct vn_obj *vn = find_vn(d, id);
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
directory_each_vn_of_nve(const struct directory *d, nva_id id,
                         directory_cb *cb, void *aux)
{
    const struct nve_obj *nve = find_nve(d, id);
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
    return find_member(d, nve, vn) != NULL;
}

static void each_tsi_owner_at(const struct directory *,
                              const struct nve_obj *, directory_owner_cb *,
                              void *aux);

void
directory_each_owner_at(const struct directory *d, nva_id id,
                        directory_owner_cb *cb, void *aux)
{
    const struct nve_obj *nve = find_nve(d, id);
    const struct member *m;
    const struct vap_obj *vap;
    const struct redirect_obj *r;

    if (!nve) {
        return;
    }
    cb((struct nva_owner) { NVA_OWNER_BASE, id }, aux);
    LIST_FOR_EACH (m, nve_node, &nve->members) {
        cb((struct nva_owner) { NVA_OWNER_VN, m->vn->v.id }, aux);
    }
    LIST_FOR_EACH (vap, nve_node, &nve->vaps) {
        cb((struct nva_owner) { NVA_OWNER_VAP, vap->v.id }, aux);
    }
    each_tsi_owner_at(d, nve, cb, aux);
    LIST_FOR_EACH (r, at_node, &nve->redirects_at) {
        cb((struct nva_owner) { NVA_OWNER_REDIRECT, r->v.id }, aux);
    }
}

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
directory_n_tsis_learned_at(const struct directory *d, nva_id nve,
                            const char *port)
{
    const struct spot *spot = find_spot(d, nve, port);
    const struct visit *visit;
    size_t n = 0;

    if (!spot) {
        return 0;
    }
    LIST_FOR_EACH (visit, node, &spot->visits) {
        const struct nva_tsi *t = &visit->tsi->v;

        n += (t->current.nve == nve && !strcmp(t->current.port, port)
              && find_vm(d, t->vm)->v.origin == NVA_ORIGIN_LEARNED);
    }
    return n;
}

size_t
directory_n_nves_of_vn(const struct directory *d, nva_id id)
{
    const struct vn_obj *vn = find_vn(d, id);

    return vn ? vn->n_members : 0;
}

size_t
directory_n_vaps(const struct directory *d, nva_id id)
{
    const struct nve_obj *nve = find_nve(d, id);

    return nve ? nve->n_vaps : 0;
}

size_t
directory_n_moves_active(const struct directory *d)
{
    return d->n_active_moves;
}

const char *
directory_check(const struct directory *d)
{
    const char *(*const checks[])(const struct directory *) = {
        check_vns, check_nves, check_ports, check_vaps, check_vms,
        check_tsis, check_redirects, check_moves,
    };

    for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
        const char *error = checks[i](d);

        if (error) {
            return error;
        }
    }
    return NULL;
}

/* ## Keys and look-ups ## */

static uint32_t
hash_id(nva_id id)
{
    return hash_uint64(id);
}

static uint32_t
hash_pair(nva_id a, nva_id b)
{
    return hash_uint64_basis(a, hash_uint64(b));
}

static uint32_t
hash_at(nva_id nve, const char *port)
{
    return hash_string(port, hash_id(nve));
}

static uint32_t
hash_vn_mac(nva_id vn, struct eth_addr mac)
{
    return hash_pair(vn, eth_addr_to_uint64(mac));
}

static uint32_t
hash_vn_ip(nva_id vn, const struct in6_addr *ip)
{
    return hash_bytes(ip, sizeof *ip, hash_id(vn));
}

#define DEFINE_FIND(KIND, MAP)                                              \
static struct KIND##_obj *                                                  \
find_##KIND(const struct directory *d, nva_id id)                           \
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
DEFINE_FIND(move, moves)

static struct port_obj *
find_port(const struct directory *d, nva_id nve, const char *name)
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

static struct port_obj *
find_ofport(const struct directory *d, nva_id nve, nva_ofport ofport)
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

static bool
vap_is_at(const struct vap_obj *vap, nva_id nve, const char *port)
{
    return vap->v.nve == nve && !strcmp(vap->v.port, port);
}

static struct vap_obj *
find_vap_by_key(const struct directory *d, nva_id nve, const char *port,
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

static struct member *
find_member(const struct directory *d, nva_id nve, nva_id vn)
{
    struct member *m;

    HMAP_FOR_EACH_WITH_HASH (m, hmap_node, hash_pair(nve, vn), &d->members) {
        if (m->nve->v.id == nve && m->vn->v.id == vn) {
            return m;
        }
    }
    return NULL;
}

static struct spot *
find_spot(const struct directory *d, nva_id nve, const char *port)
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

static void
take_id(struct directory *d, nva_id id)
{
    ovs_assert(id != NVA_ID_NONE);
    if (id >= d->next_id) {
        d->next_id = id + 1;
    }
}

/* ## Dirt ## */

/* Where 'owner' keeps its version; NULL if there is no such object. */
static uint64_t *
owner_version(const struct directory *d, struct nva_owner owner)
{
#define VERSION_OF(KIND)                                                    \
    do {                                                                    \
        struct KIND##_obj *o_ = find_##KIND(d, owner.id);                   \
        return o_ ? &o_->version : NULL;                                    \
    } while (0)

    switch (owner.kind) {
    case NVA_OWNER_BASE: VERSION_OF(nve);
    case NVA_OWNER_VN: VERSION_OF(vn);
    case NVA_OWNER_VAP: VERSION_OF(vap);
    case NVA_OWNER_TSI: VERSION_OF(tsi);
    case NVA_OWNER_REDIRECT: VERSION_OF(redirect);
    case NVA_OWNER_NONE:
    case NVA_N_OWNER_KINDS:
    default: return NULL;
    }
#undef VERSION_OF
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

/* Adds (nve, owner) unless this apply has added it; 'nve' may be NONE. */
static void
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

    uint64_t *version = owner_version(dirt->dir, x.owner);
    if (version) {
        *version = dirt->dir->version;
    }
}

/* The TSI owner wherever it may have flows: the NVEs of its places, then
 * those that serve its VN; not at 'except'. */
static void
dirt_tsi_everywhere(struct dirt *dirt, const struct tsi_obj *t, nva_id except)
{
    const struct vn_obj *vn = find_vn(dirt->dir, t->v.vn);
    const struct member *m;

    for (size_t i = 0; i < t->n_visits; i++) {
        const nva_id nve = t->visits[i].spot->nve->v.id;

        dirt_add(dirt, nve != except ? nve : NVA_ID_NONE,
                 NVA_OWNER_TSI, t->v.id);
    }
    LIST_FOR_EACH (m, vn_node, &vn->members) {
        const nva_id nve = m->nve->v.id;

        dirt_add(dirt, nve != except ? nve : NVA_ID_NONE,
                 NVA_OWNER_TSI, t->v.id);
    }
}

static void
dirt_tsis_of_vn(struct dirt *dirt, nva_id nve, const struct vn_obj *vn)
{
    const struct tsi_obj *t;

    LIST_FOR_EACH (t, vn_node, &vn->tsis) {
        dirt_add(dirt, nve, NVA_OWNER_TSI, t->v.id);
    }
}

static void
dirt_tsis_at(struct dirt *dirt, nva_id nve, const char *port)
{
    const struct spot *spot = find_spot(dirt->dir, nve, port);
    const struct visit *visit;

    if (spot) {
        LIST_FOR_EACH (visit, node, &spot->visits) {
            dirt_add(dirt, nve, NVA_OWNER_TSI, visit->tsi->v.id);
        }
    }
}

/* What reads port 'port' of 'nve': its VAPs, their VNs' flood lists, the
 * interfaces there. */
static void
dirt_port(struct dirt *dirt, nva_id nve, const char *port)
{
    const struct vap_obj *vap;

    HMAP_FOR_EACH_WITH_HASH (vap, key_node, hash_at(nve, port),
                             &dirt->dir->vaps_by_key) {
        if (vap_is_at(vap, nve, port)) {
            dirt_add(dirt, nve, NVA_OWNER_VN, vap->v.vn);
            dirt_add(dirt, nve, NVA_OWNER_VAP, vap->v.id);
        }
    }
    dirt_tsis_at(dirt, nve, port);
}

static void
dirt_vn(struct dirt *dirt, const struct vn_obj *vn)
{
    const struct member *m;
    const struct vap_obj *vap;

    LIST_FOR_EACH (m, vn_node, &vn->members) {
        const nva_id nve = m->nve->v.id;

        dirt_add(dirt, nve, NVA_OWNER_VN, vn->v.id);
        LIST_FOR_EACH (vap, member_node, &m->vaps) {
            dirt_add(dirt, nve, NVA_OWNER_VAP, vap->v.id);
        }
        dirt_tsis_of_vn(dirt, nve, vn);
    }
}

/* The NVE has begun or ceased to serve 'vn'. */
static void
dirt_subscription(struct dirt *dirt, nva_id nve, const struct vn_obj *vn)
{
    const struct member *m;

    dirt_tsis_of_vn(dirt, nve, vn);
    LIST_FOR_EACH (m, vn_node, &vn->members) {
        dirt_add(dirt, m->nve->v.id, NVA_OWNER_VN, vn->v.id);
    }
}

/* All who send to the tunnel address of 'nve'. */
static void
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
                     NVA_OWNER_VN, m->vn->v.id);
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

struct dirt_at {
    struct dirt *dirt;
    nva_id nve;
};

static void
dirt_owner_cb(struct nva_owner owner, void *at_)
{
    const struct dirt_at *at = at_;

    dirt_add(at->dirt, at->nve, owner.kind, owner.id);
}

static void
dirt_all_at(struct dirt *dirt, nva_id nve)
{
    struct dirt_at at = { dirt, nve };

    directory_each_owner_at(dirt->dir, nve, dirt_owner_cb, &at);
}

/* ## VNs ## */

static bool
vn_flows_equal(const struct nva_vn *a, const struct nva_vn *b)
{
    return (a->vni == b->vni && a->binding == b->binding
            && a->unknown_question == b->unknown_question
            && a->unknown_unicast == b->unknown_unicast && a->mtu == b->mtu);
}

static void
apply_vn_put(struct dirt *dirt, const struct nva_vn *new)
{
    struct directory *d = dirt->dir;
    struct vn_obj *vn = find_vn(d, new->id);
    bool differs = false;

    take_id(d, new->id);
    if (!vn) {
        vn = xzalloc(sizeof *vn);
        vn->v.id = new->id;
        hmap_insert(&d->vns, &vn->id_node, hash_id(new->id));
        INSERT_SORTED(vn_obj, vn, node, v.id, &d->vn_list);
        ovs_list_init(&vn->members);
        ovs_list_init(&vn->tsis);
    } else {
        differs = !vn_flows_equal(&vn->v, new);
        hmap_remove(&d->vns_by_name, &vn->name_node);
        hmap_remove(&d->vns_by_vni, &vn->vni_node);
    }
    ovs_assert(!directory_vn_by_name(d, new->name));
    ovs_assert(!directory_vn_by_vni(d, new->vni));
    vn->v = *new;
    hmap_insert(&d->vns_by_name, &vn->name_node, hash_string(new->name, 0));
    hmap_insert(&d->vns_by_vni, &vn->vni_node, hash_id(new->vni));
    if (differs) {
        dirt_vn(dirt, vn);
    }
}

static void
apply_vn_del(struct dirt *dirt, nva_id id)
{
    struct directory *d = dirt->dir;
    struct vn_obj *vn = find_vn(d, id);

    ovs_assert(vn && ovs_list_is_empty(&vn->members)
               && ovs_list_is_empty(&vn->tsis));
    hmap_remove(&d->vns, &vn->id_node);
    hmap_remove(&d->vns_by_name, &vn->name_node);
    hmap_remove(&d->vns_by_vni, &vn->vni_node);
    ovs_list_remove(&vn->node);
    free(vn);
}

/* ## NVEs and ports ## */

static bool
is_vx_port(const char *name)
{
    return !strncmp(name, "vx", 2);
}

static const struct port_obj *
compute_tunnel(const struct directory *d, const struct nve_obj *nve)
{
    const struct port_obj *port, *best = NULL;

    if (nve->v.tunnel_port[0]) {
        port = find_port(d, nve->v.id, nve->v.tunnel_port);
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

static nva_ofport
tunnel_ofport(const struct nve_obj *nve)
{
    return nve->tunnel ? nve->tunnel->v.ofport : NVA_OFPORT_NONE;
}

static struct nve_obj *
new_nve(struct directory *d, nva_id id)
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
    return nve;
}

static void
apply_nve_put(struct dirt *dirt, const struct nva_nve *new)
{
    struct directory *d = dirt->dir;
    struct nve_obj *nve = find_nve(d, new->id);
    const bool is_new = !nve;

    take_id(d, new->id);
    if (is_new) {
        nve = new_nve(d, new->id);
    } else {
        hmap_remove(&d->nves_by_name, &nve->name_node);
        hmap_remove(&d->nves_by_dpid, &nve->dpid_node);
    }
    ovs_assert(!directory_nve_by_name(d, new->name));
    ovs_assert(!directory_nve_by_dpid(d, new->dpid));

    const bool ip_differs = memcmp(&nve->v.tunnel_ip, &new->tunnel_ip,
                                   sizeof new->tunnel_ip);
    const nva_ofport old_tunnel = tunnel_ofport(nve);
    nve->v = *new;
    hmap_insert(&d->nves_by_name, &nve->name_node, hash_string(new->name, 0));
    hmap_insert(&d->nves_by_dpid, &nve->dpid_node, hash_id(new->dpid));
    nve->tunnel = compute_tunnel(d, nve);

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
    struct nve_obj *nve = find_nve(d, id);
    struct port_obj *port;

    ovs_assert(nve && ovs_list_is_empty(&nve->vaps)
               && ovs_list_is_empty(&nve->spots)
               && ovs_list_is_empty(&nve->redirects_at)
               && ovs_list_is_empty(&nve->redirects_to));
    LIST_FOR_EACH_SAFE (port, node, &nve->ports) {
        free_port(d, nve, port);
    }
    hmap_remove(&d->nves, &nve->id_node);
    hmap_remove(&d->nves_by_name, &nve->name_node);
    hmap_remove(&d->nves_by_dpid, &nve->dpid_node);
    ovs_list_remove(&nve->node);
    free(nve);
    dirt_add(dirt, id, NVA_OWNER_BASE, id);
}

static void
free_port(struct directory *d, struct nve_obj *nve, struct port_obj *port)
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

static struct port_obj *
new_port(struct directory *d, struct nve_obj *nve, const struct nva_port *v)
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

/* After the ports of 'nve' changed. */
static void
refresh_tunnel(struct dirt *dirt, struct nve_obj *nve, nva_ofport old)
{
    nve->tunnel = compute_tunnel(dirt->dir, nve);
    if (tunnel_ofport(nve) != old) {
        dirt_all_at(dirt, nve->v.id);
    }
}

static void
apply_port_put(struct dirt *dirt, const struct nva_port *new)
{
    struct directory *d = dirt->dir;
    struct nve_obj *nve = find_nve(d, new->nve);
    struct port_obj *port = find_port(d, new->nve, new->name);

    ovs_assert(nve && new->name[0]);
    if (port && port->v.ofport == new->ofport) {
        port->v = *new;
        return;
    }

    /* A number belongs to one port.  Real switches reuse numbers, so another
     * port that had this one is not there any more under it; it comes back
     * with its own PUT if it was only renumbered. */
    struct port_obj *other = (new->ofport != NVA_OFPORT_NONE
                              ? find_ofport(d, new->nve, new->ofport) : NULL);
    const nva_ofport old_tunnel = tunnel_ofport(nve);
    if (other) {
        char name[NVA_PORT_NAME_MAX];

        ovs_strlcpy(name, other->v.name, sizeof name);
        free_port(d, nve, other);
        dirt_port(dirt, new->nve, name);
    }
    if (port) {
        free_port(d, nve, port);
    }
    new_port(d, nve, new);
    dirt_port(dirt, new->nve, new->name);
    refresh_tunnel(dirt, nve, old_tunnel);
}

/* A port that is not known is not a contradiction: see apply_port_put(). */
static void
apply_port_del(struct dirt *dirt, const struct nva_port *key)
{
    struct directory *d = dirt->dir;
    struct nve_obj *nve = find_nve(d, key->nve);
    struct port_obj *port = find_port(d, key->nve, key->name);

    ovs_assert(nve);
    if (!port) {
        return;
    }

    const nva_ofport old_tunnel = tunnel_ofport(nve);
    free_port(d, nve, port);
    dirt_port(dirt, key->nve, key->name);
    refresh_tunnel(dirt, nve, old_tunnel);
}

/* ## VAPs ## */

static void
link_vap(struct directory *d, struct vap_obj *vap)
{
    struct nve_obj *nve = find_nve(d, vap->v.nve);
    struct vn_obj *vn = find_vn(d, vap->v.vn);
    struct member *m = find_member(d, vap->v.nve, vap->v.vn);

    ovs_assert(nve && vn && vap->v.port[0]);
    ovs_assert(!find_vap_by_key(d, vap->v.nve, vap->v.port, vap->v.has_mac,
                                vap->v.mac));
    if (!m) {
        m = xzalloc(sizeof *m);
        m->nve = nve;
        m->vn = vn;
        hmap_insert(&d->members, &m->hmap_node,
                    hash_pair(nve->v.id, vn->v.id));
        INSERT_SORTED(member, m, vn_node, nve->v.id, &vn->members);
        INSERT_SORTED(member, m, nve_node, vn->v.id, &nve->members);
        ovs_list_init(&m->vaps);
        vn->n_members++;
    }
    INSERT_SORTED(vap_obj, vap, member_node, v.id, &m->vaps);
    INSERT_SORTED(vap_obj, vap, nve_node, v.id, &nve->vaps);
    nve->n_vaps++;
    hmap_insert(&d->vaps_by_key, &vap->key_node,
                hash_at(vap->v.nve, vap->v.port));
}

static void
unlink_vap(struct directory *d, struct vap_obj *vap)
{
    struct member *m = find_member(d, vap->v.nve, vap->v.vn);

    hmap_remove(&d->vaps_by_key, &vap->key_node);
    ovs_list_remove(&vap->nve_node);
    ovs_list_remove(&vap->member_node);
    m->nve->n_vaps--;
    if (ovs_list_is_empty(&m->vaps)) {
        hmap_remove(&d->members, &m->hmap_node);
        ovs_list_remove(&m->vn_node);
        ovs_list_remove(&m->nve_node);
        m->vn->n_members--;
        free(m);
    }
}

static bool
vap_equal(const struct nva_vap *a, const struct nva_vap *b)
{
    return (a->nve == b->nve && !strcmp(a->port, b->port)
            && a->has_mac == b->has_mac
            && (!a->has_mac || eth_addr_equals(a->mac, b->mac))
            && a->vn == b->vn && a->implied == b->implied);
}

/* 'vap' was put or deleted; 'turned': the first one of its VN at its NVE came,
 * or the last one went. */
static void
dirt_vap(struct dirt *dirt, const struct nva_vap *vap, bool turned)
{
    dirt_add(dirt, vap->nve, NVA_OWNER_VN, vap->vn);
    dirt_add(dirt, vap->nve, NVA_OWNER_VAP, vap->id);
    dirt_tsis_at(dirt, vap->nve, vap->port);
    if (turned) {
        dirt_subscription(dirt, vap->nve, find_vn(dirt->dir, vap->vn));
    }
}

static void
apply_vap_put(struct dirt *dirt, const struct nva_vap *new)
{
    struct directory *d = dirt->dir;
    struct vap_obj *vap = find_vap(d, new->id);
    struct nva_vap old = { .id = NVA_ID_NONE };

    take_id(d, new->id);
    if (!vap) {
        vap = xzalloc(sizeof *vap);
        vap->v.id = new->id;
        hmap_insert(&d->vaps, &vap->id_node, hash_id(new->id));
    } else if (vap_equal(&vap->v, new)) {
        return;
    } else {
        old = vap->v;
    }

    const bool is_first = !find_member(d, new->nve, new->vn);
    if (old.id) {
        unlink_vap(d, vap);
    }
    vap->v = *new;
    link_vap(d, vap);
    if (old.id && (old.vn != new->vn || old.nve != new->nve
                   || strcmp(old.port, new->port))) {
        dirt_vap(dirt, &old, !find_member(d, old.nve, old.vn));
    }
    dirt_vap(dirt, new, is_first);
}

static void
apply_vap_del(struct dirt *dirt, nva_id id)
{
    struct directory *d = dirt->dir;
    struct vap_obj *vap = find_vap(d, id);

    ovs_assert(vap);
    unlink_vap(d, vap);
    hmap_remove(&d->vaps, &vap->id_node);
    dirt_vap(dirt, &vap->v, !find_member(d, vap->v.nve, vap->v.vn));
    free(vap);
}

/* ## VMs and interfaces ## */

static void
apply_vm_put(struct directory *d, const struct nva_vm *new)
{
    struct vm_obj *vm = find_vm(d, new->id);

    take_id(d, new->id);
    if (!vm) {
        vm = xzalloc(sizeof *vm);
        vm->v.id = new->id;
        hmap_insert(&d->vms, &vm->id_node, hash_id(new->id));
        INSERT_SORTED(vm_obj, vm, node, v.id, &d->vm_list);
        ovs_list_init(&vm->tsis);
    } else {
        hmap_remove(&d->vms_by_name, &vm->name_node);
    }
    ovs_assert(!directory_vm_by_name(d, new->name));
    vm->v = *new;
    hmap_insert(&d->vms_by_name, &vm->name_node, hash_string(new->name, 0));
}

static void
apply_vm_del(struct directory *d, nva_id id)
{
    struct vm_obj *vm = find_vm(d, id);

    ovs_assert(vm && ovs_list_is_empty(&vm->tsis));
    hmap_remove(&d->vms, &vm->id_node);
    hmap_remove(&d->vms_by_name, &vm->name_node);
    ovs_list_remove(&vm->node);
    free(vm);
}

static void
link_visit(struct directory *d, struct tsi_obj *t,
           const struct nva_place *place)
{
    struct spot *spot;

    if (!nva_place_is_set(place)) {
        return;
    }
    spot = find_spot(d, place->nve, place->port);
    if (!spot) {
        struct nve_obj *nve = find_nve(d, place->nve);

        ovs_assert(nve);
        spot = xzalloc(sizeof *spot);
        spot->nve = nve;
        ovs_strlcpy(spot->port, place->port, sizeof spot->port);
        hmap_insert(&d->spots, &spot->hmap_node,
                    hash_at(place->nve, place->port));
        ovs_list_push_back(&nve->spots, &spot->nve_node);
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
}

static void
link_tsi(struct directory *d, struct tsi_obj *t)
{
    const struct nva_tsi *v = &t->v;
    struct vm_obj *vm = find_vm(d, v->vm);
    struct vn_obj *vn = find_vn(d, v->vn);

    ovs_assert(vm && vn && v->n_ips <= NVA_IPS_MAX);
    ovs_assert(!directory_tsi_by_mac(d, v->vn, v->mac));
    hmap_insert(&d->tsis_by_mac, &t->mac_node, hash_vn_mac(v->vn, v->mac));
    INSERT_SORTED(tsi_obj, t, vm_node, v.id, &vm->tsis);
    ovs_list_push_back(&vn->tsis, &t->vn_node);
    t->ips = v->n_ips ? xcalloc(v->n_ips, sizeof *t->ips) : NULL;
    for (size_t i = 0; i < v->n_ips; i++) {
        ovs_assert(!directory_tsi_by_ip(d, v->vn, &v->ips[i]));
        t->ips[i].tsi = t;
        t->ips[i].ip = v->ips[i];
        hmap_insert(&d->ips, &t->ips[i].hmap_node,
                    hash_vn_ip(v->vn, &v->ips[i]));
    }
    link_visit(d, t, &v->current);
    link_visit(d, t, &v->published);
    link_visit(d, t, &v->prepared);
}

static void
unlink_tsi(struct directory *d, struct tsi_obj *t)
{
    hmap_remove(&d->tsis_by_mac, &t->mac_node);
    ovs_list_remove(&t->vm_node);
    ovs_list_remove(&t->vn_node);
    for (size_t i = 0; i < t->v.n_ips; i++) {
        hmap_remove(&d->ips, &t->ips[i].hmap_node);
    }
    free(t->ips);
    t->ips = NULL;
    for (size_t i = 0; i < t->n_visits; i++) {
        struct spot *spot = t->visits[i].spot;

        ovs_list_remove(&t->visits[i].node);
        if (ovs_list_is_empty(&spot->visits)) {
            hmap_remove(&d->spots, &spot->hmap_node);
            ovs_list_remove(&spot->nve_node);
            free(spot);
        }
    }
    t->n_visits = 0;
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

static bool
tsi_flows_equal(const struct nva_tsi *a, const struct nva_tsi *b)
{
    return (a->vn == b->vn && eth_addr_equals(a->mac, b->mac)
            && a->n_ips == b->n_ips
            && !memcmp(a->ips, b->ips, a->n_ips * sizeof a->ips[0])
            && nva_place_equal(&a->current, &b->current)
            && nva_place_equal(&a->published, &b->published)
            && nva_place_equal(&a->prepared, &b->prepared)
            && a->paused == b->paused);
}

/* True if a flooded frame must reach 't' at 'place', one of its places. */
static bool
tsi_listens(const struct nva_tsi *t, const struct nva_place *place)
{
    if (nva_place_equal(&t->current, place)) {
        return !t->paused;
    }
    if (nva_place_equal(&t->prepared, place) && t->paused) {
        return true;
    }
    return nva_place_equal(&t->published, place);
}

static bool
spot_floods(const struct directory *d, const struct nva_place *place,
            nva_id vn, bool implied)
{
    const struct port_obj *port = find_port(d, place->nve, place->port);
    const struct spot *spot = find_spot(d, place->nve, place->port);
    const struct visit *visit;
    bool serves = implied;

    if (!port || port->v.ofport == NVA_OFPORT_NONE) {
        return false;
    }
    if (!spot) {
        return !serves;
    }
    LIST_FOR_EACH (visit, node, &spot->visits) {
        const struct nva_tsi *t = &visit->tsi->v;

        if (t->vn != vn) {
            continue;
        }
        serves = true;
        if (tsi_listens(t, place)) {
            return true;
        }
    }
    return !serves;
}

/* What may flood differently when 'old' becomes 'new'. */
static size_t
take_probes(const struct directory *d, const struct nva_tsi *old,
            const struct nva_tsi *new, struct probe probes[N_PROBES])
{
    const struct nva_place *places[N_PLACES] = {
        &new->current, &old->published, &new->published,
        &new->prepared, &old->current, &old->prepared,
    };
    size_t n = 0;

    for (size_t i = 0; i < N_PLACES; i++) {
        if (!nva_place_is_set(places[i])) {
            continue;
        }
        for (int j = 0; j < 4; j++) {
            struct probe *p = &probes[n];

            p->place = places[i];
            p->vn = j & 1 ? old->vn : new->vn;
            p->implied = j & 2;
            p->before = spot_floods(d, p->place, p->vn, p->implied);
            n++;
        }
    }
    return n;
}

/* The VN and VAP owners that read 'p'. */
static void
dirt_probe(struct dirt *dirt, const struct probe *p)
{
    const nva_id nve = p->place->nve;
    const char *port = p->place->port;
    const struct vap_obj *vap;

    HMAP_FOR_EACH_WITH_HASH (vap, key_node, hash_at(nve, port),
                             &dirt->dir->vaps_by_key) {
        if (vap_is_at(vap, nve, port) && vap->v.vn == p->vn
            && vap->v.implied == p->implied) {
            dirt_add(dirt, nve, NVA_OWNER_VN, p->vn);
            dirt_add(dirt, nve, NVA_OWNER_VAP, vap->v.id);
        }
    }
}

/* The VN and VAP owners at 'nve' whose flooding 'probes' find changed. */
static void
dirt_probes(struct dirt *dirt, nva_id nve, const struct probe *probes,
            size_t n)
{
    for (const struct probe *p = probes; p < &probes[n]; p++) {
        if (p->place->nve == nve
            && spot_floods(dirt->dir, p->place, p->vn, p->implied)
               != p->before) {
            dirt_probe(dirt, p);
        }
    }
}

static void
dirt_tsi_at_members(struct dirt *dirt, nva_id vn_id, nva_id tsi)
{
    const struct vn_obj *vn = find_vn(dirt->dir, vn_id);
    const struct member *m;

    if (vn) {
        LIST_FOR_EACH (m, vn_node, &vn->members) {
            dirt_add(dirt, m->nve->v.id, NVA_OWNER_TSI, tsi);
        }
    }
}

/* Interface 'id' was 'old' and is 'new' (zeroed: not there). */
static void
dirt_tsi(struct dirt *dirt, nva_id id, const struct nva_tsi *old,
         const struct nva_tsi *new, const struct probe *probes, size_t n)
{
    const nva_id nves[N_PLACES] = {
        new->current.nve, old->published.nve, new->published.nve,
        new->prepared.nve, old->current.nve, old->prepared.nve,
    };

    for (size_t i = 0; i < N_PLACES; i++) {
        if (nves[i] != NVA_ID_NONE) {
            dirt_probes(dirt, nves[i], probes, n);
            dirt_add(dirt, nves[i], NVA_OWNER_TSI, id);
        }
    }
    dirt_tsi_at_members(dirt, new->vn, id);
    if (old->vn != new->vn) {
        dirt_tsi_at_members(dirt, old->vn, id);
    }
}

/* A redirect matches on its interface's VN and MAC. */
static void
dirt_redirects_of(struct dirt *dirt, const struct tsi_obj *t)
{
    const struct redirect_obj *r;

    LIST_FOR_EACH (r, tsi_node, &t->redirects) {
        dirt_add(dirt, r->v.at, NVA_OWNER_REDIRECT, r->v.id);
    }
}

/* Deletes interface 'id' if 'new' is null. */
static void
apply_tsi(struct dirt *dirt, nva_id id, const struct nva_tsi *new)
{
    static const struct nva_tsi nothing;
    struct directory *d = dirt->dir;
    struct tsi_obj *t = find_tsi(d, id);
    const struct nva_tsi old = t ? t->v : nothing;
    struct probe probes[N_PROBES];

    take_id(d, id);
    ovs_assert(new || (t && ovs_list_is_empty(&t->redirects)));

    const bool differs = !t || !new || !tsi_flows_equal(&old, new);
    const size_t n = (differs
                      ? take_probes(d, &old, new ? new : &nothing, probes)
                      : 0);
    if (t) {
        unlink_tsi(d, t);
    } else {
        t = xzalloc(sizeof *t);
        hmap_insert(&d->tsis, &t->id_node, hash_id(id));
        ovs_list_init(&t->redirects);
    }
    if (new) {
        t->v = *new;
        link_tsi(d, t);
    } else {
        hmap_remove(&d->tsis, &t->id_node);
        free(t);
        t = NULL;
    }
    if (differs) {
        dirt_tsi(dirt, id, &old, new ? new : &nothing, probes, n);
    }
    if (t && (old.vn != t->v.vn || !eth_addr_equals(old.mac, t->v.mac))) {
        dirt_redirects_of(dirt, t);
    }
}

struct owner_walk {
    const struct directory *d;
    const struct nve_obj *nve;
    directory_owner_cb *cb;
    void *aux;
};

/* An interface whose VN is not served. */
static bool
unserved_cb(const void *tsi_, void *walk_)
{
    const struct nva_tsi *t = tsi_;
    const struct owner_walk *walk = walk_;

    if (!find_member(walk->d, walk->nve->v.id, t->vn)) {
        walk->cb((struct nva_owner) { NVA_OWNER_TSI, t->id }, walk->aux);
    }
    return true;
}

static bool
tsi_visits(const struct tsi_obj *t, const struct nve_obj *nve)
{
    for (size_t i = 0; i < t->n_visits; i++) {
        if (t->visits[i].spot->nve == nve) {
            return true;
        }
    }
    return false;
}

/* Each interface of a VN that 'nve' serves; then those with a place or a
 * redirect there though it does not serve their VN. */
static void
each_tsi_owner_at(const struct directory *d, const struct nve_obj *nve,
                  directory_owner_cb *cb, void *aux)
{
    struct owner_walk walk = { d, nve, cb, aux };
    const struct member *m;
    const struct redirect_obj *r;
    const struct tsi_obj *t;

    LIST_FOR_EACH (m, nve_node, &nve->members) {
        LIST_FOR_EACH (t, vn_node, &m->vn->tsis) {
            cb((struct nva_owner) { NVA_OWNER_TSI, t->v.id }, aux);
        }
    }
    directory_each_tsi_at(d, nve->v.id, NULL, unserved_cb, &walk);
    LIST_FOR_EACH (r, at_node, &nve->redirects_at) {
        t = find_tsi(d, r->v.tsi);
        if (!tsi_visits(t, nve)) {
            unserved_cb(&t->v, &walk);
        }
    }
}

/* ## Redirects ## */

static void
unlink_redirect(struct redirect_obj *r)
{
    ovs_list_remove(&r->tsi_node);
    ovs_list_remove(&r->at_node);
    ovs_list_remove(&r->to_node);
}

static void
apply_redirect_put(struct dirt *dirt, const struct nva_redirect *new)
{
    struct directory *d = dirt->dir;
    struct redirect_obj *r = find_redirect(d, new->id);
    struct tsi_obj *t = find_tsi(d, new->tsi);
    struct nve_obj *at = find_nve(d, new->at);
    struct nve_obj *to = find_nve(d, new->to);

    take_id(d, new->id);
    ovs_assert(t && at && to && at != to);
    if (!r) {
        r = xzalloc(sizeof *r);
        hmap_insert(&d->redirects, &r->id_node, hash_id(new->id));
    } else {
        unlink_redirect(r);
        if (r->v.at != new->at || r->v.tsi != new->tsi) {
            dirt_add(dirt, r->v.at, NVA_OWNER_REDIRECT, new->id);
            dirt_add(dirt, r->v.at, NVA_OWNER_TSI, r->v.tsi);
        }
    }
    r->v = *new;
    ovs_list_push_back(&t->redirects, &r->tsi_node);
    ovs_list_push_back(&at->redirects_at, &r->at_node);
    ovs_list_push_back(&to->redirects_to, &r->to_node);
    dirt_add(dirt, new->at, NVA_OWNER_REDIRECT, new->id);
    dirt_add(dirt, new->at, NVA_OWNER_TSI, new->tsi);
}

static void
apply_redirect_del(struct dirt *dirt, nva_id id)
{
    struct directory *d = dirt->dir;
    struct redirect_obj *r = find_redirect(d, id);

    ovs_assert(r);
    unlink_redirect(r);
    hmap_remove(&d->redirects, &r->id_node);
    dirt_add(dirt, r->v.at, NVA_OWNER_REDIRECT, id);
    dirt_add(dirt, r->v.at, NVA_OWNER_TSI, r->v.tsi);
    free(r);
}

/* ## Moves ## */

static bool
move_is_active(const struct nva_move *m)
{
    return m->unwinding || m->state < NVA_MS_DONE;
}

static void
free_move(struct directory *d, struct move_obj *m)
{
    hmap_remove(&d->moves, &m->id_node);
    ovs_list_remove(&m->node);
    ovs_list_remove(&m->state_node);
    free(m->stamps);
    free(m);
}

static void
apply_move_put(struct directory *d, const struct nva_move *new)
{
    struct move_obj *m = find_move(d, new->id);
    const bool active = move_is_active(new);

    take_id(d, new->id);
    if (!m) {
        m = xzalloc(sizeof *m);
        m->v.id = new->id;
        hmap_insert(&d->moves, &m->id_node, hash_id(new->id));
        INSERT_SORTED(move_obj, m, node, v.id, &d->move_list);
    } else if (m->active == active) {
        m->v = *new;
        return;
    } else {
        ovs_list_remove(&m->state_node);
        d->n_active_moves -= m->active;
        d->n_ended_moves -= !m->active;
    }
    m->v = *new;
    m->active = active;
    d->n_active_moves += active;
    d->n_ended_moves += !active;
    if (active) {
        INSERT_SORTED(move_obj, m, state_node, v.id, &d->active_moves);
        return;
    }
    ovs_list_push_back(&d->ended_moves, &m->state_node);
    if (d->n_ended_moves > NVA_MOVES_KEPT_MAX) {
        free_move(d, CONTAINER_OF(ovs_list_front(&d->ended_moves),
                                  struct move_obj, state_node));
        d->n_ended_moves--;
    }
}

/* A move that was forgotten takes no stamps: its redirects may outlive it. */
static void
apply_move_stamp(struct directory *d, nva_id id,
                 const struct nva_stamp *stamp)
{
    struct move_obj *m = find_move(d, id);

    if (!m) {
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

/* ## Check ## */

static bool
vn_members_are_right(const struct vn_obj *vn)
{
    const struct member *m;
    nva_id last = 0;
    size_t n = 0;

    LIST_FOR_EACH (m, vn_node, &vn->members) {
        if (m->vn != vn || m->nve->v.id <= last
            || ovs_list_is_empty(&m->vaps)) {
            return false;
        }
        last = m->nve->v.id;
        n++;
    }
    return n == vn->n_members;
}

static const char *
check_vns(const struct directory *d)
{
    const struct vn_obj *vn;
    size_t n = 0, n_members = 0;
    nva_id last = 0;

    LIST_FOR_EACH (vn, node, &d->vn_list) {
        if (vn->v.id <= last || vn->v.id >= d->next_id) {
            return "VNs are not in the order of their ids";
        }
        last = vn->v.id;
        n++;
        if (directory_vn(d, vn->v.id) != &vn->v
            || directory_vn_by_name(d, vn->v.name) != &vn->v
            || directory_vn_by_vni(d, vn->v.vni) != &vn->v) {
            return "a VN is not found by its id, name and VNI";
        }
        if (!vn_members_are_right(vn)) {
            return "a VN's NVEs are wrong";
        }
        n_members += vn->n_members;
    }
    if (n != hmap_count(&d->vns) || n != hmap_count(&d->vns_by_name)
        || n != hmap_count(&d->vns_by_vni)) {
        return "the VN indices differ in size";
    }
    return n_members == hmap_count(&d->members) ? NULL
           : "NVEs of VNs are miscounted";
}

static const char *
check_nve(const struct directory *d, const struct nve_obj *nve)
{
    const struct vap_obj *vap;
    const struct member *m;
    const struct spot *spot;
    nva_id last = 0;
    size_t n_vaps = 0;

    LIST_FOR_EACH (vap, nve_node, &nve->vaps) {
        if (vap->v.nve != nve->v.id || vap->v.id <= last) {
            return "an NVE's VAPs are wrong";
        }
        last = vap->v.id;
        n_vaps++;
    }
    if (n_vaps != nve->n_vaps) {
        return "an NVE miscounts its VAPs";
    }
    LIST_FOR_EACH (m, nve_node, &nve->members) {
        if (m->nve != nve) {
            return "an NVE's VNs are wrong";
        }
    }
    LIST_FOR_EACH (spot, nve_node, &nve->spots) {
        if (spot->nve != nve || ovs_list_is_empty(&spot->visits)) {
            return "an NVE's places are wrong";
        }
    }
    return compute_tunnel(d, nve) == nve->tunnel ? NULL
           : "an NVE's tunnel port is not what it should be";
}

static const char *
check_nves(const struct directory *d)
{
    const struct nve_obj *nve;
    nva_id last = 0;
    size_t n = 0;

    LIST_FOR_EACH (nve, node, &d->nve_list) {
        const char *error = check_nve(d, nve);

        if (error) {
            return error;
        }
        if (nve->v.id <= last || nve->v.id >= d->next_id) {
            return "NVEs are not in the order of their ids";
        }
        last = nve->v.id;
        n++;
        if (directory_nve(d, nve->v.id) != &nve->v
            || directory_nve_by_name(d, nve->v.name) != &nve->v
            || directory_nve_by_dpid(d, nve->v.dpid) != &nve->v) {
            return "an NVE is not found by its id, name and dpid";
        }
    }
    return (n == hmap_count(&d->nves) && n == hmap_count(&d->nves_by_name)
            && n == hmap_count(&d->nves_by_dpid)) ? NULL
           : "the NVE indices differ in size";
}

static const char *
check_ports(const struct directory *d)
{
    const struct port_obj *port;
    size_t n_present = 0, n_listed = 0;

    HMAP_FOR_EACH (port, name_node, &d->ports_by_name) {
        if (!directory_nve(d, port->v.nve)
            || find_port(d, port->v.nve, port->v.name) != port) {
            return "a port is not found by its name, or its NVE is gone";
        }
        if (port->v.ofport != NVA_OFPORT_NONE
            && find_ofport(d, port->v.nve, port->v.ofport) != port) {
            return "a port is not found by its number";
        }
        n_present += port->v.ofport != NVA_OFPORT_NONE;
        if (is_vx_port(port->v.name)
            == ovs_list_is_empty(&port->vx_node)) {
            return "a port is wrongly listed as a tunnel port or not";
        }
    }
    if (n_present != hmap_count(&d->ports_by_ofport)) {
        return "ports by number are miscounted";
    }

    const struct nve_obj *nve;
    LIST_FOR_EACH (nve, node, &d->nve_list) {
        n_listed += ovs_list_size(&nve->ports);
    }
    return n_listed == hmap_count(&d->ports_by_name) ? NULL
           : "the NVEs' ports are miscounted";
}

static const char *
check_vaps(const struct directory *d)
{
    const struct vap_obj *vap;
    const struct member *m;
    size_t n = 0;

    HMAP_FOR_EACH (vap, id_node, &d->vaps) {
        const struct nva_vap *v = &vap->v;

        if (!directory_nve(d, v->nve) || !directory_vn(d, v->vn)) {
            return "a VAP's NVE or VN is gone";
        }
        if (v->id >= d->next_id || find_vap(d, v->id) != vap
            || find_vap_by_key(d, v->nve, v->port, v->has_mac, v->mac)
               != vap) {
            return "a VAP is not found by its id and key";
        }
        if (!find_member(d, v->nve, v->vn)) {
            return "an NVE does not serve the VN of its VAP";
        }
    }
    HMAP_FOR_EACH (m, hmap_node, &d->members) {
        LIST_FOR_EACH (vap, member_node, &m->vaps) {
            n += (vap->v.nve == m->nve->v.id && vap->v.vn == m->vn->v.id);
        }
    }
    return (n == hmap_count(&d->vaps) && n == hmap_count(&d->vaps_by_key))
           ? NULL : "the VAP indices differ in size";
}

static const char *
check_vms(const struct directory *d)
{
    const struct vm_obj *vm;
    const struct tsi_obj *t;
    nva_id last = 0;
    size_t n = 0, n_tsis = 0;

    LIST_FOR_EACH (vm, node, &d->vm_list) {
        const struct nva_move *move = directory_move(d, vm->v.move);

        if (vm->v.id <= last || vm->v.id >= d->next_id) {
            return "VMs are not in the order of their ids";
        }
        last = vm->v.id;
        n++;
        if (find_vm(d, vm->v.id) != vm
            || directory_vm_by_name(d, vm->v.name) != &vm->v) {
            return "a VM is not found by its id and name";
        }
        if (vm->v.move != NVA_ID_NONE
            && (!move || move->vm != vm->v.id || !move_is_active(move))) {
            return "a VM's move is gone, ended or another VM's";
        }
        LIST_FOR_EACH (t, vm_node, &vm->tsis) {
            n_tsis += t->v.vm == vm->v.id;
        }
    }
    if (n_tsis != hmap_count(&d->tsis)) {
        return "the VMs' interfaces are miscounted";
    }
    return (n == hmap_count(&d->vms) && n == hmap_count(&d->vms_by_name))
           ? NULL : "the VM indices differ in size";
}

/* True unless 'place' is set and 't' is not listed exactly once there. */
static bool
place_is_listed(const struct directory *d, const struct tsi_obj *t,
                const struct nva_place *place)
{
    const struct spot *spot;
    const struct visit *visit;
    size_t n = 0;

    if (!nva_place_is_set(place)) {
        return true;
    }
    spot = find_spot(d, place->nve, place->port);
    if (!spot || !directory_nve(d, place->nve)) {
        return false;
    }
    LIST_FOR_EACH (visit, node, &spot->visits) {
        n += visit->tsi == t;
    }
    return n == 1;
}

static const char *
check_tsi(const struct directory *d, const struct tsi_obj *t)
{
    const struct nva_tsi *v = &t->v;

    if (!directory_vm(d, v->vm) || !directory_vn(d, v->vn)) {
        return "an interface's VM or VN is gone";
    }
    if (v->id >= d->next_id || find_tsi(d, v->id) != t
        || directory_tsi_by_mac(d, v->vn, v->mac) != v) {
        return "an interface is not found by its id and MAC";
    }
    for (size_t i = 0; i < v->n_ips; i++) {
        if (directory_tsi_by_ip(d, v->vn, &v->ips[i]) != v) {
            return "an interface is not found by its address";
        }
    }
    if (!place_is_listed(d, t, &v->current)
        || !place_is_listed(d, t, &v->published)
        || !place_is_listed(d, t, &v->prepared)) {
        return "an interface is not listed at its place";
    }
    return NULL;
}

static const char *
check_tsis(const struct directory *d)
{
    const struct tsi_obj *t;
    const struct spot *spot;
    const struct vn_obj *vn;
    size_t n_ips = 0, n_visits = 0, n_at_spots = 0, n_of_vns = 0;

    HMAP_FOR_EACH (t, id_node, &d->tsis) {
        const char *error = check_tsi(d, t);

        if (error) {
            return error;
        }
        n_ips += t->v.n_ips;
        n_visits += t->n_visits;
    }
    HMAP_FOR_EACH (spot, hmap_node, &d->spots) {
        n_at_spots += ovs_list_size(&spot->visits);
    }
    LIST_FOR_EACH (vn, node, &d->vn_list) {
        n_of_vns += ovs_list_size(&vn->tsis);
    }
    return (n_ips == hmap_count(&d->ips) && n_visits == n_at_spots
            && n_of_vns == hmap_count(&d->tsis)
            && n_of_vns == hmap_count(&d->tsis_by_mac)) ? NULL
           : "the interface indices differ in size";
}

static const char *
check_redirects(const struct directory *d)
{
    const struct redirect_obj *r;
    const struct tsi_obj *t;
    const struct nve_obj *nve;
    size_t n_tsi = 0, n_at = 0, n_to = 0;
    const size_t n = hmap_count(&d->redirects);

    HMAP_FOR_EACH (r, id_node, &d->redirects) {
        t = find_tsi(d, r->v.tsi);
        if (!t || !directory_nve(d, r->v.at) || !directory_nve(d, r->v.to)) {
            return "a redirect's interface or NVE is gone";
        }
        if (r->v.at == r->v.to) {
            return "a redirect points at its own NVE";
        }
        if (r->v.at == t->v.current.nve
            && nva_place_equal(&t->v.published, &t->v.current)
            && !t->v.paused) {
            return "an interface's own NVE redirects it";
        }
    }
    HMAP_FOR_EACH (t, id_node, &d->tsis) {
        n_tsi += ovs_list_size(&t->redirects);
    }
    LIST_FOR_EACH (nve, node, &d->nve_list) {
        n_at += ovs_list_size(&nve->redirects_at);
        n_to += ovs_list_size(&nve->redirects_to);
    }
    return n_tsi == n && n_at == n && n_to == n ? NULL
           : "the redirect indices differ in size";
}

static const char *
check_moves(const struct directory *d)
{
    const struct move_obj *m;
    nva_id last = 0;
    size_t n = 0, n_active = 0;

    LIST_FOR_EACH (m, node, &d->move_list) {
        if (m->v.id <= last || m->v.id >= d->next_id
            || find_move(d, m->v.id) != m) {
            return "moves are not in the order of their ids, or not found";
        }
        last = m->v.id;
        n++;
        if (m->active != move_is_active(&m->v)) {
            return "a move is in the wrong list";
        }
        n_active += m->active;

        const struct nva_vm *vm = directory_vm(d, m->v.vm);
        if (m->active && !m->v.unwinding
            && (!vm || vm->move != m->v.id)) {
            return "an active move's VM does not name it";
        }
    }
    if (n != hmap_count(&d->moves) || n_active != d->n_active_moves
        || n_active != ovs_list_size(&d->active_moves)
        || n - n_active != d->n_ended_moves
        || n - n_active != ovs_list_size(&d->ended_moves)) {
        return "moves are miscounted";
    }
    return n - n_active <= NVA_MOVES_KEPT_MAX ? NULL
           : "too many ended moves are kept";
}
