/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQLite opens files by their paths, and who may write to a directory above the stage could exchange them between our
 * look at it and that.  So it gets names only, and each is opened in the stage's directory, which is open.  There are
 * no locks: the file `lock` keeps other mounts out, and POSIX locks would not survive the daemon's fork anyway.
 */
#include "fs/stage/vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "burner/base/io.h"

struct plain {
	sqlite3_file base;
	struct wal *wal;
	int fd;
	bool owned;   /* to be closed */
	bool created; /* its name is not durable yet */
};

union any_file {
	struct plain plain;
	struct wal_file log;
};

static struct plain *plain_of(sqlite3_file *file) { return (struct plain *)(void *)file; }

const char *vfs_why_not_ours(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "it is not a regular file";
	if (st->st_uid != geteuid())
		return "it belongs to another user";
	if (st->st_mode & 022)
		return "others may write to it";
	/* 0: it was removed just now, by who has the lock. */
	return st->st_nlink > 1 ? "it has a second name somewhere" : NULL;
}

/* ---- a file ---- */

static int plain_close(sqlite3_file *file)
{
	struct plain *p = plain_of(file);

	if (p->owned)
		close(p->fd);
	p->fd = -1;
	return SQLITE_OK;
}

static int plain_read(sqlite3_file *file, void *buf, int amount, sqlite3_int64 position)
{
	size_t got = 0;

	if (pread_full(plain_of(file)->fd, buf, (size_t)amount, (uint64_t)position, &got))
		return SQLITE_IOERR_READ;
	memset((uint8_t *)buf + got, 0, (size_t)amount - got);
	return got < (size_t)amount ? SQLITE_IOERR_SHORT_READ : SQLITE_OK;
}

static int plain_write(sqlite3_file *file, const void *buf, int amount, sqlite3_int64 position)
{
	int r = quota_as_space(pwrite_full(plain_of(file)->fd, buf, (size_t)amount, (uint64_t)position, NULL));

	return !r ? SQLITE_OK : r == -ENOSPC || r == -EFBIG ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int plain_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	return ftruncate(plain_of(file)->fd, (off_t)size) ? SQLITE_IOERR_TRUNCATE : SQLITE_OK;
}

static int plain_sync(sqlite3_file *file, int flags)
{
	struct plain *p = plain_of(file);

	if (flags & SQLITE_SYNC_DATAONLY ? fdatasync(p->fd) : fsync(p->fd))
		return SQLITE_IOERR_FSYNC;
	if (p->created && fsync_directory(p->wal->dir_fd))
		return SQLITE_IOERR_DIR_FSYNC;
	p->created = false;
	return SQLITE_OK;
}

static int plain_size(sqlite3_file *file, sqlite3_int64 *ret)
{
	struct stat st;

	if (fstat(plain_of(file)->fd, &st))
		return SQLITE_IOERR_FSTAT;
	*ret = st.st_size;
	return SQLITE_OK;
}

static int plain_lock(sqlite3_file *file, int level)
{
	(void)file, (void)level;
	return SQLITE_OK;
}

static int plain_reserved(sqlite3_file *file, int *ret)
{
	(void)file;
	*ret = 0;
	return SQLITE_OK;
}

static int plain_control(sqlite3_file *file, int op, void *argument)
{
	(void)file, (void)op, (void)argument;
	return SQLITE_NOTFOUND;
}

static int plain_sector_size(sqlite3_file *file)
{
	(void)file;
	return 4096;
}

