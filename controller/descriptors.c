/* SPDX-License-Identifier: Apache-2.0 */

/* The process's descriptors.
 *
 * Knows the limit and listeners.  Must never know who connects or why.
 * Invariant: what OpenFlow and the API may take together, and our own, is
 * within the limit; a listener that rests listens again. */

#include <config.h>

#include "descriptors.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <sys/resource.h>

#include "openvswitch/util.h"
#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(descriptors);

/* One line in ten seconds, for all listeners. */
static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(6, 1);

static void failed_cb(struct evconnlistener *, void *aux);
static void rested_cb(evutil_socket_t, short what, void *listener);

struct descriptors
descriptors_raise(struct descriptors want)
{
    const size_t enough = want.openflow + want.api + DESCRIPTORS_OWN;
    struct descriptors share;
    struct rlimit r;

    if (getrlimit(RLIMIT_NOFILE, &r)) {
        return descriptors_share(1024, want);
    }
    if (r.rlim_cur < enough) {
        const struct rlimit more = { enough, MAX(enough, r.rlim_max) };

        if (!setrlimit(RLIMIT_NOFILE, &more)) {
            r = more;                   /* Only root may above the maximum. */
        } else {
            r.rlim_cur = MIN(enough, r.rlim_max);
            setrlimit(RLIMIT_NOFILE, &r);
            getrlimit(RLIMIT_NOFILE, &r);
        }
    }
    share = descriptors_share(MIN(r.rlim_cur, enough), want);
    if (share.openflow < want.openflow) {
        VLOG_WARN("%"PRIuSIZE" descriptors: at most %"PRIuSIZE" OpenFlow and "
                  "%"PRIuSIZE" API connections (raise LimitNOFILE)",
                  (size_t) r.rlim_cur, share.openflow, share.api);
    }
    return share;
}

struct descriptors
descriptors_share(size_t limit, struct descriptors want)
{
    size_t left = limit > 2 * DESCRIPTORS_OWN ? limit - DESCRIPTORS_OWN
                  : limit / 2;
    size_t api = MIN(want.api, MAX(left / 4, 1));

    return (struct descriptors) {
        .api = api, .openflow = MIN(want.openflow, MAX(left - api, 1)),
    };
}

void
descriptors_guard(struct evconnlistener *listener)
{
    evconnlistener_set_error_cb(listener, failed_cb);
}

void
descriptors_pause(struct evconnlistener *listener, int msec)
{
    const struct timeval tv = {
        .tv_sec = msec / 1000, .tv_usec = msec % 1000 * 1000,
    };

    evconnlistener_disable(listener);
    event_base_once(evconnlistener_get_base(listener), -1, EV_TIMEOUT,
                    rested_cb, listener, &tv);
}

static void
failed_cb(struct evconnlistener *listener, void *aux OVS_UNUSED)
{
    VLOG_WARN_RL(&rl, "cannot accept a connection: %s; listening goes on in "
                 "%d ms", ovs_strerror(errno), DESCRIPTORS_PAUSE_MSEC);
    descriptors_pause(listener, DESCRIPTORS_PAUSE_MSEC);
}

static void
rested_cb(evutil_socket_t fd OVS_UNUSED, short what OVS_UNUSED, void *listener)
{
    evconnlistener_enable(listener);
}
