/* SPDX-License-Identifier: Apache-2.0 */

/* A random fabric and its judge: see world.h. */

#include <config.h>

#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "move-fsm.h"
#include "packets.h"
#include "util.h"

static void make_nve(struct world *, int n, int underlay);
static void make_vn(struct world *, int vn);
static void make_vm(struct world *, int vm);
static void declare_ports(struct world *, const struct world_vm *);
static void judge_interfaces(struct world *);
static void judge_settled_moves(struct world *);
static void judge_vaps(struct world *);

static struct nva_view
view(const struct world *w)
{
    return dispatch_view(sim_dispatch(w->sim), sim_now(w->sim));
}

/* ## Chance ## */

void
world_seed_step(struct world *w, int i)
{
    w->step = i;
    w->rng = (w->seed * 1000 + i + 2) * 0x9e3779b97f4a7c15ULL;
    for (int round = 0; round < 4; round++) {
        world_pick(w, 1);
    }
}

uint32_t
world_pick(struct world *w, uint32_t n)
{
    w->rng ^= w->rng << 13;
    w->rng ^= w->rng >> 7;
    w->rng ^= w->rng << 17;
    return (w->rng >> 11) % n;
}

/* The first one gets half of what happens: trouble comes where much meets. */
struct world_vm *
world_pick_vm(struct world *w)
{
    return &w->vms[world_pick(w, 2) ? world_pick(w, w->n_vms) : 0];
}

int
world_pick_nve(struct world *w)
{
    return 1 + world_pick(w, w->n_nves);
}

/* ## Words ## */

static void
say_valist(struct world *w, const char *format, va_list args)
{
    ds_put_format(&w->trace, "%2d %11.3f ms  ", w->step,
                  sim_now(w->sim) / 1000.0);
    ds_put_format_valist(&w->trace, format, args);
    ds_put_char(&w->trace, '\n');
}

void
world_say(struct world *w, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say_valist(w, format, args);
    va_end(args);
}

/* The API's reason, if it gave one. */
static void
put_reason(struct world *w, struct ds *ds)
{
    static const char key[] = "\"reason\":\"";
    const char *reason = strstr(sim_body(w->sim), key);

    if (reason) {
        reason += strlen(key);
        ds_put_format(ds, " %.*s", (int) strcspn(reason, "\""), reason);
    }
}

int
world_call(struct world *w, const char *method, const char *path,
           const char *format, ...)
{
    struct ds text = DS_EMPTY_INITIALIZER;
    char *json = NULL;
    va_list args;
    int status;

    if (format) {
        va_start(args, format);
        json = xvasprintf(format, args);
        va_end(args);
    }
    status = sim_api(w->sim, method, path, json);
    ds_put_format(&text, "%s %s %s: %d", method, path, json ? json : "",
                  status);
    if (status >= 400) {
        put_reason(w, &text);
    }
    world_say(w, "%s", ds_cstr(&text));
    ds_destroy(&text);
    free(json);
    return status;
}

void
world_fail(struct world *w, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say_valist(w, format, args);
    va_end(args);
    exit(EXIT_FAILURE);                 /* At exit the trace is printed. */
}

/* ## Making ## */

void
world_create(struct world *w, uint64_t seed)
{
    int underlay;

    memset(w, 0, sizeof *w);
    w->seed = seed;
    ds_init(&w->trace);
    world_seed_step(w, -1);
    w->sim = sim_create(seed * 0xd1342543de82ef95ULL + 1);
    w->n_nves = 2 + world_pick(w, world_pick(w, 3) ? 2 : 5);
    w->n_vns = 1 + world_pick(w, world_pick(w, 2) ? 1 : 3);
    w->n_vms = 1 + world_pick(w, world_pick(w, 3) ? 4 : 8);
    underlay = world_pick(w, 3);
    for (int vn = 0; vn < w->n_vns; vn++) {
        make_vn(w, vn);
    }
    for (int n = 1; n <= w->n_nves; n++) {
        make_nve(w, n, underlay);
    }
    for (int vm = 0; vm < w->n_vms; vm++) {
        make_vm(w, vm);
    }
    sim_settle(w->sim);
    world_judge(w);
    world_judge_rest(w);
}

void
world_destroy(struct world *w)
{
    sim_destroy(w->sim);
    ds_destroy(&w->trace);
}

static void
make_vn(struct world *w, int vn)
{
    char path[32];

    w->strict[vn] = world_pick(w, 2);
    snprintf(path, sizeof path, "/v1/vns/vn%d", vn);
    if (world_call(w, "PUT", path, "{\"vni\": %d, \"binding\": \"%s\", "
                   "\"redirect_timeout\": %d}", 100 + vn,
                   w->strict[vn] ? "strict" : "learn",
                   1 + (int) world_pick(w, 10)) != 201) {
        world_fail(w, "VN refused");
    }
}

