/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * iso_overlap.h - for tests: a disc whose directories overlap
 *
 * Each begins one sector behind the one before, and all end at the same place, so that together they have the square of
 * what there is.  By what its volume says there would be room for that.
 */
#ifndef TESTS_UNIT_ISO_OVERLAP_H
#define TESTS_UNIT_ISO_OVERLAP_H

#include "tests/unit/heap.h"
#include "tests/unit/iso_hand.h"

#define OVERLAPS 1000u
#define OVERLAP_NAMES 49u /* in each sector; in those of the root these lead to the directories */

static inline void overlap_begin(struct image *m)
{
	uint32_t root_bytes = (OVERLAPS / OVERLAP_NAMES + 2) * SECTOR_BYTES,
		 first = ROOT_LBA + root_bytes / SECTOR_BYTES;
	size_t bytes = (size_t)(first + OVERLAPS) * SECTOR_BYTES;
	int fd = memfd_create("overlap", MFD_CLOEXEC);
	uint8_t *d, *p;

	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	d = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(d != MAP_FAILED);
	p = d + 16 * SECTOR_BYTES;
	memcpy(p, "\1CD001\1", 7);
	put_both32(p + 80, UINT32_MAX);
	put_both16(p + 128, SECTOR_BYTES);
	record(p + 156, "\0", 1, ROOT_LBA, root_bytes, 2, NULL);
	memcpy(p + SECTOR_BYTES, "\377CD001\1", 7);
	add_dots(d + ROOT_LBA * SECTOR_BYTES, ROOT_LBA, root_bytes, NULL);
	for (uint32_t i = 0; i < OVERLAPS; i++) {
		uint8_t *root = d + (size_t)(ROOT_LBA + 1 + i / OVERLAP_NAMES) * SECTOR_BYTES,
			*dir = d + (size_t)(first + i) * SECTOR_BYTES;
		uint32_t length = (OVERLAPS - i) * SECTOR_BYTES;
		char id[8];

		snprintf(id, sizeof(id), "%07u", i);
		record(root + i % OVERLAP_NAMES * 40, id, 7, first + i, length, 2, NULL);
		dir += record(dir, "\0", 1, first + i, length, 2, NULL);
		for (uint32_t k = 0; k < OVERLAP_NAMES; k++) {
			snprintf(id, sizeof(id), "%07u", i * OVERLAP_NAMES + k);
			dir += record(dir, id, 7, 16, 1, 0, NULL);
		}
	}
	munmap(d, bytes);
	file_disc_init(&m->disc, fd);
	m->disc.sectors = UINT32_MAX; /* as its volume says */
	assert_int_equal(iso_open(&m->disc.disc, 16, &m->iso), 0);
}

#endif
