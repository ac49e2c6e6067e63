/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * susp.c - System Use Sharing Protocol: entries of a System Use area and of the continuation areas chained to it
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

void susp_begin(struct susp *s, struct iso *iso, struct window *window, const uint8_t *area, size_t n)
{
	/* The root's "." opens with SP itself; the skip applies to all other areas. */
	size_t skip = n >= 7 && susp_signature(area) == SIGNATURE('S', 'P') ? 0 : iso->susp_skip;

	*s = (struct susp){.iso = iso, .window = window, .budget = CONTINUATION_MAX_BYTES};
	s->end = area + n;
	s->at = area + (skip < n ? skip : n);
}

static int note_continuation(struct susp *s, const uint8_t *entry)
{
	if (entry[2] < 28)
		return -EBADMSG;
	s->ce_lba = get_le32(entry + 4);
	s->ce_offset = get_le32(entry + 12);
	s->ce_length = get_le32(entry + 20);
	return 0;
}

static bool too_many_followed(struct susp *s)
{
	uint64_t limit = s->iso->limit_sectors;

	s->window->followed += s->hops == 1 ? s->ce_length : max_u64(s->ce_length, CUT_BYTES);
	return s->window->followed > (limit ? 2 * limit * SECTOR_BYTES : FOLLOWED_MAX_BYTES);
}

static int follow_continuation(struct susp *s)
{
	uint32_t lba, offset = s->ce_offset & (SECTOR_BYTES - 1), length = s->ce_length, n;
	const uint8_t *sectors;
	int r;

	if (++s->hops > HOPS_MAX || length > s->budget ||
	    __builtin_add_overflow(s->ce_lba, s->ce_offset >> SECTOR_SHIFT, &lba))
		return -EBADMSG;
	n = (uint32_t)sectors_of((uint64_t)offset + length);
	if (s->iso->limit_sectors && (uint64_t)lba + n > s->iso->limit_sectors)
		return -EBADMSG;
	r = window_get(s->iso, s->window, lba, n, &sectors);
	if (r)
		return r;
	if (too_many_followed(s))
		return -EBADMSG;
	s->budget -= length;
	s->ce_length = 0;
	s->at = sectors + offset;
	s->end = s->at + length;
	return 0;
}

/* Less than an entry, zeros, or what is no entry at all: padding, or what genisoimage leaves behind an over-long SL. */
static bool at_end(const struct susp *s)
{
	const uint8_t *e = s->at;

	if (s->end - e < 4 || e[2] < 4 || susp_signature(e) == SIGNATURE('S', 'T'))
		return true;
	return e[2] > s->end - e && (e[0] < 'A' || e[0] > 'Z' || e[1] < 'A' || e[1] > 'Z');
}

int susp_next(struct susp *s, const uint8_t **ret)
{
	for (;;) {
		const uint8_t *entry = s->at;
		int r;

		if (at_end(s)) {
			if (!s->ce_length)
				return 0;
			r = follow_continuation(s);
		} else if (entry[2] > s->end - entry) {
			return -EBADMSG;
		} else {
			s->at += entry[2];
			if (susp_signature(entry) != SIGNATURE('C', 'E')) {
				*ret = entry;
				return 1;
			}
			r = note_continuation(s, entry);
		}
		if (r)
			return r;
	}
}
