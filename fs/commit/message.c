/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/commit/message.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "burner/base/size.h"
#include "fs/tree/tree.h"

#define PATH_BYTES 48u

/* Says what to do about it. */
static const char *advice(int error)
{
	switch (-error) {
	case ENOSPC:
		return "make room and sync again";
	case ESTALE:
		return "insert the disc it belongs to, or drop the changes with cdappendfs-sync --discard";
	case EBADMSG:
		return "sync again when the cause is mended; older sessions stay readable with -o session=N";
	case ECANCELED:
		return "sync again to burn them";
	case ENOMEDIUM:
		return "insert the disc again and sync";
	case ENODEV:
		return "connect the drive again and sync, or mount the disc anew when it has got another name";
	case EPERM:
		return "mount the disc again with that option, or drop the changes with cdappendfs-sync --discard";
	case EROFS:
		return "drop the changes with cdappendfs-sync --discard, or copy them to another disc";
	case EOVERFLOW:
	case EFBIG:
	case EMLINK:
	case ENAMETOOLONG:
		return "remove or move what does not fit and sync again";
	default:
		return "sync again to retry";
	}
}

/* strerror_r as glibc has it: thread-safe, never NULL. */
static const char *reason(int error, char buf[128])
{
	switch (-error) {
	case ECANCELED:
		return "it was cancelled";
	case ENOMEDIUM:
		return "there is no disc in the drive";
	case ENODEV:
		return "the drive has gone";
	case ESTALE:
		return "another disc is in the drive, or another program has written to it";
	default:
		return strerror_r(-error, buf, 128);
	}
}

void message_failed(char *buf, size_t n, const char *what, int error, const char *why)
{
	char text[128];

	snprintf(buf, n, "%s: %s; nothing was lost: the changes stay staged; %s", what, why ? why : reason(error, text),
		 advice(error));
}

void message_no_room(char *buf, size_t n, uint64_t need_bytes, uint64_t missing_bytes, const char *where,
		     const char *why, bool spans)
{
	char need[SIZE_TEXT_BYTES], missing[SIZE_TEXT_BYTES];

	snprintf(buf, n,
		 "the session does not fit: it needs %s, that is %s more than %s has left%s; nothing was burned and "
		 "nothing was lost: "
		 "the changes stay staged; %s",
		 size_text(need_bytes, need), size_text(missing_bytes, missing), where, why,
		 spans ? "fill this disc and keep the rest for others with cdappendfs-sync --span, of a mount with -o "
			 "span" :
			 "delete some of them and sync again, or drop all with cdappendfs-sync --discard");
}

void message_no_room_for_parity(char *buf, size_t n, uint64_t older_bytes, uint64_t need_bytes, uint64_t missing_bytes,
				const char *where, const char *advice)
{
	char older[SIZE_TEXT_BYTES], need[SIZE_TEXT_BYTES], missing[SIZE_TEXT_BYTES];

	snprintf(buf, n,
		 "the session with parity of %s of older ones does not fit: it needs %s, that is %s (%" PRIu64
		 " blocks) more than %s has left; nothing was burned and nothing was lost; %s",
		 size_text(older_bytes, older), size_text(need_bytes, need), size_text(missing_bytes, missing),
		 (missing_bytes + SECTOR_BYTES - 1) / SECTOR_BYTES, where, advice);
}

static const char *describe(const struct disc_fingerprint *f, char buf[128])
{
	if (f->session_lba == UINT32_MAX) {
		snprintf(buf, 128, "a blank disc");
	} else {
		snprintf(buf, 128, "newest session at block %u (%02x%02x%02x%02x), end at block %u", f->session_lba,
			 f->descriptor[0], f->descriptor[1], f->descriptor[2], f->descriptor[3], f->next_lba);
	}
	return buf;
}

void message_changed(char *buf, size_t n, const struct disc_fingerprint *expected, const struct disc_fingerprint *found)
{
	char a[128], b[128];

	snprintf(buf, n,
		 "the disc is not the one that these changes were made on, or another program has written to it: "
		 "expected %s; found %s; "
		 "nothing was burned and nothing was lost: the changes stay staged",
		 describe(expected, a), describe(found, b));
}

bool message_drive(char *buf, size_t n, int error, const char *words)
{
	char text[128];

	if (words[0])
		snprintf(buf, n, "%s (the drive says: %s)", reason(error, text), words);
	return words[0];
}

void message_unfinished(char *buf, size_t n, uint32_t session, const char *how_far, const char *what, int error)
{
	char text[128];

	snprintf(buf, n, "session %u is %s: %s: %s; nothing was lost; %s", session, how_far, what, reason(error, text),
		 error == -ENOMEDIUM || error == -ENODEV || error == -ESTALE ? advice(error) :
									       "the next sync or mount completes it");
}

void message_add_path(char *text, size_t n, const char *words, const char *path)
{
	size_t at = strlen(text), length = strlen(path), cut = length > PATH_BYTES ? length - PATH_BYTES : 0;

	while (cut && cut < length && ((unsigned char)path[cut] & 0xc0) == 0x80)
		cut++; /* not within a character */
	snprintf(text + at, n - at, "%s%s%s%s", at ? ", " : "", words, cut ? "…" : "", path + cut);
}

void message_add_more(char *text, size_t n, uint64_t found)
{
	size_t at = strlen(text);

	if (found > MESSAGE_PATHS)
		snprintf(text + at, n - at, " and %" PRIu64 " more", found - MESSAGE_PATHS);
}

void message_without_attributes(char *buf, size_t n, const char *const *paths, uint64_t names)
{
	char text[MESSAGE_PATHS * (PATH_BYTES + 8) + 32] = "";

	for (uint64_t i = 0; i < names && i < MESSAGE_PATHS; i++)
		message_add_path(text, sizeof(text), "", paths[i]);
	message_add_more(text, sizeof(text), names);
	snprintf(buf, n,
		 "extended attributes could not be read, or are damaged or too many, and are not in this session, as "
		 "accept=attributes allows: those of %s; what can be read of them stays in older sessions (-o "
		 "session=N)",
		 text);
}

void message_directories(char *buf, size_t n, uint64_t directories)
{
	snprintf(buf, n,
		 "the tree has %" PRIu64 " directories: Windows cannot open files in those beyond the first %u; other "
		 "systems can; for Windows spread them over several discs, or pack some into archives",
		 directories, TREE_DIRECTORIES_NUMBERED);
}

void message_burned(char *buf, size_t n, uint32_t session, uint64_t bytes)
{
	char size[SIZE_TEXT_BYTES];

	snprintf(buf, n, "session %u burned: %s", session, size_text(bytes, size));
}
