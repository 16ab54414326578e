/* SPDX-License-Identifier: Apache-2.0 */

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "directory.h"
#include "intent.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/util.h"
#include "packets.h"
#include "pipeline.h"
#include "util.h"

/* hv1 and hv2 have IPv4 tunnels, hv3 has IPv6; hv4's address is not known. */
enum { VN = 1, OTHER_VN = 2 };
enum { HV1 = 11, HV2 = 12, HV3 = 13, HV4 = 14 };
enum { VAP_A = 21, VAP_A2, VAP_C, VAP_D, VAP_E };
enum { TSI = 31, VM = 41 };
enum { REDIRECT = 51 };

#define NOW (1000 * NVA_SEC)

static const struct nva_place nowhere = { NVA_ID_NONE, "" };
static const struct nva_place tap_a = { HV1, "tap-a" };
static const struct nva_place tap_a2 = { HV1, "tap-a2" };
static const struct nva_place tap_c = { HV2, "tap-c" };
static const struct nva_place tap_d = { HV3, "tap-d" };
static const struct nva_place tap_e = { HV4, "tap-e" };

static struct directory *dir;
static struct flow_set *flows;

/* ## The fabric ## */

static void
apply(const struct nva_delta *delta)
{
    struct nva_dirty_list dirty;

    nva_dirty_init(&dirty);
    directory_apply(dir, delta, &dirty);
    nva_dirty_uninit(&dirty);
}

static struct in6_addr
ip(const char *s)
{
    struct in6_addr addr;

    ck_assert_int_eq(nva_ip_parse(s, &addr), NVA_OK);
    return addr;
}

static struct nva_delta
vn_delta(nva_id id)
{
    struct nva_delta d = { .type = NVA_DELTA_VN_PUT, .id = id };

    d.vn.id = id;
    snprintf(d.vn.name, sizeof d.vn.name, "vn%d", (int) id);
    d.vn.vni = id * 100;
    d.vn.redirect_timeout = NVA_REDIRECT_TIMEOUT_DEFAULT;
    return d;
}

static void
put_nve(nva_id id, const char *tunnel_ip)
{
    struct nva_delta d = { .type = NVA_DELTA_NVE_PUT, .id = id };

    d.nve.id = id;
    snprintf(d.nve.name, sizeof d.nve.name, "hv%d", (int) id - 10);
    d.nve.dpid = id;
    if (tunnel_ip) {
        d.nve.tunnel_ip = ip(tunnel_ip);
    }
    d.nve.connected = true;
    d.nve.session = id;
    apply(&d);
}

static void
put_port(nva_id nve, const char *name, nva_ofport ofport)
{
    struct nva_delta d = { .type = NVA_DELTA_PORT_PUT };

    d.port.nve = nve;
    ovs_strlcpy(d.port.name, name, sizeof d.port.name);
    d.port.ofport = ofport;
    apply(&d);
}

static void
del_port(nva_id nve, const char *name)
{
    struct nva_delta d = { .type = NVA_DELTA_PORT_DEL };

    d.port.nve = nve;
    ovs_strlcpy(d.port.name, name, sizeof d.port.name);
    apply(&d);
}

static void
put_vap(nva_id id, struct nva_place place, nva_id vn,
        const struct eth_addr *mac)
{
    struct nva_delta d = { .type = NVA_DELTA_VAP_PUT, .id = id };

    d.vap.id = id;
    d.vap.nve = place.nve;
    ovs_strlcpy(d.vap.port, place.port, sizeof d.vap.port);
    d.vap.has_mac = mac != NULL;
    if (mac) {
        d.vap.mac = *mac;
    }
    d.vap.vn = vn;
    apply(&d);
}

static bool stopped;

static void
put_tsi(struct nva_place current, struct nva_place published,
        struct nva_place prepared, bool paused)
{
    struct nva_delta d = { .type = NVA_DELTA_TSI_PUT, .id = TSI };

    d.tsi.id = TSI;
    d.tsi.vm = VM;
    d.tsi.vn = VN;
    ovs_strlcpy(d.tsi.name, "eth0", sizeof d.tsi.name);
    d.tsi.mac = (struct eth_addr) ETH_ADDR_C(02,00,00,00,00,31);
    d.tsi.ips[d.tsi.n_ips++] = ip("10.0.0.31");
    d.tsi.ips[d.tsi.n_ips++] = ip("fd10::31");
    d.tsi.n_given = d.tsi.n_ips;
    d.tsi.current = current;
    d.tsi.published = published;
    d.tsi.prepared = prepared;
    d.tsi.paused = paused;
    d.tsi.stopped = stopped;
    apply(&d);
}

static void
put_held(void)
{
    struct nva_delta d = { .type = NVA_DELTA_TSI_PUT, .id = TSI };

    d.tsi = *directory_tsi(dir, TSI);
    d.tsi.held_until = NOW + NVA_HOLD_MAX;
    apply(&d);
}

static void
put_redirect(nva_id to, nva_usec remains)
{
    struct nva_delta d = { .type = NVA_DELTA_REDIRECT_PUT, .id = REDIRECT };

    d.redirect.id = REDIRECT;
    d.redirect.tsi = TSI;
    d.redirect.at = HV1;
    d.redirect.to = to;
    d.redirect.since = NOW;
    d.redirect.until = NOW + remains;
    apply(&d);
}

