/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pipe.c - pieces in a row of slots: filled in order, digested by whoever is free, written in order
 */
#include "burner/pipe.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "burner/base/bytes.h"
#include "burner/base/lock.h"
#include "burner/base/own.h"
#include "burner/base/thread.h"
#include "burner/base/time.h"

#define TOGETHER 4u /* pieces that are written at once when they are there: a disk likes it */
/* So much is given to the target at once that it takes a moment: with a slow one it is seen how far it is. */
#define STEP_SECTORS_MIN 32u
#define STEP_SECTORS_MAX (TOGETHER * PIPE_PIECE_SECTORS)
#define STEP_SHORT_NS 50000000
#define STEP_LONG_NS 250000000
/* of their memory, and of where they lie on the medium when they are whole: for I/O past the page cache */
#define PIECE_ALIGN 4096u
#define POLL_NS 100000000 /* how often cancelled() is asked while the target is slow */
#define THREADS_MAX (PIPE_SLOTS + 1)

struct pipe {
	const struct pipe_options *options;
	uint8_t *memory;
	pthread_t threads[THREADS_MAX];
	unsigned n_threads;
	/* the writer's */
	uint32_t lba;  /* where the next piece goes */
	uint32_t step; /* sectors at once */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Under the lock.  Piece i has slot i % PIPE_SLOTS. Those below n_digested are digested, some of the others up
	 * to n_begun too: `digested` of their slots. */
	struct pipe_piece pieces[PIPE_SLOTS];
	bool digested[PIPE_SLOTS];
	uint64_t n_filled, n_begun, n_digested, n_written;
	uint64_t done_sectors; /* by the last to have them */
	bool end;
	int error;
};

static void fail_locked(struct pipe *p, int error)
{
	if (error < 0 && !p->error)
		p->error = error;
	pthread_cond_broadcast(&p->changed);
}

/* ---- digests ---- */

static void digest_next_locked(struct pipe *p)
{
	const struct pipe_piece *piece = &p->pieces[p->n_begun++ % PIPE_SLOTS];
	int r;

	pthread_mutex_unlock(&p->lock);
	r = p->options->digest(p->options->context, piece);
	pthread_mutex_lock(&p->lock);
	p->digested[piece->slot] = true;
	for (; p->n_digested < p->n_begun && p->digested[p->n_digested % PIPE_SLOTS]; p->n_digested++)
		p->digested[p->n_digested % PIPE_SLOTS] = false;
	p->done_sectors += p->options->target ? 0 : piece->n_sectors;
	fail_locked(p, r);
}

