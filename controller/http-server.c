/* SPDX-License-Identifier: Apache-2.0 */

/* HTTP, on libevent's bufferevents.
 *
 * Knows connections, their phases, who is answered and who listens to the
 * event stream.  Must never know JSON, what a path means or what a request's
 * bytes are: that is api-json's and http-request's.
 *
 * Invariants: what all callers together hold is at most the sums that
 * http-server.h names; whoever waits for others (to speak, to read) can be
 * made to go, the one that has waited longest first; a turn of the loop serves
 * callers for HTTP_TURN_USEC, whatever they send.  RFC 9110, 9112. */

#include <config.h>

#include "http-server.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api-json.h"
#include "converge.h"
#include "descriptors.h"
#include "http-request.h"
#include "move-fsm.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/list.h"
#include "openvswitch/util.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(http_server);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(60, 60);

/* What a connection waits for. */
enum phase {
    PHASE_HEAD,                     /* The next request, or all of its head. */
    PHASE_BODY,                     /* Its body. */
    PHASE_CALL,                     /* Us: see 'kept'. */
    PHASE_STREAM,                   /* Events. */
    PHASE_ANSWER,                   /* That the caller reads. */
    PHASE_LINGER,                   /* That the caller has read the last
                                     * answer: what it sends is thrown
                                     * away. */
};
#define PHASE_BIT(PHASE) (1u << (PHASE))

static const char JSON[] = "application/json";
static const char EVENT_STREAM[] = "text/event-stream\r\n"
                                   "Cache-Control: no-store";

/* Connections that wait for one thing. */
struct kept {
    struct ovs_list list;
    size_t n;
};

struct conn {
    struct ovs_list node;           /* In the server's: who has been in its
                                     * phase for the longest time first. */
    struct http_server *server;
    struct bufferevent *bev;
    struct event *timer;            /* The end of the phase. */
    enum phase phase;
    bool begun;                     /* Some of a request is there. */
    bool eof;                       /* The caller sends no more. */
    bool closes;                    /* After the answer. */
    size_t in, out;                 /* Its parts of the server's sums. */

    struct ovs_list ready_node;     /* In the server's, or alone. */

    struct http_head head;          /* Of the present request... */
    struct http_body framing;       /* ...and its body so far. */
    char *body;
    size_t body_n, body_allocated;

    struct kept *kept;              /* NULL: in none. */
    struct ovs_list kept_node;
    nva_id move;                    /* Of a waiter... */
    enum nva_request_type asked;    /* ...what for. */
    nva_usec deadline;
    struct api_list *list;          /* Of a lister. */
};

struct http_listener {
    struct ovs_list node;
    struct evconnlistener *listener;
};

struct http_server {
    struct event_base *base;
    struct dispatch *dispatch;
    struct api_facts facts;
    struct ovs_list listeners;
    struct ovs_list conns;
    size_t n_conns, max_conns;
    size_t in, out;                 /* Bytes that all of them hold: of
                                     * requests, of answers. */
    struct ovs_list ready;          /* Conns that may have a request. */
    struct kept waiters, subscribers, auditors, listers;
    nva_usec keepalive_at;
    int64_t wall_offset;            /* Wall time less monotonic. */
};

static void accept_cb(struct evconnlistener *, evutil_socket_t,
                      struct sockaddr *, int size, void *server);
static void read_cb(struct bufferevent *, void *conn);
static void write_cb(struct bufferevent *, void *conn);
static void event_cb(struct bufferevent *, short what, void *conn);
static void timer_cb(evutil_socket_t, short what, void *conn);
static void free_conn(struct conn *);
static void set_phase(struct conn *, enum phase, int secs);
static void account(struct conn *);
static bool make_room_for_one(struct http_server *);
static void make_ready(struct conn *);
static void advance(struct conn *);
static bool read_head(struct conn *);
static bool read_body(struct conn *);
static enum api_method method_of(const struct http_head *);
static void serve_call(struct conn *);
static void forget_body(struct conn *);
static void say_refusal(struct conn *, const struct http_refusal *);
static void refuse(struct conn *, const struct http_refusal *);
static void answer(struct conn *, int status, const char *type,
                   const char *body);
