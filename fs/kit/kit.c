/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * kit.c - puts the kit into the stage
 *
 * A file of another version is replaced as an editor would: written under another name and renamed, so that the old one
 * stays when there is no room.  What does not look like a file of ours is never touched.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/own.h"
#include "fs/kit/kit.h"

#define KIT_MARK "cdappendfs" /* somewhere in the first bytes of each */
#define KIT_MARK_BYTES 512u
#define KIT_NEW ".cdappendfs-kit.new"

enum { KIT_SAME = 0, KIT_OTHER = 1 };

/* KIT_SAME, KIT_OTHER: of another version; -EEXIST: something else. */
static int compare(struct tree *t, const struct stat *st, const struct kit_file *file)
{
	_free_ unsigned char *bytes = malloc(file->length);
	struct tree_file *f = NULL;
	size_t n = 0;
	int r;

	if (!S_ISREG(st->st_mode))
		return -EEXIST;
	if (!bytes)
		return -ENOMEM;
	r = tree_open(t, st->st_ino, O_RDONLY, &f);
	if (r < 0)
		return r;
	r = tree_read(t, f, 0, bytes, file->length, &n);
	tree_close(t, f);
	if (r < 0)
		return r;
	if ((uint64_t)st->st_size == file->length && n == file->length && memcmp(bytes, file->bytes, n) == 0)
		return KIT_SAME;
	return memmem(bytes, n < KIT_MARK_BYTES ? n : KIT_MARK_BYTES, KIT_MARK, strlen(KIT_MARK)) ? KIT_OTHER : -EEXIST;
}

static int write_new(struct tree *t, const struct tree_caller *owner, uint64_t directory, const struct kit_file *file)
{
	struct tree_file *f = NULL;
	struct stat st;
	int r = tree_unlink(t, directory, KIT_NEW); /* of a mount that was cut off */

	if (r < 0 && r != -ENOENT)
		return r;
	r = tree_create(t, owner, directory, KIT_NEW, file->mode, O_WRONLY, &st, &f);
	if (r < 0)
		return r;
	r = tree_write(t, f, 0, file->bytes, file->length);
	tree_close(t, f);
	if (!r)
		r = tree_rename(t, directory, KIT_NEW, directory, file->name, 0);
	tree_forget(t, st.st_ino, 1);
	if (r < 0)
		(void)tree_unlink(t, directory, KIT_NEW);
	return r;
}

static int put_file(struct tree *t, const struct tree_caller *owner, uint64_t directory, const struct kit_file *file)
{
	struct stat st;
	int r = tree_lookup(t, directory, file->name, &st);

	if (r == -ENOENT)
		return write_new(t, owner, directory, file);
	if (r < 0)
		return r;
	r = compare(t, &st, file);
	if (r == KIT_OTHER)
		r = write_new(t, owner, directory, file);
	tree_forget(t, st.st_ino, 1);
	return r;
}

int kit_put(struct tree *t, const struct tree_caller *owner, const char **ret_name)
{
	struct stat st;
	int r = tree_lookup(t, TREE_ROOT, KIT_DIRECTORY, &st);
	bool made = r == -ENOENT;

	*ret_name = KIT_DIRECTORY;
	if (made)
		r = tree_mknod(t, owner, TREE_ROOT, KIT_DIRECTORY, S_IFDIR | 0755, 0, &st);
	if (r < 0)
		return r;
	if (!S_ISDIR(st.st_mode))
		r = -ENOTDIR;
	for (size_t i = 0; !r && i < N_KIT_FILES; i++) {
		*ret_name = kit_files[i].name;
		r = put_file(t, owner, st.st_ino, &kit_files[i]);
	}
	tree_forget(t, st.st_ino, 1);
	if (r < 0 && made)
		(void)tree_rmdir(t, TREE_ROOT, KIT_DIRECTORY); /* if it is empty */
	return r;
}
