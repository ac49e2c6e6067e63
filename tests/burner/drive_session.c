/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive_session.c - what structures a disc: cue sheet, RESERVE TRACK, CLOSE TRACK SESSION, BLANK, FORMAT UNIT
 */
#include "tests/burner/drive_room.h"

#include <string.h>

enum { TAO_RUN_OUT = 2 };

static int32_t msf_to_lba(const uint8_t *msf) { return (msf[0] * 60 + msf[1]) * 75 + msf[2] - MSF_OFFSET; }

/* The cue sheet has eight bytes a line: control and address, track, index, data form, copy permission, minute,
 * second, frame. */
struct sense send_cue_sheet(struct drive *d, struct command *c)
{
	size_t length = (size_t)c->cdb[6] << 16 | get_be16(c->cdb + 7);
	struct cue *cue = &d->cue;

	if (d->disc->medium->family != CD)
		return SENSE_INCOMPATIBLE_FORMAT;
	if (d->disc->finalized)
		return SENSE_WRITE_PROTECTED;
	if (write_type(d) != WRITE_SAO || disc_pending_tracks(d->disc))
		return SENSE_SEQUENCE_ERROR;
	if (length > c->size || length % 8)
		return SENSE_BAD_FIELD_IN_LIST;
	cue->n = cue->next = 0;
	cue->lead_out = 0;
	for (const uint8_t *p = c->data; p < c->data + length; p += 8) {
		if ((p[0] & 0x0f) != 1 || p[1] == 0)
			continue; /* catalogue number and the like; lead-in */
		if (p[1] == 0xaa) {
			cue->lead_out = msf_to_lba(p + 5);
		} else if (p[2] == 1) {
			if (cue->n == MAX_CUES || (p[3] & 0x3f) != 0x10)
				return SENSE_BAD_FIELD_IN_LIST; /* only mode 1 */
			cue->tracks[cue->n].start = msf_to_lba(p + 5);
			cue->tracks[cue->n++].control = p[0] >> 4;
		}
	}
	if (!cue->n || cue->lead_out > d->disc->capacity || cue->tracks[0].start != disc_next_start(d->disc)) {
		cue->n = 0;
		return SENSE_BAD_FIELD_IN_LIST;
	}
	cue->position = cue->tracks[0].start - PRE_GAP;
	return SENSE_OK;
}

/* The next blocks of the session that the cue sheet describes; those before the first track are its pre-gap. */
struct sense cue_write(struct drive *d, int32_t lba, const uint8_t *data, int32_t blocks)
{
	struct cue *cue = &d->cue;
	struct sense sense = SENSE_OK;

	if (!cue->n)
		return SENSE_SEQUENCE_ERROR;
	if (lba != cue->position || blocks > cue->lead_out - lba)
		return sense_at(SENSE_BAD_WRITE_ADDRESS, lba);
	while (blocks && !sense.key) {
		bool announced = cue->next < cue->n;
		int32_t run = blocks;

		if (announced && lba == cue->tracks[cue->next].start) {
			disc_close_track(d->disc, 0, 0);
			sense = disc_begin_track(d->disc, cue->tracks[cue->next].control, lba);
			if (!sense.key)
				d->disc->tracks[d->disc->n_tracks - 1].at_once = true;
			cue->next++;
			continue;
		}
		if (announced && run > cue->tracks[cue->next].start - lba)
			run = cue->tracks[cue->next].start - lba;
		if (cue->next)
			sense = disc_write(d->disc, lba, data, run, 0);
		lba += run;
		data += (size_t)run * BLOCK_BYTES;
		blocks -= run;
	}
	cue->position = lba;
	return sense;
}

/* A session written in full gets its lead-out. */
struct sense cue_finish(struct drive *d)
{
	struct cue *cue = &d->cue;

	if (!cue->n || cue->position != cue->lead_out)
		return SENSE_OK;
	cue->n = 0;
	if (is_test_write(d)) {
		disc_drop_pending(d->disc);
		return SENSE_OK;
	}
	disc_close_track(d->disc, 0, 0);
	return disc_close_session(d->disc, keeps_disc_open(d));
}

struct sense reserve_track(struct drive *d, struct command *c)
{
	struct disc *disc = d->disc;

	if (disc_is_overwritable(disc))
		return SENSE_INCOMPATIBLE_FORMAT;
	if (c->cdb[1] & 3) /* by address, by size of RAM tracks */
		return SENSE_BAD_FIELD_IN_CDB;
	if (disc->fast_blanked && write_type(d) != WRITE_SAO)
		return SENSE_ILLEGAL_TRACK_MODE;
	return disc_reserve(disc, (int32_t)get_be32(c->cdb + 5), disc->medium->family == CD ? d->page_5[3] & 0x0f : 4);
}

static struct sense close_session_of(struct drive *d, unsigned function)
{
	struct disc *disc = d->disc;
	struct sense sense = SENSE_OK;

