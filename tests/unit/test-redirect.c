/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include "redirect.h"

enum { MOVE = 7001 };

static struct fixture fx;
static nva_id tsi_id;

#define NOW (1000 * NVA_SEC)
#define TIMEOUT (NVA_REDIRECT_TIMEOUT_DEFAULT * NVA_SEC)

static void
setup(void)
{
    fx_init(&fx);
    fx.view.now = NOW;
    tsi_id = fx_vm(&fx, RED, 1, "10.0.0.1", HV3, "tap1");
    fx_start(&fx);
}

static void
teardown(void)
{
    fx_uninit(&fx);
}

static const struct nva_tsi *
tsi(void)
{
    return directory_tsi(fx.dir, tsi_id);
}

/* A redirect of the interface from 'at' to 'to', armed just now. */
static nva_id
arm(nva_id at, nva_id to)
{
    nva_id id = fx_redirect(&fx, tsi_id, at, to, MOVE, fx.view.now);

    fx_start(&fx);
    return id;
}

static void
add_nve(nva_id id)
{
    struct nva_delta d = { .type = NVA_DELTA_NVE_PUT, .id = id };

    d.nve.id = d.nve.dpid = id;
    snprintf(d.nve.name, sizeof d.nve.name, "hv%d", (int) id);
    fx_apply(&fx, &d);
}

static const struct nva_redirect *
put_of(nva_id id)
{
    const struct nva_delta *d = fx_delta(&fx, NVA_DELTA_REDIRECT_PUT, id);

    return d ? &d->redirect : NULL;
}

static bool
deleted(nva_id id)
{
    return fx_delta(&fx, NVA_DELTA_REDIRECT_DEL, id) != NULL;
}

/* ## Arming ## */

/* Through the module, from port tap9. */
static nva_id
arm_now(nva_id at, nva_id to)
{
    const struct nva_place left = { .nve = at, .port = "tap9" };

    return redirect_arm(&fx.view, tsi(), &left, to, MOVE, &fx.plan);
}

START_TEST(timeout_is_the_networks)
{
    struct nva_delta d = { .type = NVA_DELTA_VN_PUT, .id = RED };

    ck_assert_int_eq(redirect_timeout(fx.dir, tsi()), TIMEOUT);
    d.vn = *directory_vn(fx.dir, RED);
    d.vn.redirect_timeout = 3;
    fx_apply(&fx, &d);
    ck_assert_int_eq(redirect_timeout(fx.dir, tsi()), 3 * NVA_SEC);
}
END_TEST

START_TEST(D11_arm_makes_a_new_instance)
{
    const struct nva_stamp *stamp;
    const struct nva_redirect *r;
    nva_id id = fx.plan.next_id;

    ck_assert_uint_eq(arm_now(HV1, HV2), NVA_ID_NONE);
    ck_assert_uint_eq(fx.plan.deltas.n, 2);
    r = put_of(id);
    ck_assert_ptr_nonnull(r);
    ck_assert_uint_eq(r->id, id);
    ck_assert_uint_eq(r->tsi, tsi_id);
    ck_assert_uint_eq(r->at, HV1);
    ck_assert_uint_eq(r->to, HV2);
    ck_assert_uint_eq(r->move, MOVE);
    ck_assert_int_eq(r->since, NOW);
    ck_assert_int_eq(r->until, NOW + TIMEOUT);
    stamp = fx_stamp(&fx, MOVE, NVA_STAMP_REDIRECT_ON);
    ck_assert_ptr_nonnull(stamp);
    ck_assert_uint_eq(stamp->nve, HV1);
    ck_assert_uint_eq(stamp->other, HV2);
    ck_assert_int_eq(stamp->when, NOW);
    fx_apply_plan(&fx);
    ck_assert_uint_eq(redirect_at(fx.dir, tsi_id, HV1)->id, id);
    ck_assert_ptr_null(redirect_at(fx.dir, tsi_id, HV2));
}
END_TEST

