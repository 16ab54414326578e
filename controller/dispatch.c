/* SPDX-License-Identifier: Apache-2.0 */

/* The journey of every event, in the order of the design: classify, admit,
 * step, apply, program, reply, note.
 *
 * Knows which module hears which event.
 * Must never know a socket, a loop or a clock, and decides nothing about
 * truth.  Invariant: the directory changes in commit() only, and whatever that
 * dirtied is queued with its NVE's flow_prog before the next step looks. */

#include <config.h>

#include "dispatch.h"

#include "admission.h"
#include "ageing.h"
#include "binding.h"
#include "converge.h"
#include "detour.h"
#include "dispatch-private.h"
#include "drain.h"
#include "duplicate.h"
#include "fabric.h"
#include "mobility.h"
#include "openvswitch/ofpbuf.h"
#include "pipeline.h"
#include "probe.h"
#include "pull.h"
#include "registry.h"
#include "responder.h"
#include "scan.h"
#include "util.h"

static void commit(struct dispatch *, const struct nva_event *, nva_usec now);
static void step(const struct nva_view *, const struct nva_event *,
                 struct nva_plan *);
static bool is_fabric(enum nva_event_type);
static void note_dropped(const struct nva_view *, struct nva_plan *,
                         enum nva_reason, const struct nva_event *);
static probe_outcome_cb outcome;
static void run_due(struct dispatch *, nva_usec now);
static void note_relink(struct dispatch *, const struct nva_delta *);
static void note_fault(struct dispatch *, const struct nva_note *,
                       const struct nva_event *, nva_usec now);
static void send_reply(struct dispatch *, const struct nva_reply *);
static nva_usec brain_deadline(struct dispatch *, nva_usec now);

struct dispatch *
dispatch_create(const struct dispatch_ops *ops)
{
    struct dispatch *d = xzalloc(sizeof *d);

    d->ops = *ops;
    d->dir = directory_create();
    d->hold = hold_create();
    d->deadline = NVA_NEVER;
    d->inlet_deadline = NVA_NEVER;
    nva_plan_init(&d->plan);
    nva_dirty_init(&d->dirty);
    d->source = dispatch_prog_source(d);
    bridges_init(&d->bridges);
    d->audit = dispatch_audit_create();
    d->faults = faults_create();
    hmap_init(&d->progs);
    ovs_list_init(&d->moves);
    ovs_list_init(&d->later);
    ovs_list_init(&d->bulk);
    ovs_list_init(&d->comparing);
    d->compare_per_turn = DISPATCH_COMPARE_PER_TURN;
    return d;
}

void
dispatch_destroy(struct dispatch *d)
{
    struct nve_prog *np;

    if (!d) {
        return;
    }
    HMAP_FOR_EACH_SAFE (np, node, &d->progs) {
        dispatch_prog_destroy(d, np);
    }
    hmap_destroy(&d->progs);
    bridges_uninit(&d->bridges);
    hold_destroy(d->hold);
    dispatch_audit_destroy(d->audit);
    faults_destroy(d->faults);
    nva_dirty_uninit(&d->dirty);
    nva_plan_uninit(&d->plan);
    directory_destroy(d->dir);
    free(d->relink);
    free(d->acks);
    free(d->expired);
    free(d);
}

/* ## Events ## */

/* The product in one function.  What a step decided is applied before the
 * next one looks; the sessions' and ports' own change comes before mobility
 * asks what that lets go on. */
enum nva_reason
dispatch_event(struct dispatch *d, const struct nva_event *ev, nva_usec now)
{
    struct nva_view view = dispatch_view(d, now);
    struct nva_plan *plan = &d->plan;

    d->metrics.events[ev->type]++;
    if (is_fabric(ev->type)) {
        nva_plan_start(plan, directory_next_id(d->dir));
        fabric_event(&view, ev, plan);
        commit(d, ev, now);
    }
    nva_plan_start(plan, directory_next_id(d->dir));
    step(&view, ev, plan);
    binding_sweep(&view, plan);
    pull_resize(&view, plan);
    scan_sweep(&view, plan);
    commit(d, ev, now);
    return plan->verdict;
}

