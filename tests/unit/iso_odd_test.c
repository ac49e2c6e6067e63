/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * iso_odd_test.c - discs that contradict themselves, or are not as the standards have them: what is shown is what
 * Linux' isofs shows, and what contradicts itself is told
 */
#include <sys/stat.h>

#include "tests/unit/iso_hand.h"

#define JOLIET_LBA 40u
#define DIR_LBA 61u

static struct iso_entry find(const struct hand *h, const char *name)
{
	struct iso_entry root, e;

	assert_int_equal(iso_root(h->m.iso, &root), 0);
	if (iso_lookup(h->m.iso, root.dir, name, &e))
		fail_msg("%s is not there", name);
	return e;
}

static void must_say(const struct hand *h, const char *name, oddities want)
{
	struct iso_entry e = find(h, name);

	assert_int_equal(e.odd, want);
	iso_entry_release(&e);
}

static oddities odd_of(const struct hand *h)
{
	struct iso_info info;

	iso_info(h->m.iso, &info);
	return info.odd;
}

static unsigned count(const struct hand *h, struct iso_extent dir)
{
	struct iso_dir *d;
	struct iso_entry e;
	unsigned n = 0;

	assert_int_equal(iso_dir_open(h->m.iso, dir, &d), 0);
	for (int more; (more = iso_dir_next(d, &e)) != 0; n++) {
		assert_int_equal(more, 1);
		iso_entry_release(&e);
	}
	iso_dir_close(d);
	return n;
}

/* A directory of two sectors with two files in each. */
static uint8_t *make_directory(struct hand *h, uint32_t said_bytes)
{
	uint8_t *d = h->data + DIR_LBA * 2048;

	add_dots(d, DIR_LBA, 4096, NULL);
	record(d + 68, "A", 1, 0, 0, 0, NULL);
	record(d + 102, "B", 1, 0, 0, 0, NULL);
	record(d + 2048, "C", 1, 0, 0, 0, NULL);
	record(d + 2082, "D", 1, 0, 0, 0, NULL);
	return add(h, "DIR", DIR_LBA, said_bytes, 2, NULL);
}

static void test_lengths_of_directories(void **state)
{
	static const uint32_t said[] = {0, 1, 2048, 4095, 4096, 6144, 0xffffffff};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(said); i++) {
		struct iso_entry e;
		struct hand h;

		hand_begin_rock(&h, 1);
		make_directory(&h, said[i]);
		hand_open(&h);
		e = find(&h, "dir");
		assert_int_equal(e.dir.bytes, 4096);
		assert_int_equal(count(&h, e.dir), 4);
		assert_int_equal(e.odd, said[i] == 4096 ? 0u : ODDITY_BIT(ODDITY_DIRECTORIES));
		assert_int_equal(odd_of(&h), 0);
		hand_end(&h);
	}
	for (unsigned i = 0; i < ARRAY_LENGTH(said); i++) {
		struct iso_entry e;
		struct hand h;

		hand_begin(&h, 2, NULL);
		put_both32(h.data + 16 * 2048 + 156 + 10, said[i]);
		add(&h, "FILE", 0, 0, 0, NULL);
		hand_open(&h);
		assert_int_equal(iso_root(h.m.iso, &e), 0);
		assert_int_equal(e.dir.bytes, 4096);
		assert_int_equal(odd_of(&h), said[i] == 4096 ? 0u : ODDITY_BIT(ODDITY_DIRECTORIES));
		hand_end(&h);
	}
}

