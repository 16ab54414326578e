/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include "audit.h"
#include "intent.h"
#include "pipeline.h"

static struct fixture fx;
static struct nva_findings findings;
static struct audit_reading *reading;
static nva_id tsi;

static void
setup(void)
{
    fx_init(&fx);
    tsi = fx_vm(&fx, RED, 1, "10.0.0.1", HV1, "tap1");
    reading = audit_reading_create(fx.dir, HV1);
}

static void
teardown(void)
{
    audit_reading_destroy(reading);
    nva_findings_uninit(&findings);
    fx_uninit(&fx);
}

struct lie {
    struct nva_owner owner;             /* Of what is told otherwise. */
    size_t leave_out;                   /* Flows of it. */
};

static void
tell_cb(struct nva_owner owner, void *lie_)
{
    struct lie *lie = lie_;
    struct flow_set *flows = flow_set_create();
    size_t skip = nva_owner_equal(owner, lie->owner) ? lie->leave_out : 0;

    intent_flows(fx.dir, HV1, owner, 0, flows);
    for (size_t i = skip; i < flow_set_n(flows); i++) {
        const struct nva_flow *flow = flow_set_at(flows, i);

        audit_reading_flow(reading, flow->cookie, nva_flow_hash(flow));
    }
    flow_set_destroy(flows);
}

/* hv1 has what it should, but for 'leave_out' flows of an owner. */
static void
tell(enum nva_owner_kind kind, nva_id id, size_t leave_out)
{
    struct lie lie = { { kind, id }, leave_out };

    directory_each_owner_at(fx.dir, HV1, tell_cb, &lie);
}

static size_t
compare(void)
{
    while (audit_reading_compare(reading, &fx.view, 2, &findings)) {
        continue;
    }
    return findings.n;
}

START_TEST(D14_nothing_to_say)
{
    tell(NVA_OWNER_NONE, 0, 0);
    ck_assert_uint_gt(audit_reading_n(reading), 10);
    ck_assert_uint_eq(compare(), 0);
}
END_TEST

START_TEST(D14_a_missing_flow_is_named)
{
    tell(NVA_OWNER_TSI, tsi, 1);
    ck_assert_uint_eq(compare(), 1);
    ck_assert_int_eq(findings.a[0].kind, NVA_AUDIT_FLOW_MISSING);
    ck_assert_uint_eq(findings.a[0].nve, HV1);
    ck_assert_uint_eq(findings.a[0].tsi, tsi);
    ck_assert_int_eq(findings.a[0].owner.kind, NVA_OWNER_TSI);
    ck_assert_str_eq(findings.a[0].object, "nve hv1: tsi of vm vm101-1 eth0");
    ck_assert_ptr_nonnull(strstr(findings.a[0].directory, "actions="));
}
END_TEST

START_TEST(D14_extra_and_foreign_flows)
{
    const struct nva_owner gone = { NVA_OWNER_VAP, 999 };
    const struct nva_owner here = { NVA_OWNER_TSI, tsi };

    tell(NVA_OWNER_NONE, 0, 0);
    audit_reading_flow(reading, 0x1234, 1);
    audit_reading_flow(reading, 0, 1);
    audit_reading_flow(reading, pipeline_cookie(here), 1);
    ck_assert_uint_eq(compare(), 2);
    ck_assert_int_eq(findings.a[0].kind, NVA_AUDIT_FLOW_EXTRA);
    ck_assert_uint_eq(findings.a[0].owner.id, tsi);
    ck_assert_int_eq(findings.a[1].kind, NVA_AUDIT_FLOW_FOREIGN);
    ck_assert_ptr_nonnull(strstr(findings.a[1].other, "2 flows"));

    /* An owner that is gone may just have been deleted: its version is that
     * of the directory, which has not changed since the NVE was asked. */
    nva_findings_uninit(&findings);
    audit_reading_destroy(reading);
    reading = audit_reading_create(fx.dir, HV1);
    audit_reading_flow(reading, pipeline_cookie(gone), 7);
    tell(NVA_OWNER_NONE, 0, 0);
    ck_assert_uint_eq(compare(), 1);
    ck_assert_uint_eq(findings.a[0].owner.id, 999);
}
END_TEST

