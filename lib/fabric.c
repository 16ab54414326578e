/* SPDX-License-Identifier: Apache-2.0 */

/* The NVEs' sessions and ports as deltas, and the frames that keep tunnel
 * neighbours warm.  Knows NVEs and ports; must never touch a place: the loss
 * of a session is not the loss of VMs (K6).  Invariant: after its deltas the
 * directory's ports of an NVE are those its present session described, each
 * name and each number once, whatever the switch claims.
 * RFC 8014 s8; draft-ietf-nvo3-vmm-15 s5. */

#include <config.h>

#include "fabric.h"

#include <stdlib.h>
#include <string.h>

#include "packets.h"
#include "util.h"

static void fabric_up(const struct nva_view *, const struct nva_event *,
                      const struct nva_nve *, struct nva_plan *);
static void fabric_synced(const struct nva_view *, const struct nva_event *,
                          const struct nva_nve *, struct nva_plan *);
static void fabric_down(const struct nva_nve *, struct nva_plan *);
static void fabric_port(const struct nva_view *, const struct nva_event *,
                        struct nva_plan *);
static void note(struct nva_plan *, enum nva_note_type, enum nva_reason,
                 nva_id nve, const char *what);

static size_t described_ports(const struct nva_view *,
                              const struct nva_event *,
                              const struct nva_port **, struct nva_plan *);
static size_t unique_names(const struct nva_view *, nva_id nve,
                           const struct nva_port **, size_t n,
                           struct nva_plan *);
static size_t unique_ofports(const struct nva_port **, size_t n);
static int compare_names(const void *, const void *);
static int compare_names_and_ofports(const void *, const void *);
static int compare_ofports(const void *, const void *);
static void note_alike(struct nva_plan *, nva_id nve, const struct nva_port *);
static bool is_cut(const struct nva_port *);
static bool port_is_sane(const struct nva_port *);
static bool delete_unless_same(const void *port, void *diff);
static bool count_one(const void *port, void *n);
static bool port_is_same(const struct nva_port *, const struct nva_port *);
static void port_put(struct nva_plan *, nva_id nve, const struct nva_port *);
static void port_del(struct nva_plan *, const struct nva_port *);

static bool warm_if_shared(const void *nve, void *warm);
static bool warm_both_ways(const void *nve, void *warm);
static bool take_turn(const void *nve, void *turn);
static bool stop_if_served(const void *vn, void *shared);
static void warm_one(const struct nva_nve *from, const struct nva_nve *to,
                     struct nva_plan *);

struct port_diff {
    const struct nva_port **ports;      /* By name. */
    size_t n;
    struct nva_plan *plan;
};

/* A timer that fires later than this after a turn's beginning is another's:
 * the turn is left out, the next period has one again. */
#define WARM_TURN_LATE (20 * NVA_MSEC)

/* The 'left'-th NVE by id. */
struct turn {
    size_t left;
    nva_id nve;
};

struct warm {
    const struct nva_view *view;
    const struct nva_nve *nve;
    struct nva_plan *plan;
};

struct shared {
    const struct directory *dir;
    nva_id peer;
    bool found;
};

void
fabric_event(const struct nva_view *view, const struct nva_event *ev,
             struct nva_plan *plan)
{
    const struct nva_nve *nve = directory_nve(view->dir, ev->nve);

    if (!nve) {
        note(plan, NVA_NOTE_DROPPED, NVA_R_NOT_FOUND, ev->nve, NULL);
        return;
    }
    if (ev->type == NVA_EV_NVE_UP) {
        fabric_up(view, ev, nve, plan);
        return;
    }
    if (ev->session != nve->session) {
        note(plan, NVA_NOTE_DROPPED, NVA_R_STALE_SESSION, nve->id, NULL);
        return;
    }
    if (ev->type == NVA_EV_NVE_SYNCED) {
        fabric_synced(view, ev, nve, plan);
    } else if (ev->type == NVA_EV_NVE_DOWN) {
        fabric_down(nve, plan);
    } else if (ev->type == NVA_EV_PORT) {
        fabric_port(view, ev, plan);
    }
}

/* With a 'vn' only the peers need to serve it: 'nve' may be about to, as the
 * destination of a move. */
void
fabric_warm(const struct nva_view *view, nva_id nve, nva_id vn,
            struct nva_plan *plan)
{
    struct warm warm = {
        .view = view, .nve = directory_nve(view->dir, nve), .plan = plan
    };

