/* SPDX-License-Identifier: Apache-2.0 */

/* Kinds of move, the states of a VM, and every end a move can have (D12, D16,
 * D21, D22; C1, C3). */

#include <config.h>

#include "stage.h"

#include <string.h>

static int
start_kind(struct stage *s, const char *kind, const char *more)
{
    ck_assert_int_eq(sim_apif(s->sim, "POST", "/v1/vms/vm/moves",
                              "{\"kind\": \"%s\", %s \"to\": {\"nve\": "
                              "\"hv2\", \"port\": \"tap-vm\"}}", kind, more),
                     201);
    return last_move(s);
}

/* True if the move, or the VM, says so somewhere. */
static bool
says(struct stage *s, const char *path, const char *text)
{
    must(s, "GET", path, NULL);
    return strstr(sim_body(s->sim), text) != NULL;
}

static bool
move_says(struct stage *s, int id, const char *text)
{
    char path[64];

    snprintf(path, sizeof path, "/v1/moves/%d", id);
    return says(s, path, text);
}

static bool
vm_is(struct stage *s, const char *state)
{
    char text[64];

    snprintf(text, sizeof text, "\"state\":\"%s\"", state);
    return says(s, "/v1/vms/vm", text);
}

static void
set_state(struct stage *s, const char *state)
{
    char json[64];

    snprintf(json, sizeof json, "{\"state\": \"%s\"}", state);
    must(s, "PUT", "/v1/vms/vm", json);
}

/* One packet from each correspondent; how many reached the VM, and any port
 * at all. */
static void
send_all(struct stage *s, int *received, int *delivered)
{
    uint64_t p[4];

    for (int n = 1; n <= 3; n++) {
        p[n] = sim_send(s->sim, s->c[n], s->vm);
    }
    sim_settle(s->sim);
    *received = *delivered = 0;
    for (int n = 1; n <= 3; n++) {
        *received += sim_received(s->sim, p[n]);
        *delivered += sim_delivered(s->sim, p[n]);
    }
}

/* D12, D16, D21: stop, (package, send, instantiate,) start. */
START_TEST(D21_cold_stop_then_start)
{
    struct stage s;
    int id, received, delivered;

    stage_set(&s, STAGE_STRICT | STAGE_NO_SPARE, 0);
    id = start_kind(&s, "cold", "");
    ck_assert(strstr(sim_body(s.sim), "\"interrupts\":true") != NULL);
    sim_settle(s.sim);
    ck_assert(vm_is(&s, "running"));
    send_all(&s, &received, &delivered);
    ck_assert_int_eq(received, 3);

    /* Stopped before the destination's port is there. */
    sim_still(s.sim, s.vm);
    move_verb(&s, id, "pause");
    sim_settle(s.sim);
    ck_assert(vm_is(&s, "shutdown"));
    ck_assert_str_eq(move_state(&s, id), "paused");
    ck_assert_int_eq(n_redirect_flows(&s, 1), 0);
    send_all(&s, &received, &delivered);
    ck_assert_int_eq(delivered, 0);
    sim_run(s.sim, NVA_SEC);

    /* Instantiated, started: every NVE that talked to it is told. */
    sim_plug(s.sim, 2, "tap-vm");
    sim_settle(s.sim);
    ck_assert(timeline_has(&s, id, "ready", "hv2"));
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_settle(s.sim);
    ck_assert(vm_is(&s, "running"));
    ck_assert(timeline_has(&s, id, "stopped", NULL));
    ck_assert(!timeline_has(&s, id, "paused", NULL));
    for (int n = 1; n <= 3; n++) {
        char nve[8];

        snprintf(nve, sizeof nve, "hv%d", n);
        ck_assert(timeline_has(&s, id, "confirmed", nve));
    }
    send_all(&s, &received, &delivered);
    ck_assert_int_eq(received, 3);
    ck_assert_int_eq(delivered, 3);
    stage_strike(&s);
}
END_TEST

/* D21: the same by the words of VM management about the VM alone. */
START_TEST(D21_C3_shut_down_then_running_elsewhere_is_cold)
{
    static const struct {
        const char *state, *kind;
    } t[] = {
        { "shutdown", "cold" }, { "suspended", "warm" },
        { "crashed", "failover" },
    };
    struct stage s;
    char kind[64];

    stage_set(&s, STAGE_STRICT, 0);
    set_state(&s, t[_i].state);
    sim_settle(s.sim);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    must(&s, "PUT", "/v1/vms/vm", "{\"state\": \"running\", \"interfaces\": "
         "[{\"nve\": \"hv2\", \"port\": \"tap-vm\"}]}");
    sim_settle(s.sim);
    snprintf(kind, sizeof kind, "\"kind\":\"%s\"", t[_i].kind);
    ck_assert(move_says(&s, last_move(&s), kind));
    ck_assert(vm_is(&s, "running"));
    stage_strike(&s);
}
END_TEST

