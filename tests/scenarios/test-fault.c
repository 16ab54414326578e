/* SPDX-License-Identifier: Apache-2.0 */

/* What does not work says so: how many things are wrong, which, since when,
 * what to do; one note when it begins, one when it ends. */

#include <config.h>

#include "stage.h"

#include <jansson.h>
#include <string.h>

#include "fault.h"
#include "pipeline.h"
#include "util.h"

/* How many things are wrong now. */
static long long
n_wrong(struct stage *s)
{
    json_t *answer;
    long long n;

    must(s, "GET", "/v1/faults", NULL);
    answer = json_loads(sim_body(s->sim), 0, NULL);
    n = json_integer_value(json_object_get(answer, "count"));
    ck_assert_int_eq(n, json_array_size(json_object_get(answer, "faults")));
    json_decref(answer);
    return n;
}

/* True if the answer at hand has 'text'. */
static bool
said(struct stage *s, const char *text)
{
    return strstr(sim_body(s->sim), text) != NULL;
}

#define ck_said(S, TEXT)                                                    \
    ck_assert_msg(said(S, TEXT), "no %s in %s", TEXT, sim_body((S)->sim))

static size_t
n_begun(struct stage *s)
{
    return sim_notes(s->sim, NVA_NOTE_FAULT, NVA_R_WRONG);
}

static size_t
n_mended(struct stage *s)
{
    return sim_notes(s->sim, NVA_NOTE_FAULT, NVA_R_MENDED);
}

static void
set(struct stage *s, enum stage_flags flags)
{
    stage_set(s, flags, 0);
    sim_run(s->sim, NVA_SEC);
    ck_assert_int_eq(n_wrong(s), 0);
    ck_assert_uint_eq(n_begun(s), 0);
}

/* Nothing is wrong any more, and each that was told of has been taken back. */
static void
strike(struct stage *s)
{
    sim_run(s->sim, NVA_SEC);
    ck_assert_int_eq(n_wrong(s), 0);
    ck_assert_uint_eq(n_begun(s), n_mended(s));
    stage_strike(s);
}

START_TEST(a_vm_at_a_port_that_is_not_there)
{
    struct stage s;

    set(&s, STAGE_STRICT);
    must(&s, "PUT", "/v1/vms/web", "{\"interfaces\": [{\"vn\": \"blue\", "
         "\"mac\": \"02:00:00:00:00:21\", \"nve\": \"hv2\", "
         "\"port\": \"TAP-c2\"}]}");
    ck_assert_int_eq(n_wrong(&s), 1);           /* At once; the log waits. */
    ck_assert_uint_eq(n_begun(&s), 0);
    sim_run(s.sim, 6 * NVA_SEC);
    ck_assert_int_eq(n_wrong(&s), 1);
    ck_assert_uint_eq(n_begun(&s), 1);
    ck_said(&s, "\"kind\":\"port_absent\"");
    ck_said(&s, "\"object\":\"vm web eth0\"");
    ck_said(&s, "hv2 TAP-c2");
    ck_said(&s, "no such port, but there is tap-c2");
    ck_said(&s, "nvactl vm set web --nve hv2 --port tap-c2");
    must(&s, "GET", "/v1/vms/web", NULL);
    ck_said(&s, "\"wrong\":[{\"kind\":\"port_absent\"");
    must(&s, "POST", "/v1/audit", NULL);
    ck_said(&s, "but there is tap-c2");
    sim_run(s.sim, 60 * NVA_SEC);
    ck_assert_uint_eq(n_begun(&s), 1);          /* Once. */

    sim_plug(s.sim, 2, "TAP-c2");
    sim_settle(s.sim);
    ck_assert_int_eq(n_wrong(&s), 0);
    must(&s, "GET", "/v1/vms/web", NULL);
    ck_said(&s, "\"wrong\":[]");

    /* The port goes; the VM is off; the VM goes. */
    sim_unplug(s.sim, 2, "TAP-c2");
    sim_settle(s.sim);
    ck_assert_int_eq(n_wrong(&s), 1);
    must(&s, "PUT", "/v1/vms/web", "{\"state\": \"shutdown\"}");
    ck_assert_int_eq(n_wrong(&s), 0);
    must(&s, "PUT", "/v1/vms/web", "{\"state\": \"running\"}");
    ck_assert_int_eq(n_wrong(&s), 1);
    must(&s, "DELETE", "/v1/vms/web", NULL);
    ck_assert_int_eq(n_wrong(&s), 0);
    strike(&s);
}
END_TEST

