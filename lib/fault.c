/* SPDX-License-Identifier: Apache-2.0 */

/* Standing faults.
 *
 * Knows the directory's deltas and what evidence was refused for.  Must never
 * know how one is told, nor mend anything.  Invariant: a fault costs what its
 * own object's change costs, never a walk over all; what frames can make grow
 * has a limit.  draft vmm-15 s10 (D14). */

#include <config.h>

#include "fault.h"

#include <stdlib.h>
#include <string.h>

#include "fault-private.h"
#include "hash.h"
#include "packets.h"
#include "util.h"

struct faults {
    struct hmap all;                    /* struct fault, by key. */
    /* By kind, in order of 'since' those not told of yet, in order of 'last'
     * those told of. */
    struct ovs_list fresh[NVA_N_AUDIT_KINDS], told[NVA_N_AUDIT_KINDS];
    size_t n[NVA_N_AUDIT_KINDS];
    size_t n_seen;                      /* Of kinds that last a time. */
    struct ovs_list ended;              /* And were told of. */
    struct hmap nves, ips;              /* struct fault_nve. */
};

/* 'grace': what is in order after so long is not worth a line of the log: one
 * declares a VM before its port, an NVE before its bridge.
 * 'lasts': so long after the last sign of it; 0: until its cause is gone. */
static const struct {
    nva_usec grace, lasts;
} times[NVA_N_AUDIT_KINDS] = {
    [NVA_AUDIT_NVE_ABSENT] = { 10 * NVA_SEC, 0 },
    [NVA_AUDIT_NVE_UNSTABLE] = { 0, FAULT_LATELY },
    [NVA_AUDIT_TUNNEL_PORT_ABSENT] = { 5 * NVA_SEC, 0 },
    [NVA_AUDIT_TUNNEL_IP_ABSENT] = { 5 * NVA_SEC, 0 },
    [NVA_AUDIT_PORT_ABSENT] = { 5 * NVA_SEC, 0 },
    [NVA_AUDIT_FLOWS_UNKNOWN] = { 5 * NVA_SEC, 0 },
    [NVA_AUDIT_FLOWS_REMOVED] = { 0, FAULT_LATELY },
    [NVA_AUDIT_PORT_UNCLAIMED] = { 5 * NVA_SEC, FAULT_LATELY },
    [NVA_AUDIT_FRAMES_DROPPED] = { 0, FAULT_LATELY },
};

static struct fault *find(const struct faults *, const struct fault_key *);
static struct fault *begin(struct faults *, const struct nva_view *,
                           const struct fault_key *);
static void end(struct faults *, struct fault *);
static void end_key(struct faults *, const struct fault_key *);
static void set(struct faults *, const struct nva_view *,
                const struct fault_key *, bool wrong);
static void seen(struct faults *, const struct nva_view *, struct fault *);
static void destroy(struct fault *);

static void nve_put(struct faults *, const struct nva_view *,
                    const struct nva_nve *);
static void nve_del(struct faults *, nva_id);
static void nve_look(struct faults *, const struct nva_view *,
                     struct fault_nve *);
static void port_changed(struct faults *, const struct nva_view *, nva_id nve,
                         const char *port);
static void port_claimed(struct faults *, nva_id nve, const char *port);
static void tsi_look(struct faults *, const struct nva_view *,
                     const struct nva_tsi *);
static void tsi_del(struct faults *, nva_id);
static void vn_put(struct faults *, const struct nva_view *,
                   const struct nva_vn *);
static directory_cb tsi_cb;

struct walk {
    struct faults *faults;
    const struct nva_view *view;
};

struct faults *
faults_create(void)
{
    struct faults *f = xzalloc(sizeof *f);

    hmap_init(&f->all);
    hmap_init(&f->nves);
    hmap_init(&f->ips);
    ovs_list_init(&f->ended);
    for (size_t i = 0; i < NVA_N_AUDIT_KINDS; i++) {
        ovs_list_init(&f->fresh[i]);
        ovs_list_init(&f->told[i]);
    }
    return f;
}

void
faults_destroy(struct faults *f)
{
    struct fault_nve *nve;
    struct fault *fault;

    HMAP_FOR_EACH_POP (fault, node, &f->all) {
        destroy(fault);
    }
    LIST_FOR_EACH_POP (fault, list_node, &f->ended) {
        destroy(fault);
    }
    HMAP_FOR_EACH_POP (nve, node, &f->nves) {
        free(nve);
    }
    hmap_destroy(&f->all);
    hmap_destroy(&f->nves);
    hmap_destroy(&f->ips);
    free(f);
}

