/* SPDX-License-Identifier: Apache-2.0 */

/* Whose flows an NVE may have: a walk that can pause while the directory
 * changes.
 *
 * It knows which owners have to do with an NVE.  It must never know a flow.
 *
 * Invariant: a cursor points to what it has not given yet.  Whatever leaves a
 * list moves on the cursors that point to it (dir_leave()), and what comes in
 * where they are then is next (dir_enter()): an object that is put anew leaves
 * and enters.  So an owner that is there from when the walk begins until it
 * ends is given, at least once.  RFC 8014 s8 (what an NVE needs to be
 * told). */

#include <config.h>

#include "directory.h"

#include "directory-private.h"
#include "openvswitch/list.h"
#include "openvswitch/util.h"
#include "util.h"

enum { OWNERS_PER_STEP = 3 };

struct owner_cursor {
    struct ovs_list node;               /* In directory.cursors. */
    const struct directory *dir;
    nva_id nve;
    size_t step;
    /* What comes next in a list, and in one of the list's lists; NULL: the
     * first. */
    const struct ovs_list *outer, *inner;
    size_t n, next;
    struct nva_owner owners[OWNERS_PER_STEP];
};

/* Takes the next one or two of a kind; false: there are no more. */
typedef bool step_func(struct owner_cursor *, const struct nve_obj *);
static step_func step_base, step_members, step_vaps, step_pushed, step_visits,
                 step_redirects, step_pulls;

static step_func *const steps[] = {
    step_base, step_members, step_vaps, step_pushed, step_visits,
    step_redirects, step_pulls,
};

struct owner_cursor *
directory_owners_start(struct directory *d, nva_id nve)
{
    struct owner_cursor *c = xzalloc(sizeof *c);

    c->dir = d;
    c->nve = nve;
    ovs_list_push_back(&d->cursors, &c->node);
    return c;
}

void
directory_owners_stop(struct owner_cursor *c)
{
    if (c) {
        ovs_list_remove(&c->node);
        free(c);
    }
}

bool
directory_owners_next(struct owner_cursor *c, struct nva_owner *owner)
{
    while (c->next >= c->n) {
        const struct nve_obj *nve = dir_find_nve(c->dir, c->nve);

        if (!nve || c->step >= ARRAY_SIZE(steps)) {
            return false;
        }
        c->n = c->next = 0;
        if (!steps[c->step](c, nve)) {
            c->step++;
            c->outer = c->inner = NULL;
        }
    }
    *owner = c->owners[c->next++];
    return true;
}

void
directory_each_owner_at(const struct directory *d, nva_id nve,
                        directory_owner_cb *cb, void *aux)
{
    struct owner_cursor c = { .dir = d, .nve = nve };
    struct nva_owner owner;

    while (directory_owners_next(&c, &owner)) {
        cb(owner, aux);
    }
}

void
dir_leave(struct directory *d, struct ovs_list *node)
{
    struct owner_cursor *c;

    LIST_FOR_EACH (c, node, &d->cursors) {
        if (c->outer == node) {
            c->outer = node->next;
            c->inner = NULL;
        } else if (c->inner == node) {
            c->inner = node->next;
        }
    }
    ovs_list_remove(node);
}

/* A cursor in the midst of the list of its outer node stays there: that node
 * has not left. */
void
dir_enter(struct directory *d, struct ovs_list *node)
{
    struct owner_cursor *c;

    LIST_FOR_EACH (c, node, &d->cursors) {
        if (c->inner == node->next) {
            c->inner = node;
        } else if (!c->inner && c->outer == node->next) {
            c->outer = node;
        }
    }
}

/* ## Steps ## */

static void
give(struct owner_cursor *c, enum nva_owner_kind kind, nva_id id)
{
    ovs_assert(c->n < OWNERS_PER_STEP);
    c->owners[c->n++] = (struct nva_owner) { kind, id };
}

/* What 'at' points to in 'list', and goes on; NULL: the end. */
static const struct ovs_list *
take(const struct ovs_list **at, const struct ovs_list *list)
{
    const struct ovs_list *node = *at ? *at : list->next;

    *at = node == list ? node : node->next;
    return node == list ? NULL : node;
}

/* The same, but stays there. */
static const struct ovs_list *
look(const struct ovs_list **at, const struct ovs_list *list)
{
    *at = *at ? *at : list->next;
    return *at == list ? NULL : *at;
}

static void
pass(struct owner_cursor *c)
{
    c->outer = c->outer->next;
    c->inner = NULL;
}

