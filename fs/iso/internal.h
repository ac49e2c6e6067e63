/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * internal.h - what the files of this room share; nobody outside includes it
 *
 *	volume.c	descriptors, choice of the tree, life of struct iso
 *	sectors.c	sectors, their cache, continuation windows
 *	susp_walk.c	System Use entries and their continuation areas
 *	rock.c		what Rock Ridge says of a record
 *	entry.c		one directory record -> struct iso_entry
 *	links.c		which names of a foreign session are one file
 *	dir.c		cursor over a directory, iso_dir
 *	index.c		name -> record position of large directories
 *	lookup.c	iso_lookup, iso_entry_at
 *	room.c		iso_room
 *	walk.c		iso_walk
 *	xattrs.c	iso_xattrs
 *	checksums.c	iso_checksums_array
 *	pieces.c	iso_pieces
 *	names.c		iso_shown_names
 *	zisofs.c	compressed files
 *	content.c	the bytes of any file
 *	ahead.c		directories that will be read soon
 *
 * Locks: sector_cache.lock and index_cache.lock are leaves; neither is held over a disc read, and never both.
 * links.lock is held while the tree is walked.
 */
#ifndef FS_ISO_INTERNAL_H
#define FS_ISO_INTERNAL_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "burner/base/bytes.h"
#include "burner/base/idmap.h"
#include "burner/format/directory_record.h"
#include "burner/format/nanoseconds.h"
#include "burner/format/susp.h"
#include "fs/iso/iso.h"

#define DIRECTORY_MAX_BYTES (1u << 30)
#define SMALL_DIRECTORY_SECTORS 4u /* up to here a look-up reads the directory itself, through the sector cache */

enum iso_names { ISO_NAMES_ROCK_RIDGE, ISO_NAMES_JOLIET, ISO_NAMES_PLAIN }; /* which are shown */

struct sector_cache;
struct index_cache;

/* links.c.  NONE: too many of them, each name is a file of its own.  UNREADABLE: so it is here, too. */
enum links_state { LINKS_UNKNOWN, LINKS_KNOWN, LINKS_NONE, LINKS_UNREADABLE };
struct links {
	pthread_mutex_t lock;
	atomic_int state;
	atomic_bool required;
	struct idmap exceptions; /* once KNOWN; key of a class -> its number, 0: it is no file */
};

/* Nothing but refs, links, has_strays and the insides of the two caches changes after iso_open(). */
struct iso {
	struct disc *disc;
	atomic_uint refs;
	enum iso_names names;
	uint8_t susp_skip;     /* SP: bytes before the first entry of each System Use area */
	uint8_t block_shift;   /* of logical blocks: 9, 10 or 11; in all else of this room lba means such a block */
	bool rock_unannounced; /* no SP, PX or ER: what makes no sense in a System Use area is no Rock Ridge */
	bool passes_gaps;      /* iso_pass_gaps() */
	bool rock_behind_xa;   /* neither SP nor ER: attributes may stand behind those of CD-ROM XA, too */
	uint32_t descriptor_lba;
	uint64_t limit_sectors; /* end of the disc, or of what the volume says, if that is more; 0 unknown */
	uint64_t there_sectors; /* disc_state of that name */
	struct iso_extent root; /* as its "." says */
	struct iso_info info;
	uint64_t hash_seed;
	struct sector_cache *sectors;
	struct index_cache *indexes;
	struct links links;
	atomic_bool has_strays;
};

/* ---- volume.c ---- */

/* How records are read in the sessions of a reader: skip, size of blocks, where Rock Ridge is; 0 in those of ours. */
unsigned iso_form(const struct iso *iso);
/* A reader of the same disc for records of that form, and nothing else.  -EBADMSG: there is no such form. */
int iso_open_form(struct iso *iso, unsigned form, struct iso **ret);

/* ---- sectors.c ---- */

