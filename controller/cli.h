/* SPDX-License-Identifier: Apache-2.0 */

/* What "ovs-appctl -t nvad" can ask: text for people, from the directory.
 * Commands: nva/show, directory/dump, nve/show [NVE], move/list, move/show ID;
 * exit.  (version, vlog/set and the like are libopenvswitch's.) */

#ifndef NVA_CLI_H
#define NVA_CLI_H 1

#include "dispatch.h"

/* Registers the commands.  'dispatch' must outlive them.  "exit" sets
 * '*exiting'. */
void cli_init(struct dispatch *, bool *exiting);

/* Each appends text to 's'. */
struct ds;
void cli_show(const struct dispatch *, nva_usec now, struct ds *s);
void cli_dump(const struct dispatch *, nva_usec now, struct ds *s);
void cli_nve(const struct dispatch *, const struct nva_nve *, nva_usec now,
             struct ds *s);
void cli_moves(const struct dispatch *, nva_usec now, struct ds *s);
void cli_move(const struct dispatch *, const struct nva_move *, nva_usec now,
              struct ds *s);

#endif /* cli.h */