/* Apply, program, reply, note. */
static void
commit(struct dispatch *d, const struct nva_event *ev, nva_usec now)
{
    const struct nva_view view = dispatch_view(d, now);
    const struct nva_plan *plan = &d->plan;

    nva_dirty_clear(&d->dirty);
    d->deadline_is_old |= plan->deltas.n > 0;
    for (size_t i = 0; i < plan->deltas.n; i++) {
        directory_apply(d->dir, &plan->deltas.a[i], &d->dirty);
        faults_delta(d->faults, &view, &plan->deltas.a[i]);
        if (ev->type == NVA_EV_REQUEST) {
            note_relink(d, &plan->deltas.a[i]);
        }
        if (plan->deltas.a[i].type == NVA_DELTA_TSI_PUT) {
            hold_look(d->hold, &plan->deltas.a[i].tsi);
        }
    }
    dispatch_program(d, &d->dirty, now);
    dispatch_send_moves(d, now);    /* Before anything else is said. */
    for (size_t i = 0; i < plan->n_replies; i++) {
        send_reply(d, &plan->replies[i]);
    }
    for (size_t i = 0; i < plan->n_notes; i++) {
        note_fault(d, &plan->notes[i], ev, now);
        dispatch_tell_note(d, &plan->notes[i], now);
    }
}

/* A refusal may be a sign of something that does not work. */
static void
note_fault(struct dispatch *d, const struct nva_note *note,
           const struct nva_event *ev, nva_usec now)
{
    const struct nva_view view = dispatch_view(d, now);

    if (note->type == NVA_NOTE_DROPPED && ev->type == NVA_EV_EVIDENCE) {
        faults_refused(d->faults, &view, note->reason, ev->packet.vap,
                       &ev->packet.frame);
    } else if (note->type == NVA_NOTE_NVE
               && note->reason == NVA_R_FOREIGN_FLOWS) {
        faults_held_back(d->faults, note->nve, note->reason);
    }
}

void
dispatch_tell_note(struct dispatch *d, const struct nva_note *note,
                   nva_usec now)
{
    const struct nva_view view = dispatch_view(d, now);

    metrics_note(&d->metrics, note);
    d->ops.on_note(d->ops.aux, &view, note);
}

static void
note_relink(struct dispatch *d, const struct nva_delta *delta)
{
    if (delta->type != NVA_DELTA_NVE_PUT && delta->type != NVA_DELTA_NVE_DEL) {
        return;
    }
    if (d->n_relink >= d->allocated_relink) {
        d->relink = x2nrealloc(d->relink, &d->allocated_relink,
                               sizeof *d->relink);
    }
    d->relink[d->n_relink++] = (delta->type == NVA_DELTA_NVE_PUT
                                ? delta->nve.id : delta->id);
}

static void
step_request(const struct nva_view *view, const struct nva_request *request,
             struct nva_plan *plan)
{
    if (request->type >= NVA_REQ_DRAIN_START) {
        drain_request(view, request, plan);
    } else if (request->type >= NVA_REQ_MOVE_START) {
        mobility_request(view, request, plan);
    } else {
        registry_request(view, request, plan);
    }
}

static void
step_evidence(const struct nva_view *view, const struct nva_event *ev,
              struct nva_plan *plan)
{
    enum nva_admit admit;
    enum nva_reason reason = admission_evidence(view, ev, &admit);

    if (reason) {
        note_dropped(view, plan, reason, ev);
    } else {
        pull_evidence(view, ev, admit != NVA_ADMIT_NEW
                                && admit != NVA_ADMIT_REFRESH, plan);
        mobility_evidence(view, ev, admit, plan);
        ageing_sign(view, ev, plan);
        duplicate_claim(view, ev, plan);
    }
}

static void
step_stray(const struct nva_view *view, const struct nva_event *ev,
           struct nva_plan *plan)
{
    responder_stray(view, ev, plan);
    mobility_stray(view, ev, plan);
    pull_stray(view, ev, plan);
}

static void
step_answer(const struct nva_view *view, const struct nva_event *ev,
            struct nva_plan *plan)
{
    ageing_sign(view, ev, plan);
    mobility_answer(view, ev, plan);
    probe_answer(view, ev, outcome, plan);
}

static void
step_due(const struct nva_view *view, const struct nva_event *ev,
         struct nva_plan *plan)
{
    if (ev->type == NVA_EV_PROBE_DUE) {
        probe_due(view, ev, outcome, plan);
    } else if (ev->type == NVA_EV_THAW_DUE) {
        mobility_thaw_due(view, ev, plan);
    } else if (ev->type == NVA_EV_LOOK_DUE) {
        ageing_due(view, ev, plan);
    } else {
        scan_due(view, ev, plan);
    }
}

/* What goes by the clock alone, and each a little at a time. */
static void
step_timer(const struct nva_view *view, struct nva_plan *plan)
{
    converge_timer(view, plan);
    mobility_timer(view, plan);
    fabric_timer(view, plan);
    pull_timer(view, plan);
}

