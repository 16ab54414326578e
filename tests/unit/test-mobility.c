/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include "mobility.h"
#include "redirect.h"

static struct fixture fx;
static nva_id tsi_id, vm_id;            /* In red (strict), at hv1 tap1. */
static nva_id learn_id;                 /* In blue (learn), at hv1 tap2. */

#define NOW (1000 * NVA_SEC)
#define TIMEOUT (NVA_REDIRECT_TIMEOUT_DEFAULT * NVA_SEC)

static void
setup(void)
{
    fx_init(&fx);
    fx.view.now = NOW;
    tsi_id = fx_vm(&fx, RED, 1, "10.0.0.1", HV1, "tap1");
    learn_id = fx_vm(&fx, BLUE, 5, "10.0.0.5", HV1, "tap2");
    vm_id = directory_tsi(fx.dir, tsi_id)->vm;
    fx_start(&fx);
}

static void
teardown(void)
{
    fx_uninit(&fx);
}

static const struct nva_tsi *
tsi(nva_id id)
{
    return directory_tsi(fx.dir, id);
}

static const struct nva_tsi *
tsi_put(nva_id id)
{
    const struct nva_delta *d = fx_delta(&fx, NVA_DELTA_TSI_PUT, id);

    return d ? &d->tsi : NULL;
}

static const struct nva_move *
move_put(nva_id id)
{
    const struct nva_delta *d = fx_delta(&fx, NVA_DELTA_MOVE_PUT, id);

    return d ? &d->move : NULL;
}

static bool
is(const struct nva_place *place, nva_id nve, const char *port)
{
    struct nva_place other = fx_place(nve, port);

    return nva_place_equal(place, &other);
}

/* ## Asking ## */

static struct nva_request
start_request(const char *nve, const char *port)
{
    struct nva_request r = { .type = NVA_REQ_MOVE_START };

    ovs_strlcpy(r.move.vm, "vm101-1", sizeof r.move.vm);
    ovs_strlcpy(r.move.nve, nve, sizeof r.move.nve);
    if (port) {
        r.move.n_ports = 1;
        ovs_strlcpy(r.move.ports[0].port, port, NVA_PORT_NAME_MAX);
    }
    return r;
}

static enum nva_reason
ask(const struct nva_request *r)
{
    fx_start(&fx);
    mobility_request(&fx.view, r, &fx.plan);
    if (fx.plan.verdict) {
        ck_assert_uint_eq(fx.plan.deltas.n, 0);
        ck_assert_uint_eq(fx.plan.n_notes, 0);
        ck_assert_uint_eq(fx.plan.n_replies, 0);
        ck_assert_ptr_nonnull(fx.plan.field);
    }
    return fx.plan.verdict;
}

/* Starts a move of "vm101-1" and applies it; returns its id. */
static nva_id
start(const char *nve, const char *port)
{
    struct nva_request r = start_request(nve, port);

    ck_assert_int_eq(ask(&r), NVA_OK);
    fx_apply_plan(&fx);
    return fx.plan.object;
}

static enum nva_reason
verb(enum nva_request_type type, nva_id move)
{
    struct nva_request r = { .type = type };

    r.move.id = move;
    return ask(&r);
}

/* ...and applies what it decided. */
static void
must(enum nva_request_type type, nva_id move)
{
    ck_assert_int_eq(verb(type, move), NVA_OK);
    fx_apply_plan(&fx);
}

static void
evidence(enum nva_admit what, nva_id nve, const char *port,
         struct nva_frame frame)
{
    struct nva_event ev = fx_packet(&fx, NVA_EV_EVIDENCE, nve, port, frame);

    fx_start(&fx);
    mobility_evidence(&fx.view, &ev, what, &fx.plan);
}

static struct nva_frame
speaks(uint8_t last)
{
    return fx_data(fx_mac(last), fx_mac(99));
}

/* ## Start ## */

START_TEST(D16_start_prepares)
{
    struct nva_request r = start_request("hv2", "tap9");
    const struct nva_move *move;
    const struct nva_delta *d;

    ck_assert_int_eq(ask(&r), NVA_OK);
    move = move_put(fx.plan.object);
    ck_assert_ptr_nonnull(move);
    ck_assert_int_eq(move->state, NVA_MS_PREPARED);
    ck_assert_int_eq(move->cause, NVA_CAUSE_PLANNED);
    ck_assert_uint_eq(move->vm, vm_id);
    ck_assert_uint_eq(move->to_nve, HV2);
    ck_assert_uint_eq(move->n_ifs, 1);
    ck_assert_uint_eq(move->ifs[0].tsi, tsi_id);
    ck_assert(is(&move->ifs[0].from, HV1, "tap1"));
    ck_assert(is(&move->ifs[0].to, HV2, "tap9"));
    ck_assert(!move->ifs[0].switched && !move->ready);

    ck_assert(is(&tsi_put(tsi_id)->prepared, HV2, "tap9"));
    ck_assert(is(&tsi_put(tsi_id)->current, HV1, "tap1"));
    ck_assert(is(&tsi_put(tsi_id)->published, HV1, "tap1"));
    ck_assert(!tsi_put(tsi_id)->paused);
    d = fx_delta(&fx, NVA_DELTA_VAP_PUT, 0);
    ck_assert(d && d->vap.implied && d->vap.vn == RED && d->vap.nve == HV2);
    d = fx_delta(&fx, NVA_DELTA_VM_PUT, vm_id);
    ck_assert(d && d->vm.move == move->id);
    ck_assert_uint_eq(fx_stamp(&fx, move->id, NVA_STAMP_STARTED)->nve, HV2);
    ck_assert_ptr_nonnull(fx_move_note(&fx, move->id, NVA_MS_PREPARED));
    ck_assert_uint_gt(fx.plan.n_replies, 0);            /* Warmed. */
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_REDIRECT_PUT), 0);
    fx_apply_plan(&fx);
}
END_TEST

