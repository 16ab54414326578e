/* SPDX-License-Identifier: Apache-2.0 */

/* The journey of events through the real brain, with fake switches that keep
 * what bundles put into them: claims, read back, bundles, confirmations,
 * stamps, limits. */

#include <config.h>

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "directory.h"
#include "dispatch.h"
#include "pipeline.h"
#include "util.h"

enum { SW_FLOWS_MAX = 4096, MS = NVA_MSEC };

/* A switch: what it has and what it was told. */
struct sw {
    uint64_t dpid;
    size_t n_flows;
    struct { uint64_t cookie, hash; } flows[SW_FLOWS_MAX];
    size_t n_meters;
    struct nva_meter meters[16];
    const struct flow_prog_bundle *bundle;      /* In flight. */
    int n_bundles, n_read_backs, n_packet_outs;
    enum nva_reason closed;
    bool claimed;
};

static struct dispatch *d;
static struct sw *sw1, *sw2, *sw1b;
static nva_usec now;
static size_t n_notes;

static void
op_send_bundle(void *sw_, const struct flow_prog_bundle *bundle)
{
    struct sw *sw = sw_;

    ck_assert_ptr_null(sw->bundle);
    sw->bundle = bundle;
    sw->n_bundles++;
    for (size_t i = 0; i < bundle->n_meters; i++) {
        ck_assert_uint_lt(sw->n_meters, ARRAY_SIZE(sw->meters));
        sw->meters[sw->n_meters++] = bundle->meters[i];
    }
}

static void
op_packet_out(void *sw_, const void *data OVS_UNUSED, size_t size,
              const struct ofpbuf *ofpacts)
{
    struct sw *sw = sw_;

    ck_assert_uint_gt(size, 0);
    ck_assert_uint_gt(ofpacts->size, 0);
    sw->n_packet_outs++;
}

static void
op_delete_meter(void *sw OVS_UNUSED, uint32_t meter OVS_UNUSED)
{
}

static void
op_read_back(void *sw_)
{
    struct sw *sw = sw_;

    sw->n_read_backs++;
}

static void
op_ignore(void *channel OVS_UNUSED)
{
}

static void
op_claimed(void *sw_, bool claimed)
{
    struct sw *sw = sw_;

    sw->claimed = claimed;
}

static size_t
op_backlog(void *sw OVS_UNUSED)
{
    return 0;
}

static void
op_close(void *sw_, enum nva_reason reason)
{
    struct sw *sw = sw_;

    sw->closed = reason;
}

static void
on_note(void *aux, const struct nva_view *view, const struct nva_note *note)
{
    ck_assert_ptr_eq(aux, &n_notes);
    ck_assert_ptr_nonnull(view->dir);
    ck_assert_str_ne(nva_note_type_word(note->type), "?");
    n_notes++;
}

static void
setup(void)
{
    const struct dispatch_ops ops = {
        .send_bundle = op_send_bundle, .packet_out = op_packet_out,
        .delete_meter = op_delete_meter, .read_back = op_read_back,
        .match_fragments = op_ignore,
        .close = op_close, .claimed = op_claimed, .backlog = op_backlog,
        .on_note = on_note, .aux = &n_notes,
    };

    now = 1000 * NVA_SEC;
    n_notes = 0;
    d = dispatch_create(&ops);
    sw1 = xzalloc(sizeof *sw1);
    sw2 = xzalloc(sizeof *sw2);
    sw1b = xzalloc(sizeof *sw1b);
    sw1->dpid = sw1b->dpid = 1;
    sw2->dpid = 2;
}

static void
teardown(void)
{
    ck_assert_ptr_null(directory_check(dispatch_view(d, now).dir));
    dispatch_destroy(d);
    free(sw1);
    free(sw2);
    free(sw1b);
}

/* ## What switches do ## */

static void
up(struct sw *sw)
{
    const struct nva_port ports[] = {
        { .name = "vx0", .ofport = 1 }, { .name = "tap1", .ofport = 2 },
    };
    const struct dispatch_peer peer = {
        .dpid = sw->dpid, .text = "test", .n_ports = 2, .ports = ports,
    };

    ck_assert_int_eq(dispatch_switch_up(d, sw, &peer, now), NVA_OK);
    dispatch_run(d, now);
}

static void
compare_turn(void)
{
    if (dispatch_is_comparing(d)) {
        dispatch_timer(d, now);
    }
}

