/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names in directories against a plain list of paths: what is made, moved and taken away at random. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "burner/base/name_tree.h"
#include "burner/base/own.h"
#include "burner/base/path.h"

#define NODES 400u
#define STEPS 30000u

static uint32_t chance;

static uint32_t below(uint32_t n)
{
	chance = chance * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)chance * n >> 32);
}

/* Of each node; "": it is detached, or below one that is. */
static char paths[NODES][256];

static void note_made(const struct name_tree *t, uint32_t known)
{
	for (uint32_t i = known; i < t->n; i++) {
		_free_ char *path = name_tree_path(t, i);

		assert_non_null(path);
		snprintf(paths[i], sizeof(paths[i]), "%s", path);
	}
}

static void compare(const struct name_tree *t)
{
	for (uint32_t i = NAME_TREE_ROOT + 1; i < t->n; i++) {
		_free_ char *path = name_tree_path(t, i);

		assert_string_equal(path ? path : "", paths[i]);
		if (path)
			assert_int_equal(name_tree_find(t, path), i);
	}
	assert_int_equal(name_tree_find(t, "none/of/them"), NAME_TREE_NONE);
}

static void walk(const struct name_tree *t, uint32_t top)
{
	uint32_t met = 0, there = 0;

	for (uint32_t at = top; at; at = name_tree_below(t, top, at)) {
		met++;
		assert_true(path_is_inside(paths[at], paths[top]));
	}
	for (uint32_t i = NAME_TREE_ROOT + 1; i < t->n; i++)
		there += path_is_inside(paths[i], paths[top]);
	assert_int_equal(met, there);
}

static void replace_above(const struct name_tree *t, const char *from, const char *to)
{
	char above[256];

	snprintf(above, sizeof(above), "%s", from);
	for (uint32_t i = NAME_TREE_ROOT + 1; i < t->n; i++) {
		char moved[600];

		if (!paths[i][0] || !path_is_inside(paths[i], above))
			continue;
		snprintf(moved, sizeof(moved), "%s%s", to, to[0] ? paths[i] + strlen(above) : "");
		assert_true(strlen(moved) < sizeof(paths[i]));
		memcpy(paths[i], moved, strlen(moved) + 1);
	}
}

static void make(struct name_tree *t)
{
	uint32_t known = t->n, node;
	char path[600];

	if (t->n + 4 > NODES)
		return;
	snprintf(path, sizeof(path), "%s%s%c/%c", known && below(2) ? paths[below(known)] : "", "", 'a' + (int)below(6),
		 'a' + (int)below(6));
	if (strlen(path) > 60 || path[0] == '/')
		return;
	assert_int_equal(name_tree_reach(t, path, &node), 0);
	note_made(t, known ? known : NAME_TREE_ROOT + 1);
	assert_string_equal(paths[node], path);
}

static void move(struct name_tree *t, bool away)
{
	uint32_t node = t->n ? NAME_TREE_ROOT + 1 + below(t->n - NAME_TREE_ROOT - 1) : 0;
	uint32_t known = t->n;
	char to[600];

	if (!node || !paths[node][0] || t->n + 4 > NODES)
		return;
	snprintf(to, sizeof(to), "%c/%c%u", 'a' + (int)below(6), 'a' + (int)below(6), below(1000));
	if (name_tree_find(t, to) || path_is_inside(to, paths[node]) || strlen(paths[node]) > 60)
		return;
	name_tree_detach(t, node);
	if (away) {
		replace_above(t, paths[node], "");
		return;
	}
	assert_int_equal(name_tree_attach(t, node, to), 0);
	replace_above(t, paths[node], to);
	note_made(t, known);
}

static void at_random(void **state)
{
	(void)state;
	for (chance = 1; chance < 20; chance++) {
		struct name_tree t = {.n = 0};
		uint32_t seed = chance;

		memset(paths, 0, sizeof(paths));
		for (uint32_t i = 0; i < STEPS / 20; i++) {
			uint32_t what = below(8);

			if (what < 4)
				make(&t);
			else
				move(&t, what == 4);
			if (i % 50 == 0)
				compare(&t);
			if (i % 50 == 1 && t.n > 3 && paths[3][0])
				walk(&t, 3);
		}
		assert_true(t.n > 50);
		name_tree_release(&t);
		chance = seed;
	}
}

static void empty(void **state)
{
	struct name_tree t = {.n = 0};
	_free_ char *path = NULL;
	uint32_t node;

	(void)state;
	assert_int_equal(name_tree_find(&t, "a"), NAME_TREE_NONE);
	assert_int_equal(name_tree_find(&t, ""), NAME_TREE_NONE);
	assert_int_equal(name_tree_reach(&t, "", &node), 0);
	assert_int_equal(node, NAME_TREE_ROOT);
	path = name_tree_path(&t, node);
	assert_string_equal(path, "");
	assert_int_equal(name_tree_below(&t, node, node), NAME_TREE_NONE);
	name_tree_release(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(empty), cmocka_unit_test(at_random)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
