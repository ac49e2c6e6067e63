/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * internal.h - what the files of this room share; nobody outside includes it
 *
 *	check.c		check_run: the sessions, what of each is read, the verdicts
 *	reader.c	blocks that cannot be read are found one by one
 *	sweep.c		reads spans of blocks in their order, by several threads
 *	ranges.c	the damaged blocks
 *	seal.c		what the blocks of a session are proven by, held against them
 *	parts.c		the parts of what is read that have digests
 *	adoption.c	those of other programs' blocks
 *	sums.c		MD5 sums of files, by libisofs
 *	naming.c	what lies on the damaged blocks
 *	copies.c	copies of a disc, with maps of what could not be read
 *	mixing.c	a piece out of several copies
 *	merge.c		a disc out of several copies
 *	mapfile.c	map files of ddrescue
 *	rescue.c	a disc copied around what cannot be read
 *	rescue_file.c	the image and the map that it is copied into
 *	memory.c	what is remembered of the checks of a disc
 *	manifest.c	digests of files, for others
 */
#ifndef FS_CHECK_INTERNAL_H
#define FS_CHECK_INTERNAL_H

#include <pthread.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "burner/base/sha256.h"
#include "burner/format/appuse.h"
#include "burner/format/checksums.h"
#include "burner/format/commit_record.h"
#include "cdappendfs/adopted.h"
#include "cdappendfs/proof.h"
#include "fs/check/check.h"
#include "fs/check/mapfile.h"
#include "fs/iso/iso.h"

/* ---- reader.c ---- */

struct reader {
	struct disc *disc;
	bool exact;	 /* each block is tried: it costs nothing */
	bool dead;	 /* the blocks before could not be read, all of a group of them */
	uint64_t failed; /* reads that were to be tried again */
};
/* Is it an error of the blocks alone?  Others are of the disc or the system. */
bool reader_is_of_blocks(int r);
/*
 * n blocks from lba on.  bad: a byte for each, not 0: it cannot be read, and its bytes are zeros.  0, or an error of
 * the disc as a whole.
 */
enum { READER_UNREADABLE = 1, READER_ALTERED /* the disc says itself that it is not what it was (-EBADMSG) */ };
int reader_fill(struct reader *r, uint32_t lba, uint32_t n, uint8_t *buf, uint8_t *bad, uint32_t *ret_n_bad);

/* ---- sweep.c ---- */

#define SWEEP_PIECE_SECTORS 512u /* 1 MiB: so much is read at once, counted from the beginning of its span */

struct sweep_span {
	uint32_t lba;
	uint64_t sectors;
	uint32_t at;		/* sectors of its owner before it */
	uint32_t piece_sectors; /* a piece has; 0: as many as can be */
	size_t owner;		/* of the caller: whose they are */
	bool adopted;		/* of the caller: they are pieces of one run (cdappendfs/adopted.h) */
};
struct sweep_piece {
	uint32_t lba, n_sectors;
	size_t owner;
	bool adopted;
	uint32_t at; /* sectors from the beginning of its owner */
	const uint8_t *bytes;
	bool zeros;	    /* all of them are, as the disc knows without a look */
	const uint8_t *bad; /* a byte for each sector, as reader_fill() has it */
	uint32_t n_bad;
	void *scratch; /* scratch_bytes, for this piece alone */
};
struct sweep {
	struct disc *disc;
	const struct sweep_span *spans; /* in the order of the disc */
	size_t n_spans;
	size_t scratch_bytes;
	/* Each of them may be NULL.  With it read: before the next one is, one at a time, in their order. */
	int (*prepare)(void *context, struct sweep_piece *p);
	/* By several threads at once, in any order. */
	int (*each)(void *context, struct sweep_piece *p);
	/* One at a time, in their order. */
	int (*in_order)(void *context, struct sweep_piece *p);
	void *context;
	bool exact;	  /* each block is tried that lies among unreadable ones */
	int64_t until_ns; /* no piece is begun then; 0: never */
	const struct burn_progress *progress;
};
struct sweep_account {
	uint64_t read_sectors, retries, read_ns;
	bool finished; /* all spans, before until_ns */
};
/* What any of them returned if not 0, or what the disc has against it; -ECANCELED. */
int sweep_run(const struct sweep *s, struct sweep_account *ret);

