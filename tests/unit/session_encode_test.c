/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session_encode_test.c - small encoders of burner/session: dates, System Use entries, application-use field, commit
 * record, head
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "burner/base/sha256.h"
#include "burner/format/commit_record.h"
#include "burner/session/system_use.h"
#include "burner/format/bound.h"
#include "burner/format/rock_ridge.h"
#include "burner/format/appuse.h"
#include "session_tree.h"

/* The target that the SL entries of s tell, by the rules of RRIP 4.1.3 (as Linux reads them). */
static void decode_sl(const struct system_use *s, char *out)
{
	bool join = true;

	for (unsigned i = 0; i < s->n; i++) {
		const uint8_t *e = s->bytes + system_use_start(s, i), *c = e + 5;

		assert_int_equal(e[2], s->end[i] - system_use_start(s, i));
		if (memcmp(e, "SL", 2) != 0)
			continue;
		for (; c < e + e[2]; c += 2 + c[1]) {
			if (!join)
				*out++ = '/';
			if (c[0] & 8)
				*out++ = '/';
			else if (c[0] & 6)
				out += snprintf(out, 3, "%s", c[0] & 2 ? "." : "..");
			memcpy(out, c + 2, c[1]);
			out += c[1];
			join = c[0] & 9;
		}
		assert_true(c == e + e[2]);
		assert_int_equal(e[4], i + 1 < s->n && memcmp(s->bytes + s->end[i], "SL", 2) == 0);
	}
	*out = 0;
}

static unsigned last_component(const struct system_use *s, unsigned entry)
{
	const uint8_t *sl = s->bytes + system_use_start(s, entry);
	unsigned at = 5, last = at;

	for (; at < sl[2]; at += 2u + sl[at + 1])
		last = at;
	return last;
}

/* Cut where a block might end: nothing is lost but what cannot be used. */
static void check_cut(const struct system_use *all, unsigned entry, unsigned room, const char *target)
{
	struct system_use *s = malloc(sizeof(*s));
	const uint8_t *sl = all->bytes + system_use_start(all, entry);
	char decoded[SYSTEM_USE_BYTES];
	unsigned length;

	must(s);
	*s = *all;
	if (!system_use_cut_link(s, entry, room)) {
		assert_true(memcmp(sl, "SL", 2) != 0 || room >= sl[2] || room < BOUND_LINK_PIECE);
		assert_true(memcmp(s, all, sizeof(*s)) == 0); /* cmocka compares byte by byte */
		free(s);
		return;
	}
	length = s->end[entry] - system_use_start(s, entry);
	assert_int_equal(s->n, all->n + 1);
	assert_true(length <= room && room - length + system_use_bytes(s) - system_use_bytes(all) < BOUND_LINK_PIECE);
	/* Between two components only when the first has no text to be cut. */
	if (!(s->bytes[s->end[entry] - (length - last_component(s, entry))] & 1))
		assert_true(length - last_component(s, entry) <= 3);
	decode_sl(s, decoded);
	assert_string_equal(decoded, target);
	free(s);
}

static void check_target(const char *target)
{
	struct manifest_node node = {.mode = S_IFLNK | 0777, .target = target};
	struct system_use *s = malloc(sizeof(*s));
	char decoded[SYSTEM_USE_BYTES];

	must(s);
	memset(s, 0, sizeof(*s));
	system_use_of_node(s, &node, "link");
	assert_true(s->n <= SYSTEM_USE_ENTRIES && system_use_bytes(s) <= SYSTEM_USE_BYTES);
	decode_sl(s, decoded);
	assert_string_equal(decoded, target);
	assert_int_equal(system_use_bytes(s), 44 + 26 + 5 + strlen("link") + rrip_sl_encode(target, NULL));
	for (unsigned room = 0; room < 256; room++) {
		check_cut(s, 2, room, target);
		check_cut(s, s->n - 2, room, target);
		check_cut(s, s->n - 1, room, target);
	}
	free(s);
}

