/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tree.h - the merged namespace: a base (iso) below a stage, as one POSIX tree
 *
 *	tree_new -> requests (tree_lookup, tree_create, tree_write …) from many threads
 *	commit: tree_freeze -> (manifest, burn, verify, publish: fs/commit) -> tree_rebase, or tree_thaw -> …
 *	-> tree_free
 *
 * A node is in memory while somebody refers to it (open handles, look-ups not yet forgotten; of an unchanged file
 * with one name the latter only remember its record: known.h) or it has changes the stage lacks. Inode numbers are
 * node ids: 1 is the root; st_ino is the same number.
 *
 * Threads: any.  Lock order: content (shared by all file I/O, exclusive for a rebase) -> the i/o lock of one node ->
 * the tree's lock -> the stage.  The disc is never read with a lock held: what a request needs of the base is fetched
 * first, then looked at again under the lock. Errors: those of POSIX; -EAGAIN from a disc that is burning: nothing
 * was changed, the request may be repeated; -EROFS; -ESTALE the node was dropped by a discard; -ENOSPC the medium
 * could not hold it (or the stage's disk is full); -EFBIG beyond BOUND_FILE_BYTES; -EIO, -EBADMSG of the disc.
 */
#ifndef FS_TREE_TREE_H
#define FS_TREE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "cdappendfs/disc.h"
#include "cdappendfs/placement.h"
#include "fs/iso/iso.h"
#include "fs/stage/stage.h"

#define TREE_ROOT 1u

struct tree;

/* Who asks. The umask counts where the directory has no default access control list. */
struct tree_caller {
	uid_t uid;
	gid_t gid;
	mode_t umask;
};

/* What a session writes of the tree: all of it; only what has changed, where the base allows it; or the latter if it
 * is large. */
enum tree_writing { TREE_AUTO, TREE_FULL, TREE_LINKED };

struct tree_options {
	enum tree_writing writing;
	bool no_joliet;
	bool read_only;
	bool md5;			 /* the sessions to come have MD5 sums: writing is TREE_FULL */
	bool span;			 /* what is staged may be more than the medium takes: for several discs */
	unsigned parity_percent;	 /* of the sessions to come; 0: none */
	struct pieces_rule pieces;	 /* as that of the sessions to come */
	const struct disc_state *medium; /* as for tree_set_medium(), read by tree_new(); NULL: told later */
	uid_t owner;
	gid_t group; /* of the root of a blank disc */
	time_t time; /* its times; 0: now */
	/* of files that nobody but the kernel knows, in memory at most; 0: as many as is good for the medium */
	uint32_t idle_nodes;
};

/* base NULL: a blank disc. stage NULL: read-only. Takes a reference to base; borrows disc and stage. */
int tree_new(const struct tree_options *options, struct disc *disc, struct iso *base, struct stage *stage,
	     struct tree **ret);
void tree_free(struct tree *t);
static inline void tree_freep(struct tree **t) { tree_free(*t); }
/* The first inode number to give to a new node above that base (NULL: blank): stage_options.next_ino.  Foreign discs:
 * above every record's own number.  0: the disc is foreign and so large (2^26 sectors) that no numbers are left, or
 * its session says a number that is none: it can only be mounted read-only. */
uint64_t tree_first_ino(struct iso *base, const struct disc_state *state);
/* Serial numbers of the disc that cannot be were met, so it is read-only: changes are -EROFS, a freeze is -EBADMSG. */
bool tree_is_contradicted(const struct tree *t);
#define TREE_CONTRADICTED \
	"the disc contradicts itself: files of it have serial numbers that its session never gave, or that others " \
	"have"
/* What it stands on, a reference; NULL: blank. */
struct iso *tree_base_ref(struct tree *t);
/* Where the medium stands, for df and ENOSPC; again after each change of it. */
void tree_set_medium(struct tree *t, const struct disc_state *state);

/* ---- names; each success of those with `st` gives one look-up reference to st_ino ---- */
int tree_lookup(struct tree *t, uint64_t parent, const char *name, struct stat *st);
/* By number alone, of what the kernel may have forgotten since, in this mount or an earlier one: -ESTALE, it is not
 * there any more.  The first question for something that is on the disc reads all of its directories. */
int tree_lookup_number(struct tree *t, uint64_t ino, struct stat *st);
int tree_lookup_parent(struct tree *t, uint64_t ino, struct stat *st); /* of a directory: that of "..", likewise */
void tree_forget(struct tree *t, uint64_t ino, uint64_t n_lookups);
/* all types but symlinks; S_IFDIR too */
int tree_mknod(struct tree *t, const struct tree_caller *c, uint64_t parent, const char *name, mode_t mode, dev_t rdev,
	       struct stat *st);
int tree_symlink(struct tree *t, const struct tree_caller *c, uint64_t parent, const char *name, const char *target,
		 struct stat *st);
int tree_link(struct tree *t, uint64_t ino, uint64_t parent, const char *name, struct stat *st);
int tree_unlink(struct tree *t, uint64_t parent, const char *name);
int tree_rmdir(struct tree *t, uint64_t parent, const char *name);
/* flags: 0, RENAME_NOREPLACE, RENAME_EXCHANGE */
int tree_rename(struct tree *t, uint64_t parent, const char *name, uint64_t new_parent, const char *new_name,
		unsigned flags);
/* RENAME_WHITEOUT: a character device 0:0 takes the old name, in the same step. flags: 0, RENAME_NOREPLACE */
int tree_rename_whiteout(struct tree *t, const struct tree_caller *c, uint64_t parent, const char *name,
			 uint64_t new_parent, const char *new_name, unsigned flags);

/* ---- attributes ---- */
int tree_getattr(struct tree *t, uint64_t ino, struct stat *st);
enum tree_set {
	TREE_SET_MODE = 1,
	TREE_SET_UID = 2,
	TREE_SET_GID = 4,
	TREE_SET_SIZE = 8,
	TREE_SET_ATIME = 16,
	TREE_SET_MTIME = 32,
	TREE_SET_ATIME_NOW = 64,
	TREE_SET_MTIME_NOW = 128,
	TREE_SET_CTIME = 256
};
/* No permission checks: fs/fuse or the kernel made them. */
int tree_setattr(struct tree *t, uint64_t ino, const struct stat *set, unsigned which, struct stat *st);
int tree_readlink(struct tree *t, uint64_t ino, char **ret); /* allocated */
int tree_statfs(struct tree *t, struct statvfs *ret);

/* ---- extended attributes ---- */

/* Names with their namespace; values of ACLs as Linux gives and takes them.  No permission checks here either. */
struct tree_xattr {
	const char *name;
	const void *value; /* NULL: it is removed */
	size_t bytes;
	int flags;	    /* XATTR_CREATE, XATTR_REPLACE */
	bool drops_set_gid; /* an access list takes the bit, as who sets it is not of the file's group */
};
/* False: it certainly has none.  Costs nothing where nobody has. */
bool tree_may_have_xattrs(struct tree *t, uint64_t ino);
/* Allocated.  -ENODATA: no such one.  Of names: each with a NUL; NULL, 0 when there are none. */
int tree_xattr_get(struct tree *t, uint64_t ino, const char *name, uint8_t **ret, size_t *ret_bytes);
int tree_xattr_list(struct tree *t, uint64_t ino, char **ret, size_t *ret_bytes);
/* 1: the mode changed with an access list.  -EEXIST, -ENODATA as the flags ask; -E2BIG, -ERANGE of one that is too
 * large; -ENOSPC also when all of them are (XATTRS_BYTES_MAX); -EOPNOTSUPP a namespace that there is not; -EINVAL,
 * -EACCES a list that is none, or a default one of a file. */
int tree_xattr_set(struct tree *t, uint64_t ino, const struct tree_xattr *x);

/* ---- where something lies ---- */
enum tree_staged {
	TREE_STAGED_NOTHING,
	TREE_STAGED_ATTRIBUTES, /* owner, mode, times, name, …: its content is as it was burned */
	TREE_STAGED_CONTENT	/* it is new, or its content is; of a directory: something in it or below */
};
struct tree_where {
	mode_t mode;
	enum tree_staged staged;
	bool on_disc;	      /* anything of it: of a directory its records, of a file content */
	uint64_t first, last; /* … bytes on the disc: where it begins; where the part of it begins that is the newest */
	uint64_t sections;    /* of a file: extents on the disc, as a session has them */
	uint64_t older_bytes; /* of a file: below older_below; of one that is to be written, all that is on the disc */
};
int tree_where(struct tree *t, uint64_t ino, uint64_t older_below, struct tree_where *ret);

/* ---- files ---- */
struct tree_file;
int tree_open(struct tree *t, uint64_t ino, int flags, struct tree_file **ret); /* O_TRUNC is honoured */
int tree_create(struct tree *t, const struct tree_caller *c, uint64_t parent, const char *name, mode_t mode, int flags,
		struct stat *st, struct tree_file **ret);
void tree_close(struct tree *t, struct tree_file *f);
uint64_t tree_file_ino(const struct tree_file *f);
/* It was opened by one without privileges.  Has anybody such a handle of its file, for writing? */
void tree_file_set_plain(struct tree *t, struct tree_file *f);
bool tree_file_is_plain(struct tree *t, const struct tree_file *f);
/* Is it the file's only handle?  If so, tree_file_met() tells from now on whether another one was opened since: of a
 * write that has returned, one that may have read what was there before. Once for each handle. */
bool tree_file_alone(struct tree *t, struct tree_file *f);
bool tree_file_met(const struct tree_file *f);
int tree_read(struct tree *t, struct tree_file *f, uint64_t offset, void *buf, size_t length, size_t *ret_length);
/* Do these bytes, as many of them as the file has, lie in one piece of an image?  Then where in it; they stay there. */
bool tree_read_place(struct tree *t, struct tree_file *f, uint64_t offset, size_t length, int *ret_fd,
		     uint64_t *ret_pos, size_t *ret_length);
/* all or nothing */
int tree_write(struct tree *t, struct tree_file *f, uint64_t offset, const void *buf, size_t length);
/* 0, KEEP_SIZE, PUNCH_HOLE|KEEP_SIZE, ZERO_RANGE[|KEEP_SIZE] */
int tree_fallocate(struct tree *t, struct tree_file *f, int mode, uint64_t offset, uint64_t length);
/* SEEK_DATA, SEEK_HOLE */
int tree_seek(struct tree *t, struct tree_file *f, uint64_t offset, int whence, uint64_t *ret);
/* from may be of another tree of this disc that has no stage. */
int tree_copy(struct tree *t, struct tree_file *from, uint64_t from_offset, struct tree_file *to, uint64_t to_offset,
	      size_t length, size_t *ret_copied);
/* All of it into a file that is empty; one that is compressed stays so. */
int tree_copy_whole(struct tree *t, struct tree_file *from, struct tree_file *to);
int tree_fsync(struct tree *t, uint64_t ino); /* file or directory: durable in the stage, never burns */
/* hand changed nodes to the stage (every two seconds by fs/commit's thread); not durable yet */
int tree_flush(struct tree *t);
int tree_sync(struct tree *t); /* all of it durable in the stage */

/* ---- directories: as they were at the first read after opening, or at that of cookie 0 ---- */
struct tree_dir;
struct tree_dir_entry {
	char name[256];
	uint64_t ino;
	uint32_t type;
	uint64_t next;
}; /* type: S_IFMT bits */
int tree_opendir(struct tree *t, uint64_t ino, struct tree_dir **ret);
void tree_closedir(struct tree *t, struct tree_dir *d);
/* cookie 0: from the beginning, as it is now. 1 and an entry ("." and ".." included), 0 at the end. One thread at a
 * time for one handle: locked inside. Without a stage a directory never changes: then a cookie goes for every handle
 * of it. */
int tree_readdir(struct tree *t, struct tree_dir *d, uint64_t cookie, struct tree_dir_entry *ret);
/* Attributes of that entry with a look-up reference, as readdirplus wants them. -ENOENT: it is gone meanwhile (give
 * the name without). Not for "." and "..". */
int tree_readdir_lookup(struct tree *t, struct tree_dir *d, uint64_t cookie, struct stat *st);

/* ---- open for writing, for flushing mmap writers before a freeze ---- */
/* inodes opened for writing now (a mapping keeps its file open); free() */
int tree_writers(struct tree *t, uint64_t **ret_inos, size_t *ret_n);
/* Is there one of these that was written within the last so many milliseconds? */
bool tree_written_for_ms(struct tree *t, int64_t ms);
/* CLOCK_MONOTONIC: when something was changed last; 0: not since the tree was made. */
int64_t tree_touched_ms(struct tree *t);

/* ---- commits ---- */
struct tree_frozen {
	uint32_t generation;
	struct iso *base; /* a reference; NULL: blank */
	/* of the host's file system, that a commit leaves for the session and for others */
	uint64_t keep_bytes;
	struct stage_snapshot *snapshot; /* root's row is always in it when there is no base */
	uint64_t next_ino;
	/* directories without a row may stay where they are in the base; all above a row have rows */
	bool linked;
	bool may_link;	  /* they may, but the whole tree is preferred if it fits (tree=auto) */
	bool cannot_link; /* tree_cannot_link() */
	bool unchanged;	  /* nothing is staged */
	/* what of the base contradicts itself, and does not keep a session from being made: set by who asks for one */
	oddities accepted;
	bool md5; /* of files that stay the base's MD5 sums are wanted; likewise */
};
void tree_frozen_release(struct tree_frozen *f);
bool tree_changed(struct tree *t); /* anything staged? */
/* Freeze the running generation.  -ENODATA: nothing is staged, and TREE_FREEZE_UNCHANGED was not given (or there is
 * no tree at all). TREE_FREEZE_WHOLE: the session is to have every directory; also when nothing is staged, if some
 * may lie in older sessions; with TREE_FREEZE_HEAL, too, if files may have several sections.  The commit state FROZEN
 * is to be journaled next. */
enum tree_freeze_flags { TREE_FREEZE_UNCHANGED = 1, TREE_FREEZE_WHOLE = 2, TREE_FREEZE_HEAL = 4 };
int tree_freeze(struct tree *t, unsigned flags, struct tree_frozen *ret);
/* A look at what would be frozen, for a dry run: same content, nothing changes. */
int tree_preview(struct tree *t, unsigned flags, struct tree_frozen *ret);
/* The frozen generation's session takes so many sectors: they are counted, if it was thought to take fewer. */
void tree_planned(struct tree *t, uint64_t sectors);
/* Its blocks were set aside in the image. */
void tree_reserved(struct tree *t);
/* Directories of this base cannot stay where they are, as the commit found: the next session has all of them, and its
 * bound is that of a full tree. */
void tree_cannot_link(struct tree *t);
/* The burn failed: everything staged stays, in one generation again. */
void tree_thaw(struct tree *t);
/* The frozen generation is on the disc: `base` is the tree now. What was changed since stays staged, its references
 * to burned data become disc extents. In recovery only the directories are known: then bodies stay until their files
 * are burned again.  rows: what was frozen; NULL in recovery, when the kernel knows nothing yet. */
int tree_rebase(struct tree *t, uint32_t generation, struct iso *base, const struct disc_state *state,
		const struct burn_placements *placements, struct stage_snapshot *rows);
/* Drop everything staged. -EBUSY: changed files are open, or a commit is under way. *ret: what was staged, for
 * invalidating the kernel's caches; also when it is dropped and that could not be made durable (-EIO, -ENOSPC). */
int tree_discard(struct tree *t, struct stage_snapshot **ret);
/* The same of some paths and all below them; what is dropped is told by emit, and with kind '-' paths at which
 * nothing is staged. *ret: everything that was staged, for the kernel's caches. -ENOENT nothing is staged at any;
 * -EXDEV something would lose its place; -EBUSY: then nothing is dropped, and *ret_why (allocated) says more. */
int tree_discard_paths(struct tree *t, const char *const *paths, size_t n_paths,
		       int (*emit)(void *context, char kind, const char *path, const char *from, uint64_t bytes),
		       void *context, struct stage_snapshot **ret, char **ret_why);
/* The files of several sections that the base has: iso_pieces(). The disc is read without a lock. */
int tree_pieces(struct tree *t, const struct iso_pieces *asked, uint64_t *ret_files, char ret_where[ISO_WHERE_BYTES]);
/* iso_shown_names() of the base, and then of what is staged as `staged` (may be NULL): names that are new, as Joliet
 * gives them when no other name stands in the way. */
int tree_shown_names(struct tree *t, const struct iso_shown *asked, const struct iso_shown *staged,
		     char ret_where[ISO_WHERE_BYTES]);
/* Staged nodes with their paths, for --changes; calls emit for each, sorted by path. */
struct tree_change {
	char kind;	/* 'A' added, 'M' changed, 'D' removed, 'R' renamed */
	bool directory; /* D: it was one */
	/* M, R: what is another than on the disc.  M with neither: how many names it has, or when it was read or
	 * changed */
	bool content, attributes, links;
	const char *path, *from; /* from: what it was on the disc; NULL but of R */
	uint64_t bytes;		 /* of its content, new ones */
	/* what the next session writes of its content, if nothing of it is found on the disc and nothing is
	 * compressed; of several names of a file the first that is told has it */
	uint64_t cost_bytes;
};
/* The root has the path ".".  *ret_root_lba: where the root of the session below lies, 0 of a blank disc; NULL: that is
 * not asked for. */
int tree_changes(struct tree *t, int (*emit)(void *context, const struct tree_change *c), void *context,
		 uint32_t *ret_root_lba);
/* What a write fails for with -ENOSPC: the one of which least is left. */
enum tree_full { TREE_FULL_MEDIUM, TREE_FULL_HOST, TREE_FULL_STAGE };
enum tree_full tree_why_full(struct tree *t);
/* Of the stage: its directory, and the bytes that data may take of its file system.  NULL, 0: read-only. */
const char *tree_stage_directory(const struct tree *t);
/* As stage_directory_closed(); -EROFS. */
int tree_stage_directory_closed(struct tree *t, char **ret);
uint64_t tree_stage_room(const struct tree *t);
/* How many sectors the next session may need at most, and how many are left after it. */
void tree_space(struct tree *t, uint64_t *ret_staged_bytes, uint64_t *ret_free_bytes);
/* How many directories it has, the root among them; 0 while those of a foreign base are not counted.  Windows knows
 * them by their numbers in the path table, of which it takes 16 bits: in later ones it cannot open files. */
#define TREE_DIRECTORIES_NUMBERED 65535u
uint64_t tree_directories(struct tree *t);

#endif
