/* SPDX-License-Identifier: Apache-2.0 */

/* Asks interfaces whether they are there, and sums up the answers.  Knows
 * places, ports and questions; must never know what follows from an answer.
 *
 * Invariant: a probe is asked out of the ports it names and nowhere else, and
 * ends by answers or by its last deadline.  RFC 9161 s3.5 (F6), RFC 5227
 * (H1). */

#include <config.h>

#include "probe.h"

#include "packets.h"
#include "story.h"
#include "util.h"

/* An answer that comes later than this after the question may have waited in a
 * port's queue for a VM that got there only then: it says where the VM is, not
 * that it was there all the time. */
#define PROMPT (30 * NVA_MSEC)

/* How often one place is asked, and how long an answer is waited for. */
static const struct {
    uint32_t tries;
    nva_usec interval;
} patience[] = {
    [NVA_PROBE_PLACE] = { NVA_PROBE_TRIES, NVA_PROBE_INTERVAL },
    [NVA_PROBE_MOVES] = { NVA_PROBE_TRIES, NVA_PROBE_INTERVAL },
    [NVA_PROBE_AGE] = { NVA_PROBE_TRIES, NVA_PROBE_INTERVAL },
    [NVA_PROBE_SCAN] = { NVA_PROBE_TRIES, NVA_PROBE_INTERVAL },
    [NVA_PROBE_CLAIM] = { NVA_CONFIRM_TRIES,
                          NVA_CONFIRM_TIME / NVA_CONFIRM_TRIES },
};

struct answer {
    const struct nva_view *view;
    struct nva_place here;
    struct in6_addr ip;                 /* That the answer says it has. */
    size_t n;
    struct nva_probe probes[NVA_PROBE_N_WHYS];  /* That wait for it: one a
                                                 * reason. */
};

static void hear(const struct nva_probe *, const struct nva_place *,
                 struct nva_plan *);
static directory_cb collect_cb;
static bool may_ask_for(const struct nva_tsi *, const struct nva_probe *,
                        const struct in6_addr *ip);
static void ask(const struct nva_view *, const struct nva_tsi *,
                struct nva_probe *, struct nva_plan *);
static bool ask_at(const struct nva_view *, const struct nva_tsi *,
                   const struct nva_place *, const struct in6_addr *ip,
                   struct nva_plan *);
static bool probes_itself(const struct nva_view *, const struct nva_tsi *,
                          const struct nva_place *);
static enum nva_reason outcome(const struct nva_probe *, bool due,
                               bool has_moved,
                               const struct nva_probe_place **where);
static enum nva_reason outcome_of_two(const struct nva_probe *, bool due,
                                      bool has_moved,
                                      const struct nva_probe_place **where);
static bool has_left(const struct nva_probe *, const struct nva_probe_place *);
static enum nva_reason nobody(const struct nva_probe *);
static bool end(const struct nva_view *, const struct nva_probe *, bool due,
                probe_outcome_cb *, struct nva_plan *);
static struct nva_note *note(const struct nva_view *, const struct nva_probe *,
                             enum nva_reason, struct nva_plan *);
static void put(struct nva_plan *, const struct nva_probe *);
static void del(struct nva_plan *, const struct nva_probe *);

enum nva_reason
probe_begin(const struct nva_view *v, const struct nva_tsi *tsi,
            const struct nva_probe *what, struct nva_plan *plan)
{
    const struct nva_probe *old = directory_probe_of_ip(
        v->dir, tsi->id, what->why, &what->ip);
    struct nva_probe p = {
        .id = old ? old->id : NVA_ID_NONE, .tsi = tsi->id, .why = what->why,
        .ip = what->ip, .rival = what->rival, .sequence = tsi->sequence,
        .n_places = what->n_places,
    };

    if (!tsi->n_ips && !ipv6_addr_is_set(&what->ip)) {
        return NVA_R_UNKNOWN_ADDRESS;
    } else if (!old && directory_n_probes(v->dir) >= NVA_PROBES_MAX) {
        return NVA_R_LIMIT;
    }
    p.id = p.id ? p.id : nva_plan_new_id(plan);
    for (size_t i = 0; i < what->n_places; i++) {
        p.places[i].place = what->places[i].place;
    }
    note(v, &p, NVA_OK, plan)->nve = what->places[0].place.nve;
    ask(v, tsi, &p, plan);
    return NVA_OK;
}

