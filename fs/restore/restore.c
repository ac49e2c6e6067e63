/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * restore.c - the walk: what is asked for, what is there, what becomes of it
 *
 * From the root of the session down to the path, then over all that is in it.  The directories on the way are kept as
 * they are where they are there, and made where they are not.  A check walks in the same way, and makes nothing: below
 * what is not there nothing can be in the way.
 */
#include "fs/restore/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "burner/base/grow.h"
#include "burner/base/why.h"

int restore_new(const struct restore_options *options, struct restore **ret)
{
	_cleanup_(restore_freep) struct restore *x = calloc(1, sizeof(*x));

	if (!x)
		return -ENOMEM;
	x->o = *options;
	x->shown = -1;
	x->buffer = malloc(PIECE_BYTES);
	x->path = calloc(1, 1);
	if (!x->buffer || !x->path)
		return -ENOMEM;
	*ret = TAKE_PTR(x);
	return 0;
}

void restore_free(struct restore *x)
{
	if (!x)
		return;
	node_forget_links(x);
	idset_release(&x->met);
	free(x->links);
	free(x->frames);
	free(x->path);
	free(x->buffer);
	free(x);
}

void restore_session(struct restore *x, struct iso *iso, int shown)
{
	node_forget_links(x); /* numbers are those of one session */
	x->iso = iso;
	x->shown = shown;
}

static void clash(struct restore *x, const char *why, bool final)
{
	if (x->o.force && !final)
		return;
	x->clashes++;
	x->o.clash(x->o.context, x->path, why, final);
}

/* ---- the path ---- */

static int path_push(struct restore *x, const char *name)
{
	size_t n = x->path_bytes, more = strlen(name) + 2;

	if (n + more > x->path_capacity) {
		char *grown = realloc(x->path, 2 * (n + more));

		if (!grown)
			return -ENOMEM;
		x->path = grown;
		x->path_capacity = 2 * (n + more);
	}
	x->path_bytes += (size_t)snprintf(x->path + n, more, "%s%s", n ? "/" : "", name);
	return 0;
}

static void path_cut(struct restore *x, size_t bytes)
{
	x->path_bytes = bytes;
	x->path[bytes] = '\0';
}

/* ---- directories ---- */

/* A directory that leads back to one that was met is no tree: that would go on without an end. */
static int open_list(struct restore *x, struct iso_extent at, struct iso_dir **ret)
{
	int r = idset_reserve(&x->met, 1);

	if (!r)
		r = idset_has(&x->met, at.lba) ? -EBADMSG : iso_room_take(&x->room, at);
	if (r)
		return r;
	idset_add(&x->met, at.lba);
	return iso_dir_open(x->iso, at, ret);
}

/* Takes the entry and the descriptor. */
static int push(struct restore *x, struct iso_entry *e, const char *rest, int fd, bool made)
{
	struct frame f = {.rest = rest, .fd = fd, .made = made, .path_bytes = x->path_bytes};
	int r = grow(&x->frames, &x->frames_capacity, x->n_frames, sizeof(*x->frames));

	if (!r && !*rest)
		r = open_list(x, e->dir, &f.dir);
	if (r == -EIO || r == -EBADMSG) {
		restore_lose(x, "what is in it cannot be read", r);
		r = 0; /* it is a directory all the same */
	}
	if (r) {
		close_fd(&fd);
		return r;
	}
	f.e = *e;
	*e = (struct iso_entry){.ino = 0};
	x->frames[x->n_frames++] = f;
	return 0;
}

static void pop(struct restore *x)
{
	struct frame *f = &x->frames[--x->n_frames];

	iso_dir_close(f->dir);
	iso_entry_release(&f->e);
	close_fd(&f->fd);
}

