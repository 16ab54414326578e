/* SPDX-License-Identifier: Apache-2.0 */

/* Who may teach us how much.  Knows the directory and one frame; changes
 * nothing and must never know what a move does with what is admitted.
 * Invariant: a probe is never evidence (RFC 5227, H1), an address that VM
 * management gave to another interface of the VN is never taken over by a
 * frame (draft-ietf-nvo3-vmm-15 s10, D15) unless its VN shares it, and nothing
 * is ever looked up in another VN. */

#include <config.h>

#include "admission.h"

#include "converge.h"
#include "learned.h"
#include "packets.h"
#include "placement.h"
#include "redirect.h"
#include "util.h"

static enum nva_reason check_claim(const struct directory *,
                                   const struct nva_vn *,
                                   const struct nva_tsi *,
                                   const struct nva_frame *);
static bool may_make(struct eth_addr, const struct in6_addr *);
static bool is_beyond_question(const struct directory *,
                               const struct nva_vn *, const struct nva_tsi *,
                               const struct in6_addr *);
static bool is_foreign_source(const struct nva_vn *, const struct nva_tsi *,
                              const struct nva_frame *);
static enum nva_reason check_new(const struct nva_view *,
                                 const struct nva_vap *, struct eth_addr);
static directory_cb any_cb;
static enum nva_reason check_nested(const struct nva_view *,
                                    const struct nva_tsi *,
                                    const struct nva_vap *,
                                    const struct nva_frame *,
                                    enum nva_admit *);
static const struct nva_tsi *speaker(const struct directory *,
                                     const struct nva_vap *, struct eth_addr);
static bool is_expected_at(const struct nva_view *, const struct nva_tsi *,
                           const struct nva_vap *);
static const struct nva_move *move_of(const struct nva_view *,
                                      const struct nva_tsi *);
static enum nva_reason check_elsewhere(const struct nva_view *,
                                       const struct nva_tsi *,
                                       const struct nva_vap *,
                                       const struct nva_frame *,
                                       enum nva_admit *);
static enum nva_reason check_doubt(const struct nva_view *,
                                   const struct nva_tsi *, enum nva_admit *);
static bool may_be_from_before(const struct nva_view *,
                               const struct nva_tsi *,
                               const struct nva_frame *);
static bool is_silent(const struct nva_tsi *);
static bool is_stopping(const struct nva_view *, const struct nva_tsi *);
static const struct nva_move_if *came_from(const struct nva_view *,
                                           const struct nva_tsi *,
                                           const struct nva_vap *);
static bool may_be_under_way(const struct nva_view *,
                             const struct nva_tsi *,
                             const struct nva_move_if *,
                             const struct nva_frame *);
static bool is_late(const struct nva_view *, nva_usec left_at,
                    nva_usec patience, const struct nva_frame *);
static bool has_let_go(const struct nva_view *, const struct nva_move_if *);
static bool place_is_at(const struct nva_place *, const struct nva_vap *);

enum nva_reason
admission_evidence(const struct nva_view *view, const struct nva_event *ev,
                   enum nva_admit *what)
{
    const struct directory *dir = view->dir;
    const struct nva_frame *f = &ev->packet.frame;
    const struct nva_vap *vap = directory_vap(dir, ev->packet.vap);
    const struct nva_vn *vn = vap ? directory_vn(dir, vap->vn) : NULL;
    const struct nva_tsi *tsi;
    enum nva_reason reason;

    if (!vn) {
        return NVA_R_NO_VAP;
    }
    if (!nva_mac_is_host(f->eth_src)) {
        return NVA_R_BAD_MAC;
    }
    if (nva_frame_is_probe(f)) {
        return NVA_R_PROBE;
    }
    tsi = speaker(dir, vap, f->eth_src);
    reason = check_claim(dir, vn, tsi, f);
    if (reason) {
        return reason;
    }
    if (tsi && !eth_addr_equals(tsi->mac, f->eth_src)) {
        return check_nested(view, tsi, vap, f, what);
    }

