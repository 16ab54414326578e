/* SPDX-License-Identifier: Apache-2.0 */

/* of-session against a switch made of libopenvswitch's encoders: handshake,
 * bundles, read-back, keepalive, and every way a session must end. */

#include <config.h>

#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "of-session.h"

#include "byte-order.h"
#include "flow.h"
#include "openflow/openflow.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofp-bundle.h"
#include "openvswitch/ofp-connection.h"
#include "openvswitch/ofp-errors.h"
#include "openvswitch/ofp-flow.h"
#include "openvswitch/ofp-meter.h"
#include "openvswitch/ofp-monitor.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofp-packet.h"
#include "openvswitch/ofp-port.h"
#include "openvswitch/ofp-switch.h"
#include "openvswitch/ofp-util.h"
#include "util.h"

#define DPID UINT64_C(0xa1)

/* The session under test and its time. */
static struct of_session *s;
static nva_usec now;

/* The switch's inbox: what the session has sent. */
static struct ofpbuf inbox;

/* What the switch speaks in this test case. */
static uint8_t version;

static enum ofputil_protocol
protocol(void)
{
    return ofputil_protocol_from_ofp_version(version);
}

static void
setup(void)
{
    now = 1000 * NVA_SEC;
    s = of_session_create(now);
    ofpbuf_init(&inbox, 0);
}

static void
setup_13(void)
{
    version = OFP13_VERSION;
    setup();
}

static void
setup_14(void)
{
    version = OFP14_VERSION;
    setup();
}

static void
setup_15(void)
{
    version = OFP15_VERSION;
    setup();
}

static void
teardown(void)
{
    of_session_destroy(s);
    ofpbuf_uninit(&inbox);
}

/* ## The switch ## */

/* The next message that the session sent, of 'type'; the caller frees it. */
static struct ofpbuf *
expect(enum ofptype type)
{
    struct ofpbuf *out = of_session_output(s);
    struct ofp_header oh;
    struct ofpbuf *msg;
    enum ofptype got;

    ck_assert_uint_ge(out->size, sizeof oh);
    memcpy(&oh, out->data, sizeof oh);
    ck_assert_uint_ge(out->size, ntohs(oh.length));
    msg = ofpbuf_clone_data(out->data, ntohs(oh.length));
    ofpbuf_pull(out, ntohs(oh.length));
    ck_assert_int_eq(ofptype_decode(&got, msg->data), 0);
    ck_assert_str_eq(ofptype_get_name(got), ofptype_get_name(type));
    return msg;
}

static void
expect_nothing(void)
{
    ck_assert_uint_eq(of_session_output(s)->size, 0);
}

static ovs_be32
expect_xid(enum ofptype type)
{
    struct ofpbuf *msg = expect(type);
    ovs_be32 xid = ((struct ofp_header *) msg->data)->xid;

    ofpbuf_delete(msg);
    return xid;
}

static void
feed(struct ofpbuf *msg)
{
    ofpmsg_update_length(msg);
    of_session_input(s, msg->data, msg->size, now);
    ofpbuf_delete(msg);
}

static void
feed_list(struct ovs_list *msgs)
{
    struct ofpbuf *msg;

    LIST_FOR_EACH_POP (msg, list_node, msgs) {
        feed(msg);
    }
}

static void
feed_raw(uint8_t as, uint8_t type, uint16_t length, size_t body)
{
    static const uint8_t zeros[65536];
    struct ofp_header oh = { as, type, htons(length), htonl(77) };

    of_session_input(s, &oh, sizeof oh, now);
    of_session_input(s, zeros, body, now);
}

static void
feed_error(enum ofperr error, ovs_be32 xid)
{
    struct ofp_header oh = { version, 0, htons(sizeof oh), xid };

    feed(ofperr_encode_reply(error, &oh));
}

static struct ofpbuf *
features_reply(ovs_be32 xid)
{
    struct ofputil_switch_features f = { .datapath_id = DPID };

    return ofputil_encode_switch_features(&f, protocol(), xid);
}

static struct ofputil_phy_port
phy_port(ofp_port_t port_no, const char *name)
{
    struct ofputil_phy_port pp;

    memset(&pp, 0, sizeof pp);
    pp.port_no = port_no;
    pp.hw_addr.ea[5] = ofp_to_u16(port_no);
    ovs_strlcpy(pp.name, name, sizeof pp.name);
    return pp;
}

/* Says in a multipart reply whether another part follows. */
static void
set_more(struct ofpbuf *msg, bool more)
{
    ovs_be16 flags = htons(more);

    memcpy(ofpbuf_at_assert(msg, 10, sizeof flags), &flags, sizeof flags);
}

/* One part of a list of ports, numbered from 'first'. */
static struct ofpbuf *
ports_part(const struct ofpbuf *request, uint32_t first, size_t n, bool more)
{
    struct ovs_list parts;
    struct ofpbuf *msg;

    ofpmp_init(&parts, request->data);
    for (size_t i = 0; i < n; i++) {
        char name[16];
        snprintf(name, sizeof name, "tap%u", (unsigned int) (first + i));
        struct ofputil_phy_port pp = phy_port(u16_to_ofp(first + i), name);
        ofputil_append_port_desc_stats_reply(&pp, &parts);
    }
    msg = ofpbuf_from_list(ovs_list_pop_front(&parts));
    ck_assert(ovs_list_is_empty(&parts));
    set_more(msg, more);
    return msg;
}

static void
feed_port_status(enum ofp_port_reason reason, ofp_port_t port_no,
                 const char *name)
{
    struct ofputil_port_status ps = { reason, phy_port(port_no, name) };

    feed(ofputil_encode_port_status(&ps, protocol()));
}

static void
feed_packet_in(const char *data)
{
    struct ofputil_packet_in_private pin;

    memset(&pin, 0, sizeof pin);
    match_init_catchall(&pin.base.flow_metadata);
    match_set_in_port(&pin.base.flow_metadata, u16_to_ofp(3));
    match_set_tun_id(&pin.base.flow_metadata, htonll(0x64));
    pin.base.packet = CONST_CAST(char *, data);
    pin.base.packet_len = strlen(data);
    pin.base.reason = OFPR_ACTION;
    pin.base.table_id = 20;
    feed(ofputil_encode_packet_in_private(&pin, protocol(),
                                          OFPUTIL_PACKET_IN_STD));
}

static void
feed_flow_removed(void)
{
    struct ofputil_flow_removed fr;

    memset(&fr, 0, sizeof fr);
    match_init_catchall(&fr.match);
    fr.cookie = htonll(0x77);
    fr.reason = OFPRR_HARD_TIMEOUT;
    fr.packet_count = 9;
    feed(ofputil_encode_flow_removed(&fr, protocol()));
}

static void
feed_barrier_reply(ovs_be32 xid)
{
    feed(ofpraw_alloc_xid(OFPRAW_OFPT11_BARRIER_REPLY, version, xid, 0));
}

static void
feed_bundle_reply(const struct ofpbuf *request)
{
    struct ofputil_bundle_ctrl_msg bc;

    ck_assert_int_eq(ofputil_decode_bundle_ctrl(request->data, &bc), 0);
    bc.type++;                          /* The reply to each request. */
    feed(ofputil_encode_bundle_ctrl_reply(request->data, &bc));
}

/* ## Expecting events ## */

static struct of_session_event
event(enum of_session_event_type type)
{
    struct of_session_event e;

    memset(&e, 0, sizeof e);
    ck_assert(of_session_next_event(s, &e));
    ck_assert_int_eq(e.type, type);
    return e;
}

static void
no_event(void)
{
    struct of_session_event e;

    ck_assert(!of_session_next_event(s, &e));
}

/* The session has ended for 'reason', says so once, and is deaf now. */
static void
ended(enum nva_reason reason)
{
    struct of_session_event e = event(OF_SESSION_ENDED);

    ck_assert_str_eq(nva_reason_word(e.ended.reason),
                     nva_reason_word(reason));
    ck_assert_ptr_nonnull(e.ended.detail);
    no_event();

    of_session_output(s)->size = 0;
    ck_assert(of_session_deadline(s) == NVA_NEVER);
    feed(ofputil_encode_echo_request(version));
    feed_packet_in("deaf");
    of_session_run(s, now + 1000 * NVA_SEC);
    of_session_read_back(s);
    of_session_delete_meter(s, 1);
    of_session_end(s, NVA_R_CLOSED);
    no_event();
    expect_nothing();
}

