/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * shown_name.c - what Joliet, and Windows, make of a name
 *
 * Of the characters that Windows takes in no name, Joliet has replaced all but three by itself.
 */
#include "burner/format/shown_name.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "burner/format/joliet.h"
#include "burner/format/name_hash.h"

/* ---- capitals ---- */

/* Letters that lie at a distance from their capitals. */
static const struct {
	uint16_t first, last;
	uint8_t distance;
} shifted[] = {
	{'a', 'z', 32},	    {0xe0, 0xf6, 32},	{0xf8, 0xfe, 32},   {0x3b1, 0x3c1, 32},
	{0x3c3, 0x3cb, 32}, {0x430, 0x44f, 32}, {0x450, 0x45f, 80}, {0x561, 0x586, 48},
};
/* Pairs side by side; the capital is the even one, or the odd one. */
static const struct {
	uint16_t first, last;
	uint8_t capital_is_odd;
} paired[] = {
	{0x100, 0x12f, 0},   {0x132, 0x137, 0},	  {0x139, 0x148, 1}, {0x14a, 0x177, 0}, {0x179, 0x17e, 1},
	{0x1e00, 0x1e95, 0}, {0x1ea0, 0x1eff, 0}, {0x460, 0x481, 0}, {0x48a, 0x4bf, 0}, {0x4d0, 0x4ff, 0},
};

static uint16_t capital(uint16_t c)
{
	if (c < 0x80)
		return c >= 'a' && c <= 'z' ? c - 32 : c;
	for (size_t i = 0; i < ARRAY_LENGTH(shifted); i++)
		if (c >= shifted[i].first && c <= shifted[i].last)
			return (uint16_t)(c - shifted[i].distance);
	for (size_t i = 0; i < ARRAY_LENGTH(paired); i++)
		if (c >= paired[i].first && c <= paired[i].last)
			return (c & 1) == paired[i].capital_is_odd ? c : (uint16_t)(c - 1);
	return c == 0xff ? 0x178 : c;
}

uint64_t shown_case_key(const uint8_t *joliet, size_t bytes)
{
	uint8_t folded[2 * JOLIET_CHARS];

	bytes = min_u64(bytes & ~(size_t)1, sizeof(folded));
	for (size_t i = 0; i < bytes; i += 2)
		put_be16(folded + i, capital(get_be16(joliet + i)));
	return name_hash(folded, bytes, 0);
}

/* ---- Windows ---- */

static unsigned closed_flags(const uint8_t *joliet, size_t bytes)
{
	uint16_t last = bytes ? get_be16(joliet + bytes - 2) : 0;
	unsigned flags = last == '.' || last == ' ' ? SHOWN_END : 0;

	for (size_t i = 0; i < bytes; i += 2) {
		uint16_t c = get_be16(joliet + i);

		if (c < 0x80 && (c < 0x20 || strchr("<>\"|:*?\\/", c)))
			flags |= SHOWN_CHARACTER;
	}
	return flags;
}

/* In any case, whatever stands behind the first dot; blanks before that do not count. */
static bool is_device(const uint8_t *joliet, size_t bytes)
{
	static const char names[][8] = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"};
	char stem[8] = "";
	size_t n = 0;
	uint16_t last = 0;

	while (2 * n < bytes && get_be16(joliet + 2 * n) != '.')
		n++;
	while (n && get_be16(joliet + 2 * n - 2) == ' ')
		n--;
	if (n < 3 || n > 7)
		return false;
	for (size_t i = 0; i < n; i++) {
		last = capital(get_be16(joliet + 2 * i));
		stem[i] = last < 0x80 ? (char)last : '?';
	}
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		if (strcmp(stem, names[i]) == 0)
			return true;
	if (n != 4 || (strncmp(stem, "COM", 3) != 0 && strncmp(stem, "LPT", 3) != 0))
		return false;
	return (last >= '1' && last <= '9') || last == 0xb9 || last == 0xb2 || last == 0xb3;
}

/* ---- both ---- */

unsigned shown_flags(const char *name, const uint8_t *joliet, size_t bytes)
{
	uint8_t all[2 * JOLIET_TEXT_MAX];
	bool changed;
	size_t n = joliet_text(name, all, JOLIET_TEXT_MAX, &changed);
	unsigned flags = closed_flags(joliet, bytes) | (changed ? SHOWN_REPLACED : 0);

	if (n > JOLIET_CHARS)
		flags |= SHOWN_SHORTENED;
	else if (bytes != 2 * n || memcmp(all, joliet, bytes) != 0)
		flags |= SHOWN_TAKEN;
	return is_device(joliet, bytes) ? flags | SHOWN_DEVICE : flags;
}

const char *shown_words(unsigned flags, char text[SHOWN_WORDS_BYTES])
{
	static const char words[][12] = {"shortened", "replaced", "taken", "device", "end", "character", "case"};
	size_t length = 0;

	text[0] = 0;
	for (unsigned i = 0; i < ARRAY_LENGTH(words); i++)
		if (flags & 1u << i)
			length += (size_t)snprintf(text + length, SHOWN_WORDS_BYTES - length, "%s%s", length ? "," : "",
						   words[i]);
	return text;
}