START_TEST(start_without_a_port)
{
    nva_id id = start("hv2", NULL);

    ck_assert(is(&directory_move(fx.dir, id)->ifs[0].to, HV2, ""));
    ck_assert(is(&tsi(tsi_id)->prepared, HV2, ""));
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_VAP_PUT), 0);
}
END_TEST

START_TEST(start_again_names_the_port)
{
    nva_id id = start("hv2", NULL);

    ck_assert_uint_eq(start("hv2", "tap1"), id);
    ck_assert_uint_eq(directory_move(fx.dir, id)->n_ifs, 1);
    ck_assert(is(&directory_move(fx.dir, id)->ifs[0].to, HV2, "tap1"));
    ck_assert(is(&tsi(tsi_id)->prepared, HV2, "tap1"));
    ck_assert_ptr_null(fx_stamp(&fx, id, NVA_STAMP_STARTED));
    ck_assert_uint_eq(directory_n_moves_active(fx.dir), 1);
}
END_TEST

/* The port that was named before is not wanted any more. */
START_TEST(start_again_releases_the_port_named_before)
{
    nva_id vap;

    start("hv2", "tap8");
    vap = directory_vap_for(fx.dir, HV2, "tap8", fx_mac(1))->id;
    start("hv2", "tap9");
    ck_assert_ptr_null(directory_vap(fx.dir, vap));
}
END_TEST

START_TEST(start_is_refused)
{
    static const struct {
        const char *vm, *nve, *port, *interface, *field;
        enum nva_move_kind kind;
        enum nva_reason reason;
    } t[] = {
        { "nobody", "hv2", "tap1", "", "vm", 0, NVA_R_NOT_FOUND },
        { "vm101-1", "hv9", "tap1", "", "to.nve", 0, NVA_R_NOT_FOUND },
        { "vm101-1", "hv2", "tap1", "", "kind", NVA_MOVE_FAILOVER,
          NVA_R_UNSUPPORTED },
        { "vm101-1", "hv2", "tap1", "eth7", "to.ports", 0, NVA_R_NOT_FOUND },
        { "vm101-1", "hv1", "tap1", "", "to.ports", 0, NVA_R_SAME_PLACE },
        { "vm101-1", "hv2", "tap2", "eth0", "to.ports", 0,
          NVA_R_PORT_TAKEN },
        { "empty", "hv2", "tap1", "", "interfaces", 0, NVA_R_NOT_FOUND },
    };
    struct nva_request r = start_request(t[_i].nve, t[_i].port);
    struct nva_delta d = { .type = NVA_DELTA_VM_PUT, .id = 4000 };

    d.vm.id = 4000;
    ovs_strlcpy(d.vm.name, "empty", sizeof d.vm.name);
    fx_apply(&fx, &d);
    ovs_strlcpy(r.move.vm, t[_i].vm, sizeof r.move.vm);
    ovs_strlcpy(r.move.ports[0].interface, t[_i].interface, NVA_NAME_MAX);
    r.move.has_kind = true;
    r.move.kind = t[_i].kind;
    ck_assert_int_eq(ask(&r), t[_i].reason);
    ck_assert_str_eq(fx.plan.field, t[_i].field);
}
END_TEST

START_TEST(one_planned_move_at_a_time)
{
    nva_id id = start("hv2", "tap1");
    struct nva_request r = start_request("hv3", "tap1");

    ck_assert_int_eq(ask(&r), NVA_R_MOVE_IN_PROGRESS);
    must(NVA_REQ_MOVE_PAUSE, id);
    ck_assert_int_eq(ask(&r), NVA_R_MOVE_IN_PROGRESS);
    r = start_request("hv2", "tap1");
    ck_assert_int_eq(ask(&r), NVA_R_MOVE_IN_PROGRESS);
    must(NVA_REQ_MOVE_ABORT, id);
    ck_assert_int_eq(ask(&r), NVA_R_MOVE_IN_PROGRESS);  /* Unwinding. */
}
END_TEST

START_TEST(D16_start_supersedes_a_move_that_has_switched)
{
    nva_id old = start("hv2", "tap1"), id;

    must(NVA_REQ_MOVE_ACTIVATE, old);
    id = start("hv3", "tap1");
    ck_assert_uint_ne(id, old);
    ck_assert_int_eq(directory_move(fx.dir, old)->state, NVA_MS_SUPERSEDED);
    ck_assert_int_eq(directory_move(fx.dir, old)->ended, NOW);
    ck_assert_ptr_nonnull(fx_stamp(&fx, old, NVA_STAMP_SUPERSEDED));
    ck_assert_uint_eq(directory_vm(fx.dir, vm_id)->move, id);
    ck_assert(is(&tsi(tsi_id)->current, HV2, "tap1"));
    ck_assert(is(&directory_move(fx.dir, id)->ifs[0].from, HV2, "tap1"));
    /* The trailing redirect stays. */
    ck_assert_ptr_nonnull(redirect_at(fx.dir, tsi_id, HV1));
}
END_TEST

