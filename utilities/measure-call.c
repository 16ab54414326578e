/* SPDX-License-Identifier: Apache-2.0 */

/* HTTP requests that leave at an exact step of a script.
 *
 * The connection is made and the request built when the script is read; the
 * step itself is one write.  Knows as much of HTTP/1.1 (RFC 9112) as it takes
 * to find the end of a short answer.  Must never know what is asked. */

#define _GNU_SOURCE 1
#include "measure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static bool answer_is_whole(const struct call *);
static void finish(struct call *, const char *error);

/* SOCKET METHOD PATH [wait] [BODY] */
const char *
call_open(struct measure *m, struct call *c, size_t index, char **args,
          size_t n)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    const char *body = "";

    if (n < 3 || strlen(args[0]) >= sizeof sun.sun_path) {
        return "call: SOCKET METHOD PATH [wait] [BODY]";
    }
    c->fd = -1;
    c->wait = n > 3 && !strcmp(args[3], "wait");
    if (n > 3u + c->wait) {
        body = args[3 + c->wait];
    }
    strcpy(sun.sun_path, args[0]);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *) &sun, sizeof sun)) {
        return strerror(errno);
    }
    c->path = strdup(args[2]);
    if (!c->path
        || asprintf(&c->request, "%s %s HTTP/1.1\r\nHost: nvad\r\n"
                    "Content-Type: application/json\r\n"
                    "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                    args[1], args[2], strlen(body), body) < 0) {
        abort();
    }
    measure_watch(m, EPOLL_CTL_ADD, c->fd, EPOLLIN,
                  (struct event_data) { EVENT_CALL, 0, index });
    return NULL;
}

void
call_send(struct call *c)
{
    size_t n = strlen(c->request);

    c->sent = measure_now();
    if (c->done || write(c->fd, c->request, n) != (ssize_t) n) {
        finish(c, "the connection was closed before the call");
    }
}

void
call_read(struct call *c)
{
    ssize_t n;

    if (c->n >= sizeof c->answer - 1) {
        finish(c, "answer too long");
        return;
    }
    n = recv(c->fd, c->answer + c->n, sizeof c->answer - 1 - c->n,
             MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n > 0) {
        c->n += n;
        c->answer[c->n] = '\0';
    }
    if (answer_is_whole(c)) {
        finish(c, NULL);
    } else if (n <= 0) {
        finish(c, c->n ? NULL : "closed without an answer");
    }
}

void
call_print(const struct call *c, FILE *f)
{
    const char *body = strstr(c->answer, "\r\n\r\n");
    int status = 0;

    sscanf(c->answer, "HTTP/%*s %d", &status);
    fprintf(f, "{\"path\": ");
    report_string(f, c->path);
    fprintf(f, ", \"sent_us\": %lld, \"answered_us\": %lld, \"status\": %d, "
            "\"error\": ", (long long) c->sent, (long long) c->answered,
            status);
    if (c->error || !c->done) {
        report_string(f, !c->sent ? "not sent" : c->error ? c->error
                      : "no answer in time");
    } else {
        fprintf(f, "null");
    }
    fprintf(f, ", \"body\": ");
    report_string(f, body ? body + 4 : "");
    fprintf(f, "}");
}

void
call_close(struct call *c)
{
    if (c->fd >= 0) {
        close(c->fd);
    }
    free(c->request);
    free(c->path);
    memset(c, 0, sizeof *c);
    c->fd = -1;
}

static bool
answer_is_whole(const struct call *c)
{
    const char *end = strstr(c->answer, "\r\n\r\n");
    const char *length = strcasestr(c->answer, "\r\nContent-Length:");

    return (end && length && length < end
            && c->n >= end + 4 - c->answer + strtoul(length + 17, NULL, 10));
}

static void
finish(struct call *c, const char *error)
{
    if (!c->done) {
        c->done = true;
        c->error = error;
        c->answered = measure_now();
    }
    close(c->fd);
    c->fd = -1;
}
