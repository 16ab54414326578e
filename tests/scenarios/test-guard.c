/* SPDX-License-Identifier: Apache-2.0 */

/* What no port may send: it reaches nobody, and is counted with its reason
 * (S1 to S3). */

#include <config.h>

#include "stage.h"

#include <string.h>

#include "flow.h"
#include "guest-frame.h"
#include "util.h"

enum { VM = 1, C1 = 11, C2 = 12 };      /* Last bytes of the addresses. */
enum { LEARN, STRICT, FULL, N_NETWORKS };

#define MAC(LAST) { 2, 0, 0, 0, 0, LAST }

static const uint8_t c1_mac[6] = MAC(C1);
static const uint8_t vm_mac[6] = MAC(VM);

static void
set(struct stage *s, int network)
{
    stage_set(s, network ? STAGE_STRICT : 0, 0);
    if (network == FULL) {
        must(s, "PUT", "/v1/vns/blue", "{\"port_security\": \"full\"}");
        sim_settle(s->sim);
    }
}

static int
n_read(struct stage *s)
{
    return (sim_answers(s->sim, s->vm) + sim_answers(s->sim, s->c[2])
            + sim_answers(s->sim, s->c[3]));
}

static size_t
n_dropped(struct stage *s, enum nva_reason reason)
{
    return sim_notes(s->sim, NVA_NOTE_DROPPED, reason);
}

/* c1 sends 'frame': nobody gets it, and it is counted once as 'reason'; with
 * NVA_OK somebody does. */
static void
c1_sends(struct stage *s, const uint8_t *frame, size_t n,
         enum nva_reason reason, const char *what)
{
    int before = n_read(s);
    size_t counted = reason ? n_dropped(s, reason) : 0;

    sim_frame_at(s->sim, frame, n, 1, "tap-c1");
    sim_settle(s->sim);
    ck_assert_msg((n_read(s) == before) == (reason != NVA_OK),
                  "%s: read by %d", what, n_read(s) - before);
    ck_assert_msg(!reason || n_dropped(s, reason) == counted + 1,
                  "%s: counted %d times as %s", what,
                  (int) (n_dropped(s, reason) - counted),
                  nva_reason_word(reason));
}

/* ## Tags (S2) ## */

static const struct tags {
    const char *what;
    enum nva_reason reason;
    int n;
    uint16_t tags[2 * 3];               /* Type, control information. */
} tags[] = {
    { "none", NVA_OK, 0, { 0 } },
    { "priority", NVA_OK, 1, { 0x8100, 0 } },
    { "priority 7", NVA_OK, 1, { 0x8100, 0xe000 } },
    { "priority, service", NVA_OK, 1, { 0x88a8, 0 } },
    { "VID 5", NVA_R_TAGGED, 1, { 0x8100, 5 } },
    { "service VID 5", NVA_R_TAGGED, 1, { 0x88a8, 5 } },
    { "0 0", NVA_R_TAGGED, 2, { 0x8100, 0, 0x8100, 0 } },
    { "0 5", NVA_R_TAGGED, 2, { 0x8100, 0, 0x8100, 5 } },
    { "5 0", NVA_R_TAGGED, 2, { 0x8100, 5, 0x8100, 0 } },
    { "service 0, 0", NVA_R_TAGGED, 2, { 0x88a8, 0, 0x8100, 0 } },
    { "service 5, 0", NVA_R_TAGGED, 2, { 0x88a8, 5, 0x8100, 0 } },
    { "0, service 0", NVA_R_TAGGED, 2, { 0x8100, 0, 0x88a8, 0 } },
    { "0 0 0", NVA_R_TAGGED, 3, { 0x8100, 0, 0x8100, 0, 0x8100, 0 } },
    { "0 0 5", NVA_R_TAGGED, 3, { 0x8100, 0, 0x8100, 0, 0x8100, 5 } },
    { "service 0 0 0", NVA_R_TAGGED, 3, { 0x88a8, 0, 0x88a8, 0, 0x8100, 0 } },
    { "old Q-in-Q", NVA_R_TAGGED, 1, { 0x9100, 0 } },
    { "0, old Q-in-Q", NVA_R_TAGGED, 2, { 0x8100, 0, 0x9100, 0 } },
    { "old Q-in-Q 2", NVA_R_TAGGED, 1, { 0x9200, 5 } },
    { "old Q-in-Q 3", NVA_R_TAGGED, 1, { 0x9300, 5 } },
};

