/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive.c - a disc in a drive
 *
 * Sessions are what the table of contents says: the first data track of each.  A track whose sector 16 is no descriptor, and a session of ours
 * whose commit record is missing (its burn failed), is broken: it is listed, never mounted, and linked past.  A newest session whose
 * descriptor cannot be read at all is another matter: what another program put there would be hidden by a further session, so none is burned.
 * Overwritable media have one track and a head, like an image file.
 *
 * Reading.  Optical seeks cost about 100 ms, so small reads fetch a window of 64 KiB, and of 256 KiB when they go on where a window ended;
 * there are a few windows, as directories and file data are read by turns.  Windows end before the run-out blocks of a track, which cannot
 * be read; blocks outside of tracks are never asked for.  When a window fails, the blocks that were asked for are read alone, so that
 * a bad block harms nobody but its file.  Everything goes through SCSI, not the page cache, which keeps what was there before a burn.
 */
#include "burner/medium/drive.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "burner/session/stream.h"
#include "cdappendfs/appuse.h"
#include "cdappendfs/own.h"

#define SCSI_CDROM_MAJOR 11u
#define WINDOW_FAR 32u			/* sectors of a window at a new place … */
#define WINDOW_NEAR 128u		/* … and of one that goes on */
#define DIRECT_SECTORS 64u		/* as many at once need no window */
#define PIECE_SECTORS 128u		/* the lock is held for so many */
#define CD_TRACKS_MAX 99u

static struct drive *to_drive(struct disc *d)
{
	return (struct drive *)(void *)d;	/* its first member */
}

static bool is_cd(const struct drive *d)
{
	return d->medium.profile == PROFILE_CD_R || d->medium.profile == PROFILE_CD_RW || d->medium.profile == PROFILE_CD_ROM;
}

static bool is_overwritable(const struct drive *d)
{
	unsigned p = d->medium.profile;

	return p == PROFILE_DVD_RAM || p == PROFILE_DVD_RW_OVERWRITE || p == PROFILE_DVD_PLUS_RW || p == PROFILE_BD_RE;
}

static uint64_t end_of_tracks(const struct recorder_medium *m)
{
	const struct recorder_track *last = m->n_tracks ? &m->tracks[m->n_tracks - 1] : NULL;

	return last ? (uint64_t)last->start_lba + last->sectors : 0;
}

/* ---- reading ---- */

static const struct recorder_track *track_of(const struct drive *d, uint32_t lba)
{
	for (size_t i = 0; i < d->medium.n_tracks; i++) {
		const struct recorder_track *t = &d->medium.tracks[i];

		if (t->data && lba >= t->start_lba && lba - t->start_lba < t->sectors)
			return t;
	}
	return NULL;
}

static struct drive_window *window_with(struct drive *d, uint32_t lba)
{
	for (size_t i = 0; i < DRIVE_WINDOWS; i++)
		if (lba >= d->windows[i].lba && lba - d->windows[i].lba < d->windows[i].n_sectors)
			return &d->windows[i];
	return NULL;
}

/* The one that ends there, to go on with; else the one that was not used for the longest time. */
static struct drive_window *window_for(struct drive *d, uint32_t lba, uint32_t *ret_sectors)
{
	struct drive_window *oldest = &d->windows[0];

	*ret_sectors = WINDOW_NEAR;
	for (size_t i = 0; i < DRIVE_WINDOWS; i++) {
		struct drive_window *w = &d->windows[i];

		if (w->n_sectors && w->lba + w->n_sectors == lba)
			return w;
		if (w->used < oldest->used)
			oldest = w;
	}
	*ret_sectors = WINDOW_FAR;
	return oldest;
}

