/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include "ageing.h"
#include "duplicate.h"
#include "packets.h"

/* blue1 stands at hv1 tap2 and taught 10.0.0.100, blue2 stands at hv2 tap2;
 * five conflicts in 180 s freeze an address for 60 s. */
static struct fixture fx;
static nva_id blue1, blue2;

static void
set_vn(uint32_t moves, bool shares)
{
    struct nva_delta vn = { .type = NVA_DELTA_VN_PUT, .id = BLUE };

    vn.vn = *directory_vn(fx.dir, BLUE);
    vn.vn.duplicate_moves = moves;
    vn.vn.duplicate_window = 180;
    vn.vn.freeze_time = 60;
    vn.vn.n_shared_ips = shares;
    vn.vn.shared_ips[0] = fx_ip("10.0.0.100");
    fx_apply(&fx, &vn);
}

static void
setup(void)
{
    struct nva_tsi t;

    fx_init(&fx);
    set_vn(5, false);
    blue1 = fx_vm(&fx, BLUE, 1, "10.0.0.1", HV1, "tap2");
    blue2 = fx_vm(&fx, BLUE, 2, "10.0.0.2", HV2, "tap2");
    t = *directory_tsi(fx.dir, blue1);
    t.ips[t.n_ips++] = fx_ip("10.0.0.100");
    fx_tsi_put(&fx, &t);
    fx.view.now = 1000 * NVA_SEC;
}

static void
teardown(void)
{
    fx_uninit(&fx);
}

static const struct nva_lease *
lease(nva_id id)
{
    const struct in6_addr ip = fx_ip("10.0.0.100");

    return directory_lease(fx.dir, id, &ip);
}

static const struct nva_tsi *
holder(void)
{
    const struct in6_addr ip = fx_ip("10.0.0.100");

    return directory_tsi_by_ip(fx.dir, BLUE, &ip);
}

static const struct nva_probe *
probe(nva_id id)
{
    return directory_probe_of_tsi(fx.dir, id, NVA_PROBE_CLAIM);
}

/* The one with that MAC, at 'nve', says that it has 10.0.0.100. */
static void
claims(uint8_t mac, nva_id nve, enum nva_frame_kind kind)
{
    struct nva_frame f = fx_arp(kind, fx_mac(mac), "10.0.0.100",
                                "10.0.0.100");
    struct nva_event ev = fx_packet(&fx, NVA_EV_EVIDENCE, nve, "tap2", f);

    fx_start(&fx);
    duplicate_claim(&fx.view, &ev, &fx.plan);
    fx_apply_plan(&fx);
}

/* What blue2 has claimed is found out. */
static void
ends(nva_id id, enum nva_reason reason)
{
    struct nva_probe p = *probe(id);

    fx_start(&fx);
    nva_deltas_add(&fx.plan.deltas, NVA_DELTA_PROBE_DEL)->id = p.id;
    duplicate_outcome(&fx.view, &p, reason, &p.places[0], &fx.plan);
    fx_apply_plan(&fx);
}

/* blue1 does not answer. */
static void
stands_still(bool paused, bool stopped, uint64_t sequence)
{
    struct nva_tsi t = *directory_tsi(fx.dir, blue1);
    struct nva_delta vm = { .type = NVA_DELTA_VM_PUT, .id = t.vm };

    t.paused = paused;
    t.stopped = stopped;
    t.sequence = sequence;
    fx_tsi_put(&fx, &t);
    vm.vm = *directory_vm(fx.dir, t.vm);
    vm.vm.state = stopped ? NVA_VM_SHUTDOWN : NVA_VM_RUNNING;
    fx_apply(&fx, &vm);
}

/* The port of blue1 goes. */
static void
unplug(void)
{
    struct nva_delta d = { .type = NVA_DELTA_PORT_DEL };

    d.port = *directory_port(fx.dir, HV1, "tap2");
    fx_apply(&fx, &d);
}

