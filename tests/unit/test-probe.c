/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include "frame.h"
#include "packets.h"
#include "probe.h"

/* blue1 stands at hv1 tap2 and has 10.0.0.1 and fd10::1. */
static struct fixture fx;
static nva_id blue1;

static int n_outcomes;
static enum nva_reason outcome;
static nva_id where;

static void
setup(void)
{
    struct nva_tsi tsi;

    fx_init(&fx);
    blue1 = fx_vm(&fx, BLUE, 1, "10.0.0.1", HV1, "tap2");
    tsi = *directory_tsi(fx.dir, blue1);
    tsi.ips[tsi.n_ips++] = fx_ip("fd10::1");
    fx_tsi_put(&fx, &tsi);
    fx.view.now = NVA_SEC;
    fx_start(&fx);
    n_outcomes = 0;
}

static void
teardown(void)
{
    fx_uninit(&fx);
}

static void
outcome_cb(const struct nva_view *v OVS_UNUSED, const struct nva_probe *probe,
           enum nva_reason reason, const struct nva_probe_place *place,
           struct nva_plan *plan OVS_UNUSED)
{
    ck_assert_uint_eq(probe->tsi, blue1);
    n_outcomes++;
    outcome = reason;
    where = place ? place->place.nve : NVA_ID_NONE;
}

static enum nva_reason
begin(size_t n_places, enum nva_probe_why why)
{
    const struct nva_probe what = {
        .why = why, .n_places = n_places,
        .places = { { .place = fx_place(HV1, "tap2") },
                    { .place = fx_place(HV2, "tap2") } },
    };
    enum nva_reason reason = probe_begin(&fx.view,
                                         directory_tsi(fx.dir, blue1), &what,
                                         &fx.plan);

    fx_apply_plan(&fx);
    return reason;
}

/* It answers at 'nve' for 'ip'. */
static void
answer(nva_id nve, const char *ip)
{
    struct nva_frame f = strchr(ip, ':')
                         ? fx_nd(NVA_FRAME_NA, fx_mac(1), ip, ip)
                         : fx_arp(NVA_FRAME_ARP_REPLY, fx_mac(1), ip,
                                  "0.0.0.0");
    struct nva_event ev;

    f.eth_dst = nva_own_mac;
    ev = fx_packet(&fx, NVA_EV_ANSWER, nve, "tap2", f);
    fx_start(&fx);
    probe_answer(&fx.view, &ev, outcome_cb, &fx.plan);
    fx_apply_plan(&fx);
}

/* Time goes by until the next question, or the end. */
static void
next(void)
{
    struct nva_event ev = { .type = NVA_EV_PROBE_DUE };

    ck_assert_uint_eq(probe_next_due(&fx.view), NVA_ID_NONE);
    fx.view.now = probe_deadline(&fx.view);
    ev.probe = probe_next_due(&fx.view);
    ck_assert_uint_ne(ev.probe, NVA_ID_NONE);
    fx_start(&fx);
    probe_due(&fx.view, &ev, outcome_cb, &fx.plan);
    fx_apply_plan(&fx);
}

static void
ended(enum nva_reason reason, nva_id nve)
{
    ck_assert_int_eq(n_outcomes, 1);
    ck_assert_str_eq(nva_reason_word(outcome), nva_reason_word(reason));
    ck_assert_uint_eq(where, nve);
    ck_assert_uint_eq(directory_n_probes(fx.dir), 0);
    ck_assert_int_eq(probe_deadline(&fx.view), NVA_NEVER);
}

START_TEST(F6_asked_at_one_place)
{
    struct nva_frame f;

    ck_assert_int_eq(begin(1, NVA_PROBE_PLACE), NVA_OK);
    ck_assert_uint_eq(fx.plan.n_replies, 1);
    ck_assert_uint_eq(fx.plan.replies[0].nve, HV1);
    ck_assert_uint_eq(fx.plan.replies[0].ofport, 12);
    ck_assert_int_eq(fx.plan.replies[0].target, NVA_REPLY_TO_PORT);
    ck_assert_int_eq(nva_frame_parse(fx.plan.replies[0].data,
                                     fx.plan.replies[0].size, &f), NVA_OK);
    ck_assert(nva_frame_is_probe(&f));
    answer(HV1, "10.0.0.1");
    ended(NVA_R_ANSWERED_HERE, HV1);
    answer(HV1, "10.0.0.1");
    ck_assert_int_eq(n_outcomes, 1);
    ck_assert_int_eq(fx.plan.notes[0].reason, NVA_R_UNASKED);
}
END_TEST

