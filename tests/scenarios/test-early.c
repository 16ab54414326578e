/* SPDX-License-Identifier: Apache-2.0 */

/* The early pause: what comes for a VM waits before it stops, so that nothing
 * is lost when it does (D17, D18). */

#include <config.h>

#include "stage.h"

#include <string.h>

#include "util.h"

enum { N = 400 };

struct early {
    struct stage s;
    int id;                             /* The move. */
    uint64_t packets[N];
    size_t n;
};

static int
pause_early(struct early *e, int msec)
{
    char *path = xasprintf("/v1/moves/%d/pause", e->id);
    int status = sim_apif(e->s.sim, "POST", path, "{\"early_ms\": %d}", msec);

    free(path);
    return status;
}

/* A move to hv2 is prepared; 'words': what becomes of its connections. */
static void
set(struct early *e, enum stage_flags flags, uint64_t seed, const char *words)
{
    char *json = xasprintf("{\"connections\": \"%s\"}", words);

    memset(e, 0, sizeof *e);
    stage_set(&e->s, flags, seed);
    must(&e->s, "PUT", "/v1/vms/vm", json);
    free(json);
    sim_settle(e->s.sim);
    e->id = start_move(&e->s, 2);
    sim_settle(e->s.sim);
}

/* 'n' packets of each correspondent in turn, 'gap' apart. */
static void
send_some(struct early *e, size_t n, nva_usec gap)
{
    for (size_t i = 0; i < n && e->n < N; i++) {
        e->packets[e->n] = sim_send(e->s.sim, e->s.c[e->n % 3 + 1], e->s.vm);
        e->n++;
        sim_run(e->s.sim, gap);
    }
}

static size_t
n_received(const struct early *e)
{
    size_t n = 0;

    for (size_t i = 0; i < e->n; i++) {
        int times = sim_received(e->s.sim, e->packets[i]);

        ck_assert_int_le(times, 1);
        n += times;
    }
    return n;
}

/* True if those from 'first' on, 'n' of them, were read in the order in which
 * their senders sent them. */
static bool
in_order(const struct early *e, size_t first, size_t n)
{
    uint64_t last[3] = { 0, 0, 0 };

    for (size_t i = first; i < first + n; i++) {
        uint64_t order = sim_order(e->s.sim, e->packets[i]);

        if (order && order < last[i % 3]) {
            return false;
        } else if (order) {
            last[i % 3] = order;
        }
    }
    return true;
}

static struct hold_stats
held(const struct early *e)
{
    struct metrics_gauges gauges;

    dispatch_gauges(sim_dispatch(e->s.sim), &gauges);
    return gauges.hold;
}

static bool
says(struct early *e, const char *text)
{
    must(&e->s, "GET", "/v1/vms/vm", NULL);
    return strstr(sim_body(e->s.sim), text) != NULL;
}

/* What the VM sends goes to all, teaches nothing, and aborts nothing. */
static void
speak(struct early *e)
{
    uint64_t ids[4];

    for (int c = 1; c <= 3; c++) {
        ids[c] = sim_send(e->s.sim, e->s.vm, e->s.c[c]);
    }
    sim_announce(e->s.sim, e->s.vm, SIM_GARP);
    sim_announce(e->s.sim, e->s.vm, SIM_NA);
    sim_settle(e->s.sim);
    for (int c = 1; c <= 3; c++) {
        ck_assert_int_eq(sim_received(e->s.sim, ids[c]), 1);
    }
    ck_assert_int_eq(current_nve(&e->s), 1);
}

static const char *const words[] = { "keep", "hold", "reset" };

/* Correspondents at the old, the new and another NVE send all the time; the VM
 * speaks on until it stops, which a second pause says, or activate, or its own
 * word at the destination.  Nothing is lost. */
