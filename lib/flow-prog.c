/* SPDX-License-Identifier: Apache-2.0 */

/* Decides what to send next to one NVE, and knows what it has confirmed.
 *
 * For each owner it keeps whether its flows are at the switch (absent,
 * present, unknown), the hash of what is there, and the version the last
 * finished bundle carried.  Flows are computed when the session can take them,
 * so a slow NVE gets the newest state once.  It must never know what a flow
 * means, how a message looks on the wire, or what time it is.
 *
 * Invariant: an entry that is neither dirty nor in flight nor quarantined has
 * at the switch exactly the flows that intent gave when it was last asked. */

#include <config.h>

#include "flow-prog.h"

#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "openvswitch/util.h"
#include "pipeline.h"
#include "util.h"

enum presence { ABSENT, PRESENT, UNKNOWN };

enum { N_CLASSES = FLOW_PROG_RESYNC + 1 };

/* Foreign and outdated cookies remembered for deletion: an adopted bridge may
 * have a cookie per flow. */
enum { STALE_COOKIES_MAX = 1024 };

struct entry {
    struct hmap_node node;
    struct nva_owner owner;
    enum presence presence;
    uint64_t hash;                  /* Of what is at the switch. */
    uint64_t version;               /* Of the last finished bundle. */
    bool dirty;
    enum flow_prog_class class;     /* While dirty: which queue. */
    struct ovs_list queue_node;
    bool in_flight;
    enum nva_reason quarantine;     /* NVA_OK: none. */
    size_t n_meters;                /* That its flows need. */
    uint32_t *meters;
    uint64_t found_hash;            /* Of what session 'found_in' read. */
    uint32_t found_in;
    struct ovs_list list_node;      /* In 'uncompared' or 'known'. */
};

struct meter {
    struct hmap_node node;
    uint32_t id;
    bool present;
    size_t refs;
    struct ovs_list unused_node;    /* In flow_prog's 'unused' if !refs. */
};

/* One owner of the bundle in flight. */
struct part {
    struct entry *entry;
    struct flow_set *flows;
    uint64_t version;
    uint64_t hash;
    enum nva_reason failed;
};

struct bundle {
    bool in_flight;
    struct flow_prog_bundle view;
    size_t n_parts, allocated_parts;
    struct part *parts;
    size_t n_msgs, allocated_msgs;
    struct flow_prog_msg *msgs;
    size_t *msg_part;               /* Index into 'parts', or SIZE_MAX. */
    size_t n_meters, allocated_meters;
    struct nva_meter *meters;
    size_t n_owners, allocated_owners;
    struct nva_owner *owners;
    size_t n_bytes;
};

struct flow_prog {
    nva_id nve;
    bool up;                        /* A session that has been read back. */
    bool found_ours;                /* Read-back saw a flow of ours. */
    uint32_t session;
    struct hmap entries;
    struct ovs_list known;          /* Entries compared in this session... */
    struct ovs_list uncompared;     /* ...and those that are not yet. */
    struct flow_set *scratch;       /* For comparing. */
    struct hmap meters;
    struct ovs_list unused;             /* Those that nobody needs. */
    struct ovs_list queues[N_CLASSES];
    size_t n_dirty, n_quarantined;
    size_t n_stale;
    uint64_t stale[STALE_COOKIES_MAX];
    struct bundle bundle;
};

static struct entry *entry_find(const struct flow_prog *, struct nva_owner);
static struct entry *entry_get(struct flow_prog *, struct nva_owner);
static void entry_set_dirty(struct flow_prog *, struct entry *,
                            enum flow_prog_class);
static void entry_set_clean(struct flow_prog *, struct entry *);
static void entry_quarantine(struct flow_prog *, struct entry *,
                             enum nva_reason);
static void entry_set_meters(struct flow_prog *, struct entry *,
                             const struct flow_set *);
