/* SPDX-License-Identifier: Apache-2.0 */

/* What nvactl prints for people: nvad's objects as aligned text.  Knows the
 * JSON names of interfaces' promise; must never call nvad. */

#include "nvactl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    COLUMNS_MAX = 10,
    CELL_MAX = 512,             /* Bytes shown of one cell. */
};

/* Rows of cells; the first row is the heading. */
struct table {
    size_t n_columns;
    size_t n, allocated;        /* Cells. */
    char **cells;
};

static void table_start(struct table *, ...) __attribute__((sentinel));
static void table_add(struct table *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void table_print(struct table *);
static const char *value_text(const json_t *, char *buf, size_t size);
static const char *place_text(const json_t *, char *buf, size_t size);
static const char *state_text(const json_t *nve, char *buf, size_t size);

void
nvactl_print_json(const json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2));
    putchar('\n');
}

const char *
nvactl_string(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));

    return s && *s ? s : "-";
}

bool
nvactl_move_is_active(const json_t *move)
{
    static const char *const ended[]
        = { "done", "aborted", "failed", "superseded" };
    const char *state = nvactl_string(move, "state");

    for (size_t i = 0; i < sizeof ended / sizeof *ended; i++) {
        if (!strcmp(state, ended[i])) {
            return false;
        }
    }
    return true;
}

void
nvactl_show_vns(const json_t *list)
{
    struct table t;
    json_t *vn;
    size_t i;

    table_start(&t, "NETWORK", "VNI", "BINDING", "UNKNOWN UNICAST",
                "UNKNOWN QUESTION", "RESOLUTION", "REDIRECT", "MTU",
                "TENANT", NULL);
    json_array_foreach (list, i, vn) {
        char mtu[32];

        table_add(&t, "%s", nvactl_string(vn, "name"));
        table_add(&t, "%lld",
                  json_integer_value(json_object_get(vn, "vni")));
        table_add(&t, "%s", nvactl_string(vn, "binding"));
        table_add(&t, "%s", nvactl_string(vn, "unknown_unicast"));
        table_add(&t, "%s", nvactl_string(vn, "unknown_question"));
        table_add(&t, "%s%s", nvactl_string(vn, "resolution"),
                  strcmp(nvactl_string(vn, "resolution"), "auto") ? ""
                  : json_is_true(json_object_get(vn, "pulls")) ? " (pull)"
                  : " (push)");
        table_add(&t, "%lld s", json_integer_value(
                      json_object_get(vn, "redirect_timeout")));
        table_add(&t, "%s", value_text(json_object_get(vn, "mtu"), mtu,
                                       sizeof mtu));
        table_add(&t, "%s%s", nvactl_string(vn, "tenant"),
                  strcmp(nvactl_string(vn, "isolation"), "exclusive") ? ""
                  : ", exclusive");
    }
    table_print(&t);
}

void
nvactl_show_nves(const json_t *list)
{
    struct table t;
    json_t *nve;
    size_t i;

    table_start(&t, "NVE", "DATAPATH ID", "STATE", "OPENFLOW",
                "TUNNEL ADDRESS", "VAPS", "PENDING", "QUARANTINED", NULL);
    json_array_foreach (list, i, nve) {
        char state[CELL_MAX];

        table_add(&t, "%s", nvactl_string(nve, "name"));
        table_add(&t, "%s", nvactl_string(nve, "dpid"));
        table_add(&t, "%s", state_text(nve, state, sizeof state));
        table_add(&t, "%s%s", nvactl_string(nve, "openflow"),
                  json_is_true(json_object_get(nve, "bundles"))
                  || json_is_null(json_object_get(nve, "openflow"))
                  ? "" : " (no bundles)");
        table_add(&t, "%s%s", nvactl_string(nve, "tunnel_ip"),
                  json_is_true(json_object_get(nve, "guessed"))
                  ? " (guessed)" : "");
        table_add(&t, "%lld",
                  json_integer_value(json_object_get(nve, "vaps")));
        table_add(&t, "%lld",
                  json_integer_value(json_object_get(nve, "dirty")));
        table_add(&t, "%lld",
                  json_integer_value(json_object_get(nve, "quarantined")));
    }
    table_print(&t);
}

