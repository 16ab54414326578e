/* SPDX-License-Identifier: Apache-2.0 */

/* Moves nobody announced to us (D2, D7, G3, H1, H2, I1, I2, I4, D15): the VM
 * just speaks elsewhere. */

#include <config.h>

#include "stage.h"

START_TEST(announced)
{
    struct stage s;
    uint64_t after;
    int id;

    stage_set(&s, _i % 2 ? STAGE_IPV6 : 0, 0);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_announce(s.sim, s.vm, _i);
    sim_settle(s.sim);
    ck_assert_int_eq(current_nve(&s), 2);
    ck_assert_int_eq(published_nve(&s), 2);
    ck_assert_int_eq(n_redirect_flows(&s, 1), 1);
    id = last_move(&s);
    ck_assert_str_eq(move_state(&s, id), "draining");
    ck_assert(timeline_has(&s, id, "evidence", "hv2"));
    ck_assert(timeline_has(&s, id, "gate passed", "hv2"));
    ck_assert(timeline_has(&s, id, "sent", "hv3"));
    ck_assert(timeline_has(&s, id, "confirmed", "hv3"));
    after = sim_send(s.sim, s.c[3], s.vm);
    sim_settle(s.sim);
    ck_assert_int_eq(sim_hops(s.sim, after), 1);
    sim_run(s.sim, 15 * NVA_SEC);
    ck_assert_str_eq(move_state(&s, id), "done");
    stage_strike(&s);
}
END_TEST

/* A silent VM is followed by its first frame, which is not lost. */
START_TEST(silent_vm_sends_data)
{
    struct stage s;
    uint64_t p;

    stage_set(&s, 0, 0);
    sim_stand(s.sim, s.vm, 3, "tap-vm");
    p = sim_send(s.sim, s.vm, s.c[1]);
    sim_settle(s.sim);
    ck_assert_int_eq(sim_received(s.sim, p), 1);
    ck_assert_int_eq(current_nve(&s), 3);
    stage_strike(&s);
}
END_TEST

/* H1, H4 */
START_TEST(probe_is_no_evidence)
{
    struct stage s;

    stage_set(&s, 0, 0);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_PROBE);
    sim_announce(s.sim, s.vm, SIM_DAD);
    sim_settle(s.sim);
    ck_assert_int_eq(current_nve(&s), 1);
    ck_assert_uint_gt(sim_notes(s.sim, NVA_NOTE_DROPPED, NVA_R_PROBE), 0);
    ck_assert_int_eq(sim_answers(s.sim, s.vm), 0);
    sim_stand(s.sim, s.vm, 1, "tap-vm");
    stage_strike(&s);
}
END_TEST

/* I4: the same place is a refresh. */
START_TEST(same_place_is_refresh)
{
    struct stage s;

    stage_set(&s, 0, 0);
    remember_flows(&s);
    sim_announce(s.sim, s.vm, SIM_RARP);
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_settle(s.sim);
    ck_assert_int_eq(last_move(&s), 0);
    same_flows(&s);
    stage_strike(&s);
}
END_TEST

/* QEMU says it five times: one move. */
START_TEST(five_rarps_one_move)
{
    struct stage s;
    int id;

    stage_set(&s, 0, 0);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_RARP);
    sim_run(s.sim, 50 * NVA_MSEC);
    id = last_move(&s);
    for (int i = 0; i < 4; i++) {
        sim_announce(s.sim, s.vm, SIM_RARP);
        sim_run(s.sim, 150 * NVA_MSEC);
    }
    ck_assert_int_eq(last_move(&s), id);
    stage_strike(&s);
}
END_TEST

/* D15: `strict' takes nobody's word but VM management's. */
START_TEST(strict_ignores_announcements)
{
    struct stage s;

    stage_set(&s, STAGE_STRICT, 0);
    remember_flows(&s);
    for (int i = SIM_GARP; i <= SIM_RARP; i++) {
        sim_announce_at(s.sim, s.vm, i, 2, "tap-vm");
        sim_announce_at(s.sim, s.vm, i, 2, "tap-c2");
    }
    sim_settle(s.sim);
    ck_assert_int_eq(current_nve(&s), 1);
    ck_assert_uint_gt(sim_notes(s.sim, NVA_NOTE_DROPPED,
                                NVA_R_STRICT_BINDING), 0);
    same_flows(&s);
    stage_strike(&s);
}
END_TEST

/* D15: a VM that claims another's address changes nothing. */
START_TEST(spoofed_evidence)
{
    const struct sim_vm liar = {
        "liar", "blue", { .ea = { 2, 0, 0, 0, 0, 12 } },
        { 10, 0, 0, 1 }, { 0xfd, 0x10, [15] = 1 },
    };
    struct stage s;
    int n;

    stage_set(&s, 0, 0);
    remember_flows(&s);
    n = sim_vm(s.sim, &liar);
    for (int i = SIM_GARP; i <= SIM_NA_NODE; i++) {
        sim_announce_at(s.sim, n, i, 2, "tap-c2");
    }
    sim_settle(s.sim);
    ck_assert_uint_gt(sim_notes(s.sim, NVA_NOTE_DROPPED, NVA_R_SPOOFED), 0);
    ck_assert_int_eq(current_nve(&s), 1);
    same_flows(&s);
    stage_strike(&s);
}
END_TEST