START_TEST(D17_nothing_is_lost)
{
    static const enum stage_flags flags[] = {
        STAGE_STRICT, STAGE_STRICT | STAGE_MIXED, STAGE_IPV6, STAGE_PULL,
    };
    struct early e;

    set(&e, flags[_i / 9], _i / 9, words[_i % 3]);
    ck_assert_int_eq(pause_early(&e, 100), 200);
    send_some(&e, 30, 300);             /* While that is being confirmed. */
    sim_run(e.s.sim, 10 * NVA_MSEC);
    ck_assert(says(&e, "\"early\":true"));
    ck_assert_uint_eq(n_received(&e) + held(&e).packets, e.n);
    size_t before = e.n;
    for (int i = 0; i < 3; i++) {
        speak(&e);
        send_some(&e, 30, 100);
    }
    sim_settle(e.s.sim);
    ck_assert_str_eq(move_state(&e.s, e.id), "paused");
    /* From the answer on all of it waits, whoever sent it. */
    ck_assert_uint_eq(held(&e).packets, n_received(&e) == e.n ? 0
                      : e.n - n_received(&e));
    for (size_t i = before; i < e.n; i++) {
        ck_assert_int_eq(sim_received(e.s.sim, e.packets[i]), 0);
    }
    sim_still(e.s.sim, e.s.vm);
    if (_i / 3 % 3 == 0) {
        move_verb(&e.s, e.id, "pause");
        ck_assert(says(&e, "\"early\":false"));
        sim_run(e.s.sim, 3 * NVA_SEC);  /* No limit any more. */
        ck_assert_str_eq(move_state(&e.s, e.id), "paused");
    }
    sim_stand(e.s.sim, e.s.vm, 2, "tap-vm");
    if (_i / 3 % 3 == 2) {
        sim_announce(e.s.sim, e.s.vm, SIM_RARP);
    } else {
        move_verb(&e.s, e.id, "activate");
    }
    send_some(&e, 100, 50);
    sim_run(e.s.sim, 150 * NVA_MSEC);
    ck_assert_int_eq(current_nve(&e.s), 2);
    ck_assert_uint_eq(n_received(&e), e.n);
    ck_assert(in_order(&e, before, 90));
    ck_assert(timeline_has(&e.s, e.id, "paused early", NULL));
    ck_assert(timeline_has(&e.s, e.id, "released", "hv2"));
    ck_assert(says(&e, "\"held\":false"));
    stage_strike(&e.s);
}
END_TEST

/* It does not stop in time: prepared again, and what waited comes out of its
 * old port, in order, before what comes then.  A pause after that is a plain
 * one; an early one works again. */
START_TEST(D17_it_runs_on)
{
    struct early e;
    size_t first;

    set(&e, _i / 3 ? 0 : STAGE_STRICT, _i / 3, words[_i % 3]);
    remember_flows(&e.s);
    ck_assert_int_eq(pause_early(&e, 20), 200);
    sim_settle(e.s.sim);
    sim_run(e.s.sim, 8 * NVA_MSEC);
    first = e.n;
    send_some(&e, 60, 150);
    ck_assert_str_eq(move_state(&e.s, e.id), "paused");
    speak(&e);
    ck_assert_uint_eq(n_received(&e), 0);
    send_some(&e, 200, 100);
    sim_run(e.s.sim, 150 * NVA_MSEC);
    ck_assert_str_eq(move_state(&e.s, e.id), "prepared");
    ck_assert(timeline_has(&e.s, e.id, "runs on", NULL));
    ck_assert(timeline_has(&e.s, e.id, "released", "hv1"));
    ck_assert_uint_eq(n_received(&e), e.n);
    ck_assert(in_order(&e, first, 60));
    ck_assert(says(&e, "\"held\":false"));
    ck_assert(says(&e, "\"early\":false"));
    same_flows(&e.s);
    must(&e.s, "GET", "/v1/moves", NULL);
    ck_assert(strstr(sim_body(e.s.sim), "\"ready\":true") != NULL);

    if (_i % 2) {
        ck_assert_int_eq(pause_early(&e, 2000), 200);
        sim_run(e.s.sim, 20 * NVA_MSEC);
    }
    move_verb(&e.s, e.id, "pause");
    sim_settle(e.s.sim);
    sim_still(e.s.sim, e.s.vm);
    ck_assert_str_eq(move_state(&e.s, e.id), "paused");
    sim_stand(e.s.sim, e.s.vm, 2, "tap-vm");
    move_verb(&e.s, e.id, "activate");
    stage_strike(&e.s);
}
END_TEST

