/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * susp_walk.c - System Use Sharing Protocol: entries of a System Use area and of the continuation areas chained to it
 *
 * A CE entry is remembered while its area is walked and followed at the area's end.  At most 32 hops and 64 KiB of
 * continuation in all, so that a chain that loops costs little and ends in -EBADMSG.  Areas that cross a sector edge
 * are read, though Linux refuses them: libisofs has written such.
 *
 * Each area belongs to one record, and one that leads on to another ends where its sector does.  So what the records
 * of one directory (of one window) follow cannot be more than the disc, with something for each cut: else few sectors
 * of a malicious disc would be read a thousand times for one listing.
 */
#include "fs/iso/internal.h"

#define HOPS_MAX 32u
#define CONTINUATION_MAX_BYTES 65536u
/* what a further area counts at least: one cut in a sector cannot make these more than the disc */
#define CUT_BYTES 256u
#define FOLLOWED_MAX_BYTES (1ull << 32) /* when the size of the disc is not known */

void susp_walk_begin(struct susp_walk *s, struct iso *iso, struct window *window, const uint8_t *area, size_t n)
{
	/* The root's "." opens with SP itself; the skip applies to all other areas. */
	bool root = n >= SUSP_SP_BYTES && susp_signature(area) == SUSP_SIGNATURE('S', 'P');
	size_t skip = root ? 0 : iso->susp_skip;

	*s = (struct susp_walk){.iso = iso, .window = window, .budget = CONTINUATION_MAX_BYTES, .hops_max = HOPS_MAX};
	s->end = area + n;
	s->at = area + (skip < n ? skip : n);
}

static bool too_many_followed(struct susp_walk *s)
{
	uint64_t limit = s->iso->limit_sectors;

	s->window->followed += s->hops == 1 ? s->next.bytes : max_u64(s->next.bytes, CUT_BYTES);
	return s->window->followed > (limit ? 2 * limit * SECTOR_BYTES : FOLLOWED_MAX_BYTES);
}

static int follow_continuation(struct susp_walk *s)
{
	uint64_t pos = iso_position(s->iso, s->next.lba) + s->next.offset;
	uint32_t lba, offset = (uint32_t)(pos & (SECTOR_BYTES - 1)), length = s->next.bytes, n;
	const uint8_t *sectors;
	int r;

	if (++s->hops > s->hops_max || length > s->budget)
		return -E2BIG;
	if (pos >> SECTOR_SHIFT > UINT32_MAX)
		return -EBADMSG;
	lba = (uint32_t)(pos >> SECTOR_SHIFT);
	n = (uint32_t)sectors_of((uint64_t)offset + length);
	if (s->iso->limit_sectors && (uint64_t)lba + n > s->iso->limit_sectors)
		return -EBADMSG;
	r = window_get(s->iso, s->window, lba, n, &sectors);
	if (r)
		return r;
	if (too_many_followed(s))
		return -EBADMSG;
	s->budget -= length;
	s->next.bytes = 0;
	s->at = sectors + offset;
	s->end = s->at + length;
	return 0;
}

/* An entry without a length, where there is room for one: Linux looks no further then, and drops the name, also one
 * that came before. */
static bool has_no_length(const struct susp_walk *s)
{
	return s->end - s->at > 2 && susp_length(s->at) < SUSP_HEADER_BYTES - 1;
}

/* Less than an entry, zeros, or what is no entry at all: padding, or what genisoimage leaves behind an over-long SL. */
static bool at_end(const struct susp_walk *s)
{
	const uint8_t *e = s->at;

	if (s->end - e < (ptrdiff_t)SUSP_HEADER_BYTES || susp_length(e) < SUSP_HEADER_BYTES ||
	    susp_signature(e) == SUSP_SIGNATURE('S', 'T'))
		return true;
	return susp_length(e) > s->end - e && (e[0] < 'A' || e[0] > 'Z' || e[1] < 'A' || e[1] > 'Z');
}

int susp_walk_next(struct susp_walk *s, const uint8_t **ret)
{
	for (;;) {
		const uint8_t *entry = s->at;
		int r;

		s->breaks_off |= has_no_length(s);
		if (s->breaks_off)
			return 0;
		if (at_end(s)) {
			if (!s->next.bytes)
				return 0;
			r = follow_continuation(s);
		} else if (susp_length(entry) > s->end - entry) {
			return -EBADMSG;
		} else {
			s->at += susp_length(entry);
			if (susp_signature(entry) != SUSP_SIGNATURE('C', 'E')) {
				*ret = entry;
				return 1;
			}
			r = susp_ce_decode(entry, &s->next);
		}
		if (r)
			return r;
	}
}
