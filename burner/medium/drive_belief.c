/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive_belief.c - what of a drive's answers can be
 *
 * What must hold of a sequential medium: tracks begin one behind the other; the track to come begins at or behind the
 * end of the last closed one; writing goes on at or behind its beginning; a disc with sessions has tracks, and one
 * with a beginning behind block 0 has sessions, whatever it is called.
 *
 * Where the start of the track to come is impossible (0 behind closed sessions) it says nothing about whether that
 * track was begun: the damage bit and the address for writing do.  The length of a track that is 0 or reaches into the
 * next one is what lies between them.
 */
#include "burner/medium/drive_belief.h"

#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "burner/format/geometry.h"

#define BLANK_BEGINS 150u   /* where the first track of a blank disc begins at the latest: two seconds */
#define NOTHING_READABLE 1u /* READ CAPACITY gives the last block: 0, and all ones, come out as this or as 0 */

/* ---- the largest there are ---- */

/* More than any medium of the kind has: CD of 100 minutes, DVD of one and two layers, BD-R of four. */
static uint32_t largest(unsigned profile)
{
	switch (profile) {
	case PROFILE_CD_R:
	case PROFILE_CD_RW:
		return 450000;
	case PROFILE_DVD_R:
	case PROFILE_DVD_RW:
	case PROFILE_DVD_PLUS_R:
		return 2400000;
	case PROFILE_DVD_R_DL:
	case PROFILE_DVD_R_DL_JUMP:
	case PROFILE_DVD_PLUS_R_DL:
		return 4300000;
	default:
		return 64000000;
	}
}

/* ---- tracks ---- */

static uint64_t end_of(const struct recorder_track *t) { return (uint64_t)t->start_lba + t->sectors; }
static uint64_t recorded_end(const struct recorder_medium *m)
{
	return m->n_tracks ? end_of(&m->tracks[m->n_tracks - 1]) : 0;
}
static uint32_t last_start(const struct recorder_medium *m)
{
	return m->n_tracks ? m->tracks[m->n_tracks - 1].start_lba : 0;
}

/* Some drives count the session to come among the closed ones. */
static void drop_what_is_to_come(struct recorder_medium *m, const struct drive_told *told)
{
	uint64_t before = m->n_tracks > 1 ? end_of(&m->tracks[m->n_tracks - 2]) : 1;

	if (m->n_tracks > 0 && told->has_next && m->status != RECORDER_CLOSED && told->next_lba >= before &&
	    last_start(m) >= told->next_lba)
		m->n_tracks--;
}

/* And some the last closed one as that to come: then there is room for a session between the two. */
static void take_what_is_closed(struct recorder_medium *m, const struct drive_told *told)
{
	if (!told->has_pending || !told->has_next || told->track_lba > told->next_lba ||
	    told->track_lba <= (uint64_t)told->pending_lba + SESSION_DESCRIPTORS ||
	    (m->n_tracks && told->pending_lba < recorded_end(m)))
		return;
	m->tracks[m->n_tracks] =
		(struct recorder_track){.session = m->n_tracks ? m->tracks[m->n_tracks - 1].session + 1 : 1,
					.start_lba = told->pending_lba,
					.data = true};
	m->n_tracks++;
}

/* Tracks from the first on that does not begin behind the one before are not known. */
static void check_starts(struct recorder_medium *m)
{
	for (size_t i = 1; i < m->n_tracks; i++)
		if (m->tracks[i].start_lba <= m->tracks[i - 1].start_lba) {
			m->n_tracks = i;
			m->untold = "the drive does not say where all of its sessions begin, and a further one might "
				    "hide them";
		}
}

static bool behind_last(const struct recorder_medium *m, uint32_t lba)
{
	return lba <= largest(m->profile) && (m->n_tracks == 0 || lba > last_start(m));
}

static bool start_is_possible(const struct recorder_medium *m, const struct drive_told *told)
{
	return behind_last(m, told->track_lba);
}

static bool next_is_possible(const struct recorder_medium *m, const struct drive_told *told)
{
	return told->has_next && behind_last(m, told->next_lba) &&
	       (!start_is_possible(m, told) || told->next_lba >= told->track_lba);
}

