/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include "admission.h"
#include "learned.h"
#include "mobility.h"
#include "packets.h"

enum { LATER = NVA_EVICT_SILENCE + NVA_HEARD_GRAIN };

/* Blue may learn four hosts. */
static struct fixture fx;
static enum nva_reason reason;          /* Of the last hear(). */

static void
limit(uint32_t max)
{
    struct nva_delta d = { .type = NVA_DELTA_VN_PUT, .id = BLUE };

    d.vn = *directory_vn(fx.dir, BLUE);
    d.vn.max_learned = max;
    fx_apply(&fx, &d);
}

static void
setup(void)
{
    fx_init(&fx);
    fx.view.now = NVA_SEC;
    limit(4);
}

static void
teardown(void)
{
    fx_uninit(&fx);
}

/* Host 'last' shows itself there.  False if that is dropped. */
static bool
hear(uint8_t last, nva_id nve, const char *port)
{
    struct nva_event ev = fx_packet(&fx, NVA_EV_EVIDENCE, nve, port,
                                    fx_rarp(fx_mac(last), fx_mac(last)));
    enum nva_admit what;

    fx_start(&fx);
    reason = admission_evidence(&fx.view, &ev, &what);
    if (!reason) {
        mobility_evidence(&fx.view, &ev, what, &fx.plan);
        fx_apply_plan(&fx);
    }
    return !reason;
}

static bool
knows(uint8_t last)
{
    return directory_tsi_by_mac(fx.dir, BLUE, fx_mac(last)) != NULL;
}

static bool
evicts(uint8_t last)
{
    for (size_t i = 0; i < fx.plan.n_notes; i++) {
        if (fx.plan.notes[i].type == NVA_NOTE_EVICTED
            && eth_addr_equals(fx.plan.notes[i].mac, fx_mac(last))) {
            return !knows(last);
        }
    }
    return false;
}

START_TEST(a_full_network_drops_newcomers)
{
    for (int i = 1; i <= 4; i++) {
        ck_assert(hear(i, i < 3 ? HV1 : HV2, "tap2"));
    }
    ck_assert_uint_eq(directory_n_learned(fx.dir, BLUE), 4);
    ck_assert(!hear(5, HV3, "tap2"));
    ck_assert_int_eq(reason, NVA_R_VN_LEARN_LIMIT);
    ck_assert(hear(1, HV3, "tap2"));    /* A move is none. */
    limit(5);
    ck_assert(hear(5, HV3, "tap2"));
}
END_TEST

START_TEST(who_is_silent_makes_room)
{
    for (int i = 1; i <= 4; i++) {
        ck_assert(hear(i, i < 4 ? HV1 : HV2, "tap2"));
        fx.view.now++;
    }
    fx.view.now = NVA_SEC + LATER - 1;
    ck_assert(!hear(5, HV3, "tap2"));
    fx.view.now = NVA_SEC + LATER + 3;
    ck_assert(hear(1, HV1, "tap2"));
    ck_assert(hear(5, HV3, "tap2"));
    ck_assert(evicts(2));
    ck_assert_ptr_eq(directory_vm_by_name(fx.dir, "blue/02:00:00:00:00:02"),
                     NULL);
    ck_assert(hear(6, HV3, "tap2"));
    ck_assert(evicts(3));
    /* Silent, but its port has taught no more than theirs. */
    ck_assert(!hear(2, HV3, "tap2"));
    ck_assert(!hear(2, HV1, "tap2"));
    ck_assert(knows(4));
    ck_assert(hear(2, HV2, "tap2"));
    ck_assert(evicts(4));
}
END_TEST

/* D15: a port that makes up hosts gets no more than its share. */
START_TEST(D15_a_flood_takes_nobodys_place)
{
    ck_assert(hear(1, HV1, "tap2"));
    ck_assert(hear(2, HV2, "tap2"));
    ck_assert(hear(3, HV3, "tap2"));
    ck_assert(hear(4, HV3, "tap2"));
    fx.view.now += LATER;
    ck_assert(hear(3, HV3, "tap2"));
    for (int i = 0; i < 100; i++) {
        hear(100 + i, HV3, "tap2");
        fx.view.now += NVA_SEC;
    }
    ck_assert(knows(1));
    ck_assert(knows(2));
    ck_assert_uint_eq(directory_n_learned(fx.dir, BLUE), 4);
    /* Its own, which it made up before, make room for the newer ones. */
    ck_assert(!knows(4));
}
END_TEST

