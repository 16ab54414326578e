/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include "packets.h"
#include "pull.h"

static struct fixture fx;
static nva_id here, there;              /* Of blue, at hv1 and hv3. */

static void
set_blue(enum nva_resolution resolution, bool pulls, uint32_t lifetime)
{
    struct nva_delta d = { .type = NVA_DELTA_VN_PUT, .id = BLUE };

    d.vn = *directory_vn(fx.dir, BLUE);
    d.vn.resolution = resolution;
    d.vn.pulls = pulls;
    d.vn.lifetime = lifetime;
    fx_apply(&fx, &d);
}

static void
setup(void)
{
    fx_init(&fx);
    set_blue(NVA_RESOLUTION_PULL, true, 100);
    here = fx_vm(&fx, BLUE, 1, "10.0.0.1", HV1, "tap2");
    there = fx_vm(&fx, BLUE, 3, "10.0.0.3", HV3, "tap2");
    fx_start(&fx);
}

static void
teardown(void)
{
    fx_uninit(&fx);
}

static uint8_t bytes[60];

static struct nva_event
event(enum nva_event_type type, struct nva_frame frame)
{
    struct nva_event ev = fx_packet(&fx, type, HV1, "tap2", frame);

    ev.packet.data = bytes;
    ev.packet.size = sizeof bytes;
    return ev;
}

/* vm1 at hv1 sends to the MAC that ends in 'last'. */
static void
stray(uint8_t last)
{
    struct nva_event ev = event(NVA_EV_STRAY, fx_data(fx_mac(1),
                                                      fx_mac(last)));

    fx_start(&fx);
    pull_stray(&fx.view, &ev, &fx.plan);
}

static void
question(uint8_t src, const char *spa, const char *tpa)
{
    struct nva_event ev = event(NVA_EV_QUESTION,
                                fx_arp(NVA_FRAME_ARP_REQUEST, fx_mac(src),
                                       spa, tpa));

    fx_start(&fx);
    pull_question(&fx.view, &ev, &fx.plan);
}

static void
timer(nva_usec now)
{
    fx_start(&fx);
    fx.view.now = now;
    pull_timer(&fx.view, &fx.plan);
    fx_apply_plan(&fx);
}

static size_t
n_floods(void)
{
    size_t n = 0;

    for (size_t i = 0; i < fx.plan.n_replies; i++) {
        n += (fx.plan.replies[i].target == NVA_REPLY_TO_FLOOD
              && fx.plan.replies[i].nve == HV1);
    }
    return n;
}

START_TEST(B21_decides_by_size)
{
    ck_assert(!pull_decides(NVA_RESOLUTION_PUSH, true, 1000000));
    ck_assert(pull_decides(NVA_RESOLUTION_PULL, false, 0));
    ck_assert(!pull_decides(NVA_RESOLUTION_AUTO, false, NVA_PUSH_MAX - 1));
    ck_assert(pull_decides(NVA_RESOLUTION_AUTO, false, NVA_PUSH_MAX));
    ck_assert(pull_decides(NVA_RESOLUTION_AUTO, true, NVA_PUSH_AGAIN));
    ck_assert(!pull_decides(NVA_RESOLUTION_AUTO, true, NVA_PUSH_AGAIN - 1));
}
END_TEST

START_TEST(B7_idle_is_half_a_lifetime)
{
    ck_assert_uint_eq(pull_idle(300), 150);
    ck_assert_uint_eq(pull_idle(1), 1);
    ck_assert_uint_le(pull_idle(NVA_LIFETIME_MAX), UINT16_MAX);
}
END_TEST

START_TEST(a_stray_is_held_once)
{
    const struct nva_pull *p;

    fx.view.now = 7 * NVA_SEC;
    stray(3);
    ck_assert_uint_eq(fx.plan.deltas.n, 1);
    fx_apply_plan(&fx);
    p = directory_pull(fx.dir, HV1, there);
    ck_assert_int_eq(p->until, 107 * NVA_SEC);
    ck_assert_int_eq(p->look, 82 * NVA_SEC);
    ck_assert_int_eq(pull_deadline(&fx.view), 82 * NVA_SEC);
    stray(3);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    stray(1);                           /* Its own NVE. */
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    ck_assert_uint_eq(fx.plan.n_replies, 0);
}
END_TEST

