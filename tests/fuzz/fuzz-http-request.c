/* SPDX-License-Identifier: Apache-2.0 */

/* Any bytes as HTTP requests on one connection.  Whatever they are, what is
 * read stays within the limits, and cutting them elsewhere changes nothing:
 * the bytes of a request are the same when they come one by one. */

#include <config.h>

#include "http-request.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

enum { BODY_BYTES_MAX = 4096, REQUESTS_MAX = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where requests ended, and how. */
struct result {
    size_t n, body_bytes;
    size_t ends[REQUESTS_MAX];
    int status;
};

static void
fail_unless(bool ok)
{
    if (!ok) {
        abort();
    }
}

/* Reads a body from 's' + 'at' as far as 'n' bytes that come in steps go;
 * returns where it ended. */
static size_t
run_body(const struct http_head *head, const char *s, size_t at, size_t n,
         size_t step, struct result *result)
{
    struct http_body body;
    size_t end = at;

    http_body_init(&body, head, BODY_BYTES_MAX);
    while (!http_body_is_complete(&body) && end < n) {
        size_t used;

        end = MIN(end + step, n);
        do {
            const char *data;
            size_t size;

            used = http_body_read(&body, s + at, end - at, &data, &size);
            fail_unless(used <= end - at && size <= used);
            at += used;
            result->body_bytes += size;
        } while (used);
    }
    fail_unless(body.total <= BODY_BYTES_MAX);
    result->status = (body.refusal.status ? body.refusal.status
                      : http_body_is_complete(&body) ? 0 : -1);
    return at;
}

static void
run(const char *s, size_t n, size_t step, struct result *result)
{
    size_t at = 0, end = 0;

    memset(result, 0, sizeof *result);
    while (!result->status && result->n < REQUESTS_MAX && end < n) {
        struct http_head head;
        size_t used;

        end = MIN(end + step, n);
        used = http_head_read(s + at, MIN(end - at, HTTP_HEAD_MAX), &head);
        fail_unless(used <= HTTP_HEAD_MAX && strlen(head.path)
                    < HTTP_TARGET_MAX);
        result->status = head.refusal.status;
        if (used && !result->status) {
            at = run_body(&head, s, at + used, n, step, result);
            end = at;
            result->ends[result->n++] = at;
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct result at_once, by_one;

    if (size >= HTTP_HEAD_MAX) {
        return 0;
    }
    run((const char *) data, size, size, &at_once);
    run((const char *) data, size, 1, &by_one);
    fail_unless(at_once.n == by_one.n && at_once.status == by_one.status
                && at_once.body_bytes == by_one.body_bytes
                && !memcmp(at_once.ends, by_one.ends, sizeof by_one.ends));
    return 0;
}
