/* SPDX-License-Identifier: Apache-2.0 */

/* What becomes of learned addresses and hosts when nothing is heard of them:
 * asked, renewed, withdrawn.  Knows leases and what probes say; must never
 * know who learned what and why.
 *
 * Invariant: nothing is withdrawn that was heard within its age, nor what did
 * not keep silent to a question that was really asked.  RFC 9161 s3.5 (F6). */

#include <config.h>

#include "ageing.h"

#include "duplicate.h"
#include "hash.h"
#include "learned.h"
#include "packets.h"
#include "probe.h"
#include "story.h"
#include "util.h"

static void renew(const struct nva_view *, const struct nva_tsi *,
                  const struct in6_addr *, struct nva_plan *);
static nva_usec age_of(const struct nva_view *, const struct nva_tsi *);
static nva_usec first_look(const struct nva_lease *, nva_usec age);
static void look_at_host(const struct nva_view *, const struct nva_tsi *,
                         struct nva_lease *, struct nva_plan *);
static void look_at_address(const struct nva_view *, const struct nva_tsi *,
                            struct nva_lease *, struct nva_plan *);
static void ask(const struct nva_view *, const struct nva_tsi *,
                struct nva_lease *, struct nva_plan *);
static void withdraw(const struct nva_view *, const struct nva_tsi *,
                     const struct in6_addr *, struct nva_plan *);
static directory_cb hasten_cb;
static void put(struct nva_plan *, const struct nva_lease *);

/* ## Signs of life ## */

void
ageing_sign(const struct nva_view *v, const struct nva_event *ev,
            struct nva_plan *plan)
{
    const struct nva_frame *f = &ev->packet.frame;
    const struct nva_vap *vap = directory_vap(v->dir, ev->packet.vap);
    const struct nva_tsi *tsi = directory_tsi_by_mac(v->dir, ev->packet.vn,
                                                     f->eth_src);
    const struct nva_tsi *latest = tsi ? story_tsi(v, plan, tsi->id) : NULL;
    struct nva_place here;
    struct in6_addr ip;

    if (!latest || !vap) {
        return;
    }
    here = nva_vap_place(vap);
    if (nva_place_equal(&latest->current, &here)) {
        /* Not 'latest': the plan grows. */
        renew(v, tsi, &in6addr_any, plan);
        if (nva_frame_claim(f, &ip)) {
            renew(v, tsi, &ip, plan);
        }
    }
}

/* Not each time: one that speaks all the time is no reason to write all the
 * time. */
static void
renew(const struct nva_view *v, const struct nva_tsi *tsi,
      const struct in6_addr *ip, struct nva_plan *plan)
{
    const struct nva_lease *old = directory_lease(v->dir, tsi->id, ip);
    const nva_usec age = age_of(v, tsi);
    struct nva_lease l;

    if (!old || !old->look || !age
        || (!old->silent && v->now - old->heard < age / 16)) {
        return;
    }
    l = *old;
    l.heard = v->now;
    l.silent = false;
    l.look = first_look(&l, age);
    put(plan, &l);
}

/* ## Looks ## */

void
ageing_due(const struct nva_view *v, const struct nva_event *ev,
           struct nva_plan *plan)
{
    const struct nva_lease *old = directory_lease(v->dir, ev->lease.tsi,
                                                  &ev->lease.ip);
    const struct nva_tsi *tsi = directory_tsi(v->dir, ev->lease.tsi);
    struct nva_lease l;
    nva_usec age;

    if (!old || old->look > v->now) {
        return;
    }
    l = *old;
    age = age_of(v, tsi);
    if (l.frozen && l.thaws_at && l.thaws_at <= v->now) {
        duplicate_thaw_lease(v, &l, NVA_R_EXPIRED, plan);
        l.look = 0;
        put(plan, &l);
    } else if (!age) {
        l.look = NVA_NEVER;
        put(plan, &l);
    } else if (!l.look) {
        l.heard = v->now;
        l.silent = false;
        l.look = first_look(&l, age);
        put(plan, &l);
    } else if (ipv6_addr_is_set(&l.ip)) {
        look_at_address(v, tsi, &l, plan);
    } else {
        look_at_host(v, tsi, &l, plan);
    }
}

const struct nva_lease *
ageing_next_due(const struct nva_view *v)
{
    return ageing_deadline(v) <= v->now ? directory_first_lease(v->dir) : NULL;
}

nva_usec
ageing_deadline(const struct nva_view *v)
{
    const struct nva_lease *l = directory_first_lease(v->dir);

    return (!l ? NVA_NEVER : !l->look ? 0
            : MAX(l->look, directory_last_asked(v->dir) + NVA_AGEING_PACE));
}

/* A host lasts as long as any of its addresses; without one it cannot be
 * asked, and its next frame teaches it anew. */
static void
look_at_host(const struct nva_view *v, const struct nva_tsi *tsi,
             struct nva_lease *l, struct nva_plan *plan)
{
    const nva_usec age = age_of(v, tsi), end = l->heard + age;

    if (v->now >= end && !tsi->n_ips
        && !directory_vm(v->dir, tsi->vm)->move) {
        learned_forget(v, tsi, NVA_R_AGED, plan);
        return;
    }
    l->look = MAX(end, v->now + age / 6);
    put(plan, l);
}

