/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include "fabric.h"

static struct fixture fx;

static void
setup(void)
{
    fx_init(&fx);
}

static void
teardown(void)
{
    fx_uninit(&fx);
}

/* Runs 'ev' and applies what it decided. */
static void
run(const struct nva_event *ev)
{
    nva_plan_start(&fx.plan, directory_next_id(fx.dir));
    fabric_event(&fx.view, ev, &fx.plan);
    fx_apply_plan(&fx);
}

static void
up(nva_id nve, uint64_t session, const char *peer_ip,
   const struct nva_port *ports, size_t n)
{
    struct nva_event ev = { .type = NVA_EV_NVE_UP, .nve = nve,
                            .session = session };

    ev.up.peer_ip = fx_ip(peer_ip);
    ev.up.ports = ports;
    ev.up.n_ports = n;
    run(&ev);
}

static void
port_status(nva_id nve, bool gone, const char *name, nva_ofport ofport)
{
    struct nva_event ev = { .type = NVA_EV_PORT, .nve = nve,
                            .session = 1000 + nve };

    ev.port.gone = gone;
    ovs_strlcpy(ev.port.port.name, name, sizeof ev.port.port.name);
    ev.port.port.ofport = ofport;
    run(&ev);
}

static size_t
n_deltas(enum nva_delta_type type)
{
    size_t n = 0;

    for (size_t i = 0; i < fx.plan.deltas.n; i++) {
        n += fx.plan.deltas.a[i].type == type;
    }
    return n;
}

static bool
noted(enum nva_note_type type, enum nva_reason reason)
{
    for (size_t i = 0; i < fx.plan.n_notes; i++) {
        if (fx.plan.notes[i].type == type
            && fx.plan.notes[i].reason == reason) {
            return true;
        }
    }
    return false;
}

static nva_ofport
ofport(nva_id nve, const char *name)
{
    const struct nva_port *port = directory_port(fx.dir, nve, name);

    return port ? port->ofport : NVA_OFPORT_NONE;
}

static bool
add_one(const void *port OVS_UNUSED, void *n)
{
    ++*(size_t *) n;
    return true;
}

static size_t
n_ports(nva_id nve)
{
    size_t n = 0;

    directory_each_port(fx.dir, nve, add_one, &n);
    return n;
}

static const struct nva_port same[] = {
    { .name = "tap2", .ofport = 12 }, { .name = "vx0", .ofport = 1 },
    { .name = "tap1", .ofport = 11 },
};

/* ## Sessions ## */

START_TEST(up_with_the_same_ports_changes_the_session_only)
{
    up(HV1, 7777, "10.9.9.9", same, 3);
    ck_assert_uint_eq(fx.plan.deltas.n, 1);
    ck_assert_uint_eq(directory_nve(fx.dir, HV1)->session, 7777);
    ck_assert(!directory_nve(fx.dir, HV1)->connected);
    ck_assert(!directory_nve(fx.dir, HV1)->tunnel_ip_guessed);
    ck_assert(noted(NVA_NOTE_NVE, NVA_OK));
}
END_TEST

START_TEST(up_diffs_the_ports)
{
    static const struct nva_port ports[] = {
        { .name = "vx0", .ofport = 1 },
        { .name = "tap1", .ofport = 21 },       /* Renumbered. */
        { .name = "tap3", .ofport = 13 },       /* New; tap2 is gone. */
    };

    up(HV1, 7777, "10.9.9.9", ports, 3);
    ck_assert_uint_eq(n_deltas(NVA_DELTA_PORT_DEL), 2);
    ck_assert_uint_eq(n_deltas(NVA_DELTA_PORT_PUT), 2);
    ck_assert_uint_eq(ofport(HV1, "tap1"), 21);
    ck_assert_uint_eq(ofport(HV1, "tap2"), NVA_OFPORT_NONE);
    ck_assert_uint_eq(ofport(HV1, "tap3"), 13);
    ck_assert_uint_eq(ofport(HV1, "vx0"), 1);
    ck_assert_uint_eq(ofport(HV2, "tap2"), 12);
}
END_TEST

