/* SPDX-License-Identifier: Apache-2.0 */

/* Carries moves on when switches confirm, come, go or let a timer run out:
 * gate -> publish -> converging -> draining -> done, and the unwinding of an
 * abort.  Asks what is confirmed, never remembers it.  Must never decide where
 * a VM is.
 *
 * Invariant: a move leaves `switching' only when every interface it switched
 * is published, `converging' only when no connected NVE of its VNs owes.
 * draft vmm-15 s4.4, s5 (D10, D11). */

#include <config.h>

#include "converge.h"

#include "converge-private.h"
#include "redirect.h"
#include "relocate.h"
#include "story.h"
#include "util.h"

struct owing {
    const struct nva_view *view;
    struct nva_owner owner;
    bool connected;                 /* Look for connected ones, or for not. */
    size_t n, max;
    nva_id *nves;
};

struct walk {
    const struct nva_view *view;
    const struct nva_event *event;
    struct nva_plan *plan;
    nva_usec deadline;
};

static directory_cb owing_cb, concerned_cb, timer_cb, deadline_cb, any_cb;
static directory_cb add_redirect_cb, way_back_cb, deaf_cb;
static void carry_on(const struct nva_view *, const struct nva_move *,
                     struct nva_plan *);
static bool is_switched_by(const struct nva_move *, nva_id tsi);
static void carry_on_tsi(const struct nva_view *, nva_id tsi,
                         struct nva_plan *);
static void go_prepared(const struct nva_view *, struct nva_move *,
                        struct nva_plan *);
static void end_ways_there(const struct nva_view *, struct nva_move *,
                           struct nva_plan *);
static void go_switching(const struct nva_view *, struct nva_move *,
                         struct nva_plan *);
static void go_converging(const struct nva_view *, struct nva_move *,
                          struct nva_plan *);
static void go_draining(const struct nva_view *, struct nva_move *,
                        struct nva_plan *);
static void go_unwinding(const struct nva_view *, struct nva_move *,
                         struct nva_plan *);
static nva_usec unwinds_at(const struct nva_view *, const struct nva_move *);
static void settle_anew(const struct nva_view *, struct nva_plan *,
                        nva_id move);
static void redirect_removed(const struct nva_view *, const struct nva_event *,
                             struct nva_plan *);
static void released(const struct nva_view *, const struct nva_event *,
                     struct nva_plan *);
static void redirect_confirmed(const struct nva_view *, nva_id redirect,
                               nva_id nve, struct nva_plan *);
static void quiet_confirmed(const struct nva_view *, nva_id vap,
                            struct nva_plan *);
static bool tsi_owes(const struct nva_view *, const struct nva_tsi *);
static size_t find_owing(const struct nva_view *, const struct nva_tsi *,
                         bool connected, nva_id *nves, size_t n, size_t max);
static bool has_redirect(const struct nva_view *, const struct nva_move *);
static const struct nva_redirect *way_there(const struct nva_view *,
                                            const struct nva_move *,
                                            const struct nva_move_if *);
static nva_usec ready_settles_at(const struct nva_view *,
                                 const struct nva_move *);
static bool is_getting_ready(const struct nva_view *, const struct nva_move *);
static bool if_is_ready(const struct nva_view *, const struct nva_move *,
                        const struct nva_move_if *);
static bool if_is_confirmed(const struct nva_view *, const struct nva_move *,
                            const struct nva_move_if *);
static bool connected(const struct nva_view *, nva_id nve);
static bool confirmed(const struct nva_view *, nva_id nve,
                      enum nva_owner_kind, nva_id owner);
static bool is_published(const struct nva_view *, const struct nva_move *);
static bool is_stopped(const struct nva_view *, const struct nva_move *);
static bool delivers(const struct nva_view *, const struct nva_move *);
static const char *blocked_by_destination(const struct nva_view *,
                                          const struct nva_move *);
static void add_nve(struct owing *, nva_id nve);
static void add_old_places(const struct nva_move *, struct owing *);

/* ## What happened ## */

