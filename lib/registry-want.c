/* SPDX-License-Identifier: Apache-2.0 */

/* What a VM request wants: the interfaces, addresses and places it names,
 * which of them continue what is there, and whether all of it may be.
 *
 * It knows uniqueness and limits, and that configured wins over learned.  It
 * must never change the plan, but for a refusal's sentence: registry-vm does
 * what is wanted here.
 *
 * Invariant: what is not refused contradicts neither the directory nor itself.
 * RFC 8014 s4.3, s8.1; draft vmm-15 s3 (D16: VM management registers VMs). */

#include <config.h>

#include "registry-private.h"

#include <string.h>

#include "explain.h"
#include "openvswitch/util.h"
#include "packets.h"
#include "util.h"
#include "vm-fsm.h"

static directory_cb collect_cb;
static enum nva_reason want_if(struct job *, const struct nva_request_if *,
                               const char **field);
static enum nva_reason check_wants(const struct job *, const char **field);

enum nva_reason
registry_want_vm(struct job *job, const struct nva_request *request,
                 const char **field)
{
    const struct nva_request_vm *r = &request->vm;
    const struct directory *dir = job->view->dir;
    enum nva_reason reason = NVA_OK;

    *field = "name";
    if (!nva_name_is_valid(r->name)) {
        return explain_name(job->plan, NVA_NAME_MAX);
    }
    job->vm = directory_vm_by_name(dir, r->name);
    if (job->vm && request->create) {
        return NVA_R_EXISTS;
    } else if (!job->vm && directory_n_vms(dir) >= NVA_VMS_MAX) {
        return explain_limit(job->plan, "VMs", NVA_VMS_MAX);
    }
    *field = "state";
    if (r->has_state
        && (r->state < NVA_VM_UNKNOWN || r->state > NVA_VM_CRASHED)) {
        return NVA_R_BAD_VALUE;
    }
    if (r->has_state && job->vm && !vm_fsm_allows(job->vm->state, r->state)) {
        nva_plan_explain(job->plan, "a VM that is %s does not become %s",
                         nva_vm_state_word(job->vm->state),
                         nva_vm_state_word(r->state));
        return NVA_R_VM_STATE;
    }
    *field = "interfaces";
    if (r->n_ifs > NVA_IFS_MAX) {
        return explain_limit(job->plan, "interfaces of a VM", NVA_IFS_MAX);
    }
    if (job->vm) {
        registry_collect(job);
    }
    for (size_t i = 0; !reason && i < r->n_ifs; i++) {
        reason = want_if(job, &r->ifs[i], field);
    }
    return reason ? reason : check_wants(job, field);
}

void
registry_collect(struct job *job)
{
    directory_each_tsi_of_vm(job->view->dir, job->vm->id, collect_cb, job);
}

bool
registry_move_is_unsettled(const struct nva_view *v, nva_id id)
{
    const struct nva_move *move = directory_move(v->dir, id);

    return move && (move->state == NVA_MS_PREPARED
                    || move->state == NVA_MS_PAUSED
                    || move->state == NVA_MS_SWITCHING);
}

static bool
collect_cb(const void *tsi, void *job_)
{
    struct job *job = job_;

    if (job->n_olds < NVA_IFS_MAX) {
        job->olds[job->n_olds++] = tsi;
    }
    return true;
}

/* ## One interface ## */

/* The request itself says it twice: interface 't' of it has it already. */
static enum nva_reason
explain_twice(const struct job *job, enum nva_reason reason,
              const struct nva_tsi *t)
{
    nva_plan_explain(job->plan, "the request gives it to interface %s "
                     "already", t->name);
    return reason;
}

/* The interface earlier in the request that has 'mac' in 'vn', or with 'all'
 * allows it; NULL: none. */
static const struct nva_tsi *
wants_mac(const struct job *job, nva_id vn, struct eth_addr mac, bool all)
{
    for (size_t i = 0; i < job->n_wants; i++) {
        const struct nva_tsi *t = &job->wants[i].tsi;

        if (t->vn == vn
            && (eth_addr_equals(t->mac, mac)
                || (all && nva_tsi_allowed(t, mac) < t->n_allowed))) {
            return t;
        }
    }
    return NULL;
}

