/* SPDX-License-Identifier: Apache-2.0 */

/* A switch for the simulated fabric: OpenFlow bytes in and out, flow tables
 * matched by libopenvswitch, packets executed.  Virtual time is the caller's.
 *
 * Like the real one it keeps decisions it has made: after a flow mod the old
 * decision is used for 'lag' more, as a datapath cache would. */

#ifndef FAKE_SWITCH_H
#define FAKE_SWITCH_H 1

#include "nva-types.h"
#include "openvswitch/flow.h"
#include "openvswitch/ofpbuf.h"

struct fake_switch;

/* A packet on its way.  'bytes' is the frame as its sender wrote it; a switch
 * that rewrites fields only does so in its own copy of the flow. */
struct sim_packet {
    uint64_t id;                        /* The same in all copies. */
    int hops;                           /* Tunnels so far. */
    size_t size;
    uint8_t bytes[256];
    uint64_t tun_id;                    /* From a tunnel. */
    bool rewritten;                     /* A reply made by flows. */
};

/* What leaves a switch. */
struct fake_switch_ops {
    /* Out of local port 'port'. */
    void (*to_port)(void *aux, struct fake_switch *, nva_ofport port,
                    const struct sim_packet *);
    /* Into the tunnel to 'dst' (IPv4-mapped or IPv6). */
    void (*to_tunnel)(void *aux, struct fake_switch *,
                      const struct in6_addr *dst, const struct sim_packet *);
    void *aux;
};

struct fake_switch *fake_switch_create(const char *name, uint64_t dpid,
                                       nva_usec lag,
                                       const struct fake_switch_ops *);
void fake_switch_destroy(struct fake_switch *);
const char *fake_switch_name(const struct fake_switch *);

/* Port 'ofport' with 'name'; the port named vx0 is the tunnel. */
void fake_switch_add_port(struct fake_switch *, nva_ofport, const char *name);
void fake_switch_del_port(struct fake_switch *, const char *name);

/* ## Control ## */

/* From the next connection on it speaks OpenFlow 'version' (0x04 to 0x06, at
 * first 0x06) alone, and has bundles or not (at first it has). */
void fake_switch_speak(struct fake_switch *, uint8_t version, bool bundles);

/* A new connection: half-received bytes and open bundles are forgotten, hello
 * is sent. */
void fake_switch_connect(struct fake_switch *);
/* Forgets all flows and meters, as a restart without them would. */
void fake_switch_clear(struct fake_switch *);
void fake_switch_input(struct fake_switch *, const void *, size_t,
                       nva_usec now);
/* What it says; the caller takes bytes away. */
struct ofpbuf *fake_switch_output(struct fake_switch *);
/* Ends flows whose hard timeout has come. */
void fake_switch_run(struct fake_switch *, nva_usec now);
nva_usec fake_switch_deadline(const struct fake_switch *);

/* From now on 'n' bundles are refused at commit, their first flow mod's with
 * a table-full error; without bundles, 'n' flow mods. */
void fake_switch_refuse_commits(struct fake_switch *, int n);
/* From now on the first flow mod of 'n' bundles does not decode. */
void fake_switch_break_adds(struct fake_switch *, int n);

/* ## Data ## */

/* 'packet' comes in at 'port' (the tunnel's for one from a tunnel). */
void fake_switch_packet(struct fake_switch *, nva_ofport port,
                        const struct sim_packet *, nva_usec now);

/* ## Behind nvad's back ## */

/* Loses the first flow with 'cookie', and tells nobody. */
void fake_switch_lose(struct fake_switch *, uint64_t cookie);
/* Has a flow with 'cookie', of the lowest priority, that drops. */
void fake_switch_plant(struct fake_switch *, uint64_t cookie);

/* ## Looking inside ## */

size_t fake_switch_n_flows(const struct fake_switch *);
/* Sum of nva_flow_hash() of its flows. */
uint64_t fake_switch_hash(const struct fake_switch *);
/* The same, of those without a hard timeout. */
uint64_t fake_switch_hash_lasting(const struct fake_switch *);
/* Flows with 'cookie'. */
size_t fake_switch_n_cookie(const struct fake_switch *, uint64_t cookie);
/* Flows in 'table'. */
size_t fake_switch_n_table(const struct fake_switch *, uint8_t table);
/* Flow mods (adds and deletes) applied so far. */
size_t fake_switch_n_mods(const struct fake_switch *);
struct ds;
void fake_switch_format(const struct fake_switch *, struct ds *);
/* Appends one line per flow to 'ds', sorted, without cookies' versions or
 * times: two equal dumps are equal strings. */
void fake_switch_dump(const struct fake_switch *, struct ds *);

#endif /* fake-switch.h */
