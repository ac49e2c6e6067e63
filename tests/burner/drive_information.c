/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive_information.c - what is on the disc: READ DISC INFORMATION, READ TRACK INFORMATION, READ CAPACITY, READ
 * FORMAT CAPACITIES
 *
 * While a disc can be appended to, its last session is the one to come, with its invisible track: both are counted.
 */
#include "tests/burner/drive_room.h"

#include <string.h>

enum { LEAD_IN_START = -11635 }; /* 97:26:65 of an empty CD */

static bool pending_is_damaged(const struct disc *disc)
{
	for (int i = disc->n_tracks - disc_pending_tracks(disc); i < disc->n_tracks; i++) {
		if (disc->tracks[i].damaged && !disc->tracks[i].closed)
			return true;
	}
	return false;
}

static void sequential_disc(struct disc *disc, uint8_t *r)
{
	enum { EMPTY, INCOMPLETE, DAMAGED, COMPLETE };
	int pending = disc_pending_tracks(disc), sessions = disc->n_sessions, first, last;
	unsigned status = disc_is_blank(disc) ? 0 : disc->finalized ? 2 : 1, state = EMPTY;

	if (disc->finalized) {
		state = COMPLETE;
		first = disc->sessions[sessions - 1].first_track;
		last = disc->sessions[sessions - 1].last_track;
	} else {
		if (pending)
			state = pending_is_damaged(disc) ? DAMAGED : INCOMPLETE;
		sessions++;
		first = disc->n_tracks - pending + 1;
		last = disc->n_tracks + disc_has_next_track(disc);
		if (last < first)
			last = first;
	}
	r[2] = (uint8_t)(disc->medium->rewritable << 4 | state << 2 | status);
	r[4] = (uint8_t)sessions;
	r[9] = (uint8_t)(sessions >> 8);
	r[5] = (uint8_t)first;
	r[10] = (uint8_t)(first >> 8);
	r[6] = (uint8_t)last;
	r[11] = (uint8_t)(last >> 8);
	if (disc->medium->family != CD)
		return;
	r[8] = disc->n_sessions ? 0x00 : 0xff;
	if (disc->finalized) {
		memset(r + 16, 0xff, 8);
	} else {
		int32_t start = disc_next_start(disc);

		put_address(r + 16, start ? start - PRE_GAP - LEAD_IN : LEAD_IN_START, true);
		put_address(r + 20, disc->capacity, true);
	}
}

static void overwritable_disc(const struct disc *disc, uint8_t *r)
{
	enum { COMPLETE_SESSION = 3 << 2, INCOMPLETE_SESSION = 1 << 2 };

	r[4] = r[5] = r[6] = 1;
	if (disc->medium->family == DVD_PLUS_RW)
		r[7] |= (uint8_t)disc->background;
	if (!disc->formatted)
		r[2] = 0x10;
	else if (disc->intermediate)
		r[2] = 0x10 | INCOMPLETE_SESSION | 1;
	else if (disc->medium->family == DVD_RAM)
		r[2] = 0x10 | COMPLETE_SESSION | 3; /* "others" */
	else
		r[2] = 0x10 | COMPLETE_SESSION | 2;
}

struct sense read_disc_information(struct drive *d, struct command *c)
{
	uint8_t r[34] = {0, sizeof(r) - 2, [3] = 1, [7] = 0x20}; /* the disc is for unrestricted use */

	if (c->cdb[1] & 7) /* track resources, pseudo-overwrite resources */
		return SENSE_BAD_FIELD_IN_CDB;
	if (disc_is_overwritable(d->disc))
		overwritable_disc(d->disc, r);
	else
		sequential_disc(d->disc, r);
	return answer(c, r, sizeof(r), get_be16(c->cdb + 7));
}

