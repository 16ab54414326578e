/* SPDX-License-Identifier: Apache-2.0 */

/* Lists in pages: a page is at most so many objects and bytes, and is made a
 * slice at a time, so that no turn of the loop pays for all of it. */

#ifndef NVA_API_JSON_LIST_H
#define NVA_API_JSON_LIST_H 1

#include <stdbool.h>

#include "api-facts.h"
#include "delta.h"
#include "step.h"

enum { API_PAGE_MAX = 1000 };          /* Objects in one answer. */

/* X(ENUM, key in the answer) */
#define API_LISTS                                                           \
    X(VNS, "vns") X(NVES, "nves") X(PORTS, "ports") X(VMS, "vms")           \
    X(MOVES, "moves")
enum api_list_kind {
#define X(E, W) API_LIST_##E,
    API_LISTS
#undef X
    API_N_LISTS
};

/* What is wanted. */
struct api_filter {
    enum api_list_kind kind;
    nva_id vn;                  /* Of VMs, ports; NONE: any. */
    nva_id nve;                 /* Of VMs, moves; of ports theirs. */
    char state[32];             /* Of VMs, NVEs, moves; "": any. */
    size_t limit;               /* 1..API_PAGE_MAX. */
    char after[NVA_NAME_MAX];   /* The key before; "": from the first on. */
};

struct api_list *api_list_create(const struct nva_view *,
                                 const struct api_facts *,
                                 const struct api_filter *);

/* Makes a slice of a page, some hundred microseconds of work; true when the
 * page is complete.  The directory may change between two slices. */
bool api_json_list_run(const struct nva_view *, const struct api_facts *,
                       struct api_list *);
/* Bytes that it holds. */
size_t api_json_list_size(const struct api_list *);
/* The page as JSON text (malloc'd): the body of a 200.  Destroys 'list'. */
char *api_json_list_finish(struct api_list *);
void api_json_list_destroy(struct api_list *);

#endif /* api-json-list.h */
