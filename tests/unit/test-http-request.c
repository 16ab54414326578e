/* SPDX-License-Identifier: Apache-2.0 */

/* http-request: what is understood, what is refused with which status, and
 * that neither depends on where the bytes are cut. */

#include <config.h>

#include "http-request.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

#define HOST "Host: x\r\n"

static struct http_head head;

/* Reads 'text' as a peer's bytes that come in pieces of 'step': from a copy
 * that ends where it ends.  Returns the status of a refusal; 0: understood, or
 * more is needed. */
static int
read_bytes(const char *text, size_t n, size_t step, size_t *used)
{
    for (size_t at = MIN(step, n); ; at = MIN(at + step, n)) {
        char *copy = xmemdup(text, at ? at : 1);

        *used = http_head_read(copy, at, &head);
        free(copy);
        if (*used || at == n) {
            return head.refusal.status;
        }
    }
}

static int
status_of(const char *text)
{
    size_t n = strlen(text), used, other;
    int status = read_bytes(text, n, n ? n : 1, &used);

    ck_assert(used <= n);
    ck_assert_msg(read_bytes(text, n, 1, &other) == status, "cut: %s", text);
    ck_assert_msg(status || used == other, "cut elsewhere: %s", text);
    ck_assert(!status == !head.refusal.detail);
    return status;
}

/* A row: a request and the status it is refused with; 0: it is understood and
 * complete; -1: more is needed. */
