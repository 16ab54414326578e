/* SPDX-License-Identifier: Apache-2.0 */

/* An ordered index by name, to begin a walk anywhere: a treap whose priorities
 * are hashes of ids, so that it is the same for the same objects.  Knows no
 * object. */

#ifndef NVA_NAME_INDEX_H
#define NVA_NAME_INDEX_H 1

#include "nva-types.h"

struct name_node {
    struct name_node *less, *more;
    const char *name;               /* The object's; unique in its index. */
    uint32_t priority;
};

/* Enters 'node' for object 'id' called 'name', which must stay as it is while
 * the node is in the index at '*root' (NULL: empty).  O(log n). */
void name_index_insert(struct name_node **root, struct name_node *node,
                       const char *name, nva_id id);
void name_index_remove(struct name_node **root, struct name_node *node);

/* The first one whose name comes after 'name' (by bytes; "": the first of
 * all), whether or not that is in the index; NULL: none.  O(log n). */
struct name_node *name_index_after(struct name_node *root, const char *name);

#endif /* name-index.h */