static void
setup(void)
{
    struct nva_delta vn = vn_delta(VN), other = vn_delta(OTHER_VN);
    struct nva_delta vm = { .type = NVA_DELTA_VM_PUT, .id = VM };

    dir = directory_create();
    flows = flow_set_create();
    apply(&vn);
    apply(&other);
    put_nve(HV1, "172.31.0.1");
    put_nve(HV2, "172.31.0.2");
    put_nve(HV3, "fd31::3");
    put_nve(HV4, NULL);
    for (nva_id nve = HV1; nve <= HV4; nve++) {
        put_port(nve, "vx0", 1);
    }
    put_port(HV1, "tap-a", 2);
    put_port(HV1, "tap-a2", 3);
    put_port(HV2, "tap-c", 4);
    put_port(HV3, "tap-d", 5);
    put_port(HV4, "tap-e", 6);
    put_vap(VAP_A, tap_a, VN, NULL);
    put_vap(VAP_A2, tap_a2, VN, NULL);
    put_vap(VAP_C, tap_c, VN, NULL);
    put_vap(VAP_D, tap_d, VN, NULL);
    put_vap(VAP_E, tap_e, VN, NULL);
    vm.vm.id = VM;
    ovs_strlcpy(vm.vm.name, "vm", sizeof vm.vm.name);
    vm.vm.state = NVA_VM_RUNNING;
    apply(&vm);
}

static void
teardown(void)
{
    flow_set_destroy(flows);
    directory_destroy(dir);
}

/* ## Questions ## */

static void
compute(nva_id nve, enum nva_owner_kind kind, nva_id id)
{
    struct nva_owner owner = { kind, id };

    intent_flows(dir, nve, owner, NOW, flows);
    for (size_t i = 0; i < flow_set_n(flows); i++) {
        ck_assert(flow_set_at(flows, i)->cookie == pipeline_cookie(owner));
    }
}

/* If 'f' is of 'table' and its match has 'match' in it, puts its actions into
 * 's'. */
static bool
is_flow(const struct nva_flow *f, enum nva_table table, const char *match,
        struct ds *s)
{
    char *start;

    ds_clear(s);
    nva_flow_format(f, s);
    start = strstr(ds_cstr(s), " actions=");
    *start = '\0';
    if (f->table != table || !strstr(ds_cstr(s), match)) {
        return false;
    }
    start += strlen(" actions=");
    memmove(ds_cstr(s), start, strlen(start) + 1);
    return true;
}

/* The actions of the one flow of 'table' whose match has 'match' in it, "none"
 * if there is none, "several" if there are more. */
static const char *
actions(enum nva_table table, const char *match)
{
    static char found[1024];
    struct ds s = DS_EMPTY_INITIALIZER;
    size_t n = 0;

    for (size_t i = 0; i < flow_set_n(flows); i++) {
        if (is_flow(flow_set_at(flows, i), table, match, &s)) {
            ovs_strlcpy(found, ds_cstr(&s), sizeof found);
            n++;
        }
    }
    ds_destroy(&s);
    return n == 0 ? "none" : n == 1 ? found : "several";
}

static size_t
count(enum nva_table table)
{
    size_t n = 0;

    for (size_t i = 0; i < flow_set_n(flows); i++) {
        n += flow_set_at(flows, i)->table == table;
    }
    return n;
}

#define TO_HV2 "set_field:0x64->tun_id,set_field:172.31.0.2->tun_dst,output:1"
#define TO_HV1 "set_field:0x64->tun_id,set_field:172.31.0.1->tun_dst,output:1"
#define TO_HV3 \
    "set_field:0x64->tun_id,set_field:fd31::3->tun_ipv6_dst,output:1"

/* Where, at 'nve', packets for the interface go: from local ports, and from
 * tunnels. */
static void
assert_goes(nva_id nve, const char *forward, const char *deliver)
{
    compute(nve, NVA_OWNER_TSI, TSI);
    ck_assert_str_eq(actions(NVA_TABLE_FORWARD, "02:00:00:00:00:31"), forward);
    ck_assert_str_eq(actions(NVA_TABLE_DELIVER, "02:00:00:00:00:31"), deliver);
}

/* What happens to data that the interface sends from 'port' of 'nve'. */
static void
assert_admits(nva_id nve, const char *port, const char *want)
{
    char match[80];

    compute(nve, NVA_OWNER_TSI, TSI);
    snprintf(match, sizeof match,
             "priority=100,reg0=0x64,in_port=%s,dl_src=02:00:00:00:00:31",
             port);
    ck_assert_str_eq(actions(NVA_TABLE_ADMIT, match), want);
}

#define SHOWN(PORT) "controller(meter_id=" PORT "),goto_table:15"

/* ## Interfaces ## */

START_TEST(tsi_settled)
{
    put_tsi(tap_a, tap_a, nowhere, false);
    assert_goes(HV1, "output:2", "output:2");
    assert_goes(HV2, TO_HV1, "none");
    assert_goes(HV3, TO_HV1, "none");
    assert_admits(HV1, "2", "goto_table:15");
    assert_admits(HV2, "4", "none");
}
END_TEST

START_TEST(d1_tsi_behind_ipv6)
{
    put_tsi(tap_d, tap_d, nowhere, false);
    assert_goes(HV1, TO_HV3, "none");
    assert_goes(HV3, "output:5", "output:5");
}
END_TEST

START_TEST(tsi_behind_unknown_tunnel_address)
{
    put_tsi(tap_e, tap_e, nowhere, false);
    assert_goes(HV1, "none", "none");
    assert_goes(HV4, "output:6", "output:6");
}
END_TEST