/* ## Pause, activate, abort ## */

START_TEST(D17_pause)
{
    nva_id id = start("hv2", "tap1");

    fx_unconfirm(&fx, HV2, NVA_OWNER_TSI, tsi_id);
    ck_assert_int_eq(verb(NVA_REQ_MOVE_PAUSE, id), NVA_R_NOT_READY);
    fx.n_unconfirmed = 0;
    must(NVA_REQ_MOVE_PAUSE, id);
    ck_assert_int_eq(move_put(id)->state, NVA_MS_PAUSED);
    ck_assert(tsi_put(tsi_id)->paused);
    ck_assert(is(&tsi_put(tsi_id)->current, HV1, "tap1"));
    ck_assert_ptr_nonnull(fx_stamp(&fx, id, NVA_STAMP_PAUSED));
    ck_assert_ptr_nonnull(fx_move_note(&fx, id, NVA_MS_PAUSED));
    ck_assert_uint_eq(redirect_at(fx.dir, tsi_id, HV1)->to, HV2);
    must(NVA_REQ_MOVE_PAUSE, id);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
}
END_TEST

START_TEST(D17_activate)
{
    nva_id id = start("hv2", "tap1");

    fx_unconfirm(&fx, HV2, NVA_OWNER_TSI, tsi_id);
    ck_assert_int_eq(verb(NVA_REQ_MOVE_ACTIVATE, id), NVA_R_NOT_READY);
    fx.n_unconfirmed = 0;
    fx_connect(&fx, HV2, false);
    ck_assert_int_eq(verb(NVA_REQ_MOVE_ACTIVATE, id), NVA_R_DESTINATION_DOWN);
    fx_connect(&fx, HV2, true);

    must(NVA_REQ_MOVE_ACTIVATE, id);
    ck_assert_int_eq(move_put(id)->state, NVA_MS_SWITCHING);
    ck_assert(move_put(id)->ifs[0].switched);
    ck_assert(is(&tsi_put(tsi_id)->current, HV2, "tap1"));
    ck_assert(is(&tsi_put(tsi_id)->published, HV2, "tap1"));
    ck_assert_uint_eq(fx_stamp(&fx, id, NVA_STAMP_ACTIVATED)->nve, HV2);
    ck_assert_ptr_nonnull(fx_move_note(&fx, id, NVA_MS_SWITCHING));

    fx_connect(&fx, HV2, false);
    must(NVA_REQ_MOVE_ACTIVATE, id);                    /* Said twice. */
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    ck_assert_int_eq(verb(NVA_REQ_MOVE_ABORT, id), NVA_R_ALREADY_SWITCHED);
    must(NVA_REQ_MOVE_PAUSE, id);              /* Too late, and no fault. */
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
}
END_TEST

START_TEST(D16_abort_of_a_prepared_move)
{
    nva_id id = start("hv2", "tap9");
    nva_id vap = directory_vap_for(fx.dir, HV2, "tap9", fx_mac(1))->id;

    must(NVA_REQ_MOVE_ABORT, id);
    ck_assert_int_eq(move_put(id)->state, NVA_MS_ABORTED);
    ck_assert_int_eq(move_put(id)->end_reason, NVA_R_CALLER);
    ck_assert(!move_put(id)->unwinding);
    ck_assert(!nva_place_is_set(&tsi(tsi_id)->prepared));
    ck_assert_ptr_null(directory_vap(fx.dir, vap));
    ck_assert_uint_eq(directory_vm(fx.dir, vm_id)->move, NVA_ID_NONE);
    ck_assert_ptr_nonnull(fx_stamp(&fx, id, NVA_STAMP_ABORTED));
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(verb((enum nva_request_type[]) {
                             NVA_REQ_MOVE_PAUSE,
                             NVA_REQ_MOVE_ACTIVATE }[i], id),
                         NVA_R_MOVE_ENDED);
    }
    must(NVA_REQ_MOVE_ABORT, id);       /* Said twice. */
}
END_TEST

/* The reverse order: the old NVE first, the destination's flows stay. */
START_TEST(D16_abort_of_a_paused_move)
{
    nva_id id = start("hv2", "tap9"), redirect;
    nva_usec until;

    fx_port(&fx, HV2, "tap9", 19);
    must(NVA_REQ_MOVE_PAUSE, id);
    redirect = redirect_at(fx.dir, tsi_id, HV1)->id;
    until = redirect_at(fx.dir, tsi_id, HV1)->until;
    fx.view.now = NOW + NVA_SEC;
    must(NVA_REQ_MOVE_ABORT, id);
    ck_assert_int_eq(move_put(id)->state, NVA_MS_ABORTED);
    ck_assert(move_put(id)->unwinding);
    ck_assert_int_eq(move_put(id)->unwind_by, until + 2 * NVA_SEC);
    ck_assert(!tsi_put(tsi_id)->paused);
    ck_assert(is(&tsi_put(tsi_id)->prepared, HV2, "tap9"));
    ck_assert_ptr_nonnull(fx_delta(&fx, NVA_DELTA_REDIRECT_DEL, redirect));
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_VAP_DEL), 0);
    ck_assert_uint_eq(directory_vm(fx.dir, vm_id)->move, id);
}
END_TEST

