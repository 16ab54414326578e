/* SPDX-License-Identifier: Apache-2.0 */

/* Compares an NVE's tables and ports with the directory.
 *
 * Knows intent, hashes and who confirmed what.  Must never know how flows are
 * read, nor mend anything.  Invariant: what is still due to an NVE, or changed
 * since it was asked, is not a finding.  draft vmm-15 s10 (D14). */

#include <config.h>

#include "audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binding.h"
#include "hash.h"
#include "intent.h"
#include "openvswitch/dynamic-string.h"
#include "pipeline.h"
#include "util.h"

/* 10^6 flows are some 60 in each bucket. */
enum {
    BUCKETS = 1 << 14,
    BUCKETS_FOR_AN_OWNER = 64,          /* That hold nothing to say: as much
                                         * work. */
};

struct found {
    uint64_t cookie, hash;
    bool wanted;                        /* Some owner here has that cookie. */
    bool matched;
};

/* Flows whose cookies have one hash. */
struct bucket {
    uint32_t n, allocated;
    bool sorted;                        /* By cookie, then by hash. */
    struct found *a;
};

struct audit_reading {
    struct directory *dir;
    nva_id nve;
    uint64_t version;                   /* Of the directory when asked. */
    size_t n, n_foreign;
    struct bucket *buckets;
    struct owner_cursor *cursor;        /* NULL: not compared yet. */
    size_t next;                        /* Bucket, when all owners are
                                         * compared. */
    struct flow_set *flows;
};

static int compare_found(const void *, const void *);
static struct bucket *bucket_of(struct audit_reading *, uint64_t cookie);
static void sort(struct bucket *);
static void compare_owner(struct audit_reading *, const struct nva_view *,
                          struct nva_owner, struct nva_findings *);
static void compare_rest(struct audit_reading *, const struct nva_view *,
                         struct bucket *, struct nva_findings *);
static void say_foreign(const struct audit_reading *, const struct nva_view *,
                        struct nva_findings *);
static bool is_settled(const struct audit_reading *, const struct nva_view *,
                       struct nva_owner);
static nva_usec ends_at(const struct audit_reading *, const struct nva_view *,
                        struct nva_owner);
static struct nva_finding *add_flow(const struct nva_view *, nva_id nve,
                                    struct nva_owner, enum nva_audit_kind,
                                    struct nva_findings *);

/* ## Reading ## */

struct audit_reading *
audit_reading_create(struct directory *dir, nva_id nve)
{
    struct audit_reading *r = xzalloc(sizeof *r);

    r->dir = dir;
    r->nve = nve;
    r->version = directory_version(dir);
    r->buckets = xcalloc(BUCKETS, sizeof *r->buckets);
    r->flows = flow_set_create();
    return r;
}

void
audit_reading_destroy(struct audit_reading *r)
{
    if (r) {
        for (size_t i = 0; i < BUCKETS; i++) {
            free(r->buckets[i].a);
        }
        directory_owners_stop(r->cursor);
        flow_set_destroy(r->flows);
        free(r->buckets);
        free(r);
    }
}

void
audit_reading_flow(struct audit_reading *r, uint64_t cookie, uint64_t hash)
{
    struct nva_owner owner;
    bool current;
    struct bucket *b;

    r->n++;
    if (!pipeline_cookie_parse(cookie, &owner, &current)) {
        r->n_foreign++;
        return;
    }
    b = bucket_of(r, cookie);
    if (b->n >= b->allocated) {
        b->allocated = b->allocated ? 2 * b->allocated : 4;
        b->a = xrealloc(b->a, b->allocated * sizeof *b->a);
    }
    b->a[b->n++] = (struct found) { .cookie = cookie, .hash = hash };
}

size_t
audit_reading_n(const struct audit_reading *r)
{
    return r->n;
}

bool
audit_reading_compare(struct audit_reading *r, const struct nva_view *v,
                      size_t max, struct nva_findings *findings)
{
    struct nva_owner owner;

    if (!r->cursor) {
        r->cursor = directory_owners_start(r->dir, r->nve);
    }
    for (; max && directory_owners_next(r->cursor, &owner); max--) {
        compare_owner(r, v, owner, findings);
    }
    for (; max && r->next < BUCKETS; max--) {
        const size_t end = MIN(r->next + BUCKETS_FOR_AN_OWNER, BUCKETS);

        while (r->next < end) {
            compare_rest(r, v, &r->buckets[r->next++], findings);
        }
    }
    if (!max) {
        return true;
    }
    say_foreign(r, v, findings);
    return false;
}

