/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nodes.c - what is in a session: asked of its tree, with the numbers of this room
 *
 * The root of a session is its directory in .sessions: the kernel's references to it are counted here alone, and its
 * times are the date of the session.
 */
#include "fs/snapdir/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/own.h"

static bool is_names(uint64_t ino) { return number_session(ino) == 0; }
static bool is_root(uint64_t ino) { return number_inner(ino) == TREE_ROOT; }

static void set_date(struct snapdir *p, uint32_t number, struct stat *st)
{
	struct disc_session session;

	if (session_described(p, number, &session) == 0 && session.created)
		st->st_atim = st->st_mtim = st->st_ctim = (struct timespec){.tv_sec = nearest_time(session.created)};
}

/* As the tree of the session gave it; its numbers become ours. */
static int shown(struct snapdir *p, const struct opened *s, struct stat *st)
{
	uint64_t inner = st->st_ino, ino;
	int r = number_of(s->number, inner, &ino);

	if (r < 0)
		return r;
	st->st_ino = ino;
	if (inner == TREE_ROOT)
		set_date(p, s->number, st);
	return 0;
}

/* ---- the directory of a session ---- */

static int getattr_root(struct snapdir *p, struct opened *s, struct stat *st)
{
	struct disc_session session;
	int r = session_described(p, s->number, &session);

	if (!r)
		r = p->options.lazy && !session_tree(p, s) ? tree_getattr(p->options.present, TREE_ROOT, st) :
		    session_open(p, s)			   ?:
							     tree_getattr(s->tree, TREE_ROOT, st);
	return r < 0 ? r : shown(p, s, st);
}

int nodes_refer_root(struct snapdir *p, uint32_t number, struct stat *st)
{
	struct opened *s;
	int r = session_enter(p, number, &s);

	if (r < 0)
		return r;
	r = getattr_root(p, s, st);
	session_leave(p, s, r == 0);
	return r;
}

/* ---- names ---- */

static int look_up(const struct opened *s, uint64_t inner, const char *name, struct stat *st)
{
	return !strcmp(name, ".")  ? tree_lookup_number(s->tree, inner, st) :
	       !strcmp(name, "..") ? tree_lookup_parent(s->tree, inner, st) :
				     tree_lookup(s->tree, inner, name, st);
}

/* What a look-up of the session's tree came to: its reference is given on, with the number here, or back. */
static int give(struct snapdir *p, struct opened *s, int r, struct stat *st)
{
	if (!r) {
		uint64_t inner = st->st_ino;

		r = shown(p, s, st);
		if (r < 0)
			tree_forget(s->tree, inner, 1);
	}
	session_leave(p, s, r == 0);
	return r;
}

static int lookup_in(struct snapdir *p, uint64_t parent, const char *name, struct stat *st)
{
	struct opened *s;
	int r = session_enter_tree(p, parent, &s);

	if (r < 0)
		return r;
	return give(p, s, look_up(s, number_inner(parent), name, st), st);
}

int snapdir_lookup(struct snapdir *p, uint64_t parent, const char *name, struct stat *st)
{
	bool itself = !strcmp(name, "."), above = !strcmp(name, "..");

	if (is_names(parent))
		return itself ? names_getattr(p, parent, st) : names_lookup(p, name, st);
	if (is_root(parent) && itself)
		return nodes_refer_root(p, number_session(parent), st);
	if (is_root(parent) && above)
		return names_getattr(p, SNAPDIR_ROOT, st);
	return lookup_in(p, parent, name, st);
}

void snapdir_forget(struct snapdir *p, uint64_t ino, uint64_t n_lookups)
{
	struct opened *s;

	/* For want of memory it is remembered: the session stays open. */
	if (is_names(ino) || session_enter(p, number_session(ino), &s) < 0)
		return;
	struct tree *tree = session_tree(p, s);
	if (tree && !is_root(ino))
		tree_forget(tree, number_inner(ino), n_lookups);
	session_drop(p, s, n_lookups);
}

/* ---- attributes ---- */

int snapdir_getattr(struct snapdir *p, uint64_t ino, struct stat *st)
{
	struct opened *s;

	if (is_names(ino))
		return names_getattr(p, ino, st);
	int r = is_root(ino) ? session_enter(p, number_session(ino), &s) : session_enter_tree(p, ino, &s);
	if (r < 0)
		return r;
	if (is_root(ino)) {
		r = getattr_root(p, s, st);
	} else {
		r = tree_getattr(s->tree, number_inner(ino), st);
		if (!r)
			r = shown(p, s, st);
	}
	session_leave(p, s, 0);
	return r;
}

/* `ls -l` asks for access lists of all directories that it lists. */
static bool looks_like_present(struct snapdir *p, struct opened *s, uint64_t ino)
{
	return p->options.lazy && is_root(ino) && !session_tree(p, s);
}

int snapdir_readlink(struct snapdir *p, uint64_t ino, char **ret)
{
	struct opened *s;

	if (is_names(ino))
		return names_readlink(p, ino, ret);
	int r = session_enter_tree(p, ino, &s);
	if (r < 0)
		return r;
	r = tree_readlink(s->tree, number_inner(ino), ret);
	session_leave(p, s, 0);
	return r;
}