/* Just before its time is over, and just after. */
START_TEST(D17_stops_at_the_last_moment)
{
    struct early e;
    bool in_time = _i < 2;

    set(&e, STAGE_STRICT, 0, "keep");
    ck_assert_int_eq(pause_early(&e, _i % 2 ? 1 : 50), 200);
    for (int i = 0; !timeline_has(&e.s, e.id, "confirmed", "hv1")
         || !held(&e).held; i++) {
        ck_assert_int_lt(i, 1000);
        send_some(&e, 1, 100);
    }
    while (!strcmp(move_state(&e.s, e.id), "paused") && !in_time) {
        send_some(&e, 1, 500);
    }
    sim_still(e.s.sim, e.s.vm);
    move_verb(&e.s, e.id, "pause");
    send_some(&e, 20, 100);
    sim_settle(e.s.sim);
    ck_assert_str_eq(move_state(&e.s, e.id), "paused");
    ck_assert_int_eq(timeline_has(&e.s, e.id, "runs on", NULL), !in_time);
    sim_run(e.s.sim, 5 * NVA_SEC);
    ck_assert_str_eq(move_state(&e.s, e.id), "paused");
    sim_stand(e.s.sim, e.s.vm, 2, "tap-vm");
    move_verb(&e.s, e.id, "activate");
    sim_run(e.s.sim, 150 * NVA_MSEC);
    for (size_t i = 0; in_time && i < e.n; i++) {
        ck_assert_int_eq(sim_received(e.s.sim, e.packets[i]), 1);
    }
    stage_strike(&e.s);
}
END_TEST

/* Said again before it stopped: it may run on for longer.  Afterwards that
 * changes nothing. */
START_TEST(D17_early_said_again)
{
    struct early e;

    set(&e, 0, 0, "keep");
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(pause_early(&e, 50), 200);
        sim_run(e.s.sim, 40 * NVA_MSEC);
        ck_assert_str_eq(move_state(&e.s, e.id), "paused");
    }
    sim_still(e.s.sim, e.s.vm);
    move_verb(&e.s, e.id, "pause");
    move_verb(&e.s, e.id, "pause");
    ck_assert_int_eq(pause_early(&e, 1), 200);
    sim_run(e.s.sim, NVA_SEC);
    ck_assert_str_eq(move_state(&e.s, e.id), "paused");
    ck_assert(says(&e, "\"early\":false"));
    sim_stand(e.s.sim, e.s.vm, 2, "tap-vm");
    move_verb(&e.s, e.id, "activate");
    stage_strike(&e.s);
}
END_TEST

/* A frame of it after it has said that it stopped is one too many. */
START_TEST(D17_stopped_means_stopped)
{
    struct early e;

    set(&e, STAGE_STRICT, 0, "keep");
    ck_assert_int_eq(pause_early(&e, 100), 200);
    sim_run(e.s.sim, 20 * NVA_MSEC);
    move_verb(&e.s, e.id, "pause");
    sim_send(e.s.sim, e.s.vm, e.s.c[3]);
    sim_settle(e.s.sim);
    ck_assert_str_eq(move_state(&e.s, e.id), "paused");
    sim_run(e.s.sim, 20 * NVA_MSEC);
    sim_send(e.s.sim, e.s.vm, e.s.c[3]);
    sim_settle(e.s.sim);
    ck_assert_str_eq(move_state(&e.s, e.id), "aborted");
    stage_strike(&e.s);
}
END_TEST

