/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/format/bound.h"

#include <assert.h>
#include <sys/stat.h>

#include "burner/format/directory_record.h"
#include "burner/format/geometry.h"
#include "burner/format/identifier.h"
#include "burner/format/nanoseconds.h"
#include "burner/format/path_table.h"
#include "burner/format/rock_ridge.h"
#include "burner/format/twin.h"

static_assert(BOUND_RECORD_MAX == RECORD_MAX_BYTES, "bound.h does without libiso9660");
static_assert(BOUND_FILE_BYTES == BOUND_SECTIONS * SECTION_MAX_BYTES, "the longest file");
static_assert(BOUND_ALIGN_SECTORS == SESSION_ALIGN_SECTORS, "what a session's length is a multiple of, at most");
static_assert(BOUND_RECORD_MIN == RECORD_MIN_BYTES + RRIP_PX_BYTES + RRIP_TF_BYTES + RRIP_NM_FIXED_BYTES + 1, "a name");
static_assert(BOUND_JOLIET_MAX == sizeof(iso9660_dir_t) + 1 + 2 * JOLIET_CHARS, "the identifier has an even length");

/* A longer name is not its own identifier. */
#define PLAIN_MAX (IDENTIFIER_STEM + 1 + IDENTIFIER_EXTENSION)

/*
 * UTF-16 characters of the Joliet name.  It may be taken already when it is made of another: a character was replaced
 * or it was cut; and beside older names, which go first, when it looks as if made so.  It then gets a '~' and five
 * more, and its twin entry says so.
 */
static uint32_t bound_joliet_chars(const struct bound_entry *e, bool *ret_may_clash)
{
	bool changed;
	uint32_t n = (uint32_t)joliet_text(e->name, NULL, 0, &changed);

	*ret_may_clash = !e->first && (changed || n > JOLIET_CHARS || (e->joins && strpbrk(e->name, "_~")));
	n += *ret_may_clash ? 1 + NAME_HASH_CHARS : 0;
	return n < JOLIET_CHARS ? n : JOLIET_CHARS;
}

/*
 * The ISO name that a new record gets: itself in 8.3 form, or, always when it is no such name or that is taken, made
 * of three characters, a hash and the extension.  The longer of both, and by how much.
 */
static uint32_t bound_iso_bytes(const char *name, bool directory, uint32_t *ret_unsure)
{
	uint32_t length = (uint32_t)strlen(name), made, plain, extension;
	const char *end = name + length, *dot = directory ? NULL : strrchr(name, '.');

	if (dot == name)
		dot = NULL;
	extension = dot ? identifier_legal(dot + 1, end, IDENTIFIER_EXTENSION, NULL) : 0;
	made = identifier_legal(name, dot ? dot : end, IDENTIFIER_PREFIX, NULL) + NAME_HASH_CHARS +
	       (extension ? 1 + extension : 0) + (directory ? 0 : IDENTIFIER_VERSION_BYTES + !extension);
	*ret_unsure = 0;
	if (length > PLAIN_MAX || identifier_legal(name, end, length, NULL) + (dot != NULL) < length)
		return made;
	plain = !directory		 ? length + IDENTIFIER_VERSION_BYTES + !dot :
		length < IDENTIFIER_STEM ? length :
					   IDENTIFIER_STEM;
	*ret_unsure = made > plain ? made - plain : plain - made;
	return made > plain ? made : plain;
}

/* The largest piece of the area that is not cut: what of a block stays unused is less, with a CE entry at the end of
 * what is cut.  Without a link areas lie so that they take no more than if none were cut. */
static void bound_area(const uint32_t *entry, unsigned n, unsigned link, struct bound_name *ret)
{
	ret->area_cut = link < n || ret->area > BOUND_AREA_MAX;
	if (link == n) {
		ret->area_piece = ret->area_cut ? BOUND_AREA_MAX : ret->area;
		return;
	}
	ret->area_piece = BOUND_LINK_PIECE;
	for (unsigned i = 0; i < n; i++)
		if (i != link && entry[i] > ret->area_piece)
			ret->area_piece = entry[i];
	ret->area_piece += SUSP_CE_BYTES;
}

/*
 * System Use entries behind PX and TF, in their order: what does not fit into the record goes to the area.  link:
 * which of them stands for all SL entries, n: none; several of them do not fit into a record, not even the first.
 * unsure: bytes that may be fewer, so that a record is counted as full when it might be.
 */
static void bound_cut(uint32_t fixed, uint32_t unsure, const uint32_t *entry, unsigned n, unsigned link,
		      struct bound_name *ret)
{
	uint32_t room = BOUND_RECORD_MAX - fixed, inside = RRIP_PX_BYTES + RRIP_TF_BYTES, all = inside;
	unsigned i = 0;

	for (unsigned j = 0; j < n; j++)
		all += entry[j];
	if (all > room) {
		while (inside + entry[i] <= room - SUSP_CE_BYTES)
			inside += entry[i++];
		ret->area = all - inside;
		bound_area(entry + i, n - i, link < i || link == n ? n - i : link - i, ret);
		if (all <= room + unsure || inside + entry[i] <= room - SUSP_CE_BYTES + unsure)
			all = room;
		else
			all = inside + SUSP_CE_BYTES;
	}
	ret->record = (fixed + all + 1) & ~1u;
}

uint32_t bound_more(uint32_t mode, bool zisofs)
{
	return S_ISCHR(mode) || S_ISBLK(mode) ? RRIP_PN_BYTES : zisofs ? RRIP_ZF_BYTES : 0;
}

