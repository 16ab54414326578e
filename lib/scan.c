/* SPDX-License-Identifier: Apache-2.0 */

/* Which NVEs are scanned after VMs have left them, and what silence there
 * means.  Knows ends of moves and who stays; must never know how a move goes.
 *
 * Invariant: one scan of a VN at an NVE at a time, however many leave; and an
 * NVE is asked in slots, of which no two scans have the same, however many VNs
 * they leave.  draft vmm-15 s4.2 (D3). */

#include <config.h>

#include "scan.h"

#include "ageing.h"
#include "move-fsm.h"
#include "probe.h"
#include "util.h"

/* The interfaces with the lowest ids beyond 'after' that are to be asked. */
struct batch {
    const struct nva_scan *scan;
    size_t n;
    const struct nva_tsi *tsis[NVA_SCAN_BATCH];
};

static void left(const struct nva_view *, nva_id nve, nva_id vn,
                 struct nva_plan *);
static nva_usec next_slot(const struct nva_view *, nva_id nve);
static directory_cb collect_cb;
static void ask(const struct nva_view *, const struct nva_tsi *,
                struct nva_plan *);
static void put(struct nva_plan *, const struct nva_scan *);

/* ## Beginning ## */

void
scan_sweep(const struct nva_view *v, struct nva_plan *plan)
{
    const size_t n = plan->deltas.n;

    for (size_t i = 0; i < n; i++) {
        const struct nva_move *old;
        struct nva_move move;

        if (plan->deltas.a[i].type != NVA_DELTA_MOVE_PUT) {
            continue;
        }
        move = plan->deltas.a[i].move;
        old = directory_move(v->dir, move.id);
        if (!move_fsm_is_ended(move.state)
            || (old && move_fsm_is_ended(old->state))) {
            continue;
        }
        for (size_t j = 0; j < move.n_ifs; j++) {
            const struct nva_move_if *mif = &move.ifs[j];
            const struct nva_tsi *tsi = directory_tsi(v->dir, mif->tsi);

            if (tsi && mif->switched && mif->from.nve
                && mif->from.nve != mif->to.nve) {
                left(v, mif->from.nve, tsi->vn, plan);
            }
        }
    }
}

/* One that goes on already, or has its slot, sees what there is. */
static void
left(const struct nva_view *v, nva_id nve, nva_id vn, struct nva_plan *plan)
{
    const struct nva_scan *old = directory_scan(v->dir, nve, vn);
    struct nva_scan s = { .nve = nve, .vn = vn, .since = v->now };

    if (old && (old->after || old->slot)) {
        return;
    } else if (old) {
        s = *old;
    }
    s.due = MIN(v->now + NVA_SCAN_DELAY, s.since + NVA_SCAN_DELAY_MAX);
    put(plan, &s);
}

/* ## Asking ## */

void
scan_due(const struct nva_view *v, const struct nva_event *ev,
         struct nva_plan *plan)
{
    const struct nva_scan *old = directory_scan(v->dir, ev->scan.nve,
                                                ev->scan.vn);
    const struct nva_nve *nve = directory_nve(v->dir, ev->scan.nve);
    struct batch b = { .scan = old };
    struct nva_scan s;

    if (!old || old->due > v->now) {
        return;
    }
    s = *old;
    if (!nve->connected
        || directory_n_probes(v->dir) >= NVA_ROUTINE_PROBES_MAX) {
        s.due = v->now + NVA_SCAN_DELAY;
        s.slot = 0;
        put(plan, &s);
        return;
    } else if (!s.slot && next_slot(v, s.nve) > v->now) {
        s.due = s.slot = next_slot(v, s.nve);
        put(plan, &s);
        return;
    }
    s.slot = v->now;
    directory_each_tsi_at(v->dir, s.nve, NULL, collect_cb, &b);
    for (size_t i = 0; i < b.n; i++) {
        ask(v, b.tsis[i], plan);
    }
    s.n_asked += b.n;
    if (b.n < NVA_SCAN_BATCH || s.n_asked >= NVA_SCAN_MAX) {
        nva_deltas_add(&plan->deltas, NVA_DELTA_SCAN_DEL)->scan = s;
        return;
    }
    s.after = b.tsis[b.n - 1]->id;
    s.due = s.slot = MAX(v->now + NVA_SCAN_TICK, next_slot(v, s.nve));
    put(plan, &s);
}

const struct nva_scan *
scan_next_due(const struct nva_view *v)
{
    return scan_deadline(v) <= v->now ? directory_first_scan(v->dir) : NULL;
}

nva_usec
scan_deadline(const struct nva_view *v)
{
    const struct nva_scan *s = directory_first_scan(v->dir);

    return s ? s->due : NVA_NEVER;
}

/* The first slot of 'nve' that no scan has, which may be over. */
static nva_usec
next_slot(const struct nva_view *v, nva_id nve)
{
    return directory_scan_slot(v->dir, nve) + NVA_SCAN_TICK;
}

/* Enters it in the order of ids; the last one falls out.  Who stands still or
 * is off is not asked, nor who has nothing to be asked for, or nested guests
 * who may have it. */
static bool
collect_cb(const void *tsi_, void *b_)
{
    const struct nva_tsi *tsi = tsi_;
    struct batch *b = b_;
    size_t i = 0;

    if (tsi->vn != b->scan->vn || tsi->current.nve != b->scan->nve
        || tsi->id <= b->scan->after || !tsi->n_ips || tsi->paused
        || tsi->stopped || tsi->n_allowed) {
        return true;
    }
    while (i < b->n && b->tsis[i]->id < tsi->id) {
        i++;
    }
    if (i >= NVA_SCAN_BATCH || (i < b->n && b->tsis[i] == tsi)) {
        return true;
    }
    b->n = MIN(b->n + 1, NVA_SCAN_BATCH);
    for (size_t j = b->n - 1; j > i; j--) {
        b->tsis[j] = b->tsis[j - 1];
    }
    b->tsis[i] = tsi;
    return true;
}

static void
ask(const struct nva_view *v, const struct nva_tsi *tsi,
    struct nva_plan *plan)
{
    const struct nva_probe what = {
        .why = NVA_PROBE_SCAN, .n_places = 1,
        .places = { { .place = tsi->current } },
    };

    probe_begin(v, tsi, &what, plan);
}

/* ## Answers ## */

/* An answer has been a sign of life; what was learned of who is silent is
 * asked for itself now, as if it were older than it is. */
void
scan_outcome(const struct nva_view *v, const struct nva_probe *probe,
             enum nva_reason outcome,
             const struct nva_probe_place *where OVS_UNUSED,
             struct nva_plan *plan)
{
    const struct nva_tsi *tsi = directory_tsi(v->dir, probe->tsi);

    if (outcome != NVA_R_NO_ANSWER || tsi->sequence != probe->sequence
        || tsi->paused || tsi->stopped) {
        return;
    }
    nva_plan_note_tsi(plan, NVA_NOTE_SILENT, outcome, tsi);
    ageing_hasten(v, tsi, plan);
}

static void
put(struct nva_plan *plan, const struct nva_scan *s)
{
    nva_deltas_add(&plan->deltas, NVA_DELTA_SCAN_PUT)->scan = *s;
}
