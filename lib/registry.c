/* SPDX-License-Identifier: Apache-2.0 */

/* What operators and VM managers may write, and what depends on what.
 *
 * It knows names, uniqueness, limits and dependencies.  It must never know
 * JSON, flows, or how a move goes: a changed place goes to mobility.
 *
 * Invariant: a refused request leaves no delta; each delta of an accepted one
 * is valid after those before it.  RFC 8014 s4.3, s8.1; draft vmm-15 s3
 * (D16: VM management registers VMs). */

#include <config.h>

#include "registry.h"

#include <string.h>

#include "binding.h"
#include "mobility.h"
#include "openvswitch/util.h"
#include "packets.h"
#include "util.h"

#define REDIRECT_TIMEOUT_MAX 300        /* Seconds. */
#define MTU_MIN 68                      /* RFC 791. */
#define MTU_MAX 65535

/* One interface as the request wants it. */
struct want {
    struct nva_tsi tsi;                 /* id NONE: a new one.  Its places are
                                         * where it is. */
    const struct nva_tsi *old;          /* The one that it continues: the VM's
                                         * own, or a learned host's. */
    struct nva_place place;             /* Named by the request, or kept for
                                         * a changed MAC. */
};

/* One VM_PUT or VM_DEL. */
struct job {
    const struct nva_view *view;
    struct nva_plan *plan;
    const struct nva_vm *vm;            /* As it is; NULL: a new one. */
    nva_id id;
    size_t n_olds;
    const struct nva_tsi *olds[NVA_IFS_MAX];    /* The VM's interfaces. */
    bool kept[NVA_IFS_MAX];
    size_t n_wants;
    struct want wants[NVA_IFS_MAX];
};

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
static void put_vm(const struct nva_view *, const struct nva_request *,
                   struct nva_plan *);
static void del_vm(const struct nva_view *, const char *name,
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
    case NVA_REQ_VM_PUT: put_vm(v, request, plan); break;
    case NVA_REQ_VM_DEL: del_vm(v, request->name, plan); break;
    case NVA_REQ_MOVE_START:
    case NVA_REQ_MOVE_PAUSE:
    case NVA_REQ_MOVE_ACTIVATE:
    case NVA_REQ_MOVE_ABORT:
    default: OVS_NOT_REACHED();
    }
}

enum nva_reason
registry_imply_vap(const struct nva_view *v, nva_id nve, const char *port,
                   nva_id vn, struct nva_plan *plan)
{
    return binding_imply(v, nve, port, vn, plan);
}

/* ## Common ## */

static struct nva_delta *
add(struct nva_plan *plan, enum nva_delta_type type, nva_id id)
{
    struct nva_delta *d = nva_deltas_add(&plan->deltas, type);

    d->id = id;
    return d;
}

static bool
port_name_is_valid(const char *name)
{
    return (strnlen(name, NVA_PORT_NAME_MAX) < NVA_PORT_NAME_MAX
            && nva_name_is_valid(name));
}

static struct nva_note *
note_done(struct nva_plan *plan, enum nva_request_type type)
{
    struct nva_note *note = nva_plan_note(plan, NVA_NOTE_CONFIGURED, NVA_OK);

    note->what = nva_request_type_word(type);
    return note;
}

/* For walks that ask only whether there is one. */
static bool
any_cb(const void *object OVS_UNUSED, void *any)
{
    *(bool *) any = true;
    return false;
}

/* ## VNs ## */

static enum nva_reason
check_vn(const struct nva_view *v, const struct nva_vn *new,
         const struct nva_vn *old, const char **field)
{
    *field = "vni";
    if (new->vni < 1 || new->vni > NVA_VNI_MAX) {
        return NVA_R_BAD_VALUE;
    } else if (old && old->vni != new->vni) {
        return NVA_R_IMMUTABLE;
    } else if (!old && directory_vn_by_vni(v->dir, new->vni)) {
        return NVA_R_VNI_TAKEN;
    }
    *field = "redirect_timeout";
    if (new->redirect_timeout < 1
        || new->redirect_timeout > REDIRECT_TIMEOUT_MAX) {
        return NVA_R_BAD_VALUE;
    }
    *field = "mtu";
    return (new->mtu && (new->mtu < MTU_MIN || new->mtu > MTU_MAX)
            ? NVA_R_BAD_VALUE : NVA_OK);
}

