/* SPDX-License-Identifier: Apache-2.0 */

/* A VM moves as one, its interfaces switch one by one (D1). */

#include <config.h>

#include "stage.h"
#include "util.h"

/* The VM "pair" at hv2 with two interfaces, ports tap-p0 and tap-p1, which
 * wait at hv1, too; g[] are the sim's numbers. */
static void
put_pair(struct stage *s, int nve, int status)
{
    char *json = xasprintf(
        "{\"interfaces\": ["
        "{\"name\": \"eth0\", \"vn\": \"blue\", "
        "\"mac\": \"02:00:00:00:00:50\", \"ips\": [\"10.0.0.80\"], "
        "\"nve\": \"hv%d\", \"port\": \"tap-p0\"}, "
        "{\"name\": \"eth1\", \"vn\": \"blue\", "
        "\"mac\": \"02:00:00:00:00:51\", \"ips\": [\"10.0.0.81\"], "
        "\"nve\": \"hv%d\", \"port\": \"tap-p1\"}]}", nve, nve);

    ck_assert_int_eq(sim_api(s->sim, "PUT", "/v1/vms/pair", json), status);
    free(json);
}

static void
set_stage(struct stage *s, int g[2])
{
    const struct sim_vm vms[] = {
        { "pair", "blue", { .ea = { 2, 0, 0, 0, 0, 0x50 } },
          { 10, 0, 0, 80 }, { 0xfd, 0x10, [15] = 80 } },
        { "pair", "blue", { .ea = { 2, 0, 0, 0, 0, 0x51 } },
          { 10, 0, 0, 81 }, { 0xfd, 0x10, [15] = 81 } },
    };

    stage_set(s, 0, 0);
    for (int i = 0; i < 2; i++) {
        char *port = xasprintf("tap-p%d", i);

        g[i] = sim_vm(s->sim, &vms[i]);
        for (int n = 1; n <= 2; n++) {
            char *path = xasprintf("/v1/nves/hv%d/ports/%s", n, port);

            sim_plug(s->sim, n, port);
            must(s, "PUT", path, "{\"vn\": \"blue\"}");
            free(path);
        }
        sim_stand(s->sim, g[i], 2, port);
        free(port);
    }
    put_pair(s, 2, 201);
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

    set_stage(&s, g);
    id = start(&s, "\"eth1\": \"tap-p1\"");
    sim_settle(s.sim);
    put_pair(&s, 1, 200);
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

    set_stage(&s, g);
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

/* It speaks with one interface first: the other, whose port is named, comes
 * along. */
START_TEST(both_come_when_one_speaks)
{
    struct stage s;
    int g[2], id;

    set_stage(&s, g);
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

int
main(void)
{
    TCase *tc = tcase_create("interfaces");

    tcase_add_test(tc, put_where_it_was_prepared);
    tcase_add_test(tc, one_is_there_already);
    tcase_add_test(tc, both_come_when_one_speaks);
    return run_stories("interfaces", tc);
}
