/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * attributes.h - extended attributes and access control lists: operations and comparison
 *
 * Only where the plain directory's file system has them.
 */
#ifndef TESTS_MODEL_ATTRIBUTES_H
#define TESTS_MODEL_ATTRIBUTES_H

#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sys/xattr.h>

#include "tests/model/rig.h"

#define ACL_NAME_ACCESS "system.posix_acl_access"
#define ACL_NAME_DEFAULT "system.posix_acl_default"

static inline bool plain_has(const char *name)
{
	char value[1];

	return fgetxattr(model.root[PLAIN], name, value, 0) >= 0 || errno == ENODATA;
}
static inline bool has_attributes(void)
{
	static int known;

	if (!known)
		known = plain_has("user.probe") && plain_has(ACL_NAME_ACCESS) ? 1 : 2;
	return known == 1;
}

/* ---- comparison ---- */

static inline int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Names with their values, sorted, as one text. */
static inline size_t attributes_of(int fd, char *out, size_t size)
{
	char names[4096], *list[64];
	ssize_t bytes = flistxattr(fd, names, sizeof(names));
	size_t n = 0, length = 0;

	for (char *at = names; at < names + bytes && n < 64; at += strlen(at) + 1)
		list[n++] = at;
	qsort(list, n, sizeof(*list), by_text);
	for (size_t i = 0; i < n; i++) {
		size_t name_bytes = strlen(list[i]) + 1;

		if (length + name_bytes + 1024 > size)
			break;
		memcpy(out + length, list[i], name_bytes);
		length += name_bytes;
		ssize_t v = fgetxattr(fd, list[i], out + length, 1024);
		length += v > 0 ? (size_t)v : 0;
	}
	return bytes < 0 ? SIZE_MAX : length;
}

static inline void compare_attributes(const char *path, const int fd[SIDES])
{
	static char text[SIDES][1 << 16];
	size_t n[SIDES];

	if (!has_attributes())
		return;
	for (int s = 0; s < SIDES; s++)
		n[s] = attributes_of(fd[s], text[s], sizeof(text[s]));
	if (n[MOUNT] != n[PLAIN] || (n[PLAIN] != SIZE_MAX && memcmp(text[MOUNT], text[PLAIN], n[PLAIN])))
		differ("%s: other extended attributes (%zd bytes on the mount, %zd plain; the first ones %.60s, %.60s)",
		       path, (ssize_t)n[MOUNT], (ssize_t)n[PLAIN], n[MOUNT] ? text[MOUNT] : "none",
		       n[PLAIN] ? text[PLAIN] : "none");
}

/* ---- operations ---- */

static inline void put_entry(struct posix_acl_xattr_entry **to, unsigned tag, uint32_t id)
{
	*(*to)++ = (struct posix_acl_xattr_entry){(uint16_t)tag, (uint16_t)below(8), id};
}

/* One that names up to three, or none. */
static inline size_t random_acl(void *out)
{
	struct posix_acl_xattr_header *header = out;
	struct posix_acl_xattr_entry *to = (void *)((char *)out + sizeof(*header));
	unsigned users = (unsigned)below(3), groups = (unsigned)below(2);

	header->a_version = POSIX_ACL_XATTR_VERSION;
	put_entry(&to, ACL_USER_OBJ, (uint32_t)ACL_UNDEFINED_ID);
	for (unsigned i = 0; i < users; i++)
		put_entry(&to, ACL_USER, 1000 + i);
	put_entry(&to, ACL_GROUP_OBJ, (uint32_t)ACL_UNDEFINED_ID);
	for (unsigned i = 0; i < groups; i++)
		put_entry(&to, ACL_GROUP, 70000 + i);
	if (users || groups || percent(20))
		put_entry(&to, ACL_MASK, (uint32_t)ACL_UNDEFINED_ID);
	put_entry(&to, ACL_OTHER, (uint32_t)ACL_UNDEFINED_ID);
	return (size_t)((char *)to - (char *)out);
}

static inline bool open_one(int fd[SIDES], char name[PATH_MAX])
{
	const struct node *n = pick(percent(40) ? S_IFDIR : S_IFREG);

	if (!n || !has_attributes())
		return false;
	snprintf(name, PATH_MAX, "%s", n->path);
	return BOTH_OPEN(fd, openat(model.root[s], n->path, O_RDONLY | O_NOFOLLOW));
}

static inline void do_acl(void)
{
	char value[256], name[PATH_MAX];
	const char *which = percent(50) ? ACL_NAME_ACCESS : ACL_NAME_DEFAULT;
	size_t n = random_acl(value);
	bool removes = percent(25);
	int fd[SIDES];

	if (!open_one(fd, name))
		return;
	tell("%s of %s, %zu bytes%s", which, name, n, removes ? ", removed" : "");
	if (removes)
		BOTH(fremovexattr(fd[s], which));
	else
		BOTH(fsetxattr(fd[s], which, value, n, 0));
	close_both(fd);
}

static inline void do_xattr(void)
{
	static const char *const names[] = {"user.a", "user.b", "user.a name that is somewhat longer", "trusted.t"};
	const char *which = names[below(4)];
	char value[700], name[PATH_MAX];
	size_t n = below(percent(70) ? 40 : sizeof(value));
	int flags = percent(80) ? 0 : percent(50) ? XATTR_CREATE : XATTR_REPLACE, fd[SIDES];
	bool removes = percent(30);

	memset(value, (int)('a' + below(26)), sizeof(value));
	if (!open_one(fd, name))
		return;
	tell("%s of %s, %zu bytes, flags %d%s", which, name, n, flags, removes ? ", removed" : "");
	if (removes)
		BOTH(fremovexattr(fd[s], which));
	else
		BOTH(fsetxattr(fd[s], which, value, n, flags));
	close_both(fd);
}

#endif
