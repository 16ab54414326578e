/* SPDX-License-Identifier: Apache-2.0 */

/* The northbound API: an HTTP call (method, path, query, body) becomes an
 * answer, or a request for dispatch.  Every path stands in the table below; a
 * call that is not in it is refused, and the written description is compared
 * with it.
 *
 * Knows paths, methods and status codes.  Must never know a socket, nor decide
 * what depends on what: registry and mobility do.
 *
 * Invariant: a request that leaves here is complete.  What an update left out
 * has been filled in from the directory, what a creation left out from the
 * defaults; its 'create' is set exactly when the object was not there (or the
 * caller insists that it is not, with POST).
 *
 * VN, NVE, TSI, VAP: RFC 7365, RFC 8014. */

#include <config.h>

#include "api-json.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "api-json-list.h"
#include "api-json-read.h"
#include "api-json-show.h"
#include "move-fsm.h"
#include "packets.h"
#include "util.h"

enum {
    API_NAMES_MAX = 2,          /* Names in a path of ours. */
    /* Nesting is limited by jansson (JSON_PARSER_MAX_DEPTH, 2048): an attack
     * on the stack by "[[[[..." ends there with JSON_SYNTAX. */
};

/* ## Tables ## */

/* Query parameters. */
#define API_QUERIES                                                         \
    X(MAC, "mac") X(VN, "vn") X(IP, "ip") X(NVE, "nve") X(STATE, "state")   \
    X(LIMIT, "limit") X(AFTER, "after")
enum api_query {
#define X(E, W) API_Q_##E,
    API_QUERIES
#undef X
    API_N_QUERIES
};

struct api_ctx;
typedef enum nva_reason api_handler(struct api_ctx *);

struct api_route {
    const char *path;                   /* "{...}" takes any one segment. */
    unsigned int queries;               /* Bits of enum api_query. */
    const struct api_schema *body;      /* Of PUT and POST; NULL: none. */
    api_handler *on[API_OTHER];
    int arg;                            /* For the handler. */
};

/* One call under way. */
struct api_ctx {
    const struct nva_view *view;
    const struct api_facts *facts;
    enum api_method method;
    const struct api_route *route;
    size_t n_names;
    char names[API_NAMES_MAX][NVA_NAME_MAX];    /* What "{...}" took. */
    char query[API_N_QUERIES][NVA_NAME_MAX];    /* "": not given. */
    json_t *body;                       /* Object; empty when none was sent. */
    json_t *answer;                     /* Of an API_ANSWER. */
    struct api_call *out;
    struct api_reader rd;
};

static api_handler get_list, get_vn, put_vn, get_nve, put_nve;
static api_handler get_port, put_port, del_port;
static api_handler get_vm, put_vm, thaw_vm, start_move;
static api_handler get_move;
static api_handler change_move, get_lookup, get_events, get_metrics;
static api_handler get_health, del_named, get_drain, start_drain, stop_drain;
static api_handler get_audit, start_audit, get_faults;

#define GET(H) [API_GET] = H
#define PUT(H) [API_PUT] = H
#define POST(H) [API_POST] = H
#define DEL(H) [API_DELETE] = H
#define Q(E) (1u << API_Q_##E)
#define PAGES (Q(LIMIT) | Q(AFTER))

static const struct api_route api_routes[] = {
    { "/v1/vns", PAGES, &api_vn_schema, { GET(get_list), POST(put_vn) },
      API_LIST_VNS },
    { "/v1/vns/{vn}", 0, &api_vn_schema,
      { GET(get_vn), PUT(put_vn), DEL(del_named) }, NVA_REQ_VN_DEL },
    { "/v1/nves", PAGES | Q(STATE), &api_nve_schema,
      { GET(get_list), POST(put_nve) }, API_LIST_NVES },
    { "/v1/nves/{nve}", 0, &api_nve_schema,
      { GET(get_nve), PUT(put_nve), DEL(del_named) }, NVA_REQ_NVE_DEL },
    { "/v1/nves/{nve}/ports", PAGES | Q(VN), &api_port_schema,
      { GET(get_list), POST(put_port) }, API_LIST_PORTS },
    { "/v1/nves/{nve}/ports/{port}", Q(MAC), &api_port_schema,
      { GET(get_port), PUT(put_port), DEL(del_port) }, 0 },
    { "/v1/nves/{nve}/drain", 0, &api_drain_schema,
      { GET(get_drain), POST(start_drain), DEL(stop_drain) }, 0 },
    { "/v1/vms", PAGES | Q(VN) | Q(NVE) | Q(STATE), &api_vm_schema,
      { GET(get_list), POST(put_vm) }, API_LIST_VMS },
    { "/v1/vms/{vm}", 0, &api_vm_schema,
      { GET(get_vm), PUT(put_vm), DEL(del_named) }, NVA_REQ_VM_DEL },
    { "/v1/vms/{vm}/moves", 0, &api_start_schema, { POST(start_move) }, 0 },
    { "/v1/vms/{vm}/thaw", 0, &api_empty_schema, { POST(thaw_vm) }, 0 },
    { "/v1/moves", PAGES | Q(NVE) | Q(STATE), NULL, { GET(get_list) },
      API_LIST_MOVES },
    { "/v1/moves/{id}", 0, NULL, { GET(get_move) }, 0 },
    { "/v1/moves/{id}/pause", 0, &api_pause_schema, { POST(change_move) },
      NVA_REQ_MOVE_PAUSE },
    { "/v1/moves/{id}/activate", 0, &api_empty_schema, { POST(change_move) },
      NVA_REQ_MOVE_ACTIVATE },
    { "/v1/moves/{id}/abort", 0, &api_empty_schema, { POST(change_move) },
      NVA_REQ_MOVE_ABORT },
    { "/v1/audit", 0, &api_audit_schema,
      { GET(get_audit), POST(start_audit) }, 0 },
    { "/v1/faults", 0, NULL, { GET(get_faults) }, 0 },
    { "/v1/lookup", Q(VN) | Q(IP) | Q(MAC), NULL, { GET(get_lookup) }, 0 },
    { "/v1/events", 0, NULL, { GET(get_events) }, 0 },
    { "/metrics", 0, NULL, { GET(get_metrics) }, 0 },
    { "/healthz", 0, NULL, { GET(get_health) }, 0 },
};

