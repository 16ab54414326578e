/* SPDX-License-Identifier: Apache-2.0 */

/* A small fabric in a real directory, for the tests of the brain's modules:
 *
 *     hv1 (1)  hv2 (2)  hv3 (3), each with ports vx0 = 1, tap1 = 11, tap2 = 12
 *     red (101): strict, VNI 100;   blue (102): learn, VNI 200
 *     tap1 of each NVE is red's, tap2 is blue's.
 *
 * An NVE's session is 1000 + its id, its tunnel address 172.31.0.<id>. */

#ifndef NVA_TEST_FIXTURE_H
#define NVA_TEST_FIXTURE_H 1

#include <config.h>

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "binding.h"
#include "directory.h"
#include "event.h"
#include "step.h"
#include "util.h"

enum { HV1 = 1, HV2, HV3, RED = 101, BLUE };

enum { FX_UNCONFIRMED_MAX = 16 };

struct fixture {
    struct directory *dir;
    struct nva_dirty_list dirty;
    struct nva_plan plan;
    struct nva_view view;

    /* What has not been confirmed; all else has. */
    size_t n_unconfirmed;
    struct nva_dirty unconfirmed[FX_UNCONFIRMED_MAX];
};

/* The view's 'confirmed'. */
static inline bool
fx_confirmed(const void *fx_, nva_id nve, struct nva_owner owner,
             uint64_t version)
{
    const struct fixture *fx = fx_;

    ck_assert_uint_eq(version, directory_owner_version(fx->dir, owner));
    for (size_t i = 0; i < fx->n_unconfirmed; i++) {
        if (fx->unconfirmed[i].nve == nve
            && nva_owner_equal(fx->unconfirmed[i].owner, owner)) {
            return false;
        }
    }
    return true;
}

/* From now on 'nve' has not confirmed 'owner'. */
static inline void
fx_unconfirm(struct fixture *fx, nva_id nve, enum nva_owner_kind kind,
             nva_id id)
{
    ck_assert_uint_lt(fx->n_unconfirmed, FX_UNCONFIRMED_MAX);
    fx->unconfirmed[fx->n_unconfirmed++] = (struct nva_dirty) {
        .nve = nve, .owner = { kind, id },
    };
}

static inline struct in6_addr
fx_ip(const char *s)
{
    struct in6_addr ip;

    ck_assert_int_eq(nva_ip_parse(s, &ip), NVA_OK);
    return ip;
}

static inline struct eth_addr
fx_mac(uint8_t last)
{
    struct eth_addr mac = { .ea = { 2, 0, 0, 0, 0, last } };

    return mac;
}

static inline void
fx_apply(struct fixture *fx, const struct nva_delta *delta)
{
    directory_apply(fx->dir, delta, &fx->dirty);
}

/* Applies the plan's deltas, as dispatch does, and checks the indices. */
static inline void
fx_apply_plan(struct fixture *fx)
{
    const char *wrong;

    binding_sweep(&fx->view, &fx->plan);
    for (size_t i = 0; i < fx->plan.deltas.n; i++) {
        fx_apply(fx, &fx->plan.deltas.a[i]);
    }
    wrong = directory_check(fx->dir);
    ck_assert_msg(!wrong, "%s", wrong);
}

static inline void
fx_vn(struct fixture *fx, nva_id id, const char *name, uint32_t vni,
      enum nva_binding binding)
{
    struct nva_delta d = { .type = NVA_DELTA_VN_PUT, .id = id };

    d.vn.id = id;
    ovs_strlcpy(d.vn.name, name, sizeof d.vn.name);
    d.vn.vni = vni;
    d.vn.binding = binding;
    d.vn.redirect_timeout = NVA_REDIRECT_TIMEOUT_DEFAULT;
    d.vn.max_learned = NVA_MAX_LEARNED_DEFAULT;
    fx_apply(fx, &d);
}

