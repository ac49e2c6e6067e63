/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fs/sharing/share.c in whole commits: what is burned of what the disc has, within the room that was asked for; what
 * is changed, cut short or cannot be read meanwhile; what was read for it; tables that lie.
 */
#include "tests/unit/disc_check.h"

#include <errno.h>
#include <stdatomic.h>
#include <time.h>

#include "fs/sharing/share.h"
#include "fs/tree/internal.h"

/* ---- a disc that counts, is slow, or cannot be read ---- */

static struct {
	atomic_ullong sectors;
	atomic_uint delay_ms;
	uint32_t first, last; /* reads of these fail */
	int error;
} watched;

struct watched_disc {
	struct disc disc;
}; /* inner: the image */

static int watched_read(struct disc *d, uint32_t lba, void *buf, uint32_t n)
{
	unsigned ms = atomic_load(&watched.delay_ms);

	atomic_fetch_add(&watched.sectors, n);
	if (ms)
		nanosleep(&(struct timespec){0, ms * 1000000l}, NULL);
	if (watched.error && lba <= watched.last && lba + n > watched.first)
		return watched.error;
	return disc_read(d->inner, lba, buf, n);
}
static int watched_state(struct disc *d, struct disc_state *ret) { return disc_state(d->inner, ret); }
static int watched_sessions(struct disc *d, struct disc_session **ret, size_t *ret_n)
{
	return disc_sessions(d->inner, ret, ret_n);
}
static int watched_identity(struct disc *d, struct disc_identity *ret) { return disc_identity(d->inner, ret); }
static int watched_fingerprint(struct disc *d, struct disc_fingerprint *ret) { return disc_fingerprint(d->inner, ret); }
static int watched_refresh(struct disc *d) { return disc_refresh(d->inner); }
static int watched_fd(struct disc *d) { return disc_fd(d->inner); }
static void watched_close(struct disc *d)
{
	disc_close(d->inner);
	free(d);
}

static struct disc *watch(struct disc *inner)
{
	static const struct disc_ops ops = {.read = watched_read,
					    .state = watched_state,
					    .sessions = watched_sessions,
					    .identity = watched_identity,
					    .fingerprint = watched_fingerprint,
					    .refresh = watched_refresh,
					    .fd = watched_fd,
					    .close = watched_close};
	struct watched_disc *d = calloc(1, sizeof(*d));

	REQUIRE(d);
	d->disc = (struct disc){.ops = &ops, .inner = inner};
	return &d->disc;
}

static void begin(struct world *w)
{
	memset(&watched, 0, sizeof(watched));
	world_new(w);
	w->wrap = watch;
	w->options.pieces.share = SHARE_BLOCKS;
	REQUIRE(world_open(w) == 0);
}

static void again(struct world *w)
{
	world_close(w);
	REQUIRE(world_open(w) == 0);
}

static void end(struct world *w)
{
	struct disc_found found;

	world_close(w);
	disc_check(w->image, &found);
	world_remove(w);
}

/* ---- files ---- */

static struct tree_file *open_file(struct world *w, const char *path)
{
	struct tree_file *f = NULL;

	REQUIRE(tree_open(w->tree, world_lookup(w, path), O_RDWR, &f) == 0);
	return f;
}

/* Bytes of a file, written over in place. */
static void patch(struct world *w, const char *path, uint64_t at, const void *bytes, size_t n)
{
	struct tree_file *f = open_file(w, path);

	REQUIRE(tree_write(w->tree, f, at, bytes, n) == 0);
	tree_close(w->tree, f);
}

static void make_links(struct world *w, const char *path, const char *prefix, unsigned n)
{
	uint64_t ino = world_lookup(w, path);
	char name[80];
	struct stat st;

	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s%u", prefix, i);
		world_unlink(w, name);
		REQUIRE(tree_link(w->tree, ino, TREE_ROOT, name, &st) == 0);
	}
}