static bool entry_has_meters(struct flow_prog *, const struct entry *);
static void entry_delete(struct flow_prog *, struct entry *);
static void forget_if_idle(struct flow_prog *, struct entry *);
static struct meter *meter_get(struct flow_prog *, uint32_t id);
static void stale_add(struct flow_prog *, uint64_t cookie);
static void bundle_clear(struct bundle *);
static void bundle_blame(struct bundle *);
static void bundle_fill(struct flow_prog *, const struct flow_prog_source *,
                        nva_usec now);
static void bundle_fill_stale(struct flow_prog *);
static void bundle_seal(struct bundle *);
static void release_quarantined(struct flow_prog *);
static uint64_t found_hash(const struct flow_prog *, const struct entry *);
static void take_found(struct flow_prog *, struct entry *);
static void compare_entry(struct flow_prog *, const struct flow_prog_source *,
                          struct entry *, bool was_there);
static void compare_unwanted(struct flow_prog *, struct entry *);

struct flow_prog *
flow_prog_create(nva_id nve)
{
    struct flow_prog *fp = xzalloc(sizeof *fp);

    fp->nve = nve;
    hmap_init(&fp->entries);
    ovs_list_init(&fp->known);
    ovs_list_init(&fp->uncompared);
    fp->scratch = flow_set_create();
    hmap_init(&fp->meters);
    ovs_list_init(&fp->unused);
    for (size_t i = 0; i < N_CLASSES; i++) {
        ovs_list_init(&fp->queues[i]);
    }
    return fp;
}

void
flow_prog_destroy(struct flow_prog *fp)
{
    struct entry *e;
    struct meter *m;

    if (!fp) {
        return;
    }
    bundle_clear(&fp->bundle);
    free(fp->bundle.parts);
    free(fp->bundle.msgs);
    free(fp->bundle.msg_part);
    free(fp->bundle.meters);
    free(fp->bundle.owners);
    HMAP_FOR_EACH_POP (e, node, &fp->entries) {
        free(e->meters);
        free(e);
    }
    HMAP_FOR_EACH_POP (m, node, &fp->meters) {
        free(m);
    }
    hmap_destroy(&fp->entries);
    hmap_destroy(&fp->meters);
    flow_set_destroy(fp->scratch);
    free(fp);
}

void
flow_prog_session_start(struct flow_prog *fp)
{
    struct meter *m;

    flow_prog_session_end(fp);
    release_quarantined(fp);
    fp->session++;
    ovs_list_push_back_all(&fp->uncompared, &fp->known);
    HMAP_FOR_EACH (m, node, &fp->meters) {
        m->present = false;
    }
    fp->found_ours = false;
    fp->n_stale = 0;
}

void
flow_prog_session_end(struct flow_prog *fp)
{
    fp->up = false;
    for (size_t i = 0; i < fp->bundle.n_parts; i++) {
        struct entry *e = fp->bundle.parts[i].entry;

        e->in_flight = false;
        entry_set_dirty(fp, e, e->class);
    }
    bundle_clear(&fp->bundle);
}

void
flow_prog_readback(struct flow_prog *fp, uint64_t cookie, uint64_t hash)
{
    struct nva_owner owner;
    bool current_schema;

    if (!pipeline_cookie_parse(cookie, &owner, &current_schema)) {
        return;
    }
    fp->found_ours = true;
    if (current_schema && owner.kind != NVA_OWNER_NONE) {
        struct entry *e = entry_get(fp, owner);

        e->found_hash = found_hash(fp, e) + hash;
        e->found_in = fp->session;
    } else {
        stale_add(fp, cookie);
    }
}

void
flow_prog_readback_foreign(struct flow_prog *fp, uint64_t cookie)
{
    stale_add(fp, cookie);
}

void
flow_prog_readback_meter(struct flow_prog *fp, struct nva_meter meter)
{
    meter_get(fp, meter.id)->present = true;
}

size_t
flow_prog_compare(struct flow_prog *fp, const struct flow_prog_source *source,
                  struct nva_owner owner, nva_usec now)
{
    struct entry *e = entry_get(fp, owner);
    const bool was_there = e->presence == PRESENT;

    flow_set_clear(fp->scratch);
    source->flows(source->aux, fp->nve, owner, now, fp->scratch);
    take_found(fp, e);
    compare_entry(fp, source, e, was_there);
    return 1 + flow_set_n(fp->scratch);
}

