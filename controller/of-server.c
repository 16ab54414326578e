/* SPDX-License-Identifier: Apache-2.0 */

/* OpenFlow connections.
 *
 * Knows sockets and libevent.  Must never know what a message means: bytes go
 * to of_session, its events to dispatch.  Invariant: what a turn queued for a
 * connection is written before the turn ends (as far as the socket takes it);
 * a connection is freed only there, never inside a call from dispatch; nobody
 * gets more of a turn than a share of it. */

#include <config.h>

#include "of-server.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/un.h>
#include <unistd.h>

#include "bridges.h"
#include "descriptors.h"
#include "of-session.h"
#include "openvswitch/list.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/util.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "peers.h"
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
    struct peer as_peer;            /* In of_server's 'peers'. */
    struct ovs_list touched_node;   /* In 'touched', or alone. */
    struct ovs_list work_node;      /* In 'busy', 'unclaimed', or alone: there
                                     * is more of it; it is not polled. */
    struct of_server *server;
    struct of_session *session;
    evutil_socket_t fd;
    struct event *readable, *writable, *timer;
    nva_usec timer_at;
    bool ended;
    int deaf;                       /* An errno: why it hears nothing any more;
                                     * what it said before still counts... */
    size_t last_words;              /* ...so many bytes. */
    char peer[BRIDGE_PEER_MAX];
    struct in6_addr peer_ip;
};

struct of_server {
    struct event_base *base;
    struct dispatch *dispatch;
    struct ovs_list listeners;
    struct peers peers;
    struct ovs_list touched;        /* To write or free. */
    struct ovs_list busy;           /* NVEs with more than their share, */
    struct ovs_list unclaimed;      /* others with anything. */
    size_t n_accepted;              /* In this turn. */
    uint8_t buf[OF_SERVER_READ_MAX];    /* Scratch. */
};

static void accept_cb(struct evconnlistener *, evutil_socket_t,
                      struct sockaddr *, int len, void *server);
static void readable_cb(evutil_socket_t, short what, void *conn);
static void writable_cb(evutil_socket_t, short what, void *conn);
static void timer_cb(evutil_socket_t, short what, void *conn);
static void conn_destroy(struct conn *);
static void conn_touch(struct conn *);
static void serve_busy(struct of_server *);
static void serve_unclaimed(struct of_server *);
static void settle(struct of_server *);
static void settle_accounts(struct of_server *, struct conn *);
static bool conn_serve(struct conn *, struct of_share *, nva_usec until);
static void conn_served(struct conn *, bool more);
static bool conn_read(struct conn *);
static bool conn_is_listened_to(struct conn *);
static void conn_enqueue(struct conn *);
static void conn_set_class(struct conn *, enum peer_class);
static void conn_deafen(struct conn *, int error);
static void conn_handle(struct conn *, const struct of_session_event *,
                        nva_usec now);
static int conn_write(struct conn *);
static void conn_flush(struct conn *);
static void conn_set_timer(struct conn *, nva_usec now);
static void conn_end(struct conn *, enum nva_reason, const char *detail,
                     nva_usec now);

struct of_server *
of_server_create(struct event_base *base, struct dispatch *d, size_t max)
{
    struct of_server *s = xzalloc(sizeof *s);

    s->base = base;
    s->dispatch = d;
    ovs_list_init(&s->listeners);
    peers_init(&s->peers, max);
    ovs_list_init(&s->touched);
    ovs_list_init(&s->busy);
    ovs_list_init(&s->unclaimed);
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
    for (size_t i = 0; i < PEER_N_CLASSES; i++) {
        LIST_FOR_EACH_SAFE (c, as_peer.class_node, &s->peers.of_class[i]) {
            conn_destroy(c);
        }
    }
    peers_uninit(&s->peers);
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
    descriptors_guard(l->ev);
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
    conn_enqueue(c);                /* To hear that it ended. */
}

static void
op_claimed(void *conn, bool claimed)
{
    struct conn *c = conn;

    conn_set_class(c, claimed ? PEER_NVE : PEER_UNCLAIMED);
    if (claimed) {
        peers_know(&c->server->peers, &c->peer_ip);
    }
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
    ops->claimed = op_claimed;
    ops->backlog = op_backlog;
}

bool
of_server_run(struct of_server *s)
{
    bool more;

    serve_busy(s);
    serve_unclaimed(s);
    more = dispatch_run(s->dispatch, time_usec());
    settle(s);
    s->n_accepted = 0;
    return (more || !ovs_list_is_empty(&s->touched)
            || !ovs_list_is_empty(&s->busy)
            || !ovs_list_is_empty(&s->unclaimed));
}

/* Ends a callback: what it led to is sent at once. */
static void
run(struct of_server *s)
{
    dispatch_run(s->dispatch, time_usec());
    settle(s);
}