/* What world_write() writes. */
static uint8_t *pattern(size_t bytes, unsigned seed)
{
	uint8_t *content = malloc(bytes + 1);

	REQUIRE(content);
	for (size_t i = 0; i < bytes; i++)
		content[i] = (uint8_t)(rand_r(&seed) >> 8);
	return content;
}

static void write_bytes(struct world *w, const char *path, const uint8_t *content, size_t bytes)
{
	world_write(w, path, 0, 0);
	for (size_t at = 0; at < bytes; at += 1 << 20)
		patch(w, path, at, content + at, min_u64(bytes - at, 1 << 20));
}

static bool has_bytes(struct world *w, const char *path, const uint8_t *content, size_t bytes)
{
	uint8_t *got = calloc(1, bytes + 1);
	struct tree_file *f = open_file(w, path);
	size_t n = 0, more = 1;

	while (n < bytes + 1 && more) {
		REQUIRE(tree_read(w->tree, f, n, got + n, bytes + 1 - n, &more) == 0);
		n += more;
	}
	bool same = n == bytes && memcmp(got, content, bytes) == 0;
	tree_close(w->tree, f);
	free(got);
	return same;
}

static uint32_t extents_of_file(struct world *w, const char *path, uint32_t *ret_lba)
{
	struct iso *iso = world_newest(w);
	struct iso_entry root = {.ino = 0}, e = {.ino = 0};
	uint32_t n;

	REQUIRE(iso_root(iso, &root) == 0 && iso_lookup(iso, root.dir, path, &e) == 0);
	n = e.n_extents;
	if (ret_lba)
		*ret_lba = (uint32_t)(e.extents[0].pos / SECTOR_BYTES);
	iso_entry_release(&e);
	iso_entry_release(&root);
	iso_unref(iso);
	return n;
}

/* The dry run says what the commit burns, and that is no more than was asked for. */
static struct commit_result commit_within(struct world *w)
{
	tree_lock(w->tree);
	uint64_t asked = space_sectors_locked(w->tree);
	tree_unlock(w->tree);
	struct commit_result dry = ask(w, &ask_dry_run), r = sync_now(w);

	assert_int_equal(r.error, 0);
	assert_memory_equal(&dry.cost, &r.cost, sizeof(r.cost));
	assert_true(dry.found_bytes == r.found_bytes);
	assert_true(r.cost.append_sectors <= asked);
	return r;
}

/* ---- within the bound ---- */

/* Digests of a foreign disc's files cost no sector that was not asked for, and not again in each session. */
static void test_foreign(void **state)
{
	struct disc_found found;
	struct world w;

	(void)state;
	memset(&watched, 0, sizeof(watched));
	world_new(&w);
	world_run(&w, "mkdir in; i=0; while [ $i -lt 3000 ]; do printf '%2048d' $i >in/$i; i=$((i + 1)); done; "
		      "genisoimage -quiet -R -J -o image in 2>/dev/null");
	assert_int_equal(world_open(&w), 0);
	for (unsigned round = 0; round < 3; round++) {
		char name[20];

		snprintf(name, sizeof(name), "new %u", round);
		world_write(&w, name, 2048, round);
		assert_int_equal(commit_within(&w).cost.data_sectors, 1);
	}
	again(&w);
	assert_true(world_has(&w, "new 2", 2048, 2));
	world_close(&w);
	disc_check(w.image, &found);
	assert_true(found.contents > 3 && found.contents <= 3 * 63); /* what one sector holds */
	world_remove(&w);
}