START_TEST(a_port_that_comes_in_time_is_no_line_of_the_log)
{
    struct stage s;

    set(&s, STAGE_STRICT);
    must(&s, "PUT", "/v1/vms/web", "{\"interfaces\": [{\"vn\": \"blue\", "
         "\"mac\": \"02:00:00:00:00:21\", \"nve\": \"hv2\", "
         "\"port\": \"tap-web\"}]}");
    ck_assert_int_eq(n_wrong(&s), 1);
    sim_run(s.sim, 3 * NVA_SEC);
    sim_plug(s.sim, 2, "tap-web");
    sim_run(s.sim, 9 * NVA_SEC);
    ck_assert_uint_eq(n_begun(&s) + n_mended(&s), 0);
    strike(&s);
}
END_TEST

START_TEST(a_vm_at_a_bridge_that_has_not_come)
{
    struct stage s;

    set(&s, STAGE_STRICT);
    must(&s, "PUT", "/v1/nves/hv9", "{\"dpid\": \"4\"}");
    must(&s, "PUT", "/v1/vms/web", "{\"interfaces\": [{\"vn\": \"blue\", "
         "\"mac\": \"02:00:00:00:00:21\", \"nve\": \"hv9\", "
         "\"port\": \"tap-wbe\"}]}");
    sim_run(s.sim, 35 * NVA_SEC);
    ck_assert_int_eq(n_wrong(&s), 1);           /* Its ports are not known. */
    ck_said(&s, "\"kind\":\"nve_absent\"");
    ck_said(&s, "never connected, added for 35 s");
    ck_said(&s, "1 interface there");
    ck_assert_uint_eq(n_begun(&s), 1);

    ck_assert_int_eq(sim_nve(s.sim, false), 4);
    sim_plug(s.sim, 4, "tap-web");
    sim_run(s.sim, 10 * NVA_SEC);
    ck_assert_int_eq(n_wrong(&s), 1);           /* Now they are. */
    ck_said(&s, "but there is tap-web");
    must(&s, "DELETE", "/v1/vms/web", NULL);
    sim_disconnect(s.sim, 4);
    sim_run(s.sim, NVA_SEC);
    must(&s, "DELETE", "/v1/nves/hv9", NULL);
    strike(&s);
}
END_TEST

START_TEST(a_bridge_that_was_disconnected)
{
    struct stage s;

    set(&s, STAGE_STRICT);
    sim_disconnect(s.sim, 2);
    sim_run(s.sim, 40 * NVA_SEC);
    ck_assert_int_eq(n_wrong(&s), 1);
    ck_assert_uint_eq(n_begun(&s), 1);
    ck_said(&s, "\"kind\":\"nve_silent\"");
    ck_said(&s, "not connected for 40 s");
    must(&s, "GET", "/v1/nves/hv2", NULL);
    ck_said(&s, "\"state_seconds\":40");
    must(&s, "POST", "/v1/audit", NULL);
    ck_said(&s, "not connected for 40 s");
    sim_connect(s.sim, 2);
    sim_settle(s.sim);
    ck_assert_int_eq(n_wrong(&s), 0);

    sim_disconnect(s.sim, 2);
    sim_run(s.sim, NVA_SEC);
    ck_assert_int_eq(n_wrong(&s), 1);
    sim_connect(s.sim, 2);
    sim_settle(s.sim);
    strike(&s);
}
END_TEST

