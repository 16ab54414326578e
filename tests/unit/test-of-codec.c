/* SPDX-License-Identifier: Apache-2.0 */

/* of-codec against libopenvswitch's other half: what we encode, a switch's
 * decoder must read; what a switch's encoder writes, we must read. */

#include <config.h>

#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "of-codec.h"

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
#include "openvswitch/ofp-parse.h"
#include "openvswitch/ofp-port.h"
#include "openvswitch/ofp-switch.h"
#include "openvswitch/ofp-util.h"
#include "util.h"

/* What was encoded, one message. */
static struct ofpbuf out;

/* What is spoken in this test case. */
static uint8_t version;

static void
setup(void)
{
    ofpbuf_init(&out, 0);
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

static struct of_head
h(uint32_t xid)
{
    return (struct of_head) { version, xid };
}

static enum ofputil_protocol
protocol(void)
{
    return ofputil_protocol_from_ofp_version(version);
}

static void
teardown(void)
{
    ofpbuf_uninit(&out);
}

/* 'out' is one message of 'type' with 'xid'. */
static const struct ofp_header *
check_out(enum ofptype type, uint32_t xid)
{
    const struct ofp_header *oh = out.data;
    enum ofptype got;

    ck_assert_uint_ge(out.size, sizeof *oh);
    ck_assert_uint_eq(ntohs(oh->length), out.size);
    ck_assert_int_eq(ofptype_decode(&got, oh), 0);
    ck_assert_str_eq(ofptype_get_name(got), ofptype_get_name(type));
    ck_assert_int_eq(oh->version, (type == OFPTYPE_HELLO ? OF_VERSION_MAX
                                   : version));
    ck_assert_uint_eq(ntohl(oh->xid), xid);
    return oh;
}

/* Decodes 'msg', which must be of 'type', and frees it unless 'keep'. */
static struct of_msg
decode(struct ofpbuf *msg, enum of_msg_type type, bool keep)
{
    struct of_msg m;

    ofpmsg_update_length(msg);
    ck_assert_int_eq(of_decode(msg, &m), NVA_OK);
    ck_assert_int_eq(m.type, type);
    if (!keep) {
        ofpbuf_delete(msg);
    }
    return m;
}

/* A flow from ovs-ofctl's syntax. */
static void
parse_flow(const char *text, struct nva_flow *flow)
{
    enum ofputil_protocol usable;
    struct ofputil_flow_mod fm;
    char *error = parse_ofp_str(&fm, OFPFC_ADD, text, NULL, NULL, &usable);

    if (error) {
        ck_abort_msg("%s: %s", text, error);
    }
    memset(flow, 0, sizeof *flow);
    flow->table = fm.table_id == OFPTT_ALL ? 0 : fm.table_id;
    flow->priority = fm.priority;
    flow->hard_timeout = fm.hard_timeout;
    flow->send_flow_removed = fm.flags & OFPUTIL_FF_SEND_FLOW_REM;
    flow->cookie = ntohll(fm.new_cookie);
    minimatch_expand(&fm.match, &flow->match);
    minimatch_destroy(&fm.match);
    ofpbuf_init(&flow->actions, 0);
    ofpbuf_put(&flow->actions, fm.ofpacts, fm.ofpacts_len);
    free(CONST_CAST(struct ofpact *, fm.ofpacts));
}

/* ## What we send ## */

START_TEST(test_simple_messages)
{
    of_encode_echo_request(h(11), &out);
    check_out(OFPTYPE_ECHO_REQUEST, 11);
    ofpbuf_clear(&out);
    of_encode_features_request(h(12), &out);
    check_out(OFPTYPE_FEATURES_REQUEST, 12);
    ofpbuf_clear(&out);
    of_encode_barrier(h(13), &out);
    check_out(OFPTYPE_BARRIER_REQUEST, 13);
    ofpbuf_clear(&out);
    of_encode_port_desc_request(h(14), &out);
    ofp_port_t port;
    ck_assert_int_eq(ofputil_decode_port_desc_stats_request(
                         check_out(OFPTYPE_PORT_DESC_STATS_REQUEST, 14),
                         &port), 0);
    ck_assert_uint_eq(ofp_to_u16(port), ofp_to_u16(OFPP_ANY));
    ofpbuf_clear(&out);
    of_encode_meter_dump_request(h(15), &out);
    uint32_t meter;
    ofputil_decode_meter_request(
        check_out(OFPTYPE_METER_CONFIG_STATS_REQUEST, 15), &meter);
    ck_assert_uint_eq(meter, OFPM13_ALL);
}
END_TEST

/* Messages are appended, not put in place of what is there. */
START_TEST(test_appends)
{
    of_encode_barrier(h(1), &out);
    size_t size = out.size;
    of_encode_barrier(h(2), &out);
    ck_assert_uint_eq(out.size, 2 * size);
}
END_TEST

/* 1.3 to 1.5 are offered, by a bitmap (section 7.5.1). */
START_TEST(test_hello)
{
    uint32_t versions;

    of_encode_hello(1, &out);
    ck_assert(ofputil_decode_hello(check_out(OFPTYPE_HELLO, 1), &versions));
    ck_assert_uint_eq(versions, 7u << 4);

    struct of_msg m;
    ck_assert_int_eq(of_decode(&out, &m), NVA_OK);
    ck_assert_int_eq(m.type, OF_MSG_HELLO);
    ck_assert_uint_eq(m.versions, 7u << 4);
}
END_TEST

START_TEST(test_hello_failed)
{
    static const uint8_t versions[][2] = {
        { 0, 1 }, { 1, 1 }, { 4, 4 }, { 6, 6 }, { 200, 6 },
    };

    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        struct of_msg m;

        ofpbuf_clear(&out);
        of_encode_hello_failed(9, versions[i][0], &out);
        const struct ofp_header *oh = out.data;
        ck_assert_int_eq(oh->version, versions[i][1]);
        ck_assert_int_eq(ofperr_decode_msg(oh, NULL),
                         OFPERR_OFPHFC_INCOMPATIBLE);
        ck_assert_int_eq(of_decode(&out, &m), NVA_OK);
        ck_assert_int_eq(m.type, OF_MSG_ERROR);
        ck_assert_uint_eq(m.error.xid, 9);
        ck_assert_str_eq(m.error.text, "OFPHFC_INCOMPATIBLE");
    }
}
END_TEST