int sector_cache_new(struct sector_cache **ret);
void sector_cache_free(struct sector_cache *c);
void sector_cache_drop(struct sector_cache *c);
#define XA_BYTES 14u /* attributes of CD-ROM XA may come before the SUSP entries */

/* Metadata: so many sectors from a byte position on, which is a block's; few at a time go through the cache. */
int iso_read_sectors(struct iso *iso, uint64_t pos, void *buf, uint32_t n_sectors);
static inline uint64_t iso_position(const struct iso *iso, uint32_t lba) { return (uint64_t)lba << iso->block_shift; }
/* The beginning of a directory, which is its ".": -EBADMSG when it is none. */
int iso_read_dot(struct iso *iso, uint32_t lba, uint8_t ret[SECTOR_BYTES]);

/* A run of sectors kept by one caller, for continuation areas. Zeroed: empty. followed: see susp_walk.c. */
struct window {
	uint8_t *buf;
	uint32_t capacity, lba, n, ahead;
	uint64_t followed;
};
/* *ret: n sectors from lba, valid until the next call. Reads at least `ahead` sectors when it has to read and they
 * are there. */
int window_get(struct iso *iso, struct window *w, uint32_t lba, uint32_t n, const uint8_t **ret);
void window_release(struct window *w);

/* ---- susp_walk.c ---- */

/* The entries of one record. */
struct susp_walk {
	struct iso *iso;
	struct window *window;
	const uint8_t *at, *end;
	struct susp_ce next; /* where it goes on; bytes 0: nowhere */
	uint32_t budget;     /* bytes of continuation areas still allowed */
	unsigned hops, hops_max;
	bool breaks_off; /* there was an entry of no length */
};
void susp_walk_begin(struct susp_walk *s, struct iso *iso, struct window *window, const uint8_t *area, size_t n);
/* 1 and an entry (its length, >= 4, in byte 2, wholly inside), 0 at the end, or an errno (-E2BIG: there are more areas
 * than are followed). The entry is valid until the next call. */
int susp_walk_next(struct susp_walk *s, const uint8_t **ret);

/* ---- rock.c ---- */

struct rock {
	char name[256];
	uint32_t name_length;
	bool name_ended, name_bad, breaks_off;
	bool is_cut; /* there is a name that Linux does not take, or a target that ends nowhere */
	bool has_px, has_pn, has_cl, has_sl, is_relocated;
	bool has_atime, has_mtime, has_ctime, has_birth;
	bool has_xattrs;
	bool target_ended;
	uint32_t mode, nlink, uid, gid, serial, cl_lba;
	uint64_t rdev;
	struct timespec atime, mtime, ctime, birth;
	uint32_t ns[NS_TIMES]; /* of a session of ours, of its times */
	struct zisofs zisofs;
	uint64_t zisofs_size;
	struct iso_extent twin;
	uint32_t twin_areas, joliet_attempt;
	uint32_t target_length;
	char target[4096];
};
/* NAME: with the type and the locator; NUMBER: with the inode number, too. */
enum decode_depth { DECODE_NAME, DECODE_NUMBER, DECODE_ALL };
int rock_decode(struct iso *iso, struct window *window, const uint8_t *record, enum decode_depth depth,
		struct rock *ret);

/* ---- dir.c ---- */

