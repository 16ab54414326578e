/* SPDX-License-Identifier: Apache-2.0 */

/* The directory: who is where, which NVEs serve which VN, which moves go on.
 * Opaque; directory_apply() is its only mutator.  Knows no flow, no message,
 * no clock. */

#ifndef NVA_DIRECTORY_H
#define NVA_DIRECTORY_H 1

#include "delta.h"
#include "nva-types.h"

struct directory;

struct directory *directory_create(void);
void directory_destroy(struct directory *);

/* An id no object has had.  PUT of a new object with an id at or above it
 * moves it on. */
nva_id directory_next_id(const struct directory *);

/* ## Change ## */

/* An owner whose flows at one NVE may have changed. */
struct nva_dirty {
    nva_id nve;
    struct nva_owner owner;
};

struct nva_dirty_list {
    size_t n, allocated;
    struct nva_dirty *a;
};

void nva_dirty_init(struct nva_dirty_list *);
void nva_dirty_uninit(struct nva_dirty_list *);
void nva_dirty_clear(struct nva_dirty_list *);

/* Applies 'delta' (which the brain made against this directory: a delta that
 * contradicts it is a bug and aborts).  Appends to 'dirty' each (NVE, owner)
 * whose flows may have changed, in programming order; the version of each
 * such owner is now directory_version().  What spreads:
 *   TSI_PUT/DEL   its TSI owner at the NVEs of its places before and after; on
 *                 a new published place at each NVE that serves its VN, the
 *                 place that is left first; its ADDRESS owner at each of them
 *                 when its addresses change or it gets its first place; the
 *                 QUIET owner of VAPs whose port begins or ceases to get
 *                 floods;
 *                 in a VN that pulls, instead of the NVEs that serve it: for
 *                 its way those that hold it, for its addresses those of its
 *                 places;
 *   PULL_*        its TSI or ABSENT owner at its NVE;
 *   SCAN_*        nothing; nor does a scan of an NVE that does not serve the
 *                 VN (any more) happen;
 *   LEASE_PUT     its ADDRESS owner when it freezes or thaws; nothing happens
 *                 if there is no such lease (any more): leases come and go
 *                 with what they are of;
 *   VM_PUT        other 'connections': the TSI owners where they are;
 *   REDIRECT_*    the instance's REDIRECT owner and its TSI owner, at 'at';
 *   PROBE_*       nothing: no flow depends on it; TSI_DEL takes its probes
 *                 along;
 *   VAP_*, PORT_* the VAP, QUIET and FLOOD owners there; TSI owners that have
 *                 a place at that port, at this NVE; the ADDRESS owners of
 *                 those that were learned at a port that comes or goes (and
 *                 TSI_PUT of one that leaves such a port); on the first or
 *                 last VAP
 *                 of the VN at the NVE the VN, TSI and ADDRESS owners of the
 *                 VN at this NVE and the FLOOD owner at every NVE of the VN;
 *   VN_*          the VN's owners of all kinds at the VN's NVEs;
 * What an NVE pulled goes with the interface (or its MAC or VN), with the last
 * VAP of the VN there, with the NVE, and when the VN ceases to pull; that
 * nobody has a MAC is forgotten when somebody has it (RFC 8171 s3.3, B15).
 *   NVE_*         a changed tunnel address: base there, and the FLOOD, TSI and
 *                 REDIRECT owners that point to it everywhere; a changed
 *                 tunnel port: everything there.  'connected' and 'session'
 *                 dirty nothing. */
void directory_apply(struct directory *, const struct nva_delta *,
                     struct nva_dirty_list *);

/* Grows by one with each applied delta. */
uint64_t directory_version(const struct directory *);

/* The version of the delta that last dirtied 'owner' at any NVE; 0: never. */
uint64_t directory_owner_version(const struct directory *, struct nva_owner);

/* ## Look-up: NULL when there is none.  Valid until the next apply. ## */

const struct nva_vn *directory_vn(const struct directory *, nva_id);
const struct nva_vn *directory_vn_by_name(const struct directory *,
                                          const char *);
