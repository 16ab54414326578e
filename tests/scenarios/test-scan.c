/* SPDX-License-Identifier: Apache-2.0 */

/* The old NVE's duty after a VM has left it (D3): who stays there is asked
 * whether it is there; once, however many leave, and at leisure. */

#include <config.h>

#include "stage.h"

#include <string.h>

#include "packets.h"
#include "util.h"

enum { N = 30 };

static int vms[N];

static size_t
asked(struct stage *s)
{
    return sim_notes(s->sim, NVA_NOTE_PROBE, NVA_OK);
}

static size_t
silent(struct stage *s)
{
    return sim_notes(s->sim, NVA_NOTE_SILENT, NVA_R_NO_ANSWER);
}

/* The port of one more VM, at each NVE that it may be at. */
static void
plug(struct stage *s, const char *port)
{
    for (int nve = 1; nve <= 2; nve++) {
        char *path = xasprintf("/v1/nves/hv%d/ports/%s", nve, port);

        sim_plug(s->sim, nve, port);
        must(s, "PUT", path, "{\"vn\": \"blue\"}");
        free(path);
    }
}

/* Beside "vm", 'n' VMs at hv1, ports tap-0 to tap-N (and those at hv2). */
static void
set(struct stage *s, int n)
{
    stage_set(s, 0, 0);
    for (int i = 0; i < n; i++) {
        char *path = xasprintf("/v1/vms/more%d", i);
        char *port = xasprintf("tap-%d", i);
        const struct sim_vm vm = {
            "more", "blue", { .ea = { 2, 0, 0, 0, 1, i } },
            { 10, 0, 1, i + 1 }, { 0xfd, 0x10, [14] = 1, [15] = i + 1 },
        };

        plug(s, port);
        vms[i] = sim_vm(s->sim, &vm);
        ck_assert_int_eq(sim_apif(s->sim, "PUT", path, "{\"interfaces\": ["
                                  "{\"vn\": \"blue\", \"mac\": "
                                  "\"02:00:00:00:01:%02x\", \"ips\": "
                                  "[\"10.0.1.%d\", \"fd10::1%02x\"], "
                                  "\"nve\": \"hv1\", \"port\": \"%s\"}]"
                                  "}", i, i + 1, i + 1, port), 201);
        sim_stand(s->sim, vms[i], 1, port);
        free(path);
        free(port);
    }
    sim_settle(s->sim);
}

static void
go(struct stage *s, int nve)
{
    sim_stand(s->sim, s->vm, nve, "tap-vm");
    sim_announce(s->sim, s->vm, SIM_GARP);
    sim_settle(s->sim);
}

/* Each of those at the old NVE is asked, once, and nobody else; not before the
 * move is over and some time has gone by. */
START_TEST(D3_who_stays_is_asked)
{
    struct stage s;

    set(&s, 7);
    if (_i) {
        sim_mute(s.sim, vms[3], true);
    }
    go(&s, 2);
    sim_run(s.sim, 39 * NVA_SEC);       /* The redirect's 10, and 30. */
    ck_assert_uint_eq(asked(&s), 0);
    sim_run(s.sim, 5 * NVA_SEC);
    ck_assert_uint_eq(asked(&s), 8);    /* And c1. */
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_PROBE, NVA_R_ANSWERED_HERE),
                      _i ? 7 : 8);
    ck_assert_uint_eq(silent(&s), _i);
    sim_run(s.sim, 300 * NVA_SEC);
    ck_assert_uint_eq(asked(&s), 8);
    stage_strike(&s);
}
END_TEST

/* Who boots meanwhile is not made to refuse its address, and not silent. */
START_TEST(S4_who_probes_itself_is_not_asked)
{
    struct stage s;

    set(&s, 7);
    go(&s, 2);
    sim_run(s.sim, 39 * NVA_SEC);
    for (int i = 0; i < 10; i++) {
        sim_announce(s.sim, vms[3], _i ? SIM_DAD : SIM_PROBE);
        sim_run(s.sim, NVA_SEC / 2);
    }
    ck_assert_uint_eq(asked(&s), 8);
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_PROBE, NVA_R_ANSWERED_HERE),
                      7);
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_PROBE, NVA_R_UNCLEAR), 1);
    ck_assert_int_eq(sim_conflicts(s.sim, vms[3]), 0);
    ck_assert_uint_eq(silent(&s), 0);
    sim_run(s.sim, NVA_SEC);
    stage_strike(&s);
}
END_TEST

