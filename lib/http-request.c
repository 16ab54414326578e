/* SPDX-License-Identifier: Apache-2.0 */

/* HTTP/1.1 requests: request line, headers, and the body's framing.
 *
 * Knows RFC 9110 and 9112.  Must never know who asks, nor what for.
 * Invariant: the end of a request is where every other reader of these bytes
 * would see it, or the request is refused. */

#include <config.h>

#include "http-request.h"

#include <string.h>

#include "util.h"

enum body_state { BODY_DATA, BODY_SIZE, BODY_END_OF_CHUNK, BODY_TRAILER,
                  BODY_COMPLETE };

/* One line, or a part of it. */
struct span {
    const char *s;
    size_t n;
};

/* What the headers that matter were. */
struct seen {
    size_t hosts, lengths, encodings;
    bool close, keep_alive;
};

static size_t refuse(struct http_refusal *, int status, enum nva_reason,
                     const char *detail);
static bool next_line(const char *s, size_t n, struct span *line,
                      struct http_refusal *);
static void read_request_line(struct span, struct http_head *, bool *is_1_1);
static void read_header(struct span, struct http_head *, struct seen *);
static void finish_head(struct http_head *, const struct seen *, bool is_1_1);

size_t
http_head_read(const char *s, size_t n, struct http_head *head)
{
    struct seen seen = { .hosts = 0 };
    struct span line;
    size_t at, n_lines = 0;
    bool is_1_1 = false;

    memset(head, 0, sizeof *head);
    n = MIN(n, HTTP_HEAD_MAX);
    /* An empty line before a request is let pass (RFC 9112 s2.2). */
    at = n >= 2 && !memcmp(s, "\r\n", 2) ? 2 : 0;
    while (next_line(s + at, n - at, &line, &head->refusal)) {
        at += line.n + 2;
        if (!line.n && n_lines) {
            finish_head(head, &seen, is_1_1);
            return head->refusal.status ? n : at;
        } else if (!n_lines++) {
            read_request_line(line, head, &is_1_1);
        } else if (n_lines > HTTP_HEADERS_MAX + 1) {
            refuse(&head->refusal, 431, NVA_R_TOO_LARGE, "too many headers");
        } else {
            read_header(line, head, &seen);
        }
        if (head->refusal.status) {
            return n;
        }
    }
    if (!head->refusal.status && n >= HTTP_HEAD_MAX) {
        refuse(&head->refusal, n_lines ? 431 : 414, NVA_R_TOO_LARGE,
               n_lines ? "the headers are too long"
               : "the request line is too long");
    }
    return head->refusal.status ? n : 0;
}

void
http_body_init(struct http_body *body, const struct http_head *head,
               uint64_t max)
{
    memset(body, 0, sizeof *body);
    body->chunked = head->chunked;
    body->max = max;
    body->left = head->chunked ? 0 : head->length;
    body->state = (head->chunked ? BODY_SIZE
                   : head->length ? BODY_DATA : BODY_COMPLETE);
    if (body->left > max) {
        refuse(&body->refusal, 413, NVA_R_TOO_LARGE,
               "the body is larger than this path takes");
    }
}

bool
http_body_is_complete(const struct http_body *body)
{
    return body->state == BODY_COMPLETE || body->refusal.status;
}

/* ## Lines ## */

static size_t
refuse(struct http_refusal *refusal, int status, enum nva_reason reason,
       const char *detail)
{
    if (!refusal->status) {
        *refusal = (struct http_refusal) { status, reason, detail };
    }
    return 0;
}

static size_t
refuse_syntax(struct http_refusal *refusal, const char *detail)
{
    return refuse(refusal, 400, NVA_R_HTTP_SYNTAX, detail);
}

/* The line at 's', without its CRLF.  False if its end is not there, or it is
 * refused. */
static bool
next_line(const char *s, size_t n, struct span *line,
          struct http_refusal *refusal)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = s[i];

        if (c == '\r') {
            if (i + 1 < n && s[i + 1] != '\n') {
                refuse_syntax(refusal, "a CR within a line");
            }
            *line = (struct span) { s, i };
            return i + 1 < n && !refusal->status;
        } else if (c == '\n') {
            refuse_syntax(refusal, "a line that ends without CR");
            return false;
        } else if ((c < ' ' && c != '\t') || c == 0x7f) {
            refuse_syntax(refusal, "a control character");
            return false;
        }
    }
    return false;
}

/* RFC 9110 s5.6.2. */
static bool
is_token(struct span t)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < t.n; i++) {
        char c = t.s[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9')
              || memchr(others, c, sizeof others - 1))) {
            return false;
        }
    }
    return t.n > 0;
}

static bool
is_word(struct span t, const char *word)
{
    return t.n == strlen(word) && !memcmp(t.s, word, t.n);
}

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/* 'word' in small letters. */
static bool
is_word_nocase(struct span t, const char *word)
{
    for (size_t i = 0; i < t.n; i++) {
        if (lower(t.s[i]) != word[i]) {
            return false;
        }
    }
    return !word[t.n];
}

