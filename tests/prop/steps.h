/* SPDX-License-Identifier: Apache-2.0 */

/* What may happen in a random fabric. */

#ifndef STEPS_H
#define STEPS_H 1

#include "world.h"

/* Takes a step that the world's dice choose. */
void steps_take(struct world *);

/* The VM stands at 'nve' and may speak; the ports it left may go with it. */
void steps_go_to(struct world *, const struct world_vm *, int nve);

/* One step says in the trace what it does. */
typedef void steps_fn(struct world *);

/* What guests do is in steps.c.  VM management: */
steps_fn step_start, step_name_ports, step_verb, step_vm, step_state;
steps_fn step_wishes, step_drain;
/* The operator, and what befalls switches: */
steps_fn step_port, step_vn, step_tenant, step_thaw, step_audit;
steps_fn step_session, step_restart, step_slow, step_refuse, step_isolate;

#endif /* steps.h */
