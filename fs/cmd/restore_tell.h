/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * restore_tell.h - what a restore tells: what is in the way, what is restored, what is lost
 *
 *	tell_open -> tell_begin, (tell_clash, tell_lost, tell_count) … -> tell_end
 */
#ifndef FS_CMD_RESTORE_TELL_H
#define FS_CMD_RESTORE_TELL_H

#include <stdbool.h>

#include "burner/base/json.h"
#include "cdappendfs/disc.h"
#include "fs/restore/restore.h"

/* An array of JSON that is put together meanwhile. */
struct tell_array {
	char *text;
	size_t length;
	struct json json; /* out NULL: it is not wanted */
};

struct telling {
	bool as_json, quiet, dry_run;
	const struct disc_session *session; /* of the path that it is about */
	bool shows;			    /* done, or a dry run: what a check alone finds is told again later */
	uint64_t n_clashes, n_final;	    /* that it stops for; of them those that force does not end */
	uint64_t n_told, n_lost;
	uint64_t strange, without_rights;
	struct tell_array restored, clashes, lost;
};

int tell_open(struct telling *t); /* -ENOMEM */
/* shows: from here on what is restored, or would be, and what is lost is told; clashes always are. */
void tell_begin(struct telling *t, bool shows);
void tell_clash(void *context, const char *path, const char *why, bool final);
void tell_lost(void *context, const char *path, const char *what);
/* failed: it ended early. */
void tell_count(struct telling *t, const char *path, const struct restore_count *n, bool failed);
/* What to exit with; of a telling that was not opened, the status. */
int tell_end(struct telling *t, int status);

#endif
