/* SPDX-License-Identifier: Apache-2.0 */

/* HTTP, by libevent's evhttp.
 *
 * Knows requests, answers and who listens to the event stream.  Must never
 * know JSON or what a path means: that is api-json's.  Invariant: a request
 * that is kept (a waiter, a subscriber) is in exactly one list, and leaves it
 * when its connection closes or when it has been answered. */

#include <config.h>

#include "http-server.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "api-json.h"
#include "converge.h"
#include "descriptors.h"
#include "move-fsm.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/list.h"
#include "openvswitch/util.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(http_server);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(60, 60);

/* A request that is not answered yet: waits for a move or an audit, or
 * subscribes. */
struct kept {
    struct ovs_list node;           /* In one of the server's lists... */
    size_t *count;                  /* ...of so many. */
    struct http_server *server;
    struct evhttp_request *req;
    nva_id move;                    /* Of a waiter... */
    enum nva_request_type asked;    /* ...what for. */
    nva_usec deadline;
};

/* A connection, with a reference of our own: evhttp says nothing when it lets
 * one go, but its bufferevent has no callbacks then. */
struct conn {
    struct ovs_list node;           /* In the server's. */
    struct bufferevent *bev;
    bool refused;                   /* One too many. */
};

struct http_server {
    struct evhttp *http;
    struct ovs_list conns;
    size_t n_conns, max_conns;      /* Those that are not refused. */
    struct dispatch *dispatch;
    struct api_facts facts;
    struct ovs_list waiters, subscribers, auditors;
    size_t n_waiters, n_subscribers, n_auditors;
    nva_usec keepalive_at;
    int64_t wall_offset;            /* Wall time less monotonic. */
};

static struct bufferevent *accept_cb(struct event_base *, void *server);
static void sweep_conns(struct http_server *);
static bool is_gone(const struct conn *);
static bool is_refused(const struct http_server *, struct evhttp_request *);
static void refuse(struct conn *);
static void request_cb(struct evhttp_request *, void *server);
static void answer(struct evhttp_request *, int status, const char *type,
                   const char *body);
static void write_now(struct bufferevent *);
static void handle_request(struct http_server *, struct evhttp_request *,
                           const struct nva_request *);
static void handle_audit(struct http_server *, struct evhttp_request *,
                         const struct api_audit *);
static void answer_auditors(struct http_server *, const struct nva_view *);
static void handle_metrics(struct http_server *, struct evhttp_request *);
static void handle_events(struct http_server *, struct evhttp_request *);
static bool must_wait(const struct http_server *, const struct nva_view *,
                      const struct nva_request *, nva_id move);
static bool is_settled(const struct nva_view *, nva_id move);
static struct kept *keep(struct http_server *, struct evhttp_request *,
                         struct ovs_list *, size_t *count);
static void unkeep(struct kept *);
static void closed_cb(struct evhttp_connection *, void *kept);
static bool send_line(struct kept *, const char *text, size_t size);
static void drop_subscriber(struct kept *);

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

    s->http = evhttp_new(base);
    s->dispatch = d;
    s->max_conns = max;
    s->facts = (struct api_facts) {
        .aux = s, .each_unclaimed = each_unclaimed,
        .nve_state = nve_state, .nve_openflow = nve_openflow,
        .audit = last_audit, .wall = wall,
    };
    s->keepalive_at = NVA_NEVER;
    ovs_list_init(&s->conns);
    ovs_list_init(&s->waiters);
    ovs_list_init(&s->subscribers);
    ovs_list_init(&s->auditors);
    evhttp_set_allowed_methods(s->http, EVHTTP_REQ_GET | EVHTTP_REQ_PUT
                               | EVHTTP_REQ_POST | EVHTTP_REQ_DELETE
                               | EVHTTP_REQ_HEAD | EVHTTP_REQ_PATCH
                               | EVHTTP_REQ_OPTIONS);
    evhttp_set_max_headers_size(s->http, 16 * 1024);
    evhttp_set_max_body_size(s->http, HTTP_BODY_MAX);
    evhttp_set_timeout(s->http, HTTP_IDLE_SECS);
    evhttp_set_bevcb(s->http, accept_cb, s);
    evhttp_set_gencb(s->http, request_cb, s);
    return s;
}

void
http_server_destroy(struct http_server *s)
{
    struct kept *k;

    if (!s) {
        return;
    }
    LIST_FOR_EACH_SAFE (k, node, &s->waiters) {
        unkeep(k);
    }
    LIST_FOR_EACH_SAFE (k, node, &s->subscribers) {
        unkeep(k);
    }
    LIST_FOR_EACH_SAFE (k, node, &s->auditors) {
        unkeep(k);
    }
    evhttp_free(s->http);
    sweep_conns(s);
    free(s);
}

