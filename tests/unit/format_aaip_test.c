/* SPDX-License-Identifier: GPL-3.0-or-later */
/* format_aaip_test.c - extended attributes and ACLs as AAIP has them */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "burner/base/own.h"
#include "burner/format/aaip.h"
#include "burner/format/acl.h"
#include "tests/unit/xattr_set.h"

#define ACL(entries) "\2\0\0\0" entries
#define USER_OBJ(p) "\1\0" p "\0\377\377\377\377"
#define USER(p, id) "\2\0" p "\0" id
#define GROUP_OBJ(p) "\4\0" p "\0\377\377\377\377"
#define GROUP(p, id) "\10\0" p "\0" id
#define MASK(p) "\20\0" p "\0\377\377\377\377"
#define OTHER(p) "\40\0" p "\0\377\377\377\377"

static void put(struct set *s, const char *name, const void *value, size_t n)
{
	struct set made;

	assert_int_equal(xattrs_set(s->bytes, s->n, name, value, n, 0, &made.bytes, &made.n), 0);
	free(s->bytes);
	*s = made;
}

/* The stream of a set, out of AL entries of at most `room` bytes. */
static uint8_t *encode_cut(const struct set *s, uint32_t mode, uint32_t room, uint32_t *ret_n)
{
	_free_ uint8_t *components = malloc(AAIP_COMPONENTS_OF(s->n) + 1);
	uint32_t n = aaip_encode(s->bytes, s->n, mode, components), all, taken = 0, cuts = 0;
	struct aaip_writer w = {components, components + n, 0};
	uint8_t *stream = malloc(4 * s->n + 100), entry[SUSP_ENTRY_MAX];
	bool more = true;

	assert_in_range(n, 0, AAIP_COMPONENTS_OF(s->n));
	all = aaip_left(&w);
	assert_in_range(all, 0, aaip_bytes_max(s->n));
	for (*ret_n = 0; !aaip_is_done(&w); cuts++) {
		const uint8_t *content;
		unsigned bytes;

		assert_true(more);
		taken += aaip_take(&w, room, entry);
		assert_in_range(entry[2], 6, room);
		assert_int_equal(aaip_al_decode(entry, &content, &bytes, &more), 0);
		memcpy(stream + *ret_n, content, bytes);
		*ret_n += bytes;
	}
	assert_true(!more || !all);
	assert_in_range(taken, 0, all + cuts * AAIP_CUT_BYTES);
	assert_true(room < SUSP_ENTRY_MAX || taken == all);
	return stream;
}

static uint8_t *encode(const struct set *s, uint32_t mode, uint32_t *ret_n)
{
	return encode_cut(s, mode, SUSP_ENTRY_MAX, ret_n);
}

static void assert_same(const struct set *s, uint32_t mode)
{
	static const uint32_t rooms[] = {SUSP_ENTRY_MAX, SUSP_ENTRY_MAX - 1, 100, 10, 8};

	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		struct set got = {NULL, 99};
		uint32_t n;
		_free_ uint8_t *stream = encode_cut(s, mode, rooms[i], &n);

		assert_int_equal(aaip_decode(stream, n, mode, &got.bytes, &got.n), 0);
		assert_int_equal(got.n, s->n);
		if (s->n)
			assert_memory_equal(got.bytes, s->bytes, s->n);
		free(got.bytes);
	}
}

static void assert_stream(const struct set *s, uint32_t mode, const void *stream, size_t n)
{
	uint32_t made;
	_free_ uint8_t *out = encode(s, mode, &made);

	assert_int_equal(made, n);
	assert_memory_equal(out, stream, n);
	assert_same(s, mode);
}

