/* SPDX-License-Identifier: Apache-2.0 */

/* What callers see: objects, moves with their timeline, notes and refusals as
 * JSON values.
 *
 * Knows the directory's values and their words.  Must never change anything,
 * nor ask for the time: the view's 'now' and the body's facts come in.
 *
 * Invariant: each field shown stands in a table of api-json-read (a test
 * compares).  States of a virtual machine: RFC 7666 (C1). */

#include <config.h>

#include "api-json-show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "converge.h"
#include "drain.h"
#include "move-fsm.h"
#include "packets.h"
#include "util.h"

enum {
    API_BLOCKED_MAX = 16,       /* NVEs listed in 'blocked_by'. */
};

/* A list being filled by a walk of the directory. */
struct list {
    const struct nva_view *view;
    json_t *json;
};

static json_t *text_or_null(const char *);
static json_t *number_or_null(uint64_t);
static json_t *reason_or_null(enum nva_reason);
static json_t *mac_json(struct eth_addr);
static json_t *ip_json(const struct in6_addr *);
static json_t *ips_json(const struct in6_addr *, size_t n);
static json_t *dpid_json(uint64_t);
static json_t *nve_name(const struct nva_view *, nva_id);
static json_t *wall_json(const struct api_facts *, nva_usec);
static json_t *place_json(const struct nva_view *, const struct nva_place *);
static bool note_is_shown(const struct nva_note *);
static bool count(const void *, void *);
static bool list_if(const void *, void *);
static json_t *thaws_json(const struct nva_view *, const struct nva_tsi *);
static bool is_unconfirmed(const struct nva_view *, const struct nva_move *);
static json_t *places_json(const struct nva_view *, const struct nva_move *,
                           bool to);
static json_t *blocked_json(const struct nva_view *, const struct nva_move *);
static json_t *timeline_json(const struct nva_view *, const struct api_facts *,
                             const struct nva_move *);

void
api_set(json_t *object, const char *key, json_t *value)
{
    json_object_set_new_nocheck(object, key, value);
}

json_t *
api_text(const char *s)
{
    size_t n = strlen(s);
    json_t *json = json_stringn(s, n);

    while (!json && n) {
        json = json_stringn(s, --n);
    }
    return json;
}

json_t *
api_show_error(enum nva_reason reason, const char *field, const char *detail)
{
    json_t *o = json_object();
    json_t *error = json_object();

    api_set(o, "reason", api_text(nva_reason_word(reason)));
    api_set(o, "field", text_or_null(field));
    api_set(o, "detail", api_text(detail && *detail ? detail
                                  : nva_reason_text(reason)));
    api_set(error, "error", o);
    return error;
}

json_t *
api_show_vn(const struct nva_view *view, const struct nva_vn *vn)
{
    json_t *o = json_object();

    api_set(o, "name", api_text(vn->name));
    api_set(o, "vni", json_integer(vn->vni));
    api_set(o, "binding", api_text(nva_binding_word(vn->binding)));
    api_set(o, "unknown_question",
            api_text(nva_unknown_question_word(vn->unknown_question)));
    api_set(o, "unknown_unicast",
            api_text(nva_unknown_unicast_word(vn->unknown_unicast)));
    api_set(o, "port_security",
            api_text(nva_port_security_word(vn->port_security)));
    api_set(o, "shared_ips", ips_json(vn->shared_ips, vn->n_shared_ips));
    api_set(o, "resolution",
            api_text(nva_resolution_word(vn->resolution)));
    api_set(o, "pulls", json_boolean(vn->pulls));
    api_set(o, "lifetime", json_integer(vn->lifetime));
    api_set(o, "age", json_integer(vn->age));
    api_set(o, "redirect_timeout", json_integer(vn->redirect_timeout));
    api_set(o, "mtu", vn->mtu ? json_integer(vn->mtu) : json_null());
    api_set(o, "duplicate_moves", json_integer(vn->duplicate_moves));
    api_set(o, "duplicate_window", json_integer(vn->duplicate_window));
    api_set(o, "freeze_time", json_integer(vn->freeze_time));
    api_set(o, "max_learned", json_integer(vn->max_learned));
    api_set(o, "learned",
            json_integer(directory_n_learned(view->dir, vn->id)));
    api_set(o, "tenant", text_or_null(vn->tenant));
    api_set(o, "isolation", api_text(nva_isolation_word(vn->isolation)));
    return o;
}

