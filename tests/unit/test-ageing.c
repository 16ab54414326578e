/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include "ageing.h"
#include "packets.h"

/* blue1 stands at hv1 tap2: VM management gave it 10.0.0.1, it said itself
 * that it has 10.0.0.101; its network's age is 120 s. */
static struct fixture fx;
static nva_id blue1;

#define AGE (120 * NVA_SEC)
#define START (1000 * NVA_SEC)

static void
set_age(uint32_t age)
{
    struct nva_delta vn = { .type = NVA_DELTA_VN_PUT, .id = BLUE };

    vn.vn = *directory_vn(fx.dir, BLUE);
    vn.vn.age = age;
    fx_apply(&fx, &vn);
}

static void
learn(nva_id id, const char *ip)
{
    struct nva_tsi t = *directory_tsi(fx.dir, id);

    t.n_given = MIN(t.n_given, t.n_ips);
    t.ips[t.n_ips++] = fx_ip(ip);
    fx_tsi_put(&fx, &t);
}

static void
setup(void)
{
    struct nva_tsi t;

    fx_init(&fx);
    set_age(120);
    blue1 = fx_vm(&fx, BLUE, 1, "10.0.0.1", HV1, "tap2");
    t = *directory_tsi(fx.dir, blue1);
    t.n_given = 1;
    fx_tsi_put(&fx, &t);
    learn(blue1, "10.0.0.101");
    fx.view.now = START;
}

static void
teardown(void)
{
    fx_uninit(&fx);
}

static const struct nva_lease *
lease(const char *ip)
{
    const struct in6_addr a = ip ? fx_ip(ip) : in6addr_any;

    return directory_lease(fx.dir, blue1, &a);
}

/* One LOOK_DUE if one is due; false if none is. */
static bool
look(void)
{
    const struct nva_lease *l = ageing_next_due(&fx.view);
    struct nva_event ev = { .type = NVA_EV_LOOK_DUE };

    fx_start(&fx);
    if (!l) {
        return false;
    }
    ev.lease = *l;
    ageing_due(&fx.view, &ev, &fx.plan);
    for (size_t i = 0; i < fx.plan.deltas.n; i++) {
        fx_apply(&fx, &fx.plan.deltas.a[i]);
    }
    ck_assert(directory_n_tsis_of_vn(fx.dir, BLUE) > 10
              || !directory_check(fx.dir));
    return true;
}

/* The next look is waited for, and done. */
static void
next_look(void)
{
    fx.view.now = MAX(fx.view.now, ageing_deadline(&fx.view));
    ck_assert(look());
}

/* The probe for its age ends so. */
static void
ends(enum nva_reason reason)
{
    struct nva_probe p = *directory_probe_of_tsi(fx.dir, blue1,
                                                 NVA_PROBE_AGE);

    fx_start(&fx);
    nva_deltas_add(&fx.plan.deltas, NVA_DELTA_PROBE_DEL)->id = p.id;
    ageing_outcome(&fx.view, &p, reason, NULL, &fx.plan);
    fx_apply_plan(&fx);
}

/* 'mac', at 'nve', says that it has 'ip'. */
static void
says(nva_id nve, struct eth_addr mac, const char *ip)
{
    struct nva_frame f = fx_arp(NVA_FRAME_ARP_REPLY, mac, ip, ip);
    struct nva_event ev = fx_packet(&fx, NVA_EV_ANSWER, nve, "tap2", f);

    fx_start(&fx);
    ageing_sign(&fx.view, &ev, &fx.plan);
    fx_apply_plan(&fx);
}

/* F6: there is a lease of what was learned, and of nothing else. */
START_TEST(F6_what_was_given_has_no_lease)
{
    struct nva_tsi t = *directory_tsi(fx.dir, blue1);

    ck_assert_ptr_nonnull(lease("10.0.0.101"));
    ck_assert_ptr_null(lease("10.0.0.1"));
    ck_assert_ptr_null(lease(NULL));
    t.n_given = 2;
    fx_tsi_put(&fx, &t);
    ck_assert_ptr_null(lease("10.0.0.101"));
    ck_assert_ptr_null(directory_first_lease(fx.dir));
    ck_assert_int_eq(ageing_deadline(&fx.view), NVA_NEVER);
}
END_TEST

