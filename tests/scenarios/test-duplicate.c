/* SPDX-License-Identifier: Apache-2.0 */

/* Two interfaces that say they have the same address (F7): the holder is
 * asked; who answers keeps it, who is silent loses it, who quarrels loses the
 * answers of the NVEs. */

#include <config.h>

#include "stage.h"

#include <string.h>

#include "guest-frame.h"
#include "util.h"

/* Hosts nobody told us of, both with 10.0.0.99 and fd10::63. */
static const struct sim_vm hosts[] = {
    { "first", "blue", { .ea = { 2, 0, 0, 0, 0, 0x71 } },
      { 10, 0, 0, 99 }, { 0xfd, 0x10, [15] = 99 } },
    { "second", "blue", { .ea = { 2, 0, 0, 0, 0, 0x72 } },
      { 10, 0, 0, 99 }, { 0xfd, 0x10, [15] = 99 } },
};
static int first, second;

static bool
has_it(struct stage *s, const char *mac)
{
    char *text = xasprintf("\"mac\":\"02:00:00:00:00:%s\"", mac);
    bool has = (sim_api(s->sim, "GET", "/v1/lookup?vn=blue&ip=10.0.0.99",
                        NULL) == 200
                && strstr(sim_body(s->sim), text));

    free(text);
    return has;
}

static size_t
duplicates(struct stage *s)
{
    return sim_notes(s->sim, NVA_NOTE_DUPLICATE, NVA_R_CLAIMED);
}

/* The first one is learned at hv2, the second stands at hv3. */
static void
set(struct stage *s, enum stage_flags flags, uint64_t seed)
{
    stage_set(s, flags, seed);
    first = sim_vm(s->sim, &hosts[0]);
    second = sim_vm(s->sim, &hosts[1]);
    sim_stand(s->sim, first, 2, "tap-vm");
    sim_announce(s->sim, first, SIM_GARP);
    sim_settle(s->sim);
    ck_assert(has_it(s, "71"));
    sim_stand(s->sim, second, 3, "tap-vm");
}

static void
strike(struct stage *s)
{
    sim_stand(s->sim, first, 0, NULL);
    sim_stand(s->sim, second, 0, NULL);
    stage_strike(s);
}

/* It answers at once: it keeps the address, and somebody is told. */
START_TEST(F7_who_answers_keeps_it)
{
    struct stage s;

    set(&s, 0, _i);
    sim_announce(s.sim, second, SIM_GARP);
    sim_run(s.sim, NVA_SEC);
    ck_assert(has_it(&s, "71"));
    ck_assert_uint_eq(duplicates(&s), 1);
    /* The other is known by its MAC, and has its own when it has one. */
    must(&s, "GET", "/v1/lookup?vn=blue&mac=02:00:00:00:00:72", NULL);
    ck_assert_ptr_nonnull(strstr(sim_body(s.sim), "\"ips\":[]"));
    strike(&s);
}
END_TEST

/* It is silent for 30 s, and not sooner the address is the other's. */
START_TEST(F7_who_is_silent_loses_it)
{
    struct stage s;

    set(&s, 0, _i);
    if (_i == 1) {
        sim_stand(s.sim, first, 0, NULL);
    } else {
        sim_mute(s.sim, first, true);
    }
    sim_announce(s.sim, second, SIM_GARP);
    sim_run(s.sim, 29 * NVA_SEC);
    ck_assert(has_it(&s, "71"));
    if (_i == 2) {
        /* In time. */
        sim_mute(s.sim, first, false);
        sim_announce(s.sim, first, SIM_GARP);
    }
    sim_run(s.sim, 2 * NVA_SEC);
    ck_assert(has_it(&s, _i == 2 ? "71" : "72"));
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_LEARNED, NVA_R_NO_ANSWER),
                      _i != 2);
    strike(&s);
}
END_TEST

