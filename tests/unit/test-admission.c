/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include "admission.h"

/* VM 1 of each network is at hv1 with 10.0.0.1 and fd10::1, VM 2 at hv2 with
 * 10.0.0.2. */
static struct fixture fx;
static nva_id red1, blue1;
static enum nva_admit what;

#define NOTHING ((enum nva_admit) 99)

static nva_id
vm_with_v6(nva_id vn, const char *port)
{
    struct nva_tsi tsi;

    tsi = *directory_tsi(fx.dir, fx_vm(&fx, vn, 1, "10.0.0.1", HV1, port));
    tsi.ips[tsi.n_ips++] = fx_ip("fd10::1");
    tsi.n_given = tsi.n_ips;
    fx_tsi_put(&fx, &tsi);
    return tsi.id;
}

static void
setup(void)
{
    fx_init(&fx);
    red1 = vm_with_v6(RED, "tap1");
    blue1 = vm_with_v6(BLUE, "tap2");
    fx_vm(&fx, RED, 2, "10.0.0.2", HV2, "tap1");
    fx_vm(&fx, BLUE, 2, "10.0.0.2", HV2, "tap2");
}

static void
teardown(void)
{
    fx_uninit(&fx);
}

static enum nva_reason
admit(nva_id nve, const char *port, struct nva_frame frame)
{
    struct nva_event ev = fx_packet(&fx, NVA_EV_EVIDENCE, nve, port, frame);

    what = NOTHING;
    return admission_evidence(&fx.view, &ev, &what);
}

static struct nva_frame
garp(uint8_t last, const char *ip)
{
    return fx_arp(NVA_FRAME_ARP_REQUEST, fx_mac(last), ip, ip);
}

static void
prepare(nva_id id, nva_id nve, const char *port, bool paused)
{
    struct nva_tsi tsi = *directory_tsi(fx.dir, id);

    tsi.prepared.nve = nve;
    ovs_strlcpy(tsi.prepared.port, port, sizeof tsi.prepared.port);
    tsi.paused = paused;
    fx_tsi_put(&fx, &tsi);
}

