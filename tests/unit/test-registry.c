/* SPDX-License-Identifier: Apache-2.0 */

/* The registry: each refusal with its field, what accepted requests leave in
 * the directory, and random requests against directory_check(). */

#include <config.h>

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binding.h"
#include "packets.h"
#include "registry.h"
#include "util.h"

static struct directory *d;
static struct nva_plan plan;
static struct nva_dirty_list dirty;

static bool
all_confirmed(const void *aux OVS_UNUSED, nva_id nve OVS_UNUSED,
              struct nva_owner owner OVS_UNUSED, uint64_t version OVS_UNUSED)
{
    return true;
}

/* Asks, and applies what is accepted. */
static enum nva_reason
ask(const struct nva_request *request)
{
    const struct nva_view view = {
        .dir = d, .now = 5 * NVA_SEC, .confirmed = all_confirmed,
    };

    nva_plan_start(&plan, directory_next_id(d));
    registry_request(&view, request, &plan);
    binding_sweep(&view, &plan);
    if (plan.verdict) {
        ck_assert_uint_eq(plan.deltas.n, 0);
        ck_assert_ptr_ne(plan.field, NULL);
    }
    for (size_t i = 0; i < plan.deltas.n; i++) {
        directory_apply(d, &plan.deltas.a[i], &dirty);
    }
    nva_dirty_clear(&dirty);
    const char *error = directory_check(d);
    ck_assert_msg(!error, "%s", error);
    return plan.verdict;
}

