/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * susp.c - the System Use entries of a record (SUSP 1.12, RRIP 1.12; ZF: zisofs)
 *
 * Always PX (44 bytes, with the serial number) and TF (short form: modify, access, attributes); then NM, SL, PN, ZF
 * where they apply.  ER is the 18-byte form with empty texts, which leaves the root's "." without a continuation
 * area. PN: device numbers up to 12 bits of major and 8 of minor go as one dev_t of 32 bits into the low word, which
 * Linux, libisofs and libarchive read alike; larger ones as major and minor, which Linux reads. TW is private:
 * readers skip entries they do not know (SUSP 4).
 */
#include "burner/session/susp.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "burner/base/bytes.h"
#include "burner/format/date.h"
#include "burner/format/link_pieces.h"

#define NM_TEXT 250u
#define CONTINUES 1u /* in NM, SL and component flags */
#define COMPONENT_CURRENT 2u
#define COMPONENT_PARENT 4u
#define COMPONENT_ROOT 8u

/* ---- entries ---- */

/* Room for an entry of so many bytes; the header is filled. */
static uint8_t *begin(struct susp *s, const char *signature, unsigned bytes, uint8_t version)
{
	uint8_t *entry = s->bytes + susp_total(s);

	entry[0] = (uint8_t)signature[0];
	entry[1] = (uint8_t)signature[1];
	entry[2] = (uint8_t)bytes;
	entry[3] = version;
	s->end[s->n] = (uint16_t)(susp_total(s) + bytes);
	s->n++;
	return entry;
}

/* Times of a file are often the same second. */
static void put_date(uint8_t *out, const struct timespec *time, const struct timespec *before, const uint8_t *dated)
{
	if (time->tv_sec == before->tv_sec)
		memcpy(out, dated, 7);
	else
		date_encode_short(out, time->tv_sec);
}

static void put_px_tf(struct susp *s, const struct manifest_node *node)
{
	uint8_t *px = begin(s, "PX", 44, 1), *tf;

	put_both32(px + 4, node->mode);
	put_both32(px + 12, node->nlink);
	put_both32(px + 20, node->uid);
	put_both32(px + 28, node->gid);
	put_both32(px + 36, (uint32_t)node->ino);
	tf = begin(s, "TF", 26, 1);
	tf[4] = 0x02 | 0x04 | 0x08; /* modify, access, attributes: in this order */
	date_encode_short(tf + 5, node->mtime.tv_sec);
	put_date(tf + 12, &node->atime, &node->mtime, tf + 5);
	put_date(tf + 19, &node->ctime, &node->atime, tf + 12);
}

static void put_nm(struct susp *s, const char *name)
{
	size_t left = strlen(name);

	while (left) {
		unsigned n = (unsigned)min_u64(left, NM_TEXT);
		uint8_t *nm = begin(s, "NM", 5 + n, 1);

		left -= n;
		nm[4] = left ? CONTINUES : 0;
		memcpy(nm + 5, name, n);
		name += n;
	}
}

/* One component record behind those of the last SL entry, or of a new one when it does not fit there. */
static uint8_t *add_component(struct susp *s, uint8_t *sl, uint8_t flags, const char *text, unsigned n)
{
	uint8_t *component;

	if (!sl || sl[2] + 2u + n > SL_ENTRY_MAX) {
		if (sl)
			sl[4] = CONTINUES;
		sl = begin(s, "SL", SL_HEADER_BYTES, 1);
		sl[4] = 0;
	}
	component = sl + sl[2];
	component[0] = flags;
	component[1] = (uint8_t)n;
	memcpy(component + 2, text, n);
	sl[2] = (uint8_t)(sl[2] + 2 + n);
	s->end[s->n - 1] = (uint16_t)(s->end[s->n - 1] + 2 + n);
	return sl;
}

/* A component in as many records as it needs; more: others follow. */
static uint8_t *add_text(struct susp *s, uint8_t *sl, const char *text, size_t n, bool more)
{
	for (;;) {
		unsigned piece = sl_piece(sl ? sl[2] : SL_HEADER_BYTES, (uint32_t)n, more);

		n -= piece;
		sl = add_component(s, sl, n ? CONTINUES : 0, text, piece);
		text += piece;
		if (!n)
			return sl;
		sl[4] = CONTINUES;
		sl = NULL;
	}
}

/* Empty components stand for the slashes of "a//b" and "a/". */
static void put_sl(struct susp *s, const char *target)
{
	uint8_t *sl = NULL;

	if (*target == '/') {
		sl = add_component(s, sl, COMPONENT_ROOT, "", 0);
		target++;
		if (!*target)
			return;
	}
	for (;;) {
		size_t n = strcspn(target, "/");

		if (n == 1 && target[0] == '.')
			sl = add_component(s, sl, COMPONENT_CURRENT, "", 0);
		else if (n == 2 && target[0] == '.' && target[1] == '.')
			sl = add_component(s, sl, COMPONENT_PARENT, "", 0);
		else
			sl = add_text(s, sl, target, n, target[n]);
		if (!target[n])
			return;
		target += n + 1;
	}
}

/*
 * Where an SL entry is cut so that `room` bytes go into the first half at most: *ret_at, in front of a component, or
 * so many bytes of its text behind that.  Between two components only where the first has no text to be cut, and not
 * behind the root: it stays with what follows.  0: nowhere.
 */
