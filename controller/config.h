/* SPDX-License-Identifier: Apache-2.0 */

/* What nvad was asked to do on its command line. */

#ifndef NVA_CONFIG_H
#define NVA_CONFIG_H 1

#include <netinet/in.h>
#include <stddef.h>
#include <sys/un.h>

#include "nva-types.h"

/* Where nvad serves its API unless told otherwise, and where nvactl looks. */
#define NVA_DEFAULT_RUNDIR "/run/ovs-nva"
#define NVA_DEFAULT_API_PATH NVA_DEFAULT_RUNDIR "/nvad.api"
#define NVA_DEFAULT_API "unix:" NVA_DEFAULT_API_PATH
#define NVA_DEFAULT_LISTEN_PORT 6653
#define NVA_DEFAULT_API_PORT 8480

enum {
    CONFIG_ENDPOINTS_MAX = 16,          /* --listen, --api: each. */
    CONFIG_AUDIT_SECS_MAX = 86400,
};

/* Where to listen. */
struct config_endpoint {
    const char *text;                   /* As it was given. */
    union {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    } addr;
    socklen_t addr_len;
};

struct config {
    size_t n_listens, n_apis;
    struct config_endpoint listens[CONFIG_ENDPOINTS_MAX];
    struct config_endpoint apis[CONFIG_ENDPOINTS_MAX];
    unsigned int audit_secs;                /* Between audits, 0: none. */
    const char *unixctl_path;           /* NULL: libopenvswitch's default. */
};

/* Parses 'argv' into '*config' and sets libopenvswitch's daemon and log
 * options.  Returns -1 to go on, or the status to exit with: 0 (--help,
 * --version), 1 (what this version does not do), 2 (usage); the reason has
 * been written to stderr.  'config' points into 'argv'. */
int config_parse(struct config *config, int argc, char *argv[]);

/* Parses "ptcp:[PORT][:IP]" (an IPv6 address in brackets; default loopback,
 * 'default_port') or "punix:PATH".  UNSUPPORTED for pssl: and ssl:, BAD_VALUE
 * for anything else. */
enum nva_reason config_endpoint_parse(const char *text, uint16_t default_port,
                                      struct config_endpoint *);

/* Binds a non-blocking socket to 'endpoint'.  A unix socket that nobody
 * listens on any more is replaced; it is made for owner and group only, goes
 * when the process does, and gets its default directory if need be.  Returns
 * the descriptor, or a negative errno. */
int config_endpoint_bind(const struct config_endpoint *endpoint);

#endif /* config.h */