START_TEST(up_with_swapped_numbers)
{
    static const struct nva_port ports[] = {
        { .name = "vx0", .ofport = 1 }, { .name = "tap1", .ofport = 12 },
        { .name = "tap2", .ofport = 11 },
    };

    up(HV1, 7777, "10.9.9.9", ports, 3);
    ck_assert_uint_eq(ofport(HV1, "tap1"), 12);
    ck_assert_uint_eq(ofport(HV1, "tap2"), 11);
    ck_assert_uint_eq(n_ports(HV1), 3);
}
END_TEST

/* A switch may claim anything; nothing of it aborts us. */
START_TEST(up_with_nonsense)
{
    static const struct nva_port ports[] = {
        { .name = "vx0", .ofport = 1 }, { .name = "tap1", .ofport = 11 },
        { .name = "tap1", .ofport = 31 }, { .name = "other", .ofport = 11 },
        { .name = "", .ofport = 40 }, { .name = "none", .ofport = 0 },
        { .name = "a\nb", .ofport = 41 },
    };

    up(HV1, 7777, "10.9.9.9", ports, ARRAY_SIZE(ports));
    ck_assert(noted(NVA_NOTE_NVE, NVA_R_BAD_NAME));
    ck_assert(noted(NVA_NOTE_NVE, NVA_R_NAME_ALIKE));
    ck_assert_uint_eq(ofport(HV1, "tap1"), 11);
    ck_assert_uint_eq(ofport(HV1, "vx0"), 1);
    ck_assert_uint_eq(ofport(HV1, "none"), NVA_OFPORT_NONE);
    ck_assert_ptr_null(directory_port_by_ofport(fx.dir, HV1, 40));
    ck_assert_ptr_null(directory_port_by_ofport(fx.dir, HV1, 41));
    up(HV1, 7778, "10.9.9.9", NULL, 0);
    ck_assert_uint_eq(n_ports(HV1), 0);
}
END_TEST

START_TEST(up_with_too_many_ports)
{
    size_t n = NVA_PORTS_PER_NVE_MAX + 5;
    struct nva_port *ports = xcalloc(n, sizeof *ports);

    for (size_t i = 0; i < n; i++) {
        snprintf(ports[i].name, sizeof ports[i].name, "p%d", (int) i);
        ports[i].ofport = 1 + i;
    }
    up(HV1, 7777, "10.9.9.9", ports, n);
    ck_assert(noted(NVA_NOTE_NVE, NVA_R_LIMIT));
    ck_assert_uint_eq(n_ports(HV1), NVA_PORTS_PER_NVE_MAX);
    free(ports);

    /* One more is refused, a new number for an old one is not. */
    struct nva_event ev = { .type = NVA_EV_PORT, .nve = HV1,
                            .session = 7777 };
    ev.port.port = (struct nva_port) { .name = "more", .ofport = 20000 };
    run(&ev);
    ck_assert(noted(NVA_NOTE_NVE, NVA_R_LIMIT));
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    ev.port.port = (struct nva_port) { .name = "p1", .ofport = 20000 };
    run(&ev);
    ck_assert_uint_eq(ofport(HV1, "p1"), 20000);
}
END_TEST