static void
look_at_address(const struct nva_view *v, const struct nva_tsi *tsi,
                struct nva_lease *l, struct nva_plan *plan)
{
    const struct nva_nve *nve = directory_nve(v->dir, tsi->current.nve);
    const nva_usec age = age_of(v, tsi), end = l->heard + age;

    /* Nobody is where the port is gone, nor where the VM is off and does not
     * move; where the session is gone, who knows. */
    if ((nve && nve->connected
         && !directory_port(v->dir, nve->id, tsi->current.port))
        || (tsi->stopped && !directory_vm(v->dir, tsi->vm)->move)) {
        l->silent = true;
    }
    if (l->silent && v->now >= end) {
        withdraw(v, tsi, &l->ip, plan);
        return;
    }
    l->look = v->now + age / 6;
    if (v->now < end) {
        l->look = MIN(l->look, end);
    }
    if (!tsi->paused && !tsi->stopped && !tsi->n_allowed) {
        ask(v, tsi, l, plan);
    }
    put(plan, l);
}

/* If it cannot be asked now, it is in a while. */
static void
ask(const struct nva_view *v, const struct nva_tsi *tsi, struct nva_lease *l,
    struct nva_plan *plan)
{
    const struct nva_probe what = {
        .why = NVA_PROBE_AGE, .ip = l->ip, .n_places = 1,
        .places = { { .place = tsi->current } },
    };

    if (directory_probe_of_ip(v->dir, tsi->id, NVA_PROBE_AGE, &l->ip)
        || directory_n_probes(v->dir) >= NVA_ROUTINE_PROBES_MAX
        || !nva_place_is_set(&tsi->current)
        || probe_begin(v, tsi, &what, plan)) {
        l->look = MIN(l->look, v->now + NVA_SEC);
    } else {
        l->asked = v->now;
    }
}

void
ageing_hasten(const struct nva_view *v, const struct nva_tsi *tsi,
              struct nva_plan *plan)
{
    struct nva_walk w = { .view = v, .plan = plan };

    if (age_of(v, tsi)) {
        directory_each_lease_of_tsi(v->dir, tsi->id, hasten_cb, &w);
    }
}

static bool
hasten_cb(const void *lease, void *w_)
{
    const struct nva_walk *w = w_;
    struct nva_lease l = *(const struct nva_lease *) lease;

    if (l.look && ipv6_addr_is_set(&l.ip)) {
        l.look = MIN(l.look, w->view->now);
        put(w->plan, &l);
    }
    return true;
}

void
ageing_outcome(const struct nva_view *v, const struct nva_probe *probe,
               enum nva_reason outcome,
               const struct nva_probe_place *where OVS_UNUSED,
               struct nva_plan *plan)
{
    const struct nva_lease *old = directory_lease(v->dir, probe->tsi,
                                                  &probe->ip);
    const struct nva_tsi *tsi = directory_tsi(v->dir, probe->tsi);
    const nva_usec age = age_of(v, tsi);
    struct nva_lease l;

    if (outcome != NVA_R_NO_ANSWER || !age || !old || old->heard > old->asked
        || tsi->sequence != probe->sequence) {
        return;                         /* An answer has been a sign. */
    }
    l = *old;
    l.silent = true;
    if (v->now >= l.heard + age) {
        withdraw(v, tsi, &l.ip, plan);
    } else {
        put(plan, &l);
    }
}

/* ## The end ## */

static void
withdraw(const struct nva_view *v, const struct nva_tsi *tsi,
         const struct in6_addr *ip, struct nva_plan *plan)
{
    const struct nva_lease *host = directory_lease(v->dir, tsi->id,
                                                   &in6addr_any);
    struct nva_tsi t = *tsi;

    nva_plan_note_tsi(plan, NVA_NOTE_WITHDRAWN, NVA_R_AGED, tsi)->ip = *ip;
    nva_tsi_drop_ip(&t, ip);
    if (host && !t.n_ips && v->now >= host->heard + age_of(v, tsi)
        && !directory_vm(v->dir, tsi->vm)->move) {
        learned_forget(v, tsi, NVA_R_AGED, plan);
    } else {
        story_put_tsi(plan, &t);
    }
}

/* ## Times ## */

/* 0: it does not age. */
static nva_usec
age_of(const struct nva_view *v, const struct nva_tsi *tsi)
{
    return directory_vn(v->dir, tsi->vn)->age * NVA_SEC;
}

/* Between a third and half of the age after it was heard; those learned
 * together not together.  A host without an address cannot be asked. */
static nva_usec
first_look(const struct nva_lease *l, nva_usec age)
{
    const uint32_t spread = hash_bytes(&l->ip, sizeof l->ip,
                                       hash_uint64(l->tsi));

    return (!ipv6_addr_is_set(&l->ip) ? l->heard + age
            : l->heard + age / 3 + spread % (age / 6));
}

/* A frozen address is looked at when it thaws, too. */
static void
put(struct nva_plan *plan, const struct nva_lease *l)
{
    struct nva_lease *new = &nva_deltas_add(&plan->deltas,
                                            NVA_DELTA_LEASE_PUT)->lease;

    *new = *l;
    if (l->frozen && l->thaws_at) {
        new->look = MIN(new->look, l->thaws_at);
    }
}
