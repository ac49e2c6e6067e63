/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Making the stage durable.
 *
 * One round, run by one thread at a time (the leader):
 *	mutex: COMMIT (into memory, wal.c), note the dirty bodies and the discards that belong to it
 *	no lock: fdatasync the bodies, fsync bodies/, then write and fdatasync the log
 *	mutex: forget the held log; the discards are ready
 * so nobody who puts or gets rows waits for a disk, and no durable row names data that is not.  Callers that come
 * while a round runs share the next one: a round covers what was put before it began.
 *
 * The log is copied into the database (checkpoint) by the thread, or by the leader when there is none, once it is
 * large: the copy under the mutex, its sync outside; the log is not begun anew before that, since only the leader
 * commits.  SQLite checkpoints only between transactions: if there is never such a moment, the log is made durable
 * under the mutex after all, once in FORCE frames.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "burner/base/own.h"
#include "fs/stage/internal.h"

#define SYNC_SECONDS 2
#define CHECKPOINT_FRAMES 2048u /* 8 MiB */
#define FORCE_FRAMES 8192u

int stage_sync_init(struct stage *s)
{
	pthread_condattr_t attributes;
	int r;

	lock_init(&s->sync.lock, LOCK_PLAIN);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	r = -pthread_cond_init(&s->sync.changed, &attributes);
	pthread_condattr_destroy(&attributes);
	return r;
}

struct round {
	struct body **bodies;
	size_t n_bodies;
	bool directory;
};

/* The mutex is held. */
static int round_begin_locked(struct stage *s, struct round *round)
{
	lock_assert(&s->lock);
	int r = db_commit_locked(s);

	if (!r)
		r = stage_bodies_collect_dirty(s, &round->bodies, &round->n_bodies, &round->directory);
	if (!r)
		stage_discards_commit_locked(s, &s->queued, &s->committing);
	return r;
}

static int round_write(struct stage *s, struct round *round)
{
	int r = stage_bodies_sync(s, round->bodies, round->n_bodies, round->directory);

	free(round->bodies);
	return r ? r : wal_flush(&s->wal);
}

/* The mutex is held. */
static int round_end_locked(struct stage *s, int r)
{
	lock_assert(&s->lock);
	if (r) {
		s->wal_full = r == -ENOSPC;
		if (!s->failed && r != -ENOSPC)
			s->failed = r; /* a failed sync cannot be repeated: the kernel may have dropped the data */
		return r;
	}
	wal_settle(&s->wal);
	s->wal_full = false;
	stage_discards_commit_locked(s, &s->committing, &s->ready);
	return 0;
}

static int run_round(struct stage *s)
{
	struct round round = {.bodies = NULL};
	int r;

	stage_lock(s);
	r = round_begin_locked(s, &round);
	stage_unlock(s);
	if (r)
		return r;
	r = round_write(s, &round);
	stage_lock(s);
	r = round_end_locked(s, r);
	stage_unlock(s);
	return r;
}

/* The leader.  -EAGAIN: a transaction is open, and it may wait. */
static int checkpoint_locked(struct stage *s, bool force)
{
	lock_assert(&s->lock);
	struct round round = {.bodies = NULL};
	int r = s->failed;

	if (!r && (db_dirty(s) || s->wal.length)) {
		if (!force)
			return -EAGAIN;
		r = round_begin_locked(s, &round);
		if (!r)
			r = round_end_locked(s, round_write(s, &round));
	}
	if (!r)
		r = db_errno(s, sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL));
	return r;
}

static int checkpoint_and_sync(struct stage *s, bool force)
{
	int r;

	stage_lock(s);
	r = checkpoint_locked(s, force || s->wal_frames > FORCE_FRAMES);
	stage_unlock(s);
	if (r || !fdatasync(s->db_fd))
		return r;
	stage_lock(s);
	/* no more commits: they might begin the log anew, which has all that the database lacks */
	s->failed = -EIO;
	stage_unlock(s);
	return -EIO;
}

static bool log_is_large(struct stage *s)
{
	bool large;

	stage_lock(s);
	large = s->wal_frames > CHECKPOINT_FRAMES;
	stage_unlock(s);
	return large;
}

