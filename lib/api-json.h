/* SPDX-License-Identifier: Apache-2.0 */

/* JSON <-> requests and views: the only caller of jansson.  Routes the
 * northbound API of the project's interface promise.  Knows no socket. */

#ifndef NVA_API_JSON_H
#define NVA_API_JSON_H 1

#include "api-audit.h"
#include "api-facts.h"
#include "api-json-list.h"
#include "event.h"
#include "step.h"

enum api_method { API_GET, API_PUT, API_POST, API_DELETE, API_OTHER };

/* What a call turned out to be. */
enum api_kind {
    API_ANSWER,         /* 'status' and 'body' are the answer. */
    API_REQUEST,        /* 'request' must go through dispatch; then
                         * api_json_result(). */
    API_AUDIT,          /* An audit is wanted: 'audit', whose inventory is now
                         * the caller's. */
    API_LIST,           /* A page of a list is to be made: 'list', the
                         * caller's, for api_json_list_run(). */
    API_EVENTS,         /* The caller wants server-sent events. */
    API_METRICS,        /* ...the metrics text. */
    API_HEALTH,         /* ...that we answer. */
};

enum {
    API_BODY_MAX = 256 * 1024,          /* Bytes of a request: TOO_LARGE. */
    API_INVENTORY_MAX = 4 * 1024 * 1024,        /* ...of one with an
                                                 * inventory: parsing it is
                                                 * time that nobody else
                                                 * has. */
};

struct api_call {
    enum api_kind kind;
    int status;                         /* HTTP. */
    char *body;                         /* malloc'd JSON text, or NULL. */
    struct nva_request request;
    struct api_audit audit;
    struct api_list *list;
};

/* Bytes that the body of such a call may have. */
uint64_t api_json_body_max(enum api_method, const char *path);

/* Routes and parses one call.  'query' may be NULL.  Never aborts, whatever
 * the bytes. */
void api_json_call(const struct nva_view *, const struct api_facts *,
                   enum api_method, const char *path, const char *query,
                   const void *body, size_t size, struct api_call *out);

/* The answer to a request that went through dispatch: status and malloc'd
 * body, from the plan's verdict, field and object (as it is now in 'dir'). */
int api_json_result(const struct nva_view *, const struct api_facts *,
                    const struct nva_request *, const struct nva_plan *,
                    char **body);

/* The answer to a caller that waited for what 'type' (MOVE_START, MOVE_PAUSE,
 * MOVE_ABORT) does to 'move': the move; or the reason why it has ended
 * meanwhile without doing so. */
int api_json_waited(const struct nva_view *, const struct api_facts *,
                    enum nva_request_type type, nva_id move, char **body);

/* The last audit as JSON text (malloc'd). */
char *api_json_audit(const struct nva_view *, const struct api_facts *);

/* One line of the event stream for a note; malloc'd, NULL: not shown. */
char *api_json_note(const struct nva_view *, const struct api_facts *,
                    const struct nva_note *);

/* Error text: {"error": {"reason", "field", "detail"}}; malloc'd. */
char *api_json_error(enum nva_reason, const char *field, const char *detail);
/* The HTTP status that goes with a reason. */
int api_json_status(enum nva_reason);

/* The tables of paths and fields, a line each, for the check of the written
 * description: "route METHOD PATH BODY-SCHEMA|-", "query PATH PARAMETER",
 * "field SCHEMA NAME TYPE rw|ro" (ro: shown, ignored when sent). */
void api_json_routes(void (*cb)(const char *line, void *aux), void *aux);

#endif /* api-json.h */
