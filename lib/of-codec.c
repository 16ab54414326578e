/* SPDX-License-Identifier: Apache-2.0 */

/* OpenFlow 1.3, 1.4 and 1.5 messages <-> our values.
 *
 * Knows the wire format, through libopenvswitch's codec; must never know a
 * socket, a session's state or what a flow is for.  Invariants: every message
 * it makes carries its caller's xid (libopenvswitch draws xids from a counter
 * of its own, which is overwritten before a bundle wraps the message, so that
 * inner and outer xid are the same); no bytes from a peer reach a decoder that
 * asserts before the message's version, type and length have been checked, and
 * each part of a multipart reply is decoded inside its own bounds.
 *
 * libopenvswitch may log what it cannot decode: the one impurity admitted.
 *
 * OpenFlow Switch Specification 1.3.5, 1.4.1 and 1.5.1, section 7; ONF
 * extension 230 (bundles in 1.3). */

#include <config.h>

#include "of-codec.h"

#include <arpa/inet.h>
#include <string.h>

#include "byte-order.h"
#include "flow.h"
#include "openflow/openflow.h"
#include "openvswitch/ofp-bundle.h"
#include "openvswitch/ofp-connection.h"
#include "openvswitch/ofp-errors.h"
#include "openvswitch/ofp-flow.h"
#include "openvswitch/ofp-meter.h"
#include "openvswitch/ofp-monitor.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofp-packet.h"
#include "openvswitch/ofp-port.h"
#include "openvswitch/ofp-protocol.h"
#include "openvswitch/ofp-switch.h"
#include "openvswitch/ofp-util.h"
#include "openvswitch/packets.h"
#include "openvswitch/util.h"
#include "util.h"

/* All messages of a bundle must carry the same flags. */
#define BUNDLE_FLAGS (OFPBF_ATOMIC | OFPBF_ORDERED)

typedef enum nva_reason decode_func(const struct ofpbuf *msg,
                                    struct of_msg *out);

static bool put(struct ofpbuf *msg, uint32_t xid, struct ofpbuf *out);
static enum ofputil_protocol protocol(uint8_t version);
static void put_meter_mod(struct of_head, enum ofp13_meter_mod_command,
                          struct ofputil_meter_config *, struct ofpbuf *out);
static void put_bundle_ctrl(struct of_head, uint32_t bundle, uint16_t type,
                            struct ofpbuf *out);
static struct ofpbuf *flow_mod(uint8_t version, const struct flow_prog_msg *);
static nva_ofport ofport_to_nva(ofp_port_t);
static bool port_to_nva(const struct ofputil_phy_port *, struct nva_port *);
static bool parts_start(struct ofpbuf *cursor, enum of_msg_type,
                        enum nva_reason *error);
static size_t flow_entry_min(const struct ofpbuf *cursor);
static bool parts_entry(struct ofpbuf *cursor, size_t min,
                        struct ofpbuf *entry, enum nva_reason *error);

static decode_func decode_hello, decode_error, decode_features;
static decode_func decode_port_status, decode_packet_in, decode_flow_removed;
static decode_func decode_bundle_ctrl, decode_role_status, decode_multipart;
static decode_func decode_nothing;

/* What we have a use for.  Length and version have been checked when 'decode'
 * is called; only a hello and an error may be of another version. */
