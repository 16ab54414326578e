/* SPDX-License-Identifier: Apache-2.0 */

/* What is asked for twice, or where the VM is already: a caller whose
 * answer was lost asks again, a script names a destination that is none.
 * draft vmm-15 s4.4 (D16, D17). */

#include <config.h>

#include "stage.h"

#include <string.h>

#include "util.h"

#define MOVES "/v1/vms/vm/moves"
#define TO_HV2 "{\"to\": {\"nve\": \"hv2\", \"port\": \"tap-vm\"}}"
#define TO_HV2_LATER "{\"to\": {\"nve\": \"hv2\"}}"

static int
verb(struct stage *s, int id, const char *verb)
{
    char *path = xasprintf("/v1/moves/%d/%s", id, verb);
    int status = sim_api(s->sim, "POST", path, NULL);

    free(path);
    return status;
}

static bool
says(struct stage *s, const char *text)
{
    return strstr(sim_body(s->sim), text) != NULL;
}

/* ## Started again ## */

/* Nothing has changed, so nothing is confirmed anew: it is ready as it was. */
START_TEST(D16_started_again_is_ready_at_once)
{
    static const char *const bodies[] = {
        TO_HV2, TO_HV2_LATER,
        "{\"to\": {\"nve\": \"hv2\", \"ports\": {\"eth0\": \"tap-vm\"}}}",
        "{\"to\": {\"nve\": \"hv2\", \"port\": \"tap-vm\"}, \"timeout\": 60}",
        "{\"kind\": \"hot\", \"to\": {\"nve\": \"hv2\", "
        "\"port\": \"tap-vm\"}}",
    };
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    id = start_move(&s, 2);
    sim_settle(s.sim);
    must(&s, "POST", MOVES, bodies[_i]);
    ck_assert_msg(says(&s, "\"ready\":true"), "%s", sim_body(s.sim));
    ck_assert_msg(says(&s, "\"eth0\":\"tap-vm\""), "%s", sim_body(s.sim));
    ck_assert_int_eq(last_move(&s), id);
    sim_settle(s.sim);
    move_verb(&s, id, "pause");
    sim_settle(s.sim);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    move_verb(&s, id, "activate");
    sim_settle(s.sim);
    ck_assert_int_eq(current_nve(&s), 2);
    stage_strike(&s);
}
END_TEST

/* While it is being prepared, of a kind that refreshes, on a way back: it gets
 * ready all the same. */
START_TEST(D16_started_again_while_preparing)
{
    static const char *const bodies[] = {
        TO_HV2, TO_HV2_LATER,
        "{\"kind\": \"warm\", \"to\": {\"nve\": \"hv2\", "
        "\"port\": \"tap-vm\"}}",
    };
    const char *body = bodies[_i / 2];
    struct stage s;
    int id;

    stage_set(&s, 0, 0);
    if (_i % 2) {
        sim_stand(s.sim, s.vm, 3, "tap-vm");
        sim_announce(s.sim, s.vm, SIM_GARP);
        sim_settle(s.sim);
        make_move(&s, 2);
        make_move(&s, 3);
    }
    sim_slow(s.sim, 2, 5 * NVA_MSEC);
    must(&s, "POST", MOVES, _i / 2 == 1 ? TO_HV2 : body);
    id = last_move(&s);
    sim_run(s.sim, 3 * NVA_MSEC);
    must(&s, "POST", MOVES, body);
    ck_assert_int_eq(last_move(&s), id);
    sim_run(s.sim, 300 * NVA_MSEC);
    must(&s, "POST", MOVES, body);
    ck_assert_msg(says(&s, "\"ready\":true"), "%s", sim_body(s.sim));
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    ck_assert_int_eq(verb(&s, id, "activate"), 200);
    sim_slow(s.sim, 2, 0);
    stage_strike(&s);
}
END_TEST

/* A port that is named later has to be confirmed first; one that is named in
 * place of another, too. */
START_TEST(D16_started_again_with_another_port)
{
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    sim_plug(s.sim, 2, "tap-2");
    must(&s, "POST", MOVES, _i ? "{\"to\": {\"nve\": \"hv2\", \"port\": "
         "\"tap-2\"}}" : TO_HV2_LATER);
    id = last_move(&s);
    sim_settle(s.sim);
    must(&s, "POST", MOVES, TO_HV2);
    ck_assert(says(&s, "\"ready\":false"));
    sim_settle(s.sim);
    must(&s, "POST", MOVES, TO_HV2);
    ck_assert(says(&s, "\"ready\":true"));
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    move_verb(&s, id, "activate");
    sim_settle(s.sim);
    ck_assert_int_eq(current_nve(&s), 2);
    stage_strike(&s);
}
END_TEST