/* ## What happens ## */

void
faults_delta(struct faults *f, const struct nva_view *v,
             const struct nva_delta *delta)
{
    struct walk walk = { f, v };

    switch (delta->type) {
    case NVA_DELTA_VN_PUT:
        vn_put(f, v, &delta->vn);
        break;
    case NVA_DELTA_NVE_PUT:
        nve_put(f, v, &delta->nve);
        break;
    case NVA_DELTA_NVE_DEL:
        nve_del(f, delta->id);
        break;
    case NVA_DELTA_PORT_DEL:
        port_claimed(f, delta->port.nve, delta->port.name);
        port_changed(f, v, delta->port.nve, delta->port.name);
        break;
    case NVA_DELTA_PORT_PUT:
        port_changed(f, v, delta->port.nve, delta->port.name);
        break;
    case NVA_DELTA_VM_PUT:
        directory_each_tsi_of_vm(v->dir, delta->vm.id, tsi_cb, &walk);
        break;
    case NVA_DELTA_TSI_PUT:
        tsi_look(f, v, &delta->tsi);
        break;
    case NVA_DELTA_TSI_DEL:
        tsi_del(f, delta->id);
        break;
    case NVA_DELTA_VAP_PUT:
        port_claimed(f, delta->vap.nve, delta->vap.port);
        break;
    case NVA_DELTA_VAP_DEL:
        end_key(f, &(struct fault_key) { .kind = NVA_AUDIT_FRAMES_DROPPED,
                                         .vap = delta->id });
        break;
    default:
        break;
    }
}

void
faults_held_back(struct faults *f, nva_id id, enum nva_reason reason)
{
    struct fault_nve *nve = fault_nve_find(f, id);

    if (nve) {
        nve->held_back = reason;
    }
}

void
faults_flows_unknown(struct faults *f, const struct nva_view *v,
                     uint64_t dpid, uint64_t n)
{
    const struct fault_key key = {
        .kind = NVA_AUDIT_FLOWS_UNKNOWN, .dpid = dpid,
    };
    struct fault *fault;

    set(f, v, &key, n > 0);
    fault = find(f, &key);
    if (fault) {
        fault->count = n;
    }
}

void
faults_flows_removed(struct faults *f, const struct nva_view *v, nva_id nve,
                     uint64_t n)
{
    const struct fault_key key = {
        .kind = NVA_AUDIT_FLOWS_REMOVED, .nve = nve,
    };
    struct fault *fault = find(f, &key);

    if (!fault) {
        fault = begin(f, v, &key);
    }
    if (fault) {
        fault->count = n;
    }
}

bool
faults_nve_ever(const struct faults *f, nva_id id)
{
    const struct fault_nve *nve = fault_nve_find(f, id);

    return nve && nve->ever;
}

/* The others are in the order of things: probes, frames that may be late, the
 * spanning tree of a guest's bridge. */
static bool
is_fault(enum nva_reason reason)
{
    return (reason == NVA_R_SPOOFED || reason == NVA_R_BAD_IP
            || reason == NVA_R_STRICT_BINDING || reason == NVA_R_TAGGED
            || reason == NVA_R_NOT_ROUTER || reason == NVA_R_NOT_DHCP_SERVER
            || reason == NVA_R_LEARN_LIMIT || reason == NVA_R_VN_LEARN_LIMIT
            || reason == NVA_R_LIMIT || reason == NVA_R_PLACEMENT);
}

static bool
is_of(const struct fault *fault, const struct fault_key *key)
{
    return (fault->key.kind == key->kind && fault->key.nve == key->nve
            && fault->key.tsi == key->tsi && fault->key.vap == key->vap
            && fault->key.dpid == key->dpid);
}

static uint32_t
hash_key(const struct fault_key *key)
{
    return hash_uint64(key->kind + ((key->nve ^ key->tsi ^ key->vap
                                     ^ key->dpid) << 8));
}

/* The fault that counts the frame which 'key' is of: a VM that makes up
 * addresses has 'max', the last one for all further ones. */