const struct nva_vn *directory_vn_by_vni(const struct directory *, uint32_t);
const struct nva_nve *directory_nve(const struct directory *, nva_id);
const struct nva_nve *directory_nve_by_name(const struct directory *,
                                            const char *);
const struct nva_nve *directory_nve_by_dpid(const struct directory *,
                                            uint64_t dpid);
const struct nva_port *directory_port(const struct directory *, nva_id nve,
                                      const char *name);
const struct nva_port *directory_port_by_ofport(const struct directory *,
                                                nva_id nve, nva_ofport);
/* The tunnel port of 'nve' (its 'tunnel_port', or the lowest-numbered one
 * whose name starts with "vx"). */
const struct nva_port *directory_tunnel_port(const struct directory *,
                                             nva_id nve);
const struct nva_vap *directory_vap(const struct directory *, nva_id);
/* Exact key. */
const struct nva_vap *directory_vap_by_key(const struct directory *,
                                           nva_id nve, const char *port,
                                           bool has_mac, struct eth_addr);
/* The VAP a frame from 'mac' at 'port' belongs to: one with that MAC, else
 * one without a MAC. */
const struct nva_vap *directory_vap_for(const struct directory *, nva_id nve,
                                        const char *port, struct eth_addr mac);
/* True if the VAP's port exists and gets none of its VN's floods: it serves
 * only interfaces that are not there (yet, or any more).  Of several VAPs of
 * one port in the VN (one for each of some MACs) the one with the lowest id
 * says so. */
bool directory_is_quiet(const struct directory *, const struct nva_vap *);
const struct nva_vm *directory_vm(const struct directory *, nva_id);
const struct nva_vm *directory_vm_by_name(const struct directory *,
                                          const char *);
const struct nva_tsi *directory_tsi(const struct directory *, nva_id);
/* Its own MAC, or that of a nested guest that is behind it. */
const struct nva_tsi *directory_tsi_by_mac(const struct directory *,
                                           nva_id vn, struct eth_addr);
/* The interface that allows 'mac' at 'place', where it is, is published or is
 * prepared; of several the one that has it, else the oldest. */
const struct nva_tsi *directory_tsi_allowing(const struct directory *,
                                             const struct nva_place *,
                                             nva_id vn, struct eth_addr mac);
/* Who speaks with 'mac' at 'place': the interface that has it as its own, else
 * the one that allows it there, else the one behind which it is. */
const struct nva_tsi *directory_tsi_speaking(const struct directory *,
                                             const struct nva_place *,
                                             nva_id vn, struct eth_addr mac);
const struct nva_tsi *directory_tsi_by_ip(const struct directory *, nva_id vn,
                                          const struct in6_addr *);
const struct nva_probe *directory_probe(const struct directory *, nva_id);
const struct nva_redirect *directory_redirect(const struct directory *,
                                              nva_id);
const struct nva_move *directory_move(const struct directory *, nva_id);
/* The drain of 'nve', also when it has ended. */
const struct nva_drain *directory_drain(const struct directory *, nva_id nve);
/* The timeline, oldest first; '*n' entries. */
const struct nva_stamp *directory_move_stamps(const struct directory *,
                                              nva_id move, size_t *n);

/* What 'nve' was told of 'tsi'. */
const struct nva_pull *directory_pull(const struct directory *, nva_id nve,
                                      nva_id tsi);
/* That nobody has a MAC. */
const struct nva_pull *directory_absent(const struct directory *, nva_id);
const struct nva_pull *directory_absent_by_mac(const struct directory *,
                                               nva_id nve, nva_id vn,
                                               struct eth_addr);
/* Of an interface: the one of 'nve' that was put the longest time ago. */
const struct nva_pull *directory_oldest_pull(const struct directory *,
                                             nva_id nve);
/* The least 'look' of a pull; NVA_NEVER if there is none. */
nva_usec directory_next_look(const struct directory *);

/* How long 'ip' of 'tsi' (all zero: the interface) lasts; NULL unless that was
 * learned. */
const struct nva_lease *directory_lease(const struct directory *, nva_id tsi,
                                        const struct in6_addr *ip);
bool directory_is_frozen_ip(const struct directory *, nva_id tsi,
                            const struct in6_addr *);
