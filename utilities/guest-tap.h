/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GUEST_TAP_H
#define GUEST_TAP_H 1

#include <stdint.h>

/* Frames that a tap keeps for a guest that does not read, as QEMU's host tap
 * does: beyond it the kernel drops.  The bound is what keeps a stopped guest
 * from holding unlimited memory. */
#define GUEST_TAP_QUEUE 1000

/* Room for any frame that a tap of ours can carry. */
#define GUEST_TAP_FRAME_MAX 65536

/* How a tap is set up when it is opened.  Zero means "leave it". */
struct guest_tap_options {
    const uint8_t *mac;         /* 6 bytes, or NULL. */
    int mtu;                    /* Bytes, or 0. */
};

/* Opens the tap device 'ifname' in the network namespace 'ns' (a name as 'ip
 * netns' knows it, a path, or NULL for the present one), creates it if it is
 * not there, sets a queue of GUEST_TAP_QUEUE frames and brings it up.  The
 * calling thread is back in its own namespace afterwards.
 *
 * Returns a nonblocking file descriptor that reads and writes whole Ethernet
 * frames and that the caller closes, or -1 with 'errno' set. */
int guest_tap_open(const char *ns, const char *ifname,
                   const struct guest_tap_options *);

#endif /* guest-tap.h */
