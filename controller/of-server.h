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
    OF_SERVER_READ_MAX = 64 * 1024, /* Bytes of one NVE per turn... */
    OF_SERVER_READ_UNCLAIMED = 4096,/* ...and of a bridge that is none. */
    OF_SERVER_UNREAD_MAX = 4096,    /* A bridge that is no NVE and has not read
                                     * so much is not listened to: with the
                                     * answer to one message more, it has at
                                     * most 68 KiB of output. */
    OF_SERVER_ACCEPTS_PER_TURN = 4, /* A peer that connects and connects. */
};

/* A part of a turn: messages and events, and the time that they take. */
struct of_share {
    int n;
    nva_usec usec;
};

/* Of one NVE: a VM that floods must not starve the others. */
#define OF_SERVER_SHARE ((struct of_share) { 64, 500 })
/* Of all bridges together that are none, shaking hands or not: others' moves
 * wait for them in each turn... */
#define OF_SERVER_UNCLAIMED_SHARE ((struct of_share) { 64, 100 })
/* ...and of each of them, then it is the next one's. */
#define OF_SERVER_UNCLAIMED_TURN 8

/* For at most 'max' connections, PEERS_MAX at most. */
struct of_server *of_server_create(struct event_base *, struct dispatch *,
                                   size_t max);
void of_server_destroy(struct of_server *);

/* Accepts on the bound, non-blocking 'fd', which becomes the server's.  0 or
 * an errno. */
int of_server_listen(struct of_server *, int fd);

/* Fills in what dispatch calls for its channels. */
void of_server_ops(struct dispatch_ops *);

/* Once in a turn: gives those that have more to say than their share of the
 * last one their share of this, then to all bridges that are no NVE theirs.
 * Then runs dispatch, writes what is to be written, closes what has ended.
 * True if there is more to do at once. */
bool of_server_run(struct of_server *);

#endif /* of-server.h */
