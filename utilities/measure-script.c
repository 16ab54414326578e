/* SPDX-License-Identifier: Apache-2.0 */

/* Commands of nva-measure.
 *
 * A line is a command, or 'script' and steps separated by ';', each of which
 * is a command.  Steps run one after another inside the main loop, so that a
 * pause between two is as long as asked for whatever the driver does.  The
 * answer is one line of JSON when the last step and the last call are done.
 * Must never know packets.  Invariant: one script at a time. */

#define _GNU_SOURCE 1
#include "measure.h"

#include <stdlib.h>
#include <string.h>

/* A call whose answer does not come may not stop us for good. */
#define CALL_PATIENCE 10000000

#define MAX_ARGS 16

struct step {
    char *args[MAX_ARGS + 1];
    size_t n;
    struct call *call;          /* Of a 'call', or NULL. */
    struct send *send;          /* Of a 'send', or NULL. */
};

struct script {
    struct step *steps;
    size_t n_steps, next;
    struct call calls[MAX_CALLS];
    size_t n_calls;
    struct send sends[MAX_SENDS];
    size_t n_sends;
    int64_t wake;               /* Not before. */
    int64_t call_deadline;      /* Or 0. */
    struct call *waiting;       /* For its answer, or NULL. */
    bool resolving;             /* Waits for flows_resolved(). */
    const char *error;
    char *text;                 /* What the steps print. */
    size_t text_len;
    FILE *out;
};

/* Runs a step.  Returns NULL or what is wrong; may print fields. */
typedef const char *step_function(struct measure *, struct step *, FILE *);

struct verb {
    const char *name;
    size_t min_args;            /* Without the name. */
    step_function *run;
    const char *usage;
};

static const char *split_steps(struct script *, char *line);
static const char *split_words(struct step *, char *text);
static const char *add_step(struct script *, struct step *);
static const char *expand_move(struct script *, struct step *);
static const char *open_sockets(struct measure *, struct script *);
static const char *open_call(struct measure *, struct script *,
                             struct step *);
static const char *open_send(struct script *, struct step *);
static const struct verb *find_verb(const char *name);
static void run_step(struct measure *, struct script *, struct step *);
static bool calls_are_done(const struct script *);
static void finish(struct measure *, struct script *);
static int64_t parse_time(const char *);
static int64_t parse_grace(const struct step *);
static struct place *find_place(struct measure *, struct step *,
                                struct guest **);

void
script_start(struct measure *m, char *line)
{
    struct script *s = calloc(1, sizeof *s);

    if (!s) {
        abort();
    }
    s->steps = calloc(MAX_STEPS, sizeof *s->steps);
    s->out = open_memstream(&s->text, &s->text_len);
    if (!s->steps || !s->out) {
        abort();
    }
    m->script = s;
    s->error = split_steps(s, line);
    if (!s->error) {
        s->error = open_sockets(m, s);
    }
}

/* Runs what may run now.  Returns when it wants to run again. */
int64_t
script_run(struct measure *m, int64_t now)
{
    struct script *s = m->script;

    while (s && !s->error && s->next < s->n_steps) {
        if (s->wake > now) {
            return s->wake;
        }
        if (s->waiting && !s->waiting->done && now < s->call_deadline) {
            return s->call_deadline;
        }
        s->waiting = NULL;
        if (s->resolving && !flows_resolved(m)) {
            return now + 1000;
        }
        s->resolving = false;
        run_step(m, s, &s->steps[s->next]);
        s->next++;
        now = measure_now();
    }
    if (!s) {
        return INT64_MAX;
    }
    /* A sleep, wait or resolve may be the last step. */
    if (!s->error && s->wake > now) {
        return s->wake;
    }
    if (!s->error && s->resolving && !flows_resolved(m)) {
        return now + 1000;
    }
    if (!calls_are_done(s) && now < s->call_deadline) {
        return s->call_deadline;
    }
    finish(m, s);
    return INT64_MAX;
}

/* An answer or its end came for call 'index'. */
void
script_call_ready(struct measure *m, size_t index)
{
    if (m->script && index < m->script->n_calls
        && m->script->calls[index].fd >= 0) {
        call_read(m, &m->script->calls[index]);
    }
}

