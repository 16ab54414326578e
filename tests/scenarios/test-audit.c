/* SPDX-License-Identifier: Apache-2.0 */

/* Truth against claim (D14): what NVEs and VM management say is compared with
 * the directory. */

#include <config.h>

#include "stage.h"

#include <jansson.h>
#include <string.h>

#include "pipeline.h"
#include "util.h"

#define AUDIT "/v1/audit"

static json_t *last;

/* An audit with this body; its findings are 'last'. */
static size_t
audit(struct stage *s, const char *body)
{
    json_t *answer;

    must(s, "POST", AUDIT, body);
    answer = json_loads(sim_body(s->sim), 0, NULL);
    ck_assert_str_eq(json_string_value(json_object_get(answer, "state")),
                     "done");
    json_decref(last);
    last = json_incref(json_object_get(answer, "findings"));
    json_decref(answer);
    return json_array_size(last);
}

/* True if one of the last findings is of 'kind' and its 'key' has 'text'. */
static bool
says(const char *kind, const char *key, const char *text)
{
    size_t i;
    json_t *f;

    json_array_foreach (last, i, f) {
        const char *value = json_string_value(json_object_get(f, key));

        if (!strcmp(json_string_value(json_object_get(f, "kind")), kind)
            && value && strstr(value, text)) {
            return true;
        }
    }
    return false;
}

/* The tap-vm ports of hv2 and hv3 wait for the VM, bound to blue: nothing that
 * an audit finds on the stage. */
static void
set(struct stage *s)
{
    stage_set(s, STAGE_STRICT, 0);
    ck_assert_uint_eq(audit(s, NULL), 0);
}

static void
strike(struct stage *s)
{
    json_decref(last);
    last = NULL;
    stage_strike(s);
}

static nva_id
vm_tsi(struct stage *s)
{
    struct nva_view v = dispatch_view(sim_dispatch(s->sim), sim_now(s->sim));
    const struct eth_addr mac = { .ea = { 2, 0, 0, 0, 0, 1 } };

    return directory_tsi_by_mac(v.dir, directory_vn_by_name(v.dir, "blue")->id,
                                mac)->id;
}

START_TEST(D14_a_flow_removed_behind_our_back)
{
    struct nva_owner owner = { NVA_OWNER_TSI, NVA_ID_NONE };
    size_t mods;
    struct stage s;

    set(&s);
    owner.id = vm_tsi(&s);
    mods = fake_switch_n_mods(sim_switch(s.sim, 1));
    fake_switch_lose(sim_switch(s.sim, 1), pipeline_cookie(owner));
    ck_assert_uint_eq(audit(&s, NULL), 1);
    ck_assert(says("flow_missing", "object", "nve hv1: tsi of vm vm eth0"));
    ck_assert(says("flow_missing", "nve", "hv1"));
    ck_assert(says("flow_missing", "directory", "actions="));
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_AUDIT, NVA_R_CONTRADICTION),
                      1);
    /* Looking mends nothing. */
    ck_assert_uint_eq(fake_switch_n_mods(sim_switch(s.sim, 1)), mods);
    ck_assert_uint_eq(audit(&s, "{\"repair\": true}"), 1);
    ck_assert(strstr(sim_body(s.sim), "\"repaired\":1") != NULL);
    sim_settle(s.sim);
    ck_assert_uint_eq(audit(&s, NULL), 0);
    strike(&s);
}
END_TEST

START_TEST(D14_flows_that_should_not_be_there)
{
    const struct nva_owner gone = { NVA_OWNER_VAP, 12345 };
    struct stage s;

    set(&s);
    fake_switch_plant(sim_switch(s.sim, 2), 0x77);
    ck_assert_uint_eq(audit(&s, NULL), 1);
    ck_assert(says("flow_foreign", "object", "nve hv2"));
    fake_switch_lose(sim_switch(s.sim, 2), 0x77);

    fake_switch_plant(sim_switch(s.sim, 3), pipeline_cookie(gone));
    ck_assert_uint_eq(audit(&s, "{\"repair\": true}"), 1);
    ck_assert(says("flow_extra", "nve", "hv3"));
    sim_settle(s.sim);
    ck_assert_uint_eq(audit(&s, NULL), 0);
    strike(&s);
}
END_TEST

START_TEST(D14_the_manager_says_another_place)
{
    struct stage s;

    set(&s);
    ck_assert_uint_eq(audit(&s,
        "{\"inventory\": {\"vms\": ["
        "{\"name\": \"vm\", \"interfaces\": [{\"vn\": \"blue\", "
        "\"mac\": \"02:00:00:00:00:01\", \"nve\": \"hv3\"}]},"
        "{\"name\": \"c1\"}, {\"name\": \"c2\", \"interfaces\": "
        "[{\"mac\": \"02:00:00:00:00:0c\"}]},"
        "{\"name\": \"ghost\"}]}}"), 4);
    ck_assert(says("if_place", "object", "vm vm eth0"));
    ck_assert(says("if_place", "directory", "hv1 tap-vm"));
    ck_assert(says("if_place", "other", "hv3"));
    ck_assert(says("vm_unknown", "object", "vm ghost"));
    ck_assert(says("vm_unlisted", "object", "vm c3"));
    ck_assert(says("if_unlisted", "object", "vm c1 eth0"));

    /* What the API shows is an inventory that agrees. */
    must(&s, "GET", "/v1/vms", NULL);
    char *body = xasprintf("{\"inventory\": %s}", sim_body(s.sim));
    ck_assert_uint_eq(audit(&s, body), 0);
    free(body);
    strike(&s);
}
END_TEST

