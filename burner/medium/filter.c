/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * filter.c - decorators over disc and target: faults to order, and the speed of a slow drive
 *
 * A decorator is a disc or target whose `inner` is the next one; it owns it.  A decorator of a target has
 * publish_sector only when the inner one has, so that target_publish() orders the writes of the head in one place,
 * above all decorators. A disc with faults has no file descriptor: splice would go around it.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "burner/medium/internal.h"
#include "burner/base/own.h"

#define FAULTS_MAX 16u
#define SLICE_NS 20000000 /* the longest sleep in one go, and about the longest write */

#define SLICE_SECTORS_MAX 65536u

enum what {
	FAULT_READ,
	FAULT_DELAY,
	FAULT_WRITE,
	FAULT_SYNC,
	FAULT_PUBLISH,
	FAULT_RESERVE,
	FAULT_KILL,
	FAULT_KILL_SYNC,
	FAULT_KILL_PUBLISH
};
#define DISC_FAULTS (1u << FAULT_READ | 1u << FAULT_DELAY)

struct fault {
	enum what what;
	uint64_t at; /* sector, milliseconds, or number of the write */
	int error;   /* -errno */
};
struct faults {
	struct fault faults[FAULTS_MAX];
	size_t n;
};

/* ---- the specification ---- */

static const struct {
	const char *name;
	enum what what;
	bool has_at, has_error;
} words[] = {
	{"read@", FAULT_READ, true, true},
	{"delay=", FAULT_DELAY, true, false},
	{"write@", FAULT_WRITE, true, true},
	{"sync=", FAULT_SYNC, false, true},
	{"publish=", FAULT_PUBLISH, false, true},
	{"reserve=", FAULT_RESERVE, false, true},
	{"kill-before-sync", FAULT_KILL_SYNC, false, false},
	{"kill-publish@", FAULT_KILL_PUBLISH, true, false},
	{"kill@", FAULT_KILL, true, false},
};
static const struct {
	const char *name;
	int error;
} errors[] = {
	{"EIO", -EIO},
	{"ENOSPC", -ENOSPC},
	{"ENOMEDIUM", -ENOMEDIUM},
	{"EROFS", -EROFS},
	{"EBUSY", -EBUSY},
	{"EAGAIN", -EAGAIN},
	{"ENOMEM", -ENOMEM},
	{"EBADMSG", -EBADMSG},
	{"ECANCELED", -ECANCELED},
	{"EFBIG", -EFBIG},
	{"ENXIO", -ENXIO},
	{"EDQUOT", -EDQUOT},
	{"ETIMEDOUT", -ETIMEDOUT},
};

static bool parse_error(const char *text, int *ret)
{
	for (size_t i = 0; i < ARRAY_LENGTH(errors); i++)
		if (!strcmp(text, errors[i].name)) {
			*ret = errors[i].error;
			return true;
		}
	return false;
}

static bool parse_fault(const char *text, struct fault *ret)
{
	for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
		const char *p = text + strlen(words[i].name);
		char *end;

		if (strncmp(text, words[i].name, strlen(words[i].name)) != 0)
			continue;
		ret->what = words[i].what;
		if (words[i].has_at) {
			if (*p < '0' || *p > '9')
				return false;
			ret->at = strtoull(p, &end, 10);
			p = end;
		}
		if (words[i].has_error && words[i].has_at && *p++ != '=')
			return false;
		return words[i].has_error ? parse_error(p, &ret->error) : *p == 0;
	}
	return false;
}

static int parse_faults(const char *spec, uint32_t allowed, struct faults *ret)
{
	_free_ char *copy = strdup(spec);
	char *rest = copy;

	if (!copy)
		return -ENOMEM;
	for (char *word = strsep(&rest, ","); word; word = strsep(&rest, ",")) {
		if (ret->n == FAULTS_MAX || !parse_fault(word, &ret->faults[ret->n]) ||
		    !(allowed & 1u << ret->faults[ret->n].what))
			return -EINVAL;
		ret->n++;
	}
	return 0;
}