static void
put_vn(const struct nva_view *v, const struct nva_request *request,
       struct nva_plan *plan)
{
    const struct nva_vn *new = &request->vn.vn;
    const char *field = "name";
    const struct nva_vn *old;
    enum nva_reason reason;

    if (!nva_name_is_valid(new->name)) {
        nva_plan_refuse(plan, NVA_R_BAD_NAME, field);
        return;
    }
    old = directory_vn_by_name(v->dir, new->name);
    if (old && request->create) {
        reason = NVA_R_EXISTS;
    } else if (!old && directory_n_vns(v->dir) >= NVA_VNS_MAX) {
        reason = NVA_R_LIMIT;
    } else {
        reason = check_vn(v, new, old, &field);
    }
    if (reason) {
        nva_plan_refuse(plan, reason, field);
        return;
    }

    plan->object = old ? old->id : nva_plan_new_id(plan);
    struct nva_delta *d = add(plan, NVA_DELTA_VN_PUT, plan->object);
    d->vn = *new;
    d->vn.id = plan->object;
    note_done(plan, request->type)->vn = plan->object;
}

struct vn_users {
    const struct nva_view *view;
    struct nva_plan *plan;
    nva_id vn;
    bool explicit;
};

static bool
vn_vap_cb(const void *vap_, void *users_)
{
    const struct nva_vap *vap = vap_;
    struct vn_users *users = users_;

    if (!vap->implied) {
        users->explicit = true;
        return false;
    }
    add(users->plan, NVA_DELTA_VAP_DEL, vap->id);
    return true;
}

static bool
vn_nve_cb(const void *nve_, void *users_)
{
    const struct nva_nve *nve = nve_;
    struct vn_users *users = users_;

    directory_each_vap_of_vn(users->view->dir, nve->id, users->vn, vn_vap_cb,
                             users);
    return !users->explicit;
}

static void
del_vn(const struct nva_view *v, const char *name, struct nva_plan *plan)
{
    const struct nva_vn *vn = directory_vn_by_name(v->dir, name);
    struct vn_users users = { .view = v, .plan = plan };

    if (!vn) {
        nva_plan_refuse(plan, NVA_R_NOT_FOUND, "name");
        return;
    }
    users.vn = vn->id;
    directory_each_tsi_of_vn(v->dir, vn->id, any_cb, &users.explicit);
    if (!users.explicit) {
        directory_each_nve_of_vn(v->dir, vn->id, vn_nve_cb, &users);
    }
    if (users.explicit) {
        nva_plan_refuse(plan, NVA_R_IN_USE, "name");
        return;
    }
    plan->object = vn->id;
    add(plan, NVA_DELTA_VN_DEL, vn->id);
    note_done(plan, NVA_REQ_VN_DEL)->vn = vn->id;
}

/* ## NVEs ## */

static enum nva_reason
check_nve(const struct nva_view *v, const struct nva_request_nve *r,
          const struct nva_nve *old, const char **field)
{
    const struct nva_nve *new = &r->nve;

    *field = "dpid";
    if (!new->dpid) {
        return NVA_R_BAD_VALUE;
    } else if (old && old->dpid != new->dpid) {
        return NVA_R_IMMUTABLE;
    } else if (!old && directory_nve_by_dpid(v->dir, new->dpid)) {
        return NVA_R_DPID_TAKEN;
    }
    *field = "tunnel_ip";
    if (ipv6_addr_is_set(&new->tunnel_ip)
        && !nva_ip_is_host(&new->tunnel_ip)) {
        return NVA_R_BAD_VALUE;
    }
    *field = "tunnel_port";
    if (new->tunnel_port[0] && !port_name_is_valid(new->tunnel_port)) {
        return NVA_R_BAD_NAME;
    }
    *field = "zone";
    if (new->zone[0] && !nva_name_is_valid(new->zone)) {
        return NVA_R_BAD_NAME;
    }
    *field = "adopt";
    return r->foreign_flows && !new->adopt ? NVA_R_FOREIGN_FLOWS : NVA_OK;
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
        nva_plan_refuse(plan, NVA_R_BAD_NAME, field);
        return;
    }
    old = directory_nve_by_name(v->dir, new->name);
    if (old && request->create) {
        reason = NVA_R_EXISTS;
    } else if (!old && directory_n_nves(v->dir) >= NVA_NVES_MAX) {
        reason = NVA_R_LIMIT;
    } else {
        reason = check_nve(v, &request->nve, old, &field);
    }
    if (reason) {
        nva_plan_refuse(plan, reason, field);
        return;
    }

    plan->object = old ? old->id : nva_plan_new_id(plan);
    struct nva_delta *d = add(plan, NVA_DELTA_NVE_PUT, plan->object);
    d->nve = *new;
    d->nve.id = plan->object;
    keep_session(&d->nve, old);
    note_done(plan, request->type)->nve = plan->object;
}

