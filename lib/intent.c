/* SPDX-License-Identifier: Apache-2.0 */

/* Which flows an owner must have at an NVE: a pure function of the directory
 * and the time.  Knows what an interface's places mean for forwarding; must
 * never know what is installed, what was sent, or which move goes on: phases
 * are read from current, published, prepared, paused, held and the redirects
 * alone.
 *
 * Invariant: no flow names a port that the present session does not have, nor
 * a tunnel destination that is not known; owners never share a (table,
 * priority, match).
 *
 * draft vmm-15 s4.2 (D2, D6), s5 (D11), s10 (D15). */

#include "intent.h"

#include <string.h>

#include "bitmap.h"
#include "openvswitch/util.h"
#include "packets.h"
#include "pipeline.h"
#include "pull.h"

struct intent {
    const struct directory *dir;
    const struct nva_nve *nve;
    nva_usec now;
    struct pipeline p;
};

/* A MAC that may send from a place; 'show': the NVA sees what it sends. */
struct sender {
    struct eth_addr mac;
    bool show;
};

/* A place where an interface may send from. */
struct admitted {
    const struct pipeline_tsi *tsi;
    nva_ofport port;
    bool show, full;
};

static void vn_flows(const struct intent *, nva_id vn);
static void flood_flows(const struct intent *, nva_id vn);
static void vap_flows(const struct intent *, nva_id vap);
static void tsi_flows(const struct intent *, nva_id tsi);
static void redirect_flows(const struct intent *, nva_id redirect);
static void address_flows(const struct intent *, nva_id tsi);
static void absent_flows(const struct intent *, nva_id pull);
static void quiet_flows(const struct intent *, nva_id vap);

static directory_cb collect_port;
static directory_cb collect_nve;
static directory_cb left_cb;
static void tsi_reset(const struct intent *, const struct nva_tsi *,
                      const struct pipeline_tsi *);
static void tsi_deliver(const struct intent *, const struct nva_tsi *,
                        const struct pipeline_tsi *);
static void tsi_forward(const struct intent *, const struct nva_tsi *,
                        const struct pipeline_tsi *);
static void tsi_own_port(const struct intent *, const struct nva_tsi *,
                         const struct pipeline_tsi *);
static void tsi_admit(const struct intent *, const struct nva_tsi *,
                      const struct nva_vn *);
static void admit_mac(const struct intent *, const struct nva_tsi *,
                      const struct nva_vn *, const struct nva_place *,
                      struct sender);
static bool is_held_here(const struct nva_tsi *, nva_id nve);
static bool lacks_port_to_hold(const struct intent *, const struct nva_tsi *);
static void admit_addresses(const struct intent *, const struct admitted *,
                            const struct in6_addr *, size_t n);
static void admit_address(const struct intent *, const struct admitted *,
                          const struct in6_addr *);
static bool teaches_by_asking(const struct nva_tsi *, const struct nva_vn *);
static void claim_asking(const struct intent *, const struct nva_tsi *,
                         const struct admitted *);
static bool checks_sources(const struct nva_vn *);
static void claim_flows(const struct intent *, const struct nva_tsi *,
                        const struct nva_vn *);
static void claim_own(const struct intent *, const struct nva_tsi *,
                      const struct nva_vn *, const struct in6_addr *);
static const struct nva_place *place_here(const struct nva_tsi *, nva_id nve);
static const struct nva_place *place_to_send(const struct nva_tsi *,
                                             nva_id nve);
static void tsi_pulled(const struct intent *, const struct nva_tsi *,
                       const struct pipeline_tsi *, uint32_t lifetime);
static uint16_t seconds_left(const struct intent *, nva_usec until);
static nva_ofport ofport_of(const struct intent *, const char *port);
static nva_ofport ofport_to(const struct intent *, const struct nva_tsi *,
                            const struct nva_place *);
static bool can_tunnel_to(const struct intent *, const struct nva_nve *);

