/* SPDX-License-Identifier: Apache-2.0 */

/* An NVE is evacuated (D16, D17): its VMs move on, a few at a time, as their
 * manager goes along. */

#include <config.h>

#include "stage.h"

#include <jansson.h>
#include <string.h>

#define DRAIN "/v1/nves/hv1/drain"

/* The fake switches look at each flow in turn: with sanitizers fewer do. */
#ifdef __SANITIZE_ADDRESS__
enum { CROWD = 60, PARALLEL = 8 };
#else
enum { CROWD = 300, PARALLEL = 8 };
#endif

/* VM "mN" at hv1 port "tN"; nobody stands there. */
static void
add_one(struct stage *s, int n)
{
    char port[NVA_PORT_NAME_MAX], path[64];

    snprintf(port, sizeof port, "t%d", n);
    snprintf(path, sizeof path, "/v1/vms/m%d", n);
    sim_plug(s->sim, 1, port);
    ck_assert_int_eq(sim_apif(s->sim, "PUT", path,
                              "{\"interfaces\": [{\"vn\": \"blue\", "
                              "\"mac\": \"02:00:00:01:%02x:%02x\", "
                              "\"nve\": \"hv1\", \"port\": \"%s\"}]}",
                              n >> 8, n & 255, port), 201);
}

static json_t *
get(struct stage *s, const char *path)
{
    must(s, "GET", path, NULL);
    return json_loads(sim_body(s->sim), 0, NULL);
}

static int
number(const json_t *o, const char *key)
{
    const json_t *value = json_object_get(o, key);

    return json_is_array(value) ? (int) json_array_size(value)
                                : (int) json_integer_value(value);
}

/* What the drain of hv1 shows at 'key'. */
static int
drain_number(struct stage *s, const char *key)
{
    json_t *drain = get(s, DRAIN);
    int n = number(drain, key);

    json_decref(drain);
    return n;
}

static void
drain_is(struct stage *s, const char *state)
{
    json_t *drain = get(s, DRAIN);

    ck_assert_str_eq(json_string_value(json_object_get(drain, "state")),
                     state);
    json_decref(drain);
}

/* A VM manager's part of a move that is prepared: the port appears, is named,
 * the VM stops, goes and runs.  Returns the NVE it went to. */
static int
carry_over(struct stage *s, int id)
{
    char path[64], port[NVA_PORT_NAME_MAX];
    json_t *move;
    const char *vm;
    int to, n = -1;

    snprintf(path, sizeof path, "/v1/moves/%d", id);
    move = get(s, path);
    vm = json_string_value(json_object_get(move, "vm"));
    to = json_string_value(json_object_get(json_object_get(move, "to"),
                                           "nve"))[2] - '0';
    if (!strcmp(vm, "vm") || !strcmp(vm, "c1")) {
        n = !strcmp(vm, "vm") ? s->vm : s->c[1];
        snprintf(port, sizeof port, "tap-%s", vm);
    } else {
        snprintf(port, sizeof port, "t%s", vm + 1);
    }
    sim_plug(s->sim, to, port);
    snprintf(path, sizeof path, "/v1/vms/%s/moves", vm);
    ck_assert_int_eq(sim_apif(s->sim, "POST", path,
                              "{\"to\": {\"nve\": \"hv%d\", "
                              "\"port\": \"%s\"}}", to, port), 201);
    sim_settle(s->sim);
    sim_run(s->sim, NVA_DATAPATH_SETTLE);       /* It may be a way back. */
    move_verb(s, id, "pause");
    sim_settle(s->sim);
    if (n >= 0) {
        sim_stand(s->sim, n, to, port);
    }
    move_verb(s, id, "activate");
    json_decref(move);
    return to;
}

/* All that is under way, once.  Adds to went[NVE]. */
static void
carry_all(struct stage *s, int went[4])
{
    json_t *drain = get(s, DRAIN);
    json_t *moves = json_object_get(drain, "moves"), *id;
    size_t i;

    ck_assert_uint_le(json_array_size(moves), PARALLEL);
    json_array_foreach (moves, i, id) {
        went[carry_over(s, json_integer_value(id))]++;
    }
    json_decref(drain);
    sim_settle(s->sim);
}