START_TEST(a_session_that_comes_and_goes)
{
    struct stage s;

    set(&s, STAGE_STRICT);
    for (int i = 0; i < 6; i++) {
        sim_disconnect(s.sim, 2);
        sim_run(s.sim, 10 * NVA_SEC);
        sim_connect(s.sim, 2);
        sim_run(s.sim, 10 * NVA_SEC);
    }
    ck_assert_int_eq(n_wrong(&s), 1);
    ck_said(&s, "\"kind\":\"nve_unstable\"");
    ck_said(&s, "7 sessions so far");
    sim_run(s.sim, FAULT_LATELY);
    strike(&s);
}
END_TEST

START_TEST(an_nve_without_a_tunnel_port)
{
    struct stage s;

    set(&s, STAGE_STRICT);
    must(&s, "PUT", "/v1/nves/hv3", "{\"tunnel_port\": \"geneve0\"}");
    ck_assert_int_eq(n_wrong(&s), 1);
    ck_said(&s, "\"kind\":\"tunnel_port_absent\"");
    ck_said(&s, "its tunnel port is geneve0");
    must(&s, "PUT", "/v1/nves/hv3", "{\"tunnel_port\": null}");
    ck_assert_int_eq(n_wrong(&s), 0);

    fake_switch_del_port(sim_switch(s.sim, 3), "vx0");
    sim_run(s.sim, 6 * NVA_SEC);
    ck_assert_int_eq(n_wrong(&s), 1);
    ck_said(&s, "type=vxlan");
    ck_assert_uint_eq(n_begun(&s), 1);
    fake_switch_add_port(sim_switch(s.sim, 3), 1, "vx0");   /* Late. */
    sim_settle(s.sim);
    strike(&s);
}
END_TEST

/* No address is given, and none can be guessed; then one is given. */
START_TEST(an_nve_without_a_tunnel_address)
{
    struct stage s;

    set(&s, STAGE_STRICT);
    ck_assert_int_eq(sim_nve(s.sim, false), 4);
    sim_by_unix_socket(s.sim, 4);
    must(&s, "PUT", "/v1/nves/hv4", "{\"dpid\": \"4\"}");
    sim_run(s.sim, 6 * NVA_SEC);
    ck_assert_int_eq(n_wrong(&s), 1);
    ck_said(&s, "\"kind\":\"tunnel_ip_absent\"");
    ck_said(&s, "\"object\":\"nve hv4\"");
    ck_said(&s, "no tunnel address is given");
    ck_said(&s, "nvactl nve set NVE --tunnel-ip ADDRESS");
    ck_assert_uint_eq(n_begun(&s), 1);
    must(&s, "PUT", "/v1/nves/hv4", "{\"tunnel_ip\": \"fd31::4\"}");
    ck_assert_int_eq(n_wrong(&s), 0);

    /* The other family: one address is one address. */
    must(&s, "PUT", "/v1/nves/hv3", "{\"tunnel_ip\": \"fd31::4\"}");
    ck_assert_int_eq(n_wrong(&s), 2);
    ck_said(&s, "its tunnel address is fd31::4");
    must(&s, "PUT", "/v1/nves/hv3", "{\"tunnel_ip\": \"172.31.0.3\"}");
    strike(&s);
}
END_TEST