/* Three questions, for its addresses in turns; then it is given up. */
START_TEST(nobody_answers)
{
    static const enum nva_frame_kind kinds[] = {
        NVA_FRAME_ARP_REQUEST, NVA_FRAME_NS, NVA_FRAME_ARP_REQUEST
    };
    nva_usec started = fx.view.now;
    struct nva_frame f;

    begin(1 + _i, NVA_PROBE_PLACE);
    for (int i = 0; i < NVA_PROBE_TRIES; i++) {
        ck_assert_uint_eq(fx.plan.n_replies, 1 + _i);
        for (int j = 0; j <= _i; j++) {
            ck_assert_int_eq(nva_frame_parse(fx.plan.replies[j].data,
                                             fx.plan.replies[j].size, &f),
                             NVA_OK);
            ck_assert_int_eq(f.kind, kinds[i]);
        }
        next();
    }
    ck_assert_uint_eq(fx.plan.n_replies, 0);
    ck_assert_int_ge(fx.view.now - started,
                     NVA_PROBE_TRIES * NVA_PROBE_INTERVAL);
    ended(NVA_R_NO_ANSWER, NVA_ID_NONE);
}
END_TEST

/* Whatever it was asked for, any of its addresses shows that it is there;
 * another's does not, nor does another place. */
START_TEST(what_counts_as_an_answer)
{
    begin(1, NVA_PROBE_PLACE);
    answer(HV1, "10.0.0.9");
    answer(HV2, "10.0.0.1");
    ck_assert_int_eq(n_outcomes, 0);
    answer(HV1, "fd10::1");
    ended(NVA_R_ANSWERED_HERE, HV1);
}
END_TEST

START_TEST(one_of_two_places)
{
    nva_id nve = _i ? HV2 : HV1;

    begin(2, NVA_PROBE_PLACE);
    ck_assert_uint_eq(fx.plan.n_replies, 2);
    for (int i = 0; i < NVA_PROBE_TRIES; i++) {
        ck_assert_int_eq(n_outcomes, 0);
        answer(nve, "10.0.0.1");
        next();
    }
    ended(NVA_R_ANSWERED_HERE, nve);
}
END_TEST

START_TEST(both_places_at_once)
{
    begin(2, NVA_PROBE_MOVES);
    for (int i = 0; i < NVA_PROBE_TRIES; i++) {
        ck_assert_int_eq(n_outcomes, 0);
        if (i) {
            next();
        }
        answer(HV2, "10.0.0.1");
        answer(HV1, "10.0.0.1");
    }
    ended(NVA_R_TWO_PLACES, NVA_ID_NONE);
}
END_TEST

/* Late answers waited for the VM to come: it is not at two places at once. */
START_TEST(here_and_there_by_turns)
{
    begin(2, NVA_PROBE_MOVES);
    for (int i = 0; i < 2 * NVA_PROBE_TRIES; i++) {
        ck_assert_int_eq(n_outcomes, 0);
        answer(HV1, "10.0.0.1");
        fx.view.now += 50 * NVA_MSEC;
        answer(HV2, "10.0.0.1");
        next();
    }
    ended(NVA_R_UNCLEAR, NVA_ID_NONE);
}
END_TEST

/* The interface moved meanwhile: it is asked for longer. */
START_TEST(moved_meanwhile)
{
    struct nva_tsi tsi = *directory_tsi(fx.dir, blue1);

    begin(2, NVA_PROBE_MOVES);
    tsi.sequence++;
    fx_tsi_put(&fx, &tsi);
    for (int i = 0; i < 2 * NVA_PROBE_TRIES; i++) {
        ck_assert_int_eq(n_outcomes, 0);
        answer(HV1, "10.0.0.1");
        next();
    }
    ended(NVA_R_ANSWERED_HERE, HV1);
}
END_TEST

/* It answers twice, then speaks elsewhere: if it answers no more it has left;
 * if it does, the word was somebody else's. */
START_TEST(left_where_it_answered)
{
    const struct nva_place elsewhere = fx_place(HV1, "tap2");

    begin(2, NVA_PROBE_MOVES);
    for (int i = 0; i < NVA_PROBE_TRIES - !_i; i++) {
        answer(HV2, "10.0.0.1");
        fx_start(&fx);
        probe_heard(&fx.view, blue1, &elsewhere, &fx.plan);
        fx_apply_plan(&fx);
        next();
    }
    for (int i = 0; i < NVA_PROBE_TRIES + 1 && !_i; i++) {
        ck_assert_int_eq(n_outcomes, 0);
        next();
    }
    ended(_i ? NVA_R_ANSWERED_HERE : NVA_R_UNCLEAR, _i ? HV2 : NVA_ID_NONE);
}
END_TEST

/* Silence of whoever could not be asked says nothing. */
START_TEST(not_asked)
{
    fx_connect(&fx, HV2, false);
    begin(2, NVA_PROBE_PLACE);
    ck_assert_uint_eq(fx.plan.n_replies, 1);
    for (int i = 0; i < NVA_PROBE_TRIES; i++) {
        next();
    }
    ended(NVA_R_UNCLEAR, NVA_ID_NONE);
}
END_TEST