static void
run(void)
{
    for (int i = 0; dispatch_run(d, now) || dispatch_is_comparing(d); i++) {
        ck_assert_int_lt(i, 1000);
        compare_turn();
    }
}

static void
read_back(struct sw *sw)
{
    for (size_t i = 0; i < sw->n_flows; i++) {
        dispatch_switch_readback_flow(d, sw, sw->flows[i].cookie,
                                      sw->flows[i].hash);
    }
    for (size_t i = 0; i < sw->n_meters; i++) {
        dispatch_switch_readback_meter(d, sw, sw->meters[i]);
    }
    dispatch_switch_readback_done(d, sw, now);
    run();
}

static void
apply(struct sw *sw, const struct flow_prog_msg *msg)
{
    if (msg->op == FLOW_PROG_ADD) {
        ck_assert_uint_lt(sw->n_flows, SW_FLOWS_MAX);
        sw->flows[sw->n_flows].cookie = msg->flow->cookie;
        sw->flows[sw->n_flows++].hash = nva_flow_hash(msg->flow);
        return;
    }
    for (size_t i = 0; i < sw->n_flows;) {
        if (sw->flows[i].cookie == msg->cookie) {
            sw->flows[i] = sw->flows[--sw->n_flows];
        } else {
            i++;
        }
    }
}

/* Ends the bundle in flight, if there is one. */
static void
ack(struct sw *sw, bool applied)
{
    const struct flow_prog_bundle *bundle = sw->bundle;

    if (!bundle) {
        return;
    }
    now += MS;
    sw->bundle = NULL;
    for (size_t i = 0; applied && i < bundle->n_msgs; i++) {
        apply(sw, &bundle->msgs[i]);
    }
    dispatch_switch_bundle_done(d, sw, applied, now);
    run();
}

static void
settle(void)
{
    run();
    for (int i = 0; sw1->bundle || sw2->bundle || sw1b->bundle; i++) {
        ck_assert_int_lt(i, 1000);
        ack(sw1, true);
        ack(sw2, true);
        ack(sw1b, true);
    }
}

static bool
has_cookie(const struct sw *sw, uint64_t cookie)
{
    for (size_t i = 0; i < sw->n_flows; i++) {
        if (sw->flows[i].cookie == cookie) {
            return true;
        }
    }
    return false;
}

/* ## What operators ask ## */

static enum nva_reason
put_nve(const char *name, uint64_t dpid, bool adopt)
{
    struct nva_request r = { .type = NVA_REQ_NVE_PUT };
    enum nva_reason reason;

    ovs_strlcpy(r.nve.nve.name, name, sizeof r.nve.nve.name);
    r.nve.nve.dpid = dpid;
    r.nve.nve.adopt = adopt;
    r.nve.nve.tunnel_ip.s6_addr[10] = r.nve.nve.tunnel_ip.s6_addr[11] = 0xff;
    r.nve.nve.tunnel_ip.s6_addr[12] = 172;
    r.nve.nve.tunnel_ip.s6_addr[15] = dpid;
    reason = dispatch_request(d, &r, now);
    run();
    return reason;
}

static void
del_nve(const char *name)
{
    struct nva_request r = { .type = NVA_REQ_NVE_DEL };

    ovs_strlcpy(r.name, name, sizeof r.name);
    ck_assert_int_eq(dispatch_request(d, &r, now), NVA_OK);
    run();
}

static void
put_vn_with(enum nva_unknown_unicast unknown)
{
    struct nva_request r = {
        .type = NVA_REQ_VN_PUT,
        .vn.vn = { .name = "blue", .vni = 100, .redirect_timeout = 10,
                   .max_learned = 10, .binding = NVA_BINDING_LEARN,
                   .unknown_unicast = unknown },
    };

    ck_assert_int_eq(dispatch_request(d, &r, now), NVA_OK);
}

static void
put_vn(void)
{
    put_vn_with(NVA_UU_DROP);
}

