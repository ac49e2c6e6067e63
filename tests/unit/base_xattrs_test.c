/* SPDX-License-Identifier: GPL-3.0-or-later */
/* base_xattrs_test.c - a set of extended attributes */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include <cmocka.h>

#include "burner/base/own.h"
#include "tests/unit/xattr_set.h"

static int put(struct set *s, const char *name, const void *value, size_t n, int flags)
{
	struct set made;
	int r = xattrs_set(s->bytes, s->n, name, value, n, flags, &made.bytes, &made.n);

	if (r)
		return r;
	assert_int_equal(xattrs_check(made.bytes, made.n), 0);
	free(s->bytes);
	*s = made;
	return 0;
}

static int drop(struct set *s, const char *name)
{
	struct set made;
	int r = xattrs_remove(s->bytes, s->n, name, &made.bytes, &made.n);

	if (r)
		return r;
	assert_int_equal(xattrs_check(made.bytes, made.n), 0);
	free(s->bytes);
	*s = made;
	return 0;
}

static void assert_text(const struct set *s, const char *name, const char *value)
{
	assert_value(s, name, value, strlen(value));
}

static void sets_and_gets(void **state)
{
	static const char names[] = "trusted.t\0user.a\0user.ab\0user.b";
	const uint8_t *value;
	struct set s = {0};
	char list[64];
	size_t n;

	(void)state;
	assert_int_equal(xattrs_get(NULL, 0, "user.a", &value, &n), -ENODATA);
	assert_int_equal(xattrs_list(NULL, 0, NULL), 0);
	assert_int_equal(put(&s, "user.b", "1", 1, 0), 0);
	assert_int_equal(put(&s, "user.a", "22", 2, XATTR_CREATE), 0);
	assert_int_equal(put(&s, "trusted.t", "", 0, 0), 0);
	assert_int_equal(put(&s, "user.ab", "4444", 4, 0), 0);
	assert_text(&s, "user.a", "22");
	assert_text(&s, "user.ab", "4444");
	assert_text(&s, "user.b", "1");
	assert_text(&s, "trusted.t", "");
	assert_int_equal(xattrs_get(s.bytes, s.n, "user.", &value, &n), -ENODATA);
	assert_int_equal(xattrs_list(s.bytes, s.n, NULL), sizeof(names));
	assert_int_equal(xattrs_list(s.bytes, s.n, list), sizeof(names));
	assert_memory_equal(list, names, sizeof(names));
	assert_int_equal(put(&s, "user.a", "x", 1, XATTR_CREATE), -EEXIST);
	assert_int_equal(put(&s, "user.c", "x", 1, XATTR_REPLACE), -ENODATA);
	assert_int_equal(put(&s, "user.a", "333", 3, XATTR_REPLACE), 0);
	assert_text(&s, "user.a", "333");
	assert_text(&s, "user.ab", "4444");
	assert_int_equal(drop(&s, "user.x"), -ENODATA);
	/* libisofs' own are kept, and not named. */
	assert_int_equal(put(&s, "isofs.di", "d", 1, 0), 0);
	assert_text(&s, "isofs.di", "d");
	assert_int_equal(xattrs_list(s.bytes, s.n, NULL), sizeof(names));
	assert_int_equal(drop(&s, "isofs.di"), 0);
	assert_int_equal(drop(&s, "user.a"), 0);
	assert_int_equal(xattrs_get(s.bytes, s.n, "user.a", &value, &n), -ENODATA);
	assert_int_equal(drop(&s, "user.ab"), 0);
	assert_int_equal(drop(&s, "user.b"), 0);
	assert_int_equal(drop(&s, "trusted.t"), 0);
	assert_null(s.bytes);
	assert_int_equal(s.n, 0);
}