START_TEST(D17_early_and_aborted)
{
    struct early e;

    set(&e, 0, 0, words[_i % 3]);
    ck_assert_int_eq(pause_early(&e, 500), 200);
    sim_run(e.s.sim, _i < 3 ? 20 * NVA_MSEC : 0);
    send_some(&e, 60, 100);
    move_verb(&e.s, e.id, "abort");
    send_some(&e, 60, 100);
    sim_run(e.s.sim, 150 * NVA_MSEC);
    ck_assert_str_eq(move_state(&e.s, e.id), "aborted");
    ck_assert_uint_eq(n_received(&e), e.n);
    ck_assert(says(&e, "\"held\":false"));
    stage_strike(&e.s);
}
END_TEST

/* What waits needs no port. */
START_TEST(D17_early_without_a_port)
{
    struct early e;
    bool runs_on = _i / 3;

    set(&e, STAGE_STRICT | STAGE_NO_SPARE, 0, words[_i % 3]);
    sim_slow(e.s.sim, 2, 5 * NVA_MSEC);
    ck_assert_int_eq(pause_early(&e, 40), 200);
    send_some(&e, 150, 100);
    sim_run(e.s.sim, 10 * NVA_MSEC);
    if (runs_on) {
        sim_run(e.s.sim, 200 * NVA_MSEC);
        ck_assert_str_eq(move_state(&e.s, e.id), "prepared");
        ck_assert_uint_eq(n_received(&e), e.n);
        stage_strike(&e.s);
        return;
    }
    sim_still(e.s.sim, e.s.vm);
    move_verb(&e.s, e.id, "pause");
    sim_settle(e.s.sim);
    sim_plug(e.s.sim, 2, "tap-vm");
    sim_settle(e.s.sim);
    sim_stand(e.s.sim, e.s.vm, 2, "tap-vm");
    move_verb(&e.s, e.id, "activate");
    sim_run(e.s.sim, 300 * NVA_MSEC);
    ck_assert_uint_eq(n_received(&e), e.n);
    stage_strike(&e.s);
}
END_TEST

/* Floods leave the old port, then enter the new one: none comes twice, and few
 * not at all; also where the VM runs on. */
START_TEST(D17_floods_come_once)
{
    uint64_t ids[N];
    struct early e;
    int n = 0, lost = 0, counted;

    set(&e, STAGE_STRICT, _i / 2, "keep");
    ck_assert_int_eq(pause_early(&e, 40), 200);
    while (n < 250) {
        ids[n] = sim_broadcast(e.s.sim, e.s.c[n % 3 + 1]);
        n++;
        sim_run(e.s.sim, 250);
    }
    sim_run(e.s.sim, 100 * NVA_MSEC);
    if (_i % 2) {                       /* Once more; it stops in time. */
        ck_assert_int_eq(pause_early(&e, 2000), 200);
        while (n < N) {
            ids[n] = sim_broadcast(e.s.sim, e.s.c[n % 3 + 1]);
            n++;
            sim_run(e.s.sim, 250);
        }
        sim_still(e.s.sim, e.s.vm);
        move_verb(&e.s, e.id, "pause");
        sim_settle(e.s.sim);
        sim_stand(e.s.sim, e.s.vm, 2, "tap-vm");
        move_verb(&e.s, e.id, "activate");
        sim_run(e.s.sim, 100 * NVA_MSEC);
    }
    /* The alarm is for what one VM reads twice. */
    ck_assert_ptr_null(sim_alarm(e.s.sim));
    for (int i = 0; i < n; i++) {
        lost += sim_received(e.s.sim, ids[i]) < 3;
    }
    counted = dispatch_metrics(sim_dispatch(
        e.s.sim))->counters[METRICS_FLOODS_LOST];
    ck_assert_int_gt(counted, 0);
    ck_assert_int_lt(counted, n / 2);
    if (_i % 2) {
        /* What waited at the new port has been read; while both NVEs are told,
         * some more or less. */
        ck_assert_int_le(abs(lost - counted), 9);
    }
    ck_assert_uint_eq(held(&e).held, 0);
    stage_strike(&e.s);
}
END_TEST

