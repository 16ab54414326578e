/* SPDX-License-Identifier: Apache-2.0 */

/* An audit as it goes: asks a few NVEs at a time for their flows and gives
 * them to the brain to compare, a slice a turn; what contradicts is looked at
 * twice, then kept, counted and told.
 *
 * Knows sessions and turns.  Must never decide what a contradiction is, nor
 * be in a move's way: an NVE that is asked is programmed on.  Invariant: an
 * audit ends, at the latest AUDIT_SECS after it began. */

#include <config.h>

#include "dispatch.h"

#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "dispatch-private.h"
#include "util.h"

enum {
    AUDIT_SECS = 30,            /* NVEs that answer later are silent. */
    AUDIT_AT_ONCE = 8,          /* NVEs that are read at a time: each may
                                 * have 100,000 flows. */
    AUDIT_SLICE = 32,           /* Owners of each compared in a turn. */
    AUDIT_NOTES_MAX = 100,      /* Findings told one by one; all of them are
                                 * in the answer and in the metrics. */
};

/* An NVE that is being looked at; 'nve' NONE: free. */
struct look {
    nva_id nve;
    uint64_t session;
    bool second;
    bool read;                          /* All flows are in. */
    struct audit_reading *reading;
    struct nva_findings before, now;
};

struct dispatch_audit {
    bool goes_on, repair;
    struct nva_inventory *inventory;
    size_t n, next, allocated;          /* NVEs, and those begun. */
    nva_id *nves;
    size_t n_looks;
    struct look looks[AUDIT_AT_ONCE];
    nva_usec deadline;
    struct nva_audit current, last;
    bool has_last;
    size_t n_to_tell;                   /* Of 'last': the others are faults,
                                         * told of already. */
    nva_usec interval;                  /* 0: only when asked. */
    nva_usec next_at;
};

static void begin(struct dispatch_audit *, const struct directory *,
                  nva_usec now);
static void run_look(struct dispatch *, struct look *, nva_usec now);
static void begin_look(struct dispatch *, nva_id nve, nva_usec now);
static void ask(struct dispatch *, struct look *, struct bridge *);
static void end_look(struct dispatch *, struct look *);
static struct bridge *bridge_of(const struct dispatch *, const struct look *);
static void finish(struct dispatch *, nva_usec now);
static void add_faults(const struct dispatch *, const struct nva_view *,
                       struct nva_findings *);
static void repair(struct dispatch *);
static void tell(struct dispatch *, nva_usec now);

struct dispatch_audit *
dispatch_audit_create(void)
{
    struct dispatch_audit *a = xzalloc(sizeof *a);

    a->next_at = NVA_NEVER;
    return a;
}

void
dispatch_audit_destroy(struct dispatch_audit *a)
{
    for (size_t i = 0; i < AUDIT_AT_ONCE; i++) {
        audit_reading_destroy(a->looks[i].reading);
        nva_findings_uninit(&a->looks[i].before);
        nva_findings_uninit(&a->looks[i].now);
    }
    nva_findings_uninit(&a->current.findings);
    nva_findings_uninit(&a->last.findings);
    nva_inventory_destroy(a->inventory);
    free(a->nves);
    free(a);
}

enum nva_reason
dispatch_audit(struct dispatch *d, const struct api_audit *wanted,
               nva_usec now)
{
    struct dispatch_audit *a = d->audit;

    if (a->goes_on) {
        nva_inventory_destroy(wanted->inventory);
        return NVA_R_AUDIT_RUNNING;
    }
    a->repair = wanted->repair;
    a->inventory = wanted->inventory;
    begin(a, d->dir, now);
    return NVA_OK;
}

void
dispatch_audit_every(struct dispatch *d, nva_usec interval, nva_usec now)
{
    d->audit->interval = interval;
    d->audit->next_at = interval ? now + interval : NVA_NEVER;
}

const struct nva_audit *
dispatch_last_audit(const void *d_, bool *goes_on)
{
    const struct dispatch *d = d_;

    *goes_on = d->audit->goes_on;
    return d->audit->has_last ? &d->audit->last : NULL;
}

nva_usec
dispatch_audit_deadline(const struct dispatch *d)
{
    return d->audit->goes_on ? d->audit->deadline : d->audit->next_at;
}

void
dispatch_audit_flow(struct dispatch *d, const struct bridge *br,
                    uint64_t cookie, uint64_t hash)
{
    for (size_t i = 0; i < AUDIT_AT_ONCE; i++) {
        struct look *look = &d->audit->looks[i];

        if (look->nve && bridge_of(d, look) == br && !look->read) {
            audit_reading_flow(look->reading, cookie, hash);
        }
    }
}

