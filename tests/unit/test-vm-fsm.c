/* SPDX-License-Identifier: Apache-2.0 */

#include "fixture.h"

#include "vm-fsm.h"

#define N (NVA_VM_CRASHED + 1)

/* The table again, as a drawing: rows from, columns to, in the order of
 * RFC 7666. */
static const char *const drawing[N] = {
    /*                     ?opRsSrPmdDC */
    [NVA_VM_UNKNOWN]      = "XXXXXXXXXXXX",
    [NVA_VM_OTHER]        = "XXXXXXXXXXXX",
    [NVA_VM_PREPARING]    = "XXXX...X.XXX",
    [NVA_VM_RUNNING]      = "XX.XXX.XXXXX",
    [NVA_VM_SUSPENDING]   = "XX.XXX.X...X",
    [NVA_VM_SUSPENDED]    = "XX.X.XX.X.X.",
    [NVA_VM_RESUMING]     = "XX.X.XXX...X",
    [NVA_VM_PAUSED]       = "XX.XXX.XXXXX",
    [NVA_VM_MIGRATING]    = "XX.X.X.XXXXX",
    [NVA_VM_SHUTTINGDOWN] = "XX.X.....XXX",
    [NVA_VM_SHUTDOWN]     = "XXXX....X.X.",
    [NVA_VM_CRASHED]      = "XXXX......XX",
};

START_TEST(C1_transitions_are_the_declared_ones)
{
    for (int from = 1; from < N; from++) {
        for (int to = 1; to < N; to++) {
            ck_assert_msg(vm_fsm_allows(from, to)
                          == (drawing[from][to - 1] == 'X'), "%s -> %s",
                          nva_vm_state_word(from), nva_vm_state_word(to));
        }
        ck_assert(!vm_fsm_allows(from, 0));
        ck_assert(!vm_fsm_allows(from, N));
        ck_assert(!vm_fsm_allows(0, from));
    }
}
END_TEST

START_TEST(C3_where_it_comes_to_run_says_which_kind)
{
    ck_assert_int_eq(vm_fsm_kind(NVA_VM_SHUTDOWN), NVA_MOVE_COLD);
    ck_assert_int_eq(vm_fsm_kind(NVA_VM_SUSPENDED), NVA_MOVE_WARM);
    ck_assert_int_eq(vm_fsm_kind(NVA_VM_CRASHED), NVA_MOVE_FAILOVER);
    ck_assert_int_eq(vm_fsm_kind(NVA_VM_RUNNING), NVA_MOVE_HOT);
    ck_assert_int_eq(vm_fsm_kind(NVA_VM_UNKNOWN), NVA_MOVE_HOT);
}
END_TEST

START_TEST(a_kind_asks_for_a_state)
{
    for (int i = 1; i < N; i++) {
        bool off = i == NVA_VM_SHUTDOWN || i == NVA_VM_CRASHED;

        ck_assert_int_eq(vm_fsm_is_off(i), off);
        ck_assert_int_eq(vm_fsm_may_move(i, NVA_MOVE_WARM), !off);
        ck_assert_int_eq(vm_fsm_may_move(i, NVA_MOVE_HOT),
                         !off && i != NVA_VM_SUSPENDED);
        ck_assert(vm_fsm_may_move(i, NVA_MOVE_COLD));
        ck_assert(vm_fsm_may_move(i, vm_fsm_kind(i)));
    }
}
END_TEST

/* What a move makes of a VM's state is a way that the table allows. */
START_TEST(a_move_takes_legal_steps)
{
    for (int kind = NVA_MOVE_HOT; kind <= NVA_MOVE_FAILOVER; kind++) {
        enum nva_vm_state prepared = vm_fsm_prepared(NVA_VM_RUNNING, kind);
        enum nva_vm_state stopped = vm_fsm_stopped(kind);

        ck_assert(vm_fsm_allows(NVA_VM_RUNNING, prepared));
        ck_assert(vm_fsm_allows(prepared, stopped));
        ck_assert(vm_fsm_allows(stopped, NVA_VM_RUNNING));
        ck_assert_int_eq(vm_fsm_prepared(NVA_VM_PAUSED, kind), NVA_VM_PAUSED);
    }
    ck_assert_int_eq(vm_fsm_prepared(NVA_VM_RUNNING, NVA_MOVE_HOT),
                     NVA_VM_MIGRATING);
    ck_assert_int_eq(vm_fsm_prepared(NVA_VM_RUNNING, NVA_MOVE_COLD),
                     NVA_VM_RUNNING);
    ck_assert_int_eq(vm_fsm_stopped(NVA_MOVE_HOT), NVA_VM_PAUSED);
    ck_assert_int_eq(vm_fsm_stopped(NVA_MOVE_WARM), NVA_VM_SUSPENDED);
    ck_assert_int_eq(vm_fsm_stopped(NVA_MOVE_COLD), NVA_VM_SHUTDOWN);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("vm-fsm");
    TCase *tc = tcase_create("all");

    tcase_add_test(tc, C1_transitions_are_the_declared_ones);
    tcase_add_test(tc, C3_where_it_comes_to_run_says_which_kind);
    tcase_add_test(tc, a_kind_asks_for_a_state);
    tcase_add_test(tc, a_move_takes_legal_steps);
    suite_add_tcase(suite, tc);
    return fx_run(suite);
}
