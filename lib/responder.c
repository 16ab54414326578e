/* SPDX-License-Identifier: Apache-2.0 */

/* Answers the questions that flows cannot answer, and sends stray packets
 * after their VM.  Knows the directory as it is; must never change it nor
 * judge evidence.  Invariant: an answer goes out of the asking port only and
 * says what the directory says of the asker's VN; a stray leaves its NVE at
 * most once and only towards where its VM is.  RFC 9161 s3.3 (F1-F3), RFC 5227
 * (H4), RFC 903 (D4, I3), draft-ietf-nvo3-vmm-15 s4.2, s4.4 (D6, D9). */

#include <config.h>

#include "responder.h"

#include <string.h>

#include "packets.h"
#include "redirect.h"
#include "tcp-reset.h"

static bool is_reset_at(const struct nva_view *, const struct nva_tsi *,
                        nva_id nve);
static bool was_flooded(const struct nva_view *, const struct nva_event *);
static void answer_address(const struct nva_view *, const struct nva_event *,
                           struct nva_plan *);
static void answer_rarp(const struct nva_view *, const struct nva_event *,
                        struct nva_plan *);
static bool asks_itself(const struct nva_view *, const struct nva_event *,
                        const struct nva_tsi *);
static const struct in6_addr *tsi_ip4(const struct nva_tsi *);
static void ask_there(const struct nva_view *, const struct nva_event *,
                      const struct nva_tsi *, struct nva_plan *);
static struct nva_reply *reply_to_asker(const struct nva_event *,
                                        struct nva_plan *);
static enum nva_reason send_after(const struct nva_view *,
                                  const struct nva_event *,
                                  const struct nva_tsi *, struct nva_plan *);
static enum nva_reason send_to_port(const struct nva_view *,
                                    const struct nva_event *,
                                    const struct nva_tsi *,
                                    struct nva_plan *);
static enum nva_reason send_to_nve(const struct nva_view *,
                                   const struct nva_event *,
                                   const struct nva_tsi *, struct nva_plan *);
static void note(struct nva_plan *, const struct nva_event *,
                 const struct nva_tsi *, enum nva_note_type, enum nva_reason);

void
responder_question(const struct nva_view *view, const struct nva_event *ev,
                   struct nva_plan *plan)
{
    switch (ev->packet.frame.kind) {
    case NVA_FRAME_ARP_REQUEST:
    case NVA_FRAME_NS:
        answer_address(view, ev, plan);
        break;
    case NVA_FRAME_RARP_REQUEST:
        answer_rarp(view, ev, plan);
        break;
    case NVA_FRAME_OTHER:
    case NVA_FRAME_ARP_REPLY:
    case NVA_FRAME_RARP_REPLY:
    case NVA_FRAME_NA:
    default:
        note(plan, ev, NULL, NVA_NOTE_DROPPED, NVA_R_NOT_INTERESTING);
        break;
    }
}

void
responder_stray(const struct nva_view *view, const struct nva_event *ev,
                struct nva_plan *plan)
{
    struct eth_addr dst = ev->packet.frame.eth_dst;
    const struct nva_tsi *tsi;
    enum nva_reason reason;

    tsi = directory_tsi_by_mac(view->dir, ev->packet.vn, dst);
    if (eth_addr_is_multicast(dst) || was_flooded(view, ev)) {
        reason = NVA_R_NOT_INTERESTING;
    } else if (!tsi || !nva_place_is_set(&tsi->current)) {
        reason = NVA_R_UNKNOWN_ADDRESS;
    } else if (tsi->stopped) {
        reason = NVA_R_VM_STATE;
    } else if (ev->packet.size > NVA_FRAME_MAX) {
        reason = NVA_R_FRAME_FORMAT;
    } else {
        reason = send_after(view, ev, tsi, plan);
    }
    if (reason) {
        note(plan, ev, tsi, NVA_NOTE_DROPPED, reason);
    } else if (ev->packet.vap && directory_vn(view->dir,
                                              ev->packet.vn)->pulls) {
        note(plan, ev, tsi, NVA_NOTE_PULLED, NVA_R_PULLED);
    } else {
        note(plan, ev, tsi, NVA_NOTE_LATE, NVA_R_LATE);
    }
}

void
responder_segment(const struct nva_view *view, const struct nva_event *ev,
                  struct nva_plan *plan)
{
    const struct nva_tsi *tsi = directory_tsi_by_mac(
        view->dir, ev->packet.vn, ev->packet.frame.eth_dst);
    const struct nva_vn *vn = directory_vn(view->dir, ev->packet.vn);
    uint8_t frame[NVA_TCP_RESET_MAX];
    struct nva_reply *reply;
    enum nva_reason reason;
    size_t size;

