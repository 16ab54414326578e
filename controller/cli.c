/* SPDX-License-Identifier: Apache-2.0 */

/* unixctl commands: the truth as text.
 *
 * Knows the directory and how people like to read it.  Must never change
 * anything.  Invariant: what is shown is what the directory and flow_prog say
 * now, nothing is remembered here. */

#include <config.h>

#include "cli.h"

#include <inttypes.h>
#include <stdlib.h>

#include "binding.h"
#include "converge.h"
#include "directory.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/util.h"
#include "packets.h"
#include "timeval.h"
#include "unixctl.h"
#include "util.h"

struct cli_aux {
    const struct dispatch *d;
    const struct directory *dir;
    struct ds *s;
    nva_usec now;
};

static unixctl_cb_func cli_show_cb, cli_dump_cb, cli_nve_cb, cli_moves_cb,
    cli_move_cb, cli_exit_cb;
static struct cli_aux cli_aux(const struct dispatch *, nva_usec now,
                              struct ds *);
static directory_cb put_vn, put_nve_line, put_vm, put_tsi, put_port, put_vap,
    put_move_line, put_redirect;
static void put_place(const struct cli_aux *, const char *what,
                      const struct nva_place *);
static void put_ip(struct ds *, const struct in6_addr *);
static const char *nve_name(const struct directory *, nva_id);
static void put_stamp(const struct cli_aux *, const struct nva_move *,
                      const struct nva_stamp *);
static void put_blocked_by(const struct cli_aux *, const struct nva_move *);

void
cli_init(struct dispatch *d, bool *exiting)
{
    unixctl_command_register("nva/show", "", 0, 0, cli_show_cb, d);
    unixctl_command_register("directory/dump", "", 0, 0, cli_dump_cb, d);
    unixctl_command_register("nve/show", "[NVE]", 0, 1, cli_nve_cb, d);
    unixctl_command_register("move/list", "", 0, 0, cli_moves_cb, d);
    unixctl_command_register("move/show", "ID", 1, 1, cli_move_cb, d);
    unixctl_command_register("exit", "", 0, 0, cli_exit_cb, exiting);
}

static void
put_unclaimed(uint64_t dpid, const char *peer, uint64_t foreign, void *s)
{
    ds_put_format(s, "unclaimed bridge %016"PRIx64" from %s", dpid, peer);
    if (foreign) {
        ds_put_format(s, ", with %"PRIu64" flows of others", foreign);
    }
    ds_put_char(s, '\n');
}

void
cli_show(const struct dispatch *d, nva_usec now, struct ds *s)
{
    struct cli_aux aux = cli_aux(d, now, s);

    ds_put_format(s, "%zu VNs, %zu NVEs, %zu VMs, %zu moves under way\n",
                  directory_n_vns(aux.dir), directory_n_nves(aux.dir),
                  directory_n_vms(aux.dir),
                  directory_n_moves_active(aux.dir));
    directory_each_vn(aux.dir, put_vn, &aux);
    directory_each_nve(aux.dir, put_nve_line, &aux);
    dispatch_each_unclaimed(d, put_unclaimed, s);
    directory_each_active_move(aux.dir, put_move_line, &aux);
}

void
cli_dump(const struct dispatch *d, nva_usec now, struct ds *s)
{
    struct cli_aux aux = cli_aux(d, now, s);

    directory_each_vn(aux.dir, put_vn, &aux);
    directory_each_nve(aux.dir, put_nve_line, &aux);
    directory_each_vm(aux.dir, put_vm, &aux);
    directory_each_redirect(aux.dir, put_redirect, &aux);
    directory_each_move(aux.dir, put_move_line, &aux);
}

static void
put_quarantined(struct nva_owner owner, enum nva_reason reason, void *s)
{
    ds_put_format(s, "  quarantined: %s %"PRIu64": %s\n",
                  nva_owner_kind_word(owner.kind), owner.id,
                  nva_reason_text(reason));
}

