/* SPDX-License-Identifier: Apache-2.0 */

/* Faults as findings: what each is about, what either side says, what to do.
 *
 * Knows names and words.  Must never change a fault, but for the port that it
 * may mean.  Invariant: a text names the object, the value that is wrong and
 * the command that mends it. */

#include <config.h>

#include "fault.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault-private.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "util.h"

/* "NVE port": the two names and what is between them. */
#define PLACE_TEXT_MAX (NVA_NAME_MAX + NVA_PORT_NAME_MAX + 1)
#define AGE_TEXT_MAX 32

static void say(char *buf, size_t size, const char *format, ...)
    OVS_PRINTF_FORMAT(3, 4);

typedef void describe_fn(const struct faults *, const struct nva_view *,
                         const struct fault *, struct nva_finding *);
static describe_fn describe_silent, describe_unstable, describe_tunnel_port;
static describe_fn describe_tunnel_ip, describe_port, describe_drop;
static describe_fn describe_flows, describe_unbound;

static describe_fn *const describers[NVA_N_AUDIT_KINDS] = {
    [NVA_AUDIT_NVE_SILENT] = describe_silent,
    [NVA_AUDIT_NVE_ABSENT] = describe_silent,
    [NVA_AUDIT_NVE_UNSTABLE] = describe_unstable,
    [NVA_AUDIT_TUNNEL_PORT_ABSENT] = describe_tunnel_port,
    [NVA_AUDIT_TUNNEL_IP_ABSENT] = describe_tunnel_ip,
    [NVA_AUDIT_TUNNEL_IP_TWICE] = describe_tunnel_ip,
    [NVA_AUDIT_FLOWS_UNKNOWN] = describe_flows,
    [NVA_AUDIT_FLOWS_REMOVED] = describe_flows,
    [NVA_AUDIT_PORT_ABSENT] = describe_port,
    [NVA_AUDIT_PORT_UNCLAIMED] = describe_unbound,
    [NVA_AUDIT_FRAMES_DROPPED] = describe_drop,
};

void
fault_describe(const struct faults *f, const struct nva_view *v,
               const struct fault *fault, struct nva_finding *out)
{
    const struct nva_nve *nve = directory_nve(v->dir, fault->key.nve);

    memset(out, 0, sizeof *out);
    out->kind = fault->key.kind;
    out->nve = fault->key.nve;
    out->count = fault->count;
    out->since = fault->since;
    out->last = fault->last;
    if (nve) {
        say(out->object, sizeof out->object, "nve %s%s%s", nve->name,
                 fault->key.port[0] ? ": port " : "", fault->key.port);
    }
    if (describers[fault->key.kind]) {
        describers[fault->key.kind](f, v, fault, out);
    }
    if (fault->object) {
        ovs_strlcpy(out->object, fault->object, sizeof out->object);
    }
}

/* Cut where it is too long for 'buf'. */
static void
say(char *buf, size_t size, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(buf, size, format, args);
    va_end(args);
}

/* "35 s", "12 min", "3 h", "2 d". */
static const char *
age_text(const struct nva_view *v, nva_usec since, char buf[AGE_TEXT_MAX])
{
    static const struct {
        unsigned secs;
        const char *unit;
    } units[] = {
        { 2 * 86400, "d" }, { 2 * 3600, "h" }, { 2 * 60, "min" }, { 0, "s" },
    };
    const uint64_t secs = v->now > since ? (v->now - since) / NVA_SEC : 0;
    size_t i = 0;

    while (secs < units[i].secs) {
        i++;
    }
    snprintf(buf, AGE_TEXT_MAX, "%"PRIu64" %s",
             units[i].secs ? secs / (units[i].secs / 2) : secs,
             units[i].unit);
    return buf;
}

static const char *
place_text(const struct nva_view *v, const struct nva_place *place,
           char buf[PLACE_TEXT_MAX])
{
    const struct nva_nve *nve = directory_nve(v->dir, place->nve);

    snprintf(buf, PLACE_TEXT_MAX, "%s %s", nve ? nve->name : "?",
             place->port);
    return buf;
}

/* ## NVEs ## */

