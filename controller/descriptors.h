/* SPDX-License-Identifier: Apache-2.0 */

/* File descriptors: how many there are, how they are shared between the
 * OpenFlow and the API side, and what a listener does when there is none. */

#ifndef NVA_DESCRIPTORS_H
#define NVA_DESCRIPTORS_H 1

#include <stddef.h>

#include "nva-types.h"

struct evconnlistener;

/* Named limits. */
enum {
    DESCRIPTORS_OWN = 64,           /* Ours: logs, listeners, ovs-appctl... */
    DESCRIPTORS_PAUSE_MSEC = 100,   /* A listener that got none rests. */
};

/* Connections of each kind that the process has descriptors for. */
struct descriptors {
    size_t openflow, api;
};

/* Raises the process's limit to what 'want' connections need, as far as it
 * may, and shares it: a quarter for the API, no more than it wants, the rest
 * for OpenFlow.  Returns what came of it. */
struct descriptors descriptors_raise(struct descriptors want);
/* How 'limit' descriptors are shared. */
struct descriptors descriptors_share(size_t limit, struct descriptors want);

/* When 'listener' cannot accept for want of descriptors or memory it rests,
 * rather than being told of the same newcomer for ever. */
void descriptors_guard(struct evconnlistener *);
/* It rests for 'msec'; 0: until the next turn. */
void descriptors_pause(struct evconnlistener *, int msec);

#endif /* descriptors.h */
