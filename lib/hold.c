/* SPDX-License-Identifier: Apache-2.0 */

/* Queues of packets, one for each interface that is held.  Knows where an
 * interface's packets go once it is no longer held: that is read from its
 * places, asked each time.  Must never know a move, a flow or a socket, nor
 * change the directory.
 *
 * Invariant: what is let go of one interface leaves in the order in which it
 * came, and everything that came is sent, held or counted as dropped.
 * draft vmm-15 s4.4 (D18). */

#include <config.h>

#include "hold.h"

#include <string.h>

#include "hash.h"
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "packets.h"
#include "pipeline.h"
#include "util.h"

struct packet {
    struct ovs_list node;
    size_t size;
    uint8_t data[];
};

struct queue {
    struct hmap_node node;
    nva_id tsi;
    struct ovs_list packets;
    size_t n, bytes;
    nva_usec until;                 /* Waits at most till then. */
    nva_usec calm;                  /* Nothing had to wait since then. */
    nva_usec ended;                 /* No longer held since; 0: held. */
    nva_usec window;                /* Of HOLD_PACE, began then... */
    size_t n_window;                /* ...and has let go so many. */
    uint64_t sent, dropped;
};

struct hold {
    struct hmap queues;
    struct hold_stats stats;
};

static struct queue *find(const struct hold *, nva_id tsi);
static void put(struct hold *, struct queue *, const void *, size_t);
static void pop(struct hold *, struct queue *);
static void drop_all(struct hold *, struct queue *, enum nva_reason);
static void forget(struct hold *, struct queue *);
static bool waits(const struct queue *, const struct nva_tsi *, nva_usec now);
static bool runs(const struct nva_view *, const struct nva_tsi *);
static bool window_is_full(const struct queue *, nva_usec now);
static void let_go(struct hold *, struct queue *, const struct nva_view *,
                   hold_send *, void *aux);

struct hold *
hold_create(void)
{
    struct hold *h = xzalloc(sizeof *h);

    hmap_init(&h->queues);
    return h;
}

void
hold_destroy(struct hold *h)
{
    struct queue *q;

    if (h) {
        HMAP_FOR_EACH_SAFE (q, node, &h->queues) {
            forget(h, q);
        }
        hmap_destroy(&h->queues);
        free(h);
    }
}

void
hold_look(struct hold *h, const struct nva_tsi *tsi)
{
    struct queue *q;

    if (!tsi->held_until) {
        return;
    }
    q = find(h, tsi->id);
    if (!q) {
        q = xzalloc(sizeof *q);
        q->tsi = tsi->id;
        ovs_list_init(&q->packets);
        hmap_insert(&h->queues, &q->node, hash_uint64(tsi->id));
    }
    q->until = tsi->held_until;
    q->ended = 0;
}

bool
hold_take(struct hold *h, const struct directory *dir,
          const struct nva_packet_in *pin)
{
    const struct nva_tsi *tsi;
    struct eth_addr dst;
    struct queue *q;
    nva_id vap, vn;

    if (pin->table != NVA_TABLE_HOLD || hmap_is_empty(&h->queues)
        || pin->size < ETH_HEADER_LEN
        || classify_packet_vn(dir, pin, &vap, &vn) != NVA_OK) {
        return false;
    }
    memcpy(&dst, pin->data, sizeof dst);
    tsi = directory_tsi_by_mac(dir, vn, dst);
    q = tsi ? find(h, tsi->id) : NULL;
    if (q) {
        put(h, q, pin->data, pin->size);
    }
    return q != NULL;
}

void
hold_run(struct hold *h, const struct nva_view *v, hold_send *send, void *aux)
{
    struct queue *q;

    HMAP_FOR_EACH_SAFE (q, node, &h->queues) {
        const struct nva_tsi *tsi = directory_tsi(v->dir, q->tsi);

        if (!tsi) {
            drop_all(h, q, NVA_R_HOLD_GONE);
            forget(h, q);
            continue;
        }
        if (!waits(q, tsi, v->now)) {
            let_go(h, q, v, send, aux);
        }
        if (q->n || !runs(v, tsi)) {
            q->calm = v->now;
        }
        if (!tsi->held_until && !q->ended) {
            q->ended = v->now;
        }
        if (!tsi->held_until && !q->n && v->now >= q->ended + HOLD_LINGER) {
            forget(h, q);
        }
    }
}

bool
hold_next_released(const struct hold *h, const struct nva_view *v,
                   struct nva_event *ev)
{
    const struct queue *q;

    HMAP_FOR_EACH (q, node, &h->queues) {
        const struct nva_tsi *tsi = directory_tsi(v->dir, q->tsi);
        bool all_out = (tsi && runs(v, tsi) && !q->n
                        && v->now >= q->calm + HOLD_CALM);

        if (tsi && tsi->held_until && (all_out || v->now >= q->until)) {
            *ev = (struct nva_event) { .type = NVA_EV_RELEASED };
            ev->released.tsi = q->tsi;
            ev->released.sent = q->sent;
            ev->released.dropped = q->dropped;
            return true;
        }
    }
    return false;
}

