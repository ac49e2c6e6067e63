/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * span.h - which of what is staged this disc takes, and what waits for the next ones
 *
 *	span_find -> span->entries[], … -> tree_freeze_span, or a listing -> span_free
 *
 * What is new and holds nothing of this disc may go to any: that are entries of directories that are on it (on a blank
 * one: of the root), each whole, with all below it.  One that is larger than a disc is opened, and its own entries are
 * placed instead, down to single files.  Names of one file stay together.  All else, changes of what is on the disc,
 * can only go to this one.  Costs are upper bounds, as all of fs/tree/space.c; the plan of the commit says what is
 * true.
 *
 * With SPAN_SPLIT a file that is larger than a disc is there as its parts (split.h), which are to be made before it
 * can be frozen so.
 *
 * Threads: the commit's, or one that asks for a list.  No lock is held while the disc is read.
 */
#ifndef FS_TREE_SPAN_H
#define FS_TREE_SPAN_H

#include "burner/base/idset.h"
#include "burner/base/own.h"
#include "fs/tree/split.h"
#include "fs/tree/tree.h"

struct span_entry {
	char *path;	  /* in the mount, without a slash before it */
	const char *name; /* its last part */
	uint64_t parent, ino;
	uint64_t bytes; /* of content, with all below */
	uint64_t cost;	/* of a session, at most, bytes */
	uint32_t disc;	/* from 0, this one */
	bool here;	/* one of its files has a name that can only be on this disc */
	bool opens;	/* it is to be opened: with what its files have names in it is too large */
	size_t above;	/* that was opened for it, or SPAN_NONE */
	size_t group;	/* its first entry: those of one group lie together */
};
#define SPAN_NONE SIZE_MAX

struct span_opened {
	struct span_entry entry;
	bool kept;  /* something below it goes onto this disc */
	bool noted; /* it is among the held */
};

/* A directory that is on the disc and has something staged in it. */
struct span_way {
	uint64_t ino, parent;
	char *name;
};

/* What can only go to this disc. */
struct span_tied {
	char *path;
	uint64_t bytes; /* new ones */
};

struct span {
	struct span_entry *entries; /* by path; those that may go to any disc */
	size_t n, capacity;
	struct span_opened *opened; /* larger than a disc */
	size_t n_opened, opened_capacity;
	struct span_tied *tied;
	size_t n_tied, tied_capacity;
	uint32_t n_discs;    /* this one among them */
	uint64_t here_bytes; /* what can only go to this disc takes so much, with what each session has */
	uint64_t held_bytes; /* content that waits */
	bool ways_changed;   /* directories that are on this disc have other attributes, for which it has room */
	/* what is held back: entries, or what was opened of which nothing goes onto this disc */
	const struct span_entry **held;
	size_t n_held;
	struct span_way *ways; /* by number */
	size_t n_ways;
	struct idset nodes; /* all that is held … */
	uint64_t next_ino;  /* … and what is made from here on */
	/* of SPAN_SPLIT, in the order in which they are to be made: files that come of one have the next numbers */
	struct split *splits;
	size_t n_splits, splits_capacity;
	uint64_t splits_cost; /* more than the files themselves; bytes */
};

enum span_flags { SPAN_SPLIT = 1 << 0 };
/*
 * -ENODATA: nothing is staged; -EBUSY: a session is being burned; with *ret_why (allocated): -EFBIG something is larger
 * than any disc; -ENOSPC what can only go to this disc does not fit on it; of SPAN_SPLIT -EEXIST, -ENAMETOOLONG a name
 * of a part cannot be.
 */
int span_find(struct tree *t, unsigned flags, struct span **ret, char **ret_why);
/* Its files become parts: of a copy of the rows. */
int span_split_rows(const struct span *s, struct stage_snapshot *rows);
/*
 * Extended attributes of directories that several discs will have, which only the disc has so far, are put into their
 * rows: before the freeze.  What is damaged stays where it is.  -EAGAIN, -ENOMEM.
 */
int span_keep_attributes(struct tree *t, const struct span *s);
void span_free(struct span *s);
DEFINE_FREEP(struct span, span_free)

/* As tree_freeze(), without what is held (NULL: nothing is): that is of the next generation.  -EAGAIN: it has changed
 * since; -ENODATA: all is held, this disc takes nothing of it.  Then nothing is frozen. */
int tree_freeze_span(struct tree *t, unsigned flags, const struct span *held, struct tree_frozen *ret);
/* As tree_preview(), likewise. */
int tree_preview_span(struct tree *t, unsigned flags, const struct span *held, struct tree_frozen *ret);

/* Has it nothing of the disc, as far as the row tells? */
bool span_row_is_new(const struct stage_node *row);

#endif