/* Tracks are numbered from 1; the one after the last is the track to come. */
static int find_track(const struct disc *disc, unsigned kind, uint32_t address)
{
	int future = disc->n_tracks + 1;

	switch (kind) {
	case 0: /* by LBA */
		for (int i = disc->n_tracks; i > 0; i--) {
			const struct track *t = &disc->tracks[i - 1];

			if ((int32_t)address >= t->start)
				return (int32_t)address < (t->reserved ? t->start + t->reserved : t->end) ||
						       !t->closed ?
					       i :
					       future;
		}
		return future;
	case 1: /* by track number */
		if (address == 0xff && (disc->medium->family == CD || disc->medium->family == DVD_PLUS_R))
			return disc->n_tracks && !disc->tracks[disc->n_tracks - 1].closed &&
					       !disc->tracks[disc->n_tracks - 1].reserved ?
				       disc->n_tracks :
				       future;
		return address <= MAX_TRACKS ? (int)address : 0;
	case 2: /* by session number */
		for (int i = 0; i < disc->n_tracks; i++) {
			if (disc->tracks[i].session == (int)address)
				return i + 1;
		}
		return (int)address == disc->n_sessions + 1 ? future : 0;
	default:
		return 0;
	}
}

/* RT, Blank, Packet/Inc and FP as each family has them (MMC-6 6.26.3). */
static uint8_t track_bits(const struct disc *disc, const struct track *t)
{
	enum { RT = 0x80, BLANK = 0x40, INCREMENTAL = 0x20 };
	bool empty = !t || t->end == t->start, reserved = t && t->reserved && !t->closed;
	uint8_t bits = 0;

	switch (disc->medium->family) {
	case CD:
		return reserved ? RT : !t ? BLANK : 0;
	case DVD_PLUS_R: /* a fragment that exists has RT set */
		return empty && !reserved ? BLANK : empty ? RT | BLANK : RT;
	case DVD_MINUS:
		bits = t && t->at_once ? 0 : INCREMENTAL;
		break;
	default:
		break;
	}
	return (uint8_t)(bits | (reserved ? RT : 0) | (empty ? BLANK : 0));
}

static void put_next_track(const struct disc *disc, uint8_t *r)
{
	int32_t start = disc_next_start(disc);
	uint32_t room = disc->capacity > start ? (uint32_t)(disc->capacity - start) : 0;

	r[3] = (uint8_t)(disc->n_sessions + 1);
	r[33] = (uint8_t)((disc->n_sessions + 1) >> 8);
	r[5] = 0x04;
	r[6] = (uint8_t)(track_bits(disc, NULL) | 0x0f); /* data mode unknown */
	r[7] = 0x01;					 /* the next writable address is valid */
	put_be32(r + 8, (uint32_t)start);
	put_be32(r + 12, (uint32_t)start);
	put_be32(r + 16, room);
	put_be32(r + 24, room);
}

static void put_track(const struct disc *disc, const struct track *t, uint8_t *r)
{
	int32_t limit = t->reserved ? t->start + t->reserved : disc->capacity;

	r[3] = (uint8_t)t->session;
	r[33] = (uint8_t)(t->session >> 8);
	r[5] = (uint8_t)((t->damaged && !t->closed ? 0x20 : 0) | (t->control & 0x0f));
	r[6] = (uint8_t)(track_bits(disc, t) | 0x01); /* mode 1 */
	put_be32(r + 8, (uint32_t)t->start);
	if (!t->closed && !(t->damaged && disc->medium->family == CD)) {
		r[7] = 0x01;
		put_be32(r + 12, (uint32_t)t->end);
		put_be32(r + 16, (uint32_t)(limit - t->end));
	}
	put_be32(r + 24, (uint32_t)((t->closed ? t->end : limit) - t->start));
	if (t->closed && t->end > t->start) {
		r[7] |= 0x02;
		put_be32(r + 28, (uint32_t)t->end - 1);
	}
}

