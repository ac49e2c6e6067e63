/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening and closing a stage, and deciding whose it is.
 *
 * Below the default root a stage is found by the disc's identity; if there is none, by the provisional identity the
 * disc had while it was blank.  What is there counts as this disc's when
 *	it was bound to this identity since (our burn finished: the directory gets its new name), or
 *	it was begun blank, with this provisional identity, and a commit is under way (recovery decides, then calls
 *	stage_rebind).
 * Any other is left alone: blank discs of one kind share a provisional identity.
 *
 * A stage that is this disc's, holds something and has no commit under way must also match the disc's fingerprint,
 * unless the disc is blank.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "burner/base/bytes.h"
#include "burner/base/io.h"
#include "burner/base/own.h"
#include "fs/stage/internal.h"

#define RESERVE_BYTES (8u << 20)
#define RESERVE_PART 3 /* of a small file system */
#define OPEN_TRIES 8

/* What one attempt to open needs. */
struct attempt {
	const struct stage_options *options;
	struct stage_holder *ret_holder;
	char **ret_why;
	struct stage **ret;
	bool candidate; /* the directory of the provisional identity: -ENOENT when it is not this disc's */
};

/* ---- construction ---- */

static char *copy_text(const char *text) { return strdup(text ? text : ""); }

static int stage_new(struct stage_place *p, const struct stage_options *o, struct stage **ret)
{
	struct stage *s = calloc(1, sizeof(*s));
	struct stat st;

	if (!s)
		return -ENOMEM;
	s->disc_path = copy_text(o->disc_path);
	s->mountpoint = copy_text(o->mountpoint);
	lock_init(&s->lock, LOCK_RECURSIVE);
	lock_init(&s->bodies.lock, LOCK_PLAIN);
	if (!s->disc_path || !s->mountpoint || stage_sync_init(s)) {
		lock_release(&s->bodies.lock);
		lock_release(&s->lock);
		free(s->disc_path);
		free(s->mountpoint);
		free(s);
		return -ENOMEM;
	}
	s->directory = TAKE_PTR(p->path);
	s->dir_fd = TAKE_FD(p->dir_fd);
	s->lock_fd = TAKE_FD(p->lock_fd);
	s->root_fd = TAKE_FD(p->root_fd);
	memcpy(s->leaf, p->leaf, sizeof(s->leaf));
	s->by_identity = p->by_identity;
	s->read_only = o->read_only;
	s->step = sqlite3_step;
	s->failed_lba = UINT32_MAX;
	s->bodies_fd = s->db_fd = s->wal.fd = -1;
	s->device = fstat(s->dir_fd, &st) ? 0 : st.st_dev;
	*ret = s;
	return 0;
}

/* Frees what memory and descriptors it has; nothing on the disk changes. */
static void stage_free(struct stage *s)
{
	db_close(s, false);
	stage_discards_release(s);
	stage_bodies_release(s);
	idset_release(&s->nodes);
	idmap_release(&s->names);
	close_fd(&s->bodies_fd);
	close_fd(&s->lock_fd);
	close_fd(&s->dir_fd);
	close_fd(&s->root_fd);
	pthread_cond_destroy(&s->sync.changed);
	lock_release(&s->sync.lock);
	lock_release(&s->lock);
	free(s->directory);
	free(s->disc_path);
	free(s->mountpoint);
	free(s->made_for);
	free(s);
}
static void stage_freep(struct stage **s)
{
	if (*s)
		stage_free(*s);
}

static int stage_load(struct stage *s)
{
	int r = 0;

	if (!s->read_only && mkdirat(s->dir_fd, BODIES_DIRECTORY, 0700) && errno != EEXIST)
		return quota_as_space(-errno);
	s->bodies_fd = openat(s->dir_fd, BODIES_DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->bodies_fd < 0)
		return -errno;
	stage_lock(s);
	r = db_open(s);
	if (!r)
		r = stage_state_load(s);
	if (!r)
		r = stage_rows_load(s);
	if (!r)
		r = stage_bodies_load(s);
	stage_unlock(s);
	return r;
}

