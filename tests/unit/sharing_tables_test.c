/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fs/sharing/table_lookup.c over content tables of many sizes in several sessions: finds what is there, believes
 * nothing that cannot be, reads little.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fs/sharing/content_digest.h"
#include "burner/format/appuse.h"
#include "burner/format/bound.h"
#include "burner/format/content_table.h"
#include "burner/base/log.h"
#include "burner/base/own.h"
#include "fs/sharing/table_lookup.h"

#define SESSIONS_MAX 4u
#define SESSION_SECTORS 4096u
#define TABLE_LBA 32u /* in its session */
#define DISC_SECTORS (SESSIONS_MAX * SESSION_SECTORS)
#define ASKED_MAX 20100u

static struct tables_disc {
	struct disc disc; /* first */
	struct disc_session sessions[SESSIONS_MAX];
	size_t n_sessions;
	uint64_t sectors_read, unreadable; /* unreadable: a sector; 0: none */
	uint8_t data[DISC_SECTORS * SECTOR_BYTES];
} d;

static int read_sectors(struct disc *disc, uint32_t lba, void *buf, uint32_t n)
{
	(void)disc;
	d.sectors_read += n;
	if (lba >= DISC_SECTORS || n > DISC_SECTORS - lba || (d.unreadable >= lba && d.unreadable - lba < n))
		return -EIO;
	memcpy(buf, d.data + (size_t)lba * SECTOR_BYTES, (size_t)n * SECTOR_BYTES);
	return 0;
}

static int list_sessions(struct disc *disc, struct disc_session **ret, size_t *ret_n)
{
	(void)disc;
	*ret = calloc(SESSIONS_MAX, sizeof(**ret));
	memcpy(*ret, d.sessions, sizeof(d.sessions));
	*ret_n = d.n_sessions;
	return 0;
}

static const struct disc_ops ops = {.read = read_sectors, .sessions = list_sessions};

static uint8_t *table_of(size_t i) { return d.data + (i * SESSION_SECTORS + TABLE_LBA) * SECTOR_BYTES; }

static void set_place(size_t i, uint32_t lba, uint32_t bytes)
{
	struct appuse a = {.number = (uint32_t)i + 1,
			   .start_lba = (uint32_t)i * SESSION_SECTORS,
			   .flags = APPUSE_CONTENTS,
			   .contents_lba = lba,
			   .contents_bytes = bytes};

	appuse_encode(&a, d.data + (i * SESSION_SECTORS + 16) * SECTOR_BYTES);
}

/* Digest number n of those that ascend. */
static void digest_of(uint32_t n, uint8_t ret[CONTENT_DIGEST_BYTES])
{
	memset(ret, 0x55, CONTENT_DIGEST_BYTES);
	for (unsigned i = 0; i < 4; i++)
		ret[i] = (uint8_t)(n >> (24 - 8 * i));
}

/* A session whose table has entries of the numbers first, first + step, …, each `times` times; sizes 1, 2, …, one
 * piece at a place of their own. */
static void add_session(uint32_t n, uint32_t first, uint32_t step, uint32_t times)
{
	size_t i = d.n_sessions++;

	d.sessions[i] = (struct disc_session){.number = (uint32_t)i + 1,
					      .start_lba = (uint32_t)i * SESSION_SECTORS,
					      .sectors = SESSION_SECTORS,
					      .descriptor_lba = (uint32_t)i * SESSION_SECTORS + 16,
					      .ours = true};
	contents_header_encode(CONTENT_KIND, n, 0, table_of(i));
	for (uint32_t k = 0; k < n; k++) {
		struct content_entry e = {.size = k + 1,
					  .where = (uint32_t)(i * 1000 + k) % DISC_SECTORS / 2,
					  .n_runs = 1};

		digest_of(first + k / times * step, e.digest);
		content_entry_encode(&e, table_of(i) + CONTENTS_HEADER_BYTES + (size_t)k * CONTENTS_ENTRY_BYTES);
	}
	set_place(i, (uint32_t)i * SESSION_SECTORS + TABLE_LBA, CONTENTS_HEADER_BYTES + n * CONTENTS_ENTRY_BYTES);
}

