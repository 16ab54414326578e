/* SPDX-License-Identifier: Apache-2.0 */

/* Decides which VM leaves an NVE next, and where to.
 *
 * Knows the drain's own record and who stands where.  Must never know how a
 * move goes: mobility begins it, and refuses it.  Invariant: a step that was
 * due changes something, so that it is not due for ever; a drain has at most
 * 'parallel' moves that have not converged.  A redirect that runs out is in
 * nobody's way and not waited for.  draft vmm-15 s3, s6 (D16). */

#include <config.h>

#include "drain.h"

#include <stdlib.h>
#include <string.h>

#include "mobility.h"
#include "move-fsm.h"
#include "openvswitch/util.h"
#include "util.h"

/* A VM that this step gives up. */
struct given_up {
    nva_id vm;
    enum nva_reason reason;
};

/* One step as it goes. */
struct drain_job {
    const struct nva_view *view;
    struct nva_plan *plan;
    struct nva_drain drain;             /* As it will be. */
    size_t n_given_up;
    struct given_up given_up[NVA_DRAIN_PARALLEL_MAX + 1];
};

struct vm_walk {
    const struct nva_view *view;
    const struct nva_drain *drain;
    drain_vm_cb *cb;
    void *aux;
    bool goes_on;
};

struct candidate {
    const struct nva_nve *nve;
    size_t load;
};

static void drain_start(const struct nva_view *,
                        const struct nva_request_drain *, struct nva_plan *);
static void drain_stop(const struct nva_view *,
                       const struct nva_request_drain *, struct nva_plan *);
static bool due_cb(const void *drain, void *);
static bool is_due(const struct nva_view *, const struct nva_drain *);
static bool is_through(const struct nva_view *, nva_id move);
static void take_note(struct drain_job *);
static void begin(struct drain_job *);
static void give_up(struct drain_job *, nva_id vm, enum nva_reason);
static const struct nva_vm *next_waiting(const struct nva_view *,
                                         const struct nva_drain *,
                                         bool *others);
static size_t find_candidates(const struct nva_view *,
                              const struct nva_drain *, struct candidate *);
static bool is_at(const struct nva_view *, nva_id vm, nva_id nve);
static struct nva_note *note(struct nva_plan *, const struct nva_drain *,
                             enum nva_reason, const char *what);
static void put(struct nva_plan *, const struct nva_drain *);

void
drain_request(const struct nva_view *v, const struct nva_request *request,
              struct nva_plan *plan)
{
    if (request->type == NVA_REQ_DRAIN_START) {
        drain_start(v, &request->drain, plan);
    } else {
        drain_stop(v, &request->drain, plan);
    }
}

struct due {
    const struct nva_view *view;
    nva_id nve;
};

nva_id
drain_due(const struct nva_view *v)
{
    struct due due = { .view = v };

    directory_each_drain_going_on(v->dir, due_cb, &due);
    return due.nve;
}

void
drain_step(const struct nva_view *v, nva_id nve, struct nva_plan *plan)
{
    const struct nva_drain *old = directory_drain(v->dir, nve);
    struct drain_job job = { .view = v, .plan = plan };
    bool others;

    if (!old || !is_due(v, old)) {
        return;
    }
    job.drain = *old;
    take_note(&job);
    if (job.drain.state == NVA_DRAIN_RUNNING) {
        /* First: a refusal empties the plan. */
        begin(&job);
    }
    for (size_t i = 0; i < job.n_given_up; i++) {
        const struct given_up *g = &job.given_up[i];
        struct nva_delta *d = nva_deltas_add(&plan->deltas,
                                             NVA_DELTA_VM_PUT);

        d->id = g->vm;
        d->vm = *directory_vm(v->dir, g->vm);
        d->vm.drain = old->attempt;
        d->vm.drain_refusal = g->reason;
        note(plan, old, g->reason, "refused")->vm = g->vm;
    }
    /* What has just been given up is seen in the next step. */
    if (!job.drain.n_moves && job.drain.state == NVA_DRAIN_RUNNING
        && !job.n_given_up && !next_waiting(v, &job.drain, &others)
        && !others) {
        job.drain.state = NVA_DRAIN_FINISHED;
        note(plan, old, NVA_OK, "finished");
    }
    if (!nva_drain_goes_on(&job.drain)) {
        job.drain.ended = v->now;
    }
    put(plan, &job.drain);
}

