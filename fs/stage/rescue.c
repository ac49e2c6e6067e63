/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stages as they lie there, whatever became of their discs: for cdappendfs-stage, which must find a way also where
 * stage_open() refuses.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "burner/base/own.h"
#include "fs/stage/internal.h"

/* The directory, and, when it is one of the default root, by its name in that: so it can be removed when it is
 * empty. */
static int open_place(struct stage_place *p, const char *directory, enum place_how how, struct stage_holder *ret_holder,
		      char **ret_why)
{
	_free_ char *real = realpath(directory, NULL), *copy = real ? strdup(real) : NULL;
	char bound[65];
	int r;

	if (!real || !copy)
		return -errno;
	r = stage_place_open_root(p, false, NULL);
	if (r == 0 && strcmp(dirname(copy), p->path) == 0) {
		char *leaf = strrchr(real, '/') + 1;

		if (strlen(leaf) < STAGE_LEAF_MAX)
			return stage_place_open(p, leaf, how, ret_holder, bound, ret_why);
	}
	stage_place_release(p);
	p->by_identity = false;
	return stage_place_open(p, real, how, ret_holder, bound, ret_why);
}

static int say_why(const char *directory, int error, const struct stage_place *p, char **ret_why)
{
	if (error == -EBADMSG)
		return stage_say_damaged(directory, p->why, ret_why);
	return error && p->why ? why_set(ret_why, error, "%s", p->why) : error;
}

int stage_open_directory(const char *directory, const char *disc_path, bool read_only, struct stage **ret,
			 struct stage_holder *ret_holder, char **ret_why)
{
	_cleanup_(stage_place_releasep) struct stage_place p = STAGE_PLACE_NONE;
	struct stage_options o = {.mountpoint = "", .read_only = read_only};
	struct stage_about about = {0};
	struct stage *s = NULL;
	int r = stage_about(directory, &about, ret_holder, ret_why);

	if (r)
		return r;
	o.disc_path = disc_path ? disc_path : about.disc_path;
	r = open_place(&p, directory, read_only ? PLACE_READ : PLACE_LOOK, ret_holder, ret_why);
	if (!r)
		r = say_why(directory, stage_open_place(&p, &o, &s), &p, ret_why);
	stage_about_release(&about);
	if (r)
		return r;
	if (!read_only && stage_sound(s)) {
		r = s->failed = stage_say_damaged(directory, s->why, ret_why);
		stage_close(s);
		return r;
	}
	s->given_out = read_only;
	stage_place_write_lock(s);
	*ret = s;
	return 0;
}

/* What was written to it last: a row or a body. */
static struct timespec last_change(int dir_fd)
{
	static const char *const files[] = {JOURNAL_FILE, JOURNAL_WAL_FILE, BODIES_DIRECTORY};
	struct timespec last = {0};
	struct stat st;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (!fstatat(dir_fd, files[i], &st, AT_SYMLINK_NOFOLLOW) && st.st_mtim.tv_sec > last.tv_sec)
			last = st.st_mtim;
	return last;
}

int stage_about(const char *directory, struct stage_about *ret, struct stage_holder *ret_holder, char **ret_why)
{
	_cleanup_(stage_place_releasep) struct stage_place p = STAGE_PLACE_NONE;
	const struct stage_options o = {.mountpoint = "", .read_only = true};
	struct stage *s = NULL;
	int r = open_place(&p, directory, PLACE_READ, ret_holder, ret_why);

	if (!r)
		r = say_why(directory, stage_glance(&p, &o, &s), &p, ret_why);
	if (r)
		return r;
	*ret = (struct stage_about){.disc_path = strdup(stage_disc_path(s)),
				    .identity = s->identity,
				    .fingerprint = s->fingerprint,
				    .origin = s->origin,
				    .changed = last_change(s->dir_fd)};
	stage_free(s);
	return ret->disc_path ? 0 : -ENOMEM;
}

void stage_about_release(struct stage_about *a)
{
	free(a->disc_path);
	a->disc_path = NULL;
}

void stage_origin(const struct stage *s, struct stage_origin *ret) { *ret = s->origin; }

