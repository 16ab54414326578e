/* SPDX-License-Identifier: Apache-2.0 */

/* What callers send: every field of every object stands in one of the tables
 * below, with the function that reads it.
 *
 * Knows names, words, ranges and JSON types.  Must never know the directory:
 * what an update leaves out is in 'object' before reading begins.
 *
 * Invariant: what is in no table is refused, and a refusal names the field by
 * its path in the caller's JSON.  Virtual machine states: RFC 7666 (C1). */

#include <config.h>

#include "api-json-read.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "packets.h"
#include "util.h"

/* ## Tables ## */

static api_read read_key, read_name, read_u32, read_bool, read_ip, read_mac;
static api_read read_binding, read_unknown_question, read_unknown_unicast;
static api_read read_port_security, read_shared_ips, read_isolation;
static api_read read_resolution, read_dpid, read_guessed, read_role;
static api_read read_connections;
static api_read read_vm_state, read_interfaces, read_ips, read_allowed_macs;
static api_read read_roles;
static api_read read_kind, read_to, read_one_port, read_ports;
static api_read read_port_mac, read_targets;

#define KEY(T, M) \
    read_key, offsetof(struct T, M), 0, sizeof ((struct T *) 0)->M
#define NAME(T, M) \
    read_name, offsetof(struct T, M), 0, sizeof ((struct T *) 0)->M
#define AT(READ, T, M) READ, offsetof(struct T, M), 0, 0
#define U32(T, M, MIN, MAX) read_u32, offsetof(struct T, M), MIN, MAX
#define OWN(READ) READ, 0, 0, 0
#define SHOWN NULL, 0, 0, 0
#define END { NULL, NULL, NULL, 0, 0, 0 }

static const struct api_field vn_fields[] = {
    { "name", "string", KEY(nva_vn, name) },
    { "vni", "integer", U32(nva_vn, vni, 1, NVA_VNI_MAX) },
    { "binding", "string", OWN(read_binding) },
    { "unknown_question", "string", OWN(read_unknown_question) },
    { "unknown_unicast", "string", OWN(read_unknown_unicast) },
    { "port_security", "string", OWN(read_port_security) },
    { "shared_ips", "array", OWN(read_shared_ips) },
    { "resolution", "string", OWN(read_resolution) },
    { "pulls", "boolean", SHOWN },
    { "lifetime", "integer", U32(nva_vn, lifetime, 0, NVA_LIFETIME_MAX) },
    { "age", "integer", U32(nva_vn, age, 0, NVA_DAY) },
    { "redirect_timeout", "integer", U32(nva_vn, redirect_timeout, 1, 300) },
    { "mtu", "integer", U32(nva_vn, mtu, 0, 65535) },
    { "duplicate_moves", "integer",
      U32(nva_vn, duplicate_moves, 0, NVA_DUPLICATE_MOVES_MAX) },
    { "duplicate_window", "integer",
      U32(nva_vn, duplicate_window, 1, NVA_DAY) },
    { "freeze_time", "integer", U32(nva_vn, freeze_time, 0, NVA_DAY) },
    { "max_learned", "integer",
      U32(nva_vn, max_learned, 1, NVA_LEARNED_PER_VN_MAX) },
    { "learned", "integer", SHOWN },
    { "tenant", "string", NAME(nva_vn, tenant) },
    { "isolation", "string", OWN(read_isolation) },
    END
};
const struct api_schema api_vn_schema = { "vn", vn_fields };

static const struct api_field nve_fields[] = {
    { "name", "string", KEY(nva_nve, name) },
    { "dpid", "string", OWN(read_dpid) },
    { "tunnel_ip", "string", AT(read_ip, nva_nve, tunnel_ip) },
    { "guessed", "boolean", OWN(read_guessed) },
    { "tunnel_port", "string", NAME(nva_nve, tunnel_port) },
    { "role", "string", OWN(read_role) },
    { "zone", "string", NAME(nva_nve, zone) },
    { "adopt", "boolean", AT(read_bool, nva_nve, adopt) },
    { "state", "string", SHOWN },
    { "state_seconds", "integer", SHOWN },
    { "ports", "integer", SHOWN },
    { "vaps", "integer", SHOWN },
    { "pulled", "integer", SHOWN },
    { "owners", "integer", SHOWN },
    { "dirty", "integer", SHOWN },
    { "quarantined", "integer", SHOWN },
    { "openflow", "string", SHOWN },
    { "bundles", "boolean", SHOWN },
    { "drain", "string", SHOWN },
    END
};
const struct api_schema api_nve_schema = { "nve", nve_fields };