static const char *const api_method_words[API_OTHER] = {
    [API_GET] = "GET", [API_PUT] = "PUT",
    [API_POST] = "POST", [API_DELETE] = "DELETE",
};

static const char *const api_query_words[API_N_QUERIES] = {
#define X(E, W) W,
    API_QUERIES
#undef X
};

/* What a refusal is in HTTP; a reason not listed is a conflict with the state
 * of things, 409. */
static const struct {
    enum nva_reason reason;
    int status;
} api_statuses[] = {
    { NVA_OK, 200 },
    { NVA_R_JSON_SYNTAX, 400 },
    { NVA_R_JSON_TYPE, 400 },
    { NVA_R_JSON_FIELD, 400 },
    { NVA_R_MISSING_FIELD, 400 },
    { NVA_R_NOT_FOUND, 404 },
    { NVA_R_METHOD, 405 },
    { NVA_R_TOO_LARGE, 413 },
    { NVA_R_TOO_SLOW, 408 },
    { NVA_R_HTTP_SYNTAX, 400 },
    { NVA_R_BAD_NAME, 422 },
    { NVA_R_BAD_VALUE, 422 },
    { NVA_R_BAD_MAC, 422 },
    { NVA_R_BAD_IP, 422 },
    { NVA_R_PORT_REQUIRED, 422 },
    { NVA_R_UNSUPPORTED, 501 },
};

static enum nva_reason api_run(struct api_ctx *, const char *path,
                               const char *query, const void *, size_t);
static int early_came_to_nothing(const struct nva_view *,
                                 const struct nva_move *, char **body);
static enum nva_reason find_route(struct api_ctx *, const char *path);
static char *dump(json_t *);
static json_t *last_audit(const struct nva_view *, const struct api_facts *);
static json_t *result_json(const struct nva_view *, const struct api_facts *,
                           const struct nva_request *,
                           const struct nva_plan *);

/* ## Public ## */

void /* NOLINTNEXTLINE(readability-function-size): an HTTP call's parts. */
api_json_call(const struct nva_view *view, const struct api_facts *facts,
              enum api_method method, const char *path, const char *query,
              const void *body, size_t size, struct api_call *out)
{
    struct api_ctx ctx = {
        .view = view, .facts = facts, .method = method, .out = out,
    };
    enum nva_reason reason;

    memset(out, 0, sizeof *out);
    out->kind = API_ANSWER;
    reason = api_run(&ctx, path, query, body, size);
    json_decref(ctx.body);
    if (reason) {
        json_decref(ctx.answer);
        out->kind = API_ANSWER;
        ctx.answer = api_show_error(reason, ctx.rd.field, ctx.rd.detail);
    }
    if (out->kind == API_ANSWER) {
        out->status = api_json_status(reason);
        out->body = dump(ctx.answer);
    }
}

uint64_t
api_json_body_max(enum api_method method, const char *path)
{
    struct api_ctx ctx = { .method = method };

    return (method != API_GET && !find_route(&ctx, path)
            && ctx.route->body == &api_audit_schema
            ? API_INVENTORY_MAX : API_BODY_MAX);
}

int
api_json_result(const struct nva_view *view, const struct api_facts *facts,
                const struct nva_request *request, const struct nva_plan *plan,
                char **body)
{
    if (plan->verdict) {
        *body = api_json_error(plan->verdict, plan->field, plan->detail);
        return api_json_status(plan->verdict);
    }
    *body = dump(result_json(view, facts, request, plan));
    return request->create || request->type == NVA_REQ_MOVE_START ? 201 : 200;
}

int
api_json_waited(const struct nva_view *view, const struct api_facts *facts,
                enum nva_request_type type, nva_id id, char **body)
{
    const struct nva_move *move = directory_move(view->dir, id);
    bool undone = (move && type != NVA_REQ_MOVE_ABORT
                   && move_fsm_is_ended(move->state)
                   && move->state != NVA_MS_DONE);