/* Of connections that are to be reset, if the VM stood there: a late packet
 * may be of a connection that was opened since. */
START_TEST(D18_resets_where_the_vm_stood)
{
    struct nva_delta d = { .type = NVA_DELTA_VM_PUT, .id = tsi()->vm };
    const struct nva_place no_port = { .nve = HV2 };
    nva_id id = fx.plan.next_id;

    arm_now(HV1, HV3);
    ck_assert(!put_of(id)->resets);
    d.vm = *directory_vm(fx.dir, tsi()->vm);
    d.vm.connections = NVA_CONNECTIONS_RESET;
    fx_apply(&fx, &d);
    id = fx.plan.next_id;
    arm_now(HV1, HV3);
    ck_assert(put_of(id)->resets);
    id = fx.plan.next_id;
    redirect_arm(&fx.view, tsi(), &no_port, HV3, MOVE, &fx.plan);
    ck_assert(!put_of(id)->resets);
}
END_TEST

START_TEST(one_too_many_evicts_the_oldest)
{
    nva_id ids[NVA_REDIRECTS_PER_TSI_MAX];

    for (size_t i = 0; i < NVA_REDIRECTS_PER_TSI_MAX; i++) {
        add_nve(50 + i);
        fx.view.now = NOW - (i == 3 ? 9 : 5) * NVA_SEC;
        ids[i] = arm(50 + i, HV1);
    }
    fx.view.now = NOW;
    ck_assert_uint_eq(arm_now(HV2, HV1), ids[3]);
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_REDIRECT_DEL), 1);
    ck_assert(deleted(ids[3]));
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_REDIRECT_PUT), 1);
    ck_assert_uint_eq(fx_stamp(&fx, MOVE, NVA_STAMP_REDIRECT_OFF)->nve, 53);
    fx_apply_plan(&fx);
}
END_TEST

START_TEST(up_to_the_limit_nothing_is_evicted)
{
    for (size_t i = 0; i < NVA_REDIRECTS_PER_TSI_MAX - 1; i++) {
        add_nve(50 + i);
        arm(50 + i, HV1);
    }
    ck_assert_uint_eq(arm_now(HV2, HV1), NVA_ID_NONE);
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_REDIRECT_DEL), 0);
}
END_TEST

START_TEST(clear_ends_the_one_there)
{
    nva_id a = arm(HV2, HV1), b = arm(HV3, HV1);

    redirect_clear_at(&fx.view, tsi(), HV1, &fx.plan);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    redirect_clear_at(&fx.view, tsi(), HV3, &fx.plan);
    ck_assert(deleted(b) && !deleted(a));
    ck_assert_uint_eq(fx.plan.deltas.n, 2);
    ck_assert_uint_eq(fx_stamp(&fx, MOVE, NVA_STAMP_REDIRECT_OFF)->nve, HV3);
}
END_TEST

START_TEST(ended_by_the_switch)
{
    nva_id id = arm(HV2, HV1);
    const struct nva_stamp *stamp;

    redirect_ended(&fx.view, 9999, 5, &fx.plan);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    redirect_ended(&fx.view, id, 42, &fx.plan);
    ck_assert(deleted(id));
    stamp = fx_stamp(&fx, MOVE, NVA_STAMP_REDIRECT_OFF);
    ck_assert_ptr_nonnull(stamp);
    ck_assert_uint_eq(stamp->count, 42);
    ck_assert_uint_eq(stamp->nve, HV2);
    ck_assert_uint_eq(stamp->other, HV1);
}
END_TEST

/* ## Following ## */

/* The interface is published at 'to' now, it was at 'from' before. */
static void
follow(struct nva_place from, struct nva_place to, nva_id move)
{
    struct nva_tsi t = *tsi();

    t.current = t.published = to;
    fx_tsi_put(&fx, &t);
    fx_start(&fx);
    redirect_follow(&fx.view, &t, &from, move, &fx.plan);
}

