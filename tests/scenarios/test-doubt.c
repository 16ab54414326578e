/* SPDX-License-Identifier: Apache-2.0 */

/* Which place is true (E2, E3, E4, E5): a VM that is heard at two places, is
 * announced too often, or must not move by its own word. */

#include <config.h>

#include "stage.h"

#include <string.h>

#include "packets.h"
#include "util.h"

#define VM_MAC { .ea = { 2, 0, 0, 0, 0, 1 } }

/* Somebody else with the VM's MAC and addresses. */
static const struct sim_vm twin = {
    "twin", "blue", VM_MAC, { 10, 0, 0, 1 }, { 0xfd, 0x10, [15] = 1 },
};

static bool
vm_shows(struct stage *s, const char *json)
{
    must(s, "GET", "/v1/vms/vm", NULL);
    return strstr(sim_body(s->sim), json) != NULL;
}

static bool
move_shows(struct stage *s, int id, const char *json)
{
    char path[64];

    snprintf(path, sizeof path, "/v1/moves/%d", id);
    must(s, "GET", path, NULL);
    return strstr(sim_body(s->sim), json) != NULL;
}

/* A data frame with the VM's MAC. */
static void
frame_at(struct stage *s, int nve)
{
    const uint8_t frame[60] = { 2, 0, 0, 0, 0, 13, 2, 0, 0, 0, 0, 1, 8, 0 };

    sim_frame_at(s->sim, frame, sizeof frame, nve, "tap-vm");
}

static size_t
outcomes(struct stage *s, enum nva_reason reason)
{
    return sim_notes(s->sim, NVA_NOTE_PROBE, reason);
}

/* It goes to 'nve' and says so; 'usec' later. */
static void
go(struct stage *s, int nve, nva_usec usec)
{
    sim_stand(s->sim, s->vm, nve, "tap-vm");
    sim_announce(s->sim, s->vm, SIM_GARP);
    sim_run(s->sim, usec);
}

/* ## Two places ## */

/* A -> B -> A at once: acted on, in doubt, asked, and so it is. */
START_TEST(back_at_once_is_confirmed)
{
    struct stage s;
    int id;

    stage_set(&s, _i ? STAGE_IPV6 : 0, 0);
    go(&s, 2, 1500);
    go(&s, 1, 1500);
    ck_assert_int_eq(current_nve(&s), 1);
    id = last_move(&s);
    ck_assert(vm_shows(&s, "\"unconfirmed\":true"));
    ck_assert(move_shows(&s, id, "\"unconfirmed\":true"));
    sim_run(s.sim, NVA_SEC);
    ck_assert_uint_eq(outcomes(&s, NVA_R_ANSWERED_HERE), 1);
    ck_assert(vm_shows(&s, "\"unconfirmed\":false"));
    ck_assert(move_shows(&s, id, "\"unconfirmed\":false"));
    ck_assert_int_eq(last_move(&s), id);
    ck_assert_int_eq(current_nve(&s), 1);
    stage_strike(&s);
}
END_TEST

/* A -> B, and B -> A long after: the old place has confirmed, no doubt. */
START_TEST(back_later_is_beyond_doubt)
{
    struct stage s;

    stage_set(&s, 0, 0);
    go(&s, 2, NVA_SEC);
    go(&s, 1, 1500);
    ck_assert(vm_shows(&s, "\"unconfirmed\":false"));
    ck_assert_uint_eq(outcomes(&s, NVA_OK), 0);
    stage_strike(&s);
}
END_TEST

/* An announcement that waited in the old port's queue leads astray; the answer
 * leads back, as a move of its own. */
START_TEST(late_word_from_the_place_left)
{
    struct stage s;
    int id;

    stage_set(&s, 0, 0);
    go(&s, 2, 1500);
    sim_announce_at(s.sim, s.vm, SIM_GARP, 1, "tap-vm");
    sim_run(s.sim, 1500);
    ck_assert_int_eq(current_nve(&s), 1);
    id = last_move(&s);
    sim_run(s.sim, NVA_SEC);
    ck_assert_int_eq(current_nve(&s), 2);
    ck_assert_int_ne(last_move(&s), id);
    ck_assert(move_shows(&s, last_move(&s), "\"cause\":\"probed\""));
    ck_assert(vm_shows(&s, "\"unconfirmed\":false"));
    stage_strike(&s);
}
END_TEST