/* C3: in `learn' it needs no word at all. */
START_TEST(C3_a_crashed_vm_shows_itself_elsewhere)
{
    struct stage s;

    stage_set(&s, 0, 0);
    set_state(&s, "crashed");
    sim_settle(s.sim);
    sim_disconnect(s.sim, 1);
    sim_isolate(s.sim, 1, true);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_NA);
    sim_settle(s.sim);
    ck_assert(move_says(&s, last_move(&s), "\"kind\":\"failover\""));
    ck_assert(vm_is(&s, "running"));
    ck_assert_int_eq(published_nve(&s), 2);
    sim_isolate(s.sim, 1, false);
    sim_connect(s.sim, 1);
    sim_settle(s.sim);
    stage_strike(&s);
}
END_TEST

/* A VM that is off is answered for, and gets nothing, until it runs: by word
 * or because it shows itself where it is. */
START_TEST(D21_off_and_on_again)
{
    struct stage s;
    int received, delivered;

    stage_set(&s, STAGE_STRICT, 0);
    remember_flows(&s);
    set_state(&s, "shutdown");
    sim_settle(s.sim);
    send_all(&s, &received, &delivered);
    ck_assert_int_eq(delivered, 0);

    /* What it sent before may come now. */
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_settle(s.sim);
    ck_assert(vm_is(&s, "shutdown"));
    must_refuse(&s, "PUT", "/v1/vms/vm", "{\"state\": \"paused\"}",
                "vm_state");
    ck_assert(strstr(sim_body(s.sim), "shutdown") != NULL
              && strstr(sim_body(s.sim), "paused") != NULL);

    sim_run(s.sim, 2 * NVA_SEC);
    if (_i) {
        sim_announce(s.sim, s.vm, SIM_GARP);
    } else {
        set_state(&s, "running");
    }
    sim_settle(s.sim);
    ck_assert(vm_is(&s, "running"));
    same_flows(&s);
    stage_strike(&s);
}
END_TEST

/* D22: looked at again and again, said in the timeline, then switched at
 * once. */
START_TEST(D22_warm_is_refreshed_until_it_switches)
{
    struct stage s;
    int id, received, delivered;

    stage_set(&s, STAGE_STRICT, 0);
    id = start_kind(&s, "warm", "\"refresh\": 5,");
    ck_assert(strstr(sim_body(s.sim), "\"interrupts\":false") != NULL);
    sim_run(s.sim, 12 * NVA_SEC);
    ck_assert(timeline_has(&s, id, "refreshed", "hv2"));
    ck_assert(move_says(&s, id, "\"times\":2"));

    /* A destination that has lost its session says so, and is current again
     * when it is back. */
    sim_disconnect(s.sim, 2);
    sim_run(s.sim, 5 * NVA_SEC);
    ck_assert(move_says(&s, id, "\"not_ready\""));
    sim_connect(s.sim, 2);
    sim_run(s.sim, 6 * NVA_SEC);

    move_verb(&s, id, "pause");
    sim_settle(s.sim);
    ck_assert(vm_is(&s, "suspended"));
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    move_verb(&s, id, "activate");
    ck_assert_int_eq(published_nve(&s), 2);     /* Peers at once. */
    send_all(&s, &received, &delivered);
    ck_assert_int_eq(received, 3);
    ck_assert(vm_is(&s, "running"));
    stage_strike(&s);
}
END_TEST

/* ## Ends ## */

/* D16: nothing stays of a move that is not made, whatever kind and state. */
START_TEST(D16_every_kind_times_out_and_leaves_nothing)
{
    static const char *const kinds[] = { "hot", "warm", "cold" };
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    remember_flows(&s);
    id = start_kind(&s, kinds[_i / 2], "\"timeout\": 20,");
    sim_settle(s.sim);
    if (_i & 1) {
        move_verb(&s, id, "pause");
        sim_still(s.sim, s.vm);
    }
    sim_run(s.sim, 19 * NVA_SEC);
    ck_assert_str_eq(move_state(&s, id), _i & 1 ? "paused" : "prepared");
    sim_run(s.sim, 15 * NVA_SEC);
    ck_assert_str_eq(move_state(&s, id), "failed");
    ck_assert(move_says(&s, id, "\"reason\":\"timed_out\""));
    ck_assert(timeline_has(&s, id, "failed", NULL));
    ck_assert(vm_is(&s, "running"));
    sim_stand(s.sim, s.vm, 1, "tap-vm");
    same_flows(&s);
    ck_assert_int_eq(n_redirects(&s), 0);
    stage_strike(&s);
}
END_TEST

