/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include "binding.h"

static struct fixture fx;

static void
setup(void)
{
    fx_init(&fx);
}

static void
teardown(void)
{
    fx_uninit(&fx);
}

/* A VAP in the directory; returns its id. */
static nva_id
add_vap(nva_id nve, const char *port, nva_id vn, bool implied)
{
    struct nva_delta d = { .type = NVA_DELTA_VAP_PUT };

    d.id = d.vap.id = directory_next_id(fx.dir);
    d.vap.nve = nve;
    ovs_strlcpy(d.vap.port, port, sizeof d.vap.port);
    d.vap.vn = vn;
    d.vap.implied = implied;
    fx_apply(&fx, &d);
    fx_start(&fx);
    return d.id;
}

static enum nva_reason
imply(nva_id nve, const char *port, nva_id vn)
{
    return binding_imply(&fx.view, nve, port, vn, &fx.plan);
}

static void
release(nva_id nve, const char *port, nva_id vn)
{
    struct nva_place place = fx_place(nve, port);

    binding_release(&fx.view, &place, vn, &fx.plan);
}

/* Puts into the plan that interface 'id' is at 'current', or may be at
 * 'prepared'. */
static void
plan_place(nva_id id, struct nva_place current, struct nva_place prepared)
{
    struct nva_delta *d = nva_deltas_add(&fx.plan.deltas, NVA_DELTA_TSI_PUT);

    d->id = id;
    d->tsi = *directory_tsi(fx.dir, id);
    d->tsi.current = d->tsi.published = current;
    d->tsi.prepared = prepared;
}

START_TEST(a_free_port_is_bound)
{
    nva_id id = fx.plan.next_id;
    const struct nva_delta *d;

    ck_assert_int_eq(imply(HV2, "tap9", RED), NVA_OK);
    ck_assert_uint_eq(fx.plan.deltas.n, 1);
    d = fx_delta(&fx, NVA_DELTA_VAP_PUT, id);
    ck_assert_ptr_nonnull(d);
    ck_assert_uint_eq(d->vap.id, id);
    ck_assert_uint_eq(d->vap.nve, HV2);
    ck_assert_str_eq(d->vap.port, "tap9");
    ck_assert_uint_eq(d->vap.vn, RED);
    ck_assert(d->vap.implied && !d->vap.has_mac);
    fx_apply_plan(&fx);
}
END_TEST

START_TEST(a_bound_port_needs_nothing)
{
    ck_assert_int_eq(imply(HV2, "tap1", RED), NVA_OK);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    ck_assert_int_eq(imply(HV2, "tap9", RED), NVA_OK);
    ck_assert_int_eq(imply(HV2, "tap9", RED), NVA_OK);  /* In this plan. */
    ck_assert_uint_eq(fx.plan.deltas.n, 1);
}
END_TEST

START_TEST(a_port_of_another_network_is_taken)
{
    ck_assert_int_eq(imply(HV2, "tap2", RED), NVA_R_PORT_TAKEN);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    ck_assert_int_eq(imply(HV2, "tap9", RED), NVA_OK);
    ck_assert_int_eq(imply(HV2, "tap9", BLUE), NVA_R_PORT_TAKEN);
    ck_assert_int_eq(imply(HV3, "tap9", BLUE), NVA_OK);
    ck_assert_uint_eq(fx.plan.deltas.n, 2);
}
END_TEST

/* Fills hv2 with VAPs of networks other than red, so many for each. */
static void
fill(size_t n)
{
    nva_id vn = 30000;

    for (size_t i = 0; i < n; i++) {
        char name[NVA_PORT_NAME_MAX];

        snprintf(name, sizeof name, "p%d", (int) i);
        if (i % 100 == 0) {
            char vn_name[NVA_NAME_MAX];

            snprintf(vn_name, sizeof vn_name, "vn%d", (int) ++vn);
            fx_vn(&fx, vn, vn_name, vn, NVA_BINDING_STRICT);
        }
        fx_vap(&fx, HV2, name, vn);
    }
    fx_start(&fx);
}

START_TEST(an_nve_has_so_many)
{
    fill(NVA_VAPS_PER_NVE_MAX - 1 - directory_n_vaps(fx.dir, HV2));
    ck_assert(binding_has_room(&fx.view, HV2, RED));
    fx_vap(&fx, HV2, "last", BLUE);
    fx_start(&fx);
    ck_assert(!binding_has_room(&fx.view, HV2, RED));
    ck_assert_int_eq(imply(HV2, "tap9", RED), NVA_R_LIMIT);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    ck_assert_int_eq(imply(HV2, "tap1", RED), NVA_OK);
    ck_assert_int_eq(imply(HV3, "tap9", RED), NVA_OK);
}
END_TEST

START_TEST(a_network_has_so_many_at_an_nve)
{
    for (size_t i = 1; i < NVA_VAPS_PER_VN_AT_NVE_MAX; i++) {
        char name[NVA_PORT_NAME_MAX];

        ck_assert(binding_has_room(&fx.view, HV2, RED));
        snprintf(name, sizeof name, "p%d", (int) i);
        fx_vap(&fx, HV2, name, RED);
    }
    fx_start(&fx);
    ck_assert_int_eq(imply(HV2, "tap9", RED), NVA_R_LIMIT);
    ck_assert_int_eq(imply(HV2, "tap9", BLUE), NVA_OK);
    ck_assert_int_eq(imply(HV3, "tap9", RED), NVA_OK);
}
END_TEST

