/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/xattrs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "burner/base/bytes.h"

#define HIDDEN "isofs."

/* As strcmp() orders them: there is no NUL in a name. */
static int compare(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
	int order = memcmp(a, b, min_u64(a_bytes, b_bytes));

	return order ? order : (a_bytes > b_bytes) - (a_bytes < b_bytes);
}

static int compare_xattrs(const void *a, const void *b)
{
	const struct xattr *x = a, *y = b;

	return compare(x->name, x->name_bytes, y->name, y->name_bytes);
}

static size_t record_bytes(size_t name_bytes, size_t value_bytes)
{
	return XATTRS_RECORD_BYTES + name_bytes + value_bytes;
}

/* What may be any bytes: 1, 0 at the end, -EBADMSG. */
static int take_record(const uint8_t *set, size_t bytes, size_t *at, struct xattr *ret)
{
	const uint8_t *record = set + *at;
	size_t left = bytes - *at;

	if (!left)
		return 0;
	if (left < XATTRS_RECORD_BYTES)
		return -EBADMSG;
	ret->name_bytes = get_le16(record);
	ret->value_bytes = get_le32(record + 2);
	left -= XATTRS_RECORD_BYTES;
	if (!ret->name_bytes || ret->name_bytes > XATTRS_NAME_MAX || ret->value_bytes > XATTRS_VALUE_MAX ||
	    left < (size_t)ret->name_bytes + ret->value_bytes)
		return -EBADMSG;
	ret->name = (const char *)record + XATTRS_RECORD_BYTES;
	ret->value = record + XATTRS_RECORD_BYTES + ret->name_bytes;
	if (memchr(ret->name, 0, ret->name_bytes))
		return -EBADMSG;
	*at += record_bytes(ret->name_bytes, ret->value_bytes);
	return 1;
}

int xattrs_check(const uint8_t *set, size_t bytes)
{
	struct xattr x, before = {0};
	size_t at = 0;
	int more;

	if (bytes > XATTRS_BYTES_MAX)
		return -EBADMSG;
	while ((more = take_record(set, bytes, &at, &x)) > 0) {
		if (before.name && compare_xattrs(&before, &x) >= 0)
			return -EBADMSG;
		before = x;
	}
	return more;
}

bool xattrs_next(const uint8_t *set, size_t bytes, size_t *at, struct xattr *ret)
{
	return take_record(set, bytes, at, ret) > 0;
}

/* The first record that is not below a name begins at *ret_at; true: it has that name. */
static bool find(const uint8_t *set, size_t bytes, const char *name, size_t *ret_at, struct xattr *ret)
{
	size_t at = 0, name_bytes = strlen(name);
	int order = 1;

	for (*ret_at = 0; xattrs_next(set, bytes, &at, ret); *ret_at = at) {
		order = compare(ret->name, ret->name_bytes, name, name_bytes);
		if (order >= 0)
			return order == 0;
	}
	return false;
}

int xattrs_get(const uint8_t *set, size_t bytes, const char *name, const uint8_t **ret_value, size_t *ret_bytes)
{
	struct xattr x;
	size_t at;

	if (!find(set, bytes, name, &at, &x))
		return -ENODATA;
	*ret_value = x.value;
	*ret_bytes = x.value_bytes;
	return 0;
}

bool xattrs_is_hidden(const char *name, size_t name_bytes)
{
	return name_bytes >= sizeof(HIDDEN) - 1 && memcmp(name, HIDDEN, sizeof(HIDDEN) - 1) == 0;
}

size_t xattrs_list(const uint8_t *set, size_t bytes, char *out)
{
	size_t at = 0, length = 0;
	struct xattr x;

	while (xattrs_next(set, bytes, &at, &x)) {
		if (xattrs_is_hidden(x.name, x.name_bytes))
			continue;
		if (out) {
			memcpy(out + length, x.name, x.name_bytes);
			out[length + x.name_bytes] = 0;
		}
		length += x.name_bytes + 1;
	}
	return length;
}

