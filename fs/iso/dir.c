/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dir.c - a cursor over the records of one directory, and iso_dir, which is one
 *
 * The directory is read in chunks; a small one whole, through the sector cache.  After an error the cursor stands before the
 * record it could not give, so that a request answered -EAGAIN can be repeated.
 */
#include <string.h>

#include "fs/iso/room.h"

#define CHUNK_SECTORS 32u
#define CONTINUATION_AHEAD_SECTORS 16u

int cursor_begin(struct cursor *c, struct iso *iso, struct iso_extent dir)
{
	uint64_t sectors = sectors_of(dir.bytes);

	if (dir.bytes > DIRECTORY_MAX_BYTES || dir.lba + sectors > 1ull << 32 || (iso->limit_sectors && sectors > iso->limit_sectors))
		return -EBADMSG;
	*c = (struct cursor){.iso = iso, .lba = dir.lba, .bytes = dir.bytes};
	c->chunk = (uint32_t)min_u64(sectors, CHUNK_SECTORS);
	c->window.ahead = sectors > SMALL_DIRECTORY_SECTORS ? CONTINUATION_AHEAD_SECTORS : 1;
	return 0;
}

void cursor_release(struct cursor *c)
{
	free(c->buf);
	c->buf = NULL;
	c->n = 0;
	window_release(&c->window);
}

/* Have the given sector of the directory in the buffer. */
static int cursor_load(struct cursor *c, uint32_t sector)
{
	uint32_t n = (uint32_t)min_u64(c->chunk, sectors_of(c->bytes) - sector);
	int err;

	if (sector - c->first < c->n)
		return 0;
	if (!c->buf)
		c->buf = malloc((size_t)c->chunk * SECTOR_BYTES);
	if (!c->buf)
		return -ENOMEM;
	c->n = 0;
	err = iso_read_sectors(c->iso, c->lba + sector, c->buf, n);
	/* Give what comes before an unreadable sector. */
	if (err == -EIO && n > 1)
		err = iso_read_sectors(c->iso, c->lba + sector, c->buf, n = 1);
	if (err)
		return err;
	c->first = sector;
	c->n = n;
	return 0;
}

int cursor_next_record(struct cursor *c, const uint8_t **ret, uint32_t *ret_at)
{
	while (c->at < c->bytes) {
		uint32_t sector = c->at >> SECTOR_SHIFT, inside = c->at & (SECTOR_BYTES - 1);
		uint32_t room = (uint32_t)min_u64(SECTOR_BYTES - inside, c->bytes - c->at);
		const uint8_t *p;
		int err = cursor_load(c, sector);

		if (err)
			return err;
		p = c->buf + (size_t)(sector - c->first) * SECTOR_BYTES + inside;
		if (!p[0]) {
			/* Records do not cross sectors: the rest of this one is empty. */
			c->at = (sector + 1) << SECTOR_SHIFT;
			continue;
		}
		if (!record_is_sound(p, room))
			return -EBADMSG;
		*ret = p;
		*ret_at = c->at;
		c->at += record_length(p);
		return 1;
	}
	return 0;
}

int cursor_next(struct cursor *c, enum decode_depth depth, struct iso_entry *ret, uint32_t *ret_at)
{
	const uint8_t *record;
	uint32_t at;
	int more;

	while ((more = cursor_next_record(c, &record, &at)) > 0) {
		if (record_is_dots(record) || record_flags(record) & RECORD_ASSOCIATED)
			continue;
		more = entry_decode(c, record, at, depth, ret);
		if (more < 0)
			c->at = at;
		else if (more && ret_at)
			*ret_at = at;
		if (more)
			break;
	}
	return more;
}

struct iso_dir { struct cursor cursor; };

int iso_dir_open(struct iso *iso, struct iso_extent dir, struct iso_dir **ret)
{
	struct iso_dir *d = malloc(sizeof(*d));
	int err = d ? cursor_begin(&d->cursor, iso, dir) : -ENOMEM;

	if (err) {
		free(d);
		return err;
	}
	iso_ref(iso);
	*ret = d;
	return 0;
}

int iso_dir_next(struct iso_dir *d, struct iso_entry *ret)
{
	return cursor_next(&d->cursor, DECODE_ALL, ret, NULL);
}

int iso_dir_next_name(struct iso_dir *d, struct iso_entry *ret)
{
	return cursor_next(&d->cursor, DECODE_NAME, ret, NULL);
}

int iso_dir_at(struct iso_dir *d, uint64_t locator, struct iso_entry *ret)
{
	struct cursor *c = &d->cursor;
	uint64_t pos = locator & ((1ull << LOCATOR_SHIFT) - 1), start = (uint64_t)c->lba * SECTOR_BYTES;
	const uint8_t *record;
	uint32_t at;
	int more;

	if (pos < start || pos - start >= c->bytes)
		return -EBADMSG;
	c->at = (uint32_t)(pos - start);
	more = cursor_next_record(c, &record, &at);
	if (more > 0)
		more = entry_decode(c, record, at, DECODE_ALL, ret);
	return more < 0 ? more : more ? 0 : -ENOENT;
}

void iso_dir_close(struct iso_dir *d)
{
	if (!d)
		return;
	iso_unref(d->cursor.iso);
	cursor_release(&d->cursor);
	free(d);
}
