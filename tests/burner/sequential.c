/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sequential.c - recording from the inside to the outside: CD-R/RW, DVD-R/RW, DVD+R, BD-R
 *
 * Invariants: tracks are sorted by address and by session; at most one of them is open without being reserved, and it
 * is the last; every closed session has its tracks closed; a block is written only at the end of an open track, or
 * where the next begins.
 */
#include <unistd.h>

#include "burner/base/bytes.h"
#include "tests/burner/disc.h"

int disc_pending_tracks(const struct disc *disc)
{
	return disc->n_tracks - (disc->n_sessions ? disc->sessions[disc->n_sessions - 1].last_track : 0);
}

struct track *disc_open_track(struct disc *disc)
{
	struct track *last = disc->n_tracks ? &disc->tracks[disc->n_tracks - 1] : NULL;

	return last && !last->closed && !last->reserved ? last : NULL;
}

static int32_t track_limit(const struct disc *disc, const struct track *t)
{
	return t->reserved ? t->start + t->reserved : disc->capacity;
}

int32_t disc_next_start(const struct disc *disc)
{
	const struct medium *m = disc->medium;
	int32_t start = 0;

	if (disc_pending_tracks(disc)) {
		const struct track *last = &disc->tracks[disc->n_tracks - 1];

		start = (last->reserved ? last->start + last->reserved + m->run_out : last->end) + m->track_gap;
	} else if (disc->n_sessions) {
		start = disc->sessions[disc->n_sessions - 1].lead_out +
			(disc->n_sessions == 1 ? m->first_gap : m->later_gap);
	}
	return (int32_t)round_up((uint64_t)start, (uint64_t)m->packet);
}

bool disc_has_next_track(const struct disc *disc)
{
	const struct track *last = disc->n_tracks ? &disc->tracks[disc->n_tracks - 1] : NULL;

	return !disc->finalized && !(last && !last->closed && !last->reserved) &&
	       disc->n_tracks < disc->medium->max_tracks && disc->n_sessions < disc->medium->max_sessions &&
	       disc_next_start(disc) < disc->capacity;
}

struct sense disc_begin_track(struct disc *disc, uint8_t control, int32_t start)
{
	if (disc->finalized)
		return SENSE_WRITE_PROTECTED;
	if (!disc_has_next_track(disc))
		return sense_at(SENSE_END_OF_TRACK, start);
	disc->tracks[disc->n_tracks++] = (struct track){
		.session = disc->n_sessions + 1,
		.start = start,
		.end = start,
		.control = control,
	};
	disc_save(disc);
	return SENSE_OK;
}

struct sense disc_reserve(struct disc *disc, int32_t blocks, uint8_t control)
{
	int32_t start = disc_next_start(disc),
		size = (int32_t)round_up((uint64_t)blocks, (uint64_t)disc->medium->packet);
	int reserved = 0;
	struct sense sense;

	for (int i = 0; i < disc->n_tracks; i++)
		reserved += disc->tracks[i].reserved && !disc->tracks[i].closed;
	if (disc->finalized)
		return SENSE_WRITE_PROTECTED;
	if (disc_open_track(disc))
		return SENSE_SEQUENCE_ERROR;
	if (reserved >= disc->medium->max_reserved)
		return SENSE_NO_MORE_RESERVATIONS;
	if (blocks <= 0 || size > disc->capacity - start)
		return SENSE_OUT_OF_RANGE;
	sense = disc_begin_track(disc, control, start);
	if (sense.key)
		return sense;
	disc->tracks[disc->n_tracks - 1].reserved = size;
	disc_save(disc);
	return SENSE_OK;
}

static struct track *writable_at(struct disc *disc, int32_t lba)
{
	for (int i = disc->n_tracks; i > 0; i--) {
		struct track *t = &disc->tracks[i - 1];

		if (!t->closed && lba == t->end && !(t->damaged && disc->medium->family == CD))
			return t;
	}
	return NULL;
}

struct sense sequential_write(struct disc *disc, int32_t lba, const uint8_t *data, int32_t blocks, uint8_t control)
{
	struct track *t;
	struct sense sense;

	if (disc->finalized)
		return SENSE_WRITE_PROTECTED;
	t = writable_at(disc, lba);
	if (!t) {
		if (!disc_has_next_track(disc) || lba != disc_next_start(disc))
			return sense_at(SENSE_BAD_WRITE_ADDRESS, lba);
		sense = disc_begin_track(disc, control, lba);
		if (sense.key)
			return sense;
		t = &disc->tracks[disc->n_tracks - 1];
	}
	if (blocks > track_limit(disc, t) - lba)
		return sense_at(SENSE_END_OF_TRACK, track_limit(disc, t));
	sense = disc_put(disc, lba, data, blocks);
	if (!sense.key)
		t->end = lba + blocks;
	return sense;
}