/* As xorriso 1.5.4 recorded the same. */
static void as_libisofs(void **state)
{
	static const char attributes[] = "\0\4\3one\0\5hello\0\2\3t\0\1x";
	static const char access[] = "\0\0\0\13\26\256\1\173\64\316\2\377\376\126\144";
	static const char standard[] = "\0\0\0\13\27\65\145\201\27\257\1\173\65\127\145";
	struct set s = {0};

	(void)state;
	put(&s, "user.t", "x", 1);
	put(&s, "user.one", "hello", 5);
	assert_stream(&s, S_IFREG | 0644, attributes, sizeof(attributes) - 1);
	free(s.bytes);
	s = (struct set){0};
	put(&s, ACL_ACCESS_NAME,
	    ACL(USER_OBJ("\6") USER("\6", "\173\0\0\0") GROUP_OBJ("\4") GROUP("\6", "\376\377\0\0") MASK("\6")
			OTHER("\4")),
	    4 + 6 * 8);
	assert_stream(&s, S_IFREG | 0664, access, sizeof(access) - 1);
	free(s.bytes);
	s = (struct set){0};
	put(&s, ACL_DEFAULT_NAME, ACL(USER_OBJ("\7") USER("\7", "\173\0\0\0") GROUP_OBJ("\5") MASK("\7") OTHER("\5")),
	    4 + 5 * 8);
	assert_stream(&s, S_IFDIR | 0755, standard, sizeof(standard) - 1);
	free(s.bytes);
}

static void decode(const void *stream, size_t n, uint32_t mode, int expected, struct set *ret)
{
	_free_ uint8_t *copy = malloc(n);

	memcpy(copy, stream, n);
	*ret = (struct set){0};
	assert_int_equal(aaip_decode(copy, n, mode, &ret->bytes, &ret->n), expected);
	if (!expected)
		assert_int_equal(xattrs_check(ret->bytes, ret->n), 0);
}

static void names(void **state)
{
	static const char *const all[] = {"user.",     "user.x",   "trusted.t", "security.capability", "system.x",
					  "isofs.di",  "isofs.cs", "userx",	"other.space",	       "\3raw",
					  "\1escaped", "\37",	   "x"};
	/* With their text instead of its byte; in several pieces. */
	static const char spelled[] = "\0\6user.a\0\1\61\1\1\3\0\1b\1\0\0\1\62";
	/* What says where something of the session was. */
	static const char places[] =
		"\0\3\4ca\0\1x\0\3\4cx\0\4abcd\0\3\4nt\0\4\1\1\1\377\0\10isofs.nt\0\0\0\3\4di\0\1y";
	char longest[XATTRS_NAME_MAX + 1];
	struct set s = {0};

	(void)state;
	memset(longest, 'n', sizeof(longest) - 1);
	longest[XATTRS_NAME_MAX] = 0;
	put(&s, longest, "1", 1);
	longest[0] = 1;
	put(&s, longest, "1", 1);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		put(&s, all[i], all[i], strlen(all[i]));
	assert_same(&s, S_IFREG | 0644);
	free(s.bytes);
	decode(spelled, sizeof(spelled) - 1, 0, 0, &s);
	assert_value(&s, "user.a", "1", 1);
	assert_value(&s, "user.b", "2", 1);
	free(s.bytes);
	decode(places, sizeof(places) - 1, 0, 0, &s);
	assert_value(&s, "isofs.di", "y", 1);
	assert_int_equal(s.n, XATTRS_RECORD_BYTES + 9);
	free(s.bytes);
}

static void lengths(void **state)
{
	static const size_t bytes[] = {0, 1, 254, 255, 256, 509, 510, 511, 2048, 40000};
	_free_ uint8_t *value = malloc(40000);
	struct set s = {0};
	char name[] = "user.a";

	(void)state;
	for (size_t i = 0; i < 40000; i++)
		value[i] = (uint8_t)(i * i);
	for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
		struct set one = {0};

		put(&one, "user.one", value, bytes[i]);
		assert_same(&one, S_IFREG);
		free(one.bytes);
		name[5]++;
		put(&s, name, value, bytes[i]);
		assert_same(&s, S_IFREG);
	}
	free(s.bytes);
	assert_same(&(struct set){0}, S_IFREG);
}

