/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check_repair.h - what can be made good of a damaged disc, and what cdappendfs-check --repair writes
 *
 *	new_file_begin (before all reading) -> check_repair_look -> [check_repair_write] -> check_repair_release
 */
#ifndef FS_CMD_CHECK_REPAIR_H
#define FS_CMD_CHECK_REPAIR_H

#include "burner/base/new_file.h"
#include "fs/check/check.h"

struct check_repair {
	struct disc *disc;	    /* as it was, as far as that is known; NULL: nothing can be made again */
	struct check_report report; /* of that one */
};

/* As check_run(). *ret is to be released also after an error. */
int check_repair_look(struct disc *disc, const struct check_options *options, struct check_repair *ret);
/* Says why it could not look; the cause may be the file in which waits what is made again.  COMMAND_FAILED. */
int check_repair_fail(const char *disc, int r);
void check_repair_release(struct check_repair *r); /* before the disc is closed */
/*
 * The whole disc into a new image file, which gets its name then, if all of it is good: COMMAND_DONE, or it was said
 * why not.  What cannot be read, between sessions, becomes zeros.
 */
int check_repair_write(const struct check_repair *r, struct disc *disc, const char *name, struct new_file *to,
		       const struct burn_progress *progress);

#endif
