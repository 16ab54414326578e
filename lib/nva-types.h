/* SPDX-License-Identifier: Apache-2.0 */

/* Identifiers, addresses, limits and reasons: the words every module of the
 * brain shares.  Knows no module.  Everything here is a plain value. */

#ifndef NVA_TYPES_H
#define NVA_TYPES_H 1

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/types.h"

/* ## Identifiers ## */

/* Identifies one object of one kind for the life of the directory.  Never 0
 * for an object, never reused, fits the 44 bits of a cookie. */
typedef uint64_t nva_id;
#define NVA_ID_NONE ((nva_id) 0)
#define NVA_ID_BITS 44

/* Monotonic time and spans, in microseconds. */
typedef int64_t nva_usec;
#define NVA_NEVER INT64_MAX
#define NVA_MSEC ((nva_usec) 1000)
#define NVA_SEC ((nva_usec) 1000000)

/* OpenFlow port number; NVA_PORT_NONE: the port is not there. */
typedef uint32_t nva_ofport;
#define NVA_OFPORT_NONE ((nva_ofport) 0)

/* ## Named limits: whatever a peer can make grow ends here. ## */

enum {
    NVA_NAME_MAX = 112,         /* Bytes of a name, terminator included... */
    NVA_VN_NAME_MAX = 64,       /* ...of a VN: VN/MAC-ID is a name, too. */
    NVA_PORT_NAME_MAX = 16,     /* OpenFlow's limit, terminator included. */
    NVA_VNI_MAX = 4194303,      /* 2^22 - 1: the two top bits count hops. */
    NVA_REDIRECT_HOPS_MAX = 3,  /* Then the packet is dropped and counted. */
    NVA_IPS_MAX = 16,           /* Addresses of one interface. */
    NVA_ALLOWED_MACS_MAX = 8,   /* ...and MACs besides its own. */
    NVA_ALLOWING_MAX = 64,      /* Interfaces of a VN that allow one MAC: each
                                 * frame of it looks through them. */
    NVA_SHARED_IPS_MAX = 16,    /* Of one VN; each is admitted at each port. */
    NVA_IFS_MAX = 8,            /* Interfaces of one VM. */
    NVA_VNS_MAX = 65536,
    NVA_NVES_MAX = 4096,
    NVA_NVES_PER_VN_MAX = 700,  /* One flood list must fit in one flow mod
                                 * and in 64 kB of datapath actions. */
    NVA_VAPS_PER_NVE_MAX = 4096,
    NVA_VAPS_PER_VN_AT_NVE_MAX = 512,   /* One more copy of each broadcast. */
    NVA_PORTS_PER_NVE_MAX = 8192,   /* A switch that invents ports. */
    NVA_VMS_MAX = 2000000,
    NVA_LEARNED_PER_VAP_MAX = 64,   /* A VM that invents source MACs... */
    NVA_LEARNED_PER_VN_MAX = NVA_VMS_MAX,   /* ...and many that do: this is
                                             * what may be asked for. */
    NVA_REDIRECTS_PER_TSI_MAX = 8,  /* A VM that hops about. */
    NVA_MOVES_ACTIVE_MAX = 4096,
    NVA_MOVES_KEPT_MAX = 4096,      /* Ended moves kept for `move show'. */
    NVA_PROBES_MAX = 4096,      /* Probes under way: guests that never answer
                                 * and give cause for doubt all the time. */
    NVA_ROUTINE_PROBES_MAX = NVA_PROBES_MAX / 2,    /* ...of routine: the
                                 * rest is for what is in doubt. */
    NVA_CLAIM_PROBES_MAX = NVA_ROUTINE_PROBES_MAX / 2,  /* ...about claims:
                                 * two guests that claim each other's addresses
                                 * do not end ageing and scans. */
    NVA_STAMPS_MAX = 128,           /* Timeline entries of one move. */
    NVA_DETAIL_MAX = 640,           /* Bytes of a refusal's sentence. */
    NVA_FRAME_MAX = 9216,           /* Bytes of a packet-in we look at. */
    NVA_REPLY_MAX = 128,            /* Bytes of a frame that we make. */
    NVA_DRAIN_TARGETS_MAX = 32,     /* NVEs that one is drained to. */
    NVA_DRAIN_PARALLEL_MAX = 64,    /* Moves of one drain at a time: each is
                                     * a caller's promise to act on it. */
    NVA_PULLS_PER_NVE_MAX = 65536,  /* A VM that asks for a whole network:
                                     * the oldest entry there makes room. */
    NVA_ABSENT_PER_NVE_MAX = 1024,  /* A VM that makes up destinations: then
                                     * each is asked for again. */
    NVA_PUSH_MAX = 4096,            /* Interfaces of an `auto' VN from which
                                     * on it pulls... */
    NVA_PUSH_AGAIN = 3072,          /* ...and below which it pushes again. */
    NVA_LIFETIME_MAX = 65535,       /* Seconds: a flow's timeout. */
};

