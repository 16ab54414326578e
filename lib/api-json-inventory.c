/* SPDX-License-Identifier: Apache-2.0 */

/* VM management's inventory out of JSON.
 *
 * Knows the shape of GET /v1/vms.  Must never know the directory.  Invariant:
 * whatever the bytes, at most NVA_INVENTORY_MAX entries.  draft vmm-15 s10
 * (D14). */

#include <config.h>

#include "api-json-read.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "packets.h"
#include "util.h"

static enum nva_reason read_vm(struct api_reader *, const json_t *,
                               struct nva_inventory *);

enum nva_reason
api_read_inventory(struct api_reader *rd, const struct api_field *f,
                   const json_t *value, void *audit_)
{
    struct api_audit *audit = audit_;
    const json_t *vms = json_object_get(value, "vms");
    size_t i;
    json_t *vm;

    if (!json_is_object(value)) {
        return NVA_R_JSON_TYPE;
    } else if (!json_is_array(vms)) {
        return api_fail(rd, vms ? NVA_R_JSON_TYPE : NVA_R_MISSING_FIELD,
                        "inventory.vms");
    }
    audit->inventory = nva_inventory_create();
    json_array_foreach (vms, i, vm) {
        enum nva_reason reason;

        snprintf(rd->prefix, sizeof rd->prefix, "%s.vms[%"PRIuSIZE"].",
                 f->name, i);
        reason = read_vm(rd, vm, audit->inventory);
        if (reason) {
            return api_fail(rd, reason, "");
        }
        rd->prefix[0] = '\0';
    }
    return NVA_OK;
}

/* A name as objects have it. */
static enum nva_reason
read_name(struct api_reader *rd, const json_t *vm, char name[NVA_NAME_MAX])
{
    const json_t *value = json_object_get(vm, "name");
    const char *s = json_string_value(value);

    if (!s) {
        return api_fail(rd, value ? NVA_R_JSON_TYPE : NVA_R_MISSING_FIELD,
                        "name");
    } else if (!nva_name_is_valid(s)) {
        return api_fail(rd, NVA_R_BAD_NAME, "name");
    }
    ovs_strlcpy(name, s, NVA_NAME_MAX);
    return NVA_OK;
}

static enum nva_reason
add_if(struct nva_inventory *inventory, const char *vm,
       const struct nva_request_if *nif, bool has_ips)
{
    struct nva_inventory_if *to = nva_inventory_add(inventory);

    if (!to) {
        return NVA_R_LIMIT;
    }
    ovs_strlcpy(to->vm, vm, sizeof to->vm);
    ovs_strlcpy(to->name, nif->name, sizeof to->name);
    ovs_strlcpy(to->vn, nif->vn, sizeof to->vn);
    ovs_strlcpy(to->nve, nif->nve, sizeof to->nve);
    ovs_strlcpy(to->port, nif->port, sizeof to->port);
    to->mac = nif->mac;
    to->has_ips = has_ips;
    to->n_ips = nif->n_ips;
    memcpy(to->ips, nif->ips, sizeof to->ips);
    return NVA_OK;
}

static enum nva_reason
read_if(struct api_reader *rd, const char *vm, const json_t *json,
        struct nva_inventory *inventory)
{
    struct nva_request_if nif;
    enum nva_reason reason;

    if (!json_is_object(json)) {
        return NVA_R_JSON_TYPE;
    }
    memset(&nif, 0, sizeof nif);
    reason = api_read_object(rd, &api_if_schema, json, &nif);
    if (!reason && eth_addr_is_zero(nif.mac)) {
        reason = api_fail(rd, NVA_R_MISSING_FIELD, "mac");
    }
    return reason ? reason
           : add_if(inventory, vm, &nif, json_object_get(json, "ips"));
}

static enum nva_reason
read_ifs(struct api_reader *rd, const char *vm, const json_t *ifs,
         struct nva_inventory *inventory)
{
    const size_t n = strlen(rd->prefix);
    size_t i;
    json_t *json;

    json_array_foreach (ifs, i, json) {
        enum nva_reason reason;

        snprintf(rd->prefix + n, sizeof rd->prefix - n,
                 "interfaces[%"PRIuSIZE"].", i);
        reason = read_if(rd, vm, json, inventory);
        if (reason) {
            return api_fail(rd, reason, "");
        }
        rd->prefix[n] = '\0';
    }
    return NVA_OK;
}

static enum nva_reason
read_vm(struct api_reader *rd, const json_t *vm,
        struct nva_inventory *inventory)
{
    const json_t *ifs = json_object_get(vm, "interfaces");
    struct nva_request_if none;
    char name[NVA_NAME_MAX];
    enum nva_reason reason;

    if (!json_is_object(vm)) {
        return NVA_R_JSON_TYPE;
    }
    reason = read_name(rd, vm, name);
    if (reason) {
        return reason;
    } else if (ifs && !json_is_array(ifs)) {
        return api_fail(rd, NVA_R_JSON_TYPE, "interfaces");
    } else if (json_array_size(ifs)) {
        return read_ifs(rd, name, ifs, inventory);
    }
    memset(&none, 0, sizeof none);
    return add_if(inventory, name, &none, false);
}