static const struct decoder {
    enum ofpraw raw;
    enum of_msg_type type;
    decode_func *decode;
} decoders[] = {
    { OFPRAW_OFPT13_PACKET_IN, OF_MSG_PACKET_IN, decode_packet_in },
    { OFPRAW_OFPST13_FLOW_REPLY, OF_MSG_FLOWS, decode_multipart },
    { OFPRAW_OFPST15_FLOW_REPLY, OF_MSG_FLOWS, decode_multipart },
    { OFPRAW_OFPT11_BARRIER_REPLY, OF_MSG_BARRIER, decode_nothing },
    { OFPRAW_ONFT13_BUNDLE_CONTROL, OF_MSG_BUNDLE_CTRL, decode_bundle_ctrl },
    { OFPRAW_OFPT14_BUNDLE_CONTROL, OF_MSG_BUNDLE_CTRL, decode_bundle_ctrl },
    { OFPRAW_OFPT_ECHO_REQUEST, OF_MSG_ECHO_REQUEST, decode_nothing },
    { OFPRAW_OFPT_ECHO_REPLY, OF_MSG_ECHO_REPLY, decode_nothing },
    { OFPRAW_OFPT_ERROR, OF_MSG_ERROR, decode_error },
    { OFPRAW_OFPT11_FLOW_REMOVED, OF_MSG_FLOW_REMOVED, decode_flow_removed },
    { OFPRAW_OFPT15_FLOW_REMOVED, OF_MSG_FLOW_REMOVED, decode_flow_removed },
    { OFPRAW_OFPT11_PORT_STATUS, OF_MSG_PORT_STATUS, decode_port_status },
    { OFPRAW_OFPT14_PORT_STATUS, OF_MSG_PORT_STATUS, decode_port_status },
    { OFPRAW_OFPST11_PORT_DESC_REPLY, OF_MSG_PORT_DESC, decode_multipart },
    { OFPRAW_OFPST14_PORT_DESC_REPLY, OF_MSG_PORT_DESC, decode_multipart },
    { OFPRAW_OFPST13_METER_CONFIG_REPLY, OF_MSG_METERS, decode_multipart },
    { OFPRAW_OFPT13_FEATURES_REPLY, OF_MSG_FEATURES, decode_features },
    { OFPRAW_ONFT13_ROLE_STATUS, OF_MSG_ROLE_STATUS, decode_role_status },
    { OFPRAW_OFPT14_ROLE_STATUS, OF_MSG_ROLE_STATUS, decode_role_status },
    { OFPRAW_OFPT_HELLO, OF_MSG_HELLO, decode_hello },
};

static const struct decoder *find_decoder(enum ofpraw);

const char *
of_version_text(uint8_t version)
{
    return version == 4 ? "1.3" : version == 5 ? "1.4" : "1.5";
}

/* ## Messages we send ## */

void
of_encode_hello(uint32_t xid, struct ofpbuf *out)
{
    put(ofputil_encode_hello(OF_VERSIONS), xid, out);
}

void
of_encode_hello_failed(uint32_t xid, uint8_t version, struct ofpbuf *out)
{
    enum ofp_version v = MAX(OFP10_VERSION, MIN(version, OF_VERSION_MAX));

    put(ofperr_encode_hello(OFPERR_OFPHFC_INCOMPATIBLE, v,
                            "OpenFlow 1.3, 1.4 and 1.5 are spoken here"), xid,
        out);
}

void
of_encode_echo_request(struct of_head head, struct ofpbuf *out)
{
    put(ofputil_encode_echo_request(head.version), head.xid, out);
}

void
of_encode_echo_reply(const struct ofpbuf *request, struct ofpbuf *out)
{
    const struct ofp_header *oh = request->data;

    put(ofputil_encode_echo_reply(oh), ntohl(oh->xid), out);
}

void
of_encode_features_request(struct of_head head, struct ofpbuf *out)
{
    put(ofpraw_alloc(OFPRAW_OFPT_FEATURES_REQUEST, head.version, 0), head.xid,
        out);
}

void
of_encode_port_desc_request(struct of_head head, struct ofpbuf *out)
{
    put(ofputil_encode_port_desc_stats_request(head.version, OFPP_ANY),
        head.xid, out);
}

void
of_encode_flow_dump_request(struct of_head head, uint64_t cookie,
                            uint64_t cookie_mask, struct ofpbuf *out)
{
    struct ofputil_flow_stats_request fsr = {
        .cookie = htonll(cookie),
        .cookie_mask = htonll(cookie_mask),
        .out_port = OFPP_ANY,
        .out_group = OFPG_ANY,
        .table_id = OFPTT_ALL,
    };

    match_init_catchall(&fsr.match);
    put(ofputil_encode_flow_stats_request(&fsr, protocol(head.version)),
        head.xid, out);
}

