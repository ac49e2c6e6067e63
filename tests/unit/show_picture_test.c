/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * show_picture_test - a disc drawn: what lies where, also when the disc says nonsense; the bar at any width; the SVG
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "fs/show/picture.h"

#define MIB (1024u * 1024u)
#define CELLS 80u

static const struct disc_session three[] = {
	{.number = 1, .start_lba = 0, .sectors = 1000, .ours = true, .tells_shared = true, .volume_id = "A&B <\"x\">"},
	{.number = 2, .start_lba = 12400, .sectors = 600, .broken = true},
	{.number = 3,
	 .start_lba = 19900,
	 .sectors = 100,
	 .ours = true,
	 .tells_shared = true,
	 .shared_bytes = MIB,
	 .created = 1795438284,
	 .volume_id = "A&B <\"x\">"},
};

/* A disc of 40,000 sectors: three sessions, and what comes after them. */
static struct report_info disc_of(const struct disc_session *sessions, size_t n)
{
	return (struct report_info){
		.medium = "CD-R",
		.appendable = true,
		.capacity_bytes = 40000ull * SECTOR_BYTES,
		.used_bytes = 20000ull * SECTOR_BYTES,
		.next_lba = 26900,
		.staged_bytes = 500 * SECTOR_BYTES - 1,
		.sessions = sessions,
		.n_sessions = n,
	};
}

/* In order, without holes, as the header promises; and the sums. */
static void assert_whole(const struct picture *p)
{
	uint64_t end = 0, sums[PICTURE_KINDS] = {0};

	for (size_t i = 0; i < p->n_parts; i++) {
		assert_int_equal(p->parts[i].first, end);
		assert_true(p->parts[i].n > 0);
		end += p->parts[i].n;
		sums[p->parts[i].kind] += p->parts[i].n;
	}
	assert_int_equal(p->sectors, end);
	assert_memory_equal(sums, p->of_kind, sizeof(sums));
}

static void assert_part(const struct picture *p, size_t i, enum picture_kind kind, uint64_t first, uint64_t n)
{
	assert_true(i < p->n_parts);
	assert_int_equal(p->parts[i].kind, kind);
	assert_int_equal(p->parts[i].first, first);
	assert_int_equal(p->parts[i].n, n);
}

static void parts_of_a_disc(void **unused)
{
	struct report_info info = disc_of(three, 3);
	struct picture p;

	(void)unused;
	info.kept_bytes = 50 * SECTOR_BYTES;
	assert_int_equal(picture_of(&info, &p), 0);
	assert_whole(&p);
	assert_int_equal(p.n_parts, 9);
	assert_part(&p, 0, PICTURE_SESSION, 0, 1000);
	assert_part(&p, 1, PICTURE_GAP, 1000, 11400);
	assert_part(&p, 2, PICTURE_BROKEN, 12400, 600);
	assert_part(&p, 3, PICTURE_GAP, 13000, 6900);
	assert_part(&p, 4, PICTURE_SESSION, 19900, 100);
	assert_part(&p, 5, PICTURE_GAP, 20000, 6850);
	assert_part(&p, 6, PICTURE_KEPT, 26850, 50);
	assert_part(&p, 7, PICTURE_STAGED, 26900, 500);
	assert_part(&p, 8, PICTURE_FREE, 27400, 12600);
	assert_ptr_equal(p.parts[4].session, &three[2]);
	picture_free(&p);
}

static void a_closed_disc_has_nothing_free(void **unused)
{
	struct report_info info = disc_of(three, 3);
	struct picture p;

	(void)unused;
	info.appendable = false;
	assert_int_equal(picture_of(&info, &p), 0);
	assert_whole(&p);
	assert_int_equal(p.of_kind[PICTURE_FREE] + p.of_kind[PICTURE_STAGED], 0);
	assert_part(&p, 5, PICTURE_GAP, 20000, 20000);
	picture_free(&p);
}

static void an_image_without_bound_ends_with_what_is_staged(void **unused)
{
	struct report_info info = disc_of(three, 3);
	struct picture p;

	(void)unused;
	info.unbounded = true;
	assert_int_equal(picture_of(&info, &p), 0);
	assert_whole(&p);
	assert_int_equal(p.sectors, 27400);
	assert_int_equal(p.of_kind[PICTURE_FREE], 0);
	picture_free(&p);
}

static void more_is_staged_than_there_is_room(void **unused)
{
	struct report_info info = disc_of(three, 3);
	struct picture p;

	(void)unused;
	info.staged_bytes = UINT64_MAX / 2;
	assert_int_equal(picture_of(&info, &p), 0);
	assert_whole(&p);
	assert_int_equal(p.sectors, 40000);
	assert_int_equal(p.of_kind[PICTURE_STAGED], 40000 - 26900);
	picture_free(&p);
}

/* Out of order, one in another, two at one place, of no length, beyond the end of the disc and of 32 bits. */
static void sessions_that_cannot_be(void **unused)
{
	static const struct disc_session odd[] = {
		{.number = 1, .start_lba = 500, .sectors = 100},
		{.number = 2, .start_lba = 0, .sectors = 90000},
		{.number = 3, .start_lba = 500, .sectors = 10},
		{.number = 4, .start_lba = 520, .sectors = 0},
		{.number = 5, .start_lba = UINT32_MAX, .sectors = UINT32_MAX},
	};
	struct report_info info = disc_of(odd, ARRAY_LENGTH(odd));
	struct picture p;

	(void)unused;
	assert_int_equal(picture_of(&info, &p), 0);
	assert_whole(&p);
	assert_part(&p, 0, PICTURE_SESSION, 0, 500);
	assert_part(&p, 1, PICTURE_SESSION, 500, 10);
	assert_int_equal(p.sectors, 2ull * UINT32_MAX);
	picture_free(&p);
}

