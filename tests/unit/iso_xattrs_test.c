/* SPDX-License-Identifier: GPL-3.0-or-later */
/* iso_xattrs_test.c - extended attributes, ACLs and nanoseconds of records, xorriso's and made by hand */
#include "burner/format/aaip.h"
#include "burner/format/nanoseconds.h"
#include "tests/unit/iso_hand.h"
#include "tests/unit/xattr_set.h"

static void assert_names(const struct set *s, const char *names, size_t n)
{
	_free_ char *list = malloc(xattrs_list(s->bytes, s->n, NULL) + 1);

	assert_int_equal(xattrs_list(s->bytes, s->n, list), n);
	assert_memory_equal(list, names, n);
}

static void get(struct iso *iso, const struct iso_entry *e, struct set *ret)
{
	assert_int_equal(iso_xattrs(iso, e->xattrs_at, &ret->bytes, &ret->n), 0);
	assert_int_equal(xattrs_check(ret->bytes, ret->n), 0);
	assert_true(ret->n == 0 || e->xattrs_at);
}

static void of_name(struct iso *iso, struct iso_extent dir, const char *name, struct set *ret)
{
	_cleanup_entry_ struct iso_entry e = {0};

	assert_int_equal(iso_lookup(iso, dir, name, &e), 0);
	get(iso, &e, ret);
}

static void of_xorriso(void **state)
{
	static const char access[] = "\2\0\0\0"
				     "\1\0\6\0\377\377\377\377"
				     "\2\0\6\0\173\0\0\0"
				     "\4\0\4\0\377\377\377\377"
				     "\10\0\4\0\376\377\0\0"
				     "\20\0\6\0\377\377\377\377"
				     "\40\0\4\0\377\377\377\377";
	static const char standard[] = "\2\0\0\0"
				       "\1\0\7\0\377\377\377\377"
				       "\2\0\7\0\173\0\0\0"
				       "\4\0\5\0\377\377\377\377"
				       "\20\0\7\0\377\377\377\377"
				       "\40\0\0\0\377\377\377\377";
	_cleanup_entry_ struct iso_entry root = {0}, dir = {0};
	char big[3000];
	struct image m;
	struct set s;

	image_open(&m, *state, "xattrs.iso", 16);
	assert_int_equal(iso_root(m.iso, &root), 0);
	get(m.iso, &root, &s);
	assert_names(&s, "user.of-root", 13);
	assert_value(&s, "user.of-root", "r", 1);
	free(s.bytes);
	of_name(m.iso, root.dir, "file", &s);
	assert_names(&s, "user.big\0user.one", 18);
	assert_value(&s, "user.one", "hello", 5);
	assert_value(&s, "user.big", memset(big, 'z', sizeof(big)), sizeof(big));
	free(s.bytes);
	of_name(m.iso, root.dir, "none", &s);
	assert_names(&s, "", 0);
	free(s.bytes);
	of_name(m.iso, root.dir, "acl", &s);
	assert_names(&s, "system.posix_acl_access", 24);
	assert_value(&s, "system.posix_acl_access", access, sizeof(access) - 1);
	free(s.bytes);
	assert_int_equal(iso_lookup(m.iso, root.dir, "dir", &dir), 0);
	get(m.iso, &dir, &s);
	assert_names(&s, "system.posix_acl_default\0user.of-dir", 37);
	assert_value(&s, "system.posix_acl_default", standard, sizeof(standard) - 1);
	free(s.bytes);
	of_name(m.iso, dir.dir, "inner", &s);
	assert_value(&s, "user.inner", "i", 1);
	free(s.bytes);
	image_close(&m);
}

/* libisofs' own: what says where something of the session is does not come along; where the file was, does. */
static void own_names_of_xorriso(void **state)
{
	_cleanup_entry_ struct iso_entry root = {0};
	const uint8_t *value;
	struct image m;
	struct set s;
	size_t n;

	image_open(&m, *state, "xattrs.iso", 16);
	assert_int_equal(iso_root(m.iso, &root), 0);
	get(m.iso, &root, &s);
	assert_int_equal(xattrs_get(s.bytes, s.n, "isofs.ca", &value, &n), -ENODATA);
	assert_int_equal(xattrs_get(s.bytes, s.n, "isofs.nt", &value, &n), -ENODATA);
	free(s.bytes);
	of_name(m.iso, root.dir, "none", &s);
	assert_int_equal(xattrs_get(s.bytes, s.n, "isofs.cx", &value, &n), -ENODATA);
	assert_int_equal(xattrs_get(s.bytes, s.n, "isofs.di", &value, &n), 0);
	free(s.bytes);
	image_close(&m);
}

/* An AL entry. */
static void al(struct area *a, unsigned flags, const void *content, size_t n)
{
	uint8_t body[256] = {(uint8_t)flags};

	memcpy(body + 1, content, n);
	susp(a, "AL", body, 1 + n);
}