static void test_dots(void **state)
{
	enum { ELSEWHERE, ZEROS, NAMED, A_FILE, NOWHERE, SHORT, N };

	(void)state;
	for (unsigned what = 0; what < N; what++) {
		uint8_t *dot;
		struct iso_entry e;
		struct hand h;

		hand_begin_rock(&h, 1);
		make_directory(&h, 4096);
		dot = h.data + DIR_LBA * 2048;
		add_dots(h.data + 80 * 2048, 80, 2048, NULL);
		if (what == ELSEWHERE)
			put_both32(dot + 2, 80), put_both32(dot + 10, 2048);
		else if (what == ZEROS)
			memset(dot, 0, 34);
		else if (what == NAMED)
			dot[33] = 'X';
		else if (what == A_FILE)
			dot[25] = 0;
		else if (what == NOWHERE)
			put_both32(dot + 2, 0x00fffff0);
		else
			put_both32(dot + 10, 2048);
		hand_open(&h);
		e = find(&h, "dir");
		assert_int_equal(e.odd, ODDITY_BIT(ODDITY_DIRECTORIES));
		assert_int_equal(e.dir.lba, what == ELSEWHERE ? 80 : what == NOWHERE ? 0x00fffff0 : DIR_LBA);
		if (what == ELSEWHERE || what == SHORT)
			assert_int_equal(count(&h, e.dir), what == SHORT ? 2 : 0);
		hand_end(&h);
	}
}

/* Files in the primary tree, one in the Joliet tree; er: Rock Ridge is announced. */
static void begin_both(struct hand *h, bool er, bool primary_first)
{
	static const uint8_t er_body[] = "\012\0\0\1RRIP_1991A";
	struct area dot = {0};
	uint8_t *primary, *joliet;

	susp(&dot, "SP", "\xbe\xef\0", 3);
	if (er)
		susp(&dot, "ER", er_body, 14);
	hand_begin(h, 1, &dot);
	primary = h->data + (primary_first ? 16 : 17) * 2048;
	joliet = h->data + (primary_first ? 17 : 16) * 2048;
	memcpy(h->data + 18 * 2048, h->data + 17 * 2048, 2048);
	if (!primary_first)
		memcpy(primary, h->data + 16 * 2048, 2048);
	memcpy(joliet, primary, 2048);
	joliet[0] = 2;
	memcpy(joliet + 88, "%/E", 3);
	put_both32(joliet + 156 + 2, JOLIET_LBA);
	add_dots(h->data + JOLIET_LBA * 2048, JOLIET_LBA, 2048, NULL);
}

static void add_joliet(struct hand *h) { record(h->data + JOLIET_LBA * 2048 + 68, "\0j\0.\0t", 6, 0, 0, 0, NULL); }

static void test_the_choice_of_a_tree(void **state)
{
	enum { WHOLE, EMPTY, NOWHERE, ZEROS, N_ROOTS };

	(void)state;
	for (unsigned er = 0; er < 2; er++)
		for (unsigned root = 0; root < N_ROOTS; root++)
			for (unsigned joliet = 0; joliet < 2; joliet++) {
				bool shows_joliet =
					root == NOWHERE || root == ZEROS || !er || (root == EMPTY && joliet);
				struct hand h;
				struct iso_info info;

				begin_both(&h, er, true);
				if (root == WHOLE)
					add(&h, "P", 0, 0, 0, NULL);
				if (root == NOWHERE)
					put_both32(h.data + 16 * 2048 + 156 + 2, 0x00ffff00);
				if (root == ZEROS)
					memset(h.data + ROOT_LBA * 2048, 0, 2048);
				if (joliet)
					add_joliet(&h);
				hand_open(&h);
				iso_info(h.m.iso, &info);
				assert_int_equal(info.rock_ridge, !shows_joliet);
				if (joliet && shows_joliet) {
					struct iso_entry e = find(&h, "j.t");

					assert_int_equal(e.mode, S_IFREG | 0555);
					iso_entry_release(&e);
				}
				if (root == NOWHERE || root == ZEROS || (root == EMPTY && joliet))
					assert_int_equal(info.odd, ODDITY_BIT(ODDITY_ROOT));
				else
					assert_int_equal(info.odd, er ? 0u : ODDITY_BIT(ODDITY_ROCK_RIDGE));
				hand_end(&h);
			}
	for (unsigned er = 0; er < 2; er++) {
		struct hand h;

		begin_both(&h, er, false);
		add(&h, "P", 0, 0, 0, NULL);
		add_joliet(&h);
		assert_int_equal(iso_open(&h.m.disc.disc, 17, &h.m.iso), 0);
		must_say(&h, "j.t", 0);
		assert_int_equal(odd_of(&h), ODDITY_BIT(ODDITY_ROCK_RIDGE));
		hand_end(&h);
	}
}