/* The first fault of that kind with at in [low, low + n), or NULL. */
static const struct fault *find_fault(const struct faults *f, enum what what, uint64_t low, uint64_t n)
{
	const struct fault *found = NULL;

	for (size_t i = 0; i < f->n; i++)
		if (f->faults[i].what == what && f->faults[i].at >= low && f->faults[i].at - low < n &&
		    (!found || f->faults[i].at < found->at))
			found = &f->faults[i];
	return found;
}

static int error_of(const struct faults *f, enum what what)
{
	const struct fault *fault = find_fault(f, what, 0, UINT64_MAX);

	return fault ? fault->error : 0;
}

static void sleep_until(const struct timespec *due)
{
	struct timespec now;

	for (;;) {
		int64_t left;
		struct timespec slice = {0};

		clock_gettime(CLOCK_MONOTONIC, &now);
		left = (int64_t)(due->tv_sec - now.tv_sec) * 1000000000 + (due->tv_nsec - now.tv_nsec);
		if (left <= 0)
			return;
		slice.tv_nsec = left < SLICE_NS ? (long)left : SLICE_NS;
		nanosleep(&slice, NULL);
	}
}

static void add_ns(struct timespec *t, uint64_t ns)
{
	t->tv_sec += (time_t)(ns / 1000000000);
	t->tv_nsec += (long)(ns % 1000000000);
	if (t->tv_nsec >= 1000000000) {
		t->tv_sec++;
		t->tv_nsec -= 1000000000;
	}
}

/* ---- a disc with faults ---- */

struct faulty_disc {
	struct disc disc;
	struct faults faults;
};

/* What is to happen at a read: 0, or its error. */
static int before_read(struct disc *d, uint32_t lba, uint32_t n_sectors)
{
	const struct faults *f = &((struct faulty_disc *)(void *)d)->faults;
	const struct fault *delay = find_fault(f, FAULT_DELAY, 0, UINT64_MAX),
			   *bad = find_fault(f, FAULT_READ, lba, n_sectors);
	struct timespec due;

	if (delay) {
		clock_gettime(CLOCK_MONOTONIC, &due);
		add_ns(&due, min_u64(delay->at, 3600000) * 1000000);
		sleep_until(&due);
	}
	return bad ? bad->error : 0;
}

static int faulty_read(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors)
{
	int r = before_read(d, lba, n_sectors);

	return r ? r : disc_read(d->inner, lba, buf, n_sectors);
}

static int faulty_read_medium(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors)
{
	int r = before_read(d, lba, n_sectors);

	return r ? r : disc_read_medium(d->inner, lba, buf, n_sectors);
}

static int pass_state(struct disc *d, struct disc_state *ret) { return disc_state(d->inner, ret); }
static int pass_sessions(struct disc *d, struct disc_session **ret, size_t *ret_n)
{
	return disc_sessions(d->inner, ret, ret_n);
}
static int pass_identity(struct disc *d, struct disc_identity *ret) { return disc_identity(d->inner, ret); }
static int pass_fingerprint(struct disc *d, struct disc_fingerprint *ret) { return disc_fingerprint(d->inner, ret); }
static int pass_refresh(struct disc *d) { return disc_refresh(d->inner); }
static void faulty_close(struct disc *d)
{
	disc_close(d->inner);
	free(d);
}

static const struct disc_ops faulty_disc_ops = {
	.read = faulty_read,
	.read_medium = faulty_read_medium,
	.state = pass_state,
	.sessions = pass_sessions,
	.identity = pass_identity,
	.fingerprint = pass_fingerprint,
	.refresh = pass_refresh,
	.close = faulty_close,
};

struct disc *disc_wrap_faults(struct disc *inner, const char *spec)
{
	struct faulty_disc *d = calloc(1, sizeof(*d));
	int r = d ? parse_faults(spec, DISC_FAULTS, &d->faults) : -ENOMEM;

