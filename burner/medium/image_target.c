/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * image_target.c - a session into an image file
 *
 * reserve allocates every block of the session and of the head without changing the length, so that neither the burn
 * nor its publication can run out of space; holes are given back when they come.  Nothing below the session's start
 * is touched but the head. Where the session begins and behind it the file has nothing but zeros, or remains of a burn
 * of ours that was killed (behind.c), unless the user has accepted that the rest is lost: up to SAVED_MAX of it is kept
 * in memory and put back by abort, what lies behind becomes zeros, so that a failed burn leaves the file as it was.  On
 * a blank image the session's primary descriptor is the first
 * sector to be written, and made durable before any other (what comes before it waits in memory): it is what tells a
 * first burn that was cut short (blank, to be repeated) from a file that is no disc. Before that the file gets its
 * length as far as there, durably, so that even a part of the descriptor is known for what it is (image.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "burner/medium/internal.h"
#include "burner/base/io.h"
#include "burner/base/own.h"

#define SAVED_MAX (1u << 20)
#define FLUSH_BYTES (16u << 20)	      /* start the disk early, so that sync has not everything still to do */
#define DIRECT_SESSION_MIN (4u << 20) /* smaller sessions are written by one sync */
#define DIRECT_BYTES_MIN (64u << 10)
#define HOLE_SECTORS_MIN 16u /* shorter runs of zeros are written: a hole saves nothing */

struct image_target {
	struct target target;
	struct image *image;
	uint32_t start_lba;
	uint64_t sectors;
	uint64_t old_bytes, bytes; /* length of the file before and now */
	uint8_t *saved;		   /* what was between the session's start and the old length */
	size_t n_saved;
	uint8_t *held;	  /* the first SYSTEM_AREA_SECTORS of a first burn */
	uint64_t flushed; /* up to here the kernel was told to start writing */
	bool direct;	  /* large pieces go past the page cache */
	bool reserved, published, begun;
};

static struct image_target *to_target(struct target *t)
{
	return (struct image_target *)(void *)t; /* its first member */
}

static int allocate(int fd, int mode, uint64_t pos, uint64_t length)
{
	int r;

	do
		r = fallocate(fd, mode, (off_t)pos, (off_t)length) < 0 ? -errno : 0;
	while (r == -EINTR);
	return r;
}

static bool unsupported(int error) { return error == -EOPNOTSUPP || error == -ENOSYS || error == -EINVAL; }

static int write_zeros(struct image_target *t, uint64_t pos, uint64_t length)
{
	static const uint8_t zeros[32 * SECTOR_BYTES];
	int fd = t->image->fd, r;
	size_t done;

	if (length >= HOLE_SECTORS_MIN * SECTOR_BYTES) {
		if (t->bytes < pos + length && ftruncate(fd, (off_t)(pos + length)) < 0)
			return -errno;
		r = allocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, pos, length);
		if (!unsupported(r))
			return r;
		/* What the file has just grown by reads as zeros. */
		length = t->bytes > pos ? min_u64(length, t->bytes - pos) : 0;
	}
	for (; length > 0; pos += done, length -= done) {
		r = pwrite_full(fd, zeros, (size_t)min_u64(length, sizeof(zeros)), pos, &done);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What was written where the file was longer is zeros again, as it was (behind.c). */
static int clear_rest(struct image_target *t)
{
	uint64_t from = (uint64_t)t->start_lba * SECTOR_BYTES + t->n_saved,
		 to = min_u64(t->old_bytes, (t->start_lba + t->sectors) * SECTOR_BYTES);

	return t->reserved && to > from ? write_zeros(t, from, to - from) : 0;
}

/* ftruncate to the same length frees what was allocated beyond it. */
static int give_back(struct image_target *t)
{
	int fd = t->image->fd;
	int r = ftruncate(fd, (off_t)t->old_bytes) < 0 ? -errno : 0;

	if (!r && t->n_saved)
		r = pwrite_full(fd, t->saved, t->n_saved, (uint64_t)t->start_lba * SECTOR_BYTES, NULL);
	if (!r)
		r = clear_rest(t);
	free(TAKE_PTR(t->saved));
	free(TAKE_PTR(t->held));
	t->n_saved = 0;
	t->reserved = false;
	return r;
}

static int save_overwritten(struct image_target *t)
{
	uint64_t start = (uint64_t)t->start_lba * SECTOR_BYTES;
	uint64_t n = t->old_bytes > start ? min_u64(t->old_bytes - start, SAVED_MAX) : 0;
	int r;

	if (!n)
		return 0;
	t->saved = malloc(n);
	if (!t->saved)
		return -ENOMEM;
	r = pread_full(t->image->fd, t->saved, n, start, NULL);
	if (!r)
		t->n_saved = n;
	return r;
}

/* Asked first: fallocate takes all there is before it finds out that it is not enough.  Where there is no fallocate
 * it must do. */
static int check_host_space(struct image_target *t)
{
	uint64_t start = (uint64_t)t->start_lba * SECTOR_BYTES,
		 wanted = (t->sectors + DESCRIPTORS_SECTORS) * SECTOR_BYTES, free_bytes;
	uint64_t overwritten = t->old_bytes > start ? t->old_bytes - start : 0;
	int r = image_host_free(t->image, &free_bytes);

	return r ? r : free_bytes + overwritten < wanted ? -ENOSPC : 0;
}

static int reserve_blocks(struct image_target *t)
{
	int fd = t->image->fd, r = check_host_space(t);

	if (!r)
		r = allocate(fd, FALLOC_FL_KEEP_SIZE, (uint64_t)t->start_lba * SECTOR_BYTES, t->sectors * SECTOR_BYTES);
	if (!r)
		r = allocate(fd, FALLOC_FL_KEEP_SIZE, DESCRIPTORS_LBA * SECTOR_BYTES,
			     DESCRIPTORS_SECTORS * SECTOR_BYTES);
	return unsupported(r) ? 0 : r;
}

static int image_reserve(struct target *target, uint32_t start_lba, uint64_t sectors)
{
	struct image_target *t = to_target(target);
	uint64_t end = start_lba + sectors, capacity = t->image->capacity_sectors;
	struct stat st;
	int r;

	if (t->reserved || sectors == 0 || start_lba < FIRST_SESSION_LBA || start_lba < t->image->list.end_sectors)
		return -EINVAL;
	if (sectors > UINT32_MAX || end > UINT32_MAX || (capacity && end > capacity))
		return -ENOSPC;
	if (fstat(t->image->fd, &st) < 0)
		return -errno;
	t->start_lba = start_lba;
	t->sectors = sectors;
	t->old_bytes = t->bytes = (uint64_t)st.st_size;
	t->flushed = start_lba * (uint64_t)SECTOR_BYTES;
	t->published = false;
	t->begun = !t->image->blank;
	t->direct = t->image->direct_fd >= 0 && sectors * SECTOR_BYTES >= DIRECT_SESSION_MIN;
	r = save_overwritten(t);
	if (!r && !t->begun && !(t->held = calloc(SYSTEM_AREA_SECTORS, SECTOR_BYTES)))
		r = -ENOMEM;
	if (!r)
		r = reserve_blocks(t);
	if (r < 0) {
		t->n_saved = 0; /* nothing was written */
		give_back(t);
		return r;
	}
	t->reserved = true;
	return 0;
}

/*
 * Past the page cache the disk has its work from the first piece on, nothing is copied, and what others have in the
 * cache stays there.  What does not fit its rules (a file system without, the end of a session) goes through it.
 */
static int write_data(struct image_target *t, const uint8_t *buf, size_t length, uint64_t pos, size_t *ret_done)
{
	size_t whole = t->direct && direct_fits(buf, pos) ? length - length % DIRECT_ALIGN : 0, part = 0;
	int r = 0;

	*ret_done = 0;
	if (whole >= DIRECT_BYTES_MIN)
		r = pwrite_full(t->image->direct_fd, buf, whole, pos, ret_done);
	if (unsupported(r)) {
		t->direct = false;
		r = 0;
	}
	if (!r && *ret_done < length) {
		r = pwrite_full(t->image->fd, buf + *ret_done, length - *ret_done, pos + *ret_done, &part);
		*ret_done += part;
	}
	return r;
}

static int write_some(struct image_target *t, uint32_t lba, const void *buf, uint32_t n_sectors, uint32_t *ret_accepted)
{
	uint64_t pos = (uint64_t)lba * SECTOR_BYTES, length = (uint64_t)n_sectors * SECTOR_BYTES;
	size_t done = 0;
	int r;

	if (buf)
		r = write_data(t, buf, (size_t)length, pos, &done);
	else
		r = write_zeros(t, pos, length);
	if (r == 0)
		done = (size_t)length;
	t->bytes = max_u64(t->bytes, pos + done);
	if (!t->direct && pos + done >= t->flushed + FLUSH_BYTES) {
		sync_file_range(t->image->fd, (off_t)t->flushed, (off_t)(pos + done - t->flushed),
				SYNC_FILE_RANGE_WRITE);
		t->flushed = pos + done;
	}
	*ret_accepted = (uint32_t)(done / SECTOR_BYTES);
	return r;
}

/* The beginning of a first burn: sectors are held until the primary descriptor comes, and follow it. */
static int write_beginning(struct image_target *t, uint32_t lba, const uint8_t *buf, uint32_t n_sectors,
			   uint32_t *ret_accepted)
{
	uint32_t at = lba - t->start_lba,
		 n = at < SYSTEM_AREA_SECTORS ? (uint32_t)min_u64(SYSTEM_AREA_SECTORS - at, n_sectors) : 0, accepted;
	int r;

	if (n && buf)
		memcpy(t->held + (size_t)at * SECTOR_BYTES, buf, (size_t)n * SECTOR_BYTES);
	*ret_accepted = n;
	if (n == n_sectors)
		return 0;
	if (t->old_bytes == 0 && ftruncate(t->image->fd, FIRST_BURN_SECTORS * SECTOR_BYTES) < 0)
		return -errno;
	r = t->target.ops->sync(&t->target);
	if (!r)
		r = write_some(t, lba + n, buf ? buf + (size_t)n * SECTOR_BYTES : NULL, 1, &accepted);
	if (!r)
		r = t->target.ops->sync(&t->target);
	if (!r)
		r = write_some(t, t->start_lba, t->held, SYSTEM_AREA_SECTORS, &accepted);
	t->begun = r == 0;
	return r;
}

static int image_write(struct target *target, uint32_t lba, const void *buf, uint32_t n_sectors, uint32_t *ret_accepted)
{
	struct image_target *t = to_target(target);
	uint32_t held = 0;
	int r;

	*ret_accepted = 0;
	if (!t->reserved || lba < t->start_lba || lba + (uint64_t)n_sectors > t->start_lba + t->sectors)
		return -EINVAL;
	if (!t->begun) {
		r = write_beginning(t, lba, buf, n_sectors, &held);
		*ret_accepted = held;
		if (r || held == n_sectors)
			return r;
	}
	r = write_some(t, lba + held, buf ? (const uint8_t *)buf + (size_t)held * SECTOR_BYTES : NULL, n_sectors - held,
		       ret_accepted);
	*ret_accepted += held;
	return r;
}

static int image_sync(struct target *target)
{
	struct image_target *t = to_target(target);

	return fdatasync(t->image->fd) < 0 ? -errno : 0;
}

static int image_publish_sector(struct target *target, uint32_t lba, const uint8_t sector[SECTOR_BYTES])
{
	struct image_target *t = to_target(target);

	if (lba < DESCRIPTORS_LBA || lba >= FIRST_SESSION_LBA)
		return -EINVAL;
	t->published = true;
	return pwrite_full(t->image->fd, sector, SECTOR_BYTES, (uint64_t)lba * SECTOR_BYTES, NULL);
}

static int image_abort(struct target *target)
{
	struct image_target *t = to_target(target);

	return t->reserved && !t->published ? give_back(t) : 0;
}

static void image_target_free(struct target *target)
{
	struct image_target *t = to_target(target);

	free(t->saved);
	free(t->held);
	free(t);
}

static const struct target_ops image_target_ops = {
	.reserve = image_reserve,
	.write = image_write,
	.sync = image_sync,
	.publish_sector = image_publish_sector,
	.abort = image_abort,
	.free = image_target_free,
};

int image_target_new(struct image *image, struct target **ret)
{
	struct image_target *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->target.ops = &image_target_ops;
	t->image = image;
	*ret = &t->target;
	return 0;
}