void
of_encode_meter_dump_request(struct of_head head, struct ofpbuf *out)
{
    put(ofputil_encode_meter_request(head.version, OFPUTIL_METER_CONFIG,
                                     OFPM13_ALL), head.xid, out);
}

void
of_encode_set_async(struct of_head head, struct ofpbuf *out)
{
    struct ofputil_async_cfg ac = ofputil_async_cfg_default(head.version);
    uint32_t role = (1u << OFPCRR_N_REASONS) - 1;

    ac.primary[OAM_ROLE_STATUS] = ac.secondary[OAM_ROLE_STATUS] = role;
    put(ofputil_encode_set_async_config(&ac, (1u << OAM_PACKET_IN)
                                        | (1u << OAM_PORT_STATUS)
                                        | (1u << OAM_FLOW_REMOVED)
                                        | (1u << OAM_ROLE_STATUS),
                                        head.version), head.xid, out);
}

void
of_encode_set_config(struct of_head head, struct ofpbuf *out)
{
    const struct ofputil_switch_config config = {
        .frag = OFPUTIL_FRAG_NX_MATCH,
        .invalid_ttl_to_controller = -1,
        .miss_send_len = OFP_DEFAULT_MISS_SEND_LEN,
    };

    put(ofputil_encode_set_config(&config, head.version), head.xid, out);
}

void
of_encode_barrier(struct of_head head, struct ofpbuf *out)
{
    put(ofputil_encode_barrier_request(head.version), head.xid, out);
}

void
of_encode_meter_add(struct of_head head, const struct nva_meter *meter,
                    struct ofpbuf *out)
{
    struct ofputil_meter_band band = {
        .type = OFPMBT13_DROP,
        .rate = meter->rate,
        .burst_size = meter->burst,
    };
    struct ofputil_meter_config mc = {
        .meter_id = meter->id,
        .flags = OFPMF13_PKTPS | OFPMF13_BURST | OFPMF13_STATS,
        .n_bands = 1,
        .bands = &band,
    };

    put_meter_mod(head, OFPMC13_ADD, &mc, out);
}

void
of_encode_meter_delete(struct of_head head, uint32_t meter, struct ofpbuf *out)
{
    struct ofputil_meter_config mc = { .meter_id = meter };

    put_meter_mod(head, OFPMC13_DELETE, &mc, out);
}

void
of_encode_bundle_open(struct of_head head, uint32_t bundle, struct ofpbuf *out)
{
    put_bundle_ctrl(head, bundle, OFPBCT_OPEN_REQUEST, out);
}

void
of_encode_bundle_commit(struct of_head head, uint32_t bundle,
                        struct ofpbuf *out)
{
    put_bundle_ctrl(head, bundle, OFPBCT_COMMIT_REQUEST, out);
}

void
of_encode_bundle_discard(struct of_head head, uint32_t bundle,
                         struct ofpbuf *out)
{
    put_bundle_ctrl(head, bundle, OFPBCT_DISCARD_REQUEST, out);
}

bool
of_encode_bundle_add(struct of_head head, uint32_t bundle,
                     const struct flow_prog_msg *msg, struct ofpbuf *out)
{
    struct ofpbuf *inner = flow_mod(head.version, msg);
    struct ofp_header *oh = inner->data;
    bool fits = inner->size <= UINT16_MAX;

    oh->xid = htonl(head.xid);

    struct ofputil_bundle_add_msg bam = {
        .bundle_id = bundle,
        .flags = BUNDLE_FLAGS,
        .msg = oh,
    };
    fits = fits && put(ofputil_encode_bundle_add(head.version, &bam), head.xid,
                       out);
    ofpbuf_delete(inner);
    return fits;
}

bool
of_encode_flow_mod(struct of_head head, const struct flow_prog_msg *msg,
                   struct ofpbuf *out)
{
    return put(flow_mod(head.version, msg), head.xid, out);
}

