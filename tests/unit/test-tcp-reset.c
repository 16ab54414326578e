/* SPDX-License-Identifier: Apache-2.0 */

/* Resets as RFC 9293 s3.5.2 has them; D18. */

#include <config.h>

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "csum.h"
#include "openvswitch/packets.h"
#include "packets.h"
#include "tcp-reset.h"

static uint8_t frame[200], reset[NVA_TCP_RESET_MAX];
static size_t size, n;

/* A segment from 10.0.0.2 or fd10::2 port 1000 to .1 or ::1 port 80, with
 * sequence number 0xfffffff0, acknowledging 0x01020304. */
static uint8_t *
make(bool v6, uint8_t flags, size_t data)
{
    static const uint8_t eth[12] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };
    uint8_t *ip = frame + 14, *tcp = ip + (v6 ? 40 : 20);

    memset(frame, 0, sizeof frame);
    memcpy(frame, eth, sizeof eth);
    if (v6) {
        frame[12] = 0x86;
        frame[13] = 0xdd;
        ip[0] = 0x60;
        ip[5] = 20 + data;
        ip[6] = IPPROTO_TCP;
        ip[8] = ip[24] = 0xfd;
        ip[9] = ip[25] = 0x10;
        ip[23] = 2;
        ip[39] = 1;
    } else {
        frame[12] = 8;
        ip[0] = 0x45;
        ip[3] = 40 + data;
        ip[9] = IPPROTO_TCP;
        ip[12] = ip[16] = 10;
        ip[15] = 2;
        ip[19] = 1;
    }
    memcpy(tcp, "\x03\xe8\x00\x50\xff\xff\xff\xf0\x01\x02\x03\x04\x50", 13);
    tcp[13] = flags;
    size = tcp + 20 + data - frame;
    return tcp;
}

static enum nva_reason
run(void)
{
    return nva_tcp_reset(frame, size, reset, &n);
}

/* The checksum over the pseudo-header of the reset: 0 if it is right. */
static uint16_t
tcp_check(bool v6)
{
    const uint8_t tail[4] = { 0, IPPROTO_TCP, 0, 20 };
    uint32_t sum = csum_continue(0, tail, sizeof tail);

    sum = (v6 ? csum_continue(sum, reset + 22, 32)
           : csum_continue(sum, reset + 26, 8));
    return csum_finish(csum_continue(sum, reset + (v6 ? 54 : 34), 20));
}

START_TEST(D18_takes_its_number_from_the_acknowledgement)
{
    bool v6 = _i;
    const uint8_t *tcp = reset + (v6 ? 54 : 34);

    make(v6, TCP_ACK | TCP_PSH, 5);
    ck_assert_int_eq(run(), NVA_OK);
    ck_assert_uint_eq(n, v6 ? 74 : 60);
    ck_assert_int_eq(memcmp(reset, frame + 6, 6), 0);
    ck_assert_int_eq(memcmp(reset + 6, frame, 6), 0);
    if (v6) {
        ck_assert_int_eq(memcmp(reset + 22, frame + 38, 16), 0);
        ck_assert_int_eq(memcmp(reset + 38, frame + 22, 16), 0);
    } else {
        ck_assert_int_eq(memcmp(reset + 26, frame + 30, 4), 0);
        ck_assert_int_eq(memcmp(reset + 30, frame + 26, 4), 0);
        ck_assert_uint_eq(csum(reset + 14, 20), 0);
    }
    ck_assert_int_eq(memcmp(tcp, "\x00\x50\x03\xe8\x01\x02\x03\x04"
                            "\x00\x00\x00\x00\x50\x04\x00\x00", 16), 0);
    ck_assert_uint_eq(tcp_check(v6), 0);
}
END_TEST

START_TEST(D18_acknowledges_what_acknowledges_nothing)
{
    make(_i, TCP_FIN | TCP_SYN, 20);
    ck_assert_int_eq(run(), NVA_OK);
    /* 0xfffffff0 + 20 + 2 */
    ck_assert_int_eq(memcmp(reset + (_i ? 58 : 38),
                            "\x00\x00\x00\x00\x00\x00\x00\x06\x50\x14", 10),
                     0);
    ck_assert_uint_eq(tcp_check(_i), 0);
}
END_TEST

START_TEST(D18_never_answers_a_reset)
{
    make(_i, TCP_RST | TCP_ACK, 0);
    ck_assert_int_eq(run(), NVA_R_NOT_INTERESTING);
    make(_i, TCP_RST, 0);
    ck_assert_int_eq(run(), NVA_R_NOT_INTERESTING);
}
END_TEST

START_TEST(D18_what_is_not_answered)
{
    uint8_t *tcp = make(false, TCP_ACK, 0);

    frame[20] = 0x20;                           /* More fragments. */
    ck_assert_int_eq(run(), NVA_R_NOT_INTERESTING);
    frame[20] = 0;
    frame[21] = 1;                              /* A later one. */
    ck_assert_int_eq(run(), NVA_R_NOT_INTERESTING);
    frame[21] = 0;
    frame[23] = IPPROTO_UDP;
    ck_assert_int_eq(run(), NVA_R_NOT_INTERESTING);
    frame[23] = IPPROTO_TCP;
    frame[26] = 224;                            /* No host. */
    ck_assert_int_eq(run(), NVA_R_NOT_INTERESTING);
    frame[26] = 10;
    tcp[12] = 0x40;
    ck_assert_int_eq(run(), NVA_R_FRAME_FORMAT);
    tcp[12] = 0x60;
    ck_assert_int_eq(run(), NVA_R_FRAME_FORMAT);
    tcp[12] = 0x50;
    ck_assert_int_eq(run(), NVA_OK);
}
END_TEST

START_TEST(nothing_beyond_the_end)
{
    size_t whole;

    make(_i, TCP_ACK, 8);
    whole = size;
    for (size = 0; size < whole; size++) {
        uint8_t *copy = malloc(size ? size : 1);

        memcpy(copy, frame, size);
        ck_assert_int_ne(nva_tcp_reset(copy, size, reset, &n), NVA_OK);
        free(copy);
    }
    ck_assert_int_eq(run(), NVA_OK);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("tcp-reset");
    TCase *tc = tcase_create("tcp-reset");
    SRunner *sr;
    int failed;

    tcase_add_loop_test(tc, D18_takes_its_number_from_the_acknowledgement, 0,
                        2);
    tcase_add_loop_test(tc, D18_acknowledges_what_acknowledges_nothing, 0, 2);
    tcase_add_loop_test(tc, D18_never_answers_a_reset, 0, 2);
    tcase_add_test(tc, D18_what_is_not_answered);
    tcase_add_loop_test(tc, nothing_beyond_the_end, 0, 2);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
