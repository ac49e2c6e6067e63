/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive_sessions.c - what lies on a medium in a drive
 *
 * Sessions are what the table of contents says: the first data track of each; a track from LBA 0 on may be an image
 * that has several, as a CD-ROM, emulated or burned from a file.  A session that is no ISO 9660 tree,
 * and one of ours whose commit record is missing (its burn failed), is broken: it is listed, never mounted, and
 * linked past.  Whether something may follow a newest session that is broken depends on why: behind a failed burn of
 * ours yes, behind what cannot be read or is not understood no, since it would be hidden. Overwritable media have one
 * track and a head, like an image file.  Blank is what was never formatted, and what has nothing but zeros up to LBA
 * 63 (or what xorriso leaves when it blanks: "CDXX1"), and a first burn of ours that did not reach its head. The head
 * is one unit of the medium: a power cut while it is written may leave it unreadable, then the sessions are found by
 * their chain.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/medium/drive.h"
#include "burner/session/stream.h"
#include "burner/format/appuse.h"
#include "burner/base/own.h"
#include "burner/base/sha256.h"
#include "burner/format/commit_record.h"
#include "burner/format/volume_descriptor.h"

#define EMPTY_SECTORS 64u /* file systems keep their marks below: btrfs at 64 KiB is the farthest */

uint64_t drive_end(const struct recorder_medium *m)
{
	const struct recorder_track *last = m->n_tracks ? &m->tracks[m->n_tracks - 1] : NULL;

	return last ? (uint64_t)last->start_lba + last->sectors : 0;
}

bool drive_has_data(const struct recorder_medium *m)
{
	for (size_t i = 0; i < m->n_tracks; i++)
		if (m->tracks[i].data)
			return true;
	return false;
}

struct session_list drive_whole(const struct session_list *l)
{
	struct session_list view = *l;

	while (view.n > 0 && view.sessions[0].broken) {
		view.sessions++;
		view.n--;
	}
	return view;
}

/* ---- sequential media ---- */

/* 1: the session ends with the commit record that its descriptor stands for. */
static int has_record(struct disc *disc, const struct appuse *a, struct disc_session *session)
{
	struct commit_record commit;
	uint8_t sector[SECTOR_BYTES];
	int r = disc_read(disc, a->start_lba + a->sectors - 1, sector, 1);

	if (r == 0)
		r = sha256_of(sector, sizeof(sector), session->digest);
	if (r < 0)
		return r;
	r = commit_record_decode(sector, &commit);
	if (r == -ENOMEM)
		return r;
	session->has_digest = r == 0 && commit.start_lba == a->start_lba && commit.sectors == a->sectors &&
			      !memcmp(commit.uuid, a->uuid, sizeof(a->uuid));
	return session->has_digest;
}

struct seen {
	const struct recorder_track *track;
	enum drive_content content;
	struct appuse appuse; /* of a session that says it is ours: with has_appuse */
	bool has_appuse;
};

static void describe_tree(const uint8_t sector[SECTOR_BYTES], uint32_t descriptor_lba, struct seen *seen,
			  struct disc_session *ret)
{
	const struct recorder_track *t = seen->track;
	struct appuse *a = &seen->appuse;

	seen->content = CONTENT_TREE;
	pvd_session(sector, t->start_lba, descriptor_lba, ret);
	ret->sectors = (uint32_t)min_u64(ret->sectors, t->room); /* some programs count from LBA 0 */
	seen->has_appuse =
		appuse_decode(sector, a) == 0 && a->start_lba == t->start_lba && a->sectors > SESSION_DESCRIPTORS + 1;
	if (!seen->has_appuse)
		return;
	pvd_session_ours(a, ret);
	ret->sectors = (uint32_t)min_u64(a->sectors, t->room);
}

/*
 * A commit record that cannot be read is not one that is missing: the session may be whole, and linking past it would
 * hide it.  The stage knows of a burn that failed (disc_forgive()).
 */
