/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * xattrs.h - the extended attributes of one file, as one string of bytes
 *
 * It is what a row of the stage, the tree, the manifest and the reader of a disc have of them.  Records, ascending by
 * name as bytes, no two of one name; no bytes at all: there are none.  Of each, numbers little-endian:
 *	 0   2	n, bytes of the name
 *	 2   4	v, bytes of the value
 *	 6   n	the name as Linux has it, with its namespace ("user.x", "system.posix_acl_access"), without a NUL
 *	       v	the value; of an ACL what Linux takes and gives
 *
 * A set comes from xattrs_make(), xattrs_set(), xattrs_remove(), or from elsewhere through xattrs_check(); all else
 * takes only such ones.  A set is never changed: the next one is made beside it.
 */
#ifndef BURNER_BASE_XATTRS_H
#define BURNER_BASE_XATTRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XATTRS_NAME_MAX 255u
#define XATTRS_VALUE_MAX 65536u
/*
 * Of a whole set: 47 KiB.  A disc has it in continuation areas, of which Linux follows 31 of at most 2,020 bytes:
 * 62,620.  In them lie name and target of a symbolic link (at most 8,700), too, and of 255 bytes for the set 246 are
 * its own.
 */
#define XATTRS_BYTES_MAX 48128u
#define XATTRS_RECORD_BYTES 6u /* besides name and value */

struct xattr {
	const char *name; /* not terminated */
	const uint8_t *value;
	uint32_t name_bytes, value_bytes;
};

/* -EBADMSG: it is no set. */
int xattrs_check(const uint8_t *set, size_t bytes);
/* One after the other: *at starts at 0. false at the end. */
bool xattrs_next(const uint8_t *set, size_t bytes, size_t *at, struct xattr *ret);
/* The value stays in the set.  -ENODATA: no such name. */
int xattrs_get(const uint8_t *set, size_t bytes, const char *name, const uint8_t **ret_value, size_t *ret_bytes);
/* libisofs' own ("isofs.…"): kept, and shown to nobody. */
bool xattrs_is_hidden(const char *name, size_t name_bytes);
/* All names but hidden ones, each with a NUL, one behind the other; out NULL: only their length, which is less than the
 * set's. */
size_t xattrs_list(const uint8_t *set, size_t bytes, char *out);

/*
 * New sets, to be freed; NULL when nothing is in them.  Names may come in any order; list is sorted.
 * xattrs_set: flags are XATTR_CREATE, XATTR_REPLACE of setxattr(2), or 0.  -EEXIST, -ENODATA: as those ask; also two
 * of one name in a list, and no such name to be removed.  -ERANGE: a name is empty or too long; -E2BIG: the value is
 * too long; -ENOSPC: the set is; -ENOMEM.
 */
int xattrs_make(struct xattr *list, size_t n, uint8_t **ret, size_t *ret_bytes);
int xattrs_set(const uint8_t *set, size_t bytes, const char *name, const void *value, size_t value_bytes, int flags,
	       uint8_t **ret, size_t *ret_bytes);
int xattrs_remove(const uint8_t *set, size_t bytes, const char *name, uint8_t **ret, size_t *ret_bytes);

#endif
