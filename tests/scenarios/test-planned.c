/* SPDX-License-Identifier: Apache-2.0 */

/* Planned moves (D16, D17, D11, K3, K4, K5): prepared, paused, activated by
 * the caller or by evidence, aborted. */

#include <config.h>

#include "stage.h"

#include <string.h>


static void
refuse_verb(struct stage *s, int id, const char *verb, const char *reason)
{
    char path[64];

    snprintf(path, sizeof path, "/v1/moves/%d/%s", id, verb);
    must_refuse(s, "POST", path, NULL, reason);
}

START_TEST(planned_with_pause)
{
    struct stage s;
    uint64_t early, paused, after;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    id = start_move(&s, 2);
    ck_assert_str_eq(move_state(&s, id), "prepared");
    sim_settle(s.sim);
    ck_assert(timeline_has(&s, id, "ready", "hv2"));
    ck_assert_int_eq(current_nve(&s), 1);
    ck_assert_int_eq(n_redirects(&s), 0);

    /* Prepared changes nothing yet. */
    early = sim_send(s.sim, s.c[3], s.vm);
    sim_settle(s.sim);
    ck_assert_int_eq(sim_received(s.sim, early), 1);

    move_verb(&s, id, "pause");
    sim_settle(s.sim);
    sim_still(s.sim, s.vm);
    ck_assert_int_eq(n_redirect_flows(&s, 1), 1);
    ck_assert_int_eq(published_nve(&s), 1);

    /* A packet of a peer that still sends to the old NVE waits at the new. */
    paused = sim_send(s.sim, s.c[3], s.vm);
    sim_settle(s.sim);
    ck_assert_int_eq(sim_received(s.sim, paused), 0);
    ck_assert_int_eq(sim_hops(s.sim, paused), 2);

    sim_stand(s.sim, s.vm, 2, "tap-vm");
    ck_assert_int_eq(sim_received(s.sim, paused), 1);
    move_verb(&s, id, "activate");
    sim_settle(s.sim);
    ck_assert_int_eq(current_nve(&s), 2);
    ck_assert_str_eq(move_state(&s, id), "draining");

    /* No triangle any more (D1). */
    after = sim_send(s.sim, s.c[3], s.vm);
    sim_settle(s.sim);
    ck_assert_int_eq(sim_received(s.sim, after), 1);
    ck_assert_int_eq(sim_hops(s.sim, after), 1);

    sim_run(s.sim, 15 * NVA_SEC);
    ck_assert_str_eq(move_state(&s, id), "done");
    ck_assert(timeline_has(&s, id, "redirect off", "hv1"));
    ck_assert_int_eq(n_redirect_flows(&s, 1), 0);
    stage_strike(&s);
}
END_TEST

/* What is flooded reaches all ports of the VN, but of the two that the VM has
 * one: where it is until it stands still, where it comes to from then on. */
START_TEST(floods_go_to_one_place)
{
    struct stage s;
    uint64_t p[3];
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    p[0] = sim_broadcast(s.sim, s.c[3]);
    sim_settle(s.sim);
    ck_assert_int_eq(sim_delivered(s.sim, p[0]), 5);
    id = start_move(&s, 2);
    sim_settle(s.sim);
    p[1] = sim_broadcast(s.sim, s.c[3]);
    sim_settle(s.sim);
    ck_assert_int_eq(sim_delivered(s.sim, p[1]), 4);
    ck_assert_int_eq(sim_received(s.sim, p[1]), 3);
    move_verb(&s, id, "pause");
    sim_settle(s.sim);
    sim_still(s.sim, s.vm);
    p[2] = sim_broadcast(s.sim, s.c[3]);
    sim_settle(s.sim);
    ck_assert_int_eq(sim_delivered(s.sim, p[2]), 4);
    ck_assert_int_eq(sim_received(s.sim, p[2]), 2);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    ck_assert_int_eq(sim_received(s.sim, p[1]), 3);
    ck_assert_int_eq(sim_received(s.sim, p[2]), 3);
    move_verb(&s, id, "activate");
    stage_strike(&s);
}
END_TEST