START_TEST(a_network_is_on_so_many)
{
    nva_id last = 0;

    fx_vn(&fx, 103, "green", 300, NVA_BINDING_STRICT);
    for (size_t i = 0; i <= NVA_NVES_PER_VN_MAX; i++) {
        struct nva_delta d = { .type = NVA_DELTA_NVE_PUT };

        last = d.id = d.nve.id = d.nve.dpid = 20000 + i;
        snprintf(d.nve.name, sizeof d.nve.name, "n%d", (int) i);
        fx_apply(&fx, &d);
        if (i < NVA_NVES_PER_VN_MAX) {
            fx_vap(&fx, d.id, "tap1", 103);
        }
    }
    fx_start(&fx);
    ck_assert_int_eq(imply(last, "tap1", 103), NVA_R_LIMIT);
    ck_assert_int_eq(imply(last - 1, "tap9", 103), NVA_OK);     /* There. */
}
END_TEST

START_TEST(released_when_nobody_is_left)
{
    nva_id vap = add_vap(HV2, "tap9", RED, true);
    nva_id tsi = fx_vm(&fx, RED, 1, NULL, HV2, "tap9");

    release(HV2, "tap9", RED);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);             /* It is there. */
    plan_place(tsi, fx_place(HV1, "tap1"), fx_nowhere());
    release(HV2, "tap9", RED);
    ck_assert_uint_eq(fx.plan.deltas.n, 2);
    ck_assert_ptr_nonnull(fx_delta(&fx, NVA_DELTA_VAP_DEL, vap));
    release(HV2, "tap9", RED);                          /* Once. */
    ck_assert_uint_eq(fx.plan.deltas.n, 2);
    fx_apply_plan(&fx);
}
END_TEST

/* Another may come, or comes in this very step. */
START_TEST(kept_while_another_has_a_place_there)
{
    nva_id tsi, other;
    struct nva_tsi t;

    add_vap(HV2, "tap9", RED, true);
    tsi = fx_vm(&fx, RED, 1, NULL, HV2, "tap9");
    other = fx_vm(&fx, RED, 2, NULL, HV1, "tap1");
    t = *directory_tsi(fx.dir, other);
    if (_i == 0) {
        t.prepared = fx_place(HV2, "tap9");
        fx_tsi_put(&fx, &t);
    } else {
        plan_place(other, t.current, fx_place(HV2, "tap9"));
    }
    plan_place(tsi, fx_place(HV1, "tap1"), fx_nowhere());
    release(HV2, "tap9", RED);
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_VAP_DEL), 0);
}
END_TEST

START_TEST(released_when_two_leave_in_one_step)
{
    nva_id a, b;

    add_vap(HV2, "tap9", RED, true);
    a = fx_vm(&fx, RED, 1, NULL, HV2, "tap9");
    b = fx_vm(&fx, RED, 2, NULL, HV2, "tap9");
    plan_place(a, fx_place(HV1, "tap1"), fx_nowhere());
    release(HV2, "tap9", RED);
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_VAP_DEL), 0);
    plan_place(b, fx_place(HV1, "tap1"), fx_nowhere());
    release(HV2, "tap9", RED);
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_VAP_DEL), 1);
}
END_TEST

START_TEST(what_was_configured_is_not_released)
{
    struct nva_place nowhere = fx_nowhere();

    release(HV2, "tap1", RED);                          /* Not implied. */
    release(HV2, "tap9", RED);                          /* None there. */
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    add_vap(HV2, "tap9", RED, true);
    release(HV2, "tap9", BLUE);                         /* Not this VN's. */
    binding_release(&fx.view, &nowhere, RED, &fx.plan);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
}
END_TEST

START_TEST(release_of_the_place_a_redirect_left)
{
    nva_id empty = add_vap(HV2, "tap7", RED, true);
    nva_id tsi = fx_vm(&fx, RED, 1, NULL, HV1, "tap9");
    struct nva_redirect r = {
        .id = 900, .tsi = tsi, .at = HV2, .port = "tap7", .to = HV1,
    };

    add_vap(HV2, "tap8", RED, true);                    /* Another port. */
    add_vap(HV3, "tap7", RED, true);                    /* Another NVE. */
    fx_start(&fx);
    binding_release_left(&fx.view, &r, &fx.plan);
    ck_assert_uint_eq(fx.plan.deltas.n, 1);
    ck_assert_ptr_nonnull(fx_delta(&fx, NVA_DELTA_VAP_DEL, empty));

    r.port[0] = '\0';                                   /* Nobody knows. */
    fx_start(&fx);
    binding_release_left(&fx.view, &r, &fx.plan);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("binding");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_free_port_is_bound);
    tcase_add_test(tc, a_bound_port_needs_nothing);
    tcase_add_test(tc, a_port_of_another_network_is_taken);
    tcase_add_test(tc, an_nve_has_so_many);
    tcase_add_test(tc, a_network_has_so_many_at_an_nve);
    tcase_add_test(tc, a_network_is_on_so_many);
    tcase_add_test(tc, released_when_nobody_is_left);
    tcase_add_loop_test(tc, kept_while_another_has_a_place_there, 0, 2);
    tcase_add_test(tc, released_when_two_leave_in_one_step);
    tcase_add_test(tc, what_was_configured_is_not_released);
    tcase_add_test(tc, release_of_the_place_a_redirect_left);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