void
converge_event(const struct nva_view *v, const struct nva_event *ev,
               struct nva_plan *plan)
{
    struct nva_owner owner = ev->flow.owner;
    struct walk w = { .view = v, .event = ev, .plan = plan };

    switch (ev->type) {
    case NVA_EV_FLOW_REMOVED:
        if (owner.kind == NVA_OWNER_REDIRECT) {
            redirect_removed(v, ev, plan);
        }
        break;
    case NVA_EV_CONFIRMED:
        if (owner.kind == NVA_OWNER_TSI) {
            carry_on_tsi(v, owner.id, plan);
            break;
        } else if (owner.kind == NVA_OWNER_REDIRECT) {
            redirect_confirmed(v, owner.id, ev->nve, plan);
            break;
        } else if (owner.kind == NVA_OWNER_QUIET) {
            quiet_confirmed(v, owner.id, plan);
            break;
        } else if (owner.kind != NVA_OWNER_VN
                   && owner.kind != NVA_OWNER_VAP) {
            break;
        }
        /* A VN or VAP may complete a preparation. */
        /* Fall through. */
    case NVA_EV_NVE_UP:
    case NVA_EV_NVE_SYNCED:
    case NVA_EV_NVE_DOWN:
    case NVA_EV_PORT:
    case NVA_EV_QUARANTINED:
        directory_each_active_move(v->dir, concerned_cb, &w);
        break;
    case NVA_EV_RELEASED:
        released(v, ev, plan);
        break;
    case NVA_EV_REQUEST:
    case NVA_EV_EVIDENCE:
    case NVA_EV_QUESTION:
    case NVA_EV_SEGMENT:
    case NVA_EV_STRAY:
    case NVA_EV_FLOODING:
    case NVA_EV_DETOURED:
    case NVA_EV_ANSWER:
    case NVA_EV_PROBE_DUE:
    case NVA_EV_THAW_DUE:
    case NVA_EV_LOOK_DUE:
    case NVA_EV_SCAN_DUE:
    case NVA_EV_TIMER:
    case NVA_EV_DRAIN:
    case NVA_N_EVENTS:
        break;
    }
}

void
converge_timer(const struct nva_view *v, struct nva_plan *plan)
{
    struct walk w = { .view = v, .plan = plan };

    redirect_timer(v, tsi_owes, plan);
    directory_each_active_move(v->dir, timer_cb, &w);
}

nva_usec
converge_deadline(const struct nva_view *v)
{
    struct walk w = { .view = v, .deadline = redirect_deadline(v) };

    directory_each_active_move(v->dir, deadline_cb, &w);
    return w.deadline;
}

/* ## Questions ## */

bool
converge_is_ready(const struct nva_view *v, const struct nva_move *move)
{
    if (!connected(v, move->to_nve)) {
        return false;
    }
    for (size_t i = 0; i < move->n_ifs; i++) {
        if (!if_is_ready(v, move, &move->ifs[i])) {
            return false;
        }
    }
    return true;
}

bool
converge_end_way_there(const struct nva_view *v, struct nva_move *move,
                       struct nva_move_if *mif, struct nva_plan *plan)
{
    const struct nva_tsi *tsi = directory_tsi(v->dir, mif->tsi);
    const struct nva_redirect *r = way_there(v, move, mif);

    if (!r || converge_owes(v, tsi)) {
        return false;
    }
    mif->way_there = r->id;
    move->settles_from = NVA_NEVER;
    redirect_clear_at(v, tsi, move->to_nve, plan);
    return true;
}

bool
converge_may_pause(const struct nva_view *v, const struct nva_move *move,
                   bool held)
{
    const struct nva_vm *vm = directory_vm(v->dir, move->vm);

    if (v->now < ready_settles_at(v, move)) {
        return false;
    } else if (!held && vm->connections != NVA_CONNECTIONS_HOLD) {
        return converge_is_ready(v, move);
    }
    for (size_t i = 0; i < move->n_ifs; i++) {
        if (!if_is_confirmed(v, move, &move->ifs[i])) {
            return false;
        }
    }
    return connected(v, move->to_nve);
}