    if (!warm.nve) {
        return;
    }
    if (vn) {
        directory_each_nve_of_vn(view->dir, vn, warm_both_ways, &warm);
    } else {
        directory_each_nve(view->dir, warm_if_shared, &warm);
    }
}

/* Turns are counted from the clock's beginning, so nothing needs to be
 * remembered between them. */
void
fabric_timer(const struct nva_view *view, struct nva_plan *plan)
{
    size_t n = directory_n_nves(view->dir);
    struct turn turn = { .left = 0 };
    nva_usec slot;

    if (n < 2) {
        return;
    }
    slot = FABRIC_WARM_PERIOD / n;
    if (view->now % slot > WARM_TURN_LATE) {
        return;                         /* Called for something else. */
    }
    turn.left = view->now / slot % n;
    directory_each_nve(view->dir, take_turn, &turn);
    fabric_warm(view, turn.nve, NVA_ID_NONE, plan);
}

nva_usec
fabric_deadline(const struct nva_view *view)
{
    size_t n = directory_n_nves(view->dir);
    nva_usec slot;

    if (n < 2) {
        return NVA_NEVER;
    }
    slot = FABRIC_WARM_PERIOD / n;
    return (view->now / slot + 1) * slot;
}

/* ## Sessions ## */

/* The session's address is guessed to be the tunnel's, but never loopback:
 * peers would send to themselves.  Ports go before ports come, so that two
 * which swapped their numbers never share one. */
static void
fabric_up(const struct nva_view *view, const struct nva_event *ev,
          const struct nva_nve *nve, struct nva_plan *plan)
{
    size_t max = ev->up.n_ports ? ev->up.n_ports : 1;
    struct port_diff diff = {
        .ports = xmalloc(max * sizeof *diff.ports), .plan = plan
    };
    struct nva_delta *delta;

    delta = nva_deltas_add(&plan->deltas, NVA_DELTA_NVE_PUT);
    delta->id = nve->id;
    delta->nve = *nve;
    delta->nve.connected = false;
    delta->nve.session = ev->session;
    if ((!ipv6_addr_is_set(&nve->tunnel_ip) || nve->tunnel_ip_guessed)
        && nva_ip_is_host(&ev->up.peer_ip)) {
        delta->nve.tunnel_ip = ev->up.peer_ip;
        delta->nve.tunnel_ip_guessed = true;
    }

    diff.n = described_ports(view, ev, diff.ports, plan);
    directory_each_port(view->dir, nve->id, delete_unless_same, &diff);
    for (size_t i = 0; i < diff.n; i++) {
        const struct nva_port *old;

        old = directory_port(view->dir, nve->id, diff.ports[i]->name);
        if (!old || !port_is_same(old, diff.ports[i])) {
            port_put(plan, nve->id, diff.ports[i]);
        }
    }
    free(diff.ports);
    note(plan, NVA_NOTE_NVE, NVA_OK, nve->id, "up");
}

static void
fabric_synced(const struct nva_view *view, const struct nva_event *ev,
              const struct nva_nve *nve, struct nva_plan *plan)
{
    struct nva_delta *delta;

    if (ev->synced.foreign_flows && !nve->adopt) {
        note(plan, NVA_NOTE_NVE, NVA_R_FOREIGN_FLOWS, nve->id,
             "not connected");
        return;
    }
    delta = nva_deltas_add(&plan->deltas, NVA_DELTA_NVE_PUT);
    delta->id = nve->id;
    delta->nve = *nve;
    delta->nve.connected = true;
    fabric_warm(view, nve->id, NVA_ID_NONE, plan);
    note(plan, NVA_NOTE_NVE, NVA_OK, nve->id, "connected");
}

static void
fabric_down(const struct nva_nve *nve, struct nva_plan *plan)
{
    struct nva_delta *delta;

    delta = nva_deltas_add(&plan->deltas, NVA_DELTA_NVE_PUT);
    delta->id = nve->id;
    delta->nve = *nve;
    delta->nve.connected = false;
    note(plan, NVA_NOTE_NVE, NVA_OK, nve->id, "down");
}

static void
note(struct nva_plan *plan, enum nva_note_type type, enum nva_reason reason,
     nva_id nve, const char *what)
{
    struct nva_note *n = nva_plan_note(plan, type, reason);

    n->nve = nve;
    n->what = what;
}