static const char one_pair[] = "\0\2\3a\0\1x"; /* user.a=x */

static int of_hand(struct hand *h, const char *name, struct set *ret)
{
	_cleanup_entry_ struct iso_entry root = {0}, e = {0};

	assert_int_equal(iso_root(h->m.iso, &root), 0);
	assert_int_equal(iso_lookup(h->m.iso, root.dir, name, &e), 0);
	*ret = (struct set){0};
	return iso_xattrs(h->m.iso, e.xattrs_at, &ret->bytes, &ret->n);
}

static void cut_anywhere(void **state)
{
	struct area one = {0}, behind = {0}, open = {0}, twice = {0}, none = {0}, odd = {0};
	struct hand h;
	struct set s;

	(void)state;
	hand_begin_rock(&h, 1);
	px(&one, S_IFREG | 0644, 1, 0);
	for (size_t i = 0; i < 7; i++)
		al(&one, i < 6, one_pair + i, 1);
	nm(&one, 0, "each-byte");
	add(&h, "A", 100, 1, 0, &one);
	al(&behind, 0, one_pair, 7);
	al(&behind, 0, one_pair, 7);
	add(&h, "BEHIND", 100, 1, 0, &behind);
	al(&open, 1, one_pair, 7);
	add(&h, "OPEN", 100, 1, 0, &open);
	al(&twice, 1, one_pair, 7);
	al(&twice, 0, one_pair, 7);
	add(&h, "TWICE", 100, 1, 0, &twice);
	al(&none, 0, "", 0);
	add(&h, "NONE", 100, 1, 0, &none);
	susp(&odd, "AL", "", 0);
	add(&h, "ODD", 100, 1, 0, &odd);
	hand_open(&h);
	assert_int_equal(of_hand(&h, "each-byte", &s), 0);
	assert_value(&s, "user.a", "x", 1);
	free(s.bytes);
	assert_int_equal(of_hand(&h, "behind", &s), -EBADMSG);
	assert_int_equal(of_hand(&h, "open", &s), -EBADMSG);
	assert_int_equal(of_hand(&h, "twice", &s), -EBADMSG);
	assert_int_equal(of_hand(&h, "none", &s), 0);
	assert_null(s.bytes);
	assert_int_equal(of_hand(&h, "odd", &s), -EBADMSG);
	hand_end(&h);
}

/* A chain of blocks filled with AL entries: of so many bytes of a value. */
static uint32_t fill_areas(struct hand *h, uint32_t lba, const uint8_t *stream, size_t n)
{
	size_t in_block = (2048 - 28) / 255 * 250;
	uint32_t blocks = 0;

	while (n) {
		struct area a = {0};

		while (n && a.n + 255 + 28 <= 2048) {
			size_t piece = min_u64(n, 250);

			al(&a, n > piece, stream, piece);
			stream += piece;
			n -= piece;
		}
		if (n)
			ce(&a, lba + blocks + 1, 0, n > in_block ? 1785 + 28 : (uint32_t)(n + (n + 249) / 250 * 5));
		memcpy(h->data + (size_t)(lba + blocks) * 2048, a.b, a.n);
		blocks++;
	}
	return blocks;
}

/* user.a, as long as can be; records go on in other entries, as libisofs has them. */
static size_t long_stream(uint8_t *stream, size_t n)
{
	size_t at = 4;

	memcpy(stream, "\0\2\3a", 4);
	for (; n > 255; n -= 255, at += 257)
		memcpy(stream + at, "\1\377", 2);
	memcpy(stream + at, (uint8_t[]){0, (uint8_t)n}, 2);
	return at + 2 + n;
}

static void many_areas(void **state)
{
	_free_ uint8_t *value = calloc(1, 70000), *stream = calloc(1, 80000);
	struct area within = {0}, beyond = {0};
	struct hand h;
	struct set s;

	(void)state;
	hand_begin_rock(&h, 1);
	px(&within, S_IFREG | 0644, 1, 0);
	nm(&within, 0, "within");
	ce(&within, 60, 0, 1785 + 28);
	assert_in_range(fill_areas(&h, 60, stream, long_stream(stream, 46000)), 25, 31);
	add(&h, "W", 100, 1, 0, &within);
	/* More than a set holds, in more areas than Linux follows: the file is there. */
	px(&beyond, S_IFREG | 0644, 1, 0);
	nm(&beyond, 0, "beyond");
	ce(&beyond, 100, 0, 1785 + 28);
	assert_in_range(fill_areas(&h, 100, stream, long_stream(stream, 70000)), 33, 60);
	add(&h, "B", 100, 1, 0, &beyond);
	hand_open(&h);
	assert_int_equal(of_hand(&h, "within", &s), 0);
	assert_value(&s, "user.a", value, 46000);
	free(s.bytes);
	assert_int_equal(of_hand(&h, "beyond", &s), -E2BIG);
	hand_end(&h);
}