static struct fault *
find_drop(const struct faults *f, const struct fault_key *key, size_t max)
{
    struct fault *fault = find(f, key), *last = NULL, *other;
    size_t n = 0;

    if (fault) {
        return fault;
    }
    HMAP_FOR_EACH_WITH_HASH (other, node, hash_key(key), &f->all) {
        if (is_of(other, key)) {
            n++;
            last = !last || other->since > last->since ? other : last;
        }
    }
    if (n < max) {
        return NULL;
    }
    last->more = true;
    return last;
}

/* Whose address 'frame' says to have: one that it asks for before it uses it,
 * too. */
static struct in6_addr
address_of(const struct nva_frame *frame)
{
    struct in6_addr ip;

    return (nva_frame_is_probe(frame) ? frame->tpa
            : nva_frame_claim(frame, &ip) ? ip
            : frame->kind == NVA_FRAME_OTHER ? frame->ip_src : in6addr_any);
}

void
faults_refused(struct faults *f, const struct nva_view *v,
               enum nva_reason reason, nva_id vap_id,
               const struct nva_frame *frame)
{
    const struct nva_vap *vap = directory_vap(v->dir, vap_id);
    struct fault_key key = {
        .kind = NVA_AUDIT_FRAMES_DROPPED, .reason = reason,
    };
    const struct nva_tsi *tsi;
    struct fault *fault;

    if (!vap || !is_fault(reason)) {
        return;
    }
    tsi = directory_tsi_by_mac(v->dir, vap->vn, frame->eth_src);
    if (tsi) {
        key.tsi = tsi->id;
    } else {
        key.vap = vap->id;
        key.mac = frame->eth_src;
    }
    if (tsi && reason == NVA_R_SPOOFED) {
        key.ip = address_of(frame);     /* Else it is not for its address. */
    }
    fault = find_drop(f, &key, FAULT_DROPS_MAX);
    if (!fault) {
        fault = begin(f, v, &key);
    }
    if (fault) {
        fault->mac = frame->eth_src;
        fault->at.nve = vap->nve;
        ovs_strlcpy(fault->at.port, vap->port, sizeof fault->at.port);
        seen(f, v, fault);
    }
}

void
faults_unbound(struct faults *f, const struct nva_view *v, nva_id nve,
               nva_ofport ofport, const struct nva_frame *frame)
{
    const struct nva_port *port = directory_port_by_ofport(v->dir, nve,
                                                           ofport);
    struct fault_key key = { .kind = NVA_AUDIT_PORT_UNCLAIMED, .nve = nve };
    struct fault *fault;

    if (!port || port == directory_tunnel_port(v->dir, nve)
        || directory_vap_for(v->dir, nve, port->name, frame->eth_src)) {
        return;
    }
    ovs_strlcpy(key.port, port->name, sizeof key.port);
    fault = find_drop(f, &key, FAULT_PORTS_MAX);
    if (!fault) {
        fault = begin(f, v, &key);
    }
    if (fault) {
        fault->mac = frame->eth_src;
        seen(f, v, fault);
    }
}

/* ## Questions ## */

size_t
faults_n(const struct faults *f)
{
    return hmap_count(&f->all);
}

size_t
faults_n_of(const struct faults *f, enum nva_audit_kind kind)
{
    return f->n[kind];
}

void
faults_each(const struct faults *f, const struct nva_view *v, faults_cb *cb,
            void *aux)
{
    struct nva_finding finding;
    const struct fault *fault;
    size_t n = 0;

    for (size_t i = 0; i < 2 * NVA_N_AUDIT_KINDS; i++) {
        const struct ovs_list *list = i % 2 ? &f->fresh[i / 2]
                                            : &f->told[i / 2];

        LIST_FOR_EACH (fault, list_node, list) {
            if (n++ >= FAULTS_LISTED_MAX) {
                return;
            }
            fault_describe(f, v, fault, &finding);
            cb(&finding, aux);
        }
    }
}

void
faults_each_of_tsi(const struct faults *f, const struct nva_view *v,
                   nva_id tsi, faults_cb *cb, void *aux)
{
    static const enum nva_audit_kind kinds[] = {
        NVA_AUDIT_PORT_ABSENT, NVA_AUDIT_FRAMES_DROPPED,
    };
    struct nva_finding finding;
    const struct fault *fault;

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        const struct fault_key key = { .kind = kinds[i], .tsi = tsi };

        HMAP_FOR_EACH_WITH_HASH (fault, node, hash_key(&key), &f->all) {
            if (is_of(fault, &key)) {
                fault_describe(f, v, fault, &finding);
                cb(&finding, aux);
            }
        }
    }
}