/* ## Requests ## */

/* Sets the targets that 'r' names. */
static enum nva_reason
set_targets(const struct nva_view *v, const struct nva_request_drain *r,
            struct nva_drain *drain)
{
    drain->n_targets = 0;
    for (size_t i = 0; i < r->n_to; i++) {
        const struct nva_nve *nve = directory_nve_by_name(v->dir, r->to[i]);
        const struct nva_drain *its = nve ? directory_drain(v->dir, nve->id)
                                          : NULL;

        if (!nve) {
            return NVA_R_NOT_FOUND;
        } else if (nve->id == drain->nve) {
            return NVA_R_SAME_PLACE;
        } else if (its && its->state == NVA_DRAIN_RUNNING) {
            return NVA_R_DRAINING;
        }
        drain->targets[drain->n_targets++] = nve->id;
    }
    return NVA_OK;
}

static void
drain_start(const struct nva_view *v, const struct nva_request_drain *r,
            struct nva_plan *plan)
{
    const struct nva_nve *nve = directory_nve_by_name(v->dir, r->nve);
    const struct nva_drain *old = nve ? directory_drain(v->dir, nve->id)
                                      : NULL;
    struct nva_drain drain = { .parallel = NVA_DRAIN_PARALLEL_DEFAULT };
    enum nva_reason reason = NVA_OK;

    if (!nve) {
        nva_plan_refuse(plan, NVA_R_NOT_FOUND, "name");
        return;
    } else if (!r->n_to && !old) {
        nva_plan_refuse(plan, NVA_R_MISSING_FIELD, "to");
        return;
    } else if (r->parallel > NVA_DRAIN_PARALLEL_MAX
               || r->timeout > NVA_MOVE_TIMEOUT_MAX) {
        nva_plan_refuse(plan, NVA_R_BAD_VALUE,
                        r->timeout > NVA_MOVE_TIMEOUT_MAX ? "timeout"
                                                          : "parallel");
        return;
    }
    if (old) {
        drain = *old;
    }
    drain.nve = nve->id;
    if (r->n_to) {
        reason = set_targets(v, r, &drain);
    }
    if (reason) {
        nva_plan_refuse(plan, reason, "to");
        return;
    }
    if (!old || !drain.started || drain.ended) {
        drain.done = 0;
        drain.started = v->now;
    }
    drain.ended = 0;
    drain.state = NVA_DRAIN_RUNNING;
    drain.attempt = nva_plan_new_id(plan);
    drain.parallel = r->parallel ? r->parallel : drain.parallel;
    drain.timeout = r->timeout ? r->timeout : drain.timeout;
    put(plan, &drain);
    note(plan, &drain, NVA_R_CALLER, "started");
    plan->object = nve->id;
}

static void
drain_stop(const struct nva_view *v, const struct nva_request_drain *r,
           struct nva_plan *plan)
{
    const struct nva_nve *nve = directory_nve_by_name(v->dir, r->nve);
    const struct nva_drain *old = nve ? directory_drain(v->dir, nve->id)
                                      : NULL;
    struct nva_drain drain;

    if (!old) {
        nva_plan_refuse(plan, NVA_R_NOT_FOUND, nve ? "drain" : "name");
        return;
    }
    plan->object = nve->id;
    if (old->state != NVA_DRAIN_RUNNING) {
        return;                         /* Said twice, or too late. */
    }
    drain = *old;
    drain.state = NVA_DRAIN_STOPPED;
    drain.ended = drain.n_moves ? 0 : v->now;
    put(plan, &drain);
    note(plan, &drain, NVA_R_CALLER, "stopped");
}

/* ## When ## */

static bool
due_cb(const void *drain_, void *due_)
{
    const struct nva_drain *drain = drain_;
    struct due *due = due_;

    if (is_due(due->view, drain)) {
        due->nve = drain->nve;
    }
    return !due->nve;
}

/* Asked after each change of the directory: looks at the drain's moves, and,
 * while it could begin another, for the first VM that waits.  Those that were
 * given up are passed over each time; there are no more than VMs at one NVE,
 * and it ends with the last move. */
