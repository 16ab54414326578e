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
    return run_stories("guard", tc);
}
