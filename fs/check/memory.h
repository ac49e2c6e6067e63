/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * memory.h - what is remembered of the checks of a disc: which blocks were read since it was begun anew, when it was
 * read as a whole, and how well it could be read
 *
 *	memory_load -> memory_gap … memory_cover … memory_save … -> memory_release
 *
 * One file for each disc in the user's state, exchanged as a whole.  It is the user's own, and parsed as if it were
 * not: what makes no sense is as good as none.
 */
#ifndef FS_CHECK_MEMORY_H
#define FS_CHECK_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cdappendfs/disc.h"

#define MEMORY_PARTS 256u /* of blocks that were read; more are counted as not read */
#define MEMORY_CHECKS 16u /* that are remembered */

struct memory_check {
	int64_t time; /* seconds UTC */
	uint64_t sectors, retries, read_ns;
};
/* Blocks [from, to). */
struct memory_part {
	uint64_t from, to;
};
struct memory {
	char name[128]; /* of its file */
	/* of this round, which ends when all was read: */
	struct memory_part parts[MEMORY_PARTS]; /* ascending, none touches the next */
	size_t n_parts;
	bool damaged;	    /* something was found */
	int64_t whole_time; /* when the last round ended; 0: never */
	bool whole_sound;
	struct memory_check checks[MEMORY_CHECKS]; /* the oldest first */
	size_t n_checks;
};

/* Of that disc; path tells copies of an image apart, NULL: a drive.  Without one it is empty: 0.  fd: the directory. */
int memory_load(int fd, const struct disc_identity *identity, const char *path, struct memory *ret);
/* The line of such a file into an empty one; false: it makes no sense. */
bool memory_parse(const char *line, struct memory *m);
/* Exchanges the file, durably. */
int memory_save(int fd, const struct memory *m);
/* Those blocks were read. */
void memory_cover(struct memory *m, uint64_t from, uint64_t to);
/* The first blocks below end_sectors that were not read in this round; false: all were. */
bool memory_gap(const struct memory *m, uint64_t end_sectors, struct memory_part *ret);
uint64_t memory_covered(const struct memory *m, uint64_t end_sectors);
/* If all was read: the round ends now. */
bool memory_end_round(struct memory *m, uint64_t end_sectors, int64_t now);
void memory_add_check(struct memory *m, struct memory_check check);

enum memory_trend {
	MEMORY_RETRIES = 1, /* more blocks than before had to be read again */
	MEMORY_SLOWER = 2,  /* each took half as long again, and more */
};
/* The last check against the one before. */
unsigned memory_trend(const struct memory *m);

#endif