static void acls(void **state)
{
	/* Entries in another order; numbers of several lengths, one in two pieces; types that nobody knows; a map of
	 * names, which is none of the file's. */
	static const char shuffled[] = "\0\0\0\43\126\256\4\1\2\3\4\144\26\316\201\1\1\2\64\255\1\5"
				       "\10\12\0\1\0\0\0\0\0\0\1r\160\100\52\1\7";
	static const char base_only[] = "\0\0\0\3\27\65\145", mask_missing[] = "\0\0\0\6\26\255\1\5\64\144";
	static const char default_only[] = "\0\0\0\4\201\27\65\145", default_cut[] = "\0\0\0\3\201\27\65";
	static const char *const bad[] = {
		"\0\0\0\1\377",				/* of a later version */
		"\0\0\0\2\256\1",			/* ends in its number */
		"\0\0\0\1\256",				/* ends before it */
		"\0\0\0\1\247",				/* a user without a number, for 0xa7 has the bit, so: ends */
		"\0\0\0\7\256\5\1\2\3\4\5",		/* more than 32 bits */
		"\0\0\0\6\26\26\126\64\144\126",	/* twice */
		"\0\0\0\2\201\201",			/* begins twice */
		"\0\0\0\3\26\64\144\0\0\0\3\26\64\144", /* two of them */
	};
	static const size_t bad_bytes[] = {5, 6, 5, 5, 11, 10, 6, 14};
	struct set s;

	(void)state;
	decode(shuffled, sizeof(shuffled) - 1, S_IFREG | 0653, 0, &s);
	assert_value(&s, ACL_ACCESS_NAME,
		     ACL(USER_OBJ("\6") USER("\5", "\5\0\0\0") USER("\6", "\4\3\2\1") GROUP_OBJ("\4")
				 GROUP("\6", "\2\1\0\0") MASK("\5") OTHER("\3")),
		     4 + 7 * 8);
	free(s.bytes);
	decode(base_only, sizeof(base_only) - 1, S_IFDIR | 0755, 0, &s);
	assert_null(s.bytes);
	/* As the mode says. */
	decode(mask_missing, sizeof(mask_missing) - 1, S_IFREG | 0711, 0, &s);
	assert_value(&s, ACL_ACCESS_NAME,
		     ACL(USER_OBJ("\7") USER("\5", "\5\0\0\0") GROUP_OBJ("\4") MASK("\1") OTHER("\1")), 4 + 5 * 8);
	free(s.bytes);
	decode(default_only, sizeof(default_only) - 1, S_IFDIR | 0700, 0, &s);
	assert_value(&s, ACL_DEFAULT_NAME, ACL(USER_OBJ("\7") GROUP_OBJ("\5") OTHER("\5")), 4 + 3 * 8);
	free(s.bytes);
	decode(default_only, sizeof(default_only) - 1, S_IFREG | 0700, 0, &s);
	assert_null(s.bytes);
	decode(default_cut, sizeof(default_cut) - 1, S_IFDIR | 0700, -EBADMSG, &s);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		decode(bad[i], bad_bytes[i], S_IFDIR | 0700, -EBADMSG, &s);
	/* What is no ACL is an attribute as others. */
	s = (struct set){0};
	put(&s, ACL_ACCESS_NAME, "none", 4);
	put(&s, ACL_DEFAULT_NAME, ACL(USER_OBJ("\17")), 12);
	assert_same(&s, S_IFDIR | 0755);
	free(s.bytes);
	/* Several hundred entries. */
	s = (struct set){0};
	uint8_t many[4 + 8 * 700] = "\2";
	for (unsigned i = 0; i < 700; i++) {
		uint8_t *e = many + 4 + 8 * (size_t)i;

		put_le16(e, i == 0 ? 1 : i < 400 ? 2 : i == 400 ? 4 : i < 698 ? 8 : i == 698 ? 16 : 32);
		put_le16(e + 2, 7);
		put_le32(e + 4, e[0] == 2 || e[0] == 8 ? i * 12345 : UINT32_MAX);
	}
	put(&s, ACL_ACCESS_NAME, many, sizeof(many));
	assert_same(&s, S_IFREG | 0777);
	free(s.bytes);
}