START_TEST(drain_300_vms)
{
    struct stage s;
    int went[4] = { 0 }, rounds = 0, lost = 0;

    stage_set(&s, STAGE_STRICT, 0);
    for (int n = 1; n <= CROWD; n++) {
        add_one(&s, n);
    }
    sim_settle(s.sim);
    must(&s, "POST", DRAIN, "{\"to\": [\"hv2\", \"hv3\"], \"parallel\": 8}");
    sim_settle(s.sim);
    ck_assert_int_eq(drain_number(&s, "under_way"), PARALLEL);
    ck_assert_int_eq(drain_number(&s, "waiting"), CROWD + 2 - PARALLEL);
    while (drain_number(&s, "under_way")) {
        uint64_t bystander = sim_send(s.sim, s.c[2], s.c[3]);
        uint64_t moved = sim_send(s.sim, s.c[3], s.vm);

        ck_assert_int_lt(++rounds, CROWD);
        carry_all(&s, went);
        lost += sim_received(s.sim, bystander) != 1;
        lost += sim_received(s.sim, moved) != 1;
    }
    ck_assert_int_eq(lost, 0);
    drain_is(&s, "finished");
    ck_assert_int_eq(drain_number(&s, "done"), CROWD + 2);
    ck_assert_int_eq(drain_number(&s, "refused"), 0);
    /* Spread evenly: hv2 and hv3 had one VM each. */
    ck_assert_int_eq(went[2], (CROWD + 2) / 2);
    ck_assert_int_eq(went[3], (CROWD + 2) / 2);
    stage_strike(&s);
}
END_TEST

/* The VM's own word is enough where the network learns, at any port. */
START_TEST(drain_by_evidence)
{
    struct stage s;

    stage_set(&s, 0, 0);
    must(&s, "POST", DRAIN, "{\"to\": [\"hv2\"], \"parallel\": 1}");
    sim_settle(s.sim);
    ck_assert_int_eq(drain_number(&s, "under_way"), 1);
    sim_plug(s.sim, 2, "tap-c1");
    must(&s, "PUT", "/v1/nves/hv2/ports/tap-c1", "{\"vn\": \"blue\"}");
    sim_settle(s.sim);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_stand(s.sim, s.c[1], 2, "tap-c1");
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_announce(s.sim, s.c[1], SIM_RARP);
    sim_settle(s.sim);
    drain_is(&s, "finished");
    ck_assert_int_eq(drain_number(&s, "waiting"), 0);
    ck_assert_int_eq(current_nve(&s), 2);
    stage_strike(&s);
}
END_TEST

/* What its manager takes back is listed with the reason; the rest goes on; a
 * new call tries again. */
START_TEST(drain_lists_what_was_taken_back)
{
    struct stage s;
    int went[4] = { 0 }, id;

    stage_set(&s, STAGE_STRICT, 0);
    must(&s, "POST", DRAIN, "{\"to\": [\"hv2\", \"hv3\"], \"parallel\": 1}");
    sim_settle(s.sim);
    id = last_move(&s);
    move_verb(&s, id, "abort");
    sim_settle(s.sim);
    ck_assert_int_eq(drain_number(&s, "refused"), 1);
    ck_assert(strstr(sim_body(s.sim), "\"reason\":\"caller\"") != NULL);
    ck_assert_int_ne(last_move(&s), id);
    carry_all(&s, went);
    drain_is(&s, "finished");
    ck_assert_int_eq(drain_number(&s, "done"), 1);
    must(&s, "POST", DRAIN, NULL);
    sim_settle(s.sim);
    ck_assert_int_eq(drain_number(&s, "refused"), 0);
    carry_all(&s, went);
    drain_is(&s, "finished");
    ck_assert_int_eq(went[2], 1);
    ck_assert_int_eq(went[3], 1);
    stage_strike(&s);
}
END_TEST

/* A VM that nobody carries over is given up in time; one that is off moves
 * cold. */
START_TEST(drain_gives_up_in_time)
{
    struct stage s;

    stage_set(&s, STAGE_STRICT, 0);
    must(&s, "PUT", "/v1/vms/c1", "{\"state\": \"shutdown\"}");
    must(&s, "POST", DRAIN,
         "{\"to\": [\"hv2\"], \"parallel\": 2, \"timeout\": 3}");
    sim_settle(s.sim);
    ck_assert_int_eq(drain_number(&s, "under_way"), 2);
    must(&s, "GET", "/v1/moves", NULL);
    ck_assert(strstr(sim_body(s.sim), "\"kind\":\"cold\"") != NULL);
    sim_run(s.sim, 2 * NVA_SEC);
    drain_is(&s, "running");
    sim_run(s.sim, 3 * NVA_SEC);
    drain_is(&s, "finished");
    ck_assert_int_eq(drain_number(&s, "refused"), 2);
    ck_assert(strstr(sim_body(s.sim), "\"reason\":\"port_absent\"") != NULL);
    ck_assert_int_eq(current_nve(&s), 1);
    must(&s, "PUT", "/v1/vms/c1", "{\"state\": \"running\"}");
    stage_strike(&s);
}
END_TEST

