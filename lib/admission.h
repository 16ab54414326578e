/* SPDX-License-Identifier: Apache-2.0 */

/* Who may teach us how much: admits evidence or names the reason it is
 * dropped.  RFC 5227 (H1), draft vmm-15 s10 (D15).  Changes nothing. */

#ifndef NVA_ADMISSION_H
#define NVA_ADMISSION_H 1

#include "step.h"

/* What admitted evidence may do. */
#define NVA_ADMITS                                                          \
    X(REFRESH, "refresh")       /* Known here: may add an IP in 'learn'. */ \
    X(ACTIVATE, "activate")     /* At a prepared place: switches. */        \
    X(MOVE, "move")             /* 'learn': known elsewhere. */             \
    X(PLACE, "place")           /* 'learn': known, has no place yet. */     \
    X(NEW, "new")               /* 'learn': unknown MAC. */                 \
    X(RETURN, "return")         /* The same, from the place just left. */   \
    X(DOUBT, "doubt")           /* Heard there, but no announcement. */     \
    X(ABORT, "abort")           /* From where it should stand still. */     \
    X(NESTED, "nested")         /* A nested guest, where it may be. */
enum nva_admit {
#define X(E, W) NVA_ADMIT_##E,
    NVA_ADMITS
#undef X
};

/* 'ev' is EVIDENCE.  On NVA_OK sets '*what'.  Reasons: PROBE, BAD_MAC,
 * STRICT_BINDING, STICKY (E5), FROZEN (E4), UNDER_WAY, SPOOFED (the frame
 * claims an IP of another interface of the VN; in strict also an IP that is
 * not the interface's; or its MAC may be used elsewhere only), LEARN_LIMIT and
 * VN_LEARN_LIMIT (learned.h), LIMIT, PLACEMENT (as its tenants' rules stand,
 * D24).  Never looks across VNs, but for that. */
enum nva_reason admission_evidence(const struct nva_view *,
                                   const struct nva_event *ev,
                                   enum nva_admit *what);

#endif /* admission.h */
