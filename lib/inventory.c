/* SPDX-License-Identifier: Apache-2.0 */

/* Compares the directory with VM management's inventory, interface by
 * interface: by VM name, then by MAC, else by the interface's name.
 *
 * Knows both sides' words.  Must never decide who is right.  Invariant: what
 * the inventory does not state is not compared, and a place that a move under
 * way leaves or goes to is no contradiction.  draft vmm-15 s10 (D14). */

#include <config.h>

#include "inventory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "util.h"

/* An inventory with its indices. */
struct listed {
    const struct nva_view *view;
    struct nva_findings *findings;
    size_t n;
    const struct nva_inventory_if **by_vm, **by_mac;
};

static void index_all(struct listed *, const struct nva_inventory *);
static void compare_if(const struct listed *, const struct nva_inventory_if *,
                       const struct nva_vm *);
static directory_cb unlisted_cb;

struct nva_inventory *
nva_inventory_create(void)
{
    return xzalloc(sizeof(struct nva_inventory));
}

void
nva_inventory_destroy(struct nva_inventory *inventory)
{
    if (inventory) {
        free(inventory->ifs);
        free(inventory);
    }
}

struct nva_inventory_if *
nva_inventory_add(struct nva_inventory *inventory)
{
    struct nva_inventory_if *nif;

    if (inventory->n >= NVA_INVENTORY_MAX) {
        return NULL;
    } else if (inventory->n >= inventory->allocated) {
        inventory->ifs = x2nrealloc(inventory->ifs, &inventory->allocated,
                                    sizeof *inventory->ifs);
    }
    nif = &inventory->ifs[inventory->n++];
    memset(nif, 0, sizeof *nif);
    return nif;
}

void
nva_inventory_compare(const struct nva_view *v,
                      const struct nva_inventory *inventory,
                      struct nva_findings *findings)
{
    struct listed listed = { .view = v, .findings = findings };
    const char *last = "";

    index_all(&listed, inventory);
    for (size_t i = 0; i < listed.n; i++) {
        const struct nva_inventory_if *nif = listed.by_vm[i];
        const struct nva_vm *vm = directory_vm_by_name(v->dir, nif->vm);

        if (vm && !eth_addr_is_zero(nif->mac)) {
            compare_if(&listed, nif, vm);
        } else if (!vm && strcmp(last, nif->vm)) {
            struct nva_finding *f = nva_findings_add(findings,
                                              NVA_AUDIT_VM_UNKNOWN);

            snprintf(f->object, sizeof f->object, "vm %s", nif->vm);
            snprintf(f->other, sizeof f->other, "%s %s", nif->nve, nif->port);
        }
        last = nif->vm;
    }
    directory_each_vm(v->dir, unlisted_cb, &listed);
    free(listed.by_vm);
    free(listed.by_mac);
}

/* ## Indices ## */

static int
compare_vms(const void *a_, const void *b_)
{
    const struct nva_inventory_if *const *a = a_, *const *b = b_;

    return strcmp((*a)->vm, (*b)->vm);
}

static int
compare_macs(const void *a_, const void *b_)
{
    const struct nva_inventory_if *const *a = a_, *const *b = b_;

    return memcmp(&(*a)->mac, &(*b)->mac, sizeof (*a)->mac);
}

static void
index_all(struct listed *l, const struct nva_inventory *inventory)
{
    l->n = inventory->n;
    l->by_vm = xcalloc(l->n + 1, sizeof *l->by_vm);
    l->by_mac = xcalloc(l->n + 1, sizeof *l->by_mac);
    for (size_t i = 0; i < l->n; i++) {
        l->by_vm[i] = l->by_mac[i] = &inventory->ifs[i];
    }
    qsort(l->by_vm, l->n, sizeof *l->by_vm, compare_vms);
    qsort(l->by_mac, l->n, sizeof *l->by_mac, compare_macs);
}

static bool
has_vm(const struct listed *l, const char *name)
{
    struct nva_inventory_if key;
    const struct nva_inventory_if *p = &key;

    ovs_strlcpy(key.vm, name, sizeof key.vm);
    return bsearch(&p, l->by_vm, l->n, sizeof *l->by_vm, compare_vms);
}

