/* SPDX-License-Identifier: Apache-2.0 */

/* Nested guests: MACs that an interface may have behind it besides its own. */

#include <config.h>

#include "stage.h"

#include <stdio.h>
#include <string.h>

enum { NEST = 99 };             /* Last byte of its MAC and addresses. */

/* The variants of the stage. */
static const enum stage_flags stages[] = {
    0, STAGE_STRICT, STAGE_STRICT | STAGE_PULL, STAGE_PULL | STAGE_MIXED,
};

static int
nest(struct stage *s)
{
    const struct sim_vm guest = {
        "nest", "blue", { .ea = { 2, 0, 0, 0, 0, NEST } },
        { 10, 0, 0, NEST }, { 0xfd, 0x10, [15] = NEST },
    };

    return sim_vm(s->sim, &guest);
}

/* VM 'name' with MAC and addresses 'tail' may have the guest behind it, whose
 * addresses are given to it if 'ips'. */
static void
allow(struct stage *s, const char *name, int tail, bool ips)
{
    char path[32], body[256], more[64] = "";

    if (ips) {
        snprintf(more, sizeof more, ", \"10.0.0.%d\", \"fd10::%x\"", NEST,
                 NEST);
    }
    snprintf(path, sizeof path, "/v1/vms/%s", name);
    snprintf(body, sizeof body, "{\"interfaces\": [{\"ips\": [\"10.0.0.%d\", "
             "\"fd10::%x\"%s], \"allowed_macs\": "
             "[\"02:00:00:00:00:%02x\"]}]}", tail, tail, more, NEST);
    must(s, "PUT", path, body);
    sim_settle(s->sim);
}

/* The NVE where the directory has the guest; 0: nowhere. */
static int
where(struct stage *s)
{
    char path[64];
    int nve = 0;

    snprintf(path, sizeof path, "/v1/lookup?vn=blue&mac=02:00:00:00:00:%02x",
             NEST);
    if (sim_api(s->sim, "GET", path, NULL) == 200) {
        sscanf(strstr(sim_body(s->sim), "\"nve\":\"hv"), "\"nve\":\"hv%d",
               &nve);
    }
    return nve;
}

/* Each correspondent, but for the guest's own host, reaches it once. */
static void
reached(struct stage *s, int guest, int host)
{
    for (int i = 1; i <= 3; i++) {
        uint64_t p = sim_send(s->sim, s->c[i], guest);

        sim_settle(s->sim);
        ck_assert_int_eq(sim_received(s->sim, p), i == host ? 0 : 1);
    }
}

/* It is learned, and moves with its host, without a word and without loss. */
START_TEST(nested_guest_moves_with_its_host)
{
    struct stage s;
    uint64_t p[4];
    int n, id;

    stage_set(&s, stages[_i], 0);
    n = nest(&s);
    allow(&s, "vm", 1, true);
    ck_assert_int_eq(where(&s), 0);
    sim_stand(s.sim, n, 1, "tap-vm");
    sim_announce(s.sim, n, SIM_GARP);
    sim_announce(s.sim, n, SIM_NA);
    sim_settle(s.sim);
    ck_assert_int_eq(where(&s), 1);
    reached(&s, n, 0);
    all_well(&s);

    id = start_move(&s, 2);
    sim_settle(s.sim);
    move_verb(&s, id, "pause");
    sim_still(s.sim, n);
    for (int i = 1; i <= 3; i++) {
        p[i] = sim_send(s.sim, s.c[i], n);
    }
    sim_settle(s.sim);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_stand(s.sim, n, 2, "tap-vm");
    move_verb(&s, id, "activate");
    sim_settle(s.sim);
    ck_assert_int_eq(where(&s), 2);
    for (int i = 1; i <= 3; i++) {
        ck_assert_int_eq(sim_received(s.sim, p[i]), 1);
    }
    reached(&s, n, 0);
    all_well(&s);

    /* Back, announced by the host alone. */
    sim_run(s.sim, 15 * NVA_SEC);
    if (!(stages[_i] & STAGE_STRICT)) {
        sim_stand(s.sim, s.vm, 3, "tap-vm");
        sim_stand(s.sim, n, 3, "tap-vm");
        sim_announce(s.sim, s.vm, SIM_RARP);
        sim_settle(s.sim);
        ck_assert_int_eq(where(&s), 3);
        reached(&s, n, 0);
    }
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_DROPPED, NVA_R_SPOOFED), 0);
    stage_strike(&s);
}
END_TEST

