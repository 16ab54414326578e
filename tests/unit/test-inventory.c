/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include "inventory.h"

static struct fixture fx;
static struct nva_findings findings;
static struct nva_inventory *inventory;
static nva_id tsi;

static void
setup(void)
{
    fx_init(&fx);
    tsi = fx_vm(&fx, RED, 1, "10.0.0.1", HV1, "tap1");
    inventory = nva_inventory_create();
}

static void
teardown(void)
{
    nva_inventory_destroy(inventory);
    nva_findings_uninit(&findings);
    fx_uninit(&fx);
}

/* "vm101-1" as the directory has it. */
static struct nva_inventory_if *
truth(void)
{
    struct nva_inventory_if *nif = nva_inventory_add(inventory);

    ovs_strlcpy(nif->vm, "vm101-1", sizeof nif->vm);
    ovs_strlcpy(nif->name, "eth0", sizeof nif->name);
    ovs_strlcpy(nif->vn, "red", sizeof nif->vn);
    nif->mac = fx_mac(1);
    nif->has_ips = true;
    nif->ips[nif->n_ips++] = fx_ip("10.0.0.1");
    ovs_strlcpy(nif->nve, "hv1", sizeof nif->nve);
    ovs_strlcpy(nif->port, "tap1", sizeof nif->port);
    return nif;
}

/* The only finding is of 'kind', about the VM's interface; its texts. */
static void
only(enum nva_audit_kind kind, const char *directory, const char *other)
{
    nva_inventory_compare(&fx.view, inventory, &findings);
    ck_assert_uint_eq(findings.n, 1);
    ck_assert_str_eq(nva_audit_kind_word(findings.a[0].kind),
                     nva_audit_kind_word(kind));
    ck_assert_str_eq(findings.a[0].directory, directory);
    ck_assert_str_eq(findings.a[0].other, other);
}

static void
nothing(void)
{
    nva_inventory_compare(&fx.view, inventory, &findings);
    ck_assert_uint_eq(findings.n, 0);
}

START_TEST(D14_both_agree)
{
    truth();
    nothing();
}
END_TEST

START_TEST(D14_what_is_not_stated_is_not_compared)
{
    struct nva_inventory_if *nif = truth();

    nif->vn[0] = nif->name[0] = nif->nve[0] = nif->port[0] = '\0';
    nif->has_ips = false;
    nif->n_ips = 0;
    nothing();
}
END_TEST

START_TEST(D14_another_place)
{
    ovs_strlcpy(truth()->nve, "hv2", NVA_NAME_MAX);
    only(NVA_AUDIT_IF_PLACE, "hv1 tap1", "hv2 tap1");
    ck_assert_uint_eq(findings.a[0].tsi, tsi);
}
END_TEST

START_TEST(D14_a_prepared_place_is_no_contradiction)
{
    struct nva_tsi t = *directory_tsi(fx.dir, tsi);

    t.prepared = fx_place(HV2, "");
    fx_tsi_put(&fx, &t);
    ovs_strlcpy(truth()->nve, "hv2", NVA_NAME_MAX);
    nothing();
}
END_TEST

START_TEST(D14_another_mac)
{
    truth()->mac = fx_mac(9);
    only(NVA_AUDIT_IF_MAC, "02:00:00:00:00:01", "02:00:00:00:00:09");
}
END_TEST

START_TEST(D14_another_vn)
{
    ovs_strlcpy(truth()->vn, "blue", NVA_NAME_MAX);
    only(NVA_AUDIT_IF_VN, "red", "blue");
}
END_TEST

START_TEST(D14_other_addresses)
{
    struct nva_inventory_if *nif = truth();

    nif->ips[nif->n_ips++] = fx_ip("fd00::1");
    only(NVA_AUDIT_IF_IPS, "10.0.0.1", "10.0.0.1 fd00::1");
}
END_TEST

