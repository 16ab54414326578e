/* SPDX-License-Identifier: Apache-2.0 */

/* The directory: look-ups, walks, what each delta dirties and in which order,
 * versions, flooding ports, and random churn against directory_check(). */

#include <config.h>

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "directory.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "util.h"

/* Ids of the small world that most tests use. */
enum {
    BLUE = 1, RED = 2,                  /* VNs. */
    HV1 = 11, HV2 = 12, HV3 = 13,       /* NVEs. */
    VAP1 = 21, VAP2 = 22, VAP3 = 23,    /* Blue: tap1 at each. */
    VM1 = 31, TSI1 = 41,
};

static struct directory *d;
static struct nva_dirty_list dirty;
static struct ds seen;

static void
apply(const struct nva_delta *delta)
{
    uint64_t version = directory_version(d);

    nva_dirty_clear(&dirty);
    directory_apply(d, delta, &dirty);
    ck_assert_uint_eq(directory_version(d), version + 1);
}

/* The dirty list of the last apply as "NVE:kindID ...". */
static const char *
dirt(void)
{
    ds_clear(&seen);
    for (size_t i = 0; i < dirty.n; i++) {
        const struct nva_dirty *x = &dirty.a[i];

        ds_put_format(&seen, "%s%d:%s%d", i ? " " : "", (int) x->nve,
                      nva_owner_kind_word(x->owner.kind), (int) x->owner.id);
    }
    return ds_cstr(&seen);
}

static void
del(enum nva_delta_type type, nva_id id)
{
    struct nva_delta delta = { .type = type, .id = id };

    apply(&delta);
}

static struct nva_vn
vn_of(nva_id id, uint32_t vni)
{
    struct nva_vn vn = { .id = id, .vni = vni, .redirect_timeout = 10 };

    snprintf(vn.name, sizeof vn.name, "vn%d", (int) id);
    return vn;
}

static void
put_vn(const struct nva_vn *vn)
{
    struct nva_delta delta = { .type = NVA_DELTA_VN_PUT, .id = vn->id };

    delta.vn = *vn;
    apply(&delta);
}

static struct nva_nve
nve_of(nva_id id)
{
    struct nva_nve nve = { .id = id, .dpid = 0x100 + id };

    snprintf(nve.name, sizeof nve.name, "hv%d", (int) id);
    nve.tunnel_ip = in6_addr_mapped_ipv4(htonl(0xac1f0000 + id));
    return nve;
}

static void
put_nve(const struct nva_nve *nve)
{
    struct nva_delta delta = { .type = NVA_DELTA_NVE_PUT, .id = nve->id };

    delta.nve = *nve;
    apply(&delta);
}

static void
put_port(nva_id nve, const char *name, nva_ofport ofport)
{
    struct nva_delta delta = { .type = NVA_DELTA_PORT_PUT };

    delta.port.nve = nve;
    delta.port.ofport = ofport;
    ovs_strlcpy(delta.port.name, name, sizeof delta.port.name);
    apply(&delta);
}

static void
del_port(nva_id nve, const char *name)
{
    struct nva_delta delta = { .type = NVA_DELTA_PORT_DEL };

    delta.port.nve = nve;
    ovs_strlcpy(delta.port.name, name, sizeof delta.port.name);
    apply(&delta);
}

static void
put_vap(nva_id id, nva_id nve, const char *port, nva_id vn, bool implied)
{
    struct nva_delta delta = { .type = NVA_DELTA_VAP_PUT, .id = id };

    delta.vap.id = id;
    delta.vap.nve = nve;
    delta.vap.vn = vn;
    delta.vap.implied = implied;
    ovs_strlcpy(delta.vap.port, port, sizeof delta.vap.port);
    apply(&delta);
}

static void
put_vm(nva_id id, nva_id move, enum nva_origin origin)
{
    struct nva_delta delta = { .type = NVA_DELTA_VM_PUT, .id = id };

    delta.vm = (struct nva_vm) {
        .id = id, .state = NVA_VM_RUNNING, .move = move, .origin = origin,
    };
    snprintf(delta.vm.name, sizeof delta.vm.name, "vm%d", (int) id);
    apply(&delta);
}

static struct nva_place
at(nva_id nve, const char *port)
{
    struct nva_place place = { .nve = nve };

    ovs_strlcpy(place.port, port, sizeof place.port);
    return place;
}

static struct in6_addr
ip_of(uint32_t n)
{
    return in6_addr_mapped_ipv4(htonl(0x0a000000 + n));
}

/* Interface 'id' of 'vm' in 'vn', at one place, with one address. */
static struct nva_tsi
tsi_of(nva_id id, nva_id vm, nva_id vn, struct nva_place place)
{
    struct nva_tsi t = {
        .id = id, .vm = vm, .vn = vn, .name = "eth0",
        .mac = ETH_ADDR_C(02,00,00,00,00,00), .n_ips = 1,
        .current = place, .published = place,
    };

    t.mac.ea[4] = id >> 8;
    t.mac.ea[5] = id;
    t.ips[0] = ip_of(id);
    return t;
}

static void
put_tsi(const struct nva_tsi *t)
{
    struct nva_delta delta = { .type = NVA_DELTA_TSI_PUT, .id = t->id };

    delta.tsi = *t;
    apply(&delta);
}

static void
put_redirect(nva_id id, nva_id tsi, nva_id from, nva_id to)
{
    struct nva_delta delta = { .type = NVA_DELTA_REDIRECT_PUT, .id = id };

    delta.redirect = (struct nva_redirect) {
        .id = id, .tsi = tsi, .at = from, .to = to,
    };
    apply(&delta);
}

static void
put_move(nva_id id, nva_id vm, enum nva_move_state state)
{
    struct nva_delta delta = { .type = NVA_DELTA_MOVE_PUT, .id = id };

    delta.move = (struct nva_move) { .id = id, .vm = vm, .state = state };
    apply(&delta);
}

static uint64_t
version_of(enum nva_owner_kind kind, nva_id id)
{
    return directory_owner_version(d, (struct nva_owner) { kind, id });
}

static bool
floods(nva_id vap)
{
    const struct nva_vap *v = directory_vap(d, vap);

    return (directory_port(d, v->nve, v->port)
            && !directory_is_quiet(d, v));
}

/* Two VNs; three NVEs with a tunnel port and tap1 in blue; one VM at hv1. */
static void
setup(void)
{
    struct nva_vn blue = vn_of(BLUE, 100), red = vn_of(RED, 200);

    d = directory_create();
    nva_dirty_init(&dirty);
    ds_init(&seen);
    put_vn(&blue);
    put_vn(&red);
    for (int i = 0; i < 3; i++) {
        struct nva_nve nve = nve_of(HV1 + i);

        put_nve(&nve);
        put_port(nve.id, "vxlan0", 1);
        put_port(nve.id, "tap1", 5);
        put_vap(VAP1 + i, nve.id, "tap1", BLUE, false);
    }
    put_vm(VM1, NVA_ID_NONE, NVA_ORIGIN_CONFIGURED);
    struct nva_tsi t = tsi_of(TSI1, VM1, BLUE, at(HV1, "tap1"));
    put_tsi(&t);
}

static void
teardown(void)
{
    ck_assert_ptr_eq(directory_check(d), NULL);
    directory_destroy(d);
    nva_dirty_uninit(&dirty);
    ds_destroy(&seen);
}

struct ids {
    size_t n;
    nva_id a[64];
};

/* Every object of the directory that is walked begins with its id. */
static bool
id_cb(const void *object, void *ids_)
{
    struct ids *ids = ids_;

    ids->a[ids->n++] = *(const nva_id *) object;
    return ids->n < ARRAY_SIZE(ids->a);
}

static bool
one_cb(const void *object OVS_UNUSED, void *n)
{
    ++*(int *) n;
    return false;
}

static bool
any_n_cb(const void *object OVS_UNUSED, void *n)
{
    ++*(size_t *) n;
    return true;
}

START_TEST(test_ids)
{
    ck_assert_uint_eq(directory_next_id(d), TSI1 + 1);
    put_vm(1000, NVA_ID_NONE, NVA_ORIGIN_CONFIGURED);
    ck_assert_uint_eq(directory_next_id(d), 1001);
    del(NVA_DELTA_VM_DEL, 1000);
    ck_assert_uint_eq(directory_next_id(d), 1001);
    directory_destroy(NULL);
}
END_TEST

