/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/fuzz/common/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/bytes.h"
#include "burner/base/xattrs.h"
#include "fs/iso/iso.h"

#define NODES_MAX 300u
#define ENTRIES_MAX 4000u

static uint64_t random_state;
static bool unstable;

void walk_unstable_discs(void) { unstable = true; }

void walk_seed(uint64_t seed) { random_state = seed; }

/* splitmix64 */
static uint64_t next_random(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint64_t walk_below(uint64_t n) { return n ? next_random() % n : 0; }

/* ---- the disc ---- */

static int memory_read(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors)
{
	struct memory_disc *m = (struct memory_disc *)d;

	if (lba >= m->sectors || n_sectors > m->sectors - lba)
		return -EIO;
	m->n_reads++;
	m->bytes_read += (uint64_t)n_sectors * SECTOR_BYTES;
	memcpy(buf, m->data + (size_t)lba * SECTOR_BYTES, (size_t)n_sectors * SECTOR_BYTES);
	return 0;
}

static int memory_state(struct disc *d, struct disc_state *ret)
{
	*ret = (struct disc_state){.name = "memory", .used_sectors = ((struct memory_disc *)d)->used_sectors};
	return 0;
}

void memory_disc_init(struct memory_disc *m, const uint8_t *data, uint32_t sectors)
{
	static const struct disc_ops ops = {.read = memory_read, .state = memory_state};

	*m = (struct memory_disc){.disc = {.ops = &ops}, .data = data, .sectors = sectors, .used_sectors = sectors};
}

/* ---- the walk ---- */

static void read_file(struct iso *iso, const struct iso_entry *e)
{
	static uint8_t buf[70000];

	for (unsigned i = 0; i < 4; i++) {
		uint64_t at = i == 0 ? 0 : walk_below(e->size);
		size_t n = (size_t)min_u64(walk_below(sizeof(buf)), e->size - at);
		if (zisofs_used(&e->zisofs))
			(void)!iso_zisofs_read(iso_disc(iso), &e->zisofs, e->extents, e->n_extents, e->size, at, buf,
					       n);
	}
	for (uint32_t i = 0; i < e->n_extents && i < 4; i++) {
		const struct extent *x = &e->extents[i];
		uint64_t at = walk_below(x->length);
		(void)!iso_read_disc(iso_disc(iso), x->pos + at, buf,
				     (size_t)min_u64(walk_below(sizeof(buf)), x->length - at));
	}
}

/* What every caller may rely on. */
static void check_entry(const struct iso_entry *e)
{
	uint64_t end = 0;

	if (!e->name[0] || strnlen(e->name, 256) > 255 || strchr(e->name, '/') || !strcmp(e->name, ".") ||
	    !strcmp(e->name, ".."))
		abort();
	if (S_ISLNK(e->mode) != !!e->target || (e->target && strlen(e->target) > 4095) || e->locator >> 63)
		abort();
	for (uint32_t i = 0; i < e->n_extents; i++) {
		if (e->extents[i].offset != end || !e->extents[i].length || e->extents[i].kind != EXTENT_DISC)
			abort();
		end += e->extents[i].length;
	}
	if (S_ISREG(e->mode) && !zisofs_used(&e->zisofs) && end != e->size)
		abort();
}

static void read_xattrs(struct iso *iso, const struct iso_entry *e)
{
	uint8_t *set;
	size_t n;

	if (!e->xattrs_at || iso_xattrs(iso, e->xattrs_at, &set, &n))
		return;
	if (xattrs_check(set, n))
		abort();
	free(set);
}

static void visit_entry(struct iso *iso, struct iso_extent dir, const struct iso_entry *e)
{
	struct iso_entry other = {0};

	check_entry(e);
	read_xattrs(iso, e);
	if (S_ISREG(e->mode) && !walk_below(3))
		read_file(iso, e);
	if (!walk_below(8) && !iso_lookup(iso, dir, e->name, &other)) {
		check_entry(&other);
		iso_entry_release(&other);
	}
	if (!walk_below(8)) {
		if (iso_entry_at(iso, e->locator, &other))
			return;
		if (!unstable && (strcmp(other.name, e->name) || other.ino != e->ino))
			abort();
		iso_entry_release(&other);
	}
}

/* Gone on with where the listing was, and between two records. */
static void seek(struct iso_dir *d, uint32_t told, const struct iso_entry *e)
{
	struct iso_entry other = {0};

	if (!iso_dir_seek(d, told + walk_below(64)) && iso_dir_next(d, &other) > 0)
		iso_entry_release(&other);
	if (iso_dir_seek(d, told) || iso_dir_next(d, &other) <= 0)
		return;
	if (!unstable && other.locator != e->locator)
		abort();
	iso_entry_release(&other);
}

static void walk(struct iso *iso)
{
	struct iso_extent queue[NODES_MAX];
	unsigned n = 0, entries = 0;
	struct iso_entry e = {0};

	if (iso_root(iso, &e))
		return;
	queue[n++] = e.dir;
	for (unsigned i = 0; i < n; i++) {
		_cleanup_(iso_dir_closep) struct iso_dir *d = NULL, *names = NULL, *again = NULL;
		bool after_directory = false; /* one that says it goes on is followed by what is none of it */

		if (iso_dir_open(iso, queue[i], &d) || iso_dir_open(iso, queue[i], &names) ||
		    iso_dir_open(iso, queue[i], &again))
			continue;
		for (uint32_t told; told = iso_dir_tell(d), entries++ < ENTRIES_MAX && iso_dir_next(d, &e) > 0;) {
			if (!after_directory && !walk_below(4))
				seek(again, told, &e);
			after_directory = S_ISDIR(e.mode);
			if (S_ISDIR(e.mode) && n < NODES_MAX)
				queue[n++] = e.dir;
			visit_entry(iso, queue[i], &e);
			iso_entry_release(&e);
		}
		while (entries++ < ENTRIES_MAX && iso_dir_next_name(names, &e) > 0)
			;
		if (!iso_lookup(iso, queue[i], "some-file-with-a-name-7", &e))
			iso_entry_release(&e);
	}
}

void walk_session(struct disc *d, uint32_t descriptor_lba)
{
	struct iso *iso = NULL;

	if (iso_open(d, descriptor_lba, &iso))
		return;
	walk(iso);
	iso_unref(iso);
}