    if (!tsi || !is_reset_at(view, tsi, ev->nve)) {
        responder_stray(view, ev, plan);
        return;
    }
    reason = nva_tcp_reset(ev->packet.data, ev->packet.size, frame, &size);
    if (reason) {
        note(plan, ev, tsi, NVA_NOTE_DROPPED, reason);
        return;
    }
    reply = nva_plan_reply(plan);
    reply->nve = ev->nve;
    reply->target = NVA_REPLY_TO_FORWARD;
    reply->vni = vn->vni;
    reply->size = size;
    memcpy(reply->data, frame, size);
    note(plan, ev, tsi, NVA_NOTE_ANSWERED, NVA_R_RESET);
}

/* A datapath may show us one by a decision that it has cached. */
static bool
is_reset_at(const struct nva_view *view, const struct nva_tsi *tsi, nva_id nve)
{
    const struct nva_vm *vm = directory_vm(view->dir, tsi->vm);
    const struct nva_redirect *r = redirect_at(view->dir, tsi->id, nve);

    return ((r && r->resets)
            || (vm->connections == NVA_CONNECTIONS_RESET
                && tsi->current.nve == nve
                && (tsi->paused || tsi->stopped)));
}

/* In a VN that floods unknown unicast, one that comes out of a tunnel where
 * its VM is not has been flooded to where it is, too. */
static bool
was_flooded(const struct nva_view *view, const struct nva_event *ev)
{
    const struct nva_vn *vn = directory_vn(view->dir, ev->packet.vn);

    return !ev->packet.vap && vn && vn->unknown_unicast == NVA_UU_FLOOD;
}

/* A question to one MAC only asks whether that neighbour is still there: for
 * the owner to answer, not for us (F2). */
static void
answer_address(const struct nva_view *view, const struct nva_event *ev,
               struct nva_plan *plan)
{
    const struct nva_frame *f = &ev->packet.frame;
    const struct nva_tsi *tsi;
    struct nva_reply *reply;

    if (!eth_addr_is_multicast(f->eth_dst)) {
        note(plan, ev, NULL, NVA_NOTE_DROPPED, NVA_R_NOT_INTERESTING);
        return;
    }
    tsi = directory_tsi_by_ip(view->dir, ev->packet.vn, &f->tpa);
    if (!tsi || !nva_place_is_set(&tsi->current)) {
        note(plan, ev, tsi, NVA_NOTE_DROPPED, NVA_R_UNKNOWN_ADDRESS);
        return;
    }
    if (directory_nobody_answers(view->dir, tsi, &f->tpa)) {
        note(plan, ev, tsi, NVA_NOTE_DROPPED,
             directory_is_frozen_ip(view->dir, tsi->id, &f->tpa)
             ? NVA_R_FROZEN : NVA_R_UNKNOWN_ADDRESS);
        return;
    }
    if (nva_frame_is_probe(f)
        && nva_vn_shares(directory_vn(view->dir, ev->packet.vn), &f->tpa)) {
        /* Who takes over must not hear that the address is in use. */
        note(plan, ev, tsi, NVA_NOTE_DROPPED, NVA_R_PROBE);
        return;
    }
    if (asks_itself(view, ev, tsi)) {
        note(plan, ev, tsi, NVA_NOTE_DROPPED, NVA_R_OWN_QUESTION);
        return;
    }
    if (tsi->n_allowed) {
        ask_there(view, ev, tsi, plan);
        return;
    }

    reply = reply_to_asker(ev, plan);
    if (f->kind == NVA_FRAME_NS) {
        /* R = 1, as the flows answer (F3). */
        reply->size = nva_frame_na_reply(f, tsi->mac, true, reply->data,
                                         sizeof reply->data);
    } else {
        reply->size = nva_frame_arp_reply(f, tsi->mac, reply->data,
                                          sizeof reply->data);
    }
    note(plan, ev, tsi, NVA_NOTE_ANSWERED, NVA_R_ANSWERED);
}

/* Nobody knows which of an interface's MACs has the address: they are asked,
 * unless the switch has flooded the question already. */
static void
ask_there(const struct nva_view *view, const struct nva_event *ev,
          const struct nva_tsi *tsi, struct nva_plan *plan)
{
    const struct nva_vn *vn = directory_vn(view->dir, ev->packet.vn);
    enum nva_reason reason = NVA_R_ASKED_THERE;

    if (vn->pulls || vn->unknown_question != NVA_UQ_FLOOD) {
        reason = send_after(view, ev, tsi, plan);
        if (!reason) {
            note(plan, ev, tsi, NVA_NOTE_FLOODED, NVA_R_ASKED_THERE);
            return;
        }
    }
    note(plan, ev, tsi, NVA_NOTE_DROPPED, reason);
}

/* A VM announced by its hypervisor asks too (I3): the answer is unicast to the
 * asker and says what it had before it moved (D4), so it does no harm. */
