/* SPDX-License-Identifier: Apache-2.0 */

/* nvactl's commands on objects: the options given become the fields of a PUT
 * or POST.  Knows the paths of collections; must never decide what nvad would
 * refuse.  A "set" sends only what was given: nvad merges. */

#include "nvactl.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *fields(const struct nvactl_args *,
                      const struct nvactl_command *);
static int write_object(const struct nvactl_args *, const char *method,
                        char *path, json_t *body);
static int get(const struct nvactl_args *, char *path, json_t **out);
static int put_existing(const struct nvactl_args *,
                        const struct nvactl_command *, json_t *body);
static json_t *vm_body(const struct nvactl_args *,
                       const struct nvactl_command *, bool always);
static int get_nics(const struct nvactl_args *, const struct nvactl_command *,
                    const char *without, json_t **list, bool *found);
static int put_nics(const struct nvactl_args *, const struct nvactl_command *,
                    json_t *list);
static int refuse_nic(json_t *list, const char *reason, const char *detail);

const struct nvactl_option_spec *
nvactl_find_option(const struct nvactl_command *c, const char *name)
{
    for (const struct nvactl_option_spec *o = c->options; o && o->name; o++) {
        if (!strcmp(o->name, name)) {
            return o;
        }
    }
    return NULL;
}

int
nvactl_add(const struct nvactl_args *args, const struct nvactl_command *c)
{
    json_t *body = fields(args, c);

    json_object_set_new(body, "name", json_string(args->names[0]));
    return write_object(args, "POST", nvactl_path(c->path, NULL), body);
}

int
nvactl_set(const struct nvactl_args *args, const struct nvactl_command *c)
{
    return put_existing(args, c, fields(args, c));
}

int
nvactl_del(const struct nvactl_args *args, const struct nvactl_command *c)
{
    return write_object(args, "DELETE",
                        nvactl_path(c->path, args->names[0], NULL), NULL);
}

int
nvactl_list(const struct nvactl_args *args, const struct nvactl_command *c)
{
    json_t *answer, *list;
    int status = nvactl_call_list(args, c->path, c->list, &answer);

    if (status) {
        return status;
    }
    list = json_object_get(answer, c->list);
    if (args->json) {
        nvactl_print_json(answer);
    } else if (!strcmp(c->list, "vns")) {
        nvactl_show_vns(list);
    } else if (!strcmp(c->list, "vms")) {
        nvactl_show_vms(list);
    } else {
        list = json_object_get(answer, "unclaimed");
        nvactl_show_nves(json_object_get(answer, c->list));
        if (json_array_size(list)) {
            putchar('\n');
            nvactl_show_unclaimed(list);
        }
    }
    json_decref(answer);
    return NVACTL_DONE;
}

int
nvactl_show_one(const struct nvactl_args *args, const struct nvactl_command *c)
{
    json_t *object;
    int status = get(args, nvactl_path(c->path, args->names[0], NULL),
                     &object);

    if (status) {
        return status;
    } else if (args->json) {
        nvactl_print_json(object);
    } else if (!strcmp(c->list, "vms")) {
        nvactl_show_vm(object);
    } else {
        nvactl_show_object(object);
    }
    json_decref(object);
    return NVACTL_DONE;
}

int
nvactl_port_add(const struct nvactl_args *args, const struct nvactl_command *c)
{
    json_t *body = fields(args, c);

    json_object_set_new(body, "port", json_string(args->names[1]));
    return write_object(args, "POST", nvactl_path(c->path, args->names[0],
                                                  "ports", NULL), body);
}

int
nvactl_port_del(const struct nvactl_args *args, const struct nvactl_command *c)
{
    const char *mac = nvactl_option(args, "mac");
    char *path = nvactl_path(c->path, args->names[0], "ports",
                             args->names[1], NULL);

    if (mac) {
        char *escaped = curl_easy_escape(NULL, mac, 0);
        char *with_mac = NULL;

        if (asprintf(&with_mac, "%s?mac=%s", path, escaped) < 0) {
            abort();
        }
        curl_free(escaped);
        free(path);
        path = with_mac;
    }
    return write_object(args, "DELETE", path, NULL);
}

int
nvactl_port_list(const struct nvactl_args *args,
                 const struct nvactl_command *c)
{
    char *path = nvactl_path(c->path, args->names[0], "ports", NULL);
    json_t *answer;
    int status = nvactl_call_list(args, path, "ports", &answer);

    free(path);
    if (status) {
        return status;
    } else if (args->json) {
        nvactl_print_json(answer);
    } else {
        nvactl_show_ports(json_object_get(answer, "ports"));
    }
    json_decref(answer);
    return NVACTL_DONE;
}

int
nvactl_vm_add(const struct nvactl_args *args, const struct nvactl_command *c)
{
    json_t *body = vm_body(args, c, true);

    json_object_set_new(body, "name", json_string(args->names[0]));
    return write_object(args, "POST", nvactl_path(c->path, NULL), body);
}

int
nvactl_vm_set(const struct nvactl_args *args, const struct nvactl_command *c)
{
    return put_existing(args, c, vm_body(args, c, false));
}

int
nvactl_vm_thaw(const struct nvactl_args *args, const struct nvactl_command *c)
{
    return write_object(args, "POST",
                        nvactl_path(c->path, args->names[0], "thaw", NULL),
                        NULL);
}

