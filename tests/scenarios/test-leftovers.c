/* SPDX-License-Identifier: Apache-2.0 */

/* What a VM's place or a move brought goes with it, however that ends: the
 * ports that were bound for it (implied VAPs) above all (D16).  Each of these
 * once left one behind. */

#include <config.h>

#include "stage.h"

#include <string.h>

#include "packets.h"
#include "util.h"

static void
put_vm(struct stage *s, int nve, const char *port)
{
    char *json = xasprintf("{\"interfaces\": [{\"vn\": \"blue\", "
                           "\"mac\": \"02:00:00:00:00:01\", "
                           "\"ips\": [\"10.0.0.1\", \"fd10::1\"], "
                           "\"nve\": \"hv%d\", \"port\": \"%s\"}]}",
                           nve, port);

    must(s, "PUT", "/v1/vms/vm", json);
    free(json);
}

static bool
is_bound(struct stage *s, int nve, const char *port)
{
    const struct nva_view v = dispatch_view(sim_dispatch(s->sim),
                                            sim_now(s->sim));
    const struct nva_nve *n = directory_nve_by_dpid(v.dir, nve);

    return directory_vap_by_key(v.dir, n->id, port, false, eth_addr_zero);
}

static void
set_stage(struct stage *s)
{
    static const char *const ports[] = { "tap-a", "tap-b" };

    stage_set(s, STAGE_STRICT | STAGE_NO_SPARE, 0);
    for (int n = 1; n <= 3; n++) {
        for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
            sim_plug(s->sim, n, ports[i]);
        }
    }
    sim_settle(s->sim);
}

/* The VM is where it was put last, and only its port is bound. */
static void
ck_only(struct stage *s, int nve, const char *port)
{
    sim_settle(s->sim);
    sim_stand(s->sim, s->vm, nve, port);
    stage_run_out(s);
    for (int n = 1; n <= 3; n++) {
        ck_assert_int_eq(is_bound(s, n, "tap-a"),
                         n == nve && !strcmp(port, "tap-a"));
        ck_assert_int_eq(is_bound(s, n, "tap-b"),
                         n == nve && !strcmp(port, "tap-b"));
    }
    stage_strike(s);
}

/* It never was at hv2 for the others: no redirect begins there, so none ends
 * there; and the move that went on from there is superseded, too. */
START_TEST(a_place_left_before_the_gate)
{
    struct stage s;

    set_stage(&s);
    put_vm(&s, 2, "tap-a");
    put_vm(&s, 3, "tap-b");
    ck_assert_int_eq(sim_api(s.sim, "POST", "/v1/vms/vm/moves",
                             "{\"to\": {\"nve\": \"hv1\"}}"), 201);
    move_verb(&s, last_move(&s), "abort");
    ck_only(&s, 3, "tap-b");
}
END_TEST

/* The move goes on to the same NVE, but to another port of it. */
START_TEST(another_port_before_the_gate)
{
    struct stage s;

    set_stage(&s);
    put_vm(&s, 2, "tap-a");
    put_vm(&s, 2, "tap-b");
    ck_only(&s, 2, "tap-b");
}
END_TEST

/* The redirect at hv2 does not end there, it is taken away. */
START_TEST(back_at_another_port)
{
    struct stage s;

    set_stage(&s);
    put_vm(&s, 2, "tap-a");
    sim_settle(s.sim);
    put_vm(&s, 3, "tap-b");
    sim_settle(s.sim);
    put_vm(&s, 2, "tap-b");
    ck_only(&s, 2, "tap-b");
}
END_TEST

/* A newer planned move takes over from one that had its port already. */
START_TEST(superseded_on_the_way)
{
    struct stage s;

    set_stage(&s);
    put_vm(&s, 2, "tap-a");
    ck_assert_int_eq(sim_api(s.sim, "POST", "/v1/vms/vm/moves",
                             "{\"to\": {\"nve\": \"hv3\", "
                             "\"port\": \"tap-a\"}}"), 201);
    put_vm(&s, 1, "tap-b");
    ck_only(&s, 1, "tap-b");
}
END_TEST

