/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tree_check.h - for tests: what must hold of a tree and of its stage between two requests
 */
#ifndef TESTS_UNIT_TREE_CHECK_H
#define TESTS_UNIT_TREE_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fs/stage/internal.h"
#include "fs/tree/internal.h"

/* The invariants of both. Files that are being written by others are left out. */
static inline void tree_is_sound(struct tree *t)
{
	tree_lock(t);
	const char *wrong = tree_check_locked(t);
	tree_unlock(t);
	if (wrong)
		fail_msg("the tree: %s", wrong);
	assert_int_equal(stage_check(t->stage), 0);
}

/* What is counted per change is what a count of all rows says; while nothing burns. */
static inline void tree_is_counted(struct tree *t)
{
	tree_lock(t);
	if (!t->frozen) {
		struct space kept = t->space, *s = &t->space;

		assert_int_equal(node_flush_all_locked(t), 0);
		assert_int_equal(space_recount_locked(t), 0);
		assert_int_equal(s->data, kept.data);
		assert_int_equal(s->n_contents, kept.n_contents);
		assert_int_equal(s->n_linked, kept.n_linked);
		assert_int_equal(s->n_links, kept.n_links);
		assert_int_equal(s->record_bytes, kept.record_bytes);
		assert_int_equal(s->table_bytes, kept.table_bytes);
		assert_int_equal(s->names, kept.names);
		assert_int_equal(s->linked, kept.linked);
		assert_int_equal(s->directories, kept.directories);
		assert_int_equal(s->aside, kept.aside);
		if (!t->base)
			assert_int_equal(s->more_parents, kept.more_parents);
	}
	tree_unlock(t);
}

#endif