bool
converge_owes(const struct nva_view *v, const struct nva_tsi *tsi)
{
    nva_id nve;

    return tsi_owes(v, tsi) || find_owing(v, tsi, false, &nve, 0, 1) > 0;
}

size_t
converge_blocked_by(const struct nva_view *v, const struct nva_move *move,
                    nva_id *nves, size_t max, const char **why)
{
    struct owing o = { .view = v, .nves = nves, .max = max };

    *why = NULL;
    if (!max) {
        return 0;
    }
    if (move->state == NVA_MS_PAUSED || move->unwinding) {
        add_old_places(move, &o);
        *why = o.n ? "not confirmed" : NULL;
    }
    if (move->state == NVA_MS_PREPARED || move->state == NVA_MS_SWITCHING
        || (move->state == NVA_MS_PAUSED && !o.n)) {
        *why = blocked_by_destination(v, move);
        if (*why) {
            add_nve(&o, move->to_nve);
        }
    } else if (move->state == NVA_MS_CONVERGING) {
        for (size_t i = 0; i < move->n_ifs; i++) {
            o.n = find_owing(v, directory_tsi(v->dir, move->ifs[i].tsi), true,
                             nves, o.n, max);
        }
        *why = o.n ? "not confirmed" : NULL;
    } else if (move->state == NVA_MS_DRAINING) {
        for (size_t i = 0; i < move->n_ifs; i++) {
            directory_each_redirect_of_tsi(v->dir, move->ifs[i].tsi,
                                           add_redirect_cb, &o);
        }
        *why = o.n ? "redirect" : NULL;
    }
    return o.n;
}

/* What the destination lacks, a literal, or NULL. */
static const char *
blocked_by_destination(const struct nva_view *v, const struct nva_move *move)
{
    if (!connected(v, move->to_nve)) {
        return "not connected";
    }
    for (size_t i = 0; i < move->n_ifs; i++) {
        const struct nva_place *to = &move->ifs[i].to;

        if (!directory_port(v->dir, to->nve, to->port)) {
            return "port absent";
        }
    }
    return converge_is_ready(v, move) ? NULL : "not confirmed";
}

static void
add_nve(struct owing *o, nva_id nve)
{
    for (size_t i = 0; i < o->n; i++) {
        if (o->nves[i] == nve) {
            return;
        }
    }
    if (o->n < o->max) {
        o->nves[o->n++] = nve;
    }
}

/* The NVEs that the VM leaves, or does not after all, and that have not
 * confirmed it. */
static void
add_old_places(const struct nva_move *move, struct owing *o)
{
    for (size_t i = 0; i < move->n_ifs; i++) {
        const struct nva_tsi *tsi = directory_tsi(o->view->dir,
                                                  move->ifs[i].tsi);

        if (nva_place_is_set(&tsi->current)
            && !confirmed(o->view, tsi->current.nve, NVA_OWNER_TSI,
                          tsi->id)) {
            add_nve(o, tsi->current.nve);
        }
    }
}

static bool
add_redirect_cb(const void *redirect, void *o)
{
    const struct nva_redirect *r = redirect;

    add_nve(o, r->at);
    return true;
}

bool
converge_is_settled(const struct nva_view *v, const struct nva_move *move)
{
    switch (move->state) {
    case NVA_MS_PREPARED:
        return move->ready;
    case NVA_MS_PAUSED:
        /* What comes for a VM that was paused early waits already. */
        return ((move->early_ms && !move->early)
                || (!converge_is_pausing(v, move) && (is_stopped(v, move)
                                                      || delivers(v, move))));
    case NVA_MS_SWITCHING:
        return is_published(v, move);
    case NVA_MS_ABORTED:
    case NVA_MS_FAILED:
        return (!move->unwinding
                || (move->expected_until && converge_is_home(v, move)));
    case NVA_MS_CONVERGING:
    case NVA_MS_DRAINING:
    case NVA_MS_DONE:
    case NVA_MS_SUPERSEDED:
    case NVA_N_MOVE_STATES:
        break;
    }
    return true;
}

