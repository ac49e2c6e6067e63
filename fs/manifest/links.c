/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * links.c - in which directories the other names of changed files are
 *
 * A row tells one directory of its file at most.  Of a file with several names the base's link table
 * (burner/format/link_table.h) tells all, and the way up from each.  Only a few pieces of the table are read
 * (disc_table.h), and only when such a file has changed.  Whether all names were found is checked later, by
 * counting them: what the table says is a hint.
 */
#include "fs/manifest/internal.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "burner/base/bytes.h"
#include "burner/format/link_table.h"
#include "fs/manifest/disc_table.h"

#define WAY_MAX 65536u /* no way is longer: a loop */

static bool child_before(const uint8_t *record, const void *key)
{
	return link_pair_decode(record).child < *(const uint32_t *)key;
}

/* *ret: the first pair of that child; n when there is none. */
static int find(struct disc_table *t, uint32_t child, uint32_t *ret)
{
	return disc_table_find(t, 0, &child, child_before, ret);
}

static int pair_at(struct disc_table *t, uint32_t i, struct link_pair *ret)
{
	const uint8_t *at;
	int r = disc_table_at(t, i, &at);

	if (!r)
		*ret = link_pair_decode(at);
	return r;
}

/* The directory and all above it, up to one that is written anyway. */
static int need_way(struct build *b, struct disc_table *ways, uint32_t directory)
{
	for (uint32_t n = 0; n < WAY_MAX; n++) {
		struct link_pair pair;
		uint32_t at;
		int r;

		if (directory == TREE_ROOT || build_find_row(b, directory) != SIZE_MAX ||
		    numbers_first(&b->needed, directory) != NUMBERS_NONE)
			return 0;
		r = numbers_add(&b->needed, directory, 0);
		if (!r)
			r = find(ways, directory, &at);
		if (r || at == ways->n)
			return r;
		r = pair_at(ways, at, &pair);
		if (r || pair.child != directory)
			return r;
		directory = pair.parent;
	}
	return -EUCLEAN;
}

static int need_names(struct build *b, struct disc_table *names, struct disc_table *ways, uint32_t serial)
{
	struct link_pair pair = {serial, 0};
	uint32_t at;
	int r = find(names, serial, &at);

	for (; !r && at < names->n; at++) {
		r = pair_at(names, at, &pair);
		if (r || pair.child != serial)
			break;
		r = need_way(b, ways, pair.parent);
	}
	return r;
}

/* Has it names that its row does not tell? */
static bool is_linked(const struct stage_node *staged)
{
	return !S_ISDIR(staged->mode) && staged->ino <= UINT32_MAX && (staged->nlink > 1 || !staged->parent);
}

static int open_sections(struct build *b, const struct appuse *base, struct disc_table *names, struct disc_table *ways)
{
	uint64_t pos = (uint64_t)base->links_lba * SECTOR_BYTES;
	uint8_t header[LINKS_HEADER_BYTES];
	int r = iso_read_disc(b->held->disc, pos, header, sizeof(header));

	if (r)
		return r;
	*names = *ways = (struct disc_table){.disc = b->held->disc, .record_bytes = LINKS_PAIR_BYTES};
	if (links_header_decode(header, base->links_bytes, &names->n, &ways->n) < 0)
		return -EUCLEAN;
	names->pos = pos + LINKS_HEADER_BYTES;
	ways->pos = names->pos + (uint64_t)names->n * LINKS_PAIR_BYTES;
	return 0;
}

/* It is a hint: with one that cannot be read all directories are written. */
static int none_of(int error) { return disc_is_damage(error) ? -EUCLEAN : error; }

int build_find_links(struct build *b, const struct appuse *base)
{
	_cleanup_(disc_table_release) struct disc_table names = {.disc = NULL}, ways = {.disc = NULL};
	int r = 0;

	if (!base->links_bytes)
		return 0;
	for (size_t i = 0; !r && i < b->rows->n_nodes; i++) {
		if (!is_linked(&b->rows->nodes[i]))
			continue;
		if (!names.disc)
			r = open_sections(b, base, &names, &ways);
		if (!r)
			r = need_names(b, &names, &ways, (uint32_t)b->rows->nodes[i].ino);
	}
	return none_of(r);
}
