/* SPDX-License-Identifier: Apache-2.0 */

/* A list of findings.  Knows the shape of a finding, must never know how it
 * came about.  Invariant: at most NVA_FINDINGS_MAX are kept, all are counted.
 * draft vmm-15 s10 (D14). */

#include <config.h>

#include "finding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

static const char *const kind_words[] = {
#define X(E, W, T, A) W,
    NVA_AUDIT_KINDS
#undef X
};

static const char *const kind_advice[] = {
#define X(E, W, T, A) A,
    NVA_AUDIT_KINDS
#undef X
};

static int compare_findings(const void *, const void *);

const char *
nva_audit_kind_word(enum nva_audit_kind kind)
{
    return kind < ARRAY_SIZE(kind_words) ? kind_words[kind] : "?";
}

void
nva_findings_uninit(struct nva_findings *f)
{
    free(f->a);
    memset(f, 0, sizeof *f);
}

const char *
nva_audit_kind_advice(enum nva_audit_kind kind)
{
    return kind < ARRAY_SIZE(kind_advice) ? kind_advice[kind] : "?";
}

struct nva_finding *
nva_findings_add(struct nva_findings *f, enum nva_audit_kind kind)
{
    struct nva_finding *finding = &f->spill;

    if (f->n >= NVA_FINDINGS_MAX) {
        f->left_out++;
    } else {
        if (f->n >= f->allocated) {
            f->a = x2nrealloc(f->a, &f->allocated, sizeof *f->a);
        }
        finding = &f->a[f->n++];
    }
    memset(finding, 0, sizeof *finding);
    finding->kind = kind;
    return finding;
}

void
nva_finding_name_tsi(struct nva_finding *f, const struct nva_view *v,
                     const struct nva_tsi *tsi)
{
    const struct nva_vm *vm = directory_vm(v->dir, tsi->vm);

    f->vn = tsi->vn;
    f->vm = tsi->vm;
    f->tsi = tsi->id;
    snprintf(f->object, sizeof f->object, "vm %s %s", vm ? vm->name : "?",
             tsi->name);
}

void
nva_findings_move(struct nva_findings *to, struct nva_findings *from)
{
    for (size_t i = 0; i < from->n; i++) {
        *nva_findings_add(to, from->a[i].kind) = from->a[i];
    }
    to->left_out += from->left_out;
    nva_findings_uninit(from);
}

void
nva_findings_keep_common(struct nva_findings *now,
                         const struct nva_findings *before)
{
    struct nva_finding *sorted;
    size_t n = 0;

    if (!before->n) {
        now->n = 0;
        return;
    }
    sorted = xmemdup(before->a, before->n * sizeof *before->a);
    qsort(sorted, before->n, sizeof *sorted, compare_findings);
    for (size_t i = 0; i < now->n; i++) {
        if (before->left_out
            || bsearch(&now->a[i], sorted, before->n, sizeof *sorted,
                       compare_findings)) {
            now->a[n++] = now->a[i];
        }
    }
    now->n = n;
    free(sorted);
}

static int
compare_findings(const void *a_, const void *b_)
{
    const struct nva_finding *a = a_, *b = b_;
    int diff;

    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    } else if (a->owner.kind != b->owner.kind) {
        return a->owner.kind < b->owner.kind ? -1 : 1;
    } else if (a->owner.id != b->owner.id) {
        return a->owner.id < b->owner.id ? -1 : 1;
    }
    diff = strcmp(a->object, b->object);
    return diff ? diff : strcmp(a->directory, b->directory);
}
