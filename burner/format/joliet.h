/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * joliet.h - Joliet names: made of a name, and read as one
 *
 * Joliet is UCS-2: characters beyond the basic plane, surrogates, control characters, *:;?\/ and bytes that are not
 * UTF-8 become '_'; so no reader has to guess.  The first candidate of a name is its text, or, when that has more
 * than 64 characters, its beginning, '~', five characters of a hash, the extension.  A name whose candidate is taken
 * gets the same with the number of the attempt in the hash.
 */
#ifndef BURNER_FORMAT_JOLIET_H
#define BURNER_FORMAT_JOLIET_H

#include <string.h>

#include "burner/base/bytes.h"
#include "burner/format/name_hash.h"

#define JOLIET_CHARS 64u
#define JOLIET_EXTENSION 12u /* characters of it, dot included, that a shortened name keeps */
#define JOLIET_TEXT_MAX 256u /* characters of a name of 255 bytes, at most */

static inline bool joliet_legal(uint32_t c)
{
	if (c < 0x20 || c >= 0xfffd || (c >= 0xd800 && c < 0xe000))
		return false;
	return !(c < 0x80 && strchr("*:;?\\/", (int)c));
}

/* UTF-8 to UTF-16BE as Joliet allows it; *ret_changed when a character was replaced. At most max_chars characters;
 * returns all there are. */
size_t joliet_text(const char *utf8, uint8_t *ret_utf16, size_t max_chars, bool *ret_changed);

/* The beginning, '~', the hash and the extension, together at most 64 characters. */
unsigned joliet_made(const char *name, const uint8_t *all, size_t n, uint32_t attempt, uint8_t *out);

/* The first candidate: bytes of it. */
unsigned joliet_first(const char *name, uint8_t out[2 * JOLIET_TEXT_MAX], bool *ret_changed);

/* The one that an attempt gives, as a record of ours tells it: the first candidate, or that with the number in it. */
unsigned joliet_attempted(const char *name, uint32_t attempt, uint8_t out[2 * JOLIET_TEXT_MAX]);

/* Is it one that our sessions may record again?  Surrogates are: others write them. */
bool joliet_valid(const uint8_t *name, size_t bytes);

/* UTF-8 of n bytes of UTF-16BE up to a NUL, up to 255 bytes of it; pairs of surrogates as one character, what cannot be
 * in a name as '_'.  Its length; no NUL behind it. */
size_t joliet_utf8(const uint8_t *utf16, size_t n, char ret[255]);

/*
 * The name of a file of n bytes of UTF-16BE as Linux has it: without the version and dots at the end, up to a NUL;
 * pairs of surrogates as one character, what cannot be in a name as '_'.  1..255 bytes that a directory can show,
 * whatever the identifier holds (identifier.h).
 */
void joliet_name(const uint8_t *identifier, size_t n, char ret[256]);

#endif
