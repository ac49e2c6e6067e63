/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stage.h - the durable overlay: journal (SQLite) and bodies (file data)
 *
 *	stage_open -> rows and bodies … stage_sync -> stage_freeze -> stage_snapshot … -> stage_rebase_* -> stage_close
 *
 * A directory <root>/<identity in hex>/ (0700) holds journal.db (WAL), bodies/ (segments, sparse files), lock. Rows
 * change inside one open transaction; stage_sync() makes all that was put before it durable: fdatasync of every body
 * the transaction names, fsync of bodies/ when new ones were made, then COMMIT, then the WAL is synced.  Nobody who
 * puts or gets rows waits for that sync (the connection is locked for the COMMIT into the page cache only).  A thread
 * of the stage's own calls it every two seconds while there is something to save; it is started by
 * stage_start_thread(), after the daemon forked.
 *
 * Threads: any.  Rows: one mutex inside.  Steps that must be seen (and become durable) together go between
 * stage_lock() and stage_unlock(), which hold that mutex (recursively). Errors: -ENOSPC the disk of the stage is full
 * (the journal stays intact, the change was not made), -EIO, -EBADMSG damaged journal, -ESTALE it belongs to another
 * disc or state of the disc, -EBUSY in use, -EACCES. Names are bytes.  A generation is the number that rows and
 * bodies carry when they are changed; stage_freeze() starts the next.
 */
#ifndef FS_STAGE_STAGE_H
#define FS_STAGE_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "burner/base/bulk.h"
#include "cdappendfs/disc.h"
#include "cdappendfs/extent.h"

struct stage;

/* ---- opening ---- */

/* Which file a stage was begun on: by that the original is told from its copy, which have one identity. */
struct stage_origin {
	bool known, device;
	bool fuse;    /* in a FUSE file system, whose numbers change with each mount … */
	bool foreign; /* … of another user, who says of his files what he likes */
	uint64_t dev, ino;
	struct timespec born; /* zeros: its file system does not tell */
	uint64_t handle;      /* digest of its file handle, which has a generation; 0: not known */
	bool owned;	      /* what follows is known: not of stages of older versions */
	uint32_t uid, gid, mode;
};
/* As the file of that name is now; known stays false when it cannot be looked at. */
void stage_origin_of(const char *path, struct stage_origin *ret);

enum stage_user { STAGE_MOUNTED, STAGE_FINISHING }; /* what the holder of the lock is doing */
struct stage_holder {
	enum stage_user user;
	int32_t pid;
	struct stage_origin origin; /* of the disc that it has … */
	struct timespec begun;	    /* … and since when something is staged for it; zeros: nothing is */
	char disc[4096];	    /* its path */
	char mountpoint[4096];
};

/* What a disc does of which another file, its original, has something staged. */
enum stage_claim {
	STAGE_ASK,  /* refused: -ESTALE, *ret_why names the ways */
	STAGE_TAKE, /* it is this disc's from now on */
	STAGE_NEW,  /* one of its own is begun */
};

struct stage_options {
	const char *directory; /* -o staging=DIR: used itself; NULL: below the default root by identity */
	const char *disc_path; /* real path, kept for messages */
	const char *mountpoint;
	struct disc_identity identity;
	struct disc_fingerprint fingerprint;
	uint64_t next_ino; /* counter of the base; the stage continues from the larger one */
	/* look only (cdappendfs-info): no lock, no change; -ENOENT when there is none */
	bool read_only;
	enum stage_claim claim;
};
/*
 * Creates the directory when missing.  A stage made while the disc was blank (provisional identity) is found and
 * bound when the disc was burned since.  -EBUSY: in use, *ret_holder says by whom.  -ESTALE: not empty and made for
 * another disc or state of it; *ret_why (allocated, the caller frees) names both and the ways out.  An empty stale
 * stage is simply begun anew.  -EBADMSG: damaged, or what it had is gone.  Copies of an image have its identity, but
 * not its stage: whose it is, origin.c says.  While a commit is recorded as under way the fingerprint is not
 * compared: recovery decides (stage_commit_get), then calls stage_rebind.
 */
