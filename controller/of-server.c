/* SPDX-License-Identifier: Apache-2.0 */

/* OpenFlow connections.
 *
 * Knows sockets and libevent.  Must never know what a message means: bytes go
 * to of_session, its events to dispatch.  Invariant: what a turn queued for a
 * connection is written before the turn ends (as far as the socket takes it);
 * a connection is freed only there, never inside a call from dispatch. */

#include <config.h>

#include "of-server.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "bridges.h"
#include "of-session.h"
#include "openvswitch/list.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/util.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "socket-util.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(of_server);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(60, 60);

struct listener {
    struct ovs_list node;
    struct evconnlistener *ev;
};

struct conn {
    struct ovs_list node;           /* In of_server's 'conns'. */
    struct ovs_list touched_node;   /* In 'touched', or alone. */
    struct of_server *server;
    struct of_session *session;
    evutil_socket_t fd;
    struct event *readable, *writable, *timer;
    nva_usec timer_at;
    bool backlog;                   /* Has events we did not look at yet. */
    bool ended;
    char peer[BRIDGE_PEER_MAX];
    struct in6_addr peer_ip;
};

struct of_server {
    struct event_base *base;
    struct dispatch *dispatch;
    struct ovs_list listeners;
    struct ovs_list conns;
    struct ovs_list touched;        /* To write, drain or free. */
    size_t n_conns;
    uint8_t buf[OF_SERVER_READ_MAX];    /* Scratch. */
};

static void accept_cb(struct evconnlistener *, evutil_socket_t,
                      struct sockaddr *, int len, void *server);
static void readable_cb(evutil_socket_t, short what, void *conn);
static void writable_cb(evutil_socket_t, short what, void *conn);
static void timer_cb(evutil_socket_t, short what, void *conn);
static void conn_destroy(struct conn *);
static void conn_touch(struct conn *);
static void conn_drain(struct conn *, nva_usec now);
static void conn_handle(struct conn *, const struct of_session_event *,
                        nva_usec now);
static int conn_write(struct conn *);
static void conn_flush(struct conn *);
static void conn_set_timer(struct conn *, nva_usec now);
static void conn_end(struct conn *, enum nva_reason, const char *detail,
                     nva_usec now);

struct of_server *
of_server_create(struct event_base *base, struct dispatch *d)
{
    struct of_server *s = xzalloc(sizeof *s);

    s->base = base;
    s->dispatch = d;
    ovs_list_init(&s->listeners);
    ovs_list_init(&s->conns);
    ovs_list_init(&s->touched);
    return s;
}

void
of_server_destroy(struct of_server *s)
{
    struct listener *l;
    struct conn *c;

    if (!s) {
        return;
    }
    LIST_FOR_EACH_POP (l, node, &s->listeners) {
        evconnlistener_free(l->ev);
        free(l);
    }
    LIST_FOR_EACH_SAFE (c, node, &s->conns) {
        conn_destroy(c);
    }
    free(s);
}

int
of_server_listen(struct of_server *s, int fd)
{
    struct listener *l = xzalloc(sizeof *l);

    l->ev = evconnlistener_new(s->base, accept_cb, s, LEV_OPT_CLOSE_ON_FREE
                               | LEV_OPT_CLOSE_ON_EXEC, -1, fd);
    if (!l->ev) {
        int error = errno ? errno : EINVAL;

        free(l);
        return error;
    }
    ovs_list_push_back(&s->listeners, &l->node);
    return 0;
}

/* ## What dispatch asks for: queues only. ## */

static void
op_send_bundle(void *conn, const struct flow_prog_bundle *bundle)
{
    struct conn *c = conn;

    of_session_send_bundle(c->session, bundle);
    conn_write(c);                      /* Before the next NVE's is made. */
    conn_touch(c);
}

static void
op_packet_out(void *conn, const void *data, size_t size,
              const struct ofpbuf *ofpacts)
{
    struct conn *c = conn;

    of_session_packet_out(c->session, data, size, ofpacts);
    conn_touch(c);
}

