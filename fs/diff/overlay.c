/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * overlay.c - what is staged, laid over a session
 *
 * A node for each name that is staged and for each directory above one, by its path as it is now.  What has no node is
 * as it is in the session, with all that is below.  Of a directory that has one the session's names are listed; those
 * of them that were removed or moved away are left out, and the staged ones take the others' places.
 */
#include "fs/diff/overlay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/grow.h"
#include "burner/base/name_tree.h"
#include "fs/diff/internal.h"

struct node {
	const char *path, *from;
	uint64_t bytes;
	char kind;		  /* 0: only something below it is staged */
	bool content, attributes; /* others than the session has */
	const char *base;	  /* path in the session; NULL: it is not in it */
};

/* What has another name now. */
struct moved {
	const char *from; /* path in the session */
	uint32_t node;
};

struct diff_overlay {
	struct iso *base;
	const struct diff_overlay_ops *ops;
	void *context;
	struct arena arena;
	struct name_tree names;
	struct node *nodes; /* of the names */
	size_t capacity;
	struct moved *moved; /* sorted */
	size_t n_moved, moved_capacity;
};

/* Each name has its node. */
static int follow_names(struct diff_overlay *o)
{
	return grow_beside(&o->nodes, &o->capacity, o->names.capacity, sizeof(*o->nodes));
}

/* The node of a path, and those above it. */
static int node_of(struct diff_overlay *o, const char *path, uint32_t *ret)
{
	int r = name_tree_reach(&o->names, path, ret);

	return r ? r : follow_names(o);
}

int diff_overlay_new(struct iso *base, const struct diff_overlay_ops *ops, void *context, struct diff_overlay **ret)
{
	_cleanup_(diff_overlay_freep) struct diff_overlay *o = calloc(1, sizeof(*o));
	uint32_t root;

	if (!o || node_of(o, "", &root))
		return -ENOMEM;
	o->base = base;
	o->ops = ops;
	o->context = context;
	o->nodes[root] = (struct node){.path = "", .base = ""};
	*ret = TAKE_PTR(o);
	return 0;
}

void diff_overlay_free(struct diff_overlay *o)
{
	if (!o)
		return;
	arena_release(&o->arena);
	name_tree_release(&o->names);
	free(o->nodes);
	free(o->moved);
	free(o);
}

int overlay_read(const struct diff_overlay *o, const char *path, uint64_t offset, void *buf, size_t length)
{
	return o->ops->read(o->context, path, offset, buf, length);
}

int overlay_xattrs(const struct diff_overlay *o, const char *path, uint8_t **ret, size_t *ret_bytes)
{
	return o->ops->xattrs(o->context, path, ret, ret_bytes);
}

/* ---- the nodes ---- */

static int note_moved(struct diff_overlay *o, uint32_t node)
{
	int r = grow(&o->moved, &o->moved_capacity, o->n_moved, sizeof(*o->moved));

	if (!r)
		o->moved[o->n_moved++] = (struct moved){o->nodes[node].from, node};
	return r;
}

int diff_overlay_add(struct diff_overlay *o, const struct diff_staged *c)
{
	struct node *node;
	uint32_t i;
	int r;

	if (!strchr("AMDR", c->kind) || !c->kind || (c->kind == 'R') != (c->from != NULL))
		return -EINVAL;
	r = node_of(o, strcmp(c->path, ".") ? c->path : "", &i);
	if (r)
		return r;
	node = &o->nodes[i];
	/* A name that was removed, and is there again: it has both. */
	if (node->kind && c->kind == 'D')
		return 0;
	node->kind = c->kind;
	node->content = c->content;
	node->attributes = c->attributes;
	node->bytes = c->bytes;
	node->path = arena_string(&o->arena, c->path, strlen(c->path));
	if (c->from)
		node->from = arena_string(&o->arena, c->from, strlen(c->from));
	if (!node->path || (c->from && !node->from))
		return -ENOMEM;
	return c->from ? note_moved(o, i) : 0;
}

static int compare_moved(const void *a, const void *b)
{
	return strcmp(((const struct moved *)a)->from, ((const struct moved *)b)->from);
}

static const struct moved *moved_from(const struct diff_overlay *o, const char *path)
{
	const struct moved key = {path, 0};

	return o->n_moved ? bsearch(&key, o->moved, o->n_moved, sizeof(*o->moved), compare_moved) : NULL;
}

static char *join(struct arena *a, const char *directory, const char *name)
{
	size_t n = strlen(directory), length = strlen(name);
	char *path = arena_take(a, n + length + 2, 1);

	if (!path)
		return NULL;
	memcpy(path, directory, n);
	if (n)
		path[n++] = '/';
	memcpy(path + n, name, length + 1);
	return path;
}

/* Where a directory of the session is now: what was renamed last on the way to it says so. */
static int path_now(struct diff_overlay *o, const char *base, const char **ret)
{
	size_t length = strlen(base);
	_free_ char *way = strdup(base);
	const struct moved *moved = NULL;

	if (!way)
		return -ENOMEM;
	while (length && !(moved = moved_from(o, way))) {
		while (length && way[length - 1] != '/')
			length--;
		length -= length > 0;
		way[length] = '\0';
	}
	if (!moved)
		*ret = base;
	else if (!base[length])
		*ret = o->nodes[moved->node].path;
	else
		*ret = join(&o->arena, o->nodes[moved->node].path, base + length + 1);
	return *ret ? 0 : -ENOMEM;
}

/* A directory that something was moved out of is another one, too. */
static int note_origin(struct diff_overlay *o, const char *from)
{
	const char *slash = strrchr(from, '/');
	const char *parent = arena_string(&o->arena, from, slash ? (size_t)(slash - from) : 0), *now;
	uint32_t node;
	int r = parent ? path_now(o, parent, &now) : -ENOMEM;

	return r ? r : node_of(o, now, &node);
}