#define NVA_REDIRECT_TIMEOUT_DEFAULT 10     /* Seconds. */
#define NVA_DRAIN_PARALLEL_DEFAULT 8
#define NVA_LIFETIME_DEFAULT 300            /* Seconds. */
#define NVA_MAX_LEARNED_DEFAULT 16384

/* In a full table only who was silent for so long makes room.  What we note
 * of that is this much out of date: a host that talks all the time is no
 * reason to write all the time. */
#define NVA_EVICT_SILENCE (60 * NVA_SEC)
#define NVA_HEARD_GRAIN NVA_SEC

/* An interface keeps the nested guests that it has got for so long: two VMs
 * that both use a MAC must not have every NVE rewritten at their pace. */
#define NVA_NESTED_KEPT NVA_SEC
#define NVA_LIFETIME_ABSENT 10              /* Seconds, at most: of "nobody
                                             * has this MAC". */

/* RFC 7432 s15.1 (E4): so many announced moves in so many seconds are suspect;
 * what is found to be at two places is frozen for so many seconds. */
#define NVA_DUPLICATE_MOVES_DEFAULT 5
#define NVA_DUPLICATE_MOVES_MAX 1000000
#define NVA_DUPLICATE_WINDOW_DEFAULT 180
#define NVA_FREEZE_TIME_DEFAULT 600
#define NVA_DAY 86400

/* What was learned lasts so many seconds without a sign of life (RFC 9161
 * s3.5).  By default half an hour: longer than what a guest that has gone
 * leaves behind in its neighbours' caches, and rarely enough asked that
 * 100,000 addresses cost 130 questions a second.  At least as long as several
 * probes take. */
#define NVA_AGE_DEFAULT 1800
#define NVA_AGE_MIN 10

#define NVA_REDIRECT_MAX (300 * NVA_SEC)    /* A redirect is re-armed up to. */

/* A prepared move may wait this long to be made: an hour it was forgotten in
 * is no harm, a bound is the caller's choice. */
#define NVA_MOVE_TIMEOUT_MAX 604800         /* Seconds. */

/* A warm move looks at its destination this often, in seconds.  Well below the
 * 900 s after which Open vSwitch forgets a tunnel neighbour. */
#define NVA_WARM_REFRESH_DEFAULT 10
#define NVA_WARM_REFRESH_MAX 300

/* A frame of a VM that is off counts as sent before, for as long: no VM is
 * shut down and up again in less, no frame waits longer in its port. */
#define NVA_STOP_GRACE NVA_SEC

/* A switch confirms its tables; the decisions its datapath has cached follow
 * when its revalidator has gone over them: it begins 5 ms after it began the
 * last time at the latest, and takes 1 to 2 ms with few datapath flows.  A
 * pause is answered only then: a VM that leaves sooner may leave packets
 * behind. */
#define NVA_DATAPATH_SETTLE (7 * NVA_MSEC)
/* A switch that was slow to confirm is slow to follow; for so long at most. */
#define NVA_DATAPATH_SLOW (200 * NVA_MSEC)

/* Packets for a VM are held at most this long: a caller that pauses a move and
 * forgets it. */
#define NVA_HOLD_MAX (10 * NVA_SEC)
/* An early pause: how long the VM may go on running after it, in milliseconds.
 * What comes for it waits meanwhile. */
#define NVA_EARLY_MSEC_MAX 2000
/* ...and how long the switches may take to confirm it. */
#define NVA_EARLY_CONFIRM NVA_SEC

