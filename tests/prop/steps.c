/* SPDX-License-Identifier: Apache-2.0 */

/* The steps of a random schedule.  Each says in the trace what it does; a new
 * kind of trouble is a new function and a line in the table at the end. */

#include <config.h>

#include "steps.h"

#include <stdio.h>
#include <string.h>

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

void
steps_go_to(struct world *w, const struct world_vm *vm, int nve)
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
    steps_go_to(w, vm, world_pick_nve(w));
}

static void
step_speak(struct world *w)
{
    const struct world_if *f = world_pick_if(w, world_pick_vm(w));

    world_say(w, "%s speaks", f->port);
    speak_up(w, f);
    for (int i = 0; i < w->n_vms; i++) {
        const struct world_if *to = world_pick_if(w, &w->vms[i]);

        if (to != f && to->vn == f->vn) {
            sim_send(w->sim, f->guest, to->guest);
        }
    }
}

/* All of its VN send to it. */
static void
step_hear(struct world *w)
{
    const struct world_if *f = world_pick_if(w, world_pick_vm(w));

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
    const struct world_if *f = world_pick_if(w, world_pick_vm(w));
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
    const struct world_if *f = world_pick_if(w, world_pick_vm(w));
    int nve = world_pick_nve(w);

    if (!sim_is_plugged(w->sim, nve, f->port)) {
        world_say(w, "%s appears at hv%d", f->port, nve);
        sim_plug(w->sim, nve, f->port);
    } else if (sim_stands_at(w->sim, f->guest) != nve) {
        world_say(w, "%s goes from hv%d", f->port, nve);
        sim_unplug(w->sim, nve, f->port);
    }
}

/* Its kernel answers nobody, or does again. */
static void
step_mute(struct world *w)
{
    const struct world_if *f = world_pick_if(w, world_pick_vm(w));
    bool mute = world_pick(w, 2);

    world_say(w, "%s is %s", f->port, mute ? "mute" : "not mute");
    sim_mute(w->sim, f->guest, mute);
}

/* ## Lies: a guest speaks with another's MAC, or of another's address ## */

static void
step_lie(struct world *w)
{
    const struct world_if *liar = world_pick_if(w, world_pick_vm(w));
    const struct world_if *victim = world_pick_if(w, world_pick_vm(w));
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
        steps_fn *take;
    } steps[] = {
        { 8, step_hop }, { 6, step_speak }, { 6, step_hear },
        { 5, step_start }, { 2, step_name_ports }, { 12, step_verb },
        { 2, step_vm }, { 2, step_state }, { 3, step_wishes },
        { 1, step_drain }, { 2, step_port }, { 1, step_vn },
        { 1, step_tenant }, { 1, step_thaw }, { 1, step_audit },
        { 1, step_leave }, { 2, step_plug }, { 1, step_mute },
        { 3, step_lie }, { 2, step_session }, { 2, step_restart },
        { 2, step_slow }, { 1, step_refuse }, { 1, step_isolate },
        { 14, step_wait }, { 2, step_rest },
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