START_TEST(test_lookups)
{
    const struct eth_addr mac = tsi_of(TSI1, VM1, BLUE, at(0, "")).mac;
    struct in6_addr ip = ip_of(TSI1), other = ip_of(9);

    ck_assert_uint_eq(directory_vn(d, RED)->vni, 200);
    ck_assert_uint_eq(directory_vn_by_name(d, "vn1")->id, BLUE);
    ck_assert_uint_eq(directory_vn_by_vni(d, 200)->id, RED);
    ck_assert_ptr_eq(directory_vn_by_vni(d, 201), NULL);
    ck_assert_uint_eq(directory_nve_by_name(d, "hv12")->id, HV2);
    ck_assert_uint_eq(directory_nve_by_dpid(d, 0x100 + HV3)->id, HV3);
    ck_assert_ptr_eq(directory_nve_by_dpid(d, 7), NULL);
    ck_assert_uint_eq(directory_port(d, HV1, "tap1")->ofport, 5);
    ck_assert_ptr_eq(directory_port(d, HV1, "tap2"), NULL);
    ck_assert_str_eq(directory_port_by_ofport(d, HV2, 5)->name, "tap1");
    ck_assert_str_eq(directory_tunnel_port(d, HV2)->name, "vxlan0");
    ck_assert_uint_eq(directory_vm_by_name(d, "vm31")->id, VM1);
    ck_assert_uint_eq(directory_tsi_by_mac(d, BLUE, mac)->id, TSI1);
    ck_assert_ptr_eq(directory_tsi_by_mac(d, RED, mac), NULL);
    ck_assert_uint_eq(directory_tsi_by_ip(d, BLUE, &ip)->id, TSI1);
    ck_assert_ptr_eq(directory_tsi_by_ip(d, RED, &ip), NULL);
    ck_assert_ptr_eq(directory_tsi_by_ip(d, BLUE, &other), NULL);
    ck_assert_uint_eq(directory_n_vns(d), 2);
    ck_assert_uint_eq(directory_n_nves(d), 3);
    ck_assert_uint_eq(directory_n_vms(d), 1);
    ck_assert_uint_eq(directory_n_nves_of_vn(d, BLUE), 3);
    ck_assert_uint_eq(directory_n_nves_of_vn(d, RED), 0);
    ck_assert_uint_eq(directory_n_vaps(d, HV1), 1);
    ck_assert(directory_nve_serves(d, HV1, BLUE));
    ck_assert(!directory_nve_serves(d, HV1, RED));
}
END_TEST

/* A VAP with a MAC goes before the port's. */
START_TEST(test_vap_by_mac)
{
    const struct eth_addr a = ETH_ADDR_C(02,00,00,00,00,0a);
    const struct eth_addr b = ETH_ADDR_C(02,00,00,00,00,0b);
    struct nva_delta delta = { .type = NVA_DELTA_VAP_PUT, .id = 90 };

    delta.vap = (struct nva_vap) {
        .id = 90, .nve = HV1, .port = "tap1", .has_mac = true, .mac = a,
        .vn = RED,
    };
    apply(&delta);
    ck_assert_uint_eq(directory_vap_for(d, HV1, "tap1", a)->id, 90);
    ck_assert_uint_eq(directory_vap_for(d, HV1, "tap1", b)->id, VAP1);
    ck_assert_uint_eq(directory_vap_by_key(d, HV1, "tap1", true, a)->id, 90);
    ck_assert_ptr_eq(directory_vap_by_key(d, HV1, "tap1", true, b), NULL);
    del(NVA_DELTA_VAP_DEL, VAP1);
    ck_assert_ptr_eq(directory_vap_for(d, HV1, "tap1", b), NULL);
}
END_TEST

/* The lowest-numbered vx*, unless the NVE names one. */
START_TEST(test_tunnel_port)
{
    struct nva_nve nve = nve_of(HV1);

    put_port(HV1, "vxlan9", 9);
    ck_assert_str_eq(dirt(), "");
    ck_assert_uint_eq(directory_tunnel_port(d, HV1)->ofport, 1);
    ovs_strlcpy(nve.tunnel_port, "vxlan9", sizeof nve.tunnel_port);
    put_nve(&nve);
    ck_assert_str_eq(dirt(),
                     "11:base11 11:vn1 11:flood1 11:vap21 11:quiet21 11:tsi41 "
                     "11:address41");
    ck_assert_uint_eq(directory_tunnel_port(d, HV1)->ofport, 9);
    del_port(HV1, "vxlan9");
    ck_assert_ptr_eq(directory_tunnel_port(d, HV1), NULL);
    ck_assert_str_eq(dirt(),
                     "11:base11 11:vn1 11:flood1 11:vap21 11:quiet21 11:tsi41 "
                     "11:address41");
    nve.tunnel_port[0] = '\0';
    put_nve(&nve);
    ck_assert_uint_eq(directory_tunnel_port(d, HV1)->ofport, 1);
}
END_TEST

/* By id, whatever the order they came in; early return. */
START_TEST(test_walks)
{
    struct nva_nve nve = nve_of(5);
    struct ids ids = { .n = 0 };
    int n = 0;

    put_nve(&nve);
    put_vap(90, HV3, "tap3", RED, false);
    put_vap(6, HV3, "tap2", BLUE, false);
    put_vap(7, 5, "tap2", BLUE, false);
    directory_each_nve(d, id_cb, &ids);
    ck_assert_uint_eq(ids.n, 4);
    ck_assert_uint_eq(ids.a[0], 5);
    ck_assert_uint_eq(ids.a[3], HV3);
    ids.n = 0;
    directory_each_nve_of_vn(d, BLUE, id_cb, &ids);
    ck_assert_uint_eq(ids.n, 4);
    ck_assert_uint_eq(ids.a[0], 5);
    ids.n = 0;
    directory_each_vap(d, HV3, id_cb, &ids);
    ck_assert_uint_eq(ids.n, 3);
    ck_assert_uint_eq(ids.a[0], 6);
    ck_assert_uint_eq(ids.a[1], VAP3);
    ck_assert_uint_eq(ids.a[2], 90);
    ids.n = 0;
    directory_each_vap_of_vn(d, HV3, RED, id_cb, &ids);
    ck_assert_uint_eq(ids.n, 1);
    ids.n = 0;
    directory_each_vn_of_nve(d, HV3, id_cb, &ids);
    ck_assert_uint_eq(ids.n, 2);
    directory_each_nve(d, one_cb, &n);
    directory_each_vap(d, 999, one_cb, &n);
    ck_assert_int_eq(n, 1);
}
END_TEST

/* An interface with two ports at one NVE is met once there. */
START_TEST(test_walk_places)
{
    struct nva_tsi t = *directory_tsi(d, TSI1);
    struct ids ids = { .n = 0 };

    t.prepared = at(HV1, "tap7");
    put_tsi(&t);
    directory_each_tsi_at(d, HV1, NULL, id_cb, &ids);
    ck_assert_uint_eq(ids.n, 1);
    directory_each_tsi_at(d, HV1, "tap7", id_cb, &ids);
    directory_each_tsi_at(d, HV1, "tap1", id_cb, &ids);
    ck_assert_uint_eq(ids.n, 3);
    directory_each_tsi_at(d, HV1, "tap8", id_cb, &ids);
    directory_each_tsi_at(d, HV2, NULL, id_cb, &ids);
    ck_assert_uint_eq(ids.n, 3);
    directory_each_tsi_of_vm(d, VM1, id_cb, &ids);
    directory_each_tsi_of_vn(d, BLUE, id_cb, &ids);
    ck_assert_uint_eq(ids.n, 5);
}
END_TEST

static size_t
learned_at(nva_id nve, const char *port)
{
    const struct nva_place place = at(nve, port);

    return directory_n_learned_at(d, &place, BLUE);
}