static void
hello(void)
{
    ofpbuf_delete(expect(OFPTYPE_HELLO));
    feed(ofputil_encode_hello(1u << version));
}

/* The question for bundles: opened, given up, a barrier. */
struct probe {
    struct ofpbuf *open;
    ovs_be32 barrier;
};

static struct probe
expect_probe(void)
{
    struct probe probe = { .open = expect(OFPTYPE_BUNDLE_CONTROL) };

    expect_xid(OFPTYPE_BUNDLE_CONTROL);
    probe.barrier = expect_xid(OFPTYPE_BARRIER_REQUEST);
    return probe;
}

static void
answer_probe(struct probe probe, bool bundles)
{
    if (bundles) {
        feed_bundle_reply(probe.open);
    } else {
        feed_error(OFPERR_OFPBRC_BAD_TYPE,
                   ((struct ofp_header *) probe.open->data)->xid);
    }
    ofpbuf_delete(probe.open);
    feed_barrier_reply(probe.barrier);
}

/* Up to the request for ports, which is returned. */
static struct ofpbuf *
until_ports_with(bool bundles)
{
    hello();
    ovs_be32 xid = expect_xid(OFPTYPE_FEATURES_REQUEST);
    expect_xid(OFPTYPE_SET_ASYNC_CONFIG);
    struct probe probe = expect_probe();
    struct ofpbuf *request = expect(OFPTYPE_PORT_DESC_STATS_REQUEST);
    expect_nothing();
    feed(features_reply(xid));
    answer_probe(probe, bundles);
    return request;
}

static struct ofpbuf *
until_ports(void)
{
    return until_ports_with(true);
}

static void
shake_hands_with(bool bundles)
{
    struct ofpbuf *request = until_ports_with(bundles);

    feed(ports_part(request, 1, 2, false));
    ofpbuf_delete(request);
    struct of_session_event e = event(OF_SESSION_UP);
    ck_assert_int_eq(e.up.bundles, bundles);
    ck_assert_uint_eq(e.up.version, version);
    no_event();
}

static void
shake_hands(void)
{
    shake_hands_with(true);
}

/* ## Handshake ## */

START_TEST(test_handshake)
{
    struct ofpbuf *request = until_ports();

    no_event();
    feed(ports_part(request, 1, 3, true));
    no_event();
    feed(ports_part(request, 7, 1, false));
    ofpbuf_delete(request);

    struct of_session_event e = event(OF_SESSION_UP);
    ck_assert_uint_eq(e.up.dpid, DPID);
    ck_assert_uint_eq(e.up.n_ports, 4);
    ck_assert_str_eq(e.up.ports[0].name, "tap1");
    ck_assert_uint_eq(e.up.ports[0].ofport, 1);
    ck_assert_uint_eq(e.up.ports[3].ofport, 7);
    ck_assert_uint_eq(e.up.ports[3].hw_addr.ea[5], 7);
    no_event();
}
END_TEST

/* The same, one byte at a time. */
START_TEST(test_handshake_bytewise)
{
    struct ofpbuf all, request;
    struct ofpbuf *msg[4];

    ofpbuf_init(&request, 0);
    of_encode_port_desc_request((struct of_head) { version, 7 }, &request);
    msg[0] = ofputil_encode_hello(1u << version | 1u << 1);
    msg[1] = features_reply(htonl(2));
    msg[2] = ports_part(&request, 1, 2, false);
    msg[3] = ofpraw_alloc_xid(OFPRAW_OFPT11_BARRIER_REPLY, version, htonl(6),
                              0);
    ofpbuf_uninit(&request);
    ofpbuf_init(&all, 0);
    for (size_t i = 0; i < 4; i++) {
        ofpmsg_update_length(msg[i]);
        ofpbuf_put(&all, msg[i]->data, msg[i]->size);
        ofpbuf_delete(msg[i]);
    }
    for (size_t i = 0; i < all.size; i++) {
        no_event();
        of_session_input(s, (uint8_t *) all.data + i, 1, now);
    }
    ofpbuf_uninit(&all);
    struct of_session_event e = event(OF_SESSION_UP);
    ck_assert_uint_eq(e.up.n_ports, 2);
    ck_assert(!e.up.bundles);           /* Nothing said: has none. */
    no_event();
}
END_TEST

/* Only a bridge that is claimed is told so. */
START_TEST(test_first_fragments_have_ports)
{
    struct ofputil_switch_config config;

    shake_hands();
    of_session_match_fragments(s);
    struct ofpbuf *msg = expect(OFPTYPE_SET_CONFIG);
    ck_assert_int_eq(ofputil_decode_set_config(msg->data, &config), 0);
    ck_assert_int_eq(config.frag, OFPUTIL_FRAG_NX_MATCH);
    ofpbuf_delete(msg);
    expect_nothing();
}
END_TEST

/* An old peer is refused, and told why. */
START_TEST(test_version_refused)
{
    expect_xid(OFPTYPE_HELLO);
    feed(ofputil_encode_hello(1u << 1 | 1u << 3));
    struct ofpbuf *msg = expect(OFPTYPE_ERROR);
    ck_assert_int_eq(ofperr_decode_msg(msg->data, NULL),
                     OFPERR_OFPHFC_INCOMPATIBLE);
    ck_assert_int_eq(((struct ofp_header *) msg->data)->version, 3);
    ofpbuf_delete(msg);
    ended(NVA_R_VERSION);
}
END_TEST

/* A newer peer without a bitmap means all versions up to its own. */
START_TEST(test_version_newer_peer)
{
    expect_xid(OFPTYPE_HELLO);
    feed_raw(9, 0, 8, 0);
    struct ofpbuf *msg = expect(OFPTYPE_FEATURES_REQUEST);
    ck_assert_int_eq(((struct ofp_header *) msg->data)->version,
                     OFP15_VERSION);
    ofpbuf_delete(msg);
    no_event();
}
END_TEST

/* The highest that both speak, whatever else is offered; one without a bitmap
 * means all up to its own. */
START_TEST(test_version_agreed)
{
    static const struct {
        uint32_t offered;
        int agreed;                     /* 0: none. */
    } cases[] = {
        { 1u << 4, 4 }, { 1u << 5, 5 }, { 1u << 6, 6 },
        { 1u << 1 | 1u << 4, 4 }, { 1u << 4 | 1u << 5, 5 },
        { 1u << 4 | 1u << 6, 6 }, { 1u << 5 | 1u << 7, 5 },
        { 0xfffffffe, 6 }, { 1u << 7 | 1u << 31, 0 },
        { 1u << 1 | 1u << 2 | 1u << 3, 0 },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ofpbuf *msg;

        of_session_destroy(s);
        s = of_session_create(now);
        expect_xid(OFPTYPE_HELLO);
        feed(ofputil_encode_hello(cases[i].offered));
        msg = expect(cases[i].agreed ? OFPTYPE_FEATURES_REQUEST
                     : OFPTYPE_ERROR);
        if (cases[i].agreed) {
            ck_assert_int_eq(((struct ofp_header *) msg->data)->version,
                             cases[i].agreed);
        } else {
            ended(NVA_R_VERSION);
        }
        ofpbuf_delete(msg);
    }
}
END_TEST

START_TEST(test_version_without_bitmap)
{
    expect_xid(OFPTYPE_HELLO);
    feed_raw(version, 0, 8, 0);
    struct ofpbuf *msg = expect(OFPTYPE_FEATURES_REQUEST);
    ck_assert_int_eq(((struct ofp_header *) msg->data)->version, version);
    ofpbuf_delete(msg);
}
END_TEST

START_TEST(test_version_error_instead_of_hello)
{
    feed(ofperr_encode_hello(OFPERR_OFPHFC_INCOMPATIBLE, OFP13_VERSION, "x"));
    ended(NVA_R_VERSION);
}
END_TEST

START_TEST(test_version_zero)
{
    feed_raw(0, 0, 8, 0);
    ended(NVA_R_VERSION);
}
END_TEST

START_TEST(test_version_changes)
{
    hello();
    feed_raw(version == 4 ? 5 : 4, 2, 8, 0);
    ended(NVA_R_VERSION);
}
END_TEST

START_TEST(test_not_openflow)
{
    const char http[] = "GET / HTTP/1.1\r\n";

    of_session_feed(s, http, sizeof http - 1);
    ck_assert(of_session_handle(s, now));       /* It has something to say. */
    ck_assert(!of_session_handle(s, now));
    ended(NVA_R_MSG_UNEXPECTED);
}
END_TEST

