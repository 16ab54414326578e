/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include <check.h>
#include <stdlib.h>

#include "flow-prog.h"
#include "flow.h"
#include "openvswitch/ofp-actions.h"
#include "pipeline.h"
#include "util.h"

enum { NVE = 7, LOG_MAX = 2048 };

#define TSI(ID) ((struct nva_owner) { NVA_OWNER_TSI, ID })
#define VAP(ID) ((struct nva_owner) { NVA_OWNER_VAP, ID })
#define REDIRECT(ID) ((struct nva_owner) { NVA_OWNER_REDIRECT, ID })

/* ## The truth that flow-prog asks for ## */

struct truth {
    struct nva_owner owner;
    uint64_t version;
    size_t n;                           /* Flows. */
    size_t n_outputs;                   /* Of each. */
    uint16_t seed;                      /* What they look like. */
    uint32_t meter, meter2;             /* 0: none. */
};

struct log {
    size_t n;
    struct nva_owner owners[LOG_MAX];
    uint64_t versions[LOG_MAX];
};

static struct flow_prog *fp;
static struct truth truths[LOG_MAX];
static size_t n_truths;
static struct log confirmed, unchanged, expired;

static struct truth *
truth_of(struct nva_owner owner)
{
    for (size_t i = 0; i < n_truths; i++) {
        if (nva_owner_equal(truths[i].owner, owner)) {
            return &truths[i];
        }
    }
    return NULL;
}

static void
log_add(struct log *log, struct nva_owner owner, uint64_t version)
{
    ck_assert_uint_lt(log->n, LOG_MAX);
    log->owners[log->n] = owner;
    log->versions[log->n++] = version;
}

/* The version 'owner' is in 'log' with; 0: not there. */
static uint64_t
logged(const struct log *log, struct nva_owner owner)
{
    for (size_t i = 0; i < log->n; i++) {
        if (nva_owner_equal(log->owners[i], owner)) {
            return log->versions[i];
        }
    }
    return 0;
}

static void
source_flows(void *aux OVS_UNUSED, nva_id nve, struct nva_owner owner,
             nva_usec now OVS_UNUSED, struct flow_set *out)
{
    const struct truth *t = truth_of(owner);

    ck_assert_uint_eq(nve, NVE);
    for (size_t i = 0; t && i < t->n; i++) {
        struct nva_flow f;

        nva_flow_init(&f);
        f.table = 5;
        f.priority = i + 1;
        f.cookie = pipeline_cookie(owner);
        match_set_in_port(&f.match, u16_to_ofp(t->seed));
        for (size_t j = 0; j < t->n_outputs; j++) {
            ofpact_put_OUTPUT(&f.actions)->port = u16_to_ofp(j + 1);
        }
        ck_assert(flow_set_add(out, &f));
    }
    if (t && t->meter) {
        flow_set_add_meter(out, (struct nva_meter) { t->meter, 100, 10 });
    }
    if (t && t->meter2) {
        flow_set_add_meter(out, (struct nva_meter) { t->meter2, 100, 10 });
    }
}

static uint64_t
source_version(void *aux OVS_UNUSED, struct nva_owner owner)
{
    const struct truth *t = truth_of(owner);

    return t ? t->version : 0;
}

static void
source_unchanged(void *aux OVS_UNUSED, nva_id nve, struct nva_owner owner,
                 uint64_t version)
{
    ck_assert_uint_eq(nve, NVE);
    log_add(&unchanged, owner, version);
}

static void
source_expired(void *aux OVS_UNUSED, nva_id nve, struct nva_owner owner)
{
    ck_assert_uint_eq(nve, NVE);
    log_add(&expired, owner, 1);
}

static const struct flow_prog_source source = {
    .flows = source_flows, .version = source_version,
    .unchanged = source_unchanged, .expired = source_expired,
};

static void
confirmed_cb(struct nva_owner owner, uint64_t version, void *aux)
{
    ck_assert_ptr_eq(aux, &confirmed);
    log_add(&confirmed, owner, version);
}

/* ## Doing ## */

static void
setup(void)
{
    fp = flow_prog_create(NVE);
    n_truths = 0;
    confirmed.n = unchanged.n = expired.n = 0;
}

static void
teardown(void)
{
    flow_prog_destroy(fp);
}

/* The truth about 'owner' from now on. */
static struct truth *
set(struct nva_owner owner, uint64_t version, size_t n, uint16_t seed)
{
    struct truth *t = truth_of(owner);

    if (!t) {
        ck_assert_uint_lt(n_truths, LOG_MAX);
        t = &truths[n_truths++];
    }
    *t = (struct truth) { .owner = owner, .version = version, .n = n,
                          .n_outputs = 1, .seed = seed };
    return t;
}

static void
unset(struct nva_owner owner)
{
    struct truth *t = truth_of(owner);

    ck_assert_ptr_nonnull(t);
    *t = truths[--n_truths];
}

static void
change(struct nva_owner owner, uint64_t version, size_t n, uint16_t seed)
{
    set(owner, version, n, seed);
    flow_prog_dirty(fp, owner, FLOW_PROG_CONFIG);
}

/* The switch says that it has what the truth about 'owner' is now. */
static void
readback(struct nva_owner owner)
{
    struct flow_set *flows = flow_set_create();

    source_flows(NULL, NVE, owner, 0, flows);
    for (size_t i = 0; i < flow_set_n(flows); i++) {
        const struct nva_flow *f = flow_set_at(flows, i);

        flow_prog_readback(fp, f->cookie, nva_flow_hash(f));
    }
    for (size_t i = 0; i < flow_set_n_meters(flows); i++) {
        flow_prog_readback_meter(fp, *flow_set_meter(flows, i));
    }
    flow_set_destroy(flows);
}

static void
readback_done(void)
{
    for (size_t i = 0; i < n_truths; i++) {
        flow_prog_compare(fp, &source, truths[i].owner, 0);
    }
    ck_assert(!flow_prog_compare_rest(fp, SIZE_MAX));
}

/* A session with a switch that has nothing. */
static void
begin(void)
{
    flow_prog_session_start(fp);
    readback_done();
}

static const struct flow_prog_bundle *
next(void)
{
    return flow_prog_next(fp, &source, 0);
}

static void
done(bool applied)
{
    confirmed.n = 0;
    flow_prog_bundle_done(fp, applied, confirmed_cb, &confirmed);
}

/* Sends and confirms all there is. */
static void
settle(void)
{
    while (next()) {
        done(true);
    }
    ck_assert(flow_prog_is_idle(fp));
}

/* ## Looking ## */

static size_t
n_ops(const struct flow_prog_bundle *b, struct nva_owner owner,
      enum flow_prog_op op)
{
    size_t n = 0;

    for (size_t i = 0; b && i < b->n_msgs; i++) {
        n += (b->msgs[i].op == op
              && nva_owner_equal(b->msgs[i].owner, owner));
    }
    return n;
}

static bool
is_sent(const struct flow_prog_bundle *b, struct nva_owner owner)
{
    for (size_t i = 0; b && i < b->n_owners; i++) {
        if (nva_owner_equal(b->owners[i], owner)) {
            return true;
        }
    }
    return false;
}

/* The index of the first message of 'owner' in 'b'. */
static size_t
msg_of(const struct flow_prog_bundle *b, struct nva_owner owner)
{
    for (size_t i = 0; i < b->n_msgs; i++) {
        if (nva_owner_equal(b->msgs[i].owner, owner)) {
            return i;
        }
    }
    ck_abort_msg("no message");
}

