/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bodies: the data of staged files.
 *
 * A body is a file bodies/NNNNNNNN.  Small files share segments: positions in a segment are given out once and never
 * again, so reading what was not written yields zeros and giving space back is punching a hole.  A segment belongs to
 * one generation and to one run of the daemon: after a crash nobody has to know how far the last one was filled.  A
 * large file has a sparse body of its own.  Numbers come from a counter in the journal and are never used twice.
 *
 * Reading and writing take bodies.lock only to find the body and its descriptor.  Descriptors not in use are kept, at
 * most IDLE_LIMIT of all that are open.  Order against the journal: a body is marked dirty after the write, before
 * the row that names the data can be put; a commit collects the dirty ones in the same hold of the mutex.
 *
 * A reserve on the host's file system (stage_host_space) is left to the journal, so that what was accepted can always
 * be committed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/bytes.h"
#include "burner/base/io.h"
#include "burner/base/own.h"
#include "fs/stage/internal.h"
#include "fs/stage/vfs.h"

#define SEGMENT_BYTES (64u << 20)
#define IDLE_LIMIT 64u
#define BUDGET_LIMIT_BYTES (16u << 20)
#define EARLY_BYTES (32u << 20)
#define ALLOC_LIMIT_BYTES (1ull << 40)

void stage_body_name(uint32_t number, char ret[16]) { snprintf(ret, 16, "%08x", number); }

static struct body *body_of(uint64_t value) { return (struct body *)(uintptr_t)value; }

static struct body *find_locked(struct bodies *b, uint32_t number)
{
	lock_assert(&b->lock);
	uint64_t value;

	return idmap_get(&b->table, number, &value) ? body_of(value) : NULL;
}

struct body *stage_body_find(struct stage *s, uint32_t number)
{
	struct body *found;

	lock_take(&s->bodies.lock);
	found = find_locked(&s->bodies, number);
	lock_give(&s->bodies.lock);
	return found;
}

/* ---- descriptors ---- */

static void idle_remove_locked(struct bodies *t, struct body *b)
{
	lock_assert(&t->lock);
	*(b->newer ? &b->newer->older : &t->newest) = b->older;
	*(b->older ? &b->older->newer : &t->oldest) = b->newer;
	b->newer = b->older = NULL;
}

static void idle_add_locked(struct bodies *t, struct body *b)
{
	lock_assert(&t->lock);
	b->newer = NULL;
	b->older = t->newest;
	*(t->newest ? &t->newest->newer : &t->oldest) = b;
	t->newest = b;
}

static void close_locked(struct bodies *t, struct body *b)
{
	lock_assert(&t->lock);
	if (b->fd >= 0) {
		close_fd(&b->fd);
		t->n_open--;
	}
}