static int fill_window(struct drive *d, const struct recorder_track *t, uint32_t lba)
{
	uint32_t end = t->start_lba + t->sectors, n;
	struct drive_window *w = window_for(d, lba, &n);

	if (is_cd(d))
		end -= (uint32_t)min_u64(DRIVE_RUN_OUT, t->sectors);
	if (lba >= end)
		return -EIO;
	w->n_sectors = 0;
	if (!w->buf && !(w->buf = malloc(WINDOW_NEAR * SECTOR_BYTES)))
		return -ENOMEM;
	n = (uint32_t)min_u64(n, end - lba);
	if (recorder_read(d->recorder, lba, w->buf, n) < 0)
		return -EIO;
	w->lba = lba;
	w->n_sectors = n;
	return 0;
}

/* Some of n_sectors, at least one. */
static int read_some_locked(struct drive *d, uint32_t lba, uint8_t *buf, uint32_t n_sectors, uint32_t *ret_done)
{
	const struct recorder_track *t = track_of(d, lba);
	struct drive_window *w = window_with(d, lba);
	uint32_t n;

	if (!t)
		return -EIO;
	n = (uint32_t)min_u64(n_sectors, min_u64(PIECE_SECTORS, t->start_lba + t->sectors - lba));
	if (!w && n < DIRECT_SECTORS && fill_window(d, t, lba) == 0)
		w = window_with(d, lba);
	if (!w) {
		*ret_done = n;
		return recorder_read(d->recorder, lba, buf, n);
	}
	n = (uint32_t)min_u64(n, w->lba + w->n_sectors - lba);
	memcpy(buf, w->buf + (size_t)(lba - w->lba) * SECTOR_BYTES, (size_t)n * SECTOR_BYTES);
	w->used = ++d->clock;
	*ret_done = n;
	return 0;
}

static int drive_read(struct disc *disc, uint32_t lba, void *buf, uint32_t n_sectors)
{
	struct drive *d = to_drive(disc);
	uint8_t *to = buf;

	while (n_sectors > 0) {
		uint32_t done = 0;
		int result;

		pthread_mutex_lock(&d->lock);
		result = d->burning ? -EAGAIN : read_some_locked(d, lba, to, n_sectors, &done);
		pthread_mutex_unlock(&d->lock);
		if (result < 0)
			return result;
		lba += done;
		n_sectors -= done;
		to += (size_t)done * SECTOR_BYTES;
	}
	return 0;
}

void drive_set_burning(struct drive *d, bool burning)
{
	pthread_mutex_lock(&d->lock);
	d->burning = burning;
	for (size_t i = 0; i < DRIVE_WINDOWS; i++)
		d->windows[i].n_sectors = 0;
	pthread_mutex_unlock(&d->lock);
}

/* ---- sessions ---- */

/* Does the session end with the commit record that its descriptor stands for? */
static bool has_record(struct disc *disc, const struct appuse *a)
{
	struct session_commit commit;
	uint8_t sector[SECTOR_BYTES];

	return disc_read(disc, a->start_lba + a->sectors - 1, sector, 1) == 0 && session_commit_decode(sector, &commit) == 0 &&
	       commit.start_lba == a->start_lba && commit.sectors == a->sectors && !memcmp(commit.uuid, a->uuid, sizeof(a->uuid));
}

static void describe_session(struct disc *disc, const uint8_t sector[SECTOR_BYTES], const struct recorder_track *t, struct disc_session *ret)
{
	struct appuse a;

	pvd_session(sector, t->start_lba, t->start_lba + HEAD_LBA, ret);
	ret->sectors = (uint32_t)min_u64(ret->sectors, t->sectors);	/* some programs count from LBA 0 */
	if (appuse_decode(sector, &a) < 0 || a.start_lba != t->start_lba || a.sectors <= HEAD_LBA + 1)
		return;
	memcpy(ret->uuid, a.uuid, sizeof(ret->uuid));
	ret->sectors = (uint32_t)min_u64(a.sectors, t->sectors);
	ret->ours = a.sectors <= t->sectors && has_record(disc, &a);
	ret->broken = !ret->ours;
}

