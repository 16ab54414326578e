/* SPDX-License-Identifier: Apache-2.0 */

/* What the operator does, and what befalls switches. */

#include <config.h>

#include "steps.h"

#include <stdio.h>
#include <string.h>

#include "pipeline.h"
#include "util.h"

void
step_port(struct world *w)
{
    const struct world_if *f = world_pick_if(w, world_pick_vm(w));
    char path[64];

    snprintf(path, sizeof path, "/v1/nves/hv%d/ports/%s", world_pick_nve(w),
             f->port);
    if (world_pick(w, 2)) {
        world_call(w, "PUT", path, "{\"vn\": \"vn%d\"}", f->vn);
    } else {
        world_call(w, "DELETE", path, NULL);
    }
}

void
step_vn(struct world *w)
{
    /* Not "flood": what an NVE that lacks a flow floods may well be read at
     * two places of a VM that moves meanwhile. */
    static const char *const words[] = { "query", "drop" };
    int vn = world_pick(w, w->n_vns);
    char path[32];

    snprintf(path, sizeof path, "/v1/vns/vn%d", vn);
    if (world_pick(w, 2)) {
        world_call(w, "PUT", path, "{\"redirect_timeout\": %d, "
                   "\"unknown_unicast\": \"%s\"}",
                   1 + (int) world_pick(w, 10), words[world_pick(w, 2)]);
    } else {
        world_call(w, "PUT", path, "{\"resolution\": \"%s\", "
                   "\"lifetime\": %d}", world_pick(w, 2) ? "pull" : "push",
                   (int) world_pick(w, 12));
    }
}

/* Who owns a network, and with whom he shares. */
void
step_tenant(struct world *w)
{
    static const char *const tenants[] = { "ant", "bee" };
    char path[32];

    snprintf(path, sizeof path, "/v1/vns/vn%d", world_pick(w, w->n_vns));
    world_call(w, "PUT", path, "{\"tenant\": \"%s\", \"isolation\": \"%s\"}",
               tenants[world_pick(w, 2)],
               world_pick(w, 3) ? "exclusive" : "shared");
}

void
step_thaw(struct world *w)
{
    char path[32];

    snprintf(path, sizeof path, "/v1/vms/%s/thaw", world_pick_vm(w)->name);
    world_call(w, "POST", path, NULL);
}

/* ## Truth ## */

/* A switch loses a flow of a VM and tells nobody. */
static void
lose_flow(struct world *w)
{
    const struct nva_tsi *tsi = world_tsi(w, world_pick_if(w,
                                                           world_pick_vm(w)));
    struct nva_owner owner = { NVA_OWNER_TSI, tsi ? tsi->id : NVA_ID_NONE };
    int n = world_pick_nve(w);

    if (fake_switch_n_cookie(sim_switch(w->sim, n), pipeline_cookie(owner))
        && !w->down[n] && !w->refuses[n]) {
        world_say(w, "hv%d: loses a flow of interface %"PRIu64, n, owner.id);
        fake_switch_lose(sim_switch(w->sim, n), pipeline_cookie(owner));
    }
}

static void
audit(struct world *w, bool busy)
{
    const struct api_audit wanted = { .repair = true };
    struct dispatch *d = sim_dispatch(w->sim);
    bool goes_on = true;

    if (dispatch_audit(d, &wanted, sim_now(w->sim))) {
        world_fail(w, "an audit has not ended");
    }
    if (busy) {
        world_say(w, "  meanwhile");
        (world_pick(w, 2) ? step_verb : step_start)(w);
    }
    while (goes_on) {
        sim_run(w->sim, 50 * NVA_MSEC);
        dispatch_last_audit(d, &goes_on);
    }
}

static bool
is_about_flows(enum nva_audit_kind kind)
{
    return (kind == NVA_AUDIT_FLOW_MISSING || kind == NVA_AUDIT_FLOW_EXTRA
            || kind == NVA_AUDIT_FLOW_FOREIGN);
}

/* Audits mend it.  One that changes happen beside may leave it to the next;
 * what is left then was not there to be found. */
void
step_audit(struct world *w)
{
    const struct nva_audit *last;
    bool goes_on;

    world_say(w, "an audit that repairs");
    if (world_pick(w, 2)) {
        lose_flow(w);
    }
    audit(w, world_pick(w, 2));
    sim_run(w->sim, 300 * NVA_MSEC);    /* An early pause, and its end. */
    sim_settle(w->sim);
    audit(w, false);
    sim_settle(w->sim);
    audit(w, false);
    last = dispatch_last_audit(sim_dispatch(w->sim), &goes_on);
    for (size_t i = 0; i < last->findings.n; i++) {
        const struct nva_finding *f = &last->findings.a[i];

        if (is_about_flows(f->kind)) {
            world_fail(w, "audited thrice, and still %s: %s %s / %s",
                       nva_audit_kind_word(f->kind), f->object, f->directory,
                       f->other);
        }
    }
}


/* ## Switches ## */

void
step_session(struct world *w)
{
    int n = world_pick_nve(w);

    world_say(w, "hv%d: session %s", n, w->down[n] ? "up" : "down");
    if (w->down[n]) {
        world_speak_any(w, n);
        sim_connect(w->sim, n);
    } else {
        sim_disconnect(w->sim, n);
    }
    w->down[n] = !w->down[n];
}

void
step_restart(struct world *w)
{
    bool keep = world_pick(w, 2);
    int n = world_pick_nve(w);

    if (!w->down[n]) {
        world_say(w, "hv%d restarts %s its flows", n,
                  keep ? "with" : "without");
        world_speak_any(w, n);
        sim_restart(w->sim, n, keep);
    }
}

void
step_slow(struct world *w)
{
    int n = world_pick_nve(w);
    nva_usec extra = world_pick(w, 3) ? world_pick(w, 40000) : 0;

    world_say(w, "hv%d: %d us slower", n, (int) extra);
    sim_slow(w->sim, n, extra);
}

void
step_refuse(struct world *w)
{
    int n = world_pick_nve(w);

    w->refuses[n] = true;
    if (world_pick(w, 2)) {
        world_say(w, "hv%d: refuses the next commit", n);
        fake_switch_refuse_commits(sim_switch(w->sim, n), 1);
    } else {
        world_say(w, "hv%d: does not understand the next flow mod", n);
        fake_switch_break_adds(sim_switch(w->sim, n), 1);
    }
}

void
step_isolate(struct world *w)
{
    int n = world_pick_nve(w);

    w->cut[n] = !w->cut[n];
    world_say(w, "hv%d: tunnels %s", n, w->cut[n] ? "cut" : "mended");
    sim_isolate(w->sim, n, w->cut[n]);
}
