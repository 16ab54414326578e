/* SPDX-License-Identifier: Apache-2.0 */

/* What VM management does, and VMs that do as they are told, or do not. */

#include <config.h>

#include "steps.h"

#include <stdio.h>
#include <string.h>

#include "move-fsm.h"
#include "util.h"

/* Of a move: its kind, unless the VM's state is to say it, and its times. */
static const char *
pick_kind(struct world *w)
{
    static const char *const kinds[] = {
        "", "", "", ", \"kind\": \"hot\"", ", \"kind\": \"cold\"",
        ", \"kind\": \"warm\", \"refresh\": 1", ", \"kind\": \"warm\"",
        ", \"timeout\": 1", ", \"kind\": \"cold\", \"timeout\": 2",
    };

    return kinds[world_pick(w, ARRAY_SIZE(kinds))];
}

void
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
               "\"ports\": {%s}}%s}", nve, ds_cstr(&ports), pick_kind(w));
    ds_destroy(&ports);
}

/* VM management starts the same move again, with all ports named. */
void
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
        steps_go_to(w, vm, to);
    }
    world_still(w, vm, !strcmp(verb, "pause"));
}

/* The VM runs on, for longer than it may or not. */
static void
pause_early(struct world *w, nva_id id)
{
    static const int msecs[] = { 1, 10, 50, 2000 };
    char path[64];

    snprintf(path, sizeof path, "/v1/moves/%"PRIu64"/pause", id);
    world_call(w, "POST", path, "{\"early_ms\": %d}",
               msecs[world_pick(w, ARRAY_SIZE(msecs))]);
}

void
step_verb(struct world *w)
{
    static const char *const verbs[] = { "pause", "activate", "activate",
                                         "abort", "early", "early" };
    const char *verb = verbs[world_pick(w, ARRAY_SIZE(verbs))];
    struct world_vm *vm = world_pick_vm(w);
    const struct nva_move *move = world_move(w, vm);
    char path[64];
    int to;

    if (!move) {
        return;
    }
    to = world_nve_number(w, move->to_nve);
    if (!strcmp(verb, "early")) {
        pause_early(w, move->id);
        return;
    }
    snprintf(path, sizeof path, "/v1/moves/%"PRIu64"/%s", move->id, verb);
    if (world_call(w, "POST", path, NULL) < 300) {
        obey(w, vm, verb, to);
    }
}

void
step_vm(struct world *w)
{
    struct world_vm *vm = world_pick_vm(w);
    char path[32];

    if (world_pick(w, 3)) {
        world_put_vm(w, vm, world_pick(w, 2) ? world_pick_nve(w) : 0);
    } else {
        snprintf(path, sizeof path, "/v1/vms/%s", vm->name);
        if (world_call(w, "DELETE", path, NULL) < 300) {
            vm->exists = vm->sticky = false;
        }
    }
}

/* It says in which state the VM is, and mostly that is so. */
void
step_state(struct world *w)
{
    static const char *const states[] = {
        "unknown", "preparing", "running", "running", "running", "suspended",
        "resuming", "paused", "migrating", "shuttingdown", "shutdown",
        "shutdown", "crashed",
    };
    const char *state = states[world_pick(w, ARRAY_SIZE(states))];
    struct world_vm *vm = world_pick_vm(w);
    bool stands_still = (!strcmp(state, "shutdown")
                         || !strcmp(state, "crashed")
                         || !strcmp(state, "suspended")
                         || !strcmp(state, "paused"));
    char path[32];

    snprintf(path, sizeof path, "/v1/vms/%s", vm->name);
    if (vm->exists
        && world_call(w, "PUT", path, "{\"state\": \"%s\"}", state) < 300
        && world_pick(w, 5)) {
        world_still(w, vm, stands_still);
    }
}

/* What becomes of its connections; whether its own word counts. */
void
step_wishes(struct world *w)
{
    static const char *const words[] = { "keep", "hold", "hold", "reset" };
    struct world_vm *vm = world_pick_vm(w);
    bool sticky = !world_pick(w, 4);
    char path[32];

    snprintf(path, sizeof path, "/v1/vms/%s", vm->name);
    if (vm->exists
        && world_call(w, "PUT", path, "{\"connections\": \"%s\", "
                      "\"sticky\": %s}",
                      words[world_pick(w, ARRAY_SIZE(words))],
                      sticky ? "true" : "false") < 300) {
        vm->sticky_since = vm->sticky ? vm->sticky_since : sim_now(w->sim);
        vm->sticky = sticky;
    }
}

void
step_drain(struct world *w)
{
    static const char *const more[] = { "", ", \"parallel\": 1",
                                        ", \"timeout\": 1" };
    int a = world_pick_nve(w), b = world_pick_nve(w);
    char path[32];

    snprintf(path, sizeof path, "/v1/nves/hv%d/drain", world_pick_nve(w));
    if (world_pick(w, 4)) {
        world_call(w, "POST", path, "{\"to\": [\"hv%d\", \"hv%d\"]%s}", a, b,
                   more[world_pick(w, ARRAY_SIZE(more))]);
    } else {
        world_call(w, world_pick(w, 2) ? "DELETE" : "POST", path, NULL);
    }
}
