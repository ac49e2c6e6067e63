/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * burn.c - one commit on a medium: write, verify, publish
 *
 * Writing and verifying run in threads that live as long as the call: the caller's fills pieces (from the stream,
 * hence mostly from the stage; or from the disc), a second one hashes them, a third one hands them to the target,
 * each in order and at its own pace: a piece is filled again when both are done with it.  The target is the third
 * thread's until it has been joined, the plan, the manifest's callbacks and the disc are the caller's all the time.
 * The commit record is made and written when everything before it has been hashed. Verifying needs nothing but the
 * disc, so that it is also what recovery asks: the session exists if its commit record says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "burner/session/stream.h"
#include "burner/format/appuse.h"
#include "cdappendfs/burn.h"
#include "burner/format/geometry.h"
#include "burner/base/time.h"
#include "burner/base/sha256.h"
#include "burner/format/commit_record.h"
#include "burner/base/lock.h"
#include "burner/base/own.h"

#define PIECE_SECTORS 512u /* 1 MiB */
#define PIECES 8u
#define TOGETHER 4u /* pieces that are written at once when they are there: a disk likes it */
/* So much is given to a taker at once that it takes a moment: with a slow one it is seen how far it is. */
#define STEP_SECTORS_MIN 32u
#define STEP_SECTORS_MAX (TOGETHER * PIECE_SECTORS)
#define STEP_SHORT_NS 50000000
#define STEP_LONG_NS 250000000
/* of their memory, and of where they lie on the medium when they are whole: for I/O past the page cache */
#define PIECE_ALIGN 4096u
#define ZEROS_SECTORS_MIN 32u	 /* shorter runs of zeros are not worth a piece of their own */
#define ZEROS_SECTORS_MAX 32768u /* longer ones are cut, for progress and cancellation */
#define AHEAD_SECTORS (8 * PIECE_SECTORS)
#define POLL_NS 100000000 /* how often cancelled() is asked while the target is slow */

static bool is_cancelled(const struct burn_progress *progress)
{
	return progress && progress->cancelled && progress->cancelled(progress->context);
}

static void report(const struct burn_progress *progress, uint64_t done, uint64_t all)
{
	if (progress && progress->report)
		progress->report(progress->context, done, all);
}

/* ---- hashing ---- */

/* buf NULL: zeros. */
static int hash_sectors(struct sha256 *hash, const void *buf, uint32_t n_sectors)
{
	static const uint8_t zeros[32 * SECTOR_BYTES];

	if (buf)
		return sha256_add(hash, buf, (size_t)n_sectors * SECTOR_BYTES);
	while (n_sectors > 0) {
		uint32_t n = (uint32_t)min_u64(n_sectors, sizeof(zeros) / SECTOR_BYTES);

		if (sha256_add(hash, zeros, (size_t)n * SECTOR_BYTES) < 0)
			return -ENOMEM;
		n_sectors -= n;
	}
	return 0;
}

/* ---- the pipe: pieces are filled, hashed, written ---- */

struct piece {
	uint8_t *buf;
	uint32_t n_sectors;
	bool zeros;
};

struct pipe;
/* One thread that takes the pieces in order. */
struct taker {
	struct pipe *pipe;
	int (*take)(struct pipe *p, const struct piece *piece);
	pthread_t thread;
	uint32_t step;	  /* sectors at once */
	uint64_t n_taken; /* under the pipe's lock */
};
enum { HASHER, WRITER, N_TAKERS };

struct pipe {
	struct target *target; /* the writer's; NULL: hash only */
	struct sha256 *hash;   /* the hasher's */
	uint32_t lba;	       /* the writer's: where the next piece goes */
	uint8_t *memory;
	struct taker takers[N_TAKERS];
	unsigned n_takers; /* that run */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Under the lock; piece i % PIECES belongs to each taker with n_taken <= i < n_filled, and to the caller when
	 * there is none. */
	struct piece pieces[PIECES];
	uint64_t n_filled;
	uint64_t done_sectors; /* by the last taker */
	bool end;
	int error;
};

