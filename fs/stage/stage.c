/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stage in memory: made of what lies in its directory, and put away.  Whose it is, opening.c decides.
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
	lock_init(&s->giving, LOCK_PLAIN);
	if (!s->disc_path || !s->mountpoint || stage_sync_init(s)) {
		lock_release(&s->giving);
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
	stage_origin_of(s->disc_path, &s->here);
	s->by_identity = p->by_identity;
	s->read_only = o->read_only;
	s->step = sqlite3_step;
	s->failed_lba = UINT32_MAX;
	s->bodies_fd = s->db_fd = s->wal.fd = -1;
	if (!fstat(s->dir_fd, &st)) {
		s->device = st.st_dev;
		s->dir_ino = (uint32_t)st.st_ino;
	}
	*ret = s;
	return 0;
}

/* Frees what memory and descriptors it has; nothing on the disk changes. */
void stage_free(struct stage *s)
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
	lock_release(&s->giving);
	lock_release(&s->lock);
	free(s->directory);
	free(s->disc_path);
	free(s->mountpoint);
	free(s->made_for);
	free(s->why);
	free(s);
}

static int open_bodies(struct stage *s)
{
	struct stat st;

	if (!s->read_only && mkdirat(s->dir_fd, BODIES_DIRECTORY, 0700) && errno != EEXIST)
		return quota_as_space(-errno);
	s->bodies_fd = openat(s->dir_fd, BODIES_DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->bodies_fd < 0 || fstat(s->bodies_fd, &st))
		return -errno;
	if (st.st_uid == geteuid() && !(st.st_mode & 022))
		return 0;
	return why_set(
		&s->why, -EACCES,
		"the directory bodies in the stage %s belongs to another user, or others may write to it: move it "
		"away, and put back what was there",
		s->directory);
}

static int stage_load(struct stage *s)
{
	int r = open_bodies(s);

	if (r)
		return r;
	stage_lock(s);
	r = db_open(s);
	if (!r)
		r = stage_state_load(s);
	if (!r)
		r = stage_rows_load(s);
	if (!r)
		r = stage_bodies_load(s);
	if (!r && !s->begun.tv_sec && !stage_empty(s))
		s->begun.tv_sec = 1; /* not known: of an older version */
	stage_unlock(s);
	return r;
}

/* ---- its name ---- */

/* The directory of a disc that was blank gets the name of what it has become. */
int stage_rename(struct stage *s, const struct disc_identity *identity)
{
	char name[65];
	char *path = NULL;
	int r;

	if (!s->by_identity || s->read_only || memcmp(s->identity.id, identity->id, sizeof(identity->id)) != 0)
		return 0;
	stage_place_hex(identity->id, name);
	if (!strncmp(name, s->leaf, strlen(name)))
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

/* ---- opening ---- */

int stage_open_place(struct stage_place *p, const struct stage_options *o, struct stage **ret)
{
	_cleanup_(stage_freep) struct stage *s = NULL;
	int r = stage_new(p, o, &s);

	if (!r)
		r = stage_load(s);
	if (r == 0) {
		*ret = TAKE_PTR(s);
	} else if (s) { /* for the message */
		p->path = TAKE_PTR(s->directory);
		p->why = TAKE_PTR(s->why);
	}
	return r;
}

int stage_glance(struct stage_place *p, const struct stage_options *o, struct stage **ret)
{
	_cleanup_(stage_freep) struct stage *s = NULL;
	int r = stage_new(p, o, &s);

	if (r)
		return r;
	s->glance = true;
	stage_lock(s);
	r = db_open(s);
	if (!r)
		r = stage_state_load(s);
	stage_unlock(s);
	if (!r)
		*ret = TAKE_PTR(s);
	else
		p->why = TAKE_PTR(s->why);
	return r;
}

/* ---- closing ---- */

static void remove_files(struct stage *s)
{
	if (stage_place_clear(s->dir_fd))
		return;
	if (s->by_identity)
		unlinkat(s->root_fd, s->leaf, AT_REMOVEDIR);
}

static bool worth_keeping(struct stage *s)
{
	bool keep;

	stage_lock(s);
	keep = s->failed || !stage_empty(s) || s->commit.state != STAGE_IDLE || s->capacity_kept ||
	       stage_state_result_waits(s);
	stage_unlock(s);
	return keep;
}

/* Of a disc that was burned meanwhile: others find it, copies too.  Where that name is taken it is found by the old
 * one. */
static bool other_name(const struct stage *s, char ret[65])
{
	static const uint8_t none[32];

	stage_place_hex(s->identity.id, ret);
	return s->by_identity && !s->read_only && memcmp(s->identity.id, none, sizeof(none)) != 0 &&
	       strncmp(ret, s->leaf, strlen(ret)) != 0;
}

static void name_by_identity(struct stage *s)
{
	char name[65];

	if (other_name(s, name))
		(void)renameat2(s->root_fd, s->leaf, s->root_fd, name, RENAME_NOREPLACE);
}

int stage_directory_closed(struct stage *s, char **ret)
{
	char name[65], *path;
	int n;

	stage_lock(s);
	if (other_name(s, name))
		n = asprintf(&path, "%.*s%s", (int)(strlen(s->directory) - strlen(s->leaf)), s->directory, name);
	else
		n = asprintf(&path, "%s", s->directory);
	stage_unlock(s);
	if (n < 0)
		return -ENOMEM;
	*ret = path;
	return 0;
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
	else
		name_by_identity(s);
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
int stage_directory_fd(const struct stage *s) { return s->dir_fd; }
int stage_root_fd(const struct stage *s) { return s->by_identity ? s->root_fd : -1; }
const char *stage_disc_path(const struct stage *s) { return s->made_for ? s->made_for : ""; }
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
