/* SPDX-License-Identifier: Apache-2.0 */

/* Words of the directory's values and the growing list of deltas.  Knows the
 * shape of a value, must never know how a change came about or whether it is
 * right.  Invariant: a list's first 'n' elements are whole deltas.  States of
 * a VM: RFC 7666 VirtualMachineOperState. */

#include <config.h>

#include "delta.h"

#include <string.h>

#include "packets.h"
#include "util.h"

struct word {
    int value;
    const char *word;
};

static const char *value_to_word(const struct word *, size_t n, int value);
static bool word_to_value(const struct word *, size_t n, const char *word,
                          int *value);

static const struct word bindings[] = {
#define X(E, W) { NVA_BINDING_##E, W },
    NVA_BINDINGS
#undef X
};

static const struct word unknown_questions[] = {
#define X(E, W) { NVA_UQ_##E, W },
    NVA_UNKNOWN_QUESTIONS
#undef X
};

static const struct word unknown_unicasts[] = {
#define X(E, W) { NVA_UU_##E, W },
    NVA_UNKNOWN_UNICASTS
#undef X
};

static const struct word isolations[] = {
#define X(E, W) { NVA_ISOLATION_##E, W },
    NVA_ISOLATIONS
#undef X
};

static const struct word port_securities[] = {
#define X(E, W) { NVA_PS_##E, W },
    NVA_PORT_SECURITIES
#undef X
};

static const struct word resolutions[] = {
#define X(E, W) { NVA_RESOLUTION_##E, W },
    NVA_RESOLUTIONS
#undef X
};

static const struct word origins[] = {
#define X(E, W) { NVA_ORIGIN_##E, W },
    NVA_ORIGINS
#undef X
};

static const struct word detours[] = {
#define X(E, W) { NVA_DETOUR_##E, W },
    NVA_DETOURS
#undef X
};

static const struct word vm_states[] = {
#define X(E, W, N) { NVA_VM_##E, W },
    NVA_VM_STATES
#undef X
};

static const struct word connections[] = {
#define X(E, W) { NVA_CONNECTIONS_##E, W },
    NVA_CONNECTIONS
#undef X
};

static const struct word probe_whys[] = {
#define X(E, W) { NVA_PROBE_##E, W },
    NVA_PROBE_WHYS
#undef X
};

static const struct word move_kinds[] = {
#define X(E, W) { NVA_MOVE_##E, W },
    NVA_MOVE_KINDS
#undef X
};

static const struct word move_causes[] = {
#define X(E, W) { NVA_CAUSE_##E, W },
    NVA_MOVE_CAUSES
#undef X
};

static const struct word move_states[] = {
#define X(E, W) { NVA_MS_##E, W },
    NVA_MOVE_STATES
#undef X
};

static const struct word stamps[] = {
#define X(E, W) { NVA_STAMP_##E, W },
    NVA_STAMPS
#undef X
};

static const struct word drain_states[] = {
#define X(E, W) { NVA_DRAIN_##E, W },
    NVA_DRAIN_STATES
#undef X
};

static const struct word delta_types[] = {
#define X(E, W) { NVA_DELTA_##E, W },
    NVA_DELTAS
#undef X
};

/* One function per direction and enum; the bodies differ in table only. */
#define DEFINE_TO_WORD(FUNCTION, TYPE, TABLE)                               \
    const char *                                                            \
    FUNCTION(TYPE value)                                                    \
    {                                                                       \
        return value_to_word(TABLE, ARRAY_SIZE(TABLE), (int) value);        \
    }
#define DEFINE_FROM_WORD(FUNCTION, TYPE, TABLE)                             \
    bool                                                                    \
    FUNCTION(const char *word, TYPE *out)                                   \
    {                                                                       \
        int value;                                                          \
                                                                            \
        if (!word_to_value(TABLE, ARRAY_SIZE(TABLE), word, &value)) {       \
            return false;                                                   \
        }                                                                   \
        *out = (TYPE) value;                                                \
        return true;                                                        \
    }

DEFINE_TO_WORD(nva_probe_why_word, enum nva_probe_why, probe_whys)
DEFINE_TO_WORD(nva_binding_word, enum nva_binding, bindings)
DEFINE_TO_WORD(nva_unknown_question_word, enum nva_unknown_question,
               unknown_questions)
DEFINE_TO_WORD(nva_unknown_unicast_word, enum nva_unknown_unicast,
               unknown_unicasts)
DEFINE_TO_WORD(nva_isolation_word, enum nva_isolation, isolations)
DEFINE_TO_WORD(nva_port_security_word, enum nva_port_security,
               port_securities)