/* The same while it boots there: it is not asked, and its own word leads
 * back. */
START_TEST(S4_who_probes_itself_is_not_asked)
{
    struct stage s;

    stage_set(&s, _i ? STAGE_IPV6 : 0, 0);
    go(&s, 2, 1500);
    sim_announce(s.sim, s.vm, _i ? SIM_DAD : SIM_PROBE);
    sim_run(s.sim, 1500);
    sim_announce_at(s.sim, s.vm, SIM_GARP, 1, "tap-vm");
    sim_run(s.sim, NVA_SEC);
    ck_assert_int_eq(current_nve(&s), 1);
    ck_assert_int_eq(sim_conflicts(s.sim, s.vm), 0);
    ck_assert_uint_eq(outcomes(&s, NVA_R_UNCLEAR), 1);
    sim_run(s.sim, 2 * NVA_SEC);
    sim_announce(s.sim, s.vm, _i ? SIM_NA : SIM_GARP);
    sim_run(s.sim, NVA_SEC);
    ck_assert_int_eq(current_nve(&s), 2);
    stage_strike(&s);
}
END_TEST

/* A late word leads astray, the VM answers where it is, and then goes where it
 * is believed to be and says so: what it answered before is old. */
START_TEST(its_word_is_newer_than_its_answers)
{
    struct stage s;
    int id;

    stage_set(&s, 0, 0);
    go(&s, 2, 1500);
    sim_announce_at(s.sim, s.vm, SIM_GARP, 1, "tap-vm");
    sim_run(s.sim, NVA_PROBE_INTERVAL + 20 * NVA_MSEC);     /* Asked twice. */
    sim_still(s.sim, s.vm);
    sim_run(s.sim, NVA_PROBE_INTERVAL * 3 / 2);             /* And again. */
    ck_assert_int_eq(current_nve(&s), 1);
    id = last_move(&s);
    sim_mute(s.sim, s.vm, _i);
    go(&s, 1, NVA_SEC);
    ck_assert_int_eq(current_nve(&s), 1);
    ck_assert_int_eq(last_move(&s), id);
    ck_assert_uint_eq(outcomes(&s, _i ? NVA_R_UNCLEAR : NVA_R_ANSWERED_HERE),
                      1);
    ck_assert(vm_shows(&s, "\"unconfirmed\":false"));
    stage_strike(&s);
}
END_TEST

/* A frame that is no announcement moves nothing, but the VM is asked, once;
 * wherever it answers it is. */
START_TEST(silent_frame_from_the_place_left)
{
    int stands = _i ? 1 : 2;
    struct stage s;
    int id;

    stage_set(&s, 0, 0);
    go(&s, 2, 1500);
    id = last_move(&s);
    sim_stand(s.sim, s.vm, stands, "tap-vm");
    for (int i = 0; i < 5; i++) {
        frame_at(&s, 1);
        sim_run(s.sim, 300);
    }
    ck_assert_int_eq(current_nve(&s), 2);
    ck_assert_uint_eq(outcomes(&s, NVA_OK), 1);
    ck_assert_uint_ge(sim_notes(s.sim, NVA_NOTE_DROPPED, NVA_R_UNDER_WAY), 4);
    ck_assert(vm_shows(&s, "\"unconfirmed\":true"));
    sim_run(s.sim, NVA_SEC);
    ck_assert_int_eq(current_nve(&s), stands);
    ck_assert_int_eq(last_move(&s) == id, stands == 2);
    ck_assert_uint_eq(outcomes(&s, NVA_R_ANSWERED_HERE), 1);
    ck_assert(vm_shows(&s, "\"unconfirmed\":false"));
    stage_strike(&s);
}
END_TEST