bool
converge_is_pausing(const struct nva_view *v, const struct nva_move *move)
{
    return v->now < converge_pause_settles_at(v, move);
}

/* True if its VM is off: nothing is sent after it, so the destination need not
 * deliver yet. */
static bool
is_stopped(const struct nva_view *v, const struct nva_move *move)
{
    for (size_t i = 0; i < move->n_ifs; i++) {
        if (!directory_tsi(v->dir, move->ifs[i].tsi)->stopped) {
            return false;
        }
    }
    return true;
}

/* True if the destination has confirmed all it was told. */
static bool
delivers(const struct nva_view *v, const struct nva_move *move)
{
    for (size_t i = 0; i < move->n_ifs; i++) {
        if (!confirmed(v, move->to_nve, NVA_OWNER_TSI, move->ifs[i].tsi)) {
            return false;
        }
    }
    return true;
}

/* True if every interface is published. */
static bool
is_published(const struct nva_view *v, const struct nva_move *move)
{
    for (size_t i = 0; i < move->n_ifs; i++) {
        const struct nva_tsi *tsi = directory_tsi(v->dir, move->ifs[i].tsi);

        if (!nva_place_equal(&tsi->current, &tsi->published)) {
            return false;
        }
    }
    return true;
}

/* When the old NVE's packets surely go to the new one: NVA_NEVER while it has
 * not confirmed, else NVA_DATAPATH_SETTLE after its redirect was, and as long
 * again as that took. */
nva_usec
converge_pause_settles_at(const struct nva_view *v,
                          const struct nva_move *move)
{
    for (size_t i = 0; i < move->n_ifs; i++) {
        const struct nva_tsi *tsi = directory_tsi(v->dir, move->ifs[i].tsi);
        const struct nva_redirect *r = redirect_at(v->dir, tsi->id,
                                                   tsi->current.nve);

        if (nva_place_is_set(&tsi->current)
            && (!confirmed(v, tsi->current.nve, NVA_OWNER_TSI, tsi->id)
                || (r && !confirmed(v, r->at, NVA_OWNER_REDIRECT, r->id)))) {
            return NVA_NEVER;
        }
    }
    return move->settles_from + NVA_DATAPATH_SETTLE;
}

/* ## Going on ## */

static void
carry_on_tsi(const struct nva_view *v, nva_id tsi_id, struct nva_plan *plan)
{
    const struct nva_tsi *tsi = directory_tsi(v->dir, tsi_id);
    const struct nva_vm *vm = tsi ? directory_vm(v->dir, tsi->vm) : NULL;
    const struct nva_move *move = vm ? story_active(v, plan, vm->id) : NULL;

    if (tsi && !nva_place_equal(&tsi->current, &tsi->published)
        && !(move && is_switched_by(move, tsi->id))) {
        /* A newer move was begun, perhaps aborted, before the gate of the
         * older one had opened: that gate still counts. */
        struct nva_tsi t = *tsi;

        relocate_publish_if_open(v, plan, &t, vm->move);
    } else if (move) {
        carry_on(v, move, plan);
    }
}

/* True if 'move' itself is about to publish 'tsi'. */
static bool
is_switched_by(const struct nva_move *move, nva_id tsi)
{
    const struct nva_move_if *mif = nva_move_if_of(move, tsi);

    return mif && mif->switched && move->state == NVA_MS_SWITCHING;
}

static void
carry_on(const struct nva_view *v, const struct nva_move *old,
         struct nva_plan *plan)
{
    struct nva_move move = *old;

    switch (move.state) {
    case NVA_MS_PREPARED:
    case NVA_MS_PAUSED:
        go_prepared(v, &move, plan);
        converge_early(v, &move, plan);
        break;
    case NVA_MS_SWITCHING:
        go_switching(v, &move, plan);
        break;
    case NVA_MS_CONVERGING:
        go_converging(v, &move, plan);
        break;
    case NVA_MS_DRAINING:
        go_draining(v, &move, plan);
        break;
    case NVA_MS_ABORTED:
    case NVA_MS_FAILED:
        go_unwinding(v, &move, plan);
        break;
    case NVA_MS_DONE:
    case NVA_MS_SUPERSEDED:
    case NVA_N_MOVE_STATES:
        break;
    }
}

