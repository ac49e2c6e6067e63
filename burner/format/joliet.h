/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * joliet.h - Joliet names, as burner/session gives them and as the bound of a session must know them
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

#define JOLIET_CHARS 64u
#define JOLIET_EXTENSION 12u /* characters of it, dot included, that a shortened name keeps */
#define JOLIET_TEXT_MAX 256u /* characters of a name of 255 bytes, at most */
#define NAME_HASH_CHARS 5u

/* FNV-1a with a final mix; the attempt changes the start, so names that clash once do not clash again. */
uint64_t name_hash(const void *bytes, size_t length, uint32_t attempt);

static inline void name_put_hash(uint8_t *out, const char *name, uint32_t attempt)
{
	uint64_t h = name_hash(name, strlen(name), attempt);

	for (unsigned i = 0; i < NAME_HASH_CHARS; i++, h /= 36)
		out[i] = (uint8_t) "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[h % 36];
}

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

#endif