struct nve_users {
    nva_id nve;
    bool any;
};

static bool
redirect_cb(const void *redirect_, void *users_)
{
    const struct nva_redirect *r = redirect_;
    struct nve_users *users = users_;

    users->any = r->at == users->nve || r->to == users->nve;
    return !users->any;
}

/* A move under way shows its destination and may still need it. */
static bool
move_cb(const void *move_, void *users_)
{
    const struct nva_move *move = move_;
    struct nve_users *users = users_;

    users->any = move->to_nve == users->nve;
    return !users->any;
}

static void
del_nve(const struct nva_view *v, const char *name, struct nva_plan *plan)
{
    const struct nva_nve *nve = directory_nve_by_name(v->dir, name);
    struct nve_users users = { .any = false };

    if (!nve) {
        nva_plan_refuse(plan, NVA_R_NOT_FOUND, "name");
        return;
    }
    users.nve = nve->id;
    users.any = directory_n_vaps(v->dir, nve->id) > 0;
    if (!users.any) {
        directory_each_tsi_at(v->dir, nve->id, NULL, any_cb, &users.any);
    }
    if (!users.any) {
        directory_each_redirect(v->dir, redirect_cb, &users);
    }
    if (!users.any) {
        directory_each_active_move(v->dir, move_cb, &users);
    }
    if (users.any) {
        nva_plan_refuse(plan, NVA_R_IN_USE, "name");
        return;
    }
    plan->object = nve->id;
    add(plan, NVA_DELTA_NVE_DEL, nve->id);
    note_done(plan, NVA_REQ_NVE_DEL)->nve = nve->id;
}

/* ## Ports ## */

struct vap_users {
    const struct nva_vap *vap;
    bool any;
};

static bool
vap_user_cb(const void *tsi_, void *users_)
{
    const struct nva_tsi *t = tsi_;
    struct vap_users *users = users_;
    const struct nva_vap *vap = users->vap;

    users->any = (t->vn == vap->vn
                  && (!vap->has_mac || eth_addr_equals(vap->mac, t->mac)));
    return !users->any;
}

/* True if an interface is, or may be, at 'vap'. */
static bool
vap_is_used(const struct nva_view *v, const struct nva_vap *vap)
{
    struct vap_users users = { .vap = vap };

    directory_each_tsi_at(v->dir, vap->nve, vap->port, vap_user_cb, &users);
    return users.any;
}