static void begin(void)
{
	memset(&d, 0, offsetof(struct tables_disc, data));
	d.disc.ops = &ops;
}

/* ---- asking ---- */

struct met {
	uint32_t n, counts[ASKED_MAX], stop_at;
	uint64_t sizes;
};

static int count_met(void *context, uint32_t i, const struct content_entry *e, const struct extent *extents)
{
	struct met *m = context;
	uint64_t at = 0;

	assert_true(e->n_runs && e->n_runs <= BOUND_SECTIONS);
	for (uint32_t k = 0; k < e->n_runs; k++) {
		assert_int_equal(extents[k].offset, at);
		assert_int_equal(extents[k].kind, EXTENT_DISC);
		assert_true(extents[k].length && extents[k].pos % SECTOR_BYTES == 0 &&
			    extents[k].pos + extents[k].length <= (uint64_t)DISC_SECTORS * SECTOR_BYTES);
		assert_true(k + 1 == e->n_runs || extents[k].length % SECTOR_BYTES == 0);
		at += extents[k].length;
	}
	assert_int_equal(at, e->size);
	m->counts[i]++;
	m->sizes += e->size;
	return ++m->n == m->stop_at ? -ENOTTY : 0;
}

static struct manifest_digest asked[ASKED_MAX];

static int find(uint32_t n, struct met *m)
{
	struct digest_query q = {.kind = CONTENT_KIND,
				 .digests = asked,
				 .n = n,
				 .disc_sectors = DISC_SECTORS,
				 .found = count_met,
				 .context = m};

	return digest_find(&d.disc, &q);
}

static void ask_numbers(uint32_t n, uint32_t first, uint32_t step)
{
	for (uint32_t i = 0; i < n; i++)
		digest_of(first + i * step, asked[i].digest);
}

/* ---- tests ---- */

/* Around the edges of windows (2,048 entries), of gallops, and of the table. */
static void test_edges(void **state)
{
	static const uint32_t sizes[] = {1,  2,	   3,	 4,    7,    8,	   9,	 63,   64,
					 65, 2046, 2047, 2048, 2049, 4095, 4096, 4097, 10000};

	(void)state;
	for (size_t s = 0; s < ARRAY_LENGTH(sizes); s++) {
		uint32_t n = sizes[s];

		begin();
		add_session(n, 1000, 10, 1);
		for (uint32_t step = 1; step <= 2 * n; step = step * 3 + 1) {
			struct met m = {.n = 0};
			uint32_t asked_n = n / step + 1, want = 0;

			/* Every step-th, what lies between them, before the first, behind the last. */
			digest_of(999, asked[0].digest);
			for (uint32_t i = 0; i < asked_n; i++) {
				digest_of(1000 + i * step * 10, asked[1 + 2 * i].digest);
				digest_of(1000 + i * step * 10 + 1, asked[2 + 2 * i].digest);
				want += i * step < n;
			}
			assert_int_equal(find(2 * asked_n + 1, &m), 0);
			assert_int_equal(m.n, want);
			assert_int_equal(m.counts[0], 0);
			for (uint32_t i = 0; i < asked_n; i++) {
				assert_int_equal(m.counts[1 + 2 * i], i * step < n);
				assert_int_equal(m.counts[2 + 2 * i], 0);
			}
		}
	}
}