static void
op_delete_meter(void *conn, uint32_t meter)
{
    struct conn *c = conn;

    of_session_delete_meter(c->session, meter);
    conn_touch(c);
}

static void
op_read_back(void *conn)
{
    struct conn *c = conn;

    of_session_read_back(c->session);
    conn_touch(c);
}

static void
op_match_fragments(void *conn)
{
    struct conn *c = conn;

    of_session_match_fragments(c->session);
    conn_touch(c);
}

static void
op_close(void *conn, enum nva_reason reason)
{
    struct conn *c = conn;

    of_session_end(c->session, reason);
    c->backlog = true;              /* To hear that it ended. */
    conn_touch(c);
}

static size_t
op_backlog(void *conn)
{
    struct conn *c = conn;

    return of_session_output(c->session)->size;
}

void
of_server_ops(struct dispatch_ops *ops)
{
    ops->send_bundle = op_send_bundle;
    ops->packet_out = op_packet_out;
    ops->delete_meter = op_delete_meter;
    ops->read_back = op_read_back;
    ops->match_fragments = op_match_fragments;
    ops->close = op_close;
    ops->backlog = op_backlog;
}

bool
of_server_run(struct of_server *s)
{
    nva_usec now = time_usec();
    struct ovs_list touched;
    bool more = dispatch_run(s->dispatch, now);
    struct conn *c;

    /* Handling one connection may touch others, or it again. */
    ovs_list_init(&touched);
    ovs_list_push_back_all(&touched, &s->touched);
    LIST_FOR_EACH_POP (c, touched_node, &touched) {
        ovs_list_init(&c->touched_node);
        if (!c->ended) {
            conn_flush(c);
        }
        if (c->backlog && !c->ended) {
            conn_drain(c, now);
        }
        if (c->ended) {
            conn_destroy(c);
        }
    }
    return more || !ovs_list_is_empty(&s->touched);
}

/* ## Connections ## */

static void
set_peer(struct conn *c, const struct sockaddr *sa)
{
    char ip[INET6_ADDRSTRLEN];
    uint16_t port;

    if (sa->sa_family == AF_INET) {
        const struct sockaddr_in *sin = (const struct sockaddr_in *) sa;

        in6_addr_set_mapped_ipv4(&c->peer_ip, sin->sin_addr.s_addr);
        port = ntohs(sin->sin_port);
    } else if (sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *) sa;

        c->peer_ip = sin6->sin6_addr;
        port = ntohs(sin6->sin6_port);
    } else {
        snprintf(c->peer, sizeof c->peer, "unix#%d", (int) c->fd);
        return;
    }
    nva_ip_format(&c->peer_ip, ip, sizeof ip);
    snprintf(c->peer, sizeof c->peer,
             nva_ip_is_v4(&c->peer_ip) ? "%s:%u" : "[%s]:%u", ip, port);
}

static void
accept_cb(struct evconnlistener *l OVS_UNUSED, evutil_socket_t fd,
          struct sockaddr *sa, int len OVS_UNUSED, void *server)
{
    struct of_server *s = server;
    nva_usec now = time_usec();
    struct conn *c;

    if (s->n_conns >= OF_SERVER_CONNS_MAX) {
        VLOG_WARN_RL(&rl, "connection refused: there are %d already",
                     OF_SERVER_CONNS_MAX);
        close(fd);
        return;
    }
    c = xzalloc(sizeof *c);
    c->server = s;
    c->fd = fd;
    c->session = of_session_create(now);
    set_peer(c, sa);
    if (sa->sa_family != AF_UNIX) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int) { 1 }, sizeof(int));
    }
    c->readable = event_new(s->base, fd, EV_READ | EV_PERSIST, readable_cb, c);
    c->writable = event_new(s->base, fd, EV_WRITE, writable_cb, c);
    c->timer = evtimer_new(s->base, timer_cb, c);
    c->timer_at = NVA_NEVER;
    event_add(c->readable, NULL);
    ovs_list_init(&c->touched_node);
    ovs_list_push_back(&s->conns, &c->node);
    s->n_conns++;
    conn_set_timer(c, now);
    conn_touch(c);
    of_server_run(s);
}

