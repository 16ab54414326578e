/* SPDX-License-Identifier: Apache-2.0 */

/* A VN that pulls (RFC 8171: B7, B8, B13, B14, B18, B21): an NVE holds what it
 * asked for as long as it uses it, and nothing else. */

#include <config.h>

#include "stage.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "directory.h"
#include "packets.h"
#include "util.h"

#define LIFETIME (300 * NVA_SEC)        /* The default. */

static const struct directory *
dir_of(struct stage *s)
{
    return dispatch_view(sim_dispatch(s->sim), sim_now(s->sim)).dir;
}

static size_t
n_held(struct stage *s, int nve)
{
    return directory_n_pulls(dir_of(s),
                             directory_nve_by_dpid(dir_of(s), nve)->id);
}

static size_t
n_flows(struct stage *s, int nve)
{
    return fake_switch_n_flows(sim_switch(s->sim, nve));
}

/* First packets that nvad sent on. */
static size_t
n_misses(struct stage *s)
{
    return sim_notes(s->sim, NVA_NOTE_PULLED, NVA_R_PULLED);
}

static const char *
well(struct stage *s)
{
    sim_settle(s->sim);
    return sim_check(s->sim);
}

/* The stage, quiet for so long that nobody holds anything any more. */
static void
stage_quiet(struct stage *s, enum stage_flags flags, uint64_t seed)
{
    stage_set(s, STAGE_PULL | flags, seed);
    ck_assert_uint_eq(n_held(s, 1), 2);
    ck_assert_uint_eq(n_held(s, 2), 3);
    sim_run(s->sim, LIFETIME + NVA_SEC);
    for (int n = 1; n <= 3; n++) {
        ck_assert_uint_eq(n_held(s, n), 0);
    }
    ck_assert_ptr_null(well(s));
}

static int
send_and_count(struct stage *s, int from, int to)
{
    uint64_t p = sim_send(s->sim, from, to);

    sim_settle(s->sim);
    return sim_received(s->sim, p);
}

/* B21: the first packet of a flow is delivered, by nvad; the next ones by the
 * flow that it left behind, at the asking NVE only. */
START_TEST(B21_first_packet_is_delivered)
{
    struct stage s;
    size_t misses, flows[4];

    stage_quiet(&s, 0, _i);
    misses = n_misses(&s);
    for (int n = 1; n <= 3; n++) {
        flows[n] = n_flows(&s, n);
    }
    ck_assert_int_eq(send_and_count(&s, s.c[1], s.c[3]), 1);
    ck_assert_uint_eq(n_misses(&s), misses + 1);
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(send_and_count(&s, s.c[1], s.c[3]), 1);
    }
    ck_assert_uint_eq(n_misses(&s), misses + 1);
    ck_assert_uint_eq(n_held(&s, 1), 1);
    ck_assert_uint_eq(n_flows(&s, 1), flows[1] + 1);
    ck_assert_uint_eq(n_flows(&s, 2), flows[2]);
    ck_assert_uint_eq(n_flows(&s, 3), flows[3]);
    stage_strike(&s);
}
END_TEST

/* B7: what is used is renewed before it ends, so that no packet meets an empty
 * table; what is not used goes. */
START_TEST(B7_renewed_while_used)
{
    struct stage s;
    size_t misses;

    stage_quiet(&s, 0, 0);
    ck_assert_int_eq(send_and_count(&s, s.c[1], s.c[3]), 1);
    misses = n_misses(&s);
    for (int i = 0; i < 20; i++) {
        sim_run(s.sim, LIFETIME / 4);
        ck_assert_int_eq(send_and_count(&s, s.c[1], s.c[3]), 1);
    }
    ck_assert_uint_eq(n_misses(&s), misses);
    sim_run(s.sim, LIFETIME + NVA_SEC);
    ck_assert_uint_eq(n_held(&s, 1), 0);
    ck_assert_ptr_null(well(&s));
    ck_assert_int_eq(send_and_count(&s, s.c[1], s.c[3]), 1);
    ck_assert_uint_eq(n_misses(&s), misses + 1);
    stage_strike(&s);
}
END_TEST

/* B7: use alone prolongs nothing: with nobody to renew it, a flow in use ends
 * at its lifetime.  B18: so an NVE that has lost nvad has dropped all that it
 * pulled then; what was configured stays (K6). */
