/* SPDX-License-Identifier: Apache-2.0 */

/* What is true in a random fabric, after each step, at rest and at the end:
 * see world.h. */

#include <config.h>

#include "world.h"

#include <stdio.h>
#include <string.h>

#include "binding.h"
#include "move-fsm.h"
#include "packets.h"
#include "pipeline.h"
#include "util.h"
#include "vm-fsm.h"

static void judge_interfaces(struct world *);
static void judge_frozen(struct world *, struct world_if *,
                         const struct nva_tsi *);
static directory_cb judge_move_cb, judge_tenants_cb;
static void judge_pulls(struct world *);
static void judge_settled_moves(struct world *);
static void show_move(struct world *, nva_id move);
static void show_vm(struct world *, const struct world_vm *);
static void judge_vaps(struct world *);
static void judge_gone_ports(struct world *);

void
world_judge(struct world *w)
{
    const struct nva_view v = world_view(w);
    const char *bad = sim_alarm(w->sim);

    if (bad) {
        world_fail(w, "%s", bad);
    }
    if (w->judged == directory_version(v.dir)) {
        return;
    }
    w->judged = directory_version(v.dir);
    bad = directory_check(v.dir);
    if (bad) {
        world_fail(w, "directory: %s", bad);
    }
    bad = sim_check_now(w->sim);
    if (bad) {
        world_fail(w, "%s", bad);
    }
    judge_interfaces(w);
    judge_gone_ports(w);
}

static bool
judge_redirect_cb(const void *redirect, void *w)
{
    const struct nva_redirect *r = redirect;
    const struct nva_view v = world_view(w);
    const struct nva_tsi *tsi = directory_tsi(v.dir, r->tsi);

    if (nva_place_equal(&tsi->current, &tsi->published) && !tsi->paused
        && r->to != tsi->published.nve) {
        world_fail(w, "a redirect leads to another place than the VM's");
    }
    if (nva_place_equal(&tsi->current, &tsi->published) && !tsi->paused
        && r->at == tsi->published.nve) {
        world_fail(w, "a redirect at the VM's own NVE");
    }
    return true;
}

/* What holds of every interface at any moment. */
static void
judge_interfaces(struct world *w)
{
    const struct nva_view v = world_view(w);

    directory_each_redirect(v.dir, judge_redirect_cb, w);
    directory_each_move(v.dir, judge_move_cb, w);
    directory_each_nve(v.dir, judge_tenants_cb, w);
    for (int i = 0; i < w->n_vms; i++) {
        for (int j = 0; j < w->vms[i].n_ifs; j++) {
            const struct nva_tsi *tsi = world_tsi(w, &w->vms[i].ifs[j]);
            const struct nva_vm *vm = tsi ? directory_vm(v.dir, tsi->vm)
                                          : NULL;
            const struct nva_move *move = vm ? directory_move(v.dir, vm->move)
                                             : NULL;

            if (tsi && tsi->paused
                && (!move || move->state != NVA_MS_PAUSED)) {
                world_fail(w, "%s: paused without a paused move", vm->name);
            }
            if (tsi && ((tsi->early && (!tsi->paused || !move->early))
                        || (tsi->deaf && (!move || move_fsm_has_switched(
                                move->state) || move->unwinding)))) {
                world_fail(w, "%s: paused early, or deaf, without a move",
                           vm->name);
            }
            if (tsi && nva_place_is_set(&tsi->prepared) && !move) {
                world_fail(w, "%s: prepared without a move", vm->name);
            }
            if (tsi && tsi->stopped != vm_fsm_is_off(vm->state)) {
                world_fail(w, "%s: %s, and stopped or not", vm->name,
                           nva_vm_state_word(vm->state));
            }
            judge_frozen(w, &w->vms[i].ifs[j], tsi);
        }
    }
}

/* As long as it is frozen it stays where it was when that was found. */
static void
judge_frozen(struct world *w, struct world_if *f, const struct nva_tsi *tsi)
{
    if (!tsi || !tsi->frozen) {
        f->thaws_at = 0;
    } else if (f->thaws_at != tsi->thaws_at) {
        f->thaws_at = tsi->thaws_at;
        f->frozen_at = tsi->current;
    } else if (!nva_place_equal(&f->frozen_at, &tsi->current)) {
        world_fail(w, "%s: frozen, and has moved", f->port);
    }
}