START_TEST(D14_ports)
{
    struct stage s;

    set(&s);
    sim_unplug(s.sim, 2, "tap-c2");
    sim_plug(s.sim, 3, "eth7");
    sim_unplug(s.sim, 3, "tap-vm");
    sim_settle(s.sim);
    ck_assert_uint_eq(audit(&s, NULL), 3);
    ck_assert(says("port_absent", "object", "vm c2 eth0"));
    ck_assert(says("port_unclaimed", "object", "nve hv3: port eth7"));
    ck_assert(says("vap_absent", "object", "nve hv3: port tap-vm"));
    json_decref(last);
    last = NULL;
    sim_destroy(s.sim);
}
END_TEST

START_TEST(D14_an_nve_that_is_away_or_comes_back)
{
    struct stage s;

    set(&s);
    sim_disconnect(s.sim, 2);
    sim_settle(s.sim);
    ck_assert_uint_eq(audit(&s, NULL), 1);
    ck_assert(says("nve_silent", "object", "nve hv2"));
    sim_connect(s.sim, 2);
    sim_settle(s.sim);
    ck_assert_uint_eq(audit(&s, NULL), 0);
    strike(&s);
}
END_TEST

/* An audit in the middle of moves finds nothing and is in nobody's way; nor
 * does it when redirects run out meanwhile. */
START_TEST(D14_an_audit_in_the_middle_of_a_move)
{
    struct stage s;
    int id;

    set(&s);
    sim_slow(s.sim, 3, 300 * NVA_MSEC);
    id = start_move(&s, 2);
    sim_settle(s.sim);
    ck_assert_uint_eq(audit(&s, NULL), 0);
    move_verb(&s, id, "pause");
    sim_settle(s.sim);
    sim_still(s.sim, s.vm);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    move_verb(&s, id, "activate");
    ck_assert_uint_eq(audit(&s, NULL), 0);
    for (int i = 0; i < 12; i++) {
        ck_assert_uint_eq(audit(&s, NULL), 0);
        sim_run(s.sim, NVA_SEC);
    }
    ck_assert_str_eq(move_state(&s, id), "done");
    strike(&s);
}
END_TEST

/* Nor one that begins when a redirect, or what an NVE pulled, is about to end:
 * switches count whole seconds, from when they heard of it. */
START_TEST(D14_an_audit_at_the_end_of_a_timer)
{
    const struct api_audit wanted = { .repair = false };
    struct stage s;
    bool goes_on;

    stage_set(&s, _i ? STAGE_PULL : 0, 0);
    must(&s, "PUT", "/v1/vns/blue",
         "{\"redirect_timeout\": 1, \"lifetime\": 2}");
    sim_slow(s.sim, 1, 300 * NVA_MSEC);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_run(s.sim, 400 * NVA_MSEC);
    sim_slow(s.sim, 1, 0);
    for (int i = 0; i < 300; i++) {
        struct dispatch *d = sim_dispatch(s.sim);

        ck_assert(!dispatch_audit(d, &wanted, sim_now(s.sim)));
        do {
            sim_run(s.sim, 10 * NVA_MSEC);
            dispatch_last_audit(d, &goes_on);
        } while (goes_on);
        ck_assert_uint_eq(dispatch_last_audit(d, &goes_on)->findings.n, 0);
    }
    ck_assert_str_eq(move_state(&s, last_move(&s)), "done");
    strike(&s);
}
END_TEST

START_TEST(D14_periodic_and_one_at_a_time)
{
    const struct api_audit wanted = { .repair = false };
    struct nva_owner owner = { NVA_OWNER_TSI, NVA_ID_NONE };
    struct stage s;
    bool goes_on;

    set(&s);
    owner.id = vm_tsi(&s);
    fake_switch_lose(sim_switch(s.sim, 3), pipeline_cookie(owner));
    dispatch_audit_every(sim_dispatch(s.sim), 10 * NVA_SEC, sim_now(s.sim));
    sim_run(s.sim, 9 * NVA_SEC);
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_AUDIT, NVA_R_CONTRADICTION),
                      0);
    sim_run(s.sim, 15 * NVA_SEC);
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_AUDIT, NVA_R_CONTRADICTION),
                      2);
    dispatch_audit_every(sim_dispatch(s.sim), 0, sim_now(s.sim));

    ck_assert_int_eq(dispatch_audit(sim_dispatch(s.sim), &wanted,
                                    sim_now(s.sim)), NVA_OK);
    ck_assert_int_eq(dispatch_audit(sim_dispatch(s.sim), &wanted,
                                    sim_now(s.sim)), NVA_R_AUDIT_RUNNING);
    must(&s, "GET", AUDIT, NULL);
    ck_assert(strstr(sim_body(s.sim), "\"running\"") != NULL);
    sim_run(s.sim, NVA_SEC);
    dispatch_last_audit(sim_dispatch(s.sim), &goes_on);
    ck_assert(!goes_on);
    audit(&s, "{\"repair\": true}");
    sim_settle(s.sim);
    strike(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("audit");

    tcase_add_test(tc, D14_a_flow_removed_behind_our_back);
    tcase_add_test(tc, D14_flows_that_should_not_be_there);
    tcase_add_test(tc, D14_the_manager_says_another_place);
    tcase_add_test(tc, D14_ports);
    tcase_add_test(tc, D14_an_nve_that_is_away_or_comes_back);
    tcase_add_test(tc, D14_an_audit_in_the_middle_of_a_move);
    tcase_add_loop_test(tc, D14_an_audit_at_the_end_of_a_timer, 0, 2);
    tcase_add_test(tc, D14_periodic_and_one_at_a_time);
    return run_stories("audit", tc);
}
