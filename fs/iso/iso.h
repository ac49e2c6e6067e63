/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * iso.h - reader of one session: ECMA-119 with Rock Ridge (SUSP, RRIP), Joliet or plain names; lazy and bounded
 *
 * iso_open() reads the volume descriptors and the root's "." only.  Rock Ridge first, then Joliet, then plain names
 * (lower-cased, version and trailing dot stripped).  -> iso_root(), iso_lookup(), iso_dir_open()/next(),
 * iso_zisofs_read() -> iso_unref().
 *
 * Threads: everything may be called from any thread; an iso_dir belongs to one thread at a time.  The object never
 * changes but for its bounded caches (an index of names for directories larger than a few sectors, LRU, at most 16
 * MiB in all; inside one lock that is never held over a disc read). Errors: -EBADMSG damaged structure, -EIO
 * unreadable, -EMEDIUMTYPE not ISO 9660, -ENOENT, -ENAMETOOLONG, -EAGAIN as in cdappendfs/disc.h. A damaged record
 * is an error of the operation on it (iso_dir_next skips nothing silently: it returns -EBADMSG and ends). Memory
 * and time of each call are bounded whatever the disc says: CE chains <= 32 hops, directories <= the disc's size,
 * names <= 255 bytes ('/' and NUL inside names, "." and ".." as names: replaced or refused), no recursion. An
 * interleaved file is listed, but its extents have a pos no disc has (>= 2^43): reading it is -EBADMSG, and it
 * cannot be linked.
 */
#ifndef FS_ISO_ISO_H
#define FS_ISO_ISO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "burner/base/idset.h"
#include "burner/base/own.h"
#include "burner/base/sha256.h"
#include "burner/format/appuse.h"
#include "burner/format/checksums.h"
#include "cdappendfs/disc.h"
#include "cdappendfs/extent.h"
#include "cdappendfs/oddity.h"

struct iso;

/*
 * Numbers that no session gives: of records of ours whose serial number cannot be (none, the root's, or one that the
 * session says it has not given yet).  Such a record is damaged, and can be read all the same: its number is that of
 * its place, beyond all serial numbers.  So is that of a record whose serial number another file has (fs/tree).
 */
#define ISO_STRAY (1ull << 63)
static inline bool iso_is_stray(uint64_t ino) { return ino & ISO_STRAY; }

/* Where a directory's records are, in logical blocks of the disc. bytes is a multiple of 2048 in well-made discs. */
struct iso_extent {
	uint32_t lba, bytes;
};

/*
 * One decoded entry.  Inode numbers: our sessions: the PX serial (root: 1), or a stray one.  Foreign: record_lba << 6 |
 * offset_in_sector >> 5 as Linux counts them; of hard links (regular, size > 0): first_lba << 6 | 63 as a rule, when
 * it is known that they are (links.c); of the root: 1.  Relocated directories: of the CL record. So all numbers stay
 * below 2^32 on media below 2^26 sectors and become PX serials of our sessions unchanged.
 */
