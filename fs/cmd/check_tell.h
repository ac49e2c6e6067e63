/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check_tell.h - what cdappendfs-check found, for people and as JSON
 */
#ifndef FS_CMD_CHECK_TELL_H
#define FS_CMD_CHECK_TELL_H

#include "fs/check/check.h"
#include "fs/cmd/check_part.h"

struct check_told {
	const char *disc; /* its path, or what was typed */
	uint64_t passed_ms;
	bool quiet;		 /* what is damaged, and nothing else */
	const struct part *part; /* NULL: it is not told */
	bool repairing;		 /* a repaired image is written now */
	/* the same of what is made good of it; NULL: nothing can be, or it is sound */
	const struct check_report *repaired;
};
void check_tell_text(const struct check_report *r, const struct check_told *told);
/* One line. */
void check_tell_json(const struct check_report *r, const struct check_told *told);

#endif