START_TEST(test_set_async)
{
    struct ofputil_async_cfg basis = OFPUTIL_ASYNC_CFG_INIT;
    struct ofputil_async_cfg ac;

    of_encode_set_async(h(3), &out);
    ck_assert_int_eq(ofputil_decode_set_async_config(
                         check_out(OFPTYPE_SET_ASYNC_CONFIG, 3), false,
                         &basis, &ac), 0);
    ck_assert(ac.primary[OAM_PACKET_IN] & 1u << OFPR_ACTION);
    ck_assert(ac.primary[OAM_PORT_STATUS] & 1u << OFPPR_DELETE);
    ck_assert(ac.primary[OAM_FLOW_REMOVED] & 1u << OFPRR_HARD_TIMEOUT);
    ck_assert(ac.primary[OAM_FLOW_REMOVED] & 1u << OFPRR_DELETE);
}
END_TEST

START_TEST(test_flow_dump_request)
{
    struct ofputil_flow_stats_request fsr;

    of_encode_flow_dump_request(h(4), 0x4e01, 0xff00, &out);
    ck_assert_int_eq(ofputil_decode_flow_stats_request(
                         &fsr, check_out(OFPTYPE_FLOW_STATS_REQUEST, 4),
                         NULL, NULL), 0);
    ck_assert(!fsr.aggregate);
    ck_assert_uint_eq(ntohll(fsr.cookie_mask), 0xff00);
    ck_assert_uint_eq(ntohll(fsr.cookie), 0x4e01);
    ck_assert_uint_eq(fsr.table_id, OFPTT_ALL);
    ck_assert_uint_eq(ofp_to_u16(fsr.out_port), ofp_to_u16(OFPP_ANY));
    ck_assert_uint_eq(fsr.out_group, OFPG_ANY);
}
END_TEST

START_TEST(test_meters)
{
    struct nva_meter meter = { 5, 100, 20 };
    struct ofputil_meter_mod mm;
    struct ofpbuf bands;

    ofpbuf_init(&bands, 0);
    of_encode_meter_add(h(6), &meter, &out);
    ck_assert_int_eq(ofputil_decode_meter_mod(
                         check_out(OFPTYPE_METER_MOD, 6), &mm, &bands), 0);
    ck_assert_int_eq(mm.command, OFPMC13_ADD);
    ck_assert_uint_eq(mm.meter.meter_id, 5);
    ck_assert_uint_eq(mm.meter.n_bands, 1);
    ck_assert(mm.meter.flags & OFPMF13_PKTPS);
    ck_assert(mm.meter.flags & OFPMF13_BURST);
    ck_assert_int_eq(mm.meter.bands[0].type, OFPMBT13_DROP);
    ck_assert_uint_eq(mm.meter.bands[0].rate, 100);
    ck_assert_uint_eq(mm.meter.bands[0].burst_size, 20);

    ofpbuf_clear(&out);
    of_encode_meter_delete(h(7), 5, &out);
    ck_assert_int_eq(ofputil_decode_meter_mod(
                         check_out(OFPTYPE_METER_MOD, 7), &mm, &bands), 0);
    ck_assert_int_eq(mm.command, OFPMC13_DELETE);
    ck_assert_uint_eq(mm.meter.meter_id, 5);
    ofpbuf_uninit(&bands);
}
END_TEST

START_TEST(test_bundle_ctrl)
{
    struct ofputil_bundle_ctrl_msg open, commit, discard;

    of_encode_bundle_open(h(8), 99, &out);
    ck_assert_int_eq(ofputil_decode_bundle_ctrl(
                         check_out(OFPTYPE_BUNDLE_CONTROL, 8), &open), 0);
    ofpbuf_clear(&out);
    of_encode_bundle_commit(h(9), 99, &out);
    ck_assert_int_eq(ofputil_decode_bundle_ctrl(
                         check_out(OFPTYPE_BUNDLE_CONTROL, 9), &commit), 0);
    ofpbuf_clear(&out);
    of_encode_bundle_discard(h(10), 99, &out);
    ck_assert_int_eq(ofputil_decode_bundle_ctrl(
                         check_out(OFPTYPE_BUNDLE_CONTROL, 10), &discard), 0);
    ck_assert_int_eq(discard.type, OFPBCT_DISCARD_REQUEST);
    ck_assert_int_eq(open.type, OFPBCT_OPEN_REQUEST);
    ck_assert_int_eq(commit.type, OFPBCT_COMMIT_REQUEST);
    ck_assert_uint_eq(open.bundle_id, 99);
    ck_assert_uint_eq(commit.bundle_id, 99);
    ck_assert_uint_eq(open.flags, OFPBF_ATOMIC | OFPBF_ORDERED);
    ck_assert_uint_eq(commit.flags, open.flags);
}
END_TEST