static bool
has_mac(const struct listed *l, struct eth_addr mac)
{
    const struct nva_inventory_if key = { .mac = mac }, *p = &key;

    return bsearch(&p, l->by_mac, l->n, sizeof *l->by_mac, compare_macs);
}

/* ## What both have ## */

struct match {
    const struct nva_inventory_if *nif;
    const struct nva_vn *vn;            /* That it states, or NULL. */
    const struct nva_tsi *by_mac, *by_name;
};

static bool
match_cb(const void *tsi_, void *match_)
{
    const struct nva_tsi *tsi = tsi_;
    struct match *m = match_;

    /* Two interfaces may have one MAC, in two networks. */
    if (eth_addr_equals(tsi->mac, m->nif->mac)
        && (!m->by_mac || (m->vn && tsi->vn == m->vn->id))) {
        m->by_mac = tsi;
    }
    if (!strcmp(tsi->name, m->nif->name)) {
        m->by_name = tsi;
    }
    return true;
}

static struct nva_finding *
add(const struct listed *l, enum nva_audit_kind kind,
    const struct nva_tsi *tsi)
{
    struct nva_finding *f = nva_findings_add(l->findings, kind);

    nva_finding_name_tsi(f, l->view, tsi);
    f->nve = tsi->current.nve;
    return f;
}

static void
say_mac(char *text, size_t size, struct eth_addr mac)
{
    snprintf(text, size, ETH_ADDR_FMT, ETH_ADDR_ARGS(mac));
}

static const char *
nve_name(const struct listed *l, nva_id id)
{
    const struct nva_nve *nve = directory_nve(l->view->dir, id);

    return nve ? nve->name : "nowhere";
}

static bool
place_is(const struct listed *l, const struct nva_place *place,
         const struct nva_inventory_if *nif)
{
    return (nva_place_is_set(place)
            && !strcmp(nve_name(l, place->nve), nif->nve)
            && (!nif->port[0] || !place->port[0]
                || !strcmp(place->port, nif->port)));
}

static void
compare_place(const struct listed *l, const struct nva_inventory_if *nif,
              const struct nva_tsi *tsi)
{
    struct nva_finding *f;

    if (!nif->nve[0] || place_is(l, &tsi->current, nif)
        || place_is(l, &tsi->published, nif)
        || place_is(l, &tsi->prepared, nif)) {
        return;
    }
    f = add(l, NVA_AUDIT_IF_PLACE, tsi);
    snprintf(f->directory, sizeof f->directory, "%s %s",
             nve_name(l, tsi->current.nve), tsi->current.port);
    snprintf(f->other, sizeof f->other, "%s %s", nif->nve, nif->port);
}

/* True if 'a' has what 'b' lacks; a guest makes link-local ones itself. */
static bool
has_more(const struct in6_addr *a, size_t n_a, const struct in6_addr *b,
         size_t n_b)
{
    for (size_t i = 0; i < n_a; i++) {
        if (!IN6_IS_ADDR_LINKLOCAL(&a[i]) && !nva_ips_have(b, n_b, &a[i])) {
            return true;
        }
    }
    return false;
}

static void
say_ips(char *text, size_t size, const struct in6_addr *ips, size_t n)
{
    char buf[INET6_ADDRSTRLEN];
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < n && used < size; i++) {
        used += snprintf(text + used, size - used, "%s%s", i ? " " : "",
                         nva_ip_format(&ips[i], buf, sizeof buf));
    }
}

/* In a network that learns, the directory may know more. */
static void
compare_ips(const struct listed *l, const struct nva_inventory_if *nif,
            const struct nva_tsi *tsi)
{
    const struct nva_vn *vn = directory_vn(l->view->dir, tsi->vn);
    struct nva_finding *f;

    if (nif->has_ips
        && (has_more(nif->ips, nif->n_ips, tsi->ips, tsi->n_ips)
            || (vn->binding == NVA_BINDING_STRICT
                && has_more(tsi->ips, tsi->n_ips, nif->ips, nif->n_ips)))) {
        f = add(l, NVA_AUDIT_IF_IPS, tsi);
        say_ips(f->directory, sizeof f->directory, tsi->ips, tsi->n_ips);
        say_ips(f->other, sizeof f->other, nif->ips, nif->n_ips);
    }
}