/* ## Ports ## */

/* One port's status.  A number that it took from another port means that the
 * other one is gone, which the directory sees to.  A second port whose name
 * may be cut like that of one that is there is another port: nobody could tell
 * which of them is meant, so the first one stays. */
static void
fabric_port(const struct nva_view *view, const struct nva_event *ev,
            struct nva_plan *plan)
{
    const struct nva_port *port = &ev->port.port;
    const struct nva_port *old, *other;
    size_t n = 0;

    if (!port_is_sane(port)) {
        note(plan, NVA_NOTE_NVE, NVA_R_BAD_NAME, ev->nve, "port ignored");
        return;
    }
    old = directory_port(view->dir, ev->nve, port->name);
    if (ev->port.gone) {
        if (old && old->ofport == port->ofport) {
            port_del(plan, old);
        }
        return;
    }
    if (old && port_is_same(old, port)) {
        return;
    } else if (old && old->ofport != port->ofport && is_cut(port)) {
        note_alike(plan, ev->nve, port);
        return;
    }
    other = directory_port_by_ofport(view->dir, ev->nve, port->ofport);
    directory_each_port(view->dir, ev->nve, count_one, &n);
    if (!old && !other && n >= NVA_PORTS_PER_NVE_MAX) {
        note(plan, NVA_NOTE_NVE, NVA_R_LIMIT, ev->nve, "port ignored");
        return;
    }
    port_put(plan, ev->nve, port);
}

/* Fills 'ports' with those of NVE_UP that we take, by name: at most
 * NVA_PORTS_PER_NVE_MAX, sane ones, each name and each number once, since a
 * switch may claim anything.  Returns how many. */
static size_t
described_ports(const struct nva_view *view, const struct nva_event *ev,
                const struct nva_port **ports, struct nva_plan *plan)
{
    size_t n = 0;

    for (size_t i = 0; i < ev->up.n_ports; i++) {
        if (port_is_sane(&ev->up.ports[i])) {
            ports[n++] = &ev->up.ports[i];
        }
    }
    n = unique_ofports(ports, n);
    if (n != ev->up.n_ports) {
        note(plan, NVA_NOTE_NVE, NVA_R_BAD_NAME, ev->nve, "ports ignored");
    }
    n = unique_names(view, ev->nve, ports, n, plan);
    if (n > NVA_PORTS_PER_NVE_MAX) {
        note(plan, NVA_NOTE_NVE, NVA_R_LIMIT, ev->nve, "ports ignored");
        n = NVA_PORTS_PER_NVE_MAX;
    }
    return n;
}

static size_t
unique_ofports(const struct nva_port **ports, size_t n)
{
    size_t kept = 0;

    qsort(ports, n, sizeof *ports, compare_ofports);
    for (size_t i = 0; i < n; i++) {
        if (!kept || compare_ofports(&ports[kept - 1], &ports[i])) {
            ports[kept++] = ports[i];
        }
    }
    return kept;
}

/* Of those with one name it keeps the one that is known, else that with the
 * lowest number, and says so once. */
static size_t
unique_names(const struct nva_view *view, nva_id nve,
             const struct nva_port **ports, size_t n, struct nva_plan *plan)
{
    const struct nva_port *alike = NULL, *old;
    size_t kept = 0;

    qsort(ports, n, sizeof *ports, compare_names_and_ofports);
    for (size_t i = 0; i < n; i++) {
        if (!kept || compare_names(&ports[kept - 1], &ports[i])) {
            ports[kept++] = ports[i];
            continue;
        }
        alike = ports[i];
        old = directory_port(view->dir, nve, ports[i]->name);
        if (old && old->ofport == ports[i]->ofport) {
            ports[kept - 1] = ports[i];
        }
    }
    if (alike) {
        note_alike(plan, nve, alike);
    }
    return kept;
}

static void
note_alike(struct nva_plan *plan, nva_id nve, const struct nva_port *port)
{
    struct nva_note *n = nva_plan_note(plan, NVA_NOTE_NVE, NVA_R_NAME_ALIKE);

    n->nve = nve;
    n->what = "port ignored";
    ovs_strlcpy(n->port, port->name, sizeof n->port);
}

