/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * identifier.c - names without Rock Ridge
 *
 * Whatever the identifier holds, the result is a name that a directory can show: 1..255 bytes, no '/', no NUL, not
 * "." or "..".
 */
#include <string.h>

#include "fs/iso/internal.h"

/* n bytes of ret are filled; make a name of them. */
static void finish(char ret[256], size_t n)
{
	if (!n)
		ret[n++] = '_';
	if (ret[0] == '.' && (n == 1 || (n == 2 && ret[1] == '.')))
		ret[0] = '_';
	ret[n] = 0;
}

/* As Linux does with map=normal: lower case, ".;1" and ";1" dropped, other ';' and '/' become '.'. */
void name_from_iso(const uint8_t *id, size_t n, char ret[256])
{
	size_t i;

	if (n > 2 && id[n - 2] == ';' && id[n - 1] == '1')
		n -= 2;
	if (n > 1 && id[n - 1] == '.')
		n--;
	for (i = 0; i < n && i < 255; i++) {
		uint8_t c = id[i];
		ret[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c == ';' || c == '/' ? '.' : c ? c : '_');
	}
	finish(ret, i);
}

/* UTF-8 of one code point; its length. */
static size_t encode_utf8(uint32_t c, char p[4])
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

void name_from_joliet(const uint8_t *id, size_t n, char ret[256])
{
	size_t length = 0;

	n &= ~(size_t)1;
	if (n > 4 && get_be16(id + n - 4) == ';' && get_be16(id + n - 2) == '1')
		n -= 4;
	for (size_t i = 0; i < n; i += 2) {
		uint32_t c = get_be16(id + i);
		char utf8[4];
		size_t k;

		if (c >= 0xd800 && c < 0xdc00 && i + 2 < n && (get_be16(id + i + 2) & 0xfc00) == 0xdc00) {
			c = 0x10000 + ((c & 0x3ff) << 10) + (get_be16(id + i + 2) & 0x3ffu);
			i += 2;
		}
		if (!c || c == '/' || (c >= 0xd800 && c < 0xe000))
			c = '_';
		k = encode_utf8(c, utf8);
		if (length + k > 255)
			break;
		memcpy(ret + length, utf8, k);
		length += k;
	}
	finish(ret, length);
}

void name_keep_iso(const uint8_t *id, size_t n, char ret[40])
{
	const uint8_t *version = memchr(id, ';', n);

	ret[0] = 0;
	if (version)
		n = (size_t)(version - id);
	if (!n || n >= 40)
		return;
	for (size_t i = 0; i < n; i++)
		if (id[i] < ' ' || id[i] == '/')
			return;
	memcpy(ret, id, n);
	ret[n] = 0;
}
