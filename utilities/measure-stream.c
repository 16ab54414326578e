/* SPDX-License-Identifier: Apache-2.0 */

/* What became of the packets of one stream.
 *
 * Knows sequence numbers and times.  Must never know sockets, guests or
 * clocks.  Invariant: records[i] is packet first_seq + i, and each packet sent
 * since the mark has one, but for 'n_overflow' that found no room. */

#include "measure.h"

#include <stdlib.h>
#include <string.h>

/* Packets that arrive out of order so far apart are of different causes. */
#define LATE_APART 10000

static struct seq_record *find_record(const struct stream *, uint64_t seq);
static size_t find_cut(const struct stream *, int64_t cut);
static size_t n_records(const struct stream *);
static void summarize_latency(const struct stream *, size_t n,
                              struct stream_summary *);
static void note_late(struct stream *, int64_t now);
static void note_lost(const struct stream *, size_t i,
                      struct stream_summary *);
static int compare(const void *, const void *);

uint64_t
stream_sent(struct stream *s, int64_t now)
{
    size_t i = s->next_seq - s->first_seq;

    if (i >= MAX_RECORDS) {
        s->n_overflow++;
        return s->next_seq++;
    }
    if (i >= s->allocated) {
        s->allocated = s->allocated ? s->allocated * 2 : 4096;
        s->records = realloc(s->records, s->allocated * sizeof *s->records);
    }
    if (!s->records) {
        abort();
    }
    s->records[i] = (struct seq_record) { .sent = now - s->epoch };
    return s->next_seq++;
}

void
stream_received(struct stream *s, uint64_t seq, int64_t now, int64_t stalled)
{
    struct seq_record *r = find_record(s, seq);

    if (!r) {
        return;                 /* Of before the mark. */
    }
    if (r->copies < UINT8_MAX) {
        r->copies++;
    }
    if (r->copies > 1) {
        return;
    }
    r->received = now - s->epoch;
    s->n_received++;
    if (seq < s->highest) {
        s->n_reordered++;
        note_late(s, now);
    } else {
        s->highest = seq;
    }
    stream_note_gap(s, now, stalled, &s->gap);
    s->last_arrival = now;
    s->last_stalled = stalled;
}

void
stream_left_behind(struct stream *s, uint64_t seq)
{
    struct seq_record *r = find_record(s, seq);

    if (r) {
        r->left_behind = true;
    }
}

/* While we stood still we neither sent nor received: that is no gap of the
 * network's. */
void
stream_note_gap(const struct stream *s, int64_t now, int64_t stalled,
                struct gap *longest)
{
    int64_t still = stalled - s->last_stalled;

    if (s->last_arrival && now - s->last_arrival - still > longest->length) {
        *longest = (struct gap) { s->last_arrival,
                                  now - s->last_arrival - still, still };
    }
}

/* Forgets the packets sent before 'cut'. */
void
stream_mark(struct stream *s, int64_t cut, int64_t now)
{
    size_t i = find_cut(s, cut);
    size_t n = n_records(s) - i;

    if (n) {
        memmove(s->records, s->records + i, n * sizeof *s->records);
    }
    s->first_seq += i;
    if (s->n_overflow) {
        s->first_seq = s->next_seq;
        n = 0;
    }
    if (n) {
        int64_t old_epoch = s->epoch;

        /* Keep the times, which count from the epoch, small. */
        s->epoch += s->records[0].sent;
        for (size_t j = 0; j < n; j++) {
            s->records[j].sent -= s->epoch - old_epoch;
            s->records[j].received -= s->epoch - old_epoch;
        }
    } else {
        s->epoch = now;
    }
    s->n_received = s->n_reordered = s->n_overflow = 0;
    s->n_late = 0;
    s->gap = (struct gap) { .at = 0 };
    s->skipped = 0;
}

void
stalls_note(struct stalls *st, int64_t now)
{
    int64_t from = st->asked > st->until ? st->asked : st->until;

    if (now - from < STALL_MIN) {
        return;
    }
    st->until = now;
    st->total += now - from;
    st->n++;
    if (now - from > st->longest) {
        st->longest = now - from;
        st->longest_at = from;
    }
}

void
stream_summarize(const struct stream *s, int64_t cut,
                 struct stream_summary *sum)
{
    size_t n = find_cut(s, cut);

    memset(sum, 0, sizeof *sum);
    sum->sent = n;
    for (size_t i = 0; i < n; i++) {
        const struct seq_record *r = &s->records[i];

        if (!r->copies) {
            note_lost(s, i, sum);
            sum->left_behind += r->left_behind;
        } else {
            sum->received++;
            sum->duplicated += r->copies - 1;
        }
    }
    sum->lost = sum->sent - sum->received;
    summarize_latency(s, n, sum);
}

/* Packet 'seq', or NULL if it is not of our time. */
static struct seq_record *
find_record(const struct stream *s, uint64_t seq)
{
    return (seq >= s->first_seq && seq - s->first_seq < n_records(s)
            ? &s->records[seq - s->first_seq] : NULL);
}

static size_t
n_records(const struct stream *s)
{
    uint64_t n = s->next_seq - s->first_seq;

    return n < MAX_RECORDS ? n : MAX_RECORDS;
}

/* The index of the first packet sent at 'cut' or later. */
static size_t
find_cut(const struct stream *s, int64_t cut)
{
    size_t low = 0, high = n_records(s);

    while (low < high) {
        size_t mid = (low + high) / 2;

        if (s->epoch + s->records[mid].sent < cut) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

/* A packet came out of order: it makes the last run longer, or a new one. */
static void
note_late(struct stream *s, int64_t now)
{
    struct packet_run *last = s->n_late ? &s->late[s->n_late - 1] : NULL;

    if (last && (now - last->until < LATE_APART || s->n_late >= MAX_RUNS)) {
        last->until = now;
        last->n++;
    } else {
        s->late[s->n_late++] = (struct packet_run) { now, now, 1 };
    }
}

/* Packet 'i' did not arrive: it makes the last run longer, or a new one. */
static void
note_lost(const struct stream *s, size_t i, struct stream_summary *sum)
{
    int64_t at = s->epoch + s->records[i].sent;

    if (i && !s->records[i - 1].copies && sum->n_runs) {
        sum->runs[sum->n_runs - 1].until = at;
        sum->runs[sum->n_runs - 1].n++;
    } else if (sum->n_runs < MAX_RUNS) {
        sum->runs[sum->n_runs++] = (struct packet_run) { at, at, 1 };
    }
}

static void
summarize_latency(const struct stream *s, size_t n,
                  struct stream_summary *sum)
{
    uint32_t *latency = sum->received ? malloc(sum->received * 4) : NULL;
    size_t m = 0;

    if (!latency) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (s->records[i].copies) {
            latency[m++] = s->records[i].received - s->records[i].sent;
        }
    }
    qsort(latency, m, sizeof *latency, compare);
    sum->latency_median = latency[m / 2];
    sum->latency_p99 = latency[m * 99 / 100];
    sum->latency_max = latency[m - 1];
    free(latency);
}

static int
compare(const void *a_, const void *b_)
{
    const uint32_t *a = a_, *b = b_;

    return *a < *b ? -1 : *a > *b;
}