json_t *
api_show_nve(const struct nva_view *view, const struct api_facts *facts,
             const struct nva_nve *nve)
{
    const struct nva_drain *drain = directory_drain(view->dir, nve->id);
    size_t owners = 0, dirty = 0, quarantined = 0, ports = 0;
    nva_usec since = (facts && facts->nve_since
                      ? facts->nve_since(facts->aux, nve->id) : 0);
    const char *openflow = NULL;
    json_t *o = json_object();
    bool bundles = false;

    if (facts && facts->nve_state) {
        facts->nve_state(facts->aux, nve->id, &owners, &dirty, &quarantined);
    }
    if (facts && facts->nve_openflow) {
        openflow = facts->nve_openflow(facts->aux, nve->id, &bundles);
    }
    directory_each_port(view->dir, nve->id, count, &ports);
    api_set(o, "name", api_text(nve->name));
    api_set(o, "dpid", dpid_json(nve->dpid));
    api_set(o, "tunnel_ip", ip_json(&nve->tunnel_ip));
    api_set(o, "guessed", json_boolean(nve->tunnel_ip_guessed));
    api_set(o, "tunnel_port", text_or_null(nve->tunnel_port));
    api_set(o, "role", api_text("nve"));
    api_set(o, "zone", text_or_null(nve->zone));
    api_set(o, "adopt", json_boolean(nve->adopt));
    api_set(o, "state",
            api_text(nve->connected ? "connected" : "disconnected"));
    api_set(o, "state_seconds",
            since ? json_integer((view->now - since) / NVA_SEC)
            : json_null());
    api_set(o, "openflow", openflow ? api_text(openflow) : json_null());
    api_set(o, "bundles", json_boolean(bundles));
    api_set(o, "ports", json_integer(ports));
    api_set(o, "vaps", json_integer(directory_n_vaps(view->dir, nve->id)));
    api_set(o, "pulled",
            json_integer(directory_n_pulls(view->dir, nve->id)));
    api_set(o, "owners", json_integer(owners));
    api_set(o, "dirty", json_integer(dirty));
    api_set(o, "quarantined", json_integer(quarantined));
    api_set(o, "drain",
            text_or_null(drain ? nva_drain_state_word(drain->state) : NULL));
    return o;
}

json_t *
api_show_unclaimed(uint64_t dpid, const char *peer, uint64_t foreign_flows)
{
    json_t *o = json_object();

    api_set(o, "dpid", dpid_json(dpid));
    api_set(o, "state", api_text("unclaimed"));
    api_set(o, "peer", text_or_null(peer));
    api_set(o, "foreign_flows", json_integer(foreign_flows));
    return o;
}

json_t *
api_show_port(const struct nva_view *view, const struct nva_vap *vap)
{
    const struct nva_vn *vn = directory_vn(view->dir, vap->vn);
    const struct nva_port *port = directory_port(view->dir, vap->nve,
                                                 vap->port);
    json_t *o = json_object();

    api_set(o, "nve", nve_name(view, vap->nve));
    api_set(o, "port", api_text(vap->port));
    api_set(o, "mac", vap->has_mac ? mac_json(vap->mac) : json_null());
    api_set(o, "vn", text_or_null(vn ? vn->name : NULL));
    api_set(o, "ofport", port ? json_integer(port->ofport) : json_null());
    api_set(o, "implied", json_boolean(vap->implied));
    api_set(o, "detour", api_text(nva_detour_word(vap->detour)));
    return o;
}