/* Really at two places: the last evidence's counts, and somebody is told. */
START_TEST(two_places_are_reported)
{
    struct stage s;
    int n;

    stage_set(&s, 0, _i);
    n = sim_vm(s.sim, &twin);
    sim_stand(s.sim, n, 2, "tap-vm");
    sim_announce(s.sim, n, SIM_GARP);
    sim_run(s.sim, 1500);
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_run(s.sim, NVA_SEC);
    ck_assert_int_eq(current_nve(&s), 1);
    ck_assert_uint_eq(outcomes(&s, NVA_R_TWO_PLACES), 1);
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_DUPLICATE, NVA_R_TWO_PLACES),
                      1);
    ck_assert(vm_shows(&s, "\"unconfirmed\":true"));
    sim_stand(s.sim, n, 0, NULL);
    stage_strike(&s);
}
END_TEST

/* Nobody answers: time confirms the last evidence. */
START_TEST(nobody_answers)
{
    struct stage s;

    stage_set(&s, 0, 0);
    sim_mute(s.sim, s.vm, true);
    go(&s, 2, 1500);
    go(&s, 1, 1500);
    ck_assert(vm_shows(&s, "\"unconfirmed\":true"));
    sim_run(s.sim, NVA_SEC);
    ck_assert_uint_eq(outcomes(&s, NVA_R_NO_ANSWER), 1);
    ck_assert(vm_shows(&s, "\"unconfirmed\":false"));
    ck_assert_int_eq(current_nve(&s), 1);
    stage_strike(&s);
}
END_TEST

/* Without an address it cannot be asked: the last evidence counts. */
START_TEST(without_an_address)
{
    struct stage s;

    stage_set(&s, 0, 0);
    must(&s, "PUT", "/v1/vms/vm", "{\"interfaces\": [{\"name\": \"eth0\", "
         "\"ips\": []}]}");
    for (int i = 0; i < 2; i++) {
        sim_stand(s.sim, s.vm, 2 - i, "tap-vm");
        sim_announce(s.sim, s.vm, SIM_RARP);
        sim_run(s.sim, 1500);
    }
    ck_assert_int_eq(current_nve(&s), 1);
    ck_assert_uint_eq(outcomes(&s, NVA_OK), 0);
    ck_assert(vm_shows(&s, "\"unconfirmed\":false"));
    stage_strike(&s);
}
END_TEST

/* ## Sequences ## */

/* E2, E3: one more with each move, planned or not, and none for a refresh. */
START_TEST(E3_sequence_counts_moves)
{
    struct stage s;
    int id;

    stage_set(&s, 0, 0);
    ck_assert(vm_shows(&s, "\"sequence\":0,"));
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_settle(s.sim);
    ck_assert(vm_shows(&s, "\"sequence\":0,"));
    go(&s, 2, NVA_SEC);
    ck_assert(vm_shows(&s, "\"sequence\":1,"));
    id = start_move(&s, 3);
    sim_settle(s.sim);
    ck_assert(vm_shows(&s, "\"sequence\":1,"));
    move_verb(&s, id, "pause");
    sim_settle(s.sim);
    sim_stand(s.sim, s.vm, 3, "tap-vm");
    move_verb(&s, id, "activate");
    sim_settle(s.sim);
    ck_assert(vm_shows(&s, "\"sequence\":2,"));
    must(&s, "GET", "/v1/lookup?vn=blue&ip=10.0.0.1", NULL);
    ck_assert_ptr_nonnull(strstr(sim_body(s.sim), "\"sequence\":2,"));
    stage_strike(&s);
}
END_TEST

/* E3: an answer to a question that newer evidence has overtaken is no more
 * than an old word: the VM is not put back to where it answered. */
