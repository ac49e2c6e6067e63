/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rock_ridge.c - System Use entries of Rock Ridge
 *
 * Places of fields are those of libiso9660's structures, where it has them: its PX is that of RRIP 1.09, without the
 * serial number; its CL ends behind the first byte; it has no ZF.  Its decoder, parse_rock_ridge_stat(), is not used:
 * it checks neither entries against their record nor components against their entry, and follows no CE.
 */
#include "burner/format/rock_ridge.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>

#define AT(field) offsetof(iso_extension_record_t, u.field)
#define PX_SERIAL (AT(PX) + sizeof(iso_rock_px_t))
#define CL_LOCATION AT(CL.location)
#define ZF_ALGORITHM 4u
#define ZF_HEADER_WORDS 6u
#define ZF_BLOCK_SHIFT 7u
#define ZF_SIZE 8u

static_assert(AT(PX.st_nlinks) == 12 && AT(PX.st_uid) == 20 && AT(PX.st_gid) == 28, "RRIP 4.1.1");
static_assert(PX_SERIAL == 36 && PX_SERIAL + 8 == RRIP_PX_BYTES, "RRIP 4.1.1");
static_assert(AT(PN.dev_low) == 12 && AT(PN) + sizeof(iso_rock_pn_t) == RRIP_PN_BYTES, "RRIP 4.1.2");
static_assert(AT(SL.flags) == RRIP_SL_FLAGS && AT(SL.link) == RRIP_SL_FIXED_BYTES, "RRIP 4.1.3");
static_assert(offsetof(iso_rock_sl_part_t, text) == RRIP_COMPONENT_FIXED_BYTES, "RRIP 4.1.3.1");
static_assert(AT(NM.flags) == 4 && AT(NM.name) == RRIP_NM_FIXED_BYTES, "RRIP 4.1.4");
static_assert(CL_LOCATION + 8 == RRIP_CL_BYTES, "RRIP 4.1.5.1");
static_assert(AT(TF.time_bytes) + 3 * SHORT_DATE_BYTES == RRIP_TF_BYTES, "RRIP 4.1.6");
static_assert(ISO_ROCK_TF_CREATE == 1u << RRIP_CREATION && ISO_ROCK_TF_MODIFY == 1u << RRIP_MODIFY &&
		      ISO_ROCK_TF_ACCESS == 1u << RRIP_ACCESS && ISO_ROCK_TF_ATTRIBUTES == 1u << RRIP_ATTRIBUTES,
	      "RRIP 4.1.6");

void rrip_px_encode(const struct rrip_px *px, uint8_t entry[RRIP_PX_BYTES])
{
	susp_header_encode(SUSP_SIGNATURE('P', 'X'), RRIP_PX_BYTES, 1, entry);
	put_both32(entry + AT(PX.st_mode), px->mode);
	put_both32(entry + AT(PX.st_nlinks), px->nlink);
	put_both32(entry + AT(PX.st_uid), px->uid);
	put_both32(entry + AT(PX.st_gid), px->gid);
	put_both32(entry + PX_SERIAL, px->serial);
}

int rrip_px_decode(const uint8_t *entry, struct rrip_px *ret)
{
	if (susp_length(entry) < PX_SERIAL)
		return -EBADMSG;
	ret->mode = get_le32(entry + AT(PX.st_mode));
	ret->nlink = get_le32(entry + AT(PX.st_nlinks));
	ret->uid = get_le32(entry + AT(PX.st_uid));
	ret->gid = get_le32(entry + AT(PX.st_gid));
	ret->has_serial = susp_length(entry) >= RRIP_PX_BYTES;
	ret->serial = ret->has_serial ? get_le32(entry + PX_SERIAL) : 0;
	return 0;
}

void rrip_pn_encode(uint64_t rdev, uint8_t entry[RRIP_PN_BYTES])
{
	uint32_t high = major(rdev), low = minor(rdev);

	if (high && high < 1u << 12 && low < 1u << 8) {
		low |= high << 8;
		high = 0;
	}
	susp_header_encode(SUSP_SIGNATURE('P', 'N'), RRIP_PN_BYTES, 1, entry);
	put_both32(entry + AT(PN.dev_high), high);
	put_both32(entry + AT(PN.dev_low), low);
}

