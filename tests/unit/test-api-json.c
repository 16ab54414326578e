/* SPDX-License-Identifier: Apache-2.0 */

/* api-json over the real registry, mobility and directory: what goes in comes
 * out, what is refused is refused by its reason and its field, and the tables
 * know every field that is shown.
 *
 * "--routes" prints the tables, for tests/lint/openapi.py. */

#include <config.h>

#include "api-json.h"

#include <check.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drain.h"
#include "mobility.h"
#include "registry.h"
#include "util.h"

/* ## A server without sockets ## */

static struct directory *dir;
static struct nva_plan plan;
static nva_usec now;

/* The last answer. */
static int status;
static json_t *answer;
static struct nva_inventory *inventory;     /* Of the last audit. */
static bool repair;

static bool
always_confirmed(const void *aux, nva_id nve, struct nva_owner owner,
                 uint64_t version)
{
    (void) aux, (void) nve, (void) owner, (void) version;
    return true;
}

static void
one_unclaimed(const void *aux,
              void (*cb)(uint64_t, const char *, uint64_t, void *),
              void *cb_aux)
{
    (void) aux;
    cb(0xabcdef, "192.0.2.7:40000", 3, cb_aux);
}

static void
some_state(const void *aux, nva_id nve, size_t *owners, size_t *dirty,
           size_t *quarantined)
{
    (void) aux, (void) nve;
    *owners = 5, *dirty = 2, *quarantined = 1;
}

static const char *
some_openflow(const void *aux, nva_id nve, bool *bundles)
{
    (void) aux, (void) nve;
    *bundles = true;
    return "1.4";
}

/* 2024-02-29T23:59:59.000001Z at monotonic 0. */
static int64_t
leap_day(const void *aux, nva_usec monotonic)
{
    (void) aux;
    return INT64_C(1709251199000001) + monotonic;
}

static const struct api_facts facts = {
    .each_unclaimed = one_unclaimed,
    .nve_state = some_state,
    .nve_openflow = some_openflow,
    .wall = leap_day,
};

static struct nva_view
view(void)
{
    struct nva_view v = { dir, now, always_confirmed, NULL };

    return v;
}

static void
setup(void)
{
    dir = directory_create();
    nva_plan_init(&plan);
    now = 1000;
    answer = NULL;
}

static void
teardown(void)
{
    ck_assert_ptr_null(directory_check(dir));
    json_decref(answer);
    nva_inventory_destroy(inventory);
    inventory = NULL;
    nva_plan_uninit(&plan);
    directory_destroy(dir);
}

/* What dispatch does with a request, without switches. */
static void
run_request(const struct nva_request *rq)
{
    struct nva_dirty_list dirty;
    struct nva_view v = view();

    nva_plan_start(&plan, directory_next_id(dir));
    if (rq->type >= NVA_REQ_DRAIN_START) {
        drain_request(&v, rq, &plan);
    } else if (rq->type >= NVA_REQ_MOVE_START) {
        mobility_request(&v, rq, &plan);
    } else {
        registry_request(&v, rq, &plan);
    }
    nva_dirty_init(&dirty);
    for (size_t i = 0; !plan.verdict && i < plan.deltas.n; i++) {
        directory_apply(dir, &plan.deltas.a[i], &dirty);
    }
    nva_dirty_uninit(&dirty);
}

static void
call_bytes(enum api_method method, const char *path, const char *query,
           const void *body, size_t size)
{
    struct nva_view v = view();
    struct api_call call;
    char *text;

    json_decref(answer);
    answer = NULL;
    api_json_call(&v, &facts, method, path, query, body, size, &call);
    status = call.status;
    text = call.body;
    if (call.kind == API_REQUEST) {
        ck_assert_ptr_null(call.body);
        run_request(&call.request);
        v = view();
        status = api_json_result(&v, &facts, &call.request, &plan, &text);
    } else if (call.kind == API_LIST) {
        while (!api_json_list_run(&v, &facts, call.list)) {
            continue;
        }
        status = 200;
        text = api_json_list_finish(call.list);
    } else if (call.kind == API_AUDIT) {
        ck_assert_ptr_null(call.body);
        nva_inventory_destroy(inventory);
        inventory = call.audit.inventory;
        repair = call.audit.repair;
        status = 200;
        text = api_json_audit(&v, &facts);
    }
    if (text) {
        answer = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        ck_assert_msg(answer, "not JSON: %s", text);
        free(text);
    }
}

/* 'body' is JSON with ' for ". */
static int
call(enum api_method method, const char *path, const char *body)
{
    char *copy = body ? strdup(body) : strdup("");
    char *p = strdup(path);
    char *query = strchr(p, '?');

    for (char *s = copy; *s; s++) {
        *s = *s == '\'' ? '"' : *s;
    }
    if (query) {
        *query++ = '\0';
    }
    call_bytes(method, p, query, copy, strlen(copy));
    free(copy);
    free(p);
    return status;
}

/* The answer's value at "a.b.0.c". */
static const json_t *
at(const char *where)
{
    const json_t *json = answer;
    char *copy = strdup(where), *save, *word;

    for (word = strtok_r(copy, ".", &save); word && json;
         word = strtok_r(NULL, ".", &save)) {
        json = json_is_array(json) ? json_array_get(json, atoi(word))
                                   : json_object_get(json, word);
    }
    free(copy);
    return json;
}

static const char *
str(const char *where)
{
    const char *s = json_string_value(at(where));

    return s ? s : "(no string)";
}

static int
num(const char *where)
{
    ck_assert_msg(json_is_integer(at(where)), "%s is no integer", where);
    return json_integer_value(at(where));
}

#define DONE(METHOD, PATH, BODY, STATUS)                                    \
    do {                                                                    \
        int got_ = call(METHOD, PATH, BODY);                                \
        ck_assert_msg(got_ == (STATUS), "%s: %d %s %s", PATH, got_,         \
                      str("error.reason"), str("error.field"));             \
    } while (0)

#define REFUSED(METHOD, PATH, BODY, STATUS, REASON, FIELD)                  \
    do {                                                                    \
        DONE(METHOD, PATH, BODY, STATUS);                                   \
        ck_assert_str_eq(str("error.reason"), REASON);                      \
        ck_assert_str_eq(str("error.field"), FIELD);                        \
        ck_assert_int_gt(strlen(str("error.detail")), 3);                   \
    } while (0)

/* Two networks, two NVEs with a port each, one VM. */
static void
make_fabric(void)
{
    DONE(API_PUT, "/v1/vns/red", "{'vni': 10}", 201);
    DONE(API_PUT, "/v1/vns/blue", "{'vni': 11}", 201);
    DONE(API_PUT, "/v1/nves/hv1",
         "{'dpid': '0x1', 'tunnel_ip': '10.0.0.1'}", 201);
    DONE(API_PUT, "/v1/nves/hv2",
         "{'dpid': '0x2', 'tunnel_ip': 'fd00::2'}", 201);
    DONE(API_PUT, "/v1/vms/web",
         "{'interfaces': [{'vn': 'red', 'mac': '02:00:00:00:00:01',"
         " 'ips': ['192.0.2.1', '2001:db8::1'],"
         " 'nve': 'hv1', 'port': 'tap1'}]}", 201);
}

/* ## Objects ## */

