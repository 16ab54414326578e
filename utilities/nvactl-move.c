/* SPDX-License-Identifier: Apache-2.0 */

/* nvactl's commands that take time: `move ...` and `events`.  Waiting is
 * asking again; nvad keeps no caller. */

#include "nvactl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    POLL_MSEC = 50,
    WAIT_SECS = 60,             /* ...longer than nvad's own bound. */
};

static int wait_for(const struct nvactl_args *, const char *id, bool done,
                    double secs, json_t **move);
static bool positive(const struct nvactl_args *, const char *option,
                     json_int_t *value);
static json_t *start_body(const struct nvactl_args *, json_int_t timeout,
                          json_int_t refresh);
static int call_move(const struct nvactl_args *, const char *method,
                     const char *verb, json_t *body, json_t **move);
static int move_of_vm(const struct nvactl_args *, const char *vm,
                      json_int_t *id);
static int print_move(const struct nvactl_args *, json_t *);
static void take_event(const char *data, void *args);

int
nvactl_move_start(const struct nvactl_args *args)
{
    const char *wait = nvactl_option(args, "wait");
    json_int_t timeout = 0, refresh = 0;
    json_t *move = NULL;
    char *path, id[32];
    int status;

    if (!nvactl_option(args, "to") || !positive(args, "timeout", &timeout)
        || !positive(args, "refresh", &refresh)
        || (wait && strcmp(wait, "prepared") && strcmp(wait, "done"))) {
        fprintf(stderr, "nvactl: move start VM --to NVE [--port [IF=]PORT]... "
                "[--kind KIND] [--wait prepared|done]\n"
                "        [--timeout SECONDS] [--refresh SECONDS]\n");
        return NVACTL_USAGE;
    }
    path = nvactl_path("/v1/vms", args->names[0], "moves", NULL);
    status = nvactl_call(args, "POST", path,
                         start_body(args, timeout, refresh), &move);
    free(path);
    if (status) {
        return status;
    }
    snprintf(id, sizeof id, "%lld",
             json_integer_value(json_object_get(move, "id")));
    if (!args->json) {
        puts(id);
        fflush(stdout);
    }
    if (json_is_true(json_object_get(move, "interrupts"))) {
        fprintf(stderr, "nvactl: note: the service of %s will be "
                "interrupted: a cold move\n", args->names[0]);
    }
    if (wait) {
        status = wait_for(args, id, !strcmp(wait, "done"),
                          timeout + WAIT_SECS, &move);
    }
    if (args->json) {
        nvactl_print_json(move);
    }
    json_decref(move);
    return status;
}

/* True for a move whose VM runs at its new place. */
static bool
has_switched(const json_t *move)
{
    static const char *const states[] = {
        "switching", "converging", "draining", "done",
    };

    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        if (!strcmp(nvactl_string(move, "state"), states[i])) {
            return true;
        }
    }
    return false;
}

int
nvactl_move_change(const struct nvactl_args *args, const char *verb)
{
    json_int_t early = 0;
    json_t *move = NULL;
    int status;

    if (!positive(args, "early", &early)) {
        fprintf(stderr, "nvactl: move pause VM|ID [--early MILLISECONDS]\n");
        return NVACTL_USAGE;
    }
    status = call_move(args, "POST", verb, early
                       ? json_pack("{s:I}", "early_ms", early) : NULL, &move);
    if (status) {
        return status;
    }
    if (!strcmp(verb, "pause") && has_switched(move)) {
        fprintf(stderr, "nvactl: note: %s runs at %s already: there is "
                "nothing to pause\n", nvactl_string(move, "vm"),
                nvactl_string(json_object_get(move, "to"), "nve"));
    }
    if (args->json) {
        nvactl_print_json(move);
    }
    json_decref(move);
    return NVACTL_DONE;
}

int
nvactl_move_show(const struct nvactl_args *args)
{
    json_t *move = NULL;
    int status = call_move(args, "GET", NULL, NULL, &move);

    return status ? status : print_move(args, move);
}

int
nvactl_move_list(const struct nvactl_args *args)
{
    json_t *answer;
    int status = nvactl_call_list(args, "/v1/moves", "moves", &answer);

    if (status) {
        return status;
    } else if (args->json) {
        nvactl_print_json(answer);
    } else {
        nvactl_show_moves(json_object_get(answer, "moves"));
    }
    json_decref(answer);
    return NVACTL_DONE;
}

int
nvactl_events(const struct nvactl_args *args)
{
    return nvactl_follow(args, "/v1/events", take_event, (void *) args);
}

/* Calls 'method' on 'verb' (NULL: none) of the move that the command line
 * names by its id or by its VM.  Takes 'body'; '*move' is the caller's. */
static int
call_move(const struct nvactl_args *args, const char *method, const char *verb,
          json_t *body, json_t **move)
{
    const char *name = args->names[0];
    char text[32], *path;
    json_int_t id;
    int status;

    if (name[strspn(name, "0123456789")]) {
        status = move_of_vm(args, name, &id);
        if (status) {
            json_decref(body);
            return status;
        }
        snprintf(text, sizeof text, "%lld", id);
        name = text;
    }
    path = nvactl_path("/v1/moves", name, verb, NULL);
    status = nvactl_call(args, method, path, body, move);
    free(path);
    return status;
}

