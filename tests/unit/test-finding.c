/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include "finding.h"

static struct nva_findings a, b;

static void
teardown(void)
{
    nva_findings_uninit(&a);
    nva_findings_uninit(&b);
}

static void
add(struct nva_findings *f, enum nva_audit_kind kind, const char *object)
{
    ovs_strlcpy(nva_findings_add(f, kind)->object, object,
                sizeof f->a->object);
}

START_TEST(words)
{
    ck_assert_str_eq(nva_audit_kind_word(NVA_AUDIT_FLOW_MISSING),
                     "flow_missing");
    ck_assert_str_eq(nva_audit_kind_word(NVA_N_AUDIT_KINDS), "?");
}
END_TEST

START_TEST(past_the_limit_is_counted)
{
    for (int i = 0; i < NVA_FINDINGS_MAX + 3; i++) {
        add(&a, NVA_AUDIT_IF_MAC, "x");
    }
    ck_assert_uint_eq(a.n, NVA_FINDINGS_MAX);
    ck_assert_uint_eq(a.left_out, 3);
    add(&b, NVA_AUDIT_IF_VN, "y");
    nva_findings_move(&b, &a);
    ck_assert_uint_eq(b.n, NVA_FINDINGS_MAX);
    ck_assert_uint_eq(b.left_out, 4);
    ck_assert_uint_eq(a.n + a.left_out, 0);
    ck_assert_str_eq(b.a[0].object, "y");
}
END_TEST

START_TEST(what_is_found_twice_is_kept)
{
    add(&a, NVA_AUDIT_FLOW_MISSING, "one");
    add(&a, NVA_AUDIT_FLOW_EXTRA, "two");
    add(&b, NVA_AUDIT_FLOW_EXTRA, "two");
    add(&b, NVA_AUDIT_FLOW_EXTRA, "one");
    add(&b, NVA_AUDIT_FLOW_MISSING, "three");
    nva_findings_keep_common(&b, &a);
    ck_assert_uint_eq(b.n, 1);
    ck_assert_str_eq(b.a[0].object, "two");
    nva_findings_uninit(&a);
    nva_findings_keep_common(&b, &a);
    ck_assert_uint_eq(b.n, 0);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("finding");
    Suite *suite = suite_create("finding");

    tcase_add_checked_fixture(tc, NULL, teardown);
    tcase_add_test(tc, words);
    tcase_add_test(tc, past_the_limit_is_counted);
    tcase_add_test(tc, what_is_found_twice_is_kept);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