static void test_symlinks(void **state)
{
	static const char *const targets[] = {"/",  "//",    "///a",   "a",   "a/",   "a//b",	     ".",
					      "..", "../..", "./x/..", "...", "/a/b", "a/./b/../c//"};
	static const char alphabet[] = "/./ab";
	char target[SYSTEM_USE_TARGET_BYTES + 1];
	uint64_t random = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(targets); i++)
		check_target(targets[i]);
	for (size_t n = 1; n <= SYSTEM_USE_TARGET_BYTES; n += 1 + n / 20) {
		memset(target, 'x', n);
		target[n] = 0;
		check_target(target);
		memset(target, '/', n);
		check_target(target);
		for (size_t i = 0; i < n; i++)
			target[i] = i % 2 ? '/' : 'x';
		check_target(target);
		for (size_t i = 0; i < n; i++) {
			random = random * 6364136223846793005ull + 1442695040888963407ull;
			target[i] = alphabet[(random >> 33) % (sizeof(alphabet) - 1)];
		}
		check_target(target);
	}
	memset(target, '/', SYSTEM_USE_TARGET_BYTES);
	target[SYSTEM_USE_TARGET_BYTES] = 0;
	check_target(target);
}

static void test_devices(void **state)
{
	struct manifest_node node = {.mode = S_IFCHR, .rdev = makedev(10, 200)};
	struct system_use s;
	const uint8_t *pn;

	(void)state;
	system_use_of_node(&s, &node, "d");
	pn = s.bytes + system_use_start(&s, 3);
	assert_memory_equal(pn, "PN\x14\x01", 4);
	assert_int_equal(get_le32(pn + 4), 0);
	assert_int_equal(get_le32(pn + 12), makedev(10, 200));
	node.rdev = makedev(259, 70000);
	system_use_of_node(&s, &node, "d");
	assert_int_equal(get_be32(pn + 8), 259);
	assert_int_equal(get_be32(pn + 16), 70000);
}

static void test_zisofs(void **state)
{
	struct manifest_node node = {.mode = S_IFREG, .size = 0x1122334455, .zisofs = {{'P', 'Z'}, 6, 17}};
	struct system_use s;

	(void)state;
	system_use_of_node(&s, &node, "z");
	assert_memory_equal(s.bytes + system_use_start(&s, 3), "ZF\x10\x02PZ\x06\x11\x55\x44\x33\x22\x11\0\0\0", 16);
	node.size = 300000;
	node.zisofs = (struct zisofs){{'p', 'z'}, 4, 15};
	system_use_of_node(&s, &node, "z");
	assert_memory_equal(s.bytes + system_use_start(&s, 3), "ZF\x10\x01pz\x04\x0f\xe0\x93\x04\0\0\x04\x93\xe0", 16);
}

static void test_appuse(void **state)
{
	struct appuse a = {.uuid = "0123456789abcde",
			   .number = 3,
			   .start_lba = 64,
			   .previous_lba = 32,
			   .previous_descriptor_lba = 48,
			   .sectors = 96,
			   .directories = 7,
			   .flags = 1,
			   .previous_number = 2,
			   .next_ino = 1ull << 40,
			   .tree_sectors = 9},
		      b;
	uint8_t sector[2048];

	(void)state;
	memset(sector, 0xee, sizeof(sector));
	appuse_encode(&a, sector);
	assert_int_equal(sector[APPUSE_OFFSET - 1], 0xee);
	assert_int_equal(sector[APPUSE_OFFSET + 512], 0xee);
	memset(&b, 0, sizeof(b));
	assert_int_equal(appuse_decode(sector, &b), 0);
	assert_true(memcmp(a.uuid, b.uuid, 16) == 0 && b.number == 3 && b.start_lba == 64 && b.previous_lba == 32 &&
		    b.previous_descriptor_lba == 48);
	assert_true(b.sectors == 96 && b.directories == 7 && b.flags == 1 && b.previous_number == 2 &&
		    b.next_ino == 1ull << 40 && b.tree_sectors == 9);
	for (unsigned i = 0; i < 112; i++) {
		sector[APPUSE_OFFSET + i] ^= 1;
		assert_int_equal(appuse_decode(sector, &b), -ENODATA);
		sector[APPUSE_OFFSET + i] ^= 1;
	}
}

