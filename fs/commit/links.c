/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * links.c - in which directories the other names of changed files are
 *
 * A row tells one directory of its file at most.  Of a file with several names the base's link table (cdappendfs/links.h) tells all, and the way
 * up from each.  The table is searched by halving, through a window of the disc, so that only a few pieces of it are read; and only
 * when such a file has changed.  Whether all names were found is checked later, by counting them: what the table says is a hint.
 */
#include "fs/commit/build.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "cdappendfs/bytes.h"
#include "cdappendfs/links.h"

#define WINDOW_SECTORS 32u
#define WINDOW_PAIRS (WINDOW_SECTORS * SECTOR_BYTES / LINKS_PAIR_BYTES)
#define WAY_MAX 65536u			/* no way is longer: a loop */

/* One section of the table. */
struct section {
	struct disc *disc;
	uint64_t pos;			/* bytes on the disc */
	uint32_t n;			/* pairs */
	uint32_t first, n_loaded;	/* pairs in the window */
	uint8_t *window;
};

static void section_release(struct section *s) { free(s->window); }

static int load(struct section *s, uint32_t i)
{
	uint32_t first = i / WINDOW_PAIRS * WINDOW_PAIRS, n = (uint32_t)min_u64(s->n - first, WINDOW_PAIRS);
	int result;

	if (i - s->first < s->n_loaded)
		return 0;
	s->n_loaded = 0;
	if (!s->window && !(s->window = malloc((size_t)WINDOW_PAIRS * LINKS_PAIR_BYTES)))
		return -ENOMEM;
	result = iso_read_disc(s->disc, s->pos + (uint64_t)first * LINKS_PAIR_BYTES, s->window, (size_t)n * LINKS_PAIR_BYTES);
	if (result)
		return result;
	s->first = first;
	s->n_loaded = n;
	return 0;
}

static int pair_at(struct section *s, uint32_t i, struct link_pair *ret)
{
	int result = load(s, i);
	const uint8_t *at;

	if (result)
		return result;
	at = s->window + (size_t)(i - s->first) * LINKS_PAIR_BYTES;
	*ret = (struct link_pair){get_le32(at), get_le32(at + 4)};
	return 0;
}

/* *ret: the first pair of that child; s->n when there is none. */
static int find(struct section *s, uint32_t child, uint32_t *ret)
{
	uint32_t low = 0, high = s->n;
	struct link_pair pair;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int result = pair_at(s, middle, &pair);

		if (result)
			return result;
		if (pair.child < child)
			low = middle + 1;
		else
			high = middle;
	}
	*ret = low;
	return 0;
}

/* The directory and all above it, up to one that is written anyway. */
static int need_way(struct build *b, struct section *ways, uint32_t directory)
{
	for (uint32_t n = 0; n < WAY_MAX; n++) {
		struct link_pair pair;
		uint32_t at;
		int result;

		if (directory == TREE_ROOT || build_find_row(b, directory) != SIZE_MAX || numbers_first(&b->needed, directory) != NUMBERS_NONE)
			return 0;
		result = numbers_add(&b->needed, directory, 0);
		if (!result)
			result = find(ways, directory, &at);
		if (result || at == ways->n)
			return result;
		result = pair_at(ways, at, &pair);
		if (result || pair.child != directory)
			return result;
		directory = pair.parent;
	}
	return -EUCLEAN;
}

static int need_names(struct build *b, struct section *names, struct section *ways, uint32_t serial)
{
	struct link_pair pair = {serial, 0};
	uint32_t at;
	int result = find(names, serial, &at);

	for (; !result && at < names->n; at++) {
		result = pair_at(names, at, &pair);
		if (result || pair.child != serial)
			break;
		result = need_way(b, ways, pair.parent);
	}
	return result;
}

/* Has it names that its row does not tell? */
static bool is_linked(const struct stage_node *r) { return !S_ISDIR(r->mode) && r->ino <= UINT32_MAX && (r->nlink > 1 || !r->parent); }

static int open_sections(struct build *b, const struct appuse *base, struct section *names, struct section *ways)
{
	uint64_t pos = (uint64_t)base->links_lba * SECTOR_BYTES;
	uint8_t header[LINKS_HEADER_BYTES];
	int result = iso_read_disc(b->held->disc, pos, header, sizeof(header));

	if (result)
		return result;
	names->disc = ways->disc = b->held->disc;
	if (links_header_decode(header, base->links_bytes, &names->n, &ways->n) < 0)
		return -EUCLEAN;
	names->pos = pos + LINKS_HEADER_BYTES;
	ways->pos = names->pos + (uint64_t)names->n * LINKS_PAIR_BYTES;
	return 0;
}

int build_find_links(struct build *b, const struct appuse *base)
{
	_cleanup_(section_release) struct section names = {.window = NULL}, ways = {.window = NULL};
	int result = 0;

	if (!base->links_bytes)
		return 0;
	for (size_t i = 0; !result && i < b->rows->n_nodes; i++) {
		if (!is_linked(&b->rows->nodes[i]))
			continue;
		if (!names.disc)
			result = open_sections(b, base, &names, &ways);
		if (!result)
			result = need_names(b, &names, &ways, (uint32_t)b->rows->nodes[i].ino);
	}
	return result;
}