DEFINE_TO_WORD(nva_resolution_word, enum nva_resolution, resolutions)
DEFINE_TO_WORD(nva_origin_word, enum nva_origin, origins)
DEFINE_TO_WORD(nva_detour_word, enum nva_detour, detours)
DEFINE_TO_WORD(nva_vm_state_word, enum nva_vm_state, vm_states)
DEFINE_TO_WORD(nva_connections_word, enum nva_connections, connections)
DEFINE_TO_WORD(nva_move_kind_word, enum nva_move_kind, move_kinds)
DEFINE_TO_WORD(nva_move_cause_word, enum nva_move_cause, move_causes)
DEFINE_TO_WORD(nva_move_state_word, enum nva_move_state, move_states)
DEFINE_TO_WORD(nva_stamp_word, enum nva_stamp_kind, stamps)
DEFINE_TO_WORD(nva_drain_state_word, enum nva_drain_state, drain_states)

DEFINE_FROM_WORD(nva_binding_from_word, enum nva_binding, bindings)
DEFINE_FROM_WORD(nva_unknown_question_from_word, enum nva_unknown_question,
                 unknown_questions)
DEFINE_FROM_WORD(nva_unknown_unicast_from_word, enum nva_unknown_unicast,
                 unknown_unicasts)
DEFINE_FROM_WORD(nva_isolation_from_word, enum nva_isolation, isolations)
DEFINE_FROM_WORD(nva_port_security_from_word, enum nva_port_security,
                 port_securities)
DEFINE_FROM_WORD(nva_resolution_from_word, enum nva_resolution, resolutions)
DEFINE_FROM_WORD(nva_vm_state_from_word, enum nva_vm_state, vm_states)
DEFINE_FROM_WORD(nva_connections_from_word, enum nva_connections,
                 connections)
DEFINE_FROM_WORD(nva_move_kind_from_word, enum nva_move_kind, move_kinds)

const struct nva_move_if *
nva_move_if_of(const struct nva_move *move, nva_id tsi)
{
    for (size_t i = 0; move && i < move->n_ifs; i++) {
        if (move->ifs[i].tsi == tsi) {
            return &move->ifs[i];
        }
    }
    return NULL;
}

struct nva_place
nva_vap_place(const struct nva_vap *vap)
{
    struct nva_place place = { .nve = vap->nve };

    ovs_strlcpy(place.port, vap->port, sizeof place.port);
    return place;
}

void
nva_tsi_drop_ip(struct nva_tsi *tsi, const struct in6_addr *ip)
{
    size_t n = 0, n_given = 0;

    for (size_t i = 0; i < tsi->n_ips; i++) {
        if (!IN6_ARE_ADDR_EQUAL(&tsi->ips[i], ip)) {
            n_given += i < tsi->n_given;
            tsi->ips[n++] = tsi->ips[i];
        }
    }
    memset(&tsi->ips[n], 0, (tsi->n_ips - n) * sizeof tsi->ips[0]);
    tsi->n_ips = n;
    tsi->n_given = n_given;
}

bool
nva_vn_shares(const struct nva_vn *vn, const struct in6_addr *ip)
{
    return nva_ips_have(vn->shared_ips, vn->n_shared_ips, ip);
}

size_t
nva_tsi_allowed(const struct nva_tsi *tsi, struct eth_addr mac)
{
    size_t i = 0;

    while (i < tsi->n_allowed && !eth_addr_equals(tsi->allowed[i], mac)) {
        i++;
    }
    return i;
}

bool
nva_tsi_has_nested(const struct nva_tsi *tsi, struct eth_addr mac)
{
    return tsi->nested & (UINT32_C(1) << nva_tsi_allowed(tsi, mac));
}

size_t
nva_tsi_macs(const struct nva_tsi *tsi,
             struct eth_addr macs[NVA_ALLOWED_MACS_MAX + 1])
{
    size_t n = 0;

    macs[n++] = tsi->mac;
    for (size_t i = 0; i < tsi->n_allowed; i++) {
        if (tsi->nested & (UINT32_C(1) << i)) {
            macs[n++] = tsi->allowed[i];
        }
    }
    return n;
}

void
nva_deltas_init(struct nva_deltas *deltas)
{
    memset(deltas, 0, sizeof *deltas);
}

void
nva_deltas_uninit(struct nva_deltas *deltas)
{
    free(deltas->a);
    memset(deltas, 0, sizeof *deltas);
}

void
nva_deltas_clear(struct nva_deltas *deltas)
{
    deltas->n = 0;
}

struct nva_delta *
nva_deltas_add(struct nva_deltas *deltas, enum nva_delta_type type)
{
    struct nva_delta *delta;

    if (deltas->n >= deltas->allocated) {
        deltas->a = x2nrealloc(deltas->a, &deltas->allocated,
                               sizeof *deltas->a);
    }
    delta = &deltas->a[deltas->n++];
    memset(delta, 0, sizeof *delta);
    delta->type = type;
    return delta;
}

DEFINE_TO_WORD(nva_delta_type_word, enum nva_delta_type, delta_types)

static const char *
value_to_word(const struct word *words, size_t n, int value)
{
    for (size_t i = 0; i < n; i++) {
        if (words[i].value == value) {
            return words[i].word;
        }
    }
    return "?";
}

static bool
word_to_value(const struct word *words, size_t n, const char *word, int *value)
{
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(words[i].word, word)) {
            *value = words[i].value;
            return true;
        }
    }
    return false;
}