void
intent_flows(const struct directory *dir, nva_id nve, struct nva_owner owner,
             nva_usec now, struct flow_set *out)
{
    const struct nva_port *tunnel;
    struct intent in = {
        .dir = dir,
        .nve = directory_nve(dir, nve),
        .now = now,
        .p = { .out = out, .cookie = pipeline_cookie(owner) },
    };

    flow_set_clear(out);
    if (!in.nve) {
        return;
    }
    tunnel = directory_tunnel_port(dir, nve);
    in.p.tunnel = tunnel ? tunnel->ofport : NVA_OFPORT_NONE;

    switch (owner.kind) {
    case NVA_OWNER_BASE:
        if (owner.id == nve) {
            pipeline_base(&in.p);
        }
        break;
    case NVA_OWNER_VN:
        vn_flows(&in, owner.id);
        break;
    case NVA_OWNER_FLOOD:
        flood_flows(&in, owner.id);
        break;
    case NVA_OWNER_VAP:
        vap_flows(&in, owner.id);
        break;
    case NVA_OWNER_TSI:
        tsi_flows(&in, owner.id);
        break;
    case NVA_OWNER_REDIRECT:
        redirect_flows(&in, owner.id);
        break;
    case NVA_OWNER_ADDRESS:
        address_flows(&in, owner.id);
        break;
    case NVA_OWNER_ABSENT:
        absent_flows(&in, owner.id);
        break;
    case NVA_OWNER_QUIET:
        quiet_flows(&in, owner.id);
        break;
    case NVA_OWNER_NONE:
    case NVA_N_OWNER_KINDS:
    default:
        break;
    }
}

/* ## VN ## */

static void
vn_flows(const struct intent *in, nva_id id)
{
    const struct nva_vn *vn = directory_vn(in->dir, id);
    enum pipeline_unknown unknown;

    if (!vn || !directory_nve_serves(in->dir, in->nve->id, id)) {
        return;
    }
    /* What to do with what nobody knows is decided for each miss then. */
    unknown = (vn->pulls ? PIPELINE_PULL
               : vn->unknown_unicast == NVA_UU_QUERY ? PIPELINE_ASK
               : vn->unknown_unicast == NVA_UU_FLOOD ? PIPELINE_FLOOD
               : PIPELINE_DROP);

    if (checks_sources(vn)) {
        pipeline_vn_roles(&in->p, vn->vni);
    }
    pipeline_vn_tunnel(&in->p, vn->vni);
    pipeline_vn_unknown_question(&in->p, vn->vni,
                                 !vn->pulls && vn->unknown_question
                                               == NVA_UQ_FLOOD);
    pipeline_vn_unknown_unicast(&in->p, vn->vni, unknown);
}

/* Open vSwitch numbers ports below this; above it is the LOCAL port alone. */
#define FLOOD_PORTS_END 0xff00

/* A flood list that is being collected. */
struct flood {
    const struct intent *in;
    unsigned long has[BITMAP_N_LONGS(FLOOD_PORTS_END + 1)]; /* Of 'ports'. */
    size_t n_ports, n_nves;
    nva_ofport ports[PIPELINE_FLOOD_PORTS_MAX];
    struct in6_addr nves[NVA_NVES_PER_VN_MAX];
};

/* Peers are in it whatever the state of their sessions: a lost session is not
 * a lost NVE (K6). */
static void
flood_flows(const struct intent *in, nva_id id)
{
    const struct nva_vn *vn = directory_vn(in->dir, id);
    struct pipeline_flood list;
    struct flood *flood;

    if (!vn || !directory_nve_serves(in->dir, in->nve->id, id)) {
        return;
    }
    flood = xmalloc(sizeof *flood);
    flood->in = in;
    memset(flood->has, 0, sizeof flood->has);
    flood->n_ports = 0;
    flood->n_nves = 0;
    directory_each_vap_of_vn(in->dir, in->nve->id, vn->id, collect_port,
                             flood);
    directory_each_nve_of_vn(in->dir, vn->id, collect_nve, flood);

    list.n_ports = flood->n_ports;
    list.n_nves = flood->n_nves;
    list.ports = flood->ports;
    list.nves = flood->nves;
    list.unknown = vn->unknown_unicast == NVA_UU_FLOOD && !vn->pulls;
    pipeline_vn_flood(&in->p, vn->vni, &list);
    free(flood);
}

