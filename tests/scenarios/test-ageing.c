/* SPDX-License-Identifier: Apache-2.0 */

/* What was learned lasts as long as it shows signs of life (F6): hosts that
 * answer, that fall silent, that cannot be asked. */

#include <config.h>

#include "stage.h"

#include <string.h>

#include "util.h"

/* A host nobody told us of. */
static const struct sim_vm host = {
    "host", "blue", { .ea = { 2, 0, 0, 0, 0, 99 } },
    { 10, 0, 0, 99 }, { 0xfd, 0x10, [15] = 99 },
};

static bool
is_known(struct stage *s, const char *ip)
{
    char path[64];

    snprintf(path, sizeof path, "/v1/lookup?vn=blue&ip=%s", ip);
    return sim_api(s->sim, "GET", path, NULL) == 200;
}

static size_t
withdrawn(struct stage *s)
{
    return sim_notes(s->sim, NVA_NOTE_WITHDRAWN, NVA_R_AGED);
}

static size_t
asked(struct stage *s)
{
    return sim_notes(s->sim, NVA_NOTE_PROBE, NVA_OK);
}

/* The stage, where things age after a minute, and the host at hv2, learned
 * with both its addresses. */
static int
set(struct stage *s, uint64_t seed)
{
    int n;

    stage_set(s, 0, seed);
    must(s, "PUT", "/v1/vns/blue", "{\"age\": 60}");
    remember_flows(s);
    n = sim_vm(s->sim, &host);
    sim_stand(s->sim, n, 2, "tap-vm");
    sim_announce(s->sim, n, SIM_GARP);
    sim_announce(s->sim, n, SIM_NA);
    all_well(s);
    ck_assert(is_known(s, "10.0.0.99") && is_known(s, "fd10::63"));
    return n;
}

/* It answers: asked now and then, and never withdrawn. */
START_TEST(F6_who_answers_stays)
{
    struct stage s;

    set(&s, _i);
    sim_run(s.sim, 600 * NVA_SEC);
    ck_assert_uint_eq(withdrawn(&s), 0);
    ck_assert_uint_ge(asked(&s), 2 * 600 / 30);
    ck_assert_uint_le(asked(&s), 2 * 600 / 20 + 2);
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_PROBE, NVA_R_NO_ANSWER), 0);
    ck_assert(is_known(&s, "10.0.0.99") && is_known(&s, "fd10::63"));
    stage_strike(&s);
}
END_TEST

/* It says nothing any more: gone with all its flows after its age. */
START_TEST(F6_who_is_silent_goes)
{
    struct stage s;
    int n = set(&s, 0);

    if (_i) {
        sim_mute(s.sim, n, true);
    } else {
        sim_stand(s.sim, n, 0, NULL);
    }
    sim_run(s.sim, 50 * NVA_SEC);
    ck_assert_uint_ge(sim_notes(s.sim, NVA_NOTE_PROBE, NVA_R_NO_ANSWER), 2);
    ck_assert(is_known(&s, "10.0.0.99") && is_known(&s, "fd10::63"));
    sim_run(s.sim, 20 * NVA_SEC);
    ck_assert(!is_known(&s, "10.0.0.99") && !is_known(&s, "fd10::63"));
    ck_assert_uint_eq(withdrawn(&s), 2);
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_EVICTED, NVA_R_AGED), 1);
    sim_stand(s.sim, n, 0, NULL);
    sim_settle(s.sim);
    same_flows(&s);
    /* It comes back as it came. */
    sim_stand(s.sim, n, 2, "tap-vm");
    sim_mute(s.sim, n, false);
    sim_announce(s.sim, n, SIM_GARP);
    sim_settle(s.sim);
    ck_assert(is_known(&s, "10.0.0.99"));
    stage_strike(&s);
}
END_TEST

/* A VM of VM management's keeps what that gave it, silent as it may be. */
START_TEST(F6_what_was_given_stays)
{
    const struct sim_vm claim = {
        "claim", "blue", { .ea = { 2, 0, 0, 0, 0, 11 } }, { 10, 0, 0, 98 },
        { 0xfd, 0x10, [15] = 98 },
    };
    struct stage s;

    set(&s, 0);
    sim_announce_at(s.sim, sim_vm(s.sim, &claim), SIM_GARP, 1, "tap-c1");
    sim_settle(s.sim);
    ck_assert(is_known(&s, "10.0.0.98"));
    sim_mute(s.sim, s.c[1], true);
    sim_run(s.sim, 70 * NVA_SEC);
    ck_assert(!is_known(&s, "10.0.0.98"));
    sim_run(s.sim, 600 * NVA_SEC);
    ck_assert_uint_eq(withdrawn(&s), 1);
    ck_assert(is_known(&s, "10.0.0.11") && is_known(&s, "fd10::b"));
    stage_strike(&s);
}
END_TEST

/* S4, H1: as long as a host probes its own address it is not asked, and that
 * is no silence. */
