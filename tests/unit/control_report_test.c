/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * control_report_test - a disc described, as JSON, read back, and as text; and the progress line
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "burner/format/bound.h"
#include "burner/base/bytes.h"
#include "burner/base/json.h"
#include "burner/base/size.h"
#include "fs/control/report.h"
#include "fs/cmd/command.h"

static const struct disc_session sessions[] = {
	{.number = 1,
	 .start_lba = 0,
	 .sectors = 1648,
	 .descriptor_lba = 16,
	 .files_in_pieces = PIECES_UNKNOWN,
	 .created = 1700000000,
	 .volume_id = "CDROM"},
	{.number = 2,
	 .start_lba = 1664,
	 .sectors = 64,
	 .descriptor_lba = 1680,
	 .files_in_pieces = PIECES_UNKNOWN,
	 .broken = true},
	{.number = 3,
	 .start_lba = 1728,
	 .sectors = 192,
	 .descriptor_lba = 1744,
	 .created = 1795438284,
	 .volume_id = "A \"b\" \x1b[31m\xff",
	 .ours = true,
	 .uuid = {0x01, 0x23, 0xab, [15] = 0xff},
	 .tells_shared = true,
	 .shared_bytes = 5 << 20,
	 .found_bytes = 1234,
	 .files_in_pieces = 3},
};
static const struct disc_state state = {.kind = MEDIUM_IMAGE,
					.name = "image file",
					.appendable = true,
					.overwritable = true,
					.used_sectors = 1920,
					.next_lba = 1920,
					.host_free_bytes = 1ull << 40};

static char *printed(void (*print)(FILE *out, const struct report_info *info), const struct report_info *info)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	print(f, info);
	assert_int_equal(fclose(f), 0);
	return text;
}
static void print_text(FILE *out, const struct report_info *info)
{
	report_info_text(out, info);
	report_sessions_text(out, info);
}
static void print_json(FILE *out, const struct report_info *info) { report_info_json(out, info, "info"); }

static void figures_of_an_image_without_bound(void **unused)
{
	struct report_info info;

	(void)unused;
	report_info_init(&info, &state, sessions, 3);
	assert_string_equal(info.medium, "image file");
	assert_int_equal(info.used_bytes, 1920 * 2048);
	assert_int_equal(info.capacity_bytes, 1920 * 2048 + (1ull << 40));
	assert_int_equal(info.free_bytes, (bound_session_room(1ull << 29) - BOUND_SESSION_SECTORS) * 2048ull);
	assert_int_equal(info.staged_bytes, 0);
	assert_null(info.why_not_appendable);
}

static void figures_of_a_bounded_medium(void **unused)
{
	struct disc_state s = state;
	struct report_info info;

	(void)unused;
	s.capacity_sectors = 10000;
	s.tail_sectors = 6900;
	report_info_init(&info, &s, sessions, 3);
	assert_int_equal(info.capacity_bytes, 10000 * 2048);
	assert_int_equal(info.free_bytes, (bound_session_room(10000 - 1920 - 6900) - BOUND_SESSION_SECTORS) * 2048);
	s.tail_sectors = 9000;
	report_info_init(&info, &s, sessions, 3);
	assert_int_equal(info.free_bytes, 0);
	s.next_lba = 20000;
	s.tail_sectors = 0;
	report_info_init(&info, &s, sessions, 3);
	assert_int_equal(info.free_bytes, 0);
	s = state;
	s.appendable = false;
	s.why_not = "closed";
	report_info_init(&info, &s, sessions, 3);
	assert_int_equal(info.free_bytes, 0);
	assert_string_equal(info.why_not_appendable, "closed");
}

static void where_linux_finds_a_session(void **unused)
{
	(void)unused;
	assert_int_equal(report_sbsector(&sessions[0], true), 0);
	assert_int_equal(report_sbsector(&sessions[2], true), 1720); /* its absolute descriptors are at S + 8 */
	assert_int_equal(report_sbsector(&sessions[2], false), 1728);
	struct disc_session saved = {.start_lba = 0, .descriptor_lba = 1760}; /* a foreign head, saved at S + 32 */
	assert_int_equal(report_sbsector(&saved, true), 1744);
	struct disc_session odd = {.descriptor_lba = 3};
	assert_int_equal(report_sbsector(&odd, true), 0);
}