START_TEST(E3_overtaken_answers_do_not_win)
{
    struct stage s;
    int id;

    stage_set(&s, 0, 0);
    go(&s, 2, 1500);
    sim_announce_at(s.sim, s.vm, SIM_GARP, 1, "tap-vm");
    sim_run(s.sim, 250 * NVA_MSEC);     /* It has answered, at hv2... */
    ck_assert_int_eq(current_nve(&s), 1);
    go(&s, 3, 1500);                    /* ...and goes on. */
    id = last_move(&s);
    sim_run(s.sim, NVA_SEC);
    ck_assert_uint_eq(outcomes(&s, NVA_R_ANSWERED_HERE), 1);
    ck_assert_int_eq(last_move(&s), id);
    ck_assert_int_eq(current_nve(&s), 3);
    stage_strike(&s);
}
END_TEST

/* ## Too many moves ## */

/* E4: a VM that moves often and answers where it says it is never freezes. */
START_TEST(E4_a_vm_that_moves_often_is_not_frozen)
{
    struct stage s;

    stage_set(&s, 0, _i);
    for (int i = 0; i < 30; i++) {
        go(&s, 2 + i % 2, _i == 1 ? 4 * NVA_SEC : _i == 2 ? 600 * NVA_MSEC
                          : 110 * NVA_MSEC);
        ck_assert_int_eq(current_nve(&s), 2 + i % 2);
    }
    sim_run(s.sim, NVA_SEC);
    ck_assert_uint_ge(outcomes(&s, NVA_OK), 3);
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_FROZEN, NVA_R_TWO_PLACES), 0);
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_FROZEN, NVA_R_NO_ANSWER), 0);
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_FROZEN, NVA_R_FORGED), 0);
    ck_assert(vm_shows(&s, "\"frozen\":false"));
    stage_strike(&s);
}
END_TEST

/* The VM and its twin at hv2 announce themselves in turns, 'n' times in all,
 * the twin first. */
static int
quarrel(struct stage *s, int n)
{
    int t = sim_vm(s->sim, &twin);

    sim_stand(s->sim, t, 2, "tap-vm");
    for (int i = 0; i < n; i++) {
        sim_announce(s->sim, i % 2 ? s->vm : t, SIM_GARP);
        sim_run(s->sim, 700 * NVA_MSEC);
    }
    sim_run(s->sim, NVA_SEC);
    return t;
}

/* E4: five announced moves, and it answers at both: frozen where it was before
 * the first of them; who says otherwise is not heard; service goes on. */
START_TEST(E4_two_vms_freeze)
{
    struct stage s;
    uint64_t p;
    int t, id;

    stage_set(&s, 0, _i);
    t = quarrel(&s, 4);
    ck_assert(vm_shows(&s, "\"frozen\":false"));
    sim_announce(s.sim, t, SIM_GARP);
    sim_run(s.sim, NVA_SEC);
    ck_assert(vm_shows(&s, "\"frozen\":true"));
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_FROZEN, NVA_R_TWO_PLACES), 1);
    ck_assert_int_eq(current_nve(&s), 1);
    ck_assert(vm_shows(&s, "\"thaws_in\":600"));
    must(&s, "GET", "/v1/lookup?vn=blue&ip=10.0.0.1", NULL);
    ck_assert_ptr_nonnull(strstr(sim_body(s.sim), "\"frozen\":true"));

    id = last_move(&s);
    sim_announce(s.sim, t, SIM_GARP);
    sim_announce(s.sim, t, SIM_RARP);
    frame_at(&s, 2);
    sim_run(s.sim, NVA_SEC);
    ck_assert_uint_ge(sim_notes(s.sim, NVA_NOTE_DROPPED, NVA_R_FROZEN), 3);
    ck_assert_int_eq(last_move(&s), id);
    p = sim_send(s.sim, s.c[3], s.vm);
    sim_settle(s.sim);
    ck_assert_int_eq(sim_received(s.sim, p), 1);
    sim_stand(s.sim, t, 0, NULL);
    stage_strike(&s);
}
END_TEST