/* Its redirect ends the loss for all, so all others wait for it. */
START_TEST(the_nve_that_is_left_goes_first)
{
    struct stage s;
    long long left;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    id = make_move(&s, 2);
    left = timeline_last(&s, id, "sent", "hv1");
    ck_assert_int_eq(left, timeline_last(&s, id, "redirect on", "hv1"));
    ck_assert_int_eq(timeline_last(&s, id, "sent", "hv2"),
                     left + DISPATCH_LATER);
    ck_assert_int_eq(timeline_last(&s, id, "sent", "hv3"),
                     left + DISPATCH_LATER);
    stage_strike(&s);
}
END_TEST

/* Were it put off by each move that begins meanwhile, many in a row would keep
 * it waiting. */
START_TEST(who_waits_for_one_move_waits_no_longer_for_the_next)
{
    struct stage s;
    int ids[2];

    stage_set(&s, STAGE_STRICT, 0);
    sim_plug(s.sim, 2, "tap-c1");
    must(&s, "PUT", "/v1/nves/hv2/ports/tap-c1", "{\"vn\": \"blue\"}");
    ids[0] = start_move(&s, 2);
    must(&s, "POST", "/v1/vms/c1/moves",
         "{\"to\": {\"nve\": \"hv2\", \"port\": \"tap-c1\"}}");
    ids[1] = last_move(&s);
    sim_settle(s.sim);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    move_verb(&s, ids[0], "activate");
    sim_run(s.sim, DISPATCH_LATER / 2);
    sim_stand(s.sim, s.c[1], 2, "tap-c1");
    move_verb(&s, ids[1], "activate");
    sim_settle(s.sim);
    ck_assert_int_eq(timeline_last(&s, ids[0], "sent", "hv3"),
                     timeline_last(&s, ids[0], "activated", NULL)
                     + DISPATCH_LATER);
    ck_assert_int_eq(timeline_last(&s, ids[1], "sent", "hv3"),
                     timeline_last(&s, ids[1], "activated", NULL)
                     + DISPATCH_LATER / 2);
    stage_strike(&s);
}
END_TEST

/* Its redirect stands since the pause, so it waits like the others. */
START_TEST(nothing_is_urgent_after_a_pause)
{
    struct stage s;
    long long activated;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    id = start_and_pause(&s, 2);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    move_verb(&s, id, "activate");
    sim_settle(s.sim);
    activated = timeline_last(&s, id, "activated", NULL);
    for (int i = 1; i <= 3; i++) {
        char nve[8];

        snprintf(nve, sizeof nve, "hv%d", i);
        ck_assert_int_eq(timeline_last(&s, id, "sent", nve),
                         activated + DISPATCH_LATER);
    }
    stage_strike(&s);
}
END_TEST

START_TEST(nobody_waits_for_an_nve_that_is_away)
{
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    id = start_move(&s, 2);
    sim_settle(s.sim);
    sim_disconnect(s.sim, 1);
    sim_settle(s.sim);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    move_verb(&s, id, "activate");
    sim_settle(s.sim);
    ck_assert_int_eq(timeline_last(&s, id, "sent", "hv3"),
                     timeline_last(&s, id, "activated", NULL));
    sim_connect(s.sim, 1);
    sim_settle(s.sim);
    stage_strike(&s);
}
END_TEST

START_TEST(planned_without_pause)
{
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    id = start_move(&s, 2);
    sim_settle(s.sim);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    move_verb(&s, id, "activate");

    /* The gate was open: peers are told in the same step. */
    ck_assert_int_eq(published_nve(&s), 2);
    all_well(&s);
    ck_assert_str_eq(move_state(&s, id), "draining");
    stage_strike(&s);
}
END_TEST

/* D2, D7, I1: in `strict' any form of evidence at the prepared place
 * activates. */
START_TEST(activated_by_evidence)
{
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    id = start_and_pause(&s, 3);
    sim_stand(s.sim, s.vm, 3, "tap-vm");
    sim_announce(s.sim, s.vm, _i);
    sim_settle(s.sim);
    ck_assert_int_eq(current_nve(&s), 3);
    ck_assert_str_eq(move_state(&s, id), "draining");
    ck_assert(timeline_has(&s, id, "evidence", "hv3"));
    stage_strike(&s);
}
END_TEST

/* H1: a probe at the prepared place activates nothing; H4: and is not
 * answered. */
