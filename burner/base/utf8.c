/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/utf8.h"

size_t utf8_length(const unsigned char *s)
{
	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		return (s[1] & 0xc0) == 0x80 ? 2 : 0;
	if (s[0] >= 0xe0 && s[0] <= 0xef) {
		unsigned low = s[0] == 0xe0 ? 0xa0 : 0x80, high = s[0] == 0xed ? 0x9f : 0xbf;
		return s[1] >= low && s[1] <= high && (s[2] & 0xc0) == 0x80 ? 3 : 0;
	}
	if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		unsigned low = s[0] == 0xf0 ? 0x90 : 0x80, high = s[0] == 0xf4 ? 0x8f : 0xbf;
		return s[1] >= low && s[1] <= high && (s[2] & 0xc0) == 0x80 && (s[3] & 0xc0) == 0x80 ? 4 : 0;
	}
	return 0;
}

uint32_t utf8_code_point(const unsigned char *s, size_t n)
{
	static const unsigned char of_first[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t c = s[0] & of_first[n];

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (s[i] & 0x3f);
	return c;
}

bool utf8_controls(const unsigned char *s, size_t n)
{
	uint32_t c = utf8_code_point(s, n);
	bool control = c < 0x20 || (c >= 0x7f && c < 0xa0);
	bool separates = c == 0x2028 || c == 0x2029;
	bool turns = (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);

	return control || separates || turns;
}
