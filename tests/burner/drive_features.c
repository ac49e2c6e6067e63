/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive_features.c - GET CONFIGURATION: what the drive can do, and which of it with the disc that is in it (MMC-6
 * 5.2, 5.3)
 */
#include "tests/burner/drive_room.h"

#include <string.h>

enum { PERSISTENT = 2, CURRENT = 1 };

struct feature {
	uint16_t code;
	uint8_t version, flags, length;
	bool (*current)(const struct disc *disc); /* with a disc; NULL: always */
	uint8_t data[32];
};

static enum family family_of(const struct disc *disc) { return disc->medium->family; }
static bool is_bd(const struct disc *disc) { return family_of(disc) == BD_R || family_of(disc) == BD_RE; }
static bool is_cd(const struct disc *disc) { return family_of(disc) == CD; }
static bool is_dvd(const struct disc *disc) { return !is_cd(disc) && !is_bd(disc); }
static bool with_disc(const struct disc *disc)
{
	(void)disc;
	return true;
}
static bool with_data(const struct disc *disc) { return !disc_is_blank(disc); }
static bool cd_with_data(const struct disc *disc) { return is_cd(disc) && with_data(disc); }
static bool cd_with_space(const struct disc *disc) { return is_cd(disc) && !disc->finalized; }
static bool random_writable(const struct disc *disc)
{
	return disc_is_overwritable(disc) && !disc->restricted && disc->formatted;
}
static bool incremental(const struct disc *disc)
{
	return family_of(disc) == DVD_MINUS && !disc->restricted && !disc->finalized && !disc->fast_blanked;
}
static bool formattable(const struct disc *disc)
{
	return disc_is_overwritable(disc) || (disc->medium->rewritable && family_of(disc) == DVD_MINUS) ||
	       (family_of(disc) == BD_R && disc_is_blank(disc));
}
static bool defects_managed(const struct disc *disc)
{
	return family_of(disc) == DVD_RAM ||
	       (is_bd(disc) && disc->formatted && disc->formatted < disc->medium->capacity);
}
static bool restricted(const struct disc *disc) { return disc->restricted; }
static bool plus_rw(const struct disc *disc) { return family_of(disc) == DVD_PLUS_RW; }
static bool plus_r(const struct disc *disc) { return family_of(disc) == DVD_PLUS_R; }
static bool minus(const struct disc *disc)
{
	return family_of(disc) == DVD_MINUS && !disc->restricted && !disc->finalized;
}
static bool bd_writable(const struct disc *disc) { return is_bd(disc) && !disc->finalized; }
static bool never(const struct disc *disc)
{
	(void)disc;
	return false;
}

static const struct feature features[] = {
	{0x0001, 2, PERSISTENT, 8, NULL, {0, 0, 0, 1, 1}}, /* core: SCSI, device busy events */
	{0x0002, 1, PERSISTENT, 4, NULL, {2}},		   /* morphing */
	{0x0003, 0, PERSISTENT, 4, NULL, {0x29}},	   /* removable, tray, lock */
	{0x0010, 0, 0, 8, with_data, {0, 0, 8, 0, 0, 1}},  /* random readable; its blocking is set below */
	{0x001d, 0, 0, 0, cd_with_data, {0}},		   /* multi-read */
	{0x001e, 2, 0, 4, cd_with_data, {0}},
	{0x001f, 1, 0, 4, is_dvd, {0, 0, 1}},			/* DVD read */
	{0x0020, 1, 0, 12, random_writable, {0}},		/* its last block and blocking are set below */
	{0x0021, 1, 0, 8, incremental, {0xff, 0xff, 1, 1, 16}}, /* incremental streaming, link size 16 */
	{0x0023, 1, 0, 8, formattable, {0x0f}},
	{0x0024, 1, 0, 4, defects_managed, {0}},
	{0x0026, 0, 0, 0, restricted, {0}}, /* restricted overwrite */
	{0x002a, 0, 0, 4, plus_rw, {1}},
	{0x002b, 0, 0, 4, plus_r, {1}},
	{0x002c, 0, 0, 4, restricted, {3}},			 /* rigid restricted overwrite: blank, intermediate */
	{0x002d, 2, 0, 4, cd_with_space, {0x46, 0, 0x05, 0x00}}, /* TRACK AT ONCE, test writing, CD-RW */
	{0x002e, 0, 0, 4, cd_with_space, {0x66, 0, 4, 0}},	 /* SESSION AT ONCE */
	{0x002f, 2, 0, 4, minus, {0x46}},			 /* DVD-R/-RW write */
	{0x0037, 0, 0, 8, never, {0, 0xff, 4}},
	{0x0038, 0, 0, 0, never, {0}}, /* BD-R pseudo-overwrite: this drive has not got it */
	{0x0040, 1, 0, 28, is_bd, {0, 0, 0, 0, 0xff, 0, 0xff, 0, 0, 0, 0, 0, 0xff, 0, 0xff}},
	{0x0041, 1, 0, 20, bd_writable, {0, 0, 0, 0, 0xff, 0, 0xff, 0, 0, 0, 0, 0, 0xff, 0, 0xff}},
	{0x0100, 0, PERSISTENT, 0, NULL, {0}}, /* power management */
	{0x0105, 0, PERSISTENT, 4, NULL, {0}}, /* timeout */
	/* real time streaming: buffer, speeds, page 2A, SET STREAMING */
	{0x0107, 4, 0, 4, with_disc, {0x1e}},
	{0x0108, 0, PERSISTENT, 8, NULL, "EMU00002"}, /* serial number */
};