START_TEST(tsi_port_absent)
{
    put_tsi(tap_a, tap_a, nowhere, false);
    del_port(HV1, "tap-a");
    assert_goes(HV1, "drop", "drop");
    ck_assert_uint_eq(count(NVA_TABLE_ADMIT), 0);
    put_port(HV1, "tap-a", 9);
    assert_goes(HV1, "output:9", "output:9");
}
END_TEST

START_TEST(tsi_without_tunnel_port)
{
    put_tsi(tap_c, tap_c, nowhere, false);
    del_port(HV1, "vx0");
    assert_goes(HV1, "none", "none");
    compute(HV1, NVA_OWNER_ADDRESS, TSI);
    ck_assert_uint_gt(count(NVA_TABLE_ADDRESS), 0);
}
END_TEST

START_TEST(d17_prepared_destination_delivers_and_nothing_else_changes)
{
    put_tsi(tap_a, tap_a, tap_c, false);
    assert_goes(HV1, "output:2", "output:2");
    assert_goes(HV2, TO_HV1, "output:4");
    assert_goes(HV3, TO_HV1, "none");
    assert_admits(HV1, "2", "goto_table:15");
    assert_admits(HV2, "4", SHOWN("131076"));
}
END_TEST

/* Where its VM is off it gets nothing, from near and far; where it is going to
 * start all is ready; what it sends from the old place is shown. */
START_TEST(D21_nothing_is_delivered_where_it_is_off)
{
    stopped = true;
    put_tsi(tap_a, tap_a, tap_c, false);
    stopped = false;
    assert_goes(HV1, "drop", "drop");
    assert_goes(HV2, TO_HV1, "output:4");
    assert_goes(HV3, TO_HV1, "none");
    assert_admits(HV1, "2", SHOWN("131074"));
}
END_TEST

START_TEST(paused_old_nve_sends_on_and_still_delivers)
{
    put_tsi(tap_a, tap_a, tap_c, true);
    assert_goes(HV1, TO_HV2, "output:2");
    assert_goes(HV2, TO_HV1, "output:4");
    assert_goes(HV3, TO_HV1, "none");
    assert_admits(HV1, "2", SHOWN("131074"));
    assert_admits(HV2, "4", SHOWN("131076"));
}
END_TEST

START_TEST(gate_pending_peers_still_send_to_the_old_nve)
{
    put_tsi(tap_c, tap_a, nowhere, false);
    assert_goes(HV1, "output:2", "output:2");
    assert_goes(HV2, "output:4", "output:4");
    assert_goes(HV3, TO_HV1, "none");
    assert_admits(HV1, "2", "goto_table:15");
    assert_admits(HV2, "4", "goto_table:15");
}
END_TEST

START_TEST(switched_old_nve_forwards_and_delivers_no_more)
{
    put_tsi(tap_c, tap_c, nowhere, false);
    assert_goes(HV1, TO_HV2, "none");
    assert_goes(HV2, "output:4", "output:4");
    assert_goes(HV3, TO_HV2, "none");
    assert_admits(HV1, "2", "none");
}
END_TEST

START_TEST(move_within_one_nve)
{
    put_tsi(tap_a, tap_a, tap_a2, false);
    assert_goes(HV1, "output:2", "output:2");
    assert_admits(HV1, "2", "goto_table:15");
    assert_admits(HV1, "3", SHOWN("131075"));

    put_tsi(tap_a, tap_a, tap_a2, true);
    assert_goes(HV1, "output:3", "output:3");

    put_tsi(tap_a2, tap_a, nowhere, false);
    assert_goes(HV1, "output:3", "output:3");
    assert_admits(HV1, "2", "goto_table:15");
    assert_admits(HV1, "3", "goto_table:15");
}
END_TEST

/* D18: at the NVE it comes to, from both sides; afterwards until it is let
 * go. */
START_TEST(d18_held_where_it_comes_to)
{
    put_tsi(tap_a, tap_a, tap_c, true);
    put_held();
    assert_goes(HV1, TO_HV2, "output:2");
    assert_goes(HV2, "goto_table:60", "goto_table:60");
    assert_goes(HV3, TO_HV1, "none");
    put_tsi(tap_c, tap_c, nowhere, false);
    put_held();
    assert_goes(HV1, TO_HV2, "none");
    assert_goes(HV2, "goto_table:60", "goto_table:60");
    del_port(HV2, "tap-c");
    assert_goes(HV2, "goto_table:60", "goto_table:60");
}
END_TEST

/* Before the pause: the old NVE may send on sooner than this one hears of
 * it. */
START_TEST(d18_held_where_the_port_is_missing)
{
    struct nva_delta vm = { .type = NVA_DELTA_VM_PUT, .id = VM };

    vm.vm = *directory_vm(dir, VM);
    vm.vm.connections = NVA_CONNECTIONS_HOLD;
    apply(&vm);
    put_tsi(tap_a, tap_a, tap_c, false);
    assert_goes(HV2, TO_HV1, "output:4");
    del_port(HV2, "tap-c");
    assert_goes(HV2, TO_HV1, "goto_table:60");
    put_tsi(tap_c, tap_a, nowhere, false);
    assert_goes(HV2, "drop", "drop");
}
END_TEST

