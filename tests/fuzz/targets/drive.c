/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * burner/medium/drive.c, drive_sessions.c, drive_read.c: a drive that says anything of its medium, and a disc that
 * holds anything
 *
 * Input: profile and state of the medium; numbers; tracks (at most TRACKS_MAX: session, start, length, data); then
 * patches over two sessions of ours (common/image.c).  This file is the recorder of drive_recorder.h: libburn is not
 * there.  Reads outside of tracks, and of run-out blocks, are defects.
 */
#include <errno.h>

#include "burner/medium/drive.h"
#include "burner/medium/drive_belief.h"
#include "burner/base/own.h"
#include "tests/fuzz/common/image.h"

#define TRACKS_MAX 120u
#define READS_MAX 20000u

static const unsigned profiles[] = {
	PROFILE_CD_R,	    PROFILE_CD_RW,    PROFILE_CD_ROM,	   PROFILE_DVD_R,   PROFILE_DVD_RW,
	PROFILE_DVD_PLUS_R, PROFILE_BD_R,     PROFILE_DVD_PLUS_RW, PROFILE_DVD_RAM, PROFILE_DVD_RW_OVERWRITE,
	PROFILE_BD_RE,	    PROFILE_DVD_R_DL, PROFILE_BD_R_RANDOM, 0xffff};

static struct {
	struct recorder_medium medium; /* as told */
	struct drive_told told;
	struct recorder_medium believed; /* its tracks are a copy */
	struct disc_image image;
	unsigned n_reads;
	uint32_t unreadable; /* every block that is a multiple of it; 0 none */
} drive;

/* ---- drive_recorder.h ---- */

struct recorder {
	int nothing;
};

int recorder_open(const char *path, struct recorder **ret, const char **ret_why)
{
	static struct recorder one;

	(void)path, (void)ret_why;
	*ret = &one;
	return 0;
}
void recorder_close(struct recorder *rec) { (void)rec; }
bool recorder_loads(const struct recorder *rec)
{
	(void)rec;
	return false;
}
bool recorder_gone(const struct recorder *rec)
{
	(void)rec;
	return false;
}
void recorder_medium_release(struct recorder_medium *m)
{
	free(m->tracks);
	memset(m, 0, sizeof(*m));
}

int recorder_look(struct recorder *rec, struct recorder_medium *ret)
{
	struct recorder_medium m = drive.medium;

	(void)rec;
	m.tracks = calloc(m.n_tracks + 1, sizeof(*m.tracks));
	if (!m.tracks)
		return -ENOMEM;
	memcpy(m.tracks, drive.medium.tracks, m.n_tracks * sizeof(*m.tracks));
	if (m.overwritable)
		drive_believe_size(&m, &(struct drive_told_size){.formatted = m.capacity_sectors,
								 .range = m.next_lba,
								 .read = m.n_tracks ? m.tracks[0].sectors : 0,
								 .unformatted = m.unformatted});
	else
		drive_believe(&m, &drive.told);
	free(drive.believed.tracks);
	drive.believed = m;
	drive.believed.tracks = calloc(m.n_tracks + 1, sizeof(*m.tracks));
	memcpy(drive.believed.tracks, m.tracks, m.n_tracks * sizeof(*m.tracks));
	*ret = m;
	return 0;
}

static bool is_in_a_track(uint32_t lba, uint32_t n_sectors)
{
	for (size_t i = 0; i < drive.believed.n_tracks; i++) {
		const struct recorder_track *t = &drive.believed.tracks[i];

		if (t->data && lba >= t->start_lba && (uint64_t)lba + n_sectors <= (uint64_t)t->start_lba + t->room)
			return true;
	}
	return false;
}

int recorder_read(struct recorder *rec, uint32_t lba, void *buf, uint32_t n_sectors)
{
	uint8_t *to = buf;

	(void)rec;
	MUST(n_sectors > 0 && is_in_a_track(lba, n_sectors));
	drive.n_reads++;
	for (uint32_t i = 0; i < n_sectors; i++) {
		if (drive.unreadable && (lba + i) % drive.unreadable == 0)
			return -EIO;
		if (lba + i < IMAGE_SECTORS)
			memcpy(to + (size_t)i * SECTOR_BYTES, drive.image.data + (size_t)(lba + i) * SECTOR_BYTES,
			       SECTOR_BYTES);
		else
			memset(to + (size_t)i * SECTOR_BYTES, 0, SECTOR_BYTES);
	}
	return 0;
}

