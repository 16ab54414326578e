/* SPDX-License-Identifier: Apache-2.0 */

/* Packets that are held while their VM stands still (D18): order, an absent
 * port, abort, timeout, sessions that break. */

#include <config.h>

#include "stage.h"

#include <string.h>

enum { N = 300 };                       /* More than one batch. */

struct held {
    struct stage s;
    int id;                             /* The move. */
    uint64_t packets[N];
    size_t n;
};

/* The VM's connections are held, and a move to hvN is prepared. */
static void
set(struct held *h, enum stage_flags flags, uint64_t seed, int to)
{
    memset(h, 0, sizeof *h);
    stage_set(&h->s, flags, seed);
    must(&h->s, "PUT", "/v1/vms/vm", "{\"connections\": \"hold\"}");
    sim_settle(h->s.sim);
    h->id = start_move(&h->s, to);
    sim_settle(h->s.sim);
}

/* It stands still from now on. */
static void
pause_move(struct held *h)
{
    move_verb(&h->s, h->id, "pause");
    sim_settle(h->s.sim);
    sim_still(h->s.sim, h->s.vm);
}

/* 'n' packets of each correspondent in turn, 'gap' apart. */
static void
send_some(struct held *h, size_t n, nva_usec gap)
{
    for (size_t i = 0; i < n && h->n < N; i++) {
        h->packets[h->n] = sim_send(h->s.sim, h->s.c[h->n % 3 + 1], h->s.vm);
        h->n++;
        sim_run(h->s.sim, gap);
    }
}

static size_t
n_received(const struct held *h)
{
    size_t n = 0;

    for (size_t i = 0; i < h->n; i++) {
        int times = sim_received(h->s.sim, h->packets[i]);

        ck_assert_int_le(times, 1);
        n += times;
    }
    return n;
}

/* True if the first 'n' were read in the order in which their senders sent
 * them, and none of the later ones before them.  (Those that come while the
 * flows change may overtake each other: some still take the way through the
 * NVA.) */
static bool
in_order(const struct held *h, size_t n)
{
    uint64_t last[3] = { 0, 0, 0 };

    for (size_t i = 0; i < h->n; i++) {
        uint64_t order = sim_order(h->s.sim, h->packets[i]);

        if (order && order < last[i % 3]) {
            return false;
        } else if (order && i < n) {
            last[i % 3] = order;
        }
    }
    return true;
}

static bool
is_held(struct held *h)
{
    must(&h->s, "GET", "/v1/vms/vm", NULL);
    return strstr(sim_body(h->s.sim), "\"held\":true") != NULL;
}

static size_t
n_held(const struct held *h)
{
    struct metrics_gauges gauges;

    dispatch_gauges(sim_dispatch(h->s.sim), &gauges);
    return gauges.hold.packets;
}

static uint64_t
n_dropped(const struct held *h, enum nva_reason reason)
{
    struct metrics_gauges gauges;

    dispatch_gauges(sim_dispatch(h->s.sim), &gauges);
    return gauges.hold.dropped[reason];
}

/* Correspondents at the old, at the new and at another NVE; they go on sending
 * while the VM comes up. */
START_TEST(D18_held_and_delivered_in_order)
{
    struct held h;
    uint64_t after;

    set(&h, STAGE_STRICT | (_i & 1 ? STAGE_MIXED : 0), _i / 2, 2);
    pause_move(&h);
    ck_assert(is_held(&h));
    send_some(&h, 200, 100);
    sim_settle(h.s.sim);
    ck_assert_uint_eq(n_held(&h), 200);
    for (size_t i = 0; i < h.n; i++) {
        ck_assert_int_eq(sim_delivered(h.s.sim, h.packets[i]), 0);
    }
    /* At the new NVE no packet takes the way round. */
    ck_assert_int_eq(sim_hops(h.s.sim, h.packets[1]), 0);

    sim_stand(h.s.sim, h.s.vm, 2, "tap-vm");
    move_verb(&h.s, h.id, "activate");
    send_some(&h, 100, 50);
    sim_run(h.s.sim, 100 * NVA_MSEC);
    ck_assert_uint_eq(n_received(&h), N);
    ck_assert(in_order(&h, 200));
    ck_assert(!is_held(&h));
    ck_assert_uint_eq(n_held(&h), 0);
    ck_assert(timeline_has(&h.s, h.id, "released", "hv2"));
    ck_assert(!timeline_has(&h.s, h.id, "held packets lost", NULL));

    after = sim_send(h.s.sim, h.s.c[3], h.s.vm);
    sim_settle(h.s.sim);
    ck_assert_int_eq(sim_received(h.s.sim, after), 1);
    stage_strike(&h.s);
}
END_TEST

