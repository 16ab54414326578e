/* SPDX-License-Identifier: Apache-2.0 */

/* Switches that restart, vanish, lag or refuse, in every state of a move (K2,
 * K3, K6, D9, D11). */

#include <config.h>

#include "directory.h"
#include "dispatch.h"
#include "pipeline.h"
#include "stage.h"

#include <string.h>

/* Brings "vm" on its way from hv1 to hv2 as far as 'step'. */
enum { STEP_PREPARED, STEP_PAUSED, STEP_SWITCHED, STEP_DRAINING, N_STEPS };

static int
go_to_step(struct stage *s, int step)
{
    int id = start_move(s, 2);

    sim_settle(s->sim);
    if (step >= STEP_PAUSED) {
        move_verb(s, id, "pause");
        sim_settle(s->sim);
        sim_still(s->sim, s->vm);
    }
    if (step >= STEP_SWITCHED) {
        sim_stand(s->sim, s->vm, 2, "tap-vm");
        move_verb(s, id, "activate");
    }
    if (step >= STEP_DRAINING) {
        sim_settle(s->sim);
    }
    return id;
}

static void
finish(struct stage *s, int id, int step)
{
    sim_settle(s->sim);
    if (step < STEP_SWITCHED) {
        sim_stand(s->sim, s->vm, 2, "tap-vm");
        move_verb(s, id, "activate");
        sim_settle(s->sim);
    }
    ck_assert_int_eq(current_nve(s), 2);
    sim_run(s->sim, 15 * NVA_SEC);
    ck_assert_str_eq(move_state(s, id), "done");
}

/* Each of the three switches restarts, with and without its flows, in each
 * state; the number of the case is step * 6 + nve * 2 + keep. */
START_TEST(restart)
{
    int step = _i / 6, nve = _i / 2 % 3 + 1;
    bool keep = _i % 2;
    struct stage s;
    size_t before;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    id = go_to_step(&s, step);
    before = fake_switch_n_mods(sim_switch(s.sim, nve));
    sim_restart(s.sim, nve, keep);
    sim_settle(s.sim);
    if (keep && step != STEP_SWITCHED) {
        /* Only the difference is sent: none. */
        ck_assert_uint_eq(fake_switch_n_mods(sim_switch(s.sim, nve)), before);
    }
    ck_assert_ptr_eq(sim_check(s.sim), NULL);
    finish(&s, id, step);
    stage_strike(&s);
}
END_TEST

/* The NVE is read back and compared an owner at a time, a millisecond each:
 * what happens meanwhile is right in the end, and nothing is sent before. */
enum { MOVED, DELETED, ADDED, CUT, RESTARTED, AUDITED, N_MEANWHILE };

static void
happen_meanwhile(struct stage *s, int what)
{
    if (what == MOVED) {
        move_verb(s, last_move(s), "activate");
        sim_stand(s->sim, s->vm, 2, "tap-vm");
    } else if (what == DELETED) {
        sim_stand(s->sim, s->vm, 0, "");
        must(s, "DELETE", "/v1/vms/vm", NULL);
    } else if (what == ADDED) {
        must(s, "PUT", "/v1/vms/new", "{\"interfaces\": [{\"vn\": \"blue\", "
             "\"mac\": \"02:00:00:00:00:77\", \"ips\": [\"10.0.0.77\"], "
             "\"nve\": \"hv2\", \"port\": \"tap-vm\"}]}");
    } else if (what == CUT) {
        sim_disconnect(s->sim, 1);
        sim_connect(s->sim, 1);
    } else if (what == RESTARTED) {
        sim_restart(s->sim, 1, false);
    } else if (what == AUDITED) {
        must(s, "POST", "/v1/audit", NULL);
    }
}

START_TEST(meanwhile)
{
    const int what = _i / 8, turns = _i % 8 * 2;
    struct stage s;
    size_t before;

    stage_set(&s, STAGE_STRICT, 0);
    if (what == MOVED) {
        start_move(&s, 2);
        sim_settle(s.sim);
    }
    sim_compare_slowly(s.sim, 1, NVA_MSEC);
    sim_disconnect(s.sim, 1);
    sim_run(s.sim, NVA_SEC);
    before = fake_switch_n_mods(sim_switch(s.sim, 1));
    sim_connect(s.sim, 1);
    while (!dispatch_is_comparing(sim_dispatch(s.sim))) {
        sim_run(s.sim, NVA_MSEC / 2);
    }
    sim_run(s.sim, turns * NVA_MSEC);
    ck_assert(dispatch_is_comparing(sim_dispatch(s.sim)));
    happen_meanwhile(&s, what);
    sim_run(s.sim, NVA_MSEC);
    if (dispatch_is_comparing(sim_dispatch(s.sim))) {
        ck_assert_uint_eq(fake_switch_n_mods(sim_switch(s.sim, 1)), before);
    }
    sim_settle(s.sim);
    ck_assert_ptr_eq(sim_check(s.sim), NULL);
    ck_assert_ptr_eq(sim_alarm(s.sim), NULL);
    sim_run(s.sim, 15 * NVA_SEC);
    ck_assert_ptr_eq(sim_check(s.sim), NULL);
    stage_strike(&s);
}
END_TEST