static void
quarantined_cb(struct nva_owner owner, enum nva_reason reason, void *log)
{
    log_add(log, owner, reason);
}

/* How many are quarantined; "*log" tells who and why. */
static size_t
quarantined(struct log *log)
{
    log->n = 0;
    flow_prog_each_quarantined(fp, quarantined_cb, log);
    return log->n;
}

/* ## Read-back ## */

START_TEST(nothing_is_sent_before_read_back)
{
    change(TSI(1), 5, 2, 1);
    ck_assert_ptr_null(next());
    flow_prog_session_start(fp);
    ck_assert_ptr_null(next());
    flow_prog_dirty(fp, TSI(1), FLOW_PROG_MOVE);
    ck_assert_ptr_null(next());
    ck_assert(!flow_prog_is_idle(fp));
    ck_assert(!flow_prog_confirmed(fp, TSI(1), 1));
    ck_assert(!flow_prog_confirmed(fp, TSI(99), 0));
    readback_done();
    ck_assert(is_sent(next(), TSI(1)));
}
END_TEST

START_TEST(equal_is_confirmed_without_a_message)
{
    set(TSI(1), 5, 3, 1);
    flow_prog_session_start(fp);
    readback(TSI(1));
    readback_done();
    ck_assert_uint_eq(flow_prog_n_dirty(fp), 0);
    ck_assert_ptr_null(next());
    ck_assert(flow_prog_is_idle(fp));
    ck_assert(flow_prog_confirmed(fp, TSI(1), 5));
    ck_assert_uint_eq(unchanged.n, 0);
    ck_assert_uint_eq(expired.n, 0);
}
END_TEST

/* What an audit found is not what was believed. */
START_TEST(D14_mistrusted_is_written_anew)
{
    const struct flow_prog_bundle *b;

    set(TSI(1), 5, 3, 1);
    begin();
    settle();
    flow_prog_mistrust(fp, TSI(1));
    flow_prog_mistrust(fp, TSI(9));
    b = next();
    ck_assert_ptr_nonnull(b);
    ck_assert_uint_eq(n_ops(b, TSI(1), FLOW_PROG_DELETE), 1);
    ck_assert_uint_eq(n_ops(b, TSI(1), FLOW_PROG_ADD), 3);
    ck_assert_uint_eq(n_ops(b, TSI(9), FLOW_PROG_DELETE), 1);
    ck_assert_uint_eq(n_ops(b, TSI(9), FLOW_PROG_ADD), 0);
    done(true);
    ck_assert(flow_prog_is_idle(fp));
    ck_assert(flow_prog_confirmed(fp, TSI(1), 5));
}
END_TEST

START_TEST(absent_is_added_without_a_delete)
{
    const struct flow_prog_bundle *b;

    set(TSI(1), 5, 3, 1);
    begin();
    ck_assert_uint_eq(unchanged.n, 0);
    ck_assert(!flow_prog_confirmed(fp, TSI(1), 5));
    b = next();
    ck_assert_ptr_nonnull(b);
    ck_assert_uint_eq(b->n_msgs, 3);
    ck_assert_uint_eq(n_ops(b, TSI(1), FLOW_PROG_ADD), 3);
    ck_assert_uint_eq(b->n_owners, 1);
    ck_assert_uint_eq(b->n_meters, 0);
}
END_TEST

START_TEST(differing_is_deleted_and_added)
{
    const struct flow_prog_bundle *b;

    set(TSI(1), 4, 3, 1);
    flow_prog_session_start(fp);
    readback(TSI(1));
    set(TSI(1), 5, 2, 9);
    readback_done();
    ck_assert(!flow_prog_confirmed(fp, TSI(1), 5));
    ck_assert_uint_eq(unchanged.n, 0);

    b = next();
    ck_assert_ptr_nonnull(b);
    ck_assert_uint_eq(b->n_msgs, 3);
    ck_assert_int_eq(b->msgs[0].op, FLOW_PROG_DELETE);
    ck_assert_uint_eq(b->msgs[0].cookie, pipeline_cookie(TSI(1)));
    ck_assert(nva_owner_equal(b->msgs[0].owner, TSI(1)));
    for (size_t i = 1; i < 3; i++) {
        ck_assert_int_eq(b->msgs[i].op, FLOW_PROG_ADD);
        ck_assert_uint_eq(b->msgs[i].cookie, pipeline_cookie(TSI(1)));
        ck_assert_uint_eq(b->msgs[i].flow->priority, i);
        ck_assert_uint_eq(b->msgs[i].flow->match.flow.in_port.ofp_port, 9);
    }
    done(true);
    ck_assert_uint_eq(logged(&confirmed, TSI(1)), 5);
    ck_assert(flow_prog_confirmed(fp, TSI(1), 5));
}
END_TEST

START_TEST(one_flow_too_few_or_too_many_differs)
{
    set(TSI(1), 4, 2, 1);
    flow_prog_session_start(fp);
    readback(TSI(1));
    truth_of(TSI(1))->n = 2 + (_i ? 1 : -1);
    readback_done();
    ck_assert_uint_eq(flow_prog_n_dirty(fp), 1);
    ck_assert_uint_eq(n_ops(next(), TSI(1), FLOW_PROG_DELETE), 1);
}
END_TEST

START_TEST(found_but_not_in_truth_is_deleted)
{
    const struct flow_prog_bundle *b;

    set(TSI(1), 4, 3, 1);
    set(TSI(2), 4, 1, 2);
    flow_prog_session_start(fp);
    readback(TSI(1));
    readback(TSI(2));
    unset(TSI(1));
    readback_done();
    ck_assert(!flow_prog_confirmed(fp, TSI(1), 1));
    b = next();
    ck_assert_ptr_nonnull(b);
    ck_assert_uint_eq(b->n_msgs, 1);
    ck_assert_int_eq(b->msgs[0].op, FLOW_PROG_DELETE);
    ck_assert_uint_eq(b->msgs[0].cookie, pipeline_cookie(TSI(1)));
    done(true);
    ck_assert_uint_eq(confirmed.n, 1);
    ck_assert_uint_eq(flow_prog_n_owners(fp), 1);
    ck_assert(flow_prog_confirmed(fp, TSI(1), 100));
    ck_assert(flow_prog_is_idle(fp));
}
END_TEST

/* Whatever was wanted before and is neither wanted nor there is forgotten. */
START_TEST(neither_there_nor_in_truth_is_forgotten)
{
    set(TSI(1), 4, 3, 1);
    begin();
    settle();
    flow_prog_session_end(fp);
    unset(TSI(1));
    flow_prog_dirty(fp, TSI(1), FLOW_PROG_CONFIG);
    begin();
    ck_assert_ptr_null(next());
    ck_assert_uint_eq(flow_prog_n_owners(fp), 0);
    ck_assert_uint_eq(flow_prog_n_dirty(fp), 0);
}
END_TEST

/* Three interfaces that the switch has, in a new session. */
static void
begin_to_compare(void)
{
    for (int i = 1; i <= 3; i++) {
        set(TSI(i), 4, 1, i);
    }
    begin();
    settle();
    flow_prog_session_start(fp);
    for (int i = 1; i <= 3; i++) {
        readback(TSI(i));
    }
}

/* What changes while it is compared is right in the end, and nothing is sent
 * or confirmed before. */
