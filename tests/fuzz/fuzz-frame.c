/* SPDX-License-Identifier: Apache-2.0 */

/* Any bytes go through nva_frame_parse(); what it takes must be consistent,
 * and every reply to it must parse again.  Seeds: seeds-frame.py. */

#include <config.h>

#include <stdint.h>

#include "frame.h"
#include "packets.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void check_kind(const struct nva_frame *);
static void check_replies(const struct nva_frame *);
static void check_reply(const uint8_t *, size_t, enum nva_frame_kind);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nva_frame f;

    if (nva_frame_parse(data, size, &f)) {
        ovs_assert(f.kind == NVA_FRAME_OTHER);
    } else {
        check_kind(&f);
        check_replies(&f);
    }
    return 0;
}

/* What the rest of the brain relies on. */
static void
check_kind(const struct nva_frame *f)
{
    ovs_assert(!(nva_frame_is_probe(f) && nva_frame_is_announcement(f)));
    switch (f->kind) {
    case NVA_FRAME_ARP_REQUEST:
    case NVA_FRAME_ARP_REPLY:
    case NVA_FRAME_RARP_REQUEST:
    case NVA_FRAME_RARP_REPLY:
        ovs_assert(eth_addr_equals(f->sha, f->eth_src));
        ovs_assert(nva_ip_is_v4(&f->spa) && nva_ip_is_v4(&f->tpa));
        break;
    case NVA_FRAME_NS:
        ovs_assert(!f->has_lla || eth_addr_equals(f->lla, f->eth_src));
        ovs_assert(!nva_frame_is_probe(f) || !f->has_lla);
        /* Fall through. */
    case NVA_FRAME_NA:
        ovs_assert(!ipv6_addr_is_multicast(&f->tpa));
        break;
    case NVA_FRAME_OTHER:
        ovs_assert(!nva_frame_is_announcement(f));
        break;
    }
}

static void
check_replies(const struct nva_frame *f)
{
    const struct eth_addr mac = ETH_ADDR_C(02,00,00,00,00,01);
    uint8_t buf[NVA_REPLY_MAX];

    if (f->kind == NVA_FRAME_ARP_REQUEST) {
        check_reply(buf, nva_frame_arp_reply(f, mac, buf, sizeof buf),
                    NVA_FRAME_ARP_REPLY);
    } else if (f->kind == NVA_FRAME_NS) {
        check_reply(buf, nva_frame_na_reply(f, mac, false, buf, sizeof buf),
                    NVA_FRAME_NA);
    } else if (f->kind == NVA_FRAME_RARP_REQUEST) {
        check_reply(buf, nva_frame_rarp_reply(f, &f->tpa, mac, &f->spa, buf,
                                              sizeof buf),
                    NVA_FRAME_RARP_REPLY);
    }
}

static void
check_reply(const uint8_t *data, size_t size, enum nva_frame_kind kind)
{
    struct nva_frame f;

    ovs_assert(size >= 60);
    ovs_assert(!nva_frame_parse(data, size, &f));
    ovs_assert(f.kind == kind);
}
