/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * found.c - versions of files that were found, and what became of them
 *
 * What is different between two sessions is applied as a whole: first all names that are deleted or renamed are taken
 * out of the tree of names, then what was renamed is put in where it is now, directories before what is in them, then
 * what changed and what is new is looked at.  A name that another file took by a rename is not told as deleted.
 */
#include "fs/cmd/found.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/grow.h"
#include "burner/base/own.h"
#include "burner/base/path.h"

void found_init(struct found *f, const struct criteria *criteria) { *f = (struct found){.criteria = criteria}; }

void found_release(struct found *f)
{
	name_tree_release(&f->names);
	free(f->by_node);
	free(f->versions);
	free(f->noted);
	arena_release(&f->noted_paths);
	arena_release(&f->arena);
}

void found_enter(struct found *f, const struct disc_session *session, const char *scope)
{
	f->session = session;
	f->scope = scope;
}

/* ---- names and versions ---- */

/* Each node has its place in the array. */
static int follow_names(struct found *f)
{
	return grow_beside(&f->by_node, &f->by_node_capacity, f->names.capacity, sizeof(*f->by_node));
}

static struct found_version *newest_of(const struct found *f, uint32_t node)
{
	return node && f->by_node[node].newest ? &f->versions[f->by_node[node].newest - 1] : NULL;
}

static bool is_asked_for(const struct found *f, const struct criteria_file *file)
{
	return f->scope && (!f->scope[0] || path_is_inside(file->path, f->scope)) && criteria_hold(f->criteria, file);
}

/* The version that is there is found: of that node, or, when it is NAME_TREE_NONE, of one that is made. */
static int add(struct found *f, uint32_t node, char kind, const struct criteria_file *file)
{
	const char *path = arena_string(&f->arena, file->path, strlen(file->path));
	int r = path && f->n < FOUND_NONE ? grow(&f->versions, &f->capacity, f->n, sizeof(*f->versions)) : -ENOMEM;
	struct found_version *v;

	if (!r && !node)
		r = name_tree_reach(&f->names, file->path, &node);
	if (!r)
		r = follow_names(f);
	if (r)
		return r;
	v = &f->versions[f->n];
	*v = (struct found_version){.session = f->session, .kind = kind, .file = *file, .node = node};
	v->file.path = path;
	v->older = f->by_node[node].newest ? f->by_node[node].newest - 1 : FOUND_NONE;
	f->by_node[node].newest = (uint32_t)++f->n;
	f->by_node[node].is_newest = true;
	return 0;
}

/* The file is another one from here on. */
static void replace(struct found *f, uint32_t node)
{
	struct found_version *v = newest_of(f, node);

	if (!v || !f->by_node[node].is_newest)
		return;
	v->replaced = true;
	v->replaced_in = f->session;
	f->by_node[node].is_newest = false;
}

static void end(struct found *f, uint32_t node)
{
	name_tree_detach(&f->names, node);
	f->by_node[node].gone = true;
	f->by_node[node].gone_in = f->session;
}

/* ---- what is seen ---- */

static bool is_same(const struct criteria_file *a, const struct criteria_file *b)
{
	return a->mode == b->mode && a->bytes == b->bytes && (S_ISDIR(a->mode) || a->mtime == b->mtime);
}

int found_see(struct found *f, char kind, const struct criteria_file *file)
{
	uint32_t node = name_tree_find(&f->names, file->path);
	const struct found_version *v = newest_of(f, node);

	if (v && f->by_node[node].unsure && f->by_node[node].is_newest && !is_same(&v->file, file))
		replace(f, node);
	if (node)
		f->by_node[node].unsure = false;
	if ((v && f->by_node[node].is_newest) || !is_asked_for(f, file))
		return 0;
	return add(f, node, kind, file);
}

void found_lose(struct found *f, const char *path)
{
	uint32_t top = name_tree_find(&f->names, path);

	for (uint32_t at = top; at; at = name_tree_below(&f->names, top, at))
		f->by_node[at].unsure = true;
}

/* ---- what is different ---- */

static struct criteria_file file_of(const struct diff_change *c)
{
	return (struct criteria_file){c->path, c->mode, c->bytes, c->mtime.tv_sec};
}

/* nodes: of each change that of the name that is gone by it; NAME_TREE_NONE: it is not there. */
static void find_gone(const struct found *f, const struct diff *d, uint32_t *nodes)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct diff_change *c = &d->changes[i];

		if (c->kind == 'D' || c->kind == 'R')
			nodes[i] = name_tree_find(&f->names, c->kind == 'D' ? c->path : c->from);
	}
}

static void take_out(struct found *f, const struct diff *d, const uint32_t *nodes)
{
	for (size_t i = 0; i < d->n; i++) {
		if (nodes[i] && d->changes[i].kind == 'D')
			end(f, nodes[i]);
		else if (nodes[i])
			name_tree_detach(&f->names, nodes[i]);
	}
}

