/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fs/snapdir: numbers, what opens and closes a session, the list that changes, many threads at once */
#include <errno.h>
#include <stdatomic.h>

#include "fs/snapdir/internal.h"
#include "tests/unit/commit_fixture.h"
#include "tests/unit/heap.h"

#define SESSIONS 12u
#define BYTES(session) (3000u + 1000u * (session))

static struct world world;
static struct snapdir *dir;
static atomic_bool changing;

static void (*meanwhile)(void); /* what ends just before that is asked */

static bool is_changing(void *context)
{
	(void)context;
	if (meanwhile)
		meanwhile();
	return atomic_load(&changing);
}

static void tell_sessions(void)
{
	struct disc_session *sessions;
	size_t n;

	REQUIRE(disc_sessions(world.disc, &sessions, &n) == 0);
	REQUIRE(snapdir_set_sessions(dir, sessions, n) == 0);
	free(sessions);
}

static struct snapdir *make(bool lazy)
{
	struct disc_state state;
	struct snapdir_options options = {
		.medium = &state, .owner = 1000, .lazy = lazy, .present = world.tree, .changing = is_changing};
	struct snapdir *p;

	REQUIRE(disc_state(world.disc, &state) == 0);
	REQUIRE(snapdir_new(&options, world.disc, &p) == 0);
	return p;
}

/* Session n has d/f, of BYTES(n) that only it has, and a file that is new in it. */
static int make_sessions(void **state)
{
	char name[16];

	(void)state;
	world_new(&world);
	REQUIRE(world_open(&world) == 0);
	world_mkdir(&world, "d");
	for (unsigned i = 1; i <= SESSIONS; i++) {
		snprintf(name, sizeof(name), "only-%u", i);
		world_write(&world, "d/f", BYTES(i), i);
		world_write(&world, name, 1, i);
		REQUIRE(sync_now(&world).error == 0);
	}
	return 0;
}

static int remove_sessions(void **state)
{
	(void)state;
	world_close(&world);
	world_remove(&world);
	return 0;
}

static int enter(void **state)
{
	(void)state;
	dir = make(false);
	tell_sessions();
	return 0;
}

static int leave(void **state)
{
	(void)state;
	snapdir_free(dir);
	return 0;
}

static uint64_t look_up(uint64_t parent, const char *name)
{
	struct stat st;

	REQUIRE(snapdir_lookup(dir, parent, name, &st) == 0);
	REQUIRE(snapdir_has(st.st_ino));
	return st.st_ino;
}

static uint64_t session(unsigned number)
{
	char name[16];

	snprintf(name, sizeof(name), "%u", number);
	return look_up(SNAPDIR_ROOT, name);
}

static void is_content_of(uint64_t ino, struct tree_file *f, unsigned number)
{
	static _Thread_local uint8_t got[BYTES(SESSIONS) + 1];
	unsigned seed = number;
	size_t n;

	REQUIRE(tree_read(snapdir_tree(dir, ino), f, 0, got, sizeof(got), &n) == 0);
	REQUIRE(n == BYTES(number));
	for (size_t i = 0; i < n; i++)
		REQUIRE(got[i] == (uint8_t)(rand_r(&seed) >> 8));
}

/* ---- numbers ---- */

static void test_numbers(void **state)
{
	const uint64_t inner[] = {1, 2, UINT32_MAX, 1ull << 44, ISO_STRAY | 1, ISO_STRAY | ((1ull << 45) - 1)};
	const uint32_t sessions[] = {1, 2, 4096, UINT16_MAX};
	uint64_t ino;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(inner); i++) {
		for (size_t s = 0; s < ARRAY_LENGTH(sessions); s++) {
			assert_int_equal(number_of(sessions[s], inner[i], &ino), 0);
			assert_true(snapdir_has(ino));
			assert_false(iso_is_stray(ino));
			assert_int_equal(number_session(ino), sessions[s]);
			assert_int_equal(number_inner(ino), inner[i]);
		}
		assert_false(snapdir_has(inner[i]));
	}
	assert_int_equal(number_of(UINT16_MAX + 1u, 1, &ino), -EOVERFLOW);
	assert_int_equal(number_of(1, 1ull << 45, &ino), -EOVERFLOW);
	assert_int_equal(number_of(1, ISO_STRAY | 1ull << 45, &ino), -EOVERFLOW);
}

/* ---- opening and closing ---- */