/* Flows of others: the bridge is held back, and that is said. */
START_TEST(a_bridge_with_flows_of_others)
{
    struct stage s;

    set(&s, STAGE_STRICT);
    must(&s, "PUT", "/v1/nves/hv4", "{\"dpid\": \"4\", "
         "\"tunnel_ip\": \"172.31.0.4\"}");
    ck_assert_int_eq(sim_nve(s.sim, false), 4);
    sim_settle(s.sim);
    ck_assert_int_eq(n_wrong(&s), 0);
    fake_switch_plant(sim_switch(s.sim, 4), 0x1234);
    sim_restart(s.sim, 4, true);
    sim_run(s.sim, 11 * NVA_SEC);
    ck_assert_int_eq(n_wrong(&s), 1);
    ck_said(&s, "\"kind\":\"nve_silent\"");
    ck_said(&s, "connected, and not used: ");
    ck_said(&s, "nvactl nve set hv4 --adopt");
    ck_assert_uint_eq(n_begun(&s) - n_mended(&s), 1);
    must(&s, "PUT", "/v1/nves/hv4", "{\"adopt\": true}");
    sim_settle(s.sim);
    strike(&s);
}
END_TEST

/* A VM turned up at a port that nobody bound, by announcements and by data. */
START_TEST(a_vm_at_a_port_that_nobody_bound)
{
    struct stage s;

    set(&s, _i ? STAGE_STRICT : 0);
    sim_plug(s.sim, 2, "tap-new");
    sim_settle(s.sim);
    ck_assert_int_eq(n_wrong(&s), 0);           /* A silent port is none. */
    sim_announce_at(s.sim, s.vm, SIM_GARP, 2, "tap-new");
    sim_settle(s.sim);
    ck_assert_int_eq(n_wrong(&s), 1);
    ck_said(&s, "\"kind\":\"port_unclaimed\"");
    ck_said(&s, "\"object\":\"nve hv2: port tap-new\"");
    ck_said(&s, "1 frame from 02:00:00:00:00:01 dropped there");
    ck_said(&s, "nvactl port add hv2 tap-new --vn VN");
    sim_announce_at(s.sim, s.vm, SIM_NA, 2, "tap-new");
    sim_run(s.sim, 6 * NVA_SEC);
    ck_assert_int_eq(n_wrong(&s), 1);
    ck_said(&s, "2 frames from");
    ck_assert_uint_eq(n_begun(&s), 1);
    must(&s, "POST", "/v1/audit", NULL);
    ck_said(&s, "2 frames from 02:00:00:00:00:01");
    ck_assert_int_eq(current_nve(&s), 1);

    must(&s, "PUT", "/v1/nves/hv2/ports/tap-new", "{\"vn\": \"blue\"}");
    sim_settle(s.sim);
    ck_assert_int_eq(n_wrong(&s), 0);
    must(&s, "DELETE", "/v1/nves/hv2/ports/tap-new", NULL);
    sim_settle(s.sim);

    /* Again; its port goes. */
    sim_announce_at(s.sim, s.vm, SIM_RARP, 2, "tap-new");
    sim_settle(s.sim);
    ck_assert_int_eq(n_wrong(&s), 1);
    sim_unplug(s.sim, 2, "tap-new");
    sim_settle(s.sim);
    strike(&s);
}
END_TEST

/* Tags are refused before the port is looked at. */
START_TEST(any_frame_at_a_port_that_nobody_bound)
{
    static const uint8_t frames[][60] = {
        { 2, 0, 0, 0, 0, 0x11, 2, 0, 0, 0, 0, 1, 8, 0, 0x45 },
        { 2, 0, 0, 0, 0, 0x11, 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 5, 8, 0, 0x45 },
        { 2, 0, 0, 0, 0, 0x11, 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 0, 8, 0, 0x45 },
        { 1, 0x80, 0xc2, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0, 0x26, 0x42, 0x42, 3 },
    };
    struct stage s;

    set(&s, 0);
    sim_plug(s.sim, 2, "tap-new");
    sim_settle(s.sim);
    sim_frame_at(s.sim, frames[_i], sizeof frames[_i], 2, "tap-new");
    sim_settle(s.sim);
    ck_assert_int_eq(n_wrong(&s), 1);
    ck_said(&s, "\"object\":\"nve hv2: port tap-new\"");
    sim_run(s.sim, FAULT_LATELY);
    strike(&s);
}
END_TEST