nva_usec
faults_nve_since(const struct faults *f, nva_id id)
{
    const struct fault_nve *nve = fault_nve_find(f, id);

    return nve ? nve->since : 0;
}

/* ## Telling ## */

static void
expire(struct faults *f, nva_usec now)
{
    struct fault *fault;

    for (size_t i = 0; i < NVA_N_AUDIT_KINDS; i++) {
        if (!times[i].lasts) {
            continue;
        }
        LIST_FOR_EACH_SAFE (fault, list_node, &f->told[i]) {
            if (now < fault->last + times[i].lasts) {
                break;
            }
            end(f, fault);
        }
    }
}

bool
faults_tell(struct faults *f, const struct nva_view *v,
            struct nva_finding *finding, bool *ended)
{
    struct fault *fault;

    expire(f, v->now);
    *ended = !ovs_list_is_empty(&f->ended);
    if (*ended) {
        fault = CONTAINER_OF(ovs_list_pop_front(&f->ended), struct fault,
                             list_node);
        fault_describe(f, v, fault, finding);
        destroy(fault);
        return true;
    }
    for (size_t i = 0; i < NVA_N_AUDIT_KINDS; i++) {
        if (ovs_list_is_empty(&f->fresh[i])) {
            continue;
        }
        fault = CONTAINER_OF(ovs_list_front(&f->fresh[i]), struct fault,
                             list_node);
        if (v->now >= fault->since + times[i].grace) {
            fault->told = true;
            ovs_list_remove(&fault->list_node);
            ovs_list_push_back(&f->told[i], &fault->list_node);
            if (i == NVA_AUDIT_PORT_ABSENT) {
                fault_find_alike(v, fault);
            }
            fault_describe(f, v, fault, finding);
            return true;
        }
    }
    return false;
}

nva_usec
faults_deadline(const struct faults *f)
{
    nva_usec deadline = ovs_list_is_empty(&f->ended) ? NVA_NEVER : 0;
    const struct fault *fault;

    for (size_t i = 0; i < NVA_N_AUDIT_KINDS; i++) {
        if (!ovs_list_is_empty(&f->fresh[i])) {
            fault = CONTAINER_OF(ovs_list_front(&f->fresh[i]), struct fault,
                                 list_node);
            deadline = MIN(deadline, fault->since + times[i].grace);
        }
        if (times[i].lasts && !ovs_list_is_empty(&f->told[i])) {
            fault = CONTAINER_OF(ovs_list_front(&f->told[i]), struct fault,
                                 list_node);
            deadline = MIN(deadline, fault->last + times[i].lasts);
        }
    }
    return deadline;
}

/* ## Faults ## */

static bool
is_same(const struct fault *fault, const struct fault_key *key)
{
    return (is_of(fault, key) && fault->key.reason == key->reason
            && !strcmp(fault->key.port, key->port)
            && ipv6_addr_equals(&fault->key.ip, &key->ip)
            && eth_addr_equals(fault->key.mac, key->mac));
}

static struct fault *
find(const struct faults *f, const struct fault_key *key)
{
    struct fault *fault;

    HMAP_FOR_EACH_WITH_HASH (fault, node, hash_key(key), &f->all) {
        if (is_same(fault, key)) {
            return fault;
        }
    }
    return NULL;
}

/* NULL if there are as many as may be. */
static struct fault *
begin(struct faults *f, const struct nva_view *v, const struct fault_key *key)
{
    const bool is_seen = times[key->kind].lasts > 0;
    struct nva_finding finding;
    struct fault *fault;

    if (is_seen ? f->n_seen >= FAULTS_SEEN_MAX
        : hmap_count(&f->all) - f->n_seen >= FAULTS_MAX) {
        return NULL;
    }
    fault = xzalloc(sizeof *fault);
    fault->key = *key;
    fault->since = fault->last = v->now;
    fault_describe(f, v, fault, &finding);
    fault->object = xstrdup(finding.object);
    hmap_insert(&f->all, &fault->node, hash_key(key));
    ovs_list_push_back(&f->fresh[key->kind], &fault->list_node);
    f->n[key->kind]++;
    f->n_seen += is_seen;
    return fault;
}

