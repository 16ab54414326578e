/* SPDX-License-Identifier: Apache-2.0 */

/* The objects of the directory as plain values, and the delta: one change of
 * the directory.  Values are open, copied by assignment, own no memory.
 * Must never know how a change came about. */

#ifndef NVA_DELTA_H
#define NVA_DELTA_H 1

#include "nva-types.h"
#include "openvswitch/packets.h"

/* ## Words ## */

#define NVA_BINDINGS X(STRICT, "strict") X(LEARN, "learn")
enum nva_binding {
#define X(E, W) NVA_BINDING_##E,
    NVA_BINDINGS
#undef X
};

/* An ARP/ND question nobody can answer. */
#define NVA_UNKNOWN_QUESTIONS X(FLOOD, "flood") X(DROP, "drop")
enum nva_unknown_question {
#define X(E, W) NVA_UQ_##E,
    NVA_UNKNOWN_QUESTIONS
#undef X
};

#define NVA_UNKNOWN_UNICASTS                                                \
    X(QUERY, "query") X(FLOOD, "flood") X(DROP, "drop")
enum nva_unknown_unicast {
#define X(E, W) NVA_UU_##E,
    NVA_UNKNOWN_UNICASTS
#undef X
};

/* Whether a VN's tenant shares an NVE with others (D24). */
#define NVA_ISOLATIONS X(SHARED, "shared") X(EXCLUSIVE, "exclusive")
enum nva_isolation {
#define X(E, W) NVA_ISOLATION_##E,
    NVA_ISOLATIONS
#undef X
};

/* What of the sources of a port's frames is checked, where binding=strict. */
#define NVA_PORT_SECURITIES                                                 \
    X(MAC, "mac")       /* MACs placed there; ARP and ND addresses. */      \
    X(FULL, "full")     /* ...and the IPs of data. */                       \
    X(NONE, "none")
enum nva_port_security {
#define X(E, W) NVA_PS_##E,
    NVA_PORT_SECURITIES
#undef X
};

/* How NVEs learn mappings (RFC 8171: push and pull directory). */
#define NVA_RESOLUTIONS X(AUTO, "auto") X(PUSH, "push") X(PULL, "pull")
enum nva_resolution {
#define X(E, W) NVA_RESOLUTION_##E,
    NVA_RESOLUTIONS
#undef X
};

#define NVA_ORIGINS X(CONFIGURED, "configured") X(LEARNED, "learned")
enum nva_origin {
#define X(E, W) NVA_ORIGIN_##E,
    NVA_ORIGINS
#undef X
};

/* What of a port's frames goes through the NVA, because it floods. */
#define NVA_DETOURS                                                         \
    X(NONE, "none")                                                         \
    X(NEIGHBOUR, "arp_nd")      /* ARP, RARP, neighbour discovery. */       \
    X(ALL, "all")
enum nva_detour {
#define X(E, W) NVA_DETOUR_##E,
    NVA_DETOURS
#undef X
};

/* RFC 7666 VirtualMachineOperState (C1). */
#define NVA_VM_STATES                                                       \
    X(UNKNOWN, "unknown", 1) X(OTHER, "other", 2)                           \
    X(PREPARING, "preparing", 3) X(RUNNING, "running", 4)                   \
    X(SUSPENDING, "suspending", 5) X(SUSPENDED, "suspended", 6)             \
    X(RESUMING, "resuming", 7) X(PAUSED, "paused", 8)                       \
    X(MIGRATING, "migrating", 9) X(SHUTTINGDOWN, "shuttingdown", 10)        \
    X(SHUTDOWN, "shutdown", 11) X(CRASHED, "crashed", 12)
enum nva_vm_state {
#define X(E, W, N) NVA_VM_##E = N,
    NVA_VM_STATES
#undef X
};

