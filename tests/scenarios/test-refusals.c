/* SPDX-License-Identifier: Apache-2.0 */

/* A refusal names the other party and the value: whoever reads it knows what
 * stands in the way, and what to do. */

#include <config.h>

#include "stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

#define IF(MAC, REST) \
    "{\"interfaces\": [{\"vn\": \"blue\", \"mac\": \"" MAC "\"" REST "}]}"
#define START(NVE, PORT) \
    "{\"to\": {\"nve\": \"" NVE "\", \"port\": \"" PORT "\"}}"

struct refusal {
    const char *method, *path, *json;
    const char *reason;
    const char *words[3];               /* What the answer says, too. */
};

static void
check_refusals(struct stage *s, const struct refusal *r, size_t n)
{
    for (size_t i = 0; i < n; i++, r++) {
        must_refuse(s, r->method, r->path, r->json, r->reason);
        for (size_t j = 0; j < ARRAY_SIZE(r->words) && r->words[j]; j++) {
            ck_assert_msg(strstr(sim_body(s->sim), r->words[j]) != NULL,
                          "%s %s: \"%s\" is not in %s", r->method, r->path,
                          r->words[j], sim_body(s->sim));
        }
    }
}

static void
refuse_verb(struct stage *s, int id, const char *verb, const char *reason)
{
    char path[64];

    snprintf(path, sizeof path, "/v1/moves/%d/%s", id, verb);
    must_refuse(s, "POST", path, NULL, reason);
}

/* The id of the move that the last answer shows. */
static int
shown_move(struct stage *s)
{
    const char *id = strstr(sim_body(s->sim), "\"id\":");

    ck_assert_ptr_nonnull(id);
    return atoi(id + strlen("\"id\":"));
}

START_TEST(who_has_it)
{
    static const struct refusal refusals[] = {
        { "PUT", "/v1/vns/red", "{\"vni\": 100}", "vni_taken",
          { "blue", "100" } },
        { "PUT", "/v1/vns/blue", "{\"vni\": 7}", "immutable", { "100" } },
        { "PUT", "/v1/nves/hv9", "{\"dpid\": \"2\"}", "dpid_taken",
          { "hv2" } },
        { "PUT", "/v1/nves/hv1", "{\"dpid\": \"7\"}", "immutable",
          { "0000000000000001" } },
        { "PUT", "/v1/vms/x", IF("02:00:00:00:00:0b", ""), "mac_taken",
          { "VM c1", "hv1 tap-c1", "02:00:00:00:00:0b" } },
        { "PUT", "/v1/vms/x",
          IF("02:00:00:00:00:77", ", \"ips\": [\"10.0.0.12\"]"), "ip_taken",
          { "VM c2", "hv2 tap-c2", "10.0.0.12" } },
        { "PUT", "/v1/vms/x",
          IF("02:00:00:00:00:77", ", \"ips\": [\"fd10::d\"]"), "ip_taken",
          { "VM c3", "fd10::d" } },
        { "PUT", "/v1/vms/x",
          IF("02:00:00:00:00:77", ", \"allowed_macs\": "
             "[\"02:00:00:00:00:01\"]"), "mac_taken", { "VM vm" } },
        { "PUT", "/v1/vms/x",
          IF("02:00:00:00:00:77", ", \"ips\": [\"10.0.0.9\", \"10.0.0.9\"]"),
          "ip_taken", { "interface eth0" } },
        { "PUT", "/v1/vms/x",
          IF("02:00:00:00:00:77", ", \"nve\": \"hv9\", \"port\": \"p\""),
          "not_found", { "NVE", "hv9" } },
        { "DELETE", "/v1/vns/blue", NULL, "in_use", { "VM" } },
        { "DELETE", "/v1/nves/hv2", NULL, "in_use", { "hv2" } },
        { "DELETE", "/v1/nves/hv1/ports/tap-vm", NULL, "in_use",
          { "VM vm" } },
        { "DELETE", "/v1/vms/nobody", NULL, "not_found", { "nobody" } },
        { "POST", "/v1/vms/nobody/moves", START("hv1", "p"), "not_found",
          { "nobody" } },
        { "POST", "/v1/vms/vm/moves", START("hv9", "p"), "not_found",
          { "hv9" } },
        { "POST", "/v1/moves/99/abort", NULL, "not_found", { "99" } },
    };
    struct stage s;

    stage_set(&s, 0, 0);
    check_refusals(&s, refusals, ARRAY_SIZE(refusals));
    must(&s, "PUT", "/v1/vns/red", "{\"vni\": 200}");
    must_refuse(&s, "PUT", "/v1/nves/hv1/ports/tap-c1", "{\"vn\": \"red\"}",
                "port_taken");
    ck_assert(strstr(sim_body(s.sim), "network blue") != NULL);
    must_refuse(&s, "PUT", "/v1/vms/x",
                "{\"interfaces\": [{\"vn\": \"red\", \"mac\": "
                "\"02:00:00:00:00:77\", \"nve\": \"hv1\", \"port\": "
                "\"tap-c1\"}]}", "port_taken");
    ck_assert(strstr(sim_body(s.sim), "tap-c1 of hv1") != NULL);
    stage_strike(&s);
}
END_TEST

