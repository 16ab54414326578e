/* SPDX-License-Identifier: Apache-2.0 */

/* Where the two event worlds meet: libopenvswitch's poll loop, run by
 * libevent.  ovs-loop.c defines the five functions of
 * "openvswitch/poll-loop.h"; linked before the static library it takes the
 * place of OVS's own loop, so run/wait pairs work inside libevent. */

#ifndef NVA_OVS_LOOP_H
#define NVA_OVS_LOOP_H 1

#include <stdbool.h>

struct event_base;

/* From now on poll_block() in this thread is one turn of 'base': it returns
 * once something happened, in libevent's world or in OVS's.  Other threads
 * (OVS's RCU thread) just poll. */
void ovs_loop_attach(struct event_base *base);

/* True if what woke the last poll_block() was OVS's: a descriptor or a time it
 * waited for (or there was none yet).  Only then OVS's run functions have
 * something to do; until then their waits stay as they are, and calling them
 * is not allowed: they could close a descriptor that is still registered. */
bool ovs_loop_woke_ovs(void);

/* The next poll_block() ends at 'usec' of time_usec() at the latest.  That is
 * for the caller's own deadlines: OVS has nothing to do then. */
void ovs_loop_wait_until(long long int usec);

/* Before 'base' is freed. */
void ovs_loop_detach(void);

#endif /* ovs-loop.h */