static int check_record(struct disc *disc, struct seen *seen, struct disc_session *session)
{
	const struct recorder_track *t = seen->track;
	int r = seen->appuse.sectors <= t->room ? has_record(disc, &seen->appuse, session) : 0;

	if (r < 0 && r != -EIO)
		return r;
	if (r < 0 && seen->appuse.sectors > t->sectors)
		r = 0; /* as the drive says */
	seen->content = r > 0 ? CONTENT_TREE : r < 0 ? CONTENT_UNREADABLE : CONTENT_FAILED;
	return 0;
}

/* Where descriptors ought to be. */
static int describe_other(struct disc *disc, uint32_t descriptor_lba, enum drive_content *ret)
{
	uint8_t sectors[DESCRIPTORS_SECTORS * SECTOR_BYTES];
	int r = disc_read(disc, descriptor_lba, sectors, DESCRIPTORS_SECTORS);

	if (r < 0 && r != -EIO)
		return r;
	*ret = r < 0 ? CONTENT_UNREADABLE : bytes_are_zeros(sectors, sizeof(sectors)) ? CONTENT_NOTHING : CONTENT_OTHER;
	return 0;
}

/* What keeps others from being added behind it goes to the list. */
static int look_at_session(struct drive *d, struct seen *seen, struct session_list *list)
{
	struct disc_session *ret = &list->sessions[list->n];
	const struct recorder_track *t = seen->track;
	struct disc *disc = &d->disc;
	uint8_t sector[SECTOR_BYTES];
	uint32_t lba = t->start_lba + SESSION_DESCRIPTORS;
	int r = disc_read(disc, lba, sector, 1), found = r;

	if (r == 0)
		found = pvd_check(sector, t->start_lba, drive_end(&d->medium)) ?
				pvd_find(disc, t->start_lba, drive_end(&d->medium), sector, &lba) :
				0;
	if (found < 0 && found != -EBADMSG && found != -EMEDIUMTYPE)
		r = found;
	if (r < 0 && r != -EIO)
		return r;
	*ret = (struct disc_session){.number = t->session,
				     .start_lba = t->start_lba,
				     .files_in_pieces = PIECES_UNKNOWN,
				     .sectors = t->sectors,
				     .descriptor_lba = t->start_lba + SESSION_DESCRIPTORS};
	seen->content = CONTENT_UNREADABLE;
	list->displaced = found == 0 && lba != t->start_lba + SESSION_DESCRIPTORS;
	list->small_blocks = found == 0 && descriptor_block_bytes(sector) != SECTOR_BYTES;
	if (r == 0 && found == 0) {
		describe_tree(sector, lba, seen, ret);
		ret->number = t->session;
	} else if (r == 0) {
		r = describe_other(disc, t->start_lba + SESSION_DESCRIPTORS, &seen->content);
	}
	return r < 0 && r != -EIO ? r : 0;
}

/* A session of ours lies above the one that a newer one names as the one before it: when that was burned, this one was
 * known to have failed, whatever its record says. */
static bool was_passed_over(const struct seen *s, uint32_t start_lba, uint32_t vouched_lba)
{
	return s->has_appuse && vouched_lba != APPUSE_NONE && start_lba > vouched_lba;
}

/* From the newest backwards: a session of ours was burned above one that was whole, which it names. */
static int judge(struct drive *d, struct seen *seen, struct disc_session *sessions, size_t n)
{
	uint32_t vouched_lba = APPUSE_NONE;

	for (size_t i = n; i-- > 0;) {
		struct seen *s = &seen[i];
		int r = s->has_appuse && sessions[i].start_lba != vouched_lba ?
				check_record(&d->disc, s, &sessions[i]) :
				0;

		if (r < 0)
			return r;
		if (s->track->start_lba == d->failed_lba || was_passed_over(s, sessions[i].start_lba, vouched_lba))
			s->content = CONTENT_FAILED;
		sessions[i].ours = s->has_appuse && s->content == CONTENT_TREE;
		sessions[i].has_digest &= sessions[i].ours;
		sessions[i].broken = s->content != CONTENT_TREE;
		if (sessions[i].ours)
			vouched_lba = s->appuse.previous_lba;
	}
	return 0;
}