START_TEST(probe_does_not_activate)
{
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    id = start_move(&s, 2);
    sim_settle(s.sim);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_PROBE);
    sim_announce(s.sim, s.vm, SIM_DAD);
    sim_settle(s.sim);
    ck_assert_int_eq(current_nve(&s), 1);
    ck_assert_int_eq(sim_answers(s.sim, s.vm), 0);
    ck_assert_str_eq(move_state(&s, id), "prepared");
    move_verb(&s, id, "activate");
    stage_strike(&s);
}
END_TEST

START_TEST(destination_port_appears_late)
{
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT | STAGE_NO_SPARE, 0);
    id = start_move(&s, 2);
    sim_settle(s.sim);
    ck_assert(strstr(sim_body(s.sim), "prepared") != NULL);
    must(&s, "GET", "/v1/moves", NULL);
    ck_assert(strstr(sim_body(s.sim), "port absent") != NULL);
    refuse_verb(&s, id, "pause", "not_ready");
    refuse_verb(&s, id, "activate", "not_ready");

    sim_plug(s.sim, 2, "tap-vm");
    sim_settle(s.sim);
    ck_assert(timeline_has(&s, id, "ready", "hv2"));
    move_verb(&s, id, "pause");
    sim_settle(s.sim);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    move_verb(&s, id, "activate");
    stage_strike(&s);
}
END_TEST

START_TEST(port_named_later)
{
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    must(&s, "POST", "/v1/vms/vm/moves", "{\"to\": {\"nve\": \"hv2\"}}");
    id = last_move(&s);
    sim_settle(s.sim);
    refuse_verb(&s, id, "activate", "not_ready");
    ck_assert_int_eq(start_move(&s, 2), id);
    sim_settle(s.sim);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    move_verb(&s, id, "activate");
    stage_strike(&s);
}
END_TEST

/* Abort takes everything back: the dump equals the one before. */
START_TEST(abort_prepared)
{
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    remember_flows(&s);
    id = start_move(&s, 2);
    sim_settle(s.sim);
    move_verb(&s, id, "abort");
    sim_settle(s.sim);
    ck_assert_str_eq(move_state(&s, id), "aborted");
    same_flows(&s);
    refuse_verb(&s, id, "activate", "move_ended");
    stage_strike(&s);
}
END_TEST

START_TEST(abort_paused)
{
    struct stage s;
    uint64_t p;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    remember_flows(&s);
    id = start_and_pause(&s, 2);
    move_verb(&s, id, "abort");
    sim_settle(s.sim);
    ck_assert_str_eq(move_state(&s, id), "aborted");
    ck_assert(timeline_has(&s, id, "unwound", NULL));
    /* What ends a redirect is as urgent as what begins one. */
    ck_assert_int_eq(timeline_last(&s, id, "sent", "hv1"),
                     timeline_last(&s, id, "aborted", NULL));
    same_flows(&s);
    p = sim_send(s.sim, s.c[2], s.vm);
    sim_settle(s.sim);
    ck_assert_int_eq(sim_received(s.sim, p), 1);
    stage_strike(&s);
}
END_TEST

/* The destination's flows go only when the old NVE delivers again; while it
 * cannot be asked, when its redirect must have expired. */
START_TEST(abort_paused_old_unreachable)
{
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    id = start_and_pause(&s, 2);
    sim_disconnect(s.sim, 1);
    move_verb(&s, id, "abort");
    sim_run(s.sim, 2 * NVA_SEC);
    ck_assert(!timeline_has(&s, id, "unwound", NULL));
    sim_run(s.sim, 20 * NVA_SEC);
    ck_assert(timeline_has(&s, id, "unwound", NULL));
    ck_assert_int_eq(n_redirect_flows(&s, 1), 0);
    sim_connect(s.sim, 1);
    sim_settle(s.sim);
    stage_strike(&s);
}
END_TEST

START_TEST(abort_after_switch_is_refused)
{
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    id = start_move(&s, 2);
    sim_settle(s.sim);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    move_verb(&s, id, "activate");
    refuse_verb(&s, id, "abort", "already_switched");
    sim_settle(s.sim);
    refuse_verb(&s, id, "abort", "already_switched");
    sim_run(s.sim, 15 * NVA_SEC);
    refuse_verb(&s, id, "abort", "move_ended");
    stage_strike(&s);
}
END_TEST