/* The buffer has an end, and what is beyond that is counted. */
START_TEST(D18_early_with_a_full_buffer)
{
    struct early e;
    const size_t n = HOLD_PACKETS_MAX + 100;
    uint64_t first = 0;

    set(&e, 0, 0, "keep");
    ck_assert_int_eq(pause_early(&e, 2000), 200);
    sim_run(e.s.sim, 20 * NVA_MSEC);
    for (size_t i = 0; i < n; i++) {
        uint64_t id = sim_send(e.s.sim, e.s.c[3], e.s.vm);

        first = first ? first : id;
        if (i % 64 == 0) {
            sim_run(e.s.sim, 100);
        }
    }
    sim_settle(e.s.sim);
    ck_assert_uint_eq(held(&e).dropped[NVA_R_HOLD_FULL], 100);
    sim_run(e.s.sim, 5 * NVA_SEC);
    ck_assert_str_eq(move_state(&e.s, e.id), "prepared");
    ck_assert_uint_eq(held(&e).packets, 0);
    ck_assert(timeline_has(&e.s, e.id, "held packets lost", "hv1"));
    ck_assert_int_eq(sim_received(e.s.sim, first), 1);
    stage_strike(&e.s);
}
END_TEST

/* Warm as hot; a cold one has none. */
START_TEST(D17_early_by_kind)
{
    struct early e;
    char *path;

    memset(&e, 0, sizeof e);
    stage_set(&e.s, STAGE_STRICT, 0);
    must(&e.s, "POST", "/v1/vms/vm/moves", _i
         ? "{\"kind\": \"cold\", \"to\": {\"nve\": \"hv2\", "
           "\"port\": \"tap-vm\"}}"
         : "{\"kind\": \"warm\", \"refresh\": 1, \"to\": {\"nve\": "
           "\"hv2\", \"port\": \"tap-vm\"}}");
    e.id = last_move(&e.s);
    sim_settle(e.s.sim);
    path = xasprintf("/v1/moves/%d/pause", e.id);
    must_refuse(&e.s, "POST", path, "{\"early_ms\": 0}", "bad_value");
    must_refuse(&e.s, "POST", path, "{\"early_ms\": 2001}", "bad_value");
    must_refuse(&e.s, "POST", path, "{\"early\": 10}", "json_field");
    if (_i) {
        must_refuse(&e.s, "POST", path, "{\"early_ms\": 10}", "bad_value");
    } else {
        ck_assert_int_eq(pause_early(&e, 100), 200);
        sim_run(e.s.sim, 20 * NVA_MSEC);
        speak(&e);
        send_some(&e, 30, 100);
        sim_still(e.s.sim, e.s.vm);
        must(&e.s, "PUT", "/v1/vms/vm", "{\"state\": \"suspended\"}");
        sim_run(e.s.sim, NVA_SEC);
        ck_assert(says(&e, "\"early\":false"));
        sim_stand(e.s.sim, e.s.vm, 2, "tap-vm");
        move_verb(&e.s, e.id, "activate");
        sim_run(e.s.sim, 150 * NVA_MSEC);
        ck_assert_uint_eq(n_received(&e), 30);
    }
    free(path);
    stage_strike(&e.s);
}
END_TEST

/* Another port of the same NVE. */
START_TEST(D17_early_within_an_nve)
{
    struct early e;

    memset(&e, 0, sizeof e);
    stage_set(&e.s, STAGE_STRICT, 0);
    sim_plug(e.s.sim, 1, "tap-new");
    must(&e.s, "POST", "/v1/vms/vm/moves",
         "{\"to\": {\"nve\": \"hv1\", \"port\": \"tap-new\"}}");
    e.id = last_move(&e.s);
    sim_settle(e.s.sim);
    ck_assert_int_eq(pause_early(&e, 30), 200);
    sim_run(e.s.sim, 15 * NVA_MSEC);
    speak(&e);
    send_some(&e, 60, 100);
    if (_i) {
        sim_run(e.s.sim, 150 * NVA_MSEC);
        ck_assert_str_eq(move_state(&e.s, e.id), "prepared");
        ck_assert_uint_eq(n_received(&e), 60);
    } else {
        sim_still(e.s.sim, e.s.vm);
        move_verb(&e.s, e.id, "pause");
        sim_settle(e.s.sim);
        sim_stand(e.s.sim, e.s.vm, 1, "tap-new");
        move_verb(&e.s, e.id, "activate");
        sim_run(e.s.sim, 150 * NVA_MSEC);
        ck_assert_uint_eq(n_received(&e), 60);
    }
    stage_strike(&e.s);
}
END_TEST

