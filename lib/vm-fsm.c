/* SPDX-License-Identifier: Apache-2.0 */

/* Which state of a VM may follow which.  Knows the states only; must never
 * know where a VM is or who says so.  Invariant: every state may be lost sight
 * of and found again (unknown, other), and stays itself; a VM that is off does
 * nothing but start, or go elsewhere.
 * RFC 7666, VirtualMachineOperState; draft-ietf-nvo3-vmm-15 s6, s7. */

#include <config.h>

#include "vm-fsm.h"

#define B(STATE) (1u << NVA_VM_##STATE)
#define ANY ((1u << (NVA_VM_CRASHED + 1)) - 2)

static const unsigned int successors[NVA_VM_CRASHED + 1] = {
    [NVA_VM_UNKNOWN] = ANY,
    [NVA_VM_OTHER] = ANY,
    [NVA_VM_PREPARING] = (B(RUNNING) | B(PAUSED) | B(SHUTTINGDOWN)
                          | B(SHUTDOWN) | B(CRASHED)),
    [NVA_VM_RUNNING] = (B(SUSPENDING) | B(SUSPENDED) | B(PAUSED) | B(MIGRATING)
                        | B(SHUTTINGDOWN) | B(SHUTDOWN) | B(CRASHED)),
    /* It may fail: the VM runs on. */
    [NVA_VM_SUSPENDING] = B(SUSPENDED) | B(RUNNING) | B(PAUSED) | B(CRASHED),
    [NVA_VM_SUSPENDED] = B(RESUMING) | B(RUNNING) | B(MIGRATING) | B(SHUTDOWN),
    [NVA_VM_RESUMING] = B(RUNNING) | B(PAUSED) | B(SUSPENDED) | B(CRASHED),
    [NVA_VM_PAUSED] = (B(RUNNING) | B(SUSPENDING) | B(SUSPENDED) | B(MIGRATING)
                       | B(SHUTTINGDOWN) | B(SHUTDOWN) | B(CRASHED)),
    [NVA_VM_MIGRATING] = (B(RUNNING) | B(PAUSED) | B(SUSPENDED)
                          | B(SHUTTINGDOWN) | B(SHUTDOWN) | B(CRASHED)),
    /* The guest may refuse. */
    [NVA_VM_SHUTTINGDOWN] = B(SHUTDOWN) | B(RUNNING) | B(CRASHED),
    [NVA_VM_SHUTDOWN] = B(PREPARING) | B(RUNNING) | B(MIGRATING),
    [NVA_VM_CRASHED] = B(PREPARING) | B(RUNNING) | B(SHUTDOWN),
};

bool
vm_fsm_allows(enum nva_vm_state from, enum nva_vm_state to)
{
    if (from < NVA_VM_UNKNOWN || from > NVA_VM_CRASHED
        || to < NVA_VM_UNKNOWN || to > NVA_VM_CRASHED) {
        return false;
    }
    return (from == to || to == NVA_VM_UNKNOWN || to == NVA_VM_OTHER
            || successors[from] & (1u << to));
}

bool
vm_fsm_is_off(enum nva_vm_state state)
{
    return state == NVA_VM_SHUTDOWN || state == NVA_VM_CRASHED;
}

enum nva_move_kind
vm_fsm_kind(enum nva_vm_state state)
{
    return (state == NVA_VM_SHUTDOWN ? NVA_MOVE_COLD
            : state == NVA_VM_SUSPENDED ? NVA_MOVE_WARM
            : state == NVA_VM_CRASHED ? NVA_MOVE_FAILOVER
            : NVA_MOVE_HOT);
}

bool
vm_fsm_may_move(enum nva_vm_state state, enum nva_move_kind kind)
{
    if (kind == NVA_MOVE_HOT) {
        return !vm_fsm_is_off(state) && state != NVA_VM_SUSPENDED;
    }
    return kind != NVA_MOVE_WARM || !vm_fsm_is_off(state);
}

enum nva_vm_state
vm_fsm_prepared(enum nva_vm_state state, enum nva_move_kind kind)
{
    bool carried = kind == NVA_MOVE_HOT || kind == NVA_MOVE_WARM;

    return (carried && state == NVA_VM_RUNNING ? NVA_VM_MIGRATING : state);
}

enum nva_vm_state
vm_fsm_stopped(enum nva_move_kind kind)
{
    switch (kind) {
    case NVA_MOVE_HOT:
        return NVA_VM_PAUSED;
    case NVA_MOVE_WARM:
        return NVA_VM_SUSPENDED;
    case NVA_MOVE_COLD:
        return NVA_VM_SHUTDOWN;
    case NVA_MOVE_FAILOVER:
        break;
    }
    return NVA_VM_CRASHED;
}
