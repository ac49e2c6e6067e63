/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * diff.c - the walk over both trees, and what comes of it
 *
 * Pairs of directories wait on a stack: what both have under a name is compared, directories at different places
 * become pairs.  What one tree has alone becomes a candidate; when no pair is left, it is known where all that moved
 * within what was compared has gone, and the candidates that are directories give further pairs (candidates.c).
 */
#include "fs/diff/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/bytes.h"
#include "burner/base/grow.h"
#include "burner/base/own.h"

#define PATHS_BYTES_MAX ((uint64_t)1 << 30)

const char *walk_path(struct walk *w, const char *directory, const char *name)
{
	size_t n = strlen(directory), bytes = n + strlen(name) + 2;
	char *path;

	w->d->memory->path_bytes += bytes;
	path = w->d->memory->path_bytes > PATHS_BYTES_MAX ? NULL : arena_take(&w->d->memory->arena, bytes, 1);
	if (path)
		snprintf(path, bytes, "%s%s%s", directory, n ? "/" : "", name);
	return path;
}

int walk_push(struct walk *w, const struct pair *p)
{
	int r = grow(&w->pairs, &w->pairs_capacity, w->n_pairs, sizeof(*w->pairs));

	if (!r)
		w->pairs[w->n_pairs++] = *p;
	return r;
}

int walk_lost(struct walk *w, const char *path, bool newer, int error)
{
	if (error != -EIO && error != -EBADMSG && error != -EACCES) /* of what is staged */
		return error;
	w->d->complete = false;
	return w->o->lost ? w->o->lost(w->o->context, path, newer, error) : 0;
}

int walk_list(struct walk *w, bool newer, const struct diff_dir *dir, const char *path, struct diff_list *ret)
{
	int r = dir->at.bytes ? iso_room_take(newer ? &w->new_room : &w->old_room, dir->at) : 0;

	if (r > 0) /* it was read before, at another path */
		r = -EBADMSG;
	if (!r && w->o->pace)
		r = w->o->pace(w->o->context);
	if (!r)
		r = diff_list(newer ? &w->o->new : &w->o->old, dir, ret);
	return r ? walk_lost(w, path, newer, r) : 1;
}

/* ---- what is told ---- */

static int count_content(struct walk *w, const struct diff_entry *e, uint64_t *ret_new)
{
	*ret_new = e->staged_bytes;
	w->d->count.new_bytes += e->staged_bytes;
	for (uint32_t i = 0; i < e->n_extents; i++) {
		const struct extent *x = &e->extents[i];
		bool new = x->pos >= w->o->new_from;

		if (new)
			*ret_new += x->length;
		if (idset_has(&w->counted, x->pos / SECTOR_BYTES))
			continue;
		if (idset_reserve(&w->counted, 1) < 0)
			return -ENOMEM;
		idset_add(&w->counted, x->pos / SECTOR_BYTES);
		if (new)
			w->d->count.new_bytes += x->length;
		else
			w->d->count.shared_bytes += x->length;
	}
	return 0;
}

static void count_change(struct diff_count *n, const struct diff_change *c)
{
	if (S_ISDIR(c->mode)) {
		n->renamed_directories += c->kind == 'R';
		return;
	}
	n->added += c->kind == 'A';
	n->deleted += c->kind == 'D';
	n->renamed += c->kind == 'R';
	n->changed += c->content || c->attributes;
}

int walk_change(struct walk *w, const struct diff_change *c, const struct diff_entry *e)
{
	struct diff *d = w->d;
	struct diff_change change = *c;
	int r = c->kind == 'A' || c->content ? count_content(w, e, &change.new_bytes) : 0;

	change.mtime = e->mtime;
	if (r)
		return r;
	count_change(&d->count, c);
	if (w->o->counted)
		return 0;
	r = grow(&d->changes, &w->changes_capacity, d->n, sizeof(*d->changes));
	if (!r)
		d->changes[d->n++] = change;
	return r;
}

/* 1 or 0; what cannot be read counts as changed. */
static int differs(struct walk *w, const char *path, int r)
{
	if (r >= 0)
		return r;
	r = walk_lost(w, path, true, r);
	return r ? r : 1;
}

/* content, attributes: 1, 0, or the error for which it is not known. */
static int tell_file(struct walk *w, const struct diff_entry *new, int content, int attributes, const char *path,
		     const char *from)
{
	content = differs(w, path, content);
	if (content < 0)
		return content;
	attributes = differs(w, path, attributes);
	if (attributes < 0 || (!from && !content && !attributes))
		return attributes < 0 ? attributes : 0;
	return walk_change(w,
			   &(struct diff_change){.kind = from ? 'R' : 'M',
						 .content = content,
						 .attributes = attributes,
						 .mode = new->mode,
						 .path = path,
						 .from = from,
						 .bytes = S_ISREG(new->mode) ? new->size : 0},
			   new);
}

int walk_compare(struct walk *w, const struct diff_entry *old, const struct diff_entry *new, const char *path,
		 const char *from)
{
	return tell_file(w, new, diff_content(w->o, old, new), diff_attributes(w->o, old, new), path, from);
}

/* ---- a pair ---- */

static bool is_same_directory(const struct diff_dir *old, const struct diff_dir *new)
{
	return new->node == DIFF_NO_NODE && old->at.lba == new->at.lba && old->at.bytes == new->at.bytes;
}

