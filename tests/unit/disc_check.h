/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * disc_check.h - for tests: is the newest session of an image what burner/SESSION.md says, as a whole?
 *
 *	disc_check(path, &found)	every directory of both trees, path tables, TW entries, link table, counts; ends the test when not
 *
 * The Rock Ridge tree is read by fs/iso, all else byte by byte.
 */
#ifndef TESTS_UNIT_DISC_CHECK_H
#define TESTS_UNIT_DISC_CHECK_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cdappendfs/appuse.h"
#include "cdappendfs/bytes.h"
#include "cdappendfs/links.h"
#include "cdappendfs/search.h"
#include "fs/iso/iso.h"
#include "tests/unit/commit_fixture.h"

/* A directory of one tree, in the order of the path table. */
struct check_directory {
	uint32_t parent;		/* index */
	uint32_t lba, bytes;
	uint8_t id[256];
	unsigned id_bytes;
	uint32_t serial;		/* Rock Ridge */
	struct iso_extent twin;
	uint32_t area_sectors;
	uint64_t content;		/* sum over its regular files of what says where they lie */
	bool on_way;
};
struct check_tree { struct check_directory *list; uint32_t n, room; };
struct check_name { uint32_t serial, nlink, directory; };

struct disc_found {
	struct appuse appuse;
	uint32_t directories, names;	/* of the whole tree */
	uint32_t older;			/* directories that lie in older sessions */
	uint32_t linked_names;		/* of files with several */
};

struct disc_check {
	const uint8_t *image;
	uint64_t bytes;
	struct disc *disc;
	struct iso *iso;
	struct check_tree rock, joliet;
	struct check_name *names;
	size_t n_names, names_room;
};

static inline const uint8_t *check_at(const struct disc_check *c, uint64_t lba, uint64_t bytes)
{
	REQUIRE(lba * SECTOR_BYTES + bytes <= c->bytes);
	return c->image + lba * SECTOR_BYTES;
}

static inline struct check_directory *check_push(struct check_tree *t, uint32_t parent, uint32_t lba, uint32_t bytes)
{
	for (uint32_t i = 0; i < t->n; i++)
		REQUIRE(t->list[i].lba != lba);		/* one parent record each */
	if (t->n == t->room) {
		t->room = t->room ? 2 * t->room : 256;
		t->list = realloc(t->list, t->room * sizeof(*t->list));
		REQUIRE(t->list);
	}
	t->list[t->n] = (struct check_directory){.parent = parent, .lba = lba, .bytes = bytes, .id_bytes = 1};
	return &t->list[t->n++];
}

static inline uint64_t check_place(uint64_t lba, uint64_t bytes) { return bytes ? lba * 0x9e3779b97f4a7c15ull + bytes : 1; }

static inline void check_rock_name(struct disc_check *c, uint32_t directory, const struct iso_entry *e)
{
	if (c->n_names == c->names_room) {
		c->names_room = c->names_room ? 2 * c->names_room : 1024;
		c->names = realloc(c->names, c->names_room * sizeof(*c->names));
		REQUIRE(c->names);
	}
	c->names[c->n_names++] = (struct check_name){(uint32_t)e->ino, e->nlink, directory};
}

static inline void check_rock_directory(struct disc_check *c, uint32_t i)
{
	struct iso_extent dir = {c->rock.list[i].lba, c->rock.list[i].bytes};
	struct iso_entry e = {.ino = 0};
	struct iso_dir *d = NULL;
	uint32_t children = 0, nlink;
	int more;

	REQUIRE(iso_dir_open(c->iso, dir, &d) == 0);
	while ((more = iso_dir_next(d, &e)) > 0) {
		if (S_ISDIR(e.mode)) {
			struct check_directory *child = check_push(&c->rock, i, e.dir.lba, e.dir.bytes);

			child->id_bytes = (unsigned)strlen(e.iso_name);
			memcpy(child->id, e.iso_name, child->id_bytes);
			child->serial = (uint32_t)e.ino;
			child->twin = e.twin;
			child->area_sectors = e.area_sectors;
			children++;
		} else {
			check_rock_name(c, i, &e);
			if (S_ISREG(e.mode))
				c->rock.list[i].content += check_place(e.n_extents ? e.extents[0].pos / SECTOR_BYTES : 0, e.size);
		}
		iso_entry_release(&e);
	}
	REQUIRE(more == 0);
	iso_dir_close(d);
	/* "." says the same as the record that led here. */
	const uint8_t *dot = check_at(c, dir.lba, SECTOR_BYTES), *end = dot + dot[0];
	REQUIRE(get_le32(dot + 2) == dir.lba && get_le32(dot + 10) == dir.bytes);
	bool px = false, tw = false;
	for (const uint8_t *s = dot + 34; s + 4 <= end && s[2] >= 4; s += s[2]) {
		if (memcmp(s, "PX", 2) == 0) {
			nlink = get_le32(s + 12);
			REQUIRE(get_le32(s + 36) == c->rock.list[i].serial && nlink == 2 + children);
			px = true;
		}
		if (memcmp(s, "TW", 2) == 0) {
			REQUIRE(get_le32(s + 4) == c->rock.list[i].twin.lba && get_le32(s + 8) == c->rock.list[i].twin.bytes);
			REQUIRE(get_le32(s + 12) == c->rock.list[i].area_sectors);
			tw = true;
		}
	}
	REQUIRE(px && tw);
}

