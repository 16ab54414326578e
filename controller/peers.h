/* SPDX-License-Identifier: Apache-2.0 */

/* Who is connected by OpenFlow, as claims on what is scarce: places and
 * memory.  Says who makes room for a newcomer, and who holds most of what is
 * held by too many.  Knows no socket and no message. */

#ifndef NVA_PEERS_H
#define NVA_PEERS_H 1

#include <netinet/in.h>

#include "openvswitch/hmap.h"
#include "openvswitch/list.h"

/* Named limits. */
enum {
    PEERS_MAX = 8192,               /* A peer that opens connections and says
                                     * nothing.  Fewer, if the process may have
                                     * fewer descriptors. */
    PEERS_KNOWN_MAX = 8192,         /* Addresses that NVEs have come from. */
};

/* Bytes that all peers of a group make us hold (see of_session_memory()):
 * above it who holds most is ended.  One NVE may have 8 MiB of output. */
#define PEERS_UNCLAIMED_BYTES (32 * 1024 * 1024)
#define PEERS_NVE_BYTES (512 * 1024 * 1024)

/* In the order in which they make room. */
enum peer_class {
    PEER_STRANGER,                  /* Shakes hands, from any address. */
    PEER_RETURNING,                 /* ...from where an NVE has come from. */
    PEER_UNCLAIMED,                 /* A bridge that nobody claims. */
    PEER_NVE,                       /* Makes room for nobody. */
    PEER_N_CLASSES
};

enum { PEER_N_GROUPS = 2, PEER_N_SIZES = 24 };

struct peer {
    struct ovs_list class_node;     /* In 'of_class', by arrival there. */
    struct ovs_list size_node;      /* In 'of_size'. */
    enum peer_class class;
    size_t held;                    /* Bytes. */
};

struct peers {
    size_t max, n;
    struct ovs_list of_class[PEER_N_CLASSES];
    size_t n_of_class[PEER_N_CLASSES];
    struct ovs_list of_size[PEER_N_GROUPS][PEER_N_SIZES];  /* By log2(held). */
    size_t held[PEER_N_GROUPS];
    struct hmap known;              /* Of addresses. */
};

/* For at most 'max' of them, PEERS_MAX at most. */
void peers_init(struct peers *, size_t max);
/* All must have been removed. */
void peers_uninit(struct peers *);

void peers_add(struct peers *, struct peer *, enum peer_class);
void peers_remove(struct peers *, struct peer *);
void peers_set_class(struct peers *, struct peer *, enum peer_class);
void peers_set_held(struct peers *, struct peer *, size_t held);

/* Who shakes hands from 'ip': one that an NVE has come from is better off.  A
 * unix socket has no address (all zero). */
enum peer_class peers_class_of(const struct peers *, const struct in6_addr *);
void peers_know(struct peers *, const struct in6_addr *);

bool peers_are_full(const struct peers *);
/* Who has been shaking hands for longest, else the unclaimed bridge that has
 * been here for longest; NULL: all are NVEs. */
struct peer *peers_make_room(const struct peers *);
/* Who holds most (to a factor of two) of a group that holds too much; NULL:
 * none does. */
struct peer *peers_excess(const struct peers *);

#endif /* peers.h */