json_t *
api_show_vm(const struct nva_view *view, const struct nva_vm *vm)
{
    struct list list = { view, json_array() };
    json_t *o = json_object();

    directory_each_tsi_of_vm(view->dir, vm->id, list_if, &list);
    api_set(o, "name", api_text(vm->name));
    api_set(o, "state", api_text(nva_vm_state_word(vm->state)));
    api_set(o, "origin", api_text(nva_origin_word(vm->origin)));
    api_set(o, "connections",
            api_text(nva_connections_word(vm->connections)));
    api_set(o, "sticky", json_boolean(vm->sticky));
    api_set(o, "interfaces", list.json);
    api_set(o, "move", vm->move ? json_integer(vm->move) : json_null());
    return o;
}

json_t *
api_show_move(const struct nva_view *view, const struct api_facts *facts,
              const struct nva_move *move, bool timeline)
{
    json_t *o = json_object();

    api_set(o, "id", json_integer(move->id));
    api_set(o, "vm", api_text(move->vm_name));
    api_set(o, "from", places_json(view, move, false));
    api_set(o, "to", places_json(view, move, true));
    api_set(o, "kind", api_text(nva_move_kind_word(move->kind)));
    api_set(o, "interrupts", json_boolean(move->kind == NVA_MOVE_COLD));
    api_set(o, "timeout", number_or_null(move->timeout));
    api_set(o, "deadline", move->timeout ? wall_json(facts, move->switch_by)
                           : json_null());
    api_set(o, "refresh", number_or_null(move->refresh));
    api_set(o, "cause", api_text(nva_move_cause_word(move->cause)));
    api_set(o, "state", api_text(nva_move_state_word(move->state)));
    api_set(o, "ready", json_boolean(move->ready));
    api_set(o, "unconfirmed", json_boolean(is_unconfirmed(view, move)));
    api_set(o, "expected_until", move->expected_until
            ? wall_json(facts, move->expected_until) : json_null());
    api_set(o, "early_ms", number_or_null(move->early ? move->early_ms : 0));
    api_set(o, "blocked_by", blocked_json(view, move));
    api_set(o, "reason", reason_or_null(move->end_reason));
    api_set(o, "started", wall_json(facts, move->started));
    api_set(o, "ended",
            move->ended ? wall_json(facts, move->ended) : json_null());
    if (timeline) {
        api_set(o, "timeline", timeline_json(view, facts, move));
    }
    return o;
}

/* A drain being shown. */
struct drain_list {
    size_t n[DRAIN_REFUSED + 1];        /* By enum drain_standing. */
    json_t *refused, *moves;
};

static bool
list_drain_vm(const struct nva_vm *vm, enum drain_standing standing,
              void *list_)
{
    struct drain_list *list = list_;
    json_t *o;

    list->n[standing]++;
    if (standing == DRAIN_REFUSED) {
        o = json_object();
        api_set(o, "vm", api_text(vm->name));
        api_set(o, "reason", reason_or_null(vm->drain_refusal));
        api_set(o, "detail", api_text(nva_reason_text(vm->drain_refusal)));
        json_array_append_new(list->refused, o);
    } else if (standing == DRAIN_UNDER_WAY) {
        json_array_append_new(list->moves, json_integer(vm->move));
    }
    return true;
}

json_t *
api_show_drain(const struct nva_view *view, const struct api_facts *facts,
               const struct nva_drain *drain)
{
    struct drain_list list = {
        .refused = json_array(), .moves = json_array(),
    };
    json_t *to = json_array();
    json_t *o = json_object();

    for (size_t i = 0; i < drain->n_targets; i++) {
        json_array_append_new(to, nve_name(view, drain->targets[i]));
    }
    drain_each_vm(view, drain, list_drain_vm, &list);
    api_set(o, "nve", nve_name(view, drain->nve));
    api_set(o, "state", api_text(nva_drain_state_word(drain->state)));
    api_set(o, "to", to);
    api_set(o, "parallel", json_integer(drain->parallel));
    api_set(o, "timeout",
            drain->timeout ? json_integer(drain->timeout) : json_null());
    api_set(o, "done", json_integer(drain->done));
    api_set(o, "under_way", json_integer(list.n[DRAIN_UNDER_WAY]));
    api_set(o, "waiting", json_integer(list.n[DRAIN_WAITING]));
    api_set(o, "refused", list.refused);
    api_set(o, "moves", list.moves);
    api_set(o, "started", wall_json(facts, drain->started));
    api_set(o, "ended",
            drain->ended ? wall_json(facts, drain->ended) : json_null());
    return o;
}

