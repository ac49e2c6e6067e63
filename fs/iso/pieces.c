/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pieces.c - the files of a tree that have several sections, found by reading all of it
 */
#include "fs/iso/iso.h"

#include <sys/stat.h>

#include "burner/base/idset.h"

struct count {
	const struct iso_pieces *asked;
	struct idset linked; /* numbers of files with several names */
	uint64_t files;
};

/* Another name of a file that was counted? */
static int is_known(struct count *c, const struct iso_entry *e)
{
	int r = e->nlink > 1 ? idset_reserve(&c->linked, 1) : 0;

	if (r || e->nlink < 2)
		return r;
	if (idset_has(&c->linked, e->ino))
		return 1;
	idset_add(&c->linked, e->ino);
	return 0;
}

static int take_entry(void *context, const char *path, const struct iso_entry *e)
{
	struct count *c = context;
	int known;

	if (S_ISDIR(e->mode) || e->n_sections < 2)
		return 0;
	known = is_known(c, e);
	if (known < 0)
		return known;
	c->files += !known;
	return c->asked->found(c->asked->context, path, e);
}

int iso_pieces(struct iso *iso, const struct iso_pieces *asked, uint64_t *ret_files, char ret_where[ISO_WHERE_BYTES])
{
	struct count c = {.asked = asked};
	int r = iso_walk(iso, &(struct iso_walk){.found = take_entry, .context = &c}, ret_where);

	idset_release(&c.linked);
	if (!r)
		*ret_files = c.files;
	return r;
}