/* A probe is asked up to NVA_PROBE_TRIES times, NVA_PROBE_INTERVAL apart (RFC
 * 8171 s3.9 has the same figures for its queries). */
#define NVA_PROBE_TRIES 3
#define NVA_PROBE_INTERVAL (100 * NVA_MSEC)

/* A host that probes its own address (RFC 5227 s2.1.1, RFC 4862 s5.4) takes a
 * probe of ours for another's, or does not answer it, until ANNOUNCE_WAIT
 * (2 s) after its last one; between two of its own are up to PROBE_MAX (2 s).
 * What we note of that is NVA_ACD_GRAIN out of date. */
#define NVA_ACD_TIME (3 * NVA_SEC)
#define NVA_ACD_GRAIN (500 * NVA_MSEC)

/* RFC 9161 s3.7 (F7): so long whose address another claims is asked for it, so
 * often. */
#define NVA_CONFIRM_TRIES 10
#define NVA_CONFIRM_TIME (30 * NVA_SEC)

/* ## Reasons ##
 *
 * Why something was admitted, refused or done.  The word (second argument) is
 * what users see in the API, in metrics and in the log.  Each module has its
 * own list; NVA_OK is 0. */

#define NVA_REASONS_FRAME                                                   \
    X(FRAME_TRUNCATED, "frame_truncated", "the frame ends too early")       \
    X(FRAME_FORMAT, "frame_format", "a field has a value it must not have") \
    X(FRAME_CHECKSUM, "frame_checksum", "the checksum is wrong")            \
    X(FRAME_HOP_LIMIT, "frame_hop_limit", "the hop limit is not 255")       \
    X(FRAME_OPTION, "frame_option", "an ND option is malformed")            \
    X(FRAME_MISMATCH, "frame_mismatch",                                     \
      "the addresses inside contradict the Ethernet source")

#define NVA_REASONS_CLASSIFY                                                \
    X(NO_VAP, "no_vap", "the port is not bound to a virtual network")       \
    X(STALE_SESSION, "stale_session", "from a session that has ended")      \
    X(NOT_INTERESTING, "not_interesting", "nothing to learn or answer")

#define NVA_REASONS_INLET                                                   \
    X(NVE_LIMIT, "nve_limit", "the NVE has sent us too many packet-ins")    \
    X(FLOODING, "flooding", "the port floods: its frames take the detour")  \
    X(CALM, "calm", "the port has calmed down: no detour any more")

#define NVA_REASONS_ADMISSION                                               \
    X(PROBE, "probe", "a probe is not evidence")                            \
    X(BAD_MAC, "bad_mac",                                                   \
      "the MAC is zero, broadcast, multicast or the NVA's own")             \
    X(TAGGED, "tagged", "a VLAN tag that is more than one priority tag")    \
    X(RESERVED_GROUP, "reserved_group",                                     \
      "sent to a group that ends at the next bridge")                       \
    X(ND_FRAGMENT, "nd_fragment", "neighbour discovery in a fragment")      \
    X(HEADER_CHAIN, "header_chain", "an IPv6 packet whose headers end early")\
    X(NOT_ROUTER, "not_router",                                             \
      "what routers say, by an interface without that role")                \
    X(NOT_DHCP_SERVER, "not_dhcp_server",                                   \
      "what DHCP servers say, by an interface without that role")           \
    X(BAD_IP, "bad_ip", "not a unicast host address")                       \
    X(STRICT_BINDING, "strict_binding",                                     \
      "this network takes places from VM management only")                  \
    X(SPOOFED, "spoofed", "the address belongs to another interface")       \
    X(UNDER_WAY, "under_way",                                               \
      "it may have been sent before the VM stopped or left there")          \
    X(LEARN_LIMIT, "learn_limit", "the port has taught us too many MACs")   \
    X(VN_LEARN_LIMIT, "vn_learn_limit",                                     \
      "the network has learned as many hosts as it may")                    \
    X(STICKY, "sticky", "the VM never moves by its own word")               \
    X(FROZEN, "frozen", "the VM was announced here and there too often")