    if (!move) {
        *body = api_json_error(NVA_R_NOT_FOUND, "id", NULL);
        return api_json_status(NVA_R_NOT_FOUND);
    } else if (undone) {
        char detail[API_DETAIL_MAX];

        snprintf(detail, sizeof detail, "move %"PRIu64" %s meanwhile: %s", id,
                 nva_move_state_word(move->state),
                 nva_reason_text(move->end_reason));
        *body = api_json_error(move->end_reason, "state", detail);
        return 409;
    }
    if (type == NVA_REQ_MOVE_PAUSE && move->state == NVA_MS_PREPARED) {
        return early_came_to_nothing(view, move, body);
    }
    *body = dump(api_show_move(view, facts, move, false));
    return type == NVA_REQ_MOVE_START ? 201 : 200;
}

/* While its caller waited an early pause was given up: the VM must not stop
 * now. */
static int
early_came_to_nothing(const struct nva_view *view, const struct nva_move *move,
                      char **body)
{
    const struct nva_nve *to = directory_nve(view->dir, move->to_nve);

    *body = api_json_error(to && to->connected ? NVA_R_NOT_READY
                           : NVA_R_DESTINATION_DOWN, "state",
                           "the early pause was not confirmed in time: the "
                           "move is prepared again");
    return 409;
}

char *
api_json_audit(const struct nva_view *view, const struct api_facts *facts)
{
    return dump(last_audit(view, facts));
}

char *
api_json_note(const struct nva_view *view, const struct api_facts *facts,
              const struct nva_note *note)
{
    json_t *json = api_show_note(view, facts, note);

    return json ? dump(json) : NULL;
}

char *
api_json_error(enum nva_reason reason, const char *field, const char *detail)
{
    return dump(api_show_error(reason, field, detail));
}

int
api_json_status(enum nva_reason reason)
{
    for (size_t i = 0; i < ARRAY_SIZE(api_statuses); i++) {
        if (api_statuses[i].reason == reason) {
            return api_statuses[i].status;
        }
    }
    return 409;
}

void
api_json_routes(void (*cb)(const char *line, void *aux), void *aux)
{
    char line[256];

    for (size_t i = 0; i < ARRAY_SIZE(api_routes); i++) {
        const struct api_route *r = &api_routes[i];

        for (int m = 0; m < API_OTHER; m++) {
            bool writes = m == API_PUT || m == API_POST;

            if (r->on[m]) {
                snprintf(line, sizeof line, "route %s %s %s",
                         api_method_words[m], r->path,
                         writes && r->body ? r->body->name : "-");
                cb(line, aux);
            }
        }
        for (int q = 0; q < API_N_QUERIES; q++) {
            if (r->queries & (1u << q)) {
                snprintf(line, sizeof line, "query %s %s", r->path,
                         api_query_words[q]);
                cb(line, aux);
            }
        }
    }
    for (size_t i = 0; api_schemas[i]; i++) {
        for (const struct api_field *f = api_schemas[i]->fields; f->name;
             f++) {
            snprintf(line, sizeof line, "field %s %s %s %s",
                     api_schemas[i]->name, f->name, f->type,
                     f->read ? "rw" : "ro");
            cb(line, aux);
        }
    }
}

/* ## The course of a call ## */

/* Percent-decodes 'n' bytes into 'buf'; false if they do not fit or hold what
 * no name holds. */
static bool
percent_decode(const char *s, size_t n, char buf[NVA_NAME_MAX])
{
    size_t used = 0;

    for (size_t i = 0; i < n; i++) {
        char c = s[i];

        if (c == '%') {
            int hi = i + 2 < n ? hexit_value(s[i + 1]) : -1;
            int lo = i + 2 < n ? hexit_value(s[i + 2]) : -1;

            if (hi < 0 || lo < 0) {
                return false;
            }
            c = hi * 16 + lo;
            i += 2;
        }
        if (!c || used + 1 >= NVA_NAME_MAX) {
            return false;
        }
        buf[used++] = c;
    }
    buf[used] = '\0';
    return true;
}

/* True if 'path' is of 'route'; then ctx->names holds what "{...}" took, and
 * '*bad' tells that one of them is no name. */
static bool
route_matches(struct api_ctx *ctx, const struct api_route *route,
              const char *path, bool *bad)
{
    const char *r = route->path;

    ctx->n_names = 0;
    *bad = false;
    while (*r == '/' && *path == '/') {
        size_t rn = strcspn(++r, "/");
        size_t pn = strcspn(++path, "/");

        if (*r == '{') {
            char *name = ctx->names[ctx->n_names++];

            *bad |= !percent_decode(path, pn, name)
                    || !nva_name_is_valid(name);
        } else if (rn != pn || memcmp(r, path, rn)) {
            return false;
        }
        r += rn;
        path += pn;
    }
    return !*r && !*path;
}

static enum nva_reason
refuse_method(struct api_ctx *ctx)
{
    char allowed[64] = "allowed here:";

    for (int m = 0; m < API_OTHER; m++) {
        if (ctx->route->on[m]) {
            size_t used = strlen(allowed);

            snprintf(allowed + used, sizeof allowed - used, " %s",
                     api_method_words[m]);
        }
    }
    return api_fail_because(&ctx->rd, NVA_R_METHOD, "method", allowed);
}