/* An ARP reply of c1 to 'dst' about its own address, or a lie, tagged. */
static size_t
tagged(uint8_t *buf, const uint8_t dst[6], bool lie, const struct tags *t)
{
    struct guest_arp arp = {
        .op = 2, .sha = MAC(C1), .spa = { 10, 0, 0, lie ? 13 : C1 },
        .tha = MAC(VM), .tpa = { 10, 0, 0, VM },
    };
    uint8_t plain[GUEST_FRAME_SIZE];
    size_t n = guest_frame_arp(plain, 0x0806, dst, &arp);

    memcpy(buf, plain, 12);
    for (int i = 0; i < 2 * t->n; i++) {
        buf[12 + 2 * i] = t->tags[i] >> 8;
        buf[13 + 2 * i] = t->tags[i];
    }
    memcpy(buf + 12 + 4 * t->n, plain + 12, n - 12);
    return n + 4 * t->n;
}

/* Whatever the switch's `vlan-limit'. */
START_TEST(S2_tags)
{
    static const uint8_t c2_mac[6] = MAC(C2);
    uint8_t frame[GUEST_FRAME_SIZE];
    struct stage s;

    flow_limit_vlans(_i % 3);
    set(&s, _i / 3);
    for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
        bool lie = tags[i].reason != NVA_OK;
        size_t n = tagged(frame, vm_mac, lie, &tags[i]);

        c1_sends(&s, frame, n, tags[i].reason, tags[i].what);
        n = tagged(frame, c2_mac, lie, &tags[i]);
        c1_sends(&s, frame, n, tags[i].reason, tags[i].what);
    }
    flow_limit_vlans(0);
    stage_strike(&s);
}
END_TEST

/* From a tunnel they come neither. */
START_TEST(S2_tags_from_a_tunnel)
{
    struct stage s;

    flow_limit_vlans(_i);
    set(&s, STRICT);
    for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
        struct sim_packet packet = { .tun_id = 100 };
        size_t counted = n_dropped(&s, NVA_R_TAGGED);
        int before = sim_answers(s.sim, s.vm);
        uint8_t frame[GUEST_FRAME_SIZE];

        packet.size = tagged(frame, vm_mac, true, &tags[i]);
        memcpy(packet.bytes, frame, packet.size);
        fake_switch_packet(sim_switch(s.sim, 1), 1, &packet, sim_now(s.sim));
        sim_settle(s.sim);
        ck_assert_int_eq(sim_answers(s.sim, s.vm) - before, !tags[i].reason);
        ck_assert_uint_eq(n_dropped(&s, NVA_R_TAGGED) - counted,
                          tags[i].reason != NVA_OK);
    }
    flow_limit_vlans(0);
    stage_strike(&s);
}
END_TEST

/* ## Other ways to write ARP and ND ## */

#define CHAIN(FIRST, ...) FIRST, sizeof (uint8_t[]) { __VA_ARGS__ },         \
                          { __VA_ARGS__ }

/* In front of what: a length, LLC and SNAP, perhaps after a tag; IPv6 headers,
 * the last of which ends with the type of the next. */
static const struct wrapping {
    const char *what;
    bool tag, snap;
    uint8_t first, n, chain[24];
} wrappings[] = {
    { "plain", .first = 58 },
    { "SNAP", .snap = true, .first = 58 },
    { "SNAP, priority tag", .tag = true, .snap = true, .first = 58 },
    { "hop by hop", false, false, CHAIN(0, 58, 0, 1, 4) },
    { "router alert", false, false, CHAIN(0, 58, 0, 5, 2, 0, 0, 1, 0) },
    { "destination options", false, false, CHAIN(60, 58, 0, 1, 4) },
    { "routing", false, false, CHAIN(43, 58, 0, 4, 0) },
    { "authentication", false, false,
      CHAIN(51, 58, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9) },
    { "whole fragment", false, false, CHAIN(44, 58, 0, 0, 0, 0, 0, 0, 1) },
    { "two", false, false,
      CHAIN(0, 60, 0, 1, 4, 0, 0, 0, 0, 58, 0, 1, 4) },
    { "SNAP, hop by hop", false, true, CHAIN(0, 58, 0, 1, 4) },
};

