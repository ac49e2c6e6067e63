/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive_read.c - reading a medium in a drive
 *
 * Optical seeks cost about 100 ms, so what is read lies in windows (windows.c) and requests that wait are served in
 * the order of their addresses (elevator.c).  What is read ahead is read by a thread of its own, to which a request
 * that goes on hands its turn, so that whoever asked does not wait for it: three windows in one go, and of a long
 * stream more as long as nobody waits. That thread comes into being with the first request of another thread than the
 * one that opened the drive: at the mount nothing is read ahead.  What is in a window is no matter of turns.
 *
 * Windows end before the run-out blocks of a track, which cannot be read; blocks outside of tracks are never asked
 * for. Everything goes through SCSI, not the page cache, which keeps what was there before a burn.
 *
 * Who wants to know what the medium gives now (drive_read_medium) asks it past the windows, and leaves nothing there.
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

static uint32_t readable_end(const struct drive *d, const struct recorder_track *t)
{
	return t->start_lba + t->sectors - (uint32_t)min_u64(drive_rules(d)->run_out, t->sectors);
}

/* Some of n_sectors, at least one. */
static int read_some_locked(struct drive *d, uint32_t lba, uint8_t *buf, uint32_t n_sectors, uint32_t *ret_done)
{
	const struct recorder_track *t = track_of(d, lba);
	struct windows_range range;

	if (!t)
		return -EIO;
	range.first = t->start_lba;
	range.end = readable_end(d, t);
	*ret_done = (uint32_t)min_u64(n_sectors, t->start_lba + t->room - lba);
	return windows_read(&d->windows, &range, lba, buf, *ret_done);
}

/* ---- ahead ---- */

/* Windows that are due; how many were read. */
static int read_ahead_locked(struct drive *d)
{
	const struct recorder_track *t;
	uint32_t lba;

	if (d->burning || !windows_due(&d->windows, &lba) || !(t = track_of(d, lba))) {
		windows_stay(&d->windows);
		return 0;
	}
	return windows_ahead(&d->windows, &(struct windows_range){t->start_lba, readable_end(d, t)});
}

/* The turn is the caller's. */
static uint32_t read_ahead(struct drive *d)
{
	uint32_t position, done = 0;

	for (int n = 1; n > 0 && (done < WINDOWS_AHEAD || elevator_waiting(&d->elevator) == 0); done += (uint32_t)n) {
		pthread_mutex_lock(&d->lock);
		n = read_ahead_locked(d);
		pthread_mutex_unlock(&d->lock);
	}
	pthread_mutex_lock(&d->lock);
	windows_stay(&d->windows);
	position = windows_turn(&d->windows);
	pthread_mutex_unlock(&d->lock);
	return position;
}

static void *ahead_main(void *arg)
{
	struct drive *d = arg;
	struct worker *w = &d->ahead;

	lock_take(&w->lock);
	while (true) {
		while (!d->has_turn && !w->stopping)
			lock_wait(&w->lock, &w->wake);
		if (!d->has_turn)
			break;
		lock_give(&w->lock);
		uint32_t position = read_ahead(d);
		lock_take(&w->lock);
		d->has_turn = false;
		elevator_give(&d->elevator, position);
	}
	lock_give(&w->lock);
	return NULL;
}

static bool start_ahead_locked(struct drive *d)
{
	if (d->ahead.started || d->ahead.stopping || pthread_equal(d->opener, pthread_self()))
		return d->ahead.started && !d->ahead.stopping;
	return worker_start(&d->ahead, ahead_main, d) == 0;
}

/* The turn of the caller, who has read something behind which more is due. */
static bool hand_turn_on(struct drive *d)
{
	bool done;

	lock_take(&d->ahead.lock);
	done = start_ahead_locked(d);
	if (done) {
		d->has_turn = true;
		worker_wake_locked(&d->ahead);
	}
	lock_give(&d->ahead.lock);
	return done;
}

/* ---- reading ---- */

/* What is there is no matter of turns. */
static bool take_piece(struct drive *d, uint32_t lba, uint8_t *buf, uint32_t n_sectors)
{
	uint32_t position, next;
	bool there, due;

	pthread_mutex_lock(&d->lock);
	there = !d->burning && windows_take(&d->windows, lba, buf, n_sectors);
	due = there && windows_due(&d->windows, &next);
	position = windows_turn(&d->windows);
	pthread_mutex_unlock(&d->lock);
	if (due && elevator_try(&d->elevator) && !hand_turn_on(d))
		elevator_give(&d->elevator, position);
	return there;
}