static enum nva_reason
find_route(struct api_ctx *ctx, const char *path)
{
    bool bad;

    for (size_t i = 0; i < ARRAY_SIZE(api_routes); i++) {
        const struct api_route *route = &api_routes[i];

        if (!route_matches(ctx, route, path, &bad)) {
            continue;
        }
        ctx->route = route;
        if (ctx->method >= API_OTHER || !route->on[ctx->method]) {
            return refuse_method(ctx);
        } else if (bad) {
            return api_fail(&ctx->rd, ctx->method == API_PUT
                            ? NVA_R_BAD_NAME : NVA_R_NOT_FOUND, "name");
        }
        return NVA_OK;
    }
    return api_fail(&ctx->rd, NVA_R_NOT_FOUND, "path");
}

/* Takes one "key=value" of 'n' bytes. */
static enum nva_reason
parse_parameter(struct api_ctx *ctx, const char *s, size_t n)
{
    const char *eq = memchr(s, '=', n);
    size_t key = eq ? (size_t) (eq - s) : n;
    size_t value = eq ? n - key - 1 : 0;
    char word[NVA_NAME_MAX];

    for (int q = 0; q < API_N_QUERIES; q++) {
        const char *w = api_query_words[q];

        if (!(ctx->route->queries & (1u << q)) || strlen(w) != key
            || memcmp(s, w, key)) {
            continue;
        }
        if (ctx->query[q][0]) {
            return api_fail_because(&ctx->rd, NVA_R_JSON_FIELD, w,
                                    "given twice");
        } else if (!value || !percent_decode(eq + 1, value, ctx->query[q])) {
            return api_fail(&ctx->rd, NVA_R_BAD_VALUE, w);
        }
        return NVA_OK;
    }
    snprintf(word, sizeof word, "%.*s",
             (int) MIN(key, sizeof word - 1), s);
    return api_fail_because(&ctx->rd, NVA_R_JSON_FIELD,
                            word[0] ? word : "query",
                            "this path has no such query parameter");
}

static enum nva_reason
parse_query(struct api_ctx *ctx, const char *query)
{
    while (query && *query) {
        size_t n = strcspn(query, "&");
        enum nva_reason reason = n ? parse_parameter(ctx, query, n) : NVA_OK;

        if (reason) {
            return reason;
        }
        query += n + (query[n] == '&');
    }
    return NVA_OK;
}

static enum nva_reason
parse_body(struct api_ctx *ctx, const void *body, size_t size)
{
    json_error_t error;

    if (!size) {
        ctx->body = json_object();
        return NVA_OK;
    }
    ctx->body = json_loadb(body, size, JSON_REJECT_DUPLICATES, &error);
    if (!ctx->body) {
        char detail[API_DETAIL_MAX];

        snprintf(detail, sizeof detail, "line %d, column %d: %.120s",
                 error.line, error.column, error.text);
        return api_fail_because(&ctx->rd, NVA_R_JSON_SYNTAX, "body", detail);
    }
    return json_is_object(ctx->body)
           ? NVA_OK : api_fail(&ctx->rd, NVA_R_JSON_TYPE, "body");
}

static enum nva_reason
api_run(struct api_ctx *ctx, const char *path, const char *query,
        const void *body, size_t size)
{
    enum nva_reason reason;

    reason = size > API_INVENTORY_MAX ? NVA_R_TOO_LARGE
             : find_route(ctx, path);
    if (size > API_BODY_MAX
        && !(ctx->route && ctx->route->body == &api_audit_schema)) {
        return api_fail(&ctx->rd, NVA_R_TOO_LARGE, "body");
    }
    if (!reason) {
        reason = parse_query(ctx, query);
    }
    if (!reason && ctx->route->body && ctx->method != API_GET
        && ctx->method != API_DELETE) {
        reason = parse_body(ctx, body, size);
    }
    return reason ? reason : ctx->route->on[ctx->method](ctx);
}

/* NOT_FOUND: nothing has the key 'key'. */
static enum nva_reason
fail_absent(struct api_ctx *ctx, const char *field, const char *key)
{
    char detail[API_DETAIL_MAX];

    snprintf(detail, sizeof detail, "there is no \"%.128s\"", key);
    return api_fail_because(&ctx->rd, NVA_R_NOT_FOUND, field, detail);
}

/* ## Handlers: writes ## */

/* The object's name, from the path or (POST on a collection) the body. */
static enum nva_reason
finish_put(struct api_ctx *ctx, enum nva_request_type type, bool exists,
           const char *name)
{
    ctx->out->kind = API_REQUEST;
    ctx->out->request.type = type;
    ctx->out->request.create = ctx->method == API_POST || !exists;
    return name[0] ? NVA_OK : api_fail(&ctx->rd, NVA_R_MISSING_FIELD, "name");
}

static enum nva_reason
put_vn(struct api_ctx *ctx)
{
    const struct nva_vn *old = directory_vn_by_name(ctx->view->dir,
                                                    ctx->names[0]);
    struct nva_vn *vn = &ctx->out->request.vn.vn;
    enum nva_reason reason;

    if (old) {
        *vn = *old;
    } else {
        ovs_strlcpy(vn->name, ctx->names[0], sizeof vn->name);
        vn->unknown_unicast = NVA_UU_QUERY;
        vn->redirect_timeout = NVA_REDIRECT_TIMEOUT_DEFAULT;
        vn->duplicate_moves = NVA_DUPLICATE_MOVES_DEFAULT;
        vn->duplicate_window = NVA_DUPLICATE_WINDOW_DEFAULT;
        vn->freeze_time = NVA_FREEZE_TIME_DEFAULT;
        vn->max_learned = NVA_MAX_LEARNED_DEFAULT;
        vn->lifetime = NVA_LIFETIME_DEFAULT;
        vn->age = NVA_AGE_DEFAULT;
    }
    reason = api_read_object(&ctx->rd, &api_vn_schema, ctx->body, vn);
    if (!reason && !vn->vni) {
        reason = api_fail(&ctx->rd, NVA_R_MISSING_FIELD, "vni");
    }
    return reason ? reason : finish_put(ctx, NVA_REQ_VN_PUT, old, vn->name);
}