#define ck_refused(REQUEST, REASON, FIELD)                                  \
    do {                                                                    \
        ck_assert_str_eq(nva_reason_word(ask(REQUEST)),                     \
                         nva_reason_word(NVA_R_##REASON));                  \
        ck_assert_str_eq(plan.field, FIELD);                                \
    } while (0)

#define ck_done(REQUEST)                                                    \
    ck_assert_str_eq(nva_reason_word(ask(REQUEST)), "ok")

static struct nva_request
vn_req(const char *name, uint32_t vni)
{
    struct nva_request r = { .type = NVA_REQ_VN_PUT };

    ovs_strlcpy(r.vn.vn.name, name, sizeof r.vn.vn.name);
    r.vn.vn.vni = vni;
    r.vn.vn.redirect_timeout = 10;
    r.vn.vn.max_learned = 10;
    return r;
}

static struct nva_request
nve_req(const char *name, uint64_t dpid)
{
    struct nva_request r = { .type = NVA_REQ_NVE_PUT };

    ovs_strlcpy(r.nve.nve.name, name, sizeof r.nve.nve.name);
    r.nve.nve.dpid = dpid;
    return r;
}

static struct nva_request
port_req(const char *nve, const char *port, const char *vn)
{
    struct nva_request r = { .type = NVA_REQ_PORT_PUT };

    ovs_strlcpy(r.port.nve, nve, sizeof r.port.nve);
    ovs_strlcpy(r.port.port, port, sizeof r.port.port);
    ovs_strlcpy(r.port.vn, vn, sizeof r.port.vn);
    return r;
}

static struct nva_request
del_req(enum nva_request_type type, const char *name)
{
    struct nva_request r = { .type = type };

    ovs_strlcpy(r.name, name, sizeof r.name);
    return r;
}

/* Appends an interface in 'vn' with MAC number 'mac' and, unless 0, address
 * number 'ip'. */
static struct nva_request_if *
add_if(struct nva_request *r, const char *name, const char *vn, int mac,
       int ip)
{
    struct nva_request_if *nif = &r->vm.ifs[r->vm.n_ifs++];

    ovs_strlcpy(nif->name, name, sizeof nif->name);
    ovs_strlcpy(nif->vn, vn, sizeof nif->vn);
    nif->mac = (struct eth_addr) ETH_ADDR_C(02,00,00,00,00,00);
    nif->mac.ea[5] = mac;
    if (ip) {
        nif->n_ips = 1;
        nif->ips[0] = in6_addr_mapped_ipv4(htonl(0x0a000000 + ip));
    }
    return nif;
}

static void
place_if(struct nva_request *r, size_t i, const char *nve, const char *port)
{
    ovs_strlcpy(r->vm.ifs[i].nve, nve, sizeof r->vm.ifs[i].nve);
    ovs_strlcpy(r->vm.ifs[i].port, port, sizeof r->vm.ifs[i].port);
}

/* A VM with one interface, "eth0" by default. */
static struct nva_request
vm_req(const char *name, const char *vn, int mac, int ip)
{
    struct nva_request r = { .type = NVA_REQ_VM_PUT };

    ovs_strlcpy(r.vm.name, name, sizeof r.vm.name);
    add_if(&r, "", vn, mac, ip);
    return r;
}

static const struct nva_tsi *
tsi(const char *vn, int mac)
{
    struct eth_addr ea = ETH_ADDR_C(02,00,00,00,00,00);

    ea.ea[5] = mac;
    return directory_tsi_by_mac(d, directory_vn_by_name(d, vn)->id, ea);
}

static const struct nva_vap *
vap(const char *nve, const char *port)
{
    return directory_vap_by_key(d, directory_nve_by_name(d, nve)->id, port,
                                false, eth_addr_zero);
}

static nva_id
nve_id(const char *name)
{
    return directory_nve_by_name(d, name)->id;
}

static void
apply(const struct nva_delta *delta)
{
    directory_apply(d, delta, &dirty);
}

/* Blue and red; hv1 and hv2; tap1 of each in blue. */
static void
setup(void)
{
    const struct nva_request requests[] = {
        vn_req("blue", 100), vn_req("red", 200),
        nve_req("hv1", 1), nve_req("hv2", 2),
        port_req("hv1", "tap1", "blue"), port_req("hv2", "tap1", "blue"),
    };

    d = directory_create();
    nva_plan_init(&plan);
    nva_dirty_init(&dirty);
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        ck_done(&requests[i]);
    }
}

static void
teardown(void)
{
    directory_destroy(d);
    nva_plan_uninit(&plan);
    nva_dirty_uninit(&dirty);
}

START_TEST(test_vn)
{
    struct nva_request r = vn_req("green", 300), same = vn_req("blue", 101);

    r.create = same.create = true;
    ck_refused(&same, EXISTS, "name");
    same.create = false;
    ck_refused(&same, IMMUTABLE, "vni");
    r.vn.vn.vni = 100;
    ck_refused(&r, VNI_TAKEN, "vni");
    r.vn.vn.vni = 0;
    ck_refused(&r, BAD_VALUE, "vni");
    r.vn.vn.vni = NVA_VNI_MAX + 1;
    ck_refused(&r, BAD_VALUE, "vni");
    r.vn.vn.vni = NVA_VNI_MAX;
    r.vn.vn.redirect_timeout = 301;
    ck_refused(&r, BAD_VALUE, "redirect_timeout");
    r.vn.vn.redirect_timeout = 0;
    ck_refused(&r, BAD_VALUE, "redirect_timeout");
    r.vn.vn.redirect_timeout = 300;
    r.vn.vn.max_learned = 0;
    ck_refused(&r, BAD_VALUE, "max_learned");
    r.vn.vn.max_learned = NVA_LEARNED_PER_VN_MAX + 1;
    ck_refused(&r, BAD_VALUE, "max_learned");
    r.vn.vn.max_learned = NVA_LEARNED_PER_VN_MAX;
    r.vn.vn.mtu = 10;
    ck_refused(&r, BAD_VALUE, "mtu");
    r.vn.vn.mtu = 1450;
    ovs_strlcpy(r.vn.vn.name, "a b", sizeof r.vn.vn.name);
    ck_refused(&r, BAD_NAME, "name");
    ovs_strlcpy(r.vn.vn.name, "green", sizeof r.vn.vn.name);
    ck_done(&r);
    ck_assert_uint_eq(plan.object, directory_vn_by_vni(d, NVA_VNI_MAX)->id);
    r.create = false;
    r.vn.vn.binding = NVA_BINDING_LEARN;
    ck_done(&r);
    ck_assert_int_eq(directory_vn_by_name(d, "green")->binding,
                     NVA_BINDING_LEARN);
}
END_TEST

START_TEST(test_vn_del)
{
    struct nva_request r = del_req(NVA_REQ_VN_DEL, "green");
    struct nva_request vm = vm_req("a", "red", 1, 0);

    ck_refused(&r, NOT_FOUND, "name");
    r = del_req(NVA_REQ_VN_DEL, "blue");
    ck_refused(&r, IN_USE, "name");
    ck_done(&vm);
    r = del_req(NVA_REQ_VN_DEL, "red");
    ck_refused(&r, IN_USE, "name");
    vm = del_req(NVA_REQ_VM_DEL, "a");
    ck_done(&vm);

    /* An implied VAP that nobody uses does not count. */
    struct nva_delta delta = {
        .type = NVA_DELTA_VAP_PUT, .id = directory_next_id(d),
    };
    delta.vap = (struct nva_vap) {
        .id = delta.id, .nve = nve_id("hv1"), .port = "tap9",
        .vn = directory_vn_by_name(d, "red")->id, .implied = true,
    };
    apply(&delta);
    ck_done(&r);
    ck_assert_ptr_eq(directory_vn_by_name(d, "red"), NULL);
    ck_assert_ptr_eq(vap("hv1", "tap9"), NULL);
}
END_TEST

START_TEST(test_nve)
{
    struct nva_request r = nve_req("hv1", 7), new = nve_req("hv3", 2);

    r.create = new.create = true;
    ck_refused(&r, EXISTS, "name");
    r.create = false;
    ck_refused(&r, IMMUTABLE, "dpid");
    ck_refused(&new, DPID_TAKEN, "dpid");
    new.nve.nve.dpid = 0;
    ck_refused(&new, BAD_VALUE, "dpid");
    new.nve.nve.dpid = 3;
    new.nve.nve.tunnel_ip = in6_addr_mapped_ipv4(htonl(0xe0000001));
    ck_refused(&new, BAD_VALUE, "tunnel_ip");
    new.nve.nve.tunnel_ip = in6addr_any;
    ovs_strlcpy(new.nve.nve.tunnel_port, "a b", 16);
    ck_refused(&new, BAD_NAME, "tunnel_port");
    new.nve.nve.tunnel_port[0] = '\0';
    ovs_strlcpy(new.nve.nve.zone, "a b", 16);
    ck_refused(&new, BAD_NAME, "zone");
    new.nve.nve.zone[0] = '\0';
    new.nve.foreign_flows = 3;
    ck_refused(&new, FOREIGN_FLOWS, "adopt");
    new.nve.nve.adopt = true;
    ck_done(&new);
    ovs_strlcpy(new.nve.nve.name, "", 16);
    ck_refused(&new, BAD_NAME, "name");
}
END_TEST

/* A request says nothing about the session, and a guess stays until it is
 * replaced. */
START_TEST(test_nve_keeps)
{
    struct nva_delta delta = { .type = NVA_DELTA_NVE_PUT };
    struct in6_addr ip = in6_addr_mapped_ipv4(htonl(0xac1f0001));
    struct nva_request r = nve_req("hv1", 1);

    delta.nve = *directory_nve_by_name(d, "hv1");
    delta.id = delta.nve.id;
    delta.nve.connected = true;
    delta.nve.session = 9;
    delta.nve.tunnel_ip = ip;
    delta.nve.tunnel_ip_guessed = true;
    apply(&delta);
    ck_done(&r);
    const struct nva_nve *nve = directory_nve_by_name(d, "hv1");
    ck_assert(nve->connected && nve->session == 9 && nve->tunnel_ip_guessed);
    ck_assert(ipv6_addr_equals(&nve->tunnel_ip, &ip));
    r.nve.nve.tunnel_ip = ip;
    r.nve.nve.tunnel_ip.s6_addr[15] = 9;
    r.nve.nve.tunnel_ip_guessed = true;
    ck_done(&r);
    nve = directory_nve_by_name(d, "hv1");
    ck_assert(nve->connected && !nve->tunnel_ip_guessed);
    ck_assert_uint_eq(nve->tunnel_ip.s6_addr[15], 9);
}
END_TEST

START_TEST(test_nve_del)
{
    struct nva_request r = del_req(NVA_REQ_NVE_DEL, "hv9");
    struct nva_request port = port_req("hv1", "tap1", "");

    ck_refused(&r, NOT_FOUND, "name");
    r = del_req(NVA_REQ_NVE_DEL, "hv1");
    ck_refused(&r, IN_USE, "name");
    port.type = NVA_REQ_PORT_DEL;
    ck_done(&port);
    ck_done(&r);
    ck_assert_ptr_eq(directory_nve_by_name(d, "hv1"), NULL);
}
END_TEST

START_TEST(test_port)
{
    struct nva_request r = port_req("hv9", "tap1", "blue");
    struct nva_request vm = vm_req("a", "blue", 1, 1);

    ck_refused(&r, NOT_FOUND, "nve");
    r = port_req("hv1", "tap2", "green");
    ck_refused(&r, NOT_FOUND, "vn");
    r = port_req("hv1", "", "blue");
    ck_refused(&r, BAD_NAME, "port");
    r = port_req("hv1", "tap1", "blue");
    r.create = true;
    ck_refused(&r, EXISTS, "port");
    r = port_req("hv1", "tap2", "blue");
    r.port.has_mac = true;
    ck_refused(&r, BAD_MAC, "mac");

    /* Rebound while unused only. */
    r = port_req("hv1", "tap1", "red");
    ck_done(&r);
    ck_assert_uint_eq(vap("hv1", "tap1")->vn,
                      directory_vn_by_name(d, "red")->id);
    place_if(&vm, 0, "hv2", "tap1");
    ck_done(&vm);
    r = port_req("hv2", "tap1", "red");
    ck_refused(&r, PORT_TAKEN, "port");
    r.type = NVA_REQ_PORT_DEL;
    ck_refused(&r, IN_USE, "port");
    r = port_req("hv2", "tap9", "red");
    r.type = NVA_REQ_PORT_DEL;
    ck_refused(&r, NOT_FOUND, "port");
    r = port_req("hv9", "tap9", "red");
    r.type = NVA_REQ_PORT_DEL;
    ck_refused(&r, NOT_FOUND, "nve");
}
END_TEST

/* A flood list has an end. */
START_TEST(test_port_limits)
{
    char name[NVA_NAME_MAX];

    for (int i = 0; i < NVA_NVES_PER_VN_MAX - 2; i++) {
        struct nva_delta delta = { .type = NVA_DELTA_NVE_PUT };
        nva_id vn = directory_vn_by_name(d, "blue")->id;

        delta.id = delta.nve.id = directory_next_id(d);
        delta.nve.dpid = 1000 + i;
        snprintf(delta.nve.name, sizeof delta.nve.name, "x%d", i);
        apply(&delta);
        struct nva_delta put = { .type = NVA_DELTA_VAP_PUT };
        put.vap.nve = delta.id;
        put.id = put.vap.id = directory_next_id(d);
        put.vap.vn = vn;
        ovs_strlcpy(put.vap.port, "tap1", sizeof put.vap.port);
        apply(&put);
    }
    struct nva_request nve = nve_req("last", 5);
    struct nva_request r = port_req("last", "tap1", "blue");
    struct nva_request vm = vm_req("a", "blue", 1, 0);
    ck_done(&nve);
    ck_refused(&r, LIMIT, "vn");
    place_if(&vm, 0, "last", "tap1");
    ck_refused(&vm, LIMIT, "port");
    snprintf(name, sizeof name, "x0");
    r = port_req(name, "tap2", "blue");
    ck_done(&r);
}
END_TEST

/* So has a list of local ports; what is there may still be put again. */
START_TEST(test_port_limit_of_vn_at_nve)
{
    const int max = 512;                /* As the registry has it. */
    struct nva_request r;
    char name[NVA_PORT_NAME_MAX];

    for (int i = 1; i < max; i++) {     /* setup() made the first. */
        snprintf(name, sizeof name, "p%d", i);
        r = port_req("hv1", name, "blue");
        ck_done(&r);
    }
    r = port_req("hv1", "more", "blue");
    ck_refused(&r, LIMIT, "vn");
    r = port_req("hv1", name, "blue");
    ck_done(&r);
    r = port_req("hv1", "more", "red");
    ck_done(&r);
    r = port_req("hv1", "more", "blue");
    ck_refused(&r, LIMIT, "vn");
    r = port_req("hv2", "more", "blue");
    ck_done(&r);
    r = port_req("hv1", name, "");
    r.type = NVA_REQ_PORT_DEL;
    ck_done(&r);
    r = port_req("hv1", "more", "blue");
    ck_done(&r);
}
END_TEST

START_TEST(test_vm_refusals)
{
    struct nva_request a = vm_req("a", "blue", 1, 1), r;

    ck_done(&a);
    a.create = true;
    ck_refused(&a, EXISTS, "name");
    r = vm_req("a b", "blue", 2, 2);
    ck_refused(&r, BAD_NAME, "name");
    r = vm_req("b", "green", 2, 2);
    ck_refused(&r, NOT_FOUND, "vn");
    r = vm_req("b", "blue", 2, 2);
    r.vm.ifs[0].mac.ea[0] = 1;
    ck_refused(&r, BAD_MAC, "mac");
    r = vm_req("b", "blue", 1, 2);
    ck_refused(&r, MAC_TAKEN, "mac");
    r = vm_req("b", "blue", 2, 1);
    ck_refused(&r, IP_TAKEN, "ips");
    r = vm_req("b", "blue", 2, 2);
    r.vm.ifs[0].ips[0] = in6addr_any;
    ck_refused(&r, BAD_IP, "ips");
    r = vm_req("b", "blue", 2, 2);
    r.vm.ifs[0].n_ips = NVA_IPS_MAX + 1;
    ck_refused(&r, LIMIT, "ips");
    r = vm_req("b", "blue", 2, 2);
    r.vm.has_state = true;
    r.vm.state = 99;
    ck_refused(&r, BAD_VALUE, "state");
    r = vm_req("b", "blue", 2, 2);
    add_if(&r, "eth0", "blue", 3, 3);
    ck_refused(&r, EXISTS, "interfaces");
    ovs_strlcpy(r.vm.ifs[1].name, "e 1", 16);
    ck_refused(&r, BAD_NAME, "interfaces");
    ovs_strlcpy(r.vm.ifs[1].name, "eth1", 16);
    r.vm.ifs[1].mac = r.vm.ifs[0].mac;
    ck_refused(&r, MAC_TAKEN, "mac");
    r.vm.ifs[1].mac.ea[5] = 3;
    r.vm.ifs[1].ips[0] = r.vm.ifs[0].ips[0];
    ck_refused(&r, IP_TAKEN, "ips");
    r.vm.n_ifs = NVA_IFS_MAX + 1;
    ck_refused(&r, LIMIT, "interfaces");

    /* The same MAC and address in another VN are another's. */
    r = vm_req("b", "red", 1, 1);
    ck_done(&r);
    r = del_req(NVA_REQ_VM_DEL, "c");
    ck_refused(&r, NOT_FOUND, "name");
}
END_TEST

START_TEST(test_vm_place_refusals)
{
    struct nva_request r = vm_req("b", "blue", 2, 2);

    place_if(&r, 0, "hv1", "");
    ck_refused(&r, PORT_REQUIRED, "port");
    place_if(&r, 0, "", "tap1");
    ck_refused(&r, PORT_REQUIRED, "nve");
    place_if(&r, 0, "hv9", "tap1");
    ck_refused(&r, NOT_FOUND, "nve");
    place_if(&r, 0, "hv1", "t p");
    ck_refused(&r, BAD_NAME, "port");
    r = vm_req("b", "red", 2, 2);
    place_if(&r, 0, "hv1", "tap1");
    ck_refused(&r, PORT_TAKEN, "port");
    ck_assert_ptr_eq(directory_vm_by_name(d, "b"), NULL);
}
END_TEST

/* D16: VM management registers a VM; its place brings a VAP along, and takes
 * it away again. */
START_TEST(test_D16_vm_life)
{
    struct nva_request r = vm_req("a", "blue", 1, 1);

    place_if(&r, 0, "hv1", "tap5");
    ck_done(&r);
    const struct nva_vm *vm = directory_vm_by_name(d, "a");
    ck_assert_uint_eq(plan.object, vm->id);
    ck_assert_int_eq(vm->state, NVA_VM_RUNNING);
    ck_assert_str_eq(tsi("blue", 1)->name, "eth0");
    ck_assert_uint_eq(tsi("blue", 1)->current.nve, nve_id("hv1"));
    ck_assert(nva_place_equal(&tsi("blue", 1)->current,
                              &tsi("blue", 1)->published));
    ck_assert(vap("hv1", "tap5")->implied);

    /* Unplaced in an update: stays. */
    r = vm_req("a", "blue", 1, 7);
    add_if(&r, "eth1", "red", 2, 2);
    place_if(&r, 1, "hv1", "tap6");
    r.vm.has_state = true;
    r.vm.state = NVA_VM_PAUSED;
    ck_done(&r);
    ck_assert_str_eq(tsi("blue", 1)->current.port, "tap5");
    ck_assert_uint_eq(tsi("blue", 1)->ips[0].s6_addr[15], 7);
    ck_assert_int_eq(directory_vm_by_name(d, "a")->state, NVA_VM_PAUSED);

    /* Left out: deleted with its VAP. */
    r.vm.n_ifs = 1;
    ck_done(&r);
    ck_assert_ptr_eq(tsi("red", 2), NULL);
    ck_assert_ptr_eq(vap("hv1", "tap6"), NULL);

    /* An explicit port stays. */
    struct nva_request port = port_req("hv1", "tap5", "blue");
    port.create = true;
    ck_done(&port);
    ck_assert(!vap("hv1", "tap5")->implied);
    r = del_req(NVA_REQ_VM_DEL, "a");
    ck_done(&r);
    ck_assert_ptr_eq(tsi("blue", 1), NULL);
    ck_assert_ptr_ne(vap("hv1", "tap5"), NULL);
    ck_assert_uint_eq(directory_n_vms(d), 0);
}
END_TEST

/* Addresses and names go from one interface to the other in one request; a
 * changed MAC is another interface at the same place. */
START_TEST(test_vm_swaps)
{
    struct nva_request r = vm_req("a", "blue", 1, 1);

    add_if(&r, "eth1", "blue", 2, 2);
    place_if(&r, 0, "hv1", "tap1");
    ck_done(&r);
    nva_id first = tsi("blue", 1)->id;
    r = vm_req("a", "blue", 1, 2);
    add_if(&r, "eth1", "blue", 2, 1);
    ck_done(&r);
    ck_assert_uint_eq(tsi("blue", 1)->id, first);
    ck_assert_uint_eq(tsi("blue", 1)->ips[0].s6_addr[15], 2);
    ck_assert_uint_eq(tsi("blue", 2)->ips[0].s6_addr[15], 1);
    r = vm_req("a", "blue", 3, 2);
    add_if(&r, "net1", "blue", 2, 1);
    ck_done(&r);
    ck_assert_ptr_eq(tsi("blue", 1), NULL);
    ck_assert_str_eq(tsi("blue", 3)->current.port, "tap1");
    ck_assert_str_eq(tsi("blue", 2)->name, "net1");
}
END_TEST

/* A changed place is a move; what it concerns must stand still meanwhile. */
START_TEST(test_D16_vm_moves)
{
    struct nva_request r = vm_req("a", "blue", 1, 1);

    place_if(&r, 0, "hv1", "tap1");
    ck_done(&r);
    place_if(&r, 0, "hv2", "tap1");
    r.vm.has_state = true;
    r.vm.state = NVA_VM_MIGRATING;
    ck_done(&r);
    const struct nva_vm *vm = directory_vm_by_name(d, "a");
    ck_assert_uint_ne(vm->move, NVA_ID_NONE);
    ck_assert_int_eq(vm->state, NVA_VM_MIGRATING);
    ck_assert_uint_eq(tsi("blue", 1)->current.nve, nve_id("hv2"));
    ck_assert_uint_eq(tsi("blue", 1)->published.nve, nve_id("hv1"));

    struct nva_request more = vm_req("a", "blue", 1, 1);
    add_if(&more, "eth1", "blue", 2, 2);
    ck_refused(&more, MOVE_IN_PROGRESS, "interfaces");
    more = vm_req("a", "blue", 2, 1);
    ck_refused(&more, MOVE_IN_PROGRESS, "interfaces");
    more = vm_req("a", "blue", 1, 3);
    ck_done(&more);
    ck_assert_uint_eq(tsi("blue", 1)->published.nve, nve_id("hv1"));
    place_if(&more, 0, "hv1", "tap1");
    more.vm.ifs[0].ips[0].s6_addr[15] = 9;
    ck_refused(&more, MOVE_IN_PROGRESS, "ips");

    /* Settled, the move ends with its VM, and so do its redirects. */
    struct nva_delta delta = { .type = NVA_DELTA_MOVE_PUT };
    nva_id move = vm->move;
    delta.id = move;
    delta.move = *directory_move(d, move);
    delta.move.state = NVA_MS_DRAINING;
    apply(&delta);
    struct nva_delta redirect = { .type = NVA_DELTA_REDIRECT_PUT };
    redirect.id = redirect.redirect.id = directory_next_id(d);
    redirect.redirect.tsi = tsi("blue", 1)->id;
    redirect.redirect.at = nve_id("hv1");
    redirect.redirect.to = nve_id("hv2");
    apply(&redirect);
    more = del_req(NVA_REQ_VM_DEL, "a");
    ck_done(&more);
    ck_assert_ptr_eq(directory_redirect(d, redirect.id), NULL);
    ck_assert_int_eq(directory_move(d, move)->state, NVA_MS_DONE);
    ck_assert_int_eq(directory_move(d, move)->ended, 5 * NVA_SEC);
}
END_TEST

static void
learn(int mac, const char *nve, const char *port)
{
    struct nva_delta vm = { .type = NVA_DELTA_VM_PUT };
    struct nva_delta t = { .type = NVA_DELTA_TSI_PUT };

    vm.id = vm.vm.id = directory_next_id(d);
    vm.vm.origin = NVA_ORIGIN_LEARNED;
    snprintf(vm.vm.name, sizeof vm.vm.name, "blue/%d", mac);
    apply(&vm);
    t.id = t.tsi.id = directory_next_id(d);
    t.tsi.vm = vm.id;
    t.tsi.vn = directory_vn_by_name(d, "blue")->id;
    t.tsi.mac = (struct eth_addr) ETH_ADDR_C(02,00,00,00,00,00);
    t.tsi.mac.ea[5] = mac;
    t.tsi.n_ips = 1;
    t.tsi.ips[0] = in6_addr_mapped_ipv4(htonl(0x0a000000 + mac));
    t.tsi.current.nve = nve_id(nve);
    ovs_strlcpy(t.tsi.current.port, port, sizeof t.tsi.current.port);
    t.tsi.published = t.tsi.current;
    apply(&t);
}

/* What was learned is taken over: the same interface at the same place. */
START_TEST(test_vm_takes_learned)
{
    struct nva_request r = vm_req("a", "blue", 1, 2);

    learn(1, "hv1", "tap1");
    nva_id id = tsi("blue", 1)->id;
    ck_done(&r);
    ck_assert_uint_eq(tsi("blue", 1)->id, id);
    ck_assert_str_eq(tsi("blue", 1)->current.port, "tap1");
    ck_assert_uint_eq(tsi("blue", 1)->ips[0].s6_addr[15], 2);
    ck_assert_uint_eq(tsi("blue", 1)->vm, plan.object);
    ck_assert_uint_eq(directory_n_vms(d), 1);
    ck_assert_int_eq(directory_vm_by_name(d, "a")->state, NVA_VM_RUNNING);

    learn(3, "hv1", "tap1");
    r = vm_req("b", "blue", 3, 3);
    place_if(&r, 0, "hv2", "tap1");
    ck_done(&r);
    ck_assert_uint_eq(tsi("blue", 3)->published.nve, nve_id("hv2"));
    ck_assert_uint_eq(directory_n_vms(d), 2);
    ck_assert_uint_eq(directory_n_moves_active(d), 0);
}
END_TEST

/* A request that names no addresses leaves those that were learned learned:
 * another VM's word still takes them. */
START_TEST(test_learned_addresses_stay_learned)
{
    struct nva_request r = vm_req("a", "blue", 1, 1);
    struct nva_delta t = { .type = NVA_DELTA_TSI_PUT };

    ck_done(&r);
    t.tsi = *tsi("blue", 1);
    t.id = t.tsi.id;
    t.tsi.ips[t.tsi.n_ips++] = in6_addr_mapped_ipv4(htonl(0x0a000002));
    apply(&t);
    r.create = false;
    r.vm.sticky = true;
    r.vm.ifs[0].n_learned = 1;
    r.vm.ifs[0].ips[1] = t.tsi.ips[1];
    ck_done(&r);
    ck_assert_uint_eq(tsi("blue", 1)->n_ips, 2);
    ck_assert_uint_eq(tsi("blue", 1)->n_given, 1);
    r = vm_req("b", "blue", 2, 2);
    ck_done(&r);
    ck_assert_uint_eq(tsi("blue", 1)->n_ips, 1);
    ck_assert_uint_eq(tsi("blue", 2)->n_given, 1);
}
END_TEST

static void
allow(struct nva_request *r, int i, int mac)
{
    struct nva_request_if *nif = &r->vm.ifs[i];

    nif->allowed[nif->n_allowed] = (struct eth_addr)
        ETH_ADDR_C(02,00,00,00,00,00);
    nif->allowed[nif->n_allowed++].ea[5] = mac;
}

/* What was learned of an interface goes neither to another network with its
 * VM (0), nor to another MAC, be it new (1), or the VM's second one (2). */
START_TEST(test_learned_addresses_stay_where_they_were_learned)
{
    static const int macs[] = { 1, 4, 3 };
    const char *vn = _i ? "blue" : "red";
    struct nva_request r = vm_req("a", "blue", 1, 1);
    struct nva_delta t = { .type = NVA_DELTA_TSI_PUT };

    if (_i == 2) {
        add_if(&r, "eth1", "blue", 3, 3);
    }
    ck_done(&r);
    t.tsi = *tsi("blue", 1);
    t.id = t.tsi.id;
    t.tsi.ips[t.tsi.n_ips++] = in6_addr_mapped_ipv4(htonl(0x0a000002));
    apply(&t);
    r = vm_req("a", vn, macs[_i], 1);
    r.create = false;
    r.vm.ifs[0].n_learned = 1;
    r.vm.ifs[0].ips[1] = t.tsi.ips[1];
    ck_done(&r);
    ck_assert_ptr_eq(tsi("blue", 1), NULL);
    ck_assert_uint_eq(tsi(vn, macs[_i])->n_ips, 1);
}
END_TEST

/* A MAC for nested guests is nobody's own, but may be several interfaces'. */
START_TEST(test_D15_allowed_macs)
{
    struct nva_request a = vm_req("a", "blue", 1, 1);
    struct nva_request b = vm_req("b", "blue", 2, 2);
    struct nva_request r;

    allow(&a, 0, 1);
    ck_refused(&a, MAC_TAKEN, "allowed_macs");
    a.vm.ifs[0].n_allowed = 0;
    allow(&a, 0, 9);
    allow(&a, 0, 9);
    ck_refused(&a, MAC_TAKEN, "allowed_macs");
    a.vm.ifs[0].n_allowed = 1;
    ck_done(&a);
    allow(&b, 0, 1);
    ck_refused(&b, MAC_TAKEN, "allowed_macs");
    b.vm.ifs[0].n_allowed = 0;
    allow(&b, 0, 9);
    ck_done(&b);
    r = vm_req("c", "blue", 9, 9);
    ck_refused(&r, MAC_TAKEN, "mac");
    r = vm_req("c", "red", 9, 9);
    ck_done(&r);                        /* Another network. */
    r = vm_req("d", "blue", 4, 4);
    allow(&r, 0, 5);
    add_if(&r, "eth1", "blue", 5, 5);
    ck_refused(&r, MAC_TAKEN, "mac");
    r.vm.ifs[0].n_allowed = NVA_ALLOWED_MACS_MAX + 1;
    ck_refused(&r, LIMIT, "allowed_macs");

    /* A learned host yields. */
    learn(7, "hv1", "tap1");
    a.create = false;
    allow(&a, 0, 7);
    ck_done(&a);
    ck_assert_ptr_eq(tsi("blue", 7), NULL);
    ck_assert_uint_eq(tsi("blue", 1)->n_allowed, 2);
}
END_TEST

/* So many interfaces may allow one MAC, of one VM or of many; one of them may
 * be asked for again. */
START_TEST(test_D15_as_many_allow_a_mac)
{
    struct nva_request r;
    char name[16];

    for (int i = 1; i < NVA_ALLOWING_MAX; i++) {
        snprintf(name, sizeof name, "vm%d", i);
        r = vm_req(name, "blue", i, i);
        allow(&r, 0, 200);
        ck_done(&r);
    }
    r = vm_req("two", "blue", 101, 101);
    allow(&r, 0, 200);
    add_if(&r, "eth1", "blue", 102, 102);
    allow(&r, 1, 200);
    ck_refused(&r, LIMIT, "allowed_macs");
    r.vm.ifs[1].n_allowed = 0;
    ck_done(&r);
    r.create = false;
    r.vm.sticky = true;
    ck_done(&r);
    r = vm_req("more", "blue", 103, 103);
    allow(&r, 0, 200);
    ck_refused(&r, LIMIT, "allowed_macs");
    r = vm_req("more", "red", 103, 103);
    allow(&r, 0, 200);
    ck_done(&r);
}
END_TEST

static size_t
count_taken_notes(int mac, int ip)
{
    const struct in6_addr addr = in6_addr_mapped_ipv4(htonl(0x0a000000 + ip));
    size_t n = 0;

    for (size_t i = 0; i < plan.n_notes; i++) {
        const struct nva_note *note = &plan.notes[i];

        n += (note->type == NVA_NOTE_CONFIGURED
              && note->reason == NVA_R_IP_TAKEN && note->mac.ea[5] == mac
              && note->tsi == tsi("blue", mac)->id
              && ipv6_addr_equals(&note->ip, &addr));
    }
    return n;
}

/* A learned host holds no address against VM management: it loses the one,
 * and keeps the others, its place and its MAC (D15, D16). */
START_TEST(test_D16_configured_wins)
{
    struct nva_request r = vm_req("a", "blue", 1, 7);
    struct nva_delta more = { .type = NVA_DELTA_TSI_PUT };

    learn(7, "hv1", "tap1");
    more.tsi = *tsi("blue", 7);
    more.id = more.tsi.id;
    for (int i = 70; i < 73; i++) {
        more.tsi.ips[more.tsi.n_ips++]
            = in6_addr_mapped_ipv4(htonl(0x0a000000 + i));
    }
    apply(&more);

    place_if(&r, 0, "hv2", "tap1");
    r.vm.ifs[0].ips[r.vm.ifs[0].n_ips++]
        = in6_addr_mapped_ipv4(htonl(0x0a000000 + 71));
    ck_done(&r);
    ck_assert_uint_eq(tsi("blue", 1)->n_ips, 2);
    ck_assert_uint_eq(directory_tsi_by_ip(d, more.tsi.vn,
                                          &more.tsi.ips[0])->id,
                      tsi("blue", 1)->id);
    ck_assert_uint_eq(tsi("blue", 7)->n_ips, 2);
    ck_assert_uint_eq(tsi("blue", 7)->ips[0].s6_addr[15], 70);
    ck_assert_uint_eq(tsi("blue", 7)->ips[1].s6_addr[15], 72);
    ck_assert_uint_eq(tsi("blue", 7)->current.nve, nve_id("hv1"));
    ck_assert_uint_eq(tsi("blue", 7)->vm, more.tsi.vm);
    ck_assert_uint_eq(count_taken_notes(7, 7), 1);
    ck_assert_uint_eq(count_taken_notes(7, 71), 1);

    /* A configured one still holds. */
    r = vm_req("b", "blue", 2, 7);
    ck_refused(&r, IP_TAKEN, "ips");

    /* An update takes, too; and a refusal takes nothing. */
    r = vm_req("a", "blue", 1, 72);
    place_if(&r, 0, "hv9", "tap1");
    ck_refused(&r, NOT_FOUND, "nve");
    ck_assert_uint_eq(tsi("blue", 7)->n_ips, 2);
    r = vm_req("a", "blue", 1, 72);
    ck_done(&r);
    ck_assert_uint_eq(tsi("blue", 7)->n_ips, 1);
    ck_assert_uint_eq(tsi("blue", 7)->ips[0].s6_addr[15], 70);
    ck_assert_uint_eq(count_taken_notes(7, 72), 1);
}
END_TEST

/* One learned host is taken over, its address goes to the VM's other
 * interface: at its place, and elsewhere. */
START_TEST(test_vm_takes_learned_address)
{
    for (int i = 0; i < 2; i++) {
        const int mac = 10 * (i + 1);
        struct nva_request r = { .type = NVA_REQ_VM_PUT };

        snprintf(r.vm.name, sizeof r.vm.name, "vm%d", i);
        add_if(&r, "eth0", "blue", mac + 1, mac);
        add_if(&r, "eth1", "blue", mac, mac + 1);
        if (i) {
            place_if(&r, 1, "hv2", "tap1");
        }
        learn(mac, "hv1", "tap1");
        learn(mac + 1, "hv1", "tap1");
        ck_done(&r);
        ck_assert_uint_eq(plan.n_notes, 1);
        ck_assert_uint_eq(tsi("blue", mac)->ips[0].s6_addr[15], mac + 1);
        ck_assert_uint_eq(tsi("blue", mac + 1)->ips[0].s6_addr[15], mac);
        ck_assert_uint_eq(tsi("blue", mac)->vm, tsi("blue", mac + 1)->vm);
    }
    ck_assert_uint_eq(directory_n_vms(d), 2);
}
END_TEST

/* ## Churn ## */

static uint64_t rng;

static uint32_t
draw(uint32_t n)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (rng >> 16) % n;
}