/* 'fault' has shown itself once more. */
static void
seen(struct faults *f, const struct nva_view *v, struct fault *fault)
{
    fault->count++;
    fault->last = v->now;
    if (fault->told) {
        ovs_list_remove(&fault->list_node);
        ovs_list_push_back(&f->told[fault->key.kind], &fault->list_node);
    }
}

static void
end(struct faults *f, struct fault *fault)
{
    hmap_remove(&f->all, &fault->node);
    ovs_list_remove(&fault->list_node);
    f->n[fault->key.kind]--;
    f->n_seen -= times[fault->key.kind].lasts > 0;
    if (fault->told) {
        ovs_list_push_back(&f->ended, &fault->list_node);
    } else {
        destroy(fault);
    }
}

/* Any that is of 'key', whatever its port, address and reason. */
static struct fault *
find_of(const struct faults *f, const struct fault_key *key)
{
    struct fault *fault;

    HMAP_FOR_EACH_WITH_HASH (fault, node, hash_key(key), &f->all) {
        if (is_of(fault, key)) {
            return fault;
        }
    }
    return NULL;
}

/* Ends all that are of 'key', whatever their port, address and reason. */
static void
end_key(struct faults *f, const struct fault_key *key)
{
    struct fault *fault;

    while ((fault = find_of(f, key)) != NULL) {
        end(f, fault);
    }
}

static void
set(struct faults *f, const struct nva_view *v, const struct fault_key *key,
    bool wrong)
{
    struct fault *fault = find(f, key);

    if (wrong && !fault) {
        begin(f, v, key);
    } else if (!wrong && fault) {
        end(f, fault);
    }
}

static void
destroy(struct fault *fault)
{
    free(fault->object);
    free(fault);
}

/* ## NVEs ## */

struct fault_nve *
fault_nve_find(const struct faults *f, nva_id id)
{
    struct fault_nve *nve;

    HMAP_FOR_EACH_WITH_HASH (nve, node, hash_uint64(id), &f->nves) {
        if (nve->id == id) {
            return nve;
        }
    }
    return NULL;
}

const struct fault_nve *
fault_nve_rival(const struct faults *f, const struct fault_nve *nve)
{
    const struct fault_nve *other;

    if (!ipv6_addr_is_set(&nve->ip)) {
        return NULL;
    }
    HMAP_FOR_EACH_WITH_HASH (other, ip_node,
                             hash_bytes(&nve->ip, sizeof nve->ip, 0),
                             &f->ips) {
        if (other != nve && ipv6_addr_equals(&other->ip, &nve->ip)) {
            return other;
        }
    }
    return NULL;
}

static void
set_twice(struct faults *f, const struct nva_view *v,
          const struct fault_nve *nve)
{
    set(f, v, &(struct fault_key) { .kind = NVA_AUDIT_TUNNEL_IP_TWICE,
                                    .nve = nve->id },
        fault_nve_rival(f, nve) != NULL);
}

/* Of those that share an address only one that is left alone changes, and one
 * that was alone: either is the rival of the one that goes or comes. */
static void
set_ip(struct faults *f, const struct nva_view *v, struct fault_nve *nve,
       const struct in6_addr *ip)
{
    const struct fault_nve *left;

    if (ipv6_addr_equals(&nve->ip, ip)) {
        return;
    }
    left = fault_nve_rival(f, nve);
    if (ipv6_addr_is_set(&nve->ip)) {
        hmap_remove(&f->ips, &nve->ip_node);
    }
    nve->ip = *ip;
    if (ipv6_addr_is_set(ip)) {
        hmap_insert(&f->ips, &nve->ip_node, hash_bytes(ip, sizeof *ip, 0));
    }
    if (left && v) {
        set_twice(f, v, left);
    }
    left = fault_nve_rival(f, nve);
    if (left && v) {
        set_twice(f, v, left);
    }
}