START_TEST(drain_stops_and_goes_on)
{
    struct stage s;
    int went[4] = { 0 };

    stage_set(&s, STAGE_STRICT, 0);
    must_refuse(&s, "GET", DRAIN, NULL, "not_found");
    must_refuse(&s, "DELETE", DRAIN, NULL, "not_found");
    must_refuse(&s, "POST", DRAIN, "{\"to\": [\"hv1\"]}", "same_place");
    must_refuse(&s, "POST", DRAIN, "{\"to\": [\"hv2\"], \"parallel\": 65}",
                "bad_value");
    must(&s, "POST", DRAIN, "{\"to\": [\"hv2\"], \"parallel\": 1}");
    sim_settle(s.sim);
    must(&s, "DELETE", DRAIN, NULL);
    carry_all(&s, went);
    drain_is(&s, "stopped");
    ck_assert_int_eq(drain_number(&s, "waiting"), 1);
    ck_assert_int_eq(drain_number(&s, "under_way"), 0);
    must(&s, "POST", DRAIN, NULL);
    sim_settle(s.sim);
    carry_all(&s, went);
    drain_is(&s, "finished");
    ck_assert_int_eq(went[2], 2);
    stage_strike(&s);
}
END_TEST

/* No target: waited for.  What comes to the NVE meanwhile is said to, and
 * moves on. */
START_TEST(drain_waits_for_a_target)
{
    struct stage s;
    int went[4] = { 0 };

    stage_set(&s, 0, 0);
    sim_disconnect(s.sim, 2);
    sim_settle(s.sim);
    must(&s, "POST", DRAIN, "{\"to\": [\"hv2\"], \"parallel\": 8}");
    sim_settle(s.sim);
    ck_assert_int_eq(drain_number(&s, "waiting"), 2);
    ck_assert_int_eq(drain_number(&s, "under_way"), 0);

    sim_plug(s.sim, 1, "tap-c3");
    must(&s, "PUT", "/v1/nves/hv1/ports/tap-c3", "{\"vn\": \"blue\"}");
    sim_settle(s.sim);
    sim_stand(s.sim, s.c[3], 1, "tap-c3");
    sim_announce(s.sim, s.c[3], SIM_GARP);
    sim_settle(s.sim);
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_DRAIN, NVA_R_DRAINING), 1);

    sim_connect(s.sim, 2);
    sim_settle(s.sim);
    sim_run(s.sim, 20 * NVA_SEC);
    ck_assert_int_eq(drain_number(&s, "waiting"), 0);
    ck_assert_int_eq(drain_number(&s, "under_way"), 3);
    sim_plug(s.sim, 2, "tap-c3");
    must(&s, "PUT", "/v1/nves/hv2/ports/tap-c3", "{\"vn\": \"blue\"}");
    sim_settle(s.sim);
    sim_stand(s.sim, s.c[3], 2, "tap-c3");
    sim_announce(s.sim, s.c[3], SIM_GARP);
    sim_settle(s.sim);
    carry_all(&s, went);
    drain_is(&s, "finished");
    ck_assert_int_eq(drain_number(&s, "done"), 3);
    stage_strike(&s);
}
END_TEST

/* A move that somebody else has begun is left alone, and awaited. */
START_TEST(drain_awaits_the_moves_of_others)
{
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    must(&s, "POST", "/v1/vms/c1/moves",
         "{\"to\": {\"nve\": \"hv3\", \"port\": \"tap-c1\"}}");
    id = last_move(&s);
    must(&s, "POST", DRAIN, "{\"to\": [\"hv2\"]}");
    sim_settle(s.sim);
    ck_assert_int_eq(drain_number(&s, "under_way"), 2);
    ck_assert_int_eq(carry_over(&s, last_move(&s)), 2);
    sim_settle(s.sim);
    drain_is(&s, "running");
    ck_assert_int_eq(drain_number(&s, "done"), 1);
    ck_assert_int_eq(carry_over(&s, id), 3);
    sim_settle(s.sim);
    drain_is(&s, "finished");
    ck_assert_int_eq(drain_number(&s, "refused"), 0);
    stage_strike(&s);
}
END_TEST