START_TEST(two_nves_with_one_tunnel_address)
{
    struct stage s;

    set(&s, STAGE_STRICT);
    must(&s, "PUT", "/v1/nves/hv3", "{\"tunnel_ip\": \"172.31.0.1\"}");
    ck_assert_int_eq(n_wrong(&s), 2);
    ck_said(&s, "\"kind\":\"tunnel_ip_twice\"");
    ck_said(&s, "nve hv3 has it, too");
    ck_said(&s, "nve hv1 has it, too");
    must(&s, "PUT", "/v1/nves/hv2", "{\"tunnel_ip\": \"172.31.0.1\"}");
    ck_assert_int_eq(n_wrong(&s), 3);
    must(&s, "PUT", "/v1/nves/hv2", "{\"tunnel_ip\": \"172.31.0.2\"}");
    ck_assert_int_eq(n_wrong(&s), 2);
    must(&s, "PUT", "/v1/nves/hv3", "{\"tunnel_ip\": \"172.31.0.3\"}");
    ck_assert_int_eq(n_wrong(&s), 0);

    /* The one that goes leaves the other alone. */
    must(&s, "PUT", "/v1/nves/hv9", "{\"dpid\": \"9\", "
         "\"tunnel_ip\": \"172.31.0.1\"}");
    ck_assert_int_eq(n_wrong(&s), 3);           /* And it is not connected. */
    must(&s, "DELETE", "/v1/nves/hv9", NULL);
    ck_assert_int_eq(n_wrong(&s), 0);
    strike(&s);
}
END_TEST

/* A guest that took another address, by DHCP or by hand. */
START_TEST(another_address_in_a_strict_network)
{
    static const struct sim_vm other = {
        "other", "blue", { .ea = { 2, 0, 0, 0, 0, 1 } },
        { 10, 0, 0, 55 }, { 0xfd, 0x10, [15] = 0x55 },
    };
    struct stage s;
    int guest;

    set(&s, STAGE_STRICT);
    guest = sim_vm(s.sim, &other);
    for (int i = 0; i < 3; i++) {
        sim_announce_at(s.sim, guest, SIM_GARP, 1, "tap-vm");
    }
    sim_settle(s.sim);
    ck_assert_int_eq(n_wrong(&s), 1);
    ck_said(&s, "\"kind\":\"frames_dropped\"");
    ck_said(&s, "3 frames from 10.0.0.55 dropped at hv1 tap-vm");
    ck_said(&s, "the address is none of its own");
    ck_said(&s, "nvactl vn set blue --binding learn, or nvactl vm set vm "
            "--ip 10.0.0.55 --ip 10.0.0.1 --ip fd10::1");
    must(&s, "GET", "/v1/vms/vm", NULL);
    ck_said(&s, "\"wrong\":[{\"kind\":\"frames_dropped\"");
    ck_said(&s, "\"count\":3");
    sim_announce_at(s.sim, guest, SIM_NA, 1, "tap-vm");
    sim_settle(s.sim);
    ck_assert_int_eq(n_wrong(&s), 2);
    ck_said(&s, "1 frame from fd10::55");
    ck_assert_uint_eq(n_begun(&s), 2);

    /* The address is given: no fault any more; the other goes with time. */
    must(&s, "PUT", "/v1/vms/vm", "{\"interfaces\": [{\"vn\": \"blue\", "
         "\"mac\": \"02:00:00:00:00:01\", \"ips\": [\"10.0.0.55\", "
         "\"10.0.0.1\", \"fd10::1\"], \"nve\": \"hv1\", "
         "\"port\": \"tap-vm\"}]}");
    ck_assert_int_eq(n_wrong(&s), 1);
    sim_run(s.sim, FAULT_LATELY + NVA_SEC);
    ck_assert_int_eq(n_wrong(&s), 0);

    /* Another's address: who has it is said. */
    sim_forge_at(s.sim, s.vm, s.c[2], SIM_GARP, 1, "tap-vm");
    sim_settle(s.sim);
    ck_assert_int_eq(n_wrong(&s), 1);
    ck_said(&s, "10.0.0.12 is that of vm c2");
    must(&s, "PUT", "/v1/vns/blue", "{\"binding\": \"learn\"}");
    ck_assert_int_eq(n_wrong(&s), 0);
    strike(&s);
}
END_TEST

