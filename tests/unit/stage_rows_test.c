/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fs/stage: nodes, names, snapshots, dropping a generation. */
#include "burner/base/time.h"
#include "tests/unit/stage_fixture.h"

#define N_MANY 3000u

/* "user.x" is "v". */
static uint8_t a_set[] = {6, 0, 1, 0, 0, 0, 'u', 's', 'e', 'r', '.', 'x', 'v'};

static void check_full_node(const struct stage_node *n, const struct extent *e, uint32_t generation)
{
	assert_int_equal(n->ino, 100);
	assert_int_equal(n->size, 10000000000ull);
	assert_int_equal(n->rdev, UINT64_MAX);
	assert_int_equal(n->parent, 77);
	assert_int_equal(n->atime.tv_sec, -5);
	assert_int_equal(n->mtime.tv_nsec, 999999999);
	assert_int_equal(n->ctime.tv_sec, nearest_time(1ll << 40));
	assert_int_equal(n->mode, S_IFLNK | 0777);
	assert_int_equal(n->uid, UINT32_MAX);
	assert_int_equal(n->gid, 5);
	assert_int_equal(n->nlink, 3);
	assert_int_equal(n->generation, generation);
	assert_int_equal(n->base_lba, UINT32_MAX);
	assert_int_equal(n->base_bytes, 4096);
	assert_memory_equal(&n->zisofs, (&(struct zisofs){{'p', 'z'}, 4, 15}), sizeof(struct zisofs));
	assert_int_equal(n->n_extents, 3);
	assert_memory_equal(n->extents, e, 3 * sizeof(*e));
	assert_string_equal(n->target, "some/where");
	assert_int_equal(n->birth.tv_sec, 9);
	assert_int_equal(n->birth.tv_nsec, 8);
	assert_int_equal(n->xattrs_bytes, sizeof(a_set));
	assert_memory_equal(n->xattrs, a_set, sizeof(a_set));
	assert_int_equal(n->xattrs_at, 0);
}

static void test_node_round_trip(void **state)
{
	struct extent e[] = {{0, 2048, 2048 * 50, 0, EXTENT_DISC},
			     {2048, 4096, 0, 0, EXTENT_HOLE},
			     {6144, 10, 2048, 9, EXTENT_STAGE}};
	struct stage_node n = {
		.ino = 100,
		.size = 10000000000ull,
		.rdev = UINT64_MAX,
		.parent = 77,
		.atime = {-5, 1},
		.mtime = {5, 999999999},
		.ctime = {nearest_time(1ll << 40), 0},
		.mode = S_IFLNK | 0777,
		.uid = UINT32_MAX,
		.gid = 5,
		.nlink = 3,
		.base_lba = UINT32_MAX,
		.base_bytes = 4096,
		.zisofs = {{'p', 'z'}, 4, 15},
		.n_extents = 3,
		.extents = e,
		.target = strdup("some/where"),
		.birth = {9, 8},
		.xattrs = a_set,
		.xattrs_bytes = sizeof(a_set),
	};
	struct stage *s = open_stage(*state);
	struct stage_node got;

	assert_true(stage_empty(s));
	assert_int_equal(stage_node_get(s, 100, &got), -ENOENT);
	assert_int_equal(stage_node_put(s, &n), 0);
	free(n.target);
	for (int i = 0; i < 2; i++) {
		assert_true(stage_node_exists(s, 100));
		assert_int_equal(stage_node_get(s, 100, &got), 0);
		check_full_node(&got, e, stage_generation(s));
		stage_node_release(&got);
		stage_close(s);
		s = open_stage(*state);
	}
	put_file(s, 100, 7); /* replaced */
	assert_int_equal(stage_node_get(s, 100, &got), 0);
	assert_int_equal(got.size, 7);
	assert_int_equal(got.n_extents, 0);
	assert_null(got.extents);
	assert_null(got.target);
	assert_null(got.xattrs);
	got.xattrs_at = UINT64_MAX;
	assert_int_equal(stage_node_put(s, &got), 0);
	assert_int_equal(stage_node_get(s, 100, &got), 0);
	assert_null(got.xattrs);
	assert_int_equal(got.xattrs_at, UINT64_MAX);
	assert_int_equal(stage_node_delete(s, 100), 0);
	assert_int_equal(stage_node_delete(s, 100), 0);
	assert_false(stage_node_exists(s, 100));
	assert_true(stage_empty(s));
	stage_close(s);
}

static void refuse(struct stage *s, struct extent a, struct extent b)
{
	struct extent e[] = {a, b};
	struct stage_node n = {.ino = 5, .mode = S_IFREG, .n_extents = 2, .extents = e};

	assert_int_equal(stage_node_put(s, &n), -EINVAL);
}

