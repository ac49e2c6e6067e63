/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive_rules.c - kinds of media, and what of each the drive does not tell
 */
#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "burner/format/geometry.h"
#include "burner/medium/drive.h"
#include "cdappendfs/further.h"

#define CD_TRACKS_MAX 99u
#define DVD_PLUS_R_SESSIONS_MAX 153u

/*
 * CD, Orange Book: lead-out and lead-in behind the first session and behind the others; two run-out blocks end a
 * track written at once.  The page cache reads in pieces of 4 KiB and more: so the starts.  DVD-R: border-out and
 * border-in at the radii where they are largest; DVD+R: closure and intro; BD-R: clusters of 32 blocks and nothing
 * between.
 */
static const struct drive_rules cd_rules = {.gap_first = 11400,
					    .gap = 6900,
					    .run_out = 2,
					    .pad = 150,
					    .track_min = 300,
					    .align = 16,
					    .sessions_max = CD_TRACKS_MAX};
static const struct drive_rules dvd_minus_rules = {.gap_first = 28672, .gap = 6144, .align = 16};
static const struct drive_rules dvd_plus_rules = {.gap_first = 2048,
						  .gap = 2048,
						  .align = 16,
						  .sessions_max = DVD_PLUS_R_SESSIONS_MAX};
static const struct drive_rules bd_rules = {.align = 32};
static const struct drive_rules overwritable_rules = {.align = SESSION_ALIGN_SECTORS};
static const struct drive_rules other_rules = {.align = 16};

static const struct drive_kind kinds[] = {
	{PROFILE_CD_ROM, MEDIUM_CD_ROM, "CD-ROM", &cd_rules},
	{PROFILE_CD_R, MEDIUM_CD_R, "CD-R", &cd_rules},
	{PROFILE_CD_RW, MEDIUM_CD_RW, "CD-RW", &cd_rules},
	{PROFILE_DVD_ROM, MEDIUM_DVD_ROM, "DVD-ROM", &other_rules},
	{PROFILE_DVD_R, MEDIUM_DVD_R, "DVD-R", &dvd_minus_rules},
	{PROFILE_DVD_RAM, MEDIUM_DVD_RAM, "DVD-RAM", &overwritable_rules},
	{PROFILE_DVD_RW_OVERWRITE, MEDIUM_DVD_RW, "DVD-RW", &overwritable_rules},
	{PROFILE_DVD_RW, MEDIUM_DVD_RW, "DVD-RW", &dvd_minus_rules},
	{PROFILE_DVD_R_DL, MEDIUM_DVD_R, "DVD-R DL", &dvd_minus_rules},
	{PROFILE_DVD_R_DL_JUMP, MEDIUM_DVD_R, "DVD-R DL", &dvd_minus_rules},
	{PROFILE_DVD_PLUS_RW, MEDIUM_DVD_PLUS_RW, "DVD+RW", &overwritable_rules},
	{PROFILE_DVD_PLUS_R, MEDIUM_DVD_PLUS_R, "DVD+R", &dvd_plus_rules},
	{PROFILE_DVD_PLUS_R_DL, MEDIUM_DVD_PLUS_R, "DVD+R DL", &dvd_plus_rules},
	{PROFILE_BD_ROM, MEDIUM_BD_ROM, "BD-ROM", &other_rules},
	{PROFILE_BD_R, MEDIUM_BD_R, "BD-R", &bd_rules},
	{PROFILE_BD_R_RANDOM, MEDIUM_BD_R, "BD-R in random recording mode", &other_rules},
	{PROFILE_BD_RE, MEDIUM_BD_RE, "BD-RE", &overwritable_rules},
};
static const struct drive_kind other_kind = {0, MEDIUM_OTHER, "disc", &other_rules};

const struct drive_kind *drive_kind_of(unsigned profile)
{
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++)
		if (kinds[i].profile == profile)
			return &kinds[i];
	return &other_kind;
}

const struct drive_kind *drive_kind(const struct drive *d) { return drive_kind_of(d->medium.profile); }

bool drive_kind_is_overwritable(const struct drive_kind *k) { return k->rules == &overwritable_rules; }

const struct drive_rules *drive_rules(const struct drive *d) { return drive_kind(d)->rules; }

uint32_t drive_gap(const struct drive *d)
{
	const struct drive_rules *r = drive_rules(d);

	return r->run_out + (d->medium.n_tracks == 0 ? r->gap_first : r->gap);
}

uint32_t drive_tail(const struct drive *d)
{
	const struct drive_rules *r = drive_rules(d);

	return d->medium.overwritable ? 0 : (uint32_t)max_u64(r->track_min, r->pad) + r->align + r->run_out;
}

uint32_t drive_sessions_left(const struct drive *d)
{
	const uint32_t most = drive_rules(d)->sessions_max;

	return !most ? UINT32_MAX : most > d->medium.n_tracks ? most - (uint32_t)d->medium.n_tracks : 0;
}

void disc_further(struct disc *disc, struct disc_further *ret)
{
	const struct drive *d = drive_of(disc);

	*ret = (struct disc_further){.sessions_left = UINT32_MAX};
	if (!d || d->medium.overwritable)
		return;
	ret->after_sectors = drive_rules(d)->run_out + drive_rules(d)->gap + drive_tail(d);
	ret->sessions_left = drive_sessions_left(d);
}
