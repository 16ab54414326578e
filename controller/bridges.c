/* SPDX-License-Identifier: Apache-2.0 */

/* The bridges that are connected.  Must never know what is done with them.
 * Invariant: a bridge is under both its keys, or nowhere. */

#include <config.h>

#include "bridges.h"

#include <string.h>

#include "hash.h"
#include "openvswitch/util.h"
#include "util.h"

void
bridges_init(struct bridges *bs)
{
    hmap_init(&bs->by_channel);
    hmap_init(&bs->by_dpid);
    bs->n_unclaimed = 0;
}

void
bridges_uninit(struct bridges *bs)
{
    struct bridge *br;

    HMAP_FOR_EACH_SAFE (br, channel_node, &bs->by_channel) {
        bridges_remove(bs, br);
    }
    hmap_destroy(&bs->by_channel);
    hmap_destroy(&bs->by_dpid);
}

struct bridge *
bridges_by_channel(const struct bridges *bs, void *channel)
{
    struct bridge *br;

    HMAP_FOR_EACH_WITH_HASH (br, channel_node, hash_pointer(channel, 0),
                             &bs->by_channel) {
        if (br->channel == channel) {
            return br;
        }
    }
    return NULL;
}

struct bridge *
bridges_by_dpid(const struct bridges *bs, uint64_t dpid)
{
    struct bridge *br;

    HMAP_FOR_EACH_WITH_HASH (br, dpid_node, hash_uint64(dpid),
                             &bs->by_dpid) {
        if (br->dpid == dpid) {
            return br;
        }
    }
    return NULL;
}

struct bridge *
bridges_add(struct bridges *bs, void *channel, uint64_t dpid,
            const char *peer)
{
    struct bridge *br = xzalloc(sizeof *br);

    br->channel = channel;
    br->dpid = dpid;
    ovs_strzcpy(br->peer, peer, sizeof br->peer);
    br->inlet = inlet_create();
    hmap_init(&br->ports);
    hmap_insert(&bs->by_channel, &br->channel_node, hash_pointer(channel, 0));
    hmap_insert(&bs->by_dpid, &br->dpid_node, hash_uint64(dpid));
    bs->n_unclaimed++;
    return br;
}

void
bridges_remove(struct bridges *bs, struct bridge *br)
{
    struct bridge_port *p;

    HMAP_FOR_EACH_POP (p, node, &br->ports) {
        free(p);
    }
    inlet_destroy(br->inlet);
    hmap_destroy(&br->ports);
    hmap_remove(&bs->by_channel, &br->channel_node);
    hmap_remove(&bs->by_dpid, &br->dpid_node);
    bs->n_unclaimed -= br->nve == NVA_ID_NONE;
    free(br);
}

void
bridge_put_port(struct bridge *br, const struct nva_port *port, bool gone)
{
    uint32_t hash = hash_string(port->name, 0);
    struct bridge_port *p;

    HMAP_FOR_EACH_WITH_HASH (p, node, hash, &br->ports) {
        if (!strcmp(p->port.name, port->name)) {
            break;
        }
    }
    if (gone) {
        if (p) {
            hmap_remove(&br->ports, &p->node);
            free(p);
        }
        return;
    }
    if (!p) {
        if (hmap_count(&br->ports) >= NVA_PORTS_PER_NVE_MAX) {
            return;             /* A switch that invents ports. */
        }
        p = xzalloc(sizeof *p);
        hmap_insert(&br->ports, &p->node, hash);
    }
    p->port = *port;
}

size_t
bridge_memory(const struct bridge *br)
{
    return hmap_count(&br->ports) * sizeof(struct bridge_port);
}

struct nva_port *
bridge_ports(const struct bridge *br, size_t *n)
{
    struct nva_port *ports = xcalloc(hmap_count(&br->ports) + 1,
                                     sizeof *ports);
    const struct bridge_port *p;

    *n = 0;
    HMAP_FOR_EACH (p, node, &br->ports) {
        ports[(*n)++] = p->port;
    }
    return ports;
}