static const struct api_field unclaimed_fields[] = {
    { "dpid", "string", SHOWN },
    { "state", "string", SHOWN },
    { "peer", "string", SHOWN },
    { "foreign_flows", "integer", SHOWN },
    END
};
static const struct api_schema unclaimed_schema
    = { "unclaimed", unclaimed_fields };

static const struct api_field port_fields[] = {
    { "nve", "string", KEY(nva_request_port, nve) },
    { "port", "string", KEY(nva_request_port, port) },
    { "mac", "string", OWN(read_port_mac) },
    { "vn", "string", NAME(nva_request_port, vn) },
    { "ofport", "integer", SHOWN },
    { "implied", "boolean", SHOWN },
    { "detour", "string", SHOWN },
    END
};
const struct api_schema api_port_schema = { "port", port_fields };

static const struct api_field vm_fields[] = {
    { "name", "string", KEY(nva_request_vm, name) },
    { "state", "string", OWN(read_vm_state) },
    { "origin", "string", SHOWN },
    { "connections", "string", OWN(read_connections) },
    { "sticky", "boolean", AT(read_bool, nva_request_vm, sticky) },
    { "interfaces", "array", OWN(read_interfaces) },
    { "move", "integer", SHOWN },
    { "wrong", "array", SHOWN },
    END
};
const struct api_schema api_vm_schema = { "vm", vm_fields };

static const struct api_field if_fields[] = {
    { "name", "string", KEY(nva_request_if, name) },
    { "vn", "string", NAME(nva_request_if, vn) },
    { "mac", "string", AT(read_mac, nva_request_if, mac) },
    { "ips", "array", OWN(read_ips) },
    { "allowed_macs", "array", OWN(read_allowed_macs) },
    { "nested", "array", SHOWN },
    { "roles", "array", OWN(read_roles) },
    { "nve", "string", NAME(nva_request_if, nve) },
    { "port", "string", NAME(nva_request_if, port) },
    { "prepared", "object", SHOWN },
    { "paused", "boolean", SHOWN },
    { "early", "boolean", SHOWN },
    { "stopped", "boolean", SHOWN },
    { "held", "boolean", SHOWN },
    { "sequence", "integer", SHOWN },
    { "unconfirmed", "boolean", SHOWN },
    { "frozen", "boolean", SHOWN },
    { "thaws_in", "integer", SHOWN },
    { "learned_ips", "array", SHOWN },
    { "frozen_ips", "array", SHOWN },
    { "redirects", "array", SHOWN },
    END
};
const struct api_schema api_if_schema = { "interface", if_fields };

static const struct api_field redirect_fields[] = {
    { "at", "string", SHOWN },
    { "to", "string", SHOWN },
    { "remaining", "integer", SHOWN },
    END
};
static const struct api_schema redirect_schema
    = { "redirect", redirect_fields };

static const struct api_field start_fields[] = {
    { "kind", "string", OWN(read_kind) },
    { "timeout", "integer",
      U32(nva_request_move, timeout, 0, NVA_MOVE_TIMEOUT_MAX) },
    { "refresh", "integer",
      U32(nva_request_move, refresh, 0, NVA_WARM_REFRESH_MAX) },
    { "to", "object", OWN(read_to) },
    END
};
const struct api_schema api_start_schema = { "move_start", start_fields };

static const struct api_field pause_fields[] = {
    { "early_ms", "integer",
      U32(nva_request_move, early_ms, 1, NVA_EARLY_MSEC_MAX) },
    END
};
const struct api_schema api_pause_schema = { "move_pause", pause_fields };

static const struct api_field to_fields[] = {
    { "nve", "string", NAME(nva_request_move, nve) },
    { "port", "string", OWN(read_one_port) },
    { "ports", "object", OWN(read_ports) },
    END
};
static const struct api_schema to_schema = { "move_to", to_fields };

static const struct api_field move_fields[] = {
    { "id", "integer", SHOWN },
    { "vm", "string", SHOWN },
    { "from", "object", SHOWN },
    { "to", "object", SHOWN },
    { "kind", "string", SHOWN },
    { "interrupts", "boolean", SHOWN },
    { "timeout", "integer", SHOWN },
    { "deadline", "string", SHOWN },
    { "refresh", "integer", SHOWN },
    { "cause", "string", SHOWN },
    { "state", "string", SHOWN },
    { "ready", "boolean", SHOWN },
    { "unconfirmed", "boolean", SHOWN },
    { "expected_until", "string", SHOWN },
    { "early_ms", "integer", SHOWN },
    { "blocked_by", "object", SHOWN },
    { "reason", "string", SHOWN },
    { "started", "string", SHOWN },
    { "ended", "string", SHOWN },
    { "timeline", "array", SHOWN },
    END
};
static const struct api_schema move_schema = { "move", move_fields };