#define NVA_REASONS_REGISTRY                                                \
    X(NOT_FOUND, "not_found", "there is no such object")                    \
    X(EXISTS, "exists", "there is one with this key already")               \
    X(IN_USE, "in_use", "other objects depend on it")                       \
    X(BAD_NAME, "bad_name", "the name is empty, too long or has odd bytes") \
    X(NAME_ALIKE, "name_alike",                                             \
      "another port's name begins with the same 15 characters")             \
    X(BAD_VALUE, "bad_value", "the value is outside its range")             \
    X(VNI_TAKEN, "vni_taken", "another network has this VNI")               \
    X(DPID_TAKEN, "dpid_taken", "another NVE has this datapath id")         \
    X(MAC_TAKEN, "mac_taken", "another interface has this MAC in this VN")  \
    X(IP_TAKEN, "ip_taken", "another interface has this address in this VN")\
    X(PORT_TAKEN, "port_taken", "the port is bound to another VN")          \
    X(PORT_REQUIRED, "port_required", "an NVE without a port or the reverse")\
    X(LIMIT, "limit", "a named limit is reached")                           \
    X(PLACEMENT, "placement", "tenants that may not share an NVE would")    \
    X(IMMUTABLE, "immutable", "the field cannot change")                    \
    X(FOREIGN_FLOWS, "foreign_flows",                                       \
      "the bridge holds flows of others: claim it with adopt")              \
    X(UNSUPPORTED, "unsupported", "this version does not do it yet")

#define NVA_REASONS_MOBILITY                                                \
    X(MOVE_IN_PROGRESS, "move_in_progress", "the VM has a move under way")  \
    X(SAME_PLACE, "same_place", "the VM is there already")                  \
    X(NOT_READY, "not_ready",                                               \
      "the destination has not confirmed or its port is absent")            \
    X(ALREADY_SWITCHED, "already_switched",                                 \
      "the VM runs at its new place: go back by a new move")                \
    X(MOVE_ENDED, "move_ended", "the move has ended")                       \
    X(DESTINATION_DOWN, "destination_down",                                 \
      "the destination NVE is not connected")                               \
    X(REFRESH, "refresh", "known at this place already")                    \
    X(SUPERSEDED_BY, "superseded_by", "a newer move took over")             \
    X(FRAME_WHILE_PAUSED, "frame_while_paused",                             \
      "the VM spoke at its old port while it should stand still")           \
    X(CALLER, "caller", "as VM management asked")                           \
    X(FORGED, "forged", "the VM answered, but not where it was announced")  \
    X(EXPIRED, "expired", "its time is over")                               \
    X(EVIDENCE, "evidence", "the VM showed itself there")                   \
    X(VM_STATE, "vm_state", "the VM's state does not allow it")             \
    X(TIMED_OUT, "timed_out", "nobody made the move in time")               \
    X(PORT_ABSENT, "port_absent",                                           \
      "the destination's port has not appeared in time")

#define NVA_REASONS_DRAIN                                                   \
    X(DRAINING, "draining", "the NVE is being drained: what comes moves on")

#define NVA_REASONS_PROBE                                                   \
    X(ANSWERED_HERE, "answered_here", "the VM answered at this place")      \
    X(TWO_PLACES, "two_places", "the VM answered at two places at once")    \
    X(UNCLEAR, "unclear", "the VM answered here and there by turns")        \
    X(NO_ANSWER, "no_answer", "nobody answered")                            \
    X(UNASKED, "unasked", "an answer that nobody asked for")

#define NVA_REASONS_DUPLICATE                                               \
    X(CLAIMED, "claimed",                                                   \
      "another interface claims an address whose holder answers")

#define NVA_REASONS_AGEING                                                  \
    X(AGED, "aged", "no sign of life for as long as its network allows")

#define NVA_REASONS_AUDIT                                                   \
    X(AUDIT_RUNNING, "audit_running", "another audit has not ended yet")    \
    X(CONTRADICTION, "contradiction",                                       \
      "the directory says one thing, and another says another")

#define NVA_REASONS_FAULT                                                   \
    X(WRONG, "wrong", "something does not work")                            \
    X(MENDED, "mended", "it is as it should be again")

#define NVA_REASONS_RESPONDER                                               \
    X(ANSWERED, "answered", "answered from the directory")                  \
    X(UNKNOWN_ADDRESS, "unknown_address", "the directory has no entry")     \
    X(OWN_QUESTION, "own_question", "the owner itself asks")                \
    X(ASKED_THERE, "asked_there", "a nested guest may have the address")    \
    X(RESET, "reset", "a TCP connection that its VM left behind")           \
    X(LATE, "late", "in flight to an old place after its redirect ended")