/* Of an image with several sessions that was recorded as one track, all of them in place of the first. */
static int look_inside(struct drive *d, const struct recorder_track *t, struct session_list *list)
{
	_cleanup_(session_list_release) struct session_list inside = {0};
	struct disc_session *sessions;
	uint8_t sector[SECTOR_BYTES];
	int r;

	if (t->start_lba != 0 || list->sessions[0].broken || list->sessions[0].ours)
		return 0;
	r = disc_read(&d->disc, DESCRIPTORS_LBA, sector, 1);
	if (r == 0)
		r = sessions_scan_track(&d->disc, sector, t->room, &inside);
	if (r < 0 || inside.n == 0)
		return r;
	sessions = calloc(inside.n + list->n, sizeof(*sessions));
	if (!sessions)
		return -ENOMEM;
	memcpy(sessions, inside.sessions, inside.n * sizeof(*sessions));
	memcpy(&sessions[inside.n], &list->sessions[1], (list->n - 1) * sizeof(*sessions));
	for (size_t i = inside.n; i < inside.n + list->n - 1; i++)
		sessions[i].number += sessions[inside.n - 1].number - list->sessions[0].number;
	free(list->sessions);
	list->sessions = sessions;
	list->n += inside.n - 1;
	return 0;
}

/* The first data track of each session. */
static int look_at_all(struct drive *d, struct seen *seen, struct session_list *list)
{
	uint32_t last = 0;

	for (size_t i = 0; i < d->medium.n_tracks; i++) {
		const struct recorder_track *t = &d->medium.tracks[i];
		int r;

		if (!t->data || t->session == last)
			continue;
		last = t->session;
		seen[list->n] = (struct seen){.track = t};
		r = look_at_session(d, &seen[list->n], list);
		if (r < 0)
			return r;
		list->n++;
	}
	return 0;
}

static int list_sequential(struct drive *d, struct session_list *ret, enum drive_content *ret_newest)
{
	_cleanup_(session_list_release) struct session_list list = {.end_sectors = drive_end(&d->medium)};
	_free_ struct seen *seen = calloc(d->medium.n_tracks + 1, sizeof(*seen));
	int r;

	list.sessions = calloc(d->medium.n_tracks + 1, sizeof(*list.sessions));
	if (!seen || !list.sessions)
		return -ENOMEM;
	r = look_at_all(d, seen, &list);
	if (r == 0)
		r = judge(d, seen, list.sessions, list.n);
	*ret_newest = list.n > 0 ? seen[list.n - 1].content : d->medium.n_tracks > 0 ? CONTENT_AUDIO : CONTENT_NOTHING;
	if (r == 0 && list.n > 0)
		r = look_inside(d, seen[0].track, &list);
	if (r == 0 && *ret_newest == CONTENT_TREE && !list.sessions[list.n - 1].ours)
		r = beside_look(&d->disc, list.sessions[list.n - 1].start_lba, list.end_sectors, &list);
	if (r < 0)
		return r;
	*ret = list;
	list = (struct session_list){0};
	return 0;
}

/* ---- overwritable media ---- */

/* Our first session was begun and its head never written. */
static bool first_burn_begun(const uint8_t *sectors)
{
	struct appuse a;

	return appuse_decode(sectors + (FIRST_SESSION_LBA + SESSION_DESCRIPTORS) * SECTOR_BYTES, &a) == 0 &&
	       a.start_lba == FIRST_SESSION_LBA && a.previous_lba == APPUSE_NONE;
}

/* What a first burn did not reach may be unreadable. */
static int read_empty(struct drive *d, uint8_t *sectors)
{
	int r = disc_read(&d->disc, 0, sectors, FIRST_SESSION_LBA);

	for (uint32_t lba = FIRST_SESSION_LBA; r == 0 && lba < EMPTY_SECTORS; lba++) {
		r = disc_read(&d->disc, lba, sectors + (size_t)lba * SECTOR_BYTES, 1);
		if (r == -EIO) {
			memset(sectors + (size_t)lba * SECTOR_BYTES, 0, SECTOR_BYTES);
			r = 0;
		}
	}
	return r;
}

