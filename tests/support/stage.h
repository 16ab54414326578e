/* SPDX-License-Identifier: Apache-2.0 */

/* The stage that most stories share: VN blue (VNI 100) on NVEs hv1, hv2 and
 * hv3; VM "vm" at hv1 port tap-vm; correspondents c1, c2, c3, one at each NVE
 * (port tap-cN); a port tap-vm waits at hv2 and hv3. */

#ifndef STAGE_H
#define STAGE_H 1

#include <check.h>

#include "sim.h"

struct stage {
    struct sim *sim;
    int vm, c[4];                       /* c[1]..c[3]: the sim's numbers. */
    char *flows[4];                     /* What remember_flows() saw. */
};

enum stage_flags {
    STAGE_STRICT = 1 << 0,              /* Binding strict, else learn. */
    STAGE_IPV6 = 1 << 1,                /* IPv6 underlay. */
    STAGE_MIXED = 1 << 2,               /* hv2 on IPv6, the others IPv4. */
    STAGE_NO_SPARE = 1 << 3,            /* No tap-vm at hv2 and hv3 yet. */
    STAGE_PULL = 1 << 4,                /* Blue pulls. */
};

/* 'seed': see sim_create().  Everything is settled and checked. */
void stage_set(struct stage *, enum stage_flags, uint64_t seed);
/* Checks the invariants, lets redirects run out, checks again. */
void stage_run_out(struct stage *);
/* The same, then strikes. */
void stage_strike(struct stage *);

/* One API call that must succeed. */
void must(struct stage *, const char *method, const char *path,
          const char *json);
/* One that must be refused with 'reason' (a word). */
void must_refuse(struct stage *, const char *method, const char *path,
                 const char *json, const char *reason);

/* Starts a planned move of "vm" to hvN port tap-vm; returns its id. */
int start_move(struct stage *, int to);
/* A planned move of "vm" to hvN, without pause, from the start to where all
 * has settled after it was activated; returns its id. */
int make_move(struct stage *, int to);
/* The same, to where all has settled after its pause. */
int start_and_pause(struct stage *, int to);
/* POST /v1/moves/ID/VERB, must succeed. */
void move_verb(struct stage *, int id, const char *verb);
/* The state of a move, as the API shows it; static buffer. */
const char *move_state(struct stage *, int id);
/* The newest move's id; 0 if there is none. */
int last_move(struct stage *);
/* True if the timeline of 'id' has 'what', at 'nve' unless NULL. */
bool timeline_has(struct stage *, int id, const char *what, const char *nve);
/* When that was for the last time, in microseconds since the move's beginning;
 * -1 if never. */
long long timeline_last(struct stage *, int id, const char *what,
                        const char *nve);

/* The NVE of "vm" as the directory has it: 1.., 0 if nowhere. */
int current_nve(struct stage *);
int published_nve(struct stage *);
/* Redirects in the directory, all told; redirect flows at hvN. */
int n_redirects(struct stage *);
int n_redirect_flows(struct stage *, int nve);

/* Remembers each switch's flows; asserts that they are the same again. */
void remember_flows(struct stage *);
void same_flows(struct stage *);

/* Everything settled, invariants hold, everybody reaches everybody. */
void all_well(struct stage *);

/* Runs a suite of one test case as a program's main. */
int run_stories(const char *name, TCase *);

#endif /* stage.h */