static int compare_directories(struct walk *w, const struct diff_entry *old, const struct diff_entry *new,
			       const char *old_path, const char *path)
{
	return is_same_directory(&old->dir, &new->dir) ?
		       0 :
		       walk_push(w, &(struct pair){old->dir, new->dir, old_path, path});
}

/* Both have that name, of one type, and it is the same file. */
static int compare_same(struct walk *w, const struct pair *p, const struct diff_entry *old,
			const struct diff_entry *new)
{
	int content = diff_content(w->o, old, new), attributes = diff_attributes(w->o, old, new), r;
	const char *path, *old_path;

	/* Most are as they were: no path is made of them. */
	if (!content && !attributes && (!S_ISDIR(new->mode) || is_same_directory(&old->dir, &new->dir)))
		return 0;
	path = walk_path(w, p->path, new->name);
	old_path = path && p->old_path != p->path ? walk_path(w, p->old_path, old->name) : path;
	if (!path || !old_path)
		return -ENOMEM;
	r = tell_file(w, new, content, attributes, path, NULL);
	return r || !S_ISDIR(new->mode) ? r : compare_directories(w, old, new, old_path, path);
}

static int compare_named(struct walk *w, const struct pair *p, const struct diff_entry *old,
			 const struct diff_entry *new)
{
	bool same_type = (old->mode & S_IFMT) == (new->mode &S_IFMT);
	uint32_t gone = NUMBERS_NONE, come = NUMBERS_NONE;
	int r;

	if (same_type && (!w->o->by_number || old->ino == new->ino))
		return compare_same(w, p, old, new);
	r = candidates_add(w, false, p->old_path, old, &gone);
	if (!r)
		r = candidates_add(w, true, p->path, new, &come);
	if (r || !same_type || gone == NUMBERS_NONE || come == NUMBERS_NONE)
		return r;
	w->gone.list[gone].twin = come;
	w->come.list[come].twin = gone;
	return 0;
}

static int merge(struct walk *w, const struct pair *p, const struct diff_list *old, const struct diff_list *new)
{
	size_t i = 0, j = 0;
	int r = 0;

	while (!r && (i < old->n || j < new->n)) {
		int order = i == old->n ? 1 : j == new->n ? -1 : strcmp(old->entries[i].name, new->entries[j].name);

		if (order < 0)
			r = candidates_add(w, false, p->old_path, &old->entries[i++], NULL);
		else if (order > 0)
			r = candidates_add(w, true, p->path, &new->entries[j++], NULL);
		else
			r = compare_named(w, p, &old->entries[i++], &new->entries[j++]);
	}
	return r;
}

static int compare_pair(struct walk *w, const struct pair *p)
{
	_cleanup_(diff_list_release) struct diff_list old = {.n = 0}, new = {.n = 0};
	int r = walk_list(w, false, &p->old, p->old_path, &old);

	if (r > 0)
		r = walk_list(w, true, &p->new, p->path, &new);
	return r > 0 ? merge(w, p, &old, &new) : r;
}

/* ---- all of it ---- */

static int start(struct walk *w)
{
	const struct diff_options *o = w->o;
	struct arena *a = &w->d->memory->arena;
	struct diff_entry old, new;
	struct iso_info info = {0};
	int r = diff_root(&o->old, a, &old);

	if (!r)
		r = diff_root(&o->new, a, &new);
	if (r)
		return r;
	iso_room_init(o->old.iso, &w->old_room);
	iso_room_init(o->new.iso, &w->new_room);
	if (o->old.iso)
		iso_info(o->old.iso, &info);
	w->old_next_ino = !o->old.iso ? 1 : o->by_number && info.ours ? info.appuse.next_ino : 0;
	r = o->old.iso && o->new.iso ? walk_compare(w, &old, &new, ".", NULL) : 0;
	return r ? r : compare_directories(w, &old, &new, "", "");
}

static int run(struct walk *w)
{
	int r = start(w);

	while (!r) {
		while (!r && w->n_pairs) {
			struct pair p = w->pairs[--w->n_pairs];

			r = compare_pair(w, &p);
		}
		if (!r)
			r = candidates_settle(w);
		if (r <= 0)
			break;
		r = 0;
	}
	return r ? r : candidates_conclude(w);
}

static int compare_changes(const void *a, const void *b)
{
	const struct diff_change *x = a, *y = b;
	int r = strcmp(x->path, y->path);

	return r ? r : (y->kind == 'D') - (x->kind == 'D');
}

int diff_trees(const struct diff_options *options, struct diff *ret)
{
	_cleanup_diff_ struct diff d = {.complete = true, .memory = calloc(1, sizeof(*d.memory))};
	struct walk w = {.o = options, .d = &d};
	int r = d.memory ? run(&w) : -ENOMEM;

	free(w.pairs);
	candidates_release(&w.gone);
	candidates_release(&w.come);
	idset_release(&w.counted);
	idmap_release(&w.links_of);
	idmap_release(&w.n_links);
	iso_room_release(&w.old_room);
	iso_room_release(&w.new_room);
	if (r)
		return r;
	if (d.n)
		qsort(d.changes, d.n, sizeof(*d.changes), compare_changes);
	*ret = d;
	d = (struct diff){.n = 0};
	return 0;
}

void diff_release(struct diff *d)
{
	if (d->memory)
		arena_release(&d->memory->arena);
	free(d->memory);
	free(d->changes);
	*d = (struct diff){.n = 0};
}