/* All that was in it is there: it gets its attributes, and its name. */
static int finish_directory(struct restore *x)
{
	struct frame *f = &x->frames[x->n_frames - 1];
	struct frame *above = x->n_frames > 1 ? f - 1 : NULL;
	bool root = !above, asked = !*f->rest;
	int r = 0;

	path_cut(x, f->path_bytes);
	if (!x->checking && (root ? asked && (x->o.to_new || x->o.force) : f->made || (asked && x->o.force)))
		r = attributes_put(x, f->fd, ".", &f->e);
	if (!r && x->beside.active && x->beside.frame == x->n_frames - 1) {
		struct beside b = x->beside;

		r = beside_publish(x, b.parent, b.temporary, f->e.name, x->o.force);
		x->beside.active = r < 0;
	}
	if (!r)
		pop(x);
	return r;
}

/* What is not whole goes. */
static int give_up(struct restore *x, int error)
{
	struct beside b = x->beside;

	if (b.active) {
		int r = remove_tree(b.parent, b.temporary);

		if (r < 0)
			why_set(x->ret_why, error, "%.*s: it is not whole, and lies beside it as %s: %s",
				(int)b.path_bytes, x->path, b.temporary, strerror(-r));
	}
	x->beside.active = false;
	while (x->n_frames)
		pop(x);
	return error;
}

/* ---- what is asked for ---- */

static int make_directory(struct restore *x, struct frame *f, struct iso_entry *e, const char *rest)
{
	struct beside b = {.parent = f->fd, .path_bytes = x->path_bytes, .frame = x->n_frames};
	const char *name = f->made ? e->name : b.temporary;
	bool made = f->made;
	int at = f->fd, fd, r;

	beside_name(b.temporary);
	if (mkdirat(at, name, 0700) < 0)
		return restore_fail(x, "it cannot be made", -errno);
	b.active = true;
	if (!made)
		x->beside = b;
	fd = open_directory(at, name);
	if (fd < 0)
		return restore_fail(x, "it cannot be opened", fd);
	r = push(x, e, rest, fd, true);
	x->count->directories += !r;
	return r;
}

static int make_file(struct restore *x, struct frame *f, const struct iso_entry *e, bool taken)
{
	char temporary[BESIDE_BYTES];
	const char *name = f->made ? e->name : temporary;
	int r;

	beside_name(temporary);
	r = node_make(x, f->fd, name, e);
	if (r <= 0)
		return r;
	r = f->made ? 0 : beside_publish(x, f->fd, temporary, e->name, taken);
	if (r < 0) {
		(void)unlinkat(f->fd, temporary, 0);
		return r;
	}
	x->count->files++;
	x->count->bytes += S_ISREG(e->mode) ? e->size : 0;
	return node_remember(x, e);
}

static int check_absent(struct restore *x, struct iso_entry *e, const char *rest)
{
	x->count->files += !S_ISDIR(e->mode);
	x->count->bytes += S_ISREG(e->mode) ? e->size : 0;
	x->count->directories += S_ISDIR(e->mode);
	return S_ISDIR(e->mode) ? push(x, e, rest, -1, true) : 0;
}

static int put_absent(struct restore *x, struct frame *f, struct iso_entry *e, const char *rest, bool taken)
{
	if (x->checking)
		return check_absent(x, e, rest);
	return S_ISDIR(e->mode) ? make_directory(x, f, e, rest) : make_file(x, f, e, taken);
}

/* Something has that name. */
static int put_present(struct restore *x, struct frame *f, struct iso_entry *e, const char *rest, const struct stat *st)
{
	int fd, r;

	if (S_ISDIR(e->mode) && S_ISDIR(st->st_mode)) {
		fd = open_directory(f->fd, e->name);
		return fd < 0 ? restore_fail(x, "it cannot be opened", fd) : push(x, e, rest, fd, false);
	}
	if (*rest || S_ISDIR(st->st_mode)) {
		clash(x, *rest ? "it is no directory now" : "it is a directory now", true);
		return x->checking ? 0 : -EEXIST;
	}
	r = S_ISDIR(e->mode) ? 0 : same_as(x, f->fd, e->name, st, e);
	if (r < 0)
		return r;
	if (r) {
		x->count->present++;
		return node_remember(x, e);
	}
	if (x->checking || !x->o.force)
		clash(x, S_ISDIR(e->mode) ? "it is no directory now" : "it is another one now", false);
	if (!x->checking && !x->o.force)
		return -EEXIST;
	return put_absent(x, f, e, rest, true);
}