static void send_answer(struct conn *);
static bool write_now(struct conn *);
static bool flush(struct conn *);
static void end_answer(struct conn *);
static void handle_request(struct conn *, const struct nva_request *);
static void handle_audit(struct conn *, const struct api_audit *);
static void answer_auditors(struct http_server *, const struct nva_view *);
static void handle_list(struct conn *, struct api_list *);
static void run_list(struct conn *, const struct nva_view *);
static void run_lists(struct http_server *, const struct nva_view *);
static void handle_metrics(struct conn *);
static void handle_events(struct conn *);
static bool must_wait(const struct http_server *, const struct nva_view *,
                      const struct nva_request *, nva_id move);
static bool is_settled(const struct nva_view *, nva_id move);
static void keep(struct conn *, struct kept *, enum phase);
static void unkeep(struct conn *);
static bool send_line(struct conn *, const char *text, size_t size);
static void drop_subscriber(struct conn *);

static int64_t
wall(const void *server, nva_usec monotonic)
{
    const struct http_server *s = server;

    return s->wall_offset + monotonic;
}

static void
each_unclaimed(const void *server,
               void (*cb)(uint64_t dpid, const char *peer,
                          uint64_t foreign_flows, void *cb_aux),
               void *cb_aux)
{
    const struct http_server *s = server;

    dispatch_each_unclaimed(s->dispatch, cb, cb_aux);
}

static void
nve_state(const void *server, nva_id nve, size_t *owners, size_t *dirty,
          size_t *quarantined)
{
    const struct http_server *s = server;

    dispatch_nve_state(s->dispatch, nve, owners, dirty, quarantined);
}

static const char *
nve_openflow(const void *server, nva_id nve, bool *bundles)
{
    const struct http_server *s = server;

    return dispatch_nve_openflow(s->dispatch, nve, bundles);
}

static const struct nva_audit *
last_audit(const void *server, bool *goes_on)
{
    const struct http_server *s = server;

    return dispatch_last_audit(s->dispatch, goes_on);
}

static nva_usec
nve_since(const void *server, nva_id nve)
{
    const struct http_server *s = server;

    return dispatch_nve_since(s->dispatch, nve);
}

static size_t
faults(const void *server, const struct nva_view *view, nva_id tsi,
       void (*cb)(const struct nva_finding *, void *cb_aux), void *cb_aux)
{
    const struct http_server *s = server;

    return dispatch_faults(s->dispatch, view, tsi, cb, cb_aux);
}

/* Once for each answer, so that times in it can be compared. */
static nva_usec
look_at_clock(struct http_server *s)
{
    nva_usec now = time_usec();

    s->wall_offset = time_wall_usec() - now;
    return now;
}

struct http_server *
http_server_create(struct event_base *base, struct dispatch *d, size_t max)
{
    struct http_server *s = xzalloc(sizeof *s);

    s->base = base;
    s->dispatch = d;
    s->max_conns = max;
    s->facts = (struct api_facts) {
        .aux = s, .each_unclaimed = each_unclaimed,
        .nve_state = nve_state, .nve_openflow = nve_openflow,
        .audit = last_audit, .nve_since = nve_since, .faults = faults,
        .wall = wall,
    };
    s->keepalive_at = NVA_NEVER;
    ovs_list_init(&s->listeners);
    ovs_list_init(&s->conns);
    ovs_list_init(&s->ready);
    ovs_list_init(&s->waiters.list);
    ovs_list_init(&s->subscribers.list);
    ovs_list_init(&s->auditors.list);
    ovs_list_init(&s->listers.list);
    return s;
}

void
http_server_destroy(struct http_server *s)
{
    struct http_listener *l;
    struct conn *conn;

    if (!s) {
        return;
    }
    LIST_FOR_EACH_POP (l, node, &s->listeners) {
        evconnlistener_free(l->listener);
        free(l);
    }
    LIST_FOR_EACH_SAFE (conn, node, &s->conns) {
        free_conn(conn);
    }
    free(s);
}

int
http_server_listen(struct http_server *s, int fd)
{
    struct evconnlistener *listener;
    struct http_listener *l;

    errno = 0;
    listener = evconnlistener_new(s->base, accept_cb, s,
                                  LEV_OPT_CLOSE_ON_FREE
                                  | LEV_OPT_CLOSE_ON_EXEC, 128, fd);
    if (!listener) {
        return errno ? errno : EINVAL;
    }
    l = xzalloc(sizeof *l);
    l->listener = listener;
    ovs_list_push_back(&s->listeners, &l->node);
    descriptors_guard(listener);
    return 0;
}

