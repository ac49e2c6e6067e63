/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fs/check/sums.c: a file that cannot be read when its MD5 sum is looked at is unreadable, and told as that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "fs/check/check.h"

#define FILE_SECTORS 40u

/* Once all was read, blocks from `lost` on cannot be any more. */
struct failing_disc {
	struct disc disc;
	struct disc_ops ops;
	uint32_t lost, n_lost;
	bool failing;
};

static int failing_read(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors)
{
	const struct failing_disc *f = (const struct failing_disc *)(void *)d;

	if (f->failing && lba < f->lost + f->n_lost && f->lost < lba + n_sectors)
		return -EIO;
	return disc_read(d->inner, lba, buf, n_sectors);
}

static int inner_state(struct disc *d, struct disc_state *ret) { return disc_state(d->inner, ret); }

static int inner_sessions(struct disc *d, struct disc_session **ret, size_t *ret_n)
{
	return disc_sessions(d->inner, ret, ret_n);
}

static void on_progress(void *context, uint64_t done_sectors, uint64_t all_sectors)
{
	((struct failing_disc *)context)->failing |= done_sectors == all_sectors;
}

/* Of the file whose bytes are all that letter. */
static uint32_t find_file(struct disc *d, char letter)
{
	uint8_t sector[SECTOR_BYTES];
	uint32_t lba = 0;

	while (disc_read(d, lba, sector, 1) == 0 && (sector[0] != letter || sector[SECTOR_BYTES - 1] != letter))
		lba++;
	assert_int_equal(sector[0], letter);
	return lba;
}

static void write_file(const char *directory, char letter, const char *name)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	f = fopen(path, "w");
	assert_non_null(f);
	for (uint32_t i = 0; i < FILE_SECTORS * SECTOR_BYTES; i++)
		fputc(letter, f);
	assert_int_equal(fclose(f), 0);
}

static void test_lost_meanwhile(void **state)
{
	char directory[] = "/tmp/cdappendfs-test.XXXXXX", command[512], path[128];
	const struct disc_open_options how = {.unbounded = false};
	struct failing_disc f = {.n_lost = 2};
	_cleanup_(disc_closep) struct disc *disc = NULL;
	struct check_options options = {.progress = {.report = on_progress, .context = &f}};
	struct check_report report;
	uint64_t n_unreadable = 0, n_altered = 0;
	FILE *image;

	(void)state;
	assert_non_null(mkdtemp(directory));
	write_file(directory, 'x', "lost");
	write_file(directory, 'y', "altered");
	snprintf(path, sizeof(path), "%s/disc.iso", directory);
	snprintf(command, sizeof(command),
		 "xorriso -md5 on -outdev %s -map %s/lost /lost -map %s/altered /altered >/dev/null 2>&1", path,
		 directory, directory);
	assert_int_equal(system(command), 0);
	assert_int_equal(disc_open_path(path, &how, &disc, NULL), 0);
	f.lost = find_file(disc, 'x') + 3;
	image = fopen(path, "r+");
	assert_non_null(image);
	assert_int_equal(fseek(image, (long)find_file(disc, 'y') * (long)SECTOR_BYTES, SEEK_SET), 0);
	assert_int_equal(fputc('z', image), 'z');
	assert_int_equal(fclose(image), 0);
	f.ops = (struct disc_ops){.read = failing_read, .state = inner_state, .sessions = inner_sessions};
	f.disc = (struct disc){.ops = &f.ops, .inner = disc};
	assert_int_equal(check_run(&f.disc, &options, &report), 0);
	assert_true(f.failing);
	assert_false(report.sound);
	assert_int_equal(report.unreadable_sectors, 2);
	for (size_t i = 0; i < report.n_damage; i++) {
		const struct check_damage *d = &report.damage[i];

		n_unreadable += d->is_path && !strcmp(d->what, "/lost") && d->problem == CHECK_UNREADABLE &&
				d->bytes == 2 * SECTOR_BYTES && d->offset == 3 * SECTOR_BYTES;
		n_altered += d->is_path && !strcmp(d->what, "/altered") && d->problem == CHECK_ALTERED;
	}
	assert_int_equal(n_unreadable, 1);
	assert_int_equal(n_altered, 1);
	check_report_release(&report);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_lost_meanwhile)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