static struct span
trim(struct span t)
{
    while (t.n && (*t.s == ' ' || *t.s == '\t')) {
        t.s++, t.n--;
    }
    while (t.n && (t.s[t.n - 1] == ' ' || t.s[t.n - 1] == '\t')) {
        t.n--;
    }
    return t;
}

/* Splits 't' at the first 'c', which is in neither part; false if there is
 * none. */
static bool
split(struct span t, char c, struct span *first, struct span *rest)
{
    const char *p = memchr(t.s, c, t.n);

    if (!p) {
        return false;
    }
    *first = (struct span) { t.s, p - t.s };
    *rest = (struct span) { p + 1, t.n - first->n - 1 };
    return true;
}

/* ## The request line ## */

static enum http_method
method_of(struct span word)
{
    return (is_word(word, "GET") ? HTTP_GET
            : is_word(word, "HEAD") ? HTTP_HEAD
            : is_word(word, "PUT") ? HTTP_PUT
            : is_word(word, "POST") ? HTTP_POST
            : is_word(word, "DELETE") ? HTTP_DELETE : HTTP_OTHER);
}

/* The path of an absolute URI, which each server must take (RFC 9112 s3.2.2):
 * what stands after its authority. */
static struct span
strip_authority(struct span target)
{
    struct span rest = { target.s + 7, target.n - 7 };
    size_t n = 0;

    while (n < rest.n && rest.s[n] != '/' && rest.s[n] != '?') {
        n++;
    }
    return (struct span) { rest.s + n, rest.n - n };
}

static void
read_target(struct span target, struct http_head *head)
{
    struct span http = { target.s, MIN(target.n, 7) };
    char *mark;

    for (size_t i = 0; i < target.n; i++) {
        unsigned char c = target.s[i];

        if (c <= ' ' || c >= 0x7f || c == '#') {
            refuse_syntax(&head->refusal, "the path has a byte that must be "
                          "percent-encoded");
            return;
        }
    }
    if (is_word_nocase(http, "http://")) {
        target = strip_authority(target);
    } else if (!target.n || (*target.s != '/' && !is_word(target, "*"))) {
        refuse_syntax(&head->refusal, "the path does not begin with a slash");
        return;
    }
    if (target.n + 1 >= sizeof head->path) {
        refuse(&head->refusal, 414, NVA_R_TOO_LARGE, "the path is too long");
        return;
    }
    memcpy(head->path, target.s, target.n);
    head->path[target.n] = '\0';
    mark = strchr(head->path, '?');
    if (mark) {
        *mark = '\0';
        head->query = mark + 1;
    }
    if (!head->path[0] && !mark) {
        head->path[0] = '/';        /* "http://host" (RFC 9110 s4.2.3). */
        head->path[1] = '\0';
    }
}

static void
read_request_line(struct span line, struct http_head *head, bool *is_1_1)
{
    struct http_refusal *refusal = &head->refusal;
    struct span method, target, version;

    if (!split(line, ' ', &method, &version)
        || !split(version, ' ', &target, &version) || !is_token(method)) {
        refuse_syntax(refusal, "not \"METHOD PATH HTTP/1.1\"");
        return;
    }
    if (version.n != 8 || memcmp(version.s, "HTTP/", 5)
        || version.s[5] < '0' || version.s[5] > '9' || version.s[6] != '.'
        || version.s[7] < '0' || version.s[7] > '9') {
        refuse_syntax(refusal, "not \"METHOD PATH HTTP/1.1\"");
        return;
    } else if (version.s[5] != '1') {
        refuse(refusal, 505, NVA_R_UNSUPPORTED, "HTTP/1.1 is spoken here");
        return;
    }
    *is_1_1 = version.s[7] != '0';
    head->method = method_of(method);
    read_target(target, head);
}

/* ## Headers ## */

/* 1*DIGIT, and no more than fits. */
static void
read_length(struct span value, struct http_head *head)
{
    if (!value.n) {
        refuse_syntax(&head->refusal, "Content-Length is no number");
        return;
    }
    for (size_t i = 0; i < value.n; i++) {
        if (value.s[i] < '0' || value.s[i] > '9') {
            refuse_syntax(&head->refusal, "Content-Length is no number");
            return;
        } else if (head->length > UINT64_MAX / 100) {
            refuse(&head->refusal, 413, NVA_R_TOO_LARGE,
                   "the body is larger than this path takes");
            return;
        }
        head->length = head->length * 10 + (value.s[i] - '0');
    }
}

static void
read_encoding(struct span value, struct http_head *head)
{
    head->chunked = is_word_nocase(value, "chunked");
    if (!head->chunked) {
        refuse(&head->refusal, 501, NVA_R_UNSUPPORTED,
               "the only Transfer-Encoding here is chunked");
    }
}

static void
read_connection(struct span value, struct seen *seen)
{
    struct span option;

    while (value.n) {
        if (!split(value, ',', &option, &value)) {
            option = value;
            value.n = 0;
        }
        option = trim(option);
        seen->close |= is_word_nocase(option, "close");
        seen->keep_alive |= is_word_nocase(option, "keep-alive");
    }
}

