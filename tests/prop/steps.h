/* SPDX-License-Identifier: Apache-2.0 */

/* What may happen in a random fabric. */

#ifndef STEPS_H
#define STEPS_H 1

#include "world.h"

/* Takes a step that the world's dice choose. */
void steps_take(struct world *);

#endif /* steps.h */
