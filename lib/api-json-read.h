/* SPDX-License-Identifier: Apache-2.0 */

/* JSON values -> the values of requests, by tables of fields.  Internal to
 * api-json. */

#ifndef NVA_API_JSON_READ_H
#define NVA_API_JSON_READ_H 1

#include <jansson.h>

#include "api-audit.h"
#include "event.h"

enum {
    API_FIELD_MAX = 96,         /* Bytes of a field's path in a refusal: a
                                 * caller's own key stands there. */
    API_DETAIL_MAX = 192,       /* Bytes of a refusal's sentence. */
};

/* Where reading stands.  The first refusal sticks. */
struct api_reader {
    char prefix[API_FIELD_MAX / 2];     /* "interfaces[1].", while inside. */
    char field[API_FIELD_MAX];
    char detail[API_DETAIL_MAX];        /* "": the reason's own sentence. */
};

struct api_field;

/* Reads 'value' into 'object'.  A refusal need not name the field that 'f' is:
 * the caller does. */
typedef enum nva_reason api_read(struct api_reader *, const struct api_field *,
                                 const json_t *value, void *object);

struct api_field {
    const char *name;
    const char *type;           /* As OpenAPI calls it. */
    api_read *read;             /* NULL: shown only, ignored when sent. */
    size_t offset;              /* For the generic readers: the member... */
    uint32_t min, max;          /* ...its range, or the size of a name. */
};

struct api_schema {
    const char *name;
    const struct api_field *fields;     /* Until one without a name. */
};

/* For: struct nva_vn, nva_nve, nva_request_port, nva_request_vm,
 * nva_request_move, nva_request_drain, nothing. */
extern const struct api_schema api_vn_schema, api_nve_schema, api_port_schema;
extern const struct api_schema api_vm_schema, api_start_schema;
extern const struct api_schema api_pause_schema;
extern const struct api_schema api_drain_schema, api_empty_schema;
/* For: struct api_audit; an interface of a VM, struct nva_request_if. */
extern const struct api_schema api_audit_schema, api_if_schema;

/* All there are, shown-only ones too; NULL ends them. */
extern const struct api_schema *const api_schemas[];

/* Reads all of 'json' into 'object', which holds the defaults, or what an
 * update finds.  A field that is not in the table is refused (JSON_FIELD). */
enum nva_reason api_read_object(struct api_reader *, const struct api_schema *,
                                const json_t *json, void *object);

/* Notes what is refused, unless something was, and returns 'reason'.  'field'
 * "" is the element itself that the prefix names. */
enum nva_reason api_fail(struct api_reader *, enum nva_reason,
                         const char *field);
enum nva_reason api_fail_because(struct api_reader *, enum nva_reason,
                                 const char *field, const char *detail);

/* {"vms": [...]} as GET /v1/vms shows it, into a struct api_audit: what a VM
 * or an interface has beside what is compared is left alone.  LIMIT. */
enum nva_reason api_read_inventory(struct api_reader *,
                                   const struct api_field *,
                                   const json_t *, void *audit);

/* "aa:bb:cc:dd:ee:ff", nothing around it.  BAD_VALUE, BAD_MAC. */
enum nva_reason api_parse_mac(const char *, struct eth_addr *);

#endif /* api-json-read.h */
