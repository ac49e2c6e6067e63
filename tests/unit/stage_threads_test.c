/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fs/stage: many threads at once (also under -fsanitize=thread), and what things cost. */
#include <pthread.h>
#include <time.h>

#include "tests/unit/stage_fixture.h"

#define N_THREADS 8u
#define N_FILES 250u

struct worker {
	struct stage *s;
	unsigned number;
	unsigned errors;
	pthread_t thread;
};

static uint64_t ino_of(const struct worker *w, unsigned i) { return 10000 + w->number * 100000ull + i; }

static int make_file(struct worker *w, unsigned i)
{
	uint8_t data[4096];
	struct extent e = {0, sizeof(data), 0, 0, EXTENT_STAGE};
	struct stage_node n = {.ino = ino_of(w, i),
			       .mode = S_IFREG | 0644,
			       .nlink = 1,
			       .size = sizeof(data),
			       .n_extents = 1,
			       .extents = &e};
	char name[32];
	int r = stage_segment_alloc(w->s, sizeof(data), &e.body, &e.pos);

	memset(data, (int)(n.ino % 251), sizeof(data));
	/* A freeze may come between: then room in the next segment is taken. */
	while (!r && (r = stage_body_write(w->s, e.body, e.pos, data, sizeof(data))) == -EROFS)
		r = stage_segment_alloc(w->s, sizeof(data), &e.body, &e.pos);
	if (r)
		return r;
	snprintf(name, sizeof(name), "t%u-%u", w->number, i);
	stage_lock(w->s);
	r = stage_node_put(w->s, &n);
	if (!r)
		r = stage_name_put(w->s, 1 + i % 7, name, n.ino);
	stage_unlock(w->s);
	return r;
}

static int check_file(struct worker *w, unsigned i)
{
	_cleanup_(stage_node_release) struct stage_node n = {.extents = NULL};
	uint8_t data[4096];
	int r = stage_node_get(w->s, ino_of(w, i), &n);

	if (!r)
		r = stage_body_read(w->s, n.extents[0].body, n.extents[0].pos, data, sizeof(data));
	for (size_t at = 0; !r && at < sizeof(data); at++)
		if (data[at] != n.ino % 251)
			r = -EBADMSG;
	return r;
}

static int remove_file(struct worker *w, unsigned i)
{
	_cleanup_(stage_node_release) struct stage_node n = {.extents = NULL};
	char name[32];
	int r;

	snprintf(name, sizeof(name), "t%u-%u", w->number, i);
	stage_lock(w->s);
	r = stage_node_get(w->s, ino_of(w, i), &n);
	if (!r)
		r = stage_node_delete(w->s, n.ino);
	if (!r)
		r = stage_name_delete(w->s, 1 + i % 7, name);
	if (!r)
		stage_body_discard(w->s, n.extents[0].body, n.extents[0].pos, n.extents[0].length);
	stage_unlock(w->s);
	return r;
}

static void *work(void *context)
{
	struct worker *w = context;

	for (unsigned i = 0; i < N_FILES; i++) {
		uint64_t ino;

		w->errors += make_file(w, i) != 0;
		w->errors += check_file(w, i / 2 | 1) != 0 && i > 2;
		if (i % 2 == 0 && i > 2)
			w->errors += remove_file(w, i - 2) != 0;
		w->errors += stage_new_ino(w->s, &ino) != 0;
		if (i % 64 == 63)
			w->errors += stage_sync(w->s) != 0;
	}
	return NULL;
}

static void freeze_and_look(struct stage *s)
{
	_cleanup_(stage_snapshot_freep) struct stage_snapshot *p = NULL;
	struct stage_totals totals;
	struct stage_name *names = NULL;
	uint32_t generation;
	size_t n;

	assert_int_equal(stage_freeze(s, &generation), 0);
	assert_int_equal(stage_snapshot(s, 0, &p), 0);
	assert_int_equal(stage_commit_set(s, &(struct stage_commit){.state = STAGE_FROZEN, .generation = generation}),
			 0);
	assert_int_equal(stage_names(s, 3, &names, &n), 0);
	free(names);
	stage_totals(s, &totals);
	assert_int_equal(stage_commit_set(s, &(struct stage_commit){.state = STAGE_IDLE}), 0);
	stage_unfreeze(s);
	assert_int_equal(stage_collect(s, NULL, 0), 0);
}

static void test_eight_threads(void **state)
{
	struct stage *s = open_stage(*state);
	struct worker workers[N_THREADS];
	struct stage_totals totals;

	assert_int_equal(stage_start_thread(s), 0);
	for (unsigned i = 0; i < N_THREADS; i++) {
		workers[i] = (struct worker){.s = s, .number = i};
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	usleep(5000);
	freeze_and_look(s);
	for (unsigned i = 0; i < N_THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		assert_int_equal(workers[i].errors, 0);
	}
	stage_totals(s, &totals);
	assert_int_equal(totals.nodes, totals.names);
	stage_close(s);
	s = open_stage(*state);
	for (unsigned i = 0; i < N_THREADS; i++) {
		workers[i].s = s;
		for (unsigned j = 1; j < N_FILES; j += 2)
			assert_int_equal(check_file(&workers[i], j), 0);
	}
	stage_close(s);
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Printed only: the machine may be busy. */
static void test_what_things_cost(void **state)
{
	const unsigned n = 20000;
	struct stage *s = open_stage(*state);
	struct extent e = {0, 4096, 0, 1, EXTENT_STAGE};
	struct stage_node node = {.mode = S_IFREG | 0644, .nlink = 1, .size = 4096, .n_extents = 1, .extents = &e};
	struct stage_node directory = {.ino = 1, .mode = S_IFDIR | 0755, .nlink = 2};
	struct stage_snapshot *p = NULL;
	double start, put, get, lookup, absent, sync, snapshot, freed;
	char name[32];
	uint64_t ino;

	start = now_us();
	for (unsigned i = 0; i < n; i++) {
		node.ino = 1000 + i;
		snprintf(name, sizeof(name), "file%u", i);
		stage_lock(s);
		stage_node_put(s, &node);
		stage_name_put(s, 1, name, node.ino);
		stage_node_put(s, &directory);
		e.pos = 4096ull * i;
		stage_node_put(s, &node);
		stage_unlock(s);
	}
	put = now_us();
	for (unsigned i = 0; i < n; i++) {
		stage_node_get(s, 1000 + (i * 7919u) % n, &node);
		stage_node_release(&node);
	}
	get = now_us();
	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "file%u", (i * 7919u) % n);
		assert_int_equal(stage_name_get(s, 1, name, &ino), 0);
	}
	lookup = now_us();
	for (unsigned i = 0; i < n; i++)
		if (stage_node_exists(s, 1000000 + i) || stage_names_exist(s, 2 + i))
			fail();
	absent = now_us();
	assert_int_equal(stage_sync(s), 0);
	sync = now_us();
	assert_int_equal(stage_snapshot(s, 0, &p), 0);
	snapshot = now_us();
	stage_snapshot_free(p);
	freed = now_us();
	print_message("per file staged %.2f us; node get %.2f, name get %.2f, absent (2 questions) %.3f us\n",
		      (put - start) / n, (get - put) / n, (lookup - get) / n, (absent - lookup) / n);
	print_message("%u files: sync %.1f ms, snapshot %.1f ms, freeing it %.2f ms\n", n, (sync - absent) / 1e3,
		      (snapshot - sync) / 1e3, (freed - snapshot) / 1e3);
	stage_discard(s);
	stage_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_eight_threads, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_what_things_cost, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