START_TEST(B7_B18_lost_session_drops_what_was_pulled)
{
    struct stage s;
    size_t misses;

    stage_quiet(&s, 0, 0);
    ck_assert_int_eq(send_and_count(&s, s.c[1], s.c[3]), 1);
    sim_disconnect(s.sim, 1);
    for (int i = 0; i < 9; i++) {
        sim_run(s.sim, LIFETIME / 10);
        ck_assert_int_eq(send_and_count(&s, s.c[1], s.c[3]), 1);
    }
    sim_run(s.sim, LIFETIME / 10 + NVA_SEC);
    ck_assert_int_eq(send_and_count(&s, s.c[1], s.c[3]), 0);
    ck_assert_int_eq(send_and_count(&s, s.c[1], s.vm), 1);
    ck_assert_uint_eq(n_held(&s, 1), 0);

    sim_connect(s.sim, 1);
    ck_assert_ptr_null(well(&s));
    misses = n_misses(&s);
    ck_assert_int_eq(send_and_count(&s, s.c[1], s.c[3]), 1);
    ck_assert_uint_eq(n_misses(&s), misses + 1);
    stage_strike(&s);
}
END_TEST

/* B18: a session that was away for a short time costs nothing that is used;
 * what ended meanwhile is found out when the flows are read back. */
START_TEST(B18_read_back_reconciles)
{
    struct stage s;
    size_t misses;

    stage_quiet(&s, 0, 0);
    ck_assert_int_eq(send_and_count(&s, s.c[1], s.c[2]), 1);
    ck_assert_int_eq(send_and_count(&s, s.c[1], s.c[3]), 1);
    misses = n_misses(&s);
    sim_run(s.sim, LIFETIME / 4);
    ck_assert_int_eq(send_and_count(&s, s.c[1], s.c[3]), 1);
    sim_disconnect(s.sim, 1);
    sim_run(s.sim, LIFETIME / 3);
    ck_assert_uint_eq(n_held(&s, 1), 2);
    sim_connect(s.sim, 1);
    ck_assert_ptr_null(well(&s));
    ck_assert_uint_eq(n_held(&s, 1), 1);
    ck_assert_int_eq(send_and_count(&s, s.c[1], s.c[3]), 1);
    ck_assert_uint_eq(n_misses(&s), misses);
    stage_strike(&s);
}
END_TEST

/* B13, B14: a move is told to those who hold the entry, and to nobody else. */
START_TEST(B13_B14_a_move_reaches_those_who_hold_it)
{
    struct stage s;
    size_t mods, misses;

    stage_quiet(&s, 0, _i);
    ck_assert_int_eq(send_and_count(&s, s.c[3], s.vm), 1);
    misses = n_misses(&s);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_run(s.sim, 50 * NVA_MSEC);
    ck_assert(timeline_has(&s, last_move(&s), "confirmed", "hv3"));
    ck_assert_int_eq(send_and_count(&s, s.c[3], s.vm), 1);
    ck_assert_uint_eq(n_misses(&s), misses);

    sim_run(s.sim, LIFETIME);
    ck_assert_uint_eq(n_held(&s, 3), 0);
    mods = fake_switch_n_mods(sim_switch(s.sim, 3));
    sim_stand(s.sim, s.vm, 1, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_run(s.sim, 20 * NVA_SEC);
    ck_assert_str_eq(move_state(&s, last_move(&s)), "done");
    ck_assert(!timeline_has(&s, last_move(&s), "sent", "hv3"));
    ck_assert_uint_eq(fake_switch_n_mods(sim_switch(s.sim, 3)), mods);

    /* Whose entry has timed out asks again. */
    ck_assert_int_eq(send_and_count(&s, s.c[3], s.vm), 1);
    ck_assert_uint_eq(n_misses(&s), misses + 1);
    stage_strike(&s);
}
END_TEST

/* D11: the old NVE redirects, and its own VMs' way to the one that left is
 * there in the same moment: they need not ask. */
START_TEST(D11_redirect_and_neighbours_at_the_old_place)
{
    struct stage s;
    size_t misses;
    uint64_t p;
    int id;

    stage_quiet(&s, _i ? STAGE_STRICT : 0, 0);
    ck_assert_int_eq(send_and_count(&s, s.c[3], s.vm), 1);
    id = start_move(&s, 2);
    sim_settle(s.sim);
    sim_still(s.sim, s.vm);
    move_verb(&s, id, "pause");
    sim_run(s.sim, 10 * NVA_MSEC);
    p = sim_send(s.sim, s.c[3], s.vm);
    sim_run(s.sim, 10 * NVA_MSEC);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    move_verb(&s, id, "activate");
    misses = n_misses(&s);
    sim_run(s.sim, 10 * NVA_MSEC);
    ck_assert_int_eq(sim_received(s.sim, p), 1);
    p = sim_send(s.sim, s.c[1], s.vm);
    sim_run(s.sim, 10 * NVA_MSEC);
    ck_assert_int_eq(sim_received(s.sim, p), 1);
    sim_run(s.sim, 20 * NVA_SEC);
    ck_assert_str_eq(move_state(&s, id), "done");
    ck_assert_int_eq(send_and_count(&s, s.c[1], s.vm), 1);
    ck_assert_uint_eq(n_misses(&s), misses);
    stage_strike(&s);
}
END_TEST

/* An ARP request of c1 for 10.0.0.'tail'. */
static void
ask(struct stage *s, uint8_t tail)
{
    uint8_t frame[60] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 11, 8, 6,
        0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 11, 10, 0, 0, 11,
        0, 0, 0, 0, 0, 0, 10, 0, 0, tail,
    };

    sim_frame_at(s->sim, frame, sizeof frame, 1, "tap-c1");
    sim_settle(s->sim);
}