static void test_bad_extents_are_refused(void **state)
{
	struct stage *s = open_stage(*state);
	const struct extent good = {0, 2048, 4096, 0, EXTENT_DISC};

	refuse(s, good, (struct extent){4096, 2048, 0, 0, EXTENT_HOLE});
	refuse(s, good, (struct extent){2048, 0, 0, 0, EXTENT_HOLE});
	refuse(s, good, (struct extent){2048, 1, 0, 0, 3});
	refuse(s, good, (struct extent){2048, 1, 1, 0, EXTENT_HOLE});
	refuse(s, good, (struct extent){2048, 1, 1, 1, EXTENT_DISC});
	refuse(s, good, (struct extent){2048, UINT64_MAX, 0, 0, EXTENT_HOLE});
	refuse(s, good, (struct extent){2048, 10, UINT64_MAX, 0, EXTENT_DISC});
	assert_true(stage_empty(s));
	stage_close(s);
}

static void test_names(void **state)
{
	struct stage *s = open_stage(*state);
	char longest[257];
	uint64_t ino = 0;

	memset(longest, 'x', 256);
	longest[256] = 0;
	assert_int_equal(stage_name_put(s, 1, longest, 5), -ENAMETOOLONG);
	assert_int_equal(stage_name_put(s, 1, "", 5), -EINVAL);
	assert_int_equal(stage_name_put(s, 1, longest + 1, 5), 0);
	assert_int_equal(stage_name_get(s, 1, longest + 1, &ino), 0);
	assert_int_equal(ino, 5);
	assert_int_equal(stage_name_put(s, 1, "gone", STAGE_WHITEOUT), 0);
	assert_int_equal(stage_name_get(s, 1, "gone", &ino), 0);
	assert_int_equal(ino, STAGE_WHITEOUT);
	assert_int_equal(stage_name_put(s, 1, "gone", 8), 0);
	assert_int_equal(stage_name_get(s, 1, "gone", &ino), 0);
	assert_int_equal(ino, 8);
	assert_int_equal(stage_name_get(s, 1, "Gone", &ino), -ENOENT);
	assert_int_equal(stage_name_get(s, 2, "gone", &ino), -ENOENT);
	assert_true(stage_names_exist(s, 1));
	assert_false(stage_names_exist(s, 2));
	assert_int_equal(stage_name_delete(s, 1, "gone"), 0);
	assert_int_equal(stage_name_delete(s, 1, "gone"), 0);
	assert_false(stage_empty(s));
	assert_int_equal(stage_name_delete(s, 1, longest + 1), 0);
	assert_true(stage_empty(s));
	assert_false(stage_names_exist(s, 1));
	stage_close(s);
}

static void test_names_are_ordered_by_bytes(void **state)
{
	static const char *const names[] = {"b", "\xff\x01", "a", "aa", "A", "\xc3\xa4", "a b"};
	static const char *const sorted[] = {"A", "a", "a b", "aa", "b", "\xc3\xa4", "\xff\x01"};
	struct stage *s = open_stage(*state);
	_free_ struct stage_name *list = NULL;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		assert_int_equal(stage_name_put(s, 9, names[i], i ? 50 + i : STAGE_WHITEOUT), 0);
	put_file(s, 52, 0);
	assert_int_equal(stage_names(s, 9, &list, &n), 0);
	assert_int_equal(n, ARRAY_LENGTH(sorted));
	for (size_t i = 0; i < n; i++)
		assert_string_equal(list[i].name, sorted[i]);
	assert_int_equal(list[1].ino, 52);
	assert_int_equal(list[1].mode, S_IFREG | 0644);
	assert_int_equal(list[0].mode, 0);
	assert_int_equal(list[4].ino, STAGE_WHITEOUT);
	free(list);
	list = NULL;
	assert_int_equal(stage_names_delete(s, 9), 0);
	assert_false(stage_names_exist(s, 9));
	assert_int_equal(stage_names(s, 9, &list, &n), 0);
	assert_int_equal(n, 0);
	stage_close(s);
}

static void put_many(struct stage *s)
{
	struct extent e = {0, 100, 0, 1, EXTENT_STAGE};
	char name[32];

	for (unsigned i = 0; i < N_MANY; i++) {
		struct stage_node n = {.ino = 1000 + (i * 7919u) % N_MANY,
				       .mode = S_IFREG | 0600,
				       .size = 100,
				       .n_extents = 1,
				       .extents = &e};

		snprintf(name, sizeof(name), "file%u", i);
		assert_int_equal(stage_node_put(s, &n), 0);
		assert_int_equal(stage_name_put(s, 1 + i % 3, name, n.ino), 0);
	}
}

