/* SPDX-License-Identifier: Apache-2.0 */

/* Counts decisions by their reason and writes them down for Prometheus.
 *
 * Knows the words of notes, events and reasons.  Must never know a switch, a
 * directory or a clock.  Invariant: a counter never goes down. */

#include <config.h>

#include "metrics.h"

#include <inttypes.h>

#include "openvswitch/dynamic-string.h"

static void put_counters(const struct metrics *, struct ds *);
static void put_by_word(const struct metrics *, struct ds *);
static void put_hold(const struct hold_stats *, struct ds *);
static void put_gauges(const struct metrics_gauges *, struct ds *);

void
metrics_note(struct metrics *m, const struct nva_note *note)
{
    if ((size_t) note->type < METRICS_N_NOTES
        && (size_t) note->reason < NVA_N_REASONS) {
        m->notes[note->type][note->reason]++;
    }
}

void
metrics_format(const struct metrics *m, const struct metrics_gauges *gauges,
               struct ds *s)
{
    put_counters(m, s);
    put_by_word(m, s);
    put_hold(&gauges->hold, s);
    put_gauges(gauges, s);
}

static void
put_head(struct ds *s, const char *name, const char *help, const char *type)
{
    ds_put_format(s, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
put_counters(const struct metrics *m, struct ds *s)
{
    static const struct {
        const char *name, *help;
    } counters[] = {
#define X(ENUM, NAME, HELP) { NAME, HELP },
        METRICS_COUNTERS
#undef X
    };

    for (size_t i = 0; i < METRICS_N_COUNTERS; i++) {
        put_head(s, counters[i].name, counters[i].help, "counter");
        ds_put_format(s, "%s %"PRIu64"\n", counters[i].name, m->counters[i]);
    }
}

static void
put_by_word(const struct metrics *m, struct ds *s)
{
    put_head(s, "nva_events_total", "events by type", "counter");
    for (size_t i = 0; i < METRICS_N_EVENTS; i++) {
        ds_put_format(s, "nva_events_total{type=\"%s\"} %"PRIu64"\n",
                      nva_event_type_word(i), m->events[i]);
    }

    put_head(s, "nva_notes_total", "decisions by type and reason", "counter");
    for (size_t i = 0; i < METRICS_N_NOTES; i++) {
        for (size_t j = 0; j < NVA_N_REASONS; j++) {
            if (m->notes[i][j]) {
                ds_put_format(s, "nva_notes_total{type=\"%s\",reason=\"%s\"} "
                              "%"PRIu64"\n", nva_note_type_word(i),
                              nva_reason_word(j), m->notes[i][j]);
            }
        }
    }

    put_head(s, "nva_sessions_ended_total",
             "OpenFlow sessions that ended, by reason", "counter");
    for (size_t i = 0; i < NVA_N_REASONS; i++) {
        if (m->sessions_ended[i]) {
            ds_put_format(s, "nva_sessions_ended_total{reason=\"%s\"} "
                          "%"PRIu64"\n", nva_reason_word(i),
                          m->sessions_ended[i]);
        }
    }
}

static void
put_hold(const struct hold_stats *hold, struct ds *s)
{
    put_head(s, "nva_held_total", "packets that came for VMs held", "counter");
    ds_put_format(s, "nva_held_total %"PRIu64"\n", hold->held);
    put_head(s, "nva_held_sent_total", "of them sent after their VM",
             "counter");
    ds_put_format(s, "nva_held_sent_total %"PRIu64"\n", hold->sent);
    put_head(s, "nva_held_dropped_total", "of them dropped, by reason",
             "counter");
    for (size_t i = 0; i < NVA_N_REASONS; i++) {
        if (hold->dropped[i]) {
            ds_put_format(s, "nva_held_dropped_total{reason=\"%s\"} "
                          "%"PRIu64"\n", nva_reason_word(i),
                          hold->dropped[i]);
        }
    }
}

static void
put_kinds(struct ds *s, const char *name, const char *help,
          const size_t n[NVA_N_AUDIT_KINDS])
{
    put_head(s, name, help, "gauge");
    for (size_t i = 0; i < NVA_N_AUDIT_KINDS; i++) {
        ds_put_format(s, "%s{kind=\"%s\"} %zu\n", name,
                      nva_audit_kind_word(i), n[i]);
    }
}

static void
put_gauges(const struct metrics_gauges *g, struct ds *s)
{
    const struct {
        const char *name, *help;
        size_t value;
    } gauges[] = {
        { "nva_nves", "NVEs in the directory", g->nves },
        { "nva_nves_connected", "NVEs connected and in sync or on their way",
          g->nves_connected },
        { "nva_bridges_unclaimed", "bridges connected that nobody claimed",
          g->unclaimed },
        { "nva_vns", "virtual networks", g->vns },
        { "nva_vms", "VMs, learned ones too", g->vms },
        { "nva_owners", "owners with flows, summed over NVEs", g->owners },
        { "nva_owners_dirty", "owners whose flows are due, over NVEs",
          g->dirty },
        { "nva_owners_quarantined", "owners a switch rejected, over NVEs",
          g->quarantined },
        { "nva_held_packets", "packets held now", g->hold.packets },
        { "nva_held_bytes", "bytes of them", g->hold.bytes },
        { "nva_event_subscribers", "readers of the event stream",
          g->subscribers },
        { "nva_api_connections", "open connections of the API",
          g->connections },
        { "nva_api_request_bytes", "bytes of API requests that are on their "
          "way", g->request_bytes },
        { "nva_api_answer_bytes", "bytes of API answers that are not read "
          "yet", g->answer_bytes },
    };

    for (size_t i = 0; i < sizeof gauges / sizeof gauges[0]; i++) {
        put_head(s, gauges[i].name, gauges[i].help, "gauge");
        ds_put_format(s, "%s %zu\n", gauges[i].name, gauges[i].value);
    }
    put_kinds(s, "nva_audit_findings", "contradictions the last audit found, "
              "by kind", g->findings);
    put_kinds(s, "nva_faults", "what does not work now, by kind", g->faults);
    put_head(s, "nva_moves", "moves by state, ended ones as long as kept",
             "gauge");
    for (size_t i = 0; i < NVA_N_MOVE_STATES; i++) {
        ds_put_format(s, "nva_moves{state=\"%s\"} %zu\n",
                      nva_move_state_word(i), g->moves[i]);
    }
}
