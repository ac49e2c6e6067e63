/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * disc_check.h - for tests: is the newest session of an image what burner/SESSION.md says, as a whole?
 *
 *	disc_check(path, &found)	every directory of both trees, path tables, twins' entries, link table, counts,
 *					content tables; ends the test when not
 *
 * The Rock Ridge tree is read by fs/iso, all else byte by byte.
 */
#ifndef TESTS_UNIT_DISC_CHECK_H
#define TESTS_UNIT_DISC_CHECK_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <openssl/evp.h>

#include "burner/format/appuse.h"
#include "burner/format/bound.h"
#include "burner/base/bytes.h"
#include "burner/format/content_table.h"
#include "burner/format/link_table.h"
#include "burner/base/search.h"
#include "fs/iso/iso.h"
#include "tests/unit/commit_fixture.h"

/* A directory of one tree, in the order of the path table. */
struct check_directory {
	uint32_t parent; /* index */
	uint32_t lba, bytes;
	uint8_t id[256];
	unsigned id_bytes;
	uint32_t serial; /* Rock Ridge */
	struct iso_extent twin;
	uint32_t area_sectors;
	uint64_t content; /* sum over its regular files of what says where they lie */
	bool on_way;
};
struct check_tree {
	struct check_directory *list;
	uint32_t n, room;
};
struct check_name {
	uint32_t serial, nlink, directory;
};
struct check_file {
	uint32_t serial, sections;
	uint64_t size;
	struct extent extents[BOUND_SECTIONS];
	uint32_t n;
};

struct disc_found {
	struct appuse appuse;
	uint32_t directories, names; /* of the whole tree */
	uint32_t older;		     /* directories that lie in older sessions */
	uint32_t linked_names;	     /* of files with several */
	uint32_t pieces;	     /* files of several sections */
	uint32_t contents;	     /* entries of the content tables of all sessions */
};

struct disc_check {
	const uint8_t *image;
	uint64_t bytes;
	struct disc *disc;
	struct iso *iso;
	struct check_tree rock, joliet;
	struct check_name *names;
	size_t n_names, names_room;
	struct check_file *files;
	size_t n_files, files_room;
};

static inline const uint8_t *check_at(const struct disc_check *c, uint64_t lba, uint64_t bytes)
{
	REQUIRE(lba * SECTOR_BYTES + bytes <= c->bytes);
	return c->image + lba * SECTOR_BYTES;
}

static inline struct check_directory *check_push(struct check_tree *t, uint32_t parent, uint32_t lba, uint32_t bytes)
{
	for (uint32_t i = 0; i < t->n; i++)
		REQUIRE(t->list[i].lba != lba); /* one parent record each */
	if (t->n == t->room) {
		t->room = t->room ? 2 * t->room : 256;
		t->list = realloc(t->list, t->room * sizeof(*t->list));
		REQUIRE(t->list);
	}
	t->list[t->n] = (struct check_directory){.parent = parent, .lba = lba, .bytes = bytes, .id_bytes = 1};
	return &t->list[t->n++];
}

static inline uint64_t check_place(uint64_t lba, uint64_t bytes)
{
	return bytes ? lba * 0x9e3779b97f4a7c15ull + bytes : 1;
}

static inline void check_rock_name(struct disc_check *c, uint32_t directory, const struct iso_entry *e)
{
	if (c->n_names == c->names_room) {
		c->names_room = c->names_room ? 2 * c->names_room : 1024;
		c->names = realloc(c->names, c->names_room * sizeof(*c->names));
		REQUIRE(c->names);
	}
	c->names[c->n_names++] = (struct check_name){(uint32_t)e->ino, e->nlink, directory};
}