json_t *
api_show_finding(const struct nva_view *view, const struct api_facts *facts,
                 const struct nva_finding *f)
{
    const struct nva_vn *vn = directory_vn(view->dir, f->vn);
    const struct nva_vm *vm = directory_vm(view->dir, f->vm);
    const struct nva_tsi *tsi = directory_tsi(view->dir, f->tsi);
    json_t *o = json_object();

    api_set(o, "kind", api_text(nva_audit_kind_word(f->kind)));
    api_set(o, "object", api_text(f->object));
    api_set(o, "nve", nve_name(view, f->nve));
    api_set(o, "vn", text_or_null(vn ? vn->name : NULL));
    api_set(o, "vm", text_or_null(vm ? vm->name : NULL));
    api_set(o, "interface", text_or_null(tsi ? tsi->name : NULL));
    api_set(o, "directory", text_or_null(f->directory));
    api_set(o, "other", text_or_null(f->other));
    api_set(o, "count", number_or_null(f->count));
    api_set(o, "since", f->since ? wall_json(facts, f->since) : json_null());
    api_set(o, "last", f->last ? wall_json(facts, f->last) : json_null());
    api_set(o, "advice", text_or_null(f->advice[0] ? f->advice
                                      : nva_audit_kind_advice(f->kind)));
    return o;
}

struct fault_list {
    const struct nva_view *view;
    const struct api_facts *facts;
    json_t *json;
};

static void
list_fault(const struct nva_finding *f, void *list_)
{
    const struct fault_list *list = list_;

    json_array_append_new(list->json,
                          api_show_finding(list->view, list->facts, f));
}

json_t *
api_show_faults(const struct nva_view *view, const struct api_facts *facts)
{
    struct fault_list list = { view, facts, json_array() };
    json_t *o = json_object();
    size_t n = (facts && facts->faults
                ? facts->faults(facts->aux, view, NVA_ID_NONE, list_fault,
                                &list)
                : 0);

    api_set(o, "count", json_integer(n));
    api_set(o, "left_out", json_integer(n - json_array_size(list.json)));
    api_set(o, "faults", list.json);
    return o;
}

static bool
list_faults_of_tsi(const void *tsi_, void *list_)
{
    const struct nva_tsi *tsi = tsi_;
    struct fault_list *list = list_;

    list->facts->faults(list->facts->aux, list->view, tsi->id, list_fault,
                        list);
    return true;
}

json_t *
api_show_vm_faults(const struct nva_view *view, const struct api_facts *facts,
                   const struct nva_vm *vm)
{
    struct fault_list list = { view, facts, json_array() };

    if (facts && facts->faults) {
        directory_each_tsi_of_vm(view->dir, vm->id, list_faults_of_tsi,
                                 &list);
    }
    return list.json;
}

json_t *
api_show_audit(const struct nva_view *view, const struct api_facts *facts,
               const struct nva_audit *audit, bool goes_on)
{
    json_t *findings = json_array();
    json_t *o = json_object();

    for (size_t i = 0; audit && i < audit->findings.n; i++) {
        json_array_append_new(findings,
                              api_show_finding(view, facts,
                                               &audit->findings.a[i]));
    }
    api_set(o, "state", api_text(goes_on ? "running" : audit ? "done"
                                 : "never"));
    api_set(o, "started", audit ? wall_json(facts, audit->started)
                          : json_null());
    api_set(o, "us", audit ? json_integer(audit->ended - audit->started)
                     : json_null());
    api_set(o, "nves", json_integer(audit ? audit->n_nves : 0));
    api_set(o, "flows", json_integer(audit ? audit->n_flows : 0));
    api_set(o, "repaired", json_integer(audit ? audit->n_repaired : 0));
    api_set(o, "left_out", json_integer(audit ? audit->findings.left_out
                                              : 0));
    api_set(o, "findings", findings);
    return o;
}

