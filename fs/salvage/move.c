/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Onto the next disc of a set: rows stay as they are, but for directories, which have no listing on a blank disc;
 * bodies stay where they are, too.  So it costs the rows, not the data, and is one transaction: before it all of it is
 * staged for the old disc, after it for the new one.
 *
 * The old disc may be out of the drive.  What the stage knows of it only by numbers can go nowhere else; that a new
 * file takes the place of one that is there only the disc itself tells, if it is at hand.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/idmap.h"
#include "burner/base/printable.h"
#include "fs/salvage/internal.h"
#include "fs/tree/span.h"
#include "fs/tree/tree.h"

struct move {
	struct stage *stage;
	struct stage_snapshot *rows;
	struct staged_list *list;
	struct stage_snapshot_name *gone; /* names that the old disc may have */
	size_t n_gone;
	struct idmap names; /* of each node: how many there are; of directories: of directories in it */
	uint64_t n_tied;
	bool was_blank; /* the old disc: nothing was burned there */
	const struct salvage_tell *tell;
};

static void move_release(struct move *m)
{
	free(m->gone);
	staged_free(m->list);
	stage_snapshot_freep(&m->rows);
	idmap_release(&m->names);
	if (m->stage)
		stage_close(m->stage);
}

/* ---- the next disc ---- */

static int say_disc(char **ret_why, int error, const char *next, const char *why)
{
	return why_set(ret_why, error, "%s: %s", next, why ? why : strerror(-error));
}

/* Locked until it is closed. */
static int open_next(const char *next, struct disc **ret, char **ret_why)
{
	const struct disc_open_options o = {.writable = true, .create = strncmp(next, "/dev/", 5) != 0};
	_cleanup_(disc_closep) struct disc *d = NULL;
	const char *why = NULL;
	struct disc_state state;
	int r = disc_open_path(next, &o, &d, &why);

	if (r == 0)
		r = disc_state(d, &state);
	if (r < 0)
		return say_disc(ret_why, r, next, why);
	if (!state.blank)
		return say_disc(ret_why, -EEXIST, next,
				"it is not blank: the next disc of a set begins as a blank one");
	if (!state.appendable)
		return say_disc(ret_why, -EROFS, next, state.why_not);
	*ret = TAKE_PTR(d);
	return 0;
}

/* One that is kept for the capacity of a blank image alone gives way; that capacity is the one that counts. */
static int clear_place(struct move *m, const char *next, char **ret_why)
{
	_free_ char *there = NULL;
	_cleanup_(stage_closep) struct stage *s = NULL;
	struct stage_holder holder = {.pid = 0};
	uint64_t sectors = 0;
	int r = salvage_find(NULL, next, &there, NULL);

	if (r == -ENOENT || (r == 0 && strcmp(there, stage_directory(m->stage)) == 0))
		return 0;
	if (r == 0)
		r = stage_open_directory(there, NULL, true, &s, &holder, ret_why);
	if (r == -EBUSY)
		return salvage_in_use(ret_why, there, &holder);
	if (r < 0)
		return r;
	if (!stage_empty(s))
		return why_set(ret_why, -EEXIST,
			       "%s: something is staged for it already: burn it first, or drop it with "
			       "'cdappendfs-stage discard %s'",
			       next, SHELL_WORD(next));
	bool kept = stage_capacity(s, &sectors) == 0;
	stage_close(TAKE_PTR(s));
	r = stage_erase(there, &holder, ret_why);
	return r == 0 && kept ? stage_keep_capacity(m->stage, sectors) : r;
}

/* ---- what is staged ---- */

static int count(struct move *m, uint64_t ino)
{
	uint64_t n = 0;

	(void)idmap_get(&m->names, ino, &n);
	if (idmap_reserve(&m->names, 1))
		return -ENOMEM;
	idmap_put(&m->names, ino, n + 1);
	return 0;
}

static uint64_t counted(const struct move *m, uint64_t ino)
{
	uint64_t n = 0;

	(void)idmap_get(&m->names, ino, &n);
	return n;
}

static void tied(struct move *m, const char *path, const char *what)
{
	m->n_tied++;
	m->tell->missing(m->tell->context, path, what);
}

static int count_names(struct move *m)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < m->list->n_changes; i++) {
		const struct staged_change *c = &m->list->changes[i];

		if (c->named && c->row)
			r = count(m, S_ISDIR(c->row->mode) ? c->parent : c->ino);
	}
	return r;
}