START_TEST(S4_who_probes_itself_is_not_asked)
{
    struct stage s;
    int n = set(&s, 0);

    sim_run(s.sim, 15 * NVA_SEC);
    for (int i = 0; i < 60; i++) {
        sim_announce(s.sim, n, _i ? SIM_DAD : SIM_PROBE);
        sim_run(s.sim, NVA_SEC);
    }
    /* The sim's guests answer whenever they are asked. */
    ck_assert_uint_ge(sim_notes(s.sim, NVA_NOTE_PROBE, NVA_R_UNCLEAR), 2);
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_PROBE, NVA_R_ANSWERED_HERE),
                      0);
    ck_assert_int_eq(sim_conflicts(s.sim, n), 0);
    ck_assert_uint_eq(withdrawn(&s), 0);
    ck_assert(is_known(&s, "10.0.0.99") && is_known(&s, "fd10::63"));
    sim_run(s.sim, 60 * NVA_SEC);
    ck_assert_uint_ge(sim_notes(s.sim, NVA_NOTE_PROBE, NVA_R_ANSWERED_HERE),
                      2);
    stage_strike(&s);
}
END_TEST

/* What a VM taught that is off goes, too, once it is older than its network
 * allows; what VM management gave stays. */
START_TEST(F6_what_a_vm_taught_that_is_off_goes)
{
    struct stage s;
    int n = set(&s, 0);

    must(&s, "PUT", "/v1/vms/mine", "{\"interfaces\": [{\"vn\": \"blue\", "
         "\"mac\": \"02:00:00:00:00:63\", \"ips\": [\"10.0.0.97\"], "
         "\"nve\": \"hv2\", \"port\": \"tap-vm\"}]}");
    must(&s, "PUT", "/v1/vms/mine", _i ? "{\"state\": \"crashed\"}"
         : "{\"state\": \"shutdown\"}");
    sim_run(s.sim, 50 * NVA_SEC);
    sim_run(s.sim, 20 * NVA_SEC);
    ck_assert(!is_known(&s, "10.0.0.99") && !is_known(&s, "fd10::63"));
    ck_assert(is_known(&s, "10.0.0.97"));
    sim_stand(s.sim, n, 0, NULL);
    must(&s, "DELETE", "/v1/vms/mine", NULL);
    stage_strike(&s);
}
END_TEST

/* K6: a session that is lost is not a host that is silent. */
START_TEST(F6_a_lost_session_withdraws_nothing)
{
    struct stage s;
    int n = set(&s, 0);

    sim_disconnect(s.sim, 2);
    sim_stand(s.sim, n, _i ? 2 : 0, "tap-vm");
    sim_run(s.sim, 600 * NVA_SEC);
    ck_assert(is_known(&s, "10.0.0.99"));
    sim_connect(s.sim, 2);
    sim_run(s.sim, 12 * NVA_SEC);
    ck_assert_int_eq(is_known(&s, "10.0.0.99"), _i);
    ck_assert_uint_eq(withdrawn(&s), _i ? 0 : 2);
    stage_strike(&s);
}
END_TEST

/* 0: nothing is asked, nothing goes; then an age again. */
START_TEST(F6_without_an_age_nothing_ages)
{
    struct stage s;
    int n = set(&s, 0);

    must(&s, "PUT", "/v1/vns/blue", "{\"age\": 0}");
    sim_stand(s.sim, n, 0, NULL);
    sim_run(s.sim, 3600 * NVA_SEC);
    ck_assert_uint_eq(asked(&s), 0);
    ck_assert(is_known(&s, "10.0.0.99"));
    must(&s, "PUT", "/v1/vns/blue", "{\"age\": 10}");
    sim_run(s.sim, 9 * NVA_SEC);
    ck_assert(is_known(&s, "10.0.0.99"));
    sim_run(s.sim, 2 * NVA_SEC);
    ck_assert(!is_known(&s, "10.0.0.99"));
    must_refuse(&s, "PUT", "/v1/vns/blue", "{\"age\": 9}", "bad_value");
    must_refuse(&s, "PUT", "/v1/vns/blue", "{\"age\": 86401}", "bad_value");
    stage_strike(&s);
}
END_TEST

/* It moves, announced, in the middle of a question: alive, elsewhere. */
START_TEST(F6_it_moves_meanwhile)
{
    struct stage s;
    int n = set(&s, 0);

    sim_run(s.sim, 19 * NVA_SEC);
    for (int i = 0; i < 200; i++) {
        sim_stand(s.sim, n, 1 + i % 3, "tap-vm");
        sim_announce(s.sim, n, i % 2 ? SIM_NA : SIM_GARP);
        sim_run(s.sim, 700 * NVA_MSEC);
    }
    ck_assert_uint_eq(withdrawn(&s), 0);
    ck_assert(is_known(&s, "10.0.0.99"));
    sim_stand(s.sim, n, 0, NULL);
    sim_run(s.sim, 80 * NVA_SEC);
    ck_assert(!is_known(&s, "10.0.0.99"));
    sim_stand(s.sim, s.vm, current_nve(&s), "tap-vm");
    stage_strike(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("ageing");

    tcase_add_loop_test(tc, F6_who_answers_stays, 0, 3);
    tcase_add_loop_test(tc, F6_who_is_silent_goes, 0, 2);
    tcase_add_test(tc, F6_what_was_given_stays);
    tcase_add_loop_test(tc, S4_who_probes_itself_is_not_asked, 0, 2);
    tcase_add_loop_test(tc, F6_what_a_vm_taught_that_is_off_goes, 0, 2);
    tcase_add_loop_test(tc, F6_a_lost_session_withdraws_nothing, 0, 2);
    tcase_add_test(tc, F6_without_an_age_nothing_ages);
    tcase_add_test(tc, F6_it_moves_meanwhile);
    return run_stories("ageing", tc);
}