/* So many NVEs in so short a time that the oldest redirects must make room. */
START_TEST(evicted_redirects)
{
    struct stage s;

    set_stage(&s);
    for (int n = 4; n <= NVA_REDIRECTS_PER_TSI_MAX + 3; n++) {
        char path[32];

        ck_assert_int_eq(sim_nve(s.sim, false), n);
        snprintf(path, sizeof path, "/v1/nves/hv%d", n);
        ck_assert_int_eq(sim_apif(s.sim, "PUT", path, "{\"dpid\": \"%d\"}",
                                  n), 201);
        sim_plug(s.sim, n, "tap-a");
    }
    sim_settle(s.sim);
    for (int n = NVA_REDIRECTS_PER_TSI_MAX + 3; n > 0; n--) {
        put_vm(&s, n, "tap-a");
        sim_settle(s.sim);
    }
    sim_run(s.sim, 20 * NVA_SEC);
    for (int n = 4; n <= NVA_REDIRECTS_PER_TSI_MAX + 3; n++) {
        ck_assert(!is_bound(&s, n, "tap-a"));
    }
    ck_only(&s, 1, "tap-a");
}
END_TEST

/* ## A port that is gone ## */

/* How hv1's port tap-a goes after the VM has left it, or before. */
enum { UNPLUGGED, REPLACED, AWAY_MEANWHILE, BOUND, FIRST, N_GOINGS };

static const char greens_vm[] = "{\"interfaces\": [{\"vn\": \"green\", "
    "\"mac\": \"02:00:00:00:00:55\", \"nve\": \"hv1\", "
    "\"port\": \"tap-a\"}]}";

/* The VM is at hv1 tap-a, which is bound for it alone. */
static void
set_green(struct stage *s)
{
    set_stage(s);
    must(s, "DELETE", "/v1/nves/hv2/ports/tap-vm", NULL);
    put_vm(s, 1, "tap-a");
    must(s, "DELETE", "/v1/nves/hv1/ports/tap-vm", NULL);
    must(s, "PUT", "/v1/vns/green", "{\"vni\": 300}");
    sim_stand(s->sim, s->vm, 1, "tap-a");
    stage_run_out(s);
}

static void
go(struct stage *s, int nve)
{
    sim_apif(s->sim, "POST", "/v1/vms/vm/moves", "{\"to\": {\"nve\": "
             "\"hv%d\", \"port\": \"tap-a\"}}", nve);
    sim_settle(s->sim);
    sim_stand(s->sim, s->vm, nve, "tap-a");
    sim_announce(s->sim, s->vm, SIM_GARP);
    sim_settle(s->sim);
    ck_assert_int_eq(current_nve(s), nve);
}

static void
tap_goes(struct stage *s, int how)
{
    if (how == BOUND) {
        must(s, "PUT", "/v1/nves/hv1/ports/tap-a", "{\"vn\": \"blue\"}");
        must_refuse(s, "DELETE", "/v1/nves/hv1/ports/tap-a", NULL, "in_use");
    } else if (how == AWAY_MEANWHILE) {
        sim_disconnect(s->sim, 1);
        sim_settle(s->sim);
    }
    if (how != FIRST) {
        sim_unplug(s->sim, 1, "tap-a");
        sim_settle(s->sim);
    }
    if (how == AWAY_MEANWHILE) {
        sim_connect(s->sim, 1);
        sim_settle(s->sim);
    } else if (how == REPLACED || how == FIRST) {
        sim_plug(s->sim, 1, "tap-a");       /* Another's, of that name. */
        sim_settle(s->sim);
    } else if (how == BOUND) {
        must(s, "DELETE", "/v1/nves/hv1/ports/tap-a", NULL);
    }
}

static size_t
n_vaps(struct stage *s, int nve)
{
    const struct nva_view v = dispatch_view(sim_dispatch(s->sim),
                                            sim_now(s->sim));

    return directory_n_vaps(v.dir, directory_nve_by_dpid(v.dir, nve)->id);
}