static const struct api_field stamp_fields[] = {
    { "t", "string", SHOWN },
    { "us", "integer", SHOWN },
    { "what", "string", SHOWN },
    { "nve", "string", SHOWN },
    { "other", "string", SHOWN },
    { "reason", "string", SHOWN },
    { "packets", "integer", SHOWN },
    { "times", "integer", SHOWN },
    END
};
static const struct api_schema stamp_schema = { "stamp", stamp_fields };

static const struct api_field lookup_fields[] = {
    { "vn", "string", SHOWN },
    { "vm", "string", SHOWN },
    { "interface", "string", SHOWN },
    { "mac", "string", SHOWN },
    { "ips", "array", SHOWN },
    { "nve", "string", SHOWN },
    { "port", "string", SHOWN },
    { "tunnel_ip", "string", SHOWN },
    { "sequence", "integer", SHOWN },
    { "unconfirmed", "boolean", SHOWN },
    { "frozen", "boolean", SHOWN },
    END
};
static const struct api_schema lookup_schema = { "lookup", lookup_fields };

static const struct api_field drain_fields[] = {
    { "nve", "string", SHOWN },
    { "state", "string", SHOWN },
    { "to", "array", OWN(read_targets) },
    { "parallel", "integer", U32(nva_request_drain, parallel, 1,
                                 NVA_DRAIN_PARALLEL_MAX) },
    { "timeout", "integer", U32(nva_request_drain, timeout, 0,
                                NVA_MOVE_TIMEOUT_MAX) },
    { "done", "integer", SHOWN },
    { "under_way", "integer", SHOWN },
    { "waiting", "integer", SHOWN },
    { "refused", "array", SHOWN },
    { "moves", "array", SHOWN },
    { "started", "string", SHOWN },
    { "ended", "string", SHOWN },
    END
};
const struct api_schema api_drain_schema = { "drain", drain_fields };

static const struct api_field refused_fields[] = {
    { "vm", "string", SHOWN },
    { "reason", "string", SHOWN },
    { "detail", "string", SHOWN },
    END
};
static const struct api_schema refused_schema = { "refused", refused_fields };

static const struct api_field audit_fields[] = {
    { "inventory", "object", OWN(api_read_inventory) },
    { "repair", "boolean", AT(read_bool, api_audit, repair) },
    { "state", "string", SHOWN },
    { "started", "string", SHOWN },
    { "us", "integer", SHOWN },
    { "nves", "integer", SHOWN },
    { "flows", "integer", SHOWN },
    { "repaired", "integer", SHOWN },
    { "left_out", "integer", SHOWN },
    { "findings", "array", SHOWN },
    END
};
const struct api_schema api_audit_schema = { "audit", audit_fields };

static const struct api_field finding_fields[] = {
    { "kind", "string", SHOWN },
    { "object", "string", SHOWN },
    { "nve", "string", SHOWN },
    { "vn", "string", SHOWN },
    { "vm", "string", SHOWN },
    { "interface", "string", SHOWN },
    { "directory", "string", SHOWN },
    { "other", "string", SHOWN },
    { "count", "integer", SHOWN },
    { "since", "string", SHOWN },
    { "last", "string", SHOWN },
    { "advice", "string", SHOWN },
    END
};
static const struct api_schema finding_schema = { "finding", finding_fields };

static const struct api_field faults_fields[] = {
    { "count", "integer", SHOWN },
    { "left_out", "integer", SHOWN },
    { "faults", "array", SHOWN },
    END
};
static const struct api_schema faults_schema = { "faults", faults_fields };

static const struct api_field no_fields[] = { END };
const struct api_schema api_empty_schema = { "empty", no_fields };

const struct api_schema *const api_schemas[] = {
    &api_vn_schema, &api_nve_schema, &unclaimed_schema, &api_port_schema,
    &api_vm_schema, &api_if_schema, &redirect_schema, &api_start_schema,
    &api_pause_schema,
    &to_schema, &move_schema, &stamp_schema, &lookup_schema,
    &api_drain_schema, &refused_schema, &api_audit_schema, &finding_schema,
    &faults_schema, &api_empty_schema, NULL,
};

static void explain(struct api_reader *, enum nva_reason,
                    const struct api_field *);

/* ## Public ## */

enum nva_reason
api_read_object(struct api_reader *rd, const struct api_schema *schema,
                const json_t *json, void *object)
{
    const char *key;
    json_t *value;

    json_object_foreach ((json_t *) json, key, value) {
        const struct api_field *f = schema->fields;
        enum nva_reason reason;

        while (f->name && strcmp(f->name, key)) {
            f++;
        }
        if (!f->name) {
            return api_fail(rd, NVA_R_JSON_FIELD, key);
        }
        reason = f->read ? f->read(rd, f, value, object) : NVA_OK;
        if (reason) {
            explain(rd, reason, f);
            return api_fail(rd, reason, f->name);
        }
    }
    return NVA_OK;
}