static bool
is_due(const struct nva_view *v, const struct nva_drain *drain)
{
    struct candidate candidates[NVA_DRAIN_TARGETS_MAX];
    bool others;

    for (size_t i = 0; i < drain->n_moves; i++) {
        if (is_through(v, drain->moves[i])) {
            return true;
        }
    }
    if (drain->state != NVA_DRAIN_RUNNING
        || drain->n_moves >= drain->parallel) {
        return false;
    }
    if (next_waiting(v, drain, &others)) {
        return (directory_n_moves_active(v->dir) < NVA_MOVES_ACTIVE_MAX
                && find_candidates(v, drain, candidates));
    }
    return !drain->n_moves && !others;
}

/* True for a move that takes up no room any more. */
static bool
is_through(const struct nva_view *v, nva_id id)
{
    const struct nva_move *move = directory_move(v->dir, id);

    return (!move || (move_fsm_is_ended(move->state) && !move->unwinding)
            || move->state == NVA_MS_DRAINING);
}

/* ## One step ## */

/* Counts the VMs that have left, and gives up those whose move was taken
 * back: the caller who did that does not want it begun again. */
static void
take_note(struct drain_job *job)
{
    const struct nva_view *v = job->view;
    struct nva_drain *drain = &job->drain;
    size_t n = 0;

    for (size_t i = 0; i < drain->n_moves; i++) {
        const struct nva_move *move = directory_move(v->dir,
                                                     drain->moves[i]);

        if (!is_through(v, drain->moves[i])) {
            drain->moves[n++] = drain->moves[i];
        } else if (!move || !is_at(v, move->vm, drain->nve)) {
            drain->done++;
        } else if (move->state == NVA_MS_ABORTED
                   || move->state == NVA_MS_FAILED) {
            give_up(job, move->vm, move->end_reason);
        }
    }
    drain->n_moves = n;
}

/* Begins a move of the first VM that waits, of the kind that its state calls
 * for, to the first target that takes it; the least occupied is asked first.
 */
static void
begin(struct drain_job *job)
{
    const struct nva_view *v = job->view;
    struct candidate candidates[NVA_DRAIN_TARGETS_MAX];
    const size_t n = find_candidates(v, &job->drain, candidates);
    enum nva_reason reason = NVA_OK;
    const struct nva_vm *vm;
    bool others;

    if (!n || job->drain.n_moves >= job->drain.parallel || job->n_given_up
        || directory_n_moves_active(v->dir) >= NVA_MOVES_ACTIVE_MAX) {
        return;
    }
    vm = next_waiting(v, &job->drain, &others);
    for (size_t i = 0; vm && i < n; i++) {
        struct nva_request request = {
            .type = NVA_REQ_MOVE_START, .move.timeout = job->drain.timeout,
        };

        ovs_strlcpy(request.move.vm, vm->name, sizeof request.move.vm);
        ovs_strlcpy(request.move.nve, candidates[i].nve->name,
                    sizeof request.move.nve);
        nva_plan_refuse(job->plan, NVA_OK, NULL);
        mobility_request(v, &request, job->plan);
        if (!job->plan->verdict) {
            job->drain.moves[job->drain.n_moves++] = job->plan->object;
            return;
        }
        reason = reason ? reason : job->plan->verdict;
    }
    nva_plan_refuse(job->plan, NVA_OK, NULL);
    if (vm) {
        give_up(job, vm->id, reason);
    }
}

static void
give_up(struct drain_job *job, nva_id vm, enum nva_reason reason)
{
    job->given_up[job->n_given_up++] = (struct given_up) {
        .vm = vm, .reason = reason ? reason : NVA_R_CALLER,
    };
}

static int
compare_candidates(const void *a_, const void *b_)
{
    const struct candidate *a = a_, *b = b_;

    return (a->load != b->load ? (a->load < b->load ? -1 : 1)
            : a->nve->id < b->nve->id ? -1 : a->nve->id > b->nve->id);
}

/* The targets that can take a VM now, the least occupied first. */
static size_t
find_candidates(const struct nva_view *v, const struct nva_drain *drain,
                struct candidate *candidates)
{
    size_t n = 0;

    for (size_t i = 0; i < drain->n_targets; i++) {
        const struct nva_nve *nve = directory_nve(v->dir, drain->targets[i]);
        const struct nva_drain *its = directory_drain(v->dir,
                                                      drain->targets[i]);

        if (nve && nve->connected
            && !(its && its->state == NVA_DRAIN_RUNNING)) {
            candidates[n++] = (struct candidate) {
                .nve = nve, .load = directory_n_places(v->dir, nve->id),
            };
        }
    }
    qsort(candidates, n, sizeof *candidates, compare_candidates);
    return n;
}