void
probe_cancel(const struct nva_view *v, nva_id tsi, enum nva_probe_why why,
             const struct in6_addr *ip, struct nva_plan *plan)
{
    const struct nva_probe *p = directory_probe_of_ip(v->dir, tsi, why, ip);

    if (p) {
        del(plan, p);
    }
}

void
probe_heard(const struct nva_view *v, nva_id tsi,
            const struct nva_place *place, struct nva_plan *plan)
{
    static const enum nva_probe_why whys[] = { NVA_PROBE_PLACE,
                                               NVA_PROBE_MOVES };

    for (size_t i = 0; i < ARRAY_SIZE(whys); i++) {
        const struct nva_probe *p = directory_probe_of_tsi(v->dir, tsi,
                                                           whys[i]);

        if (p) {
            hear(p, place, plan);
        }
    }
}

void
probe_answer(const struct nva_view *v, const struct nva_event *ev,
             probe_outcome_cb *cb, struct nva_plan *plan)
{
    const struct nva_frame *f = &ev->packet.frame;
    const struct nva_vap *vap = directory_vap(v->dir, ev->packet.vap);
    const struct nva_tsi *tsi = directory_tsi_by_mac(v->dir, ev->packet.vn,
                                                     f->eth_src);
    struct answer a = {
        .view = v,
        .ip = f->kind == NVA_FRAME_NA ? f->tpa : f->spa,
    };

    if (tsi && vap) {
        a.here = nva_vap_place(vap);
        directory_each_probe_of_tsi(v->dir, tsi->id, collect_cb, &a);
    }
    for (size_t i = 0; i < a.n; i++) {
        if (!end(v, &a.probes[i], false, cb, plan)) {
            put(plan, &a.probes[i]);
        }
    }
    if (!a.n) {
        struct nva_note *n = nva_plan_note(plan, NVA_NOTE_DROPPED,
                                           NVA_R_UNASKED);

        n->nve = ev->nve;
        n->vn = ev->packet.vn;
        n->mac = f->eth_src;
        n->ip = a.ip;
    }
}

void
probe_question(const struct nva_view *v, const struct nva_event *ev,
               struct nva_plan *plan)
{
    const struct nva_frame *f = &ev->packet.frame;
    const struct nva_vap *vap = directory_vap(v->dir, ev->packet.vap);
    const struct nva_tsi *old = directory_tsi_by_mac(v->dir, ev->packet.vn,
                                                     f->eth_src);
    struct nva_place here;
    struct nva_tsi t;

    if (!vap || !old || !nva_frame_is_probe(f)
        || !nva_ips_have(old->ips, old->n_ips, &f->tpa)) {
        return;
    }
    here = nva_vap_place(vap);
    if (old->probes_since && nva_place_equal(&old->probes_at, &here)
        && v->now - old->probes_since < NVA_ACD_GRAIN) {
        return;
    }
    t = *story_tsi(v, plan, old->id);
    t.probes_at = here;
    t.probes_since = v->now;
    story_put_tsi(plan, &t);
}

void
probe_due(const struct nva_view *v, const struct nva_event *ev,
          probe_outcome_cb *cb, struct nva_plan *plan)
{
    const struct nva_probe *old = directory_probe(v->dir, ev->probe);

    if (old && old->due <= v->now && !end(v, old, true, cb, plan)) {
        struct nva_probe p = *old;

        ask(v, directory_tsi(v->dir, p.tsi), &p, plan);
    }
}

nva_id
probe_next_due(const struct nva_view *v)
{
    const struct nva_probe *p = directory_first_probe(v->dir);

    return p && p->due <= v->now ? p->id : NVA_ID_NONE;
}

nva_usec
probe_deadline(const struct nva_view *v)
{
    const struct nva_probe *p = directory_first_probe(v->dir);

    return p ? p->due : NVA_NEVER;
}

static void
hear(const struct nva_probe *old, const struct nva_place *place,
     struct nva_plan *plan)
{
    struct nva_probe p = *old;

