/* SPDX-License-Identifier: Apache-2.0 */

/* Streams of numbered packets between guests.
 *
 * Knows when a packet is due, what it looks like, and where it arrived.  Must
 * never know how a guest came to stand where it stands.  Invariant: a paused
 * guest sends nothing, and takes up its pace again without catching up. */

#include "measure.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest-frame.h"

/* A sender that comes this late leaves packets out instead of sending a burst
 * that the network could not tell from a fault. */
#define MAX_BEHIND 20000
#define MAX_SEND_BATCH 32

static const char *add_stream(struct measure *, struct guest *src,
                              struct guest *dst, const struct stream *like);
static int64_t due(const struct stream *);
static void forgive(struct stream *, int64_t now);
static void run_stream(struct stream *, int64_t now);
static void ask(struct stream *);

/* A B v4|v6 pps=N [size=N] [static]: both directions. */
const char *
flow_add(struct measure *m, char **args, size_t n)
{
    struct guest *a = n > 0 ? guest_find(m, args[0]) : NULL;
    struct guest *b = n > 1 ? guest_find(m, args[1]) : NULL;
    struct stream like = { .pps = 1000, .size = 64 };
    const char *error;

    if (!a || !b || n < 3) {
        return "flow add: two known guests and v4 or v6 are needed";
    }
    like.family = !strcmp(args[2], "v6") ? 6 : 4;
    for (size_t i = 3; i < n; i++) {
        if (!strncmp(args[i], "pps=", 4)) {
            like.pps = atoi(args[i] + 4);
        } else if (!strncmp(args[i], "size=", 5)) {
            like.size = atoi(args[i] + 5);
        } else if (!strcmp(args[i], "static")) {
            like.resolved = true;
        } else {
            return "flow add: pps=N, size=N or static";
        }
    }
    if (!like.pps || like.size < sizeof(struct numbered)
        || like.size > GUEST_FRAME_UDP_MAX) {
        return "flow add: pps or size out of range";
    }
    if (like.family == 4 ? !a->has_ip4 || !b->has_ip4
                         : !a->has_ip6 || !b->has_ip6) {
        return "flow add: a guest has no address of that family";
    }
    error = add_stream(m, a, b, &like);
    return error ? error : add_stream(m, b, a, &like);
}

static const char *
add_stream(struct measure *m, struct guest *src, struct guest *dst,
           const struct stream *like)
{
    struct stream *s = &m->streams[m->n_streams];

    if (m->n_streams >= MAX_STREAMS) {
        return "flow add: too many flows";
    }
    *s = *like;
    s->id = m->n_streams++;
    s->src = src;
    s->dst = dst;
    s->epoch = measure_now();
    memcpy(s->peer_mac, dst->mac, 6);
    return NULL;
}

/* Streams start staggered, so that their packets do not come in bursts. */
void
flows_start(struct measure *m, int64_t now)
{
    for (size_t i = 0; i < m->n_streams; i++) {
        struct stream *s = &m->streams[i];

        s->base = now + (int64_t) (1000000 * i / m->n_streams) / s->pps;
        s->n_paced = 0;
    }
    m->running = true;
    m->next_resolve = now;
}

/* 'g' sends again: what it did not send while it stood still is no debt. */
void
flows_resume_pacing(struct measure *m, struct guest *g, int64_t now)
{
    for (size_t i = 0; i < m->n_streams; i++) {
        struct stream *s = &m->streams[i];

        if (s->src == g) {
            forgive(s, now);
        }
    }
}

int64_t
flows_run(struct measure *m, int64_t now)
{
    int64_t next = INT64_MAX;
    bool resolve = m->running && now >= m->next_resolve;

    for (size_t i = 0; m->running && i < m->n_streams; i++) {
        struct stream *s = &m->streams[i];

        if (s->src->paused) {
            continue;
        }
        if (s->resolved) {
            run_stream(s, now);
            next = next < due(s) ? next : due(s);
        } else if (resolve) {
            ask(s);
        }
    }
    if (resolve) {
        m->next_resolve = now + RESOLVE_INTERVAL;
    }
    if (m->running && !flows_resolved(m)) {
        next = next < m->next_resolve ? next : m->next_resolve;
    }
    return next;
}

bool
flows_resolved(const struct measure *m)
{
    for (size_t i = 0; i < m->n_streams; i++) {
        if (!m->streams[i].resolved) {
            return false;
        }
    }
    return true;
}

