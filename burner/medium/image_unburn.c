/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * image_unburn.c - what an unpublished session left of itself in an image file, taken away
 *
 * For a commit that failed after its target was gone, and for the recovery after a crash.  Nothing of a session that
 * the image's head knows of is ever touched.  Other media give nothing back: then there is nothing to do.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "burner/base/io.h"
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

static int write_zeros(int fd, uint64_t pos, uint64_t length)
{
	static const uint8_t zeros[32 * SECTOR_BYTES];
	int r = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)pos, (off_t)length) < 0 ? -errno : 0;

	if (r != -EOPNOTSUPP && r != -ENOSYS)
		return r;
	for (r = 0; r == 0 && length > 0;) {
		size_t n = (size_t)min_u64(length, sizeof(zeros));

		r = pwrite_full(fd, zeros, n, pos, NULL);
		pos += n;
		length -= n;
	}
	return r;
}

int disc_clear_session(struct disc *d, uint32_t start_lba, uint64_t sectors)
{
	uint64_t pos = (uint64_t)start_lba * SECTOR_BYTES, now = 0, end;
	struct image *image = image_of(d);
	struct disc_fingerprint f;
	int r = image ? length_of(image, &now) : 0;

	if (r || pos >= now || sectors == 0)
		return r;
	end = min_u64((start_lba + min_u64(sectors, UINT32_MAX)) * SECTOR_BYTES, now);
	r = disc_fingerprint(d, &f);
	if (r || pos < f.image_bytes)
		return r;
	r = write_zeros(image->fd, pos, end - pos);
	if (!r && fsync(image->fd) < 0)
		r = -errno;
	return r ? r : disc_refresh(d);
}
