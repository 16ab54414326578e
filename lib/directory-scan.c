/* SPDX-License-Identifier: Apache-2.0 */

/* Scans that wait or go on: at most one for each VN at each NVE that serves
 * it, the one that is due first on top.
 *
 * It must never know why an NVE is scanned, nor what is asked.
 *
 * Invariant (directory_check()): a scan goes with the last VAP of its VN at
 * its NVE.  draft vmm-15 s4.2 (D3). */

#include <config.h>

#include "directory.h"

#include "directory-private.h"
#include "heap.h"
#include "openvswitch/list.h"
#include "util.h"

const struct nva_scan *
directory_scan(const struct directory *d, nva_id nve, nva_id vn)
{
    const struct member *m = dir_find_member(d, nve, vn);

    return m && m->scan.nve ? &m->scan : NULL;
}

const struct nva_scan *
directory_first_scan(const struct directory *d)
{
    return (heap_is_empty(&d->scans) ? NULL
            : &CONTAINER_OF(heap_max(&d->scans), struct member,
                            scan_node)->scan);
}

nva_usec
directory_scan_slot(const struct directory *d, nva_id id)
{
    const struct nve_obj *nve = dir_find_nve(d, id);

    return nve ? nve->scan_slot : 0;
}

void
scan_put(struct directory *d, const struct nva_scan *new)
{
    struct member *m = dir_find_member(d, new->nve, new->vn);

    if (m) {
        scan_drop(d, m);
        m->scan = *new;
        m->nve->scan_slot = MAX(m->nve->scan_slot, new->slot);
        heap_insert(&d->scans, &m->scan_node, dir_soonest(new->due));
    }
}

void
scan_del(struct directory *d, const struct nva_scan *last)
{
    struct member *m = dir_find_member(d, last->nve, last->vn);

    if (m) {
        m->nve->scan_slot = MAX(m->nve->scan_slot, last->slot);
        scan_drop(d, m);
    }
}

void
scan_drop(struct directory *d, struct member *m)
{
    if (m->scan.nve) {
        heap_remove(&d->scans, &m->scan_node);
        m->scan.nve = NVA_ID_NONE;
    }
}

const char *
scan_check(const struct directory *d)
{
    const struct member *m;
    size_t n = 0;

    HMAP_FOR_EACH (m, hmap_node, &d->members) {
        if (m->scan.nve) {
            n++;
            if (m->scan.nve != m->nve->v.id || m->scan.vn != m->vn->v.id) {
                return "a scan is listed elsewhere";
            }
            if (m->scan.due < directory_first_scan(d)->due) {
                return "a scan is due before the first";
            }
            if (m->scan.slot > m->nve->scan_slot) {
                return "a scan has a slot that its NVE may give again";
            }
        }
    }
    return (n == heap_count(&d->scans) ? NULL
            : "the indices of scans differ in size");
}