/* Neither SP nor ER nor PX in the root, no Joliet: the records' entries count all the same. */
static void test_rock_ridge_that_is_not_announced(void **state)
{
	struct area file = {0}, link = {0}, bad = {0}, half = {0};
	struct iso_entry e;
	struct hand h;

	(void)state;
	hand_begin(&h, 1, NULL);
	px(&file, S_IFREG | 0640, 3, 0);
	nm(&file, 0, "A long name");
	add(&h, "A", 0, 0, 0, &file);
	px(&link, S_IFLNK | 0777, 1, 0);
	nm(&link, 0, "link");
	susp(&link, "SL", "\0\0\6target", 9);
	add(&h, "L", 0, 0, 0, &link);
	memcpy(bad.b, "ARCHIMEDES", bad.n = 10);
	add(&h, "BAD", 0, 0, 0, &bad);
	nm(&half, 0, "dropped");
	memcpy(half.b + half.n, "\0\0\0\0", 4);
	half.n += 4;
	add(&h, "HALF", 0, 0, 0, &half);
	hand_open(&h);
	e = find(&h, "A long name");
	assert_int_equal(e.mode, S_IFREG | 0640);
	assert_int_equal(e.recorded_nlink, 3);
	assert_int_equal(e.odd, 0);
	iso_entry_release(&e);
	e = find(&h, "link");
	assert_string_equal(e.target, "target");
	iso_entry_release(&e);
	must_say(&h, "bad", 0);
	must_say(&h, "half", ODDITY_BIT(ODDITY_ROCK_RIDGE));
	hand_end(&h);
}

static void test_names(void **state)
{
	struct area two = {0}, nul = {0}, current = {0}, rr = {0};
	struct hand h;

	(void)state;
	hand_begin_rock(&h, 1);
	nm(&two, 0, "one");
	nm(&two, 0, "two");
	add(&h, "A", 0, 0, 0, &two);
	susp(&nul, "NM", "\0ab\0cd", 6);
	nm(&nul, 0, "ef");
	add(&h, "B", 0, 0, 0, &nul);
	nm(&current, 2, "x");
	nm(&current, 0, "kept");
	add(&h, "C", 0, 0, 0, &current);
	susp(&rr, "RR", "\1", 1);
	nm(&rr, 0, "unsaid");
	add(&h, "D", 0, 0, 0, &rr);
	hand_open(&h);
	must_say(&h, "onetwo", 0);
	must_say(&h, "abef", 0);
	must_say(&h, "kept", 0);
	must_say(&h, "d", ODDITY_BIT(ODDITY_ROCK_RIDGE));
	hand_end(&h);
}

static void test_targets(void **state)
{
	/* flags of the entry, then components: flags, length, bytes */
	static const struct {
		const char *bytes, *want;
		size_t n;
	} cases[] = {
#define CASE(bytes, want) {bytes, want, sizeof(bytes) - 1}
		CASE("\0\0\5share\10\0\0\3doc\0\1x", "share//doc/x"),
		CASE("\0\10\0\10\0\0\1x", "//x"),
		CASE("\0\4\0\10\0\4\0", "..//.."),
		CASE("\0\0\3sub\0\0", "sub/"),
		CASE("\0\0\3sub\2\0", "sub/."),
		CASE("\0\2\0", "."),
		CASE("\0\10\0", "/"),
		CASE("\0\1\1a\0\1b", "ab"),
		CASE("\0\0\1a\40\4host\0\1b", "a//b"),
		CASE("\1\0\1a", "a/"),
		CASE("\0\3\0\0\1b", ".b"),
	};
	struct hand h;

	(void)state;
	hand_begin_rock(&h, 1);
	for (unsigned i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct area a = {0};
		char name[2] = {(char)('A' + (int)i)};

		px(&a, S_IFLNK | 0777, 1, 0);
		susp(&a, "SL", cases[i].bytes, cases[i].n);
		add(&h, name, 0, 0, 0, &a);
	}
	hand_open(&h);
	for (unsigned i = 0; i < ARRAY_LENGTH(cases); i++) {
		char name[2] = {(char)('a' + (int)i)};
		struct iso_entry e = find(&h, name);

		assert_string_equal(e.target, cases[i].want);
		iso_entry_release(&e);
	}
	hand_end(&h);
}

