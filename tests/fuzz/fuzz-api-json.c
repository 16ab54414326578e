/* SPDX-License-Identifier: Apache-2.0 */

/* Any HTTP call: "METHOD PATH[?QUERY]\nBODY".  Whatever the bytes, the answer
 * is JSON with a status, a request that is accepted leaves the directory
 * whole, and what it answers is JSON again. */

#include <config.h>

#include "api-json.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "drain.h"
#include "mobility.h"
#include "registry.h"

enum { PATH_MAX_BYTES = 4096 };

struct fabric {
    struct directory *dir;
    struct nva_plan plan;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
always_confirmed(const void *aux, nva_id nve, struct nva_owner owner,
                 uint64_t version)
{
    (void) aux, (void) nve, (void) owner, (void) version;
    return true;
}

static void
check_answer(int status, char *body)
{
    json_t *json = json_loads(body, JSON_REJECT_DUPLICATES, NULL);

    if (status < 200 || status > 599 || !json
        || (status >= 300) != !!json_object_get(json, "error")) {
        abort();
    }
    json_decref(json);
    free(body);
}

static void
run_request(struct fabric *f, const struct nva_view *v,
            const struct nva_request *rq)
{
    struct nva_dirty_list dirty;
    char *body;
    int status;

    nva_plan_start(&f->plan, directory_next_id(f->dir));
    if (rq->type >= NVA_REQ_DRAIN_START) {
        drain_request(v, rq, &f->plan);
    } else if (rq->type >= NVA_REQ_MOVE_START) {
        mobility_request(v, rq, &f->plan);
    } else {
        registry_request(v, rq, &f->plan);
    }
    nva_dirty_init(&dirty);
    for (size_t i = 0; !f->plan.verdict && i < f->plan.deltas.n; i++) {
        directory_apply(f->dir, &f->plan.deltas.a[i], &dirty);
    }
    nva_dirty_uninit(&dirty);
    status = api_json_result(v, NULL, rq, &f->plan, &body);
    check_answer(status, body);
}

static void
run_audit(const struct nva_view *v, struct nva_inventory *inventory)
{
    struct nva_findings findings = { .n = 0 };

    if (inventory) {
        nva_inventory_compare(v, inventory, &findings);
    }
    nva_findings_uninit(&findings);
    nva_inventory_destroy(inventory);
}

static void
call(struct fabric *f, enum api_method method, const char *path,
     const char *query, const void *body, size_t size)
{
    struct nva_view v = { f->dir, 1, always_confirmed, NULL };
    struct api_call c;

    api_json_call(&v, NULL, method, path, query, body, size, &c);
    if (c.kind == API_ANSWER) {
        check_answer(c.status, c.body);
    } else if (c.kind == API_REQUEST) {
        run_request(f, &v, &c.request);
    } else if (c.kind == API_LIST) {
        while (!api_json_list_run(&v, NULL, c.list)) {
            continue;
        }
        check_answer(200, api_json_list_finish(c.list));
    } else if (c.kind == API_AUDIT) {
        run_audit(&v, c.audit.inventory);
    }
}

static void
put(struct fabric *f, const char *path, const char *body)
{
    call(f, API_PUT, path, NULL, body, strlen(body));
}

static enum api_method
method_of(const char *line, size_t n)
{
    static const char *const words[] = { "GET ", "PUT ", "POST ", "DELETE " };

    for (int i = 0; i < 4; i++) {
        if (n >= strlen(words[i]) && !memcmp(line, words[i],
                                             strlen(words[i]))) {
            return i;
        }
    }
    return API_OTHER;
}

static void
call_input(struct fabric *f, const char *line, size_t n, const char *body,
           size_t size)
{
    const char *space = memchr(line, ' ', n);
    char path[PATH_MAX_BYTES], *query;
    size_t len = space ? (size_t) (line + n - space - 1) : 0;

    if (len >= sizeof path) {
        return;
    }
    memcpy(path, space ? space + 1 : "", len);
    path[len] = '\0';
    query = strchr(path, '?');
    if (query) {
        *query++ = '\0';
    }
    call(f, method_of(line, n), path, query, body, size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fabric f = { .dir = directory_create() };
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    size_t n = end ? (size_t) (end - data) : size;

    nva_plan_init(&f.plan);
    put(&f, "/v1/vns/red", "{\"vni\": 10}");
    put(&f, "/v1/nves/hv1", "{\"dpid\": 1, \"tunnel_ip\": \"10.0.0.1\"}");
    put(&f, "/v1/nves/hv2", "{\"dpid\": 2, \"tunnel_ip\": \"10.0.0.2\"}");
    put(&f, "/v1/vms/web",
        "{\"interfaces\": [{\"vn\": \"red\", \"mac\": \"02:00:00:00:00:01\","
        " \"ips\": [\"192.0.2.1\"], \"nve\": \"hv1\", \"port\": \"tap1\"}]}");
    if (size) {
        const char *text = (const char *) data;

        call_input(&f, text, n, text + n + !!end, size - n - !!end);
    }
    if (directory_check(f.dir)) {
        abort();
    }
    nva_plan_uninit(&f.plan);
    directory_destroy(f.dir);
    return 0;
}
