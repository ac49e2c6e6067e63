/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/printable.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/own.h"
#include "burner/base/utf8.h"

const char *printable(const char *text, char *buf, size_t size)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t used = 0;

	while (*s) {
		size_t n = utf8_length(s);
		bool shown = n > 0 && !utf8_controls(s, n);

		if (used + (shown ? n : 1) >= size)
			break;
		if (shown)
			memmove(buf + used, s, n);
		else
			buf[used] = '?';
		used += shown ? n : 1;
		s += n ? n : 1;
	}
	buf[used] = '\0';
	return buf;
}

char *printable_line(const char *format, va_list arguments)
{
	char *line;

	if (vasprintf(&line, format, arguments) < 0)
		return NULL;
	printable(line, line, strlen(line) + 1);
	return line;
}

void print_line(FILE *out, const char *name, const char *format, va_list arguments)
{
	_free_ char *line = printable_line(format, arguments);
	char shown[256];

	fprintf(out, "%s: %s\n", printable(name, shown, sizeof(shown)), line ? line : "out of memory");
}

void say(FILE *out, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	_free_ char *line = printable_line(format, arguments);
	va_end(arguments);
	fprintf(out, "%s\n", line ? line : "out of memory");
}