/* A host that was learned at 'nve', 'port', and heard at 'heard' last. */
static nva_id
learn(uint8_t n, nva_id nve, const char *port, nva_usec heard)
{
    struct nva_tsi t = tsi_of(TSI1 + n, VM1 + n, BLUE, at(nve, port));

    put_vm(t.vm, NVA_ID_NONE, NVA_ORIGIN_LEARNED);
    t.heard = heard;
    put_tsi(&t);
    return t.id;
}

static nva_id
silent_at(nva_id nve, const char *port, nva_usec since)
{
    const struct nva_place place = at(nve, port);
    const struct nva_tsi *t = directory_silent_at(d, &place, BLUE, since);

    return t ? t->id : NVA_ID_NONE;
}

static nva_id
silent(size_t more_than, nva_usec since)
{
    const struct nva_tsi *t = directory_silent_at_fullest(d, BLUE, more_than,
                                                          since);

    ck_assert_ptr_eq(directory_check(d), NULL);
    return t ? t->id : NVA_ID_NONE;
}

START_TEST(test_learned_at)
{
    learn(1, HV1, "tap1", 0);
    ck_assert_uint_eq(learned_at(HV1, "tap1"), 1);
    ck_assert_uint_eq(directory_n_learned(d, BLUE), 1);
    put_vm(VM1 + 1, NVA_ID_NONE, NVA_ORIGIN_CONFIGURED);
    ck_assert_uint_eq(learned_at(HV1, "tap1"), 0);
    ck_assert_uint_eq(directory_n_learned(d, BLUE), 0);
    ck_assert_uint_eq(learned_at(HV1, "tap9"), 0);
    ck_assert_uint_eq(silent_at(HV1, "tap1", 100), NVA_ID_NONE);
}
END_TEST

/* The longest silent host of the fullest port, of those that have one. */
START_TEST(test_silent)
{
    struct nva_tsi t;

    ck_assert_uint_eq(silent(0, 100), NVA_ID_NONE);
    learn(1, HV1, "tap1", 30);
    learn(2, HV1, "tap1", 20);
    learn(3, HV1, "tap1", 40);
    learn(4, HV2, "tap1", 10);
    learn(5, HV2, "tap1", 5);
    ck_assert_uint_eq(silent_at(HV1, "tap1", 100), TSI1 + 2);
    ck_assert_uint_eq(silent_at(HV1, "tap1", 20), TSI1 + 2);
    ck_assert_uint_eq(silent_at(HV1, "tap1", 19), NVA_ID_NONE);
    ck_assert_uint_eq(silent(0, 100), TSI1 + 2);
    ck_assert_uint_eq(silent(0, 19), TSI1 + 5);
    ck_assert_uint_eq(silent(1, 19), TSI1 + 5);
    ck_assert_uint_eq(silent(2, 19), NVA_ID_NONE);
    ck_assert_uint_eq(silent(3, 100), NVA_ID_NONE);

    /* Heard again; moved to the other port, which is the fullest now. */
    t = *directory_tsi(d, TSI1 + 2);
    t.heard = 90;
    put_tsi(&t);
    ck_assert_uint_eq(silent(0, 100), TSI1 + 1);
    t.current = t.published = at(HV2, "tap1");
    put_tsi(&t);
    ck_assert_uint_eq(silent(0, 100), TSI1 + 5);
    ck_assert_uint_eq(silent_at(HV2, "tap1", 100), TSI1 + 5);
}
END_TEST

/* Nor is one that was configured since, is frozen, or has a move. */
START_TEST(test_who_is_never_silent)
{
    struct nva_tsi t = *directory_tsi(d, learn(1, HV1, "tap1", 1));

    ck_assert_uint_eq(silent(0, 100), TSI1 + 1);
    t.frozen = true;
    put_tsi(&t);
    ck_assert_uint_eq(silent(0, 100), NVA_ID_NONE);
    ck_assert_uint_eq(silent_at(HV1, "tap1", 100), NVA_ID_NONE);
    t.frozen = false;
    put_tsi(&t);
    ck_assert_uint_eq(silent(0, 100), TSI1 + 1);

    put_move(80, VM1 + 1, NVA_MS_PREPARED);
    put_vm(VM1 + 1, 80, NVA_ORIGIN_LEARNED);
    ck_assert_uint_eq(silent(0, 100), NVA_ID_NONE);
    ck_assert_uint_eq(directory_n_learned(d, BLUE), 1);
    put_vm(VM1 + 1, NVA_ID_NONE, NVA_ORIGIN_LEARNED);
    put_move(80, VM1 + 1, NVA_MS_DONE);
    ck_assert_uint_eq(silent(0, 100), TSI1 + 1);
    put_vm(VM1 + 1, NVA_ID_NONE, NVA_ORIGIN_CONFIGURED);
    ck_assert_uint_eq(silent(0, 100), NVA_ID_NONE);
}
END_TEST

/* Nor one that has a frozen address, as long as it is frozen and its own. */
START_TEST(F7_who_has_a_frozen_address_is_never_silent)
{
    struct nva_delta delta = { .type = NVA_DELTA_LEASE_PUT };
    struct nva_tsi t = *directory_tsi(d, learn(1, HV1, "tap1", 1));

    delta.lease = *directory_lease(d, t.id, &t.ips[0]);
    delta.lease.frozen = true;
    apply(&delta);
    ck_assert_uint_eq(silent(0, 100), NVA_ID_NONE);
    ck_assert_uint_eq(silent_at(HV1, "tap1", 100), NVA_ID_NONE);
    t.heard = 2;
    put_tsi(&t);
    put_vm(t.vm, NVA_ID_NONE, NVA_ORIGIN_LEARNED);
    ck_assert_uint_eq(silent(0, 100), NVA_ID_NONE);
    ck_assert_ptr_null(directory_check(d));
    delta.lease.frozen = false;
    apply(&delta);
    ck_assert_uint_eq(silent(0, 100), TSI1 + 1);
    delta.lease.frozen = true;
    apply(&delta);
    ck_assert_uint_eq(silent(0, 100), NVA_ID_NONE);
    t.n_ips = 0;
    put_tsi(&t);
    ck_assert_uint_eq(silent(0, 100), TSI1 + 1);
    ck_assert_ptr_null(directory_check(d));
}
END_TEST

/* Who is off does not listen: one more costs no walk over all the others, for
 * which the test would take too long. */
START_TEST(test_a_crowded_port_is_not_walked)
{
    enum { N = 30000 };

    put_vap(200, HV2, "tap8", BLUE, true);
    put_port(HV2, "tap8", 8);
    for (int i = 0; i < N; i++) {
        struct nva_tsi t = tsi_of(100000 + i, 200000 + i, BLUE,
                                  at(HV2, "tap8"));

        put_vm(t.vm, NVA_ID_NONE, NVA_ORIGIN_CONFIGURED);
        t.mac = (struct eth_addr) { .ea = { 2, 2, 0, i >> 16, i >> 8, i } };
        t.n_ips = 0;
        t.paused = true;
        put_tsi(&t);
    }
    ck_assert(!floods(200));
}
END_TEST

/* A nested guest's MAC is found where it is; who may have it, where it may
 * be. */