static inline void check_joliet_directory(struct disc_check *c, uint32_t i)
{
	uint32_t lba = c->joliet.list[i].lba, bytes = c->joliet.list[i].bytes, n = 0;
	uint64_t size = 0, first = 0;

	for (uint32_t at = 0; at < bytes; n++) {
		const uint8_t *r = check_at(c, lba, bytes) + at;

		if (!r[0]) {
			at = (at / SECTOR_BYTES + 1) * SECTOR_BYTES;
			n--;
			continue;
		}
		at += r[0];
		if (n < 2) {
			REQUIRE(r[32] == 1 && r[33] == n && (n || get_le32(r + 2) == lba));
			continue;
		}
		if (r[25] & 2) {
			struct check_directory *child = check_push(&c->joliet, i, get_le32(r + 2), get_le32(r + 10));

			child->id_bytes = r[32];
			memcpy(child->id, r + 33, r[32]);
			continue;
		}
		if (!size)
			first = get_le32(r + 2);
		size += get_le32(r + 10);
		if (r[25] & 0x80)
			continue;
		c->joliet.list[i].content += check_place(first, size);
		size = 0;
	}
}

static inline void check_path_table_of(const struct disc_check *c, const uint8_t *descriptor, const struct check_tree *t)
{
	uint32_t bytes = get_le32(descriptor + 132), at = 0;
	const uint8_t *l = check_at(c, get_le32(descriptor + 140), bytes), *m = check_at(c, get_be32(descriptor + 148), bytes);

	for (uint32_t i = 0; i < t->n; at += 8 + l[at] + l[at] % 2, i++) {
		const struct check_directory *d = &t->list[i];

		REQUIRE(at < bytes);
		REQUIRE(l[at] == d->id_bytes && memcmp(l + at + 8, d->id, d->id_bytes) == 0);
		REQUIRE(get_le32(l + at + 2) == d->lba && get_le16(l + at + 6) == d->parent + 1);
		REQUIRE(l[at] == m[at] && memcmp(l + at + 8, m + at + 8, l[at] + l[at] % 2) == 0);
		REQUIRE(get_be32(m + at + 2) == d->lba && get_be16(m + at + 6) == d->parent + 1);
	}
	REQUIRE(at == bytes);
}

/* Twins have the same files, and twins as parents. */
static inline void check_twins(const struct disc_check *c)
{
	REQUIRE(c->rock.n == c->joliet.n);
	for (uint32_t i = 0; i < c->rock.n; i++) {
		const struct check_directory *d = &c->rock.list[i], *twin = NULL;

		for (uint32_t j = 0; j < c->joliet.n; j++)
			if (c->joliet.list[j].lba == d->twin.lba)
				twin = &c->joliet.list[j];
		REQUIRE(twin && twin->bytes == d->twin.bytes);
		REQUIRE(twin->content == d->content);
		REQUIRE(c->joliet.list[twin->parent].lba == c->rock.list[d->parent].twin.lba);
	}
}

static inline int check_compare_names(const void *a, const void *b)
{
	const struct check_name *x = a, *y = b;

	return x->serial != y->serial ? (x->serial < y->serial ? -1 : 1) : x->directory < y->directory ? -1 : x->directory > y->directory;
}

static inline bool check_pair(const uint8_t *pairs, uint32_t n, uint32_t child, uint32_t parent)
{
	for (uint32_t i = 0; i < n; i++)
		if (get_le32(pairs + 8 * i) == child && get_le32(pairs + 8 * i + 4) == parent)
			return true;
	return false;
}