static enum nva_reason
put_nve(struct api_ctx *ctx)
{
    const struct nva_nve *old = directory_nve_by_name(ctx->view->dir,
                                                      ctx->names[0]);
    struct nva_nve *nve = &ctx->out->request.nve.nve;
    enum nva_reason reason;

    if (old) {
        *nve = *old;
    } else {
        ovs_strlcpy(nve->name, ctx->names[0], sizeof nve->name);
    }
    reason = api_read_object(&ctx->rd, &api_nve_schema, ctx->body, nve);
    if (reason) {
        return reason;
    } else if (!nve->dpid) {
        return api_fail(&ctx->rd, NVA_R_MISSING_FIELD, "dpid");
    }
    if (json_is_true(json_object_get(ctx->body, "guessed"))) {
        /* What was shown comes back: a guess does not become a setting. */
        nve->tunnel_ip = old ? old->tunnel_ip : in6addr_any;
        nve->tunnel_ip_guessed = old && old->tunnel_ip_guessed;
    } else if (json_object_get(ctx->body, "tunnel_ip")) {
        nve->tunnel_ip_guessed = false;
    }
    return finish_put(ctx, NVA_REQ_NVE_PUT, old, nve->name);
}

/* Fills in the key of a port from the path and the query. */
static enum nva_reason
port_key(struct api_ctx *ctx, struct nva_request_port *port)
{
    const char *mac = ctx->query[API_Q_MAC];

    ovs_strlcpy(port->nve, ctx->names[0], sizeof port->nve);
    if (ctx->n_names > 1) {
        if (strlen(ctx->names[1]) >= sizeof port->port) {
            return api_fail(&ctx->rd, ctx->method == API_PUT
                            ? NVA_R_BAD_NAME : NVA_R_NOT_FOUND, "port");
        }
        ovs_strlcpy(port->port, ctx->names[1], sizeof port->port);
    }
    if (mac[0]) {
        enum nva_reason reason = api_parse_mac(mac, &port->mac);

        port->has_mac = true;
        return reason ? api_fail(&ctx->rd, reason, "mac") : NVA_OK;
    }
    return NVA_OK;
}

static const struct nva_vap *
find_vap(const struct nva_view *view, const struct nva_request_port *port)
{
    const struct nva_nve *nve = directory_nve_by_name(view->dir, port->nve);

    return nve ? directory_vap_by_key(view->dir, nve->id, port->port,
                                      port->has_mac, port->mac) : NULL;
}

static enum nva_reason
put_port(struct api_ctx *ctx)
{
    struct nva_request_port *port = &ctx->out->request.port;
    enum nva_reason reason = port_key(ctx, port);
    const struct nva_vap *old;

    if (!reason) {
        reason = api_read_object(&ctx->rd, &api_port_schema, ctx->body, port);
    }
    if (reason) {
        return reason;
    } else if (!port->port[0]) {
        return api_fail(&ctx->rd, NVA_R_MISSING_FIELD, "port");
    }
    old = find_vap(ctx->view, port);
    if (!port->vn[0] && old) {
        const struct nva_vn *vn = directory_vn(ctx->view->dir, old->vn);

        ovs_strlcpy(port->vn, vn ? vn->name : "", sizeof port->vn);
    }
    if (!port->vn[0]) {
        return api_fail(&ctx->rd, NVA_R_MISSING_FIELD, "vn");
    }
    return finish_put(ctx, NVA_REQ_PORT_PUT, old, port->port);
}

static enum nva_reason
del_port(struct api_ctx *ctx)
{
    ctx->out->kind = API_REQUEST;
    ctx->out->request.type = NVA_REQ_PORT_DEL;
    ovs_strlcpy(ctx->out->request.name, ctx->names[1],
                sizeof ctx->out->request.name);
    return port_key(ctx, &ctx->out->request.port);
}

static enum nva_reason
del_named(struct api_ctx *ctx)
{
    ctx->out->kind = API_REQUEST;
    ctx->out->request.type = ctx->route->arg;
    ovs_strlcpy(ctx->out->request.name, ctx->names[0],
                sizeof ctx->out->request.name);
    return NVA_OK;
}

struct old_vm {
    const struct directory *dir;
    struct nva_request_vm *vm;
};

/* An interface as an update that leaves it alone asks for it: no place is
 * named, so it stays where it is. */
