/* SPDX-License-Identifier: Apache-2.0 */

#include <check.h>
#include <stdlib.h>

#include "flow-set.h"
#include "flow.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/util.h"
#include "packets.h"

static const struct eth_addr mac = ETH_ADDR_C(02,00,00,00,00,01);

/* A flow of table 5 that matches 'in_port' and sends out of 'out'. */
static struct nva_flow
make_flow(uint16_t in_port, uint16_t out)
{
    struct nva_flow f;

    nva_flow_init(&f);
    f.table = 5;
    f.priority = 10;
    f.cookie = 0xabc;
    match_set_in_port(&f.match, u16_to_ofp(in_port));
    match_set_dl_dst(&f.match, mac);
    ofpact_put_OUTPUT(&f.actions)->port = u16_to_ofp(out);
    return f;
}

static void
add(struct flow_set *set, uint16_t in_port, uint16_t out)
{
    struct nva_flow f = make_flow(in_port, out);

    ck_assert(flow_set_add(set, &f));
}

START_TEST(keyed)
{
    struct flow_set *set = flow_set_create();
    struct nva_flow other = make_flow(1, 9);
    struct nva_flow key = make_flow(2, 0);

    add(set, 1, 2);
    add(set, 2, 3);
    ck_assert(!flow_set_add(set, &other));      /* Same key, freed. */
    ck_assert_uint_eq(flow_set_n(set), 2);
    ck_assert(flow_set_find(set, 5, 10, &key.match) == flow_set_at(set, 1));
    ck_assert_ptr_null(flow_set_find(set, 5, 11, &key.match));
    ck_assert_ptr_null(flow_set_find(set, 6, 10, &key.match));
    match_set_in_port(&key.match, u16_to_ofp(7));
    ck_assert_ptr_null(flow_set_find(set, 5, 10, &key.match));

    flow_set_clear(set);
    ck_assert_uint_eq(flow_set_n(set), 0);
    add(set, 1, 2);
    nva_flow_uninit(&key);
    flow_set_destroy(set);
}
END_TEST

START_TEST(meters_by_id)
{
    struct flow_set *set = flow_set_create();

    flow_set_add_meter(set, (struct nva_meter) { 1, 10, 20 });
    flow_set_add_meter(set, (struct nva_meter) { 2, 30, 40 });
    flow_set_add_meter(set, (struct nva_meter) { 1, 50, 60 });
    ck_assert_uint_eq(flow_set_n_meters(set), 2);
    ck_assert_uint_eq(flow_set_meter(set, 0)->id, 1);
    ck_assert_uint_eq(flow_set_meter(set, 0)->rate, 50);
    ck_assert_uint_eq(flow_set_meter(set, 1)->burst, 40);
    flow_set_clear(set);
    ck_assert_uint_eq(flow_set_n_meters(set), 0);
    flow_set_destroy(set);
}
END_TEST

/* The hash of make_flow(1, 2) after 'field' was changed; 0 changes nothing. */
static uint64_t
hash_changed(int field)
{
    struct nva_flow f = make_flow(1, 2);
    uint64_t hash;

    switch (field) {
    case 1: f.table++; break;
    case 2: f.priority++; break;
    case 3: f.cookie++; break;
    case 4: f.send_flow_removed = true; break;
    case 5: match_set_reg(&f.match, 0, 0); break;
    case 6: match_set_reg(&f.match, 2, 0); break;
    case 7: match_set_in_port(&f.match, u16_to_ofp(2)); break;
    case 8: ofpact_put_OUTPUT(&f.actions)->port = u16_to_ofp(3); break;
    case 9: ofpbuf_clear(&f.actions); break;
    default: break;
    }
    hash = nva_flow_hash(&f);
    nva_flow_uninit(&f);
    return hash;
}

START_TEST(hash_sees_each_field)
{
    enum { N = 10 };
    uint64_t hashes[N];

    for (int i = 0; i < N; i++) {
        hashes[i] = hash_changed(i);
        for (int j = 0; j < i; j++) {
            ck_assert_msg(hashes[i] != hashes[j], "%d and %d", i, j);
        }
    }
    ck_assert(hash_changed(0) == hashes[0]);
}
END_TEST