/* F6: asked at its place alone, between a third and half of its age. */
START_TEST(F6_asked_between_a_third_and_half_of_its_age)
{
    const struct nva_probe *p;

    ck_assert(look());
    ck_assert(!look());
    ck_assert_int_eq(lease("10.0.0.101")->heard, START);
    ck_assert_int_ge(ageing_deadline(&fx.view), START + AGE / 3);
    ck_assert_int_le(ageing_deadline(&fx.view), START + AGE / 2);
    next_look();
    p = directory_probe_of_tsi(fx.dir, blue1, NVA_PROBE_AGE);
    ck_assert_uint_eq(p->n_places, 1);
    ck_assert_uint_eq(p->places[0].place.nve, HV1);
    ck_assert_uint_eq(fx.plan.n_replies, 1);
    ck_assert(!memcmp(fx.plan.replies[0].data, &directory_tsi(fx.dir, blue1)
                      ->mac, ETH_ADDR_LEN));
}
END_TEST

/* F6: signs of life renew it; others' and elsewhere's do not. */
START_TEST(F6_signs_of_life)
{
    next_look();
    fx.view.now += AGE / 4;
    says(HV1, fx_mac(1), "10.0.0.1");
    says(HV2, fx_mac(1), "10.0.0.101");
    says(HV1, fx_mac(2), "10.0.0.101");
    ck_assert_int_eq(lease("10.0.0.101")->heard, START);
    says(HV1, fx_mac(1), "10.0.0.101");
    ck_assert_int_eq(lease("10.0.0.101")->heard, START + AGE / 4);
    ck_assert_int_ge(ageing_deadline(&fx.view), fx.view.now + AGE / 3);
    /* Not each of many is written down. */
    fx.view.now += AGE / 100;
    says(HV1, fx_mac(1), "10.0.0.101");
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
}
END_TEST

/* F6: silent until its full age: withdrawn then, and no sooner. */
START_TEST(F6_withdrawn_at_the_full_age)
{
    int n = 0;

    next_look();
    while (lease("10.0.0.101")) {
        next_look();
        if (directory_probe_of_tsi(fx.dir, blue1, NVA_PROBE_AGE)) {
            fx.view.now += 350 * NVA_MSEC;
            ends(NVA_R_NO_ANSWER);
            n++;
        }
    }
    ck_assert_int_ge(fx.view.now, START + AGE);
    ck_assert_int_le(fx.view.now, START + AGE + NVA_SEC);
    ck_assert_int_ge(n, 3);
    ck_assert_int_eq(fx.plan.notes[0].type, NVA_NOTE_WITHDRAWN);
    ck_assert_int_eq(fx.plan.notes[0].reason, NVA_R_AGED);
    ck_assert_uint_eq(directory_tsi(fx.dir, blue1)->n_ips, 1);
    ck_assert_uint_eq(directory_tsi(fx.dir, blue1)->n_given, 1);
}
END_TEST

/* F6: an answer, or a frame since the question, outweighs silence. */
START_TEST(F6_silence_is_over_with_a_sign)
{
    next_look();
    next_look();
    fx.view.now += 100 * NVA_MSEC;
    says(HV1, fx_mac(1), "10.0.0.101");
    ends(NVA_R_NO_ANSWER);
    ck_assert(!lease("10.0.0.101")->silent);
    next_look();
    ends(NVA_R_NO_ANSWER);
    ck_assert(lease("10.0.0.101")->silent);
    says(HV1, fx_mac(1), "10.0.0.101");
    ck_assert(!lease("10.0.0.101")->silent);
}
END_TEST