void
http_server_note(struct http_server *s, const struct nva_view *view,
                 const struct nva_note *note)
{
    struct conn *conn;
    struct ds line;
    char *json;

    if (!s->subscribers.n) {
        return;
    }
    look_at_clock(s);
    json = api_json_note(view, &s->facts, note);
    if (!json) {
        return;
    }
    ds_init(&line);
    ds_put_format(&line, "data: %s\n\n", json);
    free(json);
    LIST_FOR_EACH_SAFE (conn, kept_node, &s->subscribers.list) {
        if (!send_line(conn, line.string, line.length)) {
            drop_subscriber(conn);
        }
    }
    ds_destroy(&line);
}

void
http_server_serve(struct http_server *s)
{
    const nva_usec until = time_usec() + HTTP_TURN_USEC;

    while (!ovs_list_is_empty(&s->ready) && time_usec() < until) {
        struct conn *conn = CONTAINER_OF(ovs_list_pop_front(&s->ready),
                                         struct conn, ready_node);

        ovs_list_init(&conn->ready_node);
        advance(conn);
    }
}

void
http_server_run(struct http_server *s)
{
    nva_usec now = look_at_clock(s);
    const struct nva_view view = dispatch_view(s->dispatch, now);
    struct conn *conn;

    answer_auditors(s, &view);
    run_lists(s, &view);
    LIST_FOR_EACH_SAFE (conn, kept_node, &s->waiters.list) {
        if (now >= conn->deadline || is_settled(&view, conn->move)) {
            char *body;
            int status = api_json_waited(&view, &s->facts, conn->asked,
                                         conn->move, &body);

            unkeep(conn);
            answer(conn, status, "application/json", body);
            free(body);
        }
    }
    if (now >= s->keepalive_at) {
        s->keepalive_at = now + HTTP_KEEPALIVE_SECS * NVA_SEC;
        LIST_FOR_EACH_SAFE (conn, kept_node, &s->subscribers.list) {
            if (!send_line(conn, ":\n\n", 3)) {
                drop_subscriber(conn);
            }
        }
    }
}

nva_usec
http_server_deadline(const struct http_server *s)
{
    /* All wait equally long: the first is the oldest. */
    nva_usec first = (ovs_list_is_empty(&s->waiters.list) ? NVA_NEVER
                      : CONTAINER_OF(ovs_list_front(&s->waiters.list),
                                     struct conn, kept_node)->deadline);

    return (!ovs_list_is_empty(&s->ready) || s->listers.n ? 0
            : MIN(first, s->keepalive_at));
}

/* ## Connections ## */

static void
accept_cb(struct evconnlistener *listener OVS_UNUSED, evutil_socket_t fd,
          struct sockaddr *peer OVS_UNUSED, int size OVS_UNUSED, void *server)
{
    struct http_server *s = server;
    struct conn *conn;

    if (s->n_conns >= s->max_conns && !make_room_for_one(s)) {
        dispatch_metrics(s->dispatch)->counters[METRICS_API_REFUSED]++;
        VLOG_WARN_RL(&rl, "%"PRIuSIZE" API callers are being served: one more "
                     "refused", s->max_conns);
        evutil_closesocket(fd);
        return;
    }
    conn = xzalloc(sizeof *conn);
    conn->server = s;
    conn->bev = bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE);
    conn->timer = evtimer_new(s->base, timer_cb, conn);
    ovs_list_init(&conn->ready_node);
    ovs_list_push_back(&s->conns, &conn->node);
    s->n_conns++;
    bufferevent_setcb(conn->bev, read_cb, write_cb, event_cb, conn);
    bufferevent_disable(conn->bev, EV_WRITE);
    bufferevent_enable(conn->bev, EV_READ);
    set_phase(conn, PHASE_HEAD, HTTP_IDLE_SECS);
}

static void
free_conn(struct conn *conn)
{
    struct http_server *s = conn->server;

    unkeep(conn);
    s->in -= conn->in;
    s->out -= conn->out;
    s->n_conns--;
    ovs_list_remove(&conn->node);
    ovs_list_remove(&conn->ready_node);
    bufferevent_free(conn->bev);
    event_free(conn->timer);
    free(conn->body);
    api_json_list_destroy(conn->list);
    free(conn);
}