static void
go_prepared(const struct nva_view *v, struct nva_move *move,
            struct nva_plan *plan)
{
    bool ready;

    if (move->state == NVA_MS_PREPARED && !move->ready) {
        end_ways_there(v, move, plan);
    }
    ready = (converge_is_ready(v, move)
             && v->now >= ready_settles_at(v, move));
    if (ready != move->ready) {
        move->ready = ready;
        story_put(plan, move);
        if (ready) {
            story_stamp(plan, move->id, NVA_STAMP_READY, v->now, move->to_nve,
                        NVA_OK);
        }
    }
}

/* Those that were needed until now.  A destination that has ended a redirect
 * settles, as an old place that has begun one. */
static void
end_ways_there(const struct nva_view *v, struct nva_move *move,
               struct nva_plan *plan)
{
    bool ended = false;

    for (size_t i = 0; i < move->n_ifs; i++) {
        ended |= converge_end_way_there(v, move, &move->ifs[i], plan);
    }
    if (ended || (move->settles_from == NVA_NEVER
                  && converge_is_ready(v, move))) {
        move->settles_from = ended ? NVA_NEVER : v->now;
        story_put(plan, move);
    }
}

/* Publishes what the gate lets through.  The rest of the way is looked at when
 * the first NVE has confirmed that: this very step has made them all owe.  If
 * it has not (all is published already: a move within an NVE), nobody else may
 * have anything to confirm any more. */
static void
go_switching(const struct nva_view *v, struct nva_move *move,
             struct nva_plan *plan)
{
    bool all = true, owe = false;

    for (size_t i = 0; i < move->n_ifs; i++) {
        struct nva_tsi t = *directory_tsi(v->dir, move->ifs[i].tsi);

        if (!move->ifs[i].switched) {
            all = false;
        } else if (!nva_place_equal(&t.current, &t.published)) {
            owe = true;
            all &= relocate_publish_if_open(v, plan, &t, move->id);
        }
    }
    if (all) {
        story_go(v, plan, move, NVA_MS_CONVERGING, NVA_OK);
        story_put(plan, move);
    }
    if (all && !owe) {
        go_converging(v, move, plan);
    }
}

static void
go_converging(const struct nva_view *v, struct nva_move *move,
              struct nva_plan *plan)
{
    nva_id nves[NVA_STAMPS_MAX / 4];
    size_t n = 0;

    for (size_t i = 0; i < move->n_ifs; i++) {
        const struct nva_tsi *tsi = directory_tsi(v->dir, move->ifs[i].tsi);

        if (tsi_owes(v, tsi)) {
            return;
        }
    }
    story_stamp(plan, move->id, NVA_STAMP_CONVERGED, v->now, NVA_ID_NONE,
                NVA_OK);
    for (size_t i = 0; i < move->n_ifs; i++) {
        n = find_owing(v, directory_tsi(v->dir, move->ifs[i].tsi), false,
                       nves, n, ARRAY_SIZE(nves));
    }
    for (size_t i = 0; i < n; i++) {
        story_stamp(plan, move->id, NVA_STAMP_OWING, v->now, nves[i], NVA_OK);
    }
    story_go(v, plan, move, NVA_MS_DRAINING, NVA_OK);
    story_put(plan, move);
    go_draining(v, move, plan);
}

static void
go_draining(const struct nva_view *v, struct nva_move *move,
            struct nva_plan *plan)
{
    if (has_redirect(v, move)) {
        return;
    }
    story_go(v, plan, move, NVA_MS_DONE, NVA_OK);
    story_put(plan, move);
    if (story_vm(v, plan, move->vm)->state == NVA_VM_MIGRATING) {
        story_vm_state(v, plan, move->vm, NVA_VM_RUNNING, NVA_OK);
    }
    story_stamp(plan, move->id, NVA_STAMP_DONE, v->now, NVA_ID_NONE, NVA_OK);
}

