/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * parents.c - how many directories have directories in them
 *
 * In a path table a directory names its parent by a number of 16 bits, so there are at most 65,535 parents; of others
 * there may be more. As long as there are fewer directories nobody counts. Then those of the base are counted once,
 * by its path table, and what changes is told by the link counts: that of a directory is 2 and one for each in it.
 */
#include "fs/tree/internal.h"

#include <errno.h>
#include <stdlib.h>

#include "burner/format/path_table.h"

#define WINDOW_BYTES (64u << 10)

/* What has 1 link, on discs of others, does not tell: it is as if it had some. */
static bool is_parent(const struct node *dir) { return dir->nlink != 2; }

bool parents_wanted_locked(const struct tree *t)
{
	lock_assert(&t->lock);
	return t->base && t->space.directories >= PATH_PARENTS_MAX && t->space.parents_epoch != t->epoch + 1;
}

int parents_admit_locked(const struct tree *t, const struct node *dir)
{
	lock_assert(&t->lock);
	const struct space *s = &t->space;
	int64_t all = (int64_t)(s->parents_epoch == t->epoch + 1 ? s->base_parents : 0) + s->more_parents;

	return s->directories >= PATH_PARENTS_MAX && !is_parent(dir) && all >= (int64_t)PATH_PARENTS_MAX ? -EMLINK : 0;
}

void directory_gains_locked(struct tree *t, struct node *dir)
{
	lock_assert(&t->lock);
	t->space.more_parents += !is_parent(dir);
	if (dir->nlink > 1)
		dir->nlink++;
}

void directory_loses_locked(struct tree *t, struct node *dir)
{
	lock_assert(&t->lock);
	if (dir->nlink <= 2)
		return;
	dir->nlink--;
	t->space.more_parents -= !is_parent(dir);
}

struct counting {
	uint8_t seen[(PATH_PARENTS_MAX + 1) / 8];
	uint64_t count;
	uint16_t last;
	bool ascending;
};

/* The numbers of parents that a piece of the table names; *at: the first byte of a record that is not whole. */
static int count_piece(const uint8_t *piece, size_t n, size_t *at, struct counting *c)
{
	struct path_record record;

	for (*at = 0; n - *at >= PATH_RECORD_FIXED_BYTES;) {
		if (path_record_decode(piece + *at, PATH_TABLE_L, &record) < 0)
			return -EBADMSG;
		size_t bytes = path_record_bytes(record.identifier_bytes);
		if (n - *at < bytes)
			break;
		*at += bytes;
		c->count += !(c->seen[record.parent / 8] >> record.parent % 8 & 1);
		c->seen[record.parent / 8] |= (uint8_t)(1u << record.parent % 8);
		c->ascending = c->ascending && record.parent >= c->last;
		c->last = record.parent;
	}
	return 0;
}

int parents_count(struct iso *base, uint64_t *ret, bool *ret_ascending)
{
	_free_ uint8_t *window = malloc(WINDOW_BYTES);
	_free_ struct counting *c = calloc(1, sizeof(*c));
	struct iso_info info = {0};
	size_t kept = 0, at = 0;
	int r = 0;

	if (!window || !c)
		return -ENOMEM;
	c->ascending = true;
	iso_info(base, &info);
	uint64_t pos = (uint64_t)info.tables[0].lba[PATH_TABLE_L] * SECTOR_BYTES, left = info.tables[0].bytes;
	while (r == 0 && left) {
		size_t n = min_u64(left, WINDOW_BYTES - kept);

		r = iso_read_disc(iso_disc(base), pos, window + kept, n);
		if (r == 0)
			r = count_piece(window, kept + n, &at, c);
		if (r < 0)
			break;
		pos += n;
		left -= n;
		kept = kept + n - at;
		memmove(window, window + at, kept);
	}
	if (r < 0)
		return r;
	*ret = c->count;
	*ret_ascending = c->ascending;
	return 0;
}
