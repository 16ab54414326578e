/* SPDX-License-Identifier: Apache-2.0 */

/* Words of events and the plan a step fills in.  Knows the shape of events
 * and plans, must never know what a step decides.  Invariant: a plan keeps its
 * memory from step to step, and starting a step leaves nothing of the last. */

#include <config.h>

#include "event.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

static const char *const request_words[] = {
#define X(E, W) [NVA_REQ_##E] = W,
    NVA_REQUESTS
#undef X
};

static const char *const event_words[] = {
#define X(E, W) [NVA_EV_##E] = W,
    NVA_EVENTS
#undef X
};

static const char *const note_words[] = {
#define X(E, W) [NVA_NOTE_##E] = W,
    NVA_NOTES
#undef X
};

const char *
nva_request_type_word(enum nva_request_type type)
{
    return type < ARRAY_SIZE(request_words) ? request_words[type] : "?";
}

const char *
nva_event_type_word(enum nva_event_type type)
{
    return type < ARRAY_SIZE(event_words) ? event_words[type] : "?";
}

const char *
nva_note_type_word(enum nva_note_type type)
{
    return type < ARRAY_SIZE(note_words) ? note_words[type] : "?";
}

void
nva_plan_init(struct nva_plan *plan)
{
    memset(plan, 0, sizeof *plan);
    nva_deltas_init(&plan->deltas);
}

void
nva_plan_uninit(struct nva_plan *plan)
{
    nva_deltas_uninit(&plan->deltas);
    free(plan->replies);
    free(plan->notes);
    memset(plan, 0, sizeof *plan);
}

void
nva_plan_start(struct nva_plan *plan, nva_id next_id)
{
    plan->verdict = NVA_OK;
    plan->field = NULL;
    plan->detail[0] = '\0';
    plan->object = NVA_ID_NONE;
    plan->next_id = next_id;
    nva_deltas_clear(&plan->deltas);
    plan->n_replies = 0;
    plan->n_notes = 0;
}

nva_id
nva_plan_new_id(struct nva_plan *plan)
{
    return plan->next_id++;
}

struct nva_delta *
nva_plan_find(const struct nva_plan *plan, enum nva_delta_type type, nva_id id)
{
    for (size_t i = plan->deltas.n; id && i-- > 0; ) {
        struct nva_delta *d = &plan->deltas.a[i];

        if (d->type == type && d->id == id) {
            return d;
        }
    }
    return NULL;
}

struct nva_reply *
nva_plan_reply(struct nva_plan *plan)
{
    struct nva_reply *reply;

    if (plan->n_replies >= plan->allocated_replies) {
        plan->replies = x2nrealloc(plan->replies, &plan->allocated_replies,
                                   sizeof *plan->replies);
    }
    reply = &plan->replies[plan->n_replies++];
    memset(reply, 0, sizeof *reply);
    return reply;
}

struct nva_reply *
nva_plan_reply_packet(struct nva_plan *plan, const struct nva_event *ev,
                      enum nva_reply_target target)
{
    struct nva_reply *reply = nva_plan_reply(plan);

    reply->nve = ev->nve;
    reply->target = target;
    reply->size = ev->packet.size;
    reply->packet = ev->packet.data;
    return reply;
}

struct nva_note *
nva_plan_note(struct nva_plan *plan, enum nva_note_type type,
              enum nva_reason reason)
{
    struct nva_note *note;

    if (plan->n_notes >= plan->allocated_notes) {
        plan->notes = x2nrealloc(plan->notes, &plan->allocated_notes,
                                 sizeof *plan->notes);
    }
    note = &plan->notes[plan->n_notes++];
    memset(note, 0, sizeof *note);
    note->type = type;
    note->reason = reason;
    return note;
}

struct nva_note *
nva_plan_note_tsi(struct nva_plan *plan, enum nva_note_type type,
                  enum nva_reason reason, const struct nva_tsi *tsi)
{
    struct nva_note *note = nva_plan_note(plan, type, reason);

    note->nve = tsi->current.nve;
    note->vn = tsi->vn;
    note->vm = tsi->vm;
    note->tsi = tsi->id;
    note->mac = tsi->mac;
    return note;
}

enum nva_reason
nva_plan_refuse(struct nva_plan *plan, enum nva_reason reason,
                const char *field)
{
    plan->verdict = reason;
    plan->field = field;
    if (reason) {
        nva_deltas_clear(&plan->deltas);
        plan->n_replies = 0;
        plan->n_notes = 0;
    }
    return reason;
}

void
nva_plan_explain(struct nva_plan *plan, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(plan->detail, sizeof plan->detail, format, args);
    va_end(args);
}
