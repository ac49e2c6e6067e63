/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * words.c - what is asked for: each word a pattern of the name, of the path where it has a slash
 *
 * The index knows three characters at a time, whatever their case.  Of a pattern all such that stand in it must be in
 * the name; what the index gives is then held against the pattern itself.
 */
#include "fs/catalogue/internal.h"

#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

#include "burner/base/utf8.h"

#define TRIGRAMS_MAX 64u /* of a query: more would not make it narrower */

struct words {
	char **names, **paths; /* patterns, folded; paths: NULL where the word has no slash */
	size_t n;
	char *query;
	locale_t locale; /* 0: only ASCII is folded */
};

/* ---- folding ---- */

static size_t put_character(uint32_t c, char *to)
{
	if (c < 0x80)
		return to[0] = (char)c, 1;
	if (c < 0x800)
		return to[0] = (char)(0xc0 | c >> 6), to[1] = (char)(0x80 | (c & 0x3f)), 2;
	if (c < 0x10000)
		return to[0] = (char)(0xe0 | c >> 12), to[1] = (char)(0x80 | (c >> 6 & 0x3f)),
		       to[2] = (char)(0x80 | (c & 0x3f)), 3;
	return to[0] = (char)(0xf0 | c >> 18), to[1] = (char)(0x80 | (c >> 12 & 0x3f)),
	       to[2] = (char)(0x80 | (c >> 6 & 0x3f)), to[3] = (char)(0x80 | (c & 0x3f)), 4;
}

static uint32_t fold_character(const struct words *w, uint32_t c)
{
	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
	return w->locale ? (uint32_t)towlower_l((wint_t)c, w->locale) : c;
}

/* A byte that is no UTF-8 becomes a character of its own, that no name has: GLOB takes all such bytes for one. */
#define FIRST_BYTE 0x10ff00u
#define FOLDED_BYTES_MAX 4u /* for each byte */

/* to: so many times as long as the text, and a zero. */
static void fold(const struct words *w, const char *text, char *to)
{
	for (size_t n; *text; text += n ? n : 1) {
		const unsigned char *at = (const unsigned char *)text;

		n = utf8_length(at);
		to += put_character(n ? fold_character(w, utf8_code_point(at, n)) : FIRST_BYTE + *at, to);
	}
	*to = '\0';
}

/* ---- patterns ---- */

static bool is_pattern(const char *word) { return strpbrk(word, "*?[") != NULL; }

/* GLOB of SQLite, which writes [^…] where a shell writes [!…]. */
static void use_carets(char *pattern)
{
	for (char *at = pattern; (at = strstr(at, "[!")); at += 2)
		at[1] = '^';
}

static char *pattern_of(const struct words *w, const char *before, const char *word, const char *behind)
{
	_free_ char *whole = NULL;
	char *folded;

	if (asprintf(&whole, "%s%s%s", before, word, behind) < 0) {
		whole = NULL;
		return NULL;
	}
	folded = malloc(FOLDED_BYTES_MAX * strlen(whole) + 1);
	if (!folded)
		return NULL;
	fold(w, whole, folded);
	use_carets(folded);
	return folded;
}

static int add_word(struct words *w, const char *word)
{
	const char *slash = strrchr(word, '/'), *name = slash ? slash + 1 : word;
	const char *around = slash || is_pattern(word) ? "" : "*";

	w->names[w->n] = pattern_of(w, around, *name ? name : "*", around);
	if (slash)
		w->paths[w->n] = word[0] == '/' ? pattern_of(w, "", word, *name ? "" : "*") :
						  pattern_of(w, "*/", word, *name ? "" : "*");
	return w->names[w->n++] && (!slash || w->paths[w->n - 1]) ? 0 : -ENOMEM;
}

/* ---- the query ---- */