START_TEST(no_such_move)
{
    ck_assert_int_eq(verb(NVA_REQ_MOVE_PAUSE, 9999), NVA_R_NOT_FOUND);
    ck_assert_int_eq(verb(NVA_REQ_MOVE_ACTIVATE, 9999), NVA_R_NOT_FOUND);
    ck_assert_int_eq(verb(NVA_REQ_MOVE_ABORT, 9999), NVA_R_NOT_FOUND);
}
END_TEST

/* ## Evidence ## */

START_TEST(D2_refresh_may_teach_an_address)
{
    static const struct {
        const char *ip;
        bool strict, teaches;
    } t[] = {
        { "10.0.0.77", false, true },
        { "10.0.0.5", false, false },           /* Known. */
        { "0.0.0.0", false, false },
        { "10.0.0.77", true, false },
    };
    nva_id id = t[_i].strict ? tsi_id : learn_id;
    const struct nva_note *note;

    evidence(NVA_ADMIT_REFRESH, HV1, t[_i].strict ? "tap1" : "tap2",
             fx_arp(NVA_FRAME_ARP_REQUEST, fx_mac(t[_i].strict ? 1 : 5),
                    t[_i].ip, t[_i].ip));
    ck_assert_uint_eq(fx.plan.n_notes, 1);
    note = &fx.plan.notes[0];
    ck_assert_uint_eq(note->tsi, id);
    ck_assert_int_eq(note->type, t[_i].teaches ? NVA_NOTE_LEARNED
                                               : NVA_NOTE_REFRESHED);
    ck_assert_uint_eq(fx.plan.deltas.n, t[_i].teaches);
    if (t[_i].teaches) {
        ck_assert_uint_eq(tsi_put(id)->n_ips, 2);
        ck_assert(is(&tsi_put(id)->current, HV1, "tap2"));
    }
}
END_TEST

START_TEST(D7_refresh_by_neighbour_advertisement)
{
    evidence(NVA_ADMIT_REFRESH, HV1, "tap2",
             fx_nd(NVA_FRAME_NA, fx_mac(5), "fe80::5", "fd00::5"));
    ck_assert_uint_eq(tsi_put(learn_id)->n_ips, 2);
    evidence(NVA_ADMIT_REFRESH, HV1, "tap2", fx_rarp(fx_mac(5), fx_mac(5)));
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
}
END_TEST

START_TEST(an_interface_learns_so_many_addresses)
{
    struct nva_tsi t = *tsi(learn_id);

    while (t.n_ips < NVA_IPS_MAX) {
        t.ips[t.n_ips] = fx_ip("10.0.9.0");
        t.ips[t.n_ips].s6_addr[15] = t.n_ips + 1;
        t.n_ips++;
    }
    fx_tsi_put(&fx, &t);
    evidence(NVA_ADMIT_REFRESH, HV1, "tap2",
             fx_arp(NVA_FRAME_ARP_REQUEST, fx_mac(5), "10.0.0.77",
                    "10.0.0.77"));
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
}
END_TEST

START_TEST(D2_a_new_host_is_a_vm_of_its_own)
{
    const struct nva_delta *vm;
    const struct nva_tsi *t;

    evidence(NVA_ADMIT_NEW, HV2, "tap2",
             fx_arp(NVA_FRAME_ARP_REQUEST, fx_mac(9), "10.0.0.9",
                    "10.0.0.9"));
    vm = fx_delta(&fx, NVA_DELTA_VM_PUT, 0);
    ck_assert_ptr_nonnull(vm);
    ck_assert_str_eq(vm->vm.name, "blue/02:00:00:00:00:09");
    ck_assert_int_eq(vm->vm.origin, NVA_ORIGIN_LEARNED);
    ck_assert_uint_eq(vm->vm.move, NVA_ID_NONE);
    t = tsi_put(0);
    ck_assert_ptr_nonnull(t);
    ck_assert_uint_eq(t->vm, vm->id);
    ck_assert_uint_ne(t->id, vm->id);
    ck_assert_uint_eq(t->vn, BLUE);
    ck_assert_uint_eq(t->n_ips, 1);
    ck_assert(is(&t->current, HV2, "tap2") && is(&t->published, HV2, "tap2"));
    ck_assert_int_eq(fx.plan.notes[0].type, NVA_NOTE_LEARNED);
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_MOVE_PUT), 0);
    fx_apply_plan(&fx);
}
END_TEST

/* An operator may have named a VM like that. */
START_TEST(a_new_host_whose_name_is_taken)
{
    struct nva_delta d = { .type = NVA_DELTA_VM_PUT, .id = 4000 };

    d.vm.id = 4000;
    ovs_strlcpy(d.vm.name, "blue/02:00:00:00:00:09", sizeof d.vm.name);
    fx_apply(&fx, &d);
    evidence(NVA_ADMIT_NEW, HV2, "tap2", speaks(9));
    fx_apply_plan(&fx);
}
END_TEST

