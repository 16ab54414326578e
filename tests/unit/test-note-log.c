/* SPDX-License-Identifier: Apache-2.0 */

/* Notes as lines of the log: when they are written, and how many. */

#include <config.h>

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "note-log.h"
#include "openvswitch/vlog.h"

static char path[] = "test-note-log-XXXXXX";
static char text[16384];
static struct note_log *notes;
static struct nva_view view;

static void
setup(void)
{
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    close(fd);
    vlog_set_levels(NULL, VLF_CONSOLE, VLL_OFF);
    vlog_set_levels(NULL, VLF_SYSLOG, VLL_OFF);
    ck_assert_int_eq(vlog_set_log_file(path), 0);
    notes = note_log_create();
    view.dir = directory_create();
}

static void
teardown(void)
{
    note_log_destroy(notes);
    directory_destroy((struct directory *) view.dir);
    unlink(path);
}

/* Lines of the log that have 'what'. */
static size_t
count(const char *what)
{
    FILE *f = fopen(path, "r");
    size_t n = 0;

    ck_assert_ptr_nonnull(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        n += strstr(line, what) != NULL;
    }
    return n;
}

static void
add_move(nva_id move, enum nva_move_state state)
{
    const struct nva_note note = {
        .type = NVA_NOTE_MOVE, .move = move, .state = state,
    };

    note_log_add(notes, &view, &note);
}

START_TEST(is_written_when_flushed)
{
    add_move(7, NVA_MS_SWITCHING);
    ck_assert_uint_eq(count("move 7"), 0);
    note_log_flush(notes);
    ck_assert_uint_eq(count("|INFO|move 7: vm ?: switching"), 1);
    note_log_flush(notes);
    ck_assert_uint_eq(count("move 7"), 1);
}
END_TEST

START_TEST(one_line_for_a_move_in_a_turn)
{
    const struct nva_note state = {
        .type = NVA_NOTE_VM, .reason = NVA_R_CALLER, .move = 7,
        .vm_state = NVA_VM_RUNNING,
    };

    note_log_add(notes, &view, &state);
    add_move(7, NVA_MS_SWITCHING);
    add_move(8, NVA_MS_SWITCHING);
    note_log_flush(notes);
    add_move(8, NVA_MS_CONVERGING);
    add_move(8, NVA_MS_DRAINING);
    add_move(8, NVA_MS_DONE);
    note_log_flush(notes);
    ck_assert_uint_eq(count("vm -: running: as VM management asked; "
                            "move 7: vm ?: switching"), 1);
    ck_assert_uint_eq(count("move 8"), 2);
    ck_assert_uint_eq(count("|INFO|"), 3 + count("opened log file"));
}
END_TEST

START_TEST(an_alert_stays_alone)
{
    const struct nva_note frozen = {
        .type = NVA_NOTE_FROZEN, .reason = NVA_R_FROZEN, .move = 7,
    };

    add_move(7, NVA_MS_SWITCHING);
    note_log_add(notes, &view, &frozen);
    note_log_flush(notes);
    ck_assert_uint_eq(count("|WARN|frozen: vm - mac 00:00:00:00:00:00 nve -"),
                      1);
}
END_TEST

START_TEST(no_more_than_so_many_wait)
{
    for (nva_id move = 1; move <= NOTE_LOG_MAX + 1; move++) {
        add_move(move, NVA_MS_PREPARED);
    }
    ck_assert_uint_eq(count("prepared"), NOTE_LOG_MAX);
    note_log_destroy(notes);
    notes = NULL;
    ck_assert_uint_eq(count("prepared"), NOTE_LOG_MAX + 1);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("note-log");
    TCase *tc = tcase_create("note-log");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, is_written_when_flushed);
    tcase_add_test(tc, one_line_for_a_move_in_a_turn);
    tcase_add_test(tc, an_alert_stays_alone);
    tcase_add_test(tc, no_more_than_so_many_wait);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