START_TEST(test_second_hello)
{
    hello();
    feed(ofputil_encode_hello(1u << version));
    ended(NVA_R_MSG_UNEXPECTED);
}
END_TEST

START_TEST(test_features_unasked)
{
    hello();
    feed(features_reply(htonl(999)));
    ended(NVA_R_MSG_UNEXPECTED);
}
END_TEST

START_TEST(test_ports_before_features)
{
    hello();
    expect_xid(OFPTYPE_FEATURES_REQUEST);
    expect_xid(OFPTYPE_SET_ASYNC_CONFIG);
    ofpbuf_delete(expect_probe().open);
    struct ofpbuf *request = expect(OFPTYPE_PORT_DESC_STATS_REQUEST);
    feed(ports_part(request, 1, 1, false));
    ofpbuf_delete(request);
    ended(NVA_R_MSG_UNEXPECTED);
}
END_TEST

START_TEST(test_handshake_refused)
{
    hello();
    feed_error(OFPERR_OFPBRC_EPERM, expect_xid(OFPTYPE_FEATURES_REQUEST));
    ended(NVA_R_MSG_UNEXPECTED);
}
END_TEST

START_TEST(test_probe_refused)
{
    hello();
    expect_xid(OFPTYPE_FEATURES_REQUEST);
    expect_xid(OFPTYPE_SET_ASYNC_CONFIG);
    struct probe probe = expect_probe();
    ofpbuf_delete(probe.open);
    feed_error(OFPERR_OFPBRC_BAD_TYPE, probe.barrier);
    ended(NVA_R_MSG_UNEXPECTED);
}
END_TEST

/* A switch need not answer in the order it was asked: UP waits for all. */
START_TEST(test_probe_answered_last)
{
    hello();
    ovs_be32 xid = expect_xid(OFPTYPE_FEATURES_REQUEST);
    expect_xid(OFPTYPE_SET_ASYNC_CONFIG);
    struct probe probe = expect_probe();
    struct ofpbuf *request = expect(OFPTYPE_PORT_DESC_STATS_REQUEST);

    feed(features_reply(xid));
    feed(ports_part(request, 1, 1, false));
    no_event();
    answer_probe(probe, true);
    ck_assert(event(OF_SESSION_UP).up.bundles);
    feed(ports_part(request, 1, 1, false));
    ofpbuf_delete(request);
    no_event();
}
END_TEST

/* A switch that invents ports. */
START_TEST(test_port_limit)
{
    struct ofpbuf *request = until_ports();

    for (size_t i = 0; i < NVA_PORTS_PER_NVE_MAX; i += 512) {
        feed(ports_part(request, i + 1, 512, true));
    }
    no_event();
    feed(ports_part(request, 1, 1, false));
    ofpbuf_delete(request);
    ended(NVA_R_LIMIT);
}
END_TEST

/* A change that comes within the list of ports is told after UP; one that
 * comes before it is in the list. */
START_TEST(test_port_changes_in_handshake)
{
    struct ofpbuf *request = until_ports();

    feed_port_status(OFPPR_ADD, u16_to_ofp(1), "tap1");
    feed(ports_part(request, 1, 1, true));
    feed_port_status(OFPPR_DELETE, u16_to_ofp(1), "tap1");
    no_event();
    feed_packet_in("too early");
    feed_flow_removed();
    feed(ports_part(request, 2, 1, false));
    ofpbuf_delete(request);

    ck_assert_uint_eq(event(OF_SESSION_UP).up.n_ports, 2);
    struct of_session_event e = event(OF_SESSION_PORT);
    ck_assert(e.port.gone);
    ck_assert_uint_eq(e.port.port.ofport, 1);
    no_event();
}
END_TEST

/* The caller that never saw UP sees only the end. */
START_TEST(test_end_in_handshake)
{
    struct ofpbuf *request = until_ports();

    feed(ports_part(request, 1, 1, true));
    ofpbuf_delete(request);
    feed_port_status(OFPPR_DELETE, u16_to_ofp(1), "tap1");
    of_session_end(s, NVA_R_CLOSED);
    ended(NVA_R_CLOSED);
}
END_TEST

/* ## Framing ## */

START_TEST(test_truncated_length)
{
    shake_hands();
    feed_raw(version, 2, 7, 0);
    ended(NVA_R_MSG_TRUNCATED);
}
END_TEST

START_TEST(test_truncated_length_in_hello)
{
    feed_raw(version, 0, 0, 0);
    ended(NVA_R_MSG_TRUNCATED);
}
END_TEST

START_TEST(test_largest_message)
{
    shake_hands();
    feed_raw(version, 2, 65535, 65535 - 8 - 1);
    expect_nothing();
    of_session_input(s, "", 1, now);
    struct ofpbuf *reply = expect(OFPTYPE_ECHO_REPLY);
    ck_assert_uint_eq(reply->size, 65535);
    ofpbuf_delete(reply);
    no_event();
}
END_TEST

/* Each type that we need, with zeros for a body that cannot be one. */
static const struct {
    uint8_t type;
    uint16_t length;
} malformed[] = {
    { 1, 8 },                           /* ERROR without type and code. */
    { 6, 24 },                          /* FEATURES too short. */
    { 10, 40 },                         /* PACKET_IN without a match. */
    { 11, 48 },                         /* FLOW_REMOVED without a match. */
    { 12, 56 },                         /* PORT_STATUS, port of length 0. */
    { 19, 12 },                         /* MULTIPART without a type. */
    { 21, 16 },                         /* BARRIER with a body. */
    { 30, 16 },                         /* ROLE_STATUS too short. */
    { 33, 12 },                         /* BUNDLE_CONTROL too short. */
};

START_TEST(test_malformed)
{
    shake_hands();
    feed_raw(version, malformed[_i].type, malformed[_i].length,
             malformed[_i].length - 8);
    if (version == OFP13_VERSION && malformed[_i].type >= 30) {
        no_event();                     /* Types it does not have. */
    } else {
        ended(NVA_R_MSG_MALFORMED);
    }
}
END_TEST

START_TEST(test_malformed_port)
{
    struct ofpbuf *request = until_ports();
    struct ofpbuf *msg = ports_part(request, 1, 2, false);

    ofpbuf_delete(request);
    msg->size -= 8;
    feed(msg);
    ended(NVA_R_MSG_MALFORMED);
}
END_TEST

/* What we have no use for does no harm. */
START_TEST(test_unknown_types)
{
    shake_hands();
    feed_raw(version, 200, 64, 56);  /* No such type. */
    feed_raw(version, 4, 16, 8);     /* Experimenter 0. */
    feed_raw(version, 3, 8, 0);      /* Echo reply. */
    feed_raw(version, 6, 32, 24);    /* Features again. */
    feed_barrier_reply(htonl(123));
    feed_error(OFPERR_OFPFMFC_TABLE_FULL, htonl(123));
    no_event();
    expect_nothing();
}
END_TEST

/* ## What the switch says ## */

START_TEST(test_packet_in)
{
    shake_hands();
    feed_packet_in("one");
    feed_packet_in("three");

    struct of_session_event e = event(OF_SESSION_PACKET_IN);
    ck_assert_uint_eq(e.pin.table, 20);
    ck_assert_uint_eq(e.pin.in_port, 3);
    ck_assert_uint_eq(e.pin.tun_id, 0x64);
    ck_assert_uint_eq(e.pin.size, 3);
    ck_assert_mem_eq(e.pin.data, "one", 3);
    e = event(OF_SESSION_PACKET_IN);
    ck_assert_uint_eq(e.pin.size, 5);
    ck_assert_mem_eq(e.pin.data, "three", 5);
    no_event();
}
END_TEST

START_TEST(test_flow_removed_and_ports)
{
    shake_hands();
    feed_flow_removed();
    feed_port_status(OFPPR_ADD, u16_to_ofp(9), "vnet0");
    feed_port_status(OFPPR_MODIFY, OFPP_LOCAL, "br-int");

    struct of_session_event e = event(OF_SESSION_FLOW_REMOVED);
    ck_assert_uint_eq(e.removed.cookie, 0x77);
    ck_assert_uint_eq(e.removed.packets, 9);
    ck_assert(e.removed.by_timeout);
    e = event(OF_SESSION_PORT);
    ck_assert_str_eq(e.port.port.name, "vnet0");
    ck_assert_uint_eq(e.port.port.ofport, 9);
    ck_assert(!e.port.gone);
    no_event();
}
END_TEST