/* In each later state a retry says what it finds, and changes nothing. */
START_TEST(D16_started_again_in_each_state)
{
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    id = start_and_pause(&s, 2);
    must_refuse(&s, "POST", MOVES, TO_HV2, "move_in_progress");
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    move_verb(&s, id, "activate");
    ck_assert_str_eq(move_state(&s, id), "switching");
    must_refuse(&s, "POST", MOVES, TO_HV2, "same_place");
    sim_settle(s.sim);
    ck_assert_str_eq(move_state(&s, id), "draining");
    must_refuse(&s, "POST", MOVES, TO_HV2, "same_place");
    must_refuse(&s, "POST", MOVES, TO_HV2_LATER, "same_place");
    stage_run_out(&s);
    ck_assert_str_eq(move_state(&s, id), "done");
    must_refuse(&s, "POST", MOVES, TO_HV2, "same_place");
    stage_strike(&s);
}
END_TEST

/* ## Pause, activate, abort again ## */

START_TEST(D17_said_twice)
{
    static const char *const verbs[] = { "pause", "activate", "abort" };
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    remember_flows(&s);
    id = start_and_pause(&s, 2);
    if (_i == 1) {
        sim_stand(s.sim, s.vm, 2, "tap-vm");
    }
    for (int n = 0; n < 3; n++) {
        ck_assert_int_eq(verb(&s, id, verbs[_i]), 200);
        sim_run(s.sim, n * 30 * NVA_MSEC);
    }
    sim_settle(s.sim);
    if (_i == 0) {
        ck_assert_str_eq(move_state(&s, id), "paused");
        move_verb(&s, id, "abort");
        sim_settle(s.sim);
    }
    ck_assert_int_eq(current_nve(&s), _i == 1 ? 2 : 1);
    if (_i != 1) {
        sim_stand(s.sim, s.vm, 1, "tap-vm");
        same_flows(&s);
    }
    stage_strike(&s);
}
END_TEST

/* ## Carried over all the same ## */

/* It was paused, spoke once more, and that ended the move. */
static int
abort_by_frame(struct stage *s, const char *to)
{
    int id;

    must(s, "POST", MOVES, to);
    id = last_move(s);
    sim_settle(s->sim);
    move_verb(s, id, "pause");
    sim_settle(s->sim);
    sim_run(s->sim, 2 * NVA_SEC);
    sim_announce(s->sim, s->vm, SIM_GARP);
    sim_settle(s->sim);
    ck_assert_str_eq(move_state(s, id), "aborted");
    ck_assert_int_eq(current_nve(s), 1);
    must(s, "GET", "/v1/vms/vm", NULL);
    ck_assert(says(s, "\"prepared\":{\"nve\":\"hv2\""));
    return id;
}

/* It shows itself there, by data, by each announcement, where only VM
 * management's word and what it prepared count; the caller's `activate' comes
 * before that, after that, or never. */
START_TEST(D17_carried_over_after_an_abort)
{
    struct stage s;
    uint64_t p;
    int id;

    stage_set(&s, STAGE_STRICT | (_i & 1 ? STAGE_PULL : 0), 0);
    if (_i & 2) {
        must(&s, "PUT", "/v1/vms/vm", "{\"connections\": \"hold\"}");
    }
    id = abort_by_frame(&s, TO_HV2);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    if (_i / 4 == 1) {
        ck_assert_int_eq(verb(&s, id, "activate"), 200);
        ck_assert(says(&s, "\"state\":\"switching\"")
                  || says(&s, "\"state\":\"converging\""));
    } else if (_i / 4 == 2) {
        sim_announce(s.sim, s.vm, SIM_RARP);
    } else {
        sim_send(s.sim, s.vm, s.c[3]);
    }
    sim_settle(s.sim);
    ck_assert_int_eq(current_nve(&s), 2);
    ck_assert(timeline_has(&s, id, "superseded", NULL));
    ck_assert_int_eq(verb(&s, id, "activate"), 200);
    p = sim_send(s.sim, s.c[3], s.vm);
    sim_settle(s.sim);
    ck_assert_int_eq(sim_received(s.sim, p), 1);
    stage_strike(&s);
}
END_TEST

