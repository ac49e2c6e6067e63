/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rock.c - Rock Ridge (RRIP 1.09 to 1.12): the fields of one directory record
 *
 * Entries that are too short for what they must hold are damage.  A name that cannot be one (too long, ".", "..",
 * flagged as the current or parent directory) is dropped, and the ISO identifier serves instead, as on Linux.
 */
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "fs/iso/internal.h"

#define NM_CONTINUE 0x01u
#define NM_CURRENT_OR_PARENT 0x06u
#define TF_LONG 0x80u
#define SL_CONTINUE 0x01u
#define SL_CURRENT 0x02u
#define SL_PARENT 0x04u
#define SL_ROOT 0x08u
#define SL_VOLUME_ROOT 0x10u

static int take_px(struct rock *r, const uint8_t *e)
{
	if (e[2] < 36)
		return -EBADMSG;
	r->has_px = true;
	r->mode = get_le32(e + 4);
	r->nlink = get_le32(e + 12);
	r->uid = get_le32(e + 20);
	r->gid = get_le32(e + 28);
	r->has_serial = e[2] >= 44;
	r->serial = r->has_serial ? get_le32(e + 36) : 0;
	return 0;
}

static int take_nm(struct rock *r, const uint8_t *e)
{
	uint32_t n = e[2] - 5u;

	if (e[2] < 5)
		return -EBADMSG;
	if (r->name_ended)
		return 0;
	r->name_ended = !(e[4] & NM_CONTINUE);
	if (e[4] & NM_CURRENT_OR_PARENT || n > 255 - r->name_length) {
		r->name_bad = true;
		return 0;
	}
	for (uint32_t i = 0; i < n; i++)
		r->name[r->name_length + i] = (char)(e[5 + i] && e[5 + i] != '/' ? e[5 + i] : '_');
	r->name_length += n;
	return 0;
}

/* Linux's rule: the number may lie in the low half alone, as a 16-bit dev_t. */
static int take_pn(struct rock *r, const uint8_t *e)
{
	uint32_t high, low;

	if (e[2] < 20)
		return -EBADMSG;
	high = get_le32(e + 4);
	low = get_le32(e + 12);
	r->has_pn = true;
	r->rdev = !high && low & ~0xffu ? makedev(low >> 8, low & 0xff) : makedev(high, low);
	return 0;
}

/* Creation, modification, access, attributes come first, in this order; the others do not matter here. */
static int take_tf(struct rock *r, const uint8_t *e)
{
	unsigned at = 5, step;
	struct timespec t = {0, 0};

	if (e[2] < 5)
		return -EBADMSG;
	step = e[4] & TF_LONG ? 17 : 7;
	for (unsigned bit = 0; bit < 4; bit++) {
		if (!(e[4] & 1u << bit))
			continue;
		if (at + step > e[2])
			return -EBADMSG;
		/* Most are the same as the one before. */
		if (at == 5 || memcmp(e + at, e + at - step, step) != 0)
			t = e[4] & TF_LONG ? date_of_volume(e + at) : (struct timespec){date_of_record(e + at), 0};
		at += step;
		if (bit == 1) {
			r->mtime = t;
			r->has_mtime = true;
		} else if (bit == 2) {
			r->atime = t;
			r->has_atime = true;
		} else {
			r->ctime = t;
			r->has_ctime = true;
		}
	}
	return 0;
}

static int append_target(struct rock *r, const void *bytes, size_t n)
{
	if (n >= sizeof(r->target) - r->target_length)
		return -EBADMSG;
	memcpy(r->target + r->target_length, bytes, n);
	r->target_length += (uint32_t)n;
	return 0;
}

static int take_component(struct rock *r, unsigned flags, const uint8_t *bytes, size_t n)
{
	int err = 0;

	/* A root starts the path anew; else a slash, but behind the root's own and where this goes on with the
	 * component before. Empty components are the slashes of "a//b" and "a/". */
	if (flags & (SL_ROOT | SL_VOLUME_ROOT))
		r->target_length = 0;
	else if (r->component_slash)
		err = append_target(r, "/", 1);
	r->component_slash = !(flags & (SL_CONTINUE | SL_ROOT | SL_VOLUME_ROOT));
	if (err)
		return err;
	if (flags & (SL_ROOT | SL_VOLUME_ROOT))
		return append_target(r, "/", 1);
	if (flags & SL_PARENT)
		return append_target(r, "..", 2);
	if (flags & SL_CURRENT)
		return append_target(r, ".", 1);
	return append_target(r, bytes, n);
}

/* Another entry, padding, or nothing. */
static bool is_entry_start(const uint8_t *p, size_t room)
{
	return room < 4 || (p[0] >= 'A' && p[0] <= 'Z' && p[1] >= 'A' && p[1] <= 'Z') || (!p[0] && !p[1]);
}

