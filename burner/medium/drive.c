/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive.c - a disc in a drive
 *
 * What the medium is and holds is asked of the drive by drive_refresh() and kept; here it becomes a state, and the
 * reason why no further session can be added, if there is one.
 *
 * After a burn the kernel goes on with the old size and table of contents of the device until the tray was opened and
 * closed: so that is done when the drive is closed, unless somebody else has taken it in the meantime or the drive
 * cannot close its tray.  Of a device that went away and came back the kernel knows what is on it.  Nor need it be
 * the same: another drive may have its name by now, and its tray is none of our business.
 */
#include "burner/medium/drive.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/cdrom.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "burner/base/own.h"

#define SCSI_CDROM_MAJOR 11u

static struct drive *to_drive(struct disc *d) { return (struct drive *)(void *)d; /* its first member */ }

/* ---- state ---- */

/* Media without a burn that failed keep their kind of blankness: a disc whose only sessions are broken has no tree
 * either. */
static bool is_blank(const struct drive *d) { return drive_whole(&d->list).n == 0; }

/* Of the medium itself, whatever is on it. */
static const char *against_medium(const struct drive *d)
{
	const struct recorder_medium *m = &d->medium;

	switch (m->profile) {
	case PROFILE_CD_ROM:
	case PROFILE_DVD_ROM:
	case PROFILE_BD_ROM:
		return "a disc that can only be read";
	case PROFILE_BD_R_RANDOM:
		return "a BD-R in random recording mode, which takes no sessions";
	case PROFILE_DVD_R_DL:
	case PROFILE_DVD_R_DL_JUMP:
		return "a DVD-R DL: it takes a single session only, and none is added to it";
	default:
		break;
	}
	if (drive_kind(d)->kind == MEDIUM_OTHER)
		return "of this kind of medium nothing is known";
	if (m->status == RECORDER_CLOSED)
		return "the disc is finalized: it takes no further session";
	if (m->interrupted)
		return "a burn was interrupted on this disc and its track is still open; of a burn of ours the next "
		       "writable mount closes it, of another program's 'xorriso -outdev DEVICE -close_damaged force'";
	if (!m->multi && m->profile == PROFILE_DVD_RW)
		return "a DVD-RW that was blanked fast: it would take a single session only; blank it wholly with "
		       "'xorriso -outdev DEVICE -blank deformat', "
		       "or format it with 'xorriso -outdev DEVICE -format fast'";
	if (!m->multi)
		return "the drive makes no further sessions on this disc";
	if (m->no_address)
		return "the drive names no address for a further session: the disc is full, or a burn was interrupted "
		       "on it; of a burn of ours the next writable mount closes its track, of another program's "
		       "'xorriso -outdev DEVICE -close_damaged force'";
	return m->untold;
}

/* Of what was recorded last: it would be hidden. */
static const char *against_content(const struct drive *d)
{
	bool overwritable = d->medium.overwritable;

	switch (d->newest) {
	case CONTENT_UNREADABLE:
		return overwritable ? "its first blocks cannot be read, and whatever is on it would be lost" :
				      "its newest session cannot be read, and a further one would hide what is in it";
	case CONTENT_AUDIO:
		return "an audio CD; a session behind the music is not added";
	case CONTENT_OTHER:
		return overwritable ? "something else than an ISO 9660 tree is on it; to use it as a blank disc, write "
				      "zeros over its first 64 blocks" :
				      "its newest session is no ISO 9660 tree (UDF?), and a further one would hide "
				      "what is in it";
	default:
		return NULL;
	}
}

/* As for an image file. */
static const char *against_published(const struct drive *d)
{
	const struct session_list *l = &d->list;

	if (l->published_unreadable)
		return "its head, blocks 16 to 31, cannot be read; its sessions were found without it";
	if (l->damaged)
		return "the descriptors of the newest session are damaged";
	if (l->displaced)
		return MEDIUM_WHY_DISPLACED;
	if (l->small_blocks)
		return MEDIUM_WHY_SMALL_BLOCKS;
	if (l->hidden)
		return "another session lies behind the newest one that the disc's head names, and would be "
		       "overwritten";
	if (l->partition)
		return "a partition lies behind its ISO 9660 volume, and would be overwritten";
	if (l->unreadable)
		return MEDIUM_WHY_UNREADABLE;
	if (l->behind && !(d->accepted & ODDITY_BIT(ODDITY_TAIL)))
		return oddity_refusal(ODDITY_TAIL);
	return beside_refusal(l, d->accepted);
}

static uint64_t next_start(const struct drive *d)
{
	return is_blank(d) ? FIRST_SESSION_LBA : round_up(d->list.end_sectors, SESSION_ALIGN_SECTORS);
}

