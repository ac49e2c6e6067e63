/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * joliet.h - Joliet names, as burner/session gives them and as the bound of a session must know them
 *
 * Joliet is UCS-2: characters beyond the basic plane, surrogates, control characters, *:;?\/ and bytes that are not
 * UTF-8 become '_'; so no reader has to guess.  The first candidate of a name is its text, or, when that has more
 * than 64 characters, its beginning, '~', five characters of a hash, the extension.  A name whose candidate is taken
 * gets the same with the number of the attempt in the hash.
 */
#ifndef CDAPPENDFS_JOLIET_H
#define CDAPPENDFS_JOLIET_H

#include <string.h>

#include "cdappendfs/bytes.h"

#define JOLIET_CHARS 64u
#define JOLIET_EXTENSION 12u /* characters of it, dot included, that a shortened name keeps */
#define JOLIET_TEXT_MAX 256u /* characters of a name of 255 bytes, at most */
#define NAME_HASH_CHARS 5u

/* FNV-1a with a final mix; the attempt changes the start, so names that clash once do not clash again. */
static inline uint64_t name_hash(const void *bytes, size_t length, uint32_t attempt)
{
	const uint8_t *at = bytes;
	uint64_t h = 0xcbf29ce484222325ull ^ attempt * 0x9e3779b97f4a7c15ull;

	for (size_t i = 0; i < length; i++)
		h = (h ^ at[i]) * 0x100000001b3ull;
	h = (h ^ h >> 33) * 0xff51afd7ed558ccdull;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53ull;
	return h ^ h >> 33;
}

static inline void name_put_hash(uint8_t *out, const char *name, uint32_t attempt)
{
	uint64_t h = name_hash(name, strlen(name), attempt);

	for (unsigned i = 0; i < NAME_HASH_CHARS; i++, h /= 36)
		out[i] = (uint8_t) "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[h % 36];
}

/* One character of UTF-8; 0xfffd for a byte that is none (one byte is eaten). */
static inline uint32_t joliet_next(const char **at)
{
	const uint8_t *p = (const uint8_t *)*at;
	unsigned more = p[0] < 0x80		    ? 0 :
			p[0] >= 0xc2 && p[0] < 0xe0 ? 1 :
			p[0] >= 0xe0 && p[0] < 0xf0 ? 2 :
			p[0] >= 0xf0 && p[0] < 0xf5 ? 3 :
						      9;
	uint32_t c;

	*at += 1;
	if (more == 0)
		return p[0];
	if (more == 9)
		return 0xfffd;
	c = p[0] & (0x3fu >> more);
	for (unsigned i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0xfffd;
		c = c << 6 | (p[i] & 0x3f);
	}
	if ((more == 2 && c < 0x800) || (more == 3 && (c < 0x10000 || c > 0x10ffff)))
		return 0xfffd;
	*at += more;
	return c;
}

static inline bool joliet_legal(uint32_t c)
{
	if (c < 0x20 || c >= 0xfffd || (c >= 0xd800 && c < 0xe000))
		return false;
	return !(c < 0x80 && strchr("*:;?\\/", (int)c));
}

/* UTF-8 to UTF-16BE as Joliet allows it; *ret_changed when a character was replaced. At most max_chars characters;
 * returns all there are. */
static inline size_t joliet_text(const char *utf8, uint8_t *ret_utf16, size_t max_chars, bool *ret_changed)
{
	size_t n = 0;

	*ret_changed = false;
	while (*utf8) {
		uint32_t c = joliet_next(&utf8);

		if (!joliet_legal(c)) {
			c = '_';
			*ret_changed = true;
		}
		if (n < max_chars)
			put_be16(ret_utf16 + 2 * n, (uint16_t)c);
		n++;
	}
	return n;
}

/* The beginning, '~', the hash and the extension, together at most 64 characters. */
static inline unsigned joliet_made(const char *name, const uint8_t *all, size_t n, uint32_t attempt, uint8_t *out)
{
	size_t extension = 0, stem;
	uint8_t hash[NAME_HASH_CHARS];

	for (size_t i = 1; i <= JOLIET_EXTENSION && i < n; i++)
		if (get_be16(all + 2 * (n - i)) == '.') {
			extension = i;
			break;
		}
	stem = min_u64(n - extension, JOLIET_CHARS - 1 - NAME_HASH_CHARS - extension);
	memcpy(out, all, 2 * stem);
	put_be16(out + 2 * stem, '~');
	name_put_hash(hash, name, attempt);
	for (unsigned i = 0; i < NAME_HASH_CHARS; i++)
		put_be16(out + 2 * (stem + 1 + i), hash[i]);
	memcpy(out + 2 * (stem + 1 + NAME_HASH_CHARS), all + 2 * (n - extension), 2 * extension);
	return (unsigned)(2 * (stem + 1 + NAME_HASH_CHARS + extension));
}

/* The first candidate: bytes of it. */
static inline unsigned joliet_first(const char *name, uint8_t out[2 * JOLIET_TEXT_MAX], bool *ret_changed)
{
	uint8_t all[2 * JOLIET_TEXT_MAX];
	size_t n = joliet_text(name, all, JOLIET_TEXT_MAX, ret_changed);

	if (n > JOLIET_CHARS)
		return joliet_made(name, all, n, 0, out);
	memcpy(out, all, 2 * n);
	return (unsigned)(2 * n);
}

#endif