START_TEST(test_nested)
{
    const struct eth_addr mac = ETH_ADDR_C(02,07,00,00,00,07);
    const struct nva_place here = at(HV1, "tap1"), there = at(HV2, "tap1");
    const struct nva_place nowhere = at(HV3, "tap1");
    struct nva_tsi a = *directory_tsi(d, TSI1);
    struct nva_tsi b = tsi_of(TSI1 + 1, VM1 + 1, BLUE, there);
    struct nva_tsi c = tsi_of(TSI1 + 2, VM1 + 1, BLUE, there);
    size_t n = 0;

    put_vm(b.vm, NVA_ID_NONE, NVA_ORIGIN_CONFIGURED);
    a.n_allowed = b.n_allowed = c.n_allowed = 1;
    a.allowed[0] = b.allowed[0] = c.allowed[0] = mac;
    put_tsi(&b);
    put_tsi(&a);
    ck_assert_ptr_eq(directory_tsi_by_mac(d, BLUE, mac), NULL);
    ck_assert_ptr_eq(directory_tsi_speaking(d, &nowhere, BLUE, mac),
                     NULL);
    ck_assert_uint_eq(directory_tsi_speaking(d, &here, BLUE, mac)->id, TSI1);
    ck_assert_uint_eq(directory_tsi_allowing(d, &there, BLUE, mac)->id, b.id);
    ck_assert_ptr_eq(directory_tsi_allowing(d, &there, RED, mac), NULL);
    directory_each_tsi_allowing(d, BLUE, mac, any_n_cb, &n);
    ck_assert_uint_eq(n, 2);

    /* Elsewhere nothing changes; at its own port, who admits the guest. */
    a.nested = 1;
    put_tsi(&a);
    ck_assert_str_eq(dirt(), "11:tsi41 12:tsi41 13:tsi41");
    c.current = c.published = here;
    put_tsi(&c);
    a.nested = 0;
    put_tsi(&a);
    ck_assert_str_eq(dirt(), "11:tsi41 12:tsi41 13:tsi41 11:tsi43");
    a.nested = 1;
    put_tsi(&a);
    ck_assert_uint_eq(directory_tsi_by_mac(d, BLUE, mac)->id, TSI1);
    ck_assert_uint_eq(directory_tsi_speaking(d, &there, BLUE, mac)->id, b.id);
    ck_assert_ptr_eq(directory_tsi_by_mac(d, RED, mac), NULL);
    ck_assert_ptr_eq(directory_check(d), NULL);
    a.nested = 0;
    a.n_allowed = 0;
    put_tsi(&a);
    ck_assert_ptr_eq(directory_tsi_by_mac(d, BLUE, mac), NULL);
}
END_TEST

START_TEST(test_check_compares_stopped_with_the_vm)
{
    struct nva_tsi t = *directory_tsi(d, TSI1);

    t.stopped = true;
    put_tsi(&t);
    ck_assert_ptr_ne(directory_check(d), NULL);
    t.stopped = false;
    put_tsi(&t);
}
END_TEST

START_TEST(test_dirty_vn)
{
    struct nva_vn blue = vn_of(BLUE, 100);
    struct nva_vn green = vn_of(3, 300);

    put_vn(&green);
    ck_assert_str_eq(dirt(), "");
    blue.redirect_timeout = 20;
    put_vn(&blue);
    ck_assert_str_eq(dirt(), "");
    blue.binding = NVA_BINDING_LEARN;
    put_vn(&blue);
    ck_assert_str_eq(dirt(),
                     "11:vn1 11:flood1 11:vap21 11:quiet21 "
                     "11:tsi41 11:address41 "
                     "12:vn1 12:flood1 12:vap22 12:quiet22 "
                     "12:tsi41 12:address41 "
                     "13:vn1 13:flood1 13:vap23 13:quiet23 "
                     "13:tsi41 13:address41");
    del(NVA_DELTA_VN_DEL, 3);
    ck_assert_str_eq(dirt(), "");
    ck_assert_ptr_eq(directory_vn_by_vni(d, 300), NULL);
}
END_TEST

/* A1: who sends to a changed address, and nobody else. */
START_TEST(test_A1_dirty_nve)
{
    struct nva_nve nve = nve_of(HV1), lone = nve_of(14);

    nve.connected = true;
    nve.session = 7;
    put_nve(&nve);
    ck_assert_str_eq(dirt(), "");
    put_nve(&lone);
    ck_assert_str_eq(dirt(), "14:base14");
    put_redirect(70, TSI1, HV3, HV1);
    nve.tunnel_ip = ip_of(99);
    put_nve(&nve);
    ck_assert_str_eq(dirt(),
                     "11:base11 12:flood1 13:flood1 12:tsi41 13:tsi41 "
                     "13:redirect70");
    put_port(14, "eth9", 4);
    del(NVA_DELTA_NVE_DEL, 14);
    ck_assert_str_eq(dirt(), "14:base14");
    ck_assert_ptr_eq(directory_port(d, 14, "eth9"), NULL);
    ck_assert_uint_eq(version_of(NVA_OWNER_BASE, 14), directory_version(d));
    del(NVA_DELTA_REDIRECT_DEL, 70);
}
END_TEST

START_TEST(test_dirty_port)
{
    put_port(HV1, "tap1", 5);
    ck_assert_str_eq(dirt(), "");
    put_port(HV1, "tap1", 6);
    ck_assert_str_eq(dirt(),
                     "11:flood1 11:vap21 11:quiet21 11:tsi41");
    ck_assert_ptr_eq(directory_port_by_ofport(d, HV1, 5), NULL);
    put_port(HV1, "eth7", 7);
    ck_assert_str_eq(dirt(), "");
    del_port(HV1, "tap1");
    ck_assert_str_eq(dirt(),
                     "11:flood1 11:vap21 11:quiet21 11:tsi41 11:address41 "
                     "12:address41 13:address41");
    del_port(HV1, "tap1");
    ck_assert_str_eq(dirt(), "");
    put_port(HV1, "vxlan0", 9);
    ck_assert_str_eq(dirt(),
                     "11:base11 11:vn1 11:flood1 11:vap21 11:quiet21 11:tsi41 "
                     "11:address41");
}
END_TEST

/* Two ports swap their numbers: OVS reuses numbers and names. */
START_TEST(test_ofport_reused)
{
    put_port(HV1, "tap2", 6);
    put_port(HV1, "tap2", 5);
    ck_assert_str_eq(dirt(),
                     "11:flood1 11:vap21 11:quiet21 11:tsi41 11:address41 "
                     "12:address41 13:address41");
    ck_assert_ptr_eq(directory_port(d, HV1, "tap1"), NULL);
    put_port(HV1, "tap1", 6);
    ck_assert_str_eq(directory_port_by_ofport(d, HV1, 6)->name, "tap1");
    ck_assert_str_eq(directory_port_by_ofport(d, HV1, 5)->name, "tap2");
}
END_TEST

START_TEST(test_dirty_vap)
{
    put_vap(90, HV1, "tap2", BLUE, false);
    ck_assert_str_eq(dirt(),
                     "11:flood1 11:vap90 11:quiet90");
    put_vap(90, HV1, "tap2", BLUE, false);
    ck_assert_str_eq(dirt(), "");
    put_vap(90, HV1, "tap2", BLUE, true);
    ck_assert_str_eq(dirt(),
                     "11:flood1 11:vap90 11:quiet90");
    put_vap(90, HV1, "tap2", RED, true);
    ck_assert_str_eq(dirt(),
                     "11:flood1 11:vap90 11:quiet90 11:vn2 11:flood2");
    put_vap(91, HV2, "tap2", RED, false);
    ck_assert_str_eq(dirt(),
                     "12:vn2 12:flood2 12:vap91 12:quiet91 11:flood2");
    del(NVA_DELTA_VAP_DEL, VAP1);
    ck_assert_str_eq(dirt(),
                     "11:vn1 11:flood1 11:vap21 11:quiet21 "
                     "11:tsi41 11:address41 "
                     "12:flood1 13:flood1");
    ck_assert(!directory_nve_serves(d, HV1, BLUE));
    put_vap(VAP1, HV1, "tap1", BLUE, false);
    ck_assert_str_eq(dirt(),
                     "11:vn1 11:flood1 11:vap21 11:quiet21 "
                     "11:tsi41 11:address41 "
                     "12:flood1 13:flood1");
}
END_TEST

/* The first VAP of a VN at an NVE brings all of the VN's interfaces there. */
START_TEST(test_A1_dirty_subscription)
{
    struct nva_nve nve = nve_of(14);

    put_nve(&nve);
    put_vap(90, 14, "tap1", BLUE, false);
    ck_assert_str_eq(dirt(),
                     "14:vn1 14:flood1 14:vap90 14:quiet90 "
                     "14:tsi41 14:address41 "
                     "11:flood1 12:flood1 13:flood1");
    del(NVA_DELTA_VAP_DEL, 90);
    ck_assert_str_eq(dirt(),
                     "14:vn1 14:flood1 14:vap90 14:quiet90 "
                     "14:tsi41 14:address41 "
                     "11:flood1 12:flood1 13:flood1");
}
END_TEST