START_TEST(a_vm_that_speaks_where_it_was_not_put)
{
    static const struct sim_vm stranger = {
        "stranger", "blue", { .ea = { 2, 0, 0, 0, 0, 0x66 } },
        { 10, 0, 0, 66 }, { 0xfd, 0x10, [15] = 0x66 },
    };
    struct stage s;
    int guest;

    set(&s, STAGE_STRICT);
    sim_announce_at(s.sim, s.vm, SIM_GARP, 2, "tap-vm");
    sim_settle(s.sim);
    ck_assert_int_eq(n_wrong(&s), 1);
    ck_said(&s, "\"object\":\"vm vm eth0\"");
    ck_said(&s, "nvactl vm set vm --nve hv2 --port tap-vm");

    /* One that nobody told us of. */
    guest = sim_vm(s.sim, &stranger);
    sim_announce_at(s.sim, guest, SIM_GARP, 3, "tap-vm");
    sim_settle(s.sim);
    ck_assert_int_eq(n_wrong(&s), 2);
    ck_said(&s, "\"object\":\"nve hv3: port tap-vm\"");
    ck_said(&s, "nvactl vm add NAME --vn blue --mac 02:00:00:00:00:66 "
            "--nve hv3 --port tap-vm");

    /* Now somebody does. */
    must(&s, "PUT", "/v1/vms/late", "{\"interfaces\": [{\"vn\": \"blue\", "
         "\"mac\": \"02:00:00:00:00:66\", \"nve\": \"hv3\", "
         "\"port\": \"tap-vm\"}]}");
    ck_assert_int_eq(n_wrong(&s), 1);
    must(&s, "DELETE", "/v1/vms/late", NULL);
    sim_settle(s.sim);
    sim_announce_at(s.sim, guest, SIM_GARP, 3, "tap-vm");
    sim_settle(s.sim);
    ck_assert_int_eq(n_wrong(&s), 2);
    must(&s, "DELETE", "/v1/nves/hv3/ports/tap-vm", NULL);
    ck_assert_int_eq(n_wrong(&s), 1);
    must(&s, "PUT", "/v1/nves/hv3/ports/tap-vm", "{\"vn\": \"blue\"}");
    sim_run(s.sim, FAULT_LATELY);
    strike(&s);
}
END_TEST

/* What flows refuse for another reason than its address: a role that the VM
 * has not, a VLAN tag of a guest. */
