/* SPDX-License-Identifier: Apache-2.0 */

/* HTTP/1.1 requests out of bytes, as strictly as RFC 9112 lets a server be:
 * what two readers could understand in two ways is refused.  Knows no socket,
 * no path of ours and no time. */

#ifndef NVA_HTTP_REQUEST_H
#define NVA_HTTP_REQUEST_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nva-types.h"

/* Named limits: what a request may have, whoever sends it. */
enum {
    HTTP_HEAD_MAX = 16 * 1024,      /* Bytes of request line and headers. */
    HTTP_HEADERS_MAX = 64,          /* Header lines. */
    HTTP_TARGET_MAX = 2048,         /* Bytes of a path with its query. */
    HTTP_CHUNK_LINE_MAX = 256,      /* Bytes of a chunk's size and
                                     * extensions, or of a trailer line. */
    HTTP_TRAILERS_MAX = 16,         /* Lines after the last chunk. */
};

enum http_method {
    HTTP_GET, HTTP_HEAD, HTTP_PUT, HTTP_POST, HTTP_DELETE, HTTP_OTHER
};

/* Why a request is refused; 'status' 0: it is not.  'detail' is static. */
struct http_refusal {
    int status;
    enum nva_reason reason;
    const char *detail;
};

/* What stands before the body. */
struct http_head {
    enum http_method method;
    char path[HTTP_TARGET_MAX];     /* Begins with "/", or is "*". */
    const char *query;              /* Within 'path', after its end; or
                                     * NULL. */
    bool keeps;                     /* The connection is to stay open. */
    bool expects;                   /* The caller waits for "100 Continue"
                                     * before it sends the body. */
    bool chunked;
    uint64_t length;                /* Of a body that is not chunked. */
    struct http_refusal refusal;
};

/* Reads a head from the 'n' bytes at 's', which an earlier call may have seen
 * the beginning of.  Returns the head's size; 0 if more bytes are needed.
 * After a refusal it returns 'n', and where the next request begins is
 * unknown: the connection must end.
 *
 * Refused, beside what is no HTTP: a line that ends without CR or has one
 * inside, a folded header, a blank before a colon, control characters, a
 * second Host, Content-Length or Transfer-Encoding, none of the first in
 * HTTP/1.1, the two others together (RFC 9112 s2.2, s3.2, s5.1, s5.2, s6.3;
 * RFC 9110 s5.5, s8.6). */
size_t http_head_read(const char *s, size_t n, struct http_head *);

/* A body being read. */
struct http_body {
    bool chunked;
    uint8_t state;
    uint64_t left;                  /* Bytes of it, or of its chunk. */
    uint64_t total, max;            /* Bytes taken; that may be. */
    size_t n_trailers;
    struct http_refusal refusal;
};

/* 'max': bytes that the body may have; a head that says more is refused. */
void http_body_init(struct http_body *, const struct http_head *,
                    uint64_t max);

/* True if nothing more is to come; nothing does after a refusal, either. */
bool http_body_is_complete(const struct http_body *);

/* Takes the next piece from the 'n' bytes at 's': returns how many bytes it
 * has used (0: it needs more than that), and sets '*data' and '*size' to those
 * of the body among them. */
size_t http_body_read(struct http_body *, const char *s, size_t n,
                      const char **data, size_t *size);

/* The phrase that goes with a status (RFC 9110 s15). */
const char *http_status_text(int status);

#endif /* http-request.h */
