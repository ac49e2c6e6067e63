/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * printable.h - text of others on a terminal and in the system's log
 *
 * Names, labels, messages and paths come from discs, from other users and their daemons: a control character in them
 * moves the cursor, sets a title, forges a line.  All that a person reads goes through here.
 */
#ifndef BURNER_BASE_PRINTABLE_H
#define BURNER_BASE_PRINTABLE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

/* Control characters of C0 and C1, DEL, separators of lines and paragraphs, marks that turn the direction of text, and
 * what is no UTF-8 become '?'; cut to the buffer, between characters.  buf may be the text itself.  Returns buf. */
const char *printable(const char *text, char *buf, size_t size);
/* "NAME: " and the message as one printable line, in one piece however many threads print. */
__attribute__((format(printf, 3, 0))) void print_line(FILE *out, const char *name, const char *format,
						      va_list arguments);
/* The same without a name. */
__attribute__((format(printf, 2, 3))) void say(FILE *out, const char *format, ...);
/* The message as one printable line; to be freed.  NULL: no memory. */
__attribute__((format(printf, 1, 0))) char *printable_line(const char *format, va_list arguments);

/* A path as one word of a command that somebody is told to give: as it is, or quoted where a shell would take it for
 * something else, or the terminal would change it.  Returns the text. */
struct shell_word {
	char text[4 * 4096 + 8];
};
const char *shell_word(struct shell_word *buf, const char *path);
/* The same, good until the end of the block. */
#define SHELL_WORD(path) shell_word(&(struct shell_word){""}, (path))

#endif
