/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include "detour.h"

/* VM 2 at hv1 tap2, in blue. */
static struct fixture fx;
static nva_id vm2;

static void
setup(void)
{
    fx_init(&fx);
    vm2 = fx_vm(&fx, BLUE, 2, "10.0.0.2", HV1, "tap2");
}

static void
teardown(void)
{
    fx_uninit(&fx);
}

static void
flooding(nva_ofport ofport, enum nva_detour level)
{
    struct nva_event ev = { .type = NVA_EV_FLOODING, .nve = HV1 };

    ev.flooding.ofport = ofport;
    ev.flooding.level = level;
    fx_start(&fx);
    detour_event(&fx.view, &ev, &fx.plan);
    fx_apply_plan(&fx);
}

static enum nva_detour
detour_of(nva_id nve, const char *port)
{
    return directory_vap(fx.dir, fx_vap_id(&fx, nve, port))->detour;
}

START_TEST(a_port_that_floods_and_calms_down)
{
    flooding(12, NVA_DETOUR_NEIGHBOUR);
    ck_assert_int_eq(detour_of(HV1, "tap2"), NVA_DETOUR_NEIGHBOUR);
    ck_assert_int_eq(detour_of(HV1, "tap1"), NVA_DETOUR_NONE);
    ck_assert_int_eq(detour_of(HV2, "tap2"), NVA_DETOUR_NONE);
    ck_assert_uint_eq(fx.plan.n_notes, 1);
    ck_assert_int_eq(fx.plan.notes[0].type, NVA_NOTE_DETOUR);
    ck_assert_int_eq(fx.plan.notes[0].reason, NVA_R_FLOODING);
    ck_assert_uint_eq(fx.plan.notes[0].tsi, vm2);
    ck_assert_str_eq(fx.plan.notes[0].what, "arp_nd");

    flooding(12, NVA_DETOUR_ALL);
    ck_assert_int_eq(detour_of(HV1, "tap2"), NVA_DETOUR_ALL);
    flooding(12, NVA_DETOUR_ALL);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    ck_assert_uint_eq(fx.plan.n_notes, 0);

    flooding(12, NVA_DETOUR_NONE);
    ck_assert_int_eq(detour_of(HV1, "tap2"), NVA_DETOUR_NONE);
    ck_assert_int_eq(fx.plan.notes[0].reason, NVA_R_CALM);
    flooding(99, NVA_DETOUR_ALL);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
}
END_TEST

/* It dirties that VAP there, and nothing else. */
START_TEST(it_costs_one_owner)
{
    nva_dirty_clear(&fx.dirty);
    flooding(12, NVA_DETOUR_NEIGHBOUR);
    ck_assert_uint_eq(fx.dirty.n, 1);
    ck_assert_uint_eq(fx.dirty.a[0].nve, HV1);
    ck_assert_int_eq(fx.dirty.a[0].owner.kind, NVA_OWNER_VAP);
    ck_assert_uint_eq(fx.dirty.a[0].owner.id, fx_vap_id(&fx, HV1, "tap2"));
}
END_TEST

/* Others on the same port go on sending. */
START_TEST(a_shared_port_keeps_its_data)
{
    struct nva_delta d = { .type = NVA_DELTA_VAP_PUT };

    d.id = d.vap.id = directory_next_id(fx.dir);
    d.vap.nve = HV1;
    strcpy(d.vap.port, "tap2");
    d.vap.has_mac = true;
    d.vap.mac = fx_mac(9);
    d.vap.vn = RED;
    fx_apply(&fx, &d);
    flooding(12, NVA_DETOUR_ALL);
    ck_assert_int_eq(detour_of(HV1, "tap2"), NVA_DETOUR_NEIGHBOUR);
    ck_assert_int_eq(directory_vap(fx.dir, d.id)->detour,
                     NVA_DETOUR_NEIGHBOUR);
}
END_TEST

START_TEST(a_new_port_or_session_begins_without)
{
    struct nva_event ev = { .type = NVA_EV_PORT, .nve = HV1 };

    flooding(11, NVA_DETOUR_NEIGHBOUR);
    flooding(12, NVA_DETOUR_NEIGHBOUR);
    strcpy(ev.port.port.name, "tap2");
    fx_start(&fx);
    detour_event(&fx.view, &ev, &fx.plan);
    fx_apply_plan(&fx);
    ck_assert_int_eq(detour_of(HV1, "tap2"), NVA_DETOUR_NONE);
    ck_assert_int_eq(detour_of(HV1, "tap1"), NVA_DETOUR_NEIGHBOUR);

    ev = (struct nva_event) { .type = NVA_EV_NVE_UP, .nve = HV1 };
    fx_start(&fx);
    detour_event(&fx.view, &ev, &fx.plan);
    fx_apply_plan(&fx);
    ck_assert_int_eq(detour_of(HV1, "tap1"), NVA_DETOUR_NONE);
}
END_TEST

START_TEST(a_frame_goes_back_where_it_came_from)
{
    struct nva_event ev = fx_packet(&fx, NVA_EV_DETOURED, HV1, "tap2",
                                    fx_data(fx_mac(2), fx_mac(1)));
    static const char frame[] = "a frame, as it came";
    const struct nva_reply *reply;

    ev.packet.data = frame;
    ev.packet.size = sizeof frame;
    fx_start(&fx);
    detour_packet(&fx.view, &ev, &fx.plan);
    ck_assert_uint_eq(fx.plan.n_replies, 1);
    reply = fx.plan.replies;
    ck_assert_int_eq(reply->target, NVA_REPLY_TO_PIPELINE);
    ck_assert_uint_eq(reply->nve, HV1);
    ck_assert_uint_eq(reply->ofport, 12);
    ck_assert_uint_eq(reply->vni, 200);
    ck_assert_uint_eq(reply->size, sizeof frame);
    ck_assert_mem_eq(nva_reply_frame(reply), frame, sizeof frame);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);

    ev.packet.size = NVA_FRAME_MAX + 1;
    fx_start(&fx);
    detour_packet(&fx.view, &ev, &fx.plan);
    ck_assert_uint_eq(fx.plan.n_replies, 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("detour");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_port_that_floods_and_calms_down);
    tcase_add_test(tc, it_costs_one_owner);
    tcase_add_test(tc, a_shared_port_keeps_its_data);
    tcase_add_test(tc, a_new_port_or_session_begins_without);
    tcase_add_test(tc, a_frame_goes_back_where_it_came_from);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
