/* SPDX-License-Identifier: Apache-2.0 */

/* Accepts OpenFlow connections and carries bytes between sockets and
 * sessions, events between sessions and dispatch.  Decides nothing. */

#ifndef NVA_OF_SERVER_H
#define NVA_OF_SERVER_H 1

#include "dispatch.h"

struct event_base;
struct of_server;

/* Named limits. */
enum {
    OF_SERVER_CONNS_MAX = 8192,     /* A peer that opens connections and says
                                     * nothing (handshakes time out). */
    OF_SERVER_EVENTS_PER_TURN = 64, /* Of one session: a VM that floods must
                                     * not starve other NVEs. */
    OF_SERVER_READ_MAX = 64 * 1024, /* Bytes of one session per turn. */
};

struct of_server *of_server_create(struct event_base *, struct dispatch *);
void of_server_destroy(struct of_server *);

/* Accepts on the bound, non-blocking 'fd', which becomes the server's.  0 or
 * an errno. */
int of_server_listen(struct of_server *, int fd);

/* Fills in what dispatch calls for its channels. */
void of_server_ops(struct dispatch_ops *);

/* Ends a turn: runs dispatch, writes what is to be written, closes what has
 * ended.  True if there is more to do at once. */
bool of_server_run(struct of_server *);

#endif /* of-server.h */
