/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a session takes of a disc besides its content, and how many more like it fit: by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "burner/base/own.h"
#include "fs/commit/forecast.h"

#define MIB (1u << 20)

static void forecasts(void **state)
{
	/* CD-R: 11,400 blocks behind the first session, 6,900 behind others, two of run-out, 318 of padding at most */
	static const struct disc_state cd = {.kind = MEDIUM_CD_R,
					     .capacity_sectors = 359844,
					     .after_session_sectors = 11400 + 2 + 318,
					     .tail_sectors = 318},
				       image = {.kind = MEDIUM_IMAGE,
						.capacity_sectors = 359844,
						.host_free_bytes = 1024ull * MIB},
				       full_disk = {.kind = MEDIUM_IMAGE,
						    .capacity_sectors = 359844,
						    .host_free_bytes = 10 * MIB},
				       unbounded = {.kind = MEDIUM_IMAGE, .host_free_bytes = 1024ull * MIB};
	static const struct disc_further further = {6900 + 2 + 318, 99}, few = {6900 + 2 + 318, 10},
					 none = {0, UINT32_MAX};
	const struct {
		const char *name;
		const struct disc_state *state;
		const struct disc_further *further;
		uint32_t start_lba;
		struct burn_cost cost;
		uint64_t overhead, more;
	} all[] = {
		{"blank CD-R", &cd, &further, 0, {.append_sectors = 1000, .data_sectors = 976}, 24 + 11720, 43},
		{"parity is no overhead",
		 &cd,
		 &further,
		 0,
		 {.append_sectors = 1000, .data_sectors = 900, .parity_sectors = 76},
		 24 + 11720,
		 43},
		{"so many tracks", &cd, &few, 0, {.append_sectors = 1000, .data_sectors = 976}, 24 + 11720, 9},
		{"one more, to the block",
		 &cd,
		 &further,
		 359844 - 1000 - 11720 - 1318,
		 {.append_sectors = 1000, .data_sectors = 976},
		 24 + 11720,
		 1},
		{"or not",
		 &cd,
		 &further,
		 359844 - 1000 - 11720 - 1317,
		 {.append_sectors = 1000, .data_sectors = 976},
		 24 + 11720,
		 0},
		{"the last one",
		 &cd,
		 &further,
		 359844 - 1000 - 318,
		 {.append_sectors = 1000, .data_sectors = 976},
		 24 + 11720,
		 0},
		{"what does not fit",
		 &cd,
		 &further,
		 359000,
		 {.append_sectors = 1000, .data_sectors = 976},
		 24 + 11720,
		 0},
		{"an image of a CD", &image, &none, 32, {.append_sectors = 1024, .data_sectors = 1000}, 24, 350},
		{"on a disk that is nearly full",
		 &full_disk,
		 &none,
		 32,
		 {.append_sectors = 1024, .data_sectors = 1000},
		 24,
		 4},
		{"an image that grows",
		 &unbounded,
		 &none,
		 32,
		 {.append_sectors = 1024, .data_sectors = 1000},
		 24,
		 SESSIONS_NO_BOUND},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(all); i++) {
		const struct forecast f = forecast_make(all[i].state, all[i].further, all[i].start_lba, &all[i].cost);

		print_message("%s\n", all[i].name);
		assert_int_equal(f.overhead_sectors, all[i].overhead);
		assert_int_equal(f.more_sessions, all[i].more);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forecasts),
	};

	return cmocka_run_group_tests_name("commit_forecast", tests, NULL, NULL);
}