START_TEST(compared_a_little_at_a_time)
{
    const struct flow_prog_bundle *b;

    begin_to_compare();
    ck_assert_uint_eq(flow_prog_compare(fp, &source, TSI(1), 0), 2);
    ck_assert_uint_eq(flow_prog_n_dirty(fp), 0);
    change(TSI(1), 5, 1, 9);            /* After it was compared. */
    change(TSI(2), 5, 1, 9);            /* Before. */
    change(TSI(4), 5, 1, 9);            /* It is new: nobody compares it. */
    ck_assert_uint_eq(flow_prog_compare(fp, &source, TSI(2), 0), 2);
    ck_assert_uint_eq(flow_prog_compare(fp, &source, TSI(3), 0), 2);
    ck_assert_ptr_null(next());
    ck_assert(!flow_prog_confirmed(fp, TSI(3), 4));
    ck_assert(!flow_prog_is_idle(fp));
    ck_assert(!flow_prog_compare_rest(fp, 1));
    ck_assert(flow_prog_confirmed(fp, TSI(3), 4));
    ck_assert(!flow_prog_confirmed(fp, TSI(1), 5));
    b = next();
    ck_assert(is_sent(b, TSI(1)) && is_sent(b, TSI(2)) && is_sent(b, TSI(4)));
    ck_assert(!is_sent(b, TSI(3)));
    ck_assert_uint_eq(n_ops(b, TSI(1), FLOW_PROG_DELETE), 1);
}
END_TEST

/* It was dirtied, and the switch has what is wanted now. */
START_TEST(compared_with_the_truth_now)
{
    begin_to_compare();
    flow_prog_dirty(fp, TSI(2), FLOW_PROG_MOVE);
    readback_done();
    ck_assert_uint_eq(flow_prog_n_dirty(fp), 0);
    ck_assert_ptr_null(next());
}
END_TEST

START_TEST(compared_twice_is_compared_once)
{
    begin_to_compare();
    flow_prog_compare(fp, &source, TSI(1), 0);
    readback_done();
    ck_assert_ptr_null(next());
    ck_assert_uint_eq(flow_prog_n_owners(fp), 3);
}
END_TEST

/* Its flow has ended since it was read: that is not confirmed. */
START_TEST(removed_before_it_is_compared)
{
    begin_to_compare();
    flow_prog_removed(fp, TSI(1));
    readback_done();
    ck_assert(is_sent(next(), TSI(1)));
}
END_TEST

START_TEST(what_nobody_wants_is_found_a_little_at_a_time)
{
    begin_to_compare();
    while (n_truths) {
        unset(truths[0].owner);
    }
    ck_assert(flow_prog_compare_rest(fp, 2));
    ck_assert_uint_eq(flow_prog_n_dirty(fp), 2);
    ck_assert_ptr_null(next());
    ck_assert(!flow_prog_compare_rest(fp, 2));
    ck_assert_uint_eq(n_ops(next(), TSI(1), FLOW_PROG_DELETE), 1);
    ck_assert_uint_eq(n_ops(next(), TSI(1), FLOW_PROG_ADD), 0);
    done(true);
    ck_assert_uint_eq(flow_prog_n_owners(fp), 0);
}
END_TEST

/* The switch comes back with nothing before all of it was compared. */
START_TEST(a_session_that_ends_while_it_is_compared)
{
    begin_to_compare();
    flow_prog_compare(fp, &source, TSI(1), 0);
    flow_prog_session_end(fp);
    begin();
    ck_assert_uint_eq(flow_prog_n_dirty(fp), 3);
    ck_assert_uint_eq(next()->n_msgs, 3);
}
END_TEST

START_TEST(a_switch_back_with_its_flows_gets_nothing)
{
    set(TSI(1), 4, 3, 1);
    set(TSI(2), 4, 3, 2);
    begin();
    settle();
    flow_prog_session_start(fp);
    readback(TSI(2));
    readback(TSI(1));
    readback_done();
    ck_assert_ptr_null(next());
    ck_assert(flow_prog_confirmed(fp, TSI(1), 4));

    /* Nor does it the next time. */
    flow_prog_session_start(fp);
    readback(TSI(1));
    readback(TSI(2));
    readback_done();
    ck_assert_ptr_null(next());
}
END_TEST

START_TEST(a_switch_back_without_its_flows_gets_them_without_deletes)
{
    const struct flow_prog_bundle *b;

    set(TSI(1), 4, 3, 1);
    begin();
    settle();
    begin();
    b = next();
    ck_assert_uint_eq(n_ops(b, TSI(1), FLOW_PROG_ADD), 3);
    ck_assert_uint_eq(n_ops(b, TSI(1), FLOW_PROG_DELETE), 0);
}
END_TEST

/* What an earlier session had confirmed counts for nothing in this one. */
START_TEST(a_version_of_an_earlier_session_confirms_nothing)
{
    set(TSI(1), 4, 3, 1);
    begin();
    settle();
    ck_assert(flow_prog_confirmed(fp, TSI(1), 4));
    begin();
    ck_assert(!flow_prog_confirmed(fp, TSI(1), 4));
    ck_assert(is_sent(next(), TSI(1)));
    ck_assert(!flow_prog_confirmed(fp, TSI(1), 4));
    done(true);
    ck_assert(flow_prog_confirmed(fp, TSI(1), 4));
}
END_TEST

START_TEST(dirtied_while_down_and_equal_needs_no_message)
{
    set(TSI(1), 4, 3, 1);
    begin();
    settle();
    flow_prog_session_end(fp);
    flow_prog_dirty(fp, TSI(1), FLOW_PROG_MOVE);
    truth_of(TSI(1))->version = 6;
    flow_prog_session_start(fp);
    readback(TSI(1));
    readback_done();
    ck_assert_uint_eq(flow_prog_n_dirty(fp), 0);
    ck_assert(flow_prog_confirmed(fp, TSI(1), 6));
}
END_TEST

/* ## What is not ours ## */

static uint64_t
old_schema(struct nva_owner owner)
{
    return pipeline_cookie(owner) ^ (UINT64_C(0x80) << 48);
}

START_TEST(an_older_schema_goes_once_all_of_ours_is_confirmed)
{
    const struct nva_owner nobody = { NVA_OWNER_NONE, 0 };
    const struct flow_prog_bundle *b;

    set(TSI(1), 4, 1, 1);
    flow_prog_session_start(fp);
    flow_prog_readback(fp, old_schema(TSI(1)), 12345);
    flow_prog_readback(fp, old_schema(TSI(1)), 54321);
    flow_prog_readback(fp, pipeline_cookie(nobody), 999);
    readback_done();
    ck_assert_uint_eq(flow_prog_n_owners(fp), 1);

    b = next();
    ck_assert_uint_eq(b->n_msgs, 1);
    ck_assert_uint_eq(n_ops(b, TSI(1), FLOW_PROG_ADD), 1);
    ck_assert_ptr_null(next());
    change(TSI(2), 5, 1, 2);
    done(true);
    b = next();
    ck_assert_uint_eq(b->n_msgs, 1);
    ck_assert_uint_eq(n_ops(b, TSI(2), FLOW_PROG_ADD), 1);
    done(false);                        /* Quarantined. */
    ck_assert(!flow_prog_is_idle(fp));
    change(TSI(2), 6, 1, 2);
    ck_assert(is_sent(next(), TSI(2)));
    done(true);

    ck_assert(!flow_prog_is_idle(fp));
    b = next();
    ck_assert_uint_eq(b->n_msgs, 2);
    ck_assert_uint_eq(b->n_owners, 0);
    ck_assert_uint_eq(n_ops(b, nobody, FLOW_PROG_DELETE), 2);
    ck_assert_uint_eq(b->msgs[0].cookie ^ b->msgs[1].cookie,
                      old_schema(TSI(1)) ^ pipeline_cookie(nobody));
    ck_assert(!flow_prog_is_idle(fp));
    done(true);
    ck_assert_uint_eq(confirmed.n, 0);
    ck_assert(flow_prog_is_idle(fp));
    ck_assert_ptr_null(next());
}
END_TEST

