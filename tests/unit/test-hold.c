/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include "hold.h"
#include "pipeline.h"

static struct fixture fx;
static struct hold *h;
static nva_id tsi_id;
static bool blocked;                    /* The switch takes nothing. */
static size_t n_sent;
static struct hold_packet last;         /* 'data' is its first payload byte. */
static uint8_t next_byte;               /* Order of what was sent. */
static bool disordered;

static void
setup(void)
{
    fx_init(&fx);
    fx.view.now = 1000 * NVA_SEC;
    tsi_id = fx_vm(&fx, RED, 1, NULL, HV1, "tap1");
    h = hold_create();
    blocked = disordered = false;
    n_sent = next_byte = 0;
}

static void
teardown(void)
{
    hold_destroy(h);
    fx_uninit(&fx);
}

/* Puts the interface and shows it to 'h'. */
static void
put(struct nva_place current, struct nva_place prepared, bool paused,
    bool held)
{
    struct nva_tsi t = *directory_tsi(fx.dir, tsi_id);

    t.current = current;
    t.prepared = prepared;
    t.paused = paused;
    t.held_until = held ? 1000 * NVA_SEC + NVA_HOLD_MAX : 0;
    fx_tsi_put(&fx, &t);
    hold_look(h, &t);
}

static void
pause_it(void)
{
    put(fx_place(HV1, "tap1"), fx_place(HV2, "tap1"), true, true);
}

static void
switch_it(void)
{
    put(fx_place(HV2, "tap1"), fx_nowhere(), false, true);
}

/* A packet for fx_mac('to') from VNI 100's tunnel at HV2. */
static bool
packet(uint8_t to, uint8_t payload, uint8_t table)
{
    uint8_t frame[60] = { 2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, 9, 8, 0,
                          payload };
    const struct nva_packet_in pin = {
        .nve = HV2, .session = 1000 + HV2, .table = table, .in_port = 1,
        .tun_id = 100, .data = frame, .size = sizeof frame,
    };

    return hold_take(h, fx.dir, &pin);
}

static bool
send_cb(void *aux OVS_UNUSED, const struct hold_packet *p)
{
    if (blocked) {
        return false;
    }
    n_sent++;
    last = *p;
    disordered |= ((const uint8_t *) p->data)[14] != next_byte++;
    return true;
}

static void
run(void)
{
    hold_run(h, &fx.view, send_cb, NULL);
}

static bool
released(uint64_t sent, uint64_t dropped)
{
    struct nva_event ev;

    if (!hold_next_released(h, &fx.view, &ev)) {
        return false;
    }
    ck_assert_int_eq(ev.type, NVA_EV_RELEASED);
    ck_assert_uint_eq(ev.released.tsi, tsi_id);
    ck_assert_uint_eq(ev.released.sent, sent);
    ck_assert_uint_eq(ev.released.dropped, dropped);
    return true;
}

START_TEST(D18_takes_what_is_held_and_nothing_else)
{
    fx_vm(&fx, RED, 2, NULL, HV3, "tap1");
    ck_assert(!packet(1, 0, NVA_TABLE_HOLD));
    pause_it();
    ck_assert(packet(1, 0, NVA_TABLE_HOLD));
    ck_assert(!packet(1, 0, NVA_TABLE_DELIVER));
    ck_assert(!packet(2, 0, NVA_TABLE_HOLD));
    ck_assert(!packet(3, 0, NVA_TABLE_HOLD));
    ck_assert_uint_eq(hold_stats(h)->held, 1);
    ck_assert_uint_eq(hold_stats(h)->packets, 1);
    ck_assert_uint_eq(hold_stats(h)->bytes, 60);
    run();
    ck_assert_uint_eq(n_sent, 0);
    ck_assert(!released(0, 0));
}
END_TEST

START_TEST(D18_lets_go_in_order_and_paced)
{
    pause_it();
    for (int i = 0; i < 150; i++) {
        ck_assert(packet(1, i, NVA_TABLE_HOLD));
    }
    ck_assert_int_eq(hold_deadline(h, &fx.view), 1010 * NVA_SEC);
    switch_it();
    run();
    ck_assert_uint_eq(n_sent, HOLD_BATCH);
    ck_assert_uint_eq(last.nve, HV2);
    ck_assert_uint_eq(last.ofport, 11);
    run();
    ck_assert_uint_eq(n_sent, HOLD_BATCH);
    ck_assert(!released(0, 0));
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(hold_deadline(h, &fx.view), fx.view.now + HOLD_PACE);
        fx.view.now += HOLD_PACE;
        run();
    }
    ck_assert_uint_eq(n_sent, 150);
    /* A straggler, before and after the brain heard of it. */
    packet(1, 150, NVA_TABLE_HOLD);
    run();
    ck_assert(!released(0, 0));
    ck_assert_int_eq(hold_deadline(h, &fx.view), fx.view.now + HOLD_CALM
                                                 - HOLD_PACE);
    fx.view.now += HOLD_CALM;
    run();
    ck_assert(released(151, 0));
    put(fx_place(HV2, "tap1"), fx_nowhere(), false, false);
    packet(1, 151, NVA_TABLE_HOLD);
    run();
    ck_assert_uint_eq(n_sent, 152);
    ck_assert(!disordered);
    ck_assert(!released(0, 0));
    /* Then it is forgotten. */
    fx.view.now = hold_deadline(h, &fx.view);
    run();
    ck_assert_int_eq(hold_deadline(h, &fx.view), NVA_NEVER);
    ck_assert(!packet(1, 0, NVA_TABLE_HOLD));
}
END_TEST

