/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * joliet.c - Joliet names, both ways
 *
 * libiso9660 converts with iconv: it refuses what is no text, and gives memory for each name.
 */
#include "burner/format/joliet.h"

#include "burner/format/identifier.h"

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

unsigned joliet_attempted(const char *name, uint32_t attempt, uint8_t out[2 * JOLIET_TEXT_MAX])
{
	uint8_t all[2 * JOLIET_TEXT_MAX];
	bool changed;

	if (!attempt)
		return joliet_first(name, out, &changed);
	return joliet_made(name, all, joliet_text(name, all, JOLIET_TEXT_MAX, &changed), attempt, out);
}

bool joliet_valid(const uint8_t *name, size_t bytes)
{
	if (!name || !bytes || bytes % 2 || bytes > 2 * JOLIET_CHARS)
		return false;
	for (size_t i = 0; i < bytes; i += 2) {
		uint32_t c = get_be16(name + i);

		if (!joliet_legal(c) && !(c >= 0xd800 && c < 0xe000))
			return false;
	}
	return true;
}

/* ---- reading ---- */

/* UTF-8 of one code point; its length. */
static size_t put_utf8(uint32_t c, char p[4])
{
	if (c < 0x80) {
		p[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		p[0] = (char)(0xc0 | c >> 6);
		p[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		p[0] = (char)(0xe0 | c >> 12);
		p[1] = (char)(0x80 | (c >> 6 & 0x3f));
		p[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	p[0] = (char)(0xf0 | c >> 18);
	p[1] = (char)(0x80 | (c >> 12 & 0x3f));
	p[2] = (char)(0x80 | (c >> 6 & 0x3f));
	p[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

size_t joliet_utf8(const uint8_t *utf16, size_t n, char ret[255])
{
	size_t length = 0;

	n &= ~(size_t)1;
	for (size_t i = 0; i < n; i += 2) {
		uint32_t c = get_be16(utf16 + i);
		char utf8[4];
		size_t k;

		if (c >= 0xd800 && c < 0xdc00 && i + 2 < n && (get_be16(utf16 + i + 2) & 0xfc00) == 0xdc00) {
			c = 0x10000 + ((c & 0x3ff) << 10) + (get_be16(utf16 + i + 2) & 0x3ffu);
			i += 2;
		}
		if (!c)
			break;
		if (c == '/' || (c >= 0xd800 && c < 0xe000))
			c = '_';
		k = put_utf8(c, utf8);
		if (length + k > 255)
			break;
		memcpy(ret + length, utf8, k);
		length += k;
	}
	return length;
}

void joliet_name(const uint8_t *identifier, size_t n, char ret[256])
{
	size_t length;

	n &= ~(size_t)1;
	if (n > 4 && get_be16(identifier + n - 4) == ';' && get_be16(identifier + n - 2) == '1')
		n -= 4;
	length = joliet_utf8(identifier, n, ret);
	while (length > 1 && ret[length - 1] == '.')
		length--;
	identifier_settle(ret, length);
}