const char *recorder_message(struct recorder *rec)
{
	(void)rec;
	return "";
}
int recorder_format(struct recorder *rec)
{
	(void)rec;
	return -EIO;
}
int recorder_precheck(struct recorder *rec, const struct recorder_job *job)
{
	(void)rec, (void)job;
	return -EIO;
}
int recorder_burn(struct recorder *rec, const struct recorder_job *job)
{
	(void)rec, (void)job;
	return -EIO;
}
bool recorder_is_busy(struct recorder *rec)
{
	(void)rec;
	return false;
}
int recorder_burned_well(struct recorder *rec)
{
	(void)rec;
	return -EIO;
}
int recorder_write(struct recorder *rec, uint32_t lba, const void *buf, uint32_t n_sectors)
{
	(void)rec, (void)lba, (void)buf, (void)n_sectors;
	return -EIO;
}
int recorder_close_track(struct recorder *rec)
{
	(void)rec;
	return -EIO;
}

/* ---- the input ---- */

static void take_medium(struct input *in)
{
	struct recorder_medium *m = &drive.medium;
	uint8_t bits = take_u8(in), tracks;

	*m = (struct recorder_medium){.profile = profiles[take_u8(in) % ARRAY_LENGTH(profiles)],
				      .status = (enum recorder_status)(bits % 3),
				      .unformatted = bits & 4,
				      .multi = !(bits & 8)};
	m->overwritable = m->profile == PROFILE_DVD_PLUS_RW || m->profile == PROFILE_DVD_RAM ||
			  m->profile == PROFILE_DVD_RW_OVERWRITE || m->profile == PROFILE_BD_RE;
	drive.unreadable = bits & 32 ? take_u8(in) : 0;
	m->next_lba = (uint32_t)take_number(in);
	m->free_sectors = (uint32_t)min_u64(take_number(in), UINT32_MAX - m->next_lba); /* as drive_recorder.c has it */
	m->capacity_sectors = (uint32_t)take_number(in);
	drive.told = (struct drive_told){.next_lba = m->next_lba,
					 .track_lba = bits & 64 ? 0 : m->next_lba,
					 .free_sectors = m->free_sectors,
					 .has_next = !(bits & 128),
					 .damaged = bits & 16,
					 .read_sectors = m->capacity_sectors};
	tracks = take_u8(in) % TRACKS_MAX;
	m->tracks = calloc(tracks + 1u, sizeof(*m->tracks));
	for (uint8_t i = 0; i < tracks && m->tracks; i++)
		m->tracks[m->n_tracks++] = (struct recorder_track){.session = take_u8(in),
								   .start_lba = (uint32_t)take_number(in),
								   .sectors = (uint32_t)take_number(in),
								   .data = take_u8(in) & 1};
}

static void check_state(struct disc *d)
{
	struct disc_state s;

	MUST(disc_state(d, &s) == 0);
	MUST(s.appendable == !s.why_not);
	MUST(!s.appendable || (!s.finalized && !drive.believed.interrupted && !drive.believed.untold));
	MUST(!s.appendable || s.overwritable || (uint64_t)s.next_lba + s.tail_sectors <= s.capacity_sectors);
}

static void look_around(struct disc *d)
{
	struct disc_session *sessions = NULL;
	struct disc_identity identity;
	struct disc_fingerprint fingerprint;
	uint8_t sector[SECTOR_BYTES];
	size_t n = 0;

	check_state(d);
	MUST(disc_sessions(d, &sessions, &n) == 0 && n <= drive.medium.n_tracks + 4096);
	for (size_t i = 0; i < n; i++)
		if (!sessions[i].broken)
			walk_session(d, sessions[i].descriptor_lba);
	(void)!disc_identity(d, &identity);
	(void)!disc_fingerprint(d, &fingerprint);
	(void)!disc_read(d, (uint32_t)walk_below(UINT32_MAX), sector, 1);
	if (n > 0) {
		MUST(disc_forgive(d, sessions[n - 1].start_lba) == 0);
		if (disc_refresh(d) == 0)
			check_state(d);
	}
	free(sessions);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct disc_open_options options = {.writable = true};
	struct input in = {data, size};
	struct disc *d = NULL;
	const char *why = NULL;

	walk_seed(hash_of(data, size));
	take_medium(&in);
	image_make(&drive.image, &in);
	drive.n_reads = 0;
	if (drive_open("/dev/null", &options, &d, &why) == 0) {
		look_around(d);
		disc_close(d);
	} else {
		MUST(why && *why);
	}
	MUST(drive.n_reads < READS_MAX * (drive.medium.n_tracks + 4));
	free(drive.medium.tracks);
	free(drive.believed.tracks);
	drive.believed.tracks = NULL;
	image_release(&drive.image);
	return 0;
}