int stage_open(const struct stage_options *options, struct stage **ret, struct stage_holder *ret_holder,
	       char **ret_why);
/* One that is there, whatever its disc has become: nothing is compared, and nothing of it changes by that.  For
 * cdappendfs-stage. */
/* disc_path: where its disc is now, NULL: where it was.  read_only: its rows may be anything; those that are damaged
 * are left out of a snapshot. */
int stage_open_directory(const char *directory, const char *disc_path, bool read_only, struct stage **ret,
			 struct stage_holder *ret_holder, char **ret_why);
/* Do all rows say what rows can say?  stage_open() asks that itself, stage_open_directory() for writing.  -EBADMSG;
 * what is wrong, stage_blamed() tells. */
int stage_sound(struct stage *s);
/* What is wrong with the rows, in words; NULL: nothing was found.  stage_blame() keeps them, and returns -EBADMSG. */
const char *stage_blamed(const struct stage *s);
__attribute__((format(printf, 2, 3))) int stage_blame(struct stage *s, const char *format, ...);
/* That, as a message with the ways out; blame NULL: the journal as a whole.  -EBADMSG. */
int stage_say_damaged(const char *directory, const char *blame, char **ret_why);
/* What can be told of one that is there without its rows; -EBUSY: in use, *ret_holder says by whom. */
struct stage_about {
	char *disc_path; /* real path of the disc when it was used last; "" */
	struct disc_identity identity;
	struct disc_fingerprint fingerprint;
	struct stage_origin origin;
	struct timespec changed; /* something of it was saved last */
};
int stage_about(const char *directory, struct stage_about *ret, struct stage_holder *ret_holder, char **ret_why);
void stage_about_release(struct stage_about *a);
/* A directory of the user's state that is none of a stage: that one, or `name` beside the stages.  Made when missing;
 * by a way that nobody else can change (-EACCES with *ret_why). */
int stage_state_directory(const char *directory, const char *name, int *ret_fd, char **ret_why);
/* Directories of this user's stages below the default root. */
int stage_list(char ***ret, size_t *ret_n, char **ret_why);
void stage_list_free(char **names, size_t n);
/* Files of a stage that cannot be opened, with all that it holds.  -EBUSY as above. */
int stage_erase(const char *directory, struct stage_holder *ret_holder, char **ret_why);
/* Where the original of a stage's disc is, if `now` is another file: allocated text; or the directory that cannot be
 * looked through for it.  -ENOENT: it is the same, or nothing is there any more; -ENOMEM. */
int stage_original(const struct stage_origin *was, const char *was_path, const struct stage_origin *now,
		   const char *now_path, char **ret);
/* Nothing is there any more: is `now` certainly what has become of it? */
bool stage_is_heir(const struct stage_origin *was, const char *was_path, const struct stage_origin *now,
		   const char *now_path);
/* By all that is known of both.  Any drive is as good. */
bool stage_same_file(const struct stage_origin *a, const char *a_path, const struct stage_origin *b,
		     const char *b_path);
/* Is the file of that descriptor the one that was looked at when the stage was opened?  Of a drive, and where that
 * could not be looked at: yes. */
bool stage_has_file(const struct stage *s, int fd);
const char *stage_disc_path(const struct stage *s);
void stage_origin(const struct stage *s, struct stage_origin *ret);
/* These rows instead of all that are there, inode numbers from next_ino on, for that disc in that state: all of it,
 * durably, or nothing. Bodies stay. */
struct stage_snapshot;
struct stage_set;
int stage_replace(struct stage *s, const struct stage_snapshot *rows, uint64_t next_ino,
		  const struct disc_identity *identity, const struct disc_fingerprint *fingerprint);
/* The same, for the next disc of the set; an image of which no capacity is known has that of the first one. */
int stage_replace_disc(struct stage *s, const struct stage_snapshot *rows, const struct disc_identity *identity,
		       const struct disc_fingerprint *fingerprint, const struct stage_set *set);
