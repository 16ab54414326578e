/* SPDX-License-Identifier: Apache-2.0 */

/* What the directory's own files share: its records, its indices, and what an
 * apply dirties.  For lib/directory*.c only.
 *
 * A record holds its object's value 'v', its places in lists and maps, and the
 * version of the owner that it is.  Only directory.c writes values, only
 * directory-index.c lists and maps, only directory-spread.c versions; the
 * records of pulls are directory-pull.c's. */

#ifndef NVA_DIRECTORY_PRIVATE_H
#define NVA_DIRECTORY_PRIVATE_H 1

#include <string.h>

#include "delta.h"
#include "hash.h"
#include "heap.h"
#include "name-index.h"
#include "nva-types.h"
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "packets.h"
#include "util.h"

struct nva_dirty_list;
struct dirt;

/* ## Records ## */

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
    struct hmap allowed;                /* (VN, MAC), with duplicates. */
    struct hmap ips;                    /* (VN, IP). */
    struct hmap spots;                  /* (NVE, port). */
    struct hmap stands;                 /* (NVE, port, VN). */
    struct hmap redirects;
    struct hmap probes;
    size_t n_probes[NVA_PROBE_N_WHYS];
    struct heap probes_due;             /* The one due first on top. */
    struct heap thaws;                  /* Frozen interfaces with a timer. */
    struct hmap moves;
    struct hmap pulls;                  /* (NVE, TSI). */
    struct hmap absents;                /* Pulls without a TSI: by id... */
    struct hmap absents_by_mac;         /* ...and by (VN, MAC). */
    struct heap looks;                  /* Of pulls, the first one on top. */
    struct heap leases;                 /* The look that comes first on top. */
    struct heap scans;                  /* Of 'struct member'. */
    nva_usec last_asked;                /* The latest one's of all leases. */

    struct name_node *vns_in_order, *nves_in_order, *vms_in_order;

    /* By id. */
    struct ovs_list vn_list, nve_list, vm_list, move_list, active_moves;
    struct ovs_list drains;             /* Of 'struct nve_obj': going on. */
    struct ovs_list ended_moves[NVA_N_MOVE_CAUSES]; /* In the order they
                                                     * ended. */
    size_t n_active_moves, n_ended_moves[NVA_N_MOVE_CAUSES];

    struct ovs_list cursors;            /* Of 'struct owner_cursor'. */
};

struct vn_obj {
    struct nva_vn v;
    uint64_t version, flood_version;
    struct hmap_node id_node, name_node, vni_node;
    struct name_node order_node;        /* By name. */
    struct ovs_list node;               /* In directory.vn_list. */
    struct ovs_list members;            /* 'struct member', by NVE id. */
    size_t n_members;
    struct ovs_list tsis;
    size_t n_tsis;
    size_t n_learned;                   /* Interfaces of learned hosts. */
    struct heap *fullest;               /* NULL, or FULLEST_N of them: the
                                         * Nth has the stands with N learned
                                         * hosts (the last one: so many or
                                         * more) of which one may be evicted,
                                         * the longest silent one on top. */
};
#define FULLEST_N (NVA_LEARNED_PER_VAP_MAX + 1)

struct nve_obj {
    struct nva_nve v;
    uint64_t version;
    struct hmap_node id_node, name_node, dpid_node;
    struct name_node order_node;        /* By name. */
    struct ovs_list node;               /* In directory.nve_list. */
    struct ovs_list ports;
    struct ovs_list vx_ports;           /* Those named vx*. */
    const struct port_obj *tunnel;
    struct ovs_list vaps;               /* By id. */
    size_t n_vaps;
    struct ovs_list members;
    struct ovs_list spots;
    size_t n_visits;                    /* Of all its spots. */
    struct ovs_list redirects_at, redirects_to;
    struct nva_drain *drain;            /* NULL: none was asked for. */
    struct ovs_list drain_node;         /* In directory.drains, or alone. */
    struct ovs_list pulls;              /* The oldest first. */
    size_t n_pulls, n_absent;           /* With an interface, without. */
    nva_usec scan_slot;                 /* The latest one of its scans. */
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
    struct nva_scan scan;               /* 'nve' NONE: none. */
    struct heap_node scan_node;
};