/* Sessions that follow each other too fast. */
static void
note_up(struct faults *f, const struct nva_view *v, struct fault_nve *nve)
{
    const struct fault_key key = {
        .kind = NVA_AUDIT_NVE_UNSTABLE, .nve = nve->id,
    };
    nva_usec *oldest = &nve->ups[nve->n_ups++ % FAULT_UPS];
    struct fault *fault = find(f, &key);

    if (!fault && *oldest && v->now - *oldest < FAULT_UPS_TIME) {
        fault = begin(f, v, &key);
    }
    *oldest = v->now;
    if (fault) {
        seen(f, v, fault);
        fault->count = nve->n_ups;
    }
}

static void
nve_put(struct faults *f, const struct nva_view *v, const struct nva_nve *put)
{
    struct fault_nve *nve = fault_nve_find(f, put->id);
    struct walk walk = { f, v };
    bool first;

    if (!nve) {
        nve = xzalloc(sizeof *nve);
        nve->id = put->id;
        nve->since = v->now;
        hmap_insert(&f->nves, &nve->node, hash_uint64(nve->id));
    }
    if (nve->connected != put->connected) {
        nve->connected = put->connected;
        nve->since = v->now;
        nve->held_back = NVA_OK;
    }
    if (nve->session != put->session) {
        nve->session = put->session;
        note_up(f, v, nve);
    }
    set_ip(f, v, nve, &put->tunnel_ip);
    first = nve->connected && !nve->ever;
    nve_look(f, v, nve);
    if (first) {
        nve->ever = true;
        directory_each_tsi_at(v->dir, nve->id, NULL, tsi_cb, &walk);
    }
}

static void
nve_look(struct faults *f, const struct nva_view *v, struct fault_nve *nve)
{
    const struct {
        enum nva_audit_kind kind;
        bool wrong;
    } looks[] = {
        { NVA_AUDIT_NVE_SILENT, !nve->connected && nve->ever },
        { NVA_AUDIT_NVE_ABSENT, !nve->connected && !nve->ever },
        { NVA_AUDIT_TUNNEL_PORT_ABSENT,
          nve->connected && !directory_tunnel_port(v->dir, nve->id) },
        { NVA_AUDIT_TUNNEL_IP_ABSENT,
          nve->connected && !ipv6_addr_is_set(&nve->ip) },
        { NVA_AUDIT_TUNNEL_IP_TWICE, fault_nve_rival(f, nve) != NULL },
    };

    for (size_t i = 0; i < ARRAY_SIZE(looks); i++) {
        set(f, v, &(struct fault_key) { .kind = looks[i].kind,
                                        .nve = nve->id }, looks[i].wrong);
    }
}

static void
nve_del(struct faults *f, nva_id id)
{
    struct fault_nve *nve = fault_nve_find(f, id);

    if (!nve) {
        return;
    }
    for (size_t i = 0; i < NVA_N_AUDIT_KINDS; i++) {
        end_key(f, &(struct fault_key) { .kind = i, .nve = id });
    }
    if (ipv6_addr_is_set(&nve->ip)) {
        const struct fault_nve *left = fault_nve_rival(f, nve);

        hmap_remove(&f->ips, &nve->ip_node);
        if (left && !fault_nve_rival(f, left)) {
            end_key(f, &(struct fault_key) {
                           .kind = NVA_AUDIT_TUNNEL_IP_TWICE,
                           .nve = left->id });
        }
    }
    hmap_remove(&f->nves, &nve->node);
    free(nve);
}

/* ## Ports and interfaces ## */

static bool
tsi_cb(const void *tsi, void *walk_)
{
    const struct walk *walk = walk_;

    tsi_look(walk->faults, walk->view, tsi);
    return true;
}

static void
port_changed(struct faults *f, const struct nva_view *v, nva_id id,
             const char *port)
{
    struct fault_nve *nve = fault_nve_find(f, id);
    struct walk walk = { f, v };

    directory_each_tsi_at(v->dir, id, port, tsi_cb, &walk);
    if (nve) {
        nve_look(f, v, nve);
    }
}

/* Somebody has bound the port, or it is gone. */
static void
port_claimed(struct faults *f, nva_id nve, const char *port)
{
    struct fault_key key = { .kind = NVA_AUDIT_PORT_UNCLAIMED, .nve = nve };
    struct fault *fault;

    ovs_strlcpy(key.port, port, sizeof key.port);
    fault = find(f, &key);
    if (fault) {
        end(f, fault);
    }
}

/* Who is off, is on its way or was never told of has its port when it comes.
 */