/* A file of many pieces, copied, under many names: each name repeats all its records. */
static void test_many_names(void **state)
{
	enum { BLOCKS = 90 };
	uint8_t *content = pattern(BLOCKS * SECTOR_BYTES, 3);
	struct world w;

	(void)state;
	begin(&w);
	write_bytes(&w, "pieces", content, BLOCKS * SECTOR_BYTES);
	commit_within(&w);
	for (size_t i = 1; i < BLOCKS; i += 2) {
		content[i * SECTOR_BYTES] ^= 1;
		patch(&w, "pieces", i * SECTOR_BYTES, content + i * SECTOR_BYTES, SECTOR_BYTES);
	}
	commit_within(&w);
	assert_true(extents_of_file(&w, "pieces", NULL) > 50);
	write_bytes(&w, "copy", content, BLOCKS * SECTOR_BYTES);
	make_links(&w, "copy", "another name of the copy, a rather long one ", 40);
	commit_within(&w);
	again(&w);
	assert_true(has_bytes(&w, "another name of the copy, a rather long one 7", content, BLOCKS * SECTOR_BYTES));
	free(content);
	end(&w);
}

/* Every second block of 1,000 is another. */
static void test_alternating(void **state)
{
	enum { BLOCKS = 1000 };
	uint8_t *content = pattern(BLOCKS * SECTOR_BYTES, 4);
	struct commit_result r;
	struct world w;

	(void)state;
	begin(&w);
	write_bytes(&w, "file", content, BLOCKS * SECTOR_BYTES);
	commit_within(&w);
	for (size_t i = 1; i < BLOCKS; i += 2)
		content[i * SECTOR_BYTES + 9] ^= 1;
	write_bytes(&w, "file", content, BLOCKS * SECTOR_BYTES);
	r = commit_within(&w);
	assert_true(extents_of_file(&w, "file", NULL) <= BOUND_SECTIONS);
	assert_true(r.cost.data_sectors < BLOCKS - 40);
	/* What was found is what stays. */
	assert_int_equal(r.cost.data_sectors, BLOCKS - r.found_bytes / SECTOR_BYTES);
	again(&w);
	assert_true(has_bytes(&w, "file", content, BLOCKS * SECTOR_BYTES));
	free(content);
	end(&w);
}

/* Versions under names of their own, of which samples do not tell: the newest is the one that is most alike. */
static void test_versions(void **state)
{
	enum { BLOCKS = 1000, VERSIONS = 5 };
	uint8_t *content = pattern(BLOCKS * SECTOR_BYTES, 4);
	char name[20];
	struct world w;

	(void)state;
	begin(&w);
	for (unsigned version = 0; version <= VERSIONS; version++) {
		for (unsigned i = 0; version && i < 15 * 4; i++)
			content[(i / 4 * 66 + 12 + version * 8 + i % 4 * 2) * SECTOR_BYTES] ^= 1;
		snprintf(name, sizeof(name), "version %u", version);
		write_bytes(&w, name, content, BLOCKS * SECTOR_BYTES);
		commit_within(&w);
	}
	content[20 * SECTOR_BYTES] ^= 2;
	write_bytes(&w, "one more", content, BLOCKS * SECTOR_BYTES);
	assert_true(commit_within(&w).cost.data_sectors < 60);
	again(&w);
	assert_true(has_bytes(&w, "one more", content, BLOCKS * SECTOR_BYTES));
	free(content);
	end(&w);
}

/* A file is written over with the content of another; some blocks are those that it had. */
static void test_exchanged(void **state)
{
	enum { BYTES = 700000 };
	uint8_t *content[2] = {pattern(BYTES, 5), pattern(BYTES, 6)};
	struct commit_result r;
	struct world w;

	(void)state;
	memset(content[0] + 100 * SECTOR_BYTES, 0, 20 * SECTOR_BYTES);
	memset(content[1] + 100 * SECTOR_BYTES, 0, 20 * SECTOR_BYTES);
	begin(&w);
	write_bytes(&w, "a", content[0], BYTES);
	write_bytes(&w, "b", content[1], BYTES);
	commit_within(&w);
	write_bytes(&w, "a", content[1], BYTES);
	write_bytes(&w, "b", content[0], BYTES);
	r = commit_within(&w);
	assert_int_equal(r.cost.data_sectors, 0);
	assert_int_equal(r.found_bytes, 2 * BYTES);
	again(&w);
	assert_true(has_bytes(&w, "a", content[1], BYTES) && has_bytes(&w, "b", content[0], BYTES));
	assert_int_equal(extents_of_file(&w, "a", NULL), 1);
	free(content[0]);
	free(content[1]);
	end(&w);
}