/* K6: loss of the session alone loses no packet and moves nobody. */
START_TEST(session_loss_loses_nothing)
{
    struct stage s;

    stage_set(&s, 0, 0);
    for (int n = 1; n <= 3; n++) {
        sim_disconnect(s.sim, n);
    }
    sim_run(s.sim, NVA_SEC);
    ck_assert_int_eq(sim_ping_all(s.sim), 0);
    for (int n = 1; n <= 3; n++) {
        size_t before = fake_switch_n_mods(sim_switch(s.sim, n));

        sim_connect(s.sim, n);
        sim_settle(s.sim);
        ck_assert_uint_eq(fake_switch_n_mods(sim_switch(s.sim, n)), before);
    }
    stage_strike(&s);
}
END_TEST

/* The old NVE cannot be told: the rest goes on; it is owing, and put right
 * when it is back. */
START_TEST(old_nve_unreachable)
{
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    id = start_move(&s, 2);
    sim_settle(s.sim);
    sim_disconnect(s.sim, 1);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    move_verb(&s, id, "activate");
    sim_settle(s.sim);
    ck_assert_str_eq(move_state(&s, id), "draining");
    ck_assert(timeline_has(&s, id, "owing", "hv1"));
    sim_connect(s.sim, 1);
    sim_settle(s.sim);
    ck_assert_int_eq(n_redirect_flows(&s, 1), 1);
    stage_strike(&s);
}
END_TEST

START_TEST(old_nve_gone_for_good)
{
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    id = go_to_step(&s, STEP_PAUSED);
    sim_disconnect(s.sim, 1);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    move_verb(&s, id, "activate");
    sim_run(s.sim, 30 * NVA_SEC);
    ck_assert_str_eq(move_state(&s, id), "done");
    ck_assert_int_eq(n_redirects(&s), 0);
    sim_connect(s.sim, 1);
    stage_strike(&s);
}
END_TEST

/* The destination is lost before the switch: the VM stays. */
START_TEST(destination_lost_before_switch)
{
    struct stage s;
    char path[64];
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    id = start_move(&s, 2);
    sim_settle(s.sim);
    sim_disconnect(s.sim, 2);
    snprintf(path, sizeof path, "/v1/moves/%d/activate", id);
    must_refuse(&s, "POST", path, NULL, "destination_down");
    snprintf(path, sizeof path, "/v1/moves/%d/pause", id);
    must_refuse(&s, "POST", path, NULL, "not_ready");
    ck_assert_int_eq(current_nve(&s), 1);
    sim_run(s.sim, 5 * NVA_SEC);
    sim_connect(s.sim, 2);
    sim_settle(s.sim);
    finish(&s, id, STEP_PREPARED);
    stage_strike(&s);
}
END_TEST

/* ...and after it: the move stays in `switching', what blocks it is shown, it
 * never goes back by a timer. */
/* Lost while the VM stands still: nvad waits, and does not spin. */
START_TEST(destination_lost_while_paused)
{
    struct stage s;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    id = start_and_pause(&s, 2);
    sim_disconnect(s.sim, 2);
    sim_run(s.sim, 5 * NVA_SEC);
    ck_assert_ptr_null(sim_alarm(s.sim));
    sim_connect(s.sim, 2);
    sim_settle(s.sim);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    move_verb(&s, id, "activate");
    stage_strike(&s);
}
END_TEST

