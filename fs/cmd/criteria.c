/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/cmd/criteria.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/grow.h"
#include "burner/base/size.h"
#include "burner/base/type_letter.h"
#include "burner/base/values.h"

void criteria_init(struct criteria *c)
{
	*c = (struct criteria){.most_bytes = UINT64_MAX, .newer = INT64_MIN, .older = INT64_MAX};
}

void criteria_release(struct criteria *c) { free(c->patterns); }

int criteria_add_pattern(struct criteria *c, const struct pattern *p)
{
	int r = grow(&c->patterns, &c->patterns_capacity, c->n_patterns, sizeof(*c->patterns));

	if (!r)
		c->patterns[c->n_patterns++] = *p;
	return r;
}

int criteria_set_size(struct criteria *c, const char *range)
{
	c->sized = true;
	return size_parse_range(range, &c->least_bytes, &c->most_bytes);
}

int criteria_set_types(struct criteria *c, const char *letters)
{
	size_t n = 0;

	for (; *letters; letters++) {
		if (!strchr(TYPE_LETTERS, *letters))
			return -EINVAL;
		if (!memchr(c->types, *letters, n))
			c->types[n++] = *letters;
		letters += letters[1] == ',' && letters[2];
	}
	c->types[n] = '\0';
	return n ? 0 : -EINVAL;
}

bool criteria_ask_for_paths(const struct criteria *c)
{
	for (size_t i = 0; i < c->n_patterns; i++)
		if (c->patterns[i].of_path)
			return true;
	return false;
}

/* As find has it: a star stands for any text, also with slashes, and with a dot at its beginning. */
static bool fits(const struct pattern *p, const char *path)
{
	const char *slash = strrchr(path, '/'), *glob = p->glob;

	if (p->of_path)
		glob += glob[0] == '/';
	else if (slash)
		path = slash + 1;
	return fnmatch(glob, path, p->any_case ? FNM_CASEFOLD : 0) == 0;
}

/* Of the patterns of names, and of those of paths, one each. */
static bool fits_any(const struct criteria *c, bool of_path, const char *path)
{
	bool asked = false;

	for (size_t i = 0; i < c->n_patterns; i++) {
		if (c->patterns[i].of_path != of_path)
			continue;
		asked = true;
		if (fits(&c->patterns[i], path))
			return true;
	}
	return !asked;
}

bool criteria_hold(const struct criteria *c, const struct criteria_file *file)
{
	if (c->types[0] && !strchr(c->types, type_letter(file->mode)))
		return false;
	if (c->sized && (!S_ISREG(file->mode) || file->bytes < c->least_bytes || file->bytes > c->most_bytes))
		return false;
	return file->mtime >= c->newer && file->mtime < c->older && fits_any(c, false, file->path) &&
	       fits_any(c, true, file->path);
}