static void test_snapshot_is_ordered_and_stays(void **state)
{
	struct stage *s = open_stage(*state);
	_cleanup_(stage_snapshot_freep) struct stage_snapshot *p = NULL;
	_free_ uint64_t *inos = NULL;
	size_t n = 0;

	put_many(s);
	assert_int_equal(stage_node_inos(s, &inos, &n), 0);
	assert_int_equal(n, N_MANY);
	assert_int_equal(stage_snapshot(s, 0, &p), 0);
	assert_int_equal(stage_discard(s), 0);
	assert_true(stage_empty(s));
	assert_int_equal(p->n_nodes, N_MANY);
	assert_int_equal(p->n_names, N_MANY);
	for (size_t i = 0; i < N_MANY; i++) {
		assert_int_equal(p->nodes[i].ino, 1000 + i);
		assert_int_equal(inos[i], 1000 + i);
		assert_int_equal(p->nodes[i].extents[0].length, 100);
		if (!i)
			continue;
		assert_true(p->names[i - 1].parent <= p->names[i].parent);
		if (p->names[i - 1].parent == p->names[i].parent)
			assert_true(strcmp(p->names[i - 1].name, p->names[i].name) < 0);
	}
	stage_close(s);
}

static void test_drop_generation_keeps_what_changed_since(void **state)
{
	struct stage *s = open_stage(*state);
	uint32_t frozen = 0;
	uint64_t ino;

	put_file(s, 10, 1);
	put_file(s, 11, 1);
	assert_int_equal(stage_name_put(s, 1, "ten", 10), 0);
	assert_int_equal(stage_name_put(s, 1, "eleven", 11), 0);
	assert_int_equal(stage_freeze(s, &frozen), 0);
	assert_int_equal(stage_generation(s), frozen + 1);
	assert_int_equal(stage_freeze(s, &frozen), -EBUSY);
	assert_int_equal(stage_discard(s), -EBUSY);
	put_file(s, 11, 2);
	assert_int_equal(stage_name_put(s, 1, "eleven", STAGE_WHITEOUT), 0);
	stage_lock(s);
	assert_int_equal(stage_drop_generation(s, frozen), 0);
	assert_int_equal(stage_sync(s), -EDEADLK);
	stage_unlock(s);
	stage_unfreeze(s);
	assert_false(stage_node_exists(s, 10));
	assert_true(stage_node_exists(s, 11));
	assert_int_equal(stage_name_get(s, 1, "ten", &ino), -ENOENT);
	assert_int_equal(stage_name_get(s, 1, "eleven", &ino), 0);
	assert_int_equal(ino, STAGE_WHITEOUT);
	assert_int_equal(stage_drop_generation(s, frozen + 1), 0);
	assert_true(stage_empty(s));
	assert_int_equal(stage_freeze(s, &frozen), 0);
	stage_close(s);
}

static void test_inode_numbers(void **state)
{
	struct fixture *f = *state;
	struct stage *s = open_stage(f);
	uint64_t ino, last = 0;

	for (int i = 0; i < 5000; i++) {
		assert_int_equal(stage_new_ino(s, &ino), 0);
		assert_true(i ? ino == last + 1 : ino == f->options.next_ino);
		last = ino;
	}
	put_file(s, last, 0);
	stage_close(s);
	s = open_stage(f);
	assert_int_equal(stage_next_ino(s), last + 1); /* closed in good order: no gap */
	stage_close(s);
	f->options.next_ino = UINT32_MAX;
	s = open_stage(f);
	assert_int_equal(stage_new_ino(s, &ino), 0);
	assert_int_equal(ino, UINT32_MAX);
	assert_int_equal(stage_new_ino(s, &ino), -ENOSPC);
	stage_close(s);
}

/* A counter that is put back below the numbers of rows would give those again. */
static void test_numbers_that_were_never_given(void **state)
{
	struct fixture *f = *state;
	struct stage *s = open_stage(f), *none = NULL;
	_free_ char *why = NULL;
	uint64_t ino;

	assert_int_equal(stage_new_ino(s, &ino), 0);
	put_file(s, ino, 0);
	stage_close(s);
	s = open_stage(f);
	put_file(s, ino + 1, 0);
	stage_close(s);
	assert_int_equal(stage_open(&f->options, &none, NULL, &why), -EBADMSG);
	assert_non_null(strstr(why, "never given"));
	f->options.read_only = true;
	stage_close(open_stage(f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_node_round_trip, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_bad_extents_are_refused, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_names, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_names_are_ordered_by_bytes, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_snapshot_is_ordered_and_stays, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_drop_generation_keeps_what_changed_since, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(test_numbers_that_were_never_given, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_inode_numbers, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
