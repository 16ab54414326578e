/* SPDX-License-Identifier: Apache-2.0 */

/* A VM moves as one, its interfaces switch one by one (D1). */

#include <config.h>

#include "stage.h"

#include <string.h>

#include "util.h"

/* The VM "pair" at hv2 with two interfaces, ports tap-p0 and tap-p1, which
 * wait at hv1, too; g[] are the sim's numbers.  The second is in 'vn': blue,
 * or green, which pulls. */
static void
put_pair(struct stage *s, const char *vn, int nve, int status)
{
    char *json = xasprintf(
        "{\"interfaces\": ["
        "{\"name\": \"eth0\", \"vn\": \"blue\", "
        "\"mac\": \"02:00:00:00:00:50\", \"ips\": [\"10.0.0.80\"], "
        "\"nve\": \"hv%d\", \"port\": \"tap-p0\"}, "
        "{\"name\": \"eth1\", \"vn\": \"%s\", "
        "\"mac\": \"02:00:00:00:00:51\", \"ips\": [\"10.0.0.81\"], "
        "\"nve\": \"hv%d\", \"port\": \"tap-p1\"}]}", nve, vn, nve);

    ck_assert_int_eq(sim_api(s->sim, "PUT", "/v1/vms/pair", json), status);
    free(json);
}

static void
set_stage(struct stage *s, const char *vn, int g[2])
{
    const struct sim_vm vms[] = {
        { "pair", "blue", { .ea = { 2, 0, 0, 0, 0, 0x50 } },
          { 10, 0, 0, 80 }, { 0xfd, 0x10, [15] = 80 } },
        { "pair", vn, { .ea = { 2, 0, 0, 0, 0, 0x51 } },
          { 10, 0, 0, 81 }, { 0xfd, 0x10, [15] = 81 } },
    };

    stage_set(s, 0, 0);
    if (strcmp(vn, "blue")) {
        must(s, "PUT", "/v1/vns/green", "{\"vni\": 101, \"binding\": "
             "\"learn\", \"resolution\": \"pull\", \"lifetime\": 60}");
    }
    for (int i = 0; i < 2; i++) {
        char *port = xasprintf("tap-p%d", i);

        g[i] = sim_vm(s->sim, &vms[i]);
        for (int n = 1; n <= 2; n++) {
            char *path = xasprintf("/v1/nves/hv%d/ports/%s", n, port);

            sim_plug(s->sim, n, port);
            ck_assert_int_eq(sim_apif(s->sim, "PUT", path, "{\"vn\": \"%s\"}",
                                      i ? vn : "blue"), 201);
            free(path);
        }
        sim_stand(s->sim, g[i], 2, port);
        free(port);
    }
    put_pair(s, vn, 2, 201);
    all_well(s);
}

static int
start(struct stage *s, const char *ports)
{
    ck_assert_int_eq(sim_apif(s->sim, "POST", "/v1/vms/pair/moves",
                              "{\"to\": {\"nve\": \"hv1\", "
                              "\"ports\": {%s}}}", ports), 201);
    return last_move(s);
}

static void
stand_both(struct stage *s, const int g[2], int nve)
{
    sim_stand(s->sim, g[0], nve, "tap-p0");
    sim_stand(s->sim, g[1], nve, "tap-p1");
}

/* VM management prepares a move and then puts the VM there: the interface that
 * comes along with the first one is not moved a second time. */
START_TEST(put_where_it_was_prepared)
{
    struct stage s;
    int g[2], id;

    set_stage(&s, "blue", g);
    id = start(&s, "\"eth1\": \"tap-p1\"");
    sim_settle(s.sim);
    put_pair(&s, "blue", 1, 200);
    stand_both(&s, g, 1);
    sim_settle(s.sim);
    ck_assert_int_eq(n_redirects(&s), 2);
    ck_assert_int_eq(n_redirect_flows(&s, 2), 2);
    ck_assert_str_eq(move_state(&s, id), "draining");
    stage_strike(&s);
}
END_TEST

/* One interface is at the destination already and no other port is named for
 * it: it is where it is to be. */
START_TEST(one_is_there_already)
{
    struct stage s;
    int g[2], id;

    set_stage(&s, "blue", g);
    sim_stand(s.sim, g[1], 1, "tap-p1");
    sim_announce(s.sim, g[1], SIM_GARP);
    sim_settle(s.sim);
    id = start(&s, "\"eth0\": \"tap-p0\"");
    sim_settle(s.sim);
    stand_both(&s, g, 1);
    sim_announce(s.sim, g[0], SIM_GARP);
    sim_settle(s.sim);
    ck_assert_str_eq(move_state(&s, id), "draining");
    stage_strike(&s);
}
END_TEST

