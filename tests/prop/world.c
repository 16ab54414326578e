/* SPDX-License-Identifier: Apache-2.0 */

/* A random fabric: see world.h. */

#include <config.h>

#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packets.h"
#include "util.h"

static void make_nve(struct world *, int n, int underlay);
static void make_vn(struct world *, int vn);
static void make_vm(struct world *, int vm);
static void declare_ports(struct world *, const struct world_vm *);
static void settle_in(struct world *, struct world_vm *);

struct nva_view
world_view(const struct world *w)
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

const struct world_if *
world_pick_if(struct world *w, const struct world_vm *vm)
{
    return &vm->ifs[world_pick(w, vm->n_ifs)];
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
    sim_compare_slowly(w->sim, 4, 50);
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
    static const char *const tenants[] = { "", "ant", "bee" };
    bool suspicious = !world_pick(w, 3), pulls = !world_pick(w, 4);
    const char *tenant = tenants[world_pick(w, 3)];
    char path[32];

    w->strict[vn] = world_pick(w, 2);
    snprintf(path, sizeof path, "/v1/vns/vn%d", vn);
    if (world_call(w, "PUT", path, "{\"vni\": %d, \"binding\": \"%s\", "
                   "\"redirect_timeout\": %d, \"duplicate_moves\": %d, "
                   "\"freeze_time\": %d, \"resolution\": \"%s\", "
                   "\"lifetime\": %d, \"tenant\": \"%s\", "
                   "\"isolation\": \"%s\"}", 100 + vn,
                   w->strict[vn] ? "strict" : "learn",
                   1 + (int) world_pick(w, 10), suspicious ? 2 : 5,
                   1 + (int) world_pick(w, 20), pulls ? "pull" : "auto",
                   (int) world_pick(w, 12), tenant,
                   *tenant && !world_pick(w, 6) ? "exclusive" : "shared")
        != 201) {
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
    int n_ifs = world_pick(w, 4) ? 1 : 2;

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
    settle_in(w, vm);
}

/* Tenants may not let it in everywhere; if nowhere, it has no place. */
static void
settle_in(struct world *w, struct world_vm *vm)
{
    int first = world_pick_nve(w);

    for (int i = 0; i < w->n_nves; i++) {
        int nve = 1 + (first + i) % w->n_nves;

        if (world_put_vm(w, vm, nve) == 201) {
            for (int j = 0; j < vm->n_ifs; j++) {
                world_stand(w, &vm->ifs[j], nve);
            }
            return;
        }
    }
    if (world_put_vm(w, vm, 0) != 201) {
        world_fail(w, "VM refused");
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
world_still(struct world *w, const struct world_vm *vm, bool still)
{
    for (int i = 0; i < vm->n_ifs; i++) {
        const struct world_if *f = &vm->ifs[i];
        int at = sim_stands_at(w->sim, f->guest);

        if (still) {
            sim_still(w->sim, f->guest);
        } else if (at) {
            world_stand(w, f, at);
        }
    }
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
    const struct nva_view v = world_view(w);
    const struct nva_vn *vn = directory_vn_by_vni(v.dir, 100 + f->vn);
    const struct eth_addr mac = { .ea = { 2, 0, 0, 0, 0, f->tail } };

    return vn ? directory_tsi_by_mac(v.dir, vn->id, mac) : NULL;
}

int
world_nve_number(const struct world *w, nva_id id)
{
    const struct nva_view v = world_view(w);
    const struct nva_nve *nve = directory_nve(v.dir, id);

    return nve ? (int) nve->dpid : 0;
}

const struct nva_move *
world_move(const struct world *w, const struct world_vm *vm)
{
    const struct nva_view v = world_view(w);
    const struct nva_vm *there = directory_vm_by_name(v.dir, vm->name);

    return there ? directory_move(v.dir, there->move) : NULL;
}