	switch (disc->medium->family) {
	case CD: /* the mode page decides whether another session may follow */
		sense = disc_close_track(disc, 0, TAO_RUN_OUT);
		return sense.key ? sense : disc_close_session(disc, keeps_disc_open(d) && !d->finalizes);
	case DVD_MINUS:
		sense = disc_close_track(disc, 0, 0);
		return sense.key ? sense : disc_close_session(disc, keeps_disc_open(d) && !d->finalizes);
	case DVD_PLUS_R:
		if (function == 2)
			return disc_close_session(disc, !d->finalizes);
		return function == 5 || function == 6 ? disc_close_session(disc, false) : SENSE_BAD_FIELD_IN_CDB;
	case BD_R:
		if (function == 2)
			return disc_close_session(disc, !d->finalizes);
		return function == 6 ? disc_close_session(disc, false) : SENSE_BAD_FIELD_IN_CDB;
	default:
		return SENSE_BAD_FIELD_IN_CDB;
	}
}

static struct sense close_overwritable(struct disc *disc, unsigned function)
{
	switch (function) {
	case 0:
		return disc->medium->family == DVD_PLUS_RW ? disc_stop_background(disc) : SENSE_BAD_FIELD_IN_CDB;
	case 2:
		return disc->medium->family == DVD_PLUS_RW || disc->restricted ? overwrite_close(disc) :
										 SENSE_BAD_FIELD_IN_CDB;
	case 3:
		return disc->restricted ? overwrite_close(disc) : SENSE_BAD_FIELD_IN_CDB;
	case 5:
	case 6:
		return disc->medium->family == DVD_PLUS_RW ? overwrite_close(disc) : SENSE_BAD_FIELD_IN_CDB;
	default:
		return SENSE_BAD_FIELD_IN_CDB;
	}
}

struct sense close_track_session(struct drive *d, struct command *c)
{
	unsigned function = c->cdb[2] & 7;
	struct disc *disc = d->disc;
	const struct medium *m = disc->medium;
	bool immediate = c->cdb[1] & 1;
	struct sense sense;

	if (is_test_write(d) && (m->family == CD || m->family == DVD_MINUS) && !disc->restricted) {
		disc_drop_pending(disc);
		return SENSE_OK;
	}
	if (function == 1 && !disc_is_overwritable(disc))
		sense = disc_close_track(disc, get_be16(c->cdb + 4), m->family == CD ? TAO_RUN_OUT : 0);
	else if (disc_is_overwritable(disc))
		sense = close_overwritable(disc, function);
	else if (function == 0 || (function == 3 && m->family == CD))
		sense = SENSE_BAD_FIELD_IN_CDB;
	else
		sense = close_session_of(d, function);
	if (sense.key)
		return sense;
	take_time(d, c,
		  timing_flush(&d->timing) +
			  timing_of(&d->timing, function == 1 ? m->close_track_ms : m->close_session_ms),
		  immediate, SENSE_LONG_WRITE_IN_PROGRESS);
	d->timing.buffered = 0;
	return SENSE_OK;
}

/* Blanking types 0 (whole disc) and 1 (minimal); 6, the last session, is one that no tool here asks for. */
struct sense blank(struct drive *d, struct command *c)
{
	unsigned type = c->cdb[1] & 7;
	const struct medium *m = d->disc->medium;
	uint64_t whole = (uint64_t)d->disc->capacity * BLOCK_BYTES / 1000 / m->speeds[0] * 1000;
	struct sense sense;

	if (type > 1)
		return SENSE_BAD_FIELD_IN_CDB;
	sense = disc_blank(d->disc, type == 1);
	if (sense.key)
		return sense;
	d->cue.n = 0;
	take_time(d, c, timing_of(&d->timing, type == 1 ? m->blank_ms : whole), c->cdb[1] & 0x10,
		  SENSE_OPERATION_IN_PROGRESS);
	return SENSE_OK;
}

/* One format descriptor behind a header of four bytes: blocks, type, type-dependent parameter. */
struct sense format_unit(struct drive *d, struct command *c)
{
	enum { FORMAT_DATA = 0x10, IMMEDIATE = 0x02 };
	bool restart;
	unsigned type;
	struct sense sense;

	if (d->disc->medium->family == CD)
		return SENSE_CANNOT_FORMAT; /* CD-RW for packets: not here */
	if (!(c->cdb[1] & FORMAT_DATA) || (c->cdb[1] & 7) != 1)
		return SENSE_BAD_FIELD_IN_CDB;
	if (c->size < 12 || get_be16(c->data + 2) < 8)
		return SENSE_BAD_FIELD_IN_LIST;
	type = c->data[8] >> 2;
	restart = type == 0x26 && c->data[11] & 1;
	if (restart && d->disc->background != FORMAT_SUSPENDED)
		return SENSE_BAD_FIELD_IN_LIST;
	sense = disc_format(d->disc, type, c->data[8] & 3, (int32_t)get_be32(c->data + 4), restart);
	if (sense.key)
		return sense;
	take_time(d, c, timing_of(&d->timing, d->disc->medium->blank_ms), c->data[1] & IMMEDIATE,
		  SENSE_FORMAT_IN_PROGRESS);
	return SENSE_OK;
}
