/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/format/aaip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/own.h"
#include "burner/format/acl.h"

#define GOES_ON 1u /* of an AL entry, and of a component record */
#define AL_FLAGS 4u
#define RECORD_FIXED_BYTES 2u
#define PIECE_MAX 255u
#define ESCAPE 1u
#define NAMESPACE_LAST 6u
#define RESERVED_LAST 0x1fu /* first bytes of names */
#define PREFIX_MAX 9u

static const struct {
	const char *text;
	unsigned bytes;
} namespaces[NAMESPACE_LAST + 1] = {
	[2] = {"system.", 7}, [3] = {"user.", 5}, [4] = {"isofs.", 6}, [5] = {"trusted.", 8}, [6] = {"security.", 9}};

/* ---- encoding ---- */

#define LENGTH_BYTES 4u

/* first: a byte before the others; 0: none. */
static uint8_t *put_component(uint8_t *out, unsigned first, const void *bytes, size_t n)
{
	put_le32(out, (uint32_t)n + (first != 0));
	out += LENGTH_BYTES;
	if (first)
		*out++ = (uint8_t)first;
	if (n)
		memcpy(out, bytes, n);
	return out + n;
}

static uint8_t *put_name(uint8_t *out, const struct xattr *x)
{
	for (unsigned i = ESCAPE + 1; i <= NAMESPACE_LAST; i++)
		if (x->name_bytes >= namespaces[i].bytes &&
		    memcmp(x->name, namespaces[i].text, namespaces[i].bytes) == 0)
			return put_component(out, i, x->name + namespaces[i].bytes,
					     x->name_bytes - namespaces[i].bytes);
	return put_component(out, (uint8_t)x->name[0] <= RESERVED_LAST ? ESCAPE : 0, x->name, x->name_bytes);
}

static struct acl acl_of(const uint8_t *set, size_t set_bytes, const char *name)
{
	struct acl acl = {NULL, 0};

	(void)xattrs_get(set, set_bytes, name, &acl.bytes, &acl.n);
	return acl;
}

static bool is_acl(const struct xattr *x)
{
	return (x->name_bytes == sizeof(ACL_ACCESS_NAME) - 1 && !memcmp(x->name, ACL_ACCESS_NAME, x->name_bytes)) ||
	       (x->name_bytes == sizeof(ACL_DEFAULT_NAME) - 1 && !memcmp(x->name, ACL_DEFAULT_NAME, x->name_bytes));
}

/* What acl_decode() would not give back stays an attribute as others: then this is `out`. */
static uint8_t *put_acls(uint8_t *out, const uint8_t *set, size_t set_bytes, uint32_t mode)
{
	struct acl access = acl_of(set, set_bytes, ACL_ACCESS_NAME),
		   standard = acl_of(set, set_bytes, ACL_DEFAULT_NAME);
	uint8_t *value = put_component(out, 0, NULL, 0) + LENGTH_BYTES;
	size_t bytes;

	if ((!access.n && !standard.n) || acl_encode(access, standard, mode, NULL, &bytes))
		return out;
	(void)acl_encode(access, standard, mode, value, &bytes);
	put_le32(value - LENGTH_BYTES, (uint32_t)bytes);
	return value + bytes;
}

uint32_t aaip_encode(const uint8_t *set, size_t set_bytes, uint32_t mode, uint8_t *out)
{
	uint8_t *acls = set_bytes ? put_acls(out, set, set_bytes, mode) : out, *end = acls;
	struct xattr x;
	size_t at = 0;

	while (xattrs_next(set, set_bytes, &at, &x)) {
		if (acls != out && is_acl(&x))
			continue;
		end = put_name(end, &x);
		end = put_component(end, 0, x.value, x.value_bytes);
	}
	return (uint32_t)(end - out);
}

