/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * internal.h - what the files of this room share
 *
 *	diff.c		the walk over both trees, and what comes of it
 *	candidates.c	names of one tree alone, until it is known where else they are
 *	list.c		the names of a directory
 *	same.c		are two of them the same?
 *	overlay.c	what is staged, laid over a session
 */
#ifndef FS_DIFF_INTERNAL_H
#define FS_DIFF_INTERNAL_H

#include "burner/base/arena.h"
#include "burner/base/idmap.h"
#include "burner/base/idset.h"
#include "burner/base/numbers.h"
#include "fs/diff/diff.h"

#define DIFF_NO_NODE 0u /* of an overlay: nothing is staged there */

/* A directory of one tree. */
struct diff_dir {
	struct iso_extent at; /* bytes 0: it has no records on the disc */
	uint32_t node;	      /* of the overlay, or DIFF_NO_NODE */
};

/* One name, as long as its arena. */
struct diff_entry {
	const char *name;
	uint64_t ino, size, rdev, xattrs_at;
	struct timespec mtime, atime;
	uint32_t mode, uid, gid, nlink, n_extents;
	const struct extent *extents;
	struct zisofs zisofs;
	const char *target; /* symbolic links */
	struct diff_dir dir;
	/* of the stage, which tells what is different from the session below: */
	bool staged_content, staged_attributes;
	uint64_t staged_bytes;
	const char *staged_path; /* where these can be looked at */
};

struct diff_list {
	struct arena arena;
	struct diff_entry *entries; /* by name */
	size_t n;
};

/* All of it, or an error. */
int diff_list(const struct diff_tree *t, const struct diff_dir *dir, struct diff_list *ret);
void diff_list_release(struct diff_list *l);
/* A copy of all that e points to, owned by the arena. */
int diff_entry_keep(struct arena *a, const struct diff_entry *e, struct diff_entry *ret);
/* What list.c does with an entry of a session; owned by the arena. */
int diff_entry_of(struct arena *a, const struct iso_entry *e, struct diff_entry *ret);
int diff_root(const struct diff_tree *t, struct arena *a, struct diff_entry *ret);

/* 1: differ, 0, or an error.  Contents of the same length at other places are compared byte by byte. */
int diff_content(const struct diff_options *o, const struct diff_entry *old, const struct diff_entry *new);
int diff_attributes(const struct diff_options *o, const struct diff_entry *old, const struct diff_entry *new);

/* A name of one tree alone, or one that is another file in the other tree. */
struct candidate {
	struct diff_entry e;
	const char *path;
	uint32_t twin;		 /* the other tree's candidate with that path, or NUMBERS_NONE */
	uint32_t match;		 /* the other tree's candidate that it is, or NUMBERS_NONE */
	uint32_t above;		 /* the candidate that was opened and has it, or NUMBERS_NONE */
	uint32_t first, n_below; /* of one that was opened: what it has, by name */
	bool opened;		 /* a directory: what is in it are candidates, too, or it was compared */
	bool paired;		 /* it was compared */
};
struct candidates {
	struct candidate *list;
	size_t n, capacity;
	struct numbers by_key;
};

struct pair {
	struct diff_dir old, new;
	const char *old_path, *path; /* "" the root */
};

struct diff_memory {
	struct arena arena;
	uint64_t path_bytes;
};

struct walk {
	const struct diff_options *o;
	struct diff *d;
	struct pair *pairs;
	size_t n_pairs, pairs_capacity;
	struct candidates gone, come; /* of the older tree, of the newer one */
	struct iso_room old_room, new_room;
	uint64_t old_next_ino;		/* numbers from there on are of nothing in the older tree; 0: not known */
	struct idmap links_of, n_links; /* exact: see candidates.c */
	struct idset counted;		/* blocks where content begins that was counted */
	size_t changes_capacity;
};

/* NULL: no memory, or too much of it (errno). */
const char *walk_path(struct walk *w, const char *directory, const char *name);
int walk_push(struct walk *w, const struct pair *p);
/* The disc's errors are told; others are returned. */
int walk_lost(struct walk *w, const char *path, bool newer, int error);
/* 1: it was read; 0: it is lost, which was told. */
int walk_list(struct walk *w, bool newer, const struct diff_dir *dir, const char *path, struct diff_list *ret);
/* Both are there and the same file; from: NULL, or where it was. */
int walk_compare(struct walk *w, const struct diff_entry *old, const struct diff_entry *new, const char *path,
		 const char *from);
int walk_change(struct walk *w, const struct diff_change *c, const struct diff_entry *e);

int candidates_add(struct walk *w, bool newer, const char *directory, const struct diff_entry *e, uint32_t *ret);
/* Directories that are in both trees at different places become pairs, and those that only one has are opened: 1, as
 * long as there was something to do. */
int candidates_settle(struct walk *w);
/* And when nothing is: the changes that they are. */
int candidates_conclude(struct walk *w);
void candidates_release(struct candidates *c);

/* ---- overlay.c ---- */
/* The names of a directory as they are staged, of which `below` has those of the session; both by name. */
int overlay_apply(const struct diff_overlay *o, const struct diff_dir *dir, struct diff_list *list);
int overlay_root(const struct diff_overlay *o, struct arena *a, struct diff_entry *ret);
/* Of what is staged there. */
int overlay_read(const struct diff_overlay *o, const char *path, uint64_t offset, void *buf, size_t length);
int overlay_xattrs(const struct diff_overlay *o, const char *path, uint8_t **ret, size_t *ret_bytes);

#endif
