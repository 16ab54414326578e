/* SPDX-License-Identifier: Apache-2.0 */

/* What a caller of the northbound API wants of an audit. */

#ifndef NVA_API_AUDIT_H
#define NVA_API_AUDIT_H 1

#include "inventory.h"

struct api_audit {
    bool repair;                        /* Send anew what is not there. */
    struct nva_inventory *inventory;    /* NULL: none; owned. */
};

#endif /* api-audit.h */