/* F6, K6: who could not be asked has not been silent. */
START_TEST(F6_not_asked_is_not_silent)
{
    next_look();
    fx_connect(&fx, HV1, _i != 0);
    for (int i = 0; i < 100; i++) {
        next_look();
        if (directory_probe_of_tsi(fx.dir, blue1, NVA_PROBE_AGE)) {
            fx.view.now += 350 * NVA_MSEC;
            ends(NVA_R_UNCLEAR);
        }
    }
    ck_assert_int_gt(fx.view.now, START + 10 * AGE);
    ck_assert_ptr_nonnull(lease("10.0.0.101"));
    fx_connect(&fx, HV1, true);
    next_look();
    ends(NVA_R_NO_ANSWER);
    ck_assert_ptr_null(lease("10.0.0.101"));
}
END_TEST

/* A connected NVE without its port: nobody is there. */
START_TEST(F6_the_port_is_gone)
{
    struct nva_delta d = { .type = NVA_DELTA_PORT_DEL };

    next_look();
    d.port = *directory_port(fx.dir, HV1, "tap2");
    fx_apply(&fx, &d);
    while (lease("10.0.0.101")) {
        next_look();
        ck_assert_uint_eq(fx.plan.n_replies, 0);
    }
    ck_assert_int_eq(fx.view.now, START + AGE);
}
END_TEST

/* While it stands still or is off it is not asked, nor if nested guests may
 * have the address. */
START_TEST(F6_a_vm_that_stands_still)
{
    struct nva_tsi t = *directory_tsi(fx.dir, blue1);
    struct nva_delta d = { .type = NVA_DELTA_VM_PUT, .id = t.vm };

    next_look();
    t.paused = _i == 0;
    t.stopped = _i == 1;
    t.n_allowed = _i == 2;
    t.allowed[0] = fx_mac(77);
    fx_tsi_put(&fx, &t);
    d.vm = *directory_vm(fx.dir, t.vm);
    d.vm.state = t.stopped ? NVA_VM_SHUTDOWN : NVA_VM_RUNNING;
    fx_apply(&fx, &d);
    if (t.stopped) {
        fx_move(&fx, t.id, NVA_MS_PAUSED, t.current, fx_place(HV2, "tap2"));
    }
    for (int i = 0; i < 50; i++) {
        next_look();
        ck_assert_uint_eq(fx.plan.n_replies, 0);
    }
    ck_assert_ptr_nonnull(lease("10.0.0.101"));
}
END_TEST

/* One that is off is silent without a question, and loses at its age what it
 * taught; not what it was given. */
START_TEST(F6_a_vm_that_is_off)
{
    struct nva_tsi t = *directory_tsi(fx.dir, blue1);
    struct nva_delta d = { .type = NVA_DELTA_VM_PUT, .id = t.vm };
    const nva_usec end = fx.view.now + AGE;

    next_look();
    t.stopped = true;
    fx_tsi_put(&fx, &t);
    d.vm = *directory_vm(fx.dir, t.vm);
    d.vm.state = NVA_VM_CRASHED;
    fx_apply(&fx, &d);
    for (int i = 0; i < 50 && lease("10.0.0.101"); i++) {
        next_look();
        ck_assert_uint_eq(fx.plan.n_replies, 0);
        ck_assert(lease("10.0.0.101") || fx.view.now >= end);
    }
    ck_assert_ptr_null(lease("10.0.0.101"));
    ck_assert_uint_eq(directory_tsi(fx.dir, blue1)->n_ips, t.n_given);
}
END_TEST

/* Of a host nobody told us of nothing stays: with its last address, or, if it
 * has none, by its own age. */
START_TEST(F6_a_learned_host_goes)
{
    struct nva_delta vm = { .type = NVA_DELTA_VM_PUT };
    struct nva_tsi t = *directory_tsi(fx.dir, blue1);
    nva_id id = t.vm;

    vm.id = id;
    vm.vm = *directory_vm(fx.dir, id);
    vm.vm.origin = NVA_ORIGIN_LEARNED;
    fx_apply(&fx, &vm);
    t.n_given = 0;
    t.n_ips = _i ? 2 : 0;
    memset(t.ips, 0, _i ? 0 : sizeof t.ips);
    fx_tsi_put(&fx, &t);
    fx_redirect(&fx, blue1, HV2, HV1, NVA_ID_NONE, START);
    for (int i = 0; i < 100 && directory_tsi(fx.dir, blue1); i++) {
        next_look();
        if (directory_probe_of_tsi(fx.dir, blue1, NVA_PROBE_AGE)) {
            fx.view.now += 350 * NVA_MSEC;
            ends(NVA_R_NO_ANSWER);
        }
    }
    ck_assert_ptr_null(directory_vm(fx.dir, id));
    ck_assert_int_ge(fx.view.now, START + AGE);
    ck_assert_int_le(fx.view.now, START + AGE + NVA_SEC);
    ck_assert_int_eq(ageing_deadline(&fx.view), NVA_NEVER);
}
END_TEST