START_TEST(test_vn_round_trip)
{
    DONE(API_PUT, "/v1/vns/red",
         "{'name': 'red', 'vni': 4194303, 'binding': 'learn',"
         " 'unknown_question': 'drop', 'unknown_unicast': 'flood',"
         " 'resolution': 'push', 'redirect_timeout': 20, 'mtu': 1400,"
         " 'max_learned': 3}", 201);
    DONE(API_GET, "/v1/vns/red", NULL, 200);
    ck_assert_int_eq(num("vni"), 4194303);
    ck_assert_str_eq(str("binding"), "learn");
    ck_assert_str_eq(str("unknown_question"), "drop");
    ck_assert_str_eq(str("unknown_unicast"), "flood");
    ck_assert_str_eq(str("resolution"), "push");
    ck_assert_int_eq(num("redirect_timeout"), 20);
    ck_assert_int_eq(num("mtu"), 1400);
    ck_assert_int_eq(num("max_learned"), 3);
    ck_assert_int_eq(num("learned"), 0);

    /* An update keeps what it leaves out, and answers the object. */
    DONE(API_PUT, "/v1/vns/red", "{'binding': 'strict', 'mtu': null}", 200);
    ck_assert_str_eq(str("binding"), "strict");
    ck_assert_int_eq(num("redirect_timeout"), 20);
    ck_assert(json_is_null(at("mtu")));

    DONE(API_DELETE, "/v1/vns/red", NULL, 200);
    ck_assert_str_eq(str("deleted"), "red");
    REFUSED(API_GET, "/v1/vns/red", NULL, 404, "not_found", "name");
}
END_TEST

START_TEST(test_vn_defaults)
{
    DONE(API_POST, "/v1/vns", "{'name': 'a/b', 'vni': 7}", 201);
    DONE(API_GET, "/v1/vns/a%2Fb", NULL, 200);
    ck_assert_str_eq(str("binding"), "strict");
    ck_assert_str_eq(str("unknown_question"), "flood");
    ck_assert_str_eq(str("unknown_unicast"), "query");
    ck_assert_int_eq(num("redirect_timeout"), 10);
    ck_assert(json_is_null(at("mtu")));
    DONE(API_GET, "/v1/vns", NULL, 200);
    ck_assert_str_eq(str("vns.0.name"), "a/b");
    REFUSED(API_POST, "/v1/vns", "{'name': 'a/b', 'vni': 8}", 409, "exists",
            "name");
}
END_TEST

START_TEST(test_vn_refusals)
{
    static const struct {
        const char *body;
        int status;
        const char *reason, *field;
    } cases[] = {
        { "{}", 400, "missing_field", "vni" },
        { "{'vni': 0}", 422, "bad_value", "vni" },
        { "{'vni': 4194304}", 422, "bad_value", "vni" },
        { "{'vni': -1}", 422, "bad_value", "vni" },
        { "{'vni': '7'}", 400, "json_type", "vni" },
        { "{'vni': 7.0}", 400, "json_type", "vni" },
        { "{'vni': null}", 400, "json_type", "vni" },
        { "{'vni': 7, 'colour': 1}", 400, "json_field", "colour" },
        { "{'vni': 7, 'name': 'blue'}", 409, "immutable", "name" },
        { "{'vni': 7, 'name': 7}", 400, "json_type", "name" },
        { "{'vni': 7, 'binding': 'lose'}", 422, "bad_value", "binding" },
        { "{'vni': 7, 'binding': 1}", 400, "json_type", "binding" },
        { "{'vni': 7, 'unknown_question': 'query'}", 422, "bad_value",
          "unknown_question" },
        { "{'vni': 7, 'unknown_unicast': ''}", 422, "bad_value",
          "unknown_unicast" },
        { "{'vni': 7, 'resolution': 1}", 400, "json_type", "resolution" },
        { "{'vni': 7, 'lifetime': 65536}", 422, "bad_value", "lifetime" },
        { "{'vni': 7, 'resolution': 'guess'}", 422, "bad_value",
          "resolution" },
        { "{'vni': 7, 'redirect_timeout': 0}", 422, "bad_value",
          "redirect_timeout" },
        { "{'vni': 7, 'redirect_timeout': 301}", 422, "bad_value",
          "redirect_timeout" },
        { "{'vni': 7, 'max_learned': 0}", 422, "bad_value", "max_learned" },
        { "{'vni': 7, 'mtu': 65536}", 422, "bad_value", "mtu" },
        { "[]", 400, "json_type", "body" },
        { "7", 400, "json_syntax", "body" },
        { "{'vni': 7", 400, "json_syntax", "body" },
        { "{'vni': 7} x", 400, "json_syntax", "body" },
        { "{'vni': 7, 'vni': 7}", 400, "json_syntax", "body" },
        { "{'vni': 99999999999999999999}", 400, "json_syntax", "body" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        REFUSED(API_PUT, "/v1/vns/red", cases[i].body, cases[i].status,
                cases[i].reason, cases[i].field);
    }
    ck_assert_uint_eq(directory_n_vns(dir), 0);
}
END_TEST

START_TEST(test_nve_round_trip)
{
    DONE(API_PUT, "/v1/nves/hv1",
         "{'dpid': '00000000000000ff', 'tunnel_ip': '10.0.0.1',"
         " 'tunnel_port': 'vx0', 'role': 'nve', 'zone': 'a',"
         " 'adopt': true}", 201);
    DONE(API_GET, "/v1/nves/hv1", NULL, 200);
    ck_assert_str_eq(str("dpid"), "00000000000000ff");
    ck_assert_str_eq(str("tunnel_ip"), "10.0.0.1");
    ck_assert(json_is_false(at("guessed")));
    ck_assert_str_eq(str("tunnel_port"), "vx0");
    ck_assert_str_eq(str("zone"), "a");
    ck_assert(json_is_true(at("adopt")));
    ck_assert_str_eq(str("state"), "disconnected");
    ck_assert_str_eq(str("openflow"), "1.4");
    ck_assert(json_is_true(at("bundles")));
    ck_assert_int_eq(num("ports"), 0);
    ck_assert_int_eq(num("vaps"), 0);
    ck_assert_int_eq(num("dirty"), 2);
    ck_assert_int_eq(num("quarantined"), 1);

    DONE(API_PUT, "/v1/nves/hv1", "{'tunnel_ip': 'fd00::1'}", 200);
    ck_assert_str_eq(str("tunnel_ip"), "fd00::1");
    ck_assert_str_eq(str("tunnel_port"), "vx0");
    ck_assert_str_eq(str("dpid"), "00000000000000ff");

    DONE(API_GET, "/v1/nves", NULL, 200);
    ck_assert_str_eq(str("nves.0.name"), "hv1");
    ck_assert_str_eq(str("unclaimed.0.dpid"), "0000000000abcdef");
    ck_assert_str_eq(str("unclaimed.0.state"), "unclaimed");
    ck_assert_str_eq(str("unclaimed.0.peer"), "192.0.2.7:40000");
    ck_assert_int_eq(num("unclaimed.0.foreign_flows"), 3);
    DONE(API_DELETE, "/v1/nves/hv1", NULL, 200);
}
END_TEST

START_TEST(test_nve_dpids)
{
    static const struct {
        const char *json, *shown;
    } cases[] = {
        { "'0x1f'", "000000000000001f" },
        { "'0XfF'", "00000000000000ff" },
        { "'0000000000000010'", "0000000000000010" },
        { "'16'", "0000000000000010" },
        { "16", "0000000000000010" },
        { "'0xffffffffffffffff'", "ffffffffffffffff" },
        { "'18446744073709551615'", "ffffffffffffffff" },
    };
    static const char *const bad[] = {
        "''", "'0x'", "'0'", "0", "-1", "'x1'", "'1f'", "'0x1g'", "' 1'",
        "'0x10000000000000000'", "'18446744073709551616'", "'1 '",
        "'00:00:00:00:00:00:00:01'",
    };
    char body[128];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(body, sizeof body, "{'dpid': %s}", cases[i].json);
        DONE(API_PUT, "/v1/nves/hv1", body, 201);
        ck_assert_str_eq(str("dpid"), cases[i].shown);
        DONE(API_DELETE, "/v1/nves/hv1", NULL, 200);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(body, sizeof body, "{'dpid': %s}", bad[i]);
        REFUSED(API_PUT, "/v1/nves/hv1", body, 422, "bad_value", "dpid");
    }
}
END_TEST

