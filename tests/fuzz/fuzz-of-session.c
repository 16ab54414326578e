/* SPDX-License-Identifier: Apache-2.0 */

/* A session against any switch.  The input is a list of steps:
 *
 *     op (1 byte), n (2 bytes, big endian), and for op FEED n bytes
 *
 * FEED: bytes from the switch.  TIME: n milliseconds go by.  READ_BACK,
 * BUNDLE: we ask.  DRAIN: we take n bytes of output and all events.
 *
 * Whatever the switch does, UP is the first event, ENDED the last, a bundle's
 * end comes once for each bundle, and a failed message is one of its. */

#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "of-session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FEED, TIME, READ_BACK, BUNDLE, DRAIN, N_OPS };

#define N_MSGS 3

struct world {
    struct of_session *s;
    nva_usec now;
    bool up, ended, in_flight, reading;
    struct nva_flow flow;
};

static void
must(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void
take_event(struct world *w, const struct of_session_event *e)
{
    const uint8_t *p = e->pin.data;
    volatile uint8_t sum = 0;

    must(!w->ended);
    must(w->up || e->type == OF_SESSION_UP || e->type == OF_SESSION_ENDED);
    switch (e->type) {
    case OF_SESSION_UP:
        must(!w->up && e->up.n_ports <= NVA_PORTS_PER_NVE_MAX);
        w->up = true;
        break;
    case OF_SESSION_READBACK_FLOW:
    case OF_SESSION_READBACK_METER:
        must(w->reading);
        break;
    case OF_SESSION_READBACK_DONE:
        must(w->reading);
        w->reading = false;
        break;
    case OF_SESSION_PACKET_IN:
        for (size_t i = 0; i < e->pin.size; i++) {
            sum ^= p[i];
        }
        break;
    case OF_SESSION_MSG_FAILED:
        must(w->in_flight && e->failed.msg < N_MSGS && e->failed.reason);
        break;
    case OF_SESSION_BUNDLE_DONE:
        must(w->in_flight);
        w->in_flight = false;
        break;
    case OF_SESSION_ENDED:
        must(e->ended.reason && e->ended.detail);
        w->ended = true;
        break;
    case OF_SESSION_PORT:
    case OF_SESSION_FLOW_REMOVED:
        break;
    }
}

static void
drain(struct world *w, size_t n)
{
    struct ofpbuf *out = of_session_output(w->s);
    struct of_session_event e;

    while (of_session_next_event(w->s, &e)) {
        take_event(w, &e);
    }
    ofpbuf_pull(out, n < out->size ? n : out->size);
    must(out->size <= OF_SESSION_OUTPUT_MAX);
}

static void
send_bundle(struct world *w)
{
    static const struct nva_meter meter = { 5, 100, 20 };
    struct flow_prog_msg msgs[N_MSGS] = {
        { .op = FLOW_PROG_DELETE, .cookie = 1 },
        { .op = FLOW_PROG_ADD, .flow = &w->flow },
        { .op = FLOW_PROG_ADD, .flow = &w->flow },
    };
    struct flow_prog_bundle bundle = {
        .n_meters = 1, .meters = &meter, .n_msgs = N_MSGS, .msgs = msgs,
    };

    if (w->up && !w->ended && !w->in_flight) {
        w->in_flight = true;
        of_session_send_bundle(w->s, &bundle);
    }
}

static void
step(struct world *w, uint8_t op, size_t n, const uint8_t *data)
{
    switch (op % N_OPS) {
    case FEED:
        of_session_input(w->s, data, n, w->now);
        drain(w, 0);
        break;
    case TIME:
        w->now += n * NVA_MSEC;
        of_session_run(w->s, w->now);
        must(of_session_deadline(w->s) > w->now);
        break;
    case READ_BACK:
        w->reading = w->reading || w->up;
        of_session_read_back(w->s);
        break;
    case BUNDLE:
        drain(w, 0);
        send_bundle(w);
        break;
    case DRAIN:
        drain(w, n);
        break;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = { .now = NVA_SEC };

    w.s = of_session_create(w.now);
    w.flow.cookie = 1;                  /* Deleted and added: swept. */
    match_init_catchall(&w.flow.match);
    ofpbuf_init(&w.flow.actions, 0);
    while (size >= 3) {
        uint8_t op = data[0];
        size_t n = data[1] << 8 | data[2];

        data += 3;
        size -= 3;
        if (op % N_OPS == FEED) {
            n = n < size ? n : size;
        }
        step(&w, op, n, data);
        if (op % N_OPS == FEED) {
            data += n;
            size -= n;
        }
    }
    drain(&w, SIZE_MAX);
    of_session_end(w.s, NVA_R_CLOSED);
    drain(&w, SIZE_MAX);
    must(w.ended);
    of_session_destroy(w.s);
    ofpbuf_uninit(&w.flow.actions);
    return 0;
}
