/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sheet.c - is a cue or toc sheet such that libcdio can be let at it?
 *
 * libcdio writes before its table of tracks when a word of a track comes before the first one, behind it when there
 * are a hundred, and divides by the sector size of modes whose size it does not know.  So: text of bounded length, 98
 * tracks, modes that it can read, words in their order.  CD-Text belongs to audio discs and is refused.
 */
#include "burner/medium/internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "burner/base/own.h"

#define SHEET_MAX_BYTES (256u << 10)
#define LINE_MAX_BYTES 1000u
#define TRACKS_MAX 98u
#define INDEXES_MAX 1000u

struct sheet {
	enum sheet_kind kind;
	unsigned tracks, indexes;
};

static bool is_one_of(const char *word, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(word, list[i]) == 0)
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

static bool line_is_sound(struct sheet *s, const char *line)
{
	static const char *const before[] = {"REM",	  "CATALOG", "FILE",  "CD_DA",	   "CD_ROM",
					     "CD_ROM_XA", "//",	     "TITLE", "PERFORMER", "SONGWRITER"};
	static const char *const refused[] = {"CDTEXTFILE", "CD_TEXT"};
	char word[32] = "", mode[32] = "";

	if (sscanf(line, "%31s %31s", word, mode) < 1)
		return true;
	if (is_one_of(word, refused, ARRAY_LENGTH(refused)))
		return false;
	if (strcasecmp(word, "TRACK") == 0) {
		if (s->kind == SHEET_CUE && sscanf(line, " %*s %*s %31s", mode) != 1)
			return false;
		return ++s->tracks <= TRACKS_MAX && mode_is_known(s->kind, mode);
	}
	if (strcasecmp(word, "INDEX") == 0 && ++s->indexes > INDEXES_MAX)
		return false;
	return s->tracks > 0 || is_one_of(word, before, ARRAY_LENGTH(before)) || !strncmp(word, "//", 2);
}

bool sheet_is_sound(const char *path, enum sheet_kind kind)
{
	char line[LINE_MAX_BYTES + 2];
	struct sheet s = {.kind = kind};
	FILE *f = fopen(path, "re");
	size_t bytes = 0;
	bool sound = f != NULL;

	while (sound && fgets(line, sizeof(line), f)) {
		size_t n = strlen(line);

		bytes += n;
		/* Cut by a NUL, or longer than the buffer. */
		if (bytes > SHEET_MAX_BYTES || n == 0 || (line[n - 1] != '\n' && !feof(f)))
			sound = false;
		else
			sound = line_is_sound(&s, sheet_line(line));
	}
	if (f)
		fclose(f);
	return sound && s.tracks > 0;
}