START_TEST(test_nve_refusals)
{
    REFUSED(API_PUT, "/v1/nves/hv1", "{}", 400, "missing_field", "dpid");
    REFUSED(API_PUT, "/v1/nves/hv1", "{'dpid': true}", 400, "json_type",
            "dpid");
    REFUSED(API_PUT, "/v1/nves/hv1", "{'dpid': 1, 'role': 'gateway'}", 501,
            "unsupported", "role");
    REFUSED(API_PUT, "/v1/nves/hv1", "{'dpid': 1, 'role': 'king'}", 422,
            "bad_value", "role");
    REFUSED(API_PUT, "/v1/nves/hv1", "{'dpid': 1, 'tunnel_ip': '1.2.3'}",
            422, "bad_value", "tunnel_ip");
    REFUSED(API_PUT, "/v1/nves/hv1", "{'dpid': 1, 'tunnel_ip': 'ff02::1'}",
            422, "bad_ip", "tunnel_ip");
    REFUSED(API_PUT, "/v1/nves/hv1", "{'dpid': 1, 'adopt': 'yes'}", 400,
            "json_type", "adopt");
    REFUSED(API_PUT, "/v1/nves/hv1",
            "{'dpid': 1, 'tunnel_port': 'sixteen-bytes-xx'}", 422,
            "bad_name", "tunnel_port");
    DONE(API_PUT, "/v1/nves/hv1", "{'dpid': 1}", 201);
    REFUSED(API_PUT, "/v1/nves/hv2", "{'dpid': 1}", 409, "dpid_taken",
            "dpid");
}
END_TEST

/* A guessed address that comes back in a GET-modify-PUT stays a guess. */
START_TEST(test_nve_guess_stays)
{
    struct nva_delta d = { .type = NVA_DELTA_NVE_PUT };
    struct nva_dirty_list dirty;

    DONE(API_PUT, "/v1/nves/hv1", "{'dpid': 1}", 201);
    d.nve = *directory_nve_by_name(dir, "hv1");
    d.id = d.nve.id;
    ck_assert_int_eq(nva_ip_parse("10.0.0.9", &d.nve.tunnel_ip), NVA_OK);
    d.nve.tunnel_ip_guessed = true;
    nva_dirty_init(&dirty);
    directory_apply(dir, &d, &dirty);
    nva_dirty_uninit(&dirty);

    DONE(API_PUT, "/v1/nves/hv1",
         "{'tunnel_ip': '10.0.0.9', 'guessed': true, 'zone': 'b',"
         " 'state': 'connected', 'ports': 9}", 200);
    ck_assert(json_is_true(at("guessed")));
    ck_assert_str_eq(str("zone"), "b");
    ck_assert_str_eq(str("state"), "disconnected");
    DONE(API_PUT, "/v1/nves/hv1", "{'tunnel_ip': '10.0.0.9'}", 200);
    ck_assert(json_is_false(at("guessed")));
}
END_TEST

START_TEST(test_port_round_trip)
{
    make_fabric();
    DONE(API_PUT, "/v1/nves/hv2/ports/vnet0", "{'vn': 'red'}", 201);
    ck_assert_str_eq(str("nve"), "hv2");
    ck_assert_str_eq(str("port"), "vnet0");
    ck_assert_str_eq(str("vn"), "red");
    ck_assert(json_is_null(at("mac")));
    ck_assert(json_is_null(at("ofport")));
    ck_assert(json_is_false(at("implied")));
    DONE(API_PUT, "/v1/nves/hv2/ports/vnet0", "{}", 200);
    ck_assert_str_eq(str("vn"), "red");

    DONE(API_PUT, "/v1/nves/hv2/ports/vnet1?mac=02:00:00:00:00:0A",
         "{'vn': 'blue'}", 201);
    ck_assert_str_eq(str("mac"), "02:00:00:00:00:0a");
    DONE(API_GET, "/v1/nves/hv2/ports/vnet1?mac=02%3A00:00:00:00:0a", NULL,
         200);
    REFUSED(API_GET, "/v1/nves/hv2/ports/vnet1", NULL, 404, "not_found",
            "name");
    DONE(API_GET, "/v1/nves/hv2/ports", NULL, 200);
    ck_assert_uint_eq(json_array_size(at("ports")), 2);
    DONE(API_DELETE, "/v1/nves/hv2/ports/vnet1?mac=02:00:00:00:00:0a", NULL,
         200);
    DONE(API_DELETE, "/v1/nves/hv2/ports/vnet0", NULL, 200);
    DONE(API_POST, "/v1/nves/hv2/ports", "{'port': 'a', 'vn': 'red'}", 201);
    REFUSED(API_POST, "/v1/nves/hv2/ports", "{'port': 'a', 'vn': 'red'}",
            409, "exists", "port");
}
END_TEST

START_TEST(test_port_refusals)
{
    make_fabric();
    REFUSED(API_PUT, "/v1/nves/hv2/ports/a", "{}", 400, "missing_field",
            "vn");
    REFUSED(API_POST, "/v1/nves/hv2/ports", "{'vn': 'red'}", 400,
            "missing_field", "port");
    REFUSED(API_PUT, "/v1/nves/hv2/ports/a", "{'vn': 'green'}", 404,
            "not_found", "vn");
    REFUSED(API_PUT, "/v1/nves/hv9/ports/a", "{'vn': 'red'}", 404,
            "not_found", "nve");
    REFUSED(API_GET, "/v1/nves/hv9/ports", NULL, 404, "not_found", "nve");
    REFUSED(API_PUT, "/v1/nves/hv2/ports/sixteen-bytes-xx", "{'vn': 'red'}",
            422, "bad_name", "port");
    REFUSED(API_PUT, "/v1/nves/hv2/ports/a?mac=1", "{'vn': 'red'}", 422,
            "bad_value", "mac");
    REFUSED(API_PUT, "/v1/nves/hv2/ports/a?mac=02:00:00:00:00:01",
            "{'vn': 'red', 'mac': '02:00:00:00:00:02'}", 409, "immutable",
            "mac");
    REFUSED(API_PUT, "/v1/nves/hv2/ports/a?vlan=1", "{'vn': 'red'}", 400,
            "json_field", "vlan");
    REFUSED(API_PUT, "/v1/nves/hv2/ports/a", "{'vn': 'red', 'ofports': 1}",
            400, "json_field", "ofports");
}
END_TEST

START_TEST(test_vm_round_trip)
{
    make_fabric();
    DONE(API_GET, "/v1/vms/web", NULL, 200);
    ck_assert_str_eq(str("origin"), "configured");
    ck_assert_str_eq(str("interfaces.0.name"), "eth0");
    ck_assert_str_eq(str("interfaces.0.vn"), "red");
    ck_assert_str_eq(str("interfaces.0.mac"), "02:00:00:00:00:01");
    ck_assert_str_eq(str("interfaces.0.ips.0"), "192.0.2.1");
    ck_assert_str_eq(str("interfaces.0.ips.1"), "2001:db8::1");
    ck_assert_str_eq(str("interfaces.0.nve"), "hv1");
    ck_assert_str_eq(str("interfaces.0.port"), "tap1");
    ck_assert(json_is_null(at("move")));

    /* What is left out stays, the place too. */
    DONE(API_PUT, "/v1/vms/web", "{'state': 'running'}", 200);
    ck_assert_str_eq(str("state"), "running");
    ck_assert_str_eq(str("interfaces.0.port"), "tap1");
    ck_assert_str_eq(str("connections"), "keep");
    DONE(API_PUT, "/v1/vms/web", "{'connections': 'hold'}", 200);
    DONE(API_PUT, "/v1/vms/web", "{'interfaces': [{'ips': []}]}", 200);
    ck_assert_str_eq(str("state"), "running");
    ck_assert_str_eq(str("connections"), "hold");
    ck_assert_uint_eq(json_array_size(at("interfaces.0.ips")), 0);
    ck_assert_str_eq(str("interfaces.0.nve"), "hv1");
    ck_assert_str_eq(str("interfaces.0.mac"), "02:00:00:00:00:01");

    /* The list replaces the list; names link the old with the new. */
    DONE(API_PUT, "/v1/vms/web",
         "{'interfaces': [{'name': 'eth0'}, {'name': 'eth1', 'vn': 'blue',"
         " 'mac': '02:00:00:00:00:01', 'allowed_macs': []}]}", 200);
    ck_assert_str_eq(str("interfaces.0.port"), "tap1");
    ck_assert_str_eq(str("interfaces.1.vn"), "blue");
    ck_assert(json_is_null(at("interfaces.1.nve")));
    DONE(API_PUT, "/v1/vms/web", "{'interfaces': [{'name': 'eth1'}]}", 200);
    ck_assert_uint_eq(json_array_size(at("interfaces")), 1);
    ck_assert_str_eq(str("interfaces.0.name"), "eth1");
    DONE(API_GET, "/v1/vms", NULL, 200);
    ck_assert_str_eq(str("vms.0.name"), "web");
    DONE(API_DELETE, "/v1/vms/web", NULL, 200);
}
END_TEST

