/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include "mobility.h"

/* blue1 stands at hv1 tap2; its network freezes after 5 moves in 180 s. */
static struct fixture fx;
static nva_id blue1;

static void
setup(void)
{
    struct nva_delta vn = { .type = NVA_DELTA_VN_PUT, .id = BLUE };

    fx_init(&fx);
    vn.vn = *directory_vn(fx.dir, BLUE);
    vn.vn.duplicate_moves = 5;
    vn.vn.duplicate_window = 180;
    vn.vn.freeze_time = 60;
    fx_apply(&fx, &vn);
    blue1 = fx_vm(&fx, BLUE, 1, "10.0.0.1", HV1, "tap2");
    fx.view.now = NVA_SEC;
}

static void
teardown(void)
{
    fx_uninit(&fx);
}

static const struct nva_tsi *
tsi(void)
{
    return directory_tsi(fx.dir, blue1);
}

static const struct nva_probe *
probe(enum nva_probe_why why)
{
    return directory_probe_of_tsi(fx.dir, blue1, why);
}

/* It announces itself at 'nve' after 'seconds'. */
static void
announce(nva_id nve, int seconds, enum nva_admit what)
{
    struct nva_frame f = fx_arp(NVA_FRAME_ARP_REQUEST, fx_mac(1), "10.0.0.1",
                                "10.0.0.1");
    struct nva_event ev = fx_packet(&fx, NVA_EV_EVIDENCE, nve, "tap2", f);

    fx.view.now += seconds * NVA_SEC;
    fx_start(&fx);
    mobility_evidence(&fx.view, &ev, what, &fx.plan);
    fx_apply_plan(&fx);
}

/* The probe for 'why' ends so: as the probe would, it goes first. */
static void
ends(enum nva_probe_why why, enum nva_reason reason, int where)
{
    struct nva_probe p = *probe(why);

    if (where >= 0) {
        p.places[where].sequence = tsi()->sequence;
    }
    fx_start(&fx);
    nva_deltas_add(&fx.plan.deltas, NVA_DELTA_PROBE_DEL)->id = p.id;
    mobility_outcome(&fx.view, &p, reason, where < 0 ? NULL
                     : &p.places[where], &fx.plan);
    fx_apply_plan(&fx);
}

static const struct nva_note *
note(enum nva_note_type type)
{
    for (size_t i = 0; i < fx.plan.n_notes; i++) {
        if (fx.plan.notes[i].type == type) {
            return &fx.plan.notes[i];
        }
    }
    return NULL;
}

static void
five_moves(void)
{
    for (int i = 0; i < 5; i++) {
        ck_assert_ptr_null(probe(NVA_PROBE_MOVES));
        announce(i % 2 ? HV1 : HV2, 10, NVA_ADMIT_MOVE);
    }
    ck_assert_ptr_nonnull(probe(NVA_PROBE_MOVES));
}

/* E4: asked at the newest place and the one before; no sooner. */
START_TEST(E4_five_moves_in_the_window_are_suspect)
{
    const struct nva_probe *p;

    five_moves();
    p = probe(NVA_PROBE_MOVES);
    ck_assert_uint_eq(p->places[0].place.nve, HV2);
    ck_assert_uint_eq(p->places[1].place.nve, HV1);
    ck_assert_uint_eq(fx.plan.n_replies, 2);
    ck_assert(tsi()->unconfirmed);
    ck_assert(!tsi()->frozen);
    ck_assert_uint_eq(tsi()->confirmed.nve, HV1);
    ck_assert_uint_eq(tsi()->sequence, 5);
}
END_TEST

/* E4: the window begins with the first move. */
START_TEST(E4_slow_moves_are_not_suspect)
{
    for (int i = 0; i < 20; i++) {
        announce(i % 2 ? HV1 : HV2, 46, NVA_ADMIT_MOVE);
        ck_assert_ptr_null(probe(NVA_PROBE_MOVES));
    }
}
END_TEST

