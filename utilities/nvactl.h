/* SPDX-License-Identifier: Apache-2.0 */

/* What the parts of nvactl share: the call to nvad, the parsed command line,
 * the printing. */

#ifndef NVACTL_H
#define NVACTL_H 1

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Where nvad listens when nobody says otherwise. */
#ifndef NVA_DEFAULT_API
#define NVA_DEFAULT_API "unix:/run/ovs-nva/nvad.api"
#endif

/* Exit status. */
enum { NVACTL_DONE = 0, NVACTL_REFUSED = 1, NVACTL_USAGE = 2 };

enum {
    NVACTL_ARGS_MAX = 40,               /* Names on a command line. */
    NVACTL_OPTIONS_MAX = 64,
    NVACTL_MORE = 0x100,                /* Flag in nvactl_command.n_names. */
};

/* An option as given. */
struct nvactl_given {
    const char *name;                   /* Without "--". */
    const char *value;                  /* "" for a flag. */
};

/* A parsed command line. */
struct nvactl_args {
    const char *api;
    bool json;
    size_t n;                           /* Names after the command's words. */
    const char *names[NVACTL_ARGS_MAX];
    size_t n_given;
    struct nvactl_given given[NVACTL_OPTIONS_MAX];
};

/* The last value given for 'name', or NULL. */
const char *nvactl_option(const struct nvactl_args *, const char *name);

struct nvactl_command;
typedef int nvactl_run(const struct nvactl_args *,
                       const struct nvactl_command *);

/* An option and the JSON field it fills. */
struct nvactl_option_spec {
    const char *name;           /* Without "--"; NULL ends. */
    const char *field;          /* NULL: not a field of the object. */
    char type;                  /* 's'tring, 'i'nteger, 'b'oolean flag, 'l'ist
                                 * of strings (may be repeated). */
};

struct nvactl_command {
    const char *noun, *verb;    /* 'verb' "": the noun alone. */
    size_t n_names;             /* With NVACTL_MORE: at least so many. */
    const char *usage;          /* What follows the words. */
    const struct nvactl_option_spec *options;       /* NULL: none. */
    nvactl_run *run;
    const char *path;           /* Of the collection. */
    const char *list;           /* Its JSON key. */
};

/* The option of 'c' called 'name', or NULL. */
const struct nvactl_option_spec *nvactl_find_option(
    const struct nvactl_command *c, const char *name);

/* ## nvactl-object ## */

nvactl_run nvactl_add, nvactl_set, nvactl_del, nvactl_list, nvactl_show_one;
nvactl_run nvactl_port_add, nvactl_port_del, nvactl_port_list;
nvactl_run nvactl_vm_add, nvactl_vm_set, nvactl_vm_thaw;
nvactl_run nvactl_nic_add, nvactl_nic_del;

/* ## nvactl-drain ## */

nvactl_run nvactl_drain;

/* ## nvactl-audit ## */

nvactl_run nvactl_audit;

/* ## nvactl-http: each prints why it fails and returns an exit status. ## */

/* Calls 'method' on 'path' with 'body' (taken over; NULL: none).  Sets '*out'
 * to the answer (the caller's), unless 'out' is NULL. */
int nvactl_call(const struct nvactl_args *, const char *method,
                const char *path, json_t *body, json_t **out);

/* GET of a list: all its pages as one answer, whose list is 'key'. */
int nvactl_call_list(const struct nvactl_args *, const char *path,
                     const char *key, json_t **out);

/* Follows the event stream: 'cb' gets the data of each event. */
int nvactl_follow(const struct nvactl_args *, const char *path,
                  void (*cb)(const char *data, void *aux), void *aux);

/* "PREFIX/name[/more...]" with each name escaped; malloc'd.  NULL ends. */
char *nvactl_path(const char *prefix, ...) __attribute__((sentinel));

/* ## nvactl-move: `move` commands and `events`. ## */

int nvactl_move_start(const struct nvactl_args *);
int nvactl_move_change(const struct nvactl_args *, const char *verb);
int nvactl_move_show(const struct nvactl_args *);
int nvactl_move_list(const struct nvactl_args *);
int nvactl_events(const struct nvactl_args *);

/* ## nvactl-show: for people; 'object' is nvad's. ## */

void nvactl_print_json(const json_t *);
void nvactl_show_vns(const json_t *list);
void nvactl_show_nves(const json_t *list);
void nvactl_show_unclaimed(const json_t *list);
void nvactl_show_ports(const json_t *list);
void nvactl_show_vms(const json_t *list);
void nvactl_show_moves(const json_t *list);
void nvactl_show_vm(const json_t *);
/* A finding of an audit, or what stands. */
void nvactl_show_finding(const json_t *);
/* The last line of show: how many things are wrong, if any are. */
void nvactl_show_n_wrong(long long n);
void nvactl_show_move(const json_t *);
void nvactl_show_event(const json_t *);
/* Any other object: a line for each field. */
void nvactl_show_object(const json_t *);

/* The string at 'key', or "-". */
const char *nvactl_string(const json_t *object, const char *key);
/* True for a move that goes on. */
bool nvactl_move_is_active(const json_t *move);

#endif /* nvactl.h */
