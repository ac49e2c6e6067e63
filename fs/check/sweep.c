/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sweep.c - reads spans of blocks in their order, each once, and hands the pieces out
 *
 * As many threads as there are processors, and one, do all of it in turn: whoever has the token takes the next piece
 * and reads it, gives the token on, and works on what it has.  So one piece is read at a time, in the order of the
 * disc, as a drive and a disk like it, while those before are hashed.  What has to be done in order waits for its turn.
 * The caller's thread tells how far it is.
 *
 * What an image's file system has in memory is dropped before: it is no proof of what is on the disk.
 */
#include "fs/check/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "burner/base/lock.h"
#include "burner/base/thread.h"
#include "burner/base/time.h"

#define THREADS_MAX 17u
#define PIECE_ALIGN 4096u
#define AHEAD_SECTORS (8u * SWEEP_PIECE_SECTORS)
#define POLL_NS 100000000

struct run {
	const struct sweep *sweep;
	pthread_mutex_t token; /* who reads; guards: */
	struct reader reader;
	size_t span;
	uint64_t at;	  /* sectors of it that were handed out */
	uint64_t n_taken; /* pieces */
	uint64_t ahead;	  /* sectors of the span that the kernel was told to read */
	int64_t read_ns;
	pthread_mutex_t lock; /* guards: */
	pthread_cond_t changed;
	uint64_t turn; /* whose it is, by number of the piece */
	uint64_t done_sectors;
	unsigned n_running;
	int error;
};

static void advise(struct disc *d, uint64_t lba, uint64_t sectors, int advice)
{
	int fd = disc_fd(d);

	if (fd >= 0 && sectors)
		posix_fadvise(fd, (off_t)(lba * SECTOR_BYTES), (off_t)(sectors * SECTOR_BYTES), advice);
}

static void read_ahead(struct run *r, const struct sweep_span *span)
{
	uint64_t n = min_u64(span->sectors - r->ahead, AHEAD_SECTORS);

	if (r->ahead >= r->at + SWEEP_PIECE_SECTORS + AHEAD_SECTORS / 2 || !n)
		return;
	advise(r->sweep->disc, span->lba + r->ahead, n, POSIX_FADV_WILLNEED);
	r->ahead += n;
}

/* What a thread reads into. */
struct buffers {
	uint8_t *bytes; /* aligned to a page */
	uint8_t *bad;
};

/* What the disc knows to be zeros is not read. */
static int read_piece(struct run *r, const struct sweep_span *span, struct sweep_piece *p, const struct buffers *to)
{
	static const uint8_t zeros[SWEEP_PIECE_SECTORS * SECTOR_BYTES];

	p->bad = to->bad;
	p->bytes = to->bytes;
	p->zeros = disc_zeros(r->sweep->disc, p->lba, p->n_sectors) == p->n_sectors;
	if (!p->zeros) {
		read_ahead(r, span);
		return reader_fill(&r->reader, p->lba, p->n_sectors, to->bytes, to->bad, &p->n_bad);
	}
	memset(to->bad, 0, p->n_sectors);
	p->bytes = zeros;
	r->ahead = max_u64(r->ahead, r->at + p->n_sectors);
	return 0;
}

/* 1 and the next piece, read; 0 at the end; or an error.  Whoever calls has the token. */
static int take(struct run *r, struct sweep_piece *p, const struct buffers *to, uint64_t *ret_number)
{
	const struct sweep *s = r->sweep;
	int64_t began = now_ns();
	int result;

	while (r->span < s->n_spans && r->at == s->spans[r->span].sectors) {
		r->span++;
		r->at = r->ahead = 0;
	}
	if (r->span == s->n_spans || (s->until_ns && began >= s->until_ns))
		return 0;
	const struct sweep_span *span = &s->spans[r->span];
	p->lba = (uint32_t)(span->lba + r->at);
	p->n_sectors = (uint32_t)min_u64(span->sectors - r->at,
					 span->piece_sectors ? span->piece_sectors : SWEEP_PIECE_SECTORS);
	p->owner = span->owner;
	p->adopted = span->adopted;
	p->at = span->at + (uint32_t)r->at;
	result = read_piece(r, span, p, to);
	r->at += p->n_sectors;
	r->read_ns += now_ns() - began;
	*ret_number = r->n_taken++;
	if (!result && s->prepare)
		result = s->prepare(s->context, p);
	return result < 0 ? result : 1;
}

static bool has_failed(struct run *r)
{
	pthread_mutex_lock(&r->lock);
	bool failed = r->error != 0;
	pthread_mutex_unlock(&r->lock);
	return failed;
}

