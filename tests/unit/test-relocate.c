/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include "redirect.h"
#include "relocate.h"

enum { MOVE = 7001 };

static struct fixture fx;
static nva_id tsi_id;
static struct nva_tsi t;                /* The caller's value. */
static struct nva_place here, there, beyond;

static void
setup(void)
{
    fx_init(&fx);
    fx.view.now = 1000 * NVA_SEC;
    here = fx_place(HV1, "tap1");
    there = fx_place(HV2, "tap1");
    beyond = fx_place(HV3, "tap1");
    tsi_id = fx_vm(&fx, RED, 1, "10.0.0.1", HV1, "tap1");
    t = *directory_tsi(fx.dir, tsi_id);
    fx_start(&fx);
}

static void
teardown(void)
{
    fx_uninit(&fx);
}

/* Makes the present value of the interface truth. */
static void
put_now(struct nva_place current, struct nva_place published,
        struct nva_place prepared, bool paused)
{
    t.current = current;
    t.published = published;
    t.prepared = prepared;
    t.paused = paused;
    fx_tsi_put(&fx, &t);
    fx_start(&fx);
}

/* The interface as the plan leaves it. */
static const struct nva_tsi *
put(void)
{
    const struct nva_delta *d = fx_delta(&fx, NVA_DELTA_TSI_PUT, tsi_id);

    ck_assert_ptr_nonnull(d);
    ck_assert_uint_eq(d->tsi.id, tsi_id);
    return &d->tsi;
}

static bool
is(const struct nva_place *a, struct nva_place b)
{
    return nva_place_equal(a, &b);
}

static const struct nva_redirect *
redirect_put(void)
{
    const struct nva_delta *d = fx_delta(&fx, NVA_DELTA_REDIRECT_PUT, 0);

    ck_assert_ptr_nonnull(d);
    return &d->redirect;
}

START_TEST(prepare_and_back)
{
    relocate_prepare(&fx.plan, &t, &there);
    ck_assert(is(&t.prepared, there));
    ck_assert(is(&put()->prepared, there));
    ck_assert(is(&put()->current, here) && is(&put()->published, here));
    relocate_prepare(&fx.plan, &t, &(struct nva_place) { .nve = 0 });
    ck_assert(!nva_place_is_set(&put()->prepared));
    ck_assert_uint_eq(fx.plan.deltas.n, 1);     /* One put. */
}
END_TEST

START_TEST(pause_redirects_at_the_old_nve)
{
    put_now(here, here, there, false);
    relocate_pause(&fx.view, &fx.plan, &t, MOVE, false);
    ck_assert(put()->paused);
    ck_assert(is(&put()->current, here) && is(&put()->published, here));
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_REDIRECT_PUT), 1);
    ck_assert_uint_eq(redirect_put()->at, HV1);
    ck_assert_uint_eq(redirect_put()->to, HV2);
    ck_assert_uint_eq(redirect_put()->move, MOVE);
    fx_apply_plan(&fx);
}
END_TEST

START_TEST(pause_without_another_nve_redirects_nothing)
{
    if (_i == 0) {
        put_now(here, here, fx_place(HV1, "tap2"), false);
    } else if (_i == 1) {
        put_now(fx_nowhere(), fx_nowhere(), there, false);
    } else {
        put_now(here, here, there, true);
        fx_redirect(&fx, tsi_id, HV1, HV2, MOVE, fx.view.now);
        fx_start(&fx);
    }
    relocate_pause(&fx.view, &fx.plan, &t, MOVE, false);
    ck_assert(put()->paused);
    ck_assert_uint_eq(fx.plan.deltas.n, 1);
}
END_TEST

static void
hold_connections(void)
{
    struct nva_delta d = { .type = NVA_DELTA_VM_PUT, .id = t.vm };

    d.vm = *directory_vm(fx.dir, t.vm);
    d.vm.connections = NVA_CONNECTIONS_HOLD;
    fx_apply(&fx, &d);
}

/* Held from the pause until all of it is out, wherever that is; or until it
 * turns out to be elsewhere. */
START_TEST(D18_held_from_pause_on)
{
    put_now(here, here, there, false);
    if (_i) {
        hold_connections();
    }
    relocate_pause(&fx.view, &fx.plan, &t, MOVE, false);
    ck_assert_int_eq(t.held_until, _i ? fx.view.now + NVA_HOLD_MAX : 0);
    if (_i == 1) {
        relocate_switch(&fx.view, &fx.plan, &t, &there, MOVE);
        ck_assert_int_gt(t.held_until, 0);
        relocate_let_go(&fx.plan, &t);
    } else if (_i == 2) {
        relocate_resume(&fx.view, &fx.plan, &t);
        ck_assert_int_gt(t.held_until, 0);
        relocate_prepare(&fx.plan, &t, &(struct nva_place) { .nve = 0 });
        ck_assert_int_gt(t.held_until, 0);
        relocate_let_go(&fx.plan, &t);
    } else if (_i == 3) {
        relocate_switch(&fx.view, &fx.plan, &t, &beyond, MOVE);
    }
    ck_assert_int_eq(t.held_until, 0);
}
END_TEST

