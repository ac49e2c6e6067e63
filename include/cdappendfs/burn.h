/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * burn.h - the only door of burner/ for fs/
 *
 *	disc_open_path -> (read) … -> burn_plan_new(manifest) -> burn_plan_cost (dry run ends here)
 *	-> burn_write -> burn_verify -> burn_publish -> burn_plan_free
 *
 * The plan is the layout: every block address, decided before the first byte is written.  Pure: same manifest, same
 * parameters, same bytes.  The plan borrows the manifest. Threads: a plan belongs to one thread.  Errors as in disc.h
 * and target.h; -EFBIG a file has more than 90 sections' worth of bytes; -EMLINK more than 65,535 parent directories;
 * -ENAMETOOLONG.
 */
#ifndef CDAPPENDFS_BURN_H
#define CDAPPENDFS_BURN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cdappendfs/disc.h"
#include "cdappendfs/manifest.h"
#include "cdappendfs/oddity.h"
#include "cdappendfs/pieces.h"
#include "cdappendfs/placement.h"
#include "cdappendfs/session_message.h"
#include "cdappendfs/session_part.h"
#include "cdappendfs/target.h"

/* ---- opening a medium (burner/medium/open.c) ---- */

struct disc_open_options {
	/* lock it for writing; a file that cannot be written: -EROFS/-EACCES, open again without */
	bool writable;
	bool create;		   /* make the image file when it is missing: mode 0600, by no symbolic link */
	uint64_t capacity_sectors; /* of an image, from -o media=; 0: what its newest session of ours says */
	bool unbounded;		   /* by its file system alone, whatever that says (-o media=none) */
	bool wait;		   /* wait for another holder of the lock instead of -EBUSY */
	oddities accepted;	   /* append all the same (-o accept=) */
	/* an image: disc_state.next_lba is asked for, so what lies behind the newest session is looked for; done for
	 * writing, too.  Without it nothing is kept free. */
	bool look_behind;
	/* a drive: also a disc whose sessions cannot be found, or that has something else, if data are on it; only to
	 * be read, block by block */
	bool any_content;
};
/* An image file, a container (*.cue *.nrg *.toc, read-only) or a device.  *ret_why: text for the user on
 * failure, or NULL. */
int disc_open_path(const char *path, const struct disc_open_options *options, struct disc **ret, const char **ret_why);
/* The write side of a disc opened writable; to be freed before the disc is closed. options NULL: the defaults. */
int disc_open_target(struct disc *d, const struct target_options *options, struct target **ret);

/*
 * Decorators (in burner/medium).  They take
 * ownership of what they wrap, also when they return NULL (errno: EINVAL the spec is wrong, ENOMEM).  Specs are
 * comma-separated; ERRNO is EIO, ENOSPC, …; N counts sectors of the session from 0.
 */
/* "read@LBA=ERRNO", "read@LBA-LBA=ERRNO" any read that covers the sector, or one of them; "delay=MILLISECONDS" before
 * each read */
struct disc *disc_wrap_faults(struct disc *inner, const char *spec);
/*
 * Blocks that cannot be read are made again by the parity of their session (burner/medium/disc_healing.c), and tell()
 * is called once for each piece of 32 or fewer blocks: error 0, it was; -EBADMSG, too much is lost.  Any thread; with
 * a lock of the disc's, so it reads nothing of it.
 */
struct disc_healed {
	void (*tell)(void *context, uint32_t lba, uint32_t sectors, int error); /* may be NULL */
	void *context;
};
struct disc *disc_wrap_healing(struct disc *inner, const struct disc_healed *healed);
/*
 * What lies in sessions with a digest table is compared with it before it is given out (burner/medium/disc_checked.c);
 * a piece that is not what it was, or cannot be proven, is -EIO.
 */
