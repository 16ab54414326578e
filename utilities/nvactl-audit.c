/* SPDX-License-Identifier: Apache-2.0 */

/* nvactl audit: asks nvad to compare, prints what contradicts. */

#include "nvactl.h"

#include <stdio.h>
#include <string.h>

static json_t *read_inventory(const char *file);

int
nvactl_audit(const struct nvactl_args *args,
             const struct nvactl_command *c __attribute__((unused)))
{
    const char *file = nvactl_option(args, "inventory");
    json_t *body = json_object(), *audit, *findings, *f;
    size_t i, n;
    int status;

    if (file) {
        json_t *inventory = read_inventory(file);

        if (!inventory) {
            json_decref(body);
            return NVACTL_USAGE;
        }
        json_object_set_new(body, "inventory", inventory);
    }
    if (nvactl_option(args, "repair")) {
        json_object_set_new(body, "repair", json_true());
    }
    status = nvactl_call(args, "POST", "/v1/audit", body, &audit);
    if (status) {
        return status;
    }
    findings = json_object_get(audit, "findings");
    n = json_array_size(findings)
        + json_integer_value(json_object_get(audit, "left_out"));
    if (args->json) {
        nvactl_print_json(audit);
    } else {
        json_array_foreach (findings, i, f) {
            nvactl_show_finding(f);
        }
        printf("%zu contradictions, %lld NVEs, %lld flows", n,
               json_integer_value(json_object_get(audit, "nves")),
               json_integer_value(json_object_get(audit, "flows")));
        if (nvactl_option(args, "repair")) {
            printf(", %lld repaired",
                   json_integer_value(json_object_get(audit, "repaired")));
        }
        putchar('\n');
    }
    json_decref(audit);
    return n ? NVACTL_REFUSED : NVACTL_DONE;
}

/* "-": standard input.  NULL if it is not JSON, which has been said. */
static json_t *
read_inventory(const char *file)
{
    json_error_t error;
    json_t *json = (strcmp(file, "-") ? json_load_file(file, 0, &error)
                    : json_loadf(stdin, 0, &error));

    if (!json) {
        fprintf(stderr, "nvactl: %s: line %d: %s\n", file, error.line,
                error.text);
    }
    return json;
}
