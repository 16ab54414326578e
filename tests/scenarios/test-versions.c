/* SPDX-License-Identifier: Apache-2.0 */

/* The same stories at switches that speak OpenFlow 1.3, 1.4 and 1.5, with
 * bundles and without (K1, K3, K4). */

#include <config.h>

#include "stage.h"

#include <string.h>

#include "util.h"

static const struct {
    uint8_t version;
    bool bundles;
    const char *shown;
} kinds[] = {
    { 4, true, "\"openflow\":\"1.3\",\"bundles\":true" },
    { 4, false, "\"openflow\":\"1.3\",\"bundles\":false" },
    { 5, true, "\"openflow\":\"1.4\",\"bundles\":true" },
    { 5, false, "\"openflow\":\"1.4\",\"bundles\":false" },
    { 6, true, "\"openflow\":\"1.5\",\"bundles\":true" },
    { 6, false, "\"openflow\":\"1.5\",\"bundles\":false" },
};

static void
set_kind(struct stage *s, int i)
{
    stage_set(s, STAGE_STRICT, 0);
    for (int n = 1; n <= 3; n++) {
        fake_switch_speak(sim_switch(s->sim, n), kinds[i].version,
                          kinds[i].bundles);
        sim_restart(s->sim, n, false);
    }
    sim_settle(s->sim);
    must(s, "GET", "/v1/nves/hv1", NULL);
    ck_assert_ptr_nonnull(strstr(sim_body(s->sim), kinds[i].shown));
    all_well(s);
}

START_TEST(planned_in_each_version)
{
    struct stage s;
    uint64_t paused, after;
    int id;

    set_kind(&s, _i);
    id = start_and_pause(&s, 2);
    sim_still(s.sim, s.vm);
    ck_assert_int_eq(n_redirect_flows(&s, 1), 1);
    paused = sim_send(s.sim, s.c[3], s.vm);
    sim_settle(s.sim);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    ck_assert_int_eq(sim_received(s.sim, paused), 1);
    move_verb(&s, id, "activate");
    sim_settle(s.sim);
    after = sim_send(s.sim, s.c[3], s.vm);
    sim_settle(s.sim);
    ck_assert_int_eq(sim_received(s.sim, after), 1);
    ck_assert_int_eq(sim_hops(s.sim, after), 1);
    sim_run(s.sim, 15 * NVA_SEC);
    ck_assert_str_eq(move_state(&s, id), "done");
    ck_assert_int_eq(n_redirect_flows(&s, 1), 0);
    stage_strike(&s);
}
END_TEST

/* There and back: each time flows of the same owner go and others come. */
START_TEST(announced_in_each_version)
{
    struct stage s;

    set_kind(&s, _i);
    must(&s, "PUT", "/v1/vns/blue", "{\"vni\": 100, \"binding\": \"learn\"}");
    sim_settle(s.sim);
    for (int to = 2; to >= 1; to--) {
        sim_stand(s.sim, s.vm, to, "tap-vm");
        sim_announce(s.sim, s.vm, SIM_GARP);
        sim_settle(s.sim);
        ck_assert_int_eq(published_nve(&s), to);
        all_well(&s);
    }
    stage_strike(&s);
}
END_TEST

/* K2: what is there is what was sent, in each version's own words. */
START_TEST(reconnect_in_each_version)
{
    struct stage s;
    size_t before;
    int id;

    set_kind(&s, _i);
    id = start_move(&s, 2);
    sim_settle(s.sim);
    before = fake_switch_n_mods(sim_switch(s.sim, 1));
    sim_disconnect(s.sim, 1);
    sim_connect(s.sim, 1);
    sim_settle(s.sim);
    ck_assert_uint_eq(fake_switch_n_mods(sim_switch(s.sim, 1)), before);
    all_well(&s);

    /* The same flows, read back in another version. */
    fake_switch_speak(sim_switch(s.sim, 1), kinds[_i].version == 4 ? 6 : 4,
                      !kinds[_i].bundles);
    sim_disconnect(s.sim, 1);
    sim_connect(s.sim, 1);
    sim_settle(s.sim);
    ck_assert_uint_eq(fake_switch_n_mods(sim_switch(s.sim, 1)), before);
    all_well(&s);
    move_verb(&s, id, "abort");
    stage_strike(&s);
}
END_TEST

/* An abort leaves the very flows of before, also where they go one by one. */
START_TEST(abort_in_each_version)
{
    struct stage s;
    int id;

    set_kind(&s, _i);
    remember_flows(&s);
    id = start_and_pause(&s, 2);
    move_verb(&s, id, "abort");
    sim_settle(s.sim);
    same_flows(&s);
    stage_strike(&s);
}
END_TEST

/* A fabric of all kinds at once. */
START_TEST(versions_mixed)
{
    struct stage s;

    stage_set(&s, 0, 0);
    for (int n = 1; n <= 3; n++) {
        fake_switch_speak(sim_switch(s.sim, n), kinds[2 * n - 1].version,
                          n != 2);
        sim_restart(s.sim, n, n == 3);
    }
    sim_settle(s.sim);
    all_well(&s);
    for (int to = 2; to != 1; to = 1 + to % 3) {
        sim_stand(s.sim, s.vm, to, "tap-vm");
        sim_announce(s.sim, s.vm, SIM_NA);
        sim_settle(s.sim);
        all_well(&s);
    }
    stage_strike(&s);
}
END_TEST

/* Where there are no bundles, a rejected flow is its owner's alone. */
START_TEST(rejected_without_bundles)
{
    struct stage s;

    set_kind(&s, 1);
    fake_switch_refuse_commits(sim_switch(s.sim, 3), 1);
    must(&s, "PUT", "/v1/vms/other",
         "{\"interfaces\": [{\"vn\": \"blue\","
         " \"mac\": \"02:00:00:00:00:77\", \"ips\": [\"10.0.0.77\"],"
         " \"nve\": \"hv1\", \"port\": \"tap-c1\"}]}");
    sim_settle(s.sim);
    must(&s, "GET", "/v1/nves/hv3", NULL);
    ck_assert_ptr_nonnull(strstr(sim_body(s.sim), "\"quarantined\":1"));
    must(&s, "DELETE", "/v1/vms/other", NULL);
    sim_settle(s.sim);
    must(&s, "GET", "/v1/nves/hv3", NULL);
    ck_assert_ptr_nonnull(strstr(sim_body(s.sim), "\"quarantined\":0"));
    stage_strike(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("versions");

    tcase_add_loop_test(tc, planned_in_each_version, 0, ARRAY_SIZE(kinds));
    tcase_add_loop_test(tc, announced_in_each_version, 0, ARRAY_SIZE(kinds));
    tcase_add_loop_test(tc, reconnect_in_each_version, 0, ARRAY_SIZE(kinds));
    tcase_add_loop_test(tc, abort_in_each_version, 0, ARRAY_SIZE(kinds));
    tcase_add_test(tc, versions_mixed);
    tcase_add_test(tc, rejected_without_bundles);
    return run_stories("versions", tc);
}