bool
flow_prog_compare_rest(struct flow_prog *fp, size_t max)
{
    while (max-- && !ovs_list_is_empty(&fp->uncompared)) {
        compare_unwanted(fp, CONTAINER_OF(ovs_list_front(&fp->uncompared),
                                          struct entry, list_node));
    }
    fp->up = ovs_list_is_empty(&fp->uncompared);
    return !fp->up;
}

void
flow_prog_dirty(struct flow_prog *fp, struct nva_owner owner,
                enum flow_prog_class class)
{
    struct entry *e = entry_get(fp, owner);

    entry_quarantine(fp, e, NVA_OK);
    entry_set_dirty(fp, e, class);
}

void
flow_prog_mistrust(struct flow_prog *fp, struct nva_owner owner)
{
    struct entry *e = entry_get(fp, owner);

    e->presence = UNKNOWN;
    entry_set_dirty(fp, e, FLOW_PROG_RESYNC);
}

const struct flow_prog_bundle *
flow_prog_next(struct flow_prog *fp, const struct flow_prog_source *source,
               nva_usec now)
{
    struct bundle *b = &fp->bundle;

    if (!fp->up || b->in_flight) {
        return NULL;
    }
    bundle_clear(b);
    bundle_fill(fp, source, now);
    if (!b->n_msgs && !fp->n_dirty) {
        bundle_fill_stale(fp);
    }
    if (!b->n_msgs) {
        return NULL;
    }
    bundle_seal(b);
    return &b->view;
}

void
flow_prog_msg_failed(struct flow_prog *fp, size_t msg, enum nva_reason reason)
{
    struct bundle *b = &fp->bundle;

    if (b->in_flight && msg < b->n_msgs && b->msg_part[msg] != SIZE_MAX) {
        b->parts[b->msg_part[msg]].failed = reason;
    }
}

void
flow_prog_bundle_done(struct flow_prog *fp, bool applied,
                      flow_prog_owner_cb *confirmed, void *aux)
{
    struct bundle *b = &fp->bundle;

    if (!b->in_flight) {
        return;
    }
    if (!applied) {
        bundle_blame(b);
    }
    for (size_t i = 0; i < b->n_parts; i++) {
        struct part *p = &b->parts[i];
        struct entry *e = p->entry;

        e->in_flight = false;
        if (p->failed) {
            /* An undecodable message is left out of a bundle that is applied
             * all the same: what is there now is not known. */
            e->presence = applied ? UNKNOWN : e->presence;
            entry_quarantine(fp, e, p->failed);
        } else if (!applied) {
            entry_set_dirty(fp, e, e->class);
        } else {
            e->presence = flow_set_n(p->flows) ? PRESENT : ABSENT;
            e->hash = p->hash;
            e->version = p->version;
        }
    }
    b->in_flight = false;
    for (size_t i = 0; i < b->n_parts; i++) {
        struct part *p = &b->parts[i];

        if (applied && !p->failed) {
            confirmed(p->entry->owner, p->version, aux);
            forget_if_idle(fp, p->entry);
        }
    }
    bundle_clear(b);
}

bool
flow_prog_next_meter_delete(struct flow_prog *fp, uint32_t *id)
{
    struct meter *m;

    /* What is quarantined may have other flows than it should. */
    if (!fp->up || fp->bundle.in_flight || fp->n_dirty || fp->n_quarantined) {
        return false;
    }
    LIST_FOR_EACH_POP (m, unused_node, &fp->unused) {
        bool present = m->present;

        *id = m->id;
        hmap_remove(&fp->meters, &m->node);
        free(m);
        if (present) {
            return true;
        }
    }
    return false;
}

void
flow_prog_removed(struct flow_prog *fp, struct nva_owner owner)
{
    struct entry *e = entry_find(fp, owner);

    if (e) {
        /* Of what is not known, one flow has ended: others may be there. */
        e->presence = (e->in_flight || e->presence == UNKNOWN ? UNKNOWN
                       : ABSENT);
        e->hash = 0;
        e->found_hash = 0;              /* It was read before it went. */
    }
}