#define NVA_REASONS_HOLD                                                    \
    X(HOLD_FULL, "hold_full", "as many packets as may be are held already") \
    X(HOLD_TIMEOUT, "hold_timeout", "held too long, and nowhere to deliver")\
    X(HOLD_GONE, "hold_gone", "the interface is gone")

#define NVA_REASONS_PULL                                                    \
    X(PULLED, "pulled", "an NVE had no flow for it and has one now")

#define NVA_REASONS_PROG                                                    \
    X(REJECTED, "rejected", "the switch rejected a flow of this owner")     \
    X(TABLE_FULL, "table_full", "the switch has no room")                   \
    X(NO_TUNNEL_PORT, "no_tunnel_port", "the bridge has no tunnel port")

#define NVA_REASONS_SESSION                                                 \
    X(VERSION, "version", "no OpenFlow version in common")                  \
    X(MSG_TRUNCATED, "msg_truncated", "an OpenFlow length is below 8")      \
    X(MSG_MALFORMED, "msg_malformed", "an OpenFlow message does not decode")\
    X(MSG_UNEXPECTED, "msg_unexpected", "not possible in this phase")       \
    X(ECHO_TIMEOUT, "echo_timeout", "the switch does not answer")           \
    X(HANDSHAKE_TIMEOUT, "handshake_timeout", "the handshake took too long")\
    X(DPID_BUSY, "dpid_busy", "another session has this datapath id")       \
    X(CLOSED, "closed", "the peer closed the connection")                   \
    X(OUTPUT_LIMIT, "output_limit", "the peer does not read")               \
    X(MSG_FLOOD, "msg_flood", "more messages than any switch sends")        \
    X(MADE_ROOM, "made_room", "it made room for a newcomer")                \
    X(SLAVE, "slave", "another controller is master of this bridge")

#define NVA_REASONS_API                                                     \
    X(JSON_SYNTAX, "json_syntax", "not JSON")                               \
    X(JSON_TYPE, "json_type", "a field has another JSON type")              \
    X(JSON_FIELD, "json_field", "a field is unknown")                       \
    X(MISSING_FIELD, "missing_field", "a field is missing")                 \
    X(METHOD, "method", "the method is not allowed here")                   \
    X(TOO_LARGE, "too_large", "the request is too large")                   \
    X(TOO_SLOW, "too_slow", "the request did not come in time")             \
    X(HTTP_SYNTAX, "http_syntax", "not an HTTP request")

#define NVA_REASONS                                                         \
    NVA_REASONS_FRAME NVA_REASONS_CLASSIFY NVA_REASONS_INLET                \
    NVA_REASONS_ADMISSION                                                   \
    NVA_REASONS_REGISTRY NVA_REASONS_MOBILITY NVA_REASONS_DRAIN             \
    NVA_REASONS_PROBE NVA_REASONS_DUPLICATE NVA_REASONS_AGEING              \
    NVA_REASONS_AUDIT NVA_REASONS_FAULT NVA_REASONS_RESPONDER               \
    NVA_REASONS_HOLD NVA_REASONS_PULL                                       \
    NVA_REASONS_PROG NVA_REASONS_SESSION NVA_REASONS_API

enum nva_reason {
    NVA_OK = 0,
#define X(ENUM, WORD, TEXT) NVA_R_##ENUM,
    NVA_REASONS
#undef X
    NVA_N_REASONS
};

/* The word of 'reason' ("ok" for NVA_OK): stable, for machines. */
const char *nva_reason_word(enum nva_reason);

/* The sentence of 'reason', for people. */
const char *nva_reason_text(enum nva_reason);

/* ## Addresses ## */

/* An IPv4 address is kept IPv4-mapped (::ffff:a.b.c.d). */

/* Formats 'ip' (INET6_ADDRSTRLEN bytes suffice) and returns 'buf'. */
const char *nva_ip_format(const struct in6_addr *ip, char *buf, size_t size);

