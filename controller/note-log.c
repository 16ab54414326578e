/* SPDX-License-Identifier: Apache-2.0 */

/* Notes as lines of the log.
 *
 * Knows what deserves which level, and that writing can wait.  Must never
 * decide anything, nor keep what a note is about.  Invariant: a line waits no
 * longer than its turn, and NOTE_LOG_MAX at most do. */

#include <config.h>

#include "note-log.h"

#include <inttypes.h>
#include <stdlib.h>

#include "finding.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(note_log);

/* What a peer can cause at will is rate-limited. */
static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(600, 600);
static struct vlog_rate_limit dbg_rl = VLOG_RATE_LIMIT_INIT(6000, 6000);

struct line {
    enum vlog_level level;
    nva_id move;                        /* That it is about, if any. */
    struct ds text;
};

struct note_log {
    size_t n;
    struct line lines[NOTE_LOG_MAX];
};

static bool is_alert(const struct nva_note *);
static bool is_in_passing(const struct nva_note *);
static enum vlog_level level_of(const struct nva_note *);
static struct ds *next_line(struct note_log *, enum vlog_level, nva_id move);
static void put_note(const struct nva_view *, const struct nva_note *,
                     struct ds *);
static void put_alert(const struct nva_view *, const struct nva_note *,
                      const char *vm, const char *nve, struct ds *);

struct note_log *
note_log_create(void)
{
    struct note_log *log = xzalloc(sizeof *log);

    for (size_t i = 0; i < NOTE_LOG_MAX; i++) {
        ds_init(&log->lines[i].text);
    }
    return log;
}

void
note_log_destroy(struct note_log *log)
{
    if (!log) {
        return;
    }
    note_log_flush(log);
    for (size_t i = 0; i < NOTE_LOG_MAX; i++) {
        ds_destroy(&log->lines[i].text);
    }
    free(log);
}

void
note_log_add(struct note_log *log, const struct nva_view *view,
             const struct nva_note *note)
{
    enum vlog_level level = level_of(note);

    if (!vlog_should_drop(&this_module, level,
                          level == VLL_DBG ? &dbg_rl : &rl)) {
        put_note(view, note, next_line(log, level, note->move));
    }
}

void
note_log_flush(struct note_log *log)
{
    for (size_t i = 0; i < log->n; i++) {
        struct line *line = &log->lines[i];

        vlog(&this_module, line->level, "%s", ds_cstr(&line->text));
        ds_clear(&line->text);
    }
    log->n = 0;
}

/* Where the text of the next note goes. */
static struct ds *
next_line(struct note_log *log, enum vlog_level level, nva_id move)
{
    struct line *line = log->n ? &log->lines[log->n - 1] : NULL;

    if (line && move && line->move == move && line->level == level) {
        ds_put_cstr(&line->text, "; ");
        return &line->text;
    }
    if (log->n >= NOTE_LOG_MAX) {
        note_log_flush(log);
    }
    line = &log->lines[log->n++];
    line->level = level;
    line->move = move;
    return &line->text;
}

/* Somebody should look: a MAC at two places, or where it must not be (RFC 7432
 * s15: E4, E5). */
static bool
is_alert(const struct nva_note *note)
{
    return (note->type == NVA_NOTE_FROZEN || note->type == NVA_NOTE_THAWED
            || note->type == NVA_NOTE_DUPLICATE
            || (note->type == NVA_NOTE_DROPPED
                && note->reason == NVA_R_STICKY));
}

/* From here on a move goes on by itself; its timeline says when. */
static bool
is_in_passing(const struct nva_note *note)
{
    return (note->type == NVA_NOTE_MOVE
            && (note->state == NVA_MS_CONVERGING
                || note->state == NVA_MS_DRAINING));
}

