/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include "fault.h"

static struct fixture fx;
static struct faults *faults;
static char text[65536];

static void
setup(void)
{
    fx_init(&fx);
    fx.view.now = 100 * NVA_SEC;
    faults = faults_create();
    for (nva_id id = HV1; id <= HV3; id++) {
        struct nva_delta d = { .type = NVA_DELTA_NVE_PUT, .id = id };

        d.nve = *directory_nve(fx.dir, id);
        faults_delta(faults, &fx.view, &d);
    }
}

static void
teardown(void)
{
    faults_destroy(faults);
    fx_uninit(&fx);
}

static void
append(const struct nva_finding *f, void *aux OVS_UNUSED)
{
    size_t used = strlen(text);

    snprintf(text + used, sizeof text - used, "%s: %s: %s\n",
             nva_audit_kind_word(f->kind), f->object, f->other);
}

static const char *
all(void)
{
    text[0] = '\0';
    faults_each(faults, &fx.view, append, NULL);
    return text;
}

/* VM 'last' in the directory, and what follows from that. */
static nva_id
put_vm(uint8_t last, const char *port)
{
    nva_id id = fx_vm(&fx, RED, last, NULL, HV1, port);
    struct nva_delta d = { .type = NVA_DELTA_TSI_PUT, .id = id };

    d.tsi = *directory_tsi(fx.dir, id);
    faults_delta(faults, &fx.view, &d);
    return id;
}

static void
refuse(nva_id vn, enum nva_reason reason, uint8_t mac, const char *ip)
{
    const struct nva_frame frame = {
        .kind = NVA_FRAME_ARP_REQUEST, .eth_src = fx_mac(mac),
        .spa = fx_ip(ip),
    };

    faults_refused(faults, &fx.view, reason,
                   fx_vap_id(&fx, HV1, vn == RED ? "tap1" : "tap2"), &frame);
}

START_TEST(words_for_people)
{
    for (size_t i = 0; i < NVA_N_AUDIT_KINDS; i++) {
        ck_assert_str_ne(nva_audit_kind_advice(i), "?");
    }
    ck_assert_str_eq(nva_audit_kind_advice(NVA_N_AUDIT_KINDS), "?");
}
END_TEST

START_TEST(it_is_told_once_each_way)
{
    struct nva_finding f;
    bool ended;
    nva_id id = put_vm(9, "tap8");

    ck_assert_uint_eq(faults_n(faults), 1);
    ck_assert(!faults_tell(faults, &fx.view, &f, &ended));
    ck_assert_int_eq(faults_deadline(faults), fx.view.now + 5 * NVA_SEC);
    fx.view.now = faults_deadline(faults);
    ck_assert(faults_tell(faults, &fx.view, &f, &ended));
    ck_assert(!ended);
    ck_assert_int_eq(f.kind, NVA_AUDIT_PORT_ABSENT);
    ck_assert_str_eq(f.object, "vm vm101-9 eth0");
    ck_assert_str_eq(f.other, "no such port, but there is tap1");
    ck_assert(!faults_tell(faults, &fx.view, &f, &ended));
    ck_assert_int_eq(faults_deadline(faults), NVA_NEVER);

    fx_port(&fx, HV1, "tap8", 18);
    struct nva_delta d = { .type = NVA_DELTA_PORT_PUT };
    d.port = *directory_port(fx.dir, HV1, "tap8");
    faults_delta(faults, &fx.view, &d);
    ck_assert_uint_eq(faults_n(faults), 0);
    ck_assert_uint_eq(faults_n_of(faults, NVA_AUDIT_PORT_ABSENT), 0);
    ck_assert_int_le(faults_deadline(faults), fx.view.now);
    ck_assert(faults_tell(faults, &fx.view, &f, &ended));
    ck_assert(ended);
    ck_assert_str_eq(f.object, "vm vm101-9 eth0");
    ck_assert(!faults_tell(faults, &fx.view, &f, &ended));
    ck_assert(directory_tsi(fx.dir, id) != NULL);
}
END_TEST

/* A port is meant that differs in case or in one character. */
START_TEST(a_port_that_may_be_meant)
{
    static const struct {
        const char *wrong;
        bool alike;
    } ports[] = {
        { "TAP1", true }, { "tap", true }, { "tap11", true },
        { "atp1", true }, { "tab1", true }, { "t", false },
        { "tap", true }, { "eth1", false }, { "1pat", false },
    };
    struct nva_finding f;
    bool ended;

    for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
        put_vm(20 + i, ports[i].wrong);
    }
    fx.view.now += 5 * NVA_SEC;
    for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
        ck_assert(faults_tell(faults, &fx.view, &f, &ended));
        ck_assert_msg(!strcmp(f.other, "no such port") != ports[i].alike,
                      "%s: %s", ports[i].wrong, f.other);
    }
}
END_TEST

