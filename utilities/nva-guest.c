/* SPDX-License-Identifier: Apache-2.0 */

/* nva-guest: stands in for QEMU between a guest and its network port.
 *
 * One tap, in the guest's own namespace, is the guest's interface and never
 * goes away; others are ports of NVEs, and frames are relayed between the
 * guest and the one where it stands.  So a move is what it is for a virtual
 * machine: the guest notices nothing.
 *
 * Knows taps and frames.  Must never know Open vSwitch: whoever drives it, by
 * lines of text over a unix socket, made the ports.  Invariant: at most one
 * port is active; one that waits is not read, so that its queue fills; one
 * that was left is read and what comes is counted and lost.  So is
 * what waits at a port as the guest leaves it, as when a QEMU process ends,
 * unless we are to keep it. */

#define _GNU_SOURCE 1
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "guest-frame.h"
#include "guest-tap.h"

/* Ports and clients that one relay keeps.  Nobody but its owner can connect
 * (the socket's directory is closed to others), so this only stops a runaway
 * script. */
#define MAX_PORTS 16
#define MAX_CLIENTS 8
#define MAX_BATCH 64            /* Frames from one tap before the others. */

enum port_state { PORT_WAITING, PORT_ACTIVE, PORT_LEFT };
static const char *const port_state_names[] = { "waiting", "active", "left" };

struct port {
    int fd;                     /* -1: the slot is free. */
    char ns[128];
    char ifname[16];
    enum port_state state;
    unsigned long long to_guest, from_guest, lost;
};

struct client {
    int fd;                     /* -1: the slot is free. */
    size_t n;
    char line[512];
};

struct relay {
    int epfd, listen_fd, guest_fd;
    bool paused, quit, keep_queue;
    uint8_t mac[6];
    struct port ports[MAX_PORTS];
    struct client clients[MAX_CLIENTS];
};

/* What an epoll event is about: one of these, and an index. */
enum { EV_GUEST, EV_LISTEN, EV_PORT, EV_CLIENT };

static void parse_options(int argc, char *argv[], struct relay *);
static bool parse_mac(const char *, uint8_t mac[6]);
static int open_listener(const char *path);
static void run(struct relay *);
static void handle(struct relay *, int kind, int index);
static void watch(struct relay *, int fd, int kind, int index);
static void update_reading(struct relay *);
static void guest_to_port(struct relay *);
static void port_to_guest(struct relay *, struct port *);
static bool tap_is_gone(ssize_t retval);
static void close_port(struct port *);
static void accept_client(struct relay *);
static void read_client(struct relay *, struct client *);
static void run_command(struct relay *, int fd, char *line);
static void reply(int fd, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

int
main(int argc, char *argv[])
{
    static struct relay relay;
    struct relay *r = &relay;

    signal(SIGPIPE, SIG_IGN);
    r->epfd = epoll_create1(EPOLL_CLOEXEC);
    r->guest_fd = r->listen_fd = -1;
    for (int i = 0; i < MAX_PORTS; i++) {
        r->ports[i].fd = -1;
    }
    for (int i = 0; i < MAX_CLIENTS; i++) {
        r->clients[i].fd = -1;
    }
    parse_options(argc, argv, r);
    watch(r, r->guest_fd, EV_GUEST, 0);
    watch(r, r->listen_fd, EV_LISTEN, 0);
    update_reading(r);
    run(r);
    return 0;
}

static void
usage(void)
{
    puts("nva-guest: relays frames between a guest's tap and the port of an "
         "NVE\n"
         "usage: nva-guest --control=SOCKET --ns=NS --mac=MAC [--if=eth0]\n"
         "                 [--mtu=BYTES] [--keep-queue]\n"
         "NS is the guest's network namespace.  Commands, one per line on "
         "SOCKET:\n"
         "  open NS IF | attach NS IF | detach | close NS IF\n"
         "  pause | resume | status | quit\n"
         "  announce garp|garp-reply|probe|na|na-node IP | announce rarp");
}

static void
parse_options(int argc, char *argv[], struct relay *r)
{
    static const struct option options[] = {
        { "control", required_argument, NULL, 'c' },
        { "ns", required_argument, NULL, 'n' },
        { "if", required_argument, NULL, 'i' },
        { "mac", required_argument, NULL, 'm' },
        { "mtu", required_argument, NULL, 'u' },
        { "keep-queue", no_argument, NULL, 'k' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const char *control = NULL, *ns = NULL, *ifname = "eth0";
    struct guest_tap_options tap = { .mac = NULL };
    int c;

    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            control = optarg;
            break;
        case 'n':
            ns = optarg;
            break;
        case 'i':
            ifname = optarg;
            break;
        case 'm':
            tap.mac = parse_mac(optarg, r->mac) ? r->mac : NULL;
            break;
        case 'u':
            tap.mtu = atoi(optarg);
            break;
        case 'k':
            r->keep_queue = true;
            break;
        case 'h':
            usage();
            exit(0);
        default:
            exit(2);
        }
    }
    if (!control || !ns || !tap.mac) {
        fprintf(stderr, "nva-guest: --control, --ns and a right --mac are "
                "needed (see --help)\n");
        exit(2);
    }
    r->guest_fd = guest_tap_open(ns, ifname, &tap);
    if (r->guest_fd < 0) {
        fprintf(stderr, "nva-guest: %s in %s: %s\n", ifname, ns,
                strerror(errno));
        exit(1);
    }
    r->listen_fd = open_listener(control);
}

static bool
parse_mac(const char *s, uint8_t mac[6])
{
    int n = 0;

    return sscanf(s, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx%n", &mac[0], &mac[1],
                  &mac[2], &mac[3], &mac[4], &mac[5], &n) == 6 && !s[n];
}

static int
open_listener(const char *path)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (strlen(path) >= sizeof sun.sun_path) {
        fprintf(stderr, "nva-guest: %s: longer than a unix socket's name may "
                "be\n", path);
        exit(1);
    }
    strcpy(sun.sun_path, path);
    unlink(path);
    if (fd < 0 || bind(fd, (struct sockaddr *) &sun, sizeof sun)
        || listen(fd, MAX_CLIENTS)) {
        fprintf(stderr, "nva-guest: %s: %s\n", path, strerror(errno));
        exit(1);
    }
    return fd;
}