int
http_server_listen(struct http_server *s, int fd)
{
    struct evhttp_bound_socket *bound;

    if (listen(fd, 128)) {
        return errno;
    }
    errno = 0;
    bound = evhttp_accept_socket_with_handle(s->http, fd);
    if (!bound) {
        return errno ? errno : EINVAL;
    }
    descriptors_guard(evhttp_bound_socket_get_listener(bound));
    return 0;
}

void
http_server_note(struct http_server *s, const struct nva_view *view,
                 const struct nva_note *note)
{
    struct kept *k;
    struct ds line;
    char *json;

    if (!s->n_subscribers) {
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
    LIST_FOR_EACH_SAFE (k, node, &s->subscribers) {
        if (!send_line(k, line.string, line.length)) {
            drop_subscriber(k);
        }
    }
    ds_destroy(&line);
}

void
http_server_run(struct http_server *s)
{
    nva_usec now = look_at_clock(s);
    const struct nva_view view = dispatch_view(s->dispatch, now);
    struct kept *k;

    sweep_conns(s);
    answer_auditors(s, &view);
    LIST_FOR_EACH_SAFE (k, node, &s->waiters) {
        if (now >= k->deadline || is_settled(&view, k->move)) {
            struct evhttp_request *req = k->req;
            char *body;
            int status = api_json_waited(&view, &s->facts, k->asked, k->move,
                                         &body);

            unkeep(k);
            answer(req, status, "application/json", body);
            free(body);
        }
    }
    if (now >= s->keepalive_at) {
        s->keepalive_at = now + HTTP_KEEPALIVE_SECS * NVA_SEC;
        LIST_FOR_EACH_SAFE (k, node, &s->subscribers) {
            if (!send_line(k, ":\n\n", 3)) {
                drop_subscriber(k);
            }
        }
    }
}

nva_usec
http_server_deadline(const struct http_server *s)
{
    /* All wait equally long: the first is the oldest. */
    nva_usec first = (ovs_list_is_empty(&s->waiters) ? NVA_NEVER
                      : CONTAINER_OF(ovs_list_front(&s->waiters), struct kept,
                                     node)->deadline);

    return MIN(first, s->keepalive_at);
}

/* ## Connections ## */

static struct bufferevent *
accept_cb(struct event_base *base, void *server)
{
    struct http_server *s = server;
    struct conn *conn = xzalloc(sizeof *conn);

    sweep_conns(s);
    conn->bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_incref(conn->bev);
    conn->refused = s->n_conns >= s->max_conns;
    s->n_conns += !conn->refused;
    ovs_list_push_back(&s->conns, &conn->node);
    if (conn->refused) {
        dispatch_metrics(s->dispatch)->counters[METRICS_API_REFUSED]++;
        VLOG_WARN_RL(&rl, "%"PRIuSIZE" API connections are open: one more "
                     "refused", s->max_conns);
    }
    return conn->bev;
}

/* Lets go of what evhttp has let go of, and closes what is refused. */
static void
sweep_conns(struct http_server *s)
{
    struct conn *conn;

    LIST_FOR_EACH_SAFE (conn, node, &s->conns) {
        if (is_gone(conn)) {
            s->n_conns -= !conn->refused;
            ovs_list_remove(&conn->node);
            bufferevent_decref(conn->bev);
            free(conn);
        } else if (conn->refused) {
            refuse(conn);
        }
    }
}

static bool
is_gone(const struct conn *conn)
{
    bufferevent_data_cb readable, writable;
    bufferevent_event_cb event;

    bufferevent_getcb(conn->bev, &readable, &writable, &event, NULL);
    return !readable && !writable && !event;
}

/* A word, and the end: evhttp hears that and lets go. */
static void
refuse(struct conn *conn)
{
    static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\n"
                               "Content-Length: 0\r\n"
                               "Connection: close\r\n\r\n";
    int fd = bufferevent_getfd(conn->bev);

    if (fd >= 0) {
        send(fd, busy, sizeof busy - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        shutdown(fd, SHUT_RDWR);
    }
}

static bool
is_refused(const struct http_server *s, struct evhttp_request *req)
{
    struct evhttp_connection *c = evhttp_request_get_connection(req);
    const struct conn *conn;

    LIST_FOR_EACH (conn, node, &s->conns) {
        if (conn->bev == evhttp_connection_get_bufferevent(c)) {
            return conn->refused;
        }
    }
    return false;
}

/* ## One call ## */

static enum api_method
method_of(struct evhttp_request *req)
{
    const enum evhttp_cmd_type command = evhttp_request_get_command(req);

    return (command == EVHTTP_REQ_GET ? API_GET
            : command == EVHTTP_REQ_PUT ? API_PUT
            : command == EVHTTP_REQ_POST ? API_POST
            : command == EVHTTP_REQ_DELETE ? API_DELETE
            : API_OTHER);
}

static void
request_cb(struct evhttp_request *req, void *server)
{
    struct http_server *s = server;
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
    struct evbuffer *in = evhttp_request_get_input_buffer(req);
    size_t size = evbuffer_get_length(in);
    const struct nva_view view = dispatch_view(s->dispatch, look_at_clock(s));
    struct api_call call = { .kind = API_ANSWER };

    path = path ? path : "/";
    if (is_refused(s, req)) {
        answer(req, HTTP_SERVUNAVAIL, "text/plain", NULL);
        return;
    }
    dispatch_metrics(s->dispatch)->counters[METRICS_API_CALLS]++;
    api_json_call(&view, &s->facts, method_of(req), path,
                  uri ? evhttp_uri_get_query(uri) : NULL,
                  evbuffer_pullup(in, -1), size, &call);
    switch (call.kind) {
    case API_ANSWER:
        answer(req, call.status, "application/json", call.body);
        break;
    case API_REQUEST:
        handle_request(s, req, &call.request);
        break;
    case API_AUDIT:
        handle_audit(s, req, &call.audit);
        break;
    case API_EVENTS:
        handle_events(s, req);
        break;
    case API_METRICS:
        handle_metrics(s, req);
        break;
    case API_HEALTH:
        answer(req, HTTP_OK, "text/plain", "ok\n");
        break;
    }
    free(call.body);
}

static void
handle_request(struct http_server *s, struct evhttp_request *req,
               const struct nva_request *request)
{
    nva_usec now = time_usec();
    enum nva_reason verdict = dispatch_request(s->dispatch, request, now);
    const struct nva_plan *plan = dispatch_plan(s->dispatch);
    const struct nva_view view = dispatch_view(s->dispatch, now);
    nva_id move = plan->object;

    if (!verdict && must_wait(s, &view, request, move)) {
        struct kept *k = keep(s, req, &s->waiters, &s->n_waiters);

        k->move = move;
        k->asked = request->type;
        k->deadline = now + HTTP_WAIT_MSEC * NVA_MSEC;
    } else {
        char *body = NULL;
        int status = api_json_result(&view, &s->facts, request, plan, &body);

        answer(req, status, "application/json", body);
        free(body);
    }
}

/* Answered when it has ended. */
static void
handle_audit(struct http_server *s, struct evhttp_request *req,
             const struct api_audit *wanted)
{
    enum nva_reason reason = dispatch_audit(s->dispatch, wanted, time_usec());

    if (reason) {
        char *body = api_json_error(reason, NULL, NULL);

        answer(req, api_json_status(reason), "application/json", body);
        free(body);
    } else {
        keep(s, req, &s->auditors, &s->n_auditors);
    }
}

static void
answer_auditors(struct http_server *s, const struct nva_view *view)
{
    struct kept *k;
    bool goes_on;

    if (!s->n_auditors) {
        return;
    }
    dispatch_last_audit(s->dispatch, &goes_on);
    LIST_FOR_EACH_SAFE (k, node, &s->auditors) {
        if (!goes_on) {
            struct evhttp_request *req = k->req;
            char *body = api_json_audit(view, &s->facts);

            unkeep(k);
            answer(req, HTTP_OK, "application/json", body);
            free(body);
        }
    }
}

static void
handle_metrics(struct http_server *s, struct evhttp_request *req)
{
    struct metrics_gauges gauges;
    struct ds text;

    ds_init(&text);
    dispatch_gauges(s->dispatch, &gauges);
    gauges.subscribers = s->n_subscribers;
    gauges.connections = s->n_conns;
    metrics_format(dispatch_metrics(s->dispatch), &gauges, &text);
    answer(req, HTTP_OK, "text/plain; version=0.0.4", ds_cstr(&text));
    ds_destroy(&text);
}

static void
handle_events(struct http_server *s, struct evhttp_request *req)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
    struct kept *k;

    if (s->n_subscribers >= HTTP_SUBSCRIBERS_MAX) {
        char *body = api_json_error(NVA_R_LIMIT, NULL, NULL);

        answer(req, HTTP_SERVUNAVAIL, "application/json", body);
        free(body);
        return;
    }
    evhttp_add_header(headers, "Content-Type", "text/event-stream");
    evhttp_add_header(headers, "Cache-Control", "no-store");
    evhttp_add_header(headers, "Connection", "close");
    k = keep(s, req, &s->subscribers, &s->n_subscribers);
    evhttp_send_reply_start(req, HTTP_OK, NULL);
    send_line(k, ":\n\n", 3);
    if (s->keepalive_at == NVA_NEVER) {
        s->keepalive_at = time_usec() + HTTP_KEEPALIVE_SECS * NVA_SEC;
    }
}

static void
answer(struct evhttp_request *req, int status, const char *type,
       const char *body)
{
    struct evbuffer *out = evhttp_request_get_output_buffer(req);
    struct evhttp_connection *conn = evhttp_request_get_connection(req);

    evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type",
                      type);
    if (body) {
        evbuffer_add(out, body, strlen(body));
    }
    evhttp_send_reply(req, status, NULL, NULL);
    if (conn) {
        write_now(evhttp_connection_get_bufferevent(conn));
    }
}

