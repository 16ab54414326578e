/* SPDX-License-Identifier: Apache-2.0 */

/* nva-measure: counts and times the packets of guests that move.
 *
 * One process, one thread and one clock, so that a time at one place can be
 * compared with a time at another.  This file is the main loop: it knows
 * descriptors and deadlines.  Must never know what they are for. */

#define _GNU_SOURCE 1
#include "measure.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* Streams do not wake us more often than this: what came due meanwhile goes
 * out in one turn.  A step of a script is not held back. */
#define MIN_TURN 50

/* A line with the body of a call. */
#define MAX_LINE 65536

struct input {
    char buf[MAX_LINE];
    size_t n;
    bool eof;
};

static void usage(void);
static void run(struct measure *, struct input *);
static void handle(struct measure *, struct input *, struct event_data);
static void read_input(struct input *);
static void next_command(struct measure *, struct input *);
static void arm(struct measure *, int64_t when);

int
main(int argc, char *argv[])
{
    static struct measure measure;
    static struct input input;
    struct measure *m = &measure;

    m->keep_queue = argc == 2 && !strcmp(argv[1], "--keep-queue");
    if (argc > 1 && !m->keep_queue) {
        usage();
        return strcmp(argv[1], "--help") ? 2 : 0;
    }
    signal(SIGPIPE, SIG_IGN);
    m->epfd = epoll_create1(EPOLL_CLOEXEC);
    m->timerfd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    m->marked = measure_now();
    m->stalls.asked = INT64_MAX;
    measure_watch(m, EPOLL_CTL_ADD, m->timerfd, EPOLLIN,
                  (struct event_data) { EVENT_TIMER, 0, 0 });
    measure_watch(m, EPOLL_CTL_ADD, STDIN_FILENO, EPOLLIN,
                  (struct event_data) { EVENT_INPUT, 0, 0 });
    run(m, &input);
    return 0;
}

int64_t
measure_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000;
}

void
measure_watch(struct measure *m, int op, int fd, uint32_t events,
              struct event_data data)
{
    struct epoll_event event = { .events = events };

    memcpy(&event.data, &data, sizeof data);
    if (epoll_ctl(m->epfd, op, fd, &event)) {
        fprintf(stderr, "nva-measure: cannot watch a descriptor: %s\n",
                strerror(errno));
        exit(1);
    }
}

static void
usage(void)
{
    puts("nva-measure: counts and times packets between guests that move\n"
         "usage: nva-measure [--keep-queue]\n"
         "Reads commands from standard input, writes one line of JSON for "
         "each.\nSee nva-measure(1).");
}

static void
run(struct measure *m, struct input *in)
{
    while (!m->quit) {
        struct epoll_event events[64];
        int64_t now, flows, floods, script;
        int n;

        next_command(m, in);
        script = script_run(m, measure_now());
        if (m->quit || (in->eof && !m->script)) {
            break;
        }
        now = measure_now();
        stalls_note(&m->stalls, now);
        flows = flows_run(m, now);
        floods = floods_run(m, now);
        flows = flows < floods ? flows : floods;
        flows = flows < now + MIN_TURN ? now + MIN_TURN : flows;
        if (!m->script && memchr(in->buf, '\n', in->n)) {
            script = now;       /* The next command is here. */
        }
        m->stalls.asked = script < flows ? script : flows;
        arm(m, m->stalls.asked);

        n = epoll_wait(m->epfd, events, 64, -1);
        stalls_note(&m->stalls, measure_now());
        for (int i = 0; i < n; i++) {
            struct event_data data;

            memcpy(&data, &events[i].data, sizeof data);
            handle(m, in, data);
        }
    }
}

static void
handle(struct measure *m, struct input *in, struct event_data data)
{
    uint64_t expirations;

    if (data.kind == EVENT_TIMER) {
        if (read(m->timerfd, &expirations, sizeof expirations) < 0) {
            return;             /* It was armed anew meanwhile. */
        }
    } else if (data.kind == EVENT_INPUT) {
        read_input(in);
        if (in->eof) {
            epoll_ctl(m->epfd, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
        }
    } else if (data.kind == EVENT_PLACE) {
        struct guest *g = &m->guests[data.a];

        if (g->places[data.b].fd >= 0) {
            guest_read(m, g, &g->places[data.b]);
        }
    } else if (data.kind == EVENT_CALL) {
        script_call_ready(m, data.b);
    }
}

static void
read_input(struct input *in)
{
    ssize_t n = 0;

    if (in->n < sizeof in->buf - 1) {
        n = read(STDIN_FILENO, in->buf + in->n, sizeof in->buf - 1 - in->n);
    }
    if (n > 0) {
        in->n += n;
    } else if (n == 0 || errno != EINTR) {
        in->eof = true;         /* Or a line that is too long. */
    }
}

/* Starts the next command if none runs and a whole one is there. */
static void
next_command(struct measure *m, struct input *in)
{
    char *end = memchr(in->buf, '\n', in->n);
    size_t n;

    if (m->script || !end) {
        return;
    }
    *end = '\0';
    n = end + 1 - in->buf;
    if (in->buf[strspn(in->buf, " \t\r")] && in->buf[0] != '#') {
        static char line[MAX_LINE];

        /* The steps point into it until the script is done. */
        memcpy(line, in->buf, n);
        script_start(m, line);
    }
    in->n -= n;
    memmove(in->buf, end + 1, in->n);
}

static void
arm(struct measure *m, int64_t when)
{
    struct itimerspec its = { .it_value = { 0, 0 } };

    if (when != INT64_MAX) {
        when = when > 0 ? when : 1;
        its.it_value.tv_sec = when / 1000000;
        its.it_value.tv_nsec = when % 1000000 * 1000;
    }
    timerfd_settime(m->timerfd, TFD_TIMER_ABSTIME, &its, NULL);
}