static void json_survives_the_way_back(void **unused)
{
	struct report_parsed *p;
	struct report_info info;
	uint64_t n;

	(void)unused;
	report_info_init(&info, &state, sessions, 3);
	info.staged_bytes = 4711;
	info.free_bytes = 12345;
	info.disc = "/x/a \"disc\"\n.iso";
	info.mountpoint = "/mnt";
	char *line = printed(print_json, &info);
	assert_int_equal(strcspn(line, "\n") + 1, strlen(line));
	assert_null(strchr(line, '\x1b'));
	assert_int_equal(json_get_u64(line, "capacity_bytes", &n), 0);
	assert_int_equal(n, info.capacity_bytes);
	assert_non_null(strstr(line, "\"type\":\"info\""));
	assert_non_null(strstr(line, "\"created\":\"2023-11-14T22:13:20Z\""));
	assert_non_null(strstr(line, "\"created\":null"));
	assert_non_null(strstr(line, "\"sbsector\":1720"));
	assert_non_null(strstr(line, "\"uuid\":\"0123ab000000000000000000000000ff\""));

	/* Only the last one says so. */
	assert_string_equal(strstr(line, "\"shared_bytes\""),
			    "\"shared_bytes\":5242880,\"found_bytes\":1234,\"files_in_pieces\":3}]}\n");
	assert_int_equal(json_get_u64(line, "files_in_pieces", &n), 0);
	assert_int_equal(n, 3); /* of the newest */
	assert_null(strstr(line, "\"files_in_pieces\":null"));

	assert_int_equal(report_info_parse(line, &p), 0);
	const struct report_info *q = report_parsed_info(p);
	assert_string_equal(q->medium, "image file");
	assert_int_equal(q->staged_bytes, 4711);
	assert_int_equal(q->free_bytes, 12345);
	assert_true(q->appendable && q->overwritable && !q->blank);
	assert_null(q->why_not_appendable);
	assert_string_equal(q->disc, info.disc);
	assert_string_equal(q->mountpoint, "/mnt");
	assert_null(q->staging);
	assert_int_equal(q->n_sessions, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(q->sessions[i].number, sessions[i].number);
		assert_int_equal(q->sessions[i].created, sessions[i].created);
		assert_int_equal(q->sessions[i].descriptor_lba, sessions[i].descriptor_lba);
		assert_int_equal(q->sessions[i].broken, sessions[i].broken);
		assert_string_equal(q->sessions[i].volume_id, sessions[i].volume_id);
		assert_memory_equal(q->sessions[i].uuid, sessions[i].uuid, 16);
		assert_int_equal(q->sessions[i].tells_shared, sessions[i].tells_shared);
		assert_int_equal(q->sessions[i].shared_bytes, sessions[i].shared_bytes);
		assert_int_equal(q->sessions[i].found_bytes, sessions[i].found_bytes);
		assert_int_equal(q->sessions[i].files_in_pieces, sessions[i].files_in_pieces);
	}
	char *again = printed(print_json, q);
	assert_string_equal(line, again);
	free(again);
	free(line);
	report_parsed_free(p);
}

static void json_of_a_blank_disc(void **unused)
{
	const struct disc_state blank = {.name = "image file",
					 .blank = true,
					 .appendable = true,
					 .overwritable = true,
					 .next_lba = 32,
					 .capacity_sectors = 2048};
	struct report_parsed *p;
	struct report_info info;

	(void)unused;
	report_info_init(&info, &blank, NULL, 0);
	char *line = printed(print_json, &info);
	assert_non_null(strstr(line, "\"sessions\":[]"));
	assert_int_equal(report_info_parse(line, &p), 0);
	assert_true(report_parsed_info(p)->blank);
	assert_int_equal(report_parsed_info(p)->n_sessions, 0);
	report_parsed_free(p);
	free(line);
}