START_TEST(B8_nothing_is_held_for_no_time)
{
    set_blue(NVA_RESOLUTION_PULL, true, 0);
    stray(3);
    stray(9);
    question(1, "10.0.0.1", "10.0.0.3");
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
}
END_TEST

START_TEST(push_is_left_alone)
{
    set_blue(NVA_RESOLUTION_PUSH, false, 100);
    stray(3);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    stray(9);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    question(1, "10.0.0.1", "10.0.0.9");
    ck_assert_uint_eq(fx.plan.n_replies, 0);
}
END_TEST

START_TEST(B7_B15_absent)
{
    nva_id id;

    stray(9);
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_PULL_PUT), 1);
    fx_apply_plan(&fx);
    ck_assert_uint_eq(directory_n_absent(fx.dir, HV1), 1);
    id = directory_absent_by_mac(fx.dir, HV1, BLUE, fx_mac(9))->id;
    ck_assert_int_eq(directory_absent(fx.dir, id)->until,
                     NVA_LIFETIME_ABSENT * NVA_SEC);
    stray(9);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    ck_assert_uint_eq(n_floods(), 0);

    /* Somebody has it: its NVE is told. */
    nva_dirty_clear(&fx.dirty);
    fx_vm(&fx, BLUE, 9, NULL, HV2, "tap2");
    ck_assert_uint_eq(directory_n_absent(fx.dir, HV1), 0);
    ck_assert_ptr_null(directory_check(fx.dir));
    bool told = false;
    for (size_t i = 0; i < fx.dirty.n; i++) {
        told |= (fx.dirty.a[i].nve == HV1
                 && fx.dirty.a[i].owner.kind == NVA_OWNER_ABSENT
                 && fx.dirty.a[i].owner.id == id);
    }
    ck_assert(told);
}
END_TEST

START_TEST(absent_is_bounded)
{
    for (int i = 0; i < NVA_ABSENT_PER_NVE_MAX + 10; i++) {
        struct nva_frame f = fx_data(fx_mac(1), fx_mac(9));
        struct nva_event ev;

        f.eth_dst.ea[1] = i >> 8;
        f.eth_dst.ea[2] = i;
        ev = event(NVA_EV_STRAY, f);
        fx_start(&fx);
        pull_stray(&fx.view, &ev, &fx.plan);
        for (size_t j = 0; j < fx.plan.deltas.n; j++) {
            fx_apply(&fx, &fx.plan.deltas.a[j]);
        }
    }
    ck_assert_uint_eq(directory_n_absent(fx.dir, HV1),
                      NVA_ABSENT_PER_NVE_MAX);
    ck_assert_ptr_null(directory_check(fx.dir));
}
END_TEST

START_TEST(B21_unknown_unicast_is_flooded_later)
{
    struct nva_delta d = { .type = NVA_DELTA_VN_PUT, .id = BLUE };

    d.vn = *directory_vn(fx.dir, BLUE);
    d.vn.unknown_unicast = NVA_UU_FLOOD;
    fx_apply(&fx, &d);
    stray(9);
    ck_assert_uint_eq(n_floods(), 1);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
}
END_TEST

START_TEST(F5_questions)
{
    question(1, "10.0.0.1", "10.0.0.3");
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_PULL_PUT), 1);
    ck_assert_uint_eq(n_floods(), 0);
    question(1, "10.0.0.1", "10.0.0.9");
    ck_assert_uint_eq(n_floods(), 1);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);

    /* For itself: flows flood it where it is known to be, else we do. */
    question(1, "0.0.0.0", "10.0.0.1");
    ck_assert_uint_eq(n_floods(), 0);
    question(3, "0.0.0.0", "10.0.0.3");
    ck_assert_uint_eq(n_floods(), 1);
}
END_TEST

static size_t
announce(uint8_t src, const char *ip)
{
    struct nva_event ev = event(NVA_EV_EVIDENCE,
                                fx_arp(NVA_FRAME_ARP_REQUEST, fx_mac(src), ip,
                                       ip));

    fx_start(&fx);
    pull_evidence(&fx.view, &ev, false, &fx.plan);
    return n_floods();
}

START_TEST(F5_announcements)
{
    ck_assert_uint_eq(announce(1, "10.0.0.1"), 0);
    ck_assert_uint_eq(announce(1, "10.0.0.7"), 1);
    ck_assert_uint_eq(announce(3, "10.0.0.3"), 1);
}
END_TEST