static void test_closes(void **state)
{
	struct tree_file *f;
	uint64_t root = session(3), d, ino;

	(void)state;
	assert_int_equal(snapdir_open_sessions(dir), 1);
	snapdir_forget(dir, root, 1);
	assert_int_equal(snapdir_open_sessions(dir), 0);
	root = session(3);
	d = look_up(root, "d");
	ino = look_up(d, "f");
	assert_int_equal(look_up(d, "f"), ino);
	assert_int_equal(look_up(root, "."), root);
	assert_int_equal(look_up(d, ".."), root);
	assert_int_equal(look_up(root, ".."), SNAPDIR_ROOT); /* no reference */
	snapdir_forget(dir, root, 3);
	snapdir_forget(dir, d, 1);
	assert_int_equal(snapdir_open_sessions(dir), 1);
	assert_int_equal(snapdir_open(dir, ino, O_RDONLY, &f), 0);
	snapdir_forget(dir, ino, 2);
	assert_int_equal(snapdir_open_sessions(dir), 1); /* the handle */
	is_content_of(ino, f, 3);
	snapdir_close(dir, ino, f);
	assert_int_equal(snapdir_open_sessions(dir), 0);
	assert_int_equal(snapdir_open(dir, ino, O_WRONLY, &f), -EROFS);
	assert_int_equal(snapdir_open(dir, ino, O_RDONLY | O_TRUNC, &f), -EROFS);
	assert_int_equal(snapdir_open(dir, SNAPDIR_ROOT, O_RDONLY, &f), -EISDIR);
}

/* By number alone, as file handles ask: what was forgotten, in a session that was closed. */
static void test_handles(void **state)
{
	uint64_t root = session(5), d = look_up(root, "d"), ino = look_up(d, "f");
	struct stat st;

	(void)state;
	snapdir_forget(dir, root, 1);
	snapdir_forget(dir, d, 1);
	snapdir_forget(dir, ino, 1);
	assert_int_equal(snapdir_open_sessions(dir), 0);
	assert_int_equal(look_up(ino, "."), ino);
	assert_int_equal(look_up(d, "."), d);
	assert_int_equal(look_up(d, ".."), root);
	assert_int_equal(look_up(root, "."), root);
	snapdir_forget(dir, ino, 1);
	snapdir_forget(dir, d, 1);
	snapdir_forget(dir, root, 2);
	assert_int_equal(number_of(5, 999999, &ino), 0);
	assert_int_equal(snapdir_lookup(dir, ino, ".", &st), -ESTALE);
	assert_int_equal(number_of(99, TREE_ROOT, &ino), 0);
	assert_int_equal(snapdir_getattr(dir, ino, &st), -ENOENT);
	assert_int_equal(snapdir_open_sessions(dir), 0);
}

static void test_listing(void **state)
{
	struct snapdir_dir *d;
	struct tree_dir_entry e;
	struct stat st;
	uint64_t root = session(2), cookie = 0, n = 0;

	(void)state;
	assert_int_equal(snapdir_opendir(dir, root, &d), 0);
	snapdir_forget(dir, root, 1);
	for (; snapdir_readdir(dir, d, cookie, &e) == 1; cookie = e.next, n++) {
		if (!strcmp(e.name, "..")) {
			assert_int_equal(e.ino, SNAPDIR_ROOT);
		} else if (strcmp(e.name, ".") != 0) {
			assert_int_equal(snapdir_readdir_lookup(dir, d, cookie, &st), 0);
			assert_int_equal(st.st_ino, e.ino);
			assert_int_equal(number_session(e.ino), 2);
			snapdir_forget(dir, st.st_ino, 1);
		}
	}
	assert_int_equal(n, 5); /* the dots, d, only-1, only-2 */
	snapdir_closedir(dir, d);
	assert_int_equal(snapdir_open_sessions(dir), 0);
	assert_int_equal(snapdir_opendir(dir, SNAPDIR_ROOT, &d), 0);
	for (cookie = n = 0; snapdir_readdir(dir, d, cookie, &e) == 1; cookie = e.next)
		n += S_ISDIR(e.type);
	assert_int_equal(n, 2 + SESSIONS);
	snapdir_closedir(dir, d);
	assert_int_equal(snapdir_open_sessions(dir), 0); /* a listing opens none */
}

/* ---- the list ---- */

static struct disc_session *sessions_of(size_t *ret_n)
{
	struct disc_session *sessions;

	REQUIRE(disc_sessions(world.disc, &sessions, ret_n) == 0);
	return sessions;
}

