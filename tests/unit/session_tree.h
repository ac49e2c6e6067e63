/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session_tree.h - manifests for the tests of burner/session, and images made of them
 *
 *	tree_new -> tree_add… -> tree_finish -> burn_plan_new(&t->manifest) -> image_append -> tree_free
 *
 * Bodies are paths of files, or, with a path of NULL, bytes that follow from (body, position) alone.  Any failure
 * ends the program.
 */
#ifndef TESTS_UNIT_SESSION_TREE_H
#define TESTS_UNIT_SESSION_TREE_H

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "burner/session/digests.h"
#include "burner/session/stream.h"
#include "cdappendfs/burn.h"
#include "burner/base/bytes.h"

struct tree_link {
	uint32_t parent, node;
	char *name, *iso;
};
struct tree {
	struct manifest manifest;
	struct tree_link *links;
	size_t n_links, nodes_room, links_room, extents_room, bodies_room, devices_room, inodes_room;
	char **bodies; /* paths; NULL: generated */
	uint32_t n_bodies;
	uint64_t bodies_read, disc_read; /* bytes */
	int disc_fd;
	dev_t *devices; /* of nodes made from files, for hard links */
	ino_t *inodes;
};

#define must(condition) ((condition) ? (void)0 : must_fail(#condition, __FILE__, __LINE__))
__attribute__((noreturn, unused)) static void must_fail(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: %s: %m\n", file, line, what);
	abort();
}

__attribute__((unused)) static void *grow(void *array, size_t *room, size_t n, size_t item)
{
	if (n < *room)
		return array;
	*room = *room ? 2 * *room : 64;
	array = realloc(array, *room * item);
	must(array);
	return array;
}

/* Byte `pos` of generated body `body`. */
static inline uint8_t generated_byte(uint32_t body, uint64_t pos)
{
	uint64_t h = (pos / 8 + 1) * 0x9e3779b97f4a7c15ull + body * 0xbf58476d1ce4e5b9ull;

	return (uint8_t)((h ^ h >> 29) >> (pos % 8 * 8));
}

static int tree_read_body(void *context, uint32_t body, uint64_t pos, void *buf, size_t length)
{
	struct tree *t = context;
	int fd;
	ssize_t n;

	t->bodies_read += length;
	if (body >= t->n_bodies || !t->bodies[body]) {
		for (size_t i = 0; i < length; i++)
			((uint8_t *)buf)[i] = generated_byte(body, pos + i);
		return 0;
	}
	fd = open(t->bodies[body], O_RDONLY);
	must(fd >= 0);
	n = pread(fd, buf, length, (off_t)pos);
	close(fd);
	return n == (ssize_t)length ? 0 : -EIO;
}

static int tree_read_disc(void *context, uint64_t pos, void *buf, size_t length)
{
	struct tree *t = context;

	t->disc_read += length;
	return pread(t->disc_fd, buf, length, (off_t)pos) == (ssize_t)length ? 0 : -EIO;
}

__attribute__((unused)) static uint32_t tree_node(struct tree *t, uint32_t mode)
{
	struct manifest *m = &t->manifest;

	m->nodes = grow(m->nodes, &t->nodes_room, m->n_nodes, sizeof(*m->nodes));
	t->devices = grow(t->devices, &t->devices_room, m->n_nodes, sizeof(*t->devices));
	t->inodes = grow(t->inodes, &t->inodes_room, m->n_nodes, sizeof(*t->inodes));
	m->nodes[m->n_nodes] = (struct manifest_node){.ino = m->n_nodes + 1,
						      .mode = mode,
						      .uid = 1000,
						      .gid = 100,
						      .mtime.tv_sec = 1700000000 + m->n_nodes,
						      .atime.tv_sec = 1600000000,
						      .ctime.tv_sec = 1500000000};
	t->devices[m->n_nodes] = 0;
	t->inodes[m->n_nodes] = 0;
	return m->n_nodes++;
}

__attribute__((unused)) static struct tree *tree_new(void)
{
	struct tree *t = calloc(1, sizeof(*t));

	must(t);
	t->disc_fd = -1;
	t->manifest.read_body = tree_read_body;
	t->manifest.read_disc = tree_read_disc;
	t->manifest.context = t;
	tree_node(t, S_IFDIR | 0755);
	return t;
}

