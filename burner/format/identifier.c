/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * identifier.c - File and Directory Identifiers
 *
 * iso9660_name_translate() is not used for reading: it takes and gives terminated strings of any length, keeps '/',
 * and cannot tell what is behind a NUL.
 */
#include "burner/format/identifier.h"

#include <cdio/iso9660.h>
#include <stdbool.h>
#include <string.h>

static char upper(char c) { return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c; }
static bool is_d_character(char c) { return iso9660_is_dchar((uint8_t)c); }

unsigned identifier_legal(const char *from, const char *end, unsigned most, uint8_t *ret)
{
	unsigned n = 0;

	for (; from < end && n < most; from++) {
		char c = upper(*from);

		if (!is_d_character(c))
			continue;
		if (ret)
			ret[n] = (uint8_t)c;
		n++;
	}
	return n;
}

/* The d-characters up to a dot or the end, at most so many; -1 when others are there. */
static int copy_part(const char *name, bool fold, unsigned most, uint8_t *ret)
{
	unsigned n = 0;

	for (; name[n] && name[n] != '.'; n++) {
		char c = fold ? upper(name[n]) : name[n];

		if (!is_d_character(c) || n == most)
			return -1;
		ret[n] = (uint8_t)c;
	}
	return (int)n;
}

static unsigned copy(const char *name, enum identifier_kind kind, bool fold, unsigned max_stem, unsigned max_extension,
		     uint8_t *ret)
{
	int stem = copy_part(name, fold, max_stem, ret), extension;

	if (stem <= 0 || (name[stem] && kind == IDENTIFIER_OF_DIRECTORY))
		return 0;
	if (!name[stem])
		return (unsigned)stem;
	extension = copy_part(name + stem + 1, fold, max_extension, ret + stem + 1);
	if (extension < 0 || name[stem + 1 + extension])
		return 0;
	/* A recorded name ends in a dot, a name of the user does not become one. */
	if (!extension)
		return fold ? 0 : (unsigned)stem;
	ret[stem] = '.';
	return (unsigned)(stem + 1 + extension);
}

unsigned identifier_plain(const char *name, enum identifier_kind kind, uint8_t ret[IDENTIFIER_BYTES])
{
	return copy(name, kind, true, IDENTIFIER_STEM, IDENTIFIER_EXTENSION, ret);
}

unsigned identifier_kept(const char *recorded, enum identifier_kind kind, uint8_t ret[IDENTIFIER_BYTES])
{
	if (strlen(recorded) > IDENTIFIER_BYTES)
		return 0;
	return copy(recorded, kind, false, IDENTIFIER_BYTES, IDENTIFIER_BYTES, ret);
}

unsigned identifier_made(const char *name, enum identifier_kind kind, uint32_t attempt, uint8_t ret[IDENTIFIER_BYTES])
{
	const char *end = name + strlen(name), *dot = kind == IDENTIFIER_OF_DIRECTORY ? NULL : strrchr(name, '.');
	unsigned n, extension;

	if (dot == name)
		dot = NULL;
	n = identifier_legal(name, dot ? dot : end, IDENTIFIER_PREFIX, ret);
	name_put_hash(ret + n, name, attempt);
	n += NAME_HASH_CHARS;
	if (!dot)
		return n;
	extension = identifier_legal(dot + 1, end, IDENTIFIER_EXTENSION, ret + n + 1);
	if (!extension)
		return n;
	ret[n] = '.';
	return n + 1 + extension;
}

unsigned identifier_add_version(uint8_t identifier[IDENTIFIER_BYTES + 3], unsigned bytes)
{
	if (!memchr(identifier, '.', bytes))
		identifier[bytes++] = '.';
	identifier[bytes++] = ';';
	identifier[bytes++] = '1';
	return bytes;
}

void identifier_settle(char ret[256], size_t n)
{
	if (!n)
		ret[n++] = '_';
	if (ret[0] == '.' && (n == 1 || (n == 2 && ret[1] == '.')))
		ret[0] = '_';
	ret[n] = 0;
}

void identifier_name(const uint8_t *identifier, size_t n, char ret[256])
{
	size_t i;

	if (n >= 2 && identifier[n - 2] == ';' && identifier[n - 1] == '1') {
		n -= 2;
		if (n && identifier[n - 1] == '.')
			n--;
	}
	for (i = 0; i < n && i < 255 && identifier[i]; i++) {
		uint8_t c = identifier[i];

		ret[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c == ';' || c == '/' ? '.' : c);
	}
	identifier_settle(ret, i);
}

void identifier_recorded(const uint8_t *identifier, size_t n, char ret[40])
{
	const uint8_t *version = memchr(identifier, ';', n);

	ret[0] = 0;
	if (version)
		n = (size_t)(version - identifier);
	if (!n || n >= 40)
		return;
	for (size_t i = 0; i < n; i++)
		if (identifier[i] < ' ' || identifier[i] == '/')
			return;
	memcpy(ret, identifier, n);
	ret[n] = 0;
}