START_TEST(E4_both_or_none_freeze)
{
    enum nva_reason reason = _i ? NVA_R_NO_ANSWER : NVA_R_TWO_PLACES;

    five_moves();
    ends(NVA_PROBE_MOVES, reason, -1);
    ck_assert(tsi()->frozen);
    ck_assert(!tsi()->unconfirmed);
    ck_assert_uint_eq(tsi()->current.nve, HV1);
    ck_assert_int_eq(tsi()->thaws_at, fx.view.now + 60 * NVA_SEC);
    ck_assert_int_eq(note(NVA_NOTE_FROZEN)->reason, reason);
    ck_assert_uint_eq(note(NVA_NOTE_FROZEN)->nve, HV1);
    ck_assert_uint_eq(note(NVA_NOTE_FROZEN)->other, HV2);
    ck_assert_int_eq(directory_move(fx.dir,
                                    directory_vm(fx.dir, tsi()->vm)->move)
                     ->cause, NVA_CAUSE_PROBED);
    ck_assert_int_eq(mobility_thaws_at(&fx.view), tsi()->thaws_at);
}
END_TEST

/* It answered where it was said to be, or here and there: it moves often. */
START_TEST(E4_an_answer_restarts_the_count)
{
    five_moves();
    ends(NVA_PROBE_MOVES, _i ? NVA_R_UNCLEAR : NVA_R_ANSWERED_HERE,
         _i ? -1 : 0);
    ck_assert(!tsi()->frozen && !tsi()->unconfirmed);
    ck_assert_uint_eq(tsi()->current.nve, HV2);
    ck_assert_uint_eq(tsi()->confirmed.nve, _i ? HV1 : HV2);
    for (int i = 0; i < 4; i++) {
        announce(i % 2 ? HV2 : HV1, 1, NVA_ADMIT_MOVE);
        ck_assert_ptr_null(probe(NVA_PROBE_MOVES));
    }
}
END_TEST

/* Each time it answered only where it was before: somebody forges.  The third
 * time it is frozen there. */
START_TEST(E4_forgeries_freeze_in_the_end)
{
    for (int i = 0; i < 3; i++) {
        struct nva_delta d = { .type = NVA_DELTA_PROBE_PUT };

        ck_assert(!tsi()->frozen);
        five_moves();
        d.probe = *probe(NVA_PROBE_MOVES);
        d.id = d.probe.id;
        d.probe.asked = 3;
        d.probe.places[1].answered = 0xe;
        fx_apply(&fx, &d);
        ends(NVA_PROBE_MOVES, NVA_R_ANSWERED_HERE, 1);
        ck_assert_uint_eq(tsi()->current.nve, HV1);
    }
    ck_assert(tsi()->frozen);
    ck_assert_int_eq(note(NVA_NOTE_FROZEN)->reason, NVA_R_FORGED);
}
END_TEST

START_TEST(E4_without_an_address_it_freezes_at_once)
{
    struct nva_tsi t = *tsi();

    t.n_ips = 0;
    fx_tsi_put(&fx, &t);
    for (int i = 0; i < 5; i++) {
        ck_assert(!tsi()->frozen);
        announce(i % 2 ? HV1 : HV2, 10, NVA_ADMIT_MOVE);
    }
    ck_assert(tsi()->frozen);
    ck_assert_uint_eq(tsi()->current.nve, HV1);
}
END_TEST

/* Where its last confirmed place is no more, it freezes where it is. */
START_TEST(E4_a_confirmed_place_that_is_gone)
{
    struct nva_delta d = { .type = NVA_DELTA_TSI_PUT, .id = blue1 };

    five_moves();
    d.tsi = *tsi();
    d.tsi.confirmed = _i ? fx_place(999, "tap2") : fx_place(HV3, "tap1");
    fx_apply(&fx, &d);
    ends(NVA_PROBE_MOVES, NVA_R_TWO_PLACES, -1);
    ck_assert(tsi()->frozen);
    ck_assert_uint_eq(tsi()->current.nve, HV2);
}
END_TEST