static unsigned place_of_cut(const uint8_t *sl, unsigned room, unsigned *ret_text)
{
	unsigned at = SL_HEADER_BYTES, last = at;

	*ret_text = 0;
	while (at < sl[2] && at + SL_COMPONENT_BYTES + sl[at + 1] <= room) {
		last = at;
		at += SL_COMPONENT_BYTES + sl[at + 1];
	}
	if (at + SL_COMPONENT_BYTES < room)
		*ret_text = room - at - SL_COMPONENT_BYTES;
	else if (at == SL_HEADER_BYTES || sl[last] == COMPONENT_ROOT)
		at = 0;
	else if (sl[last + 1] > 1)
		*ret_text = sl[(at = last) + 1] - 1u;
	return at;
}

/* Makes [at, at + n) of bytes[], in the entry, n bytes longer: room for what begins the second half of it. */
static void insert_in_link(struct susp *s, unsigned entry, unsigned at, unsigned n)
{
	memmove(s->bytes + at + n, s->bytes + at, susp_total(s) - at);
	for (unsigned i = entry; i < s->n; i++)
		s->end[i] = (uint16_t)(s->end[i] + n);
	memmove(s->end + entry + 1, s->end + entry, (s->n - entry) * sizeof(s->end[0]));
	s->n++;
}

bool susp_cut_link(struct susp *s, unsigned entry, unsigned room)
{
	unsigned start = susp_start(s, entry), at, text, more;
	uint8_t *sl = s->bytes + start, component[SL_COMPONENT_BYTES], flags = sl[4];

	if (sl[0] != 'S' || sl[1] != 'L' || room >= sl[2] || s->n == SUSP_ENTRIES ||
	    susp_total(s) + SL_HEADER_BYTES + SL_COMPONENT_BYTES > SUSP_BYTES)
		return false;
	at = place_of_cut(sl, room, &text);
	if (!at)
		return false;
	more = SL_HEADER_BYTES + (text ? SL_COMPONENT_BYTES : 0);
	memcpy(component, sl + at, sizeof(component));
	if (text) {
		sl[at] = CONTINUES;
		sl[at + 1] = (uint8_t)text;
		at += SL_COMPONENT_BYTES + text;
	}
	insert_in_link(s, entry, start + at, more);
	memcpy(sl + at, sl, SL_HEADER_BYTES);
	sl[at + 2] = (uint8_t)(sl[2] - at + more);
	sl[at + 4] = flags;
	if (text) {
		sl[at + SL_HEADER_BYTES] = component[0];
		sl[at + SL_HEADER_BYTES + 1] = (uint8_t)(component[1] - text);
	}
	sl[2] = (uint8_t)at;
	sl[4] = CONTINUES;
	s->end[entry] = (uint16_t)(start + at);
	return true;
}

static void put_pn(struct susp *s, uint64_t rdev)
{
	uint8_t *pn = begin(s, "PN", 20, 1);
	uint32_t high = major(rdev), low = minor(rdev);

	if (high && high < 1u << 12 && low < 1u << 8) {
		low |= high << 8;
		high = 0;
	}
	put_both32(pn + 4, high);
	put_both32(pn + 12, low);
}

/* zisofs2 ("PZ") is entry version 2 with the size in 64 bits, little-endian. */
static void put_zf(struct susp *s, const struct manifest_node *node)
{
	bool second = node->zisofs.algorithm[0] == 'P';
	uint8_t *zf = begin(s, "ZF", 16, second ? 2 : 1);

	memcpy(zf + 4, node->zisofs.algorithm, 2);
	zf[6] = node->zisofs.header_words;
	zf[7] = node->zisofs.block_shift;
	if (second)
		put_le64(zf + 8, node->size);
	else
		put_both32(zf + 8, (uint32_t)node->size);
}

void susp_of_node(struct susp *s, const struct manifest_node *node, const char *name)
{
	s->n = 0;
	put_px_tf(s, node);
	put_nm(s, name);
	if (S_ISLNK(node->mode))
		put_sl(s, node->target);
	if (S_ISCHR(node->mode) || S_ISBLK(node->mode))
		put_pn(s, node->rdev);
	if (S_ISREG(node->mode) && zisofs_used(&node->zisofs))
		put_zf(s, node);
}

void susp_of_directory(struct susp *s, const struct manifest_node *node, enum susp_dot which)
{
	s->n = 0;
	if (which == SUSP_DOT_OF_VOLUME) {
		uint8_t *sp = begin(s, "SP", 7, 1);

		sp[4] = 0xbe;
		sp[5] = 0xef;
		sp[6] = 0;
	}
	put_px_tf(s, node);
	if (which == SUSP_DOT_OF_VOLUME) {
		static const char identifier[] = "RRIP_1991A";
		uint8_t *er = begin(s, "ER", 18, 1);

		er[4] = sizeof(identifier) - 1;
		er[5] = er[6] = 0; /* descriptor, source */
		er[7] = 1;
		memcpy(er + 8, identifier, sizeof(identifier) - 1);
	}
}

void susp_add_twin(struct susp *s, const struct susp_twin *twin)
{
	uint8_t *tw = begin(s, "TW", 20, 1);

	put_le32(tw + 4, twin->lba);
	put_le32(tw + 8, twin->bytes);
	put_le32(tw + 12, twin->area_sectors);
	put_le32(tw + 16, twin->attempt);
}

void susp_continuation(uint8_t out[SUSP_CE_BYTES], uint32_t lba, uint32_t offset, uint32_t bytes)
{
	memcpy(out, "CE\x1c\x01", 4);
	put_both32(out + 4, lba);
	put_both32(out + 12, offset);
	put_both32(out + 20, bytes);
}