static nva_id
put_vm(const char *name, uint8_t mac, const char *nve)
{
    struct nva_request r = { .type = NVA_REQ_VM_PUT, .vm.n_ifs = 1 };

    ovs_strlcpy(r.vm.name, name, sizeof r.vm.name);
    ovs_strlcpy(r.vm.ifs[0].name, "eth0", sizeof r.vm.ifs[0].name);
    ovs_strlcpy(r.vm.ifs[0].vn, "blue", sizeof r.vm.ifs[0].vn);
    ovs_strlcpy(r.vm.ifs[0].nve, nve, sizeof r.vm.ifs[0].nve);
    ovs_strlcpy(r.vm.ifs[0].port, "tap1", sizeof r.vm.ifs[0].port);
    r.vm.ifs[0].mac = (struct eth_addr) { .ea = { 2, 0, 0, 0, 0, mac } };
    ck_assert_int_eq(dispatch_request(d, &r, now), NVA_OK);
    return dispatch_plan(d)->object;
}

static const struct nva_nve *
nve_by_name(const char *name)
{
    return directory_nve_by_name(dispatch_view(d, now).dir, name);
}

/* Two NVEs, both connected, in sync, with a VN. */
static void
two_nves(void)
{
    put_vn();
    put_nve("hv1", 1, false);
    put_nve("hv2", 2, false);
    up(sw1);
    up(sw2);
    read_back(sw1);
    read_back(sw2);
    settle();
    ck_assert(nve_by_name("hv1")->connected);
    ck_assert(nve_by_name("hv2")->connected);
}

static void
unclaimed_cb(uint64_t dpid, const char *peer, uint64_t foreign, void *n_)
{
    uint64_t *n = n_;

    ck_assert_uint_eq(dpid, 1);
    ck_assert_str_eq(peer, "test");
    n[0]++;
    n[1] = foreign;
}

/* ## Claims ## */

START_TEST(an_unclaimed_bridge_gets_no_flow_mod)
{
    const struct nva_packet_in pin = { .in_port = 2 };
    uint64_t n[2] = { 0, 0 };

    sw1->n_flows = 2;
    sw1->flows[0].cookie = 0x1234;
    up(sw1);
    ck_assert_int_eq(sw1->n_read_backs, 1);
    read_back(sw1);
    dispatch_switch_packet_in(d, sw1, &pin, now);
    run();
    ck_assert_int_eq(sw1->n_bundles, 0);
    ck_assert_int_eq(sw1->n_packet_outs, 0);
    dispatch_each_unclaimed(d, unclaimed_cb, n);
    ck_assert_uint_eq(n[0], 1);
    ck_assert_uint_eq(n[1], 2);
    ck_assert_uint_eq(dispatch_metrics(d)
                      ->counters[METRICS_PACKET_INS_UNCLAIMED], 1);
}
END_TEST

START_TEST(adding_the_nve_claims_its_bridge)
{
    up(sw1);
    read_back(sw1);
    ck_assert_int_eq(put_nve("hv1", 1, false), NVA_OK);
    ck_assert_int_eq(sw1->n_read_backs, 2);
    ck_assert(!nve_by_name("hv1")->connected);
    ck_assert_int_eq(sw1->n_bundles, 0);    /* Not before it is read. */
    read_back(sw1);
    ck_assert(nve_by_name("hv1")->connected);
    ck_assert_int_eq(sw1->n_bundles, 1);
    settle();
    ck_assert_uint_gt(sw1->n_flows, 0);
}
END_TEST

START_TEST(others_flows_need_adopt)
{
    sw1->n_flows = 1;
    sw1->flows[0].cookie = 0x1234;
    up(sw1);
    read_back(sw1);
    ck_assert_int_eq(put_nve("hv1", 1, false), NVA_R_FOREIGN_FLOWS);
    ck_assert_int_eq(sw1->n_read_backs, 1);
    ck_assert_int_eq(put_nve("hv1", 1, true), NVA_OK);
    read_back(sw1);
    settle();
    ck_assert(!has_cookie(sw1, 0x1234));
    ck_assert_uint_gt(sw1->n_flows, 0);
}
END_TEST

START_TEST(a_configured_nve_with_others_flows_waits_for_adopt)
{
    put_nve("hv1", 1, false);
    sw1->n_flows = 1;
    sw1->flows[0].cookie = 0x1234;
    up(sw1);
    read_back(sw1);
    ck_assert(!nve_by_name("hv1")->connected);
    ck_assert_int_eq(sw1->n_bundles, 0);
    ck_assert_int_eq(put_nve("hv1", 1, true), NVA_OK);
    ck_assert_int_eq(sw1->n_read_backs, 2);
    read_back(sw1);
    ck_assert(nve_by_name("hv1")->connected);
    settle();
    ck_assert(!has_cookie(sw1, 0x1234));
}
END_TEST

