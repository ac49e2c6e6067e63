/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sheet_files.c - the data files that a cue or toc sheet names, and a copy of the sheet that libcdio finds them by
 *
 * libcdio reads NAME.bin for NAME.cue, whatever the FILE line says, and looks for the files of a toc in the working
 * directory, which a daemon has left.  So it gets a copy of the sheet in a directory of its own, beside links to the
 * files: "i.bin" for a cue, "0.bin", "1.bin"… for a toc; keywords are in upper case there, the only ones it knows.
 *
 * A name is relative to the sheet.  When there is no such file, one whose name differs in case only is taken, if there
 * is just one: sheets come from systems that do not tell these apart.  Of a name with backslashes, a path of another
 * system, the last part counts.
 */
#include "burner/medium/internal.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "burner/base/own.h"

#define FILES_MAX 100u

struct copy {
	const char *path; /* of the sheet, absolute */
	enum sheet_kind kind;
	const char *directory; /* of the copy */
	FILE *out;
	unsigned n_files;
	char *data; /* the first file */
	char *missing;
	size_t missing_bytes;
};

/* ---- finding a file ---- */

/* The only name in the directory that differs from the wanted one in case at most; NULL: none, or several. */
static char *like_in(const char *directory, const char *wanted)
{
	DIR *d = opendir(directory);
	char *found = NULL;
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (strcasecmp(e->d_name, wanted) != 0)
			continue;
		if (found) {
			free(TAKE_PTR(found));
			break;
		}
		if (asprintf(&found, "%s/%s", directory, e->d_name) < 0)
			found = NULL;
	}
	if (d)
		closedir(d);
	return found;
}

/* Takes the path over; NULL: there is no such file. */
static char *find_file(char *path)
{
	char *slash, *found;

	if (!path || access(path, F_OK) == 0)
		return path;
	slash = strrchr(path, '/');
	*slash = 0;
	found = like_in(slash == path ? "/" : path, slash + 1);
	free(path);
	return found;
}

static char *resolve(const struct copy *c, const char *name)
{
	const char *backslash = strrchr(name, '\\');
	int directory = name[0] == '/' ? 0 : (int)(strrchr(c->path, '/') + 1 - c->path);
	char *path, *found;

	found = asprintf(&path, "%.*s%s", directory, c->path, name) < 0 ? NULL : find_file(path);
	if (found || !backslash)
		return found;
	directory = (int)(strrchr(c->path, '/') + 1 - c->path);
	return asprintf(&path, "%.*s%s", directory, c->path, backslash + 1) < 0 ? NULL : find_file(path);
}

/* ---- the copy ---- */

static int link_file(struct copy *c, const char *file)
{
	_free_ char *link = NULL;

	if (c->n_files == FILES_MAX)
		return -EBADMSG;
	if (c->kind == SHEET_CUE && c->n_files++ > 0)
		return 0; /* libcdio has one for all tracks */
	if ((c->kind == SHEET_CUE ? asprintf(&link, "%s/i.bin", c->directory) :
				    asprintf(&link, "%s/%u.bin", c->directory, c->n_files++)) < 0) {
		link = NULL;
		return -ENOMEM;
	}
	return symlink(file, link) < 0 ? -errno : 0;
}

static int put_file(struct copy *c, const char *keyword, const char *name, const char *rest)
{
	_free_ char *file = resolve(c, name);
	int r;

	if (!file) {
		snprintf(c->missing, c->missing_bytes, "%s", name);
		return -ENOENT;
	}
	r = link_file(c, file);
	if (r < 0)
		return r;
	if (c->kind == SHEET_CUE)
		fprintf(c->out, "%s \"i.bin\" %s", keyword, rest);
	else
		fprintf(c->out, "%s \"%s/%u.bin\" %s", keyword, c->directory, c->n_files - 1, rest);
	if (!c->data)
		c->data = TAKE_PTR(file);
	return 0;
}

/* "NAME" REST, or in a cue NAME TYPE, where the name may have blanks; cut in place. */
static char *split_name(const struct copy *c, char *at, char **ret_rest)
{
	char *end = at + strlen(at);

	if (*at == '"') {
		char *quote = strchr(++at, '"');

		*ret_rest = quote ? quote + 1 : end;
		if (quote)
			*quote = 0;
		return at;
	}
	while (end > at && isspace((unsigned char)end[-1]))
		*--end = 0;
	*ret_rest = c->kind == SHEET_CUE ? strrchr(at, ' ') : at + strcspn(at, " \t");
	if (!*ret_rest || !**ret_rest) {
		*ret_rest = end;
		return at;
	}
	*(*ret_rest)++ = 0;
	return at;
}

static bool names_a_file(const struct copy *c, const char *keyword)
{
	return strcmp(keyword, "FILE") == 0 ||
	       (c->kind == SHEET_TOC && (strcmp(keyword, "DATAFILE") == 0 || strcmp(keyword, "AUDIOFILE") == 0));
}

/* In upper case, but for what stands in quotes. */
static void put_upper(struct copy *c, const char *text)
{
	for (bool quoted = false; *text; text++) {
		quoted ^= *text == '"';
		fputc(quoted ? *text : toupper((unsigned char)*text), c->out);
	}
}

static int put_line(struct copy *c, char *line)
{
	char keyword[32] = "", *rest;
	int used = 0;
	char *name;

	if (sscanf(line, " %31s%n", keyword, &used) < 1)
		return fputs(line, c->out) < 0 ? -EIO : 0;
	for (char *p = keyword; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	if (!names_a_file(c, keyword)) {
		put_upper(c, line);
		return 0;
	}
	name = split_name(c, line + used + strspn(line + used, " \t"), &rest);
	/* cdrdao writes the length of a data file there, which libcdio takes for the place of the track. */
	if (strcmp(keyword, "DATAFILE") == 0 && isdigit((unsigned char)rest[strspn(rest, " \t")]))
		*rest = 0;
	used = put_file(c, keyword, name, "");
	if (used == 0) {
		put_upper(c, rest);
		fputc('\n', c->out);
	}
	return used;
}

int sheet_copy(const char *path, enum sheet_kind kind, const char *directory, char **ret_copy, char **ret_data,
	       char *missing, size_t missing_bytes)
{
	struct copy c = {
		.path = path, .kind = kind, .directory = directory, .missing = missing, .missing_bytes = missing_bytes};
	_free_ char *line = NULL, *to = NULL;
	FILE *in = fopen(path, "re");
	size_t capacity = 0;
	int r = in ? 0 : -errno;

	if (asprintf(&to, "%s/i.%s", directory, kind == SHEET_CUE ? "cue" : "toc") < 0)
		to = NULL;
	if (r == 0 && !(c.out = to ? fopen(to, "wxe") : NULL))
		r = to ? -errno : -ENOMEM;
	while (r == 0 && getline(&line, &capacity, in) >= 0)
		r = put_line(&c, line + (sheet_line(line) - line));
	if (c.out && fclose(c.out) != 0 && r == 0)
		r = -EIO;
	if (in)
		fclose(in);
	if (r == 0) {
		*ret_copy = TAKE_PTR(to);
		*ret_data = TAKE_PTR(c.data);
	}
	free(c.data);
	return r;
}

void sheet_copy_remove(const char *directory)
{
	DIR *d = opendir(directory);
	struct dirent *e;

	while (d && (e = readdir(d)))
		unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(directory);
}