struct vap_obj {
    struct nva_vap v;
    uint64_t version, quiet_version;
    struct hmap_node id_node, key_node;
    struct ovs_list nve_node;           /* In nve_obj.vaps. */
    struct ovs_list member_node;        /* In member.vaps. */
};

struct vm_obj {
    struct nva_vm v;
    struct hmap_node id_node, name_node;
    struct name_node order_node;        /* By name. */
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

/* ...and what there is of one VN at such a port. */
struct stand {
    struct hmap_node hmap_node;
    struct spot *spot;
    struct vn_obj *vn;
    size_t n_visits;
    size_t n_listening;                 /* That floods must reach there. */
    size_t n_learned;                   /* Learned hosts that are there. */
    struct heap evictable;              /* Those of them that may be evicted
                                         * once they are silent: the longest
                                         * silent one on top. */
    struct heap_node full_node;         /* In vn_obj.fullest[n_learned], if
                                         * 'evictable' is not empty. */
};

/* One of the (at most three different) places of an interface. */
struct visit {
    struct ovs_list node;
    struct spot *spot;
    struct stand *stand;
    struct tsi_obj *tsi;
};

struct ip_obj {
    struct hmap_node hmap_node;
    struct tsi_obj *tsi;
    struct in6_addr ip;
};

struct allowed_obj {
    struct hmap_node hmap_node;
    struct tsi_obj *tsi;
    struct eth_addr mac;
};

struct tsi_obj {
    struct nva_tsi v;
    uint64_t version, address_version;
    struct hmap_node id_node, mac_node;
    struct ovs_list vm_node, vn_node;
    struct ip_obj *ips;                 /* v.n_ips of them. */
    struct allowed_obj *allowed;        /* v.n_allowed of them. */
    struct visit visits[3];
    size_t n_visits;
    struct stand *learned_at;           /* Of a learned host; else NULL. */
    bool evictable;
    struct heap_node silent_node;       /* In learned_at->evictable. */
    struct ovs_list redirects;
    struct ovs_list probes;
    struct heap_node thaw_node;         /* If tsi_thaws(). */
    struct ovs_list pulls;
    struct ovs_list leases;
};

struct redirect_obj {
    struct nva_redirect v;
    uint64_t version;
    struct hmap_node id_node;
    struct ovs_list tsi_node, at_node, to_node;
};

struct probe_obj {
    struct nva_probe v;
    struct hmap_node id_node;
    struct ovs_list tsi_node;
    struct heap_node due_node;
};

struct pull_obj {
    struct nva_pull v;
    uint64_t version;                   /* Without an interface. */
    struct hmap_node key_node;          /* In directory.pulls or .absents. */
    struct hmap_node mac_node;          /* Without an interface. */
    struct ovs_list tsi_node;           /* With one. */
    struct ovs_list nve_node;
    struct heap_node look_node;
};

struct lease_obj {
    struct nva_lease v;
    struct ovs_list tsi_node;
    struct heap_node look_node;
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

/* ## Keys ## */

static inline uint32_t
hash_id(nva_id id)
{
    return hash_uint64(id);
}

static inline uint32_t
hash_pair(nva_id a, nva_id b)
{
    return hash_uint64_basis(a, hash_uint64(b));
}

static inline uint32_t
hash_at(nva_id nve, const char *port)
{
    return hash_string(port, hash_id(nve));
}

static inline uint32_t
hash_vn_mac(nva_id vn, struct eth_addr mac)
{
    return hash_pair(vn, eth_addr_to_uint64(mac));
}

static inline uint32_t
hash_vn_ip(nva_id vn, const struct in6_addr *ip)
{
    return hash_bytes(ip, sizeof *ip, hash_id(vn));
}

/* ## What a record says of itself ## */

static inline bool
vap_is_at(const struct vap_obj *vap, nva_id nve, const char *port)
{
    return vap->v.nve == nve && !strcmp(vap->v.port, port);
}

static inline bool
is_vx_port(const char *name)
{
    return !strncmp(name, "vx", 2);
}

static inline bool
tsi_thaws(const struct nva_tsi *t)
{
    return t->frozen && t->thaws_at;
}

/* True if it stands where the port is gone, and no other place is prepared. */
bool tsi_is_gone(const struct directory *, const struct nva_tsi *);

/* True if its own MAC is another, or of another VN. */
static inline bool
tsi_is_renamed(const struct nva_tsi *a, const struct nva_tsi *b)
{
    return a->vn != b->vn || !eth_addr_equals(a->mac, b->mac);
}

/* True if not the same MACs are there, of the same VN. */
static inline bool
tsi_macs_differ(const struct nva_tsi *a, const struct nva_tsi *b)
{
    return (tsi_is_renamed(a, b)
            || a->nested != b->nested
            || (a->nested && (a->n_allowed != b->n_allowed
                              || memcmp(a->allowed, b->allowed,
                                        sizeof a->allowed))));
}

static inline bool
move_is_active(const struct nva_move *m)
{
    return m->unwinding || m->state < NVA_MS_DONE;
}

/* ## directory-index: finding; NULL when there is none ## */

struct vn_obj *dir_find_vn(const struct directory *, nva_id);
struct nve_obj *dir_find_nve(const struct directory *, nva_id);
struct vap_obj *dir_find_vap(const struct directory *, nva_id);
struct vm_obj *dir_find_vm(const struct directory *, nva_id);
struct tsi_obj *dir_find_tsi(const struct directory *, nva_id);
struct redirect_obj *dir_find_redirect(const struct directory *, nva_id);
struct probe_obj *dir_find_probe(const struct directory *, nva_id);
struct move_obj *dir_find_move(const struct directory *, nva_id);
struct port_obj *dir_find_port(const struct directory *, nva_id nve,
                               const char *name);
struct port_obj *dir_find_ofport(const struct directory *, nva_id nve,
                                 nva_ofport);
/* Exact key. */
struct vap_obj *dir_find_vap_by_key(const struct directory *, nva_id nve,
                                    const char *port, bool has_mac,
                                    struct eth_addr);
struct member *dir_find_member(const struct directory *, nva_id nve,
                               nva_id vn);
struct spot *dir_find_spot(const struct directory *, nva_id nve,
                           const char *port);

/* Where 'owner' keeps its version; NULL if there is no such object. */
uint64_t *dir_owner_version(const struct directory *, struct nva_owner);

/* ## directory-index: coming and going ##
 *
 * new:    a record that is found by its id, and by nothing else yet.
 * link:   enters it by what its value says; aborts if that contradicts what
 *         is there.
 * unlink: the reverse; the value must be the one that was linked.
 * free:   of one that is not linked, and that no other record refers to. */

struct vn_obj *dir_new_vn(struct directory *, nva_id);
void dir_link_vn(struct directory *, struct vn_obj *);
void dir_unlink_vn(struct directory *, struct vn_obj *);
void dir_free_vn(struct directory *, struct vn_obj *);

struct nve_obj *dir_new_nve(struct directory *, nva_id);
void dir_link_nve(struct directory *, struct nve_obj *);
void dir_unlink_nve(struct directory *, struct nve_obj *);
/* Its ports go with it. */
void dir_free_nve(struct directory *, struct nve_obj *);

/* A port is linked all its life.  Neither touches nve->tunnel but to forget a
 * port that is gone. */
struct port_obj *dir_new_port(struct directory *, struct nve_obj *,
                              const struct nva_port *);
void dir_free_port(struct directory *, struct nve_obj *, struct port_obj *);
/* What nve->tunnel should be; NULL: none is there. */
const struct port_obj *dir_compute_tunnel(const struct directory *,
                                          const struct nve_obj *);

struct vap_obj *dir_new_vap(struct directory *, nva_id);
void dir_link_vap(struct directory *, struct vap_obj *);
void dir_unlink_vap(struct directory *, struct vap_obj *);
void dir_free_vap(struct directory *, struct vap_obj *);

struct vm_obj *dir_new_vm(struct directory *, nva_id);
void dir_link_vm(struct directory *, struct vm_obj *);
void dir_unlink_vm(struct directory *, struct vm_obj *);
void dir_free_vm(struct directory *, struct vm_obj *);

struct tsi_obj *dir_new_tsi(struct directory *, nva_id);
void dir_link_tsi(struct directory *, struct tsi_obj *);
void dir_unlink_tsi(struct directory *, struct tsi_obj *);
/* Its probes and leases go with it. */
void dir_free_tsi(struct directory *, struct tsi_obj *);

struct redirect_obj *dir_new_redirect(struct directory *, nva_id);
void dir_link_redirect(struct directory *, struct redirect_obj *);
void dir_unlink_redirect(struct directory *, struct redirect_obj *);
void dir_free_redirect(struct directory *, struct redirect_obj *);

struct probe_obj *dir_new_probe(struct directory *, nva_id);
void dir_link_probe(struct directory *, struct probe_obj *);
void dir_unlink_probe(struct directory *, struct probe_obj *);
void dir_free_probe(struct directory *, struct probe_obj *);

/* Linked as active or as ended, the newest one last. */
struct move_obj *dir_new_move(struct directory *, nva_id);
void dir_link_move(struct directory *, struct move_obj *);
void dir_unlink_move(struct directory *, struct move_obj *);
void dir_free_move(struct directory *, struct move_obj *);

/* ## directory-stand ## */

/* NULL: nothing of that VN is or may be there. */
struct stand *dir_find_stand(const struct directory *,
                             const struct nva_place *, nva_id vn);
/* A visit that dir_link_tsi() enters, or dir_unlink_tsi() takes out. */
void stand_enter(struct directory *, struct visit *);
void stand_leave(struct directory *, struct visit *);
/* Counts an interface whose visits are linked among the learned ones, if it is
 * one, and no more.  Before and after its VM changes, too. */
void stand_learn(struct directory *, struct tsi_obj *);
void stand_unlearn(struct tsi_obj *);
/* Of a VN that has no interface. */
void stand_destroy_of_vn(struct vn_obj *);
/* True if a flooded frame must reach an interface at one of its places. */
bool tsi_listens(const struct nva_tsi *, const struct spot *);
/* NULL if all of that is right. */
const char *stand_check(const struct directory *);

/* ## directory-pull ##
 *
 * What takes records away dirties their NVEs. */

struct pull_obj *dir_find_absent(const struct directory *, nva_id);
/* A new record, or a longer life of an old one; nothing if its NVE does not
 * serve the VN (any more), the VN does not pull, or what it says is not so. */
void pull_put(struct dirt *, const struct nva_pull *);
/* Nothing if there is none: an apply may have taken it away already. */
void pull_del(struct dirt *, const struct nva_pull *key);
void pull_drop_of_tsi(struct dirt *, struct tsi_obj *);
/* Of 'vn', or all of them (NONE). */
void pull_drop_at(struct dirt *, struct nve_obj *, nva_id vn);
void pull_drop_of_vn(struct dirt *, struct vn_obj *);
void pull_drop_absent(struct dirt *, nva_id vn, struct eth_addr mac);
/* 'vn' begins to pull: each of its NVEs holds what was pushed there, as if it
 * had asked then.  Dirties nothing. */
void pull_all_of_vn(struct directory *, struct vn_obj *);
void pull_destroy_all(struct directory *);
void dir_free_pull(struct directory *, struct pull_obj *);

/* ## directory-lease ## */

/* After the interface or its VM was put, before it is counted as learned (who
 * has a frozen address is not evicted): new leases for what has been learned
 * since, and none for what is given now, or gone. */
void lease_sync(struct directory *, struct tsi_obj *);
void lease_drop_of(struct directory *, struct tsi_obj *);
/* The VN has another 'age': each of its leases is to be looked at. */
void lease_renew_of_vn(struct directory *, struct vn_obj *);
/* Nothing if there is none (any more). */
void lease_put(struct dirt *, const struct nva_lease *);
/* True if any address of the interface is frozen. */
bool lease_is_any_frozen(const struct tsi_obj *);
/* NULL if all of that is right. */
const char *lease_check(const struct directory *);

/* The priority, in a heap, of what is due at 'when': the soonest is on top. */
static inline uint64_t
dir_soonest(nva_usec when)
{
    return UINT64_MAX - (uint64_t) MAX(when, 0);
}

/* ## directory-scan ## */

/* Nothing if the NVE does not serve the VN (any more). */
void scan_put(struct directory *, const struct nva_scan *);
/* Of what the scan was its 'slot' still counts. */
void scan_del(struct directory *, const struct nva_scan *last);
void scan_drop(struct directory *, struct member *);
/* NULL if all of that is right. */
const char *scan_check(const struct directory *);

/* ## directory-owners ## */

/* Removes a node from a list that a cursor walks (an NVE's members, VAPs,
 * spots with their visits, redirects and pulls; a VN's interfaces). */
void dir_leave(struct directory *, struct ovs_list *);

/* A node has come into such a list. */
void dir_enter(struct directory *, struct ovs_list *);

/* ## directory-query ## */

/* True if local port 'place' floods for VAPs of 'vn' that are 'implied' or
 * not: see directory_is_quiet(). */
bool dir_spot_floods(const struct directory *, const struct nva_place *,
                     nva_id vn, bool implied);

/* True if a place of the interface is there, or a redirect of it. */
bool dir_tsi_visits(const struct tsi_obj *, const struct nve_obj *);
bool dir_tsi_redirects_at(const struct tsi_obj *, const struct nve_obj *);

/* ## directory-spread ## */

/* What one apply dirties: appends to 'list' what is not there yet since
 * 'first'.  'slots' is an open-addressing table of positions + 1. */
struct dirt {
    struct directory *dir;
    struct nva_dirty_list *list;
    size_t first;
    uint32_t *slots;
    size_t n_slots;                     /* A power of two, or 0. */
};

/* Adds (nve, owner) unless this apply has added it, and makes the owner's
 * version the directory's; 'nve' may be NONE: nothing. */
void dirt_add(struct dirt *, nva_id nve, enum nva_owner_kind, nva_id);

/* Every owner at 'nve'. */
void dirt_all_at(struct dirt *, nva_id nve);
/* What reads port 'port' of 'nve': its VAPs, whether they get floods, their
 * VNs' flood lists, the interfaces there. */
void dirt_port(struct dirt *, nva_id nve, const char *port);
/* The port has come or gone. */
void dirt_learned_at(struct dirt *, nva_id nve, const char *port);
/* The VN, its VAPs and interfaces, at its NVEs.  'turned': it has begun or
 * ceased to pull. */
void dirt_vn(struct dirt *, const struct vn_obj *, bool turned);
/* All who send to the tunnel address of the NVE. */
void dirt_tunnel_ip(struct dirt *, const struct nve_obj *);
/* The VAP was put or deleted; 'turned': the first one of its VN at its NVE
 * came, or the last one went. */
void dirt_vap(struct dirt *, const struct nva_vap *, bool turned);
/* Who answers for the interface's addresses: one has frozen, or thawed. */
void dirt_address(struct dirt *, const struct nva_tsi *);
/* The redirects of an interface: they match on its VN and MAC. */
void dirt_redirects_of(struct dirt *, const struct tsi_obj *);

/* Whether local port 'place' flooded for VAPs of 'vn' that are 'implied' or
 * not, before a change of an interface, to compare with after. */
struct dirt_probe {
    const struct nva_place *place;
    nva_id vn;
    bool implied;
    bool before;
};
#define DIRT_PLACES_MAX 6               /* Three old, three new. */
#define DIRT_PROBES_MAX (DIRT_PLACES_MAX * 4)   /* Two VNs, implied or not. */

/* Before an interface's 'old' becomes 'new' (zeroed: not there): takes down
 * what may flood differently after, and returns how much that is.  The probes
 * point into 'old' and 'new'. */
size_t dirt_take_probes(const struct directory *, const struct nva_tsi *old,
                        const struct nva_tsi *new,
                        struct dirt_probe[DIRT_PROBES_MAX]);
/* After it: interface 'id' was 'old' and is 'new'. */
void dirt_tsi(struct dirt *, nva_id id, const struct nva_tsi *old,
              const struct nva_tsi *new, const struct dirt_probe *, size_t n);

#endif /* directory-private.h */
