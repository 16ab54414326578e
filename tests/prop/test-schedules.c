/* SPDX-License-Identifier: Apache-2.0 */

/* Random schedules on the simulated fabric: a VM that hops about, planned
 * moves begun, paused, activated and aborted, sessions that break, switches
 * that restart with or without their flows, slow channels, lies, packets all
 * the while.  Whatever happened: no packet is read twice, goes round or
 * crosses a VN; and once all is calm, recomputed, believed and installed flows
 * agree, everybody reaches everybody, no redirect is left.
 *
 * NVA_PROP_SCHEDULES says how many schedules are run (default 400), and
 * NVA_PROP_SEED replays one: its seed is printed when it fails. */

#include <config.h>

#include "stage.h"

#include <stdio.h>
#include <stdlib.h>

#include "util.h"

enum { STEPS = 40 };

struct run {
    struct stage stage;
    bool strict;
    int stands;                         /* NVE of the VM. */
    bool down[4];
    uint64_t seed;
};

static uint64_t current_seed;

static void
step_hop(struct run *r)
{
    struct sim *sim = r->stage.sim;

    r->stands = 1 + sim_random(sim, 3);
    sim_stand(sim, r->stage.vm, r->stands, "tap-vm");
    sim_announce(sim, r->stage.vm, SIM_GARP + sim_random(sim, SIM_DAD + 1));
}

static void
step_speak(struct run *r)
{
    struct sim *sim = r->stage.sim;

    sim_send(sim, r->stage.vm, r->stage.c[1 + sim_random(sim, 3)]);
}

static void
step_hear(struct run *r)
{
    struct sim *sim = r->stage.sim;

    for (int i = 1; i <= 3; i++) {
        sim_send(sim, r->stage.c[i], r->stage.vm);
    }
    sim_broadcast(sim, r->stage.c[1 + sim_random(sim, 3)]);
}

static void
step_start(struct run *r)
{
    struct sim *sim = r->stage.sim;

    sim_apif(sim, "POST", "/v1/vms/vm/moves",
             "{\"to\": {\"nve\": \"hv%d\", \"port\": \"tap-vm\"}}",
             (int) (1 + sim_random(sim, 3)));
}

static void
step_verb(struct run *r)
{
    static const char *verbs[] = { "pause", "activate", "abort" };
    struct sim *sim = r->stage.sim;
    int id = last_move(&r->stage);
    char path[64];

    if (id) {
        snprintf(path, sizeof path, "/v1/moves/%d/%s", id,
                 verbs[sim_random(sim, 3)]);
        sim_api(sim, "POST", path, NULL);
    }
}

/* From its next session on the switch speaks any version, with bundles or
 * without. */
static void
speak_any(struct run *r, int n)
{
    struct sim *sim = r->stage.sim;

    fake_switch_speak(sim_switch(sim, n), 4 + sim_random(sim, 3),
                      sim_random(sim, 2));
}

static void
step_session(struct run *r)
{
    struct sim *sim = r->stage.sim;
    int n = 1 + sim_random(sim, 3);

    if (r->down[n]) {
        speak_any(r, n);
        sim_connect(sim, n);
    } else {
        sim_disconnect(sim, n);
    }
    r->down[n] = !r->down[n];
}

static void
step_restart(struct run *r)
{
    struct sim *sim = r->stage.sim;
    int n = 1 + sim_random(sim, 3);

    if (!r->down[n]) {
        speak_any(r, n);
        sim_restart(sim, n, sim_random(sim, 2));
    }
}

static void
step_slow(struct run *r)
{
    struct sim *sim = r->stage.sim;

    sim_slow(sim, 1 + sim_random(sim, 3),
             sim_random(sim, 3) ? 0 : sim_random(sim, 40000));
}

static void
step_refuse(struct run *r)
{
    struct sim *sim = r->stage.sim;
    int n = 1 + sim_random(sim, 3);

    if (sim_random(sim, 2)) {
        fake_switch_refuse_commits(sim_switch(sim, n), 1);
    } else {
        fake_switch_break_adds(sim_switch(sim, n), 1);
    }
}

/* The VM's MAC from a correspondent's port, or the VM's address with another
 * MAC. */