/* E4: it thaws by the operator, by its timer, or by a planned move. */
START_TEST(E4_thaws)
{
    struct stage s;
    int t, id;

    stage_set(&s, 0, 0);
    must(&s, "PUT", "/v1/vns/blue", "{\"freeze_time\": 60}");
    t = quarrel(&s, 5);
    ck_assert(vm_shows(&s, "\"frozen\":true"));
    sim_stand(s.sim, t, 0, NULL);
    if (_i == 0) {
        must(&s, "POST", "/v1/vms/vm/thaw", NULL);
        ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_THAWED, NVA_R_CALLER), 1);
        must_refuse(&s, "POST", "/v1/vms/nobody/thaw", NULL, "not_found");
    } else if (_i == 1) {
        sim_run(s.sim, 57 * NVA_SEC);
        ck_assert(vm_shows(&s, "\"frozen\":true"));
        sim_run(s.sim, 4 * NVA_SEC);
        ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_THAWED, NVA_R_EXPIRED), 1);
    } else {
        id = start_move(&s, 3);
        sim_settle(s.sim);
        ck_assert(vm_shows(&s, "\"frozen\":true"));
        sim_announce_at(s.sim, s.vm, SIM_GARP, 2, "tap-vm");
        sim_settle(s.sim);
        ck_assert_int_eq(current_nve(&s), 1);
        go(&s, 3, NVA_SEC);
        ck_assert_str_eq(move_state(&s, id), "draining");
    }
    ck_assert(vm_shows(&s, "\"frozen\":false"));
    go(&s, 2, NVA_SEC);
    ck_assert_int_eq(current_nve(&s), 2);
    stage_strike(&s);
}
END_TEST

/* E4: without a timer only somebody's word thaws; 0 moves: nothing freezes. */
START_TEST(E4_settings)
{
    struct stage s;
    int t;

    stage_set(&s, 0, 0);
    must(&s, "PUT", "/v1/vns/blue", _i == 0 ? "{\"freeze_time\": 0}"
         : _i == 1 ? "{\"duplicate_moves\": 0}"
         : _i == 2 ? "{\"duplicate_moves\": 10}"
         : "{\"duplicate_window\": 1}");
    t = quarrel(&s, 9);
    sim_run(s.sim, _i ? 0 : 3600 * NVA_SEC);
    ck_assert(vm_shows(&s, _i ? "\"frozen\":false" : "\"frozen\":true"));
    ck_assert(vm_shows(&s, "\"thaws_in\":null"));
    sim_stand(s.sim, t, 0, NULL);
    sim_stand(s.sim, s.vm, current_nve(&s), "tap-vm");
    stage_strike(&s);
}
END_TEST

/* E4: who answers nowhere cannot be told from a duplicate. */
START_TEST(E4_who_does_not_answer_freezes)
{
    struct stage s;

    stage_set(&s, 0, 0);
    sim_mute(s.sim, s.vm, true);
    for (int i = 0; i < 5; i++) {
        go(&s, 2 + i % 2, 700 * NVA_MSEC);
    }
    sim_run(s.sim, NVA_SEC);
    ck_assert(vm_shows(&s, "\"frozen\":true"));
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_FROZEN, NVA_R_NO_ANSWER), 1);
    ck_assert_int_eq(current_nve(&s), 1);
    sim_stand(s.sim, s.vm, 1, "tap-vm");
    stage_strike(&s);
}
END_TEST

/* E4: planned moves do not count, however many. */
START_TEST(E4_planned_moves_never_count)
{
    struct stage s;

    stage_set(&s, 0, 0);
    for (int i = 0; i < 12; i++) {
        int to = 2 + i % 2, id = start_move(&s, to);

        sim_settle(s.sim);
        if (i % 3) {
            move_verb(&s, id, "activate");
            sim_stand(s.sim, s.vm, to, "tap-vm");
        } else {
            go(&s, to, 0);
        }
        sim_run(s.sim, 300 * NVA_MSEC);
        ck_assert_int_eq(current_nve(&s), to);
    }
    ck_assert_uint_eq(outcomes(&s, NVA_OK), 0);
    ck_assert(vm_shows(&s, "\"frozen\":false"));
    stage_strike(&s);
}
END_TEST

/* A liar floods announcements in the VM's name while the VM talks: the VM ends
 * up frozen where it is and answers, and the liar is not heard. */