/* What GET shows is what PUT takes. */
START_TEST(test_get_put_is_idempotent)
{
    static const char *const paths[] = {
        "/v1/vns/red", "/v1/nves/hv1", "/v1/nves/hv1/ports/tap1",
        "/v1/vms/web",
    };

    make_fabric();
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        json_t *before;
        char *text;

        DONE(API_GET, paths[i], NULL, 200);
        before = json_incref(answer);
        text = json_dumps(answer, 0);
        DONE(API_PUT, paths[i], text, 200);
        if (strcmp(paths[i], "/v1/nves/hv1/ports/tap1")) {
            ck_assert_msg(json_equal(before, answer), "%s", paths[i]);
        }
        free(text);
        json_decref(before);
    }
}
END_TEST

#define IF "{'interfaces': [{'vn': 'red', 'mac': '02:00:00:00:00:02'"

START_TEST(test_vm_refusals)
{
    static const struct {
        const char *body;
        int status;
        const char *reason, *field;
    } cases[] = {
        { "{'interfaces': {}}", 400, "json_type", "interfaces" },
        { "{'interfaces': [7]}", 400, "json_type", "interfaces[0]" },
        { "{'interfaces': [{'vn': 'red'}]}", 400, "missing_field",
          "interfaces[0].mac" },
        { "{'interfaces': [{'mac': '02:00:00:00:00:02'}]}", 400,
          "missing_field", "interfaces[0].vn" },
        { "{'interfaces': [{}, {}]}", 400, "missing_field",
          "interfaces[0].name" },
        { IF ", 'name': 'a b'}]}", 422, "bad_name", "interfaces[0].name" },
        { IF ", 'name': 7}]}", 400, "json_type", "interfaces[0].name" },
        { IF ", 'name': 'a'}, {'name': 'a'}]}", 409, "exists",
          "interfaces[1].name" },
        { IF ", 'ips': '192.0.2.1'}]}", 400, "json_type",
          "interfaces[0].ips" },
        { IF ", 'ips': ['192.0.2.2', '192.0.2.300']}]}", 422, "bad_value",
          "interfaces[0].ips[1]" },
        { IF ", 'ips': ['224.0.0.1']}]}", 422, "bad_ip",
          "interfaces[0].ips[0]" },
        { IF ", 'ips': [null]}]}", 400, "json_type",
          "interfaces[0].ips[0]" },
        { IF ", 'allowed_macs': '02:00:00:00:00:03'}]}", 400, "json_type",
          "interfaces[0].allowed_macs" },
        { IF ", 'allowed_macs': ['02:00:00:00:00:03', null]}]}", 400,
          "json_type", "interfaces[0].allowed_macs[1]" },
        { IF ", 'allowed_macs': ['03:00:00:00:00:03']}]}", 422, "bad_mac",
          "interfaces[0].allowed_macs[0]" },
        { IF ", 'allowed_macs': ['02:00:00:00:00:03', "
          "'02:00:00:00:00:03']}]}", 409, "mac_taken", "allowed_macs" },
        { IF ", 'speed': 1}]}", 400, "json_field",
          "interfaces[0].speed" },
        { "{'interfaces': [{'vn': 'red', 'mac': '2:0:0:0:0:2'}]}", 422,
          "bad_value", "interfaces[0].mac" },
        { "{'interfaces': [{'vn': 'red', 'mac': '02:00:00:00:00:02:'}]}",
          422, "bad_value", "interfaces[0].mac" },
        { "{'interfaces': [{'vn': 'red', 'mac': 'ff:ff:ff:ff:ff:ff'}]}",
          422, "bad_mac", "interfaces[0].mac" },
        { "{'state': 'asleep'}", 422, "bad_value", "state" },
        { "{'state': 4}", 400, "json_type", "state" },
        { "{'connections': 'cut'}", 422, "bad_value", "connections" },
        { "{'connections': 4}", 400, "json_type", "connections" },
        { "{'nic': []}", 400, "json_field", "nic" },
    };

    make_fabric();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        REFUSED(API_PUT, "/v1/vms/db", cases[i].body, cases[i].status,
                cases[i].reason, cases[i].field);
    }
    ck_assert_uint_eq(directory_n_vms(dir), 1);
    /* What only the registry knows. */
    DONE(API_PUT, "/v1/vms/db", IF ", 'nve': 'hv1'}]}", 422);
    ck_assert_str_eq(str("error.reason"), "port_required");
    DONE(API_PUT, "/v1/vms/db", "{'interfaces': [{'vn': 'green',"
         " 'mac': '02:00:00:00:00:02'}]}", 404);
    DONE(API_PUT, "/v1/vms/db", "{'interfaces': [{'vn': 'red',"
         " 'mac': '02:00:00:00:00:01'}]}", 409);
    ck_assert_str_eq(str("error.reason"), "mac_taken");
    REFUSED(API_POST, "/v1/vms", "{}", 400, "missing_field", "name");
    REFUSED(API_POST, "/v1/vms", "{'name': 'web'}", 409, "exists", "name");
}
END_TEST

START_TEST(test_limits_of_lists)
{
    char body[8192], *s = body;

    make_fabric();
    s += sprintf(s, IF ", 'ips': [");
    for (int i = 0; i <= NVA_IPS_MAX; i++) {
        s += sprintf(s, "%s'192.0.2.%d'", i ? "," : "", i + 10);
    }
    strcpy(s, "]}]}");
    REFUSED(API_PUT, "/v1/vms/db", body, 409, "limit",
            "interfaces[0].ips");

    s = body + sprintf(body, "{'interfaces': [");
    for (int i = 0; i <= NVA_IFS_MAX; i++) {
        s += sprintf(s, "%s{'name': 'e%d'}", i ? "," : "", i);
    }
    strcpy(s, "]}");
    REFUSED(API_PUT, "/v1/vms/db", body, 409, "limit", "interfaces");

    s = body + sprintf(body, "{'to': {'nve': 'hv2', 'ports': {");
    for (int i = 0; i <= NVA_IFS_MAX; i++) {
        s += sprintf(s, "%s'e%d': 'p'", i ? "," : "", i);
    }
    strcpy(s, "}}}");
    REFUSED(API_POST, "/v1/vms/web/moves", body, 409, "limit", "to.ports");
}
END_TEST

/* ## Moves ## */

