/* SPDX-License-Identifier: Apache-2.0 */

/* The northbound API over HTTP: carries calls to api-json and dispatch and
 * their answers back; the event stream; metrics.  Decides nothing but when an
 * answer is complete. */

#ifndef NVA_HTTP_SERVER_H
#define NVA_HTTP_SERVER_H 1

#include "dispatch.h"

struct event_base;
struct http_server;

/* Named limits. */
enum {
    HTTP_BODY_MAX = 5 * 1024 * 1024,/* Bytes taken in; above what api-json
                                     * takes only to be able to say that it is
                                     * too much. */
    HTTP_WAITERS_MAX = 1024,        /* Calls that wait for switches: the rest
                                     * is answered at once. */
    HTTP_WAIT_MSEC = 1000,          /* ...as things stand after this. */
    HTTP_SUBSCRIBERS_MAX = 64,      /* Readers of the event stream. */
    HTTP_BACKLOG_MAX = 256 * 1024,  /* Bytes one of them may be behind: one
                                     * that does not read. */
    HTTP_IDLE_SECS = 60,            /* A connection that says nothing. */
    HTTP_CONNECTIONS_MAX = 512,     /* Whoever opens connections and keeps
                                     * them: one more gets 503 and is closed.
                                     */
    HTTP_KEEPALIVE_SECS = 15,       /* A comment to idle subscribers, so that
                                     * dead ones are noticed. */
};

/* For at most 'max' connections. */
struct http_server *http_server_create(struct event_base *, struct dispatch *,
                                       size_t max);
void http_server_destroy(struct http_server *);

/* Accepts on the bound, non-blocking 'fd', which becomes the server's.  0 or
 * an errno. */
int http_server_listen(struct http_server *, int fd);

/* Tells the subscribers. */
void http_server_note(struct http_server *, const struct nva_view *,
                      const struct nva_note *);

/* Ends a turn: answers the calls whose move has got where they asked. */
void http_server_run(struct http_server *);
/* When http_server_run() must run next, NVA_NEVER if never. */
nva_usec http_server_deadline(const struct http_server *);

#endif /* http-server.h */
