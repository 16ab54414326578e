/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"
#include "packets.h"

#include "frame.h"
#include "responder.h"

/* In red: VM 1 at hv1 (10.0.0.1, fd10::1), VM 2 at hv2, VM 3 has no place. */
static struct fixture fx;
static nva_id vm1;

static void
setup(void)
{
    struct nva_tsi tsi;

    fx_init(&fx);
    vm1 = fx_vm(&fx, RED, 1, "10.0.0.1", HV1, "tap1");
    tsi = *directory_tsi(fx.dir, vm1);
    tsi.ips[tsi.n_ips++] = fx_ip("fd10::1");
    fx_tsi_put(&fx, &tsi);
    fx_vm(&fx, RED, 2, "10.0.0.2", HV2, "tap1");
    fx_vm(&fx, RED, 3, "10.0.0.3", 0, NULL);
}

static void
teardown(void)
{
    fx_uninit(&fx);
}

static void
ask(nva_id nve, const char *port, struct nva_frame frame)
{
    struct nva_event ev = fx_packet(&fx, NVA_EV_QUESTION, nve, port, frame);

    nva_plan_start(&fx.plan, 5000);
    responder_question(&fx.view, &ev, &fx.plan);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    ck_assert_uint_eq(fx.plan.n_notes, 1);
}

static struct nva_frame
arp(uint8_t last, const char *spa, const char *tpa)
{
    return fx_arp(NVA_FRAME_ARP_REQUEST, fx_mac(last), spa, tpa);
}

/* The only reply, out of 'ofport' of 'nve', parsed. */
static struct nva_frame
answer(nva_id nve, nva_ofport ofport)
{
    const struct nva_reply *reply = fx.plan.replies;
    struct nva_frame f;

    ck_assert_uint_eq(fx.plan.n_replies, 1);
    ck_assert_int_eq(fx.plan.notes[0].type, NVA_NOTE_ANSWERED);
    ck_assert_int_eq(fx.plan.notes[0].reason, NVA_R_ANSWERED);
    ck_assert_uint_eq(reply->nve, nve);
    ck_assert_int_eq(reply->target, NVA_REPLY_TO_PORT);
    ck_assert_uint_eq(reply->ofport, ofport);
    ck_assert_int_eq(nva_frame_parse(reply->data, reply->size, &f), NVA_OK);
    return f;
}

static void
no_answer(enum nva_reason reason)
{
    ck_assert_uint_eq(fx.plan.n_replies, 0);
    ck_assert_int_eq(fx.plan.notes[0].type, NVA_NOTE_DROPPED);
    ck_assert_str_eq(nva_reason_word(fx.plan.notes[0].reason),
                     nva_reason_word(reason));
}

START_TEST(F1_F2_arp_is_answered_at_the_asking_port)
{
    struct nva_frame f;

    ask(HV2, "tap1", arp(2, "10.0.0.2", "10.0.0.1"));
    f = answer(HV2, 11);
    ck_assert_int_eq(f.kind, NVA_FRAME_ARP_REPLY);
    ck_assert_mem_eq(&f.sha, fx_mac(1).ea, 6);
    ck_assert_mem_eq(&f.eth_dst, fx_mac(2).ea, 6);
    ck_assert_uint_eq(fx.plan.notes[0].tsi, vm1);

    /* A probe from another VM hears that the address is in use. */
    ask(HV2, "tap1", arp(2, "0.0.0.0", "10.0.0.1"));
    f = answer(HV2, 11);
    ck_assert_mem_eq(&f.sha, fx_mac(1).ea, 6);
}
END_TEST

START_TEST(F1_F3_ns_is_answered)
{
    struct nva_frame f;

    ask(HV2, "tap1", fx_nd(NVA_FRAME_NS, fx_mac(2), "fd10::2", "fd10::1"));
    f = answer(HV2, 11);
    ck_assert_int_eq(f.kind, NVA_FRAME_NA);
    ck_assert_mem_eq(&f.lla, fx_mac(1).ea, 6);
    ck_assert(f.na_solicited && f.na_override && f.na_router);

    ask(HV2, "tap1", fx_nd(NVA_FRAME_NS, fx_mac(2), "::", "fd10::1"));
    f = answer(HV2, 11);
    ck_assert(!f.na_solicited && f.na_override);
}
END_TEST