START_TEST(D18_destination_port_absent)
{
    struct held h;

    set(&h, STAGE_NO_SPARE, 0, 2);
    pause_move(&h);
    send_some(&h, 150, 10);
    sim_settle(h.s.sim);
    ck_assert_uint_eq(n_held(&h), 150);

    sim_plug(h.s.sim, 2, "tap-vm");
    sim_settle(h.s.sim);
    ck_assert_uint_eq(n_held(&h), 150);
    sim_stand(h.s.sim, h.s.vm, 2, "tap-vm");
    sim_announce(h.s.sim, h.s.vm, SIM_GARP);
    send_some(&h, 30, 100);
    sim_run(h.s.sim, 100 * NVA_MSEC);
    ck_assert_int_eq(current_nve(&h.s), 2);
    ck_assert_uint_eq(n_received(&h), h.n);
    ck_assert(in_order(&h, 150));
    stage_strike(&h.s);
}
END_TEST

/* The old NVE's redirect is there first: nothing that it sends may find an NVE
 * that drops because the port is missing. */
START_TEST(D18_destination_port_absent_and_slow)
{
    struct held h;

    set(&h, STAGE_NO_SPARE, 0, 2);
    sim_slow(h.s.sim, 2, 20 * NVA_MSEC);
    move_verb(&h.s, h.id, "pause");
    sim_still(h.s.sim, h.s.vm);
    send_some(&h, 150, 100);
    sim_settle(h.s.sim);
    sim_plug(h.s.sim, 2, "tap-vm");
    sim_settle(h.s.sim);
    sim_stand(h.s.sim, h.s.vm, 2, "tap-vm");
    move_verb(&h.s, h.id, "activate");
    sim_run(h.s.sim, 300 * NVA_MSEC);
    ck_assert_uint_eq(n_received(&h), h.n);
    stage_strike(&h.s);
}
END_TEST

/* `keep' has nowhere to put them. */
START_TEST(D18_keep_does_not_pause_without_a_port)
{
    struct stage s;
    char path[64];

    stage_set(&s, STAGE_NO_SPARE, 0);
    snprintf(path, sizeof path, "/v1/moves/%d/pause", start_move(&s, 2));
    sim_settle(s.sim);
    must_refuse(&s, "POST", path, NULL, "not_ready");
    stage_strike(&s);
}
END_TEST

START_TEST(D18_abort_delivers_at_the_old_place)
{
    struct held h;

    memset(&h, 0, sizeof h);
    stage_set(&h.s, 0, 0);
    must(&h.s, "PUT", "/v1/vms/vm", "{\"connections\": \"hold\"}");
    sim_settle(h.s.sim);
    remember_flows(&h.s);
    h.id = start_move(&h.s, 2);
    sim_settle(h.s.sim);
    pause_move(&h);
    send_some(&h, 150, 10);
    sim_settle(h.s.sim);
    if (_i) {
        /* It speaks where it should stand still. */
        sim_stand(h.s.sim, h.s.vm, 1, "tap-vm");
        sim_announce(h.s.sim, h.s.vm, SIM_GARP);
    } else {
        move_verb(&h.s, h.id, "abort");
        sim_stand(h.s.sim, h.s.vm, 1, "tap-vm");
    }
    send_some(&h, 30, 100);
    sim_run(h.s.sim, 100 * NVA_MSEC);
    ck_assert_str_eq(move_state(&h.s, h.id), "aborted");
    ck_assert_uint_eq(n_received(&h), h.n);
    ck_assert(!is_held(&h));
    /* What was under way may have called a redirect back from hv2. */
    sim_run(h.s.sim, 12 * NVA_SEC);
    same_flows(&h.s);
    stage_strike(&h.s);
}
END_TEST