/* 'underlay': 0 IPv4, 1 IPv6, 2 both. */
static void
make_nve(struct world *w, int n, int underlay)
{
    char path[32];

    sim_nve(w->sim, underlay == 2 ? n % 2 : underlay);
    if (!world_pick(w, 3)) {
        world_speak_any(w, n);
        sim_restart(w->sim, n, true);
    }
    snprintf(path, sizeof path, "/v1/nves/hv%d", n);
    if (world_call(w, "PUT", path, "{\"dpid\": \"%d\"}", n) != 201) {
        world_fail(w, "NVE refused");
    }
}

/* In different VNs the same addresses are different ones. */
static int
free_tail(struct world *w, int vn)
{
    int tail = 1;

    for (int i = 0; i < w->n_vms; i++) {
        for (int j = 0; j < w->vms[i].n_ifs; j++) {
            tail += w->vms[i].ifs[j].vn == vn;
        }
    }
    return tail;
}

static void
make_vm(struct world *w, int number)
{
    static const char *const vns[] = { "vn0", "vn1", "vn2" };
    struct world_vm *vm = &w->vms[number];
    int n_ifs = world_pick(w, 4) ? 1 : 2, nve = world_pick_nve(w);

    snprintf(vm->name, sizeof vm->name, "vm%d", number);
    for (int i = 0; i < n_ifs; i++) {
        struct world_if *f = &vm->ifs[i];

        f->vn = world_pick(w, w->n_vns);
        f->tail = free_tail(w, f->vn);
        vm->n_ifs++;
        snprintf(f->port, sizeof f->port, "t%d-%d", number, i);

        const struct sim_vm guest = {
            vm->name, vns[f->vn], { .ea = { 2, 0, 0, 0, 0, f->tail } },
            { 10, 0, 0, f->tail }, { 0xfd, 0x10, [15] = f->tail },
        };

        f->guest = sim_vm(w->sim, &guest);
    }
    declare_ports(w, vm);
    if (world_put_vm(w, vm, nve) != 201) {
        world_fail(w, "VM refused");
    }
    for (int i = 0; i < n_ifs; i++) {
        world_stand(w, &vm->ifs[i], nve);
    }
}

/* Elsewhere, the VM's ports wait for it: some are there, some are declared,
 * most are in a network that learns. */
static void
declare_ports(struct world *w, const struct world_vm *vm)
{
    for (int n = 1; n <= w->n_nves; n++) {
        for (int i = 0; i < vm->n_ifs; i++) {
            const struct world_if *f = &vm->ifs[i];
            char path[64];

            if (world_pick(w, 4)) {
                sim_plug(w->sim, n, f->port);
            }
            if (w->strict[f->vn] ? !world_pick(w, 4) : world_pick(w, 6)) {
                snprintf(path, sizeof path, "/v1/nves/hv%d/ports/%s", n,
                         f->port);
                world_call(w, "PUT", path, "{\"vn\": \"vn%d\"}", f->vn);
            }
        }
    }
}

/* ## Doing ## */

int
world_put_vm(struct world *w, struct world_vm *vm, int nve)
{
    struct ds ifs = DS_EMPTY_INITIALIZER;
    char path[32];
    int status;

    for (int i = 0; i < vm->n_ifs; i++) {
        const struct world_if *f = &vm->ifs[i];

        ds_put_format(&ifs, "%s{\"name\": \"eth%d\", \"vn\": \"vn%d\", "
                      "\"mac\": \"02:00:00:00:00:%02x\", "
                      "\"ips\": [\"10.0.0.%d\", \"fd10::%x\"]",
                      i ? ", " : "", i, f->vn, f->tail, f->tail, f->tail);
        if (nve) {
            ds_put_format(&ifs, ", \"nve\": \"hv%d\", \"port\": \"%s\"", nve,
                          f->port);
        }
        ds_put_char(&ifs, '}');
    }
    snprintf(path, sizeof path, "/v1/vms/%s", vm->name);
    status = world_call(w, "PUT", path, "{\"interfaces\": [%s]}",
                        ds_cstr(&ifs));
    vm->exists |= status < 300;
    ds_destroy(&ifs);
    return status;
}

void
world_stand(struct world *w, const struct world_if *f, int nve)
{
    if (!sim_is_plugged(w->sim, nve, f->port)) {
        sim_plug(w->sim, nve, f->port);
    }
    sim_stand(w->sim, f->guest, nve, f->port);
}

void
world_speak_any(struct world *w, int n)
{
    fake_switch_speak(sim_switch(w->sim, n), 4 + world_pick(w, 3),
                      world_pick(w, 2));
}

