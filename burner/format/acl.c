/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/format/acl.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/bytes.h"

#define VERSION 2u
#define NOBODY UINT32_MAX

/* Tags of Linux, in their order, and the types that AAIP has for them. */
enum tag { TAG_USER_OBJ = 1, TAG_USER = 2, TAG_GROUP_OBJ = 4, TAG_GROUP = 8, TAG_MASK = 16, TAG_OTHER = 32 };
enum type {
	TYPE_TRANSLATE = 0,
	TYPE_USER_OBJ = 1,
	TYPE_GROUP_OBJ = 3,
	TYPE_MASK = 5,
	TYPE_OTHER = 6,
	TYPE_SWITCH = 8,
	TYPE_USER = 10,
	TYPE_GROUP = 12,
	TYPE_FUTURE = 15
};
#define QUALIFIED 8u
#define SWITCH_MARK 0x81u

static const struct {
	uint8_t tag, type;
} types[] = {{TAG_USER_OBJ, TYPE_USER_OBJ}, {TAG_USER, TYPE_USER}, {TAG_GROUP_OBJ, TYPE_GROUP_OBJ},
	     {TAG_GROUP, TYPE_GROUP},	    {TAG_MASK, TYPE_MASK}, {TAG_OTHER, TYPE_OTHER}};
#define N_TYPES (sizeof(types) / sizeof(types[0]))

static uint32_t type_of_tag(uint32_t tag)
{
	for (size_t i = 0; i < N_TYPES; i++)
		if (types[i].tag == tag)
			return types[i].type;
	return TYPE_FUTURE;
}

static uint32_t tag_of_type(uint32_t type)
{
	for (size_t i = 0; i < N_TYPES; i++)
		if (types[i].type == type)
			return types[i].tag;
	return 0;
}

static bool is_named(uint32_t tag) { return tag == TAG_USER || tag == TAG_GROUP; }

#define BASE_TAGS ((uint32_t)(TAG_USER_OBJ | TAG_GROUP_OBJ | TAG_OTHER))

static int compare_entries(const void *a, const void *b)
{
	const uint8_t *x = a, *y = b;
	uint32_t x_tag = get_le16(x), y_tag = get_le16(y), x_number = get_le32(x + 4), y_number = get_le32(y + 4);

	return x_tag != y_tag ? (x_tag > y_tag) - (x_tag < y_tag) : (x_number > y_number) - (x_number < y_number);
}

/* Every ACL has these, and a mask if somebody is named. */
static bool has_what_it_must(uint32_t tags)
{
	return (tags & BASE_TAGS) == BASE_TAGS && (!(tags & (TAG_USER | TAG_GROUP)) || tags & TAG_MASK);
}

/* ---- to AAIP ---- */

struct writer {
	uint8_t *out; /* NULL: measure */
	size_t n;
};

static void put_byte(struct writer *w, unsigned byte)
{
	if (w->out)
		w->out[w->n] = (uint8_t)byte;
	w->n++;
}

static void put_entry(struct writer *w, uint32_t tag, uint32_t permissions, uint32_t number)
{
	unsigned bytes = 1;

	put_byte(w, type_of_tag(tag) << 4 | (is_named(tag) ? QUALIFIED : 0) | (permissions & 7));
	if (!is_named(tag))
		return;
	while (bytes < 4 && number >> 8 * bytes)
		bytes++;
	put_byte(w, bytes);
	while (bytes--)
		put_byte(w, number >> 8 * bytes & 0xff);
}

static int put_acl(struct writer *w, struct acl acl)
{
	uint32_t tags = 0;

	if (acl.n < ACL_HEADER_BYTES || (acl.n - ACL_HEADER_BYTES) % ACL_ENTRY_BYTES || get_le32(acl.bytes) != VERSION)
		return -EINVAL;
	for (size_t at = ACL_HEADER_BYTES; at < acl.n; at += ACL_ENTRY_BYTES) {
		const uint8_t *entry = acl.bytes + at;

		if (type_of_tag(get_le16(entry)) == TYPE_FUTURE || get_le16(entry + 2) > 7 ||
		    (at > ACL_HEADER_BYTES && compare_entries(entry - ACL_ENTRY_BYTES, entry) >= 0))
			return -EINVAL;
		tags |= get_le16(entry);
		put_entry(w, get_le16(entry), get_le16(entry + 2), get_le32(entry + 4));
	}
	return has_what_it_must(tags) ? 0 : -EINVAL;
}

int acl_encode(struct acl access, struct acl standard, uint32_t mode, uint8_t *out, size_t *ret_bytes)
{
	struct writer w = {out, 0};
	int r = 0;

	if (access.n) {
		r = put_acl(&w, access);
	} else {
		put_entry(&w, TAG_USER_OBJ, mode >> 6, 0);
		put_entry(&w, TAG_GROUP_OBJ, mode >> 3, 0);
		put_entry(&w, TAG_OTHER, mode, 0);
	}
	if (!r && standard.n) {
		put_byte(&w, SWITCH_MARK);
		r = put_acl(&w, standard);
	}
	if (!r)
		*ret_bytes = w.n;
	return r;
}