static enum nva_reason
check_vap(const struct nva_view *v, const struct nva_request *request,
          const struct nva_vap *new, const struct nva_vap *old,
          const char **field)
{
    *field = "port";
    if (old && !old->implied && request->create) {
        return NVA_R_EXISTS;
    } else if (old && old->vn != new->vn && vap_is_used(v, old)) {
        return NVA_R_PORT_TAKEN;
    } else if (!old && directory_n_vaps(v->dir, new->nve)
                       >= NVA_VAPS_PER_NVE_MAX) {
        return NVA_R_LIMIT;
    }
    *field = "vn";
    if (!directory_nve_serves(v->dir, new->nve, new->vn)
        && directory_n_nves_of_vn(v->dir, new->vn) >= NVA_NVES_PER_VN_MAX) {
        return NVA_R_LIMIT;
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

    if (!nve || !vn) {
        nva_plan_refuse(plan, NVA_R_NOT_FOUND, nve ? "vn" : "nve");
        return;
    }
    if (!port_name_is_valid(r->port)) {
        nva_plan_refuse(plan, NVA_R_BAD_NAME, "port");
        return;
    }

    struct nva_vap new = {
        .nve = nve->id, .vn = vn->id, .has_mac = r->has_mac, .mac = r->mac,
    };
    ovs_strlcpy(new.port, r->port, sizeof new.port);
    const struct nva_vap *old = directory_vap_by_key(
        v->dir, nve->id, r->port, r->has_mac, r->mac);
    const char *field;
    enum nva_reason reason = check_vap(v, request, &new, old, &field);
    if (reason) {
        nva_plan_refuse(plan, reason, field);
        return;
    }

    new.id = old ? old->id : nva_plan_new_id(plan);
    plan->object = new.id;
    add(plan, NVA_DELTA_VAP_PUT, new.id)->vap = new;
    struct nva_note *note = note_done(plan, request->type);
    note->nve = nve->id;
    note->vn = vn->id;
}

static void
del_port(const struct nva_view *v, const struct nva_request_port *r,
         struct nva_plan *plan)
{
    const struct nva_nve *nve = directory_nve_by_name(v->dir, r->nve);
    const struct nva_vap *vap;

    if (!nve) {
        nva_plan_refuse(plan, NVA_R_NOT_FOUND, "nve");
        return;
    }
    vap = directory_vap_by_key(v->dir, nve->id, r->port, r->has_mac, r->mac);
    if (!vap) {
        nva_plan_refuse(plan, NVA_R_NOT_FOUND, "port");
        return;
    }
    if (vap_is_used(v, vap)) {
        nva_plan_refuse(plan, NVA_R_IN_USE, "port");
        return;
    }
    plan->object = vap->id;
    add(plan, NVA_DELTA_VAP_DEL, vap->id);
    struct nva_note *note = note_done(plan, NVA_REQ_PORT_DEL);
    note->nve = nve->id;
    note->vn = vap->vn;
}

/* ## VMs: leaving ## */

static bool
collect_cb(const void *tsi, void *job_)
{
    struct job *job = job_;

    if (job->n_olds < NVA_IFS_MAX) {
        job->olds[job->n_olds++] = tsi;
    }
    return true;
}

/* What must not be cut short: a move on its way to the new place. */
static bool
move_is_unsettled(const struct nva_view *v, nva_id id)
{
    const struct nva_move *move = directory_move(v->dir, id);

    return move && (move->state == NVA_MS_PREPARED
                    || move->state == NVA_MS_PAUSED
                    || move->state == NVA_MS_SWITCHING);
}

/* Ends a settled move whose VM goes. */
static void
end_move(const struct job *job, nva_id id)
{
    const struct nva_move *move = directory_move(job->view->dir, id);

    if (move) {
        struct nva_delta *d = add(job->plan, NVA_DELTA_MOVE_PUT, id);

        d->move = *move;
        d->move.unwinding = false;
        d->move.ended = job->view->now;
        if (move->state != NVA_MS_ABORTED) {
            d->move.state = NVA_MS_DONE;
            d->move.end_reason = NVA_R_CALLER;
        }
    }
}

static bool
del_redirect_cb(const void *redirect_, void *plan)
{
    const struct nva_redirect *r = redirect_;

    add(plan, NVA_DELTA_REDIRECT_DEL, r->id);
    return true;
}

static void
del_tsi(const struct job *job, const struct nva_tsi *t)
{
    directory_each_redirect_of_tsi(job->view->dir, t->id, del_redirect_cb,
                                   job->plan);
    add(job->plan, NVA_DELTA_TSI_DEL, t->id);
}

static const struct nva_delta *
find_delta(const struct nva_plan *plan, enum nva_delta_type type, nva_id id)
{
    for (size_t i = plan->deltas.n; i-- > 0; ) {
        const struct nva_delta *d = &plan->deltas.a[i];

        if (d->type == type && d->id == id) {
            return d;
        }
    }
    return NULL;
}

static bool
tsi_uses(const struct nva_tsi *t, const struct nva_place *place, nva_id vn)
{
    return (t->vn == vn && (nva_place_equal(&t->current, place)
                            || nva_place_equal(&t->published, place)
                            || nva_place_equal(&t->prepared, place)));
}

struct stayers {
    const struct nva_plan *plan;
    nva_id vn;
    bool any;
};

static bool
stayer_cb(const void *tsi_, void *stayers_)
{
    const struct nva_tsi *t = tsi_;
    struct stayers *s = stayers_;

    s->any = (t->vn == s->vn
              && !find_delta(s->plan, NVA_DELTA_TSI_DEL, t->id));
    return !s->any;
}

/* Deletes the implied VAP at 'place' if the plan leaves no interface of 'vn'
 * there. */
static void
release(const struct job *job, const struct nva_place *place, nva_id vn)
{
    struct stayers s = { .plan = job->plan, .vn = vn };
    const struct nva_vap *vap;

    if (!nva_place_is_set(place)) {
        return;
    }
    vap = directory_vap_by_key(job->view->dir, place->nve, place->port, false,
                               eth_addr_zero);
    if (!vap || !vap->implied || vap->vn != vn
        || find_delta(job->plan, NVA_DELTA_VAP_DEL, vap->id)) {
        return;
    }
    for (size_t i = 0; i < job->plan->deltas.n; i++) {
        const struct nva_delta *d = &job->plan->deltas.a[i];

        if (d->type == NVA_DELTA_TSI_PUT && tsi_uses(&d->tsi, place, vn)
            && !find_delta(job->plan, NVA_DELTA_TSI_DEL, d->id)) {
            return;
        }
    }
    directory_each_tsi_at(job->view->dir, place->nve, place->port, stayer_cb,
                          &s);
    if (!s.any) {
        add(job->plan, NVA_DELTA_VAP_DEL, vap->id);
    }
}

static void
release_all(const struct job *job, const struct nva_tsi *t)
{
    release(job, &t->current, t->vn);
    release(job, &t->published, t->vn);
    release(job, &t->prepared, t->vn);
}

static void
del_vm(const struct nva_view *v, const char *name, struct nva_plan *plan)
{
    struct job job = {
        .view = v, .plan = plan, .vm = directory_vm_by_name(v->dir, name),
    };

    if (!job.vm) {
        nva_plan_refuse(plan, NVA_R_NOT_FOUND, "name");
        return;
    }
    if (move_is_unsettled(v, job.vm->move)) {
        nva_plan_refuse(plan, NVA_R_MOVE_IN_PROGRESS, "name");
        return;
    }
    job.id = job.vm->id;
    directory_each_tsi_of_vm(v->dir, job.id, collect_cb, &job);
    end_move(&job, job.vm->move);
    for (size_t i = 0; i < job.n_olds; i++) {
        del_tsi(&job, job.olds[i]);
    }
    for (size_t i = 0; i < job.n_olds; i++) {
        release_all(&job, job.olds[i]);
    }
    add(plan, NVA_DELTA_VM_DEL, job.id);
    plan->object = job.id;
    note_done(plan, NVA_REQ_VM_DEL)->vm = job.id;
}

/* ## VMs: what is wanted ## */

static bool
has_ip(const struct nva_tsi *t, const struct in6_addr *ip)
{
    for (size_t i = 0; i < t->n_ips; i++) {
        if (ipv6_addr_equals(&t->ips[i], ip)) {
            return true;
        }
    }
    return false;
}

static bool
ips_equal(const struct nva_tsi *a, const struct nva_tsi *b)
{
    return (a->n_ips == b->n_ips
            && !memcmp(a->ips, b->ips, a->n_ips * sizeof a->ips[0]));
}

/* True if another VM manages 't'. */
static bool
is_foreign(const struct job *job, const struct nva_tsi *t)
{
    return !job->vm || t->vm != job->vm->id;
}

/* Finds the interface that 'w' continues: this VM's with that MAC, or a host
 * that was only learned. */
static enum nva_reason
want_mac(struct job *job, struct want *w, nva_id vn, struct eth_addr mac)
{
    const struct directory *dir = job->view->dir;
    const struct nva_tsi *holder = directory_tsi_by_mac(dir, vn, mac);

    for (size_t i = 0; i < job->n_wants; i++) {
        const struct nva_tsi *t = &job->wants[i].tsi;

        if (t->vn == vn && eth_addr_equals(t->mac, mac)) {
            return NVA_R_MAC_TAKEN;
        }
    }
    if (holder && is_foreign(job, holder)) {
        const struct nva_vm *vm = directory_vm(dir, holder->vm);

        if (vm->origin != NVA_ORIGIN_LEARNED) {
            return NVA_R_MAC_TAKEN;
        } else if (move_is_unsettled(job->view, vm->move)) {
            return NVA_R_MOVE_IN_PROGRESS;
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

/* True if an interface earlier in the request takes 'ip' in 'vn'. */
static bool
is_wanted(const struct job *job, nva_id vn, const struct in6_addr *ip)
{
    for (size_t i = 0; i < job->n_wants; i++) {
        const struct nva_tsi *t = &job->wants[i].tsi;

        if (t->vn == vn && has_ip(t, ip)) {
            return true;
        }
    }
    return false;
}

static enum nva_reason
want_ips(const struct job *job, struct want *w,
         const struct nva_request_if *r)
{
    struct nva_tsi *t = &w->tsi;

    t->n_ips = 0;
    memset(t->ips, 0, sizeof t->ips);
    if (r->n_ips > NVA_IPS_MAX) {
        return NVA_R_LIMIT;
    }
    for (size_t i = 0; i < r->n_ips; i++) {
        const struct in6_addr *ip = &r->ips[i];
        const struct nva_tsi *holder = directory_tsi_by_ip(job->view->dir,
                                                           t->vn, ip);

        if (!nva_ip_is_host(ip)) {
            return NVA_R_BAD_IP;
        } else if (has_ip(t, ip) || is_wanted(job, t->vn, ip)
                   || (holder && holder != w->old
                       && is_foreign(job, holder))) {
            return NVA_R_IP_TAKEN;
        }
        t->ips[t->n_ips++] = *ip;
    }
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
    } else if (!port_name_is_valid(r->port)) {
        return NVA_R_BAD_NAME;
    }
    *field = "nve";
    if (!nve) {
        return NVA_R_NOT_FOUND;
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
        return NVA_R_BAD_NAME;
    }
    for (size_t i = 0; i < job->n_wants; i++) {
        if (!strcmp(job->wants[i].tsi.name, name)) {
            return NVA_R_EXISTS;
        }
    }
    *field = "vn";
    if (!vn) {
        return NVA_R_NOT_FOUND;
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
        reason = want_place(job, w, r, field);
    }
    job->n_wants++;
    return reason;
}

/* True if 'w' takes an interface from where it is. */
static bool
want_moves(const struct want *w)
{
    return (nva_place_is_set(&w->place)
            && !nva_place_equal(&w->place, &w->tsi.current));
}

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
    *field = "interfaces";
    if (job->n_wants > job->n_olds) {
        return NVA_R_MOVE_IN_PROGRESS;
    }
    for (size_t i = 0; i < job->n_olds; i++) {
        if (!job->kept[i]) {
            return NVA_R_MOVE_IN_PROGRESS;
        }
    }
    *field = "ips";
    for (size_t i = 0; to && i < job->n_wants; i++) {
        if (!ips_equal(&job->wants[i].tsi, job->wants[i].old)) {
            return NVA_R_MOVE_IN_PROGRESS;
        }
    }
    return NVA_OK;
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
            return NVA_R_UNSUPPORTED;
        }
        to = w->place.nve;
    }
    if (to && !job->vm->move
        && directory_n_moves_active(job->view->dir) >= NVA_MOVES_ACTIVE_MAX) {
        return NVA_R_LIMIT;
    }
    return job->vm && job->vm->move ? check_moving(job, to, field) : NVA_OK;
}