/* ---- whose it is ---- */

static bool same(const uint8_t a[32], const uint8_t b[32]) { return !memcmp(a, b, 32); }

static bool is_new(const struct stage *s)
{
	static const uint8_t none[32];

	return same(s->identity.id, none);
}

static bool holds_something(struct stage *s) { return !stage_empty(s) || s->commit.state != STAGE_IDLE; }

static bool belongs(const struct stage *s, const struct disc_identity *disc)
{
	if (same(s->identity.id, disc->id))
		return true;
	return s->identity.is_provisional && s->commit.state != STAGE_IDLE &&
	       same(s->identity.provisional, disc->provisional);
}

static bool same_fingerprint(const struct disc_fingerprint *a, const struct disc_fingerprint *b)
{
	return a->session_lba == b->session_lba && a->next_lba == b->next_lba && a->image_bytes == b->image_bytes &&
	       same(a->descriptor, b->descriptor);
}

static void describe(const struct disc_fingerprint *f, char *text, size_t length)
{
	if (f->session_lba == UINT32_MAX)
		snprintf(text, length, "blank");
	else
		snprintf(text, length, "newest session at sector %u, next at %u, %llu bytes", f->session_lba,
			 f->next_lba, (unsigned long long)f->image_bytes);
}

static int stale_disc(const struct attempt *a, const struct stage *s)
{
	char was[65], is[65];

	stage_place_hex(s->identity.id, was);
	stage_place_hex(a->options->identity.id, is);
	return stage_why(a->ret_why, -ESTALE,
			 "staging directory of another disc: %s holds changes for %s (identity %.12s), not for %s "
			 "(identity %.12s)",
			 s->directory, s->made_for && s->made_for[0] ? s->made_for : "a disc", was,
			 s->disc_path[0] ? s->disc_path : "this disc", is);
}

static int stale_state(const struct attempt *a, const struct stage *s)
{
	char was[128], is[128];

	describe(&s->fingerprint, was, sizeof(was));
	describe(&a->options->fingerprint, is, sizeof(is));
	return stage_why(a->ret_why, -ESTALE,
			 "the changes in %s were made for another state of the disc (%s); now it is: %s; another "
			 "program has written to it",
			 s->directory, was, is);
}

/* Nothing is staged in it: whatever it was, it is this disc's from now on. */
static int begin_anew(struct stage *s, const struct stage_options *o)
{
	bool other = !same(s->identity.id, o->identity.id);
	int r = 0;

	if (other && !is_new(s)) {
		r = stage_state_delete(s, "result");
		if (!r)
			r = stage_state_forget_failed_lba(s);
		if (!r)
			r = stage_state_delete(s, "ino_limit");
		s->next_ino = s->ino_limit = 1;
	}
	if (!r)
		r = stage_state_bind(s, &o->identity, &o->fingerprint);
	return r;
}

/* What was staged for a blank disc has nothing to do with what is burned: a rewritable disc that was blanked again is
 * as good. */
static bool still_blank(const struct stage *s, const struct stage_options *o)
{
	return s->identity.is_provisional && o->identity.is_provisional && o->fingerprint.session_lba == UINT32_MAX;
}

static int rebind_blank(struct stage *s, const struct stage_options *o)
{
	int r = s->read_only ? 0 : stage_state_forget_failed_lba(s);

	return r || s->read_only ? r : stage_state_bind(s, &o->identity, &o->fingerprint);
}

/* Rows that say nothing cost nothing: only what changed is written. */
static int judge(struct stage *s, const struct attempt *a)
{
	const struct stage_options *o = a->options;

	if (a->candidate && !belongs(s, &o->identity))
		return -ENOENT;
	if (!holds_something(s)) {
		if (s->read_only ||
		    (same(s->identity.id, o->identity.id) && same(s->identity.provisional, o->identity.provisional) &&
		     same_fingerprint(&s->fingerprint, &o->fingerprint)))
			return 0;
		return begin_anew(s, o);
	}
	if (!belongs(s, &o->identity))
		return stale_disc(a, s);
	if (s->commit.state != STAGE_IDLE || same_fingerprint(&s->fingerprint, &o->fingerprint))
		return 0;
	return still_blank(s, o) ? rebind_blank(s, o) : stale_state(a, s);
}