static int read_piece(struct drive *d, uint32_t lba, uint8_t *buf, uint32_t n_sectors, uint32_t *ret_done)
{
	uint32_t position, next;
	bool due;
	int r;

	*ret_done = n_sectors;
	if (take_piece(d, lba, buf, n_sectors))
		return 0;
	elevator_take(&d->elevator, lba);
	pthread_mutex_lock(&d->lock);
	r = d->burning ? -EAGAIN : read_some_locked(d, lba, buf, n_sectors, ret_done);
	position = windows_turn(&d->windows);
	due = r == 0 && windows_due(&d->windows, &next);
	pthread_mutex_unlock(&d->lock);
	if (!due || !hand_turn_on(d))
		elevator_give(&d->elevator, position);
	return r;
}

/* By one command, or, where it fails, by several that libburn gives. */
static int ask_recorder(struct drive *d, uint32_t lba, uint8_t *buf, uint32_t n_sectors)
{
	int r = recorder_read(d->recorder, lba, buf, n_sectors);

	if (r != -EIO || n_sectors <= WINDOW_SECTORS)
		return r;
	r = 0;
	for (uint32_t done = 0, n; done < n_sectors && r == 0; done += n) {
		n = (uint32_t)min_u64(n_sectors - done, WINDOW_SECTORS);
		r = recorder_read(d->recorder, lba + done, buf + (size_t)done * SECTOR_BYTES, n);
	}
	return r;
}

/* Up to the end of a track, by commands as large as those of the windows for a long stream. */
static int ask_medium_locked(struct drive *d, uint32_t lba, uint8_t *buf, uint32_t n_sectors, uint32_t *ret_done)
{
	const struct recorder_track *t = track_of(d, lba);
	int r = 0;

	if (!t)
		return -EIO;
	*ret_done = (uint32_t)min_u64(n_sectors, t->start_lba + t->room - lba);
	for (uint32_t done = 0, n; done < *ret_done && r == 0; done += n) {
		n = (uint32_t)min_u64(*ret_done - done, WINDOWS_AT_ONCE * WINDOW_SECTORS);
		r = ask_recorder(d, lba + done, buf + (size_t)done * SECTOR_BYTES, n);
	}
	return r;
}

static int read_piece_of_medium(struct drive *d, uint32_t lba, uint8_t *buf, uint32_t n_sectors, uint32_t *ret_done)
{
	int r;

	*ret_done = n_sectors;
	elevator_take(&d->elevator, lba);
	pthread_mutex_lock(&d->lock);
	r = d->burning ? -EAGAIN : ask_medium_locked(d, lba, buf, n_sectors, ret_done);
	pthread_mutex_unlock(&d->lock);
	elevator_give(&d->elevator, lba + *ret_done);
	return r;
}

static int read_pieces(struct disc *disc, uint32_t lba, uint8_t *to, uint32_t n_sectors,
		       int (*read)(struct drive *, uint32_t, uint8_t *, uint32_t, uint32_t *))
{
	struct drive *d = (struct drive *)(void *)disc; /* its first member */

	while (n_sectors > 0) {
		uint32_t done = 0;
		int r = read(d, lba, to, (uint32_t)min_u64(n_sectors, PIECE_SECTORS), &done);

		if (r < 0)
			return r;
		lba += done;
		n_sectors -= done;
		to += (size_t)done * SECTOR_BYTES;
	}
	return 0;
}

int drive_read(struct disc *disc, uint32_t lba, void *buf, uint32_t n_sectors)
{
	return read_pieces(disc, lba, buf, n_sectors, read_piece);
}

int drive_read_medium(struct disc *disc, uint32_t lba, void *buf, uint32_t n_sectors)
{
	return read_pieces(disc, lba, buf, n_sectors, read_piece_of_medium);
}

static int read_recorder(void *context, uint32_t lba, void *buf, uint32_t n_sectors)
{
	return recorder_read(((struct drive *)context)->recorder, lba, buf, n_sectors);
}

void drive_reading_init(struct drive *d)
{
	windows_init(&d->windows, read_recorder, d);
	elevator_init(&d->elevator);
	worker_init(&d->ahead);
	d->opener = pthread_self();
}

void drive_reading_stop(struct drive *d) { worker_stop(&d->ahead); }

void drive_reading_release(struct drive *d)
{
	worker_release(&d->ahead);
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
