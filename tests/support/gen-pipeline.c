/* SPDX-License-Identifier: Apache-2.0 */

/* Prints docs/pipeline.md from the code, so that it cannot say anything else:
 * the tables, the cookie, the meters, and what each kind of owner puts into
 * one NVE of a small fabric.
 *
 *     gen-pipeline               prints the page
 *     gen-pipeline --check FILE  exits 1 unless FILE is that page
 *     gen-pipeline --flows       prints the flows alone, for ovs-ofctl
 *     gen-pipeline --meters      prints the meters alone, for ovs-ofctl */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "directory.h"
#include "intent.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/util.h"
#include "packets.h"
#include "pipeline.h"
#include "util.h"

/* The ids of the small fabric. */
enum { BLUE = 1, RED = 2, GREEN = 3, WHITE = 4 };
enum { HV1 = 11, HV2 = 12, HV3 = 13 };
enum { VAP_BLUE = 21, VAP_RED = 22, VAP_MAC = 23, VAP_HV2 = 24, VAP_HV3 = 25,
       VAP_RED_HV2 = 26, VAP_FLOODS = 27, VAP_GREEN = 28,
       VAP_GREEN_HV2 = 29, VAP_WHITE = 30, VAP_QUIET = 52 };
enum { VM_HERE = 31, VM_HV2 = 32, VM_HV3 = 33, VM_PAUSED = 34,
       VM_COMING = 35, VM_LEARNED = 36, VM_HELD = 37, VM_SHARES = 38,
       VM_PULLED = 39, VM_TO_QUIET = 53, VM_EARLY = 54 };
enum { REDIRECT_V4 = 41, REDIRECT_V6 = 42, NOBODY = 51 };

#define NOW (1000 * NVA_SEC)

/* What is shown, in this order, all of it at hv1. */
static const struct sample {
    enum nva_owner_kind kind;
    nva_id id;
    const char *what;
} samples[] = {
    { NVA_OWNER_BASE, HV1, "What every NVE has." },
    { NVA_OWNER_VN, BLUE,
      "A VN with VNI 100; the NVA is asked for unknown MACs; the other NVEs "
      "are one over IPv4 and one over IPv6." },
    { NVA_OWNER_FLOOD, BLUE, "Its flood lists." },
    { NVA_OWNER_QUIET, VAP_QUIET,
      "A port of it that only a VM that is prepared there is to use." },
    { NVA_OWNER_VN, RED,
      "A VN with VNI 200 that floods unknown MACs and drops unknown "
      "questions." },
    { NVA_OWNER_VAP, VAP_BLUE, "A port of a VN with `binding=strict`." },
    { NVA_OWNER_VAP, VAP_RED, "A port of a VN with `binding=learn`." },
    { NVA_OWNER_VAP, VAP_MAC, "The same port, only what comes from one MAC." },
    { NVA_OWNER_VAP, VAP_FLOODS,
      "One that floods: its ARP, RARP and ND is on detour through the NVA." },
    { NVA_OWNER_TSI, VM_HERE,
      "An interface that stands here, with an IPv4 and an IPv6 address." },
    { NVA_OWNER_ADDRESS, VM_HERE, "Its addresses, at every NVE of the VN "
      "(in one that pulls: at its own)." },
    { NVA_OWNER_TSI, VM_LEARNED, "One in a VN with `binding=learn`." },
    { NVA_OWNER_ADDRESS, VM_LEARNED,
      "Its addresses, which it taught itself." },
    { NVA_OWNER_TSI, VM_SHARES,
      "One in a VN with `port_security=full`, which shares its addresses." },
    { NVA_OWNER_ADDRESS, VM_SHARES, "Those addresses." },
    { NVA_OWNER_TSI, VM_HV2, "One behind an NVE that is reached over IPv4." },
    { NVA_OWNER_TSI, VM_HV3, "One behind an NVE that is reached over IPv6." },
    { NVA_OWNER_TSI, VM_PAUSED,
      "One that is paused here, about to go on elsewhere." },
    { NVA_OWNER_TSI, VM_EARLY,
      "One that is paused early: it still runs here, what comes for it goes "
      "on." },
    { NVA_OWNER_TSI, VM_COMING, "One that is prepared to come here." },
    { NVA_OWNER_TSI, VM_HELD,
      "One that is to come here, whose packets are held meanwhile." },
    { NVA_OWNER_REDIRECT, REDIRECT_V4, "A redirect to an IPv4 NVE." },
    { NVA_OWNER_REDIRECT, REDIRECT_V6, "A redirect to an IPv6 NVE." },
    { NVA_OWNER_VN, GREEN,
      "A VN with VNI 300 that pulls: its misses and questions go to the "
      "NVA." },
    { NVA_OWNER_TSI, VM_PULLED,
      "One elsewhere in that VN, which this NVE has asked for." },
    { NVA_OWNER_ABSENT, NOBODY, "A MAC that nobody has in that VN." },
};