/* Which module hears which event.  Changes nothing but 'plan'. */
static void
step(const struct nva_view *view, const struct nva_event *ev,
     struct nva_plan *plan)
{
    switch (ev->type) {
    case NVA_EV_REQUEST:
        step_request(view, ev->request, plan);
        break;
    case NVA_EV_EVIDENCE:
        step_evidence(view, ev, plan);
        break;
    case NVA_EV_QUESTION:
        responder_question(view, ev, plan);
        probe_question(view, ev, plan);
        pull_question(view, ev, plan);
        break;
    case NVA_EV_SEGMENT:
        responder_segment(view, ev, plan);
        break;
    case NVA_EV_STRAY:
        step_stray(view, ev, plan);
        break;
    case NVA_EV_FLOODING:
        detour_event(view, ev, plan);
        break;
    case NVA_EV_DETOURED:
        detour_packet(view, ev, plan);
        break;
    case NVA_EV_ANSWER:
        step_answer(view, ev, plan);
        break;
    case NVA_EV_PROBE_DUE:
    case NVA_EV_THAW_DUE:
    case NVA_EV_LOOK_DUE:
    case NVA_EV_SCAN_DUE:
        step_due(view, ev, plan);
        break;
    case NVA_EV_TIMER:
        step_timer(view, plan);
        break;
    case NVA_EV_DRAIN:
        drain_step(view, ev->nve, plan);
        break;
    case NVA_EV_NVE_UP:
    case NVA_EV_PORT:
        binding_event(view, ev, plan);
        detour_event(view, ev, plan);
        converge_event(view, ev, plan);
        break;
    case NVA_EV_NVE_SYNCED:
    case NVA_EV_NVE_DOWN:
    case NVA_EV_FLOW_REMOVED:
    case NVA_EV_CONFIRMED:
    case NVA_EV_QUARANTINED:
    case NVA_EV_RELEASED:
        converge_event(view, ev, plan);
        pull_event(view, ev, plan);
        break;
    case NVA_N_EVENTS:
        OVS_NOT_REACHED();
    }
}

/* Whom a probe that has ended concerns. */
static void
outcome(const struct nva_view *view, const struct nva_probe *probe,
        enum nva_reason reason, const struct nva_probe_place *where,
        struct nva_plan *plan)
{
    switch (probe->why) {
    case NVA_PROBE_PLACE:
    case NVA_PROBE_MOVES:
        mobility_outcome(view, probe, reason, where, plan);
        break;
    case NVA_PROBE_AGE:
        ageing_outcome(view, probe, reason, where, plan);
        break;
    case NVA_PROBE_CLAIM:
        duplicate_outcome(view, probe, reason, where, plan);
        break;
    case NVA_PROBE_SCAN:
        scan_outcome(view, probe, reason, where, plan);
        break;
    case NVA_PROBE_N_WHYS:
        OVS_NOT_REACHED();
    }
}

static bool
is_fabric(enum nva_event_type type)
{
    return (type == NVA_EV_NVE_UP || type == NVA_EV_NVE_SYNCED
            || type == NVA_EV_NVE_DOWN || type == NVA_EV_PORT);
}

static void
note_dropped(const struct nva_view *view, struct nva_plan *plan,
             enum nva_reason reason, const struct nva_event *ev)
{
    struct nva_note *note = nva_plan_note(plan, NVA_NOTE_DROPPED, reason);

    note->nve = ev->nve;
    note->vn = ev->packet.vn;
    note->mac = ev->packet.frame.eth_src;
    note->ip = ev->packet.frame.spa;
    dispatch_name_sender(view->dir, ev->packet.ofport, note);
}

void
dispatch_name_sender(const struct directory *dir, nva_ofport ofport,
                     struct nva_note *note)
{
    const struct nva_tsi *tsi = directory_tsi_by_mac(dir, note->vn, note->mac);
    const struct nva_port *port = directory_port_by_ofport(dir, note->nve,
                                                           ofport);

    note->tsi = tsi ? tsi->id : NVA_ID_NONE;
    note->vm = tsi ? tsi->vm : NVA_ID_NONE;
    if (port) {
        ovs_strlcpy(note->port, port->name, sizeof note->port);
    }
}

enum nva_reason
dispatch_request(struct dispatch *d, const struct nva_request *request,
                 nva_usec now)
{
    struct nva_event ev = { .type = NVA_EV_REQUEST, .request = request };

    if (request->type == NVA_REQ_NVE_PUT) {
        const struct bridge *br = bridges_by_dpid(&d->bridges,
                                                  request->nve.nve.dpid);
        struct nva_request told = *request;

        told.nve.foreign_flows =
            br && br->nve == NVA_ID_NONE ? br->foreign_flows : 0;
        ev.request = &told;
        return dispatch_event(d, &ev, now);
    }
    return dispatch_event(d, &ev, now);
}