/* A port may have several VAPs of the VN (one for each of some MACs), and gets
 * one copy. */
static bool
collect_port(const void *vap_, void *flood_)
{
    const struct nva_vap *vap = vap_;
    struct flood *flood = flood_;
    nva_ofport port = ofport_of(flood->in, vap->port);

    size_t bit = MIN(port, FLOOD_PORTS_END);

    if (port == NVA_OFPORT_NONE || port == flood->in->p.tunnel
        || bitmap_is_set(flood->has, bit)) {
        return true;
    }
    if (flood->n_ports >= PIPELINE_FLOOD_PORTS_MAX) {
        return false;
    }
    bitmap_set1(flood->has, bit);
    flood->ports[flood->n_ports++] = port;
    return true;
}

static bool
collect_nve(const void *nve_, void *flood_)
{
    const struct nva_nve *nve = nve_;
    struct flood *flood = flood_;

    if (nve->id == flood->in->nve->id || !can_tunnel_to(flood->in, nve)) {
        return true;
    }
    if (flood->n_nves >= NVA_NVES_PER_VN_MAX) {
        return false;
    }
    flood->nves[flood->n_nves++] = nve->tunnel_ip;
    return true;
}

/* Whether floods for an interface have just left 'place'. */
struct left {
    struct nva_place place;
    nva_id vn;
    bool any;
};

/* What is flooded would wait there for a VM that gets it where it is. */
static void
quiet_flows(const struct intent *in, nva_id id)
{
    const struct nva_vap *vap = directory_vap(in->dir, id);
    const struct nva_vn *vn = vap ? directory_vn(in->dir, vap->vn) : NULL;

    if (vn && vap->nve == in->nve->id && directory_is_quiet(in->dir, vap)) {
        struct left left = { .place = nva_vap_place(vap), .vn = vn->id };

        directory_each_tsi_at(in->dir, vap->nve, vap->port, left_cb, &left);
        pipeline_quiet(&in->p, vn->vni, ofport_of(in, vap->port), left.any);
    }
}

/* A flood that comes there before those for the same interface may enter its
 * other place is lost: shown to be counted. */
static bool
left_cb(const void *tsi_, void *left_)
{
    const struct nva_tsi *tsi = tsi_;
    struct left *left = left_;

    left->any = (tsi->deaf && tsi->vn == left->vn
                 && nva_place_equal(tsi->paused ? &tsi->current
                                    : &tsi->prepared, &left->place));
    return !left->any;
}

/* ## VAP ## */

static void
vap_flows(const struct intent *in, nva_id id)
{
    const struct nva_vap *vap = directory_vap(in->dir, id);
    const struct nva_vn *vn = vap ? directory_vn(in->dir, vap->vn) : NULL;

    if (vn && vap->nve == in->nve->id) {
        const struct eth_addr *mac = vap->has_mac ? &vap->mac : NULL;
        nva_ofport port = ofport_of(in, vap->port);

        pipeline_vap(&in->p, vn->vni, port, mac, checks_sources(vn));
        if (vap->detour != NVA_DETOUR_NONE) {
            pipeline_detour(&in->p, port, mac, vap->detour == NVA_DETOUR_ALL);
        }
    }
}

/* ## TSI ## */

static void
tsi_flows(const struct intent *in, nva_id id)
{
    const struct nva_tsi *tsi = directory_tsi(in->dir, id);
    const struct nva_vn *vn = tsi ? directory_vn(in->dir, tsi->vn) : NULL;
    struct eth_addr macs[NVA_ALLOWED_MACS_MAX + 1];
    struct pipeline_tsi ptsi;
    bool asks;

    if (!vn || (!directory_nve_serves(in->dir, in->nve->id, vn->id)
                && !place_here(tsi, in->nve->id))) {
        return;
    }
    asks = vn->pulls && !place_here(tsi, in->nve->id);
    ptsi.vni = vn->vni;
    for (size_t i = nva_tsi_macs(tsi, macs); i-- > 0; ) {
        ptsi.mac = macs[i];
        tsi_reset(in, tsi, &ptsi);
        if (asks) {
            tsi_pulled(in, tsi, &ptsi, vn->lifetime);
        } else {
            tsi_deliver(in, tsi, &ptsi);
            tsi_forward(in, tsi, &ptsi);
        }
    }
    if (!asks) {
        tsi_own_port(in, tsi, &ptsi);
        tsi_admit(in, tsi, vn);
    }
}

