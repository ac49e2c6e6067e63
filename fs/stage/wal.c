/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A COMMIT that went to the log at once would let the kernel write rows before the bodies they name (a block copied
 * up holds bytes that were durable elsewhere), and one that met a full disk would roll the whole transaction back.
 * So the log is a file of our own: what SQLite appends is one contiguous run in memory until wal_flush().
 *
 * When SQLite starts the log from its beginning again (everything was checkpointed), the new header must be durable
 * before any new frame: otherwise the old header and what is left of the old frames would be taken for valid ones.
 */
#include "fs/stage/vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "burner/base/bytes.h"
#include "burner/base/io.h"

#define WAL_HEADER_BYTES 32u
#define WAL_KEEP_BYTES (4u << 20) /* memory kept for the next commit */

static struct wal *wal_of(sqlite3_file *file) { return ((struct wal_file *)(void *)file)->wal; }

static int file_close(sqlite3_file *file)
{
	struct wal *w = wal_of(file);

	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
	return SQLITE_OK;
}

/* Bytes of the file itself; short reads are filled with zeros, as SQLite wants it. */
static int read_file(const struct wal *w, uint8_t *buf, size_t length, uint64_t offset, size_t *ret_got)
{
	size_t got = 0;

	if (w->fd >= 0 && pread_full(w->fd, buf, length, offset, &got))
		return SQLITE_IOERR_READ;
	memset(buf + got, 0, length - got);
	*ret_got = got;
	return SQLITE_OK;
}

static int file_read(sqlite3_file *file, void *buf, int amount, sqlite3_int64 position)
{
	const struct wal *w = wal_of(file);
	uint64_t offset = (uint64_t)position, end = offset + (uint64_t)amount;
	uint64_t from = max_u64(offset, w->start), to = min_u64(end, w->start + w->length);
	size_t got = 0;
	int r = 0;

	if (!w->length || offset < w->start || end > w->start + w->length)
		r = read_file(w, buf, (size_t)amount, offset, &got);
	if (r)
		return r;
	if (w->length && from < to) {
		memcpy((uint8_t *)buf + (from - offset), w->held + (from - w->start), to - from);
		if (to - offset > got)
			got = to - offset;
	}
	return got < (size_t)amount ? SQLITE_IOERR_SHORT_READ : SQLITE_OK;
}

static int file_write(sqlite3_file *file, const void *buf, int amount, sqlite3_int64 position)
{
	struct wal *w = wal_of(file);
	uint64_t offset = (uint64_t)position, end;

	if (w->read_only)
		return SQLITE_READONLY;
	if (!w->length)
		w->start = offset;
	if (offset < w->start || offset > w->start + w->length)
		return SQLITE_IOERR_WRITE;
	end = offset - w->start + (uint64_t)amount;
	if (end > w->capacity) {
		size_t capacity = w->capacity ? w->capacity : 1u << 18;
		uint8_t *held;

		while (capacity < end)
			capacity *= 2;
		held = realloc(w->held, capacity);
		if (!held)
			return SQLITE_IOERR_NOMEM;
		w->held = held;
		w->capacity = capacity;
	}
	memcpy(w->held + (offset - w->start), buf, (size_t)amount);
	if (end > w->length)
		w->length = end;
	return SQLITE_OK;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	struct wal *w = wal_of(file);

	if (w->read_only)
		return SQLITE_READONLY;
	if (w->length)
		return SQLITE_OK; /* a matter of space only, and what is held needs the room */
	return ftruncate(w->fd, (off_t)size) ? SQLITE_IOERR_TRUNCATE : SQLITE_OK;
}

/* wal_flush() syncs, in the right order. */
static int file_sync(sqlite3_file *file, int flags)
{
	(void)file, (void)flags;
	return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret)
{
	const struct wal *w = wal_of(file);
	struct stat st = {.st_size = 0};

	if (w->fd >= 0 && fstat(w->fd, &st))
		return SQLITE_IOERR_FSTAT;
	*ret = (sqlite3_int64)max_u64((uint64_t)st.st_size, w->length ? w->start + w->length : 0);
	return SQLITE_OK;
}