__attribute__((unused)) static void tree_link(struct tree *t, uint32_t parent, const char *name, uint32_t node)
{
	t->links = grow(t->links, &t->links_room, t->n_links, sizeof(*t->links));
	t->links[t->n_links++] = (struct tree_link){parent, node, strdup(name), NULL};
	if (S_ISDIR(t->manifest.nodes[node].mode))
		t->manifest.nodes[node].parent = parent;
}

__attribute__((unused)) static uint32_t tree_add(struct tree *t, uint32_t parent, const char *name, uint32_t mode)
{
	uint32_t node = tree_node(t, mode);

	tree_link(t, parent, name, node);
	return node;
}

/* Extents of one node are added in a row; offsets follow from the lengths. */
__attribute__((unused)) static void tree_extent(struct tree *t, uint32_t node, uint32_t kind, uint32_t body,
						uint64_t pos, uint64_t length)
{
	struct manifest *m = &t->manifest;
	struct manifest_node *n = &m->nodes[node];

	m->extents = grow(m->extents, &t->extents_room, m->n_extents, sizeof(*m->extents));
	if (!n->n_extents)
		n->first_extent = m->n_extents;
	m->extents[m->n_extents++] = (struct extent){n->size, length, pos, body, kind};
	n->n_extents++;
	n->size += length;
}

__attribute__((unused)) static uint32_t tree_body(struct tree *t, const char *path)
{
	t->bodies = grow(t->bodies, &t->bodies_room, t->n_bodies, sizeof(*t->bodies));
	t->bodies[t->n_bodies] = path ? strdup(path) : NULL;
	return t->n_bodies++;
}

static int tree_compare_links(const void *a, const void *b)
{
	const struct tree_link *x = a, *y = b;

	return x->parent != y->parent ? (x->parent < y->parent ? -1 : 1) : strcmp(x->name, y->name);
}

/* Entries in their order, link counts. */
__attribute__((unused)) static void tree_finish(struct tree *t)
{
	struct manifest *m = &t->manifest;

	if (t->n_links)
		qsort(t->links, t->n_links, sizeof(*t->links), tree_compare_links);
	free(m->entries);
	m->entries = calloc(t->n_links + 1, sizeof(*m->entries));
	must(m->entries);
	m->n_entries = (uint32_t)t->n_links;
	for (uint32_t i = 0; i < m->n_nodes; i++) {
		m->nodes[i].n_entries = m->nodes[i].first_entry = 0;
		m->nodes[i].nlink = S_ISDIR(m->nodes[i].mode) ? 2 : 0;
	}
	for (uint32_t i = 0; i < m->n_entries; i++) {
		struct tree_link *l = &t->links[i];
		struct manifest_node *parent = &m->nodes[l->parent];

		if (!parent->n_entries++)
			parent->first_entry = i;
		m->entries[i] = (struct manifest_entry){.name = l->name, .node = l->node, .iso_name = l->iso};
		if (S_ISDIR(m->nodes[l->node].mode))
			parent->nlink++;
		else
			m->nodes[l->node].nlink++;
	}
}

__attribute__((unused)) static void tree_free(struct tree *t)
{
	for (size_t i = 0; i < t->n_links; i++) {
		free(t->links[i].name);
		free(t->links[i].iso);
	}
	for (uint32_t i = 0; i < t->n_bodies; i++)
		free(t->bodies[i]);
	for (uint32_t i = 0; i < t->manifest.n_nodes; i++) {
		union {
			const char *target;
			char *owned;
		} link = {t->manifest.nodes[i].target};

		free(link.owned);
	}
	free(t->links);
	free(t->bodies);
	free(t->manifest.nodes);
	free(t->manifest.entries);
	free(t->manifest.extents);
	free(t->devices);
	free(t->inodes);
	if (t->disc_fd >= 0)
		close(t->disc_fd);
	free(t);
}

/* ---- from a directory ---- */

/* Data and holes as the file system tells them. */
static void tree_take_content(struct tree *t, uint32_t node, const char *path, uint64_t size)
{
	uint32_t body = tree_body(t, path);
	uint64_t at = 0;
	int fd = open(path, O_RDONLY);

	must(fd >= 0);
	while (at < size) {
		off_t data = lseek(fd, (off_t)at, SEEK_DATA), hole;

		if (data < 0)
			data = (off_t)size;
		if ((uint64_t)data > at)
			tree_extent(t, node, EXTENT_HOLE, 0, 0, (uint64_t)data - at);
		at = (uint64_t)data;
		if (at == size)
			break;
		hole = lseek(fd, data, SEEK_HOLE);
		must(hole > data);
		tree_extent(t, node, EXTENT_STAGE, body, at, (uint64_t)hole - at);
		at = (uint64_t)hole;
	}
	close(fd);
}