static void
conn_destroy(struct conn *c)
{
    event_free(c->readable);
    event_free(c->writable);
    event_free(c->timer);
    close(c->fd);
    of_session_destroy(c->session);
    ovs_list_remove(&c->node);
    ovs_list_remove(&c->touched_node);
    c->server->n_conns--;
    free(c);
}

static void
conn_touch(struct conn *c)
{
    if (ovs_list_is_empty(&c->touched_node)) {
        ovs_list_push_back(&c->server->touched, &c->touched_node);
    }
}

static void
readable_cb(evutil_socket_t fd, short what OVS_UNUSED, void *conn)
{
    struct conn *c = conn;
    uint8_t *buf = c->server->buf;
    nva_usec now = time_usec();
    ssize_t n;

    if (c->backlog || c->ended) {
        return;
    }
    n = recv(fd, buf, OF_SERVER_READ_MAX, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n > 0) {
        of_session_input(c->session, buf, n, now);
        conn_drain(c, now);
        conn_set_timer(c, now);
    } else {
        conn_end(c, NVA_R_CLOSED, n ? ovs_strerror(errno) : NULL, now);
    }
    conn_touch(c);
    of_server_run(c->server);
}

static void
writable_cb(evutil_socket_t fd OVS_UNUSED, short what OVS_UNUSED, void *conn)
{
    struct conn *c = conn;

    conn_touch(c);
    of_server_run(c->server);
}

static void
timer_cb(evutil_socket_t fd OVS_UNUSED, short what OVS_UNUSED, void *conn)
{
    struct conn *c = conn;
    nva_usec now = time_usec();

    c->timer_at = NVA_NEVER;
    of_session_run(c->session, now);
    conn_drain(c, now);
    conn_set_timer(c, now);
    conn_touch(c);
    of_server_run(c->server);
}

/* Deadlines mostly move on with each message: the timer is left as it is and
 * looks again when it is due. */
static void
conn_set_timer(struct conn *c, nva_usec now)
{
    nva_usec deadline = of_session_deadline(c->session);
    nva_usec left = deadline > now ? deadline - now : 0;
    const struct timeval tv = {
        .tv_sec = left / NVA_SEC, .tv_usec = left % NVA_SEC,
    };

    if (!c->ended && deadline < c->timer_at) {
        c->timer_at = deadline;
        evtimer_add(c->timer, &tv);
    }
}

/* Hands events to dispatch; stops reading while there are more than a turn's
 * worth, which in the end stops the peer. */
static void
conn_drain(struct conn *c, nva_usec now)
{
    struct of_session_event ev;
    bool was_backlog = c->backlog;
    size_t n = 0;

    c->backlog = false;
    while (!c->ended && of_session_next_event(c->session, &ev)) {
        conn_handle(c, &ev, now);
        if (++n >= OF_SERVER_EVENTS_PER_TURN && !c->ended) {
            c->backlog = true;
            conn_touch(c);
            break;
        }
    }
    if (c->backlog && !was_backlog) {
        event_del(c->readable);
    } else if (!c->backlog && was_backlog && !c->ended) {
        event_add(c->readable, NULL);
    }
    if (n) {
        conn_touch(c);
    }
}