int stage_start_thread(struct stage *s);
void stage_set_user(struct stage *s, enum stage_user user);
/* Ties the stage to this state of the disc (after a rebase); in the open transaction, made durable by
 * stage_commit_set(). */
int stage_rebind(struct stage *s, const struct disc_identity *identity, const struct disc_fingerprint *fingerprint);
int stage_fingerprint(struct stage *s, struct disc_fingerprint *ret);
int stage_identity(struct stage *s, struct disc_identity *ret);
/* Where a burn of ours on a write-once disc failed last (disc_forgive()); UINT32_MAX: nowhere.  Durable with the next
 * sync. */
uint32_t stage_failed_lba(struct stage *s);
int stage_set_failed_lba(struct stage *s, uint32_t session_lba);
/* Capacity of an image in sectors (-o media=) that its newest session does not say; 0: not bounded.  -ENOENT: none
 * is kept.  Durable with the next sync; kept until a session says it (stage_rebind()), also when nothing is staged. */
int stage_capacity(struct stage *s, uint64_t *ret_sectors);
int stage_keep_capacity(struct stage *s, uint64_t sectors);
int stage_forget_capacity(struct stage *s);
/* Which disc of a set its disc is: what was held back when the one before was burned is staged for it.  Zeros: of none.
 * Durable with the next sync; kept until nothing is staged for that disc any more. */
struct stage_set {
	uint32_t id;		   /* random, never 0; each disc of the set has it in the messages of its sessions */
	uint32_t disc;		   /* from 1 */
	uint64_t capacity_sectors; /* of the first one, an image; 0: not bounded, or another medium */
};
int stage_set_get(struct stage *s, struct stage_set *ret);
int stage_set_put(struct stage *s, const struct stage_set *set);
const char *stage_directory(const struct stage *s);
/* Where it is when it has been closed, unless something else has that name: then it stays.  To be freed; -ENOMEM. */
int stage_directory_closed(struct stage *s, char **ret);
/* Descriptors, borrowed: of that directory, and of the one it is in when it may be renamed there (else -1). */
int stage_directory_fd(const struct stage *s);
int stage_root_fd(const struct stage *s);
dev_t stage_device(const struct stage *s);	 /* st_dev of its file system */
uint64_t stage_host_free(const struct stage *s); /* bytes left there */
uint64_t stage_room(const struct stage *s);	 /* bytes of them that data may take: a reserve is the journal's */
/* Everything durable, threads ended, lock given back. A stage with nothing in it removes its directory (not one given
 * by the user: that it empties). */
void stage_close(struct stage *s);
static inline void stage_closep(struct stage **s)
{
	if (*s)
		stage_close(*s);
}
/* The default root: ${XDG_STATE_HOME:-~/.local/state}/cdappendfs, or /var/lib/cdappendfs for root. */
int stage_default_root(char **ret);

void stage_lock(struct stage *s);
void stage_unlock(struct stage *s);
/* A change that was made in part cannot be taken back: nothing is made durable any more, and every later call that
 * has to ask the journal gives this error. What was durable stays so. */
void stage_fail(struct stage *s, int error);
/* not between enter and leave, nor what ends with a sync (commit_set, rebind): -EDEADLK */
int stage_sync(struct stage *s);
bool stage_empty(struct stage *s); /* no rows at all */
uint32_t stage_generation(struct stage *s);
int stage_new_ino(struct stage *s, uint64_t *ret); /* durable enough never to be given twice, even after a crash */
uint64_t stage_next_ino(struct stage *s);

/* ---- rows ---- */

/* What became of the content of a file since it was burned, even if all of it still lies on the disc. */
enum stage_content {
	STAGE_CONTENT_CHANGED = 1, /* it is another one */
	STAGE_CONTENT_CUT = 2,	   /* it was made shorter: it may end where another file goes on */
};

