/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * image_unburn.c - what an unpublished session left of itself in an image file, taken away
 *
 * For a commit that failed after its target was gone, and for the recovery after a crash.  Nothing of a session that
 * the image's head knows of is ever touched.  Other media give nothing back: then there is nothing to do.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "burner/base/own.h"
#include "burner/format/geometry.h"
#include "burner/format/volume_descriptor.h"
#include "burner/medium/internal.h"

static int length_of(const struct image *image, uint64_t *ret)
{
	struct stat st;

	if (fstat(image->fd, &st) < 0)
		return -errno;
	*ret = (uint64_t)st.st_size;
	return 0;
}

int disc_image_bytes(struct disc *d, uint64_t *ret)
{
	const struct image *image = image_of(d);

	if (image)
		return length_of(image, ret);
	*ret = 0;
	return 0;
}

int disc_cut_image(struct disc *d, uint64_t image_bytes)
{
	struct image *image = image_of(d);
	struct disc_fingerprint f;
	uint64_t now = 0;
	int r = image ? length_of(image, &now) : 0;

	if (r || now <= image_bytes)
		return r;
	r = disc_fingerprint(d, &f);
	if (r)
		return r;
	if (image_bytes < f.image_bytes)
		return -EINVAL;
	if (ftruncate(image->fd, (off_t)image_bytes) < 0 || fsync(image->fd) < 0)
		return -errno;
	return disc_refresh(d);
}

int disc_clear_descriptor(struct disc *d, uint32_t start_lba)
{
	uint64_t pos = ((uint64_t)start_lba + SESSION_DESCRIPTORS) * SECTOR_BYTES, now = 0;
	struct image *image = image_of(d);
	uint8_t sector[SECTOR_BYTES];
	struct disc_fingerprint f;
	int r = image ? length_of(image, &now) : 0;

	if (r || pos + SECTOR_BYTES > now)
		return r;
	r = disc_fingerprint(d, &f);
	if (r || pos < f.image_bytes)
		return r;
	r = disc_read(d, start_lba + SESSION_DESCRIPTORS, sector, 1);
	if (r || !is_volume_descriptor(sector))
		return r;
	memset(sector, 0, sizeof(sector));
	if (pwrite(image->fd, sector, sizeof(sector), (off_t)pos) != (ssize_t)sizeof(sector) || fsync(image->fd) < 0)
		return -EIO;
	return disc_refresh(d);
}
