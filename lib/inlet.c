/* SPDX-License-Identifier: Apache-2.0 */

/* Counts what the ports of one NVE make the NVA work.  Knows packet-ins by
 * port, source and time; must never know what they mean, nor what is done
 * about a flood.  Invariant: memory is bounded by INLET_PORTS_MAX, a port that
 * said little is never dropped because of others while the reserve lasts, and
 * each change of a level is told once.  draft-ietf-nvo3-vmm-15 s10. */

#include <config.h>

#include "inlet.h"

#include <string.h>

#include "hash.h"
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "openvswitch/util.h"
#include "packets.h"
#include "util.h"

enum { SOURCE_WORDS = 4 };      /* Of 64 bits each. */

struct inlet_port {
    struct hmap_node node;
    struct ovs_list told_node;  /* In 'changed', or alone. */
    nva_ofport port;
    nva_usec window;            /* When the present window began. */
    unsigned int n_neighbour, n_all, n_all_before;
    uint64_t sources[SOURCE_WORDS];     /* Of data: one bit of 256 each. */
    unsigned int calm;          /* Windows in a row. */
    enum nva_detour level;
};

struct inlet {
    struct hmap ports;
    struct ovs_list changed;    /* Ports whose level is to be told. */
    size_t n_flooding;
    nva_usec deadline;
    nva_usec filled;            /* When the bucket was last filled... */
    nva_usec tokens;            /* ...in packet-ins * NVA_SEC. */
};

static struct inlet_port *port_get(struct inlet *, nva_ofport, nva_usec now);
static void make_room(struct inlet *, nva_usec now);
static void port_free(struct inlet *, struct inlet_port *);
static void fill(struct inlet *, nva_usec now);
static void turn_window(struct inlet *, struct inlet_port *, nva_usec now);
static void count(struct inlet_port *, struct eth_addr src, bool data);
static unsigned int n_sources(const struct inlet_port *);
static enum nva_detour level_of(const struct inlet_port *);
static void set_level(struct inlet *, struct inlet_port *, enum nva_detour,
                      nva_usec now);

struct inlet *
inlet_create(void)
{
    struct inlet *in = xzalloc(sizeof *in);

    hmap_init(&in->ports);
    ovs_list_init(&in->changed);
    in->deadline = NVA_NEVER;
    in->tokens = INLET_RATE * NVA_SEC;
    return in;
}

void
inlet_destroy(struct inlet *in)
{
    struct inlet_port *p;

    if (!in) {
        return;
    }
    HMAP_FOR_EACH_SAFE (p, node, &in->ports) {
        port_free(in, p);
    }
    hmap_destroy(&in->ports);
    free(in);
}

enum nva_reason
inlet_take(struct inlet *in, nva_ofport port, struct eth_addr src, bool data,
           nva_usec now)
{
    struct inlet_port *p = port_get(in, port, now);
    bool little = true;

    if (p) {
        turn_window(in, p, now);
        count(p, src, data);
        little = p->n_all + p->n_all_before <= INLET_LITTLE;
        if (level_of(p) > p->level) {
            set_level(in, p, level_of(p), now);
        }
    }
    fill(in, now);
    if (in->tokens < NVA_SEC * (little ? 1 : INLET_RESERVE + 1)) {
        return NVA_R_NVE_LIMIT;
    }
    in->tokens -= NVA_SEC;
    return NVA_OK;
}

bool
inlet_next(struct inlet *in, nva_usec now, nva_ofport *port,
           enum nva_detour *level)
{
    struct inlet_port *p;

    if (in->n_flooding && in->deadline <= now) {
        in->deadline = now + INLET_WINDOW;
        HMAP_FOR_EACH (p, node, &in->ports) {
            if (p->level != NVA_DETOUR_NONE) {
                turn_window(in, p, now);
            }
        }
    }
    if (ovs_list_is_empty(&in->changed)) {
        return false;
    }
    p = CONTAINER_OF(ovs_list_pop_front(&in->changed), struct inlet_port,
                     told_node);
    ovs_list_init(&p->told_node);
    *port = p->port;
    *level = p->level;
    return true;
}

nva_usec
inlet_deadline(const struct inlet *in)
{
    return in->deadline;
}

void
inlet_forget(struct inlet *in, nva_ofport port)
{
    struct inlet_port *p;

    HMAP_FOR_EACH_WITH_HASH (p, node, hash_int(port, 0), &in->ports) {
        if (p->port == port) {
            port_free(in, p);
            return;
        }
    }
}