static int wait_for_turn(struct run *r, uint64_t number)
{
	pthread_mutex_lock(&r->lock);
	while (r->turn != number && !r->error)
		pthread_cond_wait(&r->changed, &r->lock);
	int error = r->error;
	pthread_mutex_unlock(&r->lock);
	return error;
}

static void end_turn(struct run *r, const struct sweep_piece *p)
{
	pthread_mutex_lock(&r->lock);
	r->turn++;
	r->done_sectors += p->n_sectors;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
}

static int work_on(struct run *r, struct sweep_piece *p, uint64_t number)
{
	const struct sweep *s = r->sweep;
	int result = s->each ? s->each(s->context, p) : 0;

	if (!result)
		result = wait_for_turn(r, number);
	if (!result && s->in_order)
		result = s->in_order(s->context, p);
	if (!result)
		end_turn(r, p);
	return result;
}

static void end_thread(struct run *r, int error)
{
	pthread_mutex_lock(&r->lock);
	if (error && !r->error)
		r->error = error;
	r->n_running--;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
}

static void *thread_main(void *argument)
{
	struct run *r = argument;
	_free_ uint8_t *bytes = aligned_alloc(PIECE_ALIGN, (size_t)SWEEP_PIECE_SECTORS * SECTOR_BYTES);
	_free_ uint8_t *bad = malloc(SWEEP_PIECE_SECTORS);
	_free_ void *scratch = malloc(r->sweep->scratch_bytes + 1);
	int more = bytes && bad && scratch ? 1 : -ENOMEM;

	while (more > 0 && !has_failed(r)) {
		struct sweep_piece p = {.scratch = scratch};
		uint64_t number = 0;

		pthread_mutex_lock(&r->token);
		more = take(r, &p, &(struct buffers){bytes, bad}, &number);
		pthread_mutex_unlock(&r->token);
		if (more > 0) {
			int result = work_on(r, &p, number);
			more = result ? result : 1;
		}
	}
	end_thread(r, more < 0 ? more : 0);
	return NULL;
}

static unsigned thread_count(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return (unsigned)min_u64(n < 1 ? 2 : (uint64_t)n + 1, THREADS_MAX);
}

/* How many run; 0: none could be started. */
static unsigned start_threads(struct run *r, pthread_t threads[THREADS_MAX])
{
	unsigned n = 0, most = thread_count();

	pthread_mutex_lock(&r->lock);
	while (n < most && thread_start(&threads[n], thread_main, r) == 0)
		n++;
	r->n_running = n;
	pthread_mutex_unlock(&r->lock);
	return n;
}

static uint64_t all_sectors(const struct sweep *s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s->n_spans; i++)
		n += s->spans[i].sectors;
	return n;
}

/* Tells how far it is, until no thread runs any more. */
static void watch(struct run *r)
{
	const struct burn_progress *progress = r->sweep->progress;
	uint64_t all = all_sectors(r->sweep);
	bool runs;

	do {
		struct timespec until;

		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += POLL_NS;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_mutex_lock(&r->lock);
		while (r->n_running && pthread_cond_timedwait(&r->changed, &r->lock, &until) == 0)
			;
		runs = r->n_running > 0;
		uint64_t done = r->done_sectors;
		pthread_mutex_unlock(&r->lock);
		burn_report(progress, done, all);
		if (burn_is_cancelled(progress)) {
			pthread_mutex_lock(&r->lock);
			r->error = r->error ? r->error : -ECANCELED;
			pthread_cond_broadcast(&r->changed);
			pthread_mutex_unlock(&r->lock);
		}
	} while (runs);
}

int sweep_run(const struct sweep *s, struct sweep_account *ret)
{
	struct run r = {.sweep = s, .reader = {.disc = s->disc, .exact = s->exact}};
	pthread_t threads[THREADS_MAX];

	for (size_t i = 0; i < s->n_spans; i++)
		advise(s->disc, s->spans[i].lba, s->spans[i].sectors, POSIX_FADV_DONTNEED);
	pthread_mutex_init(&r.token, NULL);
	pthread_mutex_init(&r.lock, NULL);
	lock_condition_init(&r.changed);
	unsigned n = start_threads(&r, threads);
	if (n)
		watch(&r);
	else
		r.error = -EAGAIN;
	while (n)
		pthread_join(threads[--n], NULL);
	pthread_cond_destroy(&r.changed);
	pthread_mutex_destroy(&r.lock);
	pthread_mutex_destroy(&r.token);
	*ret = (struct sweep_account){.read_sectors = r.done_sectors,
				      .retries = r.reader.failed,
				      .read_ns = (uint64_t)r.read_ns,
				      .finished = !r.error && r.span == s->n_spans};
	return r.error;
}