START_TEST(tunnel_address_is_guessed_from_the_session)
{
    struct nva_delta d = { .type = NVA_DELTA_NVE_PUT, .id = HV1 };
    struct in6_addr ip = fx_ip("10.9.9.9"), other = fx_ip("10.9.9.10");
    const struct nva_nve *nve;

    d.nve = *directory_nve(fx.dir, HV1);
    d.nve.tunnel_ip = in6addr_any;
    fx_apply(&fx, &d);
    nve = directory_nve(fx.dir, HV1);

    /* Unix socket; loopback. */
    up(HV1, 1, "::", same, 3);
    ck_assert_mem_eq(&nve->tunnel_ip, &in6addr_any, 16);
    up(HV1, 2, "127.0.0.1", same, 3);
    ck_assert_mem_eq(&nve->tunnel_ip, &in6addr_any, 16);
    ck_assert(!nve->tunnel_ip_guessed);

    up(HV1, 3, "10.9.9.9", same, 3);
    ck_assert_mem_eq(&nve->tunnel_ip, &ip, 16);
    ck_assert(nve->tunnel_ip_guessed);
    up(HV1, 4, "10.9.9.10", same, 3);
    ck_assert_mem_eq(&nve->tunnel_ip, &other, 16);
    /* Nothing to guess from: the last guess stays. */
    up(HV1, 5, "::", same, 3);
    ck_assert_mem_eq(&nve->tunnel_ip, &other, 16);
}
END_TEST

START_TEST(K6_down_takes_no_place)
{
    nva_id tsi = fx_vm(&fx, RED, 1, "10.0.0.1", HV1, "tap1");
    struct nva_event ev = { .type = NVA_EV_NVE_DOWN, .nve = HV1,
                            .session = 1000 + HV1 };

    run(&ev);
    ck_assert(!directory_nve(fx.dir, HV1)->connected);
    ck_assert_uint_eq(directory_tsi(fx.dir, tsi)->current.nve, HV1);
    ck_assert_uint_eq(ofport(HV1, "tap1"), 11);
    ck_assert_uint_eq(fx.plan.deltas.n, 1);
}
END_TEST

START_TEST(events_of_another_session_change_nothing)
{
    static const enum nva_event_type types[] = {
        NVA_EV_NVE_SYNCED, NVA_EV_NVE_DOWN, NVA_EV_PORT,
    };

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        struct nva_event ev = { .type = types[i], .nve = HV1, .session = 1 };

        run(&ev);
        ck_assert_uint_eq(fx.plan.deltas.n, 0);
        ck_assert_uint_eq(fx.plan.n_replies, 0);
        ck_assert(noted(NVA_NOTE_DROPPED, NVA_R_STALE_SESSION));
    }
    up(77, 1, "10.9.9.9", same, 3);
    ck_assert(noted(NVA_NOTE_DROPPED, NVA_R_NOT_FOUND));
}
END_TEST

static void
synced(nva_id nve, uint64_t foreign_flows)
{
    struct nva_event ev = { .type = NVA_EV_NVE_SYNCED, .nve = nve,
                            .session = 1000 + nve };

    ev.synced.foreign_flows = foreign_flows;
    run(&ev);
}

START_TEST(foreign_flows_need_adopt)
{
    struct nva_delta d = { .type = NVA_DELTA_NVE_PUT, .id = HV1 };

    fx_connect(&fx, HV1, false);
    synced(HV1, 3);
    ck_assert(!directory_nve(fx.dir, HV1)->connected);
    ck_assert(noted(NVA_NOTE_NVE, NVA_R_FOREIGN_FLOWS));
    ck_assert_uint_eq(fx.plan.n_replies, 0);

    d.nve = *directory_nve(fx.dir, HV1);
    d.nve.adopt = true;
    fx_apply(&fx, &d);
    synced(HV1, 3);
    ck_assert(directory_nve(fx.dir, HV1)->connected);
}
END_TEST

/* ## Ports ## */

/* Numbers are the session's: whose number another port has got is gone, told
 * or not. */
START_TEST(a_number_is_one_ports)
{
    port_status(HV1, false, "tap5", 15);
    port_status(HV1, false, "tap6", 15);
    ck_assert_uint_eq(ofport(HV1, "tap6"), 15);
    ck_assert_uint_eq(ofport(HV1, "tap5"), NVA_OFPORT_NONE);
    ck_assert_str_eq(directory_port_by_ofport(fx.dir, HV1, 15)->name, "tap6");
    port_status(HV1, true, "tap5", 15);
    ck_assert_uint_eq(ofport(HV1, "tap6"), 15);
}
END_TEST

