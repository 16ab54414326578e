/* SPDX-License-Identifier: Apache-2.0 */

/* Guests of nva-measure and the places where they stand.
 *
 * A guest has no kernel: it is these frames in and out.  It behaves like one
 * of QEMU's: while it is paused nothing is read, what arrives waits in the
 * tap's queue; when it runs on elsewhere, that queue is closed with its
 * process, and what waited there is lost, as is what comes later; both are
 * counted.  With 'keep_queue' it takes along what waited.  Answers ARP
 * (RFC 826) and neighbour solicitations (RFC 4861, 7.2.4) for itself.  Must
 * never know what the network should do about a move. */

#include "measure.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "guest-frame.h"
#include "guest-tap.h"

#define MAX_READ_BATCH 64

static void leave(struct measure *, struct guest *, struct place *);
static void update_reading(struct measure *, struct guest *);
static size_t read_batch(struct measure *, struct guest *, struct place *,
                         size_t max);
static void input(struct measure *, struct guest *, struct place *,
                  const uint8_t *frame, size_t len);
static void input_arp(struct measure *, struct guest *, struct place *,
                      const struct guest_arp *);
static void input_nd(struct measure *, struct guest *, struct place *,
                     const struct guest_nd *, const uint8_t *src_mac);
static const char *announce_one(struct measure *, struct guest *,
                                struct place *, const char *kind);
static const char *put(struct place *, const uint8_t *frame, size_t n);

struct guest *
guest_find(struct measure *m, const char *name)
{
    for (size_t i = 0; i < m->n_guests; i++) {
        if (!strcmp(m->guests[i].name, name)) {
            return &m->guests[i];
        }
    }
    return NULL;
}

struct place *
place_find(struct guest *g, const char *key)
{
    for (size_t i = 0; i < g->n_places; i++) {
        if (!strcmp(g->places[i].key, key) && g->places[i].fd >= 0) {
            return &g->places[i];
        }
    }
    return NULL;
}

const char *
guest_add(struct measure *m, const char *name, char **options, size_t n)
{
    struct guest *g = &m->guests[m->n_guests];
    bool has_mac = false;

    if (m->n_guests >= MAX_GUESTS || guest_find(m, name)
        || strlen(name) >= sizeof g->name) {
        return "guest add: too many, too long, or there already";
    }
    memset(g, 0, sizeof *g);
    for (size_t i = 0; i < n; i++) {
        if (!strncmp(options[i], "mac=", 4)
            && guest_parse_mac(options[i] + 4, g->mac)) {
            has_mac = true;
        } else if (!strncmp(options[i], "ip=", 3)
                   && inet_pton(AF_INET, options[i] + 3, g->ip4) == 1) {
            g->has_ip4 = true;
        } else if (!strncmp(options[i], "ip6=", 4)
                   && inet_pton(AF_INET6, options[i] + 4, g->ip6) == 1) {
            g->has_ip6 = true;
        } else {
            return "guest add: mac=MAC, ip=IPV4 or ip6=IPV6";
        }
    }
    if (!has_mac) {
        return "guest add: mac=MAC is needed";
    }
    strcpy(g->name, name);
    m->n_guests++;
    return NULL;
}

bool
guest_parse_mac(const char *s, uint8_t mac[6])
{
    return sscanf(s, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", mac, mac + 1, mac + 2,
                  mac + 3, mac + 4, mac + 5) == 6;
}

struct place *
guest_standing(struct guest *g, uint64_t seq)
{
    struct place *found[MAX_PLACES];
    size_t n = 0;

    for (size_t i = 0; i < g->n_places; i++) {
        struct place *p = &g->places[i];

        if (p->state == PLACE_STANDING && p->fd >= 0) {
            found[n++] = p;
        }
    }
    return n ? found[seq % n] : NULL;
}

const char *
place_add(struct measure *m, struct guest *g, const char *key,
          const char *ns, const char *port)
{
    static const struct guest_tap_options no_options;
    struct place *p = NULL;

    for (size_t i = 0; i < g->n_places; i++) {
        if (g->places[i].fd < 0) {
            p = &g->places[i];  /* One that was closed. */
        }
    }
    if (!p && g->n_places < MAX_PLACES) {
        p = &g->places[g->n_places];
    }
    if (!p || place_find(g, key) || strlen(key) >= sizeof p->key
        || strlen(ns) >= sizeof p->ns || strlen(port) >= sizeof p->port) {
        return "place: too many, too long, or there already";
    }
    memset(p, 0, sizeof *p);
    p->fd = guest_tap_open(ns, port, &no_options);
    if (p->fd < 0) {
        return strerror(errno);
    }
    strcpy(p->key, key);
    strcpy(p->ns, ns);
    strcpy(p->port, port);
    if (p == &g->places[g->n_places]) {
        g->n_places++;
    }
    measure_watch(m, EPOLL_CTL_ADD, p->fd, 0, (struct event_data) {
        EVENT_PLACE, g - m->guests, p - g->places });
    return NULL;
}

