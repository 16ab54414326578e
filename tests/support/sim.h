/* SPDX-License-Identifier: Apache-2.0 */

/* The simulated fabric: the real dispatch, the real OpenFlow sessions, fake
 * switches, VMs that stand at ports, and packets, all in virtual time.
 *
 * A story reads: make NVEs, tell the API, let VMs stand somewhere and speak,
 * let time go by, ask where packets went, check the invariants. */

#ifndef SIM_H
#define SIM_H 1

#include "dispatch.h"
#include "fake-switch.h"
#include "nva-types.h"

enum { SIM_NVES_MAX = 16, SIM_VMS_MAX = 64, SIM_PORTS_MAX = 1024 };

struct sim;

/* 'seed' 0: every delay is the shortest and the same; else delays are drawn
 * from it. */
struct sim *sim_create(uint64_t seed);
void sim_destroy(struct sim *);

nva_usec sim_now(const struct sim *);
struct dispatch *sim_dispatch(const struct sim *);
/* At the end of a read-back so many owners and flows are compared in a turn,
 * which takes so long. */
void sim_compare_slowly(struct sim *, size_t per_turn, nva_usec turn);
/* A random number below 'n', from the seed. */
uint32_t sim_random(struct sim *, uint32_t n);

/* Lets time go by, at most 'usec'. */
void sim_run(struct sim *, nva_usec usec);
/* Lets time go by until no message or packet is under way (timers of minutes
 * may still run). */
void sim_settle(struct sim *);

/* ## Fabric ## */

/* NVE "hvN", dpid N, N from 1; connected.  Returns N. */
int sim_nve(struct sim *, bool ipv6);
struct fake_switch *sim_switch(struct sim *, int nve);
/* Extra delay of everything to and from the switch's control channel. */
void sim_slow(struct sim *, int nve, nva_usec extra);
/* The control session breaks; the switch keeps its flows and forwards on. */
void sim_disconnect(struct sim *, int nve);
void sim_connect(struct sim *, int nve);
/* The switch restarts, with or without its flows, and connects again. */
void sim_restart(struct sim *, int nve, bool keep_flows);
/* It connects again by a unix socket, which shows no address. */
void sim_by_unix_socket(struct sim *, int nve);
/* The datapath, too, is cut off: nothing gets in or out. */
void sim_isolate(struct sim *, int nve, bool isolated);

/* A port appears or goes (whoever stood there stands nowhere).  Port numbers
 * are the sim's. */
void sim_plug(struct sim *, int nve, const char *port);
void sim_unplug(struct sim *, int nve, const char *port);
bool sim_is_plugged(const struct sim *, int nve, const char *port);

/* ## API ## */

/* One call, as a client would make it.  Returns the HTTP status; the answer is
 * sim_body() until the next call. */
int sim_api(struct sim *, const char *method, const char *path,
            const char *json);
int sim_apif(struct sim *, const char *method, const char *path,
             const char *json_format, ...) OVS_PRINTF_FORMAT(4, 5);
const char *sim_body(const struct sim *);

/* ## VMs ## */

struct sim_vm {
    const char *name;
    const char *vn;                     /* Only to know who may hear whom. */
    struct eth_addr mac;
    uint8_t ip4[4], ip6[16];
};

/* Returns the VM's number. */
int sim_vm(struct sim *, const struct sim_vm *);
/* It stands at that port and reads what waits there; NVE 0: nowhere. */
void sim_stand(struct sim *, int vm, int nve, const char *port);
/* Where it stands; 0: nowhere. */
int sim_stands_at(const struct sim *, int vm);
/* It stands still: neither reads nor speaks, until it stands again. */
void sim_still(struct sim *, int vm);
/* From now on it does not answer (or does again) what it is asked itself, as a
 * guest's kernel does. */
void sim_mute(struct sim *, int vm, bool mute);
bool sim_is_still(const struct sim *, int vm);

enum sim_announcement {
    SIM_GARP, SIM_GARP_REPLY, SIM_NA, SIM_NA_NODE, SIM_RARP, SIM_PROBE,
    SIM_DAD,
};
/* Says so from where it stands. */
void sim_announce(struct sim *, int vm, enum sim_announcement);
/* Says so from another port (a lie, or a second place). */
void sim_announce_at(struct sim *, int vm, enum sim_announcement, int nve,
                     const char *port);
/* A frame that says so with the MAC of 'vm' and the addresses of 'owner'. */
void sim_forge_at(struct sim *, int vm, int owner, enum sim_announcement,
                  int nve, const char *port);
/* Any frame, from any port. */
void sim_frame_at(struct sim *, const void *, size_t, int nve,
                  const char *port);

/* Sends a data packet; returns its id. */
uint64_t sim_send(struct sim *, int from, int to);
/* How often 'to' has read it; how often it reached any port. */
int sim_received(const struct sim *, uint64_t id);
int sim_delivered(const struct sim *, uint64_t id);
/* Grows with each packet that is read for the first time; 0: it was not. */
uint64_t sim_order(const struct sim *, uint64_t id);
/* Frames made by flows or by nvad that 'vm' has read (answers). */
int sim_answers(const struct sim *, int vm);
/* Probes for its IPv4 address that it read while it probed itself: it would
 * not take the address. */
int sim_conflicts(const struct sim *, int vm);
/* Tunnels the packet went through at most. */
int sim_hops(const struct sim *, uint64_t id);
/* Broadcast from 'from'; the id is received once by each VM of the VN. */
uint64_t sim_broadcast(struct sim *, int from);

/* Sends one packet each way between all pairs of VMs that stand, lets it
 * settle, and returns how many were not received exactly once. */
int sim_ping_all(struct sim *);

/* ## Invariants ## */

/* directory_check(); what intent says is what flow-prog believes and what the
 * switches have (of those connected and synced); what was held is delivered
 * or counted; nothing has set off the alarm.  NULL if all is well, else what
 * is not (static buffer).  To be called when all is settled. */
const char *sim_check(struct sim *);
/* A packet was read twice, crossed a VN or went round, what was held went out
 * twice or in another order, a drain ended with VMs left, a timer that is due
 * did nothing a thousand times; else NULL. */
const char *sim_alarm(const struct sim *);

/* What can be said at any moment: what an NVE has confirmed is what intent
 * says now; the switch of an idle NVE has what flow-prog believes. */
const char *sim_check_now(struct sim *);

/* How many notes of this kind and reason there were. */
size_t sim_notes(const struct sim *, enum nva_note_type, enum nva_reason);

#endif /* sim.h */