static void
describe_silent(const struct faults *f, const struct nva_view *v,
                const struct fault *fault, struct nva_finding *out)
{
    const struct fault_nve *own = fault_nve_find(f, fault->key.nve);
    const struct nva_nve *nve = directory_nve(v->dir, fault->key.nve);
    const size_t n = directory_n_places(v->dir, fault->key.nve);
    char age[AGE_TEXT_MAX];

    if (!nve || !own) {
        return;
    }
    say(out->directory, sizeof out->directory,
             "dpid %016"PRIx64", %"PRIuSIZE" interface%s there", nve->dpid, n,
             n == 1 ? "" : "s");
    if (own->held_back) {
        say(out->other, sizeof out->other, "connected, and not used: %s",
                 nva_reason_text(own->held_back));
        say(out->advice, sizeof out->advice, "nvactl nve set %s --adopt "
                 "deletes those flows; else give it a bridge of its own",
                 nve->name);
        return;
    }
    say(out->other, sizeof out->other, "%s for %s",
             own->ever ? "not connected" : "never connected, added",
             age_text(v, own->since, age));
}

static void
describe_unstable(const struct faults *f OVS_UNUSED, const struct nva_view *v,
                  const struct fault *fault, struct nva_finding *out)
{
    char age[AGE_TEXT_MAX];

    say(out->other, sizeof out->other, "%"PRIu64" sessions so far, the "
             "last one began %s ago", fault->count,
             age_text(v, fault->last, age));
}

static void
describe_tunnel_port(const struct faults *f OVS_UNUSED,
                     const struct nva_view *v, const struct fault *fault,
                     struct nva_finding *out)
{
    const struct nva_nve *nve = directory_nve(v->dir, fault->key.nve);

    if (nve && nve->tunnel_port[0]) {
        say(out->directory, sizeof out->directory,
                 "its tunnel port is %s", nve->tunnel_port);
        say(out->other, sizeof out->other, "no such port");
    } else {
        say(out->directory, sizeof out->directory,
                 "its tunnel port's name begins with vx");
        say(out->other, sizeof out->other, "no port named so");
    }
}

static void
describe_tunnel_ip(const struct faults *f, const struct nva_view *v,
                   const struct fault *fault, struct nva_finding *out)
{
    const struct nva_nve *nve = directory_nve(v->dir, fault->key.nve);
    const struct fault_nve *own = fault_nve_find(f, fault->key.nve);
    const struct fault_nve *rival = own ? fault_nve_rival(f, own) : NULL;
    const struct nva_nve *other = rival ? directory_nve(v->dir, rival->id)
                                        : NULL;
    char ip[INET6_ADDRSTRLEN];

    if (!nve) {
        return;
    }
    if (!ipv6_addr_is_set(&nve->tunnel_ip)) {
        say(out->other, sizeof out->other, "no tunnel address is given, "
                 "and its session has none to guess from");
        return;
    }
    say(out->directory, sizeof out->directory, "its tunnel address is "
             "%s%s", nva_ip_format(&nve->tunnel_ip, ip, sizeof ip),
             nve->tunnel_ip_guessed ? ", guessed from its session" : "");
    say(out->other, sizeof out->other, "nve %s has it, too",
             other ? other->name : "?");
}

static void
describe_flows(const struct faults *f OVS_UNUSED,
               const struct nva_view *v OVS_UNUSED,
               const struct fault *fault, struct nva_finding *out)
{
    const char *plural = fault->count == 1 ? "" : "s";

    if (fault->key.kind == NVA_AUDIT_FLOWS_REMOVED) {
        say(out->other, sizeof out->other, "came with %"PRIu64" flow%s of VMs "
            "that are not in the directory: deleted", fault->count, plural);
        return;
    }
    say(out->object, sizeof out->object, "bridge %016"PRIx64,
        fault->key.dpid);
    say(out->directory, sizeof out->directory, "no such NVE");
    say(out->other, sizeof out->other, "%"PRIu64" flow%s of an nvad, by which "
        "it forwards as it was told before", fault->count, plural);
}

/* ## Interfaces ## */