void
cli_nve(const struct dispatch *d, const struct nva_nve *nve, nva_usec now,
        struct ds *s)
{
    struct cli_aux aux = cli_aux(d, now, s);
    const struct flow_prog *prog = dispatch_flow_prog(d, nve->id);

    put_nve_line(nve, &aux);
    directory_each_port(aux.dir, nve->id, put_port, &aux);
    directory_each_vap(aux.dir, nve->id, put_vap, &aux);
    if (prog) {
        flow_prog_each_quarantined(prog, put_quarantined, s);
    }
}

void
cli_moves(const struct dispatch *d, nva_usec now, struct ds *s)
{
    struct cli_aux aux = cli_aux(d, now, s);

    directory_each_move(aux.dir, put_move_line, &aux);
}

void
cli_move(const struct dispatch *d, const struct nva_move *move, nva_usec now,
         struct ds *s)
{
    struct cli_aux aux = cli_aux(d, now, s);
    const struct nva_stamp *stamps;
    size_t n = 0;

    put_move_line(move, &aux);
    for (size_t i = 0; i < move->n_ifs; i++) {
        const struct nva_move_if *mif = &move->ifs[i];
        const struct nva_tsi *tsi = directory_tsi(aux.dir, mif->tsi);

        ds_put_format(s, "  interface %s", tsi ? tsi->name : "(gone)");
        put_place(&aux, "from", &mif->from);
        put_place(&aux, "to", &mif->to);
        ds_put_cstr(s, mif->switched ? " switched\n" : "\n");
    }
    stamps = directory_move_stamps(aux.dir, move->id, &n);
    for (size_t i = 0; i < n; i++) {
        put_stamp(&aux, move, &stamps[i]);
    }
}

/* ## Commands ## */

static void
reply(struct unixctl_conn *conn, struct ds *s)
{
    unixctl_command_reply(conn, ds_cstr(s));
    ds_destroy(s);
}

static void
cli_show_cb(struct unixctl_conn *conn, int argc OVS_UNUSED,
            const char *argv[] OVS_UNUSED, void *d)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    cli_show(d, time_usec(), &s);
    reply(conn, &s);
}

static void
cli_dump_cb(struct unixctl_conn *conn, int argc OVS_UNUSED,
            const char *argv[] OVS_UNUSED, void *d)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    cli_dump(d, time_usec(), &s);
    reply(conn, &s);
}

static bool
put_nve_all(const void *nve, void *aux_)
{
    struct cli_aux *aux = aux_;

    cli_nve(aux->d, nve, aux->now, aux->s);
    return true;
}

static void
cli_nve_cb(struct unixctl_conn *conn, int argc, const char *argv[], void *d)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    struct cli_aux aux = cli_aux(d, time_usec(), &s);
    const struct nva_nve *nve;

    if (argc < 2) {
        directory_each_nve(aux.dir, put_nve_all, &aux);
        reply(conn, &s);
        return;
    }
    nve = directory_nve_by_name(aux.dir, argv[1]);
    if (!nve) {
        unixctl_command_reply_error(conn, "no such NVE");
        return;
    }
    cli_nve(d, nve, aux.now, &s);
    reply(conn, &s);
}

static void
cli_moves_cb(struct unixctl_conn *conn, int argc OVS_UNUSED,
             const char *argv[] OVS_UNUSED, void *d)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    cli_moves(d, time_usec(), &s);
    reply(conn, &s);
}

static void
cli_move_cb(struct unixctl_conn *conn, int argc OVS_UNUSED, const char *argv[],
            void *d)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    struct cli_aux aux = cli_aux(d, time_usec(), &s);
    unsigned long long id = strtoull(argv[1], NULL, 10);
    const struct nva_move *move = directory_move(aux.dir, id);

    if (!move) {
        unixctl_command_reply_error(conn, "no such move");
        return;
    }
    cli_move(d, move, aux.now, &s);
    reply(conn, &s);
}

static void
cli_exit_cb(struct unixctl_conn *conn, int argc OVS_UNUSED,
            const char *argv[] OVS_UNUSED, void *exiting)
{
    *(bool *) exiting = true;
    unixctl_command_reply(conn, NULL);
}