static enum nva_reason
check_vm(struct job *job, const struct nva_request *request,
         const char **field)
{
    const struct nva_request_vm *r = &request->vm;
    const struct directory *dir = job->view->dir;
    enum nva_reason reason = NVA_OK;

    *field = "name";
    if (!nva_name_is_valid(r->name)) {
        return NVA_R_BAD_NAME;
    }
    job->vm = directory_vm_by_name(dir, r->name);
    if (job->vm && request->create) {
        return NVA_R_EXISTS;
    } else if (!job->vm && directory_n_vms(dir) >= NVA_VMS_MAX) {
        return NVA_R_LIMIT;
    }
    *field = "state";
    if (r->has_state
        && (r->state < NVA_VM_UNKNOWN || r->state > NVA_VM_CRASHED)) {
        return NVA_R_BAD_VALUE;
    }
    *field = "interfaces";
    if (r->n_ifs > NVA_IFS_MAX) {
        return NVA_R_LIMIT;
    }
    if (job->vm) {
        directory_each_tsi_of_vm(dir, job->vm->id, collect_cb, job);
    }
    for (size_t i = 0; !reason && i < r->n_ifs; i++) {
        reason = want_if(job, &r->ifs[i], field);
    }
    return reason ? reason : check_wants(job, field);
}