/* 'secs' 0: without an end. */
static void
set_phase(struct conn *conn, enum phase phase, int secs)
{
    const struct timeval tv = { .tv_sec = secs };

    conn->phase = phase;
    ovs_list_remove(&conn->node);
    ovs_list_push_back(&conn->server->conns, &conn->node);
    if (secs) {
        evtimer_add(conn->timer, &tv);
    } else {
        evtimer_del(conn->timer);
    }
}

static void
timer_cb(evutil_socket_t fd OVS_UNUSED, short what OVS_UNUSED, void *conn_)
{
    static const struct http_refusal too_slow = {
        408, NVA_R_TOO_SLOW, "a request must be complete after 20 s",
    };
    struct conn *conn = conn_;

    if (conn->begun && (conn->phase == PHASE_HEAD
                        || conn->phase == PHASE_BODY)) {
        dispatch_metrics(conn->server->dispatch)
            ->counters[METRICS_API_TOO_SLOW]++;
        refuse(conn, &too_slow);
    } else {
        free_conn(conn);
    }
}

static void
read_cb(struct bufferevent *bev, void *conn_)
{
    struct conn *conn = conn_;

    if (conn->phase == PHASE_STREAM || conn->phase == PHASE_LINGER) {
        struct evbuffer *in = bufferevent_get_input(bev);

        evbuffer_drain(in, evbuffer_get_length(in));
    }
    make_ready(conn);
    account(conn);
}

static void
make_ready(struct conn *conn)
{
    if ((conn->phase == PHASE_HEAD || conn->phase == PHASE_BODY)
        && ovs_list_is_empty(&conn->ready_node)) {
        ovs_list_push_back(&conn->server->ready, &conn->ready_node);
    }
}

static void
write_cb(struct bufferevent *bev OVS_UNUSED, void *conn_)
{
    struct conn *conn = conn_;

    account(conn);
    if (conn->phase == PHASE_ANSWER) {
        end_answer(conn);
    }
}

/* The caller sends no more, or has gone.  Who has a request on its way to us
 * may have closed its own half only: it is answered first. */
static void
event_cb(struct bufferevent *bev OVS_UNUSED, short what, void *conn_)
{
    struct conn *conn = conn_;

    conn->eof = true;
    if ((what & BEV_EVENT_ERROR)
        || (conn->phase != PHASE_ANSWER
            && ovs_list_is_empty(&conn->ready_node))) {
        free_conn(conn);
    }
}

/* ## What all hold ## */

/* The one that has been in its phase for the longest time, of those in one of
 * 'phases' (bits) that hold bytes of requests or of answers, if so asked; not
 * 'but'. */
static struct conn *
longest(const struct http_server *s, unsigned int phases, bool in, bool out,
        const struct conn *but)
{
    struct conn *conn;

    LIST_FOR_EACH (conn, node, &s->conns) {
        if (conn != but && phases & PHASE_BIT(conn->phase)
            && (!in || conn->in) && (!out || conn->out)) {
            return conn;
        }
    }
    return NULL;
}

/* Ends 'conn' so that another one is served. */
static void
evict(struct conn *conn)
{
    static const struct http_refusal others_wait = {
        503, NVA_R_LIMIT, "others wait, and this caller waited longest",
    };

    dispatch_metrics(conn->server->dispatch)
        ->counters[METRICS_API_EVICTED]++;
    VLOG_INFO_RL(&rl, "an API connection that waited makes room for another");
    if (conn->begun) {
        say_refusal(conn, &others_wait);
        write_now(conn);
    }
    free_conn(conn);
}

/* False if each connection waits for us. */
static bool
make_room_for_one(struct http_server *s)
{
    struct conn *conn = longest(s, PHASE_BIT(PHASE_HEAD)
                                | PHASE_BIT(PHASE_BODY)
                                | PHASE_BIT(PHASE_ANSWER)
                                | PHASE_BIT(PHASE_LINGER), false, false,
                                NULL);

    if (conn) {
        evict(conn);
    }
    return conn;
}

/* No more than one head is read ahead, of libevent's 16 KiB at a time: who
 * sends on meanwhile waits.  (A high watermark would do the same, but libevent
 * calls back in each turn while the buffer is full.) */