static bool
take_old_if(const void *tsi_, void *aux_)
{
    const struct nva_tsi *tsi = tsi_;
    const struct old_vm *aux = aux_;
    const struct nva_vn *vn = directory_vn(aux->dir, tsi->vn);
    struct nva_request_if *nif;

    if (aux->vm->n_ifs >= NVA_IFS_MAX) {
        return false;
    }
    nif = &aux->vm->ifs[aux->vm->n_ifs++];
    memset(nif, 0, sizeof *nif);
    ovs_strlcpy(nif->name, tsi->name, sizeof nif->name);
    ovs_strlcpy(nif->vn, vn ? vn->name : "", sizeof nif->vn);
    nif->mac = tsi->mac;
    nif->n_ips = tsi->n_given;
    nif->n_learned = tsi->n_ips - tsi->n_given;
    memcpy(nif->ips, tsi->ips, sizeof nif->ips);
    nif->roles = tsi->roles;
    nif->n_allowed = tsi->n_allowed;
    memcpy(nif->allowed, tsi->allowed, sizeof nif->allowed);
    return true;
}

static enum nva_reason
put_vm(struct api_ctx *ctx)
{
    const struct nva_vm *old = directory_vm_by_name(ctx->view->dir,
                                                    ctx->names[0]);
    struct nva_request_vm *vm = &ctx->out->request.vm;
    struct old_vm aux = { ctx->view->dir, vm };
    enum nva_reason reason;

    ovs_strlcpy(vm->name, ctx->names[0], sizeof vm->name);
    if (old) {
        vm->connections = old->connections;
        vm->sticky = old->sticky;
        directory_each_tsi_of_vm(ctx->view->dir, old->id, take_old_if, &aux);
    }
    reason = api_read_object(&ctx->rd, &api_vm_schema, ctx->body, vm);
    return reason ? reason : finish_put(ctx, NVA_REQ_VM_PUT, old, vm->name);
}

static enum nva_reason
thaw_vm(struct api_ctx *ctx)
{
    ctx->out->kind = API_REQUEST;
    ctx->out->request.type = NVA_REQ_VM_THAW;
    ovs_strlcpy(ctx->out->request.name, ctx->names[0],
                sizeof ctx->out->request.name);
    return api_read_object(&ctx->rd, &api_empty_schema, ctx->body, NULL);
}

static enum nva_reason
start_move(struct api_ctx *ctx)
{
    struct nva_request_move *move = &ctx->out->request.move;
    enum nva_reason reason;

    ovs_strlcpy(move->vm, ctx->names[0], sizeof move->vm);
    reason = api_read_object(&ctx->rd, &api_start_schema, ctx->body, move);
    if (!reason && !move->nve[0]) {
        reason = api_fail(&ctx->rd, NVA_R_MISSING_FIELD, "to");
    }
    ctx->out->kind = API_REQUEST;
    ctx->out->request.type = NVA_REQ_MOVE_START;
    return reason;
}

static enum nva_reason
start_drain(struct api_ctx *ctx)
{
    struct nva_request_drain *drain = &ctx->out->request.drain;

    ctx->out->kind = API_REQUEST;
    ctx->out->request.type = NVA_REQ_DRAIN_START;
    ovs_strlcpy(drain->nve, ctx->names[0], sizeof drain->nve);
    return api_read_object(&ctx->rd, &api_drain_schema, ctx->body, drain);
}

static enum nva_reason
stop_drain(struct api_ctx *ctx)
{
    struct nva_request_drain *drain = &ctx->out->request.drain;

    ctx->out->kind = API_REQUEST;
    ctx->out->request.type = NVA_REQ_DRAIN_STOP;
    ovs_strlcpy(drain->nve, ctx->names[0], sizeof drain->nve);
    return NVA_OK;
}

static enum nva_reason
start_audit(struct api_ctx *ctx)
{
    struct api_audit *audit = &ctx->out->audit;
    enum nva_reason reason = api_read_object(&ctx->rd, &api_audit_schema,
                                             ctx->body, audit);

    if (reason) {
        nva_inventory_destroy(audit->inventory);
        audit->inventory = NULL;
    }
    ctx->out->kind = API_AUDIT;
    return reason;
}

/* The move that the path names. */
static const struct nva_move *
find_move(struct api_ctx *ctx)
{
    nva_id id = 0;

    for (const char *s = ctx->names[0]; *s; s++) {
        if (*s < '0' || *s > '9' || id >> NVA_ID_BITS) {
            return NULL;
        }
        id = id * 10 + (*s - '0');
    }
    return directory_move(ctx->view->dir, id);
}

static enum nva_reason
change_move(struct api_ctx *ctx)
{
    const struct nva_move *move = find_move(ctx);
    enum nva_reason reason = api_read_object(&ctx->rd, ctx->route->body,
                                             ctx->body,
                                             &ctx->out->request.move);

    if (reason) {
        return reason;
    } else if (!move) {
        return fail_absent(ctx, "id", ctx->names[0]);
    }
    ctx->out->kind = API_REQUEST;
    ctx->out->request.type = ctx->route->arg;
    ctx->out->request.move.id = move->id;
    return NVA_OK;
}

/* ## Handlers: reads ## */

/* 1..API_PAGE_MAX, or as many as may be. */
static enum nva_reason
read_limit(struct api_ctx *ctx, size_t *limit)
{
    const char *word = ctx->query[API_Q_LIMIT];

    *limit = word[0] ? 0 : API_PAGE_MAX;
    for (; *word >= '0' && *word <= '9' && *limit <= API_PAGE_MAX; word++) {
        *limit = *limit * 10 + (*word - '0');
    }
    return (*word || !*limit || *limit > API_PAGE_MAX
            ? api_fail_because(&ctx->rd, NVA_R_BAD_VALUE, "limit",
                               "1 to 1000") : NVA_OK);
}

