/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * paths.c - paths of the present tree: looked up, removed, carried through renames
 */
#include "fs/revert/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/grow.h"
#include "burner/base/own.h"
#include "burner/base/why.h"

int revert_fail(struct revert *x, const char *path, const char *what, int error)
{
	if (x->ret_why && *x->ret_why)
		return error;
	return why_set(x->ret_why, error, "/%s: %s: %s", path, what, strerror(-error));
}

int spot_find(struct tree *t, const char *path, struct spot *ret)
{
	struct spot at = {.directory = TREE_ROOT, .name = path};
	const char *slash;
	int r = 0;

	while (!r && (slash = strchr(at.name, '/'))) {
		char name[256];
		struct stat st;

		snprintf(name, sizeof(name), "%.*s", (int)(slash - at.name), at.name);
		r = (size_t)(slash - at.name) < sizeof(name) ? tree_lookup(t, at.directory, name, &st) : -ENAMETOOLONG;
		spot_release(t, &at);
		if (r)
			return r;
		at = (struct spot){st.st_ino, slash + 1};
		if (!S_ISDIR(st.st_mode)) {
			spot_release(t, &at);
			return -ENOTDIR;
		}
	}
	*ret = at;
	return r;
}

/* The root has none. */
void spot_release(struct tree *t, const struct spot *s)
{
	if (s->directory != TREE_ROOT)
		tree_forget(t, s->directory, 1);
}

int path_find(struct tree *t, const char *path, struct stat *ret)
{
	struct spot s;
	int r;

	if (!*path)
		return tree_lookup_number(t, TREE_ROOT, ret);
	r = spot_find(t, path, &s);
	if (r)
		return r;
	r = tree_lookup(t, s.directory, s.name, ret);
	spot_release(t, &s);
	return r;
}

/* ---- removing ---- */

/* The first name that is in it; 0: there is none. */
static int first_name(struct tree *t, uint64_t directory, struct tree_dir_entry *ret)
{
	struct tree_dir *d;
	uint64_t cookie = 0;
	int r = tree_opendir(t, directory, &d);

	if (r < 0)
		return r;
	while ((r = tree_readdir(t, d, cookie, ret)) > 0 && (!strcmp(ret->name, ".") || !strcmp(ret->name, "..")))
		cookie = ret->next;
	tree_closedir(t, d);
	return r;
}

struct clearing {
	struct spot *stack; /* directories, each in the one before; names are allocated */
	size_t n, capacity;
};

static int clear_one(struct tree *t, struct clearing *g, uint64_t directory, const char *name)
{
	struct stat st;
	int r = tree_lookup(t, directory, name, &st);

	if (r < 0)
		return r;
	if (!S_ISDIR(st.st_mode)) {
		r = tree_unlink(t, directory, name);
		tree_forget(t, st.st_ino, 1);
		return r;
	}
	char *copy = grow(&g->stack, &g->capacity, g->n, sizeof(*g->stack)) == 0 ? strdup(name) : NULL;
	if (!copy) {
		tree_forget(t, st.st_ino, 1);
		return -ENOMEM;
	}
	g->stack[g->n++] = (struct spot){st.st_ino, copy};
	return 0;
}

static void clear_pop(struct tree *t, struct clearing *g)
{
	struct spot *top = &g->stack[--g->n];

	tree_forget(t, top->directory, 1);
	free((void *)(uintptr_t)top->name);
}

int spot_clear(struct tree *t, const struct spot *s)
{
	struct clearing g = {.n = 0};
	int r = clear_one(t, &g, s->directory, s->name);

	while (!r && g.n) {
		struct tree_dir_entry e;

		r = first_name(t, g.stack[g.n - 1].directory, &e);
		if (r > 0) {
			r = clear_one(t, &g, g.stack[g.n - 1].directory, e.name);
		} else if (!r) {
			r = tree_rmdir(t, g.n > 1 ? g.stack[g.n - 2].directory : s->directory, g.stack[g.n - 1].name);
			clear_pop(t, &g);
		}
	}
	while (g.n)
		clear_pop(t, &g);
	free(g.stack);
	return r == -ENOENT ? 0 : r;
}

/* ---- through renames ---- */

static int compare_from(const void *key, const void *of)
{
	return strcmp(key, (*(struct diff_change *const *)of)->from);
}

char *path_in_session(const struct revert *x, const char *path)
{
	size_t length = strlen(path);
	_free_ char *way = strdup(path);
	struct diff_change **found = NULL;
	char *ret = NULL;

	while (way && length && !found) {
		found = x->n_moved ? bsearch(way, x->moved, x->n_moved, sizeof(struct diff_change *), compare_from) :
				     NULL;
		if (found)
			break;
		while (length && way[length - 1] != '/')
			length--;
		length -= length > 0;
		way[length] = '\0';
	}
	if (!way || (found && asprintf(&ret, "%s%s", (*found)->path, path + length) < 0))
		return NULL;
	return found ? ret : strdup(path);
}

int path_note(struct revert *x, const char *path, size_t length)
{
	char *copy;

	if (x->n_directories && !strncmp(x->directories[x->n_directories - 1], path, length) &&
	    !x->directories[x->n_directories - 1][length])
		return 0;
	copy = grow(&x->directories, &x->capacity, x->n_directories, sizeof(char *)) == 0 ? strndup(path, length) :
											    NULL;
	if (!copy)
		return -ENOMEM;
	x->directories[x->n_directories++] = copy;
	return 0;
}

int path_note_above(struct revert *x, const char *path)
{
	const char *slash = strrchr(path, '/');

	return path_note(x, path, slash ? (size_t)(slash - path) : 0);
}