START_TEST(test_dirty_vm)
{
    put_vm(VM1, NVA_ID_NONE, NVA_ORIGIN_CONFIGURED);
    ck_assert_str_eq(dirt(), "");
    put_vm(32, NVA_ID_NONE, NVA_ORIGIN_CONFIGURED);
    del(NVA_DELTA_VM_DEL, 32);
    ck_assert_str_eq(dirt(), "");
    ck_assert_ptr_eq(directory_vm_by_name(d, "vm32"), NULL);
}
END_TEST

START_TEST(test_dirty_tsi)
{
    struct nva_tsi t = *directory_tsi(d, TSI1);

    put_tsi(&t);
    ck_assert_str_eq(dirt(), "");
    t.ips[t.n_ips++] = ip_of(500);
    put_tsi(&t);
    ck_assert_str_eq(dirt(),
                     "11:tsi41 11:address41 12:address41 13:address41");
    ck_assert_uint_eq(directory_tsi_by_ip(d, BLUE, &t.ips[1])->id, TSI1);
    t.n_ips = 1;
    put_tsi(&t);
    ck_assert_ptr_eq(directory_tsi_by_ip(d, BLUE, &t.ips[1]), NULL);

    /* A second interface on the same flooding port changes no flooding. */
    struct nva_tsi t2 = tsi_of(42, VM1, BLUE, at(HV1, "tap1"));
    put_tsi(&t2);
    ck_assert_str_eq(dirt(),
                     "11:tsi42 12:tsi42 13:tsi42 11:address42 "
                     "12:address42 13:address42");
    del(NVA_DELTA_TSI_DEL, 42);
    ck_assert_str_eq(dirt(),
                     "11:tsi42 12:tsi42 13:tsi42 11:address42 "
                     "12:address42 13:address42");
}
END_TEST

/* The steps of a move, in programming order: the new NVE, the old one, the
 * peers; where a port begins or ceases to get floods, that goes first. */
START_TEST(test_dirty_tsi_moves)
{
    struct nva_tsi t = *directory_tsi(d, TSI1);

    put_vap(VAP3, HV3, "tap1", BLUE, true);
    ck_assert_str_eq(dirt(),
                     "13:flood1 13:vap23 13:quiet23");
    ck_assert(!floods(VAP3));
    t.prepared = at(HV3, "tap1");
    put_tsi(&t);
    ck_assert_str_eq(dirt(),
                     "11:tsi41 13:tsi41");
    ck_assert(!floods(VAP3));

    t.paused = true;
    put_tsi(&t);
    ck_assert_str_eq(dirt(),
                     "11:quiet21 11:tsi41 13:quiet23 13:tsi41");
    ck_assert(floods(VAP3));
    ck_assert(!floods(VAP1));

    t.current = t.prepared;
    t.prepared = at(NVA_ID_NONE, "");
    t.paused = false;
    put_tsi(&t);
    ck_assert_str_eq(dirt(),
                     "13:tsi41 11:quiet21 11:tsi41");
    ck_assert(floods(VAP3));
    ck_assert(floods(VAP1));            /* Peers still send there. */

    t.published = t.current;
    put_tsi(&t);
    ck_assert_str_eq(dirt(),
                     "11:tsi41 13:tsi41 12:tsi41");
    ck_assert(floods(VAP1));            /* Explicit and free again. */
}
END_TEST

START_TEST(test_floods)
{
    struct nva_tsi t = *directory_tsi(d, TSI1);

    ck_assert(floods(VAP1));
    ck_assert(floods(VAP2));            /* Explicit, nobody known there. */
    del_port(HV2, "tap1");
    ck_assert(!floods(VAP2));           /* The port is absent. */
    put_port(HV2, "tap1", 5);
    uint64_t vap_version = version_of(NVA_OWNER_VAP, VAP2);
    t.prepared = at(HV2, "tap1");
    put_tsi(&t);
    ck_assert_str_eq(dirt(),
                     "11:tsi41 12:quiet22 12:tsi41");
    ck_assert_uint_eq(version_of(NVA_OWNER_QUIET, VAP2), directory_version(d));
    ck_assert_uint_eq(version_of(NVA_OWNER_VAP, VAP2), vap_version);
    ck_assert(!floods(VAP2));           /* Only a VM that is not there. */

    /* Another VM that is there. */
    struct nva_tsi t2 = tsi_of(42, VM1, BLUE, at(HV2, "tap1"));
    put_tsi(&t2);
    ck_assert(floods(VAP2));
    t2.vn = RED;
    put_tsi(&t2);
    ck_assert(!floods(VAP2));           /* Not of this VN. */
}
END_TEST

/* The one that says so for its port looks at the others, too. */
START_TEST(test_floods_of_several_vaps)
{
    struct nva_delta declared = { .type = NVA_DELTA_VAP_PUT, .id = 91 };

    put_port(HV2, "tap9", 9);
    put_vap(90, HV2, "tap9", BLUE, true);
    ck_assert(!floods(90));             /* Nobody is there. */
    declared.vap = *directory_vap(d, 90);
    declared.vap.id = 91;
    declared.vap.implied = false;
    declared.vap.has_mac = true;
    declared.vap.mac = (struct eth_addr) ETH_ADDR_C(02,00,00,00,00,09);
    apply(&declared);
    ck_assert(floods(90));
    ck_assert_str_eq(dirt(), "12:flood1 12:vap91 12:quiet91 12:quiet90");
}
END_TEST

/* A place where the VN is not served gets the owner too; a changed VN dirties
 * the old VN's NVEs. */
START_TEST(test_dirty_tsi_vn)
{
    struct nva_tsi t = *directory_tsi(d, TSI1);

    t.vn = RED;
    put_tsi(&t);
    ck_assert_str_eq(dirt(),
                     "11:tsi41 12:tsi41 13:tsi41 11:address41 "
                     "12:address41 13:address41");
    t.n_ips = 0;
    put_tsi(&t);
    ck_assert_str_eq(dirt(), "11:tsi41");
}
END_TEST

START_TEST(test_K5_dirty_redirect)
{
    struct ids ids = { .n = 0 };

    put_redirect(70, TSI1, HV2, HV1);
    ck_assert_str_eq(dirt(), "12:redirect70 12:tsi41");
    ck_assert_uint_eq(version_of(NVA_OWNER_REDIRECT, 70),
                      directory_version(d));
    put_redirect(71, TSI1, HV3, HV1);
    directory_each_redirect_of_tsi(d, TSI1, id_cb, &ids);
    ck_assert_uint_eq(ids.n, 2);
    directory_each_redirect(d, id_cb, &ids);
    ck_assert_uint_eq(ids.n, 4);
    del(NVA_DELTA_REDIRECT_DEL, 70);
    ck_assert_str_eq(dirt(), "12:redirect70 12:tsi41");
    ck_assert_ptr_eq(directory_redirect(d, 70), NULL);
    ck_assert_uint_eq(directory_redirect(d, 71)->at, HV3);

    /* Its match is the interface's MAC. */
    struct nva_tsi t = *directory_tsi(d, TSI1);
    t.mac.ea[1] = 9;
    put_tsi(&t);
    ck_assert_str_eq(dirt(),
                     "11:tsi41 12:tsi41 13:tsi41 11:address41 "
                     "12:address41 13:address41 "
                     "13:redirect71");
    del(NVA_DELTA_REDIRECT_DEL, 71);
}
END_TEST

START_TEST(test_versions)
{
    struct nva_tsi t = *directory_tsi(d, TSI1);
    uint64_t before = version_of(NVA_OWNER_TSI, TSI1);

    ck_assert_uint_gt(before, 0);
    ck_assert_uint_eq(version_of(NVA_OWNER_VN, RED), 0);
    put_vm(VM1, NVA_ID_NONE, NVA_ORIGIN_CONFIGURED);
    put_tsi(&t);
    ck_assert_uint_eq(version_of(NVA_OWNER_TSI, TSI1), before);
    t.n_ips = 0;
    put_tsi(&t);
    ck_assert_uint_eq(version_of(NVA_OWNER_TSI, TSI1), directory_version(d));
    ck_assert_uint_lt(version_of(NVA_OWNER_VN, BLUE), directory_version(d));
    ck_assert_uint_eq(version_of(NVA_OWNER_TSI, 999), directory_version(d));
    ck_assert_uint_eq(version_of(NVA_OWNER_NONE, 0), directory_version(d));
    del(NVA_DELTA_TSI_DEL, TSI1);
    ck_assert_uint_eq(version_of(NVA_OWNER_TSI, TSI1), directory_version(d));
}
END_TEST