/* *ret_unreadable: whatever it is, it cannot be read. */
static int look_at_session(struct disc *disc, const struct recorder_track *t, struct disc_session *ret, bool *ret_unreadable)
{
	uint8_t sector[SECTOR_BYTES];
	uint64_t end = end_of_tracks(&to_drive(disc)->medium);
	int result = disc_read(disc, t->start_lba + HEAD_LBA, sector, 1);

	if (result < 0 && result != -EIO)
		return result;
	*ret_unreadable = result < 0;
	if (result == 0 && pvd_check(sector, t->start_lba, end) == 0)
		describe_session(disc, sector, t, ret);
	else
		*ret = (struct disc_session){.start_lba = t->start_lba, .sectors = t->sectors, .descriptor_lba = t->start_lba + HEAD_LBA, .broken = true};
	ret->number = t->session;
	return 0;
}

static int list_sessions(struct drive *d, struct session_list *ret, bool *ret_unreadable)
{
	_cleanup_(session_list_release) struct session_list list = {.end_sectors = end_of_tracks(&d->medium)};

	*ret_unreadable = false;
	list.sessions = calloc(d->medium.n_tracks + 1, sizeof(*list.sessions));
	if (!list.sessions)
		return -ENOMEM;
	for (size_t i = 0; i < d->medium.n_tracks; i++) {
		const struct recorder_track *t = &d->medium.tracks[i];
		int result;

		if (!t->data || (list.n > 0 && list.sessions[list.n - 1].number == t->session))
			continue;
		result = look_at_session(&d->disc, t, &list.sessions[list.n], ret_unreadable);
		if (result < 0)
			return result;
		list.n++;
	}
	*ret = list;
	list = (struct session_list){0};
	return 0;
}

static int find_sessions(struct drive *d, struct session_list *ret, bool *ret_unreadable)
{
	int result;

	if (!is_overwritable(d))
		return list_sessions(d, ret, ret_unreadable);
	*ret_unreadable = false;
	result = sessions_scan(&d->disc, end_of_tracks(&d->medium), ret);
	return result == -EMEDIUMTYPE ? 0 : result;
}

/* Those that can be mounted begin there: an earlier one may be broken, when a first burn failed. */
static struct session_list from_first_whole(const struct session_list *l)
{
	struct session_list view = *l;

	while (view.n > 0 && view.sessions[0].broken) {
		view.sessions++;
		view.n--;
	}
	return view;
}

/* ---- state ---- */

uint32_t drive_gap(const struct drive *d)
{
	if (!is_cd(d))
		return 0;
	return DRIVE_RUN_OUT + (d->medium.n_tracks == 0 ? DRIVE_GAP_FIRST : DRIVE_GAP);
}

static bool has_data_track(const struct recorder_medium *m)
{
	for (size_t i = 0; i < m->n_tracks; i++)
		if (m->tracks[i].data)
			return true;
	return false;
}

/* The first reason against another session, the gravest first. */
static const char *reason_against(const struct drive *d)
{
	const struct recorder_medium *m = &d->medium;

	if (m->profile == PROFILE_CD_ROM || m->profile == PROFILE_DVD_ROM || m->profile == PROFILE_BD_ROM)
		return "a disc that can only be read";
	if (m->profile != PROFILE_CD_R && m->profile != PROFILE_CD_RW)
		return "of the discs in drives only CD-R and CD-RW are burned";
	if (m->status == RECORDER_CLOSED)
		return "the disc is finalized: it takes no further session";
	if (d->unreadable)
		return "its newest session cannot be read, and a further one would hide what is in it";
	if (m->interrupted)
		return "a burn was interrupted on this disc and its track is still open";
	if (m->n_tracks >= CD_TRACKS_MAX)
		return "it has 99 tracks, as many as a CD can have";
	if (m->free_sectors < DRIVE_TAIL_MAX + HEAD_END_LBA)
		return "the disc is full";
	return "";
}

