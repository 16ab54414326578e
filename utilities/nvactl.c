/* SPDX-License-Identifier: Apache-2.0 */

/* nvactl: the command line of nvad.  A command is a row of the table below;
 * most rows need no code of their own, only the path and the fields of their
 * object.  Decides nothing: nvad says what is refused and why. */

#include "nvactl.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static nvactl_run run_show, run_lookup, run_move_start, run_move_change;
static nvactl_run run_move_show, run_move_list, run_events, run_help;

static const struct nvactl_option_spec vn_options[] = {
    { "vni", "vni", 'i' }, { "binding", "binding", 's' },
    { "resolution", "resolution", 's' }, { "lifetime", "lifetime", 'i' },
    { "unknown-question", "unknown_question", 's' },
    { "unknown-unicast", "unknown_unicast", 's' },
    { "port-security", "port_security", 's' },
    { "shared-ip", "shared_ips", 'l' },
    { "redirect-timeout", "redirect_timeout", 'i' }, { "mtu", "mtu", 'i' },
    { "duplicate-moves", "duplicate_moves", 'i' },
    { "duplicate-window", "duplicate_window", 'i' },
    { "freeze-time", "freeze_time", 'i' },
    { "max-learned", "max_learned", 'i' },
    { "age", "age", 'i' },
    { "tenant", "tenant", 's' }, { "isolation", "isolation", 's' },
    { NULL, NULL, 0 },
};
#define VM_USAGE " [--ip IP]...\n" \
    "        [--allowed-mac MAC]... [--role router|dhcp_server]...\n" \
    "        [--nve NVE --port PORT]\n" \
    "        [--sticky yes|no] [--state STATE] [--connections WORD]"
#define VN_USAGE " [--binding strict|learn] [--resolution auto|push|pull]\n" \
    "        [--unknown-question flood|drop] " \
    "[--unknown-unicast query|flood|drop]\n" \
    "        [--port-security mac|full|none] [--shared-ip IP]...\n" \
    "        [--lifetime SECONDS] [--redirect-timeout SECONDS] " \
    "[--mtu BYTES]\n" \
    "        [--duplicate-moves N] [--duplicate-window SECONDS] " \
    "[--freeze-time SECONDS]\n" \
    "        [--max-learned N] [--age SECONDS] [--tenant NAME]\n" \
    "        [--isolation shared|exclusive]"

static const struct nvactl_option_spec nve_options[] = {
    { "dpid", "dpid", 's' }, { "tunnel-ip", "tunnel_ip", 's' },
    { "tunnel-port", "tunnel_port", 's' }, { "role", "role", 's' },
    { "zone", "zone", 's' }, { "adopt", "adopt", 'b' },
    { NULL, NULL, 0 },
};
#define NVE_USAGE " [--tunnel-ip IP] [--tunnel-port PORT] [--adopt]\n" \
    "        [--role nve|gateway] [--zone ZONE]"

static const struct nvactl_option_spec drain_options[] = {
    { "to", NULL, 'l' }, { "parallel", NULL, 'i' },
    { "timeout", NULL, 'i' }, { "stop", NULL, 'b' }, { "follow", NULL, 'b' },
    { "no-wait", NULL, 'b' }, { NULL, NULL, 0 },
};

static const struct nvactl_option_spec port_add_options[] = {
    { "vn", "vn", 's' }, { "mac", "mac", 's' }, { NULL, NULL, 0 },
};
static const struct nvactl_option_spec port_del_options[] = {
    { "mac", NULL, 's' }, { NULL, NULL, 0 },
};

static const struct nvactl_option_spec vm_options[] = {
    { "state", NULL, 's' }, { "connections", NULL, 's' },
    { "vn", "vn", 's' }, { "mac", "mac", 's' },
    { "ip", "ips", 'l' }, { "allowed-mac", "allowed_macs", 'l' },
    { "role", "roles", 'l' },
    { "nve", "nve", 's' }, { "port", "port", 's' },
    { "sticky", NULL, 's' },
    { NULL, NULL, 0 },
};
static const struct nvactl_option_spec nic_options[] = {
    { "vn", "vn", 's' }, { "mac", "mac", 's' }, { "ip", "ips", 'l' },
    { "allowed-mac", "allowed_macs", 'l' },
    { "role", "roles", 'l' },
    { "nve", "nve", 's' }, { "port", "port", 's' }, { NULL, NULL, 0 },
};
static const struct nvactl_option_spec move_options[] = {
    { "to", NULL, 's' }, { "port", NULL, 'l' }, { "kind", NULL, 's' },
    { "wait", NULL, 's' }, { "timeout", NULL, 's' },
    { "refresh", NULL, 's' }, { NULL, NULL, 0 },
};
static const struct nvactl_option_spec pause_options[] = {
    { "early", NULL, 's' }, { NULL, NULL, 0 },
};
static const struct nvactl_option_spec lookup_options[] = {
    { "vn", NULL, 's' }, { "ip", NULL, 's' }, { "mac", NULL, 's' },
    { NULL, NULL, 0 },
};

