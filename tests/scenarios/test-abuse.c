/* SPDX-License-Identifier: Apache-2.0 */

/* VMs that lie, and what that does to the others: nothing (D15). */

#include <config.h>

#include "stage.h"

#include <string.h>

#include "guest-frame.h"

enum { VM = 1, C1 = 11 };       /* Last bytes of the stage's addresses. */

/* c1 floods with gratuitous ARPs, each about another address. */
static void
flood(struct stage *s, int n)
{
    const uint8_t mac[6] = { 2, [5] = C1 };
    uint8_t ip[4] = { 10, 9, 0, 0 }, frame[GUEST_FRAME_SIZE];

    for (int i = 0; i < n; i++) {
        ip[2] = i >> 8;
        ip[3] = i;
        sim_frame_at(s->sim, frame, guest_frame_garp(frame, mac, ip, false),
                     1, "tap-c1");
    }
    sim_settle(s->sim);
}

/* c1 asks for the VM. */
static void
ask(struct stage *s)
{
    struct guest_arp arp = {
        .op = 1, .sha = { 2, [5] = C1 }, .spa = { 10, 0, 0, C1 },
        .tpa = { 10, 0, 0, VM },
    };
    uint8_t frame[GUEST_FRAME_SIZE];
    size_t n = guest_frame_arp(frame, 0x0806, guest_broadcast_mac, &arp);

    sim_frame_at(s->sim, frame, n, 1, "tap-c1");
    sim_settle(s->sim);
}

static bool
has_detour(struct stage *s, const char *level)
{
    char text[64];

    must(s, "GET", "/v1/nves/hv1/ports/tap-c1", NULL);
    snprintf(text, sizeof text, "\"detour\":\"%s\"", level);
    return strstr(sim_body(s->sim), text) != NULL;
}

/* All its ARP takes the detour, still works, and another VM moves with
 * nothing lost. */
START_TEST(a_flood_takes_a_detour)
{
    struct stage s;
    uint64_t p;
    int id, answers;

    stage_set(&s, _i ? STAGE_STRICT : 0, 0);
    remember_flows(&s);
    ck_assert(has_detour(&s, "none"));
    flood(&s, 100);
    ck_assert(has_detour(&s, "arp_nd"));
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_DETOUR, NVA_R_FLOODING), 1);

    /* Answered by the flows of its NVE all the same. */
    answers = sim_answers(s.sim, s.c[1]);
    ask(&s);
    ck_assert_int_eq(sim_answers(s.sim, s.c[1]), answers + 1);

    id = start_move(&s, 2);
    flood(&s, 50);
    move_verb(&s, id, "pause");
    p = sim_send(s.sim, s.c[1], s.vm);
    sim_stand(s.sim, s.vm, 2, "tap-vm");
    move_verb(&s, id, "activate");
    flood(&s, 50);
    ck_assert_int_eq(sim_received(s.sim, p), 1);
    ck_assert_int_eq(current_nve(&s), 2);
    all_well(&s);

    sim_run(s.sim, 20 * NVA_SEC);
    ck_assert(has_detour(&s, "none"));
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_DETOUR, NVA_R_CALM), 1);
    ck_assert_str_eq(move_state(&s, id), "done");
    stage_strike(&s);
}
END_TEST

/* A new session counts anew, and its tables say so. */
START_TEST(a_detour_ends_with_its_session)
{
    struct stage s;

    stage_set(&s, 0, 0);
    remember_flows(&s);
    flood(&s, 100);
    ck_assert(has_detour(&s, "arp_nd"));
    sim_disconnect(s.sim, 1);
    sim_settle(s.sim);
    sim_connect(s.sim, 1);
    sim_settle(s.sim);
    ck_assert(has_detour(&s, "none"));
    stage_strike(&s);
}
END_TEST

/* D15: with `full', data from an address that is not c1's gets nowhere. */
START_TEST(port_security)
{
    static const char *const levels[] = { "mac", "full", "none" };
    const struct guest_udp udp = {
        .family = 4,
        .src_mac = (const uint8_t[]) { 2, 0, 0, 0, 0, C1 },
        .dst_mac = (const uint8_t[]) { 2, 0, 0, 0, 0, VM },
        .src_ip = (const uint8_t[]) { 10, 0, 0, 99 },
        .dst_ip = (const uint8_t[]) { 10, 0, 0, VM },
    };
    uint8_t frame[GUEST_FRAME_SIZE];
    size_t n = guest_frame_udp(frame, &udp, "lies", 4);
    struct stage s;
    char body[64];
    int read;

    stage_set(&s, STAGE_STRICT, 0);
    snprintf(body, sizeof body, "{\"port_security\": \"%s\"}", levels[_i]);
    must(&s, "PUT", "/v1/vns/blue", body);
    sim_settle(s.sim);
    read = sim_answers(s.sim, s.vm);
    sim_frame_at(s.sim, frame, n, 1, "tap-c1");
    sim_settle(s.sim);
    ck_assert_int_eq(sim_answers(s.sim, s.vm) - read, _i == 1 ? 0 : 1);
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_DROPPED, NVA_R_SPOOFED),
                      _i == 1);
    all_well(&s);
    stage_strike(&s);
}
END_TEST

/* Who answers for 10.0.0.100: the last byte of a MAC, as c3 is told. */
static int
holder(struct stage *s)
{
    int last = 0;

    must(s, "GET", "/v1/lookup?vn=blue&ip=10.0.0.100", NULL);
    sscanf(strstr(sim_body(s->sim), "02:00:00:00:00:"),
           "02:00:00:00:00:%x", (unsigned int *) &last);
    return last;
}

static void
announce_shared(struct stage *s, int last, int nve, const char *port)
{
    const uint8_t mac[6] = { 2, [5] = last }, ip[4] = { 10, 0, 0, 100 };
    uint8_t frame[GUEST_FRAME_SIZE];

    sim_frame_at(s->sim, frame, guest_frame_garp(frame, mac, ip, false), nve,
                 port);
    sim_settle(s->sim);
}

/* VRRP: to and fro without a duplicate or a lie, also in a strict network. */
START_TEST(shared_address)
{
    struct stage s;

    stage_set(&s, _i ? STAGE_STRICT : 0, 0);
    must(&s, "PUT", "/v1/vns/blue", "{\"shared_ips\": [\"10.0.0.100\"]}");
    sim_settle(s.sim);
    for (int i = 0; i < 3; i++) {
        announce_shared(&s, C1, 1, "tap-c1");
        ck_assert_int_eq(holder(&s), C1);
        announce_shared(&s, C1 + 1, 2, "tap-c2");
        ck_assert_int_eq(holder(&s), C1 + 1);
    }
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_DROPPED, NVA_R_SPOOFED), 0);
    ck_assert_int_eq(last_move(&s), 0);

    /* Not shared any more: c1 may not take it back. */
    must(&s, "PUT", "/v1/vns/blue", "{\"shared_ips\": []}");
    sim_settle(s.sim);
    announce_shared(&s, C1, 1, "tap-c1");
    ck_assert_int_eq(holder(&s), C1 + 1);
    all_well(&s);
    stage_strike(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("abuse");

    tcase_add_loop_test(tc, a_flood_takes_a_detour, 0, 2);
    tcase_add_test(tc, a_detour_ends_with_its_session);
    tcase_add_loop_test(tc, port_security, 0, 3);
    tcase_add_loop_test(tc, shared_address, 0, 2);
    return run_stories("abuse", tc);
}