static void
feed_role_status(enum ofp12_controller_role role)
{
    struct ofputil_role_status rs = { role, OFPCRR_PRIMARY_REQUEST, 1 };

    feed(ofputil_encode_role_status(&rs, protocol()));
}

START_TEST(test_slave_by_status)
{
    shake_hands();
    feed_role_status(OFPCR12_ROLE_PRIMARY);
    no_event();
    feed_role_status(OFPCR12_ROLE_SECONDARY);
    ended(NVA_R_SLAVE);
}
END_TEST

START_TEST(test_slave_by_error)
{
    shake_hands();
    feed_error(OFPERR_OFPBRC_IS_SECONDARY, htonl(50));
    ended(NVA_R_SLAVE);
}
END_TEST

/* ## Keepalive ## */

START_TEST(test_echo_request)
{
    struct ofpbuf *request;

    shake_hands();
    request = ofputil_encode_echo_request(version);
    ofpbuf_put(request, "ping", 4);
    ((struct ofp_header *) request->data)->xid = htonl(0x1234);
    feed(request);

    struct ofpbuf *reply = expect(OFPTYPE_ECHO_REPLY);
    ck_assert_uint_eq(ntohl(((struct ofp_header *) reply->data)->xid),
                      0x1234);
    ck_assert_mem_eq((char *) reply->data + 8, "ping", 4);
    ofpbuf_delete(reply);
}
END_TEST

START_TEST(test_keepalive)
{
    shake_hands();
    for (int i = 0; i < 10; i++) {
        nva_usec due = now + OF_SESSION_PROBE_SECS * NVA_SEC;

        ck_assert_int_eq(of_session_deadline(s), due);
        of_session_run(s, due - 1);
        expect_nothing();
        of_session_run(s, now = due);
        struct ofpbuf *request = expect(OFPTYPE_ECHO_REQUEST);
        now += NVA_MSEC;
        feed(ofputil_encode_echo_reply(request->data));
        ofpbuf_delete(request);
    }
    no_event();
}
END_TEST

START_TEST(test_echo_timeout)
{
    nva_usec start = now;

    shake_hands();
    of_session_run(s, start + OF_SESSION_PROBE_SECS * NVA_SEC);
    expect_xid(OFPTYPE_ECHO_REQUEST);
    nva_usec dead = start + OF_SESSION_DEAD_SECS * NVA_SEC;
    ck_assert_int_eq(of_session_deadline(s), dead);
    of_session_run(s, dead - 1);
    no_event();
    expect_nothing();
    of_session_run(s, dead);
    ended(NVA_R_ECHO_TIMEOUT);
}
END_TEST

/* A byte now and then is no sign of life. */
START_TEST(test_echo_timeout_dribble)
{
    nva_usec start = now;

    shake_hands();
    feed_raw(version, 2, 65535, 0);
    for (int i = 1; i <= OF_SESSION_DEAD_SECS; i++) {
        no_event();
        now = start + i * NVA_SEC;
        of_session_input(s, "x", 1, now);
        of_session_run(s, now);
    }
    ended(NVA_R_ECHO_TIMEOUT);
}
END_TEST

/* We stood still for a minute: the peer gets its chance. */
START_TEST(test_echo_after_standstill)
{
    shake_hands();
    now += 60 * NVA_SEC;
    of_session_run(s, now);
    struct ofpbuf *request = expect(OFPTYPE_ECHO_REQUEST);
    feed(ofputil_encode_echo_reply(request->data));
    ofpbuf_delete(request);
    of_session_run(s, now);
    no_event();
}
END_TEST

START_TEST(test_handshake_timeout)
{
    nva_usec due = now + OF_SESSION_HANDSHAKE_SECS * NVA_SEC;

    hello();
    ck_assert_int_eq(of_session_deadline(s), due);
    of_session_run(s, due - 1);
    no_event();
    of_session_run(s, due);
    ended(NVA_R_HANDSHAKE_TIMEOUT);
}
END_TEST

/* A peer that sends requests and reads no answers. */
START_TEST(test_output_limit)
{
    struct of_session_event e;

    shake_hands();
    for (int i = 0; i < OF_SESSION_OUTPUT_MAX / 65535; i++) {
        feed_raw(version, 2, 65535, 65535 - 8);
        ck_assert(!of_session_next_event(s, &e));
    }
    feed_raw(version, 2, 65535, 65535 - 8);
    ended(NVA_R_OUTPUT_LIMIT);
}
END_TEST

/* ## What makes no event ## */

/* Messages of each kind that say nothing new, in a session that is up: so many
 * at once, then so many in a second, and the next one ends it. */
enum flood {
    FLOOD_ECHO_REQUESTS, FLOOD_ECHO_REPLIES, FLOOD_ERRORS, FLOOD_UNKNOWN_TYPES,
    FLOOD_BARRIER_REPLIES, FLOOD_FEATURES, FLOOD_PORTS, FLOOD_FLOWS,
    FLOOD_METERS, FLOOD_BUNDLE_REPLIES, N_FLOODS
};

static void
feed_multipart(enum flood kind)
{
    const struct of_head h = { version, 0x7777 };
    struct ofpbuf request;
    struct ovs_list parts;

    ofpbuf_init(&request, 0);
    if (kind == FLOOD_PORTS) {
        of_encode_port_desc_request(h, &request);
    } else if (kind == FLOOD_FLOWS) {
        of_encode_flow_dump_request(h, 0, 0, &request);
    } else {
        of_encode_meter_dump_request(h, &request);
    }
    ofpmp_init(&parts, request.data);
    ofpbuf_uninit(&request);
    feed_list(&parts);
}

static void
feed_flood(enum flood kind)
{
    const struct ofp_header echo = { version, 2, htons(8), htonl(1) };
    const struct ofputil_bundle_ctrl_msg ctrl = {
        .bundle_id = 1, .type = OFPBCT_OPEN_REPLY,
    };

    switch (kind) {
    case FLOOD_ECHO_REQUESTS:
        feed_raw(version, 2, 8, 0);
        break;
    case FLOOD_ECHO_REPLIES:
        feed(ofputil_encode_echo_reply(&echo));
        break;
    case FLOOD_ERRORS:
        feed_error(OFPERR_OFPBRC_BAD_TYPE, htonl(0x7777));
        break;
    case FLOOD_UNKNOWN_TYPES:
        feed_raw(version, 99, 8, 0);
        break;
    case FLOOD_BARRIER_REPLIES:
        feed_barrier_reply(htonl(0x7777));
        break;
    case FLOOD_FEATURES:
        feed(features_reply(htonl(0x7777)));
        break;
    case FLOOD_PORTS:
    case FLOOD_FLOWS:
    case FLOOD_METERS:
        feed_multipart(kind);
        break;
    case FLOOD_BUNDLE_REPLIES:
        feed(ofputil_encode_bundle_ctrl_request(version, CONST_CAST(
            struct ofputil_bundle_ctrl_msg *, &ctrl)));
        break;
    case N_FLOODS:
        break;
    }
}

START_TEST(test_what_makes_no_event_is_bounded)
{
    enum flood kind = _i % N_FLOODS;
    struct ofpbuf *out = of_session_output(s);
    int n = 0;

    shake_hands();
    for (size_t i = 0; i < 2 * OF_SESSION_UNASKED_RATE; i++) {
        now += NVA_SEC / OF_SESSION_UNASKED_RATE;
        feed_flood(kind);               /* That often is fine. */
        ofpbuf_clear(out);
        no_event();
    }
    while (of_session_deadline(s) != NVA_NEVER) {
        feed_flood(kind);
        ofpbuf_clear(out);
        ck_assert_int_le(++n, OF_SESSION_UNASKED_BURST + 20);
    }
    ck_assert_int_ge(n, OF_SESSION_UNASKED_BURST);
    ended(NVA_R_MSG_FLOOD);
}
END_TEST

/* What we have asked for is not counted. */
START_TEST(test_answers_are_no_flood)
{
    shake_hands();
    for (int i = 0; i < 5 * OF_SESSION_UNASKED_BURST; i++) {
        of_session_delete_meter(s, 1);
        feed_error(OFPERR_OFPMMFC_UNKNOWN_METER,
                   expect_xid(OFPTYPE_METER_MOD));
    }
    for (int i = 0; i < 5 * OF_SESSION_UNASKED_BURST; i++) {
        feed_packet_in("hello");
        event(OF_SESSION_PACKET_IN);
    }
    no_event();
}
END_TEST

