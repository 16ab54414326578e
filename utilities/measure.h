/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MEASURE_H
#define MEASURE_H 1

/* nva-measure: what its files share.
 *
 * All times are microseconds of CLOCK_MONOTONIC.  The driver, a person or a
 * script over standard input, is trusted: the limits only bound its errors. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define MAX_GUESTS 128
#define MAX_PLACES 8            /* Of one guest. */
#define MAX_STREAMS 512
#define MAX_STEPS 4096          /* Of one script. */
#define MAX_CALLS 64            /* Of one script. */
#define MAX_IDLE 4              /* HTTP connections kept for the next call. */
#define MAX_SENDS 4             /* Of one script. */
#define MAX_FLOODS 16
#define MAX_FLOOD_KINDS 8
#define MAX_RECORDS (4 << 20)   /* Packets of a stream between two marks. */

#define MEASURE_PORT 7753       /* UDP destination of numbered packets. */
#define RESOLVE_INTERVAL 100000

/* Where a guest may stand. */
enum place_state {
    PLACE_PREPARED,             /* Not read: its queue fills. */
    PLACE_STANDING,             /* Read and sent from. */
    PLACE_CLOSING,              /* What waits in its queue is lost. */
    PLACE_LEFT,                 /* Read, counted, lost. */
};

struct place {
    char key[32], ns[128], port[16];
    int fd;                     /* -1 once closed. */
    enum place_state state;
    uint64_t received, late;    /* Numbered packets since the last mark. */
};

struct guest {
    char name[32];
    uint8_t mac[6], ip4[4], ip6[16];
    bool has_ip4, has_ip6, paused;
    struct place places[MAX_PLACES];
    size_t n_places;

    int64_t resumed;            /* When it last came up at a place; or 0. */
    struct place *resumed_at;
    int64_t first, first_fresh; /* Arrivals there since, or 0: any numbered
                                 * packet; one sent after 'resumed'. */

    /* Frames since the last mark. */
    uint64_t late_at_old, drained, left_behind, stray, bad;
};

/* One packet of a stream.  Times are relative to the stream's 'epoch'. */
struct seq_record {
    uint32_t sent, received;
    uint8_t copies;
    bool left_behind;           /* A copy was lost with a place's queue. */
};

/* Packets lost or out of order that belong together.  Times: when they were
 * sent; out of order: when they arrived. */
struct packet_run {
    int64_t from, until;
    uint64_t n;
};
#define MAX_RUNS 8

/* When we ourselves stood still: we asked to be woken, and ran later than
 * that. */
struct stalls {
    int64_t asked;              /* When we want to run next. */
    int64_t until;              /* The end of the last one. */
    int64_t total;

    uint64_t n;                 /* Since the last mark, as all below. */
    int64_t marked;             /* 'total' at that mark. */
    int64_t longest, longest_at;
};

/* Nobody's kernel wakes a process on the dot. */
#define STALL_MIN 500

/* A time without a packet from 'at' on: 'length' besides the time in it that
 * we stood still. */
struct gap {
    int64_t at, length, stalled;
};

/* One direction of a flow. */
struct stream {
    uint32_t id;
    struct guest *src, *dst;
    int family;                 /* 4 or 6. */
    size_t size;                /* Bytes of UDP payload. */
    bool resolved;
    uint8_t peer_mac[6];

    /* Pacing: packet 'n_paced' is due at base + n_paced / pps. */
    uint32_t pps;
    int64_t base;
    uint64_t n_paced, skipped;

    /* Accounting since the last mark; measure-stream.c. */
    uint64_t first_seq, next_seq;
    int64_t epoch;
    struct seq_record *records;
    size_t allocated;
    uint64_t highest, n_received, n_reordered, n_overflow;
    struct packet_run late[MAX_RUNS];   /* Out of order. */
    size_t n_late;
    int64_t last_arrival, last_stalled; /* The latter is stalls.total then. */
    struct gap gap;             /* The longest. */

    /* Since an end of it was resumed, or 0. */
    int64_t first, first_fresh, first_from_new;
};

/* The payload of a numbered packet, in host order: it never leaves us. */
struct numbered {
    uint32_t magic, stream;
    uint64_t seq;
    int64_t sent;
};
#define NUMBERED_MAGIC 0x6e766131

/* Forged frames of one guest; measure-flood.c. */
struct flood {
    struct guest *src;
    bool on, any_mac, any_ip;
    uint8_t mac[6], ip4[4], ip6[16];
    uint8_t kinds[MAX_FLOOD_KINDS];
    size_t n_kinds;
    uint32_t pps;
    int64_t base;
    uint64_t n_paced, n_sent, n_refused, n_skipped;
};

struct script;

/* An HTTP connection that no call uses. */
struct idle {
    char *socket;               /* NULL: none. */
    int fd;
};

struct measure {
    int epfd, timerfd;
    struct guest guests[MAX_GUESTS];
    size_t n_guests;
    struct stream streams[MAX_STREAMS];
    size_t n_streams;
    struct flood floods[MAX_FLOODS];
    size_t n_floods;
    bool running, quit;
    bool keep_queue;            /* Of the place that a guest leaves. */
    int64_t next_resolve, marked;
    struct stalls stalls;
    struct script *script;      /* The one that runs, or NULL. */
    struct idle idle[MAX_IDLE];
};