static int check_lengths(size_t name_bytes, size_t value_bytes)
{
	if (!name_bytes || name_bytes > XATTRS_NAME_MAX)
		return -ERANGE;
	return value_bytes > XATTRS_VALUE_MAX ? -E2BIG : 0;
}

static uint8_t *put_record(uint8_t *out, const struct xattr *x)
{
	put_le16(out, (uint16_t)x->name_bytes);
	put_le32(out + 2, x->value_bytes);
	out += XATTRS_RECORD_BYTES;
	memcpy(out, x->name, x->name_bytes);
	out += x->name_bytes;
	if (x->value_bytes)
		memcpy(out, x->value, x->value_bytes);
	return out + x->value_bytes;
}

int xattrs_make(struct xattr *list, size_t n, uint8_t **ret, size_t *ret_bytes)
{
	uint8_t *set = NULL, *out;
	size_t bytes = 0;
	int r = 0;

	if (n > 1)
		qsort(list, n, sizeof(*list), compare_xattrs);
	for (size_t i = 0; i < n && !r; i++) {
		r = check_lengths(list[i].name_bytes, list[i].value_bytes);
		bytes += record_bytes(list[i].name_bytes, list[i].value_bytes);
		if (!r && bytes > XATTRS_BYTES_MAX)
			r = -ENOSPC;
		if (!r && i && compare_xattrs(&list[i - 1], &list[i]) == 0)
			r = -EEXIST;
	}
	if (!r && bytes)
		r = (set = malloc(bytes)) ? 0 : -ENOMEM;
	if (r)
		return r;
	out = set;
	for (size_t i = 0; i < n; i++)
		out = put_record(out, &list[i]);
	*ret = set;
	*ret_bytes = bytes;
	return 0;
}

/* [at, end) of the set is replaced by one record, or by none. */
static int splice(const uint8_t *set, size_t bytes, size_t at, size_t end, const struct xattr *x, uint8_t **ret,
		  size_t *ret_bytes)
{
	size_t made = bytes - (end - at) + (x ? record_bytes(x->name_bytes, x->value_bytes) : 0);
	uint8_t *out = NULL, *behind;

	if (made > XATTRS_BYTES_MAX)
		return -ENOSPC;
	if (made) {
		out = malloc(made);
		if (!out)
			return -ENOMEM;
		if (at)
			memcpy(out, set, at);
		behind = out + at;
		if (x)
			behind = put_record(behind, x);
		if (bytes > end)
			memcpy(behind, set + end, bytes - end);
	}
	*ret = out;
	*ret_bytes = made;
	return 0;
}

int xattrs_set(const uint8_t *set, size_t bytes, const char *name, const void *value, size_t value_bytes, int flags,
	       uint8_t **ret, size_t *ret_bytes)
{
	struct xattr there, x = {name, value, 0, 0};
	size_t at, end;
	int r = check_lengths(strlen(name), value_bytes);

	if (r)
		return r;
	x.name_bytes = (uint32_t)strlen(name);
	x.value_bytes = (uint32_t)value_bytes;
	if (find(set, bytes, name, &at, &there)) {
		if (flags & XATTR_CREATE)
			return -EEXIST;
		end = at + record_bytes(there.name_bytes, there.value_bytes);
	} else {
		if (flags & XATTR_REPLACE)
			return -ENODATA;
		end = at;
	}
	return splice(set, bytes, at, end, &x, ret, ret_bytes);
}

int xattrs_remove(const uint8_t *set, size_t bytes, const char *name, uint8_t **ret, size_t *ret_bytes)
{
	struct xattr x;
	size_t at;

	if (!find(set, bytes, name, &at, &x))
		return -ENODATA;
	return splice(set, bytes, at, at + record_bytes(x.name_bytes, x.value_bytes), NULL, ret, ret_bytes);
}