START_TEST(first_place_is_only_prepared)
{
    put_tsi(nowhere, nowhere, tap_c, false);
    assert_goes(HV2, "none", "output:4");
    ck_assert_uint_eq(count(NVA_TABLE_ADDRESS), 0);
    compute(HV1, NVA_OWNER_TSI, TSI);
    ck_assert_uint_eq(flow_set_n(flows), 0);
}
END_TEST

START_TEST(a1_nothing_where_the_vn_is_not_served)
{
    struct nva_delta d = { .type = NVA_DELTA_VAP_DEL, .id = VAP_D };

    put_tsi(tap_a, tap_a, nowhere, false);
    apply(&d);
    compute(HV3, NVA_OWNER_TSI, TSI);
    ck_assert_uint_eq(flow_set_n(flows), 0);
    compute(HV3, NVA_OWNER_VN, VN);
    ck_assert_uint_eq(flow_set_n(flows), 0);
}
END_TEST

/* Its place may outlive the VAP there: it is delivered to, no more. */
START_TEST(place_without_vap)
{
    struct nva_delta d = { .type = NVA_DELTA_VAP_DEL, .id = VAP_C };

    put_tsi(tap_c, tap_c, nowhere, false);
    apply(&d);
    assert_goes(HV2, "output:4", "output:4");
    ck_assert_uint_eq(count(NVA_TABLE_ADDRESS), 0);
}
END_TEST

START_TEST(d15_strict_binds_addresses_learn_does_not)
{
    struct nva_delta vn = vn_delta(VN);

    put_tsi(tap_a, tap_a, nowhere, false);
    compute(HV1, NVA_OWNER_TSI, TSI);
    ck_assert_str_eq(actions(NVA_TABLE_ADMIT, "arp_spa=10.0.0.31"),
                     "goto_table:20");
    ck_assert_str_eq(actions(NVA_TABLE_ADMIT, "arp_spa=0.0.0.0"),
                     "goto_table:20");
    ck_assert_str_eq(actions(NVA_TABLE_ADMIT_ND, "nd_target=fd10::31"),
                     "goto_table:20");
    ck_assert_str_eq(actions(NVA_TABLE_ADMIT, "priority=200,arp"),
                     "set_field:0x6->reg3,goto_table:62");

    vn.vn.binding = NVA_BINDING_LEARN;
    apply(&vn);
    compute(HV1, NVA_OWNER_TSI, TSI);
    ck_assert_uint_eq(count(NVA_TABLE_ADMIT), 1);
}
END_TEST

/* The answers are the same wherever it is; only the asking NVE matters. */
START_TEST(f1_answered_at_each_nve_of_the_vn)
{
    put_tsi(tap_a, tap_a, nowhere, false);
    for (nva_id nve = HV1; nve <= HV4; nve++) {
        compute(nve, NVA_OWNER_ADDRESS, TSI);
        ck_assert_uint_eq(count(NVA_TABLE_ADDRESS), 2 + 4);
        ck_assert_uint_eq(flow_set_n(flows), 2 + 4);
        /* F2: not at its own port, where it hears the question itself. */
        compute(nve, NVA_OWNER_TSI, TSI);
        ck_assert_uint_eq(count(NVA_TABLE_ADDRESS), nve == HV1 ? 2 : 0);
    }
}
END_TEST

/* Others' announcements of what it only taught itself are shown; for what is
 * frozen nobody answers. */
START_TEST(f7_learned_and_frozen_addresses)
{
    struct nva_delta tsi = { .type = NVA_DELTA_TSI_PUT, .id = TSI };
    struct nva_delta lease = { .type = NVA_DELTA_LEASE_PUT };
    const struct in6_addr v4 = ip("10.0.0.31");

    put_tsi(tap_a, tap_a, nowhere, false);
    tsi.tsi = *directory_tsi(dir, TSI);
    tsi.tsi.n_given = 0;
    apply(&tsi);
    compute(HV2, NVA_OWNER_ADDRESS, TSI);
    ck_assert_uint_eq(flow_set_n(flows), 3 + 4);
    ck_assert_str_eq(actions(NVA_TABLE_ADDRESS, "arp_spa=10.0.0.31"),
                     "CONTROLLER:65535");
    lease.lease = *directory_lease(dir, TSI, &v4);
    lease.lease.frozen = true;
    apply(&lease);
    compute(HV2, NVA_OWNER_ADDRESS, TSI);
    ck_assert_uint_eq(flow_set_n(flows), 4);
    ck_assert_uint_eq(count(NVA_TABLE_ADDRESS), 4);
}
END_TEST

/* ## Redirects ## */

START_TEST(d11_redirect)
{
    put_tsi(tap_c, tap_c, nowhere, false);
    put_redirect(HV2, 10 * NVA_SEC);
    compute(HV1, NVA_OWNER_REDIRECT, REDIRECT);
    ck_assert_uint_eq(flow_set_n(flows), 1);
    ck_assert_str_eq(actions(NVA_TABLE_REDIRECT, "reg0=0x64,dl_dst=02:00:00"),
                     "set_field:172.31.0.2->tun_dst,goto_table:41");
    ck_assert_uint_eq(flow_set_at(flows, 0)->hard_timeout, 10);
    ck_assert(flow_set_at(flows, 0)->send_flow_removed);

    compute(HV2, NVA_OWNER_REDIRECT, REDIRECT);
    ck_assert_uint_eq(flow_set_n(flows), 0);
}
END_TEST

/* Segments for the interface at HV1 that are not sent on but reset: from local
 * ports, and from tunnels. */
