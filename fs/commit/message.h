/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * message.h - what the user is told: what, why, what to do
 *
 * One line without a full stop at the end; parts are joined by "; ". All write into buf and never fail.
 */
#ifndef FS_COMMIT_MESSAGE_H
#define FS_COMMIT_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cdappendfs/disc.h"

/* What a commit did not manage; why may be NULL (then the error says it). */
void message_failed(char *buf, size_t n, const char *what, int error, const char *why);
/* why: what makes it so large; ""; spans: what is staged may be spread over several discs */
void message_no_room(char *buf, size_t n, uint64_t need_bytes, uint64_t missing_bytes, const char *where,
		     const char *why, bool spans);
/* A session with parity of so many bytes of older ones. */
void message_no_room_for_parity(char *buf, size_t n, uint64_t older_bytes, uint64_t need_bytes, uint64_t missing_bytes,
				const char *where, const char *advice);
/* The disc is another than the stage was made for. */
void message_changed(char *buf, size_t n, const struct disc_fingerprint *expected,
		     const struct disc_fingerprint *found);
/* What a drive said, behind what the error says. False: nothing. */
bool message_drive(char *buf, size_t n, int error, const char *words);
/* Burned, but not the newest yet, or not the base yet; or burned, and then the disc was gone. */
#define MESSAGE_BURNED "burned and verified"
#define MESSAGE_UNKNOWN "not complete"
void message_unfinished(char *buf, size_t n, uint32_t session, const char *how_far, const char *what, int error);
/* Behind what the text, of n bytes, says so far: ", " if it says anything, and words and a path, of a long one its end.
 * Either may be "". */
void message_add_path(char *text, size_t n, const char *words, const char *path);
#define MESSAGE_PATHS 3u /* so many are named, of more their number */
void message_add_more(char *text, size_t n, uint64_t found);
/* Extended attributes of so many names are not in the session; paths: of the first MESSAGE_PATHS of them. */
void message_without_attributes(char *buf, size_t n, const char *const *paths, uint64_t names);
/* More directories than Windows knows. */
void message_directories(char *buf, size_t n, uint64_t directories);
void message_burned(char *buf, size_t n, uint32_t session, uint64_t bytes);

#endif