/* ## The small fabric ## */

static void
apply(struct directory *dir, const struct nva_delta *delta)
{
    struct nva_dirty_list dirty;

    nva_dirty_init(&dirty);
    directory_apply(dir, delta, &dirty);
    nva_dirty_uninit(&dirty);
}

static void
put_pull(struct directory *dir, nva_id id, nva_id tsi)
{
    static const struct eth_addr mac = ETH_ADDR_C(02,00,00,00,00,98);
    struct nva_delta d = { .type = NVA_DELTA_PULL_PUT, .id = id };

    d.pull.id = id;
    d.pull.nve = HV1;
    d.pull.vn = GREEN;
    d.pull.tsi = tsi;
    d.pull.mac = tsi ? eth_addr_zero : mac;
    d.pull.until = d.pull.look = NOW + (tsi ? NVA_LIFETIME_DEFAULT
                                        : NVA_LIFETIME_ABSENT) * NVA_SEC;
    apply(dir, &d);
}

static struct in6_addr
ip(const char *s)
{
    struct in6_addr addr;

    if (nva_ip_parse(s, &addr) != NVA_OK) {
        abort();
    }
    return addr;
}

static void
put_vn(struct directory *dir, nva_id id, const char *name, uint32_t vni,
       bool relaxed)
{
    struct nva_delta d = { .type = NVA_DELTA_VN_PUT, .id = id };

    d.vn.id = id;
    ovs_strlcpy(d.vn.name, name, sizeof d.vn.name);
    d.vn.vni = vni;
    d.vn.binding = relaxed ? NVA_BINDING_LEARN : NVA_BINDING_STRICT;
    d.vn.unknown_question = relaxed ? NVA_UQ_DROP : NVA_UQ_FLOOD;
    d.vn.unknown_unicast = relaxed ? NVA_UU_FLOOD : NVA_UU_QUERY;
    d.vn.redirect_timeout = NVA_REDIRECT_TIMEOUT_DEFAULT;
    if (id == WHITE) {
        d.vn.port_security = NVA_PS_FULL;
        d.vn.shared_ips[d.vn.n_shared_ips++] = ip("10.0.0.38");
        d.vn.shared_ips[d.vn.n_shared_ips++] = ip("fd10::38");
    }
    d.vn.lifetime = NVA_LIFETIME_DEFAULT;
    d.vn.pulls = id == GREEN;
    apply(dir, &d);
}

static void
put_nve(struct directory *dir, nva_id id, const char *name,
        const char *tunnel_ip)
{
    struct nva_delta d = { .type = NVA_DELTA_NVE_PUT, .id = id };

    d.nve.id = id;
    ovs_strlcpy(d.nve.name, name, sizeof d.nve.name);
    d.nve.dpid = id;
    d.nve.tunnel_ip = ip(tunnel_ip);
    d.nve.connected = true;
    d.nve.session = id;
    apply(dir, &d);
}

