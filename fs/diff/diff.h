/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * diff.h - what is different between two trees of one disc: of two sessions, or of a session and what is staged
 *
 *	diff_trees(&options, &ret) -> ret.changes[], ret.count -> diff_release
 *
 * Both trees are walked side by side.  A directory whose records lie at the same place in both is the same, with all
 * that is below it, since blocks of a disc never change: it is not read.  So the cost follows the difference, as far
 * as trees are linked.
 *
 * A file or directory that is at another place is told by its serial number; of trees whose numbers have nothing to do
 * with each other (sessions of other programs) a file by the place of its content, and a directory not at all.  A
 * directory that was renamed is one change; what is different below it is told by its names now.
 *
 * Threads: none of its own; reads the disc.  A directory that cannot be read is told, and nothing is said of what is
 * in it.  Errors: -ENOMEM, -ENAMETOOLONG paths take too much memory, what disc_read() says but -EIO and -EBADMSG.
 */
#ifndef FS_DIFF_DIFF_H
#define FS_DIFF_DIFF_H

#include "fs/iso/iso.h"

struct diff_overlay;
/* One of them. */
struct diff_tree {
	struct iso *iso;		    /* NULL: nothing */
	const struct diff_overlay *overlay; /* NULL, or what is staged above it (overlay.h) */
};

struct diff_change;
struct diff_options {
	struct diff_tree old, new;
	bool by_number; /* what has the same number in both is the same */
	bool counted;	/* no list: what is new is only counted, and takes no memory */
	/* Nothing is left out by which one tree could be told from the other: times of directories, of access, which
	 * names are one file; what has another number under one name counts as changed content */
	bool exact;
	bool no_renames; /* what is elsewhere was deleted there and added here */
	/* NULL, or told at once of most files that are new, which are not counted then, and not listed: many take no
	 * memory.  The path is good as long as the call; what it returns, if not 0, ends all */
	int (*fresh)(void *context, const struct diff_change *c);
	/* content from there on is new in the newer tree, other content is shared; bytes on the disc */
	uint64_t new_from;
	/* NULL, or asked now and then: what it returns, if not 0, ends all */
	int (*pace)(void *context);
	/* what cannot be read: a directory of the older or the newer tree, or a file (its content or attributes, which
	 * count as changed); what it returns, if not 0, ends all */
	int (*lost)(void *context, const char *path, bool newer, int error);
	void *context;
};

struct diff_change {
	/* 'A' added, 'D' deleted, 'M' changed, 'R' renamed; what is of another type now was deleted and added */
	char kind;
	bool content, attributes; /* M, R: what of it is different: content (target, device), mode, owner, time, … */
	uint32_t mode;		  /* D: as it was */
	struct timespec mtime;	  /* D: as it was */
	const char *path, *from;  /* without a slash before them; from: NULL but of R */
	uint64_t bytes;		  /* size; D: as it was */
	uint64_t new_bytes;	  /* of that, what the newer tree does not share with what is older */
};

/* Files of any type but directories, by their names.  One that was renamed and changed counts as both. */
struct diff_count {
	uint64_t added, changed, renamed, deleted;
	uint64_t renamed_directories;
	uint64_t new_bytes, shared_bytes; /* content of what was added or changed, each block once */
};

struct diff {
	struct diff_change *changes; /* by path */
	size_t n;
	struct diff_count count;
	bool complete; /* nothing was lost */
	struct diff_memory *memory;
};

int diff_trees(const struct diff_options *options, struct diff *ret);
/* Of two that are the same file: does anything differ that diff_trees() tells?  Errors of the disc as well. */
int diff_files(const struct diff_tree *old_tree, const struct iso_entry *old, const struct diff_tree *new_tree,
	       const struct iso_entry *new, bool *ret);
void diff_release(struct diff *d); /* fine on a zeroed one */
#define _cleanup_diff_ __attribute__((cleanup(diff_release)))

#endif