START_TEST(foreign_cookies_go_once_all_of_ours_is_confirmed)
{
    const struct flow_prog_bundle *b;

    set(TSI(1), 4, 1, 1);
    flow_prog_session_start(fp);
    flow_prog_readback_foreign(fp, 0);
    flow_prog_readback_foreign(fp, 0);
    flow_prog_readback_foreign(fp, 0);
    readback_done();
    b = next();
    ck_assert_uint_eq(b->n_msgs, 1);
    ck_assert(is_sent(b, TSI(1)));
    done(true);
    b = next();
    ck_assert_uint_eq(b->n_msgs, 1);
    ck_assert_int_eq(b->msgs[0].op, FLOW_PROG_DELETE);
    ck_assert_uint_eq(b->msgs[0].cookie, 0);
    ck_assert_int_eq(b->msgs[0].owner.kind, NVA_OWNER_NONE);
    flow_prog_msg_failed(fp, 0, NVA_R_REJECTED);
    done(true);
    ck_assert(flow_prog_is_idle(fp));
}
END_TEST

START_TEST(foreign_cookies_have_a_limit)
{
    size_t n = 0;

    flow_prog_session_start(fp);
    for (uint64_t cookie = 1; cookie <= 1500; cookie++) {
        flow_prog_readback_foreign(fp, cookie);
    }
    readback_done();
    for (const struct flow_prog_bundle *b; (b = next()) != NULL; ) {
        ck_assert_uint_le(b->n_msgs, FLOW_PROG_BUNDLE_FLOWS);
        n += b->n_msgs;
        done(true);
    }
    ck_assert_uint_eq(n, 1024);
}
END_TEST

START_TEST(foreign_flows_of_an_older_session_are_forgotten)
{
    flow_prog_session_start(fp);
    flow_prog_readback_foreign(fp, 77);
    readback_done();
    flow_prog_session_start(fp);
    readback_done();
    ck_assert_ptr_null(next());
    ck_assert(flow_prog_is_idle(fp));
}
END_TEST

/* ## Redirects ## */

START_TEST(K5_a_redirect_is_replaced_in_place_and_always_resent)
{
    const struct flow_prog_bundle *b;

    set(REDIRECT(1), 4, 1, 1);
    set(TSI(1), 4, 1, 1);
    begin();
    settle();
    unchanged.n = 0;

    /* The hash is the same; its clock must start anew all the same. */
    change(REDIRECT(1), 5, 1, 1);
    change(TSI(1), 5, 1, 1);
    b = next();
    ck_assert_ptr_nonnull(b);
    ck_assert_uint_eq(b->n_msgs, 1);
    ck_assert_uint_eq(n_ops(b, REDIRECT(1), FLOW_PROG_ADD), 1);
    ck_assert_uint_eq(logged(&unchanged, TSI(1)), 5);
    ck_assert_uint_eq(logged(&unchanged, REDIRECT(1)), 0);
    done(true);
    ck_assert_uint_eq(logged(&confirmed, REDIRECT(1)), 5);
}
END_TEST

START_TEST(a_redirect_that_has_no_flows_any_more_is_deleted)
{
    const struct flow_prog_bundle *b;

    set(REDIRECT(1), 4, 1, 1);
    begin();
    settle();
    change(REDIRECT(1), 5, 0, 1);
    b = next();
    ck_assert_ptr_nonnull(b);
    ck_assert_uint_eq(b->n_msgs, 1);
    ck_assert_uint_eq(n_ops(b, REDIRECT(1), FLOW_PROG_DELETE), 1);
    done(true);
    ck_assert_uint_eq(flow_prog_n_owners(fp), 0);
}
END_TEST

START_TEST(a_redirect_found_expired_is_told_and_not_resent)
{
    set(REDIRECT(1), 4, 1, 1);
    set(TSI(1), 4, 1, 1);
    begin();
    settle();
    flow_prog_session_end(fp);
    flow_prog_dirty(fp, REDIRECT(1), FLOW_PROG_MOVE);
    flow_prog_session_start(fp);
    readback(TSI(1));
    readback_done();
    ck_assert_uint_eq(expired.n, 1);
    ck_assert_uint_eq(logged(&expired, REDIRECT(1)), 1);
    ck_assert_ptr_null(next());
}
END_TEST

/* A switch that lost all its flows lost the redirect with them; one that never
 * had it did not let it expire. */
START_TEST(a_redirect_that_is_missing_is_sent)
{
    bool never_had_it = _i;

    set(TSI(1), 4, 1, 1);
    begin();
    settle();
    set(REDIRECT(1), 5, 1, 1);
    if (!never_had_it) {
        flow_prog_dirty(fp, REDIRECT(1), FLOW_PROG_MOVE);
        settle();
    }
    flow_prog_session_start(fp);
    if (never_had_it) {
        readback(TSI(1));
    }
    readback_done();
    ck_assert_uint_eq(expired.n, 0);
    ck_assert(is_sent(next(), REDIRECT(1)));
}
END_TEST

START_TEST(only_redirects_expire)
{
    set(TSI(1), 4, 1, 1);
    set(TSI(2), 4, 1, 1);
    begin();
    settle();
    flow_prog_session_start(fp);
    readback(TSI(2));
    readback_done();
    ck_assert_uint_eq(expired.n, 0);
    ck_assert(is_sent(next(), TSI(1)));
}
END_TEST

START_TEST(a_flow_that_went_by_itself_is_not_deleted)
{
    const struct flow_prog_bundle *b;

    set(REDIRECT(1), 4, 1, 1);
    begin();
    settle();
    flow_prog_removed(fp, REDIRECT(1));
    ck_assert_uint_eq(flow_prog_hash(fp, REDIRECT(1)), 0);
    change(REDIRECT(1), 5, 0, 1);
    b = next();
    ck_assert_ptr_null(b);
    ck_assert_uint_eq(logged(&unchanged, REDIRECT(1)), 5);
    ck_assert_uint_eq(flow_prog_n_owners(fp), 0);
    flow_prog_removed(fp, REDIRECT(2));         /* Never heard of. */
}
END_TEST

/* ...but of what is not known, others may be there. */
START_TEST(a_flow_that_went_of_what_is_not_known)
{
    set(TSI(1), 4, 1, 1);
    begin();
    settle();
    flow_prog_mistrust(fp, TSI(1));
    flow_prog_removed(fp, TSI(1));
    change(TSI(1), 5, 0, 1);
    ck_assert_uint_eq(n_ops(next(), TSI(1), FLOW_PROG_DELETE), 1);
}
END_TEST

/* ## Order and caps ## */