static const enum profile profiles[] = {
	PROFILE_BD_RE,	    PROFILE_BD_R,      PROFILE_BD_ROM,	PROFILE_DVD_PLUS_R, PROFILE_DVD_PLUS_RW,
	PROFILE_DVD_RW_SEQ, PROFILE_DVD_RW_RO, PROFILE_DVD_RAM, PROFILE_DVD_R_DL,   PROFILE_DVD_R,
	PROFILE_DVD_ROM,    PROFILE_CD_RW,     PROFILE_CD_R,	PROFILE_CD_ROM,
};

static uint8_t *put_profiles(uint8_t *p, enum profile now)
{
	put_be16(p, 0);
	p[2] = PERSISTENT | CURRENT;
	p[3] = 4 * ARRAY_LENGTH(profiles);
	p += 4;
	for (size_t i = 0; i < ARRAY_LENGTH(profiles); i++, p += 4) {
		put_be16(p, (uint16_t)profiles[i]);
		p[2] = profiles[i] == now;
	}
	return p;
}

static uint8_t *put_feature(uint8_t *p, const struct feature *f, const struct disc *disc, bool current)
{
	put_be16(p, f->code);
	p[2] = (uint8_t)(f->version << 2 | (f->flags & PERSISTENT) | current);
	p[3] = f->length;
	memcpy(p + 4, f->data, f->length);
	if (disc && f->code == 0x0010)
		put_be16(p + 8, (uint16_t)disc->medium->packet);
	if (f->code == 0x0020) {
		put_be32(p + 4, disc && disc->formatted ? (uint32_t)disc->formatted - 1 : 0);
		put_be32(p + 8, BLOCK_BYTES);
		put_be16(p + 12, disc ? (uint16_t)disc->medium->packet : 16);
		p[14] = 1;
	}
	return p + 4 + f->length;
}

struct sense get_configuration(struct drive *d, struct command *c)
{
	enum { ALL, ONLY_CURRENT, ONE };
	const struct disc *disc = has_disc(d) ? d->disc : NULL;
	unsigned request = c->cdb[1] & 3, first = get_be16(c->cdb + 2);
	enum profile now = disc ? disc_profile(disc) : PROFILE_NONE;
	uint8_t r[1024] = {0}, *p = r + 8;

	if (request == 3)
		return SENSE_BAD_FIELD_IN_CDB;
	if (!first)
		p = put_profiles(p, now);
	for (size_t i = 0; i < ARRAY_LENGTH(features); i++) {
		const struct feature *f = &features[i];
		bool current = !f->current || (disc && f->current(disc));

		if (f->code < first || (request == ONE && f->code != first) || (request == ONLY_CURRENT && !current))
			continue;
		p = put_feature(p, f, disc, current);
	}
	put_be32(r, (uint32_t)(p - r - 4));
	put_be16(r + 6, (uint16_t)now);
	return answer(c, r, (size_t)(p - r), get_be16(c->cdb + 7));
}
