/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What of an access control list the kernel leaves to the file system: its form, its mask and the mode, and what new
 * files get.  Who may do what the kernel finds out.
 */
#include "fs/tree/acl.h"

#include <errno.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdlib.h>

#include "burner/base/bytes.h"

_Static_assert(sizeof(struct posix_acl_xattr_header) == ACL_HEADER_BYTES, "burner/format/acl.h");
_Static_assert(sizeof(struct posix_acl_xattr_entry) == ACL_ENTRY_BYTES, "burner/format/acl.h");

enum tag {
	TAG_OWNER = ACL_USER_OBJ,
	TAG_USER = ACL_USER,
	TAG_OWNING_GROUP = ACL_GROUP_OBJ,
	TAG_GROUP = ACL_GROUP,
	TAG_MASK = ACL_MASK,
	TAG_OTHER = ACL_OTHER,
};

static size_t n_entries(size_t bytes) { return (bytes - ACL_HEADER_BYTES) / ACL_ENTRY_BYTES; }

static uint8_t *entry_at(uint8_t *acl, size_t i) { return acl + ACL_HEADER_BYTES + i * ACL_ENTRY_BYTES; }

static const uint8_t *const_entry_at(const uint8_t *acl, size_t i)
{
	return acl + ACL_HEADER_BYTES + i * ACL_ENTRY_BYTES;
}

static unsigned permissions_of(const uint8_t *entry) { return get_le16(entry + 2); }

/* Entries come in the order of their tags; owner, group and others once each, and a mask when somebody is named. */
int acl_check(const uint8_t *acl, size_t bytes)
{
	unsigned before = 0, once = 0;

	if (bytes < ACL_HEADER_BYTES || (bytes - ACL_HEADER_BYTES) % ACL_ENTRY_BYTES ||
	    get_le32(acl) != POSIX_ACL_XATTR_VERSION)
		return -EINVAL;
	if (bytes == ACL_HEADER_BYTES)
		return 1;
	for (size_t i = 0; i < n_entries(bytes); i++) {
		const uint8_t *entry = const_entry_at(acl, i);
		unsigned tag = get_le16(entry);
		bool names = tag == TAG_USER || tag == TAG_GROUP;

		if (!tag || tag & (tag - 1) || tag > TAG_OTHER || tag < before || permissions_of(entry) > 7)
			return -EINVAL;
		if (!names && once & tag)
			return -EINVAL;
		if (names && get_le32(entry + 4) == (uint32_t)ACL_UNDEFINED_ID)
			return -EINVAL;
		once |= tag;
		before = tag;
	}
	const unsigned needed = TAG_OWNER | TAG_OWNING_GROUP | TAG_OTHER;
	if ((once & needed) != needed || (once & (TAG_USER | TAG_GROUP) && !(once & TAG_MASK)))
		return -EINVAL;
	return 0;
}

static int compare_entries(const void *a, const void *b)
{
	const uint8_t *x = a, *y = b;
	unsigned x_tag = get_le16(x), y_tag = get_le16(y);
	uint32_t x_id = get_le32(x + 4), y_id = get_le32(y + 4);

	return x_tag != y_tag ? (x_tag > y_tag) - (x_tag < y_tag) : (x_id > y_id) - (x_id < y_id);
}

int acl_sort(uint8_t *acl, size_t bytes)
{
	qsort(acl + ACL_HEADER_BYTES, n_entries(bytes), ACL_ENTRY_BYTES, compare_entries);
	for (size_t i = 1; i < n_entries(bytes); i++)
		if (compare_entries(entry_at(acl, i - 1), entry_at(acl, i)) == 0)
			return -EINVAL;
	return 0;
}

/* Of the entry that stands for a class of the mode, its place there; -1: of none. */
static int shift_of(const uint8_t *entry, bool has_mask)
{
	switch (get_le16(entry)) {
	case TAG_OWNER:
		return 6;
	case TAG_OWNING_GROUP:
		return has_mask ? -1 : 3;
	case TAG_MASK:
		return 3;
	case TAG_OTHER:
		return 0;
	default:
		return -1;
	}
}

static bool has_mask(const uint8_t *acl, size_t bytes)
{
	for (size_t i = 0; i < n_entries(bytes); i++)
		if (get_le16(const_entry_at(acl, i)) == TAG_MASK)
			return true;
	return false;
}

bool acl_mode(const uint8_t *acl, size_t bytes, mode_t *mode)
{
	bool masked = has_mask(acl, bytes);

	*mode &= ~(mode_t)0777;
	for (size_t i = 0; i < n_entries(bytes); i++) {
		int shift = shift_of(const_entry_at(acl, i), masked);

		if (shift >= 0)
			*mode |= (mode_t)permissions_of(const_entry_at(acl, i)) << shift;
	}
	return n_entries(bytes) == 3;
}

void acl_set_mode(uint8_t *acl, size_t bytes, mode_t mode)
{
	bool masked = has_mask(acl, bytes);

	for (size_t i = 0; i < n_entries(bytes); i++) {
		int shift = shift_of(entry_at(acl, i), masked);

		if (shift >= 0)
			put_le16(entry_at(acl, i) + 2, (uint16_t)(mode >> shift & 7));
	}
}

bool acl_begin(uint8_t *acl, size_t bytes, mode_t *mode)
{
	bool masked = has_mask(acl, bytes);

	for (size_t i = 0; i < n_entries(bytes); i++) {
		uint8_t *entry = entry_at(acl, i);
		int shift = shift_of(entry, masked);

		if (shift >= 0)
			put_le16(entry + 2, (uint16_t)(permissions_of(entry) & *mode >> shift & 7));
	}
	return acl_mode(acl, bytes, mode);
}