/* 'ptsi' is of its own MAC: the last one above.  Behind an interface that may
 * have nested guests nobody is answered for. */
static void
tsi_own_port(const struct intent *in, const struct nva_tsi *tsi,
             const struct pipeline_tsi *ptsi)
{
    if (tsi->n_allowed || tsi->current.nve != in->nve->id
        || !directory_nve_serves(in->dir, in->nve->id, tsi->vn)) {
        return;
    }
    for (size_t i = 0; i < tsi->n_ips; i++) {
        pipeline_address_own_port(&in->p, ptsi,
                                  ofport_of(in, tsi->current.port),
                                  &tsi->ips[i]);
    }
}

/* While it stands still or is off, nobody answers: its peers' connections are
 * reset at its place, if they are not to be kept (D18). */
static void
tsi_reset(const struct intent *in, const struct nva_tsi *tsi,
          const struct pipeline_tsi *ptsi)
{
    const struct nva_vm *vm = directory_vm(in->dir, tsi->vm);

    if (vm->connections == NVA_CONNECTIONS_RESET
        && ((tsi->paused && !tsi->early) || tsi->stopped)
        && tsi->current.nve == in->nve->id) {
        pipeline_reset(&in->p, ptsi, NVA_TABLE_FORWARD, 0);
        pipeline_reset(&in->p, ptsi, NVA_TABLE_DELIVER, 0);
    }
}

static void
tsi_deliver(const struct intent *in, const struct nva_tsi *tsi,
            const struct pipeline_tsi *ptsi)
{
    const struct nva_place *here = place_here(tsi, in->nve->id);

    if (is_held_here(tsi, in->nve->id) || lacks_port_to_hold(in, tsi)) {
        pipeline_deliver_hold(&in->p, ptsi);
    } else if (here) {
        pipeline_deliver(&in->p, ptsi, ofport_to(in, tsi, here));
    }
}

static void
tsi_forward(const struct intent *in, const struct nva_tsi *tsi,
            const struct pipeline_tsi *ptsi)
{
    const struct nva_place *to = place_to_send(tsi, in->nve->id);

    if (is_held_here(tsi, in->nve->id)) {
        pipeline_forward_hold(&in->p, ptsi);
        return;
    } else if (!to) {
        return;
    }
    if (to->nve == in->nve->id) {
        pipeline_forward_local(&in->p, ptsi, ofport_to(in, tsi, to));
    } else {
        const struct nva_nve *nve = directory_nve(in->dir, to->nve);

        if (can_tunnel_to(in, nve)) {
            pipeline_forward_tunnel(&in->p, ptsi, &nve->tunnel_ip);
        }
    }
}

/* All that an NVE has of an interface that it asked for. */
static void
tsi_pulled(const struct intent *in, const struct nva_tsi *tsi,
           const struct pipeline_tsi *ptsi, uint32_t lifetime)
{
    const struct nva_pull *pull = directory_pull(in->dir, in->nve->id,
                                                 tsi->id);
    const struct nva_nve *to = directory_nve(in->dir, tsi->published.nve);

    if (pull && pull->until > in->now && can_tunnel_to(in, to)) {
        pipeline_forward_pulled(&in->p, ptsi, &to->tunnel_ip,
                                seconds_left(in, pull->until),
                                MIN(pull_idle(lifetime), UINT16_MAX));
    }
}

/* It may send from each of its places here.  What it sends from where it is
 * only prepared to be, or from where it should stand still, is evidence, so it
 * is shown; after an early pause it need not stand still yet.  Not so at the
 * old place while the gate is closed: that would cost the old NVE a bundle
 * just before its redirect, and its announcements are shown everywhere.  A
 * nested guest that is not there yet is shown, too. */