/* Each NVE that is here gets its share, whatever it leads to. */
static void
serve_busy(struct of_server *s)
{
    struct ovs_list busy;
    struct conn *c;

    ovs_list_init(&busy);
    ovs_list_push_back_all(&busy, &s->busy);
    LIST_FOR_EACH_POP (c, work_node, &busy) {
        struct of_share share = OF_SERVER_SHARE;

        ovs_list_init(&c->work_node);
        conn_served(c, conn_serve(c, &share, time_usec() + share.usec));
    }
}

/* One after the other, until the share of all is used up.  Who still has
 * something waits behind those who wait. */
static void
serve_unclaimed(struct of_server *s)
{
    struct of_share all = OF_SERVER_UNCLAIMED_SHARE;
    nva_usec until = time_usec() + all.usec;

    while (!ovs_list_is_empty(&s->unclaimed) && all.n > 0) {
        struct conn *c = CONTAINER_OF(ovs_list_pop_front(&s->unclaimed),
                                      struct conn, work_node);
        struct of_share own = { MIN(all.n, OF_SERVER_UNCLAIMED_TURN), 0 };
        int n = own.n;
        bool more;

        ovs_list_init(&c->work_node);
        more = conn_serve(c, &own, until);
        all.n -= MAX(n - own.n, 1);
        conn_served(c, more);
        if (time_usec() >= until) {
            break;
        }
    }
}

/* Writes to those that are touched, and frees those that have ended. */
static void
settle(struct of_server *s)
{
    struct ovs_list touched;
    struct conn *c;

    /* Handling one connection may touch others, or it again. */
    ovs_list_init(&touched);
    ovs_list_push_back_all(&touched, &s->touched);
    LIST_FOR_EACH_POP (c, touched_node, &touched) {
        ovs_list_init(&c->touched_node);
        if (!c->ended) {
            conn_flush(c);
            settle_accounts(s, c);
        }
        if (c->ended) {
            conn_destroy(c);
        }
    }
}