START_TEST(a_claim_during_the_count_reads_again)
{
    up(sw1);
    ck_assert_int_eq(put_nve("hv1", 1, false), NVA_OK);
    dispatch_switch_readback_flow(d, sw1, 0x1234, 1);
    ck_assert_int_eq(sw1->n_read_backs, 1);
    dispatch_switch_readback_done(d, sw1, now);
    ck_assert_int_eq(sw1->n_read_backs, 2);
    ck_assert(!nve_by_name("hv1")->connected);
    read_back(sw1);                         /* The flow has gone meanwhile. */
    ck_assert(nve_by_name("hv1")->connected);
}
END_TEST

START_TEST(the_newer_session_of_a_dpid_wins)
{
    uint64_t session;

    put_nve("hv1", 1, false);
    up(sw1);
    read_back(sw1);
    session = nve_by_name("hv1")->session;
    up(sw1b);
    ck_assert_int_eq(sw1->closed, NVA_R_DPID_BUSY);
    ck_assert_int_eq(sw1b->closed, NVA_OK);
    ck_assert(!nve_by_name("hv1")->connected);
    dispatch_switch_down(d, sw1, now);      /* Known no more: nothing. */
    dispatch_switch_bundle_done(d, sw1, true, now);
    read_back(sw1b);
    ck_assert(nve_by_name("hv1")->connected);
    ck_assert_uint_ne(nve_by_name("hv1")->session, session);
    ck_assert_ptr_nonnull(sw1b->bundle);
}
END_TEST

START_TEST(a_deleted_nve_is_left_alone)
{
    size_t n_flows;
    int n;

    two_nves();
    n_flows = sw1->n_flows;
    put_vm("vm1", 1, "hv2");
    del_nve("hv1");
    n = sw1->n_bundles;
    read_back(sw1);
    settle();
    put_vm("vm2", 2, "hv2");
    settle();
    ck_assert_int_eq(sw1->n_bundles, n);
    ck_assert_uint_ge(sw1->n_flows, n_flows);
    /* Our flows that it kept are not others' flows. */
    ck_assert_int_eq(put_nve("hv1", 1, false), NVA_OK);
    read_back(sw1);
    settle();
    ck_assert(nve_by_name("hv1")->connected);
}
END_TEST

START_TEST(others_flows_are_counted_anew_after_a_delete)
{
    sw1->n_flows = 1;
    sw1->flows[0].cookie = 0x1234;
    up(sw1);
    read_back(sw1);
    ck_assert_int_eq(put_nve("hv1", 1, true), NVA_OK);
    read_back(sw1);
    settle();
    ck_assert(!has_cookie(sw1, 0x1234));
    del_nve("hv1");
    read_back(sw1);
    ck_assert_int_eq(put_nve("hv1", 1, false), NVA_OK);
}
END_TEST

START_TEST(a_bundle_of_a_deleted_nve_confirms_nothing)
{
    two_nves();
    put_vn();
    put_vm("vm1", 1, "hv1");
    run();
    ck_assert_ptr_nonnull(sw2->bundle == NULL ? sw1->bundle : sw2->bundle);
    del_nve("hv2");
    put_nve("hv2", 2, false);
    dispatch_switch_readback_done(d, sw2, now);     /* Of the count. */
    sw2->bundle = NULL;
    dispatch_switch_bundle_done(d, sw2, true, now);
    run();
    ck_assert(!nve_by_name("hv2")->connected);
    read_back(sw2);
    settle();
    ck_assert(nve_by_name("hv2")->connected);
}
END_TEST

/* ## Programming ## */

START_TEST(one_bundle_in_flight)
{
    two_nves();
    put_vm("vm1", 1, "hv1");
    run();
    ck_assert_ptr_nonnull(sw1->bundle);
    put_vm("vm2", 2, "hv2");
    run();                      /* op_send_bundle() checks that it is one. */
    settle();
    ck_assert(flow_prog_is_idle(dispatch_flow_prog(d,
                                                   nve_by_name("hv1")->id)));
}
END_TEST

static int
n_in_flight(const struct sw *switches, int n)
{
    int in_flight = 0;

    for (int i = 0; i < n; i++) {
        in_flight += switches[i].bundle != NULL;
    }
    return in_flight;
}

