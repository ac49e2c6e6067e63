/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Discs put together by hand, record by record: what no mastering program writes, or writes only when it is wrong. */
#include <sys/sysmacros.h>

#include "burner/base/time.h"
#include "tests/unit/iso_hand.h"

static int look(struct hand *h, const char *name, struct iso_entry *ret)
{
	return iso_lookup(h->m.iso, (struct iso_extent){ROOT_LBA, h->root_sectors * 2048}, name, ret);
}

/* Entries before the end or the error, which is returned. */
static int list(struct hand *h, unsigned *ret_n)
{
	_cleanup_(iso_dir_closep) struct iso_dir *d = NULL;
	struct iso_entry e;
	int more;

	*ret_n = 0;
	assert_int_equal(iso_dir_open(h->m.iso, (struct iso_extent){ROOT_LBA, h->root_sectors * 2048}, &d), 0);
	while ((more = iso_dir_next(d, &e)) > 0) {
		iso_entry_release(&e);
		++*ret_n;
	}
	return more;
}

static void test_continuation_chains(void **state)
{
	(void)state;
	for (unsigned hops = 31; hops <= 34; hops++) {
		struct area a = {0};
		struct hand h;
		struct iso_entry e;

		hand_begin_rock(&h, 1);
		ce(&a, SPARE_LBA, 0, 28);
		for (unsigned i = 0; i < hops; i++) {
			struct area next = {0};
			if (i == hops - 1)
				nm(&next, 0, "at the end");
			else
				ce(&next, SPARE_LBA, (i + 1) * 60, i == hops - 2 ? 15 : 28);
			memcpy(h.data + SPARE_LBA * 2048 + i * 60, next.b, next.n);
		}
		add(&h, "F", 0, 0, 0, &a);
		hand_open(&h);
		if (hops <= 32) {
			assert_int_equal(look(&h, "at the end", &e), 0);
			iso_entry_release(&e);
		} else {
			assert_int_equal(look(&h, "at the end", &e), -EBADMSG);
		}
		hand_end(&h);
	}
}

static void test_bad_continuations(void **state)
{
	static const struct {
		uint32_t lba, offset, length;
	} bad[] = {
		{SPARE_LBA, 0, 28},	{SECTORS, 0, 28},	    {SECTORS - 1, 2040, 28},
		{UINT32_MAX, 4096, 28}, {SPARE_LBA, 0, UINT32_MAX}, {SPARE_LBA, UINT32_MAX, 28},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(bad); i++) {
		struct area a = {0}, loop = {0};
		struct hand h;
		unsigned n;

		hand_begin_rock(&h, 1);
		ce(&loop, SPARE_LBA, 0, 28);
		memcpy(h.data + SPARE_LBA * 2048, loop.b, loop.n);
		ce(&a, bad[i].lba, bad[i].offset, bad[i].length);
		add(&h, "A", 0, 0, 0, NULL);
		add(&h, "B", 0, 0, 0, &a);
		hand_open(&h);
		assert_int_equal(list(&h, &n), -EBADMSG);
		assert_int_equal(n, 1);
		hand_end(&h);
	}
}

static void test_names(void **state)
{
	static const struct {
		const char *id;
		const char *nm;
		uint8_t flags;
		const char *expected;
	} names[] = {
		{"A.;1", "plain name", 0, "plain name"},
		{"B.;1", "a/b", 0, "a_b"},
		{"C.;1", "..", 0, "c"},
		{"D.;1", ".", 0, "d"},
		{"E.;1", "", 2, "e"},
		{"F.X;1", "", 4, "f.x"},
		{"G;1", "", 0, "g"},
		{"H.TXT;2", "", 0, "h.txt.2"},
		{"I/J", "", 0, "i.j"},
	};
	struct hand h;
	struct iso_entry e;
	struct area split = {0}, rest = {0};
	unsigned n;

	(void)state;
	hand_begin_rock(&h, 3);
	for (unsigned i = 0; i < ARRAY_LENGTH(names); i++) {
		struct area a = {0};
		nm(&a, names[i].flags, names[i].nm);
		add(&h, names[i].id, 0, 0, 0, &a);
	}
	nm(&split, 1, "first-");
	ce(&split, SPARE_LBA, 100, 20);
	nm(&rest, 1, "second-");
	nm(&rest, 0, "third");
	memcpy(h.data + SPARE_LBA * 2048 + 100, rest.b, rest.n);
	/* The area ends in the middle of the second piece: shorter than what it says. */
	put_both32(split.b + split.n - 8, (uint32_t)rest.n);
	add(&h, "S.;1", 0, 0, 0, &split);
	hand_trim(&h);
	hand_open(&h);
	for (unsigned i = 0; i < ARRAY_LENGTH(names); i++) {
		assert_int_equal(look(&h, names[i].expected, &e), 0);
		iso_entry_release(&e);
	}
	assert_int_equal(look(&h, "first-second-third", &e), 0);
	iso_entry_release(&e);
	assert_int_equal(list(&h, &n), 0);
	assert_int_equal(n, ARRAY_LENGTH(names) + 1);
	hand_end(&h);
}