/* It is free, though a redirect of who has left it goes on; a new port of that
 * name is nobody's. */
START_TEST(a_port_that_is_gone_is_free)
{
    struct stage s;
    uint64_t id;

    set_green(&s);
    if (_i == FIRST) {
        sim_unplug(s.sim, 1, "tap-a");
        sim_settle(s.sim);
    }
    go(&s, 2);
    ck_assert_int_eq(n_redirect_flows(&s, 1), 1);
    if (_i != FIRST) {
        must_refuse(&s, "PUT", "/v1/vms/other", greens_vm, "port_taken");
    }
    tap_goes(&s, _i);
    ck_assert(!is_bound(&s, 1, "tap-a"));
    must(&s, "PUT", "/v1/vms/other", greens_vm);
    sim_settle(s.sim);
    ck_assert_int_eq(n_redirects(&s), 1);
    ck_assert_int_eq(n_redirect_flows(&s, 1), 1);
    id = sim_send(s.sim, s.c[3], s.vm);
    sim_settle(s.sim);
    ck_assert_int_eq(sim_received(s.sim, id), 1);
    ck_assert_int_eq(sim_api(s.sim, "GET", "/v1/nves/hv1/ports", NULL), 200);
    ck_assert_ptr_null(strchr(sim_body(s.sim), '~'));
    must(&s, "DELETE", "/v1/vms/other", NULL);
    stage_run_out(&s);
    ck_assert_uint_eq(n_vaps(&s, 1), 1);    /* c1's. */
    stage_strike(&s);
}
END_TEST

/* The VM comes back meanwhile, to a new port of that name: it is its. */
START_TEST(back_at_a_port_that_was_gone)
{
    struct stage s;

    set_green(&s);
    if (_i == FIRST) {
        sim_unplug(s.sim, 1, "tap-a");
        sim_settle(s.sim);
    }
    go(&s, 2);
    tap_goes(&s, _i);
    if (!sim_is_plugged(s.sim, 1, "tap-a")) {
        sim_plug(s.sim, 1, "tap-a");
        sim_settle(s.sim);
    }
    go(&s, 1);
    must_refuse(&s, "PUT", "/v1/vms/other", greens_vm, "port_taken");
    stage_run_out(&s);
    ck_assert_uint_eq(n_vaps(&s, 1), 2);
    stage_strike(&s);
}
END_TEST

/* As long as the VM may be there the port is its, gone or not. */
START_TEST(a_port_that_is_gone_is_not_free)
{
    struct stage s;

    set_green(&s);
    if (_i) {
        sim_apif(s.sim, "POST", "/v1/vms/vm/moves",
                 "{\"to\": {\"nve\": \"hv2\", \"port\": \"tap-a\"}}");
        sim_settle(s.sim);
    }
    sim_unplug(s.sim, 1, "tap-a");
    sim_settle(s.sim);
    must_refuse(&s, "PUT", "/v1/vms/other", greens_vm, "port_taken");
    sim_plug(s.sim, 1, "tap-a");
    sim_stand(s.sim, s.vm, 1, "tap-a");
    sim_settle(s.sim);
    must_refuse(&s, "PUT", "/v1/vms/other", greens_vm, "port_taken");
    if (_i) {
        move_verb(&s, last_move(&s), "abort");
    }
    stage_strike(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("leftovers");

    tcase_add_test(tc, a_place_left_before_the_gate);
    tcase_add_test(tc, another_port_before_the_gate);
    tcase_add_test(tc, back_at_another_port);
    tcase_add_test(tc, superseded_on_the_way);
    tcase_add_test(tc, evicted_redirects);
    tcase_add_loop_test(tc, a_port_that_is_gone_is_free, 0, N_GOINGS);
    tcase_add_loop_test(tc, back_at_a_port_that_was_gone, 0, N_GOINGS);
    tcase_add_loop_test(tc, a_port_that_is_gone_is_not_free, 0, 2);
    return run_stories("leftovers", tc);
}