/* Not tolower(): names are what the switch says, in no language. */
static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static bool
is_equal(const char *a, const char *b)
{
    while (*a && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return !*a && !*b;
}

/* Equal but for case, or for one character that is another, missing, too
 * much, or exchanged with its neighbour. */
static bool
is_alike(const char *a, const char *b)
{
    while (*a && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    if (!*a && !*b) {
        return true;
    }
    return ((*a && *b && is_equal(a + 1, b + 1))
            || (*a && is_equal(a + 1, b)) || (*b && is_equal(a, b + 1))
            || (*a && *b && a[1] && b[1] && a[0] == b[1] && a[1] == b[0]
                && is_equal(a + 2, b + 2)));
}

static bool
alike_cb(const void *port_, void *fault_)
{
    const struct nva_port *port = port_;
    struct fault *fault = fault_;

    if (is_alike(port->name, fault->at.port)) {
        ovs_strlcpy(fault->alike, port->name, sizeof fault->alike);
        return false;
    }
    return true;
}

void
fault_find_alike(const struct nva_view *v, struct fault *fault)
{
    const struct nva_tsi *tsi = directory_tsi(v->dir, fault->key.tsi);

    fault->alike[0] = '\0';
    if (tsi) {
        fault->at = tsi->current;
        directory_each_port(v->dir, tsi->current.nve, alike_cb, fault);
    }
}

static void
describe_port(const struct faults *f OVS_UNUSED, const struct nva_view *v,
              const struct fault *fault, struct nva_finding *out)
{
    const struct nva_tsi *tsi = directory_tsi(v->dir, fault->key.tsi);
    const struct nva_nve *nve = tsi ? directory_nve(v->dir, tsi->current.nve)
                                    : NULL;
    const struct nva_vm *vm = tsi ? directory_vm(v->dir, tsi->vm) : NULL;
    const bool is_hint = fault->alike[0] != '\0';
    char place[PLACE_TEXT_MAX];

    if (!nve || !vm) {
        return;
    }
    nva_finding_name_tsi(out, v, tsi);
    out->nve = nve->id;
    ovs_strlcpy(out->directory, place_text(v, &tsi->current, place),
                sizeof out->directory);
    say(out->other, sizeof out->other, "no such port%s%s",
             is_hint ? ", but there is " : "", fault->alike);
    say(out->advice, sizeof out->advice, "nvactl vm set %s --nve %s "
             "--port %s, or add the port to its bridge", vm->name, nve->name,
             is_hint ? fault->alike : "PORT");
}

static void
describe_unbound(const struct faults *f OVS_UNUSED, const struct nva_view *v,
                 const struct fault *fault, struct nva_finding *out)
{
    const struct nva_nve *nve = directory_nve(v->dir, fault->key.nve);
    const char *name = nve ? nve->name : "?";
    char age[AGE_TEXT_MAX];

    say(out->directory, sizeof out->directory, "in no network");
    say(out->other, sizeof out->other, "%"PRIu64" frame%s from "ETH_ADDR_FMT
        " dropped there%s, the last one %s ago", fault->count,
        fault->count == 1 ? "" : "s", ETH_ADDR_ARGS(fault->mac),
        fault->more ? " and at others" : "", age_text(v, fault->last, age));
    say(out->advice, sizeof out->advice, "nvactl port add %s %s --vn VN; in a "
        "strict network nvactl vm set VM --nve %s --port %s", name,
        fault->key.port, name, fault->key.port);
}

/* ## Frames ## */

static void
put_ips(const struct nva_tsi *tsi, const char *before, char *buf, size_t size)
{
    char ip[INET6_ADDRSTRLEN];
    size_t used = strlen(buf);

    for (size_t i = 0; i < tsi->n_ips && used < size; i++) {
        used += snprintf(buf + used, size - used, "%s%s", before,
                         nva_ip_format(&tsi->ips[i], ip, sizeof ip));
    }
}

/* "nvactl vm set web --ip OLD --ip NEW, or ...". */
static void
advise_address(const struct nva_view *v, const struct nva_tsi *tsi,
               const struct nva_vn *vn, const struct fault *fault,
               struct nva_finding *out)
{
    const struct nva_tsi *owner = directory_tsi_by_ip(v->dir, tsi->vn,
                                                      &fault->key.ip);
    const struct nva_vm *of = owner ? directory_vm(v->dir, owner->vm) : NULL;
    const struct nva_vm *vm = directory_vm(v->dir, tsi->vm);
    char ip[INET6_ADDRSTRLEN];

    nva_ip_format(&fault->key.ip, ip, sizeof ip);
    if (of && owner != tsi) {
        say(out->advice, sizeof out->advice, "%s is that of vm %.80s: "
                 "give one of the two another address", ip, of->name);
        return;
    }
    say(out->advice, sizeof out->advice, "nvactl vn set %s --binding "
             "learn, or nvactl vm set %s --ip %s", vn->name,
             vm ? vm->name : "?", ip);
    put_ips(tsi, " --ip ", out->advice, sizeof out->advice);
}

static void
advise_place(const struct nva_view *v, const struct nva_vn *vn,
             const struct fault *fault, struct nva_finding *out)
{
    const struct nva_vm *vm = directory_vm(v->dir, out->vm);
    struct ds s = DS_EMPTY_INITIALIZER;
    char place[PLACE_TEXT_MAX], *port;

    place_text(v, &fault->at, place);
    port = strchr(place, ' ');
    *port++ = '\0';
    if (vm) {
        ds_put_format(&s, "nvactl vm set %s", vm->name);
    } else {
        ds_put_format(&s, "nvactl vm add NAME --vn %s --mac "ETH_ADDR_FMT,
                      vn->name, ETH_ADDR_ARGS(fault->mac));
    }
    ds_put_format(&s, " --nve %s --port %s, or nvactl vn set %s --binding "
                  "learn", place, port, vn->name);
    ovs_strlcpy(out->advice, ds_cstr(&s), sizeof out->advice);
    ds_destroy(&s);
}

/* "nvactl vm set gw --role router --role dhcp_server". */
static void
advise_role(const struct nva_view *v, const struct nva_tsi *tsi,
            enum nva_role role, struct nva_finding *out)
{
    const struct nva_vm *vm = directory_vm(v->dir, tsi->vm);
    struct ds s = DS_EMPTY_INITIALIZER;

    ds_put_format(&s, "nvactl vm set %s", vm ? vm->name : "?");
    for (enum nva_role r = 0; r < NVA_N_ROLES; r++) {
        if (r == role || tsi->roles & 1u << r) {
            ds_put_format(&s, " --role %s", nva_role_word(r));
        }
    }
    ds_put_cstr(&s, ", if that is its business");
    ovs_strlcpy(out->advice, ds_cstr(&s), sizeof out->advice);
    ds_destroy(&s);
}

static void
advise(const struct nva_view *v, const struct nva_tsi *tsi,
       const struct fault *fault, struct nva_finding *out)
{
    const struct nva_vn *vn = directory_vn(v->dir, out->vn);

    if (!vn) {
        return;
    }
    if (fault->key.reason == NVA_R_STRICT_BINDING) {
        advise_place(v, vn, fault, out);
    } else if (fault->key.reason == NVA_R_SPOOFED && tsi) {
        advise_address(v, tsi, vn, fault, out);
    } else if (fault->key.reason == NVA_R_NOT_ROUTER && tsi) {
        advise_role(v, tsi, NVA_ROLE_ROUTER, out);
    } else if (fault->key.reason == NVA_R_NOT_DHCP_SERVER && tsi) {
        advise_role(v, tsi, NVA_ROLE_DHCP_SERVER, out);
    } else if (fault->key.reason == NVA_R_TAGGED) {
        say(out->advice, sizeof out->advice, "send without a VLAN tag: a "
            "network is what a VLAN was");
    } else if (fault->key.reason == NVA_R_VN_LEARN_LIMIT) {
        say(out->advice, sizeof out->advice, "nvactl vn set %s "
                 "--max-learned, or nvactl vm add for hosts that are known",
                 vn->name);
    }
}

static const char *
why_text(const struct nva_view *v, const struct nva_tsi *tsi,
         const struct fault *fault)
{
    const struct nva_tsi *owner
        = tsi ? directory_tsi_by_ip(v->dir, tsi->vn, &fault->key.ip) : NULL;

    return (fault->key.reason == NVA_R_SPOOFED && tsi
            && (!owner || owner == tsi)
            ? "the address is none of its own"
            : nva_reason_text(fault->key.reason));
}

static void
describe_drop(const struct faults *f OVS_UNUSED, const struct nva_view *v,
              const struct fault *fault, struct nva_finding *out)
{
    const struct nva_tsi *tsi = directory_tsi(v->dir, fault->key.tsi);
    const struct nva_vap *vap = directory_vap(v->dir, fault->key.vap);
    const struct nva_nve *nve = vap ? directory_nve(v->dir, vap->nve) : NULL;
    char place[PLACE_TEXT_MAX], age[AGE_TEXT_MAX], from[INET6_ADDRSTRLEN];

    if (tsi) {
        nva_finding_name_tsi(out, v, tsi);
        ovs_strlcpy(out->directory, tsi->n_ips ? "its addresses:"
                    : "it has no address", sizeof out->directory);
        put_ips(tsi, " ", out->directory, sizeof out->directory);
    } else if (nve) {
        out->vn = vap->vn;
        say(out->object, sizeof out->object, "nve %s: port %s",
                 nve->name, vap->port);
    }
    out->nve = fault->at.nve;
    if (ipv6_addr_is_set(&fault->key.ip)) {
        nva_ip_format(&fault->key.ip, from, sizeof from);
    } else {
        snprintf(from, sizeof from, ETH_ADDR_FMT, ETH_ADDR_ARGS(fault->mac));
    }
    say(out->other, sizeof out->other, "%"PRIu64" frame%s from %s%s "
             "dropped at %s, the last one %s ago: %s", fault->count,
             fault->count == 1 ? "" : "s", from,
             fault->more ? " and others" : "",
             place_text(v, &fault->at, place), age_text(v, fault->last, age),
             why_text(v, tsi, fault));
    advise(v, tsi, fault, out);
}
