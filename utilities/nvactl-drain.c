/* SPDX-License-Identifier: Apache-2.0 */

/* nvactl nve drain: asks nvad to evacuate an NVE and follows it by asking
 * again.  nvad goes on without us: whoever calls again follows again. */

#include "nvactl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { POLL_MSEC = 200 };

static json_t *drain_body(const struct nvactl_args *);
static int follow(const struct nvactl_args *, const char *path, json_t *);
static void print_progress(const json_t *drain);
static int print_end(const struct nvactl_args *, const json_t *drain);

int
nvactl_drain(const struct nvactl_args *args,
             const struct nvactl_command *c __attribute__((unused)))
{
    bool stop = nvactl_option(args, "stop");
    bool follows = nvactl_option(args, "follow");
    const char *method = stop ? "DELETE" : follows ? "GET" : "POST";
    char *path = nvactl_path("/v1/nves", args->names[0], "drain", NULL);
    json_t *drain = NULL;
    int status;

    if ((stop || follows) && (nvactl_option(args, "to") || args->n > 1
                              || nvactl_option(args, "parallel")
                              || nvactl_option(args, "timeout")
                              || (stop && follows))) {
        fprintf(stderr, "nvactl: --stop and --follow stand alone\n");
        free(path);
        return NVACTL_USAGE;
    }
    status = nvactl_call(args, method, path,
                         stop || follows ? NULL : drain_body(args), &drain);
    if (!status && (stop || nvactl_option(args, "no-wait"))) {
        if (args->json) {
            nvactl_print_json(drain);
        } else {
            print_progress(drain);
        }
        json_decref(drain);
    } else if (!status) {
        status = follow(args, path, drain);
    }
    free(path);
    return status;
}

/* Targets: each --to, and the names that follow the NVE's. */
static json_t *
drain_body(const struct nvactl_args *args)
{
    const char *parallel = nvactl_option(args, "parallel");
    const char *timeout = nvactl_option(args, "timeout");
    json_t *body = json_object(), *to = json_array();

    for (size_t i = 0; i < args->n_given; i++) {
        if (!strcmp(args->given[i].name, "to")) {
            json_array_append_new(to, json_string(args->given[i].value));
        }
    }
    for (size_t i = 1; i < args->n; i++) {
        json_array_append_new(to, json_string(args->names[i]));
    }
    if (json_array_size(to)) {
        json_object_set(body, "to", to);
    }
    json_decref(to);
    if (parallel) {
        json_object_set_new(body, "parallel",
                            json_integer(strtoll(parallel, NULL, 0)));
    }
    if (timeout) {
        json_object_set_new(body, "timeout",
                            json_integer(strtoll(timeout, NULL, 0)));
    }
    return body;
}

static long long
number(const json_t *drain, const char *key)
{
    const json_t *value = json_object_get(drain, key);

    return json_is_array(value) ? (long long) json_array_size(value)
                                : json_integer_value(value);
}

static bool
goes_on(const json_t *drain)
{
    return (!strcmp(nvactl_string(drain, "state"), "running")
            || number(drain, "under_way"));
}

/* True if the progress lines of both would be the same. */
static bool
same_progress(const json_t *a, const json_t *b)
{
    static const char *const keys[] = {
        "done", "under_way", "waiting", "refused",
    };

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (number(a, keys[i]) != number(b, keys[i])) {
            return false;
        }
    }
    return !strcmp(nvactl_string(a, "state"), nvactl_string(b, "state"));
}

/* Follows until it has ended.  'drain' is taken over. */
static int
follow(const struct nvactl_args *args, const char *path, json_t *drain)
{
    const struct timespec pause = { 0, POLL_MSEC * 1000000L };
    int status;

    if (!args->json) {
        print_progress(drain);
    }
    while (goes_on(drain)) {
        json_t *next;

        nanosleep(&pause, NULL);
        status = nvactl_call(args, "GET", path, NULL, &next);
        if (status) {
            json_decref(drain);
            return status;
        }
        if (!args->json && !same_progress(drain, next)) {
            print_progress(next);
        }
        json_decref(drain);
        drain = next;
    }
    status = print_end(args, drain);
    json_decref(drain);
    return status;
}

static void
print_progress(const json_t *drain)
{
    printf("%s %s: %lld done, %lld under way, %lld waiting, %lld refused\n",
           nvactl_string(drain, "nve"), nvactl_string(drain, "state"),
           number(drain, "done"), number(drain, "under_way"),
           number(drain, "waiting"), number(drain, "refused"));
    fflush(stdout);
}

/* Refused VMs with why; the status says whether the NVE is empty. */
static int
print_end(const struct nvactl_args *args, const json_t *drain)
{
    size_t i;
    json_t *vm;

    if (args->json) {
        nvactl_print_json(drain);
    } else {
        json_array_foreach (json_object_get(drain, "refused"), i, vm) {
            fprintf(stderr, "nvactl: %s: %s: %s\n",
                    nvactl_string(vm, "reason"), nvactl_string(vm, "vm"),
                    nvactl_string(vm, "detail"));
        }
    }
    return number(drain, "refused") || number(drain, "waiting")
           ? NVACTL_REFUSED : NVACTL_DONE;
}