static inline void check_rock_file(struct disc_check *c, const struct iso_entry *e)
{
	if (zisofs_used(&e->zisofs) || !e->n_extents)
		return;
	REQUIRE(e->n_extents <= BOUND_SECTIONS);
	if (c->n_files == c->files_room) {
		c->files_room = c->files_room ? 2 * c->files_room : 1024;
		c->files = realloc(c->files, c->files_room * sizeof(*c->files));
		REQUIRE(c->files);
	}
	struct check_file *f = &c->files[c->n_files++];
	*f = (struct check_file){.serial = (uint32_t)e->ino,
				 .sections = e->n_sections,
				 .size = e->size,
				 .n = e->n_extents};
	memcpy(f->extents, e->extents, e->n_extents * sizeof(*e->extents));
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
				check_rock_file(c, &e);
			if (S_ISREG(e.mode))
				c->rock.list[i].content +=
					check_place(e.n_extents ? e.extents[0].pos / SECTOR_BYTES : 0, e.size);
		}
		iso_entry_release(&e);
	}
	REQUIRE(more == 0);
	iso_dir_close(d);
	/* "." says the same as the record that led here. */
	const uint8_t *dot = check_at(c, dir.lba, SECTOR_BYTES), *end = dot + dot[0];
	REQUIRE(get_le32(dot + 2) == dir.lba && get_le32(dot + 10) == dir.bytes);
	bool px = false, padding = false, nanoseconds = false;
	for (const uint8_t *s = dot + 34; s + 4 <= end && s[2] >= 4; s += s[2]) {
		if (memcmp(s, "PX", 2) == 0) {
			nlink = get_le32(s + 12);
			REQUIRE(get_le32(s + 36) == c->rock.list[i].serial && nlink == 2 + children);
			px = true;
		}
		/* Byte by byte: no entry may stand there that RRIP and SUSP do not have. */
		if (memcmp(s, "PD", 2) == 0 && memcmp(s + 4, "NS", 2) == 0) {
			REQUIRE(s[2] == 18 && s[3] == 1 && padding);
			nanoseconds = true;
		} else if (memcmp(s, "PD", 2) == 0) {
			REQUIRE(s[2] == 20 && s[3] == 1 && memcmp(s + 4, "TW", 2) == 0);
			REQUIRE(get_le32(s + 6) == c->rock.list[i].twin.lba &&
				2048 * (s[14] | s[15] << 8 | s[16] << 16) == (int)c->rock.list[i].twin.bytes);
			REQUIRE(get_le32(s + 10) == c->rock.list[i].area_sectors);
			padding = true;
		}
		REQUIRE(memcmp(s, "TW", 2) != 0);
	}
	REQUIRE(px && padding && nanoseconds == (i == 0));
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

static inline void check_path_table_of(const struct disc_check *c, const uint8_t *descriptor,
				       const struct check_tree *t)
{
	uint32_t bytes = get_le32(descriptor + 132), at = 0;
	const uint8_t *l = check_at(c, get_le32(descriptor + 140), bytes),
		      *m = check_at(c, get_be32(descriptor + 148), bytes);

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

	return x->serial != y->serial	   ? (x->serial < y->serial ? -1 : 1) :
	       x->directory < y->directory ? -1 :
					     x->directory > y->directory;
}

static inline bool check_pair(const uint8_t *pairs, uint32_t n, uint32_t child, uint32_t parent)
{
	for (uint32_t i = 0; i < n; i++)
		if (get_le32(pairs + 8 * i) == child && get_le32(pairs + 8 * i + 4) == parent)
			return true;
	return false;
}

/* The session says how many files have several sections, those in directories of older sessions too. */
static inline void check_pieces(const struct disc_check *c, struct disc_found *found)
{
	for (size_t i = 0; i < c->n_files; i++) {
		bool again = false;

		for (size_t j = 0; j < i && !again; j++)
			again = c->files[j].serial == c->files[i].serial;
		found->pieces += c->files[i].sections > 1 && !again;
	}
	REQUIRE(found->appuse.flags & APPUSE_PIECES && found->appuse.files_in_pieces == found->pieces);
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
			REQUIRE(table && check_pair(table + LINKS_HEADER_BYTES, names, c->names[k].serial,
						    c->rock.list[c->names[k].directory].serial));
			for (uint32_t d = c->names[k].directory;; d = c->rock.list[d].parent) {
				c->rock.list[d].on_way = true;
				if (!d)
					break;
				REQUIRE(check_pair(table + LINKS_HEADER_BYTES + names * LINKS_PAIR_BYTES, ways,
						   c->rock.list[d].serial,
						   c->rock.list[c->rock.list[d].parent].serial));
			}
		}
	}
	for (uint32_t d = 0; d < c->rock.n; d++)
		if (c->rock.list[d].on_way)
			sectors += c->rock.list[d].bytes / SECTOR_BYTES + c->rock.list[d].area_sectors +
				   c->rock.list[d].twin.bytes / SECTOR_BYTES;
	REQUIRE(sectors <= a->links_sectors);
}

