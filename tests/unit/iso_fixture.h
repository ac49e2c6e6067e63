/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * iso_fixture.h - what the iso_*_test programs share: a temporary directory of images, opening one, comparing a tree
 * with its source
 */
#ifndef TESTS_UNIT_ISO_FIXTURE_H
#define TESTS_UNIT_ISO_FIXTURE_H

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "fs/iso/iso.h"
#include "tests/unit/file_disc.h"

struct image {
	struct file_disc disc;
	struct iso *iso;
};

/* The directory's name is the group's state; the fixtures of the given sets are in it. */
static inline int fixtures_make(void **state, const char *sets)
{
	char command[512], *dir = strdup("/tmp/cdappendfs-iso-XXXXXX");

	if (!dir || !mkdtemp(dir))
		return -1;
	snprintf(command, sizeof(command), "tests/unit/make-iso-fixtures %s %s", dir, sets);
	*state = dir;
	return system(command) ? -1 : 0;
}

static inline int fixtures_remove(void **state)
{
	char command[512];

	snprintf(command, sizeof(command), "chmod -R u+rwX %s; rm -rf %s", (char *)*state, (char *)*state);
	free(*state);
	return system(command) ? -1 : 0;
}

static inline char *path_of(const char *dir, const char *name, char buf[4096])
{
	assert_in_range(snprintf(buf, 4096, "%s/%s", dir, name), 1, 4095);
	return buf;
}

static inline void image_open(struct image *m, const char *dir, const char *name, uint32_t descriptor_lba)
{
	char path[4096];
	int fd = open(path_of(dir, name, path), O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	file_disc_init(&m->disc, fd);
	assert_int_equal(iso_open(&m->disc.disc, descriptor_lba, &m->iso), 0);
}

static inline void image_close(struct image *m)
{
	iso_unref(m->iso);
	close(m->disc.fd);
}

/* Bytes of a regular file, plain or compressed. */
static inline int entry_read(struct iso *iso, const struct iso_entry *e, uint64_t offset, void *buf, size_t length)
{
	uint8_t *p = buf;

	if (zisofs_used(&e->zisofs))
		return iso_zisofs_read(iso_disc(iso), &e->zisofs, e->extents, e->n_extents, e->size, offset, buf,
				       length);
	for (uint32_t i = 0; i < e->n_extents && length; i++) {
		const struct extent *x = &e->extents[i];
		size_t n;
		int r;

		if (offset >= x->offset + x->length)
			continue;
		n = (size_t)min_u64(length, x->offset + x->length - offset);
		r = iso_read_disc(iso_disc(iso), x->pos + (offset - x->offset), p, n);
		if (r)
			return r;
		p += n;
		offset += n;
		length -= n;
	}
	return length ? -ERANGE : 0;
}

enum { COMPARE_PLAIN = 1 }; /* names, sizes and content only */

static inline void compare_content(struct iso *iso, const struct iso_entry *e, const char *path)
{
	static uint8_t ours[100003], theirs[100003];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t end = 0;

	assert_true(fd >= 0);
	for (uint32_t i = 0; i < e->n_extents; i++) {
		assert_int_equal(e->extents[i].offset, end);
		assert_int_equal(e->extents[i].kind, EXTENT_DISC);
		end += e->extents[i].length;
	}
	if (!zisofs_used(&e->zisofs))
		assert_int_equal(end, e->size);
	for (uint64_t at = 0; at < e->size;) {
		size_t n = (size_t)min_u64(sizeof(ours), e->size - at);
		assert_int_equal(pread(fd, theirs, n, (off_t)at), n);
		assert_int_equal(entry_read(iso, e, at, ours, n), 0);
		assert_memory_equal(ours, theirs, n);
		at += n;
	}
	close(fd);
}

static inline void compare_attributes(const struct iso_entry *e, const char *path, const struct stat *st)
{
	char target[4096];
	ssize_t n;

	assert_int_equal(e->mode, st->st_mode);
	assert_int_equal(e->uid, st->st_uid);
	assert_int_equal(e->gid, st->st_gid);
	assert_int_equal(e->mtime.tv_sec, st->st_mtime);
	assert_int_equal(e->mtime.tv_nsec, 0);
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		assert_int_equal(e->rdev, st->st_rdev);
	if (S_ISLNK(st->st_mode)) {
		n = readlink(path, target, sizeof(target) - 1);
		assert_in_range(n, 1, sizeof(target) - 1);
		target[n] = 0;
		assert_string_equal(e->target, target);
	}
}

/* The other ways to the same entry give the same. */
static inline void compare_ways(struct iso *iso, struct iso_extent dir, const struct iso_entry *e)
{
	struct iso_entry by_name, by_locator;

	assert_int_equal(iso_lookup(iso, dir, e->name, &by_name), 0);
	assert_int_equal(by_name.locator, e->locator);
	assert_int_equal(by_name.ino, e->ino);
	assert_int_equal(by_name.mode, e->mode);
	assert_int_equal(by_name.size, e->size);
	assert_int_equal(iso_entry_at(iso, e->locator, &by_locator), 0);
	assert_string_equal(by_locator.name, e->name);
	assert_int_equal(by_locator.ino, e->ino);
	assert_int_equal(by_locator.size, e->size);
	assert_int_equal(by_locator.n_extents, e->n_extents);
	assert_int_equal(by_locator.dir.lba, e->dir.lba);
	iso_entry_release(&by_name);
	iso_entry_release(&by_locator);
}

static inline unsigned count_names(const char *path)
{
	DIR *d = opendir(path);
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

/* Every entry of dir is in the source at path and alike, and the other way round. "rr_moved", ".rr_moved" are
 * genisoimage's own. */
static inline void compare_tree(struct iso *iso, struct iso_extent dir, const char *path, unsigned flags)
{
	struct iso_dir *d, *names;
	struct iso_entry e, brief;
	unsigned n = 0;
	int more;

	assert_int_equal(iso_dir_open(iso, dir, &d), 0);
	assert_int_equal(iso_dir_open(iso, dir, &names), 0);
	while ((more = iso_dir_next(d, &e)) > 0) {
		char source[4096];
		struct stat st;

		assert_int_equal(iso_dir_next_name(names, &brief), 1);
		assert_string_equal(brief.name, e.name);
		assert_int_equal(brief.ino, e.ino);
		assert_int_equal(brief.locator, e.locator);
		assert_int_equal(brief.mode & S_IFMT, e.mode & S_IFMT);
		compare_ways(iso, dir, &e);
		path_of(path, e.name, source);
		if (strcmp(e.name, "rr_moved") && strcmp(e.name, ".rr_moved")) {
			n++;
			if (lstat(source, &st))
				fail_msg("%s is not in the source", source);
			if (!(flags & COMPARE_PLAIN))
				compare_attributes(&e, source, &st);
			if (S_ISDIR(e.mode))
				compare_tree(iso, e.dir, source, flags);
			else if (S_ISREG(e.mode)) {
				assert_int_equal(e.size, st.st_size);
				compare_content(iso, &e, source);
			}
		}
		iso_entry_release(&e);
	}
	assert_int_equal(more, 0);
	assert_int_equal(iso_dir_next_name(names, &brief), 0);
	assert_int_equal(n, count_names(path));
	iso_dir_close(d);
	iso_dir_close(names);
	assert_int_equal(iso_lookup(iso, dir, "no such name", &e), -ENOENT);
}

#endif
