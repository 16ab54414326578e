/* SPDX-License-Identifier: Apache-2.0 */

/* What an audit found, as values: kinds of contradictions, what each is about,
 * what either side says.  Knows no flow and no JSON. */

#ifndef NVA_FINDING_H
#define NVA_FINDING_H 1

#include "step.h"

/* X(ENUM, word, what it means, what to do) */
#define NVA_AUDIT_KINDS                                                     \
    X(NVE_SILENT, "nve_silent", "not connected, or gave no answer",         \
      "look whether the bridge and its host live, and at its controller: "  \
      "ovs-vsctl show")                                                     \
    X(NVE_ABSENT, "nve_absent", "no bridge with its datapath id has come",  \
      "compare its dpid with the unclaimed bridges of nvactl nve list; set "\
      "the bridge's controller: ovs-vsctl set-controller")                  \
    X(NVE_UNSTABLE, "nve_unstable", "its session comes and goes",           \
      "look for two bridges with one datapath id, two controllers of this " \
      "bridge, or a network that loses packets")                            \
    X(TUNNEL_PORT_ABSENT, "tunnel_port_absent", "no VXLAN port to send from",\
      "ovs-vsctl add-port BRIDGE vx0 -- set interface vx0 type=vxlan "      \
      "options:remote_ip=flow options:key=flow; with another name, nvactl " \
      "nve set NVE --tunnel-port")                                          \
    X(TUNNEL_IP_ABSENT, "tunnel_ip_absent", "no address to send to",        \
      "nvactl nve set NVE --tunnel-ip ADDRESS")                             \
    X(TUNNEL_IP_TWICE, "tunnel_ip_twice", "another NVE has that address",   \
      "nvactl nve set NVE --tunnel-ip ADDRESS, each NVE its own")           \
    X(FLOW_MISSING, "flow_missing", "a flow of ours is not there",          \
      "nvactl audit --repair")                                              \
    X(FLOW_EXTRA, "flow_extra", "flows with our cookie that we did not send",\
      "nvactl audit --repair")                                              \
    X(FLOW_FOREIGN, "flow_foreign", "flows of others on an NVE of ours",    \
      "find who else writes flows there: ovs-ofctl dump-flows")             \
    X(FLOW_REJECTED, "flow_rejected", "the switch rejected flows of ours",  \
      "see the log of ovs-vswitchd there")                                  \
    X(FLOWS_UNKNOWN, "flows_unknown",                                       \
      "flows of networks and VMs that nvad was not told of",                \
      "nvad was started anew and keeps nothing: tell it of all networks, "  \
      "NVEs, ports and VMs again, the NVEs last")                           \
    X(FLOWS_REMOVED, "flows_removed",                                       \
      "flows of networks and VMs that nvad was not told of are deleted",    \
      "tell nvad of all networks, ports and VMs before its NVEs")           \
    X(PORT_ABSENT, "port_absent", "an interface is at a port not there",    \
      "nvactl vm set VM --nve NVE --port PORT, or add the port to its "     \
      "bridge")                                                             \
    X(VAP_ABSENT, "vap_absent", "an access point without its port",         \
      "add the port to its bridge, or nvactl port del NVE PORT")            \
    X(PORT_UNCLAIMED, "port_unclaimed", "a port that nothing claims",       \
      "nvactl port add NVE PORT --vn VN, or take it from the bridge")       \
    X(FRAMES_DROPPED, "frames_dropped", "frames of a VM are dropped",       \
      "see man nvactl")                                                     \
    X(VM_UNKNOWN, "vm_unknown", "only VM management knows it",              \
      "nvactl vm add")                                                      \
    X(VM_UNLISTED, "vm_unlisted", "only the directory knows it",            \
      "nvactl vm del, or list it")                                          \
    X(IF_UNKNOWN, "if_unknown", "only VM management knows it",              \
      "nvactl vm nic add")                                                  \
    X(IF_UNLISTED, "if_unlisted", "only the directory knows it",            \
      "nvactl vm nic del, or list it")                                      \
    X(IF_MAC, "if_mac", "another MAC", "nvactl vm set VM --mac MAC")        \
    X(IF_VN, "if_vn", "another virtual network", "nvactl vm set VM --vn VN")\
    X(IF_IPS, "if_ips", "other addresses", "nvactl vm set VM --ip ADDRESS") \
    X(IF_PLACE, "if_place", "another place",                                \
      "nvactl vm set VM --nve NVE --port PORT")

enum nva_audit_kind {
#define X(E, W, T, A) NVA_AUDIT_##E,
    NVA_AUDIT_KINDS
#undef X
    NVA_N_AUDIT_KINDS
};

const char *nva_audit_kind_word(enum nva_audit_kind);
/* What an operator does about it. */
const char *nva_audit_kind_advice(enum nva_audit_kind);

enum {
    NVA_FINDINGS_MAX = 4096,    /* A table that was wiped, an inventory of
                                 * another site: the rest is counted. */
    NVA_FINDING_TEXT_MAX = 512,
};

struct nva_finding {
    enum nva_audit_kind kind;
    nva_id nve, vn, vm, tsi;            /* What it is about; may be NONE. */
    struct nva_owner owner;             /* FLOW_*: whose flows, or kind 0. */
    char object[NVA_FINDING_TEXT_MAX / 2];
    char directory[NVA_FINDING_TEXT_MAX];       /* What it says; may be "". */
    char other[NVA_FINDING_TEXT_MAX];           /* What contradicts it. */
    char advice[NVA_FINDING_TEXT_MAX / 2];      /* ""; else more to the point
                                                 * than its kind's. */
    uint64_t count;                     /* Of frames or flows; 0: of none. */
    nva_usec since, last;               /* When it began, was last seen; 0: it
                                         * was looked for and found. */
};

/* A growing list; owns its memory.  All zero is an empty one. */
struct nva_findings {
    size_t n, allocated, left_out;
    struct nva_finding *a;
    struct nva_finding spill;           /* Where the ones left out go. */
};

void nva_findings_uninit(struct nva_findings *);

/* Appends a zeroed finding and returns it (valid until the next); past the
 * limit it is only counted. */
struct nva_finding *nva_findings_add(struct nva_findings *,
                                     enum nva_audit_kind);

/* The finding is about 'tsi': "vm NAME INTERFACE". */
void nva_finding_name_tsi(struct nva_finding *, const struct nva_view *,
                          const struct nva_tsi *);

/* Adds all of 'from' to 'to' and empties 'from'. */
void nva_findings_move(struct nva_findings *to, struct nva_findings *from);

/* Keeps of 'now' what 'before' has as well (kind, owner and text): what was
 * found twice was not only on its way. */
void nva_findings_keep_common(struct nva_findings *now,
                              const struct nva_findings *before);

/* What one audit came to. */
struct nva_audit {
    nva_usec started, ended;
    size_t n_nves;                      /* Compared. */
    size_t n_flows;                     /* Read. */
    size_t n_repaired;                  /* (NVE, owner) sent again. */
    struct nva_findings findings;
};

#endif /* finding.h */