/* Between two VMs that both allow it: it is where it showed itself last. */
START_TEST(nested_guest_hops)
{
    struct stage s;
    uint64_t p;
    int n;

    stage_set(&s, stages[_i], 0);
    n = nest(&s);
    allow(&s, "vm", 1, false);
    allow(&s, "c2", 12, false);
    sim_stand(s.sim, n, 1, "tap-vm");
    sim_announce(s.sim, n, SIM_RARP);
    sim_settle(s.sim);
    ck_assert_int_eq(where(&s), 1);
    reached(&s, n, 0);

    for (int i = 0; i < 3; i++) {
        const int to = i % 2 ? 1 : 2;

        sim_run(s.sim, 2 * NVA_SEC);
        sim_stand(s.sim, n, to, to == 1 ? "tap-vm" : "tap-c2");
        sim_announce(s.sim, n, SIM_RARP);
        sim_settle(s.sim);
        ck_assert_int_eq(where(&s), to);
        reached(&s, n, to == 2 ? 2 : 0);
        ck_assert_ptr_eq(sim_alarm(s.sim), NULL);
    }
    /* Data alone tells it, too; and at once back is too fast. */
    sim_run(s.sim, 2 * NVA_SEC);
    sim_stand(s.sim, n, 1, "tap-vm");
    p = sim_send(s.sim, n, s.c[3]);
    sim_settle(s.sim);
    ck_assert_int_eq(sim_received(s.sim, p), 1);
    ck_assert_int_eq(where(&s), 1);
    sim_announce_at(s.sim, n, SIM_RARP, 2, "tap-c2");
    sim_settle(s.sim);
    ck_assert_int_eq(where(&s), 1);
    ck_assert_uint_gt(sim_notes(s.sim, NVA_NOTE_DROPPED, NVA_R_UNDER_WAY), 0);
    sim_run(s.sim, 2 * NVA_SEC);
    reached(&s, n, 0);
    stage_strike(&s);
}
END_TEST

/* D15: not where nobody allows it, nor with addresses that were not given. */
START_TEST(D15_nested_guest_where_it_may_not_be)
{
    struct stage s;
    uint64_t p;
    int n, answers;

    stage_set(&s, _i ? STAGE_STRICT : 0, 0);
    n = nest(&s);
    allow(&s, "vm", 1, false);
    sim_stand(s.sim, n, 3, "tap-vm");
    sim_announce(s.sim, n, SIM_GARP);
    sim_settle(s.sim);
    ck_assert_int_eq(where(&s), 0);
    ck_assert_uint_gt(sim_notes(s.sim, NVA_NOTE_DROPPED,
                                _i ? NVA_R_STRICT_BINDING : NVA_R_SPOOFED),
                      0);

    sim_stand(s.sim, n, 1, "tap-vm");
    p = sim_send(s.sim, n, s.c[2]);
    sim_settle(s.sim);
    ck_assert_int_eq(sim_received(s.sim, p), 1);
    ck_assert_int_eq(where(&s), 1);
    /* In strict its addresses are to be the interface's. */
    answers = sim_notes(s.sim, NVA_NOTE_DROPPED, NVA_R_SPOOFED);
    sim_announce(s.sim, n, SIM_GARP);
    sim_settle(s.sim);
    ck_assert_int_eq(sim_notes(s.sim, NVA_NOTE_DROPPED, NVA_R_SPOOFED)
                     > (size_t) answers, _i == 1);

    /* Its leave ends. */
    must(&s, "PUT", "/v1/vms/vm", "{\"interfaces\": [{\"allowed_macs\": "
         "[]}]}");
    sim_settle(s.sim);
    ck_assert_int_eq(where(&s), 0);
    sim_announce(s.sim, n, SIM_RARP);
    sim_settle(s.sim);
    ck_assert_int_eq(where(&s), _i ? 0 : 1);
    sim_stand(s.sim, n, 0, NULL);
    all_well(&s);
    stage_strike(&s);
}
END_TEST

START_TEST(nested_guests_are_nobodys_own)
{
    struct stage s;
    int n;

    stage_set(&s, 0, 0);
    n = nest(&s);
    sim_stand(s.sim, n, 1, "tap-vm");
    sim_announce(s.sim, n, _i ? SIM_GARP : SIM_RARP);
    sim_settle(s.sim);
    must(&s, "GET", "/v1/vms/blue%2F02:00:00:00:00:63", NULL);

    must_refuse(&s, "PUT", "/v1/vms/vm", "{\"interfaces\": [{"
                "\"allowed_macs\": [\"02:00:00:00:00:0b\"]}]}", "mac_taken");
    must_refuse(&s, "PUT", "/v1/vms/vm", "{\"interfaces\": [{"
                "\"allowed_macs\": [\"02:00:00:00:00:01\"]}]}", "mac_taken");
    /* What was only learned yields, with the addresses that were. */
    allow(&s, "vm", 1, _i);
    must_refuse(&s, "GET", "/v1/vms/blue%2F02:00:00:00:00:63", NULL,
                "not_found");
    must_refuse(&s, "PUT", "/v1/vms/other", "{\"interfaces\": [{"
                "\"vn\": \"blue\", \"mac\": \"02:00:00:00:00:63\"}]}",
                "mac_taken");
    sim_announce(s.sim, n, _i ? SIM_GARP : SIM_RARP);
    sim_settle(s.sim);
    ck_assert_int_eq(where(&s), 1);
    must(&s, "GET", "/v1/vms/vm", NULL);
    ck_assert(strstr(sim_body(s.sim), "\"nested\":[\"02:00:00:00:00:63\"]"));
    reached(&s, n, 0);
    all_well(&s);
    stage_strike(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("nested");

    tcase_add_loop_test(tc, nested_guest_moves_with_its_host, 0,
                        sizeof stages / sizeof stages[0]);
    tcase_add_loop_test(tc, nested_guest_hops, 0,
                        sizeof stages / sizeof stages[0]);
    tcase_add_loop_test(tc, D15_nested_guest_where_it_may_not_be, 0, 2);
    tcase_add_loop_test(tc, nested_guests_are_nobodys_own, 0, 2);
    return run_stories("nested", tc);
}
