/* SPDX-License-Identifier: Apache-2.0 */

/* What a VM request does: deltas for what leaves, what is taken over from
 * hosts that were only learned, what moves, what stays.
 *
 * It knows the order that keeps every delta valid after those before it.  It
 * must never check what registry-want has checked, nor know how a move goes: a
 * changed place goes to mobility.
 *
 * Invariant: no address is given before it is taken.  RFC 8014 s4.3, s8.1;
 * draft vmm-15 s3 (D16). */

#include <config.h>

#include "registry-private.h"
#include "story.h"

#include <string.h>

#include "binding.h"
#include "explain.h"
#include "mobility.h"
#include "openvswitch/util.h"
#include "packets.h"
#include "redirect.h"
#include "util.h"

static bool is_prepared(const struct nva_view *, nva_id move);
static void end_move(const struct job *, nva_id move);
static enum nva_vm_state vm_state(const struct job *,
                                  const struct nva_request_vm *);
static void do_vm(const struct job *, const struct nva_request_vm *);
static enum nva_reason do_ifs(struct job *);
static void del_tsi(const struct job *, const struct nva_tsi *);

void
registry_vm_put(const struct nva_view *v, const struct nva_request *request,
                struct nva_plan *plan)
{
    struct job job = { .view = v, .plan = plan };
    const char *field;
    enum nva_reason reason = registry_want_vm(&job, request, &field);

    if (reason) {
        nva_plan_refuse(plan, reason, field);
        return;
    }
    job.id = job.vm ? job.vm->id : nva_plan_new_id(plan);
    do_vm(&job, &request->vm);
    reason = do_ifs(&job);
    if (reason) {
        nva_plan_refuse(plan, reason,
                        plan->verdict && plan->field ? plan->field
                        : reason == NVA_R_PLACEMENT ? "nve" : "port");
        return;
    }
    mobility_vm_state(v, job.id, vm_state(&job, &request->vm), plan);
    plan->object = job.id;
    registry_done(plan, request->type)->vm = job.id;
}

void
registry_vm_del(const struct nva_view *v, const char *name,
                struct nva_plan *plan)
{
    struct job job = {
        .view = v, .plan = plan, .vm = directory_vm_by_name(v->dir, name),
    };

    if (!job.vm) {
        nva_plan_refuse(plan, explain_absent(plan, "VM", name), "name");
        return;
    }
    if (is_prepared(v, job.vm->move)) {
        nva_plan_refuse(plan, explain_move(
            v, plan, directory_move(v->dir, job.vm->move)), "name");
        return;
    }
    job.id = job.vm->id;
    registry_collect(&job);
    end_move(&job, job.vm->move);
    for (size_t i = 0; i < job.n_olds; i++) {
        del_tsi(&job, job.olds[i]);
    }
    registry_add(plan, NVA_DELTA_VM_DEL, job.id);
    plan->object = job.id;
    registry_done(plan, NVA_REQ_VM_DEL)->vm = job.id;
}

/* ## Leaving ## */

/* Ends a settled move whose VM goes. */
static void
end_move(const struct job *job, nva_id id)
{
    const struct nva_move *old = directory_move(job->view->dir, id);
    bool failed = old && old->state == NVA_MS_SWITCHING;
    struct nva_move move;

    if (!old) {
        return;
    }
    move = *old;
    move.unwinding = false;
    if (move_fsm_is_ended(move.state)) {
        story_unlink(job->view, job->plan, &move);
    } else {
        story_go(job->view, job->plan, &move,
                 failed ? NVA_MS_FAILED : NVA_MS_DONE, NVA_R_CALLER);
    }
    story_put(job->plan, &move);
    story_stamp(job->plan, id, failed ? NVA_STAMP_FAILED : NVA_STAMP_DONE,
                job->view->now, NVA_ID_NONE, NVA_R_CALLER);
}

