/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include "classify.h"
#include "frame.h"
#include "pipeline.h"

static struct fixture fx;
static struct nva_event ev[2];
static size_t n;

static void
setup(void)
{
    fx_init(&fx);
}

static void
teardown(void)
{
    fx_uninit(&fx);
}

/* Reads a seed of fuzz-frame into a static buffer and classifies it as sent
 * by 'table' of HV1 from 'in_port'. */
static struct nva_packet_in
pin_of(const char *name, uint8_t table, nva_ofport in_port)
{
    static uint8_t buf[256];
    struct nva_packet_in pin = { .nve = HV1, .session = 1000 + HV1,
                                 .table = table, .in_port = in_port,
                                 .data = buf };
    char path[512];
    FILE *file;

    snprintf(path, sizeof path, "%s/tests/fuzz/corpus/frame/%s", NVA_SRCDIR,
             name);
    file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s", path);
    pin.size = fread(buf, 1, sizeof buf, file);
    fclose(file);
    return pin;
}

static enum nva_reason
classify(const char *name, uint8_t table, nva_ofport in_port)
{
    struct nva_packet_in pin = pin_of(name, table, in_port);

    return classify_packet_in(fx.dir, &pin, ev, &n);
}

/* One row: a seed that the ADDRESS table sent up and what it is. */
static const struct {
    const char *name;
    bool evidence, question;
} address[] = {
    { "garp-request", true, false },
    { "garp-reply", true, false },
    { "arp-request", true, true },
    { "arp-probe", false, true },
    { "arp-reply", true, false },
    { "rarp-qemu", true, true },
    { "rarp-for-peer", true, true },
    { "rarp-reply", false, false },
    { "ns", true, true },
    { "ns-dad", false, true },
    { "na-unsolicited", true, false },
    { "na-solicited-node", true, false },
    { "na-solicited", true, false },
    { "ipv4", false, false },
};

START_TEST(D2_D4_D7_H1_address_table)
{
    const char *name = address[_i].name;
    size_t expected = address[_i].evidence + address[_i].question;
    enum nva_reason reason = classify(name, NVA_TABLE_ADDRESS, 11);

    ck_assert_msg(reason == (expected ? NVA_OK : NVA_R_NOT_INTERESTING),
                  "%s: %s", name, nva_reason_word(reason));
    ck_assert_msg(n == expected, "%s", name);
    if (address[_i].evidence) {
        ck_assert_int_eq(ev[0].type, NVA_EV_EVIDENCE);
    }
    if (address[_i].question) {
        ck_assert_int_eq(ev[n - 1].type, NVA_EV_QUESTION);
    }
    for (size_t i = 0; i < n; i++) {
        ck_assert_uint_eq(ev[i].nve, HV1);
        ck_assert_uint_eq(ev[i].session, 1000 + HV1);
        ck_assert_uint_eq(ev[i].packet.vap, fx_vap_id(&fx, HV1, "tap1"));
        ck_assert_uint_eq(ev[i].packet.vn, RED);
        ck_assert_uint_eq(ev[i].packet.ofport, 11);
        ck_assert_uint_ge(ev[i].packet.size, 60);
        ck_assert_ptr_nonnull(ev[i].packet.data);
    }
}
END_TEST

START_TEST(a_silent_vm_is_followed_by_its_data)
{
    ck_assert_int_eq(classify("ipv4", NVA_TABLE_ADMIT, 12), NVA_OK);
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(ev[0].type, NVA_EV_EVIDENCE);
    ck_assert_uint_eq(ev[0].packet.vn, BLUE);
}
END_TEST

START_TEST(a_question_at_admit_is_only_evidence)
{
    ck_assert_int_eq(classify("arp-request", NVA_TABLE_ADMIT, 11), NVA_OK);
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(ev[0].type, NVA_EV_EVIDENCE);

    /* Admission refuses it, so that the refusal is counted. */
    ck_assert_int_eq(classify("arp-probe", NVA_TABLE_ADMIT, 11), NVA_OK);
    ck_assert_uint_eq(n, 1);
    ck_assert(nva_frame_is_probe(&ev[0].packet.frame));
}
END_TEST

/* ...whatever it is. */
START_TEST(what_the_first_table_sends_up_is_on_detour)
{
    static const char *const names[] = { "garp-request", "garp-reply" };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        ck_assert_int_eq(classify(names[i], NVA_TABLE_CLASSIFY, 11), NVA_OK);
        ck_assert_uint_eq(n, 1);
        ck_assert_int_eq(ev[0].type, NVA_EV_DETOURED);
        ck_assert_uint_eq(ev[0].packet.vn, RED);
    }
}
END_TEST