static const struct nvactl_option_spec audit_options[] = {
    { "inventory", NULL, 's' }, { "repair", NULL, 'b' }, { NULL, NULL, 0 },
};

#define VNS "/v1/vns", "vns"
#define NVES "/v1/nves", "nves"
#define VMS "/v1/vms", "vms"
#define MOVES "/v1/moves", "moves"

static const struct nvactl_command commands[] = {
    { "show", "", 0, "", NULL, run_show, NULL, NULL },
    { "vn", "add", 1, " NAME --vni N" VN_USAGE, vn_options, nvactl_add, VNS },
    { "vn", "set", 1, " NAME" VN_USAGE, vn_options, nvactl_set, VNS },
    { "vn", "del", 1, " NAME", NULL, nvactl_del, VNS },
    { "vn", "list", 0, "", NULL, nvactl_list, VNS },
    { "vn", "show", 1, " NAME", NULL, nvactl_show_one, VNS },
    { "nve", "add", 1, " NAME --dpid D" NVE_USAGE, nve_options, nvactl_add,
      NVES },
    { "nve", "set", 1, " NAME [--dpid D]" NVE_USAGE, nve_options, nvactl_set,
      NVES },
    { "nve", "del", 1, " NAME", NULL, nvactl_del, NVES },
    { "nve", "list", 0, "", NULL, nvactl_list, NVES },
    { "nve", "show", 1, " NAME", NULL, nvactl_show_one, NVES },
    { "nve", "drain", 1 | NVACTL_MORE,
      " NVE --to NVE... [--parallel N] [--timeout SECONDS]\n"
      "        [--no-wait] [--follow | --stop]", drain_options, nvactl_drain,
      NVES },
    { "port", "add", 2, " NVE PORT --vn VN [--mac MAC]", port_add_options,
      nvactl_port_add, NVES },
    { "port", "del", 2, " NVE PORT [--mac MAC]", port_del_options,
      nvactl_port_del, NVES },
    { "port", "list", 1, " NVE", NULL, nvactl_port_list, NVES },
    { "vm", "add", 1, " NAME --vn VN --mac MAC" VM_USAGE, vm_options,
      nvactl_vm_add, VMS },
    { "vm", "set", 1, " NAME [--vn VN] [--mac MAC]" VM_USAGE, vm_options,
      nvactl_vm_set, VMS },
    { "vm", "del", 1, " NAME", NULL, nvactl_del, VMS },
    { "vm", "list", 0, "", NULL, nvactl_list, VMS },
    { "vm", "show", 1, " NAME", NULL, nvactl_show_one, VMS },
    { "vm", "thaw", 1, " NAME", NULL, nvactl_vm_thaw, VMS },
    { "vm", "nic add", 2, " VM INTERFACE --vn VN --mac MAC [--ip IP]...\n"
      "        [--allowed-mac MAC]... [--role router|dhcp_server]...\n"
      "        [--nve NVE --port PORT]", nic_options,
      nvactl_nic_add, VMS },
    { "vm", "nic del", 2, " VM INTERFACE", NULL, nvactl_nic_del, VMS },
    { "move", "start", 1, " VM --to NVE [--port [IF=]PORT]... "
      "[--kind hot|warm|cold]\n        [--wait prepared|done] "
      "[--timeout SECONDS] [--refresh SECONDS]", move_options,
      run_move_start, MOVES },
    { "move", "pause", 1, " VM|ID [--early MILLISECONDS]",
      pause_options, run_move_change, MOVES },
    { "move", "activate", 1, " VM|ID", NULL, run_move_change, MOVES },
    { "move", "abort", 1, " VM|ID", NULL, run_move_change, MOVES },
    { "move", "show", 1, " VM|ID", NULL, run_move_show, MOVES },
    { "move", "list", 0, "", NULL, run_move_list, MOVES },
    { "lookup", "", 0, " --vn VN (--ip IP | --mac MAC)", lookup_options,
      run_lookup, NULL, NULL },
    { "audit", "", 0, " [--inventory FILE] [--repair]", audit_options,
      nvactl_audit, NULL, NULL },
    { "events", "", 0, "", NULL, run_events, NULL, NULL },
    { "help", "", NVACTL_MORE, " [COMMAND]", NULL, run_help, NULL, NULL },
    { NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL },
};

