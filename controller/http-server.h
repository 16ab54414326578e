/* SPDX-License-Identifier: Apache-2.0 */

/* The northbound API over HTTP: carries calls to api-json and dispatch and
 * their answers back; the event stream; metrics.  Decides nothing but when an
 * answer is complete. */

#ifndef NVA_HTTP_SERVER_H
#define NVA_HTTP_SERVER_H 1

#include "dispatch.h"

struct event_base;
struct http_server;

/* Named limits.  Each caller: */
enum {
    HTTP_IDLE_SECS = 60,            /* Who says nothing. */
    HTTP_REQUEST_SECS = 20,         /* A request, from its first byte to its
                                     * last: who sends a byte now and then. */
    HTTP_ANSWER_SECS = 60,          /* ...and an answer: who does not read. */
    HTTP_LINGER_SECS = 2,           /* Until a caller that is sent away has
                                     * gone. */
    HTTP_BACKLOG_MAX = 256 * 1024,  /* Bytes that a reader of the event stream
                                     * may be behind: one that does not
                                     * read. */
};

/* All callers together. */
enum {
    HTTP_CONNECTIONS_MAX = 512,     /* Whoever opens connections and keeps
                                     * them: for one more the one goes that
                                     * has waited longest. */
    HTTP_INPUT_MAX = 16 * 1024 * 1024,
                                    /* Bytes of requests that are not
                                     * complete... */
    HTTP_OUTPUT_MAX = 16 * 1024 * 1024,
                                    /* ...and of answers that are not read:
                                     * again who has waited longest goes. */
    HTTP_SUBSCRIBERS_MAX = 64,      /* Readers of the event stream. */
    HTTP_WAITERS_MAX = 256,         /* Calls that wait for switches: the rest
                                     * is answered at once. */
    HTTP_WAIT_MSEC = 1000,          /* ...as things stand after this. */
    HTTP_TURN_USEC = 2000,          /* That calls may take of a turn: the rest
                                     * waits for the next, in the order in
                                     * which it came. */
    HTTP_LISTS_MAX = 8,             /* Pages of lists that are made at a
                                     * time... */
    HTTP_LISTS_USEC = 1000,         /* ...and what that may take of a turn. */
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

/* Begins a turn: serves the calls that have come. */
void http_server_serve(struct http_server *);

/* Ends a turn: answers the calls whose move has got where they asked. */
void http_server_run(struct http_server *);
/* When a turn must begin at the latest, 0: at once; NVA_NEVER:
 * never. */
nva_usec http_server_deadline(const struct http_server *);

#endif /* http-server.h */