static void
assert_resets(size_t n)
{
    compute(HV1, NVA_OWNER_TSI, TSI);
    ck_assert_uint_eq(count(NVA_TABLE_FORWARD), 1 + n);
    ck_assert_uint_eq(count(NVA_TABLE_DELIVER), 1 + n);
    if (n) {
        ck_assert_str_eq(actions(NVA_TABLE_FORWARD,
                                 ",tcp,reg0=0x64,dl_dst=02:00:00:00:00:31,"
                                 "tcp_flags=-syn-rst"), "goto_table:61");
        ck_assert_str_eq(actions(NVA_TABLE_DELIVER,
                                 ",tcp6,reg0=0x64,dl_dst=02:00:00:00:00:31,"
                                 "tcp_flags=+syn-rst+ack"), "goto_table:61");
    }
}

static void
put_vm(enum nva_connections connections)
{
    struct nva_delta d = { .type = NVA_DELTA_VM_PUT, .id = VM };

    d.vm = *directory_vm(dir, VM);
    d.vm.connections = connections;
    apply(&d);
}

/* Two versions of IP, two kinds of segment that begin nothing. */
START_TEST(d18_reset_where_it_stands_still_or_is_off)
{
    put_tsi(tap_a, tap_a, tap_c, true);
    assert_resets(0);
    put_vm(NVA_CONNECTIONS_RESET);
    assert_resets(4);
    compute(HV2, NVA_OWNER_TSI, TSI);
    ck_assert_uint_eq(count(NVA_TABLE_FORWARD), 1);
    put_tsi(tap_a, tap_a, tap_c, false);
    assert_resets(0);
    stopped = true;
    put_tsi(tap_a, tap_a, nowhere, false);
    stopped = false;
    assert_resets(4);
    put_vm(NVA_CONNECTIONS_HOLD);
    assert_resets(0);
}
END_TEST

/* They end with it; its own flow tells of the end. */
START_TEST(d18_redirect_that_resets)
{
    struct nva_delta d = { .type = NVA_DELTA_REDIRECT_PUT, .id = REDIRECT };
    size_t told = 0;

    put_tsi(tap_c, tap_c, nowhere, false);
    put_redirect(HV2, 7 * NVA_SEC);
    d.redirect = *directory_redirect(dir, REDIRECT);
    d.redirect.resets = true;
    apply(&d);
    compute(HV1, NVA_OWNER_REDIRECT, REDIRECT);
    ck_assert_uint_eq(count(NVA_TABLE_REDIRECT), 5);
    for (size_t i = 0; i < flow_set_n(flows); i++) {
        ck_assert_uint_eq(flow_set_at(flows, i)->hard_timeout, 7);
        told += flow_set_at(flows, i)->send_flow_removed;
    }
    ck_assert_uint_eq(told, 1);
}
END_TEST

START_TEST(redirect_time_is_rounded_up)
{
    static const struct {
        nva_usec remains;
        uint16_t seconds;           /* 0: no flow. */
    } cases[] = {
        { 1, 1 }, { NVA_SEC, 1 }, { NVA_SEC + 1, 2 }, { 0, 0 }, { -1, 0 },
        { NVA_REDIRECT_MAX, 300 },
    };

    put_tsi(tap_c, tap_c, nowhere, false);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        put_redirect(HV2, cases[i].remains);
        compute(HV1, NVA_OWNER_REDIRECT, REDIRECT);
        ck_assert_uint_eq(flow_set_n(flows), cases[i].seconds ? 1 : 0);
        if (cases[i].seconds) {
            ck_assert_uint_eq(flow_set_at(flows, 0)->hard_timeout,
                              cases[i].seconds);
        }
    }
}
END_TEST

START_TEST(redirect_needs_a_known_destination)
{
    put_tsi(tap_e, tap_e, nowhere, false);
    put_redirect(HV4, NVA_SEC);
    compute(HV1, NVA_OWNER_REDIRECT, REDIRECT);
    ck_assert_uint_eq(flow_set_n(flows), 0);
}
END_TEST

START_TEST(redirect_needs_a_tunnel_port)
{
    put_tsi(tap_c, tap_c, nowhere, false);
    put_redirect(HV2, NVA_SEC);
    del_port(HV1, "vx0");
    compute(HV1, NVA_OWNER_REDIRECT, REDIRECT);
    ck_assert_uint_eq(flow_set_n(flows), 0);
}
END_TEST

/* ## VNs ## */

#define TO_PORT_2 "set_field:0x2->reg2,resubmit(,33)"
#define TO_PORTS_2_AND_3 TO_PORT_2 ",set_field:0x3->reg2,resubmit(,33)"

START_TEST(vn_floods_to_ports_and_known_nves)
{
    compute(HV1, NVA_OWNER_FLOOD, VN);
    ck_assert_str_eq(actions(NVA_TABLE_FLOOD, "reg0=0x64"),
                     "resubmit(,32)," TO_HV2
                     ",set_field:0.0.0.0->tun_dst"
                     ",set_field:fd31::3->tun_ipv6_dst,output:1");
    ck_assert_str_eq(actions(NVA_TABLE_LOCAL, "reg0=0x64"), TO_PORTS_2_AND_3);
    ck_assert_str_eq(actions(NVA_TABLE_DELIVER, "dl_dst=01:00:00:00:00:00"),
                     "resubmit(,32)");
}
END_TEST