const struct nva_plan *
dispatch_plan(const struct dispatch *d)
{
    return &d->plan;
}

void
dispatch_timer(struct dispatch *d, nva_usec now)
{
    dispatch_tell_floods(d, now);
    dispatch_audit_run(d, now);
    dispatch_fault_run(d, now);
    dispatch_compare_run(d, now);
    if (brain_deadline(d, now) <= now) {
        struct nva_event ev = { .type = NVA_EV_TIMER };

        d->deadline = NVA_NEVER;
        d->deadline_is_old = true;
        dispatch_event(d, &ev, now);

        /* One step: a move begun is sent before the next is thought of. */
        struct nva_view view = dispatch_view(d, now);
        ev = (struct nva_event) { .type = NVA_EV_DRAIN };
        ev.nve = drain_due(&view);
        if (ev.nve) {
            dispatch_event(d, &ev, now);
        }
        run_due(d, now);
    }
}

/* What is due one by one: an event each, since each may move a VM. */
static void
run_due(struct dispatch *d, nva_usec now)
{
    const struct nva_view view = dispatch_view(d, now);
    struct nva_event probe = { .type = NVA_EV_PROBE_DUE };
    struct nva_event thaw = { .type = NVA_EV_THAW_DUE };
    struct nva_event look = { .type = NVA_EV_LOOK_DUE };
    struct nva_event more = { .type = NVA_EV_SCAN_DUE };
    const struct nva_lease *lease;
    const struct nva_scan *scan;

    while ((probe.probe = probe_next_due(&view)) != NVA_ID_NONE) {
        dispatch_event(d, &probe, now);
    }
    while ((thaw.tsi = mobility_next_thaw(&view)) != NVA_ID_NONE) {
        dispatch_event(d, &thaw, now);
    }
    for (int i = 0; i < DISPATCH_LOOKS_PER_TURN
         && (lease = ageing_next_due(&view)) != NULL; i++) {
        look.lease = *lease;
        dispatch_event(d, &look, now);
    }
    for (int i = 0; i < DISPATCH_SCANS_PER_TURN
         && (scan = scan_next_due(&view)) != NULL; i++) {
        more.scan = *scan;
        dispatch_event(d, &more, now);
    }
}

/* A walk over all redirects: only when something has changed.  An earlier
 * deadline that has not been served stays, so that time that goes by between
 * a change and this look loses nothing. */
static nva_usec
brain_deadline(struct dispatch *d, nva_usec now)
{
    if (d->deadline_is_old) {
        struct nva_view view = dispatch_view(d, now);

        d->deadline = MIN(d->deadline, converge_deadline(&view));
        d->deadline = MIN(d->deadline, mobility_deadline(&view));
        d->deadline = MIN(d->deadline, fabric_deadline(&view));
        d->deadline = MIN(d->deadline, probe_deadline(&view));
        d->deadline = MIN(d->deadline, mobility_thaws_at(&view));
        d->deadline = MIN(d->deadline, ageing_deadline(&view));
        d->deadline = MIN(d->deadline, scan_deadline(&view));
        if (drain_due(&view)) {
            d->deadline = MIN(d->deadline, now);
        }
        d->deadline = MIN(d->deadline, pull_deadline(&view));
        d->deadline_is_old = false;
    }
    return MIN(d->deadline, d->inlet_deadline);
}

nva_usec
dispatch_deadline(struct dispatch *d, nva_usec now)
{
    const struct nva_view view = dispatch_view(d, now);
    nva_usec deadline = MIN(hold_deadline(d->hold, &view),
                            dispatch_audit_deadline(d));

    deadline = MIN(deadline, dispatch_send_deadline(d));
    deadline = MIN(deadline, faults_deadline(d->faults));
    if (dispatch_is_comparing(d)) {
        deadline = MIN(deadline, now);
    }
    return MIN(deadline, brain_deadline(d, now));
}

bool
dispatch_run(struct dispatch *d, nva_usec now)
{
    for (size_t i = 0; i < d->n_relink; i++) {
        dispatch_relink(d, d->relink[i], now);
    }
    d->n_relink = 0;

    dispatch_hold_run(d, now);
    dispatch_send_moves(d, now);
    dispatch_send_bulk(d, now);
    dispatch_tell_acks(d, now);
    return (dispatch_audit_run(d, now) || !ovs_list_is_empty(&d->moves)
            || !ovs_list_is_empty(&d->bulk));
}