struct keepers {
    const struct job *job;
    size_t n;
    const struct nva_tsi *last;
};

static bool
keeper_cb(const void *tsi, void *keepers_)
{
    struct keepers *keepers = keepers_;

    if (is_foreign(keepers->job, tsi)) {
        keepers->n++;
        keepers->last = tsi;
    }
    return true;
}

/* The interfaces of other VMs that allow 'mac' for nested guests. */
static struct keepers
find_keepers(const struct job *job, nva_id vn, struct eth_addr mac)
{
    struct keepers keepers = { .job = job };

    directory_each_tsi_allowing(job->view->dir, vn, mac, keeper_cb, &keepers);
    return keepers;
}

/* True if one interface more may allow 'mac', besides those of other VMs and
 * those earlier in the request. */
static bool
may_allow(const struct job *job, nva_id vn, struct eth_addr mac)
{
    size_t n = find_keepers(job, vn, mac).n;

    for (size_t i = 0; i < job->n_wants; i++) {
        const struct nva_tsi *t = &job->wants[i].tsi;

        n += t->vn == vn && nva_tsi_allowed(t, mac) < t->n_allowed;
    }
    if (n >= NVA_ALLOWING_MAX) {
        nva_plan_explain(job->plan, "at most %d interfaces of a network may "
                         "allow the same MAC", NVA_ALLOWING_MAX);
        return false;
    }
    return true;
}

/* A MAC of nested guests is nobody's own: a host that was only learned with it
 * yields. */
static enum nva_reason
want_nested(struct job *job, const struct nva_tsi *t, struct eth_addr mac)
{
    const struct nva_tsi *holder = directory_tsi_by_mac(job->view->dir, t->vn,
                                                        mac);
    const struct nva_vm *vm;

    if (!nva_mac_is_host(mac)) {
        return NVA_R_BAD_MAC;
    } else if (eth_addr_equals(t->mac, mac)
               || nva_tsi_allowed(t, mac) < t->n_allowed) {
        return explain_twice(job, NVA_R_MAC_TAKEN, t);
    } else if (wants_mac(job, t->vn, mac, false)) {
        return explain_twice(job, NVA_R_MAC_TAKEN,
                             wants_mac(job, t->vn, mac, false));
    } else if (!may_allow(job, t->vn, mac)) {
        return NVA_R_LIMIT;
    } else if (!holder || !eth_addr_equals(holder->mac, mac)) {
        return NVA_OK;
    }
    vm = directory_vm(job->view->dir, holder->vm);
    if (vm->origin != NVA_ORIGIN_LEARNED || !is_foreign(job, holder)) {
        return explain_mac(job->view, job->plan, NVA_R_MAC_TAKEN, mac,
                           holder);
    } else if (registry_move_is_unsettled(job->view, vm->move)) {
        return explain_move(job->view, job->plan,
                            directory_move(job->view->dir, vm->move));
    }
    for (size_t i = 0; i < job->n_yielding; i++) {
        if (job->yielding[i] == holder) {
            return NVA_OK;
        }
    }
    job->yielding[job->n_yielding++] = holder;
    return NVA_OK;
}

/* What it may say, and which nested guests it may have; those that are there
 * stay. */
static enum nva_reason
want_allowed(struct job *job, struct want *w, const struct nva_request_if *r)
{
    struct nva_tsi *t = &w->tsi;

    t->roles = r->roles;
    t->n_allowed = 0;
    t->nested = 0;
    memset(t->allowed, 0, sizeof t->allowed);
    if (r->n_allowed > NVA_ALLOWED_MACS_MAX) {
        return explain_limit(job->plan, "MACs of an interface's nested guests",
                             NVA_ALLOWED_MACS_MAX);
    }
    for (size_t i = 0; i < r->n_allowed; i++) {
        enum nva_reason reason = want_nested(job, t, r->allowed[i]);

        if (reason) {
            return reason;
        }
        if (w->old && nva_tsi_has_nested(w->old, r->allowed[i])) {
            t->nested |= UINT32_C(1) << i;
        }
        t->allowed[t->n_allowed++] = r->allowed[i];
    }
    return NVA_OK;
}