/* B11, F2: nvad answers the question, only to who asked, and the packet that
 * follows finds its flow. */
START_TEST(B11_a_question_is_answered_and_pulls)
{
    struct stage s;
    size_t misses;
    int a1, a2;

    stage_quiet(&s, 0, 0);
    misses = n_misses(&s);
    a1 = sim_answers(s.sim, s.c[1]);
    a2 = sim_answers(s.sim, s.c[2]);
    ask(&s, 13);
    ck_assert_int_eq(sim_answers(s.sim, s.c[1]), a1 + 1);
    ck_assert_int_eq(sim_answers(s.sim, s.c[2]), a2);
    ck_assert_uint_eq(n_held(&s, 1), 1);
    ck_assert_int_eq(send_and_count(&s, s.c[1], s.c[3]), 1);
    ck_assert_uint_eq(n_misses(&s), misses);
    stage_strike(&s);
}
END_TEST

/* B21, F5: a question that nobody can answer is flooded after nvad has looked,
 * or dropped; as is a packet for a MAC that nobody knows. */
START_TEST(B21_policies_for_what_is_not_known)
{
    struct stage s;
    int heard[4], near;

    stage_quiet(&s, 0, 0);
    for (int n = 1; n <= 3; n++) {
        heard[n] = sim_answers(s.sim, s.c[n]);
    }
    ask(&s, 99);
    ck_assert_int_eq(sim_answers(s.sim, s.c[1]), heard[1]);
    ck_assert_int_eq(sim_answers(s.sim, s.c[2]), heard[2] + 1);
    ck_assert_int_eq(sim_answers(s.sim, s.c[3]), heard[3] + 1);
    must(&s, "PUT", "/v1/vns/blue", "{\"unknown_question\": \"drop\","
         " \"unknown_unicast\": \"flood\"}");
    ask(&s, 99);
    ck_assert_int_eq(sim_answers(s.sim, s.c[2]), heard[2] + 1);

    uint8_t frame[60] = { 2, 0, 0, 0, 0, 99, 2, 0, 0, 0, 0, 11, 0x88, 0xb6 };
    near = sim_answers(s.sim, s.vm);
    sim_frame_at(s.sim, frame, sizeof frame, 1, "tap-c1");
    sim_settle(s.sim);
    ck_assert_int_eq(sim_answers(s.sim, s.vm), near + 1);
    stage_strike(&s);
}
END_TEST

/* B7, B15: that nobody has a MAC is remembered at the NVE that asked, for a
 * while, and forgotten at once when somebody has it. */
