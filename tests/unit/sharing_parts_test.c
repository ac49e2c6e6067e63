/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fs/commit: compare.c and choose.c against what they promise, on random extents: exactly the whole blocks that are
 * equal and may stay, and of those never more than their records are worth.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "burner/format/bound.h"
#include "burner/base/log.h"
#include "burner/base/own.h"
#include "fs/sharing/choose.h"
#include "fs/sharing/compare.h"

#define BLOCKS 48u
#define FILE_BYTES (BLOCKS * SECTOR_BYTES)
#define DISC_BYTES (8u * FILE_BYTES)
#define HEAD_BYTES (32u * SECTOR_BYTES)

static const struct pieces_rule by_blocks = {.share = SHARE_BLOCKS};

static unsigned seed;
static uint32_t below(uint32_t n) { return n ? (uint32_t)rand_r(&seed) / 11 % n : 0; }

/* A file to be written, what is staged of it, and a disc. */
static struct file {
	struct held_manifest held;
	struct manifest_node node;
	struct extent new[BLOCKS * 2], old[BLOCKS * 4];
	uint32_t n_old;
	uint64_t old_size, unreadable; /* a byte of the disc; 0: none */
	int read_error;
	unsigned reads;
	uint8_t content[FILE_BYTES], stage[2 * FILE_BYTES], disc[DISC_BYTES];
} f;

static int read_body(void *context, uint32_t body, uint64_t pos, void *buf, size_t length)
{
	(void)context;
	assert_int_equal(body, 7);
	assert_true(pos + length <= sizeof(f.stage));
	memcpy(buf, f.stage + pos, length);
	return 0;
}

static int read_disc(void *context, uint64_t pos, void *buf, size_t length)
{
	(void)context;
	f.reads++;
	assert_true(pos >= HEAD_BYTES && pos + length <= sizeof(f.disc)); /* nothing is even read elsewhere */
	if (f.unreadable >= pos && f.unreadable - pos < length)
		return f.read_error;
	memcpy(buf, f.disc + pos, length);
	return 0;
}

static void begin(uint64_t size)
{
	memset(&f, 0, sizeof(f));
	f.node = (struct manifest_node){.ino = 5, .size = size, .mode = S_IFREG | 0644, .nlink = 1};
	f.held.manifest = (struct manifest){.nodes = &f.node,
					    .n_nodes = 1,
					    .extents = f.new,
					    .read_body = read_body,
					    .read_disc = read_disc,
					    .context = &f};
}

static void add_new(uint64_t length, enum extent_kind kind, uint64_t pos)
{
	struct extent *last = f.node.n_extents ? &f.new[f.node.n_extents - 1] : NULL;

	f.new[f.node.n_extents++] = (struct extent){.offset = last ? last->offset + last->length : 0,
						    .length = length,
						    .pos = kind == EXTENT_HOLE ? 0 : pos,
						    .body = kind == EXTENT_STAGE ? 7 : 0,
						    .kind = kind};
}

static void add_old(uint64_t length, uint64_t pos)
{
	f.old[f.n_old++] = (struct extent){.offset = f.old_size, .length = length, .pos = pos, .kind = EXTENT_DISC};
	f.old_size += length;
}

/* Staged parts, holes, parts of the disc, in whole blocks but for the last. */
static void random_new(void)
{
	for (uint64_t at = 0, n; at < f.node.size; at += n) {
		enum extent_kind kind =
			(enum extent_kind[]){EXTENT_STAGE, EXTENT_STAGE, EXTENT_HOLE, EXTENT_DISC}[below(4)];
		uint64_t pos = kind == EXTENT_DISC ? HEAD_BYTES + below(BLOCKS) * SECTOR_BYTES : at + below(100);

		n = min_u64(f.node.size - at, (1 + below(8)) * SECTOR_BYTES);
		if (kind == EXTENT_HOLE)
			memset(f.content + at, 0, n);
		if (kind == EXTENT_STAGE && f.node.n_extents && f.new[f.node.n_extents - 1].kind == EXTENT_STAGE)
			pos = f.new[f.node.n_extents - 1].pos + f.new[f.node.n_extents - 1].length + 1;
		if (kind == EXTENT_STAGE)
			memcpy(f.stage + pos, f.content + at, n);
		add_new(n, kind, pos);
	}
}