START_TEST(k6_vn_floods_to_disconnected_nves)
{
    struct nva_delta d = { .type = NVA_DELTA_NVE_PUT, .id = HV2 };

    d.nve = *directory_nve(dir, HV2);
    d.nve.connected = false;
    apply(&d);
    compute(HV1, NVA_OWNER_FLOOD, VN);
    ck_assert_ptr_nonnull(strstr(actions(NVA_TABLE_FLOOD, "reg0=0x64"),
                                 "172.31.0.2"));
}
END_TEST

START_TEST(vn_leaves_out_absent_ports_and_tunnels)
{
    del_port(HV1, "tap-a2");
    del_port(HV1, "vx0");
    compute(HV1, NVA_OWNER_FLOOD, VN);
    ck_assert_str_eq(actions(NVA_TABLE_FLOOD, "reg0=0x64"), "resubmit(,32)");
    ck_assert_str_eq(actions(NVA_TABLE_LOCAL, "reg0=0x64"), TO_PORT_2);
    ck_assert_str_eq(actions(NVA_TABLE_CLASSIFY, ""), "none");
}
END_TEST

/* While only a VM that is prepared there is to use it; one of its VAPs says
 * so. */
START_TEST(port_of_a_prepared_vm_gets_no_floods)
{
    static const struct eth_addr mac = ETH_ADDR_C(02,00,00,00,00,99);

    put_vap(VAP_A2 + 100, tap_a2, VN, &mac);
    compute(HV1, NVA_OWNER_QUIET, VAP_A2);
    ck_assert_uint_eq(flow_set_n(flows), 0);

    put_tsi(tap_c, tap_c, tap_a2, false);
    compute(HV1, NVA_OWNER_QUIET, VAP_A2);
    ck_assert_str_eq(actions(NVA_TABLE_PORT, "reg2=0x3"), "drop");
    compute(HV1, NVA_OWNER_QUIET, VAP_A2 + 100);
    ck_assert_uint_eq(flow_set_n(flows), 0);

    /* The list is as it was. */
    compute(HV1, NVA_OWNER_FLOOD, VN);
    ck_assert_str_eq(actions(NVA_TABLE_LOCAL, "reg0=0x64"), TO_PORTS_2_AND_3);

    /* A port that is not there is not passed over. */
    put_port(HV1, "tap-a2", NVA_OFPORT_NONE);
    compute(HV1, NVA_OWNER_QUIET, VAP_A2);
    ck_assert_uint_eq(flow_set_n(flows), 0);
    del_port(HV1, "tap-a2");
    compute(HV1, NVA_OWNER_QUIET, VAP_A2);
    ck_assert_uint_eq(flow_set_n(flows), 0);
}
END_TEST

/* One copy for a port with a VAP of its own for some MAC. */
START_TEST(vn_floods_once_to_a_port)
{
    static const struct eth_addr mac = ETH_ADDR_C(02,00,00,00,00,99);

    put_vap(VAP_A2 + 100, tap_a, VN, &mac);
    compute(HV1, NVA_OWNER_FLOOD, VN);
    ck_assert_str_eq(actions(NVA_TABLE_LOCAL, "reg0=0x64"), TO_PORTS_2_AND_3);
}
END_TEST

START_TEST(vn_policies)
{
    struct nva_delta d = vn_delta(VN);

    compute(HV1, NVA_OWNER_VN, VN);
    ck_assert_str_eq(actions(NVA_TABLE_ADDRESS, "arp"),
                     "CONTROLLER:65535,goto_table:30");
    ck_assert_str_eq(actions(NVA_TABLE_FORWARD, "priority=10,reg0=0x64"),
                     "controller(meter_id=65281)");

    d.vn.unknown_question = NVA_UQ_DROP;
    d.vn.unknown_unicast = NVA_UU_FLOOD;
    apply(&d);
    compute(HV1, NVA_OWNER_VN, VN);
    ck_assert_str_eq(actions(NVA_TABLE_ADDRESS, "arp"), "CONTROLLER:65535");
    ck_assert_str_eq(actions(NVA_TABLE_FORWARD, "priority=10,reg0=0x64"),
                     "goto_table:31");

    d.vn.unknown_unicast = NVA_UU_DROP;
    apply(&d);
    compute(HV1, NVA_OWNER_VN, VN);
    ck_assert_str_eq(actions(NVA_TABLE_FORWARD, "priority=10,reg0=0x64"),
                     "drop");
}
END_TEST

/* ## VAPs and the base ## */

START_TEST(vap_strict_and_learn)
{
    struct nva_delta d = vn_delta(VN);

    compute(HV1, NVA_OWNER_VAP, VAP_A);
    ck_assert_str_eq(actions(NVA_TABLE_CLASSIFY, "priority=110,in_port=2"),
                     "set_field:0x64->reg0,goto_table:10");
    ck_assert_str_eq(actions(NVA_TABLE_ADMIT, "in_port=2"),
                     "controller(meter_id=65538)");
    ck_assert_uint_eq(flow_set_n_meters(flows), 2);

    d.vn.binding = NVA_BINDING_LEARN;
    apply(&d);
    compute(HV1, NVA_OWNER_VAP, VAP_A);
    ck_assert_str_eq(actions(NVA_TABLE_ADMIT, "in_port=2"), SHOWN("65538"));
}
END_TEST