/* The list is appended to; each apply is deduplicated on its own. */
START_TEST(test_dirty_appends)
{
    struct nva_delta delta = { .type = NVA_DELTA_TSI_PUT, .id = TSI1 };

    delta.tsi = *directory_tsi(d, TSI1);
    delta.tsi.n_ips = 0;
    nva_dirty_clear(&dirty);
    directory_apply(d, &delta, &dirty);
    delta.tsi.n_ips = 1;
    directory_apply(d, &delta, &dirty);
    ck_assert_str_eq(dirt(),
                     "11:tsi41 11:address41 12:address41 "
                     "13:address41 11:tsi41 11:address41 "
                     "12:address41 13:address41");
}
END_TEST

static void
owner_cb(struct nva_owner owner, void *ds)
{
    ds_put_format(ds, " %s%d", nva_owner_kind_word(owner.kind),
                  (int) owner.id);
}

/* Base first; interfaces of VNs not served that have a place or a redirect
 * there; each once. */
START_TEST(test_owners_at)
{
    struct nva_tsi t2 = tsi_of(42, VM1, RED, at(HV2, "tap4"));
    struct ds s = DS_EMPTY_INITIALIZER;

    put_tsi(&t2);
    t2.published = at(HV2, "tap5");
    put_tsi(&t2);
    put_redirect(70, TSI1, HV2, HV1);
    put_redirect(71, 42, HV3, HV2);
    directory_each_owner_at(d, HV2, owner_cb, &s);
    ck_assert_str_eq(ds_cstr(&s),
                     " base12 vn1 flood1 vap22 quiet22 tsi41 address41 tsi42 "
                     "redirect70");
    ds_clear(&s);
    directory_each_owner_at(d, HV3, owner_cb, &s);
    ck_assert_str_eq(ds_cstr(&s),
                     " base13 vn1 flood1 vap23 quiet23 tsi41 address41 tsi42 "
                     "redirect71");
    ds_clear(&s);
    directory_each_owner_at(d, 999, owner_cb, &s);
    ck_assert_str_eq(ds_cstr(&s), "");
    ds_destroy(&s);
}
END_TEST

/* The next interface that 'c' gives; 0: none. */
static nva_id
next_tsi(struct owner_cursor *c)
{
    struct nva_owner owner;

    while (directory_owners_next(c, &owner)) {
        if (owner.kind == NVA_OWNER_TSI) {
            return owner.id;
        }
    }
    return NVA_ID_NONE;
}

/* A walk goes on where it was: what leaves the list, also where it stands, is
 * not given, what is put anew comes at the end, the rest comes once. */
START_TEST(test_owners_meanwhile)
{
    struct owner_cursor *c, *other;
    struct nva_tsi t[5];

    for (int i = 0; i < 5; i++) {
        t[i] = tsi_of(50 + i, VM1, BLUE, at(HV1, "tap1"));
        t[i].mac.ea[5] = 50 + i;
        t[i].n_ips = 0;
        put_tsi(&t[i]);
    }
    c = directory_owners_start(d, HV2);
    other = directory_owners_start(d, HV2);
    ck_assert_uint_eq(next_tsi(c), TSI1);
    ck_assert_uint_eq(next_tsi(c), 50);
    del(NVA_DELTA_TSI_DEL, 51);         /* Where it stands... */
    put_tsi(&t[2]);                     /* ...and stands now... */
    del(NVA_DELTA_TSI_DEL, 50);         /* ...and was. */
    ck_assert_uint_eq(next_tsi(c), 53);
    ck_assert_uint_eq(next_tsi(c), 54);
    ck_assert_uint_eq(next_tsi(c), 52);
    ck_assert_uint_eq(next_tsi(c), NVA_ID_NONE);
    ck_assert_uint_eq(next_tsi(c), NVA_ID_NONE);
    directory_owners_stop(c);
    ck_assert_uint_eq(next_tsi(other), TSI1);
    directory_owners_stop(other);
    directory_owners_stop(NULL);
}
END_TEST

/* Puts all that a walk of HV2's owners walks once more, as it is: a VAP that
 * is the only one of its VN takes the membership along. */
static void
put_all_anew(nva_id vap, nva_id tsi, nva_id redirect)
{
    const struct nva_vap *v = directory_vap(d, vap);
    const struct nva_tsi t = *directory_tsi(d, tsi);

    put_vap(v->id, v->nve, v->port, v->vn, v->implied);
    put_tsi(&t);
    if (redirect) {
        put_redirect(redirect, 42, HV2, HV1);
    }
}

struct given {
    struct nva_owner owner;
    bool given;
};

static void
given_cb(struct nva_owner owner, void *given_)
{
    struct given *given = given_;

    given->given |= nva_owner_equal(given->owner, owner);
}

/* True if a walk, at the 'n'th owner of which all is put anew, gives
 * 'owner'. */
static bool
is_given(struct nva_owner owner, size_t n)
{
    struct owner_cursor *c = directory_owners_start(d, HV2);
    struct given given = { .owner = owner };
    struct nva_owner next;

    for (size_t i = 0; directory_owners_next(c, &next); i++) {
        given_cb(next, &given);
        if (i == n) {
            put_all_anew(VAP2, TSI1, NVA_ID_NONE);
            put_all_anew(25, 42, 70);
        }
    }
    directory_owners_stop(c);
    return given.given;
}

/* What is put anew where a walk stands is not passed over, whatever it is and
 * wherever that is: nobody else says that it is to be compared. */
START_TEST(test_owners_anew)
{
    static const struct nva_owner owners[] = {
        { NVA_OWNER_BASE, HV2 }, { NVA_OWNER_VN, BLUE },
        { NVA_OWNER_FLOOD, BLUE }, { NVA_OWNER_VAP, VAP2 },
        { NVA_OWNER_VN, RED }, { NVA_OWNER_VAP, 25 },
        { NVA_OWNER_QUIET, 25 }, { NVA_OWNER_TSI, TSI1 },
        { NVA_OWNER_ADDRESS, TSI1 }, { NVA_OWNER_TSI, 42 },
        { NVA_OWNER_TSI, 43 }, { NVA_OWNER_REDIRECT, 70 },
    };
    struct nva_tsi t = tsi_of(42, VM1, RED, at(HV1, "tap4"));

    put_vap(25, HV2, "tap4", RED, false);
    put_tsi(&t);
    t = tsi_of(43, VM1, BLUE, at(HV2, "tap5"));
    put_tsi(&t);
    put_redirect(70, 42, HV2, HV1);
    for (size_t n = 0; n < 20; n++) {
        for (size_t i = 0; i < ARRAY_SIZE(owners); i++) {
            ck_assert_msg(is_given(owners[i], n), "%s %d, anew at %d",
                          nva_owner_kind_word(owners[i].kind),
                          (int) owners[i].id, (int) n);
        }
    }
}
END_TEST

START_TEST(test_moves)
{
    struct ids ids = { .n = 0 };
    struct nva_delta stamp = { .type = NVA_DELTA_MOVE_STAMP, .id = 80 };
    const struct nva_stamp *stamps;
    size_t n;

    put_vm(VM1, 80, NVA_ORIGIN_CONFIGURED);
    put_move(80, VM1, NVA_MS_PREPARED);
    ck_assert_str_eq(dirt(), "");
    ck_assert_uint_eq(directory_n_moves_active(d), 1);
    for (size_t i = 0; i < NVA_STAMPS_MAX + 9; i++) {
        stamp.stamp.when = i;
        apply(&stamp);
    }
    stamps = directory_move_stamps(d, 80, &n);
    ck_assert_uint_eq(n, NVA_STAMPS_MAX);
    ck_assert_int_eq(stamps[0].when, 0);
    ck_assert_int_eq(stamps[n - 2].when, NVA_STAMPS_MAX - 2);
    ck_assert_int_eq(stamps[n - 1].when, NVA_STAMPS_MAX + 8);
    directory_each_active_move(d, id_cb, &ids);
    ck_assert_uint_eq(ids.n, 1);
    put_move(80, VM1, NVA_MS_DONE);
    put_vm(VM1, NVA_ID_NONE, NVA_ORIGIN_CONFIGURED);
    ck_assert_uint_eq(directory_n_moves_active(d), 0);
    directory_each_active_move(d, id_cb, &ids);
    ck_assert_uint_eq(ids.n, 1);
    directory_each_move(d, id_cb, &ids);
    ck_assert_uint_eq(ids.n, 2);

    /* Aborted, but still being unwound. */
    struct nva_delta abort = { .type = NVA_DELTA_MOVE_PUT, .id = 81 };
    abort.move = (struct nva_move) {
        .id = 81, .vm = VM1, .state = NVA_MS_ABORTED, .unwinding = true,
    };
    apply(&abort);
    ck_assert_uint_eq(directory_n_moves_active(d), 1);
    abort.move.unwinding = false;
    apply(&abort);
    ck_assert_uint_eq(directory_n_moves_active(d), 0);
}
END_TEST