/* Parses a dotted quad or an IPv6 address.  NVA_R_BAD_VALUE if neither. */
enum nva_reason nva_ip_parse(const char *s, struct in6_addr *ip);

bool nva_ip_is_v4(const struct in6_addr *);

/* True for a link-local address that a MAC implies (RFC 4291 appendix A). */
bool nva_ip_is_implied(const struct in6_addr *);

/* True for an address a host may own: not unspecified, multicast, broadcast,
 * loopback. */
bool nva_ip_is_host(const struct in6_addr *);

/* True if 'ip' is one of the 'n' addresses 'ips'. */
bool nva_ips_have(const struct in6_addr *ips, size_t n,
                  const struct in6_addr *ip);

/* The NVA's own MAC in every VN: what its probes and RARP replies come from
 * and where answers go.  Locally administered ("NVA" in its middle). */
extern const struct eth_addr nva_own_mac;

/* True for a MAC an interface may own: unicast, not zero, not the NVA's. */
bool nva_mac_is_host(struct eth_addr);

/* A name is 1..NVA_NAME_MAX-1 bytes of [A-Za-z0-9._:/-]. */
bool nva_name_is_valid(const char *);

/* ## Roles of an interface ##
 *
 * What it may say where sources are checked; a set is one bit for each. */
#define NVA_ROLES X(ROUTER, "router") X(DHCP_SERVER, "dhcp_server")

enum nva_role {
#define X(ENUM, WORD) NVA_ROLE_##ENUM,
    NVA_ROLES
#undef X
    NVA_N_ROLES
};

const char *nva_role_word(enum nva_role);
bool nva_role_from_word(const char *, enum nva_role *);

/* ## Owners ##
 *
 * The thing a flow exists for; a flow has exactly one.  In the cookie: kind in
 * 4 bits, id in 44. */

#define NVA_OWNER_KINDS                                                     \
    X(BASE, "base")             /* id: the NVE's. */                        \
    X(VN, "vn")                 /* id: the VN's. */                         \
    X(VAP, "vap")               /* id: the VAP's. */                        \
    X(TSI, "tsi")               /* id: the interface's. */                  \
    X(REDIRECT, "redirect")     /* id: the instance's, new per retarget. */ \
    X(ADDRESS, "address")       /* id: the interface's: answers for its IPs,\
                                 * which stay when it moves. */         \
    X(FLOOD, "flood")           /* id: the VN's: its flood lists, which may\
                                 * be long and are in no move's way. */ \
    X(ABSENT, "absent")         /* id: the pull's: nobody has that MAC. */  \
    X(QUIET, "quiet")           /* id: the VAP's: its port gets no floods. */

enum nva_owner_kind {
    NVA_OWNER_NONE = 0,
#define X(ENUM, WORD) NVA_OWNER_##ENUM,
    NVA_OWNER_KINDS
#undef X
    NVA_N_OWNER_KINDS
};

struct nva_owner {
    enum nva_owner_kind kind;
    nva_id id;
};

const char *nva_owner_kind_word(enum nva_owner_kind);

static inline bool
nva_owner_equal(struct nva_owner a, struct nva_owner b)
{
    return a.kind == b.kind && a.id == b.id;
}

static inline uint32_t
nva_owner_hash(struct nva_owner o)
{
    uint64_t h = (o.id ^ ((uint64_t) o.kind << NVA_ID_BITS))
                 * 0x9e3779b97f4a7c15ULL;
    return h >> 32;
}

/* ## Places ## */

/* A place where an interface is or may be: a port of an NVE, by name (port
 * numbers are the session's business).  nve == NVA_ID_NONE: nowhere. */
struct nva_place {
    nva_id nve;
    char port[NVA_PORT_NAME_MAX];
};

static inline bool
nva_place_is_set(const struct nva_place *p)
{
    return p->nve != NVA_ID_NONE;
}

bool nva_place_equal(const struct nva_place *, const struct nva_place *);

/* ## Sequences ## */

/* True if mobility sequence 'a' is newer than 'b': they wrap around, so half
 * of all values are newer and half are older (RFC 7432 s15, RFC 1982 s3.2). */
static inline bool
nva_sequence_is_newer(uint32_t a, uint32_t b)
{
    return a != b && a - b < UINT32_C(1) << 31;
}

#endif /* nva-types.h */