static void limits(void **state)
{
	_free_ char *big = calloc(1, XATTRS_VALUE_MAX + 1);
	char name[XATTRS_NAME_MAX + 2];
	size_t room = XATTRS_BYTES_MAX - XATTRS_RECORD_BYTES - 6;
	struct set s = {0};

	(void)state;
	memset(name, 'n', sizeof(name));
	name[XATTRS_NAME_MAX + 1] = 0;
	assert_int_equal(put(&s, name, "", 0, 0), -ERANGE);
	name[XATTRS_NAME_MAX] = 0;
	assert_int_equal(put(&s, name, "", 0, 0), 0);
	assert_int_equal(drop(&s, name), 0);
	assert_int_equal(put(&s, "", "", 0, 0), -ERANGE);
	assert_int_equal(put(&s, "user.a", big, XATTRS_VALUE_MAX + 1, 0), -E2BIG);
	assert_int_equal(put(&s, "user.a", big, XATTRS_VALUE_MAX, 0), -ENOSPC);
	assert_int_equal(put(&s, "user.a", big, room + 1, 0), -ENOSPC);
	assert_int_equal(put(&s, "user.a", big, room, 0), 0);
	assert_int_equal(s.n, XATTRS_BYTES_MAX);
	assert_int_equal(put(&s, "user.b", "", 0, 0), -ENOSPC);
	/* What is replaced makes room. */
	assert_int_equal(put(&s, "user.a", "", 0, 0), 0);
	assert_int_equal(put(&s, "user.b", "", 0, 0), 0);
	free(s.bytes);
}

static void makes(void **state)
{
	struct xattr list[] = {{"user.b", (const uint8_t *)"1", 6, 1},
			       {"user.a", NULL, 6, 0},
			       {"user.aa", (const uint8_t *)"33", 7, 2}};
	struct set s;

	(void)state;
	assert_int_equal(xattrs_make(list, 3, &s.bytes, &s.n), 0);
	assert_int_equal(xattrs_check(s.bytes, s.n), 0);
	assert_text(&s, "user.a", "");
	assert_text(&s, "user.aa", "33");
	assert_text(&s, "user.b", "1");
	free(s.bytes);
	list[0] = list[1];
	assert_int_equal(xattrs_make(list, 3, &s.bytes, &s.n), -EEXIST);
	list[0].name_bytes = 256;
	assert_int_equal(xattrs_make(list, 1, &s.bytes, &s.n), -ERANGE);
	assert_int_equal(xattrs_make(list, 0, &s.bytes, &s.n), 0);
	assert_null(s.bytes);
}

/* Each byte of a sound set changed, and each length: found, or a set again; never read beyond it. */
static void hostile(void **state)
{
	static const uint8_t two[] = "\6\0\1\0\0\0user.ax\6\0\0\0\0\0user.b";
	static const uint8_t disorder[] = "\6\0\0\0\0\0user.b\6\0\0\0\0\0user.a",
			     twice[] = "\1\0\0\0\0\0a\1\0\0\0\0\0a";
	static const uint8_t nul[] = "\2\0\0\0\0\0a", nameless[] = "\0\0\0\0\0\0";
	size_t n = sizeof(two) - 1, sound = 0;

	(void)state;
	assert_int_equal(xattrs_check(two, n), 0);
	for (size_t i = 1; i < n; i++) {
		_free_ uint8_t *cut = malloc(i);

		memcpy(cut, two, i);
		assert_int_equal(xattrs_check(cut, i), i == 13 ? 0 : -EBADMSG);
	}
	for (size_t i = 0; i < n; i++) {
		_free_ uint8_t *changed = malloc(n);

		for (unsigned value = 0; value < 256; value++) {
			memcpy(changed, two, n);
			changed[i] = (uint8_t)value;
			sound += xattrs_check(changed, n) == 0;
		}
	}
	assert_true(sound > n);
	assert_int_equal(xattrs_check(disorder, sizeof(disorder) - 1), -EBADMSG);
	assert_int_equal(xattrs_check(twice, sizeof(twice) - 1), -EBADMSG);
	assert_int_equal(xattrs_check(nul, sizeof(nul)), -EBADMSG);
	assert_int_equal(xattrs_check(nameless, 6), -EBADMSG);
	assert_int_equal(xattrs_check(two, XATTRS_BYTES_MAX + 1), -EBADMSG);
	assert_int_equal(xattrs_check(NULL, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_and_gets),
		cmocka_unit_test(limits),
		cmocka_unit_test(makes),
		cmocka_unit_test(hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
