/* SPDX-License-Identifier: Apache-2.0 */

/* Tenants that do not share an NVE (D24). */

#include <config.h>

#include "stage.h"

#include <string.h>

/* A fourth NVE, empty but for the ports it has. */
static void
add_hv4(struct stage *s)
{
    ck_assert_int_eq(sim_nve(s->sim, false), 4);
    sim_plug(s->sim, 4, "tap-x");
    sim_plug(s->sim, 4, "tap-vm");
    must(s, "PUT", "/v1/nves/hv4", "{\"dpid\": \"4\"}");
    sim_settle(s->sim);
}

START_TEST(D24_no_way_onto_the_others_nve)
{
    struct stage s;

    stage_set(&s, 0, 0);
    add_hv4(&s);
    must_refuse(&s, "PUT", "/v1/vns/acme-1",
                "{\"vni\": 200, \"isolation\": \"exclusive\"}", "bad_value");
    must(&s, "PUT", "/v1/vns/acme-1",
         "{\"vni\": 200, \"tenant\": \"acme\", \"isolation\": "
         "\"exclusive\"}");
    must(&s, "PUT", "/v1/vns/acme-2", "{\"vni\": 201, \"tenant\": \"acme\"}");
    must(&s, "PUT", "/v1/vns/blue", "{\"tenant\": \"bolt\"}");
    remember_flows(&s);

    /* A port, a place. */
    must_refuse(&s, "PUT", "/v1/nves/hv1/ports/tap-a",
                "{\"vn\": \"acme-1\"}", "placement");
    ck_assert(strstr(sim_body(s.sim), "\"field\":\"vn\"") != NULL);
    ck_assert(strstr(sim_body(s.sim), "tenant acme") != NULL);
    ck_assert(strstr(sim_body(s.sim), "network blue of tenant bolt") != NULL);
    must_refuse(&s, "PUT", "/v1/vms/a",
                "{\"interfaces\": [{\"vn\": \"acme-1\", \"mac\": "
                "\"02:00:00:00:00:77\", \"nve\": \"hv1\", \"port\": "
                "\"tap-a\"}]}", "placement");
    ck_assert(strstr(sim_body(s.sim), "\"field\":\"nve\"") != NULL);
    must(&s, "PUT", "/v1/vms/a",
         "{\"interfaces\": [{\"vn\": \"acme-1\", \"mac\": "
         "\"02:00:00:00:00:77\", \"nve\": \"hv4\", \"port\": \"tap-x\"}]}");

    /* A move, with a port and without, and the tenant's own VM out. */
    must_refuse(&s, "POST", "/v1/vms/vm/moves",
                "{\"to\": {\"nve\": \"hv4\", \"port\": \"tap-vm\"}}",
                "placement");
    ck_assert(strstr(sim_body(s.sim), "\"field\":\"to.nve\"") != NULL);
    must_refuse(&s, "POST", "/v1/vms/vm/moves",
                "{\"to\": {\"nve\": \"hv4\"}}", "placement");
    must_refuse(&s, "PUT", "/v1/vms/vm",
                "{\"interfaces\": [{\"nve\": \"hv4\", \"port\": "
                "\"tap-vm\"}]}", "placement");
    must_refuse(&s, "POST", "/v1/vms/a/moves",
                "{\"to\": {\"nve\": \"hv2\", \"port\": \"tap-a\"}}",
                "placement");
    must(&s, "PUT", "/v1/nves/hv4/ports/tap-vm", "{\"vn\": \"acme-2\"}");

    /* A setting that would break it at once. */
    must_refuse(&s, "PUT", "/v1/vns/acme-2", "{\"tenant\": \"bolt\"}",
                "placement");
    ck_assert(strstr(sim_body(s.sim), "\"field\":\"tenant\"") != NULL);
    sim_settle(s.sim);
    same_flows(&s);

    /* An announcement where its network is not bound. */
    sim_announce_at(s.sim, s.vm, SIM_GARP, 4, "tap-vm");
    sim_settle(s.sim);
    ck_assert_int_eq(current_nve(&s), 1);

    /* Shared again, it may. */
    must(&s, "PUT", "/v1/vns/acme-1", "{\"isolation\": \"shared\"}");
    must(&s, "DELETE", "/v1/nves/hv4/ports/tap-vm", NULL);
    must(&s, "POST", "/v1/vms/vm/moves",
         "{\"to\": {\"nve\": \"hv4\", \"port\": \"tap-vm\"}}");
    must_refuse(&s, "PUT", "/v1/vns/acme-1", "{\"isolation\": "
                "\"exclusive\"}", "placement");
    ck_assert(strstr(sim_body(s.sim), "\"field\":\"isolation\"") != NULL);
    must(&s, "DELETE", "/v1/vms/a", NULL);
    stage_strike(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("tenants");
    tcase_add_test(tc, D24_no_way_onto_the_others_nve);
    return run_stories("tenants", tc);
}