/* Finds the interface that 'w' continues: this VM's with that MAC, or a host
 * that was only learned. */
static enum nva_reason
want_mac(struct job *job, struct want *w, nva_id vn, struct eth_addr mac)
{
    const struct directory *dir = job->view->dir;
    const struct nva_tsi *holder = directory_tsi_by_mac(dir, vn, mac);
    const struct nva_tsi *earlier = wants_mac(job, vn, mac, true);
    const struct keepers keepers = find_keepers(job, vn, mac);

    if (earlier) {
        return explain_twice(job, NVA_R_MAC_TAKEN, earlier);
    } else if (keepers.n) {
        return explain_mac(job->view, job->plan, NVA_R_MAC_TAKEN, mac,
                           keepers.last);
    } else if (holder && !eth_addr_equals(holder->mac, mac)) {
        return explain_mac(job->view, job->plan, NVA_R_MAC_TAKEN, mac,
                           holder);
    }
    if (holder && is_foreign(job, holder)) {
        const struct nva_vm *vm = directory_vm(dir, holder->vm);

        if (vm->origin != NVA_ORIGIN_LEARNED) {
            return explain_mac(job->view, job->plan, NVA_R_MAC_TAKEN, mac,
                               holder);
        } else if (registry_move_is_unsettled(job->view, vm->move)) {
            return explain_move(job->view, job->plan,
                                directory_move(dir, vm->move));
        }
    }
    for (size_t i = 0; i < job->n_olds; i++) {
        job->kept[i] |= job->olds[i] == holder;
    }
    if (holder) {
        w->tsi = *holder;
        w->old = holder;
    }
    w->tsi.vn = vn;
    w->tsi.mac = mac;
    return NVA_OK;
}

/* The interface earlier in the request that takes 'ip' in 'vn'; NULL: none. */
static const struct nva_tsi *
wants_ip(const struct job *job, nva_id vn, const struct in6_addr *ip)
{
    for (size_t i = 0; i < job->n_wants; i++) {
        const struct nva_tsi *t = &job->wants[i].tsi;

        if (t->vn == vn && has_ip(t, ip)) {
            return t;
        }
    }
    return NULL;
}

static bool
is_given(const struct nva_tsi *t, const struct in6_addr *ip)
{
    return nva_ips_have(t->ips, t->n_given, ip);
}

/* The interface of another VM that holds 'ip' and does not yield it (what was
 * only learned does, for configured wins, even from a host that VM management
 * has told us of); NULL: none. */
static const struct nva_tsi *
ip_holder(const struct job *job, const struct want *w,
          const struct in6_addr *ip)
{
    const struct directory *dir = job->view->dir;
    const struct nva_tsi *holder = directory_tsi_by_ip(dir, w->tsi.vn, ip);

    return (holder && holder != w->old && is_foreign(job, holder)
            && is_given(holder, ip) ? holder : NULL);
}

static bool
is_shared(const struct job *job, nva_id vn, const struct in6_addr *ip)
{
    return nva_vn_shares(directory_vn(job->view->dir, vn), ip);
}

static bool
holds_elsewhere(const struct job *job, const struct want *w,
                const struct in6_addr *ip)
{
    const struct nva_tsi *holder = directory_tsi_by_ip(job->view->dir,
                                                       w->tsi.vn, ip);

    return holder && holder != w->old;
}

/* VM management need not know who has a shared address just now: who announced
 * it keeps it. */
static void
keep_shared(const struct job *job, struct want *w)
{
    struct nva_tsi *t = &w->tsi;

    for (size_t i = 0; w->old && w->old->vn == t->vn && i < w->old->n_ips;
         i++) {
        const struct in6_addr *ip = &w->old->ips[i];

        if (t->n_ips < NVA_IPS_MAX && is_shared(job, t->vn, ip)
            && !has_ip(t, ip) && !wants_ip(job, t->vn, ip)) {
            t->ips[t->n_ips++] = *ip;
        }
    }
}

