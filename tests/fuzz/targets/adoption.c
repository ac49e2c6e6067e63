/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * burner/format/adoption.c, burner/medium/adopted.c, disc_checked.c: adoption tables of two sessions, whose
 * ranges are anything
 *
 * Input: the floor (1 byte), number of ranges of the newer one (1 byte), then of both each range: first block (2
 * bytes), blocks (2 bytes).  Runs are apart and ascending, each of their blocks has a piece that it lies in; whatever
 * is read of the disc is what it has, or -EIO.
 */
#include "tests/fuzz/common/target.h"

#include "burner/base/own.h"
#include "cdappendfs/burn.h"
#include "tests/unit/adoption_disc.h"

static struct adoption_disc disc;

static size_t take(const uint8_t *data, size_t size, uint32_t n, struct adoption *ret)
{
	size_t at = 0;

	*ret = (struct adoption){.n_ranges = 0};
	while (ret->n_ranges < n && size - at >= 4 && ret->n_ranges < ADOPTION_RANGES_MAX) {
		ret->ranges[ret->n_ranges++] = (struct adoption_range){get_le16(data + at), get_le16(data + at + 2)};
		at += 4;
	}
	return at;
}

static void look(struct adopted *a, uint32_t floor)
{
	struct adopted_run run;
	uint8_t digest[PROOF_DIGEST_BYTES];
	uint32_t at = 0, lba, sectors;

	for (; adopted_next(a, at, &run); at = run.lba + run.sectors) {
		MUST(run.lba >= at && run.sectors && run.lba >= floor);
		for (uint32_t i = 0; i < run.sectors; i += sectors) {
			MUST(adopted_digest(a, run.lba + i, digest, &lba, &sectors) == 0);
			MUST(lba == run.lba + i && sectors && sectors <= 32 && sectors <= run.sectors - i);
		}
	}
}

/* Each block, and then some at once. */
static void read_checked(uint32_t step, uint32_t n)
{
	static uint8_t bytes[64 * SECTOR_BYTES];
	const struct disc_check_options options = {.borrowed = true};
	struct disc *checked = disc_wrap_checked(&disc.disc, &options);

	MUST(checked);
	for (uint32_t lba = 0; lba + n <= ADOPTION_DISC_SECTORS; lba += step) {
		int r = disc_read(checked, lba, bytes, n);

		MUST(r == -EIO || (r == 0 && memcmp(bytes, disc.bytes[lba], (size_t)n * SECTOR_BYTES) == 0));
	}
	disc_close(checked);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct adoption older, newer;
	struct commit_record r;
	struct adopted *a;
	size_t used;

	if (size < 2)
		return 0;
	adoption_disc_init(&disc);
	used = 2 + take(data + 2, size - 2, data[1], &newer);
	take(data + used, size - used, UINT32_MAX, &older);
	MUST(adopted_new(&disc.disc, data[0], &a) == 0);
	if (adoption_disc_put(&disc, 700, &newer, 2, &r)) {
		int result = adopted_add(a, &r);

		MUST(result == 0 || result == -EBADMSG);
	}
	if (adoption_disc_put(&disc, 400, &older, 1, &r)) {
		int result = adopted_add(a, &r);

		MUST(result == 0 || result == -EBADMSG);
	}
	look(a, data[0]);
	adopted_free(a);
	read_checked(1, 1);
	read_checked(17, 64);
	return 0;
}