void
nvactl_show_unclaimed(const json_t *list)
{
    struct table t;
    json_t *bridge;
    size_t i;

    table_start(&t, "UNCLAIMED BRIDGE", "FROM", "OTHERS' FLOWS", NULL);
    json_array_foreach (list, i, bridge) {
        table_add(&t, "%s", nvactl_string(bridge, "dpid"));
        table_add(&t, "%s", nvactl_string(bridge, "peer"));
        table_add(&t, "%lld", json_integer_value(
                      json_object_get(bridge, "foreign_flows")));
    }
    table_print(&t);
}

void
nvactl_show_ports(const json_t *list)
{
    struct table t;
    json_t *port;
    size_t i;

    table_start(&t, "NVE", "PORT", "MAC", "NETWORK", "OFPORT", "MADE BY",
                NULL);
    json_array_foreach (list, i, port) {
        char buf[32];
        const json_t *ofport = json_object_get(port, "ofport");

        table_add(&t, "%s", nvactl_string(port, "nve"));
        table_add(&t, "%s", nvactl_string(port, "port"));
        table_add(&t, "%s", nvactl_string(port, "mac"));
        table_add(&t, "%s", nvactl_string(port, "vn"));
        table_add(&t, "%s", json_is_integer(ofport)
                  ? value_text(ofport, buf, sizeof buf) : "absent");
        table_add(&t, "%s", json_is_true(json_object_get(port, "implied"))
                  ? "its VM" : "port add");
    }
    table_print(&t);
}

static const char *
if_true(const json_t *object, const char *key, const char *text)
{
    return json_is_true(json_object_get(object, key)) ? text : "";
}

/* The cells of one interface; 'vm' NULL: a heading of its own stands above. */
static void
add_interface(struct table *t, const json_t *vm, const json_t *nif)
{
    const json_t *ips = json_object_get(nif, "ips");
    const json_t *prepared = json_object_get(nif, "prepared");
    char here[CELL_MAX], there[CELL_MAX], list[CELL_MAX] = "";
    size_t used = 0, i;
    json_t *ip;

    json_array_foreach (ips, i, ip) {
        int n = snprintf(list + used, sizeof list - used, "%s%s",
                         i ? " " : "", json_string_value(ip));

        used += (size_t) n < sizeof list - used ? (size_t) n : 0;
    }
    if (vm) {
        table_add(t, "%s", nvactl_string(vm, "name"));
        table_add(t, "%s", nvactl_string(vm, "state"));
    }
    table_add(t, "%s", nvactl_string(nif, "name"));
    table_add(t, "%s", nvactl_string(nif, "vn"));
    table_add(t, "%s", nvactl_string(nif, "mac"));
    table_add(t, "%s%s%s%s%s%s", place_text(nif, here, sizeof here),
              json_is_object(prepared) ? " -> " : "",
              json_is_object(prepared)
              ? place_text(prepared, there, sizeof there) : "",
              json_is_true(json_object_get(nif, "early"))
              ? " (paused early)" : if_true(nif, "paused", " (paused)"),
              if_true(nif, "unconfirmed", " (unconfirmed)"),
              if_true(nif, "frozen", " (frozen)"));
    table_add(t, "%s", list);
}

void
nvactl_show_vms(const json_t *list)
{
    struct table t;
    json_t *vm, *nif;
    size_t i, j;

    table_start(&t, "VM", "STATE", "INTERFACE", "NETWORK", "MAC", "PLACE",
                "ADDRESSES", NULL);
    json_array_foreach (list, i, vm) {
        const json_t *nifs = json_object_get(vm, "interfaces");

        json_array_foreach (nifs, j, nif) {
            add_interface(&t, vm, nif);
        }
        if (!json_array_size(nifs)) {
            add_interface(&t, vm, NULL);
        }
    }
    table_print(&t);
}