    if (!tsi) {
        reason = (vn->binding == NVA_BINDING_STRICT ? NVA_R_STRICT_BINDING
                  : check_new(view, vap, f->eth_src));
        *what = reason ? *what : NVA_ADMIT_NEW;
        return reason;
    } else if (place_is_at(&tsi->current, vap)) {
        if (is_stopping(view, tsi)) {
            return NVA_R_UNDER_WAY;
        }
        *what = (is_silent(tsi) ? NVA_ADMIT_ABORT : NVA_ADMIT_REFRESH);
        return NVA_OK;
    } else if (is_expected_at(view, tsi, vap)) {
        if (may_be_from_before(view, tsi, f)) {
            return check_doubt(view, tsi, what);
        }
        *what = NVA_ADMIT_ACTIVATE;
        return NVA_OK;
    } else if (vn->binding == NVA_BINDING_STRICT) {
        return (may_be_under_way(view, tsi, came_from(view, tsi, vap), f)
                ? NVA_R_UNDER_WAY : NVA_R_STRICT_BINDING);
    } else if (!placement_allows(dir, vap->nve, vn)) {
        return NVA_R_PLACEMENT;
    } else if (!nva_place_is_set(&tsi->current)) {
        *what = NVA_ADMIT_PLACE;
        return NVA_OK;
    }
    return check_elsewhere(view, tsi, vap, f, what);
}

/* Not where a move that was taken back still has its flows, unless that was
 * only because its VM still ran. */
static bool
is_expected_at(const struct nva_view *view, const struct nva_tsi *tsi,
               const struct nva_vap *vap)
{
    const struct nva_move *move = move_of(view, tsi);

    return (place_is_at(&tsi->prepared, vap)
            && !(move && move->unwinding && !move->expected_until));
}

/* The move of its VM, or NULL. */
static const struct nva_move *
move_of(const struct nva_view *view, const struct nva_tsi *tsi)
{
    return directory_move(view->dir, directory_vm(view->dir, tsi->vm)->move);
}

/* A VM that is somewhere shows itself elsewhere, where nobody prepared it. */
static enum nva_reason
check_elsewhere(const struct nva_view *view, const struct nva_tsi *tsi,
                const struct nva_vap *vap, const struct nva_frame *f,
                enum nva_admit *what)
{
    const struct nva_move_if *left = came_from(view, tsi, vap);

    if (directory_vm(view->dir, tsi->vm)->sticky) {
        return NVA_R_STICKY;
    } else if (tsi->frozen) {
        return NVA_R_FROZEN;
    } else if (may_be_under_way(view, tsi, left, f)) {
        return check_doubt(view, tsi, what);
    }
    *what = left && !has_let_go(view, left) ? NVA_ADMIT_RETURN
                                            : NVA_ADMIT_MOVE;
    return NVA_OK;
}

/* 'tsi' is to be asked where it is, unless it is being asked already. */
static enum nva_reason
check_doubt(const struct nva_view *view, const struct nva_tsi *tsi,
            enum nva_admit *what)
{
    if (directory_probe_of_tsi(view->dir, tsi->id, NVA_PROBE_PLACE)
        || directory_probe_of_tsi(view->dir, tsi->id, NVA_PROBE_MOVES)) {
        return NVA_R_UNDER_WAY;
    }
    *what = NVA_ADMIT_DOUBT;
    return NVA_OK;
}

/* True if a way back is prepared at the place that the VM has just left, whose
 * switch shows what comes from there from now on. */
static bool
may_be_from_before(const struct nva_view *view, const struct nva_tsi *tsi,
                   const struct nva_frame *f)
{
    const struct nva_move_if *mif = nva_move_if_of(move_of(view, tsi),
                                                   tsi->id);

    return mif && is_late(view, mif->left_at, NVA_DATAPATH_SLOW, f);
}

/* True while a frame that the VM sent before its pause, or before it was off,
 * may still come. */
static bool
is_stopping(const struct nva_view *view, const struct nva_tsi *tsi)
{
    const struct nva_vm *vm = directory_vm(view->dir, tsi->vm);
    const struct nva_move *move = directory_move(view->dir, vm->move);

    if (tsi->stopped) {
        return view->now < vm->since + NVA_STOP_GRACE;
    }
    return is_silent(tsi) && move && converge_is_pausing(view, move);
}

/* True if its VM stands still, or is off: so it sends nothing.  One that was
 * paused early may. */