/* What is not on the disc, or not yet, cannot be read; neither can a CD or DVD-R track before it is closed. */
struct sense sequential_readable(const struct disc *disc, int32_t lba)
{
	bool minus = disc->medium->family == CD || disc->medium->family == DVD_MINUS;
	const struct track *t = NULL;

	for (int i = disc->n_tracks; i > 0 && !t; i--) {
		if (lba >= disc->tracks[i - 1].start)
			t = &disc->tracks[i - 1];
	}
	if (t && lba < t->end) {
		if (!t->closed && minus)
			return SENSE_ILLEGAL_TRACK_MODE;
		return t->closed && lba >= t->end - t->run_out ? SENSE_UNREADABLE : SENSE_OK;
	}
	if (!disc->n_tracks || lba >= disc->tracks[disc->n_tracks - 1].end)
		return minus ? SENSE_OUT_OF_RANGE : SENSE_BLANK_CHECK;
	return minus ? SENSE_UNREADABLE : SENSE_BLANK_CHECK; /* lead-out, lead-in, border; a reserved rest */
}

struct sense sequential_flush(struct disc *disc)
{
	for (int i = 0; i < disc->n_tracks; i++) {
		struct track *t = &disc->tracks[i];

		if (!t->closed)
			t->end = t->start +
				 (int32_t)round_up((uint64_t)(t->end - t->start), (uint64_t)disc->medium->packet);
	}
	return SENSE_OK;
}

struct sense disc_close_track(struct disc *disc, int number, int32_t run_out)
{
	struct track *t = number ? NULL : disc_open_track(disc);

	if (number > 0 && number <= disc->n_tracks)
		t = &disc->tracks[number - 1];
	if (!t && number && number != disc->n_tracks + 1)
		return SENSE_BAD_FIELD_IN_CDB;
	if (!t || t->closed)
		return SENSE_OK;
	sequential_flush(disc);
	if (t->end == t->start && !t->reserved) { /* nothing was recorded: the track is not there */
		disc->n_tracks--;
		disc_save(disc);
		return SENSE_OK;
	}
	if (t->reserved)
		t->end = t->start + t->reserved;
	if (t->end - t->start < disc->medium->shortest_track)
		t->end = t->start + disc->medium->shortest_track;
	t->run_out = run_out;
	t->end += run_out;
	t->closed = true;
	disc_save(disc);
	return SENSE_OK;
}

struct sense disc_close_session(struct disc *disc, bool more_to_come)
{
	int pending = disc_pending_tracks(disc);

	for (int i = 0; i < disc->n_tracks; i++) {
		if (!disc->tracks[i].closed)
			return disc->tracks[i].reserved ? SENSE_OPEN_RESERVED_TRACK : SENSE_SEQUENCE_ERROR;
	}
	if (disc->finalized)
		return SENSE_WRITE_PROTECTED;
	if (pending) {
		disc->sessions[disc->n_sessions++] = (struct session){
			.first_track = disc->n_tracks - pending + 1,
			.last_track = disc->n_tracks,
			.lead_out = disc->tracks[disc->n_tracks - 1].end,
		};
	}
	if (!more_to_come && disc->n_sessions)
		disc->finalized = true;
	disc_save(disc);
	return SENSE_OK;
}

void disc_damage(struct disc *disc)
{
	enum family family = disc->medium->family;

	if (disc_is_overwritable(disc))
		return;
	for (int i = 0; i < disc->n_tracks; i++) {
		struct track *t = &disc->tracks[i];

		if (!t->closed && t->end > t->start)
			t->damaged = family == CD || family == DVD_MINUS;
	}
	sequential_flush(disc);
	disc_save(disc);
}

void disc_drop_pending(struct disc *disc)
{
	disc->n_tracks -= disc_pending_tracks(disc);
	disc_save(disc);
}

struct sense disc_blank(struct disc *disc, bool fast)
{
	if (!disc->medium->rewritable || (disc->medium->family != CD && disc->medium->family != DVD_MINUS))
		return SENSE_INCOMPATIBLE_FORMAT;
	disc->n_tracks = disc->n_sessions = 0;
	disc->finalized = disc->restricted = disc->intermediate = false;
	disc->background = FORMAT_NONE;
	disc->formatted = 0;
	disc->fast_blanked = fast && disc->medium->family == DVD_MINUS;
	if (ftruncate(disc->fd, 0) < 0)
		return SENSE_WRITE_ERROR;
	disc_save(disc);
	return SENSE_OK;
}
