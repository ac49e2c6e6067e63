/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * make.c - one file or directory, with its content
 *
 * A file that has one name is changed where it is.  One of several is so only if all of its names are the session's:
 * else what else has it would change with it, so it gets a file of its own, and the others of the session become links
 * to that.
 */
#include "fs/revert/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"

/* ---- content ---- */

/* By its place on the disc. */
static int put_content(struct revert *x, const char *path, uint64_t ino)
{
	struct tree_file *from, *to;
	struct stat st;
	int r = path_find(x->past, path, &st);

	if (r)
		return r;
	r = tree_open(x->past, st.st_ino, O_RDONLY, &from);
	if (!r) {
		r = tree_open(x->o->tree, ino, O_WRONLY | O_TRUNC, &to);
		if (!r) {
			r = tree_copy_whole(x->o->tree, from, to);
			tree_close(x->o->tree, to);
		}
		tree_close(x->past, from);
	}
	tree_forget(x->past, st.st_ino, 1);
	return r;
}

/* ---- links ---- */

static bool may_be_linked(const struct iso_entry *e) { return !S_ISDIR(e->mode) && e->nlink > 1; }

int make_remember(struct revert *x, const struct iso_entry *e, uint64_t ino)
{
	if (!may_be_linked(e) || idmap_get(&x->made, e->ino, NULL))
		return 0;
	if (idmap_reserve(&x->made, 1) < 0)
		return -ENOMEM;
	idmap_put(&x->made, e->ino, ino);
	return 0;
}

/* The file of the tree that has other names of it, with a look-up reference.  -ENOENT: it has none. */
static int find_linked(struct revert *x, const struct iso_entry *e, struct stat *ret)
{
	uint64_t ino;
	int r;

	if (!may_be_linked(e))
		return -ENOENT;
	if (!idmap_get(&x->made, e->ino, &ino)) {
		if (!x->o->by_number || x->o->n_paths)
			return -ENOENT;
		ino = e->ino;
	}
	r = tree_lookup_number(x->o->tree, ino, ret);
	if (!r && (ret->st_mode & S_IFMT) != (e->mode & S_IFMT)) {
		tree_forget(x->o->tree, ret->st_ino, 1);
		r = -ENOENT;
	}
	return r == -ESTALE ? -ENOENT : r;
}

/* ---- one ---- */

static int make_new(struct revert *x, const struct spot *s, const struct iso_entry *e, struct stat *ret)
{
	const struct tree_caller caller = {.uid = e->uid, .gid = e->gid};

	if (S_ISLNK(e->mode))
		return tree_symlink(x->o->tree, &caller, s->directory, s->name, e->target ? e->target : "", ret);
	return tree_mknod(x->o->tree, &caller, s->directory, s->name, (e->mode & S_IFMT) | 0700, (dev_t)e->rdev, ret);
}

/* Is what is there to become it? */
static bool is_kept(const struct revert *x, const struct stat *st, const struct iso_entry *e, bool content)
{
	if ((st->st_mode & S_IFMT) != (e->mode & S_IFMT))
		return false;
	if (S_ISDIR(e->mode))
		return true;
	if (content && !S_ISREG(e->mode))
		return false; /* another target, another device */
	if (st->st_nlink > 1 && (x->o->n_paths || !x->o->by_number))
		return false;
	return (st->st_nlink < 2 && e->nlink < 2) || (x->o->by_number && (uint64_t)st->st_ino == e->ino);
}

/* *st: what is there, 0: nothing; becomes what is there now, with the look-up reference. */
static int settle(struct revert *x, const struct spot *s, const struct iso_entry *e, bool *content, struct stat *st)
{
	struct tree *t = x->o->tree;
	struct stat linked;
	int r = find_linked(x, e, &linked);

	if (r && r != -ENOENT)
		return r;
	if (!r && st->st_mode && st->st_ino == linked.st_ino) {
		tree_forget(t, linked.st_ino, 1);
		return 0;
	}
	if (r && st->st_mode && is_kept(x, st, e, *content))
		return 0;
	if (st->st_mode)
		tree_forget(t, st->st_ino, 1);
	st->st_mode = 0;
	int cleared = spot_clear(t, s);
	if (!r) {
		*content = false; /* whoever has the first name has it */
		if (!cleared)
			cleared = tree_link(t, linked.st_ino, s->directory, s->name, st);
		tree_forget(t, linked.st_ino, 1);
		return cleared;
	}
	*content = true;
	return cleared ? cleared : make_new(x, s, e, st);
}

int make_again(struct revert *x, const char *path, const struct iso_entry *e, bool content)
{
	struct tree *t = x->o->tree;
	struct stat st = {.st_mode = 0};
	struct spot s;
	int r = spot_find(t, path, &s);

	if (r)
		return revert_fail(x, path, "it cannot be made", r);
	r = *s.name ? tree_lookup(t, s.directory, s.name, &st) : tree_lookup_number(t, TREE_ROOT, &st);
	if (r == -ENOENT) {
		st.st_mode = 0;
		r = 0;
	}
	if (!r)
		r = settle(x, &s, e, &content, &st);
	if (!r && S_ISREG(e->mode) && content)
		r = put_content(x, path, st.st_ino);
	if (!r)
		r = make_remember(x, e, st.st_ino);
	if (st.st_mode)
		tree_forget(t, st.st_ino, 1);
	spot_release(t, &s);
	return r ? revert_fail(x, path, "it cannot be made again", r) : 0;
}

/* The directories above a path that is asked for, where they are not there. */
int make_above(struct revert *x, const char *path)
{
	_free_ char *way = strdup(path);
	int r = way ? 0 : -ENOMEM;

	for (char *slash = way ? strchr(way, '/') : NULL; !r && slash; slash = strchr(slash + 1, '/')) {
		_cleanup_entry_ struct iso_entry e = {.ino = 0};
		struct stat st;

		*slash = '\0';
		r = path_find(x->o->tree, way, &st);
		if (!r)
			tree_forget(x->o->tree, st.st_ino, 1);
		if (!r && !S_ISDIR(st.st_mode))
			r = revert_fail(x, way, "it is a file now: revert that", -ENOTDIR);
		if (r == -ENOENT) {
			r = iso_lookup_path(x->o->past, way, &e);
			if (!r)
				r = make_again(x, way, &e, false);
			if (!r)
				r = path_note(x, way, strlen(way));
		}
		*slash = '/';
	}
	return r;
}