/* What becomes of a VM's connections while it moves (D18). */
#define NVA_CONNECTIONS                                                     \
    X(KEEP, "keep")             /* Packets for them are sent after it. */   \
    X(HOLD, "hold")             /* ...and held while it stands still. */    \
    X(RESET, "reset")           /* TCP ones are reset at the old place. */
enum nva_connections {
#define X(E, W) NVA_CONNECTIONS_##E,
    NVA_CONNECTIONS
#undef X
};

#define NVA_MOVE_KINDS                                                      \
    X(HOT, "hot") X(WARM, "warm") X(COLD, "cold") X(FAILOVER, "failover")
enum nva_move_kind {
#define X(E, W) NVA_MOVE_##E,
    NVA_MOVE_KINDS
#undef X
};

#define NVA_MOVE_CAUSES \
    X(PLANNED, "planned")       /* By VM management. */                     \
    X(ANNOUNCED, "announced")   /* By the VM, or who pretends to be it. */  \
    X(PROBED, "probed")         /* By its answer to a probe. */
enum nva_move_cause {
#define X(E, W) NVA_CAUSE_##E,
    NVA_MOVE_CAUSES
#undef X
    NVA_N_MOVE_CAUSES
};

/* design: prepared -> paused -> switching -> converging -> draining -> done,
 * and aborted, failed, superseded.  Transitions: move-fsm. */
#define NVA_MOVE_STATES                                                     \
    X(PREPARED, "prepared") X(PAUSED, "paused") X(SWITCHING, "switching")   \
    X(CONVERGING, "converging") X(DRAINING, "draining") X(DONE, "done")     \
    X(ABORTED, "aborted") X(FAILED, "failed") X(SUPERSEDED, "superseded")
enum nva_move_state {
#define X(E, W) NVA_MS_##E,
    NVA_MOVE_STATES
#undef X
    NVA_N_MOVE_STATES
};

/* `stopped': begins nothing any more; what it began goes on. */
#define NVA_DRAIN_STATES                                                    \
    X(RUNNING, "running") X(STOPPED, "stopped") X(FINISHED, "finished")
enum nva_drain_state {
#define X(E, W) NVA_DRAIN_##E,
    NVA_DRAIN_STATES
#undef X
};

/* Evidence and other steps, as the timeline shows them. */
#define NVA_STAMPS                                                          \
    X(STARTED, "started") X(READY, "ready") X(PAUSED, "paused")             \
    X(EARLY, "paused early") X(RUNS_ON, "runs on")                          \
    X(STOPPED, "stopped") X(REFRESHED, "refreshed")                         \
    X(ACTIVATED, "activated") X(EVIDENCE, "evidence")                       \
    X(GATE_PASSED, "gate passed")                                           \
    X(REDIRECT_ON, "redirect on") X(REDIRECT_CONFIRMED, "redirect confirmed")\
    X(REDIRECT_RETARGETED, "redirect retargeted")                           \
    X(REDIRECT_REARMED, "redirect re-armed")                                \
    X(REDIRECT_OFF, "redirect off") X(SENT, "sent") X(CONFIRMED, "confirmed")\
    X(OWING, "owing") X(CONVERGED, "converged") X(LATE, "late packet")      \
    X(ABORTED, "aborted") X(UNWOUND, "unwound") X(FAILED, "failed")         \
    X(SUPERSEDED, "superseded") X(DONE, "done")                             \
    X(RELEASED, "released") X(HELD_LOST, "held packets lost")
enum nva_stamp_kind {
#define X(E, W) NVA_STAMP_##E,
    NVA_STAMPS
#undef X
};

/* Why a VM is asked whether it is there. */
#define NVA_PROBE_WHYS                                                      \
    X(PLACE, "place")           /* It may be where it was. */               \
    X(MOVES, "moves")           /* It moves suspiciously often. */          \
    X(AGE, "age")               /* It was not heard for a while. */         \
    X(CLAIM, "claim")           /* Another claims its address. */         \
    X(SCAN, "scan")             /* Another has left its NVE. */