/* The old NVE delivers again, confirmed or its redirect surely expired: only
 * then the destination's flows go. */
static void
go_unwinding(const struct nva_view *v, struct nva_move *move,
             struct nva_plan *plan)
{
    const struct nva_place nowhere = { .nve = NVA_ID_NONE };

    if (v->now < unwinds_at(v, move)) {
        return;
    }
    for (size_t i = 0; i < move->n_ifs; i++) {
        struct nva_tsi t = *directory_tsi(v->dir, move->ifs[i].tsi);

        relocate_prepare(plan, &t, &nowhere);
    }
    move->unwinding = false;
    move->expected_until = 0;
    story_put(plan, move);
    story_unlink(v, plan, move);
    story_stamp(plan, move->id, NVA_STAMP_UNWOUND, v->now, NVA_ID_NONE,
                NVA_OK);
}

/* Now, if the old NVE has confirmed: it may have had nothing to. */
static nva_usec
unwinds_at(const struct nva_view *v, const struct nva_move *move)
{
    nva_usec at = (converge_is_home(v, move)
                   ? MIN(v->now, move->unwind_by) : move->unwind_by);

    return MAX(at, move->expected_until);
}

bool
converge_is_home(const struct nva_view *v, const struct nva_move *move)
{
    for (size_t i = 0; i < move->n_ifs; i++) {
        const struct nva_tsi *tsi = directory_tsi(v->dir, move->ifs[i].tsi);

        if (nva_place_is_set(&tsi->current)
            && !confirmed(v, tsi->current.nve, NVA_OWNER_TSI, tsi->id)) {
            return false;
        }
    }
    return true;
}

/* A pause settles from the last confirmation of a redirect on. */
static void
settle_anew(const struct nva_view *v, struct nva_plan *plan, nva_id id)
{
    const struct nva_move *old = directory_move(v->dir, id);

    if (old && old->state == NVA_MS_PAUSED) {
        struct nva_move move = *old;

        move.settles_from = v->now + MIN(v->now - move.paused_at,
                                         NVA_DATAPATH_SLOW);
        story_put(plan, &move);
    }
}

/* Only its timer ends a redirect that the directory wants: one that was
 * deleted is written again. */
static void
redirect_removed(const struct nva_view *v, const struct nva_event *ev,
                 struct nva_plan *plan)
{
    const struct nva_redirect *r = directory_redirect(v->dir,
                                                      ev->flow.owner.id);

    if (!r || r->at != ev->nve) {
        return;
    }
    if (ev->flow.by_timeout) {
        redirect_ended(v, r->id, ev->flow.packets, plan);
    } else {
        redirect_restore(r, plan);
    }
}

/* All that was held has gone out, or must not wait longer: from now on its NVE
 * delivers by itself. */
static void
released(const struct nva_view *v, const struct nva_event *ev,
         struct nva_plan *plan)
{
    const struct nva_tsi *tsi = directory_tsi(v->dir, ev->released.tsi);
    const struct nva_vm *vm = tsi ? directory_vm(v->dir, tsi->vm) : NULL;
    const enum nva_stamp_kind kinds[] = { NVA_STAMP_RELEASED,
                                          NVA_STAMP_HELD_LOST };
    const uint64_t counts[] = { ev->released.sent, ev->released.dropped };

    if (!tsi || !tsi->held_until) {
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        const struct nva_stamp stamp = {
            .kind = kinds[i], .when = v->now, .nve = tsi->current.nve,
            .count = counts[i],
        };

        if (counts[i] || kinds[i] == NVA_STAMP_RELEASED) {
            story_stamp_about(plan, vm->move, &stamp);
        }
    }
    struct nva_tsi t = *tsi;

    relocate_let_go(plan, &t);
}

static void
redirect_confirmed(const struct nva_view *v, nva_id id, nva_id nve,
                   struct nva_plan *plan)
{
    const struct nva_redirect *r = directory_redirect(v->dir, id);
    struct walk w = { .view = v, .plan = plan };