static const char *against_size(const struct drive *d)
{
	const struct recorder_medium *m = &d->medium;
	uint64_t room = m->free_sectors;

	if (m->overwritable)
		room = m->capacity_sectors - min_u64(m->capacity_sectors, next_start(d));
	if (!drive_sessions_left(d))
		return "it has as many sessions as a disc of this kind can have";
	return room < drive_tail(d) + FIRST_SESSION_LBA ? "the disc is full" : NULL;
}

/* The first reason against another session, the gravest first. */
static const char *reason_against(const struct drive *d)
{
	const char *why = against_medium(d);

	if (!why)
		why = against_content(d);
	if (!why)
		why = against_published(d);
	return why ? why : against_size(d);
}

static int look(struct drive *d)
{
	struct recorder_medium medium;
	int r;

	pthread_mutex_lock(&d->lock);
	if (!d->burning && recorder_gone(d->recorder)) {
		d->burned = false;
		d->lost = true;
	}
	r = d->burning ? -EBUSY : recorder_look(d->recorder, &medium);
	if (r == 0) {
		recorder_medium_release(&d->medium);
		d->medium = medium;
		drive_forget_windows_locked(d);
	}
	pthread_mutex_unlock(&d->lock);
	return r;
}

static int drive_refresh(struct disc *disc)
{
	struct drive *d = to_drive(disc);
	struct session_list list = {0};
	enum drive_content newest;
	int r = look(d);

	if (r == 0)
		r = drive_list(d, &list, &newest);
	/* Unreadable, or taken out meanwhile? */
	if (r == 0 && (newest == CONTENT_UNREADABLE || newest == CONTENT_FAILED) && (r = look(d)) < 0)
		session_list_release(&list);
	if (r < 0)
		return r;
	session_list_release(&d->list);
	d->list = list;
	d->newest = newest;
	d->why_not = reason_against(d);
	return 0;
}

static void size_sequential(const struct drive *d, struct disc_state *ret)
{
	const struct recorder_medium *m = &d->medium;
	bool closed = m->status == RECORDER_CLOSED;

	ret->used_sectors = ret->there_sectors = drive_end(m);
	ret->next_lba = closed ? (uint32_t)min_u64(ret->used_sectors, UINT32_MAX) : m->next_lba;
	ret->capacity_sectors = closed ? ret->used_sectors : (uint64_t)m->next_lba + m->free_sectors;
	ret->tail_sectors = ret->appendable ? drive_tail(d) : 0;
	ret->after_session_sectors = ret->appendable ? drive_gap(d) + drive_tail(d) : 0;
}

static int drive_state(struct disc *disc, struct disc_state *ret)
{
	const struct drive *d = to_drive(disc);
	const struct recorder_medium *m = &d->medium;
	struct disc_state state = {.kind = drive_kind(d)->kind,
				   .name = drive_kind(d)->name,
				   .blank = is_blank(d),
				   .overwritable = m->overwritable,
				   .exclusive = true,
				   .needs_reload = d->burned && !recorder_loads(d->recorder),
				   .appendable = !d->why_not,
				   .finalized = !m->overwritable && m->status == RECORDER_CLOSED,
				   .published_unreadable = d->list.published_unreadable};

	state.why_not = d->why_not;
	if (m->overwritable) {
		state.used_sectors = state.blank ? 0 : d->list.end_sectors;
		state.next_lba = (uint32_t)min_u64(next_start(d), UINT32_MAX);
		state.capacity_sectors = state.there_sectors = m->capacity_sectors;
	} else {
		size_sequential(d, &state);
	}
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
	struct session_list view = drive_whole(&d->list);
	struct stat like = {.st_dev = m->profile, .st_ino = m->atip_sectors ? m->atip_sectors : m->capacity_sectors};

	return sessions_identity(disc, &view, &like, m->id, ret);
}

/* Of what lies there, whether it can be mounted or not: an unreadable descriptor counts as none. */
static int drive_fingerprint(struct disc *disc, struct disc_fingerprint *ret)
{
	const struct drive *d = to_drive(disc);
	const struct session_list nothing = {0};
	struct disc_state state;
	int r = sessions_fingerprint(disc, &d->list, ret);

	if (r == -EIO)
		r = sessions_fingerprint(disc, &nothing, ret);
	if (r < 0)
		return r;
	drive_state(disc, &state);
	if (d->list.n > 0)
		ret->session_lba = d->list.sessions[d->list.n - 1].start_lba;
	ret->next_lba = state.next_lba;
	return 0;
}