json_t *
api_show_lookup(const struct nva_view *view, const struct nva_vn *vn,
                const struct nva_tsi *tsi)
{
    const struct nva_vm *vm = directory_vm(view->dir, tsi->vm);
    const struct nva_nve *nve = directory_nve(view->dir, tsi->current.nve);
    json_t *o = json_object();

    api_set(o, "vn", api_text(vn->name));
    api_set(o, "vm", text_or_null(vm ? vm->name : NULL));
    api_set(o, "interface", api_text(tsi->name));
    api_set(o, "mac", mac_json(tsi->mac));
    api_set(o, "ips", ips_json(tsi->ips, tsi->n_ips));
    api_set(o, "nve", nve_name(view, tsi->current.nve));
    api_set(o, "port", text_or_null(nve ? tsi->current.port : NULL));
    api_set(o, "tunnel_ip", nve ? ip_json(&nve->tunnel_ip) : json_null());
    api_set(o, "sequence", json_integer(tsi->sequence));
    api_set(o, "unconfirmed", json_boolean(tsi->unconfirmed));
    api_set(o, "frozen", json_boolean(tsi->frozen));
    return o;
}

json_t *
api_show_note(const struct nva_view *view, const struct api_facts *facts,
              const struct nva_note *note)
{
    const struct nva_vn *vn = directory_vn(view->dir, note->vn);
    const struct nva_vm *vm = directory_vm(view->dir, note->vm);
    const struct nva_tsi *tsi = directory_tsi(view->dir, note->tsi);
    json_t *o;

    if (!note_is_shown(note)) {
        return NULL;
    }
    o = json_object();
    api_set(o, "t", wall_json(facts, view->now));
    api_set(o, "event", api_text(nva_note_type_word(note->type)));
    api_set(o, "what", text_or_null(note->what));
    api_set(o, "reason", reason_or_null(note->reason));
    api_set(o, "nve", nve_name(view, note->nve));
    api_set(o, "port", text_or_null(note->port[0] ? note->port : NULL));
    api_set(o, "other", nve_name(view, note->other));
    api_set(o, "vn", text_or_null(vn ? vn->name : NULL));
    api_set(o, "vm", text_or_null(vm ? vm->name : NULL));
    api_set(o, "interface", text_or_null(tsi ? tsi->name : NULL));
    api_set(o, "mac",
            nva_mac_is_host(note->mac) ? mac_json(note->mac) : json_null());
    api_set(o, "ip", ip_json(&note->ip));
    api_set(o, "move", note->move ? json_integer(note->move) : json_null());
    api_set(o, "state",
            text_or_null(note->type == NVA_NOTE_MOVE
                         ? nva_move_state_word(note->state)
                         : note->type == NVA_NOTE_VM
                         ? nva_vm_state_word(note->vm_state) : NULL));
    if (note->finding) {
        api_set(o, "fault", api_show_finding(view, facts, note->finding));
    }
    return o;
}

/* ## Values ## */

static json_t *
text_or_null(const char *s)
{
    return s && *s ? api_text(s) : json_null();
}

static json_t *
number_or_null(uint64_t number)
{
    return number ? json_integer(number) : json_null();
}

static json_t *
reason_or_null(enum nva_reason reason)
{
    return reason ? api_text(nva_reason_word(reason)) : json_null();
}

static json_t *
mac_json(struct eth_addr mac)
{
    char buf[18];

    snprintf(buf, sizeof buf, ETH_ADDR_FMT, ETH_ADDR_ARGS(mac));
    return api_text(buf);
}

/* Null for an address that is not there (all zero). */
static json_t *
ip_json(const struct in6_addr *ip)
{
    static const struct in6_addr none;
    char buf[INET6_ADDRSTRLEN];

    return memcmp(ip, &none, sizeof none)
           ? api_text(nva_ip_format(ip, buf, sizeof buf)) : json_null();
}

static json_t *
nve_name(const struct nva_view *view, nva_id id)
{
    const struct nva_nve *nve = directory_nve(view->dir, id);

    return text_or_null(nve ? nve->name : NULL);
}