/* The id of the VN or NVE that a filter names. */
static enum nva_reason
read_filter(struct api_ctx *ctx, struct api_filter *f)
{
    const struct directory *dir = ctx->view->dir;
    const char *vn_name = ctx->query[API_Q_VN];
    const char *nve_name = (f->kind == API_LIST_PORTS ? ctx->names[0]
                            : ctx->query[API_Q_NVE]);
    const struct nva_vn *vn = directory_vn_by_name(dir, vn_name);
    const struct nva_nve *nve = directory_nve_by_name(dir, nve_name);

    if ((vn_name[0] && !vn) || (nve_name[0] && !nve)) {
        return api_fail(&ctx->rd, NVA_R_NOT_FOUND,
                        vn_name[0] && !vn ? "vn" : "nve");
    }
    f->vn = vn ? vn->id : NVA_ID_NONE;
    f->nve = nve ? nve->id : NVA_ID_NONE;
    return NVA_OK;
}

static bool
is_state_of(enum api_list_kind kind, const char *word)
{
    enum nva_vm_state vm_state;

    if (kind == API_LIST_VMS) {
        return nva_vm_state_from_word(word, &vm_state);
    } else if (kind == API_LIST_NVES) {
        return !strcmp(word, "connected") || !strcmp(word, "disconnected");
    }
    for (int i = 0; i < NVA_N_MOVE_STATES; i++) {
        if (!strcmp(word, nva_move_state_word(i))) {
            return true;
        }
    }
    return false;
}

static enum nva_reason
get_list(struct api_ctx *ctx)
{
    struct api_filter f = { .kind = ctx->route->arg };
    const char *state = ctx->query[API_Q_STATE];
    enum nva_reason reason = read_limit(ctx, &f.limit);

    if (!reason) {
        reason = read_filter(ctx, &f);
    }
    if (reason) {
        return reason;
    } else if (state[0] && !is_state_of(f.kind, state)) {
        return api_fail(&ctx->rd, NVA_R_BAD_VALUE, "state");
    }
    ovs_strlcpy(f.state, state, sizeof f.state);
    ovs_strlcpy(f.after, ctx->query[API_Q_AFTER], sizeof f.after);
    ctx->out->kind = API_LIST;
    ctx->out->list = api_list_create(ctx->view, ctx->facts, &f);
    return NVA_OK;
}

static enum nva_reason
answer_one(struct api_ctx *ctx, const void *object, json_t *json)
{
    ctx->answer = json;
    return object ? NVA_OK : fail_absent(ctx, "name", ctx->names[0]);
}

static enum nva_reason
get_vn(struct api_ctx *ctx)
{
    const struct nva_vn *vn = directory_vn_by_name(ctx->view->dir,
                                                   ctx->names[0]);

    return answer_one(ctx, vn, vn ? api_show_vn(ctx->view, vn) : NULL);
}

static enum nva_reason
get_nve(struct api_ctx *ctx)
{
    const struct nva_nve *nve = directory_nve_by_name(ctx->view->dir,
                                                      ctx->names[0]);

    return answer_one(ctx, nve, nve ? api_show_nve(ctx->view, ctx->facts, nve)
                                    : NULL);
}

static enum nva_reason
get_drain(struct api_ctx *ctx)
{
    const struct nva_nve *nve = directory_nve_by_name(ctx->view->dir,
                                                      ctx->names[0]);
    const struct nva_drain *drain = nve ? directory_drain(ctx->view->dir,
                                                          nve->id) : NULL;

    if (!drain) {
        return api_fail(&ctx->rd, NVA_R_NOT_FOUND, nve ? "drain" : "name");
    }
    ctx->answer = api_show_drain(ctx->view, ctx->facts, drain);
    return NVA_OK;
}

static enum nva_reason
get_port(struct api_ctx *ctx)
{
    struct nva_request_port port = { .has_mac = false };
    enum nva_reason reason = port_key(ctx, &port);
    const struct nva_vap *vap;

    if (reason) {
        return reason;
    }
    vap = find_vap(ctx->view, &port);
    return answer_one(ctx, vap, vap ? api_show_port(ctx->view, vap) : NULL);
}

/* One alone: with what of it does not work. */
static json_t *
show_vm(const struct nva_view *view, const struct api_facts *facts,
        const struct nva_vm *vm)
{
    json_t *json = api_show_vm(view, vm);

    api_set(json, "wrong", api_show_vm_faults(view, facts, vm));
    return json;
}

static enum nva_reason
get_vm(struct api_ctx *ctx)
{
    const struct nva_vm *vm = directory_vm_by_name(ctx->view->dir,
                                                   ctx->names[0]);

    return answer_one(ctx, vm,
                      vm ? show_vm(ctx->view, ctx->facts, vm) : NULL);
}

static enum nva_reason
get_move(struct api_ctx *ctx)
{
    const struct nva_move *move = find_move(ctx);

    if (!move) {
        return fail_absent(ctx, "id", ctx->names[0]);
    }
    ctx->answer = api_show_move(ctx->view, ctx->facts, move, true);
    return NVA_OK;
}