/* Where at the latest what is recorded ends. */
static uint64_t bound_of_last(const struct recorder_medium *m, const struct drive_told *told)
{
	uint64_t bound = largest(m->profile);

	if (m->status == RECORDER_CLOSED)
		return told->read_sectors > last_start(m) + NOTHING_READABLE ? told->read_sectors : bound;
	if (next_is_possible(m, told))
		bound = min_u64(bound, told->next_lba);
	if (start_is_possible(m, told))
		bound = min_u64(bound, told->track_lba);
	return bound;
}

static void check_lengths(struct recorder_medium *m, const struct drive_told *told)
{
	for (size_t i = 0; i < m->n_tracks; i++) {
		struct recorder_track *t = &m->tracks[i];
		uint64_t bound = i + 1 < m->n_tracks ? t[1].start_lba : bound_of_last(m, told);

		if (bound <= t->start_lba)
			bound = max_u64(end_of(t), (uint64_t)t->start_lba + 1);
		if (m->status == RECORDER_CLOSED && i + 1 == m->n_tracks)
			bound = max_u64(bound, t->sectors <= largest(m->profile) ? end_of(t) : 0);
		t->room = (uint32_t)(bound - t->start_lba);
		if (t->sectors == 0 || t->sectors > t->room)
			t->sectors = t->room;
	}
}

/* ---- the track to come ---- */

/* CD: what the medium itself was made for, where the drive says that nothing is free. */
static uint32_t free_behind(const struct recorder_medium *m, const struct drive_told *told)
{
	uint32_t most = largest(m->profile) - (uint32_t)min_u64(largest(m->profile), told->next_lba);

	if (told->free_sectors == 0 && m->atip_sectors <= largest(m->profile) && m->atip_sectors > told->next_lba)
		return m->atip_sectors - told->next_lba;
	return (uint32_t)min_u64(told->free_sectors, most);
}

static void check_next(struct recorder_medium *m, const struct drive_told *told)
{
	if (m->status == RECORDER_CLOSED)
		return;
	m->interrupted = told->damaged || told->open_tracks;
	if (!told->has_next) {
		m->no_address = !m->interrupted && !told->not_asked;
		return;
	}
	if (!next_is_possible(m, told) || told->next_lba < recorded_end(m)) {
		if (!m->untold)
			m->untold =
				"the drive names an address for the next session that is not behind what is recorded";
		return;
	}
	m->next_lba = told->next_lba;
	m->free_sectors = free_behind(m, told);
	if (m->status == RECORDER_APPENDABLE && start_is_possible(m, told) && told->track_lba >= recorded_end(m) &&
	    told->next_lba > told->track_lba)
		m->interrupted = true;
}

void drive_believe(struct recorder_medium *m, const struct drive_told *told)
{
	m->untold = NULL;
	m->interrupted = m->no_address = false;
	m->next_lba = m->free_sectors = 0;
	drop_what_is_to_come(m, told);
	take_what_is_closed(m, told);
	check_starts(m);
	check_lengths(m, told);
	check_next(m, told);
	if (!m->untold && !m->interrupted &&
	    (told->lost_sessions || (m->status == RECORDER_APPENDABLE && m->n_tracks == 0 && m->next_lba > 0)))
		m->untold = "the drive says that there are sessions, but not where, and a further one would hide them";
	if (!m->untold && m->status == RECORDER_BLANK && m->next_lba > BLANK_BEGINS)
		m->untold = "the drive calls the disc blank, but would write behind something that is on it, which a "
			    "session would hide";
}

/* ---- overwritable media ---- */

void drive_believe_size(struct recorder_medium *m, const struct drive_told_size *told)
{
	bool readable = told->read > NOTHING_READABLE;
	uint32_t capacity = told->range > NOTHING_READABLE     ? told->range :
			    told->formatted > NOTHING_READABLE ? told->formatted :
			    readable			       ? told->read :
								 0;

	m->unformatted = told->unformatted;
	m->capacity_sectors = told->unformatted ? told->formatted : capacity;
	m->n_tracks = 0;
	if (m->capacity_sectors == 0)
		m->untold = "the drive does not say how large the disc is";
	if (told->unformatted && !readable)
		return;
	m->tracks[0] = (struct recorder_track){.session = 1, .data = true, .sectors = capacity};
	if (readable)
		m->tracks[0].sectors = (uint32_t)min_u64(capacity, told->read);
	m->tracks[0].room = m->tracks[0].sectors;
	m->n_tracks = m->tracks[0].sectors > 0;
}