static void
tsi_admit(const struct intent *in, const struct nva_tsi *tsi,
          const struct nva_vn *vn)
{
    const struct nva_place *places[] = { &tsi->current, &tsi->published,
                                         &tsi->prepared };

    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        const struct nva_place *place = places[i];
        bool show = (nva_place_equal(place, &tsi->prepared)
                     || (tsi->paused && !tsi->early) || tsi->stopped);

        /* Equal places give the same flows, which the set takes once. */
        if (place->nve != in->nve->id) {
            continue;
        }
        admit_mac(in, tsi, vn, place, (struct sender) { tsi->mac, show });
        for (size_t j = 0; j < tsi->n_allowed; j++) {
            const struct sender nested = {
                tsi->allowed[j],
                show || !nva_tsi_has_nested(tsi, tsi->allowed[j]),
            };

            if (directory_tsi_allowing(in->dir, place, vn->id, nested.mac)
                == tsi) {
                admit_mac(in, tsi, vn, place, nested);
            }
        }
    }
}

static void
admit_mac(const struct intent *in, const struct nva_tsi *tsi,
          const struct nva_vn *vn, const struct nva_place *place,
          struct sender sender)
{
    const struct pipeline_tsi ptsi = { .vni = vn->vni, .mac = sender.mac };
    const struct admitted a = {
        &ptsi, ofport_of(in, place->port), sender.show,
        vn->port_security == NVA_PS_FULL,
    };

    pipeline_admit(&in->p, &ptsi, a.port, a.show);
    if (teaches_by_asking(tsi, vn)) {
        claim_asking(in, tsi, &a);
    } else if (checks_sources(vn)) {
        pipeline_admit_roles(&in->p, &ptsi, a.port, tsi->roles);
        admit_address(in, &a, NULL);
        admit_addresses(in, &a, tsi->ips, tsi->n_ips);
        admit_addresses(in, &a, vn->shared_ips, vn->n_shared_ips);
    }
}

static void
admit_addresses(const struct intent *in, const struct admitted *a,
                const struct in6_addr *ips, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        admit_address(in, a, &ips[i]);
    }
}

/* Its addresses and those that its VN shares are all that it may use there, in
 * ARP and ND, and in data if 'full'. */
static void
admit_address(const struct intent *in, const struct admitted *a,
              const struct in6_addr *ip)
{
    pipeline_admit_address(&in->p, a->tsi, a->port, a->show, ip);
    if (a->full) {
        pipeline_admit_source(&in->p, a->tsi, a->port, a->show, ip);
    }
}

/* Where nobody is asked for an unknown address, its host is known only if its
 * own questions say so.  What nested guests have nobody answers for. */
static bool
teaches_by_asking(const struct nva_tsi *tsi, const struct nva_vn *vn)
{
    return (vn->binding == NVA_BINDING_LEARN
            && vn->unknown_question == NVA_UQ_DROP && !tsi->n_allowed
            && tsi->n_ips < NVA_IPS_MAX);
}

static void
claim_asking(const struct intent *in, const struct nva_tsi *tsi,
             const struct admitted *a)
{
    pipeline_claim_asking(&in->p, a->tsi, a->port, NULL);
    for (size_t i = 0; i < tsi->n_ips; i++) {
        pipeline_claim_asking(&in->p, a->tsi, a->port, &tsi->ips[i]);
    }
}

static bool
checks_sources(const struct nva_vn *vn)
{
    return (vn->binding == NVA_BINDING_STRICT
            && vn->port_security != NVA_PS_NONE);
}

/* Its MAC is the same wherever it is: it is answered for once it has a place.
 * An owner of its own, so that a move rewrites none of this.  In a VN that
 * pulls its own NVE answers, and shows what it says of itself to all.  Where
 * there may be nested guests nobody knows which of them has an address: they
 * are asked themselves.  Nobody answers for a frozen address (RFC 9161 s3.7),
 * nor for what was learned where the port is gone. */