/* What stands behind the first digest has digests of its own: damaged, it is not there, and all else stays. */
static void test_appuse_shared(void **state)
{
	struct appuse a = {.number = 3,
			   .flags = APPUSE_CONTENTS | APPUSE_SHARED,
			   .contents_lba = 5,
			   .contents_bytes = 6,
			   .files_in_pieces = 0x1122334455667788,
			   .shared_bytes = 0x123456789abcd800,
			   .found_bytes = 7},
		      b;
	uint8_t sector[2048];

	(void)state;
	appuse_encode(&a, sector);
	assert_memory_equal(sector + APPUSE_OFFSET + 208, "\0\xd8\xbc\x9a\x78\x56\x34\x12\7\0\0\0\0\0\0\0", 16);
	assert_int_equal(appuse_decode(sector, &b), 0);
	assert_true(b.flags == a.flags && b.shared_bytes == a.shared_bytes && b.found_bytes == 7);
	for (unsigned i = 208; i < 256; i++) {
		sector[APPUSE_OFFSET + i] ^= 1;
		assert_int_equal(appuse_decode(sector, &b), 0);
		assert_true(b.flags == APPUSE_CONTENTS && b.shared_bytes == 0 && b.found_bytes == 0 &&
			    b.contents_lba == 5 && b.contents_bytes == 6);
		sector[APPUSE_OFFSET + i] ^= 1;
	}
	a.flags |= APPUSE_PIECES;
	appuse_encode(&a, sector);
	assert_memory_equal(sector + APPUSE_OFFSET + 256, "\x88\x77\x66\x55\x44\x33\x22\x11\0\0\0\0\0\0\0", 16);
	assert_int_equal(appuse_decode(sector, &b), 0);
	assert_true(b.flags == a.flags && b.files_in_pieces == a.files_in_pieces && b.found_bytes == 7);
	for (unsigned i = 256; i < 304; i++) {
		sector[APPUSE_OFFSET + i] ^= 1;
		assert_int_equal(appuse_decode(sector, &b), 0);
		assert_true(b.flags == (APPUSE_CONTENTS | APPUSE_SHARED) && !b.files_in_pieces && b.found_bytes == 7);
		sector[APPUSE_OFFSET + i] ^= 1;
	}
	a.flags = APPUSE_CONTENTS; /* of an older version */
	appuse_encode(&a, sector);
	assert_int_equal(appuse_decode(sector, &b), 0);
	assert_true(b.flags == APPUSE_CONTENTS && b.shared_bytes == 0 && b.found_bytes == 0);
}

static struct burn_plan *small_plan(struct tree *t, bool joliet, const uint8_t *boot_record,
				    const uint8_t *foreign_descriptors)
{
	struct burn_options o = {.start_lba = 96,
				 .session_number = 5,
				 .previous_lba = 64,
				 .previous_descriptor_lba = 80,
				 .previous_number = 4,
				 .overwritable = true,
				 .uuid = "0123456789abcde",
				 .time = 1700000000,
				 .next_ino = 50,
				 .align_end_sectors = 32,
				 .no_joliet = !joliet,
				 .boot_record = boot_record,
				 .foreign_descriptors = foreign_descriptors,
				 .volume_id = "My disc"};
	struct burn_plan *p = NULL;

	tree_finish(t);
	assert_int_equal(burn_plan_new(&t->manifest, &o, &p), 0);
	return p;
}

static uint8_t *all_sectors(const struct burn_plan *p)
{
	_cleanup_(session_stream_freep) struct session_stream *s = NULL;
	uint8_t *bytes = malloc((size_t)session_length(p) * SECTOR_BYTES);

	must(bytes && session_stream_new(p, &s) == 0);
	assert_int_equal(session_stream_read(s, bytes, session_body(p) + 1), -ERANGE);
	assert_int_equal(session_stream_read(s, bytes, session_body(p)), 0);
	assert_int_equal(session_stream_left(s), 0);
	assert_int_equal(session_stream_zeros(s), 0);
	return bytes;
}

