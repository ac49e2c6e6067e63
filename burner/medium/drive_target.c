/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive_target.c - a session into a drive
 *
 * What is written goes into a ring, from which libburn's thread takes sector after sector. The burn starts when the ring is half full (or
 * all there is), so that a short stay of the source does not stop the laser; a longer one is what underrun protection is for.
 * One track at once, then the session is closed: libburn does both, also when the source ends early, which is how abort ends a burn.
 *
 * The track is padded so that it has the 300 blocks that a track needs, readers that ask for blocks behind the end find some, and the next
 * session starts at a multiple of 16. The session itself ends with its commit record, before the padding.
 *
 * The ring's lock guards all that follows it in the struct. The caller's side waits for room, libburn's for data; the caller looks
 * now and then whether the burn has ended by itself, since libburn says so to nobody.
 */
#include "burner/medium/drive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cdappendfs/own.h"

#define RING_SECTORS 4096u		/* 8 MiB */
#define POLL_NS 100000000L

struct drive_target {
	struct target target;
	struct drive *drive;
	struct recorder_job job;
	uint32_t start_lba, next_lba;
	uint64_t sectors;
	bool reserved, started, finished;
	int result;			/* of the burn, when finished */
	uint8_t *ring;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t filled, taken;		/* sectors so far */
	bool end;			/* no more will be filled */
};

static struct drive_target *to_target(struct target *t)
{
	return (struct drive_target *)(void *)t;	/* its first member */
}

/* From libburn's thread. */
static int take_sector(void *context, void *buf, int bytes)
{
	struct drive_target *t = context;
	int result = 0;

	if (bytes != (int)SECTOR_BYTES)
		return -1;
	pthread_mutex_lock(&t->lock);
	while (t->filled == t->taken && !t->end)
		pthread_cond_wait(&t->changed, &t->lock);
	if (t->filled > t->taken) {
		memcpy(buf, t->ring + (size_t)(t->taken % RING_SECTORS) * SECTOR_BYTES, SECTOR_BYTES);
		t->taken++;
		result = bytes;
		if (t->filled - t->taken <= RING_SECTORS / 2)
			pthread_cond_signal(&t->changed);
	}
	pthread_mutex_unlock(&t->lock);
	return result;
}

static uint32_t tail_of(const struct drive *d, uint32_t start_lba, uint64_t sectors)
{
	uint64_t tail = max_u64(DRIVE_PAD, DRIVE_TRACK_MIN - min_u64(sectors, DRIVE_TRACK_MIN)), behind = start_lba + sectors + drive_gap(d);

	return (uint32_t)(round_up(behind + tail, DRIVE_ALIGN) - behind);
}

static int drive_reserve(struct target *target, uint32_t start_lba, uint64_t sectors)
{
	struct drive_target *t = to_target(target);
	struct drive *d = t->drive;
	int result;

	if (t->reserved || sectors == 0)
		return -EINVAL;
	if (d->why_not[0])
		return -EROFS;
	if (start_lba != d->medium.next_lba)
		return -ESTALE;
	t->job = (struct recorder_job){.tail_sectors = tail_of(d, start_lba, sectors), .read = take_sector, .context = t};
	if (sectors + t->job.tail_sectors + DRIVE_RUN_OUT > d->medium.free_sectors)
		return -ENOSPC;
	pthread_mutex_lock(&d->lock);
	result = recorder_precheck(d->recorder, &t->job);
	pthread_mutex_unlock(&d->lock);
	if (result < 0)
		return result;
	t->ring = malloc((size_t)RING_SECTORS * SECTOR_BYTES);
	if (!t->ring)
		return -ENOMEM;
	t->start_lba = t->next_lba = start_lba;
	t->sectors = sectors;
	t->reserved = true;
	return 0;
}

static int start(struct drive_target *t)
{
	int result;

	drive_set_burning(t->drive, true);
	result = recorder_burn(t->drive->recorder, &t->job);
	if (result < 0)
		drive_set_burning(t->drive, false);
	else
		t->started = true;
	return result;
}

/* Room for at least one sector; 0, or the burn has ended. */
static int wait_for_room(struct drive_target *t, uint32_t *ret_room)
{
	int result = 0;

	pthread_mutex_lock(&t->lock);
	while (t->filled - t->taken == RING_SECTORS && result == 0) {
		struct timespec until;

		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += POLL_NS;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		if (pthread_cond_timedwait(&t->changed, &t->lock, &until) == ETIMEDOUT && !recorder_is_busy(t->drive->recorder))
			result = -EIO;
	}
	*ret_room = (uint32_t)(RING_SECTORS - (t->filled - t->taken));
	pthread_mutex_unlock(&t->lock);
	return result;
}