START_TEST(a_host_without_a_place_is_placed)
{
    nva_id id = fx_vm(&fx, BLUE, 6, NULL, 0, NULL);

    evidence(NVA_ADMIT_PLACE, HV3, "tap2", speaks(6));
    ck_assert(is(&tsi_put(id)->current, HV3, "tap2"));
    ck_assert(is(&tsi_put(id)->published, HV3, "tap2"));
    ck_assert_uint_eq(fx.plan.deltas.n, 1);
}
END_TEST

START_TEST(an_unannounced_move)
{
    const struct nva_move *move;
    nva_id old = directory_next_id(fx.dir);

    evidence(NVA_ADMIT_MOVE, HV2, "tap2", speaks(5));
    move = move_put(0);
    ck_assert_ptr_nonnull(move);
    ck_assert_int_eq(move->state, NVA_MS_SWITCHING);
    ck_assert_int_eq(move->cause, NVA_CAUSE_ANNOUNCED);
    ck_assert(is(&move->ifs[0].from, HV1, "tap2"));
    ck_assert(is(&move->ifs[0].to, HV2, "tap2"));
    ck_assert(move->ifs[0].switched);
    ck_assert_uint_eq(fx_stamp(&fx, move->id, NVA_STAMP_EVIDENCE)->nve, HV2);
    ck_assert_int_eq(fx_move_note(&fx, move->id, NVA_MS_SWITCHING)->reason,
                     NVA_R_EVIDENCE);
    ck_assert(is(&tsi_put(learn_id)->current, HV2, "tap2"));
    ck_assert(is(&tsi_put(learn_id)->published, HV1, "tap2"));
    ck_assert_uint_ge(move->id, old);
    fx_apply_plan(&fx);
}
END_TEST

START_TEST(D16_the_second_interface_joins)
{
    nva_id second = fx_second(&fx, learn_id, 6);
    nva_id id;

    evidence(NVA_ADMIT_MOVE, HV2, "tap2", speaks(5));
    id = move_put(0)->id;
    fx_apply_plan(&fx);
    evidence(NVA_ADMIT_MOVE, HV2, "tap2", speaks(6));
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_MOVE_PUT), 1);
    ck_assert_uint_eq(move_put(id)->n_ifs, 2);
    ck_assert_uint_eq(move_put(id)->ifs[1].tsi, second);
    ck_assert(move_put(id)->ifs[1].switched);
    ck_assert_ptr_null(fx_stamp(&fx, id, NVA_STAMP_SUPERSEDED));
}
END_TEST

START_TEST(D17_evidence_at_the_prepared_place_activates)
{
    nva_id id = start("hv2", _i ? NULL : "tap1");

    evidence(NVA_ADMIT_ACTIVATE, HV2, "tap1", speaks(1));
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_MOVE_PUT), 1);
    ck_assert_int_eq(move_put(id)->state, NVA_MS_SWITCHING);
    ck_assert_int_eq(move_put(id)->cause, NVA_CAUSE_PLANNED);
    ck_assert(is(&move_put(id)->ifs[0].to, HV2, "tap1"));
    ck_assert_ptr_nonnull(fx_stamp(&fx, id, NVA_STAMP_EVIDENCE));
    ck_assert(is(&tsi_put(tsi_id)->current, HV2, "tap1"));
    fx_apply_plan(&fx);
}
END_TEST

/* 0: prepared for hv3; 1: prepared for another port of hv2; 2: paused. */
START_TEST(evidence_elsewhere_supersedes)
{
    nva_id old, id;

    old = start(_i == 1 ? "hv2" : "hv3", _i == 1 ? "tap9" : "tap1");
    if (_i == 2) {
        must(NVA_REQ_MOVE_PAUSE, old);
    }
    evidence(NVA_ADMIT_MOVE, HV2, "tap1", speaks(1));
    id = tsi_put(tsi_id) ? fx_delta(&fx, NVA_DELTA_VM_PUT, vm_id)->vm.move : 0;
    ck_assert_uint_ne(id, old);
    ck_assert_int_eq(move_put(old)->state, NVA_MS_SUPERSEDED);
    ck_assert_int_eq(move_put(id)->cause, NVA_CAUSE_ANNOUNCED);
    fx_apply_plan(&fx);
    ck_assert(is(&tsi(tsi_id)->current, HV2, "tap1"));
    ck_assert(is(&tsi(tsi_id)->published, HV1, "tap1"));
    ck_assert(!nva_place_is_set(&tsi(tsi_id)->prepared));
    ck_assert(!tsi(tsi_id)->paused);
    ck_assert_ptr_null(redirect_at(fx.dir, tsi_id, HV1));
}
END_TEST

/* An implied VAP goes when nothing is left at its place. */
START_TEST(superseded_releases_the_port_it_prepared)
{
    nva_id vap;

    start("hv3", "tap9");
    vap = directory_vap_for(fx.dir, HV3, "tap9", fx_mac(1))->id;
    evidence(NVA_ADMIT_MOVE, HV2, "tap1", speaks(1));
    fx_apply_plan(&fx);
    ck_assert_ptr_null(directory_vap(fx.dir, vap));
}
END_TEST