START_TEST(moves_go_before_configuration_before_resync)
{
    const struct flow_prog_bundle *b;

    set(TSI(1), 1, 1, 1);
    begin();                            /* RESYNC. */
    set(TSI(2), 1, 1, 1);
    set(TSI(3), 1, 1, 1);
    set(TSI(4), 1, 1, 1);
    set(TSI(5), 1, 1, 1);
    flow_prog_dirty(fp, TSI(2), FLOW_PROG_CONFIG);
    flow_prog_dirty(fp, TSI(3), FLOW_PROG_MOVE);
    flow_prog_dirty(fp, TSI(4), FLOW_PROG_CONFIG);
    flow_prog_dirty(fp, TSI(4), FLOW_PROG_MOVE);        /* More urgent now. */
    flow_prog_dirty(fp, TSI(3), FLOW_PROG_RESYNC);      /* Still urgent. */
    flow_prog_dirty(fp, TSI(5), FLOW_PROG_CONFIG);
    flow_prog_dirty(fp, TSI(2), FLOW_PROG_CONFIG);      /* Keeps its place. */
    ck_assert_uint_eq(flow_prog_n_dirty(fp), 5);
    b = next();
    ck_assert_ptr_nonnull(b);
    ck_assert_uint_eq(b->n_owners, 2);  /* Nothing but the moves. */
    ck_assert(nva_owner_equal(b->owners[0], TSI(3)));
    ck_assert(nva_owner_equal(b->owners[1], TSI(4)));
    done(true);
    b = next();
    ck_assert_ptr_nonnull(b);
    ck_assert_uint_eq(b->n_owners, 3);
    ck_assert(nva_owner_equal(b->owners[0], TSI(2)));
    ck_assert(nva_owner_equal(b->owners[1], TSI(5)));
    ck_assert(nva_owner_equal(b->owners[2], TSI(1)));
    for (size_t i = 0; i < 3; i++) {
        ck_assert(nva_owner_equal(b->msgs[i].owner, b->owners[i]));
    }
    ck_assert_uint_eq(flow_prog_n_dirty(fp), 0);
}
END_TEST

START_TEST(a_bundle_has_at_most_so_many_flows)
{
    static const size_t expect[] = { 256, 256, 88 };
    const struct flow_prog_bundle *b;

    for (nva_id id = 1; id <= 600; id++) {
        set(TSI(id), 1, 1, 1)->n_outputs = 0;
    }
    begin();
    for (size_t i = 0; i < ARRAY_SIZE(expect); i++) {
        b = next();
        ck_assert_ptr_nonnull(b);
        ck_assert_uint_eq(b->n_msgs, expect[i]);
        ck_assert_ptr_null(next());     /* One in flight. */
        done(true);
        ck_assert_uint_eq(confirmed.n, expect[i]);
    }
    ck_assert(flow_prog_is_idle(fp));
}
END_TEST

START_TEST(a_bundle_has_at_most_so_many_bytes)
{
    const struct flow_prog_bundle *b;
    size_t size, per_flow;

    for (nva_id id = 1; id <= 40; id++) {
        set(TSI(id), 1, 1, 1)->n_outputs = 1000;
    }
    begin();
    b = next();
    ck_assert_ptr_nonnull(b);
    per_flow = b->msgs[0].flow->actions.size;
    size = b->n_msgs * per_flow;
    ck_assert_uint_ge(per_flow, 8000);
    ck_assert_uint_lt(size, FLOW_PROG_BUNDLE_BYTES + per_flow);
    ck_assert_uint_gt(size, FLOW_PROG_BUNDLE_BYTES / 2);
}
END_TEST

/* One owner is never split, however large. */
START_TEST(an_owner_is_never_split)
{
    set(TSI(1), 1, 300, 1);
    set(TSI(2), 1, 1, 1);
    begin();
    ck_assert_uint_eq(n_ops(next(), TSI(1), FLOW_PROG_ADD)
                      + n_ops(next(), TSI(1), FLOW_PROG_ADD), 300);
}
END_TEST

/* 1,000 owners that are there and unknown: a delete is a message, too. */
START_TEST(deletes_count_for_the_cap)
{
    const struct flow_prog_bundle *b;
    size_t n = 0;

    flow_prog_session_start(fp);
    for (nva_id id = 1; id <= 1000; id++) {
        flow_prog_readback(fp, pipeline_cookie(TSI(id)), id);
    }
    readback_done();
    while ((b = next()) != NULL) {
        ck_assert_uint_le(b->n_msgs, 2 * FLOW_PROG_BUNDLE_FLOWS);
        n += b->n_msgs;
        done(true);
    }
    ck_assert_uint_eq(n, 1000);
}
END_TEST

/* 'n' owners of one flow, then an interface and its redirect (in either
 * order), dirtied together: one bundle has both. */
START_TEST(a_redirect_and_its_interface_are_never_split)
{
    bool redirect_first = _i % 2;
    size_t n = 253 + _i / 2;
    size_t n_together = 0;

    begin();
    for (nva_id id = 1; id <= n; id++) {
        set(VAP(id), 1, 1, 1)->n_outputs = 0;
        flow_prog_dirty(fp, VAP(id), FLOW_PROG_MOVE);
    }
    set(TSI(1), 1, 1, 1)->n_outputs = 0;
    set(REDIRECT(1), 1, 1, 1)->n_outputs = 0;
    set(VAP(1000), 1, 1, 1)->n_outputs = 0;
    flow_prog_dirty(fp, redirect_first ? REDIRECT(1) : TSI(1), FLOW_PROG_MOVE);
    flow_prog_dirty(fp, redirect_first ? TSI(1) : REDIRECT(1), FLOW_PROG_MOVE);
    flow_prog_dirty(fp, VAP(1000), FLOW_PROG_MOVE);
    for (const struct flow_prog_bundle *b; (b = next()) != NULL; ) {
        ck_assert(is_sent(b, TSI(1)) == is_sent(b, REDIRECT(1)));
        ck_assert_uint_le(b->n_msgs, FLOW_PROG_BUNDLE_FLOWS + 2);
        n_together += is_sent(b, TSI(1));
        done(true);
    }
    ck_assert_uint_eq(n_together, 1);
}
END_TEST

/* A whole hypervisor is emptied: 600 pairs do not make one bundle. */
START_TEST(many_pairs_keep_to_the_cap)
{
    begin();
    for (nva_id id = 1; id <= 600; id++) {
        set(TSI(id), 1, 1, 1);
        set(REDIRECT(id), 1, 1, 1);
        flow_prog_dirty(fp, TSI(id), FLOW_PROG_MOVE);
        flow_prog_dirty(fp, REDIRECT(id), FLOW_PROG_MOVE);
    }
    for (const struct flow_prog_bundle *b; (b = next()) != NULL; ) {
        ck_assert_uint_le(b->n_msgs, FLOW_PROG_BUNDLE_FLOWS + 2);
        for (size_t i = 0; i < b->n_owners; i++) {
            ck_assert(is_sent(b, TSI(b->owners[i].id))
                      && is_sent(b, REDIRECT(b->owners[i].id)));
        }
        done(true);
    }
}
END_TEST

/* ## How a bundle ends ## */

START_TEST(dirtied_in_flight_is_confirmed_at_the_sent_version)
{
    const struct flow_prog_bundle *b;

    begin();
    change(TSI(1), 5, 1, 1);
    ck_assert(is_sent(next(), TSI(1)));
    change(TSI(1), 6, 2, 2);
    ck_assert_ptr_null(next());
    done(true);
    ck_assert_uint_eq(confirmed.n, 1);
    ck_assert_uint_eq(logged(&confirmed, TSI(1)), 5);
    ck_assert(flow_prog_confirmed(fp, TSI(1), 5));
    ck_assert(!flow_prog_confirmed(fp, TSI(1), 6));
    ck_assert_uint_eq(flow_prog_n_dirty(fp), 1);

    b = next();
    ck_assert_uint_eq(n_ops(b, TSI(1), FLOW_PROG_DELETE), 1);
    ck_assert_uint_eq(n_ops(b, TSI(1), FLOW_PROG_ADD), 2);
    ck_assert(!flow_prog_confirmed(fp, TSI(1), 6));
    done(true);
    ck_assert(flow_prog_confirmed(fp, TSI(1), 6));
}
END_TEST