/* ---- opening ---- */

/* The directory of a disc that was blank gets the name of what it has become. */
static int rename_to_identity(struct stage *s, const struct stage_options *o)
{
	char name[65];
	char *path = NULL;
	int r;

	if (!s->by_identity || s->read_only || !same(s->identity.id, o->identity.id))
		return 0;
	stage_place_hex(o->identity.id, name);
	if (!strcmp(name, s->leaf))
		return 0;
	r = stage_sync(s);
	if (r)
		return r;
	if (asprintf(&path, "%.*s%s", (int)(strlen(s->directory) - strlen(s->leaf)), s->directory, name) < 0)
		return -ENOMEM;
	stage_lock(s);
	db_close(s, false);
	if (renameat2(s->root_fd, s->leaf, s->root_fd, name, RENAME_NOREPLACE)) {
		free(path); /* it works under its old name as well, and is found again */
	} else {
		fsync(s->root_fd);
		free(s->directory);
		s->directory = path;
		memcpy(s->leaf, name, sizeof(name));
	}
	stage_unlock(s);
	return db_open(s);
}

static int finish_open(struct stage *s, const struct stage_options *o)
{
	if (s->read_only)
		return 0;
	stage_bodies_sweep(s);
	if (s->next_ino < max_u64(o->next_ino, 1))
		s->next_ino = s->ino_limit = max_u64(o->next_ino, 1);
	stage_place_write_lock(s);
	return stage_sync(s);
}

static int open_at(const struct attempt *a, struct stage_place *p, const char *name)
{
	_cleanup_(stage_freep) struct stage *s = NULL;
	enum place_how how = a->options->read_only ? PLACE_READ : a->candidate ? PLACE_LOOK : PLACE_CREATE;
	struct stage_holder holder = {.pid = 0};
	char bound[65] = "", hex[65];
	int r = stage_place_open(p, name, how, &holder, bound, a->ret_why);

	stage_place_hex(a->options->identity.id, hex);
	if (r == -EBUSY && a->candidate && strcmp(bound, hex) != 0)
		return -ENOENT; /* a mount of another disc that was blank once */
	if (r == -EBUSY && a->ret_holder)
		*a->ret_holder = holder;
	if (!r)
		r = stage_new(p, a->options, &s);
	if (!r)
		r = stage_load(s);
	if (r == -EBADMSG && s)
		stage_why(a->ret_why, r, "the journal in %s is damaged; nothing there was changed", s->directory);
	if (!r) {
		stage_lock(s);
		r = judge(s, a);
		stage_unlock(s);
	}
	if (!r)
		r = rename_to_identity(s, a->options);
	if (!r)
		r = finish_open(s, a->options);
	if (!r)
		*a->ret = TAKE_PTR(s);
	return r;
}

static int open_by_identity(struct attempt *a)
{
	_cleanup_(stage_place_releasep) struct stage_place p = {.root_fd = -1, .dir_fd = -1, .lock_fd = -1};
	const struct disc_identity *disc = &a->options->identity;
	char hex[65];
	struct stat st;
	int r = stage_place_open_root(&p, !a->options->read_only);

	if (r)
		return r;
	stage_place_hex(disc->id, hex);
	if (!same(disc->id, disc->provisional) && fstatat(p.root_fd, hex, &st, AT_SYMLINK_NOFOLLOW)) {
		_cleanup_(stage_place_releasep) struct stage_place blank = {.root_fd = -1, .dir_fd = -1, .lock_fd = -1};
		char was[65];

		r = stage_place_open_root(&blank, false);
		if (r)
			return r;
		stage_place_hex(disc->provisional, was);
		a->candidate = true;
		r = open_at(a, &blank, was);
		a->candidate = false;
		if (r != -ENOENT)
			return r;
	}
	return open_at(a, &p, hex);
}