static int drive_forgive(struct disc *disc, uint32_t session_lba)
{
	to_drive(disc)->failed_lba = session_lba;
	return 0;
}

/* ---- closing ---- */

/* The kernel knows a smaller disc: another mount of ours burned, and this one had the drive before that one could
 * reload it. */
static bool kernel_is_behind(const struct drive *d, int fd)
{
	const struct recorder_medium *m = &d->medium;
	uint64_t bytes;

	return m->n_tracks > 0 && ioctl(fd, BLKGETSIZE64, &bytes) == 0 &&
	       bytes / SECTOR_BYTES <= (uint64_t)m->tracks[m->n_tracks - 1].start_lba + SESSION_DESCRIPTORS;
}

static void reload(const struct drive *d, bool loads)
{
	_close_ int fd = open(d->path, O_RDONLY | O_NONBLOCK | O_EXCL | O_CLOEXEC);

	if (fd < 0 || !loads || (!d->burned && (d->lost || !kernel_is_behind(d, fd))))
		return;
	if (ioctl(fd, CDROMEJECT, 0) == 0)
		ioctl(fd, CDROMCLOSETRAY, 0);
}

static void drive_close(struct disc *disc)
{
	struct drive *d = to_drive(disc);
	bool there, loads;

	drive_reading_stop(d);
	there = d->recorder && !recorder_gone(d->recorder);
	loads = there && recorder_loads(d->recorder);
	recorder_close(d->recorder);
	if (there)
		reload(d, loads);
	recorder_medium_release(&d->medium);
	session_list_release(&d->list);
	drive_reading_release(d);
	pthread_mutex_destroy(&d->lock);
	free(d->path);
	free(d);
}

static const struct disc_ops drive_ops = {
	.read = drive_read,
	.read_medium = drive_read_medium,
	.state = drive_state,
	.sessions = drive_sessions,
	.identity = drive_identity,
	.fingerprint = drive_fingerprint,
	.refresh = drive_refresh,
	.forgive = drive_forgive,
	.close = drive_close,
};

struct drive *drive_of(struct disc *d)
{
	d = disc_innermost(d);
	return d->ops == &drive_ops ? to_drive(d) : NULL;
}

/* ---- opening ---- */

bool drive_path(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISBLK(st.st_mode) && major(st.st_rdev) == SCSI_CDROM_MAJOR;
}

static const char *what_instead(struct drive *d)
{
	switch (d->newest) {
	case CONTENT_AUDIO:
		return "an audio CD, without a data track";
	case CONTENT_UNREADABLE:
		return "its descriptors cannot be read: the disc is damaged";
	case CONTENT_OTHER:
		return d->medium.overwritable ? guess_content(&d->disc) : "a disc without an ISO 9660 tree (UDF?)";
	default:
		return d->why_not;
	}
}

/* What there is no use in opening: nothing to be read on it, and nothing can be added. */
static int check_content(struct drive *d, const struct disc_open_options *options, const char **ret_why)
{
	if (options->any_content && drive_has_data(&d->medium))
		return 0;
	if (!is_blank(d) || !d->why_not || d->medium.interrupted || d->medium.no_address || d->newest == CONTENT_FAILED)
		return 0;
	if (d->newest == CONTENT_UNREADABLE && d->medium.status != RECORDER_CLOSED)
		return 0; /* perhaps a burn of ours that failed: the stage knows */
	*ret_why = what_instead(d);
	return d->newest == CONTENT_UNREADABLE ? -EIO : -EMEDIUMTYPE;
}

static const char *why_unusable(int error)
{
	switch (error) {
	case -ENOMEDIUM:
		return "there is no disc in the drive";
	case -EMEDIUMTYPE:
		return "the drive cannot use this disc";
	case -ENODEV:
		return "the drive has gone";
	case -EIO:
		return "the drive does not say what disc is in it";
	default:
		return NULL;
	}
}

int drive_open(const char *path, const struct disc_open_options *options, struct disc **ret, const char **ret_why)
{
	_cleanup_(disc_closep) struct disc *disc = NULL;
	struct drive *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	disc = &d->disc;
	disc->ops = &drive_ops;
	d->accepted = options->accepted;
	d->failed_lba = UINT32_MAX;
	pthread_mutex_init(&d->lock, NULL);
	drive_reading_init(d);
	d->path = strdup(path);
	if (!d->path)
		return -ENOMEM;
	r = recorder_open(path, &d->recorder, ret_why);
	if (r < 0)
		return r;
	r = drive_refresh(disc);
	if (r < 0)
		*ret_why = why_unusable(r);
	else
		r = check_content(d, options, ret_why);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(disc);
	return 0;
}