/* Flows are computed when they are sent: the newest state goes out once. */
START_TEST(a_slow_switch_gets_the_newest_state_once)
{
    const struct flow_prog_bundle *b;

    begin();
    change(TSI(1), 5, 1, 1);
    change(TSI(1), 6, 2, 2);
    b = next();
    ck_assert_uint_eq(b->n_msgs, 2);
    done(true);
    ck_assert_uint_eq(logged(&confirmed, TSI(1)), 6);
    ck_assert_ptr_null(next());
}
END_TEST

/* Three owners in a bundle, of which the second's message fails. */
static void
fail_one_of_three(bool applied)
{
    const struct flow_prog_bundle *b;

    begin();
    change(TSI(1), 5, 1, 1);
    change(TSI(2), 5, 2, 2);
    change(TSI(3), 5, 1, 3);
    b = next();
    ck_assert_uint_eq(b->n_msgs, 4);
    flow_prog_msg_failed(fp, msg_of(b, TSI(2)) + 1, NVA_R_TABLE_FULL);
    flow_prog_msg_failed(fp, 4, NVA_R_REJECTED);        /* There is none. */
    done(applied);
}

START_TEST(a_failed_message_of_an_applied_bundle_hits_its_owner)
{
    const struct flow_prog_bundle *b;
    struct log log;

    fail_one_of_three(true);
    ck_assert_uint_eq(confirmed.n, 2);
    ck_assert_uint_eq(logged(&confirmed, TSI(1)), 5);
    ck_assert_uint_eq(logged(&confirmed, TSI(3)), 5);
    ck_assert_uint_eq(quarantined(&log), 1);
    ck_assert_uint_eq(logged(&log, TSI(2)), NVA_R_TABLE_FULL);
    ck_assert(!flow_prog_confirmed(fp, TSI(2), 1));
    ck_assert(flow_prog_confirmed(fp, TSI(3), 5));
    ck_assert_ptr_null(next());

    /* One flow of it may be there: dirty again, it is deleted first. */
    change(TSI(2), 6, 2, 2);
    ck_assert_uint_eq(quarantined(&log), 0);
    b = next();
    ck_assert_uint_eq(n_ops(b, TSI(2), FLOW_PROG_DELETE), 1);
    ck_assert_uint_eq(n_ops(b, TSI(2), FLOW_PROG_ADD), 2);
    ck_assert_uint_eq(b->n_owners, 1);
    done(true);
    ck_assert(flow_prog_confirmed(fp, TSI(2), 6));
}
END_TEST

START_TEST(a_failed_message_that_fails_the_commit_lets_the_rest_be_resent)
{
    const struct flow_prog_bundle *b;
    struct log log;

    fail_one_of_three(false);
    ck_assert_uint_eq(confirmed.n, 0);
    ck_assert_uint_eq(quarantined(&log), 1);
    ck_assert_uint_eq(logged(&log, TSI(2)), NVA_R_TABLE_FULL);
    ck_assert(!flow_prog_confirmed(fp, TSI(1), 5));

    b = next();
    ck_assert_uint_eq(b->n_msgs, 2);
    ck_assert(is_sent(b, TSI(1)) && is_sent(b, TSI(3)));
    ck_assert_uint_eq(n_ops(b, TSI(1), FLOW_PROG_DELETE), 0);
    done(true);
    ck_assert_uint_eq(confirmed.n, 2);
    ck_assert_ptr_null(next());

    /* Nothing of it was applied. */
    change(TSI(2), 6, 2, 2);
    b = next();
    ck_assert_uint_eq(n_ops(b, TSI(2), FLOW_PROG_DELETE), 0);
    ck_assert_uint_eq(n_ops(b, TSI(2), FLOW_PROG_ADD), 2);
}
END_TEST

START_TEST(a_commit_that_names_no_message_quarantines_all_of_it)
{
    struct log log;

    begin();
    change(TSI(1), 5, 1, 1);
    change(TSI(2), 5, 1, 2);
    ck_assert_ptr_nonnull(next());
    change(TSI(3), 5, 1, 3);
    done(false);
    ck_assert_uint_eq(confirmed.n, 0);
    ck_assert_uint_eq(quarantined(&log), 2);
    ck_assert_uint_eq(logged(&log, TSI(1)), NVA_R_REJECTED);
    ck_assert_uint_eq(logged(&log, TSI(2)), NVA_R_REJECTED);
    ck_assert_uint_eq(next()->n_owners, 1);
    done(true);
    ck_assert_uint_eq(logged(&confirmed, TSI(3)), 5);
    ck_assert_ptr_null(next());
    ck_assert(!flow_prog_confirmed(fp, TSI(1), 1));
}
END_TEST

START_TEST(dirtied_in_flight_and_failed_is_tried_again)
{
    begin();
    change(TSI(1), 5, 1, 1);
    ck_assert_ptr_nonnull(next());
    change(TSI(1), 6, 1, 2);
    done(false);
    ck_assert(!flow_prog_confirmed(fp, TSI(1), 5));
    ck_assert(is_sent(next(), TSI(1)));
    done(true);
    ck_assert_uint_eq(logged(&confirmed, TSI(1)), 6);
    ck_assert(flow_prog_confirmed(fp, TSI(1), 6));
}
END_TEST

START_TEST(quarantine_ends_with_the_session)
{
    struct log log;

    fail_one_of_three(true);
    ck_assert_uint_eq(quarantined(&log), 1);
    flow_prog_session_start(fp);
    ck_assert_uint_eq(quarantined(&log), 0);
    readback(TSI(1));
    readback(TSI(3));
    readback_done();
    ck_assert(!flow_prog_confirmed(fp, TSI(2), 5));
    ck_assert_uint_eq(n_ops(next(), TSI(2), FLOW_PROG_ADD), 2);
    done(true);
    ck_assert(flow_prog_confirmed(fp, TSI(2), 5));
}
END_TEST

START_TEST(a_flow_that_went_while_in_flight_leaves_the_truth_to_the_answer)
{
    const struct flow_prog_bundle *b;

    set(REDIRECT(1), 4, 1, 1);
    begin();
    settle();
    change(REDIRECT(1), 5, 1, 1);
    ck_assert_ptr_nonnull(next());
    flow_prog_removed(fp, REDIRECT(1));
    done(false);                        /* Was it there after all? */
    change(REDIRECT(1), 6, 0, 1);
    b = next();
    ck_assert_uint_eq(n_ops(b, REDIRECT(1), FLOW_PROG_DELETE), 1);
}
END_TEST

START_TEST(a_session_that_ends_in_flight_sends_again)
{
    begin();
    change(TSI(1), 5, 1, 1);
    ck_assert_ptr_nonnull(next());
    flow_prog_session_end(fp);
    ck_assert_ptr_null(next());
    ck_assert(!flow_prog_confirmed(fp, TSI(1), 5));
    ck_assert(!flow_prog_is_idle(fp));
    done(true);                         /* Too late: not of this session. */
    ck_assert_uint_eq(confirmed.n, 0);
    ck_assert_uint_eq(flow_prog_n_dirty(fp), 1);

    begin();
    ck_assert_uint_eq(n_ops(next(), TSI(1), FLOW_PROG_ADD), 1);
    done(true);
    ck_assert_uint_eq(logged(&confirmed, TSI(1)), 5);
}
END_TEST

