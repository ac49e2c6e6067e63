/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive_structure.c - READ DISC STRUCTURE: what is pressed or written into the lead-in of DVD and BD (MMC-6 6.22)
 */
#include "tests/burner/drive_room.h"

#include <string.h>

enum { DATA_START_DVD = 0x30000, DATA_START_RAM = 0x31000 };

static uint8_t book_of(const struct disc *disc)
{
	switch (disc->medium->family) {
	case DVD_RAM:
		return 0x16;
	case DVD_MINUS:
		return disc->medium->rewritable ? 0x32 : 0x25;
	case DVD_PLUS_RW:
		return 0x92;
	case DVD_PLUS_R:
		return 0xa1;
	default:
		return 0;
	}
}

/* Physical format information: book, size, where the data begin and end. */
static size_t put_physical(const struct disc *disc, uint8_t *p, bool recorded)
{
	uint32_t start = disc->medium->family == DVD_RAM ? DATA_START_RAM : DATA_START_DVD;
	int32_t end = recorded ? disc_readable_end(disc) : disc->capacity;

	p[0] = book_of(disc);
	p[1] = 0x0f; /* 120 mm, no maximum rate */
	p[2] = 0x02; /* one layer, rewritable or recordable */
	put_be32(p + 4, start);
	put_be32(p + 8, end > 0 ? start + (uint32_t)end - 1 : 0);
	return 2048;
}

/* Pre-recorded information of DVD-R/-RW: numbered fields of eight bytes. */
static size_t put_prerecorded(const struct disc *disc, uint8_t *p)
{
	p[0] = 1;
	p[8] = 2;
	p[16] = 3;
	memcpy(p + 17, disc->medium->maker, 6);
	p[24] = 4;
	memcpy(p + 25, disc->medium->type, 6);
	p[32] = 5;
	return 40;
}

/* ADIP of DVD+R/+RW: the physical format with the media id in bytes 19 to 29. */
static size_t put_adip(const struct disc *disc, uint8_t *p)
{
	put_physical(disc, p, false);
	memcpy(p + 19, disc->medium->maker, 8);
	memcpy(p + 27, disc->medium->type, 3);
	return 256;
}

static size_t put_disc_information(const struct disc *disc, uint8_t *p)
{
	memcpy(p, "DI", 2);
	p[2] = 1;
	memcpy(p + 8, disc->medium->family == BD_R ? "BDR" : "BDW", 3);
	memcpy(p + 100, disc->medium->maker, 6);
	memcpy(p + 106, disc->medium->type, 3);
	p[111] = 1;
	return 4096;
}

static size_t put_bd_spare(const struct disc *disc, uint8_t *p)
{
	uint32_t spare = disc->formatted ? (uint32_t)(disc->medium->capacity - disc->formatted) : 0;

	put_be32(p + 4, spare);
	put_be32(p + 8, spare);
	return 12;
}

static size_t put_list(uint8_t *p, const uint8_t *formats, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		p[4 * i] = formats[i];
		p[4 * i + 1] = 0x40; /* readable */
		put_be16(p + 4 * i + 2, 2050);
	}
	return 4 * n;
}

static size_t put_dvd(const struct disc *disc, unsigned format, uint8_t *p)
{
	static const uint8_t all[] = {0x00, 0x01, 0x0a, 0x0e, 0x10, 0x11, 0xc0};
	enum family family = disc->medium->family;
	bool plus = family == DVD_PLUS_R || family == DVD_PLUS_RW;

	switch (format) {
	case 0x00:
		return put_physical(disc, p, true);
	case 0x01: /* no copyright protection */
		return 4;
	case 0x0a:
		if (family != DVD_RAM)
			return 0;
		put_be32(p, 12800);
		return 12;
	case 0x0e:
		return family == DVD_MINUS ? put_prerecorded(disc, p) : 0;
	case 0x10:
		return family == DVD_MINUS ? put_physical(disc, p, false) : 0;
	case 0x11:
		return plus ? put_adip(disc, p) : 0;
	case 0xc0: /* no write protection */
		return 4;
	case 0xff:
		return put_list(p, all, sizeof(all));
	default:
		return 0;
	}
}

static size_t put_bd(const struct disc *disc, unsigned format, uint8_t *p)
{
	static const uint8_t all[] = {0x00, 0x0a};

	switch (format) {
	case 0x00:
		return put_disc_information(disc, p);
	case 0x0a:
		return put_bd_spare(disc, p);
	case 0xff:
		return put_list(p, all, sizeof(all));
	default:
		return 0;
	}
}

struct sense read_disc_structure(struct drive *d, struct command *c)
{
	static uint8_t r[4 + 4096];
	enum family family = d->disc->medium->family;
	bool bd = family == BD_R || family == BD_RE;
	size_t length;

	if (family == CD)
		return SENSE_INCOMPATIBLE_FORMAT;
	if ((c->cdb[1] & 0x0f) != bd)
		return SENSE_BAD_FIELD_IN_CDB;
	memset(r, 0, sizeof(r));
	length = bd ? put_bd(d->disc, c->cdb[7], r + 4) : put_dvd(d->disc, c->cdb[7], r + 4);
	if (!length)
		return SENSE_BAD_FIELD_IN_CDB;
	put_be16(r, (uint16_t)(length + 2));
	return answer(c, r, length + 4, get_be16(c->cdb + 8));
}