/* The VM's word crosses the abort: where its word alone does not count, what
 * is being taken back is no prepared place any more. */
START_TEST(abort_and_evidence_cross)
{
    struct stage s;
    int id;

    stage_set(&s, _i ? 0 : STAGE_STRICT, 0);
    id = start_and_pause(&s, 2);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_GARP);
    move_verb(&s, id, "abort");
    sim_settle(s.sim);
    ck_assert_str_eq(move_state(&s, id), "aborted");
    ck_assert_int_eq(current_nve(&s), _i ? 2 : 1);
    if (!_i) {
        ck_assert_uint_ge(sim_notes(s.sim, NVA_NOTE_DROPPED,
                                    NVA_R_STRICT_BINDING), 1);
        sim_stand(s.sim, s.vm, 1, "tap-vm");
    }
    stage_strike(&s);
}
END_TEST

START_TEST(frame_while_paused_aborts)
{
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    remember_flows(&s);
    id = start_and_pause(&s, 2);

    /* One that may have been under way does not count. */
    sim_send(s.sim, s.vm, s.c[3]);
    sim_settle(s.sim);
    ck_assert_str_eq(move_state(&s, id), "paused");
    sim_run(s.sim, 10 * NVA_MSEC);
    sim_send(s.sim, s.vm, s.c[3]);
    sim_settle(s.sim);
    ck_assert_str_eq(move_state(&s, id), "aborted");
    must(&s, "GET", "/v1/moves", NULL);
    ck_assert(strstr(sim_body(s.sim), "frame_while_paused") != NULL);
    ck_assert(!timeline_has(&s, id, "unwound", NULL));
    sim_run(s.sim, 11 * NVA_SEC);       /* It is expected for so long. */
    ck_assert(timeline_has(&s, id, "unwound", NULL));
    same_flows(&s);
    stage_strike(&s);
}
END_TEST

/* A move within one NVE: another port, no redirect. */
START_TEST(same_nve_other_port)
{
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    sim_plug(s.sim, 1, "tap-new");
    sim_settle(s.sim);
    must(&s, "POST", "/v1/vms/vm/moves",
         "{\"to\": {\"nve\": \"hv1\", \"port\": \"tap-new\"}}");
    id = last_move(&s);
    sim_settle(s.sim);
    move_verb(&s, id, "pause");
    sim_settle(s.sim);
    sim_stand(s.sim, s.vm, 1, "tap-new");
    move_verb(&s, id, "activate");
    sim_settle(s.sim);
    ck_assert_int_eq(n_redirects(&s), 0);
    ck_assert_str_eq(move_state(&s, id), "done");
    must_refuse(&s, "POST", "/v1/vms/vm/moves",
                "{\"to\": {\"nve\": \"hv1\", \"port\": \"tap-new\"}}",
                "same_place");
    stage_strike(&s);
}
END_TEST

/* The same where nobody but this NVE has anything to confirm. */
START_TEST(same_nve_alone)
{
    struct stage s;

    stage_set(&s, 0, 0);
    sim_plug(s.sim, 1, "tap-new");
    must(&s, "PUT", "/v1/nves/hv1/ports/tap-new", "{\"vn\": \"blue\"}");
    for (int n = 2; n <= 3; n++) {
        sim_disconnect(s.sim, n);
    }
    sim_settle(s.sim);
    sim_stand(s.sim, s.vm, 1, "tap-new");
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_settle(s.sim);
    ck_assert_str_eq(move_state(&s, last_move(&s)), "done");
    for (int n = 2; n <= 3; n++) {
        sim_connect(s.sim, n);
    }
    stage_strike(&s);
}
END_TEST

START_TEST(one_move_at_a_time)
{
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    id = start_move(&s, 2);
    sim_settle(s.sim);
    must_refuse(&s, "POST", "/v1/vms/vm/moves",
                "{\"to\": {\"nve\": \"hv3\", \"port\": \"tap-vm\"}}",
                "move_in_progress");
    must_refuse(&s, "POST", "/v1/vms/vm/moves",
                "{\"to\": {\"nve\": \"hv9\"}}", "not_found");
    must_refuse(&s, "POST", "/v1/vms/nobody/moves",
                "{\"to\": {\"nve\": \"hv2\"}}", "not_found");
    move_verb(&s, id, "abort");
    stage_strike(&s);
}
END_TEST