void
dispatch_audit_read(struct dispatch *d, struct bridge *br)
{
    for (size_t i = 0; i < AUDIT_AT_ONCE; i++) {
        struct look *look = &d->audit->looks[i];

        if (look->nve && bridge_of(d, look) == br) {
            look->read = true;
        }
    }
    br->auditing = false;
}

bool
dispatch_audit_run(struct dispatch *d, nva_usec now)
{
    struct dispatch_audit *a = d->audit;
    bool more = false;

    if (!a->goes_on && now >= a->next_at) {
        a->repair = false;
        begin(a, d->dir, now);
    }
    if (!a->goes_on) {
        return false;
    }
    for (size_t i = 0; i < AUDIT_AT_ONCE; i++) {
        if (a->looks[i].nve) {
            run_look(d, &a->looks[i], now);
        }
    }
    while (a->next < a->n && a->n_looks < AUDIT_AT_ONCE) {
        begin_look(d, a->nves[a->next++], now);
    }
    for (size_t i = 0; i < AUDIT_AT_ONCE; i++) {
        more |= a->looks[i].nve && a->looks[i].read;
    }
    if ((a->next >= a->n && !a->n_looks) || now >= a->deadline) {
        finish(d, now);
    }
    return more;
}

/* ## One NVE ## */

/* The session that was asked, if it still is there and asked by us. */
static struct bridge *
bridge_of(const struct dispatch *d, const struct look *look)
{
    const struct nve_prog *np = dispatch_prog(d, look->nve);
    struct bridge *br = np ? np->bridge : NULL;

    return br && br->session == look->session ? br : NULL;
}

static void
begin_look(struct dispatch *d, nva_id id, nva_usec now)
{
    const struct nva_view view = dispatch_view(d, now);
    const struct nva_nve *nve = directory_nve(d->dir, id);
    const struct nve_prog *np = dispatch_prog(d, id);
    struct look *look = d->audit->looks;

    if (!nve) {
        return;                         /* Deleted meanwhile. */
    } else if (!nve->connected) {
        return;                         /* A fault already. */
    } else if (!np || !np->bridge || np->bridge->reading
               || np->cursor || np->bridge->auditing) {
        audit_silent(&view, id, "not read back yet",
                     &d->audit->current.findings);
        return;
    }
    while (look->nve) {
        look++;
    }
    memset(look, 0, sizeof *look);
    look->nve = id;
    look->session = np->bridge->session;
    d->audit->n_looks++;
    ask(d, look, np->bridge);
}

static void
ask(struct dispatch *d, struct look *look, struct bridge *br)
{
    look->read = false;
    audit_reading_destroy(look->reading);
    look->reading = audit_reading_create(d->dir, look->nve);
    br->auditing = true;
    d->ops.read_back(br->channel);
}

static void
end_look(struct dispatch *d, struct look *look)
{
    nva_findings_move(&d->audit->current.findings, &look->now);
    nva_findings_uninit(&look->before);
    audit_reading_destroy(look->reading);
    memset(look, 0, sizeof *look);
    d->audit->n_looks--;
}

struct rejected_aux {
    const struct nva_view *view;
    struct look *look;
};

static void
rejected_cb(struct nva_owner owner, enum nva_reason reason, void *aux_)
{
    const struct rejected_aux *aux = aux_;

    audit_rejected(aux->view, aux->look->nve, owner, reason,
                   &aux->look->now);
}

/* A slice of the comparison; what it finds is looked for once more. */
static void
run_look(struct dispatch *d, struct look *look, nva_usec now)
{
    const struct nva_view view = dispatch_view(d, now);
    struct bridge *br = bridge_of(d, look);
    struct rejected_aux aux = { &view, look };

    if (!br || (!look->read && !br->auditing)) {
        nva_findings_uninit(&look->now);
        audit_silent(&view, look->nve, "the session was lost meanwhile",
                     &look->now);
        end_look(d, look);
    } else if (!look->read
               || audit_reading_compare(look->reading, &view, AUDIT_SLICE,
                                        &look->now)) {
        return;
    } else if (look->now.n && !look->second && !br->reading) {
        look->second = true;
        look->before = look->now;
        look->now = (struct nva_findings) { .n = 0 };
        ask(d, look, br);
    } else {
        if (look->second) {
            nva_findings_keep_common(&look->now, &look->before);
        }
        d->audit->current.n_nves++;
        d->audit->current.n_flows += audit_reading_n(look->reading);
        flow_prog_each_quarantined(dispatch_prog(d, look->nve)->prog,
                                   rejected_cb, &aux);
        audit_ports(&view, look->nve, &look->now);
        end_look(d, look);
    }
}