/* 'g' has heard that 'ip' is at 'mac'. */
void
flows_resolve(struct measure *m, const struct guest *g, int family,
              const uint8_t *ip, const uint8_t mac[6])
{
    for (size_t i = 0; i < m->n_streams; i++) {
        struct stream *s = &m->streams[i];

        if (s->src == g && s->family == family && !s->resolved
            && !memcmp(family == 4 ? s->dst->ip4 : s->dst->ip6, ip,
                       family == 4 ? 4 : 16)) {
            memcpy(s->peer_mac, mac, 6);
            s->resolved = true;
            forgive(s, measure_now());
        }
    }
}

/* Sends the next packet of 's' from 'p'. */
bool
flow_send(struct stream *s, struct place *p, int64_t now)
{
    uint8_t frame[GUEST_FRAME_SIZE], payload[GUEST_FRAME_UDP_MAX];
    bool v4 = s->family == 4;
    struct guest_udp udp = {
        .family = s->family,
        .src_mac = s->src->mac, .dst_mac = s->peer_mac,
        .src_ip = v4 ? s->src->ip4 : s->src->ip6,
        .dst_ip = v4 ? s->dst->ip4 : s->dst->ip6,
        .src_port = 20000 + s->id, .dst_port = MEASURE_PORT,
    };
    struct numbered number = { NUMBERED_MAGIC, s->id, 0, now };
    size_t n;

    number.seq = stream_sent(s, now);
    memcpy(payload, &number, sizeof number);
    memset(payload + sizeof number, 0, s->size - sizeof number);
    n = guest_frame_udp(frame, &udp, payload, s->size);
    return write(p->fd, frame, n) == (ssize_t) n;
}

/* A UDP payload reached 'g' at 'p'. */
void
flow_input(struct measure *m, struct guest *g, struct place *p,
           const uint8_t *payload, size_t n, int64_t now)
{
    struct numbered number;
    struct stream *s;

    if (n < sizeof number) {
        return;
    }
    memcpy(&number, payload, sizeof number);
    if (number.magic != NUMBERED_MAGIC || number.stream >= m->n_streams
        || m->streams[number.stream].dst != g) {
        g->stray++;
        return;
    }
    s = &m->streams[number.stream];
    if (p->state == PLACE_CLOSING) {
        stream_left_behind(s, number.seq);
        return;
    }
    if (p->state == PLACE_LEFT) {
        p->late++;
        g->late_at_old++;
        return;
    }
    p->received++;
    stream_received(s, number.seq, now, m->stalls.total);
    if (g->resumed && p == g->resumed_at) {
        g->first = g->first ? g->first : now;
        s->first = s->first ? s->first : now;
        if (number.sent >= g->resumed) {
            g->first_fresh = g->first_fresh ? g->first_fresh : now;
            s->first_fresh = s->first_fresh ? s->first_fresh : now;
        }
    }
    if (s->src->resumed && number.sent >= s->src->resumed
        && !s->first_from_new) {
        s->first_from_new = now;
    }
}

static int64_t
due(const struct stream *s)
{
    return s->base + (int64_t) (s->n_paced * 1000000 / s->pps);
}

/* What is due already need not be sent; what comes keeps its place in the
 * stagger. */
static void
forgive(struct stream *s, int64_t now)
{
    if (due(s) < now) {
        s->n_paced += (now - due(s)) * s->pps / 1000000 + 1;
    }
}

static void
run_stream(struct stream *s, int64_t now)
{
    if (now - due(s) > MAX_BEHIND) {
        uint64_t late = (now - due(s)) * s->pps / 1000000;

        s->skipped += late;
        s->n_paced += late;
    }
    for (int i = 0; i < MAX_SEND_BATCH && due(s) <= now; i++) {
        struct place *p = guest_standing(s->src, s->next_seq);

        if (!p) {
            s->skipped++;
        } else {
            flow_send(s, p, measure_now());
        }
        s->n_paced++;
    }
}

/* Asks for the MAC address of the other end. */
static void
ask(struct stream *s)
{
    struct place *p = guest_standing(s->src, 0);
    uint8_t frame[GUEST_FRAME_SIZE];
    size_t n;

    if (!p) {
        return;
    }
    if (s->family == 4) {
        struct guest_arp arp = { .op = 1 };

        memcpy(arp.sha, s->src->mac, 6);
        memcpy(arp.spa, s->src->ip4, 4);
        memcpy(arp.tpa, s->dst->ip4, 4);
        n = guest_frame_arp(frame, 0x0806, guest_broadcast_mac, &arp);
    } else {
        n = guest_frame_ns(frame, s->src->mac, s->src->ip6, s->dst->ip6);
    }
    if (write(p->fd, frame, n) < 0) {
        s->resolved = false;    /* It is asked again. */
    }
}
