/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sheet.c - a cue or toc sheet as libcdio can be let at it
 *
 * libcdio writes before its table of tracks when a word of a track comes before the first one, or when the first has
 * a number above 1; behind it when there are a hundred; and divides by the sector size of modes whose size it does not
 * know.  It cuts long lines in pieces that it takes for lines, and opens what they name.  So it never sees a sheet:
 * it gets one that is made here, of the words that say where tracks are.  Tracks are numbered from 1, names of files
 * are those of what is open, keywords in upper case, the only ones it knows; what tells of music is left out.
 * CD-Text belongs to audio discs and is refused.
 */
#include "burner/medium/container.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "burner/base/io.h"
#include "burner/base/own.h"

#define SHEET_MAX_BYTES (256u << 10)
#define TRACKS_MAX 98u
#define INDEXES_MAX 1000u
#define WORDS_MAX 8u
#define WORD_BYTES 32u

struct sheet {
	enum sheet_kind kind;
	struct container_place *place;
	struct container_files *files;
	unsigned tracks, indexes;
	FILE *out;
};

/* A line in words, the first ones. */
struct words {
	char word[WORDS_MAX][WORD_BYTES];
	unsigned n;
};

/* ---- words ---- */

static bool is_one_of(const char *word, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(word, list[i]) == 0)
			return true;
	return false;
}

static bool mode_is_known(enum sheet_kind kind, const char *mode)
{
	static const char *const of_cue[] = {"AUDIO", "MODE1/2048", "MODE1/2352", "MODE2/2336", "MODE2/2352"};
	static const char *const of_toc[] = {"AUDIO", "MODE1", "MODE1_RAW", "MODE2_FORM_MIX", "MODE2_RAW"};

	return kind == SHEET_CUE ? is_one_of(mode, of_cue, ARRAY_LENGTH(of_cue)) :
				   is_one_of(mode, of_toc, ARRAY_LENGTH(of_toc));
}

/* In upper case; what is longer, or more, is cut, and is none that is known then. */
static void split(const char *text, struct words *ret)
{
	*ret = (struct words){0};
	while (ret->n < WORDS_MAX) {
		char *word = ret->word[ret->n];
		size_t n = 0;

		text += strspn(text, " \t\r\n\v\f");
		if (!*text)
			return;
		for (; *text && !isspace((unsigned char)*text); text++)
			if (n < WORD_BYTES - 1)
				word[n++] = (char)toupper((unsigned char)*text);
		ret->n++;
	}
}

static int put_words(struct sheet *s, const struct words *w)
{
	for (unsigned i = 0; i < w->n; i++)
		fprintf(s->out, "%s%s", i ? " " : "", w->word[i]);
	fputc('\n', s->out);
	return 0;
}

/* ---- files ---- */