	if (r < 0) {
		free(d);
		disc_close(inner);
		errno = -r;
		return NULL;
	}
	d->disc.ops = &faulty_disc_ops;
	d->disc.inner = inner;
	return &d->disc;
}

/* ---- what decorators of a target have in common ---- */

static int pass_reserve(struct target *t, uint32_t start_lba, uint64_t sectors)
{
	return target_reserve(t->inner, start_lba, sectors);
}
static int pass_sync(struct target *t) { return target_sync(t->inner); }
static int pass_publish_sector(struct target *t, uint32_t lba, const uint8_t sector[SECTOR_BYTES])
{
	return t->inner->ops->publish_sector(t->inner, lba, sector);
}
static int pass_publish(struct target *t, const uint8_t published[DESCRIPTORS_SECTORS * SECTOR_BYTES])
{
	return target_publish(t->inner, published);
}
static int pass_abort(struct target *t) { return target_abort(t->inner); }
static const char *pass_words(struct target *t) { return target_sense_text(t->inner); }
static void wrapper_free(struct target *t)
{
	target_free(t->inner);
	free(t);
}

/* ---- a target with faults ---- */

struct faulty_target {
	struct target target;
	struct faults faults;
	uint32_t start_lba;
	uint64_t n_published;
};

static struct faulty_target *to_faulty(struct target *t)
{
	return (struct faulty_target *)(void *)t; /* its first member */
}

static int faulty_reserve(struct target *t, uint32_t start_lba, uint64_t sectors)
{
	int r = error_of(&to_faulty(t)->faults, FAULT_RESERVE);

	to_faulty(t)->start_lba = start_lba;
	return r ? r : target_reserve(t->inner, start_lba, sectors);
}

/* What lies before the bad sector is written. */
static int faulty_write(struct target *t, uint32_t lba, const void *buf, uint32_t n_sectors, uint32_t *ret_accepted)
{
	const struct faulty_target *f = to_faulty(t);
	uint64_t at = lba - f->start_lba;
	const struct fault *bad = find_fault(&f->faults, FAULT_WRITE, at, n_sectors),
			   *fatal = find_fault(&f->faults, FAULT_KILL, at, n_sectors);
	int r = 0;

	*ret_accepted = 0;
	if (fatal && (!bad || fatal->at <= bad->at))
		bad = fatal;
	if (!bad)
		return target_write(t->inner, lba, buf, n_sectors, ret_accepted);
	if (bad->at > at)
		r = target_write(t->inner, lba, buf, (uint32_t)(bad->at - at), ret_accepted);
	if (!r && bad == fatal)
		raise(SIGKILL);
	return r ? r : bad->error;
}

static int faulty_sync(struct target *t)
{
	const struct faulty_target *f = to_faulty(t);
	int r = error_of(&f->faults, FAULT_SYNC);

	if (find_fault(&f->faults, FAULT_KILL_SYNC, 0, UINT64_MAX) ||
	    (f->n_published == DESCRIPTORS_SECTORS &&
	     find_fault(&f->faults, FAULT_KILL_PUBLISH, DESCRIPTORS_SECTORS, 1)))
		raise(SIGKILL);
	return r ? r : target_sync(t->inner);
}

static int faulty_publish_sector(struct target *t, uint32_t lba, const uint8_t sector[SECTOR_BYTES])
{
	struct faulty_target *f = to_faulty(t);
	int r = error_of(&f->faults, FAULT_PUBLISH);

	f->n_published = FIRST_SESSION_LBA - 1 - lba;
	if (find_fault(&f->faults, FAULT_KILL_PUBLISH, f->n_published, 1))
		raise(SIGKILL);
	f->n_published++;
	return r ? r : pass_publish_sector(t, lba, sector);
}

