/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive_read.c - reading a medium in a drive
 *
 * Optical seeks cost about 100 ms, so small reads fetch a window of 64 KiB, and of 256 KiB when they go on where a window ended;
 * there are a few windows, as directories and file data are read by turns.  Windows end before the run-out blocks of a track, which cannot
 * be read; blocks outside of tracks are never asked for.  When a window fails, the blocks that were asked for are read alone, so that
 * a bad block harms nobody but its file.  Everything goes through SCSI, not the page cache, which keeps what was there before a burn.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/medium/drive.h"

#define WINDOW_FAR 32u			/* sectors of a window at a new place … */
#define WINDOW_NEAR 128u		/* … and of one that goes on */
#define DIRECT_SECTORS 64u		/* as many at once need no window */
#define PIECE_SECTORS 128u		/* the lock is held for so many */

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

	end -= (uint32_t)min_u64(drive_rules(d)->run_out, t->sectors);
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

int drive_read(struct disc *disc, uint32_t lba, void *buf, uint32_t n_sectors)
{
	struct drive *d = (struct drive *)(void *)disc;	/* its first member */
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

void drive_forget_windows_locked(struct drive *d)
{
	for (size_t i = 0; i < DRIVE_WINDOWS; i++)
		d->windows[i].n_sectors = 0;
}

void drive_set_burning(struct drive *d, bool burning)
{
	pthread_mutex_lock(&d->lock);
	d->burning = burning;
	drive_forget_windows_locked(d);
	pthread_mutex_unlock(&d->lock);
}