/* ## VMs: what is done ## */

/* The state: as asked, else as it was; running once it has a place. */
static enum nva_vm_state
vm_state(const struct job *job, const struct nva_request_vm *r)
{
    const enum nva_vm_state old = job->vm ? job->vm->state : NVA_VM_UNKNOWN;
    const enum nva_vm_state state = r->has_state ? r->state : old;

    if (state != NVA_VM_UNKNOWN || (r->has_state && !job->vm)) {
        return state;
    }
    for (size_t i = 0; i < job->n_wants; i++) {
        if (nva_place_is_set(&job->wants[i].place)
            || nva_place_is_set(&job->wants[i].tsi.current)) {
            return NVA_VM_RUNNING;
        }
    }
    return state;
}

static void
do_vm(const struct job *job, const struct nva_request_vm *r)
{
    struct nva_delta *d = add(job->plan, NVA_DELTA_VM_PUT, job->id);

    if (job->vm) {
        d->vm = *job->vm;
    }
    d->vm.id = job->id;
    ovs_strlcpy(d->vm.name, r->name, sizeof d->vm.name);
    d->vm.origin = NVA_ORIGIN_CONFIGURED;
    d->vm.state = vm_state(job, r);
}

static void
put_tsi(const struct job *job, const struct nva_tsi *t)
{
    add(job->plan, NVA_DELTA_TSI_PUT, t->id)->tsi = *t;
}

