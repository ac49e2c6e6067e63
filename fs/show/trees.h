/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * trees.h - the directories of several sessions as JSON, each once
 *
 *	struct trees t = {0};
 *	trees_add(&t, iso, &root) for each session -> trees_print -> trees_release
 *
 * A directory is an object {n k s t}: the names, with a slash between them (no name has one); a letter for each, of its
 * type as in find -type, 'x' of a directory that is lost; the sizes of files and the places of directories in the
 * list; the times of change in seconds, each but the first as the difference to the one before.  "e":1: there may be
 * more names, which cannot be read.
 *
 * Threads: one.
 */
#ifndef FS_SHOW_TREES_H
#define FS_SHOW_TREES_H

#include <stdio.h>

#include "burner/base/arena.h"
#include "burner/base/idmap.h"
#include "burner/base/table.h"
#include "fs/iso/iso.h"

struct trees {
	struct arena arena;
	const char **texts;
	size_t n, capacity;
	struct table same;  /* texts, by their hash */
	struct idmap known; /* places of directories on the disc, of sessions of one kind */
	uint64_t lost;
	unsigned kind;
};

/* *ret_root: the place of its root in the list.  Directories that cannot be read, or are in themselves, are marked and
 * counted; -ENODEV, -ENOMEDIUM, -ENOMEM; what iso_root() says of the disc. */
int trees_add(struct trees *t, struct iso *iso, size_t *ret_root);
/* An array. */
void trees_print(const struct trees *t, FILE *out);
void trees_release(struct trees *t);

#endif
