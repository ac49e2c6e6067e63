/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * image.h - images that inputs are laid over
 *
 * An input is: a byte that chooses the image (low two bits, enum image_base; 4: the disc does not know its size),
 * then patches: sector (2 bytes), offset in it (2), length (1), that many bytes.  So a few bytes say "this record
 * lies", and sectors keep their places.
 */
#ifndef TESTS_FUZZ_IMAGE_H
#define TESTS_FUZZ_IMAGE_H

#include "tests/fuzz/common/target.h"
#include "tests/fuzz/common/walk.h"

#define IMAGE_SECTORS 640u

enum image_base {
	/* every kind of record: Rock Ridge and Joliet, continuation areas, relocation, zisofs; put together by hand */
	IMAGE_HAND,
	IMAGE_JOLIET, /* the same without Rock Ridge */
	IMAGE_OURS,   /* two sessions of ours */
	IMAGE_EMPTY,  /* zeros */
};
#define IMAGE_NO_SIZE 4u

/* Places in the first two. */
#define IMAGE_ROOT_LBA 20u
#define IMAGE_SUB_LBA 24u
#define IMAGE_AREA_LBA 28u
#define IMAGE_FILE_LBA 32u
#define IMAGE_WIDE_LBA 50u /* a directory of 6 sectors */

struct disc_image {
	struct memory_disc disc;
	uint8_t *data;
	enum image_base base;
	uint32_t descriptor_lba; /* of the newest session */
	bool touched[IMAGE_SECTORS];
};
/* Takes all of the input.  One image at a time of each kind; image_release() makes it whole again. */
void image_make(struct disc_image *m, struct input *in);
/* Anywhere: places wrap around, what goes beyond the end is cut. */
void image_patch(struct disc_image *m, uint32_t lba, uint32_t offset, const void *bytes, size_t n);
void image_release(struct disc_image *m);

#endif
