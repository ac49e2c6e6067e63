/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * links.c - which names of a foreign session are one file
 *
 * Foreign serials are not trusted, and equal content is no identity: files that are shared, de-duplicated or copied
 * from a session of ours begin with one block and are files of their own.  Names are one file when their records are
 * equal in all that is told of a file (extents, attributes, times, link count, serial) and when there are just as
 * many of them in the whole tree as their link count says.  No record can tell that by itself: the first one that may
 * be a link has the tree walked, once.  Nothing is walked for a disc on which each file has one name.
 *
 * A class is what is equal.  The number of a whole one is the first block << 6 | 63 (no record of 34 bytes starts in
 * the last 32 of a sector, so 63 is free); of several whole ones with the same first block only the one with the
 * lowest record has that, the others have the number of their lowest record.  Names of all other classes are files
 * of their own, with the number of their record.  Only what is not the rule is kept.
 *
 * When the tree cannot be read to its end nothing is known, and each name is a file of its own; such a disc is not
 * written to (iso_links_unknown()).  Where something is staged already it is an error instead: rows have numbers, and
 * those of links would not be found (iso_require_links()).
 */
#include <string.h>
#include <sys/stat.h>

#include "burner/base/grow.h"
#include "burner/base/hash.h"
#include "burner/base/idmap.h"
#include "fs/iso/internal.h"

#define CLASSES_MAX (1u << 20) /* with more of them each name is a file of its own: memory has bounds */

struct link_class {
	uint64_t key;
	uint32_t lba, n_names, nlink, lowest; /* lowest: the number of a record */
};

struct link_walk {
	struct table classes;
	bool too_many;
	struct iso_extent *queue; /* directories; all that were met */
	size_t n, capacity;
	struct iso_room room;
};

static void link_walk_release(struct link_walk *w)
{
	table_release(&w->classes);
	free(w->queue);
	iso_room_release(&w->room);
}

static uint64_t hash_time(uint64_t h, struct timespec time)
{
	return hash_number(hash_number(h, (uint64_t)time.tv_sec), (uint64_t)time.tv_nsec);
}

/* Of all that records of one file have in common; seeded at random, so that no disc can make two equal. */
static uint64_t key_of(const struct iso *iso, const struct iso_entry *e, uint32_t serial)
{
	const struct zisofs *z = &e->zisofs;
	uint64_t h = hash_number(iso->hash_seed, (uint64_t)e->mode << 32 | serial);

	h = hash_number(h, (uint64_t)e->uid << 32 | e->gid);
	h = hash_number(h, (uint64_t)e->nlink << 32 | e->n_extents);
	h = hash_number(h, e->size);
	h = hash_time(hash_time(hash_time(h, e->atime), e->mtime), e->ctime);
	h = hash_number(h, (uint64_t)z->algorithm[0] << 24 | (uint64_t)z->algorithm[1] << 16 |
				   (uint64_t)z->header_words << 8 | z->block_shift);
	for (uint32_t i = 0; i < e->n_extents; i++)
		h = hash_number(hash_number(h, e->extents[i].pos), e->extents[i].length);
	return h | 1; /* 0 is no key */
}

/* ---- the walk ---- */

static int note(struct link_walk *w, uint64_t key, uint32_t first_lba, uint32_t nlink, uint64_t record)
{
	struct link_class *c = w->too_many ? NULL : table_find(&w->classes, key);

	if (w->too_many)
		return 0;
	if (!c) {
		w->too_many = w->classes.count == CLASSES_MAX;
		if (w->too_many)
			return 0;
		if (table_reserve(&w->classes, sizeof(*c), 1))
			return -ENOMEM;
		c = table_add(&w->classes, key);
		*c = (struct link_class){key, first_lba, 0, nlink, (uint32_t)record};
	}
	c->n_names++;
	if (record < c->lowest)
		c->lowest = (uint32_t)record;
	return 0;
}

static int add_directory(struct link_walk *w, struct iso_extent dir)
{
	int r = iso_room_take(&w->room, dir);

	if (r)
		return r < 0 ? r : 0;
	if (grow(&w->queue, &w->capacity, w->n, sizeof(*w->queue)))
		return -ENOMEM;
	w->queue[w->n++] = dir;
	return 0;
}

