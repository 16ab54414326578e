/* SPDX-License-Identifier: Apache-2.0 */

/* What operators and VM managers may write, and what depends on what: VNs,
 * NVEs and ports here, VMs in registry-vm.
 *
 * It knows names, uniqueness, limits and dependencies.  It must never know
 * JSON, flows, or how a move goes.
 *
 * Invariant: a refused request leaves no delta; each delta of an accepted one
 * is valid after those before it.  RFC 8014 s4.3, s8.1; draft vmm-15 s3
 * (D16: VM management registers VMs). */

#include <config.h>

#include "registry.h"

#include <inttypes.h>
#include <string.h>

#include "binding.h"
#include "explain.h"
#include "fabric.h"
#include "learned.h"
#include "openvswitch/util.h"
#include "packets.h"
#include "placement.h"
#include "pull.h"
#include "registry-private.h"
#include "util.h"

#define REDIRECT_TIMEOUT_MAX 300        /* Seconds. */
#define MTU_MIN 68                      /* RFC 791. */
#define MTU_MAX 65535

static void put_vn(const struct nva_view *, const struct nva_request *,
                   struct nva_plan *);
static void del_vn(const struct nva_view *, const char *name,
                   struct nva_plan *);
static void put_nve(const struct nva_view *, const struct nva_request *,
                    struct nva_plan *);
static void del_nve(const struct nva_view *, const char *name,
                    struct nva_plan *);
static void put_port(const struct nva_view *, const struct nva_request *,
                     struct nva_plan *);
static void del_port(const struct nva_view *, const struct nva_request_port *,
                     struct nva_plan *);

void
registry_request(const struct nva_view *v, const struct nva_request *request,
                 struct nva_plan *plan)
{
    switch (request->type) {
    case NVA_REQ_VN_PUT: put_vn(v, request, plan); break;
    case NVA_REQ_VN_DEL: del_vn(v, request->name, plan); break;
    case NVA_REQ_NVE_PUT: put_nve(v, request, plan); break;
    case NVA_REQ_NVE_DEL: del_nve(v, request->name, plan); break;
    case NVA_REQ_PORT_PUT: put_port(v, request, plan); break;
    case NVA_REQ_PORT_DEL: del_port(v, &request->port, plan); break;
    case NVA_REQ_VM_PUT: registry_vm_put(v, request, plan); break;
    case NVA_REQ_VM_DEL: registry_vm_del(v, request->name, plan); break;
    case NVA_REQ_MOVE_START:
    case NVA_REQ_MOVE_PAUSE:
    case NVA_REQ_MOVE_ACTIVATE:
    case NVA_REQ_MOVE_ABORT:
    case NVA_REQ_DRAIN_START:
    case NVA_REQ_DRAIN_STOP:
    case NVA_REQ_VM_THAW:
    default: OVS_NOT_REACHED();
    }
}

/* ## Common ## */

struct nva_delta *
registry_add(struct nva_plan *plan, enum nva_delta_type type, nva_id id)
{
    struct nva_delta *d = nva_deltas_add(&plan->deltas, type);

    d->id = id;
    return d;
}

bool
registry_port_name_is_valid(const char *name)
{
    return (strnlen(name, NVA_PORT_NAME_MAX) < NVA_PORT_NAME_MAX
            && nva_name_is_valid(name));
}

struct nva_note *
registry_done(struct nva_plan *plan, enum nva_request_type type)
{
    struct nva_note *note = nva_plan_note(plan, NVA_NOTE_CONFIGURED, NVA_OK);

    note->what = nva_request_type_word(type);
    return note;
}

/* For walks that ask for the first one only. */
static bool
first_cb(const void *object, void *first)
{
    *(const void **) first = object;
    return false;
}

/* ## VNs ## */