static void
put_port(struct directory *dir, nva_id nve, const char *name,
         nva_ofport ofport)
{
    struct nva_delta d = { .type = NVA_DELTA_PORT_PUT };

    d.port.nve = nve;
    ovs_strlcpy(d.port.name, name, sizeof d.port.name);
    d.port.ofport = ofport;
    apply(dir, &d);
}

static void
put_vap(struct directory *dir, nva_id id, const struct nva_place *place,
        nva_id vn, bool has_mac)
{
    static const struct eth_addr mac = ETH_ADDR_C(02,00,00,00,00,99);
    struct nva_delta d = { .type = NVA_DELTA_VAP_PUT, .id = id };

    d.vap.id = id;
    d.vap.nve = place->nve;
    ovs_strlcpy(d.vap.port, place->port, sizeof d.vap.port);
    d.vap.has_mac = has_mac;
    d.vap.mac = has_mac ? mac : eth_addr_zero;
    d.vap.vn = vn;
    d.vap.detour = (id == VAP_FLOODS ? NVA_DETOUR_NEIGHBOUR
                    : NVA_DETOUR_NONE);
    apply(dir, &d);
}

/* The interface with id N has the MAC 02:00:00:00:00:N, the IPs 10.0.0.N and
 * fd10::N, N in decimal. */
static struct nva_tsi
make_tsi(nva_id id, nva_id vn)
{
    struct nva_tsi tsi = { .id = id, .vm = id + 100, .vn = vn };
    char text[INET6_ADDRSTRLEN];

    ovs_strlcpy(tsi.name, "eth0", sizeof tsi.name);
    tsi.mac = (struct eth_addr) ETH_ADDR_C(02,00,00,00,00,00);
    tsi.mac.ea[5] = id / 10 * 16 + id % 10;
    snprintf(text, sizeof text, "10.0.0.%u", (unsigned int) id);
    tsi.ips[tsi.n_ips++] = ip(text);
    snprintf(text, sizeof text, "fd10::%u", (unsigned int) id);
    tsi.ips[tsi.n_ips++] = ip(text);
    return tsi;
}

static void
put_tsi(struct directory *dir, const struct nva_tsi *tsi)
{
    struct nva_delta vm = { .type = NVA_DELTA_VM_PUT, .id = tsi->vm };
    struct nva_delta d = { .type = NVA_DELTA_TSI_PUT, .id = tsi->id };

    vm.vm.id = tsi->vm;
    snprintf(vm.vm.name, sizeof vm.vm.name, "vm%u", (unsigned int) tsi->id);
    vm.vm.state = NVA_VM_RUNNING;
    apply(dir, &vm);
    d.tsi = *tsi;
    apply(dir, &d);
}

static void
put_redirect(struct directory *dir, nva_id id, nva_id tsi, nva_id to)
{
    struct nva_delta d = { .type = NVA_DELTA_REDIRECT_PUT, .id = id };

    d.redirect.id = id;
    d.redirect.tsi = tsi;
    d.redirect.at = HV1;
    d.redirect.to = to;
    d.redirect.since = NOW;
    d.redirect.until = NOW + 10 * NVA_SEC;
    apply(dir, &d);
}

static const struct nva_place tap_a = { HV1, "tap-a" };
static const struct nva_place tap_b = { HV1, "tap-b" };
static const struct nva_place tap_h = { HV1, "tap-h" };
static const struct nva_place tap_c = { HV2, "tap-c" };
static const struct nva_place tap_d = { HV3, "tap-d" };
static const struct nva_place tap_e = { HV2, "tap-e" };
static const struct nva_place tap_f = { HV1, "tap-f" };
static const struct nva_place tap_i = { HV1, "tap-i" };
static const struct nva_place tap_g = { HV2, "tap-g" };