/* A sticky VM goes by VM management's word, or by its answer to a question
 * that was asked before it was. */
static bool
judge_move_cb(const void *move_, void *w_)
{
    const struct nva_move *move = move_;
    struct world *w = w_;

    for (int i = 0; i < w->n_vms; i++) {
        const struct world_vm *vm = &w->vms[i];

        if (!strcmp(vm->name, move->vm_name) && vm->sticky
            && move->cause == NVA_CAUSE_ANNOUNCED
            && move->started > vm->sticky_since) {
            world_fail(w, "%s: sticky, and has moved by its word", vm->name);
        }
    }
    return true;
}

struct tenants {
    struct world *w;
    size_t n;
    const struct nva_vn *vns[WORLD_VNS_MAX];
};

static bool
judge_vn_cb(const void *vn_, void *tenants_)
{
    const struct nva_vn *vn = vn_;
    struct tenants *t = tenants_;

    for (size_t i = 0; i < t->n; i++) {
        if (strcmp(t->vns[i]->tenant, vn->tenant)
            && (t->vns[i]->isolation == NVA_ISOLATION_EXCLUSIVE
                || vn->isolation == NVA_ISOLATION_EXCLUSIVE)) {
            world_fail(t->w, "%s and %s share an NVE", t->vns[i]->name,
                       vn->name);
        }
    }
    t->vns[t->n++] = vn;
    return true;
}

/* Tenants who do not share have nothing at the same NVE: no access point, and
 * so (an interface needs one) no place. */
static bool
judge_tenants_cb(const void *nve_, void *w)
{
    const struct nva_nve *nve = nve_;
    const struct nva_view v = world_view(w);
    struct tenants tenants = { .w = w };

    directory_each_vn_of_nve(v.dir, nve->id, judge_vn_cb, &tenants);
    return true;
}

/* True if 'f' must be reached by all: it stands, for all to see, where the
 * directory says, and nothing is on its way. */
static bool
is_settled(const struct world *w, const struct world_vm *vm,
           const struct world_if *f)
{
    const struct nva_tsi *tsi = world_tsi(w, f);
    const struct nva_move *move = world_move(w, vm);
    int at = sim_stands_at(w->sim, f->guest);

    return (tsi && at && !tsi->stopped && !sim_is_still(w->sim, f->guest)
            && world_nve_number(w, tsi->current.nve) == at
            && nva_place_equal(&tsi->current, &tsi->published)
            && !strcmp(tsi->current.port, f->port)
            && (!move || move_fsm_has_switched(move->state)
                || move->expected_until));
}

/* A VN that pulls, at an NVE. */
struct pulled {
    struct world *w;
    const struct nva_vn *vn;
    const struct nva_nve *nve;
};

struct settled {
    size_t n;
    const struct world_if *ifs[WORLD_VMS_MAX * WORLD_IFS_MAX];
};

static struct settled
collect_settled(const struct world *w)
{
    struct settled s = { .n = 0 };

    for (int i = 0; i < w->n_vms; i++) {
        for (int j = 0; j < w->vms[i].n_ifs; j++) {
            if (is_settled(w, &w->vms[i], &w->vms[i].ifs[j])) {
                s.ifs[s.n++] = &w->vms[i].ifs[j];
            }
        }
    }
    return s;
}

/* Somebody settled, in the VN of 'f'; NULL: nobody. */
static const struct world_if *
neighbour_of(const struct settled *s, const struct world_if *f)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->ifs[i]->vn == f->vn) {
            return s->ifs[i];
        }
    }
    return NULL;
}