/* What a network's change means for its ports is not urgent, and so not done
 * for all its NVEs at once. */
START_TEST(a_change_of_a_network_goes_to_a_few_nves_at_a_time)
{
    enum { N = DISPATCH_BULK_PER_RUN + 8 };
    struct sw *switches = xcalloc(N, sizeof *switches);
    char nve[16], vm[16];

    put_vn();
    for (int i = 0; i < N; i++) {
        switches[i].dpid = 10 + i;
        snprintf(nve, sizeof nve, "nve%d", i);
        snprintf(vm, sizeof vm, "vm%d", i);
        put_nve(nve, 10 + i, false);
        up(&switches[i]);
        read_back(&switches[i]);
        put_vm(vm, 1 + i, nve);
    }
    run();
    while (n_in_flight(switches, N)) {
        for (int i = 0; i < N; i++) {
            ack(&switches[i], true);
        }
    }
    put_vn_with(NVA_UU_FLOOD);
    ck_assert_int_eq(n_in_flight(switches, N), 0);
    ck_assert(dispatch_run(d, now));
    ck_assert_int_eq(n_in_flight(switches, N), DISPATCH_BULK_PER_RUN);
    run();
    ck_assert_int_eq(n_in_flight(switches, N), N);
    free(switches);
}
END_TEST

START_TEST(a_rejected_flow_is_quarantined_and_the_rest_sent_again)
{
    size_t owners, dirty, quarantined;
    nva_id nve;
    int n;

    two_nves();
    nve = nve_by_name("hv1")->id;
    put_vm("vm1", 1, "hv1");
    run();
    n = sw1->n_bundles;
    for (size_t i = 0; i < sw1->bundle->n_msgs; i++) {
        if (sw1->bundle->msgs[i].owner.kind == NVA_OWNER_TSI) {
            dispatch_switch_msg_failed(d, sw1, i, NVA_R_REJECTED, now);
            break;
        }
    }
    ack(sw1, false);
    settle();
    dispatch_nve_state(d, nve, &owners, &dirty, &quarantined);
    ck_assert_uint_eq(quarantined, 1);
    ck_assert_uint_eq(dirty, 0);
    ck_assert_int_gt(sw1->n_bundles, n);
    ck_assert_uint_eq(dispatch_metrics(d)->events[NVA_EV_QUARANTINED], 1);
    ck_assert_uint_eq(dispatch_metrics(d)->counters[METRICS_BUNDLES_FAILED],
                      1);
    dispatch_switch_msg_failed(d, sw1, 99999, NVA_R_REJECTED, now);
}
END_TEST

START_TEST(a_switch_back_with_its_flows_gets_nothing)
{
    int n;

    two_nves();
    put_vm("vm1", 1, "hv1");
    settle();
    n = sw1->n_bundles;
    dispatch_switch_down(d, sw1, now);
    ck_assert(!nve_by_name("hv1")->connected);
    up(sw1);
    read_back(sw1);
    settle();
    ck_assert(nve_by_name("hv1")->connected);
    ck_assert_int_eq(sw1->n_bundles, n);
}
END_TEST

START_TEST(a_switch_back_empty_is_rewritten)
{
    size_t n_flows;

    two_nves();
    put_vm("vm1", 1, "hv1");
    settle();
    n_flows = sw1->n_flows;
    dispatch_switch_down(d, sw1, now);
    sw1->n_flows = 0;
    up(sw1);
    read_back(sw1);
    settle();
    ck_assert_uint_eq(sw1->n_flows, n_flows);
}
END_TEST

START_TEST(confirmed_is_asked_of_the_present_session)
{
    struct nva_owner owner = { .kind = NVA_OWNER_TSI };
    const struct nva_tsi *tsi;
    struct nva_view view;
    nva_id nve;

    two_nves();
    nve = nve_by_name("hv1")->id;
    put_vm("vm1", 1, "hv1");
    view = dispatch_view(d, now);
    tsi = directory_tsi_by_mac(view.dir,
                               directory_vn_by_name(view.dir, "blue")->id,
                               (struct eth_addr) {
                                   .ea = { 2, 0, 0, 0, 0, 1 } });
    ck_assert_ptr_nonnull(tsi);
    owner.id = tsi->id;
    ck_assert(!nva_confirmed(&view, nve, owner));
    run();
    ck_assert(!nva_confirmed(&view, nve, owner));
    settle();
    ck_assert(nva_confirmed(&view, nve, owner));
    ck_assert(!nva_confirmed(&view, 999, owner));
    dispatch_switch_down(d, sw1, now);
    view = dispatch_view(d, now);
    ck_assert(!nva_confirmed(&view, nve, owner));
}
END_TEST