enum nva_probe_why {
#define X(E, W) NVA_PROBE_##E,
    NVA_PROBE_WHYS
#undef X
    NVA_PROBE_N_WHYS
};

const char *nva_probe_why_word(enum nva_probe_why);
const char *nva_binding_word(enum nva_binding);
const char *nva_unknown_question_word(enum nva_unknown_question);
const char *nva_unknown_unicast_word(enum nva_unknown_unicast);
const char *nva_isolation_word(enum nva_isolation);
const char *nva_port_security_word(enum nva_port_security);
const char *nva_resolution_word(enum nva_resolution);
const char *nva_origin_word(enum nva_origin);
const char *nva_detour_word(enum nva_detour);
const char *nva_vm_state_word(enum nva_vm_state);
const char *nva_connections_word(enum nva_connections);
const char *nva_move_kind_word(enum nva_move_kind);
const char *nva_move_cause_word(enum nva_move_cause);
const char *nva_move_state_word(enum nva_move_state);
const char *nva_stamp_word(enum nva_stamp_kind);
const char *nva_drain_state_word(enum nva_drain_state);

/* Each sets '*out' and returns true if 'word' is one of the enum's words. */
bool nva_binding_from_word(const char *word, enum nva_binding *out);
bool nva_unknown_question_from_word(const char *, enum nva_unknown_question *);
bool nva_unknown_unicast_from_word(const char *, enum nva_unknown_unicast *);
bool nva_isolation_from_word(const char *, enum nva_isolation *);
bool nva_port_security_from_word(const char *, enum nva_port_security *);
bool nva_resolution_from_word(const char *, enum nva_resolution *);
bool nva_vm_state_from_word(const char *, enum nva_vm_state *);
bool nva_connections_from_word(const char *, enum nva_connections *);
bool nva_move_kind_from_word(const char *, enum nva_move_kind *);

/* ## Objects ## */

struct nva_vn {
    nva_id id;
    char name[NVA_NAME_MAX];
    uint32_t vni;                       /* 1..NVA_VNI_MAX, immutable. */
    enum nva_binding binding;
    enum nva_unknown_question unknown_question;
    enum nva_unknown_unicast unknown_unicast;
    enum nva_port_security port_security;
    uint32_t redirect_timeout;          /* Seconds, 1..300. */
    uint32_t mtu;                       /* Inner IP MTU, 0: not stated. */
    uint32_t duplicate_moves;           /* Announced moves of an interface...*/
    uint32_t duplicate_window;          /* ...in so many seconds that make it
                                         * suspect; 0 moves: none do. */
    uint32_t freeze_time;               /* Seconds; 0: until somebody thaws. */
    uint32_t max_learned;               /* Hosts that nobody told us of. */
    char tenant[NVA_NAME_MAX];          /* "": none. */
    enum nva_isolation isolation;

    /* Addresses that interfaces of the VN share: whoever announced one last
     * has it (VRRP, RFC 9568). */
    size_t n_shared_ips;
    struct in6_addr shared_ips[NVA_SHARED_IPS_MAX];
    enum nva_resolution resolution;
    uint32_t lifetime;                  /* Seconds a pulled entry lives; 0: it
                                         * is not kept (RFC 8171 s3.2). */
    uint32_t age;                       /* Seconds that what was learned lasts
                                         * without a sign of life; 0: it
                                         * stays. */

    /* What 'resolution' comes to; not configuration. */
    bool pulls;
    nva_usec pulls_since;               /* What was pushed counts as pulled
                                         * then. */
};

struct nva_nve {
    nva_id id;
    char name[NVA_NAME_MAX];
    uint64_t dpid;
    struct in6_addr tunnel_ip;          /* All zero: not known. */
    bool tunnel_ip_guessed;             /* From the session's address. */
    char tunnel_port[NVA_PORT_NAME_MAX];/* "" : the first port named vx*. */
    bool adopt;
    char zone[NVA_NAME_MAX];