static void test_symbolic_links(void **state)
{
	/* flags of the entry, then components: flags, length, bytes */
	static const char whole[] = "\0\10\0\0\3usr\4\0\2\0\0\1x"; /* /usr/.././x */
	/* ab/cdef, then the volume's root, which to Linux is an empty component: ab/cdef//z */
	static const char first[] = "\1\0\2ab\1\2cd", second[] = "\0\0\2ef\20\0\0\1z";
	static const char third[] = "\1\0\2ab\1\2cd", fourth[] = "\0\0\2ef\0\1g"; /* ab/cdef/g */
	struct area a = {0}, b = {0}, c = {0}, more = {0}, wrapped = {0};
	struct hand h;
	struct iso_entry e;
	uint8_t *w;

	(void)state;
	hand_begin_rock(&h, 2);
	px(&a, S_IFLNK | 0777, 1, 0);
	susp(&a, "SL", whole, sizeof(whole) - 1);
	add(&h, "A", 0, 0, 0, &a);
	px(&b, S_IFLNK | 0777, 1, 0);
	susp(&b, "SL", first, sizeof(first) - 1);
	susp(&b, "SL", second, sizeof(second) - 1);
	add(&h, "B", 0, 0, 0, &b);
	px(&c, S_IFLNK | 0777, 1, 0);
	susp(&c, "SL", third, sizeof(third) - 1);
	susp(&more, "SL", fourth, sizeof(fourth) - 1);
	memcpy(h.data + SPARE_LBA * 2048, more.b, more.n);
	ce(&c, SPARE_LBA, 0, (uint32_t)more.n);
	add(&h, "C", 0, 0, 0, &c);
	/* As genisoimage writes: 5 + 152 + 152 + 3 = 312 bytes, of which the entry says 56; a TF entry comes after
	 * it. */
	px(&wrapped, S_IFLNK | 0777, 1, 0);
	w = h.data + (SPARE_LBA + 1) * 2048;
	memcpy(w, "SL\70\1\0", 5);
	for (unsigned i = 0; i < 2; i++) {
		w[5 + i * 152 + 1] = 150;
		memset(w + 5 + i * 152 + 2, 'p' + (int)i, 150);
	}
	memcpy(w + 309, "\0\1r", 3);
	memcpy(w + 312, "TF\x0c\1\2\x64\1\1\0\0\0\0", 12);
	ce(&wrapped, SPARE_LBA + 1, 0, 324);
	add(&h, "D", 0, 0, 0, &wrapped);
	hand_open(&h);
	assert_int_equal(look(&h, "a", &e), 0);
	assert_string_equal(e.target, "/usr/.././x");
	iso_entry_release(&e);
	assert_int_equal(look(&h, "b", &e), 0);
	assert_string_equal(e.target, "ab/cdef//z");
	iso_entry_release(&e);
	assert_int_equal(look(&h, "c", &e), 0);
	assert_string_equal(e.target, "ab/cdef/g");
	iso_entry_release(&e);
	assert_int_equal(look(&h, "d", &e), 0);
	assert_int_equal(strlen(e.target), 150 + 1 + 150 + 1 + 1);
	assert_string_equal(e.target + 300, "q/r");
	assert_int_equal(e.mtime.tv_sec, 946684800);
	iso_entry_release(&e);
	hand_end(&h);
}

