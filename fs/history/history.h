/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * history.h - the sessions of a disc as versions of one tree: which there are, how they are called, the tree of one
 *
 *	history_read (or history_copy, of a list that is at hand) -> history_named … -> history_tree -> history_release
 *
 * Foreign sessions are of it as those of ours are.  So are broken ones (a burn that failed): their number is known, and
 * that they have no tree is an error, not absence.
 *
 * Threads: the list is a value; history_read() as cdappendfs/disc.h says of disc_sessions(), history_tree() any.
 */
#ifndef FS_HISTORY_HISTORY_H
#define FS_HISTORY_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "burner/base/table.h"
#include "burner/base/time.h"
#include "cdappendfs/disc.h"
#include "fs/iso/iso.h"

/* Where a mount shows all of them, in its root directory, if no file has that name. */
#define HISTORY_DIRECTORY ".sessions"
#define HISTORY_INO (1ull << 62 | 1) /* its number there, which nothing else has */

struct history {
	struct disc_session *sessions; /* the oldest first */
	size_t n;
	struct table names; /* which of them numbers and names mean: nobody searches for one */
	uint64_t seed;
};

/* An errno of disc_sessions(), or -ENOMEM. */
int history_read(struct disc *disc, struct history *ret);
int history_copy(const struct disc_session *sessions, size_t n, struct history *ret); /* -ENOMEM */
void history_release(struct history *h);					      /* fine on a zeroed one */
#define _cleanup_history_ __attribute__((cleanup(history_release)))

/* All of these: NULL, there is none. */
const struct disc_session *history_newest(const struct history *h); /* that is not broken */
const struct disc_session *history_numbered(const struct history *h, uint32_t number);
/* As it was at that moment: the newest that is not broken, and was burned by then. */
const struct disc_session *history_at(const struct history *h, int64_t seconds);

/*
 * The names of a session: several may have the same, then it is that of the newest; a broken one has its number alone.
 *	HISTORY_NUMBER	3
 *	HISTORY_NEWEST	latest
 *	HISTORY_DATE	2026-11-29T06:27:52Z
 *	HISTORY_GMT	@GMT-2026.11.29-06.27.52, as Windows' protocol has previous versions
 *	HISTORY_LABEL	the volume identifier, as recorded
 */
enum history_name { HISTORY_NUMBER, HISTORY_NEWEST, HISTORY_DATE, HISTORY_GMT, HISTORY_LABEL };
#define HISTORY_NAME_BYTES 40
/* NULL: it has no such name, or none that a file could have.  Whether it is the newest is not asked here. */
const char *history_name_of(const struct disc_session *s, enum history_name kind, char ret[HISTORY_NAME_BYTES]);
/* By its number ("3"), by "latest", or by a name; in this order, the names in that of their kinds. */
const struct disc_session *history_named(const struct history *h, const char *name);
/* The same, and as what. */
const struct disc_session *history_named_as(const struct history *h, const char *name, enum history_name *ret_kind);
#define HISTORY_LATEST "latest"

/* Numbers of files hold from one session of ours to the next; the first one above another program's session takes over
 * those that its files have by their place.  Do they between these two of one list? */
bool history_numbers_hold(const struct disc_session *a, const struct disc_session *b);

/* The tree of that session, also when parts of it were cut off.  Errors of iso_open(); -EBADMSG of a broken one;
 * -ESTALE: another one is at its place by now, as somebody has appended to the disc: the list is to be read again. */
int history_tree(struct disc *disc, const struct disc_session *s, struct iso **ret);

#endif