START_TEST(B7_B15_negative_answers_are_kept)
{
    const struct sim_vm nobody = {
        "late", "blue", { .ea = { 2, 0, 0, 0, 0, 77 } },
        { 10, 0, 0, 77 }, { 0xfd, 0x10, [15] = 77 },
    };
    struct stage s;
    size_t flows;
    int late;

    stage_quiet(&s, 0, 0);
    late = sim_vm(s.sim, &nobody);
    flows = n_flows(&s, 1);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(send_and_count(&s, s.c[1], late), 0);
    }
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_DROPPED,
                                NVA_R_UNKNOWN_ADDRESS), 1);
    ck_assert_uint_eq(n_flows(&s, 1), flows + 1);
    ck_assert_ptr_null(well(&s));
    sim_run(s.sim, (NVA_LIFETIME_ABSENT + 1) * NVA_SEC);
    ck_assert_uint_eq(n_flows(&s, 1), flows);
    ck_assert_int_eq(send_and_count(&s, s.c[1], late), 0);
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_DROPPED,
                                NVA_R_UNKNOWN_ADDRESS), 2);

    sim_plug(s.sim, 3, "tap-late");
    sim_stand(s.sim, late, 3, "tap-late");
    must(&s, "PUT", "/v1/vms/late",
         "{\"interfaces\": [{\"vn\": \"blue\", \"mac\": \"02:00:00:00:00:4d\","
         " \"nve\": \"hv3\", \"port\": \"tap-late\"}]}");
    sim_settle(s.sim);
    ck_assert_uint_eq(n_flows(&s, 1), flows);
    ck_assert_int_eq(send_and_count(&s, s.c[1], late), 1);
    stage_strike(&s);
}
END_TEST

/* F5: an announcement is heard by all though no question flow floods: of a VM
 * that has come to another NVE, and of an address that is new. */
START_TEST(F5_announcements_are_flooded_once)
{
    struct stage s;
    int heard;

    stage_quiet(&s, 0, 0);
    heard = sim_answers(s.sim, s.c[3]);
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_settle(s.sim);
    ck_assert_int_eq(sim_answers(s.sim, s.c[3]), heard + 1);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_settle(s.sim);
    ck_assert_int_eq(current_nve(&s), 2);
    ck_assert_int_eq(sim_answers(s.sim, s.c[3]), heard + 2);
    stage_strike(&s);
}
END_TEST

/* 10,000 misses at once do not hold up a move, whose bundles go first, and
 * leave no more behind than the named limits. */
START_TEST(misses_do_not_starve_a_move)
{
    struct stage s;
    size_t flows;
    nva_usec begin;
    uint64_t p;
    int id;

    stage_quiet(&s, 0, 0);
    ck_assert_int_eq(send_and_count(&s, s.c[1], s.vm), 1);
    ck_assert_int_eq(send_and_count(&s, s.c[3], s.vm), 1);
    id = start_move(&s, 2);
    sim_settle(s.sim);
    flows = n_flows(&s, 1);
    for (int i = 0; i < 10000; i++) {
        uint8_t frame[60] = { 2, 0, 0, 1, i >> 8, i,
                              2, 0, 0, 0, 0, 11, 0x88, 0xb6 };

        sim_frame_at(s.sim, frame, sizeof frame, 1, "tap-c1");
    }
    sim_still(s.sim, s.vm);
    begin = sim_now(s.sim);
    move_verb(&s, id, "pause");
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    move_verb(&s, id, "activate");
    while (current_nve(&s) != published_nve(&s)
           || !timeline_has(&s, id, "confirmed", "hv3")) {
        ck_assert_int_lt(sim_now(s.sim) - begin, 20 * NVA_MSEC);
        sim_run(s.sim, NVA_MSEC);
    }
    p = sim_send(s.sim, s.c[3], s.vm);
    sim_settle(s.sim);
    ck_assert_int_eq(sim_received(s.sim, p), 1);
    ck_assert_uint_le(n_flows(&s, 1), flows + NVA_ABSENT_PER_NVE_MAX + 1);
    ck_assert_ptr_null(well(&s));
    sim_run(s.sim, (NVA_LIFETIME_ABSENT + 3) * NVA_SEC);
    ck_assert_uint_le(n_flows(&s, 1), flows + 1);
    stage_strike(&s);
}
END_TEST

/* A VN turns from push to pull and back under traffic: what was pushed counts
 * as pulled then, and goes if it is not used. */
START_TEST(B21_turned_without_a_gap)
{
    struct stage s;
    size_t misses;

    stage_set(&s, 0, 0);
    misses = n_misses(&s);
    for (int i = 0; i < 3; i++) {
        must(&s, "PUT", "/v1/vns/blue", "{\"resolution\": \"pull\"}");
        ck_assert_int_eq(sim_ping_all(s.sim), 0);
        ck_assert_ptr_null(well(&s));
        ck_assert_uint_eq(n_misses(&s), misses);
        ck_assert_uint_eq(n_held(&s, 2), 3);
        must(&s, "PUT", "/v1/vns/blue", "{\"resolution\": \"push\"}");
        ck_assert_int_eq(sim_ping_all(s.sim), 0);
        ck_assert_ptr_null(well(&s));
        ck_assert_uint_eq(n_held(&s, 2), 0);
    }
    ck_assert_uint_eq(n_misses(&s), misses);
    must(&s, "PUT", "/v1/vns/blue", "{\"resolution\": \"pull\"}");
    sim_run(s.sim, LIFETIME / 4);
    ck_assert_int_eq(send_and_count(&s, s.c[1], s.c[3]), 1);
    sim_run(s.sim, LIFETIME / 3);
    ck_assert_uint_eq(n_held(&s, 1), 1);
    ck_assert_uint_eq(n_held(&s, 2), 0);
    stage_strike(&s);
}
END_TEST