static void test_attributes(void **state)
{
	struct area a = {0}, dev = {0}, old = {0}, bad = {0}, ends = {0};
	uint8_t pn[16];
	struct hand h;
	struct iso_entry e;

	(void)state;
	hand_begin_rock(&h, 2);
	px(&a, S_IFREG | 0640, 2, 77);
	/* Long form; creation and modification, +2 hours. */
	susp(&a, "TF",
	     "\x83"
	     "2001020304050607\10"
	     "2010111213141550\370",
	     35);
	add(&h, "A", 100, 10, 0, &a);
	px(&dev, S_IFBLK | 0600, 1, 0);
	put_both32(pn, 0);
	put_both32(pn + 8, 0x811);
	susp(&dev, "PN", pn, 16);
	add(&h, "B", 0, 0, 0, &dev);
	px(&old, S_IFDIR | 0700, 1, 0); /* not a directory by its record */
	susp(&old, "TF", "\x02\0\0\0\0\0\0\0", 8);
	add(&h, "C", 0, 0, 0, &old);
	susp(&bad, "TF", "\x02\145\77\143\143\143\143\0", 8); /* month 63, day 99… */
	add(&h, "D", 0, 0, 0, &bad);
	susp(&ends, "TF",
	     "\x06\377\14\37\27\73\73\0"
	     "\0\1\1\0\0\0\0",
	     15);
	add(&h, "E", 0, 0, 0, &ends);
	hand_open(&h);
	assert_int_equal(look(&h, "a", &e), 0);
	assert_int_equal(e.mode, S_IFREG | 0640);
	assert_int_equal(e.uid, 10);
	assert_int_equal(e.gid, 20);
	assert_int_equal(e.recorded_nlink, 2);
	assert_int_equal(e.nlink, 1); /* a name of its link count's two is not there */
	assert_int_equal(e.ino, ROOT_LBA << 6 | (e.locator & 2047) >> 5);
	assert_int_equal(e.ctime.tv_sec, 981173106 - 2 * 3600);
	assert_int_equal(e.ctime.tv_nsec, 70000000);
	assert_int_equal(e.mtime.tv_sec, 1289567655 + 2 * 3600);
	assert_int_equal(e.mtime.tv_nsec, 500000000);
	assert_int_equal(e.atime.tv_sec, 949550706); /* the record's own date */
	iso_entry_release(&e);
	assert_int_equal(look(&h, "b", &e), 0);
	assert_int_equal(e.rdev, makedev(8, 17));
	iso_entry_release(&e);
	assert_int_equal(look(&h, "c", &e), 0);
	assert_int_equal(e.mode, S_IFREG | 0700);
	assert_int_equal(e.mtime.tv_sec, 0);
	iso_entry_release(&e);
	assert_int_equal(look(&h, "d", &e), 0);
	assert_int_equal(e.mtime.tv_sec, 1009843200); /* 2001-12-31 23:59:60 */
	iso_entry_release(&e);
	assert_int_equal(look(&h, "e", &e), 0);
	assert_int_equal(e.mtime.tv_sec, nearest_time(5869583999));  /* 2155-12-31 23:59:59 */
	assert_int_equal(e.atime.tv_sec, nearest_time(-2208988800)); /* 1900-01-01 */
	iso_entry_release(&e);
	hand_end(&h);
}

static void test_our_numbers(void **state)
{
	struct appuse use = {.number = 1, .previous_lba = APPUSE_NONE, .next_ino = 100};
	struct area a = {0};
	struct hand h;
	struct iso_entry e;
	struct iso_info info;

	(void)state;
	hand_begin_rock(&h, 1);
	appuse_encode(&use, h.data + 16 * 2048);
	px(&a, S_IFREG | 0644, 2, 77);
	add(&h, "A", 100, 10, 0, &a);
	hand_open(&h);
	iso_info(h.m.iso, &info);
	assert_true(info.ours);
	assert_int_equal(info.appuse.next_ino, 100);
	assert_int_equal(look(&h, "a", &e), 0);
	assert_int_equal(e.ino, 77);
	iso_entry_release(&e);
	assert_int_equal(iso_root(h.m.iso, &e), 0);
	assert_int_equal(e.ino, 1);
	hand_end(&h);
}