void
place_close(struct place *p)
{
    close(p->fd);
    p->fd = -1;
}

void
guest_stand(struct measure *m, struct guest *g, struct place *p,
            struct place *q)
{
    for (size_t i = 0; i < g->n_places; i++) {
        struct place *other = &g->places[i];

        if (other == p || other == q) {
            other->state = PLACE_STANDING;
        } else if (other->state != PLACE_PREPARED) {
            other->state = PLACE_LEFT;
        }
    }
    update_reading(m, g);
}

const char *
guest_prepare(struct measure *m, struct guest *g, struct place *p)
{
    if (p->state == PLACE_STANDING) {
        return "prepare: it stands there";
    }
    p->state = PLACE_PREPARED;
    update_reading(m, g);
    return NULL;
}

void
guest_pause(struct measure *m, struct guest *g)
{
    g->paused = true;
    update_reading(m, g);
}

int64_t
guest_resume(struct measure *m, struct guest *g, struct place *p)
{
    int64_t now;

    for (size_t i = 0; i < g->n_places; i++) {
        struct place *old = &g->places[i];

        if (old != p && old->state == PLACE_STANDING && old->fd >= 0) {
            leave(m, g, old);
        }
    }
    now = measure_now();
    g->paused = false;
    g->resumed = now;
    g->resumed_at = p;
    g->first = g->first_fresh = 0;
    for (size_t i = 0; i < m->n_streams; i++) {
        struct stream *s = &m->streams[i];

        if (s->src == g || s->dst == g) {
            s->first = s->first_fresh = s->first_from_new = 0;
        }
    }
    flows_resume_pacing(m, g, now);
    guest_stand(m, g, p, NULL);
    return now;
}

const char *
guest_announce(struct measure *m, struct guest *g, struct place *p,
               const char *kinds)
{
    while (*kinds) {
        size_t n = strcspn(kinds, "+");
        char kind[16] = "";
        const char *error;

        memcpy(kind, kinds, n < sizeof kind ? n : sizeof kind - 1);
        error = announce_one(m, g, p, kind);
        if (error) {
            return error;
        }
        kinds += n + (kinds[n] == '+');
    }
    return NULL;
}

void
guest_read(struct measure *m, struct guest *g, struct place *p)
{
    read_batch(m, g, p, MAX_READ_BATCH);
}

/* The guest, which is paused, runs on elsewhere than at 'p': deals with what
 * waits there. */
static void
leave(struct measure *m, struct guest *g, struct place *p)
{
    if (m->keep_queue) {
        g->drained += read_batch(m, g, p, GUEST_TAP_QUEUE);
    } else {
        p->state = PLACE_CLOSING;
        g->left_behind += read_batch(m, g, p, GUEST_TAP_QUEUE);
    }
}

/* Tells epoll which taps may be read now. */
static void
update_reading(struct measure *m, struct guest *g)
{
    for (size_t i = 0; i < g->n_places; i++) {
        struct place *p = &g->places[i];
        bool read = (p->state == PLACE_LEFT
                     || (p->state == PLACE_STANDING && !g->paused));

        if (p->fd >= 0) {
            measure_watch(m, EPOLL_CTL_MOD, p->fd, read ? EPOLLIN : 0,
                          (struct event_data) { EVENT_PLACE, g - m->guests,
                                                i });
        }
    }
}

/* Returns the number of frames read. */
static size_t
read_batch(struct measure *m, struct guest *g, struct place *p, size_t max)
{
    static uint8_t frame[GUEST_TAP_FRAME_MAX];
    size_t i;

    for (i = 0; i < max; i++) {
        ssize_t n = read(p->fd, frame, sizeof frame);

        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            place_close(p);     /* Its device is gone. */
        }
        if (n <= 0) {
            break;
        }
        input(m, g, p, frame, n);
    }
    return i;
}