START_TEST(D16_aborted_in_every_kind_and_state)
{
    static const char *const kinds[] = { "hot", "warm", "cold" };
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    remember_flows(&s);
    id = start_kind(&s, kinds[_i / 2], "");
    sim_settle(s.sim);
    if (_i & 1) {
        move_verb(&s, id, "pause");
        sim_settle(s.sim);
    }
    move_verb(&s, id, "abort");
    sim_settle(s.sim);
    ck_assert_str_eq(move_state(&s, id), "aborted");
    ck_assert(vm_is(&s, "running"));
    same_flows(&s);
    stage_strike(&s);
}
END_TEST

START_TEST(D16_the_port_never_appears)
{
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT | STAGE_NO_SPARE, 0);
    remember_flows(&s);
    id = start_kind(&s, "hot", "\"timeout\": 3,");
    sim_run(s.sim, 4 * NVA_SEC);
    ck_assert(move_says(&s, id, "\"reason\":\"port_absent\""));
    same_flows(&s);
    stage_strike(&s);
}
END_TEST

/* The destination cannot be taken away from a move; lost, it fails it. */
START_TEST(D16_the_destination_is_lost)
{
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    remember_flows(&s);
    id = start_kind(&s, "hot", "\"timeout\": 3,");
    sim_settle(s.sim);
    must_refuse(&s, "DELETE", "/v1/nves/hv2", NULL, "in_use");
    sim_disconnect(s.sim, 2);
    sim_run(s.sim, 4 * NVA_SEC);
    ck_assert_str_eq(move_state(&s, id), "failed");
    ck_assert(move_says(&s, id, "\"reason\":\"destination_down\""));
    sim_connect(s.sim, 2);
    sim_settle(s.sim);
    same_flows(&s);
    stage_strike(&s);
}
END_TEST

/* D17: it boots at its old place after all. */
START_TEST(D21_a_frame_from_the_old_place_aborts_a_cold_move)
{
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    remember_flows(&s);
    id = start_kind(&s, "cold", "");
    sim_settle(s.sim);
    move_verb(&s, id, "pause");
    sim_settle(s.sim);
    sim_send(s.sim, s.vm, s.c[3]);
    sim_settle(s.sim);
    ck_assert_str_eq(move_state(&s, id), "paused");
    sim_run(s.sim, 2 * NVA_SEC);
    sim_send(s.sim, s.vm, s.c[3]);
    sim_settle(s.sim);
    ck_assert_str_eq(move_state(&s, id), "aborted");
    ck_assert(vm_is(&s, "running"));
    sim_run(s.sim, 11 * NVA_SEC);       /* It is expected for so long. */
    same_flows(&s);
    stage_strike(&s);
}
END_TEST

/* Where an abort changes no flow nobody has anything to confirm: the move is
 * unwound at once, and another may begin. */
START_TEST(D21_aborted_while_it_was_off_anyway)
{
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    sim_still(s.sim, s.vm);
    set_state(&s, "shutdown");
    sim_settle(s.sim);
    id = start_kind(&s, "cold", "");
    sim_settle(s.sim);
    move_verb(&s, id, "pause");
    sim_settle(s.sim);
    move_verb(&s, id, "abort");
    sim_settle(s.sim);
    ck_assert(timeline_has(&s, id, "unwound", NULL));
    ck_assert(vm_is(&s, "shutdown"));
    id = start_kind(&s, "cold", "");
    sim_settle(s.sim);
    move_verb(&s, id, "pause");
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    move_verb(&s, id, "activate");
    stage_strike(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("kinds");
    tcase_add_test(tc, D21_cold_stop_then_start);
    tcase_add_loop_test(tc, D21_C3_shut_down_then_running_elsewhere_is_cold,
                        0, 3);
    tcase_add_test(tc, C3_a_crashed_vm_shows_itself_elsewhere);
    tcase_add_loop_test(tc, D21_off_and_on_again, 0, 2);
    tcase_add_test(tc, D22_warm_is_refreshed_until_it_switches);
    tcase_add_loop_test(tc, D16_every_kind_times_out_and_leaves_nothing, 0,
                        6);
    tcase_add_loop_test(tc, D16_aborted_in_every_kind_and_state, 0, 6);
    tcase_add_test(tc, D16_the_port_never_appears);
    tcase_add_test(tc, D16_the_destination_is_lost);
    tcase_add_test(tc, D21_aborted_while_it_was_off_anyway);
    tcase_add_test(tc, D21_a_frame_from_the_old_place_aborts_a_cold_move);
    return run_stories("kinds", tc);
}