static const struct {
    int status;
    const char *text;
} rows[] = {
    /* Request lines. */
    { 0, "GET / HTTP/1.1\r\n" HOST "\r\n" },
    { 0, "\r\nGET / HTTP/1.1\r\n" HOST "\r\n" },
    { 0, "GET http://x/v1/vns HTTP/1.1\r\n" HOST "\r\n" },
    { 0, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n" },
    { 0, "BREW / HTTP/1.1\r\n" HOST "\r\n" },
    { 0, "GET / HTTP/1.0\r\n\r\n" },
    { 0, "GET / HTTP/1.9\r\n" HOST "\r\n" },
    { -1, "GET / HTTP/1.1\r\n" HOST }, { -1, "G" }, { -1, "\r" },
    { 400, "\r\n\r\n" },
    { 400, "GET  / HTTP/1.1\r\n" HOST "\r\n" },
    { 400, "GET / HTTP/1.1 \r\n" HOST "\r\n" },
    { 400, " GET / HTTP/1.1\r\n" HOST "\r\n" },
    { 400, "GET /\r\n" HOST "\r\n" },
    { 400, "GET / HTTP/11\r\n" HOST "\r\n" },
    { 400, "GET / http/1.1\r\n" HOST "\r\n" },
    { 400, "G(T / HTTP/1.1\r\n" HOST "\r\n" },
    { 400, "GET v1 HTTP/1.1\r\n" HOST "\r\n" },
    { 400, "GET /a#b HTTP/1.1\r\n" HOST "\r\n" },
    { 400, "GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n" },
    { 400, "GET https://x/ HTTP/1.1\r\n" HOST "\r\n" },
    { 400, "CONNECT x:80 HTTP/1.1\r\n" HOST "\r\n" },
    { 400, "PRI * HTTP/2.0\n" },
    { 505, "PRI * HTTP/2.0\r\n" },
    { 400, "\x16\x03\x01 TLS" },

    /* Lines. */
    { 400, "GET / HTTP/1.1\n" HOST "\n" },
    { 400, "GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n" },
    { 400, "GET / HTTP/1.1\r\r\n" HOST "\r\n" },
    { 400, "GET / HTTP/1.1\r\nHost: x\r\n y\r\n\r\n" },
    { 400, "GET / HTTP/1.1\r\n Host: x\r\n\r\n" },
    { 400, "GET / HTTP/1.1\r\nHost : x\r\n\r\n" },
    { 400, "GET / HTTP/1.1\r\n: x\r\n" HOST "\r\n" },
    { 400, "GET / HTTP/1.1\r\nno colon\r\n" HOST "\r\n" },
    { 400, "GET / HTTP/1.1\r\nA: \x01\r\n" HOST "\r\n" },
    { 400, "GET / HTTP/1.1\r\nA: \x7f\r\n" HOST "\r\n" },
    { 0, "GET / HTTP/1.1\r\nA:\tb\xff \r\n" HOST "B:\r\n\r\n" },

    /* Host. */
    { 400, "GET / HTTP/1.1\r\n\r\n" },
    { 400, "GET / HTTP/1.1\r\n" HOST HOST "\r\n" },
    { 400, "GET / HTTP/1.0\r\n" HOST "host: x\r\n\r\n" },

    /* Content-Length. */
    { 0, "PUT / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n" },
    { 400, "PUT / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n" },
    { 400, "PUT / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n" },
    { 400, "PUT / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\n" },
    { 400, "PUT / HTTP/1.1\r\n" HOST "Content-Length: 0x1\r\n\r\n" },
    { 400, "PUT / HTTP/1.1\r\n" HOST "Content-Length: 1 1\r\n\r\n" },
    { 400, "PUT / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\n" },
    { 400, "PUT / HTTP/1.1\r\n" HOST
           "Content-Length: 5\r\ncontent-length: 5\r\n\r\n" },
    { 400, "PUT / HTTP/1.1\r\n" HOST
           "Content-Length: 5\r\nContent-Length: 6\r\n\r\n" },
    { 413, "PUT / HTTP/1.1\r\n" HOST
           "Content-Length: 18446744073709551617\r\n\r\n" },

    /* Transfer-Encoding. */
    { 0, "PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n" },
    { 501, "PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n" },
    { 501, "PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n" },
    { 501, "PUT / HTTP/1.1\r\n" HOST
           "Transfer-Encoding: gzip, chunked\r\n\r\n" },
    { 501, "PUT / HTTP/1.1\r\n" HOST
           "Transfer-Encoding: chunked, chunked\r\n\r\n" },
    { 501, "PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n\r\n" },
    { 400, "PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n"
           "Transfer-Encoding: chunked\r\n\r\n" },
    { 400, "PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n"
           "Content-Length: 5\r\n\r\n" },
    { 400, "PUT / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n"
           "Transfer-Encoding: chunked\r\n\r\n" },
    { 400, "PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" },

    { 417, "PUT / HTTP/1.1\r\n" HOST "Expect: 200-ok\r\n\r\n" },
};

START_TEST(S5_what_is_understood_and_what_is_not)
{
    const int status = status_of(rows[_i].text);

    if (rows[_i].status > 0) {
        ck_assert_msg(status == rows[_i].status, "%d for %s", status,
                      rows[_i].text);
    } else {
        size_t n = strlen(rows[_i].text);

        ck_assert_msg(!status, "%d for %s", status, rows[_i].text);
        ck_assert_uint_eq(http_head_read(rows[_i].text, n, &head),
                          rows[_i].status ? 0 : n);
    }
}
END_TEST

START_TEST(S5_a_byte_that_is_zero)
{
    const char text[] = "GET / HTTP/1.1\r\nA: \0\r\n" HOST "\r\n";
    size_t used;

    ck_assert_int_eq(read_bytes(text, sizeof text - 1, 100, &used), 400);
}
END_TEST

START_TEST(what_a_head_says)
{
    ck_assert_int_eq(status_of("PUT /a%2Fb?c=d?e HTTP/1.1\r\nhOST: x\r\n"
                               "content-LENGTH:  12 \r\n"
                               "Expect: 100-Continue\r\n\r\nabc"), 0);
    ck_assert_int_eq(head.method, HTTP_PUT);
    ck_assert_str_eq(head.path, "/a%2Fb");
    ck_assert_str_eq(head.query, "c=d?e");
    ck_assert_uint_eq(head.length, 12);
    ck_assert(head.keeps && head.expects && !head.chunked);

    ck_assert_int_eq(status_of("HEAD HTTP://h:80?q HTTP/1.1\r\n" HOST
                               "Connection: a, Close\r\n\r\n"), 0);
    ck_assert_int_eq(head.method, HTTP_HEAD);
    ck_assert_str_eq(head.path, "");
    ck_assert_str_eq(head.query, "q");
    ck_assert(!head.keeps);

    ck_assert_int_eq(status_of("get http://h HTTP/1.0\r\n"
                               "Connection: keep-alive\r\n\r\n"), 0);
    ck_assert_int_eq(head.method, HTTP_OTHER);
    ck_assert_str_eq(head.path, "/");
    ck_assert_ptr_null(head.query);
    ck_assert(head.keeps && !head.expects);
}
END_TEST

/* "GET /aaa... HTTP/1.1" with 'n' bytes of path, then 'headers' headers of
 * 'size' bytes. */
static int
large(size_t n, size_t headers, size_t size)
{
    size_t all = n + 100 + headers * (size + 8), used = 0;
    char *text = xmalloc(all);
    int status;

    used += snprintf(text, all, "GET /%0*d HTTP/1.1\r\n" HOST, (int) n, 0);
    for (size_t i = 0; i < headers; i++) {
        used += snprintf(text + used, all - used, "A: %0*d\r\n", (int) size,
                         0);
    }
    used += snprintf(text + used, all - used, "\r\n");
    status = read_bytes(text, used, 1024, &n);
    free(text);
    return status;
}

START_TEST(S5_limits)
{
    ck_assert_int_eq(large(1, HTTP_HEADERS_MAX - 1, 1), 0);
    ck_assert_int_eq(large(1, HTTP_HEADERS_MAX, 1), 431);
    ck_assert_int_eq(large(1, 1, HTTP_HEAD_MAX), 431);
    ck_assert_int_eq(large(HTTP_TARGET_MAX - 10, 1, 1), 0);
    ck_assert_int_eq(large(HTTP_TARGET_MAX, 1, 1), 414);
    ck_assert_int_eq(large(HTTP_HEAD_MAX, 1, 1), 414);
}
END_TEST

/* The body of 'text' into 'buf', in pieces of 'step'; '*used' of its bytes
 * belong to it.  Returns the status of a refusal, or 0 if it is complete, or
 * -1. */
static int
read_all(const char *text, size_t max, size_t step, char *buf, size_t *used)
{
    struct http_body body;
    size_t n = strlen(text), at = 0, end = 0, size;
    const char *data;

    http_body_init(&body, &head, max);
    buf[0] = '\0';
    while (!http_body_is_complete(&body) && end < n) {
        size_t took;

        end = MIN(end + step, n);
        do {
            char *copy = xmemdup(text + at, MAX(end - at, 1));

            took = http_body_read(&body, copy, end - at, &data, &size);
            strncat(buf, data, size);
            free(copy);
            at += took;
        } while (took);
    }
    *used = at;
    return (body.refusal.status ? body.refusal.status
            : http_body_is_complete(&body) ? 0 : -1);
}

static const struct {
    int status;
    const char *text;               /* "|" is where it ends. */
    const char *body;
} bodies[] = {
    { 0, "5\r\nhello\r\n0\r\n\r\n|GET", "hello" },
    { 0, "2\r\nhe\r\n03;a=b\r\nllo\r\n0 ;x\r\nA: b\r\n\r\n|", "hello" },
    { 0, "0\r\n\r\n|", "" },
    { -1, "5\r\nhell", "hell" },
    { 400, "\r\n", "" },
    { 400, "x\r\n", "" },
    { 400, "5 5\r\nhello\r\n", "" },
    { 400, "-1\r\n", "" },
    { 400, "5\nhello\r\n0\r\n\r\n", "" },
    { 400, "5\r\nhello!\r\n0\r\n\r\n", "hello" },
    { 413, "14\r\n", "" },
    { 413, "8\r\n12345678\r\n8\r\n12345678\r\n1\r\n", "1234567812345678" },
    { 413, "ffffffffffffffff5\r\n", "" },
};

START_TEST(S5_bodies_in_chunks)
{
    const char *end = strchr(bodies[_i].text, '|');
    char text[256], buf[256];
    size_t used;

    ck_assert_int_eq(status_of("PUT / HTTP/1.1\r\n" HOST
                               "Transfer-Encoding: chunked\r\n\r\n"), 0);
    snprintf(text, sizeof text, "%.*s%s", end ? (int) (end - bodies[_i].text)
             : 255, bodies[_i].text, end ? end + 1 : "");
    for (size_t step = 1; step <= sizeof text; step *= 2) {
        ck_assert_int_eq(read_all(text, 16, step, buf, &used),
                         bodies[_i].status);
        ck_assert_str_eq(buf, bodies[_i].body);
        ck_assert(!end || used == (size_t) (end - bodies[_i].text));
    }
}
END_TEST

START_TEST(S5_bodies_with_a_length)
{
    char buf[256];
    size_t used;

    ck_assert_int_eq(status_of("PUT / HTTP/1.1\r\n" HOST
                               "Content-Length: 5\r\n\r\n"), 0);
    ck_assert_int_eq(read_all("helloGET", 5, 1, buf, &used), 0);
    ck_assert_str_eq(buf, "hello");
    ck_assert_uint_eq(used, 5);
    ck_assert_int_eq(read_all("hello", 4, 9, buf, &used), 413);
    ck_assert_uint_eq(used, 0);
    ck_assert_int_eq(status_of("PUT / HTTP/1.1\r\n" HOST "\r\n"), 0);
    ck_assert_int_eq(read_all("hello", 5, 9, buf, &used), 0);
    ck_assert_uint_eq(used, 0);
}
END_TEST

START_TEST(S5_lines_between_chunks_are_bounded)
{
    char text[HTTP_TRAILERS_MAX * 8 + 64] = "0\r\n", buf[8];
    char *line = xzalloc(HTTP_CHUNK_LINE_MAX + 8);
    size_t used;

    ck_assert_int_eq(status_of("PUT / HTTP/1.1\r\n" HOST
                               "Transfer-Encoding: chunked\r\n\r\n"), 0);
    for (int i = 0; i <= HTTP_TRAILERS_MAX; i++) {
        strcat(text, "A: b\r\n");
    }
    ck_assert_int_eq(read_all(text, 16, 7, buf, &used), 431);
    memset(line, '0', HTTP_CHUNK_LINE_MAX + 1);
    ck_assert_int_eq(read_all(line, 16, 7, buf, &used), 400);
    free(line);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("http-request");
    TCase *tc = tcase_create("http-request");
    SRunner *sr;
    int failed;

    tcase_add_loop_test(tc, S5_what_is_understood_and_what_is_not, 0,
                        ARRAY_SIZE(rows));
    tcase_add_test(tc, S5_a_byte_that_is_zero);
    tcase_add_test(tc, what_a_head_says);
    tcase_add_test(tc, S5_limits);
    tcase_add_loop_test(tc, S5_bodies_in_chunks, 0, ARRAY_SIZE(bodies));
    tcase_add_test(tc, S5_bodies_with_a_length);
    tcase_add_test(tc, S5_lines_between_chunks_are_bounded);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