static void
make_switches(struct directory *dir)
{
    put_vn(dir, BLUE, "blue", 100, false);
    put_vn(dir, RED, "red", 200, true);
    put_vn(dir, GREEN, "green", 300, false);
    put_vn(dir, WHITE, "white", 400, false);
    put_nve(dir, HV1, "hv1", "172.31.0.1");
    put_nve(dir, HV2, "hv2", "172.31.0.2");
    put_nve(dir, HV3, "hv3", "fd31::3");
    put_port(dir, HV1, "vx0", 1);
    put_port(dir, HV1, "tap-a", 2);
    put_port(dir, HV1, "tap-b", 3);
    put_port(dir, HV1, "tap-h", 5);
    put_port(dir, HV1, "tap-i", 6);
    put_port(dir, HV2, "vx0", 1);
    put_port(dir, HV2, "tap-c", 2);
    put_port(dir, HV2, "tap-e", 3);
    put_port(dir, HV2, "tap-g", 4);
    put_port(dir, HV3, "vx0", 1);
    put_port(dir, HV3, "tap-d", 2);
    put_vap(dir, VAP_BLUE, &tap_a, BLUE, false);
    put_vap(dir, VAP_RED, &tap_b, RED, false);
    put_vap(dir, VAP_MAC, &tap_b, BLUE, true);
    put_vap(dir, VAP_FLOODS, &tap_a, BLUE, true);
    put_vap(dir, VAP_WHITE, &tap_h, WHITE, false);
    put_vap(dir, VAP_HV2, &tap_c, BLUE, false);
    put_vap(dir, VAP_HV3, &tap_d, BLUE, false);
    put_vap(dir, VAP_RED_HV2, &tap_e, RED, false);
    put_vap(dir, VAP_GREEN, &tap_f, GREEN, false);
    put_vap(dir, VAP_QUIET, &tap_i, BLUE, false);
    put_vap(dir, VAP_GREEN_HV2, &tap_g, GREEN, false);
}

static void
make_vms(struct directory *dir)
{
    static const struct {
        nva_id id, vn;
        const struct nva_place *current, *published, *prepared;
        bool paused, held;
    } vms[] = {
        { VM_HERE, BLUE, &tap_a, &tap_a, NULL, false, false },
        { VM_HV2, BLUE, &tap_c, &tap_c, NULL, false, false },
        { VM_HV3, BLUE, &tap_d, &tap_d, NULL, false, false },
        { VM_PAUSED, BLUE, &tap_a, &tap_a, &tap_c, true, false },
        { VM_EARLY, BLUE, &tap_a, &tap_a, &tap_c, true, true },
        { VM_COMING, BLUE, &tap_c, &tap_c, &tap_a, false, false },
        { VM_LEARNED, RED, &tap_b, &tap_b, NULL, false, false },
        { VM_HELD, BLUE, &tap_c, &tap_c, &tap_a, true, true },
        { VM_SHARES, WHITE, &tap_h, &tap_h, NULL, false, false },
        { VM_PULLED, GREEN, &tap_g, &tap_g, NULL, false, false },
        { VM_TO_QUIET, BLUE, &tap_c, &tap_c, &tap_i, false, false },
    };

    for (size_t i = 0; i < ARRAY_SIZE(vms); i++) {
        struct nva_tsi tsi = make_tsi(vms[i].id, vms[i].vn);

        tsi.current = *vms[i].current;
        tsi.published = *vms[i].published;
        if (vms[i].prepared) {
            tsi.prepared = *vms[i].prepared;
        }
        tsi.paused = vms[i].paused;
        tsi.n_given = vms[i].id == VM_LEARNED ? 0 : tsi.n_ips;
        tsi.early = vms[i].id == VM_EARLY;
        tsi.held_until = vms[i].held ? NOW + NVA_HOLD_MAX : 0;
        put_tsi(dir, &tsi);
    }
    put_redirect(dir, REDIRECT_V4, VM_PAUSED, HV2);
    put_redirect(dir, REDIRECT_V6, VM_HV3, HV3);
    put_pull(dir, NVA_ID_NONE, VM_PULLED);
    put_pull(dir, NOBODY, NVA_ID_NONE);
}