/* A VM that is off gets nothing. */
static void
judge_stopped(struct world *w, const struct settled *s)
{
    for (int i = 0; i < w->n_vms; i++) {
        for (int j = 0; j < w->vms[i].n_ifs; j++) {
            const struct world_if *f = &w->vms[i].ifs[j];
            const struct world_if *from = neighbour_of(s, f);
            const struct nva_tsi *tsi = world_tsi(w, f);
            uint64_t id = (tsi && tsi->stopped && from
                           ? sim_send(w->sim, from->guest, f->guest) : 0);

            sim_settle(w->sim);
            if (id && sim_delivered(w->sim, id)) {
                world_fail(w, "%s: off, and a packet came for it", f->port);
            }
        }
    }
}

static bool
judge_pulled_cb(const void *tsi_, void *pulled_)
{
    const struct nva_tsi *tsi = tsi_;
    const struct pulled *p = pulled_;
    const struct nva_owner owner = { NVA_OWNER_TSI, tsi->id };
    const struct nva_view v = world_view(p->w);
    const struct nva_pull *pull = directory_pull(v.dir, p->nve->id, tsi->id);
    bool there = fake_switch_n_cookie(sim_switch(p->w->sim, p->nve->dpid),
                                      pipeline_cookie(owner)) > 0;

    if (tsi->current.nve != p->nve->id && tsi->published.nve != p->nve->id
        && tsi->prepared.nve != p->nve->id
        && there != (pull && pull->until > v.now)) {
        world_fail(p->w, "hv%d has %s flow for interface %"PRIu64" and %s on "
                   "record", (int) p->nve->dpid, there ? "a" : "no", tsi->id,
                   pull ? "is" : "is not");
    }
    return true;
}

static bool
judge_pulls_at_cb(const void *nve, void *pulled_)
{
    struct pulled *p = pulled_;
    const struct nva_view v = world_view(p->w);

    p->nve = nve;
    directory_each_tsi_of_vn(v.dir, p->vn->id, judge_pulled_cb, p);
    return true;
}

static bool
judge_pulling_cb(const void *vn, void *pulled_)
{
    struct pulled *p = pulled_;
    const struct nva_view v = world_view(p->w);

    p->vn = vn;
    if (p->vn->pulls) {
        directory_each_nve_of_vn(v.dir, p->vn->id, judge_pulls_at_cb, p);
    }
    return true;
}

/* Who is on record for an interface has a flow to it, and nobody else. */
static void
judge_pulls(struct world *w)
{
    const struct nva_view v = world_view(w);
    struct pulled pulled = { .w = w };

    directory_each_vn(v.dir, judge_pulling_cb, &pulled);
}

void
world_judge_rest(struct world *w)
{
    uint64_t ids[WORLD_VMS_MAX * WORLD_IFS_MAX][WORLD_VMS_MAX * WORLD_IFS_MAX];
    const struct settled s = collect_settled(w);
    const char *bad = sim_check(w->sim);

    if (bad) {
        world_fail(w, "%s", bad);
    }
    for (size_t i = 0; i < s.n; i++) {
        for (size_t j = 0; j < s.n; j++) {
            ids[i][j] = (i != j && s.ifs[i]->vn == s.ifs[j]->vn
                         ? sim_send(w->sim, s.ifs[i]->guest, s.ifs[j]->guest)
                         : 0);
        }
    }
    judge_stopped(w, &s);
    judge_pulls(w);
    sim_settle(w->sim);
    for (size_t i = 0; i < s.n; i++) {
        for (size_t j = 0; j < s.n; j++) {
            if (ids[i][j] && sim_received(w->sim, ids[i][j]) != 1) {
                world_fail(w, "from %s to %s: received %d times",
                           s.ifs[i]->port, s.ifs[j]->port,
                           sim_received(w->sim, ids[i][j]));
            }
        }
    }
    world_judge(w);
}

/* ## The end ## */

static void
mend_switches(struct world *w)
{
    for (int n = 1; n <= w->n_nves; n++) {
        sim_slow(w->sim, n, 0);
        sim_isolate(w->sim, n, false);
        fake_switch_refuse_commits(sim_switch(w->sim, n), 0);
        fake_switch_break_adds(sim_switch(w->sim, n), 0);
        if (!w->down[n]) {
            sim_disconnect(w->sim, n);  /* Quarantine ends here. */
        }
        sim_connect(w->sim, n);
        w->down[n] = w->refuses[n] = w->cut[n] = false;
    }
    sim_settle(w->sim);
}

