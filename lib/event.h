/* SPDX-License-Identifier: Apache-2.0 */

/* Events: what happened, as the brain hears it.  The caller owns an event;
 * the brain copies what it keeps. */

#ifndef NVA_EVENT_H
#define NVA_EVENT_H 1

#include "delta.h"
#include "frame.h"
#include "nva-types.h"
#include "openvswitch/compiler.h"

/* Northbound requests: an operator's or VM manager's word.  Each carries the
 * names the caller used; registry or mobility turns them into deltas. */
#define NVA_REQUESTS                                                        \
    X(VN_PUT, "vn_put") X(VN_DEL, "vn_del")                                 \
    X(NVE_PUT, "nve_put") X(NVE_DEL, "nve_del")                             \
    X(PORT_PUT, "port_put") X(PORT_DEL, "port_del")                         \
    X(VM_PUT, "vm_put") X(VM_DEL, "vm_del")                                 \
    X(MOVE_START, "move_start") X(MOVE_PAUSE, "move_pause")                 \
    X(MOVE_ACTIVATE, "move_activate") X(MOVE_ABORT, "move_abort")           \
    X(VM_THAW, "vm_thaw")                                                   \
    X(DRAIN_START, "drain_start") X(DRAIN_STOP, "drain_stop")

enum nva_request_type {
#define X(E, W) NVA_REQ_##E,
    NVA_REQUESTS
#undef X
};

const char *nva_request_type_word(enum nva_request_type);

/* PUT replaces the whole object (fields left out have their defaults) unless
 * 'create' (refuse an existing one) ; api-json fills defaults, and for an
 * update merges with what is there. */
struct nva_request_vn { struct nva_vn vn; };            /* id unused. */
struct nva_request_nve {
    struct nva_nve nve;                                 /* id unused. */
    uint64_t foreign_flows;     /* Others' flows its session counted; the
                                 * body fills it in, 0 when not connected. */
};
struct nva_request_port {
    char nve[NVA_NAME_MAX];
    char port[NVA_PORT_NAME_MAX];
    char vn[NVA_NAME_MAX];              /* Unused in DEL. */
    bool has_mac;
    struct eth_addr mac;
};
struct nva_request_if {
    char name[NVA_NAME_MAX];
    char vn[NVA_NAME_MAX];
    struct eth_addr mac;
    size_t n_ips;
    size_t n_learned;                   /* So many more of 'ips' were learned
                                         * and stay that. */
    struct in6_addr ips[NVA_IPS_MAX];
    size_t n_allowed;
    struct eth_addr allowed[NVA_ALLOWED_MACS_MAX];
    unsigned int roles;                 /* Bits of enum nva_role. */
    char nve[NVA_NAME_MAX];             /* "": no place named. */
    char port[NVA_PORT_NAME_MAX];
};
struct nva_request_vm {
    char name[NVA_NAME_MAX];
    bool has_state;
    enum nva_vm_state state;
    enum nva_connections connections;
    bool sticky;
    size_t n_ifs;
    struct nva_request_if ifs[NVA_IFS_MAX];
};
struct nva_request_move {
    nva_id id;                          /* pause, activate, abort. */
    char vm[NVA_NAME_MAX];              /* start. */
    bool has_kind;                      /* Else by the VM's state. */
    enum nva_move_kind kind;
    uint32_t timeout;                   /* Seconds; 0: none named. */
    uint32_t refresh;                   /* Seconds; 0: none named. */
    uint32_t early_ms;                  /* pause: the VM still runs, at most
                                         * so long; 0: it stands still. */
    char nve[NVA_NAME_MAX];
    size_t n_ports;                     /* {interface, port}; interface "" is
                                         * the VM's only one. */
    struct {
        char interface[NVA_NAME_MAX];
        char port[NVA_PORT_NAME_MAX];
    } ports[NVA_IFS_MAX];
};

struct nva_request_drain {
    char nve[NVA_NAME_MAX];
    size_t n_to;                        /* START; 0: as it was. */
    char to[NVA_DRAIN_TARGETS_MAX][NVA_NAME_MAX];
    uint32_t parallel;                  /* START; 0: as it was, or default. */
    uint32_t timeout;                   /* START, seconds of each move; 0: as
                                         * it was, or none. */
};

struct nva_request {
    enum nva_request_type type;
    bool create;                        /* Refuse an existing object. */
    char name[NVA_NAME_MAX];            /* DEL, VM_THAW: the object's. */
    union {
        struct nva_request_vn vn;
        struct nva_request_nve nve;
        struct nva_request_port port;
        struct nva_request_vm vm;
        struct nva_request_move move;
        struct nva_request_drain drain;
    };
};

