/* SPDX-License-Identifier: Apache-2.0 */

/* nva-count: counts numbered packets between guests that have a kernel.
 *
 * nva-measure plays its guests itself and knows both ends of a stream; a guest
 * in QEMU is another machine.  So here each end sends and counts for itself,
 * over UDP sockets, and one asks the other what it has counted: a window of
 * sequence numbers, so that no clock is shared.  The end that answers
 * (--answer) sends to whoever sends to it.  It is the first process of a
 * laboratory's QEMU guest after its init, and linked statically for that.
 *
 * Knows sockets and sequence numbers.  Must never know what the network should
 * do about a move.  Invariant: what was sent as packet 'seq' has been
 * received receipts[seq].copies times, and only one question is open. */

#define _GNU_SOURCE 1
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"

#define MAX_ENDS 32             /* Streams of one process. */
#define MAX_LATE 20000          /* As nva-measure: then packets are skipped. */
#define MAX_BURST 32
#define ASK_AGAIN 100000
#define ASK_PATIENCE 10000000
#define GRACE 300000            /* What is under way arrives in this time. */
#define RECEIVE_BUFFER (8 << 20)

/* A question and its answer, in host order: both ends are one machine's. */
struct question {
    uint32_t magic, stream;
    uint64_t token, from, until;        /* Packets from 'from' to before. */
    uint64_t next_seq, missing, duplicated, reordered, resent;
};
#define QUESTION_MAGIC 0x6e766132
#define ANSWER_MAGIC 0x6e766133

/* One end of a stream in both directions. */
struct end {
    uint32_t id;
    struct sockaddr_in6 peer;
    bool resolved;              /* Something came from there. */
    int64_t base;
    uint64_t n_paced, skipped, next_seq;
    struct receipt {
        int64_t sent_at;            /* The first one, as it says. */
        uint8_t copies;
    } *receipts;
    size_t n_receipts;
    uint64_t highest, reordered, resent;

    /* At the mark; the peer's. */
    uint64_t own_from, peer_from, reordered_from, peer_reordered_from;
    uint64_t resent_from, peer_resent_from;
};

struct count {
    int fd;
    bool answer;
    uint32_t pps;
    struct end ends[MAX_ENDS];
    size_t n_ends;
    uint64_t token;
    struct question *reply;     /* Where an awaited answer goes. */
    bool replied;
};

static void parse_options(int argc, char *argv[], struct count *);
static void add_peer(struct count *, const char *address, uint32_t id);
static struct end *find_end(struct count *, uint32_t id);
static int open_socket(void);
static int64_t now_us(void);
static void turn(struct count *, int64_t until, bool commands);
static int64_t send_due(struct count *, int64_t now);
static void send_numbered(struct count *, struct end *, int64_t now);
static void receive(struct count *);
static void received_numbered(struct count *, const struct numbered *,
                              const struct sockaddr_in6 *from);
static void count_copy(struct end *, const struct numbered *);
static void answer(struct count *, struct question *,
                   const struct sockaddr_in6 *from);
static void judge(const struct end *, struct question *);
static bool ask(struct count *, struct end *, struct question *);
static void run_commands(struct count *);
static void run_command(struct count *, const char *line);
static bool mark(struct count *);
static bool report(struct count *);
static void print_window(const char *name, const struct question *);

int
main(int argc, char *argv[])
{
    static struct count c;

    parse_options(argc, argv, &c);
    c.fd = open_socket();
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (;;) {
        turn(&c, INT64_MAX, !c.answer);
    }
}

static void
usage(void)
{
    puts("nva-count: counts numbered packets between guests with a kernel\n"
         "usage: nva-count --answer [--pps=N]\n"
         "       nva-count --to=ADDRESS... [--first=ID] [--pps=N]\n"
         "The first sends to whoever sends to it.  The other one reads "
         "commands from its\n"
         "standard input: ready, mark, report, quit; answers are JSON.");
}

