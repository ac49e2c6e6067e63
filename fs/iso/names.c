/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * names.c - the names of a tree that Joliet has otherwise, or that Windows cannot open
 *
 * Which Joliet name a record of ours has follows from its name and the attempt that it tells.  The names of another
 * program's session are taken for those that the next session of ours gives.
 */
#include "fs/iso/internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/format/joliet.h"
#include "burner/format/shown_name.h"

struct names {
	const struct iso_shown *asked;
	char *directory;   /* of the entry before, with a slash at the end */
	struct idmap keys; /* of its names, without their capitals */
};

static void names_release(struct names *n)
{
	idmap_release(&n->keys);
	free(n->directory);
}

/* Entries come directory by directory. */
static int enter_directory(struct names *n, const char *path, size_t bytes)
{
	if (n->directory && strlen(n->directory) == bytes && memcmp(n->directory, path, bytes) == 0)
		return 0;
	idmap_release(&n->keys);
	free(n->directory);
	n->directory = strndup(path, bytes);
	return n->directory ? 0 : -ENOMEM;
}

int iso_shown_name(const struct iso_shown *asked, const char *path, uint32_t attempt, unsigned flags)
{
	const char *name = strrchr(path, '/') + 1;
	uint8_t joliet[2 * JOLIET_TEXT_MAX];
	char shown[256], words[SHOWN_WORDS_BYTES];
	unsigned bytes = joliet_attempted(name, attempt, joliet);

	flags |= shown_flags(name, joliet, bytes);
	if (!flags)
		return 0;
	shown[joliet_utf8(joliet, bytes, shown)] = 0;
	return asked->found(asked->context, path, shown, shown_words(flags, words));
}

static int take_entry(void *context, const char *path, const struct iso_entry *e)
{
	struct names *n = context;
	uint32_t attempt = e->joliet_attempt ? e->joliet_attempt - 1 : 0;
	uint8_t joliet[2 * JOLIET_TEXT_MAX];
	uint64_t key;
	int r;

	if ((!S_ISDIR(e->mode) && !S_ISREG(e->mode)) || !path[1])
		return 0; /* not in Joliet; the root */
	r = enter_directory(n, path, (size_t)(strrchr(path, '/') + 1 - path));
	if (r)
		return r;
	key = shown_case_key(joliet, joliet_attempted(e->name, attempt, joliet)) >> 1; /* none that is no key */
	if (idmap_get(&n->keys, key, NULL))
		return iso_shown_name(n->asked, path, attempt, SHOWN_CASE);
	r = idmap_reserve(&n->keys, 1);
	if (r)
		return r;
	idmap_put(&n->keys, key, 1);
	return iso_shown_name(n->asked, path, attempt, 0);
}

int iso_shown_names(struct iso *iso, const struct iso_shown *asked, char ret_where[ISO_WHERE_BYTES])
{
	_cleanup_(names_release) struct names n = {.asked = asked};

	return iso_walk(iso, &(struct iso_walk){.found = take_entry, .context = &n}, ret_where);
}