/* True if OpenFlow may have left out the end of its name. */
static bool
is_cut(const struct nva_port *port)
{
    return strlen(port->name) == sizeof port->name - 1;
}

static int
compare_names(const void *a_, const void *b_)
{
    const struct nva_port *const *a = a_;
    const struct nva_port *const *b = b_;

    return strncmp((*a)->name, (*b)->name, sizeof (*a)->name);
}

static int
compare_names_and_ofports(const void *a, const void *b)
{
    int names = compare_names(a, b);

    return names ? names : compare_ofports(a, b);
}

static int
compare_ofports(const void *a_, const void *b_)
{
    const struct nva_port *const *a = a_;
    const struct nva_port *const *b = b_;

    return ((*a)->ofport > (*b)->ofport) - ((*a)->ofport < (*b)->ofport);
}

/* A VAP or a place can only name ports with such names. */
static bool
port_is_sane(const struct nva_port *port)
{
    return (port->ofport != NVA_OFPORT_NONE
            && memchr(port->name, '\0', sizeof port->name)
            && nva_name_is_valid(port->name));
}

static bool
delete_unless_same(const void *port_, void *diff_)
{
    const struct nva_port *port = port_;
    struct port_diff *diff = diff_;
    const struct nva_port *const *found;

    found = bsearch(&port, diff->ports, diff->n, sizeof *diff->ports,
                    compare_names);
    if (!found || (*found)->ofport != port->ofport) {
        port_del(diff->plan, port);
    }
    return true;
}

static bool
count_one(const void *port OVS_UNUSED, void *n_)
{
    size_t *n = n_;

    ++*n;
    return true;
}

static bool
port_is_same(const struct nva_port *a, const struct nva_port *b)
{
    return (a->ofport == b->ofport && eth_addr_equals(a->hw_addr, b->hw_addr)
            && !strncmp(a->name, b->name, sizeof a->name));
}

static void
port_put(struct nva_plan *plan, nva_id nve, const struct nva_port *port)
{
    struct nva_delta *delta;

    delta = nva_deltas_add(&plan->deltas, NVA_DELTA_PORT_PUT);
    delta->port = *port;
    delta->port.nve = nve;
}

static void
port_del(struct nva_plan *plan, const struct nva_port *port)
{
    nva_deltas_add(&plan->deltas, NVA_DELTA_PORT_DEL)->port = *port;
}

/* ## Tunnel neighbours ## */

static bool
warm_if_shared(const void *peer_, void *warm_)
{
    const struct nva_nve *peer = peer_;
    const struct warm *warm = warm_;
    struct shared shared = { .dir = warm->view->dir, .peer = peer->id };

    if (peer->connected) {
        directory_each_vn_of_nve(shared.dir, warm->nve->id, stop_if_served,
                                 &shared);
    }
    return shared.found ? warm_both_ways(peer, warm_) : true;
}

static bool
warm_both_ways(const void *peer_, void *warm_)
{
    const struct nva_nve *peer = peer_;
    struct warm *warm = warm_;

    if (peer->connected && peer->id != warm->nve->id
        && ipv6_addr_is_set(&peer->tunnel_ip)
        && ipv6_addr_is_set(&warm->nve->tunnel_ip)
        && directory_tunnel_port(warm->view->dir, peer->id)
        && directory_tunnel_port(warm->view->dir, warm->nve->id)) {
        warm_one(warm->nve, peer, warm->plan);
        warm_one(peer, warm->nve, warm->plan);
    }
    return true;
}

static bool
take_turn(const void *nve_, void *turn_)
{
    const struct nva_nve *nve = nve_;
    struct turn *turn = turn_;

    turn->nve = nve->id;
    return turn->left-- > 0;
}

static bool
stop_if_served(const void *vn_, void *shared_)
{
    const struct nva_vn *vn = vn_;
    struct shared *shared = shared_;

    shared->found = directory_nve_serves(shared->dir, shared->peer, vn->id);
    return !shared->found;
}

/* VNI 0 is no network's: at the other end the frame ends in classify. */
static void
warm_one(const struct nva_nve *from, const struct nva_nve *to,
         struct nva_plan *plan)
{
    struct nva_reply *reply = nva_plan_reply(plan);

    reply->nve = from->id;
    reply->target = NVA_REPLY_TO_TUNNEL;
    reply->to = to->id;
    reply->size = nva_frame_warm(reply->data, sizeof reply->data);
}
