/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check_part.h - a disc is checked a little each time, and what is remembered of its checks
 *
 *	part_begin -> part_narrow(options) -> check_run, meanwhile part_reached and part_keep -> part_end -> part_tell
 *
 * Where the memory cannot be had a part is checked all the same, if it needs none, and that is told.
 */
#ifndef FS_CMD_CHECK_PART_H
#define FS_CMD_CHECK_PART_H

#include <stdatomic.h>

#include "burner/base/json.h"
#include "fs/check/check.h"
#include "fs/check/memory.h"

struct part_asked {
	uint64_t subset, of; /* part subset of so many; 0: not asked for */
	uint64_t minutes;    /* go on where the last check ended, so long; 0: not asked for */
	const char *state;   /* directory of the memory; NULL: the user's */
};
struct part {
	const struct part_asked *asked;
	int fd; /* of the directory; -1: there is no memory */
	struct memory memory;
	uint64_t end_sectors, from_lba;
	atomic_uint_least64_t reached_lba;
	atomic_bool damage_seen; /* up to there */
	int64_t kept_ms;
	bool is_drive, ended; /* all was read with this one */
	unsigned trend;
};
/* What to exit with: COMMAND_FAILED when what was asked for needs a memory. */
int part_begin(struct part *p, const struct part_asked *asked, struct disc *disc, const char *path);
void part_narrow(struct part *p, struct check_options *options);
void part_reached(struct part *p, uint64_t lba, bool damaged);
/* What was read so far is kept, twice a second. */
void part_keep(struct part *p);
/* report NULL: it was broken off. */
void part_end(struct part *p, const struct check_report *report, const struct check_options *options);
void part_tell(const struct part *p);
void part_json(const struct part *p, struct json *j);
void part_release(struct part *p);

#endif