START_TEST(what_is_dropped_and_what_is_only_not_believed)
{
    put_vm(9, "tap1");
    for (enum nva_reason r = 1; r < NVA_N_REASONS; r++) {
        bool counts = (r == NVA_R_SPOOFED || r == NVA_R_BAD_IP
                       || r == NVA_R_STRICT_BINDING || r == NVA_R_TAGGED
                       || r == NVA_R_NOT_ROUTER || r == NVA_R_NOT_DHCP_SERVER
                       || r == NVA_R_LEARN_LIMIT
                       || r == NVA_R_VN_LEARN_LIMIT || r == NVA_R_LIMIT
                       || r == NVA_R_PLACEMENT);
        const size_t before = faults_n(faults);

        refuse(RED, r, 9, "10.9.9.9");
        ck_assert_int_eq(faults_n(faults) > before || before
                         >= FAULT_DROPS_MAX, counts || before
                         >= FAULT_DROPS_MAX);
    }
    ck_assert_uint_eq(faults_n(faults), FAULT_DROPS_MAX);
}
END_TEST

/* A VM that makes up addresses, VMs that make up MACs, and many of them. */
START_TEST(what_frames_can_make_is_bounded)
{
    char ip[INET6_ADDRSTRLEN];

    put_vm(9, "tap1");
    for (int i = 0; i < 1000; i++) {
        snprintf(ip, sizeof ip, "10.1.%d.%d", i / 200, 1 + i % 200);
        fx.view.now++;
        refuse(RED, NVA_R_SPOOFED, 9, ip);
        refuse(RED, NVA_R_STRICT_BINDING, 100 + i % 100, ip);
    }
    ck_assert_uint_eq(faults_n(faults), 2 * FAULT_DROPS_MAX);
    ck_assert_ptr_nonnull(strstr(all(), "997 frames from 10.1.0.4 and "
                                 "others dropped at hv1 tap1"));
}
END_TEST

/* A bridge with many ports that nobody bound. */
START_TEST(unbound_ports_are_bounded)
{
    const struct nva_frame frame = { .eth_src = fx_mac(9) };
    char name[NVA_PORT_NAME_MAX];

    for (int i = 0; i < 2 * FAULT_PORTS_MAX; i++) {
        snprintf(name, sizeof name, "un%d", i);
        fx_port(&fx, HV1, name, 100 + i);
        fx.view.now++;
        faults_unbound(faults, &fx.view, HV1, 100 + i, &frame);
    }
    ck_assert_uint_eq(faults_n(faults), FAULT_PORTS_MAX);
    ck_assert_ptr_nonnull(strstr(all(), "65 frames from"));
    ck_assert_ptr_nonnull(strstr(all(), " dropped there and at others"));

    /* A bound port, the tunnel's and one that is not there are none. */
    faults_unbound(faults, &fx.view, HV1,
                   directory_port(fx.dir, HV1, "tap1")->ofport, &frame);
    faults_unbound(faults, &fx.view, HV1,
                   directory_tunnel_port(fx.dir, HV1)->ofport, &frame);
    faults_unbound(faults, &fx.view, HV1, 60000, &frame);
    ck_assert_uint_eq(faults_n(faults), FAULT_PORTS_MAX);
}
END_TEST

START_TEST(it_ends_when_nothing_comes_any_more)
{
    struct nva_finding f;
    bool ended;

    put_vm(9, "tap1");
    refuse(RED, NVA_R_SPOOFED, 9, "10.9.9.9");
    ck_assert(faults_tell(faults, &fx.view, &f, &ended));
    fx.view.now += FAULT_LATELY - 1;
    refuse(RED, NVA_R_SPOOFED, 9, "10.9.9.9");
    fx.view.now += FAULT_LATELY - 1;
    ck_assert(!faults_tell(faults, &fx.view, &f, &ended));
    ck_assert_int_eq(faults_deadline(faults), fx.view.now + 1);
    fx.view.now++;
    ck_assert(faults_tell(faults, &fx.view, &f, &ended));
    ck_assert(ended);
    ck_assert_uint_eq(faults_n(faults), 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("fault");
    TCase *tc = tcase_create("fault");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, words_for_people);
    tcase_add_test(tc, it_is_told_once_each_way);
    tcase_add_test(tc, a_port_that_may_be_meant);
    tcase_add_test(tc, what_is_dropped_and_what_is_only_not_believed);
    tcase_add_test(tc, what_frames_can_make_is_bounded);
    tcase_add_test(tc, unbound_ports_are_bounded);
    tcase_add_test(tc, it_ends_when_nothing_comes_any_more);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