/* ---- ranges.c ---- */

struct range {
	uint32_t lba;
	uint32_t sectors;
	enum check_problem problem;
};
struct ranges {
	pthread_mutex_t lock;
	struct range *list;
	size_t n, capacity;
	bool too_many;
};
void ranges_init(struct ranges *r);
void ranges_release(struct ranges *r);
/* From any thread. -ENOMEM. */
int ranges_add(struct ranges *r, uint32_t lba, uint32_t sectors, enum check_problem problem);
/* In the order of the disc, no two of one kind that touch.  Before it is asked. */
void ranges_settle(struct ranges *r);
/* What of those bytes of the disc is damaged, in whole sectors: adds to hit[problem]. *first: byte position of the
 * first one, untouched when none is.  Whether there was any. */
bool ranges_hit(const struct ranges *r, uint64_t pos, uint64_t bytes, uint64_t hit[4], uint64_t *first);

/* ---- parts.c ---- */

/* In the scratch of what is read: the parts of it that have digests, from its first sector on. */
struct parts {
	bool doubtful;			       /* where they differ it may be the digest: that is unproven */
	uint32_t n, unit;		       /* sectors of each but the last; that may reach beyond what was read: */
	uint32_t sectors[SWEEP_PIECE_SECTORS]; /* of each */
	uint8_t digest[SWEEP_PIECE_SECTORS][SHA256_BYTES];
	enum { PART_SOUND, PART_ALTERED, PART_UNPROVEN } state[SWEEP_PIECE_SECTORS];
};
/* By any thread; those that are not unproven are held against their digests. */
int parts_compare(struct sweep_piece *p);
/* Adds up the sectors of those that are not sound; those that are altered are damaged. */
int parts_count(const struct sweep_piece *p, uint64_t *unproven, uint64_t *altered, struct ranges *damaged);

/* Sectors of those that are sound. */
uint64_t parts_sound(const struct sweep_piece *p);

/* ---- adoption.c ---- */

struct seal;
/* What all the sessions say, the tables that can be read. */
int adoption_open(struct disc *disc, uint32_t floor_lba, const struct seal *seals, size_t n, struct adopted **ret);
/* Of blocks from `from` to `to`: how far they are in whole pieces of a run, or in none, whatever *ret says. */
uint64_t adoption_stretch(const struct adopted *a, uint64_t from, uint64_t to, bool *ret);
/* A step of a sweep, of such pieces. */
int adoption_prepare(struct adopted *a, struct sweep_piece *p);

/* ---- seal.c ---- */

#define SEAL_BLOCKS 32u /* of a digest table that are in memory: the digests of 128 MiB, as our pieces are */
#define SEAL_WINDOW (SEAL_BLOCKS * SECTOR_BYTES / SHA256_BYTES)