/* What waits is handled one by one, as the caller likes. */
START_TEST(test_message_by_message)
{
    const struct ofp_header echo[3] = {
        { version, 2, htons(8), htonl(1) }, { version, 2, htons(8), htonl(2) },
        { version, 2, htons(8), htonl(3) },
    };

    shake_hands();
    of_session_feed(s, echo, sizeof echo - 1);
    expect_nothing();
    ck_assert(of_session_handle(s, now));
    ck_assert_uint_eq(ntohl(expect_xid(OFPTYPE_ECHO_REPLY)), 1);
    ck_assert(of_session_handle(s, now));
    ck_assert(!of_session_handle(s, now));
    of_session_feed(s, (const uint8_t *) echo + sizeof echo - 1, 1);
    ck_assert(of_session_handle(s, now));
    ck_assert_uint_eq(ntohl(expect_xid(OFPTYPE_ECHO_REPLY)), 2);
    ck_assert_uint_eq(ntohl(expect_xid(OFPTYPE_ECHO_REPLY)), 3);
}
END_TEST

/* What a peer makes us hold is known, and given back. */
START_TEST(test_memory)
{
    static const uint8_t part[60000];
    const struct ofp_header oh = { version, 2, htons(60008), htonl(1) };
    size_t idle;

    shake_hands();
    no_event();
    of_session_trim(s);
    idle = of_session_memory(s);
    ck_assert_uint_le(idle, 3 * OF_SESSION_KEEP_MAX);
    of_session_feed(s, &oh, sizeof oh);
    of_session_feed(s, part, sizeof part - 1);
    ck_assert(!of_session_handle(s, now));
    ck_assert_uint_ge(of_session_memory(s), 60000);
    of_session_feed(s, part, 1);
    ck_assert(of_session_handle(s, now));
    of_session_trim(s);
    ck_assert_uint_ge(of_session_memory(s), 60000);     /* It does not read. */
    ofpbuf_clear(of_session_output(s));
    feed_packet_in("hello");
    ck_assert_uint_ge(of_session_memory(s), 60000 + 5);
    event(OF_SESSION_PACKET_IN);
    no_event();
    of_session_trim(s);
    ck_assert_uint_le(of_session_memory(s), 3 * OF_SESSION_KEEP_MAX);
}
END_TEST

/* ## Bundles ## */

/* Two adds with a delete between them; the second uses meter 5. */
static struct nva_flow flow_a, flow_b;
static struct flow_prog_msg msgs[3];
static const struct nva_meter meters[] = { { 4, 100, 20 }, { 5, 10, 2 } };
static const struct flow_prog_bundle bundle = {
    .n_meters = 2, .meters = meters, .n_msgs = 3, .msgs = msgs,
};

/* The xids of a sent bundle. */
static ovs_be32 meter_xid[2], open_xid, msg_xid[3], barrier_xid;
static struct ofpbuf *commit;

static void
make_flow(struct nva_flow *flow, uint64_t cookie, uint32_t in_port)
{
    memset(flow, 0, sizeof *flow);
    match_init_catchall(&flow->match);
    match_set_in_port(&flow->match, u16_to_ofp(in_port));
    flow->cookie = cookie;
    flow->priority = 10;
    ofpbuf_init(&flow->actions, 0);
}

/* Sends the bundle and takes it from the output, message by message. */
static void
send_bundle(void)
{
    make_flow(&flow_a, 0xa, 1);
    ofpact_put_OUTPUT(&flow_a.actions)->port = u16_to_ofp(2);
    make_flow(&flow_b, 0xb, 2);
    struct ofpact_controller *oc = ofpact_put_CONTROLLER(&flow_b.actions);
    oc->max_len = UINT16_MAX;
    oc->reason = OFPR_ACTION;
    oc->meter_id = 5;
    ofpact_finish_CONTROLLER(&flow_b.actions, &oc);
    msgs[0] = (struct flow_prog_msg) { .op = FLOW_PROG_ADD, .flow = &flow_a };
    msgs[1] = (struct flow_prog_msg) { .op = FLOW_PROG_DELETE, .cookie = 7 };
    msgs[2] = (struct flow_prog_msg) { .op = FLOW_PROG_ADD, .flow = &flow_b };

    of_session_send_bundle(s, &bundle);
    ofpbuf_uninit(&flow_a.actions);
    ofpbuf_uninit(&flow_b.actions);

    for (size_t i = 0; i < 2; i++) {
        meter_xid[i] = expect_xid(OFPTYPE_METER_MOD);
    }
    open_xid = expect_xid(OFPTYPE_BUNDLE_CONTROL);
    for (size_t i = 0; i < 3; i++) {
        msg_xid[i] = expect_xid(OFPTYPE_BUNDLE_ADD_MESSAGE);
    }
    commit = expect(OFPTYPE_BUNDLE_CONTROL);
    barrier_xid = expect_xid(OFPTYPE_BARRIER_REQUEST);
    expect_nothing();
}

static void
finish_bundle(bool committed)
{
    if (committed) {
        feed_bundle_reply(commit);
    } else {
        feed_error(OFPERR_OFPBFC_MSG_FAILED,
                   ((struct ofp_header *) commit->data)->xid);
    }
    ofpbuf_delete(commit);
    feed_barrier_reply(barrier_xid);
}

START_TEST(test_bundle)
{
    shake_hands();
    send_bundle();
    no_event();
    feed_bundle_reply(commit);
    no_event();                         /* Not before the barrier. */
    ofpbuf_delete(commit);
    feed_barrier_reply(barrier_xid);
    ck_assert(event(OF_SESSION_BUNDLE_DONE).applied);
    no_event();

    ovs_be32 old = barrier_xid;
    send_bundle();                      /* And the next. */
    feed_barrier_reply(old);            /* Stale: means nothing. */
    feed_error(OFPERR_OFPBFC_MSG_FAILED, old);
    no_event();
    finish_bundle(true);
    ck_assert(event(OF_SESSION_BUNDLE_DONE).applied);
}
END_TEST

/* A message that does not decode is left out and the rest committed: its
 * owner must not be taken for confirmed. */
START_TEST(test_bundle_decode_error)
{
    shake_hands();
    send_bundle();
    feed_error(OFPERR_OFPBAC_MATCH_INCONSISTENT, msg_xid[2]);
    finish_bundle(true);

    struct of_session_event e = event(OF_SESSION_MSG_FAILED);
    ck_assert_uint_eq(e.failed.msg, 2);
    ck_assert_int_eq(e.failed.reason, NVA_R_REJECTED);
    ck_assert_str_eq(e.failed.text, "OFPBAC_MATCH_INCONSISTENT");
    ck_assert(event(OF_SESSION_BUNDLE_DONE).applied);
    no_event();
}
END_TEST

START_TEST(test_bundle_commit_error)
{
    shake_hands();
    send_bundle();
    feed_error(OFPERR_OFPFMFC_TABLE_FULL, msg_xid[0]);
    feed_error(OFPERR_OFPFMFC_TABLE_FULL, msg_xid[0]);  /* Told once. */
    finish_bundle(false);

    struct of_session_event e = event(OF_SESSION_MSG_FAILED);
    ck_assert_uint_eq(e.failed.msg, 0);
    ck_assert_int_eq(e.failed.reason, NVA_R_TABLE_FULL);
    ck_assert(!event(OF_SESSION_BUNDLE_DONE).applied);
    no_event();
}
END_TEST

/* An error whose code we do not know fails its message too. */
START_TEST(test_bundle_unknown_error)
{
    shake_hands();
    send_bundle();
    struct ofpbuf *msg = ofpraw_alloc_xid(OFPRAW_OFPT_ERROR, version,
                                          msg_xid[1], 4);
    ofpbuf_put(msg, "\x12\x34\x56\x78", 4);
    feed(msg);
    finish_bundle(true);
    ck_assert_uint_eq(event(OF_SESSION_MSG_FAILED).failed.msg, 1);
    event(OF_SESSION_BUNDLE_DONE);
}
END_TEST

START_TEST(test_bundle_open_error)
{
    shake_hands();
    send_bundle();
    feed_error(OFPERR_OFPBFC_BAD_ID, open_xid);
    finish_bundle(true);
    ck_assert(!event(OF_SESSION_BUNDLE_DONE).applied);
    no_event();
}
END_TEST

