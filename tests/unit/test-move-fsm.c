/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include <signal.h>

#include "move-fsm.h"

/* The table again, as a drawing: rows from, columns to. */
static const char *const drawing[NVA_N_MOVE_STATES] = {
    /*               PPSCDDAFS */
    [NVA_MS_PREPARED]   = ".XX...XXX",
    [NVA_MS_PAUSED]     = "X.X...XXX",
    [NVA_MS_SWITCHING]  = "...X...XX",
    [NVA_MS_CONVERGING] = "....XX..X",
    [NVA_MS_DRAINING]   = ".....X..X",
    [NVA_MS_DONE]       = ".........",
    [NVA_MS_ABORTED]    = ".........",
    [NVA_MS_FAILED]     = ".........",
    [NVA_MS_SUPERSEDED] = ".........",
};

START_TEST(transitions_are_the_declared_ones)
{
    for (int from = 0; from < NVA_N_MOVE_STATES; from++) {
        for (int to = 0; to < NVA_N_MOVE_STATES; to++) {
            ck_assert_msg(move_fsm_allows(from, to)
                          == (drawing[from][to] == 'X'), "%s -> %s",
                          nva_move_state_word(from), nva_move_state_word(to));
        }
    }
}
END_TEST

START_TEST(no_way_back_after_the_switch)
{
    for (int from = 0; from < NVA_N_MOVE_STATES; from++) {
        for (int to = 0; to < NVA_N_MOVE_STATES; to++) {
            if (move_fsm_has_switched(from) && move_fsm_allows(from, to)) {
                ck_assert_int_ne(to, NVA_MS_PREPARED);
                ck_assert_int_ne(to, NVA_MS_PAUSED);
                ck_assert_int_ne(to, NVA_MS_ABORTED);
            }
        }
    }
    ck_assert(!move_fsm_has_switched(NVA_MS_PREPARED));
    ck_assert(!move_fsm_has_switched(NVA_MS_PAUSED));
    ck_assert(!move_fsm_has_switched(NVA_MS_ABORTED));
    ck_assert(move_fsm_has_switched(NVA_MS_SWITCHING));
    ck_assert(move_fsm_has_switched(NVA_MS_DONE));
}
END_TEST

START_TEST(ended_states)
{
    for (int i = 0; i < NVA_N_MOVE_STATES; i++) {
        ck_assert_int_eq(move_fsm_is_ended(i), i >= NVA_MS_DONE);
    }
}
END_TEST

START_TEST(go_changes_the_state)
{
    struct nva_move move = { .state = NVA_MS_PREPARED };

    move_fsm_go(&move, NVA_MS_PAUSED);
    move_fsm_go(&move, NVA_MS_SWITCHING);
    ck_assert_int_eq(move.state, NVA_MS_SWITCHING);
}
END_TEST

START_TEST(go_aborts_on_a_transition_not_declared)
{
    struct nva_move move = { .state = NVA_MS_DONE };

    move_fsm_go(&move, NVA_MS_PREPARED);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("move-fsm");
    TCase *tc = tcase_create("all");

    tcase_add_test(tc, transitions_are_the_declared_ones);
    tcase_add_test(tc, no_way_back_after_the_switch);
    tcase_add_test(tc, ended_states);
    tcase_add_test(tc, go_changes_the_state);
    tcase_add_test_raise_signal(tc, go_aborts_on_a_transition_not_declared,
                                SIGABRT);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