static void
settle_accounts(struct of_server *s, struct conn *c)
{
    struct peer *p;

    of_session_trim(c->session);
    peers_set_held(&s->peers, &c->as_peer, of_session_memory(c->session)
                   + dispatch_switch_memory(s->dispatch, c));
    while ((p = peers_excess(&s->peers)) != NULL) {
        conn_end(CONTAINER_OF(p, struct conn, as_peer), NVA_R_OUTPUT_LIMIT,
                 "it holds most of what all may hold together", time_usec());
    }
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

/* Who is an NVE stays; who is not makes room: a known NVE that comes back must
 * find a place, and nobody can tell before it has said who it is. */
static bool
make_room(struct of_server *s)
{
    struct peer *p = peers_are_full(&s->peers) ? peers_make_room(&s->peers)
                     : NULL;

    if (p) {
        conn_end(CONTAINER_OF(p, struct conn, as_peer), NVA_R_MADE_ROOM, NULL,
                 time_usec());
        settle(s);
    } else if (peers_are_full(&s->peers)) {
        dispatch_metrics(s->dispatch)->counters[METRICS_SWITCHES_REFUSED]++;
        VLOG_WARN_RL(&rl, "connection refused: there are %"PRIuSIZE" NVEs",
                     s->peers.n);
        return false;
    }
    return true;
}

static void
accept_cb(struct evconnlistener *l, evutil_socket_t fd,
          struct sockaddr *sa, int len OVS_UNUSED, void *server)
{
    struct of_server *s = server;
    nva_usec now = time_usec();
    struct conn *c;

    if (++s->n_accepted >= OF_SERVER_ACCEPTS_PER_TURN) {
        descriptors_pause(l, 0);
    }
    if (!make_room(s)) {
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
    ovs_list_init(&c->work_node);
    peers_add(&s->peers, &c->as_peer, peers_class_of(&s->peers, &c->peer_ip));
    conn_set_timer(c, now);
    conn_touch(c);
    settle(s);
}

static void
conn_destroy(struct conn *c)
{
    event_free(c->readable);
    event_free(c->writable);
    event_free(c->timer);
    close(c->fd);
    of_session_destroy(c->session);
    peers_remove(&c->server->peers, &c->as_peer);
    ovs_list_remove(&c->touched_node);
    ovs_list_remove(&c->work_node);
    free(c);
}

static void
conn_touch(struct conn *c)
{
    if (ovs_list_is_empty(&c->touched_node)) {
        ovs_list_push_back(&c->server->touched, &c->touched_node);
    }
}

/* An NVE is heard at once, anybody else when it is their turn. */
static void
readable_cb(evutil_socket_t fd OVS_UNUSED, short what OVS_UNUSED, void *conn)
{
    struct conn *c = conn;
    struct of_share share = OF_SERVER_SHARE;

    if (c->ended || !ovs_list_is_empty(&c->work_node)) {
        return;
    } else if (c->as_peer.class != PEER_NVE) {
        conn_enqueue(c);
        return;
    }
    conn_served(c, conn_serve(c, &share, time_usec() + share.usec));
    run(c->server);
}

static void
writable_cb(evutil_socket_t fd OVS_UNUSED, short what OVS_UNUSED, void *conn)
{
    struct conn *c = conn;

    conn_touch(c);
    if (c->as_peer.class != PEER_NVE) {
        conn_enqueue(c);                /* It may be listened to again. */
    }
    settle(c->server);
}

static void
timer_cb(evutil_socket_t fd OVS_UNUSED, short what OVS_UNUSED, void *conn)
{
    struct conn *c = conn;
    nva_usec now = time_usec();

    c->timer_at = NVA_NEVER;
    of_session_run(c->session, now);
    conn_enqueue(c);                    /* It may have ended. */
    conn_set_timer(c, now);
    conn_touch(c);
    settle(c->server);
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

/* Hands events to dispatch and handles messages, one after the other, reading
 * what has come once there is none; until that is all, or the share is used
 * up.  True if there may be more, and then the socket is not read: that in the
 * end stops the peer. */
static bool
conn_serve(struct conn *c, struct of_share *share, nva_usec until)
{
    bool has_read = false;

    while (!c->ended && conn_is_listened_to(c)) {
        struct of_session_event ev;
        nva_usec now = time_usec();

        if (share->n <= 0 || now >= until) {
            return true;
        } else if (of_session_next_event(c->session, &ev)) {
            conn_handle(c, &ev, now);
            share->n--;
        } else if (of_session_handle(c->session, now)) {
            share->n--;
        } else if (has_read || !conn_read(c)) {
            return false;
        } else {
            has_read = true;
        }
    }
    return false;
}

/* After conn_serve(): polls the socket again, or not yet. */
static void
conn_served(struct conn *c, bool more)
{
    conn_set_timer(c, time_usec());
    conn_touch(c);
    if (c->ended) {
        return;
    } else if (more) {
        conn_enqueue(c);
    } else if (c->deaf && !c->last_words) {
        conn_end(c, NVA_R_CLOSED, ovs_strerror(c->deaf), time_usec());
    } else if (conn_is_listened_to(c)) {
        event_add(c->readable, NULL);
    }
}

/* Takes what has come, at most a turn's worth.  False if it is nothing. */
static bool
conn_read(struct conn *c)
{
    const size_t max = (c->as_peer.class == PEER_NVE ? OF_SERVER_READ_MAX
                        : OF_SERVER_READ_UNCLAIMED);
    uint8_t *buf = c->server->buf;
    ssize_t n = recv(c->fd, buf, max, MSG_DONTWAIT);

    if (n > 0) {
        of_session_feed(c->session, buf, n);
        c->last_words -= MIN(c->last_words, (size_t) n);
    } else if (!n || (errno != EAGAIN && errno != EINTR)) {
        conn_end(c, NVA_R_CLOSED, n ? ovs_strerror(errno) : NULL,
                 time_usec());
    }
    return n > 0;
}

/* A bridge that is no NVE and does not read our answers is not asked what else
 * it wants (an NVE may wait for us to read before it reads), but the end of
 * its session is heard. */
static bool
conn_is_listened_to(struct conn *c)
{
    const struct ofpbuf *out = of_session_output(c->session);

    if (c->as_peer.class != PEER_NVE && out->size >= OF_SERVER_UNREAD_MAX) {
        conn_write(c);
    }
    return (c->as_peer.class == PEER_NVE || out->size < OF_SERVER_UNREAD_MAX
            || of_session_deadline(c->session) == NVA_NEVER);
}

/* It is served in the next turn. */
static void
conn_enqueue(struct conn *c)
{
    struct of_server *s = c->server;

    if (ovs_list_is_empty(&c->work_node) && !c->ended) {
        event_del(c->readable);
        ovs_list_push_back(c->as_peer.class == PEER_NVE ? &s->busy
                           : &s->unclaimed, &c->work_node);
    }
}

static void
conn_set_class(struct conn *c, enum peer_class class)
{
    bool waits = !ovs_list_is_empty(&c->work_node);

    peers_set_class(&c->server->peers, &c->as_peer, class);
    if (waits) {
        ovs_list_remove(&c->work_node);
        ovs_list_init(&c->work_node);
        conn_enqueue(c);
    }
}

/* Nothing can be written any more, but what has come is there to be read. */
static void
conn_deafen(struct conn *c, int error)
{
    int left = 0;

    if (ioctl(c->fd, FIONREAD, &left)) {
        left = 0;
    }
    c->deaf = error;
    c->last_words = left;
    ofpbuf_clear(of_session_output(c->session));
    conn_enqueue(c);
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
    } else if (c->as_peer.class != PEER_NVE) {
        conn_set_class(c, PEER_UNCLAIMED);
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
    peers_set_held(&c->server->peers, &c->as_peer, 0);
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

    if (c->deaf) {
        ofpbuf_clear(out);
    }
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
        conn_deafen(c, error);
    }
}