/* However many leave in a row, planned or not: one scan, of who is left. */
START_TEST(D3_many_leave_one_scan)
{
    struct stage s;

    set(&s, N);
    for (int i = 0; i < N - 2; i++) {
        char *port = xasprintf("tap-%d", i);

        sim_stand(s.sim, vms[i], 2, port);
        free(port);
        sim_announce(s.sim, vms[i], _i ? SIM_NA : SIM_GARP);
        sim_run(s.sim, NVA_SEC);
    }
    sim_run(s.sim, 60 * NVA_SEC);
    ck_assert_uint_eq(asked(&s), 2 + 2);        /* "vm", and c1. */
    stage_strike(&s);
}
END_TEST

/* A VM that comes and goes all the time: a scan in five minutes, and no
 * more. */
START_TEST(D3_ping_pong_is_a_scan_in_five_minutes)
{
    struct stage s;

    set(&s, 7);
    must(&s, "PUT", "/v1/vns/blue", "{\"duplicate_moves\": 0}");
    for (int i = 0; i < 2200; i++) {
        go(&s, 2 - i % 2);
        sim_run(s.sim, 290 * NVA_MSEC);
    }
    ck_assert_uint_ge(asked(&s), 2 * 8);
    ck_assert_uint_le(asked(&s), 2 * 3 * 8);
    stage_strike(&s);
}
END_TEST

/* No move is held up: nothing is said to anybody before it is over. */
START_TEST(D3_not_asked_while_the_session_is_down)
{
    struct stage s;

    set(&s, 3);
    go(&s, 2);
    sim_run(s.sim, 8 * NVA_SEC);
    sim_disconnect(s.sim, 1);
    sim_run(s.sim, 90 * NVA_SEC);
    ck_assert_uint_eq(asked(&s), 0);
    sim_connect(s.sim, 1);
    sim_run(s.sim, 40 * NVA_SEC);
    ck_assert_uint_eq(asked(&s), 4);
    ck_assert_uint_eq(silent(&s), 0);
    stage_strike(&s);
}
END_TEST

/* A learned host that has gone without a word is found sooner: asked for its
 * address at once, withdrawn when its age is over. */
START_TEST(D3_F6_a_silent_host_is_asked_for_its_address)
{
    const struct sim_vm host = {
        "host", "blue", { .ea = { 2, 0, 0, 0, 0, 99 } },
        { 10, 0, 0, 99 }, { 0xfd, 0x10, [15] = 99 },
    };
    struct stage s;
    int n;

    set(&s, 0);
    must(&s, "PUT", "/v1/vns/blue", "{\"age\": 600}");
    n = sim_vm(s.sim, &host);
    plug(&s, "tap-host");
    sim_settle(s.sim);
    sim_stand(s.sim, n, 1, "tap-host");
    sim_announce(s.sim, n, SIM_GARP);
    sim_settle(s.sim);
    sim_stand(s.sim, n, 0, NULL);
    go(&s, 2);
    sim_run(s.sim, 50 * NVA_SEC);
    ck_assert_uint_eq(silent(&s), 1);
    ck_assert_uint_eq(asked(&s), 2 + 1);        /* c1, it, its address. */
    sim_run(s.sim, 600 * NVA_SEC);
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_WITHDRAWN, NVA_R_AGED), 1);
    stage_strike(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("scan");

    tcase_add_loop_test(tc, S4_who_probes_itself_is_not_asked, 0, 2);
    tcase_add_loop_test(tc, D3_who_stays_is_asked, 0, 2);
    tcase_add_loop_test(tc, D3_many_leave_one_scan, 0, 2);
    tcase_add_test(tc, D3_ping_pong_is_a_scan_in_five_minutes);
    tcase_add_test(tc, D3_not_asked_while_the_session_is_down);
    tcase_add_test(tc, D3_F6_a_silent_host_is_asked_for_its_address);
    return run_stories("scan", tc);
}