/* Tenants share, nothing is drained any more. */
static void
mend_rules(struct world *w)
{
    char path[32];

    for (int vn = 0; vn < w->n_vns; vn++) {
        snprintf(path, sizeof path, "/v1/vns/vn%d", vn);
        world_call(w, "PUT", path, "{\"isolation\": \"shared\"}");
    }
    for (int n = 1; n <= w->n_nves; n++) {
        snprintf(path, sizeof path, "/v1/nves/hv%d/drain", n);
        world_call(w, "DELETE", path, NULL);
    }
}

/* A part of the VM is there, and nobody has said where the rest is. */
static bool
is_torn(const struct nva_move *move)
{
    bool torn = false;

    for (size_t i = 0; i < move->n_ifs; i++) {
        torn |= !move->ifs[i].switched;
    }
    return move->state == NVA_MS_SWITCHING && torn;
}

struct abortable {
    size_t n;
    nva_id ids[2 * WORLD_VMS_MAX * WORLD_IFS_MAX];
};

static bool
abortable_cb(const void *move_, void *abortable)
{
    const struct nva_move *move = move_;
    struct abortable *a = abortable;

    if (!move_fsm_has_switched(move->state) && !move->unwinding
        && a->n < ARRAY_SIZE(a->ids)) {
        a->ids[a->n++] = move->id;
    }
    return true;
}

/* Those of VMs that were only learned, too: a drain has begun them. */
static void
end_moves(struct world *w)
{
    const struct nva_view v = world_view(w);
    struct abortable a = { .n = 0 };
    char path[64];

    for (int i = 0; i < w->n_vms; i++) {
        const struct nva_move *move = world_move(w, &w->vms[i]);

        if (move && is_torn(move)) {
            world_put_vm(w, &w->vms[i], world_nve_number(w, move->to_nve));
        }
    }
    directory_each_active_move(v.dir, abortable_cb, &a);
    for (size_t i = 0; i < a.n; i++) {
        snprintf(path, sizeof path, "/v1/moves/%"PRIu64"/abort", a.ids[i]);
        world_call(w, "POST", path, NULL);
    }
    sim_settle(w->sim);
}

/* True if its own word counts where it stands, for as long as it stands there:
 * a VAP that is only implied may go. */
static bool
may_announce(const struct world *w, const struct world_if *f)
{
    const struct nva_view v = world_view(w);
    const struct nva_nve *nve = directory_nve_by_dpid(
        v.dir, sim_stands_at(w->sim, f->guest));
    const struct nva_vap *vap = nve ? directory_vap_by_key(
        v.dir, nve->id, f->port, false, eth_addr_zero) : NULL;

    return vap && !vap->implied && !w->strict[f->vn];
}

/* True if neither its own word nor VM management says where it is. */
static bool
is_lost(const struct world *w, const struct world_if *f)
{
    const struct nva_tsi *tsi = world_tsi(w, f);

    return (!may_announce(w, f)
            && (!tsi || !nva_place_is_set(&tsi->current)
                || strcmp(tsi->current.port, f->port)));
}

/* It may have been frozen when it could not answer. */
static void
wake_vm(struct world *w, struct world_vm *vm)
{
    char path[32];

    snprintf(path, sizeof path, "/v1/vms/%s/thaw", vm->name);
    world_call(w, "POST", path, NULL);
    snprintf(path, sizeof path, "/v1/vms/%s", vm->name);
    if (world_call(w, "PUT", path,
                   "{\"state\": \"running\", \"sticky\": false}") >= 300) {
        world_fail(w, "%s cannot run", vm->name);
    }
    vm->sticky = false;
    for (int i = 0; i < vm->n_ifs; i++) {
        sim_mute(w->sim, vm->ifs[i].guest, false);
    }
}

/* Whose word counts says where it is; the others stand where VM management has
 * them, which puts a VM that is lost. */