static void
input(struct measure *m, struct guest *g, struct place *p,
      const uint8_t *frame, size_t len)
{
    const uint8_t *payload;
    struct guest_arp arp;
    struct guest_nd nd;
    size_t n;

    if (len < 14 || (memcmp(frame, g->mac, 6) && !(frame[0] & 1))) {
        g->stray++;             /* A network card would not let it pass. */
        return;
    }
    payload = guest_frame_parse_udp(frame, len, MEASURE_PORT, &n);
    if (payload) {
        int64_t now = measure_now();

        stalls_note(&m->stalls, now);
        flow_input(m, g, p, payload, n, now);
    } else if (p->state != PLACE_STANDING) {
        return;
    } else if (guest_frame_parse_arp(frame, len, &arp)) {
        input_arp(m, g, p, &arp);
    } else if (guest_frame_parse_nd(frame, len, &nd)) {
        input_nd(m, g, p, &nd, frame + 6);
    } else {
        g->bad++;
    }
}

static void
input_arp(struct measure *m, struct guest *g, struct place *p,
          const struct guest_arp *arp)
{
    static const uint8_t none[4];
    uint8_t reply[GUEST_FRAME_SIZE];

    if (memcmp(arp->spa, none, 4)) {
        flows_resolve(m, g, 4, arp->spa, arp->sha);
    }
    if (arp->op == 1 && g->has_ip4 && !memcmp(arp->tpa, g->ip4, 4)
        && memcmp(arp->sha, g->mac, 6)) {
        struct guest_arp answer = { .op = 2 };

        memcpy(answer.sha, g->mac, 6);
        memcpy(answer.spa, g->ip4, 4);
        memcpy(answer.tha, arp->sha, 6);
        memcpy(answer.tpa, arp->spa, 4);
        put(p, reply, guest_frame_arp(reply, 0x0806, arp->sha, &answer));
    }
}

static void
input_nd(struct measure *m, struct guest *g, struct place *p,
         const struct guest_nd *nd, const uint8_t *src_mac)
{
    static const uint8_t unspecified[16];
    uint8_t reply[GUEST_FRAME_SIZE];

    if (nd->type == 136) {
        flows_resolve(m, g, 6, nd->target, nd->has_lla ? nd->lla : src_mac);
        return;
    }
    if (nd->has_lla) {
        flows_resolve(m, g, 6, nd->src_ip, nd->lla);
    }
    if (!g->has_ip6 || memcmp(nd->target, g->ip6, 16)) {
        return;
    }
    if (!memcmp(nd->src_ip, unspecified, 16)) {
        put(p, reply, guest_frame_na(reply, g->mac, g->ip6, false));
    } else {
        put(p, reply, guest_frame_na_reply(reply, g->mac, g->ip6,
                                           nd->has_lla ? nd->lla : src_mac,
                                           nd->src_ip));
    }
}

static const char *
announce_one(struct measure *m, struct guest *g, struct place *p,
             const char *kind)
{
    uint8_t f[GUEST_FRAME_SIZE];

    if (!strcmp(kind, "none")) {
        return NULL;
    } else if (!strcmp(kind, "rarp")) {
        return put(p, f, guest_frame_rarp(f, g->mac));
    } else if (g->has_ip4 && !strcmp(kind, "garp")) {
        return put(p, f, guest_frame_garp(f, g->mac, g->ip4, false));
    } else if (g->has_ip4 && !strcmp(kind, "garp-reply")) {
        return put(p, f, guest_frame_garp(f, g->mac, g->ip4, true));
    } else if (g->has_ip4 && !strcmp(kind, "probe")) {
        return put(p, f, guest_frame_probe(f, g->mac, g->ip4));
    } else if (g->has_ip6 && !strcmp(kind, "na")) {
        return put(p, f, guest_frame_na(f, g->mac, g->ip6, false));
    } else if (g->has_ip6 && !strcmp(kind, "na-node")) {
        return put(p, f, guest_frame_na(f, g->mac, g->ip6, true));
    } else if (g->has_ip6 && !strcmp(kind, "dad")) {
        return put(p, f, guest_frame_ns(f, g->mac, NULL, g->ip6));
    }
    for (size_t i = 0; i < m->n_streams && !strcmp(kind, "data"); i++) {
        if (m->streams[i].src == g) {
            return (flow_send(&m->streams[i], p, measure_now()) ? NULL
                    : strerror(errno));
        }
    }
    return "announce: garp, garp-reply, na, na-node, rarp, probe, dad, data "
           "(with a flow) or none, and the address it needs";
}

static const char *
put(struct place *p, const uint8_t *frame, size_t n)
{
    return write(p->fd, frame, n) == (ssize_t) n ? NULL : strerror(errno);
}