static int open_locked(struct stage *s, struct body *b)
{
	lock_assert(&s->bodies.lock);
	struct bodies *t = &s->bodies;
	struct stat st;
	char name[16];

	while (t->n_open >= IDLE_LIMIT && t->oldest) {
		struct body *old = t->oldest;

		idle_remove_locked(t, old);
		close_locked(t, old);
	}
	stage_body_name(b->number, name);
	b->fd = openat(s->bodies_fd, name, (s->read_only ? O_RDONLY : O_RDWR) | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (b->fd < 0)
		return errno == ENOENT ? -EIO : -errno;
	if (fstat(b->fd, &st) || vfs_why_not_ours(&st)) { /* put there by somebody else */
		close_fd(&b->fd);
		return -EIO;
	}
	t->n_open++;
	return 0;
}

static int ref_locked(struct stage *s, struct body *b)
{
	lock_assert(&s->bodies.lock);
	if (b->fd < 0) {
		int r = open_locked(s, b);

		if (r)
			return r;
	} else if (!b->refs) {
		idle_remove_locked(&s->bodies, b);
	}
	b->refs++;
	return 0;
}

int stage_body_acquire(struct stage *s, uint32_t number, struct body **ret)
{
	struct body *b;
	int r = -EIO;

	lock_take(&s->bodies.lock);
	b = find_locked(&s->bodies, number);
	if (b)
		r = ref_locked(s, b);
	if (!r)
		*ret = b;
	lock_give(&s->bodies.lock);
	return r;
}

static void unref_locked(struct bodies *t, struct body *b)
{
	lock_assert(&t->lock);
	if (--b->refs)
		return;
	if (b->doomed) {
		close_locked(t, b);
		free(b);
	} else {
		idle_add_locked(t, b);
	}
}

static void mark_dirty_locked(struct bodies *t, struct body *b)
{
	lock_assert(&t->lock);
	if (!b->dirty && !b->doomed)
		t->n_dirty++;
	b->dirty = true;
}

void stage_body_release(struct stage *s, struct body *b, bool wrote)
{
	lock_take(&s->bodies.lock);
	if (wrote)
		mark_dirty_locked(&s->bodies, b);
	unref_locked(&s->bodies, b);
	lock_give(&s->bodies.lock);
}

/* ---- the table ---- */

static struct body *table_add_locked(struct bodies *t, uint32_t number, bool sparse, uint32_t generation)
{
	lock_assert(&t->lock);
	struct body *b = idmap_reserve(&t->table, 1) ? NULL : calloc(1, sizeof(*b));

	if (b) {
		b->number = number;
		b->sparse = sparse;
		b->generation = generation;
		b->fd = -1;
		idmap_put(&t->table, number, (uintptr_t)b);
	}
	return b;
}

static void table_remove_locked(struct bodies *t, struct body *b)
{
	lock_assert(&t->lock);
	idmap_remove(&t->table, b->number);
	if (b->dirty)
		t->n_dirty--;
	b->doomed = true;
	if (b->refs)
		return; /* the last who uses it frees it */
	if (b->fd >= 0)
		idle_remove_locked(t, b);
	close_locked(t, b);
	free(b);
}

static int load_row(struct stage *s, sqlite3_stmt *row)
{
	uint64_t number = stage_row_number(row, 0), generation = stage_row_number(row, 2);
	struct body *b;

	if (!number || number >= s->next_body || generation > s->generation)
		return stage_blame(s, "body %lld is none that was made", (long long)number);
	lock_take(&s->bodies.lock);
	b = table_add_locked(&s->bodies, (uint32_t)number, stage_row_number(row, 1) != 0, (uint32_t)generation);
	lock_give(&s->bodies.lock);
	return b ? 0 : -ENOMEM;
}

int stage_bodies_load(struct stage *s)
{
	int r;

	while ((r = db_step_locked(s, ST_BODIES_ALL)) > 0)
		if ((r = load_row(s, s->statements[ST_BODIES_ALL])))
			break;
	db_reset_locked(s, ST_BODIES_ALL);
	return r;
}

/* Files without a row. */
void stage_bodies_sweep(struct stage *s)
{
	_close_directory_ DIR *directory = directory_open(s->bodies_fd, ".");
	struct dirent *entry;

	if (!directory)
		return;
	while ((entry = readdir(directory))) {
		char *end;
		unsigned long number = strtoul(entry->d_name, &end, 16);

		if (strlen(entry->d_name) == 8 && !*end && !stage_body_find(s, (uint32_t)number))
			unlinkat(s->bodies_fd, entry->d_name, 0);
	}
}

void stage_bodies_release(struct stage *s)
{
	struct bodies *t = &s->bodies;

	for (struct idmap_at at = {0}; idmap_next(&t->table, &at);) {
		struct body *b = body_of(at.value);

		close_fd(&b->fd);
		free(b);
	}
	idmap_release(&t->table);
	idmap_release(&t->halves);
	lock_release(&t->lock);
}

static int body_put_row_locked(struct stage *s, uint32_t number, bool sparse)
{
	lock_assert(&s->lock);
	int r = db_begin_locked(s, true);

	/* The counter first: a row beyond it would be taken for damage. */
	if (!r)
		r = stage_state_put_number(s, "next_body", (uint64_t)number + 1);
	if (r)
		return r;
	sqlite3_bind_int64(s->statements[ST_BODY_PUT], 1, number);
	sqlite3_bind_int64(s->statements[ST_BODY_PUT], 2, sparse);
	sqlite3_bind_int64(s->statements[ST_BODY_PUT], 3, s->generation);
	return db_run(s, ST_BODY_PUT);
}

/* The mutex is held.  A number is used up even when the rest fails. */
static int body_make_locked(struct stage *s, bool sparse, struct body **ret)
{
	lock_assert(&s->lock);
	struct body *b;
	uint32_t number;
	char name[16];
	int fd, r;

	if (s->failed || s->read_only)
		return s->failed ? s->failed : -EROFS;
	if (s->next_body == INT32_MAX)
		return -ENOSPC;
	number = s->next_body++;
	stage_body_name(number, name);
	fd = openat(s->bodies_fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return quota_as_space(-errno);
	close_fd(&fd);
	r = body_put_row_locked(s, number, sparse);
	if (r) {
		unlinkat(s->bodies_fd, name, 0);
		return r;
	}
	lock_take(&s->bodies.lock);
	b = table_add_locked(&s->bodies, number, sparse, s->generation);
	if (b)
		b->made_now = true;
	s->bodies.directory_dirty = true;
	lock_give(&s->bodies.lock);
	if (!b)
		return -ENOMEM; /* an empty file and its row stay until the next collection */
	*ret = b;
	return 0;
}

int stage_body_share(struct stage *s, uint32_t body)
{
	stage_lock(s);
	struct body *b = stage_body_find(s, body);
	int r = b ? db_begin_locked(s, false) : -EIO;

	if (!r && b->sparse) {
		sqlite3_bind_int64(s->statements[ST_BODY_PUT], 1, body);
		sqlite3_bind_int64(s->statements[ST_BODY_PUT], 2, 0);
		sqlite3_bind_int64(s->statements[ST_BODY_PUT], 3, b->generation);
		r = db_run(s, ST_BODY_PUT);
	}
	if (!r) {
		lock_take(&s->bodies.lock);
		b->sparse = false;
		lock_give(&s->bodies.lock);
	}
	stage_unlock(s);
	return r;
}

int stage_body_drop_locked(struct stage *s, uint32_t number)
{
	lock_assert(&s->lock);
	struct body *b = stage_body_find(s, number);
	int r;

	if (!b)
		return -ENOENT;
	r = db_begin_locked(s, false);
	if (r)
		return r;
	sqlite3_bind_int64(s->statements[ST_BODY_DELETE], 1, number);
	r = db_run(s, ST_BODY_DELETE);
	if (r)
		return r;
	if (s->bodies.running == b)
		s->bodies.running = NULL;
	lock_take(&s->bodies.lock);
	table_remove_locked(&s->bodies, b);
	lock_give(&s->bodies.lock);
	return 0;
}

/* ---- space ---- */

/* Takes length from what the last look at the file system allowed; looks again when that is used up. */
static int take_space(struct stage *s, uint64_t length)
{
	uint64_t left, reserve, allowed;

	if (length <= INT64_MAX && atomic_fetch_sub(&s->bodies.budget, (int64_t)length) >= (int64_t)length)
		return 0;
	stage_host_space(s, &left, &reserve);
	if (left < reserve || left - reserve < length) {
		atomic_store(&s->bodies.budget, 0);
		return -ENOSPC;
	}
	/* Others write there too: never trust more than half of it. */
	allowed = min_u64((left - reserve - length) / 2, BUDGET_LIMIT_BYTES);
	atomic_store(&s->bodies.budget, (int64_t)allowed);
	return 0;
}

static int segment_alloc_locked(struct stage *s, uint64_t length, uint32_t *ret_body, uint64_t *ret_pos)
{
	lock_assert(&s->lock);
	struct bodies *t = &s->bodies;

	if (s->failed)
		return s->failed;
	if (t->running && t->running_bytes && t->running_bytes + length > SEGMENT_BYTES)
		t->running = NULL;
	if (!t->running) {
		int r = body_make_locked(s, false, &t->running);

		if (r)
			return r;
		t->running_bytes = 0;
	}
	*ret_body = t->running->number;
	*ret_pos = t->running_bytes;
	t->running_bytes += length;
	return 0;
}

int stage_segment_alloc(struct stage *s, uint64_t length, uint32_t *ret_body, uint64_t *ret_pos)
{
	int r;

	if (!length || length % SECTOR_BYTES || length > ALLOC_LIMIT_BYTES)
		return -EINVAL;
	r = take_space(s, length);
	if (r)
		return r;
	stage_lock(s);
	r = segment_alloc_locked(s, length, ret_body, ret_pos);
	stage_unlock(s);
	return r;
}

int stage_body_new(struct stage *s, uint32_t *ret_body)
{
	struct body *b;
	int r = take_space(s, SECTOR_BYTES);

	if (r)
		return r;
	stage_lock(s);
	r = body_make_locked(s, true, &b);
	if (!r)
		*ret_body = b->number;
	stage_unlock(s);
	return r;
}

/* ---- reading and writing ---- */

bool stage_body_frozen(struct stage *s, uint32_t body)
{
	struct body *b;
	bool frozen;

	lock_take(&s->bodies.lock);
	b = find_locked(&s->bodies, body);
	frozen = !b || b->generation < s->generation;
	lock_give(&s->bodies.lock);
	return frozen;
}

bool stage_body_sparse(struct stage *s, uint32_t body)
{
	struct body *b;
	bool sparse;

	lock_take(&s->bodies.lock);
	b = find_locked(&s->bodies, body);
	sparse = b && b->sparse;
	lock_give(&s->bodies.lock);
	return sparse;
}

int stage_body_read(struct stage *s, uint32_t body, uint64_t pos, void *buf, size_t length)
{
	struct body *b;
	size_t done = 0;
	int r;

	if (pos > (uint64_t)INT64_MAX - length)
		return -EINVAL;
	r = stage_body_acquire(s, body, &b);
	if (r)
		return r;
	r = pread_full(b->fd, buf, length, pos, &done);
	stage_body_release(s, b, false);
	if (!r)
		memset((uint8_t *)buf + done, 0, length - done);
	return r;
}

/* Large amounts are handed to the disk long before the next sync, which would find it idle until then. */
static void count_written(struct stage *s, uint64_t length)
{
	uint64_t before = atomic_fetch_add(&s->bodies.unwritten, length);

	if (before < EARLY_BYTES && before + length >= EARLY_BYTES)
		stage_sync_kick(s);
}

int stage_body_write(struct stage *s, uint32_t body, uint64_t pos, const void *buf, size_t length)
{
	struct body *b;
	int r;

	if (pos > (uint64_t)INT64_MAX - length)
		return -EINVAL;
	if (s->read_only)
		return -EROFS;
	r = stage_body_acquire(s, body, &b);
	if (r)
		return r;
	if (b->generation < s->generation)
		r = -EROFS;
	else if (b->sparse)
		r = take_space(s, length); /* room in a segment was taken when it was given out */
	if (!r && b->sparse && b->discards)
		stage_discards_cancel(s, b, pos, length);
	if (!r)
		r = quota_as_space(pwrite_full(b->fd, buf, length, pos, NULL));
	stage_body_release(s, b, true);
	if (!r)
		count_written(s, length);
	return r;
}

/* ---- making them durable ---- */

/* All that are dirty, referenced; the caller frees the list.  bodies.lock is held. */
static int ref_dirty_locked(struct stage *s, struct body ***ret, size_t *ret_n)
{
	lock_assert(&s->bodies.lock);
	struct bodies *t = &s->bodies;
	struct body **found = t->n_dirty ? malloc(t->n_dirty * sizeof(*found)) : NULL;
	size_t n = 0;
	int r = t->n_dirty && !found ? -ENOMEM : 0;

	for (struct idmap_at at = {0}; !r && n < t->n_dirty && idmap_next(&t->table, &at);) {
		struct body *b = body_of(at.value);

		if (!b->dirty)
			continue;
		r = ref_locked(s, b);
		if (!r)
			found[n++] = b;
	}
	if (r) {
		for (size_t i = 0; i < n; i++)
			unref_locked(t, found[i]);
		free(found);
		return r;
	}
	*ret = found;
	*ret_n = n;
	return 0;
}

void stage_bodies_write_early(struct stage *s)
{
	struct body **bodies = NULL;
	size_t n = 0;
	int r;

	if (atomic_load(&s->bodies.unwritten) < EARLY_BYTES)
		return;
	atomic_store(&s->bodies.unwritten, 0);
	lock_take(&s->bodies.lock);
	r = ref_dirty_locked(s, &bodies, &n);
	lock_give(&s->bodies.lock);
	for (size_t i = 0; !r && i < n; i++) {
		sync_file_range(bodies[i]->fd, 0, 0, SYNC_FILE_RANGE_WRITE); /* a hint; fdatasync says what failed */
		stage_body_release(s, bodies[i], false);
	}
	free(bodies);
}

void stage_bodies_begin_writing(struct stage *s)
{
	atomic_store(&s->bodies.unwritten, EARLY_BYTES);
	stage_sync_kick(s);
}

int stage_bodies_collect_dirty(struct stage *s, struct body ***ret, size_t *ret_n, bool *ret_directory)
{
	struct bodies *t = &s->bodies;
	int r;

	lock_take(&t->lock);
	r = ref_dirty_locked(s, ret, ret_n);
	if (!r) {
		for (size_t i = 0; i < *ret_n; i++)
			(*ret)[i]->dirty = false;
		t->n_dirty = 0;
		/* this round writes them; else nobody would be told of the next ones */
		atomic_store(&t->unwritten, 0);
		*ret_directory = t->directory_dirty;
		t->directory_dirty = false;
	}
	lock_give(&t->lock);
	return r;
}