int
nvactl_nic_add(const struct nvactl_args *args, const struct nvactl_command *c)
{
    json_t *list, *nif;
    bool found;
    int status = get_nics(args, c, args->names[1], &list, &found);

    if (status) {
        return status;
    } else if (found) {
        return refuse_nic(list, "exists",
                          "the VM has an interface of this name already");
    }
    nif = fields(args, c);
    json_object_set_new(nif, "name", json_string(args->names[1]));
    json_array_append_new(list, nif);
    return put_nics(args, c, list);
}

int
nvactl_nic_del(const struct nvactl_args *args, const struct nvactl_command *c)
{
    json_t *list;
    bool found;
    int status = get_nics(args, c, args->names[1], &list, &found);

    if (status) {
        return status;
    } else if (!found) {
        return refuse_nic(list, "not_found",
                          "the VM has no interface of this name");
    }
    return put_nics(args, c, list);
}

/* ## Parts ## */

/* The fields that the options given fill in. */
static json_t *
fields(const struct nvactl_args *args, const struct nvactl_command *c)
{
    json_t *body = json_object();

    for (size_t i = 0; i < args->n_given; i++) {
        const struct nvactl_given *given = &args->given[i];
        const struct nvactl_option_spec *o
            = nvactl_find_option(c, given->name);
        json_t *value;

        if (!o->field) {
            continue;
        } else if (o->type == 'l') {
            json_t *list = json_object_get(body, o->field);

            if (!list) {
                list = json_array();
                json_object_set_new(body, o->field, list);
            }
            if (given->value[0]) {
                json_array_append_new(list, json_string(given->value));
            }
            continue;
        }
        value = o->type == 'i'
                ? json_integer(strtoll(given->value, NULL, 0))
                : o->type == 'b' ? json_true()
                : given->value[0] ? json_string(given->value) : json_null();
        json_object_set_new(body, o->field, value);
    }
    return body;
}

/* Sends a write; prints the answer if JSON was asked for. */
static int
write_object(const struct nvactl_args *args, const char *method, char *path,
             json_t *body)
{
    json_t *answer = NULL;
    int status = nvactl_call(args, method, path, body, &answer);

    free(path);
    if (!status && args->json) {
        nvactl_print_json(answer);
    }
    json_decref(answer);
    return status;
}

/* GETs 'path' (freed). */
static int
get(const struct nvactl_args *args, char *path, json_t **out)
{
    int status = nvactl_call(args, "GET", path, NULL, out);

    free(path);
    return status;
}

/* PUT would create: 'set' asks first whether there is one. */
static int
put_existing(const struct nvactl_args *args, const struct nvactl_command *c,
             json_t *body)
{
    json_t *old = NULL;
    int status = get(args, nvactl_path(c->path, args->names[0], NULL), &old);

    json_decref(old);
    if (status) {
        json_decref(body);
        return status;
    }
    return write_object(args, "PUT",
                        nvactl_path(c->path, args->names[0], NULL), body);
}

/* {state, connections, sticky, interfaces: [{...}]} with what was given. */
static json_t *
vm_body(const struct nvactl_args *args, const struct nvactl_command *c,
        bool always)
{
    static const char *const words[] = { "state", "connections" };
    const char *sticky = nvactl_option(args, "sticky");
    json_t *nif = fields(args, c), *body = json_object();

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        const char *value = nvactl_option(args, words[i]);

        if (value) {
            json_object_set_new(body, words[i], json_string(value));
        }
    }
    if (sticky) {
        json_object_set_new(body, "sticky",
                            !strcmp(sticky, "yes") ? json_true()
                            : !strcmp(sticky, "no") ? json_false()
                            : json_string(sticky));
    }
    if (always || json_object_size(nif)) {
        json_t *list = json_array();

        json_array_append_new(list, nif);
        json_object_set_new(body, "interfaces", list);
    } else {
        json_decref(nif);
    }
    return body;
}

/* The VM's interfaces but 'without', each by its name only: so
 * nvad keeps all of it, its present place too.  '*found': 'without' is one. */
static int
get_nics(const struct nvactl_args *args, const struct nvactl_command *c,
         const char *without, json_t **list, bool *found)
{
    json_t *vm, *nif;
    size_t i;
    int status = get(args, nvactl_path(c->path, args->names[0], NULL), &vm);

    if (status) {
        return status;
    }
    *list = json_array();
    *found = false;
    json_array_foreach (json_object_get(vm, "interfaces"), i, nif) {
        const char *name = nvactl_string(nif, "name");

        if (!strcmp(name, without)) {
            *found = true;
        } else {
            json_array_append_new(*list, json_pack("{s:s}", "name", name));
        }
    }
    json_decref(vm);
    return NVACTL_DONE;
}

static int
put_nics(const struct nvactl_args *args, const struct nvactl_command *c,
         json_t *list)
{
    return write_object(args, "PUT",
                        nvactl_path(c->path, args->names[0], NULL),
                        json_pack("{s:o}", "interfaces", list));
}

/* The refusals that nvad cannot make: it sees a list of interfaces only. */
static int
refuse_nic(json_t *list, const char *reason, const char *detail)
{
    fprintf(stderr, "nvactl: %s: %s (field interface)\n", reason, detail);
    json_decref(list);
    return NVACTL_REFUSED;
}
