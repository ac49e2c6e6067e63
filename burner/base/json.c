/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/json.h"

#include "burner/base/utf8.h"

void json_put_quoted(FILE *out, const char *text)
{
	putc('"', out);
	for (const unsigned char *s = (const unsigned char *)text; *s;) {
		size_t n = utf8_length(s);
		if (n == 0)
			fprintf(out, "\\udc%02x", *s);
		else if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else if (utf8_controls(s, n))
			fprintf(out, "\\u%04x", (unsigned)utf8_code_point(s, n));
		else
			fwrite(s, 1, n, out);
		s += n ? n : 1;
	}
	putc('"', out);
}

void json_key(struct json *j, const char *key)
{
	if (j->more)
		putc(',', j->out);
	j->more = true;
	if (key) {
		json_put_quoted(j->out, key);
		putc(':', j->out);
	}
}

const char *json_skip_value(const char *s)
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

const char *json_find(const char *line, const char *key)
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

static int json_hex4(const char *s, unsigned *ret)
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
static int json_decode_unicode(const char **s, char out[4], size_t *ret_n)
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
static int json_decode_char(const char **s, char out[4], size_t *ret_n)
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

int json_get_string(const char *line, const char *key, char *buf, size_t size)
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

int json_get_u64(const char *line, const char *key, uint64_t *ret)
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

int json_get_bool(const char *line, const char *key, bool *ret)
{
	const char *s = json_find(line, key);

	if (!s)
		return -ENOENT;
	if (strncmp(s, "true", 4) != 0 && strncmp(s, "false", 5) != 0)
		return -EINVAL;
	*ret = *s == 't';
	return 0;
}