void
of_encode_flow_delete(struct of_head head, const struct of_flow *flow,
                      struct ofpbuf *out)
{
    struct ofputil_flow_mod fm = {
        .table_id = flow->table,
        .command = OFPFC_DELETE_STRICT,
        .priority = flow->priority,
        .cookie = htonll(flow->cookie),
        .cookie_mask = OVS_BE64_MAX,
        .buffer_id = UINT32_MAX,
        .out_port = OFPP_ANY,
        .out_group = OFPG_ANY,
    };

    minimatch_init(&fm.match, &flow->match);
    put(ofputil_encode_flow_mod(&fm, protocol(head.version)), head.xid, out);
    minimatch_destroy(&fm.match);
}

bool
of_encode_packet_out(struct of_head head, const void *data, size_t size,
                     const struct ofpbuf *ofpacts, struct ofpbuf *out)
{
    struct ofputil_packet_out po = {
        .packet = data,
        .packet_len = size,
        .buffer_id = UINT32_MAX,
        .ofpacts = ofpacts->data,
        .ofpacts_len = ofpacts->size,
    };

    match_init_catchall(&po.flow_metadata);
    match_set_in_port(&po.flow_metadata, OFPP_CONTROLLER);
    return put(ofputil_encode_packet_out(&po, protocol(head.version)),
               head.xid, out);
}

/* ## Messages we get ## */

enum nva_reason
of_decode(const struct ofpbuf *msg, struct of_msg *out)
{
    const struct ofp_header *oh = msg->data;
    enum ofpraw raw;

    memset(out, 0, sizeof *out);
    out->type = OF_MSG_OTHER;
    if (msg->size < sizeof *oh || ntohs(oh->length) != msg->size) {
        return NVA_R_MSG_MALFORMED;
    }
    out->xid = ntohl(oh->xid);

    enum ofperr error = ofpraw_decode_partial(&raw, oh, msg->size);
    if (error) {
        return (error == OFPERR_OFPBRC_BAD_LEN ? NVA_R_MSG_MALFORMED
                : NVA_OK);
    }

    const struct decoder *d = find_decoder(raw);
    if (!d) {
        return NVA_OK;
    }
    out->type = d->type;
    if ((oh->version < OF_VERSION_MIN || oh->version > OF_VERSION_MAX)
        && d->type != OF_MSG_HELLO && d->type != OF_MSG_ERROR) {
        return NVA_R_MSG_MALFORMED;
    }
    return (ofpraw_decode(&raw, oh) ? NVA_R_MSG_MALFORMED
            : d->decode(msg, out));
}

bool
of_next_port(struct ofpbuf *cursor, struct nva_port *port,
             enum nva_reason *error)
{
    while (parts_start(cursor, OF_MSG_PORT_DESC, error)) {
        const struct ofp_header *oh = cursor->header;
        struct ofputil_phy_port pp;

        if (ofputil_pull_phy_port(oh->version, cursor, &pp)) {
            *error = NVA_R_MSG_MALFORMED;
            return false;
        }
        if (port_to_nva(&pp, port)) {
            return true;
        }
    }
    return false;
}

bool
of_next_flow(struct ofpbuf *cursor, struct of_flow *out,
             enum nva_reason *error)
{
    struct ofpbuf entry;

    if (!parts_start(cursor, OF_MSG_FLOWS, error)
        || !parts_entry(cursor, flow_entry_min(cursor), &entry, error)) {
        return false;
    }

    const struct ofp_header *oh = cursor->header;
    const struct ofp15_flow_desc *ofd = entry.data;
    const struct ofp11_flow_stats *ofs = entry.data;
    out->cookie = ntohll(oh->version >= OFP15_VERSION ? ofd->cookie
                         : ofs->cookie);
    out->hash = out->key = 0;

