/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rock.c - Rock Ridge (RRIP 1.09 to 1.12): the fields of one directory record
 *
 * Entries that are too short for what they must hold are damage.  All else is read as Linux does: pieces of a name are
 * joined whether they say that others follow or not; a piece flagged as the current or parent directory, or that makes
 * the name too long, does not count; with none left the ISO identifier serves.
 */
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/format/aaip.h"
#include "burner/format/date.h"
#include "burner/format/rock_ridge.h"
#include "burner/format/twin.h"
#include "fs/iso/internal.h"

#define RR_NM 0x08u /* RRIP 1.09 4.1.7: of the flags of RR, there is an NM */

static int take_px(struct rock *r, const uint8_t *e)
{
	struct rrip_px px;
	int err = rrip_px_decode(e, &px);

	if (err)
		return err;
	r->has_px = true;
	r->mode = px.mode;
	r->nlink = px.nlink;
	r->uid = px.uid;
	r->gid = px.gid;
	r->serial = px.serial;
	return 0;
}

static int take_nm(struct rock *r, const uint8_t *e)
{
	struct rrip_nm nm;
	const char *text;
	int err = rrip_nm_decode(e, &nm);

	if (err || r->name_ended || nm.flags & ~(unsigned)ISO_ROCK_NM_CONTINUE)
		return err;
	r->name_ended = nm.n > NAME_MAX - r->name_length;
	text = nm.text;
	for (unsigned i = 0; i < nm.n && text[i] && !r->name_ended; i++)
		r->name[r->name_length++] = text[i] != '/' ? text[i] : '_';
	return 0;
}

static int take_pn(struct rock *r, const uint8_t *e)
{
	int err = rrip_pn_decode(e, &r->rdev);

	r->has_pn |= !err;
	return err;
}

static void set_time(struct rock *r, enum rrip_time which, struct timespec time)
{
	if (which == RRIP_MODIFY) {
		r->mtime = time;
		r->has_mtime = true;
	} else if (which == RRIP_ACCESS) {
		r->atime = time;
		r->has_atime = true;
	} else if (which == RRIP_ATTRIBUTES) {
		r->ctime = time;
		r->has_ctime = true;
	} else {
		r->birth = time;
		r->has_birth = true;
	}
}

static int take_tf(struct rock *r, const uint8_t *e)
{
	const uint8_t *before = NULL;
	struct timespec time = {0, 0};
	struct rrip_tf tf;
	int err = rrip_tf_decode(e, &tf);

	for (unsigned i = 0; i < N_RRIP_TIMES && !err; i++) {
		const uint8_t *date = tf.dates[i];

		if (!date)
			continue;
		/* Most are the same as the one before. */
		if (!before || memcmp(date, before, tf.date_bytes) != 0)
			(void)(tf.date_bytes == LONG_DATE_BYTES ? date_decode_long : date_decode_short)(date, &time);
		before = date;
		set_time(r, (enum rrip_time)i, time);
	}
	return err;
}

static int append_target(struct rock *r, const void *bytes, size_t n)
{
	if (n >= sizeof(r->target) - r->target_length)
		return -EBADMSG;
	memcpy(r->target + r->target_length, bytes, n);
	r->target_length += (uint32_t)n;
	return 0;
}

/* Behind each component comes a slash, but for the root's own, where the component goes on, and at the end (more: it
 * is not the end).  A root may be anywhere: genisoimage and libisofs write one for the second slash of "a//b", we an
 * empty component.  What other flags mean (of RRIP 1.09: the volume's root, the host) no reader knows: nothing, and a
 * slash. */
static int take_component(struct rock *r, const uint8_t *component, size_t n, bool more)
{
	unsigned flags = rrip_component_flags(component);
	int err;

	switch (flags & ~(unsigned)ISO_ROCK_SL_CONTINUE) {
	case ISO_ROCK_SL_ROOT:
		return append_target(r, "/", 1);
	case ISO_ROCK_SL_PARENT:
		err = append_target(r, "..", 2);
		break;
	case ISO_ROCK_SL_CURRENT:
		err = append_target(r, ".", 1);
		break;
	case 0:
		err = append_target(r, rrip_component_text(component), n);
		break;
	default:
		err = 0;
	}
	return err || !more || flags & ISO_ROCK_SL_CONTINUE ? err : append_target(r, "/", 1);
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
	size_t at = RRIP_SL_FIXED_BYTES, length = susp_length(e), end = 0;

	for (; at <= room; at += RRIP_COMPONENT_FIXED_BYTES + rrip_component_length(e + at)) {
		if (at >= length && (at - length) % 256 == 0) {
			if (is_entry_start(e + at, room - at))
				return at;
			if (at == length)
				end = at;
		}
		if (room - at < RRIP_COMPONENT_FIXED_BYTES)
			break;
	}
	return end;
}

/* With no end to be found the target stops where its entry does, as in other readers: one bad link must not hide its
 * directory. */
static int take_sl(struct rock *r, struct susp_walk *s, const uint8_t *e)
{
	size_t end, at = RRIP_SL_FIXED_BYTES;
	int err;

	if (susp_length(e) < RRIP_SL_FIXED_BYTES)
		return -EBADMSG;
	r->has_sl = true;
	if (r->target_ended)
		return 0;
	end = components_end(e, (size_t)(s->end - e));
	if (end) {
		s->at = e + end;
	} else {
		end = susp_length(e);
		r->target_ended = r->is_cut = true;
	}
	while (at + RRIP_COMPONENT_FIXED_BYTES <= end) {
		size_t n = min_u64(rrip_component_length(e + at), end - at - RRIP_COMPONENT_FIXED_BYTES);

		bool last = at + 2 * RRIP_COMPONENT_FIXED_BYTES + n > end;

		err = take_component(r, e + at, n, !last || e[RRIP_SL_FLAGS] & ISO_ROCK_SL_CONTINUE);
		if (err)
			return err;
		at += RRIP_COMPONENT_FIXED_BYTES + n;
	}
	return 0;
}