START_TEST(H4_the_vm_itself_is_not_told_in_use)
{
    /* At its new NVE, and at its own. */
    ask(HV3, "tap1", arp(1, "0.0.0.0", "10.0.0.1"));
    no_answer(NVA_R_OWN_QUESTION);
    ask(HV1, "tap1", arp(1, "0.0.0.0", "10.0.0.1"));
    no_answer(NVA_R_OWN_QUESTION);
    ask(HV3, "tap1", fx_nd(NVA_FRAME_NS, fx_mac(1), "::", "fd10::1"));
    no_answer(NVA_R_OWN_QUESTION);
}
END_TEST

START_TEST(F2_not_at_the_owners_own_port_nor_unicast)
{
    struct nva_frame f = arp(2, "10.0.0.2", "10.0.0.1");

    ask(HV1, "tap1", arp(9, "10.0.0.9", "10.0.0.1"));
    no_answer(NVA_R_OWN_QUESTION);

    f.eth_dst = fx_mac(1);
    ask(HV2, "tap1", f);
    no_answer(NVA_R_NOT_INTERESTING);
}
END_TEST

START_TEST(unknown_addresses_are_not_answered)
{
    ask(HV2, "tap1", arp(2, "10.0.0.2", "10.0.0.77"));
    no_answer(NVA_R_UNKNOWN_ADDRESS);
    ask(HV2, "tap1", fx_nd(NVA_FRAME_NS, fx_mac(2), "fd10::2", "fd10::77"));
    no_answer(NVA_R_UNKNOWN_ADDRESS);
    /* Known, but nowhere. */
    ask(HV2, "tap1", arp(2, "10.0.0.2", "10.0.0.3"));
    no_answer(NVA_R_UNKNOWN_ADDRESS);
    /* Known in another network only. */
    ask(HV2, "tap2", arp(2, "10.0.0.2", "10.0.0.1"));
    no_answer(NVA_R_UNKNOWN_ADDRESS);
}
END_TEST

START_TEST(D4_I3_rarp_is_answered_unicast_with_the_same_ip)
{
    struct in6_addr ip1 = fx_ip("10.0.0.1");
    struct nva_frame f;

    /* QEMU's announcement at the new NVE: its answer comes from there. */
    ask(HV3, "tap1", fx_rarp(fx_mac(1), fx_mac(1)));
    f = answer(HV3, 11);
    ck_assert_int_eq(f.kind, NVA_FRAME_RARP_REPLY);
    ck_assert_mem_eq(&f.eth_dst, fx_mac(1).ea, 6);
    ck_assert_mem_eq(&f.tha, fx_mac(1).ea, 6);
    ck_assert_mem_eq(&f.tpa, &ip1, sizeof f.tpa);
    ck_assert(eth_addr_equals(f.eth_src, nva_own_mac));

    /* About another: still to the asker. */
    ask(HV3, "tap1", fx_rarp(fx_mac(9), fx_mac(2)));
    f = answer(HV3, 11);
    ck_assert_mem_eq(&f.eth_dst, fx_mac(9).ea, 6);
    ck_assert_mem_eq(&f.tha, fx_mac(2).ea, 6);
}
END_TEST

/* Where nested guests may be nobody knows who has an address: they are asked,
 * and get none by RARP that is their host's. */
START_TEST(nested_guests_answer_themselves)
{
    struct nva_delta d = { .type = NVA_DELTA_VN_PUT, .id = RED };
    struct nva_tsi tsi = *directory_tsi(fx.dir, vm1);

    tsi.n_allowed = 1;
    tsi.allowed[0] = fx_mac(9);
    tsi.nested = 1;
    fx_tsi_put(&fx, &tsi);
    ask(HV2, "tap1", arp(2, "10.0.0.2", "10.0.0.1"));
    ck_assert_uint_eq(fx.plan.n_replies, 0);    /* The switch floods it. */
    ck_assert_int_eq(fx.plan.notes[0].reason, NVA_R_ASKED_THERE);
    ask(HV1, "tap1", fx_rarp(fx_mac(9), fx_mac(9)));
    ck_assert_uint_eq(fx.plan.n_replies, 0);

    d.vn = *directory_vn(fx.dir, RED);
    d.vn.unknown_question = NVA_UQ_DROP;
    fx_apply(&fx, &d);
    ask(HV2, "tap1", arp(2, "10.0.0.2", "10.0.0.1"));
    ck_assert_uint_eq(fx.plan.n_replies, 1);
    ck_assert_int_eq(fx.plan.replies[0].target, NVA_REPLY_TO_TUNNEL);
    ck_assert_uint_eq(fx.plan.replies[0].to, HV1);
    ck_assert_int_eq(fx.plan.notes[0].type, NVA_NOTE_FLOODED);
}
END_TEST