int rrip_pn_decode(const uint8_t *entry, uint64_t *ret_rdev)
{
	uint32_t high, low;

	if (susp_length(entry) < RRIP_PN_BYTES)
		return -EBADMSG;
	high = get_le32(entry + AT(PN.dev_high));
	low = get_le32(entry + AT(PN.dev_low));
	*ret_rdev = !high && low & ~0xffu ? makedev(low >> 8, low & 0xff) : makedev(high, low);
	return 0;
}

void rrip_nm_encode(const struct rrip_nm *nm, uint8_t *entry)
{
	susp_header_encode(SUSP_SIGNATURE('N', 'M'), RRIP_NM_FIXED_BYTES + nm->n, 1, entry);
	entry[AT(NM.flags)] = (uint8_t)nm->flags;
	memcpy(entry + RRIP_NM_FIXED_BYTES, nm->text, nm->n);
}

int rrip_nm_decode(const uint8_t *entry, struct rrip_nm *ret)
{
	if (susp_length(entry) < RRIP_NM_FIXED_BYTES)
		return -EBADMSG;
	*ret = (struct rrip_nm){entry + RRIP_NM_FIXED_BYTES, susp_length(entry) - RRIP_NM_FIXED_BYTES,
				entry[AT(NM.flags)]};
	return 0;
}

void rrip_tf_encode(const uint8_t dates[3][SHORT_DATE_BYTES], uint8_t entry[RRIP_TF_BYTES])
{
	susp_header_encode(SUSP_SIGNATURE('T', 'F'), RRIP_TF_BYTES, 1, entry);
	entry[AT(TF.flags)] = ISO_ROCK_TF_MODIFY | ISO_ROCK_TF_ACCESS | ISO_ROCK_TF_ATTRIBUTES;
	memcpy(entry + AT(TF.time_bytes), dates, 3 * SHORT_DATE_BYTES);
}

int rrip_tf_decode(const uint8_t *entry, struct rrip_tf *ret)
{
	const uint8_t *date = entry + AT(TF.time_bytes), *end = entry + susp_length(entry);
	unsigned flags, date_bytes;

	if (end < date)
		return -EBADMSG;
	flags = entry[AT(TF.flags)];
	date_bytes = flags & ISO_ROCK_TF_LONG_FORM ? LONG_DATE_BYTES : SHORT_DATE_BYTES;
	for (unsigned i = 0; i < N_RRIP_TIMES; i++) {
		ret->dates[i] = flags & 1u << i ? date : NULL;
		if (!ret->dates[i])
			continue;
		if (end - date < (ptrdiff_t)date_bytes)
			return -EBADMSG;
		date += date_bytes;
	}
	ret->date_bytes = date_bytes;
	return 0;
}

int rrip_cl_decode(const uint8_t *entry, uint32_t *ret_lba)
{
	if (susp_length(entry) < RRIP_CL_BYTES)
		return -EBADMSG;
	*ret_lba = get_le32(entry + CL_LOCATION);
	return 0;
}

void rrip_zf_encode(const struct rrip_zf *zf, uint8_t entry[RRIP_ZF_BYTES])
{
	bool second = zf->algorithm[0] == 'P';

	susp_header_encode(SUSP_SIGNATURE('Z', 'F'), RRIP_ZF_BYTES, second ? 2 : 1, entry);
	memcpy(entry + ZF_ALGORITHM, zf->algorithm, 2);
	entry[ZF_HEADER_WORDS] = zf->header_words;
	entry[ZF_BLOCK_SHIFT] = zf->block_shift;
	if (second)
		put_le64(entry + ZF_SIZE, zf->size);
	else
		put_both32(entry + ZF_SIZE, (uint32_t)zf->size);
}

int rrip_zf_decode(const uint8_t *entry, struct rrip_zf *ret)
{
	const uint8_t *algorithm = entry + ZF_ALGORITHM;
	uint64_t size;
	bool second;

	if (susp_length(entry) < RRIP_ZF_BYTES)
		return -EBADMSG;
	second = algorithm[0] == 'P' && algorithm[1] == 'Z';
	if (!second && !(algorithm[0] == 'p' && algorithm[1] == 'z'))
		return 0;
	size = second ? get_le64(entry + ZF_SIZE) : get_le32(entry + ZF_SIZE);
	if (size > INT64_MAX)
		return -EBADMSG;
	*ret = (struct rrip_zf){{algorithm[0], algorithm[1]}, entry[ZF_HEADER_WORDS], entry[ZF_BLOCK_SHIFT], size};
	return 1;
}