struct iso_entry {
	char name[256];
	uint64_t ino;
	uint64_t size; /* regular files; zisofs: uncompressed */
	uint64_t rdev;
	struct timespec atime, mtime, ctime; /* UTC; without TF: the record's date for all three */
	struct timespec birth;		     /* zeros: not known */
	uint32_t mode, uid, gid;	     /* without Rock Ridge: 0555, 0, 0 */
	uint32_t nlink;			     /* names with this number: of foreign files 1, or all that PX says */
	uint32_t recorded_nlink;	     /* what PX says; without Rock Ridge 1 */
	struct iso_extent dir;		     /* directories (CL followed) */
	struct zisofs zisofs;
	uint32_t n_extents;  /* regular files, size > 0 */
	uint32_t n_sections; /* the same: sections that are not empty */
	/* kind DISC; owned by the entry; multi-extent sections in order, adjacent ones joined */
	struct extent *extents;
	char *target;	    /* symlinks, at most 4095 bytes; owned by the entry */
	uint64_t locator;   /* of the record, for iso_entry_at() */
	uint64_t xattrs_at; /* where iso_xattrs() finds extended attributes and ACLs; 0: it has none */
	bool hidden;	   /* its existence is not to be made known (ECMA-119 9.1.6); shown all the same, as by Linux */
	char iso_name[40]; /* identifier as recorded, version cut; "" when it does not fit */
	/* Of twins' entries (burner/SESSION.md), zeros but in sessions of ours that have them: */
	struct iso_extent twin;	 /* directories: records of the Joliet twin; bytes 0: there is none */
	uint32_t area_sectors;	 /* directories: continuation areas right behind their records */
	uint32_t joliet_attempt; /* + 1: which of the made names the Joliet record has */
	oddities odd;		 /* what of it contradicts itself */
};
/* Sectors that a directory of ours takes in both trees. */
static inline uint64_t iso_entry_sectors(const struct iso_entry *e)
{
	return (((uint64_t)e->dir.bytes + 2047) >> 11) + e->area_sectors + (((uint64_t)e->twin.bytes + 2047) >> 11);
}
/* A path table: both its forms have the same length. */
struct iso_table {
	uint32_t lba[2], bytes;
};					     /* L, M */
void iso_entry_release(struct iso_entry *e); /* frees what it owns and clears the pointers; fine on a zeroed one */
#define _cleanup_entry_ __attribute__((cleanup(iso_entry_release)))

struct iso_info {
	bool rock_ridge, joliet, ours;
	char volume_id[33];
	int64_t created;
	uint32_t volume_sectors;
	struct appuse appuse;	    /* valid when ours */
	struct iso_table tables[2]; /* as the primary and the Joliet descriptor say */
	oddities odd;		    /* what of descriptors and roots contradicts itself */
};

/* descriptor_lba: of the primary volume descriptor (disc_session.descriptor_lba). The disc must outlive the object. */
int iso_open(struct disc *disc, uint32_t descriptor_lba, struct iso **ret);
/* The other trees of the same volume, one after the other, as they name it: the primary one where it is not shown,
 * Joliet, and what other supplementary descriptors name (ISO 9660:1999).  *at starts at 0.  -ENOENT: no more. */
int iso_open_other(struct iso *iso, uint32_t *at, struct iso **ret);
struct iso *iso_ref(struct iso *iso);
void iso_unref(struct iso *iso); /* NULL is fine */
static inline void iso_unrefp(struct iso **iso) { iso_unref(*iso); }
void iso_info(const struct iso *iso, struct iso_info *ret);
struct disc *iso_disc(const struct iso *iso);
/* Its indexes of names, and the sectors that it keeps, are made and read again when they are needed. */
void iso_drop_caches(struct iso *iso);

int iso_root(struct iso *iso, struct iso_entry *ret);

/*
 * What a walk over directories may still meet: a block is of one directory, and there are as many as the disc has,
 * whatever it says.  So one that goes on behind that is led in circles, or through directories that overlap.
 */
struct iso_room {
	struct idset met, begins; /* blocks of directories; of these the first ones */
	uint64_t end, blocks;	  /* how many the disc has; that may still be met */
	uint32_t directories;
	uint8_t block_shift;
};
void iso_room_init(const struct iso *iso, struct iso_room *ret); /* NULL: of no disc */
void iso_room_release(struct iso_room *room);
/* For each directory that is met: 0; 1: it was met before; -EBADMSG: there is no room for it; -ENOMEM. */
int iso_room_take(struct iso_room *room, struct iso_extent dir);

/* Walks all of it. 1: every directory and the end of every file can be read; 0: not; other errors than of the disc. */
int iso_is_whole(struct iso *iso);
/* *ret is filled on success only.  -ENOENT: no such name; -EBADMSG: it may have been in a sector that is zeros.  Large
 * directories are indexed at the first look-up. */