/* A host that nobody declared is learned, with its addresses, and found. */
START_TEST(unknown_host_is_learned)
{
    const struct sim_vm host = {
        "host", "blue", { .ea = { 2, 0, 0, 0, 0, 99 } },
        { 10, 0, 0, 99 }, { 0xfd, 0x10, [15] = 99 },
    };
    struct stage s;
    int n;

    stage_set(&s, 0, 0);
    n = sim_vm(s.sim, &host);
    sim_stand(s.sim, n, 2, "tap-vm");
    sim_announce(s.sim, n, SIM_GARP);
    sim_announce(s.sim, n, SIM_NA);
    sim_settle(s.sim);
    must(&s, "GET", "/v1/lookup?vn=blue&ip=fd10::63", NULL);
    must(&s, "GET", "/v1/lookup?vn=blue&ip=10.0.0.99", NULL);
    all_well(&s);
    sim_stand(s.sim, n, 3, "tap-vm");
    sim_announce(s.sim, n, SIM_RARP);
    stage_strike(&s);
}
END_TEST

/* Never across VNs: the same MAC and addresses live in two. */
START_TEST(two_vns_same_addresses)
{
    const struct sim_vm twin = {
        "twin", "red", { .ea = { 2, 0, 0, 0, 0, 1 } },
        { 10, 0, 0, 1 }, { 0xfd, 0x10, [15] = 1 },
    };
    const struct sim_vm peer = {
        "peer", "red", { .ea = { 2, 0, 0, 0, 0, 13 } },
        { 10, 0, 0, 13 }, { 0xfd, 0x10, [15] = 13 },
    };
    struct stage s;
    uint64_t b;
    int t, p;

    stage_set(&s, 0, 0);
    must(&s, "PUT", "/v1/vns/red", "{\"vni\": 200, \"binding\": \"learn\"}");
    for (int n = 1; n <= 3; n++) {
        sim_plug(s.sim, n, "tap-red");
        must(&s, "PUT", n == 1 ? "/v1/nves/hv1/ports/tap-red"
                        : n == 2 ? "/v1/nves/hv2/ports/tap-red"
                        : "/v1/nves/hv3/ports/tap-red", "{\"vn\": \"red\"}");
    }
    sim_settle(s.sim);
    t = sim_vm(s.sim, &twin);
    p = sim_vm(s.sim, &peer);
    sim_stand(s.sim, t, 1, "tap-red");
    sim_stand(s.sim, p, 3, "tap-red");
    sim_announce(s.sim, t, SIM_GARP);
    sim_announce(s.sim, p, SIM_GARP);
    all_well(&s);

    /* One twin moves; the other's packets do not follow. */
    sim_stand(s.sim, t, 2, "tap-red");
    sim_announce(s.sim, t, SIM_RARP);
    sim_settle(s.sim);
    ck_assert_int_eq(current_nve(&s), 1);
    all_well(&s);
    b = sim_broadcast(s.sim, t);
    sim_settle(s.sim);
    ck_assert_int_eq(sim_received(s.sim, b), 1);
    stage_strike(&s);
}
END_TEST

/* Two interfaces: the VM moves as one; where one speaks, the other has come,
 * too. */
START_TEST(two_interfaces)
{
    const struct sim_vm second = {
        "vm-eth1", "blue", { .ea = { 2, 0, 0, 0, 0, 2 } },
        { 10, 0, 0, 2 }, { 0xfd, 0x10, [15] = 2 },
    };
    struct stage s;
    int n, id;

    stage_set(&s, 0, 0);
    for (int i = 1; i <= 2; i++) {
        sim_plug(s.sim, i, "tap-vm2");
    }
    sim_settle(s.sim);
    n = sim_vm(s.sim, &second);
    must(&s, "PUT", "/v1/vms/vm",
         "{\"interfaces\": ["
         "{\"name\": \"eth0\", \"vn\": \"blue\", "
         "\"mac\": \"02:00:00:00:00:01\", "
         "\"ips\": [\"10.0.0.1\", \"fd10::1\"]}, "
         "{\"name\": \"eth1\", \"vn\": \"blue\", "
         "\"mac\": \"02:00:00:00:00:02\", \"ips\": [\"10.0.0.2\"], "
         "\"nve\": \"hv1\", \"port\": \"tap-vm2\"}]}");
    sim_stand(s.sim, n, 1, "tap-vm2");
    all_well(&s);

    must(&s, "POST", "/v1/vms/vm/moves",
         "{\"to\": {\"nve\": \"hv2\", \"ports\": "
         "{\"eth0\": \"tap-vm\", \"eth1\": \"tap-vm2\"}}}");
    id = last_move(&s);
    sim_settle(s.sim);
    move_verb(&s, id, "pause");
    sim_settle(s.sim);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_stand(s.sim, n, 2, "tap-vm2");
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_settle(s.sim);
    ck_assert_int_eq(current_nve(&s), 2);
    ck_assert_str_eq(move_state(&s, id), "draining");
    ck_assert_int_eq(n_redirect_flows(&s, 1), 2);
    stage_strike(&s);
}
END_TEST

