/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * system_use.c - the System Use entries of a record (SUSP 1.12, RRIP 1.12; ZF: zisofs)
 *
 * Always PX (44 bytes, with the serial number) and TF (short form: modify, access, attributes); then NM, SL, PN, ZF
 * where they apply, the twin's and that of nanoseconds (PD); extended attributes (AL) last, since no reader but ours
 * and libisofs needs what is there.  The bytes of each are those of burner/format.
 */
#include "burner/session/system_use.h"

#include <assert.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/bytes.h"
#include "burner/format/date.h"
#include "burner/format/nanoseconds.h"
#include "burner/format/rock_ridge.h"

/* Room for an entry of so many bytes. */
static uint8_t *add_entry(struct system_use *s, unsigned bytes)
{
	uint8_t *entry = s->bytes + system_use_bytes(s);

	s->end[s->n] = (uint16_t)(system_use_bytes(s) + bytes);
	s->n++;
	return entry;
}

static void put_px(struct system_use *s, const struct manifest_node *node)
{
	struct rrip_px px = {.mode = node->mode,
			     .nlink = node->nlink,
			     .uid = node->uid,
			     .gid = node->gid,
			     .serial = (uint32_t)node->ino};

	rrip_px_encode(&px, add_entry(s, RRIP_PX_BYTES));
}

/* Times of a file are often the same second. */
static void put_date(uint8_t *out, const struct timespec *time, const struct timespec *before, const uint8_t *dated)
{
	if (time->tv_sec == before->tv_sec)
		memcpy(out, dated, SHORT_DATE_BYTES);
	else
		date_encode_short(out, time->tv_sec);
}

static void put_tf(struct system_use *s, const struct manifest_node *node)
{
	uint8_t dates[3][SHORT_DATE_BYTES];

	date_encode_short(dates[0], node->mtime.tv_sec);
	put_date(dates[1], &node->atime, &node->mtime, dates[0]);
	put_date(dates[2], &node->ctime, &node->atime, dates[1]);
	rrip_tf_encode(dates, add_entry(s, RRIP_TF_BYTES));
}

static void put_nm(struct system_use *s, const char *name)
{
	size_t left = strlen(name);

	while (left) {
		struct rrip_nm nm = {.text = name, .n = (unsigned)min_u64(left, RRIP_NM_TEXT_MAX)};

		left -= nm.n;
		nm.flags = left ? ISO_ROCK_NM_CONTINUE : 0;
		rrip_nm_encode(&nm, add_entry(s, RRIP_NM_FIXED_BYTES + nm.n));
		name += nm.n;
	}
}

static void put_sl(struct system_use *s, const char *target)
{
	uint8_t *sl = s->bytes + system_use_bytes(s);
	uint32_t bytes = rrip_sl_encode(target, sl);

	for (uint32_t at = 0; at < bytes; at += susp_length(sl + at))
		(void)add_entry(s, susp_length(sl + at));
}

static unsigned component_bytes(const uint8_t *component)
{
	return RRIP_COMPONENT_FIXED_BYTES + rrip_component_length(component);
}

/*
 * Where an SL entry is cut so that `room` bytes go into the first half at most: *ret_at, in front of a component, or
 * so many bytes of its text behind that.  Between two components only where the first has no text to be cut, and not
 * behind the root: it stays with what follows.  0: nowhere.
 */
static unsigned place_of_cut(const uint8_t *sl, unsigned room, unsigned *ret_text)
{
	unsigned at = RRIP_SL_FIXED_BYTES, last = at;

	*ret_text = 0;
	while (at < susp_length(sl) && at + component_bytes(sl + at) <= room) {
		last = at;
		at += component_bytes(sl + at);
	}
	if (at + RRIP_COMPONENT_FIXED_BYTES < room)
		*ret_text = room - at - RRIP_COMPONENT_FIXED_BYTES;
	else if (at == RRIP_SL_FIXED_BYTES || rrip_component_flags(sl + last) == ISO_ROCK_SL_ROOT)
		at = 0;
	else if (rrip_component_length(sl + last) > 1)
		*ret_text = rrip_component_length(sl + (at = last)) - 1;
	return at;
}

/* Makes [at, at + n) of bytes[], in the entry, n bytes longer: room for what begins the second half of it. */
static void insert_in_link(struct system_use *s, unsigned entry, unsigned at, unsigned n)
{
	memmove(s->bytes + at + n, s->bytes + at, system_use_bytes(s) - at);
	for (unsigned i = entry; i < s->n; i++)
		s->end[i] = (uint16_t)(s->end[i] + n);
	memmove(s->end + entry + 1, s->end + entry, (s->n - entry) * sizeof(s->end[0]));
	s->n++;
}

