/* SPDX-License-Identifier: Apache-2.0 */

/* The steps of a random schedule.  Each says in the trace what it does; a new
 * kind of trouble is a new function and a line in the table at the end. */

#include <config.h>

#include "steps.h"

#include <stdio.h>
#include <string.h>

#include "move-fsm.h"
#include "util.h"

static const char *const announcements[] = {
    "garp", "garp-reply", "na", "na-node", "rarp", "probe", "dad",
};

/* ## VMs ## */

/* Speaks from where it stands: announces itself, sends data, or is silent. */
static void
speak_up(struct world *w, const struct world_if *f)
{
    uint32_t what = world_pick(w, SIM_DAD + 3);

    if (!sim_stands_at(w->sim, f->guest) || sim_is_still(w->sim, f->guest)) {
        return;
    } else if (what <= SIM_DAD) {
        world_say(w, "  %s says %s", f->port, announcements[what]);
        sim_announce(w->sim, f->guest, what);
    } else if (what == SIM_DAD + 1) {
        world_say(w, "  %s broadcasts", f->port);
        sim_broadcast(w->sim, f->guest);
    }
}

/* It stands elsewhere; the ports it left may go with it. */
static void
go_to(struct world *w, struct world_vm *vm, int nve)
{
    bool unplug = !world_pick(w, 4);

    for (int i = 0; i < vm->n_ifs; i++) {
        const struct world_if *f = &vm->ifs[i];
        int old = sim_stands_at(w->sim, f->guest);

        world_say(w, "  %s stands at hv%d%s", f->port, nve,
                  unplug && old && old != nve ? ", its old port goes" : "");
        world_stand(w, f, nve);
        if (unplug && old && old != nve) {
            sim_unplug(w->sim, old, f->port);
        }
    }
    for (int i = 0; i < vm->n_ifs; i++) {
        speak_up(w, &vm->ifs[i]);
    }
}

static void
step_hop(struct world *w)
{
    struct world_vm *vm = world_pick_vm(w);

    world_say(w, "%s hops", vm->name);
    go_to(w, vm, world_pick_nve(w));
}

static const struct world_if *
pick_if(struct world *w, const struct world_vm *vm)
{
    return &vm->ifs[world_pick(w, vm->n_ifs)];
}

static void
step_speak(struct world *w)
{
    const struct world_if *f = pick_if(w, world_pick_vm(w));

    world_say(w, "%s speaks", f->port);
    speak_up(w, f);
    for (int i = 0; i < w->n_vms; i++) {
        const struct world_if *to = pick_if(w, &w->vms[i]);

        if (to != f && to->vn == f->vn) {
            sim_send(w->sim, f->guest, to->guest);
        }
    }
}

/* All of its VN send to it. */
static void
step_hear(struct world *w)
{
    const struct world_if *f = pick_if(w, world_pick_vm(w));

    world_say(w, "%s is sent to", f->port);
    for (int i = 0; i < w->n_vms; i++) {
        for (int j = 0; j < w->vms[i].n_ifs; j++) {
            const struct world_if *from = &w->vms[i].ifs[j];

            if (from != f && from->vn == f->vn) {
                sim_send(w->sim, from->guest, f->guest);
            }
        }
    }
}

/* It stands nowhere, with its port or without. */
static void
step_leave(struct world *w)
{
    const struct world_if *f = pick_if(w, world_pick_vm(w));
    int at = sim_stands_at(w->sim, f->guest);

    if (at && world_pick(w, 2)) {
        world_say(w, "%s at hv%d is unplugged", f->port, at);
        sim_unplug(w->sim, at, f->port);
    } else {
        world_say(w, "%s is gone", f->port);
        sim_stand(w->sim, f->guest, 0, NULL);
    }
}

static void
step_plug(struct world *w)
{
    const struct world_if *f = pick_if(w, world_pick_vm(w));
    int nve = world_pick_nve(w);

    if (!sim_is_plugged(w->sim, nve, f->port)) {
        world_say(w, "%s appears at hv%d", f->port, nve);
        sim_plug(w->sim, nve, f->port);
    } else if (sim_stands_at(w->sim, f->guest) != nve) {
        world_say(w, "%s goes from hv%d", f->port, nve);
        sim_unplug(w->sim, nve, f->port);
    }
}

/* ## Lies: a guest speaks with another's MAC, or of another's address ## */