/* Whatever is cut off, it is refused and nothing is read beyond the end. */
static void cut_json_is_refused(void **unused)
{
	struct report_parsed *p;
	struct report_info info;

	(void)unused;
	report_info_init(&info, &state, sessions, 3);
	char *line = printed(print_json, &info);
	size_t whole = strlen(line) - 3; /* up to the bracket that closes the sessions */
	for (size_t n = 0; n < whole; n++) {
		char *cut = strndup(line, n);
		assert_int_not_equal(report_info_parse(cut, &p), 0);
		free(cut);
	}
	free(line);
}

static void text_for_people(void **unused)
{
	struct report_info info;

	(void)unused;
	report_info_init(&info, &state, sessions, 3);
	info.disc = "/discs/a.iso";
	char *text = printed(print_text, &info);
	assert_non_null(strstr(text, "Medium      image file\n"));
	assert_non_null(strstr(text, "Used        3.8 MiB\n"));
	assert_non_null(strstr(text, "Staged      nothing\n"));
	assert_non_null(strstr(text, "   3.2 MiB                          2023-11-14T22:13:20Z"));
	assert_non_null(strstr(text, "   384.0 KiB     5.0 MiB     1.2 KiB  "));
	assert_non_null(strstr(text, "A \"b\" ?[31m?"));
	assert_null(strchr(text, '\x1b'));
	assert_non_null(strstr(text, "mount -t iso9660 -o loop,ro,sbsector=0 /discs/a.iso DIRECTORY"));
	assert_null(strstr(text, "sbsector=1664")); /* broken */
	assert_null(strstr(text, "sbsector=1720")); /* the newest */
	free(text);
}

static void sizes(void **unused)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{0, "0 bytes"},		{1023, "1023 bytes"},	 {1024, "1.0 KiB"},	   {1048575, "1.0 MiB"},
		{12902400, "12.3 MiB"}, {5ull << 30, "5.0 GiB"}, {UINT64_MAX, "16.0 EiB"},
	};
	char text[SIZE_TEXT_BYTES];

	(void)unused;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
		assert_string_equal(size_text(cases[i].bytes, text), cases[i].text);
}

static void burning_figures(void **unused)
{
	struct burning b = {.phase = "burning", .done_bytes = 5u << 20, .all_bytes = 20u << 20}, back;
	char text[BURNING_TEXT], *object = NULL;
	size_t size;

	(void)unused;
	burning_measure(&b, 100); /* too early for a rate */
	assert_string_equal(burning_text(&b, text), "burning     25%  5.0 MiB of 20.0 MiB");
	burning_measure(&b, 2000);
	assert_string_equal(burning_text(&b, text), "burning     25%  5.0 MiB of 20.0 MiB  2.5 MiB/s  0:06 left");
	struct json j = {open_memstream(&object, &size), false};
	json_open(&j, NULL, '{');
	burning_json(&j, &b);
	json_close(&j, '}');
	fclose(j.out);
	assert_int_equal(burning_parse(object, &back), 0);
	assert_memory_equal(&back, &b, sizeof(b));
	free(object);
	b.done_bytes = 30u << 20;
	burning_measure(&b, 2000);
	assert_int_equal(b.bytes_per_second, 15u << 20);
	b = (struct burning){.phase = "burning", .done_bytes = 1u << 20, .all_bytes = 5000ull << 20};
	burning_measure(&b, 1000);
	assert_string_equal(burning_text(&b, text), "burning      0%  1.0 MiB of 4.9 GiB  1.0 MiB/s  1:23:19 left");
	assert_string_equal(burning_text(&(struct burning){.phase = "burning"}, text), "burning");
	assert_true(burning_idle(&(struct burning){.phase = "idle"}) && burning_idle(&(struct burning){.phase = ""}));
	assert_int_equal(burning_parse("{\"phase\":\"burning\"}", &back), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_of_an_image_without_bound),
		cmocka_unit_test(figures_of_a_bounded_medium),
		cmocka_unit_test(where_linux_finds_a_session),
		cmocka_unit_test(json_survives_the_way_back),
		cmocka_unit_test(json_of_a_blank_disc),
		cmocka_unit_test(cut_json_is_refused),
		cmocka_unit_test(text_for_people),
		cmocka_unit_test(sizes),
		cmocka_unit_test(burning_figures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
