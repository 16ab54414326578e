/* SPDX-License-Identifier: Apache-2.0 */

/* nvad: wires the parts together and turns the loop.
 *
 * Knows who hears whom.  Must never decide anything.  Invariant: each turn
 * ends with everything said that was due, and the process has one deadline. */

#include <config.h>

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "cli.h"
#include "command-line.h"
#include "controller/config.h"
#include "daemon.h"
#include "descriptors.h"
#include "dirs.h"
#include "dispatch.h"
#include "fatal-signal.h"
#include "http-server.h"
#include "note-log.h"
#include "of-server.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/util.h"
#include "openvswitch/vlog.h"
#include "ovs-compat.h"
#include "ovs-loop.h"
#include "peers.h"
#include "timeval.h"
#include "unixctl.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(nvad);

enum { LARGE_BLOCK = 1024 * 1024 };

struct nvad {
    struct event_base *base;
    struct of_server *of;
    struct http_server *http;
    struct dispatch *dispatch;
    struct note_log *log;
    struct event *sigterm, *sigint;
    bool exiting;
};

static void open_all(struct nvad *, const struct config *);
static void close_all(struct nvad *);
static void turn(struct nvad *, struct unixctl_server *);
static void note_cb(void *nvad, const struct nva_view *,
                    const struct nva_note *);

int
main(int argc, char *argv[])
{
    struct unixctl_server *unixctl;
    struct nvad nvad = { .exiting = false };
    struct config config;
    int status;

    /* What one large request or answer took goes back to the system when it is
     * freed: left alone, malloc learns to keep blocks of up to 32 MiB. */
    mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
    ovs_cmdl_proctitle_init(argc, argv);
    ovs_set_program_name(argv[0], NVA_VERSION);
    /* A line per move is for the log file; syslog gets what is wrong. */
    vlog_set_levels(NULL, VLF_SYSLOG, VLL_WARN);
    status = config_parse(&config, argc, argv);
    if (status >= 0) {
        return status;
    }
    fatal_ignore_sigpipe();
    ovs_compat_daemonize_start();
    if (!config.unixctl_path) {
        mkdir(ovs_rundir(), 0755);      /* No file needs to exist. */
    }
    if (unixctl_server_create(config.unixctl_path, &unixctl)) {
        return EXIT_FAILURE;
    }
    open_all(&nvad, &config);
    daemonize_complete();
    VLOG_INFO("ovs-nva %s", NVA_VERSION);

    while (!nvad.exiting) {
        turn(&nvad, unixctl);
    }
    unixctl_server_run(unixctl);        /* Answers "exit". */
    close_all(&nvad);
    unixctl_server_destroy(unixctl);
    return EXIT_SUCCESS;
}

static void
turn(struct nvad *n, struct unixctl_server *unixctl)
{
    nva_usec now = time_usec();
    bool more;

    if (ovs_loop_woke_ovs()) {
        unixctl_server_run(unixctl);
        unixctl_server_wait(unixctl);
    }
    http_server_serve(n->http);
    dispatch_timer(n->dispatch, now);
    more = of_server_run(n->of);
    http_server_run(n->http);
    note_log_flush(n->log);

    ovs_loop_wait_until(more || n->exiting ? now
                        : MIN(dispatch_deadline(n->dispatch, now),
                              http_server_deadline(n->http)));
    poll_block();
}

static void
signal_cb(evutil_socket_t sig OVS_UNUSED, short what OVS_UNUSED, void *exiting)
{
    *(bool *) exiting = true;
}

/* Binds to 'ep' and hands the socket to 'listen_fn', or exits. */
static void
listen_at(const struct config_endpoint *ep,
          int (*listen_fn)(void *server, int fd), void *server)
{
    int fd = config_endpoint_bind(ep);
    int error = fd < 0 ? -fd : listen_fn(server, fd);

    if (error) {
        VLOG_FATAL("%s: cannot listen: %s", ep->text, ovs_strerror(error));
    }
    VLOG_INFO("listening on %s", ep->text);
}

static int
listen_of(void *server, int fd)
{
    return of_server_listen(server, fd);
}

static int
listen_http(void *server, int fd)
{
    return http_server_listen(server, fd);
}

/* With epoll's changelist an event that is deleted and added again within a
 * turn, as evhttp does around each request, costs no system call.  With the
 * coarse clock that libevent takes otherwise a deadline some milliseconds away
 * is served up to 4 ms late, after waking once in vain: a paused VM waits for
 * it. */
static struct event_base *
new_event_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base;

    if (!config) {
        return NULL;
    }
    event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST
                                  | EVENT_BASE_FLAG_PRECISE_TIMER);
    base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static void
open_all(struct nvad *n, const struct config *config)
{
    const struct descriptors fds = descriptors_raise((struct descriptors) {
        .openflow = PEERS_MAX, .api = HTTP_CONNECTIONS_MAX,
    });
    struct dispatch_ops ops = { .on_note = note_cb, .aux = n };

    n->base = new_event_base();
    if (!n->base) {
        VLOG_FATAL("libevent does not start");
    }
    ovs_loop_attach(n->base);
    n->sigterm = evsignal_new(n->base, SIGTERM, signal_cb, &n->exiting);
    n->sigint = evsignal_new(n->base, SIGINT, signal_cb, &n->exiting);
    event_add(n->sigterm, NULL);
    event_add(n->sigint, NULL);

    n->log = note_log_create();
    of_server_ops(&ops);
    n->dispatch = dispatch_create(&ops);
    dispatch_audit_every(n->dispatch, config->audit_secs * NVA_SEC,
                         time_usec());
    n->of = of_server_create(n->base, n->dispatch, fds.openflow);
    n->http = http_server_create(n->base, n->dispatch, fds.api);
    for (size_t i = 0; i < config->n_listens; i++) {
        listen_at(&config->listens[i], listen_of, n->of);
    }
    for (size_t i = 0; i < config->n_apis; i++) {
        listen_at(&config->apis[i], listen_http, n->http);
    }
    cli_init(n->dispatch, &n->exiting);
}

static void
close_all(struct nvad *n)
{
    struct metrics_gauges gauges;

    dispatch_gauges(n->dispatch, &gauges);
    if (gauges.hold.packets) {
        VLOG_WARN("%"PRIuSIZE" packets that were held for VMs are lost",
                  gauges.hold.packets);
    }
    http_server_destroy(n->http);
    of_server_destroy(n->of);
    dispatch_destroy(n->dispatch);
    note_log_destroy(n->log);
    event_free(n->sigterm);
    event_free(n->sigint);
    ovs_loop_detach();
    event_base_free(n->base);
}

/* ## Notes ## */

static void
note_cb(void *nvad, const struct nva_view *view, const struct nva_note *note)
{
    struct nvad *n = nvad;

    note_log_add(n->log, view, note);
    if (n->http) {
        http_server_note(n->http, view, note);
    }
}