void
nvactl_show_vm(const json_t *vm)
{
    const json_t *move = json_object_get(vm, "move");
    struct table t;
    json_t *nif, *redirect, *fault;
    size_t i, j;

    printf("%s: %s, %s, connections %s%s", nvactl_string(vm, "name"),
           nvactl_string(vm, "state"), nvactl_string(vm, "origin"),
           nvactl_string(vm, "connections"),
           if_true(vm, "sticky", ", sticky"));
    if (json_is_integer(move)) {
        printf(", move %lld under way", json_integer_value(move));
    }
    printf("\n\n");
    table_start(&t, "INTERFACE", "NETWORK", "MAC", "PLACE", "ADDRESSES",
                "SEQUENCE", NULL);
    json_array_foreach (json_object_get(vm, "interfaces"), i, nif) {
        add_interface(&t, NULL, nif);
        table_add(&t, "%lld", json_integer_value(
                      json_object_get(nif, "sequence")));
    }
    table_print(&t);
    json_array_foreach (json_object_get(vm, "interfaces"), i, nif) {
        json_array_foreach (json_object_get(nif, "redirects"), j, redirect) {
            printf("redirect of %s at %s to %s, %lld s left\n",
                   nvactl_string(nif, "name"), nvactl_string(redirect, "at"),
                   nvactl_string(redirect, "to"), json_integer_value(
                       json_object_get(redirect, "remaining")));
        }
    }
    json_array_foreach (json_object_get(vm, "wrong"), i, fault) {
        printf("\n");
        nvactl_show_finding(fault);
    }
}

void
nvactl_show_finding(const json_t *f)
{
    const char *directory = nvactl_string(f, "directory");

    printf("%s: %s: ", nvactl_string(f, "kind"), nvactl_string(f, "object"));
    if (strcmp(directory, "-")) {
        printf("the directory: %s; found: ", directory);
    }
    printf("%s\n    do: %s\n", nvactl_string(f, "other"),
           nvactl_string(f, "advice"));
}

void
nvactl_show_n_wrong(long long n)
{
    if (n) {
        printf("\n%lld thing%s wrong: nvactl audit\n", n,
               n == 1 ? " is" : "s are");
    }
}

/* "NVE port" of a move's 'from' or 'to'; of several interfaces "eth0=tap0
 * eth1=tap1". */
static const char *
end_text(const json_t *end, char *buf, size_t size)
{
    json_t *ports = json_object_get(end, "ports");
    size_t n = json_object_size(ports);
    size_t used = snprintf(buf, size, "%s", nvactl_string(end, "nve"));
    const char *key;
    json_t *port;

    json_object_foreach (ports, key, port) {
        const char *name = json_is_string(port) ? json_string_value(port)
                                                : "?";

        if (used < size) {
            used += snprintf(buf + used, size - used, " %s%s%s",
                             n > 1 ? key : "", n > 1 ? "=" : "", name);
        }
    }
    return buf;
}

/* "PORT ABSENT at hv1 hv2", or "-". */
static const char *
blocked_text(const json_t *move, char *buf, size_t size)
{
    const json_t *blocked = json_object_get(move, "blocked_by");
    size_t used, i;
    json_t *nve;

    if (!json_is_object(blocked)) {
        return "-";
    }
    used = snprintf(buf, size, "%s", nvactl_string(blocked, "why"));
    json_array_foreach (json_object_get(blocked, "nves"), i, nve) {
        if (used < size && json_is_string(nve)) {
            used += snprintf(buf + used, size - used, "%s%s",
                             i ? " " : ": ", json_string_value(nve));
        }
    }
    return buf;
}

void
nvactl_show_moves(const json_t *list)
{
    struct table t;
    json_t *move;
    size_t i;

    table_start(&t, "MOVE", "VM", "FROM", "TO", "KIND", "CAUSE", "STATE",
                "BLOCKED BY", NULL);
    json_array_foreach (list, i, move) {
        char buf[CELL_MAX];

        table_add(&t, "%lld",
                  json_integer_value(json_object_get(move, "id")));
        table_add(&t, "%s", nvactl_string(move, "vm"));
        table_add(&t, "%s", end_text(json_object_get(move, "from"), buf,
                                     sizeof buf));
        table_add(&t, "%s", end_text(json_object_get(move, "to"), buf,
                                     sizeof buf));
        table_add(&t, "%s", nvactl_string(move, "kind"));
        table_add(&t, "%s", nvactl_string(move, "cause"));
        table_add(&t, "%s%s%s", nvactl_string(move, "state"),
                  json_is_true(json_object_get(move, "ready"))
                  && !strcmp(nvactl_string(move, "state"), "prepared")
                  ? ", ready" : "",
                  if_true(move, "unconfirmed", ", unconfirmed"));
        table_add(&t, "%s", blocked_text(move, buf, sizeof buf));
    }
    table_print(&t);
}

