/* SPDX-License-Identifier: Apache-2.0 */

/* Who makes room, and who holds most.
 *
 * Knows classes, the order of arrival and sizes.  Must never know a socket or
 * a message, nor end anybody.  Invariant: each peer is in one list of its
 * class and in one of its group and size; the sums are those of the lists.
 * Each question costs the same however many peers there are. */

#include <config.h>

#include "peers.h"

#include <stdlib.h>

#include "hash.h"
#include "openvswitch/util.h"
#include "packets.h"
#include "util.h"

struct known {
    struct hmap_node node;
    struct in6_addr ip;
};

static const size_t held_max[PEER_N_GROUPS] = {
    PEERS_UNCLAIMED_BYTES, PEERS_NVE_BYTES,
};

static size_t group_of(enum peer_class);
static size_t size_of(size_t held);
static void link_size(struct peers *, struct peer *);
static void unlink_size(struct peers *, struct peer *);
static struct known *find_known(const struct peers *, const struct in6_addr *);

void
peers_init(struct peers *ps, size_t max)
{
    *ps = (struct peers) { .max = MIN(max, PEERS_MAX) };
    for (size_t i = 0; i < PEER_N_CLASSES; i++) {
        ovs_list_init(&ps->of_class[i]);
    }
    for (size_t i = 0; i < PEER_N_GROUPS; i++) {
        for (size_t j = 0; j < PEER_N_SIZES; j++) {
            ovs_list_init(&ps->of_size[i][j]);
        }
    }
    hmap_init(&ps->known);
}

void
peers_uninit(struct peers *ps)
{
    struct known *k;

    ovs_assert(!ps->n);
    HMAP_FOR_EACH_POP (k, node, &ps->known) {
        free(k);
    }
    hmap_destroy(&ps->known);
}

void
peers_add(struct peers *ps, struct peer *p, enum peer_class class)
{
    p->class = class;
    p->held = 0;
    ps->n++;
    ps->n_of_class[class]++;
    ovs_list_push_back(&ps->of_class[class], &p->class_node);
    link_size(ps, p);
}

void
peers_remove(struct peers *ps, struct peer *p)
{
    unlink_size(ps, p);
    ovs_list_remove(&p->class_node);
    ps->n_of_class[p->class]--;
    ps->n--;
}

void
peers_set_class(struct peers *ps, struct peer *p, enum peer_class class)
{
    if (p->class != class) {
        size_t held = p->held;

        peers_remove(ps, p);
        peers_add(ps, p, class);
        peers_set_held(ps, p, held);
    }
}

void
peers_set_held(struct peers *ps, struct peer *p, size_t held)
{
    if (p->held != held) {
        unlink_size(ps, p);
        p->held = held;
        link_size(ps, p);
    }
}

enum peer_class
peers_class_of(const struct peers *ps, const struct in6_addr *ip)
{
    return find_known(ps, ip) ? PEER_RETURNING : PEER_STRANGER;
}

void
peers_know(struct peers *ps, const struct in6_addr *ip)
{
    if (!IN6_IS_ADDR_UNSPECIFIED(ip) && !find_known(ps, ip)
        && hmap_count(&ps->known) < PEERS_KNOWN_MAX) {
        struct known *k = xmalloc(sizeof *k);

        k->ip = *ip;
        hmap_insert(&ps->known, &k->node, hash_bytes(ip, sizeof *ip, 0));
    }
}

bool
peers_are_full(const struct peers *ps)
{
    return ps->n >= ps->max;
}

struct peer *
peers_make_room(const struct peers *ps)
{
    for (size_t i = 0; i < PEER_NVE; i++) {
        if (!ovs_list_is_empty(&ps->of_class[i])) {
            return CONTAINER_OF(ovs_list_front(&ps->of_class[i]), struct peer,
                                class_node);
        }
    }
    return NULL;
}

struct peer *
peers_excess(const struct peers *ps)
{
    for (size_t i = 0; i < PEER_N_GROUPS; i++) {
        for (size_t j = PEER_N_SIZES; ps->held[i] > held_max[i] && j--; ) {
            if (!ovs_list_is_empty(&ps->of_size[i][j])) {
                return CONTAINER_OF(ovs_list_front(&ps->of_size[i][j]),
                                    struct peer, size_node);
            }
        }
    }
    return NULL;
}

static size_t
group_of(enum peer_class class)
{
    return class == PEER_NVE;
}

static size_t
size_of(size_t held)
{
    return held ? MIN(log_2_floor(held), PEER_N_SIZES - 1) : 0;
}

static void
link_size(struct peers *ps, struct peer *p)
{
    size_t group = group_of(p->class);

    ps->held[group] += p->held;
    ovs_list_push_back(&ps->of_size[group][size_of(p->held)], &p->size_node);
}

static void
unlink_size(struct peers *ps, struct peer *p)
{
    ps->held[group_of(p->class)] -= p->held;
    ovs_list_remove(&p->size_node);
}

static struct known *
find_known(const struct peers *ps, const struct in6_addr *ip)
{
    struct known *k;

    HMAP_FOR_EACH_WITH_HASH (k, node, hash_bytes(ip, sizeof *ip, 0),
                             &ps->known) {
        if (ipv6_addr_equals(&k->ip, ip)) {
            return k;
        }
    }
    return NULL;
}