/* Only so many ended moves are kept: those that ended last. */
START_TEST(test_moves_forgotten)
{
    struct nva_delta stamp = { .type = NVA_DELTA_MOVE_STAMP, .id = 100 };
    size_t n;

    put_vm(VM1, 99, NVA_ORIGIN_CONFIGURED);
    put_move(99, VM1, NVA_MS_PREPARED);
    for (int i = 0; i < NVA_MOVES_KEPT_MAX + 10; i++) {
        put_move(100 + i, VM1, NVA_MS_DONE);
    }
    ck_assert_ptr_ne(directory_move(d, 99), NULL);
    ck_assert_ptr_eq(directory_move(d, 109), NULL);
    ck_assert_ptr_ne(directory_move(d, 110), NULL);
    apply(&stamp);
    ck_assert_ptr_eq(directory_move_stamps(d, 100, &n), NULL);
    ck_assert_uint_eq(n, 0);
}
END_TEST

/* The check finds what contradicts. */
START_TEST(test_check)
{
    struct nva_tsi t = *directory_tsi(d, TSI1);

    ck_assert_ptr_eq(directory_check(d), NULL);
    put_redirect(70, TSI1, HV1, HV2);
    ck_assert_str_eq(directory_check(d),
                     "an interface's own NVE redirects it");
    t.published = at(HV2, "tap1");
    put_tsi(&t);
    ck_assert_ptr_eq(directory_check(d), NULL);
    del(NVA_DELTA_REDIRECT_DEL, 70);

    put_vm(VM1, 80, NVA_ORIGIN_CONFIGURED);
    ck_assert_str_eq(directory_check(d),
                     "a VM's move is gone, ended or another VM's");
    put_move(80, VM1, NVA_MS_SWITCHING);
    ck_assert_ptr_eq(directory_check(d), NULL);
    put_vm(VM1, NVA_ID_NONE, NVA_ORIGIN_CONFIGURED);
    ck_assert_str_eq(directory_check(d),
                     "an active move's VM does not name it");
    put_move(80, VM1, NVA_MS_DONE);
}
END_TEST

/* A delta that contradicts the directory is a bug. */
START_TEST(test_bug_mac_twice)
{
    struct nva_tsi t = *directory_tsi(d, TSI1);

    t.id = 42;
    t.n_ips = 0;
    put_tsi(&t);
}
END_TEST

START_TEST(test_bug_ip_twice)
{
    struct nva_tsi t = *directory_tsi(d, TSI1);

    t.id = 42;
    t.mac.ea[5] = 1;
    put_tsi(&t);
}
END_TEST

START_TEST(test_bug_vn_in_use)
{
    del(NVA_DELTA_VN_DEL, BLUE);
}
END_TEST

START_TEST(test_bug_tsi_redirected)
{
    put_redirect(70, TSI1, HV2, HV1);
    del(NVA_DELTA_TSI_DEL, TSI1);
}
END_TEST

/* ## Churn ## */

enum { N_VN = 6, N_NVE = 12, N_PORT = 8, N_VAP = 120, N_VM = 300,
       N_TSI = 500, N_REDIRECT = 60, CHURN_STEPS = 4000 };

/* Ids by kind, far enough apart. */
#define ID_VN 1
#define ID_NVE 100
#define ID_VAP 1000
#define ID_VM 2000
#define ID_TSI 5000
#define ID_REDIRECT 8000

static uint64_t rng;

static uint32_t
draw(uint32_t n)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (rng >> 16) % n;
}

static struct nva_place
draw_place(void)
{
    struct nva_place place = at(NVA_ID_NONE, "");

    if (draw(4)) {
        char port[NVA_PORT_NAME_MAX];
        nva_id nve = ID_NVE + draw(N_NVE);

        snprintf(port, sizeof port, "tap%u", draw(N_PORT));
        place = directory_nve(d, nve) ? at(nve, port) : place;
    }
    return place;
}

static void
churn_nve(void)
{
    nva_id id = ID_NVE + draw(N_NVE);
    struct nva_nve nve = nve_of(id);
    bool used = directory_n_vaps(d, id) > 0;
    int n = 0;

    directory_each_tsi_at(d, id, NULL, one_cb, &n);
    for (nva_id r = ID_REDIRECT; r < ID_REDIRECT + N_REDIRECT; r++) {
        const struct nva_redirect *o = directory_redirect(d, r);

        used |= o && (o->at == id || o->to == id);
    }
    if (directory_nve(d, id) && !used && !n && draw(2)) {
        del(NVA_DELTA_NVE_DEL, id);
        return;
    }
    nve.tunnel_ip = ip_of(draw(1000));
    ovs_strlcpy(nve.tunnel_port, draw(3) ? "" : "vx1",
                sizeof nve.tunnel_port);
    put_nve(&nve);
}

static void
churn_port(void)
{
    nva_id nve = ID_NVE + draw(N_NVE);
    char name[NVA_PORT_NAME_MAX];

    if (!directory_nve(d, nve)) {
        return;
    }
    snprintf(name, sizeof name, "%s%u", draw(4) ? "tap" : "vx",
             draw(N_PORT));
    if (draw(3)) {
        put_port(nve, name, draw(N_PORT * 2));
    } else {
        del_port(nve, name);
    }
}

static void
churn_vap(void)
{
    nva_id id = ID_VAP + draw(N_VAP);
    struct nva_place place = draw_place();
    nva_id vn = ID_VN + draw(N_VN);

    if (directory_vap(d, id) && !draw(3)) {
        del(NVA_DELTA_VAP_DEL, id);
    } else if (place.nve && directory_vn(d, vn)) {
        const struct nva_vap *vap = directory_vap_by_key(
            d, place.nve, place.port, false, eth_addr_zero);

        if (!vap || vap->id == id) {
            put_vap(id, place.nve, place.port, vn, draw(2));
        }
    }
}

static void
churn_tsi(void)
{
    nva_id id = ID_TSI + draw(N_TSI);
    nva_id vm = ID_VM + draw(N_VM), vn = ID_VN + draw(N_VN);
    struct nva_tsi t = tsi_of(id, vm, vn, draw_place());
    const struct nva_tsi *old = directory_tsi(d, id);
    int n = 0;

    directory_each_redirect_of_tsi(d, id, one_cb, &n);
    if (old && !n && !draw(4)) {
        del(NVA_DELTA_TSI_DEL, id);
        return;
    }
    if (!directory_vn(d, vn)) {
        return;
    }
    if (!directory_vm(d, vm)) {
        put_vm(vm, NVA_ID_NONE, draw(2));
    }
    if (old && draw(2)) {
        t = *old;
        t.current = draw(2) ? draw_place() : t.current;
    }
    t.published = draw(2) ? draw_place() : t.current;
    t.prepared = draw(2) ? draw_place() : t.prepared;
    t.paused = draw(2);
    t.n_ips = draw(2);
    put_tsi(&t);
}

static void
churn_redirect(void)
{
    nva_id id = ID_REDIRECT + draw(N_REDIRECT);
    nva_id tsi = ID_TSI + draw(N_TSI);
    nva_id from = ID_NVE + draw(N_NVE), to = ID_NVE + draw(N_NVE);

    if (directory_redirect(d, id) && draw(2)) {
        del(NVA_DELTA_REDIRECT_DEL, id);
    } else if (directory_tsi(d, tsi) && from != to && directory_nve(d, from)
               && directory_nve(d, to)) {
        put_redirect(id, tsi, from, to);
    }
}