/* One entry of a timeline: "+0.000123 s", what, where. */
static void
add_stamp(struct table *t, const json_t *stamp)
{
    const json_t *packets = json_object_get(stamp, "packets");
    const json_t *times = json_object_get(stamp, "times");
    const char *other = json_string_value(json_object_get(stamp, "other"));
    const char *reason = json_string_value(json_object_get(stamp, "reason"));
    char about[CELL_MAX] = "";
    size_t used = 0;

    if (other) {
        used += snprintf(about, sizeof about, "-> %.64s  ", other);
    }
    if (reason) {
        used += snprintf(about + used, sizeof about - used, "%.64s  ",
                         reason);
    }
    if (json_is_integer(packets)) {
        snprintf(about + used, sizeof about - used, "about %lld packets",
                 json_integer_value(packets));
    } else if (json_integer_value(times) > 1) {
        snprintf(about + used, sizeof about - used, "%lld times",
                 json_integer_value(times));
    }
    table_add(t, "%+12lld us",
              json_integer_value(json_object_get(stamp, "us")));
    table_add(t, "%s", nvactl_string(stamp, "what"));
    table_add(t, "%s", nvactl_string(stamp, "nve"));
    table_add(t, "%s", about);
}

void
nvactl_show_move(const json_t *move)
{
    char buf[CELL_MAX];
    const char *blocked = blocked_text(move, buf, sizeof buf);
    struct table t;
    json_t *stamp;
    size_t i;

    printf("move %lld of %s: %s", json_integer_value(
               json_object_get(move, "id")), nvactl_string(move, "vm"),
           nvactl_string(move, "state"));
    if (json_is_true(json_object_get(move, "ready"))
        && !strcmp(nvactl_string(move, "state"), "prepared")) {
        printf(", ready");
    }
    if (json_is_integer(json_object_get(move, "early_ms"))) {
        printf(", early: it may run on for %lld ms", json_integer_value(
                   json_object_get(move, "early_ms")));
    }
    if (json_is_string(json_object_get(move, "reason"))) {
        printf(" (%s)", nvactl_string(move, "reason"));
    }
    printf("\n  %s, %s%s\n", nvactl_string(move, "kind"),
           nvactl_string(move, "cause"),
           if_true(move, "unconfirmed", ", unconfirmed"));
    if (strcmp(blocked, "-")) {
        printf("  blocked by   %s\n", blocked);
    }
    if (json_is_string(json_object_get(move, "expected_until"))) {
        printf("  %s was carried over all the same?  It is believed to be at "
               "its destination when it shows\n"
               "               itself there, or by 'nvactl move activate "
               "%lld', until %s\n", nvactl_string(move, "vm"),
               json_integer_value(json_object_get(move, "id")),
               nvactl_string(move, "expected_until"));
    }
    printf("  from         %s\n", end_text(
               json_object_get(move, "from"), buf, sizeof buf));
    printf("  to           %s\n", end_text(
               json_object_get(move, "to"), buf, sizeof buf));
    printf("  started      %s\n", nvactl_string(move, "started"));
    if (json_is_string(json_object_get(move, "ended"))) {
        printf("  ended        %s\n", nvactl_string(move, "ended"));
    }
    putchar('\n');
    table_start(&t, "       SINCE START", "WHAT", "NVE", "", NULL);
    json_array_foreach (json_object_get(move, "timeline"), i, stamp) {
        add_stamp(&t, stamp);
    }
    table_print(&t);
}

/* "16:31:07.123456 move     vm=web1 move=12 state=switching": what is null is
 * left out. */