/* True for a port that is not there, as its NVE's last session knew it. */
bool directory_port_is_gone(const struct directory *,
                            const struct nva_place *);
/* True if nobody is to answer for 'ip' of 'tsi': it is frozen, or it was
 * learned where the port is gone now and no other place is prepared. */
bool directory_nobody_answers(const struct directory *, const struct nva_tsi *,
                              const struct in6_addr *ip);
/* The lease with the least 'look'. */
const struct nva_lease *directory_first_lease(const struct directory *);
/* The scan of 'vn' at 'nve'; the one that is due first. */
const struct nva_scan *directory_scan(const struct directory *, nva_id nve,
                                      nva_id vn);
const struct nva_scan *directory_first_scan(const struct directory *);
/* The latest 'slot' that a scan of 'nve' ever had. */
nva_usec directory_scan_slot(const struct directory *, nva_id nve);
/* The latest 'asked' that a lease ever had. */
nva_usec directory_last_asked(const struct directory *);

/* ## Walks ##
 *
 * Each calls 'cb' with each element and 'aux'; the directory must not change
 * meanwhile; returns early when 'cb' returns false.  Order: by id for
 * objects of users (vns, nves, vms, moves, vaps of an NVE), any otherwise. */

typedef bool directory_cb(const void *object, void *aux);

/* The first one whose name comes after 'name' ("": of all), by bytes; NULL:
 * none.  A walk of many can so begin anywhere, and go on after a change. */
const struct nva_vn *directory_vn_after(const struct directory *,
                                        const char *name);
const struct nva_nve *directory_nve_after(const struct directory *,
                                          const char *name);
const struct nva_vm *directory_vm_after(const struct directory *,
                                        const char *name);

void directory_each_vn(const struct directory *, directory_cb *, void *aux);
void directory_each_nve(const struct directory *, directory_cb *, void *aux);
void directory_each_vm(const struct directory *, directory_cb *, void *aux);
/* Ended moves too (NVA_MOVES_KEPT_MAX of them). */
void directory_each_move(const struct directory *, directory_cb *, void *aux);
void directory_each_active_move(const struct directory *, directory_cb *,
                                void *aux);
/* Drains (struct nva_drain) that are running or have moves under way; in any
 * order. */
void directory_each_drain_going_on(const struct directory *, directory_cb *,
                                   void *aux);
void directory_each_port(const struct directory *, nva_id nve,
                         directory_cb *, void *aux);
void directory_each_vap(const struct directory *, nva_id nve,
                        directory_cb *, void *aux);
/* VAPs of 'vn' at 'nve'. */
void directory_each_vap_of_vn(const struct directory *, nva_id nve, nva_id vn,
                              directory_cb *, void *aux);
void directory_each_tsi_of_vm(const struct directory *, nva_id vm,
                              directory_cb *, void *aux);
void directory_each_tsi_of_vn(const struct directory *, nva_id vn,
                              directory_cb *, void *aux);
/* TSIs that allow 'mac'. */
void directory_each_tsi_allowing(const struct directory *, nva_id vn,
                                 struct eth_addr mac, directory_cb *,
                                 void *aux);
/* TSIs with current, published or prepared at 'nve' port 'port' (NULL: any
 * port of 'nve'). */
void directory_each_tsi_at(const struct directory *, nva_id nve,
                           const char *port, directory_cb *, void *aux);
void directory_each_redirect(const struct directory *, directory_cb *,
                             void *aux);
void directory_each_redirect_at(const struct directory *, nva_id nve,
                                directory_cb *, void *aux);
void directory_each_redirect_of_tsi(const struct directory *, nva_id tsi,
                                    directory_cb *, void *aux);
/* A probe of 'tsi' for that reason; the one that asks for 'ip' (all zero: for
 * any of its addresses). */
const struct nva_probe *directory_probe_of_tsi(const struct directory *,
                                               nva_id tsi,
                                               enum nva_probe_why);
const struct nva_probe *directory_probe_of_ip(const struct directory *,
                                              nva_id tsi, enum nva_probe_why,
                                              const struct in6_addr *ip);