START_TEST(I3_rarp_for_what_is_not_known)
{
    struct nva_tsi tsi = *directory_tsi(fx.dir, vm1);

    ask(HV3, "tap1", fx_rarp(fx_mac(9), fx_mac(9)));
    no_answer(NVA_R_UNKNOWN_ADDRESS);
    ask(HV3, "tap2", fx_rarp(fx_mac(1), fx_mac(1)));
    no_answer(NVA_R_UNKNOWN_ADDRESS);

    tsi.ips[0] = tsi.ips[1];
    tsi.n_ips = 1;                      /* IPv6 only. */
    fx_tsi_put(&fx, &tsi);
    ask(HV3, "tap1", fx_rarp(fx_mac(1), fx_mac(1)));
    no_answer(NVA_R_UNKNOWN_ADDRESS);
}
END_TEST

/* ## Strays ## */

static const uint8_t payload[64] = { 2, 0, 0, 0, 0, 1, [63] = 0xaa };

/* A stray for 'dst' at 'nve': from the tunnel when 'port' is NULL. */
static void
stray(nva_id nve, const char *port, struct eth_addr dst)
{
    struct nva_event ev = fx_packet(&fx, NVA_EV_STRAY, nve,
                                    port ? port : "tap1",
                                    fx_data(fx_mac(9), dst));

    if (!port) {
        ev.packet.vap = NVA_ID_NONE;
        ev.packet.ofport = 1;
    }
    ev.packet.data = payload;
    ev.packet.size = sizeof payload;
    nva_plan_start(&fx.plan, 5000);
    responder_stray(&fx.view, &ev, &fx.plan);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    ck_assert_uint_eq(fx.plan.n_notes, 1);
}

static const struct nva_reply *
sent(nva_id nve, enum nva_reply_target target)
{
    const struct nva_reply *reply = fx.plan.replies;

    ck_assert_uint_eq(fx.plan.n_replies, 1);
    ck_assert_int_eq(fx.plan.notes[0].type, NVA_NOTE_LATE);
    ck_assert_uint_eq(reply->nve, nve);
    ck_assert_int_eq(reply->target, target);
    ck_assert_uint_eq(reply->size, sizeof payload);
    ck_assert_mem_eq(nva_reply_frame(reply), payload, sizeof payload);
    return reply;
}

START_TEST(D6_a_late_packet_is_sent_after_its_vm)
{
    const struct nva_reply *reply;

    stray(HV3, NULL, fx_mac(1));
    reply = sent(HV3, NVA_REPLY_TO_TUNNEL);
    ck_assert_uint_eq(reply->to, HV1);
    ck_assert_uint_eq(reply->vni, 100);

    stray(HV3, "tap1", fx_mac(2));
    reply = sent(HV3, NVA_REPLY_TO_TUNNEL);
    ck_assert_uint_eq(reply->to, HV2);
}
END_TEST