static void test_many_sessions(void **state)
{
	struct met m = {.n = 0};

	(void)state;
	begin();
	add_session(5000, 0, 2, 1);
	add_session(5000, 0, 3, 1);
	add_session(100, 40000, 7, 1);
	add_session(5000, 1, 2, 1);
	ask_numbers(20000, 0, 1);
	assert_int_equal(find(20000, &m), 0);
	for (uint32_t i = 0; i < 20000; i++)
		assert_int_equal(m.counts[i], (i % 2 == 0 && i / 2 < 5000) + (i % 3 == 0 && i / 3 < 5000) +
						      (i % 2 == 1 && i / 2 < 5000));
	/* Those of no session of ours, and of one that failed. */
	d.sessions[0].ours = false;
	d.sessions[1].broken = true;
	m = (struct met){.n = 0};
	assert_int_equal(find(20000, &m), 0);
	assert_int_equal(m.n, 5000);
	/* What `found` says ends it. */
	m = (struct met){.stop_at = 3};
	assert_int_equal(find(20000, &m), -ENOTTY);
	assert_int_equal(m.n, 3);
}

/* A table answers for digests of its kind. */
static void test_kinds(void **state)
{
	struct met m = {.n = 0};
	struct digest_query q = {.kind = CONTENT_SHA256,
				 .digests = asked,
				 .n = 100,
				 .disc_sectors = DISC_SECTORS,
				 .found = count_met,
				 .context = &m};

	(void)state;
	begin();
	add_session(60, 0, 1, 1);
	ask_numbers(100, 0, 1);
	assert_int_equal(digest_find(&d.disc, &q), 0);
	assert_int_equal(m.n, 0);
	assert_true(q.others);
	add_session(50, 50, 1, 1);
	contents_header_encode(CONTENT_SHA256, 50, 0, table_of(1));
	assert_int_equal(digest_find(&d.disc, &q), 0);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(m.counts[i], i >= 50);
	d.sessions[0].ours = false;
	q.others = false;
	assert_int_equal(digest_find(&d.disc, &q), 0);
	assert_false(q.others);
}

/* Entries of one digest, and digests asked for twice. */
static void test_alike(void **state)
{
	struct met m = {.n = 0};

	(void)state;
	begin();
	add_session(12, 5, 1, 3);
	ask_numbers(2, 6, 0);
	assert_int_equal(find(2, &m), 0);
	assert_int_equal(m.counts[0], 3);
	assert_int_equal(m.counts[1], 3);
	/* Not a million of them. */
	begin();
	add_session(100000, 5, 1, 100000);
	m = (struct met){.n = 0};
	ask_numbers(1, 5, 0);
	assert_int_equal(find(1, &m), 0);
	assert_int_equal(m.n, 16);
}

/* One file is looked for in a large table: some windows are read, not all. */
static void test_reads(void **state)
{
	struct met m = {.n = 0};

	(void)state;
	begin();
	add_session(200000, 0, 1, 1);
	ask_numbers(1, 150001, 0);
	assert_int_equal(find(1, &m), 0);
	assert_int_equal(m.n, 1);
	assert_true(d.sectors_read < 32 * 30);
	/* Those of neighbours are read once. */
	d.sectors_read = 0;
	ask_numbers(20000, 100000, 1);
	m = (struct met){.n = 0};
	assert_int_equal(find(20000, &m), 0);
	assert_int_equal(m.n, 20000);
	assert_true(d.sectors_read < 32 * (30 + 2 * 20000 / 2048));
}

/* ---- tables that lie ---- */

static void set_entry(uint32_t i, uint64_t size, uint32_t where, uint32_t n_runs)
{
	struct content_entry e = {.size = size, .where = where, .n_runs = n_runs};

	digest_of(i, e.digest);
	content_entry_encode(&e, table_of(0) + CONTENTS_HEADER_BYTES + (size_t)i * CONTENTS_ENTRY_BYTES);
}

static void set_run(uint32_t n_entries, uint32_t i, uint32_t lba, uint32_t sectors)
{
	uint8_t *run = table_of(0) + CONTENTS_HEADER_BYTES + (size_t)n_entries * CONTENTS_ENTRY_BYTES +
		       (size_t)i * CONTENTS_RUN_BYTES;

	put_le32(run, lba);
	put_le32(run + 4, sectors);
}