/* Makes what was a learned host's this VM's.  It stays the same interface with
 * its redirects, unless the request puts it elsewhere: what was learned is
 * then plainly wrong and goes. */
static void
take_over(struct job *job, struct want *w)
{
    const struct nva_tsi *old = w->old;

    end_move(job, directory_vm(job->view->dir, old->vm)->move);
    if (want_moves(w)) {
        del_tsi(job, old);
        w->old = NULL;
        w->tsi.id = NVA_ID_NONE;
        w->tsi.current = w->tsi.published = w->tsi.prepared
            = (struct nva_place) { .nve = NVA_ID_NONE };
        w->tsi.paused = false;
        w->tsi.deliver_version = 0;
    } else {
        struct nva_tsi t = *old;

        t.vm = job->id;
        ovs_strlcpy(t.name, w->tsi.name, sizeof t.name);
        put_tsi(job, &t);
    }
    add(job->plan, NVA_DELTA_VM_DEL, old->vm);
}

/* Takes from a continued interface the addresses that it loses, before another
 * of the same VM gets them. */
static void
strip_ips(const struct job *job, const struct want *w)
{
    struct nva_tsi t = *w->old;

    t.vm = job->id;
    ovs_strlcpy(t.name, w->tsi.name, sizeof t.name);
    t.n_ips = 0;
    memset(t.ips, 0, sizeof t.ips);
    for (size_t i = 0; i < w->old->n_ips; i++) {
        if (has_ip(&w->tsi, &w->old->ips[i])) {
            t.ips[t.n_ips++] = w->old->ips[i];
        }
    }
    if (t.n_ips < w->old->n_ips) {
        put_tsi(job, &t);
    }
}

/* The VAP that 'w' needs at its place. */
static enum nva_reason
bind_place(const struct job *job, const struct want *w)
{
    const struct nva_vap *vap = directory_vap_for(
        job->view->dir, w->place.nve, w->place.port, w->tsi.mac);

    if (vap) {
        return vap->vn == w->tsi.vn ? NVA_OK : NVA_R_PORT_TAKEN;
    }
    return registry_imply_vap(job->view, w->place.nve, w->place.port,
                              w->tsi.vn, job->plan);
}