START_TEST(D18_waits_for_a_switch_that_takes_nothing)
{
    pause_it();
    packet(1, 0, NVA_TABLE_HOLD);
    switch_it();
    blocked = true;
    run();
    ck_assert(!released(0, 0));
    blocked = false;
    run();
    ck_assert_uint_eq(n_sent, 1);
    fx.view.now += HOLD_CALM;
    ck_assert(released(1, 0));
}
END_TEST

START_TEST(D18_abort_goes_to_the_old_place)
{
    pause_it();
    packet(1, 0, NVA_TABLE_HOLD);
    run();
    put(fx_place(HV1, "tap1"), fx_place(HV2, "tap1"), false, true);
    fx_unconfirm(&fx, HV1, NVA_OWNER_TSI, tsi_id);
    run();
    ck_assert_uint_eq(n_sent, 1);
    ck_assert_uint_eq(last.nve, HV1);
    /* The hold ends when its NVE has confirmed that it sends nothing after it,
     * and nothing comes any more. */
    fx.view.now += HOLD_CALM;
    run();
    ck_assert(!released(1, 0));
    fx.n_unconfirmed = 0;
    ck_assert(!released(1, 0));
    fx.view.now += HOLD_CALM;
    run();
    ck_assert(released(1, 0));
}
END_TEST

START_TEST(D18_ends_in_time)
{
    pause_it();
    packet(1, 0, NVA_TABLE_HOLD);
    packet(1, 1, NVA_TABLE_HOLD);
    if (_i) {
        struct nva_delta d = { .type = NVA_DELTA_PORT_DEL };

        d.port.nve = HV2;
        strcpy(d.port.name, "tap1");
        fx_apply(&fx, &d);
    }
    fx.view.now = hold_deadline(h, &fx.view);
    run();
    /* Where it was to go, if there is a port. */
    ck_assert_uint_eq(n_sent, _i ? 0 : 2);
    ck_assert_uint_eq(hold_stats(h)->dropped[NVA_R_HOLD_TIMEOUT], _i ? 2 : 0);
    ck_assert(_i ? released(0, 2) : released(2, 0));
}
END_TEST

START_TEST(D18_limits)
{
    static uint8_t frame[1500] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 8 };
    const struct nva_packet_in pin = {
        .nve = HV2, .session = 1000 + HV2, .table = NVA_TABLE_HOLD,
        .in_port = 1, .tun_id = 100, .data = frame,
        .size = _i ? sizeof frame : 60,
    };
    const size_t most = _i ? HOLD_BYTES_MAX / 1500 : HOLD_PACKETS_MAX;

    pause_it();
    for (size_t i = 0; i < most + 5; i++) {
        ck_assert(hold_take(h, fx.dir, &pin));
    }
    ck_assert_uint_eq(hold_stats(h)->packets, most);
    ck_assert_uint_eq(hold_stats(h)->dropped[NVA_R_HOLD_FULL], 5);
    ck_assert_uint_eq(hold_stats(h)->held, most + 5);
}
END_TEST

START_TEST(D18_gone_with_its_interface)
{
    struct nva_delta d = { .type = NVA_DELTA_TSI_DEL, .id = tsi_id };

    pause_it();
    packet(1, 0, NVA_TABLE_HOLD);
    fx_apply(&fx, &d);
    ck_assert_int_eq(hold_deadline(h, &fx.view), fx.view.now);
    run();
    ck_assert_uint_eq(hold_stats(h)->dropped[NVA_R_HOLD_GONE], 1);
    ck_assert_uint_eq(hold_stats(h)->packets, 0);
    ck_assert_int_eq(hold_deadline(h, &fx.view), NVA_NEVER);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("hold");
    TCase *tc = tcase_create("hold");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, D18_takes_what_is_held_and_nothing_else);
    tcase_add_test(tc, D18_lets_go_in_order_and_paced);
    tcase_add_test(tc, D18_waits_for_a_switch_that_takes_nothing);
    tcase_add_test(tc, D18_abort_goes_to_the_old_place);
    tcase_add_loop_test(tc, D18_ends_in_time, 0, 2);
    tcase_add_loop_test(tc, D18_limits, 0, 2);
    tcase_add_test(tc, D18_gone_with_its_interface);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