/* What it says goes to the NVA by one flow for each kind, or by one. */
START_TEST(vap_that_floods)
{
    struct nva_delta d = { .type = NVA_DELTA_VAP_PUT, .id = VAP_A };
    size_t before;

    compute(HV1, NVA_OWNER_VAP, VAP_A);
    before = flow_set_n(flows);
    d.vap = *directory_vap(dir, VAP_A);
    d.vap.detour = NVA_DETOUR_NEIGHBOUR;
    apply(&d);
    compute(HV1, NVA_OWNER_VAP, VAP_A);
    ck_assert_uint_eq(flow_set_n(flows), before + 7);
    ck_assert_str_eq(actions(NVA_TABLE_CLASSIFY, "priority=180,arp,in_port=2"),
                     "controller(meter_id=2)");
    ck_assert_str_eq(actions(NVA_TABLE_CLASSIFY, "priority=110,in_port=2"),
                     "set_field:0x64->reg0,goto_table:10");

    d.vap.detour = NVA_DETOUR_ALL;
    apply(&d);
    compute(HV1, NVA_OWNER_VAP, VAP_A);
    ck_assert_uint_eq(flow_set_n(flows), before + 1);
    ck_assert_str_eq(actions(NVA_TABLE_CLASSIFY, "priority=180,in_port=2"),
                     "controller(meter_id=2)");
}
END_TEST

START_TEST(vap_needs_its_port_here)
{
    compute(HV2, NVA_OWNER_VAP, VAP_A);
    ck_assert_uint_eq(flow_set_n(flows), 0);
    del_port(HV1, "tap-a");
    compute(HV1, NVA_OWNER_VAP, VAP_A);
    ck_assert_uint_eq(flow_set_n(flows), 0);
    ck_assert_uint_eq(flow_set_n_meters(flows), 0);
}
END_TEST

START_TEST(vap_on_the_tunnel_port_is_nothing)
{
    put_vap(VAP_A2 + 100, (struct nva_place) { HV1, "vx0" }, VN, NULL);
    compute(HV1, NVA_OWNER_VAP, VAP_A2 + 100);
    ck_assert_uint_eq(flow_set_n(flows), 0);
    compute(HV1, NVA_OWNER_FLOOD, VN);
    ck_assert_str_eq(actions(NVA_TABLE_LOCAL, "reg0=0x64"), TO_PORTS_2_AND_3);
}
END_TEST

START_TEST(base_is_of_one_nve)
{
    compute(HV1, NVA_OWNER_BASE, HV1);
    ck_assert_uint_gt(flow_set_n(flows), 10);
    ck_assert_uint_eq(flow_set_meter(flows, 0)->id, PIPELINE_METER_STRAY);
    compute(HV1, NVA_OWNER_BASE, HV2);
    ck_assert_uint_eq(flow_set_n(flows), 0);
}
END_TEST

START_TEST(owners_that_are_gone_have_no_flows)
{
    for (int kind = 0; kind < NVA_N_OWNER_KINDS; kind++) {
        compute(HV1, kind, 999);
        ck_assert_uint_eq(flow_set_n(flows), 0);
    }
    compute(999, NVA_OWNER_VN, VN);
    ck_assert_uint_eq(flow_set_n(flows), 0);
}
END_TEST

/* ## All owners ## */

struct together {
    nva_id nve;
    struct flow_set *all;
    size_t n_owners;
};

static void
add_owner(struct nva_owner owner, void *together_)
{
    struct together *t = together_;

    intent_flows(dir, t->nve, owner, NOW, flows);
    t->n_owners++;
    for (size_t i = 0; i < flow_set_n(flows); i++) {
        const struct nva_flow *f = flow_set_at(flows, i);
        struct nva_flow copy;
        struct ds s = DS_EMPTY_INITIALIZER;

        nva_flow_init(&copy);
        copy.table = f->table;
        copy.priority = f->priority;
        copy.match = f->match;
        nva_flow_format(f, &s);
        ck_assert_msg(flow_set_add(t->all, &copy), "%s", ds_cstr(&s));
        ds_destroy(&s);
    }
}

/* Or one owner's flows would replace another's. */
START_TEST(owners_do_not_share_a_key)
{
    static const struct eth_addr mac = ETH_ADDR_C(02,00,00,00,00,31);

    put_vap(VAP_A2 + 100, tap_a, OTHER_VN, &mac);
    put_vap(VAP_A2 + 101, tap_c, OTHER_VN, &mac);
    put_tsi(tap_c, tap_a, tap_a2, false);
    put_redirect(HV2, NVA_SEC);
    for (nva_id nve = HV1; nve <= HV4; nve++) {
        struct together t = { .nve = nve, .all = flow_set_create() };

        directory_each_owner_at(dir, nve, add_owner, &t);
        ck_assert_uint_ge(t.n_owners, 4);
        flow_set_destroy(t.all);
    }
}
END_TEST

START_TEST(same_truth_same_flows)
{
    uint64_t hash;

    put_tsi(tap_a, tap_a, tap_c, true);
    compute(HV1, NVA_OWNER_TSI, TSI);
    hash = flow_set_hash(flows);
    ck_assert(hash != 0);
    put_tsi(tap_c, tap_c, nowhere, false);
    compute(HV1, NVA_OWNER_TSI, TSI);
    ck_assert(flow_set_hash(flows) != hash);
    put_tsi(tap_a, tap_a, tap_c, true);
    compute(HV1, NVA_OWNER_TSI, TSI);
    ck_assert(flow_set_hash(flows) == hash);
}
END_TEST