/* ---- SL ---- */

#define PIECE_MIN (RRIP_COMPONENT_FIXED_BYTES + 1u)

struct link_writer {
	uint8_t *out;	      /* NULL: measure */
	uint32_t bytes, last; /* so far; of the last entry, 0: there is none yet */
};

void rrip_component_encode(unsigned flags, unsigned length, uint8_t *component)
{
	component[offsetof(iso_rock_sl_part_t, flags)] = (uint8_t)flags;
	component[offsetof(iso_rock_sl_part_t, len)] = (uint8_t)length;
}

void rrip_sl_begin(unsigned length, unsigned flags, uint8_t *entry)
{
	susp_header_encode(SUSP_SIGNATURE('S', 'L'), length, 1, entry);
	entry[RRIP_SL_FLAGS] = (uint8_t)flags;
}

static void begin_entry(struct link_writer *w)
{
	if (w->out && w->last)
		w->out[w->bytes - w->last + RRIP_SL_FLAGS] = ISO_ROCK_SL_CONTINUE;
	if (w->out)
		rrip_sl_begin(RRIP_SL_FIXED_BYTES, 0, w->out + w->bytes);
	w->bytes += RRIP_SL_FIXED_BYTES;
	w->last = RRIP_SL_FIXED_BYTES;
}

/* Behind those of the last entry, or of a new one when it does not fit there. */
static void add_component(struct link_writer *w, unsigned flags, const char *text, uint32_t n)
{
	if (!w->last || w->last + RRIP_COMPONENT_FIXED_BYTES + n > SUSP_ENTRY_MAX)
		begin_entry(w);
	if (w->out) {
		rrip_component_encode(flags, n, w->out + w->bytes);
		memcpy(w->out + w->bytes + RRIP_COMPONENT_FIXED_BYTES, text, n);
	}
	w->bytes += RRIP_COMPONENT_FIXED_BYTES + n;
	w->last += RRIP_COMPONENT_FIXED_BYTES + n;
	if (w->out)
		w->out[w->bytes - w->last + offsetof(iso_extension_record_t, len)] = (uint8_t)w->last;
}

/* Bytes of a component, n of them left, that go behind `used` bytes of an entry, or of a new one when not one fits;
 * what is left then begins a new one. more: other components follow. */
static uint32_t piece_of(uint32_t used, uint32_t n, bool more)
{
	uint32_t room = SUSP_ENTRY_MAX - used;

	if (room < RRIP_COMPONENT_FIXED_BYTES + (n > 0))
		room = SUSP_ENTRY_MAX - RRIP_SL_FIXED_BYTES;
	/* The next one must find room for a beginning. */
	if (RRIP_COMPONENT_FIXED_BYTES + n <= room &&
	    (n < 2 || !more || RRIP_COMPONENT_FIXED_BYTES + n + PIECE_MIN <= room))
		return n;
	return (uint32_t)min_u64(n - 1, room - RRIP_COMPONENT_FIXED_BYTES);
}

/* A component in as many records as it needs; more: others follow. */
static void add_text(struct link_writer *w, const char *text, uint32_t n, bool more)
{
	for (;;) {
		uint32_t piece = piece_of(w->last ? w->last : RRIP_SL_FIXED_BYTES, n, more);

		n -= piece;
		add_component(w, n ? ISO_ROCK_SL_CONTINUE : 0, text, piece);
		if (!n)
			return;
		text += piece;
		begin_entry(w);
	}
}

uint32_t rrip_sl_encode(const char *target, uint8_t *out)
{
	struct link_writer w = {out, 0, 0};

	if (*target == '/') {
		add_component(&w, ISO_ROCK_SL_ROOT, "", 0);
		target++;
		if (!*target)
			return w.bytes;
	}
	for (;;) {
		size_t n = strcspn(target, "/");

		if (n == 1 && target[0] == '.')
			add_component(&w, ISO_ROCK_SL_CURRENT, "", 0);
		else if (n == 2 && target[0] == '.' && target[1] == '.')
			add_component(&w, ISO_ROCK_SL_PARENT, "", 0);
		else
			add_text(&w, target, (uint32_t)n, target[n]);
		if (!target[n])
			return w.bytes;
		target += n + 1;
	}
}