static int take_cl(struct rock *r, const uint8_t *e)
{
	int err = rrip_cl_decode(e, &r->cl_lba);

	r->has_cl |= !err;
	return err;
}

/* An algorithm that is not known leaves the file as it is stored. */
static int take_zf(struct rock *r, const uint8_t *e)
{
	struct rrip_zf zf;
	int known = rrip_zf_decode(e, &zf);

	if (known <= 0)
		return known;
	r->zisofs_size = zf.size;
	r->zisofs = (struct zisofs){{zf.algorithm[0], zf.algorithm[1]}, zf.header_words, zf.block_shift};
	return 0;
}

/* Where the twin is, is looked at by whoever goes there.  Numbers that cannot be name none: the record is good. */
static void take_twin(struct rock *r, const uint8_t *e)
{
	struct twin twin;

	if (twin_decode(e, &twin) <= 0)
		return;
	r->twin = (struct iso_extent){twin.lba, twin.bytes};
	r->twin_areas = twin.area_sectors;
	r->joliet_attempt = twin.attempt;
}

/* Padding of ours.  Numbers that cannot be tell nothing: the record is good. */
static void take_padding(struct rock *r, const uint8_t *e)
{
	if (nanoseconds_decode(e, r->ns) == 0)
		take_twin(r, e);
}

static int take_entry(struct rock *r, struct susp_walk *s, const uint8_t *e, enum decode_depth depth)
{
	switch (susp_signature(e)) {
	case SUSP_SIGNATURE('N', 'M'):
		return take_nm(r, e);
	case SUSP_SIGNATURE('P', 'X'):
		return take_px(r, e);
	case SUSP_SIGNATURE('C', 'L'):
		return take_cl(r, e);
	case SUSP_SIGNATURE('R', 'E'):
		r->is_relocated = true;
		return 0;
	case SUSP_SIGNATURE('R', 'R'):
		r->name_bad |= susp_length(e) > SUSP_HEADER_BYTES && !(e[SUSP_HEADER_BYTES] & RR_NM);
		return 0;
	case SUSP_SIGNATURE('S', 'L'):
		return take_sl(r, s, e);
	case SUSP_SIGNATURE('T', 'F'):
		return depth == DECODE_ALL ? take_tf(r, e) : 0;
	case SUSP_SIGNATURE('P', 'N'):
		return depth == DECODE_ALL ? take_pn(r, e) : 0;
	case SUSP_SIGNATURE('Z', 'F'):
		return depth == DECODE_ALL ? take_zf(r, e) : 0;
	case SUSP_SIGNATURE('P', 'D'):
		if (depth == DECODE_ALL && s->iso->info.ours)
			take_padding(r, e);
		return 0;
	case SUSP_SIGNATURE('T', 'W'):
		if (depth == DECODE_ALL && s->iso->info.ours)
			take_twin(r, e);
		return 0;
	case AAIP_AL:
		r->has_xattrs = true;
		return 0;
	default:
		return 0;
	}
}

static void finish_name(struct rock *r)
{
	r->name[r->name_length] = 0;
	r->is_cut |= r->name_bad && r->name_length;
	if (r->name_bad || !strcmp(r->name, ".") || !strcmp(r->name, "..")) {
		r->name_length = 0;
		r->name[0] = 0;
	}
}

/* Entries of one area.  Attributes come last, in sessions of ours and of libisofs, and may fill many areas: these are
 * not read here (xattrs.c).  What makes no sense is damage, unless the disc does not say that it has Rock Ridge: then
 * they end there, and the name does not count. */
static int take_area(struct rock *ret, struct iso *iso, struct window *window, const uint8_t *area, size_t n,
		     enum decode_depth depth)
{
	const uint8_t *entry;
	struct susp_walk s;
	int more, r = 0;

	susp_walk_begin(&s, iso, window, area, n);
	while (!r && (more = susp_walk_next(&s, &entry)) > 0 && !(ret->has_xattrs && iso->info.ours))
		r = take_entry(ret, &s, entry, depth);
	if (!r && more < 0)
		r = more == -E2BIG ? (ret->has_xattrs ? 0 : -EBADMSG) : more;
	ret->breaks_off |= s.breaks_off || r == -EBADMSG;
	return r == -EBADMSG && iso->rock_unannounced ? 0 : r;
}

int rock_decode(struct iso *iso, struct window *window, const uint8_t *record, enum decode_depth depth,
		struct rock *ret)
{
	const uint8_t *area;
	size_t n;
	int r;

	/* The large arrays need no clearing. */
	memset((char *)ret + offsetof(struct rock, name_length), 0,
	       offsetof(struct rock, target) - offsetof(struct rock, name_length));
	area = record_system_use(record, &n);
	r = take_area(ret, iso, window, area, n, depth);
	ret->name_bad |= ret->breaks_off;
	finish_name(ret);
	/* Names and targets are looked for in front only. */
	if (!r && iso->rock_behind_xa && n > XA_BYTES) {
		ret->name_ended = ret->target_ended = true;
		r = take_area(ret, iso, window, area + XA_BYTES, n - XA_BYTES, depth);
	}
	if (r)
		return r;
	/* It ends before a NUL. */
	ret->target[ret->target_length] = 0;
	ret->target_length = (uint32_t)strlen(ret->target);
	return 0;
}