/* A directory that was removed, and made anew, has nothing of the session's. */
static int find_made_anew(struct diff_overlay *o, struct node *node)
{
	_cleanup_entry_ struct iso_entry base = {.ino = 0};
	_free_ char *target = NULL;
	struct stat st;
	int r = node->kind == 'M' && node->base && o->base ? iso_lookup_path(o->base, node->base, &base) : -ENOENT;

	if (r || !S_ISDIR(base.mode))
		return r == -ENOENT ? 0 : r;
	r = o->ops->look(o->context, node->path, &st, &target);
	if (!r && S_ISDIR(st.st_mode) && (uint64_t)st.st_ino != base.ino)
		node->base = NULL;
	return r;
}

int diff_overlay_seal(struct diff_overlay *o)
{
	int r = 0;

	if (o->n_moved)
		qsort(o->moved, o->n_moved, sizeof(*o->moved), compare_moved);
	for (size_t i = 0; i < o->n_moved && !r; i++)
		r = note_origin(o, o->moved[i].from);
	/* Parents come before children. */
	for (uint32_t i = NAME_TREE_ROOT + 1; i < o->names.n && !r; i++) {
		const struct name_node *name = &o->names.nodes[i];
		struct node *node = &o->nodes[i];
		const char *above = o->nodes[name->parent].base;

		node->base = node->from			 ? node->from :
			     !above || node->kind == 'A' ? NULL :
							   join(&o->arena, above, name->name);
		if (above && !node->base && node->kind != 'A')
			r = -ENOMEM;
		if (!r)
			r = find_made_anew(o, node);
	}
	return r;
}

/* ---- the names of a directory ---- */

static void take_attributes(const struct stat *st, struct diff_entry *e)
{
	e->staged_attributes = true;
	e->mtime = st->st_mtim;
	e->mode = st->st_mode;
	e->uid = st->st_uid;
	e->gid = st->st_gid;
}

static void take_content(const struct node *node, const struct stat *st, struct diff_entry *e)
{
	e->staged_content = true;
	e->staged_bytes = node->bytes;
	e->n_extents = 0;
	e->size = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;
	e->rdev = st->st_rdev;
}

/* What was looked at, over what the session has of it: that alone which is different, for the mount may show another
 * owner and other modes than the disc has. */
static void take_look(const struct node *node, const struct stat *st, struct diff_entry *e)
{
	bool same_file = e->mode && (e->mode & S_IFMT) == (st->st_mode & S_IFMT) && node->kind != 'A';

	if (!same_file)
		e->dir.at = (struct iso_extent){0};
	if (!same_file || node->attributes)
		take_attributes(st, e);
	if (!same_file || node->content)
		take_content(node, st, e);
	e->ino = (uint64_t)st->st_ino;
	e->staged_path = node->path;
}

static int entry_of(const struct diff_overlay *o, uint32_t i, struct arena *a, struct diff_entry *ret)
{
	const struct node *node = &o->nodes[i];
	bool looked = node->kind;
	_cleanup_entry_ struct iso_entry base = {.ino = 0};
	_free_ char *target = NULL;
	struct stat st;
	int r = !node->base ? 0 : o->base ? iso_lookup_path(o->base, node->base, &base) : -ENOENT;

	if (r == -ENOENT && (looked || i == NAME_TREE_ROOT)) /* of a blank disc */
		r = 0;
	if (!r && !node->kind && !node->base)
		r = -ENOENT;
	if (!r)
		r = diff_entry_of(a, &base, ret);
	if (!r && looked)
		r = o->ops->look(o->context, node->path, &st, &target);
	if (r)
		return r;
	if (looked)
		take_look(node, &st, ret);
	if (!looked && !ret->mode)
		ret->mode = S_IFDIR | 0755;
	ret->name = arena_string(a, o->names.nodes[i].name, strlen(o->names.nodes[i].name));
	if (target)
		ret->target = arena_string(a, target, strlen(target));
	if (S_ISDIR(ret->mode))
		ret->dir.node = i;
	return ret->name && (!target || ret->target) ? 0 : -ENOMEM;
}

int overlay_root(const struct diff_overlay *o, struct arena *a, struct diff_entry *ret)
{
	return entry_of(o, NAME_TREE_ROOT, a, ret);
}

/* Of the session's names those that are still there and are not staged. */
static int leave_out(const struct diff_overlay *o, uint32_t directory, struct diff_list *l)
{
	const struct node *node = &o->nodes[directory];
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++) {
		const char *name = l->entries[i].name, *base = node->base ? join(&l->arena, node->base, name) : name;

		if (!base)
			return -ENOMEM;
		if (!name_tree_child(&o->names, directory, name, strlen(name)) && !moved_from(o, base))
			l->entries[kept++] = l->entries[i];
	}
	l->n = kept;
	return 0;
}

int overlay_apply(const struct diff_overlay *o, const struct diff_dir *dir, struct diff_list *l)
{
	size_t capacity = l->n;
	int r = leave_out(o, dir->node, l);

	for (uint32_t i = o->names.nodes[dir->node].first; i && !r; i = o->names.nodes[i].next) {
		if (o->nodes[i].kind == 'D')
			continue;
		r = grow(&l->entries, &capacity, l->n, sizeof(*l->entries));
		if (!r)
			r = entry_of(o, i, &l->arena, &l->entries[l->n]);
		if (r == -ENOENT && !o->nodes[i].kind) {
			r = 0; /* of what was removed something was moved away */
			continue;
		}
		l->n += !r;
	}
	return r;
}