/* buf NULL: zeros. The room is there, and nobody else fills. */
static void fill(struct drive_target *t, const uint8_t *buf, uint32_t n_sectors)
{
	for (uint32_t done = 0; done < n_sectors;) {
		uint32_t at = (uint32_t)((t->filled + done) % RING_SECTORS), n = (uint32_t)min_u64(n_sectors - done, RING_SECTORS - at);

		if (buf)
			memcpy(t->ring + (size_t)at * SECTOR_BYTES, buf + (size_t)done * SECTOR_BYTES, (size_t)n * SECTOR_BYTES);
		else
			memset(t->ring + (size_t)at * SECTOR_BYTES, 0, (size_t)n * SECTOR_BYTES);
		done += n;
	}
	pthread_mutex_lock(&t->lock);
	t->filled += n_sectors;
	pthread_cond_signal(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

static int drive_write(struct target *target, uint32_t lba, const void *buf, uint32_t n_sectors, uint32_t *ret_accepted)
{
	struct drive_target *t = to_target(target);
	const uint8_t *from = buf;

	*ret_accepted = 0;
	if (!t->reserved || t->end || lba != t->next_lba || lba + (uint64_t)n_sectors > t->start_lba + t->sectors)
		return -EINVAL;
	while (*ret_accepted < n_sectors) {
		uint32_t room = 0, n;
		int result = 0;

		if (!t->started && t->filled >= RING_SECTORS / 2)
			result = start(t);
		if (result == 0)
			result = wait_for_room(t, &room);
		if (result < 0)
			return result;
		n = (uint32_t)min_u64(room, n_sectors - *ret_accepted);
		fill(t, from ? from + (size_t)*ret_accepted * SECTOR_BYTES : NULL, n);
		t->next_lba += n;
		*ret_accepted += n;
	}
	return 0;
}

/* No more data comes: the burn ends by itself. */
static int finish(struct drive_target *t)
{
	struct timespec pause = {.tv_nsec = POLL_NS};

	if (t->finished)
		return t->result;
	pthread_mutex_lock(&t->lock);
	t->end = true;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
	while (recorder_is_busy(t->drive->recorder))
		nanosleep(&pause, NULL);
	t->result = recorder_burned_well(t->drive->recorder);
	if (t->result == 0 && t->taken != t->filled)
		t->result = -EIO;
	t->finished = true;
	drive_set_burning(t->drive, false);
	return t->result;
}

/* The drive must say itself that the session is there. */
static int check_session(struct drive_target *t)
{
	const struct recorder_medium *m = &t->drive->medium;
	const struct recorder_track *last = m->n_tracks ? &m->tracks[m->n_tracks - 1] : NULL;

	return last && last->start_lba == t->start_lba && last->sectors >= t->sectors ? 0 : -EIO;
}

static int drive_sync(struct target *target)
{
	struct drive_target *t = to_target(target);
	int result = 0, looked;

	if (!t->reserved || t->next_lba != t->start_lba + t->sectors)
		return -EINVAL;
	if (!t->started)
		result = start(t);
	if (result < 0)
		return result;
	result = finish(t);
	looked = disc_refresh(&t->drive->disc);
	if (result == 0)
		result = looked;
	return result < 0 ? result : check_session(t);
}

/* A burn that is under way is ended; one that somebody else's end left open is closed, so that another session can follow. */
static int drive_abort(struct target *target)
{
	struct drive_target *t = to_target(target);
	struct drive *d = t->drive;
	int result = 0;

	if (t->started && !t->finished) {
		finish(t);
		result = disc_refresh(&d->disc);
	}
	t->reserved = false;
	if (result < 0 || !d->medium.interrupted)
		return result;
	pthread_mutex_lock(&d->lock);
	result = recorder_close_track(d->recorder);
	pthread_mutex_unlock(&d->lock);
	return result < 0 ? result : disc_refresh(&d->disc);
}

static void drive_target_free(struct target *target)
{
	struct drive_target *t = to_target(target);

	if (t->started && !t->finished)
		finish(t);
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
	free(t->ring);
	free(t);
}

static const struct target_ops drive_target_ops = {
	.reserve = drive_reserve, .write = drive_write, .sync = drive_sync, .abort = drive_abort, .free = drive_target_free,
};

int drive_target_new(struct drive *d, struct target **ret)
{
	struct drive_target *t = calloc(1, sizeof(*t));
	pthread_condattr_t attributes;

	if (!t)
		return -ENOMEM;
	t->target.ops = &drive_target_ops;
	t->drive = d;
	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&t->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	*ret = &t->target;
	return 0;
}