static void
run(struct relay *r)
{
    while (!r->quit) {
        struct epoll_event events[16];
        int n = epoll_wait(r->epfd, events, 16, -1);

        for (int i = 0; i < n; i++) {
            handle(r, events[i].data.u64 >> 32,
                   (uint32_t) events[i].data.u64);
        }
    }
}

static void
handle(struct relay *r, int kind, int index)
{
    if (kind == EV_GUEST) {
        guest_to_port(r);
    } else if (kind == EV_LISTEN) {
        accept_client(r);
    } else if (kind == EV_PORT && r->ports[index].fd >= 0) {
        port_to_guest(r, &r->ports[index]);
    } else if (kind == EV_CLIENT && r->clients[index].fd >= 0) {
        read_client(r, &r->clients[index]);
    }
}

static void
watch(struct relay *r, int fd, int kind, int index)
{
    struct epoll_event event = {
        .events = EPOLLIN,
        .data.u64 = (uint64_t) kind << 32 | (uint32_t) index,
    };

    epoll_ctl(r->epfd, EPOLL_CTL_ADD, fd, &event);
}

static struct port *
active_port(struct relay *r)
{
    for (int i = 0; i < MAX_PORTS; i++) {
        if (r->ports[i].fd >= 0 && r->ports[i].state == PORT_ACTIVE) {
            return &r->ports[i];
        }
    }
    return NULL;
}

/* Tells epoll which taps may be read now. */
static void
update_reading(struct relay *r)
{
    struct epoll_event event = {
        .events = !r->paused && active_port(r) ? EPOLLIN : 0,
        .data.u64 = (uint64_t) EV_GUEST << 32,
    };

    epoll_ctl(r->epfd, EPOLL_CTL_MOD, r->guest_fd, &event);
    for (int i = 0; i < MAX_PORTS; i++) {
        struct port *p = &r->ports[i];
        bool read = (p->state == PORT_LEFT
                     || (p->state == PORT_ACTIVE && !r->paused));

        if (p->fd >= 0) {
            event.events = read ? EPOLLIN : 0;
            event.data.u64 = (uint64_t) EV_PORT << 32 | i;
            epoll_ctl(r->epfd, EPOLL_CTL_MOD, p->fd, &event);
        }
    }
}

static void
guest_to_port(struct relay *r)
{
    static uint8_t frame[GUEST_TAP_FRAME_MAX];
    struct port *p = active_port(r);

    for (int i = 0; i < MAX_BATCH && p && !r->paused; i++) {
        ssize_t n = read(r->guest_fd, frame, sizeof frame);

        if (tap_is_gone(n)) {
            r->quit = true;
        }
        if (n <= 0) {
            return;
        }
        if (write(p->fd, frame, n) == n) {
            p->from_guest++;
        }
    }
}