/* Microseconds since 1970 as ISO 8601, UTC.  Proleptic Gregorian calendar
 * counted in days from 1 March of year 0, so that leap days come last. */
static json_t *
time_json(int64_t usec)
{
    int64_t secs = usec / NVA_SEC;
    int64_t days = secs / 86400 + 719468;
    int64_t era = days / 146097;
    int64_t doe = days % 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int month = (5 * doy + 2) / 153;
    int day = doy - (153 * month + 2) / 5 + 1;
    int year = yoe + era * 400 + (month >= 10);
    int rest = secs % 86400;
    char buf[64];

    snprintf(buf, sizeof buf, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", year,
             month + (month < 10 ? 3 : -9), day, rest / 3600,
             rest / 60 % 60, rest % 60, (int) (usec % NVA_SEC));
    return api_text(buf);
}

static json_t *
wall_json(const struct api_facts *facts, nva_usec when)
{
    int64_t wall = facts && facts->wall ? facts->wall(facts->aux, when) : 0;

    return wall > 0 ? time_json(wall) : json_null();
}

static json_t *
place_json(const struct nva_view *view, const struct nva_place *place)
{
    json_t *o;

    if (!nva_place_is_set(place)) {
        return json_null();
    }
    o = json_object();
    api_set(o, "nve", nve_name(view, place->nve));
    api_set(o, "port", text_or_null(place->port));
    return o;
}

static json_t *
dpid_json(uint64_t dpid)
{
    char buf[17];

    snprintf(buf, sizeof buf, "%016"PRIx64, dpid);
    return api_text(buf);
}

static json_t *
ips_json(const struct in6_addr *ips, size_t n)
{
    json_t *array = json_array();

    for (size_t i = 0; i < n; i++) {
        json_array_append_new(array, ip_json(&ips[i]));
    }
    return array;
}

/* ## Parts of objects ## */

static bool
count(const void *object OVS_UNUSED, void *n)
{
    ++*(size_t *) n;
    return true;
}

/* Seconds until a frozen interface thaws by itself, rounded up. */
static json_t *
thaws_json(const struct nva_view *view, const struct nva_tsi *tsi)
{
    nva_usec left = MAX(tsi->thaws_at - view->now, 0);

    return (tsi->frozen && tsi->thaws_at
            ? json_integer((left + NVA_SEC - 1) / NVA_SEC) : json_null());
}

/* True if the last move of some interface is this one and is in doubt. */
static bool
is_unconfirmed(const struct nva_view *view, const struct nva_move *move)
{
    for (size_t i = 0; i < move->n_ifs; i++) {
        const struct nva_tsi *tsi = directory_tsi(view->dir,
                                                  move->ifs[i].tsi);

        if (tsi && tsi->unconfirmed && move->ifs[i].switched
            && nva_place_equal(&tsi->current, &move->ifs[i].to)
            && !move_fsm_is_ended(move->state)) {
            return true;
        }
    }
    return false;
}

static bool
list_redirect(const void *redirect, void *list_)
{
    const struct list *list = list_;
    const struct nva_redirect *r = redirect;
    nva_usec left = r->until > list->view->now ? r->until - list->view->now
                                               : 0;
    json_t *o = json_object();

    api_set(o, "at", nve_name(list->view, r->at));
    api_set(o, "to", nve_name(list->view, r->to));
    api_set(o, "remaining", json_integer((left + NVA_SEC - 1) / NVA_SEC));
    json_array_append_new(list->json, o);
    return true;
}

/* The MACs that nested guests may have; or only those that are 'there'. */
static json_t *
allowed_json(const struct nva_tsi *tsi, bool there)
{
    json_t *array = json_array();

    for (size_t i = 0; i < tsi->n_allowed; i++) {
        if (!there || nva_tsi_has_nested(tsi, tsi->allowed[i])) {
            json_array_append_new(array, mac_json(tsi->allowed[i]));
        }
    }
    return array;
}

static json_t *
roles_json(unsigned int roles)
{
    json_t *array = json_array();

    for (int role = 0; role < NVA_N_ROLES; role++) {
        if (roles & 1u << role) {
            json_array_append_new(array, api_text(nva_role_word(role)));
        }
    }
    return array;
}