static void test_lies(void **state)
{
	static const struct {
		uint64_t size;
		uint32_t where, n_runs;
		bool good;
	} entries[] = {
		{0, 100, 1, false},
		{1, 100, 0, false},
		{1, DISC_SECTORS - 1, 1, true},
		{1, DISC_SECTORS, 1, false},
		{2049, DISC_SECTORS - 1, 1, false},
		{1, UINT32_MAX, 1, false},
		{UINT64_MAX, 0, 1, false},
		{UINT64_MAX - 2046, 0, 1, false},
		{1ull << 63, 100, 1, false},
		{4097, 0, 2, true},
		{4096, 0, 2, false},
		{6144, 0, 2, true},
		{6145, 0, 2, false},
		{4097, 1, 2, false},
		{4097, 3, 2, false},
		{4097, 4, 2, false},
		{4097, UINT32_MAX, 2, false},
		{4097, 0, UINT32_MAX, false},
		{4097, 0, BOUND_SECTIONS + 1, false},
		{6145, 0, 3, false},
		{2049, 2, 2, false},
	};
	const uint32_t n = ARRAY_LENGTH(entries);
	struct met m = {.n = 0};

	(void)state;
	begin();
	add_session(n, 0, 1, 1);
	for (uint32_t i = 0; i < n; i++)
		set_entry(i, entries[i].size, entries[i].where, entries[i].n_runs);
	contents_header_encode(CONTENT_KIND, n, 5, table_of(0));
	set_run(n, 0, 200, 2);
	set_run(n, 1, 300, 1);
	set_run(n, 2, 400, 0);
	set_run(n, 3, DISC_SECTORS, 1);
	set_run(n, 4, 500, 1);
	set_run(n, 5, 600, 2); /* behind the last */
	set_place(0, TABLE_LBA, CONTENTS_HEADER_BYTES + n * CONTENTS_ENTRY_BYTES + 5 * CONTENTS_RUN_BYTES);
	ask_numbers(n, 0, 1);
	assert_int_equal(find(n, &m), 0);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(m.counts[i], entries[i].good);
}

/* The place of the table, its header, and what cannot be read. */
static void test_damage(void **state)
{
	const uint32_t bytes = CONTENTS_HEADER_BYTES + 5000 * CONTENTS_ENTRY_BYTES;
	const struct {
		uint32_t lba, bytes, found;
	} places[] = {
		{TABLE_LBA, bytes, 5000},
		{TABLE_LBA, bytes - 1, 0},
		{TABLE_LBA, bytes + 1, 0},
		{TABLE_LBA + 1, bytes, 0},
		{TABLE_LBA, 31, 0},
		{TABLE_LBA, 0, 0},
		{SESSION_SECTORS + TABLE_LBA, bytes, 0},
		{UINT32_MAX, bytes, 0},
		{SESSION_SECTORS - 1, bytes, 0},
		{TABLE_LBA, UINT32_MAX, 0},
	};

	(void)state;
	begin();
	add_session(5000, 0, 1, 1);
	add_session(1, 90000, 1, 1);
	ask_numbers(5000, 0, 1);
	memcpy(table_of(1), table_of(0), bytes); /* a good one, but not its own */
	for (size_t i = 0; i < ARRAY_LENGTH(places); i++) {
		struct met m = {.n = 0};

		set_place(0, places[i].lba, places[i].bytes);
		set_place(1, SESSION_SECTORS + TABLE_LBA, 1);
		assert_int_equal(find(5000, &m), 0);
		assert_int_equal(m.n, places[i].found);
	}
	set_place(0, TABLE_LBA, bytes);
	for (uint64_t at = TABLE_LBA; at < TABLE_LBA + 78; at += 11) {
		struct met m = {.n = 0};

		d.unreadable = at;
		assert_int_equal(find(5000, &m), 0);
		assert_true(m.n < 5000);
	}
	/* In no order at all: it ends. */
	d.unreadable = 0;
	for (uint32_t i = 0; i < 5000; i++)
		set_entry(i, i + 1, 100, 1);
	for (uint32_t i = 0; i < 5000; i++)
		table_of(0)[CONTENTS_HEADER_BYTES + (size_t)i * CONTENTS_ENTRY_BYTES + 2] = (uint8_t)(i * 37);
	struct met m = {.n = 0};
	assert_int_equal(find(5000, &m), 0);
}

