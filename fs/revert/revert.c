/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * revert.c - what differs, and in which order it is done
 *
 *	1. By its path in the base, the deepest first: what is no more goes, what was renamed goes to a directory
 *	   beside, so that nothing is in the way of anything
 *	2. By its path in the session, the topmost first: what was renamed gets its name, what is missing is made, what
 *	   changed is changed
 *	3. Attributes of all that, and of the directories in which a name came or went
 */
#include "fs/revert/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "burner/base/own.h"
#include "burner/base/path.h"

bool revert_asked(const struct revert *x, const char *path)
{
	bool asked = !x->o->n_paths;

	for (size_t i = 0; !asked && i < x->o->n_paths; i++)
		asked = path_is_inside(path, x->o->paths[i]);
	return asked;
}

static int pace(struct revert *x) { return x->o->pace ? x->o->pace(x->o->context) : 0; }

/* ---- what differs ---- */

static int tell_lost(void *context, const char *path, bool newer, int error)
{
	return revert_fail(context, path, newer ? "the session cannot be read there" : "the disc cannot be read there",
			   error);
}

static int find_differences(struct revert *x)
{
	struct diff_options d = {.old.iso = x->base,
				 .new.iso = x->o->past,
				 .by_number = x->o->by_number,
				 .exact = true,
				 .no_renames = x->o->n_paths || !x->o->by_number,
				 .lost = tell_lost,
				 .context = x};

	return diff_trees(&d, &x->diff);
}

static const char *old_path(const struct diff_change *c) { return c->from ? c->from : c->path; }

static int deepest_first(const void *a, const void *b)
{
	return strcmp(old_path(*(struct diff_change *const *)b), old_path(*(struct diff_change *const *)a));
}

static int by_from(const void *a, const void *b) { return deepest_first(b, a); }

static int sort_out(struct revert *x)
{
	size_t kept = 0;

	for (size_t i = 0; i < x->diff.n; i++)
		if (revert_asked(x, x->diff.changes[i].path[0] == '.' && !x->diff.changes[i].path[1] ?
					    "" :
					    x->diff.changes[i].path))
			x->diff.changes[kept++] = x->diff.changes[i];
	x->diff.n = kept;
	x->by_old = calloc(kept + 1, sizeof(*x->by_old));
	x->moved = calloc(kept + 1, sizeof(*x->moved));
	if (!x->by_old || !x->moved)
		return -ENOMEM;
	for (size_t i = 0; i < kept; i++) {
		struct diff_change *c = &x->diff.changes[i];

		if (c->kind == 'D' || c->kind == 'R')
			x->by_old[x->n_old++] = c;
		if (c->kind == 'R')
			x->moved[x->n_moved++] = c;
	}
	qsort(x->by_old, x->n_old, sizeof(*x->by_old), deepest_first);
	qsort(x->moved, x->n_moved, sizeof(*x->moved), by_from);
	return 0;
}

/* ---- what goes ---- */

static int make_hold(struct revert *x)
{
	struct stat st;
	uint64_t number = 0;
	int r;

	if (x->hold || !x->n_moved)
		return 0;
	if (getrandom(&number, sizeof(number), 0) < 0)
		number = (uint64_t)getpid();
	snprintf(x->hold_name, sizeof(x->hold_name), ".cdappendfs-revert-%016llx", (unsigned long long)number);
	r = tree_mknod(x->o->tree, &(struct tree_caller){.uid = geteuid(), .gid = getegid()}, TREE_ROOT, x->hold_name,
		       S_IFDIR | 0700, 0, &st);
	if (r < 0)
		return revert_fail(x, x->hold_name, "it cannot be made", r);
	x->hold = st.st_ino;
	return path_note(x, "", 0);
}

/* Which one it is there. */
static void held_name(const struct revert *x, const struct diff_change *c, char ret[24])
{
	snprintf(ret, 24, "%zu", (size_t)(c - x->diff.changes));
}

static int go(struct revert *x, const struct diff_change *c)
{
	_free_ char *above = path_in_session(x, old_path(c));
	char held[24];
	struct spot s;
	int r = above ? path_note_above(x, above) : -ENOMEM;

	/* A directory that is renamed is no part of itself. */
	if (!r && c->kind == 'R')
		r = path_note_above(x, c->path);
	if (r)
		return r;
	r = spot_find(x->o->tree, old_path(c), &s);
	if (r)
		return revert_fail(x, old_path(c), "it is not there", r);
	held_name(x, c, held);
	*x->touched = true;
	r = c->kind == 'R' ? tree_rename(x->o->tree, s.directory, s.name, x->hold, held, 0) :
			     spot_clear(x->o->tree, &s);
	spot_release(x->o->tree, &s);
	return r ? revert_fail(x, old_path(c), c->kind == 'R' ? "it cannot be renamed" : "it cannot be removed", r) : 0;
}

/* ---- what comes ---- */