/* The caller forgot the move: its packets must not come to us for ever. */
START_TEST(D18_held_too_long)
{
    struct held h;
    size_t n;

    set(&h, _i ? STAGE_NO_SPARE : 0, 0, 2);
    pause_move(&h);
    send_some(&h, 50, 10);
    sim_run(h.s.sim, NVA_HOLD_MAX + NVA_SEC);
    ck_assert(!is_held(&h));
    ck_assert_str_eq(move_state(&h.s, h.id), "paused");
    /* From now on they wait in the port's queue, as with `keep'. */
    send_some(&h, 50, 10);
    sim_settle(h.s.sim);
    ck_assert_uint_eq(n_held(&h), 0);
    n = _i ? 50 : 0;
    ck_assert_uint_eq(n_dropped(&h, NVA_R_HOLD_TIMEOUT), n);
    if (_i) {
        ck_assert(timeline_has(&h.s, h.id, "held packets lost", NULL));
        sim_plug(h.s.sim, 2, "tap-vm");
        sim_settle(h.s.sim);
        n = 100;                        /* And where there is no port. */
    }
    sim_stand(h.s.sim, h.s.vm, 2, "tap-vm");
    move_verb(&h.s, h.id, "activate");
    sim_settle(h.s.sim);
    ck_assert_uint_eq(n_received(&h), 100 - n);
    stage_strike(&h.s);
}
END_TEST

/* What was held when the new NVE's session broke is still there when it comes
 * back; what came meanwhile nobody could take. */
START_TEST(D18_session_lost_while_held)
{
    struct held h;
    size_t n;

    set(&h, 0, 0, 2);
    pause_move(&h);
    send_some(&h, 90, 10);
    sim_settle(h.s.sim);
    if (_i) {                           /* After the switch. */
        sim_stand(h.s.sim, h.s.vm, 2, "tap-vm");
        move_verb(&h.s, h.id, "activate");
    }
    sim_disconnect(h.s.sim, 2);
    sim_run(h.s.sim, NVA_SEC);
    n = h.n;
    sim_connect(h.s.sim, 2);
    sim_settle(h.s.sim);
    if (!_i) {
        ck_assert_uint_eq(n_held(&h), 90);
        sim_stand(h.s.sim, h.s.vm, 2, "tap-vm");
        move_verb(&h.s, h.id, "activate");
    }
    send_some(&h, 30, 100);
    sim_run(h.s.sim, 100 * NVA_MSEC);
    /* A batch was under way when the session broke. */
    ck_assert_uint_ge(n_received(&h), h.n - (_i ? HOLD_BATCH : 0));
    ck_assert_uint_gt(n_received(&h), _i ? h.n - n : 0);
    ck_assert(in_order(&h, 90));
    stage_strike(&h.s);
}
END_TEST

START_TEST(D18_gone_elsewhere)
{
    struct held h;

    set(&h, 0, 0, 2);
    pause_move(&h);
    send_some(&h, 90, 10);
    sim_settle(h.s.sim);
    sim_stand(h.s.sim, h.s.vm, 3, "tap-vm");
    sim_announce(h.s.sim, h.s.vm, SIM_GARP);
    sim_run(h.s.sim, 100 * NVA_MSEC);
    ck_assert_int_eq(current_nve(&h.s), 3);
    ck_assert_uint_eq(n_received(&h), 90);
    ck_assert(in_order(&h, 90));
    stage_strike(&h.s);
}
END_TEST