    uint64_t stub[1024 / 8];
    struct ofpbuf ofpacts = OFPBUF_STUB_INITIALIZER(stub);
    struct ofputil_flow_stats fs;
    if (!ofputil_decode_flow_stats_reply(&fs, &entry, false, &ofpacts)) {
        struct nva_flow flow = {
            .table = fs.table_id,
            .priority = fs.priority,
            .idle_timeout = fs.idle_timeout,
            .hard_timeout = fs.hard_timeout,
            .send_flow_removed = fs.flags & OFPUTIL_FF_SEND_FLOW_REM,
            .cookie = out->cookie,
            .match = fs.match,
            .actions = ofpbuf_const_initializer(fs.ofpacts, fs.ofpacts_len),
        };
        out->hash = nva_flow_hash(&flow);
        out->key = nva_flow_key_hash(&flow);
        out->table = flow.table;
        out->priority = flow.priority;
        out->match = flow.match;
    }
    ofpbuf_uninit(&ofpacts);
    return true;
}

bool
of_next_meter(struct ofpbuf *cursor, struct nva_meter *meter,
              enum nva_reason *error)
{
    struct ofpbuf entry;

    if (!parts_start(cursor, OF_MSG_METERS, error)
        || !parts_entry(cursor, sizeof(struct ofp13_meter_config), &entry,
                        error)) {
        return false;
    }

    const struct ofp13_meter_config *omc = entry.data;
    *meter = (struct nva_meter) { .id = ntohl(omc->meter_id) };

    struct ofputil_meter_band stub[4];
    struct ofpbuf bands;
    struct ofputil_meter_config mc;
    ofpbuf_use_stub(&bands, stub, sizeof stub);
    if (!ofputil_decode_meter_config(&entry, &mc, &bands)
        && mc.n_bands == 1 && mc.bands[0].type == OFPMBT13_DROP
        && mc.flags & OFPMF13_PKTPS) {
        meter->rate = mc.bands[0].rate;
        meter->burst = mc.bands[0].burst_size;
    }
    ofpbuf_uninit(&bands);
    return true;
}

/* ## Helpers ## */

static const struct decoder *
find_decoder(enum ofpraw raw)
{
    for (size_t i = 0; i < sizeof decoders / sizeof decoders[0]; i++) {
        if (decoders[i].raw == raw) {
            return &decoders[i];
        }
    }
    return NULL;
}

/* Sets 'msg''s length and xid, appends it to 'out' and frees it.  False, and
 * nothing is appended, if it is longer than OpenFlow's length can say. */
static bool
put(struct ofpbuf *msg, uint32_t xid, struct ofpbuf *out)
{
    struct ofp_header *oh = msg->data;
    bool fits = msg->size <= UINT16_MAX;

    if (fits) {
        ofpmsg_update_length(msg);
        oh->xid = htonl(xid);
        ofpbuf_put(out, msg->data, msg->size);
    }
    ofpbuf_delete(msg);
    return fits;
}

static enum ofputil_protocol
protocol(uint8_t version)
{
    return ofputil_protocol_from_ofp_version(version);
}

static void
put_meter_mod(struct of_head head, enum ofp13_meter_mod_command command,
              struct ofputil_meter_config *mc, struct ofpbuf *out)
{
    struct ofputil_meter_mod mm = { .command = command, .meter = *mc };

    put(ofputil_encode_meter_mod(head.version, &mm), head.xid, out);
}

static void
put_bundle_ctrl(struct of_head head, uint32_t bundle, uint16_t type,
                struct ofpbuf *out)
{
    struct ofputil_bundle_ctrl_msg bc = {
        .bundle_id = bundle,
        .type = type,
        .flags = BUNDLE_FLAGS,
    };

    put(ofputil_encode_bundle_ctrl_request(head.version, &bc), head.xid,
        out);
}

