/* SPDX-License-Identifier: Apache-2.0 */

/* nvactl's calls to nvad: HTTP over a Unix socket or TCP by libcurl.  Knows
 * addresses and statuses; must never know a command. */

#include "nvactl.h"

#include <curl/curl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ANSWER_MAX = 256 * 1024 * 1024,     /* Bytes: a server gone mad. */
    LINE_MAX_BYTES = 64 * 1024,         /* ...of one event. */
    CALL_SECS = 60,
};

/* Bytes as they come. */
struct buffer {
    size_t n;
    char *s;
};

struct follower {
    struct buffer line;
    struct buffer all;                  /* For a refusal. */
    void (*cb)(const char *data, void *aux);
    void *aux;
};

static CURL *start_call(const struct nvactl_args *, const char *method,
                        const char *path);
static int finish_call(const struct nvactl_args *, CURL *, CURLcode,
                       const struct buffer *, json_t **out);
static size_t take_bytes(char *, size_t, size_t, void *buffer);
static size_t take_events(char *, size_t, size_t, void *follower);
static bool append(struct buffer *, const char *, size_t, size_t max);

int
nvactl_call(const struct nvactl_args *args, const char *method,
            const char *path, json_t *body, json_t **out)
{
    struct buffer answer = { 0, NULL };
    struct curl_slist *headers
        = curl_slist_append(NULL, "Content-Type: application/json");
    CURL *curl = start_call(args, method, path);
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_t *json = NULL;
    int status = NVACTL_USAGE;

    json_decref(body);
    if (curl) {
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long) CALL_SECS);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
        if (text || !strcmp(method, "POST")) {
            curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text ? text : "");
        }
        status = finish_call(args, curl, curl_easy_perform(curl), &answer,
                             &json);
        curl_easy_cleanup(curl);
    }
    curl_slist_free_all(headers);
    free(text);
    free(answer.s);
    if (out && !status) {
        *out = json;
    } else {
        json_decref(json);
    }
    return status;
}

int
nvactl_call_list(const struct nvactl_args *args, const char *path,
                 const char *key, json_t **out)
{
    int status = nvactl_call(args, "GET", path, NULL, out);
    const char *next;

    while (!status
           && (next = json_string_value(json_object_get(*out, "next")))) {
        char *after = curl_easy_escape(NULL, next, 0);
        char url[1024];
        json_t *page;

        snprintf(url, sizeof url, "%s?after=%s", path, after);
        curl_free(after);
        json_object_del(*out, "next");
        status = nvactl_call(args, "GET", url, NULL, &page);
        if (!status) {
            json_array_extend(json_object_get(*out, key),
                              json_object_get(page, key));
            json_object_set(*out, "next", json_object_get(page, "next"));
            json_decref(page);
        } else {
            json_decref(*out);
        }
    }
    return status;
}

int
nvactl_follow(const struct nvactl_args *args, const char *path,
              void (*cb)(const char *data, void *aux), void *aux)
{
    struct follower f = { { 0, NULL }, { 0, NULL }, cb, aux };
    CURL *curl = start_call(args, "GET", path);
    int status = NVACTL_USAGE;

    if (curl) {
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_events);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &f);
        status = finish_call(args, curl, curl_easy_perform(curl), &f.all,
                             NULL);
        curl_easy_cleanup(curl);
    }
    free(f.line.s);
    free(f.all.s);
    return status;
}

char *
nvactl_path(const char *prefix, ...)
{
    struct buffer path = { 0, NULL };
    const char *name;
    va_list ap;

    append(&path, prefix, strlen(prefix), ANSWER_MAX);
    va_start(ap, prefix);
    while ((name = va_arg(ap, const char *))) {
        char *escaped = curl_easy_escape(NULL, name, 0);

        append(&path, "/", 1, ANSWER_MAX);
        append(&path, escaped, strlen(escaped), ANSWER_MAX);
        curl_free(escaped);
    }
    va_end(ap);
    return path.s;
}

/* Splits 'api' as nvad's --api spells it, or as people write it, into a Unix
 * socket path or a URL's beginning.  False if it is neither. */