static size_t
wrap(uint8_t *frame, size_t n, const struct wrapping *w)
{
    const size_t n_chain = ROUND_UP(w->n, 8);
    uint8_t head[26], *p = head;
    const bool v6 = frame[12] == 0x86;

    if (v6 && n_chain) {
        memmove(frame + 54 + n_chain, frame + 54, n - 54);
        memset(frame + 54, 0, n_chain);
        memcpy(frame + 54, w->chain, w->n);
        frame[20] = w->first;
        frame[19] += n_chain;
        n += n_chain;
    }
    if (w->tag) {
        p = mempcpy(p, "\x81\0\0", 4);
    }
    if (w->snap) {
        *p++ = 0;
        *p++ = n - 14 + 8;
        p = mempcpy(p, "\xaa\xaa\3\0\0", 6);
    }
    memmove(frame + 12 + (p - head), frame + 12, n - 12);
    memcpy(frame + 12, head, p - head);
    return n + (p - head);
}

/* c1's word to the VM of its own address, or a lie. */
static size_t
word(uint8_t *frame, int kind, bool lie)
{
    const uint8_t ip4[4] = { 10, 0, 0, lie ? VM : C1 };
    const uint8_t ip6[16] = { 0xfd, 0x10, [15] = lie ? VM : C1 };
    const uint8_t other[16] = { 0xfd, 0x10, [15] = 77 };
    size_t n = (kind == 0 ? guest_frame_garp(frame, c1_mac, ip4, true)
                : kind == 1 ? guest_frame_garp(frame, c1_mac, ip4, false)
                : kind == 2 ? guest_frame_na(frame, c1_mac, ip6, false)
                : guest_frame_ns(frame, c1_mac, ip6, other));

    memcpy(frame, vm_mac, 6);
    return n;
}

/* However it is written, it is read, or refused and counted. */
START_TEST(S1_wrapped)
{
    const struct wrapping *w = &wrappings[_i % ARRAY_SIZE(wrappings)];
    uint8_t frame[GUEST_FRAME_SIZE];
    struct stage s;

    set(&s, _i / ARRAY_SIZE(wrappings));
    for (int kind = 0; kind < 4; kind++) {
        size_t n = wrap(frame, word(frame, kind, false), w);
        size_t dropped = sim_notes(s.sim, NVA_NOTE_DROPPED,
                                   NVA_R_NOT_INTERESTING);

        if (kind != 3) {        /* A question to one is seen by it alone. */
            c1_sends(&s, frame, n, NVA_OK, w->what);
        }
        ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_DROPPED,
                                    NVA_R_NOT_INTERESTING), dropped);
        n = wrap(frame, word(frame, kind, true), w);
        c1_sends(&s, frame, n, NVA_R_SPOOFED, w->what);
    }
    all_well(&s);
    stage_strike(&s);
}
END_TEST

/* What a frame teaches it teaches however it is written: a host nobody told us
 * of. */
START_TEST(S1_wrapped_is_learned)
{
    const struct wrapping *w = &wrappings[_i];
    const uint8_t mac[6] = MAC(0x71);
    const uint8_t ip4[4] = { 10, 0, 0, 99 };
    const uint8_t ip6[16] = { 0xfd, 0x10, [15] = 99 };
    uint8_t frame[GUEST_FRAME_SIZE];
    struct stage s;

    set(&s, LEARN);
    sim_frame_at(s.sim, frame,
                 wrap(frame, guest_frame_garp(frame, mac, ip4, true), w), 1,
                 "tap-c1");
    sim_frame_at(s.sim, frame,
                 wrap(frame, guest_frame_na(frame, mac, ip6, false), w), 1,
                 "tap-c1");
    sim_settle(s.sim);
    must(&s, "GET", "/v1/lookup?vn=blue&ip=10.0.0.99", NULL);
    must(&s, "GET", "/v1/lookup?vn=blue&ip=fd10::63", NULL);
    stage_strike(&s);
}
END_TEST