/* The pair is at hv2; ports of hv2 are named for some of it, or for what is
 * there: the others stay where they are, and what goes nowhere is refused. */
START_TEST(D16_some_stay_where_they_are)
{
    struct stage s;
    int g[2], id;

    set_stage(&s, "blue", g);
    sim_plug(s.sim, 2, "tap-new");
    must_refuse(&s, "POST", "/v1/vms/pair/moves",
                "{\"to\": {\"nve\": \"hv2\"}}", "same_place");
    must_refuse(&s, "POST", "/v1/vms/pair/moves",
                "{\"to\": {\"nve\": \"hv2\", \"ports\": "
                "{\"eth0\": \"tap-p0\", \"eth1\": \"tap-p1\"}}}",
                "same_place");
    must(&s, "POST", "/v1/vms/pair/moves", _i
         ? "{\"to\": {\"nve\": \"hv2\", \"ports\": "
           "{\"eth0\": \"tap-p0\", \"eth1\": \"tap-new\"}}}"
         : "{\"to\": {\"nve\": \"hv2\", "
           "\"ports\": {\"eth1\": \"tap-new\"}}}");
    id = last_move(&s);
    sim_settle(s.sim);
    ck_assert(timeline_has(&s, id, "ready", "hv2"));
    move_verb(&s, id, "pause");
    sim_settle(s.sim);
    sim_stand(s.sim, g[1], 2, "tap-new");
    move_verb(&s, id, "activate");
    sim_settle(s.sim);
    ck_assert_str_eq(move_state(&s, id), "done");
    stage_strike(&s);
}
END_TEST

/* One is there already, the other's port is named later or not at all; or the
 * one that is there goes to another port, and then does not after all. */
START_TEST(D16_one_is_there_and_is_left_out)
{
    struct stage s;
    int g[2], id;

    set_stage(&s, "blue", g);
    sim_plug(s.sim, 1, "tap-new");
    sim_stand(s.sim, g[1], 1, "tap-p1");
    sim_announce(s.sim, g[1], SIM_GARP);
    sim_settle(s.sim);
    id = start(&s, _i == 2 ? "\"eth1\": \"tap-new\"" : "");
    sim_settle(s.sim);
    if (_i) {
        ck_assert_int_eq(start(&s, "\"eth0\": \"tap-p0\", "
                               "\"eth1\": \"tap-p1\""), id);
        sim_settle(s.sim);
        ck_assert(timeline_has(&s, id, "ready", "hv1"));
    }
    stand_both(&s, g, 1);
    if (_i) {
        move_verb(&s, id, "activate");
    } else {
        sim_announce(s.sim, g[0], SIM_GARP);
    }
    sim_settle(s.sim);
    ck_assert_str_eq(move_state(&s, id), "draining");
    stage_strike(&s);
}
END_TEST

/* Each goes to where the other was. */
START_TEST(D16_ports_are_swapped)
{
    struct stage s;
    int g[2], id;

    set_stage(&s, "blue", g);
    must(&s, "POST", "/v1/vms/pair/moves", "{\"to\": {\"nve\": \"hv2\", "
         "\"ports\": {\"eth0\": \"tap-p1\", \"eth1\": \"tap-p0\"}}}");
    id = last_move(&s);
    sim_settle(s.sim);
    ck_assert(timeline_has(&s, id, "ready", "hv2"));
    if (_i) {
        move_verb(&s, id, "pause");
        sim_settle(s.sim);
    }
    sim_stand(s.sim, g[0], 2, "tap-p1");
    sim_stand(s.sim, g[1], 2, "tap-p0");
    move_verb(&s, id, "activate");
    sim_settle(s.sim);
    ck_assert_str_eq(move_state(&s, id), "done");
    stage_strike(&s);
}
END_TEST

/* Paused early: each interface's packets wait, what each sends goes on, and
 * one that speaks at the destination says that the VM has stopped. */
