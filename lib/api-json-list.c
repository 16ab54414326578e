/* SPDX-License-Identifier: Apache-2.0 */

/* Lists in pages, made in slices.
 *
 * Knows the order of each kind of list and what its filters mean.  Must never
 * know a query string.  Invariant: between two slices nothing is kept but the
 * key of the last object that was looked at: the directory may change, and who
 * was there all the time is listed once. */

#include <config.h>

#include "api-json-list.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "api-json-show.h"
#include "binding.h"
#include "openvswitch/dynamic-string.h"
#include "util.h"

enum {
    API_SLICE_SHOWN = 32,               /* Objects shown in one turn... */
    API_SLICE_LOOKS = 512,              /* ...and looked at. */
    API_PAGE_BYTES = 1024 * 1024,       /* Where a page ends early. */
    API_UNCLAIMED_MAX = 256,            /* Bridges beside the NVEs. */
};

struct api_list {
    struct api_filter f;
    nva_id after_id;                    /* Of moves and ports. */
    size_t n;                           /* Shown. */
    bool more;                          /* The page is full. */
    struct ds text;
};

/* Looks at the object after the last one: false if there is none.  Sets
 * '*json' to it if it is to be shown. */
typedef bool look_at_next(const struct nva_view *, const struct api_facts *,
                          struct api_list *, json_t **);
static look_at_next next_vn, next_nve, next_port, next_vm, next_move;
static void put_unclaimed(const struct api_facts *, struct ds *);

static const struct {
    const char *key;
    look_at_next *next;
} kinds[API_N_LISTS] = {
    [API_LIST_VNS] = { "vns", next_vn },
    [API_LIST_NVES] = { "nves", next_nve },
    [API_LIST_PORTS] = { "ports", next_port },
    [API_LIST_VMS] = { "vms", next_vm },
    [API_LIST_MOVES] = { "moves", next_move },
};

struct api_list *
api_list_create(const struct nva_view *view OVS_UNUSED,
                const struct api_facts *facts, const struct api_filter *f)
{
    struct api_list *list = xzalloc(sizeof *list);

    list->f = *f;
    for (const char *s = f->after; *s >= '0' && *s <= '9'; s++) {
        list->after_id = list->after_id * 10 + (*s - '0');
    }
    ds_init(&list->text);
    ds_put_cstr(&list->text, "{");
    if (f->kind == API_LIST_NVES && !f->after[0] && !f->state[0]) {
        put_unclaimed(facts, &list->text);
    }
    ds_put_format(&list->text, "\"%s\":[", kinds[f->kind].key);
    return list;
}

void
api_json_list_destroy(struct api_list *list)
{
    if (list) {
        ds_destroy(&list->text);
        free(list);
    }
}

static void
put_json(struct ds *s, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);

    ds_put_cstr(s, text ? text : "null");
    free(text);
    json_decref(json);
}

bool
api_json_list_run(const struct nva_view *view, const struct api_facts *facts,
                  struct api_list *list)
{
    size_t shown = 0;

    for (size_t i = 0; i < API_SLICE_LOOKS && shown < API_SLICE_SHOWN; i++) {
        const struct api_filter before = list->f;
        const nva_id id_before = list->after_id;
        json_t *json = NULL;

        if (!kinds[list->f.kind].next(view, facts, list, &json)) {
            return true;
        } else if (json && (list->n >= list->f.limit
                            || list->text.length >= API_PAGE_BYTES)) {
            json_decref(json);
            list->f = before;
            list->after_id = id_before;
            list->more = true;
            return true;
        } else if (json) {
            ds_put_cstr(&list->text, list->n++ ? "," : "");
            put_json(&list->text, json);
            shown++;
        }
    }
    return false;
}

size_t
api_json_list_size(const struct api_list *list)
{
    return list->text.allocated;
}

char *
api_json_list_finish(struct api_list *list)
{
    char *text;

    ds_put_cstr(&list->text, "]");
    if (list->more) {
        ds_put_cstr(&list->text, ",\"next\":");
        if (list->after_id) {
            ds_put_format(&list->text, "\"%"PRIu64"\"", list->after_id);
        } else {
            json_t *key = json_array();

            json_array_append_new(key, api_text(list->f.after));
            text = json_dumps(key, JSON_COMPACT);   /* ["KEY"] */
            ds_put_format(&list->text, "%.*s", (int) strlen(text) - 2,
                          text + 1);
            free(text);
            json_decref(key);
        }
    }
    ds_put_cstr(&list->text, "}");
    text = xstrdup(ds_cstr(&list->text));
    api_json_list_destroy(list);
    return text;
}

/* ## Kinds ## */

static bool
is_state(const struct api_list *list, const char *word)
{
    return !list->f.state[0] || !strcmp(list->f.state, word);
}

static void
step_to(struct api_list *list, const char *name)
{
    ovs_strlcpy(list->f.after, name, sizeof list->f.after);
}