/* ## Moves ## */

static size_t
count_stamps(nva_id move, enum nva_stamp_kind kind, nva_id nve)
{
    const struct nva_stamp *stamps;
    size_t n, count = 0;

    stamps = directory_move_stamps(dispatch_view(d, now).dir, move, &n);
    for (size_t i = 0; i < n; i++) {
        count += stamps[i].kind == kind && stamps[i].nve == nve;
    }
    return count;
}

/* A planned one of "vm1" from hv1 to hv2; its id. */
static nva_id
start_move(void)
{
    struct nva_request r = {
        .type = NVA_REQ_MOVE_START,
        .move = { .vm = "vm1", .nve = "hv2", .n_ports = 1,
                  .ports[0].port = "tap1" },
    };

    two_nves();
    put_vm("vm1", 1, "hv1");
    settle();
    ck_assert_int_eq(dispatch_request(d, &r, now), NVA_OK);
    return dispatch_plan(d)->object;
}

START_TEST(a_move_is_stamped_when_sent_and_when_confirmed)
{
    nva_id move = start_move(), hv2 = nve_by_name("hv2")->id;

    run();
    ck_assert_uint_ge(count_stamps(move, NVA_STAMP_SENT, hv2), 1);
    ck_assert_uint_eq(count_stamps(move, NVA_STAMP_CONFIRMED, hv2), 0);
    settle();
    ck_assert_uint_ge(count_stamps(move, NVA_STAMP_CONFIRMED, hv2), 1);
    ck_assert(directory_move(dispatch_view(d, now).dir, move)->ready);
    ck_assert_uint_gt(dispatch_metrics(d)->events[NVA_EV_CONFIRMED], 0);
}
END_TEST

static bool
is_in_bundle(const struct sw *sw, enum nva_owner_kind kind)
{
    for (size_t i = 0; sw->bundle && i < sw->bundle->n_owners; i++) {
        if (sw->bundle->owners[i].kind == kind) {
            return true;
        }
    }
    return false;
}

/* Else its port would get floods until the bundle after that. */
START_TEST(a_quiet_port_goes_with_its_interface)
{
    start_move();
    run();
    ck_assert(is_in_bundle(sw2, NVA_OWNER_TSI));
    ck_assert(is_in_bundle(sw2, NVA_OWNER_QUIET));
    ck_assert(!is_in_bundle(sw2, NVA_OWNER_FLOOD));
    settle();
}
END_TEST

START_TEST(each_note_is_told_and_counted_once)
{
    const struct metrics *m = dispatch_metrics(d);
    uint64_t counted = 0;

    two_nves();
    put_vm("vm1", 1, "hv1");
    settle();
    put_vm("vm1", 1, "hv2");        /* Moves it. */
    settle();
    for (int i = 0; i < METRICS_N_NOTES; i++) {
        for (int j = 0; j < NVA_N_REASONS; j++) {
            counted += m->notes[i][j];
        }
    }
    ck_assert_uint_gt(counted, 0);
    ck_assert_uint_eq(counted, n_notes);
}
END_TEST

START_TEST(the_timer_runs_when_it_is_due)
{
    nva_usec deadline;

    two_nves();
    put_vm("vm1", 1, "hv1");
    settle();
    ck_assert_int_gt(dispatch_deadline(d, now), now + 20 * NVA_SEC);
    put_vm("vm1", 1, "hv2");        /* Leaves a redirect at hv1. */
    settle();
    deadline = dispatch_deadline(d, now);
    ck_assert_int_gt(deadline, now);
    ck_assert_int_lt(deadline, now + 20 * NVA_SEC);
    dispatch_timer(d, now);
    ck_assert_uint_eq(dispatch_metrics(d)->events[NVA_EV_TIMER], 0);
    now = deadline + MS;
    dispatch_timer(d, now);
    ck_assert_uint_eq(dispatch_metrics(d)->events[NVA_EV_TIMER], 1);
    ck_assert_int_gt(dispatch_deadline(d, now), now);
    settle();
}
END_TEST