/* The barrier alone says nothing of the commit. */
START_TEST(test_bundle_barrier_without_commit)
{
    struct ofpbuf *old;

    shake_hands();
    send_bundle();
    old = ofpbuf_clone(commit);
    finish_bundle(true);
    ck_assert(event(OF_SESSION_BUNDLE_DONE).applied);

    send_bundle();
    feed_bundle_reply(old);             /* The last one's commit. */
    ofpbuf_delete(old);
    ofpbuf_delete(commit);
    feed_barrier_reply(barrier_xid);
    ck_assert(!event(OF_SESSION_BUNDLE_DONE).applied);
}
END_TEST

START_TEST(test_bundle_barrier_refused)
{
    shake_hands();
    send_bundle();
    ofpbuf_delete(commit);
    feed_error(OFPERR_OFPBRC_BAD_TYPE, barrier_xid);
    ended(NVA_R_MSG_UNEXPECTED);
}
END_TEST

START_TEST(test_bundle_meters)
{
    shake_hands();
    send_bundle();
    feed_error(OFPERR_OFPMMFC_METER_EXISTS, meter_xid[0]);
    feed_error(OFPERR_OFPMMFC_METER_EXISTS, meter_xid[1]);
    finish_bundle(true);
    ck_assert(event(OF_SESSION_BUNDLE_DONE).applied);

    send_bundle();
    feed_error(OFPERR_OFPMMFC_OUT_OF_METERS, meter_xid[0]);     /* Unused. */
    no_event();
    feed_error(OFPERR_OFPMMFC_OUT_OF_METERS, meter_xid[1]);
    finish_bundle(true);
    struct of_session_event e = event(OF_SESSION_MSG_FAILED);
    ck_assert_uint_eq(e.failed.msg, 2);
    ck_assert_int_eq(e.failed.reason, NVA_R_TABLE_FULL);
    ck_assert(event(OF_SESSION_BUNDLE_DONE).applied);
}
END_TEST

/* A flow that does not fit in a message fails without being sent. */
START_TEST(test_bundle_oversized)
{
    struct nva_flow big;
    struct flow_prog_msg msg = { .op = FLOW_PROG_ADD, .flow = &big };
    struct flow_prog_bundle one = { .n_msgs = 1, .msgs = &msg };

    shake_hands();
    make_flow(&big, 0xc, 1);
    for (int i = 0; i < 5000; i++) {
        ofpact_put_OUTPUT(&big.actions)->port = u16_to_ofp(2);
    }
    of_session_send_bundle(s, &one);
    ofpbuf_uninit(&big.actions);
    expect_xid(OFPTYPE_BUNDLE_CONTROL);
    commit = expect(OFPTYPE_BUNDLE_CONTROL);
    barrier_xid = expect_xid(OFPTYPE_BARRIER_REQUEST);
    finish_bundle(true);
    ck_assert_uint_eq(event(OF_SESSION_MSG_FAILED).failed.msg, 0);
    event(OF_SESSION_BUNDLE_DONE);
}
END_TEST

START_TEST(test_bundle_never_answered)
{
    nva_usec start = now;

    shake_hands();
    send_bundle();
    ofpbuf_delete(commit);
    while (now < start + OF_SESSION_ANSWER_SECS * NVA_SEC) {
        no_event();
        now += NVA_SEC;
        feed(ofputil_encode_echo_request(version));
        of_session_run(s, now);
    }
    ended(NVA_R_ECHO_TIMEOUT);
}
END_TEST

/* The session ends under a bundle: no BUNDLE_DONE. */
START_TEST(test_bundle_slave)
{
    shake_hands();
    send_bundle();
    ofpbuf_delete(commit);
    feed_error(OFPERR_OFPBRC_IS_SECONDARY, msg_xid[0]);
    ended(NVA_R_SLAVE);
}
END_TEST

/* ## Read-back ## */

static struct ofpbuf *
flows_part(const struct ofpbuf *request, uint64_t first, size_t n, bool more)
{
    struct ovs_list parts;
    struct ofpbuf *msg;

    ofpmp_init(&parts, request->data);
    for (size_t i = 0; i < n; i++) {
        struct ofputil_flow_stats fs;

        memset(&fs, 0, sizeof fs);
        match_init_catchall(&fs.match);
        fs.cookie = htonll(first + i);
        fs.priority = 5;
        ofputil_append_flow_stats_reply(&fs, &parts, NULL);
    }
    msg = ofpbuf_from_list(ovs_list_pop_front(&parts));
    ck_assert(ovs_list_is_empty(&parts));
    set_more(msg, more);
    return msg;
}

START_TEST(test_read_back)
{
    struct ofputil_meter_band band = { OFPMBT13_DROP, 0, 100, 20 };
    struct ofputil_meter_config mc = {
        5, OFPMF13_PKTPS | OFPMF13_BURST, 1, &band,
    };
    struct ovs_list parts;

    shake_hands();
    of_session_read_back(s);
    of_session_read_back(s);            /* One at a time. */
    struct ofpbuf *flows = expect(OFPTYPE_FLOW_STATS_REQUEST);
    struct ofpbuf *meters_request = expect(OFPTYPE_METER_CONFIG_STATS_REQUEST);
    expect_nothing();

    feed(flows_part(flows, 100, 2, true));
    struct ofpbuf *stale = flows_part(flows, 300, 2, false);
    ((struct ofp_header *) stale->data)->xid = htonl(1);
    feed(stale);
    feed_packet_in("between");
    feed(flows_part(flows, 200, 1, false));
    ofpmp_init(&parts, meters_request->data);
    ofputil_append_meter_config(&parts, &mc);
    feed_list(&parts);

    ck_assert_uint_eq(event(OF_SESSION_READBACK_FLOW).flow.cookie, 100);
    ck_assert_uint_eq(event(OF_SESSION_READBACK_FLOW).flow.cookie, 101);
    event(OF_SESSION_PACKET_IN);
    ck_assert_uint_eq(event(OF_SESSION_READBACK_FLOW).flow.cookie, 200);
    struct of_session_event e = event(OF_SESSION_READBACK_METER);
    ck_assert_uint_eq(e.meter.id, 5);
    ck_assert_uint_eq(e.meter.rate, 100);
    ck_assert_uint_eq(e.meter.burst, 20);
    event(OF_SESSION_READBACK_DONE);
    no_event();

    feed(flows_part(flows, 1, 1, false));       /* Too late. */
    no_event();
    ofpbuf_delete(flows);
    ofpbuf_delete(meters_request);
}
END_TEST

/* A dump that goes on for ever, without anything in it... */
START_TEST(test_read_back_of_empty_parts)
{
    shake_hands();
    of_session_read_back(s);
    struct ofpbuf *request = expect(OFPTYPE_FLOW_STATS_REQUEST);
    struct ofpbuf *meters_request = expect(OFPTYPE_METER_CONFIG_STATS_REQUEST);

    for (int i = 0; i < OF_SESSION_EMPTY_PARTS_MAX; i++) {
        struct ovs_list parts;
        struct ofpbuf *msg;

        ofpmp_init(&parts, _i ? meters_request->data : request->data);
        msg = ofpbuf_from_list(ovs_list_pop_front(&parts));
        set_more(msg, true);
        no_event();
        feed(ofpbuf_clone(msg));
        no_event();
        if (i == OF_SESSION_EMPTY_PARTS_MAX - 1) {
            feed(ofpbuf_clone(msg));
        }
        ofpbuf_delete(msg);
    }
    ended(NVA_R_LIMIT);
    ofpbuf_delete(request);
    ofpbuf_delete(meters_request);
}
END_TEST

/* ...or a flow in each. */
START_TEST(test_read_back_that_never_ends)
{
    nva_usec began = now;

    shake_hands();
    of_session_read_back(s);
    struct ofpbuf *request = expect(OFPTYPE_FLOW_STATS_REQUEST);

    ofpbuf_delete(expect(OFPTYPE_METER_CONFIG_STATS_REQUEST));
    while (now < began + OF_SESSION_ANSWER_TOTAL_SECS * NVA_SEC - NVA_SEC) {
        now += NVA_SEC;
        feed(flows_part(request, 1, 1, true));
        event(OF_SESSION_READBACK_FLOW);
        of_session_run(s, now);
        no_event();
    }
    now += NVA_SEC;
    feed(flows_part(request, 1, 1, true));
    event(OF_SESSION_READBACK_FLOW);
    of_session_run(s, now);
    ended(NVA_R_ECHO_TIMEOUT);
    ofpbuf_delete(request);
}
END_TEST