    if (r && r->at == nve) {
        const struct nva_stamp stamp = {
            .kind = NVA_STAMP_REDIRECT_CONFIRMED, .when = v->now, .nve = nve,
            .other = r->to,
        };

        story_stamp_about(plan, r->move, &stamp);
        settle_anew(v, plan, r->move);
        carry_on_tsi(v, r->tsi, plan);
    } else if (!r) {
        /* One that has ended: a way back may have waited for that. */
        directory_each_active_move(v->dir, way_back_cb, &w);
    }
}

/* A port gets no floods any more: those of an interface that leaves it may
 * enter its other one. */
static void
quiet_confirmed(const struct nva_view *v, nva_id id, struct nva_plan *plan)
{
    const struct nva_vap *vap = directory_vap(v->dir, id);
    struct walk w = { .view = v, .plan = plan };

    if (vap) {
        directory_each_tsi_at(v->dir, vap->nve, vap->port, deaf_cb, &w);
    }
}

static bool
deaf_cb(const void *tsi_, void *w_)
{
    const struct nva_tsi *tsi = tsi_;
    struct walk *w = w_;

    if (tsi->deaf) {
        carry_on_tsi(w->view, tsi->id, w->plan);
    }
    return true;
}

/* ## Helpers ## */

static bool
connected(const struct nva_view *v, nva_id id)
{
    const struct nva_nve *nve = directory_nve(v->dir, id);

    return nve && nve->connected;
}

static bool
confirmed(const struct nva_view *v, nva_id nve, enum nva_owner_kind kind,
          nva_id id)
{
    return nva_confirmed(v, nve, (struct nva_owner) { kind, id });
}

/* When the datapath of its destination redirects no more.  NVEs that need the
 * redirect of the way there are waited for, but not for long.  The move may be
 * activated before. */
static nva_usec
ready_settles_at(const struct nva_view *v, const struct nva_move *move)
{
    if (move->state != NVA_MS_PREPARED) {
        return 0;
    } else if (move->settles_from) {
        return (move->settles_from == NVA_NEVER ? NVA_NEVER
                : move->settles_from + NVA_DATAPATH_SETTLE);
    }
    for (size_t i = 0; i < move->n_ifs; i++) {
        if (way_there(v, move, &move->ifs[i])
            && tsi_owes(v, directory_tsi(v->dir, move->ifs[i].tsi))) {
            return move->started + NVA_DATAPATH_SLOW;
        }
    }
    return 0;
}

/* The redirect at its destination that need not last longer than who needs it,
 * or NULL. */
static const struct nva_redirect *
way_there(const struct nva_view *v, const struct nva_move *move,
          const struct nva_move_if *mif)
{
    const struct nva_redirect *r = redirect_at(v->dir, mif->tsi, move->to_nve);

    return r && !r->resets ? r : NULL;
}

static bool
if_is_ready(const struct nva_view *v, const struct nva_move *move,
            const struct nva_move_if *mif)
{
    return (directory_port(v->dir, mif->to.nve, mif->to.port)
            && if_is_confirmed(v, move, mif));
}

/* Ready but for its port, which may be absent; it must have been named. */
static bool
if_is_confirmed(const struct nva_view *v, const struct nva_move *move,
                const struct nva_move_if *mif)
{
    const struct nva_tsi *tsi = directory_tsi(v->dir, mif->tsi);
    const struct nva_vap *vap;

    if (mif->way_there
        && !confirmed(v, move->to_nve, NVA_OWNER_REDIRECT, mif->way_there)) {
        return false;
    }
    if (!mif->switched
        && !nva_place_equal(&tsi->current, &tsi->published)) {
        return false;
    }
    vap = directory_vap_for(v->dir, mif->to.nve, mif->to.port, tsi->mac);
    if (!vap || vap->vn != tsi->vn
        || !confirmed(v, move->to_nve, NVA_OWNER_TSI, tsi->id)) {
        return false;
    }
    /* Once it was ready, its port gets floods or none without anybody having
     * to wait for that. */
    return move->state != NVA_MS_PREPARED
           || (confirmed(v, move->to_nve, NVA_OWNER_VAP, vap->id)
               && confirmed(v, move->to_nve, NVA_OWNER_VN, tsi->vn));
}