struct stage_node {
	uint64_t ino;
	uint64_t size, rdev; /* size of directories: sectors that they take in the base */
	/* inode number of the directory it is in; of a file with several names one of them, or 0 */
	uint64_t parent;
	struct timespec atime, mtime, ctime;
	uint32_t mode, uid, gid, nlink;
	uint32_t generation; /* of the last change; put: set by the stage */
	/* directories: the base listing below the staged names; 0, 0 none.  Files: base_lba is enum stage_content */
	uint32_t base_lba, base_bytes;
	struct zisofs zisofs;
	uint32_t n_extents;
	struct extent *extents; /* get: allocated, owned by the struct */
	char *target;		/* symlinks; get: allocated */
	struct timespec birth;	/* zeros: not known */
	/* extended attributes: a set (burner/base/xattrs.h), which is not empty (get: allocated); NULL, 0: those of the
	 * record that has this locator (struct iso_entry), or, 0, none */
	uint8_t *xattrs;
	uint32_t xattrs_bytes;
	uint64_t xattrs_at;
};
void stage_node_release(struct stage_node *n);

int stage_node_get(struct stage *s, uint64_t ino, struct stage_node *ret); /* -ENOENT */
bool stage_node_exists(struct stage *s, uint64_t ino);			   /* in memory, cheap */
int stage_node_put(struct stage *s, const struct stage_node *n);	   /* insert or replace */
int stage_node_delete(struct stage *s, uint64_t ino);
/* Of a row that is there, which stays of its generation. */
int stage_node_set_parent(struct stage *s, uint64_t ino, uint64_t parent);
/* Of a row that is there, which becomes one of the running generation. */
int stage_node_renew(struct stage *s, uint64_t ino);

#define STAGE_WHITEOUT 0u /* inode number of a name that is gone */
/* -ENOENT: the base decides */
int stage_name_get(struct stage *s, uint64_t parent, const char *name, uint64_t *ret_ino);
int stage_name_put(struct stage *s, uint64_t parent, const char *name, uint64_t ino);
int stage_name_delete(struct stage *s, uint64_t parent, const char *name);
bool stage_names_exist(struct stage *s, uint64_t parent); /* in memory, cheap */
/* All staged names of a directory, whiteouts too, ascending; mode is 0 when the node has no row. One allocation,
 * freed with free(). */
struct stage_name {
	const char *name;
	uint64_t ino;
	uint32_t mode;
};
int stage_names(struct stage *s, uint64_t parent, struct stage_name **ret, size_t *ret_n);
int stage_names_delete(struct stage *s, uint64_t parent); /* of a directory that is removed */

/* ---- bodies ---- */

/* Room for length bytes (a multiple of 2048) in the running segment: contiguous, reads as zeros. */
int stage_segment_alloc(struct stage *s, uint64_t length, uint32_t *ret_body, uint64_t *ret_pos);
/* A new sparse body for one large file. */
int stage_body_new(struct stage *s, uint32_t *ret_body);
bool stage_body_frozen(struct stage *s, uint32_t body); /* of an older generation: never written again */
bool stage_body_sparse(struct stage *s, uint32_t body); /* a file of its own rather than a segment */
/* The content of one file becomes that of several: from here on that body is as a segment, in which each position is
 * given back by itself and none is written again.  In the open transaction. */
int stage_body_share(struct stage *s, uint32_t body);
/* past its end: zeros */
int stage_body_read(struct stage *s, uint32_t body, uint64_t pos, void *buf, size_t length);
/* -EROFS frozen */
int stage_body_write(struct stage *s, uint32_t body, uint64_t pos, const void *buf, size_t length);
/*
 * The range holds nothing any more: given back once no durable row can name it and no frozen generation may read it.
 * (0, UINT64_MAX): the whole body.  After the put that no longer names it, or between the same enter and leave.
 * Until then it reads as it did.
 */