/* A content like that of the file, in pieces of any length anywhere on the disc, now and then at odd places, in the
 * head or behind the end. */
static void random_old(void)
{
	uint64_t size = below(3) ? f.node.size : 1 + below(FILE_BYTES), place = 2 * FILE_BYTES;

	for (uint64_t at = 0, n; at < size; at += n) {
		bool odd = !below(6);

		n = min_u64(size - at, odd ? 1 + below(9000) : (1 + below(10)) * SECTOR_BYTES);
		place = round_up(place, SECTOR_BYTES) + (at & (SECTOR_BYTES - 1)) + below(3) * SECTOR_BYTES +
			(below(9) ? 0 : 512);
		for (uint64_t i = 0; i < n; i++)
			f.disc[place + i] = at + i < f.node.size ? f.content[at + i] : 0;
		if (!below(3))
			f.disc[place + below((uint32_t)n)] ^= 1;
		add_old(n, below(20) ? place :
			   below(2)  ? below(32) * SECTOR_BYTES + (at & (SECTOR_BYTES - 1)) :
				       DISC_BYTES - (n & ~2047ull) + (at & (SECTOR_BYTES - 1)));
		place += n;
	}
}

static const struct extent *holds(const struct extent *e, uint32_t n, uint64_t from, uint64_t to)
{
	uint32_t i = extent_at(e, n, from);

	return i < n && e[i].offset + e[i].length >= to ? &e[i] : NULL;
}

/* Where block i of the file may stay, by the words of compare.h; 0: nowhere. */
static uint64_t expected(uint64_t i)
{
	uint64_t from = i * SECTOR_BYTES, to = min_u64(from + SECTOR_BYTES, f.node.size);
	const struct extent *n = holds(f.new, f.node.n_extents, from, to), *o = holds(f.old, f.n_old, from, to);

	if (!n || !o || n->kind == EXTENT_DISC || (to - from < SECTOR_BYTES && f.old_size != f.node.size))
		return 0;
	if (o->pos < HEAD_BYTES || o->pos + o->length > DISC_BYTES || (o->pos - o->offset) % SECTOR_BYTES)
		return 0;
	return memcmp(f.content + from, f.disc + o->pos + (from - o->offset), to - from) == 0 ?
		       o->pos + (from - o->offset) :
		       0;
}

static uint8_t buffers[2][COMPARE_BYTES];
static struct comparison comparison(void)
{
	return (struct comparison){.held = &f.held,
				   .buffers = {buffers[0], buffers[1]},
				   .first_pos = HEAD_BYTES,
				   .end_pos = DISC_BYTES};
}

static void check_compared(void)
{
	_cleanup_(equal_runs_release) struct equal_runs runs = {.list = NULL}, whole = {.list = NULL};
	struct comparison c = comparison();
	uint64_t bytes = 0, at = 0;
	size_t run = 0;

	assert_int_equal(compare_node(&c, 0, f.old, f.n_old, false, &runs), 0);
	for (uint64_t i = 0; i < sectors_of(f.node.size); i++) {
		uint64_t pos = expected(i), length = min_u64(SECTOR_BYTES, f.node.size - i * SECTOR_BYTES);

		if (!pos)
			continue;
		if (run < runs.n && at == runs.list[run].length) {
			run++;
			at = 0;
		}
		assert_true(run < runs.n);
		assert_int_equal(runs.list[run].offset + at, i * SECTOR_BYTES);
		assert_int_equal(runs.list[run].pos + at, pos);
		at += length;
		bytes += length;
	}
	assert_int_equal(runs.bytes, bytes);
	assert_true(!runs.n || (run + 1 == runs.n && at == runs.list[run].length));
	c = comparison();
	assert_int_equal(compare_node(&c, 0, f.old, f.n_old, true, &whole), 0);
	assert_int_equal(whole.bytes, bytes == f.node.size ? bytes : 0);
	assert_int_equal(whole.n, whole.bytes ? runs.n : 0);
	compare_promises(&c, 0, f.old, f.n_old);
}

