/* SPDX-License-Identifier: Apache-2.0 */

/* What was measured, as one line of JSON.
 *
 * Knows the fields' names, which are a promise to the scripts that read them.
 * Must never change what was measured but by report_mark(). */

#include "measure.h"

static void print_stream(const struct measure *, const struct stream *,
                         int64_t cut, FILE *);
static void print_runs(FILE *, const char *name, const struct packet_run *,
                       size_t n);
static void print_guest(const struct guest *, FILE *);
static void print_since(FILE *, const char *name, int64_t at, int64_t from);

void
report_mark(struct measure *m, int64_t grace)
{
    int64_t now = measure_now();

    m->marked = now - grace;
    m->stalls.marked = m->stalls.total;
    m->stalls.n = m->stalls.longest = m->stalls.longest_at = 0;
    for (size_t i = 0; i < m->n_streams; i++) {
        stream_mark(&m->streams[i], m->marked, now);
    }
    for (size_t i = 0; i < m->n_guests; i++) {
        struct guest *g = &m->guests[i];

        g->late_at_old = g->drained = g->left_behind = 0;
        g->stray = g->bad = 0;
        for (size_t j = 0; j < g->n_places; j++) {
            g->places[j].received = g->places[j].late = 0;
        }
    }
}

void
report_print(const struct measure *m, int64_t grace, FILE *f)
{
    int64_t cut = measure_now() - grace;

    fprintf(f, "\"since_us\": %lld, \"until_us\": %lld, ",
            (long long) m->marked, (long long) cut);
    fprintf(f, "\"stalls\": {\"n\": %llu, \"total_us\": %lld, "
            "\"longest_us\": %lld, \"longest_at_us\": %lld}, \"flows\": [",
            (unsigned long long) m->stalls.n,
            (long long) (m->stalls.total - m->stalls.marked),
            (long long) m->stalls.longest, (long long) m->stalls.longest_at);
    for (size_t i = 0; i < m->n_streams; i++) {
        fprintf(f, "%s", i ? ", " : "");
        print_stream(m, &m->streams[i], cut, f);
    }
    fprintf(f, "], \"guests\": [");
    for (size_t i = 0; i < m->n_guests; i++) {
        fprintf(f, "%s", i ? ", " : "");
        print_guest(&m->guests[i], f);
    }
    fprintf(f, "]");
}

void
report_string(FILE *f, const char *s)
{
    putc('"', f);
    for (; *s; s++) {
        unsigned char c = *s;

        if (c == '"' || c == '\\') {
            fprintf(f, "\\%c", c);
        } else if (c < 0x20 || c == 0x7f) {
            fprintf(f, "\\u%04x", c);
        } else {
            putc(c, f);
        }
    }
    putc('"', f);
}

static void
print_stream(const struct measure *m, const struct stream *s, int64_t cut,
             FILE *f)
{
    struct stream_summary sum;
    struct gap gap;

    stream_summarize(s, cut, &sum);
    gap = s->gap;
    if (m->running) {
        stream_note_gap(s, cut, m->stalls.total, &gap); /* It goes on. */
    }
    fprintf(f, "{\"from\": \"%s\", \"to\": \"%s\", \"family\": \"v%d\", "
            "\"pps\": %u, \"resolved\": %s, \"sent\": %llu, "
            "\"received\": %llu, \"lost\": %llu, \"left_behind\": %llu, "
            "\"duplicated\": %llu, \"reordered\": %llu, "
            "\"skipped\": %llu, \"overflow\": %llu, ",
            s->src->name, s->dst->name, s->family, s->pps,
            s->resolved ? "true" : "false", (unsigned long long) sum.sent,
            (unsigned long long) sum.received, (unsigned long long) sum.lost,
            (unsigned long long) sum.left_behind,
            (unsigned long long) sum.duplicated,
            (unsigned long long) s->n_reordered,
            (unsigned long long) s->skipped,
            (unsigned long long) s->n_overflow);
    fprintf(f, "\"longest_gap_us\": %lld, \"gap_at_us\": %lld, "
            "\"gap_stalled_us\": %lld, \"latency_us\": {\"median\": %lld, "
            "\"p99\": %lld, \"max\": %lld}, ", (long long) gap.length,
            (long long) gap.at, (long long) gap.stalled,
            (long long) sum.latency_median, (long long) sum.latency_p99,
            (long long) sum.latency_max);
    print_since(f, "first_at_new_us", s->first, s->dst->resumed);
    print_since(f, "first_fresh_us", s->first_fresh, s->dst->resumed);
    print_since(f, "first_from_new_us", s->first_from_new, s->src->resumed);
    print_runs(f, "lost_runs", sum.runs, sum.n_runs);
    fprintf(f, ", ");
    print_runs(f, "reordered_runs", s->late, s->n_late);
    fprintf(f, "}");
}

static void
print_runs(FILE *f, const char *name, const struct packet_run *runs, size_t n)
{
    fprintf(f, "\"%s\": [", name);
    for (size_t i = 0; i < n; i++) {
        fprintf(f, "%s{\"from_us\": %lld, \"until_us\": %lld, \"n\": %llu}",
                i ? ", " : "", (long long) runs[i].from,
                (long long) runs[i].until, (unsigned long long) runs[i].n);
    }
    fprintf(f, "]");
}

static void
print_guest(const struct guest *g, FILE *f)
{
    static const char *const states[] = { "prepared", "standing", "closing",
                                          "left" };

    fprintf(f, "{\"name\": \"%s\", \"paused\": %s, \"resumed_us\": ",
            g->name, g->paused ? "true" : "false");
    fprintf(f, g->resumed ? "%lld, " : "null, ", (long long) g->resumed);
    print_since(f, "first_at_new_us", g->first, g->resumed);
    print_since(f, "first_fresh_us", g->first_fresh, g->resumed);
    fprintf(f, "\"late_at_old\": %llu, \"drained\": %llu, "
            "\"left_behind\": %llu, \"stray\": %llu, \"other\": %llu, "
            "\"places\": [", (unsigned long long) g->late_at_old,
            (unsigned long long) g->drained,
            (unsigned long long) g->left_behind,
            (unsigned long long) g->stray, (unsigned long long) g->bad);
    for (size_t i = 0, n = 0; i < g->n_places; i++) {
        const struct place *p = &g->places[i];

        if (p->fd >= 0) {
            fprintf(f, "%s{\"key\": \"%s\", \"state\": \"%s\", "
                    "\"received\": %llu, \"late\": %llu}", n++ ? ", " : "",
                    p->key, states[p->state],
                    (unsigned long long) p->received,
                    (unsigned long long) p->late);
        }
    }
    fprintf(f, "]}");
}

/* The time from 'from' to 'at', or null if 'at' has not been. */
static void
print_since(FILE *f, const char *name, int64_t at, int64_t from)
{
    if (at) {
        fprintf(f, "\"%s\": %lld, ", name, (long long) (at - from));
    } else {
        fprintf(f, "\"%s\": null, ", name);
    }
}