START_TEST(resume_ends_the_redirect)
{
    nva_id id;

    put_now(here, here, there, true);
    id = fx_redirect(&fx, tsi_id, HV1, HV2, MOVE, fx.view.now);
    fx_start(&fx);
    relocate_resume(&fx.view, &fx.plan, &t);
    ck_assert(!put()->paused);
    ck_assert(is(&put()->prepared, there));
    ck_assert_ptr_nonnull(fx_delta(&fx, NVA_DELTA_REDIRECT_DEL, id));
    fx_apply_plan(&fx);
}
END_TEST

START_TEST(the_first_place_is_published_at_once)
{
    put_now(fx_nowhere(), fx_nowhere(), there, false);
    fx_unconfirm(&fx, HV2, NVA_OWNER_TSI, tsi_id);
    relocate_switch(&fx.view, &fx.plan, &t, &there, NVA_ID_NONE);
    ck_assert(is(&put()->current, there) && is(&put()->published, there));
    ck_assert(!nva_place_is_set(&put()->prepared));
    ck_assert_uint_eq(fx.plan.deltas.n, 1);
}
END_TEST

START_TEST(another_port_of_the_nve_is_published_at_once)
{
    struct nva_place port2 = fx_place(HV1, "tap2");

    fx_unconfirm(&fx, HV1, NVA_OWNER_TSI, tsi_id);
    relocate_switch(&fx.view, &fx.plan, &t, &port2, MOVE);
    ck_assert(is(&put()->current, port2) && is(&put()->published, port2));
    ck_assert_uint_eq(fx.plan.deltas.n, 1);
}
END_TEST

START_TEST(D17_switch_to_a_prepared_place_publishes)
{
    put_now(here, here, there, false);
    relocate_switch(&fx.view, &fx.plan, &t, &there, MOVE);
    ck_assert(is(&put()->current, there) && is(&put()->published, there));
    ck_assert(!nva_place_is_set(&put()->prepared));
    ck_assert(!put()->paused);
    ck_assert_ptr_nonnull(fx_stamp(&fx, MOVE, NVA_STAMP_GATE_PASSED));
    ck_assert_uint_eq(fx_stamp(&fx, MOVE, NVA_STAMP_GATE_PASSED)->nve, HV2);
    ck_assert_uint_eq(redirect_put()->at, HV1);
    ck_assert_uint_eq(redirect_put()->to, HV2);
    fx_apply_plan(&fx);
}
END_TEST

START_TEST(D17_switch_keeps_the_redirect_of_the_pause)
{
    nva_id id;

    put_now(here, here, there, true);
    id = fx_redirect(&fx, tsi_id, HV1, HV2, MOVE, fx.view.now);
    fx_start(&fx);
    relocate_switch(&fx.view, &fx.plan, &t, &there, MOVE);
    ck_assert(is(&put()->published, there) && !put()->paused);
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_REDIRECT_DEL), 0);
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_REDIRECT_PUT), 1);
    ck_assert_uint_eq(redirect_put()->id, id);
    fx_apply_plan(&fx);
}
END_TEST

/* Not prepared; prepared elsewhere; prepared and not confirmed; prepared and
 * redirecting: peers are not told. */
START_TEST(D17_switch_waits_for_the_gate)
{
    nva_id trailing = NVA_ID_NONE;

    if (_i == 1) {
        put_now(here, here, beyond, false);
    } else if (_i == 2) {
        put_now(here, here, there, false);
        fx_unconfirm(&fx, HV2, NVA_OWNER_TSI, tsi_id);
    } else if (_i == 3) {
        put_now(here, here, there, false);
        trailing = fx_redirect(&fx, tsi_id, HV2, HV1, MOVE, fx.view.now);
        fx_start(&fx);
    }
    relocate_switch(&fx.view, &fx.plan, &t, &there, MOVE);
    ck_assert(is(&put()->current, there) && is(&put()->published, here));
    ck_assert(!nva_place_is_set(&put()->prepared));
    ck_assert_ptr_null(fx_stamp(&fx, MOVE, NVA_STAMP_GATE_PASSED));
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_REDIRECT_PUT), 0);
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_REDIRECT_DEL), _i == 3);
    ck_assert(!trailing
              || fx_delta(&fx, NVA_DELTA_REDIRECT_DEL, trailing) != NULL);
    fx_apply_plan(&fx);
}
END_TEST