START_TEST(B7_looks_renew_or_forget)
{
    stray(3);
    fx_apply_plan(&fx);
    timer(74 * NVA_SEC);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    timer(75 * NVA_SEC);
    ck_assert_int_eq(directory_pull(fx.dir, HV1, there)->until,
                     175 * NVA_SEC);

    /* B18: not connected: not renewed. */
    fx_connect(&fx, HV1, false);
    timer(150 * NVA_SEC);
    ck_assert_int_eq(directory_pull(fx.dir, HV1, there)->until,
                     175 * NVA_SEC);
    ck_assert_int_eq(pull_deadline(&fx.view), 175 * NVA_SEC);
    timer(175 * NVA_SEC);
    ck_assert_ptr_null(directory_pull(fx.dir, HV1, there));
    ck_assert_int_eq(pull_deadline(&fx.view), NVA_NEVER);
}
END_TEST

START_TEST(B7_its_timer_ends_a_record)
{
    struct nva_event ev = { .type = NVA_EV_FLOW_REMOVED, .nve = HV1 };

    stray(3);
    fx_apply_plan(&fx);
    ev.flow.owner = (struct nva_owner) { NVA_OWNER_TSI, there };
    fx_start(&fx);
    pull_event(&fx.view, &ev, &fx.plan);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);     /* Replaced or deleted. */
    ev.flow.by_timeout = true;
    ev.nve = HV2;
    pull_event(&fx.view, &ev, &fx.plan);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);     /* Of another NVE. */
    ev.nve = HV1;
    pull_event(&fx.view, &ev, &fx.plan);
    fx_apply_plan(&fx);
    ck_assert_ptr_null(directory_pull(fx.dir, HV1, there));
}
END_TEST

START_TEST(looks_are_bounded)
{
    enum { MANY = 600 };
    size_t n = 0;

    for (int i = 0; i < MANY; i++) {
        struct nva_delta d = { .type = NVA_DELTA_PULL_PUT };
        nva_id tsi = fx_vm(&fx, BLUE, 0, NULL, 0, NULL);
        struct nva_tsi t = *directory_tsi(fx.dir, tsi);

        t.mac.ea[1] = 1 + (i >> 8);
        t.mac.ea[2] = i;
        t.current = t.published = fx_place(HV3, "tap2");
        fx_tsi_put(&fx, &t);
        struct nva_delta vm = { .type = NVA_DELTA_VM_PUT, .id = t.vm };
        vm.vm = *directory_vm(fx.dir, t.vm);
        snprintf(vm.vm.name, sizeof vm.vm.name, "m%d", i);
        fx_apply(&fx, &vm);
        d.pull = (struct nva_pull) {
            .nve = HV1, .tsi = tsi, .vn = BLUE, .until = NVA_SEC,
            .look = NVA_SEC - i,
        };
        fx_apply(&fx, &d);
    }
    while (pull_deadline(&fx.view) <= NVA_SEC) {
        timer(NVA_SEC);
        ck_assert_uint_le(fx.plan.deltas.n, 256);
        n += fx.plan.deltas.n;
    }
    ck_assert_uint_eq(n, MANY);
}
END_TEST

/* B14: an NVE whose VMs ask for a whole network. */
START_TEST(B14_a_full_nve_makes_room)
{
    struct nva_delta d = { .type = NVA_DELTA_PULL_PUT };
    nva_id first = 0, tsi = 0;

    for (int i = 0; i < NVA_PULLS_PER_NVE_MAX; i++) {
        struct nva_delta vm = { .type = NVA_DELTA_VM_PUT };
        struct nva_tsi t = {
            .vn = BLUE, .mac = { .ea = { 2, 1, 0, 0, i >> 8, i } },
        };

        vm.id = vm.vm.id = directory_next_id(fx.dir);
        snprintf(vm.vm.name, sizeof vm.vm.name, "m%d", i);
        fx_apply(&fx, &vm);
        t.id = tsi = directory_next_id(fx.dir);
        t.vm = vm.id;
        nva_dirty_clear(&fx.dirty);
        fx_tsi_put(&fx, &t);
        ck_assert_uint_lt(fx.dirty.n, 8);       /* Of those concerned. */
        first = first ? first : tsi;
        d.pull = (struct nva_pull) {
            .nve = HV1, .tsi = tsi, .vn = BLUE, .until = NVA_SEC,
            .look = NVA_SEC,
        };
        fx_apply(&fx, &d);
    }
    stray(3);
    fx_apply_plan(&fx);
    ck_assert_uint_eq(directory_n_pulls(fx.dir, HV1), NVA_PULLS_PER_NVE_MAX);
    ck_assert_ptr_null(directory_pull(fx.dir, HV1, first));
    ck_assert_ptr_nonnull(directory_pull(fx.dir, HV1, tsi));
    ck_assert_ptr_nonnull(directory_pull(fx.dir, HV1, there));
}
END_TEST