/* A request that may well be refused. */
static struct nva_request
draw_request(void)
{
    static const char *const vns[] = { "blue", "red", "green" };
    static const char *const nves[] = { "hv1", "hv2", "hv3" };
    static const char *const ports[] = { "tap1", "tap2", "tap3", "tap4" };
    const char *vn = vns[draw(3)], *nve = nves[draw(3)];
    const char *port = ports[draw(4)];
    struct nva_request r;
    char name[NVA_NAME_MAX];

    snprintf(name, sizeof name, "vm%u", draw(20));
    switch (draw(12)) {
    case 0: return vn_req(vn, 100 * (1 + draw(3)));
    case 1: return del_req(NVA_REQ_VN_DEL, vn);
    case 2: return nve_req(nve, 1 + draw(3));
    case 3: return del_req(NVA_REQ_NVE_DEL, nve);
    case 4: return port_req(nve, port, vn);
    case 5:
        r = port_req(nve, port, "");
        r.type = NVA_REQ_PORT_DEL;
        return r;
    case 6: return del_req(NVA_REQ_VM_DEL, name);
    default:
        r = vm_req(name, vn, 1 + draw(30), draw(30));
        if (draw(2)) {
            add_if(&r, "eth1", vns[draw(3)], 1 + draw(30), draw(30));
        }
        for (size_t i = 0; i < r.vm.n_ifs; i++) {
            if (draw(2)) {
                place_if(&r, i, nve, ports[draw(4)]);
            }
        }
        return r;
    }
}