enum disc_damage {
	DISC_DAMAGE_ALTERED,	/* other bytes than the digest is of */
	DISC_DAMAGE_UNREADABLE, /* a block of the piece */
	DISC_DAMAGE_TABLE,	/* what the digest table has for it is damaged, or cannot be read */
	DISC_DAMAGE_CHAIN,	/* the session is not the one that a newer one was burned upon */
	DISC_DAMAGE_RECORD,	/* the session's commit record is damaged, or cannot be read */
	DISC_DAMAGE_REPAIRED	/* one of the first two, and the reader has the right bytes all the same */
};
struct disc_damaged {
	enum disc_damage what;
	uint32_t session, lba, sectors;
};
struct disc_check_options {
	/* NULL, or told once of each piece, and of each session of which nothing is given out when that is found; from
	 * any thread that reads, with a lock of the disc's: it reads nothing of it */
	void (*damaged)(void *context, const struct disc_damaged *what);
	/* NULL, or asked for a good copy of a piece that is none; what it gives is compared before it is believed. 0,
	 * -errno; from any thread that reads. disc: the one below, as it is. */
	int (*repair)(void *context, struct disc *disc, uint32_t lba, uint32_t n_sectors, uint8_t *ret);
	void *context;
	bool borrowed; /* the disc below is not closed with it */
};
struct disc *disc_wrap_checked(struct disc *inner, const struct disc_check_options *options);
/* "write@N=ERRNO", "sync=ERRNO", "publish=ERRNO", "reserve=ERRNO", "kill@N" (SIGKILL self before sector N),
 * "kill-before-sync", "kill-publish@K" (before the Kth write of the head: 0 is LBA 31, 15 is LBA 16, 16 is after the
 * last) */
struct target *target_wrap_faults(struct target *inner, const char *spec);
/* Sleeps in short slices so that bytes_per_second (0: unbounded) is kept. */
struct target *target_wrap_throttle(struct target *inner, uint64_t bytes_per_second);

/* ---- what an unpublished session left in an image file (burner/medium/image_unburn.c) ---- */

/* The length of the file as it is; 0 when the disc is none. */
int disc_image_bytes(struct disc *d, uint64_t *ret);
/*
 * Cuts it back to image_bytes, durably, and looks at it again.  A file that is not longer stays as it is; of other
 * discs nothing can be cut: both are no error.  -EINVAL: that would be below the end of its newest session.
 */
int disc_cut_image(struct disc *d, uint64_t image_bytes);
/*
 * For an image that was longer than its newest session and is not cut there: the blocks of an unpublished session are
 * made zeros, durably, which they were before (burner/medium/behind.c), or what is left of it might be taken for
 * something of somebody else.  What lies before the end of the newest session stays.
 */
int disc_clear_session(struct disc *d, uint32_t start_lba, uint64_t sectors);

/* ---- what is on it, as blocks (burner/medium/recorded.c) ---- */

/* Of them the last run_out ones may be none that can be read: a track of a CD ends with such. */
struct disc_recorded {
	uint32_t lba, sectors, run_out;
};
/*
 * Where something is recorded, whether or not sessions can be found in it: data tracks of a drive, an image as a whole,
 * of an overwritable medium all up to the end of its newest session, or, where that is not known, the whole. Ascending,
 * apart; 0: it is blank.  The caller frees *ret.  *ret_audio: tracks that are left out.
 */
int disc_recorded(struct disc *d, struct disc_recorded **ret, size_t *ret_n, size_t *ret_audio);
/* Is the medium still in the drive?  Asked when a block cannot be read, and short. 0, -ENOMEDIUM, -ENODEV. */
int disc_is_there(struct disc *d);

/* ---- planning ---- */

struct burn_range {
	uint32_t lba, sectors;
};

struct burn_options {
	uint32_t start_lba;
	uint32_t session_number; /* from 1 */
	uint32_t previous_lba;	 /* start of the newest session; UINT32_MAX: none */
	/* its primary descriptor; UINT32_MAX: none (with foreign_head it is found at start_lba + 32 from now on) */
	uint32_t previous_descriptor_lba;
	uint32_t previous_number; /* its number; 0: none */
	/* commit record of the newest session of ours, and SHA-256 of its block (proof.h); 0: none */
	uint32_t previous_record_lba;
	uint8_t previous_record_sha256[32];
	bool overwritable; /* head at LBA 16, descriptors at S+8 and S+16 (burner/SESSION.md) */
	/* first session of ours above a head at LBA 0: its LBA 16-31 to save at S+32; NULL otherwise */
	const uint8_t *foreign_descriptors;
	const uint8_t *boot_record; /* El Torito boot record (one sector, type 0) to carry over, or NULL */
	/* primary and Joliet descriptor whose labels are kept (burner/format/volume_descriptor.h), or NULL; without the
	 * latter the Joliet descriptor has the text of the former */
	const uint8_t *labels, *joliet_labels;
	uint8_t uuid[16];
	int64_t time;		   /* creation date of the volume, seconds UTC */
	uint64_t next_ino;	   /* inode counter to store */
	uint64_t found_bytes;	   /* of what is staged, that the manifest has on the disc or twice; to store */
	uint64_t capacity_sectors; /* image: of the medium that it is meant for, to store; 0: not bounded */
	char volume_id[33];	   /* "": that of the labels */
	session_message message;   /* one that is not refused, or "" */
	bool no_joliet;
	bool compat; /* to be told: for readers with limits of their own */
	bool heal;   /* files of several sections are written anew, also unchanged ones, unless the rule grants them */
	struct pieces_rule pieces;
	bool md5; /* MD5 sums as libisofs has them (burner/format/checksums.h), if the tree is not a linked one */
	unsigned parity_percent; /* of Reed-Solomon parity (burner/format/parity.h), 1..100; 0: none */
	/* what it protects besides this session, if there is any parity: at most 127 ranges (struct burn_older) */
	const struct burn_range *older;
	size_t n_older;
	/* blocks of other programs' sessions that its adoption table names (burn_adopt()): at most 244 ranges */
	const struct burn_range *adopt;
	size_t n_adopt;
	/* the session's length is rounded up to this (images 32; CD so that the next start is a multiple of 16) */
	uint32_t align_end_sectors;
};

