/* SPDX-License-Identifier: Apache-2.0 */

/* What an audit found, as values: kinds of contradictions, what each is about,
 * what either side says.  Knows no flow and no JSON. */

#ifndef NVA_FINDING_H
#define NVA_FINDING_H 1

#include "step.h"

/* X(ENUM, word, what it means) */
#define NVA_AUDIT_KINDS                                                     \
    X(NVE_SILENT, "nve_silent", "not connected, or gave no answer")         \
    X(FLOW_MISSING, "flow_missing", "a flow of ours is not there")          \
    X(FLOW_EXTRA, "flow_extra", "flows with our cookie that we did not send")\
    X(FLOW_FOREIGN, "flow_foreign", "flows of others on an NVE of ours")    \
    X(FLOW_REJECTED, "flow_rejected", "the switch rejected flows of ours")  \
    X(PORT_ABSENT, "port_absent", "an interface is at a port not there")    \
    X(VAP_ABSENT, "vap_absent", "an access point without its port")         \
    X(PORT_UNCLAIMED, "port_unclaimed", "a port that nothing claims")       \
    X(VM_UNKNOWN, "vm_unknown", "only VM management knows it")              \
    X(VM_UNLISTED, "vm_unlisted", "only the directory knows it")            \
    X(IF_UNKNOWN, "if_unknown", "only VM management knows it")              \
    X(IF_UNLISTED, "if_unlisted", "only the directory knows it")            \
    X(IF_MAC, "if_mac", "another MAC")                                      \
    X(IF_VN, "if_vn", "another virtual network")                            \
    X(IF_IPS, "if_ips", "other addresses")                                  \
    X(IF_PLACE, "if_place", "another place")

enum nva_audit_kind {
#define X(E, W, T) NVA_AUDIT_##E,
    NVA_AUDIT_KINDS
#undef X
    NVA_N_AUDIT_KINDS
};

const char *nva_audit_kind_word(enum nva_audit_kind);

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