static const struct nvactl_command *find_command(int argc, char *argv[],
                                                 int *used);
static int parse_args(int argc, char *argv[], struct nvactl_args *);
static int check_args(const struct nvactl_args *,
                      const struct nvactl_command *);
static int no_such_command(const struct nvactl_args *);
static void usage(FILE *);
static int help(const struct nvactl_args *);
static int command_usage(const struct nvactl_command *);

int
main(int argc, char *argv[])
{
    struct nvactl_args args = { .api = getenv("NVA_API") };
    const struct nvactl_command *command;
    int status, used;

    args.api = args.api && *args.api ? args.api : NVA_DEFAULT_API;
    status = parse_args(argc, argv, &args);
    if (status) {
        return status;
    } else if (nvactl_option(&args, "version")) {
        puts("nvactl (ovs-nva) " NVA_VERSION);
        return NVACTL_DONE;
    } else if (nvactl_option(&args, "help")) {
        return help(&args);
    } else if (!args.n) {
        usage(stderr);
        return NVACTL_USAGE;
    }
    command = find_command(args.n, (char **) args.names, &used);
    if (!command) {
        return no_such_command(&args);
    }
    args.n -= used;
    memmove(args.names, args.names + used, args.n * sizeof *args.names);
    status = check_args(&args, command);
    if (!status) {
        curl_global_init(CURL_GLOBAL_DEFAULT);
        status = command->run(&args, command);
        curl_global_cleanup();
    }
    return status;
}

const char *
nvactl_option(const struct nvactl_args *args, const char *name)
{
    for (size_t i = args->n_given; i-- > 0; ) {
        if (!strcmp(args->given[i].name, name)) {
            return args->given[i].value;
        }
    }
    return NULL;
}

/* ## The command line ## */

static bool
is_flag(const char *name)
{
    static const char *const flags[] = {
        "json", "help", "version", "adopt", "stop", "follow", "no-wait",
        "repair",
    };

    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (!strcmp(flags[i], name)) {
            return true;
        }
    }
    return false;
}

/* Splits the command line into names and options, wherever they stand. */
static int
parse_args(int argc, char *argv[], struct nvactl_args *args)
{
    for (int i = 1; i < argc; i++) {
        struct nvactl_given *given = &args->given[args->n_given];
        char *eq;

        if (!strcmp(argv[i], "-h")) {
            argv[i] = (char *) "--help";
        } else if (!strcmp(argv[i], "-V")) {
            argv[i] = (char *) "--version";
        }
        if (strncmp(argv[i], "--", 2)) {
            if (argv[i][0] == '-' || args->n >= NVACTL_ARGS_MAX) {
                fprintf(stderr, "nvactl: %s: what is that?\n", argv[i]);
                return NVACTL_USAGE;
            }
            args->names[args->n++] = argv[i];
            continue;
        }
        given->name = argv[i] + 2;
        given->value = "";
        eq = strchr(argv[i], '=');
        if (eq) {
            *eq = '\0';
            given->value = eq + 1;
        } else if (!is_flag(given->name)) {
            given->value = argv[++i];
        }
        if (!given->value || (eq && is_flag(given->name))
            || args->n_given + 1 >= NVACTL_OPTIONS_MAX) {
            fprintf(stderr, "nvactl: --%s %s\n", given->name, given->value
                    ? "takes no value, or there are too many options"
                    : "needs a value");
            return NVACTL_USAGE;
        }
        if (!strcmp(given->name, "json")) {
            args->json = true;
        } else if (!strcmp(given->name, "api")) {
            args->api = given->value;
        } else {
            args->n_given++;
        }
    }
    return NVACTL_DONE;
}