bool
flow_prog_confirmed(const struct flow_prog *fp, struct nva_owner owner,
                    uint64_t version)
{
    const struct entry *e = entry_find(fp, owner);

    if (!fp->up) {
        return false;
    } else if (!e) {
        return true;
    } else if (e->quarantine) {
        return false;
    }
    return (!e->dirty && !e->in_flight) || e->version >= version;
}

bool
flow_prog_is_idle(const struct flow_prog *fp)
{
    return fp->up && !fp->n_dirty && !fp->bundle.in_flight && !fp->n_stale;
}

size_t
flow_prog_n_owners(const struct flow_prog *fp)
{
    return hmap_count(&fp->entries);
}

size_t
flow_prog_n_dirty(const struct flow_prog *fp)
{
    return fp->n_dirty;
}

size_t
flow_prog_n_quarantined(const struct flow_prog *fp)
{
    return fp->n_quarantined;
}

void
flow_prog_each_quarantined(const struct flow_prog *fp,
                           void (*cb)(struct nva_owner, enum nva_reason,
                                      void *aux), void *aux)
{
    const struct entry *e;

    if (!fp->n_quarantined) {
        return;
    }
    HMAP_FOR_EACH (e, node, &fp->entries) {
        if (e->quarantine) {
            cb(e->owner, e->quarantine, aux);
        }
    }
}

uint64_t
flow_prog_hash(const struct flow_prog *fp, struct nva_owner owner)
{
    const struct entry *e = entry_find(fp, owner);

    return e ? e->hash : 0;
}

/* ## Entries ## */

static struct entry *
entry_find(const struct flow_prog *fp, struct nva_owner owner)
{
    struct entry *e;

    HMAP_FOR_EACH_WITH_HASH (e, node, nva_owner_hash(owner), &fp->entries) {
        if (nva_owner_equal(e->owner, owner)) {
            return e;
        }
    }
    return NULL;
}

static struct entry *
entry_get(struct flow_prog *fp, struct nva_owner owner)
{
    struct entry *e = entry_find(fp, owner);

    if (!e) {
        e = xzalloc(sizeof *e);
        e->owner = owner;
        e->presence = ABSENT;
        hmap_insert(&fp->entries, &e->node, nva_owner_hash(owner));
        ovs_list_push_back(fp->up ? &fp->known : &fp->uncompared,
                           &e->list_node);
    }
    return e;
}

/* Keeps the more urgent of the two classes when it is dirty already. */
static void
entry_set_dirty(struct flow_prog *fp, struct entry *e,
                enum flow_prog_class class)
{
    if (e->dirty) {
        if (e->class <= class) {
            return;
        }
        ovs_list_remove(&e->queue_node);
    } else {
        fp->n_dirty++;
    }
    e->dirty = true;
    e->class = class;
    ovs_list_push_back(&fp->queues[class], &e->queue_node);
}

static void
entry_set_clean(struct flow_prog *fp, struct entry *e)
{
    if (e->dirty) {
        e->dirty = false;
        ovs_list_remove(&e->queue_node);
        fp->n_dirty--;
    }
}

static void
entry_quarantine(struct flow_prog *fp, struct entry *e, enum nva_reason reason)
{
    fp->n_quarantined -= e->quarantine != NVA_OK;
    fp->n_quarantined += reason != NVA_OK;
    e->quarantine = reason;
}

/* There are few, if any. */
static void
release_quarantined(struct flow_prog *fp)
{
    struct entry *e;

    if (fp->n_quarantined) {
        HMAP_FOR_EACH (e, node, &fp->entries) {
            entry_quarantine(fp, e, NVA_OK);
        }
    }
}