/* rest: what is wanted of it; "": all. */
static int put_entry(struct restore *x, struct iso_entry *e, const char *rest)
{
	struct frame *f = &x->frames[x->n_frames - 1];
	bool may_be = !f->made && f->fd >= 0;
	struct stat st;
	int r = path_push(x, e->name);

	if (r)
		return r;
	if (may_be && fstatat(f->fd, e->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return put_present(x, f, e, rest, &st);
	return may_be && errno != ENOENT ? restore_fail(x, "it cannot be known whether it is there", -errno) :
					   put_absent(x, f, e, rest, false);
}

/* The next one on the way to what is wanted. */
static int step_down(struct restore *x, const char *rest)
{
	struct frame *f = &x->frames[x->n_frames - 1];
	_cleanup_entry_ struct iso_entry e = {.ino = 0};
	size_t length = strcspn(rest, "/");
	char name[256];
	int r;

	if (length >= sizeof(name))
		return -ENOENT;
	snprintf(name, sizeof(name), "%.*s", (int)length, rest);
	r = iso_lookup(x->iso, f->e.dir, name, &e);
	if (r == -EIO || r == -EBADMSG)
		restore_lose(x, "the way to it cannot be read", r);
	rest += length + (rest[length] == '/');
	if (!r && *rest && !S_ISDIR(e.mode))
		r = -ENOENT;
	return r ? r : put_entry(x, &e, rest);
}

static int step(struct restore *x)
{
	struct frame *f = &x->frames[x->n_frames - 1];
	_cleanup_entry_ struct iso_entry e = {.ino = 0};
	int r;

	path_cut(x, f->path_bytes);
	if (*f->rest && !f->dir) {
		const char *rest = f->rest;

		if (f->passed)
			return finish_directory(x);
		f->passed = true;
		return step_down(x, rest);
	}
	r = f->dir ? iso_dir_next(f->dir, &e) : 0;
	if (r == -EIO || r == -EBADMSG) {
		restore_lose(x, "not all that is in it can be read", r);
		r = 0;
	}
	return r < 0 ? r : r ? put_entry(x, &e, "") : finish_directory(x);
}

static int walk(struct restore *x, const char *path, struct restore_count *ret, char **ret_why)
{
	_cleanup_entry_ struct iso_entry root = {.ino = 0};
	int r = iso_root(x->iso, &root), fd = -1;

	*ret = (struct restore_count){0};
	x->count = ret;
	x->ret_why = ret_why;
	x->clashes = 0;
	idset_release(&x->met);
	iso_room_init(x->iso, &x->room);
	path_cut(x, 0);
	if (r == -EIO || r == -EBADMSG)
		restore_lose(x, "the root of the session cannot be read", r);
	if (!r && x->o.to >= 0)
		fd = open_directory(x->o.to, ".");
	if (!r && x->o.to >= 0 && fd < 0)
		r = restore_fail(x, "it cannot be opened", fd);
	if (!r)
		r = push(x, &root, path, fd, false);
	while (!r && x->n_frames) {
		r = restore_pace(x);
		if (!r)
			r = step(x);
	}
	if (!r && x->clashes)
		r = -EEXIST;
	return r ? give_up(x, r) : 0;
}

int restore_check(struct restore *x, const char *path, struct restore_count *ret, char **ret_why)
{
	x->checking = true;
	return walk(x, path, ret, ret_why);
}

int restore_put(struct restore *x, const char *path, struct restore_count *ret, char **ret_why)
{
	x->checking = false;
	return walk(x, path, ret, ret_why);
}