/* The next record, of at most `room` bytes.  Its bytes; 0: it needs more. */
static uint32_t take_record(struct aaip_writer *w, uint32_t room, uint8_t *out)
{
	uint32_t all = get_le32(w->at), done = w->done ? w->done - LENGTH_BYTES : 0, left = all - done,
		 n = (uint32_t)min_u64(left,
				       min_u64(room > RECORD_FIXED_BYTES ? room - RECORD_FIXED_BYTES : 0, PIECE_MAX));

	if (room < RECORD_FIXED_BYTES || (left && !n))
		return 0;
	if (out) {
		out[0] = n < left ? GOES_ON : 0;
		out[1] = (uint8_t)n;
		if (n)
			memcpy(out + RECORD_FIXED_BYTES, w->at + LENGTH_BYTES + done, n);
	}
	w->done = LENGTH_BYTES + done + n;
	if (n == left) {
		w->at += w->done;
		w->done = 0;
	}
	return RECORD_FIXED_BYTES + n;
}

/* One entry. */
static uint32_t take_entry(struct aaip_writer *w, uint32_t room, uint8_t *out)
{
	uint32_t n = AAIP_AL_FIXED_BYTES, more = 1;

	if (room <= AAIP_AL_FIXED_BYTES)
		return 0;
	room = (uint32_t)min_u64(room, SUSP_ENTRY_MAX);
	for (; more && !aaip_is_done(w); n += more)
		more = take_record(w, room - n, out ? out + n : NULL);
	if (n == AAIP_AL_FIXED_BYTES)
		return 0;
	if (out) {
		susp_header_encode(AAIP_AL, n, 1, out);
		out[AL_FLAGS] = aaip_is_done(w) ? 0 : GOES_ON;
	}
	return n;
}

uint32_t aaip_take(struct aaip_writer *w, uint32_t room, uint8_t *out)
{
	uint32_t n = 0, more = 1;

	for (; more && !aaip_is_done(w); n += more)
		more = take_entry(w, room - n, out ? out + n : NULL);
	return n;
}

uint32_t aaip_left(const struct aaip_writer *w)
{
	struct aaip_writer rest = *w;

	return aaip_take(&rest, UINT32_MAX, NULL);
}

/* ---- decoding ---- */

int aaip_al_decode(const uint8_t *entry, const uint8_t **ret_content, unsigned *ret_bytes, bool *ret_more)
{
	if (susp_length(entry) < AAIP_AL_FIXED_BYTES)
		return -EBADMSG;
	*ret_content = entry + AAIP_AL_FIXED_BYTES;
	*ret_bytes = susp_length(entry) - AAIP_AL_FIXED_BYTES;
	*ret_more = entry[AL_FLAGS] & GOES_ON;
	return 0;
}

struct reader {
	const uint8_t *at, *end; /* of the stream */
	uint8_t *joined;	 /* where the next component is put together */
	struct xattr *list;
	size_t n;
	uint32_t mode;
	const char *only; /* NULL, or the name that is asked for */
	uint8_t *acl;	  /* room for two; NULL: none was met */
};

/* The records of one component, one behind the other.  -EBADMSG: they do not end. */
static int take_component(struct reader *r, uint8_t *out, size_t *ret_bytes)
{
	unsigned flags, bytes;

	*ret_bytes = 0;
	do {
		if (r->end - r->at < (ptrdiff_t)RECORD_FIXED_BYTES)
			return -EBADMSG;
		flags = r->at[0];
		bytes = r->at[1];
		r->at += RECORD_FIXED_BYTES;
		if (r->end - r->at < (ptrdiff_t)bytes)
			return -EBADMSG;
		memmove(out + *ret_bytes, r->at, bytes);
		r->at += bytes;
		*ret_bytes += bytes;
	} while (flags & GOES_ON);
	return 0;
}

/* Turns the byte of a namespace into its text; there is room in front of the name. */
static int set_name(struct xattr *x, uint8_t *name, size_t bytes)
{
	unsigned first = name[0];

	if (memchr(name, 0, bytes))
		return -EBADMSG;
	if (first <= RESERVED_LAST) {
		if (first > NAMESPACE_LAST)
			return -EBADMSG;
		name++;
		bytes--;
		if (first != ESCAPE) {
			name -= namespaces[first].bytes;
			bytes += namespaces[first].bytes;
			memcpy(name, namespaces[first].text, namespaces[first].bytes);
		}
	}
	if (!bytes || bytes > XATTRS_NAME_MAX)
		return -EBADMSG;
	x->name = (const char *)name;
	x->name_bytes = (uint32_t)bytes;
	return 0;
}