static void put_overwritable_track(const struct disc *disc, uint8_t *r)
{
	r[3] = 1;
	r[5] = 0x04;
	r[6] = 0x01;
	if (disc->restricted) {
		r[6] |= 0x30; /* fixed packets */
		put_be32(r + 20, 16);
	}
	if (!disc->formatted)
		r[6] |= 0x40;
	if (disc->intermediate || disc->background == FORMAT_RUNNING) {
		r[7] = 0x01;
		put_be32(r + 12, (uint32_t)disc->formatted);
		put_be32(r + 16, (uint32_t)(disc->capacity - disc->formatted));
	}
	put_be32(r + 24, (uint32_t)(disc->formatted ? disc->formatted : disc->capacity));
}

struct sense read_track_information(struct drive *d, struct command *c)
{
	enum { ROM_COMPATIBILITY_LBA = 262144 };
	const struct disc *disc = d->disc;
	size_t length = disc->medium->family == DVD_PLUS_R ? 40 : 36;
	uint32_t address = get_be32(c->cdb + 2);
	uint8_t r[40] = {0, (uint8_t)(length - 2)};
	int number;

	if (disc_is_overwritable(disc)) {
		if ((c->cdb[1] & 3) && address != 1)
			return SENSE_BAD_FIELD_IN_CDB;
		r[2] = 1;
		put_overwritable_track(disc, r);
		return answer(c, r, length, get_be16(c->cdb + 7));
	}
	number = find_track(disc, c->cdb[1] & 3, address);
	if (number < 1 || number > disc->n_tracks + disc_has_next_track(disc))
		return SENSE_BAD_FIELD_IN_CDB;
	r[2] = (uint8_t)number;
	r[32] = (uint8_t)(number >> 8);
	if (number > disc->n_tracks)
		put_next_track(disc, r);
	else
		put_track(disc, &disc->tracks[number - 1], r);
	if (length == 40)
		put_be32(r + 36, ROM_COMPATIBILITY_LBA);
	return answer(c, r, length, get_be16(c->cdb + 7));
}

struct sense read_capacity(struct drive *d, struct command *c)
{
	int32_t end = disc_readable_end(d->disc);
	uint8_t r[8];

	put_be32(r, (uint32_t)(end ? end - 1 : 0));
	put_be32(r + 4, BLOCK_BYTES);
	return answer(c, r, sizeof(r), sizeof(r));
}

static uint8_t *put_descriptor(uint8_t *p, uint32_t blocks, unsigned type, uint32_t parameter)
{
	put_be32(p, blocks);
	put_be32(p + 4, parameter & 0xffffff);
	p[4] = (uint8_t)(type << 2);
	return p + 8;
}

struct sense read_format_capacities(struct drive *d, struct command *c)
{
	enum { UNFORMATTED = 1, FORMATTED = 2, UNKNOWN = 3 };
	static const struct {
		uint8_t type;
		uint32_t parameter;
	} types[] = {
		{0x00, 0x800}, {0x01, 0x800},  {0x10, 16},    {0x13, 16},     {0x15, 16},
		{0x26, 0},     {0x30, 0x3000}, {0x31, 0x800}, {0x32, 0x1000},
	};
	const struct disc *disc = d->disc;
	uint8_t r[4 + 8 * 12] = {0}, *p = r + 12;

	if (disc->intermediate)
		r[8] = UNKNOWN;
	else if (disc_is_overwritable(disc) ? !disc->formatted : disc_is_blank(disc))
		r[8] = UNFORMATTED;
	else
		r[8] = FORMATTED;
	put_be32(r + 4, (uint32_t)(disc_is_overwritable(disc) && disc->formatted ? disc->formatted : disc->capacity));
	r[10] = BLOCK_BYTES >> 8;
	for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
		int32_t capacity = disc_format_capacity(disc, types[i].type);
		bool bd = disc->medium->family == BD_RE || disc->medium->family == BD_R;
		uint32_t parameter = types[i].parameter;

		if (capacity > 0)
			p = put_descriptor(p, (uint32_t)capacity, types[i].type,
					   bd && !types[i].type ? 0x3000 : parameter);
	}
	r[3] = (uint8_t)(p - r - 4);
	return answer(c, r, (size_t)(p - r), get_be16(c->cdb + 7));
}