static const char *
split_steps(struct script *s, char *line)
{
    bool many = !strncmp(line, "script ", 7);
    char *rest = many ? line + 7 : line;

    while (rest) {
        struct step *step = &s->steps[s->n_steps];
        const char *error;

        if (s->n_steps >= MAX_STEPS - 4) {
            return "too many steps";
        }
        error = split_words(step, many ? strsep(&rest, ";") : rest);
        if (error) {
            return error;
        }
        rest = many ? rest : NULL;
        if (!step->n) {
            continue;
        }
        error = add_step(s, step);
        if (error) {
            return error;
        }
    }
    return NULL;
}

/* Words are separated by blanks; what begins with '{' is one word. */
static const char *
split_words(struct step *step, char *text)
{
    memset(step, 0, sizeof *step);
    for (;;) {
        text += strspn(text, " \t\r");
        if (!*text) {
            return NULL;
        }
        if (step->n >= MAX_ARGS) {
            return "too many words";
        }
        step->args[step->n++] = text;
        if (*text == '{') {
            return NULL;
        }
        text += strcspn(text, " \t\r");
        if (*text) {
            *text++ = '\0';
        }
    }
}

static const char *
add_step(struct script *s, struct step *step)
{
    if (!strcmp(step->args[0], "move")) {
        return expand_move(s, step);
    }
    s->n_steps++;
    return NULL;
}

/* move NAME FROM TO [down_us=N] [announce=KIND]: its four steps. */
static const char *
expand_move(struct script *s, struct step *move)
{
    struct step *step = move;
    char *name = move->args[1], *to = move->args[3];
    char *announce = NULL, *down = NULL;

    if (move->n < 4) {
        return "move NAME FROMKEY TOKEY [down_us=N] [announce=KIND]";
    }
    for (size_t i = 4; i < move->n; i++) {
        if (!strncmp(move->args[i], "down_us=", 8)) {
            down = move->args[i] + 8;
        } else if (!strncmp(move->args[i], "announce=", 9)) {
            announce = move->args[i] + 9;
        } else {
            return "move: down_us=N or announce=KIND";
        }
    }
    *step++ = (struct step) { .args = { "pause", name, move->args[2] },
                              .n = 3 };
    if (down) {
        *step++ = (struct step) { .args = { "sleep", down }, .n = 2 };
    }
    *step++ = (struct step) { .args = { "resume", name, to }, .n = 3 };
    if (announce) {
        *step++ = (struct step) { .args = { "announce", name, announce, to },
                                  .n = 4 };
    }
    s->n_steps = step - s->steps;
    return NULL;
}

/* Connects all that connects before the first step runs. */
static const char *
open_sockets(struct measure *m, struct script *s)
{
    const char *error = NULL;

    for (size_t i = 0; i < s->n_steps && !error; i++) {
        struct step *step = &s->steps[i];

        if (!strcmp(step->args[0], "call")) {
            error = open_call(m, s, step);
        } else if (!strcmp(step->args[0], "send")) {
            error = open_send(s, step);
        }
    }
    return error;
}

static const char *
open_call(struct measure *m, struct script *s, struct step *step)
{
    if (s->n_calls >= MAX_CALLS) {
        return "too many calls";
    }
    step->call = &s->calls[s->n_calls];
    return call_open(m, step->call, s->n_calls++, step->args + 1,
                     step->n - 1);
}

static const char *
open_send(struct script *s, struct step *step)
{
    if (s->n_sends >= MAX_SENDS) {
        return "too many sends";
    }
    step->send = &s->sends[s->n_sends++];
    return send_open(step->send, step->args + 1, step->n - 1);
}

static const char *
do_guest(struct measure *m, struct step *st, FILE *out)
{
    (void) out;
    return guest_add(m, st->args[2], st->args + 3, st->n - 3);
}

static const char *
do_place(struct measure *m, struct step *st, FILE *out)
{
    struct guest *g = guest_find(m, st->args[1]);

    (void) out;
    return (g ? place_add(m, g, st->args[2], st->args[3], st->args[4])
            : "no such guest");
}

static const char *
do_unplace(struct measure *m, struct step *st, FILE *out)
{
    struct guest *g;
    struct place *p = find_place(m, st, &g);

    (void) out;
    if (!p) {
        return "no such guest or place";
    }
    place_close(p);
    return NULL;
}

static const char *
do_at(struct measure *m, struct step *st, FILE *out)
{
    struct guest *g;
    struct place *p = find_place(m, st, &g);

    (void) out;
    if (!p) {
        return "no such guest or place";
    }
    guest_stand(m, g, p, NULL);
    return NULL;
}

