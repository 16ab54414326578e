/* SPDX-License-Identifier: Apache-2.0 */

/* A random fabric and what is true in it: how many NVEs, VNs and VMs there
 * are, where each VM stands, which faults are in force.  Everything follows
 * from the seed; the draws of one step do not depend on those of another, so
 * that a step can be left out. */

#ifndef WORLD_H
#define WORLD_H 1

#include "openvswitch/dynamic-string.h"
#include "sim.h"

enum {
    WORLD_NVES_MAX = 6,
    WORLD_VNS_MAX = 3,
    WORLD_VMS_MAX = 8,
    WORLD_IFS_MAX = 2,
};

struct world_if {
    int guest;                          /* The sim's number. */
    int vn;                             /* Index. */
    int tail;                           /* Last byte of MAC, IPv4, IPv6. */
    char port[NVA_PORT_NAME_MAX];       /* Its port's name, at every NVE. */

    /* As it was found frozen last; thaws_at 0: it was not. */
    nva_usec thaws_at;
    struct nva_place frozen_at;
};

struct world_vm {
    char name[16];
    bool exists;                        /* In the directory, as we asked. */
    bool sticky;                        /* As we asked, since then. */
    nva_usec sticky_since;
    int n_ifs;
    struct world_if ifs[WORLD_IFS_MAX];
};

struct world {
    uint64_t seed;
    int step;
    uint64_t rng;                       /* Of the step that is taken. */
    struct sim *sim;
    int n_nves, n_vns, n_vms;
    bool strict[WORLD_VNS_MAX];
    bool down[WORLD_NVES_MAX + 1];      /* Session is. */
    bool refuses[WORLD_NVES_MAX + 1];   /* It has refused flows, or will. */
    bool cut[WORLD_NVES_MAX + 1];       /* Its tunnels are. */
    struct world_vm vms[WORLD_VMS_MAX];
    uint64_t judged;                    /* Directory version last looked at. */
    struct ds trace;
};

void world_create(struct world *, uint64_t seed);
void world_destroy(struct world *);

/* ## Chance and words ## */

/* The draws from now on are those of step 'i'. */
void world_seed_step(struct world *, int i);
/* Below 'n'. */
uint32_t world_pick(struct world *, uint32_t n);
struct world_vm *world_pick_vm(struct world *);
const struct world_if *world_pick_if(struct world *, const struct world_vm *);
int world_pick_nve(struct world *);

/* One line of the trace. */
void world_say(struct world *, const char *format, ...)
    OVS_PRINTF_FORMAT(2, 3);
/* One API call, in the trace with its status and reason. */
int world_call(struct world *, const char *method, const char *path,
               const char *json_format, ...) OVS_PRINTF_FORMAT(4, 5);
/* Prints the trace and ends the process. */
void world_fail(struct world *, const char *format, ...)
    OVS_PRINTF_FORMAT(2, 3);

/* ## Doing ## */

struct nva_view world_view(const struct world *);

/* PUTs the VM; NVE 0: without a place. */
int world_put_vm(struct world *, struct world_vm *, int nve);
bool world_is_plugged(const struct world *, int nve, const char *port);
/* The interface stands at 'nve', whose port is plugged if need be. */
void world_stand(struct world *, const struct world_if *, int nve);
/* Its interfaces stand still where they are, or run. */
void world_still(struct world *, const struct world_vm *, bool still);
/* From its next session on the switch speaks any version, with bundles or
 * without. */
void world_speak_any(struct world *, int nve);
/* The VM's interfaces as the directory has them; NULL if it has none. */
const struct nva_tsi *world_tsi(const struct world *, const struct world_if *);
int world_nve_number(const struct world *, nva_id nve);
/* The VM's move under way, or NULL. */
const struct nva_move *world_move(const struct world *,
                                  const struct world_vm *);

/* ## Judging: each ends the process if something is wrong ## */

/* After any step, in whatever state things are. */
void world_judge(struct world *);
/* Everything is connected and has come to rest: who stands where the
 * directory has it is reached by all, exactly once. */
void world_judge_rest(struct world *);
/* Brings everything back, lets every VM be found, and judges that; then lets
 * all timers run out, after which nothing temporary is left. */
void world_judge_end(struct world *);

#endif /* world.h */