static int hash_piece(struct pipe *p, const struct piece *piece)
{
	return hash_sectors(p->hash, piece->zeros ? NULL : piece->buf, piece->n_sectors);
}

static int write_piece(struct pipe *p, const struct piece *piece)
{
	uint32_t accepted, lba = p->lba;

	p->lba += piece->n_sectors;
	return target_write(p->target, lba, piece->zeros ? NULL : piece->buf, piece->n_sectors, &accepted);
}

/* The next piece, for the writer with those that follow it in memory; how many.  The lock is held and there is one. */
static unsigned next_pieces(const struct taker *taker, struct piece *ret)
{
	const struct pipe *p = taker->pipe;
	uint64_t i = taker->n_taken, most = min_u64(p->n_filled - i, PIECES - i % PIECES);
	unsigned n = 1;

	*ret = p->pieces[i % PIECES];
	if (taker != &p->takers[WRITER] || ret->zeros)
		return n;
	for (; n < min_u64(most, TOGETHER) && ret->n_sectors == n * PIECE_SECTORS && !p->pieces[(i + n) % PIECES].zeros;
	     n++)
		ret->n_sectors += p->pieces[(i + n) % PIECES].n_sectors;
	return n;
}

/* A taker that was quick gets more at once, a slow one less. */
static void adapt_step(struct taker *taker, int64_t ns)
{
	if (ns < STEP_SHORT_NS && taker->step < STEP_SECTORS_MAX)
		taker->step *= 2;
	else if (ns > STEP_LONG_NS && taker->step > STEP_SECTORS_MIN)
		taker->step /= 2;
}

/* Not to its end when another taker failed, or the caller gave up.  The lock is held, but not while it is taken. */
static int take_locked(struct taker *taker, struct piece piece)
{
	struct pipe *p = taker->pipe;
	bool last = taker == &p->takers[p->target ? WRITER : HASHER];
	int r = 0;

	while (piece.n_sectors > 0 && !r && !p->error) {
		struct piece part = piece;
		int64_t began = now_ns();

		part.n_sectors = (uint32_t)min_u64(piece.n_sectors, taker->step);
		pthread_mutex_unlock(&p->lock);
		r = taker->take(p, &part);
		adapt_step(taker, now_ns() - began);
		pthread_mutex_lock(&p->lock);
		piece.buf += (size_t)part.n_sectors * SECTOR_BYTES;
		piece.n_sectors -= part.n_sectors;
		p->done_sectors += last ? part.n_sectors : 0;
	}
	return r;
}