void
audit_silent(const struct nva_view *v, nva_id id, const char *why,
             struct nva_findings *findings)
{
    struct nva_finding *f = nva_findings_add(findings, NVA_AUDIT_NVE_SILENT);
    const struct nva_nve *nve = directory_nve(v->dir, id);

    f->nve = id;
    snprintf(f->object, sizeof f->object, "nve %s", nve ? nve->name : "?");
    snprintf(f->other, sizeof f->other, "%s", why);
}

void
audit_rejected(const struct nva_view *v, nva_id nve, struct nva_owner owner,
               enum nva_reason reason, struct nva_findings *findings)
{
    struct nva_finding *f = add_flow(v, nve, owner, NVA_AUDIT_FLOW_REJECTED,
                                     findings);

    snprintf(f->other, sizeof f->other, "%s", nva_reason_text(reason));
}

/* ## Comparing tables ## */

static int
compare_found(const void *a_, const void *b_)
{
    const struct found *a = a_, *b = b_;

    if (a->cookie != b->cookie) {
        return a->cookie < b->cookie ? -1 : 1;
    }
    return a->hash < b->hash ? -1 : a->hash > b->hash;
}

static struct bucket *
bucket_of(struct audit_reading *r, uint64_t cookie)
{
    return &r->buckets[hash_uint64(cookie) % BUCKETS];
}

static void
sort(struct bucket *b)
{
    if (!b->sorted && b->n) {
        qsort(b->a, b->n, sizeof *b->a, compare_found);
    }
    b->sorted = true;
}

/* True if the NVE had all it was to have of 'owner' when it was asked, and is
 * not about to end it by a timer, which runs on to a full second. */
static bool
is_settled(const struct audit_reading *r, const struct nva_view *v,
           struct nva_owner owner)
{
    return (directory_owner_version(v->dir, owner) <= r->version
            && nva_confirmed(v, r->nve, owner)
            && v->now < ends_at(r, v, owner));
}

/* When intent has no more of 'owner' at this NVE; NVA_NEVER if that is no
 * matter of time. */
static nva_usec
ends_at(const struct audit_reading *r, const struct nva_view *v,
        struct nva_owner owner)
{
    const struct nva_redirect *redirect;
    const struct nva_pull *pull = NULL;

    if (owner.kind == NVA_OWNER_REDIRECT) {
        redirect = directory_redirect(v->dir, owner.id);
        return redirect ? redirect->until : NVA_NEVER;
    } else if (owner.kind == NVA_OWNER_TSI) {
        pull = directory_pull(v->dir, r->nve, owner.id);
    } else if (owner.kind == NVA_OWNER_ABSENT) {
        pull = directory_absent(v->dir, owner.id);
    }
    return pull ? pull->until : NVA_NEVER;
}