/* B8: lifetime 0 keeps nothing; each packet goes through nvad. */
START_TEST(B8_lifetime_0_keeps_nothing)
{
    struct stage s;
    size_t misses;

    stage_quiet(&s, 0, 0);
    must(&s, "PUT", "/v1/vns/blue", "{\"lifetime\": 0}");
    misses = n_misses(&s);
    for (int i = 1; i <= 5; i++) {
        ck_assert_int_eq(send_and_count(&s, s.c[1], s.c[3]), 1);
        ck_assert_uint_eq(n_misses(&s), misses + i);
    }
    ck_assert_uint_eq(n_held(&s, 1), 0);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_GARP);
    stage_strike(&s);
}
END_TEST

/* B7: a lifetime too short to tell what is used is not renewed at all. */
START_TEST(B7_lifetime_1_is_not_renewed)
{
    struct stage s;

    stage_quiet(&s, 0, 0);
    must(&s, "PUT", "/v1/vns/blue", "{\"lifetime\": 1}");
    ck_assert_int_eq(send_and_count(&s, s.c[1], s.c[3]), 1);
    ck_assert_uint_eq(n_held(&s, 1), 1);
    sim_run(s.sim, 5 * NVA_SEC);
    ck_assert_uint_eq(n_held(&s, 1), 0);
    ck_assert_ptr_null(well(&s));
    ck_assert_int_eq(send_and_count(&s, s.c[1], s.c[3]), 1);
    stage_strike(&s);
}
END_TEST

/* What the old NVE did not understand was the end of its own VM's flows; what
 * it pulled instead ends by its timer.  Then the other flows go, too. */
START_TEST(B14_an_end_does_not_hide_what_was_rejected)
{
    struct stage s;

    stage_quiet(&s, 0, 0);
    must(&s, "PUT", "/v1/vns/blue", "{\"lifetime\": 2}");
    sim_settle(s.sim);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    fake_switch_break_adds(sim_switch(s.sim, 1), 1);
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_run(s.sim, 20 * NVA_SEC);
    ck_assert_ptr_null(well(&s));
    stage_strike(&s);
}
END_TEST

/* VMs of blue that have a place at hv3, at one of 400 ports. */
static void
populate(struct stage *s, int from, int to)
{
    struct nva_request r = { .type = NVA_REQ_VM_PUT, .create = true };
    struct nva_request_if *i = &r.vm.ifs[0];

    r.vm.n_ifs = 1;
    ovs_strzcpy(i->name, "eth0", sizeof i->name);
    ovs_strzcpy(i->vn, "blue", sizeof i->vn);
    ovs_strzcpy(i->nve, "hv3", sizeof i->nve);
    for (int n = from; n < to; n++) {
        snprintf(r.vm.name, sizeof r.vm.name, "many-%d", n);
        snprintf(i->port, sizeof i->port, "tap-%d", n % 400);
        i->mac = (struct eth_addr) {
            .ea = { 2, 0, 1, n >> 16, n >> 8, n },
        };
        ck_assert_int_eq(dispatch_request(sim_dispatch(s->sim), &r,
                                          sim_now(s->sim)), NVA_OK);
    }
}

static void
count_cb(struct nva_owner owner OVS_UNUSED, void *n)
{
    ++*(size_t *) n;
}

static size_t
n_owners(struct stage *s, int nve)
{
    size_t n = 0;

    directory_each_owner_at(dir_of(s), directory_nve_by_dpid(dir_of(s),
                                                             nve)->id,
                            count_cb, &n);
    return n;
}

/* A VN of any size costs an NVE its working set, in flows and at a
 * reconnect. */