/* A VM at two NVEs at once: the last evidence's place, one only. */
START_TEST(two_places_at_once)
{
    struct stage s;

    stage_set(&s, 0, 0);
    sim_announce_at(s.sim, s.vm, SIM_GARP, 2, "tap-vm");
    sim_announce_at(s.sim, s.vm, SIM_GARP, 3, "tap-vm");
    sim_settle(s.sim);
    ck_assert_int_eq(current_nve(&s), 3);
    ck_assert_int_eq(published_nve(&s), 3);
    sim_stand(s.sim, s.vm, 3, "tap-vm");
    stage_strike(&s);
}
END_TEST

/* c1 claims an address that nobody has; then VM management gives it to the VM:
 * its word counts, although c1, too, is a VM that it told us of (D15). */
START_TEST(a_claim_yields_to_vm_management)
{
    const struct sim_vm claim = {
        "claim", "blue", { .ea = { 2, 0, 0, 0, 0, 11 } }, { 10, 0, 0, 99 },
        { 0xfd, 0x10, [15] = 0x99 },
    };
    struct stage s;
    int squatter;

    stage_set(&s, 0, 0);
    squatter = sim_vm(s.sim, &claim);
    sim_announce_at(s.sim, squatter, SIM_GARP, 1, "tap-c1");
    sim_settle(s.sim);
    ck_assert_int_eq(sim_api(s.sim, "GET",
                             "/v1/lookup?vn=blue&ip=10.0.0.99", NULL), 200);
    must(&s, "PUT", "/v1/vms/vm",
         "{\"interfaces\": [{\"vn\": \"blue\", "
         "\"mac\": \"02:00:00:00:00:01\", \"ips\": [\"10.0.0.99\"]}]}");
    must(&s, "GET", "/v1/lookup?vn=blue&ip=10.0.0.99", NULL);
    ck_assert(strstr(sim_body(s.sim), "\"02:00:00:00:00:01\"") != NULL);
    /* And now it is nobody else's. */
    sim_announce_at(s.sim, squatter, SIM_GARP, 1, "tap-c1");
    sim_settle(s.sim);
    must(&s, "GET", "/v1/lookup?vn=blue&ip=10.0.0.99", NULL);
    ck_assert(strstr(sim_body(s.sim), "\"02:00:00:00:00:01\"") != NULL);
    stage_strike(&s);
}
END_TEST

/* An update that says nothing of addresses makes none of what was learned VM
 * management's word, and forgets none (D15). */
START_TEST(a_claim_stays_a_claim)
{
    const struct sim_vm claim = {
        "claim", "blue", { .ea = { 2, 0, 0, 0, 0, 11 } }, { 10, 0, 0, 99 },
        { 0xfd, 0x10, [15] = 0x99 },
    };
    struct stage s;
    int squatter;

    stage_set(&s, 0, 0);
    squatter = sim_vm(s.sim, &claim);
    sim_announce_at(s.sim, squatter, SIM_GARP, 1, "tap-c1");
    sim_settle(s.sim);
    must(&s, "PUT", "/v1/vms/c1", "{\"connections\": \"hold\"}");
    must(&s, "GET", "/v1/lookup?vn=blue&ip=10.0.0.99", NULL);
    ck_assert(strstr(sim_body(s.sim), "\"02:00:00:00:00:0b\"") != NULL);
    must(&s, "PUT", "/v1/vms/vm",
         "{\"interfaces\": [{\"vn\": \"blue\", "
         "\"mac\": \"02:00:00:00:00:01\", \"ips\": [\"10.0.0.99\"]}]}");
    must(&s, "GET", "/v1/lookup?vn=blue&ip=10.0.0.99", NULL);
    ck_assert(strstr(sim_body(s.sim), "\"02:00:00:00:00:01\"") != NULL);
    stage_strike(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("evidence");

    tcase_add_loop_test(tc, announced, 0, SIM_PROBE);
    tcase_add_test(tc, silent_vm_sends_data);
    tcase_add_test(tc, probe_is_no_evidence);
    tcase_add_test(tc, same_place_is_refresh);
    tcase_add_test(tc, five_rarps_one_move);
    tcase_add_test(tc, strict_ignores_announcements);
    tcase_add_test(tc, spoofed_evidence);
    tcase_add_test(tc, unknown_host_is_learned);
    tcase_add_test(tc, two_vns_same_addresses);
    tcase_add_test(tc, two_interfaces);
    tcase_add_test(tc, two_places_at_once);
    tcase_add_test(tc, a_claim_yields_to_vm_management);
    tcase_add_test(tc, a_claim_stays_a_claim);
    return run_stories("evidence", tc);
}