START_TEST(test_move)
{
    char path[64];
    int id;

    make_fabric();
    now = 2000;
    DONE(API_POST, "/v1/vms/web/moves",
         "{'to': {'nve': 'hv2', 'port': 'tap2'}}", 201);
    id = num("id");
    ck_assert_str_eq(str("vm"), "web");
    ck_assert_str_eq(str("kind"), "hot");
    ck_assert_str_eq(str("cause"), "planned");
    ck_assert_str_eq(str("state"), "prepared");
    ck_assert_str_eq(str("from.nve"), "hv1");
    ck_assert_str_eq(str("from.ports.eth0"), "tap1");
    ck_assert_str_eq(str("to.nve"), "hv2");
    ck_assert_str_eq(str("to.ports.eth0"), "tap2");
    ck_assert_str_eq(str("started"), "2024-02-29T23:59:59.002001Z");
    ck_assert(json_is_null(at("ended")));
    ck_assert_ptr_null(at("timeline"));
    ck_assert(json_is_object(at("blocked_by")));

    snprintf(path, sizeof path, "/v1/moves/%d", id);
    DONE(API_GET, path, NULL, 200);
    ck_assert_str_eq(str("timeline.0.what"), "started");
    ck_assert_int_eq(num("timeline.0.us"), 0);
    DONE(API_GET, "/v1/moves", NULL, 200);
    ck_assert_int_eq(num("moves.0.id"), id);
    ck_assert_ptr_null(at("moves.0.timeline"));
    DONE(API_GET, "/v1/vms/web", NULL, 200);
    ck_assert_int_eq(num("move"), id);
    ck_assert_str_eq(str("interfaces.0.prepared.nve"), "hv2");
    ck_assert_str_eq(str("interfaces.0.prepared.port"), "tap2");

    DONE(API_PUT, "/v1/nves/hv3", "{'dpid': 3}", 201);
    DONE(API_POST, "/v1/vms/web/moves",
         "{'to': {'nve': 'hv3', 'port': 'tap3'}}", 409);
    ck_assert_str_eq(str("error.reason"), "move_in_progress");
    snprintf(path, sizeof path, "/v1/moves/%d/abort", id);
    DONE(API_POST, path, NULL, 200);
    ck_assert_str_eq(str("state"), "aborted");
    DONE(API_POST, path, "{}", 200);    /* Said twice. */
    snprintf(path, sizeof path, "/v1/moves/%d/pause", id);
    DONE(API_POST, path, "{}", 409);
}
END_TEST

/* D16: a start or a pause that came to nothing while its caller waited. */
START_TEST(test_D16_a_caller_that_waited_in_vain)
{
    struct nva_view v;
    char path[64], *body;
    int id;

    make_fabric();
    DONE(API_POST, "/v1/vms/web/moves",
         "{'kind': 'cold', 'timeout': 9, 'to': {'nve': 'hv2',"
         " 'port': 'tap2'}}", 201);
    ck_assert(json_is_true(at("interrupts")));
    ck_assert_int_eq(num("timeout"), 9);
    ck_assert(json_is_string(at("deadline")));
    ck_assert(json_is_null(at("refresh")));
    id = num("id");
    v = view();
    ck_assert_int_eq(api_json_waited(&v, &facts, NVA_REQ_MOVE_START, id,
                                     &body), 201);
    free(body);
    /* An early pause that was given up: the VM must not stop. */
    ck_assert_int_eq(api_json_waited(&v, &facts, NVA_REQ_MOVE_PAUSE, id,
                                     &body), 409);
    ck_assert(strstr(body, "prepared again") != NULL);
    free(body);
    snprintf(path, sizeof path, "/v1/moves/%d/abort", id);
    DONE(API_POST, path, NULL, 200);
    v = view();
    ck_assert_int_eq(api_json_waited(&v, &facts, NVA_REQ_MOVE_ABORT, id,
                                     &body), 200);
    free(body);
    ck_assert_int_eq(api_json_waited(&v, &facts, NVA_REQ_MOVE_PAUSE, id,
                                     &body), 409);
    ck_assert(strstr(body, "\"reason\":\"caller\"") != NULL);
    ck_assert(strstr(body, "aborted meanwhile") != NULL);
    free(body);
    ck_assert_int_eq(api_json_waited(&v, &facts, NVA_REQ_MOVE_START, 99,
                                     &body), 404);
    free(body);
}
END_TEST

START_TEST(test_move_refusals)
{
    static const struct {
        const char *body;
        int status;
        const char *reason, *field;
    } cases[] = {
        { "{}", 400, "missing_field", "to" },
        { "{'to': {}}", 400, "missing_field", "to.nve" },
        { "{'to': 'hv2'}", 400, "json_type", "to" },
        { "{'to': {'nve': 7}}", 400, "json_type", "to.nve" },
        { "{'to': {'nve': 'hv2', 'at': 1}}", 400, "json_field", "to.at" },
        { "{'to': {'nve': 'hv2', 'port': 7}}", 400, "json_type",
          "to.port" },
        { "{'to': {'nve': 'hv2', 'ports': []}}", 400, "json_type",
          "to.ports" },
        { "{'to': {'nve': 'hv2', 'ports': {'eth0': 1}}}", 400, "json_type",
          "to.ports.eth0" },
        { "{'to': {'nve': 'hv2', 'ports': {'a b': 'c'}}}", 422, "bad_name",
          "to.ports.a b" },
        { "{'to': {'nve': 'hv2', 'port': 'a', 'ports': {'b': 'c'}}}", 400,
          "json_field", "to.ports" },
        { "{'refresh': 5, 'to': {'nve': 'hv2'}}", 422, "bad_value",
          "refresh" },
        { "{'kind': 'warm', 'refresh': 301, 'to': {'nve': 'hv2'}}", 422,
          "bad_value", "refresh" },
        { "{'timeout': -1, 'to': {'nve': 'hv2'}}", 422, "bad_value",
          "timeout" },
        { "{'timeout': 604801, 'to': {'nve': 'hv2'}}", 422, "bad_value",
          "timeout" },
        { "{'timeout': 'soon', 'to': {'nve': 'hv2'}}", 400, "json_type",
          "timeout" },
        { "{'kind': 'failover', 'to': {'nve': 'hv2'}}", 501, "unsupported",
          "kind" },
        { "{'kind': 'fast', 'to': {'nve': 'hv2'}}", 422, "bad_value",
          "kind" },
    };

    make_fabric();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        REFUSED(API_POST, "/v1/vms/web/moves", cases[i].body,
                cases[i].status, cases[i].reason, cases[i].field);
    }
    REFUSED(API_GET, "/v1/moves/1x", NULL, 404, "not_found", "id");
    REFUSED(API_GET, "/v1/moves/99999999999999999999999", NULL, 404,
            "not_found", "id");
    REFUSED(API_POST, "/v1/moves/7/pause", NULL, 404, "not_found", "id");
    REFUSED(API_POST, "/v1/moves/7/pause", "{'now': true}", 400,
            "json_field", "now");
    REFUSED(API_POST, "/v1/moves/7/dance", NULL, 404, "not_found", "path");
    DONE(API_POST, "/v1/vms/nobody/moves", "{'to': {'nve': 'hv2'}}", 404);
}
END_TEST

/* ## The rest ## */

START_TEST(test_lookup)
{
    make_fabric();
    DONE(API_GET, "/v1/lookup?vn=red&ip=192.0.2.1", NULL, 200);
    ck_assert_str_eq(str("vm"), "web");
    ck_assert_str_eq(str("interface"), "eth0");
    ck_assert_str_eq(str("nve"), "hv1");
    ck_assert_str_eq(str("port"), "tap1");
    ck_assert_str_eq(str("tunnel_ip"), "10.0.0.1");
    DONE(API_GET, "/v1/lookup?ip=2001%3adb8::1&vn=red", NULL, 200);
    DONE(API_GET, "/v1/lookup?vn=red&mac=02:00:00:00:00:01", NULL, 200);
    ck_assert_str_eq(str("mac"), "02:00:00:00:00:01");

    REFUSED(API_GET, "/v1/lookup?vn=blue&ip=192.0.2.1", NULL, 404,
            "not_found", "ip");
    REFUSED(API_GET, "/v1/lookup?vn=green&ip=192.0.2.1", NULL, 404,
            "not_found", "vn");
    REFUSED(API_GET, "/v1/lookup?ip=192.0.2.1", NULL, 400, "missing_field",
            "vn");
    REFUSED(API_GET, "/v1/lookup?vn=red", NULL, 400, "missing_field", "ip");
    REFUSED(API_GET, "/v1/lookup?vn=red&ip=192.0.2.1&mac=02:00:00:00:00:01",
            NULL, 400, "json_field", "ip");
    REFUSED(API_GET, "/v1/lookup?vn=red&ip=x", NULL, 422, "bad_value", "ip");
    REFUSED(API_GET, "/v1/lookup?vn=red&vn=red", NULL, 400, "json_field",
            "vn");
    REFUSED(API_GET, "/v1/lookup?vn=%zz", NULL, 422, "bad_value", "vn");
    REFUSED(API_GET, "/v1/lookup", NULL, 400, "missing_field", "vn");
}
END_TEST