/* ## The page ## */

static void
format_owner_flows(const struct flow_set *flows, struct ds *s)
{
    for (size_t i = 0; i < flow_set_n(flows); i++) {
        nva_flow_format(flow_set_at(flows, i), s);
        ds_put_char(s, '\n');
    }
}

static void
format_meters(const struct flow_set *flows, struct ds *s)
{
    for (size_t i = 0; i < flow_set_n_meters(flows); i++) {
        const struct nva_meter *m = flow_set_meter(flows, i);

        ds_put_format(s, "meter=%"PRIu32" pktps,burst,stats "
                      "bands=type=drop,rate=%"PRIu32",burst_size=%"PRIu32"\n",
                      m->id, m->rate, m->burst);
    }
}

static void
format_head(struct ds *s)
{
    ds_put_cstr(s,
"# Flow pipeline of an NVE\n"
"\n"
"Generated from the code by `tests/support/gen-pipeline`: do not edit.\n"
"\n"
"## Tables\n"
"\n"
"| number | name | what it does |\n"
"|---|---|---|\n");
#define X(E, N, W, T) ds_put_format(s, "| %d | %s | %s |\n", N, W, T);
    NVA_TABLES
#undef X
    ds_put_cstr(s,
"\n"
"A packet from a local port meets classify, admit, address and forward; one\n"
"from a tunnel classify, redirect and deliver, and never goes back into a\n"
"tunnel but by redirect and hop.  `reg0` holds the VNI, `reg1` how often a\n"
"packet from a tunnel has been redirected (the two top bits of its tunnel\n"
"key).\n"
"\n"
"## Cookie\n"
"\n"
"| bits | what |\n"
"|---|---|\n");
    ds_put_format(s, "| 63..56 | application, 0x%02"PRIx64" |\n",
                  NVA_COOKIE_APP);
    ds_put_format(s, "| 55..48 | schema, %"PRIu64" |\n", NVA_COOKIE_SCHEMA);
    ds_put_format(s, "| 47..%d | kind of the owner |\n", NVA_ID_BITS);
    ds_put_format(s, "| %d..0 | id of the owner |\n", NVA_ID_BITS - 1);
    ds_put_cstr(s, "\n| kind | word |\n|---|---|\n");
    for (int kind = 1; kind < NVA_N_OWNER_KINDS; kind++) {
        ds_put_format(s, "| %d | %s |\n", kind, nva_owner_kind_word(kind));
    }
}

static void
format_meter_head(struct ds *s)
{
    ds_put_cstr(s,
"\n"
"## Meters\n"
"\n"
"| meter | packets per second | burst | limits |\n"
"|---|---|---|---|\n");
    ds_put_format(s, "| the OpenFlow number of a VAP's port | %d | %d "
                  "| ARP, ND and RARP of a VM |\n",
                  PIPELINE_VAP_RATE, PIPELINE_VAP_BURST);
    ds_put_format(s, "| 0x%x more | %d | %d "
                  "| what else of a VM is shown to the NVA |\n",
                  PIPELINE_METER_DATA, PIPELINE_DATA_RATE,
                  PIPELINE_DATA_BURST);
    ds_put_format(s, "| 0x%x more | %d | %d "
                  "| what says that a VM is where it is prepared |\n",
                  PIPELINE_METER_SHOW, PIPELINE_SHOW_RATE,
                  PIPELINE_SHOW_BURST);
    ds_put_format(s, "| 0x%x | %d | %d | packets nobody knows where to send "
                  "|\n", PIPELINE_METER_STRAY, PIPELINE_STRAY_RATE,
                  PIPELINE_STRAY_BURST);
    ds_put_format(s, "| 0x%x | %d | %d | packets to be held |\n",
                  PIPELINE_METER_HOLD, PIPELINE_HOLD_RATE,
                  PIPELINE_HOLD_BURST);
    ds_put_format(s, "| 0x%x | %d | %d | TCP segments to be reset |\n",
                  PIPELINE_METER_RESET, PIPELINE_RESET_RATE,
                  PIPELINE_RESET_BURST);
    ds_put_format(s, "| 0x%x | %d | %d | first packets in VNs that pull |\n",
                  PIPELINE_METER_MISS, PIPELINE_MISS_RATE,
                  PIPELINE_MISS_BURST);
    ds_put_format(s, "| 0x%x | %d | %d | what comes in at ports that nobody "
                  "bound |\n", PIPELINE_METER_UNBOUND, PIPELINE_UNBOUND_RATE,
                  PIPELINE_UNBOUND_BURST);
    ds_put_cstr(s,
"\n"
"## Flows by owner\n"
"\n"
"Of one NVE (172.31.0.1; tunnel port 1, local ports 2 to 4) in a fabric of\n"
"three (172.31.0.2, fd31::3).\n");
}