static int walk_directory(struct iso *iso, struct link_walk *w, struct iso_extent dir)
{
	_cleanup_cursor_ struct cursor c = {0};
	int more = cursor_begin(&c, iso, dir);

	if (more < 0)
		return more;
	c.walk = w;
	c.passes_gaps = true; /* a file with a name that is missing is not whole */
	for (;;) {
		_cleanup_entry_ struct iso_entry e = {.ino = 0};

		more = cursor_next(&c, DECODE_ALL, &e, NULL);
		if (more > 0 && S_ISDIR(e.mode))
			more = add_directory(w, e.dir) ?: 1;
		if (more <= 0)
			return more;
	}
}

static int walk_tree(struct iso *iso, struct link_walk *w)
{
	int r;

	iso_room_init(iso, &w->room);
	r = add_directory(w, iso->root);
	for (uint32_t i = 0; !r && i < w->n; i++)
		r = walk_directory(iso, w, w->queue[i]);
	return r;
}

/* ---- what is kept of it ---- */

static bool is_whole(const struct link_class *c) { return c->n_names == c->nlink; }

/* For each first block the lowest record of its whole classes. */
static int find_rules(const struct table *classes, struct idmap *ret)
{
	for (const struct link_class *c = NULL; (c = table_next(classes, c));) {
		uint64_t lowest;

		if (!is_whole(c) || (idmap_get(ret, c->lba, &lowest) && lowest < c->lowest))
			continue;
		if (idmap_reserve(ret, 1))
			return -ENOMEM;
		idmap_put(ret, c->lba, c->lowest);
	}
	return 0;
}

static int keep_exceptions(const struct table *classes, const struct idmap *rules, struct idmap *ret)
{
	for (const struct link_class *c = NULL; (c = table_next(classes, c));) {
		uint64_t lowest;

		if (is_whole(c) && idmap_get(rules, c->lba, &lowest) && lowest == c->lowest)
			continue;
		if (idmap_reserve(ret, 1))
			return -ENOMEM;
		idmap_put(ret, c->key, is_whole(c) ? c->lowest : 0);
	}
	return 0;
}

static int find_links(struct iso *iso, struct links *links)
{
	_cleanup_(link_walk_release) struct link_walk w = {.classes = {.seed = iso->hash_seed}};
	_cleanup_(idmap_release) struct idmap rules = {{0}};
	int r = walk_tree(iso, &w);

	if (r || w.too_many)
		return r ? r : LINKS_NONE;
	r = find_rules(&w.classes, &rules);
	if (!r)
		r = keep_exceptions(&w.classes, &rules, &links->exceptions);
	if (r)
		idmap_release(&links->exceptions);
	return r ? r : LINKS_KNOWN;
}

/* Whoever comes meanwhile waits: two walks would take twice as long. */
static int links_know(struct iso *iso, enum links_state *ret)
{
	struct links *links = &iso->links;
	int r = atomic_load(&links->state);

	if (r == LINKS_UNKNOWN || (r == LINKS_UNREADABLE && atomic_load(&links->required))) {
		pthread_mutex_lock(&links->lock);
		r = atomic_load(&links->state);
		if (r == LINKS_UNKNOWN)
			r = find_links(iso, links);
		if (disc_is_damage(r) && !atomic_load(&links->required))
			r = LINKS_UNREADABLE;
		if (r > 0)
			atomic_store(&links->state, r);
		pthread_mutex_unlock(&links->lock);
	}
	if (r < 0)
		return r;
	*ret = (enum links_state)r;
	return 0;
}

int links_number(struct cursor *c, uint32_t serial, uint32_t first_lba, struct iso_entry *e)
{
	struct iso *iso = c->iso;
	enum links_state state = LINKS_UNKNOWN;
	uint64_t key = key_of(iso, e, serial), other;
	int r;

	if (c->walk)
		return note(c->walk, key, first_lba, e->nlink, e->ino);
	r = links_know(iso, &state);
	if (r)
		return r;
	if (state == LINKS_KNOWN && !idmap_get(&iso->links.exceptions, key, &other))
		e->ino = (uint64_t)first_lba << 6 | 63;
	else if (state == LINKS_KNOWN && other)
		e->ino = other;
	else
		e->nlink = 1;
	return 0;
}

void iso_require_links(struct iso *iso) { atomic_store(&iso->links.required, true); }

bool iso_links_unknown(const struct iso *iso) { return atomic_load(&iso->links.state) == LINKS_UNREADABLE; }
