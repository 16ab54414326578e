/* SPDX-License-Identifier: Apache-2.0 */

/* Programming: which NVE gets its next bundle when, and who hears of its
 * confirmation.  Knows the queues and what is in flight; must never know what
 * a flow means.  Invariant: one bundle in flight per NVE; what belongs to a
 * move goes first, and where a redirect begins or ends before all of that. */

#include <config.h>

#include "dispatch.h"

#include "dispatch-private.h"
#include "hash.h"
#include "intent.h"
#include "util.h"

static bool program(struct dispatch *, const struct nva_dirty *, enum queue,
                    nva_usec now);
static bool sends_on(const struct dispatch *, const struct nva_dirty *);
static bool is_prepared_at(const struct dispatch *, const struct nva_dirty *);
static struct nve_prog *first_later(const struct dispatch *);
static void prog_run(struct dispatch *, struct nve_prog *, nva_usec now);
static void stamp(struct dispatch *, enum nva_stamp_kind, nva_id nve,
                  nva_id move, nva_usec now);

static void
source_flows(void *d_, nva_id nve, struct nva_owner owner, nva_usec now,
             struct flow_set *out)
{
    struct dispatch *d = d_;

    intent_flows(d->dir, nve, owner, now, out);
}

static uint64_t
source_version(void *d_, struct nva_owner owner)
{
    struct dispatch *d = d_;

    return directory_owner_version(d->dir, owner);
}

/* Nobody told us of the end of this redirect while the session was away. */
static void
source_expired(void *d_, nva_id nve, struct nva_owner owner)
{
    struct dispatch *d = d_;

    if (d->n_expired >= d->allocated_expired) {
        d->expired = x2nrealloc(d->expired, &d->allocated_expired,
                                sizeof *d->expired);
    }
    d->expired[d->n_expired++] = (struct ack) { .nve = nve, .owner = owner };
}

static void
source_unchanged(void *d_, nva_id nve, struct nva_owner owner,
                 uint64_t version)
{
    const struct ack ack = { .nve = nve, .owner = owner, .version = version };

    dispatch_add_ack(d_, &ack);
}

struct flow_prog_source
dispatch_prog_source(struct dispatch *d)
{
    return (struct flow_prog_source) {
        .flows = source_flows, .version = source_version,
        .unchanged = source_unchanged, .expired = source_expired, .aux = d,
    };
}

struct nve_prog *
dispatch_prog(const struct dispatch *d, nva_id nve)
{
    struct nve_prog *np;

    HMAP_FOR_EACH_WITH_HASH (np, node, hash_uint64(nve), &d->progs) {
        if (np->id == nve) {
            return np;
        }
    }
    return NULL;
}

struct nve_prog *
dispatch_prog_get(struct dispatch *d, nva_id nve)
{
    struct nve_prog *np = dispatch_prog(d, nve);

    if (!np) {
        np = xzalloc(sizeof *np);
        np->id = nve;
        np->prog = flow_prog_create(nve);
        ovs_list_init(&np->queue_node);
        hmap_insert(&d->progs, &np->node, hash_uint64(nve));
    }
    return np;
}

void
dispatch_prog_destroy(struct dispatch *d, struct nve_prog *np)
{
    dispatch_prog_unqueue(np);
    dispatch_compare_stop(np);
    flow_prog_destroy(np->prog);
    free(np->found);
    hmap_remove(&d->progs, &np->node);
    free(np);
}

void
dispatch_prog_queue(struct dispatch *d, struct nve_prog *np, enum queue queue)
{
    if (queue > np->queue) {
        dispatch_prog_unqueue(np);
        np->queue = queue;
        ovs_list_push_back(queue == QUEUE_MOVE ? &d->moves
                           : queue == QUEUE_LATER ? &d->later : &d->bulk,
                           &np->queue_node);
    }
}

void
dispatch_prog_unqueue(struct nve_prog *np)
{
    ovs_list_remove(&np->queue_node);
    ovs_list_init(&np->queue_node);
    np->queue = QUEUE_NONE;
}

/* ## Doubting ## */

void
dispatch_verify(struct dispatch *d, const struct nva_event *stray,
                nva_usec now)
{
    const struct nva_vn *vn = directory_vn(d->dir, stray->packet.vn);
    const struct nva_tsi *tsi = directory_tsi_by_mac(
        d->dir, stray->packet.vn, stray->packet.frame.eth_dst);
    struct nve_prog *np = dispatch_prog(d, stray->nve);
    struct nva_owner owner = { NVA_OWNER_TSI, tsi ? tsi->id : NVA_ID_NONE };

    if (!vn || vn->pulls || !tsi || !np || !np->bridge
        || (np->rewritten && now < np->rewritten + DISPATCH_VERIFY_PAUSE)
        || !flow_prog_hash(np->prog, owner)
        || !flow_prog_confirmed(np->prog, owner,
                                directory_owner_version(d->dir, owner))) {
        return;
    }
    if (np->suspect != tsi->id
        || now > np->suspected + DISPATCH_VERIFY_PAUSE) {
        np->suspect = tsi->id;
        np->suspected = now;
    } else if (now >= np->suspected + DISPATCH_VERIFY) {
        np->suspect = NVA_ID_NONE;
        np->rewritten = now;
        d->metrics.counters[METRICS_OWNERS_REWRITTEN]++;
        flow_prog_mistrust(np->prog, owner);
        dispatch_prog_queue(d, np, QUEUE_BULK);
    }
}