static enum nva_reason
get_lookup(struct api_ctx *ctx)
{
    const char *mac_word = ctx->query[API_Q_MAC];
    const char *ip_word = ctx->query[API_Q_IP];
    const struct directory *dir = ctx->view->dir;
    const struct nva_vn *vn = directory_vn_by_name(dir, ctx->query[API_Q_VN]);
    const struct nva_tsi *tsi;
    enum nva_reason reason;

    if (!ctx->query[API_Q_VN][0]) {
        return api_fail(&ctx->rd, NVA_R_MISSING_FIELD, "vn");
    } else if (!*mac_word == !*ip_word) {
        return api_fail_because(&ctx->rd, *ip_word ? NVA_R_JSON_FIELD
                                : NVA_R_MISSING_FIELD, "ip",
                                "either \"ip\" or \"mac\"");
    } else if (!vn) {
        return fail_absent(ctx, "vn", ctx->query[API_Q_VN]);
    }
    if (*mac_word) {
        struct eth_addr mac;

        reason = api_parse_mac(mac_word, &mac);
        tsi = reason ? NULL : directory_tsi_by_mac(dir, vn->id, mac);
    } else {
        struct in6_addr ip;

        reason = nva_ip_parse(ip_word, &ip);
        tsi = reason ? NULL : directory_tsi_by_ip(dir, vn->id, &ip);
    }
    if (reason) {
        return api_fail(&ctx->rd, reason, *mac_word ? "mac" : "ip");
    } else if (!tsi) {
        return fail_absent(ctx, *mac_word ? "mac" : "ip",
                           *mac_word ? mac_word : ip_word);
    }
    ctx->answer = api_show_lookup(ctx->view, vn, tsi);
    return NVA_OK;
}

static json_t *
last_audit(const struct nva_view *view, const struct api_facts *facts)
{
    bool goes_on = false;
    const struct nva_audit *audit = (facts && facts->audit
                                     ? facts->audit(facts->aux, &goes_on)
                                     : NULL);

    return api_show_audit(view, facts, audit, goes_on);
}

static enum nva_reason
get_audit(struct api_ctx *ctx)
{
    ctx->answer = last_audit(ctx->view, ctx->facts);
    return NVA_OK;
}

static enum nva_reason
get_faults(struct api_ctx *ctx)
{
    ctx->answer = api_show_faults(ctx->view, ctx->facts);
    return NVA_OK;
}

static enum nva_reason
get_events(struct api_ctx *ctx)
{
    ctx->out->kind = API_EVENTS;
    return NVA_OK;
}

static enum nva_reason
get_metrics(struct api_ctx *ctx)
{
    ctx->out->kind = API_METRICS;
    return NVA_OK;
}

static enum nva_reason
get_health(struct api_ctx *ctx)
{
    ctx->out->kind = API_HEALTH;
    return NVA_OK;
}

/* ## Results ## */

/* The text of 'json', which it frees. */
static char *
dump(json_t *json)
{
    char *s = json_dumps(json, JSON_COMPACT);

    json_decref(json);
    return s ? s : xstrdup("{}");
}

/* What a request that was done answers: the object as it is now, or the name
 * of the one that is gone.  A move's timeline is not in it: whoever moves a VM
 * waits for this answer, and GET shows the timeline. */
static json_t *
result_json(const struct nva_view *view, const struct api_facts *facts,
            const struct nva_request *rq, const struct nva_plan *plan)
{
    const struct directory *dir = view->dir;
    const struct nva_move *move = directory_move(dir, plan->object);
    const struct nva_drain *drain = directory_drain(dir, plan->object);
    const struct nva_vn *vn = NULL;
    const struct nva_nve *nve = NULL;
    const struct nva_vap *vap = NULL;
    const struct nva_vm *vm = NULL;
    json_t *o = NULL;

    switch (rq->type) {
    case NVA_REQ_VN_PUT:
        vn = directory_vn_by_name(dir, rq->vn.vn.name);
        break;
    case NVA_REQ_NVE_PUT:
        nve = directory_nve_by_name(dir, rq->nve.nve.name);
        break;
    case NVA_REQ_PORT_PUT:
        vap = find_vap(view, &rq->port);
        break;
    case NVA_REQ_VM_PUT:
        vm = directory_vm_by_name(dir, rq->vm.name);
        break;
    case NVA_REQ_VM_THAW:
        vm = directory_vm_by_name(dir, rq->name);
        break;
    case NVA_REQ_MOVE_START: case NVA_REQ_MOVE_PAUSE:
    case NVA_REQ_MOVE_ACTIVATE: case NVA_REQ_MOVE_ABORT:
        move = move ? move : directory_move(dir, rq->move.id);
        o = move ? api_show_move(view, facts, move, false) : NULL;
        break;
    case NVA_REQ_DRAIN_START: case NVA_REQ_DRAIN_STOP:
        o = drain ? api_show_drain(view, facts, drain) : NULL;
        break;
    case NVA_REQ_VN_DEL: case NVA_REQ_NVE_DEL:
    case NVA_REQ_PORT_DEL: case NVA_REQ_VM_DEL:
        o = json_object();
        api_set(o, "deleted", api_text(rq->name));
        break;
    }
    o = vn ? api_show_vn(view, vn) : nve ? api_show_nve(view, facts, nve)
        : vap ? api_show_port(view, vap) : vm ? show_vm(view, facts, vm) : o;
    return o ? o : json_object();
}
