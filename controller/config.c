/* SPDX-License-Identifier: Apache-2.0 */

/* The command line of nvad.
 *
 * Knows options, endpoints and what this version does not do yet.  Must never
 * start anything.  Invariant: with no option at all nvad listens on loopback
 * and on a unix socket only. */

#include <config.h>

#include "controller/config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command-line.h"
#include "daemon.h"
#include "fatal-signal.h"
#include "openvswitch/util.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "util.h"

enum {
    OPT_LISTEN = UCHAR_MAX + 1,
    OPT_API,
    OPT_DB,
    OPT_UNIXCTL,
    OPT_AUDIT_INTERVAL,
    DAEMON_OPTION_ENUMS,
    VLOG_OPTION_ENUMS,
};

enum { EXIT_REFUSED = 1, EXIT_USAGE = 2 };

static const struct option long_options[] = {
    { "listen", required_argument, NULL, OPT_LISTEN },
    { "api", required_argument, NULL, OPT_API },
    { "db", required_argument, NULL, OPT_DB },
    { "unixctl", required_argument, NULL, OPT_UNIXCTL },
    { "audit-interval", required_argument, NULL, OPT_AUDIT_INTERVAL },
    { "private-key", required_argument, NULL, 'p' },
    { "certificate", required_argument, NULL, 'c' },
    { "ca-cert", required_argument, NULL, 'C' },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' },
    DAEMON_LONG_OPTIONS,
    VLOG_LONG_OPTIONS,
    { NULL, 0, NULL, 0 },
};

static int parse_option(struct config *, int c);
static int add_endpoint(struct config_endpoint *, size_t *n, const char *text,
                        uint16_t default_port, const char *option);
static void usage(void);
static enum nva_reason parse_unix(const char *path, struct config_endpoint *);
static enum nva_reason parse_tcp(const char *s, uint16_t default_port,
                                 struct config_endpoint *);
static void forget_stale(const struct config_endpoint *);

int
config_parse(struct config *config, int argc, char *argv[])
{
    char *short_options = ovs_cmdl_long_options_to_short_options(long_options);
    int status = -1;

    *config = (struct config) { .n_listens = 0 };
    optind = 0;
    while (status < 0) {
        int c = getopt_long(argc, argv, short_options, long_options, NULL);

        if (c == -1) {
            break;
        }
        status = parse_option(config, c);
    }
    free(short_options);
    if (status < 0 && optind < argc) {
        fprintf(stderr, "nvad: takes no arguments, only options: \"%s\"\n",
                argv[optind]);
        status = EXIT_USAGE;
    }
    if (status < 0 && !config->n_listens) {
        status = add_endpoint(config->listens, &config->n_listens, "ptcp:",
                              NVA_DEFAULT_LISTEN_PORT, "--listen");
    }
    if (status < 0 && !config->n_apis) {
        status = add_endpoint(config->apis, &config->n_apis,
                              "punix:" NVA_DEFAULT_API_PATH,
                              NVA_DEFAULT_API_PORT, "--api");
    }
    return status;
}

enum nva_reason
config_endpoint_parse(const char *text, uint16_t default_port,
                      struct config_endpoint *out)
{
    const char *rest = strchr(text, ':');

    *out = (struct config_endpoint) { .text = text };
    if (!strncmp(text, "pssl:", 5) || !strncmp(text, "ssl:", 4)) {
        return NVA_R_UNSUPPORTED;
    } else if (!strncmp(text, "punix:", 6)) {
        return parse_unix(rest + 1, out);
    } else if (!strncmp(text, "ptcp:", 5)) {
        return parse_tcp(rest + 1, default_port, out);
    }
    return NVA_R_BAD_VALUE;
}

int
config_endpoint_bind(const struct config_endpoint *ep)
{
    bool is_unix = ep->addr.sa.sa_family == AF_UNIX;
    int fd = socket(ep->addr.sa.sa_family,
                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    mode_t mask;
    int error;

    if (fd < 0) {
        return -errno;
    }
    if (is_unix) {
        forget_stale(ep);
    } else {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int) { 1 }, sizeof(int));
    }
    if (ep->addr.sa.sa_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int) { 1 }, sizeof(int));
    }
    mask = umask(0117);
    error = bind(fd, &ep->addr.sa, ep->addr_len) ? errno : 0;
    umask(mask);
    if (error) {
        close(fd);
        return -error;
    }
    if (is_unix) {
        fatal_signal_add_file_to_unlink(ep->addr.un.sun_path);
    }
    return fd;
}

/* One option.  -1: go on. */
static int
parse_option(struct config *config, int c)
{
    switch (c) {
    case OPT_LISTEN:
        return add_endpoint(config->listens, &config->n_listens, optarg,
                            NVA_DEFAULT_LISTEN_PORT, "--listen");
    case OPT_API:
        return add_endpoint(config->apis, &config->n_apis, optarg,
                            NVA_DEFAULT_API_PORT, "--api");
    case OPT_DB:
        if (strcmp(optarg, "none")) {
            fprintf(stderr, "nvad: --db=%s: this version keeps nothing on "
                    "disk; not supported yet (only --db=none)\n", optarg);
            return EXIT_REFUSED;
        }
        break;
    case 'p': case 'c': case 'C':
        fprintf(stderr, "nvad: -%c: TLS is not supported yet\n", c);
        return EXIT_REFUSED;
    case OPT_UNIXCTL:
        config->unixctl_path = optarg;
        break;
    case OPT_AUDIT_INTERVAL:
        if (!str_to_uint(optarg, 10, &config->audit_secs)
            || config->audit_secs > CONFIG_AUDIT_SECS_MAX) {
            fprintf(stderr, "nvad: --audit-interval=%s: want seconds, "
                    "0 (off) to %d\n", optarg, CONFIG_AUDIT_SECS_MAX);
            return EXIT_USAGE;
        }
        break;
    case 'h':
        usage();
        return 0;
    case 'V':
        printf("nvad (ovs-nva) %s\nlibopenvswitch %s\n", NVA_VERSION,
               PACKAGE_VERSION);
        return 0;
    DAEMON_OPTION_HANDLERS
    VLOG_OPTION_HANDLERS
    default:                    /* getopt_long() has said why. */
        return EXIT_USAGE;
    }
    return -1;
}