/* Where the components of an SL entry end.  genisoimage puts all that is left of a long target into one entry and
 * keeps the low 8 bits of its length: when what comes after the length given is no entry, the components may end at
 * one that is larger by a multiple of 256.  0: nowhere. */
static size_t components_end(const uint8_t *e, size_t room)
{
	size_t at = 5, end = 0;

	for (; at <= room; at += 2u + e[at + 1]) {
		if (at >= e[2] && (at - e[2]) % 256 == 0) {
			if (is_entry_start(e + at, room - at))
				return at;
			if (at == e[2])
				end = at;
		}
		if (room - at < 2)
			break;
	}
	return end;
}

/* With no end to be found the target stops where its entry does, as in other readers: one bad link must not hide its
 * directory. */
static int take_sl(struct rock *r, struct susp *s, const uint8_t *e)
{
	size_t end, at = 5;
	int err;

	if (e[2] < 5)
		return -EBADMSG;
	r->has_sl = true;
	if (r->target_ended)
		return 0;
	end = components_end(e, (size_t)(s->end - e));
	if (end) {
		s->at = e + end;
	} else {
		end = e[2];
		r->target_ended = true;
	}
	while (at + 2 <= end) {
		size_t n = min_u64(e[at + 1], end - at - 2);

		err = take_component(r, e[at], e + at + 2, n);
		if (err)
			return err;
		at += 2 + n;
	}
	return 0;
}

static int take_cl(struct rock *r, const uint8_t *e)
{
	if (e[2] < 12)
		return -EBADMSG;
	r->has_cl = true;
	r->cl_lba = get_le32(e + 4);
	return 0;
}

/* An algorithm that is not known leaves the file as it is stored. Version 2 has a 64-bit size where the first has
 * both byte orders. */
static int take_zf(struct rock *r, const uint8_t *e)
{
	bool second;

	if (e[2] < 16)
		return -EBADMSG;
	second = e[4] == 'P' && e[5] == 'Z';
	if (!second && !(e[4] == 'p' && e[5] == 'z'))
		return 0;
	r->zisofs_size = second ? get_le64(e + 8) : get_le32(e + 8);
	if (r->zisofs_size > INT64_MAX)
		return -EBADMSG;
	r->zisofs = (struct zisofs){{e[4], e[5]}, e[6], e[7]};
	return 0;
}

/* Where the twin is, is looked at by whoever goes there. */
static int take_tw(struct rock *r, const uint8_t *e)
{
	if (e[2] < 20)
		return -EBADMSG;
	r->twin = (struct iso_extent){get_le32(e + 4), get_le32(e + 8)};
	r->twin_areas = get_le32(e + 12);
	r->joliet_attempt = get_le32(e + 16);
	return 0;
}

static int take_entry(struct rock *r, struct susp *s, const uint8_t *e, enum decode_depth depth)
{
	switch (susp_signature(e)) {
	case SIGNATURE('N', 'M'):
		return take_nm(r, e);
	case SIGNATURE('P', 'X'):
		return take_px(r, e);
	case SIGNATURE('C', 'L'):
		return take_cl(r, e);
	case SIGNATURE('R', 'E'):
		r->is_relocated = true;
		return 0;
	case SIGNATURE('S', 'L'):
		return take_sl(r, s, e);
	case SIGNATURE('T', 'F'):
		return depth == DECODE_ALL ? take_tf(r, e) : 0;
	case SIGNATURE('P', 'N'):
		return depth == DECODE_ALL ? take_pn(r, e) : 0;
	case SIGNATURE('Z', 'F'):
		return depth == DECODE_ALL ? take_zf(r, e) : 0;
	case SIGNATURE('T', 'W'):
		return depth == DECODE_ALL && s->iso->info.ours ? take_tw(r, e) : 0;
	default:
		return 0;
	}
}

static void finish_name(struct rock *r)
{
	r->name[r->name_length] = 0;
	if (r->name_bad || !strcmp(r->name, ".") || !strcmp(r->name, "..")) {
		r->name_length = 0;
		r->name[0] = 0;
	}
}

int rock_decode(struct iso *iso, struct window *window, const uint8_t *record, enum decode_depth depth,
		struct rock *ret)
{
	const uint8_t *area, *entry;
	struct susp s;
	size_t n;
	int more, r;

	/* The large arrays need no clearing. */
	memset((char *)ret + offsetof(struct rock, name_length), 0,
	       offsetof(struct rock, target) - offsetof(struct rock, name_length));
	area = record_system_use(record, &n);
	susp_begin(&s, iso, window, area, n);
	while ((more = susp_next(&s, &entry)) > 0) {
		r = take_entry(ret, &s, entry, depth);
		if (r)
			return r;
	}
	if (more < 0)
		return more;
	finish_name(ret);
	/* A NUL would cut the target. */
	for (char *nul = ret->target; (nul = memchr(nul, 0, ret->target_length - (size_t)(nul - ret->target)));)
		*nul = '_';
	ret->target[ret->target_length] = 0;
	return 0;
}