static int put_rows(struct stage *s, const struct stage_snapshot *rows)
{
	int r = db_run(s, ST_NODES_CLEAR);

	if (!r)
		r = db_run(s, ST_NAMES_CLEAR);
	if (!r)
		r = stage_rows_load(s);
	for (size_t i = 0; !r && i < rows->n_nodes; i++)
		r = stage_node_put(s, &rows->nodes[i]);
	for (size_t i = 0; !r && i < rows->n_names; i++)
		r = stage_name_put(s, rows->names[i].parent, rows->names[i].name, rows->names[i].ino);
	return r;
}

/* A savepoint of its own: those of the puts are inside it. */
static int replace_locked(struct stage *s, const struct stage_snapshot *rows, uint64_t next_ino,
			  const struct disc_identity *identity, const struct disc_fingerprint *fingerprint)
{
	lock_assert(&s->lock);
	int r = db_begin_locked(s, true);

	if (!r)
		r = put_rows(s, rows);
	if (!r)
		r = stage_state_put_number(s, "ino_limit", next_ino);
	if (!r) {
		s->next_ino = s->ino_limit = next_ino;
		r = stage_state_bind(s, identity, fingerprint);
	}
	return r;
}

/* What fails is not made durable: the stage as it was before is on the disk, and this one is closed without a word. */
static int replace(struct stage *s, const struct stage_snapshot *rows, uint64_t next_ino,
		   const struct disc_identity *identity, const struct disc_fingerprint *fingerprint,
		   const struct stage_set *set)
{
	int r = stage_sync(s);

	if (r)
		return r;
	stage_lock(s);
	r = replace_locked(s, rows, next_ino, identity, fingerprint);
	if (!r && set)
		r = stage_set_put(s, set);
	if (!r && set) /* it is of the old disc */
		r = stage_state_forget_result(s);
	if (!r && set && set->capacity_sectors && !s->capacity_kept)
		r = stage_keep_capacity(s, set->capacity_sectors);
	if (r && !s->failed)
		s->failed = r;
	stage_unlock(s);
	if (!r)
		r = stage_sync(s);
	return r ? r : stage_rename(s, identity);
}

int stage_replace(struct stage *s, const struct stage_snapshot *rows, uint64_t next_ino,
		  const struct disc_identity *identity, const struct disc_fingerprint *fingerprint)
{
	return replace(s, rows, next_ino, identity, fingerprint, NULL);
}

int stage_replace_disc(struct stage *s, const struct stage_snapshot *rows, const struct disc_identity *identity,
		       const struct disc_fingerprint *fingerprint, const struct stage_set *set)
{
	return replace(s, rows, stage_next_ino(s), identity, fingerprint, set);
}

int stage_list(char ***ret, size_t *ret_n, char **ret_why)
{
	_cleanup_(stage_place_releasep) struct stage_place root = STAGE_PLACE_NONE;
	char **names = NULL;
	size_t n = 0;
	int r = stage_place_open_root(&root, false, ret_why);

	if (r == -ENOENT) { /* nothing was staged here ever */
		*ret = NULL;
		*ret_n = 0;
		return 0;
	}
	if (!r)
		r = stage_place_names(&root, NULL, &names, &n);
	for (size_t i = 0; !r && i < n; i++) {
		char *path;

		if (asprintf(&path, "%s/%s", root.path, names[i]) < 0) {
			r = -ENOMEM;
		} else {
			free(names[i]);
			names[i] = path;
		}
	}
	if (r) {
		stage_list_free(names, n);
		return r;
	}
	*ret = names;
	*ret_n = n;
	return 0;
}

int stage_erase(const char *directory, struct stage_holder *ret_holder, char **ret_why)
{
	_cleanup_(stage_place_releasep) struct stage_place p = STAGE_PLACE_NONE;
	int r = open_place(&p, directory, PLACE_LOOK, ret_holder, ret_why);

	if (!r)
		r = stage_place_clear(p.dir_fd);
	if (!r && p.by_identity && unlinkat(p.root_fd, p.leaf, AT_REMOVEDIR))
		r = -errno;
	return r;
}