#define ADMITTED(WHAT, NVE, PORT, FRAME)                                    \
    do {                                                                    \
        ck_assert_int_eq(admit(NVE, PORT, FRAME), NVA_OK);                  \
        ck_assert_int_eq(what, NVA_ADMIT_##WHAT);                           \
    } while (0)
#define REFUSED(REASON, NVE, PORT, FRAME)                                   \
    do {                                                                    \
        ck_assert_int_eq(admit(NVE, PORT, FRAME), NVA_R_##REASON);          \
        ck_assert_int_eq(what, NOTHING);                                    \
    } while (0)

/* ## strict ## */

START_TEST(strict_takes_places_from_management_only)
{
    ADMITTED(REFRESH, HV1, "tap1", garp(1, "10.0.0.1"));
    REFUSED(STRICT_BINDING, HV3, "tap1", garp(1, "10.0.0.1"));
    REFUSED(STRICT_BINDING, HV3, "tap1", fx_rarp(fx_mac(1), fx_mac(1)));
    REFUSED(STRICT_BINDING, HV3, "tap1", fx_data(fx_mac(1), fx_mac(2)));
    REFUSED(STRICT_BINDING, HV1, "tap1", garp(7, "10.0.0.7"));
}
END_TEST

START_TEST(strict_activates_at_the_prepared_place)
{
    prepare(red1, HV3, "tap1", false);
    ADMITTED(ACTIVATE, HV3, "tap1", garp(1, "10.0.0.1"));
    ADMITTED(ACTIVATE, HV3, "tap1", fx_rarp(fx_mac(1), fx_mac(1)));
    ADMITTED(ACTIVATE, HV3, "tap1", fx_data(fx_mac(1), fx_mac(2)));
    ADMITTED(ACTIVATE, HV3, "tap1",
             fx_nd(NVA_FRAME_NA, fx_mac(1), "fd10::1", "fd10::1"));
    ADMITTED(REFRESH, HV1, "tap1", garp(1, "10.0.0.1"));
    REFUSED(STRICT_BINDING, HV2, "tap1", garp(1, "10.0.0.1"));
    /* The right port of the wrong NVE, the wrong port of the right one. */
    prepare(red1, HV3, "tap9", false);
    REFUSED(STRICT_BINDING, HV3, "tap1", garp(1, "10.0.0.1"));
}
END_TEST

START_TEST(a_frame_from_the_old_port_while_paused_aborts)
{
    prepare(red1, HV3, "tap1", true);
    ADMITTED(ABORT, HV1, "tap1", garp(1, "10.0.0.1"));
    ADMITTED(ABORT, HV1, "tap1", fx_data(fx_mac(1), fx_mac(2)));
    ADMITTED(ACTIVATE, HV3, "tap1", garp(1, "10.0.0.1"));
    REFUSED(PROBE, HV1, "tap1",
            fx_arp(NVA_FRAME_ARP_REQUEST, fx_mac(1), "0.0.0.0", "10.0.0.1"));
}
END_TEST

START_TEST(D15_strict_takes_only_the_interfaces_own_addresses)
{
    /* Another interface's, at one's own place and at the prepared one. */
    REFUSED(SPOOFED, HV1, "tap1", garp(1, "10.0.0.2"));
    prepare(red1, HV3, "tap1", false);
    REFUSED(SPOOFED, HV3, "tap1", garp(1, "10.0.0.2"));
    /* Nobody's. */
    REFUSED(SPOOFED, HV1, "tap1", garp(1, "10.0.0.77"));
    REFUSED(SPOOFED, HV1, "tap1",
            fx_nd(NVA_FRAME_NA, fx_mac(1), "fd10::77", "fd10::77"));
    REFUSED(SPOOFED, HV1, "tap1",
            fx_nd(NVA_FRAME_NS, fx_mac(1), "fd10::77", "fd10::2"));
    /* An ordinary question claims its sender's address. */
    REFUSED(SPOOFED, HV1, "tap1",
            fx_arp(NVA_FRAME_ARP_REQUEST, fx_mac(1), "10.0.0.77",
                   "10.0.0.2"));
    ADMITTED(REFRESH, HV1, "tap1",
             fx_arp(NVA_FRAME_ARP_REQUEST, fx_mac(1), "10.0.0.1",
                    "10.0.0.77"));
}
END_TEST

START_TEST(link_local_needs_no_registration)
{
    struct nva_tsi tsi;

    ADMITTED(REFRESH, HV1, "tap1",
             fx_nd(NVA_FRAME_NA, fx_mac(1), "fe80::1", "fe80::1"));
    ADMITTED(REFRESH, HV1, "tap1",
             fx_nd(NVA_FRAME_NS, fx_mac(1), "fe80::1", "fd10::2"));

    /* But one that was given to another interface is that one's. */
    tsi = *directory_tsi_by_mac(fx.dir, RED, fx_mac(2));
    tsi.ips[tsi.n_ips++] = fx_ip("fe80::1");
    fx_tsi_put(&fx, &tsi);
    REFUSED(SPOOFED, HV1, "tap1",
            fx_nd(NVA_FRAME_NA, fx_mac(1), "fe80::1", "fe80::1"));
}
END_TEST

/* ## learn ## */

START_TEST(learn_moves_places_and_makes)
{
    nva_id vm3 = fx_vm(&fx, BLUE, 3, "10.0.0.3", 0, NULL);

    ADMITTED(REFRESH, HV1, "tap2", garp(1, "10.0.0.1"));
    ADMITTED(MOVE, HV3, "tap2", garp(1, "10.0.0.1"));
    ADMITTED(MOVE, HV3, "tap2", fx_rarp(fx_mac(1), fx_mac(1)));
    ADMITTED(MOVE, HV3, "tap2", fx_data(fx_mac(1), fx_mac(2)));
    ck_assert_uint_ne(vm3, NVA_ID_NONE);
    ADMITTED(PLACE, HV3, "tap2", garp(3, "10.0.0.3"));
    ADMITTED(NEW, HV3, "tap2", garp(7, "10.0.0.7"));
    prepare(blue1, HV3, "tap2", false);
    ADMITTED(ACTIVATE, HV3, "tap2", garp(1, "10.0.0.1"));
    ADMITTED(MOVE, HV2, "tap2", garp(1, "10.0.0.1"));
}
END_TEST

START_TEST(a_place_only_published_is_elsewhere)
{
    struct nva_tsi tsi = *directory_tsi(fx.dir, blue1);

    tsi.current.nve = HV2;
    fx_tsi_put(&fx, &tsi);
    ADMITTED(MOVE, HV1, "tap2", garp(1, "10.0.0.1"));
}
END_TEST

START_TEST(D15_learn_takes_no_address_from_another)
{
    REFUSED(SPOOFED, HV1, "tap2", garp(1, "10.0.0.2"));
    REFUSED(SPOOFED, HV3, "tap2", garp(7, "10.0.0.2"));
    REFUSED(SPOOFED, HV3, "tap2",
            fx_arp(NVA_FRAME_ARP_REPLY, fx_mac(7), "10.0.0.2", "10.0.0.9"));
    REFUSED(SPOOFED, HV3, "tap2",
            fx_nd(NVA_FRAME_NA, fx_mac(7), "fd10::1", "fd10::1"));
    /* An address nobody has is learned. */
    ADMITTED(REFRESH, HV1, "tap2", garp(1, "10.0.0.77"));
}
END_TEST

/* What it only said itself is in question: who claims it is heard (F7), but
 * not if the VM is sticky. */
START_TEST(F7_what_was_learned_may_be_claimed)
{
    struct nva_delta vm = { .type = NVA_DELTA_VM_PUT };
    struct nva_tsi tsi = *directory_tsi(fx.dir, blue1);

    tsi.n_given = 1;
    fx_tsi_put(&fx, &tsi);
    ADMITTED(NEW, HV3, "tap2",
             fx_nd(NVA_FRAME_NA, fx_mac(7), "fd10::1", "fd10::1"));
    REFUSED(SPOOFED, HV3, "tap2", garp(7, "10.0.0.1"));
    vm.id = tsi.vm;
    vm.vm = *directory_vm(fx.dir, tsi.vm);
    vm.vm.sticky = true;
    fx_apply(&fx, &vm);
    REFUSED(SPOOFED, HV3, "tap2",
            fx_nd(NVA_FRAME_NA, fx_mac(7), "fd10::1", "fd10::1"));
}
END_TEST

START_TEST(D15_never_across_networks)
{
    nva_id red5 = fx_vm(&fx, RED, 5, "10.0.0.5", HV2, "tap1");

    /* Blue knows neither VM 5 nor its address. */
    ADMITTED(NEW, HV3, "tap2", garp(5, "10.0.0.5"));
    ck_assert_uint_eq(directory_tsi(fx.dir, red5)->current.nve, HV2);
}
END_TEST

START_TEST(learn_limit_per_port)
{
    for (int i = 0; i < NVA_LEARNED_PER_VAP_MAX; i++) {
        struct nva_tsi tsi;
        struct nva_delta d = { .type = NVA_DELTA_VM_PUT };

        ADMITTED(NEW, HV3, "tap2", garp(250, "10.0.1.1"));
        tsi = *directory_tsi(fx.dir, fx_vm(&fx, BLUE, 100 + i, NULL, HV3,
                                           "tap2"));
        d.id = tsi.vm;
        d.vm = *directory_vm(fx.dir, tsi.vm);
        d.vm.origin = NVA_ORIGIN_LEARNED;
        fx_apply(&fx, &d);
    }
    REFUSED(LEARN_LIMIT, HV3, "tap2", garp(250, "10.0.1.1"));
    /* Its own make room once they are silent. */
    fx.view.now = NVA_EVICT_SILENCE;
    REFUSED(LEARN_LIMIT, HV3, "tap2", garp(250, "10.0.1.1"));
    fx.view.now += NVA_HEARD_GRAIN;
    ADMITTED(NEW, HV3, "tap2", garp(250, "10.0.1.1"));
    ADMITTED(NEW, HV2, "tap2", garp(250, "10.0.1.1"));
    ADMITTED(REFRESH, HV3, "tap2", garp(100, "10.0.1.1"));
}
END_TEST

/* D15: a nested guest is where its MAC is allowed, and nowhere else. */
START_TEST(D15_nested_guests)
{
    struct nva_tsi tsi = *directory_tsi(fx.dir, red1);
    struct nva_tsi two = *directory_tsi_by_mac(fx.dir, RED, fx_mac(2));

    tsi.n_allowed = two.n_allowed = 1;
    tsi.allowed[0] = two.allowed[0] = fx_mac(9);
    fx_tsi_put(&fx, &tsi);
    ADMITTED(NESTED, HV1, "tap1", garp(9, "10.0.0.1"));
    ADMITTED(NESTED, HV1, "tap1", fx_data(fx_mac(9), fx_mac(2)));
    REFUSED(SPOOFED, HV1, "tap1", garp(9, "10.0.0.2"));
    REFUSED(SPOOFED, HV1, "tap1", garp(9, "10.0.0.77"));
    REFUSED(STRICT_BINDING, HV2, "tap1", garp(9, "10.0.0.77"));

    tsi.nested = 1;
    tsi.nested_since = NVA_SEC;
    fx_tsi_put(&fx, &tsi);
    ADMITTED(REFRESH, HV1, "tap1", garp(9, "10.0.0.1"));
    REFUSED(SPOOFED, HV3, "tap1", garp(9, "10.0.0.1"));

    /* Another interface that may have it does not get it at once. */
    fx_tsi_put(&fx, &two);
    fx.view.now = NVA_SEC + NVA_NESTED_KEPT - 1;
    REFUSED(UNDER_WAY, HV2, "tap1", garp(9, "10.0.0.2"));
    fx.view.now++;
    ADMITTED(NESTED, HV2, "tap1", garp(9, "10.0.0.2"));

    /* It speaks where its host was prepared, or should stand still. */
    prepare(red1, HV3, "tap1", false);
    ADMITTED(ACTIVATE, HV3, "tap1", garp(9, "10.0.0.1"));
    prepare(red1, HV3, "tap1", true);
    ADMITTED(ABORT, HV1, "tap1", garp(9, "10.0.0.1"));
}
END_TEST

/* E4, E5: neither moves by announcement, nor by data; both by management. */
START_TEST(E5_sticky_and_frozen_stay)
{
    struct nva_delta vm = { .type = NVA_DELTA_VM_PUT };
    struct nva_tsi tsi = *directory_tsi(fx.dir, blue1);

    if (_i) {
        tsi.frozen = true;
        fx_tsi_put(&fx, &tsi);
    } else {
        vm.vm = *directory_vm(fx.dir, tsi.vm);
        vm.id = vm.vm.id;
        vm.vm.sticky = true;
        fx_apply(&fx, &vm);
    }
    for (int i = 0; i < 2; i++) {
        struct nva_frame f = i ? fx_data(fx_mac(1), fx_mac(2))
                               : garp(1, "10.0.0.1");

        ADMITTED(REFRESH, HV1, "tap2", f);
        if (_i) {
            REFUSED(FROZEN, HV3, "tap2", f);
        } else {
            REFUSED(STICKY, HV3, "tap2", f);
        }
    }
    prepare(blue1, HV3, "tap2", false);
    ADMITTED(ACTIVATE, HV3, "tap2", garp(1, "10.0.0.1"));
}
END_TEST

/* The VM has gone from hv1 to hv2 at 1000. */
static void
leave_hv1(enum nva_move_cause cause)
{
    struct nva_tsi tsi = *directory_tsi(fx.dir, blue1);
    struct nva_delta d = { .type = NVA_DELTA_MOVE_PUT };

    tsi.current = tsi.published = fx_place(HV2, "tap2");
    fx_tsi_put(&fx, &tsi);
    d.id = fx_move(&fx, blue1, NVA_MS_CONVERGING, fx_place(HV1, "tap2"),
                   fx_place(HV2, "tap2"));
    d.move = *directory_move(fx.dir, d.id);
    d.move.ifs[0].switched_at = 1000;
    d.move.cause = cause;
    fx_apply(&fx, &d);
}

/* Where VM management says that it has left, it is not taken back by a frame
 * that a busy switch comes late to. */
START_TEST(the_place_left_by_vm_management)
{
    struct nva_frame data = fx_data(fx_mac(1), fx_mac(2));

    leave_hv1(NVA_CAUSE_PLANNED);
    fx.view.now = 1000 + NVA_DATAPATH_SLOW - 1;
    ADMITTED(DOUBT, HV1, "tap2", data);
    ADMITTED(MOVE, HV1, "tap2", garp(1, "10.0.0.1"));
    fx.view.now++;
    ADMITTED(MOVE, HV1, "tap2", data);
}
END_TEST

/* From the place just left an announcement is acted on, in doubt until that
 * NVE has confirmed; anything else makes us ask, once, and only at first. */
START_TEST(the_place_just_left)
{
    struct nva_frame data = fx_data(fx_mac(1), fx_mac(2));
    nva_id redirect;

    leave_hv1(NVA_CAUSE_ANNOUNCED);
    fx.view.now = 1000 + NVA_DATAPATH_SETTLE - 1;
    ADMITTED(RETURN, HV1, "tap2", garp(1, "10.0.0.1"));
    ADMITTED(DOUBT, HV1, "tap2", data);
    ADMITTED(MOVE, HV3, "tap2", garp(1, "10.0.0.1"));
    ADMITTED(MOVE, HV3, "tap2", data);

    fx.view.now++;
    ADMITTED(MOVE, HV1, "tap2", garp(1, "10.0.0.1"));
    ADMITTED(MOVE, HV1, "tap2", data);
    redirect = fx_redirect(&fx, blue1, HV1, HV2, 0, 0);
    fx_unconfirm(&fx, HV1, NVA_OWNER_REDIRECT, redirect);
    ADMITTED(RETURN, HV1, "tap2", garp(1, "10.0.0.1"));
    fx.n_unconfirmed = 0;
    fx_unconfirm(&fx, HV1, NVA_OWNER_TSI, blue1);
    ADMITTED(RETURN, HV1, "tap2", garp(1, "10.0.0.1"));
}
END_TEST

START_TEST(asked_already)
{
    struct nva_delta d = { .type = NVA_DELTA_PROBE_PUT };

    leave_hv1(NVA_CAUSE_ANNOUNCED);
    fx.view.now = 1001;
    d.id = d.probe.id = directory_next_id(fx.dir);
    d.probe.tsi = blue1;
    d.probe.why = _i ? NVA_PROBE_MOVES : NVA_PROBE_PLACE;
    fx_apply(&fx, &d);
    REFUSED(UNDER_WAY, HV1, "tap2", fx_data(fx_mac(1), fx_mac(2)));
    ADMITTED(RETURN, HV1, "tap2", garp(1, "10.0.0.1"));
}
END_TEST

/* ## Both ## */

START_TEST(H1_a_probe_is_never_evidence)
{
    struct nva_frame arp = fx_arp(NVA_FRAME_ARP_REQUEST, fx_mac(1), "0.0.0.0",
                                  "10.0.0.1");
    struct nva_frame dad = fx_nd(NVA_FRAME_NS, fx_mac(1), "::", "fd10::1");

    prepare(red1, HV3, "tap1", false);
    prepare(blue1, HV3, "tap2", false);
    REFUSED(PROBE, HV3, "tap1", arp);
    REFUSED(PROBE, HV3, "tap1", dad);
    REFUSED(PROBE, HV3, "tap2", arp);
    REFUSED(PROBE, HV2, "tap2", dad);
    REFUSED(PROBE, HV1, "tap2", arp);
}
END_TEST

START_TEST(bad_addresses)
{
    REFUSED(BAD_MAC, HV3, "tap2",
            fx_data((struct eth_addr) ETH_ADDR_C(ff,ff,ff,ff,ff,ff),
                    fx_mac(1)));
    REFUSED(BAD_MAC, HV3, "tap2",
            fx_data((struct eth_addr) ETH_ADDR_C(00,00,00,00,00,00),
                    fx_mac(1)));
    REFUSED(BAD_IP, HV3, "tap2", garp(7, "224.0.0.1"));
    REFUSED(BAD_IP, HV3, "tap2", garp(7, "255.255.255.255"));
    REFUSED(BAD_IP, HV3, "tap2",
            fx_arp(NVA_FRAME_ARP_REPLY, fx_mac(7), "0.0.0.0", "10.0.0.1"));
    REFUSED(BAD_IP, HV3, "tap2",
            fx_nd(NVA_FRAME_NA, fx_mac(7), "fd10::7", "::1"));
}
END_TEST

START_TEST(an_na_that_names_another_mac_is_spoofed)
{
    struct nva_frame f = fx_nd(NVA_FRAME_NA, fx_mac(1), "fd10::1", "fd10::1");

    ADMITTED(REFRESH, HV1, "tap2", f);
    f.lla = fx_mac(2);
    REFUSED(SPOOFED, HV1, "tap2", f);
}
END_TEST

START_TEST(a_vap_that_is_gone_teaches_nothing)
{
    struct nva_event ev = fx_packet(&fx, NVA_EV_EVIDENCE, HV1, "tap1",
                                    garp(1, "10.0.0.1"));

    ev.packet.vap = 9999;
    ck_assert_int_eq(admission_evidence(&fx.view, &ev, &what), NVA_R_NO_VAP);
}
END_TEST

static void
set_red(enum nva_port_security security, const char *shared)
{
    struct nva_delta d = { .type = NVA_DELTA_VN_PUT, .id = RED };

    d.vn = *directory_vn(fx.dir, RED);
    d.vn.port_security = security;
    if (shared) {
        d.vn.shared_ips[d.vn.n_shared_ips++] = fx_ip(shared);
    }
    fx_apply(&fx, &d);
}

START_TEST(D15_port_security_of_data)
{
    struct nva_frame data = fx_data(fx_mac(1), fx_mac(2));

    data.ip_src = fx_ip("10.0.0.77");
    ADMITTED(REFRESH, HV1, "tap1", data);
    set_red(NVA_PS_FULL, NULL);
    REFUSED(SPOOFED, HV1, "tap1", data);
    data.ip_src = fx_ip("fd10::77");
    REFUSED(SPOOFED, HV1, "tap1", data);
    data.ip_src = fx_ip("fd10::1");
    ADMITTED(REFRESH, HV1, "tap1", data);
    data.ip_src = fx_ip("fe80::77");
    ADMITTED(REFRESH, HV1, "tap1", data);
    data.ip_src = fx_ip("0.0.0.0");
    ADMITTED(REFRESH, HV1, "tap1", data);

    /* `none': an undeclared address is no lie, another's is. */
    REFUSED(SPOOFED, HV1, "tap1", garp(1, "10.0.0.77"));
    set_red(NVA_PS_NONE, NULL);
    ADMITTED(REFRESH, HV1, "tap1", garp(1, "10.0.0.77"));
    REFUSED(SPOOFED, HV1, "tap1", garp(1, "10.0.0.2"));
}
END_TEST

START_TEST(shared_addresses_are_nobodys_own)
{
    struct nva_frame data = fx_data(fx_mac(1), fx_mac(2));

    data.ip_src = fx_ip("10.0.0.2");
    set_red(NVA_PS_FULL, NULL);
    REFUSED(SPOOFED, HV1, "tap1", garp(1, "10.0.0.2"));
    REFUSED(SPOOFED, HV1, "tap1", data);
    set_red(NVA_PS_FULL, "10.0.0.2");
    ADMITTED(REFRESH, HV1, "tap1", garp(1, "10.0.0.2"));
    ADMITTED(REFRESH, HV1, "tap1", data);
    /* Not in another network. */
    REFUSED(SPOOFED, HV1, "tap2", garp(1, "10.0.0.2"));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("admission");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, strict_takes_places_from_management_only);
    tcase_add_test(tc, strict_activates_at_the_prepared_place);
    tcase_add_test(tc, a_frame_from_the_old_port_while_paused_aborts);
    tcase_add_test(tc, D15_strict_takes_only_the_interfaces_own_addresses);
    tcase_add_test(tc, link_local_needs_no_registration);
    tcase_add_test(tc, learn_moves_places_and_makes);
    tcase_add_test(tc, a_place_only_published_is_elsewhere);
    tcase_add_test(tc, D15_learn_takes_no_address_from_another);
    tcase_add_test(tc, F7_what_was_learned_may_be_claimed);
    tcase_add_test(tc, D15_never_across_networks);
    tcase_add_test(tc, learn_limit_per_port);
    tcase_add_test(tc, D15_nested_guests);
    tcase_add_loop_test(tc, E5_sticky_and_frozen_stay, 0, 2);
    tcase_add_test(tc, the_place_just_left);
    tcase_add_test(tc, the_place_left_by_vm_management);
    tcase_add_loop_test(tc, asked_already, 0, 2);
    tcase_add_test(tc, H1_a_probe_is_never_evidence);
    tcase_add_test(tc, bad_addresses);
    tcase_add_test(tc, an_na_that_names_another_mac_is_spoofed);
    tcase_add_test(tc, a_vap_that_is_gone_teaches_nothing);
    tcase_add_test(tc, D15_port_security_of_data);
    tcase_add_test(tc, shared_addresses_are_nobodys_own);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
