/* SPDX-License-Identifier: Apache-2.0 */

/* The reset that answers a TCP segment of a connection that is no more: bytes
 * to bytes.  RFC 9293 s3.5.2, s3.10.7.1. */

#ifndef NVA_TCP_RESET_H
#define NVA_TCP_RESET_H 1

#include "nva-types.h"

/* Bytes that suffice for a reset. */
#define NVA_TCP_RESET_MAX 80

/* Writes to 'buf' the Ethernet frame that answers segment 'frame' with a reset
 * (IPv4 or IPv6; one VLAN priority tag is fine), padded to 60 bytes, and sets
 * '*n' to its length.
 *
 * A reset, a fragment, a segment behind IPv6 extension headers, and one from
 * no host's address is not answered: NOT_INTERESTING.  Refuses
 * FRAME_TRUNCATED and FRAME_FORMAT.  The segment's checksum is not looked at:
 * a sender may leave it to its network card, and a reset with a wrong number
 * is ignored. */
enum nva_reason nva_tcp_reset(const void *frame, size_t size,
                              uint8_t buf[NVA_TCP_RESET_MAX], size_t *n);

#endif /* tcp-reset.h */