/* ## Limits ## */

static void
op_ignore_claim(void *channel OVS_UNUSED, bool claimed OVS_UNUSED)
{
}

START_TEST(unclaimed_bridges_are_bounded)
{
    static char channels[DISPATCH_UNCLAIMED_MAX + 1];
    struct dispatch_peer peer = { .text = "flood" };
    const struct dispatch_ops ops = {
        .send_bundle = op_send_bundle, .packet_out = op_packet_out,
        .delete_meter = op_delete_meter, .read_back = op_ignore,
        .match_fragments = op_ignore,
        .close = op_close, .claimed = op_ignore_claim, .backlog = op_backlog,
        .on_note = on_note, .aux = &n_notes,
    };

    dispatch_destroy(d);
    d = dispatch_create(&ops);
    for (int i = 0; i < DISPATCH_UNCLAIMED_MAX; i++) {
        peer.dpid = 1000 + i;
        ck_assert_int_eq(dispatch_switch_up(d, &channels[i], &peer, now),
                         NVA_OK);
    }
    peer.dpid = 1;
    ck_assert_int_eq(dispatch_switch_up(d, &channels[DISPATCH_UNCLAIMED_MAX],
                                        &peer, now), NVA_R_LIMIT);
    put_nve("hv1", 1, false);           /* ...but a known one gets in. */
    ck_assert_int_eq(dispatch_switch_up(d, &channels[DISPATCH_UNCLAIMED_MAX],
                                        &peer, now), NVA_OK);
    dispatch_switch_down(d, &channels[0], now);
    peer.dpid = 999;
    ck_assert_int_eq(dispatch_switch_up(d, &channels[0], &peer, now), NVA_OK);
}
END_TEST

START_TEST(unknown_channels_do_nothing)
{
    const struct nva_port port = { .name = "x", .ofport = 3 };
    const struct nva_packet_in pin = { .in_port = 2 };

    dispatch_switch_down(d, sw1, now);
    dispatch_switch_readback_flow(d, sw1, 1, 1);
    dispatch_switch_readback_done(d, sw1, now);
    dispatch_switch_port(d, sw1, &port, false, now);
    dispatch_switch_packet_in(d, sw1, &pin, now);
    dispatch_switch_flow_removed(d, sw1, 1, 1, true, now);
    dispatch_switch_msg_failed(d, sw1, 0, NVA_R_REJECTED, now);
    dispatch_switch_bundle_done(d, sw1, true, now);
    ck_assert_uint_eq(n_notes, 0);
    ck_assert_int_eq(sw1->n_read_backs, 0);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("dispatch");
    TCase *tc = tcase_create("dispatch");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, an_unclaimed_bridge_gets_no_flow_mod);
    tcase_add_test(tc, adding_the_nve_claims_its_bridge);
    tcase_add_test(tc, others_flows_need_adopt);
    tcase_add_test(tc, a_configured_nve_with_others_flows_waits_for_adopt);
    tcase_add_test(tc, a_claim_during_the_count_reads_again);
    tcase_add_test(tc, the_newer_session_of_a_dpid_wins);
    tcase_add_test(tc, a_deleted_nve_is_left_alone);
    tcase_add_test(tc, others_flows_are_counted_anew_after_a_delete);
    tcase_add_test(tc, a_bundle_of_a_deleted_nve_confirms_nothing);
    tcase_add_test(tc, one_bundle_in_flight);
    tcase_add_test(tc, a_change_of_a_network_goes_to_a_few_nves_at_a_time);
    tcase_add_test(tc, a_rejected_flow_is_quarantined_and_the_rest_sent_again);
    tcase_add_test(tc, a_switch_back_with_its_flows_gets_nothing);
    tcase_add_test(tc, a_switch_back_empty_is_rewritten);
    tcase_add_test(tc, confirmed_is_asked_of_the_present_session);
    tcase_add_test(tc, a_move_is_stamped_when_sent_and_when_confirmed);
    tcase_add_test(tc, a_quiet_port_goes_with_its_interface);
    tcase_add_test(tc, each_note_is_told_and_counted_once);
    tcase_add_test(tc, the_timer_runs_when_it_is_due);
    tcase_add_test(tc, unclaimed_bridges_are_bounded);
    tcase_add_test(tc, unknown_channels_do_nothing);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