static inline void check_links(struct disc_check *c, struct disc_found *found)
{
	const struct appuse *a = &found->appuse;
	const uint8_t *table = a->links_bytes ? check_at(c, a->links_lba, a->links_bytes) : NULL;
	uint32_t names = 0, ways = 0;
	uint64_t sectors = 0;

	qsort(c->names, c->n_names, sizeof(*c->names), check_compare_names);
	REQUIRE(!table || links_header_decode(table, a->links_bytes, &names, &ways) == 0);
	for (size_t i = 0, end; i < c->n_names; i = end) {
		for (end = i; end < c->n_names && c->names[end].serial == c->names[i].serial; end++)
			;
		for (size_t k = i; k < end; k++) {
			REQUIRE(c->names[k].nlink == end - i);
			if (end - i < 2)
				continue;
			found->linked_names++;
			REQUIRE(table && check_pair(table + LINKS_HEADER_BYTES, names, c->names[k].serial, c->rock.list[c->names[k].directory].serial));
			for (uint32_t d = c->names[k].directory; ; d = c->rock.list[d].parent) {
				c->rock.list[d].on_way = true;
				if (!d)
					break;
				REQUIRE(check_pair(table + LINKS_HEADER_BYTES + names * LINKS_PAIR_BYTES, ways, c->rock.list[d].serial,
						   c->rock.list[c->rock.list[d].parent].serial));
			}
		}
	}
	for (uint32_t d = 0; d < c->rock.n; d++)
		if (c->rock.list[d].on_way)
			sectors += c->rock.list[d].bytes / SECTOR_BYTES + c->rock.list[d].area_sectors + c->rock.list[d].twin.bytes / SECTOR_BYTES;
	REQUIRE(sectors <= a->links_sectors);
}

static inline void check_counts(const struct disc_check *c, const uint8_t *pvd, const uint8_t *svd, struct disc_found *found)
{
	uint64_t sectors = 2 * sectors_of(get_le32(pvd + 132)) + 2 * sectors_of(get_le32(svd + 132)) + sectors_of(found->appuse.links_bytes);

	found->directories = c->rock.n;
	found->names = (uint32_t)c->n_names;
	for (uint32_t i = 0; i < c->rock.n; i++) {
		const struct check_directory *d = &c->rock.list[i];

		sectors += d->bytes / SECTOR_BYTES + d->area_sectors + d->twin.bytes / SECTOR_BYTES;
		found->older += d->lba < found->appuse.start_lba;
	}
	REQUIRE(found->appuse.directories == c->rock.n);
	REQUIRE(sectors <= found->appuse.tree_sectors);
	REQUIRE(found->appuse.flags & APPUSE_LINKED || (sectors == found->appuse.tree_sectors && !found->older));
}

static inline void disc_check(const char *path, struct disc_found *found)
{
	struct disc_check c = {.bytes = 0};
	struct disc_session *sessions = NULL;
	struct iso_entry root = {.ino = 0};
	const char *why = NULL;
	struct stat st;
	size_t n = 0;
	int fd = open(path, O_RDONLY);

	memset(found, 0, sizeof(*found));
	REQUIRE(fd >= 0 && fstat(fd, &st) == 0);
	c.bytes = (uint64_t)st.st_size;
	c.image = mmap(NULL, c.bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	REQUIRE(c.image != MAP_FAILED);
	REQUIRE(disc_open_path(path, &(struct disc_open_options){.wait = true}, &c.disc, &why) == 0);
	REQUIRE(disc_sessions(c.disc, &sessions, &n) == 0 && n > 0);
	const uint8_t *pvd = check_at(&c, sessions[n - 1].descriptor_lba, 2 * SECTOR_BYTES), *svd = pvd + SECTOR_BYTES;
	REQUIRE(svd[0] == 2 && memcmp(svd + 1, "CD001", 5) == 0);
	REQUIRE(appuse_decode(pvd, &found->appuse) == 0);
	REQUIRE(iso_open(c.disc, sessions[n - 1].descriptor_lba, &c.iso) == 0 && iso_root(c.iso, &root) == 0);
	struct check_directory *top = check_push(&c.rock, 0, root.dir.lba, root.dir.bytes);
	top->serial = 1;
	top->twin = root.twin;
	top->area_sectors = root.area_sectors;
	REQUIRE(root.twin.lba == get_le32(svd + 158) && root.twin.bytes == get_le32(svd + 166));
	for (uint32_t i = 0; i < c.rock.n; i++)
		check_rock_directory(&c, i);
	check_push(&c.joliet, 0, root.twin.lba, root.twin.bytes);
	for (uint32_t i = 0; i < c.joliet.n; i++)
		check_joliet_directory(&c, i);
	check_path_table_of(&c, pvd, &c.rock);
	check_path_table_of(&c, svd, &c.joliet);
	check_twins(&c);
	check_links(&c, found);
	check_counts(&c, pvd, svd, found);
	iso_entry_release(&root);
	iso_unref(c.iso);
	disc_close(c.disc);
	munmap((void *)(uintptr_t)c.image, c.bytes);
	close(fd);
	free(sessions);
	free(c.rock.list);
	free(c.joliet.list);
	free(c.names);
}

#endif