    for (size_t i = 0; i < p.n_places; i++) {
        if (nva_place_equal(&p.places[i].place, place)) {
            p.places[i].spoke = p.asked;
        }
    }
    put(plan, &p);
}

/* Collects the probes that the answer is for, with the answer entered. */
static bool
collect_cb(const void *probe, void *a_)
{
    struct answer *a = a_;
    struct nva_probe p = *(const struct nva_probe *) probe;
    const struct nva_tsi *tsi = directory_tsi(a->view->dir, p.tsi);

    for (size_t i = 0; i < p.n_places; i++) {
        struct nva_probe_place *pp = &p.places[i];

        if (nva_place_equal(&pp->place, &a->here)
            && may_ask_for(tsi, &p, &a->ip)) {
            pp->answered |= UINT32_C(1) << p.asked;
            pp->sequence = tsi->sequence;
            if (a->view->now - p.asked_at <= PROMPT) {
                pp->prompt |= UINT32_C(1) << p.asked;
            }
            a->probes[a->n++] = p;
            break;
        }
    }
    return true;
}

static bool
may_ask_for(const struct nva_tsi *tsi, const struct nva_probe *p,
            const struct in6_addr *ip)
{
    if (ipv6_addr_is_set(&p->ip)) {
        return ipv6_addr_equals(&p->ip, ip);
    }
    return nva_ips_have(tsi->ips, tsi->n_ips, ip);
}

/* Asks once more, for the interface's addresses in turn: one that it does not
 * use any more must not hide it. */
static void
ask(const struct nva_view *v, const struct nva_tsi *tsi, struct nva_probe *p,
    struct nva_plan *plan)
{
    struct in6_addr ip = p->ip;

    if (!ipv6_addr_is_set(&ip)) {
        if (!tsi->n_ips) {
            ip = in6addr_any;           /* Lost meanwhile: nobody answers. */
        } else {
            ip = tsi->ips[p->asked % tsi->n_ips];
        }
    }
    for (size_t i = 0; i < p->n_places && ipv6_addr_is_set(&ip); i++) {
        p->places[i].n_asked += ask_at(v, tsi, &p->places[i].place, &ip,
                                       plan);
    }
    p->asked++;
    p->asked_at = v->now;
    /* Not evenly spaced: a VM that commutes at that very pace would be met at
     * both its places. */
    p->due = v->now + patience[p->why].interval;
    if (p->n_places > 1) {
        p->due += (p->asked - 1) % NVA_PROBE_TRIES * NVA_PROBE_INTERVAL / 4;
    }
    put(plan, p);
}

/* False for a port or session that is away, or a host that probes itself. */
static bool
ask_at(const struct nva_view *v, const struct nva_tsi *tsi,
       const struct nva_place *place, const struct in6_addr *ip,
       struct nva_plan *plan)
{
    const struct nva_nve *nve = directory_nve(v->dir, place->nve);
    const struct nva_port *port = directory_port(v->dir, place->nve,
                                                 place->port);

    struct nva_reply *reply;

    if (!nve || !nve->connected || !port || probes_itself(v, tsi, place)) {
        return false;
    }
    reply = nva_plan_reply(plan);
    reply->nve = nve->id;
    reply->target = NVA_REPLY_TO_PORT;
    reply->ofport = port->ofport;
    reply->size = nva_frame_probe(ip, tsi->mac, reply->data,
                                  sizeof reply->data);
    return true;
}

static bool
probes_itself(const struct nva_view *v, const struct nva_tsi *tsi,
              const struct nva_place *place)
{
    return (tsi->probes_since && nva_place_equal(&tsi->probes_at, place)
            && v->now - tsi->probes_since < NVA_ACD_TIME + NVA_ACD_GRAIN);
}

/* NVA_OK: not known yet.  'due': the time for the last answers is over. */
static enum nva_reason
outcome(const struct nva_probe *p, bool due, bool has_moved,
        const struct nva_probe_place **where)
{
    const struct nva_probe_place *a = &p->places[0];

    *where = NULL;
    if (p->n_places > 1) {
        return outcome_of_two(p, due, has_moved, where);
    } else if (a->answered) {
        *where = a;
        return NVA_R_ANSWERED_HERE;
    }
    return !due || p->asked < patience[p->why].tries ? NVA_OK : nobody(p);
}