/* An answer goes out at once: libevent alone would first ask in another turn,
 * with three more system calls, whether the socket takes it.  It hears that
 * everything is written as soon as we return to it; what is not written, it
 * writes. */
static void
write_now(struct bufferevent *bev)
{
    struct evbuffer *out = bufferevent_get_output(bev);

    evbuffer_unfreeze(out, 1);
    evbuffer_write(out, bufferevent_getfd(bev));
    evbuffer_freeze(out, 1);
    if (!evbuffer_get_length(out)) {
        bufferevent_disable(bev, EV_WRITE);
        bufferevent_trigger(bev, EV_WRITE, BEV_TRIG_DEFER_CALLBACKS);
    }
}

/* ## Requests that are kept ## */

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
        || !move || s->n_waiters >= HTTP_WAITERS_MAX
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

static struct kept *
keep(struct http_server *s, struct evhttp_request *req, struct ovs_list *list,
     size_t *count)
{
    struct kept *k = xzalloc(sizeof *k);

    k->server = s;
    k->req = req;
    k->count = count;
    ovs_list_push_back(list, &k->node);
    ++*count;
    evhttp_connection_set_closecb(evhttp_request_get_connection(req),
                                  closed_cb, k);
    return k;
}

static void
unkeep(struct kept *k)
{
    struct evhttp_connection *conn = evhttp_request_get_connection(k->req);
    struct http_server *s = k->server;

    if (conn) {
        evhttp_connection_set_closecb(conn, NULL, NULL);
    }
    --*k->count;
    ovs_list_remove(&k->node);
    free(k);
    if (!s->n_subscribers) {
        s->keepalive_at = NVA_NEVER;
    }
}