static void
conn_up(struct conn *c, const struct of_session_event *ev, nva_usec now)
{
    const struct dispatch_peer peer = {
        .dpid = ev->up.dpid, .ip = c->peer_ip, .text = c->peer,
        .n_ports = ev->up.n_ports, .ports = ev->up.ports,
        .openflow = of_version_text(ev->up.version),
        .bundles = ev->up.bundles,
    };
    enum nva_reason reason;

    VLOG_INFO_RL(&rl, "%s: bridge %016"PRIx64" with %"PRIuSIZE" ports, "
                 "OpenFlow %s%s", c->peer, ev->up.dpid, ev->up.n_ports,
                 peer.openflow, peer.bundles ? "" : " without bundles");
    reason = dispatch_switch_up(c->server->dispatch, c, &peer, now);
    if (reason) {
        conn_end(c, reason, NULL, now);
    }
}

static void
conn_handle(struct conn *c, const struct of_session_event *ev, nva_usec now)
{
    struct dispatch *d = c->server->dispatch;

    switch (ev->type) {
    case OF_SESSION_UP:
        conn_up(c, ev, now);
        break;
    case OF_SESSION_READBACK_FLOW:
        dispatch_switch_readback_flow(d, c, ev->flow.cookie, ev->flow.hash);
        break;
    case OF_SESSION_READBACK_METER:
        dispatch_switch_readback_meter(d, c, ev->meter);
        break;
    case OF_SESSION_READBACK_DONE:
        dispatch_switch_readback_done(d, c, now);
        break;
    case OF_SESSION_PORT:
        dispatch_switch_port(d, c, &ev->port.port, ev->port.gone, now);
        break;
    case OF_SESSION_PACKET_IN:
        dispatch_switch_packet_in(d, c, &ev->pin, now);
        break;
    case OF_SESSION_FLOW_REMOVED:
        dispatch_switch_flow_removed(d, c, ev->removed.cookie,
                                     ev->removed.packets,
                                     ev->removed.by_timeout, now);
        break;
    case OF_SESSION_MSG_FAILED:
        VLOG_WARN_RL(&rl, "%s: the switch rejected a flow: %s", c->peer,
                     ev->failed.text);
        dispatch_switch_msg_failed(d, c, ev->failed.msg, ev->failed.reason,
                                   now);
        break;
    case OF_SESSION_BUNDLE_DONE:
        dispatch_switch_bundle_done(d, c, ev->applied, now);
        break;
    case OF_SESSION_ENDED:
        conn_end(c, ev->ended.reason, ev->ended.detail, now);
        break;
    }
}

/* The session has ended, by whichever side: dispatch hears it, what is left
 * to say is said once, and of_server_run() frees 'c'. */
static void
conn_end(struct conn *c, enum nva_reason reason, const char *detail,
         nva_usec now)
{
    if (c->ended) {
        return;
    }
    c->ended = true;
    conn_touch(c);
    dispatch_metrics(c->server->dispatch)->sessions_ended[reason]++;
    if (detail && !strcmp(detail, nva_reason_text(reason))) {
        detail = NULL;
    }
    VLOG_RL(&rl, reason == NVA_R_CLOSED ? VLL_INFO : VLL_WARN,
            "%s: session ended: %s%s%s", c->peer, nva_reason_text(reason),
            detail ? ": " : "", detail ? detail : "");
    if (reason != NVA_R_CLOSED) {
        conn_flush(c);
    }
    dispatch_switch_down(c->server->dispatch, c, now);
}

/* Writes what the socket takes now.  Returns 0 if that was all, else why not:
 * EAGAIN or the end of the connection. */
static int
conn_write(struct conn *c)
{
    struct ofpbuf *out = of_session_output(c->session);

    while (out->size) {
        ssize_t n = send(c->fd, out->data, out->size,
                         MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            break;
        }
        ofpbuf_pull(out, n);
    }
    return out->size ? errno : 0;
}

static void
conn_flush(struct conn *c)
{
    int error = conn_write(c);
    struct ofpbuf *out = of_session_output(c->session);

    if (!error) {
        ofpbuf_clear(out);
    } else if (c->ended) {
        return;
    } else if (error == EAGAIN) {
        event_add(c->writable, NULL);
    } else {
        conn_end(c, NVA_R_CLOSED, ovs_strerror(error), time_usec());
    }
}
