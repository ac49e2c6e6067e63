/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sync_tell.h - what a commit ended with, on standard output
 */
#ifndef FS_CMD_SYNC_TELL_H
#define FS_CMD_SYNC_TELL_H

#include "fs/control/client.h"

/* A line of JSON, as README.md has its keys. */
void sync_print_json(const struct client_result *r);
/* What of the disc it takes besides its content, and how many more like it fit; nothing if that is nothing. */
void sync_print_cost(const struct client_result *r);
/* What of it has parity, or will have; nothing if that is nothing. */
void sync_print_parity(const struct client_result *r);

#endif