/* What the older move prepared for the VM's other interface goes, too. */
START_TEST(superseded_takes_all_preparations_back)
{
    nva_id second = fx_second(&fx, tsi_id, 2);

    start("hv3", NULL);
    ck_assert(nva_place_is_set(&tsi(second)->prepared));
    evidence(NVA_ADMIT_MOVE, HV2, "tap1", speaks(1));
    fx_apply_plan(&fx);
    ck_assert(is(&tsi(tsi_id)->current, HV2, "tap1"));
    ck_assert(is(&tsi(second)->current, HV1, "tap1"));
    ck_assert(!nva_place_is_set(&tsi(second)->prepared));
}
END_TEST

START_TEST(evidence_while_unwinding_is_a_new_move)
{
    nva_id old = start("hv2", "tap1");

    must(NVA_REQ_MOVE_PAUSE, old);
    must(NVA_REQ_MOVE_ABORT, old);
    evidence(NVA_ADMIT_ACTIVATE, HV2, "tap1", speaks(1));
    ck_assert_int_eq(move_put(old)->state, NVA_MS_ABORTED);
    ck_assert(!move_put(old)->unwinding);
    fx_apply_plan(&fx);
    ck_assert_uint_ne(directory_vm(fx.dir, vm_id)->move, old);
    ck_assert(is(&tsi(tsi_id)->current, HV2, "tap1"));
    ck_assert(!nva_place_is_set(&tsi(tsi_id)->prepared));
}
END_TEST

START_TEST(a_frame_while_paused_aborts)
{
    nva_id id = start("hv2", "tap1");

    must(NVA_REQ_MOVE_PAUSE, id);
    evidence(NVA_ADMIT_ABORT, HV1, "tap1", speaks(1));
    ck_assert_int_eq(move_put(id)->state, NVA_MS_ABORTED);
    ck_assert_int_eq(move_put(id)->end_reason, NVA_R_FRAME_WHILE_PAUSED);
    ck_assert(move_put(id)->unwinding);
    fx_apply_plan(&fx);
    ck_assert(!tsi(tsi_id)->paused);
}
END_TEST

/* One interface has shown itself at the new place: the silent other has come,
 * too.  After the switch a late frame of it from the old place is no abort. */
START_TEST(a_late_frame_of_the_other_interface)
{
    nva_id second = fx_second(&fx, tsi_id, 2);
    struct nva_request r = start_request("hv2", NULL);
    nva_id id;

    r.move.n_ports = 2;
    ovs_strlcpy(r.move.ports[0].interface, "eth0", NVA_NAME_MAX);
    ovs_strlcpy(r.move.ports[0].port, "tap1", NVA_PORT_NAME_MAX);
    ovs_strlcpy(r.move.ports[1].interface, "eth2", NVA_NAME_MAX);
    ovs_strlcpy(r.move.ports[1].port, "tap1", NVA_PORT_NAME_MAX);
    ck_assert_int_eq(ask(&r), NVA_OK);
    fx_apply_plan(&fx);
    id = fx.plan.object;
    must(NVA_REQ_MOVE_PAUSE, id);
    evidence(NVA_ADMIT_ACTIVATE, HV2, "tap1", speaks(1));
    fx_apply_plan(&fx);
    ck_assert_int_eq(directory_move(fx.dir, id)->state, NVA_MS_SWITCHING);
    ck_assert(!tsi(second)->paused);
    ck_assert_uint_eq(tsi(second)->current.nve, HV2);

    evidence(NVA_ADMIT_ABORT, HV1, "tap1", speaks(2));
    fx_apply_plan(&fx);
    ck_assert_int_eq(directory_move(fx.dir, id)->state, NVA_MS_SWITCHING);
}
END_TEST

/* Both interfaces leave one port in one step. */
START_TEST(abort_releases_a_port_two_interfaces_share)
{
    struct nva_request r = start_request("hv2", NULL);
    nva_id id;

    fx_second(&fx, tsi_id, 2);
    r.move.n_ports = 2;
    ovs_strlcpy(r.move.ports[0].interface, "eth0", NVA_NAME_MAX);
    ovs_strlcpy(r.move.ports[0].port, "tap9", NVA_PORT_NAME_MAX);
    ovs_strlcpy(r.move.ports[1].interface, "eth2", NVA_NAME_MAX);
    ovs_strlcpy(r.move.ports[1].port, "tap9", NVA_PORT_NAME_MAX);
    ck_assert_int_eq(ask(&r), NVA_OK);
    fx_apply_plan(&fx);
    id = fx.plan.object;
    must(NVA_REQ_MOVE_ABORT, id);
    ck_assert_ptr_null(directory_vap_for(fx.dir, HV2, "tap9", fx_mac(1)));
}
END_TEST

/* ## Strays ## */

static void
stray(nva_id nve, uint8_t last)
{
    struct nva_event ev = { .type = NVA_EV_STRAY, .nve = nve };

    ev.packet.vn = RED;
    ev.packet.frame = fx_data(fx_mac(50), fx_mac(last));
    fx_start(&fx);
    mobility_stray(&fx.view, &ev, &fx.plan);
}