static void *taker_main(void *argument)
{
	struct taker *taker = argument;
	struct pipe *p = taker->pipe;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		struct piece piece;
		unsigned n;
		int r;

		while (taker->n_taken == p->n_filled && !p->end && !p->error)
			pthread_cond_wait(&p->changed, &p->lock);
		if (p->error || taker->n_taken == p->n_filled)
			break;
		n = next_pieces(taker, &piece);
		r = take_locked(taker, piece);
		taker->n_taken += n;
		if (r && !p->error)
			p->error = r;
		pthread_cond_broadcast(&p->changed);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* Signals are the caller's. */
static int start_taker(struct pipe *p, unsigned which, int (*take)(struct pipe *p, const struct piece *piece))
{
	struct taker *taker = &p->takers[which];
	sigset_t all, old;
	int r;

	taker->pipe = p;
	taker->take = take;
	taker->step = STEP_SECTORS_MIN;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = -pthread_create(&taker->thread, NULL, taker_main, taker);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	p->n_takers += r == 0;
	return r;
}

/* No piece comes any more: the takers take what is there, or with an error stop at once. */
static int pipe_end(struct pipe *p, int error)
{
	pthread_mutex_lock(&p->lock);
	p->end = true;
	if (error < 0 && !p->error)
		p->error = error;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
	while (p->n_takers)
		pthread_join(p->takers[--p->n_takers].thread, NULL);
	return p->error;
}

static int pipe_start(struct pipe *p, struct target *t, uint32_t start_lba)
{
	int r = sha256_new(&p->hash);

	if (r < 0)
		return r;
	p->memory = aligned_alloc(PIECE_ALIGN, (size_t)PIECES * PIECE_SECTORS * SECTOR_BYTES);
	if (!p->memory)
		return -ENOMEM;
	for (unsigned i = 0; i < PIECES; i++)
		p->pieces[i].buf = p->memory + (size_t)i * PIECE_SECTORS * SECTOR_BYTES;
	p->target = t;
	p->lba = start_lba;
	r = start_taker(p, HASHER, hash_piece);
	if (r == 0 && t)
		r = start_taker(p, WRITER, write_piece);
	return r < 0 ? pipe_end(p, r) : 0;
}

/* Pieces that a taker has still to take.  The lock is held. */
static uint64_t pending_pieces(const struct pipe *p)
{
	uint64_t pending = p->n_filled - p->takers[HASHER].n_taken;

	return p->target ? max_u64(pending, p->n_filled - p->takers[WRITER].n_taken) : pending;
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
static int pipe_wait(struct pipe *p, uint64_t most, uint64_t all_sectors, const struct burn_progress *progress)
{
	bool waits;
	int r;

	pthread_mutex_lock(&p->lock);
	do {
		if (!p->error && pending_pieces(p) > most)
			wait_locked(p);
		uint64_t done = p->done_sectors;
		pthread_mutex_unlock(&p->lock);
		report(progress, done, all_sectors);
		bool cancelled = is_cancelled(progress);
		pthread_mutex_lock(&p->lock);
		if (!p->error && cancelled)
			p->error = -ECANCELED;
		waits = !p->error && pending_pieces(p) > most;
	} while (waits);
	r = p->error;
	pthread_mutex_unlock(&p->lock);
	return r;
}

/* fill: sets n_sectors (0 at the end), and zeros or fills buf. */
static int pipe_run(struct pipe *p, int (*fill)(void *context, struct piece *piece), void *context,
		    uint64_t all_sectors, const struct burn_progress *progress)
{
	int r = 0;

	for (;;) {
		struct piece *piece = &p->pieces[p->n_filled % PIECES];

		r = pipe_wait(p, PIECES - 1, all_sectors, progress);
		if (r == 0)
			r = fill(context, piece);
		if (r < 0 || piece->n_sectors == 0)
			break;
		pthread_mutex_lock(&p->lock);
		p->n_filled++;
		pthread_cond_broadcast(&p->changed);
		pthread_mutex_unlock(&p->lock);
	}
	if (r == 0)
		r = pipe_wait(p, 0, all_sectors, progress);
	return pipe_end(p, r);
}

static void pipe_init(struct pipe *p)
{

	memset(p, 0, sizeof(*p));
	pthread_mutex_init(&p->lock, NULL);
	lock_condition_init(&p->changed);
}

static void pipe_release(struct pipe *p)
{
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
	sha256_free(p->hash);
	free(p->memory);
}

/* ---- write ---- */

static int fill_from_stream(void *context, struct piece *piece)
{
	struct session_stream *stream = context;
	uint32_t zeros = session_stream_zeros(stream);

	piece->zeros = zeros >= ZEROS_SECTORS_MIN;
	/* Behind zeros of any length the pieces begin at whole ones again. */
	piece->n_sectors =
		(uint32_t)(piece->zeros ? min_u64(zeros, ZEROS_SECTORS_MAX) :
					  min_u64(session_stream_left(stream),
						  PIECE_SECTORS - session_stream_at(stream) % PIECE_SECTORS));
	if (piece->zeros)
		return session_stream_skip(stream, piece->n_sectors);
	return piece->n_sectors ? session_stream_read(stream, piece->buf, piece->n_sectors) : 0;
}

int burn_rehearse(const struct burn_plan *p)
{
	_cleanup_(session_stream_freep) struct session_stream *stream = NULL;
	_free_ uint8_t *buf = malloc((size_t)PIECE_SECTORS * SECTOR_BYTES);
	struct piece piece = {.buf = buf};
	int r = buf ? session_stream_new(p, &stream) : -ENOMEM;

	while (r == 0) {
		r = fill_from_stream(stream, &piece);
		if (piece.n_sectors == 0)
			break;
	}
	return r;
}

/* All but the commit record; ret_sha256 is of it. */
static int write_body(struct burn_plan *plan, struct target *t, const struct burn_progress *progress,
		      uint8_t ret_sha256[32])
{
	_cleanup_(session_stream_freep) struct session_stream *stream = NULL;
	_cleanup_(pipe_release) struct pipe pipe;
	int r;

	pipe_init(&pipe);
	r = session_stream_new(plan, &stream);
	if (r == 0)
		r = pipe_start(&pipe, t, session_start(plan));
	if (r == 0)
		r = pipe_run(&pipe, fill_from_stream, stream, session_length(plan), progress);
	return r < 0 ? r : sha256_end(pipe.hash, ret_sha256);
}

static int write_session(struct burn_plan *plan, struct target *t, const struct burn_progress *progress)
{
	uint8_t sha256[32], record[SECTOR_BYTES];
	uint32_t accepted;
	int r = target_reserve(t, session_start(plan), session_length(plan));

	if (r == 0)
		r = write_body(plan, t, progress, sha256);
	if (r == 0)
		r = session_commit_record(plan, sha256, record);
	if (r == 0)
		r = target_write(t, session_start(plan) + session_length(plan) - 1, record, 1, &accepted);
	return r < 0 ? r : target_sync(t);
}

int burn_write(struct burn_plan *p, struct target *t, const struct burn_progress *progress)
{
	int r;

	report(progress, 0, session_length(p));
	r = write_session(p, t, progress);
	if (r < 0)
		target_abort(t); /* the first error is the one that matters */
	else
		report(progress, session_length(p), session_length(p));
	return r;
}

/* ---- verify ---- */

/* Length and number of the session by its descriptor, checked against its commit record. */
static int read_commit(struct disc *d, uint32_t start_lba, const uint8_t uuid[16], struct commit_record *ret)
{
	uint8_t sector[SECTOR_BYTES];
	struct commit_record commit;
	struct appuse a;
	int r = start_lba > UINT32_MAX - SESSION_SAVED_DESCRIPTORS ?
			-EBADMSG :
			disc_read(d, start_lba + SESSION_DESCRIPTORS, sector, 1);

	if (r < 0)
		return r;
	if (appuse_decode(sector, &a) < 0 || a.start_lba != start_lba || memcmp(a.uuid, uuid, sizeof(a.uuid)) != 0 ||
	    a.sectors <= SESSION_DESCRIPTORS + 1 || a.sectors > UINT32_MAX - start_lba)
		return -EBADMSG;
	r = disc_read(d, start_lba + a.sectors - 1, sector, 1);
	if (r < 0)
		return r;
	if (commit_record_decode(sector, &commit) < 0 || memcmp(commit.uuid, uuid, sizeof(commit.uuid)) != 0 ||
	    commit.start_lba != start_lba || commit.sectors != a.sectors || commit.number != a.number)
		return -EBADMSG;
	*ret = commit;
	return 0;
}

int burn_session_begins(struct disc *d, uint32_t start_lba, const uint8_t uuid[16])
{
	uint8_t sector[SECTOR_BYTES];
	struct appuse a;
	int r = start_lba > UINT32_MAX - 32 ? -ESTALE : disc_read(d, start_lba + 16, sector, 1);

	if (r)
		return r;
	return appuse_decode(sector, &a) == 0 && a.start_lba == start_lba && memcmp(a.uuid, uuid, sizeof(a.uuid)) == 0 ?
		       0 :
		       -ESTALE;
}

/* POSIX_FADV_DONTNEED, for what is not read past it: what is in the page cache is no proof of what is on the disk. */
static void advise(struct disc *d, uint32_t lba, uint32_t n_sectors, int advice)
{
	int fd = disc_fd(d);

	if (fd >= 0)
		posix_fadvise(fd, (off_t)lba * SECTOR_BYTES, (off_t)n_sectors * SECTOR_BYTES, advice);
}

struct range {
	struct disc *disc;
	uint32_t lba, left, ahead; /* sectors; ahead: of lba, that the kernel was told to read */
	bool cached;		   /* it cannot be read past the page cache */
};

static int read_cached(struct range *r, void *buf, uint32_t n_sectors)
{
	if (r->ahead < n_sectors + AHEAD_SECTORS / 2 && r->ahead < r->left) {
		uint32_t n = (uint32_t)min_u64(r->left - r->ahead, AHEAD_SECTORS);

		advise(r->disc, r->lba + r->ahead, n, POSIX_FADV_WILLNEED);
		r->ahead += n;
	}
	r->ahead -= n_sectors;
	return disc_read(r->disc, r->lba, buf, n_sectors);
}

static int fill_from_disc(void *context, struct piece *piece)
{
	struct range *r = context;
	uint32_t n = (uint32_t)min_u64(r->left, PIECE_SECTORS);
	int result = n && !r->cached ? disc_read_medium(r->disc, r->lba, piece->buf, n) : 0;

	if (result == -EOPNOTSUPP) {
		r->cached = true;
		result = 0;
	}
	if (n && result == 0 && r->cached)
		result = read_cached(r, piece->buf, n);
	piece->n_sectors = n;
	r->lba += n;
	r->left -= n;
	return result;
}

/* All sectors of the session but the commit record. */
static int hash_session(struct disc *d, const struct commit_record *commit, const struct burn_progress *progress,
			uint8_t ret_sha256[32])
{
	struct range range = {.disc = d, .lba = commit->start_lba, .left = commit->sectors - 1};
	_cleanup_(pipe_release) struct pipe pipe;
	int r;

	pipe_init(&pipe);
	r = pipe_start(&pipe, NULL, commit->start_lba);
	if (r == 0)
		r = pipe_run(&pipe, fill_from_disc, &range, commit->sectors, progress);
	return r < 0 ? r : sha256_end(pipe.hash, ret_sha256);
}

int burn_verify(struct disc *d, uint32_t start_lba, const uint8_t uuid[16], const struct burn_progress *progress)
{
	struct commit_record commit;
	uint8_t sha256[32];
	int r = read_commit(d, start_lba, uuid, &commit);

	if (r < 0)
		return r;
	advise(d, start_lba, commit.sectors, POSIX_FADV_DONTNEED);
	r = read_commit(d, start_lba, uuid, &commit);
	if (r == 0)
		r = hash_session(d, &commit, progress, sha256);
	if (r == 0 && memcmp(sha256, commit.sha256, sizeof(sha256)) != 0)
		r = -EBADMSG;
	if (r == 0)
		report(progress, commit.sectors, commit.sectors);
	return r;
}

int burn_session_is_complete(struct disc *d, uint32_t start_lba, const uint8_t uuid[16])
{
	int r = burn_verify(d, start_lba, uuid, NULL);

	return r == 0 ? 1 : r == -EBADMSG || r == -EIO ? 0 : r;
}

/* ---- publish ---- */

/* Did the disc begin at LBA 32, with nothing below but a head? */
static int descriptors_are_free(struct disc *d, bool *ret)
{
	_free_ struct disc_session *sessions = NULL;
	size_t n = 0;
	int r = disc_sessions(d, &sessions, &n);

	if (r == 0)
		*ret = n == 0 || sessions[0].start_lba == FIRST_SESSION_LBA;
	return r;
}

int burn_publish(struct disc *d, struct target *t, uint32_t start_lba)
{
	uint8_t descriptors[DESCRIPTORS_SECTORS * SECTOR_BYTES], published[DESCRIPTORS_SECTORS * SECTOR_BYTES];
	struct disc_state state;
	bool is_free = true;
	int r = disc_state(d, &state);

	if (r < 0 || !state.overwritable)
		return r;
	r = disc_read(d, start_lba + SESSION_DESCRIPTORS, descriptors, DESCRIPTORS_SECTORS);
	if (r == 0)
		r = session_published_descriptors(descriptors, start_lba, published);
	if (r == 0)
		r = descriptors_are_free(d, &is_free);
	if (r == 0 && !is_free) {
		r = disc_read(d, DESCRIPTORS_LBA, descriptors, DESCRIPTORS_SECTORS);
		if (r == 0)
			session_merge_published(descriptors, published);
	}
	return r < 0 ? r : target_publish(t, published);
}
