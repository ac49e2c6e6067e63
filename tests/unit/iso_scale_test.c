/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Large directories, large files, many threads. */
#include <pthread.h>
#include <time.h>

#include "tests/unit/iso_fixture.h"

#define NAMES 20000u

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void name_of(unsigned i, char ret[256])
{
	snprintf(ret, 256, "a-rather-long-file-name-to-fill-the-directory-%06u.txt", i);
}

static void open_many(struct image *m, const char *dir, struct iso_entry *ret)
{
	struct iso_entry root;

	image_open(m, dir, "many.iso", 16);
	assert_int_equal(iso_root(m->iso, &root), 0);
	assert_int_equal(iso_lookup(m->iso, root.dir, "many", ret), 0);
}

static void test_listing(void **state)
{
	struct image m;
	struct iso_entry many, e;
	double start, full, brief;
	struct iso_dir *d;
	unsigned n = 0;
	unsigned long reads;

	open_many(&m, *state, &many);
	assert_int_equal(iso_dir_open(m.iso, many.dir, &d), 0);
	reads = atomic_load(&m.disc.reads);
	start = now();
	while (iso_dir_next(d, &e) > 0) {
		assert_int_equal(e.mode, S_IFREG | 0644);
		assert_int_equal(e.mtime.tv_sec, 1577934245);
		iso_entry_release(&e);
		n++;
	}
	full = now() - start;
	iso_dir_close(d);
	assert_int_equal(n, NAMES);
	assert_true(atomic_load(&m.disc.reads) - reads <= many.dir.bytes / 65536 + 3); /* the first two are shorter */
	assert_int_equal(iso_dir_open(m.iso, many.dir, &d), 0);
	start = now();
	for (n = 0; iso_dir_next_name(d, &e) > 0; n++)
		assert_true(e.name[0]);
	brief = now() - start;
	iso_dir_close(d);
	assert_int_equal(n, NAMES);
	print_message("# %.0f ns an entry, %.0f ns a name\n", full / NAMES * 1e9, brief / NAMES * 1e9);
	image_close(&m);
}

static void test_look_up_every_name(void **state)
{
	struct image m;
	struct iso_entry many, e;
	char name[256];
	double start, first, all;
	clock_t work;

	open_many(&m, *state, &many);
	start = now();
	assert_int_equal(iso_lookup(m.iso, many.dir, "none of them", &e), -ENOENT);
	first = now() - start;
	start = now();
	work = clock();
	for (unsigned i = NAMES; i; i--) {
		name_of(i, name);
		assert_int_equal(iso_lookup(m.iso, many.dir, name, &e), 0);
		assert_string_equal(e.name, name);
		iso_entry_release(&e);
	}
	all = now() - start;
	print_message("# index in %.1f ms, then %.2f us a look-up\n", first * 1e3, all / NAMES * 1e6);
	/* Only against accidents of order, and of its own time, which other programs do not change: without an index
	 * this would be half a minute. */
	assert_true((clock() - work) / CLOCKS_PER_SEC < 10);
	image_close(&m);
}

struct worker {
	struct iso *iso;
	struct iso_extent dir;
	unsigned seed, wrong;
};

static void *work(void *argument)
{
	struct worker *w = argument;
	struct iso_entry e;
	char name[256];

	for (unsigned i = 0; i < 3000; i++) {
		unsigned number = (i * 7919 + w->seed) % NAMES + 1;
		name_of(number, name);
		if (iso_lookup(w->iso, w->dir, name, &e) || strcmp(e.name, name))
			w->wrong++;
		else
			iso_entry_release(&e);
		if (iso_root(w->iso, &e) || iso_lookup(w->iso, e.dir, "seven", &e))
			w->wrong++;
		else
			iso_entry_release(&e);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct worker workers[4];
	pthread_t threads[4];
	struct image m;
	struct iso_entry many;

	open_many(&m, *state, &many);
	for (unsigned i = 0; i < 4; i++) {
		workers[i] = (struct worker){m.iso, many.dir, i * 1000, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(workers[i].wrong, 0);
	}
	image_close(&m);
}

static void test_large_file(void **state)
{
	static const uint64_t marks[] = {0, 4294965248, 4294967295, 4299161600, 4402341470};
	char path[4096], buf[64], mark[64];
	struct image m;
	struct iso_entry root, e;

	image_open(&m, *state, "large.iso", 16);
	unlink(path_of(*state, "large.iso", path));
	assert_int_equal(iso_root(m.iso, &root), 0);
	assert_int_equal(iso_lookup(m.iso, root.dir, "big", &e), 0);
	assert_int_equal(e.size, 4402341479);
	/* Its two sections lie next to each other. */
	assert_int_equal(e.n_extents, 1);
	for (unsigned k = 0; k < ARRAY_LENGTH(marks); k++) {
		size_t n = (size_t)snprintf(mark, sizeof(mark), "mark-%llu", (unsigned long long)marks[k]);
		n = (size_t)min_u64(n, e.size - marks[k]);
		assert_int_equal(entry_read(m.iso, &e, marks[k], buf, n), 0);
		assert_memory_equal(buf, mark, n);
	}
	iso_entry_release(&e);
	assert_int_equal(iso_lookup(m.iso, root.dir, "z-after", &e), 0);
	compare_content(m.iso, &e, path_of(*state, "large/z-after", path));
	iso_entry_release(&e);
	image_close(&m);
}

static int setup(void **state) { return fixtures_make(state, "many large"); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listing),
		cmocka_unit_test(test_look_up_every_name),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_large_file),
	};

	return cmocka_run_group_tests_name("iso_scale", tests, setup, fixtures_remove);
}