/* Media without a burn that failed keep their kind of blankness: a disc whose only sessions are broken has no tree either. */
static bool is_blank(const struct drive *d)
{
	return from_first_whole(&d->list).n == 0;
}

static int drive_refresh(struct disc *disc)
{
	struct drive *d = to_drive(disc);
	struct recorder_medium medium;
	struct session_list list = {0};
	bool unreadable;
	int result;

	pthread_mutex_lock(&d->lock);
	result = d->burning ? -EBUSY : recorder_look(d->recorder, &medium);
	if (result == 0) {
		recorder_medium_release(&d->medium);
		d->medium = medium;
		for (size_t i = 0; i < DRIVE_WINDOWS; i++)
			d->windows[i].n_sectors = 0;
	}
	pthread_mutex_unlock(&d->lock);
	if (result == 0)
		result = find_sessions(d, &list, &unreadable);
	if (result < 0)
		return result;
	session_list_release(&d->list);
	d->list = list;
	d->unreadable = unreadable;
	snprintf(d->why_not, sizeof(d->why_not), "%s", reason_against(d));
	return 0;
}

static const struct { unsigned profile; enum medium_kind kind; const char *name; } kinds[] = {
	{PROFILE_CD_ROM, MEDIUM_CD_ROM, "CD-ROM"}, {PROFILE_CD_R, MEDIUM_CD_R, "CD-R"}, {PROFILE_CD_RW, MEDIUM_CD_RW, "CD-RW"},
	{PROFILE_DVD_ROM, MEDIUM_DVD_ROM, "DVD-ROM"}, {PROFILE_DVD_R, MEDIUM_DVD_R, "DVD-R"}, {PROFILE_DVD_RAM, MEDIUM_DVD_RAM, "DVD-RAM"},
	{PROFILE_DVD_RW_OVERWRITE, MEDIUM_DVD_RW, "DVD-RW"}, {PROFILE_DVD_RW, MEDIUM_DVD_RW, "DVD-RW"}, {PROFILE_DVD_R_DL, MEDIUM_DVD_R, "DVD-R DL"},
	{PROFILE_DVD_PLUS_RW, MEDIUM_DVD_PLUS_RW, "DVD+RW"}, {PROFILE_DVD_PLUS_R, MEDIUM_DVD_PLUS_R, "DVD+R"},
	{PROFILE_DVD_PLUS_R_DL, MEDIUM_DVD_PLUS_R, "DVD+R DL"}, {PROFILE_BD_ROM, MEDIUM_BD_ROM, "BD-ROM"}, {PROFILE_BD_R, MEDIUM_BD_R, "BD-R"},
	{PROFILE_BD_R_RANDOM, MEDIUM_BD_R, "BD-R"}, {PROFILE_BD_RE, MEDIUM_BD_RE, "BD-RE"},
};

static int drive_state(struct disc *disc, struct disc_state *ret)
{
	const struct drive *d = to_drive(disc);
	const struct recorder_medium *m = &d->medium;
	struct disc_state state = {.kind = MEDIUM_OTHER, .name = "disc", .blank = is_blank(d), .overwritable = is_overwritable(d), .exclusive = true};

	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		if (kinds[i].profile == m->profile) {
			state.kind = kinds[i].kind;
			state.name = kinds[i].name;
		}
	}
	state.appendable = d->why_not[0] == 0;
	state.why_not = state.appendable ? NULL : d->why_not;
	state.used_sectors = state.overwritable ? d->list.end_sectors : end_of_tracks(m);
	state.next_lba = m->status == RECORDER_CLOSED ? (uint32_t)min_u64(state.used_sectors, UINT32_MAX) : m->next_lba;
	state.capacity_sectors = m->status == RECORDER_CLOSED ? end_of_tracks(m) : (uint64_t)m->next_lba + m->free_sectors;
	state.tail_sectors = state.appendable ? DRIVE_TAIL_MAX : 0;
	state.after_session_sectors = state.appendable ? drive_gap(d) + DRIVE_TAIL_MAX : 0;
	*ret = state;
	return 0;
}

