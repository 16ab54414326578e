/* SPDX-License-Identifier: Apache-2.0 */

/* of_decode() and the parts of multipart replies, on any bytes.
 *
 * Tried as they are, and with the two fields mended that a mutation is most
 * likely to break, length and version (each of ours), so that the decoders
 * behind are reached. */

#include <config.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "of-codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
    if (!ok) {
        abort();
    }
}

/* Reads every byte of a packet, for the sanitizer. */
static void
read_packet(const struct nva_packet_in *pin)
{
    const uint8_t *p = pin->data;
    volatile uint8_t sum = 0;

    for (size_t i = 0; i < pin->size; i++) {
        sum ^= p[i];
    }
}

static void
read_port(const struct nva_port *port)
{
    must(strnlen(port->name, sizeof port->name) < sizeof port->name);
    must(port->ofport != NVA_OFPORT_NONE && port->ofport < 0xffffff00);
}

static void
read_parts(const struct ofpbuf *msg, enum of_msg_type type)
{
    struct ofpbuf cursor = ofpbuf_const_initializer(msg->data, msg->size);
    enum nva_reason error = NVA_OK;
    struct nva_meter meter;
    struct of_flow flow;
    struct nva_port port;
    size_t n = 0;

    if (type == OF_MSG_PORT_DESC) {
        while (of_next_port(&cursor, &port, &error)) {
            read_port(&port);
            must(++n <= msg->size / 8);
        }
    } else if (type == OF_MSG_FLOWS) {
        while (of_next_flow(&cursor, &flow, &error)) {
            must(++n <= msg->size / 8);
        }
    } else if (type == OF_MSG_METERS) {
        while (of_next_meter(&cursor, &meter, &error)) {
            must(++n <= msg->size / 8);
        }
    }
    must(!error || error == NVA_R_MSG_MALFORMED);
}

static void
try_message(const uint8_t *data, size_t size)
{
    struct ofpbuf msg = ofpbuf_const_initializer(data, size);
    enum nva_reason reason;
    struct of_msg m;

    reason = of_decode(&msg, &m);
    must(reason == NVA_OK || reason == NVA_R_MSG_MALFORMED);
    if (reason) {
        return;
    }
    switch (m.type) {
    case OF_MSG_PACKET_IN:
        read_packet(&m.pin);
        break;
    case OF_MSG_PORT_STATUS:
        read_port(&m.port.port);
        break;
    case OF_MSG_ERROR:
        must(strnlen(m.error.text, sizeof m.error.text)
             < sizeof m.error.text);
        break;
    case OF_MSG_ECHO_REQUEST: {
        struct ofpbuf out;

        ofpbuf_init(&out, 0);
        of_encode_echo_reply(&msg, &out);
        must(out.size == size);
        ofpbuf_uninit(&out);
        break;
    }
    default:
        read_parts(&msg, m.type);
        break;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A copy: aligned as the session's, and as long as the message. */
    uint8_t *copy;

    if (size > UINT16_MAX) {
        return 0;
    }
    copy = malloc(size + !size);
    memcpy(copy, data, size);
    try_message(copy, size);
    if (size >= OF_HEADER_LEN) {
        uint16_t length = htons(size);

        memcpy(copy + 2, &length, sizeof length);
        for (int v = OF_VERSION_MIN; v <= OF_VERSION_MAX; v++) {
            copy[0] = v;
            try_message(copy, size);
        }
    }
    free(copy);
    return 0;
}