static void check_change(struct move *m, const struct staged_change *c)
{
	if (!c->row)
		tied(m, c->path, "there is nothing of it");
	else if (!c->named)
		tied(m, c->path, "the old disc has it, and only attributes of it are changed");
	else if (c->row->xattrs_at)
		tied(m, c->path, "the old disc has its extended attributes");
	else if (!S_ISDIR(c->row->mode) && !span_row_is_new(c->row))
		tied(m, c->path, "the old disc has a part of it");
	else if (!S_ISDIR(c->row->mode) && counted(m, c->ino) != c->row->nlink)
		tied(m, c->path, "it has another name, on the old disc");
}

/* As on a blank disc: directories have nothing but what is staged in them. */
static void forget_listings(struct stage_snapshot *rows)
{
	for (size_t i = 0; i < rows->n_nodes; i++)
		if (S_ISDIR(rows->nodes[i].mode)) {
			rows->nodes[i].base_lba = rows->nodes[i].base_bytes = 0;
			rows->nodes[i].size = 0;
		}
}

/* Names that are gone hide nothing there; in a directory that the old disc has they may hide something. */
static int forget_gone(struct move *m)
{
	struct stage_snapshot *rows = m->rows;
	size_t n = 0;

	m->gone = calloc(rows->n_names + 1, sizeof(*m->gone));
	if (!m->gone)
		return -ENOMEM;
	for (size_t i = 0; i < rows->n_names; i++) {
		const struct stage_snapshot_name name = rows->names[i];
		const struct stage_node *above = name.ino == STAGE_WHITEOUT ? staged_row(rows, name.parent) : NULL;

		if (name.ino != STAGE_WHITEOUT)
			rows->names[n++] = name;
		else if (!above || above->base_bytes)
			m->gone[m->n_gone++] = name;
	}
	rows->n_names = n;
	return 0;
}

static int check_gone(struct move *m)
{
	for (size_t i = 0; i < m->n_gone; i++) {
		const struct staged_dir *d = staged_dir(m->list, m->gone[i].parent);
		_free_ char *path = NULL;

		if (asprintf(&path, "%s%s%s", d ? d->path : "", d && *d->path ? "/" : "", m->gone[i].name) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		tied(m, path, "it is removed from the old disc");
	}
	return 0;
}

/* Links of directories as they are there; a row that no name leads to is of something that the old disc has. */
static void check_rows(struct move *m)
{
	size_t n_met = 1; /* the root */

	for (size_t i = 0; i < m->rows->n_nodes; i++) {
		struct stage_node *row = &m->rows->nodes[i];
		bool directory = S_ISDIR(row->mode);

		if (row->ino == TREE_ROOT && row->xattrs_at)
			tied(m, "/", "the old disc has its extended attributes");
		if (directory)
			row->nlink = 2 + (uint32_t)counted(m, row->ino);
		n_met += row->ino != TREE_ROOT &&
			 (directory ? staged_dir(m->list, row->ino) != NULL : counted(m, row->ino) > 0);
	}
	if (n_met < m->rows->n_nodes)
		tied(m, "something that the old disc has", "it is changed, without a name of its own");
}

/* The old disc under its path, and the session that the stage stands on; base NULL: it is not at hand. */
static int open_old(struct move *m, struct salvage **ret)
{
	struct salvage *s = *ret = calloc(1, sizeof(*s));
	int r = s ? 0 : -ENOMEM;

	if (r == 0 && !(s->disc_path = strdup(stage_disc_path(m->stage))))
		r = -ENOMEM;
	if (r < 0)
		return r;
	s->stage = m->stage;
	r = salvage_look_at_disc(s, SALVAGE_TO_READ);
	return r == 0 && s->disc ? salvage_open_base(s, NULL) : r;
}

/* Names that were made and removed again while a session burned hide nothing. */
static int forget_never_burned(struct move *m, struct iso *old, const struct staged_list *list)
{
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < m->n_gone; i++) {
		const struct staged_dir *d = staged_dir(list, m->gone[i].parent);
		_cleanup_entry_ struct iso_entry e = {0};

		r = d && d->dir.bytes ? iso_lookup(old, d->dir, m->gone[i].name, &e) : d ? -ENOENT : 0;
		if (r != -ENOENT)
			m->gone[n++] = m->gone[i];
		r = r == -ENOMEM || r == -EAGAIN ? r : 0;
	}
	if (r == 0)
		m->n_gone = n;
	return r;
}

