/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * manifest.c - the SHA-256 of each file of a session, for others to compare
 *
 * The tree is read by the caller's thread, which hands the files out in its order; threads read and hash them, several
 * at once where the disc is a file; the caller gets them in the order of the tree.  A window bounds what is in memory.
 */
#include "fs/check/manifest.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "burner/base/lock.h"
#include "burner/base/thread.h"
#include "fs/check/internal.h"

#define WINDOW 64u /* files that are under way */
#define THREADS_MAX 16u
#define BUFFER_BYTES (1u << 20)

enum job_state { JOB_FREE, JOB_WAITS, JOB_TAKEN, JOB_DONE };
struct job {
	enum job_state state;
	char *path;
	struct iso_entry entry; /* with extents of its own */
	uint8_t sha256[SHA256_BYTES];
	int error;
};

struct making {
	struct iso *iso;
	const struct check_manifest *asked;
	pthread_mutex_t lock; /* guards: */
	pthread_cond_t changed;
	struct job jobs[WINDOW]; /* file i is in i % WINDOW; of a job that is taken the rest is its thread's */
	uint64_t n_given, n_taken, n_told;
	bool end;
};

/* ---- one file ---- */

static void *thread_main(void *argument)
{
	struct making *m = argument;
	_free_ uint8_t *buf = malloc(BUFFER_BYTES);

	pthread_mutex_lock(&m->lock);
	for (;;) {
		while (m->n_taken == m->n_given && !m->end)
			pthread_cond_wait(&m->changed, &m->lock);
		if (m->n_taken == m->n_given)
			break;
		struct job *job = &m->jobs[m->n_taken++ % WINDOW];
		job->state = JOB_TAKEN;
		pthread_mutex_unlock(&m->lock);
		job->error = buf ? iso_sha256(iso_disc(m->iso), &job->entry, buf, BUFFER_BYTES, job->sha256) : -ENOMEM;
		pthread_mutex_lock(&m->lock);
		job->state = JOB_DONE;
		pthread_cond_broadcast(&m->changed);
	}
	pthread_mutex_unlock(&m->lock);
	return NULL;
}

/* ---- all of them ---- */

static void job_clear(struct job *job)
{
	free(job->path);
	iso_entry_release(&job->entry);
	*job = (struct job){.state = JOB_FREE};
}

/* Tells of the oldest one when it is done; it is waited for.  The lock is held, but not while it is told. */
static int tell_oldest_locked(struct making *m)
{
	struct job *job = &m->jobs[m->n_told % WINDOW];
	int r;

	while (job->state != JOB_DONE)
		pthread_cond_wait(&m->changed, &m->lock);
	pthread_mutex_unlock(&m->lock);
	if (job->error && !reader_is_of_blocks(job->error))
		r = job->error;
	else
		r = m->asked->file(m->asked->context, job->path, job->error ? NULL : job->sha256, job->error);
	job_clear(job);
	pthread_mutex_lock(&m->lock);
	m->n_told++;
	return r;
}

static int found(void *context, const char *path, const struct iso_entry *e)
{
	struct making *m = context;
	struct job *job;
	int r = 0;

	if (!S_ISREG(e->mode))
		return 0;
	pthread_mutex_lock(&m->lock);
	while (!r && m->n_given - m->n_told == WINDOW)
		r = tell_oldest_locked(m);
	job = &m->jobs[m->n_given % WINDOW];
	if (!r) {
		job->path = strdup(path);
		job->entry = (struct iso_entry){.size = e->size, .zisofs = e->zisofs, .n_extents = e->n_extents};
		job->entry.extents = calloc(e->n_extents + 1, sizeof(*e->extents));
		r = job->path && job->entry.extents ? 0 : -ENOMEM;
	}
	if (!r) {
		memcpy(job->entry.extents, e->extents, e->n_extents * sizeof(*e->extents));
		job->state = JOB_WAITS;
		m->n_given++;
		pthread_cond_broadcast(&m->changed);
	}
	pthread_mutex_unlock(&m->lock);
	return r;
}

static int lost(void *context, const char *path, struct iso_extent at, int error)
{
	struct making *m = context;

	(void)at;
	return m->asked->lost(m->asked->context, path, error);
}

/* In a drive each further thread would be seeks. */
static unsigned start_threads(struct making *m, pthread_t threads[THREADS_MAX])
{
	long n_processors = disc_fd(iso_disc(m->iso)) < 0 ? 1 : sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = 0, most = (unsigned)min_u64(n_processors < 1 ? 1 : (uint64_t)n_processors, THREADS_MAX);

	while (n < most && thread_start(&threads[n], thread_main, m) == 0)
		n++;
	return n;
}

static int make(struct making *m)
{
	char where[ISO_WHERE_BYTES];
	pthread_t threads[THREADS_MAX];
	unsigned n = start_threads(m, threads);
	int r = n ? iso_walk(m->iso, &(struct iso_walk){.found = found, .lost = lost, .context = m}, where) : -EAGAIN;

	pthread_mutex_lock(&m->lock);
	while (!r && m->n_told < m->n_given)
		r = tell_oldest_locked(m);
	m->n_taken = r ? m->n_given : m->n_taken; /* nobody asks for the others any more */
	m->end = true;
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
	while (n)
		pthread_join(threads[--n], NULL);
	for (size_t i = 0; i < WINDOW; i++)
		job_clear(&m->jobs[i]);
	return r;
}

int check_manifest(struct disc *disc, uint32_t session, const struct check_manifest *asked)
{
	_cleanup_(iso_unrefp) struct iso *iso = NULL;
	_free_ struct disc_session *sessions = NULL;
	struct making m = {.asked = asked};
	size_t n = 0;
	int r = disc_sessions(disc, &sessions, &n);

	while (!r && n > 0 && (session ? sessions[n - 1].number != session : sessions[n - 1].broken))
		n--;
	if (!r && !n)
		r = -ENOENT;
	if (!r)
		r = iso_open(disc, sessions[n - 1].descriptor_lba, &iso);
	if (r)
		return r;
	m.iso = iso;
	pthread_mutex_init(&m.lock, NULL);
	lock_condition_init(&m.changed);
	r = make(&m);
	pthread_cond_destroy(&m.changed);
	pthread_mutex_destroy(&m.lock);
	return r;
}
