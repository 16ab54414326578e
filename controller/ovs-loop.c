/* SPDX-License-Identifier: Apache-2.0 */

/* libopenvswitch's poll loop on top of libevent.
 *
 * Knows file descriptors and times that OVS code waits for.  Must never know
 * what they are for.  Invariant: what OVS waits for is registered with
 * libevent until one of its descriptors is ready; no OVS code that could close
 * one runs before that.  (Registering anew each turn, as poll() does, would be
 * half of the system calls of a turn.)
 *
 * libevent's callbacks run while the thread is quiescent for OVS's RCU: they
 * must not keep an RCU-protected pointer across calls, and do not. */

#include <config.h>

#include "ovs-loop.h"

#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>

#include "coverage.h"
#include "fatal-signal.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/util.h"
#include "ovs-compat.h"
#include "ovs-rcu.h"
#include "seq.h"
#include "timeval.h"
#include "util.h"

/* What one thread waits for. */
struct waits {
    size_t n, allocated;
    struct pollfd *fds;
    size_t n_registered;                /* The first ones: with libevent. */
    struct event **events;
    size_t allocated_events;
    long long int when;                 /* OVS: in ms; LLONG_MIN: at once. */
    long long int until;                /* Our caller: in us. */
    bool woke;                          /* OVS has something to do. */
};

/* The functions OVS calls take no context: this is the only place for it. */
#define WAITS_NOTHING \
    (struct waits) { .when = LLONG_MAX, .until = LLONG_MAX, .woke = true }
static __thread struct waits waits = WAITS_NOTHING;
static __thread struct event_base *attached;
static __thread struct event *timer;    /* For what is first. */

static void block_in_libevent(struct event_base *);
static void block_in_poll(void);
static void woken_cb(evutil_socket_t, short what, void *aux);
static void timer_cb(evutil_socket_t, short what, void *aux);
static void forget_waits(void);

void
ovs_loop_attach(struct event_base *base)
{
    attached = base;
    timer = evtimer_new(base, timer_cb, NULL);
}

void
ovs_loop_detach(void)
{
    attached = NULL;
    forget_waits();
    event_free(timer);
    timer = NULL;
    free(waits.fds);
    free(waits.events);
    waits = WAITS_NOTHING;
}

void
ovs_loop_wait_until(long long int usec)
{
    waits.until = MIN(waits.until, usec);
}

bool
ovs_loop_woke_ovs(void)
{
    return waits.woke;
}

void
poll_fd_wait_at(int fd, short int events, const char *where OVS_UNUSED)
{
    for (size_t i = 0; i < waits.n; i++) {
        struct pollfd *p = &waits.fds[i];

        if (p->fd == fd && (p->events | events) == p->events) {
            return;
        } else if (p->fd == fd && i >= waits.n_registered) {
            p->events |= events;
            return;
        }
    }
    if (waits.n >= waits.allocated) {
        waits.fds = x2nrealloc(waits.fds, &waits.allocated,
                               sizeof *waits.fds);
    }
    waits.fds[waits.n++] = (struct pollfd) { .fd = fd, .events = events };
}

void
poll_timer_wait_at(long long int msec, const char *where)
{
    long long int now = time_msec();

    poll_timer_wait_until_at(msec <= 0 ? LLONG_MIN
                             : msec > LLONG_MAX - now ? LLONG_MAX
                             : now + msec, where);
}

void
poll_timer_wait_until_at(long long int when, const char *where OVS_UNUSED)
{
    waits.when = MIN(waits.when, when);
}

void
poll_immediate_wake_at(const char *where)
{
    poll_timer_wait_at(0, where);
}

void
poll_block(void)
{
    fatal_signal_wait();
    if (attached) {
        block_in_libevent(attached);
    } else {
        block_in_poll();
        waits.n = 0;
        waits.woke = true;
    }
    if (waits.woke) {
        waits.when = LLONG_MAX;
    }
    waits.until = LLONG_MAX;
    fatal_signal_run();
    seq_woke();
}

/* Microseconds from now until there is something to do, or -1: no limit. */
static long long int
time_left(void)
{
    long long int when = (waits.when > LLONG_MAX / 1000 ? LLONG_MAX
                          : MAX(waits.when, 0) * 1000);
    long long int first = MIN(waits.until, when);

    return first == LLONG_MAX ? -1 : MAX(first - time_usec(), 0);
}

static void
woken_cb(evutil_socket_t fd OVS_UNUSED, short what OVS_UNUSED,
         void *aux OVS_UNUSED)
{
    waits.woke = true;
}

static void
timer_cb(evutil_socket_t fd OVS_UNUSED, short what OVS_UNUSED,
         void *aux OVS_UNUSED)
{
    waits.woke |= time_msec() >= waits.when;
}

static void
forget_waits(void)
{
    for (size_t i = 0; i < waits.n_registered; i++) {
        event_free(waits.events[i]);
    }
    waits.n = waits.n_registered = 0;
}

static void
register_waits(struct event_base *base)
{
    if (waits.allocated_events < waits.allocated) {
        waits.allocated_events = waits.allocated;
        waits.events = xrealloc(waits.events, waits.allocated_events
                                              * sizeof *waits.events);
    }
    for (; waits.n_registered < waits.n; waits.n_registered++) {
        const struct pollfd *p = &waits.fds[waits.n_registered];
        short what = ((p->events & (POLLIN | POLLHUP | POLLERR) ? EV_READ : 0)
                      | (p->events & POLLOUT ? EV_WRITE : 0));
        struct event *ev = event_new(base, p->fd, what, woken_cb, NULL);

        event_add(ev, NULL);
        waits.events[waits.n_registered] = ev;
    }
}

static void
block_in_libevent(struct event_base *base)
{
    long long int usecs = time_left();

    register_waits(base);
    if (usecs > 0) {
        const struct timeval tv = {
            .tv_sec = usecs / 1000000, .tv_usec = usecs % 1000000,
        };

        evtimer_add(timer, &tv);
    }

    coverage_clear();
    coverage_run();
    waits.woke = time_msec() >= waits.when;
    ovsrcu_quiesce_start();
    event_base_loop(base, usecs ? EVLOOP_ONCE : EVLOOP_NONBLOCK);
    ovsrcu_quiesce_end();
    evtimer_del(timer);
    if (waits.woke) {
        forget_waits();
    }
}

static void
block_in_poll(void)
{
    ovs_compat_time_poll(waits.fds, waits.n, waits.when);
}