/* ## Who stands where ## */

struct place_walk {
    nva_id nve;
    nva_id first;                       /* The lowest interface there. */
};

static bool
first_cb(const void *tsi_, void *walk_)
{
    const struct nva_tsi *tsi = tsi_;
    struct place_walk *walk = walk_;

    if (tsi->current.nve == walk->nve) {
        walk->first = tsi->id;
    }
    return !walk->first;
}

/* The first interface of 'vm' that is at 'nve', or NVA_ID_NONE. */
static nva_id
first_at(const struct nva_view *v, nva_id vm, nva_id nve)
{
    struct place_walk walk = { .nve = nve };

    directory_each_tsi_of_vm(v->dir, vm, first_cb, &walk);
    return walk.first;
}

static bool
is_at(const struct nva_view *v, nva_id vm, nva_id nve)
{
    return directory_vm(v->dir, vm) && first_at(v, vm, nve);
}

static bool
is_of(const struct nva_drain *drain, nva_id move)
{
    for (size_t i = 0; i < drain->n_moves; i++) {
        if (drain->moves[i] == move) {
            return true;
        }
    }
    return false;
}

static enum drain_standing
standing(const struct nva_view *v, const struct nva_drain *drain,
         const struct nva_vm *vm)
{
    if (!is_through(v, vm->move)) {
        return DRAIN_UNDER_WAY;         /* Perhaps by somebody else. */
    }
    return vm->drain == drain->attempt ? DRAIN_REFUSED : DRAIN_WAITING;
}

/* Those of the drain's own moves are told from its list. */
static bool
tsi_cb(const void *tsi_, void *walk_)
{
    const struct nva_tsi *tsi = tsi_;
    struct vm_walk *walk = walk_;
    const struct nva_vm *vm = directory_vm(walk->view->dir, tsi->vm);

    if (tsi->current.nve == walk->drain->nve
        && first_at(walk->view, vm->id, walk->drain->nve) == tsi->id
        && !is_of(walk->drain, vm->move)) {
        walk->goes_on = walk->cb(vm, standing(walk->view, walk->drain, vm),
                                 walk->aux);
    }
    return walk->goes_on;
}

void
drain_each_vm(const struct nva_view *v, const struct nva_drain *drain,
              drain_vm_cb *cb, void *aux)
{
    struct vm_walk walk = {
        .view = v, .drain = drain, .cb = cb, .aux = aux, .goes_on = true,
    };

    for (size_t i = 0; walk.goes_on && i < drain->n_moves; i++) {
        const struct nva_move *move = directory_move(v->dir,
                                                     drain->moves[i]);
        const struct nva_vm *vm = move ? directory_vm(v->dir, move->vm)
                                       : NULL;

        if (vm) {
            walk.goes_on = cb(vm, DRAIN_UNDER_WAY, aux);
        }
    }
    if (walk.goes_on) {
        directory_each_tsi_at(v->dir, drain->nve, NULL, tsi_cb, &walk);
    }
}

struct waiting {
    const struct nva_vm *vm;
    bool others;
};

static bool
waiting_cb(const struct nva_vm *vm, enum drain_standing standing,
           void *waiting_)
{
    struct waiting *waiting = waiting_;

    waiting->vm = standing == DRAIN_WAITING ? vm : NULL;
    waiting->others |= standing == DRAIN_UNDER_WAY;
    return !waiting->vm;
}

/* A VM that waits, or NULL; then '*others' tells whether one is on its way. */
static const struct nva_vm *
next_waiting(const struct nva_view *v, const struct nva_drain *drain,
             bool *others)
{
    struct waiting waiting = { .vm = NULL };

    drain_each_vm(v, drain, waiting_cb, &waiting);
    *others = waiting.others;
    return waiting.vm;
}

/* ## The plan ## */

static struct nva_note *
note(struct nva_plan *plan, const struct nva_drain *drain,
     enum nva_reason reason, const char *what)
{
    struct nva_note *n = nva_plan_note(plan, NVA_NOTE_DRAIN, reason);

    n->nve = drain->nve;
    n->what = what;
    return n;
}

static void
put(struct nva_plan *plan, const struct nva_drain *drain)
{
    struct nva_delta *d = nva_deltas_add(&plan->deltas, NVA_DELTA_DRAIN_PUT);

    d->id = drain->nve;
    d->drain = *drain;
}