static void
address_flows(const struct intent *in, nva_id id)
{
    const struct nva_tsi *tsi = directory_tsi(in->dir, id);
    const struct nva_vn *vn = tsi ? directory_vn(in->dir, tsi->vn) : NULL;
    struct pipeline_tsi ptsi;

    if (!vn || !directory_nve_serves(in->dir, in->nve->id, vn->id)
        || (vn->pulls && !place_here(tsi, in->nve->id))) {
        return;
    }
    claim_flows(in, tsi, vn);
    if (!nva_place_is_set(&tsi->current) || tsi->n_allowed) {
        return;
    }
    ptsi.vni = vn->vni;
    ptsi.mac = tsi->mac;
    for (size_t i = 0; i < tsi->n_ips; i++) {
        if (directory_nobody_answers(in->dir, tsi, &tsi->ips[i])) {
            continue;
        }
        if (nva_vn_shares(vn, &tsi->ips[i])) {
            pipeline_address_shared(&in->p, &ptsi, &tsi->ips[i]);
        } else if (i >= tsi->n_given) {
            pipeline_address_learned(&in->p, &ptsi, &tsi->ips[i]);
        }
        pipeline_address(&in->p, &ptsi, &tsi->ips[i]);
    }
}

/* What VM management gave it nobody else says to have, nor what a sticky VM or
 * nested guests taught (whom to ask?); the sender may be at any port.  Where
 * sources are checked it is at its own, which admits each of its addresses:
 * there only link-local addresses, which need not be given, are left to be
 * anybody's. */
static void
claim_flows(const struct intent *in, const struct nva_tsi *tsi,
            const struct nva_vn *vn)
{
    bool learn = vn->binding == NVA_BINDING_LEARN;
    bool all = tsi->n_allowed || directory_vm(in->dir, tsi->vm)->sticky;

    for (size_t i = 0; i < tsi->n_ips; i++) {
        const struct in6_addr *ip = &tsi->ips[i];

        if (nva_vn_shares(vn, ip)) {
            continue;
        } else if (learn && (all || i < tsi->n_given)) {
            claim_own(in, tsi, vn, ip);
            pipeline_claim_refuse(&in->p, vn->vni, ip, false);
        } else if (checks_sources(vn) && IN6_IS_ADDR_LINKLOCAL(ip)) {
            pipeline_claim_refuse(&in->p, vn->vni, ip,
                                  vn->port_security == NVA_PS_FULL);
        }
    }
}

static void
claim_own(const struct intent *in, const struct nva_tsi *tsi,
          const struct nva_vn *vn, const struct in6_addr *ip)
{
    struct pipeline_tsi ptsi = { .vni = vn->vni, .mac = tsi->mac };

    pipeline_claim_own(&in->p, &ptsi, ip);
    for (size_t i = 0; i < tsi->n_allowed; i++) {
        ptsi.mac = tsi->allowed[i];
        pipeline_claim_own(&in->p, &ptsi, ip);
    }
}

/* True if what comes for 'tsi' at 'nve' goes to the NVA, which holds it until
 * the VM runs there, and for those that come while it lets go (D18).  Where
 * the VM did not go after all, both places do so meanwhile: what still comes
 * to the new one must not be lost, nor overtake what waits. */
static bool
is_held_here(const struct nva_tsi *tsi, nva_id nve)
{
    return (tsi->held_until
            && (tsi->prepared.nve == nve
                || (!tsi->paused && tsi->current.nve == nve)));
}

/* True if this NVE is prepared for 'tsi' but has no port where packets could
 * wait.  The old NVE sends them from the pause on, and may be faster than what
 * is told to this one then: so it shows them from the preparation on. */
static bool
lacks_port_to_hold(const struct intent *in, const struct nva_tsi *tsi)
{
    return (!tsi->paused
            && tsi->prepared.nve == in->nve->id
            && tsi->current.nve != in->nve->id
            && tsi->published.nve != in->nve->id
            && ofport_of(in, tsi->prepared.port) == NVA_OFPORT_NONE);
}

/* Where 'tsi' gets, at 'nve', what comes from a tunnel for it, or NULL.  While
 * the new NVE has not confirmed, what peers send still ends at the old place;
 * a move within one NVE goes to the new port once the VM stands still. */