/* Whatever the order in which the pieces come. */
static void test_commit_record(void **state)
{
	struct tree *t = tree_new();
	struct burn_plan *p = small_plan(t, true, NULL, NULL);
	_cleanup_(session_digests_freep) struct session_digests *d = NULL;
	_free_ uint8_t *bytes = all_sectors(p);
	uint8_t sector[2048], sha[32];
	const uint8_t *table;
	struct commit_record c;
	uint32_t n, body = session_body(p);

	(void)state;
	assert_int_equal(session_digests_new(p, &d), 0);
	for (uint32_t at = (body - 1) / 32 * 32;; at -= 32) {
		assert_int_equal(session_digests_add(d, at, bytes + (size_t)at * 2048, body - at < 32 ? body - at : 32),
				 0);
		if (!at)
			break;
	}
	assert_int_equal(session_digests_end(d, &table, &n, sector), 0);
	assert_int_equal(commit_record_decode(sector, &c), 0);
	assert_true(c.number == 5 && c.start_lba == 96 && c.sectors == session_length(p) &&
		    memcmp(c.uuid, "0123456789abcde", 16) == 0);
	assert_true(commit_has_table(&c) && c.piece_sectors == 32 && c.table_lba == 96 + body && c.table_sectors == n &&
		    body + n + 1 == c.sectors && commit_pieces(&c) == (body + 31) / 32);
	assert_int_equal(c.previous_lba, 0);
	assert_int_equal(n, 1);
	for (uint32_t i = 0; i < (body + 31) / 32; i++) {
		sha256_of(bytes + (size_t)i * 65536, (body - 32 * i < 32 ? body - 32 * i : 32) * 2048, sha);
		assert_memory_equal(table + (size_t)i * 32, sha, 32);
	}
	assert_memory_equal(c.descriptors_sha256, table, 32);
	sha256_of(table, 2048, sha);
	assert_memory_equal(c.sha256, sha, 32);
	burn_plan_free(p);
	tree_free(t);
}

static void test_descriptors(void **state)
{
	struct tree *t = tree_new();
	uint8_t boot[2048] = {0}, foreign[16 * 2048], head[16 * 2048], *bytes;
	struct burn_plan *p;
	struct appuse a;
	static const uint8_t types[] = {1, 0, 2, 255};

	(void)state;
	memcpy(boot + 1, "CD001\1EL TORITO SPECIFICATION", 30);
	memset(foreign, 0xab, sizeof(foreign));
	p = small_plan(t, true, boot, foreign);
	assert_int_equal(session_length(p) % 32, 0);
	bytes = all_sectors(p);
	for (unsigned i = 0; i < 4; i++) {
		const uint8_t *absolute = bytes + (8 + i) * 2048, *relative = bytes + (16 + i) * 2048;

		assert_true(absolute[0] == types[i] && relative[0] == types[i] &&
			    memcmp(relative + 1, "CD001", 5) == 0);
		if (types[i] != 1 && types[i] != 2)
			continue;
		assert_int_equal(get_le32(absolute + 80), 96 + session_length(p));
		assert_int_equal(get_le32(relative + 80), session_length(p));
		assert_memory_equal(absolute + APPUSE_OFFSET, relative + APPUSE_OFFSET, 512);
	}
	assert_memory_equal(bytes + 17 * 2048, boot, 2048);
	assert_memory_equal(bytes + 32 * 2048, foreign, sizeof(foreign));
	assert_memory_equal(bytes + 16 * 2048 + 40, "My disc                         ", 32);
	assert_memory_equal(bytes + 18 * 2048 + 40, "\0M\0y\0 \0d\0i\0s\0c\0 ", 16);
	assert_int_equal(appuse_decode(bytes + 16 * 2048, &a), 0);
	assert_true(a.start_lba == 96 && a.previous_descriptor_lba == 96 + 32 && a.previous_number == 4 &&
		    a.sectors == session_length(p));
	assert_int_equal(session_published_descriptors(bytes + 16 * 2048, 96, head), 0);
	assert_memory_equal(head, bytes + 8 * 2048, 4 * 2048);
	for (size_t i = 4 * 2048; i < sizeof(head); i++)
		assert_int_equal(head[i], 0);
	assert_int_equal(session_published_descriptors(bytes + 16 * 2048, 64, head), -EBADMSG);
	assert_int_equal(session_published_descriptors(bytes + 17 * 2048, 96, head), -EBADMSG);
	memset(bytes + 19 * 2048, 0, 2048);
	assert_int_equal(session_published_descriptors(bytes + 16 * 2048, 96, head), -EBADMSG);
	free(bytes);
	burn_plan_free(p);
	tree_free(t);
}

