/* SPDX-License-Identifier: Apache-2.0 */

/* A VM that goes on and comes back (D1, D11, E2): chains, ping-pong at any
 * speed, newer moves over older ones. */

#include <config.h>

#include "stage.h"
#include "util.h"

/* A -> B -> C: one delta turns A's redirect to C, B gets its own. */
START_TEST(chain)
{
    struct stage s;
    uint64_t p;

    stage_set(&s, STAGE_MIXED, 0);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_settle(s.sim);
    sim_stand(s.sim, s.vm, 3, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_NA);
    sim_settle(s.sim);
    ck_assert_int_eq(current_nve(&s), 3);
    ck_assert_int_eq(n_redirect_flows(&s, 1), 1);
    ck_assert_int_eq(n_redirect_flows(&s, 2), 1);
    ck_assert_int_eq(n_redirect_flows(&s, 3), 0);
    ck_assert(timeline_has(&s, last_move(&s), "redirect retargeted", "hv1"));
    p = sim_send(s.sim, s.c[1], s.vm);
    sim_settle(s.sim);
    ck_assert_int_eq(sim_hops(s.sim, p), 1);
    stage_strike(&s);
}
END_TEST

/* A -> B -> A with 'stay' (microseconds) at B; packets all the while, none
 * twice, none round, and right in the end.  Two switches give no order to what
 * they say within half a millisecond: there the VM's next frame settles it. */
static const int stays[] = { 0, 100, 300, 1000, 2000, 20000, 60000, 500000 };
START_TEST(there_and_back)
{
    struct stage s;

    for (uint64_t seed = 0; seed < 8; seed++) {
        stage_set(&s, seed % 2 ? STAGE_MIXED : 0, seed);
        sim_stand(s.sim, s.vm, 2, "tap-vm");
        sim_announce(s.sim, s.vm, SIM_GARP);
        for (int t = 0; t < stays[_i]; t += 500) {
            sim_send(s.sim, s.c[3], s.vm);
            sim_send(s.sim, s.c[1], s.vm);
            sim_run(s.sim, MIN(500, stays[_i] - t));
        }
        sim_stand(s.sim, s.vm, 1, "tap-vm");
        sim_announce(s.sim, s.vm, SIM_GARP);
        for (int t = 0; t < 20; t++) {
            sim_send(s.sim, s.c[3], s.vm);
            sim_send(s.sim, s.c[2], s.vm);
            sim_run(s.sim, 100);
        }
        sim_settle(s.sim);
        if (stays[_i] < 1000) {
            sim_run(s.sim, 10 * NVA_MSEC);
            sim_send(s.sim, s.vm, s.c[3]);
            sim_settle(s.sim);
        }
        ck_assert_int_eq(current_nve(&s), 1);
        ck_assert_int_eq(n_redirect_flows(&s, 1), 0);
        stage_strike(&s);
    }
}
END_TEST

/* A -> B -> A while A is slow: its redirect to B is still there when the VM is
 * back.  Until A has confirmed, nobody may send to it: B would redirect to A
 * and A to B.  Without the gate this fails. */
START_TEST(back_at_a_slow_place)
{
    struct stage s;
    uint64_t p;

    stage_set(&s, 0, 0);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_settle(s.sim);
    ck_assert_int_eq(n_redirect_flows(&s, 1), 1);
    sim_slow(s.sim, 1, 20 * NVA_MSEC);
    sim_stand(s.sim, s.vm, 1, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_GARP);
    for (int t = 0; t < 80; t++) {
        sim_run(s.sim, NVA_MSEC);
        for (int i = 2; i <= 3; i++) {
            p = sim_send(s.sim, s.c[i], s.vm);
            sim_run(s.sim, 300);
            ck_assert_int_le(sim_hops(s.sim, p), 2);
            ck_assert_int_eq(sim_delivered(s.sim, p), 1);
        }
    }
    sim_slow(s.sim, 1, 0);
    stage_strike(&s);
}
END_TEST

/* A planned way back to a slow NVE: its redirect must have ended before the
 * one back to it begins, or packets go to and fro until both have followed. */