static void test_compare_random(void **state)
{
	unsigned whole = 0;

	(void)state;
	for (seed = 1; seed < 200000;) {
		unsigned first = seed;

		begin(1 + (below(2) ? below(FILE_BYTES) : below(BLOCKS) * SECTOR_BYTES));
		for (size_t i = 0; i < sizeof(f.content); i++)
			f.content[i] = (uint8_t)(i / 64 * 7);
		random_new();
		random_old();
		check_compared();
		whole += f.node.n_extents == 1 && f.n_old == 1;
		seed = first + 67;
	}
	assert_true(whole > 20);
}

/* The last block, which is not whole: only of a file that is as long. */
static void test_last_block(void **state)
{
	struct {
		uint64_t old_size, bytes;
	} cases[] = {{5000, 5000}, {5001, 4096}, {4999, 4096}, {4096, 4096}, {6144, 4096}, {2048, 2048}, {2047, 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		_cleanup_(equal_runs_release) struct equal_runs runs = {.list = NULL};
		struct comparison c = comparison();

		begin(5000);
		add_new(5000, EXTENT_STAGE, 0);
		add_old(cases[i].old_size, FILE_BYTES);
		assert_int_equal(compare_node(&c, 0, f.old, f.n_old, false, &runs), 0);
		assert_int_equal(runs.bytes, cases[i].bytes);
		assert_int_equal(runs.n, cases[i].bytes > 0);
	}
}

/* Zeros on the disc are as good as a hole. */
static void test_hole(void **state)
{
	_cleanup_(equal_runs_release) struct equal_runs runs = {.list = NULL};
	struct comparison c = comparison();

	(void)state;
	begin(10 * SECTOR_BYTES);
	add_new(10 * SECTOR_BYTES, EXTENT_HOLE, 0);
	add_old(10 * SECTOR_BYTES, FILE_BYTES);
	f.disc[FILE_BYTES + 3 * SECTOR_BYTES + 5] = 1;
	assert_int_equal(compare_node(&c, 0, f.old, f.n_old, false, &runs), 0);
	assert_int_equal(runs.n, 2);
	assert_int_equal(runs.bytes, 9 * SECTOR_BYTES);
}

/* What cannot be read is different; without a disc there is nothing to compare with. */
static void test_unreadable(void **state)
{
	_cleanup_(equal_runs_release) struct equal_runs runs = {.list = NULL}, none = {.list = NULL};
	struct comparison c = comparison();

	(void)state;
	begin(10 * SECTOR_BYTES);
	add_new(10 * SECTOR_BYTES, EXTENT_STAGE, 0);
	for (unsigned i = 0; i < 10; i++)
		add_old(SECTOR_BYTES, FILE_BYTES + 3 * i * SECTOR_BYTES);
	f.unreadable = f.old[4].pos + 100;
	f.read_error = -EIO;
	assert_int_equal(compare_node(&c, 0, f.old, f.n_old, false, &runs), 0);
	assert_int_equal(runs.bytes, 9 * SECTOR_BYTES);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(compare_node(&c, 0, f.old, f.n_old, true, &none), 0);
	assert_true(f.reads < 200); /* not again and again */
	c = comparison();
	f.read_error = -ENOMEDIUM;
	assert_int_equal(compare_node(&c, 0, f.old, f.n_old, false, &none), -ENOMEDIUM);
}

/* ---- what is worth it ---- */

/* Blocks to be written and sections, when the runs are taken. */
static void count(const struct equal_runs *runs, uint64_t *ret_blocks, uint64_t *ret_sections)
{
	static uint64_t place[4096];
	uint64_t blocks = sectors_of(f.node.size), last = 0;

	assert_true(blocks <= ARRAY_LENGTH(place));
	memset(place, 0, sizeof(place));
	for (uint32_t i = 0; i < f.node.n_extents; i++)
		for (uint64_t at = 0; f.new[i].kind == EXTENT_DISC &&at < f.new[i].length; at += SECTOR_BYTES)
			place[(f.new[i].offset + at) / SECTOR_BYTES] = (f.new[i].pos + at) / SECTOR_BYTES;
	for (size_t i = 0; i < runs->n; i++)
		for (uint64_t at = 0; at < runs->list[i].length; at += SECTOR_BYTES)
			place[(runs->list[i].offset + at) / SECTOR_BYTES] = (runs->list[i].pos + at) / SECTOR_BYTES;
	*ret_blocks = *ret_sections = 0;
	for (uint64_t i = 0; i < blocks; i++) {
		*ret_blocks += !place[i];
		*ret_sections += !i || (place[i] ? place[i] != last + 1 : last != 0);
		last = place[i];
	}
}

static void push_run(struct equal_runs *runs, uint64_t block, uint64_t n, uint64_t lba)
{
	runs->list[runs->n++] = (struct equal_run){block * SECTOR_BYTES, n * SECTOR_BYTES, lba * SECTOR_BYTES};
	runs->bytes += n * SECTOR_BYTES;
}

/* Never dearer than what was counted for it, and nothing that the plan would have to take back. */
static uint64_t check_chosen(struct equal_runs *runs)
{
	uint64_t blocks, sections, before, sections_before, nlink = f.node.nlink;

	count(&(struct equal_runs){.list = NULL}, &before, &sections_before);
	assert_int_equal(choose_parts(&f.held.manifest, 0, runs), 0);
	count(runs, &blocks, &sections);
	assert_true(sections <= BOUND_SECTIONS || sections <= sections_before);
	assert_true(blocks + bound_section_sectors(sections, nlink) <=
		    before + bound_section_sectors(sections_before, nlink));
	assert_true(!runs->n || blocks < before);
	return before - blocks;
}

static void test_alternating(void **state)
{
	struct equal_run list[500];
	struct equal_runs runs = {.list = list};

	(void)state;
	begin(1000 * SECTOR_BYTES);
	add_new(1000 * SECTOR_BYTES, EXTENT_STAGE, 0);
	for (uint64_t i = 0; i < 500; i++)
		push_run(&runs, 2 * i, 1, 1000 + 2 * i);
	assert_int_equal(check_chosen(&runs), 44); /* 89 sections */
	/* Ten names, and each run costs more than it saves. */
	runs.n = runs.bytes = 0;
	f.node.nlink = 10;
	for (uint64_t i = 0; i < 500; i++)
		push_run(&runs, 2 * i, 1, 1000 + 2 * i);
	assert_int_equal(check_chosen(&runs), 0);
	/* The long ones among many short ones. */
	runs.n = runs.bytes = 0;
	f.node.nlink = 1;
	for (uint64_t i = 0; i < 200; i++)
		push_run(&runs, 4 * i, i % 5 ? 1 : 3, 1000 + 4 * i);
	assert_int_equal(check_chosen(&runs), 40 * 3 + 4);
}

static void test_random_choices(void **state)
{
	static struct equal_run list[4096];
	unsigned taken = 0;

	(void)state;
	for (unsigned round = 1; round < 20000; round++) {
		struct equal_runs runs = {.list = list};
		uint64_t lba = 1000, longest = 1 + below(30);

		seed = round;
		begin(0);
		f.node.nlink = below(3) ? 1 : 1 + below(30);
		while (f.node.n_extents < 60 && f.node.size < 3000 * SECTOR_BYTES) {
			bool disc = below(2);
			uint64_t n = 1 + below(disc ? 3 : 60), at = f.node.size / SECTOR_BYTES;

			if (f.node.n_extents && f.new[f.node.n_extents - 1].kind == EXTENT_STAGE)
				disc = true;
			lba += disc ? below(2) : 0;
			add_new(n * SECTOR_BYTES, disc ? EXTENT_DISC : EXTENT_STAGE, disc ? lba * SECTOR_BYTES : 0);
			for (uint64_t i = 0, part; !disc && i < n; i += part + 1) {
				part = min_u64(1 + below((uint32_t)longest), n - i);
				if (below(3))
					push_run(&runs, at + i, part, lba + i);
			}
			f.node.size += n * SECTOR_BYTES;
			lba += n;
			if (!below(40))
				break;
		}
		taken += check_chosen(&runs) > 0;
	}
	assert_true(taken > 3000);
}

/* The first block belongs to another file. */
static void test_not_first(void **state)
{
	struct equal_run list[2];
	struct equal_runs runs = {.list = list};

	(void)state;
	push_run(&runs, 0, 1, 100);
	push_run(&runs, 5, 2, 200);
	choose_not_first_block(&runs);
	assert_int_equal(runs.n, 1);
	assert_int_equal(runs.list[0].offset, 5 * SECTOR_BYTES);
	assert_int_equal(runs.bytes, 2 * SECTOR_BYTES);
	choose_not_first_block(&runs);
	assert_int_equal(runs.bytes, 2 * SECTOR_BYTES);
	runs.n = runs.bytes = 0;
	push_run(&runs, 0, 3, 100);
	choose_not_first_block(&runs);
	assert_int_equal(runs.list[0].offset, SECTOR_BYTES);
	assert_int_equal(runs.list[0].pos, 101 * SECTOR_BYTES);
	assert_int_equal(runs.bytes, 2 * SECTOR_BYTES);
}

/* All of a file in many pieces, under many names: one piece would cost less. */
static void test_whole(void **state)
{
	struct equal_run list[100];
	struct equal_runs runs = {.list = list};

	(void)state;
	begin(80 * SECTOR_BYTES);
	add_new(80 * SECTOR_BYTES, EXTENT_STAGE, 0);
	for (uint64_t i = 0; i < 80; i++)
		push_run(&runs, i, 1, 1000 + 2 * i);
	assert_true(choose_whole(&f.held.manifest, 0, &runs, &by_blocks));
	/* Not one of many pieces, unless they save as much as is asked. */
	assert_false(choose_whole(&f.held.manifest, 0, &runs, &(struct pieces_rule){SHARE_AUTO, 0}));
	assert_true(choose_whole(&f.held.manifest, 0, &runs, &(struct pieces_rule){SHARE_AUTO, 40 * SECTOR_BYTES}));
	assert_false(choose_whole(&f.held.manifest, 0, &runs, &(struct pieces_rule){SHARE_AUTO, 60 * SECTOR_BYTES}));
	f.node.nlink = 12;
	assert_false(choose_whole(&f.held.manifest, 0, &runs, &by_blocks));
	f.node.nlink = 1;
	f.node.size += 20 * SECTOR_BYTES;
	assert_false(choose_whole(&f.held.manifest, 0, &runs, &by_blocks));
	for (uint64_t i = 80; i < 100; i++)
		push_run(&runs, i, 1, 1000 + 2 * i);
	assert_false(choose_whole(&f.held.manifest, 0, &runs, &by_blocks)); /* more than a file may have */
	runs.n = runs.bytes = 0;
	push_run(&runs, 0, 100, 1000);
	f.node.nlink = 1000;
	assert_true(choose_whole(&f.held.manifest, 0, &runs, &by_blocks));
	assert_true(choose_whole(&f.held.manifest, 0, &runs, &(struct pieces_rule){SHARE_AUTO, PIECES_NEVER}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compare_random), cmocka_unit_test(test_last_block),
		cmocka_unit_test(test_hole),	       cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_alternating),    cmocka_unit_test(test_random_choices),
		cmocka_unit_test(test_not_first),      cmocka_unit_test(test_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