/* ## Lines ## */

static struct cli_aux
cli_aux(const struct dispatch *d, nva_usec now, struct ds *s)
{
    return (struct cli_aux) {
        .d = d, .dir = dispatch_view(d, now).dir, .s = s, .now = now,
    };
}

static bool
put_vn(const void *vn_, void *aux_)
{
    const struct nva_vn *vn = vn_;
    struct cli_aux *aux = aux_;

    ds_put_format(aux->s, "vn %s: vni %"PRIu32", %s, at %zu NVEs\n", vn->name,
                  vn->vni, nva_binding_word(vn->binding),
                  directory_n_nves_of_vn(aux->dir, vn->id));
    return true;
}

static bool
put_nve_line(const void *nve_, void *aux_)
{
    const struct nva_nve *nve = nve_;
    struct cli_aux *aux = aux_;
    size_t owners, dirty, quarantined;

    dispatch_nve_state(aux->d, nve->id, &owners, &dirty, &quarantined);
    ds_put_format(aux->s, "nve %s: dpid %016"PRIx64", tunnel ", nve->name,
                  nve->dpid);
    put_ip(aux->s, &nve->tunnel_ip);
    ds_put_format(aux->s, "%s, %s, %zu owners, %zu due",
                  nve->tunnel_ip_guessed ? " (guessed)" : "",
                  nve->connected ? "connected" : "not connected", owners,
                  dirty);
    if (quarantined) {
        ds_put_format(aux->s, ", %zu QUARANTINED", quarantined);
    }
    ds_put_char(aux->s, '\n');
    return true;
}

static bool
put_port(const void *port_, void *aux_)
{
    const struct nva_port *port = port_;
    struct cli_aux *aux = aux_;

    ds_put_format(aux->s, "  port %s: number %"PRIu32"\n", port->name,
                  port->ofport);
    return true;
}

static bool
put_vap(const void *vap_, void *aux_)
{
    const struct nva_vap *vap = vap_;
    struct cli_aux *aux = aux_;
    const struct nva_vn *vn = directory_vn(aux->dir, vap->vn);

    if (binding_is_nameless(vap)) {
        return true;
    }
    ds_put_format(aux->s, "  %s bound to %s", vap->port, vn ? vn->name : "?");
    if (vap->has_mac) {
        ds_put_format(aux->s, " for "ETH_ADDR_FMT, ETH_ADDR_ARGS(vap->mac));
    }
    ds_put_cstr(aux->s, vap->implied ? " (implied)\n" : "\n");
    return true;
}

static bool
put_vm(const void *vm_, void *aux_)
{
    const struct nva_vm *vm = vm_;
    struct cli_aux *aux = aux_;

    ds_put_format(aux->s, "vm %s: %s, %s", vm->name,
                  nva_vm_state_word(vm->state), nva_origin_word(vm->origin));
    if (vm->move != NVA_ID_NONE) {
        ds_put_format(aux->s, ", move %"PRIu64, vm->move);
    }
    ds_put_char(aux->s, '\n');
    directory_each_tsi_of_vm(aux->dir, vm->id, put_tsi, aux);
    return true;
}

static bool
put_tsi(const void *tsi_, void *aux_)
{
    const struct nva_tsi *tsi = tsi_;
    struct cli_aux *aux = aux_;
    const struct nva_vn *vn = directory_vn(aux->dir, tsi->vn);

    ds_put_format(aux->s, "  interface %s: %s "ETH_ADDR_FMT, tsi->name,
                  vn ? vn->name : "?", ETH_ADDR_ARGS(tsi->mac));
    for (size_t i = 0; i < tsi->n_ips; i++) {
        ds_put_char(aux->s, ' ');
        put_ip(aux->s, &tsi->ips[i]);
    }
    put_place(aux, "at", &tsi->current);
    if (!nva_place_equal(&tsi->current, &tsi->published)) {
        put_place(aux, "published", &tsi->published);
    }
    put_place(aux, tsi->paused ? "paused for" : "prepared", &tsi->prepared);
    ds_put_char(aux->s, '\n');
    return true;
}