/* What a tenant asks for must be so already. */
static enum nva_reason
check_tenant(const struct nva_view *v, const struct nva_vn *new,
             const struct nva_vn *old, struct nva_plan *plan,
             const char **field)
{
    struct nva_vn vn = *new;

    *field = "tenant";
    if (new->tenant[0] && !nva_name_is_valid(new->tenant)) {
        return NVA_R_BAD_NAME;
    }
    *field = "isolation";
    if (new->isolation == NVA_ISOLATION_EXCLUSIVE && !new->tenant[0]) {
        nva_plan_explain(plan, "exclusive asks for a tenant");
        return NVA_R_BAD_VALUE;
    } else if (!old) {
        return NVA_OK;
    }
    *field = (strcmp(new->tenant, old->tenant) ? "tenant" : "isolation");
    vn.id = old->id;
    return placement_check_vn(v, &vn, plan);
}

/* Each number within its range, or 0 where that says "not stated". */
static enum nva_reason
check_numbers(const struct nva_vn *vn, struct nva_plan *plan,
              const char **field)
{
    const struct range {
        const char *field;
        uint32_t value, low, high;
        bool zero;
    } ranges[] = {
        { "redirect_timeout", vn->redirect_timeout, 1, REDIRECT_TIMEOUT_MAX,
          false },
        { "duplicate_moves", vn->duplicate_moves, 0, NVA_DUPLICATE_MOVES_MAX,
          true },
        { "duplicate_window", vn->duplicate_window, 1, NVA_DAY,
          !vn->duplicate_moves },
        { "freeze_time", vn->freeze_time, 0, NVA_DAY, true },
        { "max_learned", vn->max_learned, 1, NVA_LEARNED_PER_VN_MAX, false },
        { "age", vn->age, NVA_AGE_MIN, NVA_DAY, true },
        { "lifetime", vn->lifetime, 0, NVA_LIFETIME_MAX, true },
        { "mtu", vn->mtu, MTU_MIN, MTU_MAX, true },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
        const struct range *r = &ranges[i];

        if ((r->value || !r->zero)
            && (r->value < r->low || r->value > r->high)) {
            *field = r->field;
            return explain_range(plan, r->low, r->high, r->zero && r->low);
        }
    }
    return NVA_OK;
}

static enum nva_reason
check_vn(const struct nva_view *v, const struct nva_vn *new,
         const struct nva_vn *old, struct nva_plan *plan, const char **field)
{
    const struct nva_vn *other = directory_vn_by_vni(v->dir, new->vni);

    *field = "vni";
    if (new->vni < 1 || new->vni > NVA_VNI_MAX) {
        return explain_range(plan, 1, NVA_VNI_MAX, false);
    } else if (old && old->vni != new->vni) {
        nva_plan_explain(plan, "network %s has VNI %"PRIu32, old->name,
                         old->vni);
        return NVA_R_IMMUTABLE;
    } else if (!old && other) {
        nva_plan_explain(plan, "network %s has VNI %"PRIu32, other->name,
                         other->vni);
        return NVA_R_VNI_TAKEN;
    }
    *field = "port_security";
    if (new->port_security == NVA_PS_FULL
        && new->binding != NVA_BINDING_STRICT) {
        nva_plan_explain(plan, "full asks for binding strict");
        return NVA_R_BAD_VALUE;
    }
    *field = "shared_ips";
    for (size_t i = 0; i < new->n_shared_ips; i++) {
        if (!nva_ip_is_host(&new->shared_ips[i])) {
            return NVA_R_BAD_IP;
        }
    }
    return check_numbers(new, plan, field);
}

static void
put_vn(const struct nva_view *v, const struct nva_request *request,
       struct nva_plan *plan)
{
    const struct nva_vn *new = &request->vn.vn;
    const char *field = "name";
    const struct nva_vn *old;
    enum nva_reason reason;

    if (!nva_name_is_valid(new->name)
        || strlen(new->name) >= NVA_VN_NAME_MAX) {
        nva_plan_refuse(plan, explain_name(plan, NVA_VN_NAME_MAX), field);
        return;
    }
    old = directory_vn_by_name(v->dir, new->name);
    if (old && request->create) {
        reason = NVA_R_EXISTS;
    } else if (!old && directory_n_vns(v->dir) >= NVA_VNS_MAX) {
        reason = explain_limit(plan, "networks", NVA_VNS_MAX);
    } else {
        reason = check_vn(v, new, old, plan, &field);
    }
    if (!reason) {
        reason = check_tenant(v, new, old, plan, &field);
    }
    if (reason) {
        nva_plan_refuse(plan, reason, field);
        return;
    }