static int drive_sessions(struct disc *disc, struct disc_session **ret, size_t *ret_n)
{
	return sessions_copy(&to_drive(disc)->list, ret, ret_n);
}

/* Two blank discs of one make cannot be told apart; the type and size of a disc in the same drive must do. */
static int drive_identity(struct disc *disc, struct disc_identity *ret)
{
	const struct drive *d = to_drive(disc);
	const struct recorder_medium *m = &d->medium;
	struct session_list view = from_first_whole(&d->list);
	struct stat like = {.st_dev = m->profile, .st_ino = m->atip_sectors};

	return sessions_identity(disc, &view, &like, m->id, ret);
}

static int drive_fingerprint(struct disc *disc, struct disc_fingerprint *ret)
{
	const struct drive *d = to_drive(disc);
	struct session_list view = d->list;
	struct disc_state state;
	int result;

	while (view.n > 0 && view.sessions[view.n - 1].broken)
		view.n--;
	result = sessions_fingerprint(disc, &view, ret);
	if (result < 0)
		return result;
	drive_state(disc, &state);
	if (d->list.n > 0)
		ret->session_lba = d->list.sessions[d->list.n - 1].start_lba;
	ret->next_lba = state.next_lba;
	return 0;
}

static void drive_close(struct disc *disc)
{
	struct drive *d = to_drive(disc);

	recorder_close(d->recorder);
	recorder_medium_release(&d->medium);
	session_list_release(&d->list);
	for (size_t i = 0; i < DRIVE_WINDOWS; i++)
		free(d->windows[i].buf);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

static const struct disc_ops drive_ops = {
	.read = drive_read, .state = drive_state, .sessions = drive_sessions, .identity = drive_identity, .fingerprint = drive_fingerprint,
	.refresh = drive_refresh, .close = drive_close,
};

struct drive *drive_of(struct disc *d)
{
	while (d->inner)
		d = d->inner;
	return d->ops == &drive_ops ? to_drive(d) : NULL;
}

/* ---- opening ---- */

bool drive_path(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISBLK(st.st_mode) && major(st.st_rdev) == SCSI_CDROM_MAJOR;
}

/* What there is no use in opening. */
static int check_content(struct drive *d, const char **ret_why)
{
	const struct recorder_medium *m = &d->medium;

	if (!is_blank(d) || m->status == RECORDER_BLANK || m->interrupted || d->why_not[0] == 0)
		return 0;
	if (m->n_tracks > 0 && !has_data_track(m))
		*ret_why = "an audio CD, without a data track";
	else
		*ret_why = d->unreadable ? "its descriptors cannot be read: the disc is damaged" : "a disc without an ISO 9660 tree";
	return d->unreadable ? -EIO : -EMEDIUMTYPE;
}

int drive_open(const char *path, struct disc **ret, const char **ret_why)
{
	_cleanup_(disc_closep) struct disc *disc = NULL;
	struct drive *d = calloc(1, sizeof(*d));
	int result;

	if (!d)
		return -ENOMEM;
	disc = &d->disc;
	disc->ops = &drive_ops;
	pthread_mutex_init(&d->lock, NULL);
	result = recorder_open(path, &d->recorder, ret_why);
	if (result < 0)
		return result;
	result = drive_refresh(disc);
	if (result == -ENOMEDIUM)
		*ret_why = "there is no disc in the drive";
	if (result == -EMEDIUMTYPE)
		*ret_why = "the drive cannot use this disc";
	if (result == 0)
		result = check_content(d, ret_why);
	if (result < 0)
		return result;
	*ret = TAKE_PTR(disc);
	return 0;
}