static void
read_on(struct conn *conn)
{
    struct evbuffer *in = bufferevent_get_input(conn->bev);

    if (evbuffer_get_length(in) < HTTP_HEAD_MAX) {
        bufferevent_enable(conn->bev, EV_READ);
    } else {
        bufferevent_disable(conn->bev, EV_READ);
    }
}

/* Takes note of what 'conn' holds; lets others go until all are within their
 * limits again. */
static void
account(struct conn *conn)
{
    struct http_server *s = conn->server;
    size_t in = evbuffer_get_length(bufferevent_get_input(conn->bev))
                + conn->body_allocated;
    size_t out = conn->phase == PHASE_STREAM ? 0
                 : evbuffer_get_length(bufferevent_get_output(conn->bev))
                   + (conn->list ? api_json_list_size(conn->list) : 0);
    struct conn *other;

    if (!conn->eof) {
        read_on(conn);
    }
    s->in += in - conn->in;
    s->out += out - conn->out;
    conn->in = in;
    conn->out = out;
    while (s->in > HTTP_INPUT_MAX
           && (other = longest(s, PHASE_BIT(PHASE_HEAD)
                               | PHASE_BIT(PHASE_BODY)
                               | PHASE_BIT(PHASE_ANSWER), true, false,
                               conn))) {
        evict(other);
    }
    while (s->out > HTTP_OUTPUT_MAX
           && (other = longest(s, PHASE_BIT(PHASE_ANSWER), false, true,
                               conn))) {
        evict(other);
    }
}

/* ## Requests ## */

/* Reads on, until something is missing or a call has been made. */
static void
advance(struct conn *conn)
{
    bool complete = ((conn->phase != PHASE_HEAD || read_head(conn))
                     && conn->phase == PHASE_BODY && read_body(conn));

    if (complete) {
        serve_call(conn);
    } else if (conn->phase == PHASE_HEAD || conn->phase == PHASE_BODY) {
        account(conn);
        if (conn->eof) {
            free_conn(conn);
        }
    }
}

/* True if the head is complete, and the body is next. */
static bool
read_head(struct conn *conn)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct evbuffer *in = bufferevent_get_input(conn->bev);
    const size_t n = evbuffer_get_length(in);
    size_t used = http_head_read((const char *) evbuffer_pullup(in, -1), n,
                                 &conn->head);

    if (n && !conn->begun) {
        conn->begun = true;
        set_phase(conn, PHASE_HEAD, HTTP_REQUEST_SECS);
    }
    if (conn->head.refusal.status) {
        refuse(conn, &conn->head.refusal);
        return false;
    } else if (!used) {
        return false;
    }
    evbuffer_drain(in, used);
    http_body_init(&conn->framing, &conn->head,
                   api_json_body_max(method_of(&conn->head),
                                     conn->head.path));
    conn->phase = PHASE_BODY;       /* The same end as of the head. */
    if (conn->head.expects && used == n && !conn->framing.refusal.status) {
        evbuffer_add(bufferevent_get_output(conn->bev), go_on,
                     sizeof go_on - 1);
        return flush(conn);
    }
    return true;
}

static void
take_body(struct conn *conn, const char *data, size_t size)
{
    if (!size) {
        return;
    }
    while (conn->body_n + size > conn->body_allocated) {
        conn->body_allocated = MAX(conn->body_allocated * 2, 4096);
        conn->body = xrealloc(conn->body, conn->body_allocated);
    }
    memcpy(conn->body + conn->body_n, data, size);
    conn->body_n += size;
}

/* True if the request is complete. */
static bool
read_body(struct conn *conn)
{
    struct evbuffer *in = bufferevent_get_input(conn->bev);
    size_t used = 1, size;
    const char *data;

    while (used && !http_body_is_complete(&conn->framing)) {
        used = http_body_read(&conn->framing,
                              (const char *) evbuffer_pullup(in, -1),
                              evbuffer_get_length(in), &data, &size);
        take_body(conn, data, size);
        evbuffer_drain(in, used);
    }
    if (conn->framing.refusal.status) {
        refuse(conn, &conn->framing.refusal);
        return false;
    }
    return http_body_is_complete(&conn->framing);
}

static enum api_method
method_of(const struct http_head *head)
{
    switch (head->method) {
    case HTTP_GET: case HTTP_HEAD:
        return API_GET;
    case HTTP_PUT:
        return API_PUT;
    case HTTP_POST:
        return API_POST;
    case HTTP_DELETE:
        return API_DELETE;
    case HTTP_OTHER:
        break;
    }
    return API_OTHER;
}