/* An empty table, and a datapath without meters. */
START_TEST(test_read_back_empty)
{
    struct ovs_list parts;

    shake_hands();
    of_session_read_back(s);
    struct ofpbuf *flows = expect(OFPTYPE_FLOW_STATS_REQUEST);
    feed_error(OFPERR_OFPBRC_BAD_STAT,
               expect_xid(OFPTYPE_METER_CONFIG_STATS_REQUEST));
    no_event();
    ofpmp_init(&parts, flows->data);
    feed_list(&parts);
    ofpbuf_delete(flows);
    event(OF_SESSION_READBACK_DONE);
    no_event();
}
END_TEST

START_TEST(test_read_back_refused)
{
    shake_hands();
    of_session_read_back(s);
    feed_error(OFPERR_OFPBRC_EPERM, expect_xid(OFPTYPE_FLOW_STATS_REQUEST));
    ended(NVA_R_MSG_UNEXPECTED);
}
END_TEST

START_TEST(test_read_back_malformed)
{
    shake_hands();
    of_session_read_back(s);
    struct ofpbuf *flows = expect(OFPTYPE_FLOW_STATS_REQUEST);
    struct ofpbuf *msg = flows_part(flows, 1, 2, false);
    ofpbuf_delete(flows);
    msg->size -= 8;
    feed(msg);
    event(OF_SESSION_READBACK_FLOW);
    ended(NVA_R_MSG_MALFORMED);
}
END_TEST

/* ## What else we send ## */

START_TEST(test_packet_out_and_meter_delete)
{
    struct ofpbuf actions;

    shake_hands();
    ofpbuf_init(&actions, 0);
    ofpact_put_OUTPUT(&actions)->port = u16_to_ofp(2);
    of_session_packet_out(s, "frame", 5, &actions);
    of_session_delete_meter(s, 5);
    ofpbuf_uninit(&actions);
    expect_xid(OFPTYPE_PACKET_OUT);
    ovs_be32 xid = expect_xid(OFPTYPE_METER_MOD);
    expect_nothing();
    feed_error(OFPERR_OFPMMFC_UNKNOWN_METER, xid);
    no_event();
}
END_TEST

/* Nothing is sent before UP. */
START_TEST(test_nothing_before_up)
{
    hello();
    of_session_output(s)->size = 0;
    of_session_read_back(s);
    of_session_send_bundle(s, &bundle);
    of_session_delete_meter(s, 1);
    expect_nothing();
}
END_TEST

/* ## Without bundles ## */

/* 0xa loses what it had but this, 7 loses all, 0xb is new. */
static struct {
    ovs_be32 meters[2], first_barrier, adds[2], barrier, delete;
    struct ofpbuf *dump;
} plain;

static ovs_be32
expect_flow_mod(uint16_t command, uint64_t cookie)
{
    struct ofpbuf *msg = expect(OFPTYPE_FLOW_MOD);
    ovs_be32 xid = ((struct ofp_header *) msg->data)->xid;
    struct ofputil_flow_mod fm;
    struct ofpbuf ofpacts;

    ofpbuf_init(&ofpacts, 0);
    ck_assert_int_eq(ofputil_decode_flow_mod(&fm, msg->data, protocol(), NULL,
                                             NULL, &ofpacts,
                                             u16_to_ofp(0xff00), 255), 0);
    ck_assert_int_eq(fm.command, command);
    ck_assert_uint_eq(ntohll(command == OFPFC_ADD ? fm.new_cookie
                             : fm.cookie), cookie);
    if (command != OFPFC_ADD) {
        ck_assert_uint_eq(ntohll(fm.cookie_mask), UINT64_MAX);
    }
    minimatch_destroy(&fm.match);
    ofpbuf_uninit(&ofpacts);
    ofpbuf_delete(msg);
    return xid;
}

static void
send_plain(void)
{
    static struct flow_prog_msg plain_msgs[4];
    const struct flow_prog_bundle b = {
        .n_meters = 2, .meters = meters, .n_msgs = 4, .msgs = plain_msgs,
    };

    make_flow(&flow_a, 0xa, 1);
    make_flow(&flow_b, 0xb, 2);
    plain_msgs[0] = (struct flow_prog_msg) { .op = FLOW_PROG_DELETE,
                                             .cookie = 0xa };
    plain_msgs[1] = (struct flow_prog_msg) { .op = FLOW_PROG_ADD,
                                             .flow = &flow_a };
    plain_msgs[2] = (struct flow_prog_msg) { .op = FLOW_PROG_DELETE,
                                             .cookie = 7 };
    plain_msgs[3] = (struct flow_prog_msg) { .op = FLOW_PROG_ADD,
                                             .flow = &flow_b };
    of_session_send_bundle(s, &b);

    plain.meters[0] = expect_xid(OFPTYPE_METER_MOD);
    plain.meters[1] = expect_xid(OFPTYPE_METER_MOD);
    plain.first_barrier = expect_xid(OFPTYPE_BARRIER_REQUEST);
    plain.adds[0] = expect_flow_mod(OFPFC_ADD, 0xa);
    plain.adds[1] = expect_flow_mod(OFPFC_ADD, 0xb);
    plain.barrier = expect_xid(OFPTYPE_BARRIER_REQUEST);
    plain.dump = expect(OFPTYPE_FLOW_STATS_REQUEST);
    plain.delete = expect_flow_mod(OFPFC_DELETE, 7);
    expect_nothing();                   /* No last barrier yet. */
}

/* The dump's answer: flow_a as it is now, and 'n' that are left over. */
static void
answer_dump(size_t n, bool more)
{
    struct ovs_list parts;
    struct ofpbuf *msg;

    ofpmp_init(&parts, plain.dump->data);
    for (size_t i = 0; i <= n; i++) {
        struct ofputil_flow_stats fs;

        memset(&fs, 0, sizeof fs);
        match_init_catchall(&fs.match);
        match_set_in_port(&fs.match, u16_to_ofp(1 + i));
        fs.cookie = htonll(0xa);
        fs.priority = 10;
        ofputil_append_flow_stats_reply(&fs, &parts, NULL);
    }
    msg = ofpbuf_from_list(ovs_list_pop_front(&parts));
    set_more(msg, more);
    feed(msg);
}

/* Adds first, then what is left over, each by itself; done at the last
 * barrier alone. */
START_TEST(test_plain)
{
    shake_hands_with(false);
    send_plain();
    feed_barrier_reply(plain.first_barrier);
    feed_barrier_reply(plain.barrier);
    no_event();
    answer_dump(2, true);
    expect_flow_mod(OFPFC_DELETE_STRICT, 0xa);
    expect_flow_mod(OFPFC_DELETE_STRICT, 0xa);
    expect_nothing();
    answer_dump(0, false);
    barrier_xid = expect_xid(OFPTYPE_BARRIER_REQUEST);
    expect_nothing();
    answer_dump(3, false);              /* Nobody asked. */
    expect_nothing();
    no_event();
    feed_barrier_reply(barrier_xid);
    ck_assert(event(OF_SESSION_BUNDLE_DONE).applied);
    no_event();
    ofpbuf_delete(plain.dump);
}
END_TEST

/* The dump that a sweep asks for may be without end, too. */
START_TEST(test_plain_sweep_of_empty_parts)
{
    shake_hands_with(false);
    send_plain();
    for (int i = 0; i <= OF_SESSION_EMPTY_PARTS_MAX; i++) {
        struct ovs_list parts;
        struct ofpbuf *msg;

        no_event();
        ofpmp_init(&parts, plain.dump->data);
        msg = ofpbuf_from_list(ovs_list_pop_front(&parts));
        set_more(msg, true);
        feed(msg);
    }
    ended(NVA_R_LIMIT);
    ofpbuf_delete(plain.dump);
}
END_TEST

/* A rejected flow is its owner's alone. */
START_TEST(test_plain_rejected)
{
    shake_hands_with(false);
    send_plain();
    feed_error(OFPERR_OFPFMFC_TABLE_FULL, plain.adds[1]);
    answer_dump(0, false);
    feed_barrier_reply(expect_xid(OFPTYPE_BARRIER_REQUEST));
    struct of_session_event e = event(OF_SESSION_MSG_FAILED);
    ck_assert_uint_eq(e.failed.msg, 3);
    ck_assert_int_eq(e.failed.reason, NVA_R_TABLE_FULL);
    ck_assert(event(OF_SESSION_BUNDLE_DONE).applied);
    no_event();
    ofpbuf_delete(plain.dump);
}
END_TEST