/* ## MACs that no station has (S3) ## */

static const struct nobody {
    const char *what;
    uint8_t mac[6];
} nobodies[] = {
    { "broadcast", { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } },
    { "multicast", { 0x01, 0x00, 0x5e, 0x00, 0x00, 0x01 } },
    { "IPv6 multicast", { 0x33, 0x33, 0, 0, 0, 1 } },
    { "local multicast", { 0x03, 0, 0, 0, 0, C1 } },
    { "zero", { 0 } },
    { "the NVA", { 0x02, 0x4e, 0x56, 0x41, 0x00, 0x01 } },
};

/* As the Ethernet source, in ARP, and in ND. */
START_TEST(S3_sources_that_no_station_has)
{
    const struct nobody *nobody = &nobodies[_i % ARRAY_SIZE(nobodies)];
    const uint8_t ip4[4] = { 10, 0, 0, C1 };
    const uint8_t ip6[16] = { 0xfd, 0x10, [15] = C1 };
    const uint8_t vm_ip6[16] = { 0xfd, 0x10, [15] = 77 };
    uint8_t frame[GUEST_FRAME_SIZE];
    struct guest_arp arp = {
        .op = 2, .spa = { 10, 0, 0, C1 }, .tha = MAC(VM),
        .tpa = { 10, 0, 0, VM },
    };
    bool zero = !strcmp(nobody->what, "zero");
    struct stage s;
    size_t n;

    set(&s, _i / ARRAY_SIZE(nobodies));
    for (int reply = 0; reply <= 1; reply++) {
        n = guest_frame_garp(frame, nobody->mac, ip4, reply);
        c1_sends(&s, frame, n, NVA_R_BAD_MAC, nobody->what);
        memcpy(frame + 6, c1_mac, 6);
        c1_sends(&s, frame, n, NVA_R_BAD_MAC, nobody->what);
    }
    for (int hardware = 1; hardware <= 6; hardware += 5) {
        memcpy(arp.sha, nobody->mac, 6);
        n = guest_frame_arp(frame, 0x0806, vm_mac, &arp);
        memcpy(frame + 6, c1_mac, 6);
        frame[15] = hardware;       /* 6: what switches do not read. */
        c1_sends(&s, frame, n, NVA_R_BAD_MAC, nobody->what);
    }
    n = guest_frame_na(frame, nobody->mac, ip6, false);
    c1_sends(&s, frame, n, NVA_R_BAD_MAC, nobody->what);
    if (!zero) {                    /* To the switch that is no option. */
        memcpy(frame + 6, c1_mac, 6);
        c1_sends(&s, frame, n, NVA_R_BAD_MAC, nobody->what);
        n = guest_frame_ns(frame, nobody->mac, ip6, vm_ip6);
        memcpy(frame + 6, c1_mac, 6);
        c1_sends(&s, frame, n, NVA_R_BAD_MAC, nobody->what);
    }
    all_well(&s);
    stage_strike(&s);
}
END_TEST

/* IEEE 802.1Q s8.6.3: what is for the next bridge (its spanning tree, LLDP,
 * 802.1X) goes no further. */
START_TEST(S3_groups_of_the_next_bridge)
{
    uint8_t frame[60] = { 0x01, 0x80, 0xc2, 0, 0, 0, 2, 0, 0, 0, 0, C1 };
    const uint16_t types[] = { 38, 0x88cc, 0x888e };
    struct stage s;

    set(&s, _i);
    for (int last = 0; last <= 0x10; last++) {
        for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
            frame[5] = last;
            frame[12] = types[i] >> 8;
            frame[13] = types[i];
            c1_sends(&s, frame, sizeof frame,
                     last < 0x10 ? NVA_R_RESERVED_GROUP : NVA_OK, "group");
        }
    }
    stage_strike(&s);
}
END_TEST

/* ## What routers and DHCP servers say (S1: RFC 6105, 7113, 7610) ## */