uint32_t bound_more_max(void) { return RRIP_PN_BYTES > RRIP_ZF_BYTES ? RRIP_PN_BYTES : RRIP_ZF_BYTES; }

struct bound_name bound_name(const struct bound_entry *e)
{
	struct bound_name b = {0};
	bool directory = S_ISDIR(e->mode), file = S_ISREG(e->mode), may_clash;
	uint32_t length = (uint32_t)strlen(e->name), unsure, iso = bound_iso_bytes(e->name, directory, &unsure),
		 entries[6];
	uint32_t old = e->kept && strlen(e->kept) <= IDENTIFIER_BYTES ?
			       (uint32_t)strlen(e->kept) + 1 + IDENTIFIER_VERSION_BYTES :
			       0,
		 joliet = 2 * bound_joliet_chars(e, &may_clash);
	unsigned n = 0, link;

	/* One more to be even. */
	unsure += (unsure > 0) + (old > iso ? old - iso + 1 : 0) + (file && may_clash ? TWIN_BYTES : 0);
	iso = old > iso ? old : iso;
	entries[n++] = RRIP_NM_FIXED_BYTES + (length < RRIP_NM_TEXT_MAX ? length : RRIP_NM_TEXT_MAX);
	if (length > RRIP_NM_TEXT_MAX)
		entries[n++] = RRIP_NM_FIXED_BYTES + length - RRIP_NM_TEXT_MAX;
	link = n;
	if (e->target)
		entries[n++] = rrip_sl_encode(e->target, NULL);
	if (e->more)
		entries[n++] = e->more;
	if (directory || (file && may_clash))
		entries[n++] = TWIN_BYTES;
	entries[n++] = NANOSECONDS_BYTES;
	bound_cut(record_system_use_at(iso), unsure, entries, n, e->target ? link : n, &b);
	b.joliet = directory || file ? record_system_use_at(joliet) : 0;
	b.may_clash = b.joliet && may_clash;
	b.table = directory ? 2 * (path_record_bytes(iso) + path_record_bytes(joliet)) : 0;
	return b;
}

void bound_add(struct bound_directory *d, const struct bound_name *b, uint64_t records)
{
	d->record_bytes += b->record * records;
	d->joliet_bytes += b->joliet * records;
	d->area_bytes += b->area;
	d->record_max = b->record > d->record_max ? b->record : d->record_max;
	d->joliet_max = b->joliet > d->joliet_max ? b->joliet : d->joliet_max;
	d->area_max = b->area_piece > d->area_max ? b->area_piece : d->area_max;
	d->n_records += records;
	d->n_joliet += b->joliet ? records : 0;
	d->n_areas += b->area ? 1 + b->area / (SECTOR_BYTES - BOUND_AREA_MAX) : 0;
	d->area_cut |= b->area_cut;
}

void bound_remove(struct bound_directory *d, const struct bound_name *b)
{
	d->record_bytes -= b->record < d->record_bytes ? b->record : d->record_bytes;
	d->joliet_bytes -= b->joliet < d->joliet_bytes ? b->joliet : d->joliet_bytes;
	d->area_bytes -= b->area < d->area_bytes ? b->area : d->area_bytes;
	d->n_records -= d->n_records > 0;
	d->n_joliet -= b->joliet && d->n_joliet;
	uint64_t areas = b->area ? 1 + b->area / (SECTOR_BYTES - BOUND_AREA_MAX) : 0;
	d->n_areas -= areas < d->n_areas ? areas : d->n_areas;
}

uint64_t bound_packed_sectors(uint64_t before, uint64_t bytes, uint64_t n, uint32_t most)
{
	uint64_t each, taken;

	if (!n || !most)
		return before != 0;
	each = SECTOR_BYTES / most;
	taken = (before + most - 1) / most;
	return min_u64((before + bytes) / (SECTOR_BYTES + 1 - most) + 1, (n + taken + each - 1) / each);
}

/* "." with what a root says, and ".."; in Joliet neither says anything. */
#define DOT_BYTES (RECORD_MIN_BYTES + RRIP_PX_BYTES + RRIP_TF_BYTES)
#define ROOT_DOT_BYTES (DOT_BYTES + SUSP_SP_BYTES + SUSP_ER_RRIP_BYTES + TWIN_BYTES + NANOSECONDS_BYTES + 1)
static_assert(DOT_BYTES % 2 == 0 && ROOT_DOT_BYTES % 2 == 0, "ECMA-119 9.1.13: records are of even length");

uint64_t bound_directory_sectors(const struct bound_directory *d)
{
	uint64_t areas = d->area_cut && d->area_bytes ? UINT32_MAX : d->n_areas;

	return bound_packed_sectors(ROOT_DOT_BYTES + DOT_BYTES, d->record_bytes, d->n_records, d->record_max) +
	       bound_packed_sectors(2 * RECORD_MIN_BYTES, d->joliet_bytes, d->n_joliet, d->joliet_max) +
	       bound_packed_sectors(0, d->area_bytes, areas, d->area_max);
}

uint64_t bound_growth(uint64_t sectors, uint32_t most, uint64_t bytes, uint64_t n, uint32_t longest)
{
	uint64_t filled = sectors * (most - 1) + bytes, old, mixed;

	if (!n || longest > most)
		return n;
	old = filled / (SECTOR_BYTES + 1 - most) + 1;
	mixed = (sectors * (SECTOR_BYTES + longest - 1) + bytes) / (SECTOR_BYTES + 1 - longest) + 1;
	return min_u64(n, min_u64(old, mixed));
}