    /* The session's side; not configuration. */
    bool connected;                     /* Claimed, shaken hands, read back. */
    uint64_t session;                   /* Changes with each session. */
};

/* A port as the present (or last) session described it. */
struct nva_port {
    nva_id nve;
    char name[NVA_PORT_NAME_MAX];
    nva_ofport ofport;
    struct eth_addr hw_addr;
};

/* A virtual access point: an NVE's port bound to a VN, optionally only for
 * frames of one MAC.  May be declared before the port exists. */
struct nva_vap {
    nva_id id;
    nva_id nve;
    char port[NVA_PORT_NAME_MAX];
    bool has_mac;
    struct eth_addr mac;
    nva_id vn;
    bool implied;       /* Made by a VM's place or a move, goes with it. */
    enum nva_detour detour;     /* Of the present session only. */
};

struct nva_vm {
    nva_id id;
    char name[NVA_NAME_MAX];
    enum nva_vm_state state;
    enum nva_origin origin;
    nva_usec since;                     /* When it came into 'state'. */
    enum nva_connections connections;
    bool sticky;                        /* Never moves by announcement (RFC
                                         * 7432 s15.2, E5). */
    nva_id move;                        /* The move under way, or NONE. */
    nva_id drain;                       /* The attempt of a drain that could
                                         * not move it, or NONE; and why. */
    enum nva_reason drain_refusal;
};

/* A tenant system interface: a MAC with its IPs in a VN (RFC 8014). */
struct nva_tsi {
    nva_id id;
    nva_id vm;
    char name[NVA_NAME_MAX];            /* Unique in its VM; "eth0" default. */
    nva_id vn;
    struct eth_addr mac;
    size_t n_ips;
    struct in6_addr ips[NVA_IPS_MAX];
    size_t n_given;                     /* So many of them, the first, are VM
                                         * management's word; the others were
                                         * learned, and yield to it. */

    unsigned int roles;                 /* Bits of enum nva_role. */

    /* Nested guests: MACs that may be used behind it.  Bit N of 'nested': the
     * Nth of them is there, as it showed itself; it is at the interface's
     * places and moves with it.  Several interfaces may allow a MAC, at one of
     * them it is. */
    size_t n_allowed;
    struct eth_addr allowed[NVA_ALLOWED_MACS_MAX];
    uint32_t nested;
    nva_usec nested_since;              /* When the last one came. */

    /* Where it is, where peers send, where it may go.  Only mobility and
     * registration change these. */
    struct nva_place current;
    struct nva_place published;
    struct nva_place prepared;
    bool paused;                        /* Old NVE redirects to 'prepared'. */
    bool early;                         /* Paused, but its VM still runs at
                                         * 'current': what it sends from there
                                         * is normal. */
    bool deaf;                          /* No port of it gets floods: they have
                                         * left one of its places, and enter
                                         * the other when that is confirmed,
                                         * so that none comes twice. */
    bool stopped;                       /* Its VM is off: nothing is delivered
                                         * at 'current'. */
    nva_usec held_until;                /* 0: not held.  Else what comes for it
                                         * at 'prepared', and unless paused
                                         * at 'current', goes to the NVA. */

    /* How sure that is.  Only mobility changes these; no flow reads them. */
    uint32_t sequence;                  /* One more with each move (RFC 7432
                                         * s7.7); 0: it has not moved. */
    bool unconfirmed;                   /* There is reason for doubt. */
    bool frozen;                        /* Announcements do not move it... */
    nva_usec thaws_at;                  /* ...until then; 0: no timer. */
    struct nva_place confirmed;         /* The last place beyond doubt. */
    nva_usec heard;                     /* When it last showed itself, give or
                                         * take NVA_HEARD_GRAIN; kept of
                                         * learned hosts only. */
    uint32_t n_moves;                   /* Announced ones... */
    nva_usec moves_since;               /* ...since then. */
    struct nva_place probes_at;         /* It probes an address of its own
                                         * there (ACD, DAD), as was seen... */
    nva_usec probes_since;              /* ...the last time then, about; 0:
                                         * never. */
    uint32_t n_suspicions;              /* Probes in a row that it answered
                                         * nowhere, or only where it was. */
};