START_TEST(destination_lost_after_switch)
{
    struct stage s;
    int id;

    stage_set(&s, 0, 0);
    sim_slow(s.sim, 2, 50 * NVA_MSEC);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_run(s.sim, 60 * NVA_MSEC);
    id = last_move(&s);
    ck_assert_str_eq(move_state(&s, id), "switching");
    sim_disconnect(s.sim, 2);
    sim_run(s.sim, 60 * NVA_SEC);
    ck_assert_str_eq(move_state(&s, id), "switching");
    must(&s, "GET", "/v1/moves", NULL);
    ck_assert(strstr(sim_body(s.sim), "not connected") != NULL);
    ck_assert_int_eq(current_nve(&s), 2);
    ck_assert_int_eq(published_nve(&s), 1);
    sim_slow(s.sim, 2, 0);
    sim_connect(s.sim, 2);
    sim_settle(s.sim);
    ck_assert_int_eq(published_nve(&s), 2);
    stage_strike(&s);
}
END_TEST

/* An acknowledgement that is late, of an older version or of an earlier
 * session advances nothing: hv2's gate opens by its newest word alone. */
START_TEST(stale_acknowledgements)
{
    struct stage s;

    stage_set(&s, 0, 0);
    sim_slow(s.sim, 2, 20 * NVA_MSEC);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_run(s.sim, 25 * NVA_MSEC);      /* Told, not answered. */
    ck_assert_int_eq(current_nve(&s), 2);
    sim_stand(s.sim, s.vm, 3, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_run(s.sim, 3 * NVA_MSEC);
    ck_assert_int_eq(published_nve(&s), 3);
    sim_run(s.sim, 100 * NVA_MSEC);     /* hv2's old answer comes. */
    ck_assert_int_eq(published_nve(&s), 3);
    ck_assert_int_eq(current_nve(&s), 3);
    sim_restart(s.sim, 2, true);
    sim_settle(s.sim);
    stage_strike(&s);
}
END_TEST

/* A slow NVE does not hold the others up; its redirect target is right and it
 * gets the newest state once. */
START_TEST(slow_nve)
{
    struct stage s;
    uint64_t p;
    int id;

    stage_set(&s, 0, 0);
    sim_slow(s.sim, 3, 200 * NVA_MSEC);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_run(s.sim, 20 * NVA_MSEC);
    id = last_move(&s);
    ck_assert_str_eq(move_state(&s, id), "converging");
    p = sim_send(s.sim, s.c[3], s.vm);
    sim_run(s.sim, 20 * NVA_MSEC);
    ck_assert_int_eq(sim_received(s.sim, p), 1);
    ck_assert_int_eq(sim_hops(s.sim, p), 2);    /* Through the redirect. */
    sim_settle(s.sim);
    ck_assert_str_eq(move_state(&s, id), "draining");
    sim_slow(s.sim, 3, 0);
    stage_strike(&s);
}
END_TEST

/* D11: the timer covers every peer's update: while a connected NVE owes, the
 * redirect is re-armed. */
START_TEST(redirect_rearmed_while_owing)
{
    struct stage s;
    int id;

    stage_set(&s, 0, 0);
    must(&s, "PUT", "/v1/vns/blue", "{\"redirect_timeout\": 2}");
    sim_settle(s.sim);
    sim_slow(s.sim, 3, 7 * NVA_SEC / 2);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_run(s.sim, 4 * NVA_SEC);
    id = last_move(&s);
    ck_assert(timeline_has(&s, id, "redirect re-armed", "hv1"));
    ck_assert_int_eq(n_redirect_flows(&s, 1), 1);
    sim_slow(s.sim, 3, 0);
    stage_strike(&s);
}
END_TEST

/* D6: after the redirect's end a packet at the old NVE is a query: it is sent
 * on, and a fresh redirect takes the next. */
START_TEST(late_packet_is_a_query)
{
    struct stage s;
    uint64_t p, q;

    stage_set(&s, 0, 0);
    sim_disconnect(s.sim, 3);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_run(s.sim, 20 * NVA_SEC);
    ck_assert_int_eq(n_redirects(&s), 0);
    p = sim_send(s.sim, s.c[3], s.vm);  /* hv3 knows of nothing. */
    sim_run(s.sim, 20 * NVA_MSEC);
    ck_assert_int_eq(sim_received(s.sim, p), 1);
    ck_assert_int_eq(n_redirect_flows(&s, 1), 1);
    q = sim_send(s.sim, s.c[3], s.vm);
    sim_run(s.sim, 20 * NVA_MSEC);
    ck_assert_int_eq(sim_received(s.sim, q), 1);
    sim_connect(s.sim, 3);
    stage_strike(&s);
}
END_TEST

/* A query for what the NVE has confirmed hints at an inconsistency (RFC 8014
 * s8.3): one may be a cached decision, a second one is not. */
START_TEST(A2_who_asks_for_what_it_has_gets_it_anew)
{
    struct nva_owner owner = { NVA_OWNER_TSI, NVA_ID_NONE };
    const struct directory *dir;
    struct stage s;
    size_t mods;

    stage_set(&s, STAGE_STRICT, 0);
    remember_flows(&s);
    dir = dispatch_view(sim_dispatch(s.sim), sim_now(s.sim)).dir;
    owner.id = directory_tsi_by_mac(
        dir, directory_vn_by_name(dir, "blue")->id,
        (struct eth_addr) ETH_ADDR_C(02,00,00,00,00,01))->id;
    fake_switch_lose(sim_switch(s.sim, 3), pipeline_cookie(owner));
    mods = fake_switch_n_mods(sim_switch(s.sim, 3));
    for (int i = 0; i < 3; i++) {
        uint64_t p = sim_send(s.sim, s.c[3], s.vm);

        sim_run(s.sim, 400 * NVA_MSEC);
        ck_assert_int_eq(sim_received(s.sim, p), 1);
        ck_assert_uint_eq(fake_switch_n_mods(sim_switch(s.sim, 3)), mods);
    }
    sim_send(s.sim, s.c[3], s.vm);
    sim_settle(s.sim);
    ck_assert_uint_gt(fake_switch_n_mods(sim_switch(s.sim, 3)), mods);
    same_flows(&s);

    /* The next one DISPATCH_VERIFY_PAUSE later: 10 s and the doubt anew. */
    fake_switch_lose(sim_switch(s.sim, 3), pipeline_cookie(owner));
    mods = fake_switch_n_mods(sim_switch(s.sim, 3));
    for (int i = 0; i < 9; i++) {
        ck_assert_uint_eq(fake_switch_n_mods(sim_switch(s.sim, 3)), mods);
        sim_send(s.sim, s.c[3], s.vm);
        sim_run(s.sim, 1500 * NVA_MSEC);
    }
    ck_assert_uint_gt(fake_switch_n_mods(sim_switch(s.sim, 3)), mods);
    same_flows(&s);
    stage_strike(&s);
}
END_TEST

/* D6 where the old NVE has left the VN with its last VM: it has no flow for
 * that tunnel key any more. */
START_TEST(late_packet_to_an_nve_that_left_the_vn)
{
    const struct sim_vm lone = {
        "lone", "red", { .ea = { 2, 0, 0, 0, 0, 21 } },
        { 10, 0, 0, 21 }, { 0xfd, 0x10, [15] = 21 },
    };
    const struct sim_vm peer = {
        "peer", "red", { .ea = { 2, 0, 0, 0, 0, 22 } },
        { 10, 0, 0, 22 }, { 0xfd, 0x10, [15] = 22 },
    };
    struct stage s;
    int l, p, id;
    uint64_t late;

    stage_set(&s, 0, 0);
    must(&s, "PUT", "/v1/vns/red", "{\"vni\": 200}");
    sim_plug(s.sim, 1, "tap-red");
    sim_plug(s.sim, 2, "tap-red");
    sim_plug(s.sim, 3, "tap-red");
    must(&s, "PUT", "/v1/vms/lone", "{\"interfaces\": [{\"vn\": \"red\", "
         "\"mac\": \"02:00:00:00:00:15\", \"ips\": [\"10.0.0.21\"], "
         "\"nve\": \"hv1\", \"port\": \"tap-red\"}]}");
    must(&s, "PUT", "/v1/vms/peer", "{\"interfaces\": [{\"vn\": \"red\", "
         "\"mac\": \"02:00:00:00:00:16\", \"ips\": [\"10.0.0.22\"], "
         "\"nve\": \"hv3\", \"port\": \"tap-red\"}]}");
    l = sim_vm(s.sim, &lone);
    p = sim_vm(s.sim, &peer);
    sim_stand(s.sim, l, 1, "tap-red");
    sim_stand(s.sim, p, 3, "tap-red");
    sim_settle(s.sim);
    sim_disconnect(s.sim, 3);
    must(&s, "POST", "/v1/vms/lone/moves",
         "{\"to\": {\"nve\": \"hv2\", \"port\": \"tap-red\"}}");
    id = last_move(&s);
    sim_settle(s.sim);
    sim_stand(s.sim, l, 2, "tap-red");
    move_verb(&s, id, "activate");
    sim_run(s.sim, 20 * NVA_SEC);
    ck_assert_int_eq(n_redirects(&s), 0);
    late = sim_send(s.sim, p, l);       /* hv3 knows of nothing. */
    sim_run(s.sim, 20 * NVA_MSEC);
    ck_assert_int_eq(sim_received(s.sim, late), 1);
    ck_assert_int_eq(n_redirects(&s), 0);
    sim_connect(s.sim, 3);
    stage_strike(&s);
}
END_TEST

/* D9: for a VM that nobody knows there is no answer: dropped, counted. */
START_TEST(unknown_destination_is_dropped)
{
    const struct sim_vm nobody = {
        "nobody", "blue", { .ea = { 2, 0, 0, 0, 0, 77 } },
        { 10, 0, 0, 77 }, { 0xfd, 0x10, [15] = 77 },
    };
    struct stage s;
    uint64_t p;
    int n;

    stage_set(&s, 0, 0);
    n = sim_vm(s.sim, &nobody);
    p = sim_send(s.sim, s.c[1], n);
    sim_settle(s.sim);
    ck_assert_int_eq(sim_delivered(s.sim, p), 0);
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_DROPPED,
                                NVA_R_UNKNOWN_ADDRESS), 1);
    stage_strike(&s);
}
END_TEST