/* True if the VM still runs at its old place while a new one waits for it. */
static bool
is_prepared(const struct nva_view *v, nva_id id)
{
    const struct nva_move *move = directory_move(v->dir, id);

    return move && (move->state == NVA_MS_PREPARED
                    || move->state == NVA_MS_PAUSED);
}

static bool
del_redirect_cb(const void *redirect_, void *plan)
{
    const struct nva_redirect *r = redirect_;

    registry_add(plan, NVA_DELTA_REDIRECT_DEL, r->id);
    return true;
}

static void
del_tsi(const struct job *job, const struct nva_tsi *t)
{
    directory_each_redirect_of_tsi(job->view->dir, t->id, del_redirect_cb,
                                   job->plan);
    registry_add(job->plan, NVA_DELTA_TSI_DEL, t->id);
}

/* ## Coming and staying ## */

/* The state: as asked, else as the plan leaves it; running once it has a
 * place. */
static enum nva_vm_state
vm_state(const struct job *job, const struct nva_request_vm *r)
{
    const struct nva_vm *vm = story_vm(job->view, job->plan, job->id);
    const enum nva_vm_state state = (r->has_state ? r->state
                                     : vm ? vm->state : NVA_VM_UNKNOWN);

    if (state != NVA_VM_UNKNOWN || r->has_state) {
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
    struct nva_delta *d = registry_add(job->plan, NVA_DELTA_VM_PUT, job->id);

    if (job->vm) {
        d->vm = *job->vm;
    } else {
        d->vm.state = NVA_VM_UNKNOWN;
        d->vm.state = vm_state(job, r);
        d->vm.since = job->view->now;
    }
    d->vm.id = job->id;
    ovs_strlcpy(d->vm.name, r->name, sizeof d->vm.name);
    d->vm.origin = NVA_ORIGIN_CONFIGURED;
    d->vm.connections = r->connections;
    d->vm.sticky = r->sticky;
}

static void
put_tsi(const struct job *job, const struct nva_tsi *t)
{
    registry_add(job->plan, NVA_DELTA_TSI_PUT, t->id)->tsi = *t;
}

/* True if 't' needs not be told to lose an address: this VM takes it over, or
 * has it, or it has gone already. */
static bool
is_settled(const struct job *job, const struct nva_tsi *t)
{
    for (size_t i = 0; i < job->n_yielding; i++) {
        if (job->yielding[i] == t) {
            return true;
        }
    }
    for (size_t i = 0; i < job->n_wants; i++) {
        if (job->wants[i].old == t) {
            return true;
        }
    }
    return !is_foreign(job, t);
}

/* Takes 'ip' from 'holder', of whom it was only learned: what VM management
 * says is so, and what a frame said is no more than a guess. */
static void
take_ip(const struct job *job, const struct nva_tsi *holder,
        const struct in6_addr *ip)
{
    struct nva_tsi t = *story_tsi(job->view, job->plan, holder->id);
    struct nva_note *note = nva_plan_note_tsi(
        job->plan, NVA_NOTE_CONFIGURED, NVA_R_IP_TAKEN, &t);

    nva_tsi_drop_ip(&t, ip);
    put_tsi(job, &t);
    note->ip = *ip;
    note->what = "learned address lost";
}

/* Takes the addresses of 'w' from hosts that were only learned, but for those
 * that are taken over as a whole, or yield as a whole. */
static void
take_ips(const struct job *job, const struct want *w)
{
    for (size_t i = 0; i < w->tsi.n_ips; i++) {
        const struct nva_tsi *holder = directory_tsi_by_ip(
            job->view->dir, w->tsi.vn, &w->tsi.ips[i]);

        if (holder && !is_settled(job, holder)) {
            take_ip(job, holder, &w->tsi.ips[i]);
        }
    }
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
        w->tsi.held_until = 0;
    } else {
        struct nva_tsi t = *old;

        t.vm = job->id;
        ovs_strlcpy(t.name, w->tsi.name, sizeof t.name);
        put_tsi(job, &t);
    }
    registry_add(job->plan, NVA_DELTA_VM_DEL, old->vm);
}

