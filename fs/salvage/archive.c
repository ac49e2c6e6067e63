/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where an export goes, by libarchive: into a directory, or as a tar on standard output.  The tar is ustar, with pax
 * headers where ustar is too small (long names, large files, parts of seconds).
 */
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <linux/posix_acl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "burner/base/bytes.h"
#include "burner/base/xattrs.h"
#include "burner/format/acl.h"
#include "fs/salvage/internal.h"

struct archive_out {
	struct archive *archive;
	char *directory; /* real path; NULL: a tar */
};

static int failed(const struct archive_out *a, char **ret_why)
{
	int error = archive_errno(a->archive);

	return why_set(ret_why, error > 0 && error < 4096 ? -error : -EIO, "%s",
		       archive_error_string(a->archive) ? archive_error_string(a->archive) : "writing failed");
}

/* Made, or there and empty: nothing of anybody's is written over. */
static int prepare_directory(const char *path, char **ret, char **ret_why)
{
	struct dirent *e;
	DIR *list;
	bool empty = true;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return why_set(ret_why, -errno, "%s: %s", path, strerror(errno));
	list = opendir(path);
	if (!list)
		return why_set(ret_why, -errno, "%s: %s", path, strerror(errno));
	while (empty && (e = readdir(list)))
		empty = !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..");
	closedir(list);
	if (!empty)
		return why_set(ret_why, -ENOTEMPTY, "%s: the directory is not empty; name a new one", path);
	*ret = realpath(path, NULL);
	return *ret ? 0 : -errno;
}

static int open_tar(struct archive_out *a, char **ret_why)
{
	a->archive = archive_write_new();
	if (!a->archive)
		return -ENOMEM;
	if (archive_write_set_format_pax_restricted(a->archive) != ARCHIVE_OK ||
	    archive_write_add_filter_none(a->archive) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(a->archive, 1) != ARCHIVE_OK ||
	    archive_write_open_fd(a->archive, STDOUT_FILENO) != ARCHIVE_OK)
		return failed(a, ret_why);
	return 0;
}

static int open_disk(struct archive_out *a, char **ret_why)
{
	int flags = ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_NO_OVERWRITE |
		    ARCHIVE_EXTRACT_SPARSE | ARCHIVE_EXTRACT_XATTR | ARCHIVE_EXTRACT_ACL |
		    ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_SECURE_NODOTDOT;

	a->archive = archive_write_disk_new();
	if (!a->archive)
		return -ENOMEM;
	if (geteuid() == 0)
		flags |= ARCHIVE_EXTRACT_OWNER;
	return archive_write_disk_set_options(a->archive, flags) == ARCHIVE_OK ? 0 : failed(a, ret_why);
}

int archive_out_open(const char *directory, struct archive_out **ret, char **ret_why)
{
	_cleanup_(archive_out_freep) struct archive_out *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return -ENOMEM;
	/* Names are bytes; pax wants to know them as UTF-8, and says it where they are not. */
	setlocale(LC_CTYPE, "C.UTF-8");
	r = directory ? prepare_directory(directory, &a->directory, ret_why) : 0;
	if (r == 0)
		r = directory ? open_disk(a, ret_why) : open_tar(a, ret_why);
	if (r == 0)
		*ret = TAKE_PTR(a);
	return r;
}

static void add_holes(struct archive_entry *to, const struct stage_node *row)
{
	uint64_t holes = 0;

	for (uint32_t i = 0; i < row->n_extents; i++)
		holes += row->extents[i].kind == EXTENT_HOLE ? row->extents[i].length : 0;
	/* Small ones are not worth a format that not every tar knows. */
	if (holes < 1u << 20)
		return;
	for (uint32_t i = 0; i < row->n_extents; i++)
		if (row->extents[i].kind != EXTENT_HOLE)
			archive_entry_sparse_add_entry(to, (int64_t)row->extents[i].offset,
						       (int64_t)row->extents[i].length);
}

static void add_acl(struct archive_entry *to, const struct xattr *x, int type)
{
	static const struct {
		int tag, of_archive;
	} tags[] = {
		{ACL_USER_OBJ, ARCHIVE_ENTRY_ACL_USER_OBJ},   {ACL_USER, ARCHIVE_ENTRY_ACL_USER},
		{ACL_GROUP_OBJ, ARCHIVE_ENTRY_ACL_GROUP_OBJ}, {ACL_GROUP, ARCHIVE_ENTRY_ACL_GROUP},
		{ACL_MASK, ARCHIVE_ENTRY_ACL_MASK},	      {ACL_OTHER, ARCHIVE_ENTRY_ACL_OTHER},
	};

	for (size_t at = ACL_HEADER_BYTES; at + ACL_ENTRY_BYTES <= x->value_bytes; at += ACL_ENTRY_BYTES)
		for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
			if (get_le16(x->value + at) == tags[i].tag)
				archive_entry_acl_add_entry(to, type, get_le16(x->value + at + 2) & 7,
							    tags[i].of_archive, (int)get_le32(x->value + at + 4), NULL);
}

