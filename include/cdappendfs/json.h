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
#ifndef CDAPPENDFS_JSON_H
#define CDAPPENDFS_JSON_H

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

/* Bytes of the well-formed UTF-8 character at s (Unicode table 3-7), 0 when there is none. */
static inline size_t json_utf8_length(const unsigned char *s)
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

/* The text in quotation marks, escaped. */
static inline void json_put_quoted(FILE *out, const char *text)
{
	putc('"', out);
	for (const unsigned char *s = (const unsigned char *)text; *s;) {
		size_t n = json_utf8_length(s);
		if (n == 0)
			fprintf(out, "\\udc%02x", *s);
		else if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else if (*s < 0x20 || *s == 0x7f)
			fprintf(out, "\\u%04x", *s);
		else
			fwrite(s, 1, n, out);
		s += n ? n : 1;
	}
	putc('"', out);
}
/* What stands before a value: a comma, and the key in an object (NULL in an array). */
static inline void json_key(struct json *j, const char *key)
{
	if (j->more)
		putc(',', j->out);
	j->more = true;
	if (key) {
		json_put_quoted(j->out, key);
		putc(':', j->out);
	}
}
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
static inline const char *json_skip_value(const char *s)
{
	unsigned depth = 0;

	do {
		s = json_skip_blank(s);
		if (*s == '"') {
			s = json_skip_string(s);
			if (!s)
				return NULL;
			continue;
		}
		if (*s == '{' || *s == '[')
			depth++;
		else if ((*s == '}' || *s == ']') && depth)
			depth--;
		else if (!*s)
			return NULL;
		else if (!strchr("]},:", *s))
			s += strcspn(s, ",:]}[{\" \t\r\n") - 1;
		s++;
	} while (depth);
	return s;
}
/* The value of that member of the outermost object, or NULL. Keys are ours: plain text without escapes. */
static inline const char *json_find(const char *line, const char *key)
{
	size_t length = strlen(key);
	const char *s = json_skip_blank(line);

	if (*s++ != '{')
		return NULL;
	while (s && *(s = json_skip_blank(s)) == '"') {
		const char *name = s + 1, *end = json_skip_string(s);
		if (!end || *(s = json_skip_blank(end)) != ':')
			return NULL;
		s = json_skip_blank(s + 1);
		if ((size_t)(end - 1 - name) == length && memcmp(name, key, length) == 0)
			return s;
		s = json_skip_value(s);
		if (s && *(s = json_skip_blank(s)) == ',')
			s++;
	}
	return NULL;
}
static inline int json_hex4(const char *s, unsigned *ret)
{
	unsigned v = 0;

	for (int i = 0; i < 4; i++) {
		char c = s[i];
		unsigned digit = c >= '0' && c <= '9'		    ? (unsigned)(c - '0') :
				 (c | 32) >= 'a' && (c | 32) <= 'f' ? (unsigned)((c | 32) - 'a') + 10 :
								      16;
		if (digit > 15)
			return -EINVAL;
		v = v << 4 | digit;
	}
	*ret = v;
	return 0;
}
/* The character after "\u" as UTF-8, or as the byte it stands for; *s moves behind it. */
static inline int json_decode_unicode(const char **s, char out[4], size_t *ret_n)
{
	unsigned c, low;

	if (json_hex4(*s, &c) < 0)
		return -EINVAL;
	*s += 4;
	if (c >= 0xd800 && c <= 0xdbff && (*s)[0] == '\\' && (*s)[1] == 'u' && json_hex4(*s + 2, &low) == 0 &&
	    low >= 0xdc00 && low <= 0xdfff) {
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		*s += 6;
	}
	size_t n = (c >= 0xdc80 && c <= 0xdcff) || c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	if (n == 1) {
		out[0] = (char)(c & 0xff);
	} else {
		for (size_t i = n - 1; i > 0; i--, c >>= 6)
			out[i] = (char)(0x80 | (c & 0x3f));
		out[0] = (char)(lead[n] | c);
	}
	*ret_n = n;
	return 0;
}
/* One character of a string, escaped or not; *s moves behind it. */
static inline int json_decode_char(const char **s, char out[4], size_t *ret_n)
{
	static const char escapes[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";

	*ret_n = 1;
	out[0] = *(*s)++;
	if (out[0] != '\\')
		return 0;
	char c = *(*s)++;
	if (c == 'u')
		return json_decode_unicode(s, out, ret_n);
	const char *e = c ? strchr(escapes, c) : NULL;
	if (!e)
		return -EINVAL;
	out[0] = values[e - escapes];
	return 0;
}
/* buf is a string in any case; untouched beyond its first byte on -ENOENT. */
static inline int json_get_string(const char *line, const char *key, char *buf, size_t size)
{
	const char *s = json_find(line, key);
	size_t used = 0, n;
	char c[4];

	if (size)
		buf[0] = '\0';
	if (!s)
		return -ENOENT;
	if (*s++ != '"')
		return -EINVAL;
	while (*s != '"') {
		if (!*s || json_decode_char(&s, c, &n) < 0)
			return -EINVAL;
		if (used + n >= size)
			return -ERANGE;
		memcpy(buf + used, c, n);
		used += n;
		buf[used] = '\0';
	}
	return 0;
}
static inline int json_get_u64(const char *line, const char *key, uint64_t *ret)
{
	const char *s = json_find(line, key);
	uint64_t v = 0;

	if (!s)
		return -ENOENT;
	if (*s < '0' || *s > '9')
		return -EINVAL;
	for (; *s >= '0' && *s <= '9'; s++) {
		if (v > (UINT64_MAX - (uint64_t)(*s - '0')) / 10)
			return -ERANGE;
		v = v * 10 + (uint64_t)(*s - '0');
	}
	*ret = v;
	return 0;
}
static inline int json_get_bool(const char *line, const char *key, bool *ret)
{
	const char *s = json_find(line, key);

	if (!s)
		return -ENOENT;
	if (strncmp(s, "true", 4) != 0 && strncmp(s, "false", 5) != 0)
		return -EINVAL;
	*ret = *s == 't';
	return 0;
}

#endif