static bool
is_silent(const struct nva_tsi *tsi)
{
    return (tsi->paused && !tsi->early) || tsi->stopped;
}

/* If the move under way took 'tsi' from 'vap': that part of the move. */
static const struct nva_move_if *
came_from(const struct nva_view *view, const struct nva_tsi *tsi,
          const struct nva_vap *vap)
{
    const struct nva_move_if *mif = nva_move_if_of(move_of(view, tsi),
                                                   tsi->id);

    return mif && mif->switched && place_is_at(&mif->from, vap) ? mif : NULL;
}

/* A switch works on frames and on flow mods in turns: a frame that was sent
 * before the VM left (from where 'left' says, unless null) may come after the
 * flows that say so, for NVA_DATAPATH_SETTLE, and if the switch is kept busy,
 * for longer.  The latter is waited for where VM management made the move: by
 * evidence alone, its frames may show that two announcements came in the wrong
 * order.  An announcement counts all the same: so a VM that comes back at once
 * is followed. */
static bool
may_be_under_way(const struct nva_view *view, const struct nva_tsi *tsi,
                 const struct nva_move_if *left, const struct nva_frame *f)
{
    return (left && is_late(view, left->switched_at,
                            move_of(view, tsi)->cause == NVA_CAUSE_PLANNED
                            ? NVA_DATAPATH_SLOW : NVA_DATAPATH_SETTLE, f));
}

static bool
is_late(const struct nva_view *view, nva_usec left_at, nva_usec patience,
        const struct nva_frame *f)
{
    return (left_at && !nva_frame_is_announcement(f)
            && view->now < left_at + patience);
}

/* True once nothing that was sent at the place the VM left can be on its way:
 * its NVE has confirmed what it was told. */
static bool
has_let_go(const struct nva_view *view, const struct nva_move_if *left)
{
    const struct nva_redirect *r = redirect_at(view->dir, left->tsi,
                                               left->from.nve);
    const struct nva_owner tsi = { NVA_OWNER_TSI, left->tsi };
    const struct nva_owner redirect = { NVA_OWNER_REDIRECT, r ? r->id : 0 };

    return (view->now >= left->switched_at + NVA_DATAPATH_SETTLE
            && nva_confirmed(view, left->from.nve, tsi)
            && (!r || nva_confirmed(view, left->from.nve, redirect)));
}

/* 'tsi' is the sender as far as it is known, or NULL.  Link-local IPv6
 * addresses are made by the guest itself: VM management need not list them,
 * but one that it gave to another interface is that one's. */
static enum nva_reason
check_claim(const struct directory *dir, const struct nva_vn *vn,
            const struct nva_tsi *tsi, const struct nva_frame *f)
{
    const struct nva_tsi *owner;
    struct in6_addr ip;

    if (is_foreign_source(vn, tsi, f)) {
        return NVA_R_SPOOFED;
    }
    if (!nva_frame_claim(f, &ip)) {
        return NVA_OK;
    } else if (!nva_ip_is_host(&ip)) {
        return NVA_R_BAD_IP;
    }
    if (f->kind == NVA_FRAME_NA && f->has_lla
        && !eth_addr_equals(f->lla, f->eth_src)) {
        return NVA_R_SPOOFED;           /* Speaks for another MAC. */
    }
    if (nva_vn_shares(vn, &ip)) {
        return NVA_OK;
    }
    owner = directory_tsi_by_ip(dir, vn->id, &ip);
    if (owner && owner != tsi && is_beyond_question(dir, vn, owner, &ip)) {
        return NVA_R_SPOOFED;
    }
    if (vn->binding == NVA_BINDING_STRICT
        && vn->port_security != NVA_PS_NONE && tsi
        && !nva_ips_have(tsi->ips, tsi->n_ips, &ip)
        && !may_make(f->eth_src, &ip)) {
        return NVA_R_SPOOFED;
    }
    return NVA_OK;
}

/* True for a link-local address that a host with 'mac' may have made: not one
 * that another MAC implies. */
static bool
may_make(struct eth_addr mac, const struct in6_addr *ip)
{
    struct in6_addr implied;

    in6_generate_lla(mac, &implied);
    return (IN6_IS_ADDR_LINKLOCAL(ip)
            && (!nva_ip_is_implied(ip) || ipv6_addr_equals(ip, &implied)));
}

