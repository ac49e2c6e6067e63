/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * json.h - JSON objects, one a line: what the daemon and the commands say to each other and to scripts
 *
 * Writing:  struct json j = {out}; json_open(&j, NULL, '{'); json_string(&j, "type", "info"); json_u64(&j, "bytes", 7);
 *           json_open(&j, "sessions", '['); … json_close(&j, ']'); json_close(&j, '}'); json_end_line(&j);
 * Reading:  json_get_string/_u64/_bool() look up one member of the outermost object of a line; values may be nested,
 * they are skipped.
 *
 * Names on a disc are bytes: a byte that is not part of valid UTF-8 is written as \udc80…\udcff, a lone low surrogate
 * (what Python calls "surrogateescape"), and read back as that byte.  So every name survives, and the line is always
 * valid JSON. Errors: -ENOENT no such member, -EINVAL another type or not JSON, -ERANGE does not fit.
 */
#ifndef BURNER_BASE_JSON_H
#define BURNER_BASE_JSON_H

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* ---- writing ---- */

struct json {
	FILE *out;
	bool more;
}; /* more: a value stands before in this object or array */

/* The text in quotation marks; escaped is what JSON asks for, and what moves a terminal's cursor. */
void json_put_quoted(FILE *out, const char *text);
/* What stands before a value: a comma, and the key in an object (NULL in an array). */
void json_key(struct json *j, const char *key);
static inline void json_open(struct json *j, const char *key, char bracket)
{
	json_key(j, key);
	putc(bracket, j->out);
	j->more = false;
}
static inline void json_close(struct json *j, char bracket)
{
	putc(bracket, j->out);
	j->more = true;
}
static inline void json_end_line(struct json *j)
{
	putc('\n', j->out);
	j->more = false;
}
static inline void json_string(struct json *j, const char *key, const char *value)
{
	json_key(j, key);
	json_put_quoted(j->out, value);
}
static inline void json_u64(struct json *j, const char *key, uint64_t value)
{
	json_key(j, key);
	fprintf(j->out, "%" PRIu64, value);
}
static inline void json_string_or_null(struct json *j, const char *key, const char *value)
{
	if (value) {
		json_string(j, key, value);
		return;
	}
	json_key(j, key);
	fputs("null", j->out);
}
/* none: the value that stands for null */
static inline void json_u64_or_null(struct json *j, const char *key, uint64_t value, uint64_t none)
{
	if (value != none) {
		json_u64(j, key, value);
		return;
	}
	json_key(j, key);
	fputs("null", j->out);
}
static inline void json_bool(struct json *j, const char *key, bool value)
{
	json_key(j, key);
	fputs(value ? "true" : "false", j->out);
}

/* ---- reading ---- */

static inline const char *json_skip_blank(const char *s) { return s + strspn(s, " \t\r\n"); }

/* Behind the string that begins at s ('"'), or NULL. */
static inline const char *json_skip_string(const char *s)
{
	for (s++; *s && *s != '"'; s++)
		if (*s == '\\' && !*++s)
			return NULL;
	return *s ? s + 1 : NULL;
}
/* Behind the value that begins at s, or NULL. Brackets are counted, not matched by kind. */
const char *json_skip_value(const char *s);
/* The value of that member of the outermost object, or NULL. Keys are ours: plain text without escapes. */
const char *json_find(const char *line, const char *key);
/* buf is a string in any case; untouched beyond its first byte on -ENOENT. */
int json_get_string(const char *line, const char *key, char *buf, size_t size);
int json_get_u64(const char *line, const char *key, uint64_t *ret);
int json_get_bool(const char *line, const char *key, bool *ret);

#endif