    plan->object = old ? old->id : nva_plan_new_id(plan);
    struct nva_delta *d = registry_add(plan, NVA_DELTA_VN_PUT, plan->object);
    d->vn = *new;
    d->vn.id = plan->object;
    d->vn.pulls = pull_decides(new->resolution, old && old->pulls,
                               directory_n_tsis_of_vn(v->dir, plan->object));
    if (!old || d->vn.pulls != old->pulls) {
        d->vn.pulls_since = v->now;
    }
    registry_done(plan, request->type)->vn = plan->object;
}

struct vn_users {
    const struct nva_view *view;
    struct nva_plan *plan;
    nva_id vn;
    const struct nva_vap *vap;          /* One that somebody asked for. */
};

static bool
vn_vap_cb(const void *vap_, void *users_)
{
    const struct nva_vap *vap = vap_;
    struct vn_users *users = users_;

    if (!vap->implied) {
        users->vap = vap;
        return false;
    }
    registry_add(users->plan, NVA_DELTA_VAP_DEL, vap->id);
    return true;
}

static bool
vn_nve_cb(const void *nve_, void *users_)
{
    const struct nva_nve *nve = nve_;
    struct vn_users *users = users_;

    directory_each_vap_of_vn(users->view->dir, nve->id, users->vn, vn_vap_cb,
                             users);
    return !users->vap;
}

static void
del_vn(const struct nva_view *v, const char *name, struct nva_plan *plan)
{
    const struct nva_vn *vn = directory_vn_by_name(v->dir, name);
    struct vn_users users = { .view = v, .plan = plan };
    const struct nva_tsi *tsi = NULL;

    if (!vn) {
        nva_plan_refuse(plan, explain_absent(plan, "network", name), "name");
        return;
    }
    users.vn = vn->id;
    directory_each_tsi_of_vn(v->dir, vn->id, first_cb, &tsi);
    if (!tsi) {
        directory_each_nve_of_vn(v->dir, vn->id, vn_nve_cb, &users);
    }
    if (tsi || users.vap) {
        nva_plan_refuse(plan, tsi ? explain_used_by_tsi(v, plan, tsi)
                        : explain_used_by_vap(v, plan, users.vap), "name");
        return;
    }
    plan->object = vn->id;
    registry_add(plan, NVA_DELTA_VN_DEL, vn->id);
    registry_done(plan, NVA_REQ_VN_DEL)->vn = vn->id;
}

/* ## NVEs ## */

static enum nva_reason
check_nve(const struct nva_view *v, const struct nva_request_nve *r,
          const struct nva_nve *old, struct nva_plan *plan,
          const char **field)
{
    const struct nva_nve *new = &r->nve;
    const struct nva_nve *other = directory_nve_by_dpid(v->dir, new->dpid);

    *field = "dpid";
    if (!new->dpid) {
        return NVA_R_BAD_VALUE;
    } else if (old && old->dpid != new->dpid) {
        nva_plan_explain(plan, "NVE %s is the bridge of datapath id "
                         "%016"PRIx64, old->name, old->dpid);
        return NVA_R_IMMUTABLE;
    } else if (!old && other) {
        nva_plan_explain(plan, "NVE %s is the bridge of datapath id "
                         "%016"PRIx64, other->name, other->dpid);
        return NVA_R_DPID_TAKEN;
    }
    *field = "tunnel_ip";
    if (ipv6_addr_is_set(&new->tunnel_ip)
        && !nva_ip_is_host(&new->tunnel_ip)) {
        nva_plan_explain(plan, "an IPv4 or IPv6 address of a host");
        return NVA_R_BAD_VALUE;
    }
    *field = "tunnel_port";
    if (new->tunnel_port[0]
        && !registry_port_name_is_valid(new->tunnel_port)) {
        return NVA_R_BAD_NAME;
    }
    *field = "zone";
    if (new->zone[0] && !nva_name_is_valid(new->zone)) {
        return NVA_R_BAD_NAME;
    }
    *field = "adopt";
    if (r->foreign_flows && !new->adopt) {
        nva_plan_explain(plan, "the bridge holds %"PRIu64" flows of others: "
                         "adopt claims it and deletes them",
                         (uint64_t) r->foreign_flows);
        return NVA_R_FOREIGN_FLOWS;
    }
    return NVA_OK;
}