/* True if the host with that MAC has 'ip'. */
static bool
has(struct stage *s, const char *mac, const char *ip)
{
    char *text = xasprintf("\"mac\":\"02:00:00:00:00:%s\"", mac);
    char *path = xasprintf("/v1/lookup?vn=blue&ip=%s", ip);
    bool found = (sim_api(s->sim, "GET", path, NULL) == 200
                  && strstr(sim_body(s->sim), text));

    free(path);
    free(text);
    return found;
}

/* Holds and claims: three addresses of one holder, in both families. */
static void
announce_three(struct stage *s, int vm, int extra, int nve)
{
    sim_announce_at(s->sim, vm, SIM_GARP, nve, "tap-vm");
    sim_announce_at(s->sim, vm, SIM_NA, nve, "tap-vm");
    sim_forge_at(s->sim, vm, extra, SIM_GARP, nve, "tap-vm");
    sim_run(s->sim, 100 * NVA_MSEC);
}

/* Each address that is claimed is asked for, and goes by itself. */
START_TEST(F7_each_claimed_address_is_asked_for)
{
    static const char *const ips[] = { "10.0.0.99", "fd10::63", "10.0.0.98" };
    struct sim_vm more = hosts[0];
    struct stage s;
    int extra;

    set(&s, 0, 0);
    memcpy(more.ip4, (uint8_t[]) { 10, 0, 0, 98 }, 4);
    more.mac.ea[5] = 0x79;
    extra = sim_vm(s.sim, &more);
    announce_three(&s, first, extra, 2);
    if (_i) {
        sim_mute(s.sim, first, true);
    }
    announce_three(&s, second, extra, 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert(has(&s, "71", ips[i]));
    }
    sim_run(s.sim, 31 * NVA_SEC);
    /* The sim's guests answer for their first two addresses only. */
    for (size_t i = 0; i < 3; i++) {
        ck_assert(has(&s, _i || i == 2 ? "72" : "71", ips[i]));
    }
    ck_assert_uint_eq(duplicates(&s), _i ? 0 : 2);
    strike(&s);
}
END_TEST

/* The first claimant goes, the second one gets what the holder has not. */
START_TEST(F7_of_several_claimants_one_that_is_there_gets_it)
{
    struct sim_vm other = hosts[1];
    struct stage s;
    int third;

    set(&s, 0, 0);
    other.mac.ea[5] = 0x73;
    third = sim_vm(s.sim, &other);
    sim_mute(s.sim, first, true);
    sim_announce(s.sim, second, SIM_GARP);
    sim_run(s.sim, NVA_SEC);
    if (_i) {
        /* VM management has another VM with that MAC elsewhere: what was
         * learned of it is gone. */
        must(&s, "PUT", "/v1/vms/new", "{\"interfaces\": [{\"vn\": \"blue\", "
             "\"mac\": \"02:00:00:00:00:72\", \"nve\": \"hv1\", "
             "\"port\": \"tap-vm\"}]}");
    }
    sim_announce_at(s.sim, third, SIM_GARP, 3, "tap-vm");
    sim_run(s.sim, 31 * NVA_SEC);
    ck_assert(has(&s, _i ? "73" : "72", "10.0.0.99"));
    strike(&s);
}
END_TEST

static void
set_state(struct stage *s, const char *state)
{
    must(s, "PUT", "/v1/vms/mine", state);
    sim_settle(s->sim);
}

/* The first host is a VM of VM management's in 'state' and does not answer; of
 * its addresses only what it taught is in question. */
static void
set_off(struct stage *s, const char *state)
{
    set(s, 0, 0);
    must(s, "PUT", "/v1/vms/mine", "{\"interfaces\": [{\"vn\": \"blue\", "
         "\"mac\": \"02:00:00:00:00:71\", \"nve\": \"hv2\", "
         "\"port\": \"tap-vm\"}]}");
    sim_announce(s->sim, first, SIM_GARP);
    sim_settle(s->sim);
    ck_assert(has_it(s, "71"));
    sim_mute(s->sim, first, true);
    set_state(s, state);
}

static const char *const states[] = {
    "{\"state\": \"shutdown\"}", "{\"state\": \"crashed\"}",
    "{\"state\": \"suspended\"}", "{\"state\": \"paused\"}",
};