static void
find_vm(struct world *w, struct world_vm *vm)
{
    int nve = world_pick_nve(w);
    bool lost = false;

    wake_vm(w, vm);
    for (int i = 0; i < vm->n_ifs; i++) {
        lost |= is_lost(w, &vm->ifs[i]);
    }
    if (lost && world_put_vm(w, vm, nve) >= 300) {
        world_fail(w, "%s cannot be put", vm->name);
    }
    sim_settle(w->sim);
    for (int i = 0; i < vm->n_ifs; i++) {
        const struct world_if *f = &vm->ifs[i];

        world_stand(w, f, may_announce(w, f) ? sim_stands_at(w->sim, f->guest)
                          : world_nve_number(w, world_tsi(w, f)->current.nve));
    }
    sim_settle(w->sim);
    for (int i = 0; i < vm->n_ifs; i++) {
        if (may_announce(w, &vm->ifs[i])) {
            sim_announce(w->sim, vm->ifs[i].guest, SIM_GARP);
        }
    }
    sim_settle(w->sim);
}

/* A segment from each to each: nobody is told to close a connection. */
static void
judge_resets(struct world *w)
{
    const struct settled s = collect_settled(w);

    for (size_t i = 0; i < s.n; i++) {
        const struct world_if *from = s.ifs[i];
        int at = sim_stands_at(w->sim, from->guest);
        int answers = sim_answers(w->sim, from->guest);

        for (size_t j = 0; j < s.n; j++) {
            const struct world_if *to = s.ifs[j];
            uint8_t frame[54] = {
                2, 0, 0, 0, 0, to->tail, 2, 0, 0, 0, 0, from->tail, 8, 0,
                0x45, [17] = 40, [22] = 64, 6, [26] = 10, 0, 0, from->tail,
                10, 0, 0, to->tail, [46] = 0x50, 16,
            };

            if (i != j && to->vn == from->vn) {
                sim_frame_at(w->sim, frame, sizeof frame, at, from->port);
            }
        }
        sim_settle(w->sim);
        if (sim_answers(w->sim, from->guest) != answers) {
            world_fail(w, "%s is told to close a connection", from->port);
        }
    }
}

void
world_judge_end(struct world *w)
{
    world_say(w, "the end: all is mended");
    mend_switches(w);
    mend_rules(w);
    end_moves(w);
    for (int i = 0; i < w->n_vms; i++) {
        if (!w->vms[i].exists && world_put_vm(w, &w->vms[i], 0) >= 300) {
            world_fail(w, "%s cannot be put", w->vms[i].name);
        }
    }
    sim_settle(w->sim);
    for (int i = 0; i < w->n_vms; i++) {
        find_vm(w, &w->vms[i]);
    }
    for (int i = 0; i < w->n_vms; i++) {
        for (int j = 0; j < w->vms[i].n_ifs; j++) {
            if (!is_settled(w, &w->vms[i], &w->vms[i].ifs[j])) {
                show_vm(w, &w->vms[i]);
                world_fail(w, "%s is not settled", w->vms[i].ifs[j].port);
            }
        }
    }
    world_judge_rest(w);
    world_say(w, "all timers run out");
    sim_run(w->sim, 40 * NVA_SEC);
    judge_settled_moves(w);
    judge_vaps(w);
    world_judge_rest(w);
    judge_resets(w);
}

static void
show_move(struct world *w, nva_id move)
{
    char path[32];

    snprintf(path, sizeof path, "/v1/moves/%"PRIu64, move);
    sim_api(w->sim, "GET", path, NULL);
    world_say(w, "%s", sim_body(w->sim));
}

static bool
any_redirect_cb(const void *redirect, void *w_)
{
    const struct nva_redirect *r = redirect;
    struct world *w = w_;

    show_move(w, r->move);
    world_fail(w, "a redirect is left at hv%d", world_nve_number(w, r->at));
    return false;
}

static bool
any_move_cb(const void *move_, void *w_)
{
    const struct nva_move *move = move_;
    struct world *w = w_;

    show_move(w, move->id);
    world_fail(w, "a move of %s is left: %s", move->vm_name,
               nva_move_state_word(move->state));
    return false;
}

