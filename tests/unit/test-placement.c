/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include "admission.h"
#include "binding.h"
#include "placement.h"

/* The fixture's NVEs serve red and blue, both of no tenant; green (103) is
 * nowhere yet. */

static struct fixture fx;

enum { GREEN = 103, HV4 = 4 };

static void
put_vn(nva_id id, const char *tenant, enum nva_isolation isolation)
{
    struct nva_delta d = { .type = NVA_DELTA_VN_PUT, .id = id };

    d.vn = *directory_vn(fx.dir, id);
    ovs_strlcpy(d.vn.tenant, tenant, sizeof d.vn.tenant);
    d.vn.isolation = isolation;
    fx_apply(&fx, &d);
}

static void
setup(void)
{
    struct nva_delta d = { .type = NVA_DELTA_NVE_PUT, .id = HV4 };

    fx_init(&fx);
    fx_vn(&fx, GREEN, "green", 300, NVA_BINDING_LEARN);
    d.nve.id = HV4;
    d.nve.dpid = HV4;
    d.nve.connected = true;
    ovs_strlcpy(d.nve.name, "hv4", sizeof d.nve.name);
    fx_apply(&fx, &d);
    fx_start(&fx);
}

static void
teardown(void)
{
    fx_uninit(&fx);
}

static enum nva_reason
check(nva_id nve, nva_id vn)
{
    fx_start(&fx);
    return placement_check(&fx.view, nve, vn, &fx.plan);
}

static enum nva_reason
check_change(nva_id id, const char *tenant, enum nva_isolation isolation)
{
    struct nva_vn vn = *directory_vn(fx.dir, id);

    ovs_strlcpy(vn.tenant, tenant, sizeof vn.tenant);
    vn.isolation = isolation;
    fx_start(&fx);
    return placement_check_vn(&fx.view, &vn, &fx.plan);
}

START_TEST(D24_exclusive_shares_with_its_own_tenant_only)
{
    ck_assert_int_eq(check(HV1, GREEN), NVA_OK);

    /* It will not share, */
    put_vn(GREEN, "acme", NVA_ISOLATION_EXCLUSIVE);
    ck_assert_int_eq(check(HV1, GREEN), NVA_R_PLACEMENT);
    ck_assert_str_eq(fx.plan.detail, "isolation exclusive: tenant acme "
                     "(network green) does not share hv1 with network red of "
                     "no tenant");
    ck_assert_int_eq(check(HV4, GREEN), NVA_OK);

    /* and the other way round; */
    fx_vap(&fx, HV4, "tap1", GREEN);
    put_vn(RED, "bolt", NVA_ISOLATION_SHARED);
    ck_assert_int_eq(check(HV4, RED), NVA_R_PLACEMENT);
    ck_assert_str_eq(fx.plan.detail, "isolation exclusive: tenant acme "
                     "(network green) does not share hv4 with network red of "
                     "tenant bolt");
    ck_assert_int_eq(check(HV4, GREEN), NVA_OK);

    /* with its own it does. */
    put_vn(RED, "acme", NVA_ISOLATION_SHARED);
    ck_assert_int_eq(check(HV4, RED), NVA_OK);
}
END_TEST

/* A VM with an interface in each of two networks. */
START_TEST(D24_what_this_very_plan_binds_counts)
{
    put_vn(GREEN, "acme", NVA_ISOLATION_EXCLUSIVE);
    fx_start(&fx);
    ck_assert_int_eq(binding_imply(&fx.view, HV4, "tap1", GREEN, &fx.plan),
                     NVA_OK);
    ck_assert_int_eq(binding_imply(&fx.view, HV4, "tap2", RED, &fx.plan),
                     NVA_R_PLACEMENT);
    ck_assert_int_eq(binding_imply(&fx.view, HV4, "tap3", GREEN, &fx.plan),
                     NVA_OK);
}
END_TEST

START_TEST(D24_a_setting_that_is_broken_already)
{
    ck_assert_int_eq(check_change(RED, "acme", NVA_ISOLATION_SHARED), NVA_OK);
    ck_assert_int_eq(check_change(RED, "acme", NVA_ISOLATION_EXCLUSIVE),
                     NVA_R_PLACEMENT);
    ck_assert_int_eq(check_change(GREEN, "acme", NVA_ISOLATION_EXCLUSIVE),
                     NVA_OK);
    put_vn(GREEN, "acme", NVA_ISOLATION_EXCLUSIVE);
    fx_vap(&fx, HV4, "tap1", GREEN);
    ck_assert_int_eq(check_change(GREEN, "bolt", NVA_ISOLATION_EXCLUSIVE),
                     NVA_OK);
    fx_vap(&fx, HV1, "tap5", GREEN);
    ck_assert_int_eq(check_change(GREEN, "bolt", NVA_ISOLATION_EXCLUSIVE),
                     NVA_R_PLACEMENT);
}
END_TEST

/* Should the directory ever contradict the rule, nothing adds to it. */
START_TEST(D24_evidence_is_dropped)
{
    struct nva_event ev;
    enum nva_admit what;

    fx_vm(&fx, BLUE, 5, "10.0.0.5", HV1, "tap2");
    put_vn(RED, "acme", NVA_ISOLATION_EXCLUSIVE);
    ev = fx_packet(&fx, NVA_EV_EVIDENCE, HV2, "tap2",
                   fx_arp(NVA_FRAME_ARP_REQUEST, fx_mac(5), "10.0.0.5",
                          "10.0.0.5"));
    ck_assert_int_eq(admission_evidence(&fx.view, &ev, &what),
                     NVA_R_PLACEMENT);
    ev.packet.frame.eth_src = ev.packet.frame.sha = fx_mac(6);
    ev.packet.frame.spa = ev.packet.frame.tpa = fx_ip("10.0.0.6");
    ck_assert_int_eq(admission_evidence(&fx.view, &ev, &what),
                     NVA_R_PLACEMENT);
    put_vn(BLUE, "acme", NVA_ISOLATION_SHARED);
    ck_assert_int_eq(admission_evidence(&fx.view, &ev, &what), NVA_OK);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("placement");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, D24_exclusive_shares_with_its_own_tenant_only);
    tcase_add_test(tc, D24_what_this_very_plan_binds_counts);
    tcase_add_test(tc, D24_a_setting_that_is_broken_already);
    tcase_add_test(tc, D24_evidence_is_dropped);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
