/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * overwrite.c - media that take blocks in any order once they are formatted: DVD+RW, DVD-RAM, BD-RE, DVD-RW
 * restricted overwrite
 *
 * DVD+RW formats in the background: from FORMAT UNIT on every block can be written, and the formatted area reaches as
 * far as was written or formatted; a stop (CLOSE function 0 or 2) puts a lead-out there, behind which nothing is
 * taken until the format is restarted.  DVD-RW in restricted overwrite takes whole packets inside its border, and
 * after a quick format or a quick grow also right behind it; that intermediate state ends with CLOSE SESSION.
 */
#include <unistd.h>

#include "burner/base/bytes.h"
#include "tests/burner/disc.h"

enum {
	BD_RE_SPARE = 393216, /* blocks that the default format keeps for replacements */
	BD_R_SPARE = 131072,
};

/* The format types of MMC-6 table 247. */
enum {
	FULL = 0x00,
	SPARE_EXPANSION = 0x01,
	RW_FULL = 0x10,
	RW_QUICK_GROW = 0x13,
	RW_QUICK = 0x15,
	PLUS_RW = 0x26,
	BD_RE_SPARES = 0x30,
	BD_RE_NO_SPARES = 0x31,
	BD_R_SPARES = 0x32,
};

int32_t disc_format_capacity(const struct disc *disc, unsigned type)
{
	int32_t capacity = disc->capacity;

	switch (disc->medium->family) {
	case DVD_PLUS_RW:
		return type == PLUS_RW || type == FULL ? capacity : 0;
	case DVD_RAM:
		return type == FULL || type == SPARE_EXPANSION ? capacity : 0;
	case BD_RE:
		if (type == BD_RE_NO_SPARES)
			return capacity;
		return type == FULL || type == BD_RE_SPARES ?
			       (capacity > 2 * BD_RE_SPARE ? capacity - BD_RE_SPARE : capacity) :
			       0;
	case BD_R:
		if (disc->n_tracks || disc->formatted)
			return 0;
		return type == FULL || type == BD_R_SPARES ?
			       (capacity > 2 * BD_R_SPARE ? capacity - BD_R_SPARE : capacity) :
			       0;
	case DVD_MINUS:
		if (!disc->medium->rewritable)
			return 0;
		if (type == RW_QUICK_GROW)
			return disc->restricted ? capacity - disc->formatted : 0;
		return type == FULL || type == RW_FULL || type == RW_QUICK ? capacity : 0;
	case CD:
	case DVD_PLUS_R:
		break;
	}
	return 0;
}

static struct sense format_minus_rw(struct disc *disc, unsigned type, int32_t blocks)
{
	int32_t limit = disc_format_capacity(disc, type);

	if (!limit)
		return type == RW_QUICK_GROW && disc->restricted ? SENSE_OK : SENSE_BAD_FIELD_IN_LIST;
	if (type == RW_QUICK_GROW) {
		if (blocks > limit)
			return SENSE_BAD_FIELD_IN_LIST;
		disc->formatted += (int32_t)round_up((uint64_t)blocks, 16);
		disc->intermediate = true;
		return SENSE_OK;
	}
	disc_blank(disc, false);
	disc->restricted = true;
	disc->background = FORMAT_NONE; /* that field belongs to DVD+RW and MRW */
	if (type == RW_QUICK) {
		disc->formatted = (int32_t)round_up((uint64_t)(blocks > 0 ? blocks : 16), 16);
		disc->intermediate = true;
	} else {
		disc->formatted = limit;
	}
	if (disc->formatted > limit)
		disc->formatted = limit;
	return SENSE_OK;
}

static struct sense format_plus_rw(struct disc *disc, bool restart)
{
	if (!restart) {
		disc->formatted = 0;
		disc->background = FORMAT_NONE;
	}
	if (disc->background == FORMAT_COMPLETE)
		return SENSE_OK;
	disc->background = FORMAT_RUNNING;
	if (!disc->formatted)
		disc->formatted = 16;
	return SENSE_OK;
}

struct sense disc_format(struct disc *disc, unsigned type, unsigned subtype, int32_t blocks, bool restart)
{
	enum { SRM = 1 }; /* sub-type of BD-R; 0 is with pseudo-overwrite, 2 random recording, neither is here */
	enum family family = disc->medium->family;
	int32_t limit = disc_format_capacity(disc, type);
	struct sense sense = SENSE_OK;

	if (family == DVD_MINUS && disc->medium->rewritable) {
		sense = format_minus_rw(disc, type, blocks);
	} else if (!limit) {
		return family == BD_R || disc->medium->rewritable ? SENSE_BAD_FIELD_IN_LIST : SENSE_CANNOT_FORMAT;
	} else if (family == DVD_PLUS_RW) {
		sense = format_plus_rw(disc, restart);
	} else {
		if (blocks < 0 || (uint32_t)blocks > (uint32_t)limit || (family == BD_R && subtype != SRM))
			return SENSE_BAD_FIELD_IN_LIST;
		disc->formatted = family == BD_R || family == BD_RE ? (blocks ? blocks : limit) : limit;
		disc->background = family == BD_R ? FORMAT_NONE : FORMAT_COMPLETE;
		if (family == BD_R)
			disc->capacity = disc->formatted;
	}
	disc_save(disc);
	return sense;
}

struct sense disc_stop_background(struct disc *disc)
{
	if (disc->medium->family == DVD_PLUS_RW && disc->background == FORMAT_RUNNING)
		disc->background = disc->formatted >= disc->capacity ? FORMAT_COMPLETE : FORMAT_SUSPENDED;
	disc_save(disc);
	return SENSE_OK;
}

struct sense overwrite_close(struct disc *disc)
{
	disc->intermediate = false;
	return disc_stop_background(disc);
}

struct sense overwrite_write(struct disc *disc, int32_t lba, const uint8_t *data, int32_t blocks)
{
	bool grows = disc->background == FORMAT_RUNNING || (disc->intermediate && lba <= disc->formatted);
	struct sense sense;

	if (!disc->formatted)
		return SENSE_NOT_FORMATTED;
	if (disc->restricted && (lba % 16 || blocks % 16))
		return sense_at(SENSE_BAD_WRITE_ADDRESS, lba);
	if (!grows && blocks > disc->formatted - lba)
		return sense_at(SENSE_OUT_OF_RANGE, lba > disc->formatted ? lba : disc->formatted);
	sense = disc_put(disc, lba, data, blocks);
	if (!sense.key && lba + blocks > disc->formatted)
		disc->formatted = (int32_t)min_u64(round_up((uint64_t)(lba + blocks), 16), (uint64_t)disc->capacity);
	return sense;
}

struct sense overwrite_readable(const struct disc *disc, int32_t lba)
{
	if (!disc->formatted)
		return SENSE_NOT_FORMATTED;
	return lba < disc->formatted ? SENSE_OK : SENSE_OUT_OF_RANGE;
}
