/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/name_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/grow.h"
#include "burner/base/hash.h"

struct slot {
	uint64_t key;
	uint32_t node;
};

static uint64_t key_of(const struct name_tree *t, uint32_t parent, const char *name, size_t length)
{
	return hash_text(t->seed ^ parent, name, length) | 1;
}

static struct slot *slot_of(const struct name_tree *t, uint32_t directory, const char *name, size_t length)
{
	uint64_t key = key_of(t, directory, name, length);
	size_t cursor = 0;
	struct slot *s;

	while ((s = table_find_next(&t->by_name, key, &cursor))) {
		const struct name_node *node = &t->nodes[s->node];

		if (node->parent == directory && strncmp(node->name, name, length) == 0 && !node->name[length])
			return s;
	}
	return NULL;
}

uint32_t name_tree_child(const struct name_tree *t, uint32_t directory, const char *name, size_t length)
{
	const struct slot *s = slot_of(t, directory, name, length);

	return s ? s->node : NAME_TREE_NONE;
}

static int make_room(struct name_tree *t)
{
	int r = t->n < UINT32_MAX ? grow(&t->nodes, &t->capacity, t->n, sizeof(*t->nodes)) : -ENOMEM;

	if (!r && !t->n) {
		t->nodes[NAME_TREE_NONE] = t->nodes[NAME_TREE_ROOT] = (struct name_node){.name = ""};
		t->n = NAME_TREE_ROOT + 1;
		t->seed = hash_seed(t);
	}
	return r;
}

/* Room in the table is there. */
static void put(struct name_tree *t, uint32_t node, uint32_t directory, const char *name)
{
	struct name_node *to = &t->nodes[node], *above = &t->nodes[directory];
	struct slot *s = table_add(&t->by_name, key_of(t, directory, name, strlen(name)));

	s->node = node;
	to->name = name;
	to->parent = directory;
	to->before = NAME_TREE_NONE;
	to->next = above->first;
	if (to->next)
		t->nodes[to->next].before = node;
	above->first = node;
}

static int add_child(struct name_tree *t, uint32_t directory, const char *name, size_t length, uint32_t *ret)
{
	const char *copy = arena_string(&t->arena, name, length);
	int r = copy ? make_room(t) : -ENOMEM;

	if (!r)
		r = table_reserve(&t->by_name, sizeof(struct slot), 1);
	if (r)
		return r;
	*ret = t->n++;
	t->nodes[*ret] = (struct name_node){.name = copy};
	put(t, *ret, directory, copy);
	return 0;
}

/* The directories of a path down to its last name, made or not; *ret_name: that name. */
static int descend(struct name_tree *t, const char *path, bool make, uint32_t *ret, const char **ret_name)
{
	uint32_t at = NAME_TREE_ROOT;
	const char *slash;
	int r = 0;

	while (!r && at && (slash = strchr(path, '/'))) {
		uint32_t child = t->n ? name_tree_child(t, at, path, (size_t)(slash - path)) : NAME_TREE_NONE;

		if (!child && make)
			r = add_child(t, at, path, (size_t)(slash - path), &child);
		at = child;
		path = slash + 1;
	}
	*ret = at;
	*ret_name = path;
	return r;
}

int name_tree_reach(struct name_tree *t, const char *path, uint32_t *ret)
{
	const char *name;
	uint32_t directory, child;
	int r = make_room(t);

	if (!r)
		r = descend(t, path, true, &directory, &name);
	if (r)
		return r;
	child = *name ? name_tree_child(t, directory, name, strlen(name)) : directory;
	if (!child)
		r = add_child(t, directory, name, strlen(name), &child);
	if (!r)
		*ret = child;
	return r;
}

uint32_t name_tree_find(const struct name_tree *t, const char *path)
{
	uint32_t at = t->n ? NAME_TREE_ROOT : NAME_TREE_NONE;

	while (at && *path) {
		size_t length = strcspn(path, "/");

		at = name_tree_child(t, at, path, length);
		path += length;
		path += *path == '/';
	}
	return at;
}

void name_tree_detach(struct name_tree *t, uint32_t node)
{
	struct name_node *it = &t->nodes[node];

	if (!it->parent)
		return;
	table_remove(&t->by_name, slot_of(t, it->parent, it->name, strlen(it->name)));
	if (it->before)
		t->nodes[it->before].next = it->next;
	else
		t->nodes[it->parent].first = it->next;
	if (it->next)
		t->nodes[it->next].before = it->before;
	it->parent = it->next = it->before = NAME_TREE_NONE;
}

int name_tree_attach(struct name_tree *t, uint32_t node, const char *path)
{
	uint32_t directory;
	const char *name, *copy;
	int r = descend(t, path, true, &directory, &name);

	copy = r ? NULL : arena_string(&t->arena, name, strlen(name));
	if (!r)
		r = copy ? table_reserve(&t->by_name, sizeof(struct slot), 1) : -ENOMEM;
	if (!r)
		put(t, node, directory, copy);
	return r;
}

char *name_tree_path(const struct name_tree *t, uint32_t node)
{
	size_t bytes = 0;
	uint32_t at;
	char *path;

	for (at = node; t->nodes[at].parent; at = t->nodes[at].parent)
		bytes += strlen(t->nodes[at].name) + 1;
	if (at != NAME_TREE_ROOT) {
		errno = ENOENT;
		return NULL;
	}
	path = calloc(1, bytes + 1);
	if (!path || !bytes)
		return path;
	bytes--;
	path[bytes] = '\0';
	for (at = node; t->nodes[at].parent; at = t->nodes[at].parent) {
		size_t length = strlen(t->nodes[at].name);

		bytes -= length;
		memcpy(path + bytes, t->nodes[at].name, length);
		if (bytes)
			path[--bytes] = '/';
	}
	return path;
}

uint32_t name_tree_below(const struct name_tree *t, uint32_t top, uint32_t after)
{
	if (t->nodes[after].first)
		return t->nodes[after].first;
	while (after != top && !t->nodes[after].next)
		after = t->nodes[after].parent;
	return after == top ? NAME_TREE_NONE : t->nodes[after].next;
}

void name_tree_release(struct name_tree *t)
{
	free(t->nodes);
	table_release(&t->by_name);
	arena_release(&t->arena);
	*t = (struct name_tree){.n = 0};
}