/* All looks that are due. */
static void
look(void)
{
    const struct nva_lease *l;

    while ((l = ageing_next_due(&fx.view))) {
        struct nva_event ev = { .type = NVA_EV_LOOK_DUE, .lease = *l };

        fx_start(&fx);
        ageing_due(&fx.view, &ev, &fx.plan);
        fx_apply_plan(&fx);
    }
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

/* F7: the former holder is asked, where it is, and nothing else changes. */
START_TEST(F7_the_holder_is_asked)
{
    claims(2, HV2, NVA_FRAME_ARP_REQUEST);
    ck_assert_uint_eq(holder()->id, blue1);
    ck_assert_uint_eq(probe(blue1)->places[0].place.nve, HV1);
    ck_assert_uint_eq(probe(blue1)->rival, blue2);
    ck_assert_uint_eq(fx.plan.n_replies, 1);
    /* Once, however often it is claimed. */
    claims(2, HV2, NVA_FRAME_ARP_REQUEST);
    ck_assert_uint_eq(fx.plan.n_replies, 0);
}
END_TEST

/* F7: it answers: it keeps the address, somebody is told, it is counted. */
START_TEST(F7_an_answer_keeps_it)
{
    claims(2, HV2, NVA_FRAME_ARP_REPLY);
    ends(blue1, NVA_R_ANSWERED_HERE);
    ck_assert_uint_eq(holder()->id, blue1);
    ck_assert_uint_eq(lease(blue1)->n_conflicts, 1);
    ck_assert_uint_eq(note(NVA_NOTE_DUPLICATE)->nve, HV1);
    ck_assert_uint_eq(note(NVA_NOTE_DUPLICATE)->other, HV2);
    ck_assert_ptr_null(note(NVA_NOTE_FROZEN));
}
END_TEST

/* F7: what the holder says by itself is an answer, too. */
START_TEST(F7_its_own_word_is_an_answer)
{
    claims(2, HV2, NVA_FRAME_ARP_REPLY);
    claims(1, HV1, NVA_FRAME_ARP_REPLY);
    ck_assert_ptr_null(probe(blue1));
    ck_assert_uint_eq(lease(blue1)->n_conflicts, 1);
    /* And without a question nothing. */
    claims(1, HV1, NVA_FRAME_ARP_REPLY);
    ck_assert_uint_eq(lease(blue1)->n_conflicts, 1);
}
END_TEST

/* F7: silent: the address is the other's, with what was counted. */
START_TEST(F7_silence_gives_it_away)
{
    claims(2, HV2, NVA_FRAME_ARP_REPLY);
    ends(blue1, NVA_R_NO_ANSWER);
    ck_assert_uint_eq(holder()->id, blue2);
    ck_assert_uint_eq(directory_tsi(fx.dir, blue1)->n_ips, 1);
    ck_assert_uint_eq(directory_tsi(fx.dir, blue2)->n_given, 1);
    ck_assert_uint_eq(lease(blue2)->n_conflicts, 1);
    ck_assert_int_eq(note(NVA_NOTE_LEARNED)->reason, NVA_R_NO_ANSWER);
    claims(1, HV1, NVA_FRAME_ARP_REPLY);
    ck_assert_ptr_null(probe(blue2));   /* Not in the same second. */
    fx.view.now += NVA_SEC;
    claims(1, HV1, NVA_FRAME_ARP_REPLY);
    ends(blue2, NVA_R_NO_ANSWER);
    ck_assert_uint_eq(holder()->id, blue1);
    ck_assert_uint_eq(lease(blue1)->n_conflicts, 2);
}
END_TEST

/* Who could not be asked, has moved on meanwhile or stands still for a move
 * has not been silent. */
START_TEST(F7_no_verdict_changes_nothing)
{
    claims(2, HV2, NVA_FRAME_ARP_REPLY);
    stands_still(_i == 2, _i == 3, _i == 1);
    if (_i == 3) {
        fx_move(&fx, blue1, NVA_MS_PAUSED, fx_place(HV1, "tap2"),
                fx_place(HV3, "tap2"));
    }
    ends(blue1, _i ? NVA_R_NO_ANSWER : NVA_R_UNCLEAR);
    ck_assert_uint_eq(holder()->id, blue1);
    ck_assert_uint_eq(lease(blue1)->n_conflicts, 0);
    /* While it cannot answer it is not asked. */
    claims(2, HV2, NVA_FRAME_ARP_REPLY);
    ck_assert(!probe(blue1) == (_i > 1));
}
END_TEST

/* F7: one that is off does not answer, whether it can be asked or not. */
START_TEST(F7_who_is_off_is_silent)
{
    stands_still(false, true, 0);
    claims(2, HV2, NVA_FRAME_ARP_REPLY);
    ck_assert_uint_eq(holder()->id, blue1);
    ends(blue1, _i ? NVA_R_NO_ANSWER : NVA_R_UNCLEAR);
    ck_assert_uint_eq(holder()->id, blue2);
}
END_TEST

/* F7: each address that is claimed is asked for, and by itself. */
START_TEST(F7_one_question_for_each_address)
{
    struct nva_tsi t = *directory_tsi(fx.dir, blue1);
    const struct in6_addr other = fx_ip("fd10::100");
    struct nva_frame f = fx_nd(NVA_FRAME_NA, fx_mac(2), "fd10::100",
                               "fd10::100");
    struct nva_event ev;

    f.na_override = true;
    ev = fx_packet(&fx, NVA_EV_EVIDENCE, HV2, "tap2", f);
    t.ips[t.n_ips++] = other;
    fx_tsi_put(&fx, &t);
    claims(2, HV2, NVA_FRAME_ARP_REQUEST);
    fx_start(&fx);
    duplicate_claim(&fx.view, &ev, &fx.plan);
    fx_apply_plan(&fx);
    ck_assert_uint_eq(directory_n_probes_for(fx.dir, NVA_PROBE_CLAIM), 2);
    ck_assert_uint_eq(fx.plan.n_replies, 1);
    ends(blue1, NVA_R_NO_ANSWER);
    ck_assert_uint_eq(holder()->id, blue2);
    ck_assert_uint_eq(directory_tsi_by_ip(fx.dir, BLUE, &other)->id, blue1);
    ck_assert(ipv6_addr_equals(&probe(blue1)->ip, &other));
}
END_TEST

/* F7: a claimant that has no room is told so, and takes no other's turn. */
START_TEST(F7_a_claimant_needs_room)
{
    struct nva_tsi t = *directory_tsi(fx.dir, blue2);

    if (_i) {
        claims(2, HV2, NVA_FRAME_ARP_REPLY);
    }
    for (int i = 0; t.n_ips < NVA_IPS_MAX; i++) {
        t.ips[t.n_ips] = t.ips[0];
        t.ips[t.n_ips++].s6_addr[14] = 100 + i;
    }
    fx_tsi_put(&fx, &t);
    if (_i) {
        ends(blue1, NVA_R_NO_ANSWER);
    } else {
        claims(2, HV2, NVA_FRAME_ARP_REPLY);
        ck_assert_ptr_null(probe(blue1));
    }
    ck_assert_int_eq(note(NVA_NOTE_DROPPED)->reason, NVA_R_LIMIT);
    ck_assert_uint_eq(holder()->id, blue1);
}
END_TEST

/* Nobody is where the port is gone: the address is free for who claims it,
 * before its holder was asked or while it is; but not while the VM moves, nor
 * where the session is gone, too; one that is off may be only about to start
 * again. */
START_TEST(F7_nobody_is_where_the_port_is_gone)
{
    if (_i == 1) {
        claims(2, HV2, NVA_FRAME_ARP_REPLY);
        ck_assert_ptr_nonnull(probe(blue1));
        unplug();
        ends(blue1, NVA_R_UNCLEAR);
    } else {
        unplug();
        stands_still(false, _i == 2, 0);
        if (_i == 3) {
            fx_move(&fx, blue1, NVA_MS_PREPARED, fx_place(HV1, "tap2"),
                    fx_place(HV3, "tap2"));
        }
        fx_connect(&fx, HV1, _i != 4);
        claims(2, HV2, NVA_FRAME_ARP_REPLY);
        ck_assert_uint_eq(fx.plan.n_replies, 0);
    }
    ck_assert_uint_eq(holder()->id, _i < 2 ? blue2 : blue1);
    if (_i < 2) {
        ck_assert_int_eq(note(NVA_NOTE_LEARNED)->reason, NVA_R_NO_ANSWER);
        ck_assert_uint_eq(lease(blue2)->n_conflicts, 1);
    } else if (probe(blue1)) {
        ends(blue1, NVA_R_UNCLEAR);
        ck_assert_uint_eq(holder()->id, _i == 2 ? blue2 : blue1);
    }
}
END_TEST

/* F6, F7: the word that ends the question is a sign of life, too, in the same
 * step; and so is an answer. */
START_TEST(F7_who_keeps_it_was_heard)
{
    struct nva_frame f = fx_arp(NVA_FRAME_ARP_REPLY, fx_mac(1), "10.0.0.100",
                                "10.0.0.100");
    struct nva_event ev = fx_packet(&fx, NVA_EV_EVIDENCE, HV1, "tap2", f);
    struct nva_delta vn = { .type = NVA_DELTA_VN_PUT, .id = BLUE };

    vn.vn = *directory_vn(fx.dir, BLUE);
    vn.vn.age = 1800;
    fx_apply(&fx, &vn);
    look();
    fx.view.now += 500 * NVA_SEC;
    claims(2, HV2, NVA_FRAME_ARP_REPLY);
    fx.view.now += NVA_MSEC;
    if (_i) {
        ends(blue1, NVA_R_ANSWERED_HERE);
    } else {
        fx_start(&fx);
        ageing_sign(&fx.view, &ev, &fx.plan);
        duplicate_claim(&fx.view, &ev, &fx.plan);
        fx_apply_plan(&fx);
    }
    ck_assert_uint_eq(lease(blue1)->n_conflicts, 1);
    ck_assert_int_eq(lease(blue1)->heard, fx.view.now);
    look();
    ck_assert_int_ge(lease(blue1)->look, fx.view.now + 600 * NVA_SEC);
}
END_TEST

/* Claims are routine: what asks about moves has room left. */
START_TEST(F7_claims_leave_room_for_moves)
{
    struct nva_delta d = { .type = NVA_DELTA_PROBE_PUT };

    while (directory_n_probes(fx.dir) < NVA_ROUTINE_PROBES_MAX - _i) {
        struct nva_tsi t = *directory_tsi(fx.dir, blue2);

        t.id = directory_next_id(fx.dir);
        t.mac = (struct eth_addr) { .ea = { 2, 0, 0, 1, t.id >> 8, t.id } };
        t.n_ips = t.n_given = 0;
        fx_tsi_put(&fx, &t);
        d.id = d.probe.id = directory_next_id(fx.dir);
        d.probe.why = NVA_PROBE_AGE;
        d.probe.tsi = t.id;
        d.probe.n_places = 1;
        d.probe.places[0].place = t.current;
        fx_apply(&fx, &d);
    }
    claims(2, HV2, NVA_FRAME_ARP_REPLY);
    ck_assert(!probe(blue1) == !_i);
}
END_TEST

/* F7: five in 180 s freeze it: nothing is asked any more; it thaws by its
 * timer, or by hand. */
START_TEST(F7_five_conflicts_freeze)
{
    struct nva_event look = { .type = NVA_EV_LOOK_DUE };

    for (int i = 0; i < 5; i++) {
        ck_assert(!lease(blue1)->frozen);
        fx.view.now += 30 * NVA_SEC;
        claims(2, HV2, NVA_FRAME_ARP_REPLY);
        ends(blue1, NVA_R_ANSWERED_HERE);
    }
    ck_assert(lease(blue1)->frozen);
    ck_assert(directory_is_frozen_ip(fx.dir, blue1, &lease(blue1)->ip));
    ck_assert_int_eq(note(NVA_NOTE_FROZEN)->reason, NVA_R_CLAIMED);
    claims(2, HV2, NVA_FRAME_ARP_REPLY);
    ck_assert_ptr_null(probe(blue1));
    ck_assert_int_eq(note(NVA_NOTE_DROPPED)->reason, NVA_R_FROZEN);

    fx_start(&fx);
    if (_i) {
        duplicate_thaw(&fx.view, directory_tsi(fx.dir, blue1), &fx.plan);
    } else {
        /* Its first look is due, the next one is when it thaws. */
        look.lease = *ageing_next_due(&fx.view);
        ageing_due(&fx.view, &look, &fx.plan);
        fx_apply_plan(&fx);
        ck_assert_int_eq(ageing_deadline(&fx.view),
                         fx.view.now + 60 * NVA_SEC);
        fx.view.now += 60 * NVA_SEC;
        fx_start(&fx);
        look.lease = *ageing_next_due(&fx.view);
        ageing_due(&fx.view, &look, &fx.plan);
    }
    fx_apply_plan(&fx);
    ck_assert(!lease(blue1)->frozen);
    ck_assert_int_eq(note(NVA_NOTE_THAWED)->reason,
                     _i ? NVA_R_CALLER : NVA_R_EXPIRED);
    claims(2, HV2, NVA_FRAME_ARP_REPLY);
    ck_assert_ptr_nonnull(probe(blue1));
}
END_TEST

START_TEST(F7_slow_conflicts_do_not_freeze)
{
    if (_i) {
        set_vn(0, false);
    }
    for (int i = 0; i < 20; i++) {
        fx.view.now += (_i ? 1 : 46) * NVA_SEC;
        claims(2, HV2, NVA_FRAME_ARP_REPLY);
        ends(blue1, NVA_R_ANSWERED_HERE);
        ck_assert(!lease(blue1)->frozen);
    }
}
END_TEST

/* What was given, what is shared, and what an NA says without its override
 * flag (F4) is nobody's claim. */
START_TEST(F4_F7_what_is_no_claim)
{
    struct nva_tsi t = *directory_tsi(fx.dir, blue1);
    struct nva_event ev;

    set_vn(5, _i == 0);
    t.n_given = _i == 1 ? 2 : 1;
    if (_i == 2) {
        t.ips[1] = fx_ip("fd10::100");
    }
    fx_tsi_put(&fx, &t);
    if (_i == 2) {
        ev = fx_packet(&fx, NVA_EV_EVIDENCE, HV2, "tap2",
                       fx_nd(NVA_FRAME_NA, fx_mac(2), "fd10::100",
                             "fd10::100"));
        ev.packet.frame.na_override = false;
        fx_start(&fx);
        duplicate_claim(&fx.view, &ev, &fx.plan);
        fx_apply_plan(&fx);
        ck_assert_ptr_null(probe(blue1));
        ev.packet.frame.na_override = true;
        fx_start(&fx);
        duplicate_claim(&fx.view, &ev, &fx.plan);
        fx_apply_plan(&fx);
        ck_assert_ptr_nonnull(probe(blue1));
        return;
    }
    claims(2, HV2, NVA_FRAME_ARP_REPLY);
    ck_assert_ptr_null(probe(blue1));
}
END_TEST

/* The claimant has gone, or has no room: the address only ages. */
START_TEST(F7_nobody_to_give_it_to)
{
    struct nva_tsi t = *directory_tsi(fx.dir, blue2);

    claims(2, HV2, NVA_FRAME_ARP_REPLY);
    if (_i) {
        for (t.n_ips = 0; t.n_ips < NVA_IPS_MAX; t.n_ips++) {
            t.ips[t.n_ips] = fx_ip("10.9.0.1");
            t.ips[t.n_ips].s6_addr[15] += t.n_ips;
        }
        fx_tsi_put(&fx, &t);
    } else {
        struct nva_delta del = { .type = NVA_DELTA_TSI_DEL, .id = blue2 };

        fx_apply(&fx, &del);
    }
    ends(blue1, NVA_R_NO_ANSWER);
    ck_assert_uint_eq(holder()->id, blue1);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("duplicate");
    TCase *tc = tcase_create("duplicate");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, F7_the_holder_is_asked);
    tcase_add_test(tc, F7_an_answer_keeps_it);
    tcase_add_test(tc, F7_its_own_word_is_an_answer);
    tcase_add_test(tc, F7_silence_gives_it_away);
    tcase_add_loop_test(tc, F7_no_verdict_changes_nothing, 0, 4);
    tcase_add_loop_test(tc, F7_who_is_off_is_silent, 0, 2);
    tcase_add_test(tc, F7_one_question_for_each_address);
    tcase_add_loop_test(tc, F7_a_claimant_needs_room, 0, 2);
    tcase_add_loop_test(tc, F7_nobody_is_where_the_port_is_gone, 0, 5);
    tcase_add_loop_test(tc, F7_who_keeps_it_was_heard, 0, 2);
    tcase_add_loop_test(tc, F7_claims_leave_room_for_moves, 0, 2);
    tcase_add_loop_test(tc, F7_five_conflicts_freeze, 0, 2);
    tcase_add_loop_test(tc, F7_slow_conflicts_do_not_freeze, 0, 2);
    tcase_add_loop_test(tc, F4_F7_what_is_no_claim, 0, 3);
    tcase_add_loop_test(tc, F7_nobody_to_give_it_to, 0, 2);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