/* A new move may be begun meanwhile, to there or elsewhere. */
START_TEST(D17_moved_again_after_an_abort)
{
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    id = abort_by_frame(&s, TO_HV2);
    ck_assert_int_eq(verb(&s, id, "abort"), 200);
    ck_assert_int_gt(make_move(&s, _i ? 3 : 2), id);
    ck_assert_int_eq(current_nve(&s), _i ? 3 : 2);
    stage_strike(&s);
}
END_TEST

/* After that time, or an abort that VM management asked for, its word there
 * does not count; `activate' says where it is taken to be, and the way out. */
START_TEST(D17_activate_after_any_abort_says_where_it_is)
{
    struct stage s;
    char *path;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    if (_i == 0) {
        id = abort_by_frame(&s, TO_HV2);
        sim_run(s.sim, 11 * NVA_SEC);
    } else if (_i == 1) {
        id = start_and_pause(&s, 2);
        move_verb(&s, id, "abort");
    } else {
        must(&s, "POST", MOVES, "{\"timeout\": 1, \"to\": "
             "{\"nve\": \"hv2\", \"port\": \"tap-vm\"}}");
        id = last_move(&s);
        sim_run(s.sim, 2 * NVA_SEC);
    }
    sim_settle(s.sim);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_settle(s.sim);
    ck_assert_int_eq(current_nve(&s), 1);
    path = xasprintf("/v1/moves/%d/activate", id);
    must_refuse(&s, "POST", path, NULL, "move_ended");
    free(path);
    ck_assert_msg(says(&s, "taken to be at hv1 port tap-vm"), "%s",
                  sim_body(s.sim));
    ck_assert(says(&s, "nvactl vm set vm --nve hv2 --port tap-vm"));
    must(&s, "PUT", "/v1/vms/vm", "{\"interfaces\": [{\"vn\": \"blue\", "
         "\"mac\": \"02:00:00:00:00:01\", \"nve\": \"hv2\", "
         "\"port\": \"tap-vm\"}]}");
    sim_settle(s.sim);
    ck_assert_int_eq(current_nve(&s), 2);
    stage_strike(&s);
}
END_TEST

/* ## To where it is ## */

START_TEST(D16_a_move_to_where_it_is)
{
    static const char *const bodies[] = {
        "{\"to\": {\"nve\": \"hv1\"}}",
        "{\"to\": {\"nve\": \"hv1\", \"port\": \"tap-vm\"}}",
        "{\"to\": {\"nve\": \"hv1\", \"ports\": {\"eth0\": \"tap-vm\"}}}",
        "{\"to\": {\"nve\": \"hv1\", \"ports\": {}}}",
        "{\"kind\": \"cold\", \"to\": {\"nve\": \"hv1\"}}",
        "{\"kind\": \"warm\", \"to\": {\"nve\": \"hv1\"}}",
    };
    struct stage s;

    stage_set(&s, STAGE_STRICT, 0);
    remember_flows(&s);
    must_refuse(&s, "POST", MOVES, bodies[_i], "same_place");
    ck_assert(says(&s, "names another port"));
    sim_settle(s.sim);
    same_flows(&s);
    ck_assert_int_eq(last_move(&s), 0);
    make_move(&s, 2);                   /* It blocks none. */
    stage_strike(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("again");
    tcase_add_loop_test(tc, D16_started_again_is_ready_at_once, 0, 5);
    tcase_add_loop_test(tc, D16_started_again_while_preparing, 0, 6);
    tcase_add_loop_test(tc, D16_started_again_with_another_port, 0, 2);
    tcase_add_test(tc, D16_started_again_in_each_state);
    tcase_add_loop_test(tc, D17_said_twice, 0, 3);
    tcase_add_loop_test(tc, D17_carried_over_after_an_abort, 0, 12);
    tcase_add_loop_test(tc, D17_moved_again_after_an_abort, 0, 2);
    tcase_add_loop_test(tc, D17_activate_after_any_abort_says_where_it_is, 0,
                        3);
    tcase_add_loop_test(tc, D16_a_move_to_where_it_is, 0, 6);
    return run_stories("again", tc);
}