START_TEST(what_a_vm_may_not_say)
{
    static const struct {
        const char *head;               /* After the MACs. */
        size_t n;
        const char *why, *advice, *mended;
    } says[] = {
        { "\x08\x00\x45\x00\x00\x1c\x00\x00\x00\x00\x40\x11\x00\x00"
          "\x0a\x00\x00\x01\x0a\x00\x00\x0b"
          "\x00\x43\x00\x44\x00\x08\x00\x00", 30,
          "what DHCP servers say", "nvactl vm set vm --role dhcp_server",
          "{\"interfaces\": [{\"roles\": [\"dhcp_server\"]}]}" },
        { "\x08\x00\x45\x00\x00\x1c\x00\x00\x00\x00\x40\x01\x00\x00"
          "\x0a\x00\x00\x01\x0a\x00\x00\x0b"
          "\x05\x01\x00\x00\x0a\x00\x00\x02", 30,
          "what routers say", "nvactl vm set vm --role router --role "
          "dhcp_server", "{\"interfaces\": [{\"roles\": [\"dhcp_server\", "
          "\"router\"]}]}" },
        { "\x81\x00\x00\x05\x08\x00\x45\x00\x00\x14\x00\x00\x00\x00\x40"
          "\x11\x00\x00\x0a\x00\x00\x01\x0a\x00\x00\x0b", 26,
          "a VLAN tag", "send without a VLAN tag", NULL },
    };
    uint8_t frame[60] = { 2, 0, 0, 0, 0, 0x11, 2, 0, 0, 0, 0, 1 };
    struct stage s;

    set(&s, STAGE_STRICT);
    for (size_t i = 0; i < ARRAY_SIZE(says); i++) {
        memcpy(frame + 12, says[i].head, says[i].n);
        sim_frame_at(s.sim, frame, sizeof frame, 1, "tap-vm");
        sim_settle(s.sim);
        ck_assert_int_eq(n_wrong(&s), 1);
        ck_said(&s, "\"kind\":\"frames_dropped\"");
        ck_said(&s, "\"object\":\"vm vm eth0\"");
        ck_said(&s, says[i].why);
        ck_said(&s, says[i].advice);
        if (says[i].mended) {
            must(&s, "PUT", "/v1/vms/vm", says[i].mended);
            ck_assert_int_eq(n_wrong(&s), 0);
        }
    }
    sim_run(s.sim, FAULT_LATELY);
    strike(&s);
}
END_TEST

/* A guest asks for an address before it uses it: its own tries are free, but
 * not for what another's MAC implies. */
START_TEST(an_address_that_a_guest_asks_for)
{
    static const struct sim_vm other = {
        "other", "blue", { .ea = { 2, 0, 0, 0, 0, 1 } },
        { 10, 0, 0, 55 }, { 0xfe, 0x80, [11] = 0xff, 0xfe, [15] = 0x12 },
    };
    struct stage s;

    set(&s, STAGE_STRICT);
    sim_announce_at(s.sim, sim_vm(s.sim, &other), SIM_DAD, 1, "tap-vm");
    sim_settle(s.sim);
    ck_assert_int_eq(n_wrong(&s), 1);
    ck_said(&s, "1 frame from fe80::ff:fe00:12 dropped at hv1 tap-vm");
    sim_run(s.sim, FAULT_LATELY);
    strike(&s);
}
END_TEST

/* A VM that makes up addresses fills its own record, not the list. */
START_TEST(made_up_addresses)
{
    struct stage s;

    set(&s, STAGE_STRICT);
    for (int i = 0; i < 20; i++) {
        const struct sim_vm liar = {
            "liar", "blue", { .ea = { 2, 0, 0, 0, 0, 1 } },
            { 10, 0, 1, 1 + i }, { 0xfd, 0x10, [14] = 1, [15] = i },
        };

        sim_announce_at(s.sim, sim_vm(s.sim, &liar), SIM_GARP, 1, "tap-vm");
        sim_settle(s.sim);
    }
    sim_settle(s.sim);
    ck_assert_int_eq(n_wrong(&s), FAULT_DROPS_MAX);
    ck_said(&s, " and others dropped");
    sim_run(s.sim, FAULT_LATELY + NVA_SEC);
    strike(&s);
}
END_TEST