/* An IPv4 or IPv6 packet of c1 to all: 'payload' of 'protocol', after IPv6
 * headers 'chain' of which the first is 'first'. */
struct says {
    const char *what;
    int family;
    enum nva_reason reason;
    const char *role;
    uint8_t first, n_chain, chain[16];
    uint8_t n_payload, payload[16];
};

#define ICMP(TYPE) 8, { TYPE }
#define UDP(SRC, DST) 8, { (SRC) >> 8, (SRC) & 0xff, (DST) >> 8, (DST) & 0xff }
#define OPTIONS(NEXT) 8, { NEXT, 0, 1, 4 }
#define FRAGMENT(NEXT) 8, { NEXT, 0, 0, 1, 1, 2, 3, 4 }

static const struct says says[] = {
    { "RA", 6, NVA_R_NOT_ROUTER, "router", 58, 0, { 0 }, ICMP(134) },
    { "redirect", 6, NVA_R_NOT_ROUTER, "router", 58, 0, { 0 }, ICMP(137) },
    { "IPv4 redirect", 4, NVA_R_NOT_ROUTER, "router", 1, 0, { 0 }, ICMP(5) },
    { "IPv4 router", 4, NVA_R_NOT_ROUTER, "router", 1, 0, { 0 }, ICMP(9) },
    { "RA, hop by hop", 6, NVA_R_NOT_ROUTER, "router", 0, OPTIONS(58),
      ICMP(134) },
    { "RA, destination options", 6, NVA_R_NOT_ROUTER, "router", 60,
      OPTIONS(58), ICMP(134) },
    { "from DHCP's port", 4, NVA_R_NOT_DHCP_SERVER, "dhcp_server", 17, 0,
      { 0 }, UDP(67, 9999) },
    { "to a DHCP client", 4, NVA_R_NOT_DHCP_SERVER, "dhcp_server", 17, 0,
      { 0 }, UDP(9999, 68) },
    { "from DHCPv6's port", 6, NVA_R_NOT_DHCP_SERVER, "dhcp_server", 17, 0,
      { 0 }, UDP(547, 9999) },
    { "to a DHCPv6 client", 6, NVA_R_NOT_DHCP_SERVER, "dhcp_server", 17, 0,
      { 0 }, UDP(9999, 546) },
    { "to a DHCPv6 client, options", 6, NVA_R_NOT_DHCP_SERVER, "dhcp_server",
      60, OPTIONS(17), UDP(9999, 546) },
    { "to a DHCPv6 client, fragment", 6, NVA_R_NOT_DHCP_SERVER,
      "dhcp_server", 44, FRAGMENT(17), UDP(547, 546) },
    { "RA, fragment", 6, NVA_R_ND_FRAGMENT, NULL, 44, FRAGMENT(58),
      ICMP(134) },
    { "NS, fragment", 6, NVA_R_ND_FRAGMENT, NULL, 44, FRAGMENT(58),
      ICMP(135) },
    { "NA, fragment", 6, NVA_R_ND_FRAGMENT, NULL, 44, FRAGMENT(58),
      ICMP(136) },
    { "headers in the next fragment", 6, NVA_R_HEADER_CHAIN, NULL, 44,
      FRAGMENT(60), 8, { 58, 9 } },
    { "ICMP in the next fragment", 6, NVA_R_HEADER_CHAIN, NULL, 44,
      FRAGMENT(58), 4, { 134 } },
    { "ping", 6, NVA_OK, NULL, 58, 0, { 0 }, ICMP(128) },
    { "ping, fragment", 6, NVA_OK, NULL, 44, FRAGMENT(58), ICMP(128) },
    { "RS", 6, NVA_OK, NULL, 58, 0, { 0 }, ICMP(133) },
    { "DHCP client", 4, NVA_OK, NULL, 17, 0, { 0 }, UDP(68, 67) },
    { "DHCPv6 client", 6, NVA_OK, NULL, 17, 0, { 0 }, UDP(546, 547) },
};