START_TEST(D18_same_nve_other_port)
{
    struct held h;

    memset(&h, 0, sizeof h);
    stage_set(&h.s, 0, 0);
    must(&h.s, "PUT", "/v1/vms/vm", "{\"connections\": \"hold\"}");
    must(&h.s, "PUT", "/v1/nves/hv1/ports/tap-new", "{\"vn\": \"blue\"}");
    must(&h.s, "POST", "/v1/vms/vm/moves",
         "{\"to\": {\"nve\": \"hv1\", \"port\": \"tap-new\"}}");
    h.id = last_move(&h.s);
    sim_settle(h.s.sim);
    pause_move(&h);
    send_some(&h, 90, 10);
    sim_settle(h.s.sim);
    ck_assert_uint_eq(n_held(&h), 90);
    sim_plug(h.s.sim, 1, "tap-new");
    sim_settle(h.s.sim);
    sim_stand(h.s.sim, h.s.vm, 1, "tap-new");
    move_verb(&h.s, h.id, "activate");
    send_some(&h, 30, 100);
    sim_run(h.s.sim, 100 * NVA_MSEC);
    ck_assert_uint_eq(n_received(&h), h.n);
    ck_assert(in_order(&h, 90));
    stage_strike(&h.s);
}
END_TEST

/* A warm move holds, too; a cold one holds nothing, for its VM is off. */
START_TEST(D18_warm_holds_cold_does_not)
{
    struct held h;

    memset(&h, 0, sizeof h);
    stage_set(&h.s, STAGE_STRICT, 0);
    must(&h.s, "PUT", "/v1/vms/vm", "{\"connections\": \"hold\"}");
    must(&h.s, "POST", "/v1/vms/vm/moves", _i
         ? "{\"kind\": \"cold\", \"to\": {\"nve\": \"hv2\", "
           "\"port\": \"tap-vm\"}}"
         : "{\"kind\": \"warm\", \"refresh\": 1, \"to\": {\"nve\": "
           "\"hv2\", \"port\": \"tap-vm\"}}");
    h.id = last_move(&h.s);
    sim_settle(h.s.sim);
    pause_move(&h);
    ck_assert_int_eq(is_held(&h), !_i);
    send_some(&h, 60, 100);
    sim_settle(h.s.sim);
    ck_assert_uint_eq(n_held(&h), _i ? 0 : 60);
    sim_run(h.s.sim, 3 * NVA_SEC);      /* It is refreshed meanwhile. */
    ck_assert_uint_eq(n_held(&h), _i ? 0 : 60);
    sim_stand(h.s.sim, h.s.vm, 2, "tap-vm");
    move_verb(&h.s, h.id, "activate");
    sim_run(h.s.sim, 100 * NVA_MSEC);
    ck_assert_uint_eq(n_received(&h), _i ? 0 : 60);
    ck_assert(in_order(&h, 60));
    for (size_t i = 0; i < h.n; i++) {
        ck_assert_int_eq(sim_delivered(h.s.sim, h.packets[i]), !_i);
    }
    stage_strike(&h.s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("hold");
    tcase_add_loop_test(tc, D18_held_and_delivered_in_order, 0, 8);
    tcase_add_test(tc, D18_destination_port_absent);
    tcase_add_test(tc, D18_destination_port_absent_and_slow);
    tcase_add_test(tc, D18_keep_does_not_pause_without_a_port);
    tcase_add_loop_test(tc, D18_abort_delivers_at_the_old_place, 0, 2);
    tcase_add_loop_test(tc, D18_held_too_long, 0, 2);
    tcase_add_loop_test(tc, D18_session_lost_while_held, 0, 2);
    tcase_add_loop_test(tc, D18_warm_holds_cold_does_not, 0, 2);
    tcase_add_test(tc, D18_gone_elsewhere);
    tcase_add_test(tc, D18_same_nve_other_port);
    return run_stories("hold", tc);
}