static void damaged(void **state)
{
	static const char *const bad[] = {
		"\0\2\3a",		    /* a name without a value */
		"\0\2\3a\1\1x",		    /* a value that goes on, and does not */
		"\0\2\3a\0\2x",		    /* a value that is cut */
		"\0",			    /* half a record */
		"\0\2\7a\0\1x",		    /* a namespace that nobody knows */
		"\0\2\3\0\0\1x",	    /* NUL in a name */
		"\0\1\1\0\1x",		    /* no name behind the escape */
		"\0\2\3a\0\1x\0\2\3a\0\1y", /* one name twice */
	};
	static const size_t bytes[] = {4, 7, 7, 1, 7, 7, 6, 14};
	_free_ uint8_t *large = calloc(1, AAIP_STREAM_MAX + 1), *changed = NULL;
	struct set s = {0};
	size_t found;
	uint32_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		decode(bad[i], bytes[i], S_IFREG, -EBADMSG, &s);
	decode(large, AAIP_STREAM_MAX + 1, S_IFREG, -E2BIG, &s);
	/* A value that no set holds, and too many attributes. */
	for (size_t at = 0, i = 0; i < 200; i++, at += 257)
		memcpy(large + 6 + at, (uint8_t[]){i < 199, 255}, 2);
	memcpy(large, "\0\2\3a", 4);
	memmove(large + 4, large + 6, (size_t)200 * 257);
	decode(large, 4 + (size_t)200 * 257, S_IFREG, -E2BIG, &s);
	/* What is not asked for may be as large. */
	assert_int_equal(aaip_find(large, 4 + (size_t)200 * 257, "isofs.cx", &changed, &found), 0);
	free(TAKE_PTR(changed));
	for (size_t i = 0; i < 9000; i++)
		memcpy(large + i * 8,
		       (uint8_t[]){0, 4, 3, (uint8_t)(i % 90 + 33), (uint8_t)(i / 90 % 90 + 33),
				   (uint8_t)(i / 8100 + 33), 0, 0},
		       8);
	decode(large, 9000 * 8, S_IFREG, -E2BIG, &s);
	put(&s, "user.a", "value", 5);
	put(&s, "trusted.overlay.opaque", "y", 1);
	put(&s, ACL_ACCESS_NAME, ACL(USER_OBJ("\6") USER("\6", "\173\0\0\0") GROUP_OBJ("\4") MASK("\6") OTHER("\4")),
	    4 + 5 * 8);
	changed = encode(&s, S_IFREG | 0664, &n);
	free(s.bytes);
	for (uint32_t at = 0; at < n; at++) {
		uint8_t was = changed[at];

		for (unsigned value = 0; value < 256; value++) {
			_free_ uint8_t *copy = malloc(n);

			changed[at] = (uint8_t)value;
			memcpy(copy, changed, n);
			s = (struct set){0};
			if (aaip_decode(copy, n, S_IFREG | 0664, &s.bytes, &s.n) == 0)
				assert_int_equal(xattrs_check(s.bytes, s.n), 0);
			free(s.bytes);
		}
		changed[at] = was;
	}
}

static void entries(void **state)
{
	static const char components[] = "\3\0\0\0abc\0\0\0\0\3\0\0\0def";
	struct aaip_writer w = {(const uint8_t *)components, (const uint8_t *)components + sizeof(components) - 1, 0};
	uint8_t out[SUSP_ENTRY_MAX];
	const uint8_t *got;
	unsigned n;
	bool more;

	(void)state;
	assert_int_equal(aaip_left(&w), 5 + 5 + 2 + 5);
	assert_int_equal(aaip_take(&w, 7, out), 0);
	/* No record crosses the end of an entry, and none is empty that is no component's only one. */
	assert_int_equal(aaip_take(&w, 9, out), 9);
	assert_memory_equal(out, "AL\11\1\1\1\2ab", 9);
	assert_int_equal(aaip_take(&w, 12, out), 10);
	assert_memory_equal(out, "AL\12\1\1\0\1c\0\0", 10);
	assert_int_equal(aaip_take(&w, 300, out), 10);
	assert_memory_equal(out, "AL\12\1\0\0\3def", 10);
	assert_true(aaip_is_done(&w));
	assert_int_equal(aaip_take(&w, 300, out), 0);
	assert_int_equal(aaip_al_decode(out, &got, &n, &more), 0);
	assert_true(!more && n == 5 && got == out + 5);
	out[2] = 4;
	assert_int_equal(aaip_al_decode(out, &got, &n, &more), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_libisofs), cmocka_unit_test(names),	  cmocka_unit_test(lengths),
		cmocka_unit_test(acls),	       cmocka_unit_test(damaged), cmocka_unit_test(entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
