/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * log.h - what record.c writes down and disk.c reads: one record for each call that changed something below the root
 *
 * POWER_ROOT is the directory that is recorded, POWER_LOG the file (not below it).  Records are appended whole, so
 * their order is total, also with those of other processes: power_mark() puts down what a caller was told.
 */
#ifndef TESTS_POWER_LOG_H
#define TESTS_POWER_LOG_H

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum power_op {
	POWER_CREATE = 1, /* name in dir is the new file ino */
	POWER_MKDIR,
	POWER_LINK,	/* name in dir is ino too */
	POWER_SYMLINK,	/* data: target */
	POWER_UNLINK,	/* name in dir; rmdir too */
	POWER_RENAME,	/* name in dir becomes name2 in dir2; exchange: offset 1 */
	POWER_WRITE,	/* of ino, at offset, data */
	POWER_TRUNCATE, /* offset: new length */
	POWER_ZERO,	/* offset, length: a hole is punched */
	POWER_GROW,	/* offset: length it has at least (fallocate without KEEP_SIZE) */
	POWER_FSYNC,	/* of ino, a file or a directory; fdatasync too */
	POWER_SYNC,	/* of everything */
	POWER_MARK,	/* data: text */
	POWER_UNKNOWN,	/* data: name of a call whose effect is not recorded */
};

struct power_record {
	uint32_t op, name_bytes, name2_bytes, data_bytes;
	uint64_t ino, dir, dir2, offset, length;
}; /* followed by name, name2, data */

/* record.c: from now on, if POWER_ROOT and POWER_LOG are set. */
void power_record_begin(void);

static inline void power_append(int fd, const struct power_record *r, const char *name, const char *name2,
				const void *data)
{
	union {
		const void *in;
		void *out;
	} to_name = {name}, to_name2 = {name2}, to_data = {data}, to_record = {r};
	struct iovec parts[4] = {
		{to_record.out, sizeof(*r)},
		{to_name.out, r->name_bytes},
		{to_name2.out, r->name2_bytes},
		{to_data.out, r->data_bytes},
	};
	ssize_t all = (ssize_t)(sizeof(*r) + r->name_bytes + r->name2_bytes + r->data_bytes);

	if (writev(fd, parts, 4) != all)
		abort();
}

static inline void power_mark(const char *text)
{
	const char *path = getenv("POWER_LOG");
	struct power_record r = {.op = POWER_MARK, .data_bytes = (uint32_t)strlen(text)};
	int fd = path ? open(path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	power_append(fd, &r, "", "", text);
	close(fd);
}

#endif
