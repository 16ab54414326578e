/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include <check.h>
#include <stdlib.h>

#include "inlet.h"

static struct inlet *in;
static nva_usec now;
static nva_ofport port;
static enum nva_detour level;

static void
setup(void)
{
    in = inlet_create();
    now = 1000 * NVA_SEC;
}

static void
teardown(void)
{
    inlet_destroy(in);
}

static struct eth_addr
mac(unsigned int n)
{
    struct eth_addr ea = { .ea = { 2, 0, 0, n >> 16, n >> 8, n } };

    return ea;
}

/* 'n' ARP packet-ins of 'from', at once; how many were dropped. */
static unsigned int
arps(nva_ofport from, unsigned int n)
{
    unsigned int dropped = 0;

    while (n-- > 0) {
        dropped += inlet_take(in, from, mac(1), false, now) != NVA_OK;
    }
    return dropped;
}

START_TEST(a_flood_is_told_once)
{
    ck_assert_uint_eq(arps(7, INLET_FLOOD - 1), 0);
    ck_assert(!inlet_next(in, now, &port, &level));
    ck_assert(inlet_deadline(in) == NVA_NEVER);
    arps(7, 1);
    ck_assert(inlet_next(in, now, &port, &level));
    ck_assert_uint_eq(port, 7);
    ck_assert_int_eq(level, NVA_DETOUR_NEIGHBOUR);
    arps(7, 100);
    ck_assert(!inlet_next(in, now, &port, &level));
    ck_assert(inlet_deadline(in) == now + INLET_WINDOW);
}
END_TEST

/* What comes in two windows is no flood if neither has enough. */
START_TEST(a_slow_talker_is_none)
{
    for (int i = 0; i < 20; i++) {
        arps(7, INLET_FLOOD - 1);
        now += INLET_WINDOW;
    }
    ck_assert(!inlet_next(in, now, &port, &level));
}
END_TEST

START_TEST(it_ends_after_some_calm)
{
    arps(7, INLET_FLOOD);
    ck_assert(inlet_next(in, now, &port, &level));
    for (int i = 1; i < INLET_CALM_WINDOWS; i++) {
        now += INLET_WINDOW;
        ck_assert(!inlet_next(in, now, &port, &level));
    }
    /* It is not calm at all. */
    arps(7, INLET_FLOOD);
    for (int i = 0; i < INLET_CALM_WINDOWS; i++) {
        now += INLET_WINDOW;
        ck_assert(!inlet_next(in, now, &port, &level));
    }
    now += INLET_WINDOW;
    ck_assert(inlet_next(in, now, &port, &level));
    ck_assert_int_eq(level, NVA_DETOUR_NONE);
    ck_assert(inlet_deadline(in) == NVA_NEVER);

    arps(7, INLET_FLOOD);
    ck_assert(inlet_next(in, now, &port, &level));
}
END_TEST

/* Data of one source is no flood, however much; of many it is all of it. */
START_TEST(many_sources_are_a_flood)
{
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(inlet_take(in, 7, mac(1), true, now), NVA_OK);
    }
    ck_assert(!inlet_next(in, now, &port, &level));
    for (int i = 0; i < 100; i++) {
        inlet_take(in, 7, mac(i), true, now);
    }
    ck_assert(inlet_next(in, now, &port, &level));
    ck_assert_int_eq(level, NVA_DETOUR_ALL);

    /* While all of it comes, one source alone is calm. */
    for (int i = 0; i <= INLET_CALM_WINDOWS; i++) {
        now += INLET_WINDOW;
        arps(7, 100);
    }
    ck_assert(inlet_next(in, now, &port, &level));
    ck_assert_int_eq(level, NVA_DETOUR_NEIGHBOUR);
}
END_TEST

START_TEST(the_nve_has_a_limit_and_silent_ports_a_reserve)
{
    unsigned int dropped = 0;

    for (int i = 0; i < 20; i++) {
        dropped += arps(100 + i, 500);
    }
    ck_assert_uint_gt(dropped, 20 * 500 - INLET_RATE);
    ck_assert_uint_eq(inlet_take(in, 100, mac(1), false, now),
                      NVA_R_NVE_LIMIT);
    /* Somebody who has just come. */
    ck_assert_uint_eq(arps(7, 5), 0);

    now += NVA_SEC / 10;
    ck_assert_uint_eq(arps(8, 5), 0);
    now += 10 * NVA_SEC;
    ck_assert_uint_eq(arps(100, INLET_RATE - INLET_RESERVE), 0);
    ck_assert_uint_eq(arps(100, 1), 1);
}
END_TEST

START_TEST(a_port_that_is_gone_is_forgotten)
{
    arps(7, INLET_FLOOD);
    inlet_forget(in, 7);
    ck_assert(!inlet_next(in, now, &port, &level));
    ck_assert(inlet_deadline(in) == NVA_NEVER);
    inlet_forget(in, 7);
    arps(7, INLET_FLOOD);
    ck_assert(inlet_next(in, now, &port, &level));
}
END_TEST

START_TEST(ports_without_end_take_no_memory)
{
    for (nva_ofport p = 1; p <= INLET_PORTS_MAX + 100; p++) {
        inlet_take(in, p, mac(1), false, now);
    }
    /* The last ones have the rate, but are not watched... */
    arps(INLET_PORTS_MAX + 50, INLET_FLOOD);
    ck_assert(!inlet_next(in, now, &port, &level));
    /* ...until the others have been silent. */
    now += 2 * INLET_WINDOW;
    arps(INLET_PORTS_MAX + 50, INLET_FLOOD);
    ck_assert(inlet_next(in, now, &port, &level));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("inlet");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_flood_is_told_once);
    tcase_add_test(tc, a_slow_talker_is_none);
    tcase_add_test(tc, it_ends_after_some_calm);
    tcase_add_test(tc, many_sources_are_a_flood);
    tcase_add_test(tc, the_nve_has_a_limit_and_silent_ports_a_reserve);
    tcase_add_test(tc, a_port_that_is_gone_is_forgotten);
    tcase_add_test(tc, ports_without_end_take_no_memory);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
