/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include "binding.h"
#include "packets.h"

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
sweep(void)
{
    binding_sweep(&fx.view, &fx.plan);
}

static void
add_redirect(nva_id id, nva_id tsi, nva_id at, const char *port)
{
    struct nva_delta d = { .type = NVA_DELTA_REDIRECT_PUT, .id = id };

    d.redirect = (struct nva_redirect) {
        .id = id, .tsi = tsi, .at = at, .to = HV1,
    };
    ovs_strlcpy(d.redirect.port, port, sizeof d.redirect.port);
    fx_apply(&fx, &d);
    fx_start(&fx);
}

static void
plan_redirect_del(nva_id id)
{
    nva_deltas_add(&fx.plan.deltas, NVA_DELTA_REDIRECT_DEL)->id = id;
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

    plan_place(tsi, fx_place(HV2, "tap9"), fx_nowhere());
    sweep();
    ck_assert_uint_eq(fx.plan.deltas.n, 1);             /* It is there. */
    plan_place(tsi, fx_place(HV1, "tap1"), fx_nowhere());
    sweep();
    ck_assert_uint_eq(fx.plan.deltas.n, 3);
    ck_assert_ptr_nonnull(fx_delta(&fx, NVA_DELTA_VAP_DEL, vap));
    sweep();                                            /* Once. */
    ck_assert_uint_eq(fx.plan.deltas.n, 3);
    fx_apply_plan(&fx);
}
END_TEST

START_TEST(released_with_the_interface)
{
    add_vap(HV2, "tap9", RED, true);
    nva_deltas_add(&fx.plan.deltas, NVA_DELTA_TSI_DEL)->id
        = fx_vm(&fx, RED, 1, NULL, HV2, "tap9");
    sweep();
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_VAP_DEL), 1);
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
    sweep();
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
    sweep();
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_VAP_DEL), 0);
    plan_place(b, fx_place(HV1, "tap1"), fx_nowhere());
    sweep();
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_VAP_DEL), 1);
}
END_TEST

START_TEST(what_was_configured_is_not_released)
{
    nva_id a = fx_vm(&fx, RED, 1, NULL, HV2, "tap1");   /* Not implied. */
    nva_id b = fx_vm(&fx, RED, 2, NULL, HV2, "tap9");   /* None there. */
    nva_id c = fx_vm(&fx, RED, 3, NULL, HV2, "tap8");   /* Not this VN's. */

    add_vap(HV2, "tap8", BLUE, true);
    plan_place(a, fx_place(HV1, "tap1"), fx_nowhere());
    plan_place(b, fx_place(HV1, "tap1"), fx_nowhere());
    plan_place(c, fx_nowhere(), fx_nowhere());
    sweep();
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_VAP_DEL), 0);
}
END_TEST

START_TEST(kept_until_the_redirect_ends)
{
    nva_id left = add_vap(HV2, "tap7", RED, true);
    nva_id tsi = fx_vm(&fx, RED, 1, NULL, HV2, "tap7");

    fx_port(&fx, HV2, "tap7", 17);
    add_vap(HV2, "tap8", RED, true);                    /* Another port. */
    add_vap(HV3, "tap7", RED, true);                    /* Another NVE. */
    add_redirect(900, tsi, HV2, "tap7");
    plan_place(tsi, fx_place(HV1, "tap9"), fx_nowhere());
    sweep();
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_VAP_DEL), 0);
    plan_redirect_del(900);
    sweep();
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_VAP_DEL), 1);
    ck_assert_ptr_nonnull(fx_delta(&fx, NVA_DELTA_VAP_DEL, left));
}
END_TEST

/* Turned to a new place, it is another instance at the same one. */
START_TEST(kept_when_the_redirect_is_replaced)
{
    nva_id tsi;

    fx_port(&fx, HV2, "tap7", 17);
    add_vap(HV2, "tap7", RED, true);
    tsi = fx_vm(&fx, RED, 1, NULL, HV1, "tap9");
    add_redirect(900, tsi, HV2, "tap7");
    plan_redirect_del(900);
    nva_deltas_add(&fx.plan.deltas, NVA_DELTA_REDIRECT_PUT)->redirect
        = (struct nva_redirect) {
        .id = 901, .tsi = tsi, .at = HV2, .port = "tap7", .to = HV3,
    };
    sweep();
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_VAP_DEL), 0);
}
END_TEST