static void
freeze(void)
{
    five_moves();
    ends(NVA_PROBE_MOVES, NVA_R_TWO_PLACES, -1);
    ck_assert(tsi()->frozen);
}

START_TEST(E4_thaws_by_word_and_by_timer)
{
    struct nva_request r = { .type = NVA_REQ_VM_THAW };
    struct nva_event due = { .type = NVA_EV_THAW_DUE };

    freeze();
    ck_assert_uint_eq(mobility_next_thaw(&fx.view), NVA_ID_NONE);
    fx_start(&fx);
    if (_i) {
        fx.view.now = mobility_thaws_at(&fx.view);
        due.tsi = mobility_next_thaw(&fx.view);
        ck_assert_uint_eq(due.tsi, blue1);
        mobility_thaw_due(&fx.view, &due, &fx.plan);
    } else {
        ovs_strlcpy(r.name, directory_vm(fx.dir, tsi()->vm)->name,
                    sizeof r.name);
        mobility_request(&fx.view, &r, &fx.plan);
        ck_assert_int_eq(fx.plan.verdict, NVA_OK);
    }
    fx_apply_plan(&fx);
    ck_assert(!tsi()->frozen);
    ck_assert_int_eq(mobility_thaws_at(&fx.view), NVA_NEVER);
    ck_assert_int_eq(note(NVA_NOTE_THAWED)->reason,
                     _i ? NVA_R_EXPIRED : NVA_R_CALLER);
}
END_TEST

/* VM management's word ends all doubt. */
START_TEST(a_planned_move_settles)
{
    struct nva_place there = fx_place(HV3, "tap2");

    if (_i) {
        freeze();
    } else {
        five_moves();
    }
    fx_start(&fx);
    mobility_place(&fx.view, tsi(), &there, &fx.plan);
    fx_apply_plan(&fx);
    ck_assert(!tsi()->frozen && !tsi()->unconfirmed);
    ck_assert_uint_eq(tsi()->current.nve, HV3);
    ck_assert_uint_eq(tsi()->confirmed.nve, HV3);
    ck_assert_uint_eq(tsi()->n_moves, 0);
    ck_assert_uint_eq(directory_n_probes(fx.dir), 0);
    ck_assert((note(NVA_NOTE_THAWED) != NULL) == (_i == 1));
}
END_TEST

/* E2, E3: after 2^32 - 1 comes 0, which is newer; an answer to what was asked
 * before that does not win. */
START_TEST(E2_E3_the_sequence_wraps)
{
    struct nva_tsi t = *tsi();

    t.sequence = UINT32_MAX - 1;
    fx_tsi_put(&fx, &t);
    announce(HV2, 1, NVA_ADMIT_RETURN);
    ck_assert_uint_eq(tsi()->sequence, UINT32_MAX);
    ck_assert(tsi()->unconfirmed);
    ck_assert_uint_eq(probe(NVA_PROBE_PLACE)->sequence, UINT32_MAX);
    if (_i) {
        announce(HV3, 1, NVA_ADMIT_MOVE);
        ck_assert_uint_eq(tsi()->sequence, 0);
        ck_assert(!tsi()->unconfirmed);
    }
    ends(NVA_PROBE_PLACE, NVA_R_ANSWERED_HERE, 1);
    ck_assert_uint_eq(tsi()->current.nve, _i ? HV3 : HV1);
    ck_assert_uint_eq(tsi()->sequence, 0);
}
END_TEST