static inline void
fx_port(struct fixture *fx, nva_id nve, const char *name, nva_ofport ofport)
{
    struct nva_delta d = { .type = NVA_DELTA_PORT_PUT };

    d.port.nve = nve;
    ovs_strlcpy(d.port.name, name, sizeof d.port.name);
    d.port.ofport = ofport;
    fx_apply(fx, &d);
}

static inline void
fx_vap(struct fixture *fx, nva_id nve, const char *port, nva_id vn)
{
    struct nva_delta d = { .type = NVA_DELTA_VAP_PUT };

    d.id = d.vap.id = directory_next_id(fx->dir);
    d.vap.nve = nve;
    ovs_strlcpy(d.vap.port, port, sizeof d.vap.port);
    d.vap.vn = vn;
    fx_apply(fx, &d);
}

static inline nva_id
fx_vap_id(const struct fixture *fx, nva_id nve, const char *port)
{
    return directory_vap_for(fx->dir, nve, port, fx_mac(1))->id;
}

/* Writes back NVE 'id' with its session's side changed. */
static inline void
fx_connect(struct fixture *fx, nva_id id, bool connected)
{
    struct nva_delta d = { .type = NVA_DELTA_NVE_PUT, .id = id };

    d.nve = *directory_nve(fx->dir, id);
    d.nve.connected = connected;
    fx_apply(fx, &d);
}

static inline void
fx_nve(struct fixture *fx, nva_id id)
{
    struct nva_delta d = { .type = NVA_DELTA_NVE_PUT, .id = id };
    char ip[INET6_ADDRSTRLEN];

    d.nve.id = id;
    d.nve.dpid = id;
    d.nve.session = 1000 + id;
    d.nve.connected = true;
    snprintf(d.nve.name, sizeof d.nve.name, "hv%d", (int) id);
    snprintf(ip, sizeof ip, "172.31.0.%d", (int) id);
    d.nve.tunnel_ip = fx_ip(ip);
    fx_apply(fx, &d);
    fx_port(fx, id, "vx0", 1);
    fx_port(fx, id, "tap1", 11);
    fx_port(fx, id, "tap2", 12);
    fx_vap(fx, id, "tap1", RED);
    fx_vap(fx, id, "tap2", BLUE);
}

static inline void
fx_tsi_put(struct fixture *fx, const struct nva_tsi *tsi)
{
    struct nva_delta d = { .type = NVA_DELTA_TSI_PUT, .id = tsi->id };

    d.tsi = *tsi;
    fx_apply(fx, &d);
}

/* Adds a VM with one interface, placed at ('nve', 'port') unless 'nve' is 0;
 * its MAC is fx_mac(last).  Returns the interface's id. */
static inline nva_id
fx_vm(struct fixture *fx, nva_id vn, uint8_t last, const char *ip, nva_id nve,
      const char *port)
{
    struct nva_delta d = { .type = NVA_DELTA_VM_PUT };
    struct nva_tsi tsi = { .vn = vn, .mac = fx_mac(last) };

    d.id = d.vm.id = directory_next_id(fx->dir);
    snprintf(d.vm.name, sizeof d.vm.name, "vm%d-%d", (int) vn, last);
    d.vm.state = NVA_VM_RUNNING;
    fx_apply(fx, &d);

    tsi.id = directory_next_id(fx->dir);
    tsi.vm = d.id;
    ovs_strlcpy(tsi.name, "eth0", sizeof tsi.name);
    if (ip) {
        tsi.ips[tsi.n_ips++] = fx_ip(ip);
        tsi.n_given = 1;
    }
    if (nve) {
        tsi.current.nve = nve;
        ovs_strlcpy(tsi.current.port, port, sizeof tsi.current.port);
        tsi.published = tsi.current;
    }
    fx_tsi_put(fx, &tsi);
    return tsi.id;
}