int snapdir_xattr_get(struct snapdir *p, uint64_t ino, const char *name, uint8_t **ret, size_t *ret_bytes)
{
	struct opened *s;

	if (is_names(ino))
		return -ENODATA;
	int r = session_enter(p, number_session(ino), &s);
	if (r < 0)
		return r;
	struct tree *tree = p->options.present;
	if (!looks_like_present(p, s, ino) && !(r = session_open(p, s)))
		tree = s->tree;
	if (!r)
		r = tree_xattr_get(tree, number_inner(ino), name, ret, ret_bytes);
	session_leave(p, s, 0);
	return r;
}

int snapdir_xattr_list(struct snapdir *p, uint64_t ino, char **ret, size_t *ret_bytes)
{
	struct opened *s;

	*ret = NULL;
	*ret_bytes = 0;
	if (is_names(ino))
		return 0;
	int r = session_enter(p, number_session(ino), &s);
	if (r < 0)
		return r;
	struct tree *tree = p->options.present;
	if (!looks_like_present(p, s, ino) && !(r = session_open(p, s)))
		tree = s->tree;
	if (!r)
		r = tree_xattr_list(tree, number_inner(ino), ret, ret_bytes);
	session_leave(p, s, 0);
	return r;
}

int snapdir_where(struct snapdir *p, uint64_t ino, uint64_t older_below, struct tree_where *ret)
{
	struct opened *s;

	if (is_names(ino))
		return -ENODATA;
	int r = session_enter_tree(p, ino, &s);
	if (r < 0)
		return r;
	r = tree_where(s->tree, number_inner(ino), older_below, ret);
	session_leave(p, s, 0);
	return r;
}

uint64_t snapdir_root_of(uint64_t ino)
{
	uint64_t root = ino;

	(void)number_of(number_session(ino), TREE_ROOT, &root);
	return root;
}

/* ---- files ---- */

int snapdir_open(struct snapdir *p, uint64_t ino, int flags, struct tree_file **ret)
{
	struct opened *s;

	if ((flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC)
		return -EROFS;
	if (is_names(ino))
		return number_inner(ino) == TREE_ROOT ? -EISDIR : -ELOOP;
	int r = session_enter_tree(p, ino, &s);
	if (r < 0)
		return r;
	r = tree_open(s->tree, number_inner(ino), flags, ret);
	session_leave(p, s, r == 0);
	return r;
}

/* It is open, since somebody has a handle. */
static struct opened *enter_again(struct snapdir *p, uint64_t ino)
{
	struct opened *s = NULL;
	int r = session_enter(p, number_session(ino), &s);

	check(r == 0 && s->tree);
	(void)r;
	return s;
}

void snapdir_close(struct snapdir *p, uint64_t ino, struct tree_file *f)
{
	struct opened *s = enter_again(p, ino);

	tree_close(s->tree, f);
	session_drop(p, s, 1);
}

struct tree *snapdir_tree(struct snapdir *p, uint64_t ino)
{
	struct opened *s = enter_again(p, ino);
	struct tree *tree = s->tree;

	session_leave(p, s, 0);
	return tree;
}

/* ---- directories ---- */

struct snapdir_dir {
	uint64_t ino;
	struct opened *session; /* NULL: .sessions itself */
	struct tree_dir *dir;
};

int snapdir_opendir(struct snapdir *p, uint64_t ino, struct snapdir_dir **ret)
{
	_cleanup_(free_ptr) struct snapdir_dir *d = calloc(1, sizeof(*d));
	int r = d ? 0 : -ENOMEM;

	if (r < 0)
		return r;
	d->ino = ino;
	if (is_names(ino) && !is_root(ino))
		return -ENOTDIR;
	if (!is_names(ino))
		r = session_enter_tree(p, ino, &d->session);
	if (!r && d->session) {
		r = tree_opendir(d->session->tree, number_inner(ino), &d->dir);
		session_leave(p, d->session, r == 0);
	}
	if (!r)
		*ret = TAKE_PTR(d);
	return r;
}

void snapdir_closedir(struct snapdir *p, struct snapdir_dir *d)
{
	if (d->session) {
		struct opened *s = enter_again(p, d->ino);

		tree_closedir(s->tree, d->dir);
		session_drop(p, s, 1);
	}
	free(d);
}

int snapdir_readdir(struct snapdir *p, struct snapdir_dir *d, uint64_t cookie, struct tree_dir_entry *ret)
{
	if (!d->session)
		return names_readdir(p, cookie, ret);
	int r = tree_readdir(d->session->tree, d->dir, cookie, ret);
	if (r <= 0)
		return r;
	/* Of what has no number its name and type at least: the error comes when it is looked up. */
	if ((is_root(d->ino) && !strcmp(ret->name, "..")) || number_of(d->session->number, ret->ino, &ret->ino) < 0)
		ret->ino = SNAPDIR_ROOT;
	return r;
}

int snapdir_readdir_lookup(struct snapdir *p, struct snapdir_dir *d, uint64_t cookie, struct stat *st)
{
	struct opened *s;

	if (!d->session)
		return -ENOENT;
	s = enter_again(p, d->ino);
	return give(p, s, tree_readdir_lookup(s->tree, d->dir, cookie, st), st);
}