START_TEST(planned_back_to_a_slow_place)
{
    struct stage s;
    uint64_t packets[40];
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    id = make_move(&s, 2);
    ck_assert_int_eq(n_redirect_flows(&s, 1), 1);
    sim_slow(s.sim, 1, 20 * NVA_MSEC);
    id = start_move(&s, 1);
    sim_settle(s.sim);
    ck_assert_int_eq(n_redirect_flows(&s, 1), 0);
    sim_run(s.sim, NVA_DATAPATH_SETTLE);
    ck_assert_int_eq(timeline_last(&s, id, "ready", "hv1"),
                     timeline_last(&s, id, "confirmed", "hv1")
                     + NVA_DATAPATH_SETTLE);

    move_verb(&s, id, "pause");
    sim_still(s.sim, s.vm);
    for (size_t i = 0; i < ARRAY_SIZE(packets); i++) {
        packets[i] = sim_send(s.sim, s.c[2 + i % 2], s.vm);
        sim_run(s.sim, NVA_MSEC);
        ck_assert_int_le(sim_hops(s.sim, packets[i]), 2);
    }
    sim_settle(s.sim);
    sim_stand(s.sim, s.vm, 1, "tap-vm");
    move_verb(&s, id, "activate");
    sim_settle(s.sim);
    for (size_t i = 0; i < ARRAY_SIZE(packets); i++) {
        ck_assert_int_eq(sim_received(s.sim, packets[i]), 1);
    }
    sim_slow(s.sim, 1, 0);
    stage_strike(&s);
}
END_TEST

/* ...nor is that all: what its datapath has cached follows its tables.  Who
 * has not been told yet needs the redirect; that is waited for, but a peer
 * that does not answer ('patience') may not hold up a move. */
START_TEST(planned_back_at_once)
{
    static const nva_usec slow[] = { 20 * NVA_MSEC, NVA_SEC };
    bool patience = slow[_i] < NVA_DATAPATH_SLOW;
    char pause[64];
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    id = start_move(&s, 2);
    sim_settle(s.sim);
    sim_slow(s.sim, 3, slow[_i]);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    move_verb(&s, id, "activate");
    sim_run(s.sim, 5 * NVA_MSEC);
    id = start_move(&s, 1);
    snprintf(pause, sizeof pause, "/v1/moves/%d/pause", id);
    sim_run(s.sim, 5 * NVA_MSEC);
    ck_assert_int_eq(n_redirect_flows(&s, 1), 1);
    must_refuse(&s, "POST", pause, NULL, "not_ready");

    for (int t = 0; t < 195 && n_redirect_flows(&s, 1); t++) {
        sim_run(s.sim, NVA_MSEC);
    }
    ck_assert_int_eq(n_redirect_flows(&s, 1), !patience);
    if (patience) {
        must_refuse(&s, "POST", pause, NULL, "not_ready");
        sim_run(s.sim, 2 * NVA_DATAPATH_SETTLE);
    }
    must(&s, "POST", pause, NULL);
    sim_settle(s.sim);
    ck_assert_int_eq(n_redirect_flows(&s, 1), 0);
    ck_assert_int_eq(n_redirect_flows(&s, 2), 1);
    move_verb(&s, id, "abort");
    sim_slow(s.sim, 3, 0);
    stage_strike(&s);
}
END_TEST

/* A busy switch comes late to a frame that the VM sent before it left, when
 * its port is prepared for the way back and shows what comes: that does not
 * take the VM back.  Its announcement does at once, and a frame later on. */
START_TEST(planned_back_and_a_late_frame)
{
    const uint8_t frame[60] = { 2, 0, 0, 0, 0, 13, 2, 0, 0, 0, 0, 1, 8, 0 };
    struct stage s;

    stage_set(&s, 0, 0);
    make_move(&s, 2);
    start_move(&s, 1);
    start_move(&s, 1);
    sim_run(s.sim, 50 * NVA_MSEC);
    sim_frame_at(s.sim, frame, sizeof frame, 1, "tap-vm");
    sim_run(s.sim, 10 * NVA_MSEC);
    ck_assert_int_eq(current_nve(&s), 2);
    sim_run(s.sim, _i ? NVA_DATAPATH_SLOW : 0);
    sim_stand(s.sim, s.vm, 1, "tap-vm");
    if (_i) {
        sim_frame_at(s.sim, frame, sizeof frame, 1, "tap-vm");
    } else {
        sim_announce(s.sim, s.vm, SIM_GARP);
    }
    sim_run(s.sim, 10 * NVA_MSEC);
    ck_assert_int_eq(current_nve(&s), 1);
    stage_strike(&s);
}
END_TEST

