/* SPDX-License-Identifier: Apache-2.0 */

/* Packet-in -> event.  Knows which table of the pipeline asks what; must never
 * judge whether a frame tells the truth (admission) nor what follows from it
 * (mobility, responder).  Invariant: a frame that a VAP sent carries that
 * VAP's VN, one from the tunnel the VN of its key: no event crosses VNs.
 * draft-ietf-nvo3-vmm-15 s4.2, RFC 5227, RFC 4861, RFC 903. */

#include <config.h>

#include "classify.h"

#include <string.h>

#include "packets.h"
#include "pipeline.h"

static enum nva_reason classify_vap(const struct directory *,
                                    const struct nva_packet_in *,
                                    nva_id *vap, nva_id *vn);
static bool is_from_tunnel(const struct directory *,
                           const struct nva_packet_in *);
static enum nva_reason classify_tunnel(const struct directory *,
                                       const struct nva_packet_in *,
                                       nva_id *vn);
static size_t classify_address(const struct nva_frame *,
                               enum nva_event_type types[2]);
static bool teaches(const struct nva_frame *);
static bool asks(const struct nva_frame *);

enum nva_reason
classify_packet_vn(const struct directory *dir,
                   const struct nva_packet_in *pin, nva_id *vap, nva_id *vn)
{
    *vap = NVA_ID_NONE;
    return (is_from_tunnel(dir, pin) ? classify_tunnel(dir, pin, vn)
            : classify_vap(dir, pin, vap, vn));
}

enum nva_reason
classify_packet_in(const struct directory *dir,
                   const struct nva_packet_in *pin,
                   struct nva_event ev[2], size_t *n)
{
    const struct nva_nve *nve = directory_nve(dir, pin->nve);
    enum nva_event_type types[2] = { NVA_EV_EVIDENCE, NVA_EV_EVIDENCE };
    enum nva_reason reason;
    size_t n_types = 1;

    *n = 0;
    if (!nve || nve->session != pin->session) {
        return NVA_R_STALE_SESSION;
    } else if (pin->table == NVA_TABLE_REFUSE) {
        return pipeline_refusal_reason(pin->refusal);
    }
    memset(&ev[0], 0, sizeof ev[0]);
    reason = nva_frame_parse(pin->data, pin->size, &ev[0].packet.frame);
    if (reason) {
        return reason;
    }
    reason = classify_packet_vn(dir, pin, &ev[0].packet.vap,
                                &ev[0].packet.vn);
    if (reason) {
        return reason;
    }

    if (pin->table == NVA_TABLE_RESET) {
        types[0] = NVA_EV_SEGMENT;
    } else if (is_from_tunnel(dir, pin) || pin->table == NVA_TABLE_FORWARD
        || pin->table == NVA_TABLE_HOLD) {
        types[0] = NVA_EV_STRAY;
    } else if (nva_frame_is_answer(&ev[0].packet.frame)) {
        types[0] = NVA_EV_ANSWER;
    } else if (pin->table == NVA_TABLE_ADDRESS) {
        n_types = classify_address(&ev[0].packet.frame, types);
    } else if (pin->table == NVA_TABLE_CLASSIFY) {
        types[0] = NVA_EV_DETOURED;
    } else if (pin->table != NVA_TABLE_ADMIT
               && pin->table != NVA_TABLE_CLAIM) {
        n_types = 0;
    }
    if (!n_types) {
        return NVA_R_NOT_INTERESTING;
    }
    ev[0].type = types[0];
    ev[0].nve = pin->nve;
    ev[0].session = pin->session;
    ev[0].packet.ofport = pin->in_port;
    ev[0].packet.data = pin->data;
    ev[0].packet.size = pin->size;
    if (n_types > 1) {
        ev[1] = ev[0];
        ev[1].type = types[1];
    }
    *n = n_types;
    return NVA_OK;
}

/* The VAP and VN of a frame that came in at a port of the NVE. */
static enum nva_reason
classify_vap(const struct directory *dir, const struct nva_packet_in *pin,
             nva_id *vap_id, nva_id *vn)
{
    const struct nva_port *port;
    const struct nva_vap *vap;
    struct eth_header eth;

    memcpy(&eth, pin->data, sizeof eth);
    port = directory_port_by_ofport(dir, pin->nve, pin->in_port);
    vap = port ? directory_vap_for(dir, pin->nve, port->name, eth.eth_src)
               : NULL;
    if (!vap) {
        return NVA_R_NO_VAP;
    }
    *vap_id = vap->id;
    *vn = vap->vn;
    return NVA_OK;
}

/* DELIVER asks where the VM is, CLASSIFY does for a VN that the NVE does not
 * serve; what CLASSIFY sends up from another port is on detour.  HOLD, RESET
 * and REFUSE hear both sides. */
static bool
is_from_tunnel(const struct directory *dir, const struct nva_packet_in *pin)
{
    const struct nva_port *tunnel = directory_tunnel_port(dir, pin->nve);

    return (pin->table == NVA_TABLE_DELIVER
            || ((pin->table == NVA_TABLE_CLASSIFY
                 || pin->table == NVA_TABLE_HOLD
                 || pin->table == NVA_TABLE_RESET
                 || pin->table == NVA_TABLE_REFUSE)
                && tunnel && tunnel->ofport == pin->in_port));
}

/* The VN of a frame that came through the tunnel.  The two top bits of the key
 * count redirects, they are not part of the VNI. */
static enum nva_reason
classify_tunnel(const struct directory *dir, const struct nva_packet_in *pin,
                nva_id *id)
{
    const struct nva_vn *vn;

    vn = directory_vn_by_vni(dir, pin->tun_id & NVA_VNI_MAX);
    if (!vn) {
        return NVA_R_NO_VAP;
    }
    *id = vn->id;
    return NVA_OK;
}

/* What a frame that the ADDRESS table sent up is: first what it teaches, then
 * what it asks.  A probe teaches nothing (H1), an announcement asks nothing,
 * but for RARP, whose request is both (I3). */
static size_t
classify_address(const struct nva_frame *f, enum nva_event_type types[2])
{
    size_t n = 0;

    if (teaches(f)) {
        types[n++] = NVA_EV_EVIDENCE;
    }
    if (asks(f)) {
        types[n++] = NVA_EV_QUESTION;
    }
    return n;
}

static bool
teaches(const struct nva_frame *f)
{
    switch (f->kind) {
    case NVA_FRAME_ARP_REQUEST:
    case NVA_FRAME_NS:
        return !nva_frame_is_probe(f);
    case NVA_FRAME_ARP_REPLY:
    case NVA_FRAME_NA:
    case NVA_FRAME_RARP_REQUEST:
        return true;
    case NVA_FRAME_RARP_REPLY:
    case NVA_FRAME_OTHER:
    default:
        return false;
    }
}

static bool
asks(const struct nva_frame *f)
{
    switch (f->kind) {
    case NVA_FRAME_ARP_REQUEST:
        return !nva_frame_is_announcement(f);
    case NVA_FRAME_NS:
    case NVA_FRAME_RARP_REQUEST:
        return true;
    case NVA_FRAME_ARP_REPLY:
    case NVA_FRAME_NA:
    case NVA_FRAME_RARP_REPLY:
    case NVA_FRAME_OTHER:
    default:
        return false;
    }
}