static size_t
packet(uint8_t *frame, const struct says *s)
{
    static const uint8_t groups[][6] = {
        { 0x33, 0x33, 0, 0, 0, 1 }, { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
    };
    size_t n = s->n_chain + s->n_payload, at = s->family == 6 ? 54 : 34;
    uint8_t *ip = frame + 14;

    memset(frame, 0, 100);
    memcpy(frame, groups[s->family == 4], 6);
    memcpy(frame + 6, c1_mac, 6);
    if (s->family == 6) {
        const uint8_t own[16] = { 0xfd, 0x10, [15] = C1 };
        const uint8_t all[16] = { 0xff, 2, [15] = 1 };

        memcpy(frame + 12, "\x86\xdd\x60", 3);
        ip[5] = n;
        ip[6] = s->first;
        ip[7] = 255;
        memcpy(ip + 8, own, 16);
        memcpy(ip + 24, all, 16);
    } else {
        const uint8_t head[20] = { 0x45, 0, 0, 20 + n, 0, 0, 0, 0, 64,
                                   s->first, 0, 0, 10, 0, 0, C1,
                                   255, 255, 255, 255 };

        memcpy(frame + 12, "\x08", 2);
        memcpy(ip, head, sizeof head);
    }
    memcpy(frame + at, s->chain, s->n_chain);
    memcpy(frame + at + s->n_chain, s->payload, s->n_payload);
    if (s->payload[0] && s->first == 17) {
        frame[at + s->n_chain + 5] = 8;
    }
    return at + n;
}

/* c1 speaks, without the role and with it. */
START_TEST(S1_roles)
{
    const char *roles[] = { "", "\"router\"", "\"dhcp_server\"",
                            "\"router\", \"dhcp_server\"" };
    uint8_t frame[GUEST_FRAME_SIZE];
    struct stage s;
    char body[128];

    set(&s, _i / 4);
    snprintf(body, sizeof body, "{\"interfaces\": [{\"roles\": [%s]}]}",
             roles[_i % 4]);
    must(&s, "PUT", "/v1/vms/c1", body);
    sim_settle(s.sim);
    for (size_t i = 0; i < ARRAY_SIZE(says); i++) {
        bool may = (says[i].role
                    && (_i / 4 == LEARN || strstr(body, says[i].role)));

        c1_sends(&s, frame, packet(frame, &says[i]),
                 may ? NVA_OK : says[i].reason, says[i].what);
    }
    all_well(&s);
    stage_strike(&s);
}
END_TEST

/* ## Addresses of others (S1: RFC 7039, 6620) ## */

/* fe80::LAST, or what the MAC 02:00:00:00:00:LAST implies. */
static void
link_local(uint8_t ip[16], int last, bool implied)
{
    memset(ip, 0, 16);
    ip[0] = 0xfe;
    ip[1] = 0x80;
    ip[15] = last;
    if (implied) {
        ip[11] = 0xff;
        ip[12] = 0xfe;
    }
}

/* c1 asks for routers. */
static size_t
rs(uint8_t *frame, const uint8_t ip[16])
{
    size_t n = guest_frame_ns(frame, c1_mac, ip, ip);

    frame[54] = 133;
    return n;
}

/* An NS or NA of c1 with another link-layer address after its own. */
static size_t
ambiguous(uint8_t *frame, bool na, const uint8_t ip[16])
{
    size_t n = (na ? guest_frame_na(frame, c1_mac, ip, false)
                : guest_frame_ns(frame, c1_mac, ip, ip));

    memcpy(frame + n, frame + n - 8, 8);
    frame[n + 7] = 0x66;
    frame[19] += 8;
    return n + 8;
}

/* What c1 says in ND of a link-local address that is the VM's: by its MAC or
 * given; its own; or nobody's, which a guest may make up. */
START_TEST(S1_link_local_addresses)
{
    const struct { int last; bool implied; enum nva_reason reason; } rows[] = {
        { VM, true, NVA_R_SPOOFED }, { 0x77, false, NVA_R_SPOOFED },
        { 0x42, true, NVA_R_SPOOFED },
        { C1, true, NVA_OK }, { 0x99, false, NVA_OK },
    };
    const uint8_t nobody[16] = { 0xfe, 0x80, [15] = 0x55 };
    const uint8_t own[16] = { 0xfd, 0x10, [15] = C1 };
    uint8_t frame[GUEST_FRAME_SIZE], ip[16];
    struct stage s;
    size_t n;

    set(&s, STRICT + _i);
    must(&s, "PUT", "/v1/vms/vm", "{\"interfaces\": [{\"ips\": "
         "[\"10.0.0.1\", \"fd10::1\", \"fe80::77\"]}]}");
    sim_settle(s.sim);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        enum nva_reason reason = rows[i].reason;

        link_local(ip, rows[i].last, rows[i].implied);
        c1_sends(&s, frame, guest_frame_na(frame, c1_mac, ip, false), reason,
                 "NA");
        c1_sends(&s, frame, guest_frame_na(frame, c1_mac, ip, true), reason,
                 "NA to the node");
        c1_sends(&s, frame, guest_frame_ns(frame, c1_mac, ip, nobody), reason,
                 "NS");
        c1_sends(&s, frame, rs(frame, ip), reason, "RS");
        if (rows[i].implied) {
            c1_sends(&s, frame, guest_frame_ns(frame, c1_mac, NULL, ip),
                     reason, "DAD");
        }
        n = guest_frame_ns(frame, c1_mac, NULL, ip);
        memcpy(frame, vm_mac, 6);
        c1_sends(&s, frame, n, NVA_R_SPOOFED, "DAD, to one guest");
        if (_i) {
            struct guest_udp udp = {
                6, c1_mac, vm_mac, ip, nobody, 5353, 5353,
            };

            c1_sends(&s, frame, guest_frame_udp(frame, &udp, "x", 1), reason,
                     "data");
        }
    }

    /* Its own address at another's MAC. */
    n = guest_frame_na(frame, vm_mac, own, false);
    memcpy(frame + 6, c1_mac, 6);
    c1_sends(&s, frame, n, NVA_R_SPOOFED, "TLL");
    n = guest_frame_ns(frame, vm_mac, own, nobody);
    memcpy(frame + 6, c1_mac, 6);
    c1_sends(&s, frame, n, NVA_R_SPOOFED, "SLL");

    /* A probe that one guest alone hears (RFC 5227 s2.1.1). */
    n = guest_frame_probe(frame, c1_mac, (uint8_t[4]) { 10, 0, 0, VM });
    memcpy(frame, vm_mac, 6);
    c1_sends(&s, frame, n, NVA_R_SPOOFED, "ARP probe, to one guest");
    all_well(&s);
    stage_strike(&s);
}
END_TEST