/* Decodes 'out', a bundle add, down to its flow mod; the caller frees
 * 'ofpacts' and the match. */
static void
decode_bundle_add(uint32_t xid, struct ofputil_flow_mod *fm,
                  struct ofpbuf *ofpacts)
{
    struct ofputil_bundle_add_msg bam;
    enum ofptype type;

    ck_assert_int_eq(ofputil_decode_bundle_add(
                         check_out(OFPTYPE_BUNDLE_ADD_MESSAGE, xid), &bam,
                         &type), 0);
    ck_assert_int_eq(type, OFPTYPE_FLOW_MOD);
    ck_assert_uint_eq(bam.bundle_id, 99);
    ck_assert_uint_eq(bam.flags, OFPBF_ATOMIC | OFPBF_ORDERED);
    ck_assert_uint_eq(ntohl(bam.msg->xid), xid);
    ofpbuf_init(ofpacts, 0);
    ck_assert_int_eq(ofputil_decode_flow_mod(
                         fm, bam.msg, protocol(), NULL, NULL,
                         ofpacts, u16_to_ofp(0xff00), 255), 0);
}

START_TEST(test_bundle_add)
{
    struct flow_prog_msg msg = { .op = FLOW_PROG_ADD };
    struct ofputil_flow_mod fm;
    struct ofpbuf ofpacts;
    struct nva_flow flow;
    struct match match;

    parse_flow("table=30,priority=7,cookie=0xabc,hard_timeout=9,send_flow_rem,"
               "reg0=100,dl_dst=02:00:00:00:00:01,actions=output:3", &flow);
    msg.flow = &flow;
    ck_assert(of_encode_bundle_add(h(0x01020304), 99, &msg, &out));
    decode_bundle_add(0x01020304, &fm, &ofpacts);
    ck_assert_int_eq(fm.command, OFPFC_ADD);
    ck_assert_uint_eq(fm.table_id, 30);
    ck_assert_int_eq(fm.priority, 7);
    ck_assert_uint_eq(fm.hard_timeout, 9);
    ck_assert_uint_eq(fm.idle_timeout, 0);
    ck_assert_uint_eq(ntohll(fm.new_cookie), 0xabc);
    ck_assert_int_eq(fm.flags, OFPUTIL_FF_SEND_FLOW_REM);
    ck_assert_uint_eq(fm.buffer_id, UINT32_MAX);
    minimatch_expand(&fm.match, &match);
    ck_assert(match_equal(&match, &flow.match));
    ck_assert(ofpacts_equal(ofpacts.data, ofpacts.size, flow.actions.data,
                            flow.actions.size));
    minimatch_destroy(&fm.match);
    ofpbuf_uninit(&ofpacts);
    ofpbuf_uninit(&flow.actions);
}
END_TEST

/* A delete takes what has exactly this cookie, wherever it is. */
START_TEST(test_bundle_delete)
{
    struct flow_prog_msg msg = { .op = FLOW_PROG_DELETE, .cookie = 0xdef };
    struct ofputil_flow_mod fm;
    struct ofpbuf ofpacts;
    struct match match;

    ck_assert(of_encode_bundle_add(h(5), 99, &msg, &out));
    decode_bundle_add(5, &fm, &ofpacts);
    ck_assert_int_eq(fm.command, OFPFC_DELETE);
    ck_assert_uint_eq(fm.table_id, OFPTT_ALL);
    ck_assert_uint_eq(ntohll(fm.cookie), 0xdef);
    ck_assert_uint_eq(ntohll(fm.cookie_mask), UINT64_MAX);
    ck_assert_uint_eq(ofp_to_u16(fm.out_port), ofp_to_u16(OFPP_ANY));
    ck_assert_uint_eq(fm.out_group, OFPG_ANY);
    minimatch_expand(&fm.match, &match);
    ck_assert(flow_wildcards_is_catchall(&match.wc));
    minimatch_destroy(&fm.match);
    ofpbuf_uninit(&ofpacts);
}
END_TEST

/* The same without a bundle. */
START_TEST(test_flow_mod)
{
    struct flow_prog_msg msg = { .op = FLOW_PROG_ADD };
    struct ofputil_flow_mod fm;
    struct ofpbuf ofpacts;
    struct nva_flow flow;

    parse_flow("table=30,priority=7,cookie=0xabc,reg0=100,actions=output:3",
               &flow);
    msg.flow = &flow;
    ck_assert(of_encode_flow_mod(h(21), &msg, &out));
    ofpbuf_init(&ofpacts, 0);
    ck_assert_int_eq(ofputil_decode_flow_mod(
                         &fm, check_out(OFPTYPE_FLOW_MOD, 21), protocol(),
                         NULL, NULL, &ofpacts, u16_to_ofp(0xff00), 255), 0);
    ck_assert_int_eq(fm.command, OFPFC_ADD);
    ck_assert_uint_eq(fm.table_id, 30);
    ck_assert_uint_eq(ntohll(fm.new_cookie), 0xabc);
    minimatch_destroy(&fm.match);
    ofpbuf_uninit(&ofpacts);
    ofpbuf_uninit(&flow.actions);
}
END_TEST