static bool has_name(const struct xattr *x, const char *name)
{
	return x->name_bytes == strlen(name) && !memcmp(x->name, name, x->name_bytes);
}

/* Does it say something that the next session will not have? */
static bool is_left_out(const struct reader *r, const struct xattr *x)
{
	static const char *const names[] = {"isofs.ca", "isofs.cx", "isofs.nt"};

	if (r->only)
		return !has_name(x, r->only);
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		if (has_name(x, names[i]))
			return true;
	return false;
}

static void add_acl(struct reader *r, const char *name, const uint8_t *bytes, size_t n)
{
	if (n)
		r->list[r->n++] = (struct xattr){name, bytes, (uint32_t)strlen(name), (uint32_t)n};
}

static int take_acls(struct reader *r, const uint8_t *value, size_t bytes)
{
	size_t n_access, n_standard, room = ACL_BYTES_MAX(bytes);
	int err;

	if (r->only)
		return 0;
	if (r->acl)
		return -EBADMSG; /* twice */
	r->acl = malloc(2 * room);
	if (!r->acl)
		return -ENOMEM;
	err = acl_decode(value, bytes, r->mode, r->acl, &n_access, r->acl + room, &n_standard);
	if (err)
		return err;
	add_acl(r, ACL_ACCESS_NAME, r->acl, n_access);
	add_acl(r, ACL_DEFAULT_NAME, r->acl + room, n_standard);
	return 0;
}

/* A name and its value, both behind each other in the room that is left. */
static int take_pair(struct reader *r)
{
	uint8_t *name = r->joined + PREFIX_MAX, *value;
	struct xattr x = {0};
	size_t bytes, n;
	int err = take_component(r, name, &bytes);

	value = name + bytes;
	if (!err)
		err = take_component(r, value, &n);
	if (err)
		return err;
	if (!bytes)
		return take_acls(r, value, n);
	r->joined = value + n;
	err = set_name(&x, name, bytes);
	if (err || is_left_out(r, &x))
		return err;
	if (n > XATTRS_VALUE_MAX)
		return -E2BIG;
	x.value = value;
	x.value_bytes = (uint32_t)n;
	r->list[r->n++] = x;
	return 0;
}

/* Components of the stream, of which nothing else is known yet. */
static size_t count_components(const uint8_t *stream, size_t bytes)
{
	size_t n = 0;

	for (size_t at = 0; bytes - at >= RECORD_FIXED_BYTES;) {
		size_t length = RECORD_FIXED_BYTES + stream[at + 1];

		n += !(stream[at] & GOES_ON);
		at += min_u64(length, bytes - at);
	}
	return n;
}

static int decode(const uint8_t *stream, size_t bytes, uint32_t mode, const char *only, uint8_t **ret,
		  size_t *ret_bytes)
{
	size_t pairs = count_components(stream, bytes) / 2 + 1;
	_free_ uint8_t *joined = NULL, *acl = NULL;
	_free_ struct xattr *list = NULL;
	struct reader r = {.at = stream, .end = stream + bytes, .mode = mode, .only = only};
	int err = 0;

	if (bytes > AAIP_STREAM_MAX)
		return -E2BIG;
	r.joined = joined = malloc(bytes + PREFIX_MAX * pairs);
	r.list = list = malloc((pairs + 2) * sizeof(*list));
	if (!joined || !list)
		return -ENOMEM;
	while (!err && r.at < r.end)
		err = take_pair(&r);
	acl = r.acl;
	if (!err)
		err = xattrs_make(list, r.n, ret, ret_bytes);
	return err == -EEXIST || err == -ERANGE ? -EBADMSG : err == -ENOSPC ? -E2BIG : err;
}

int aaip_decode(const uint8_t *stream, size_t bytes, uint32_t mode, uint8_t **ret, size_t *ret_bytes)
{
	return decode(stream, bytes, mode, NULL, ret, ret_bytes);
}

int aaip_find(const uint8_t *stream, size_t bytes, const char *name, uint8_t **ret, size_t *ret_bytes)
{
	return decode(stream, bytes, 0, name, ret, ret_bytes);
}