START_TEST(D14_where_it_learns_the_directory_may_know_more)
{
    struct nva_inventory_if *nif = truth();

    /* Strict: one address too many. */
    nif->n_ips = 0;
    only(NVA_AUDIT_IF_IPS, "10.0.0.1", "");
    nva_findings_uninit(&findings);

    fx_vm(&fx, BLUE, 2, "10.0.0.2", HV2, "tap2");
    nif->n_ips = 1;
    nif = truth();
    ovs_strlcpy(nif->vm, "vm102-2", sizeof nif->vm);
    ovs_strlcpy(nif->vn, "blue", sizeof nif->vn);
    nif->mac = fx_mac(2);
    nif->n_ips = 0;
    nif->nve[0] = '\0';
    nothing();
}
END_TEST

START_TEST(D14_only_one_side_knows_it)
{
    struct nva_inventory_if *nif = nva_inventory_add(inventory);

    ovs_strlcpy(nif->vm, "ghost", sizeof nif->vm);
    nif = nva_inventory_add(inventory);
    ovs_strlcpy(nif->vm, "ghost", sizeof nif->vm);
    nif->mac = fx_mac(7);
    nva_inventory_compare(&fx.view, inventory, &findings);
    ck_assert_uint_eq(findings.n, 2);
    ck_assert_int_eq(findings.a[0].kind, NVA_AUDIT_VM_UNKNOWN);
    ck_assert_str_eq(findings.a[0].object, "vm ghost");
    ck_assert_int_eq(findings.a[1].kind, NVA_AUDIT_VM_UNLISTED);
    ck_assert_str_eq(findings.a[1].object, "vm vm101-1 eth0");
}
END_TEST

START_TEST(D14_interfaces_only_one_side_knows)
{
    fx_second(&fx, tsi, 2);
    truth();
    only(NVA_AUDIT_IF_UNLISTED, "02:00:00:00:00:02 hv1 tap1", "");
    nva_findings_uninit(&findings);

    ovs_strlcpy(truth()->name, "eth2", NVA_NAME_MAX);
    inventory->ifs[1].mac = fx_mac(2);
    inventory->ifs[1].n_ips = 0;
    nothing();
    ovs_strlcpy(truth()->name, "eth5", NVA_NAME_MAX);
    inventory->ifs[2].mac = fx_mac(5);
    only(NVA_AUDIT_IF_UNKNOWN, "", "02:00:00:00:00:05");
}
END_TEST

START_TEST(D14_a_learned_host)
{
    nva_id learned = fx_vm(&fx, BLUE, 3, NULL, HV2, "tap2");
    struct nva_delta d = { .type = NVA_DELTA_VM_PUT };

    d.id = directory_tsi(fx.dir, learned)->vm;
    d.vm = *directory_vm(fx.dir, d.id);
    d.vm.origin = NVA_ORIGIN_LEARNED;
    fx_apply(&fx, &d);
    truth();
    only(NVA_AUDIT_VM_UNLISTED, "02:00:00:00:00:03 hv2 tap2", "");
}
END_TEST

START_TEST(D14_the_limit)
{
    for (int i = 0; i < NVA_INVENTORY_MAX; i++) {
        ck_assert_ptr_nonnull(nva_inventory_add(inventory));
    }
    ck_assert_ptr_null(nva_inventory_add(inventory));
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("inventory");
    Suite *suite = suite_create("inventory");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, D14_both_agree);
    tcase_add_test(tc, D14_what_is_not_stated_is_not_compared);
    tcase_add_test(tc, D14_another_place);
    tcase_add_test(tc, D14_a_prepared_place_is_no_contradiction);
    tcase_add_test(tc, D14_another_mac);
    tcase_add_test(tc, D14_another_vn);
    tcase_add_test(tc, D14_other_addresses);
    tcase_add_test(tc, D14_where_it_learns_the_directory_may_know_more);
    tcase_add_test(tc, D14_only_one_side_knows_it);
    tcase_add_test(tc, D14_interfaces_only_one_side_knows);
    tcase_add_test(tc, D14_a_learned_host);
    tcase_add_test(tc, D14_the_limit);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