static bool
tsi_owes(const struct nva_view *v, const struct nva_tsi *tsi)
{
    nva_id nve;

    return find_owing(v, tsi, true, &nve, 0, 1) > 0;
}

/* Adds to the 'n' ids in 'nves' those of NVEs that are told of the interface,
 * are connected (or not), and have not confirmed its flows: at most 'max' in
 * all, each once.  Returns how many there are now. */
static size_t
find_owing(const struct nva_view *v, const struct nva_tsi *tsi,
           bool want_connected, nva_id *nves, size_t n, size_t max)
{
    struct owing o = {
        .view = v, .owner = { NVA_OWNER_TSI, tsi->id },
        .connected = want_connected, .nves = nves, .n = n, .max = max,
    };

    if (n < max) {
        directory_each_nve_of_tsi(v->dir, tsi->id, owing_cb, &o);
    }
    return o.n;
}

static bool
owing_cb(const void *nve_, void *o_)
{
    const struct nva_nve *nve = nve_;
    struct owing *o = o_;

    if (nve->connected == o->connected
        && !(nve->connected && nva_confirmed(o->view, nve->id, o->owner))) {
        add_nve(o, nve->id);
    }
    return o->n < o->max;
}

/* A VN's or VAP's confirmation and a port concern the move's destination; a
 * session that comes or goes may concern any move: as its destination, its old
 * place, or an NVE that owes. */
static bool
concerned_cb(const void *move_, void *w_)
{
    const struct nva_move *move = move_;
    struct walk *w = w_;
    bool concerned = (move->to_nve == w->event->nve
                      || (w->event->type != NVA_EV_CONFIRMED
                          && w->event->type != NVA_EV_PORT));

    if (concerned) {
        carry_on(w->view, move, w->plan);
    }
    return true;
}

static bool
way_back_cb(const void *move_, void *w_)
{
    const struct nva_move *move = move_;
    struct walk *w = w_;

    if (move->settles_from == NVA_NEVER) {
        carry_on(w->view, move, w->plan);
    }
    return true;
}

static bool
timer_cb(const void *move_, void *w_)
{
    const struct nva_move *move = move_;
    struct walk *w = w_;

    if (move->unwinding ? w->view->now >= unwinds_at(w->view, move)
                        : (move->state == NVA_MS_DRAINING
                           || w->view->now >= converge_early_at(w->view, move)
                           || is_getting_ready(w->view, move))) {
        carry_on(w->view, move, w->plan);
    }
    return true;
}

static bool
deadline_cb(const void *move_, void *w_)
{
    const struct nva_move *move = move_;
    struct walk *w = w_;

    w->deadline = MIN(w->deadline, converge_early_at(w->view, move));
    if (move->unwinding) {
        w->deadline = MIN(w->deadline, unwinds_at(w->view, move));
    } else if (move->state == NVA_MS_PAUSED
               && converge_is_pausing(w->view, move)) {
        /* Nothing to do then, but somebody waits for the answer. */
        w->deadline = MIN(w->deadline,
                          converge_pause_settles_at(w->view, move));
    } else if (is_getting_ready(w->view, move)) {
        w->deadline = MIN(w->deadline, ready_settles_at(w->view, move));
    } else if (move->state == NVA_MS_DRAINING
               && !has_redirect(w->view, move)) {
        w->deadline = w->view->now;
    }
    return true;
}

/* True if only time is missing. */
static bool
is_getting_ready(const struct nva_view *v, const struct nva_move *move)
{
    return (move->state == NVA_MS_PREPARED && !move->ready
            && converge_is_ready(v, move));
}

static bool
any_cb(const void *redirect OVS_UNUSED, void *any)
{
    *(bool *) any = true;
    return false;
}

static bool
has_redirect(const struct nva_view *v, const struct nva_move *move)
{
    bool any = false;

    for (size_t i = 0; i < move->n_ifs && !any; i++) {
        directory_each_redirect_of_tsi(v->dir, move->ifs[i].tsi, any_cb,
                                       &any);
    }
    return any;
}