/* Deletes one flow: its table, priority, match and cookie. */
START_TEST(test_flow_delete)
{
    struct of_flow flow = { .cookie = 0xabc, .table = 30, .priority = 7 };
    struct ofputil_flow_mod fm;
    struct ofpbuf ofpacts;
    struct match match;

    match_init_catchall(&flow.match);
    match_set_reg(&flow.match, 0, 100);
    of_encode_flow_delete(h(22), &flow, &out);
    ofpbuf_init(&ofpacts, 0);
    ck_assert_int_eq(ofputil_decode_flow_mod(
                         &fm, check_out(OFPTYPE_FLOW_MOD, 22), protocol(),
                         NULL, NULL, &ofpacts, u16_to_ofp(0xff00), 255), 0);
    ck_assert_int_eq(fm.command, OFPFC_DELETE_STRICT);
    ck_assert_uint_eq(fm.table_id, 30);
    ck_assert_uint_eq(fm.priority, 7);
    ck_assert_uint_eq(ntohll(fm.cookie), 0xabc);
    ck_assert_uint_eq(ntohll(fm.cookie_mask), UINT64_MAX);
    minimatch_expand(&fm.match, &match);
    ck_assert(match_equal(&match, &flow.match));
    minimatch_destroy(&fm.match);
    ofpbuf_uninit(&ofpacts);
}
END_TEST

static void
many_outputs(struct ofpbuf *actions, size_t n)
{
    ofpbuf_init(actions, 0);
    for (size_t i = 0; i < n; i++) {
        ofpact_put_OUTPUT(actions)->port = u16_to_ofp(1 + i % 1000);
    }
}

/* OpenFlow's length has 16 bits: what does not fit is refused, not cut. */
START_TEST(test_too_long)
{
    struct flow_prog_msg msg = { .op = FLOW_PROG_ADD };
    struct nva_flow flow;

    memset(&flow, 0, sizeof flow);
    match_init_catchall(&flow.match);
    msg.flow = &flow;

    /* 16 bytes an output and 80 around them: headers of bundle add and flow
     * mod, match, instruction; 8 more of an experimenter in 1.3. */
    many_outputs(&flow.actions, 4090);
    ck_assert(of_encode_bundle_add(h(1), 99, &msg, &out));
    ck_assert_uint_eq(out.size, 4090 * 16 + (version > 4 ? 80 : 88));
    ofpbuf_uninit(&flow.actions);
    ofpbuf_clear(&out);

    many_outputs(&flow.actions, 4091);
    ck_assert(!of_encode_bundle_add(h(1), 99, &msg, &out));
    ofpbuf_uninit(&flow.actions);
    many_outputs(&flow.actions, 4096);
    ck_assert(!of_encode_packet_out(h(1), "frame", 5, &flow.actions, &out));
    ofpbuf_uninit(&flow.actions);
    ck_assert_uint_eq(out.size, 0);
}
END_TEST

START_TEST(test_packet_out)
{
    struct ofputil_packet_out po;
    struct ofpbuf actions, ofpacts;

    ofpbuf_clear(&out);
    many_outputs(&actions, 1);
    ofpbuf_init(&ofpacts, 0);
    ck_assert(of_encode_packet_out(h(17), "frame", 5, &actions, &out));
    ck_assert_int_eq(ofputil_decode_packet_out(
                         &po, check_out(OFPTYPE_PACKET_OUT, 17), NULL,
                         &ofpacts), 0);
    ck_assert_uint_eq(po.buffer_id, UINT32_MAX);
    ck_assert_uint_eq(ofp_to_u16(po.flow_metadata.flow.in_port.ofp_port),
                      ofp_to_u16(OFPP_CONTROLLER));
    ck_assert_uint_eq(po.packet_len, 5);
    ck_assert_mem_eq(po.packet, "frame", 5);
    ck_assert(ofpacts_equal(po.ofpacts, po.ofpacts_len, actions.data,
                            actions.size));
    ofpbuf_uninit(&actions);
    ofpbuf_uninit(&ofpacts);
}
END_TEST

START_TEST(test_echo_reply)
{
    struct ofpbuf *request = ofputil_encode_echo_request(version);

    ofpbuf_put(request, "data", 4);
    ((struct ofp_header *) request->data)->xid = htonl(55);
    decode(request, OF_MSG_ECHO_REQUEST, true);
    of_encode_echo_reply(request, &out);
    ofpbuf_delete(request);
    check_out(OFPTYPE_ECHO_REPLY, 55);
    ck_assert_uint_eq(out.size, 12);
    ck_assert_mem_eq((char *) out.data + 8, "data", 4);

    struct of_msg m;
    ck_assert_int_eq(of_decode(&out, &m), NVA_OK);
    ck_assert_int_eq(m.type, OF_MSG_ECHO_REPLY);
}
END_TEST

/* ## What we get ## */

START_TEST(test_decode_features)
{
    struct ofputil_switch_features f = {
        .datapath_id = UINT64_C(0xfedcba9876543210),
    };

    struct of_msg m = decode(
        ofputil_encode_switch_features(&f, protocol(), htonl(3)),
        OF_MSG_FEATURES, false);
    ck_assert_uint_eq(m.xid, 3);
    ck_assert_uint_eq(m.features.dpid, f.datapath_id);
}
END_TEST

static const struct {
    enum ofperr error;
    bool table_full, is_slave, exists, bundle;
} errors[] = {
    { OFPERR_OFPFMFC_TABLE_FULL, true, false, false, false },
    { OFPERR_OFPMMFC_OUT_OF_METERS, true, false, false, false },
    { OFPERR_OFPBRC_IS_SECONDARY, false, true, false, false },
    { OFPERR_OFPMMFC_METER_EXISTS, false, false, true, false },
    { OFPERR_OFPBFC_MSG_FAILED, false, false, false, true },
    { OFPERR_OFPBAC_BAD_OUT_GROUP, false, false, false, false },
};