struct burn_cost {
	uint64_t append_sectors;    /* everything the session puts on the medium */
	uint64_t data_sectors;	    /* file data written */
	uint64_t shared_sectors;    /* file data of the tree that lies in older sessions already */
	uint64_t parity_sectors;    /* the parity area */
	uint64_t protected_sectors; /* what it protects … */
	uint64_t older_sectors;	    /* … and of it, those of older sessions */
	uint64_t adoption_sectors;  /* the adoption table */
	uint64_t tree_sectors;	    /* directories, path tables, continuation areas */
	uint64_t files_in_pieces;   /* of the whole tree, those of several sections; PIECES_UNKNOWN */
	/* names that are new in the session: those that Joliet has otherwise, and those that Windows cannot open as
	 * Joliet has them (burner/format/shown_name.h) */
	uint64_t names_changed, names_closed;
};

/*
 * Blocks of older sessions that no parity protects so far, for that of the next one (burner/older.c): those of ours,
 * and those of others, as far as nobody writes them again.  Ascending, apart.
 */
struct burn_ranges {
	struct burn_range *list;
	size_t n, room;
};
struct burn_older {
	struct burn_ranges ranges;
	struct burn_ranges left_out; /* they were damaged when they were read to be protected */
	uint32_t n_sessions;	     /* of so many; */
	uint64_t unproven_sectors;   /* of them, those of which no digest is known: they are taken as they are */
	bool more;		     /* one area cannot name all of them */
	/* What these follow from: the blocks of each session, and what of them has digests. */
	struct burn_range *sessions;
	size_t n_blocks;
	struct burn_ranges proven;
};
/* Reads nothing but records and headers.  What reading says, but for damage; on failure ret is to be released, too. */
int burn_older_find(struct disc *d, struct burn_older *ret);
void burn_older_release(struct burn_older *o);

/*
 * Blocks of sessions of other programs of which no session of ours has a digest, for the adoption table of the next one
 * (burner/adopt.c).  Ascending, apart.
 */
#define BURN_ADOPT_MAX 244u
struct burn_adoptable {
	struct burn_range ranges[BURN_ADOPT_MAX];
	size_t n;
	uint64_t sectors;    /* of them all */
	uint32_t n_sessions; /* they are of so many */
	bool more;	     /* one table cannot name all of them */
};
/* Reads nothing but records and tables.  What reading says; -EBADMSG, -EIO: what is adopted already cannot be known. */
int burn_adopt_find(struct disc *d, struct burn_adoptable *ret);
void burn_ranges_release(struct burn_ranges *r);

struct burn_plan;
int burn_plan_new(const struct manifest *m, const struct burn_options *o, struct burn_plan **ret);
void burn_plan_cost(const struct burn_plan *p, struct burn_cost *ret);
void burn_plan_placements(const struct burn_plan *p, const struct burn_placement **ret, size_t *ret_n);
void burn_plan_directories(const struct burn_plan *p, const struct burn_directory **ret, size_t *ret_n);
/* The extents that node `node` of the manifest has on the disc after the burn (all DISC); owned by the plan. */
void burn_plan_extents(const struct burn_plan *p, uint32_t node, const struct extent **ret, size_t *ret_n);
/* Each part of the session that lies on some of these blocks: directories, files, then all else.  node: in the
 * manifest, whose; BURN_NO_NODE: nobody's. */
#define BURN_NO_NODE UINT32_MAX
void burn_plan_parts(const struct burn_plan *p, struct burn_range in,
		     void (*each)(void *context, enum session_part what, uint32_t node), void *context);