/* A VM that does nothing loses what it taught to who claims it, whatever keeps
 * it from answering; not sooner than one that is silent, for it may only be
 * starting anew. */
START_TEST(F7_who_is_off_loses_it)
{
    bool off = _i % 4 < 2;
    struct stage s;

    set_off(&s, states[_i % 4]);
    if (_i / 4 == 1) {
        sim_unplug(s.sim, 2, "tap-vm");
    } else if (_i / 4 == 2) {
        sim_disconnect(s.sim, 2);
    }
    sim_announce(s.sim, second, SIM_GARP);
    sim_run(s.sim, 29 * NVA_SEC);
    ck_assert(has_it(&s, _i / 4 == 1 && !off ? "72" : "71"));
    sim_run(s.sim, 2 * NVA_SEC);
    /* K6: behind a lost session it may be silent or not, unless it is off. */
    ck_assert(has_it(&s, _i / 4 == 2 && !off ? "71" : "72"));
    if (_i / 4 == 1) {
        sim_plug(s.sim, 2, "tap-vm");
    } else if (_i / 4 == 2) {
        sim_connect(s.sim, 2);
    }
    strike(&s);
}
END_TEST

/* It starts in time, and keeps it. */
START_TEST(F7_who_was_off_and_answers_keeps_it)
{
    struct stage s;

    set_off(&s, states[_i]);
    sim_announce(s.sim, second, SIM_GARP);
    sim_run(s.sim, 20 * NVA_SEC);
    sim_mute(s.sim, first, false);
    set_state(&s, "{\"state\": \"running\"}");
    sim_run(s.sim, 20 * NVA_SEC);
    ck_assert(has_it(&s, "71"));
    ck_assert_uint_eq(duplicates(&s), 1);
    strike(&s);
}
END_TEST

/* A cold move takes as long as it takes: what it taught goes along. */
START_TEST(F7_who_is_off_for_a_move_keeps_it)
{
    struct stage s;

    set_off(&s, "{\"state\": \"running\"}");
    must(&s, "POST", "/v1/vms/mine/moves", "{\"kind\": \"cold\", \"to\": "
         "{\"nve\": \"hv1\", \"ports\": {\"eth0\": \"tap-vm\"}}}");
    sim_settle(s.sim);
    move_verb(&s, last_move(&s), "pause");
    sim_announce(s.sim, second, SIM_GARP);
    sim_run(s.sim, 60 * NVA_SEC);
    ck_assert(has_it(&s, "71"));
    ck_assert_uint_ge(sim_notes(s.sim, NVA_NOTE_DROPPED,
                                NVA_R_MOVE_IN_PROGRESS), 1);
    move_verb(&s, last_move(&s), "abort");
    sim_settle(s.sim);
    strike(&s);
}
END_TEST

/* Its port is gone: nobody is there to be asked, and who claims the address
 * has it at once, though nobody has heard of it before. */
START_TEST(F7_who_is_unplugged_loses_it)
{
    struct stage s;

    set(&s, 0, _i);
    sim_unplug(s.sim, 2, "tap-vm");
    sim_settle(s.sim);
    ck_assert(has_it(&s, "71"));
    sim_announce(s.sim, second, SIM_GARP);
    sim_run(s.sim, NVA_SEC);
    ck_assert(has_it(&s, "72"));
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_LEARNED, NVA_R_NO_ANSWER), 1);
    sim_plug(s.sim, 2, "tap-vm");
    strike(&s);
}
END_TEST