static void
parse_options(int argc, char *argv[], struct count *c)
{
    static const struct option options[] = {
        { "answer", no_argument, NULL, 'a' },
        { "to", required_argument, NULL, 't' },
        { "first", required_argument, NULL, 'f' },
        { "pps", required_argument, NULL, 'p' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    uint32_t first = 0;
    int opt;

    c->pps = 1000;
    while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (opt) {
        case 'a':
            c->answer = true;
            break;
        case 't':
            add_peer(c, optarg, c->n_ends);
            break;
        case 'f':
            first = atoi(optarg);
            break;
        case 'p':
            c->pps = atoi(optarg);
            break;
        case 'h':
            usage();
            exit(0);
        default:
            exit(2);
        }
    }
    if (c->answer != !c->n_ends || !c->pps) {
        fprintf(stderr, "nva-count: either --answer or --to is needed\n");
        exit(2);
    }
    for (size_t i = 0; i < c->n_ends; i++) {
        c->ends[i].id += first;
    }
}

/* An IPv4 address is written as a mapped one: one socket has both. */
static void
add_peer(struct count *c, const char *address, uint32_t id)
{
    struct end *e = &c->ends[c->n_ends];
    char text[64];

    snprintf(text, sizeof text, "%s%s", strchr(address, ':') ? "" : "::ffff:",
             address);
    memset(e, 0, sizeof *e);
    e->id = id;
    e->peer.sin6_family = AF_INET6;
    e->peer.sin6_port = htons(MEASURE_PORT);
    if (c->n_ends >= MAX_ENDS
        || inet_pton(AF_INET6, text, &e->peer.sin6_addr) != 1) {
        fprintf(stderr, "nva-count: %s: no address, or too many\n", address);
        exit(2);
    }
    e->base = now_us();
    c->n_ends++;
}

static struct end *
find_end(struct count *c, uint32_t id)
{
    for (size_t i = 0; i < c->n_ends; i++) {
        if (c->ends[i].id == id) {
            return &c->ends[i];
        }
    }
    return NULL;
}

static int
open_socket(void)
{
    struct sockaddr_in6 any = {
        .sin6_family = AF_INET6, .sin6_port = htons(MEASURE_PORT),
    };
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int size = RECEIVE_BUFFER, no = 0;

    if (fd < 0
        || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no)
        || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size)
        || bind(fd, (struct sockaddr *) &any, sizeof any)) {
        fprintf(stderr, "nva-count: UDP port %d: %s\n", MEASURE_PORT,
                strerror(errno));
        exit(1);
    }
    return fd;
}

static int64_t
now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000;
}

/* Sends what is due, waits, not longer than 'until', and takes what comes. */
static void
turn(struct count *c, int64_t until, bool commands)
{
    struct pollfd fds[2] = {
        { .fd = c->fd, .events = POLLIN },
        { .fd = commands ? STDIN_FILENO : -1, .events = POLLIN },
    };
    int64_t now = now_us();
    int64_t next = send_due(c, now);
    int64_t wait;
    struct timespec ts;

    next = next < until ? next : until;
    wait = next == INT64_MAX ? 1000000 : next > now ? next - now : 0;
    ts = (struct timespec) { wait / 1000000, wait % 1000000 * 1000 };
    ppoll(fds, 2, &ts, NULL);
    receive(c);
    if (fds[1].revents) {
        run_commands(c);
    }
}

/* Returns when the next packet is due. */
static int64_t
send_due(struct count *c, int64_t now)
{
    int64_t next = INT64_MAX;

    for (size_t i = 0; i < c->n_ends; i++) {
        struct end *e = &c->ends[i];
        int64_t due = e->base + (int64_t) (e->n_paced * 1000000 / c->pps);

        if (now - due > MAX_LATE) {
            uint64_t late = (now - due) * c->pps / 1000000;

            e->skipped += late;
            e->n_paced += late;
        }
        for (int n = 0; n < MAX_BURST && due <= now; n++) {
            send_numbered(c, e, now);
            e->n_paced++;
            due = e->base + (int64_t) (e->n_paced * 1000000 / c->pps);
        }
        next = next < due ? next : due;
    }
    return next;
}