START_TEST(hash_ignores_what_runs)
{
    struct nva_flow f = make_flow(1, 2);
    uint64_t hash = nva_flow_hash(&f);

    f.hard_timeout = 7;
    ck_assert(nva_flow_hash(&f) == hash);
    nva_flow_uninit(&f);
}
END_TEST

/* A switch spells out the packet type that an Ethernet match implies. */
START_TEST(hash_and_key_ignore_implied_packet_type)
{
    struct flow_set *set = flow_set_create();
    struct nva_flow f = make_flow(1, 2);
    struct nva_flow again = make_flow(1, 3);
    uint64_t hash = nva_flow_hash(&f);

    match_set_default_packet_type(&f.match);
    ck_assert(nva_flow_hash(&f) == hash);

    add(set, 1, 2);
    ck_assert_ptr_nonnull(flow_set_find(set, 5, 10, &f.match));
    flow_set_clear(set);

    ck_assert(flow_set_add(set, &f));
    ck_assert_ptr_nonnull(flow_set_find(set, 5, 10, &again.match));
    ck_assert(!flow_set_add(set, &again));
    flow_set_destroy(set);
}
END_TEST

START_TEST(set_hash_is_a_sum)
{
    struct flow_set *a = flow_set_create();
    struct flow_set *b = flow_set_create();

    ck_assert(flow_set_hash(a) == 0);
    add(a, 1, 2);
    add(a, 2, 3);
    add(b, 2, 3);
    ck_assert(flow_set_hash(a) != flow_set_hash(b));
    add(b, 1, 2);
    ck_assert(flow_set_hash(a) == flow_set_hash(b));
    ck_assert(flow_set_hash(a) == nva_flow_hash(flow_set_at(a, 0))
                                  + nva_flow_hash(flow_set_at(a, 1)));
    flow_set_destroy(a);
    flow_set_destroy(b);
}
END_TEST

static void
count_diff(enum flow_diff diff, const struct nva_flow *a,
           const struct nva_flow *b, void *counts_)
{
    int *counts = counts_;

    ck_assert((a != NULL) == (diff != FLOW_ONLY_B));
    ck_assert((b != NULL) == (diff != FLOW_ONLY_A));
    counts[diff]++;
}

START_TEST(diff_finds_each_kind)
{
    struct flow_set *a = flow_set_create();
    struct flow_set *b = flow_set_create();
    int counts[3] = { 0, 0, 0 };

    add(a, 1, 2);               /* In both. */
    add(b, 1, 2);
    add(a, 2, 3);               /* Other actions. */
    add(b, 2, 4);
    add(a, 3, 1);
    add(b, 4, 1);
    add(b, 5, 1);
    flow_set_diff(a, b, count_diff, counts);
    ck_assert_int_eq(counts[FLOW_DIFFERS], 1);
    ck_assert_int_eq(counts[FLOW_ONLY_A], 1);
    ck_assert_int_eq(counts[FLOW_ONLY_B], 2);

    counts[0] = counts[1] = counts[2] = 0;
    flow_set_diff(a, a, count_diff, counts);
    ck_assert_int_eq(counts[0] + counts[1] + counts[2], 0);
    flow_set_destroy(a);
    flow_set_destroy(b);
}
END_TEST

START_TEST(formats_like_ofctl)
{
    struct nva_flow f = make_flow(1, 2);
    struct ds s = DS_EMPTY_INITIALIZER;

    f.hard_timeout = 3;
    f.send_flow_removed = true;
    nva_flow_format(&f, &s);
    ck_assert_str_eq(ds_cstr(&s),
                     "cookie=0xabc, table=5, hard_timeout=3, send_flow_rem "
                     "priority=10,in_port=1,dl_dst=02:00:00:00:00:01 "
                     "actions=output:2");
    ds_destroy(&s);
    nva_flow_uninit(&f);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("flow-set");
    TCase *tc = tcase_create("flow-set");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(tc, keyed);
    tcase_add_test(tc, meters_by_id);
    tcase_add_test(tc, hash_sees_each_field);
    tcase_add_test(tc, hash_ignores_what_runs);
    tcase_add_test(tc, hash_and_key_ignore_implied_packet_type);
    tcase_add_test(tc, set_hash_is_a_sum);
    tcase_add_test(tc, diff_finds_each_kind);
    tcase_add_test(tc, formats_like_ofctl);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
