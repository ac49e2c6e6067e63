/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/format/joliet.h"

uint64_t name_hash(const void *bytes, size_t length, uint32_t attempt)
{
	const uint8_t *at = bytes;
	uint64_t h = 0xcbf29ce484222325ull ^ attempt * 0x9e3779b97f4a7c15ull;

	for (size_t i = 0; i < length; i++)
		h = (h ^ at[i]) * 0x100000001b3ull;
	h = (h ^ h >> 33) * 0xff51afd7ed558ccdull;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53ull;
	return h ^ h >> 33;
}

/* One character of UTF-8; 0xfffd for a byte that is none (one byte is eaten). */
static uint32_t joliet_next(const char **at)
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

size_t joliet_text(const char *utf8, uint8_t *ret_utf16, size_t max_chars, bool *ret_changed)
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

unsigned joliet_made(const char *name, const uint8_t *all, size_t n, uint32_t attempt, uint8_t *out)
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

unsigned joliet_first(const char *name, uint8_t out[2 * JOLIET_TEXT_MAX], bool *ret_changed)
{
	uint8_t all[2 * JOLIET_TEXT_MAX];
	size_t n = joliet_text(name, all, JOLIET_TEXT_MAX, ret_changed);

	if (n > JOLIET_CHARS)
		return joliet_made(name, all, n, 0, out);
	memcpy(out, all, 2 * n);
	return (unsigned)(2 * n);
}