/* Takes from a continued interface the addresses that it loses, before another
 * of the same VM gets them. */
static void
strip_ips(const struct job *job, const struct want *w)
{
    struct nva_tsi t = *w->old;

    t.vm = job->id;
    ovs_strlcpy(t.name, w->tsi.name, sizeof t.name);
    t.n_ips = t.n_given = 0;
    memset(t.ips, 0, sizeof t.ips);
    for (size_t i = 0; i < w->old->n_ips; i++) {
        if (has_ip(&w->tsi, &w->old->ips[i])) {
            t.n_given += i < w->old->n_given;
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

    if (vap && (vap->vn == w->tsi.vn || vap->has_mac)) {
        return (vap->vn == w->tsi.vn ? NVA_OK
                : explain_vap(job->view, job->plan, vap));
    }
    return binding_imply(job->view, w->place.nve, w->place.port, w->tsi.vn,
                         job->plan);
}

static bool
allowed_equal(const struct nva_tsi *a, const struct nva_tsi *b)
{
    return (a->n_allowed == b->n_allowed
            && !memcmp(a->allowed, b->allowed,
                       a->n_allowed * sizeof a->allowed[0]));
}

/* Puts an interface that stays where it is, if something about it changed:
 * its places as the plan leaves them. */
static void
refresh_tsi(const struct job *job, const struct want *w)
{
    const struct nva_tsi *latest = story_tsi(job->view, job->plan, w->tsi.id);
    struct nva_tsi t = latest ? *latest : w->tsi;

    if (w->old && t.vm == job->id && !strcmp(t.name, w->tsi.name)
        && ips_equal(&t, &w->tsi) && t.n_given == w->tsi.n_given
        && allowed_equal(&t, &w->tsi) && t.roles == w->tsi.roles) {
        return;
    }
    t.vm = job->id;
    ovs_strlcpy(t.name, w->tsi.name, sizeof t.name);
    t.n_ips = w->tsi.n_ips;
    t.n_given = w->tsi.n_given;
    memcpy(t.ips, w->tsi.ips, sizeof t.ips);
    t.roles = w->tsi.roles;
    t.n_allowed = w->tsi.n_allowed;
    memcpy(t.allowed, w->tsi.allowed, sizeof t.allowed);
    t.nested = w->tsi.nested;
    put_tsi(job, &t);
    if (w->old && !allowed_equal(w->old, &t)) {
        redirect_renew(job->view, t.id, job->plan);
    }
}

/* Brings 'w' to its place, if it is to go to one: where that was prepared, it
 * may have come along with an interface before it. */
static enum nva_reason
do_place(const struct job *job, struct want *w)
{
    enum nva_reason reason = NVA_OK;

    if (!w->tsi.id) {
        w->tsi.id = nva_plan_new_id(job->plan);
    } else {
        const struct nva_tsi *latest = story_tsi(job->view, job->plan,
                                                 w->tsi.id);

        w->tsi.current = latest->current;
        w->tsi.published = latest->published;
        w->tsi.prepared = latest->prepared;
        w->tsi.paused = latest->paused;
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

/* Appends the deltas of the wanted interfaces: first what goes and what others
 * lose, then what moves or is new, then what stays. */
static enum nva_reason
do_ifs(struct job *job)
{
    for (size_t i = 0; i < job->n_olds; i++) {
        if (!job->kept[i]) {
            del_tsi(job, job->olds[i]);
        }
    }
    for (size_t i = 0; i < job->n_yielding; i++) {
        const struct nva_tsi *t = job->yielding[i];

        end_move(job, directory_vm(job->view->dir, t->vm)->move);
        del_tsi(job, t);
        registry_add(job->plan, NVA_DELTA_VM_DEL, t->vm);
    }
    for (size_t i = 0; i < job->n_wants; i++) {
        take_ips(job, &job->wants[i]);
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