void
nvactl_show_event(const json_t *event)
{
    const char *t = strchr(nvactl_string(event, "t"), 'T');
    const char *key;
    json_t *value;

    printf("%.15s  %-10s", t ? t + 1 : "-", nvactl_string(event, "event"));
    json_object_foreach ((json_t *) event, key, value) {
        char buf[CELL_MAX];

        if (strcmp(key, "t") && strcmp(key, "event")
            && !json_is_null(value)) {
            printf(" %s=%s", key, value_text(value, buf, sizeof buf));
        }
    }
    putchar('\n');
    fflush(stdout);
}

void
nvactl_show_object(const json_t *object)
{
    const char *key;
    json_t *value;

    json_object_foreach ((json_t *) object, key, value) {
        char buf[CELL_MAX];

        printf("%-17s %s\n", key, value_text(value, buf, sizeof buf));
    }
}

/* ## Cells ## */

/* A scalar as text, an array of them with spaces between; "-" for null. */
static const char *
value_text(const json_t *value, char *buf, size_t size)
{
    size_t used = 0, i;
    json_t *item;

    snprintf(buf, size, "-");
    if (json_is_string(value)) {
        snprintf(buf, size, "%s", json_string_value(value));
    } else if (json_is_integer(value)) {
        snprintf(buf, size, "%lld", json_integer_value(value));
    } else if (json_is_boolean(value)) {
        snprintf(buf, size, "%s", json_is_true(value) ? "yes" : "no");
    }
    json_array_foreach (value, i, item) {
        if (used < size && json_is_string(item)) {
            used += snprintf(buf + used, size - used, "%s%s", i ? " " : "",
                             json_string_value(item));
        }
    }
    return buf;
}

/* "NVE port" of what has 'nve' and 'port'. */
static const char *
place_text(const json_t *place, char *buf, size_t size)
{
    if (!json_is_string(json_object_get(place, "nve"))) {
        return "-";
    }
    snprintf(buf, size, "%s %s", nvactl_string(place, "nve"),
             json_is_string(json_object_get(place, "port"))
             ? nvactl_string(place, "port") : "?");
    return buf;
}

static const char *
state_text(const json_t *nve, char *buf, size_t size)
{
    const char *state = nvactl_string(nve, "state");
    long long seconds = json_integer_value(json_object_get(nve,
                                                           "state_seconds"));

    if (!strcmp(state, "disconnected")) {
        snprintf(buf, size, "DISCONNECTED %lld s", seconds);
        return buf;
    }
    return state;
}

static void *
need(void *p)
{
    if (!p) {
        fprintf(stderr, "nvactl: out of memory\n");
        exit(NVACTL_REFUSED);
    }
    return p;
}

static void
table_start(struct table *t, ...)
{
    const char *heading;
    va_list ap;

    memset(t, 0, sizeof *t);
    va_start(ap, t);
    while ((heading = va_arg(ap, const char *))) {
        table_add(t, "%s", heading);
    }
    va_end(ap);
    t->n_columns = t->n;
}

static void
table_add(struct table *t, const char *format, ...)
{
    char cell[CELL_MAX];
    va_list ap;

    va_start(ap, format);
    vsnprintf(cell, sizeof cell, format, ap);
    va_end(ap);
    if (t->n >= t->allocated) {
        t->allocated = t->allocated ? t->allocated * 2 : 64;
        t->cells = need(realloc(t->cells, t->allocated * sizeof *t->cells));
    }
    t->cells[t->n++] = need(strdup(cell));
}

/* Prints and frees the cells; a table of a heading only says so. */
static void
table_print(struct table *t)
{
    size_t width[COLUMNS_MAX] = { 0 };

    for (size_t i = 0; i < t->n; i++) {
        size_t len = strlen(t->cells[i]);
        size_t column = i % t->n_columns;

        width[column] = len > width[column] ? len : width[column];
    }
    for (size_t row = 0; row < t->n; row += t->n_columns) {
        size_t last = t->n_columns - 1;

        while (last && !t->cells[row + last][0]) {
            last--;
        }
        for (size_t i = 0; i < last; i++) {
            printf("%-*s  ", (int) width[i], t->cells[row + i]);
        }
        printf("%s\n", t->cells[row + last]);
    }
    for (size_t i = 0; i < t->n; i++) {
        free(t->cells[i]);
    }
    if (t->n == t->n_columns) {
        printf("(none)\n");
    }
    free(t->cells);
}