/* ---- staged twice ---- */

/* Two contents that samples cannot tell apart, by turns; and files that begin with a hole. */
static void test_staged_twice(void **state)
{
	enum { BYTES = 600000 };
	uint8_t *content[2] = {pattern(BYTES, 5), pattern(BYTES, 5)};
	struct commit_result r;
	struct world w;

	(void)state;
	for (size_t i = 20000; i < 22000; i++)
		content[1][i] ^= 1;
	begin(&w);
	for (unsigned i = 0; i < 6; i++) {
		char name[10];

		snprintf(name, sizeof(name), "%u", i);
		write_bytes(&w, name, content[i % 2], BYTES);
	}
	r = commit_within(&w);
	assert_int_equal(r.cost.data_sectors, 2 * sectors_of(BYTES));
	assert_int_equal(r.found_bytes, 4 * BYTES);
	for (unsigned i = 0; i < 3; i++) {
		char name[10];

		snprintf(name, sizeof(name), "hole %u", i);
		world_write(&w, name, 0, 0);
		patch(&w, name, 100 * SECTOR_BYTES, content[0] + 777, 5000);
		snprintf(name, sizeof(name), "zeros %u", i);
		world_write(&w, name, 0, 0);
		REQUIRE(tree_setattr(w.tree, world_lookup(&w, name), &(struct stat){.st_size = 50 * SECTOR_BYTES},
				     TREE_SET_SIZE, &(struct stat){.st_size = 0}) == 0);
	}
	assert_int_equal(commit_within(&w).cost.data_sectors, 103 + 50);
	again(&w);
	for (unsigned i = 0; i < 6; i++) {
		char name[10];

		snprintf(name, sizeof(name), "%u", i);
		assert_true(has_bytes(&w, name, content[i % 2], BYTES));
	}
	free(content[0]);
	free(content[1]);
	end(&w);
}

/* ---- what was read ---- */

/* A file under many names that all cover another file: that one is read once. */
static void test_many_formers(void **state)
{
	enum { BYTES = 2000000, NAMES = 200 };
	struct world w;

	(void)state;
	begin(&w);
	world_write(&w, "old", BYTES, 6);
	make_links(&w, "old", "name ", NAMES);
	commit_within(&w);
	world_write(&w, "new", BYTES, 7);
	make_links(&w, "new", "name ", NAMES);
	atomic_store(&watched.sectors, 0);
	assert_int_equal(ask(&w, &ask_dry_run).cost.data_sectors, sectors_of(BYTES));
	assert_true(atomic_load(&watched.sectors) < 3 * sectors_of(BYTES));
	end(&w);
}

/* Everything is known after the first look: the foreign files are not read on. */
static void test_foreign_found(void **state)
{
	struct world w;

	(void)state;
	memset(&watched, 0, sizeof(watched));
	world_new(&w);
	w.wrap = watch;
	world_run(&w, "mkdir in; i=100; while [ $i -lt 400 ]; do printf '%100000d' $i >in/$i; i=$((i + 1)); done; "
		      "genisoimage -quiet -R -o image in 2>/dev/null; cp in/100 copy");
	assert_int_equal(world_open(&w), 0);
	uint8_t *content = malloc(100001);
	snprintf((char *)content, 100001, "%100000d", 100);
	write_bytes(&w, "copy", content, 100000);
	atomic_store(&watched.sectors, 0);
	assert_int_equal(ask(&w, &ask_dry_run).cost.data_sectors, 0);
	assert_true(atomic_load(&watched.sectors) < 1000); /* of 15,000 */
	assert_int_equal(commit_within(&w).cost.data_sectors, 0);
	free(content);
	end(&w);
}

/* ---- meanwhile ---- */