static enum drive_content content_without_descriptors(const uint8_t *sectors)
{
	if (memcmp(sectors + (size_t)DESCRIPTORS_LBA * SECTOR_BYTES, "\1CDXX1", 6) == 0)
		return CONTENT_NOTHING;
	if (!bytes_are_zeros(sectors, (size_t)FIRST_SESSION_LBA * SECTOR_BYTES))
		return CONTENT_OTHER;
	if (first_burn_begun(sectors))
		return CONTENT_FAILED;
	return bytes_are_zeros(sectors, (size_t)EMPTY_SECTORS * SECTOR_BYTES) ? CONTENT_NOTHING : CONTENT_OTHER;
}

static int describe_without_descriptors(struct drive *d, enum drive_content *ret)
{
	_free_ uint8_t *sectors = malloc((size_t)EMPTY_SECTORS * SECTOR_BYTES);
	int r = sectors ? read_empty(d, sectors) : -ENOMEM;

	if (r < 0 && r != -EIO)
		return r;
	*ret = r < 0 ? CONTENT_UNREADABLE : content_without_descriptors(sectors);
	return 0;
}

static int scan_overwritable(struct drive *d, struct session_list *ret, enum drive_content *ret_newest)
{
	uint64_t end = drive_end(&d->medium);
	int r = sessions_scan(&d->disc, end, ret);

	if (r == -EIO && sessions_scan_by_chain(&d->disc, end, ret) == 0)
		r = 0;
	if (r == 0) {
		*ret_newest = CONTENT_TREE;
		r = behind_on_drive(&d->disc, ret, end);
		ret->behind = r > 0;
		ret->unreadable |= r == -EIO;
		if (r < 0 && r != -EIO)
			session_list_release(ret);
		return r < 0 && r != -EIO ? r : 0;
	}
	if (r != -EMEDIUMTYPE && r != -EIO && r != -EBADMSG)
		return r;
	if (r == -EMEDIUMTYPE)
		return describe_without_descriptors(d, ret_newest);
	*ret_newest = r == -EIO ? CONTENT_UNREADABLE : CONTENT_OTHER;
	return 0;
}

/* Nothing can be read of what is not formatted. 1: block 16 can, and there is something. */
static int is_formatted_after_all(struct drive *d)
{
	struct recorder_medium *m = &d->medium;
	uint8_t sector[SECTOR_BYTES];
	int r;

	if (m->n_tracks > 0 || m->capacity_sectors <= FIRST_SESSION_LBA)
		return 0;
	m->tracks[0] = (struct recorder_track){.session = 1,
					       .data = true,
					       .sectors = m->capacity_sectors,
					       .room = m->capacity_sectors};
	m->n_tracks = 1;
	r = disc_read(&d->disc, DESCRIPTORS_LBA, sector, 1);
	if (r < 0 || bytes_are_zeros(sector, sizeof(sector)))
		m->n_tracks = 0;
	return r < 0 && r != -EIO ? r : m->n_tracks > 0;
}

/* A drive that says "unformatted" of what it can read is not believed where there is something: formatting would
 * destroy it. */
static int list_overwritable(struct drive *d, struct session_list *ret, enum drive_content *ret_newest)
{
	struct recorder_medium *m = &d->medium;
	int r;

	*ret = (struct session_list){0};
	*ret_newest = CONTENT_NOTHING;
	r = m->unformatted ? is_formatted_after_all(d) : 0;
	if (r < 0)
		return r;
	if (drive_end(m) <= FIRST_SESSION_LBA)
		return 0;
	r = scan_overwritable(d, ret, ret_newest);
	if (r < 0 || !m->unformatted)
		return r;
	if (*ret_newest == CONTENT_UNREADABLE)
		*ret_newest = CONTENT_NOTHING;
	m->unformatted = *ret_newest == CONTENT_NOTHING;
	return 0;
}

int drive_list(struct drive *d, struct session_list *ret, enum drive_content *ret_newest)
{
	return (d->medium.overwritable ? list_overwritable : list_sequential)(d, ret, ret_newest);
}