#define NVA_EVENTS                                                          \
    X(REQUEST, "request")                                                   \
    X(NVE_UP, "nve_up")         /* Shaken hands, ports known. */            \
    X(NVE_SYNCED, "nve_synced") /* Read back: flow-prog takes over. */      \
    X(NVE_DOWN, "nve_down")                                                 \
    X(PORT, "port")             /* Port status: added, changed, gone. */    \
    X(EVIDENCE, "evidence")     /* A VM showed itself at a VAP. */          \
    X(QUESTION, "question")     /* ARP/ND/RARP for the NVA to answer. */    \
    X(SEGMENT, "segment")       /* TCP of a connection its VM left. */      \
    X(STRAY, "stray")           /* A packet no flow knew where to send. */  \
    X(FLOW_REMOVED, "flow_removed")  /* Of a redirect instance. */          \
    X(CONFIRMED, "confirmed")   /* An NVE confirmed an owner. */            \
    X(QUARANTINED, "quarantined")    /* ...or rejected it. */               \
    X(FLOODING, "flooding")     /* A port floods, or no more. */            \
    X(DETOURED, "detoured")     /* A frame of a port on detour. */          \
    X(RELEASED, "released")     /* What was held for a VM has gone out. */  \
    X(ANSWER, "answer")         /* A VM answered a probe of ours. */        \
    X(PROBE_DUE, "probe_due")   /* Ask again, or give up. */                \
    X(THAW_DUE, "thaw_due")     /* A frozen interface thaws. */             \
    X(LOOK_DUE, "look_due")     /* A lease: is it still true? */            \
    X(SCAN_DUE, "scan_due")     /* Ask who is left at an NVE. */            \
    X(TIMER, "timer")           /* A deadline of ours is due. */            \
    X(DRAIN, "drain")           /* An NVE's drain may go a step on. */

enum nva_event_type {
#define X(E, W) NVA_EV_##E,
    NVA_EVENTS
#undef X
    NVA_N_EVENTS
};

const char *nva_event_type_word(enum nva_event_type);

struct nva_event {
    enum nva_event_type type;
    nva_id nve;                         /* All switch events. */
    uint64_t session;
    union {
        const struct nva_request *request;  /* Caller's. */
        struct {                        /* NVE_UP */
            struct in6_addr peer_ip;    /* Zero: unix socket. */
            size_t n_ports;
            const struct nva_port *ports;       /* Caller's; nve unset. */
        } up;
        struct {                        /* NVE_SYNCED */
            uint64_t foreign_flows;     /* Others' flows on the bridge. */
        } synced;
        struct {
            bool gone;
            struct nva_port port;
        } port;
        nva_id probe;                   /* PROBE_DUE */
        nva_id tsi;                     /* THAW_DUE */
        struct nva_lease lease;         /* LOOK_DUE */
        struct nva_scan scan;           /* SCAN_DUE */
        struct {                        /* EVIDENCE, QUESTION, SEGMENT, STRAY,
                                         * ANSWER, DETOURED */
            nva_id vap;                 /* STRAY: 0 when it came from a
                                         * tunnel. */
            nva_id vn;
            nva_ofport ofport;          /* Where it came in. */
            struct nva_frame frame;
            const void *data;           /* The whole frame, caller's. */
            size_t size;
        } packet;
        struct {                        /* FLOODING */
            nva_ofport ofport;
            enum nva_detour level;
        } flooding;
        struct {                        /* FLOW_REMOVED, CONFIRMED, .. */
            struct nva_owner owner;
            uint64_t version;           /* CONFIRMED */
            uint64_t packets;           /* FLOW_REMOVED, approximate. */
            bool by_timeout;
            enum nva_reason reason;     /* QUARANTINED */
        } flow;
        struct {                        /* RELEASED; not a switch event. */
            nva_id tsi;
            uint64_t sent, dropped;     /* Packets. */
        } released;
    };
};

/* ## What a step returns ## */

/* A note: a decision with its reason, for timeline, metrics, log, tests. */
#define NVA_NOTES                                                           \
    X(DROPPED, "dropped")       /* A packet-in, with its reason. */         \
    X(LEARNED, "learned") X(REFRESHED, "refreshed")                         \
    X(EVICTED, "evicted")       /* A learned host made room, or aged. */    \
    X(WITHDRAWN, "withdrawn")   /* A learned address. */                    \
    X(CONFIGURED, "configured")                                             \
    X(MOVE, "move")             /* Changed state. */                        \
    X(VM, "vm")                 /* Changed state. */                        \
    X(ANSWERED, "answered")                                                 \
    X(LATE, "late")             /* Sent after its VM by packet-out. */      \
    X(NVE, "nve")               /* Up, down, claimed, quarantine. */        \
    X(DETOUR, "detour")         /* A port that floods, and its end. */      \
    X(PROBE, "probe")           /* Begun, with no reason; or its outcome. */\
    X(SILENT, "silent")         /* Asked by a scan, and no answer. */       \
    X(DUPLICATE, "duplicate")   /* At 'nve', and at 'other', too. */        \
    X(FROZEN, "frozen")         /* At 'nve', not at 'other'. */             \
    X(THAWED, "thawed")                                                     \
    X(DRAIN, "drain")           /* Began, ended, gave a VM up; arrival. */  \
    X(AUDIT, "audit")           /* A contradiction; 'what': its kind. */    \
    X(FAULT, "fault")           /* What does not work, or does again; 'what':\
                                 * its kind. */                             \
    X(FLOODED, "flooded")       /* What nobody knows, by packet-out. */     \
    X(PULLED, "pulled")         /* Sent on, and an NVE was told. */