/* OpenFlow tells 15 characters of a name: what has a known port's is another
 * port, whose number nothing is made of, come or gone. */
START_TEST(names_that_begin_alike)
{
    static const char cut[] = "tap-0123456789a";
    const struct nva_port both[] = {
        { .name = "tap-0123456789a", .ofport = 31 },
        { .name = "vx0", .ofport = 1 },
        { .name = "tap-0123456789a", .ofport = 30 },
        { .name = "tap-0123456789a", .ofport = 29 },
    };

    port_status(HV1, false, cut, 30);
    ck_assert_uint_eq(ofport(HV1, cut), 30);
    port_status(HV1, false, cut, 31);
    ck_assert(noted(NVA_NOTE_NVE, NVA_R_NAME_ALIKE));
    ck_assert_str_eq(fx.plan.notes[0].port, cut);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    port_status(HV1, true, cut, 31);
    ck_assert_uint_eq(ofport(HV1, cut), 30);
    /* The known one stays, whichever the new session names first. */
    up(HV1, 7777, "10.9.9.9", both, ARRAY_SIZE(both));
    ck_assert(noted(NVA_NOTE_NVE, NVA_R_NAME_ALIKE));
    ck_assert(!noted(NVA_NOTE_NVE, NVA_R_BAD_NAME));
    ck_assert_uint_eq(ofport(HV1, cut), 30);
    up(HV2, 7778, "10.9.9.9", both, ARRAY_SIZE(both));
    ck_assert_uint_eq(ofport(HV2, cut), 29);
}
END_TEST

/* A late word of a number that the port does not have any more. */
START_TEST(another_number_that_is_gone)
{
    port_status(HV1, false, "tap5", 15);
    port_status(HV1, false, "tap5", 16);
    port_status(HV1, true, "tap5", 15);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    ck_assert_uint_eq(ofport(HV1, "tap5"), 16);
}
END_TEST

START_TEST(port_status_follows_the_switch)
{
    port_status(HV1, false, "tap5", 15);
    ck_assert_uint_eq(ofport(HV1, "tap5"), 15);
    port_status(HV1, false, "tap5", 15);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    port_status(HV1, false, "tap5", 16);
    ck_assert_uint_eq(ofport(HV1, "tap5"), 16);
    ck_assert_ptr_null(directory_port_by_ofport(fx.dir, HV1, 15));
    port_status(HV1, true, "tap5", 16);
    ck_assert_uint_eq(ofport(HV1, "tap5"), NVA_OFPORT_NONE);
    port_status(HV1, true, "tap5", 16);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
}
END_TEST

START_TEST(a_reused_number_takes_the_old_port_away)
{
    port_status(HV1, false, "tap5", 11);
    ck_assert_uint_eq(ofport(HV1, "tap5"), 11);
    ck_assert_uint_eq(ofport(HV1, "tap1"), NVA_OFPORT_NONE);
    port_status(HV1, false, "a b", 40);
    ck_assert(noted(NVA_NOTE_NVE, NVA_R_BAD_NAME));
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
}
END_TEST

/* ## Warm-up ## */

static bool
warms(nva_id from, nva_id to)
{
    for (size_t i = 0; i < fx.plan.n_replies; i++) {
        const struct nva_reply *reply = &fx.plan.replies[i];

        ck_assert_int_eq(reply->target, NVA_REPLY_TO_TUNNEL);
        ck_assert_uint_eq(reply->vni, 0);
        ck_assert_uint_eq(reply->size, 60);
        if (reply->nve == from && reply->to == to) {
            return true;
        }
    }
    return false;
}