static int file_lock(sqlite3_file *file, int level)
{
	(void)file, (void)level;
	return SQLITE_OK;
}

static int file_reserved(sqlite3_file *file, int *ret)
{
	(void)file;
	*ret = 0;
	return SQLITE_OK;
}

static int file_control(sqlite3_file *file, int op, void *argument)
{
	(void)file, (void)op, (void)argument;
	return SQLITE_NOTFOUND;
}

static int file_sector_size(sqlite3_file *file)
{
	(void)file;
	return 4096;
}

static int file_characteristics(sqlite3_file *file)
{
	(void)file;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods wal_methods = {
	.iVersion = 1,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_lock,
	.xCheckReservedLock = file_reserved,
	.xFileControl = file_control,
	.xSectorSize = file_sector_size,
	.xDeviceCharacteristics = file_characteristics,
};

/* Of the log that there is: somebody else's is none. */
static int check_log(struct wal *w)
{
	struct stat st;

	if (w->fd < 0 || (!fstat(w->fd, &st) && !vfs_why_not_ours(&st)))
		return SQLITE_OK;
	close(w->fd);
	w->fd = -1;
	errno = EACCES;
	return SQLITE_CANTOPEN;
}

int wal_open_file(struct wal *w, sqlite3_file *file, int flags, int *ret_flags)
{
	struct wal_file *f = (struct wal_file *)(void *)file;
	int how = (w->read_only ? O_RDONLY : O_RDWR) | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;

	w->fd = openat(w->dir_fd, JOURNAL_WAL_FILE, how);
	if (w->fd < 0 && errno == ENOENT && !w->read_only) {
		w->fd = openat(w->dir_fd, JOURNAL_WAL_FILE, how | O_CREAT | O_EXCL, 0600);
		w->created = true;
	}
	if (w->fd < 0 && !(w->read_only && errno == ENOENT))
		return SQLITE_CANTOPEN;
	if (check_log(w))
		return SQLITE_CANTOPEN;
	w->length = 0;
	f->wal = w;
	file->pMethods = &wal_methods;
	if (ret_flags)
		*ret_flags = (flags & ~(SQLITE_OPEN_READONLY | SQLITE_OPEN_READWRITE)) |
			     (w->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
	return SQLITE_OK;
}

int wal_init(struct wal *w, int dir_fd, int db_fd, bool read_only)
{
	*w = (struct wal){.dir_fd = dir_fd, .db_fd = db_fd, .fd = -1, .read_only = read_only};
	return vfs_register(w);
}

static int write_file(const struct wal *w, const uint8_t *buf, size_t length, uint64_t offset)
{
	int r = pwrite_full(w->fd, buf, length, offset, NULL);

	return r == -EFBIG ? -ENOSPC : quota_as_space(r);
}

int wal_flush(struct wal *w)
{
	size_t first = 0;
	int r;

	if (!w->length)
		return 0;
	if (w->start == 0 && w->length > WAL_HEADER_BYTES) {
		first = WAL_HEADER_BYTES;
		r = write_file(w, w->held, first, 0);
		if (r)
			return r;
		if (fdatasync(w->fd))
			return -EIO;
	}
	r = write_file(w, w->held + first, w->length - first, w->start + first);
	if (r)
		return r;
	if (fdatasync(w->fd))
		return -EIO;
	if (w->created && fsync(w->dir_fd))
		return -EIO;
	w->created = false;
	return 0;
}

void wal_settle(struct wal *w)
{
	w->length = 0;
	if (w->capacity > WAL_KEEP_BYTES) {
		free(w->held);
		w->held = NULL;
		w->capacity = 0;
	}
}

void wal_release(struct wal *w)
{
	vfs_unregister(w);
	free(w->held);
	*w = (struct wal){.fd = -1};
}