static void tree_take_stat(struct manifest_node *n, const struct stat *st)
{
	n->mode = st->st_mode;
	n->uid = st->st_uid;
	n->gid = st->st_gid;
	n->rdev = st->st_rdev;
	n->atime = st->st_atim;
	n->mtime = st->st_mtim;
	n->ctime = st->st_ctim;
}

__attribute__((unused)) static void tree_take(struct tree *t, uint32_t parent, const char *path)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	struct stat st;

	must(d && stat(path, &st) == 0);
	tree_take_stat(&t->manifest.nodes[parent], &st);
	while ((entry = readdir(d))) {
		char child[8192], target[4096];
		uint32_t node, known;
		ssize_t n;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
		must(lstat(child, &st) == 0);
		known = t->manifest.n_nodes;
		for (node = 0; st.st_nlink > 1 && !S_ISDIR(st.st_mode) && node < known; node++)
			if (t->devices[node] == st.st_dev && t->inodes[node] == st.st_ino)
				break;
		if (st.st_nlink > 1 && !S_ISDIR(st.st_mode) && node < known) {
			tree_link(t, parent, entry->d_name, node);
			continue;
		}
		node = tree_add(t, parent, entry->d_name, st.st_mode);
		tree_take_stat(&t->manifest.nodes[node], &st);
		t->devices[node] = st.st_dev;
		t->inodes[node] = st.st_ino;
		if (S_ISDIR(st.st_mode)) {
			tree_take(t, node, child);
		} else if (S_ISREG(st.st_mode)) {
			tree_take_content(t, node, child, (uint64_t)st.st_size);
		} else if (S_ISLNK(st.st_mode)) {
			n = readlink(child, target, sizeof(target) - 1);
			must(n >= 0);
			target[n] = 0;
			t->manifest.nodes[node].target = strdup(target);
		}
	}
	closedir(d);
}

/* ---- images ---- */

__attribute__((unused)) static struct burn_options first_options(void)
{
	return (struct burn_options){.start_lba = 32,
				     .session_number = 1,
				     .previous_lba = UINT32_MAX,
				     .previous_descriptor_lba = UINT32_MAX,
				     .overwritable = true,
				     .uuid = "uuid-of-the-test",
				     .time = 1700000000,
				     .next_ino = 1000,
				     .align_end_sectors = 32};
}

/* Writes the session at its place, commit record and head included; holes stay holes. */
__attribute__((unused)) static void image_append(const char *path, const struct burn_plan *p, bool head)
{
	enum { PIECE = 256 };
	static uint8_t buf[PIECE * SECTOR_BYTES], made[16 * SECTOR_BYTES];
	_cleanup_(session_digests_freep) struct session_digests *digests = NULL;
	_cleanup_(session_stream_freep) struct session_stream *s = NULL;
	uint64_t lba = session_start(p);
	const uint8_t *table;
	uint32_t n;
	bool zeros;
	int fd = open(path, O_RDWR | O_CREAT, 0644);

	must(fd >= 0 && session_digests_new(p, &digests) == 0 && session_stream_new(p, &s) == 0);
	while ((n = session_stream_step(s, PIECE, &zeros))) {
		must((zeros ? session_stream_skip(s, n) : session_stream_read(s, buf, n)) == 0);
		must(session_digests_add(digests, (uint32_t)(lba - session_start(p)), zeros ? NULL : buf, n) == 0);
		must(zeros || pwrite(fd, buf, (size_t)n * SECTOR_BYTES, (off_t)(lba * SECTOR_BYTES)) ==
				      (ssize_t)(n * SECTOR_BYTES));
		lba += n;
	}
	must(session_digests_end(digests, &table, &n, buf) == 0);
	must(pwrite(fd, table, (size_t)n * SECTOR_BYTES, (off_t)(lba * SECTOR_BYTES)) == (ssize_t)(n * SECTOR_BYTES));
	must(pwrite(fd, buf, SECTOR_BYTES, (off_t)((lba + n) * SECTOR_BYTES)) == SECTOR_BYTES);
	if (head) {
		must(pread(fd, buf, sizeof(made), (off_t)(session_start(p) + 16) * SECTOR_BYTES) == sizeof(made));
		must(session_published_descriptors(buf, session_start(p), made) == 0);
		must(pwrite(fd, made, sizeof(made), 16 * SECTOR_BYTES) == sizeof(made));
	}
	must(close(fd) == 0);
}

#endif