static enum vlog_level
level_of(const struct nva_note *note)
{
    return (note->type == NVA_NOTE_AUDIT || is_alert(note)
            || (note->type == NVA_NOTE_FAULT
                && note->reason == NVA_R_WRONG) ? VLL_WARN
            : is_in_passing(note) ? VLL_DBG
            : note->type == NVA_NOTE_MOVE || note->type == NVA_NOTE_VM
              || note->type == NVA_NOTE_NVE || note->type == NVA_NOTE_DRAIN
              || note->type == NVA_NOTE_FAULT
            ? VLL_INFO : VLL_DBG);
}

static void
put_reason(enum nva_reason reason, struct ds *s)
{
    if (reason) {
        ds_put_cstr(s, ": ");
        ds_put_cstr(s, nva_reason_text(reason));
    }
}

/* "wrong: port_absent: vm web eth0: hv1 tap-wbe: no such port". */
static void
put_fault(const struct nva_note *note, struct ds *s)
{
    const struct nva_finding *f = note->finding;

    ds_put_format(s, "%s: %s: %s", nva_reason_word(note->reason), note->what,
                  f ? f->object : "?");
    if (f && note->reason == NVA_R_WRONG) {
        ds_put_format(s, "%s%s: %s", f->directory[0] ? ": " : "",
                      f->directory, f->other);
    }
}

static void
put_note(const struct nva_view *view, const struct nva_note *note,
         struct ds *s)
{
    const struct nva_nve *nve = directory_nve(view->dir, note->nve);
    const struct nva_move *move = directory_move(view->dir, note->move);
    const struct nva_vm *vm = directory_vm(view->dir, note->vm);
    const char *nve_name = nve ? nve->name : "-";
    const char *vm_name = vm ? vm->name : "-";
    const char *what = note->what ? note->what : "";

    if (note->type == NVA_NOTE_AUDIT) {
        ds_put_format(s, "audit: %s: nve %s vm %s", what, nve_name, vm_name);
    } else if (note->type == NVA_NOTE_FAULT) {
        put_fault(note, s);
    } else if (is_alert(note)) {
        put_alert(view, note, vm_name, nve_name, s);
    } else if (note->type == NVA_NOTE_MOVE) {
        ds_put_format(s, "move %"PRIu64": vm %s: %s", note->move,
                      move ? move->vm_name : "?",
                      nva_move_state_word(note->state));
        put_reason(note->reason, s);
    } else if (note->type == NVA_NOTE_VM) {
        ds_put_format(s, "vm %s: %s: %s", vm_name,
                      nva_vm_state_word(note->vm_state),
                      nva_reason_text(note->reason));
    } else if (note->type == NVA_NOTE_NVE || note->type == NVA_NOTE_DRAIN) {
        ds_put_format(s, "%s %s: %s%s%s",
                      note->type == NVA_NOTE_NVE ? "nve" : "drain of",
                      nve ? nve->name : "?", what,
                      note->port[0] ? " " : "", note->port);
        put_reason(note->reason, s);
    } else {
        ds_put_format(s, "%s: %s nve=%s port=%s mac="ETH_ADDR_FMT" %s",
                      nva_note_type_word(note->type),
                      nva_reason_word(note->reason), nve_name,
                      note->port[0] ? note->port : "-",
                      ETH_ADDR_ARGS(note->mac), what);
    }
}

static void
put_alert(const struct nva_view *view, const struct nva_note *note,
          const char *vm, const char *nve, struct ds *s)
{
    const struct nva_nve *other = directory_nve(view->dir, note->other);
    char ip[INET6_ADDRSTRLEN];

    ds_put_format(s, "%s: vm %s mac "ETH_ADDR_FMT,
                  nva_note_type_word(note->type), vm,
                  ETH_ADDR_ARGS(note->mac));
    if (ipv6_addr_is_set(&note->ip)) {
        ds_put_format(s, " ip %s", nva_ip_format(&note->ip, ip, sizeof ip));
    }
    ds_put_format(s, " nve %s", nve);
    if (other) {
        ds_put_format(s, ", not %s", other->name);
    }
    ds_put_format(s, ": %s", nva_reason_text(note->reason));
}