/* The caller frees the message. */
static struct ofpbuf *
flow_mod(uint8_t version, const struct flow_prog_msg *msg)
{
    struct ofputil_flow_mod fm = {
        .table_id = OFPTT_ALL,
        .command = OFPFC_DELETE,
        .cookie = htonll(msg->cookie),
        .cookie_mask = OVS_BE64_MAX,
        .buffer_id = UINT32_MAX,
        .out_port = OFPP_ANY,
        .out_group = OFPG_ANY,
    };

    if (msg->op == FLOW_PROG_ADD) {
        const struct nva_flow *flow = msg->flow;

        fm.command = OFPFC_ADD;
        fm.table_id = flow->table;
        fm.priority = flow->priority;
        fm.idle_timeout = flow->idle_timeout;
        fm.hard_timeout = flow->hard_timeout;
        fm.flags = flow->send_flow_removed ? OFPUTIL_FF_SEND_FLOW_REM : 0;
        fm.cookie = fm.cookie_mask = 0;
        fm.new_cookie = htonll(flow->cookie);
        fm.ofpacts = flow->actions.data;
        fm.ofpacts_len = flow->actions.size;
        minimatch_init(&fm.match, &flow->match);
    } else {
        minimatch_init_catchall(&fm.match);
    }

    struct ofpbuf *b = ofputil_encode_flow_mod(&fm, protocol(version));
    minimatch_destroy(&fm.match);
    return b;
}

static nva_ofport
ofport_to_nva(ofp_port_t port)
{
    return ntohl(ofputil_port_to_ofp11(port));
}

/* False for a port we have no use for: one that is reserved (as the bridge's
 * own, OFPP_LOCAL) or numbered 0, which OpenFlow excludes. */
static bool
port_to_nva(const struct ofputil_phy_port *pp, struct nva_port *port)
{
    memset(port, 0, sizeof *port);
    if (!pp->port_no || ofp_to_u16(pp->port_no) >= ofp_to_u16(OFPP_MAX)) {
        return false;
    }
    port->ofport = ofport_to_nva(pp->port_no);
    port->hw_addr = pp->hw_addr;

    /* '?' is in no valid name of ours: what was mended matches no VAP. */
    for (size_t i = 0; i < sizeof port->name - 1 && pp->name[i]; i++) {
        char c = pp->name[i];

        port->name[i] = c > ' ' && c <= '~' ? c : '?';
    }
    return true;
}

/* Pulls the headers at the first call.  True if 'cursor' holds more. */
static bool
parts_start(struct ofpbuf *cursor, enum of_msg_type want,
            enum nva_reason *error)
{
    const struct decoder *d;
    enum ofpraw raw;

    *error = NVA_OK;
    if (!cursor->header
        && (ofpraw_pull(&raw, cursor) || !(d = find_decoder(raw))
            || d->type != want)) {
        *error = NVA_R_MSG_MALFORMED;
        return false;
    }
    return cursor->size > 0;
}

static size_t
flow_entry_min(const struct ofpbuf *cursor)
{
    const struct ofp_header *oh = cursor->header;

    return (oh->version >= OFP15_VERSION ? sizeof(struct ofp15_flow_desc)
            : sizeof(struct ofp11_flow_stats));
}

/* Pulls the next entry, which starts with its own length, into 'entry', so
 * that whatever the decoder does stays within it. */
static bool
parts_entry(struct ofpbuf *cursor, size_t min, struct ofpbuf *entry,
            enum nva_reason *error)
{
    const ovs_be16 *lengthp = cursor->data;
    size_t length;

    if (cursor->size < min || (length = ntohs(*lengthp)) < min
        || length > cursor->size || length % 8) {
        *error = NVA_R_MSG_MALFORMED;
        return false;
    }
    *entry = ofpbuf_const_initializer(cursor->data, length);
    entry->header = cursor->header;
    entry->msg = cursor->msg;
    ofpbuf_pull(cursor, length);
    return true;
}

static enum nva_reason
decode_nothing(const struct ofpbuf *msg OVS_UNUSED,
               struct of_msg *out OVS_UNUSED)
{
    return NVA_OK;
}

static enum nva_reason
decode_hello(const struct ofpbuf *msg, struct of_msg *out)
{
    /* Elements that are not understood are ignored (section 7.5.1). */
    ofputil_decode_hello(msg->data, &out->versions);
    return NVA_OK;
}

/* An error of a kind we do not know is an error all the same: what it was
 * about has failed. */
