/* SPDX-License-Identifier: Apache-2.0 */

/* What the files of fault share.  For lib/fault*.c only. */

#ifndef NVA_FAULT_PRIVATE_H
#define NVA_FAULT_PRIVATE_H 1

#include "fault.h"
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"

/* What a fault is about; what its kind does not name is zero. */
struct fault_key {
    enum nva_audit_kind kind;
    nva_id nve, tsi, vap;
    uint64_t dpid;                      /* Of an unclaimed bridge. */
    char port[NVA_PORT_NAME_MAX];
    enum nva_reason reason;             /* Why frames are dropped... */
    struct in6_addr ip;                 /* ...from this address... */
    struct eth_addr mac;                /* ...or this station. */
};

struct fault {
    struct hmap_node node;
    struct ovs_list list_node;          /* Of its kind, or of those ended. */
    struct fault_key key;
    nva_usec since, last;
    uint64_t count;
    bool told;
    bool more;                          /* Stands for further addresses. */
    struct nva_place at;                /* Where it was seen last. */
    struct eth_addr mac;                /* What was seen there. */
    char alike[NVA_PORT_NAME_MAX];      /* A port that may be meant; "". */
    char *object;                       /* Its name when it began. */
};

/* What is to be known of an NVE that the directory does not say. */
struct fault_nve {
    struct hmap_node node, ip_node;
    nva_id id;
    struct in6_addr ip;                 /* 'ip_node' is in, unless zero. */
    bool connected;
    bool ever;                          /* It was connected once: its ports
                                         * are known. */
    uint64_t session;
    nva_usec since;                     /* Connected, or not. */
    enum nva_reason held_back;
    nva_usec ups[FAULT_UPS];            /* The last sessions' beginnings... */
    size_t n_ups;                       /* ...and how many there were. */
};

struct fault_nve *fault_nve_find(const struct faults *, nva_id);
/* Another NVE with its tunnel address, or NULL. */
const struct fault_nve *fault_nve_rival(const struct faults *,
                                        const struct fault_nve *);

/* ## fault-text ## */

void fault_describe(const struct faults *, const struct nva_view *,
                    const struct fault *, struct nva_finding *);
/* Looks for a port whose name is nearly what an interface's place says. */
void fault_find_alike(const struct nva_view *, struct fault *);

#endif /* fault-private.h */