START_TEST(test_paths_and_methods)
{
    REFUSED(API_GET, "/", NULL, 404, "not_found", "path");
    REFUSED(API_GET, "", NULL, 404, "not_found", "path");
    REFUSED(API_GET, "*", NULL, 404, "not_found", "path");
    REFUSED(API_GET, "/v1/vns/a/b", NULL, 404, "not_found", "path");
    REFUSED(API_GET, "/v1/vns/", NULL, 404, "not_found", "name");
    REFUSED(API_GET, "/v1/vns/a%00b", NULL, 404, "not_found", "name");
    REFUSED(API_PUT, "/v1/vns/a%20b", "{'vni': 7}", 422, "bad_name", "name");
    REFUSED(API_PUT, "/v1/vns/a%2", "{'vni': 7}", 422, "bad_name", "name");
    REFUSED(API_PUT, "/v1/vns/%ff", "{'vni': 7}", 422, "bad_name", "name");
    REFUSED(API_PUT, "/v1/vns/0123456789012345678901234567890123456789012345"
            "678901234567890123", "{'vni': 7}", 422, "bad_name", "name");
    REFUSED(API_DELETE, "/v1/vns", NULL, 405, "method", "method");
    ck_assert_str_eq(str("error.detail"), "allowed here: GET POST");
    REFUSED(API_PUT, "/healthz", NULL, 405, "method", "method");
    REFUSED(API_OTHER, "/v1/vns", NULL, 405, "method", "method");
    REFUSED(API_GET, "/v1/vns?x=1", NULL, 400, "json_field", "x");
    REFUSED(API_GET, "/v1/vns?=", NULL, 400, "json_field", "query");
}
END_TEST

START_TEST(test_events_metrics_and_health_are_the_body_s)
{
    struct nva_view v = view();
    struct api_call c;

    api_json_call(&v, NULL, API_GET, "/v1/events", NULL, NULL, 0, &c);
    ck_assert_int_eq(c.kind, API_EVENTS);
    ck_assert_ptr_null(c.body);
    api_json_call(&v, NULL, API_GET, "/metrics", NULL, NULL, 0, &c);
    ck_assert_int_eq(c.kind, API_METRICS);
    api_json_call(&v, NULL, API_GET, "/healthz", NULL, NULL, 0, &c);
    ck_assert_int_eq(c.kind, API_HEALTH);
}
END_TEST

START_TEST(test_drain)
{
    make_fabric();
    REFUSED(API_GET, "/v1/nves/hv1/drain", NULL, 404, "not_found", "drain");
    REFUSED(API_GET, "/v1/nves/hv9/drain", NULL, 404, "not_found", "name");
    REFUSED(API_POST, "/v1/nves/hv1/drain", "{}", 400, "missing_field", "to");
    REFUSED(API_POST, "/v1/nves/hv1/drain", "{'to': 'hv2'}", 400,
            "json_type", "to");
    REFUSED(API_POST, "/v1/nves/hv1/drain", "{'to': ['hv2', 7]}", 400,
            "json_type", "to[1]");
    REFUSED(API_POST, "/v1/nves/hv1/drain",
            "{'to': ['hv2'], 'parallel': 65}", 422, "bad_value", "parallel");
    REFUSED(API_POST, "/v1/nves/hv1/drain", "{'to': ['hv1']}", 409,
            "same_place", "to");
    DONE(API_POST, "/v1/nves/hv1/drain", "{'to': ['hv2'], 'parallel': 3}",
         200);
    ck_assert_str_eq(str("state"), "running");
    ck_assert_str_eq(str("to.0"), "hv2");
    ck_assert_int_eq(json_integer_value(at("parallel")), 3);
    ck_assert_int_eq(json_integer_value(at("waiting")), 1);
    DONE(API_GET, "/v1/nves/hv1", NULL, 200);
    ck_assert_str_eq(str("drain"), "running");
    DONE(API_DELETE, "/v1/nves/hv1/drain", NULL, 200);
    ck_assert_str_eq(str("state"), "stopped");
    DONE(API_GET, "/v1/nves/hv1/drain", NULL, 200);
    ck_assert_str_eq(str("nve"), "hv1");
    ck_assert_int_eq(json_array_size(at("moves")), 0);
    ck_assert(json_is_null(at("timeout")));
    DONE(API_POST, "/v1/nves/hv1/drain",
         "{'to': ['hv2'], 'timeout': null}", 200);
    ck_assert(json_is_null(at("timeout")));
}
END_TEST

START_TEST(test_D14_audit)
{
    make_fabric();
    DONE(API_GET, "/v1/audit", NULL, 200);
    ck_assert_str_eq(str("state"), "never");
    DONE(API_POST, "/v1/audit", NULL, 200);
    ck_assert_ptr_null(inventory);
    ck_assert(!repair);
    DONE(API_POST, "/v1/audit",
         "{'repair': true, 'inventory': {'vms': [{'name': 'a'}, {'name': 'b',"
         " 'state': 'running', 'later': 1, 'interfaces': ["
         "{'mac': '02:00:00:00:00:01', 'ips': []},"
         "{'mac': '02:00:00:00:00:02', 'name': 'eth1', 'vn': 'red',"
         " 'ips': ['10.0.0.1'], 'nve': 'hv1', 'port': 'tap1'}]}]}}", 200);
    ck_assert(repair);
    ck_assert_uint_eq(inventory->n, 3);
    ck_assert_str_eq(inventory->ifs[0].vm, "a");
    ck_assert(inventory->ifs[1].has_ips);
    ck_assert_str_eq(inventory->ifs[2].vm, "b");
    ck_assert_str_eq(inventory->ifs[2].name, "eth1");
    ck_assert_str_eq(inventory->ifs[2].nve, "hv1");
    ck_assert_str_eq(inventory->ifs[2].port, "tap1");
    ck_assert_uint_eq(inventory->ifs[2].n_ips, 1);
}
END_TEST

START_TEST(test_D14_inventories_that_are_refused)
{
#define BAD(BODY, STATUS, REASON, FIELD) \
    REFUSED(API_POST, "/v1/audit", "{'inventory': " BODY "}", STATUS, \
            REASON, FIELD)
    BAD("[]", 400, "json_type", "inventory");
    BAD("{}", 400, "missing_field", "inventory.vms");
    BAD("{'vms': {}}", 400, "json_type", "inventory.vms");
    BAD("{'vms': [7]}", 400, "json_type", "inventory.vms[0]");
    BAD("{'vms': [{}]}", 400, "missing_field", "inventory.vms[0].name");
    BAD("{'vms': [{'name': 'a b'}]}", 422, "bad_name",
        "inventory.vms[0].name");
    BAD("{'vms': [{'name': 'a', 'interfaces': 1}]}", 400, "json_type",
        "inventory.vms[0].interfaces");
    BAD("{'vms': [{'name': 'a', 'interfaces': [1]}]}", 400, "json_type",
        "inventory.vms[0].interfaces[0]");
    BAD("{'vms': [{'name': 'a', 'interfaces': [{}]}]}", 400, "missing_field",
        "inventory.vms[0].interfaces[0].mac");
    BAD("{'vms': [{'name': 'a', 'interfaces': [{'mac': "
        "'02:00:00:00:00:01'}, {'mac': 'x'}]}]}", 422, "bad_value",
        "inventory.vms[0].interfaces[1].mac");
    REFUSED(API_POST, "/v1/audit",
            "{'inventory': {'vms': [{'name': 'a'}]}, 'repair': 7}", 400,
            "json_type", "repair");
    REFUSED(API_PUT, "/v1/audit", "{}", 405, "method", "method");
#undef BAD
}
END_TEST

