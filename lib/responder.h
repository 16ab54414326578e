/* SPDX-License-Identifier: Apache-2.0 */

/* Answers the ARP, ND and RARP questions that flows cannot answer, and sends
 * stray packets after their VM.  RFC 9161 s3 (F1-F3), RFC 5227 (H4), RFC 903
 * (D4, I3), draft vmm-15 s4.2 (D6, D9). */

#ifndef NVA_RESPONDER_H
#define NVA_RESPONDER_H 1

#include "step.h"

/* QUESTION: appends the reply and a note (ANSWERED), or a note that says why
 * not (UNKNOWN_ADDRESS, OWN_QUESTION).  The flow that sent the question has
 * flooded it already where that is right, so nothing is flooded here. */
void responder_question(const struct nva_view *, const struct nva_event *,
                        struct nva_plan *);

/* STRAY: the VM is known -> packet-out to where it is published (LATE; from a
 * tunnel at an old NVE mobility adds a fresh redirect; PULLED from a port in a
 * VN that pulls); unknown -> drop, note
 * UNKNOWN_ADDRESS (D9). */
void responder_stray(const struct nva_view *, const struct nva_event *,
                     struct nva_plan *);

/* SEGMENT: at the place that its VM left, or where that stands still, a reset
 * goes to whoever sent it (ANSWERED, RESET); elsewhere it is a STRAY (D18). */
void responder_segment(const struct nva_view *, const struct nva_event *,
                       struct nva_plan *);

#endif /* responder.h */