/* The id of the move of 'vm' that goes on, else of the last one known. */
static int
move_of_vm(const struct nvactl_args *args, const char *vm, json_int_t *id)
{
    char *path = nvactl_path("/v1/vms", vm, NULL);
    json_t *answer, *move;
    size_t i;
    int status = nvactl_call(args, "GET", path, NULL, &answer);

    free(path);
    if (status) {
        return status;
    }
    *id = json_integer_value(json_object_get(answer, "move"));
    json_decref(answer);
    if (*id) {
        return NVACTL_DONE;
    }
    status = nvactl_call(args, "GET", "/v1/moves", NULL, &answer);
    if (status) {
        return status;
    }
    json_array_foreach (json_object_get(answer, "moves"), i, move) {
        json_int_t n = json_integer_value(json_object_get(move, "id"));

        if (!strcmp(nvactl_string(move, "vm"), vm) && n > *id) {
            *id = n;
        }
    }
    json_decref(answer);
    if (!*id) {
        fprintf(stderr, "nvactl: not_found: %s has made no move (field vm)\n",
                vm);
        return NVACTL_REFUSED;
    }
    return NVACTL_DONE;
}

static int
print_move(const struct nvactl_args *args, json_t *move)
{
    if (args->json) {
        nvactl_print_json(move);
    } else {
        nvactl_show_move(move);
    }
    json_decref(move);
    return NVACTL_DONE;
}

/* Sets '*value' to the whole number of an option that may be left out; false
 * if it is none above 0. */
static bool
positive(const struct nvactl_args *args, const char *option, json_int_t *value)
{
    const char *s = nvactl_option(args, option);
    char *end;

    if (!s) {
        return true;
    }
    *value = strtoll(s, &end, 10);
    return *s && !*end && *value > 0;
}

/* {kind, timeout, refresh, to {nve, port | ports}}: --port PORT or --port
 * IF=PORT. */
static json_t *
start_body(const struct nvactl_args *args, json_int_t timeout,
           json_int_t refresh)
{
    const char *kind = nvactl_option(args, "kind");
    json_t *body = json_object(), *to = json_object(), *ports = NULL;

    if (kind) {
        json_object_set_new(body, "kind", json_string(kind));
    }
    if (timeout) {
        json_object_set_new(body, "timeout", json_integer(timeout));
    }
    if (refresh) {
        json_object_set_new(body, "refresh", json_integer(refresh));
    }
    json_object_set_new(to, "nve", json_string(nvactl_option(args, "to")));
    for (size_t i = 0; i < args->n_given; i++) {
        const char *value = args->given[i].value;
        const char *eq = strchr(value, '=');

        if (strcmp(args->given[i].name, "port")) {
            continue;
        } else if (!eq) {
            json_object_set_new(to, "port", json_string(value));
            continue;
        }
        ports = ports ? ports : json_object();
        json_object_setn_new(ports, value, eq - value, json_string(eq + 1));
    }
    if (ports) {
        json_object_set_new(to, "ports", ports);
    }
    json_object_set_new(body, "to", to);
    return body;
}

static double
now_secs(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Asks for the move until it is ready (or 'done') or has ended.  '*move' is
 * replaced by what came last. */
static int
wait_for(const struct nvactl_args *args, const char *id, bool done,
         double secs, json_t **move)
{
    const struct timespec pause = { 0, POLL_MSEC * 1000000L };
    double until = now_secs() + secs;

    for (;;) {
        const char *state = nvactl_string(*move, "state");
        bool active = nvactl_move_is_active(*move);
        bool prepared = !strcmp(state, "prepared");
        json_t *next;
        char *path;
        int status;

        if (!strcmp(state, "done") || (!done && active && (!prepared
            || json_is_true(json_object_get(*move, "ready"))))) {
            return NVACTL_DONE;
        } else if (!active) {
            fprintf(stderr, "nvactl: %s: move %s was %s\n",
                    nvactl_string(*move, "reason"), id, state);
            return NVACTL_REFUSED;
        } else if (now_secs() > until) {
            fprintf(stderr, "nvactl: timeout: move %s is %s after %g s\n",
                    id, state, secs);
            return NVACTL_REFUSED;
        }
        nanosleep(&pause, NULL);
        path = nvactl_path("/v1/moves", id, NULL);
        status = nvactl_call(args, "GET", path, NULL, &next);
        free(path);
        if (status) {
            return status;
        }
        json_decref(*move);
        *move = next;
    }
}

static void
take_event(const char *data, void *args_)
{
    const struct nvactl_args *args = args_;
    json_t *event = json_loads(data, 0, NULL);

    if (args->json || !event) {
        puts(data);
        fflush(stdout);
    } else {
        nvactl_show_event(event);
    }
    json_decref(event);
}