/* Its own address, and one that was given to another, at two MACs. */
START_TEST(S1_two_link_layer_addresses)
{
    uint8_t frame[GUEST_FRAME_SIZE];
    struct stage s;

    set(&s, _i);
    for (int last = VM; last <= C1; last += C1 - VM) {
        const uint8_t ip[16] = { 0xfd, 0x10, [15] = last };

        for (int na = 0; na <= 1; na++) {
            c1_sends(&s, frame, ambiguous(frame, na, ip),
                     NVA_R_FRAME_OPTION, na ? "NA" : "NS");
        }
    }
    all_well(&s);
    stage_strike(&s);
}
END_TEST

/* In a network that learns, what VM management gave the VM. */
START_TEST(D15_a_given_address_in_a_network_that_learns)
{
    const uint8_t ip4[4] = { 10, 0, 0, VM };
    const uint8_t ip6[16] = { 0xfd, 0x10, [15] = VM };
    const uint8_t own4[4] = { 10, 0, 0, C1 };
    const uint8_t nobody[16] = { 0xfd, 0x10, [15] = 0x55 };
    static const uint8_t c2_mac[6] = MAC(C2);
    struct guest_arp arp = { .op = 2, .sha = MAC(C1), .spa = { 10, 0, 0, VM },
                             .tha = MAC(C2), .tpa = { 10, 0, 0, C2 } };
    uint8_t frame[GUEST_FRAME_SIZE];
    struct stage s;

    set(&s, LEARN);
    for (int op = 1; op <= 2; op++) {
        arp.op = op;
        c1_sends(&s, frame, guest_frame_arp(frame, 0x0806, c2_mac, &arp),
                 NVA_R_SPOOFED, "ARP");
        c1_sends(&s, frame, guest_frame_garp(frame, c1_mac, ip4, op == 2),
                 NVA_R_SPOOFED, "gratuitous ARP");
    }
    c1_sends(&s, frame, guest_frame_na(frame, c1_mac, ip6, false),
             NVA_R_SPOOFED, "NA");
    c1_sends(&s, frame, guest_frame_ns(frame, c1_mac, ip6, nobody),
             NVA_R_SPOOFED, "NS");
    c1_sends(&s, frame, rs(frame, ip6), NVA_R_SPOOFED, "RS");
    c1_sends(&s, frame, guest_frame_garp(frame, c1_mac, own4, true), NVA_OK,
             "its own");

    /* The VM itself is followed, and heard. */
    sim_stand(s.sim, s.vm, 3, "tap-vm");
    sim_announce(s.sim, s.vm, SIM_GARP);
    sim_announce(s.sim, s.vm, SIM_NA);
    sim_settle(s.sim);
    ck_assert_int_eq(current_nve(&s), 3);
    all_well(&s);
    stage_strike(&s);
}
END_TEST