int iso_lookup(struct iso *iso, struct iso_extent dir, const char *name, struct iso_entry *ret);

/* The same of a path from the root, without a slash before it; "" the root.  -ENOENT also when what is above is no
 * directory. */
int iso_lookup_path(struct iso *iso, const char *path, struct iso_entry *ret);

/* From now on hard links whose tree cannot be read are errors (-EIO, -EBADMSG), instead of files of their own: what is
 * staged knows them by number. */
void iso_require_links(struct iso *iso);
/* A stray number was met in a record: what the session says of its numbers is not to be relied on. */
bool iso_has_strays(const struct iso *iso);
/* What a sector of zeros in a directory may have named is given up, as ODDITY_DIRECTORIES was accepted: from now on
 * what is not found is not there.  Before others have the reader; those that it opens do the same. */
void iso_pass_gaps(struct iso *iso);
/* Does that record lie in this directory? Of a session of ours. */
bool iso_is_record_of(struct iso_extent dir, uint64_t locator);
/* They were files of their own for that reason: of such a disc nothing may be staged. */
bool iso_links_unknown(const struct iso *iso);

/* Records of one directory in the order of the disc; "." and ".." left out; multi-extent files once; relocated
 * placeholders (RE) left out. */
struct iso_dir;
int iso_dir_open(struct iso *iso, struct iso_extent dir, struct iso_dir **ret);
/* 1 and an entry (release it), 0 at the end, or an error; -EBADMSG at the end: iso_dir_odd(). */
int iso_dir_next(struct iso_dir *d, struct iso_entry *ret);
/* The same without decoding more than the name, inode number, type (mode & S_IFMT) and locator: for large listings. */
int iso_dir_next_name(struct iso_dir *d, struct iso_entry *ret);
/* Where it goes on: bytes from the beginning, 0 or 34 and more; after an error before the record that could not be
 * given. */
uint32_t iso_dir_tell(const struct iso_dir *d);
/* Go on there, as any iso_dir of this directory has told it; from any other number on, with the first entry that
 * starts there or later. */
int iso_dir_seek(struct iso_dir *d, uint32_t position);
/* The first associated file (ECMA-119 9.1.6) that was passed over so far, as recorded; "": there was none. */
const char *iso_dir_associated(const struct iso_dir *d);
/* What is odd about the directory itself, as far as it was read: a sector of it has no records.  Names may have been
 * in it, so its end is -EBADMSG; after iso_dir_pass_gaps() it is one like any other. */
void iso_dir_pass_gaps(struct iso_dir *d);
oddities iso_dir_odd(const struct iso_dir *d);
void iso_dir_close(struct iso_dir *d);
static inline void iso_dir_closep(struct iso_dir **d) { iso_dir_close(*d); }

/*
 * A walk comes by soon: what lies in an image is asked of its disk now, without waiting, so that it does not wait at
 * each directory.  Directories side by side are asked for at once; the last ones when the next has another place, and
 * with {0}.  On a drive it does nothing: a seek would make others wait.
 */
struct iso_ahead {
	uint32_t lba, n_sectors;
};
void iso_expect(struct iso *iso, struct iso_ahead *a, struct iso_extent dir);

/* Decode the entry again from the locator that this reader (or one of an older session of the same disc and kind)
 * gave. */
int iso_entry_at(struct iso *iso, uint64_t locator, struct iso_entry *ret);

/*
 * The extended attributes at such a place (xattrs_at of an entry), as a set (burner/base/xattrs.h) to be freed; NULL
 * and 0: there are none, as at 0.  Any reader of the disc will do: the place tells how records are read where it is.
 * -E2BIG: more than a set holds (foreign sessions).
 */
int iso_xattrs(struct iso *iso, uint64_t at, uint8_t **ret, size_t *ret_bytes);
/* Does that error say that they are damaged, cannot be read, or are too many? Others pass. */
static inline bool iso_xattrs_are_lost(int error)
{
	return error == -EBADMSG || error == -EIO || error == -E2BIG || error == -ENOENT;
}