START_TEST(D6_a_stray_gets_a_fresh_redirect)
{
    nva_id id = fx_move(&fx, tsi_id, NVA_MS_DRAINING, fx_place(HV2, "tap1"),
                        fx_place(HV1, "tap1"));
    const struct nva_delta *d;

    stray(HV2, 1);
    d = fx_delta(&fx, NVA_DELTA_REDIRECT_PUT, 0);
    ck_assert_ptr_nonnull(d);
    ck_assert_uint_eq(d->redirect.at, HV2);
    ck_assert_uint_eq(d->redirect.to, HV1);
    ck_assert_int_eq(d->redirect.until, NOW + TIMEOUT);
    ck_assert_uint_eq(fx_stamp(&fx, id, NVA_STAMP_LATE)->nve, HV2);
    fx_apply_plan(&fx);
    stray(HV2, 1);                      /* There is one now. */
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
}
END_TEST

/* Follows the place that peers are told. */
START_TEST(D6_a_stray_goes_where_it_is_published)
{
    struct nva_tsi t = *tsi(tsi_id);

    t.current = fx_place(HV3, "tap1");
    fx_tsi_put(&fx, &t);
    stray(HV2, 1);
    ck_assert_uint_eq(fx_delta(&fx, NVA_DELTA_REDIRECT_PUT, 0)->redirect.to,
                      HV1);
}
END_TEST

START_TEST(no_redirect_for_a_stray)
{
    struct nva_event ev = { .type = NVA_EV_STRAY, .nve = HV2 };
    struct nva_tsi t = *tsi(tsi_id);

    switch (_i) {
    case 0:
        stray(HV1, 1);                  /* Published there. */
        break;
    case 1:
        stray(HV2, 77);                 /* Nobody. */
        break;
    case 2:
        t.current = fx_place(HV2, "tap1");
        fx_tsi_put(&fx, &t);
        stray(HV2, 1);                  /* Is there, not yet published. */
        break;
    case 3:
        t.prepared = fx_place(HV2, "tap1");
        fx_tsi_put(&fx, &t);
        stray(HV2, 1);                  /* May be there soon. */
        break;
    case 4:
        t.current = t.published = fx_nowhere();
        fx_tsi_put(&fx, &t);
        stray(HV2, 1);                  /* Nowhere. */
        break;
    case 5:
        ev.packet.vn = RED;
        ev.packet.vap = fx_vap_id(&fx, HV2, "tap1");
        ev.packet.frame = speaks(50);
        ev.packet.frame.eth_dst = fx_mac(1);
        mobility_stray(&fx.view, &ev, &fx.plan);        /* From a VM. */
        break;
    }
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
}
END_TEST

/* ## What VM management says ## */

static void
say(nva_id id, nva_id nve, const char *port)
{
    struct nva_place place = fx_place(nve, port);

    mobility_place(&fx.view, tsi(id), &place, &fx.plan);
}

START_TEST(D16_place_elsewhere_is_a_move)
{
    const struct nva_move *move;

    say(tsi_id, HV2, "tap1");
    move = move_put(0);
    ck_assert_ptr_nonnull(move);
    ck_assert_int_eq(move->state, NVA_MS_SWITCHING);
    ck_assert_int_eq(move->cause, NVA_CAUSE_PLANNED);
    ck_assert_ptr_nonnull(fx_stamp(&fx, move->id, NVA_STAMP_ACTIVATED));
    ck_assert(is(&tsi_put(tsi_id)->current, HV2, "tap1"));
    ck_assert(is(&tsi_put(tsi_id)->published, HV1, "tap1"));
    fx_apply_plan(&fx);
}
END_TEST

START_TEST(place_where_a_move_has_prepared_it_activates_that)
{
    nva_id id = start("hv2", "tap1");

    must(NVA_REQ_MOVE_PAUSE, id);
    fx_start(&fx);
    say(tsi_id, HV2, "tap1");
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_MOVE_PUT), 1);
    ck_assert_int_eq(move_put(id)->state, NVA_MS_SWITCHING);
    ck_assert_ptr_nonnull(fx_stamp(&fx, id, NVA_STAMP_ACTIVATED));
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_REDIRECT_DEL), 0);
    fx_apply_plan(&fx);
    ck_assert(is(&tsi(tsi_id)->published, HV2, "tap1"));
}
END_TEST

START_TEST(place_of_two_interfaces_is_one_move)
{
    nva_id second = fx_second(&fx, tsi_id, 2);

    say(tsi_id, HV2, "tap1");
    say(second, HV2, "tap1");
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_MOVE_PUT), 1);
    ck_assert_uint_eq(move_put(0)->n_ifs, 2);
    ck_assert_uint_eq(fx_n_deltas(&fx, NVA_DELTA_VM_PUT), 1);
    fx_apply_plan(&fx);
}
END_TEST

START_TEST(the_first_place_is_no_move)
{
    nva_id id = fx_vm(&fx, RED, 6, NULL, 0, NULL);

    say(id, HV3, "tap1");
    ck_assert(is(&tsi_put(id)->published, HV3, "tap1"));
    ck_assert_uint_eq(fx.plan.deltas.n, 1);
    ck_assert_uint_eq(fx.plan.n_notes, 0);
}
END_TEST

/* Two interfaces, prepared for hv2, are said to be at two NVEs: each is where
 * it was said to be. */
START_TEST(place_of_two_interfaces_at_two_nves)
{
    nva_id second = fx_second(&fx, tsi_id, 2);

    start("hv2", NULL);
    fx_start(&fx);
    say(tsi_id, HV2, "tap1");
    say(second, HV3, "tap1");
    fx_apply_plan(&fx);
    ck_assert(is(&tsi(tsi_id)->current, HV2, "tap1"));
    ck_assert(is(&tsi(second)->current, HV3, "tap1"));
}
END_TEST