static void test_sections(void **state)
{
	struct hand h;
	struct iso_entry e;
	struct iso_extent root;
	unsigned n;

	(void)state;
	hand_begin_rock(&h, 60);
	/* Two that touch, one elsewhere, an empty one; an associated file of the same name before. */
	add(&h, "A", 50, 99, 4, NULL);
	add(&h, "A", 100, 4096, 0x80, NULL);
	add(&h, "A", 102, 2048, 0x80, NULL);
	add(&h, "A", 90, 0, 0x80, NULL);
	add(&h, "A", 110, 77, 0, NULL);
	/* 8 TiB, over several sectors of the directory. */
	for (unsigned i = 0; i < 2049; i++)
		add(&h, "BIG", 1000 + 10 * i, 0xfffff800, i < 2048 ? 0x80 : 0, NULL);
	add(&h, "C", 0, 0, 0, NULL);
	hand_trim(&h);
	hand_open(&h);
	root = (struct iso_extent){ROOT_LBA, h.root_sectors * 2048};
	assert_int_equal(look(&h, "a", &e), 0);
	assert_int_equal(e.size, 4096 + 2048 + 77);
	assert_int_equal(e.n_extents, 2);
	assert_int_equal(e.extents[0].pos, 100 * 2048);
	assert_int_equal(e.extents[0].length, 6144);
	assert_int_equal(e.extents[1].offset, 6144);
	assert_int_equal(e.extents[1].pos, 110 * 2048);
	iso_entry_release(&e);
	assert_int_equal(look(&h, "big", &e), 0);
	assert_int_equal(e.size, 2049ull * 0xfffff800);
	assert_int_equal(e.n_extents, 2049);
	compare_ways(h.m.iso, root, &e);
	iso_entry_release(&e);
	assert_int_equal(list(&h, &n), 0);
	assert_int_equal(n, 3);
	hand_end(&h);
}

/* The first record that is an entry of its own and starts at `from` or later; 0: none. Records of a listing, and
 * where it went on before each. */
struct listed {
	uint32_t told, record;
};
static uint32_t entry_from(const struct listed *all, unsigned n, uint32_t from)
{
	for (unsigned i = 0; i < n; i++)
		if (all[i].record >= from)
			return all[i].record;
	return 0;
}

static void test_going_on_anywhere(void **state)
{
	struct listed all[64];
	struct iso_extent root;
	struct area small = {0};
	struct iso_dir *d;
	struct iso_entry e;
	struct hand h;
	unsigned n = 0;
	char id[8];

	(void)state;
	hand_begin_rock(&h, 6);
	for (unsigned i = 0; i < 28; i++) {
		snprintf(id, sizeof(id), "A%u", i);
		nm(&small, 0, "a name that takes some room, as names do, so that sectors are left");
		/* a directory goes on in no second record */
		add(&h, id, 100, 2048, i % 7 == 3 ? 2 | 0x80 : 0, &small);
		small.n = 0;
	}
	for (unsigned i = 0; i < 90; i++)
		add(&h, "BIG", 1000 + 10 * i, 4096, i < 89 ? 0x80 : 0, NULL);
	add(&h, "C", 100, 4, 4, NULL);
	add(&h, "D", 0, 0, 0, NULL);
	hand_trim(&h);
	hand_open(&h);
	root = (struct iso_extent){ROOT_LBA, h.root_sectors * 2048};
	assert_int_equal(iso_dir_open(h.m.iso, root, &d), 0);
	assert_int_equal(iso_dir_tell(d), 0);
	for (uint32_t told; told = iso_dir_tell(d), iso_dir_next(d, &e) == 1; n++) {
		all[n] = (struct listed){told, (uint32_t)(e.locator & ((1ull << 43) - 1)) - ROOT_LBA * 2048};
		assert_true(n == 0 || told >= 34);
		iso_entry_release(&e);
	}
	assert_int_equal(n, 30);
	iso_dir_close(d);
	for (uint32_t from = 0; from < root.bytes + 4096; from++) {
		uint32_t expected = entry_from(all, n, from);

		assert_int_equal(iso_dir_open(h.m.iso, root, &d), 0);
		for (unsigned twice = 0; twice < 2; twice++) {
			assert_int_equal(iso_dir_seek(d, from), 0);
			assert_int_equal(iso_dir_next(d, &e), expected != 0);
			if (!expected)
				continue;
			assert_int_equal((e.locator & ((1ull << 43) - 1)) - ROOT_LBA * 2048, expected);
			assert_true(strcmp(e.name, "big") || e.n_extents == 90);
			iso_entry_release(&e);
		}
		iso_dir_close(d);
	}
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(entry_from(all, n, all[i].told), all[i].record);
	hand_end(&h);
}