START_TEST(test_decode_error)
{
    struct ofp_header oh = { version, 14, htons(sizeof oh), htonl(321) };

    struct of_msg m = decode(ofperr_encode_reply(errors[_i].error, &oh),
                             OF_MSG_ERROR, false);
    ck_assert_uint_eq(m.error.xid, 321);
    ck_assert_int_eq(m.error.table_full, errors[_i].table_full);
    ck_assert_int_eq(m.error.is_slave, errors[_i].is_slave);
    ck_assert_int_eq(m.error.exists, errors[_i].exists);
    ck_assert_int_eq(m.error.bundle, errors[_i].bundle);
    ck_assert_str_eq(m.error.text, ofperr_get_name(errors[_i].error));
}
END_TEST

/* A code of a later version is an error all the same. */
START_TEST(test_decode_unknown_error)
{
    struct ofpbuf *msg = ofpraw_alloc_xid(OFPRAW_OFPT_ERROR, version,
                                          htonl(5), 4);

    ofpbuf_put(msg, "\x77\x77\x77\x77", 4);
    struct of_msg m = decode(msg, OF_MSG_ERROR, false);
    ck_assert_uint_eq(m.error.xid, 5);
    ck_assert_str_eq(m.error.text, "unknown error");
}
END_TEST

static struct ofputil_phy_port
phy_port(uint16_t port_no, const char *name)
{
    struct ofputil_phy_port pp;

    memset(&pp, 0, sizeof pp);
    pp.port_no = u16_to_ofp(port_no);
    pp.hw_addr = (struct eth_addr) { .ea = { 2, 0, 0, 0, 0, 9 } };
    memcpy(pp.name, name, strnlen(name, sizeof pp.name - 1));
    return pp;
}

START_TEST(test_decode_port_status)
{
    struct ofputil_port_status ps = { OFPPR_DELETE, phy_port(5, "tap-vm1") };

    struct of_msg m = decode(
        ofputil_encode_port_status(&ps, protocol()),
        OF_MSG_PORT_STATUS, false);
    ck_assert(m.port.gone);
    ck_assert_str_eq(m.port.port.name, "tap-vm1");
    ck_assert_uint_eq(m.port.port.ofport, 5);
    ck_assert_uint_eq(m.port.port.hw_addr.ea[5], 9);

    ps.reason = OFPPR_MODIFY;
    m = decode(ofputil_encode_port_status(&ps, protocol()),
               OF_MSG_PORT_STATUS, false);
    ck_assert(!m.port.gone);

    ps.desc.port_no = OFPP_LOCAL;
    decode(ofputil_encode_port_status(&ps, protocol()),
           OF_MSG_OTHER, false);
}
END_TEST

/* Reserved ports are skipped, names mended and cut. */
START_TEST(test_ports)
{
    static const struct {
        uint16_t port_no;
        const char *name, *expected;
    } ports[] = {
        { 0xfffe, "br-int", NULL },     /* OFPP_LOCAL */
        { 1, "vx0", "vx0" },
        { 0xfeff, "a b\n\x7f\xffz", "a?b???z" },
        { 2, "0123456789abcdef", "0123456789abcde" },
        { 3, "", "" },
    };
    size_t n = sizeof ports / sizeof ports[0];
    struct ovs_list parts;
    enum nva_reason error;
    struct nva_port port;

    of_encode_port_desc_request(h(3), &out);
    ofpmp_init(&parts, out.data);
    for (size_t i = 0; i < n; i++) {
        struct ofputil_phy_port pp = phy_port(ports[i].port_no,
                                              ports[i].name);
        ofputil_append_port_desc_stats_reply(&pp, &parts);
    }
    struct ofpbuf *msg = ofpbuf_from_list(ovs_list_pop_front(&parts));
    ck_assert(!decode(msg, OF_MSG_PORT_DESC, true).more);

    struct ofpbuf cursor = ofpbuf_const_initializer(msg->data, msg->size);
    for (size_t i = 1; i < n; i++) {
        ck_assert(of_next_port(&cursor, &port, &error));
        ck_assert_uint_eq(port.ofport, ports[i].port_no);
        ck_assert_str_eq(port.name, ports[i].expected);
    }
    ck_assert(!of_next_port(&cursor, &port, &error));
    ck_assert_int_eq(error, NVA_OK);
    ofpbuf_delete(msg);
}
END_TEST

/* ## Read-back: what was sent has the hash of what is shown ## */