START_TEST(D11_follow_arms_at_the_old_nve)
{
    const struct nva_redirect *r;

    follow(fx_place(HV1, "tap1"), fx_place(HV2, "tap1"), MOVE);
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_REDIRECT_PUT), 1);
    r = put_of(NVA_ID_NONE);
    ck_assert_uint_eq(r->at, HV1);
    ck_assert_uint_eq(r->to, HV2);
    ck_assert_uint_eq(r->move, MOVE);
}
END_TEST

START_TEST(follow_arms_nothing_on_the_same_nve_or_from_nowhere)
{
    follow(_i ? fx_nowhere() : fx_place(HV2, "tap2"), fx_place(HV2, "tap1"),
           MOVE);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
}
END_TEST

/* A -> B -> C: A's leads to C now, as another instance; B gets one. */
START_TEST(D11_follow_retargets_every_trailing_redirect)
{
    nva_id old = arm(HV1, HV2), first = directory_next_id(fx.dir);
    const struct nva_redirect *a = NULL, *b = NULL;
    const struct nva_stamp *stamp;

    fx.view.now = NOW + 3 * NVA_SEC;
    follow(fx_place(HV2, "tap1"), fx_place(HV3, "tap1"), MOVE + 1);
    ck_assert(deleted(old));
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_REDIRECT_DEL), 1);
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_REDIRECT_PUT), 2);
    for (nva_id id = first; id < fx.plan.next_id; id++) {
        const struct nva_redirect *r = put_of(id);

        ck_assert_ptr_nonnull(r);
        ck_assert_uint_eq(r->id, id);
        ck_assert_uint_eq(r->to, HV3);
        ck_assert_int_eq(r->since, fx.view.now);
        ck_assert_int_eq(r->until, fx.view.now + TIMEOUT);
        ck_assert_uint_eq(r->move, MOVE + 1);
        a = r->at == HV1 ? r : a;
        b = r->at == HV2 ? r : b;
    }
    ck_assert(a && b);
    ck_assert_uint_ne(a->id, old);
    stamp = fx_stamp(&fx, MOVE + 1, NVA_STAMP_REDIRECT_RETARGETED);
    ck_assert_ptr_nonnull(stamp);
    ck_assert_uint_eq(stamp->nve, HV1);
    ck_assert_uint_eq(stamp->other, HV3);
    fx_apply_plan(&fx);
}
END_TEST

/* A -> B -> A: the one at A goes, B gets one. */
START_TEST(D11_follow_leaves_none_at_the_new_nve)
{
    nva_id old = arm(HV1, HV2);

    follow(fx_place(HV2, "tap1"), fx_place(HV1, "tap1"), MOVE + 1);
    ck_assert(deleted(old));
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_REDIRECT_PUT), 1);
    ck_assert_uint_eq(put_of(NVA_ID_NONE)->at, HV2);
    ck_assert_uint_eq(put_of(NVA_ID_NONE)->to, HV1);
    ck_assert_uint_eq(fx_stamp(&fx, MOVE, NVA_STAMP_REDIRECT_OFF)->nve, HV1);
    fx_apply_plan(&fx);
}
END_TEST

/* A pause made it: the same instance lives its full time from the switch. */
START_TEST(follow_keeps_the_one_that_a_pause_made)
{
    nva_id id = arm(HV1, HV2);

    fx.view.now = NOW + 8 * NVA_SEC;
    follow(fx_place(HV1, "tap1"), fx_place(HV2, "tap1"), MOVE + 1);
    ck_assert_uint_eq(fx.plan.deltas.n, 1);
    ck_assert_ptr_nonnull(put_of(id));
    ck_assert_int_eq(put_of(id)->until, fx.view.now + TIMEOUT);
    ck_assert_int_eq(put_of(id)->since, NOW);
    ck_assert_uint_eq(put_of(id)->move, MOVE);
}
END_TEST

