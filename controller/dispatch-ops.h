/* SPDX-License-Identifier: Apache-2.0 */

/* What dispatch needs of the rest of the body. */

#ifndef NVA_DISPATCH_OPS_H
#define NVA_DISPATCH_OPS_H 1

#include "event.h"
#include "flow-prog.h"
#include "step.h"

/* How dispatch acts on the world.  'channel' is what dispatch_switch_up() was
 * given.  None of these may call back into dispatch. */
struct dispatch_ops {
    void (*send_bundle)(void *channel, const struct flow_prog_bundle *);
    void (*packet_out)(void *channel, const void *data, size_t size,
                       const struct ofpbuf *ofpacts);
    void (*delete_meter)(void *channel, uint32_t meter);
    void (*read_back)(void *channel);
    /* The bridge is ours: flows are to see into first fragments. */
    void (*match_fragments)(void *channel);
    /* The channel has been forgotten: dispatch names it no more. */
    void (*close)(void *channel, enum nva_reason);
    /* The bridge is an NVE from now on, or it is none any more. */
    void (*claimed)(void *channel, bool claimed);
    /* Bytes that wait to be written. */
    size_t (*backlog)(void *channel);
    /* Each decision, once.  The view shows the directory after it. */
    void (*on_note)(void *aux, const struct nva_view *,
                    const struct nva_note *);
    void *aux;                          /* For on_note. */
};

#endif /* dispatch-ops.h */