/* Moves end somehow: this is not what is tested here. */
static void
settle(const char *name)
{
    const struct nva_vm *vm = directory_vm_by_name(d, name);

    if (vm && vm->move) {
        struct nva_delta move = { .type = NVA_DELTA_MOVE_PUT };
        struct nva_delta put = { .type = NVA_DELTA_VM_PUT };

        move.id = vm->move;
        move.move = *directory_move(d, vm->move);
        put.id = vm->id;
        put.vm = *vm;
        move.move.state = draw(2) ? NVA_MS_CONVERGING : NVA_MS_DONE;
        put.vm.move = move.move.state == NVA_MS_DONE ? 0 : vm->move;
        apply(&move);
        apply(&put);
    }
}

/* Now and then a host shows itself at a port of blue's. */
static void
draw_learned(void)
{
    const int mac = 1 + draw(30);
    const struct in6_addr ip = in6_addr_mapped_ipv4(htonl(0x0a000000 + mac));
    const struct nva_vn *vn = directory_vn_by_name(d, "blue");
    const struct nva_nve *nve = directory_nve_by_name(d, "hv1");
    char name[NVA_NAME_MAX];

    snprintf(name, sizeof name, "blue/%d", mac);
    if (vn && nve && !draw(8) && vap("hv1", "tap1")
        && vap("hv1", "tap1")->vn == vn->id && !tsi("blue", mac)
        && !directory_tsi_by_ip(d, vn->id, &ip)
        && !directory_vm_by_name(d, name)) {
        learn(mac, "hv1", "tap1");
    }
}