static bool
put_redirect(const void *redirect_, void *aux_)
{
    const struct nva_redirect *r = redirect_;
    struct cli_aux *aux = aux_;
    const struct nva_tsi *tsi = directory_tsi(aux->dir, r->tsi);
    const struct nva_vm *vm = tsi ? directory_vm(aux->dir, tsi->vm) : NULL;

    ds_put_format(aux->s, "redirect %"PRIu64": %s %s at %s to %s, %.1f s left"
                  "\n", r->id, vm ? vm->name : "?", tsi ? tsi->name : "?",
                  nve_name(aux->dir, r->at), nve_name(aux->dir, r->to),
                  (r->until - aux->now) / 1e6);
    return true;
}

static bool
put_move_line(const void *move_, void *aux_)
{
    const struct nva_move *move = move_;
    struct cli_aux *aux = aux_;

    ds_put_format(aux->s, "move %"PRIu64": vm %s to %s, %s, %s, %s",
                  move->id, move->vm_name, nve_name(aux->dir, move->to_nve),
                  nva_move_kind_word(move->kind),
                  nva_move_cause_word(move->cause),
                  nva_move_state_word(move->state));
    if (move->end_reason) {
        ds_put_format(aux->s, " (%s)", nva_reason_text(move->end_reason));
    }
    if (move->ready) {
        ds_put_cstr(aux->s, ", ready");
    }
    put_blocked_by(aux, move);
    ds_put_char(aux->s, '\n');
    return true;
}

static void
put_blocked_by(const struct cli_aux *aux, const struct nva_move *move)
{
    const struct nva_view view = dispatch_view(aux->d, aux->now);
    const char *why = NULL;
    nva_id nves[16];
    size_t n;

    if (move->ended) {
        return;
    }
    n = converge_blocked_by(&view, move, nves, ARRAY_SIZE(nves), &why);
    if (!why) {
        return;
    }
    ds_put_format(aux->s, ", waits: %s", why);
    for (size_t i = 0; i < MIN(n, ARRAY_SIZE(nves)); i++) {
        ds_put_format(aux->s, " %s", nve_name(aux->dir, nves[i]));
    }
}

static void
put_stamp(const struct cli_aux *aux, const struct nva_move *move,
          const struct nva_stamp *stamp)
{
    ds_put_format(aux->s, "  %+12.3f ms  %s",
                  (stamp->when - move->started) / 1e3,
                  nva_stamp_word(stamp->kind));
    if (stamp->nve != NVA_ID_NONE) {
        ds_put_format(aux->s, " %s", nve_name(aux->dir, stamp->nve));
    }
    if (stamp->reason) {
        ds_put_format(aux->s, ": %s", nva_reason_text(stamp->reason));
    }
    if (stamp->count) {
        ds_put_format(aux->s, stamp->kind == NVA_STAMP_REFRESHED
                      ? ", %"PRIu64" times" : ", about %"PRIu64" packets",
                      stamp->count);
    }
    ds_put_char(aux->s, '\n');
}

static void
put_place(const struct cli_aux *aux, const char *what,
          const struct nva_place *place)
{
    if (nva_place_is_set(place)) {
        ds_put_format(aux->s, " %s %s:%s", what,
                      nve_name(aux->dir, place->nve),
                      place->port[0] ? place->port : "(no port yet)");
    }
}

static void
put_ip(struct ds *s, const struct in6_addr *ip)
{
    char buf[INET6_ADDRSTRLEN];

    ds_put_cstr(s, IN6_IS_ADDR_UNSPECIFIED(ip) ? "unknown"
                : nva_ip_format(ip, buf, sizeof buf));
}

static const char *
nve_name(const struct directory *dir, nva_id id)
{
    const struct nva_nve *nve = directory_nve(dir, id);

    return nve ? nve->name : "(gone)";
}