/* What was learned of an interface that stays remains learned, unless somebody
 * else is to have it; in another network, or of another MAC, nothing was. */
static void
keep_learned(const struct job *job, struct want *w,
             const struct nva_request_if *r)
{
    struct nva_tsi *t = &w->tsi;

    if (!w->old || w->old->vn != t->vn) {
        return;
    }
    for (size_t i = r->n_ips; i < r->n_ips + r->n_learned; i++) {
        const struct in6_addr *ip = &r->ips[i];

        if (i < NVA_IPS_MAX && t->n_ips < NVA_IPS_MAX
            && has_ip(w->old, ip) && !has_ip(t, ip)
            && !wants_ip(job, t->vn, ip) && !ip_holder(job, w, ip)) {
            t->ips[t->n_ips++] = *ip;
        }
    }
}

/* An interface earlier in the request, of which 'ip' was only learned, is not
 * to have it. */
static void
yield_learned(struct job *job, nva_id vn, const struct in6_addr *ip)
{
    for (size_t i = 0; i < job->n_wants; i++) {
        struct nva_tsi *t = &job->wants[i].tsi;

        for (size_t j = t->n_given; t->vn == vn && j < t->n_ips; j++) {
            if (ipv6_addr_equals(&t->ips[j], ip)) {
                t->ips[j] = t->ips[--t->n_ips];
                memset(&t->ips[t->n_ips], 0, sizeof t->ips[j]);
            }
        }
    }
}

static enum nva_reason
want_ips(struct job *job, struct want *w,
         const struct nva_request_if *r)
{
    struct nva_tsi *t = &w->tsi;

    t->n_ips = t->n_given = 0;
    memset(t->ips, 0, sizeof t->ips);
    if (r->n_ips > NVA_IPS_MAX) {
        return explain_limit(job->plan, "addresses of an interface",
                             NVA_IPS_MAX);
    }
    for (size_t i = 0; i < r->n_ips; i++) {
        const struct in6_addr *ip = &r->ips[i];

        if (!nva_ip_is_host(ip)) {
            return NVA_R_BAD_IP;
        } else if (is_shared(job, t->vn, ip)
                   && (wants_ip(job, t->vn, ip)
                       || holds_elsewhere(job, w, ip))) {
            continue;           /* Until it announces it. */
        }
        yield_learned(job, t->vn, ip);
        if (has_ip(t, ip)) {
            return explain_twice(job, NVA_R_IP_TAKEN, t);
        } else if (wants_ip(job, t->vn, ip)) {
            return explain_twice(job, NVA_R_IP_TAKEN,
                                 wants_ip(job, t->vn, ip));
        } else if (ip_holder(job, w, ip)) {
            return explain_ip(job->view, job->plan, NVA_R_IP_TAKEN, ip,
                              ip_holder(job, w, ip));
        }
        t->ips[t->n_ips++] = *ip;
        t->n_given = t->n_ips;
    }
    keep_learned(job, w, r);
    keep_shared(job, w);
    return NVA_OK;
}

/* Where the VM's interface 'name' is. */
static struct nva_place
place_of(const struct job *job, const char *name)
{
    for (size_t i = 0; i < job->n_olds; i++) {
        if (!strcmp(job->olds[i]->name, name)) {
            return job->olds[i]->current;
        }
    }
    return (struct nva_place) { .nve = NVA_ID_NONE };
}

/* Where 'r' puts the interface; one that only changes its MAC or VN stays
 * where the one of that name is. */
