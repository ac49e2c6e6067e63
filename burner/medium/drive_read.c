/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive_read.c - reading a medium in a drive
 *
 * Optical seeks cost about 100 ms, so what is read lies in windows (windows.c) and requests that wait are served in
 * the order of their addresses (elevator.c).  Windows end before the run-out blocks of a track, which cannot be read;
 * blocks outside of tracks are never asked for. Everything goes through SCSI, not the page cache, which keeps what
 * was there before a burn.
 */
#include <errno.h>
#include <string.h>

#include "burner/medium/drive.h"

/* the drive is one request's for so many: as much as the kernel asks for at once */
#define PIECE_SECTORS 512u

static const struct recorder_track *track_of(const struct drive *d, uint32_t lba)
{
	for (size_t i = 0; i < d->medium.n_tracks; i++) {
		const struct recorder_track *t = &d->medium.tracks[i];

		if (t->data && lba >= t->start_lba && lba - t->start_lba < t->room)
			return t;
	}
	return NULL;
}

/* Some of n_sectors, at least one. */
static int read_some_locked(struct drive *d, uint32_t lba, uint8_t *buf, uint32_t n_sectors, uint32_t *ret_done)
{
	const struct recorder_track *t = track_of(d, lba);
	struct windows_range range;

	if (!t)
		return -EIO;
	range.first = t->start_lba;
	range.end = t->start_lba + t->sectors - (uint32_t)min_u64(drive_rules(d)->run_out, t->sectors);
	*ret_done = (uint32_t)min_u64(n_sectors, t->start_lba + t->room - lba);
	return windows_read(&d->windows, &range, lba, buf, *ret_done);
}

static int read_piece(struct drive *d, uint32_t lba, uint8_t *buf, uint32_t n_sectors, uint32_t *ret_done)
{
	uint32_t position;
	int r;

	elevator_take(&d->elevator, lba);
	pthread_mutex_lock(&d->lock);
	r = d->burning ? -EAGAIN : read_some_locked(d, lba, buf, n_sectors, ret_done);
	position = d->windows.position;
	pthread_mutex_unlock(&d->lock);
	elevator_give(&d->elevator, position);
	return r;
}

int drive_read(struct disc *disc, uint32_t lba, void *buf, uint32_t n_sectors)
{
	struct drive *d = (struct drive *)(void *)disc; /* its first member */
	uint8_t *to = buf;

	while (n_sectors > 0) {
		uint32_t done = 0;
		int r = read_piece(d, lba, to, (uint32_t)min_u64(n_sectors, PIECE_SECTORS), &done);

		if (r < 0)
			return r;
		lba += done;
		n_sectors -= done;
		to += (size_t)done * SECTOR_BYTES;
	}
	return 0;
}

static int read_recorder(void *context, uint32_t lba, void *buf, uint32_t n_sectors)
{
	return recorder_read(((struct drive *)context)->recorder, lba, buf, n_sectors);
}

void drive_reading_init(struct drive *d)
{
	windows_init(&d->windows, read_recorder, d);
	elevator_init(&d->elevator);
}

void drive_reading_release(struct drive *d)
{
	windows_release(&d->windows);
	elevator_release(&d->elevator);
}

void drive_forget_windows_locked(struct drive *d) { windows_forget(&d->windows); }

void drive_set_burning(struct drive *d, bool burning)
{
	pthread_mutex_lock(&d->lock);
	d->burning = burning;
	drive_forget_windows_locked(d);
	pthread_mutex_unlock(&d->lock);
}