static bool say_yes(void *context)
{
	++*(unsigned *)context;
	return true;
}

static void test_cancelled(void **state)
{
	unsigned n = 0;
	struct met m = {.n = 0};
	const struct burn_progress progress = {.cancelled = say_yes, .context = &n};
	struct digest_query q = {.kind = CONTENT_KIND,
				 .digests = asked,
				 .n = 10,
				 .disc_sectors = DISC_SECTORS,
				 .progress = &progress,
				 .found = count_met,
				 .context = &m};

	(void)state;
	begin();
	add_session(5000, 0, 1, 1);
	ask_numbers(10, 100000, 1); /* none of them is there */
	assert_int_equal(digest_find(&d.disc, &q), -ECANCELED);
	assert_int_equal(n, 1);
}

/* ---- the format ---- */

static void test_format(void **state)
{
	uint8_t header[CONTENTS_HEADER_BYTES], record[CONTENTS_ENTRY_BYTES];
	struct content_entry e = {.size = 0x0123456789abcdefull, .where = 0xdeadbeef, .n_runs = 77}, again;
	enum content_kind kind = 0;
	uint32_t n = 0, runs = 0;

	(void)state;
	contents_header_encode(CONTENT_POLY1305, 3, 5, header);
	assert_memory_equal(header, "CDAPPENDFS-CNT 2\3\0\0\0\5\0\0\0\0\0\0\0\0\0\0\0", 32);
	assert_int_equal(contents_header_decode(header, 32 + 3 * 32 + 5 * 8, &kind, &n, &runs), 0);
	assert_int_equal(kind, CONTENT_POLY1305);
	assert_int_equal(n, 3);
	assert_int_equal(runs, 5);
	contents_header_encode(CONTENT_SHA256, 3, 5, header);
	assert_memory_equal(header, "CDAPPENDFS-CNT 1", 16);
	assert_int_equal(contents_header_decode(header, 32 + 3 * 32 + 5 * 8, &kind, &n, &runs), 0);
	assert_int_equal(kind, CONTENT_SHA256);
	for (unsigned c = 0; c < 256; c++) {
		header[15] = (uint8_t)c;
		assert_int_equal(contents_header_decode(header, 32 + 3 * 32 + 5 * 8, &kind, &n, &runs),
				 c == '1' || c == '2' ? 0 : -EBADMSG);
	}
	contents_header_encode(CONTENT_POLY1305, 3, 5, header);
	assert_int_equal(contents_header_decode(header, 32 + 3 * 32 + 5 * 8 - 8, &kind, &n, &runs), -EBADMSG);
	contents_header_encode(CONTENT_POLY1305, 0x8000001, 0, header); /* 2^32 + 32 bytes */
	assert_int_equal(contents_header_decode(header, 64, &kind, &n, &runs), -EBADMSG);
	digest_of(99, e.digest);
	content_entry_encode(&e, record);
	assert_memory_equal(record, e.digest, 16);
	assert_memory_equal(record + 16, "\xef\xcd\xab\x89\x67\x45\x23\x01\xef\xbe\xad\xde\x4d\0\0\0", 16);
	again = content_entry_decode(record);
	assert_memory_equal(&again, &e, sizeof(e));
}

/* Samples: in order, within the content, the last one at its end, or of two in the middle. */
static void test_samples(void **state)
{
	(void)state;
	for (enum content_kind kind = CONTENT_SHA256; kind <= CONTENT_POLY1305; kind++) {
		for (uint64_t size = 1; size < 1ull << 43; size = size * 3 / 2 + 1) {
			struct content_samples s = content_samples(kind, size);
			uint64_t last = 0;

			assert_int_equal(content_sample_at(s, size, 0), 0);
			assert_true((uint64_t)s.n * s.bytes <= min_u64(size, CONTENT_SAMPLES_BYTES));
			assert_int_equal(content_sample_at(s, size, s.n - 1),
					 s.n == 2 ? size / 2 / SECTOR_BYTES * SECTOR_BYTES : size - s.bytes);
			for (unsigned i = 1; i < s.n; last = content_sample_at(s, size, i++))
				assert_true(content_sample_at(s, size, i) >= last + s.bytes / 2 &&
					    (i + 1 == s.n || content_sample_at(s, size, i) % SECTOR_BYTES == 0));
		}
	}
}

