/* SPDX-License-Identifier: Apache-2.0 */

/* What differs between the releases of libopenvswitch, for the body.
 *
 * The macros are of NVA_CHECK_OVS in m4/nva.m4: configure looks at the
 * declarations themselves, and refuses those it does not know. */

#ifndef NVA_OVS_COMPAT_H
#define NVA_OVS_COMPAT_H 1

#include <poll.h>
#include <stddef.h>

#include "daemon.h"
#include "timeval.h"

/* daemonize_start() of a daemon that opens no datapath and no hardware. */
static inline void
ovs_compat_daemonize_start(void)
{
#ifdef NVA_DAEMONIZE_START_HARDWARE     /* Since 3.2. */
    daemonize_start(false, false);
#else
    daemonize_start(false);
#endif
}

/* Waits for one of the 'n' of 'fds', until 'when' (in ms) at the latest. */
static inline void
ovs_compat_time_poll(struct pollfd *fds, int n, long long int when)
{
    int elapsed;

#ifdef NVA_TIME_POLL_HANDLES            /* Before 4.0. */
    time_poll(fds, n, NULL, when, &elapsed);
#else
    time_poll(fds, n, when, &elapsed);
#endif
}

#endif /* controller/ovs-compat.h */