static void
add_tsi_tests(TCase *tc)
{
    tcase_add_test(tc, tsi_settled);
    tcase_add_test(tc, d1_tsi_behind_ipv6);
    tcase_add_test(tc, tsi_behind_unknown_tunnel_address);
    tcase_add_test(tc, tsi_port_absent);
    tcase_add_test(tc, tsi_without_tunnel_port);
    tcase_add_test(tc,
                   d17_prepared_destination_delivers_and_nothing_else_changes);
    tcase_add_test(tc, D21_nothing_is_delivered_where_it_is_off);
    tcase_add_test(tc, paused_old_nve_sends_on_and_still_delivers);
    tcase_add_test(tc, gate_pending_peers_still_send_to_the_old_nve);
    tcase_add_test(tc, switched_old_nve_forwards_and_delivers_no_more);
    tcase_add_test(tc, move_within_one_nve);
    tcase_add_test(tc, d18_held_where_it_comes_to);
    tcase_add_test(tc, d18_held_where_the_port_is_missing);
    tcase_add_test(tc, first_place_is_only_prepared);
    tcase_add_test(tc, a1_nothing_where_the_vn_is_not_served);
    tcase_add_test(tc, place_without_vap);
    tcase_add_test(tc, d15_strict_binds_addresses_learn_does_not);
    tcase_add_test(tc, f1_answered_at_each_nve_of_the_vn);
    tcase_add_test(tc, f7_learned_and_frozen_addresses);
    tcase_add_test(tc, d11_redirect);
    tcase_add_test(tc, d18_reset_where_it_stands_still_or_is_off);
    tcase_add_test(tc, d18_redirect_that_resets);
    tcase_add_test(tc, redirect_time_is_rounded_up);
    tcase_add_test(tc, redirect_needs_a_known_destination);
    tcase_add_test(tc, redirect_needs_a_tunnel_port);
}

START_TEST(d15_port_security)
{
    struct nva_delta d = vn_delta(VN);

    put_tsi(tap_a, tap_a, nowhere, false);
    d.vn.port_security = NVA_PS_FULL;
    apply(&d);
    compute(HV1, NVA_OWNER_TSI, TSI);
    ck_assert_str_eq(actions(NVA_TABLE_ADMIT, "priority=150,ip,"),
                     "set_field:0x6->reg3,goto_table:62");
    ck_assert_str_eq(actions(NVA_TABLE_ADMIT, "priority=150,ipv6,"),
                     "set_field:0x6->reg3,goto_table:62");
    ck_assert_str_eq(actions(NVA_TABLE_ADMIT, "nw_src=10.0.0.31"),
                     "goto_table:16");
    ck_assert_str_eq(actions(NVA_TABLE_ADMIT, "nw_src=0.0.0.0"),
                     "goto_table:15");

    d.vn.port_security = NVA_PS_NONE;
    apply(&d);
    compute(HV1, NVA_OWNER_TSI, TSI);
    ck_assert_uint_eq(count(NVA_TABLE_ADMIT), 1);
    compute(HV1, NVA_OWNER_VAP, VAP_A);
    ck_assert_str_eq(actions(NVA_TABLE_ADMIT, "in_port=2"), SHOWN("65538"));
}
END_TEST

/* Anybody's announcement of it is shown, and admitted at each port. */
START_TEST(shared_addresses)
{
    struct nva_delta d = vn_delta(VN);
    size_t before;

    put_tsi(tap_a, tap_a, nowhere, false);
    compute(HV2, NVA_OWNER_ADDRESS, TSI);
    before = flow_set_n(flows);
    nva_ip_parse("10.0.0.31", &d.vn.shared_ips[d.vn.n_shared_ips++]);
    nva_ip_parse("10.0.0.99", &d.vn.shared_ips[d.vn.n_shared_ips++]);
    apply(&d);
    compute(HV2, NVA_OWNER_ADDRESS, TSI);
    ck_assert_uint_eq(flow_set_n(flows), before + 2);
    ck_assert_str_eq(actions(NVA_TABLE_ADDRESS, "arp_spa=10.0.0.31"),
                     "CONTROLLER:65535,goto_table:30");
    ck_assert_str_eq(actions(NVA_TABLE_ADDRESS, "arp_spa=0.0.0.0"),
                     "CONTROLLER:65535,goto_table:30");
    compute(HV1, NVA_OWNER_TSI, TSI);
    ck_assert_str_eq(actions(NVA_TABLE_ADMIT, "arp_spa=10.0.0.99"),
                     "goto_table:20");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("intent");
    TCase *tc = tcase_create("intent");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    add_tsi_tests(tc);
    tcase_add_test(tc, vn_floods_to_ports_and_known_nves);
    tcase_add_test(tc, k6_vn_floods_to_disconnected_nves);
    tcase_add_test(tc, vn_leaves_out_absent_ports_and_tunnels);
    tcase_add_test(tc, port_of_a_prepared_vm_gets_no_floods);
    tcase_add_test(tc, vn_floods_once_to_a_port);
    tcase_add_test(tc, vn_policies);
    tcase_add_test(tc, vap_strict_and_learn);
    tcase_add_test(tc, vap_that_floods);
    tcase_add_test(tc, vap_needs_its_port_here);
    tcase_add_test(tc, vap_on_the_tunnel_port_is_nothing);
    tcase_add_test(tc, base_is_of_one_nve);
    tcase_add_test(tc, owners_that_are_gone_have_no_flows);
    tcase_add_test(tc, owners_do_not_share_a_key);
    tcase_add_test(tc, same_truth_same_flows);
    tcase_add_test(tc, d15_port_security);
    tcase_add_test(tc, shared_addresses);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
