/* SPDX-License-Identifier: Apache-2.0 */

/* TCP connections that are reset at the place their VM leaves (D18). */

#include <config.h>

#include "stage.h"

#include <string.h>

enum { SYN = 2, RST = 4, ACK = 16 };

/* A segment from cN to the VM over IPv6; how many answers cN read. */
static int
segment(struct stage *s, int n, uint8_t flags)
{
    uint8_t frame[74] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 10 + n,
                          0x86, 0xdd, 0x60, [19] = 20, 6, 64,
                          0xfd, 0x10, [37] = 10 + n, 0xfd, 0x10, [53] = 1,
                          [66] = 0x50, flags };
    int before = sim_answers(s->sim, s->c[n]);
    char port[24];

    snprintf(port, sizeof port, "tap-c%d", n);
    sim_frame_at(s->sim, frame, sizeof frame, n, port);
    sim_settle(s->sim);
    return sim_answers(s->sim, s->c[n]) - before;
}

/* c1 is at the old place, c2 at the new one, c3 elsewhere. */
START_TEST(D18_reset_while_paused)
{
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    must(&s, "PUT", "/v1/vms/vm", "{\"connections\": \"reset\"}");
    id = start_move(&s, 2);
    sim_settle(s.sim);
    for (int n = 1; n <= 3; n++) {
        ck_assert_int_eq(segment(&s, n, ACK), 0);
    }
    move_verb(&s, id, "pause");
    sim_settle(s.sim);
    sim_still(s.sim, s.vm);
    for (int n = 1; n <= 3; n++) {
        ck_assert_int_eq(segment(&s, n, ACK), 1);
        ck_assert_int_eq(segment(&s, n, SYN | ACK), 1);
        ck_assert_int_eq(segment(&s, n, SYN), 0);
        ck_assert_int_eq(segment(&s, n, RST | ACK), 0);
    }
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_ANSWERED, NVA_R_RESET), 6);

    sim_stand(s.sim, s.vm, 2, "tap-vm");
    move_verb(&s, id, "activate");
    sim_settle(s.sim);
    for (int n = 1; n <= 3; n++) {
        ck_assert_int_eq(segment(&s, n, ACK), 0);
    }
    stage_strike(&s);
}
END_TEST

/* A peer whose NVE nobody could tell sends to the old place. */
START_TEST(D18_reset_in_flight)
{
    struct stage s;

    stage_set(&s, 0, 0);
    must(&s, "PUT", "/v1/vms/vm", "{\"connections\": \"reset\"}");
    sim_settle(s.sim);
    sim_disconnect(s.sim, 3);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_settle(s.sim);
    ck_assert_int_eq(n_redirect_flows(&s, 1), 5);
    ck_assert_int_eq(segment(&s, 3, ACK), 1);
    ck_assert_int_eq(segment(&s, 3, SYN), 0);
    sim_connect(s.sim, 3);
    sim_settle(s.sim);
    ck_assert_int_eq(segment(&s, 3, ACK), 0);
    stage_strike(&s);
}
END_TEST

/* Stopped for a cold move, and back. */
START_TEST(D18_reset_while_off)
{
    struct stage s;

    stage_set(&s, 0, 0);
    remember_flows(&s);
    must(&s, "PUT", "/v1/vms/vm", "{\"connections\": \"reset\"}");
    sim_still(s.sim, s.vm);
    must(&s, "PUT", "/v1/vms/vm", "{\"state\": \"shuttingdown\"}");
    must(&s, "PUT", "/v1/vms/vm", "{\"state\": \"shutdown\"}");
    sim_settle(s.sim);
    for (int n = 1; n <= 3; n++) {
        ck_assert_int_eq(segment(&s, n, ACK), 1);
    }
    must(&s, "PUT", "/v1/vms/vm", "{\"connections\": \"keep\"}");
    sim_settle(s.sim);
    ck_assert_int_eq(segment(&s, 3, ACK), 0);
    must(&s, "PUT", "/v1/vms/vm", "{\"state\": \"running\"}");
    sim_stand(s.sim, s.vm, 1, "tap-vm");
    sim_settle(s.sim);
    same_flows(&s);
    stage_strike(&s);
}
END_TEST

/* A -> B -> C: each place it left resets what is from before, as long as its
 * redirect lasts; where it runs, and afterwards, nobody does. */
START_TEST(D18_reset_along_a_chain)
{
    struct stage s;

    stage_set(&s, 0, 0);
    must(&s, "PUT", "/v1/vms/vm", "{\"connections\": \"reset\"}");
    sim_settle(s.sim);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_run(s.sim, 20 * NVA_MSEC);
    sim_disconnect(s.sim, 1);           /* c1's way leads to hv2 still... */
    sim_stand(s.sim, s.vm, 3, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_settle(s.sim);
    ck_assert_int_eq(n_redirect_flows(&s, 2), 5);
    ck_assert_int_eq(n_redirect_flows(&s, 3), 0);
    ck_assert_int_eq(segment(&s, 1, ACK), 1);
    ck_assert_int_eq(segment(&s, 1, SYN), 0);
    ck_assert_int_eq(segment(&s, 2, ACK), 0);
    ck_assert_int_eq(segment(&s, 3, ACK), 0);
    sim_connect(s.sim, 1);
    sim_settle(s.sim);
    ck_assert_int_eq(n_redirect_flows(&s, 1), 5);
    for (int n = 1; n <= 3; n++) {
        ck_assert_int_eq(segment(&s, n, ACK), 0);
    }
    sim_run(s.sim, 30 * NVA_SEC);
    ck_assert_int_eq(n_redirect_flows(&s, 1) + n_redirect_flows(&s, 2), 0);
    stage_strike(&s);
}
END_TEST

/* On a planned way back the resets that were promised at the way there go on
 * until the pause, and nobody waits for their end. */
START_TEST(D18_reset_until_the_pause_of_a_way_back)
{
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    must(&s, "PUT", "/v1/vms/vm", "{\"connections\": \"reset\"}");
    make_move(&s, 2);
    ck_assert_int_eq(n_redirect_flows(&s, 1), 5);
    id = start_move(&s, 1);
    sim_settle(s.sim);
    ck_assert_int_eq(n_redirect_flows(&s, 1), 5);
    ck_assert_int_eq(timeline_last(&s, id, "ready", "hv1"),
                     timeline_last(&s, id, "confirmed", "hv1"));
    move_verb(&s, id, "pause");
    sim_settle(s.sim);
    ck_assert_int_eq(n_redirect_flows(&s, 1), 0);
    ck_assert_int_eq(n_redirect_flows(&s, 2), 5);
    sim_stand(s.sim, s.vm, 1, "tap-vm");
    move_verb(&s, id, "activate");
    stage_strike(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("reset");
    tcase_add_test(tc, D18_reset_while_paused);
    tcase_add_test(tc, D18_reset_in_flight);
    tcase_add_test(tc, D18_reset_while_off);
    tcase_add_test(tc, D18_reset_along_a_chain);
    tcase_add_test(tc, D18_reset_until_the_pause_of_a_way_back);
    return run_stories("reset", tc);
}