/* A packet that the socket refuses has not been sent and has no number. */
static void
send_numbered(struct count *c, struct end *e, int64_t now)
{
    uint8_t payload[64] = { 0 };
    struct numbered number = { NUMBERED_MAGIC, e->id, e->next_seq, now };

    memcpy(payload, &number, sizeof number);
    if (sendto(c->fd, payload, sizeof payload, 0, (void *) &e->peer,
               sizeof e->peer) == (ssize_t) sizeof payload) {
        e->next_seq++;
    } else {
        e->skipped++;
    }
}

static void
receive(struct count *c)
{
    union {
        struct numbered number;
        struct question question;
        uint8_t bytes[256];
    } u;

    for (int i = 0; i < 256; i++) {
        struct sockaddr_in6 from;
        socklen_t len = sizeof from;
        ssize_t n = recvfrom(c->fd, &u, sizeof u, 0, (void *) &from, &len);

        if (n < 0) {
            return;
        }
        if ((size_t) n < sizeof u.number) {
            continue;
        }
        if (u.number.magic == NUMBERED_MAGIC) {
            received_numbered(c, &u.number, &from);
        } else if ((size_t) n >= sizeof u.question
                   && u.question.magic == QUESTION_MAGIC) {
            answer(c, &u.question, &from);
        } else if ((size_t) n >= sizeof u.question
                   && u.question.magic == ANSWER_MAGIC && c->reply
                   && u.question.token == c->token) {
            *c->reply = u.question;
            c->replied = true;
        }
    }
}

static void
received_numbered(struct count *c, const struct numbered *number,
                  const struct sockaddr_in6 *from)
{
    struct end *e = find_end(c, number->stream);

    if (!e && c->answer && c->n_ends < MAX_ENDS) {
        e = &c->ends[c->n_ends++];
        memset(e, 0, sizeof *e);
        e->id = number->stream;
        e->peer = *from;
        e->base = now_us();
    }
    if (e) {
        e->resolved = true;
        count_copy(e, number);
    }
}

/* A guest that resumes with older memory than it had sends some numbers again:
 * no copy of the network's making, and told by its time. */
static void
count_copy(struct end *e, const struct numbered *number)
{
    uint64_t seq = number->seq;
    struct receipt *r;

    if (seq >= MAX_RECORDS) {
        return;
    }
    if (seq >= e->n_receipts) {
        size_t n = (seq + 1) * 2;

        e->receipts = realloc(e->receipts, n * sizeof *r);
        if (!e->receipts) {
            abort();
        }
        memset(e->receipts + e->n_receipts, 0,
               (n - e->n_receipts) * sizeof *r);
        e->n_receipts = n;
    }
    r = &e->receipts[seq];
    if (r->copies && r->sent_at != number->sent) {
        e->resent++;
        return;
    }
    r->sent_at = number->sent;
    if (r->copies < UINT8_MAX) {
        r->copies++;
    }
    if (r->copies == 1 && seq < e->highest) {
        e->reordered++;
    }
    e->highest = e->highest > seq ? e->highest : seq;
}

static void
answer(struct count *c, struct question *q, const struct sockaddr_in6 *from)
{
    struct end *e = find_end(c, q->stream);

    if (e && q->until <= MAX_RECORDS) {
        q->magic = ANSWER_MAGIC;
        judge(e, q);
        sendto(c->fd, q, sizeof *q, 0, (const void *) from, sizeof *from);
    }
}

/* What became of the packets that 'e' should have received. */
static void
judge(const struct end *e, struct question *q)
{
    q->next_seq = e->next_seq;
    q->reordered = e->reordered;
    q->resent = e->resent;
    q->missing = q->duplicated = 0;
    for (uint64_t seq = q->from; seq < q->until; seq++) {
        uint8_t copies = seq < e->n_receipts ? e->receipts[seq].copies : 0;

        q->missing += !copies;
        q->duplicated += copies > 1 ? copies - 1 : 0;
    }
}

/* Asks the peer about the packets q->from to q->until; false if it does not
 * answer. */
