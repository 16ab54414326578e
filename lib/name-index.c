/* SPDX-License-Identifier: Apache-2.0 */

/* An ordered index by name.
 *
 * Knows names and priorities.  Must never know what is called so.  Invariant:
 * in order by name, and no node has a higher priority than the one above it:
 * so the depth is logarithmic, whatever the names. */

#include <config.h>

#include "name-index.h"

#include <string.h>

#include "hash.h"

static void split(struct name_node *, const char *name,
                  struct name_node **less, struct name_node **more);
static struct name_node *merge(struct name_node *less,
                               struct name_node *more);

void
name_index_insert(struct name_node **root, struct name_node *node,
                  const char *name, nva_id id)
{
    node->name = name;
    node->priority = hash_uint64(id);
    while (*root && (*root)->priority >= node->priority) {
        root = strcmp(name, (*root)->name) < 0 ? &(*root)->less
                                               : &(*root)->more;
    }
    split(*root, name, &node->less, &node->more);
    *root = node;
}

void
name_index_remove(struct name_node **root, struct name_node *node)
{
    while (*root != node) {
        root = strcmp(node->name, (*root)->name) < 0 ? &(*root)->less
                                                     : &(*root)->more;
    }
    *root = merge(node->less, node->more);
}

struct name_node *
name_index_after(struct name_node *root, const char *name)
{
    struct name_node *found = NULL;

    while (root) {
        if (strcmp(root->name, name) > 0) {
            found = root;
            root = root->less;
        } else {
            root = root->more;
        }
    }
    return found;
}

/* Takes 'root' apart into what comes before 'name' and what comes after. */
static void
split(struct name_node *root, const char *name, struct name_node **less,
      struct name_node **more)
{
    while (root) {
        if (strcmp(root->name, name) < 0) {
            *less = root;
            less = &root->more;
            root = root->more;
        } else {
            *more = root;
            more = &root->less;
            root = root->less;
        }
    }
    *less = *more = NULL;
}

/* All in 'less' comes before all in 'more'. */
static struct name_node *
merge(struct name_node *less, struct name_node *more)
{
    struct name_node *root, **end = &root;

    while (less && more) {
        if (less->priority >= more->priority) {
            *end = less;
            end = &less->more;
            less = less->more;
        } else {
            *end = more;
            end = &more->less;
            more = more->less;
        }
    }
    *end = less ? less : more;
    return root;
}