/* Says what the field's table knows of what it takes. */
static void
explain(struct api_reader *rd, enum nva_reason reason,
        const struct api_field *f)
{
    if (rd->field[0] || rd->detail[0]) {
        return;                 /* Who refused said more. */
    } else if (reason == NVA_R_BAD_NAME && f->max) {
        snprintf(rd->detail, sizeof rd->detail, "1 to %"PRIu32" of the "
                 "characters A-Z a-z 0-9 . _ : / -", f->max - 1);
    } else if (reason == NVA_R_JSON_TYPE) {
        snprintf(rd->detail, sizeof rd->detail, "must be JSON's %s", f->type);
    }
}

enum nva_reason
api_fail(struct api_reader *rd, enum nva_reason reason, const char *field)
{
    if (!rd->field[0]) {
        size_t n = strlen(rd->prefix);

        snprintf(rd->field, sizeof rd->field, "%.*s%s",
                 (int) (n && !*field ? n - 1 : n), rd->prefix, field);
    }
    return reason;
}

enum nva_reason
api_fail_because(struct api_reader *rd, enum nva_reason reason,
                 const char *field, const char *detail)
{
    snprintf(rd->detail, sizeof rd->detail, "%s", detail);
    return api_fail(rd, reason, field);
}

enum nva_reason
api_parse_mac(const char *s, struct eth_addr *mac)
{
    for (int i = 0; i < ETH_ADDR_LEN; i++, s += 3) {
        int hi = hexit_value(s[0]);
        int lo = hi < 0 ? -1 : hexit_value(s[1]);

        if (lo < 0 || s[2] != (i < ETH_ADDR_LEN - 1 ? ':' : '\0')) {
            return NVA_R_BAD_VALUE;
        }
        mac->ea[i] = hi * 16 + lo;
    }
    return nva_mac_is_host(*mac) ? NVA_OK : NVA_R_BAD_MAC;
}

/* ## Reading: generic ## */

/* LIMIT: 'value' is a list of more than 'max'. */
static enum nva_reason
fail_count(struct api_reader *rd, const struct api_field *f,
           const json_t *value, size_t max)
{
    char detail[API_DETAIL_MAX];

    snprintf(detail, sizeof detail, "at most %"PRIuSIZE", not %"PRIuSIZE,
             max, (json_is_array(value) ? json_array_size(value)
                   : json_object_size(value)));
    return api_fail_because(rd, NVA_R_LIMIT, f->name, detail);
}

/* BAD_VALUE: 'value', a string, is not 'what'. */
static enum nva_reason
fail_text(struct api_reader *rd, const json_t *value, const char *what)
{
    snprintf(rd->detail, sizeof rd->detail, "\"%.48s\" is not %s",
             json_string_value(value), what);
    return NVA_R_BAD_VALUE;
}

static enum nva_reason
copy_name(const json_t *value, bool may_be_empty, char *dst, size_t size)
{
    const char *s = json_string_value(value);

    if (may_be_empty && (json_is_null(value) || (s && !*s))) {
        dst[0] = '\0';
        return NVA_OK;
    } else if (!s) {
        return NVA_R_JSON_TYPE;
    } else if (!nva_name_is_valid(s) || strlen(s) >= size) {
        return NVA_R_BAD_NAME;
    }
    ovs_strlcpy(dst, s, size);
    return NVA_OK;
}

/* A name that the path may have given already: then it must be the same. */
static enum nva_reason
read_key(struct api_reader *rd OVS_UNUSED, const struct api_field *f,
         const json_t *value, void *object)
{
    char *dst = (char *) object + f->offset;
    char name[NVA_NAME_MAX];
    enum nva_reason reason = copy_name(value, false, name,
                                       MIN(f->max, sizeof name));

    if (!reason && dst[0] && strcmp(dst, name)) {
        return NVA_R_IMMUTABLE;
    } else if (!reason) {
        ovs_strlcpy(dst, name, f->max);
    }
    return reason;
}

static enum nva_reason
read_name(struct api_reader *rd OVS_UNUSED, const struct api_field *f,
          const json_t *value, void *object)
{
    return copy_name(value, true, (char *) object + f->offset, f->max);
}

/* Null stands for 0 where 0 stands for "not stated". */
static enum nva_reason
read_u32(struct api_reader *rd, const struct api_field *f, const json_t *value,
         void *object)
{
    json_int_t i = json_integer_value(value);

    if (!json_is_integer(value) && (f->min || !json_is_null(value))) {
        return NVA_R_JSON_TYPE;
    } else if (i < f->min || i > f->max) {
        char detail[64];

        snprintf(detail, sizeof detail, "must be within %"PRIu32"..%"PRIu32,
                 f->min, f->max);
        return api_fail_because(rd, NVA_R_BAD_VALUE, f->name, detail);
    }
    *(uint32_t *) (void *) ((char *) object + f->offset) = i;
    return NVA_OK;
}