void burn_plan_free(struct burn_plan *p);
static inline void burn_plan_freep(struct burn_plan **p)
{
	if (*p)
		burn_plan_free(*p);
}

/* ---- burning ---- */

struct burn_progress {
	void (*report)(void *context, uint64_t done_sectors, uint64_t all_sectors); /* may be NULL */
	bool (*cancelled)(void *context);					    /* may be NULL */
	void *context;
};
/* NULL: nobody asks. */
static inline void burn_report(const struct burn_progress *p, uint64_t done_sectors, uint64_t all_sectors)
{
	if (p && p->report)
		p->report(p->context, done_sectors, all_sectors);
}
static inline bool burn_is_cancelled(const struct burn_progress *p)
{
	return p && p->cancelled && p->cancelled(p->context);
}
/*
 * For a check: the disc with the sessions that are found without its head, where that hides them
 * (burner/medium/head.c): it is empty, or leads nowhere, and there are some of ours.  Else, and after an error, it
 * stays the one it is.
 */
int disc_without_head(struct disc **d);

/*
 * The disc as parity says that it was (burner/medium/disc_repaired.c): all sessions that have parity are read for that,
 * and blocks of them that are lost are made again when they are read; what is beyond repair is -EIO.  Only to be read.
 * It borrows the disc, and progress while it is made.  *ret_any: some session has parity, or
 * something was made again without.  -ECANCELED, or what the disc
 * has against it.
 */
int disc_repaired(struct disc *inner, const struct burn_progress *progress, struct disc **ret, bool *ret_any);

/* Asks the manifest's callbacks for all that burn_write() will ask for, in the same order, and drops it. */
int burn_rehearse(const struct burn_plan *p);
/*
 * Makes the MD5 sums of a plan that has them, before all else: all that the session writes is asked for, and files on
 * the disc of which no sum is known.
 */
int burn_sum(struct burn_plan *p, const struct burn_progress *progress);
/*
 * Makes the adoption table of a plan that has one, before its parity and the burn: the blocks that it names are read
 * from the disc.  Pieces that cannot be are in *ret_unread, to be released, and get no digest.
 */
int burn_adopt(struct burn_plan *p, struct disc *d, const struct burn_progress *progress,
	       struct burn_ranges *ret_unread);
/*
 * Makes the parity of a plan that has it, before all else: everything else the session consists of is asked for, not
 * in its order, and the area is put into a file without a name in that directory, as long as the plan is there. What
 * the manifest says; -ENOSPC: that directory has no room for it.
 *
 * Older blocks are read from the disc and held against the digests of their sessions.  -EBADMSG: some are not what was
 * burned, or cannot be read; these are in older->left_out now, instead of in its ranges, and the plan is to be made
 * again with what is left.  older may be NULL of a plan without.
 */
int burn_protect(struct burn_plan *p, struct disc *d, const char *directory, const struct burn_progress *progress,
		 struct burn_older *older);
/* Reserve, stream every sector, digest table and commit record last, sync.  On failure the target was aborted. */
int burn_write(struct burn_plan *p, struct target *t, const struct burn_progress *progress);
/* Where a session was found to be another one than was written; sectors 0: that is not known. */
struct burn_damage {
	uint32_t lba, sectors;
};
/* Read the session back from the disc and compare it with its digest table, or, without one, its commit record.
 * -EBADMSG: it differs. ret_damage: NULL, or of -EBADMSG and -EIO the first part that was found. */
int burn_verify(struct disc *d, uint32_t start_lba, const uint8_t uuid[16], const struct burn_progress *progress,
		struct burn_damage *ret_damage);
/* Does a session with that uuid begin there?  0, -ESTALE, what disc_read() says. */
int burn_session_begins(struct disc *d, uint32_t start_lba, const uint8_t uuid[16]);
/* Recovery: 1: the session that was being burned is there, whole (burn_verify() says 0).  0: it is not, or cannot be
 * read, which is as good: it was never used.  What the drive or memory has against the look goes up. */
int burn_session_is_complete(struct disc *d, uint32_t start_lba, const uint8_t uuid[16]);
/* Make it the newest session.  Overwritable: from the descriptors of a verified session on the disc alone, so that
 * recovery can repeat it. */
int burn_publish(struct disc *d, struct target *t, uint32_t start_lba);
/* The head, 16 blocks, that makes the session at start_lba the newest of a disc that begins at LBA 32. -EBADMSG: there
 * are none of its descriptors. */
int burn_head(struct disc *d, uint32_t start_lba, uint8_t ret[16 * 2048]);

#endif
