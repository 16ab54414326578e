/* SPDX-License-Identifier: Apache-2.0 */

/* Counters by reason and their Prometheus text. */

#include <config.h>

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "metrics.h"
#include "openvswitch/dynamic-string.h"

static struct metrics m;
static struct metrics_gauges gauges;
static struct ds text;

static void
setup(void)
{
    m = (struct metrics) { .counters = { 0 } };
    gauges = (struct metrics_gauges) { .nves = 0 };
    ds_init(&text);
}

static void
teardown(void)
{
    ds_destroy(&text);
}

static bool
has_line(const char *line)
{
    size_t n = strlen(line);

    for (const char *p = ds_cstr(&text); (p = strstr(p, line)); p += n) {
        if ((p == text.string || p[-1] == '\n') && p[n] == '\n') {
            return true;
        }
    }
    return false;
}

START_TEST(counts_by_type_and_reason)
{
    const struct nva_note probe = {
        .type = NVA_NOTE_DROPPED, .reason = NVA_R_PROBE,
    };
    const struct nva_note learned = { .type = NVA_NOTE_LEARNED };

    metrics_note(&m, &probe);
    metrics_note(&m, &probe);
    metrics_note(&m, &learned);
    gauges.findings[NVA_AUDIT_FLOW_MISSING] = 2;
    metrics_format(&m, &gauges, &text);
    ck_assert(has_line("nva_audit_findings{kind=\"flow_missing\"} 2"));
    ck_assert(has_line("nva_audit_findings{kind=\"if_place\"} 0"));
    ck_assert(has_line("nva_notes_total{type=\"dropped\","
                       "reason=\"probe\"} 2"));
    ck_assert(has_line("nva_notes_total{type=\"learned\","
                       "reason=\"ok\"} 1"));
    ck_assert_ptr_null(strstr(ds_cstr(&text), "spoofed"));
}
END_TEST

START_TEST(ignores_what_is_out_of_range)
{
    const struct nva_note note = {
        .type = NVA_N_NOTES,
        .reason = NVA_N_REASONS,
    };
    static const struct metrics zero;

    metrics_note(&m, &note);
    ck_assert_int_eq(memcmp(&m, &zero, sizeof m), 0);
}
END_TEST

START_TEST(shows_counters_gauges_and_moves)
{
    m.counters[METRICS_BUNDLES] = 7;
    m.events[NVA_EV_EVIDENCE] = 3;
    m.sessions_ended[NVA_R_ECHO_TIMEOUT] = 1;
    gauges.nves_connected = 4;
    gauges.quarantined = 2;
    gauges.moves[NVA_MS_DRAINING] = 5;
    metrics_format(&m, &gauges, &text);
    ck_assert(has_line("nva_bundles_total 7"));
    ck_assert(has_line("nva_events_total{type=\"evidence\"} 3"));
    ck_assert(has_line("nva_sessions_ended_total"
                       "{reason=\"echo_timeout\"} 1"));
    ck_assert(has_line("nva_nves_connected 4"));
    ck_assert(has_line("nva_owners_quarantined 2"));
    ck_assert(has_line("nva_moves{state=\"draining\"} 5"));
    ck_assert(has_line("nva_moves{state=\"done\"} 0"));
}
END_TEST

/* Each sample belongs to the TYPE line before it, and each name has one. */
START_TEST(is_well_formed)
{
    char name[128] = "", *save = NULL;
    size_t n_types = 0;

    memset(m.notes, 1, sizeof m.notes);
    metrics_format(&m, &gauges, &text);
    ck_assert_int_eq(text.string[text.length - 1], '\n');
    for (char *line = strtok_r(text.string, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        if (!strncmp(line, "# TYPE ", 7)) {
            ck_assert_int_eq(sscanf(line, "# TYPE %127s", name), 1);
            n_types++;
        } else if (line[0] != '#') {
            size_t n = strcspn(line, "{ ");

            ck_assert_uint_eq(n, strlen(name));
            ck_assert_int_eq(strncmp(line, name, n), 0);
            ck_assert_ptr_nonnull(strrchr(line, ' '));
        }
    }
    ck_assert_uint_eq(n_types, METRICS_N_COUNTERS + 6 + 17);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("metrics");
    TCase *tc = tcase_create("metrics");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, counts_by_type_and_reason);
    tcase_add_test(tc, ignores_what_is_out_of_range);
    tcase_add_test(tc, shows_counters_gauges_and_moves);
    tcase_add_test(tc, is_well_formed);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