enum nva_note_type {
#define X(E, W) NVA_NOTE_##E,
    NVA_NOTES
#undef X
    NVA_N_NOTES
};

const char *nva_note_type_word(enum nva_note_type);

struct nva_finding;

struct nva_note {
    enum nva_note_type type;
    enum nva_reason reason;
    nva_id nve, vn, vm, tsi, move, other;       /* What it is about. */
    char port[NVA_PORT_NAME_MAX];               /* DROPPED: where it came in;
                                                 * "": no port of 'nve'. */
    struct eth_addr mac;
    struct in6_addr ip;
    enum nva_move_state state;                  /* MOVE: the new one. */
    enum nva_vm_state vm_state;                 /* VM: the new one. */
    const char *what;                           /* A literal, may be NULL. */
    const struct nva_finding *finding;          /* FAULT: valid while the note
                                                 * is told; else NULL. */
};

/* A frame to send, as a packet-out of 'nve'. */
#define NVA_REPLY_TARGETS                                                   \
    X(PORT, "port")             /* Out of 'ofport'. */                      \
    X(FORWARD, "forward")       /* As a port of 'vni' there would. */       \
    X(TUNNEL, "tunnel")         /* To NVE 'to' on 'vni' (0: warm-up). */    \
    X(FLOOD, "flood")           /* To the VN, as if it had come in at       \
                                 * 'ofport'. */                             \
    X(PIPELINE, "pipeline")     /* Where a frame of 'vni' that came in at   \
                                 * 'ofport' goes. */
enum nva_reply_target {
#define X(E, W) NVA_REPLY_TO_##E,
    NVA_REPLY_TARGETS
#undef X
};

struct nva_reply {
    nva_id nve;
    enum nva_reply_target target;
    nva_ofport ofport;
    nva_id to;
    uint32_t vni;
    size_t size;
    const void *packet;                 /* The event's own, to send as it came;
                                         * NULL: 'data'. */
    uint8_t data[NVA_REPLY_MAX];
};

static inline const void *
nva_reply_frame(const struct nva_reply *reply)
{
    return reply->packet ? reply->packet : reply->data;
}

/* What a step decided.  Owned by the caller, reused from step to step. */
struct nva_plan {
    enum nva_reason verdict;            /* REQUEST: done or refused. */
    const char *field;                  /* Refusal: the field, a literal. */
    char detail[NVA_DETAIL_MAX];        /* ...and more than the reason says;
                                         * "": nothing. */
    nva_id object;                      /* REQUEST: the object or move. */
    nva_id next_id;                     /* Ids taken in this step. */
    struct nva_deltas deltas;
    size_t n_replies, allocated_replies;
    struct nva_reply *replies;
    size_t n_notes, allocated_notes;
    struct nva_note *notes;
};

void nva_plan_init(struct nva_plan *);
void nva_plan_uninit(struct nva_plan *);

/* Empties 'plan'; new ids start at 'next_id' (directory_next_id()). */
void nva_plan_start(struct nva_plan *, nva_id next_id);

nva_id nva_plan_new_id(struct nva_plan *);

/* The last delta of 'type' about object 'id', or NULL. */
struct nva_delta *nva_plan_find(const struct nva_plan *, enum nva_delta_type,
                                nva_id id);

/* Each appends a zeroed element and returns it (valid until the next). */
struct nva_reply *nva_plan_reply(struct nva_plan *);
/* The same with the packet of 'ev' as it came, as a packet-out of the NVE that
 * showed it. */
struct nva_reply *nva_plan_reply_packet(struct nva_plan *,
                                        const struct nva_event *ev,
                                        enum nva_reply_target);
struct nva_note *nva_plan_note(struct nva_plan *, enum nva_note_type,
                               enum nva_reason);
/* The same about an interface: who it is and where. */
struct nva_note *nva_plan_note_tsi(struct nva_plan *, enum nva_note_type,
                                   enum nva_reason, const struct nva_tsi *);

/* Sets the verdict of a request and returns 'reason'; on refusal empties the
 * plan: a refused request changes and says nothing. */
enum nva_reason nva_plan_refuse(struct nva_plan *, enum nva_reason,
                                const char *field);

/* Sets the sentence of a refusal, before or after it: what the reason's own
 * sentence cannot name. */
void nva_plan_explain(struct nva_plan *, const char *format, ...)
    OVS_PRINTF_FORMAT(2, 3);

#endif /* event.h */