/* A flow that a switch rejects at commit takes its whole bundle along: its
 * owner is quarantined and shown, the others are sent again. */
START_TEST(rejected_flow_in_bundle)
{
    struct stage s;

    stage_set(&s, 0, 0);
    fake_switch_refuse_commits(sim_switch(s.sim, 3), 1);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_run(s.sim, 50 * NVA_MSEC);
    must(&s, "GET", "/v1/nves/hv3", NULL);
    ck_assert(strstr(sim_body(s.sim), "\"quarantined\":1") != NULL);
    ck_assert_str_eq(move_state(&s, last_move(&s)), "converging");

    /* The next word about the same owner tries again. */
    sim_stand(s.sim, s.vm, 1, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_GARP);
    stage_strike(&s);
}
END_TEST

/* One that does not decode is left out while the rest is applied. */
START_TEST(undecodable_flow_in_bundle)
{
    struct stage s;

    stage_set(&s, 0, 0);
    fake_switch_break_adds(sim_switch(s.sim, 3), 1);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_run(s.sim, 50 * NVA_MSEC);
    must(&s, "GET", "/v1/nves/hv3", NULL);
    ck_assert(strstr(sim_body(s.sim), "\"quarantined\":1") != NULL);
    sim_restart(s.sim, 3, true);        /* A new session tries again. */
    sim_settle(s.sim);
    stage_strike(&s);
}
END_TEST

