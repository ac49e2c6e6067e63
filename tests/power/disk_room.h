/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * disk_room.h - what disk.c (the record, and what of it is there) and disk_files.c (a state as real files) share
 */
#ifndef TESTS_POWER_DISK_ROOM_H
#define TESTS_POWER_DISK_ROOM_H

#include "tests/power/disk.h"

struct object {
	uint64_t ino;
	bool directory;
	uint8_t *first; /* content when the record began */
	uint64_t first_bytes, most_bytes;
};

struct name {
	size_t dir, object;
	char *name;
}; /* object: NO_OBJECT when it is gone */
#define NO_OBJECT SIZE_MAX

struct step {
	struct power_record r;
	const char *name, *name2;
	const uint8_t *data;
	size_t object, dir, dir2;
};

struct disk {
	char *root, *keep;
	struct object *objects;
	size_t n_objects; /* 0: root */
	struct name *first;
	size_t n_first;
	struct step *steps;
	size_t n_steps;
	uint8_t *log;
	/* while a state is built */
	const struct disk_cut *cut;
	size_t *durable; /* object -> its last fsync's record + 1 */
	struct name *names;
	size_t n_names;
	size_t one; /* of DISK_BUT_ONE, DISK_ONLY_ONE */
	uint64_t sector_bytes;
	bool garbage;
};

/* One file of the state that is being built; bytes: allocated. */
struct content {
	size_t object;
	uint8_t *bytes;
	uint64_t length, capacity;
};

/* disk.c */
uint8_t *disk_read_file(const char *path, uint64_t *ret_bytes); /* allocated, with a terminator */
void disk_begin_state(struct disk *d, const struct disk_cut *cut);
void disk_end_state(struct disk *d);
struct name *disk_name_at(struct disk *d, size_t dir, const char *name);
void disk_build_content(const struct disk *d, struct content *c);

#endif