void stage_body_discard(struct stage *s, uint32_t body, uint64_t pos, uint64_t length);
/* The host's file system has so little room that a write may have failed for it. */
bool stage_is_short(const struct stage *s);
/* Goes up whenever space was given back. */
uint64_t stage_given_back(struct stage *s);
/* The host's file system is full: gives back what waits for it now. Whether anything was given back since
 * stage_given_back() said that, by whomever; not between enter and leave. */
bool stage_reclaim(struct stage *s, uint64_t since);

/* ---- generations and commits ---- */

enum stage_commit_state { STAGE_IDLE, STAGE_FROZEN, STAGE_BURNING, STAGE_VERIFYING, STAGE_PUBLISHING, STAGE_REBASING };
struct stage_commit {
	enum stage_commit_state state;
	uint32_t generation; /* the frozen one */
	uint32_t start_lba;
	uint32_t session_number;
	uint8_t uuid[16];
	int64_t time;
	uint64_t sectors;     /* of the session */
	uint64_t image_bytes; /* length of the image before it */
	uint32_t encoder_version;
};
int stage_commit_get(struct stage *s, struct stage_commit *ret);
/* Durable (with all rows put before) when it returns. */
int stage_commit_set(struct stage *s, const struct stage_commit *c);
/* In the open transaction: durable with the next sync.  The kernel begins to write the bodies that this one will wait
 * for. */
int stage_commit_put(struct stage *s, const struct stage_commit *c);

/* The running generation is frozen and the next begun (in the open transaction: made durable by stage_commit_set). */
int stage_freeze(struct stage *s, uint32_t *ret_generation);
/* The freeze is over, whichever way: bodies discarded meanwhile may be given back. */
void stage_unfreeze(struct stage *s);

/* A copy of all rows; nodes by ino, names by (parent, name bytes). */
struct stage_snapshot_name {
	uint64_t parent;
	const char *name;
	uint64_t ino;
};
struct stage_snapshot {
	struct bulk bulk; /* a large one lies in files, as long as keep_bytes are left beside them */
	struct stage_node *nodes;
	size_t n_nodes;
	struct stage_snapshot_name *names;
	size_t n_names;
	size_t n_left_out; /* of a stage that is only given out: rows that are damaged, or their extents */
};
int stage_snapshot(struct stage *s, uint64_t keep_bytes, struct stage_snapshot **ret);
/* Room for so many rows more; -ENOMEM: it is as it was.  Memory that is there as long as the copy; NULL. */
int stage_snapshot_grow(struct stage_snapshot *p, size_t n_nodes, size_t n_names);
void *stage_snapshot_take(struct stage_snapshot *p, size_t bytes);
void stage_snapshot_free(struct stage_snapshot *p);
static inline void stage_snapshot_freep(struct stage_snapshot **p)
{
	if (*p)
		stage_snapshot_free(*p);
}

/* Drop names and nodes of generations <= generation (the new base has them). Between enter and leave, with the puts
 * of what stays. */
int stage_drop_generation(struct stage *s, uint32_t generation);
/* Inode numbers of all node rows, ascending; freed with free(). */
int stage_node_inos(struct stage *s, uint64_t **ret, size_t *ret_n);
/* Delete bodies that neither a row nor one of keep[] names (after a rebase, and when a mount begins).  Those the
 * running generation has begun since stage_open stay: their rows may still be to come. */
int stage_collect(struct stage *s, const uint32_t *keep, size_t n_keep);
/* Empty the stage: rows and bodies (cdappendfs-sync --discard). */
int stage_discard(struct stage *s);

/* The result of the last commit, for the next mount or info: one line of text and whether it was shown. */
int stage_result_set(struct stage *s, int error, const char *text);
/* -ENODATA none that was not shown; marks it as shown unless read_only */
int stage_result_get(struct stage *s, int *ret_error, char **ret_text);

/* What is staged, for df, info and sync. */
struct stage_totals {
	uint64_t nodes, names, body_bytes;
};
void stage_totals(struct stage *s, struct stage_totals *ret);
/* That as one number, about what the next session may write; 0: nothing is staged. */
uint64_t stage_bytes(struct stage *s);

#endif
