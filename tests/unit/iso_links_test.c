/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names of foreign sessions: which are one file, and which only look so? */
#include "tests/unit/iso_hand.h"

static int look(struct hand *h, const char *name, struct iso_entry *ret)
{
	return iso_lookup(h->m.iso, (struct iso_extent){ROOT_LBA, h->root_sectors * 2048}, name, ret);
}

static uint64_t number_of(struct hand *h, const char *name, uint32_t nlink)
{
	struct iso_entry e;

	assert_int_equal(look(h, name, &e), 0);
	assert_int_equal(e.nlink, nlink);
	iso_entry_release(&e);
	return e.ino;
}

static uint64_t number_by_record(struct hand *h, const char *name)
{
	struct iso_entry e;

	assert_int_equal(look(h, name, &e), 0);
	iso_entry_release(&e);
	return (e.locator & ((1ull << 43) - 1)) >> 11 << 6 | (e.locator & 2047) >> 5;
}

static void add_link(struct hand *h, const char *id, uint32_t lba, uint32_t bytes, uint32_t mode, uint32_t nlink,
		     uint32_t serial)
{
	struct area a = {0};

	px(&a, mode, nlink, serial);
	add(h, id, lba, bytes, 0, &a);
}

/* Names of a foreign session are one file when there is no doubt. */
static void test_links(void **state)
{
	struct hand h;

	(void)state;
	hand_begin_rock(&h, 2);
	/* two pairs with one content and different modes; a pair with another length; one with another serial */
	add_link(&h, "A1", 100, 3000, S_IFREG | 0644, 2, 0);
	add_link(&h, "B1", 100, 3000, S_IFREG | 0600, 2, 0);
	add_link(&h, "A2", 100, 3000, S_IFREG | 0644, 2, 0);
	add_link(&h, "B2", 100, 3000, S_IFREG | 0600, 2, 0);
	add_link(&h, "C1", 100, 2000, S_IFREG | 0644, 2, 0);
	add_link(&h, "C2", 100, 2000, S_IFREG | 0644, 2, 0);
	add_link(&h, "D1", 100, 2000, S_IFREG | 0644, 2, 9);
	add_link(&h, "D2", 100, 2000, S_IFREG | 0644, 2, 9);
	/* more names than links, fewer, and links that are none */
	add_link(&h, "E1", 110, 10, S_IFREG | 0644, 2, 0);
	add_link(&h, "E2", 110, 10, S_IFREG | 0644, 2, 0);
	add_link(&h, "E3", 110, 10, S_IFREG | 0644, 2, 0);
	add_link(&h, "F1", 111, 10, S_IFREG | 0644, 3, 5);
	add_link(&h, "F2", 111, 10, S_IFREG | 0644, 3, 5);
	add_link(&h, "G1", 112, 10, S_IFREG | 0644, 2, 5);
	add_link(&h, "G2", 113, 10, S_IFREG | 0644, 2, 5);
	/* no content to tell them by */
	add_link(&h, "H1", 0, 0, S_IFREG | 0644, 2, 6);
	add_link(&h, "H2", 0, 0, S_IFREG | 0644, 2, 6);
	add_link(&h, "I1", 0, 0, S_IFIFO | 0644, 2, 7);
	add_link(&h, "I2", 0, 0, S_IFIFO | 0644, 2, 7);
	/* one section equal, the other not */
	for (unsigned i = 0; i < 2; i++) {
		struct area a = {0};

		px(&a, S_IFREG | 0644, 2, 0);
		add(&h, i ? "J2" : "J1", 120, 2048, 0x80, &a);
		add(&h, i ? "J2" : "J1", 130 + i, 10, 0, &a);
	}
	hand_open(&h);
	assert_int_equal(number_of(&h, "a1", 2), 100 << 6 | 63);
	assert_int_equal(number_of(&h, "a2", 2), 100 << 6 | 63);
	assert_int_equal(number_of(&h, "b1", 2), number_by_record(&h, "b1"));
	assert_int_equal(number_of(&h, "b2", 2), number_by_record(&h, "b1"));
	assert_int_equal(number_of(&h, "c1", 2), number_by_record(&h, "c1"));
	assert_int_equal(number_of(&h, "c2", 2), number_by_record(&h, "c1"));
	assert_int_equal(number_of(&h, "d2", 2), number_by_record(&h, "d1"));
	static const char *const alone[] = {"e1", "e2", "e3", "f1", "f2", "g1", "g2", "j1", "j2"};
	for (unsigned i = 0; i < ARRAY_LENGTH(alone); i++)
		assert_int_equal(number_of(&h, alone[i], 1), number_by_record(&h, alone[i]));
	assert_int_not_equal(number_of(&h, "h1", 1), number_of(&h, "h2", 1));
	assert_int_not_equal(number_of(&h, "i1", 1), number_of(&h, "i2", 1));
	assert_false(iso_links_unknown(h.m.iso));
	hand_end(&h);
}

/* A name more anywhere in the tree makes it doubtful; where the tree cannot be read to its end, so is everything. */
static void test_links_elsewhere(void **state)
{
	struct area a = {0}, dir = {0}, dot = {0};
	uint8_t *below;
	struct hand h;
	struct iso_entry e;
	struct iso_extent root;

	(void)state;
	hand_begin_rock(&h, 1);
	add_link(&h, "A1", 100, 10, S_IFREG | 0644, 2, 0);
	add_link(&h, "A2", 100, 10, S_IFREG | 0644, 2, 0);
	px(&dir, S_IFDIR | 0755, 2, 0);
	add(&h, "D", SPARE_LBA, 2048, 2, &dir);
	px(&dot, S_IFDIR | 0755, 2, 0);
	below = h.data + SPARE_LBA * 2048;
	add_dots(below, SPARE_LBA, 2048, &dot);
	below += below[0] + 34;
	hand_open(&h);
	assert_int_equal(number_of(&h, "a1", 2), number_of(&h, "a2", 2));
	iso_unref(h.m.iso);
	px(&a, S_IFREG | 0644, 2, 0);
	record(below, "A3", 2, 100, 10, 0, &a);
	hand_open(&h);
	assert_int_equal(number_of(&h, "a1", 1), number_by_record(&h, "a1"));
	assert_int_equal(number_of(&h, "a2", 1), number_by_record(&h, "a2"));
	iso_unref(h.m.iso);
	memset(below, 0xff, 100); /* damage */
	hand_open(&h);
	assert_int_equal(number_of(&h, "a1", 1), number_by_record(&h, "a1"));
	assert_true(iso_links_unknown(h.m.iso));
	iso_unref(h.m.iso);
	hand_open(&h);
	iso_require_links(h.m.iso);
	root = (struct iso_extent){ROOT_LBA, 2048};
	assert_int_equal(iso_lookup(h.m.iso, root, "a1", &e), -EBADMSG);
	assert_int_equal(iso_lookup(h.m.iso, root, "d", &e), 0); /* no link: nothing is walked for it */
	iso_entry_release(&e);
	assert_false(iso_links_unknown(h.m.iso));
	hand_end(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_links_elsewhere),
	};

	return cmocka_run_group_tests_name("iso_links", tests, NULL, NULL);
}