/* Puts an interface that stays where it is, if something about it changed:
 * its places as the plan leaves them. */
static void
refresh_tsi(const struct job *job, const struct want *w)
{
    const struct nva_delta *d = find_delta(job->plan, NVA_DELTA_TSI_PUT,
                                           w->tsi.id);
    struct nva_tsi t = d ? d->tsi : w->old ? *w->old : w->tsi;

    if (w->old && t.vm == job->id && !strcmp(t.name, w->tsi.name)
        && ips_equal(&t, &w->tsi)) {
        return;
    }
    t.vm = job->id;
    ovs_strlcpy(t.name, w->tsi.name, sizeof t.name);
    t.n_ips = w->tsi.n_ips;
    memcpy(t.ips, w->tsi.ips, sizeof t.ips);
    put_tsi(job, &t);
}

/* Brings 'w' to its place, if it is to go to one. */
static enum nva_reason
do_place(const struct job *job, struct want *w)
{
    enum nva_reason reason = NVA_OK;

    if (!w->tsi.id) {
        w->tsi.id = nva_plan_new_id(job->plan);
    }
    w->tsi.vm = job->id;
    if (want_moves(w)) {
        reason = bind_place(job, w);
        if (!reason) {
            mobility_place(job->view, &w->tsi, &w->place, job->plan);
            reason = job->plan->verdict;
        }
    }
    return reason;
}

/* Appends the deltas of the wanted interfaces: first what goes, then what
 * moves or is new, then what stays. */
static enum nva_reason
do_ifs(struct job *job)
{
    for (size_t i = 0; i < job->n_olds; i++) {
        if (!job->kept[i]) {
            del_tsi(job, job->olds[i]);
        }
    }
    for (size_t i = 0; i < job->n_wants; i++) {
        if (job->wants[i].old && is_foreign(job, job->wants[i].old)) {
            take_over(job, &job->wants[i]);
        }
    }
    for (size_t i = 0; i < job->n_wants; i++) {
        if (job->wants[i].old) {
            strip_ips(job, &job->wants[i]);
        }
    }
    for (size_t i = 0; i < job->n_wants; i++) {
        enum nva_reason reason = do_place(job, &job->wants[i]);

        if (reason) {
            return reason;
        }
    }
    for (size_t i = 0; i < job->n_wants; i++) {
        const struct want *w = &job->wants[i];

        if (!want_moves(w)) {
            refresh_tsi(job, w);
        }
    }
    return NVA_OK;
}

/* Implied VAPs of what 'job' deleted. */
static void
release_gone(const struct job *job, const struct nva_tsi *const *taken,
             size_t n_taken)
{
    for (size_t i = 0; i < job->n_olds; i++) {
        if (!job->kept[i]) {
            release_all(job, job->olds[i]);
        }
    }
    for (size_t i = 0; i < n_taken; i++) {
        release_all(job, taken[i]);
    }
}

static void
put_vm(const struct nva_view *v, const struct nva_request *request,
       struct nva_plan *plan)
{
    struct job job = { .view = v, .plan = plan };
    const struct nva_tsi *taken[NVA_IFS_MAX];
    size_t n_taken = 0;
    const char *field;
    enum nva_reason reason = check_vm(&job, request, &field);

    if (reason) {
        nva_plan_refuse(plan, reason, field);
        return;
    }
    for (size_t i = 0; i < job.n_wants; i++) {
        if (job.wants[i].old && is_foreign(&job, job.wants[i].old)) {
            taken[n_taken++] = job.wants[i].old;
        }
    }
    job.id = job.vm ? job.vm->id : nva_plan_new_id(plan);
    do_vm(&job, &request->vm);
    reason = do_ifs(&job);
    if (reason) {
        nva_plan_refuse(plan, reason,
                        plan->verdict && plan->field ? plan->field : "port");
        return;
    }
    release_gone(&job, taken, n_taken);
    plan->object = job.id;
    note_done(plan, request->type)->vm = job.id;
}