static bool
any_drain_cb(const void *drain OVS_UNUSED, void *w)
{
    world_fail(w, "a drain has not ended");
    return false;
}

static void
show_vm(struct world *w, const struct world_vm *vm)
{
    const struct nva_move *move = world_move(w, vm);
    char path[32];

    if (move) {
        show_move(w, move->id);
    }
    snprintf(path, sizeof path, "/v1/vms/%s", vm->name);
    sim_api(w->sim, "GET", path, NULL);
    world_say(w, "%s", sim_body(w->sim));
}

static void
judge_settled_moves(struct world *w)
{
    const struct nva_view v = world_view(w);
    struct metrics_gauges gauges;

    directory_each_redirect(v.dir, any_redirect_cb, w);
    directory_each_active_move(v.dir, any_move_cb, w);
    directory_each_drain_going_on(v.dir, any_drain_cb, w);
    dispatch_gauges(sim_dispatch(w->sim), &gauges);
    if (gauges.hold.packets) {
        world_fail(w, "packets are held still");
    }
}

static bool
uses_cb(const void *tsi_, void *vap_)
{
    const struct nva_tsi *tsi = tsi_;
    struct nva_vap *vap = vap_;

    vap->implied &= tsi->vn != vap->vn;
    return true;
}

/* What a VM's place or move implied goes with it. */
static bool
judge_vap_cb(const void *vap_, void *w_)
{
    struct nva_vap vap = *(const struct nva_vap *) vap_;
    struct world *w = w_;
    const struct nva_view v = world_view(w);

    directory_each_tsi_at(v.dir, vap.nve, vap.port, uses_cb, &vap);
    if (vap.implied) {
        world_fail(w, "implied VAP hv%d %s is left",
                   world_nve_number(w, vap.nve), vap.port);
    }
    return true;
}

static bool
judge_nve_cb(const void *nve, void *w_)
{
    struct world *w = w_;
    const struct nva_view v = world_view(w);

    directory_each_vap(v.dir, ((const struct nva_nve *) nve)->id,
                       judge_vap_cb, w);
    return true;
}

struct left {
    const struct nva_vap *vap;
    size_t n;
};

static bool
left_cb(const void *redirect_, void *left_)
{
    const struct nva_redirect *r = redirect_;
    struct left *left = left_;

    left->n += !strcmp(r->port, left->vap->port);
    return true;
}

static bool
any_tsi_cb(const void *tsi OVS_UNUSED, void *any)
{
    *(bool *) any = true;
    return false;
}

/* A port that is gone is bound only for who may be there, or by VM
 * management; a redirect that was left there has a VAP without a name. */
static bool
judge_gone_port_cb(const void *vap_, void *w_)
{
    const struct nva_vap *vap = vap_;
    struct world *w = w_;
    const struct nva_view v = world_view(w);
    const struct nva_place place = nva_vap_place(vap);
    struct left left = { .vap = vap };
    bool any = false;

    directory_each_redirect_at(v.dir, vap->nve, left_cb, &left);
    directory_each_tsi_at(v.dir, vap->nve, vap->port, any_tsi_cb, &any);
    if (binding_is_nameless(vap) ? left.n != 1 || any
        : vap->implied && !any && directory_port_is_gone(v.dir, &place)) {
        world_fail(w, "hv%d %s is bound for nobody",
                   world_nve_number(w, vap->nve), vap->port);
    }
    return true;
}

static bool
judge_gone_nve_cb(const void *nve, void *w_)
{
    struct world *w = w_;
    const struct nva_view v = world_view(w);

    directory_each_vap(v.dir, ((const struct nva_nve *) nve)->id,
                       judge_gone_port_cb, w);
    return true;
}

static void
judge_gone_ports(struct world *w)
{
    const struct nva_view v = world_view(w);

    directory_each_nve(v.dir, judge_gone_nve_cb, w);
}

static void
judge_vaps(struct world *w)
{
    const struct nva_view v = world_view(w);

    directory_each_nve(v.dir, judge_nve_cb, w);
}