/* As the leader, sync.lock held on entry and on return. */
static int lead(struct stage *s, bool may_checkpoint)
{
	uint64_t round = ++s->sync.begun;
	int r;

	s->sync.running = true;
	lock_give(&s->sync.lock);
	r = run_round(s);
	lock_take(&s->sync.lock);
	s->sync.done = round;
	s->sync.error = r;
	pthread_cond_broadcast(&s->sync.changed);
	lock_give(&s->sync.lock);
	if (!r && may_checkpoint && log_is_large(s))
		checkpoint_and_sync(s, false); /* what fails is tried again, and everything is durable in the log */
	lock_take(&s->sync.lock);
	s->sync.running = false;
	pthread_cond_broadcast(&s->sync.changed);
	return r;
}

static int sync_all(struct stage *s, bool is_thread)
{
	uint64_t mine;
	int r = 0;

	lock_take(&s->sync.lock);
	mine = s->sync.begun + 1;
	while (s->sync.done < mine) {
		if (s->sync.running)
			lock_wait(&s->sync.lock, &s->sync.changed);
		else
			r = lead(s, is_thread || !s->sync.thread_started);
	}
	/* A later round that went well covers this one too. */
	r = s->sync.error;
	lock_give(&s->sync.lock);
	return r;
}

int stage_sync(struct stage *s)
{
	bool nested, alone;
	int r;

	if (s->read_only)
		return 0;
	stage_lock(s);
	nested = s->lock.depth > 1;
	stage_unlock(s);
	if (nested)
		return -EDEADLK;
	r = sync_all(s, false);
	lock_take(&s->sync.lock);
	alone = !s->sync.thread_started;
	lock_give(&s->sync.lock);
	if (alone)
		stage_discards_apply(s);
	else
		stage_sync_kick(s);
	return r;
}

int stage_sync_checkpoint_all(struct stage *s) { return checkpoint_and_sync(s, true); }

/* ---- the thread ---- */

static bool something_to_save(struct stage *s)
{
	bool dirty;

	stage_lock(s);
	dirty = !s->failed && (db_dirty(s) || s->wal.length || s->queued.n || s->wal_frames > CHECKPOINT_FRAMES);
	lock_take(&s->bodies.lock);
	dirty |= s->bodies.n_dirty != 0;
	lock_give(&s->bodies.lock);
	stage_unlock(s);
	return dirty;
}

static bool many_changes(struct stage *s)
{
	bool many;

	stage_lock(s);
	many = s->early_sync;
	s->early_sync = false;
	stage_unlock(s);
	return many;
}

/* The time has come: the next one is set. */
static bool is_due(struct timespec *due)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec < due->tv_sec || (now.tv_sec == due->tv_sec && now.tv_nsec < due->tv_nsec))
		return false;
	*due = (struct timespec){now.tv_sec + SYNC_SECONDS, now.tv_nsec};
	return true;
}

static void *thread_main(void *context)
{
	struct stage *s = context;
	struct timespec due = {0};

	is_due(&due);
	lock_take(&s->sync.lock);
	while (!s->sync.stop) {
		if (!s->sync.kicked && lock_wait_until(&s->sync.lock, &s->sync.changed, &due) == 0 && !s->sync.kicked)
			continue;
		s->sync.kicked = false;
		lock_give(&s->sync.lock);
		if ((is_due(&due) || many_changes(s)) && something_to_save(s))
			sync_all(s, true);
		else
			stage_bodies_write_early(s);
		stage_discards_apply(s);
		lock_take(&s->sync.lock);
	}
	lock_give(&s->sync.lock);
	return NULL;
}

int stage_start_thread(struct stage *s)
{
	int r;

	if (s->read_only)
		return 0;
	stage_lock(s);
	stage_place_write_lock(s); /* the process has another number since it forked */
	stage_unlock(s);
	lock_take(&s->sync.lock);
	r = s->sync.thread_started ? 0 : -pthread_create(&s->sync.thread, NULL, thread_main, s);
	if (!r)
		s->sync.thread_started = true;
	lock_give(&s->sync.lock);
	return r;
}

void stage_sync_kick(struct stage *s)
{
	lock_take(&s->sync.lock);
	s->sync.kicked = true;
	pthread_cond_broadcast(&s->sync.changed);
	lock_give(&s->sync.lock);
}

void stage_sync_stop(struct stage *s)
{
	bool started;

	lock_take(&s->sync.lock);
	s->sync.stop = true;
	started = s->sync.thread_started;
	pthread_cond_broadcast(&s->sync.changed);
	lock_give(&s->sync.lock);
	if (started)
		pthread_join(s->sync.thread, NULL);
	lock_take(&s->sync.lock);
	s->sync.thread_started = false;
	lock_give(&s->sync.lock);
}
