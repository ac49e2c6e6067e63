/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * xattrs.c - extended attributes and ACLs of a record (AAIP 2.0, burner/format/aaip.h)
 *
 * They are read when they are asked for, since they may fill many continuation areas: more than Linux follows, on discs
 * of libisofs.  So these bounds are wider than those of a walk for names.
 */
#include <string.h>
#include <sys/stat.h>

#include "burner/format/aaip.h"
#include "fs/iso/internal.h"

#define HOPS_MAX 160u
#define AREAS_MAX_BYTES (HOPS_MAX * SECTOR_BYTES)

/* What AL entries hold, put together. */
struct stream {
	uint8_t *bytes;
	size_t n, capacity;
	bool more, met; /* another entry follows; there was one */
};

static int append(struct stream *s, const uint8_t *bytes, size_t n)
{
	if (n > AAIP_STREAM_MAX - s->n)
		return -E2BIG;
	if (s->n + n > s->capacity) {
		size_t capacity = max_u64(2 * s->capacity, s->n + n);
		uint8_t *grown = realloc(s->bytes, capacity);

		if (!grown)
			return -ENOMEM;
		s->bytes = grown;
		s->capacity = capacity;
	}
	memcpy(s->bytes + s->n, bytes, n);
	s->n += n;
	return 0;
}

static int take_al(struct stream *s, const uint8_t *entry)
{
	const uint8_t *content;
	unsigned n;
	int r;

	if (s->met && !s->more)
		return -EBADMSG; /* behind the last */
	s->met = true;
	r = aaip_al_decode(entry, &content, &n, &s->more);
	return r || !n ? r : append(s, content, n);
}

static int collect(struct iso *iso, const uint8_t *record, struct rock *rock, struct stream *s)
{
	__attribute__((cleanup(window_release))) struct window window = {.ahead = 1};
	const uint8_t *area, *entry;
	struct susp_walk walk;
	size_t n;
	int more = 0, r = rock_decode(iso, &window, record, DECODE_ALL, rock);

	if (r || !rock->has_xattrs)
		return r;
	area = record_system_use(record, &n);
	susp_walk_begin(&walk, iso, &window, area, n);
	walk.hops_max = HOPS_MAX;
	walk.budget = AREAS_MAX_BYTES;
	while (!r && (more = susp_walk_next(&walk, &entry)) > 0)
		if (susp_signature(entry) == AAIP_AL)
			r = take_al(s, entry);
	if (!r)
		r = more;
	return r ? r : s->more ? -EBADMSG : 0;
}

/* Of the mode what lists go by. */
static uint32_t mode_of(const uint8_t *record, const struct rock *r)
{
	uint32_t type = record_flags(record) & ISO_DIRECTORY ? S_IFDIR : S_IFREG;

	return type | (r->has_px ? r->mode & 07777 : 0555);
}

static uint64_t locator_in(uint64_t place) { return place & ((1ull << LOCATOR_SHIFT) - 1); }

uint64_t xattrs_place(const struct iso *iso, uint64_t locator)
{
	return locator_in(locator) | (uint64_t)iso_form(iso) << LOCATOR_SHIFT;
}

/* Not as an entry: a record of another session has a number that this one may not know.  name: NULL, or of the one that
 * is asked for. */
static int read_set(struct iso *iso, uint64_t locator, const char *name, uint8_t **ret, size_t *ret_bytes)
{
	_cleanup_cursor_ struct cursor c = {0};
	struct stream s = {0};
	const uint8_t *record;
	struct rock rock;
	uint32_t at;
	int r = locator_record(iso, locator, &c, &record, &at);

	if (r <= 0)
		return r ? r : -ENOENT;
	*ret = NULL;
	*ret_bytes = 0;
	r = collect(iso, record, &rock, &s);
	if (!r && s.met)
		r = name ? aaip_find(s.bytes, s.n, name, ret, ret_bytes) :
			   aaip_decode(s.bytes, s.n, mode_of(record, &rock), ret, ret_bytes);
	free(s.bytes);
	return r;
}

int iso_xattrs(struct iso *iso, uint64_t at, uint8_t **ret, size_t *ret_bytes)
{
	_cleanup_(iso_unrefp) struct iso *other = NULL;
	uint64_t locator = locator_in(at), form = at >> LOCATOR_SHIFT;
	int r = !at || form == iso_form(iso) ? 0 : iso_open_form(iso, (unsigned)form, &other);

	if (!r && at)
		return read_set(other ? other : iso, locator, NULL, ret, ret_bytes);
	if (!r)
		*ret = NULL, *ret_bytes = 0;
	return r;
}

/* ---- sums of libisofs ---- */

/* 1: the value; 0: it has none. */
static int read_own(struct iso *iso, uint64_t locator, const char *name, uint8_t **ret_set, const uint8_t **ret_value,
		    size_t *ret_bytes)
{
	size_t bytes;
	int r = read_set(iso, locator, name, ret_set, &bytes);

	if (r || !*ret_set)
		return r;
	r = xattrs_get(*ret_set, bytes, name, ret_value, ret_bytes);
	return r ? r : 1;
}

int iso_checksums(struct iso *iso, struct checksums *ret)
{
	_cleanup_entry_ struct iso_entry root = {0};
	_free_ uint8_t *set = NULL;
	const uint8_t *value;
	size_t bytes;
	int r = iso_root(iso, &root);

	if (!r && root.xattrs_at)
		r = read_own(iso, locator_in(root.xattrs_at), CHECKSUMS_ROOT_NAME, &set, &value, &bytes);
	if (r <= 0)
		return r;
	r = checksums_decode(value, bytes, ret);
	return r ? r : 1;
}

int iso_checksum_entry(struct iso *iso, const struct iso_entry *e, uint32_t *ret)
{
	_free_ uint8_t *set = NULL;
	const uint8_t *value;
	size_t bytes;
	int r = e->xattrs_at ? read_own(iso, locator_in(e->xattrs_at), CHECKSUMS_FILE_NAME, &set, &value, &bytes) : 0;

	if (r >= 0)
		*ret = r && bytes == CHECKSUMS_FILE_BYTES ? get_be32(value) : 0;
	return r < 0 ? r : 0;
}