/* The answer was lost, not the bundle. */
START_TEST(a_session_that_ends_in_flight_may_have_been_heard)
{
    begin();
    change(TSI(1), 5, 1, 1);
    ck_assert_ptr_nonnull(next());
    flow_prog_session_start(fp);
    readback(TSI(1));
    readback_done();
    ck_assert_ptr_null(next());
    ck_assert(flow_prog_confirmed(fp, TSI(1), 5));
}
END_TEST

/* ## Confirmed ## */

START_TEST(confirmed_truth_table)
{
    ck_assert(!flow_prog_confirmed(fp, TSI(9), 0));     /* Down. */
    begin();
    ck_assert(flow_prog_confirmed(fp, TSI(9), 100));    /* Never heard of. */

    change(TSI(1), 5, 1, 1);                            /* Dirty. */
    ck_assert(!flow_prog_confirmed(fp, TSI(1), 5));
    ck_assert_ptr_nonnull(next());                      /* In flight. */
    ck_assert(!flow_prog_confirmed(fp, TSI(1), 5));
    ck_assert(flow_prog_confirmed(fp, TSI(9), 100));
    done(true);
    ck_assert(flow_prog_confirmed(fp, TSI(1), 5));
    ck_assert(flow_prog_confirmed(fp, TSI(1), 100));    /* Any version. */

    change(TSI(1), 6, 1, 2);                            /* Dirty: the last. */
    ck_assert(flow_prog_confirmed(fp, TSI(1), 5));
    ck_assert(!flow_prog_confirmed(fp, TSI(1), 6));
    ck_assert_ptr_nonnull(next());                      /* In flight: too. */
    ck_assert(flow_prog_confirmed(fp, TSI(1), 5));
    ck_assert(!flow_prog_confirmed(fp, TSI(1), 6));
    done(false);                                        /* Quarantined. */
    ck_assert(!flow_prog_confirmed(fp, TSI(1), 1));

    flow_prog_session_end(fp);
    ck_assert(!flow_prog_confirmed(fp, TSI(1), 1));
    ck_assert(!flow_prog_confirmed(fp, TSI(9), 0));
}
END_TEST

START_TEST(dirty_but_unchanged_is_told_without_a_message)
{
    begin();
    change(TSI(1), 5, 1, 1);
    settle();
    unchanged.n = 0;
    change(TSI(1), 6, 1, 1);
    ck_assert(!flow_prog_confirmed(fp, TSI(1), 6));
    ck_assert_uint_eq(unchanged.n, 0);
    ck_assert_ptr_null(next());
    ck_assert_uint_eq(unchanged.n, 1);
    ck_assert_uint_eq(logged(&unchanged, TSI(1)), 6);
    ck_assert(flow_prog_confirmed(fp, TSI(1), 6));
    ck_assert(flow_prog_is_idle(fp));
    flow_prog_dirty(fp, TSI(1), FLOW_PROG_CONFIG);
    ck_assert(flow_prog_confirmed(fp, TSI(1), 6));
}
END_TEST

START_TEST(without_callbacks)
{
    const struct flow_prog_source bare = {
        .flows = source_flows, .version = source_version,
    };

    set(REDIRECT(1), 5, 1, 1);
    set(TSI(1), 5, 1, 1);
    begin();
    settle();
    flow_prog_session_start(fp);
    readback(TSI(1));
    flow_prog_compare(fp, &bare, REDIRECT(1), 0);
    flow_prog_compare(fp, &bare, TSI(1), 0);
    ck_assert(!flow_prog_compare_rest(fp, 1));
    flow_prog_dirty(fp, TSI(1), FLOW_PROG_CONFIG);
    ck_assert_ptr_null(flow_prog_next(fp, &bare, 0));
}
END_TEST

START_TEST(hash_is_that_of_what_the_switch_has)
{
    struct flow_set *flows = flow_set_create();

    begin();
    ck_assert_uint_eq(flow_prog_hash(fp, TSI(1)), 0);
    change(TSI(1), 5, 2, 1);
    source_flows(NULL, NVE, TSI(1), 0, flows);
    ck_assert_ptr_nonnull(next());
    ck_assert_uint_eq(flow_prog_hash(fp, TSI(1)), 0);
    done(true);
    ck_assert_uint_eq(flow_prog_hash(fp, TSI(1)), flow_set_hash(flows));
    flow_set_destroy(flows);
}
END_TEST

/* ## Meters ## */

START_TEST(a_meter_is_added_once_before_the_flows)
{
    const struct flow_prog_bundle *b;

    set(VAP(1), 5, 1, 1)->meter = 11;
    set(VAP(2), 5, 1, 2)->meter = 12;
    set(VAP(3), 5, 1, 3)->meter = 12;
    begin();
    b = next();
    ck_assert_uint_eq(b->n_meters, 2);
    ck_assert_uint_eq(b->meters[0].id ^ b->meters[1].id, 11 ^ 12);
    ck_assert_uint_eq(b->meters[0].rate, 100);
    ck_assert_uint_eq(b->meters[0].burst, 10);
    ck_assert_uint_eq(b->n_msgs, 3);
    done(true);

    set(VAP(1), 6, 1, 9)->meter = 11;
    flow_prog_dirty(fp, VAP(1), FLOW_PROG_CONFIG);
    b = next();
    ck_assert_uint_eq(b->n_owners, 1);
    ck_assert_uint_eq(b->n_meters, 0);
}
END_TEST

START_TEST(a_meter_that_the_switch_has_is_not_added)
{
    const struct flow_prog_bundle *b;

    set(VAP(1), 5, 1, 1)->meter = 11;
    flow_prog_session_start(fp);
    flow_prog_readback_meter(fp, (struct nva_meter) { .id = 11 });
    readback_done();
    b = next();
    ck_assert(is_sent(b, VAP(1)));
    ck_assert_uint_eq(b->n_meters, 0);
    done(true);

    /* The next switch has forgotten it. */
    begin();
    b = next();
    ck_assert(is_sent(b, VAP(1)));
    ck_assert_uint_eq(b->n_meters, 1);
}
END_TEST

START_TEST(a_meter_missing_under_its_flows_is_added)
{
    const struct flow_prog_bundle *b;

    set(VAP(1), 5, 1, 1);
    flow_prog_session_start(fp);
    readback(VAP(1));
    truth_of(VAP(1))->meter = 11;
    readback_done();
    ck_assert(!flow_prog_confirmed(fp, VAP(1), 5));
    b = next();
    ck_assert_ptr_nonnull(b);
    ck_assert_uint_eq(b->n_meters, 1);
    ck_assert(is_sent(b, VAP(1)));
}
END_TEST