START_TEST(what_is_allowed)
{
    static const struct refusal refusals[] = {
        { "PUT", "/v1/vns/blue", "{\"binding\": \"loose\"}", "bad_value",
          { "loose", "strict, learn" } },
        { "PUT", "/v1/vns/blue", "{\"resolution\": \"\"}", "bad_value",
          { "auto, push, pull" } },
        { "PUT", "/v1/vns/blue", "{\"unknown_question\": \"ask\"}",
          "bad_value", { "flood", "drop" } },
        { "PUT", "/v1/vns/blue", "{\"port_security\": \"full\"}",
          "bad_value", { "binding strict" } },
        { "PUT", "/v1/vns/blue", "{\"age\": 3}", "bad_value",
          { "0, or 10 to 86400" } },
        { "PUT", "/v1/vns/blue", "{\"mtu\": 67}", "bad_value",
          { "0, or 68 to 65535" } },
        { "PUT", "/v1/vns/blue", "{\"redirect_timeout\": 301}", "bad_value",
          { "300" } },
        { "PUT", "/v1/vns/blue", "{\"mtu\": \"big\"}", "json_type",
          { "integer" } },
        { "PUT", "/v1/nves/hv9", "{\"dpid\": \"nonsense\"}", "bad_value",
          { "nonsense", "hexadecimal" } },
        { "PUT", "/v1/nves/hv1", "{\"tunnel_ip\": \"10.0.0\"}", "bad_value",
          { "10.0.0", "IPv4 or IPv6" } },
        { "PUT", "/v1/nves/hv1", "{\"zone\": \"a b\"}", "bad_name",
          { "characters" } },
        { "PUT", "/v1/vms/x", IF("02-00", ""), "bad_value",
          { "02-00", "MAC" } },
        { "PUT", "/v1/vms/vm", "{\"state\": \"asleep\"}", "bad_value",
          { "asleep", "running", "crashed" } },
        { "PUT", "/v1/vms/vm", "{\"connections\": \"cut\"}", "bad_value",
          { "keep, hold, reset" } },
        { "POST", "/v1/vms/vm/moves",
          "{\"kind\": \"lukewarm\", \"to\": {\"nve\": \"hv2\"}}",
          "bad_value", { "lukewarm", "hot, warm, cold" } },
    };
    struct stage s;

    stage_set(&s, 0, 0);
    check_refusals(&s, refusals, ARRAY_SIZE(refusals));
    stage_strike(&s);
}
END_TEST

START_TEST(which_move_and_what_it_lacks)
{
    struct stage s;
    int id;

    stage_set(&s, 0, 0);
    must(&s, "POST", "/v1/vms/vm/moves", START("hv2", "tap-late"));
    id = shown_move(&s);
    sim_settle(s.sim);
    must_refuse(&s, "POST", "/v1/vms/vm/moves", START("hv3", "tap-vm"),
                "move_in_progress");
    ck_assert(strstr(sim_body(s.sim), "to hv2 is prepared: activate or abort")
              != NULL);
    must_refuse(&s, "DELETE", "/v1/vms/vm", NULL, "move_in_progress");
    ck_assert(strstr(sim_body(s.sim), "to hv2 is prepared") != NULL);
    refuse_verb(&s, id, "pause", "not_ready");
    ck_assert(strstr(sim_body(s.sim), "port tap-late of hv2") != NULL);
    refuse_verb(&s, id, "activate", "not_ready");
    ck_assert(strstr(sim_body(s.sim), "port tap-late of hv2") != NULL);
    move_verb(&s, id, "abort");
    sim_settle(s.sim);
    refuse_verb(&s, id, "activate", "move_ended");
    ck_assert(strstr(sim_body(s.sim), "aborted") != NULL);

    /* One without a port. */
    must(&s, "POST", "/v1/vms/vm/moves", "{\"to\": {\"nve\": \"hv2\"}}");
    id = shown_move(&s);
    sim_settle(s.sim);
    refuse_verb(&s, id, "activate", "not_ready");
    ck_assert(strstr(sim_body(s.sim), "no port is named for interface eth0")
              != NULL);
    sim_disconnect(s.sim, 2);
    refuse_verb(&s, id, "activate", "destination_down");
    ck_assert(strstr(sim_body(s.sim), "hv2 is not connected") != NULL);
    sim_connect(s.sim, 2);
    sim_settle(s.sim);
    move_verb(&s, id, "abort");
    stage_strike(&s);
}
END_TEST

/* Too late to pause is no fault: the VM runs where it was to go. */
START_TEST(pause_after_the_switch)
{
    struct stage s;
    uint64_t p;
    int id;

    stage_set(&s, 0, 0);
    id = start_move(&s, 2);
    sim_settle(s.sim);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_settle(s.sim);
    move_verb(&s, id, "pause");
    ck_assert(strstr(sim_body(s.sim), "draining") != NULL);
    ck_assert_int_eq(current_nve(&s), 2);
    p = sim_send(s.sim, s.c[3], s.vm);
    sim_settle(s.sim);
    ck_assert_int_eq(sim_received(s.sim, p), 1);
    stage_strike(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("refusals");

    tcase_add_test(tc, who_has_it);
    tcase_add_test(tc, what_is_allowed);
    tcase_add_test(tc, which_move_and_what_it_lacks);
    tcase_add_test(tc, pause_after_the_switch);
    return run_stories("refusals", tc);
}
