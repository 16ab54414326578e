/* SPDX-License-Identifier: Apache-2.0 */

/* The stage of the stories: see stage.h. */

#include <config.h>

#include "stage.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "pipeline.h"
#include "util.h"

static void
add_nve(struct stage *s, int n, enum stage_flags flags)
{
    bool ipv6 = (flags & STAGE_IPV6) || ((flags & STAGE_MIXED) && n == 2);
    char port[24], path[64];

    ck_assert_int_eq(sim_nve(s->sim, ipv6), n);
    snprintf(port, sizeof port, "tap-c%d", n);
    sim_plug(s->sim, n, port);
    if (n == 1 || !(flags & STAGE_NO_SPARE)) {
        sim_plug(s->sim, n, "tap-vm");
    }
    snprintf(path, sizeof path, "/v1/nves/hv%d", n);
    ck_assert_int_eq(sim_apif(s->sim, "PUT", path, "{\"dpid\": \"%d\"}", n),
                     201);
    snprintf(path, sizeof path, "/v1/nves/hv%d/ports/tap-vm", n);
    must(s, "PUT", path, "{\"vn\": \"blue\"}");
}

static int
add_vm(struct stage *s, const char *name, int tail, int nve, const char *port)
{
    const struct sim_vm vm = {
        name, "blue", { .ea = { 2, 0, 0, 0, 0, tail } },
        { 10, 0, 0, tail }, { 0xfd, 0x10, [15] = tail },
    };
    char path[64];
    int n = sim_vm(s->sim, &vm);

    snprintf(path, sizeof path, "/v1/vms/%s", name);
    ck_assert_int_eq(sim_apif(s->sim, "PUT", path,
                              "{\"interfaces\": [{\"vn\": \"blue\", "
                              "\"mac\": \"02:00:00:00:00:%02x\", "
                              "\"ips\": [\"10.0.0.%d\", \"fd10::%x\"], "
                              "\"nve\": \"hv%d\", \"port\": \"%s\"}]}",
                              tail, tail, tail, nve, port), 201);
    sim_stand(s->sim, n, nve, port);
    return n;
}

void
stage_set(struct stage *s, enum stage_flags flags, uint64_t seed)
{
    memset(s, 0, sizeof *s);
    s->sim = sim_create(seed);
    must(s, "PUT", "/v1/vns/blue",
         flags & STAGE_STRICT ? "{\"vni\": 100}"
                              : "{\"vni\": 100, \"binding\": \"learn\"}");
    if (flags & STAGE_PULL) {
        must(s, "PUT", "/v1/vns/blue", "{\"resolution\": \"pull\"}");
    }
    for (int n = 1; n <= 3; n++) {
        add_nve(s, n, flags);
    }
    sim_settle(s->sim);
    for (int n = 1; n <= 3; n++) {
        static const char *const names[] = { "", "c1", "c2", "c3" };
        char port[24];

        snprintf(port, sizeof port, "tap-c%d", n);
        s->c[n] = add_vm(s, names[n], 10 + n, n, port);
    }
    s->vm = add_vm(s, "vm", 1, 1, "tap-vm");
    all_well(s);
}

void
stage_run_out(struct stage *s)
{
    all_well(s);
    sim_run(s->sim, 20 * NVA_SEC);
    ck_assert_int_eq(n_redirects(s), 0);
    all_well(s);
}

void
stage_strike(struct stage *s)
{
    stage_run_out(s);
    for (int n = 1; n <= 3; n++) {
        free(s->flows[n]);
    }
    sim_destroy(s->sim);
}

void
must(struct stage *s, const char *method, const char *path, const char *json)
{
    int status = sim_api(s->sim, method, path, json);

    ck_assert_msg(status >= 200 && status < 300, "%s %s: %d %s", method, path,
                  status, sim_body(s->sim));
}

void
must_refuse(struct stage *s, const char *method, const char *path,
            const char *json, const char *reason)
{
    int status = sim_api(s->sim, method, path, json);
    char *word = xasprintf("\"reason\":\"%s\"", reason);

    ck_assert_msg(status >= 400, "%s %s: %d %s", method, path, status,
                  sim_body(s->sim));
    ck_assert_msg(strstr(sim_body(s->sim), word) != NULL, "%s %s: %s", method,
                  path, sim_body(s->sim));
    free(word);
}

/* ## Moves ## */

int
start_move(struct stage *s, int to)
{
    json_t *move;
    int id;

    ck_assert_int_eq(sim_apif(s->sim, "POST", "/v1/vms/vm/moves",
                              "{\"to\": {\"nve\": \"hv%d\", "
                              "\"port\": \"tap-vm\"}}", to), 201);
    move = json_loads(sim_body(s->sim), 0, NULL);
    id = json_integer_value(json_object_get(move, "id"));
    json_decref(move);
    return id;
}

int
make_move(struct stage *s, int to)
{
    int id = start_move(s, to);

    sim_settle(s->sim);
    sim_stand(s->sim, s->vm, to, "tap-vm");
    move_verb(s, id, "activate");
    sim_settle(s->sim);
    return id;
}