static int
add_endpoint(struct config_endpoint *eps, size_t *n, const char *text,
             uint16_t default_port, const char *option)
{
    enum nva_reason reason;

    if (*n >= CONFIG_ENDPOINTS_MAX) {
        fprintf(stderr, "nvad: %s: at most %d times\n", option,
                CONFIG_ENDPOINTS_MAX);
        return EXIT_USAGE;
    }
    reason = config_endpoint_parse(text, default_port, &eps[*n]);
    if (reason == NVA_R_UNSUPPORTED) {
        fprintf(stderr, "nvad: %s=%s: TLS is not supported yet\n", option,
                text);
        return EXIT_REFUSED;
    } else if (reason) {
        fprintf(stderr, "nvad: %s=%s: want ptcp:PORT:IP or punix:PATH\n",
                option, text);
        return EXIT_USAGE;
    }
    ++*n;
    return -1;
}

static void
usage(void)
{
    printf("nvad: network virtualization authority for Open vSwitch\n"
           "usage: nvad [OPTIONS]\n\n"
           "  --listen=ENDPOINT       OpenFlow, may be repeated\n"
           "                          (default ptcp:%d:127.0.0.1)\n"
           "  --api=ENDPOINT          HTTP and JSON, may be repeated\n"
           "                          (default punix:%s)\n"
           "  ENDPOINT is ptcp:[PORT][:IP] (IP: loopback by default) or "
           "punix:PATH\n"
           "  --db=none               keep nothing on disk (the default)\n"
           "  --audit-interval=SECS   compare tables and ports with the\n"
           "                          directory so often (default 0: only "
           "when asked)\n"
           "  --unixctl=SOCKET        control socket for ovs-appctl\n"
           "  -h, --help              this\n"
           "  -V, --version           version\n",
           NVA_DEFAULT_LISTEN_PORT, NVA_DEFAULT_API_PATH);
    daemon_usage();
    vlog_usage();
}

/* ## Endpoints ## */

static enum nva_reason
parse_unix(const char *path, struct config_endpoint *out)
{
    struct sockaddr_un *un = &out->addr.un;

    if (!*path || strlen(path) >= sizeof un->sun_path) {
        return NVA_R_BAD_VALUE;
    }
    un->sun_family = AF_UNIX;
    ovs_strzcpy(un->sun_path, path, sizeof un->sun_path);
    out->addr_len = sizeof *un;
    return NVA_OK;
}

/* 's' is "[PORT][:IP]". */
static enum nva_reason
parse_tcp(const char *s, uint16_t default_port, struct config_endpoint *out)
{
    char host[INET6_ADDRSTRLEN + 2] = "127.0.0.1";
    struct in6_addr ip;
    unsigned long port = default_port;
    char *end = CONST_CAST(char *, s);
    size_t n;

    if (*s >= '0' && *s <= '9') {
        port = strtoul(s, &end, 10);
    }
    if (!port || port > UINT16_MAX || (*end && *end != ':')) {
        return NVA_R_BAD_VALUE;
    }
    if (*end == ':') {
        bool bracket = end[1] == '[';

        ovs_strlcpy(host, end + 1 + bracket, sizeof host);
        n = strlen(host);
        if (bracket) {
            if (!n || host[n - 1] != ']') {
                return NVA_R_BAD_VALUE;
            }
            host[n - 1] = '\0';
        }
    }
    if (nva_ip_parse(host, &ip)) {
        return NVA_R_BAD_VALUE;
    }
    if (nva_ip_is_v4(&ip)) {
        out->addr.in.sin_family = AF_INET;
        out->addr.in.sin_port = htons(port);
        memcpy(&out->addr.in.sin_addr, &ip.s6_addr[12], 4);
        out->addr_len = sizeof out->addr.in;
    } else {
        out->addr.in6.sin6_family = AF_INET6;
        out->addr.in6.sin6_port = htons(port);
        out->addr.in6.sin6_addr = ip;
        out->addr_len = sizeof out->addr.in6;
    }
    return NVA_OK;
}

/* Makes way for a unix socket: its default directory, and the file that an
 * earlier process left there (nobody answers). */
static void
forget_stale(const struct config_endpoint *ep)
{
    const char *path = ep->addr.un.sun_path;
    struct stat st;
    int fd;

    if (!strncmp(path, NVA_DEFAULT_RUNDIR "/", strlen(NVA_DEFAULT_RUNDIR) + 1)
        && mkdir(NVA_DEFAULT_RUNDIR, 0755) && errno != EEXIST) {
        return;                 /* bind() will say it. */
    }
    if (lstat(path, &st) || !S_ISSOCK(st.st_mode)) {
        return;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        if (connect(fd, &ep->addr.sa, ep->addr_len)
            && errno == ECONNREFUSED) {
            unlink(path);
        }
        close(fd);
    }
}