/* D24: a drain takes no VM where its tenant may not be.  It goes where there
 * is room for both, or stays, with the rule as the reason. */
START_TEST(drain_keeps_tenants_apart)
{
    struct stage s;
    int went[4] = { 0 };

    stage_set(&s, STAGE_STRICT, 0);
    for (int n = 2; n <= 3; n++) {
        sim_stand(s.sim, s.c[n], 0, NULL);
        must(&s, "DELETE", n == 2 ? "/v1/vms/c2" : "/v1/vms/c3", NULL);
        must(&s, "DELETE", n == 2 ? "/v1/nves/hv2/ports/tap-vm"
             : "/v1/nves/hv3/ports/tap-vm", NULL);
    }
    must(&s, "PUT", "/v1/vns/blue", "{\"tenant\": \"bolt\"}");
    must(&s, "PUT", "/v1/vns/acme", "{\"vni\": 200, \"tenant\": \"acme\", "
         "\"isolation\": \"exclusive\"}");
    must(&s, "PUT", "/v1/nves/hv2/ports/tap-a", "{\"vn\": \"acme\"}");
    if (_i) {
        must(&s, "POST", DRAIN, "{\"to\": [\"hv2\"]}");
        sim_settle(s.sim);
        drain_is(&s, "finished");
        ck_assert_int_eq(drain_number(&s, "refused"), 2);
        ck_assert(strstr(sim_body(s.sim), "\"reason\":\"placement\"")
                  != NULL);
        ck_assert_int_eq(current_nve(&s), 1);
        must(&s, "POST", DRAIN, "{\"to\": [\"hv2\", \"hv3\"]}");
    } else {
        must(&s, "POST", DRAIN, "{\"to\": [\"hv2\", \"hv3\"]}");
    }
    sim_settle(s.sim);
    carry_all(&s, went);
    drain_is(&s, "finished");
    ck_assert_int_eq(drain_number(&s, "refused"), 0);
    ck_assert_int_eq(went[2], 0);
    ck_assert_int_eq(went[3], 2);
    stage_strike(&s);
}
END_TEST

/* A sticky VM, and a frozen one, stay for their own word; a drain is VM
 * management's. */
START_TEST(drain_takes_sticky_and_frozen_vms)
{
    struct stage s;
    int went[4] = { 0 };

    stage_set(&s, 0, 0);
    must(&s, "PUT", "/v1/vms/c1", "{\"sticky\": true}");
    must(&s, "PUT", "/v1/vns/blue", "{\"duplicate_moves\": 2}");
    sim_mute(s.sim, s.vm, true);
    for (int n = 2; n <= 3; n++) {
        sim_announce_at(s.sim, s.vm, SIM_GARP, n, "tap-vm");
        sim_run(s.sim, NVA_SEC);
    }
    must(&s, "GET", "/v1/vms/vm", NULL);
    ck_assert(strstr(sim_body(s.sim), "\"frozen\":true") != NULL);
    ck_assert_int_eq(current_nve(&s), 1);
    must(&s, "POST", DRAIN, "{\"to\": [\"hv2\"]}");
    sim_run(s.sim, 20 * NVA_SEC);
    ck_assert_int_eq(drain_number(&s, "under_way"), 2);
    /* Where it was not prepared, its word does not count. */
    sim_announce_at(s.sim, s.vm, SIM_GARP, 3, "tap-vm");
    sim_settle(s.sim);
    ck_assert_int_eq(current_nve(&s), 1);
    carry_all(&s, went);
    ck_assert_int_eq(went[2], 2);
    ck_assert_int_eq(current_nve(&s), 2);
    must(&s, "GET", "/v1/vms/vm", NULL);
    ck_assert(strstr(sim_body(s.sim), "\"frozen\":false") != NULL);
    sim_mute(s.sim, s.vm, false);
    stage_strike(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("drain");

    tcase_add_test(tc, drain_300_vms);
    tcase_add_test(tc, drain_by_evidence);
    tcase_add_test(tc, drain_lists_what_was_taken_back);
    tcase_add_test(tc, drain_gives_up_in_time);
    tcase_add_test(tc, drain_stops_and_goes_on);
    tcase_add_test(tc, drain_waits_for_a_target);
    tcase_add_test(tc, drain_awaits_the_moves_of_others);
    tcase_add_loop_test(tc, drain_keeps_tenants_apart, 0, 2);
    tcase_add_test(tc, drain_takes_sticky_and_frozen_vms);
    return run_stories("drain", tc);
}