nva_usec
hold_deadline(const struct hold *h, const struct nva_view *v)
{
    nva_usec deadline = NVA_NEVER;
    const struct queue *q;

    HMAP_FOR_EACH (q, node, &h->queues) {
        const struct nva_tsi *tsi = directory_tsi(v->dir, q->tsi);
        nva_usec at = q->until;

        if (!tsi) {
            at = v->now;
        } else if (q->n && !waits(q, tsi, v->now)
                   && window_is_full(q, v->now)) {
            at = q->window + HOLD_PACE;
        } else if (!q->n && tsi->held_until && runs(v, tsi)) {
            at = MIN(at, q->calm + HOLD_CALM);
        } else if (!q->n && !tsi->held_until) {
            at = q->ended ? q->ended + HOLD_LINGER : v->now;
        }
        deadline = MIN(deadline, at);
    }
    return deadline;
}

const struct hold_stats *
hold_stats(const struct hold *h)
{
    return &h->stats;
}

static struct queue *
find(const struct hold *h, nva_id tsi)
{
    struct queue *q;

    HMAP_FOR_EACH_WITH_HASH (q, node, hash_uint64(tsi), &h->queues) {
        if (q->tsi == tsi) {
            return q;
        }
    }
    return NULL;
}

static void
put(struct hold *h, struct queue *q, const void *data, size_t size)
{
    struct packet *p;

    h->stats.held++;
    if (q->n >= HOLD_PACKETS_MAX || q->bytes + size > HOLD_BYTES_MAX
        || h->stats.bytes + size > HOLD_TOTAL_MAX) {
        h->stats.dropped[NVA_R_HOLD_FULL]++;
        q->dropped++;
        return;
    }
    p = xmalloc(sizeof *p + size);
    p->size = size;
    memcpy(p->data, data, size);
    ovs_list_push_back(&q->packets, &p->node);
    q->n++;
    q->bytes += size;
    h->stats.packets++;
    h->stats.bytes += size;
}

/* Takes the oldest away. */
static void
pop(struct hold *h, struct queue *q)
{
    struct packet *p = CONTAINER_OF(ovs_list_pop_front(&q->packets),
                                    struct packet, node);

    q->n--;
    q->bytes -= p->size;
    h->stats.packets--;
    h->stats.bytes -= p->size;
    free(p);
}

static void
drop_all(struct hold *h, struct queue *q, enum nva_reason reason)
{
    h->stats.dropped[reason] += q->n;
    q->dropped += q->n;
    while (q->n) {
        pop(h, q);
    }
}

static void
forget(struct hold *h, struct queue *q)
{
    while (q->n) {
        pop(h, q);
    }
    hmap_remove(&h->queues, &q->node);
    free(q);
}

/* True while the VM runs nowhere, and there is time. */
static bool
waits(const struct queue *q, const struct nva_tsi *tsi, nva_usec now)
{
    return tsi->held_until && tsi->paused && now < q->until;
}

/* True once it has switched; or, if it stays where it was after all, once its
 * NVE has confirmed that it sends nothing after it any more. */
static bool
runs(const struct nva_view *v, const struct nva_tsi *tsi)
{
    const struct nva_owner owner = { NVA_OWNER_TSI, tsi->id };

    return (!tsi->paused
            && (!nva_place_is_set(&tsi->prepared)
                || nva_confirmed(v, tsi->current.nve, owner)));
}

static bool
window_is_full(const struct queue *q, nva_usec now)
{
    return now < q->window + HOLD_PACE && q->n_window >= HOLD_BATCH;
}

static void
let_go(struct hold *h, struct queue *q, const struct nva_view *v,
       hold_send *send, void *aux)
{
    const struct nva_tsi *tsi = directory_tsi(v->dir, q->tsi);
    const struct nva_place *to = tsi->paused ? &tsi->prepared : &tsi->current;
    const struct nva_port *port = directory_port(v->dir, to->nve, to->port);
    bool sent = port != NULL;

    if (v->now >= q->window + HOLD_PACE) {
        q->window = v->now;
        q->n_window = 0;
    }
    while (q->n && sent && !window_is_full(q, v->now)) {
        const struct packet *p = CONTAINER_OF(ovs_list_front(&q->packets),
                                              struct packet, node);
        const struct hold_packet out = {
            .nve = to->nve, .ofport = port->ofport, .data = p->data,
            .size = p->size,
        };

        sent = send(aux, &out);
        if (sent) {
            q->n_window++;
            q->sent++;
            h->stats.sent++;
            pop(h, q);
        }
    }
    if (!sent && v->now >= q->until) {
        drop_all(h, q, NVA_R_HOLD_TIMEOUT);
    }
}