static int open_given(struct attempt *a)
{
	_cleanup_(stage_place_releasep) struct stage_place p = {.root_fd = -1, .dir_fd = -1, .lock_fd = -1};

	return open_at(a, &p, a->options->directory);
}

int stage_open(const struct stage_options *options, struct stage **ret, struct stage_holder *ret_holder, char **ret_why)
{
	struct attempt a = {.options = options, .ret_holder = ret_holder, .ret_why = ret_why, .ret = ret};
	int r = -EAGAIN;

	if (ret_why)
		*ret_why = NULL;
	for (int i = 0; r == -EAGAIN && i < OPEN_TRIES; i++)
		r = options->directory ? open_given(&a) : open_by_identity(&a);
	if (!r && ret_why) {
		free(*ret_why);
		*ret_why = NULL;
	}
	return r == -EAGAIN ? -EBUSY : r;
}

/* ---- closing ---- */

static void remove_files(struct stage *s)
{
	static const char *const files[] = {JOURNAL_FILE, JOURNAL_WAL_FILE, LOCK_FILE};

	/* SQLite removed its log: were that undone by a power cut and the database gone, the next one made here would
	 * take the log for its own. */
	if (fsync(s->dir_fd))
		return;
	stage_bodies_remove_files(s);
	unlinkat(s->dir_fd, BODIES_DIRECTORY, AT_REMOVEDIR);
	for (size_t i = 0; i < ARRAY_LENGTH(files); i++)
		unlinkat(s->dir_fd, files[i], 0);
	if (s->by_identity)
		unlinkat(s->root_fd, s->leaf, AT_REMOVEDIR);
}

static bool worth_keeping(struct stage *s)
{
	bool keep;

	stage_lock(s);
	keep = s->failed || !stage_empty(s) || s->commit.state != STAGE_IDLE || stage_state_result_waits(s);
	stage_unlock(s);
	return keep;
}

void stage_close(struct stage *s)
{
	bool keep, clean = false;

	stage_sync_stop(s);
	if (!s->read_only) {
		stage_lock(s);
		if (!s->failed)
			stage_state_settle_ino(s); /* a failure leaves a gap in the numbers */
		stage_unlock(s);
		clean = !stage_sync(s);
		stage_discards_apply(s);
		if (clean)
			clean = !stage_sync_checkpoint_all(s);
	}
	keep = s->read_only || !clean || worth_keeping(s);
	stage_lock(s);
	db_close(s, clean);
	stage_unlock(s);
	if (!keep)
		remove_files(s);
	stage_place_clear_lock(s);
	stage_free(s);
}

/* ---- small things ---- */

void stage_lock(struct stage *s) { lock_take(&s->lock); }

void stage_unlock(struct stage *s) { lock_give(&s->lock); }

void stage_fail(struct stage *s, int error)
{
	stage_lock(s);
	if (!s->failed)
		s->failed = error;
	stage_unlock(s);
}

void stage_set_user(struct stage *s, enum stage_user user)
{
	stage_lock(s);
	s->user = user;
	stage_place_write_lock(s);
	stage_unlock(s);
}

const char *stage_directory(const struct stage *s) { return s->directory; }
dev_t stage_device(const struct stage *s) { return s->device; }
uint32_t stage_generation(struct stage *s) { return s->generation; }

void stage_host_space(const struct stage *s, uint64_t *ret_free, uint64_t *ret_reserve)
{
	struct statvfs v;

	*ret_free = *ret_reserve = 0;
	if (fstatvfs(s->dir_fd, &v))
		return;
	*ret_free = (uint64_t)v.f_bavail * v.f_frsize;
	*ret_reserve = min_u64(RESERVE_BYTES, (uint64_t)v.f_blocks * v.f_frsize / RESERVE_PART);
}

uint64_t stage_host_free(const struct stage *s)
{
	uint64_t left, reserve;

	stage_host_space(s, &left, &reserve);
	return left;
}

uint64_t stage_room(const struct stage *s)
{
	uint64_t left, reserve;

	stage_host_space(s, &left, &reserve);
	return left > reserve ? left - reserve : 0;
}
