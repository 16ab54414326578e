/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include "ageing.h"
#include "scan.h"

/* blue1 to blue12 stand at hv1 tap2, blue99 at hv2 tap2. */
static struct fixture fx;
enum { N = 12 };
static nva_id blue[N + 1], elsewhere;

#define START (1000 * NVA_SEC)

static void
setup(void)
{
    fx_init(&fx);
    for (int i = 1; i <= N; i++) {
        char ip[20];

        snprintf(ip, sizeof ip, "10.0.0.%d", i);
        blue[i] = fx_vm(&fx, BLUE, i, ip, HV1, "tap2");
    }
    elsewhere = fx_vm(&fx, BLUE, 99, "10.0.0.99", HV2, "tap2");
    fx_vm(&fx, RED, 1, "10.0.0.1", HV1, "tap1");
    fx.view.now = START;
}

static void
teardown(void)
{
    fx_uninit(&fx);
}

static const struct nva_scan *
scan(void)
{
    return directory_scan(fx.dir, HV1, BLUE);
}

/* A move of blue99 from hv1 to hv2 ends so. */
static void
ends(enum nva_move_state state)
{
    nva_id id = fx_move(&fx, elsewhere, NVA_MS_DRAINING, fx_place(HV1, "tap2"),
                        fx_place(HV2, "tap2"));
    struct nva_delta *d;

    fx_start(&fx);
    d = nva_deltas_add(&fx.plan.deltas, NVA_DELTA_MOVE_PUT);
    d->id = id;
    d->move = *directory_move(fx.dir, id);
    d->move.state = state;
    d = nva_deltas_add(&fx.plan.deltas, NVA_DELTA_VM_PUT);
    d->id = directory_tsi(fx.dir, elsewhere)->vm;
    d->vm = *directory_vm(fx.dir, d->id);
    d->vm.move = NVA_ID_NONE;
    scan_sweep(&fx.view, &fx.plan);
    fx_apply_plan(&fx);
}

/* A step of the scan; how many were asked. */
static size_t
step(void)
{
    struct nva_event ev = { .type = NVA_EV_SCAN_DUE };
    const struct nva_scan *s;

    fx.view.now = MAX(fx.view.now, scan_deadline(&fx.view));
    s = scan_next_due(&fx.view);
    ck_assert_ptr_nonnull(s);
    ev.scan = *s;
    fx_start(&fx);
    scan_due(&fx.view, &ev, &fx.plan);
    fx_apply_plan(&fx);
    return fx.plan.n_replies;
}

/* D3: some time after the end of a move, not before. */
START_TEST(D3_begins_after_a_move)
{
    static const enum nva_move_state ends_of[] = {
        NVA_MS_DONE, NVA_MS_SUPERSEDED,
    };

    ends(ends_of[_i]);
    ck_assert_int_eq(scan()->due, START + NVA_SCAN_DELAY);
    ck_assert_ptr_null(directory_scan(fx.dir, HV2, BLUE));
    ck_assert_ptr_null(scan_next_due(&fx.view));
}
END_TEST

/* A move that goes on, and one within its NVE, leave nobody behind. */
START_TEST(D3_nobody_left)
{
    nva_id id = fx_move(&fx, elsewhere, NVA_MS_DRAINING,
                        fx_place(_i ? HV2 : HV1, "tap2"),
                        fx_place(HV2, "tap2"));
    struct nva_delta *d;

    fx_start(&fx);
    d = nva_deltas_add(&fx.plan.deltas, NVA_DELTA_MOVE_PUT);
    d->id = id;
    d->move = *directory_move(fx.dir, id);
    d->move.state = _i ? NVA_MS_DONE : NVA_MS_DRAINING;
    scan_sweep(&fx.view, &fx.plan);
    ck_assert_uint_eq(fx.plan.deltas.n, 1);
}
END_TEST