/* The length of a run of characters that stand for themselves, in the index as well. */
static size_t plain_run(const char *pattern)
{
	size_t n = 0;

	while (pattern[n] && !strchr("*?[", pattern[n])) {
		const unsigned char *at = (const unsigned char *)pattern + n;
		size_t length = utf8_length(at);

		if (!length || utf8_code_point(at, length) >= FIRST_BYTE)
			break;
		n += length;
	}
	return n;
}

static const char *skip_special(const char *at)
{
	size_t length = utf8_length((const unsigned char *)at);
	const char *end;

	if (*at != '[')
		return at + (length ? length : 1);
	end = at[1] == '^' ? at + 2 : at + 1;
	end = *end == ']' ? end + 1 : end;
	end = strchr(end, ']');
	return end ? end + 1 : at + strlen(at);
}

static void put_trigram(FILE *out, const char *text, size_t bytes, unsigned *n)
{
	fputs((*n)++ ? " AND \"" : "\"", out);
	for (size_t i = 0; i < bytes; i++)
		fputs(text[i] == '"' ? "\"\"" : (char[]){text[i], '\0'}, out);
	fputc('"', out);
}

static void put_run(FILE *out, const char *run, size_t bytes, unsigned *n)
{
	size_t starts[4] = {0}, i = 0;

	for (size_t at = 0; at < bytes && *n < TRIGRAMS_MAX;) {
		starts[i++ % 4] = at;
		at += utf8_length((const unsigned char *)run + at);
		if (i >= 3)
			put_trigram(out, run + starts[(i - 3) % 4], at - starts[(i - 3) % 4], n);
	}
}

static int make_query(struct words *w)
{
	size_t bytes;
	FILE *out = open_memstream(&w->query, &bytes);
	unsigned n = 0;

	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < w->n; i++) {
		for (const char *at = w->names[i]; *at;) {
			size_t run = plain_run(at);

			put_run(out, at, run, &n);
			at += run;
			if (*at)
				at = skip_special(at);
		}
	}
	if (fclose(out) != 0)
		return -ENOMEM;
	if (!n) {
		free(w->query);
		w->query = NULL;
	}
	return 0;
}

int words_new(const char *const *words, size_t n, struct words **ret)
{
	_cleanup_(words_freep) struct words *w = calloc(1, sizeof(*w));
	int r = 0;

	if (!w || !(w->names = calloc(n + 1, sizeof(*w->names))) || !(w->paths = calloc(n + 1, sizeof(*w->paths))))
		return -ENOMEM;
	w->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	for (size_t i = 0; i < n && !r; i++)
		r = add_word(w, words[i]);
	if (!r)
		r = make_query(w);
	if (!r)
		*ret = TAKE_PTR(w);
	return r;
}

void words_free(struct words *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->n; i++) {
		free(w->names[i]);
		free(w->paths[i]);
	}
	free(w->names);
	free(w->paths);
	free(w->query);
	if (w->locale)
		freelocale(w->locale);
	free(w);
}

const char *words_query(const struct words *w) { return w->query; }

bool words_match_name(const struct words *w, const char *name)
{
	char folded[FOLDED_BYTES_MAX * 256];

	if (strlen(name) > 255)
		return false;
	fold(w, name, folded);
	for (size_t i = 0; i < w->n; i++)
		if (sqlite3_strglob(w->names[i], folded) != 0)
			return false;
	return true;
}

int words_match_path(void *words, const char *path)
{
	const struct words *w = words;
	_free_ char *whole = NULL, *folded = NULL;
	bool any = false;

	for (size_t i = 0; i < w->n; i++)
		any |= w->paths[i] != NULL;
	if (!any)
		return 1;
	if (asprintf(&whole, "/%s", path) < 0) {
		whole = NULL;
		return -ENOMEM;
	}
	folded = malloc(FOLDED_BYTES_MAX * strlen(whole) + 1);
	if (!folded)
		return -ENOMEM;
	fold(w, whole, folded);
	for (size_t i = 0; i < w->n; i++)
		if (w->paths[i] && sqlite3_strglob(w->paths[i], folded) != 0)
			return 0;
	return 1;
}