/* ## Begin and end ## */

static bool
nve_cb(const void *nve_, void *a_)
{
    const struct nva_nve *nve = nve_;
    struct dispatch_audit *a = a_;

    if (a->n >= a->allocated) {
        a->nves = x2nrealloc(a->nves, &a->allocated, sizeof *a->nves);
    }
    a->nves[a->n++] = nve->id;
    return true;
}

static void
begin(struct dispatch_audit *a, const struct directory *dir, nva_usec now)
{
    a->goes_on = true;
    a->n = a->next = 0;
    directory_each_nve(dir, nve_cb, a);
    a->deadline = now + AUDIT_SECS * NVA_SEC;
    a->next_at = a->interval ? now + a->interval : NVA_NEVER;
    memset(&a->current, 0, sizeof a->current);
    a->current.started = now;
}

static void
finish(struct dispatch *d, nva_usec now)
{
    const struct nva_view view = dispatch_view(d, now);
    struct dispatch_audit *a = d->audit;

    for (size_t i = 0; i < AUDIT_AT_ONCE; i++) {
        if (a->looks[i].nve) {
            struct bridge *br = bridge_of(d, &a->looks[i]);

            if (br) {
                br->auditing = false;   /* What still comes is not ours. */
            }
            nva_findings_uninit(&a->looks[i].now);
            audit_silent(&view, a->looks[i].nve, "gave no answer in time",
                         &a->looks[i].now);
            end_look(d, &a->looks[i]);
        }
    }
    if (a->inventory) {
        nva_inventory_compare(&view, a->inventory, &a->current.findings);
        nva_inventory_destroy(a->inventory);
        a->inventory = NULL;
    }
    a->n_to_tell = a->current.findings.n;
    add_faults(d, &view, &a->current.findings);
    a->current.ended = now;
    nva_findings_uninit(&a->last.findings);
    a->last = a->current;
    memset(&a->current, 0, sizeof a->current);
    a->has_last = true;
    a->goes_on = false;
    d->metrics.counters[METRICS_AUDITS]++;
    if (a->repair) {
        repair(d);
    }
    tell(d, now);
}

/* Sends anew what is missing or should not be there. */
static void
repair(struct dispatch *d)
{
    struct nva_audit *last = &d->audit->last;
    struct nva_owner before = { .kind = NVA_OWNER_NONE };

    for (size_t i = 0; i < last->findings.n; i++) {
        const struct nva_finding *f = &last->findings.a[i];
        struct nve_prog *np = dispatch_prog(d, f->nve);

        if ((f->kind == NVA_AUDIT_FLOW_MISSING
             || f->kind == NVA_AUDIT_FLOW_EXTRA)
            && f->owner.kind != NVA_OWNER_NONE && np && np->bridge) {
            flow_prog_mistrust(np->prog, f->owner);
            dispatch_prog_queue(d, np, QUEUE_BULK);
            last->n_repaired += !nva_owner_equal(f->owner, before);
            before = f->owner;
        }
    }
}

static void
tell(struct dispatch *d, nva_usec now)
{
    const struct nva_findings *findings = &d->audit->last.findings;
    const size_t n = MIN(d->audit->n_to_tell, AUDIT_NOTES_MAX);

    for (size_t i = 0; i < n; i++) {
        const struct nva_finding *f = &findings->a[i];
        const struct nva_note note = {
            .type = NVA_NOTE_AUDIT, .reason = NVA_R_CONTRADICTION,
            .nve = f->nve, .vn = f->vn, .vm = f->vm, .tsi = f->tsi,
            .what = nva_audit_kind_word(f->kind),
        };

        dispatch_tell_note(d, &note, now);
    }
}

/* ## Faults ## */

static void
add_fault(const struct nva_finding *fault, void *findings_)
{
    struct nva_findings *findings = findings_;

    for (size_t i = 0; i < findings->n; i++) {
        struct nva_finding *f = &findings->a[i];

        if (f->kind == fault->kind && f->nve == fault->nve
            && !strcmp(f->object, fault->object)) {
            *f = *fault;                /* Which says more. */
            return;
        }
    }
    *nva_findings_add(findings, fault->kind) = *fault;
}

/* Adds what does not work; what the audit found as well is said once. */
static void
add_faults(const struct dispatch *d, const struct nva_view *view,
           struct nva_findings *findings)
{
    faults_each(d->faults, view, add_fault, findings);
}