static enum nva_reason
outcome_of_two(const struct nva_probe *p, bool due, bool has_moved,
               const struct nva_probe_place **where)
{
    uint32_t tries = has_moved ? 2 * NVA_PROBE_TRIES : NVA_PROBE_TRIES;
    const struct nva_probe_place *a = &p->places[0], *b = &p->places[1];
    uint32_t last_two, last_tries;

    if (p->asked < NVA_PROBE_TRIES) {
        return NVA_OK;
    }
    last_two = UINT32_C(3) << (p->asked - 1);
    last_tries = ((UINT32_C(1) << NVA_PROBE_TRIES) - 1)
                 << (p->asked - NVA_PROBE_TRIES + 1);
    if ((a->prompt & b->prompt & last_tries) == last_tries) {
        return NVA_R_TWO_PLACES;
    } else if (!due || p->asked < tries) {
        return NVA_OK;
    } else if (!a->answered && !b->answered) {
        return nobody(p);
    } else if (!b->answered || (a->answered & last_two
                                && !(b->answered & last_two))) {
        *where = a;
    } else if (!a->answered || (b->answered & last_two
                                && !(a->answered & last_two))) {
        *where = b;
    }
    if (*where && has_left(p, *where)) {
        *where = NULL;
    }
    return (*where ? NVA_R_ANSWERED_HERE
            : p->asked < 2 * NVA_PROBE_TRIES ? NVA_OK : NVA_R_UNCLEAR);
}

/* True if it spoke elsewhere after it had answered at 'place' for the last
 * time, and has not answered the last question there. */
static bool
has_left(const struct nva_probe *p, const struct nva_probe_place *place)
{
    const struct nva_probe_place *other = &p->places[place == p->places];
    uint32_t last = log_2_floor(place->answered);

    return last < p->asked && other->spoke >= last;
}

/* Nobody answered; if not everybody could be asked, that says nothing. */
static enum nva_reason
nobody(const struct nva_probe *p)
{
    for (size_t i = 0; i < p->n_places; i++) {
        if (p->places[i].n_asked < p->asked) {
            return NVA_R_UNCLEAR;
        }
    }
    return NVA_R_NO_ANSWER;
}

/* Ends 'p' if its outcome is known. */
static bool
end(const struct nva_view *v, const struct nva_probe *p, bool due,
    probe_outcome_cb *cb, struct nva_plan *plan)
{
    const struct nva_probe ended = *p;
    const struct nva_tsi *tsi = directory_tsi(v->dir, p->tsi);
    bool has_moved = tsi->sequence != p->sequence;
    const struct nva_probe_place *where;
    enum nva_reason reason = outcome(&ended, due, has_moved, &where);

    if (!reason) {
        return false;
    }
    del(plan, &ended);
    note(v, &ended, reason, plan)->nve = (where ? where->place.nve
                                          : NVA_ID_NONE);
    cb(v, &ended, reason, where, plan);
    return true;
}

static struct nva_note *
note(const struct nva_view *v, const struct nva_probe *p,
     enum nva_reason reason, struct nva_plan *plan)
{
    const struct nva_tsi *tsi = directory_tsi(v->dir, p->tsi);
    struct nva_note *n = nva_plan_note(plan, NVA_NOTE_PROBE, reason);

    n->what = nva_probe_why_word(p->why);
    n->tsi = p->tsi;
    n->vm = tsi->vm;
    n->vn = tsi->vn;
    n->mac = tsi->mac;
    return n;
}

static void
put(struct nva_plan *plan, const struct nva_probe *p)
{
    struct nva_delta *d = nva_deltas_add(&plan->deltas, NVA_DELTA_PROBE_PUT);

    d->id = p->id;
    d->probe = *p;
}

/* Once: a VM may settle for several reasons in one step. */
static void
del(struct nva_plan *plan, const struct nva_probe *p)
{
    if (!nva_plan_find(plan, NVA_DELTA_PROBE_DEL, p->id)) {
        nva_deltas_add(&plan->deltas, NVA_DELTA_PROBE_DEL)->id = p->id;
    }
}