static enum nva_reason
read_bool(struct api_reader *rd OVS_UNUSED, const struct api_field *f,
          const json_t *value, void *object)
{
    if (!json_is_boolean(value)) {
        return NVA_R_JSON_TYPE;
    }
    *(bool *) ((char *) object + f->offset) = json_is_true(value);
    return NVA_OK;
}

static enum nva_reason
read_ip(struct api_reader *rd, const struct api_field *f,
        const json_t *value, void *object)
{
    struct in6_addr *ip = (void *) ((char *) object + f->offset);

    if (json_is_null(value)) {
        memset(ip, 0, sizeof *ip);
        return NVA_OK;
    } else if (!json_is_string(value)) {
        return NVA_R_JSON_TYPE;
    } else if (nva_ip_parse(json_string_value(value), ip)) {
        return fail_text(rd, value, "an IPv4 or IPv6 address");
    }
    return nva_ip_is_host(ip) ? NVA_OK : NVA_R_BAD_IP;
}

static enum nva_reason
read_mac(struct api_reader *rd, const struct api_field *f, const json_t *value,
         void *object)
{
    struct eth_addr *mac = (void *) ((char *) object + f->offset);
    enum nva_reason reason;

    if (!json_is_string(value)) {
        return NVA_R_JSON_TYPE;
    }
    reason = api_parse_mac(json_string_value(value), mac);
    return (reason == NVA_R_BAD_VALUE
            ? fail_text(rd, value, "a MAC address (02:00:00:00:00:01)")
            : reason);
}

/* BAD_VALUE: 'value' is none of 'words', each with ", " before it. */
static enum nva_reason
fail_word(struct api_reader *rd, const struct api_field *f,
          const json_t *value, const char *words)
{
    char detail[API_DETAIL_MAX];

    snprintf(detail, sizeof detail, "\"%.32s\" is none of %s",
             json_string_value(value), words + 2);
    return api_fail_because(rd, NVA_R_BAD_VALUE, f->name, detail);
}

#define COMMA_WORD(ENUM, WORD) ", " WORD

/* A reader of a word of an enum. */
#define READ_WORD(NAME, STRUCT, MEMBER, FROM_WORD, WORDS)                   \
    static enum nva_reason                                                  \
    NAME(struct api_reader *rd, const struct api_field *f,                  \
         const json_t *value, void *object)                                 \
    {                                                                       \
        STRUCT *o = object;                                                 \
                                                                            \
        if (!json_is_string(value)) {                                       \
            return NVA_R_JSON_TYPE;                                         \
        }                                                                   \
        return FROM_WORD(json_string_value(value), &o->MEMBER)              \
               ? NVA_OK : fail_word(rd, f, value, WORDS);                   \
    }
#define X COMMA_WORD
READ_WORD(read_binding, struct nva_vn, binding, nva_binding_from_word,
          NVA_BINDINGS)
READ_WORD(read_isolation, struct nva_vn, isolation, nva_isolation_from_word,
          NVA_ISOLATIONS)
READ_WORD(read_unknown_question, struct nva_vn, unknown_question,
          nva_unknown_question_from_word, NVA_UNKNOWN_QUESTIONS)
READ_WORD(read_unknown_unicast, struct nva_vn, unknown_unicast,
          nva_unknown_unicast_from_word, NVA_UNKNOWN_UNICASTS)
READ_WORD(read_port_security, struct nva_vn, port_security,
          nva_port_security_from_word, NVA_PORT_SECURITIES)
READ_WORD(read_resolution, struct nva_vn, resolution,
          nva_resolution_from_word, NVA_RESOLUTIONS)
READ_WORD(read_connections, struct nva_request_vm, connections,
          nva_connections_from_word, NVA_CONNECTIONS)
#undef X

/* A word of which this version does only the 'n_done' first of 'words' (NULL
 * ends them): the others are refused clearly. */
static enum nva_reason
read_planned_word(const json_t *value, const char *const words[],
                  size_t n_done)
{
    if (!json_is_string(value)) {
        return NVA_R_JSON_TYPE;
    }
    for (size_t i = 0; words[i]; i++) {
        if (!strcmp(words[i], json_string_value(value))) {
            return i < n_done ? NVA_OK : NVA_R_UNSUPPORTED;
        }
    }
    return NVA_R_BAD_VALUE;
}

/* ## Reading: particular ## */