/* ## Questions ## */

static bool
view_confirmed(const void *d, nva_id nve, struct nva_owner owner,
               uint64_t version)
{
    const struct nve_prog *np = dispatch_prog(d, nve);

    return np && flow_prog_confirmed(np->prog, owner, version);
}

struct nva_view
dispatch_view(const struct dispatch *d, nva_usec now)
{
    return (struct nva_view) {
        .dir = d->dir, .now = now, .confirmed = view_confirmed, .aux = d,
    };
}

struct metrics *
dispatch_metrics(struct dispatch *d)
{
    return &d->metrics;
}

struct gauges_aux {
    const struct dispatch *d;
    struct metrics_gauges *gauges;
};

static bool
gauge_nve_cb(const void *nve_, void *aux_)
{
    const struct nva_nve *nve = nve_;
    const struct gauges_aux *aux = aux_;
    size_t owners, dirty, quarantined;

    dispatch_nve_state(aux->d, nve->id, &owners, &dirty, &quarantined);
    aux->gauges->nves_connected += nve->connected;
    aux->gauges->owners += owners;
    aux->gauges->dirty += dirty;
    aux->gauges->quarantined += quarantined;
    return true;
}

static bool
gauge_move_cb(const void *move_, void *aux_)
{
    const struct nva_move *move = move_;
    const struct gauges_aux *aux = aux_;

    aux->gauges->moves[move->state]++;
    return true;
}

void
dispatch_gauges(const struct dispatch *d, struct metrics_gauges *gauges)
{
    struct gauges_aux aux = { .d = d, .gauges = gauges };
    bool goes_on;
    const struct nva_audit *audit = dispatch_last_audit(d, &goes_on);

    *gauges = (struct metrics_gauges) {
        .nves = directory_n_nves(d->dir),
        .unclaimed = d->bridges.n_unclaimed,
        .vns = directory_n_vns(d->dir),
        .vms = directory_n_vms(d->dir),
        .hold = *hold_stats(d->hold),
    };
    directory_each_nve(d->dir, gauge_nve_cb, &aux);
    directory_each_move(d->dir, gauge_move_cb, &aux);
    for (size_t i = 0; audit && i < audit->findings.n; i++) {
        gauges->findings[audit->findings.a[i].kind]++;
    }
    for (size_t i = 0; i < NVA_N_AUDIT_KINDS; i++) {
        gauges->faults[i] = faults_n_of(d->faults, i);
    }
}

/* ## Replies ## */

static bool
put_reply_actions(const struct dispatch *d, const struct nva_reply *reply,
                  struct ofpbuf *ofpacts)
{
    const struct nva_nve *to = directory_nve(d->dir, reply->to);
    const struct nva_port *tunnel = directory_tunnel_port(d->dir, reply->nve);

    switch (reply->target) {
    case NVA_REPLY_TO_PORT:
        pipeline_out_port(reply->ofport, ofpacts);
        return true;
    case NVA_REPLY_TO_FLOOD:
        pipeline_out_flood(reply->vni, reply->ofport, ofpacts);
        return true;
    case NVA_REPLY_TO_PIPELINE:
        pipeline_out_admit(reply->vni, reply->ofport, ofpacts);
        return true;
    case NVA_REPLY_TO_FORWARD:
        pipeline_out_forward(reply->vni, ofpacts);
        return true;
    case NVA_REPLY_TO_TUNNEL:
        if (!to || !tunnel || IN6_IS_ADDR_UNSPECIFIED(&to->tunnel_ip)) {
            return false;
        }
        pipeline_out_tunnel(tunnel->ofport, &to->tunnel_ip, reply->vni,
                            ofpacts);
        return true;
    }
    return false;
}

static void
send_reply(struct dispatch *d, const struct nva_reply *reply)
{
    const struct nve_prog *np = dispatch_prog(d, reply->nve);
    uint64_t stub[128 / 8];
    struct ofpbuf ofpacts;

    if (!np || !np->bridge) {
        return;
    }
    ofpbuf_use_stub(&ofpacts, stub, sizeof stub);
    if (put_reply_actions(d, reply, &ofpacts)) {
        d->metrics.counters[METRICS_PACKET_OUTS]++;
        d->ops.packet_out(np->bridge->channel, nva_reply_frame(reply),
                          reply->size, &ofpacts);
    }
    ofpbuf_uninit(&ofpacts);
}