static int rename_again(struct revert *x, const struct diff_change *c, const struct iso_entry *e)
{
	char held[24];
	struct stat st;
	struct spot s;
	int r = spot_find(x->o->tree, c->path, &s);

	held_name(x, c, held);
	if (!r) {
		r = spot_clear(x->o->tree, &s);
		if (!r)
			r = tree_rename(x->o->tree, x->hold, held, s.directory, s.name, 0);
		if (!r)
			r = tree_lookup(x->o->tree, s.directory, s.name, &st);
		if (!r) {
			r = make_remember(x, e, st.st_ino);
			tree_forget(x->o->tree, st.st_ino, 1);
		}
		spot_release(x->o->tree, &s);
	}
	return r ? revert_fail(x, c->path, "it cannot be renamed", r) : 0;
}

static int come(struct revert *x, const struct diff_change *c)
{
	const char *path = c->path[0] == '.' && !c->path[1] ? "" : c->path;
	_cleanup_entry_ struct iso_entry e = {.ino = 0};
	int r = iso_lookup_path(x->o->past, path, &e);

	if (r)
		return revert_fail(x, path, "the session cannot be read there", r);
	*x->touched = true;
	if (*path) /* what changed may have to be made anew */
		r = path_note_above(x, path);
	if (!r)
		r = make_above(x, path);
	if (!r && c->kind == 'R')
		r = rename_again(x, c, &e);
	if (!r && (c->kind != 'R' || c->content))
		r = make_again(x, path, &e, c->kind == 'A' || c->content);
	return r ? r : path_note(x, path, strlen(path));
}

static void count(struct revert_count *n, const struct diff_change *c)
{
	n->made += c->kind == 'A';
	n->removed += c->kind == 'D';
	n->renamed += c->kind == 'R';
	n->changed += c->kind == 'M' && (!S_ISDIR(c->mode) || c->content);
}

static int carry_out(struct revert *x)
{
	int r = make_hold(x);

	for (size_t i = 0; !r && i < x->n_old; i++)
		r = pace(x) ?: go(x, x->by_old[i]);
	for (size_t i = 0; !r && i < x->diff.n; i++) {
		if (x->diff.changes[i].kind != 'D')
			r = pace(x) ?: come(x, &x->diff.changes[i]);
		count(x->count, &x->diff.changes[i]);
	}
	if (!r && x->hold) {
		r = tree_rmdir(x->o->tree, TREE_ROOT, x->hold_name);
		tree_forget(x->o->tree, x->hold, 1);
		x->hold = 0;
		if (r)
			return revert_fail(x, x->hold_name, "it cannot be removed", r);
	}
	return r;
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static int finish(struct revert *x)
{
	int r = 0;

	if (x->n_directories)
		qsort(x->directories, x->n_directories, sizeof(char *), by_text);
	for (size_t i = 0; !r && i < x->n_directories; i++)
		if ((!i || strcmp(x->directories[i], x->directories[i - 1]) != 0) && revert_asked(x, x->directories[i]))
			r = pace(x) ?: attributes_again(x, x->directories[i]);
	return r;
}

/* ---- all of it ---- */

/* Of each path one of both has something. */
static int check_paths(struct revert *x)
{
	for (size_t i = 0; i < x->o->n_paths; i++) {
		_cleanup_entry_ struct iso_entry e = {.ino = 0}, now = {.ino = 0};
		const char *path = x->o->paths[i];
		int r = iso_lookup_path(x->o->past, path, &e);

		if (r == -ENOENT)
			r = iso_lookup_path(x->base, path, &now);
		if (r)
			return revert_fail(x, path,
					   r == -ENOENT ? "neither that session nor the newest one has it" :
							  "it cannot be read",
					   r);
	}
	return 0;
}

static void release(struct revert *x)
{
	if (x->hold)
		tree_forget(x->o->tree, x->hold, 1);
	for (size_t i = 0; i < x->n_directories; i++)
		free(x->directories[i]);
	free(x->directories);
	free(x->by_old);
	free(x->moved);
	idmap_release(&x->made);
	diff_release(&x->diff);
	tree_free(x->past);
	iso_unref(x->base);
}

int revert(const struct revert_options *o, struct revert_count *ret, bool *ret_touched, char **ret_why)
{
	const struct tree_options options = {.read_only = true, .medium = o->medium};
	struct revert x = {
		.o = o, .base = tree_base_ref(o->tree), .count = ret, .touched = ret_touched, .ret_why = ret_why};
	int r = x.base ? tree_new(&options, o->disc, o->past, NULL, &x.past) : -ENOENT;

	*ret = (struct revert_count){0};
	*ret_touched = false;
	if (!r)
		r = check_paths(&x);
	if (!r)
		r = find_differences(&x);
	if (!r)
		r = sort_out(&x);
	if (!r)
		r = carry_out(&x);
	if (!r)
		r = finish(&x);
	release(&x);
	return r;
}