static enum nva_reason
read_role(struct api_reader *rd,
          const struct api_field *f OVS_UNUSED, const json_t *value,
          void *object OVS_UNUSED)
{
    static const char *const words[] = { "nve", "gateway", NULL };

    enum nva_reason reason = read_planned_word(value, words, 1);

    return (reason == NVA_R_BAD_VALUE
            ? fail_text(rd, value, "nve or gateway") : reason);
}

static enum nva_reason
parse_dpid(const char *s, uint64_t *dpid)
{
    size_t n = strlen(s);
    bool prefixed = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
    unsigned int base = prefixed || n == 16 ? 16 : 10;

    s += prefixed ? 2 : 0;
    n -= prefixed ? 2 : 0;
    if (!n || (base == 16 && n > 16) || n > 20) {
        return NVA_R_BAD_VALUE;
    }
    for (*dpid = 0; *s; s++) {
        int digit = hexit_value(*s);

        if (digit < 0 || digit >= (int) base
            || *dpid > (UINT64_MAX - digit) / base) {
            return NVA_R_BAD_VALUE;
        }
        *dpid = *dpid * base + digit;
    }
    return *dpid ? NVA_OK : NVA_R_BAD_VALUE;
}

/* 16 hex digits as OVS prints them, "0x..." or decimal. */
static enum nva_reason
read_dpid(struct api_reader *rd,
          const struct api_field *f OVS_UNUSED, const json_t *value,
          void *object)
{
    struct nva_nve *nve = object;

    if (json_is_integer(value)) {
        nve->dpid = json_integer_value(value);
        return json_integer_value(value) > 0 ? NVA_OK : NVA_R_BAD_VALUE;
    }
    if (!json_is_string(value)) {
        return NVA_R_JSON_TYPE;
    }
    return (parse_dpid(json_string_value(value), &nve->dpid)
            ? fail_text(rd, value, "16 hexadecimal digits, 0x and such digits,"
                        " or a decimal number, but 0") : NVA_OK);
}

/* Only makes sense as what was shown before: see put_nve(). */
static enum nva_reason
read_guessed(struct api_reader *rd OVS_UNUSED,
             const struct api_field *f OVS_UNUSED, const json_t *value,
             void *object OVS_UNUSED)
{
    return json_is_boolean(value) ? NVA_OK : NVA_R_JSON_TYPE;
}

static enum nva_reason
read_port_mac(struct api_reader *rd OVS_UNUSED,
              const struct api_field *f OVS_UNUSED, const json_t *value,
              void *object)
{
    struct nva_request_port *port = object;
    struct eth_addr mac;
    enum nva_reason reason;

    if (json_is_null(value)) {
        return port->has_mac ? NVA_R_IMMUTABLE : NVA_OK;
    } else if (!json_is_string(value)) {
        return NVA_R_JSON_TYPE;
    }
    reason = api_parse_mac(json_string_value(value), &mac);
    if (!reason && port->has_mac && !eth_addr_equals(port->mac, mac)) {
        return NVA_R_IMMUTABLE;
    } else if (!reason) {
        port->has_mac = true;
        port->mac = mac;
    }
    return reason;
}

static enum nva_reason
read_vm_state(struct api_reader *rd, const struct api_field *f,
              const json_t *value, void *object)
{
#define X(E, W, N) COMMA_WORD(E, W)
    static const char words[] = NVA_VM_STATES;
#undef X
    struct nva_request_vm *vm = object;

    if (!json_is_string(value)) {
        return NVA_R_JSON_TYPE;
    }
    vm->has_state = true;
    return nva_vm_state_from_word(json_string_value(value), &vm->state)
           ? NVA_OK : fail_word(rd, f, value, words);
}

struct ip_list {
    struct in6_addr *ips;
    size_t *n, max;
};

static enum nva_reason
read_ip_list(struct api_reader *rd, const struct api_field *f,
             const json_t *value, const struct ip_list *list)
{
    const struct api_field one = { .name = f->name };
    size_t n = json_array_size(value);

    if (!json_is_array(value)) {
        return NVA_R_JSON_TYPE;
    } else if (n > list->max) {
        return fail_count(rd, f, value, list->max);
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *ip = json_array_get(value, i);
        enum nva_reason reason = json_is_null(ip)
            ? NVA_R_JSON_TYPE : read_ip(rd, &one, ip, &list->ips[i]);

        if (reason) {
            char name[32];

            snprintf(name, sizeof name, "%s[%"PRIuSIZE"]", f->name, i);
            return api_fail(rd, reason, name);
        }
    }
    *list->n = n;
    return NVA_OK;
}