/* It needs the meters of 'flows' from now on; NULL: none. */
static void
entry_set_meters(struct flow_prog *fp, struct entry *e,
                 const struct flow_set *flows)
{
    size_t n = flows ? flow_set_n_meters(flows) : 0;
    uint32_t *meters = n ? xmalloc(n * sizeof *meters) : NULL;

    for (size_t i = 0; i < n; i++) {
        struct meter *m;

        meters[i] = flow_set_meter(flows, i)->id;
        m = meter_get(fp, meters[i]);
        if (!m->refs++) {
            ovs_list_remove(&m->unused_node);
        }
    }
    for (size_t i = 0; i < e->n_meters; i++) {
        struct meter *m = meter_get(fp, e->meters[i]);

        if (!--m->refs) {
            ovs_list_push_back(&fp->unused, &m->unused_node);
        }
    }
    free(e->meters);
    e->meters = meters;
    e->n_meters = n;
}

/* True if the switch has all that it needs. */
static bool
entry_has_meters(struct flow_prog *fp, const struct entry *e)
{
    for (size_t i = 0; i < e->n_meters; i++) {
        if (!meter_get(fp, e->meters[i])->present) {
            return false;
        }
    }
    return true;
}

static void
entry_delete(struct flow_prog *fp, struct entry *e)
{
    entry_set_clean(fp, e);
    entry_quarantine(fp, e, NVA_OK);
    entry_set_meters(fp, e, NULL);
    hmap_remove(&fp->entries, &e->node);
    ovs_list_remove(&e->list_node);
    free(e);
}

/* An owner that has nothing here any more is as good as one never heard of. */
static void
forget_if_idle(struct flow_prog *fp, struct entry *e)
{
    if (e->presence == ABSENT && !e->dirty && !e->in_flight
        && !e->quarantine) {
        entry_delete(fp, e);
    }
}

static struct meter *
meter_get(struct flow_prog *fp, uint32_t id)
{
    struct meter *m;

    HMAP_FOR_EACH_WITH_HASH (m, node, id, &fp->meters) {
        if (m->id == id) {
            return m;
        }
    }
    m = xzalloc(sizeof *m);
    m->id = id;
    hmap_insert(&fp->meters, &m->node, id);
    ovs_list_push_back(&fp->unused, &m->unused_node);
    return m;
}

static void
stale_add(struct flow_prog *fp, uint64_t cookie)
{
    if (fp->n_stale >= STALE_COOKIES_MAX) {
        return;
    }
    for (size_t i = 0; i < fp->n_stale; i++) {
        if (fp->stale[i] == cookie) {
            return;
        }
    }
    fp->stale[fp->n_stale++] = cookie;
}

/* ## Read-back ## */

/* 0: the switch has nothing of it. */
static uint64_t
found_hash(const struct flow_prog *fp, const struct entry *e)
{
    return e->found_in == fp->session ? e->found_hash : 0;
}

/* What was read of it is what is there; what an earlier session said is no
 * more. */
static void
take_found(struct flow_prog *fp, struct entry *e)
{
    e->hash = found_hash(fp, e);
    e->presence = e->hash ? PRESENT : ABSENT;
    e->version = 0;
    entry_quarantine(fp, e, NVA_OK);
    ovs_list_remove(&e->list_node);
    ovs_list_push_back(&fp->known, &e->list_node);
}

/* With its flows in 'scratch'. */
static void
compare_entry(struct flow_prog *fp, const struct flow_prog_source *source,
              struct entry *e, bool was_there)
{
    const struct flow_set *flows = fp->scratch;
    bool meters_there;

    entry_set_meters(fp, e, flows);
    meters_there = entry_has_meters(fp, e);
    if (was_there && !e->hash && fp->found_ours
        && (e->owner.kind == NVA_OWNER_REDIRECT
            || flow_set_is_timed(flows))) {
        entry_set_clean(fp, e);
        if (source->expired) {
            source->expired(source->aux, fp->nve, e->owner);
        }
    } else if (e->hash == flow_set_hash(flows) && meters_there) {
        entry_set_clean(fp, e);
        e->version = source->version(source->aux, e->owner);
    } else {
        if (!meters_there && e->presence == PRESENT) {
            e->presence = UNKNOWN;      /* Its flows are written anew. */
        }
        entry_set_dirty(fp, e, FLOW_PROG_RESYNC);
    }
}