static void
step_lie(struct run *r)
{
    struct sim *sim = r->stage.sim;
    int at = 1 + sim_random(sim, 3);
    char port[NVA_PORT_NAME_MAX];

    snprintf(port, sizeof port, "tap-c%d", at);
    if (r->strict) {
        sim_announce_at(sim, r->stage.vm, sim_random(sim, SIM_DAD + 1), at,
                        port);
    } else {
        sim_announce_at(sim, r->stage.c[1 + at % 3],
                        SIM_PROBE + sim_random(sim, 2), at, "tap-vm");
    }
}

static void
step_wait(struct run *r)
{
    static const nva_usec waits[] = { 50, 300, 2000, 20000, 3000000 };
    struct sim *sim = r->stage.sim;

    sim_run(sim, sim_random(sim, waits[sim_random(sim, 5)]));
}

static void
take_step(struct run *r)
{
    static const struct {
        uint32_t weight;
        void (*take)(struct run *);
    } steps[] = {
        { 5, step_hop }, { 4, step_speak }, { 4, step_hear },
        { 3, step_start }, { 6, step_verb }, { 1, step_session },
        { 1, step_restart }, { 1, step_slow }, { 1, step_refuse },
        { 1, step_lie }, { 8, step_wait },
    };
    uint32_t total = 0, pick;

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        total += steps[i].weight;
    }
    pick = sim_random(r->stage.sim, total);
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        if (pick < steps[i].weight) {
            steps[i].take(r);
            return;
        }
        pick -= steps[i].weight;
    }
}

/* Ends what goes on, brings everything back, and lets the VM be found where
 * it stands: by its own word where that counts, else where VM management has
 * it. */
static void
calm(struct run *r)
{
    struct stage *s = &r->stage;
    struct sim *sim = s->sim;

    for (int n = 1; n <= 3; n++) {
        sim_slow(sim, n, 0);
        fake_switch_refuse_commits(sim_switch(sim, n), 0);
        fake_switch_break_adds(sim_switch(sim, n), 0);
        if (!r->down[n]) {
            sim_disconnect(sim, n);     /* Quarantine ends here. */
        }
        sim_connect(sim, n);
    }
    sim_settle(sim);
    if (last_move(s)) {
        char path[64];

        snprintf(path, sizeof path, "/v1/moves/%d/abort", last_move(s));
        sim_api(sim, "POST", path, NULL);
        sim_settle(sim);
    }
    if (r->strict) {
        r->stands = current_nve(s);
    }
    /* It may have been frozen when it could not answer. */
    must(s, "POST", "/v1/vms/vm/thaw", NULL);
    sim_stand(sim, s->vm, r->stands, "tap-vm");
    sim_announce(sim, s->vm, SIM_GARP);
    sim_settle(sim);
    ck_assert_int_eq(current_nve(s), r->stands);
    ck_assert_int_eq(published_nve(s), r->stands);
    ck_assert_int_eq(n_redirect_flows(s, r->stands), 0);
}

static void
run_schedule(uint64_t seed)
{
    struct run r = { .strict = seed % 3 == 0, .stands = 1, .seed = seed };
    enum stage_flags flags = ((r.strict ? STAGE_STRICT : 0)
                              | (seed % 5 == 0 ? STAGE_IPV6
                                 : seed % 5 == 1 ? STAGE_MIXED : 0));

    current_seed = seed;
    stage_set(&r.stage, flags, seed * 0x9e3779b97f4a7c15ULL + 1);
    for (int n = 1; n <= 3; n++) {
        speak_any(&r, n);
        sim_restart(r.stage.sim, n, true);
    }
    for (int i = 0; i < STEPS; i++) {
        take_step(&r);
    }
    calm(&r);
    stage_strike(&r.stage);
}

/* Says which seed it was when an assertion ends the process. */
static void
print_seed(void)
{
    if (current_seed) {
        fprintf(stderr, "replay with NVA_PROP_SEED=%"PRIu64"\n",
                current_seed);
    }
}

START_TEST(schedules)
{
    const char *one = getenv("NVA_PROP_SEED");
    const char *many = getenv("NVA_PROP_SCHEDULES");
    int n = many ? atoi(many) : 400;

    atexit(print_seed);
    if (one) {
        run_schedule(strtoull(one, NULL, 10));
    } else {
        for (int i = 1; i <= n; i++) {
            run_schedule(i);
        }
    }
    current_seed = 0;
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("schedules");

    tcase_add_test(tc, schedules);
    return run_stories("schedules", tc);
}