/* D3: those of the VN at that NVE, each once, a few at a time. */
START_TEST(D3_asks_who_is_left_a_few_at_a_time)
{
    nva_usec begin;

    ends(NVA_MS_DONE);
    begin = scan_deadline(&fx.view);
    ck_assert_uint_eq(step(), NVA_SCAN_BATCH);
    ck_assert_int_eq(scan_deadline(&fx.view), begin + NVA_SCAN_TICK);
    ck_assert_uint_eq(step(), NVA_SCAN_BATCH);
    ck_assert_uint_eq(step(), N - 2 * NVA_SCAN_BATCH);
    ck_assert_ptr_null(scan());
    ck_assert_int_eq(scan_deadline(&fx.view), NVA_NEVER);
    for (int i = 1; i <= N; i++) {
        ck_assert_ptr_nonnull(directory_probe_of_tsi(fx.dir, blue[i],
                                                     NVA_PROBE_SCAN));
    }
    ck_assert_uint_eq(directory_n_probes(fx.dir), N);
}
END_TEST

/* D3: leaving in a row puts it off, though not for ever; leaving during it
 * begins none. */
START_TEST(D3_many_are_one)
{
    for (int i = 0; i < 40; i++) {
        ends(NVA_MS_DONE);
        ck_assert_int_le(scan()->due, START + NVA_SCAN_DELAY_MAX);
        ck_assert(fx.view.now > START + NVA_SCAN_DELAY_MAX - NVA_SCAN_DELAY
                  || scan()->due == fx.view.now + NVA_SCAN_DELAY);
        fx.view.now += NVA_SEC;
    }
    ck_assert_uint_eq(step(), NVA_SCAN_BATCH);
    ends(NVA_MS_DONE);
    ck_assert_int_eq(scan()->due, fx.view.now + NVA_SCAN_TICK);
}
END_TEST

/* D3: of many VNs that leave at the same time, the NVE is asked as of one:
 * each interface once, at the pace of one. */
START_TEST(D3_many_networks_leave)
{
    enum { VNS = 40, VMS = 7 };
    struct nva_delta d = { .type = NVA_DELTA_SCAN_PUT };
    size_t n = 0, n_steps = 0, n_at_once = 0;

    for (int i = 0; i < VNS; i++) {
        char name[16];

        snprintf(name, sizeof name, "vn%d", i);
        fx_vn(&fx, 1000 + i, name, 1000 + i, NVA_BINDING_LEARN);
        fx_port(&fx, HV1, name, 1000 + i);
        fx_vap(&fx, HV1, name, 1000 + i);
        for (int j = 1; j <= VMS; j++) {
            char ip[20];

            snprintf(ip, sizeof ip, "10.0.0.%d", j);
            fx_vm(&fx, 1000 + i, j, ip, HV1, name);
        }
        d.scan = (struct nva_scan) {
            .nve = HV1, .vn = 1000 + i, .since = START, .due = START,
        };
        fx_apply(&fx, &d);
    }
    while (scan_deadline(&fx.view) != NVA_NEVER) {
        const nva_usec before = fx.view.now;
        size_t n_now = step();

        n_at_once = (fx.view.now == before ? n_at_once : 0) + n_now;
        ck_assert_uint_le(n_at_once, NVA_SCAN_BATCH);
        n += n_now;
        n_steps++;
        ck_assert_uint_le(n, NVA_SCAN_BATCH
                          * (1 + (fx.view.now - START) / NVA_SCAN_TICK));
    }
    ck_assert_uint_eq(n, VNS * VMS);
    ck_assert_int_eq(fx.view.now, START + (2 * VNS - 1) * NVA_SCAN_TICK);
    ck_assert_uint_le(n_steps, 3 * VNS);        /* None looks all the time. */
}
END_TEST

/* Who leaves then puts nothing off; but an NVE that is away gives none. */
START_TEST(D3_a_slot_is_kept)
{
    struct nva_delta d = { .type = NVA_DELTA_SCAN_PUT };
    nva_usec due;

    fx_vn(&fx, 1000, "vn0", 1000, NVA_BINDING_LEARN);
    fx_port(&fx, HV1, "vn0", 1000);
    fx_vap(&fx, HV1, "vn0", 1000);
    d.scan = (struct nva_scan) {
        .nve = HV1, .vn = 1000, .since = START,
        .due = START + NVA_SCAN_DELAY - NVA_SCAN_TICK / 2,
    };
    fx_apply(&fx, &d);
    ends(NVA_MS_DONE);
    ck_assert_uint_eq(step(), 0);       /* Has nobody, and so the slot. */
    ck_assert_uint_eq(step(), 0);
    due = scan()->due;
    ck_assert_int_eq(due, d.scan.due + NVA_SCAN_TICK);
    ends(NVA_MS_DONE);
    ck_assert_int_eq(scan()->due, due);

    fx_connect(&fx, HV1, false);
    ck_assert_uint_eq(step(), 0);
    ck_assert_int_eq(scan()->due, due + NVA_SCAN_DELAY);
    ck_assert_int_eq(scan()->slot, 0);
}
END_TEST