static int plain_characteristics(sqlite3_file *file)
{
	(void)file;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

/* Version 1: no shared memory, so the log works with an exclusive lock only, and nothing is mapped. */
static const sqlite3_io_methods plain_methods = {
	.iVersion = 1,
	.xClose = plain_close,
	.xRead = plain_read,
	.xWrite = plain_write,
	.xTruncate = plain_truncate,
	.xSync = plain_sync,
	.xFileSize = plain_size,
	.xLock = plain_lock,
	.xUnlock = plain_lock,
	.xCheckReservedLock = plain_reserved,
	.xFileControl = plain_control,
	.xSectorSize = plain_sector_size,
	.xDeviceCharacteristics = plain_characteristics,
};

/* ---- the directory ---- */

static struct wal *wal_of_vfs(sqlite3_vfs *vfs) { return (struct wal *)(void *)vfs; /* its first member */ }

/* One of the three files that there are. */
static bool is_known(const char *name)
{
	return name &&
	       (!strcmp(name, JOURNAL_FILE) || !strcmp(name, JOURNAL_WAL_FILE) || !strcmp(name, JOURNAL_ROLLBACK_FILE));
}

static int open_rollback(struct wal *w, int flags, struct plain *p)
{
	int how = (flags & SQLITE_OPEN_READONLY ? O_RDONLY : O_RDWR) | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
	struct stat st;

	p->fd = openat(w->dir_fd, JOURNAL_ROLLBACK_FILE, how);
	if (p->fd < 0 && errno == ENOENT && flags & SQLITE_OPEN_CREATE && !w->read_only) {
		p->fd = openat(w->dir_fd, JOURNAL_ROLLBACK_FILE, how | O_CREAT | O_EXCL, 0600);
		p->created = p->fd >= 0;
	}
	if (p->fd < 0)
		return SQLITE_CANTOPEN;
	if (!fstat(p->fd, &st) && !vfs_why_not_ours(&st))
		return SQLITE_OK;
	close(p->fd);
	errno = EACCES;
	return SQLITE_CANTOPEN;
}

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
	struct wal *w = wal_of_vfs(vfs);
	struct plain *p = plain_of(file);
	int r = SQLITE_OK;

	file->pMethods = NULL;
	if (!is_known(name)) {
		errno = EACCES;
		return SQLITE_CANTOPEN;
	}
	if (flags & SQLITE_OPEN_WAL)
		return wal_open_file(w, file, flags, ret_flags);
	*p = (struct plain){.wal = w, .fd = w->db_fd};
	if (!(flags & SQLITE_OPEN_MAIN_DB)) {
		r = open_rollback(w, flags, p);
		p->owned = r == SQLITE_OK;
	}
	if (r == SQLITE_OK)
		file->pMethods = &plain_methods;
	if (r == SQLITE_OK && ret_flags)
		*ret_flags = flags;
	return r;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_directory)
{
	struct wal *w = wal_of_vfs(vfs);

	if (!is_known(name))
		return SQLITE_IOERR_DELETE;
	if (unlinkat(w->dir_fd, name, 0))
		return errno == ENOENT ? SQLITE_IOERR_DELETE_NOENT : SQLITE_IOERR_DELETE;
	return sync_directory && fsync_directory(w->dir_fd) ? SQLITE_IOERR_DIR_FSYNC : SQLITE_OK;
}

/* An empty file is none: SQLite asks for those that have something to be played back. */
static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
	struct stat st;

	*ret = 0;
	if (!is_known(name))
		return SQLITE_OK;
	if (fstatat(wal_of_vfs(vfs)->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? SQLITE_OK : SQLITE_IOERR_ACCESS;
	*ret = flags != SQLITE_ACCESS_EXISTS || !S_ISREG(st.st_mode) || st.st_size > 0;
	return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int size, char *ret)
{
	(void)vfs;
	return snprintf(ret, (size_t)size, "%s", name) < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

int vfs_register(struct wal *w)
{
	sqlite3_vfs *system = sqlite3_vfs_find("unix-none"); /* its clock, its random numbers, its error numbers */

	if (!system)
		return -ENOSYS;
	w->vfs = *system;
	snprintf(w->name, sizeof(w->name), "cdappendfs-%p", (void *)w);
	w->vfs.zName = w->name;
	w->vfs.pNext = NULL;
	w->vfs.szOsFile = (int)sizeof(union any_file);
	w->vfs.xOpen = vfs_open;
	w->vfs.xDelete = vfs_delete;
	w->vfs.xAccess = vfs_access;
	w->vfs.xFullPathname = vfs_full_path;
	w->registered = sqlite3_vfs_register(&w->vfs, 0) == SQLITE_OK;
	return w->registered ? 0 : -ENOMEM;
}

void vfs_unregister(struct wal *w)
{
	if (w->registered)
		sqlite3_vfs_unregister(&w->vfs);
	w->registered = false;
}