START_TEST(the_answer_decides)
{
    static const struct {
        enum nva_reason reason;
        int where;
        nva_id nve;
        bool unconfirmed;
    } rows[] = {
        { NVA_R_ANSWERED_HERE, 0, HV2, false },
        { NVA_R_ANSWERED_HERE, 1, HV1, false },
        { NVA_R_TWO_PLACES, -1, HV2, true },
        { NVA_R_NO_ANSWER, -1, HV2, false },
        { NVA_R_UNCLEAR, -1, HV2, false },
    };

    announce(HV2, 1, NVA_ADMIT_RETURN);
    ck_assert(tsi()->unconfirmed);
    ck_assert_uint_eq(fx.plan.n_replies, 2);
    ends(NVA_PROBE_PLACE, rows[_i].reason, rows[_i].where);
    ck_assert_uint_eq(tsi()->current.nve, rows[_i].nve);
    ck_assert(tsi()->unconfirmed == rows[_i].unconfirmed);
    ck_assert(!tsi()->frozen);
    ck_assert((note(NVA_NOTE_DUPLICATE) != NULL)
              == (rows[_i].reason == NVA_R_TWO_PLACES));
    if (note(NVA_NOTE_DUPLICATE)) {
        ck_assert_uint_eq(note(NVA_NOTE_DUPLICATE)->nve, HV2);
        ck_assert_uint_eq(note(NVA_NOTE_DUPLICATE)->other, HV1);
    }
}
END_TEST

/* The port that it answered from was bound for a move that is over: it is
 * bound again, or what the VM says there would get nowhere. */
START_TEST(the_place_of_an_answer_has_a_binding)
{
    const struct nva_vap *vap = directory_vap_for(fx.dir, HV1, "tap2",
                                                  fx_mac(1));
    struct nva_delta d = { .type = NVA_DELTA_VAP_DEL, .id = vap->id };

    announce(HV2, 1, NVA_ADMIT_RETURN);
    fx_apply(&fx, &d);
    ends(NVA_PROBE_PLACE, NVA_R_ANSWERED_HERE, 1);
    ck_assert_uint_eq(tsi()->current.nve, HV1);
    vap = directory_vap_for(fx.dir, HV1, "tap2", fx_mac(1));
    ck_assert_ptr_nonnull(vap);
    ck_assert_uint_eq(vap->vn, BLUE);
}
END_TEST

/* Heard elsewhere, but no announcement: it stays, and is asked at both. */
START_TEST(doubt_moves_nothing)
{
    announce(HV2, 1, NVA_ADMIT_DOUBT);
    ck_assert_uint_eq(tsi()->current.nve, HV1);
    ck_assert_uint_eq(tsi()->sequence, 0);
    ck_assert(tsi()->unconfirmed);
    ck_assert_uint_eq(probe(NVA_PROBE_PLACE)->places[0].place.nve, HV1);
    ck_assert_uint_eq(probe(NVA_PROBE_PLACE)->places[1].place.nve, HV2);
    ck_assert_int_eq(note(NVA_NOTE_DROPPED)->reason, NVA_R_UNDER_WAY);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("mobility-doubt");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, E4_five_moves_in_the_window_are_suspect);
    tcase_add_test(tc, E4_slow_moves_are_not_suspect);
    tcase_add_loop_test(tc, E4_both_or_none_freeze, 0, 2);
    tcase_add_loop_test(tc, E4_an_answer_restarts_the_count, 0, 2);
    tcase_add_test(tc, E4_forgeries_freeze_in_the_end);
    tcase_add_test(tc, E4_without_an_address_it_freezes_at_once);
    tcase_add_loop_test(tc, E4_a_confirmed_place_that_is_gone, 0, 2);
    tcase_add_loop_test(tc, E4_thaws_by_word_and_by_timer, 0, 2);
    tcase_add_loop_test(tc, a_planned_move_settles, 0, 2);
    tcase_add_loop_test(tc, E2_E3_the_sequence_wraps, 0, 2);
    tcase_add_loop_test(tc, the_answer_decides, 0, 5);
    tcase_add_test(tc, the_place_of_an_answer_has_a_binding);
    tcase_add_test(tc, doubt_moves_nothing);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