/* nvad was started anew and told nothing, or the NVE before its VMs. */
START_TEST(a_bridge_with_flows_of_an_nvad_before)
{
    const struct nva_owner gone = { NVA_OWNER_TSI, 12345 };
    struct stage s;

    set(&s, STAGE_STRICT);
    ck_assert_int_eq(sim_nve(s.sim, false), 4);
    fake_switch_plant(sim_switch(s.sim, 4), pipeline_cookie(gone));
    sim_restart(s.sim, 4, true);
    sim_settle(s.sim);
    ck_assert_int_eq(n_wrong(&s), 1);
    ck_said(&s, "\"kind\":\"flows_unknown\"");
    ck_said(&s, "\"object\":\"bridge 0000000000000004\"");
    ck_said(&s, "1 flow of an nvad, by which");
    sim_disconnect(s.sim, 4);
    ck_assert_int_eq(n_wrong(&s), 0);
    sim_connect(s.sim, 4);
    sim_run(s.sim, 6 * NVA_SEC);
    ck_assert_int_eq(n_wrong(&s), 1);
    ck_assert_uint_eq(n_begun(&s), 1);

    must(&s, "PUT", "/v1/nves/hv4", "{\"dpid\": \"4\"}");
    sim_settle(s.sim);
    ck_assert_int_eq(n_wrong(&s), 1);
    ck_said(&s, "\"kind\":\"flows_removed\"");
    ck_said(&s, "came with 1 flow of VMs that are not in the directory");
    sim_run(s.sim, FAULT_LATELY);
    strike(&s);
}
END_TEST

/* A VM that is deleted while its NVE is away is no fault when that is back. */
START_TEST(flows_of_a_vm_that_was_deleted_meanwhile)
{
    struct stage s;

    set(&s, STAGE_STRICT);
    sim_disconnect(s.sim, 3);
    must(&s, "DELETE", "/v1/vms/c3", NULL);
    sim_stand(s.sim, s.c[3], 0, NULL);
    sim_connect(s.sim, 3);
    sim_settle(s.sim);
    strike(&s);
}
END_TEST

/* A move is no fault: neither its destination's port that comes later, nor
 * the port it leaves. */
START_TEST(a_move_is_no_fault)
{
    struct stage s;
    int id;

    set(&s, STAGE_STRICT | STAGE_NO_SPARE);
    id = start_move(&s, 2);
    sim_run(s.sim, 7 * NVA_SEC);
    ck_assert_int_eq(n_wrong(&s), 0);
    sim_plug(s.sim, 2, "tap-vm");
    sim_settle(s.sim);
    move_verb(&s, id, "pause");
    sim_settle(s.sim);
    sim_unplug(s.sim, 1, "tap-vm");
    sim_settle(s.sim);
    ck_assert_int_eq(n_wrong(&s), 0);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    move_verb(&s, id, "activate");
    sim_settle(s.sim);
    ck_assert_uint_eq(n_begun(&s), 0);
    strike(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("fault");

    tcase_add_test(tc, a_vm_at_a_port_that_is_not_there);
    tcase_add_test(tc, a_port_that_comes_in_time_is_no_line_of_the_log);
    tcase_add_test(tc, a_vm_at_a_bridge_that_has_not_come);
    tcase_add_test(tc, a_bridge_that_was_disconnected);
    tcase_add_test(tc, a_session_that_comes_and_goes);
    tcase_add_test(tc, an_nve_without_a_tunnel_port);
    tcase_add_test(tc, an_nve_without_a_tunnel_address);
    tcase_add_test(tc, a_bridge_with_flows_of_others);
    tcase_add_loop_test(tc, a_vm_at_a_port_that_nobody_bound, 0, 2);
    tcase_add_loop_test(tc, any_frame_at_a_port_that_nobody_bound, 0, 4);
    tcase_add_test(tc, two_nves_with_one_tunnel_address);
    tcase_add_test(tc, another_address_in_a_strict_network);
    tcase_add_test(tc, a_vm_that_speaks_where_it_was_not_put);
    tcase_add_test(tc, what_a_vm_may_not_say);
    tcase_add_test(tc, an_address_that_a_guest_asks_for);
    tcase_add_test(tc, made_up_addresses);
    tcase_add_test(tc, a_bridge_with_flows_of_an_nvad_before);
    tcase_add_test(tc, flows_of_a_vm_that_was_deleted_meanwhile);
    tcase_add_test(tc, a_move_is_no_fault);
    return run_stories("fault", tc);
}