/* True if 'ip' is the owner's by more than its own word.  Else who claims it
 * is heard, though that alone takes nothing: see duplicate.h. */
static bool
is_beyond_question(const struct directory *dir, const struct nva_vn *vn,
                   const struct nva_tsi *owner, const struct in6_addr *ip)
{
    return (vn->binding == NVA_BINDING_STRICT
            || nva_ips_have(owner->ips, owner->n_given, ip)
            || owner->n_allowed     /* A nested guest's: whom to ask? */
            || directory_vm(dir, owner->vm)->sticky);
}

/* Data from an address that is not the sender's, where that matters: flows of
 * its port have refused it.  Zero and link-local addresses are anybody's. */
static bool
is_foreign_source(const struct nva_vn *vn, const struct nva_tsi *tsi,
                  const struct nva_frame *f)
{
    return (vn->binding == NVA_BINDING_STRICT
            && vn->port_security == NVA_PS_FULL && tsi
            && f->kind == NVA_FRAME_OTHER && nva_ip_is_host(&f->ip_src)
            && !IN6_IS_ADDR_LINKLOCAL(&f->ip_src)
            && !nva_vn_shares(vn, &f->ip_src)
            && !nva_ips_have(tsi->ips, tsi->n_ips, &f->ip_src));
}

/* A port that invents MACs must not fill the directory. */
static enum nva_reason
check_new(const struct nva_view *view, const struct nva_vap *vap,
          struct eth_addr mac)
{
    const struct directory *dir = view->dir;
    const struct nva_tsi *victim;
    enum nva_reason reason;
    bool is_kept = false;

    directory_each_tsi_allowing(dir, vap->vn, mac, any_cb, &is_kept);
    if (is_kept) {
        return NVA_R_SPOOFED;           /* For nested guests elsewhere. */
    }

    if (!placement_allows(dir, vap->nve, directory_vn(dir, vap->vn))) {
        return NVA_R_PLACEMENT;
    }
    reason = learned_room(view, vap, &victim);
    return (reason ? reason
            : directory_n_vms(dir) >= NVA_VMS_MAX && !victim ? NVA_R_LIMIT
            : NVA_OK);
}

static bool
any_cb(const void *tsi OVS_UNUSED, void *any)
{
    *(bool *) any = true;
    return false;
}

/* A nested guest's MAC: 'tsi' allows it here, or has it elsewhere.  It goes
 * where it shows itself, if it may be there. */
static enum nva_reason
check_nested(const struct nva_view *view, const struct nva_tsi *tsi,
             const struct nva_vap *vap, const struct nva_frame *f,
             enum nva_admit *what)
{
    const struct nva_tsi *has = directory_tsi_by_mac(view->dir, vap->vn,
                                                     f->eth_src);

    if (is_expected_at(view, tsi, vap)) {
        if (may_be_from_before(view, tsi, f)) {
            return NVA_R_UNDER_WAY;     /* Nobody asks a nested guest. */
        }
        *what = NVA_ADMIT_ACTIVATE;
    } else if (!place_is_at(&tsi->current, vap)) {
        return (came_from(view, tsi, vap) ? NVA_R_UNDER_WAY
                : NVA_R_SPOOFED);
    } else if (is_stopping(view, tsi)) {
        return NVA_R_UNDER_WAY;
    } else if (is_silent(tsi)) {
        *what = NVA_ADMIT_ABORT;
    } else if (has == tsi) {
        *what = NVA_ADMIT_REFRESH;
    } else if (has && view->now < has->nested_since + NVA_NESTED_KEPT) {
        return NVA_R_UNDER_WAY;
    } else {
        *what = NVA_ADMIT_NESTED;
    }
    return NVA_OK;
}

static const struct nva_tsi *
speaker(const struct directory *dir, const struct nva_vap *vap,
        struct eth_addr mac)
{
    const struct nva_place here = nva_vap_place(vap);

    return directory_tsi_speaking(dir, &here, vap->vn, mac);
}

static bool
place_is_at(const struct nva_place *place, const struct nva_vap *vap)
{
    const struct nva_place here = nva_vap_place(vap);

    return nva_place_equal(place, &here);
}