/* Who is owed needs it: it stays until the pause. */
START_TEST(planned_back_while_a_peer_is_away)
{
    struct stage s;
    uint64_t p;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    sim_disconnect(s.sim, 3);
    sim_settle(s.sim);
    id = make_move(&s, 2);
    id = start_move(&s, 1);
    sim_settle(s.sim);
    ck_assert_int_eq(n_redirect_flows(&s, 1), 1);
    p = sim_send(s.sim, s.c[3], s.vm);
    sim_settle(s.sim);
    ck_assert_int_eq(sim_received(s.sim, p), 1);
    move_verb(&s, id, "abort");
    sim_connect(s.sim, 3);
    sim_settle(s.sim);
    stage_strike(&s);
}
END_TEST

START_TEST(ping_pong_1000)
{
    struct stage s;

    stage_set(&s, 0, 7);
    for (int i = 0; i < 1000; i++) {
        int to = i % 3 + 1;

        sim_stand(s.sim, s.vm, to, "tap-vm");
        sim_announce(s.sim, s.vm, SIM_GARP + sim_random(s.sim, SIM_PROBE));
        sim_run(s.sim, sim_random(s.sim, 6000));
        sim_send(s.sim, s.c[1 + sim_random(s.sim, 3)], s.vm);
    }
    sim_settle(s.sim);
    ck_assert_int_eq(current_nve(&s), 1);
    all_well(&s);
    sim_run(s.sim, 15 * NVA_SEC);
    for (int n = 1; n <= 3; n++) {
        ck_assert_int_eq(n_redirect_flows(&s, n), 0);
    }
    stage_strike(&s);
}
END_TEST

/* A planned move to hv2 is overtaken by the VM itself: it turns up at hv3. */
START_TEST(evidence_supersedes_planned)
{
    struct stage s;
    int id;

    stage_set(&s, 0, 0);
    id = start_and_pause(&s, 2);
    sim_stand(s.sim, s.vm, 3, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_settle(s.sim);
    ck_assert_str_eq(move_state(&s, id), "superseded");
    ck_assert_int_eq(current_nve(&s), 3);
    stage_strike(&s);
}
END_TEST

/* A newer planned move takes over while the older one drains. */
START_TEST(planned_supersedes_draining)
{
    struct stage s;
    int first, second;

    stage_set(&s, STAGE_STRICT, 0);
    first = start_move(&s, 2);
    sim_settle(s.sim);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    move_verb(&s, first, "activate");
    sim_settle(s.sim);
    second = start_move(&s, 3);
    ck_assert_str_eq(move_state(&s, first), "superseded");
    sim_settle(s.sim);
    move_verb(&s, second, "pause");
    sim_settle(s.sim);
    sim_stand(s.sim, s.vm, 3, "tap-vm");
    move_verb(&s, second, "activate");
    sim_settle(s.sim);
    ck_assert_int_eq(n_redirect_flows(&s, 1), 1);
    ck_assert_int_eq(n_redirect_flows(&s, 2), 1);
    stage_strike(&s);
}
END_TEST

/* VM management puts the VM elsewhere by itself. */
START_TEST(vm_put_elsewhere)
{
    struct stage s;

    stage_set(&s, STAGE_STRICT, 0);
    must(&s, "PUT", "/v1/vms/vm",
         "{\"interfaces\": [{\"vn\": \"blue\", "
         "\"mac\": \"02:00:00:00:00:01\", "
         "\"ips\": [\"10.0.0.1\", \"fd10::1\"], "
         "\"nve\": \"hv3\", \"port\": \"tap-vm\"}]}");
    sim_stand(s.sim, s.vm, 3, "tap-vm");
    sim_settle(s.sim);
    ck_assert_int_eq(published_nve(&s), 3);
    ck_assert_int_eq(n_redirect_flows(&s, 1), 1);
    stage_strike(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("chain");

    tcase_add_test(tc, chain);
    tcase_add_loop_test(tc, there_and_back, 0, 8);
    tcase_add_test(tc, back_at_a_slow_place);
    tcase_add_test(tc, planned_back_to_a_slow_place);
    tcase_add_loop_test(tc, planned_back_at_once, 0, 2);
    tcase_add_loop_test(tc, planned_back_and_a_late_frame, 0, 2);
    tcase_add_test(tc, planned_back_while_a_peer_is_away);
    tcase_add_test(tc, ping_pong_1000);
    tcase_add_test(tc, evidence_supersedes_planned);
    tcase_add_test(tc, planned_supersedes_draining);
    tcase_add_test(tc, vm_put_elsewhere);
    return run_stories("chain", tc);
}