static void
add_request_tests(TCase *tc)
{
    tcase_add_test(tc, D16_start_prepares);
    tcase_add_test(tc, start_without_a_port);
    tcase_add_test(tc, start_again_names_the_port);
    tcase_add_test(tc, start_again_releases_the_port_named_before);
    tcase_add_loop_test(tc, start_is_refused, 0, 7);
    tcase_add_test(tc, one_planned_move_at_a_time);
    tcase_add_test(tc, D16_start_supersedes_a_move_that_has_switched);
    tcase_add_test(tc, D17_pause);
    tcase_add_test(tc, D17_activate);
    tcase_add_test(tc, D16_abort_of_a_prepared_move);
    tcase_add_test(tc, D16_abort_of_a_paused_move);
    tcase_add_test(tc, no_such_move);
    tcase_add_test(tc, D16_place_elsewhere_is_a_move);
    tcase_add_test(tc, place_where_a_move_has_prepared_it_activates_that);
    tcase_add_test(tc, place_of_two_interfaces_is_one_move);
    tcase_add_test(tc, the_first_place_is_no_move);
    tcase_add_test(tc, place_of_two_interfaces_at_two_nves);
}

static void
add_evidence_tests(TCase *tc)
{
    tcase_add_loop_test(tc, D2_refresh_may_teach_an_address, 0, 4);
    tcase_add_test(tc, D7_refresh_by_neighbour_advertisement);
    tcase_add_test(tc, an_interface_learns_so_many_addresses);
    tcase_add_test(tc, D2_a_new_host_is_a_vm_of_its_own);
    tcase_add_test(tc, a_new_host_whose_name_is_taken);
    tcase_add_test(tc, a_host_without_a_place_is_placed);
    tcase_add_test(tc, an_unannounced_move);
    tcase_add_test(tc, D16_the_second_interface_joins);
    tcase_add_loop_test(tc, D17_evidence_at_the_prepared_place_activates,
                        0, 2);
    tcase_add_loop_test(tc, evidence_elsewhere_supersedes, 0, 3);
    tcase_add_test(tc, superseded_releases_the_port_it_prepared);
    tcase_add_test(tc, superseded_takes_all_preparations_back);
    tcase_add_test(tc, evidence_while_unwinding_is_a_new_move);
    tcase_add_test(tc, a_frame_while_paused_aborts);
    tcase_add_test(tc, a_late_frame_of_the_other_interface);
    tcase_add_test(tc, abort_releases_a_port_two_interfaces_share);
    tcase_add_test(tc, D6_a_stray_gets_a_fresh_redirect);
    tcase_add_test(tc, D6_a_stray_goes_where_it_is_published);
    tcase_add_loop_test(tc, no_redirect_for_a_stray, 0, 6);
}

/* VRRP: its ARP request may be answered by nobody else from then on. */
START_TEST(a_shared_address_is_the_last_announcers)
{
    struct nva_delta d = { .type = NVA_DELTA_VN_PUT, .id = RED };
    const struct in6_addr ip = fx_ip("10.0.0.77");
    nva_id other = fx_vm(&fx, RED, 2, "10.0.0.2", HV2, "tap1");

    d.vn = *directory_vn(fx.dir, RED);
    d.vn.shared_ips[d.vn.n_shared_ips++] = ip;
    fx_apply(&fx, &d);

    fx_start(&fx);
    evidence(NVA_ADMIT_REFRESH, HV1, "tap1",
             fx_arp(NVA_FRAME_ARP_REQUEST, fx_mac(1), "10.0.0.77",
                    "10.0.0.77"));
    fx_apply_plan(&fx);
    ck_assert_uint_eq(directory_tsi_by_ip(fx.dir, RED, &ip)->id, tsi_id);

    /* A question from it takes nothing... */
    fx_start(&fx);
    evidence(NVA_ADMIT_REFRESH, HV2, "tap1",
             fx_arp(NVA_FRAME_ARP_REQUEST, fx_mac(2), "10.0.0.77",
                    "10.0.0.1"));
    ck_assert_uint_eq(fx.plan.deltas.n, 0);

    /* ...an announcement does. */
    fx_start(&fx);
    evidence(NVA_ADMIT_REFRESH, HV2, "tap1",
             fx_arp(NVA_FRAME_ARP_REPLY, fx_mac(2), "10.0.0.77",
                    "10.0.0.77"));
    fx_apply_plan(&fx);
    ck_assert_uint_eq(directory_tsi_by_ip(fx.dir, RED, &ip)->id, other);
    ck_assert_uint_eq(tsi(tsi_id)->n_ips, 1);
    ck_assert_uint_eq(tsi(other)->n_ips, 2);
    ck_assert_int_eq(fx.plan.notes[0].type, NVA_NOTE_LEARNED);

    /* Again: known. */
    fx_start(&fx);
    evidence(NVA_ADMIT_REFRESH, HV2, "tap1",
             fx_arp(NVA_FRAME_ARP_REPLY, fx_mac(2), "10.0.0.77",
                    "10.0.0.77"));
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("mobility");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_shared_address_is_the_last_announcers);
    add_request_tests(tc);
    add_evidence_tests(tc);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