/* What a sticky VM taught is kept for it, too, for as long as it is sticky. */
START_TEST(D15_what_a_sticky_vm_taught_in_a_network_that_learns)
{
    const uint8_t ip6[16] = { 0xfd, 0x10, [15] = 0x77 };
    const uint8_t ip4[4] = { 10, 0, 0, 0x77 };
    static const uint8_t c2_mac[6] = MAC(C2);
    struct guest_arp arp = { .op = 2, .sha = MAC(C1),
                             .spa = { 10, 0, 0, 0x77 },
                             .tha = MAC(C2), .tpa = { 10, 0, 0, C2 } };
    uint8_t frame[GUEST_FRAME_SIZE];
    struct stage s;

    set(&s, LEARN);
    sim_frame_at(s.sim, frame, guest_frame_garp(frame, vm_mac, ip4, true), 1,
                 "tap-vm");
    sim_frame_at(s.sim, frame, guest_frame_na(frame, vm_mac, ip6, false), 1,
                 "tap-vm");
    sim_settle(s.sim);
    for (int sticky = 1; sticky >= 0; sticky--) {
        must(&s, "PUT", "/v1/vms/vm",
             sticky ? "{\"sticky\": true}" : "{\"sticky\": false}");
        sim_settle(s.sim);
        c1_sends(&s, frame, guest_frame_arp(frame, 0x0806, c2_mac, &arp),
                 sticky ? NVA_R_SPOOFED : NVA_OK, "ARP");
        c1_sends(&s, frame, guest_frame_na(frame, c1_mac, ip6, false),
                 sticky ? NVA_R_SPOOFED : NVA_OK, "NA");
    }
    stage_strike(&s);
}
END_TEST

int
main(void)
{
    const int n_nobodies = ARRAY_SIZE(nobodies);
    TCase *tc = tcase_create("guard");

    tcase_add_loop_test(tc, S2_tags, 0, 3 * N_NETWORKS);
    tcase_add_loop_test(tc, S2_tags_from_a_tunnel, 0, 3);
    tcase_add_loop_test(tc, S3_sources_that_no_station_has, 0,
                        n_nobodies * N_NETWORKS);
    tcase_add_loop_test(tc, S3_groups_of_the_next_bridge, 0, N_NETWORKS);
    tcase_add_loop_test(tc, S1_wrapped, 0,
                        N_NETWORKS * ARRAY_SIZE(wrappings));
    tcase_add_loop_test(tc, S1_wrapped_is_learned, 0, ARRAY_SIZE(wrappings));
    tcase_add_loop_test(tc, S1_roles, 0, 4 * N_NETWORKS);
    tcase_add_loop_test(tc, S1_link_local_addresses, 0, 2);
    tcase_add_loop_test(tc, S1_two_link_layer_addresses, 0, N_NETWORKS);
    tcase_add_test(tc, D15_a_given_address_in_a_network_that_learns);
    tcase_add_test(tc, D15_what_a_sticky_vm_taught_in_a_network_that_learns);
    return run_stories("guard", tc);
}