void directory_each_probe_of_tsi(const struct directory *, nva_id tsi,
                                 directory_cb *, void *aux);
void directory_each_lease_of_tsi(const struct directory *, nva_id tsi,
                                 directory_cb *, void *aux);
/* The probe that is due first. */
const struct nva_probe *directory_first_probe(const struct directory *);
/* The frozen interface that thaws first by timer. */
const struct nva_tsi *directory_first_thaw(const struct directory *);
/* The interface of a learned host of 'vn' at 'place' that has been silent for
 * the longest time, if that is not after 'since'.  Who is frozen, has a frozen
 * address or has a move under way is none. */
const struct nva_tsi *directory_silent_at(const struct directory *,
                                          const struct nva_place *, nva_id vn,
                                          nva_usec since);
/* The same at any port that has taught more than 'more_than' hosts: at the one
 * with the most of those where there is such an interface.  Costs at most
 * NVA_LEARNED_PER_VAP_MAX looks, however many ports there are. */
const struct nva_tsi *directory_silent_at_fullest(const struct directory *,
                                                  nva_id vn, size_t more_than,
                                                  nva_usec since);
/* NVEs (struct nva_nve) that serve 'vn': have a VAP in it.  By id. */
void directory_each_nve_of_vn(const struct directory *, nva_id vn,
                              directory_cb *, void *aux);
/* VNs (struct nva_vn) that 'nve' serves. */
void directory_each_vn_of_nve(const struct directory *, nva_id nve,
                              directory_cb *, void *aux);

/* NVEs (struct nva_nve) that may have flows towards 'tsi': those that serve
 * its VN; if that pulls, those that hold it, of its places and of its
 * redirects. */
void directory_each_nve_of_tsi(const struct directory *, nva_id tsi,
                               directory_cb *, void *aux);
/* Pulls (struct nva_pull) whose 'look' is not after 'now', at most 'max'. */
void directory_each_pull_due(const struct directory *, nva_usec now,
                             size_t max, directory_cb *, void *aux);

bool directory_nve_serves(const struct directory *, nva_id nve, nva_id vn);

/* Each owner that may have flows at 'nve' (its base, VNs, VAPs, TSIs,
 * redirects there), base first: what a reconnect compares. */
typedef void directory_owner_cb(struct nva_owner, void *aux);
void directory_each_owner_at(const struct directory *, nva_id nve,
                             directory_owner_cb *, void *aux);

/* The same, one at a time; the directory may change meanwhile.  Each owner
 * that stays and is not dirtied meanwhile is given; one that changes may be
 * given twice, or not (it is dirty), or after it has gone.  To be stopped
 * before the directory is destroyed; NULL is nothing. */
struct owner_cursor;
struct owner_cursor *directory_owners_start(struct directory *, nva_id nve);
bool directory_owners_next(struct owner_cursor *, struct nva_owner *);
void directory_owners_stop(struct owner_cursor *);

size_t directory_n_vns(const struct directory *);
size_t directory_n_nves(const struct directory *);
size_t directory_n_vms(const struct directory *);
/* Learned hosts of 'vn', and those of them that are at a port. */
size_t directory_n_learned(const struct directory *, nva_id vn);
size_t directory_n_learned_at(const struct directory *,
                              const struct nva_place *, nva_id vn);
/* Pulls of interfaces at 'nve', and of MACs nobody has. */
size_t directory_n_pulls(const struct directory *, nva_id nve);
size_t directory_n_absent(const struct directory *, nva_id nve);
size_t directory_n_tsis_of_vn(const struct directory *, nva_id vn);
size_t directory_n_nves_of_vn(const struct directory *, nva_id vn);
size_t directory_n_vaps(const struct directory *, nva_id nve);
/* Places of interfaces at 'nve': current, published or prepared. */
size_t directory_n_places(const struct directory *, nva_id nve);
size_t directory_n_probes(const struct directory *);
size_t directory_n_probes_for(const struct directory *, enum nva_probe_why);
size_t directory_n_moves_active(const struct directory *);

/* Recomputes every index from the objects and compares; NULL if all is
 * right, else a static description of what is not.  For tests. */
const char *directory_check(const struct directory *);

#endif /* directory.h */
