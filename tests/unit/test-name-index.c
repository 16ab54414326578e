/* SPDX-License-Identifier: Apache-2.0 */

/* name-index against a sorted array, through many insertions and removals. */

#include <config.h>

#include "name-index.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 2000 };

static struct item {
    struct name_node node;
    char name[16];
    bool in;
} items[N];                     /* In the order of their names. */

static size_t
depth(const struct name_node *node)
{
    size_t less = node ? depth(node->less) : 0;
    size_t more = node ? depth(node->more) : 0;

    return node ? 1 + (less > more ? less : more) : 0;
}

static void
check_all(struct name_node *root)
{
    const char *name = "";

    for (size_t i = 0; i < N; i++) {
        if (items[i].in) {
            struct name_node *node = name_index_after(root, name);

            ck_assert_ptr_eq(node, &items[i].node);
            name = node->name;
        }
    }
    ck_assert_ptr_null(name_index_after(root, name));
    ck_assert_uint_le(depth(root), 50);
}

START_TEST(S5_walks_begin_anywhere)
{
    struct name_node *root = NULL;

    for (size_t i = 0; i < N; i++) {
        snprintf(items[i].name, sizeof items[i].name, "vm%05zu", i);
    }
    check_all(root);
    for (size_t k = 0; k < 3 * N; k++) {
        struct item *item = &items[_i ? k * 7919 % N : k % N];

        item->in = !item->in;
        if (item->in) {
            name_index_insert(&root, &item->node, item->name, k);
        } else {
            name_index_remove(&root, &item->node);
        }
        if (k % 97 == 0) {
            check_all(root);
        }
    }
    check_all(root);
    ck_assert_ptr_eq(name_index_after(root, "vm00999z"), &items[1000].node);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("name-index");
    TCase *tc = tcase_create("name-index");
    SRunner *sr;
    int failed;

    tcase_add_loop_test(tc, S5_walks_begin_anywhere, 0, 2);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
