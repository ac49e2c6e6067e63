/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * entry.c - one directory record, with what SUSP adds, as a struct iso_entry
 *
 * The record says whether it is a directory; Rock Ridge's mode says what else it is.  A mode that contradicts the
 * record (a directory without its flag) is no damage but a regular file: only what the record says is followed.
 * Relocated directories (CL) take everything but their name from the "." of the directory they point to, as on Linux.
 * Where a file's sections lie is not looked at: bad addresses are found when they are read.
 */
#include <string.h>
#include <sys/stat.h>

#include "burner/format/date.h"
#include "burner/format/identifier.h"
#include "burner/format/joliet.h"
#include "fs/iso/internal.h"

#define SECTIONS_MAX 65536u	      /* of one file; 8 TiB needs 2049 */
#define POSITION_REFUSED (1ull << 62) /* iso_read_disc() answers -EBADMSG */

struct sections {
	struct extent *list;
	uint32_t n, capacity, n_recorded; /* n_recorded: before they were joined */
	uint64_t bytes;
	uint32_t first_lba; /* of the first one that is not empty */
	bool halves_differ;
};

static int sections_grow(struct sections *s)
{
	uint32_t capacity = s->capacity ? s->capacity * 2 : 1;
	struct extent *grown = realloc(s->list, capacity * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	s->list = grown;
	s->capacity = capacity;
	return 0;
}

static int sections_add(const struct iso *iso, struct sections *s, const uint8_t *record, enum decode_depth depth)
{
	struct extent *last = s->n ? &s->list[s->n - 1] : NULL;
	uint64_t length = record_bytes(record), pos;
	uint32_t lba;
	int r = record_lba(record, &lba);

	s->halves_differ |= !record_halves_agree(record);
	if (r || !length)
		return r;
	if (!s->bytes)
		s->first_lba = lba;
	s->bytes += length;
	s->n_recorded++;
	if (depth != DECODE_ALL)
		return 0;
	pos = record_is_interleaved(record) ? POSITION_REFUSED : iso_position(iso, lba);
	if (last && last->pos + last->length == pos) {
		last->length += length;
		return 0;
	}
	r = s->n == s->capacity ? sections_grow(s) : 0;
	if (r)
		return r;
	s->list[s->n++] =
		(struct extent){.offset = s->bytes - length, .length = length, .pos = pos, .kind = EXTENT_DISC};
	return 0;
}

/* ECMA-119 6.5.1: the records of a file's sections follow each other; all but the last say that there are more. */
static int sections_collect(struct cursor *c, const uint8_t *record, enum decode_depth depth, struct sections *s)
{
	uint8_t id[256], id_length = record_id_length(record);
	uint32_t at, gaps = c->gaps;
	int r = sections_add(c->iso, s, record, depth);

	if (r || !(record_flags(record) & ISO_MULTIEXTENT))
		return r;
	memcpy(id, record_id(record), id_length);
	for (uint32_t i = 1; i < SECTIONS_MAX; i++) {
		int more = cursor_next_record(c, &record, &at);
		if (more < 0)
			return more;
		if (!more || c->gaps != gaps || record_id_length(record) != id_length ||
		    memcmp(record_id(record), id, id_length) != 0)
			return -EBADMSG;
		r = sections_add(c->iso, s, record, depth);
		if (r || !(record_flags(record) & ISO_MULTIEXTENT))
			return r;
	}
	return -EBADMSG;
}

static uint32_t type_of(const uint8_t *record, const struct rock *r)
{
	if (r->has_cl || record_flags(record) & ISO_DIRECTORY)
		return S_IFDIR;
	switch (r->mode & S_IFMT) {
	case S_IFLNK:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return r->mode & S_IFMT;
	default:
		return r->has_sl && !r->has_px ? S_IFLNK : S_IFREG;
	}
}

static void add_nanoseconds(struct timespec *time, uint32_t ns)
{
	if (ns)
		time->tv_nsec = (long)ns;
}

/* Mode, owner, times; r is all zeros without Rock Ridge. */
static void set_attributes(struct iso_entry *e, uint32_t type, const uint8_t *record, const struct rock *r)
{
	struct timespec date = {0, 0};

	if (!r->has_mtime || !r->has_atime || !(r->has_ctime || r->has_birth))
		(void)date_decode_short(record_date(record), &date);
	e->mode = type | (r->has_px ? r->mode & 07777 : type == S_IFLNK ? 0777 : 0555);
	/* A link without PX is none to Linux; a type that is not the record's is followed by nobody alike. */
	if (!r->has_cl && (r->has_px ? (r->mode & S_IFMT) != type || (r->has_sl && type != S_IFLNK) : r->has_sl))
		e->odd |= ODDITY_BIT(ODDITY_TYPES);
	e->uid = r->uid;
	e->gid = r->gid;
	e->nlink = e->recorded_nlink = r->nlink ? r->nlink : 1;
	e->mtime = r->has_mtime ? r->mtime : date;
	e->atime = r->has_atime ? r->atime : date;
	/* Some writers have the time of the attributes' change where that of creation goes: Linux takes it for that. */
	e->ctime = r->has_ctime ? r->ctime : r->has_birth ? r->birth : date;
	if (r->has_birth && r->has_ctime)
		e->birth = r->birth;
	add_nanoseconds(&e->mtime, r->ns[NS_MODIFY]);
	add_nanoseconds(&e->ctime, r->ns[NS_ATTRIBUTES]);
	add_nanoseconds(&e->atime, r->ns[NS_ACCESS]);
	if (r->has_pn && (type == S_IFCHR || type == S_IFBLK))
		e->rdev = r->rdev;
}

/* What only sessions of ours say. */
static void set_private(const struct iso *iso, struct iso_entry *e, const struct rock *r)
{
	if (!iso->info.ours || !(iso->info.appuse.flags & APPUSE_TWINS))
		return;
	if (S_ISDIR(e->mode)) {
		e->twin = r->twin;
		e->area_sectors = r->twin_areas;
	}
	e->joliet_attempt = r->joliet_attempt + 1;
}

static int decode_rock(struct iso *iso, struct window *w, const uint8_t *record, enum decode_depth depth,
		       struct rock *r)
{
	if (iso->names == ISO_NAMES_ROCK_RIDGE)
		return rock_decode(iso, w, record, depth, r);
	memset((char *)r + offsetof(struct rock, name_length), 0,
	       offsetof(struct rock, target) - offsetof(struct rock, name_length));
	return 0;
}

static void set_name(struct iso *iso, struct iso_entry *e, const uint8_t *record, const struct rock *r)
{
	if (r->name_length)
		memcpy(e->name, r->name, r->name_length + 1);
	else if (iso->names == ISO_NAMES_JOLIET)
		joliet_name(record_id(record), record_id_length(record), e->name);
	else
		identifier_name(record_id(record), record_id_length(record), e->name);
}

/* Of the "." of a directory that begins there. */
static uint64_t dot_locator(const struct iso *iso, uint32_t lba)
{
	uint64_t pos = iso_position(iso, lba);

	return ((pos & (SECTOR_BYTES - 1)) >> iso->block_shift) << (32 + iso->block_shift) | pos;
}

/* Place, length and attributes of the directory that begins at dir->lba. */
static int take_self(struct iso *iso, struct iso_extent *dir, struct iso_entry *e)
{
	__attribute__((cleanup(window_release))) struct window w = {0};
	uint8_t sector[SECTOR_BYTES];
	struct rock r;
	uint32_t lba, asked = dir->lba;
	int err = iso_read_dot(iso, asked, sector);

	if (!err)
		err = decode_rock(iso, &w, sector, DECODE_ALL, &r);
	if (!err)
		err = record_lba(sector, &lba);
	if (err)
		return err;
	if (!record_halves_agree(sector))
		e->odd |= ODDITY_BIT(ODDITY_BYTE_ORDERS);
	if (lba != dir->lba)
		e->odd |= ODDITY_BIT(ODDITY_DIRECTORIES);
	*dir = (struct iso_extent){lba, record_bytes(sector)};
	set_attributes(e, S_IFDIR, sector, &r);
	set_private(iso, e, &r);
	e->xattrs_at = r.has_xattrs ? xattrs_place(iso, dot_locator(iso, asked)) : 0;
	return 0;
}

/*
 * A directory that its record says to be there: its "." says the rest, also where it is and how long.  Sessions of ours
 * say the same in both, and their directories lie far apart on a disc: there the cursor compares, when it comes by.
 * What cannot be read is an error of its listing, not of its parent's.
 */
static int take_directory(struct iso *iso, const uint8_t *record, const struct rock *r, struct iso_entry *e)
{
	struct iso_extent said = {.bytes = record_bytes(record)};
	oddities before = e->odd;
	int err = record_lba(record, &said.lba);

	/* ECMA-119 6.8.1: one section.  Linux lists none that says there are more. */
	if (record_flags(record) & ISO_MULTIEXTENT)
		before |= ODDITY_BIT(ODDITY_DIRECTORIES);
	e->odd = before;
	e->dir = said;
	if (err || (iso->info.ours && said.bytes))
		return err;
	err = take_self(iso, &e->dir, e);
	if (!err && e->dir.bytes != said.bytes)
		e->odd |= ODDITY_BIT(ODDITY_DIRECTORIES);
	if (err != -EBADMSG && err != -EIO)
		return err;
	e->odd = before | (err == -EBADMSG ? ODDITY_BIT(ODDITY_DIRECTORIES) : 0);
	e->dir = said;
	set_attributes(e, S_IFDIR, record, r);
	return 0;
}

/* What belongs to the entry's type. */
static int set_content(struct cursor *c, struct iso_entry *e, const uint8_t *record, const struct rock *r,
		       struct sections *s)
{
	if (r->has_cl) {
		e->dir = (struct iso_extent){.lba = r->cl_lba};
		return take_self(c->iso, &e->dir, e);
	}
	if (S_ISDIR(e->mode))
		return take_directory(c->iso, record, r, e);
	if (S_ISLNK(e->mode)) {
		e->target = strndup(r->target, r->target_length);
		return e->target ? 0 : -ENOMEM;
	}
	if (S_ISREG(e->mode)) {
		e->size = zisofs_used(&r->zisofs) ? r->zisofs_size : s->bytes;
		e->zisofs = r->zisofs;
		e->n_extents = s->n;
		e->n_sections = s->n_recorded;
		e->extents = TAKE_PTR(s->list);
	}
	return 0;
}

/* In sessions of ours the serial; else the place of the record, as Linux counts it. */
static uint64_t ino_of(struct cursor *c, uint32_t at, const struct rock *r)
{
	uint64_t pos = iso_position(c->iso, c->lba) + at;

	if (!c->iso->info.ours || c->iso->names != ISO_NAMES_ROCK_RIDGE)
		return (pos >> SECTOR_SHIFT) << 6 | (pos & (SECTOR_BYTES - 1)) >> 5;
	if (r->serial > 1 && r->serial < c->iso->info.appuse.next_ino)
		return r->serial;
	atomic_store(&c->iso->has_strays, true);
	return ISO_STRAY | locator_of(c, at);
}

bool iso_has_strays(const struct iso *iso) { return atomic_load(&iso->has_strays); }

bool iso_is_record_of(struct iso_extent dir, uint64_t locator)
{
	uint64_t lba = (locator & ((1ull << LOCATOR_SHIFT) - 1)) >> SECTOR_SHIFT;

	return lba >= dir.lba && lba - dir.lba < sectors_of(dir.bytes);
}

/* Does its number need all of the record (links.c)? */
static bool may_be_linked(const struct cursor *c, const struct rock *r, uint32_t type)
{
	return !c->iso->info.ours && type == S_IFREG && r->nlink > 1;
}

/* All but name and number. */
static int decode_rest(struct cursor *c, const uint8_t *record, uint32_t type, const struct rock *r,
		       enum decode_depth depth, struct iso_entry *e, struct sections *s)
{
	int err = 0;

	if (depth == DECODE_ALL) {
		if (c->iso->names != ISO_NAMES_JOLIET)
			identifier_recorded(record_id(record), record_id_length(record), e->iso_name);
		set_attributes(e, type, record, r);
		set_private(c->iso, e, r);
		e->hidden = record_flags(record) & ISO_EXISTENCE;
		if (!record_halves_agree(record))
			e->odd |= ODDITY_BIT(ODDITY_BYTE_ORDERS);
	} else {
		e->mode = type;
	}
	/* A directory's first record is used up here: collecting may move the cursor's buffer. */
	if (depth == DECODE_ALL && type == S_IFDIR)
		err = set_content(c, e, record, r, s);
	else if (type != S_IFDIR)
		err = sections_collect(c, record, depth, s);
	if (!err && depth == DECODE_ALL && type != S_IFDIR)
		err = set_content(c, e, NULL, r, s);
	if (s->halves_differ)
		e->odd |= ODDITY_BIT(ODDITY_BYTE_ORDERS);
	return err;
}

static int decode(struct cursor *c, const uint8_t *record, uint32_t at, enum decode_depth depth, struct iso_entry *e,
		  struct sections *s)
{
	struct rock r;
	uint32_t type;
	int err = decode_rock(c->iso, &c->window, record, depth, &r);

	if (err)
		return err;
	if (r.is_relocated)
		return 0;
	type = type_of(record, &r);
	if (r.is_cut)
		e->odd |= ODDITY_BIT(ODDITY_ROCK_RIDGE);
	if (depth == DECODE_NUMBER && may_be_linked(c, &r, type)) {
		depth = DECODE_ALL;
		err = decode_rock(c->iso, &c->window, record, depth, &r);
	}
	set_name(c->iso, e, record, &r);
	if (!err)
		err = decode_rest(c, record, type, &r, depth, e, s);
	if (err)
		return err;
	e->ino = ino_of(c, at, &r);
	e->locator = locator_of(c, at);
	e->xattrs_at = r.has_xattrs ? xattrs_place(c->iso, e->locator) : 0;
	if (depth == DECODE_ALL && s->bytes && may_be_linked(c, &r, type))
		err = links_number(c, r.serial, s->first_lba, e);
	else if (depth == DECODE_ALL && !c->iso->info.ours && type != S_IFDIR)
		e->nlink = 1; /* nothing tells which names are one */
	return err ? err : 1;
}

int entry_decode(struct cursor *c, const uint8_t *record, uint32_t at, enum decode_depth depth, struct iso_entry *ret)
{
	struct sections sections = {0};
	struct iso_entry e;
	int more;

	memset((char *)&e + sizeof(e.name), 0, sizeof(e) - sizeof(e.name));
	more = decode(c, record, at, depth, &e, &sections);
	free(sections.list);
	if (depth != DECODE_ALL)
		iso_entry_release(&e);
	if (more > 0)
		*ret = e;
	else
		iso_entry_release(&e);
	return more;
}

int entry_decode_self(struct iso *iso, struct iso_extent dir, struct iso_entry *ret)
{
	struct iso_entry e = {.dir = dir};
	uint64_t behind = dir.bytes ? sectors_of(dir.bytes) - 1 : 0;
	int r = take_self(iso, &e.dir, &e);

	if (r)
		return r;
	if (dir.bytes && e.dir.bytes != dir.bytes)
		e.odd |= ODDITY_BIT(ODDITY_DIRECTORIES);
	e.ino = dir.lba == iso->root.lba ? 1 : iso_position(iso, dir.lba) >> SECTOR_SHIFT << 6;
	e.locator = behind << LOCATOR_SHIFT | dot_locator(iso, dir.lba);
	*ret = e;
	return 0;
}

void iso_entry_release(struct iso_entry *e)
{
	free(e->extents);
	free(e->target);
	e->extents = NULL;
	e->target = NULL;
	e->n_extents = 0;
}
