/* SPDX-License-Identifier: Apache-2.0 */

/* What is done about a port that floods.
 *
 * A switch remembers each decision of its pipeline by the fields that it
 * looked at.  A VM that forges another address in each frame makes it remember
 * one more each time, long after a meter has dropped the frame, and the more
 * of them there are the later all its traffic follows a change of tables: so
 * one VM that lies would spoil the moves of the others.  A port on detour has
 * one decision for all its ARP, ND and RARP (or for all it sends): to the NVA,
 * within the VAP's meter.  The NVA sends it back behind that point, as a
 * packet-out, of which a switch remembers nothing.
 *
 * Knows VAPs and their ports; must never know what is in a frame, nor who
 * counted.  Invariant: a frame on detour meets the same tables as without.
 * draft-ietf-nvo3-vmm-15 s10. */

#include <config.h>

#include "detour.h"

#include <string.h>

#include "util.h"

struct collect {
    const struct nva_view *view;
    struct nva_plan *plan;
    const char *port;           /* NULL: any. */
    enum nva_detour level;
    bool any;
};

static void set_all(const struct nva_view *, nva_id nve, const char *port,
                    enum nva_detour, struct nva_plan *);
static directory_cb has_mac_cb, set_cb, vm_cb;

void
detour_event(const struct nva_view *v, const struct nva_event *ev,
             struct nva_plan *plan)
{
    const struct nva_port *port;
    enum nva_detour level = NVA_DETOUR_NONE;

    switch (ev->type) {
    case NVA_EV_NVE_UP:
        set_all(v, ev->nve, NULL, level, plan);
        break;
    case NVA_EV_PORT:
        set_all(v, ev->nve, ev->port.port.name, level, plan);
        break;
    case NVA_EV_FLOODING:
        port = directory_port_by_ofport(v->dir, ev->nve, ev->flooding.ofport);
        if (port) {
            set_all(v, ev->nve, port->name, ev->flooding.level, plan);
        }
        break;
    default:
        break;
    }
}

void
detour_packet(const struct nva_view *v, const struct nva_event *ev,
              struct nva_plan *plan)
{
    const struct nva_vn *vn = directory_vn(v->dir, ev->packet.vn);
    struct nva_reply *reply;

    if (!vn || ev->packet.size > NVA_FRAME_MAX) {
        return;
    }
    reply = nva_plan_reply_packet(plan, ev, NVA_REPLY_TO_PIPELINE);
    reply->ofport = ev->packet.ofport;
    reply->vni = vn->vni;
}

static void
set_all(const struct nva_view *v, nva_id nve, const char *port,
        enum nva_detour level, struct nva_plan *plan)
{
    struct collect c = {
        .view = v, .plan = plan, .port = port, .level = level,
    };

    directory_each_vap(v->dir, nve, has_mac_cb, &c);
    if (c.any && c.level == NVA_DETOUR_ALL) {
        c.level = NVA_DETOUR_NEIGHBOUR;
    }
    directory_each_vap(v->dir, nve, set_cb, &c);
}

static bool
has_mac_cb(const void *vap_, void *c_)
{
    const struct nva_vap *vap = vap_;
    struct collect *c = c_;

    c->any = vap->has_mac && c->port && !strcmp(vap->port, c->port);
    return !c->any;
}

static bool
set_cb(const void *vap_, void *c_)
{
    const struct nva_vap *vap = vap_;
    struct collect *c = c_;
    struct nva_delta *d;
    struct nva_note *note;

    if (vap->detour == c->level
        || (c->port && strcmp(vap->port, c->port))) {
        return true;
    }
    d = nva_deltas_add(&c->plan->deltas, NVA_DELTA_VAP_PUT);
    d->id = vap->id;
    d->vap = *vap;
    d->vap.detour = c->level;

    note = nva_plan_note(c->plan, NVA_NOTE_DETOUR,
                         c->level ? NVA_R_FLOODING : NVA_R_CALM);
    note->nve = vap->nve;
    note->vn = vap->vn;
    note->what = nva_detour_word(c->level);
    directory_each_tsi_at(c->view->dir, vap->nve, vap->port, vm_cb, note);
    return true;
}

/* Whose port it is, as far as anyone's. */
static bool
vm_cb(const void *tsi_, void *note_)
{
    const struct nva_tsi *tsi = tsi_;
    struct nva_note *note = note_;

    if (tsi->vn != note->vn) {
        return true;
    }
    note->tsi = tsi->id;
    note->vm = tsi->vm;
    note->mac = tsi->mac;
    return false;
}
