/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lookup.c - one entry by its name, or by its locator
 *
 * Small directories are searched; their sectors stay in the cache.  Larger ones have an index of names (index.c),
 * which says at which records to look.  Of two entries with one name the first is found, in either way.
 */
#include <string.h>
#include <sys/stat.h>

#include "fs/iso/internal.h"

/* The entry whose record is at `at`: 1, 0 or an errno. */
static int decode_at(struct cursor *c, uint32_t at, struct iso_entry *ret)
{
	const uint8_t *record;
	int more;

	c->at = at;
	more = cursor_next_record(c, &record, &at);
	if (more > 0 && (record_is_dots(record) || record_flags(record) & ISO_ASSOCIATED))
		return 0;
	return more > 0 ? entry_decode(c, record, at, DECODE_ALL, ret) : more;
}

static int search(struct cursor *c, const char *name, struct iso_entry *ret)
{
	struct iso_entry e;
	uint32_t at;
	int more;

	while ((more = cursor_next(c, DECODE_NAME, &e, &at)) > 0)
		if (!strcmp(e.name, name))
			break;
	if (more > 0)
		more = decode_at(c, at, ret);
	return more < 0 ? more : more ? 0 : -ENOENT;
}

static int search_index(struct cursor *c, const struct name_index *index, const char *name, struct iso_entry *ret)
{
	uint32_t hash = index_hash(c->iso, name), at;
	size_t state = 0;

	c->chunk = 1;
	c->window.ahead = 1;
	while (index_next(index, hash, &state, &at)) {
		struct iso_entry e;
		int more = decode_at(c, at, &e);

		if (more < 0)
			return more;
		if (more && !strcmp(e.name, name)) {
			*ret = e;
			return 0;
		}
		if (more)
			iso_entry_release(&e);
	}
	return cursor_end(c, index_has_gaps(index)) ?: -ENOENT;
}

int iso_lookup(struct iso *iso, struct iso_extent dir, const char *name, struct iso_entry *ret)
{
	_cleanup_cursor_ struct cursor c = {0};
	struct name_index *index;
	int r;

	if (strnlen(name, 256) > 255)
		return -ENAMETOOLONG;
	if (!*name)
		return -ENOENT;
	r = cursor_begin(&c, iso, dir);
	if (r)
		return r;
	if (sectors_of(dir.bytes) <= SMALL_DIRECTORY_SECTORS)
		return search(&c, name, ret);
	r = index_get(iso, dir, &index);
	if (r == -EFBIG)
		return search(&c, name, ret);
	if (r)
		return r;
	r = search_index(&c, index, name, ret);
	index_put(iso, index);
	return r;
}

int locator_record(struct iso *iso, uint64_t locator, struct cursor *c, const uint8_t **ret, uint32_t *ret_at)
{
	unsigned shift = iso->block_shift;
	uint64_t pos = locator & ((1ull << (32 + shift)) - 1), behind = locator >> LOCATOR_SHIFT;
	uint64_t phase = (locator & ((1ull << LOCATOR_SHIFT) - 1)) >> (32 + shift) << shift;
	uint64_t first = ((pos - phase) & ~(uint64_t)(SECTOR_BYTES - 1)) + phase;
	struct iso_extent rest = {(uint32_t)(first >> shift), 0};
	int r;

	if (behind >= DIRECTORY_MAX_BYTES / SECTOR_BYTES || pos < phase)
		return -EBADMSG;
	rest.bytes = (uint32_t)(behind + 1) * SECTOR_BYTES;
	r = cursor_begin(c, iso, rest);
	if (r < 0)
		return r;
	c->is_rest = true;
	c->chunk = 1;
	c->window.ahead = 1;
	c->at = (uint32_t)(pos - first);
	return cursor_next_record(c, ret, ret_at);
}

int iso_entry_at(struct iso *iso, uint64_t locator, struct iso_entry *ret)
{
	_cleanup_cursor_ struct cursor c = {0};
	const uint8_t *record;
	uint32_t at;
	int more = locator_record(iso, locator, &c, &record, &at);

	if (more > 0 && record_is_dot(record)) {
		/* iso_root() gave it; a root of another session may be asked for as well. */
		struct iso_extent self = {c.lba, c.lba == iso->root.lba ? iso->root.bytes : record_bytes(record)};
		return entry_decode_self(iso, self, ret);
	}
	if (more > 0)
		more = entry_decode(&c, record, at, DECODE_ALL, ret);
	return more < 0 ? more : more ? 0 : -ENOENT;
}

int iso_lookup_path(struct iso *iso, const char *path, struct iso_entry *ret)
{
	_cleanup_entry_ struct iso_entry at = {.ino = 0};
	int r = iso_root(iso, &at);

	while (!r && *path) {
		struct iso_entry next = {.ino = 0};
		size_t n = strcspn(path, "/");
		char name[256];

		if (n >= sizeof(name) || !S_ISDIR(at.mode))
			return -ENOENT;
		memcpy(name, path, n);
		name[n] = '\0';
		r = iso_lookup(iso, at.dir, name, &next);
		if (r)
			return r;
		iso_entry_release(&at);
		at = next;
		path += n;
		path += *path == '/';
	}
	if (!r) {
		*ret = at;
		memset(&at, 0, sizeof(at));
	}
	return r;
}