/* A -> B -> A before B's gate opened: what A still redirects must end. */
START_TEST(D11_switch_leaves_no_redirect_at_its_nve)
{
    nva_id id;

    put_now(there, here, fx_nowhere(), false);
    id = fx_redirect(&fx, tsi_id, HV1, HV2, MOVE, fx.view.now);
    fx_start(&fx);
    relocate_switch(&fx.view, &fx.plan, &t, &here, MOVE);
    ck_assert(is(&put()->current, here) && is(&put()->published, here));
    ck_assert_ptr_nonnull(fx_delta(&fx, NVA_DELTA_REDIRECT_DEL, id));
    fx_apply_plan(&fx);
}
END_TEST

/* Published here, but the VM was elsewhere: not "the same NVE". */
START_TEST(back_at_another_port_waits_for_the_gate)
{
    struct nva_place port2 = fx_place(HV1, "tap2");

    put_now(there, here, fx_nowhere(), false);
    relocate_switch(&fx.view, &fx.plan, &t, &port2, MOVE);
    ck_assert(is(&put()->current, port2) && is(&put()->published, here));
}
END_TEST

START_TEST(K4_publish_asks_the_gate)
{
    put_now(there, here, fx_nowhere(), false);
    if (_i == 0) {
        fx_unconfirm(&fx, HV2, NVA_OWNER_TSI, tsi_id);
    } else if (_i == 1) {
        fx_redirect(&fx, tsi_id, HV2, HV1, MOVE, fx.view.now);
        fx_start(&fx);
    } else {
        put_now(here, here, fx_nowhere(), false);       /* Nothing to do. */
    }
    ck_assert(!relocate_publish_if_open(&fx.view, &fx.plan, &t, MOVE));
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
}
END_TEST

/* The gate is the new NVE's alone. */
START_TEST(K4_publish_when_open)
{
    put_now(there, here, fx_nowhere(), false);
    fx_unconfirm(&fx, HV1, NVA_OWNER_TSI, tsi_id);
    fx_unconfirm(&fx, HV3, NVA_OWNER_TSI, tsi_id);
    fx_redirect(&fx, tsi_id, HV3, HV1, MOVE, fx.view.now);
    fx_start(&fx);
    ck_assert(relocate_publish_if_open(&fx.view, &fx.plan, &t, MOVE));
    ck_assert(is(&put()->published, there));
    ck_assert_int_eq(fx_stamp(&fx, MOVE, NVA_STAMP_GATE_PASSED)->when,
                     fx.view.now);
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_REDIRECT_PUT), 2);
    ck_assert_uint_eq(redirect_put()->to, HV2);
    fx_apply_plan(&fx);
    ck_assert_uint_eq(redirect_at(fx.dir, tsi_id, HV1)->to, HV2);
    ck_assert_uint_eq(redirect_at(fx.dir, tsi_id, HV3)->to, HV2);
}
END_TEST

/* The change of its forwarding and the redirect are one step (3.3). */
START_TEST(put_comes_before_its_redirects)
{
    put_now(there, here, fx_nowhere(), false);
    ck_assert(relocate_publish_if_open(&fx.view, &fx.plan, &t, NVA_ID_NONE));
    ck_assert_uint_eq(fx.plan.deltas.n, 2);
    ck_assert_int_eq(fx.plan.deltas.a[0].type, NVA_DELTA_TSI_PUT);
    ck_assert_int_eq(fx.plan.deltas.a[1].type, NVA_DELTA_REDIRECT_PUT);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("relocate");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, prepare_and_back);
    tcase_add_test(tc, pause_redirects_at_the_old_nve);
    tcase_add_loop_test(tc, pause_without_another_nve_redirects_nothing,
                        0, 3);
    tcase_add_loop_test(tc, D18_held_from_pause_on, 0, 4);
    tcase_add_test(tc, resume_ends_the_redirect);
    tcase_add_test(tc, the_first_place_is_published_at_once);
    tcase_add_test(tc, another_port_of_the_nve_is_published_at_once);
    tcase_add_test(tc, D17_switch_to_a_prepared_place_publishes);
    tcase_add_test(tc, D17_switch_keeps_the_redirect_of_the_pause);
    tcase_add_loop_test(tc, D17_switch_waits_for_the_gate, 0, 4);
    tcase_add_test(tc, D11_switch_leaves_no_redirect_at_its_nve);
    tcase_add_test(tc, back_at_another_port_waits_for_the_gate);
    tcase_add_loop_test(tc, K4_publish_asks_the_gate, 0, 3);
    tcase_add_test(tc, K4_publish_when_open);
    tcase_add_test(tc, put_comes_before_its_redirects);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