/* It probes 'ip' at 'nve'. */
static void
probes_itself(nva_id nve, const char *ip)
{
    struct nva_frame f = strchr(ip, ':')
                         ? fx_nd(NVA_FRAME_NS, fx_mac(1), "::", ip)
                         : fx_arp(NVA_FRAME_ARP_REQUEST, fx_mac(1), "0.0.0.0",
                                  ip);
    struct nva_event ev = fx_packet(&fx, NVA_EV_QUESTION, nve, "tap2", f);

    fx_start(&fx);
    probe_question(&fx.view, &ev, &fx.plan);
    fx_apply_plan(&fx);
}

START_TEST(S4_who_probes_itself)
{
    static const struct {
        nva_id nve;
        const char *ip;
        nva_usec ago;
        bool asked;
    } rows[] = {
        { HV1, "10.0.0.1", 0, false },
        { HV1, "10.0.0.1", NVA_ACD_TIME, false },
        { HV1, "10.0.0.1", NVA_ACD_TIME + NVA_ACD_GRAIN, true },
        { HV1, "fd10::1", 0, false },
        { HV1, "10.0.0.9", 0, true },       /* Not its own. */
        { HV2, "10.0.0.1", 0, true },       /* Elsewhere. */
    };

    probes_itself(rows[_i].nve, rows[_i].ip);
    fx.view.now += rows[_i].ago;
    fx_start(&fx);
    begin(1, NVA_PROBE_AGE);
    ck_assert_uint_eq(fx.plan.n_replies, rows[_i].asked);
}
END_TEST

START_TEST(refusals_and_limits)
{
    struct nva_tsi tsi = *directory_tsi(fx.dir, blue1);
    nva_id id;

    ck_assert_int_eq(begin(1, NVA_PROBE_PLACE), NVA_OK);
    id = directory_probe_of_tsi(fx.dir, blue1, NVA_PROBE_PLACE)->id;
    fx_start(&fx);
    ck_assert_int_eq(begin(2, NVA_PROBE_PLACE), NVA_OK);    /* In its stead. */
    ck_assert_uint_eq(directory_n_probes(fx.dir), 1);
    ck_assert_uint_eq(directory_probe(fx.dir, id)->n_places, 2);
    fx_start(&fx);
    ck_assert_int_eq(begin(2, NVA_PROBE_MOVES), NVA_OK);
    ck_assert_uint_eq(directory_n_probes(fx.dir), 2);

    fx_start(&fx);
    probe_cancel(&fx.view, blue1, NVA_PROBE_PLACE, &in6addr_any, &fx.plan);
    probe_cancel(&fx.view, blue1, NVA_PROBE_PLACE, &in6addr_any, &fx.plan);
    probe_cancel(&fx.view, blue1, NVA_PROBE_MOVES, &in6addr_any, &fx.plan);
    fx_apply_plan(&fx);
    ck_assert_uint_eq(directory_n_probes(fx.dir), 0);

    tsi.n_ips = 0;
    fx_tsi_put(&fx, &tsi);
    fx_start(&fx);
    ck_assert_int_eq(begin(1, NVA_PROBE_PLACE), NVA_R_UNKNOWN_ADDRESS);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
}
END_TEST

/* Each probe in turn, the first due first; they go with their interface. */
START_TEST(many_probes)
{
    nva_usec last = 0;

    for (int i = 0; i < 50; i++) {
        struct nva_delta d = { .type = NVA_DELTA_PROBE_PUT };

        d.id = d.probe.id = directory_next_id(fx.dir);
        d.probe.tsi = fx_vm(&fx, BLUE, 10 + i, NULL, HV1, "tap2");
        d.id = d.probe.id = directory_next_id(fx.dir);
        d.probe.due = NVA_SEC + i * 7919 % 1000;
        d.probe.n_places = 1;
        d.probe.asked = NVA_PROBE_TRIES;
        fx_apply(&fx, &d);
    }
    ck_assert_ptr_null(directory_check(fx.dir));
    for (int i = 0; i < 50; i++) {
        const struct nva_probe *p = directory_first_probe(fx.dir);
        struct nva_delta d = { .type = NVA_DELTA_TSI_DEL, .id = p->tsi };

        ck_assert_int_ge(p->due, last);
        last = p->due;
        if (i % 2) {
            d = (struct nva_delta) { .type = NVA_DELTA_PROBE_DEL,
                                     .id = p->id };
        }
        fx_apply(&fx, &d);
        ck_assert_ptr_null(directory_check(fx.dir));
    }
    ck_assert_ptr_null(directory_first_probe(fx.dir));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("probe");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, F6_asked_at_one_place);
    tcase_add_loop_test(tc, nobody_answers, 0, 2);
    tcase_add_test(tc, what_counts_as_an_answer);
    tcase_add_loop_test(tc, one_of_two_places, 0, 2);
    tcase_add_test(tc, both_places_at_once);
    tcase_add_test(tc, here_and_there_by_turns);
    tcase_add_test(tc, moved_meanwhile);
    tcase_add_loop_test(tc, left_where_it_answered, 0, 2);
    tcase_add_test(tc, not_asked);
    tcase_add_loop_test(tc, S4_who_probes_itself, 0, 6);
    tcase_add_test(tc, refusals_and_limits);
    tcase_add_test(tc, many_probes);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