START_TEST(E4_a_flood_of_forged_announcements)
{
    struct stage s;
    uint64_t p;

    stage_set(&s, 0, _i);
    for (int i = 0; i < 4000; i++) {
        sim_announce_at(s.sim, s.vm, SIM_GARP, 2, "tap-vm");
        if (i % 7 == 0) {
            sim_send(s.sim, s.vm, s.c[3]);
        }
        sim_run(s.sim, 1000);
    }
    ck_assert(vm_shows(&s, "\"frozen\":true"));
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_FROZEN, NVA_R_FORGED), 1);
    ck_assert_int_eq(current_nve(&s), 1);
    p = sim_send(s.sim, s.c[3], s.vm);
    sim_settle(s.sim);
    ck_assert_int_eq(sim_received(s.sim, p), 1);
    stage_strike(&s);
}
END_TEST

/* ## Sticky ## */

/* E5: evidence elsewhere changes nothing; VM management may move it. */
START_TEST(E5_sticky)
{
    struct stage s;
    int id;

    stage_set(&s, 0, 0);
    must(&s, "PUT", "/v1/vms/vm", "{\"sticky\": true}");
    ck_assert(vm_shows(&s, "\"sticky\":true"));
    remember_flows(&s);
    for (int i = SIM_GARP; i <= SIM_RARP; i++) {
        sim_announce_at(s.sim, s.vm, i, 2, "tap-vm");
    }
    frame_at(&s, 3);
    sim_settle(s.sim);
    ck_assert_int_eq(last_move(&s), 0);
    ck_assert_uint_ge(sim_notes(s.sim, NVA_NOTE_DROPPED, NVA_R_STICKY), 6);
    same_flows(&s);

    id = start_move(&s, 2);
    sim_settle(s.sim);
    if (_i) {
        move_verb(&s, id, "pause");
        sim_settle(s.sim);
    }
    go(&s, 2, NVA_SEC);
    ck_assert_str_eq(move_state(&s, id), "draining");
    ck_assert_int_eq(current_nve(&s), 2);
    sim_announce_at(s.sim, s.vm, SIM_GARP, 3, "tap-vm");
    sim_settle(s.sim);
    ck_assert_int_eq(current_nve(&s), 2);
    must(&s, "PUT", "/v1/vms/vm", "{\"sticky\": false}");
    go(&s, 3, NVA_SEC);
    ck_assert_int_eq(current_nve(&s), 3);
    stage_strike(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("doubt");

    tcase_add_loop_test(tc, S4_who_probes_itself_is_not_asked, 0, 2);
    tcase_add_loop_test(tc, back_at_once_is_confirmed, 0, 2);
    tcase_add_test(tc, back_later_is_beyond_doubt);
    tcase_add_test(tc, late_word_from_the_place_left);
    tcase_add_loop_test(tc, its_word_is_newer_than_its_answers, 0, 2);
    tcase_add_loop_test(tc, silent_frame_from_the_place_left, 0, 2);
    tcase_add_loop_test(tc, two_places_are_reported, 0, 3);
    tcase_add_test(tc, nobody_answers);
    tcase_add_test(tc, without_an_address);
    tcase_add_test(tc, E3_sequence_counts_moves);
    tcase_add_test(tc, E3_overtaken_answers_do_not_win);
    tcase_add_loop_test(tc, E4_a_vm_that_moves_often_is_not_frozen, 0, 4);
    tcase_add_loop_test(tc, E4_two_vms_freeze, 0, 3);
    tcase_add_loop_test(tc, E4_thaws, 0, 3);
    tcase_add_loop_test(tc, E4_settings, 0, 4);
    tcase_add_test(tc, E4_who_does_not_answer_freezes);
    tcase_add_test(tc, E4_planned_moves_never_count);
    tcase_add_loop_test(tc, E4_a_flood_of_forged_announcements, 0, 3);
    tcase_add_loop_test(tc, E5_sticky, 0, 2);
    return run_stories("doubt", tc);
}
