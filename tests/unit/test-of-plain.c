/* SPDX-License-Identifier: Apache-2.0 */

/* of-plain: which message of a bundle goes when, and what is left over. */

#include <config.h>

#include <check.h>
#include <stdlib.h>

#include "of-plain.h"
#include "util.h"

static struct nva_flow flows[4];
static struct flow_prog_msg msgs[6];
static struct of_plain *plain;

static struct nva_flow *
make_flow(struct nva_flow *flow, uint64_t cookie, uint32_t reg)
{
    nva_flow_init(flow);
    flow->cookie = cookie;
    flow->table = 30;
    flow->priority = 10;
    match_set_reg(&flow->match, 0, reg);
    return flow;
}

/* 0xa: another set; 0xb: all go; 0xc: new, none go. */
static void
setup(void)
{
    const struct flow_prog_bundle bundle = { .n_msgs = 6, .msgs = msgs };

    msgs[0] = (struct flow_prog_msg) { .op = FLOW_PROG_DELETE, .cookie = 0xa };
    msgs[1] = (struct flow_prog_msg) {
        .op = FLOW_PROG_ADD, .flow = make_flow(&flows[0], 0xa, 1) };
    msgs[2] = (struct flow_prog_msg) {
        .op = FLOW_PROG_ADD, .flow = make_flow(&flows[1], 0xa, 2) };
    msgs[3] = (struct flow_prog_msg) { .op = FLOW_PROG_DELETE, .cookie = 0xb };
    msgs[4] = (struct flow_prog_msg) {
        .op = FLOW_PROG_ADD, .flow = make_flow(&flows[2], 0xc, 3) };
    msgs[5] = (struct flow_prog_msg) { .op = FLOW_PROG_DELETE, .cookie = 0xd };
    plain = of_plain_create(&bundle);
}

static void
teardown(void)
{
    of_plain_destroy(plain);
    for (size_t i = 0; i < 3; i++) {
        nva_flow_uninit(&flows[i]);
    }
}

/* A flow as a dump shows it. */
static struct of_flow
shown(uint64_t cookie, uint32_t reg)
{
    struct of_flow flow = { .cookie = cookie, .hash = 99 };
    struct nva_flow f;

    flow.key = nva_flow_key_hash(make_flow(&f, cookie, reg));
    nva_flow_uninit(&f);
    return flow;
}

START_TEST(test_how)
{
    static const enum of_plain_how how[] = {
        OF_PLAIN_SWEEP, OF_PLAIN_ADD, OF_PLAIN_ADD, OF_PLAIN_DELETE,
        OF_PLAIN_ADD, OF_PLAIN_DELETE,
    };

    for (size_t i = 0; i < ARRAY_SIZE(how); i++) {
        ck_assert_int_eq(of_plain_how(plain, i), how[i]);
        ck_assert_int_eq(of_plain_is_sweeping(plain, i),
                         how[i] == OF_PLAIN_SWEEP);
    }
    ck_assert(!of_plain_is_sweeping(plain, 6));
    ck_assert(!of_plain_is_sweeping(plain, SIZE_MAX));
}
END_TEST

START_TEST(test_sweeps)
{
    ck_assert_uint_eq(of_plain_n_sweeps(plain), 1);
    of_plain_swept(plain, 1);           /* Is none. */
    of_plain_swept(plain, 77);
    ck_assert_uint_eq(of_plain_n_sweeps(plain), 1);
    of_plain_swept(plain, 0);
    of_plain_swept(plain, 0);
    ck_assert_uint_eq(of_plain_n_sweeps(plain), 0);
    ck_assert(!of_plain_is_sweeping(plain, 0));
}
END_TEST

START_TEST(test_left_over)
{
    struct of_flow flow = shown(0xa, 1);

    ck_assert(!of_plain_is_left_over(plain, 0, &flow));
    flow = shown(0xa, 2);
    ck_assert(!of_plain_is_left_over(plain, 0, &flow));
    flow = shown(0xa, 3);               /* Another owner's match. */
    ck_assert(of_plain_is_left_over(plain, 0, &flow));
    flow.hash = 0;                      /* Does not decode: no match. */
    ck_assert(!of_plain_is_left_over(plain, 0, &flow));

    /* A switch that shows what it was not asked for. */
    flow = shown(0xb, 9);
    ck_assert(!of_plain_is_left_over(plain, 0, &flow));
    flow = shown(0xc, 9);
    ck_assert(!of_plain_is_left_over(plain, 0, &flow));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("of-plain");
    SRunner *sr = srunner_create(suite);
    TCase *tc = tcase_create("of-plain");
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, test_how);
    tcase_add_test(tc, test_sweeps);
    tcase_add_test(tc, test_left_over);
    suite_add_tcase(suite, tc);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