static int put_in(struct found *f, const struct diff_change *c, uint32_t node)
{
	const struct criteria_file file = file_of(c);
	uint32_t taken = name_tree_find(&f->names, c->path);
	int r = 0;

	if (taken)
		end(f, taken);
	if (node)
		r = name_tree_attach(&f->names, node, c->path);
	if (!r)
		r = follow_names(f);
	if (r)
		return r;
	if (node && !f->session)
		f->by_node[node].moved_in_stage = true;
	if (node && (c->content || c->attributes))
		replace(f, node);
	if ((node && f->by_node[node].newest && f->by_node[node].is_newest) || !is_asked_for(f, &file))
		return 0;
	return add(f, node, c->content || c->attributes ? 'M' : 'R', &file);
}

int found_note(struct found *f, const struct diff_change *c)
{
	struct criteria_file file = file_of(c);
	int r = 0;

	if (!is_asked_for(f, &file))
		return 0;
	file.path = arena_string(&f->noted_paths, c->path, strlen(c->path));
	r = file.path ? grow(&f->noted, &f->noted_capacity, f->n_noted, sizeof(*f->noted)) : -ENOMEM;
	if (!r)
		f->noted[f->n_noted++] = file;
	return r;
}

static int look_at(struct found *f, char kind, const struct criteria_file *file)
{
	uint32_t node = name_tree_find(&f->names, file->path);

	/* Only directories of what was found are reused. */
	if (kind == 'A' && newest_of(f, node)) {
		end(f, node);
		node = NAME_TREE_NONE;
	}
	if (node) {
		replace(f, node);
		f->by_node[node].unsure = false;
	}
	return is_asked_for(f, file) ? add(f, node, kind, file) : 0;
}

static int look_at_change(struct found *f, const struct diff_change *c)
{
	const struct criteria_file file = file_of(c);

	return c->kind == 'A' || c->kind == 'M' ? look_at(f, c->kind, &file) : 0;
}

int found_apply(struct found *f, const struct diff *d)
{
	_free_ uint32_t *nodes = calloc(d->n + 1, sizeof(*nodes));
	int r = nodes ? 0 : -ENOMEM;

	if (r)
		return r;
	find_gone(f, d, nodes);
	take_out(f, d, nodes);
	for (size_t i = 0; i < d->n && !r; i++)
		if (d->changes[i].kind == 'R')
			r = put_in(f, &d->changes[i], nodes[i]);
	for (size_t i = 0; i < d->n && !r; i++)
		r = look_at_change(f, &d->changes[i]);
	for (size_t i = 0; i < f->n_noted && !r; i++)
		r = look_at(f, 'A', &f->noted[i]);
	f->n_noted = 0;
	arena_release(&f->noted_paths);
	return r;
}

/* ---- the end ---- */

static int compare_versions(const void *a, const void *b, void *context)
{
	const struct found *f = context;
	const struct found_version *x = &f->versions[*(const uint32_t *)a], *y = &f->versions[*(const uint32_t *)b];
	int r = strcmp(x->file.path, y->file.path);

	return r ? r : *(const uint32_t *)a < *(const uint32_t *)b ? -1 : 1; /* they were found in that order */
}

int found_order(const struct found *f, uint32_t **ret)
{
	uint32_t *order = calloc(f->n + 1, sizeof(*order));

	if (!order)
		return -ENOMEM;
	for (uint32_t i = 0; i < f->n; i++)
		order[i] = i;
	qsort_r(order, f->n, sizeof(*order), compare_versions, (void *)(uintptr_t)f);
	*ret = order;
	return 0;
}

/* Of it, or of a directory above it. */
static bool was_moved_in_stage(const struct found *f, uint32_t node)
{
	for (; node; node = f->names.nodes[node].parent)
		if (f->by_node[node].moved_in_stage)
			return true;
	return false;
}

int found_fate(const struct found *f, const struct found_version *v, struct found_fate *ret)
{
	const struct found_name *name = &f->by_node[v->node];

	*ret = (struct found_fate){.known = true,
				   .gone = name->gone,
				   .gone_in = name->gone_in,
				   .in_stage = (name->gone && !name->gone_in) || (v->replaced && !v->replaced_in) ||
					       (!name->gone && was_moved_in_stage(f, v->node))};
	if (name->gone)
		return 0;
	ret->now = name_tree_path(&f->names, v->node);
	if (!ret->now && errno != ENOENT)
		return -ENOMEM;
	ret->known = ret->now && !name->unsure;
	ret->is_current = ret->known && !v->replaced;
	if (!ret->known)
		free(TAKE_PTR(ret->now));
	return 0;
}