START_TEST(a_meter_goes_only_when_unused_and_idle)
{
    uint32_t meter = 0;

    set(VAP(1), 5, 1, 1)->meter = 11;
    set(VAP(2), 5, 1, 2)->meter = 11;
    begin();
    ck_assert(!flow_prog_next_meter_delete(fp, &meter));
    settle();
    ck_assert(!flow_prog_next_meter_delete(fp, &meter));

    change(VAP(1), 6, 0, 1);
    settle();
    ck_assert(!flow_prog_next_meter_delete(fp, &meter));

    change(VAP(2), 6, 0, 2);
    ck_assert(!flow_prog_next_meter_delete(fp, &meter));
    ck_assert_ptr_nonnull(next());
    ck_assert(!flow_prog_next_meter_delete(fp, &meter));
    done(true);
    flow_prog_dirty(fp, TSI(5), FLOW_PROG_CONFIG);
    ck_assert(!flow_prog_next_meter_delete(fp, &meter));
    ck_assert_ptr_null(next());
    ck_assert(flow_prog_next_meter_delete(fp, &meter));
    ck_assert_uint_eq(meter, 11);
    ck_assert(!flow_prog_next_meter_delete(fp, &meter));

    /* Needed again, it is added again. */
    set(VAP(1), 7, 1, 1)->meter = 11;
    flow_prog_dirty(fp, VAP(1), FLOW_PROG_CONFIG);
    ck_assert_uint_eq(next()->n_meters, 1);
}
END_TEST

START_TEST(each_of_several_meters_stays_while_needed)
{
    uint32_t meter = 0;

    set(VAP(1), 5, 1, 1)->meter = 11;
    truth_of(VAP(1))->meter2 = 12;
    begin();
    ck_assert_uint_eq(next()->n_meters, 2);
    done(true);
    ck_assert(!flow_prog_next_meter_delete(fp, &meter));

    /* The second is missing under its flows: they are written with it. */
    truth_of(VAP(1))->meter2 = 0;
    flow_prog_session_start(fp);
    readback(VAP(1));
    truth_of(VAP(1))->meter2 = 12;
    readback_done();
    ck_assert(is_sent(next(), VAP(1)));
    done(true);
    ck_assert(!flow_prog_next_meter_delete(fp, &meter));

    change(VAP(1), 6, 1, 2);
    truth_of(VAP(1))->meter = 11;
    settle();
    ck_assert(flow_prog_next_meter_delete(fp, &meter));
    ck_assert_uint_eq(meter, 12);
    ck_assert(!flow_prog_next_meter_delete(fp, &meter));
}
END_TEST

START_TEST(a_meter_nobody_needs_goes_after_read_back)
{
    uint32_t meter;

    flow_prog_session_start(fp);
    flow_prog_readback_meter(fp, (struct nva_meter) { .id = 33 });
    ck_assert(!flow_prog_next_meter_delete(fp, &meter));
    readback_done();
    ck_assert(flow_prog_next_meter_delete(fp, &meter));
    ck_assert_uint_eq(meter, 33);

    /* One that the present switch does not have needs no message. */
    flow_prog_readback_meter(fp, (struct nva_meter) { .id = 34 });
    flow_prog_session_start(fp);
    readback_done();
    ck_assert(!flow_prog_next_meter_delete(fp, &meter));
}
END_TEST

static void
add_readback_tests(TCase *tc)
{
    tcase_add_test(tc, nothing_is_sent_before_read_back);
    tcase_add_test(tc, equal_is_confirmed_without_a_message);
    tcase_add_test(tc, D14_mistrusted_is_written_anew);
    tcase_add_test(tc, absent_is_added_without_a_delete);
    tcase_add_test(tc, differing_is_deleted_and_added);
    tcase_add_loop_test(tc, one_flow_too_few_or_too_many_differs, 0, 2);
    tcase_add_test(tc, found_but_not_in_truth_is_deleted);
    tcase_add_test(tc, neither_there_nor_in_truth_is_forgotten);
    tcase_add_test(tc, compared_a_little_at_a_time);
    tcase_add_test(tc, compared_with_the_truth_now);
    tcase_add_test(tc, compared_twice_is_compared_once);
    tcase_add_test(tc, removed_before_it_is_compared);
    tcase_add_test(tc, what_nobody_wants_is_found_a_little_at_a_time);
    tcase_add_test(tc, a_session_that_ends_while_it_is_compared);
    tcase_add_test(tc, a_switch_back_with_its_flows_gets_nothing);
    tcase_add_test(tc,
                   a_switch_back_without_its_flows_gets_them_without_deletes);
    tcase_add_test(tc, a_version_of_an_earlier_session_confirms_nothing);
    tcase_add_test(tc, dirtied_while_down_and_equal_needs_no_message);
    tcase_add_test(tc, an_older_schema_goes_once_all_of_ours_is_confirmed);
    tcase_add_test(tc, foreign_cookies_go_once_all_of_ours_is_confirmed);
    tcase_add_test(tc, foreign_cookies_have_a_limit);
    tcase_add_test(tc, foreign_flows_of_an_older_session_are_forgotten);
    tcase_add_test(tc, K5_a_redirect_is_replaced_in_place_and_always_resent);
    tcase_add_test(tc, a_redirect_that_has_no_flows_any_more_is_deleted);
    tcase_add_test(tc, a_redirect_found_expired_is_told_and_not_resent);
    tcase_add_loop_test(tc, a_redirect_that_is_missing_is_sent, 0, 2);
    tcase_add_test(tc, only_redirects_expire);
    tcase_add_test(tc, a_flow_that_went_by_itself_is_not_deleted);
    tcase_add_test(tc, a_flow_that_went_of_what_is_not_known);
}

static void
add_bundle_tests(TCase *tc)
{
    tcase_add_test(tc, moves_go_before_configuration_before_resync);
    tcase_add_test(tc, a_bundle_has_at_most_so_many_flows);
    tcase_add_test(tc, a_bundle_has_at_most_so_many_bytes);
    tcase_add_test(tc, an_owner_is_never_split);
    tcase_add_test(tc, deletes_count_for_the_cap);
    tcase_add_loop_test(tc, a_redirect_and_its_interface_are_never_split,
                        0, 10);
    tcase_add_test(tc, many_pairs_keep_to_the_cap);
    tcase_add_test(tc, dirtied_in_flight_is_confirmed_at_the_sent_version);
    tcase_add_test(tc, a_slow_switch_gets_the_newest_state_once);
    tcase_add_test(tc,
                   a_failed_message_of_an_applied_bundle_hits_its_owner);
    tcase_add_test(
        tc, a_failed_message_that_fails_the_commit_lets_the_rest_be_resent);
    tcase_add_test(tc, a_commit_that_names_no_message_quarantines_all_of_it);
    tcase_add_test(tc, dirtied_in_flight_and_failed_is_tried_again);
    tcase_add_test(tc, quarantine_ends_with_the_session);
    tcase_add_test(
        tc, a_flow_that_went_while_in_flight_leaves_the_truth_to_the_answer);
    tcase_add_test(tc, a_session_that_ends_in_flight_sends_again);
    tcase_add_test(tc, a_session_that_ends_in_flight_may_have_been_heard);
    tcase_add_test(tc, confirmed_truth_table);
    tcase_add_test(tc, dirty_but_unchanged_is_told_without_a_message);
    tcase_add_test(tc, without_callbacks);
    tcase_add_test(tc, hash_is_that_of_what_the_switch_has);
    tcase_add_test(tc, a_meter_is_added_once_before_the_flows);
    tcase_add_test(tc, a_meter_that_the_switch_has_is_not_added);
    tcase_add_test(tc, a_meter_missing_under_its_flows_is_added);
    tcase_add_test(tc, a_meter_goes_only_when_unused_and_idle);
    tcase_add_test(tc, each_of_several_meters_stays_while_needed);
    tcase_add_test(tc, a_meter_nobody_needs_goes_after_read_back);
}

int
main(void)
{
    Suite *suite = suite_create("flow-prog");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    add_readback_tests(tc);
    add_bundle_tests(tc);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