static void
answer_rarp(const struct nva_view *view, const struct nva_event *ev,
            struct nva_plan *plan)
{
    /* The NVA has no address in a tenant's network, and a client must not take
     * one for its boot server. */
    static const struct in6_addr no_ip4 = {
        { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0 } }
    };
    const struct nva_frame *f = &ev->packet.frame;
    const struct nva_tsi *tsi;
    const struct in6_addr *ip;
    struct nva_reply *reply;

    tsi = directory_tsi_by_mac(view->dir, ev->packet.vn, f->tha);
    ip = (tsi && eth_addr_equals(tsi->mac, f->tha) ? tsi_ip4(tsi)
          : NULL);              /* A nested guest has not its host's. */
    if (!ip) {
        note(plan, ev, tsi, NVA_NOTE_DROPPED, NVA_R_UNKNOWN_ADDRESS);
        return;
    }
    reply = reply_to_asker(ev, plan);
    reply->size = nva_frame_rarp_reply(f, ip, nva_own_mac, &no_ip4,
                                       reply->data, sizeof reply->data);
    note(plan, ev, tsi, NVA_NOTE_ANSWERED, NVA_R_ANSWERED);
}

/* True if the VM itself asks, wherever it is by now (H4: its probe at the new
 * NVE must not hear that the address is in use), or a neighbour of it at its
 * own port, where the VM hears the question and answers it (F2). */
static bool
asks_itself(const struct nva_view *view, const struct nva_event *ev,
            const struct nva_tsi *tsi)
{
    const struct nva_vap *vap = directory_vap(view->dir, ev->packet.vap);

    return (eth_addr_equals(ev->packet.frame.eth_src, tsi->mac)
            || (vap && vap->nve == tsi->current.nve
                && !strncmp(vap->port, tsi->current.port, sizeof vap->port)));
}

static const struct in6_addr *
tsi_ip4(const struct nva_tsi *tsi)
{
    for (size_t i = 0; i < tsi->n_ips; i++) {
        if (nva_ip_is_v4(&tsi->ips[i])) {
            return &tsi->ips[i];
        }
    }
    return NULL;
}

static struct nva_reply *
reply_to_asker(const struct nva_event *ev, struct nva_plan *plan)
{
    struct nva_reply *reply = nva_plan_reply(plan);

    reply->nve = ev->nve;
    reply->target = NVA_REPLY_TO_PORT;
    reply->ofport = ev->packet.ofport;
    return reply;
}

static enum nva_reason
send_after(const struct nva_view *view, const struct nva_event *ev,
           const struct nva_tsi *tsi, struct nva_plan *plan)
{
    return (tsi->current.nve == ev->nve
            ? send_to_port(view, ev, tsi, plan)
            : send_to_nve(view, ev, tsi, plan));
}

/* Never back out of the port it came in at: who is there has heard it. */
static enum nva_reason
send_to_port(const struct nva_view *view, const struct nva_event *ev,
             const struct nva_tsi *tsi, struct nva_plan *plan)
{
    const struct nva_port *port;

    port = directory_port(view->dir, tsi->current.nve, tsi->current.port);
    if (!port || port->ofport == NVA_OFPORT_NONE) {
        return NVA_R_NOT_READY;
    }
    if (port->ofport == ev->packet.ofport) {
        return NVA_R_NOT_INTERESTING;
    }
    nva_plan_reply_packet(plan, ev, NVA_REPLY_TO_PORT)->ofport = port->ofport;
    return NVA_OK;
}

static enum nva_reason
send_to_nve(const struct nva_view *view, const struct nva_event *ev,
            const struct nva_tsi *tsi, struct nva_plan *plan)
{
    const struct nva_nve *to = directory_nve(view->dir, tsi->current.nve);
    const struct nva_vn *vn = directory_vn(view->dir, ev->packet.vn);
    struct nva_reply *reply;

    if (!to || !vn || !ipv6_addr_is_set(&to->tunnel_ip)
        || !directory_tunnel_port(view->dir, ev->nve)) {
        return NVA_R_NO_TUNNEL_PORT;
    }
    reply = nva_plan_reply_packet(plan, ev, NVA_REPLY_TO_TUNNEL);
    reply->to = to->id;
    reply->vni = vn->vni;
    return NVA_OK;
}

static void
note(struct nva_plan *plan, const struct nva_event *ev,
     const struct nva_tsi *tsi, enum nva_note_type type,
     enum nva_reason reason)
{
    const struct nva_frame *f = &ev->packet.frame;
    struct nva_note *n = nva_plan_note(plan, type, reason);

    n->nve = ev->nve;
    n->vn = ev->packet.vn;
    n->mac = (ev->type == NVA_EV_STRAY || ev->type == NVA_EV_SEGMENT
              ? f->eth_dst : f->eth_src);
    n->ip = f->tpa;
    if (tsi) {
        n->tsi = tsi->id;
        n->vm = tsi->vm;
    }
}
