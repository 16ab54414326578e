/* SPDX-License-Identifier: Apache-2.0 */

/* OpenFlow 1.3, 1.4 and 1.5 messages <-> our values, by libopenvswitch's
 * codec.  The only caller of ofputil_* messages.  Knows no socket, no session
 * state. */

#ifndef NVA_OF_CODEC_H
#define NVA_OF_CODEC_H 1

#include "classify.h"
#include "event.h"
#include "flow-prog.h"
#include "flow-set.h"
#include "nva-types.h"
#include "openvswitch/ofpbuf.h"

#define OF_VERSION_MIN 0x04             /* OpenFlow 1.3. */
#define OF_VERSION_MAX 0x06             /* OpenFlow 1.5. */
#define OF_VERSIONS (1u << 4 | 1u << 5 | 1u << 6)   /* As in a hello. */
#define OF_HEADER_LEN 8

/* "1.3", "1.4" or "1.5"; static. */
const char *of_version_text(uint8_t version);

/* ## Messages we send ##
 *
 * Each appends one whole message with this head to 'out'.  'version' is one of
 * OF_VERSIONS: the body is what that version of OpenFlow has for it. */

struct of_head {
    uint8_t version;
    uint32_t xid;
};

/* Offers OF_VERSIONS; its own version is the highest of them. */
void of_encode_hello(uint32_t xid, struct ofpbuf *out);
/* HELLO_FAILED, INCOMPATIBLE, in the lower of 'version' (any) and our
 * highest. */
void of_encode_hello_failed(uint32_t xid, uint8_t version,
                            struct ofpbuf *out);
void of_encode_echo_request(struct of_head, struct ofpbuf *out);
void of_encode_echo_reply(const struct ofpbuf *request, struct ofpbuf *out);
void of_encode_features_request(struct of_head, struct ofpbuf *out);
void of_encode_port_desc_request(struct of_head, struct ofpbuf *out);
/* All flows; with 'cookie_mask' only those of that cookie. */
void of_encode_flow_dump_request(struct of_head, uint64_t cookie,
                                 uint64_t cookie_mask, struct ofpbuf *out);
void of_encode_meter_dump_request(struct of_head, struct ofpbuf *out);
/* Asks for packet-ins, port status and flow-removed (needed on sockets that
 * are not configured controllers). */
void of_encode_set_async(struct of_head, struct ofpbuf *out);
/* What a first fragment says of its protocol's header may be matched. */
void of_encode_set_config(struct of_head, struct ofpbuf *out);
void of_encode_barrier(struct of_head, struct ofpbuf *out);
void of_encode_meter_add(struct of_head, const struct nva_meter *,
                         struct ofpbuf *out);
void of_encode_meter_delete(struct of_head, uint32_t meter,
                            struct ofpbuf *out);
/* Bundles: of OpenFlow 1.4; in 1.3 ONF's extension EXT-230. */
void of_encode_bundle_open(struct of_head, uint32_t bundle,
                           struct ofpbuf *out);
void of_encode_bundle_commit(struct of_head, uint32_t bundle,
                             struct ofpbuf *out);
void of_encode_bundle_discard(struct of_head, uint32_t bundle,
                              struct ofpbuf *out);
/* Flow mod wrapped for 'bundle'; inner and outer xid are the same.  False, and
 * nothing is appended, if it is longer than a message can be (64 kB). */
bool of_encode_bundle_add(struct of_head, uint32_t bundle,
                          const struct flow_prog_msg *, struct ofpbuf *out);
/* The same by itself, for a switch without bundles. */
bool of_encode_flow_mod(struct of_head, const struct flow_prog_msg *,
                        struct ofpbuf *out);
/* Deletes exactly this flow, if it is there with its cookie. */
struct of_flow;
void of_encode_flow_delete(struct of_head, const struct of_flow *,
                           struct ofpbuf *out);
/* Packet-out with explicit ofpacts, from the controller.  False, as above, if
 * it is too long. */
bool of_encode_packet_out(struct of_head, const void *data, size_t size,
                          const struct ofpbuf *ofpacts, struct ofpbuf *out);

/* ## Messages we get ## */

enum of_msg_type {
    OF_MSG_HELLO, OF_MSG_ERROR, OF_MSG_ECHO_REQUEST, OF_MSG_ECHO_REPLY,
    OF_MSG_FEATURES, OF_MSG_PORT_DESC, OF_MSG_PORT_STATUS, OF_MSG_PACKET_IN,
    OF_MSG_FLOW_REMOVED, OF_MSG_FLOWS, OF_MSG_METERS, OF_MSG_BARRIER,
    OF_MSG_BUNDLE_CTRL, OF_MSG_ROLE_STATUS, OF_MSG_OTHER,
};

struct of_msg {
    enum of_msg_type type;
    uint32_t xid;
    bool more;                          /* Multipart: another part follows. */
    union {
        uint32_t versions;              /* HELLO: bitmap of versions. */
        struct {                        /* ERROR */
            uint32_t xid;               /* Of the failed message. */
            bool table_full, is_slave, exists, bundle;
            char text[64];              /* ofperr's name. */
        } error;
        struct { uint64_t dpid; } features;
        struct {                        /* PORT_STATUS */
            bool gone;
            struct nva_port port;
        } port;
        struct nva_packet_in pin;       /* nve, session unset; data points
                                         * into the message. */
        struct {                        /* FLOW_REMOVED */
            uint64_t cookie, packets;
            uint8_t table;
            bool by_timeout;
        } removed;
        struct { bool opened, committed; } bundle;  /* BUNDLE_CTRL: a reply
                                                     * to which request. */
        bool slave;                     /* ROLE_STATUS: we are slave now. */
    };
};

/* Decodes one whole message (its header's length equals 'msg->size'), which
 * must be aligned for 64-bit data.  MSG_MALFORMED when it does not decode
 * ('out->type' is what it claims to be); a type we have no use for is
 * OF_MSG_OTHER.  Never aborts, whatever the bytes.  The version may be any of
 * OF_VERSIONS (a hello's and an error's, any): the caller knows which it
 * speaks.  OpenFlow 1.3.5, 1.4.1 and 1.5.1, 7. */
enum nva_reason of_decode(const struct ofpbuf *msg, struct of_msg *out);

/* The parts of multipart replies: call until false.  'cursor' starts as a
 * shallow copy of the message (of_decode's). MSG_MALFORMED in '*error' ends.
 * Ports that are reserved (as OFPP_LOCAL) are skipped; what is not printable
 * in a name becomes '?'. */
bool of_next_port(struct ofpbuf *cursor, struct nva_port *,
                  enum nva_reason *error);
/* One flow as the switch has it.  'hash' is nva_flow_hash(), 0 if its match or
 * actions are none that we can decode (others' flows on a newer switch): then
 * only the cookie is set. */
struct of_flow {
    uint64_t cookie, hash;
    uint64_t key;                       /* nva_flow_key_hash(). */
    uint8_t table;
    uint16_t priority;
    struct match match;
};
bool of_next_flow(struct ofpbuf *cursor, struct of_flow *,
                  enum nva_reason *error);
/* Rate and burst are 0 for a meter that is not of our kind (packets per
 * second, one band that drops). */
bool of_next_meter(struct ofpbuf *cursor, struct nva_meter *,
                   enum nva_reason *error);

#endif /* of-codec.h */
