/* SPDX-License-Identifier: Apache-2.0 */

/* Guests that lie: forged frames at a rate.
 *
 * Knows what a guest may forge: announcements and data, from MACs and of
 * addresses that are not its own.  Counts what it wrote and what its tap did
 * not take; must never know what became of it.  Invariant: a flood keeps its
 * rate on the average of MAX_BEHIND, and never catches up beyond that. */

#include "measure.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest-frame.h"

#define MAX_BEHIND 20000
#define MAX_SEND_BATCH 128
#define N_FORGED (1 << 20)      /* Different MACs and addresses of `any'. */

static const char *const kinds[] = {
    "garp", "garp-reply", "na", "na-node", "rarp", "probe", "data",
};
enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

static struct flood *flood_of(struct measure *, const struct guest *);
static const char *set_kinds(struct flood *, const char *);
static const char *set_option(struct flood *, const char *);
static void flood_run(struct flood *, int64_t now);
static int64_t due(const struct flood *);
static size_t forge(struct flood *, uint8_t *frame);
static size_t forge_data(const struct flood *, const uint8_t mac[6],
                         const uint8_t ip4[4], uint8_t *frame);

/* KIND[+KIND...] [pps=N] [mac=any|MAC] [ip=any|IP] [ip6=any|IP] */
const char *
flood_start(struct measure *m, struct guest *g, char **args, size_t n)
{
    struct flood *f = flood_of(m, g);
    struct flood new = { .src = g, .pps = 10000, .on = true };
    const char *error = n ? set_kinds(&new, args[0]) : "flood: which kind?";

    if (!f && m->n_floods >= MAX_FLOODS) {
        return "flood: too many";
    }
    memcpy(new.mac, g->mac, 6);
    memcpy(new.ip4, g->ip4, 4);
    memcpy(new.ip6, g->ip6, 16);
    for (size_t i = 1; !error && i < n; i++) {
        error = set_option(&new, args[i]);
    }
    if (error) {
        return error;
    }
    f = f ? f : &m->floods[m->n_floods++];
    new.base = measure_now();
    *f = new;
    return NULL;
}

/* Says what was sent. */
const char *
flood_stop(struct measure *m, struct guest *g, FILE *out)
{
    struct flood *f = flood_of(m, g);

    if (!f) {
        return "flood: that guest never did";
    }
    f->on = false;
    fprintf(out, ", \"sent\": %llu, \"refused\": %llu, \"skipped\": %llu",
            (unsigned long long) f->n_sent, (unsigned long long) f->n_refused,
            (unsigned long long) f->n_skipped);
    return NULL;
}

int64_t
floods_run(struct measure *m, int64_t now)
{
    int64_t next = INT64_MAX;

    for (size_t i = 0; i < m->n_floods; i++) {
        struct flood *f = &m->floods[i];

        if (f->on) {
            flood_run(f, now);
            next = next < due(f) ? next : due(f);
        }
    }
    return next;
}

static struct flood *
flood_of(struct measure *m, const struct guest *g)
{
    for (size_t i = 0; i < m->n_floods; i++) {
        if (m->floods[i].src == g) {
            return &m->floods[i];
        }
    }
    return NULL;
}

static const char *
set_kinds(struct flood *f, const char *names)
{
    while (*names) {
        size_t len = strcspn(names, "+"), i = 0;

        while (i < N_KINDS && (strlen(kinds[i]) != len
                               || strncmp(kinds[i], names, len))) {
            i++;
        }
        if (i == N_KINDS || f->n_kinds >= MAX_FLOOD_KINDS) {
            return "flood: garp, garp-reply, na, na-node, rarp, probe, data";
        }
        f->kinds[f->n_kinds++] = i;
        names += len + (names[len] == '+');
    }
    return f->n_kinds ? NULL : "flood: which kind?";
}