START_TEST(a_stray_where_its_vm_is_goes_to_the_port)
{
    stray(HV1, NULL, fx_mac(1));
    ck_assert_uint_eq(sent(HV1, NVA_REPLY_TO_PORT)->ofport, 11);

    /* Never back where it came from. */
    stray(HV1, "tap1", fx_mac(1));
    no_answer(NVA_R_NOT_INTERESTING);

    /* The port is not there. */
    nva_plan_start(&fx.plan, 5000);
    nva_deltas_add(&fx.plan.deltas, NVA_DELTA_PORT_DEL)->port
        = *directory_port(fx.dir, HV1, "tap1");
    fx_apply_plan(&fx);
    struct nva_event ev = { .type = NVA_EV_STRAY, .nve = HV1,
                            .session = 1000 + HV1 };
    ev.packet.vn = RED;
    ev.packet.ofport = 1;
    ev.packet.frame = fx_data(fx_mac(9), fx_mac(1));
    ev.packet.data = payload;
    ev.packet.size = sizeof payload;
    nva_plan_start(&fx.plan, 5000);
    responder_stray(&fx.view, &ev, &fx.plan);
    no_answer(NVA_R_NOT_READY);
}
END_TEST

START_TEST(D9_a_stray_for_nobody_is_dropped)
{
    stray(HV3, NULL, fx_mac(77));
    no_answer(NVA_R_UNKNOWN_ADDRESS);
    stray(HV3, NULL, fx_mac(3));        /* Has no place. */
    no_answer(NVA_R_UNKNOWN_ADDRESS);
    stray(HV3, NULL, (struct eth_addr) ETH_ADDR_C(ff,ff,ff,ff,ff,ff));
    no_answer(NVA_R_NOT_INTERESTING);
    stray(HV3, "tap2", fx_mac(1));      /* Another network's. */
    no_answer(NVA_R_UNKNOWN_ADDRESS);
}
END_TEST

START_TEST(a_stray_without_a_way_is_dropped)
{
    struct nva_delta d = { .type = NVA_DELTA_NVE_PUT, .id = HV1 };

    d.nve = *directory_nve(fx.dir, HV1);
    d.nve.tunnel_ip = in6addr_any;
    fx_apply(&fx, &d);
    stray(HV3, NULL, fx_mac(1));
    no_answer(NVA_R_NO_TUNNEL_PORT);
}
END_TEST

START_TEST(a_stray_too_long_is_dropped)
{
    struct nva_event ev = fx_packet(&fx, NVA_EV_STRAY, HV3, "tap1",
                                    fx_data(fx_mac(9), fx_mac(1)));
    uint8_t *jumbo = xzalloc(NVA_FRAME_MAX + 1);

    ev.packet.data = jumbo;
    ev.packet.size = NVA_FRAME_MAX + 1;
    nva_plan_start(&fx.plan, 5000);
    responder_stray(&fx.view, &ev, &fx.plan);
    no_answer(NVA_R_FRAME_FORMAT);

    ev.packet.size = NVA_FRAME_MAX;
    nva_plan_start(&fx.plan, 5000);
    responder_stray(&fx.view, &ev, &fx.plan);
    ck_assert_uint_eq(fx.plan.n_replies, 1);
    free(jumbo);
}
END_TEST

/* ## Segments ## */

/* VM 1's connections are to be reset; it stands still, or is off, or not. */
static void
reset_vm1(bool paused, bool stopped)
{
    struct nva_delta d = { .type = NVA_DELTA_VM_PUT };
    struct nva_tsi tsi = *directory_tsi(fx.dir, vm1);

    d.id = tsi.vm;
    d.vm = *directory_vm(fx.dir, tsi.vm);
    d.vm.connections = NVA_CONNECTIONS_RESET;
    fx_apply(&fx, &d);
    tsi.paused = paused;
    tsi.stopped = stopped;
    fx_tsi_put(&fx, &tsi);
}

/* VM 9 acknowledges something of VM 1 at 'nve'.  True if it is told to close;
 * else the segment was sent on. */
