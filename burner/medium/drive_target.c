/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive_target.c - a session into a drive
 *
 * What is written goes into a ring, from which libburn's thread takes sector after sector. The burn starts when the
 * ring is half full (or all there is), so that a short stay of the source does not stop the laser; a longer one is
 * what underrun protection is for. One track at once, then the session is closed: libburn does both, also when the
 * source ends early, which is how abort ends a burn.
 *
 * The track is padded so that it has the blocks that a track needs, readers that ask for blocks behind the end find
 * some, and the next session starts at a multiple of what the medium writes at once. The session itself ends with its
 * commit record, before the padding.
 *
 * Overwritable media: the same, from an address of our choice, with nothing behind the session. On a blank one the
 * burn begins at block 0, with zeros up to the session, so that the head's blocks are readable whatever happens; the
 * head itself is written by publish, all its 16 blocks at once: they are one unit of the medium.
 *
 * The ring's lock guards all that follows it in the struct. The caller's side waits for room, libburn's for data; the
 * caller looks now and then whether the burn has ended by itself, since libburn says so to nobody.
 */
#include "burner/medium/drive.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "burner/base/lock.h"
#include "burner/base/own.h"

#define RING_SECTORS 4096u /* 8 MiB */
#define POLL_NS 100000000L

struct drive_target {
	struct target target;
	struct drive *drive;
	struct recorder_job job;
	struct target_options options;
	uint32_t start_lba, next_lba;
	uint64_t sectors;
	bool reserved, started, finished;
	int result;	 /* of the burn, when finished */
	char words[200]; /* of the drive, about what failed */
	uint8_t *ring;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t filled, taken; /* sectors so far */
	uint32_t lead;		/* zeros to be given before them */
	bool end;		/* no more will be filled */
};

static struct drive_target *to_target(struct target *t)
{
	return (struct drive_target *)(void *)t; /* its first member */
}

/* From libburn's thread. */
static int take_sector(void *context, void *buf, int bytes)
{
	struct drive_target *t = context;
	int r = 0;

	if (bytes != (int)SECTOR_BYTES)
		return -1;
	pthread_mutex_lock(&t->lock);
	while (t->filled == t->taken && !t->end)
		pthread_cond_wait(&t->changed, &t->lock);
	if (t->lead > 0) {
		memset(buf, 0, SECTOR_BYTES);
		t->lead--;
		r = bytes;
	} else if (t->filled > t->taken) {
		memcpy(buf, t->ring + (size_t)(t->taken % RING_SECTORS) * SECTOR_BYTES, SECTOR_BYTES);
		t->taken++;
		r = bytes;
		if (t->filled - t->taken <= RING_SECTORS / 2)
			pthread_cond_signal(&t->changed);
	}
	pthread_mutex_unlock(&t->lock);
	return r;
}

static uint32_t tail_of(const struct drive *d, uint32_t start_lba, uint64_t sectors)
{
	const struct drive_rules *r = drive_rules(d);
	uint64_t tail = max_u64(r->pad, r->track_min - min_u64(sectors, r->track_min)),
		 behind = start_lba + sectors + drive_gap(d);

	return d->medium.overwritable ? 0 : (uint32_t)(round_up(behind + tail, r->align) - behind);
}

/* What libburn or the drive said, before something else is asked of them. */
static int remember_words(struct drive_target *t, int result)
{
	if (result < 0)
		snprintf(t->words, sizeof(t->words), "%s", recorder_message(t->drive->recorder));
	return result;
}

static int format(struct drive_target *t)
{
	struct drive *d = t->drive;
	int r;

	pthread_mutex_lock(&d->lock);
	d->burned = true;
	r = remember_words(t, recorder_format(d->recorder));
	pthread_mutex_unlock(&d->lock);
	return r < 0 ? r : disc_refresh(&d->disc);
}

static void plan_job(struct drive_target *t, uint32_t start_lba, uint64_t sectors)
{
	const struct drive *d = t->drive;
	bool from_zero = d->medium.overwritable && d->list.n == 0;

	t->lead = from_zero ? start_lba : 0;
	t->job = (struct recorder_job){.start_lba = d->medium.overwritable && !from_zero ? start_lba : 0,
				       .tail_sectors = tail_of(d, start_lba, sectors),
				       .close_disc = t->options.finalize,
				       .speed = t->options.speed,
				       .read = take_sector,
				       .context = t};
}

static int check_place(const struct drive_target *t, uint32_t start_lba, uint64_t sectors)
{
	const struct drive *d = t->drive;
	struct disc_state state;
	int r = disc_state(&t->drive->disc, &state);

	if (r < 0)
		return r;
	if (!state.appendable)
		return -EROFS;
	if (start_lba != state.next_lba)
		return -ESTALE;
	return start_lba + sectors + t->job.tail_sectors + drive_rules(d)->run_out > state.capacity_sectors ? -ENOSPC :
													      0;
}

static int drive_reserve(struct target *target, uint32_t start_lba, uint64_t sectors)
{
	struct drive_target *t = to_target(target);
	struct drive *d = t->drive;
	int r = 0;

	if (t->reserved || sectors == 0)
		return -EINVAL;
	if (d->medium.unformatted)
		r = format(t);
	if (r < 0)
		return r;
	plan_job(t, start_lba, sectors);
	r = check_place(t, start_lba, sectors);
	if (r < 0)
		return r;
	pthread_mutex_lock(&d->lock);
	r = remember_words(t, recorder_precheck(d->recorder, &t->job));
	pthread_mutex_unlock(&d->lock);
	if (r < 0)
		return r;
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
	int r;

	drive_set_burning(t->drive, true);
	r = remember_words(t, recorder_burn(t->drive->recorder, &t->job));
	if (r < 0) {
		drive_set_burning(t->drive, false);
		return r;
	}
	t->started = t->drive->burned = true;
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
	remember_words(t, t->result);
	t->finished = true;
	drive_set_burning(t->drive, false);
	return t->result;
}

