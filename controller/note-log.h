/* SPDX-License-Identifier: Apache-2.0 */

/* Notes as lines of the log.  A decision is logged once, here; the lines wait
 * until what is urgent has been sent. */

#ifndef NVA_NOTE_LOG_H
#define NVA_NOTE_LOG_H 1

#include "step.h"

struct note_log *note_log_create(void);
/* Writes what waits. */
void note_log_destroy(struct note_log *);

/* The line about 'note' waits for note_log_flush(); what one turn says of the
 * same move is one line.  The view is not kept. */
void note_log_add(struct note_log *, const struct nva_view *,
                  const struct nva_note *);
/* So many lines wait at most: with one more all are written.  A drain that
 * begins many moves at once does not make us keep them. */
#define NOTE_LOG_MAX 64
void note_log_flush(struct note_log *);

#endif /* note-log.h */
