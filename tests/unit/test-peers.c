/* SPDX-License-Identifier: Apache-2.0 */

/* Who makes room, and who holds most. */

#include <config.h>

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/util.h"
#include "peers.h"

enum { N = 8 };

static struct peers ps;
static struct peer peer[N];

static void
setup(void)
{
    peers_init(&ps, N);
}

static void
add(size_t i, enum peer_class class)
{
    peers_add(&ps, &peer[i], class);
}

/* Removes the first 'n'. */
static void
end(size_t n)
{
    for (size_t i = 0; i < n; i++) {
        peers_remove(&ps, &peer[i]);
    }
    ck_assert_uint_eq(ps.n, 0);
    for (size_t i = 0; i < PEER_N_GROUPS; i++) {
        ck_assert_uint_eq(ps.held[i], 0);
    }
    peers_uninit(&ps);
}

/* Strangers first, by age; then who comes from a known address; then
 * bridges; an NVE never. */
START_TEST(who_makes_room)
{
    add(0, PEER_NVE);
    add(1, PEER_UNCLAIMED);
    add(2, PEER_RETURNING);
    add(3, PEER_STRANGER);
    add(4, PEER_STRANGER);
    ck_assert_ptr_eq(peers_make_room(&ps), &peer[3]);
    peers_set_class(&ps, &peer[3], PEER_UNCLAIMED);
    ck_assert_ptr_eq(peers_make_room(&ps), &peer[4]);
    peers_set_class(&ps, &peer[4], PEER_NVE);
    ck_assert_ptr_eq(peers_make_room(&ps), &peer[2]);
    peers_set_class(&ps, &peer[2], PEER_NVE);
    ck_assert_ptr_eq(peers_make_room(&ps), &peer[1]);
    peers_set_class(&ps, &peer[1], PEER_NVE);
    ck_assert_ptr_eq(peers_make_room(&ps), &peer[3]);
    peers_set_class(&ps, &peer[3], PEER_NVE);
    ck_assert_ptr_null(peers_make_room(&ps));
    ck_assert(!peers_are_full(&ps));
    for (size_t i = 5; i < N; i++) {
        add(i, PEER_STRANGER);
    }
    ck_assert(peers_are_full(&ps));
    end(N);
}
END_TEST

START_TEST(who_is_known)
{
    const struct in6_addr none = { .s6_addr = { 0 } };
    struct in6_addr ip = { .s6_addr = { 0xfd, 1 } };

    ck_assert_int_eq(peers_class_of(&ps, &ip), PEER_STRANGER);
    peers_know(&ps, &ip);
    peers_know(&ps, &ip);
    ck_assert_int_eq(peers_class_of(&ps, &ip), PEER_RETURNING);
    peers_know(&ps, &none);             /* A unix socket is nobody's. */
    ck_assert_int_eq(peers_class_of(&ps, &none), PEER_STRANGER);
    for (uint32_t i = 0; i < 2 * PEERS_KNOWN_MAX; i++) {
        memcpy(&ip.s6_addr[8], &i, sizeof i);
        peers_know(&ps, &ip);
    }
    ck_assert_uint_eq(hmap_count(&ps.known), PEERS_KNOWN_MAX);
    end(0);
}
END_TEST

/* Each group has its own sum; who holds most of it is named. */
START_TEST(who_holds_most)
{
    add(0, PEER_UNCLAIMED);
    add(1, PEER_STRANGER);
    add(2, PEER_NVE);
    peers_set_held(&ps, &peer[0], PEERS_UNCLAIMED_BYTES / 4);
    peers_set_held(&ps, &peer[1], 3 * (PEERS_UNCLAIMED_BYTES / 4));
    peers_set_held(&ps, &peer[2], PEERS_NVE_BYTES);
    ck_assert_ptr_null(peers_excess(&ps));
    peers_set_held(&ps, &peer[0], PEERS_UNCLAIMED_BYTES / 4 + 1);
    ck_assert_ptr_eq(peers_excess(&ps), &peer[1]);
    peers_set_held(&ps, &peer[1], 0);
    ck_assert_ptr_null(peers_excess(&ps));
    add(3, PEER_NVE);
    peers_set_held(&ps, &peer[3], 1);
    ck_assert_ptr_eq(peers_excess(&ps), &peer[2]);

    /* It takes what it holds along when it becomes an NVE. */
    peers_set_class(&ps, &peer[0], PEER_NVE);
    ck_assert_uint_eq(ps.held[0], 0);
    ck_assert_uint_eq(ps.held[1], PEERS_NVE_BYTES + 2
                                  + PEERS_UNCLAIMED_BYTES / 4);
    end(4);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("peers");
    TCase *tc = tcase_create("peers");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, who_makes_room);
    tcase_add_test(tc, who_is_known);
    tcase_add_test(tc, who_holds_most);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