/* ## Sending ## */

/* Those that a VM leaves go first: they send on what comes for it, so nobody
 * else is in a hurry.  Nor are they where they do so already. */
void
dispatch_program(struct dispatch *d, const struct nva_dirty_list *dirty,
                 nva_usec now)
{
    bool leads = false;

    for (size_t i = 0; i < dirty->n; i++) {
        if (dirty->a[i].owner.kind == NVA_OWNER_REDIRECT) {
            leads |= program(d, &dirty->a[i],
                             sends_on(d, &dirty->a[i]) ? QUEUE_LATER
                             : QUEUE_MOVE, now);
        }
    }
    for (size_t i = 0; i < dirty->n; i++) {
        if (dirty->a[i].owner.kind != NVA_OWNER_REDIRECT) {
            program(d, &dirty->a[i], leads ? QUEUE_LATER : QUEUE_MOVE, now);
        }
    }
}

/* True if the NVE has that redirect, and is to keep it. */
static bool
sends_on(const struct dispatch *d, const struct nva_dirty *redirect)
{
    const struct nve_prog *np = dispatch_prog(d, redirect->nve);

    return (np && flow_prog_hash(np->prog, redirect->owner)
            && directory_redirect(d->dir, redirect->owner.id));
}

/* False if there is nobody to tell.  'queue' is for what belongs to a move. */
static bool
program(struct dispatch *d, const struct nva_dirty *dirty, enum queue queue,
        nva_usec now)
{
    struct nve_prog *np = dispatch_prog(d, dirty->nve);
    bool move;

    if (!np || !np->bridge) {
        return false;           /* Read back will find the difference. */
    }
    move = (dirty->owner.kind == NVA_OWNER_REDIRECT
            || dispatch_move_of_owner(d, dirty->owner) != NVA_ID_NONE);
    /* A quiet port goes with its interface, and alone makes no haste: a change
     * of a VN dirties those of all its NVEs. */
    flow_prog_dirty(np->prog, dirty->owner,
                    move || dirty->owner.kind == NVA_OWNER_QUIET
                    ? FLOW_PROG_MOVE
                    : dirty->owner.kind == NVA_OWNER_FLOOD ? FLOW_PROG_RESYNC
                    : FLOW_PROG_CONFIG);
    if (is_prepared_at(d, dirty)) {
        queue = QUEUE_MOVE;     /* Its confirmation is waited for. */
    } else if (move && queue == QUEUE_LATER && np->queue < QUEUE_LATER) {
        np->later = now + DISPATCH_LATER;
    }
    dispatch_prog_queue(d, np, move ? queue : QUEUE_BULK);
    return true;
}

static bool
is_prepared_at(const struct dispatch *d, const struct nva_dirty *dirty)
{
    const struct nva_tsi *tsi = (dirty->owner.kind == NVA_OWNER_TSI
                                 ? directory_tsi(d->dir, dirty->owner.id)
                                 : NULL);

    return tsi && tsi->prepared.nve == dirty->nve;
}

/* Only what was queued when this began: an owner that is dirtied by its own
 * confirmation must not keep the loop here. */
void
dispatch_send_moves(struct dispatch *d, nva_usec now)
{
    struct nve_prog *later;

    while ((later = first_later(d)) && later->later <= now) {
        dispatch_prog_queue(d, later, QUEUE_MOVE);
    }
    for (size_t n = ovs_list_size(&d->moves); n > 0; n--) {
        struct nve_prog *np = CONTAINER_OF(ovs_list_front(&d->moves),
                                           struct nve_prog, queue_node);

        dispatch_prog_unqueue(np);
        prog_run(d, np, now);
    }
}

void
dispatch_send_bulk(struct dispatch *d, nva_usec now)
{
    for (size_t n = MIN(ovs_list_size(&d->bulk), DISPATCH_BULK_PER_RUN);
         n > 0; n--) {
        struct nve_prog *np = CONTAINER_OF(ovs_list_front(&d->bulk),
                                           struct nve_prog, queue_node);

        dispatch_prog_unqueue(np);
        prog_run(d, np, now);
    }
}

nva_usec
dispatch_send_deadline(const struct dispatch *d)
{
    const struct nve_prog *later = first_later(d);

    return later ? later->later : NVA_NEVER;
}

/* Each waits as long as the others, so the list is in order. */
static struct nve_prog *
first_later(const struct dispatch *d)
{
    return (ovs_list_is_empty(&d->later) ? NULL
            : CONTAINER_OF(ovs_list_front(&d->later), struct nve_prog,
                           queue_node));
}