/* D15: what VM management gave stands, asked or not. */
START_TEST(F7_what_was_given_is_never_taken)
{
    struct stage s;
    struct sim_vm liar = hosts[1];

    set(&s, 0, 0);
    memcpy(liar.ip4, (uint8_t[]) { 10, 0, 0, 13 }, 4);
    liar.ip6[15] = 13;
    liar.mac.ea[5] = 0x73;
    sim_mute(s.sim, s.c[3], true);
    for (int i = 0; i < 20; i++) {
        sim_announce_at(s.sim, sim_vm(s.sim, &liar), SIM_GARP, 2, "tap-vm");
        sim_run(s.sim, 5 * NVA_SEC);
    }
    must(&s, "GET", "/v1/lookup?vn=blue&ip=10.0.0.13", NULL);
    ck_assert_ptr_nonnull(strstr(sim_body(s.sim), "02:00:00:00:00:0d"));
    ck_assert_uint_eq(duplicates(&s), 0);
    ck_assert_uint_ge(sim_notes(s.sim, NVA_NOTE_DROPPED, NVA_R_SPOOFED), 20);
    strike(&s);
}
END_TEST

/* Row by row: who is gone defends nothing against a newcomer's probe. */
static int
probe_answers(struct stage *s, enum sim_announcement probe)
{
    int before = sim_answers(s->sim, second);

    sim_announce(s->sim, second, probe);
    sim_settle(s->sim);
    return sim_answers(s->sim, second) - before;
}

START_TEST(F7_who_is_unplugged_defends_nothing)
{
    enum sim_announcement probe = _i % 2 ? SIM_DAD : SIM_PROBE;
    struct stage s;

    set(&s, _i / 2 == 1 ? STAGE_PULL : 0, 0);
    sim_announce(s.sim, first, SIM_NA);
    sim_settle(s.sim);
    ck_assert_int_eq(probe_answers(&s, probe), 1);
    if (_i / 2 == 2) {
        sim_disconnect(s.sim, 2);       /* Who knows. */
        sim_settle(s.sim);
        ck_assert_int_eq(probe_answers(&s, probe), 1);
        sim_connect(s.sim, 2);
        sim_settle(s.sim);
    }
    sim_unplug(s.sim, 2, "tap-vm");
    sim_settle(s.sim);
    ck_assert_int_eq(probe_answers(&s, probe), 0);
    must(&s, "DELETE", "/v1/nves/hv2/ports/tap-vm", NULL);
    sim_settle(s.sim);
    ck_assert(!has_it(&s, "71"));
    must(&s, "PUT", "/v1/nves/hv2/ports/tap-vm", "{\"vn\": \"blue\"}");
    sim_plug(s.sim, 2, "tap-vm");
    strike(&s);
}
END_TEST

/* S4: a holder that boots while another claims its address is not asked; it
 * has not kept silent. */
START_TEST(S4_a_holder_that_probes_itself)
{
    struct stage s;

    set(&s, 0, 0);
    sim_announce(s.sim, first, SIM_NA);
    sim_announce(s.sim, first, _i ? SIM_DAD : SIM_PROBE);
    sim_settle(s.sim);
    sim_announce(s.sim, second, _i ? SIM_NA : SIM_GARP);
    for (int i = 0; i < 40; i++) {
        sim_run(s.sim, 900 * NVA_MSEC);
        sim_announce(s.sim, first, _i ? SIM_DAD : SIM_PROBE);
    }
    ck_assert_int_eq(sim_conflicts(s.sim, first), 0);
    ck_assert_uint_ge(sim_notes(s.sim, NVA_NOTE_PROBE, NVA_R_UNCLEAR), 1);
    ck_assert(has(&s, "71", _i ? "fd10::63" : "10.0.0.99"));
    /* It is told that it has it, so it answers again. */
    sim_run(s.sim, 5 * NVA_SEC);
    sim_announce(s.sim, second, _i ? SIM_NA : SIM_GARP);
    sim_run(s.sim, 31 * NVA_SEC);
    ck_assert_uint_ge(duplicates(&s), 1);
    ck_assert(has(&s, "71", _i ? "fd10::63" : "10.0.0.99"));
    strike(&s);
}
END_TEST