/* Back again, with a pause, before the redirect of the way out has ended: the
 * two must not point at each other. */
START_TEST(back_with_pause)
{
    struct stage s;
    uint64_t p;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    id = make_move(&s, 2);
    id = start_move(&s, 1);
    sim_run(s.sim, 2 * NVA_DATAPATH_SETTLE);
    move_verb(&s, id, "pause");
    sim_settle(s.sim);
    sim_still(s.sim, s.vm);
    ck_assert_int_eq(n_redirect_flows(&s, 1), 0);
    ck_assert_int_eq(n_redirect_flows(&s, 2), 1);
    p = sim_send(s.sim, s.c[3], s.vm);
    sim_settle(s.sim);
    ck_assert_int_eq(sim_hops(s.sim, p), 2);
    sim_stand(s.sim, s.vm, 1, "tap-vm");
    ck_assert_int_eq(sim_received(s.sim, p), 1);
    move_verb(&s, id, "activate");
    stage_strike(&s);
}
END_TEST

/* The VM management tidies up: the old port stays bound as long as the
 * redirect there is needed. */
START_TEST(old_port_stays_bound_while_redirecting)
{
    struct stage s;

    stage_set(&s, STAGE_STRICT, 0);
    make_move(&s, 2);
    must_refuse(&s, "DELETE", "/v1/nves/hv1/ports/tap-vm", NULL, "in_use");
    sim_run(s.sim, 15 * NVA_SEC);
    must(&s, "DELETE", "/v1/nves/hv1/ports/tap-vm", NULL);
    stage_strike(&s);
}
END_TEST

/* In `learn', too, the caller's word counts: a frame that left the VM before
 * it moved, and that its old switch looks at only now, takes it nowhere. */
START_TEST(late_frame_of_the_old_port)
{
    struct stage s;
    int id;

    stage_set(&s, 0, 0);
    id = start_move(&s, 2);
    sim_settle(s.sim);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    move_verb(&s, id, "activate");
    sim_run(s.sim, 2 * NVA_MSEC);
    sim_stand(s.sim, s.vm, 1, "tap-vm");
    sim_send(s.sim, s.vm, s.c[3]);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_settle(s.sim);
    ck_assert_int_eq(current_nve(&s), 2);
    ck_assert_uint_gt(sim_notes(s.sim, NVA_NOTE_DROPPED, NVA_R_UNDER_WAY), 0);
    stage_strike(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("planned");
    tcase_add_test(tc, planned_with_pause);
    tcase_add_test(tc, floods_go_to_one_place);
    tcase_add_test(tc, the_nve_that_is_left_goes_first);
    tcase_add_test(tc, who_waits_for_one_move_waits_no_longer_for_the_next);
    tcase_add_test(tc, nothing_is_urgent_after_a_pause);
    tcase_add_test(tc, nobody_waits_for_an_nve_that_is_away);
    tcase_add_test(tc, planned_without_pause);
    tcase_add_loop_test(tc, activated_by_evidence, 0, SIM_PROBE);
    tcase_add_test(tc, probe_does_not_activate);
    tcase_add_test(tc, destination_port_appears_late);
    tcase_add_test(tc, port_named_later);
    tcase_add_test(tc, abort_prepared);
    tcase_add_test(tc, abort_paused);
    tcase_add_test(tc, abort_paused_old_unreachable);
    tcase_add_test(tc, abort_after_switch_is_refused);
    tcase_add_loop_test(tc, abort_and_evidence_cross, 0, 2);
    tcase_add_test(tc, frame_while_paused_aborts);
    tcase_add_test(tc, same_nve_other_port);
    tcase_add_test(tc, same_nve_alone);
    tcase_add_test(tc, one_move_at_a_time);
    tcase_add_test(tc, back_with_pause);
    tcase_add_test(tc, old_port_stays_bound_while_redirecting);
    tcase_add_test(tc, late_frame_of_the_old_port);
    return run_stories("planned", tc);
}