static bool
is_reset(nva_id nve)
{
    static const uint8_t ack[54] = {
        2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 8, 0, 0x45, [17] = 40, [22] = 64,
        6, [26] = 10, 0, 0, 9, 10, 0, 0, 1, 0, 80, 4, 0, [46] = 0x50, 0x10,
    };
    struct nva_event ev = fx_packet(&fx, NVA_EV_SEGMENT, nve, "tap1",
                                    fx_data(fx_mac(9), fx_mac(1)));
    const struct nva_reply *reply;

    ev.packet.vap = NVA_ID_NONE;
    ev.packet.ofport = 1;
    ev.packet.data = ack;
    ev.packet.size = sizeof ack;
    nva_plan_start(&fx.plan, 5000);
    responder_segment(&fx.view, &ev, &fx.plan);
    ck_assert_uint_eq(fx.plan.deltas.n, 0);
    ck_assert_uint_eq(fx.plan.n_notes, 1);
    ck_assert_uint_eq(fx.plan.n_replies, 1);
    reply = fx.plan.replies;
    ck_assert_uint_eq(reply->nve, nve);
    if (fx.plan.notes[0].reason != NVA_R_RESET) {
        ck_assert_mem_eq(nva_reply_frame(reply), ack, sizeof ack);
        return false;
    }
    /* As if VM 1 had sent it there. */
    ck_assert_int_eq(reply->target, NVA_REPLY_TO_FORWARD);
    ck_assert_uint_eq(reply->vni, 100);
    ck_assert_mem_eq(reply->data, fx_mac(9).ea, 6);
    ck_assert_mem_eq(reply->data + 6, fx_mac(1).ea, 6);
    return true;
}

START_TEST(D18_a_segment_is_reset_where_nobody_answers)
{
    ck_assert(!is_reset(HV1));
    reset_vm1(false, false);
    ck_assert(!is_reset(HV1));
    reset_vm1(true, false);
    ck_assert(is_reset(HV1));
    ck_assert(!is_reset(HV3));
    reset_vm1(false, true);
    ck_assert(is_reset(HV1));
}
END_TEST

/* After the switch as long as there is a redirect, if that is to. */
START_TEST(D18_a_segment_is_reset_as_long_as_the_redirect_lasts)
{
    struct nva_delta d = { .type = NVA_DELTA_REDIRECT_PUT };

    reset_vm1(false, false);
    d.id = fx_redirect(&fx, vm1, HV3, HV1, NVA_ID_NONE, 0);
    ck_assert(!is_reset(HV3));
    d.redirect = *directory_redirect(fx.dir, d.id);
    d.redirect.resets = true;
    fx_apply(&fx, &d);
    ck_assert(is_reset(HV3));
    ck_assert(!is_reset(HV1));
    d.type = NVA_DELTA_REDIRECT_DEL;
    fx_apply(&fx, &d);
    ck_assert(!is_reset(HV3));
}
END_TEST

START_TEST(who_takes_a_shared_address_over_is_not_told_in_use)
{
    struct nva_delta d = { .type = NVA_DELTA_VN_PUT, .id = RED };

    d.vn = *directory_vn(fx.dir, RED);
    d.vn.shared_ips[d.vn.n_shared_ips++] = fx_ip("10.0.0.1");
    fx_apply(&fx, &d);
    ask(HV2, "tap1", arp(2, "0.0.0.0", "10.0.0.1"));
    no_answer(NVA_R_PROBE);
    ask(HV2, "tap1", arp(2, "10.0.0.2", "10.0.0.1"));
    answer(HV2, 11);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("responder");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, F1_F2_arp_is_answered_at_the_asking_port);
    tcase_add_test(tc, F1_F3_ns_is_answered);
    tcase_add_test(tc, H4_the_vm_itself_is_not_told_in_use);
    tcase_add_test(tc, F2_not_at_the_owners_own_port_nor_unicast);
    tcase_add_test(tc, unknown_addresses_are_not_answered);
    tcase_add_test(tc, D4_I3_rarp_is_answered_unicast_with_the_same_ip);
    tcase_add_test(tc, nested_guests_answer_themselves);
    tcase_add_test(tc, I3_rarp_for_what_is_not_known);
    tcase_add_test(tc, D6_a_late_packet_is_sent_after_its_vm);
    tcase_add_test(tc, a_stray_where_its_vm_is_goes_to_the_port);
    tcase_add_test(tc, D9_a_stray_for_nobody_is_dropped);
    tcase_add_test(tc, a_stray_without_a_way_is_dropped);
    tcase_add_test(tc, a_stray_too_long_is_dropped);
    tcase_add_test(tc, D18_a_segment_is_reset_where_nobody_answers);
    tcase_add_test(tc, D18_a_segment_is_reset_as_long_as_the_redirect_lasts);
    tcase_add_test(tc, who_takes_a_shared_address_over_is_not_told_in_use);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