START_TEST(D17_both_are_paused_early)
{
    uint64_t ids[40], mine[2];
    struct stage s;
    int g[2], id;
    char *path;

    set_stage(&s, _i & 1 ? "green" : "blue", g);
    id = start(&s, "\"eth0\": \"tap-p0\", \"eth1\": \"tap-p1\"");
    sim_settle(s.sim);
    path = xasprintf("/v1/moves/%d/pause", id);
    must(&s, "POST", path, "{\"early_ms\": 200}");
    free(path);
    sim_run(s.sim, 20 * NVA_MSEC);
    for (int i = 0; i < 40; i++) {
        ids[i] = sim_send(s.sim, s.c[3], g[0]);
        sim_run(s.sim, 100);
    }
    for (int i = 0; i < 2; i++) {
        mine[i] = sim_send(s.sim, g[i], i && _i & 1 ? g[1] : s.c[1]);
        sim_announce(s.sim, g[i], SIM_GARP);
    }
    sim_settle(s.sim);
    ck_assert_str_eq(move_state(&s, id), "paused");
    ck_assert_int_eq(sim_received(s.sim, mine[0]), 1);
    ck_assert_int_eq(sim_received(s.sim, ids[39]), 0);
    if (_i / 2) {
        sim_run(s.sim, 400 * NVA_MSEC);
        ck_assert_str_eq(move_state(&s, id), "prepared");
    } else {
        stand_both(&s, g, 1);
        sim_announce(s.sim, g[1], SIM_RARP);
        sim_run(s.sim, 200 * NVA_MSEC);
        ck_assert_str_eq(move_state(&s, id), "draining");
    }
    for (int i = 0; i < 40; i++) {
        ck_assert_int_eq(sim_received(s.sim, ids[i]), 1);
    }
    stage_strike(&s);
}
END_TEST

/* It speaks with one interface first: the other, whose port is named, comes
 * along. */
START_TEST(both_come_when_one_speaks)
{
    struct stage s;
    int g[2], id;

    set_stage(&s, "blue", g);
    id = start(&s, "\"eth0\": \"tap-p0\", \"eth1\": \"tap-p1\"");
    sim_settle(s.sim);
    stand_both(&s, g, 1);
    sim_announce(s.sim, g[1], SIM_RARP);
    sim_settle(s.sim);
    ck_assert_str_eq(move_state(&s, id), "draining");
    ck_assert_int_eq(n_redirect_flows(&s, 2), 2);
    stage_strike(&s);
}
END_TEST

/* One network pushes, the other pulls: the move converges in each, who asked
 * for the second interface is told, and who did not asks. */
START_TEST(B13_one_interface_is_in_a_network_that_pulls)
{
    const struct sim_vm peer = {
        "peer", "green", { .ea = { 2, 0, 0, 0, 0, 0x60 } },
        { 10, 0, 0, 96 }, { 0xfd, 0x10, [15] = 96 },
    };
    struct stage s;
    int g[2], id, p;
    uint64_t blue, green;

    set_stage(&s, "green", g);
    p = sim_vm(s.sim, &peer);
    sim_plug(s.sim, 3, "tap-peer");
    must(&s, "PUT", "/v1/vms/peer", "{\"interfaces\": [{\"vn\": \"green\", "
         "\"mac\": \"02:00:00:00:00:60\", \"nve\": \"hv3\", \"port\": "
         "\"tap-peer\"}]}");
    sim_stand(s.sim, p, 3, "tap-peer");
    sim_settle(s.sim);
    if (_i) {
        sim_send(s.sim, p, g[1]);       /* hv3 asks. */
        sim_settle(s.sim);
    }
    id = start(&s, "\"eth0\": \"tap-p0\", \"eth1\": \"tap-p1\"");
    sim_settle(s.sim);
    move_verb(&s, id, "pause");
    sim_settle(s.sim);
    sim_still(s.sim, g[0]);
    sim_still(s.sim, g[1]);
    blue = sim_send(s.sim, s.c[3], g[0]);
    green = sim_send(s.sim, p, g[1]);
    sim_settle(s.sim);
    stand_both(&s, g, 1);
    move_verb(&s, id, "activate");
    sim_settle(s.sim);
    ck_assert_int_eq(sim_received(s.sim, blue), 1);
    ck_assert_int_eq(sim_received(s.sim, green), 1);
    ck_assert_str_eq(move_state(&s, id), "draining");
    green = sim_send(s.sim, p, g[1]);
    sim_settle(s.sim);
    ck_assert_int_eq(sim_received(s.sim, green), 1);
    ck_assert_int_eq(sim_hops(s.sim, green), 1);
    stage_strike(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("interfaces");

    tcase_add_test(tc, put_where_it_was_prepared);
    tcase_add_test(tc, one_is_there_already);
    tcase_add_loop_test(tc, D16_some_stay_where_they_are, 0, 2);
    tcase_add_loop_test(tc, D16_one_is_there_and_is_left_out, 0, 3);
    tcase_add_loop_test(tc, D16_ports_are_swapped, 0, 2);
    tcase_add_loop_test(tc, D17_both_are_paused_early, 0, 4);
    tcase_add_test(tc, both_come_when_one_speaks);
    tcase_add_loop_test(tc, B13_one_interface_is_in_a_network_that_pulls, 0,
                        2);
    return run_stories("interfaces", tc);
}