/* What the request does not say: the session's side, and a guess that nothing
 * replaces. */
static void
keep_session(struct nva_nve *new, const struct nva_nve *old)
{
    const bool has_ip = ipv6_addr_is_set(&new->tunnel_ip);

    if (!old) {
        new->connected = false;
        new->session = 0;
        new->tunnel_ip_guessed = false;
        return;
    }
    new->connected = old->connected;
    new->session = old->session;
    if (!has_ip && old->tunnel_ip_guessed) {
        new->tunnel_ip = old->tunnel_ip;
        new->tunnel_ip_guessed = true;
    } else if (!old->tunnel_ip_guessed
               || !ipv6_addr_equals(&new->tunnel_ip, &old->tunnel_ip)) {
        new->tunnel_ip_guessed = false;
    }
}

static void
put_nve(const struct nva_view *v, const struct nva_request *request,
        struct nva_plan *plan)
{
    const struct nva_nve *new = &request->nve.nve;
    const char *field = "name";
    const struct nva_nve *old;
    enum nva_reason reason;

    if (!nva_name_is_valid(new->name)) {
        nva_plan_refuse(plan, explain_name(plan, NVA_NAME_MAX), field);
        return;
    }
    old = directory_nve_by_name(v->dir, new->name);
    if (old && request->create) {
        reason = NVA_R_EXISTS;
    } else if (!old && directory_n_nves(v->dir) >= NVA_NVES_MAX) {
        reason = explain_limit(plan, "NVEs", NVA_NVES_MAX);
    } else {
        reason = check_nve(v, &request->nve, old, plan, &field);
    }
    if (reason) {
        nva_plan_refuse(plan, reason, field);
        return;
    }

    plan->object = old ? old->id : nva_plan_new_id(plan);
    struct nva_delta *d = registry_add(plan, NVA_DELTA_NVE_PUT, plan->object);
    d->nve = *new;
    d->nve.id = plan->object;
    keep_session(&d->nve, old);
    registry_done(plan, request->type)->nve = plan->object;
}

struct nve_users {
    nva_id nve;
    const struct nva_redirect *redirect;
    const struct nva_move *move;
};

static bool
redirect_cb(const void *redirect_, void *users_)
{
    const struct nva_redirect *r = redirect_;
    struct nve_users *users = users_;

    if (r->at == users->nve || r->to == users->nve) {
        users->redirect = r;
    }
    return !users->redirect;
}

/* A move under way shows its destination and may still need it. */
static bool
move_cb(const void *move_, void *users_)
{
    const struct nva_move *move = move_;
    struct nve_users *users = users_;

    if (move->to_nve == users->nve) {
        users->move = move;
    }
    return !users->move;
}

static bool
first_named_cb(const void *vap, void *first)
{
    return binding_is_nameless(vap) || first_cb(vap, first);
}

/* IN_USE and by whom, or NVA_OK. */
static enum nva_reason
check_unused(const struct nva_view *v, const struct nva_nve *nve,
             struct nva_plan *plan)
{
    struct nve_users users = { .nve = nve->id };
    const struct nva_vap *vap = NULL;
    const struct nva_tsi *tsi = NULL;

    directory_each_vap(v->dir, nve->id, first_named_cb, &vap);
    if (vap) {
        return explain_used_by_vap(v, plan, vap);
    }
    directory_each_tsi_at(v->dir, nve->id, NULL, first_cb, &tsi);
    if (tsi) {
        return explain_used_by_tsi(v, plan, tsi);
    }
    directory_each_redirect(v->dir, redirect_cb, &users);
    if (users.redirect) {
        nva_plan_explain(plan, "packets of a move are redirected there still");
        return NVA_R_IN_USE;
    }
    directory_each_active_move(v->dir, move_cb, &users);
    if (users.move) {
        explain_move(v, plan, users.move);
        return NVA_R_IN_USE;
    }
    return NVA_OK;
}