struct cursor {
	struct iso *iso;
	uint32_t lba, bytes; /* the directory, or the rest of one */
	uint32_t at;	     /* byte position of the next record in it */
	uint32_t first, n;   /* sectors of it in buf */
	uint32_t chunk;	     /* sectors to read at a time; 1 stays so */
	bool is_rest;	     /* it does not begin where its directory does */
	uint32_t gaps;	     /* sectors that were passed over since no record begins in them */
	uint32_t skipped;    /* before this byte seeks may have passed by some that are not counted; 0: they did not */
	bool passes_gaps;    /* they are no error at the end */
	uint8_t *buf;
	struct window window;
	struct link_walk *walk; /* set: records are noted there, and have no number */
	char associated[64];	/* the first file of that kind that was passed over, as recorded; "" */
};
/* -EBADMSG: longer than a directory can be. No disc access. */
int cursor_begin(struct cursor *c, struct iso *iso, struct iso_extent dir);
/* What a name that was not found is, or the end of a listing: 0, or -EBADMSG where others may have been in a gap. */
int cursor_end(const struct cursor *c, bool has_gaps);
void cursor_release(struct cursor *c);
#define _cleanup_cursor_ __attribute__((cleanup(cursor_release)))
/* 1 and a sound record with its position, 0 at the end, or an errno (the position stays). Valid until the next call. */
int cursor_next_record(struct cursor *c, const uint8_t **ret, uint32_t *ret_at);
/* 1 and the next entry that is to be seen, 0 at the end, or an errno (the position stays; at the end -EBADMSG of a
 * directory with gaps, unless they are passed). *ret_at, its record, may be NULL. */
int cursor_next(struct cursor *c, enum decode_depth depth, struct iso_entry *ret, uint32_t *ret_at);

/* ---- entry.c ---- */

/* 1 and the entry, 0 when it is not to be seen (RE), or an errno. Further sections are taken from the cursor. */
int entry_decode(struct cursor *c, const uint8_t *record, uint32_t at, enum decode_depth depth, struct iso_entry *ret);
/* From the "." of a directory: name "", number 1 for the root. */
int entry_decode_self(struct iso *iso, struct iso_extent dir, struct iso_entry *ret);

/* 43 bits: byte address of the record, and above it, in as many bits as there are blocks in a sector, where in its
 * sector the directory begins; 20 bits above: sectors behind that one with more records of the same file, few or none
 * as a rule.  The cursor stands behind the last of them. */
#define LOCATOR_SHIFT 43u
static inline uint64_t locator_of(const struct cursor *c, uint32_t at)
{
	uint64_t behind = ((c->at - 1) >> SECTOR_SHIFT) - (at >> SECTOR_SHIFT), pos = iso_position(c->iso, c->lba);
	uint64_t phase = (pos & (SECTOR_BYTES - 1)) >> c->iso->block_shift;

	return behind << LOCATOR_SHIFT | phase << (32 + c->iso->block_shift) | (pos + at);
}

/* ---- links.c ---- */

struct link_walk;
/* Number and link count of a regular file of a foreign session that has content and, as its record says, several
 * names; all else is set, ino to that of its record.  What the disc says while its tree is walked. */
int links_number(struct cursor *c, uint32_t serial, uint32_t first_lba, struct iso_entry *e);

/* ---- xattrs.c ---- */

/* xattrs_at of an entry, from its locator: the 43 bits of that, and above them the form of records. */
uint64_t xattrs_place(const struct iso *iso, uint64_t locator);

/* ---- lookup.c ---- */

/* 1 and the record of a locator, with its place; 0: none is there. Valid while the cursor is where it stands. */
int locator_record(struct iso *iso, uint64_t locator, struct cursor *c, const uint8_t **ret, uint32_t *ret_at);

/* ---- index.c ---- */

int index_cache_new(struct index_cache **ret);
void index_cache_free(struct index_cache *c);
/* The index of a directory, built when there is none; to be put. -EFBIG: this directory has to be searched (too
 * large, or damaged). Other errnos: from reading it. */
struct name_index;
int index_get(struct iso *iso, struct iso_extent dir, struct name_index **ret);
void index_put(struct iso *iso, struct name_index *index);
/* Names are missing in it: there was a gap (struct cursor). */
bool index_has_gaps(const struct name_index *index);
/* Record positions of the entries that may be called so, ascending: *state starts at 0. */
uint32_t index_hash(const struct iso *iso, const char *name);
bool index_next(const struct name_index *index, uint32_t hash, size_t *state, uint32_t *ret_at);

#endif