const struct nva_tsi *
world_tsi(const struct world *w, const struct world_if *f)
{
    const struct nva_view v = view(w);
    const struct nva_vn *vn = directory_vn_by_vni(v.dir, 100 + f->vn);
    const struct eth_addr mac = { .ea = { 2, 0, 0, 0, 0, f->tail } };

    return vn ? directory_tsi_by_mac(v.dir, vn->id, mac) : NULL;
}

int
world_nve_number(const struct world *w, nva_id id)
{
    const struct nva_view v = view(w);
    const struct nva_nve *nve = directory_nve(v.dir, id);

    return nve ? (int) nve->dpid : 0;
}

const struct nva_move *
world_move(const struct world *w, const struct world_vm *vm)
{
    const struct nva_view v = view(w);
    const struct nva_vm *there = directory_vm_by_name(v.dir, vm->name);

    return there ? directory_move(v.dir, there->move) : NULL;
}

/* ## Judging ## */

void
world_judge(struct world *w)
{
    const struct nva_view v = view(w);
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
}

static bool
judge_redirect_cb(const void *redirect, void *w)
{
    const struct nva_redirect *r = redirect;
    const struct nva_view v = view(w);
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
    const struct nva_view v = view(w);

    directory_each_redirect(v.dir, judge_redirect_cb, w);
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
            if (tsi && nva_place_is_set(&tsi->prepared) && !move) {
                world_fail(w, "%s: prepared without a move", vm->name);
            }
        }
    }
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

    return (tsi && at && !sim_is_still(w->sim, f->guest)
            && world_nve_number(w, tsi->current.nve) == at
            && nva_place_equal(&tsi->current, &tsi->published)
            && !strcmp(tsi->current.port, f->port)
            && (!move || move_fsm_has_switched(move->state)));
}

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

static void
end_moves(struct world *w)
{
    for (int i = 0; i < w->n_vms; i++) {
        const struct nva_move *move = world_move(w, &w->vms[i]);
        char path[64];

        if (move && is_torn(move)) {
            world_put_vm(w, &w->vms[i], world_nve_number(w, move->to_nve));
            continue;
        }
        if (move && !move_fsm_has_switched(move->state)
            && !move->unwinding) {
            snprintf(path, sizeof path, "/v1/moves/%"PRIu64"/abort",
                     move->id);
            world_call(w, "POST", path, NULL);
        }
    }
    sim_settle(w->sim);
}

/* True if its own word counts where it stands. */
static bool
may_announce(const struct world *w, const struct world_if *f)
{
    const struct nva_view v = view(w);
    const struct nva_nve *nve = directory_nve_by_dpid(
        v.dir, sim_stands_at(w->sim, f->guest));

    return (nve && !w->strict[f->vn]
            && directory_vap_by_key(v.dir, nve->id, f->port, false,
                                    eth_addr_zero));
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

/* Whose word counts says where it is; the others stand where VM management has
 * them, which puts a VM that is lost. */
static void
find_vm(struct world *w, struct world_vm *vm)
{
    int nve = world_pick_nve(w);
    bool lost = false;
    char path[32];

    /* It may have been frozen when it could not answer. */
    snprintf(path, sizeof path, "/v1/vms/%s/thaw", vm->name);
    world_call(w, "POST", path, NULL);
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

void
world_judge_end(struct world *w)
{
    world_say(w, "the end: all is mended");
    mend_switches(w);
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
                world_fail(w, "%s is not settled", w->vms[i].ifs[j].port);
            }
        }
    }
    world_judge_rest(w);
    world_say(w, "all timers run out");
    sim_run(w->sim, 20 * NVA_SEC);
    judge_settled_moves(w);
    judge_vaps(w);
    world_judge_rest(w);
}

static bool
any_redirect_cb(const void *redirect, void *w_)
{
    const struct nva_redirect *r = redirect;
    struct world *w = w_;

    world_fail(w, "a redirect is left at hv%d", world_nve_number(w, r->at));
    return false;
}

static bool
any_move_cb(const void *move_, void *w_)
{
    const struct nva_move *move = move_;
    struct world *w = w_;
    char path[32];

    snprintf(path, sizeof path, "/v1/moves/%"PRIu64, move->id);
    sim_api(w->sim, "GET", path, NULL);
    world_say(w, "%s", sim_body(w->sim));
    world_fail(w, "a move of %s is left: %s", move->vm_name,
               nva_move_state_word(move->state));
    return false;
}

static void
judge_settled_moves(struct world *w)
{
    const struct nva_view v = view(w);

    directory_each_redirect(v.dir, any_redirect_cb, w);
    directory_each_active_move(v.dir, any_move_cb, w);
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
    const struct nva_view v = view(w);

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
    const struct nva_view v = view(w);

    directory_each_vap(v.dir, ((const struct nva_nve *) nve)->id,
                       judge_vap_cb, w);
    return true;
}

static void
judge_vaps(struct world *w)
{
    const struct nva_view v = view(w);

    directory_each_nve(v.dir, judge_nve_cb, w);
}