static void
step_lie(struct world *w)
{
    const struct world_if *liar = pick_if(w, world_pick_vm(w));
    const struct world_if *victim = pick_if(w, world_pick_vm(w));
    uint32_t what = world_pick(w, SIM_DAD + 1);
    int at = sim_stands_at(w->sim, liar->guest);
    bool mac = world_pick(w, 2);

    if (at && liar != victim) {
        world_say(w, "%s at hv%d says %s with the %s of %s", liar->port, at,
                  announcements[what], mac ? "MAC" : "address",
                  victim->port);
        sim_forge_at(w->sim, mac ? victim->guest : liar->guest,
                     world_pick(w, 3) ? victim->guest : liar->guest, what, at,
                     liar->port);
    }
}

/* ## VM management ## */

static void
step_start(struct world *w)
{
    struct world_vm *vm = world_pick_vm(w);
    struct ds ports = DS_EMPTY_INITIALIZER;
    int nve = world_pick_nve(w);
    char path[32];

    for (int i = 0; i < vm->n_ifs; i++) {
        if (world_pick(w, 5)) {
            ds_put_format(&ports, "%s\"eth%d\": \"%s\"",
                          ports.length ? ", " : "", i, vm->ifs[i].port);
        }
    }
    snprintf(path, sizeof path, "/v1/vms/%s/moves", vm->name);
    world_call(w, "POST", path, "{\"to\": {\"nve\": \"hv%d\", "
               "\"ports\": {%s}}}", nve, ds_cstr(&ports));
    ds_destroy(&ports);
}

/* VM management starts the same move again, with all ports named. */
static void
step_name_ports(struct world *w)
{
    struct world_vm *vm = world_pick_vm(w);
    const struct nva_move *move = world_move(w, vm);
    struct ds ports = DS_EMPTY_INITIALIZER;
    char path[32];

    if (!move || move->state != NVA_MS_PREPARED) {
        return;
    }
    for (int i = 0; i < vm->n_ifs; i++) {
        ds_put_format(&ports, "%s\"eth%d\": \"%s\"", i ? ", " : "", i,
                      vm->ifs[i].port);
    }
    snprintf(path, sizeof path, "/v1/vms/%s/moves", vm->name);
    world_call(w, "POST", path, "{\"to\": {\"nve\": \"hv%d\", "
               "\"ports\": {%s}}}", world_nve_number(w, move->to_nve),
               ds_cstr(&ports));
    ds_destroy(&ports);
}

/* The VM does as it is told, or (one time in five) does not. */
static void
obey(struct world *w, struct world_vm *vm, const char *verb, int to)
{
    if (!world_pick(w, 5)) {
        return;
    }
    if (!strcmp(verb, "activate")) {
        go_to(w, vm, to);
    }
    for (int i = 0; i < vm->n_ifs; i++) {
        const struct world_if *f = &vm->ifs[i];

        if (!strcmp(verb, "pause")) {
            sim_still(w->sim, f->guest);
        } else if (sim_stands_at(w->sim, f->guest)) {
            world_stand(w, f, sim_stands_at(w->sim, f->guest));
        }
    }
}

static void
step_verb(struct world *w)
{
    static const char *const verbs[] = { "pause", "activate", "activate",
                                         "abort" };
    const char *verb = verbs[world_pick(w, ARRAY_SIZE(verbs))];
    struct world_vm *vm = world_pick_vm(w);
    const struct nva_move *move = world_move(w, vm);
    char path[64];
    int to;

    if (!move) {
        return;
    }
    to = world_nve_number(w, move->to_nve);
    snprintf(path, sizeof path, "/v1/moves/%"PRIu64"/%s", move->id, verb);
    if (world_call(w, "POST", path, NULL) < 300) {
        obey(w, vm, verb, to);
    }
}

static void
step_vm(struct world *w)
{
    struct world_vm *vm = world_pick_vm(w);
    char path[32];

    if (world_pick(w, 3)) {
        world_put_vm(w, vm, world_pick(w, 2) ? world_pick_nve(w) : 0);
    } else {
        snprintf(path, sizeof path, "/v1/vms/%s", vm->name);
        if (world_call(w, "DELETE", path, NULL) < 300) {
            vm->exists = false;
        }
    }
}

/* ## The operator ## */