static void wait_phase(struct world *w, enum commit_phase phase)
{
	struct commit_status s = {.phase = COMMIT_IDLE};

	for (int i = 0; i < 5000 && (s.phase != phase || (phase == COMMIT_BURNING && !s.all_sectors)); i++) {
		commit_status(w->commit, &s);
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	}
	assert_int_equal(s.phase, phase);
}

/* Files whose content was found are written on, cut, removed while it burns; holes that are zeros on the disc; open
 * handles. */
static void test_changes_meanwhile(void **state)
{
	enum { BYTES = 500001 };
	uint8_t *old = pattern(BYTES, 8), *parts = pattern(BYTES, 8), *zeros = calloc(1, BYTES);
	struct waiter waiter = WAITER;
	struct tree_file *f[5];
	struct world w;

	(void)state;
	memset(old + 100 * SECTOR_BYTES, 0, 50 * SECTOR_BYTES);
	memcpy(parts, old, BYTES);
	memset(parts + 10 * SECTOR_BYTES, 'x', 2 * SECTOR_BYTES);
	begin(&w);
	write_bytes(&w, "old", old, BYTES);
	write_bytes(&w, "parts", old, BYTES);
	write_bytes(&w, "zeros", zeros, BYTES);
	write_bytes(&w, "sparse", zeros, BYTES);
	commit_within(&w);
	w.options.bytes_per_second = 3000000;
	again(&w);
	write_bytes(&w, "copy", old, BYTES);
	write_bytes(&w, "cut", old, BYTES);
	write_bytes(&w, "gone", old, BYTES);
	write_bytes(&w, "parts", parts, BYTES);
	world_write(&w, "sparse", 0, 0);
	REQUIRE(tree_setattr(w.tree, world_lookup(&w, "sparse"), &(struct stat){.st_size = BYTES}, TREE_SET_SIZE,
			     &(struct stat){.st_size = 0}) == 0);
	world_write(&w, "fresh", 2000000, 9);
	f[0] = open_file(&w, "copy");
	f[1] = open_file(&w, "cut");
	f[2] = open_file(&w, "gone");
	f[3] = open_file(&w, "parts");
	f[4] = open_file(&w, "sparse");
	assert_int_equal(commit_request(w.commit, NULL, waiter_done, &waiter), 0);
	wait_phase(&w, COMMIT_BURNING);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(tree_write(w.tree, f[i], 7 * SECTOR_BYTES + 100, "during", 6), 0);
	assert_int_equal(tree_setattr(w.tree, world_lookup(&w, "cut"), &(struct stat){.st_size = 300001}, TREE_SET_SIZE,
				      &(struct stat){.st_size = 0}),
			 0);
	assert_int_equal(world_unlink(&w, "gone"), 0);
	assert_int_equal(tree_write(w.tree, f[0], BYTES - 1, "longer", 6), 0);
	struct commit_result r = waiter_wait(&waiter, 1);
	assert_int_equal(r.error, 0);
	/* 2 of parts, whose first block is old's */
	assert_int_equal(r.cost.data_sectors, sectors_of(2000000) + 2 + 1);
	memcpy(old + 7 * SECTOR_BYTES + 100, "during", 6);
	memcpy(parts + 7 * SECTOR_BYTES + 100, "during", 6);
	memcpy(zeros + 7 * SECTOR_BYTES + 100, "during", 6);
	uint8_t *got = malloc(BYTES);
	size_t n = 0;
	assert_int_equal(tree_read(w.tree, f[2], 0, got, BYTES, &n), 0);
	assert_int_equal(n, BYTES);
	assert_memory_equal(got, old, BYTES);
	free(got);
	for (unsigned i = 0; i < 5; i++)
		tree_close(w.tree, f[i]);
	for (unsigned pass = 0; pass < 3; pass++) {
		uint8_t *longer = calloc(1, BYTES + 5);

		memcpy(longer, old, BYTES);
		memcpy(longer + BYTES - 1, "longer", 6);
		assert_true(has_bytes(&w, "copy", longer, BYTES + 5));
		assert_true(has_bytes(&w, "cut", old, 300001));
		assert_true(has_bytes(&w, "parts", parts, BYTES));
		assert_true(has_bytes(&w, "sparse", zeros, BYTES));
		assert_true(world_has(&w, "fresh", 2000000, 9));
		assert_int_equal(world_lookup(&w, "gone"), 0);
		free(longer);
		if (pass == 0) {
			r = commit_within(&w);
			assert_true(r.burned && r.cost.data_sectors <= 8);
		} else {
			again(&w);
			assert_true(stage_empty(w.stage));
		}
	}
	free(old);
	free(parts);
	free(zeros);
	end(&w);
}