static enum nva_reason
want_place(const struct job *job, struct want *w,
           const struct nva_request_if *r, const char **field)
{
    const struct nva_nve *nve = directory_nve_by_name(job->view->dir, r->nve);

    if (!r->nve[0] && !r->port[0]) {
        w->place = w->old ? w->place : place_of(job, w->tsi.name);
        return NVA_OK;
    }
    *field = r->nve[0] ? "port" : "nve";
    if (!r->nve[0] || !r->port[0]) {
        return NVA_R_PORT_REQUIRED;
    } else if (!registry_port_name_is_valid(r->port)) {
        return explain_name(job->plan, NVA_PORT_NAME_MAX);
    }
    *field = "nve";
    if (!nve) {
        return explain_absent(job->plan, "NVE", r->nve);
    }
    w->place.nve = nve->id;
    ovs_strlcpy(w->place.port, r->port, sizeof w->place.port);
    return NVA_OK;
}

static enum nva_reason
want_if(struct job *job, const struct nva_request_if *r, const char **field)
{
    struct want *w = &job->wants[job->n_wants];
    const char *name = r->name[0] ? r->name : "eth0";
    const struct nva_vn *vn = directory_vn_by_name(job->view->dir, r->vn);
    enum nva_reason reason;

    *field = "interfaces";
    if (!nva_name_is_valid(name)) {
        return explain_name(job->plan, NVA_NAME_MAX);
    }
    for (size_t i = 0; i < job->n_wants; i++) {
        if (!strcmp(job->wants[i].tsi.name, name)) {
            return NVA_R_EXISTS;
        }
    }
    *field = "vn";
    if (!vn) {
        return explain_absent(job->plan, "network", r->vn);
    }
    *field = "mac";
    if (!nva_mac_is_host(r->mac)) {
        return NVA_R_BAD_MAC;
    }
    reason = want_mac(job, w, vn->id, r->mac);
    ovs_strlcpy(w->tsi.name, name, sizeof w->tsi.name);
    if (!reason) {
        *field = "ips";
        reason = want_ips(job, w, r);
    }
    if (!reason) {
        *field = "allowed_macs";
        reason = want_allowed(job, w, r);
    }
    if (!reason) {
        reason = want_place(job, w, r, field);
    }
    job->n_wants++;
    return reason;
}

/* ## All of them ## */

/* True if 'w' adds an interface to the VM. */
static bool
want_adds(const struct job *job, const struct want *w)
{
    return !w->old || is_foreign(job, w->old);
}

/* With a move under way, to be superseded by one to NVE 'to' if that is set:
 * the interfaces stay those of the move, and a new place and new addresses
 * come one after the other. */
static enum nva_reason
check_moving(const struct job *job, nva_id to, const char **field)
{
    bool changes = job->n_wants > job->n_olds;

    *field = "interfaces";
    for (size_t i = 0; i < job->n_olds; i++) {
        changes |= !job->kept[i];
    }
    for (size_t i = 0; to && !changes && i < job->n_wants; i++) {
        *field = "ips";
        changes = !ips_equal(&job->wants[i].tsi, job->wants[i].old);
    }
    return (changes
            ? explain_move(job->view, job->plan,
                           directory_move(job->view->dir, job->vm->move))
            : NVA_OK);
}

/* A VM moves as one: what an update may not do at once. */
static enum nva_reason
check_wants(const struct job *job, const char **field)
{
    nva_id to = NVA_ID_NONE;

    *field = "nve";
    for (size_t i = 0; i < job->n_wants; i++) {
        const struct want *w = &job->wants[i];

        if (!want_moves(w) || want_adds(job, w)
            || !nva_place_is_set(&w->tsi.current)) {
            continue;
        }
        if (to && to != w->place.nve) {
            nva_plan_explain(job->plan, "a VM moves as one: its interfaces "
                             "cannot go to two NVEs");
            return NVA_R_UNSUPPORTED;
        }
        to = w->place.nve;
    }
    if (to && !job->vm->move
        && directory_n_moves_active(job->view->dir) >= NVA_MOVES_ACTIVE_MAX) {
        return explain_limit(job->plan, "moves at a time",
                             NVA_MOVES_ACTIVE_MAX);
    }
    return job->vm && job->vm->move ? check_moving(job, to, field) : NVA_OK;
}