static inline void check_counts(const struct disc_check *c, const uint8_t *pvd, const uint8_t *svd,
				struct disc_found *found)
{
	uint64_t sectors = 2 * sectors_of(get_le32(pvd + 132)) + 2 * sectors_of(get_le32(svd + 132)) +
			   sectors_of(found->appuse.links_bytes);

	found->directories = c->rock.n;
	found->names = (uint32_t)c->n_names;
	for (uint32_t i = 0; i < c->rock.n; i++) {
		const struct check_directory *d = &c->rock.list[i];

		sectors += d->bytes / SECTOR_BYTES + d->area_sectors + d->twin.bytes / SECTOR_BYTES;
		found->older += d->lba < found->appuse.start_lba;
	}
	REQUIRE(found->appuse.directories == c->rock.n);
	check_pieces(c, found);
	REQUIRE(sectors <= found->appuse.tree_sectors);
	REQUIRE(found->appuse.flags & APPUSE_LINKED || (sectors == found->appuse.tree_sectors && !found->older));
}

/* ---- content tables ---- */

static inline void check_content_part(const struct disc_check *c, const struct check_file *f, uint64_t offset,
				      uint64_t length, EVP_MAC_CTX *hash)
{
	for (uint32_t i = extent_at(f->extents, f->n, offset); length; i++) {
		const struct extent *e = &f->extents[i];
		uint64_t n = min_u64(length, e->offset + e->length - offset), pos = e->pos + (offset - e->offset);

		REQUIRE(i < f->n && pos + n <= c->bytes);
		REQUIRE(EVP_MAC_update(hash, c->image + pos, n) == 1);
		offset += n;
		length -= n;
	}
}

/* From the bytes of the image, as burner/format/content_table.h says. */
static inline void check_content_digest(const struct disc_check *c, const struct check_file *f,
					uint8_t ret[CONTENT_DIGEST_BYTES])
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "POLY1305", NULL);
	EVP_MAC_CTX *hash = EVP_MAC_CTX_new(mac);
	uint8_t size[8];
	size_t bytes = 0;

	put_le64(size, f->size);
	REQUIRE(hash && EVP_MAC_init(hash, (const uint8_t *)"cdappendfs: content digest no. 2", 32, NULL) == 1 &&
		EVP_MAC_update(hash, size, sizeof(size)) == 1);
	if (f->size <= 16384) {
		check_content_part(c, f, 0, f->size, hash);
	} else if (f->size <= 262144) {
		check_content_part(c, f, 0, 4096, hash);
		check_content_part(c, f, f->size / 2 / 2048 * 2048, 4096, hash);
	}
	for (uint64_t i = 0; f->size > 262144 && i < 16; i++)
		check_content_part(c, f, i == 15 ? f->size - 4096 : (f->size - 4096) / 15 * i / 2048 * 2048, 4096,
				   hash);
	REQUIRE(EVP_MAC_final(hash, ret, &bytes, CONTENT_DIGEST_BYTES) == 1 && bytes == CONTENT_DIGEST_BYTES);
	EVP_MAC_CTX_free(hash);
	EVP_MAC_free(mac);
}

static inline struct check_file check_content_entry(const uint8_t *entry, const uint8_t *runs, uint32_t n_runs)
{
	struct check_file f = {.size = get_le64(entry + 16), .n = get_le32(entry + 28)};
	uint32_t where = get_le32(entry + 24);
	uint64_t at = 0;

	REQUIRE(f.size && f.n && f.n <= BOUND_SECTIONS && (f.n == 1 || (where <= n_runs && f.n <= n_runs - where)));
	for (uint32_t i = 0; i < f.n; i++) {
		uint64_t lba = f.n == 1 ? where : get_le32(runs + 8 * (where + i)),
			 sectors = f.n == 1 ? sectors_of(f.size) : get_le32(runs + 8 * (where + i) + 4);

		REQUIRE(sectors && at < f.size);
		f.extents[i] = (struct extent){.offset = at,
					       .length = min_u64(sectors * SECTOR_BYTES, f.size - at),
					       .pos = lba * SECTOR_BYTES,
					       .kind = EXTENT_DISC};
		at += sectors * SECTOR_BYTES;
	}
	REQUIRE(at - f.size < SECTOR_BYTES);
	return f;
}