/* At the end it is known without reading on. */
static void test_the_end_is_known(void **state)
{
	struct iso_entry e;
	struct iso_dir *d;
	struct hand h;

	(void)state;
	hand_begin_rock(&h, 1);
	add(&h, "A", 0, 0, 0, NULL);
	hand_open(&h);
	assert_int_equal(iso_dir_open(h.m.iso, (struct iso_extent){ROOT_LBA, 2048}, &d), 0);
	assert_int_equal(iso_dir_next(d, &e), 1);
	iso_entry_release(&e);
	assert_int_equal(iso_dir_tell(d), 2048);
	iso_dir_close(d);
	h.m.disc.fail_lba = ROOT_LBA;
	assert_int_equal(iso_dir_open(h.m.iso, (struct iso_extent){ROOT_LBA, 2048}, &d), 0);
	assert_int_equal(iso_dir_seek(d, 2048), 0);
	assert_int_equal(iso_dir_next(d, &e), 0);
	iso_dir_close(d);
	hand_end(&h);
}

static void test_broken_sections(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct hand h;
		unsigned n;

		hand_begin_rock(&h, 1);
		add(&h, "A", 50, 99, 0, NULL);
		add(&h, "B", 100, 4096, 0x80, NULL);
		if (i)
			add(&h, "C", 102, 2048, 0, NULL);
		hand_open(&h);
		assert_int_equal(list(&h, &n), -EBADMSG);
		assert_int_equal(n, 1);
		hand_end(&h);
	}
}

static void test_unreadable_files(void **state)
{
	struct hand h;
	struct iso_entry e;
	char buf[100];
	unsigned n;

	(void)state;
	hand_begin_rock(&h, 1);
	add(&h, "BEYOND", SECTORS, 100, 0, NULL);
	add(&h, "LAST", UINT32_MAX, 5000, 0, NULL);
	add(&h, "WOVEN", 100, 5000, 0, NULL)[27] = 1;
	add(&h, "GOOD", 100, 50, 0, NULL)[1] = 2; /* behind an extended attribute record */
	memcpy(h.data + 102 * 2048, "good", 4);
	hand_open(&h);
	assert_int_equal(list(&h, &n), 0);
	assert_int_equal(n, 4);
	assert_int_equal(look(&h, "beyond", &e), 0);
	assert_int_equal(entry_read(h.m.iso, &e, 0, buf, 100), -EIO);
	iso_entry_release(&e);
	assert_int_equal(look(&h, "last", &e), 0);
	assert_int_equal(entry_read(h.m.iso, &e, 4000, buf, 100), -EBADMSG);
	iso_entry_release(&e);
	assert_int_equal(look(&h, "woven", &e), 0);
	assert_int_equal(e.size, 5000);
	assert_int_equal(entry_read(h.m.iso, &e, 0, buf, 100), -EBADMSG);
	iso_entry_release(&e);
	assert_int_equal(look(&h, "good", &e), 0);
	assert_int_equal(entry_read(h.m.iso, &e, 0, buf, 4), 0);
	assert_memory_equal(buf, "good", 4);
	iso_entry_release(&e);
	hand_end(&h);
}

static void test_bad_records(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct hand h;
		struct iso_entry e;
		uint8_t *p;
		unsigned n;

		hand_begin_rock(&h, 1);
		add(&h, "A", 50, 99, 0, NULL);
		p = add(&h, "B", 50, 99, 0, NULL);
		if (i == 0)
			p[0] = 20;
		else if (i == 1)
			p[32] = 2;
		else if (i == 2)
			p[32] = 0;
		else
			memcpy(h.data + (ROOT_LBA + 1) * 2048 - 30, p, 30),
				memset(h.data + ROOT_LBA * 2048 + h.at, 34, 2048 - h.at - 30);
		hand_open(&h);
		assert_int_equal(list(&h, &n), -EBADMSG);
		assert_true(n >= 1);
		/* What comes before is found. */
		assert_int_equal(look(&h, "a", &e), 0);
		iso_entry_release(&e);
		assert_int_equal(look(&h, "z", &e), -EBADMSG);
		hand_end(&h);
	}
}