/* The base has no list: it is given, and the next step begins. */
static bool
step_base(struct owner_cursor *c, const struct nve_obj *nve)
{
    give(c, NVA_OWNER_BASE, nve->v.id);
    return false;
}

static bool
step_members(struct owner_cursor *c, const struct nve_obj *nve)
{
    const struct ovs_list *node = take(&c->outer, &nve->members);

    if (node) {
        const nva_id vn = CONTAINER_OF(node, struct member,
                                       nve_node)->vn->v.id;

        give(c, NVA_OWNER_VN, vn);
        give(c, NVA_OWNER_FLOOD, vn);
    }
    return node != NULL;
}

static bool
step_vaps(struct owner_cursor *c, const struct nve_obj *nve)
{
    const struct ovs_list *node = take(&c->outer, &nve->vaps);

    if (node) {
        const nva_id vap = CONTAINER_OF(node, struct vap_obj, nve_node)->v.id;

        give(c, NVA_OWNER_VAP, vap);
        give(c, NVA_OWNER_QUIET, vap);
    }
    return node != NULL;
}

/* Each interface of a VN that is pushed. */
static bool
step_pushed(struct owner_cursor *c, const struct nve_obj *nve)
{
    const struct ovs_list *node = look(&c->outer, &nve->members);
    const struct vn_obj *vn
        = node ? CONTAINER_OF(node, struct member, nve_node)->vn : NULL;

    if (!vn) {
        return false;
    }
    node = vn->v.pulls ? NULL : take(&c->inner, &vn->tsis);
    if (node) {
        const nva_id tsi = CONTAINER_OF(node, struct tsi_obj, vn_node)->v.id;

        give(c, NVA_OWNER_TSI, tsi);
        give(c, NVA_OWNER_ADDRESS, tsi);
    } else {
        pass(c);
    }
    return true;
}

/* An interface that has to do with the NVE, unless its VN is pushed there:
 * then it is given for that. */
static void
give_unpushed(struct owner_cursor *c, const struct nve_obj *nve,
              const struct tsi_obj *t)
{
    const struct member *m = dir_find_member(c->dir, nve->v.id, t->v.vn);

    if (!m || m->vn->v.pulls) {
        give(c, NVA_OWNER_TSI, t->v.id);
    }
    if (m && m->vn->v.pulls) {
        give(c, NVA_OWNER_ADDRESS, t->v.id);
    }
}

/* The first of an interface's places at 'nve'; NULL: it has none there. */
static const struct visit *
first_visit(const struct tsi_obj *t, const struct nve_obj *nve)
{
    for (size_t i = 0; i < t->n_visits; i++) {
        if (t->visits[i].spot->nve == nve) {
            return &t->visits[i];
        }
    }
    return NULL;
}

/* Interfaces with a place there. */
static bool
step_visits(struct owner_cursor *c, const struct nve_obj *nve)
{
    const struct ovs_list *node = look(&c->outer, &nve->spots);
    const struct visit *visit;

    if (!node) {
        return false;
    }
    node = take(&c->inner,
                &CONTAINER_OF(node, struct spot, nve_node)->visits);
    if (node) {
        visit = CONTAINER_OF(node, struct visit, node);
        if (visit == first_visit(visit->tsi, nve)) {
            give_unpushed(c, nve, visit->tsi);
        }
    } else {
        pass(c);
    }
    return true;
}

static bool
step_redirects(struct owner_cursor *c, const struct nve_obj *nve)
{
    const struct ovs_list *node = take(&c->outer, &nve->redirects_at);

    if (node) {
        const struct redirect_obj *r = CONTAINER_OF(node, struct redirect_obj,
                                                    at_node);
        const struct tsi_obj *t = dir_find_tsi(c->dir, r->v.tsi);

        if (!dir_tsi_visits(t, nve)) {
            give_unpushed(c, nve, t);
        }
        give(c, NVA_OWNER_REDIRECT, r->v.id);
    }
    return node != NULL;
}

/* What it holds because it asked. */
static bool
step_pulls(struct owner_cursor *c, const struct nve_obj *nve)
{
    const struct ovs_list *node = take(&c->outer, &nve->pulls);

    if (node) {
        const struct pull_obj *p = CONTAINER_OF(node, struct pull_obj,
                                                nve_node);
        const struct tsi_obj *t = dir_find_tsi(c->dir, p->v.tsi);

        if (!t) {
            give(c, NVA_OWNER_ABSENT, p->v.id);
        } else if (!dir_tsi_visits(t, nve)
                   && !dir_tsi_redirects_at(t, nve)) {
            give(c, NVA_OWNER_TSI, t->v.id);
        }
    }
    return node != NULL;
}