/* A session breaks meanwhile: the destination's, and the VM runs on where it
 * is; the old NVE's, and it is told when it comes back. */
START_TEST(D17_early_and_a_session_is_lost)
{
    int lost = _i % 2 + 1;
    struct early e;

    set(&e, 0, 0, words[_i / 2 % 3]);
    ck_assert_int_eq(pause_early(&e, 100), 200);
    sim_run(e.s.sim, _i < 6 ? 20 * NVA_MSEC : 0);
    send_some(&e, 30, 100);
    sim_settle(e.s.sim);                /* None is under way. */
    sim_disconnect(e.s.sim, lost);
    sim_settle(e.s.sim);
    if (lost == 2) {
        ck_assert_str_eq(move_state(&e.s, e.id), "prepared");
        ck_assert(timeline_has(&e.s, e.id, "runs on", NULL));
        sim_run(e.s.sim, 100 * NVA_MSEC);
        ck_assert_uint_eq(n_received(&e), 30);
        speak(&e);
    }
    sim_run(e.s.sim, 1200 * NVA_MSEC);
    ck_assert_str_eq(move_state(&e.s, e.id), "prepared");
    sim_connect(e.s.sim, lost);
    sim_run(e.s.sim, 300 * NVA_MSEC);
    ck_assert_uint_eq(n_received(&e), 30);
    send_some(&e, 30, 100);
    sim_run(e.s.sim, 100 * NVA_MSEC);
    ck_assert_uint_eq(n_received(&e), 60);
    stage_strike(&e.s);
}
END_TEST

/* It shows itself somewhere else. */
START_TEST(D17_early_and_gone_elsewhere)
{
    struct early e;

    set(&e, 0, 0, words[_i]);
    ck_assert_int_eq(pause_early(&e, 500), 200);
    sim_run(e.s.sim, 20 * NVA_MSEC);
    send_some(&e, 60, 100);
    sim_stand(e.s.sim, e.s.vm, 3, "tap-vm");
    sim_announce(e.s.sim, e.s.vm, SIM_GARP);
    sim_run(e.s.sim, 100 * NVA_MSEC);
    ck_assert_int_eq(current_nve(&e.s), 3);
    ck_assert_str_eq(move_state(&e.s, e.id), "superseded");
    ck_assert_uint_eq(n_received(&e), 60);
    ck_assert(in_order(&e, 0, 60));
    stage_strike(&e.s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("early");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, D17_nothing_is_lost, 0, 36);
    tcase_add_loop_test(tc, D17_it_runs_on, 0, 12);
    tcase_add_loop_test(tc, D17_stops_at_the_last_moment, 0, 4);
    tcase_add_test(tc, D17_early_said_again);
    tcase_add_test(tc, D17_stopped_means_stopped);
    tcase_add_loop_test(tc, D17_early_and_aborted, 0, 6);
    tcase_add_loop_test(tc, D17_early_without_a_port, 0, 6);
    tcase_add_loop_test(tc, D17_floods_come_once, 0, 8);
    tcase_add_test(tc, D18_early_with_a_full_buffer);
    tcase_add_loop_test(tc, D17_early_by_kind, 0, 2);
    tcase_add_loop_test(tc, D17_early_within_an_nve, 0, 2);
    tcase_add_loop_test(tc, D17_early_and_a_session_is_lost, 0, 12);
    tcase_add_loop_test(tc, D17_early_and_gone_elsewhere, 0, 3);
    return run_stories("early", tc);
}