static char *drawn(const struct report_info *info, const struct picture_style *style)
{
	struct picture p;
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	assert_non_null(f);
	assert_int_equal(picture_of(info, &p), 0);
	if (style)
		picture_print(&p, style, f);
	else
		picture_svg(&p, f);
	assert_int_equal(fclose(f), 0);
	picture_free(&p);
	return text;
}

static void the_bar(void **unused)
{
	struct report_info info = disc_of(three, 3);
	char *text = drawn(&info, &(struct picture_style){.columns = CELLS});

	(void)unused;
	assert_string_equal(text, "##----------------------xx-------------#-------------++.........................\n"
				  "1                       2              3\n"
				  "#= sessions 2.1 MiB   x failed burns 1.2 MiB   + staged 1000.0 KiB\n"
				  "- between sessions 49.2 MiB   . free 24.6 MiB\n"
				  "Session 3 takes 200.0 KiB, and shares 1.0 MiB with older ones\n");
	free(text);
}

/* However small, what is burned or waits is seen; no line is longer than the terminal. */
static void at_any_width(void **unused)
{
	struct report_info info = disc_of(three, 3);

	(void)unused;
	for (unsigned columns = 24; columns <= 400; columns++) {
		char *text = drawn(&info, &(struct picture_style){.columns = columns}), *line = text;

		assert_int_equal(strcspn(text, "\n"), columns);
		for (const char *c = "#x+"; *c; c++)
			assert_true((size_t)(strchr(text, *c) - text) < columns);
		for (unsigned n = 0; n < 3; n++, line += strcspn(line, "\n") + 1)
			assert_true(strcspn(line, "\n") <= columns);
		free(text);
	}
}

static void colour_only_when_asked_for(void **unused)
{
	struct report_info info = disc_of(three, 3);
	char *text = drawn(&info, &(struct picture_style){.columns = CELLS, .utf8 = true});

	(void)unused;
	assert_null(strchr(text, '\033'));
	assert_non_null(strstr(text, "█"));
	free(text);
	text = drawn(&info, &(struct picture_style){.columns = CELLS, .colour = true});
	assert_non_null(strstr(text, "\033[34m#\033[0m"));
	free(text);
}

static void two_hundred_sessions(void **unused)
{
	struct disc_session sessions[200];
	struct report_info info = disc_of(sessions, ARRAY_LENGTH(sessions));

	(void)unused;
	for (uint32_t i = 0; i < ARRAY_LENGTH(sessions); i++)
		sessions[i] = (struct disc_session){.number = i + 1, .start_lba = 100 * i, .sectors = 99};
	char *text = drawn(&info, &(struct picture_style){.columns = CELLS});
	assert_int_equal(strcspn(text, "\n"), CELLS);
	free(text);
	text = drawn(&info, NULL);
	assert_non_null(strstr(text, "and 140 older ones"));
	free(text);
}

static void nothing_to_draw(void **unused)
{
	struct report_info info = {.medium = "image file", .blank = true, .unbounded = true, .appendable = true};
	char *text = drawn(&info, &(struct picture_style){.columns = CELLS});

	(void)unused;
	assert_string_equal(text, "");
	free(text);
	text = drawn(&info, NULL);
	assert_non_null(strstr(text, "Disc without a label"));
	assert_null(strstr(text, "nan"));
	free(text);
}

/* U+FFFF may stand in UTF-8, and not in XML. */
static void what_xml_has_not_is_not_in_it(void **unused)
{
	const struct disc_session one = {.number = 1,
					 .sectors = 100,
					 .volume_id = "A\xef\xbf\xbf\xef\xbf\xbe\xef\xbf\xbdZ"};
	struct report_info info = disc_of(&one, 1);
	char *text = drawn(&info, NULL);

	(void)unused;
	assert_non_null(strstr(text, ">A??\xef\xbf\xbdZ</text>"));
	free(text);
}

static void a_label_is_no_markup(void **unused)
{
	struct report_info info = disc_of(three, 3);
	char *text = drawn(&info, NULL);

	(void)unused;
	assert_non_null(strstr(text, ">A&amp;B &lt;&quot;x&quot;&gt;</text>"));
	assert_non_null(strstr(text, "failed burn 2, date unknown"));
	assert_non_null(strstr(text, "shares 1.0 MiB"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_of_a_disc),
		cmocka_unit_test(a_closed_disc_has_nothing_free),
		cmocka_unit_test(an_image_without_bound_ends_with_what_is_staged),
		cmocka_unit_test(more_is_staged_than_there_is_room),
		cmocka_unit_test(sessions_that_cannot_be),
		cmocka_unit_test(the_bar),
		cmocka_unit_test(at_any_width),
		cmocka_unit_test(colour_only_when_asked_for),
		cmocka_unit_test(two_hundred_sessions),
		cmocka_unit_test(nothing_to_draw),
		cmocka_unit_test(what_xml_has_not_is_not_in_it),
		cmocka_unit_test(a_label_is_no_markup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
