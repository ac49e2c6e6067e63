/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dir.c - a cursor over the records of one directory, and iso_dir, which is one
 *
 * The directory is read in chunks; a small one whole, through the sector cache.  After an error the cursor stands
 * before the record it could not give, so that a request answered -EAGAIN can be repeated.
 */
#include <stdio.h>
#include <string.h>

#include "burner/format/identifier.h"
#include "burner/format/joliet.h"
#include "fs/iso/internal.h"

#define FIRST_SECTORS 8u  /* read at first, then twice as much each time … */
#define CHUNK_SECTORS 32u /* … up to this */
#define CONTINUATION_AHEAD_SECTORS 16u

int cursor_begin(struct cursor *c, struct iso *iso, struct iso_extent dir)
{
	uint64_t sectors = sectors_of(dir.bytes);

	if (dir.bytes > DIRECTORY_MAX_BYTES || (iso_position(iso, dir.lba) >> SECTOR_SHIFT) + sectors > 1ull << 32 ||
	    (iso->limit_sectors && sectors > iso->limit_sectors))
		return -EBADMSG;
	*c = (struct cursor){.iso = iso, .lba = dir.lba, .bytes = dir.bytes};
	c->chunk = (uint32_t)min_u64(sectors, FIRST_SECTORS);
	c->passes_gaps = iso->passes_gaps;
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

/* Of a session of ours, whose directories are told by their records alone: does the "." say the same? Of all others it
 * was asked before (entry.c). */
static bool dot_agrees(const struct cursor *c)
{
	uint32_t lba;

	if (c->is_rest || c->first || !c->iso->info.ours)
		return true;
	return record_is_sound(c->buf, SECTOR_BYTES) && record_is_dot(c->buf) && !record_lba(c->buf, &lba) &&
	       lba == c->lba && record_bytes(c->buf) == c->bytes;
}

/* Have the given sector of the directory in the buffer. */
static int cursor_load(struct cursor *c, uint32_t sector)
{
	uint32_t n = (uint32_t)min_u64(c->chunk, sectors_of(c->bytes) - sector);
	uint64_t pos = iso_position(c->iso, c->lba) + (uint64_t)sector * SECTOR_BYTES;
	int r;

	if (sector - c->first < c->n)
		return 0;
	if (!c->buf)
		c->buf = malloc((c->chunk == 1 ? 1 : min_u64(sectors_of(c->bytes), CHUNK_SECTORS)) * SECTOR_BYTES);
	if (!c->buf)
		return -ENOMEM;
	c->n = 0;
	r = iso_read_sectors(c->iso, pos, c->buf, n);
	/* Give what comes before an unreadable sector. */
	if (r == -EIO && n > 1)
		r = iso_read_sectors(c->iso, pos, c->buf, n = 1);
	if (r)
		return r;
	c->first = sector;
	if (!dot_agrees(c))
		return -EBADMSG;
	c->n = n;
	if (c->chunk > 1)
		c->chunk = (uint32_t)min_u64(c->chunk * 2, CHUNK_SECTORS);
	return 0;
}

int cursor_next_record(struct cursor *c, const uint8_t **ret, uint32_t *ret_at)
{
	while (c->at < c->bytes) {
		uint32_t sector = c->at >> SECTOR_SHIFT, inside = c->at & (SECTOR_BYTES - 1);
		/* A record that begins in the directory belongs to it wholly, as on Linux. */
		uint32_t room = SECTOR_BYTES - inside;
		const uint8_t *p;
		int r = cursor_load(c, sector);

		if (r)
			return r;
		p = c->buf + (size_t)(sector - c->first) * SECTOR_BYTES + inside;
		if (!p[0]) {
			/* Records do not cross sectors: the rest of this one is empty.  All of it is so in no directory
			 * that any program writes, but in images of discs that could not be read everywhere. */
			c->gaps += inside == 0;
			c->at = (sector + 1) << SECTOR_SHIFT;
			continue;
		}
		if (!record_is_sound(p, room))
			return -EBADMSG;
		*ret = p;
		*ret_at = c->at;
		c->at += record_length(p);
		/* Behind the last record of a sector it stands at the next one: at the end it is known to be there. */
		if (record_length(p) < room && !p[record_length(p)])
			c->at = (sector + 1) << SECTOR_SHIFT;
		return 1;
	}
	return 0;
}

static void note_associated(struct cursor *c, const uint8_t *record)
{
	char name[256];

	if (c->associated[0])
		return;
	if (c->iso->names == ISO_NAMES_JOLIET)
		joliet_name(record_id(record), record_id_length(record), name);
	else
		identifier_name(record_id(record), record_id_length(record), name);
	snprintf(c->associated, sizeof(c->associated), "%.*s", (int)sizeof(c->associated) - 1, name[0] ? name : "?");
}

/* Those of what a seek has passed by. */
static int count_skipped(struct cursor *c)
{
	_cleanup_cursor_ struct cursor all = {0};
	const uint8_t *record;
	uint32_t at;
	int more = cursor_begin(&all, c->iso, (struct iso_extent){c->lba, c->bytes});

	while (!more && all.at < c->skipped && (more = cursor_next_record(&all, &record, &at)) > 0)
		more = 0;
	if (more >= 0) {
		c->gaps += all.gaps;
		c->skipped = 0;
	}
	return more;
}

int cursor_end(const struct cursor *c, bool has_gaps) { return has_gaps && !c->passes_gaps ? -EBADMSG : 0; }

int cursor_next(struct cursor *c, enum decode_depth depth, struct iso_entry *ret, uint32_t *ret_at)
{
	const uint8_t *record;
	uint32_t at;
	int more;

	while ((more = cursor_next_record(c, &record, &at)) > 0) {
		if (record_is_dots(record))
			continue;
		if (record_flags(record) & ISO_ASSOCIATED) {
			note_associated(c, record);
			continue;
		}
		more = entry_decode(c, record, at, depth, ret);
		if (more < 0)
			c->at = at;
		else if (more && ret_at)
			*ret_at = at;
		if (more)
			return more;
	}
	if (!more && c->skipped)
		more = count_skipped(c);
	return more ? more : cursor_end(c, c->gaps > 0);
}

struct iso_dir {
	struct cursor cursor;
};

int iso_dir_open(struct iso *iso, struct iso_extent dir, struct iso_dir **ret)
{
	struct iso_dir *d = malloc(sizeof(*d));
	int r = d ? cursor_begin(&d->cursor, iso, dir) : -ENOMEM;

	if (r) {
		free(d);
		return r;
	}
	iso_ref(iso);
	*ret = d;
	return 0;
}

int iso_dir_next(struct iso_dir *d, struct iso_entry *ret) { return cursor_next(&d->cursor, DECODE_ALL, ret, NULL); }

int iso_dir_next_name(struct iso_dir *d, struct iso_entry *ret)
{
	return cursor_next(&d->cursor, DECODE_NUMBER, ret, NULL);
}

uint32_t iso_dir_tell(const struct iso_dir *d) { return d->cursor.at; }

/* From the beginning of the sector before: so what the record before it says is seen, and where no record starts none
 * is read. */
int iso_dir_seek(struct iso_dir *d, uint32_t position)
{
	struct cursor *c = &d->cursor;
	uint32_t sector = position >> SECTOR_SHIFT, at;
	const uint8_t *record;
	bool continues = false;
	int more = 1;

	if (c->at == position)
		return 0;
	at = position < c->bytes ? (sector ? sector - 1 : 0) << SECTOR_SHIFT : position;
	if (at > c->at)
		c->skipped = at > c->skipped ? at : c->skipped;
	c->at = at;
	while ((c->at < position || continues) && (more = cursor_next_record(c, &record, &at)) > 0)
		continues = (record_flags(record) & (ISO_MULTIEXTENT | ISO_DIRECTORY)) == ISO_MULTIEXTENT;
	return more < 0 ? more : 0;
}

const char *iso_dir_associated(const struct iso_dir *d) { return d->cursor.associated; }

void iso_dir_pass_gaps(struct iso_dir *d) { d->cursor.passes_gaps = true; }

oddities iso_dir_odd(const struct iso_dir *d) { return d->cursor.gaps ? ODDITY_BIT(ODDITY_DIRECTORIES) : 0; }

void iso_dir_close(struct iso_dir *d)
{
	if (!d)
		return;
	iso_unref(d->cursor.iso);
	cursor_release(&d->cursor);
	free(d);
}