static const char *
set_option(struct flood *f, const char *option)
{
    const char *value = strchr(option, '=');
    bool any = value && !strcmp(value + 1, "any");

    if (!strncmp(option, "pps=", 4)) {
        f->pps = atoi(value + 1);
        return f->pps > 0 ? NULL : "flood: pps is a rate";
    } else if (!strncmp(option, "mac=", 4)) {
        f->any_mac = any;
        return any || guest_parse_mac(value + 1, f->mac) ? NULL
               : "flood: not a MAC";
    } else if (!strncmp(option, "ip=", 3)) {
        f->any_ip = any;
        return any || inet_pton(AF_INET, value + 1, f->ip4) == 1 ? NULL
               : "flood: not an IPv4 address";
    } else if (!strncmp(option, "ip6=", 4)) {
        f->any_ip = f->any_ip || any;
        return any || inet_pton(AF_INET6, value + 1, f->ip6) == 1 ? NULL
               : "flood: not an IPv6 address";
    }
    return "flood: pps=N, mac=, ip= or ip6=";
}

static void
flood_run(struct flood *f, int64_t now)
{
    if (now - due(f) > MAX_BEHIND) {
        uint64_t late = (now - due(f)) * f->pps / 1000000;

        f->n_skipped += late;
        f->n_paced += late;
    }
    for (int i = 0; i < MAX_SEND_BATCH && due(f) <= now; i++) {
        uint8_t frame[GUEST_FRAME_SIZE];
        struct place *p = guest_standing(f->src, f->n_sent);
        size_t n = forge(f, frame);

        if (p && write(p->fd, frame, n) == (ssize_t) n) {
            f->n_sent++;
        } else {
            f->n_refused++;
        }
        f->n_paced++;
    }
}

static int64_t
due(const struct flood *f)
{
    return f->base + (int64_t) (f->n_paced * 1000000 / f->pps);
}

/* The next frame.  Forged addresses are told apart by their last bytes. */
static size_t
forge(struct flood *f, uint8_t *frame)
{
    const char *kind = kinds[f->kinds[f->n_paced % f->n_kinds]];
    uint32_t which = f->n_paced / f->n_kinds % N_FORGED;
    uint8_t mac[6], ip4[4], ip6[16];

    memcpy(mac, f->mac, sizeof mac);
    memcpy(ip4, f->ip4, sizeof ip4);
    memcpy(ip6, f->ip6, sizeof ip6);
    if (f->any_mac) {
        uint8_t any[6] = { 2, 0xf0, 0, which >> 16, which >> 8, which };

        memcpy(mac, any, sizeof mac);
    }
    if (f->any_ip) {
        ip4[1] = 100 + (which >> 16);
        ip4[2] = ip6[14] = which >> 8;
        ip4[3] = ip6[15] = which;
        ip6[13] = which >> 16;
        ip6[12] = 0xf0;
    }
    if (!strcmp(kind, "rarp")) {
        return guest_frame_rarp(frame, mac);
    } else if (!strcmp(kind, "na") || !strcmp(kind, "na-node")) {
        return guest_frame_na(frame, mac, ip6, kind[2]);
    } else if (!strcmp(kind, "probe")) {
        return guest_frame_probe(frame, mac, ip4);
    } else if (!strcmp(kind, "data")) {
        return forge_data(f, mac, ip4, frame);
    }
    return guest_frame_garp(frame, mac, ip4, kind[4]);
}

/* To nobody. */
static size_t
forge_data(const struct flood *f, const uint8_t mac[6], const uint8_t ip4[4],
           uint8_t *frame)
{
    static const uint8_t nobody[6] = { 2, 0xfe, 0, 0, 0, 1 };
    const struct guest_udp udp = {
        .family = 4, .src_mac = mac, .dst_mac = nobody,
        .src_ip = ip4, .dst_ip = f->src->ip4,
        .src_port = 7, .dst_port = 7,
    };

    return guest_frame_udp(frame, &udp, "lies", 4);
}
