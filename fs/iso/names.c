/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * names.c - the names of a tree that Joliet has otherwise, or that Windows cannot open
 *
 * Which Joliet name a record of ours has follows from its name and the attempt that it tells.  The names of another
 * program's session are taken for those that the next session of ours gives.
 */
#include "fs/iso/internal.h"

#include <stdio.h>
#include <sys/stat.h>

#include "burner/format/joliet.h"
#include "burner/format/shown_name.h"

struct names {
	const struct iso_shown *asked;
	struct idmap keys; /* of the directory's names, without their capitals */
};

static void names_release(struct names *n) { idmap_release(&n->keys); }

static void begin_directory(void *context)
{
	struct names *n = context;

	idmap_release(&n->keys);
}

int iso_shown_name(const struct iso_shown *asked, const char *directory, const char *name, uint32_t attempt,
		   unsigned flags)
{
	uint8_t joliet[2 * JOLIET_TEXT_MAX];
	char shown[256], words[SHOWN_WORDS_BYTES];
	_free_ char *path = NULL;
	unsigned bytes = joliet_attempted(name, attempt, joliet);

	flags |= shown_flags(name, joliet, bytes);
	if (!flags)
		return 0;
	shown[joliet_utf8(joliet, bytes, shown)] = 0;
	if (asprintf(&path, "%s/%s", directory, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	return asked->found(asked->context, path, shown, shown_words(flags, words));
}

static int take_entry(void *context, const char *directory, const struct iso_entry *e)
{
	struct names *n = context;
	uint32_t attempt = e->joliet_attempt ? e->joliet_attempt - 1 : 0;
	uint8_t joliet[2 * JOLIET_TEXT_MAX];
	uint64_t key;
	int r;

	if (!S_ISDIR(e->mode) && !S_ISREG(e->mode))
		return 0;
	key = shown_case_key(joliet, joliet_attempted(e->name, attempt, joliet)) >> 1; /* none that is no key */
	if (idmap_get(&n->keys, key, NULL))
		return iso_shown_name(n->asked, directory, e->name, attempt, SHOWN_CASE);
	r = idmap_reserve(&n->keys, 1);
	if (r)
		return r;
	idmap_put(&n->keys, key, 1);
	return iso_shown_name(n->asked, directory, e->name, attempt, 0);
}

int iso_shown_names(struct iso *iso, const struct iso_shown *asked, char ret_where[ISO_WHERE_BYTES])
{
	_cleanup_(names_release) struct names n = {.asked = asked};

	return iso_walk(iso, &(struct iso_walk){begin_directory, take_entry, &n}, ret_where);
}