/* The command of 'argv', which takes '*used' words. */
static const struct nvactl_command *
find_command(int argc, char *argv[], int *used)
{
    char verb[64];

    for (const struct nvactl_command *c = commands; c->noun; c++) {
        if (strcmp(c->noun, argv[0])) {
            continue;
        }
        *used = !c->verb[0] ? 1 : strchr(c->verb, ' ') ? 3 : 2;
        if (argc < *used) {
            continue;
        }
        snprintf(verb, sizeof verb, "%s%s%s", *used > 1 ? argv[1] : "",
                 *used > 2 ? " " : "", *used > 2 ? argv[2] : "");
        if (!strcmp(c->verb, verb)) {
            return c;
        }
    }
    return NULL;
}

static bool
is_integer(const char *s)
{
    char *end;

    errno = 0;
    (void) strtoll(s, &end, 0);
    return *s && !*end && !errno;
}

/* Refuses what the command does not take. */
static int
check_args(const struct nvactl_args *args, const struct nvactl_command *c)
{
    for (size_t i = 0; i < args->n_given; i++) {
        const struct nvactl_given *given = &args->given[i];
        const struct nvactl_option_spec *o
            = nvactl_find_option(c, given->name);

        if (!o) {
            fprintf(stderr, "nvactl: --%s is not an option here\n",
                    given->name);
            return command_usage(c);
        } else if (o->type == 'i' && !is_integer(given->value)) {
            fprintf(stderr, "nvactl: --%s=%s: not a number\n", given->name,
                    given->value);
            return command_usage(c);
        }
        for (size_t j = 0; j < i && o->type != 'l'; j++) {
            if (!strcmp(args->given[j].name, given->name)) {
                fprintf(stderr, "nvactl: --%s is given twice\n",
                        given->name);
                return command_usage(c);
            }
        }
    }
    return (c->n_names & NVACTL_MORE
            ? args->n >= (c->n_names & ~(size_t) NVACTL_MORE)
            : args->n == c->n_names) ? NVACTL_DONE : command_usage(c);
}

static void
print_command(FILE *stream, const struct nvactl_command *c)
{
    fprintf(stream, "nvactl %s%s%s%s\n", c->noun, c->verb[0] ? " " : "",
            c->verb, c->usage);
}

static int
command_usage(const struct nvactl_command *c)
{
    fputs("usage: ", stderr);
    print_command(stderr, c);
    return NVACTL_USAGE;
}

static int
no_such_command(const struct nvactl_args *args)
{
    fprintf(stderr, "nvactl: no such command: %s%s%s (try nvactl help)\n",
            args->names[0], args->n > 1 ? " " : "",
            args->n > 1 ? args->names[1] : "");
    return NVACTL_USAGE;
}

/* True if 'c' begins with the words of the command line. */
static bool
is_asked_for(const struct nvactl_command *c, const struct nvactl_args *args)
{
    char words[64], asked[64] = "";
    size_t n;

    for (size_t i = 0; i < args->n; i++) {
        n = strlen(asked);
        snprintf(asked + n, sizeof asked - n, "%s ", args->names[i]);
    }
    n = strlen(asked);
    snprintf(words, sizeof words, "%s %s ", c->noun, c->verb);
    return n < sizeof asked - 1 && !strncmp(words, asked, n);
}

/* Says how the commands are used that begin with the words given, or, without
 * one, all of them. */
static int
help(const struct nvactl_args *args)
{
    bool found = false;

    if (!args->n) {
        usage(stdout);
        return NVACTL_DONE;
    }
    for (const struct nvactl_command *c = commands; c->noun; c++) {
        if (is_asked_for(c, args)) {
            print_command(stdout, c);
            found = true;
        }
    }
    if (!found) {
        return no_such_command(args);
    }
    puts("\nMore in nvactl(8).");
    return NVACTL_DONE;
}

static void
usage(FILE *stream)
{
    fprintf(stream, "nvactl: tells nvad what is where, and moves it\n\n");
    for (const struct nvactl_command *c = commands; c->noun; c++) {
        fputs("    ", stream);
        print_command(stream, c);
    }
    fprintf(stream, "\n"
            "    --json                   print what nvad answers\n"
            "    --api=unix:PATH|http://HOST:PORT\n"
            "                             where nvad is (else $NVA_API, else\n"
            "                             " NVA_DEFAULT_API ")\n"
            "    --version                print the version\n"
            "\nExit status: 0 done, 1 refused, 2 wrong usage.\n");
}