/* Entries ascend, lie within what is burned, and are true. */
static inline uint32_t check_contents(const struct disc_check *c, const struct appuse *a)
{
	const uint8_t *table = check_at(c, a->contents_lba, a->contents_bytes), *entry = table + CONTENTS_HEADER_BYTES,
		      *runs;
	uint8_t digest[CONTENT_DIGEST_BYTES];
	uint32_t n = get_le32(table + 16), n_runs = get_le32(table + 20), used = 0;

	REQUIRE(a->contents_lba > a->start_lba &&
		a->contents_lba + sectors_of(a->contents_bytes) < (uint64_t)a->start_lba + a->sectors);
	REQUIRE(memcmp(table, "CDAPPENDFS-CNT 2", 16) == 0 && n && 32 + 32ull * n + 8ull * n_runs == a->contents_bytes);
	runs = entry + 32ull * n;
	for (uint32_t i = 0; i < n; i++, entry += 32) {
		struct check_file f = check_content_entry(entry, runs, n_runs);

		REQUIRE(!i || memcmp(entry - 32, entry, CONTENT_DIGEST_BYTES) <= 0);
		check_content_digest(c, &f, digest);
		REQUIRE(memcmp(entry, digest, sizeof(digest)) == 0);
		for (uint32_t k = 0; k < f.n; k++)
			REQUIRE(f.extents[k].pos + f.extents[k].length <=
				((uint64_t)a->start_lba + a->sectors) * SECTOR_BYTES);
		used += f.n > 1 ? f.n : 0;
	}
	REQUIRE(used == n_runs);
	return n;
}

static inline bool check_has_digest(const struct disc_check *c, const struct appuse *a, const struct check_file *f)
{
	const uint8_t *entry = check_at(c, a->contents_lba, a->contents_bytes) + CONTENTS_HEADER_BYTES;
	uint8_t digest[CONTENT_DIGEST_BYTES];
	uint32_t n = get_le32(entry - CONTENTS_HEADER_BYTES + 16);

	check_content_digest(c, f, digest);
	for (uint32_t i = 0; i < n; i++)
		if (memcmp(entry + 32ull * i, digest, sizeof(digest)) == 0)
			return true;
	return false;
}

/* Every content that is wholly this session's; but of blocks that were copied on the disc itself, which get no digest
 * when they are written again since two files would begin with them. */
static bool check_copied_blocks;
static inline void check_all_listed(const struct disc_check *c, const struct appuse *a)
{
	for (size_t i = 0; i < c->n_files; i++) {
		const struct check_file *f = &c->files[i];
		bool whole = !check_copied_blocks;

		for (uint32_t k = 0; k < f->n; k++)
			whole &= f->extents[k].pos >= (uint64_t)a->start_lba * SECTOR_BYTES;
		REQUIRE(!whole || (a->flags & APPUSE_CONTENTS && check_has_digest(c, a, f)));
	}
}

/* The newest session was burned with sharing. */
static inline void check_all_contents(const struct disc_check *c, const struct disc_session *sessions, size_t n,
				      struct disc_found *found)
{
	struct appuse a;

	for (size_t i = 0; i < n; i++)
		if (sessions[i].ours && appuse_decode(check_at(c, sessions[i].descriptor_lba, SECTOR_BYTES), &a) == 0 &&
		    a.flags & APPUSE_CONTENTS)
			found->contents += check_contents(c, &a);
	check_all_listed(c, &found->appuse);
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
	check_all_contents(&c, sessions, n, found);
	iso_entry_release(&root);
	iso_unref(c.iso);
	disc_close(c.disc);
	munmap((void *)(uintptr_t)c.image, c.bytes);
	close(fd);
	free(sessions);
	free(c.rock.list);
	free(c.joliet.list);
	free(c.names);
	free(c.files);
}

#endif