static void
serve_call(struct conn *conn)
{
    struct http_server *s = conn->server;
    const struct nva_view view = dispatch_view(s->dispatch, look_at_clock(s));
    struct api_call call = { .kind = API_ANSWER };

    conn->phase = PHASE_CALL;
    conn->closes = !conn->head.keeps;
    dispatch_metrics(s->dispatch)->counters[METRICS_API_CALLS]++;
    api_json_call(&view, &s->facts, method_of(&conn->head), conn->head.path,
                  conn->head.query, conn->body, conn->body_n, &call);
    forget_body(conn);
    account(conn);
    switch (call.kind) {
    case API_ANSWER:
        answer(conn, call.status, JSON, call.body);
        break;
    case API_REQUEST:
        handle_request(conn, &call.request);
        break;
    case API_AUDIT:
        handle_audit(conn, &call.audit);
        break;
    case API_LIST:
        handle_list(conn, call.list);
        break;
    case API_EVENTS:
        handle_events(conn);
        break;
    case API_METRICS:
        handle_metrics(conn);
        break;
    case API_HEALTH:
        answer(conn, 200, "text/plain", "ok\n");
        break;
    }
    free(call.body);
}

static void
forget_body(struct conn *conn)
{
    free(conn->body);
    conn->body = NULL;
    conn->body_n = conn->body_allocated = 0;
}

/* ## Answers ## */

/* What stands before the 'size' bytes of an answer; SIZE_MAX: before as many
 * as will come. */
static void
put_head(struct conn *conn, int status, const char *type, size_t size)
{
    struct evbuffer *out = bufferevent_get_output(conn->bev);
    time_t now = time_wall();
    struct tm tm;
    char date[32];

    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT",
             gmtime_r(&now, &tm));
    evbuffer_add_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n"
                        "Content-Type: %s\r\n", status,
                        http_status_text(status), date, type);
    if (size != SIZE_MAX) {
        evbuffer_add_printf(out, "Content-Length: %zu\r\n", size);
    }
    evbuffer_add_printf(out, "%s\r\n",
                        conn->closes ? "Connection: close\r\n" : "");
}

/* 'body' NULL: none. */
static void
answer(struct conn *conn, int status, const char *type, const char *body)
{
    size_t size = body ? strlen(body) : 0;

    put_head(conn, status, type, size);
    if (conn->head.method != HTTP_HEAD) {
        evbuffer_add(bufferevent_get_output(conn->bev), body, size);
    }
    send_answer(conn);
}

static void
say_refusal(struct conn *conn, const struct http_refusal *refusal)
{
    char *body = api_json_error(refusal->reason, refusal->status == 413
                                ? "body" : "request", refusal->detail);

    conn->closes = true;
    put_head(conn, refusal->status, JSON, strlen(body));
    evbuffer_add(bufferevent_get_output(conn->bev), body, strlen(body));
    free(body);
}

/* What the caller sends from here on is not understood. */
static void
refuse(struct conn *conn, const struct http_refusal *refusal)
{
    struct evbuffer *in = bufferevent_get_input(conn->bev);

    dispatch_metrics(conn->server->dispatch)
        ->counters[METRICS_API_MALFORMED]++;
    evbuffer_drain(in, evbuffer_get_length(in));
    forget_body(conn);
    say_refusal(conn, refusal);
    send_answer(conn);
}

/* Sends what is in the output buffer, as the end of the call. */
static void
send_answer(struct conn *conn)
{
    set_phase(conn, PHASE_ANSWER, HTTP_ANSWER_SECS);
    if (!flush(conn)) {
        return;
    }
    account(conn);
    if (!conn->out) {
        end_answer(conn);
    }
}

/* An answer goes out at once: libevent alone would first ask in another turn,
 * with three more system calls, whether the socket takes it.  False: the
 * caller has gone. */
static bool
write_now(struct conn *conn)
{
    struct evbuffer *out = bufferevent_get_output(conn->bev);
    int n;

    evbuffer_unfreeze(out, 1);
    n = evbuffer_write(out, bufferevent_getfd(conn->bev));
    evbuffer_freeze(out, 1);
    return n >= 0 || errno == EAGAIN || errno == EINTR;
}

