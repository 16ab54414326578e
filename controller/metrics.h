/* SPDX-License-Identifier: Apache-2.0 */

/* Counters and gauges, and their Prometheus text (exposition format 0.0.4).
 * Knows nothing of where they come from. */

#ifndef NVA_METRICS_H
#define NVA_METRICS_H 1

#include "event.h"
#include "finding.h"
#include "hold.h"

struct ds;

/* X(ENUM, name, help) */
#define METRICS_COUNTERS                                                    \
    X(SWITCHES_UP, "nva_switches_up_total",                                 \
      "OpenFlow sessions that shook hands")                                 \
    X(SWITCHES_DOWN, "nva_switches_down_total",                             \
      "OpenFlow sessions that had shaken hands and ended")                  \
    X(SWITCHES_REFUSED, "nva_switches_refused_total",                       \
      "bridges refused because a limit is reached")                         \
    X(PACKET_INS, "nva_packet_ins_total",                                   \
      "packet-ins from claimed bridges")                                    \
    X(PACKET_INS_UNCLAIMED, "nva_packet_ins_unclaimed_total",               \
      "packet-ins from unclaimed bridges, ignored")                         \
    X(PACKET_OUTS, "nva_packet_outs_total", "frames sent")                  \
    X(BUNDLES, "nva_bundles_total", "bundles sent")                         \
    X(BUNDLES_FAILED, "nva_bundles_failed_total", "bundles not applied")    \
    X(FLOW_MODS, "nva_flow_mods_total", "flow mods sent")                   \
    X(FLOWS_FAILED, "nva_flows_failed_total",                               \
      "flow mods that a switch rejected")                                   \
    X(OWNERS_REWRITTEN, "nva_owners_rewritten_total",                       \
      "owners written anew, as an NVE asked for what it should have")       \
    X(FLOODS_LOST, "nva_floods_lost_total",                                 \
      "floods that reached neither place of a VM that is paused early")     \
    X(AUDITS, "nva_audits_total", "audits that ended")                      \
    X(API_CALLS, "nva_api_calls_total", "calls of the northbound API")      \
    X(API_REFUSED, "nva_api_refused_total",                                 \
      "API connections refused because all others are being served")        \
    X(API_EVICTED, "nva_api_evicted_total",                                 \
      "API connections that waited longest and made room for others")       \
    X(API_TOO_SLOW, "nva_api_too_slow_total",                               \
      "API requests that did not come in time")                             \
    X(API_MALFORMED, "nva_api_malformed_total",                             \
      "API requests refused before their path was looked at")               \
    X(SUBSCRIBERS_DROPPED, "nva_subscribers_dropped_total",                 \
      "event stream readers dropped because they did not read")

enum metrics_counter {
#define X(ENUM, NAME, HELP) METRICS_##ENUM,
    METRICS_COUNTERS
#undef X
    METRICS_N_COUNTERS
};

enum {
    METRICS_N_NOTES = NVA_N_NOTES,
    METRICS_N_EVENTS = NVA_N_EVENTS,
};

/* All zero is a fresh one. */
struct metrics {
    uint64_t counters[METRICS_N_COUNTERS];
    uint64_t events[METRICS_N_EVENTS];
    uint64_t notes[METRICS_N_NOTES][NVA_N_REASONS];
    uint64_t sessions_ended[NVA_N_REASONS];
};

/* What is now, filled in by whoever is asked for the text. */
struct metrics_gauges {
    size_t nves, nves_connected, unclaimed;
    size_t vns, vms;
    size_t owners, dirty, quarantined;  /* (NVE, owner) pairs. */
    size_t moves[NVA_N_MOVE_STATES];
    size_t subscribers, connections;    /* Of the API. */
    size_t request_bytes, answer_bytes; /* That all of those hold. */
    struct hold_stats hold;
    size_t findings[NVA_N_AUDIT_KINDS]; /* Of the last audit. */
    size_t faults[NVA_N_AUDIT_KINDS];   /* Now. */
};

void metrics_note(struct metrics *, const struct nva_note *);

/* Appends the text.  A (note, reason) that never happened is left out. */
void metrics_format(const struct metrics *, const struct metrics_gauges *,
                    struct ds *);

#endif /* metrics.h */