/* Ports come back under another number. */
START_TEST(port_renumbered)
{
    struct stage s;

    stage_set(&s, STAGE_STRICT, 0);
    sim_stand(s.sim, s.vm, 0, NULL);
    sim_unplug(s.sim, 1, "tap-vm");
    sim_settle(s.sim);
    ck_assert_ptr_eq(sim_check(s.sim), NULL);
    sim_plug(s.sim, 1, "tap-vm");
    sim_settle(s.sim);
    sim_stand(s.sim, s.vm, 1, "tap-vm");
    stage_strike(&s);
}
END_TEST

/* Where unknown unicast is flooded, a peer that has not heard of a VM yet
 * reaches it, once: NVEs that get the flood for nothing send nothing on. */
START_TEST(flooded_unicast_arrives_once)
{
    struct stage s;
    uint64_t p;

    stage_set(&s, 0, 0);
    must(&s, "PUT", "/v1/vns/blue", "{\"unknown_unicast\": \"flood\"}");
    must(&s, "DELETE", "/v1/vms/vm", NULL);
    sim_settle(s.sim);
    sim_slow(s.sim, 3, 50 * NVA_MSEC);
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_run(s.sim, 10 * NVA_MSEC);
    p = sim_send(s.sim, s.c[3], s.vm);
    sim_settle(s.sim);
    ck_assert_int_eq(sim_received(s.sim, p), 1);
    ck_assert_int_eq(n_redirects(&s), 0);
    sim_slow(s.sim, 3, 0);
    stage_strike(&s);
}
END_TEST

/* ...also when the VM has moved since, and a redirect at its old place has its
 * share of the flood. */
