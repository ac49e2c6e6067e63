/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * container_files.c - a cue, nrg or toc file, and the data files that it names
 *
 * A sheet of somebody else is read by whoever mounts it, root perhaps, and what it names is shown to those who may use
 * the mount.  So it names what is its owner's, in its own directory, and is no link to something else.  All is opened
 * through the directory, once, without a wait for whoever is at the other end of a FIFO: what has a name is looked at
 * by O_PATH, and only a regular file is opened.
 *
 * When there is no such file, one whose name differs in case only is taken, if there is just one: sheets come from
 * systems that do not tell these apart.  Of a name with backslashes, a path of another system, the last part counts.
 */
#include "burner/medium/container.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "burner/base/io.h"
#include "burner/base/own.h"

#define FILES_MAX 100u

__attribute__((format(printf, 3, 4))) static int refuse(struct container_place *p, int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(p->why, sizeof(p->why), format, arguments);
	va_end(arguments);
	return error;
}

/* ---- opening ---- */

static int open_regular(int directory, const char *name, int *ret_fd, struct stat *ret_st)
{
	_close_ int looked = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char path[FD_PATH_BYTES];
	int fd;

	if (looked < 0 || fstat(looked, ret_st) < 0)
		return -errno;
	if (S_ISLNK(ret_st->st_mode))
		return -ELOOP;
	if (S_ISDIR(ret_st->st_mode))
		return -EISDIR;
	if (!S_ISREG(ret_st->st_mode))
		return -ENODEV;
	fd_path(looked, path);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int container_place_open(const char *path, struct container_place *ret)
{
	char *slash;
	int r;

	*ret = (struct container_place){.directory_fd = -1, .fd = -1};
	ret->path = realpath(path, NULL);
	if (!ret->path)
		return -errno;
	slash = strrchr(ret->path, '/');
	*slash = 0;
	ret->directory_fd = open(slash == ret->path ? "/" : ret->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	*slash = '/';
	if (ret->directory_fd < 0)
		return -errno;
	r = open_regular(ret->directory_fd, slash + 1, &ret->fd, &ret->st);
	if (r == -EISDIR)
		return refuse(ret, r, "a directory, not a disc");
	if (r == -ENODEV)
		return refuse(ret, r, "no regular file, as a cue, nrg or toc file is one");
	if (r == -ELOOP)
		return refuse(ret, r, "it has become a symbolic link since it was looked at");
	return r;
}

void container_place_release(struct container_place *p)
{
	close_fd(&p->fd);
	close_fd(&p->directory_fd);
	free(TAKE_PTR(p->path));
}

/* ---- which file a name means ---- */

/* The name beside the sheet, as it is written there; "": it is elsewhere. */
static const char *plain(const struct container_place *p, const char *name)
{
	size_t n = (size_t)(strrchr(p->path, '/') - p->path);
	const char *slash;

	while (strncmp(name, "./", 2) == 0)
		name += 1 + strspn(name + 1, "/");
	slash = strrchr(name, '/');
	if (!slash)
		return name;
	return (size_t)(slash - name) == n && strncmp(name, p->path, n) == 0 ? slash + 1 : "";
}

/* The only name that differs from the wanted one in case at most. */
static int like(const struct container_place *p, const char *wanted, char **ret)
{
	_close_directory_ DIR *d = directory_open(p->directory_fd, ".");
	_free_ char *found = NULL;

	if (!d)
		return -errno;
	for (const struct dirent *e; errno = 0, (e = readdir(d));) {
		if (strcasecmp(e->d_name, wanted) != 0)
			continue;
		if (found)
			return -ENOENT;
		found = strdup(e->d_name);
		if (!found)
			return -ENOMEM;
	}
	if (errno)
		return -errno;
	if (!found)
		return -ENOENT;
	*ret = TAKE_PTR(found);
	return 0;
}

static int find_plain(const struct container_place *p, const char *name, char **ret)
{
	struct stat st;

	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EXDEV;
	if (fstatat(p->directory_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? like(p, name, ret) : -errno;
	*ret = strdup(name);
	return *ret ? 0 : -ENOMEM;
}

static int find(const struct container_place *p, const char *name, char **ret)
{
	const char *backslash = strrchr(name, '\\');
	int r = find_plain(p, plain(p, name), ret);

	if ((r == -ENOENT || r == -EXDEV) && backslash)
		r = find_plain(p, plain(p, backslash + 1), ret);
	return r;
}

/* ---- data files ---- */

static int refuse_data(struct container_place *p, const char *name, int error)
{
	const char *what = strerror(-error);

	if (error == -EXDEV)
		return refuse(
			p, -EACCES,
			"the data file that it names, \"%s\", is not looked for, since only files in the directory "
			"of a sheet are read: put it there, and name it without a directory",
			name);
	if (error == -EACCES)
		what = "is not there by that name, and the directory may not be listed for one in other letters";
	else if (error == -ELOOP)
		what = "is a symbolic link, which is not followed: put the file itself beside the sheet";
	else if (error == -ENOENT)
		what = "is missing";
	else if (error == -EPERM)
		what = "belongs to another user than the sheet, and is not read: give both to one (chown)";
	else if (error == -EISDIR || error == -ENODEV)
		what = "is no regular file";
	return refuse(p, error == -ENOENT || error == -ENOMEM ? error : -EACCES,
		      "the data file that it names, \"%s\", %s", name, what);
}

static int add(struct container_files *files, struct container_file *file, size_t *ret_index)
{
	struct container_file *more;

	for (size_t i = 0; i < files->n; i++) {
		if (files->files[i].st.st_ino == file->st.st_ino && files->files[i].st.st_dev == file->st.st_dev) {
			close_fd(&file->fd);
			*ret_index = i;
			return 0;
		}
	}
	more = files->n < FILES_MAX ? reallocarray(files->files, files->n + 1, sizeof(*more)) : NULL;
	if (!more) {
		close_fd(&file->fd);
		return files->n < FILES_MAX ? -ENOMEM : -EBADMSG;
	}
	files->files = more;
	more[files->n] = *file;
	*ret_index = files->n++;
	return 0;
}

int container_add_beside(struct container_place *p, const char *name, struct container_files *files, size_t *ret_index)
{
	struct container_file file = {.fd = -1};
	_free_ char *found = NULL;
	int r = find(p, name, &found);

	if (r < 0)
		return refuse_data(p, name, r);
	r = open_regular(p->directory_fd, found, &file.fd, &file.st);
	if (r == -EACCES)
		return refuse(p, r, "the data file that it names, \"%s\", may not be read by this user", name);
	if (r == 0 && file.st.st_uid != p->st.st_uid) {
		close_fd(&file.fd);
		r = -EPERM;
	}
	if (r < 0)
		return refuse_data(p, name, r);
	r = add(files, &file, ret_index);
	return r == -EBADMSG ? refuse(p, r, "it names more than %u data files", FILES_MAX) : r;
}

int container_files_check(const struct container_files *files)
{
	struct stat st;

	for (size_t i = 0; i < files->n; i++)
		if (fstat(files->files[i].fd, &st) < 0 || st.st_size < files->files[i].st.st_size)
			return -EIO;
	return 0;
}

void container_files_release(struct container_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		close_fd(&files->files[i].fd);
	free(files->files);
	*files = (struct container_files){0};
}

/* ---- copies ---- */

int container_copy(const void *bytes, size_t n, uint64_t pos, int *ret_fd)
{
	_close_ int fd = memfd_create("cdappendfs", MFD_CLOEXEC);
	int r = fd < 0 ? -errno : pwrite_full(fd, bytes, n, pos, NULL);

	if (r == 0)
		*ret_fd = TAKE_FD(fd);
	return r;
}