START_TEST(test_hostile_bodies)
{
    static const char bad_utf8[] = "{\"vni\": 7, \"\xff\xfe\": 1}";
    static const char cut_utf8[] = "{\"vni\": 7, \"n\xc3\": 1}";
    size_t size = API_BODY_MAX + 1;
    char *big = malloc(size);

    call_bytes(API_PUT, "/v1/vns/red", NULL, bad_utf8, strlen(bad_utf8));
    ck_assert_int_eq(status, 400);
    call_bytes(API_PUT, "/v1/vns/red", NULL, cut_utf8, strlen(cut_utf8));
    ck_assert_str_eq(str("error.reason"), "json_syntax");
    call_bytes(API_PUT, "/v1/vns/red", NULL, "\0\0\0", 3);
    ck_assert_int_eq(status, 400);

    memset(big, '[', size);
    call_bytes(API_PUT, "/v1/vns/red", NULL, big, 10000);
    ck_assert_int_eq(status, 400);
    ck_assert_str_eq(str("error.reason"), "json_syntax");
    call_bytes(API_PUT, "/v1/vns/red", NULL, big, API_BODY_MAX);
    ck_assert_int_eq(status, 400);
    call_bytes(API_PUT, "/v1/vns/red", NULL, big, size);
    ck_assert_int_eq(status, 413);
    ck_assert_str_eq(str("error.reason"), "too_large");

    /* A key that does not fit into the refusal, cut inside a character. */
    strcpy(big, "{\"");
    for (int i = 0; i < 200; i++) {
        strcat(big, "\xc3\xa4");
    }
    strcat(big, "\": 1}");
    call_bytes(API_PUT, "/v1/vns/red", NULL, big, strlen(big));
    ck_assert_str_eq(str("error.reason"), "json_field");
    ck_assert_int_gt(strlen(str("error.field")), 80);
    free(big);
}
END_TEST

START_TEST(test_statuses)
{
    ck_assert_int_eq(api_json_status(NVA_OK), 200);
    ck_assert_int_eq(api_json_status(NVA_R_NOT_FOUND), 404);
    ck_assert_int_eq(api_json_status(NVA_R_METHOD), 405);
    ck_assert_int_eq(api_json_status(NVA_R_TOO_LARGE), 413);
    ck_assert_int_eq(api_json_status(NVA_R_BAD_VALUE), 422);
    ck_assert_int_eq(api_json_status(NVA_R_UNSUPPORTED), 501);
    for (int i = NVA_OK + 1; i < NVA_N_REASONS; i++) {
        int s = api_json_status(i);

        ck_assert_int_ge(s, 400);
        ck_assert_int_lt(s, 502);
    }
    ck_assert_int_eq(api_json_status(NVA_R_MOVE_IN_PROGRESS), 409);
    ck_assert_int_eq(api_json_status(NVA_R_VNI_TAKEN), 409);
}
END_TEST

START_TEST(test_result_of_a_refusal)
{
    struct nva_view v = view();
    struct nva_request rq = { .type = NVA_REQ_VN_DEL };
    char *body;

    nva_plan_start(&plan, 1);
    nva_plan_refuse(&plan, NVA_R_IN_USE, "vn");
    ck_assert_int_eq(api_json_result(&v, NULL, &rq, &plan, &body), 409);
    ck_assert_str_eq(body, "{\"error\":{\"reason\":\"in_use\",\"field\":"
                     "\"vn\",\"detail\":\"other objects depend on it\"}}");
    free(body);
}
END_TEST

START_TEST(test_notes)
{
    struct nva_view v = view();
    struct nva_note note = { .type = NVA_NOTE_ANSWERED };
    char *line;

    ck_assert_ptr_null(api_json_note(&v, &facts, &note));
    note.type = NVA_NOTE_DROPPED;
    note.reason = NVA_R_NOT_INTERESTING;
    ck_assert_ptr_null(api_json_note(&v, &facts, &note));

    /* D15: an announcement that is not believed is seen. */
    note.reason = NVA_R_SPOOFED;
    note.mac.ea[0] = 2;
    line = api_json_note(&v, NULL, &note);
    ck_assert_ptr_nonnull(strstr(line, "\"reason\":\"spoofed\""));
    ck_assert_ptr_nonnull(strstr(line, "\"mac\":\"02:00:00:00:00:00\""));
    ck_assert_ptr_null(strchr(line, '\n'));
    free(line);

    note = (struct nva_note) { .type = NVA_NOTE_MOVE, .move = 7,
                               .state = NVA_MS_DRAINING };
    line = api_json_note(&v, &facts, &note);
    ck_assert_ptr_nonnull(strstr(line, "\"move\":7"));
    ck_assert_ptr_nonnull(strstr(line, "\"state\":\"draining\""));
    ck_assert_ptr_nonnull(strstr(line, "\"2024-02-29T23:59:59.001001Z\""));
    free(line);
}
END_TEST

/* ## Tables ## */

struct fields {
    const char *schema;
    json_t *names;
};

static void
collect(const char *line, void *fields_)
{
    struct fields *f = fields_;
    char schema[32], name[32];

    if (sscanf(line, "field %31s %31s", schema, name) == 2
        && !strcmp(schema, f->schema)) {
        json_object_set_new(f->names, name, json_true());
    }
}

/* Each field shown stands in its table, and the reverse. */
static void
check_fields(const char *schema, const json_t *object)
{
    struct fields f = { schema, json_object() };
    const char *key;
    json_t *value;

    api_json_routes(collect, &f);
    ck_assert_uint_gt(json_object_size(f.names), 0);
    json_object_foreach ((json_t *) object, key, value) {
        ck_assert_msg(json_object_get(f.names, key), "%s.%s is in no table",
                      schema, key);
    }
    json_object_foreach (f.names, key, value) {
        ck_assert_msg(json_object_get(object, key), "%s.%s is not shown",
                      schema, key);
    }
    json_decref(f.names);
}

/* ## Pages ## */

enum { PAGES_VMS = 2300 };

static void
make_many_vms(void)
{
    make_fabric();
    DONE(API_DELETE, "/v1/vms/web", "", 200);
    for (int i = 0; i < PAGES_VMS; i++) {
        char path[32], body[256];

        snprintf(path, sizeof path, "/v1/vms/vm%04d", i * 7 % PAGES_VMS);
        snprintf(body, sizeof body, "{'interfaces': [{'vn': '%s', 'mac': "
                 "'02:00:00:01:%02x:%02x'%s%d'}]}", i % 100 ? "red" : "blue",
                 i >> 8, i & 255, i % 10 ? ", 'name': 'eth"
                 : ", 'nve': 'hv2', 'port': 'p", i);
        DONE(API_PUT, path, body, 201);
    }
}

/* Follows the pages of 'path' (with its "?..."), in the order of names.
 * Deletes what 'del' names after the first page.  Returns how many VMs there
 * were in pages of at most 'limit'. */
static size_t
follow(const char *path, size_t limit, const char *del)
{
    char url[256], last[NVA_NAME_MAX] = "";
    size_t n = 0;

    snprintf(url, sizeof url, "%s", path);
    for (;;) {
        const json_t *vm;
        size_t i;
        char next[NVA_NAME_MAX];

        DONE(API_GET, url, "", 200);
        ck_assert_uint_le(json_array_size(at("vms")), limit);
        json_array_foreach (at("vms"), i, vm) {
            const char *name = json_string_value(json_object_get(vm, "name"));

            ck_assert_int_gt(strcmp(name, last), 0);
            snprintf(last, sizeof last, "%s", name);
            n++;
        }
        if (!at("next")) {
            return n;
        }
        ck_assert_uint_eq(json_array_size(at("vms")), limit);
        ck_assert_int_ge(strcmp(str("next"), last), 0);
        snprintf(next, sizeof next, "%s", str("next"));
        snprintf(url, sizeof url, "%s%cafter=%s", path,
                 strchr(path, '?') ? '&' : '?', next);
        if (del) {
            DONE(API_DELETE, del, "", 200);
            del = NULL;
        }
    }
}