static inline void
fx_init(struct fixture *fx)
{
    memset(fx, 0, sizeof *fx);
    fx->dir = directory_create();
    nva_dirty_init(&fx->dirty);
    nva_plan_init(&fx->plan);
    fx->view.dir = fx->dir;
    fx->view.confirmed = fx_confirmed;
    fx->view.aux = fx;
    fx_vn(fx, RED, "red", 100, NVA_BINDING_STRICT);
    fx_vn(fx, BLUE, "blue", 200, NVA_BINDING_LEARN);
    fx_nve(fx, HV1);
    fx_nve(fx, HV2);
    fx_nve(fx, HV3);
    nva_plan_start(&fx->plan, directory_next_id(fx->dir));
}

static inline void
fx_uninit(struct fixture *fx)
{
    nva_plan_uninit(&fx->plan);
    nva_dirty_uninit(&fx->dirty);
    directory_destroy(fx->dir);
}

/* ## What a move is made of ## */

static inline struct nva_place
fx_place(nva_id nve, const char *port)
{
    struct nva_place place = { .nve = nve };

    ovs_strlcpy(place.port, port, sizeof place.port);
    return place;
}

static inline struct nva_place
fx_nowhere(void)
{
    return (struct nva_place) { .nve = NVA_ID_NONE };
}

/* Adds a redirect of 'tsi' as if it had been armed at 'since' for the default
 * time; returns its id. */
static inline nva_id
fx_redirect(struct fixture *fx, nva_id tsi, nva_id at, nva_id to, nva_id move,
            nva_usec since)
{
    struct nva_delta d = { .type = NVA_DELTA_REDIRECT_PUT };

    d.id = directory_next_id(fx->dir);
    d.redirect = (struct nva_redirect) {
        .id = d.id, .tsi = tsi, .at = at, .port = "tap9", .to = to,
        .move = move,
        .since = since,
        .until = since + NVA_REDIRECT_TIMEOUT_DEFAULT * NVA_SEC,
    };
    fx_apply(fx, &d);
    return d.id;
}

/* Adds a move of the VM of 'tsi', its only interface, linked while it is under
 * way; returns its id. */
static inline nva_id
fx_move(struct fixture *fx, nva_id tsi_id, enum nva_move_state state,
        struct nva_place from, struct nva_place to)
{
    const struct nva_tsi *tsi = directory_tsi(fx->dir, tsi_id);
    struct nva_delta d = { .type = NVA_DELTA_MOVE_PUT };
    struct nva_delta vm = { .type = NVA_DELTA_VM_PUT, .id = tsi->vm };

    d.id = d.move.id = directory_next_id(fx->dir);
    d.move.vm = tsi->vm;
    d.move.state = state;
    d.move.to_nve = to.nve;
    d.move.n_ifs = 1;
    d.move.ifs[0] = (struct nva_move_if) {
        .tsi = tsi_id, .from = from, .to = to,
        .switched = state >= NVA_MS_SWITCHING && state <= NVA_MS_DONE,
    };
    fx_apply(fx, &d);
    vm.vm = *directory_vm(fx->dir, tsi->vm);
    vm.vm.move = state < NVA_MS_DONE ? d.id : NVA_ID_NONE;
    fx_apply(fx, &vm);
    return d.id;
}

/* Adds another interface, "ethN", to the VM of 'first', at the same places;
 * its MAC is fx_mac(last).  Returns its id. */
static inline nva_id
fx_second(struct fixture *fx, nva_id first, uint8_t last)
{
    struct nva_tsi tsi = *directory_tsi(fx->dir, first);

    tsi.id = directory_next_id(fx->dir);
    snprintf(tsi.name, sizeof tsi.name, "eth%d", last);
    tsi.mac = fx_mac(last);
    tsi.n_ips = 0;
    fx_tsi_put(fx, &tsi);
    return tsi.id;
}

/* Starts a fresh plan. */
static inline void
fx_start(struct fixture *fx)
{
    nva_plan_start(&fx->plan, directory_next_id(fx->dir));
}

static inline size_t
fx_n_deltas(const struct fixture *fx, enum nva_delta_type type)
{
    size_t n = 0;

    for (size_t i = 0; i < fx->plan.deltas.n; i++) {
        n += fx->plan.deltas.a[i].type == type;
    }
    return n;
}