START_TEST(B21_an_nve_has_its_working_set)
{
    enum { MANY = 100000 };
    struct stage s;
    size_t flows, owners, misses;

    stage_quiet(&s, STAGE_STRICT, 0);
    flows = n_flows(&s, 1);
    owners = n_owners(&s, 1);
    sim_disconnect(s.sim, 3);           /* They are all there. */
    populate(&s, 0, MANY);
    sim_settle(s.sim);
    ck_assert_uint_eq(directory_n_vms(dir_of(&s)), MANY + 4);
    ck_assert_uint_eq(n_flows(&s, 1), flows);
    ck_assert_uint_eq(n_owners(&s, 1), owners);

    misses = n_misses(&s);
    for (int n = 0; n < 100; n++) {
        uint8_t frame[60] = { 2, 0, 1, 0, 0, n,
                              2, 0, 0, 0, 0, 11, 0x88, 0xb6 };

        sim_frame_at(s.sim, frame, sizeof frame, 1, "tap-c1");
    }
    sim_settle(s.sim);
    ck_assert_uint_eq(n_misses(&s), misses + 100);
    ck_assert_uint_eq(n_held(&s, 1), 100);
    ck_assert_uint_eq(n_flows(&s, 1), flows + 100);
    ck_assert_uint_eq(n_owners(&s, 1), owners + 100);
    sim_disconnect(s.sim, 1);
    sim_connect(s.sim, 1);
    sim_settle(s.sim);
    ck_assert_uint_eq(n_flows(&s, 1), flows + 100);
    sim_destroy(s.sim);
}
END_TEST

/* `auto': push up to NVA_PUSH_MAX interfaces, then pull; no way back by one
 * interface less. */
START_TEST(B21_auto_pulls_when_it_grows)
{
    struct stage s;

    stage_set(&s, STAGE_STRICT, 0);
    for (int n = 1; n <= 3; n++) {
        sim_disconnect(s.sim, n);       /* The directory is meant. */
    }
    populate(&s, 0, NVA_PUSH_MAX - 4);
    ck_assert(!directory_vn_by_name(dir_of(&s), "blue")->pulls);
    populate(&s, NVA_PUSH_MAX - 4, NVA_PUSH_MAX - 3);
    ck_assert(directory_vn_by_name(dir_of(&s), "blue")->pulls);
    ck_assert_uint_gt(n_held(&s, 1), NVA_PUSH_MAX - 10);
    for (int n = 0; n < NVA_PUSH_MAX - NVA_PUSH_AGAIN; n++) {
        char path[64];

        snprintf(path, sizeof path, "/v1/vms/many-%d", n);
        must(&s, "DELETE", path, NULL);
        ck_assert(directory_vn_by_name(dir_of(&s), "blue")->pulls);
    }
    must(&s, "DELETE", "/v1/vms/c1", NULL);
    must(&s, "DELETE", "/v1/vms/c2", NULL);
    must(&s, "DELETE", "/v1/vms/c3", NULL);
    ck_assert(!directory_vn_by_name(dir_of(&s), "blue")->pulls);
    ck_assert_uint_eq(n_held(&s, 1), 0);
    ck_assert_ptr_null(directory_check(dir_of(&s)));
    sim_destroy(s.sim);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("pull");

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, B21_first_packet_is_delivered, 0, 8);
    tcase_add_test(tc, B7_renewed_while_used);
    tcase_add_test(tc, B7_B18_lost_session_drops_what_was_pulled);
    tcase_add_test(tc, B18_read_back_reconciles);
    tcase_add_loop_test(tc, B13_B14_a_move_reaches_those_who_hold_it, 0, 8);
    tcase_add_loop_test(tc, D11_redirect_and_neighbours_at_the_old_place, 0,
                        2);
    tcase_add_test(tc, B11_a_question_is_answered_and_pulls);
    tcase_add_test(tc, B21_policies_for_what_is_not_known);
    tcase_add_test(tc, B7_B15_negative_answers_are_kept);
    tcase_add_test(tc, F5_announcements_are_flooded_once);
    tcase_add_test(tc, misses_do_not_starve_a_move);
    tcase_add_test(tc, B21_turned_without_a_gap);
    tcase_add_test(tc, B8_lifetime_0_keeps_nothing);
    tcase_add_test(tc, B7_lifetime_1_is_not_renewed);
    tcase_add_test(tc, B14_an_end_does_not_hide_what_was_rejected);
    tcase_add_test(tc, B21_an_nve_has_its_working_set);
    tcase_add_test(tc, B21_auto_pulls_when_it_grows);
    return run_stories("pull", tc);
}