static int
run_help(const struct nvactl_args *args,
         const struct nvactl_command *c __attribute__((unused)))
{
    return help(args);
}

/* ## Moves and the rest ## */

static int
run_move_start(const struct nvactl_args *args,
               const struct nvactl_command *c __attribute__((unused)))
{
    return nvactl_move_start(args);
}

static int
run_move_change(const struct nvactl_args *args, const struct nvactl_command *c)
{
    return nvactl_move_change(args, c->verb);
}

static int
run_move_show(const struct nvactl_args *args,
              const struct nvactl_command *c __attribute__((unused)))
{
    return nvactl_move_show(args);
}

static int
run_move_list(const struct nvactl_args *args,
              const struct nvactl_command *c __attribute__((unused)))
{
    return nvactl_move_list(args);
}

static int
run_events(const struct nvactl_args *args,
           const struct nvactl_command *c __attribute__((unused)))
{
    return nvactl_events(args);
}

static int
run_lookup(const struct nvactl_args *args, const struct nvactl_command *c)
{
    const char *key = nvactl_option(args, "ip") ? "ip" : "mac";
    const char *vn = nvactl_option(args, "vn");
    const char *value = nvactl_option(args, key);
    char path[1024], *vn_text, *value_text;
    json_t *answer;
    int status;

    if (!vn || !value
        || (nvactl_option(args, "ip") && nvactl_option(args, "mac"))) {
        return command_usage(c);
    }
    vn_text = curl_easy_escape(NULL, vn, 0);
    value_text = curl_easy_escape(NULL, value, 0);
    snprintf(path, sizeof path, "/v1/lookup?vn=%s&%s=%s", vn_text, key,
             value_text);
    curl_free(vn_text);
    curl_free(value_text);
    status = nvactl_call(args, "GET", path, NULL, &answer);
    if (status) {
        return status;
    } else if (args->json) {
        nvactl_print_json(answer);
    } else {
        nvactl_show_object(answer);
    }
    json_decref(answer);
    return NVACTL_DONE;
}

/* What goes on only: ended moves are `move list`'s. */
static json_t *
active_moves(const json_t *moves)
{
    json_t *list = json_array(), *move;
    size_t i;

    json_array_foreach (moves, i, move) {
        if (nvactl_move_is_active(move)) {
            json_array_append(list, move);
        }
    }
    return list;
}

static void
show_fabric(const json_t *all)
{
    json_t *unclaimed = json_object_get(all, "unclaimed");

    nvactl_show_nves(json_object_get(all, "nves"));
    if (json_array_size(unclaimed)) {
        putchar('\n');
        nvactl_show_unclaimed(unclaimed);
    }
    putchar('\n');
    nvactl_show_vns(json_object_get(all, "vns"));
    putchar('\n');
    nvactl_show_vms(json_object_get(all, "vms"));
    putchar('\n');
    nvactl_show_moves(json_object_get(all, "moves"));
    nvactl_show_n_wrong(json_integer_value(json_object_get(all, "wrong")));
}

static int
run_show(const struct nvactl_args *args,
         const struct nvactl_command *c __attribute__((unused)))
{
    static const char *const keys[] = {
        "nves", "vns", "vms", "moves", "faults",
    };
    json_t *all = json_object();
    int status = NVACTL_DONE;

    for (size_t i = 0; i < sizeof keys / sizeof *keys && !status; i++) {
        char path[16];
        json_t *answer;

        snprintf(path, sizeof path, "/v1/%s", keys[i]);
        status = nvactl_call_list(args, path, keys[i], &answer);
        if (!status) {
            json_object_update(all, answer);
            json_decref(answer);
        }
    }
    if (!status) {
        json_object_set(all, "wrong", json_object_get(all, "count"));
        json_object_del(all, "count");
        json_object_del(all, "left_out");
        json_object_set_new(all, "moves",
                            active_moves(json_object_get(all, "moves")));
        if (args->json) {
            nvactl_print_json(all);
        } else {
            show_fabric(all);
        }
    }
    json_decref(all);
    return status;
}