static void
del_nve(const struct nva_view *v, const char *name, struct nva_plan *plan)
{
    const struct nva_nve *nve = directory_nve_by_name(v->dir, name);
    enum nva_reason reason;

    if (!nve) {
        nva_plan_refuse(plan, explain_absent(plan, "NVE", name), "name");
        return;
    }
    reason = check_unused(v, nve, plan);
    if (reason) {
        nva_plan_refuse(plan, reason, "name");
        return;
    }
    plan->object = nve->id;
    registry_add(plan, NVA_DELTA_NVE_DEL, nve->id);
    registry_done(plan, NVA_REQ_NVE_DEL)->nve = nve->id;
}

/* ## Ports ## */

struct vap_users {
    const struct nva_view *view;
    const struct nva_vap *vap;
    const struct nva_tsi *tsi;
    const struct nva_redirect *redirect;
    struct nva_plan *plan;
};

/* True for a host nobody told us of where nobody can be, or nobody can say:
 * its port is gone, or its NVE's session is. */
static bool
is_left_over(const struct nva_view *v, const struct nva_tsi *t)
{
    const struct nva_nve *nve = directory_nve(v->dir, t->current.nve);
    const struct nva_vm *vm = directory_vm(v->dir, t->vm);

    return (vm->origin == NVA_ORIGIN_LEARNED && !vm->move && nve
            && (!nve->connected
                || directory_port_is_gone(v->dir, &t->current)));
}

static bool
vap_user_cb(const void *tsi_, void *users_)
{
    const struct nva_tsi *t = tsi_;
    struct vap_users *users = users_;
    const struct nva_vap *vap = users->vap;

    if (t->vn == vap->vn
        && (!vap->has_mac || eth_addr_equals(vap->mac, t->mac))
        && !is_left_over(users->view, t)) {
        users->tsi = t;
    }
    return !users->tsi;
}

static bool
vap_forget_cb(const void *tsi_, void *users_)
{
    const struct nva_tsi *t = tsi_;
    struct vap_users *users = users_;

    if (t->vn == users->vap->vn && is_left_over(users->view, t)) {
        learned_forget(users->view, t, NVA_R_CALLER, users->plan);
    }
    return true;
}

/* 'vap' is nobody's any more, or another VN's: who was left over there goes,
 * and who has left it is redirected from there all the same. */
static void
empty_vap(const struct nva_view *v, const struct nva_vap *vap,
          struct nva_plan *plan)
{
    struct vap_users users = { .view = v, .vap = vap, .plan = plan };
    const struct nva_place place = nva_vap_place(vap);

    directory_each_tsi_at(v->dir, vap->nve, vap->port, vap_forget_cb, &users);
    if (directory_port_is_gone(v->dir, &place)) {
        binding_leave_port(v, &place, plan);
    }
}

static bool
vap_redirect_cb(const void *redirect_, void *users_)
{
    const struct nva_redirect *r = redirect_;
    struct vap_users *users = users_;

    if (!strcmp(r->port, users->vap->port)) {
        users->redirect = r;
    }
    return !users->redirect;
}

/* IN_USE if an interface is, or may be, at 'vap', or is redirected from there:
 * its last frames may still come, as long as the port is there.  Else
 * NVA_OK. */
static enum nva_reason
check_vap_unused(const struct nva_view *v, const struct nva_vap *vap,
                 struct nva_plan *plan)
{
    struct vap_users users = { .view = v, .vap = vap };
    const struct nva_place place = nva_vap_place(vap);

    directory_each_tsi_at(v->dir, vap->nve, vap->port, vap_user_cb, &users);
    if (users.tsi) {
        return explain_used_by_tsi(v, plan, users.tsi);
    } else if (directory_port_is_gone(v->dir, &place)) {
        return NVA_OK;
    }
    directory_each_redirect_at(v->dir, vap->nve, vap_redirect_cb, &users);
    if (users.redirect) {
        nva_plan_explain(plan, "packets for a VM that was there are "
                         "redirected still");
        return NVA_R_IN_USE;
    }
    return NVA_OK;
}