/* Moves what stands in the queue of 'p' to the guest, or, if the guest left
 * 'p', to nowhere. */
static void
port_to_guest(struct relay *r, struct port *p)
{
    static uint8_t frame[GUEST_TAP_FRAME_MAX];

    for (int i = 0; i < MAX_BATCH; i++) {
        ssize_t n = read(p->fd, frame, sizeof frame);

        if (tap_is_gone(n)) {
            close_port(p);
            update_reading(r);
        }
        if (n <= 0) {
            return;
        }
        if (p->state == PORT_LEFT || write(r->guest_fd, frame, n) != n) {
            p->lost++;
        } else {
            p->to_guest++;
        }
    }
}

/* A tap whose device was deleted, or its namespace with it. */
static bool
tap_is_gone(ssize_t retval)
{
    return (retval < 0 && errno != EAGAIN && errno != EINTR
            && errno != ENOBUFS);
}

static void
close_port(struct port *p)
{
    close(p->fd);
    p->fd = -1;
}

static void
accept_client(struct relay *r)
{
    int fd = accept4(r->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    for (int i = 0; fd >= 0 && i < MAX_CLIENTS; i++) {
        if (r->clients[i].fd < 0) {
            r->clients[i].fd = fd;
            r->clients[i].n = 0;
            watch(r, fd, EV_CLIENT, i);
            return;
        }
    }
    if (fd >= 0) {
        close(fd);
    }
}

static void
read_client(struct relay *r, struct client *c)
{
    ssize_t n = read(c->fd, c->line + c->n, sizeof c->line - 1 - c->n);
    char *end;

    if (n <= 0) {
        if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            close(c->fd);
            c->fd = -1;
        }
        return;
    }
    c->n += n;
    c->line[c->n] = '\0';
    while ((end = strchr(c->line, '\n')) != NULL) {
        *end = '\0';
        run_command(r, c->fd, c->line);
        c->n -= end + 1 - c->line;
        memmove(c->line, end + 1, c->n + 1);
    }
    if (c->n == sizeof c->line - 1) {
        reply(c->fd, "error: line too long");
        c->n = 0;
    }
}

static struct port *
find_port(struct relay *r, const char *ns, const char *ifname)
{
    for (int i = 0; i < MAX_PORTS; i++) {
        struct port *p = &r->ports[i];

        if (p->fd >= 0 && !strcmp(p->ns, ns) && !strcmp(p->ifname, ifname)) {
            return p;
        }
    }
    return NULL;
}

/* Finds or opens a port; on failure returns NULL with 'errno' set. */
static struct port *
open_port(struct relay *r, const char *ns, const char *ifname)
{
    static const struct guest_tap_options no_options;
    struct port *p = find_port(r, ns, ifname);
    int i;

    if (p) {
        return p;
    }
    for (i = 0; i < MAX_PORTS && r->ports[i].fd >= 0; i++) {
        continue;
    }
    if (i >= MAX_PORTS) {
        errno = ENOSPC;
        return NULL;
    }
    p = &r->ports[i];
    p->fd = guest_tap_open(ns, ifname, &no_options);
    if (p->fd < 0) {
        return NULL;
    }
    p->state = PORT_WAITING;
    p->to_guest = p->from_guest = p->lost = 0;
    snprintf(p->ns, sizeof p->ns, "%s", ns);
    snprintf(p->ifname, sizeof p->ifname, "%s", ifname);
    watch(r, p->fd, EV_PORT, i);
    update_reading(r);
    return p;
}

/* The guest leaves its port.  What waited there while it was paused goes with
 * it if we are to keep it; the port is read and the rest is lost. */
static void
leave_port(struct relay *r)
{
    struct port *p = active_port(r);
    bool keep = r->paused && r->keep_queue;

    if (p) {
        for (int i = 0; keep && p->fd >= 0 && i < GUEST_TAP_QUEUE;
             i += MAX_BATCH) {
            port_to_guest(r, p);
        }
        p->state = PORT_LEFT;
    }
}

/* The guest stands at 'p' and runs. */
static void
attach(struct relay *r, struct port *p)
{
    if (p != active_port(r)) {
        leave_port(r);
        p->state = PORT_ACTIVE;
    }
    r->paused = false;
    update_reading(r);
}