/* One instance of a redirect: at NVE 'at', packets from a tunnel for 'tsi' go
 * on to NVE 'to'. */
struct nva_redirect {
    nva_id id;
    nva_id tsi;
    nva_id at;
    char port[NVA_PORT_NAME_MAX];       /* That was left there; may be "". */
    nva_id to;
    nva_id move;                        /* For the timeline; may be NONE. */
    bool resets;                        /* But for TCP segments of connections
                                         * from before: they are reset. */
    nva_usec since;                     /* Bounds re-arming. */
    nva_usec until;                     /* Its hard timeout ends then. */
};

/* A question "are you there?" that is under way: to interface 'tsi', at one
 * place or two.  See probe.h. */
struct nva_probe_place {
    struct nva_place place;
    uint32_t n_asked;                   /* Questions that could be sent. */
    uint32_t answered;                  /* Bit N: after the Nth question... */
    uint32_t prompt;                    /* ...and at once. */
    uint32_t sequence;                  /* The TSI's at the last answer. */
    uint32_t spoke;                     /* Questions asked when it last spoke
                                         * there unasked; 0: it has not. */
};
#define NVA_PROBE_PLACES_MAX 2
struct nva_probe {
    nva_id id;
    nva_id tsi;
    enum nva_probe_why why;             /* At most one for each TSI, why and
                                         * ip. */
    struct in6_addr ip;                 /* All zero: any of the TSI's. */
    nva_id rival;                       /* CLAIM: the TSI that claims it. */
    uint32_t sequence;                  /* The TSI's when it began. */
    uint32_t asked;                     /* How often so far. */
    nva_usec asked_at;                  /* The last time. */
    nva_usec due;                       /* Asked again, or given up. */
    size_t n_places;
    struct nva_probe_place places[NVA_PROBE_PLACES_MAX];
};

/* How long what a frame taught lasts: address 'ip' of interface 'tsi'; or,
 * 'ip' all zero, that interface, of a host nobody told us of.  See ageing.h.
 */
struct nva_lease {
    nva_id tsi;
    struct in6_addr ip;
    nva_usec heard;                     /* Its last sign of life, about. */
    nva_usec asked;                     /* When it was last asked because of
                                         * its age; 0: never. */
    nva_usec look;                      /* When to look at it; 0: now, for it
                                         * is new or has another age. */
    bool silent;                        /* It has not answered that. */

    /* Of an address.  See duplicate.h. */
    uint32_t n_conflicts;               /* Claims of it by others... */
    nva_usec conflicts_since;           /* ...since then... */
    nva_usec conflict_at;               /* ...and the last one. */
    bool frozen;                        /* Nobody answers for it... */
    nva_usec thaws_at;                  /* ...until then; 0: no timer. */
};

/* Who is left of a VN at an NVE will be asked, or is being.  See scan.h. */
struct nva_scan {
    nva_id nve, vn;
    nva_usec since;                     /* The first one left. */
    nva_usec due;                       /* It begins, or goes on. */
    nva_id after;                       /* The last TSI that was asked; NONE:
                                         * it waits. */
    uint32_t n_asked;
    nva_usec slot;                      /* When its NVE is, or was, to be asked
                                         * for it alone; 0: not yet said. */
};

/* What an NVE was told because it asked (RFC 8171 s3): where 'tsi' is, for
 * which it has a flow until 'until', at the latest; or, with 'tsi' NONE, that
 * nobody has 'mac' in 'vn'. */
struct nva_pull {
    nva_id id;                          /* Of the latter kind only. */
    nva_id nve;
    nva_id tsi;
    nva_id vn;
    struct eth_addr mac;                /* Of the latter kind only. */
    nva_usec until;
    nva_usec look;                      /* When to look at it again. */
};

