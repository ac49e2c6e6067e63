/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * io.h - reading and writing a place in a file as a whole: not interrupted, not cut short; directories, descriptors
 *
 * The arguments are those of pread(2) and pwrite(2).  Every call returns 0 or -errno; -EINTR is never returned.
 */
#ifndef BURNER_BASE_IO_H
#define BURNER_BASE_IO_H

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads until the buffer is full or the file ends.  *ret_done: the bytes that are in it, also after an error; what
 * follows them is as it was.  ret_done NULL: the file must have them all, or it is -EIO.
 */
int pread_full(int fd, void *buf, size_t length, uint64_t pos, size_t *ret_done);
/* All of it, or an error; *ret_done (NULL: not asked for): the bytes written, also after an error. */
int pwrite_full(int fd, const void *buf, size_t length, uint64_t pos, size_t *ret_done);

/* Where large files that are gone with the process belong: TMPDIR, or /var/tmp. */
const char *large_files_directory(void);
/* A file without a name in that directory, for reading and writing; the descriptor, or -errno. */
int unnamed_file_open(const char *directory);

/* That directory, for its names; relative to at. NULL with errno. */
DIR *directory_open(int at, const char *path);

/* A file system that cannot sync a directory, or is not written to, is no error. */
int fsync_directory(int fd);
/* What was made is durable only with the directory it is in.  -ENOMEM; a directory that may not be read is no error. */
int fsync_parent(const char *path);

/* What is open, as a path: the very file, whatever has become of its name. */
#define FD_PATH_BYTES 32u
void fd_path(int fd, char ret[FD_PATH_BYTES]);

/* To whoever writes, a quota that is used up is a disk that is full. */
int quota_as_space(int r);

#endif
