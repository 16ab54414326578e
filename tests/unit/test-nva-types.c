/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "nva-types.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct in6_addr
ip(const char *s)
{
    struct in6_addr addr;

    ck_assert_msg(!nva_ip_parse(s, &addr), "%s", s);
    return addr;
}

START_TEST(reasons_have_distinct_words)
{
    ck_assert_str_eq(nva_reason_word(NVA_OK), "ok");
    ck_assert_str_eq(nva_reason_word(NVA_R_STRICT_BINDING), "strict_binding");
    for (int i = 0; i < NVA_N_REASONS; i++) {
        const char *word = nva_reason_word(i);

        ck_assert_uint_eq(strspn(word, "abcdefghijklmnopqrstuvwxyz_"),
                          strlen(word));
        ck_assert_uint_ge(strlen(nva_reason_text(i)), 8);
        for (int j = 0; j < i; j++) {
            ck_assert_str_ne(word, nva_reason_word(j));
        }
    }
    ck_assert_str_eq(nva_reason_word(NVA_N_REASONS), "?");
    ck_assert_str_eq(nva_reason_text(-1), "?");
}
END_TEST

START_TEST(owner_kinds_have_words)
{
    ck_assert_str_eq(nva_owner_kind_word(NVA_OWNER_REDIRECT), "redirect");
    ck_assert_str_eq(nva_owner_kind_word(NVA_OWNER_NONE), "none");
    ck_assert_str_eq(nva_owner_kind_word(NVA_N_OWNER_KINDS), "?");
}
END_TEST

START_TEST(ips_survive_parse_and_format)
{
    static const char *const texts[] = {
        "0.0.0.0", "10.1.2.3", "255.255.255.255", "::", "::1", "fd10::2",
        "2001:db8:1:2:3:4:5:6",
    };
    char buf[INET6_ADDRSTRLEN];

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct in6_addr addr = ip(texts[i]);

        ck_assert_str_eq(nva_ip_format(&addr, buf, sizeof buf), texts[i]);
        ck_assert_int_eq(nva_ip_is_v4(&addr), !strchr(texts[i], ':'));
    }
    /* One address has one form. */
    struct in6_addr mapped = ip("::ffff:10.1.2.3");
    ck_assert_str_eq(nva_ip_format(&mapped, buf, sizeof buf), "10.1.2.3");
}
END_TEST

START_TEST(ip_format_into_too_small_is_empty)
{
    struct in6_addr addr = ip("10.1.2.3");
    char buf[4] = "xyz";

    ck_assert_str_eq(nva_ip_format(&addr, buf, sizeof buf), "");
}
END_TEST

START_TEST(bad_ips_are_refused)
{
    static const char *const texts[] = {
        "", "10.1.2", "10.1.2.3.4", "10.1.2.256", " 10.1.2.3", "10.1.2.3/24",
        "fd10::2::3", "fd10::2%eth0", "host",
    };
    struct in6_addr addr;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ck_assert_msg(nva_ip_parse(texts[i], &addr) == NVA_R_BAD_VALUE,
                      "%s", texts[i]);
    }
}
END_TEST

START_TEST(host_addresses)
{
    static const struct {
        const char *ip;
        bool host;
    } t[] = {
        { "10.1.2.3", true }, { "169.254.1.1", true },
        { "223.255.255.254", true }, { "fd10::2", true },
        { "fe80::1", true }, { "0.0.0.0", false },
        { "127.0.0.1", false }, { "224.0.0.1", false },
        { "239.255.255.255", false }, { "255.255.255.255", false },
        { "::", false }, { "::1", false }, { "ff02::1", false },
    };

    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct in6_addr addr = ip(t[i].ip);

        ck_assert_msg(nva_ip_is_host(&addr) == t[i].host, "%s", t[i].ip);
    }
}
END_TEST

START_TEST(host_macs)
{
    ck_assert(nva_mac_is_host((struct eth_addr) ETH_ADDR_C(02,0,0,0,0,01)));
    ck_assert(!nva_mac_is_host((struct eth_addr) ETH_ADDR_C(0,0,0,0,0,0)));
    ck_assert(!nva_mac_is_host((struct eth_addr)
                               ETH_ADDR_C(ff,ff,ff,ff,ff,ff)));
    ck_assert(!nva_mac_is_host((struct eth_addr)
                               ETH_ADDR_C(33,33,00,00,00,01)));
}
END_TEST

START_TEST(names)
{
    char name[NVA_NAME_MAX + 1];

    ck_assert(nva_name_is_valid("a"));
    ck_assert(nva_name_is_valid("red/02:00:00:00:00:01"));
    ck_assert(nva_name_is_valid("vnet0.1_x-y"));
    ck_assert(!nva_name_is_valid(""));
    ck_assert(!nva_name_is_valid("."));
    ck_assert(!nva_name_is_valid(".."));
    ck_assert(nva_name_is_valid("..."));
    ck_assert(!nva_name_is_valid("a b"));
    ck_assert(!nva_name_is_valid("a\n"));
    ck_assert(!nva_name_is_valid("\xc3\xa9"));
    ck_assert(!nva_name_is_valid("\"a\""));

    memset(name, 'x', sizeof name);
    name[NVA_NAME_MAX] = '\0';
    ck_assert(!nva_name_is_valid(name));
    name[NVA_NAME_MAX - 1] = '\0';
    ck_assert(nva_name_is_valid(name));
}
END_TEST

START_TEST(places)
{
    struct nva_place a = { .nve = 1, .port = "tap0" };
    struct nva_place b = { .nve = 1, .port = "tap0" };

    ck_assert(nva_place_equal(&a, &b));
    b.port[3] = '1';
    ck_assert(!nva_place_equal(&a, &b));
    b = (struct nva_place) { .nve = 2, .port = "tap0" };
    ck_assert(!nva_place_equal(&a, &b));

    /* Nowhere is nowhere, whatever port it had. */
    a.nve = b.nve = NVA_ID_NONE;
    a.port[0] = 'x';
    ck_assert(nva_place_equal(&a, &b));
    ck_assert(!nva_place_is_set(&a));
}
END_TEST

/* RFC 1982 s3.2. */
START_TEST(E2_sequences_wrap_around)
{
    ck_assert(nva_sequence_is_newer(1, 0));
    ck_assert(!nva_sequence_is_newer(0, 1));
    ck_assert(!nva_sequence_is_newer(7, 7));
    ck_assert(nva_sequence_is_newer(0, UINT32_MAX));
    ck_assert(!nva_sequence_is_newer(UINT32_MAX, 0));
    ck_assert(nva_sequence_is_newer(100, UINT32_MAX - 100));
    ck_assert(nva_sequence_is_newer(UINT32_C(0x7fffffff), 0));
    ck_assert(!nva_sequence_is_newer(UINT32_C(0x80000001), 0));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("nva-types");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, reasons_have_distinct_words);
    tcase_add_test(tc, owner_kinds_have_words);
    tcase_add_test(tc, ips_survive_parse_and_format);
    tcase_add_test(tc, ip_format_into_too_small_is_empty);
    tcase_add_test(tc, bad_ips_are_refused);
    tcase_add_test(tc, host_addresses);
    tcase_add_test(tc, host_macs);
    tcase_add_test(tc, names);
    tcase_add_test(tc, places);
    tcase_add_test(tc, E2_sequences_wrap_around);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