static enum nva_reason
check_vap(const struct nva_view *v, const struct nva_request *request,
          const struct nva_vap *new, const struct nva_vap *old,
          struct nva_plan *plan, const char **field)
{
    *field = "port";
    if (old && !old->implied && request->create) {
        return NVA_R_EXISTS;
    } else if (old && old->vn != new->vn && check_vap_unused(v, old, plan)) {
        return explain_vap(v, plan, old);
    }
    *field = "vn";
    if (!old || old->vn != new->vn) {
        enum nva_reason reason = placement_check(v, new->nve, new->vn, plan);

        if (reason) {
            return reason;
        } else if (!binding_has_room(v, new->nve, new->vn)) {
            return explain_room(plan);
        }
    }
    *field = "mac";
    return new->has_mac && !nva_mac_is_host(new->mac) ? NVA_R_BAD_MAC
           : NVA_OK;
}

static void
put_port(const struct nva_view *v, const struct nva_request *request,
         struct nva_plan *plan)
{
    const struct nva_request_port *r = &request->port;
    const struct nva_nve *nve = directory_nve_by_name(v->dir, r->nve);
    const struct nva_vn *vn = directory_vn_by_name(v->dir, r->vn);

    if (!nve) {
        nva_plan_refuse(plan, explain_absent(plan, "NVE", r->nve), "nve");
        return;
    }
    if (!vn) {
        nva_plan_refuse(plan, explain_absent(plan, "network", r->vn), "vn");
        return;
    }
    if (!registry_port_name_is_valid(r->port)) {
        nva_plan_refuse(plan, explain_name(plan, NVA_PORT_NAME_MAX), "port");
        return;
    }

    struct nva_vap new = {
        .nve = nve->id, .vn = vn->id, .has_mac = r->has_mac, .mac = r->mac,
    };
    ovs_strlcpy(new.port, r->port, sizeof new.port);
    const struct nva_vap *old = directory_vap_by_key(
        v->dir, nve->id, r->port, r->has_mac, r->mac);
    const char *field;
    enum nva_reason reason = check_vap(v, request, &new, old, plan, &field);
    if (reason) {
        nva_plan_refuse(plan, reason, field);
        return;
    }

    if (old && old->vn != vn->id) {
        empty_vap(v, old, plan);
        old = (nva_plan_find(plan, NVA_DELTA_VAP_DEL, old->id) ? NULL : old);
    }
    new.detour = old ? old->detour : NVA_DETOUR_NONE;
    new.id = old ? old->id : nva_plan_new_id(plan);
    plan->object = new.id;
    registry_add(plan, NVA_DELTA_VAP_PUT, new.id)->vap = new;
    if (!directory_nve_serves(v->dir, nve->id, vn->id)) {
        fabric_warm(v, nve->id, vn->id, plan);
    }
    struct nva_note *note = registry_done(plan, request->type);
    note->nve = nve->id;
    note->vn = vn->id;
}

static void
del_port(const struct nva_view *v, const struct nva_request_port *r,
         struct nva_plan *plan)
{
    const struct nva_nve *nve = directory_nve_by_name(v->dir, r->nve);
    const struct nva_vap *vap;
    enum nva_reason reason;

    if (!nve) {
        nva_plan_refuse(plan, explain_absent(plan, "NVE", r->nve), "nve");
        return;
    }
    vap = directory_vap_by_key(v->dir, nve->id, r->port, r->has_mac, r->mac);
    if (!vap) {
        nva_plan_explain(plan, "port %s of %s is bound to no network%s",
                         r->port, nve->name, r->has_mac ? " for that MAC"
                         : "");
        nva_plan_refuse(plan, NVA_R_NOT_FOUND, "port");
        return;
    }
    reason = check_vap_unused(v, vap, plan);
    if (reason) {
        nva_plan_refuse(plan, reason, "port");
        return;
    }
    plan->object = vap->id;
    empty_vap(v, vap, plan);
    if (!nva_plan_find(plan, NVA_DELTA_VAP_DEL, vap->id)) {
        registry_add(plan, NVA_DELTA_VAP_DEL, vap->id);
    }
    struct nva_note *note = registry_done(plan, NVA_REQ_PORT_DEL);
    note->nve = nve->id;
    note->vn = vap->vn;
}
