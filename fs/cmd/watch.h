/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * watch.h - a command that reads a disc, watched: how far it is, on a terminal and as JSON; a signal ends it
 */
#ifndef FS_CMD_WATCH_H
#define FS_CMD_WATCH_H

#include <stdbool.h>

#include "fs/control/progress.h"

struct watch {
	bool json; /* a line each second */
	const char *phase;
	struct progress line;
	int64_t began_ms, told_ms;
};
struct watch_options {
	bool json, quiet;
};
/* From here on a signal only sets `interrupted` (interrupt.h). */
void watch_init(struct watch *w, const struct watch_options *options, const char *phase);
/* Another phase begins, with a rate of its own. */
void watch_phase(struct watch *w, const char *phase);
void watch_report(struct watch *w, uint64_t done_sectors, uint64_t all_sectors);
/* As burn_progress.cancelled. */
bool watch_is_interrupted(void *context);

#endif