static const struct nva_place *
place_here(const struct nva_tsi *tsi, nva_id nve)
{
    if (tsi->current.nve == nve) {
        return (tsi->paused && tsi->prepared.nve == nve
                ? &tsi->prepared : &tsi->current);
    } else if (tsi->published.nve == nve) {
        return &tsi->published;
    } else if (tsi->prepared.nve == nve) {
        return &tsi->prepared;
    }
    return NULL;
}

/* Where local ports of 'nve' send to it, or NULL: nowhere known.  Its own NVE
 * knows best; the others go by what is published. */
static const struct nva_place *
place_to_send(const struct nva_tsi *tsi, nva_id nve)
{
    if (tsi->current.nve == nve) {
        return (tsi->paused && nva_place_is_set(&tsi->prepared)
                ? &tsi->prepared : &tsi->current);
    }
    return nva_place_is_set(&tsi->published) ? &tsi->published : NULL;
}

/* ## Redirect ## */

static void
redirect_flows(const struct intent *in, nva_id id)
{
    const struct nva_redirect *r = directory_redirect(in->dir, id);
    const struct nva_tsi *tsi;
    const struct nva_nve *to;
    const struct nva_vn *vn;
    struct eth_addr macs[NVA_ALLOWED_MACS_MAX + 1];
    struct pipeline_tsi ptsi;
    uint16_t seconds;

    if (!r || r->at != in->nve->id || r->to == r->at || r->until <= in->now) {
        return;
    }
    tsi = directory_tsi(in->dir, r->tsi);
    vn = tsi ? directory_vn(in->dir, tsi->vn) : NULL;
    to = directory_nve(in->dir, r->to);
    if (!vn || !can_tunnel_to(in, to)) {
        return;
    }

    ptsi.vni = vn->vni;
    seconds = seconds_left(in, r->until);
    for (size_t i = nva_tsi_macs(tsi, macs); i-- > 0; ) {
        ptsi.mac = macs[i];
        if (r->resets) {
            pipeline_reset(&in->p, &ptsi, NVA_TABLE_REDIRECT, seconds);
        }
        pipeline_redirect(&in->p, &ptsi, &to->tunnel_ip, seconds);
    }
}

/* ## What nobody has ## */

static void
absent_flows(const struct intent *in, nva_id id)
{
    const struct nva_pull *pull = directory_absent(in->dir, id);
    const struct nva_vn *vn = pull ? directory_vn(in->dir, pull->vn) : NULL;
    struct pipeline_tsi ptsi;

    if (vn && pull->nve == in->nve->id && pull->until > in->now) {
        ptsi.vni = vn->vni;
        ptsi.mac = pull->mac;
        pipeline_absent(&in->p, &ptsi, seconds_left(in, pull->until));
    }
}

/* ## Time ## */

/* For a hard timeout: rounded up. */
static uint16_t
seconds_left(const struct intent *in, nva_usec until)
{
    nva_usec seconds = DIV_ROUND_UP(until - in->now, NVA_SEC);

    return MIN(seconds, UINT16_MAX);
}

/* ## Ports ## */

/* The number of this NVE's 'port' in the present session, or none.  The tunnel
 * port is nobody's: a VAP on it would join all VNs. */
static nva_ofport
ofport_of(const struct intent *in, const char *port)
{
    const struct nva_port *p = directory_port(in->dir, in->nve->id, port);

    return p && p->ofport != in->p.tunnel ? p->ofport : NVA_OFPORT_NONE;
}

/* The port to send to for 'tsi' at 'place'; none where its VM is off: then the
 * flow drops, for a packet to it is no question. */
static nva_ofport
ofport_to(const struct intent *in, const struct nva_tsi *tsi,
          const struct nva_place *place)
{
    bool off = tsi->stopped && nva_place_equal(place, &tsi->current);

    return off ? NVA_OFPORT_NONE : ofport_of(in, place->port);
}

static bool
can_tunnel_to(const struct intent *in, const struct nva_nve *nve)
{
    return (in->p.tunnel != NVA_OFPORT_NONE
            && nve && ipv6_addr_is_set(&nve->tunnel_ip));
}