/* The index of the first flow with 'cookie', or of the one after. */
static size_t
first_of(const struct bucket *b, uint64_t cookie)
{
    size_t low = 0, high = b->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (b->a[middle].cookie < cookie) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Takes one flow of 'hash' from a[first..]; false: it is not there. */
static bool
take(struct bucket *b, size_t first, uint64_t cookie, uint64_t hash)
{
    for (size_t i = first; i < b->n && b->a[i].cookie == cookie; i++) {
        if (b->a[i].hash == hash && !b->a[i].matched) {
            b->a[i].matched = true;
            return true;
        }
    }
    return false;
}

static void
say_missing(struct nva_finding *f, const struct nva_flow *flow)
{
    struct ds text = DS_EMPTY_INITIALIZER;

    nva_flow_format(flow, &text);
    snprintf(f->directory, sizeof f->directory, "%s", ds_cstr(&text));
    snprintf(f->other, sizeof f->other, "no such flow");
    ds_destroy(&text);
}

static void
compare_owner(struct audit_reading *r, const struct nva_view *v,
              struct nva_owner owner, struct nva_findings *findings)
{
    const uint64_t cookie = pipeline_cookie(owner);
    struct bucket *b = bucket_of(r, cookie);
    size_t first, extra = 0;

    sort(b);
    first = first_of(b, cookie);
    for (size_t i = first; i < b->n && b->a[i].cookie == cookie; i++) {
        b->a[i].wanted = true;
    }
    if (!is_settled(r, v, owner)) {
        return;
    }
    flow_set_clear(r->flows);
    intent_flows(v->dir, r->nve, owner, v->now, r->flows);
    for (size_t i = 0; i < flow_set_n(r->flows); i++) {
        const struct nva_flow *flow = flow_set_at(r->flows, i);

        if (!take(b, first, cookie, nva_flow_hash(flow))) {
            say_missing(add_flow(v, r->nve, owner, NVA_AUDIT_FLOW_MISSING,
                                 findings), flow);
        }
    }
    for (size_t i = first; i < b->n && b->a[i].cookie == cookie; i++) {
        extra += !b->a[i].matched;
    }
    if (extra) {
        struct nva_finding *f = add_flow(v, r->nve, owner,
                                         NVA_AUDIT_FLOW_EXTRA, findings);

        snprintf(f->directory, sizeof f->directory, "%"PRIuSIZE" flows",
                 flow_set_n(r->flows));
        snprintf(f->other, sizeof f->other, "%"PRIuSIZE" flows that are not "
                 "among them, cookie=0x%"PRIx64, extra, cookie);
    }
}

/* Flows whose owner has no business here, run by run. */
static void
compare_rest(struct audit_reading *r, const struct nva_view *v,
             struct bucket *b, struct nva_findings *findings)
{
    sort(b);
    for (size_t i = 0; i < b->n; ) {
        const uint64_t cookie = b->a[i].cookie;
        const size_t first = i;
        struct nva_owner owner = { .kind = NVA_OWNER_NONE };
        struct nva_finding *f;
        bool current;

        while (i < b->n && b->a[i].cookie == cookie) {
            i++;
        }
        pipeline_cookie_parse(cookie, &owner, &current);
        if (!b->a[first].wanted && (!current || is_settled(r, v, owner))) {
            f = add_flow(v, r->nve, owner, NVA_AUDIT_FLOW_EXTRA, findings);
            snprintf(f->directory, sizeof f->directory, "%s", current
                     ? "nothing there" : "flows of another version");
            snprintf(f->other, sizeof f->other, "%"PRIuSIZE" flows, "
                     "cookie=0x%"PRIx64, i - first, cookie);
        }
    }
}

static void
say_foreign(const struct audit_reading *r, const struct nva_view *v,
            struct nva_findings *findings)
{
    const struct nva_nve *nve = directory_nve(v->dir, r->nve);
    struct nva_finding *f;

    if (!r->n_foreign) {
        return;
    }
    f = nva_findings_add(findings, NVA_AUDIT_FLOW_FOREIGN);
    f->nve = r->nve;
    snprintf(f->object, sizeof f->object, "nve %s", nve ? nve->name : "?");
    snprintf(f->other, sizeof f->other, "%"PRIuSIZE" flows with cookies that "
             "are not ours", r->n_foreign);
}

/* ## Names ## */

/* "nve hv1: vm web eth0": whose flows, where. */
static struct nva_finding *
add_flow(const struct nva_view *v, nva_id nve_id, struct nva_owner owner,
         enum nva_audit_kind kind, struct nva_findings *findings)
{
    struct nva_finding *f = nva_findings_add(findings, kind);
    const struct nva_nve *nve = directory_nve(v->dir, nve_id);
    const bool of_tsi = (owner.kind == NVA_OWNER_TSI
                         || owner.kind == NVA_OWNER_ADDRESS);
    const bool of_vn = (owner.kind == NVA_OWNER_VN
                        || owner.kind == NVA_OWNER_FLOOD);
    const struct nva_redirect *redirect
        = (owner.kind == NVA_OWNER_REDIRECT
           ? directory_redirect(v->dir, owner.id) : NULL);
    const struct nva_tsi *tsi
        = (of_tsi ? directory_tsi(v->dir, owner.id)
           : redirect ? directory_tsi(v->dir, redirect->tsi) : NULL);
    const bool of_vap = (owner.kind == NVA_OWNER_VAP
                         || owner.kind == NVA_OWNER_QUIET);
    const struct nva_vap *vap = of_vap ? directory_vap(v->dir, owner.id)
                                       : NULL;
    const struct nva_vn *vn = of_vn ? directory_vn(v->dir, owner.id) : NULL;
    char what[NVA_FINDING_TEXT_MAX / 2] = "";

    if (tsi) {
        nva_finding_name_tsi(f, v, tsi);
        ovs_strlcpy(what, f->object, sizeof what);
    } else if (vap || vn) {
        f->vn = vap ? vap->vn : vn->id;
        snprintf(what, sizeof what, "%s %s", vap ? "port" : "vn",
                 vap ? vap->port : vn->name);
    }
    f->nve = nve_id;
    f->owner = owner;
    snprintf(f->object, sizeof f->object, "nve %.111s: %s%s%.128s",
             nve ? nve->name : "?", nva_owner_kind_word(owner.kind),
             what[0] ? " of " : "", what);
    return f;
}

/* ## Ports ## */

/* Ports of the NVE that access points name, sorted. */
struct names {
    const struct nva_view *view;
    const struct nva_nve *nve;
    struct nva_findings *findings;
    size_t n, allocated;
    const char **a;
};

static int
compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static bool
vap_cb(const void *vap_, void *names_)
{
    const struct nva_vap *vap = vap_;
    struct names *names = names_;
    const struct nva_vn *vn = directory_vn(names->view->dir, vap->vn);

    if (binding_is_nameless(vap)) {
        return true;
    }
    if (names->n >= names->allocated) {
        names->a = x2nrealloc(names->a, &names->allocated, sizeof *names->a);
    }
    names->a[names->n++] = vap->port;
    if (!vap->implied
        && !directory_port(names->view->dir, vap->nve, vap->port)) {
        struct nva_finding *f = nva_findings_add(names->findings,
                                          NVA_AUDIT_VAP_ABSENT);

        f->nve = vap->nve;
        f->vn = vap->vn;
        snprintf(f->object, sizeof f->object, "nve %s: port %s",
                 names->nve->name, vap->port);
        snprintf(f->directory, sizeof f->directory, "an access point of %s",
                 vn ? vn->name : "?");
        snprintf(f->other, sizeof f->other, "no such port");
    }
    return true;
}

static bool
tsi_cb(const void *tsi_, void *names_)
{
    const struct nva_tsi *tsi = tsi_;
    const struct names *names = names_;

    if (tsi->current.nve == names->nve->id
        && !directory_port(names->view->dir, tsi->current.nve,
                           tsi->current.port)) {
        struct nva_finding *f = nva_findings_add(names->findings,
                                          NVA_AUDIT_PORT_ABSENT);

        nva_finding_name_tsi(f, names->view, tsi);
        f->nve = names->nve->id;
        snprintf(f->directory, sizeof f->directory, "%s %s",
                 names->nve->name, tsi->current.port);
        snprintf(f->other, sizeof f->other, "no such port");
    }
    return true;
}

static bool
port_cb(const void *port_, void *names_)
{
    const struct nva_port *port = port_;
    const struct names *names = names_;
    const char *key = port->name;

    if (port != directory_tunnel_port(names->view->dir, port->nve)
        && !(names->n && bsearch(&key, names->a, names->n, sizeof *names->a,
                                 compare_names))) {
        struct nva_finding *f = nva_findings_add(names->findings,
                                          NVA_AUDIT_PORT_UNCLAIMED);

        f->nve = port->nve;
        snprintf(f->object, sizeof f->object, "nve %s: port %s",
                 names->nve->name, port->name);
        snprintf(f->other, sizeof f->other, "port %"PRIu32, port->ofport);
    }
    return true;
}

void
audit_ports(const struct nva_view *v, nva_id id, struct nva_findings *findings)
{
    struct names names = {
        .view = v, .nve = directory_nve(v->dir, id), .findings = findings,
    };

    if (!names.nve) {
        return;
    }
    directory_each_vap(v->dir, id, vap_cb, &names);
    if (names.n) {
        qsort(names.a, names.n, sizeof *names.a, compare_names);
    }
    directory_each_tsi_at(v->dir, id, NULL, tsi_cb, &names);
    directory_each_port(v->dir, id, port_cb, &names);
    free(names.a);
}