/* Of the addresses of an interface those that it taught itself. */
struct lease_list {
    json_t *learned, *frozen;
};

static bool
list_lease(const void *lease, void *list_)
{
    const struct lease_list *list = list_;
    const struct nva_lease *l = lease;

    if (ipv6_addr_is_set(&l->ip)) {
        json_array_append_new(list->learned, ip_json(&l->ip));
    }
    if (l->frozen) {
        json_array_append_new(list->frozen, ip_json(&l->ip));
    }
    return true;
}

static bool
list_if(const void *tsi_, void *list_)
{
    const struct list *list = list_;
    const struct nva_view *view = list->view;
    const struct nva_tsi *tsi = tsi_;
    const struct nva_vn *vn = directory_vn(view->dir, tsi->vn);
    struct list redirects = { view, json_array() };
    struct lease_list leases = { json_array(), json_array() };
    bool placed = nva_place_is_set(&tsi->current);
    json_t *o = json_object();

    directory_each_redirect_of_tsi(view->dir, tsi->id, list_redirect,
                                   &redirects);
    api_set(o, "name", api_text(tsi->name));
    api_set(o, "vn", text_or_null(vn ? vn->name : NULL));
    api_set(o, "mac", mac_json(tsi->mac));
    api_set(o, "ips", ips_json(tsi->ips, tsi->n_ips));
    api_set(o, "allowed_macs", allowed_json(tsi, false));
    api_set(o, "nested", allowed_json(tsi, true));
    api_set(o, "roles", roles_json(tsi->roles));
    api_set(o, "nve", nve_name(view, tsi->current.nve));
    api_set(o, "port", text_or_null(placed ? tsi->current.port : NULL));
    api_set(o, "prepared", place_json(view, &tsi->prepared));
    api_set(o, "paused", json_boolean(tsi->paused));
    api_set(o, "early", json_boolean(tsi->early));
    api_set(o, "stopped", json_boolean(tsi->stopped));
    api_set(o, "held", json_boolean(tsi->held_until != 0));
    api_set(o, "sequence", json_integer(tsi->sequence));
    api_set(o, "unconfirmed", json_boolean(tsi->unconfirmed));
    api_set(o, "frozen", json_boolean(tsi->frozen));
    api_set(o, "thaws_in", thaws_json(view, tsi));
    directory_each_lease_of_tsi(view->dir, tsi->id, list_lease, &leases);
    api_set(o, "learned_ips", leases.learned);
    api_set(o, "frozen_ips", leases.frozen);
    api_set(o, "redirects", redirects.json);
    json_array_append_new(list->json, o);
    return true;
}

/* {nve, ports {interface: port}} of the move's 'from' or 'to' places. */
static json_t *
places_json(const struct nva_view *view, const struct nva_move *move,
                 bool to)
{
    nva_id nve = to ? move->to_nve : NVA_ID_NONE;
    json_t *ports = json_object();
    json_t *o = json_object();

    for (size_t i = 0; i < move->n_ifs; i++) {
        const struct nva_move_if *nif = &move->ifs[i];
        const struct nva_place *place = to ? &nif->to : &nif->from;
        const struct nva_tsi *tsi = directory_tsi(view->dir, nif->tsi);
        char name[32];

        snprintf(name, sizeof name, "interface-%"PRIu64, nif->tsi);
        api_set(ports, tsi ? tsi->name : name, text_or_null(place->port));
        nve = nve ? nve : place->nve;
    }
    api_set(o, "nve", nve_name(view, nve));
    api_set(o, "ports", ports);
    return o;
}

static json_t *
blocked_json(const struct nva_view *view, const struct nva_move *move)
{
    nva_id nves[API_BLOCKED_MAX];
    const char *why = NULL;
    json_t *array, *o;
    size_t n;

    if (move_fsm_is_ended(move->state)) {
        return json_null();
    }
    n = converge_blocked_by(view, move, nves, API_BLOCKED_MAX, &why);
    if (!n && !why) {
        return json_null();
    }
    array = json_array();
    for (size_t i = 0; i < MIN(n, API_BLOCKED_MAX); i++) {
        json_array_append_new(array, nve_name(view, nves[i]));
    }
    o = json_object();
    api_set(o, "nves", array);
    api_set(o, "why", text_or_null(why));
    return o;
}

