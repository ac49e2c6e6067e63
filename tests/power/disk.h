/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * disk.h - what a disk may hold after a power cut, from the record of what was done to it
 *
 *	disk_open (what is there is durable) -> (a recorded program runs) -> disk_load -> disk_build … -> disk_free
 *
 * What is asked of the host's file system is what POSIX says and no more: what was written before an fsync of the
 * file is there, and the names made, changed or removed in a directory before an fsync of the directory.  Of
 * everything else
 *	a sector of a file holds what it held at any one time since (sectors of 512 or 4096 bytes, each on its own:
 *		writes are torn);
 *	the length is that of any one time since; what it gained without its data reads as zeros, or as anything;
 *	a change of a directory is there or not, but not before an earlier one of the same name; a
 *		directory goes after what was in it.
 */
#ifndef TESTS_POWER_DISK_H
#define TESTS_POWER_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/power/log.h"

struct disk;

enum disk_how {
	DISK_ALL,      /* as after kill -9: everything */
	DISK_NONE,     /* only what is durable */
	DISK_SIZES,    /* names and lengths, no data */
	DISK_DATA,     /* data and lengths, no names */
	DISK_BUT_ONE,  /* all but what one file or directory had pending */
	DISK_ONLY_ONE, /* nothing but that */
	DISK_PREFIXES, /* each file as of some time */
	DISK_RANDOM,   /* each sector, length and name as of some time */
	DISK_HOWS
};
struct disk_cut {
	size_t at;
	enum disk_how how;
	uint64_t seed;
}; /* at: records that were begun and ended */

/* The record began with what lies below root now, or with nothing there. */
enum disk_begun { DISK_AS_IT_IS, DISK_EMPTY };
/* keep: a path beside root where the file "image" gets a second name, so that its inode survives. */
struct disk *disk_open(const char *root, const char *keep, enum disk_begun begun);
void disk_load(struct disk *d, const char *log);
size_t disk_records(const struct disk *d);
/* data: of marks and unknown calls */
const struct power_record *disk_record(const struct disk *d, size_t i, const char **ret_data);
/* Makes root hold that state. */
void disk_build(struct disk *d, const struct disk_cut *cut);
/* Did the record miss nothing?  Compares root with the state after all of it; says what differs. */
bool disk_is_complete(struct disk *d);
/* Whether anything was not durable at that moment. */
bool disk_has_pending(const struct disk *d, size_t at);
void disk_free(struct disk *d);

static inline uint64_t disk_hash(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t x = a * 0x9e3779b97f4a7c15u + b * 0xc2b2ae3d27d4eb4fu + c * 0x165667b19e3779f9u + 0x27d4eb2f165667c5u;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

#define NEED(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s: %m\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

#endif