/* A chain that has no end is damage, but where attributes begin: then it is theirs. */
static void loops(void **state)
{
	struct area loop = {0}, with_al = {0}, at = {0};
	struct iso_entry e;
	struct set s;
	struct hand h;

	(void)state;
	hand_begin_rock(&h, 1);
	px(&with_al, S_IFREG | 0644, 1, 0);
	al(&with_al, 1, one_pair, 7);
	ce(&with_al, 60, 0, 28);
	ce(&at, 60, 0, 28);
	memcpy(h.data + 60 * 2048, at.b, at.n);
	add(&h, "WITH_AL", 100, 1, 0, &with_al);
	hand_open(&h);
	assert_int_equal(of_hand(&h, "with_al", &s), -E2BIG);
	hand_end(&h);
	hand_begin_rock(&h, 1);
	px(&loop, S_IFREG | 0644, 1, 0);
	ce(&loop, 60, 0, 28);
	memcpy(h.data + 60 * 2048, at.b, at.n);
	add(&h, "LOOP", 100, 1, 0, &loop);
	hand_open(&h);
	assert_int_equal(iso_lookup(h.m.iso, (struct iso_extent){ROOT_LBA, 2048}, "loop", &e), -EBADMSG);
	hand_end(&h);
}

/* A place is good for the reader of a later session, whose records have another form. */
static void another_form(void **state)
{
	struct area skipped = {.b = "AL\5\1\1", .n = 5};
	struct iso_entry root, e;
	struct hand h;
	struct set s;
	struct iso *later;

	(void)state;
	hand_begin_rock(&h, 1);
	uint8_t *skip = h.data + ROOT_LBA * 2048 + 34 + 6;
	*skip = 5;
	px(&skipped, S_IFREG | 0644, 1, 0);
	nm(&skipped, 0, "skipped");
	al(&skipped, 0, one_pair, 7);
	add(&h, "SKIPPED", 100, 1, 0, &skipped);
	hand_open(&h);
	assert_int_equal(iso_root(h.m.iso, &root), 0);
	assert_int_equal(iso_lookup(h.m.iso, root.dir, "skipped", &e), 0);
	*skip = 0;
	assert_int_equal(iso_open(&h.m.disc.disc, 16, &later), 0);
	assert_int_equal(iso_xattrs(later, e.xattrs_at, &s.bytes, &s.n), 0);
	assert_value(&s, "user.a", "x", 1);
	free(s.bytes);
	assert_int_equal(iso_xattrs(later, 1ull << 62 | e.xattrs_at, &s.bytes, &s.n), -EBADMSG);
	assert_int_equal(iso_xattrs(later, 0, &s.bytes, &s.n), 0);
	assert_null(s.bytes);
	iso_unref(later);
	iso_entry_release(&e);
	hand_end(&h);
}

static void nanoseconds(void **state)
{
	static const uint32_t ns[][NS_TIMES] = {{0, 0, 0}, {1, 2, 3}, {999999999, 0, 999999999}};
	uint8_t entry[SUSP_ENTRY_MAX];
	uint32_t got[NS_TIMES];

	(void)state;
	for (size_t i = 0; i < sizeof(ns) / sizeof(ns[0]); i++) {
		nanoseconds_encode(ns[i], entry);
		assert_int_equal(entry[2], NANOSECONDS_BYTES);
		assert_int_equal(nanoseconds_decode(entry, got), 1);
		assert_memory_equal(got, ns[i], sizeof(got));
	}
	/* Other padding; a second; of another length; too short to be one. */
	entry[5] = 'X';
	assert_int_equal(nanoseconds_decode(entry, got), 0);
	entry[5] = 'S';
	put_le32(entry + 14, 1000000000);
	assert_int_equal(nanoseconds_decode(entry, got), -EBADMSG);
	put_le32(entry + 14, 0);
	for (entry[2] = 6; entry[2] < 40; entry[2]++)
		assert_int_equal(nanoseconds_decode(entry, got), entry[2] == NANOSECONDS_BYTES ? 1 : -EBADMSG);
	entry[2] = 5;
	assert_int_equal(nanoseconds_decode(entry, got), 0);
}

static int setup(void **state) { return fixtures_make(state, "xattrs"); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_xorriso),	cmocka_unit_test(own_names_of_xorriso),
		cmocka_unit_test(cut_anywhere), cmocka_unit_test(many_areas),
		cmocka_unit_test(loops),	cmocka_unit_test(nanoseconds),
		cmocka_unit_test(another_form),
	};

	return cmocka_run_group_tests_name("iso_xattrs", tests, setup, fixtures_remove);
}