/* One that was dirtied may have flows here since. */
static void
compare_unwanted(struct flow_prog *fp, struct entry *e)
{
    take_found(fp, e);
    if (e->presence == PRESENT) {
        entry_set_dirty(fp, e, FLOW_PROG_RESYNC);
    }
    forget_if_idle(fp, e);
}

/* ## Bundles ## */

static void
bundle_clear(struct bundle *b)
{
    for (size_t i = 0; i < b->n_parts; i++) {
        flow_set_destroy(b->parts[i].flows);
    }
    b->n_parts = b->n_msgs = b->n_meters = b->n_owners = 0;
    b->n_bytes = 0;
    b->in_flight = false;
}

/* A commit that failed without naming a message would be sent for ever: then
 * all its owners share the blame. */
static void
bundle_blame(struct bundle *b)
{
    for (size_t i = 0; i < b->n_parts; i++) {
        if (b->parts[i].failed) {
            return;
        }
    }
    for (size_t i = 0; i < b->n_parts; i++) {
        b->parts[i].failed = NVA_R_REJECTED;
    }
}

static void
bundle_add_msg(struct bundle *b, enum flow_prog_op op, struct nva_owner owner,
               uint64_t cookie, const struct nva_flow *flow)
{
    if (b->n_msgs >= b->allocated_msgs) {
        b->allocated_msgs = MAX(64, b->allocated_msgs * 2);
        b->msgs = xrealloc(b->msgs, b->allocated_msgs * sizeof *b->msgs);
        b->msg_part = xrealloc(b->msg_part,
                               b->allocated_msgs * sizeof *b->msg_part);
    }
    b->msg_part[b->n_msgs] = owner.kind ? b->n_parts - 1 : SIZE_MAX;
    b->msgs[b->n_msgs++] = (struct flow_prog_msg) {
        .op = op, .owner = owner, .cookie = cookie, .flow = flow,
    };
}

static void
bundle_add_meters(struct flow_prog *fp, const struct flow_set *flows)
{
    struct bundle *b = &fp->bundle;

    for (size_t i = 0; i < flow_set_n_meters(flows); i++) {
        const struct nva_meter *meter = flow_set_meter(flows, i);
        struct meter *m = meter_get(fp, meter->id);

        if (m->present) {
            continue;
        }
        m->present = true;
        if (b->n_meters >= b->allocated_meters) {
            b->meters = x2nrealloc(b->meters, &b->allocated_meters,
                                   sizeof *b->meters);
        }
        b->meters[b->n_meters++] = *meter;
    }
}

/* Moves 'e', which is dirty, into the bundle with its 'flows' (taken). */
static void
bundle_add_part(struct flow_prog *fp, struct entry *e, struct flow_set *flows,
                uint64_t hash, uint64_t version)
{
    struct bundle *b = &fp->bundle;
    size_t n = flow_set_n(flows);
    bool replace_in_place = e->owner.kind == NVA_OWNER_REDIRECT && n;

    if (b->n_parts >= b->allocated_parts) {
        b->parts = x2nrealloc(b->parts, &b->allocated_parts, sizeof *b->parts);
    }
    b->parts[b->n_parts++] = (struct part) {
        .entry = e, .flows = flows, .version = version, .hash = hash,
    };
    if (b->n_owners >= b->allocated_owners) {
        b->owners = x2nrealloc(b->owners, &b->allocated_owners,
                               sizeof *b->owners);
    }
    b->owners[b->n_owners++] = e->owner;

    /* Delete and add of the same flow would end a redirect instance with a
     * flow-removed; a replacing add only restarts its clock. */
    if (e->presence != ABSENT && !replace_in_place) {
        bundle_add_msg(b, FLOW_PROG_DELETE, e->owner,
                       pipeline_cookie(e->owner), NULL);
    }
    for (size_t i = 0; i < n; i++) {
        const struct nva_flow *flow = flow_set_at(flows, i);

        bundle_add_msg(b, FLOW_PROG_ADD, e->owner, flow->cookie, flow);
        b->n_bytes += 96 + flow->actions.size;
    }
    bundle_add_meters(fp, flows);
    entry_set_meters(fp, e, flows);
    e->in_flight = true;
}

