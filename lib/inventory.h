/* SPDX-License-Identifier: Apache-2.0 */

/* VM management's inventory as values, and what of it contradicts the
 * directory.  Changes nothing.  draft vmm-15 s10 (D14). */

#ifndef NVA_INVENTORY_H
#define NVA_INVENTORY_H 1

#include "finding.h"

enum {
    NVA_INVENTORY_MAX = 65536,  /* Interfaces that a caller lists. */
};

/* One interface as VM management has it.  What is "" or not stated is not
 * compared.  A VM without interfaces: one entry with a zero MAC. */
struct nva_inventory_if {
    char vm[NVA_NAME_MAX];
    char name[NVA_NAME_MAX];
    char vn[NVA_NAME_MAX];
    struct eth_addr mac;
    bool has_ips;
    size_t n_ips;
    struct in6_addr ips[NVA_IPS_MAX];
    char nve[NVA_NAME_MAX];
    char port[NVA_PORT_NAME_MAX];
};

struct nva_inventory {
    size_t n, allocated;
    struct nva_inventory_if *ifs;
};

struct nva_inventory *nva_inventory_create(void);
void nva_inventory_destroy(struct nva_inventory *);
/* Appends a zeroed entry; NULL if there are NVA_INVENTORY_MAX. */
struct nva_inventory_if *nva_inventory_add(struct nva_inventory *);

void nva_inventory_compare(const struct nva_view *,
                           const struct nva_inventory *,
                           struct nva_findings *);

#endif /* inventory.h */
