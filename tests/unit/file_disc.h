/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * file_disc.h - for tests: a struct disc over a file descriptor, without sessions
 *
 * file_disc_init(&f, fd) borrows fd; f.disc is the disc.  Its size is the file's, rounded down to sectors. f.reads
 * counts the calls of disc_read; f.fail_lba is a sector that cannot be read (UINT32_MAX: none), f.fail_errno why.
 */
#ifndef TESTS_UNIT_FILE_DISC_H
#define TESTS_UNIT_FILE_DISC_H

#include <errno.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "burner/base/bytes.h"
#include "cdappendfs/disc.h"

struct file_disc {
	struct disc disc; /* first */
	int fd;
	uint64_t sectors;
	atomic_ulong reads;
	uint32_t fail_lba;
	int fail_errno;
};

static inline int file_disc_read(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors)
{
	struct file_disc *f = (struct file_disc *)d;
	size_t length = (size_t)n_sectors * SECTOR_BYTES, done = 0;

	atomic_fetch_add(&f->reads, 1);
	if (lba >= f->sectors || n_sectors > f->sectors - lba)
		return -EIO;
	if (f->fail_lba - lba < n_sectors)
		return -f->fail_errno;
	while (done < length) {
		ssize_t n =
			pread(f->fd, (char *)buf + done, length - done, (off_t)((uint64_t)lba * SECTOR_BYTES + done));
		if (n <= 0)
			return n && errno ? -errno : -EIO;
		done += (size_t)n;
	}
	return 0;
}

static inline int file_disc_state(struct disc *d, struct disc_state *ret)
{
	struct file_disc *f = (struct file_disc *)d;

	*ret = (struct disc_state){.kind = MEDIUM_IMAGE, .name = "image file", .used_sectors = f->sectors};
	return 0;
}

static inline int file_disc_sessions(struct disc *d, struct disc_session **ret, size_t *ret_n)
{
	(void)d;
	*ret = NULL;
	*ret_n = 0;
	return 0;
}

static inline int file_disc_identity(struct disc *d, struct disc_identity *ret)
{
	(void)d;
	*ret = (struct disc_identity){.id = {1}, .provisional = {1}};
	return 0;
}

static inline int file_disc_fingerprint(struct disc *d, struct disc_fingerprint *ret)
{
	*ret = (struct disc_fingerprint){.image_bytes = ((struct file_disc *)d)->sectors * SECTOR_BYTES};
	return 0;
}

static inline int file_disc_fd(struct disc *d) { return ((struct file_disc *)d)->fd; }

static inline void file_disc_close(struct disc *d) { (void)d; }

static inline void file_disc_init(struct file_disc *f, int fd)
{
	static const struct disc_ops ops = {
		.read = file_disc_read,
		.state = file_disc_state,
		.sessions = file_disc_sessions,
		.identity = file_disc_identity,
		.fingerprint = file_disc_fingerprint,
		.fd = file_disc_fd,
		.close = file_disc_close,
	};
	struct stat st;

	*f = (struct file_disc){.disc = {.ops = &ops}, .fd = fd, .fail_lba = UINT32_MAX, .fail_errno = EIO};
	if (!fstat(fd, &st))
		f->sectors = (uint64_t)st.st_size / SECTOR_BYTES;
}

#endif