/* Who stands still, is off or has no address is not asked; nor is an NVE that
 * is away, which is asked later. */
START_TEST(D3_who_cannot_be_asked)
{
    struct nva_tsi t = *directory_tsi(fx.dir, blue[1]);
    struct nva_delta vm = { .type = NVA_DELTA_VM_PUT };

    t.paused = true;
    fx_tsi_put(&fx, &t);
    t = *directory_tsi(fx.dir, blue[2]);
    t.stopped = true;
    fx_tsi_put(&fx, &t);
    vm.id = t.vm;
    vm.vm = *directory_vm(fx.dir, t.vm);
    vm.vm.state = NVA_VM_SHUTDOWN;
    fx_apply(&fx, &vm);
    t = *directory_tsi(fx.dir, blue[3]);
    t.n_ips = t.n_given = 0;
    fx_tsi_put(&fx, &t);
    ends(NVA_MS_DONE);
    fx_connect(&fx, HV1, false);
    ck_assert_uint_eq(step(), 0);
    ck_assert_ptr_nonnull(scan());
    fx_connect(&fx, HV1, true);
    ck_assert_uint_eq(step(), NVA_SCAN_BATCH);
    ck_assert_uint_eq(step(), N - 3 - NVA_SCAN_BATCH);
    ck_assert_ptr_null(scan());
}
END_TEST

/* D3: silence is told; what was learned is asked for at once. */
START_TEST(D3_silence)
{
    struct nva_delta vn = { .type = NVA_DELTA_VN_PUT, .id = BLUE };
    struct nva_event look = { .type = NVA_EV_LOOK_DUE };
    struct nva_tsi t = *directory_tsi(fx.dir, blue[1]);
    struct nva_probe p;

    vn.vn = *directory_vn(fx.dir, BLUE);
    vn.vn.age = 600;
    fx_apply(&fx, &vn);
    t.n_given = 0;
    fx_tsi_put(&fx, &t);
    look.lease = *ageing_next_due(&fx.view);
    fx_start(&fx);
    ageing_due(&fx.view, &look, &fx.plan);
    fx_apply_plan(&fx);
    ck_assert_int_gt(ageing_deadline(&fx.view), START + 100 * NVA_SEC);

    ends(NVA_MS_DONE);
    step();
    p = *directory_probe_of_tsi(fx.dir, blue[1], NVA_PROBE_SCAN);
    fx_start(&fx);
    nva_deltas_add(&fx.plan.deltas, NVA_DELTA_PROBE_DEL)->id = p.id;
    p.sequence += _i;
    scan_outcome(&fx.view, &p, NVA_R_NO_ANSWER, NULL, &fx.plan);
    fx_apply_plan(&fx);
    ck_assert_uint_eq(fx.plan.n_notes, _i ? 0 : 1);
    ck_assert_int_eq(ageing_next_due(&fx.view) != NULL, !_i);
}
END_TEST

/* The last port of the VN there goes, and the scan with it. */
START_TEST(D3_nothing_to_scan_any_more)
{
    struct nva_delta d = { .type = NVA_DELTA_VAP_DEL };

    ends(NVA_MS_DONE);
    d.id = fx_vap_id(&fx, HV1, "tap2");
    fx_apply(&fx, &d);
    ck_assert_ptr_null(directory_first_scan(fx.dir));
    ck_assert_ptr_null(directory_check(fx.dir));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("scan");
    TCase *tc = tcase_create("scan");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, D3_begins_after_a_move, 0, 2);
    tcase_add_loop_test(tc, D3_nobody_left, 0, 2);
    tcase_add_test(tc, D3_asks_who_is_left_a_few_at_a_time);
    tcase_add_test(tc, D3_many_are_one);
    tcase_add_test(tc, D3_many_networks_leave);
    tcase_add_test(tc, D3_a_slot_is_kept);
    tcase_add_test(tc, D3_who_cannot_be_asked);
    tcase_add_loop_test(tc, D3_silence, 0, 2);
    tcase_add_test(tc, D3_nothing_to_scan_any_more);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