static enum nva_reason
read_ips(struct api_reader *rd, const struct api_field *f, const json_t *value,
         void *object)
{
    struct nva_request_if *nif = object;
    const struct ip_list list = { nif->ips, &nif->n_ips, NVA_IPS_MAX };

    nif->n_learned = 0;
    return read_ip_list(rd, f, value, &list);
}

static enum nva_reason
read_shared_ips(struct api_reader *rd, const struct api_field *f,
                const json_t *value, void *object)
{
    struct nva_vn *vn = object;

    const struct ip_list list = { vn->shared_ips, &vn->n_shared_ips,
                                  NVA_SHARED_IPS_MAX };

    return read_ip_list(rd, f, value, &list);
}

static enum nva_reason
read_roles(struct api_reader *rd, const struct api_field *f,
           const json_t *value, void *object)
{
    struct nva_request_if *nif = object;
    unsigned int roles = 0;
    json_t *word;
    size_t i;

    if (!json_is_array(value)) {
        return NVA_R_JSON_TYPE;
    }
    json_array_foreach (value, i, word) {
        const char *text = json_string_value(word);
        enum nva_role role;
        char name[32];

        if (!text || !nva_role_from_word(text, &role)) {
            snprintf(name, sizeof name, "%s[%"PRIuSIZE"]", f->name, i);
            return api_fail(rd, text ? NVA_R_BAD_VALUE : NVA_R_JSON_TYPE,
                            name);
        }
        roles |= 1u << role;
    }
    nif->roles = roles;
    return NVA_OK;
}

static enum nva_reason
read_allowed_macs(struct api_reader *rd, const struct api_field *f,
                  const json_t *value, void *object)
{
    const struct api_field one = { .name = f->name };
    struct nva_request_if *nif = object;
    size_t i;
    json_t *mac;

    if (!json_is_array(value)) {
        return NVA_R_JSON_TYPE;
    } else if (json_array_size(value) > NVA_ALLOWED_MACS_MAX) {
        return fail_count(rd, f, value, NVA_ALLOWED_MACS_MAX);
    }
    json_array_foreach (value, i, mac) {
        enum nva_reason reason = read_mac(rd, &one, mac, &nif->allowed[i]);

        if (reason) {
            char name[32];

            snprintf(name, sizeof name, "%s[%"PRIuSIZE"]", f->name, i);
            return api_fail(rd, reason, name);
        }
    }
    nif->n_allowed = i;
    return NVA_OK;
}

static struct nva_request_if *
find_if(struct nva_request_vm *vm, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(vm->ifs[i].name, name)) {
            return &vm->ifs[i];
        }
    }
    return NULL;
}

/* The name of the interface that 'json' describes: its own; or, as the only
 * one of a VM that has at most one, that one's or "eth0". */
static const char *
if_name(const struct nva_request_vm *old, const json_t *list,
        const json_t *json)
{
    const json_t *name = json_object_get(json, "name");

    if (name) {
        return json_is_string(name) ? json_string_value(name) : "";
    } else if (json_array_size(list) != 1 || old->n_ifs > 1) {
        return NULL;
    }
    return old->n_ifs ? old->ifs[0].name : "eth0";
}

static enum nva_reason
read_one_if(struct api_reader *rd, struct nva_request_vm *old,
            const json_t *list, const json_t *json, struct nva_request_vm *vm)
{
    struct nva_request_if *nif = &vm->ifs[vm->n_ifs];
    const struct nva_request_if *was;
    const char *name = if_name(old, list, json);
    enum nva_reason reason;

    if (!json_is_object(json)) {
        return NVA_R_JSON_TYPE;
    } else if (!name) {
        return api_fail(rd, NVA_R_MISSING_FIELD, "name");
    } else if (find_if(vm, vm->n_ifs, name)) {
        return api_fail(rd, NVA_R_EXISTS, "name");
    }
    was = find_if(old, old->n_ifs, name);
    if (was) {
        *nif = *was;
    } else {
        memset(nif, 0, sizeof *nif);
        ovs_strlcpy(nif->name, name, sizeof nif->name);
    }
    reason = api_read_object(rd, &api_if_schema, json, nif);
    if (!reason && !nif->vn[0]) {
        reason = api_fail(rd, NVA_R_MISSING_FIELD, "vn");
    } else if (!reason && eth_addr_is_zero(nif->mac)) {
        reason = api_fail(rd, NVA_R_MISSING_FIELD, "mac");
    }
    vm->n_ifs++;
    return reason;
}

/* The list replaces the VM's interfaces; what one of them leaves out keeps its
 * value where the VM has an interface of that name. */
