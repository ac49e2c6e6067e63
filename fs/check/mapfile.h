/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mapfile.h - map files of ddrescue: which blocks of a copy could be read
 *
 * GNU ddrescue manual, "Mapfile structure": comments begin with '#'; the first line that is none is the place where
 * ddrescue was; each other one is a position, a size, both in bytes, and a status.  All but '+' could not be read, or
 * was not yet: '?' not tried, '*' read in large pieces only, '/' in smaller ones, '-' each block.
 */
#ifndef FS_CHECK_MAPFILE_H
#define FS_CHECK_MAPFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Bytes [from, to). */
struct map_gap {
	uint64_t from, to;
	char status;
};
struct mapfile {
	struct map_gap *gaps; /* that were not read; ascending, none touches the next of the same status */
	size_t n, capacity;
	uint64_t end; /* of what the text that was parsed tells about */
};
/* The whole text. -EINVAL: line *ret_line makes no sense (positions must ascend); -EFBIG: it has too many; -ENOMEM. */
int mapfile_parse(const char *text, size_t length, struct mapfile *ret, unsigned *ret_line);
void mapfile_release(struct mapfile *m);
/* A file. -EINVAL with a message; other errors too. */
int mapfile_read(const char *path, struct mapfile *ret, char **ret_why);
/* Reads of blocks in a gap are errors at once.  Takes the disc over, also when it returns NULL: no memory; borrows the
 * map. */
struct disc;
struct disc *mapfile_wrap(struct disc *inner, const struct mapfile *map);
/* A further one, behind all that there are; of blocks that were tried. */
int mapfile_add(struct mapfile *m, uint64_t pos, uint64_t bytes);
/* The same of any status but '+'. */
int mapfile_append(struct mapfile *m, struct map_gap gap);
/* Those bytes have that status from now on, which is not '+'.  -ENOMEM, -EFBIG: what they had is lost. */
int mapfile_mark(struct mapfile *m, struct map_gap gap);
/* The first bytes of that status from pos on, as far as they go. */
bool mapfile_next(const struct mapfile *m, char status, uint64_t pos, struct map_gap *ret);
/* That are in gaps; status 0: of any. */
uint64_t mapfile_bytes(const struct mapfile *m, char status);

/* Where ddrescue, or who writes the map, was. */
struct map_place {
	uint64_t pos;
	char status; /* what it did: '?', '*', '/', '-' as above, '+' it is finished */
	unsigned pass;
};
/* The text of the map of `end` bytes.  made_by: of the comment. */
void mapfile_print(FILE *out, const struct mapfile *m, uint64_t end, const struct map_place *at, const char *made_by);
/* Exchanges that file for it, durably.  Errors with a message. */
int mapfile_save(const char *path, const struct mapfile *m, uint64_t end, const struct map_place *at,
		 const char *made_by, char **ret_why);
/* Those bytes are in no gap from now on. -ENOMEM, -EFBIG: all stays. */
int mapfile_fill(struct mapfile *m, uint64_t pos, uint64_t bytes);
/* Is any of these bytes in a gap? */
bool mapfile_has_gap(const struct mapfile *m, uint64_t pos, uint64_t bytes);

#endif