static void test_types_and_halves(void **state)
{
	struct area directory = {0}, file = {0}, link = {0};
	struct hand h;

	(void)state;
	hand_begin_rock(&h, 1);
	px(&directory, S_IFDIR | 0755, 1, 0);
	add(&h, "A", 0, 0, 0, &directory);
	px(&file, 0644, 1, 0);
	add(&h, "B", 0, 0, 0, &file);
	susp(&link, "SL", "\0\0\1x", 4);
	add(&h, "C", 0, 0, 0, &link);
	put_be32(add(&h, "D", 100, 5, 0, NULL) + 6, 101);
	put_be32(add(&h, "E", 100, 5, 0, NULL) + 14, 6);
	add(&h, "F", 100, 5, 0, NULL);
	hand_open(&h);
	must_say(&h, "a", ODDITY_BIT(ODDITY_TYPES));
	must_say(&h, "b", ODDITY_BIT(ODDITY_TYPES));
	must_say(&h, "c", ODDITY_BIT(ODDITY_TYPES));
	must_say(&h, "d", ODDITY_BIT(ODDITY_BYTE_ORDERS));
	must_say(&h, "e", ODDITY_BIT(ODDITY_BYTE_ORDERS));
	must_say(&h, "f", 0);
	hand_end(&h);
}

static void test_descriptors(void **state)
{
	static const struct {
		unsigned at;
		uint8_t value;
		enum oddity odd;
	} cases[] = {
		{156, 68, ODDITY_DESCRIPTORS},	   {156, 0, ODDITY_DESCRIPTORS},    {156 + 25, 0, ODDITY_DESCRIPTORS},
		{156 + 33, 9, ODDITY_DESCRIPTORS}, {6, 2, ODDITY_DESCRIPTORS},	    {156 + 9, 1, ODDITY_BYTE_ORDERS},
		{87, 1, ODDITY_BYTE_ORDERS},	   {131, 0x02, ODDITY_BYTE_ORDERS},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct hand h;

		hand_begin_rock(&h, 1);
		add(&h, "F", 100, 5, 0, NULL);
		h.data[16 * 2048 + cases[i].at] = cases[i].value;
		hand_open(&h);
		must_say(&h, "f", 0);
		assert_int_equal(odd_of(&h), ODDITY_BIT(cases[i].odd));
		hand_end(&h);
	}
}

/* Blocks of 512 and 1024 bytes, a directory and continuation areas that begin inside of a sector. */
static void test_small_blocks(void **state)
{
	(void)state;
	for (unsigned shift = 9; shift <= 10; shift++)
		for (unsigned extra = 0; extra < 2048u >> shift; extra++) {
			uint32_t scale = 2048u >> shift, dir_lba = DIR_LBA * scale + extra;
			uint8_t *d, *root, *pvd;
			struct iso_entry e, inner, again;
			struct area name = {0}, far = {0};
			struct hand h;
			char buf[5];

			hand_begin_rock(&h, 1);
			pvd = h.data + 16 * 2048;
			put_both16(pvd + 128, (uint16_t)(1u << shift));
			put_both32(pvd + 80, SECTORS * scale);
			put_both32(pvd + 156 + 2, ROOT_LBA * scale);
			root = h.data + ROOT_LBA * 2048;
			put_both32(root + 2, ROOT_LBA * scale);
			add(&h, "DIR", dir_lba, 4096, 2, NULL);
			d = h.data + ((size_t)dir_lba << shift);
			add_dots(d, dir_lba, 4096, NULL);
			nm(&far, 0, "a name in a continuation area");
			memcpy(h.data + ((SPARE_LBA + 30) * scale << shift) + 512, far.b, far.n);
			ce(&name, (SPARE_LBA + 30) * scale + (512 >> shift), 512 & ((1u << shift) - 1),
			   (uint32_t)far.n);
			record(d + 2048, "F", 1, 100 * scale + extra, 5, 0, &name);
			memcpy(h.data + (100 * 2048) + (extra << shift), "inner", 5);
			hand_open(&h);
			e = find(&h, "dir");
			assert_int_equal(e.odd | odd_of(&h), 0);
			assert_int_equal(e.dir.lba, dir_lba);
			assert_int_equal(count(&h, e.dir), 1);
			assert_int_equal(iso_lookup(h.m.iso, e.dir, "a name in a continuation area", &inner), 0);
			assert_int_equal(entry_read(h.m.iso, &inner, 0, buf, 5), 0);
			assert_memory_equal(buf, "inner", 5);
			assert_int_equal(iso_entry_at(h.m.iso, inner.locator, &again), 0);
			assert_string_equal(again.name, inner.name);
			assert_int_equal(again.ino, inner.ino);
			iso_entry_release(&inner);
			iso_entry_release(&again);
			hand_end(&h);
		}
}