/* What the socket does not take is left to libevent.  False: the caller has
 * gone, and 'conn' with it. */
static bool
flush(struct conn *conn)
{
    if (!write_now(conn)) {
        free_conn(conn);
        return false;
    }
    if (evbuffer_get_length(bufferevent_get_output(conn->bev))) {
        bufferevent_enable(conn->bev, EV_WRITE);
    }
    return true;
}

/* The caller has all of the answer. */
static void
end_answer(struct conn *conn)
{
    bufferevent_disable(conn->bev, EV_WRITE);
    conn->begun = false;
    if (conn->closes && !conn->eof) {
        /* If we closed now, what still comes would make the peer's system
         * throw the answer away (RFC 9112 s9.6). */
        shutdown(bufferevent_getfd(conn->bev), SHUT_WR);
        set_phase(conn, PHASE_LINGER, HTTP_LINGER_SECS);
        read_cb(conn->bev, conn);
    } else if (conn->closes) {
        free_conn(conn);
    } else {
        set_phase(conn, PHASE_HEAD, HTTP_IDLE_SECS);
        if (evbuffer_get_length(bufferevent_get_input(conn->bev))) {
            make_ready(conn);
        } else if (conn->eof) {
            free_conn(conn);
        }
    }
}

/* ## Calls ## */

static void
handle_request(struct conn *conn, const struct nva_request *request)
{
    struct http_server *s = conn->server;
    nva_usec now = time_usec();
    enum nva_reason verdict = dispatch_request(s->dispatch, request, now);
    const struct nva_plan *plan = dispatch_plan(s->dispatch);
    const struct nva_view view = dispatch_view(s->dispatch, now);
    nva_id move = plan->object;

    if (!verdict && must_wait(s, &view, request, move)) {
        conn->move = move;
        conn->asked = request->type;
        conn->deadline = now + HTTP_WAIT_MSEC * NVA_MSEC;
        keep(conn, &s->waiters, PHASE_CALL);
    } else {
        char *body = NULL;
        int status = api_json_result(&view, &s->facts, request, plan, &body);

        answer(conn, status, JSON, body);
        free(body);
    }
}

/* Answered when it has ended. */
static void
handle_audit(struct conn *conn, const struct api_audit *wanted)
{
    struct http_server *s = conn->server;
    enum nva_reason reason = dispatch_audit(s->dispatch, wanted, time_usec());

    if (reason) {
        char *body = api_json_error(reason, NULL, NULL);

        answer(conn, api_json_status(reason), JSON, body);
        free(body);
    } else {
        keep(conn, &s->auditors, PHASE_CALL);
    }
}

static void
answer_auditors(struct http_server *s, const struct nva_view *view)
{
    struct conn *conn;
    bool goes_on;

    if (!s->auditors.n) {
        return;
    }
    dispatch_last_audit(s->dispatch, &goes_on);
    LIST_FOR_EACH_SAFE (conn, kept_node, &s->auditors.list) {
        if (!goes_on) {
            char *body = api_json_audit(view, &s->facts);

            unkeep(conn);
            answer(conn, 200, JSON, body);
            free(body);
        }
    }
}

/* A short list is answered at once. */
static void
handle_list(struct conn *conn, struct api_list *list)
{
    struct http_server *s = conn->server;
    const struct nva_view view = dispatch_view(s->dispatch, time_usec());

    conn->list = list;
    keep(conn, &s->listers, PHASE_CALL);
    run_list(conn, &view);
}

/* One slice of it. */
static void
run_list(struct conn *conn, const struct nva_view *view)
{
    bool complete = api_json_list_run(view, &conn->server->facts, conn->list);

    if (complete) {
        char *body = api_json_list_finish(conn->list);

        conn->list = NULL;
        unkeep(conn);
        answer(conn, 200, JSON, body);
        free(body);
    } else {
        account(conn);
    }
}

/* A slice each of the first few by turns: so many pages are being made at a
 * time, and hold memory. */
static void
run_lists(struct http_server *s, const struct nva_view *view)
{
    const nva_usec until = time_usec() + HTTP_LISTS_USEC;
    struct conn *conn;
    size_t i = 0;

    LIST_FOR_EACH_SAFE (conn, kept_node, &s->listers.list) {
        if (i++ >= HTTP_LISTS_MAX || time_usec() >= until) {
            return;
        }
        run_list(conn, view);
    }
}