static bool
next_vn(const struct nva_view *view, const struct api_facts *facts OVS_UNUSED,
        struct api_list *list, json_t **json)
{
    const struct nva_vn *vn = directory_vn_after(view->dir, list->f.after);

    if (vn) {
        step_to(list, vn->name);
        *json = api_show_vn(view, vn);
    }
    return vn;
}

static bool
next_nve(const struct nva_view *view, const struct api_facts *facts,
         struct api_list *list, json_t **json)
{
    const struct nva_nve *nve = directory_nve_after(view->dir, list->f.after);

    if (nve) {
        step_to(list, nve->name);
        if (is_state(list, nve->connected ? "connected" : "disconnected")) {
            *json = api_show_nve(view, facts, nve);
        }
    }
    return nve;
}

struct vm_match {
    const struct api_filter *f;
    bool found;
};

static bool
match_if(const void *tsi_, void *match_)
{
    const struct nva_tsi *tsi = tsi_;
    struct vm_match *match = match_;

    match->found |= (!match->f->vn || tsi->vn == match->f->vn)
                    && (!match->f->nve || tsi->current.nve == match->f->nve);
    return !match->found;
}

static bool
next_vm(const struct nva_view *view, const struct api_facts *facts OVS_UNUSED,
        struct api_list *list, json_t **json)
{
    const struct nva_vm *vm = directory_vm_after(view->dir, list->f.after);
    struct vm_match match = { &list->f, !list->f.vn && !list->f.nve };

    if (!vm) {
        return false;
    }
    step_to(list, vm->name);
    if (is_state(list, nva_vm_state_word(vm->state))) {
        if (!match.found) {
            directory_each_tsi_of_vm(view->dir, vm->id, match_if, &match);
        }
        *json = match.found ? api_show_vm(view, vm) : NULL;
    }
    return true;
}

/* A list by id that is short enough (NVA_VAPS_PER_NVE_MAX, moves under way and
 * kept) to be walked to where it goes on. */
struct by_id {
    nva_id after;
    const void *found;
};

static bool
find_port(const void *vap_, void *by_id_)
{
    const struct nva_vap *vap = vap_;
    struct by_id *by_id = by_id_;

    by_id->found = vap->id > by_id->after ? vap : NULL;
    return !by_id->found;
}

static bool
next_port(const struct nva_view *view,
          const struct api_facts *facts OVS_UNUSED, struct api_list *list,
          json_t **json)
{
    struct by_id by_id = { list->after_id, NULL };
    const struct nva_vap *vap;

    directory_each_vap(view->dir, list->f.nve, find_port, &by_id);
    vap = by_id.found;
    if (vap) {
        list->after_id = vap->id;
        *json = ((!list->f.vn || vap->vn == list->f.vn)
                 && !binding_is_nameless(vap)
                 ? api_show_port(view, vap) : NULL);
    }
    return vap;
}

static bool
find_move(const void *move_, void *by_id_)
{
    const struct nva_move *move = move_;
    struct by_id *by_id = by_id_;

    by_id->found = move->id > by_id->after ? move : NULL;
    return !by_id->found;
}

static bool
next_move(const struct nva_view *view, const struct api_facts *facts,
          struct api_list *list, json_t **json)
{
    struct by_id by_id = { list->after_id, NULL };
    const struct nva_move *move;

    directory_each_move(view->dir, find_move, &by_id);
    move = by_id.found;
    if (move) {
        list->after_id = move->id;
        *json = (is_state(list, nva_move_state_word(move->state))
                 && (!list->f.nve || move->to_nve == list->f.nve)
                 ? api_show_move(view, facts, move, false) : NULL);
    }
    return move;
}

/* ## Bridges that nobody claimed ## */

struct unclaimed {
    json_t *json;
    size_t left_out;
};

static void
list_unclaimed(uint64_t dpid, const char *peer, uint64_t foreign_flows,
               void *unclaimed_)
{
    struct unclaimed *unclaimed = unclaimed_;

    if (json_array_size(unclaimed->json) < API_UNCLAIMED_MAX) {
        json_array_append_new(unclaimed->json,
                              api_show_unclaimed(dpid, peer, foreign_flows));
    } else {
        unclaimed->left_out++;
    }
}

static void
put_unclaimed(const struct api_facts *facts, struct ds *s)
{
    struct unclaimed unclaimed = { json_array(), 0 };

    if (facts && facts->each_unclaimed) {
        facts->each_unclaimed(facts->aux, list_unclaimed, &unclaimed);
    }
    ds_put_cstr(s, "\"unclaimed\":");
    put_json(s, unclaimed.json);
    if (unclaimed.left_out) {
        ds_put_format(s, ",\"unclaimed_left_out\":%"PRIuSIZE,
                      unclaimed.left_out);
    }
    ds_put_cstr(s, ",");
}
