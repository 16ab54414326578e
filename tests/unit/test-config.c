/* SPDX-License-Identifier: Apache-2.0 */

/* The command line: safe defaults, endpoints, and what is refused. */

#include <config.h>

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controller/config.h"
#include "util.h"

static struct config config;

/* Parses up to three options. */
static int
parse(char *a, char *b, char *c)
{
    char *argv[] = { "nvad", a, b, c, NULL };
    int argc = 1 + !!a + !!b + !!c;

    return config_parse(&config, argc, argv);
}

START_TEST(defaults_are_local)
{
    const struct sockaddr_in *in = &config.listens[0].addr.in;

    ck_assert_int_eq(parse(NULL, NULL, NULL), -1);
    ck_assert_uint_eq(config.n_listens, 1);
    ck_assert_int_eq(in->sin_family, AF_INET);
    ck_assert_uint_eq(ntohl(in->sin_addr.s_addr), INADDR_LOOPBACK);
    ck_assert_uint_eq(ntohs(in->sin_port), 6653);
    ck_assert_uint_eq(config.n_apis, 1);
    ck_assert_int_eq(config.apis[0].addr.sa.sa_family, AF_UNIX);
    ck_assert_str_eq(config.apis[0].addr.un.sun_path, NVA_DEFAULT_API_PATH);
    ck_assert_ptr_null(config.unixctl_path);
}
END_TEST

START_TEST(options_replace_defaults_and_repeat)
{
    ck_assert_int_eq(parse("--listen=ptcp:7000:[::1]", "--listen=punix:/x/of",
                           "--api=ptcp::10.1.2.3"), -1);
    ck_assert_uint_eq(config.n_listens, 2);
    ck_assert_int_eq(config.listens[0].addr.sa.sa_family, AF_INET6);
    ck_assert_uint_eq(ntohs(config.listens[0].addr.in6.sin6_port), 7000);
    ck_assert(IN6_IS_ADDR_LOOPBACK(&config.listens[0].addr.in6.sin6_addr));
    ck_assert_str_eq(config.listens[1].addr.un.sun_path, "/x/of");
    ck_assert_uint_eq(config.n_apis, 1);
    ck_assert_uint_eq(ntohs(config.apis[0].addr.in.sin_port), 8480);
    ck_assert_int_eq(parse("--db=none", "--unixctl=/x/ctl", NULL), -1);
    ck_assert_str_eq(config.unixctl_path, "/x/ctl");
    ck_assert_uint_eq(config.audit_secs, 0);
    ck_assert_int_eq(parse("--audit-interval=60", NULL, NULL), -1);
    ck_assert_uint_eq(config.audit_secs, 60);
}
END_TEST

static const struct {
    char *option;
    int status;
} refusals[] = {
    { "--db=sqlite:/x", 1 }, { "--listen=pssl:6653:[::]", 1 },
    { "--api=pssl:1", 1 }, { "--listen=ssl:1.2.3.4:1", 1 },
    { "-pKEY", 1 }, { "-cCERT", 1 }, { "-CCACERT", 1 },
    { "--certificate=x", 1 },
    { "--listen=tcp:1.2.3.4:6653", 2 }, { "--listen=ptcp:0", 2 },
    { "--listen=ptcp:65536", 2 }, { "--listen=ptcp:1:nonsense", 2 },
    { "--listen=ptcp:1:[::1", 2 }, { "--listen=ptcp:1x", 2 },
    { "--listen=punix:", 2 }, { "--listen=", 2 }, { "--api=", 2 },
    { "--audit-interval=x", 2 }, { "--audit-interval=86401", 2 },
    { "--audit-interval=-1", 2 },
    { "--nonsense", 2 }, { "argument", 2 }, { "--listen", 2 },
    { "--version", 0 }, { "--help", 0 },
};

START_TEST(refuses)
{
    ck_assert_int_eq(parse(refusals[_i].option, NULL, NULL),
                     refusals[_i].status);
}
END_TEST

START_TEST(a_path_too_long_is_refused)
{
    char option[300] = "--api=punix:/";

    memset(option + strlen(option), 'x', 200);
    ck_assert_int_eq(parse(option, NULL, NULL), 2);
}
END_TEST

START_TEST(endpoints_are_bounded)
{
    char *argv[CONFIG_ENDPOINTS_MAX + 3] = { "nvad" };

    for (int i = 1; i <= CONFIG_ENDPOINTS_MAX + 1; i++) {
        argv[i] = "--api=ptcp:1";
    }
    ck_assert_int_eq(config_parse(&config, CONFIG_ENDPOINTS_MAX + 1, argv),
                     -1);
    ck_assert_uint_eq(config.n_apis, CONFIG_ENDPOINTS_MAX);
    ck_assert_int_eq(config_parse(&config, CONFIG_ENDPOINTS_MAX + 2, argv),
                     2);
}
END_TEST

/* A socket file that nobody listens on is replaced; one in use, or another
 * file, is not touched. */
START_TEST(unix_sockets)
{
    struct config_endpoint ep;
    char dir[] = "/tmp/test-config-XXXXXX";
    char text[64];
    struct stat st;
    int fd, fd2;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(text, sizeof text, "punix:%s/s", dir);
    ck_assert_int_eq(config_endpoint_parse(text, 1, &ep), NVA_OK);
    fd = config_endpoint_bind(&ep);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(stat(ep.addr.un.sun_path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0660);

    ck_assert_int_eq(listen(fd, 1), 0);
    ck_assert_int_eq(config_endpoint_bind(&ep), -EADDRINUSE);
    close(fd);
    fd2 = config_endpoint_bind(&ep);
    ck_assert_int_ge(fd2, 0);
    close(fd2);

    unlink(ep.addr.un.sun_path);
    ck_assert_int_eq(mkdir(ep.addr.un.sun_path, 0700), 0);
    ck_assert_int_eq(config_endpoint_bind(&ep), -EADDRINUSE);
    ck_assert_int_eq(rmdir(ep.addr.un.sun_path), 0);
    ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("config");
    TCase *tc = tcase_create("config");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_test(tc, defaults_are_local);
    tcase_add_test(tc, options_replace_defaults_and_repeat);
    tcase_add_loop_test(tc, refuses, 0, ARRAY_SIZE(refusals));
    tcase_add_test(tc, a_path_too_long_is_refused);
    tcase_add_test(tc, endpoints_are_bounded);
    tcase_add_test(tc, unix_sockets);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