/* Of a session of ours only the record is looked at in its parent; what contradicts it is damage. */
static void test_directories_of_ours(void **state)
{
	static const uint32_t said[] = {0, 2048, 4096, 6144};
	const struct appuse appuse = {.number = 1, .previous_lba = APPUSE_NONE, .sectors = SECTORS};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(said); i++) {
		struct iso_entry e;
		struct iso_dir *d;
		struct hand h;

		hand_begin_rock(&h, 1);
		appuse_encode(&appuse, h.data + 16 * 2048);
		make_directory(&h, said[i]);
		hand_open(&h);
		e = find(&h, "dir");
		if (said[i] == 0 || said[i] == 4096) {
			assert_int_equal(count(&h, e.dir), 4);
			assert_int_equal(e.odd, said[i] ? 0u : ODDITY_BIT(ODDITY_DIRECTORIES));
		} else {
			assert_int_equal(iso_dir_open(h.m.iso, e.dir, &d), 0);
			assert_int_equal(iso_dir_next(d, &e), -EBADMSG);
			iso_dir_close(d);
		}
		hand_end(&h);
	}
}

/* A record that begins in the directory belongs to it, also when its end does not; one that crosses a sector does
 * not. */
static void test_odd_lengths(void **state)
{
	struct iso_entry e;
	struct hand h;

	(void)state;
	hand_begin_rock(&h, 1);
	make_directory(&h, 110);
	put_both32(h.data + DIR_LBA * 2048 + 10, 110);
	hand_open(&h);
	e = find(&h, "dir");
	assert_int_equal(e.odd, 0);
	assert_int_equal(count(&h, e.dir), 2);
	hand_end(&h);
}

/* Into a directory of so many sectors, of which one is zeros: two files in each, "f0", "f1" … */
static void make_gap(struct hand *h, uint32_t n_sectors, uint32_t gap)
{
	uint8_t *d = h->data + DIR_LBA * 2048;

	add_dots(d, DIR_LBA, n_sectors * 2048, NULL);
	for (uint32_t i = 0; i < n_sectors; i++) {
		uint8_t *at = d + 2048 * i + (i ? 0 : 68);
		char id[16];

		for (uint32_t k = 0; k < 2 && i != gap; k++) {
			int n = snprintf(id, sizeof(id), "F%u", 2 * i + k);
			at += record(at, id, (uint8_t)n, 0, 0, 0, NULL);
		}
	}
	add(h, "DIR", DIR_LBA, n_sectors * 2048, 2, NULL);
}

/* From a position on: how many entries there are, and what is at the end, more than once. */
static int list_from(const struct hand *h, struct iso_extent dir, uint32_t position, bool passed, unsigned *ret_n)
{
	struct iso_dir *d;
	struct iso_entry e;
	int r, again;

	assert_int_equal(iso_dir_open(h->m.iso, dir, &d), 0);
	if (passed)
		iso_dir_pass_gaps(d);
	assert_int_equal(iso_dir_seek(d, position), 0);
	for (*ret_n = 0; (r = iso_dir_next(d, &e)) > 0; ++*ret_n)
		iso_entry_release(&e);
	again = iso_dir_next_name(d, &e);
	assert_int_equal(again, r);
	assert_int_equal(iso_dir_odd(d), ODDITY_BIT(ODDITY_DIRECTORIES));
	iso_dir_close(d);
	return r;
}