static void test_list(void **state)
{
	size_t n;
	_free_ struct disc_session *sessions = sessions_of(&n);
	_free_ char *target = NULL;
	struct stat st;
	uint64_t root = session(1), latest = look_up(SNAPDIR_ROOT, "latest");

	(void)state;
	sessions[3].broken = true;
	sessions[4].uuid[0] ^= 1;
	assert_int_equal(snapdir_set_sessions(dir, sessions, 6), 0);
	assert_int_equal(snapdir_readlink(dir, latest, &target), 0);
	assert_string_equal(target, "6");
	assert_int_equal(snapdir_lookup(dir, SNAPDIR_ROOT, "7", &st), -ENOENT);
	assert_int_equal(snapdir_lookup(dir, SNAPDIR_ROOT, "4", &st), -EBADMSG);
	assert_int_equal(snapdir_lookup(dir, SNAPDIR_ROOT, "5", &st), -ESTALE);
	atomic_store(&changing, true); /* it is asked for again */
	assert_int_equal(snapdir_lookup(dir, SNAPDIR_ROOT, "5", &st), -EAGAIN);
	atomic_store(&changing, false);
	assert_int_equal(snapdir_set_sessions(dir, sessions, 0), 0);
	assert_int_equal(snapdir_lookup(dir, SNAPDIR_ROOT, "latest", &st), -ENOENT);
	/* What is open stays. */
	assert_int_equal(snapdir_lookup(dir, root, "d", &st), 0);
	snapdir_forget(dir, st.st_ino, 1);
	snapdir_forget(dir, root, 1);
	assert_int_equal(snapdir_open_sessions(dir), 0);
}

/* A session was made between the look at the list and that at the disc: the descriptor of an older one is elsewhere by
 * now, as the head of a foreign disc is that of the newest. */
static void test_list_of_before(void **state)
{
	size_t n;
	_free_ struct disc_session *sessions = sessions_of(&n);
	struct stat st;

	(void)state;
	sessions[4].descriptor_lba = sessions[5].descriptor_lba;
	assert_int_equal(snapdir_set_sessions(dir, sessions, n), 0);
	assert_int_equal(snapdir_lookup(dir, SNAPDIR_ROOT, "5", &st), -ESTALE);
	meanwhile = tell_sessions;
	assert_int_equal(snapdir_lookup(dir, SNAPDIR_ROOT, "5", &st), 0);
	meanwhile = NULL;
	snapdir_forget(dir, st.st_ino, 1);
}

static unsigned times_listed(const char *name)
{
	struct tree_dir_entry e;
	struct snapdir_dir *d;
	unsigned n = 0;

	assert_int_equal(snapdir_opendir(dir, SNAPDIR_ROOT, &d), 0);
	for (uint64_t cookie = 0; snapdir_readdir(dir, d, cookie, &e) == 1; cookie = e.next)
		n += !strcmp(e.name, name);
	snapdir_closedir(dir, d);
	return n;
}

/* A label that is a name of another kind besides is listed as that, once. */
static void test_names_once(void **state)
{
	static const char *const labels[] = {"1", "LABEL", "LABEL", "7", "latest"};
	size_t n;
	_free_ struct disc_session *sessions = sessions_of(&n);
	char date[HISTORY_NAME_BYTES];

	(void)state;
	for (size_t i = 0; i < n; i++)
		snprintf(sessions[i].volume_id, sizeof(sessions[i].volume_id), "%s",
			 i < ARRAY_LENGTH(labels) ? labels[i] : "latest");
	sessions[5].created -= 86400;
	assert_non_null(history_name_of(&sessions[5], HISTORY_DATE, date));
	memcpy(sessions[5].volume_id, date, strlen(date) + 1);
	assert_int_equal(snapdir_set_sessions(dir, sessions, n), 0);
	assert_int_equal(times_listed("1"), 1);
	assert_int_equal(times_listed("7"), 1);
	assert_int_equal(times_listed("LABEL"), 1);
	assert_int_equal(times_listed("latest"), 1);
	assert_int_equal(times_listed(date), 1);
}

/* Of those that are only remembered all but some have no caches any more, those too that were opened later than the
 * kernel came to know them. */