static void
read_header(struct span line, struct http_head *head, struct seen *seen)
{
    struct http_refusal *refusal = &head->refusal;
    struct span name, value;

    if (line.s[0] == ' ' || line.s[0] == '\t') {
        refuse_syntax(refusal, "a header that is folded");
        return;
    } else if (!split(line, ':', &name, &value) || !is_token(name)) {
        refuse_syntax(refusal, "a header is not \"Name: value\"");
        return;
    }
    value = trim(value);
    if (is_word_nocase(name, "host")) {
        seen->hosts++;
    } else if (is_word_nocase(name, "content-length")) {
        if (seen->lengths++) {
            refuse_syntax(refusal, "Content-Length is given twice");
        }
        read_length(value, head);
    } else if (is_word_nocase(name, "transfer-encoding")) {
        if (seen->encodings++) {
            refuse_syntax(refusal, "Transfer-Encoding is given twice");
        }
        read_encoding(value, head);
    } else if (is_word_nocase(name, "connection")) {
        read_connection(value, seen);
    } else if (is_word_nocase(name, "expect")) {
        head->expects = is_word_nocase(value, "100-continue");
        if (!head->expects) {
            refuse(refusal, 417, NVA_R_UNSUPPORTED,
                   "nothing but 100-continue can be expected");
        }
    }
}

static void
finish_head(struct http_head *head, const struct seen *seen, bool is_1_1)
{
    if (seen->encodings && seen->lengths) {
        refuse_syntax(&head->refusal,
                      "both Content-Length and Transfer-Encoding");
    } else if (seen->encodings && !is_1_1) {
        refuse_syntax(&head->refusal, "Transfer-Encoding in HTTP/1.0");
    } else if (seen->hosts > 1 || (is_1_1 && !seen->hosts)) {
        refuse_syntax(&head->refusal, "not exactly one Host");
    }
    head->keeps = !seen->close && (is_1_1 || seen->keep_alive);
    head->expects &= is_1_1 && (head->chunked || head->length);
}

/* ## Bodies ## */

/* "HEX [BWS ;...]": a size of at most eight digits, extensions ignored (RFC
 * 9112 s7.1). */
static void
read_chunk_size(struct http_body *body, struct span line)
{
    uint64_t size = 0;
    size_t i;

    for (i = 0; i < line.n && hexit_value(line.s[i]) >= 0; i++) {
        if (i >= 8) {
            refuse(&body->refusal, 413, NVA_R_TOO_LARGE,
                   "the body is larger than this path takes");
            return;
        }
        size = size * 16 + hexit_value(line.s[i]);
    }
    line = trim((struct span) { line.s + i, line.n - i });
    if (!i || (line.n && line.s[0] != ';')) {
        refuse_syntax(&body->refusal, "a chunk's size is no number");
    } else if (size > body->max - body->total) {
        refuse(&body->refusal, 413, NVA_R_TOO_LARGE,
               "the body is larger than this path takes");
    }
    body->left = size;
    body->state = size ? BODY_DATA : BODY_TRAILER;
}

/* What stands between the data of chunks. */
static void
read_chunk_line(struct http_body *body, struct span line)
{
    if (body->state == BODY_SIZE) {
        read_chunk_size(body, line);
    } else if (body->state == BODY_END_OF_CHUNK) {
        if (line.n) {
            refuse_syntax(&body->refusal, "a chunk is longer than its size");
        }
        body->state = BODY_SIZE;
    } else if (!line.n) {
        body->state = BODY_COMPLETE;
    } else if (++body->n_trailers > HTTP_TRAILERS_MAX) {
        refuse(&body->refusal, 431, NVA_R_TOO_LARGE, "too many trailers");
    }
}

size_t
http_body_read(struct http_body *body, const char *s, size_t n,
               const char **data, size_t *size)
{
    struct span line;

    *data = s;
    *size = 0;
    if (http_body_is_complete(body)) {
        return 0;
    } else if (body->state == BODY_DATA) {
        *size = MIN(n, body->left);
        body->left -= *size;
        body->total += *size;
        if (!body->left) {
            body->state = body->chunked ? BODY_END_OF_CHUNK : BODY_COMPLETE;
        }
        return *size;
    } else if (!next_line(s, MIN(n, HTTP_CHUNK_LINE_MAX), &line,
                          &body->refusal)) {
        return (n < HTTP_CHUNK_LINE_MAX ? 0
                : refuse_syntax(&body->refusal, "a chunk's line is too long"));
    }
    read_chunk_line(body, line);
    return line.n + 2;
}

/* ## Answers ## */

const char *
http_status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {
        { 200, "OK" }, { 201, "Created" }, { 400, "Bad Request" },
        { 404, "Not Found" }, { 405, "Method Not Allowed" },
        { 408, "Request Timeout" }, { 409, "Conflict" },
        { 413, "Content Too Large" }, { 414, "URI Too Long" },
        { 417, "Expectation Failed" }, { 422, "Unprocessable Content" },
        { 431, "Request Header Fields Too Large" },
        { 501, "Not Implemented" }, { 503, "Service Unavailable" },
        { 505, "HTTP Version Not Supported" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        if (texts[i].status == status) {
            return texts[i].text;
        }
    }
    return "Status";
}