/* The last delta of 'type' in the plan about object 'id' (0: any), or NULL. */
static inline const struct nva_delta *
fx_delta(const struct fixture *fx, enum nva_delta_type type, nva_id id)
{
    for (size_t i = fx->plan.deltas.n; i-- > 0; ) {
        const struct nva_delta *d = &fx->plan.deltas.a[i];

        if (d->type == type && (!id || d->id == id)) {
            return d;
        }
    }
    return NULL;
}

/* The first stamp of 'kind' that the plan gives to 'move', or NULL. */
static inline const struct nva_stamp *
fx_stamp(const struct fixture *fx, nva_id move, enum nva_stamp_kind kind)
{
    for (size_t i = 0; i < fx->plan.deltas.n; i++) {
        const struct nva_delta *d = &fx->plan.deltas.a[i];

        if (d->type == NVA_DELTA_MOVE_STAMP && d->id == move
            && d->stamp.kind == kind) {
            return &d->stamp;
        }
    }
    return NULL;
}

/* The note that 'move' went to 'state', or NULL. */
static inline const struct nva_note *
fx_move_note(const struct fixture *fx, nva_id move, enum nva_move_state state)
{
    for (size_t i = 0; i < fx->plan.n_notes; i++) {
        const struct nva_note *n = &fx->plan.notes[i];

        if (n->type == NVA_NOTE_MOVE && n->move == move
            && n->state == state) {
            return n;
        }
    }
    return NULL;
}

/* ## Frames as structs ## */

static inline struct nva_frame
fx_arp(enum nva_frame_kind kind, struct eth_addr src, const char *spa,
       const char *tpa)
{
    struct nva_frame f = { .kind = kind, .eth_src = src, .sha = src };

    memset(&f.eth_dst, 0xff, sizeof f.eth_dst);
    f.eth_type = 0x0806;
    f.spa = fx_ip(spa);
    f.tpa = fx_ip(tpa);
    return f;
}

static inline struct nva_frame
fx_rarp(struct eth_addr src, struct eth_addr target)
{
    struct nva_frame f = fx_arp(NVA_FRAME_RARP_REQUEST, src, "0.0.0.0",
                                "0.0.0.0");

    f.eth_type = 0x8035;
    f.tha = target;
    return f;
}

static inline struct nva_frame
fx_nd(enum nva_frame_kind kind, struct eth_addr src, const char *ip_src,
      const char *target)
{
    struct nva_frame f = { .kind = kind, .eth_src = src, .eth_type = 0x86dd };

    f.eth_dst = (struct eth_addr) { .ea = { 0x33, 0x33, 0, 0, 0, 1 } };
    f.ip_src = fx_ip(ip_src);
    f.ip_dst = fx_ip("ff02::1");
    f.tpa = fx_ip(target);
    f.has_lla = f.na_override = kind == NVA_FRAME_NA;
    f.lla = src;
    return f;
}

/* A frame of which only the Ethernet header counts. */
static inline struct nva_frame
fx_data(struct eth_addr src, struct eth_addr dst)
{
    struct nva_frame f = { .kind = NVA_FRAME_OTHER, .eth_src = src,
                           .eth_dst = dst, .eth_type = 0x0800 };

    return f;
}

/* An event of 'type' with 'frame', which came in at ('nve', 'port'). */
static inline struct nva_event
fx_packet(const struct fixture *fx, enum nva_event_type type, nva_id nve,
          const char *port, struct nva_frame frame)
{
    struct nva_event ev = { .type = type, .nve = nve, .session = 1000 + nve };
    const struct nva_vap *vap = directory_vap_for(fx->dir, nve, port,
                                                  frame.eth_src);

    ev.packet.vap = vap->id;
    ev.packet.vn = vap->vn;
    ev.packet.ofport = directory_port(fx->dir, nve, port)->ofport;
    ev.packet.frame = frame;
    return ev;
}

static inline int
fx_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    int failed;

    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}

#endif /* fixture.h */