/* The proof of a session, while it is read. */
struct seal {
	struct commit_record record;
	struct sha256 *sha256; /* CHECK_PROOF_SHA256: so far; NULL: there is nothing to be compared, or no longer */
	uint64_t hashed_sectors;
	struct proof *proof; /* CHECK_PROOF_TABLE: of whoever reads; a part of it, from piece `first` on: */
	uint8_t (*digests)[SHA256_BYTES];
	uint32_t first, n;
	bool lost[SEAL_BLOCKS]; /* what a block of the table says */
	struct md5 *md5;	/* CHECK_PROOF_MD5: so far; NULL as above */
	struct tag tags[3];
	unsigned n_tags, n_held;  /* of them, held against what was read */
	uint64_t read_sectors;	  /* the next one is to begin there */
	bool record_lost;	  /* it should have a commit record, and that is damaged or cannot be read: */
	bool assumed, is_flat;	  /* record is made of what such a session has where; its table has one level */
	bool assumed_lost;	  /* blocks of that table are not what is at its top says, or cannot be read */
	uint64_t matched_sectors; /* that are as the table has them */
};
void seal_release(struct seal *s);
/* What proves that session: sets ours, proof and chain.  before: the one of ours below it, NULL: none. */
int seal_open(struct disc *disc, struct check_session *session, const struct check_session *before, struct seal *ret);
/* Blocks that are to be read at once; 0: any number. */
uint32_t seal_piece_sectors(const struct seal *s);
/* The steps of a sweep. */
int seal_prepare(struct seal *s, struct check_session *session, struct sweep_piece *p);
int seal_in_order(struct seal *s, struct check_session *session, const struct sweep_piece *p, struct ranges *damaged);
/* All of it was read: is it what it was? */
int seal_end(struct seal *s, struct check_session *session);

/* ---- sums.c ---- */

struct sums_asked {
	struct disc *disc;
	const struct check_session *sessions;
	const struct seal *seals; /* one for each */
	size_t n_sessions;
	struct ranges *ranges;	      /* settled, before and after */
	uint64_t end_sectors;	      /* of all that there is to read */
	uint64_t *unreadable_sectors; /* that were not so before are added */
	const struct burn_progress *progress;
};
/* Adds the files that are not what they were, of sessions that are damaged, or that nothing proves. */
int sums_look(const struct sums_asked *asked);

/* ---- naming.c ---- */

struct naming {
	struct disc *disc;
	struct check_report *report;
	const struct ranges *ranges;
	uint64_t names_max;
	uint64_t end_sectors; /* of the disc: nothing lies beyond it */
	const struct burn_progress *progress;
};
/* Names what a session consists of besides its tree, where it is damaged. */
int naming_session(const struct naming *n, struct check_session *session, const struct seal *seal);
/* What its tree names, the tree itself and its tables, on damaged blocks or with a sense that cannot be. */
int naming_tree(const struct naming *n, struct check_session *session);
/* What lies there besides sessions. */
int naming_disc(const struct naming *n);

/* ---- copies.c ---- */

#define COPIES_MAX 16u

struct copy {
	struct disc disc; /* its blocks; those that its map calls unreadable are errors */
	char *path;
	int fd;
	uint64_t dev, ino;
	uint64_t sectors;
	struct mapfile map;
	struct reader reader;
};
/* Over a descriptor, which is its own from now on. */
void copy_init(struct copy *c, int fd, uint64_t sectors);
/* To be released also after an error. */
int copy_open(const char *path, const char *map, struct copy *ret, char **ret_why);
void copy_release(struct copy *c);

/* ---- mixing.c ---- */

struct mixing_copy {
	uint8_t *bytes;
	uint8_t bad[SWEEP_PIECE_SECTORS];
	uint32_t n_bad;
	bool loaded;
};
struct mixing {
	struct copy *copies;
	size_t n_copies;
	uint32_t lba, n; /* the piece */
	uint8_t *made;
	uint8_t taken[SWEEP_PIECE_SECTORS]; /* from which copy; n_copies: from none, zeros */
	struct mixing_copy from[COPIES_MAX];
};
int mixing_init(struct mixing *m, struct copy *copies, size_t n);
void mixing_release(struct mixing *m);
/* 1: it is right.  0: it is as in the first copies that have its blocks. */
int mixing_piece(struct mixing *m, uint32_t lba, uint32_t n, const uint8_t sha256[SHA256_BYTES]);
/* Nothing tells what is right. *ret_undecided: blocks in which copies differ. */
int mixing_any(struct mixing *m, uint32_t lba, uint32_t n, uint32_t *ret_undecided);

#endif