static bool
is_unchanged(const struct entry *e, const struct flow_set *flows,
             uint64_t hash)
{
    if (e->presence == UNKNOWN) {
        return false;
    } else if (!flow_set_n(flows)) {
        return e->presence == ABSENT;
    }
    return (e->presence == PRESENT && e->hash == hash
            && e->owner.kind != NVA_OWNER_REDIRECT
            && !flow_set_is_timed(flows));
}

/* Takes one dirty entry out of its queue: into the bundle, or, when the switch
 * has its flows already, nowhere. */
static void
bundle_take(struct flow_prog *fp, const struct flow_prog_source *source,
            struct entry *e, nva_usec now)
{
    struct flow_set *flows = flow_set_create();
    uint64_t version = source->version(source->aux, e->owner);
    struct nva_owner owner = e->owner;
    uint64_t hash;

    source->flows(source->aux, fp->nve, owner, now, flows);
    hash = flow_set_hash(flows);
    entry_set_clean(fp, e);
    entry_quarantine(fp, e, NVA_OK);
    if (!is_unchanged(e, flows, hash)) {
        bundle_add_part(fp, e, flows, hash, version);
        return;
    }
    flow_set_destroy(flows);
    e->version = version;
    forget_if_idle(fp, e);
    if (source->unchanged) {
        source->unchanged(source->aux, fp->nve, owner, version);
    }
}

static struct entry *
queue_head(const struct flow_prog *fp)
{
    for (size_t i = 0; i < N_CLASSES; i++) {
        if (!ovs_list_is_empty(&fp->queues[i])) {
            return CONTAINER_OF(ovs_list_front(&fp->queues[i]),
                                struct entry, queue_node);
        }
    }
    return NULL;
}

/* What belongs to a move waits for nothing else: its bundle ends where other
 * work begins.  An interface's owner and what becomes of its redirect at this
 * NVE (an old instance goes, a new one comes) stand side by side in the queue:
 * no bundle ends between them. */
static void
bundle_fill(struct flow_prog *fp, const struct flow_prog_source *source,
            nva_usec now)
{
    const struct bundle *b = &fp->bundle;
    enum { ALONE, AFTER_TSI, AFTER_REDIRECT } partner = ALONE;
    enum flow_prog_class last = FLOW_PROG_MOVE;
    struct entry *e;

    while ((e = queue_head(fp)) != NULL) {
        bool is_redirect = e->owner.kind == NVA_OWNER_REDIRECT;
        bool full = (b->n_msgs >= FLOW_PROG_BUNDLE_FLOWS
                     || b->n_bytes >= FLOW_PROG_BUNDLE_BYTES);

        bool is_tsi = e->owner.kind == NVA_OWNER_TSI;
        bool pair = ((partner == AFTER_TSI && is_redirect)
                     || (partner == AFTER_REDIRECT && is_tsi));

        if ((full && !(pair && e->class == FLOW_PROG_MOVE))
            || (b->n_msgs && last == FLOW_PROG_MOVE && e->class != last)) {
            break;
        }
        last = e->class;
        partner = (pair && is_tsi ? ALONE
                   : is_tsi || pair ? AFTER_TSI
                   : is_redirect ? AFTER_REDIRECT : ALONE);
        bundle_take(fp, source, e, now);
    }
}

/* Once all of ours is confirmed: what an older schema or, on an adopted
 * bridge, others left. */
static void
bundle_fill_stale(struct flow_prog *fp)
{
    const struct nva_owner nobody = { .kind = NVA_OWNER_NONE };

    for (size_t i = 0; i < FLOW_PROG_BUNDLE_FLOWS && fp->n_stale; i++) {
        bundle_add_msg(&fp->bundle, FLOW_PROG_DELETE, nobody,
                       fp->stale[--fp->n_stale], NULL);
    }
}

static void
bundle_seal(struct bundle *b)
{
    b->in_flight = true;
    b->view = (struct flow_prog_bundle) {
        .n_meters = b->n_meters, .meters = b->meters,
        .n_msgs = b->n_msgs, .msgs = b->msgs,
        .n_owners = b->n_owners, .owners = b->owners,
    };
}