static bool
parse_api(const char *api, const char **socket, char *url, size_t size)
{
    char host[256];
    unsigned int port;

    *socket = NULL;
    snprintf(url, size, "http://nvad");
    if (!strncmp(api, "unix:", 5) || !strncmp(api, "punix:", 6)) {
        *socket = strchr(api, ':') + 1;
    } else if (!strncmp(api, "http://", 7)) {
        snprintf(url, size, "%.*s", (int) (strlen(api)
                 - (api[strlen(api) - 1] == '/')), api);
    } else if (sscanf(api, "ptcp:%u:%255s", &port, host) == 2
               || sscanf(api, "tcp:%255[^]:]:%u", host, &port) == 2) {
        snprintf(url, size, "http://%s:%u", host, port);
    } else if (sscanf(api, "tcp:[%255[^]]]:%u", host, &port) == 2) {
        snprintf(url, size, "http://[%s]:%u", host, port);
    } else if (sscanf(api, "ptcp:%u", &port) == 1) {
        snprintf(url, size, "http://127.0.0.1:%u", port);
    } else {
        return false;
    }
    return !*socket || **socket;
}

static CURL *
start_call(const struct nvactl_args *args, const char *method,
           const char *path)
{
    const char *socket;
    char base[512], url[2048];
    CURL *curl;

    if (!parse_api(args->api, &socket, base, sizeof base)) {
        fprintf(stderr, "nvactl: --api=%s: give unix:PATH or "
                "http://HOST:PORT\n", args->api);
        return NULL;
    }
    curl = curl_easy_init();
    if (!curl) {
        fprintf(stderr, "nvactl: libcurl does not start\n");
        return NULL;
    }
    snprintf(url, sizeof url, "%s%s", base, path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    if (socket) {
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
    }
    return curl;
}

/* "nvactl: REASON: detail (field FIELD)". */
static void
print_refusal(long http, const json_t *json)
{
    const json_t *error = json_object_get(json, "error");
    const char *field = json_string_value(json_object_get(error, "field"));

    if (!error) {
        fprintf(stderr, "nvactl: HTTP status %ld\n", http);
        return;
    }
    fprintf(stderr, "nvactl: %s: %s", nvactl_string(error, "reason"),
            nvactl_string(error, "detail"));
    if (field) {
        fprintf(stderr, " (field %s)", field);
    }
    fputc('\n', stderr);
}

static int
finish_call(const struct nvactl_args *args, CURL *curl, CURLcode code,
            const struct buffer *answer, json_t **out)
{
    json_t *json;
    long http = 0;

    if (code) {
        fprintf(stderr, "nvactl: cannot talk to nvad at %s: %s\n", args->api,
                curl_easy_strerror(code));
        return NVACTL_REFUSED;
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http);
    json = answer->n ? json_loadb(answer->s, answer->n, 0, NULL) : NULL;
    if (http >= 300) {
        print_refusal(http, json);
        if (args->json && json) {
            nvactl_print_json(json);
        }
        json_decref(json);
        return NVACTL_REFUSED;
    }
    if (out) {
        *out = json ? json : json_object();
    } else {
        json_decref(json);
    }
    return NVACTL_DONE;
}

static bool
append(struct buffer *b, const char *s, size_t n, size_t max)
{
    char *p = n <= max - b->n ? realloc(b->s, b->n + n + 1) : NULL;

    if (!p) {
        return false;
    }
    b->s = p;
    memcpy(b->s + b->n, s, n);
    b->n += n;
    b->s[b->n] = '\0';
    return true;
}

static size_t
take_bytes(char *s, size_t size, size_t n, void *buffer)
{
    return append(buffer, s, size * n, ANSWER_MAX) ? size * n : 0;
}

/* Server-sent events: a line "data: ..." is an event; others are not for
 * us. */
static void
take_line(struct follower *f)
{
    const char *s = f->line.s ? f->line.s : "";

    if (f->line.n && s[f->line.n - 1] == '\r') {
        f->line.s[--f->line.n] = '\0';
    }
    if (!strncmp(s, "data:", 5)) {
        f->cb(s + 5 + (s[5] == ' '), f->aux);
    }
    f->line.n = 0;
    if (f->line.s) {
        f->line.s[0] = '\0';
    }
}

static size_t
take_events(char *s, size_t size, size_t n, void *follower)
{
    struct follower *f = follower;
    size_t total = size * n;

    /* The beginning, as a refusal's text. */
    append(&f->all, s, total, 4096);
    for (size_t i = 0; i < total; ) {
        char *end = memchr(s + i, '\n', total - i);
        size_t len = (end ? (size_t) (end - s) : total) - i;

        if (!append(&f->line, s + i, len, LINE_MAX_BYTES)) {
            return 0;
        }
        i += len;
        if (end) {
            take_line(f);
            i++;
        }
    }
    return total;
}