/* What a sector of zeros named is not known, in directories that are searched and in those that have an index: what
 * else is there is given, what is not found may have been in it. */
static void test_sectors_of_zeros(void **state)
{
	static const uint32_t sizes[] = {2, 4, 5, 12};

	(void)state;
	for (unsigned i = 0; i < 2 * ARRAY_LENGTH(sizes); i++) {
		uint32_t n = sizes[i / 2], gap = i % 2 ? n - 1 : 1;
		struct iso_entry e, dir;
		struct hand h;
		unsigned found;
		char name[16];

		hand_begin_rock(&h, 1);
		make_gap(&h, n, gap);
		hand_open(&h);
		dir = find(&h, "dir");
		assert_int_equal(list_from(&h, dir.dir, 0, false, &found), -EBADMSG);
		assert_int_equal(found, 2 * n - 2);
		if (gap < n - 1)
			assert_int_equal(list_from(&h, dir.dir, (n - 1) * 2048, false, &found), -EBADMSG);
		assert_int_equal(list_from(&h, dir.dir, 0, true, &found), 0);
		for (uint32_t k = 0; k < 2 * n; k++) {
			snprintf(name, sizeof(name), "f%u", k);
			assert_int_equal(iso_lookup(h.m.iso, dir.dir, name, &e), k / 2 == gap ? -EBADMSG : 0);
		}
		assert_int_equal(iso_lookup(h.m.iso, dir.dir, "none", &e), -EBADMSG);
		assert_int_equal(iso_lookup_path(h.m.iso, "dir/none", &e), -EBADMSG);
		iso_pass_gaps(h.m.iso);
		assert_int_equal(iso_lookup(h.m.iso, dir.dir, "none", &e), -ENOENT);
		assert_int_equal(list_from(&h, dir.dir, 0, false, &found), 0);
		hand_end(&h);
	}
}

/* The section of a file that was in it is not left out. */
static void test_sections_in_zeros(void **state)
{
	(void)state;
	for (unsigned lost = 0; lost < 2; lost++) {
		struct iso_entry e;
		struct hand h;
		uint8_t *d;

		hand_begin_rock(&h, 1);
		d = h.data + DIR_LBA * 2048;
		add_dots(d, DIR_LBA, 3 * 2048, NULL);
		record(d + 68, "F", 1, 70, 2048, 0x80, NULL);
		if (!lost)
			record(d + 2048, "F", 1, 80, 2048, 0x80, NULL);
		record(d + 4096, "F", 1, 90, 10, 0, NULL);
		add(&h, "DIR", DIR_LBA, 3 * 2048, 2, NULL);
		hand_open(&h);
		if (lost) {
			assert_int_equal(iso_lookup_path(h.m.iso, "dir/f", &e), -EBADMSG);
			iso_pass_gaps(h.m.iso);
			assert_int_equal(iso_lookup_path(h.m.iso, "dir/f", &e), -EBADMSG);
		} else {
			assert_int_equal(iso_lookup_path(h.m.iso, "dir/f", &e), 0);
			assert_int_equal(e.size, 4106);
			iso_entry_release(&e);
		}
		hand_end(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths_of_directories),
		cmocka_unit_test(test_dots),
		cmocka_unit_test(test_the_choice_of_a_tree),
		cmocka_unit_test(test_rock_ridge_that_is_not_announced),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_types_and_halves),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_small_blocks),
		cmocka_unit_test(test_odd_lengths),
		cmocka_unit_test(test_sectors_of_zeros),
		cmocka_unit_test(test_sections_in_zeros),
		cmocka_unit_test(test_directories_of_ours),
	};

	return cmocka_run_group_tests_name("iso_odd", tests, NULL, NULL);
}
