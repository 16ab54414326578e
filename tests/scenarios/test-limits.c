/* SPDX-License-Identifier: Apache-2.0 */

/* Hosts that nobody told us of: how many are learned, and who makes room. */

#include <config.h>

#include "stage.h"

#include <stdio.h>
#include <string.h>

#include "guest-frame.h"

enum { MAX = 12 };

/* The host with this MAC shows itself at a port. */
static void
speak(struct stage *s, uint8_t hi, uint8_t lo, int nve, const char *port)
{
    const uint8_t mac[6] = { 2, [4] = hi, [5] = lo };
    uint8_t frame[GUEST_FRAME_SIZE];

    sim_frame_at(s->sim, frame, guest_frame_rarp(frame, mac), nve, port);
    sim_settle(s->sim);
}

/* The same, and says that it has 10.0.9.'ip'. */
static void
claim(struct stage *s, uint8_t hi, uint8_t lo, uint8_t ip)
{
    const uint8_t mac[6] = { 2, [4] = hi, [5] = lo };
    const uint8_t ip4[4] = { 10, 0, 9, ip };
    uint8_t frame[GUEST_FRAME_SIZE];

    sim_frame_at(s->sim, frame, guest_frame_garp(frame, mac, ip4, false), 1,
                 "tap-c1");
    sim_settle(s->sim);
}

static bool
knows(struct stage *s, uint8_t hi, uint8_t lo)
{
    char path[64];

    snprintf(path, sizeof path, "/v1/lookup?vn=blue&mac=02:00:00:00:%02x:%02x",
             hi, lo);
    return sim_api(s->sim, "GET", path, NULL) == 200;
}

static int
n_learned(struct stage *s)
{
    int n = -1;

    must(s, "GET", "/v1/vns/blue", NULL);
    sscanf(strstr(sim_body(s->sim), "\"learned\":"), "\"learned\":%d", &n);
    return n;
}

/* Two hosts at two ports; the network may learn MAX. */
static void
set(struct stage *s)
{
    char body[64];

    stage_set(s, 0, 0);
    snprintf(body, sizeof body, "{\"max_learned\": %d}", MAX);
    must(s, "PUT", "/v1/vns/blue", body);
    sim_settle(s->sim);
    ck_assert_int_eq(n_learned(s), 0);  /* The stage's were configured. */
    speak(s, 7, 1, 2, "tap-vm");
    speak(s, 7, 2, 3, "tap-vm");
    ck_assert_int_eq(n_learned(s), 2);
}

static void
flood(struct stage *s, uint8_t hi, int n)
{
    for (int i = 0; i < n; i++) {
        speak(s, hi, i, 1, "tap-c1");
    }
}

/* D15: c1 makes up hosts until the network is full, and goes on.  The others,
 * though silent, stay, and are reached; newcomers elsewhere find room once
 * what c1 made up has been silent. */
START_TEST(D15_a_flood_of_hosts_evicts_nobody)
{
    struct stage s;

    set(&s);
    sim_run(s.sim, NVA_EVICT_SILENCE + 2 * NVA_SEC);
    flood(&s, 8, 200);
    ck_assert_int_eq(n_learned(&s), MAX);
    ck_assert(knows(&s, 7, 1) && knows(&s, 7, 2));
    ck_assert_uint_gt(sim_notes(s.sim, NVA_NOTE_DROPPED, NVA_R_VN_LEARN_LIMIT),
                      0);
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_EVICTED, NVA_R_EVIDENCE), 0);
    speak(&s, 7, 1, 2, "tap-vm");
    speak(&s, 7, 2, 3, "tap-vm");
    sim_run(s.sim, 30 * NVA_SEC);
    speak(&s, 7, 3, 2, "tap-c2");
    ck_assert(!knows(&s, 7, 3));

    sim_run(s.sim, 40 * NVA_SEC);
    speak(&s, 7, 3, 2, "tap-c2");
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_EVICTED, NVA_R_EVIDENCE), 1);
    ck_assert(knows(&s, 7, 1) && knows(&s, 7, 2) && knows(&s, 7, 3));
    flood(&s, 9, 200);
    ck_assert(knows(&s, 7, 1) && knows(&s, 7, 2) && knows(&s, 7, 3));
    ck_assert_int_eq(n_learned(&s), MAX);
    all_well(&s);
    stage_strike(&s);
}
END_TEST

/* A port has a limit of its own, whatever the network may learn. */
START_TEST(a_port_evicts_its_own)
{
    const int max = NVA_LEARNED_PER_VAP_MAX;
    struct stage s;

    set(&s);
    must(&s, "PUT", "/v1/vns/blue", "{\"max_learned\": 1000}");
    sim_settle(s.sim);
    /* Slower than what would take the detour. */
    for (int i = 0; i < max + 5; i++) {
        speak(&s, 8, i, 1, "tap-c1");
        sim_run(s.sim, NVA_SEC / 10);
    }
    ck_assert_int_eq(n_learned(&s), max + 2);
    ck_assert_uint_ge(sim_notes(s.sim, NVA_NOTE_DROPPED, NVA_R_LEARN_LIMIT),
                      5);
    sim_run(s.sim, NVA_EVICT_SILENCE + 2 * NVA_SEC);
    for (int i = 1; i < max; i++) {
        speak(&s, 8, i, 1, "tap-c1");
        sim_run(s.sim, NVA_SEC / 10);
    }
    speak(&s, 8, max, 1, "tap-c1");
    ck_assert(knows(&s, 8, max) && !knows(&s, 8, 0));
    ck_assert(knows(&s, 7, 1) && knows(&s, 7, 2));
    speak(&s, 8, max + 1, 1, "tap-c1");
    ck_assert(!knows(&s, 8, max + 1));
    all_well(&s);
    stage_strike(&s);
}
END_TEST

/* F7, D15: who makes room for another leaves it the address that it says it
 * has; nobody is there to be asked. */
START_TEST(the_address_of_who_makes_room)
{
    const int max = NVA_LEARNED_PER_VAP_MAX;
    struct stage s;

    set(&s);
    must(&s, "PUT", "/v1/vns/blue", "{\"max_learned\": 1000}");
    for (int i = 0; i < max; i++) {
        claim(&s, 8, i, i + 1);
        sim_run(s.sim, NVA_SEC / 10);
    }
    ck_assert_int_eq(n_learned(&s), max + 2);
    sim_run(s.sim, NVA_EVICT_SILENCE + NVA_SEC);
    claim(&s, 8, max, 1);
    ck_assert(knows(&s, 8, max) && !knows(&s, 8, 0));
    must(&s, "GET", "/v1/lookup?vn=blue&ip=10.0.9.1", NULL);
    ck_assert_ptr_nonnull(strstr(sim_body(s.sim), "02:00:00:00:08:40"));
    ck_assert_uint_eq(sim_notes(s.sim, NVA_NOTE_EVICTED, NVA_R_EVIDENCE), 1);
    all_well(&s);
    stage_strike(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("limits");

    tcase_add_test(tc, D15_a_flood_of_hosts_evicts_nobody);
    tcase_add_test(tc, a_port_evicts_its_own);
    tcase_add_test(tc, the_address_of_who_makes_room);
    return run_stories("limits", tc);
}