bool system_use_cut_link(struct system_use *s, unsigned entry, unsigned room)
{
	unsigned start = system_use_start(s, entry), at, text, more, length, rest_flags = 0, rest_text = 0;
	uint8_t *sl = s->bytes + start, *rest, flags = sl[RRIP_SL_FLAGS];

	length = susp_length(sl);
	if (susp_signature(sl) != SUSP_SIGNATURE('S', 'L') || room >= length || s->n == SYSTEM_USE_ENTRIES ||
	    system_use_bytes(s) + RRIP_SL_FIXED_BYTES + RRIP_COMPONENT_FIXED_BYTES > SYSTEM_USE_BYTES)
		return false;
	at = place_of_cut(sl, room, &text);
	if (!at)
		return false;
	more = RRIP_SL_FIXED_BYTES + (text ? RRIP_COMPONENT_FIXED_BYTES : 0);
	if (text) {
		rest_flags = rrip_component_flags(sl + at);
		rest_text = rrip_component_length(sl + at) - text;
		rrip_component_encode(ISO_ROCK_SL_CONTINUE, text, sl + at);
		at += RRIP_COMPONENT_FIXED_BYTES + text;
	}
	insert_in_link(s, entry, start + at, more);
	rest = sl + at;
	rrip_sl_begin(length - at + more, flags, rest);
	if (text)
		rrip_component_encode(rest_flags, rest_text, rest + RRIP_SL_FIXED_BYTES);
	rrip_sl_begin(at, ISO_ROCK_SL_CONTINUE, sl);
	s->end[entry] = (uint16_t)(start + at);
	return true;
}

static void put_zf(struct system_use *s, const struct manifest_node *node)
{
	struct rrip_zf zf = {{node->zisofs.algorithm[0], node->zisofs.algorithm[1]},
			     node->zisofs.header_words,
			     node->zisofs.block_shift,
			     node->size};

	rrip_zf_encode(&zf, add_entry(s, RRIP_ZF_BYTES));
}

static void begin(struct system_use *s)
{
	s->n = 0;
	s->attributes = (struct aaip_writer){NULL, NULL, 0};
}

void system_use_of_node(struct system_use *s, const struct manifest_node *node, const char *name)
{
	begin(s);
	put_px(s, node);
	put_tf(s, node);
	put_nm(s, name);
	if (S_ISLNK(node->mode))
		put_sl(s, node->target);
	if (S_ISCHR(node->mode) || S_ISBLK(node->mode))
		rrip_pn_encode(node->rdev, add_entry(s, RRIP_PN_BYTES));
	if (S_ISREG(node->mode) && zisofs_used(&node->zisofs))
		put_zf(s, node);
}

void system_use_of_dots(struct system_use *s, const struct manifest_node *node, enum dot which)
{
	begin(s);
	if (which == DOT_OF_VOLUME)
		susp_sp_encode(0, add_entry(s, SUSP_SP_BYTES));
	put_px(s, node);
	put_tf(s, node);
	if (which == DOT_OF_VOLUME)
		susp_er_encode_rrip(add_entry(s, SUSP_ER_RRIP_BYTES));
}

void system_use_add_twin(struct system_use *s, const struct twin *twin) { twin_encode(twin, add_entry(s, TWIN_BYTES)); }

void system_use_add_nanoseconds(struct system_use *s, const struct manifest_node *node)
{
	const uint32_t ns[NS_TIMES] = {
		[NS_MODIFY] = (uint32_t)node->mtime.tv_nsec,
		[NS_ATTRIBUTES] = (uint32_t)node->ctime.tv_nsec,
		[NS_ACCESS] = (uint32_t)node->atime.tv_nsec,
	};

	nanoseconds_encode(ns, add_entry(s, NANOSECONDS_BYTES));
}

void system_use_add_attributes(struct system_use *s, const struct manifest_node *node, const uint8_t *own,
			       uint32_t own_bytes)
{
	const struct manifest_more *more = node->more;
	uint8_t *end = s->components;

	if (more && more->xattrs_bytes) {
		assert(more->xattrs_bytes <= XATTRS_BYTES_MAX);
		end += aaip_encode(more->xattrs, more->xattrs_bytes, node->mode, end);
	}
	assert(own_bytes <= SYSTEM_USE_OWN_BYTES);
	if (own_bytes)
		end += aaip_encode(own, own_bytes, node->mode, end);
	s->attributes.at = s->components;
	s->attributes.end = end;
}

void system_use_close_attributes(struct system_use *s)
{
	unsigned bytes = (unsigned)aaip_left(&s->attributes);

	assert(bytes <= SUSP_ENTRY_MAX);
	if (bytes)
		(void)aaip_take(&s->attributes, bytes, add_entry(s, bytes));
}
