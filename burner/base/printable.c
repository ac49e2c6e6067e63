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

/* ---- what is to be typed ---- */

static bool plain(const char *path)
{
	static const char others[] = "/._-+,:@%=";

	if (!*path)
		return false;
	for (const char *s = path; *s; s++)
		if (!(*s >= 'a' && *s <= 'z') && !(*s >= 'A' && *s <= 'Z') && !(*s >= '0' && *s <= '9') &&
		    !strchr(others, *s))
			return false;
	return true;
}

/* Is the character at s, of n bytes, one that the terminal gets as it is? */
static bool shown(const unsigned char *s, size_t n) { return n > 0 && !utf8_controls(s, n); }

static bool all_shown(const char *path)
{
	const unsigned char *s = (const unsigned char *)path;

	for (size_t n; *s; s += n) {
		n = utf8_length(s);
		if (!shown(s, n))
			return false;
	}
	return true;
}

/* 'it'\''s', which every shell knows; $'...' (POSIX.1-2024) only for what cannot be shown. */
const char *shell_word(struct shell_word *buf, const char *path)
{
	const char *dash = path[0] == '-' ? "./" : "";
	const bool simple = all_shown(path);
	const unsigned char *s = (const unsigned char *)path;
	size_t used = 0, room = sizeof(buf->text) - 8;

	if (plain(path)) {
		snprintf(buf->text, sizeof(buf->text), "%s%s", dash, path);
		return buf->text;
	}
	used = (size_t)snprintf(buf->text, sizeof(buf->text), "%s'%s", simple ? "" : "$", dash);
	for (size_t n; *s && used < room; s += n ? n : 1) {
		n = utf8_length(s);
		if (!shown(s, n))
			for (size_t i = 0; i < (n ? n : 1) && used < room; i++)
				used += (size_t)snprintf(buf->text + used, 5, "\\%03o", s[i]);
		else if (*s == '\'' || (!simple && *s == '\\'))
			used += (size_t)snprintf(buf->text + used, 5, simple ? "'\\''" : "\\%c", *s);
		else
			used += (size_t)snprintf(buf->text + used, 5, "%.*s", (int)n, (const char *)s);
	}
	snprintf(buf->text + used, 2, "'");
	return buf->text;
}