static void
handle_metrics(struct conn *conn)
{
    struct http_server *s = conn->server;
    struct metrics_gauges gauges;
    struct ds text;

    ds_init(&text);
    dispatch_gauges(s->dispatch, &gauges);
    gauges.subscribers = s->subscribers.n;
    gauges.connections = s->n_conns;
    gauges.request_bytes = s->in;
    gauges.answer_bytes = s->out;
    metrics_format(dispatch_metrics(s->dispatch), &gauges, &text);
    answer(conn, 200, "text/plain; version=0.0.4", ds_cstr(&text));
    ds_destroy(&text);
}

static void
handle_events(struct conn *conn)
{
    struct http_server *s = conn->server;

    conn->closes = true;
    if (conn->head.method == HTTP_HEAD) {
        put_head(conn, 200, EVENT_STREAM, SIZE_MAX);
        send_answer(conn);
        return;
    } else if (s->subscribers.n >= HTTP_SUBSCRIBERS_MAX) {
        char *body = api_json_error(NVA_R_LIMIT, NULL, NULL);

        answer(conn, 503, JSON, body);
        free(body);
        return;
    }
    put_head(conn, 200, EVENT_STREAM, SIZE_MAX);
    keep(conn, &s->subscribers, PHASE_STREAM);
    read_cb(conn->bev, conn);       /* Throws away what is there already. */
    send_line(conn, ":\n\n", 3);
    if (s->keepalive_at == NVA_NEVER) {
        s->keepalive_at = time_usec() + HTTP_KEEPALIVE_SECS * NVA_SEC;
    }
}

/* ## Callers that are kept ## */

/* Start, pause and abort are answered when the switches have confirmed them,
 * if that can be soon. */
static bool
must_wait(const struct http_server *s, const struct nva_view *view,
          const struct nva_request *request, nva_id id)
{
    const struct nva_move *move = directory_move(view->dir, id);
    const char *why = NULL;
    nva_id nve;

    if ((request->type != NVA_REQ_MOVE_START
         && request->type != NVA_REQ_MOVE_PAUSE
         && request->type != NVA_REQ_MOVE_ABORT)
        || !move || s->waiters.n >= HTTP_WAITERS_MAX
        || is_settled(view, id)) {
        return false;
    }
    converge_blocked_by(view, move, &nve, 1, &why);
    return !why || (strcmp(why, "port absent")
                    && strcmp(why, "not connected"));
}

static bool
is_settled(const struct nva_view *view, nva_id id)
{
    const struct nva_move *move = directory_move(view->dir, id);

    return (!move || converge_is_settled(view, move)
            || (move_fsm_is_ended(move->state) && !move->unwinding));
}

static void
keep(struct conn *conn, struct kept *kept, enum phase phase)
{
    conn->kept = kept;
    ovs_list_push_back(&kept->list, &conn->kept_node);
    kept->n++;
    set_phase(conn, phase, 0);
    account(conn);
}

static void
unkeep(struct conn *conn)
{
    struct http_server *s = conn->server;

    if (conn->kept) {
        conn->kept->n--;
        ovs_list_remove(&conn->kept_node);
        conn->kept = NULL;
    }
    if (!s->subscribers.n) {
        s->keepalive_at = NVA_NEVER;
    }
}

/* False if the subscriber is too far behind. */
static bool
send_line(struct conn *conn, const char *text, size_t size)
{
    struct evbuffer *out = bufferevent_get_output(conn->bev);

    if (evbuffer_get_length(out) > HTTP_BACKLOG_MAX) {
        return false;
    }
    evbuffer_add(out, text, size);
    bufferevent_enable(conn->bev, EV_WRITE);
    return true;
}

static void
drop_subscriber(struct conn *conn)
{
    static const char last[] =
        "event: dropped\ndata: {\"error\": \"you read too slowly\"}\n\n";

    VLOG_WARN_RL(&rl, "a reader of the event stream does not read: dropped");
    dispatch_metrics(conn->server->dispatch)
        ->counters[METRICS_SUBSCRIBERS_DROPPED]++;
    unkeep(conn);
    evbuffer_add(bufferevent_get_output(conn->bev), last, sizeof last - 1);
    send_answer(conn);
}