static const char *const flows[] = {
    "table=0,priority=100,cookie=0x101,in_port=1,actions="
        "set_field:100->tun_id,set_field:172.31.0.2->tun_dst,output:7",
    "table=0,in_port=1,dl_dst=02:00:00:00:00:02,actions=set_field:100->tun_id,"
        "set_field:0.0.0.0->tun_dst,set_field:fd31::3->tun_ipv6_dst,in_port",
    "table=0,in_port=7,tun_id=0x64/0x3fffff,actions="
        "move:NXM_NX_TUN_ID[0..21]->NXM_NX_REG0[0..21],"
        "move:NXM_NX_TUN_ID[22..23]->NXM_NX_REG1[0..1],"
        "load:0->NXM_NX_TUN_ID[22..23],goto_table:50",
    "table=10,arp,in_port=1,actions=meter:1,controller(max_len=65535)",
    "table=10,arp,in_port=2,actions=controller(max_len=65535,meter_id=2)",
    "table=40,cookie=0x4e01500000000001,hard_timeout=10,send_flow_rem,"
        "reg0=0x64,dl_dst=02:00:00:00:00:02,actions=resubmit(,41)",
    "table=20,icmp6,icmp_type=135,icmp_code=0,nw_ttl=255,nd_target=fd10::2,"
        "nd_sll=00:00:00:00:00:00,actions=move:eth_src->eth_dst,"
        "set_field:02:00:00:00:00:02->eth_src,move:ipv6_src->ipv6_dst,"
        "set_field:fd10::2->ipv6_src,set_field:255->nw_ttl,"
        "set_field:136->icmpv6_type,resubmit(,21)",
    "table=21,icmp6,icmp_type=136,icmp_code=0,actions="
        "set_field:02:00:00:00:00:02->nd_tll,set_field:2->nd_options_type,"
        "set_field:0x60000000->nd_reserved,in_port",
    "table=21,icmp6,icmp_type=136,icmp_code=0,nd_reserved=0x60000000,"
        "nd_options_type=2,nd_tll=02:00:00:00:00:02,actions=drop",
    "table=20,arp,arp_op=1,arp_tpa=10.0.0.4,actions=move:eth_src->eth_dst,"
        "set_field:2->arp_op,move:arp_sha->arp_tha,move:arp_spa->arp_tpa,"
        "set_field:02:00:00:00:00:04->arp_sha,set_field:10.0.0.4->arp_spa,"
        "in_port",
    "table=0,in_port=2,vlan_tci=0x1000/0x1fff,actions=pop_vlan,goto_table:10",
    "table=50,tun_src=0.0.0.0,actions=clone(set_field:1.2.3.4->tun_dst,"
        "in_port),output:2",
    "priority=0,cookie=1,actions=drop",
};

/* Sends flow 'text' through a bundle, lets the switch's decoder read it and
 * its encoder show it, and returns the hash of what is shown. */
static uint64_t
shown_hash(const struct nva_flow *flow, uint64_t *cookie)
{
    struct flow_prog_msg msg = { .op = FLOW_PROG_ADD, .flow = flow };
    struct ofputil_flow_stats fs;
    struct ofputil_flow_mod fm;
    struct ovs_list parts;
    struct ofpbuf ofpacts;
    enum nva_reason error;
    struct of_flow found, other;

    ofpbuf_clear(&out);
    ck_assert(of_encode_bundle_add(h(1), 99, &msg, &out));
    decode_bundle_add(1, &fm, &ofpacts);
    memset(&fs, 0, sizeof fs);
    minimatch_expand(&fm.match, &fs.match);
    minimatch_destroy(&fm.match);
    fs.cookie = fm.new_cookie;
    fs.table_id = fm.table_id;
    fs.priority = fm.priority;
    fs.hard_timeout = fm.hard_timeout;
    fs.packet_count = 1234;
    fs.duration_sec = 5;
    fs.flags = fm.flags;
    fs.ofpacts = ofpacts.data;
    fs.ofpacts_len = ofpacts.size;

    ofpbuf_clear(&out);
    of_encode_flow_dump_request(h(2), 0, 0, &out);
    ofpmp_init(&parts, out.data);
    ofputil_append_flow_stats_reply(&fs, &parts, NULL);
    ofpbuf_uninit(&ofpacts);
    struct ofpbuf *reply = ofpbuf_from_list(ovs_list_pop_front(&parts));
    decode(reply, OF_MSG_FLOWS, true);

    struct ofpbuf cursor = ofpbuf_const_initializer(reply->data, reply->size);
    ck_assert(of_next_flow(&cursor, &found, &error));
    ck_assert(!of_next_flow(&cursor, &other, &error));
    ck_assert_int_eq(error, NVA_OK);
    ck_assert_uint_eq(found.key, nva_flow_key_hash(flow));
    ofpbuf_delete(reply);
    *cookie = found.cookie;
    return found.hash;
}

START_TEST(test_flow_hash)
{
    struct nva_flow flow;
    uint64_t cookie;

    parse_flow(flows[_i], &flow);
    uint64_t hash = shown_hash(&flow, &cookie);
    ck_assert_uint_eq(hash, nva_flow_hash(&flow));
    ck_assert_uint_eq(cookie, flow.cookie);
    ck_assert_uint_ne(hash, 0);

    /* And another flow has another. */
    flow.priority++;
    ck_assert_uint_ne(hash, shown_hash(&flow, &cookie));
    ofpbuf_uninit(&flow.actions);
}
END_TEST

/* A flow with an action that we do not know is told with hash 0; the flow
 * after it is not lost. */