/* ---- the end at each step ---- */

static void shared_changes(struct world *w)
{
	uint8_t *parts = pattern(400000, 2);

	memset(parts + 50000, 'x', 5000);
	REQUIRE(world_open(w) == 0);
	world_write(w, "copy", 300000, 1);
	write_bytes(w, "parts", parts, 400000);
	world_write(w, "twice 1", 100000, 3);
	world_write(w, "twice 2", 100000, 3);
	REQUIRE(tree_sync(w->tree) == 0);
	sync_now(w);
	world_close(w);
	free(parts);
}

static bool shared_changes_are_there(struct world *w)
{
	uint8_t *parts = pattern(400000, 2);
	bool there;

	memset(parts + 50000, 'x', 5000);
	there = world_has(w, "old", 300000, 1) && world_has(w, "copy", 300000, 1) &&
		has_bytes(w, "parts", parts, 400000) && world_has(w, "twice 1", 100000, 3) &&
		world_has(w, "twice 2", 100000, 3);
	free(parts);
	return there;
}

static void test_kills(void **state)
{
	static const char *const faults[] = {"edge@frozen=killed",
					     "edge@burning=killed",
					     "kill@0",
					     "kill@40",
					     "kill-before-sync",
					     "edge@verifying=killed",
					     "edge@publishing=killed",
					     "kill-publish@0",
					     "kill-publish@16",
					     "edge@rebasing=kill",
					     "edge@rebasing=killed",
					     "edge@idle=kill"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(faults); i++) {
		struct commit_result r;
		struct world w;

		begin(&w);
		world_write(&w, "old", 300000, 1);
		world_write(&w, "parts", 400000, 2);
		commit_within(&w);
		world_close(&w);
		w.options.fault = faults[i];
		assert_true(killed(&w, shared_changes));
		w.options.fault = NULL;
		assert_int_equal(world_open(&w), 0);
		assert_true(shared_changes_are_there(&w));
		if (world_sessions(&w) == 1) {
			r = commit_within(&w);
			assert_int_equal(r.cost.data_sectors, sectors_of(100000) + 3);
		} else {
			assert_true(stage_empty(w.stage));
		}
		again(&w);
		assert_int_equal(world_sessions(&w), 2);
		assert_true(shared_changes_are_there(&w));
		assert_false(sync_now(&w).burned);
		end(&w);
	}
}

/* Cancelled while it compares: nothing is burned, everything stays staged. */
static void test_cancelled(void **state)
{
	struct waiter waiter = WAITER;
	struct commit_result r;
	struct world w;

	(void)state;
	begin(&w);
	world_write(&w, "old", 8000000, 1);
	commit_within(&w);
	world_write(&w, "old", 8000000, 1);
	world_write(&w, "copy", 8000000, 1);
	atomic_store(&watched.delay_ms, 100);
	assert_int_equal(commit_request(w.commit, NULL, waiter_done, &waiter), 0);
	wait_phase(&w, COMMIT_PREPARING);
	nanosleep(&(struct timespec){0, 150000000}, NULL);
	commit_cancel(w.commit);
	r = waiter_wait(&waiter, 1);
	assert_int_equal(r.error, -ECANCELED);
	assert_false(r.burned);
	assert_non_null(strstr(r.message, "nothing was burned"));
	atomic_store(&watched.delay_ms, 0);
	assert_int_equal(world_sessions(&w), 1);
	assert_false(stage_empty(w.stage));
	assert_int_equal(commit_within(&w).cost.data_sectors, 0);
	again(&w);
	assert_true(world_has(&w, "copy", 8000000, 1));
	end(&w);
}