static void
compare_if(const struct listed *l, const struct nva_inventory_if *nif,
           const struct nva_vm *vm)
{
    struct match m = {
        .nif = nif, .vn = directory_vn_by_name(l->view->dir, nif->vn),
    };
    const struct nva_tsi *tsi;
    const struct nva_vn *vn;
    struct nva_finding *f;

    directory_each_tsi_of_vm(l->view->dir, vm->id, match_cb, &m);
    tsi = m.by_mac ? m.by_mac : m.by_name;
    if (!tsi) {
        f = nva_findings_add(l->findings, NVA_AUDIT_IF_UNKNOWN);
        f->vm = vm->id;
        snprintf(f->object, sizeof f->object, "vm %.111s %.111s", vm->name,
                 nif->name);
        say_mac(f->other, sizeof f->other, nif->mac);
        return;
    }
    if (!m.by_mac) {
        f = add(l, NVA_AUDIT_IF_MAC, tsi);
        say_mac(f->directory, sizeof f->directory, tsi->mac);
        say_mac(f->other, sizeof f->other, nif->mac);
    }
    vn = directory_vn(l->view->dir, tsi->vn);
    if (nif->vn[0] && strcmp(nif->vn, vn->name)) {
        f = add(l, NVA_AUDIT_IF_VN, tsi);
        snprintf(f->directory, sizeof f->directory, "%s", vn->name);
        snprintf(f->other, sizeof f->other, "%s", nif->vn);
    }
    compare_ips(l, nif, tsi);
    compare_place(l, nif, tsi);
}

/* ## What only the directory has ## */

struct unlisted {
    const struct listed *l;
    const struct nva_vm *vm;
    bool in_list;                       /* The VM is. */
};

/* An interface of a VM that is listed: by its MAC, or its name with another
 * MAC, which has been said already. */
static bool
if_is_listed(const struct listed *l, const struct nva_vm *vm,
             const struct nva_tsi *tsi)
{
    struct nva_inventory_if key;
    const struct nva_inventory_if *p = &key;
    const struct nva_inventory_if **found;
    size_t i;

    ovs_strlcpy(key.vm, vm->name, sizeof key.vm);
    found = bsearch(&p, l->by_vm, l->n, sizeof *l->by_vm, compare_vms);
    i = found - l->by_vm;
    while (i && !strcmp(l->by_vm[i - 1]->vm, vm->name)) {
        i--;
    }
    for (; i < l->n && !strcmp(l->by_vm[i]->vm, vm->name); i++) {
        if (eth_addr_equals(l->by_vm[i]->mac, tsi->mac)
            || !strcmp(l->by_vm[i]->name, tsi->name)) {
            return true;
        }
    }
    return false;
}

static bool
unlisted_if_cb(const void *tsi_, void *u_)
{
    const struct nva_tsi *tsi = tsi_;
    const struct unlisted *u = u_;
    struct nva_finding *f;
    bool listed = (u->in_list ? if_is_listed(u->l, u->vm, tsi)
                   : u->vm->origin == NVA_ORIGIN_LEARNED
                     && has_mac(u->l, tsi->mac));

    if (!listed) {
        f = add(u->l, u->in_list ? NVA_AUDIT_IF_UNLISTED
                                 : NVA_AUDIT_VM_UNLISTED, tsi);
        snprintf(f->directory, sizeof f->directory,
                 ETH_ADDR_FMT" %s %s", ETH_ADDR_ARGS(tsi->mac),
                 nve_name(u->l, tsi->current.nve), tsi->current.port);
    }
    return u->in_list;                  /* A VM that is not: once. */
}

static bool
unlisted_cb(const void *vm_, void *l_)
{
    const struct nva_vm *vm = vm_;
    struct unlisted u = { .l = l_, .vm = vm };

    u.in_list = has_vm(u.l, vm->name);
    directory_each_tsi_of_vm(u.l->view->dir, vm->id, unlisted_if_cb, &u);
    return true;
}