/* A list is no attribute to libarchive. */
static void add_xattrs(struct archive_entry *to, const struct out_entry *e)
{
	char name[XATTRS_NAME_MAX + 1];
	struct xattr x;

	for (size_t at = 0; xattrs_next(e->xattrs, e->xattrs_bytes, &at, &x);) {
		if (xattrs_is_hidden(x.name, x.name_bytes))
			continue;
		memcpy(name, x.name, x.name_bytes);
		name[x.name_bytes] = '\0';
		if (!strcmp(name, ACL_ACCESS_NAME))
			add_acl(to, &x, ARCHIVE_ENTRY_ACL_TYPE_ACCESS);
		else if (!strcmp(name, ACL_DEFAULT_NAME))
			add_acl(to, &x, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT);
		else
			archive_entry_xattr_add_entry(to, name, x.value, x.value_bytes);
	}
}

static void describe(const struct archive_out *a, const struct out_entry *e, struct archive_entry *to)
{
	const struct stage_node *n = e->row;

	archive_entry_set_mode(to, n->mode);
	archive_entry_set_uid(to, n->uid);
	archive_entry_set_gid(to, n->gid);
	archive_entry_set_mtime(to, n->mtime.tv_sec, n->mtime.tv_nsec);
	archive_entry_set_atime(to, n->atime.tv_sec, n->atime.tv_nsec);
	archive_entry_set_nlink(to, n->nlink ? n->nlink : 1);
	if (S_ISLNK(n->mode))
		archive_entry_copy_symlink(to, n->target ? n->target : "");
	if (S_ISCHR(n->mode) || S_ISBLK(n->mode))
		archive_entry_set_rdev(to, (dev_t)n->rdev);
	archive_entry_set_size(to, S_ISREG(n->mode) && !e->link ? (int64_t)e->size : 0);
	if (S_ISREG(n->mode) && !e->link && !a->directory)
		add_holes(to, n);
	if (!e->link)
		add_xattrs(to, e);
}

static char *out_path(const struct archive_out *a, const char *path)
{
	char *joined;

	if (!a->directory)
		return strdup(path);
	return asprintf(&joined, "%s/%s", a->directory, path) < 0 ? NULL : joined;
}

int archive_out_begin(struct archive_out *a, const struct out_entry *e, char **ret_why)
{
	_free_ char *path = out_path(a, e->path), *link = e->link ? out_path(a, e->link) : NULL;
	struct archive_entry *entry = archive_entry_new();
	int r;

	if (!entry || !path || (e->link && !link)) {
		archive_entry_free(entry);
		return -ENOMEM;
	}
	archive_entry_copy_pathname(entry, path);
	describe(a, e, entry);
	if (link)
		archive_entry_copy_hardlink(entry, link);
	r = archive_write_header(a->archive, entry);
	archive_entry_free(entry);
	if (r == ARCHIVE_OK || r == ARCHIVE_WARN)
		return 0;
	/* Of one entry, when it may not be made here. */
	if (r == ARCHIVE_FAILED && archive_errno(a->archive) != ENOSPC && archive_errno(a->archive) != EDQUOT) {
		failed(a, ret_why);
		return 1;
	}
	return failed(a, ret_why);
}

int archive_out_data(struct archive_out *a, const void *bytes, size_t length, char **ret_why)
{
	const char *at = bytes;

	while (length) {
		la_ssize_t n = archive_write_data(a->archive, at, length);

		if (n <= 0)
			return failed(a, ret_why);
		at += n;
		length -= (size_t)n;
	}
	return 0;
}

int archive_out_end(struct archive_out *a, char **ret_why)
{
	int r = archive_write_finish_entry(a->archive), error;

	if (r == ARCHIVE_OK)
		return 0;
	error = failed(a, ret_why);
	return r == ARCHIVE_WARN ? 1 : error;
}

int archive_out_finish(struct archive_out *a, char **ret_why)
{
	return archive_write_close(a->archive) < ARCHIVE_WARN ? failed(a, ret_why) : 0;
}

void archive_out_free(struct archive_out *a)
{
	if (!a)
		return;
	archive_write_free(a->archive);
	free(a->directory);
	free(a);
}