START_TEST(D11_the_nve_that_is_left_holds_it)
{
    struct nva_tsi t = *directory_tsi(fx.dir, here);
    const struct nva_place old = t.published;

    t.current = t.published = fx_place(HV2, "tap2");
    pull_follow(&fx.view, &t, &old, &fx.plan);
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_PULL_PUT), 1);
    ck_assert_uint_eq(fx.plan.deltas.a[0].pull.nve, HV1);
    fx_start(&fx);
    set_blue(NVA_RESOLUTION_PUSH, false, 100);
    pull_follow(&fx.view, &t, &old, &fx.plan);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
}
END_TEST

/* What is held goes with what it is about. */
START_TEST(B15_records_go_with_their_reason)
{
    struct nva_delta d = { .type = NVA_DELTA_TSI_DEL, .id = there };
    struct nva_delta vap = { .type = NVA_DELTA_VAP_DEL };
    nva_id other;

    stray(3);
    fx_apply_plan(&fx);
    fx_apply(&fx, &d);
    ck_assert_uint_eq(directory_n_pulls(fx.dir, HV1), 0);

    other = fx_vm(&fx, BLUE, 4, NULL, HV2, "tap2");
    stray(4);
    fx_apply_plan(&fx);
    stray(9);
    fx_apply_plan(&fx);
    ck_assert_ptr_nonnull(directory_pull(fx.dir, HV1, other));
    vap.id = fx_vap_id(&fx, HV1, "tap2");
    fx_apply(&fx, &vap);
    ck_assert_uint_eq(directory_n_pulls(fx.dir, HV1), 0);
    ck_assert_uint_eq(directory_n_absent(fx.dir, HV1), 0);
    ck_assert_ptr_null(directory_check(fx.dir));
}
END_TEST

START_TEST(B21_turning_keeps_what_was_pushed)
{
    set_blue(NVA_RESOLUTION_PUSH, false, 100);
    set_blue(NVA_RESOLUTION_PULL, true, 100);
    ck_assert_ptr_nonnull(directory_pull(fx.dir, HV1, there));
    ck_assert_ptr_null(directory_pull(fx.dir, HV3, there));
    ck_assert_ptr_nonnull(directory_pull(fx.dir, HV2, there));
    ck_assert_uint_eq(directory_n_pulls(fx.dir, HV2), 2);
    ck_assert_ptr_null(directory_check(fx.dir));
    set_blue(NVA_RESOLUTION_PUSH, false, 100);
    ck_assert_uint_eq(directory_n_pulls(fx.dir, HV2), 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("pull");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, B21_decides_by_size);
    tcase_add_test(tc, B7_idle_is_half_a_lifetime);
    tcase_add_test(tc, a_stray_is_held_once);
    tcase_add_test(tc, B8_nothing_is_held_for_no_time);
    tcase_add_test(tc, push_is_left_alone);
    tcase_add_test(tc, B7_B15_absent);
    tcase_add_test(tc, absent_is_bounded);
    tcase_add_test(tc, B21_unknown_unicast_is_flooded_later);
    tcase_add_test(tc, F5_questions);
    tcase_add_test(tc, F5_announcements);
    tcase_add_test(tc, B7_looks_renew_or_forget);
    tcase_add_test(tc, B7_its_timer_ends_a_record);
    tcase_add_test(tc, looks_are_bounded);
    tcase_add_test(tc, B14_a_full_nve_makes_room);
    tcase_add_test(tc, D11_the_nve_that_is_left_holds_it);
    tcase_add_test(tc, B15_records_go_with_their_reason);
    tcase_add_test(tc, B21_turning_keeps_what_was_pushed);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
