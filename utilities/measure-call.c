/* SPDX-License-Identifier: Apache-2.0 */

/* HTTP requests that leave at an exact step of a script.
 *
 * The connection is there and the request built when the script is read; the
 * step itself is one write.  A connection is used again, as VM management
 * would.  Knows as much of HTTP/1.1 (RFC 9112) as it takes to find the end of
 * a short answer.  Must never know what is asked. */

#define _GNU_SOURCE 1
#include "measure.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static bool answer_is_whole(const struct call *);
static void finish(struct measure *, struct call *, const char *error);
static void let_go(struct measure *, struct call *, bool usable);
static int take_idle(struct measure *, const char *path);
static void keep_idle(struct measure *, const char *path, int fd);

/* SOCKET METHOD PATH [wait] [BODY] */
const char *
call_open(struct measure *m, struct call *c, size_t index, char **args,
          size_t n)
{
    const char *body = "";

    c->fd = -1;
    if (n < 3) {
        return "call: SOCKET METHOD PATH [wait] [BODY]";
    }
    c->wait = n > 3 && !strcmp(args[3], "wait");
    if (n > 3u + c->wait) {
        body = args[3 + c->wait];
    }
    c->fd = take_idle(m, args[0]);
    if (c->fd < 0) {
        c->fd = connect_unix(args[0]);
    }
    if (c->fd < 0) {
        return strerror(errno);
    }
    c->socket = strdup(args[0]);
    c->path = strdup(args[2]);
    if (!c->socket || !c->path
        || asprintf(&c->request, "%s %s HTTP/1.1\r\nHost: nvad\r\n"
                    "Content-Type: application/json\r\n"
                    "Content-Length: %zu\r\n\r\n%s",
                    args[1], args[2], strlen(body), body) < 0) {
        abort();
    }
    measure_watch(m, EPOLL_CTL_ADD, c->fd, EPOLLIN,
                  (struct event_data) { EVENT_CALL, 0, index });
    return NULL;
}

void
call_send(struct measure *m, struct call *c)
{
    size_t n = strlen(c->request);

    c->sent = measure_now();
    if (c->done || write(c->fd, c->request, n) != (ssize_t) n) {
        finish(m, c, "the connection was closed before the call");
    }
}

void
call_read(struct measure *m, struct call *c)
{
    ssize_t n;

    if (c->n >= sizeof c->answer - 1) {
        finish(m, c, "answer too long");
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
        finish(m, c, NULL);
    } else if (n <= 0) {
        finish(m, c, c->n ? NULL : "closed without an answer");
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
call_close(struct measure *m, struct call *c)
{
    let_go(m, c, !c->sent);
    free(c->request);
    free(c->socket);
    free(c->path);
    memset(c, 0, sizeof *c);
    c->fd = -1;
}

int
connect_unix(const char *path)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    int fd;

    if (strlen(path) >= sizeof sun.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(sun.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *) &sun, sizeof sun)) {
        close(fd);
        fd = -1;
    }
    return fd;
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
finish(struct measure *m, struct call *c, const char *error)
{
    if (!c->done) {
        c->done = true;
        c->error = error;
        c->answered = measure_now();
    }
    let_go(m, c, answer_is_whole(c));
}

/* The connection is no more the call's; 'usable': another call may have it. */
static void
let_go(struct measure *m, struct call *c, bool usable)
{
    if (c->fd < 0) {
        return;
    }
    measure_watch(m, EPOLL_CTL_DEL, c->fd, 0, (struct event_data) { 0 });
    if (usable) {
        keep_idle(m, c->socket, c->fd);
    } else {
        close(c->fd);
    }
    c->fd = -1;
}

/* A connection to the socket at 'path' that the server has not closed; -1:
 * there is none. */
static int
take_idle(struct measure *m, const char *path)
{
    for (size_t i = 0; i < MAX_IDLE; i++) {
        struct idle *idle = &m->idle[i];

        if (idle->socket && !strcmp(idle->socket, path)) {
            struct pollfd p = { .fd = idle->fd, .events = POLLIN };

            free(idle->socket);
            idle->socket = NULL;
            if (!poll(&p, 1, 0)) {
                return p.fd;
            }
            close(p.fd);
        }
    }
    return -1;
}

static void
keep_idle(struct measure *m, const char *path, int fd)
{
    for (size_t i = 0; i < MAX_IDLE; i++) {
        struct idle *idle = &m->idle[i];

        if (!idle->socket) {
            idle->socket = strdup(path);
            idle->fd = fd;
            return;
        }
    }
    close(fd);
}