static const char *
do_prepare(struct measure *m, struct step *st, FILE *out)
{
    struct guest *g;
    struct place *p = find_place(m, st, &g);

    (void) out;
    return p ? guest_prepare(m, g, p) : "no such guest or place";
}

static const char *
do_both(struct measure *m, struct step *st, FILE *out)
{
    struct guest *g;
    struct place *p = find_place(m, st, &g);
    struct place *q = g ? place_find(g, st->args[3]) : NULL;

    (void) out;
    if (!p || !q) {
        return "no such guest or place";
    }
    guest_stand(m, g, p, q);
    return NULL;
}

static const char *
do_flow(struct measure *m, struct step *st, FILE *out)
{
    (void) out;
    return flow_add(m, st->args + 2, st->n - 2);
}

static const char *
do_start(struct measure *m, struct step *st, FILE *out)
{
    (void) st, (void) out;
    if (!m->running) {
        flows_start(m, measure_now());
    }
    return NULL;
}

static const char *
do_stop(struct measure *m, struct step *st, FILE *out)
{
    (void) st, (void) out;
    m->running = false;
    return NULL;
}

static const char *
do_resolve(struct measure *m, struct step *st, FILE *out)
{
    (void) st, (void) out;
    m->script->resolving = true;
    return m->running ? NULL : "resolve: start first";
}

static const char *
do_pause(struct measure *m, struct step *st, FILE *out)
{
    struct guest *g = guest_find(m, st->args[1]);

    (void) out;
    if (!g) {
        return "no such guest";
    }
    guest_pause(m, g);
    return NULL;
}

static const char *
do_resume(struct measure *m, struct step *st, FILE *out)
{
    struct guest *g;
    struct place *p = find_place(m, st, &g);

    if (!p) {
        return "no such guest or place";
    }
    fprintf(out, ", \"resumed_us\": %lld",
            (long long) guest_resume(m, g, p));
    return NULL;
}

static const char *
do_announce(struct measure *m, struct step *st, FILE *out)
{
    struct guest *g = guest_find(m, st->args[1]);
    struct place *p = NULL;

    (void) out;
    for (size_t i = 0; g && i < g->n_places; i++) {
        struct place *q = &g->places[i];

        if (q->fd >= 0 && (st->n > 3 ? !strcmp(q->key, st->args[3])
                           : q->state == PLACE_STANDING)) {
            p = q;
            break;
        }
    }
    return p ? guest_announce(m, g, p, st->args[2]) : "no such guest or place";
}

static const char *
do_flood(struct measure *m, struct step *st, FILE *out)
{
    struct guest *g = guest_find(m, st->args[1]);

    if (!g) {
        return "no such guest";
    }
    return (!strcmp(st->args[2], "off") ? flood_stop(m, g, out)
            : flood_start(m, g, st->args + 2, st->n - 2));
}

static const char *
do_mark(struct measure *m, struct step *st, FILE *out)
{
    (void) out;
    report_mark(m, parse_grace(st));
    return NULL;
}

static const char *
do_report(struct measure *m, struct step *st, FILE *out)
{
    fprintf(out, ", ");
    report_print(m, parse_grace(st), out);
    return NULL;
}

static const char *
do_sleep(struct measure *m, struct step *st, FILE *out)
{
    int64_t t = parse_time(st->args[1]);

    (void) out;
    if (t < 0) {
        return "sleep: a number, and us (the default), ms or s";
    }
    m->script->wake = measure_now() + t;
    return NULL;
}

static const char *
do_call(struct measure *m, struct step *st, FILE *out)
{
    (void) out;
    call_send(m, st->call);
    m->script->call_deadline = measure_now() + CALL_PATIENCE;
    m->script->waiting = st->call->wait ? st->call : NULL;
    return NULL;
}

static const char *
do_send(struct measure *m, struct step *st, FILE *out)
{
    (void) m, (void) out;
    return send_now(st->send);
}

static const char *
do_now(struct measure *m, struct step *st, FILE *out)
{
    (void) m, (void) st, (void) out;
    return NULL;                /* Each step says when it ran. */
}

static const char *
do_quit(struct measure *m, struct step *st, FILE *out)
{
    (void) st, (void) out;
    m->quit = true;
    return NULL;
}

