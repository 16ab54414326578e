/* SPDX-License-Identifier: Apache-2.0 */

/* How descriptors are shared: never more than there are, and some for all. */

#include <config.h>

#include <check.h>
#include <stdlib.h>

#include "descriptors.h"
#include "openvswitch/util.h"
#include "util.h"

static const struct descriptors want = { .openflow = 8192, .api = 512 };

START_TEST(enough_is_enough)
{
    struct descriptors d = descriptors_share(65536, want);

    ck_assert_uint_eq(d.openflow, 8192);
    ck_assert_uint_eq(d.api, 512);
}
END_TEST

/* The API keeps some, whatever the limit, and so do we. */
START_TEST(few_are_shared)
{
    for (size_t limit = 4; limit < 10000; limit++) {
        struct descriptors d = descriptors_share(limit, want);

        ck_assert_uint_ge(d.openflow, 1);
        ck_assert_uint_ge(d.api, 1);
        ck_assert_uint_lt(d.openflow + d.api, limit);
        if (limit > 2 * DESCRIPTORS_OWN) {
            ck_assert_uint_le(d.openflow + d.api + DESCRIPTORS_OWN, limit);
            ck_assert_uint_ge(d.api, MIN(512, (limit - DESCRIPTORS_OWN) / 4));
        }
    }
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("descriptors");
    TCase *tc = tcase_create("descriptors");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_test(tc, enough_is_enough);
    tcase_add_test(tc, few_are_shared);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