static enum nva_reason
decode_error(const struct ofpbuf *msg, struct of_msg *out)
{
    enum ofperr e = ofperr_decode_msg(msg->data, NULL);
    const char *name = e ? ofperr_get_name(e) : "unknown error";

    out->error.xid = out->xid;
    out->error.table_full = (e == OFPERR_OFPFMFC_TABLE_FULL
                             || e == OFPERR_OFPMMFC_OUT_OF_METERS);
    out->error.is_slave = e == OFPERR_OFPBRC_IS_SECONDARY;
    out->error.exists = e == OFPERR_OFPMMFC_METER_EXISTS;
    out->error.bundle = !strncmp(name, "OFPBFC_", 7);
    for (size_t i = 0; i < sizeof out->error.text - 1 && name[i]; i++) {
        out->error.text[i] = name[i];
    }
    return NVA_OK;
}

static enum nva_reason
decode_features(const struct ofpbuf *msg, struct of_msg *out)
{
    struct ofpbuf b = ofpbuf_const_initializer(msg->data, msg->size);
    struct ofputil_switch_features features;

    if (ofputil_pull_switch_features(&b, &features)) {
        return NVA_R_MSG_MALFORMED;
    }
    out->features.dpid = features.datapath_id;
    return NVA_OK;
}

static enum nva_reason
decode_port_status(const struct ofpbuf *msg, struct of_msg *out)
{
    struct ofputil_port_status ps;

    if (ofputil_decode_port_status(msg->data, &ps)) {
        return NVA_R_MSG_MALFORMED;
    }
    out->port.gone = ps.reason == OFPPR_DELETE;
    if (!port_to_nva(&ps.desc, &out->port.port)) {
        out->type = OF_MSG_OTHER;
    }
    return NVA_OK;
}

static enum nva_reason
decode_packet_in(const struct ofpbuf *msg, struct of_msg *out)
{
    struct ofputil_packet_in pin;

    /* Without continuation and userdata nothing in 'pin' is allocated. */
    if (ofputil_decode_packet_in(msg->data, true, NULL, NULL, &pin, NULL,
                                 NULL, NULL)) {
        return NVA_R_MSG_MALFORMED;
    }

    const struct flow *flow = &pin.flow_metadata.flow;
    out->pin.table = pin.table_id;
    out->pin.in_port = ofport_to_nva(flow->in_port.ofp_port);
    out->pin.tun_id = ntohll(flow->tunnel.tun_id);
    out->pin.refusal = flow->regs[3];
    out->pin.data = pin.packet;
    out->pin.size = pin.packet_len;
    return NVA_OK;
}

static enum nva_reason
decode_flow_removed(const struct ofpbuf *msg, struct of_msg *out)
{
    struct ofputil_flow_removed fr;

    if (ofputil_decode_flow_removed(&fr, msg->data)) {
        return NVA_R_MSG_MALFORMED;
    }
    out->removed.cookie = ntohll(fr.cookie);
    out->removed.packets = fr.packet_count == UINT64_MAX ? 0 : fr.packet_count;
    out->removed.table = fr.table_id;
    out->removed.by_timeout = (fr.reason == OFPRR_HARD_TIMEOUT
                               || fr.reason == OFPRR_IDLE_TIMEOUT);
    return NVA_OK;
}

static enum nva_reason
decode_bundle_ctrl(const struct ofpbuf *msg, struct of_msg *out)
{
    struct ofputil_bundle_ctrl_msg bc;

    if (ofputil_decode_bundle_ctrl(msg->data, &bc)) {
        return NVA_R_MSG_MALFORMED;
    }
    out->bundle.opened = bc.type == OFPBCT_OPEN_REPLY;
    out->bundle.committed = bc.type == OFPBCT_COMMIT_REPLY;
    return NVA_OK;
}

static enum nva_reason
decode_role_status(const struct ofpbuf *msg, struct of_msg *out)
{
    struct ofputil_role_status rs;

    if (ofputil_decode_role_status(msg->data, &rs)) {
        return NVA_R_MSG_MALFORMED;
    }
    out->slave = rs.role == OFPCR12_ROLE_SECONDARY;
    return NVA_OK;
}

static enum nva_reason
decode_multipart(const struct ofpbuf *msg, struct of_msg *out)
{
    out->more = ofpmp_more(msg->data);
    return NVA_OK;
}