static const struct verb verbs[] = {
    { "guest", 2, do_guest, "guest add NAME mac=MAC [ip=IP] [ip6=IP]" },
    { "place", 4, do_place, "place NAME KEY NS PORT" },
    { "unplace", 2, do_unplace, "unplace NAME KEY" },
    { "at", 2, do_at, "at NAME KEY" },
    { "prepare", 2, do_prepare, "prepare NAME KEY" },
    { "both", 3, do_both, "both NAME KEY1 KEY2" },
    { "flow", 4, do_flow, "flow add A B v4|v6 [pps=N] [size=N] [static]" },
    { "start", 0, do_start, "start" },
    { "stop", 0, do_stop, "stop" },
    { "resolve", 0, do_resolve, "resolve" },
    { "pause", 1, do_pause, "pause NAME" },
    { "resume", 2, do_resume, "resume NAME KEY" },
    { "announce", 2, do_announce, "announce NAME KIND[+KIND] [KEY]" },
    { "flood", 2, do_flood, "flood NAME KIND[+KIND] [pps=N] [mac=any|MAC] "
      "[ip=any|IP] [ip6=any|IP], or flood NAME off" },
    { "mark", 0, do_mark, "mark [grace=TIME]" },
    { "report", 0, do_report, "report [grace=TIME]" },
    { "sleep", 1, do_sleep, "sleep TIME" },
    { "call", 3, do_call, "call SOCKET METHOD PATH [wait] [{BODY}]" },
    { "send", 3, do_send, "send SOCKET HEX HEX" },
    { "now", 0, do_now, "now" },
    { "quit", 0, do_quit, "quit" },
};

static const struct verb *
find_verb(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (!strcmp(verbs[i].name, name)) {
            return &verbs[i];
        }
    }
    return NULL;
}

static void
run_step(struct measure *m, struct script *s, struct step *step)
{
    const struct verb *verb = find_verb(step->args[0]);

    fprintf(s->out, "%s{\"step\": ", s->next ? ", " : "");
    report_string(s->out, step->args[0]);
    fprintf(s->out, ", \"at_us\": %lld", (long long) measure_now());
    if (!verb) {
        s->error = "no such command";
    } else if (step->n - 1 < verb->min_args) {
        s->error = verb->usage;
    } else {
        s->error = verb->run(m, step, s->out);
    }
    fprintf(s->out, "}");
}

static bool
calls_are_done(const struct script *s)
{
    for (size_t i = 0; i < s->n_calls; i++) {
        if (s->calls[i].sent && !s->calls[i].done) {
            return false;
        }
    }
    return true;
}

/* Prints the answer and forgets the script. */
static void
finish(struct measure *m, struct script *s)
{
    fclose(s->out);
    printf("{\"ok\": %s, ", s->error ? "false" : "true");
    if (s->error) {
        printf("\"error\": ");
        report_string(stdout, s->error);
        printf(", ");
    }
    printf("\"steps\": [%s], \"calls\": [", s->text);
    for (size_t i = 0; i < s->n_calls; i++) {
        printf("%s", i ? ", " : "");
        if (s->calls[i].path) {
            call_print(&s->calls[i], stdout);
        } else {
            printf("null");
        }
        call_close(m, &s->calls[i]);
    }
    for (size_t i = 0; i < s->n_sends; i++) {
        send_close(&s->sends[i]);
    }
    printf("]}\n");
    fflush(stdout);
    free(s->text);
    free(s->steps);
    free(s);
    m->script = NULL;
}

/* Returns microseconds, or -1. */
static int64_t
parse_time(const char *s)
{
    char *unit;
    double x = strtod(s, &unit);
    double factor = (!strcmp(unit, "s") ? 1e6 : !strcmp(unit, "ms") ? 1e3
                     : !*unit || !strcmp(unit, "us") ? 1 : -1);

    return unit == s || x < 0 || x > 1e9 || factor < 0 ? -1 : x * factor;
}

static int64_t
parse_grace(const struct step *st)
{
    if (st->n > 1 && !strncmp(st->args[1], "grace=", 6)) {
        int64_t t = parse_time(st->args[1] + 6);

        return t < 0 ? 0 : t;
    }
    return 0;
}

static struct place *
find_place(struct measure *m, struct step *st, struct guest **g)
{
    *g = guest_find(m, st->args[1]);
    return *g ? place_find(*g, st->args[2]) : NULL;
}