nva_id
dispatch_move_of_owner(const struct dispatch *d, struct nva_owner owner)
{
    const struct nva_tsi *tsi = (owner.kind == NVA_OWNER_TSI
                                 ? directory_tsi(d->dir, owner.id) : NULL);
    const struct nva_vm *vm = tsi ? directory_vm(d->dir, tsi->vm) : NULL;

    return vm ? vm->move : NVA_ID_NONE;
}

/* One SENT for each move whose interface is in the bundle. */
static void
stamp_sent(struct dispatch *d, const struct nve_prog *np, nva_usec now)
{
    const struct flow_prog_bundle *bundle = np->bundle;
    nva_id last = NVA_ID_NONE;

    for (size_t i = 0; i < bundle->n_owners; i++) {
        nva_id move = dispatch_move_of_owner(d, bundle->owners[i]);

        if (move != NVA_ID_NONE && move != last) {
            stamp(d, NVA_STAMP_SENT, np->id, move, now);
            last = move;
        }
    }
}

static void
prog_run(struct dispatch *d, struct nve_prog *np, nva_usec now)
{
    const struct nva_nve *nve = directory_nve(d->dir, np->id);
    struct bridge *br = np->bridge;
    uint32_t meter;

    if (!nve || !nve->connected || !br || br->reading || br->in_flight) {
        return;                 /* The end of that queues it again. */
    }
    np->bundle = flow_prog_next(np->prog, &d->source, now);
    if (np->bundle) {
        br->in_flight = true;
        d->metrics.counters[METRICS_BUNDLES]++;
        d->metrics.counters[METRICS_FLOW_MODS] += np->bundle->n_msgs;
        d->ops.send_bundle(br->channel, np->bundle);
        stamp_sent(d, np, now);
    }
    while (flow_prog_next_meter_delete(np->prog, &meter)) {
        d->ops.delete_meter(br->channel, meter);
    }
}

/* ## Acknowledgements ## */

void
dispatch_add_ack(struct dispatch *d, const struct ack *ack)
{
    if (ack->owner.kind == NVA_OWNER_NONE
        || ack->owner.kind == NVA_OWNER_BASE) {
        return;                 /* Nothing in the brain waits for these. */
    }
    if (d->n_acks >= d->allocated_acks) {
        d->acks = x2nrealloc(d->acks, &d->allocated_acks, sizeof *d->acks);
    }
    d->acks[d->n_acks++] = *ack;
}

/* Called when no flow_prog is in the middle of something. */
void
dispatch_tell_acks(struct dispatch *d, nva_usec now)
{
    nva_id last = NVA_ID_NONE;

    for (size_t i = 0; i < d->n_acks; i++) {
        const struct ack *ack = &d->acks[i];
        nva_id move = dispatch_move_of_owner(d, ack->owner);

        if (ack->sent && move != NVA_ID_NONE && move != last) {
            stamp(d, NVA_STAMP_CONFIRMED, ack->nve, move, now);
            last = move;
        }
    }
    for (size_t i = 0; i < d->n_acks; i++) {
        const struct ack *ack = &d->acks[i];
        const struct nve_prog *np = dispatch_prog(d, ack->nve);

        if (np && np->bridge) {
            struct nva_event ev = dispatch_session_event(np->bridge,
                                                         NVA_EV_CONFIRMED);

            ev.flow.owner = ack->owner;
            ev.flow.version = ack->version;
            dispatch_event(d, &ev, now);
        }
    }
    d->n_acks = 0;
}

/* The body's own book-keeping in a move's timeline: when it sent and when it
 * heard.  Dirties nothing. */
static void
stamp(struct dispatch *d, enum nva_stamp_kind kind, nva_id nve, nva_id move,
      nva_usec now)
{
    struct nva_delta delta = {
        .type = NVA_DELTA_MOVE_STAMP, .id = move,
        .stamp = { .kind = kind, .when = now, .nve = nve },
    };

    nva_dirty_clear(&d->dirty);
    directory_apply(d->dir, &delta, &d->dirty);
    d->deadline_is_old = true;          /* A pause settles after its last. */
}

/* ## What is shown ## */

void
dispatch_nve_state(const void *d, nva_id nve, size_t *owners, size_t *dirty,
                   size_t *quarantined)
{
    const struct nve_prog *np = dispatch_prog(d, nve);

    *owners = np ? flow_prog_n_owners(np->prog) : 0;
    *dirty = np ? flow_prog_n_dirty(np->prog) : 0;
    *quarantined = np ? flow_prog_n_quarantined(np->prog) : 0;
}

const char *
dispatch_nve_openflow(const void *d, nva_id nve, bool *bundles)
{
    const struct nve_prog *np = dispatch_prog(d, nve);
    const struct bridge *br = np ? np->bridge : NULL;

    *bundles = br && br->bundles;
    return br ? br->openflow : NULL;
}

const struct flow_prog *
dispatch_flow_prog(const struct dispatch *d, nva_id nve)
{
    const struct nve_prog *np = dispatch_prog(d, nve);

    return np ? np->prog : NULL;
}