START_TEST(synced_warms_both_ways)
{
    fx_connect(&fx, HV1, false);
    synced(HV1, 0);
    ck_assert(directory_nve(fx.dir, HV1)->connected);
    ck_assert_uint_eq(fx.plan.n_replies, 4);
    ck_assert(warms(HV1, HV2) && warms(HV2, HV1));
    ck_assert(warms(HV1, HV3) && warms(HV3, HV1));
}
END_TEST

START_TEST(warm_leaves_out_who_cannot_or_need_not)
{
    struct nva_delta d = { .type = NVA_DELTA_NVE_PUT, .id = HV3 };

    /* No session. */
    fx_connect(&fx, HV2, false);
    synced(HV1, 0);
    ck_assert_uint_eq(fx.plan.n_replies, 2);
    ck_assert(warms(HV1, HV3) && warms(HV3, HV1));

    /* No tunnel port. */
    port_status(HV3, true, "vx0", 1);
    synced(HV1, 0);
    ck_assert_uint_eq(fx.plan.n_replies, 0);
    port_status(HV3, false, "vx0", 1);
    synced(HV1, 0);
    ck_assert_uint_eq(fx.plan.n_replies, 2);

    /* No tunnel address. */
    d.nve = *directory_nve(fx.dir, HV3);
    d.nve.tunnel_ip = in6addr_any;
    fx_apply(&fx, &d);
    synced(HV1, 0);
    ck_assert_uint_eq(fx.plan.n_replies, 0);
}
END_TEST

START_TEST(A1_warm_keeps_to_shared_networks)
{
    struct nva_delta d = { .type = NVA_DELTA_VAP_DEL };

    /* HV3 serves blue only. */
    d.id = fx_vap_id(&fx, HV3, "tap1");
    fx_apply(&fx, &d);
    nva_plan_start(&fx.plan, 5000);
    fabric_warm(&fx.view, HV1, RED, &fx.plan);
    ck_assert_uint_eq(fx.plan.n_replies, 2);
    ck_assert(warms(HV1, HV2) && warms(HV2, HV1));
    nva_plan_start(&fx.plan, 5000);
    fabric_warm(&fx.view, HV1, NVA_ID_NONE, &fx.plan);
    ck_assert_uint_eq(fx.plan.n_replies, 4);

    /* HV3 is about to serve red, as a destination. */
    nva_plan_start(&fx.plan, 5000);
    fabric_warm(&fx.view, HV3, RED, &fx.plan);
    ck_assert_uint_eq(fx.plan.n_replies, 4);

    d.id = fx_vap_id(&fx, HV3, "tap2");
    fx_apply(&fx, &d);
    nva_plan_start(&fx.plan, 5000);
    fabric_warm(&fx.view, HV1, NVA_ID_NONE, &fx.plan);
    ck_assert_uint_eq(fx.plan.n_replies, 2);
    ck_assert(warms(HV1, HV2) && warms(HV2, HV1));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("fabric");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, up_with_the_same_ports_changes_the_session_only);
    tcase_add_test(tc, up_diffs_the_ports);
    tcase_add_test(tc, up_with_swapped_numbers);
    tcase_add_test(tc, up_with_nonsense);
    tcase_add_test(tc, up_with_too_many_ports);
    tcase_add_test(tc, tunnel_address_is_guessed_from_the_session);
    tcase_add_test(tc, K6_down_takes_no_place);
    tcase_add_test(tc, events_of_another_session_change_nothing);
    tcase_add_test(tc, foreign_flows_need_adopt);
    tcase_add_test(tc, a_number_is_one_ports);
    tcase_add_test(tc, names_that_begin_alike);
    tcase_add_test(tc, another_number_that_is_gone);
    tcase_add_test(tc, port_status_follows_the_switch);
    tcase_add_test(tc, a_reused_number_takes_the_old_port_away);
    tcase_add_test(tc, synced_warms_both_ways);
    tcase_add_test(tc, warm_leaves_out_who_cannot_or_need_not);
    tcase_add_test(tc, A1_warm_keeps_to_shared_networks);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