static bool names_a_file(const struct sheet *s, const char *keyword)
{
	return strcmp(keyword, "FILE") == 0 ||
	       (s->kind == SHEET_TOC && (strcmp(keyword, "DATAFILE") == 0 || strcmp(keyword, "AUDIOFILE") == 0));
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* NAME TYPE, where the name may have blanks: what is behind the last of them. */
static char *behind_last_blank(char *at)
{
	char *found = at + strlen(at);

	while (found > at && !is_blank(found[-1]))
		found--;
	return found > at ? found : NULL;
}

/* "NAME" REST, or without quotes; cut in place. */
static char *split_name(const struct sheet *s, char *at, char **ret_rest)
{
	char *end = at + strlen(at);

	at += strspn(at, " \t");
	if (*at == '"') {
		char *quote = strchr(++at, '"');

		*ret_rest = quote ? quote + 1 : end;
		if (quote)
			*quote = 0;
		return at;
	}
	while (end > at && isspace((unsigned char)end[-1]))
		*--end = 0;
	*ret_rest = s->kind == SHEET_CUE ? behind_last_blank(at) : at + strcspn(at, " \t");
	if (!*ret_rest || !**ret_rest) {
		*ret_rest = end;
		return at;
	}
	if (s->kind != SHEET_CUE)
		(*ret_rest)++;
	for (end = *ret_rest; end > at && is_blank(end[-1]);)
		*--end = 0;
	return at;
}

/* Of a cue libcdio has one file for all tracks, the first. */
static int put_file(struct sheet *s, const char *keyword, char *text)
{
	char *rest, *name = split_name(s, text, &rest), path[FD_PATH_BYTES];
	struct words words;
	size_t index;
	int r = container_add_beside(s->place, name, s->files, &index);

	if (r < 0)
		return r;
	if (s->kind == SHEET_CUE) {
		fputs("FILE \"i.bin\" BINARY\n", s->out);
		return 0;
	}
	fd_path(s->files->files[index].fd, path);
	split(rest, &words);
	/* cdrdao writes the length of a data file there, which libcdio takes for the place of the track. */
	if (strcmp(keyword, "DATAFILE") == 0 && isdigit((unsigned char)words.word[0][0]))
		words.n = 0;
	fprintf(s->out, "%s \"%s\" ", keyword, path);
	return put_words(s, &words);
}

/* ---- lines ---- */

static int put_track(struct sheet *s, const struct words *w)
{
	unsigned mode = s->kind == SHEET_CUE ? 2 : 1;

	if (w->n <= mode || ++s->tracks > TRACKS_MAX || !mode_is_known(s->kind, w->word[mode]))
		return -EMEDIUMTYPE;
	if (s->kind == SHEET_CUE)
		fprintf(s->out, "TRACK %02u %s\n", s->tracks, w->word[mode]);
	else
		fprintf(s->out, "TRACK %s\n", w->word[mode]);
	return 0;
}

/* Tells nothing of where the data are. */
static bool is_left_out(enum sheet_kind kind, const char *word)
{
	static const char *const of_both[] = {"CATALOG", "ISRC", "TITLE", "PERFORMER", "SONGWRITER"};
	static const char *const of_cue[] = {"REM",	"FLAGS",   "POSTGAP", "COMPOSER", "ARRANGER",
					     "MESSAGE", "DISC_ID", "GENRE",   "UPC_EAN"};
	static const char *const of_toc[] = {"NO", "COPY", "PRE_EMPHASIS", "TWO_CHANNEL_AUDIO", "FOUR_CHANNEL_AUDIO"};

	return is_one_of(word, of_both, ARRAY_LENGTH(of_both)) ||
	       (kind == SHEET_CUE ? is_one_of(word, of_cue, ARRAY_LENGTH(of_cue)) :
				    is_one_of(word, of_toc, ARRAY_LENGTH(of_toc)));
}

static bool is_kind_of_disc(const char *word)
{
	static const char *const kinds[] = {"CD_DA", "CD_ROM", "CD_ROM_XA"};

	return is_one_of(word, kinds, ARRAY_LENGTH(kinds));
}

static bool is_of_track(enum sheet_kind kind, const char *word)
{
	static const char *const both[] = {"INDEX", "PREGAP"};
	static const char *const of_toc[] = {"START", "SILENCE", "ZERO"};

	return is_one_of(word, both, ARRAY_LENGTH(both)) ||
	       (kind == SHEET_TOC && is_one_of(word, of_toc, ARRAY_LENGTH(of_toc)));
}

/* Not in a name that has quotes. */
static bool cut_comment(char *text)
{
	char *quote = strchr(text, '"'), *end = quote ? strchr(quote + 1, '"') : NULL;
	char *comment = strstr(end ? end : text, "//");

	if (comment)
		*comment = 0;
	return comment != NULL;
}

static int put_line(struct sheet *s, char *line)
{
	char *text = line + (strncmp(line, "\xef\xbb\xbf", 3) ? 0 : 3); /* some editors put it before UTF-8 */
	const char *keyword;
	struct words w;
	char *rest;

	split(text, &w);
	keyword = w.word[0];
	if (w.n == 0 || is_left_out(s->kind, keyword) || (s->kind == SHEET_TOC && strncmp(keyword, "//", 2) == 0))
		return 0;
	rest = text + strspn(text, " \t\r\n\v\f") + strlen(keyword);
	if (s->kind == SHEET_TOC && cut_comment(rest))
		split(text, &w);
	if (names_a_file(s, keyword))
		return s->kind == SHEET_CUE || s->tracks > 0 ? put_file(s, keyword, rest) : -EMEDIUMTYPE;
	if (strcmp(keyword, "TRACK") == 0)
		return put_track(s, &w);
	if (s->kind == SHEET_TOC && s->tracks == 0 && is_kind_of_disc(keyword))
		return put_words(s, &w);
	if (s->tracks == 0 || !is_of_track(s->kind, keyword))
		return -EMEDIUMTYPE;
	if (strcmp(keyword, "INDEX") == 0 && ++s->indexes > INDEXES_MAX)
		return -EMEDIUMTYPE;
	return put_words(s, &w);
}

/* ---- the whole ---- */

static int read_all(const struct container_place *p, char **ret, size_t *ret_n)
{
	_free_ char *text = malloc(SHEET_MAX_BYTES + 1);
	size_t n = 0;
	int r = text ? pread_full(p->fd, text, SHEET_MAX_BYTES + 1, 0, &n) : -ENOMEM;

	if (r < 0)
		return r;
	if (n > SHEET_MAX_BYTES || memchr(text, 0, n))
		return -EMEDIUMTYPE;
	text[n] = 0;
	*ret = TAKE_PTR(text);
	*ret_n = n;
	return 0;
}

static int put_all(struct sheet *s, char *text)
{
	int r = 0;

	for (char *next; r == 0 && text; text = next) {
		next = strchr(text, '\n');
		if (next)
			*next++ = 0;
		r = put_line(s, text);
	}
	return r == 0 && (s->tracks == 0) ? -EMEDIUMTYPE : r;
}

int sheet_copy(struct container_place *p, enum sheet_kind kind, struct container_files *files, int *ret_fd)
{
	struct sheet s = {.kind = kind, .place = p, .files = files};
	_free_ char *text = NULL, *made = NULL;
	size_t n;
	int r = read_all(p, &text, &n);

	if (r < 0)
		return r;
	s.out = open_memstream(&made, &n);
	if (!s.out)
		return -errno;
	r = put_all(&s, text);
	if (fclose(s.out) != 0 && r == 0)
		r = -ENOMEM;
	return r == 0 ? container_copy(made, n, 0, ret_fd) : r;
}