static void test_caches(void **state)
{
	uint64_t roots[SESSIONS], inside[SESSIONS][2];
	unsigned n_cold = 0;

	(void)state;
	snapdir_free(dir);
	dir = make(true);
	tell_sessions();
	for (unsigned i = 0; i < SESSIONS; i++)
		roots[i] = session(i + 1);
	size_t before = heap_bytes();
	for (unsigned i = 0; i < SESSIONS; i++) {
		inside[i][0] = look_up(roots[i], "d");
		inside[i][1] = look_up(inside[i][0], "f");
	}
	assert_int_equal(snapdir_open_sessions(dir), SESSIONS);
	for (struct opened *s = dir->newest; s; s = s->older)
		n_cold += s->cold;
	assert_in_range(n_cold, SESSIONS - SNAPDIR_HOT - 1, SESSIONS - SNAPDIR_HOT);
	/* 256 KiB of sectors each. */
	if (before)
		assert_in_range((heap_bytes() - before) >> 18, 1, SNAPDIR_HOT + 4);
	for (unsigned i = 0; i < SESSIONS; i++) {
		snapdir_forget(dir, inside[i][1], 1);
		snapdir_forget(dir, inside[i][0], 1);
		snapdir_forget(dir, roots[i], 1);
	}
	assert_int_equal(snapdir_open_sessions(dir), 0);
}

/* A drive reads nothing to tell what a session's directory is. */
static void test_lazy(void **state)
{
	struct stat st, present;
	uint8_t *value = NULL;
	char *names = NULL;
	size_t bytes;
	uint64_t d, root;

	(void)state;
	snapdir_free(dir);
	dir = make(true);
	tell_sessions();
	root = session(1);
	assert_int_equal(snapdir_open_sessions(dir), 0);
	assert_false(snapdir_is_constant(dir, root));
	assert_int_equal(snapdir_getattr(dir, root, &st), 0);
	assert_int_equal(tree_getattr(world.tree, TREE_ROOT, &present), 0);
	assert_int_equal(st.st_ino, root);
	assert_int_equal(st.st_mode, present.st_mode);
	assert_int_equal(snapdir_xattr_get(dir, root, "user.x", &value, &bytes), -ENODATA);
	assert_int_equal(snapdir_xattr_list(dir, root, &names, &bytes), 0);
	assert_int_equal(bytes, 0);
	assert_int_equal(snapdir_open_sessions(dir), 0);
	d = look_up(root, "d");
	assert_true(snapdir_is_constant(dir, d));
	assert_int_equal(snapdir_open_sessions(dir), 1);
	snapdir_forget(dir, d, 1);
	snapdir_forget(dir, root, 1);
	assert_int_equal(snapdir_open_sessions(dir), 0);
}

/* ---- many at once ---- */

static void *use(void *seed)
{
	unsigned state = (unsigned)(uintptr_t)seed;

	for (unsigned i = 0; i < 400; i++) {
		unsigned number = 1 + (unsigned)rand_r(&state) % SESSIONS;
		uint64_t root = session(number), d = look_up(root, "d"), ino = look_up(d, "f");
		struct tree_file *f;
		struct stat st;

		snapdir_forget(dir, d, 1);
		REQUIRE(snapdir_getattr(dir, ino, &st) == 0 && st.st_size == (off_t)BYTES(number));
		REQUIRE(snapdir_open(dir, ino, O_RDONLY, &f) == 0);
		snapdir_forget(dir, ino, 1);
		if (rand_r(&state) % 2)
			snapdir_forget(dir, root, 1);
		is_content_of(ino, f, number);
		snapdir_close(dir, ino, f);
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t threads[4];
	uint64_t ino;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(threads); i++)
		REQUIRE(pthread_create(&threads[i], NULL, use, (void *)(uintptr_t)(i + 1)) == 0);
	for (unsigned i = 0; i < 100; i++)
		tell_sessions();
	for (size_t i = 0; i < ARRAY_LENGTH(threads); i++)
		pthread_join(threads[i], NULL);
	assert_in_range(snapdir_open_sessions(dir), 1, SESSIONS);
	for (uint32_t i = 1; i <= SESSIONS; i++) {
		assert_int_equal(number_of(i, TREE_ROOT, &ino), 0);
		snapdir_forget(dir, ino, UINT32_MAX);
	}
	assert_int_equal(snapdir_open_sessions(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test_setup_teardown(test_closes, enter, leave),
		cmocka_unit_test_setup_teardown(test_handles, enter, leave),
		cmocka_unit_test_setup_teardown(test_listing, enter, leave),
		cmocka_unit_test_setup_teardown(test_list, enter, leave),
		cmocka_unit_test_setup_teardown(test_list_of_before, enter, leave),
		cmocka_unit_test_setup_teardown(test_names_once, enter, leave),
		cmocka_unit_test_setup_teardown(test_caches, enter, leave),
		cmocka_unit_test_setup_teardown(test_lazy, enter, leave),
		cmocka_unit_test_setup_teardown(test_threads, enter, leave),
	};

	return cmocka_run_group_tests(tests, make_sessions, remove_sessions);
}
