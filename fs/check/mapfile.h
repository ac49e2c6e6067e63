/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mapfile.h - what a map file of ddrescue says of a copy: which of its blocks could be read
 *
 * GNU ddrescue manual, "Mapfile structure": comments begin with '#'; the first line that is none is the place where
 * ddrescue was; each other one is a position, a size, both in bytes, and a status.  All but '+' could not be read, or
 * was not yet.
 */
#ifndef FS_CHECK_MAPFILE_H
#define FS_CHECK_MAPFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes [from, to). */
struct map_gap {
	uint64_t from, to;
};
struct mapfile {
	struct map_gap *gaps; /* that were not read; ascending, none touches the next */
	size_t n, capacity;
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
/* A further one, behind all that there are. */
int mapfile_add(struct mapfile *m, uint64_t pos, uint64_t bytes);
/* Those bytes are in no gap from now on. -ENOMEM, -EFBIG: all stays. */
int mapfile_fill(struct mapfile *m, uint64_t pos, uint64_t bytes);
/* Is any of these bytes in a gap? */
bool mapfile_has_gap(const struct mapfile *m, uint64_t pos, uint64_t bytes);

#endif