static void
run_announce(struct relay *r, int fd, const char *kind, const char *address)
{
    struct port *p = active_port(r);
    uint8_t frame[GUEST_FRAME_SIZE];
    uint8_t ip[16];
    size_t n = 0;

    if (!strcmp(kind, "rarp")) {
        n = guest_frame_rarp(frame, r->mac);
    } else if (inet_pton(AF_INET, address, ip) == 1) {
        if (!strcmp(kind, "garp") || !strcmp(kind, "garp-reply")) {
            n = guest_frame_garp(frame, r->mac, ip, kind[4] != '\0');
        } else if (!strcmp(kind, "probe")) {
            n = guest_frame_probe(frame, r->mac, ip);
        }
    } else if (inet_pton(AF_INET6, address, ip) == 1) {
        if (!strcmp(kind, "na") || !strcmp(kind, "na-node")) {
            n = guest_frame_na(frame, r->mac, ip, kind[2] != '\0');
        } else if (!strcmp(kind, "probe")) {
            n = guest_frame_ns(frame, r->mac, NULL, ip);
        }
    }
    if (!n) {
        reply(fd, "error: cannot announce %s %s", kind, address);
    } else if (!p) {
        reply(fd, "error: not attached");
    } else if (write(p->fd, frame, n) != (ssize_t) n) {
        reply(fd, "error: %s", strerror(errno));
    } else {
        reply(fd, "ok");
    }
}

static void
run_status(struct relay *r, int fd)
{
    char text[8192];
    int n = snprintf(text, sizeof text, "{\"paused\": %s, \"ports\": [",
                     r->paused ? "true" : "false");
    const char *sep = "";

    for (int i = 0; i < MAX_PORTS; i++) {
        struct port *p = &r->ports[i];

        if (p->fd >= 0) {
            n += snprintf(text + n, sizeof text - n,
                          "%s{\"ns\": \"%s\", \"port\": \"%s\", "
                          "\"state\": \"%s\", \"to_guest\": %llu, "
                          "\"from_guest\": %llu, \"lost\": %llu}",
                          sep, p->ns, p->ifname, port_state_names[p->state],
                          p->to_guest, p->from_guest, p->lost);
            sep = ", ";
        }
    }
    reply(fd, "%s]}", text);
}

/* A command that names a port. */
static void
run_port_command(struct relay *r, int fd, const char *verb, const char *ns,
                 const char *ifname)
{
    bool closing = !strcmp(verb, "close");
    struct port *p = (closing ? find_port(r, ns, ifname)
                      : open_port(r, ns, ifname));

    if (!p && !closing) {
        reply(fd, "error: %s in %s: %s", ifname, ns, strerror(errno));
        return;
    }
    if (p && closing) {
        close_port(p);
        update_reading(r);
    } else if (!strcmp(verb, "attach")) {
        attach(r, p);
    } else if (p->state == PORT_LEFT) {
        p->state = PORT_WAITING;        /* Prepared again. */
        update_reading(r);
    }
    reply(fd, "ok");
}

static void
run_command(struct relay *r, int fd, char *line)
{
    char *save = NULL;
    const char *verb = strtok_r(line, " ", &save);
    const char *a = strtok_r(NULL, " ", &save);
    const char *b = strtok_r(NULL, " ", &save);

    verb = verb ? verb : "";
    if (a && b && (!strcmp(verb, "open") || !strcmp(verb, "attach")
                   || !strcmp(verb, "close"))) {
        run_port_command(r, fd, verb, a, b);
    } else if (!strcmp(verb, "announce") && a) {
        run_announce(r, fd, a, b ? b : "");
    } else if (!strcmp(verb, "status")) {
        run_status(r, fd);
    } else if (!strcmp(verb, "detach")) {
        leave_port(r);
        update_reading(r);
        reply(fd, "ok");
    } else if (!strcmp(verb, "pause") || !strcmp(verb, "resume")) {
        r->paused = verb[0] == 'p';
        update_reading(r);
        reply(fd, "ok");
    } else if (!strcmp(verb, "quit")) {
        r->quit = true;
        reply(fd, "ok");
    } else {
        reply(fd, "error: %s: not a command, or arguments are missing", verb);
    }
}

/* Sends one line.  The socket's buffer is much larger than what a client may
 * have outstanding; one that does not read loses answers, not our time. */
static void
reply(int fd, const char *format, ...)
{
    char text[8400];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text, sizeof text - 1, format, args);
    va_end(args);
    if (n > (int) sizeof text - 2) {
        n = sizeof text - 2;
    }
    text[n] = '\n';
    if (write(fd, text, n + 1) != n + 1) {
        fprintf(stderr, "nva-guest: an answer was lost\n");
    }
}
