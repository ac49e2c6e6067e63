/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * attributes.c - owner, mode, times and extended attributes, as the session has them; what is so already stages nothing
 */
#include "fs/revert/internal.h"

#include <errno.h>
#include <string.h>

#include "burner/base/own.h"
#include "burner/base/time.h"
#include "burner/base/xattrs.h"

static int drop_others(struct tree *t, uint64_t ino, const uint8_t *set, size_t bytes)
{
	_free_ char *names = NULL;
	const uint8_t *value;
	size_t length, n = 0;
	int r = tree_xattr_list(t, ino, &names, &n);

	for (size_t at = 0; r >= 0 && at < n; at += strlen(names + at) + 1)
		if (xattrs_get(set, bytes, names + at, &value, &length) < 0)
			r = tree_xattr_set(t, ino, &(struct tree_xattr){.name = names + at});
	return r < 0 ? r : 0;
}

static int put_xattrs(struct tree *t, uint64_t ino, const uint8_t *set, size_t bytes)
{
	char name[XATTRS_NAME_MAX + 1];
	struct xattr a;
	int r = drop_others(t, ino, set, bytes);

	for (size_t at = 0; r >= 0 && xattrs_next(set, bytes, &at, &a);) {
		if (xattrs_is_hidden(a.name, a.name_bytes))
			continue;
		memcpy(name, a.name, a.name_bytes);
		name[a.name_bytes] = '\0';
		r = tree_xattr_set(t, ino,
				   &(struct tree_xattr){.name = name, .value = a.value, .bytes = a.value_bytes});
	}
	return r < 0 ? r : 0;
}

/* An access list has changed the mode, so that comes after it. */
static int put_others(struct tree *t, uint64_t ino, const struct iso_entry *e)
{
	const struct stat want = {.st_mode = e->mode,
				  .st_uid = e->uid,
				  .st_gid = e->gid,
				  .st_atim = e->atime,
				  .st_mtim = e->mtime,
				  .st_ctim = e->ctime};
	unsigned which = 0;
	struct stat st;
	int r = tree_getattr(t, ino, &st);

	if (r < 0)
		return r;
	which |= st.st_mode != e->mode ? TREE_SET_MODE : 0;
	which |= st.st_uid != e->uid ? TREE_SET_UID : 0;
	which |= st.st_gid != e->gid ? TREE_SET_GID : 0;
	which |= same_time(st.st_atim, e->atime) ? 0 : TREE_SET_ATIME;
	which |= same_time(st.st_mtim, e->mtime) ? 0 : TREE_SET_MTIME;
	if (!which && same_time(st.st_ctim, e->ctime))
		return 0;
	return tree_setattr(t, ino, &want, which | TREE_SET_CTIME, &st);
}

int attributes_again(struct revert *x, const char *path)
{
	_cleanup_entry_ struct iso_entry e = {.ino = 0};
	_free_ uint8_t *set = NULL;
	size_t bytes = 0;
	struct stat st;
	int r = iso_lookup_path(x->o->past, path, &e);

	if (r == -ENOENT)
		return 0; /* a directory that is gone with what was in it */
	if (!r)
		r = iso_xattrs(x->o->past, e.xattrs_at, &set, &bytes);
	if (r)
		return revert_fail(x, path, "its attributes cannot be read", r);
	r = path_find(x->o->tree, path, &st);
	if (r < 0)
		return revert_fail(x, path, "it is not there", r);
	r = put_xattrs(x->o->tree, st.st_ino, set, bytes);
	if (r >= 0)
		r = put_others(x->o->tree, st.st_ino, &e);
	tree_forget(x->o->tree, st.st_ino, 1);
	return r < 0 ? revert_fail(x, path, "its attributes", r) : 0;
}
