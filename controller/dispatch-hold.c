/* SPDX-License-Identifier: Apache-2.0 */

/* Packets that are held: from packet-ins into the queues, out of them as
 * packet-outs.  Must never know whose packets wait, for what, or how long. */

#include <config.h>

#include "dispatch.h"

#include "dispatch-private.h"
#include "openvswitch/ofpbuf.h"
#include "pipeline.h"
#include "util.h"

static hold_send send_held;

void
dispatch_hold_run(struct dispatch *d, nva_usec now)
{
    const struct nva_view view = dispatch_view(d, now);
    struct nva_event ev;

    hold_run(d->hold, &view, send_held, d);
    while (hold_next_released(d->hold, &view, &ev)) {
        dispatch_event(d, &ev, now);
    }
}

/* A switch that does not read must not end its session over this. */
static bool
send_held(void *d_, const struct hold_packet *p)
{
    struct dispatch *d = d_;
    const struct nve_prog *np = dispatch_prog(d, p->nve);
    uint64_t stub[64 / 8];
    struct ofpbuf ofpacts;

    if (!np || !np->bridge || p->ofport == NVA_OFPORT_NONE
        || d->ops.backlog(np->bridge->channel) > DISPATCH_HOLD_BACKLOG_MAX) {
        return false;
    }
    ofpbuf_use_stub(&ofpacts, stub, sizeof stub);
    pipeline_out_port(p->ofport, &ofpacts);
    d->metrics.counters[METRICS_PACKET_OUTS]++;
    d->ops.packet_out(np->bridge->channel, p->data, p->size, &ofpacts);
    ofpbuf_uninit(&ofpacts);
    return true;
}