START_TEST(test_churn)
{
    const char *env = getenv("NVA_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 0) : 20240613;
    size_t n_done = 0;

    printf("test-registry: churn seed %llu\n", (unsigned long long) seed);
    rng = seed ? seed : 1;
    for (int i = 0; i < 5000; i++) {
        struct nva_request r = draw_request();

        n_done += !ask(&r);
        draw_learned();
        if (r.type == NVA_REQ_VM_PUT && draw(2)) {
            settle(r.vm.name);
        }
    }
    ck_assert_uint_gt(n_done, 500);
}
END_TEST

START_TEST(test_port_security_and_shared_ips)
{
    const struct in6_addr vip = in6_addr_mapped_ipv4(htonl(0x0a000000 + 77));
    struct nva_request vn = vn_req("green", 77);
    struct nva_request vm, other;
    nva_id id;

    vn.vn.vn.port_security = NVA_PS_FULL;
    vn.vn.vn.binding = NVA_BINDING_LEARN;
    ck_refused(&vn, BAD_VALUE, "port_security");
    vn.vn.vn.binding = NVA_BINDING_STRICT;
    vn.vn.vn.n_shared_ips = 1;
    ck_refused(&vn, BAD_IP, "shared_ips");
    vn.vn.vn.shared_ips[0] = vip;
    ck_done(&vn);
    id = directory_vn_by_name(d, "green")->id;

    /* Two may name it; the first has it until the other announces it. */
    vm = vm_req("g1", "green", 51, 77);
    ck_done(&vm);
    other = vm_req("g2", "green", 52, 77);
    ck_done(&other);
    ck_assert_ptr_eq(directory_tsi_by_ip(d, id, &vip), tsi("green", 51));

    /* Whoever has it keeps it when VM management says nothing of it. */
    vm = vm_req("g1", "green", 51, 1);
    ck_done(&vm);
    ck_assert_ptr_eq(directory_tsi_by_ip(d, id, &vip), tsi("green", 51));
    ck_assert_uint_eq(tsi("green", 51)->n_ips, 2);

    /* Shared no more: what was kept without being named yields, as any other
     * address that a frame has claimed. */
    vn.vn.vn.n_shared_ips = 0;
    ck_done(&vn);
    ck_done(&other);
    ck_assert_ptr_eq(directory_tsi_by_ip(d, id, &vip), tsi("green", 52));
    vm = vm_req("g1", "green", 51, 77);
    ck_refused(&vm, IP_TAKEN, "ips");
}
END_TEST

static Suite *
registry_suite(void)
{
    const TTest *const tests[] = {
        test_vn, test_vn_del, test_nve, test_nve_keeps, test_nve_del,
        test_port, test_port_limits, test_port_limit_of_vn_at_nve,
        test_vm_refusals, test_vm_place_refusals, test_D16_vm_life,
        test_vm_swaps, test_D16_vm_moves, test_vm_takes_learned,
        test_learned_addresses_stay_learned, test_D15_allowed_macs,
        test_D15_as_many_allow_a_mac,
        test_D16_configured_wins, test_vm_takes_learned_address,
        test_port_security_and_shared_ips, test_churn,
    };
    Suite *suite = suite_create("registry");
    TCase *tcase = tcase_create("registry");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
        tcase_add_test(tcase, tests[i]);
    }
    tcase_add_loop_test(tcase,
                        test_learned_addresses_stay_where_they_were_learned,
                        0, 3);
    suite_add_tcase(suite, tcase);
    return suite;
}

int
main(void)
{
    SRunner *runner = srunner_create(registry_suite());
    int n_failed;

    srunner_run_all(runner, CK_NORMAL);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