/* A track: one set of descriptors, the size of the whole volume; without Joliet no supplementary one. */
static void test_sequential(void **state)
{
	struct tree *t = tree_new();
	struct burn_options o = {.start_lba = 12645,
				 .session_number = 2,
				 .previous_lba = 0,
				 .previous_descriptor_lba = 16,
				 .previous_number = 1,
				 .time = 1700000000,
				 .no_joliet = true,
				 .align_end_sectors = 16};
	struct burn_plan *p = NULL;
	uint8_t *bytes;

	(void)state;
	tree_extent(t, tree_add(t, 0, "file", S_IFREG | 0644), EXTENT_STAGE, 1, 0, 3000);
	tree_finish(t);
	assert_int_equal(burn_plan_new(&t->manifest, &o, &p), 0);
	assert_int_equal(session_length(p) % 16, 0);
	bytes = all_sectors(p);
	for (size_t i = 0; i < 16 * SECTOR_BYTES; i++)
		assert_int_equal(bytes[i], 0);
	assert_int_equal(bytes[16 * SECTOR_BYTES], 1);
	assert_int_equal(bytes[17 * SECTOR_BYTES], 255);
	assert_int_equal(get_le32(bytes + 16 * SECTOR_BYTES + 80), 12645 + session_length(p));
	free(bytes);
	burn_plan_free(p);
	tree_free(t);
}

static void test_stream_in_pieces(void **state)
{
	struct tree *t = tree_new();
	struct burn_plan *p;
	uint8_t *bytes, *again;
	uint32_t file = tree_add(t, 0, "file", S_IFREG | 0644), hole = tree_add(t, 0, "hole", S_IFREG | 0644);

	(void)state;
	tree_extent(t, file, EXTENT_STAGE, 3, 4096, 4096);
	tree_extent(t, file, EXTENT_HOLE, 0, 0, 100000); /* ends inside a sector */
	tree_extent(t, file, EXTENT_STAGE, 4, 1, 1777);
	tree_extent(t, hole, EXTENT_HOLE, 0, 0, 5000);
	p = small_plan(t, true, NULL, NULL);
	bytes = all_sectors(p);
	for (uint32_t piece = 1; piece < 40; piece += 3) {
		_cleanup_(session_stream_freep) struct session_stream *s = NULL;
		uint32_t left, skipped = 0;
		uint8_t *at;

		must(session_stream_new(p, &s) == 0);
		again = at = calloc(session_length(p), SECTOR_BYTES);
		must(again);
		while ((left = session_stream_left(s))) {
			uint32_t zeros = session_stream_zeros(s), n = zeros ? zeros : piece < left ? piece : left;

			if (zeros)
				skipped += n;
			assert_int_equal(zeros ? session_stream_skip(s, n) : session_stream_read(s, at, n), 0);
			at += (size_t)n * SECTOR_BYTES;
		}
		assert_memory_equal(again, bytes, (size_t)session_body(p) * SECTOR_BYTES);
		if (piece == 1)
			assert_true(skipped >= 48 + 3);
		free(again);
	}
	free(bytes);
	burn_plan_free(p);
	tree_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_symlinks),	 cmocka_unit_test(test_devices),
		cmocka_unit_test(test_zisofs),		 cmocka_unit_test(test_appuse),
		cmocka_unit_test(test_appuse_shared),	 cmocka_unit_test(test_commit_record),
		cmocka_unit_test(test_descriptors),	 cmocka_unit_test(test_sequential),
		cmocka_unit_test(test_stream_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