/* ---- a disc that cannot be read ---- */

static void test_unreadable(void **state)
{
	static const int errors[] = {-EIO, -EBADMSG, -ENOMEDIUM, -ENODEV};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(errors); i++) {
		struct commit_result r;
		struct world w;

		begin(&w);
		world_write(&w, "old", 5000000, 1);
		world_write(&w, "good", 300000, 2);
		commit_within(&w);
		extents_of_file(&w, "old", &watched.first);
		watched.last = watched.first;
		world_write(&w, "copy", 5000000, 1);
		world_write(&w, "copy of good", 300000, 2);
		watched.error = errors[i];
		r = ask(&w, &ask_dry_run);
		assert_int_equal(r.error, 0);
		/* A block takes the piece that was read with it; without a disc nothing is looked for any more. */
		if (i < 2)
			assert_in_range(r.cost.data_sectors, 1, 513);
		else
			assert_true(r.cost.data_sectors >= sectors_of(5000000));
		r = sync_now(&w);
		assert_int_equal(r.error, 0);
		world_write(&w, "old", 5000000, 1);
		watched.error = i < 2 ? errors[i] : 0;
		r = sync_now(&w);
		assert_int_equal(r.error, 0);
		assert_true(r.cost.data_sectors <= 513);
		watched.error = 0;
		again(&w);
		assert_true(world_has(&w, "copy", 5000000, 1) && world_has(&w, "copy of good", 300000, 2) &&
			    world_has(&w, "old", 5000000, 1));
		end(&w);
	}
}

/* ---- a table that lies ---- */

/* An entry for the block of the head that each session writes anew. */
static void test_head(void **state)
{
	uint8_t head[SECTOR_BYTES], sector[SECTOR_BYTES];
	struct content_entry e = {.size = SECTOR_BYTES, .where = 16, .n_runs = 1};
	struct appuse a;
	struct world w;
	int fd;

	(void)state;
	begin(&w);
	world_write(&w, "one", SECTOR_BYTES, 1);
	commit_within(&w);
	world_close(&w);
	fd = open(w.image, O_RDWR);
	assert_true(fd >= 0 && pread(fd, head, SECTOR_BYTES, 16 * SECTOR_BYTES) == SECTOR_BYTES &&
		    appuse_decode(head, &a) == 0);
	assert_int_equal(a.contents_bytes, CONTENTS_HEADER_BYTES + CONTENTS_ENTRY_BYTES);
	struct disc_check c = {.image = head, .bytes = SECTOR_BYTES};
	struct check_file f = {.size = SECTOR_BYTES,
			       .n = 1,
			       .extents = {{.length = SECTOR_BYTES, .kind = EXTENT_DISC}}};
	check_content_digest(&c, &f, e.digest);
	content_entry_encode(&e, sector);
	assert_int_equal(pwrite(fd, sector, CONTENTS_ENTRY_BYTES,
				(off_t)a.contents_lba * SECTOR_BYTES + CONTENTS_HEADER_BYTES),
			 CONTENTS_ENTRY_BYTES);
	close(fd);
	assert_int_equal(world_open(&w), 0);
	write_bytes(&w, "the head", head, SECTOR_BYTES);
	assert_int_equal(commit_within(&w).cost.data_sectors, 1);
	again(&w);
	assert_true(has_bytes(&w, "the head", head, SECTOR_BYTES));
	world_close(&w);
	world_remove(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_many_names),
		cmocka_unit_test(test_alternating),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_exchanged),
		cmocka_unit_test(test_staged_twice),
		cmocka_unit_test(test_many_formers),
		cmocka_unit_test(test_foreign_found),
		cmocka_unit_test(test_changes_meanwhile),
		cmocka_unit_test(test_kills),
		cmocka_unit_test(test_cancelled),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_head),
	};

	log_state.level = -1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