static void
format_page(const struct directory *dir, struct ds *s)
{
    struct flow_set *flows = flow_set_create();

    format_head(s);
    format_meter_head(s);
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        const struct sample *sample = &samples[i];
        struct nva_owner owner = { sample->kind, sample->id };

        intent_flows(dir, HV1, owner, NOW, flows);
        ds_put_format(s, "\n### %s %"PRIu64"\n\n%s\n\n",
                      nva_owner_kind_word(owner.kind), owner.id,
                      sample->what);
        ds_put_cstr(s, "```\n");
        format_meters(flows, s);
        format_owner_flows(flows, s);
        ds_put_cstr(s, "```\n");
    }
    flow_set_destroy(flows);
}

static void
format_all(const struct directory *dir, bool meters, struct ds *s)
{
    struct flow_set *flows = flow_set_create();
    struct flow_set *all = flow_set_create();   /* The meters, each once. */

    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        struct nva_owner owner = { samples[i].kind, samples[i].id };

        intent_flows(dir, HV1, owner, NOW, flows);
        for (size_t j = 0; j < flow_set_n_meters(flows); j++) {
            flow_set_add_meter(all, *flow_set_meter(flows, j));
        }
        if (!meters) {
            format_owner_flows(flows, s);
        }
    }
    if (meters) {
        format_meters(all, s);
    }
    flow_set_destroy(all);
    flow_set_destroy(flows);
}

/* 0 if the file holds just 'page'. */
static int
compare(const char *file, const struct ds *page)
{
    FILE *stream = fopen(file, "r");
    struct ds found = DS_EMPTY_INITIALIZER;
    int c, different;

    if (!stream) {
        fprintf(stderr, "%s: cannot open\n", file);
        return 1;
    }
    while ((c = getc(stream)) != EOF) {
        ds_put_char(&found, c);
    }
    fclose(stream);
    different = strcmp(ds_cstr_ro(&found), ds_cstr_ro(page));
    if (different) {
        fprintf(stderr, "%s is not what the code does: write the output of "
                "gen-pipeline to it\n", file);
    }
    ds_destroy(&found);
    return different ? 1 : 0;
}

int
main(int argc, char *argv[])
{
    struct directory *dir = directory_create();
    struct ds s = DS_EMPTY_INITIALIZER;
    int status = 0;

    make_switches(dir);
    make_vms(dir);
    if (argc == 2 && !strcmp(argv[1], "--flows")) {
        format_all(dir, false, &s);
        fputs(ds_cstr(&s), stdout);
    } else if (argc == 2 && !strcmp(argv[1], "--meters")) {
        format_all(dir, true, &s);
        fputs(ds_cstr(&s), stdout);
    } else if (argc == 3 && !strcmp(argv[1], "--check")) {
        format_page(dir, &s);
        status = compare(argv[2], &s);
    } else {
        format_page(dir, &s);
        fputs(ds_cstr(&s), stdout);
    }
    ds_destroy(&s);
    directory_destroy(dir);
    return status;
}