static void
churn_vm(void)
{
    nva_id id = ID_VM + draw(N_VM);
    int n = 0;

    directory_each_tsi_of_vm(d, id, one_cb, &n);
    if (directory_vm(d, id) && !n) {
        del(NVA_DELTA_VM_DEL, id);
    } else {
        put_vm(id, NVA_ID_NONE, draw(2));
    }
}

static void
churn_vn(void)
{
    nva_id id = ID_VN + draw(N_VN);
    struct nva_vn vn = vn_of(id, id * 10);
    int n = 0;

    directory_each_tsi_of_vn(d, id, one_cb, &n);
    if (directory_vn(d, id) && !n && !directory_n_nves_of_vn(d, id)) {
        del(NVA_DELTA_VN_DEL, id);
        return;
    }
    vn.binding = draw(2);
    put_vn(&vn);
}

static bool
is_dirty(nva_id nve, enum nva_owner_kind kind, nva_id id)
{
    for (size_t i = 0; i < dirty.n; i++) {
        if (dirty.a[i].nve == nve && dirty.a[i].owner.kind == kind
            && dirty.a[i].owner.id == id) {
            return true;
        }
    }
    return false;
}

/* Each entry once, each with the present version. */
static void
check_dirt(void)
{
    for (size_t i = 0; i < dirty.n; i++) {
        const struct nva_dirty *x = &dirty.a[i];

        ck_assert_uint_eq(directory_owner_version(d, x->owner),
                          directory_version(d));
        for (size_t j = 0; dirty.n < 100 && j < i; j++) {
            ck_assert(dirty.a[j].nve != x->nve
                      || !nva_owner_equal(dirty.a[j].owner, x->owner));
        }
    }
}

/* The interesting facts of a VAP: a change of any must dirty its VN there. */
static uint64_t
vap_facts(nva_id id)
{
    const struct nva_vap *vap = directory_vap(d, id);
    const struct nva_port *port = (vap ? directory_port(d, vap->nve,
                                                        vap->port) : NULL);

    return (!vap ? 0 : 1 | vap->vn << 1 | vap->nve << 8
            | (uint64_t) (port ? port->ofport : 0) << 24);
}

static bool
is_quiet(nva_id id)
{
    const struct nva_vap *vap = directory_vap(d, id);

    return vap && directory_is_quiet(d, vap);
}

START_TEST(test_churn)
{
    static void (*const kinds[])(void) = {
        churn_vn, churn_nve, churn_port, churn_port, churn_vap, churn_vap,
        churn_vm, churn_tsi, churn_tsi, churn_tsi, churn_tsi, churn_redirect,
    };
    const char *env = getenv("NVA_SEED");
    uint64_t facts[N_VAP] = { 0 };
    uint64_t seed = env ? strtoull(env, NULL, 0) : 20240613;

    printf("test-directory: churn seed %llu\n", (unsigned long long) seed);
    rng = seed ? seed : 1;
    teardown();
    d = directory_create();
    nva_dirty_init(&dirty);
    ds_init(&seen);
    for (int i = 0; i < CHURN_STEPS; i++) {
        uint64_t version = directory_version(d);
        bool quiet[N_VAP];

        for (int j = 0; j < N_VAP; j++) {
            quiet[j] = is_quiet(ID_VAP + j);
        }
        nva_dirty_clear(&dirty);
        kinds[draw(ARRAY_SIZE(kinds))]();
        if (directory_version(d) == version) {
            continue;
        }
        check_dirt();
        for (int j = 0; j < N_VAP; j++) {
            uint64_t now = vap_facts(ID_VAP + j);
            const struct nva_vap *vap = directory_vap(d, ID_VAP + j);

            if (now != facts[j] && vap) {
                ck_assert(is_dirty(vap->nve, NVA_OWNER_FLOOD, vap->vn));
            }
            facts[j] = now;
            if (vap && is_quiet(vap->id) != quiet[j]) {
                ck_assert(is_dirty(vap->nve, NVA_OWNER_QUIET, vap->id));
            }
        }
        if (i % 20 == 0) {
            /* Random places leave redirects where they must not be. */
            const char *error = directory_check(d);

            ck_assert_msg(!error || strstr(error, "own NVE redirects"),
                          "step %d: %s", i, error);
        }
    }
    for (nva_id id = ID_REDIRECT; id < ID_REDIRECT + N_REDIRECT; id++) {
        if (directory_redirect(d, id)) {
            del(NVA_DELTA_REDIRECT_DEL, id);
        }
    }
    ck_assert_ptr_eq(directory_check(d), NULL);
    ck_assert_uint_gt(directory_n_vms(d), N_VM / 2);
}
END_TEST

/* Guests that hop about leave operators' moves half the room. */
START_TEST(test_moves_forgotten_fairly)
{
    put_vm(VM1, NVA_ID_NONE, NVA_ORIGIN_CONFIGURED);
    for (int i = 0; i < 3000; i++) {
        put_move(100 + i, VM1, NVA_MS_DONE);
    }
    for (int i = 0; i < 2 * NVA_MOVES_KEPT_MAX; i++) {
        struct nva_delta delta = { .type = NVA_DELTA_MOVE_PUT,
                                   .id = 10000 + i };

        delta.move = (struct nva_move) {
            .id = delta.id, .vm = VM1, .state = NVA_MS_DONE,
            .cause = _i ? NVA_CAUSE_PROBED : NVA_CAUSE_ANNOUNCED,
        };
        apply(&delta);
    }
    ck_assert_ptr_eq(directory_check(d), NULL);
    /* The last 2,048 planned ones, and as many of the guests'. */
    ck_assert_ptr_eq(directory_move(d, 100 + 951), NULL);
    ck_assert_ptr_ne(directory_move(d, 100 + 952), NULL);
    ck_assert_ptr_eq(directory_move(d, 10000 + 2 * 4096 - 2049), NULL);
    ck_assert_ptr_ne(directory_move(d, 10000 + 2 * 4096 - 2048), NULL);
}
END_TEST

static Suite *
directory_suite(void)
{
    const TTest *const tests[] = {
        test_ids, test_lookups, test_vap_by_mac, test_tunnel_port,
        test_walks, test_walk_places, test_learned_at, test_silent,
        test_who_is_never_silent, F7_who_has_a_frozen_address_is_never_silent,
        test_a_crowded_port_is_not_walked,
        test_nested, test_check_compares_stopped_with_the_vm,
        test_dirty_vn,
        test_A1_dirty_nve, test_dirty_port, test_ofport_reused,
        test_dirty_vap, test_A1_dirty_subscription, test_dirty_vm,
        test_dirty_tsi, test_dirty_tsi_moves, test_floods,
        test_floods_of_several_vaps, test_dirty_tsi_vn,
        test_K5_dirty_redirect, test_versions, test_dirty_appends,
        test_owners_at, test_owners_meanwhile, test_owners_anew,
        test_moves, test_moves_forgotten, test_check,
    };
    const TTest *const bugs[] = {
        test_bug_mac_twice, test_bug_ip_twice, test_bug_vn_in_use,
        test_bug_tsi_redirected,
    };
    Suite *suite = suite_create("directory");
    TCase *small = tcase_create("small"), *churn = tcase_create("churn");

    tcase_add_checked_fixture(small, setup, teardown);
    for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
        tcase_add_test(small, tests[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bugs); i++) {
        tcase_add_test_raise_signal(small, bugs[i], SIGABRT);
    }
    tcase_add_loop_test(small, test_moves_forgotten_fairly, 0, 2);
    tcase_add_checked_fixture(churn, setup, teardown);
    tcase_set_timeout(churn, 60);
    tcase_add_test(churn, test_churn);
    suite_add_tcase(suite, small);
    suite_add_tcase(suite, churn);
    return suite;
}

int
main(void)
{
    SRunner *runner = srunner_create(directory_suite());
    int n_failed;

    srunner_run_all(runner, CK_NORMAL);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