START_TEST(follow_does_not_retarget_the_evicted)
{
    nva_id ids[NVA_REDIRECTS_PER_TSI_MAX];

    for (size_t i = 0; i < NVA_REDIRECTS_PER_TSI_MAX; i++) {
        add_nve(50 + i);
        fx.view.now = NOW + (int) i * NVA_MSEC;
        ids[i] = arm(50 + i, HV1);
    }
    follow(fx_place(HV1, "tap1"), fx_place(HV2, "tap1"), MOVE);
    for (size_t i = 0; i < NVA_REDIRECTS_PER_TSI_MAX; i++) {
        ck_assert(deleted(ids[i]));
    }
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_REDIRECT_DEL),
                      NVA_REDIRECTS_PER_TSI_MAX);
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_REDIRECT_PUT),
                      NVA_REDIRECTS_PER_TSI_MAX);
    fx_apply_plan(&fx);
}
END_TEST

/* ## Time ## */

static bool owing;

static bool
owes(const struct nva_view *v, const struct nva_tsi *t)
{
    ck_assert_ptr_eq(v, &fx.view);
    ck_assert_uint_eq(t->id, tsi_id);
    return owing;
}

/* The timer at 'when'; true if the plan is not empty. */
static bool
timer(nva_usec when)
{
    fx.view.now = when;
    fx_start(&fx);
    redirect_timer(&fx.view, owes, &fx.plan);
    return fx.plan.deltas.n > 0;
}

static void
pause_tsi(void)
{
    struct nva_tsi t = *tsi();

    t.paused = true;
    t.current = t.published = fx_place(HV1, "tap9");
    t.prepared = fx_place(HV2, "tap1");
    fx_tsi_put(&fx, &t);
}

START_TEST(D11_rearmed_shortly_before_its_end_while_somebody_owes)
{
    nva_id id = arm(HV1, HV2);
    nva_usec look = NOW + TIMEOUT - NVA_SEC;

    owing = true;
    ck_assert(!timer(look - 1));
    ck_assert(timer(look));
    ck_assert_uint_eq(fx.plan.deltas.n, 2);
    ck_assert_ptr_nonnull(put_of(id));
    ck_assert_int_eq(put_of(id)->until, look + TIMEOUT);
    ck_assert_int_eq(put_of(id)->since, NOW);
    ck_assert_uint_eq(fx_stamp(&fx, MOVE, NVA_STAMP_REDIRECT_REARMED)->nve,
                      HV1);
}
END_TEST

START_TEST(rearmed_while_paused)
{
    nva_id id = arm(HV1, HV2);

    owing = false;
    pause_tsi();
    ck_assert(timer(NOW + TIMEOUT - NVA_SEC));
    ck_assert_ptr_nonnull(put_of(id));
}
END_TEST

START_TEST(left_to_end_when_nobody_owes)
{
    arm(HV1, HV2);
    owing = false;
    ck_assert(!timer(NOW + TIMEOUT - NVA_SEC));
    ck_assert(!timer(NOW + TIMEOUT));
}
END_TEST

/* The switch has ended it: an add now would be another redirect. */
START_TEST(not_rearmed_after_its_end)
{
    nva_id id = arm(HV1, HV2);

    owing = true;
    ck_assert(!timer(NOW + TIMEOUT));
    ck_assert(!timer(NOW + TIMEOUT + 2 * NVA_SEC - 1));
    ck_assert(timer(NOW + TIMEOUT + 2 * NVA_SEC));
    ck_assert(deleted(id));
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_REDIRECT_PUT), 0);
    ck_assert_ptr_nonnull(fx_stamp(&fx, MOVE, NVA_STAMP_REDIRECT_OFF));
}
END_TEST