static void test_relocation(void **state)
{
	struct area moved = {0}, child = {0}, dot = {0}, nowhere = {0};
	uint8_t lba[8];
	struct hand h;
	struct iso_entry e;
	unsigned n;

	(void)state;
	hand_begin_rock(&h, 1);
	nm(&child, 0, "child");
	px(&child, S_IFDIR | 0111, 2, 0);
	put_both32(lba, SPARE_LBA);
	susp(&child, "CL", lba, 8);
	add(&h, "A", 0, 0, 0, &child);
	susp(&moved, "RE", "", 0);
	add(&h, "B", SPARE_LBA, 2048, 2, &moved);
	px(&dot, S_IFDIR | 0750, 5, 0);
	add_dots(h.data + SPARE_LBA * 2048, SPARE_LBA, 4096, &dot);
	hand_open(&h);
	assert_int_equal(list(&h, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(look(&h, "child", &e), 0);
	assert_int_equal(e.mode, S_IFDIR | 0750);
	assert_int_equal(e.nlink, 5);
	assert_int_equal(e.dir.lba, SPARE_LBA);
	assert_int_equal(e.dir.bytes, 4096);
	assert_int_equal(e.ino, ROOT_LBA << 6 | (e.locator & 2047) >> 5);
	iso_entry_release(&e);
	put_both32(lba, 150);
	susp(&nowhere, "CL", lba, 8);
	add(&h, "C", 0, 0, 0, &nowhere);
	iso_unref(h.m.iso);
	hand_open(&h);
	assert_int_equal(look(&h, "c", &e), -EBADMSG);
	hand_end(&h);
}

static void test_finding_rock_ridge(void **state)
{
	static const uint8_t er[] = "\012\0\0\1RRIP_1991A";
	struct area skip = {0}, by_ce = {0}, xa = {0}, file = {0}, none = {0};
	struct iso_info info;
	struct iso_entry e;
	struct hand h;

	(void)state;
	/* SP with a skip of 3; ER behind a continuation. */
	susp(&skip, "SP", "\xbe\xef\3", 3);
	ce(&skip, SPARE_LBA, 0, 18);
	hand_begin(&h, 1, &skip);
	susp(&by_ce, "ER", er, 14);
	memcpy(h.data + SPARE_LBA * 2048, by_ce.b, by_ce.n);
	memcpy(file.b, "xyz", file.n = 3);
	nm(&file, 0, "Skipped");
	add(&h, "A", 0, 0, 0, &file);
	hand_open(&h);
	assert_int_equal(look(&h, "Skipped", &e), 0);
	iso_entry_release(&e);
	hand_end(&h);

	/* Behind the attributes of CD-ROM XA. */
	memcpy(xa.b, "\0\0\0\0\15\125XA\0\0\0\0\0\0", xa.n = 14);
	susp(&xa, "SP", "\xbe\xef\16", 3);
	susp(&xa, "ER", er, 14);
	hand_begin(&h, 1, &xa);
	hand_open(&h);
	iso_info(h.m.iso, &info);
	assert_true(info.rock_ridge);
	hand_end(&h);

	/* SUSP of another kind only. */
	susp(&none, "SP", "\xbe\xef\0", 3);
	susp(&none, "ZZ", "", 0);
	hand_begin(&h, 1, &none);
	add(&h, "NAME.TXT;1", 0, 0, 0, NULL);
	hand_open(&h);
	iso_info(h.m.iso, &info);
	assert_false(info.rock_ridge);
	assert_int_equal(look(&h, "name.txt", &e), 0);
	assert_int_equal(e.mode, S_IFREG | 0555);
	iso_entry_release(&e);
	hand_end(&h);
}

static void test_huge_directory(void **state)
{
	struct iso_dir *d = NULL;
	struct hand h;
	struct iso_entry e;

	(void)state;
	hand_begin_rock(&h, 1);
	hand_open(&h);
	assert_int_equal(iso_dir_open(h.m.iso, (struct iso_extent){ROOT_LBA, (SECTORS + 1) * 2048}, &d), -EBADMSG);
	assert_int_equal(iso_dir_open(h.m.iso, (struct iso_extent){UINT32_MAX, 4096}, &d), -EBADMSG);
	assert_int_equal(iso_lookup(h.m.iso, (struct iso_extent){ROOT_LBA, UINT32_MAX}, "a", &e), -EBADMSG);
	assert_int_equal(iso_entry_at(h.m.iso, UINT64_MAX, &e), -EBADMSG);
	assert_null(d);
	hand_end(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_continuation_chains),
		cmocka_unit_test(test_bad_continuations),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_symbolic_links),
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_our_numbers),
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_going_on_anywhere),
		cmocka_unit_test(test_the_end_is_known),
		cmocka_unit_test(test_broken_sections),
		cmocka_unit_test(test_unreadable_files),
		cmocka_unit_test(test_bad_records),
		cmocka_unit_test(test_relocation),
		cmocka_unit_test(test_finding_rock_ridge),
		cmocka_unit_test(test_huge_directory),
	};

	return cmocka_run_group_tests_name("iso_hand", tests, NULL, NULL);
}