/* What an epoll event is about. */
enum event_kind { EVENT_INPUT, EVENT_TIMER, EVENT_PLACE, EVENT_CALL };
struct event_data { uint16_t kind, a; uint32_t b; };

int64_t measure_now(void);

/* Watches 'fd' ('op' is an EPOLL_CTL_*); 'events' may be 0. */
void measure_watch(struct measure *, int op, int fd, uint32_t events,
                   struct event_data);

/* measure-guest.c: guests and places.  Those that can fail return NULL, or a
 * sentence saying why that stays valid until the next call. */
struct guest *guest_find(struct measure *, const char *name);
struct place *place_find(struct guest *, const char *key);
const char *guest_add(struct measure *, const char *name, char **options,
                      size_t n);
const char *place_add(struct measure *, struct guest *, const char *key,
                      const char *ns, const char *port);
void place_close(struct place *);

/* The guest stands at 'p' alone, or, if 'q' is nonnull, at both. */
void guest_stand(struct measure *, struct guest *, struct place *p,
                 struct place *q);

/* A place that was left is one to come to again: what arrives from now on
 * waits in its queue.  NULL, or that the guest stands there. */
const char *guest_prepare(struct measure *, struct guest *, struct place *);
void guest_pause(struct measure *, struct guest *);

/* The guest runs on at 'p': what waited where it stood is received first.
 * Returns the time at which it was there. */
int64_t guest_resume(struct measure *, struct guest *, struct place *p);

/* Sends what 'kind' says from 'p'; kinds may be joined by '+'. */
const char *guest_announce(struct measure *, struct guest *, struct place *p,
                           const char *kind);
void guest_read(struct measure *, struct guest *, struct place *);

/* Where 'g' sends its frame number 'seq' from, in turn if it stands at two
 * places; NULL if it stands nowhere. */
struct place *guest_standing(struct guest *, uint64_t seq);
bool guest_parse_mac(const char *, uint8_t mac[6]);

/* measure-flow.c: streams of numbered packets. */
const char *flow_add(struct measure *, char **args, size_t n);
void flows_start(struct measure *, int64_t now);
void flows_resume_pacing(struct measure *, struct guest *, int64_t now);
int64_t flows_run(struct measure *, int64_t now);  /* Returns the next due
                                                    * time, or INT64_MAX. */
bool flows_resolved(const struct measure *);
void flows_resolve(struct measure *, const struct guest *, int family,
                   const uint8_t *ip, const uint8_t mac[6]);
bool flow_send(struct stream *, struct place *, int64_t now);
void flow_input(struct measure *, struct guest *, struct place *,
                const uint8_t *payload, size_t n, int64_t now);

/* measure-flood.c: what a guest forges. */
const char *flood_start(struct measure *, struct guest *, char **args,
                        size_t n);
const char *flood_stop(struct measure *, struct guest *, FILE *);
int64_t floods_run(struct measure *, int64_t now);  /* As flows_run(). */

/* measure-stream.c: accounting.  'cut' is a time: packets sent from then on
 * do not count yet; 'stalled' is stalls.total. */
struct stream_summary {
    uint64_t sent, received, lost, duplicated;
    uint64_t left_behind;       /* Of the lost. */
    int64_t latency_median, latency_p99, latency_max;
    struct packet_run runs[MAX_RUNS];   /* Lost. */
    size_t n_runs;
};
uint64_t stream_sent(struct stream *, int64_t now);
void stream_received(struct stream *, uint64_t seq, int64_t now,
                     int64_t stalled);

/* A copy of packet 'seq' was lost with the queue that it waited in. */
void stream_left_behind(struct stream *, uint64_t seq);

/* No packet came from the last one until 'now': '*longest' may be that. */
void stream_note_gap(const struct stream *, int64_t now, int64_t stalled,
                     struct gap *longest);
void stream_mark(struct stream *, int64_t cut, int64_t now);
void stream_summarize(const struct stream *, int64_t cut,
                      struct stream_summary *);

/* We run at 'now'. */
void stalls_note(struct stalls *, int64_t now);

/* measure-report.c: JSON. */
void report_mark(struct measure *, int64_t grace);
void report_print(const struct measure *, int64_t grace, FILE *);
void report_string(FILE *, const char *);

/* measure-script.c: commands.  A line is a script of one or more steps. */
void script_start(struct measure *, char *line);
int64_t script_run(struct measure *, int64_t now);  /* As flows_run(). */
void script_call_ready(struct measure *, size_t index);

/* measure-call.c: HTTP requests over unix sockets. */
struct call {
    int fd;
    bool wait, done;
    char *socket, *request, *path;
    char answer[8192];
    size_t n;
    int64_t sent, answered;
    const char *error;          /* Or NULL. */
};
const char *call_open(struct measure *, struct call *, size_t index,
                      char **args, size_t n);
void call_send(struct measure *, struct call *);
void call_read(struct measure *, struct call *);
void call_print(const struct call *, FILE *);
void call_close(struct measure *, struct call *);
/* A stream connected to the socket at 'path'; -1: errno says why not. */
int connect_unix(const char *path);

/* measure-send.c: bytes over unix sockets. */
struct send {
    int fd;
    uint8_t *bytes;
    size_t n;
};
const char *send_open(struct send *, char **args, size_t n);
const char *send_now(const struct send *);
void send_close(struct send *);

#endif /* measure.h */