START_TEST(rearming_has_a_limit)
{
    nva_usec when = NOW + TIMEOUT - NVA_SEC;
    size_t n = 0;

    arm(HV1, HV2);
    owing = true;
    while (timer(when)) {
        const struct nva_delta *d = &fx.plan.deltas.a[0];

        if (d->type == NVA_DELTA_REDIRECT_DEL) {
            break;
        }
        fx_apply_plan(&fx);
        when = d->redirect.until - NVA_SEC;
        ck_assert_uint_le(++n, 100);
    }
    ck_assert_int_ge(when, NOW + NVA_REDIRECT_MAX);
    ck_assert_int_le(when, NOW + NVA_REDIRECT_MAX + TIMEOUT);
}
END_TEST

START_TEST(a_short_redirect_is_looked_at_half_way)
{
    struct nva_delta d = { .type = NVA_DELTA_VN_PUT, .id = RED };

    d.vn = *directory_vn(fx.dir, RED);
    d.vn.redirect_timeout = 1;
    fx_apply(&fx, &d);
    arm_now(HV1, HV2);
    fx_apply_plan(&fx);
    ck_assert_int_eq(redirect_deadline(&fx.view), NOW + NVA_SEC / 2);
    owing = true;
    ck_assert(!timer(NOW + NVA_SEC / 2 - 1));
    ck_assert(timer(NOW + NVA_SEC / 2));
}
END_TEST

START_TEST(deadline_is_the_next_look_or_the_surely_ended)
{
    nva_usec look = NOW + TIMEOUT - NVA_SEC;

    ck_assert_int_eq(redirect_deadline(&fx.view), NVA_NEVER);
    arm(HV1, HV2);
    ck_assert_int_eq(redirect_deadline(&fx.view), look);
    fx.view.now = NOW + NVA_SEC;
    arm(HV2, HV3);
    ck_assert_int_eq(redirect_deadline(&fx.view), look);

    /* Looked at, left to end: the other one is next, then the first's end. */
    fx.view.now = look + 1;
    ck_assert_int_eq(redirect_deadline(&fx.view), look + NVA_SEC);
    fx.view.now = look + NVA_SEC + 1;
    ck_assert_int_eq(redirect_deadline(&fx.view), NOW + TIMEOUT + 2 * NVA_SEC);
}
END_TEST

/* A timer that fires on the microsecond must not be due again at once. */
START_TEST(a_deadline_that_was_served_is_over)
{
    nva_usec look = NOW + TIMEOUT - NVA_SEC;

    arm(HV1, HV2);
    owing = false;
    ck_assert(!timer(look));
    ck_assert_int_gt(redirect_deadline(&fx.view), look);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("redirect");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, timeout_is_the_networks);
    tcase_add_test(tc, D11_arm_makes_a_new_instance);
    tcase_add_test(tc, D18_resets_where_the_vm_stood);
    tcase_add_test(tc, one_too_many_evicts_the_oldest);
    tcase_add_test(tc, up_to_the_limit_nothing_is_evicted);
    tcase_add_test(tc, clear_ends_the_one_there);
    tcase_add_test(tc, ended_by_the_switch);
    tcase_add_test(tc, D11_follow_arms_at_the_old_nve);
    tcase_add_loop_test(
        tc, follow_arms_nothing_on_the_same_nve_or_from_nowhere, 0, 2);
    tcase_add_test(tc, D11_follow_retargets_every_trailing_redirect);
    tcase_add_test(tc, D11_follow_leaves_none_at_the_new_nve);
    tcase_add_test(tc, follow_keeps_the_one_that_a_pause_made);
    tcase_add_test(tc, follow_does_not_retarget_the_evicted);
    tcase_add_test(tc, D11_rearmed_shortly_before_its_end_while_somebody_owes);
    tcase_add_test(tc, rearmed_while_paused);
    tcase_add_test(tc, left_to_end_when_nobody_owes);
    tcase_add_test(tc, not_rearmed_after_its_end);
    tcase_add_test(tc, rearming_has_a_limit);
    tcase_add_test(tc, a_short_redirect_is_looked_at_half_way);
    tcase_add_test(tc, deadline_is_the_next_look_or_the_surely_ended);
    tcase_add_test(tc, a_deadline_that_was_served_is_over);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
