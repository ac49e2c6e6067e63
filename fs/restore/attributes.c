/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * attributes.c - mode, owner, times, extended attributes of what was made
 *
 * In this order: a change of owner takes set-id bits and capabilities away, an access list changes the mode, and
 * anything the time.
 */
#include "fs/restore/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <linux/xattr.h>

#include "burner/base/xattrs.h"

/* By way of the open directory: no other path is looked at. */
struct target {
	int at;
	const char *name;
	char path[32 + 256];
};

static bool begins(const char *name, const char *space) { return strncmp(name, space, strlen(space)) == 0; }

/* Labels and the like are of the place where it is, not of the file. */
static bool is_ours(const char *name) { return !begins(name, "security.") || strcmp(name, XATTR_NAME_CAPS) == 0; }

static bool is_for_root(const char *name) { return begins(name, "trusted.") || begins(name, "security."); }

static int put_owner(struct restore *x, const struct target *t, const struct iso_entry *e, mode_t *mode)
{
	struct stat st;

	if (fstatat(t->at, t->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return restore_fail(x, "its owner", -errno);
	if (st.st_uid == e->uid && st.st_gid == e->gid)
		return 0;
	/* The kernel takes -1 for "as it is". */
	bool known = e->uid != (uid_t)-1 && e->gid != (gid_t)-1;
	if (known && fchownat(t->at, t->name, e->uid, e->gid, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (known && errno != EPERM && errno != EINVAL)
		return restore_fail(x, "its owner", -errno);
	/* One's own groups anybody may give. */
	if (known && st.st_uid == e->uid && fchownat(t->at, t->name, (uid_t)-1, e->gid, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	x->count->strange++;
	*mode &= ~(mode_t)(S_ISUID | S_ISGID);
	if (geteuid() == 0)
		restore_lose(x, "its owner cannot be set there", -EPERM);
	return 0;
}

static int cannot_set(struct restore *x, const char *name, int error)
{
	char what[XATTRS_NAME_MAX + 64];

	if (error == -EPERM && is_for_root(name) && geteuid() != 0) {
		x->count->without_rights++;
		return 0;
	}
	if (error == -ENOSPC || error == -EIO || error == -EROFS || error == -EDQUOT)
		return restore_fail(x, name, error);
	snprintf(what, sizeof(what), "its attribute %s cannot be set there", name);
	restore_lose(x, what, error);
	return 0;
}

/* What a directory has given to it, or what it had. */
static int drop_others(struct restore *x, const struct target *t, const uint8_t *set, size_t bytes)
{
	ssize_t n = llistxattr(t->path, (char *)x->buffer, PIECE_BYTES);
	const uint8_t *value;
	size_t length;
	int r = 0;

	for (const char *name = (const char *)x->buffer; !r && name < (const char *)x->buffer + (n < 0 ? 0 : n);
	     name += strlen(name) + 1)
		if (is_ours(name) && xattrs_get(set, bytes, name, &value, &length) < 0 &&
		    lremovexattr(t->path, name) < 0 && errno != ENODATA)
			r = cannot_set(x, name, -errno);
	return r;
}

static int put_xattrs(struct restore *x, const struct target *t, const struct iso_entry *e)
{
	_free_ uint8_t *set = NULL;
	char name[XATTRS_NAME_MAX + 1];
	size_t bytes = 0;
	struct xattr a;
	int r = iso_xattrs(x->iso, e->xattrs_at, &set, &bytes);

	if (iso_xattrs_are_lost(r)) {
		restore_lose(x, "its extended attributes cannot be read", r);
		r = 0;
	}
	if (!r)
		r = drop_others(x, t, set, bytes);
	for (size_t at = 0; !r && xattrs_next(set, bytes, &at, &a);) {
		if (xattrs_is_hidden(a.name, a.name_bytes))
			continue;
		memcpy(name, a.name, a.name_bytes);
		name[a.name_bytes] = '\0';
		if (lsetxattr(t->path, name, a.value, a.value_bytes, 0) < 0)
			r = cannot_set(x, name, -errno);
	}
	return r;
}

static bool has_value(struct restore *x, const struct target *t, const struct xattr *a)
{
	char name[XATTRS_NAME_MAX + 1];

	memcpy(name, a->name, a->name_bytes);
	name[a->name_bytes] = '\0';
	ssize_t n = lgetxattr(t->path, name, x->buffer, PIECE_BYTES);
	return n == (ssize_t)a->value_bytes && memcmp(x->buffer, a->value, a->value_bytes) == 0;
}

bool attributes_are_there(struct restore *x, int at, const char *name, const struct iso_entry *e)
{
	struct target t = {.at = at, .name = name};
	_free_ uint8_t *set = NULL;
	const uint8_t *value;
	size_t bytes = 0, length;
	struct xattr a;

	snprintf(t.path, sizeof(t.path), "/proc/self/fd/%d/%s", at, name);
	if (iso_xattrs(x->iso, e->xattrs_at, &set, &bytes) < 0)
		return false;
	ssize_t n = llistxattr(t.path, (char *)x->buffer, PIECE_BYTES);
	if (n < 0)
		return errno == EOPNOTSUPP && !bytes;
	for (const char *p = (const char *)x->buffer; p < (const char *)x->buffer + n; p += strlen(p) + 1)
		if (is_ours(p) && xattrs_get(set, bytes, p, &value, &length) < 0)
			return false;
	for (size_t i = 0; xattrs_next(set, bytes, &i, &a);)
		if (!xattrs_is_hidden(a.name, a.name_bytes) && !has_value(x, &t, &a))
			return false;
	return true;
}

int attributes_put(struct restore *x, int at, const char *name, const struct iso_entry *e)
{
	struct target t = {.at = at, .name = name};
	const struct timespec times[2] = {e->atime, e->mtime};
	mode_t mode = e->mode & 07777;
	int r;

	snprintf(t.path, sizeof(t.path), "/proc/self/fd/%d/%s", at, name);
	r = put_owner(x, &t, e, &mode);
	if (!r)
		r = put_xattrs(x, &t, e);
	if (!r && !S_ISLNK(e->mode) && fchmodat(at, name, mode, AT_SYMLINK_NOFOLLOW) < 0)
		r = restore_fail(x, "its mode", -errno);
	if (!r && utimensat(at, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		r = restore_fail(x, "its times", -errno);
	return r;
}