static int check_replaced(struct move *m, struct iso *old)
{
	_cleanup_(staged_freep) struct staged_list *list = NULL;
	int r = staged_find(m->rows, old, &list);

	if (r == 0)
		r = forget_never_burned(m, old, list);
	for (size_t i = 0; r == 0 && i < list->n_changes; i++) {
		const struct staged_change *c = &list->changes[i];

		if (c->kind == 'M' && c->named && c->base.mode && c->base.ino != c->ino)
			tied(m, c->path, "it takes the place of what the old disc has there");
	}
	return r;
}

static int look_at_old(struct move *m)
{
	_cleanup_(salvage_closep) struct salvage *s = NULL;
	int r = open_old(m, &s);

	if (r == 0 && s->base && !s->base_root.bytes)
		r = check_replaced(m, s->base);
	if (s)
		s->stage = NULL; /* it is ours */
	/* One that is damaged is as good as not at hand: what is staged is not lost by that. */
	return r == -ENOMEM || r == -EAGAIN ? r : 0;
}

static int look(struct move *m)
{
	int r = stage_snapshot(m->stage, 0, &m->rows);

	if (r == 0)
		r = forget_gone(m);
	if (r == 0)
		r = look_at_old(m);
	if (r < 0)
		return r;
	const struct stage_node *root = staged_row(m->rows, TREE_ROOT);
	m->was_blank = root && !root->base_bytes;
	forget_listings(m->rows);
	r = staged_find(m->rows, NULL, &m->list);
	if (r == 0)
		r = count_names(m);
	if (r == 0)
		r = check_gone(m);
	if (r < 0)
		return r;
	for (size_t i = 0; i < m->list->n_changes; i++)
		if (m->list->changes[i].ino != TREE_ROOT)
			check_change(m, &m->list->changes[i]);
	check_rows(m);
	return 0;
}

static int open_stage(struct move *m, const char *directory, const char *next, char **ret_why)
{
	struct stage_holder holder = {.pid = 0};
	_free_ char *path = realpath(next, NULL);
	struct stage_commit commit;
	int r = path ? stage_open_directory(directory, path, false, &m->stage, &holder, ret_why) : -errno;

	if (r == -EBUSY)
		return salvage_in_use(ret_why, directory, &holder);
	if (r < 0)
		return r;
	stage_commit_get(m->stage, &commit);
	if (commit.state != STAGE_IDLE)
		return why_set(ret_why, -EBUSY,
			       "a burn of it was cut off: mount the disc that it was for, which ends that");
	return stage_empty(m->stage) ? why_set(ret_why, -ENOENT, "nothing is staged in %s", directory) : 0;
}

static int put(struct move *m, struct disc *next)
{
	struct disc_identity identity;
	struct disc_fingerprint fingerprint;
	struct stage_set set;
	int r = disc_identity(next, &identity);

	if (r == 0)
		r = disc_fingerprint(next, &fingerprint);
	if (r == 0)
		r = stage_set_get(m->stage, &set);
	if (r < 0)
		return r;
	set.disc += set.id && !m->was_blank; /* what was never spread is of no set */
	return stage_replace_disc(m->stage, m->rows, &identity, &fingerprint, &set);
}

int salvage_move(const char *directory, const char *next, const struct salvage_tell *tell, char **ret_why)
{
	_cleanup_(move_release) struct move m = {.tell = tell};
	_cleanup_(disc_closep) struct disc *d = NULL;
	int r = open_next(next, &d, ret_why);

	if (r == 0)
		r = open_stage(&m, directory, next, ret_why);
	if (r == 0)
		r = clear_place(&m, next, ret_why);
	if (r == 0)
		r = look(&m);
	if (r == 0 && m.n_tied)
		return why_set(
			ret_why, -EXDEV,
			"%llu changes can only go to the old disc; nothing was changed. Mount that and burn them "
			"with 'cdappendfs-sync --span', or drop them with 'cdappendfs-sync --discard PATH'; "
			"'cdappendfs-stage export' gives all out",
			(unsigned long long)m.n_tied);
	return r < 0 ? r : put(&m, d);
}