struct nva_move_if {
    nva_id tsi;
    struct nva_place from;              /* May be unset: had no place. */
    struct nva_place to;
    nva_id way_there;                   /* The redirect at 'to' that preparing
                                         * the way back has ended, or NONE. */
    nva_usec left_at;                   /* When it left 'to' by the move before
                                         * this one; 0: it did not. */
    bool switched;
    nva_usec switched_at;
};

struct nva_move {
    nva_id id;
    nva_id vm;
    char vm_name[NVA_NAME_MAX];         /* Outlives the VM. */
    enum nva_move_kind kind;
    enum nva_move_cause cause;
    enum nva_move_state state;
    nva_id to_nve;
    size_t n_ifs;
    struct nva_move_if ifs[NVA_IFS_MAX];
    bool ready;                         /* Prepared and confirmed. */
    bool unwinding;                     /* Aborted, not yet all undone... */
    nva_usec unwind_by;                 /* ...when an unreachable old NVE's
                                         * redirect must have expired. */
    nva_usec expected_until;            /* Aborted because its VM still ran,
                                         * which may be carried over all the
                                         * same: until then it is believed
                                         * where it was prepared, which stays.
                                         * Else 0. */
    nva_usec paused_at;                 /* Of an early pause: or stopped. */
    uint32_t early_ms;                  /* Paused early: how long its VM may
                                         * run on, in milliseconds; else 0. */
    bool early;                         /* It still runs... */
    nva_usec early_until;               /* ...until then; 0: not confirmed. */
    nva_usec floods_at;                 /* A deaf interface gets floods then;
                                         * 0: not yet. */
    nva_usec settles_from;              /* Paused: its last confirmation, and
                                         * as long again as that took.
                                         * Prepared: when the end of each
                                         * 'way_there' was confirmed,
                                         * NVA_NEVER until then; 0 if there
                                         * is none. */
    enum nva_vm_state vm_was;           /* The VM's state if it is taken
                                         * back. */
    uint32_t timeout;                   /* Seconds; 0: waits for ever... */
    nva_usec switch_by;                 /* ...else fails then. */
    uint32_t refresh;                   /* Warm: seconds between two looks
                                         * at the destination; else 0. */
    nva_usec refresh_at;                /* The next one. */
    enum nva_reason end_reason;
    nva_usec started;
    nva_usec ended;                     /* 0 while it goes on. */
};

/* The evacuation of an NVE: at most one, the last one asked for.  Which VMs
 * wait is not kept: it is asked of the directory. */
struct nva_drain {
    nva_id nve;
    nva_id attempt;                     /* New with each request: what an
                                         * earlier one gave up is tried. */
    enum nva_drain_state state;
    size_t n_targets;
    nva_id targets[NVA_DRAIN_TARGETS_MAX];
    uint32_t parallel;
    uint32_t timeout;                   /* Of each move, seconds; 0: none. */
    size_t n_moves;                     /* Begun by it and under way. */
    nva_id moves[NVA_DRAIN_PARALLEL_MAX];
    uint64_t done;                      /* VMs that have left by it. */
    nva_usec started;
    nva_usec ended;                     /* 0 while it goes on. */
};

static inline bool
nva_drain_goes_on(const struct nva_drain *d)
{
    return d->state == NVA_DRAIN_RUNNING || d->n_moves;
}

/* One entry of a timeline. */
struct nva_stamp {
    enum nva_stamp_kind kind;
    nva_usec when;
    nva_id nve;                         /* May be NONE. */
    nva_id other;                       /* A redirect's target NVE, a newer
                                         * move; may be NONE. */
    enum nva_reason reason;
    uint64_t count;                     /* Packets: REDIRECT_OFF, RELEASED,
                                         * HELD_LOST; how many in a row, for
                                         * REFRESHED. */
};

/* Where the VAP is: its NVE and port. */
struct nva_place nva_vap_place(const struct nva_vap *);