static json_t *
stamp_json(const struct nva_view *view, const struct api_facts *facts,
           const struct nva_move *move, const struct nva_stamp *stamp)
{
    bool by_move = stamp->kind == NVA_STAMP_SUPERSEDED;
    bool often = stamp->kind == NVA_STAMP_REFRESHED;
    bool counted = (stamp->kind == NVA_STAMP_REDIRECT_OFF
                    || (stamp->count && !often));
    json_t *o = json_object();
    char newer[32];

    snprintf(newer, sizeof newer, "move %"PRIu64, stamp->other);
    api_set(o, "t", wall_json(facts, stamp->when));
    api_set(o, "us", json_integer(stamp->when - move->started));
    api_set(o, "what", api_text(nva_stamp_word(stamp->kind)));
    api_set(o, "nve", nve_name(view, stamp->nve));
    api_set(o, "other", !by_move ? nve_name(view, stamp->other)
                        : text_or_null(stamp->other ? newer : NULL));
    api_set(o, "reason", reason_or_null(stamp->reason));
    api_set(o, "packets",
            counted ? json_integer(stamp->count) : json_null());
    api_set(o, "times", number_or_null(often ? stamp->count : 0));
    return o;
}

static json_t *
timeline_json(const struct nva_view *view, const struct api_facts *facts,
              const struct nva_move *move)
{
    json_t *array = json_array();
    const struct nva_stamp *stamps;
    size_t n = 0;

    stamps = directory_move_stamps(view->dir, move->id, &n);
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(array, stamp_json(view, facts, move,
                                                &stamps[i]));
    }
    return array;
}

/* The stream tells what changed and who was refused; not each answer, nor
 * each frame that taught nothing. */
static bool
note_is_shown(const struct nva_note *note)
{
    switch (note->type) {
    case NVA_NOTE_ANSWERED: case NVA_NOTE_FLOODED: case NVA_NOTE_REFRESHED:
    case NVA_NOTE_PULLED:
        return false;
    case NVA_NOTE_DROPPED:
        return note->reason == NVA_R_SPOOFED
               || note->reason == NVA_R_STRICT_BINDING
               || note->reason == NVA_R_TAGGED
               || note->reason == NVA_R_RESERVED_GROUP
               || note->reason == NVA_R_BAD_MAC
               || note->reason == NVA_R_ND_FRAGMENT
               || note->reason == NVA_R_HEADER_CHAIN
               || note->reason == NVA_R_NOT_ROUTER
               || note->reason == NVA_R_NOT_DHCP_SERVER
               || note->reason == NVA_R_STICKY
               || note->reason == NVA_R_PLACEMENT
               || note->reason == NVA_R_LEARN_LIMIT
               || note->reason == NVA_R_VN_LEARN_LIMIT;
    case NVA_NOTE_PROBE:        /* Routine has a note only if it finds. */
        return (strcmp(note->what, nva_probe_why_word(NVA_PROBE_AGE))
                && strcmp(note->what, nva_probe_why_word(NVA_PROBE_SCAN)));
    case NVA_NOTE_LEARNED: case NVA_NOTE_CONFIGURED: case NVA_NOTE_MOVE:
    case NVA_NOTE_VM: case NVA_NOTE_LATE: case NVA_NOTE_NVE:
    case NVA_NOTE_DUPLICATE: case NVA_NOTE_FROZEN: case NVA_NOTE_WITHDRAWN:
    case NVA_NOTE_SILENT:
    case NVA_NOTE_THAWED: case NVA_NOTE_DRAIN: case NVA_NOTE_DETOUR:
    case NVA_NOTE_AUDIT: case NVA_NOTE_EVICTED: case NVA_NOTE_FAULT:
    case NVA_N_NOTES:
        return true;
    }
    return true;
}
