/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fs/history: which session a number, a date or a label means */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <string.h>

#include <cmocka.h>

#include "fs/history/history.h"

#define DAY 86400
#define FIRST 1795933672 /* 2026-11-29T06:27:52Z */

static struct disc_session session(uint32_t number, int64_t created, const char *label)
{
	struct disc_session s = {.number = number, .created = created, .descriptor_lba = number * 1000};

	snprintf(s.volume_id, sizeof(s.volume_id), "%s", label);
	return s;
}

static void is_called(const struct history *h, const char *name, uint32_t number)
{
	const struct disc_session *s = history_named(h, name);

	if ((s ? s->number : 0) != number)
		fail_msg("%s is session %u, not %u", name, s ? s->number : 0, number);
}

static void test_names(void **state)
{
	struct disc_session list[] = {session(1, FIRST, "PHOTOS"), session(2, FIRST + DAY, "PHOTOS"),
				      session(3, FIRST + 2 * DAY, "LAST"), session(4, FIRST + 2 * DAY, "2"),
				      session(7, FIRST + 3 * DAY, "LOST")};
	struct history h;

	(void)state;
	list[4].broken = true;
	assert_int_equal(history_copy(list, 5, &h), 0);
	is_called(&h, "1", 1);
	is_called(&h, "7", 7);
	is_called(&h, "5", 0);
	is_called(&h, "", 0);
	is_called(&h, "01", 0);
	is_called(&h, "+1", 0);
	is_called(&h, " 1", 0);
	is_called(&h, "4294967297", 0);
	is_called(&h, "99999999999999999999999", 0);
	is_called(&h, "latest", 4);
	is_called(&h, "2026-11-29T06:27:52Z", 1);
	is_called(&h, "2026-11-29T06:27:53Z", 0);
	is_called(&h, "@GMT-2026.11.29-06.27.52", 1);
	is_called(&h, "@GMT-2026.12.01-06.27.52", 4); /* of two at once the newest */
	is_called(&h, "2026-12-02T06:27:52Z", 0);     /* broken */
	is_called(&h, "LOST", 0);
	is_called(&h, "PHOTOS", 2);
	is_called(&h, "LAST", 3);
	is_called(&h, "2", 2); /* a number first */
	assert_int_equal(history_newest(&h)->number, 4);
	assert_null(history_at(&h, FIRST - 1));
	assert_int_equal(history_at(&h, FIRST)->number, 1);
	assert_int_equal(history_at(&h, FIRST + 2 * DAY - 1)->number, 2);
	assert_int_equal(history_at(&h, FIRST + 100 * DAY)->number, 4);
	history_release(&h);
}

static void is_named_as(const struct history *h, const char *name, uint32_t number, enum history_name kind)
{
	enum history_name as;
	const struct disc_session *s = history_named_as(h, name, &as);

	assert_non_null(s);
	assert_int_equal(s->number, number);
	assert_int_equal(as, kind);
}

/* A label may be what another name is as well. */
static void test_labels_like_other_names(void **state)
{
	struct disc_session list[] = {session(1, FIRST, "1"), session(2, FIRST + DAY, "2026-11-30T06:27:52Z"),
				      session(3, FIRST + 2 * DAY, "@GMT-2026.11.29-06.27.52"),
				      session(4, FIRST + 3 * DAY, "X"), session(5, FIRST + 4 * DAY, "latest")};
	struct history h;

	(void)state;
	assert_int_equal(history_copy(list, 5, &h), 0);
	is_named_as(&h, "1", 1, HISTORY_NUMBER);
	is_named_as(&h, "latest", 5, HISTORY_NEWEST);
	is_named_as(&h, "2026-11-30T06:27:52Z", 2, HISTORY_DATE);
	is_named_as(&h, "@GMT-2026.11.29-06.27.52", 1, HISTORY_GMT);
	is_named_as(&h, "X", 4, HISTORY_LABEL);
	history_release(&h);
}

/* Each look-up of a disc of very many costs the same. */
static void test_many(void **state)
{
	enum { N = 60000 };
	struct disc_session *list = calloc(N, sizeof(*list));
	char text[HISTORY_NAME_BYTES];
	struct history h;

	(void)state;
	assert_non_null(list);
	for (uint32_t i = 0; i < N; i++)
		list[i] = session(i + 1, FIRST + i, "THE SAME");
	assert_int_equal(history_copy(list, N, &h), 0);
	for (uint32_t i = 0; i < N; i++) {
		assert_int_equal(history_numbered(&h, i + 1)->number, i + 1);
		is_called(&h, history_name_of(&list[i], HISTORY_DATE, text), i + 1);
		is_called(&h, history_name_of(&list[i], HISTORY_GMT, text), i + 1);
		is_called(&h, history_name_of(&list[i], HISTORY_LABEL, text), N);
	}
	history_release(&h);
	free(list);
}

/* What no file could be called is no name. */
static void test_no_names(void **state)
{
	static const char *const labels[] = {"", ".", "..", "a/b"};
	char text[HISTORY_NAME_BYTES];
	struct history h;

	(void)state;
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		struct disc_session s = session(1, 0, labels[i]);

		assert_null(history_name_of(&s, HISTORY_LABEL, text));
		assert_null(history_name_of(&s, HISTORY_DATE, text));
		assert_null(history_name_of(&s, HISTORY_GMT, text));
		assert_int_equal(history_copy(&s, 1, &h), 0);
		is_called(&h, labels[i], 0);
		history_release(&h);
	}
	struct disc_session far = session(1, 400000000000, "FAR"); /* the year 14645 */
	assert_null(history_name_of(&far, HISTORY_DATE, text));
	assert_string_equal(history_name_of(&far, HISTORY_LABEL, text), "FAR");
	assert_null(history_newest(&(struct history){.n = 0}));
	is_called(&(struct history){.n = 0}, "latest", 0);
}

static void test_tree(void **state)
{
	struct disc_session s = session(1, FIRST, "X");
	struct iso *iso = NULL;

	(void)state;
	s.broken = true;
	assert_int_equal(history_tree(NULL, &s, &iso), -EBADMSG);
	assert_null(iso);
}

static void test_copy(void **state)
{
	struct disc_session s = session(3, FIRST, "X");
	struct history h, none;

	(void)state;
	assert_int_equal(history_copy(&s, 1, &h), 0);
	s.number = 4;
	is_called(&h, "3", 3);
	history_release(&h);
	assert_int_equal(h.n, 0);
	assert_int_equal(history_copy(NULL, 0, &none), 0);
	assert_null(history_newest(&none));
	history_release(&none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names), cmocka_unit_test(test_labels_like_other_names),
		cmocka_unit_test(test_many),  cmocka_unit_test(test_no_names),
		cmocka_unit_test(test_tree),  cmocka_unit_test(test_copy),
	};

	setrlimit(RLIMIT_CPU, &(struct rlimit){60, 60}); /* a search for each would take hours */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