START_TEST(flooded_unicast_is_not_redirected)
{
    struct stage s;
    uint64_t p;

    stage_set(&s, 0, 0);
    must(&s, "PUT", "/v1/vns/blue", "{\"unknown_unicast\": \"flood\"}");
    must(&s, "DELETE", "/v1/vms/vm", NULL);
    sim_settle(s.sim);
    sim_slow(s.sim, 3, 50 * NVA_MSEC);
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_run(s.sim, 10 * NVA_MSEC);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_run(s.sim, 10 * NVA_MSEC);
    ck_assert_int_eq(n_redirect_flows(&s, 1), 1);
    p = sim_send(s.sim, s.c[3], s.vm);
    sim_run(s.sim, 10 * NVA_MSEC);
    ck_assert_int_eq(sim_received(s.sim, p), 1);
    sim_slow(s.sim, 3, 0);
    stage_strike(&s);
}
END_TEST

/* Nobody knows where it is, and it says nothing: the flood finds it. */
START_TEST(flooded_unicast_reaches_a_silent_host)
{
    const struct sim_vm silent = {
        "silent", "blue", { .ea = { 2, 0, 0, 0, 0, 77 } },
        { 10, 0, 0, 77 }, { 0xfd, 0x10, [15] = 77 },
    };
    struct stage s;
    uint64_t p;
    int n;

    stage_set(&s, 0, 0);
    must(&s, "PUT", "/v1/vns/blue", "{\"unknown_unicast\": \"flood\"}");
    n = sim_vm(s.sim, &silent);
    sim_stand(s.sim, n, 3, "tap-vm");
    sim_settle(s.sim);
    p = sim_send(s.sim, s.c[1], n);
    sim_settle(s.sim);
    ck_assert_int_eq(sim_received(s.sim, p), 1);
    stage_strike(&s);
}
END_TEST

/* A host that dies with its VM: it can be deleted though its move hangs. */
START_TEST(vm_of_a_dead_destination_is_deleted)
{
    struct stage s;
    int id;

    stage_set(&s, 0, 0);
    sim_slow(s.sim, 2, 50 * NVA_MSEC);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_run(s.sim, 60 * NVA_MSEC);
    id = last_move(&s);
    sim_disconnect(s.sim, 2);
    ck_assert_str_eq(move_state(&s, id), "switching");
    must(&s, "DELETE", "/v1/vms/vm", NULL);
    ck_assert_str_eq(move_state(&s, id), "failed");
    sim_stand(s.sim, s.vm, 0, NULL);
    sim_slow(s.sim, 2, 0);
    sim_connect(s.sim, 2);
    stage_strike(&s);
}
END_TEST

/* The redirect of a pause lasts as long as the pause. */
START_TEST(long_pause)
{
    struct stage s;
    uint64_t p;
    int id;

    stage_set(&s, STAGE_STRICT, 0);
    id = go_to_step(&s, STEP_PAUSED);
    sim_run(s.sim, 400 * NVA_SEC);
    ck_assert_int_eq(n_redirect_flows(&s, 1), 1);
    p = sim_send(s.sim, s.c[3], s.vm);
    sim_settle(s.sim);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    ck_assert_int_eq(sim_received(s.sim, p), 1);
    finish(&s, id, STEP_PAUSED);
    stage_strike(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("failure");

    tcase_add_loop_test(tc, restart, 0, 24);
    tcase_add_loop_test(tc, meanwhile, 0, N_MEANWHILE * 8);
    tcase_add_test(tc, session_loss_loses_nothing);
    tcase_add_test(tc, old_nve_unreachable);
    tcase_add_test(tc, old_nve_gone_for_good);
    tcase_add_test(tc, destination_lost_before_switch);
    tcase_add_test(tc, destination_lost_while_paused);
    tcase_add_test(tc, destination_lost_after_switch);
    tcase_add_test(tc, stale_acknowledgements);
    tcase_add_test(tc, slow_nve);
    tcase_add_test(tc, redirect_rearmed_while_owing);
    tcase_add_test(tc, late_packet_is_a_query);
    tcase_add_test(tc, A2_who_asks_for_what_it_has_gets_it_anew);
    tcase_add_test(tc, late_packet_to_an_nve_that_left_the_vn);
    tcase_add_test(tc, unknown_destination_is_dropped);
    tcase_add_test(tc, rejected_flow_in_bundle);
    tcase_add_test(tc, undecodable_flow_in_bundle);
    tcase_add_test(tc, port_renumbered);
    tcase_add_test(tc, flooded_unicast_arrives_once);
    tcase_add_test(tc, flooded_unicast_is_not_redirected);
    tcase_add_test(tc, flooded_unicast_reaches_a_silent_host);
    tcase_add_test(tc, vm_of_a_dead_destination_is_deleted);
    tcase_add_test(tc, long_pause);
    return run_stories("failure", tc);
}