/* Without the dump nobody knows what is left: its owner has failed, and the
 * rest goes on. */
START_TEST(test_plain_dump_refused)
{
    shake_hands_with(false);
    send_plain();
    feed_error(OFPERR_OFPBRC_EPERM,
               ((struct ofp_header *) plain.dump->data)->xid);
    ofpbuf_delete(plain.dump);
    feed_barrier_reply(expect_xid(OFPTYPE_BARRIER_REQUEST));
    ck_assert_uint_eq(event(OF_SESSION_MSG_FAILED).failed.msg, 0);
    ck_assert(event(OF_SESSION_BUNDLE_DONE).applied);
}
END_TEST

START_TEST(test_plain_barrier_refused)
{
    shake_hands_with(false);
    send_plain();
    ofpbuf_delete(plain.dump);
    feed_error(OFPERR_OFPBRC_BAD_TYPE, _i ? plain.barrier
               : plain.first_barrier);
    ended(NVA_R_MSG_UNEXPECTED);
}
END_TEST

/* A barrier reply from nowhere while a sweep is under way. */
START_TEST(test_plain_early_barrier)
{
    shake_hands_with(false);
    send_plain();
    feed_barrier_reply(htonl(ntohl(plain.barrier) + 1));
    no_event();
    answer_dump(0, false);
    feed_barrier_reply(expect_xid(OFPTYPE_BARRIER_REQUEST));
    ck_assert(event(OF_SESSION_BUNDLE_DONE).applied);
    ofpbuf_delete(plain.dump);
}
END_TEST

/* A switch that invents flows of an owner. */
START_TEST(test_plain_sweep_limit)
{
    shake_hands_with(false);
    send_plain();
    for (int i = 0; i < OF_SESSION_SWEEP_MAX / 500; i++) {
        answer_dump(499, true);
        of_session_output(s)->size = 0;
        no_event();
    }
    answer_dump(499, true);
    ofpbuf_delete(plain.dump);
    ended(NVA_R_LIMIT);
}
END_TEST

/* Nothing to delete: one write, no waiting. */
START_TEST(test_plain_adds_only)
{
    struct flow_prog_msg msg = { .op = FLOW_PROG_ADD, .flow = &flow_a };
    struct flow_prog_bundle one = { .n_msgs = 1, .msgs = &msg };

    shake_hands_with(false);
    make_flow(&flow_a, 0xa, 1);
    of_session_send_bundle(s, &one);
    expect_xid(OFPTYPE_BARRIER_REQUEST);
    expect_flow_mod(OFPFC_ADD, 0xa);
    expect_xid(OFPTYPE_BARRIER_REQUEST);
    feed_barrier_reply(expect_xid(OFPTYPE_BARRIER_REQUEST));
    ck_assert(event(OF_SESSION_BUNDLE_DONE).applied);
}
END_TEST

/* All of it in each version. */
static TCase *
tcase(Suite *suite, const char *name, SFun set_up)
{
    TCase *tc = tcase_create(name);

    tcase_add_checked_fixture(tc, set_up, teardown);
    tcase_set_timeout(tc, 60);          /* Limits, with sanitizers. */
    suite_add_tcase(suite, tc);
    return tc;
}

static void
add_handshake(TCase *tc)
{
    tcase_add_test(tc, test_handshake);
    tcase_add_test(tc, test_handshake_bytewise);
    tcase_add_test(tc, test_first_fragments_have_ports);
    tcase_add_test(tc, test_version_refused);
    tcase_add_test(tc, test_version_newer_peer);
    tcase_add_test(tc, test_version_agreed);
    tcase_add_test(tc, test_version_without_bitmap);
    tcase_add_test(tc, test_version_error_instead_of_hello);
    tcase_add_test(tc, test_version_zero);
    tcase_add_test(tc, test_version_changes);
    tcase_add_test(tc, test_not_openflow);
    tcase_add_test(tc, test_second_hello);
    tcase_add_test(tc, test_features_unasked);
    tcase_add_test(tc, test_ports_before_features);
    tcase_add_test(tc, test_handshake_refused);
    tcase_add_test(tc, test_probe_refused);
    tcase_add_test(tc, test_probe_answered_last);
    tcase_add_test(tc, test_port_limit);
    tcase_add_test(tc, test_port_changes_in_handshake);
    tcase_add_test(tc, test_end_in_handshake);
}

static void
add_messages(TCase *tc)
{
    tcase_add_test(tc, test_truncated_length);
    tcase_add_test(tc, test_truncated_length_in_hello);
    tcase_add_test(tc, test_largest_message);
    tcase_add_loop_test(tc, test_malformed, 0,
                        sizeof malformed / sizeof malformed[0]);
    tcase_add_test(tc, test_malformed_port);
    tcase_add_test(tc, test_unknown_types);
    tcase_add_test(tc, test_packet_in);
    tcase_add_test(tc, test_flow_removed_and_ports);
    tcase_add_test(tc, test_slave_by_status);
    tcase_add_test(tc, test_slave_by_error);
    tcase_add_test(tc, test_packet_out_and_meter_delete);
    tcase_add_test(tc, test_nothing_before_up);
}

static void
add_time(TCase *tc)
{
    tcase_add_test(tc, test_echo_request);
    tcase_add_test(tc, test_keepalive);
    tcase_add_test(tc, test_echo_timeout);
    tcase_add_test(tc, test_echo_timeout_dribble);
    tcase_add_test(tc, test_echo_after_standstill);
    tcase_add_test(tc, test_handshake_timeout);
    tcase_add_test(tc, test_output_limit);
    tcase_add_loop_test(tc, test_what_makes_no_event_is_bounded, 0, N_FLOODS);
    tcase_add_test(tc, test_answers_are_no_flood);
    tcase_add_test(tc, test_message_by_message);
    tcase_add_test(tc, test_memory);
    tcase_add_loop_test(tc, test_read_back_of_empty_parts, 0, 2);
    tcase_add_test(tc, test_read_back_that_never_ends);
    tcase_add_test(tc, test_plain_sweep_of_empty_parts);
}

static void
add_bundle(TCase *tc)
{
    tcase_add_test(tc, test_bundle);
    tcase_add_test(tc, test_bundle_decode_error);
    tcase_add_test(tc, test_bundle_commit_error);
    tcase_add_test(tc, test_bundle_unknown_error);
    tcase_add_test(tc, test_bundle_open_error);
    tcase_add_test(tc, test_bundle_barrier_without_commit);
    tcase_add_test(tc, test_bundle_barrier_refused);
    tcase_add_test(tc, test_bundle_meters);
    tcase_add_test(tc, test_bundle_oversized);
    tcase_add_test(tc, test_bundle_never_answered);
    tcase_add_test(tc, test_bundle_slave);
}

static void
add_read_back(TCase *tc)
{
    tcase_add_test(tc, test_read_back);
    tcase_add_test(tc, test_read_back_empty);
    tcase_add_test(tc, test_read_back_refused);
    tcase_add_test(tc, test_read_back_malformed);
}

static void
add_plain(TCase *tc)
{
    tcase_add_test(tc, test_plain);
    tcase_add_test(tc, test_plain_rejected);
    tcase_add_test(tc, test_plain_dump_refused);
    tcase_add_loop_test(tc, test_plain_barrier_refused, 0, 2);
    tcase_add_test(tc, test_plain_early_barrier);
    tcase_add_test(tc, test_plain_sweep_limit);
    tcase_add_test(tc, test_plain_adds_only);
}

int
main(void)
{
    static const SFun set_ups[] = { setup_13, setup_14, setup_15 };
    Suite *suite = suite_create("of-session");
    SRunner *sr = srunner_create(suite);
    int failed;

    for (size_t i = 0; i < sizeof set_ups / sizeof set_ups[0]; i++) {
        add_handshake(tcase(suite, "handshake", set_ups[i]));
        add_messages(tcase(suite, "messages", set_ups[i]));
        add_time(tcase(suite, "time", set_ups[i]));
        add_bundle(tcase(suite, "bundle", set_ups[i]));
        add_plain(tcase(suite, "without bundles", set_ups[i]));
        add_read_back(tcase(suite, "read-back", set_ups[i]));
    }
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