static int faulty_publish(struct target *t, const uint8_t published[DESCRIPTORS_SECTORS * SECTOR_BYTES])
{
	int r = error_of(&to_faulty(t)->faults, FAULT_PUBLISH);

	if (find_fault(&to_faulty(t)->faults, FAULT_KILL_PUBLISH, 0, UINT64_MAX))
		raise(SIGKILL);
	return r ? r : target_publish(t->inner, published);
}

static const struct target_ops faulty_ops = {
	.reserve = faulty_reserve,
	.write = faulty_write,
	.sync = faulty_sync,
	.publish = faulty_publish,
	.abort = pass_abort,
	.words = pass_words,
	.free = wrapper_free,
};
static const struct target_ops faulty_ops_by_sector = {
	.reserve = faulty_reserve,
	.write = faulty_write,
	.sync = faulty_sync,
	.publish_sector = faulty_publish_sector,
	.abort = pass_abort,
	.words = pass_words,
	.free = wrapper_free,
};

struct target *target_wrap_faults(struct target *inner, const char *spec)
{
	struct faulty_target *t = calloc(1, sizeof(*t));
	int r = t ? parse_faults(spec, ~DISC_FAULTS, &t->faults) : -ENOMEM;

	if (r < 0) {
		free(t);
		target_free(inner);
		errno = -r;
		return NULL;
	}
	t->target.ops = inner->ops->publish_sector ? &faulty_ops_by_sector : &faulty_ops;
	t->target.inner = inner;
	return &t->target;
}

/* ---- a slow target ---- */

struct slow_target {
	struct target target;
	uint64_t bytes_per_second;
	struct timespec due; /* when the next write may start; time lost elsewhere is not caught up */
};

/* In slices, so that a write of a slow drive does not take seconds. */
static int slow_write(struct target *target, uint32_t lba, const void *buf, uint32_t n_sectors, uint32_t *ret_accepted)
{
	struct slow_target *t = (struct slow_target *)(void *)target;
	uint32_t slice = (uint32_t)min_u64(t->bytes_per_second / (1000000000 / SLICE_NS) / SECTOR_BYTES + 1,
					   SLICE_SECTORS_MAX),
		 accepted;
	struct timespec now;
	int r = 0;

	*ret_accepted = 0;
	for (uint32_t done = 0; done < n_sectors && !r; done += slice) {
		uint32_t n = (uint32_t)min_u64(slice, n_sectors - done);

		clock_gettime(CLOCK_MONOTONIC, &now);
		if (t->due.tv_sec < now.tv_sec || (t->due.tv_sec == now.tv_sec && t->due.tv_nsec < now.tv_nsec))
			t->due = now;
		accepted = 0;
		r = target_write(target->inner, lba + done,
				 buf ? (const uint8_t *)buf + (size_t)done * SECTOR_BYTES : NULL, n, &accepted);
		*ret_accepted += accepted;
		add_ns(&t->due, (uint64_t)n * SECTOR_BYTES * 1000000000 / t->bytes_per_second);
		sleep_until(&t->due);
	}
	return r;
}

static const struct target_ops slow_ops = {
	.reserve = pass_reserve,
	.write = slow_write,
	.sync = pass_sync,
	.publish = pass_publish,
	.abort = pass_abort,
	.words = pass_words,
	.free = wrapper_free,
};
static const struct target_ops slow_ops_by_sector = {
	.reserve = pass_reserve,
	.write = slow_write,
	.sync = pass_sync,
	.publish_sector = pass_publish_sector,
	.abort = pass_abort,
	.words = pass_words,
	.free = wrapper_free,
};

struct target *target_wrap_throttle(struct target *inner, uint64_t bytes_per_second)
{
	struct slow_target *t = calloc(1, sizeof(*t));

	if (!t) {
		target_free(inner);
		errno = ENOMEM;
		return NULL;
	}
	t->target.ops = inner->ops->publish_sector ? &slow_ops_by_sector : &slow_ops;
	t->target.inner = inner;
	t->bytes_per_second = bytes_per_second ? bytes_per_second : UINT64_MAX / 2;
	return &t->target;
}
