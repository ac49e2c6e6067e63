/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ahead.c - directories that will be read soon
 *
 * Programs that walk a tree list the directories of one in any order (find: backwards), which no read-ahead of the
 * kernel guesses.
 */
#include <fcntl.h>

#include "fs/iso/internal.h"

#define DIRECTORY_SECTORS_MAX 16u /* of a longer one only the beginning: who reads it reads on */
#define GAP_SECTORS_MAX 16u	  /* read along */
#define CALL_SECTORS 64u	  /* the kernel takes what its read-ahead is of each call: 128 KiB */

static void ask(struct iso *iso, const struct iso_ahead *a)
{
	int fd = disc_file(iso->disc); /* also of one that is not read by it */

	for (uint32_t done = 0; fd >= 0 && done < a->n_sectors; done += CALL_SECTORS) {
		uint64_t pos = ((uint64_t)a->lba + done) * SECTOR_BYTES;

		posix_fadvise(fd, (off_t)pos, (off_t)min_u64(a->n_sectors - done, CALL_SECTORS) * SECTOR_BYTES,
			      POSIX_FADV_WILLNEED);
	}
}

/* Is b at most a gap behind a? */
static bool follows(uint64_t a_lba, uint64_t a_sectors, uint64_t b_lba)
{
	return b_lba >= a_lba && b_lba <= a_lba + a_sectors + GAP_SECTORS_MAX;
}

void iso_expect(struct iso *iso, struct iso_ahead *a, struct iso_extent dir)
{
	uint32_t lba = (uint32_t)(iso_position(iso, dir.lba) >> SECTOR_SHIFT);
	uint32_t n = (uint32_t)min_u64(sectors_of(dir.bytes), DIRECTORY_SECTORS_MAX);

	if (a->n_sectors && n && (follows(a->lba, a->n_sectors, lba) || follows(lba, n, a->lba))) {
		uint64_t end = max_u64((uint64_t)a->lba + a->n_sectors, (uint64_t)lba + n);

		a->lba = (uint32_t)min_u64(a->lba, lba);
		a->n_sectors = (uint32_t)(end - a->lba);
		return;
	}
	if (a->n_sectors)
		ask(iso, a);
	*a = (struct iso_ahead){lba, n};
}