int
start_and_pause(struct stage *s, int to)
{
    int id = start_move(s, to);

    sim_settle(s->sim);
    move_verb(s, id, "pause");
    sim_settle(s->sim);
    return id;
}

void
move_verb(struct stage *s, int id, const char *verb)
{
    char path[64];

    snprintf(path, sizeof path, "/v1/moves/%d/%s", id, verb);
    must(s, "POST", path, NULL);
}

static json_t *
get_move(struct stage *s, int id)
{
    char path[64];

    snprintf(path, sizeof path, "/v1/moves/%d", id);
    must(s, "GET", path, NULL);
    return json_loads(sim_body(s->sim), 0, NULL);
}

const char *
move_state(struct stage *s, int id)
{
    static char state[32];
    json_t *move = get_move(s, id);

    ovs_strlcpy(state, json_string_value(json_object_get(move, "state")),
                sizeof state);
    json_decref(move);
    return state;
}

static bool
newest_cb(const void *move_, void *id)
{
    const struct nva_move *move = move_;

    *(int *) id = move->id;
    return true;
}

int
last_move(struct stage *s)
{
    struct nva_view v = dispatch_view(sim_dispatch(s->sim), sim_now(s->sim));
    int id = 0;

    directory_each_move(v.dir, newest_cb, &id);
    return id;
}

bool
timeline_has(struct stage *s, int id, const char *what, const char *nve)
{
    return timeline_last(s, id, what, nve) >= 0;
}

long long
timeline_last(struct stage *s, int id, const char *what, const char *nve)
{
    json_t *move = get_move(s, id), *stamp;
    long long last = -1;
    size_t i;

    json_array_foreach (json_object_get(move, "timeline"), i, stamp) {
        const char *w = json_string_value(json_object_get(stamp, "what"));
        const char *n = json_string_value(json_object_get(stamp, "nve"));

        if (!strcmp(w, what) && (!nve || (n && !strcmp(n, nve)))) {
            last = json_integer_value(json_object_get(stamp, "us"));
        }
    }
    json_decref(move);
    return last;
}

/* ## Truth ## */

static const struct nva_tsi *
vm_tsi(struct stage *s, const struct directory **dir)
{
    struct nva_view v = dispatch_view(sim_dispatch(s->sim), sim_now(s->sim));
    const struct nva_vn *vn = directory_vn_by_name(v.dir, "blue");
    const struct eth_addr mac = { .ea = { 2, 0, 0, 0, 0, 1 } };

    *dir = v.dir;
    return directory_tsi_by_mac(v.dir, vn->id, mac);
}

static int
nve_number(const struct directory *dir, nva_id id)
{
    const struct nva_nve *nve = directory_nve(dir, id);

    return nve ? (int) nve->dpid : 0;
}

int
current_nve(struct stage *s)
{
    const struct directory *dir;
    const struct nva_tsi *tsi = vm_tsi(s, &dir);

    return nve_number(dir, tsi->current.nve);
}

int
published_nve(struct stage *s)
{
    const struct directory *dir;
    const struct nva_tsi *tsi = vm_tsi(s, &dir);

    return nve_number(dir, tsi->published.nve);
}

static bool
count_cb(const void *redirect OVS_UNUSED, void *n)
{
    ++*(int *) n;
    return true;
}

int
n_redirects(struct stage *s)
{
    struct nva_view v = dispatch_view(sim_dispatch(s->sim), sim_now(s->sim));
    int n = 0;

    directory_each_redirect(v.dir, count_cb, &n);
    return n;
}

static char *
dump(struct stage *s, int nve)
{
    struct ds ds = DS_EMPTY_INITIALIZER;

    fake_switch_dump(sim_switch(s->sim, nve), &ds);
    return ds_steal_cstr(&ds);
}

int
n_redirect_flows(struct stage *s, int nve)
{
    /* Less the table-miss flow. */
    return (int) fake_switch_n_table(sim_switch(s->sim, nve),
                                     NVA_TABLE_REDIRECT) - 1;
}

void
remember_flows(struct stage *s)
{
    for (int n = 1; n <= 3; n++) {
        free(s->flows[n]);
        s->flows[n] = dump(s, n);
    }
}

void
same_flows(struct stage *s)
{
    for (int n = 1; n <= 3; n++) {
        char *now = dump(s, n);

        ck_assert_str_eq(s->flows[n], now);
        free(now);
    }
}

void
all_well(struct stage *s)
{
    const char *bad;

    sim_settle(s->sim);
    bad = sim_check(s->sim);
    ck_assert_msg(!bad, "%s", bad);
    ck_assert_int_eq(sim_ping_all(s->sim), 0);
    bad = sim_check(s->sim);
    ck_assert_msg(!bad, "%s", bad);
}

int
run_stories(const char *name, TCase *tc)
{
    Suite *suite = suite_create(name);
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 120);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