/* The peer has gone.  libevent frees the request with its connection, unless
 * it has taken them apart before. */
static void
closed_cb(struct evhttp_connection *conn OVS_UNUSED, void *kept)
{
    struct kept *k = kept;
    struct evhttp_request *req = k->req;
    bool apart = !evhttp_request_get_connection(req);

    unkeep(k);
    if (apart) {
        evhttp_request_free(req);
    }
}

/* False if the subscriber is too far behind. */
static bool
send_line(struct kept *k, const char *text, size_t size)
{
    struct evhttp_connection *conn = evhttp_request_get_connection(k->req);
    struct evbuffer *out;
    struct evbuffer *line;

    if (!conn) {
        return false;
    }
    out = bufferevent_get_output(evhttp_connection_get_bufferevent(conn));
    if (evbuffer_get_length(out) > HTTP_BACKLOG_MAX) {
        return false;
    }
    line = evbuffer_new();
    evbuffer_add(line, text, size);
    evhttp_send_reply_chunk(k->req, line);
    evbuffer_free(line);
    return true;
}

static void
drop_subscriber(struct kept *k)
{
    static const char last[] =
        "event: dropped\ndata: {\"error\": \"you read too slowly\"}\n\n";
    struct evhttp_request *req = k->req;
    struct evbuffer *line = evbuffer_new();

    VLOG_WARN_RL(&rl, "a reader of the event stream does not read: dropped");
    dispatch_metrics(k->server->dispatch)
        ->counters[METRICS_SUBSCRIBERS_DROPPED]++;
    unkeep(k);
    evbuffer_add(line, last, sizeof last - 1);
    evhttp_send_reply_chunk(req, line);
    evhttp_send_reply_end(req);
    evbuffer_free(line);
}