START_TEST(D14_a_flow_told_twice_is_extra)
{
    tell(NVA_OWNER_NONE, 0, 0);
    tell(NVA_OWNER_NONE, 0, 0);
    ck_assert_uint_gt(compare(), 0);
    ck_assert_int_eq(findings.a[0].kind, NVA_AUDIT_FLOW_EXTRA);
}
END_TEST

START_TEST(D14_what_is_due_is_no_finding)
{
    fx_unconfirm(&fx, HV1, NVA_OWNER_TSI, tsi);
    tell(NVA_OWNER_TSI, tsi, 1);
    ck_assert_uint_eq(compare(), 0);
}
END_TEST

START_TEST(D14_what_changed_since_is_no_finding)
{
    struct nva_tsi t = *directory_tsi(fx.dir, tsi);

    tell(NVA_OWNER_NONE, 0, 0);
    t.current = t.published = fx_place(HV2, "tap1");
    fx_tsi_put(&fx, &t);
    ck_assert_uint_eq(compare(), 0);
}
END_TEST

/* Two owners a call, and what leaves between two calls is passed over. */
START_TEST(S5_a_slice_is_small)
{
    struct nva_delta gone = { .type = NVA_DELTA_TSI_DEL, .id = tsi };
    size_t n = 0;

    for (int i = 2; i < 40; i++) {
        fx_vm(&fx, RED, i, NULL, HV1, "tap1");
    }
    audit_reading_destroy(reading);
    reading = audit_reading_create(fx.dir, HV1);
    tell(NVA_OWNER_NONE, 0, 0);
    while (audit_reading_compare(reading, &fx.view, 2, &findings)) {
        if (n++ == 3) {
            fx_apply(&fx, &gone);
        }
    }
    ck_assert_uint_ge(n, 40);
    ck_assert_uint_eq(findings.n, 0);
}
END_TEST

START_TEST(D14_ports)
{
    fx_vap(&fx, HV1, "tap7", BLUE);
    fx_port(&fx, HV1, "eth9", 19);
    fx_vm(&fx, RED, 2, NULL, HV1, "tap8");
    audit_ports(&fx.view, HV1, &findings);
    ck_assert_uint_eq(findings.n, 3);
    ck_assert_int_eq(findings.a[0].kind, NVA_AUDIT_VAP_ABSENT);
    ck_assert_str_eq(findings.a[0].object, "nve hv1: port tap7");
    ck_assert_int_eq(findings.a[1].kind, NVA_AUDIT_PORT_ABSENT);
    ck_assert_str_eq(findings.a[1].object, "vm vm101-2 eth0");
    ck_assert_int_eq(findings.a[2].kind, NVA_AUDIT_PORT_UNCLAIMED);
    ck_assert_str_eq(findings.a[2].object, "nve hv1: port eth9");
}
END_TEST

START_TEST(D14_silent_and_rejected)
{
    const struct nva_owner owner = { NVA_OWNER_VN, RED };

    audit_silent(&fx.view, HV1, "why", &findings);
    audit_rejected(&fx.view, HV1, owner, NVA_R_TABLE_FULL, &findings);
    ck_assert_int_eq(findings.a[0].kind, NVA_AUDIT_NVE_SILENT);
    ck_assert_str_eq(findings.a[0].object, "nve hv1");
    ck_assert_int_eq(findings.a[1].kind, NVA_AUDIT_FLOW_REJECTED);
    ck_assert_str_eq(findings.a[1].object, "nve hv1: vn of vn red");
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("audit");
    Suite *suite = suite_create("audit");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, D14_nothing_to_say);
    tcase_add_test(tc, D14_a_missing_flow_is_named);
    tcase_add_test(tc, D14_extra_and_foreign_flows);
    tcase_add_test(tc, D14_a_flow_told_twice_is_extra);
    tcase_add_test(tc, D14_what_is_due_is_no_finding);
    tcase_add_test(tc, D14_what_changed_since_is_no_finding);
    tcase_add_test(tc, S5_a_slice_is_small);
    tcase_add_test(tc, D14_ports);
    tcase_add_test(tc, D14_silent_and_rejected);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