START_TEST(test_flow_not_decodable)
{
    static const uint8_t unknown[] = {
        0, 4, 0, 16, 0, 0, 0, 0,        /* Apply-actions, */
        0x7f, 0x7f, 0, 8, 0, 0, 0, 0,   /* of an unknown type. */
    };
    struct ofputil_flow_stats fs;
    struct ovs_list parts;
    struct of_flow found;
    enum nva_reason error;

    memset(&fs, 0, sizeof fs);
    match_init_catchall(&fs.match);
    fs.cookie = htonll(1);
    of_encode_flow_dump_request(h(2), 0, 0, &out);
    ofpmp_init(&parts, out.data);
    ofputil_append_flow_stats_reply(&fs, &parts, NULL);
    struct ofpbuf *msg = ofpbuf_from_list(ovs_list_pop_front(&parts));
    size_t one = msg->size - 16;

    /* The same flow again, then the action at the end of the first. */
    ofpbuf_put(msg, (char *) msg->data + 16, one);
    ofpbuf_insert(msg, 16 + one, unknown, sizeof unknown);
    ovs_be16 length = htons(one + sizeof unknown);
    memcpy((char *) msg->data + 16, &length, sizeof length);
    decode(msg, OF_MSG_FLOWS, true);

    struct ofpbuf cursor = ofpbuf_const_initializer(msg->data, msg->size);
    ck_assert(of_next_flow(&cursor, &found, &error));
    ck_assert_uint_eq(found.cookie, 1);
    ck_assert_uint_eq(found.hash, 0);
    ck_assert(of_next_flow(&cursor, &found, &error));
    ck_assert_uint_eq(found.cookie, 1);
    ck_assert_uint_ne(found.hash, 0);
    ck_assert(!of_next_flow(&cursor, &found, &error));
    ck_assert_int_eq(error, NVA_OK);

    /* An entry that reaches beyond the message. */
    length = htons(msg->size);
    memcpy((char *) msg->data + 16, &length, sizeof length);
    cursor = ofpbuf_const_initializer(msg->data, msg->size);
    ck_assert(!of_next_flow(&cursor, &found, &error));
    ck_assert_int_eq(error, NVA_R_MSG_MALFORMED);
    ofpbuf_delete(msg);
}
END_TEST

/* Meters of another kind have rate 0. */
START_TEST(test_meter_configs)
{
    struct ofputil_meter_band band = { OFPMBT13_DROP, 0, 100, 20 };
    struct ofputil_meter_config mc[] = {
        { 1, OFPMF13_PKTPS | OFPMF13_BURST | OFPMF13_STATS, 1, &band },
        { 2, OFPMF13_KBPS, 1, &band },
        { 3, OFPMF13_PKTPS, 0, NULL },
    };
    struct ovs_list parts;
    enum nva_reason error;
    struct nva_meter meter;

    of_encode_meter_dump_request(h(2), &out);
    ofpmp_init(&parts, out.data);
    for (size_t i = 0; i < 3; i++) {
        ofputil_append_meter_config(&parts, &mc[i]);
    }
    struct ofpbuf *msg = ofpbuf_from_list(ovs_list_pop_front(&parts));
    decode(msg, OF_MSG_METERS, true);
    struct ofpbuf cursor = ofpbuf_const_initializer(msg->data, msg->size);
    for (uint32_t i = 1; i <= 3; i++) {
        ck_assert(of_next_meter(&cursor, &meter, &error));
        ck_assert_uint_eq(meter.id, i);
        ck_assert_uint_eq(meter.rate, i == 1 ? 100 : 0);
        ck_assert_uint_eq(meter.burst, i == 1 ? 20 : 0);
    }
    ck_assert(!of_next_meter(&cursor, &meter, &error));
    ck_assert_int_eq(error, NVA_OK);
    ofpbuf_delete(msg);
}
END_TEST

START_TEST(test_decode_packet_in)
{
    struct ofputil_packet_in_private pin;

    memset(&pin, 0, sizeof pin);
    match_init_catchall(&pin.base.flow_metadata);
    match_set_in_port(&pin.base.flow_metadata, u16_to_ofp(3));
    match_set_tun_id(&pin.base.flow_metadata, htonll(0xc00064));
    match_set_tun_dst(&pin.base.flow_metadata, htonl(0x0a000001));
    match_set_reg(&pin.base.flow_metadata, 0, 100);
    pin.base.packet = CONST_CAST(char *, "packet");
    pin.base.packet_len = 6;
    pin.base.reason = OFPR_ACTION;
    pin.base.table_id = 50;
    struct ofpbuf *msg = ofputil_encode_packet_in_private(
        &pin, protocol(), OFPUTIL_PACKET_IN_STD);

    struct of_msg m = decode(msg, OF_MSG_PACKET_IN, true);
    ck_assert_uint_eq(m.pin.table, 50);
    ck_assert_uint_eq(m.pin.in_port, 3);
    ck_assert_uint_eq(m.pin.tun_id, 0xc00064);
    ck_assert_uint_eq(m.pin.size, 6);
    ck_assert_mem_eq(m.pin.data, "packet", 6);

    /* A buffer id and a cut packet change nothing. */
    memcpy((char *) msg->data + 8, "\0\0\0\x05\x10\0", 6);
    m = decode(msg, OF_MSG_PACKET_IN, true);
    ck_assert_uint_eq(m.pin.size, 6);
    ofpbuf_delete(msg);
}
END_TEST

START_TEST(test_decode_flow_removed)
{
    struct ofputil_flow_removed fr;

    memset(&fr, 0, sizeof fr);
    match_init_catchall(&fr.match);
    fr.cookie = htonll(0x4e01);
    fr.table_id = 40;
    fr.packet_count = 77;
    fr.reason = OFPRR_HARD_TIMEOUT;
    struct of_msg m = decode(
        ofputil_encode_flow_removed(&fr, protocol()),
        OF_MSG_FLOW_REMOVED, false);
    ck_assert_uint_eq(m.removed.cookie, 0x4e01);
    ck_assert_uint_eq(m.removed.table, 40);
    ck_assert_uint_eq(m.removed.packets, 77);
    ck_assert(m.removed.by_timeout);

    fr.reason = OFPRR_DELETE;
    m = decode(ofputil_encode_flow_removed(&fr, protocol()),
               OF_MSG_FLOW_REMOVED, false);
    ck_assert(!m.removed.by_timeout);
}
END_TEST