static void *digester_main(void *argument)
{
	struct pipe *p = argument;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (p->n_begun == p->n_filled && !p->end && !p->error)
			pthread_cond_wait(&p->changed, &p->lock);
		if (p->error || p->n_begun == p->n_filled)
			break;
		digest_next_locked(p);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* ---- the target ---- */

/* The next piece, with those that follow it in memory; how many.  There is one. */
static unsigned next_pieces_locked(const struct pipe *p, struct pipe_piece *ret)
{
	uint64_t i = p->n_written, most = min_u64(p->n_filled - i, PIPE_SLOTS - i % PIPE_SLOTS);
	unsigned n = 1;

	*ret = p->pieces[i % PIPE_SLOTS];
	if (ret->zeros)
		return n;
	for (; n < min_u64(most, TOGETHER) && ret->n_sectors == n * PIPE_PIECE_SECTORS &&
	       !p->pieces[(i + n) % PIPE_SLOTS].zeros;
	     n++)
		ret->n_sectors += p->pieces[(i + n) % PIPE_SLOTS].n_sectors;
	return n;
}

/* A target that was quick gets more at once, a slow one less. */
static void adapt_step(struct pipe *p, int64_t ns)
{
	if (ns < STEP_SHORT_NS && p->step < STEP_SECTORS_MAX)
		p->step *= 2;
	else if (ns > STEP_LONG_NS && p->step > STEP_SECTORS_MIN)
		p->step /= 2;
}

/* Not to its end when a digest failed, or the caller gave up. */
static int write_locked(struct pipe *p, struct pipe_piece piece)
{
	int r = 0;

	while (piece.n_sectors > 0 && !r && !p->error) {
		uint32_t n = (uint32_t)min_u64(piece.n_sectors, p->step), accepted;
		int64_t began = now_ns();

		pthread_mutex_unlock(&p->lock);
		r = target_write(p->options->target, p->lba, piece.zeros ? NULL : piece.buf, n, &accepted);
		p->lba += n;
		adapt_step(p, now_ns() - began);
		pthread_mutex_lock(&p->lock);
		piece.buf += (size_t)n * SECTOR_BYTES;
		piece.n_sectors -= n;
		p->done_sectors += n;
	}
	return r;
}

static void *writer_main(void *argument)
{
	struct pipe *p = argument;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		struct pipe_piece piece;
		unsigned n;
		int r;

		while (p->n_written == p->n_filled && !p->end && !p->error)
			pthread_cond_wait(&p->changed, &p->lock);
		if (p->error || p->n_written == p->n_filled)
			break;
		n = next_pieces_locked(p, &piece);
		r = write_locked(p, piece);
		p->n_written += n;
		fail_locked(p, r);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* ---- the caller ---- */

static int start_thread(struct pipe *p, void *(*main)(void *))
{
	int r = thread_start(&p->threads[p->n_threads], main, p);

	p->n_threads += r == 0;
	return r;
}

/* As many as there are processors for this process. */
static unsigned digesters(const struct pipe_options *o)
{
	cpu_set_t set;
	int n = o->one_digester || sched_getaffinity(0, sizeof(set), &set) < 0 ? 1 : CPU_COUNT(&set);

	return n < 1 ? 1 : (unsigned)min_u64((unsigned)n, PIPE_SLOTS);
}

/* One thread of each kind is needed, more are not. */
static int start_threads(struct pipe *p)
{
	unsigned n = digesters(p->options);
	int r = start_thread(p, digester_main);

	if (r == 0 && p->options->target)
		r = start_thread(p, writer_main);
	while (r == 0 && --n > 0 && start_thread(p, digester_main) == 0)
		;
	return r;
}

/* No piece comes any more: the threads take what is there, or with an error stop at once. */
static int pipe_end(struct pipe *p, int error)
{
	pthread_mutex_lock(&p->lock);
	p->end = true;
	fail_locked(p, error);
	pthread_mutex_unlock(&p->lock);
	while (p->n_threads)
		pthread_join(p->threads[--p->n_threads], NULL);
	return p->error;
}

/* Pieces that somebody has still to take. */
static uint64_t pending_locked(const struct pipe *p)
{
	return p->n_filled - (p->options->target ? min_u64(p->n_digested, p->n_written) : p->n_digested);
}

/* Until it changes, or it is time to ask whether it was cancelled. */
static void wait_locked(struct pipe *p)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += POLL_NS;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_cond_timedwait(&p->changed, &p->lock, &until);
}

/* Until at most `most` pieces are pending; meanwhile it is told how far it is. */
static int pipe_wait(struct pipe *p, uint64_t most)
{
	const struct burn_progress *progress = p->options->progress;
	bool waits;
	int r;

	pthread_mutex_lock(&p->lock);
	do {
		if (!p->error && pending_locked(p) > most)
			wait_locked(p);
		uint64_t done = p->done_sectors;
		pthread_mutex_unlock(&p->lock);
		burn_report(progress, done, p->options->all_sectors);
		bool cancelled = burn_is_cancelled(progress);
		pthread_mutex_lock(&p->lock);
		if (cancelled)
			fail_locked(p, -ECANCELED);
		waits = !p->error && pending_locked(p) > most;
	} while (waits);
	r = p->error;
	pthread_mutex_unlock(&p->lock);
	return r;
}

static int pipe_fill(struct pipe *p)
{
	int r = 0;

	for (;;) {
		struct pipe_piece *piece = &p->pieces[p->n_filled % PIPE_SLOTS];

		r = pipe_wait(p, PIPE_SLOTS - 1);
		if (r == 0)
			r = p->options->fill(p->options->context, piece);
		if (r < 0 || piece->n_sectors == 0)
			break;
		pthread_mutex_lock(&p->lock);
		p->n_filled++;
		pthread_cond_broadcast(&p->changed);
		pthread_mutex_unlock(&p->lock);
	}
	return r < 0 ? r : pipe_wait(p, 0);
}

static int pipe_init(struct pipe *p, const struct pipe_options *options)
{
	memset(p, 0, sizeof(*p));
	pthread_mutex_init(&p->lock, NULL);
	lock_condition_init(&p->changed);
	p->options = options;
	p->lba = options->start_lba;
	p->step = STEP_SECTORS_MIN;
	p->memory = aligned_alloc(PIECE_ALIGN, (size_t)PIPE_SLOTS * PIPE_PIECE_SECTORS * SECTOR_BYTES);
	if (!p->memory)
		return -ENOMEM;
	for (unsigned i = 0; i < PIPE_SLOTS; i++) {
		p->pieces[i].buf = p->memory + (size_t)i * PIPE_PIECE_SECTORS * SECTOR_BYTES;
		p->pieces[i].slot = i;
	}
	return 0;
}

static void pipe_release(struct pipe *p)
{
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
	free(p->memory);
}

int pipe_run(const struct pipe_options *options)
{
	_cleanup_(pipe_release) struct pipe p;
	int r = pipe_init(&p, options);

	if (r == 0)
		r = start_threads(&p);
	if (r == 0)
		r = pipe_fill(&p);
	return pipe_end(&p, r);
}