static bool
is_port_absent(const struct faults *f, const struct nva_view *v,
               const struct nva_tsi *tsi)
{
    const struct nva_vm *vm = directory_vm(v->dir, tsi->vm);
    const struct fault_nve *nve = fault_nve_find(f, tsi->current.nve);

    return (vm && vm->origin == NVA_ORIGIN_CONFIGURED && !vm->move
            && nva_place_is_set(&tsi->current) && !tsi->stopped
            && nve && nve->ever
            && !directory_port(v->dir, tsi->current.nve, tsi->current.port));
}

/* True if what was dropped of 'tsi' would not be now: nobody knew it there,
 * or it has since been given what it lacked. */
static bool
is_allowed_now(const struct nva_tsi *tsi, const struct fault *fault)
{
    if (fault->key.vap) {
        return eth_addr_equals(fault->key.mac, tsi->mac);
    }
    switch ((int) fault->key.reason) {
    case NVA_R_SPOOFED:
        return nva_ips_have(tsi->ips, tsi->n_ips, &fault->key.ip);
    case NVA_R_STRICT_BINDING:
        return nva_place_equal(&tsi->current, &fault->at);
    case NVA_R_NOT_ROUTER:
        return tsi->roles & 1u << NVA_ROLE_ROUTER;
    case NVA_R_NOT_DHCP_SERVER:
        return tsi->roles & 1u << NVA_ROLE_DHCP_SERVER;
    default:
        return false;
    }
}

/* Ends what is of 'key' and was dropped of 'tsi', but would not be now. */
static void
end_allowed(struct faults *f, const struct fault_key *key,
            const struct nva_tsi *tsi)
{
    struct fault *over[FAULT_DROPS_MAX], *fault;
    size_t n = 0;

    HMAP_FOR_EACH_WITH_HASH (fault, node, hash_key(key), &f->all) {
        if (is_of(fault, key) && is_allowed_now(tsi, fault)) {
            over[n++] = fault;
        }
    }
    while (n) {
        end(f, over[--n]);
    }
}

static void
tsi_look(struct faults *f, const struct nva_view *v,
         const struct nva_tsi *tsi)
{
    const struct nva_vap *vap = directory_vap_for(v->dir, tsi->current.nve,
                                                  tsi->current.port,
                                                  tsi->mac);
    struct fault_key key = { .kind = NVA_AUDIT_PORT_ABSENT, .tsi = tsi->id };

    set(f, v, &key, is_port_absent(f, v, tsi));

    key.kind = NVA_AUDIT_FRAMES_DROPPED;
    end_allowed(f, &key, tsi);
    if (vap && vap->vn == tsi->vn) {
        end_allowed(f, &(struct fault_key) { .kind = key.kind,
                                             .vap = vap->id }, tsi);
    }
}

static void
tsi_del(struct faults *f, nva_id id)
{
    end_key(f, &(struct fault_key) { .kind = NVA_AUDIT_PORT_ABSENT,
                                     .tsi = id });
    end_key(f, &(struct fault_key) { .kind = NVA_AUDIT_FRAMES_DROPPED,
                                     .tsi = id });
}

/* The network that frames were dropped in. */
static nva_id
vn_of(const struct nva_view *v, const struct fault *fault)
{
    const struct nva_tsi *tsi = directory_tsi(v->dir, fault->key.tsi);
    const struct nva_vap *vap = directory_vap(v->dir, fault->key.vap);

    return tsi ? tsi->vn : vap ? vap->vn : NVA_ID_NONE;
}

/* A network that learns from now on has nothing against what a strict one
 * dropped.  At most FAULTS_SEEN_MAX looks. */
static void
vn_put(struct faults *f, const struct nva_view *v, const struct nva_vn *vn)
{
    struct ovs_list *lists[] = { &f->fresh[NVA_AUDIT_FRAMES_DROPPED],
                                 &f->told[NVA_AUDIT_FRAMES_DROPPED] };
    struct fault *fault;

    if (vn->binding == NVA_BINDING_STRICT) {
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        LIST_FOR_EACH_SAFE (fault, list_node, lists[i]) {
            if ((fault->key.reason == NVA_R_SPOOFED
                 || fault->key.reason == NVA_R_STRICT_BINDING)
                && vn_of(v, fault) == vn->id) {
                end(f, fault);
            }
        }
    }
}
