/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pieces.c - the files of a tree that have several sections
 */
#include "fs/iso/internal.h"

#include <stdio.h>
#include <sys/stat.h>

#include "burner/base/idset.h"

struct pieces {
	const struct iso_pieces *asked;
	struct idset linked; /* numbers of files with several names */
	uint64_t files;
};

static void pieces_release(struct pieces *p) { idset_release(&p->linked); }

/* Another name of a file that was counted? */
static int is_known(struct pieces *p, const struct iso_entry *e)
{
	int r = e->nlink > 1 ? idset_reserve(&p->linked, 1) : 0;

	if (r || e->nlink < 2)
		return r;
	if (idset_has(&p->linked, e->ino))
		return 1;
	idset_add(&p->linked, e->ino);
	return 0;
}

static int take_entry(void *context, const char *directory, const struct iso_entry *e)
{
	struct pieces *p = context;
	_free_ char *name = NULL;
	int known;

	if (S_ISDIR(e->mode) || e->n_sections < 2)
		return 0;
	if (asprintf(&name, "%s/%s", directory, e->name) < 0) {
		name = NULL;
		return -ENOMEM;
	}
	known = is_known(p, e);
	if (known < 0)
		return known;
	p->files += !known;
	return p->asked->found(p->asked->context, name, e);
}

int iso_pieces(struct iso *iso, const struct iso_pieces *asked, uint64_t *ret_files, char ret_where[ISO_WHERE_BYTES])
{
	_cleanup_(pieces_release) struct pieces p = {.asked = asked};
	int r = iso_walk(iso, &(struct iso_walk){.entry = take_entry, .context = &p}, ret_where);

	if (!r)
		*ret_files = p.files;
	return r;
}