/* NULL if there is no room: a switch that invents ports. */
static struct inlet_port *
port_get(struct inlet *in, nva_ofport port, nva_usec now)
{
    struct inlet_port *p;

    HMAP_FOR_EACH_WITH_HASH (p, node, hash_int(port, 0), &in->ports) {
        if (p->port == port) {
            return p;
        }
    }
    if (hmap_count(&in->ports) >= INLET_PORTS_MAX) {
        make_room(in, now);
    }
    if (hmap_count(&in->ports) >= INLET_PORTS_MAX) {
        return NULL;
    }
    p = xzalloc(sizeof *p);
    p->port = port;
    p->window = now;
    ovs_list_init(&p->told_node);
    hmap_insert(&in->ports, &p->node, hash_int(port, 0));
    return p;
}

/* Forgets who has been silent. */
static void
make_room(struct inlet *in, nva_usec now)
{
    struct inlet_port *p;

    HMAP_FOR_EACH_SAFE (p, node, &in->ports) {
        if (p->level == NVA_DETOUR_NONE
            && now - p->window >= 2 * INLET_WINDOW) {
            port_free(in, p);
        }
    }
}

static void
port_free(struct inlet *in, struct inlet_port *p)
{
    in->n_flooding -= p->level != NVA_DETOUR_NONE;
    if (!in->n_flooding) {
        in->deadline = NVA_NEVER;
    }
    ovs_list_remove(&p->told_node);
    hmap_remove(&in->ports, &p->node);
    free(p);
}

static void
fill(struct inlet *in, nva_usec now)
{
    nva_usec passed = MIN(now - in->filled, NVA_SEC);

    in->tokens = MIN(in->tokens + passed * INLET_RATE, INLET_RATE * NVA_SEC);
    in->filled = now;
}

/* Begins a new window if the present one is over, and draws the balance of
 * it.  Windows in which nothing came count as calm, too. */
static void
turn_window(struct inlet *in, struct inlet_port *p, nva_usec now)
{
    nva_usec n = (now - p->window) / INLET_WINDOW;
    bool calm;

    if (n <= 0) {
        return;
    }
    /* All of a VM's traffic is counted while all of it is detoured: then only
     * its sources tell. */
    calm = ((p->level == NVA_DETOUR_ALL || p->n_neighbour < INLET_FLOOD / 4)
            && n_sources(p) < INLET_SOURCES / 4);
    p->calm = calm ? p->calm + 1 : 0;
    p->calm += n - 1;
    p->n_all_before = n == 1 ? p->n_all : 0;
    p->n_all = p->n_neighbour = 0;
    memset(p->sources, 0, sizeof p->sources);
    p->window += n * INLET_WINDOW;
    if (p->level != NVA_DETOUR_NONE && p->calm >= INLET_CALM_WINDOWS) {
        set_level(in, p, NVA_DETOUR_NONE, now);
    }
}

static void
count(struct inlet_port *p, struct eth_addr src, bool data)
{
    uint8_t bit = hash_uint64(eth_addr_to_uint64(src));

    p->n_all++;
    if (data) {
        p->sources[bit / 64] |= UINT64_C(1) << (bit % 64);
    } else {
        p->n_neighbour++;
    }
}

static unsigned int
n_sources(const struct inlet_port *p)
{
    unsigned int n = 0;

    for (size_t i = 0; i < SOURCE_WORDS; i++) {
        n += count_1bits(p->sources[i]);
    }
    return n;
}

static enum nva_detour
level_of(const struct inlet_port *p)
{
    return (n_sources(p) >= INLET_SOURCES ? NVA_DETOUR_ALL
            : p->n_neighbour >= INLET_FLOOD ? NVA_DETOUR_NEIGHBOUR
            : NVA_DETOUR_NONE);
}

static void
set_level(struct inlet *in, struct inlet_port *p, enum nva_detour level,
          nva_usec now)
{
    if (p->level == NVA_DETOUR_NONE) {
        in->deadline = in->n_flooding++ ? in->deadline : now + INLET_WINDOW;
    } else if (level == NVA_DETOUR_NONE && !--in->n_flooding) {
        in->deadline = NVA_NEVER;
    }
    p->level = level;
    p->calm = 0;
    if (ovs_list_is_empty(&p->told_node)) {
        ovs_list_push_back(&in->changed, &p->told_node);
    }
}
