/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * catalogue_files.c - files of the hard disk: where they are, which are missing, which have too few copies
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/grow.h"
#include "burner/base/path.h"
#include "burner/base/printable.h"
#include "fs/cmd/catalogue_options.h"
#include "fs/cmd/command.h"
#include "fs/control/report.h"

/* ---- one file ---- */

struct asking {
	const struct catalogue_options *o;
	struct catalogue *c;
	struct json json;
	bool trouble;
	/* of one file: */
	const char *path;
	int64_t *discs; /* each once */
	size_t n_discs, capacity;
	uint64_t n_hits;
	/* of all: */
	uint64_t n_files, n_bytes, n_told, told_bytes;
};

static void note_trouble(struct asking *a, const char *path, int error)
{
	command_note("%s: %s", path, strerror(error));
	a->trouble = true;
}

/* Only what is asked of the catalogue ends all. */
static int ask(struct asking *a, const char *path, int (*found)(void *context, const struct catalogue_hit *hit))
{
	const struct catalogue_asked asked = {.by_content = a->o->content, .found = found, .context = a};
	_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	_free_ char *why = NULL;
	struct stat st;
	int r;

	a->path = path;
	a->n_discs = 0;
	a->n_hits = 0;
	if (fd < 0 || fstat(fd, &st) < 0) {
		note_trouble(a, path, errno);
		return 0;
	}
	if (!S_ISREG(st.st_mode)) {
		command_note("%s: it is no regular file: only the content of such is asked for", path);
		a->trouble = true;
		return 0;
	}
	r = catalogue_file(a->c, fd, path_last(path), &st, &asked, &why);
	if (r) {
		command_note("%s: %s", path, why ? why : strerror(-r));
		a->trouble = true;
		return r == -EBADMSG || r == -EBUSY ? r : 0;
	}
	a->n_files++;
	a->n_bytes += (uint64_t)st.st_size;
	return 1;
}

static int note_disc(void *context, const struct catalogue_hit *hit)
{
	struct asking *a = context;

	a->n_hits++;
	for (size_t i = 0; i < a->n_discs; i++)
		if (a->discs[i] == hit->disc->number)
			return 0;
	if (grow(&a->discs, &a->capacity, a->n_discs, sizeof(*a->discs)))
		return -ENOMEM;
	a->discs[a->n_discs++] = hit->disc->number;
	return 0;
}

static int open_asking(const struct catalogue_options *o, struct asking *ret)
{
	*ret = (struct asking){.o = o, .json = {stdout, false}};
	return catalogue_open_asked(o, CATALOGUE_READ, &ret->c);
}

static void asking_release(struct asking *a)
{
	catalogue_close(a->c);
	free(a->discs);
}

/* ---- where ---- */

static int print_where(void *context, const struct catalogue_hit *hit)
{
	static const char *const by[] = {[BY_SHA256] = "the same SHA-256",
					 [BY_MD5] = "the same MD5",
					 [BY_TIME] = "the same name, size and date"};
	struct asking *a = context;
	char disc[DISC_TEXT_BYTES], sessions[SESSIONS_TEXT_BYTES];

	a->n_hits++;
	if (a->o->json)
		catalogue_hit_json(&a->json, hit);
	else
		say(stdout, "%s: %s  %s  %s  (%s)", a->path, catalogue_disc_text(hit->disc, disc),
		    catalogue_sessions_text(hit, sessions), hit->path, by[hit->by]);
	return 0;
}

static int where_one(struct asking *a, const char *path)
{
	int r;

	if (a->o->json) {
		json_open(&a->json, NULL, '{');
		json_string(&a->json, "file", path);
		json_open(&a->json, "found", '[');
	}
	r = ask(a, path, print_where);
	if (a->o->json) {
		json_close(&a->json, ']');
		json_close(&a->json, '}');
	} else if (r > 0 && !a->n_hits) {
		say(stdout, "%s: on no disc", path);
	}
	a->n_told += r > 0 && !a->n_hits;
	return r < 0 ? r : 0;
}

int catalogue_do_where(const struct catalogue_options *o)
{
	_cleanup_(asking_release) struct asking a = {.o = NULL};
	int status = open_asking(o, &a), r = 0;

	if (status)
		return status;
	if (o->json) {
		json_open(&a.json, NULL, '{');
		json_open(&a.json, "files", '[');
	}
	for (int i = 0; i < o->n_words && !r; i++)
		r = where_one(&a, o->words[i]);
	if (o->json) {
		json_close(&a.json, ']');
		command_json_end(&a.json, !r && !a.trouble);
	}
	return a.trouble ? CATALOGUE_TROUBLE : a.n_told ? CATALOGUE_NO : CATALOGUE_YES;
}

/* ---- a directory ---- */