/* The part of 'move', which may be NULL, that is about 'tsi', or NULL. */
const struct nva_move_if *nva_move_if_of(const struct nva_move *move,
                                         nva_id tsi);

/* Takes 'ip' from the interface's addresses. */
void nva_tsi_drop_ip(struct nva_tsi *, const struct in6_addr *ip);

/* True if 'ip' is one of the VN's shared addresses. */
bool nva_vn_shares(const struct nva_vn *, const struct in6_addr *ip);

/* Which of the MACs that 'tsi' allows 'mac' is; 'n_allowed' if none. */
size_t nva_tsi_allowed(const struct nva_tsi *tsi, struct eth_addr mac);

/* True for a nested guest's MAC that is behind 'tsi'. */
bool nva_tsi_has_nested(const struct nva_tsi *tsi, struct eth_addr mac);

/* The MACs that are there: its own, then the nested ones.  Returns how many.
 */
size_t nva_tsi_macs(const struct nva_tsi *,
                    struct eth_addr macs[NVA_ALLOWED_MACS_MAX + 1]);

/* ## Delta ## */

#define NVA_DELTAS                                                          \
    X(VN_PUT, "vn_put") X(VN_DEL, "vn_del")                                 \
    X(NVE_PUT, "nve_put") X(NVE_DEL, "nve_del")                             \
    X(PORT_PUT, "port_put") X(PORT_DEL, "port_del")                         \
    X(VAP_PUT, "vap_put") X(VAP_DEL, "vap_del")                             \
    X(VM_PUT, "vm_put") X(VM_DEL, "vm_del")                                 \
    X(TSI_PUT, "tsi_put") X(TSI_DEL, "tsi_del")                             \
    X(REDIRECT_PUT, "redirect_put") X(REDIRECT_DEL, "redirect_del")         \
    X(PROBE_PUT, "probe_put") X(PROBE_DEL, "probe_del")                     \
    X(MOVE_PUT, "move_put") X(MOVE_STAMP, "move_stamp")                     \
    X(DRAIN_PUT, "drain_put")                                               \
    X(PULL_PUT, "pull_put") X(PULL_DEL, "pull_del")                         \
    X(LEASE_PUT, "lease_put")                                               \
    X(SCAN_PUT, "scan_put") X(SCAN_DEL, "scan_del")

enum nva_delta_type {
#define X(E, W) NVA_DELTA_##E,
    NVA_DELTAS
#undef X
};

/* PUT carries the whole new value (id set; a new object's id comes from
 * nva_ids, see directory.h); DEL needs only the id (PORT_DEL: nve and name;
 * PULL_DEL: nve and tsi, or with tsi NONE the id).
 * MOVE_STAMP: 'id' is the move's.  DRAIN_PUT: 'id' is the NVE's, with which it
 * goes. */
struct nva_delta {
    enum nva_delta_type type;
    nva_id id;
    union {
        struct nva_vn vn;
        struct nva_nve nve;
        struct nva_port port;
        struct nva_vap vap;
        struct nva_vm vm;
        struct nva_tsi tsi;
        struct nva_redirect redirect;
        struct nva_probe probe;
        struct nva_move move;
        struct nva_stamp stamp;
        struct nva_drain drain;
        struct nva_pull pull;
        struct nva_lease lease;
        struct nva_scan scan;
    };
};

/* A growing list of deltas; owns its memory. */
struct nva_deltas {
    size_t n, allocated;
    struct nva_delta *a;
};

void nva_deltas_init(struct nva_deltas *);
void nva_deltas_uninit(struct nva_deltas *);
void nva_deltas_clear(struct nva_deltas *);

/* Appends a zeroed delta of 'type' and returns it (valid until the next). */
struct nva_delta *nva_deltas_add(struct nva_deltas *, enum nva_delta_type);

const char *nva_delta_type_word(enum nva_delta_type);

#endif /* delta.h */