/* The port is gone: a redirect that was left there, or that the same step
 * begins, has a VAP that is no port's, and takes it along. */
START_TEST(released_when_the_port_is_gone)
{
    nva_id left = add_vap(HV2, "tap7", RED, true);
    nva_id tsi = fx_vm(&fx, RED, 1, NULL, HV2, "tap7");
    const struct nva_redirect *r;
    const struct nva_vap *vap;

    if (!_i) {
        add_redirect(900, tsi, HV2, "tap7");
    }
    plan_place(tsi, fx_place(HV1, "tap9"), fx_nowhere());
    if (_i) {
        struct nva_delta *d = nva_deltas_add(&fx.plan.deltas,
                                             NVA_DELTA_REDIRECT_PUT);

        d->id = 900;
        d->redirect = (struct nva_redirect) {
            .id = 900, .tsi = tsi, .at = HV2, .port = "tap7", .to = HV1,
        };
    }
    sweep();
    ck_assert_ptr_nonnull(fx_delta(&fx, NVA_DELTA_VAP_DEL, left));
    fx_apply_plan(&fx);
    r = directory_redirect(fx.dir, 900);
    vap = directory_vap_by_key(fx.dir, HV2, r->port, false, eth_addr_zero);
    ck_assert_ptr_nonnull(vap);
    ck_assert(binding_is_nameless(vap) && vap->implied && vap->vn == RED);
    fx_start(&fx);
    plan_redirect_del(900);
    sweep();
    ck_assert_ptr_nonnull(fx_delta(&fx, NVA_DELTA_VAP_DEL, vap->id));
}
END_TEST

START_TEST(nobody_knows_the_port_that_was_left)
{
    nva_id tsi = fx_vm(&fx, RED, 1, NULL, HV1, "tap9");

    add_vap(HV2, "tap7", RED, true);
    add_redirect(900, tsi, HV2, "");
    plan_redirect_del(900);
    sweep();
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_VAP_DEL), 0);
}
END_TEST

/* From port to port of one NVE there is no redirect. */
START_TEST(kept_until_the_move_ends)
{
    nva_id tsi, id;
    struct nva_delta *d;

    fx_port(&fx, HV2, "tap7", 17);
    add_vap(HV2, "tap7", RED, true);
    add_vap(HV2, "tap8", RED, true);
    tsi = fx_vm(&fx, RED, 1, NULL, HV2, "tap7");
    id = fx_move(&fx, tsi, NVA_MS_DRAINING, fx_place(HV2, "tap7"),
                 fx_place(HV2, "tap8"));
    fx_start(&fx);
    plan_place(tsi, fx_place(HV2, "tap8"), fx_nowhere());
    sweep();
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_VAP_DEL), 0);
    fx_apply_plan(&fx);

    fx_start(&fx);
    d = nva_deltas_add(&fx.plan.deltas, NVA_DELTA_MOVE_PUT);
    d->id = id;
    d->move = *directory_move(fx.dir, id);
    d->move.state = NVA_MS_DONE;
    d = nva_deltas_add(&fx.plan.deltas, NVA_DELTA_VM_PUT);
    d->id = directory_tsi(fx.dir, tsi)->vm;
    d->vm = *directory_vm(fx.dir, d->id);
    d->vm.move = NVA_ID_NONE;
    sweep();
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_VAP_DEL), 1);
    fx_apply_plan(&fx);
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
    tcase_add_test(tc, released_with_the_interface);
    tcase_add_loop_test(tc, kept_while_another_has_a_place_there, 0, 2);
    tcase_add_test(tc, released_when_two_leave_in_one_step);
    tcase_add_test(tc, what_was_configured_is_not_released);
    tcase_add_test(tc, kept_until_the_redirect_ends);
    tcase_add_test(tc, kept_when_the_redirect_is_replaced);
    tcase_add_loop_test(tc, released_when_the_port_is_gone, 0, 2);
    tcase_add_test(tc, nobody_knows_the_port_that_was_left);
    tcase_add_test(tc, kept_until_the_move_ends);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