static void
step_port(struct world *w)
{
    const struct world_if *f = pick_if(w, world_pick_vm(w));
    char path[64];

    snprintf(path, sizeof path, "/v1/nves/hv%d/ports/%s", world_pick_nve(w),
             f->port);
    if (world_pick(w, 2)) {
        world_call(w, "PUT", path, "{\"vn\": \"vn%d\"}", f->vn);
    } else {
        world_call(w, "DELETE", path, NULL);
    }
}

static void
step_vn(struct world *w)
{
    /* Not "flood": what an NVE that lacks a flow floods may well be read at
     * two places of a VM that moves meanwhile. */
    static const char *const words[] = { "query", "drop" };
    int vn = world_pick(w, w->n_vns);
    char path[32];

    snprintf(path, sizeof path, "/v1/vns/vn%d", vn);
    world_call(w, "PUT", path, "{\"vni\": %d, \"binding\": \"%s\", "
               "\"redirect_timeout\": %d, \"unknown_unicast\": \"%s\"}",
               100 + vn, w->strict[vn] ? "strict" : "learn",
               1 + (int) world_pick(w, 10), words[world_pick(w, 2)]);
}

/* ## Switches ## */

static void
step_session(struct world *w)
{
    int n = world_pick_nve(w);

    world_say(w, "hv%d: session %s", n, w->down[n] ? "up" : "down");
    if (w->down[n]) {
        world_speak_any(w, n);
        sim_connect(w->sim, n);
    } else {
        sim_disconnect(w->sim, n);
    }
    w->down[n] = !w->down[n];
}

static void
step_restart(struct world *w)
{
    bool keep = world_pick(w, 2);
    int n = world_pick_nve(w);

    if (!w->down[n]) {
        world_say(w, "hv%d restarts %s its flows", n,
                  keep ? "with" : "without");
        world_speak_any(w, n);
        sim_restart(w->sim, n, keep);
    }
}

static void
step_slow(struct world *w)
{
    int n = world_pick_nve(w);
    nva_usec extra = world_pick(w, 3) ? world_pick(w, 40000) : 0;

    world_say(w, "hv%d: %d us slower", n, (int) extra);
    sim_slow(w->sim, n, extra);
}

static void
step_refuse(struct world *w)
{
    int n = world_pick_nve(w);

    w->refuses[n] = true;
    if (world_pick(w, 2)) {
        world_say(w, "hv%d: refuses the next commit", n);
        fake_switch_refuse_commits(sim_switch(w->sim, n), 1);
    } else {
        world_say(w, "hv%d: does not understand the next flow mod", n);
        fake_switch_break_adds(sim_switch(w->sim, n), 1);
    }
}

static void
step_isolate(struct world *w)
{
    int n = world_pick_nve(w);

    w->cut[n] = !w->cut[n];
    world_say(w, "hv%d: tunnels %s", n, w->cut[n] ? "cut" : "mended");
    sim_isolate(w->sim, n, w->cut[n]);
}

/* ## Time ## */

static void
step_wait(struct world *w)
{
    static const nva_usec waits[] = { 50, 300, 2000, 20000, 3000000 };
    nva_usec usec = world_pick(w, waits[world_pick(w, 5)]);

    world_say(w, "%d us go by", (int) usec);
    sim_run(w->sim, usec);
}

/* All is done that has been begun; where nothing is broken, all must be well
 * for those who are settled. */
static void
step_rest(struct world *w)
{
    bool healthy = true;

    world_say(w, "rest");
    sim_settle(w->sim);
    for (int n = 1; n <= w->n_nves; n++) {
        healthy &= !w->down[n] && !w->refuses[n] && !w->cut[n];
    }
    if (healthy) {
        world_judge_rest(w);
    }
}

void
steps_take(struct world *w)
{
    static const struct {
        uint32_t weight;
        void (*take)(struct world *);
    } steps[] = {
        { 8, step_hop }, { 6, step_speak }, { 6, step_hear },
        { 5, step_start }, { 2, step_name_ports }, { 12, step_verb },
        { 2, step_vm }, { 2, step_port }, { 1, step_vn }, { 1, step_leave },
        { 2, step_plug }, { 3, step_lie }, { 2, step_session },
        { 2, step_restart }, { 2, step_slow }, { 1, step_refuse },
        { 1, step_isolate }, { 14, step_wait }, { 2, step_rest },
    };
    uint32_t total = 0, pick;

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        total += steps[i].weight;
    }
    pick = world_pick(w, total);
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        if (pick < steps[i].weight) {
            steps[i].take(w);
            return;
        }
        pick -= steps[i].weight;
    }
}