START_TEST(D6_strays)
{
    struct nva_packet_in pin;

    ck_assert_int_eq(classify("ipv4", NVA_TABLE_FORWARD, 11), NVA_OK);
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(ev[0].type, NVA_EV_STRAY);
    ck_assert_uint_eq(ev[0].packet.vap, fx_vap_id(&fx, HV1, "tap1"));
    ck_assert_uint_eq(ev[0].packet.vn, RED);

    /* From the tunnel; the two top bits of the key count redirects. */
    pin = pin_of("ipv4", NVA_TABLE_DELIVER, 1);
    pin.tun_id = 200 | 2u << 22;
    ck_assert_int_eq(classify_packet_in(fx.dir, &pin, ev, &n), NVA_OK);
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(ev[0].type, NVA_EV_STRAY);
    ck_assert_uint_eq(ev[0].packet.vap, NVA_ID_NONE);
    ck_assert_uint_eq(ev[0].packet.vn, BLUE);

    pin.tun_id = 300;
    ck_assert_int_eq(classify_packet_in(fx.dir, &pin, ev, &n), NVA_R_NO_VAP);
    ck_assert_uint_eq(n, 0);

    /* D18: what is shown to be held comes from either side. */
    pin = pin_of("ipv4", NVA_TABLE_HOLD, 1);
    pin.tun_id = 200;
    ck_assert_int_eq(classify_packet_in(fx.dir, &pin, ev, &n), NVA_OK);
    ck_assert_int_eq(ev[0].type, NVA_EV_STRAY);
    ck_assert_uint_eq(ev[0].packet.vn, BLUE);
    pin = pin_of("ipv4", NVA_TABLE_HOLD, 11);
    ck_assert_int_eq(classify_packet_in(fx.dir, &pin, ev, &n), NVA_OK);
    ck_assert_uint_eq(ev[0].packet.vn, RED);
}
END_TEST

START_TEST(refusals)
{
    struct nva_packet_in pin;

    ck_assert_int_eq(classify("ipv4", NVA_TABLE_ADMIT, 99), NVA_R_NO_VAP);
    ck_assert_uint_eq(n, 0);
    ck_assert_int_eq(classify("ipv4", NVA_TABLE_ADMIT, 1), NVA_R_NO_VAP);
    ck_assert_int_eq(classify("ipv4", NVA_TABLE_REDIRECT, 11),
                     NVA_R_NOT_INTERESTING);
    ck_assert_int_eq(classify("ns-checksum", NVA_TABLE_ADDRESS, 11),
                     NVA_R_FRAME_CHECKSUM);
    ck_assert_uint_eq(n, 0);

    /* What a flow refused needs not be a frame that we understand. */
    pin = pin_of("ns-checksum", NVA_TABLE_REFUSE, 11);
    pin.refusal = PIPELINE_REFUSE_TAG;
    ck_assert_int_eq(classify_packet_in(fx.dir, &pin, ev, &n),
                     NVA_R_TAGGED);
    pin.refusal = 0;
    ck_assert_int_eq(classify_packet_in(fx.dir, &pin, ev, &n),
                     NVA_R_NOT_INTERESTING);
    ck_assert_uint_eq(n, 0);

    pin = pin_of("garp-request", NVA_TABLE_ADDRESS, 11);
    pin.session--;
    ck_assert_int_eq(classify_packet_in(fx.dir, &pin, ev, &n),
                     NVA_R_STALE_SESSION);
    pin.nve = 77;
    ck_assert_int_eq(classify_packet_in(fx.dir, &pin, ev, &n),
                     NVA_R_STALE_SESSION);
    ck_assert_uint_eq(n, 0);
}
END_TEST

/* Real systems reuse port names: a VAP may be for one MAC only. */
/* F6: an answer to a probe is no evidence, wherever it was sent up. */
START_TEST(F6_answers_are_no_evidence)
{
    static const uint8_t tables[] = { NVA_TABLE_ADMIT, NVA_TABLE_ADDRESS };
    struct nva_packet_in pin = pin_of(_i ? "na-unsolicited" : "arp-reply",
                                      NVA_TABLE_ADDRESS, 11);

    memcpy((void *) pin.data, nva_own_mac.ea, sizeof nva_own_mac.ea);
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        pin.table = tables[i];
        ck_assert_int_eq(classify_packet_in(fx.dir, &pin, ev, &n), NVA_OK);
        ck_assert_uint_eq(n, 1);
        ck_assert_int_eq(ev[0].type, NVA_EV_ANSWER);
        ck_assert_uint_eq(ev[0].packet.vap, fx_vap_id(&fx, HV1, "tap1"));
    }
}
END_TEST

START_TEST(a_vap_with_the_mac_goes_before_the_ports)
{
    struct nva_delta d = { .type = NVA_DELTA_VAP_PUT };

    d.id = d.vap.id = directory_next_id(fx.dir);
    d.vap.nve = HV1;
    ovs_strlcpy(d.vap.port, "tap1", sizeof d.vap.port);
    d.vap.has_mac = true;
    d.vap.mac = (struct eth_addr) ETH_ADDR_C(02,00,00,00,0a,01);
    d.vap.vn = BLUE;
    fx_apply(&fx, &d);

    ck_assert_int_eq(classify("garp-request", NVA_TABLE_ADDRESS, 11), NVA_OK);
    ck_assert_uint_eq(ev[0].packet.vap, d.id);
    ck_assert_uint_eq(ev[0].packet.vn, BLUE);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("classify");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, D2_D4_D7_H1_address_table, 0,
                        ARRAY_SIZE(address));
    tcase_add_test(tc, a_silent_vm_is_followed_by_its_data);
    tcase_add_test(tc, a_question_at_admit_is_only_evidence);
    tcase_add_test(tc, what_the_first_table_sends_up_is_on_detour);
    tcase_add_test(tc, D6_strays);
    tcase_add_test(tc, refusals);
    tcase_add_loop_test(tc, F6_answers_are_no_evidence, 0, 2);
    tcase_add_test(tc, a_vap_with_the_mac_goes_before_the_ports);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