/* Who asks for 10.0.0.99, and how many answers there were. */
static int
answers(struct stage *s)
{
    /* c1 asks who has 10.0.0.99. */
    static const uint8_t question[60] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 11, 8, 6,
        0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 11, 10, 0, 0, 11,
        0, 0, 0, 0, 0, 0, 10, 0, 0, 99,
    };
    int before = sim_answers(s->sim, s->c[1]);

    sim_frame_at(s->sim, question, sizeof question, 1, "tap-c1");
    sim_settle(s->sim);
    return sim_answers(s->sim, s->c[1]) - before;
}

/* F2: at its own port a host is not told that its address is in use, whatever
 * MAC it has by now; F7: its word is heard. */
START_TEST(F2_at_its_own_port_nobody_is_answered)
{
    enum sim_announcement probe = _i ? SIM_DAD : SIM_PROBE;
    struct stage s;

    set(&s, 0, 0);
    sim_announce(s.sim, first, SIM_NA);
    sim_settle(s.sim);
    sim_stand(s.sim, first, 0, NULL);
    sim_stand(s.sim, second, 2, "tap-vm");
    ck_assert_int_eq(probe_answers(&s, probe), 0);
    sim_announce(s.sim, second, _i ? SIM_NA : SIM_GARP);
    sim_run(s.sim, 31 * NVA_SEC);
    ck_assert(has(&s, "72", _i ? "fd10::63" : "10.0.0.99"));
    strike(&s);
}
END_TEST

/* ARP or ND of the host 02:...:71 with another address than it has had. */
static void
first_says(struct stage *s, bool v6, bool announces, uint8_t last)
{
    const uint8_t ip6[16] = { 0xfd, 0x10, [15] = last };
    const uint8_t c1[16] = { 0xfd, 0x10, [15] = 11 };
    const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    struct guest_arp arp = {
        .op = 1, .sha = { 2, 0, 0, 0, 0, 0x71 }, .spa = { 10, 0, 0, last },
        .tpa = { 10, 0, 0, announces ? last : 11 },
    };
    uint8_t buf[GUEST_FRAME_SIZE];
    size_t n;

    n = (!v6 ? guest_frame_arp(buf, 0x0806, all, &arp)
         : announces ? guest_frame_na(buf, arp.sha, ip6, false)
         : guest_frame_ns(buf, arp.sha, ip6, c1));
    sim_frame_at(s->sim, buf, n, 2, "tap-vm");
    sim_settle(s->sim);
}

/* F5, D2: with unknown_question=drop a host that only asks is known by that,
 * and what it announces reaches all, once. */
START_TEST(F5_who_only_asks_is_known_all_the_same)
{
    const bool v6 = _i % 2;
    int before[3];
    struct stage s;

    stage_set(&s, _i / 2 ? STAGE_PULL : 0, 0);
    must(&s, "PUT", "/v1/vns/blue", "{\"unknown_question\": \"drop\"}");
    sim_settle(s.sim);
    first = sim_vm(s.sim, &hosts[0]);
    sim_stand(s.sim, first, 2, "tap-vm");
    sim_announce(s.sim, first, SIM_RARP);       /* Known by its MAC. */
    sim_settle(s.sim);
    ck_assert(!has(&s, "71", v6 ? "fd10::63" : "10.0.0.99"));
    first_says(&s, v6, false, 99);
    ck_assert(has(&s, "71", v6 ? "fd10::63" : "10.0.0.99"));
    first_says(&s, v6, false, 98);
    ck_assert(has(&s, "71", v6 ? "fd10::62" : "10.0.0.98"));
    /* Its first announcement of another one. */
    for (int i = 0; i < 3; i++) {
        before[i] = sim_answers(s.sim, s.c[i + 1]);
    }
    first_says(&s, v6, true, 97);
    ck_assert(has(&s, "71", v6 ? "fd10::61" : "10.0.0.97"));
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(sim_answers(s.sim, s.c[i + 1]) - before[i], 1);
    }
    sim_stand(s.sim, first, 0, NULL);
    stage_strike(&s);
}
END_TEST

/* Five conflicts: frozen; no NVE answers, the network is asked instead; by
 * hand or by its timer it thaws. */