/* It is on fewer discs than it should be. */
static void tell_few(struct asking *a, uint64_t bytes, bool counted)
{
	struct json *j = &a->json;

	a->n_told++;
	a->told_bytes += bytes;
	if (a->o->null) {
		printf("%s%c", a->path, 0);
	} else if (!a->o->json) {
		if (counted)
			printf("%zu\t", a->n_discs);
		say(stdout, "%s", a->path);
	} else {
		json_open(j, NULL, '{');
		json_string(j, "path", a->path);
		json_u64(j, "bytes", bytes);
		if (counted) {
			json_open(j, "discs", '[');
			for (size_t i = 0; i < a->n_discs; i++)
				json_u64(j, NULL, (uint64_t)a->discs[i]);
			json_close(j, ']');
		}
		json_close(j, '}');
	}
}

static int look_at(struct asking *a, const FTSENT *e, uint64_t least, bool counted)
{
	int r = 0;

	switch (e->fts_info) {
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		note_trouble(a, e->fts_path, e->fts_errno);
		break;
	case FTS_SLNONE:
		note_trouble(a, e->fts_path, ENOENT);
		break;
	case FTS_DEFAULT:
		command_note("%s: it is neither a directory nor a regular file: nothing was looked at there",
			     e->fts_path);
		a->trouble = true;
		break;
	case FTS_F:
		r = ask(a, e->fts_path, note_disc);
		if (r > 0 && a->n_discs < least)
			tell_few(a, (uint64_t)e->fts_statp->st_size, counted);
		break;
	}
	return r < 0 ? r : 0;
}

static int compare_names(const FTSENT **a, const FTSENT **b) { return strcmp((*a)->fts_name, (*b)->fts_name); }

static int walk(struct asking *a, uint64_t least, bool counted)
{
	FTS *fts = fts_open(a->o->words, FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW, compare_names);
	FTSENT *e;
	int r = fts ? 0 : -errno;

	/* Devices and the like are nothing that is missing, unless they were asked for. */
	while (!r && (errno = 0, e = fts_read(fts)))
		r = e->fts_info != FTS_DEFAULT || e->fts_level == FTS_ROOTLEVEL ? look_at(a, e, least, counted) : 0;
	if (!r && errno)
		r = -errno;
	if (fts)
		fts_close(fts);
	if (r)
		return catalogue_trouble("the files cannot be listed", r, NULL);
	return 0;
}

static int ask_all(const struct catalogue_options *o, const char *key, uint64_t least, bool counted)
{
	_cleanup_(asking_release) struct asking a = {.o = NULL};
	int status = open_asking(o, &a);

	if (status)
		return status;
	if (o->json) {
		json_open(&a.json, NULL, '{');
		json_open(&a.json, key, '[');
	}
	status = walk(&a, least, counted);
	if (o->json) {
		json_close(&a.json, ']');
		json_u64(&a.json, "files", a.n_files);
		json_u64(&a.json, "bytes", a.n_bytes);
		json_u64(&a.json, "told_bytes", a.told_bytes);
		command_json_end(&a.json, !status && !a.trouble);
	}
	return status || a.trouble ? CATALOGUE_TROUBLE : a.n_told ? CATALOGUE_NO : CATALOGUE_YES;
}

int catalogue_do_missing(const struct catalogue_options *o) { return ask_all(o, "missing", 1, false); }

/* ---- what the discs themselves have ---- */

static int print_few(void *context, const struct catalogue_hit *hit)
{
	struct asking *a = context;
	char disc[DISC_TEXT_BYTES];

	if (!hit->present)
		return 0;
	a->n_told++;
	if (a->o->json)
		catalogue_hit_json(&a->json, hit);
	else if (a->o->null)
		printf("%s%c", hit->path, 0);
	else
		say(stdout, "%" PRIu64 "  %s  %s", hit->copies, catalogue_disc_text(hit->disc, disc), hit->path);
	return ferror(stdout) ? -EIO : 0;
}

static int few_of_discs(const struct catalogue_options *o)
{
	_cleanup_(asking_release) struct asking a = {.o = NULL};
	const struct catalogue_asked asked = {.by_content = o->content, .found = print_few, .context = &a};
	_free_ char *why = NULL;
	int status = open_asking(o, &a), r;

	if (status)
		return status;
	if (o->json) {
		json_open(&a.json, NULL, '{');
		json_open(&a.json, "copies", '[');
	}
	r = catalogue_few(a.c, o->min, &asked, &why);
	if (o->json) {
		json_close(&a.json, ']');
		command_json_end(&a.json, !r);
	}
	if (r && !ferror(stdout))
		return catalogue_trouble("the catalogue", r, why);
	return a.n_told ? CATALOGUE_NO : CATALOGUE_YES;
}

int catalogue_do_copies(const struct catalogue_options *o)
{
	return o->n_words ? ask_all(o, "copies", o->min, true) : few_of_discs(o);
}
