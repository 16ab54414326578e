/* SPDX-License-Identifier: Apache-2.0 */

/* The truth as JSON values: one function per kind of object.  Internal to
 * api-json; each returns a new reference. */

#ifndef NVA_API_JSON_SHOW_H
#define NVA_API_JSON_SHOW_H 1

#include <jansson.h>

#include "api-facts.h"
#include "finding.h"
#include "event.h"
#include "step.h"

/* Takes over 'value'; 'key' is one of our own words or a valid name. */
void api_set(json_t *object, const char *key, json_t *value);

/* 's' as JSON: what is not UTF-8 (a refusal may quote a caller's bytes, cut
 * anywhere) ends it. */
json_t *api_text(const char *s);

json_t *api_show_error(enum nva_reason, const char *field, const char *detail);
json_t *api_show_vn(const struct nva_view *, const struct nva_vn *);
json_t *api_show_nve(const struct nva_view *, const struct api_facts *,
                     const struct nva_nve *);
json_t *api_show_unclaimed(uint64_t dpid, const char *peer,
                           uint64_t foreign_flows);
json_t *api_show_port(const struct nva_view *, const struct nva_vap *);
json_t *api_show_vm(const struct nva_view *, const struct nva_vm *);
json_t *api_show_move(const struct nva_view *, const struct api_facts *,
                      const struct nva_move *, bool timeline);
json_t *api_show_drain(const struct nva_view *, const struct api_facts *,
                       const struct nva_drain *);
json_t *api_show_finding(const struct nva_view *, const struct api_facts *,
                         const struct nva_finding *);
/* What does not work now: how many things, and as many as may be listed. */
json_t *api_show_faults(const struct nva_view *, const struct api_facts *);
/* A list of what of it is about 'vm'. */
json_t *api_show_vm_faults(const struct nva_view *, const struct api_facts *,
                           const struct nva_vm *);
/* 'goes_on': another one has begun since; 'audit' NULL: none has ended. */
json_t *api_show_audit(const struct nva_view *, const struct api_facts *,
                       const struct nva_audit *, bool goes_on);
json_t *api_show_lookup(const struct nva_view *, const struct nva_vn *,
                        const struct nva_tsi *);

/* NULL if the event stream does not show such a note. */
json_t *api_show_note(const struct nva_view *, const struct api_facts *,
                      const struct nva_note *);

#endif /* api-json-show.h */