START_TEST(configured_hosts_are_none)
{
    limit(1);
    fx_vm(&fx, BLUE, 50, NULL, HV1, "tap2");
    fx_vm(&fx, BLUE, 51, NULL, HV1, "tap2");
    ck_assert(hear(1, HV1, "tap2"));
    fx.view.now += LATER;
    ck_assert(hear(2, HV2, "tap2"));
    ck_assert(evicts(1));
    ck_assert(knows(50) && knows(51));
    fx.view.now += LATER - 1;
    ck_assert(!hear(3, HV1, "tap2"));
}
END_TEST

/* Its redirect goes with it. */
START_TEST(a_host_is_forgotten_as_a_whole)
{
    const struct nva_tsi *t;
    nva_id r;

    limit(1);
    ck_assert(hear(1, HV1, "tap2"));
    t = directory_tsi_by_mac(fx.dir, BLUE, fx_mac(1));
    r = fx_redirect(&fx, t->id, HV2, HV1, NVA_ID_NONE, fx.view.now);
    fx.view.now += LATER;
    ck_assert(hear(2, HV1, "tap2"));
    ck_assert(evicts(1));
    ck_assert_ptr_eq(directory_redirect(fx.dir, r), NULL);
    ck_assert_uint_eq(directory_n_vms(fx.dir), 1);
}
END_TEST

START_TEST(a_host_that_talks_is_noted_at_times)
{
    const struct nva_tsi *t;

    ck_assert(hear(1, HV1, "tap2"));
    fx.view.now += NVA_HEARD_GRAIN - 1;
    ck_assert(hear(1, HV1, "tap2"));
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    fx.view.now++;
    ck_assert(hear(1, HV1, "tap2"));
    t = directory_tsi_by_mac(fx.dir, BLUE, fx_mac(1));
    ck_assert_int_eq(t->heard, fx.view.now);
    fx.view.now += NVA_SEC;
    ck_assert(hear(1, HV2, "tap2"));    /* A move is a sign of life, too. */
    t = directory_tsi_by_mac(fx.dir, BLUE, fx_mac(1));
    ck_assert_int_eq(t->heard, fx.view.now);
    ck_assert_uint_eq(t->current.nve, HV2);
}
END_TEST

START_TEST(an_answer_is_a_sign_of_life)
{
    struct nva_frame f = fx_arp(NVA_FRAME_ARP_REPLY, fx_mac(1), "10.0.0.1",
                                "0.0.0.0");
    const nva_id nves[] = { HV1, HV2 };
    const struct nva_tsi *t;
    struct nva_event ev;
    nva_usec heard;

    ck_assert(hear(1, HV1, "tap2"));
    heard = fx.view.now;
    fx.view.now += NVA_HEARD_GRAIN;
    ev = fx_packet(&fx, NVA_EV_ANSWER, nves[_i], "tap2", f);
    fx_start(&fx);
    mobility_answer(&fx.view, &ev, &fx.plan);
    fx_apply_plan(&fx);
    t = directory_tsi_by_mac(fx.dir, BLUE, fx_mac(1));
    ck_assert_int_eq(t->heard, _i ? heard : fx.view.now);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("learned");
    TCase *tc = tcase_create("learned");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_full_network_drops_newcomers);
    tcase_add_test(tc, who_is_silent_makes_room);
    tcase_add_test(tc, D15_a_flood_takes_nobodys_place);
    tcase_add_test(tc, configured_hosts_are_none);
    tcase_add_test(tc, a_host_is_forgotten_as_a_whole);
    tcase_add_test(tc, a_host_that_talks_is_noted_at_times);
    tcase_add_loop_test(tc, an_answer_is_a_sign_of_life, 0, 2);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