START_TEST(test_decode_bundle_and_role)
{
    struct ofputil_bundle_ctrl_msg bc = { 99, OFPBCT_COMMIT_REPLY, 0 };
    struct ofputil_role_status rs = { OFPCR12_ROLE_SECONDARY,
                                      OFPCRR_PRIMARY_REQUEST, 5 };

    of_encode_bundle_commit(h(8), 99, &out);
    struct of_msg m = decode(ofputil_encode_bundle_ctrl_reply(out.data, &bc),
                             OF_MSG_BUNDLE_CTRL, false);
    ck_assert(m.bundle.committed);
    ck_assert(!m.bundle.opened);
    ck_assert_uint_eq(m.xid, 8);
    bc.type = OFPBCT_OPEN_REPLY;
    m = decode(ofputil_encode_bundle_ctrl_reply(out.data, &bc),
               OF_MSG_BUNDLE_CTRL, false);
    ck_assert(!m.bundle.committed);
    ck_assert(m.bundle.opened);

    m = decode(ofputil_encode_role_status(&rs, protocol()),
               OF_MSG_ROLE_STATUS, false);
    ck_assert(m.slave);
    rs.role = OFPCR12_ROLE_PRIMARY;
    m = decode(ofputil_encode_role_status(&rs, protocol()),
               OF_MSG_ROLE_STATUS, false);
    ck_assert(!m.slave);
}
END_TEST

START_TEST(test_decode_multipart_more)
{
    ovs_be16 flags = htons(1);
    struct ovs_list parts;

    of_encode_flow_dump_request(h(2), 0, 0, &out);
    ofpmp_init(&parts, out.data);
    struct ofpbuf *msg = ofpbuf_from_list(ovs_list_pop_front(&parts));
    ck_assert(!decode(msg, OF_MSG_FLOWS, true).more);
    memcpy((char *) msg->data + 10, &flags, sizeof flags);
    ck_assert(decode(msg, OF_MSG_FLOWS, false).more);
}
END_TEST

/* Lengths that are not the message's, versions that are not ours. */
START_TEST(test_decode_bad_header)
{
    struct of_msg m;

    of_encode_barrier(h(1), &out);
    out.size--;
    ck_assert_int_eq(of_decode(&out, &m), NVA_R_MSG_MALFORMED);
    out.size++;
    ofpbuf_put_zeros(&out, 8);
    ck_assert_int_eq(of_decode(&out, &m), NVA_R_MSG_MALFORMED);

    struct ofpbuf *reply = ofpraw_alloc_xid(OFPRAW_OFPT11_BARRIER_REPLY,
                                            OFP12_VERSION, 0, 0);
    ofpmsg_update_length(reply);
    ck_assert_int_eq(of_decode(reply, &m), NVA_R_MSG_MALFORMED);
    ofpbuf_delete(reply);
}
END_TEST

/* Requests, which a switch never sends, are of no use and do no harm. */
START_TEST(test_decode_other)
{
    struct of_msg m;

    of_encode_barrier(h(1), &out);
    ck_assert_int_eq(of_decode(&out, &m), NVA_OK);
    ck_assert_int_eq(m.type, OF_MSG_OTHER);
    ck_assert_uint_eq(m.xid, 1);
}
END_TEST

static void
add_sent(TCase *tc)
{
    tcase_add_test(tc, test_simple_messages);
    tcase_add_test(tc, test_appends);
    tcase_add_test(tc, test_hello);
    tcase_add_test(tc, test_hello_failed);
    tcase_add_test(tc, test_set_async);
    tcase_add_test(tc, test_flow_dump_request);
    tcase_add_test(tc, test_meters);
    tcase_add_test(tc, test_bundle_ctrl);
    tcase_add_test(tc, test_bundle_add);
    tcase_add_test(tc, test_bundle_delete);
    tcase_add_test(tc, test_flow_mod);
    tcase_add_test(tc, test_flow_delete);
    tcase_add_test(tc, test_too_long);
    tcase_add_test(tc, test_packet_out);
    tcase_add_test(tc, test_echo_reply);
}

static void
add_received(TCase *tc)
{
    tcase_add_test(tc, test_decode_features);
    tcase_add_loop_test(tc, test_decode_error, 0,
                        sizeof errors / sizeof errors[0]);
    tcase_add_test(tc, test_decode_unknown_error);
    tcase_add_test(tc, test_decode_port_status);
    tcase_add_test(tc, test_ports);
    tcase_add_loop_test(tc, test_flow_hash, 0,
                        sizeof flows / sizeof flows[0]);
    tcase_add_test(tc, test_flow_not_decodable);
    tcase_add_test(tc, test_meter_configs);
    tcase_add_test(tc, test_decode_packet_in);
    tcase_add_test(tc, test_decode_flow_removed);
    tcase_add_test(tc, test_decode_bundle_and_role);
    tcase_add_test(tc, test_decode_multipart_more);
    tcase_add_test(tc, test_decode_bad_header);
    tcase_add_test(tc, test_decode_other);
}

/* All of it in each version. */
static void
add_version(Suite *suite, const char *name, SFun set_up)
{
    TCase *sent = tcase_create(name);
    TCase *received = tcase_create(name);

    tcase_add_checked_fixture(sent, set_up, teardown);
    tcase_add_checked_fixture(received, set_up, teardown);
    add_sent(sent);
    add_received(received);
    suite_add_tcase(suite, sent);
    suite_add_tcase(suite, received);
}

int
main(void)
{
    Suite *suite = suite_create("of-codec");
    SRunner *sr = srunner_create(suite);
    int failed;

    add_version(suite, "OpenFlow 1.3", setup_13);
    add_version(suite, "OpenFlow 1.4", setup_14);
    add_version(suite, "OpenFlow 1.5", setup_15);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
