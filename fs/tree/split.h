/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * split.h - a file that is larger than a disc becomes parts, which `cat` joins
 *
 *	split_plan -> split_rows, of a copy of the rows, to see what comes of it; or split_file, of what is staged
 *	-> split_release
 *
 * Each part is a file of its own, with the attributes of the whole: NAME.part-1-of-3.  Beside each is a text,
 * NAME.sha256-1-of-3, with digests of all parts and of the whole in the form of sha256sum, and how they are joined.
 * Names that one file has are names of each part.  No data is copied: the parts are ranges of the file's bodies.
 *
 * Threads: the commit's, or one that asks for a list.
 */
#ifndef FS_TREE_SPLIT_H
#define FS_TREE_SPLIT_H

#include <limits.h>

#include "burner/base/sha256.h"
#include "fs/stage/stage.h"
#include "fs/tree/tree.h"

struct split_name {
	uint64_t parent;
	char *path;
	const char *name; /* its last part */
};

struct split {
	uint64_t ino, size;
	uint64_t first_bytes, each_bytes; /* of the first part, of the others but the last; blocks */
	uint32_t n_parts;
	struct split_name *names;
	size_t n_names;
};

/* Room for a part, bytes: on the disc that has most left, and on a blank one.  listed: content tables are written. */
struct split_rooms {
	uint64_t left, blank;
	bool listed;
};

/* Of a file of so many names, once those and the size are there: how large the parts are.  -EFBIG: discs are too small
 * for that, or parts would be too many; -ENAMETOOLONG: a name has no room for its number. */
int split_plan(struct split *s, const struct split_rooms *rooms);
void split_release(struct split *s);

#define SPLIT_PART "part"
#define SPLIT_TEXT "sha256"
/* NAME.KIND-2-of-3: part from 0.  -ENAMETOOLONG */
int split_name(const struct split *s, size_t name, const char *kind, uint32_t part, char ret[NAME_MAX + 1]);
/* Is that the name of such a text?  Then of the part beside it. */
bool split_part_of_text(const char *name, char ret[NAME_MAX + 1]);
uint64_t split_part_bytes(const struct split *s, uint32_t part);
/* That text; to be freed.  digests: of the whole, then of the parts; NULL: zeros stand for them. */
char *split_text(const struct split *s, size_t name, uint32_t part, const uint8_t (*digests)[SHA256_BYTES],
		 size_t *ret_length);

/* What a file costs a session at most, all its names together, bytes. */
uint64_t split_file_cost(uint64_t size, uint64_t names, bool listed);
/* How much more the parts cost than the file did. */
uint64_t split_more_cost(const struct split *s, bool listed);

/* Files that come of it: their numbers, from the first one on, are given. */
static inline uint64_t split_files(const struct split *s) { return s->n_parts * (uint64_t)(1 + s->n_names); }
/* The copy as it will be.  Content of texts is zeros there. -EAGAIN: the rows are other ones. */
int split_rows(const struct split *s, struct stage_snapshot *rows, uint64_t first_ino);

/* What is staged: all of it, durably, or nothing.  It is read for the digests; pace (NULL: none) is asked now and then,
 * and what it returns but 0 ends it.  -EBUSY with *ret_why: it is open; -EAGAIN: it has changed since. */
int split_file(struct tree *t, const struct split *s, int (*pace)(void *context), void *context, char **ret_why);

#endif