static enum nva_reason
read_interfaces(struct api_reader *rd, const struct api_field *f,
                const json_t *value, void *object)
{
    struct nva_request_vm *vm = object;
    struct nva_request_vm old = *vm;
    size_t i;
    json_t *json;

    if (!json_is_array(value)) {
        return NVA_R_JSON_TYPE;
    } else if (json_array_size(value) > NVA_IFS_MAX) {
        return fail_count(rd, f, value, NVA_IFS_MAX);
    }
    vm->n_ifs = 0;
    json_array_foreach (value, i, json) {
        enum nva_reason reason;

        snprintf(rd->prefix, sizeof rd->prefix, "%s[%"PRIuSIZE"].",
                 f->name, i);
        reason = read_one_if(rd, &old, value, json, vm);
        if (reason) {
            api_fail(rd, reason, "");
            return reason;
        }
        rd->prefix[0] = '\0';
    }
    return NVA_OK;
}

static enum nva_reason
read_kind(struct api_reader *rd, const struct api_field *f,
          const json_t *value, void *object)
{
#define X COMMA_WORD
    static const char words[] = NVA_MOVE_KINDS;
#undef X
    struct nva_request_move *move = object;

    if (!json_is_string(value)) {
        return NVA_R_JSON_TYPE;
    } else if (!nva_move_kind_from_word(json_string_value(value),
                                        &move->kind)) {
        return fail_word(rd, f, value, words);
    }
    move->has_kind = true;
    return move->kind == NVA_MOVE_FAILOVER ? NVA_R_UNSUPPORTED : NVA_OK;
}

static enum nva_reason
read_to(struct api_reader *rd, const struct api_field *f, const json_t *value,
        void *object)
{
    struct nva_request_move *move = object;
    enum nva_reason reason;

    if (!json_is_object(value)) {
        return NVA_R_JSON_TYPE;
    }
    snprintf(rd->prefix, sizeof rd->prefix, "%s.", f->name);
    reason = api_read_object(rd, &to_schema, value, move);
    if (!reason && !move->nve[0]) {
        reason = api_fail(rd, NVA_R_MISSING_FIELD, "nve");
    }
    rd->prefix[0] = '\0';
    return reason;
}

/* Appends {interface, port}; the caller has checked that there is room. */
static enum nva_reason
add_port(struct nva_request_move *move, const char *interface,
         const json_t *value)
{
    size_t i = move->n_ports++;

    ovs_strlcpy(move->ports[i].interface, interface,
                sizeof move->ports[i].interface);
    return copy_name(value, false, move->ports[i].port,
                     sizeof move->ports[i].port);
}

static enum nva_reason
read_one_port(struct api_reader *rd, const struct api_field *f,
              const json_t *value, void *object)
{
    struct nva_request_move *move = object;

    if (json_is_null(value)) {
        return NVA_OK;
    } else if (move->n_ports) {
        return api_fail_because(rd, NVA_R_JSON_FIELD, f->name,
                                "either \"port\" or \"ports\"");
    }
    return add_port(move, "", value);
}

static enum nva_reason
read_ports(struct api_reader *rd, const struct api_field *f,
           const json_t *value, void *object)
{
    struct nva_request_move *move = object;
    const char *key;
    json_t *port;

    if (json_is_null(value)) {
        return NVA_OK;
    } else if (!json_is_object(value)) {
        return NVA_R_JSON_TYPE;
    } else if (move->n_ports) {
        return api_fail_because(rd, NVA_R_JSON_FIELD, f->name,
                                "either \"port\" or \"ports\"");
    } else if (json_object_size(value) > NVA_IFS_MAX) {
        return fail_count(rd, f, value, NVA_IFS_MAX);
    }
    json_object_foreach ((json_t *) value, key, port) {
        enum nva_reason reason = nva_name_is_valid(key)
            ? add_port(move, key, port) : NVA_R_BAD_NAME;

        if (reason) {
            char name[API_FIELD_MAX];

            snprintf(name, sizeof name, "%s.%s", f->name, key);
            return api_fail(rd, reason, name);
        }
    }
    return NVA_OK;
}

static enum nva_reason
read_targets(struct api_reader *rd, const struct api_field *f,
             const json_t *value, void *object)
{
    struct nva_request_drain *drain = object;
    size_t i;
    json_t *name;

    if (!json_is_array(value)) {
        return NVA_R_JSON_TYPE;
    } else if (json_array_size(value) > NVA_DRAIN_TARGETS_MAX) {
        return fail_count(rd, f, value, NVA_DRAIN_TARGETS_MAX);
    }
    json_array_foreach (value, i, name) {
        enum nva_reason reason = copy_name(name, false, drain->to[i],
                                           sizeof drain->to[i]);

        if (reason) {
            char where[32];

            snprintf(where, sizeof where, "%s[%"PRIuSIZE"]", f->name, i);
            return api_fail(rd, reason, where);
        }
    }
    drain->n_to = i;
    return NVA_OK;
}