/*
 * MD5 sums that the session has of its files (burner/format/checksums.h).  iso_checksums: 1 and where they are; 0:
 * there are none; -EBADMSG: what it says of them cannot be.  iso_checksum_entry: which of them is that of the file; 0:
 * none.
 */
int iso_checksums(struct iso *iso, struct checksums *ret);
/* All of them, to be given to bulk_free(); nothing beyond end_sectors is believed.  -EBADMSG: they do not prove
 * themselves. */
struct bulk;
int iso_checksums_array(struct iso *iso, const struct checksums *c, uint64_t end_sectors, struct bulk *bulk,
			uint8_t **ret);
int iso_checksum_entry(struct iso *iso, const struct iso_entry *e, uint32_t *ret);

/*
 * Every entry of the tree, the root first: found is called for each (path from the root, with the slash before it);
 * what it returns, if not 0, ends it.  lost is told of a directory that cannot be read, or not to its end, or that was
 * met before (-EIO, -EBADMSG): its further names are not known, and 0 goes on with the others; NULL: it ends with that
 * error.  An error leaves in ret_where the directory that it is about.  below: NULL, or a path from the root, without
 * the slash, of which only what is there is walked, itself first; -ENOENT: nothing is.
 */
struct iso_walk {
	int (*found)(void *context, const char *path, const struct iso_entry *e);
	int (*lost)(void *context, const char *path, struct iso_extent at, int error);
	void *context;
	const char *below;
};
#define ISO_WHERE_BYTES 1024u
int iso_walk(struct iso *iso, const struct iso_walk *asked, char ret_where[ISO_WHERE_BYTES]);

/* All files of several sections, by reading the whole tree: each of their names is found.  ret_files: how many they
 * are.  Errors as above; -EBADMSG also when a directory is in two places. */
struct iso_pieces {
	int (*found)(void *context, const char *path, const struct iso_entry *e);
	void *context;
};
int iso_pieces(struct iso *iso, const struct iso_pieces *asked, uint64_t *ret_files, char ret_where[ISO_WHERE_BYTES]);

/*
 * The names of files and directories that Joliet has otherwise, or that Windows cannot open as Joliet has them: path as
 * above, the Joliet name in UTF-8, and why in words (burner/format/shown_name.h).  Of another program's session those
 * that the next one of ours gives.  Errors as above.
 */
struct iso_shown {
	int (*found)(void *context, const char *path, const char *joliet, const char *why);
	void *context;
};
int iso_shown_names(struct iso *iso, const struct iso_shown *asked, char ret_where[ISO_WHERE_BYTES]);
/* The last name of a path, if it is such; attempt and flags as Joliet and its neighbours made them. */
int iso_shown_name(const struct iso_shown *asked, const char *path, uint32_t attempt, unsigned flags);

/* Read file bytes of DISC extents: plain positions on the disc, any alignment; large aligned reads. 0 or an errno. */
int iso_read_disc(struct disc *disc, uint64_t pos, void *buf, size_t length);
/* Uncompressed bytes [offset, offset+length) of a zisofs file of `size` bytes; bounded by its block size (<= 2^20).
 * -EBADMSG damaged. */
int iso_zisofs_read(struct disc *disc, const struct zisofs *z, const struct extent *extents, uint32_t n_extents,
		    uint64_t size, uint64_t offset, void *buf, size_t length);
/* The same of any file, as it is shown: compressed or not; zeros where no extent is. */
int iso_content_read(struct disc *disc, const struct zisofs *z, const struct extent *extents, uint32_t n_extents,
		     uint64_t size, uint64_t offset, void *buf, size_t length);
/* SHA-256 of all content of a regular file, uncompressed; buf: pieces that it is read in, of 2048 bytes at least. */
int iso_sha256(struct disc *disc, const struct iso_entry *e, uint8_t *buf, size_t buf_bytes, uint8_t ret[SHA256_BYTES]);

#endif