static bool
ask(struct count *c, struct end *e, struct question *q)
{
    int64_t end = now_us() + ASK_PATIENCE, again = 0;

    q->magic = QUESTION_MAGIC;
    q->stream = e->id;
    q->token = ++c->token;
    c->reply = q;
    c->replied = false;
    while (!c->replied && now_us() < end) {
        if (now_us() >= again) {
            again = now_us() + ASK_AGAIN;
            if (sendto(c->fd, q, sizeof *q, 0, (void *) &e->peer,
                       sizeof e->peer) < 0) {
                again = now_us() + ASK_AGAIN / 10;      /* Anew, soon. */
            }
        }
        turn(c, again, false);
    }
    c->reply = NULL;
    return c->replied;
}

static void
run_commands(struct count *c)
{
    char line[64];

    /* A driver waits for an answer before it asks again: one line at most. */
    if (!fgets(line, sizeof line, stdin)) {
        exit(0);
    }
    line[strcspn(line, "\n")] = '\0';
    run_command(c, line);
}

static void
run_command(struct count *c, const char *line)
{
    bool ok = false;

    if (!strcmp(line, "quit")) {
        exit(0);
    } else if (!strcmp(line, "ready")) {
        ok = true;
        for (size_t i = 0; i < c->n_ends; i++) {
            ok = ok && c->ends[i].resolved;
        }
        printf("{\"ok\": true, \"ready\": %s}\n", ok ? "true" : "false");
        return;
    } else if (!strcmp(line, "mark")) {
        ok = mark(c);
    } else if (!strcmp(line, "report")) {
        ok = report(c);
        if (ok) {
            return;
        }
    }
    printf("{\"ok\": %s}\n", ok ? "true" : "false");
}

/* Counts from now on. */
static bool
mark(struct count *c)
{
    for (size_t i = 0; i < c->n_ends; i++) {
        struct end *e = &c->ends[i];
        struct question q = { .from = 0 };

        if (!ask(c, e, &q)) {
            return false;
        }
        e->own_from = e->next_seq;
        e->peer_from = q.next_seq;
        e->reordered_from = e->reordered;
        e->peer_reordered_from = q.reordered;
        e->resent_from = e->resent;
        e->peer_resent_from = q.resent;
    }
    return true;
}

/* Fixes the end of each window, gives what is under way time to arrive, and
 * prints what became of the packets of both ends. */
static bool
report(struct count *c)
{
    struct question to[MAX_ENDS], from[MAX_ENDS];
    int64_t end;

    for (size_t i = 0; i < c->n_ends; i++) {
        struct end *e = &c->ends[i];

        from[i] = (struct question) { .from = 0 };
        if (!ask(c, e, &from[i])) {
            return false;
        }
        from[i].from = e->peer_from;
        from[i].until = from[i].next_seq;
        to[i] = (struct question) { .from = e->own_from,
                                    .until = e->next_seq };
    }
    for (end = now_us() + GRACE; now_us() < end; ) {
        turn(c, end, false);
    }
    for (size_t i = 0; i < c->n_ends; i++) {
        struct end *e = &c->ends[i];

        if (!ask(c, e, &to[i])) {
            return false;
        }
        judge(e, &from[i]);
        to[i].reordered -= e->peer_reordered_from;
        from[i].reordered -= e->reordered_from;
        to[i].resent -= e->peer_resent_from;
        from[i].resent -= e->resent_from;
    }
    printf("{\"ok\": true, \"streams\": [");
    for (size_t i = 0; i < c->n_ends; i++) {
        printf("%s{\"id\": %u, ", i ? ", " : "", c->ends[i].id);
        print_window("to", &to[i]);
        printf(", ");
        print_window("from", &from[i]);
        printf("}");
    }
    printf("]}\n");
    return true;
}

static void
print_window(const char *name, const struct question *q)
{
    printf("\"%s\": {\"sent\": %llu, \"lost\": %llu, \"duplicated\": %llu, "
           "\"reordered\": %llu, \"resent\": %llu}", name,
           (unsigned long long) (q->until - q->from),
           (unsigned long long) q->missing,
           (unsigned long long) q->duplicated,
           (unsigned long long) q->reordered,
           (unsigned long long) q->resent);
}