/* 0: nothing ages.  What has another age counts as heard now. */
START_TEST(F6_another_age)
{
    next_look();
    set_age(0);
    next_look();
    ck_assert_int_eq(ageing_deadline(&fx.view), NVA_NEVER);
    fx.view.now += 100 * AGE;
    set_age(60);
    next_look();
    ck_assert_int_eq(lease("10.0.0.101")->heard, fx.view.now);
    ck_assert_int_ge(ageing_deadline(&fx.view), fx.view.now + 20 * NVA_SEC);
    ck_assert_int_le(ageing_deadline(&fx.view), fx.view.now + 30 * NVA_SEC);
}
END_TEST

/* F6: nor does what was being asked when that was said. */
START_TEST(F6_no_age_while_it_is_asked)
{
    next_look();
    next_look();
    set_age(0);
    fx.view.now += 350 * NVA_MSEC;
    ends(NVA_R_NO_ANSWER);
    ck_assert_ptr_nonnull(lease("10.0.0.101"));
    next_look();
    ck_assert_int_eq(ageing_deadline(&fx.view), NVA_NEVER);
}
END_TEST

/* F6: thousands learned at once, and overdue: not more than the pace, and not
 * more than there is room for. */
START_TEST(F6_no_burst)
{
    enum { N = NVA_ROUTINE_PROBES_MAX + 100 };
    size_t asked = 0;
    nva_usec begin;

    for (int i = 0; i < N; i++) {
        struct nva_tsi t = *directory_tsi(fx.dir, blue1);
        char ip[20];

        snprintf(ip, sizeof ip, "10.1.%d.%d", i / 200, i % 200 + 1);
        t.id = directory_next_id(fx.dir);
        t.mac = (struct eth_addr) { .ea = { 2, 0, 0, 1, i >> 8, i } };
        t.n_ips = t.n_given = 0;
        fx_tsi_put(&fx, &t);
        learn(t.id, ip);
    }
    while (look()) {
        continue;                       /* Each gets its times. */
    }
    fx.view.now = begin = START + AGE;
    while (fx.view.now < begin + 4 * NVA_SEC) {
        if (look()) {
            asked += fx.plan.n_replies;
            ck_assert(!look() || !fx.plan.n_replies);
        }
        fx.view.now += 100;
    }
    ck_assert_uint_eq(asked, NVA_ROUTINE_PROBES_MAX);
    ck_assert_uint_eq(directory_n_probes(fx.dir), NVA_ROUTINE_PROBES_MAX);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("ageing");
    TCase *tc = tcase_create("ageing");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, F6_what_was_given_has_no_lease);
    tcase_add_test(tc, F6_asked_between_a_third_and_half_of_its_age);
    tcase_add_test(tc, F6_signs_of_life);
    tcase_add_test(tc, F6_withdrawn_at_the_full_age);
    tcase_add_test(tc, F6_silence_is_over_with_a_sign);
    tcase_add_loop_test(tc, F6_not_asked_is_not_silent, 0, 1);
    tcase_add_test(tc, F6_the_port_is_gone);
    tcase_add_loop_test(tc, F6_a_vm_that_stands_still, 0, 3);
    tcase_add_test(tc, F6_a_vm_that_is_off);
    tcase_add_loop_test(tc, F6_a_learned_host_goes, 0, 2);
    tcase_add_test(tc, F6_another_age);
    tcase_add_test(tc, F6_no_age_while_it_is_asked);
    tcase_add_test(tc, F6_no_burst);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