static int read_pattern(void *context, uint32_t body, uint64_t pos, void *buf, size_t length)
{
	(void)body, (void)context;
	for (size_t i = 0; i < length; i++)
		((uint8_t *)buf)[i] = (uint8_t)((pos + i) * 31 + (pos + i) / 256);
	return 0;
}

/* As other implementations of the two hashes have them. */
static void test_digests(void **state)
{
	static const struct {
		enum content_kind kind;
		uint64_t size;
		const char *digest;
	} known[] = {
		{CONTENT_SHA256, 1, "a536aa3cede6ea3c1f3e0357c3c60e0f"},
		{CONTENT_SHA256, 2048, "86e98c143591786d7ce53662fc6a367d"},
		{CONTENT_SHA256, 16384, "0f89387f9e53d02a8b5fc9fbe44e972b"},
		{CONTENT_SHA256, 16385, "233e7dbcd627c1bf02c3be2e33fe57f7"},
		{CONTENT_SHA256, 262144, "b44aa9e5bf52e5eed80dd890b87ba045"},
		{CONTENT_SHA256, 262145, "54312202d18222d2061b135c90d6db3a"},
		{CONTENT_SHA256, 300001, "a6afad6b47335d5056a4cbcfcb5ae7b9"},
		{CONTENT_SHA256, 5000000001, "ec5c8ce9d46a26263c16bbdb854952c6"},
		{CONTENT_POLY1305, 1, "cd0fe669d406e1f3dc4abfcfcf0df4a4"},
		{CONTENT_POLY1305, 2048, "b65bd0817e21ab42831dc3696a9d7ead"},
		{CONTENT_POLY1305, 16384, "3549915ac73834fb93d00be40a23d641"},
		{CONTENT_POLY1305, 16385, "f0ab8d1f2a9a6c79db84c82d888d8c50"},
		{CONTENT_POLY1305, 262144, "4c8d763c846e45e099cf63115bdcb457"},
		{CONTENT_POLY1305, 262145, "0afe9c418cd168d0066516ae30bb0c95"},
		{CONTENT_POLY1305, 300001, "1b430df2bfbab8d4d3f083aa0d17fa12"},
		{CONTENT_POLY1305, 5000000001, "fd0211b3e2e907b208c6b2326a39a97d"},
	};
	_cleanup_(content_digester_freep) struct content_digester *digester = NULL;

	(void)state;
	assert_int_equal(content_digester_new(&digester), 0);
	for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
		struct manifest_node node = {.size = known[i].size, .n_extents = 1};
		struct extent e = {.length = node.size, .kind = EXTENT_STAGE};
		const struct manifest m = {.nodes = &node, .n_nodes = 1, .extents = &e, .read_body = read_pattern};
		uint8_t digest[CONTENT_DIGEST_BYTES];
		char text[2 * CONTENT_DIGEST_BYTES + 1];

		assert_int_equal(content_digest(digester, known[i].kind, &m, 0, digest), 0);
		for (unsigned k = 0; k < CONTENT_DIGEST_BYTES; k++)
			snprintf(text + 2 * k, 3, "%02x", digest[k]);
		assert_string_equal(text, known[i].digest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edges),	cmocka_unit_test(test_many_sessions), cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_alike),	cmocka_unit_test(test_reads),	      cmocka_unit_test(test_lies),
		cmocka_unit_test(test_damage),	cmocka_unit_test(test_cancelled),     cmocka_unit_test(test_format),
		cmocka_unit_test(test_samples), cmocka_unit_test(test_digests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
