/* SPDX-License-Identifier: Apache-2.0 */

/* What a refusal says beyond its reason: who has what the caller wants.
 *
 * Knows the names of objects.  Must never know why something is refused: its
 * callers do.  Invariant: it changes the plan's sentence and nothing else. */

#include <config.h>

#include "explain.h"

#include <inttypes.h>

#include "move-fsm.h"
#include "packets.h"
#include "util.h"

enum nva_reason
explain_absent(struct nva_plan *plan, const char *kind, const char *name)
{
    nva_plan_explain(plan, "there is no %s called \"%s\"", kind, name);
    return NVA_R_NOT_FOUND;
}

enum nva_reason
explain_holder(const struct nva_view *v, struct nva_plan *plan,
               enum nva_reason reason, const char *what,
               const struct nva_tsi *holder)
{
    const struct nva_vm *vm = directory_vm(v->dir, holder->vm);
    const struct nva_nve *nve = directory_nve(v->dir, holder->current.nve);

    nva_plan_explain(plan, "interface %s of VM %s has %s in network "
                     "%s%s%s%s%s", holder->name, vm->name, what,
                     directory_vn(v->dir, holder->vn)->name,
                     nve ? ", at " : "", nve ? nve->name : "",
                     nve ? " " : "", nve ? holder->current.port : "");
    return reason;
}

enum nva_reason
explain_mac(const struct nva_view *v, struct nva_plan *plan,
            enum nva_reason reason, struct eth_addr mac,
            const struct nva_tsi *holder)
{
    char what[32];

    snprintf(what, sizeof what, ETH_ADDR_FMT, ETH_ADDR_ARGS(mac));
    return explain_holder(v, plan, reason, what, holder);
}

enum nva_reason
explain_ip(const struct nva_view *v, struct nva_plan *plan,
           enum nva_reason reason, const struct in6_addr *ip,
           const struct nva_tsi *holder)
{
    char what[INET6_ADDRSTRLEN];

    return explain_holder(v, plan, reason,
                          nva_ip_format(ip, what, sizeof what), holder);
}

enum nva_reason
explain_vap(const struct nva_view *v, struct nva_plan *plan,
            const struct nva_vap *vap)
{
    nva_plan_explain(plan, "port %s of %s is bound to network %s%s",
                     vap->port, directory_nve(v->dir, vap->nve)->name,
                     directory_vn(v->dir, vap->vn)->name,
                     vap->implied ? ", by a VM or a redirect there" : "");
    return NVA_R_PORT_TAKEN;
}

enum nva_reason
explain_used_by_tsi(const struct nva_view *v, struct nva_plan *plan,
                    const struct nva_tsi *tsi)
{
    nva_plan_explain(plan, "interface %s of VM %s is, or may come, there",
                     tsi->name, directory_vm(v->dir, tsi->vm)->name);
    return NVA_R_IN_USE;
}

enum nva_reason
explain_used_by_vap(const struct nva_view *v, struct nva_plan *plan,
                    const struct nva_vap *vap)
{
    explain_vap(v, plan, vap);
    return NVA_R_IN_USE;
}

enum nva_reason
explain_move(const struct nva_view *v, struct nva_plan *plan,
             const struct nva_move *move)
{
    const struct nva_nve *to = directory_nve(v->dir, move->to_nve);

    if (move_fsm_is_ended(move->state)) {
        nva_plan_explain(plan, "move %"PRIu64" to %s was %s and is being "
                         "taken back: try again", move->id,
                         to ? to->name : "-",
                         nva_move_state_word(move->state));
    } else {
        nva_plan_explain(plan, "move %"PRIu64" to %s is %s: %s ends it",
                         move->id, to ? to->name : "-",
                         nva_move_state_word(move->state),
                         move_fsm_has_switched(move->state)
                         ? "the switches' confirmation"
                         : "activate or abort");
    }
    return NVA_R_MOVE_IN_PROGRESS;
}

enum nva_reason
explain_not_ready(const struct nva_view *v, struct nva_plan *plan,
                  const struct nva_move *move, bool must_exist)
{
    const struct nva_nve *to = directory_nve(v->dir, move->to_nve);

    for (size_t i = 0; i < move->n_ifs; i++) {
        const struct nva_tsi *t = directory_tsi(v->dir, move->ifs[i].tsi);
        const char *port = move->ifs[i].to.port;

        if (!port[0]) {
            nva_plan_explain(plan, "no port is named for interface %s at %s: "
                             "start the move again with it", t->name,
                             to->name);
            return NVA_R_NOT_READY;
        } else if (must_exist && !directory_port(v->dir, to->id, port)) {
            nva_plan_explain(plan, "port %s of %s, for interface %s, is "
                             "absent", port, to->name, t->name);
            return NVA_R_NOT_READY;
        }
    }
    nva_plan_explain(plan, "%s %s", to->name, to->connected
                     ? "has not confirmed its flows yet"
                     : "is not connected");
    return NVA_R_NOT_READY;
}

enum nva_reason
explain_limit(struct nva_plan *plan, const char *what, size_t n)
{
    nva_plan_explain(plan, "at most %"PRIuSIZE" %s", n, what);
    return NVA_R_LIMIT;
}

enum nva_reason
explain_room(struct nva_plan *plan)
{
    nva_plan_explain(plan, "at most %d ports of an NVE are bound, %d to the "
                     "same network, and a network is at most at %d NVEs",
                     NVA_VAPS_PER_NVE_MAX, NVA_VAPS_PER_VN_AT_NVE_MAX,
                     NVA_NVES_PER_VN_MAX);
    return NVA_R_LIMIT;
}

enum nva_reason
explain_name(struct nva_plan *plan, size_t size)
{
    nva_plan_explain(plan, "1 to %"PRIuSIZE" of the characters A-Z a-z 0-9 "
                     ". _ : / -", size - 1);
    return NVA_R_BAD_NAME;
}

enum nva_reason
explain_range(struct nva_plan *plan, uint32_t low, uint32_t high, bool zero)
{
    nva_plan_explain(plan, "%s%"PRIu32" to %"PRIu32, zero ? "0, or " : "",
                     low, high);
    return NVA_R_BAD_VALUE;
}