START_TEST(F7_a_quarrel_freezes_the_address)
{
    struct stage s;

    set(&s, _i / 2 ? STAGE_PULL : 0, 0);
    ck_assert_int_eq(answers(&s), 1);
    for (int i = 0; i < 5; i++) {
        sim_announce(s.sim, second, SIM_GARP);
        sim_run(s.sim, 2 * NVA_SEC);
    }
    ck_assert_uint_eq(duplicates(&s), 5);
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_FROZEN, NVA_R_CLAIMED), 1);
    must(&s, "GET", "/v1/vms", NULL);
    ck_assert_ptr_nonnull(strstr(sim_body(s.sim),
                                 "\"frozen_ips\":[\"10.0.0.99\"]"));
    sim_announce(s.sim, second, SIM_GARP);
    sim_run(s.sim, NVA_SEC);
    ck_assert_uint_eq(duplicates(&s), 5);
    ck_assert(has_it(&s, "71"));
    ck_assert_int_eq(answers(&s), 0);
    if (_i % 2) {
        must(&s, "POST", "/v1/vms/blue%2F02:00:00:00:00:71/thaw", NULL);
        ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_THAWED, NVA_R_CALLER), 1);
    } else {
        sim_run(s.sim, 590 * NVA_SEC);
        ck_assert_int_eq(answers(&s), 0);
        sim_run(s.sim, 11 * NVA_SEC);
        ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_THAWED, NVA_R_EXPIRED),
                          1);
    }
    sim_settle(s.sim);
    ck_assert_int_eq(answers(&s), 1);
    strike(&s);
}
END_TEST

/* VM management gives a frozen address to somebody: that is the end of it. */
START_TEST(F7_vm_management_ends_a_quarrel)
{
    struct stage s;

    set(&s, 0, 0);
    for (int i = 0; i < 5; i++) {
        sim_announce(s.sim, second, SIM_GARP);
        sim_run(s.sim, 2 * NVA_SEC);
    }
    ck_assert_int_eq(answers(&s), 0);
    must(&s, "PUT", "/v1/vms/mine", "{\"interfaces\": [{\"vn\": \"blue\", "
         "\"mac\": \"02:00:00:00:00:71\", \"ips\": [\"10.0.0.99\"]}]}");
    sim_settle(s.sim);
    ck_assert_int_eq(answers(&s), 1);
    sim_announce(s.sim, second, SIM_GARP);
    sim_run(s.sim, NVA_SEC);
    ck_assert_uint_eq(duplicates(&s), 5);
    ck_assert(has_it(&s, "71"));
    strike(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("duplicate");

    tcase_add_loop_test(tc, F7_who_answers_keeps_it, 0, 3);
    tcase_add_loop_test(tc, F7_who_is_silent_loses_it, 0, 3);
    tcase_add_loop_test(tc, F7_each_claimed_address_is_asked_for, 0, 2);
    tcase_add_loop_test(tc, F7_of_several_claimants_one_that_is_there_gets_it,
                        0, 2);
    tcase_add_loop_test(tc, F7_who_is_off_loses_it, 0, 12);
    tcase_add_loop_test(tc, F7_who_was_off_and_answers_keeps_it, 0, 2);
    tcase_add_test(tc, F7_who_is_off_for_a_move_keeps_it);
    tcase_add_loop_test(tc, F7_who_is_unplugged_loses_it, 0, 3);
    tcase_add_loop_test(tc, F7_who_is_unplugged_defends_nothing, 0, 6);
    tcase_add_test(tc, F7_what_was_given_is_never_taken);
    tcase_add_loop_test(tc, F7_a_quarrel_freezes_the_address, 0, 4);
    tcase_add_test(tc, F7_vm_management_ends_a_quarrel);
    tcase_add_loop_test(tc, S4_a_holder_that_probes_itself, 0, 2);
    tcase_add_loop_test(tc, F2_at_its_own_port_nobody_is_answered, 0, 2);
    tcase_add_loop_test(tc, F5_who_only_asks_is_known_all_the_same, 0, 4);
    return run_stories("duplicate", tc);
}
