/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * disk_files.c - a state of disk.c as real files, and real files compared with it
 */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "tests/power/disk_room.h"

/* ---- onto the real disk ---- */

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag;
	return ftw->level ? remove(path) : 0;
}

static bool all_zero(const uint8_t *bytes, size_t n)
{
	return n == 0 || (bytes[0] == 0 && !memcmp(bytes, bytes + 1, n - 1));
}

static void write_file(const struct disk *d, const struct content *c, const char *path)
{
	struct stat st;
	int fd;

	if (!stat(d->keep, &st) && st.st_ino == d->objects[c->object].ino)
		NEED(!link(d->keep, path));
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	NEED(fd >= 0 && !ftruncate(fd, 0) && !ftruncate(fd, (off_t)c->length));
	for (uint64_t at = 0; at < c->length; at += 65536) {
		size_t n = c->length - at < 65536 ? (size_t)(c->length - at) : 65536;

		if (!all_zero(c->bytes + at, n))
			NEED(pwrite(fd, c->bytes + at, n, (off_t)at) == (ssize_t)n);
	}
	close(fd);
}

static void lay_out(struct disk *d, size_t dir, const char *path)
{
	for (size_t i = 0; i < d->n_names; i++) {
		const struct name *n = &d->names[i];
		struct content c = {.object = n->object};
		char child[PATH_MAX];

		if (n->dir != dir || n->object == NO_OBJECT)
			continue;
		snprintf(child, sizeof(child), "%s/%s", path, n->name);
		if (d->objects[n->object].directory) {
			NEED(!mkdir(child, 0700));
			lay_out(d, n->object, child);
			continue;
		}
		disk_build_content(d, &c);
		write_file(d, &c, child);
		free(c.bytes);
	}
}

void disk_build(struct disk *d, const struct disk_cut *cut)
{
	disk_begin_state(d, cut);
	NEED(!nftw(d->root, remove_one, 20, FTW_DEPTH | FTW_PHYS));
	lay_out(d, 0, d->root);
	disk_end_state(d);
}

/* ---- is the record complete? ---- */

static bool same_file(struct disk *d, size_t object, const char *path)
{
	struct content c = {.object = object};
	uint64_t bytes;
	uint8_t *real = access(path, R_OK) ? NULL : disk_read_file(path, &bytes);
	bool same;

	disk_build_content(d, &c);
	same = real && bytes == c.length && !memcmp(real, c.bytes, bytes);
	if (!same)
		fprintf(stderr, "%s is not as recorded (%s)\n", path,
			!real		  ? "missing" :
			bytes == c.length ? "content" :
					    "length");
	free(real);
	free(c.bytes);
	return same;
}

static bool same_names(struct disk *d, size_t dir, const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	bool same = directory != NULL;

	while (same && (entry = readdir(directory))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		same = disk_name_at(d, dir, entry->d_name)->object != NO_OBJECT;
		if (!same)
			fprintf(stderr, "%s/%s was not recorded\n", path, entry->d_name);
	}
	if (directory)
		closedir(directory);
	for (size_t i = 0; same && i < d->n_names; i++) {
		char child[PATH_MAX];

		if (d->names[i].dir != dir || d->names[i].object == NO_OBJECT)
			continue;
		snprintf(child, sizeof(child), "%s/%s", path, d->names[i].name);
		same = d->objects[d->names[i].object].directory ? same_names(d, d->names[i].object, child) :
								  same_file(d, d->names[i].object, child);
	}
	return same;
}

bool disk_is_complete(struct disk *d)
{
	const struct disk_cut whole = {.at = d->n_steps, .how = DISK_ALL};
	bool same = true;

	for (size_t i = 0; i < d->n_steps; i++)
		if (d->steps[i].r.op == POWER_UNKNOWN) {
			fprintf(stderr, "a call that is not recorded: %.*s\n", (int)d->steps[i].r.data_bytes,
				(const char *)d->steps[i].data);
			same = false;
		}
	disk_begin_state(d, &whole);
	same = same && same_names(d, 0, d->root);
	disk_end_state(d);
	return same;
}
