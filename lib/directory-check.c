/* SPDX-License-Identifier: Apache-2.0 */

/* The directory's conscience: recomputes what can be recomputed and compares.
 *
 * It knows every record and every index.  It must never be needed: nothing but
 * a test calls it, and it mends nothing.
 *
 * Invariant (what it checks): every index can be recomputed from the objects;
 * every reference between live objects resolves; a MAC and an address are
 * unique in their VN.  RFC 8014 s4.3. */

#include <config.h>

#include "directory.h"

#include <string.h>

#include "directory-private.h"
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "openvswitch/util.h"
#include "packets.h"
#include "vm-fsm.h"

static const char *check_vns(const struct directory *);
static const char *check_nves(const struct directory *);
static const char *check_ports(const struct directory *);
static const char *check_vaps(const struct directory *);
static const char *check_vms(const struct directory *);
static const char *check_tsis(const struct directory *);
static const char *check_redirects(const struct directory *);
static const char *check_probes(const struct directory *);
static const char *check_moves(const struct directory *);
static const char *check_pulls(const struct directory *);

const char *
directory_check(const struct directory *d)
{
    const char *(*const checks[])(const struct directory *) = {
        check_vns, check_nves, check_ports, check_vaps, check_vms,
        check_tsis, check_redirects, check_probes, check_moves, check_pulls,
        stand_check, lease_check, scan_check,
    };

    for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
        const char *error = checks[i](d);

        if (error) {
            return error;
        }
    }
    return NULL;
}

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
    const struct visit *visit;
    const struct spot *spot;
    nva_id last = 0;
    size_t n_vaps = 0, n_visits = 0;

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
        LIST_FOR_EACH (visit, node, &spot->visits) {
            if (visit->spot != spot || visit < visit->tsi->visits
                || visit >= &visit->tsi->visits[visit->tsi->n_visits]) {
                return "who is listed at a port is not there";
            }
            n_visits++;
        }
    }
    if (n_visits != nve->n_visits) {
        return "an NVE miscounts its places";
    }
    if ((nve->drain && nve->drain->nve != nve->v.id)
        || (nve->drain && nva_drain_goes_on(nve->drain))
           == ovs_list_is_empty(&nve->drain_node)) {
        return "an NVE's drain is another's, or wrongly listed";
    }
    return dir_compute_tunnel(d, nve) == nve->tunnel ? NULL
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
            || dir_find_port(d, port->v.nve, port->v.name) != port) {
            return "a port is not found by its name, or its NVE is gone";
        }
        if (port->v.ofport != NVA_OFPORT_NONE
            && dir_find_ofport(d, port->v.nve, port->v.ofport) != port) {
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
        if (v->id >= d->next_id || dir_find_vap(d, v->id) != vap
            || dir_find_vap_by_key(d, v->nve, v->port, v->has_mac, v->mac)
               != vap) {
            return "a VAP is not found by its id and key";
        }
        if (!dir_find_member(d, v->nve, v->vn)) {
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
    size_t n = 0, n_tsis = 0, n_in_order = 0;

    LIST_FOR_EACH (vm, node, &d->vm_list) {
        const struct nva_move *move = directory_move(d, vm->v.move);

        if (vm->v.id <= last || vm->v.id >= d->next_id) {
            return "VMs are not in the order of their ids";
        }
        last = vm->v.id;
        n++;
        if (dir_find_vm(d, vm->v.id) != vm
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
    for (const struct nva_vm *v = directory_vm_after(d, ""); v && n;
         v = directory_vm_after(d, v->name)) {
        n_in_order++;
    }
    if (n_in_order != hmap_count(&d->vms)) {
        return "the VMs in the order of their names are others";
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
    size_t n = 0;

    if (!nva_place_is_set(place)) {
        return true;
    }
    spot = dir_find_spot(d, place->nve, place->port);
    if (!spot || !directory_nve(d, place->nve)) {
        return false;
    }
    for (size_t i = 0; i < t->n_visits; i++) {
        n += t->visits[i].spot == spot;
    }
    return n == 1;
}

static const char *
check_tsi(const struct directory *d, const struct tsi_obj *t)
{
    const struct nva_tsi *v = &t->v;
    const struct nva_vm *vm = directory_vm(d, v->vm);

    if (!vm || !directory_vn(d, v->vn)) {
        return "an interface's VM or VN is gone";
    }
    if (v->stopped != vm_fsm_is_off(vm->state)) {
        return "an interface is stopped and its VM is not off, or the reverse";
    }
    if (v->id >= d->next_id || dir_find_tsi(d, v->id) != t
        || directory_tsi_by_mac(d, v->vn, v->mac) != v) {
        return "an interface is not found by its id and MAC";
    }
    for (size_t i = 0; i < v->n_ips; i++) {
        if (directory_tsi_by_ip(d, v->vn, &v->ips[i]) != v) {
            return "an interface is not found by its address";
        }
    }
    for (size_t i = 0; i < v->n_allowed; i++) {
        const struct nva_tsi *has = directory_tsi_by_mac(d, v->vn,
                                                         v->allowed[i]);

        if ((has && eth_addr_equals(has->mac, v->allowed[i]))
            || (nva_tsi_has_nested(v, v->allowed[i]) && has != v)) {
            return "a nested guest's MAC is another's";
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
    size_t n_allowed = 0;

    HMAP_FOR_EACH (t, id_node, &d->tsis) {
        const char *error = check_tsi(d, t);

        if (error) {
            return error;
        }
        n_ips += t->v.n_ips;
        n_allowed += t->v.n_allowed;
        n_visits += t->n_visits;
    }
    HMAP_FOR_EACH (spot, hmap_node, &d->spots) {
        n_at_spots += ovs_list_size(&spot->visits);
    }
    LIST_FOR_EACH (vn, node, &d->vn_list) {
        n_of_vns += ovs_list_size(&vn->tsis);
    }
    return (n_ips == hmap_count(&d->ips) && n_visits == n_at_spots
            && n_allowed == hmap_count(&d->allowed)
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
        t = dir_find_tsi(d, r->v.tsi);
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
check_probes(const struct directory *d)
{
    const struct probe_obj *p;
    const struct tsi_obj *t;
    size_t n_whys[NVA_PROBE_N_WHYS] = { 0 };
    size_t n = 0, n_thaws = 0;

    HMAP_FOR_EACH (p, id_node, &d->probes) {
        n_whys[p->v.why]++;
        if (!dir_find_tsi(d, p->v.tsi)) {
            return "a probe's interface is gone";
        }
        if (directory_probe_of_ip(d, p->v.tsi, p->v.why, &p->v.ip) != &p->v) {
            return "an address is asked for twice for one reason";
        }
        if (p->v.due < directory_first_probe(d)->due) {
            return "a probe is due before the first";
        }
    }
    HMAP_FOR_EACH (t, id_node, &d->tsis) {
        n += ovs_list_size(&t->probes);
        n_thaws += tsi_thaws(&t->v);
        if (tsi_thaws(&t->v)
            && t->v.thaws_at < directory_first_thaw(d)->thaws_at) {
            return "an interface thaws before the first";
        }
    }
    return (n == hmap_count(&d->probes) && n == heap_count(&d->probes_due)
            && n_thaws == heap_count(&d->thaws)
            && !memcmp(n_whys, d->n_probes, sizeof n_whys)
            ? NULL : "the indices of probes and thaws differ in size");
}

static const char *
check_moves(const struct directory *d)
{
    const struct move_obj *m;
    nva_id last = 0;
    size_t n = 0, n_active = 0, n_ended = 0;

    for (size_t i = 0; i < NVA_N_MOVE_CAUSES; i++) {
        if (d->n_ended_moves[i] != ovs_list_size(&d->ended_moves[i])) {
            return "ended moves are miscounted";
        }
        n_ended += d->n_ended_moves[i];
    }
    LIST_FOR_EACH (m, node, &d->move_list) {
        if (m->v.id <= last || m->v.id >= d->next_id
            || dir_find_move(d, m->v.id) != m) {
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
        || n - n_active != n_ended) {
        return "moves are miscounted";
    }
    return n - n_active <= NVA_MOVES_KEPT_MAX ? NULL
           : "too many ended moves are kept";
}

static const char *
check_pull(const struct directory *d, const struct nva_pull *p)
{
    const struct nva_vn *vn = directory_vn(d, p->vn);
    const struct nva_tsi *t = directory_tsi(d, p->tsi);

    if (!vn || !vn->pulls || !dir_find_member(d, p->nve, p->vn)) {
        return "an NVE holds something of a VN that it does not pull";
    }
    if (p->tsi) {
        return (t && t->vn == p->vn && directory_pull(d, p->nve, p->tsi) == p
                ? NULL : "what an NVE pulled is gone, or not found");
    }
    if (directory_tsi_by_mac(d, p->vn, p->mac)) {
        return "an NVE believes that nobody has a MAC that somebody has";
    }
    return (directory_absent(d, p->id) == p
            && directory_absent_by_mac(d, p->nve, p->vn, p->mac) == p
            ? NULL : "that nobody has a MAC is not found");
}

static const char *
check_pulls(const struct directory *d)
{
    const struct nve_obj *nve;
    const struct tsi_obj *t;
    const struct pull_obj *p;
    size_t n = 0, n_absent = 0, n_tsi = 0;

    LIST_FOR_EACH (nve, node, &d->nve_list) {
        size_t listed = ovs_list_size(&nve->pulls);

        if (listed != nve->n_pulls + nve->n_absent) {
            return "what an NVE pulled is miscounted";
        }
        n += nve->n_pulls;
        n_absent += nve->n_absent;
        LIST_FOR_EACH (p, nve_node, &nve->pulls) {
            const char *error = check_pull(d, &p->v);

            if (error || p->v.nve != nve->v.id) {
                return error ? error : "a pull is listed at another NVE";
            }
        }
    }
    HMAP_FOR_EACH (t, id_node, &d->tsis) {
        n_tsi += ovs_list_size(&t->pulls);
    }
    return (n == hmap_count(&d->pulls) && n == n_tsi
            && n_absent == hmap_count(&d->absents)
            && n_absent == hmap_count(&d->absents_by_mac)
            && n + n_absent == heap_count(&d->looks)) ? NULL
           : "the indices of pulls differ in size";
}