/* The end of a burn, and what the drive says afterwards: that there is no disc any more explains more than a write
 * error. */
static int finish_and_look(struct drive_target *t)
{
	int r = finish(t), looked = disc_refresh(&t->drive->disc);

	return r == 0 || looked == -ENOMEDIUM || looked == -ENODEV ? looked : r;
}

/* Room for at least one sector; 0, or the burn has ended. */
static int wait_for_room(struct drive_target *t, uint32_t *ret_room)
{
	int r = 0;

	pthread_mutex_lock(&t->lock);
	while (t->filled - t->taken == RING_SECTORS && r == 0) {
		struct timespec until;

		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += POLL_NS;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		if (pthread_cond_timedwait(&t->changed, &t->lock, &until) == ETIMEDOUT &&
		    !recorder_is_busy(t->drive->recorder))
			r = -EIO; /* finish_and_look() knows why */
	}
	*ret_room = (uint32_t)(RING_SECTORS - (t->filled - t->taken));
	pthread_mutex_unlock(&t->lock);
	return r;
}

/* buf NULL: zeros. The room is there, and nobody else fills. */
static void fill(struct drive_target *t, const uint8_t *buf, uint32_t n_sectors)
{
	for (uint32_t done = 0; done < n_sectors;) {
		uint32_t at = (uint32_t)((t->filled + done) % RING_SECTORS),
			 n = (uint32_t)min_u64(n_sectors - done, RING_SECTORS - at);

		if (buf)
			memcpy(t->ring + (size_t)at * SECTOR_BYTES, buf + (size_t)done * SECTOR_BYTES,
			       (size_t)n * SECTOR_BYTES);
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
		int r = 0;

		if (!t->started && t->filled >= RING_SECTORS / 2)
			r = start(t);
		if (r == 0 && wait_for_room(t, &room) < 0 && (r = finish_and_look(t)) == 0)
			r = -EIO;
		if (r < 0)
			return r;
		n = (uint32_t)min_u64(room, n_sectors - *ret_accepted);
		fill(t, from ? from + (size_t)*ret_accepted * SECTOR_BYTES : NULL, n);
		t->next_lba += n;
		*ret_accepted += n;
	}
	return 0;
}

/* The drive must say itself that the session is there; of overwritable media reading it back tells. */
static int check_session(struct drive_target *t)
{
	const struct recorder_medium *m = &t->drive->medium;
	const struct recorder_track *last = m->n_tracks ? &m->tracks[m->n_tracks - 1] : NULL;

	if (m->overwritable)
		return 0;
	return last && last->start_lba == t->start_lba && last->room >= t->sectors ? 0 : -EIO;
}

static int drive_sync(struct target *target)
{
	struct drive_target *t = to_target(target);
	int r = 0;

	if (t->finished)
		return t->result; /* the head: written through */
	if (!t->reserved || t->next_lba != t->start_lba + t->sectors)
		return -EINVAL;
	if (!t->started)
		r = start(t);
	if (r == 0)
		r = finish_and_look(t);
	return r < 0 ? r : check_session(t);
}

static int drive_publish(struct target *target, const uint8_t published[DESCRIPTORS_SECTORS * SECTOR_BYTES])
{
	struct drive_target *t = to_target(target);
	struct drive *d = t->drive;
	int r;

	if (!d->medium.overwritable)
		return 0;
	pthread_mutex_lock(&d->lock);
	d->burned = true;
	r = remember_words(t, recorder_write(d->recorder, DESCRIPTORS_LBA, published, DESCRIPTORS_SECTORS));
	drive_forget_windows_locked(d);
	pthread_mutex_unlock(&d->lock);
	return r;
}

/* A drive that names no address may have an open track and not say so. */
static bool is_open(const struct drive *d) { return d->medium.interrupted || d->medium.no_address; }

/* A burn that is under way is ended; one that somebody else's end left open is closed, so that another session can
 * follow. */
static int drive_abort(struct target *target)
{
	struct drive_target *t = to_target(target);
	struct drive *d = t->drive;
	int r;

	if (t->started)
		finish(t);
	t->reserved = false;
	r = disc_refresh(&d->disc);
	if (r < 0 || !is_open(d))
		return r;
	pthread_mutex_lock(&d->lock);
	d->burned = true;
	r = remember_words(t, recorder_close_track(d->recorder));
	pthread_mutex_unlock(&d->lock);
	if (r == 0)
		r = disc_refresh(&d->disc);
	return r == 0 && is_open(d) ? -EIO : r;
}

static const char *drive_words(struct target *target) { return to_target(target)->words; }

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
	.reserve = drive_reserve,
	.write = drive_write,
	.sync = drive_sync,
	.publish = drive_publish,
	.abort = drive_abort,
	.words = drive_words,
	.free = drive_target_free,
};

int drive_target_new(struct drive *d, const struct target_options *options, struct target **ret)
{
	struct drive_target *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->target.ops = &drive_target_ops;
	t->drive = d;
	if (options)
		t->options = *options;
	pthread_mutex_init(&t->lock, NULL);
	lock_condition_init(&t->changed);
	*ret = &t->target;
	return 0;
}
