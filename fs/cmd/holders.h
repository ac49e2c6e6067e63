/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * holders.h - who keeps a mount busy
 */
#ifndef FS_CMD_HOLDERS_H
#define FS_CMD_HOLDERS_H

#include <stdbool.h>
#include <stdio.h>

/* A line on out for each process with its working directory, root, program, an open file or a mapping there, and for
 * each mount below. Returns how many; of other users' processes only root sees more than their existence. */
unsigned holders_print(FILE *out, const char *mountpoint);

#endif