START_TEST(S5_lists_come_in_pages)
{
    make_many_vms();
    ck_assert_uint_eq(follow("/v1/vms", API_PAGE_MAX, NULL), PAGES_VMS);
    ck_assert_uint_eq(follow("/v1/vms?limit=7", 7, NULL), PAGES_VMS);
    ck_assert_uint_eq(follow("/v1/vms?vn=blue", API_PAGE_MAX, NULL),
                      PAGES_VMS / 100);
    ck_assert_uint_eq(follow("/v1/vms?vn=blue&limit=1", 1, NULL),
                      PAGES_VMS / 100);
    ck_assert_uint_eq(follow("/v1/vms?nve=hv2&limit=50", 50, NULL),
                      PAGES_VMS / 10);
    ck_assert_uint_eq(follow("/v1/vms?nve=hv1", API_PAGE_MAX, NULL), 0);
    ck_assert_uint_eq(follow("/v1/vms?state=shutdown", API_PAGE_MAX, NULL),
                      0);
    /* The key goes on when its object is gone. */
    ck_assert_uint_eq(follow("/v1/vms?limit=10", 10, "/v1/vms/vm0009"),
                      PAGES_VMS);
    ck_assert_uint_eq(follow("/v1/vms?limit=10", 10, "/v1/vms/vm0500"),
                      PAGES_VMS - 2);
}
END_TEST

START_TEST(S5_a_slice_is_small)
{
    struct nva_view v = view();
    struct api_call call;
    size_t slices = 0;

    make_many_vms();
    api_json_call(&v, &facts, API_GET, "/v1/vms", "vn=blue", NULL, 0, &call);
    ck_assert_int_eq(call.kind, API_LIST);
    while (!api_json_list_run(&v, &facts, call.list)) {
        slices++;
    }
    ck_assert_uint_ge(slices, PAGES_VMS / 512);
    free(api_json_list_finish(call.list));
}
END_TEST

START_TEST(S5_pages_of_other_lists)
{
    make_fabric();
    DONE(API_GET, "/v1/vns?limit=1", "", 200);
    ck_assert_str_eq(str("vns.0.name"), "blue");
    ck_assert_str_eq(str("next"), "blue");
    DONE(API_GET, "/v1/vns?limit=1&after=blue", "", 200);
    ck_assert_str_eq(str("vns.0.name"), "red");
    ck_assert_ptr_null(at("next"));
    DONE(API_GET, "/v1/nves?limit=1", "", 200);
    ck_assert_str_eq(str("nves.0.name"), "hv1");
    ck_assert_uint_eq(json_array_size(at("unclaimed")), 1);
    DONE(API_GET, "/v1/nves?after=hv1", "", 200);
    ck_assert_str_eq(str("nves.0.name"), "hv2");
    ck_assert_ptr_null(at("unclaimed"));
    DONE(API_GET, "/v1/nves?state=connected", "", 200);
    ck_assert_uint_eq(json_array_size(at("nves")), 0);
    DONE(API_PUT, "/v1/nves/hv1/ports/a", "{'vn': 'red'}", 201);
    DONE(API_PUT, "/v1/nves/hv1/ports/b", "{'vn': 'blue'}", 201);
    DONE(API_GET, "/v1/nves/hv1/ports?vn=blue", "", 200);
    ck_assert_uint_eq(json_array_size(at("ports")), 1);
    ck_assert_str_eq(str("ports.0.port"), "b");
    DONE(API_GET, "/v1/moves?state=done&nve=hv1&limit=1000", "", 200);
    ck_assert_uint_eq(json_array_size(at("moves")), 0);
}
END_TEST

START_TEST(S5_what_a_page_cannot_be)
{
    static const char *const limits[] = {
        "0", "1001", "99999999999999999999", "-1", "x", "1x",
    };

    make_fabric();
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        char path[64];

        snprintf(path, sizeof path, "/v1/vms?limit=%s", limits[i]);
        REFUSED(API_GET, path, "", 422, "bad_value", "limit");
    }
    REFUSED(API_GET, "/v1/vms?vn=none", "", 404, "not_found", "vn");
    REFUSED(API_GET, "/v1/vms?nve=none", "", 404, "not_found", "nve");
    REFUSED(API_GET, "/v1/vms?state=none", "", 422, "bad_value", "state");
    REFUSED(API_GET, "/v1/nves?state=running", "", 422, "bad_value", "state");
    REFUSED(API_GET, "/v1/vns?state=x", "", 400, "json_field", "state");
    REFUSED(API_GET, "/v1/nves/none/ports", "", 404, "not_found", "nve");
}
END_TEST

START_TEST(test_tables_know_what_is_shown)
{
    char path[64];

    make_fabric();
    DONE(API_GET, "/v1/vns/red", NULL, 200);
    check_fields("vn", answer);
    DONE(API_GET, "/v1/nves", NULL, 200);
    check_fields("nve", at("nves.0"));
    check_fields("unclaimed", at("unclaimed.0"));
    DONE(API_GET, "/v1/nves/hv1/ports", NULL, 200);
    check_fields("port", at("ports.0"));
    DONE(API_GET, "/v1/vms/web", NULL, 200);
    check_fields("vm", answer);
    check_fields("interface", at("interfaces.0"));
    DONE(API_GET, "/v1/lookup?vn=red&ip=192.0.2.1", NULL, 200);
    check_fields("lookup", answer);
    DONE(API_POST, "/v1/vms/web/moves",
         "{'to': {'nve': 'hv2', 'ports': {'eth0': 'tap2'}}}", 201);
    snprintf(path, sizeof path, "/v1/moves/%d", num("id"));
    DONE(API_GET, path, NULL, 200);
    check_fields("move", answer);
    check_fields("stamp", at("timeline.0"));
    DONE(API_POST, "/v1/nves/hv1/drain", "{'to': ['hv2']}", 200);
    check_fields("drain", answer);
}
END_TEST

static void
print_line(const char *line, void *aux)
{
    (void) aux;
    puts(line);
}

int
main(int argc, char *argv[])
{
    SRunner *sr;
    Suite *s;
    TCase *tc;
    int failed;

    if (argc > 1 && !strcmp(argv[1], "--routes")) {
        api_json_routes(print_line, NULL);
        return EXIT_SUCCESS;
    }
    s = suite_create("api-json");
    tc = tcase_create("all");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, test_vn_round_trip);
    tcase_add_test(tc, test_vn_defaults);
    tcase_add_test(tc, test_vn_refusals);
    tcase_add_test(tc, test_nve_round_trip);
    tcase_add_test(tc, test_nve_dpids);
    tcase_add_test(tc, test_nve_refusals);
    tcase_add_test(tc, test_nve_guess_stays);
    tcase_add_test(tc, test_port_round_trip);
    tcase_add_test(tc, test_port_refusals);
    tcase_add_test(tc, test_vm_round_trip);
    tcase_add_test(tc, test_get_put_is_idempotent);
    tcase_add_test(tc, test_vm_refusals);
    tcase_add_test(tc, test_limits_of_lists);
    tcase_add_test(tc, test_move);
    tcase_add_test(tc, test_D16_a_caller_that_waited_in_vain);
    tcase_add_test(tc, test_move_refusals);
    tcase_add_test(tc, test_lookup);
    tcase_add_test(tc, test_paths_and_methods);
    tcase_add_test(tc, test_events_metrics_and_health_are_the_body_s);
    tcase_add_test(tc, test_drain);
    tcase_add_test(tc, test_D14_audit);
    tcase_add_test(tc, test_D14_inventories_that_are_refused);
    tcase_add_test(tc, test_hostile_bodies);
    tcase_add_test(tc, test_statuses);
    tcase_add_test(tc, test_result_of_a_refusal);
    tcase_add_test(tc, test_notes);
    tcase_add_test(tc, S5_lists_come_in_pages);
    tcase_add_test(tc, S5_a_slice_is_small);
    tcase_add_test(tc, S5_pages_of_other_lists);
    tcase_add_test(tc, S5_what_a_page_cannot_be);
    tcase_add_test(tc, test_tables_know_what_is_shown);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