/* ---- from AAIP ---- */

/* One ACL while it is read: entries of Linux behind the room of the header. */
struct reader {
	uint8_t *out;
	size_t n; /* entries */
	uint32_t tags;
};

static uint8_t *entry_at(const struct reader *r, size_t i) { return r->out + ACL_HEADER_BYTES + i * ACL_ENTRY_BYTES; }

static void add_entry(struct reader *r, uint32_t tag, uint32_t permissions, uint32_t number)
{
	uint8_t *entry = entry_at(r, r->n++);

	put_le16(entry, (uint16_t)tag);
	put_le16(entry + 2, (uint16_t)(permissions & 7));
	put_le32(entry + 4, number);
	r->tags |= tag;
}

/* What is not there, and what the mode says of an access ACL. */
static void set_entry(struct reader *r, uint32_t tag, uint32_t permissions)
{
	for (size_t i = 0; i < r->n; i++)
		if (get_le16(entry_at(r, i)) == tag) {
			put_le16(entry_at(r, i) + 2, (uint16_t)(permissions & 7));
			return;
		}
	add_entry(r, tag, permissions, NOBODY);
}

/* Permissions that the group and all who are named have together. */
static uint32_t group_class(const struct reader *r)
{
	uint32_t permissions = 0;

	for (size_t i = 0; i < r->n; i++)
		if (get_le16(entry_at(r, i)) & (TAG_USER | TAG_GROUP_OBJ | TAG_GROUP))
			permissions |= get_le16(entry_at(r, i) + 2);
	return permissions;
}

/* In Linux's order, with its header.  Two entries of one name are a contradiction. */
static int finish(struct reader *r, size_t *ret_bytes)
{
	qsort(entry_at(r, 0), r->n, ACL_ENTRY_BYTES, compare_entries);
	for (size_t i = 1; i < r->n; i++)
		if (compare_entries(entry_at(r, i - 1), entry_at(r, i)) == 0)
			return -EBADMSG;
	put_le32(r->out, VERSION);
	*ret_bytes = ACL_HEADER_BYTES + r->n * ACL_ENTRY_BYTES;
	return 0;
}

static int finish_access(struct reader *r, uint32_t mode, size_t *ret_bytes)
{
	bool named = r->tags & (TAG_USER | TAG_GROUP);

	*ret_bytes = 0;
	if (!(r->tags & ~BASE_TAGS))
		return 0;
	set_entry(r, TAG_USER_OBJ, mode >> 6);
	set_entry(r, TAG_OTHER, mode);
	if (!(r->tags & TAG_GROUP_OBJ))
		add_entry(r, TAG_GROUP_OBJ, mode >> 3, NOBODY);
	if (named || r->tags & TAG_MASK)
		set_entry(r, TAG_MASK, mode >> 3);
	return finish(r, ret_bytes);
}

static int finish_standard(struct reader *r, size_t *ret_bytes)
{
	*ret_bytes = 0;
	if (!r->n)
		return 0;
	if (r->tags & (TAG_USER | TAG_GROUP) && !(r->tags & TAG_MASK))
		add_entry(r, TAG_MASK, group_class(r), NOBODY);
	return has_what_it_must(r->tags) ? finish(r, ret_bytes) : -EBADMSG;
}

/* The number behind an entry. -EBADMSG: it ends nowhere, or has more than 32 bits (of entries that are numbered). */
static int take_qualifier(const uint8_t *value, size_t bytes, size_t *at, bool number, uint32_t *ret)
{
	size_t digits = 0;
	unsigned head;

	*ret = 0;
	do {
		if (*at == bytes)
			return -EBADMSG;
		head = value[(*at)++];
		if (bytes - *at < (head & 127))
			return -EBADMSG;
		digits += head & 127;
		if (number && digits > 4)
			return -EBADMSG;
		for (unsigned i = 0; i < (head & 127); i++)
			*ret = *ret << 8 | value[(*at)++];
	} while (head & 128);
	return number && !digits ? -EBADMSG : 0;
}

int acl_decode(const uint8_t *value, size_t bytes, uint32_t mode, uint8_t *access, size_t *ret_access,
	       uint8_t *standard, size_t *ret_standard)
{
	struct reader readers[2] = {{access, 0, 0}, {standard, 0, 0}}, *r = readers;
	size_t at = 0;
	int err;

	while (at < bytes) {
		unsigned head = value[at++], type = head >> 4;
		uint32_t tag = tag_of_type(type), number = NOBODY;

		err = head & QUALIFIED ? take_qualifier(value, bytes, &at, is_named(tag), &number) : 0;
		if (err || type == TYPE_FUTURE || (type == TYPE_SWITCH && r != readers) ||
		    (is_named(tag) && !(head & QUALIFIED)))
			return -EBADMSG;
		if (type == TYPE_SWITCH)
			r++;
		else if (tag)
			add_entry(r, tag, head, is_named(tag) ? number : NOBODY);
	}
	err = finish_access(&readers[0], mode, ret_access);
	*ret_standard = 0;
	if (!err && S_ISDIR(mode))
		err = finish_standard(&readers[1], ret_standard);
	return err;
}
