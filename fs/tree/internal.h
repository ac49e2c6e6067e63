/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * internal.h - what the files of fs/tree share: nodes, the tree, the probe
 *
 * Locks, in order: t->content (read: any file I/O; write: rebase, discard) -> n->io (of one node at a time; read:
 * reading bodies, write: changing content) -> t->lock (everything else below).  A node's map changes only with n->io
 * held for writing AND t->lock held (or t->content held for writing), so either is enough to read it.  The stage has
 * locks of its own, below all of these.
 */
#ifndef FS_TREE_INTERNAL_H
#define FS_TREE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "burner/format/bound.h"
#include "burner/base/bytes.h"
#include "burner/base/idset.h"
#include "burner/base/lock.h"
#include "fs/tree/known.h"
#include "fs/tree/map.h"
#include "fs/tree/tree.h"

struct node {
	struct node *hash_next;
	struct node *dirty_next, **dirty_link; /* in t->dirty when dirty_link is set: changed since its row was put */
	uint64_t ino;
	uint64_t n_lookups;	    /* that the kernel will forget */
	uint64_t locator;	    /* of the record that says all of it; 0: none does … */
	uint32_t reader;	    /* … and which of t->readers decodes it */
	uint32_t n_open, n_writers; /* handles; those for writing; … */
	uint32_t n_plain;	    /* … of these, those of callers without privileges */
	uint32_t n_pins;	    /* of requests that work on it without t->lock */
	uint32_t n_alone;	    /* handles of tree_file_alone(); … */
	_Atomic bool met;	    /* … another one was opened since; read without t->lock */
	bool staged;		    /* has a row in the stage, or will when flushed */
	bool orphan;		    /* no name left */
	bool dead;		    /* dropped by a discard */
	bool queued, used;	    /* waits in t->idle; was used since */
	uint32_t content;	    /* files: enum stage_content, since it was burned; 0: as it is on the disc */
	uint32_t mode, uid, gid, nlink;
	uint32_t recorded_nlink; /* with a locator: what its record says, which is shown */
	uint64_t size, rdev;
	uint64_t parent; /* of its name; of several names, one; 0: not known */
	struct timespec atime, mtime, ctime, birth;
	/* extended attributes, as in a row (struct stage_node) */
	uint8_t *xattrs;
	uint32_t xattrs_bytes;
	uint32_t xattr_names; /* names counted with them in t->space.n_xattrs … */
	uint64_t xattr_cost;  /* … and bytes, in t->space.xattrs */
	uint64_t xattrs_at;
	bool no_capability;	    /* there is none among those: nobody needs to read them before a write */
	struct iso_extent base_dir; /* directories: listing in t->base; bytes 0: none */
	uint64_t base_sectors;	    /* that it takes in t->base, in both trees; 0: not known */
	char *target;
	struct zisofs zisofs;
	struct map map;
	uint64_t stage_bytes, hole_bytes; /* sums of the map … */
	uint64_t aside_bytes;		  /* … and of its holes for which room was set aside */
	uint64_t aside_end;		  /* room was set aside beyond the size up to here, while it is open; 0 */
	uint64_t cost;			  /* sectors counted for it in t->space.data */
	uint64_t aside;			  /* bytes counted for it in t->space.aside */
	uint32_t links;			  /* names counted for it in t->space.n_links */
	uint32_t own_body;		  /* sparse body of this generation, 0 none */
	struct rwlock io;
};

/* Numbers of nodes that nobody uses, the oldest first: a ring (idle.c). */
struct idle {
	uint64_t *inos;
	uint32_t capacity, most, first, count;
};

/* The file system of the image (host.c). */
struct host {
	uint64_t free; /* bytes, as last seen, without the reserve */
	uint64_t used; /* handed out since */
	struct timespec seen;
	uint64_t frozen_bytes; /* of the session that is being burned … */
	uint64_t given_bytes;  /* … that the image has got … */
	uint64_t image_bytes;  /* … beyond what it had at the freeze */
};

#define TOUCHED_BUCKETS 4096u
struct space {
	struct disc_state medium;
	uint64_t base_tree;	    /* sectors of the base's directories and path tables */
	uint64_t saved_descriptors; /* for a foreign head that the first session of ours keeps */
	bool uncounted;		    /* a recount failed: before the next change it is made again */
	bool base_known;	    /* false: a foreign base not measured yet */
	uint64_t measured_epoch, measured_tree, measured_directories; /* of a foreign base; epoch + 1, 0 never */
	uint64_t unlinkable_epoch; /* of a base whose tables are not those of its tree; epoch + 1 */
	/* the same, when that base has a damage that measuring found: no need to look again */
	uint64_t damaged_epoch;
	bool may_link;	  /* the next session may leave directories where they are … */
	bool links_trees; /* … and does: with tree=auto only from a size on … */
	bool astray;	  /* … but the way to something staged is not known … */
	/* a file with several names changed: the directories that hold them are written, too */
	bool links;
	uint64_t tables;		     /* sectors of the base's path tables */
	uint64_t links_bytes, links_sectors; /* the base's link table; the directories that it names */
	uint64_t n_contents;		     /* staged files with a cost: entries of the content table */
	/* staged files of several names, and these: what the link table may grow by, … */
	uint64_t n_linked, n_links;
	uint64_t n_touched; /* … with the touched directories */
	/* extended attributes of staged names: bytes, names; sectors of those that are being burned */
	uint64_t xattrs, n_xattrs, xattrs_burned;
	bool base_summed;	/* files of base_tree have their attribute of an MD5 sum */
	uint64_t new_ino;	/* files from here on are not in the base */
	bool base_ours;		/* written by this encoder: its tree has the size it will have again … */
	bool lacks_nanoseconds; /* … but for nanoseconds, which some records of it do not have */
	uint64_t table_bytes;	/* path tables of staged directories */
	/* sectors of staged data; of touched directories: what they grow by, and wholly */
	uint64_t data, names, linked;
	uint64_t record_bytes; /* of staged names, for display */
	uint64_t aside;	       /* bytes for which room was set aside and that have none in the stage */
	uint64_t frozen;       /* sectors of the session that is being burned */
	uint64_t frozen_bytes; /* what was staged for it, for display */
	bool burning;
	uint64_t seed; /* of the hash of their numbers */
	struct touched *touched[TOUCHED_BUCKETS];
	struct host host;
	uint64_t directories; /* in the tree */
	/* those with directories in them: of the base, if it was asked (epoch + 1), and how many more since */
	uint64_t base_parents, parents_epoch;
	int64_t more_parents;
};

/* Where the names of the base are, by number (by_number.c). */
struct place {
	uint32_t ino, parent;
	uint64_t locator;
};
struct places {
	struct lock lock;
	struct iso *base; /* of which they are; NULL: none was asked for */
	struct place *list;
	size_t n;
	int error; /* some directories could not be read */
};

/* Who may have extended attributes: all others, who are most, have none (xattrs.c). */
struct attributed {
	_Atomic bool some; /* without the lock: anybody */
	bool all;	   /* it is not known who */
	struct idset inos;
};

struct tree {
	struct tree_options options;
	struct disc *disc;
	struct stage *stage;	/* NULL: read-only */
	_Atomic bool finalized; /* the medium takes no further session */
	/* what the disc says of its serial numbers cannot be (serials.c) */
	_Atomic bool contradicted;
	struct rwlock content;
	struct lock lock;
	/* under lock: */
	struct iso *base;	 /* NULL: blank */
	uint64_t epoch;		 /* counts the bases */
	int64_t touched_ms;	 /* CLOCK_MONOTONIC: when a node was changed last */
	uint64_t n_name_changes; /* and this the changes of staged names */
	uint64_t n_puts;	 /* and this the rows that were put */
	struct node **buckets;
	uint64_t n_buckets, n_nodes;
	uint64_t seed; /* of the hash of inode numbers */
	struct node *root;
	struct known_table known; /* what has no node */
	struct idset once;	  /* the same of staged files with one look-up: a row says the rest */
	struct burned *burned;	  /* and of files that were */
	struct idle idle;
	struct iso **readers; /* the newest base of each kind */
	uint32_t n_readers;
	struct node *dirty;
	bool frozen; /* a commit is under way */
	/* files that lost a name meanwhile: where the session found one, there may be none (rebase.c) */
	struct idset losers;
	bool more_losers; /* and some for which there was no memory: it may be any */
	/* files with a link count that a rebase is to correct, and has not yet; it was begun, and is called again */
	struct idset uncorrected;
	bool rebasing;
	struct space space;
	struct attributed attributed;
	struct places places; /* has a lock of its own */
};

static inline bool tree_is_read_only(const struct tree *t)
{
	return !t->stage || t->options.read_only || t->finalized || t->contradicted;
}
static inline void tree_lock(struct tree *t) { lock_take(&t->lock); }
static inline void tree_unlock(struct tree *t) { lock_give(&t->lock); }

/* ---- node.c; all with t->lock held ---- */
struct node *node_find_locked(struct tree *t, uint64_t ino);
/* -ESTALE unknown or dead. */
int node_get_locked(struct tree *t, uint64_t ino, struct node **ret);
int node_new_locked(struct tree *t, uint64_t ino, struct node **ret); /* in the table, all zero otherwise */
/* The node of a base record: the one in memory, its row, or a new one from the entry (whose extents and target it
 * takes). */
int node_from_entry_locked(struct tree *t, uint64_t parent, struct iso_entry *e, struct node **ret);
/* The node of that number, in memory or staged; -ENOENT. */
int node_from_number_locked(struct tree *t, uint64_t ino, struct node **ret);
/* The node of a staged name. */
int node_from_stage_locked(struct tree *t, uint64_t ino, struct node **ret);
/* Fill a node from a row (extents and target move over). */
void node_fill_from_row(struct tree *t, struct node *n, struct stage_node *row);
void node_changed_locked(struct tree *t, struct node *n); /* put its row at the next flush */
int node_put_locked(struct tree *t, struct node *n);	  /* put its row now */
int node_flush_all_locked(struct tree *t);		  /* all that changed */
void node_orphan_locked(struct tree *t, struct node *n);  /* its last name is gone */
/* Free the node when nobody refers to it; after every request that may have been the last user. */
void node_unused_locked(struct tree *t, struct node *n);
void node_drop_locked(struct tree *t, struct node *n); /* out of the table and of memory, whoever refers to it */
void node_discard_body_locked(struct tree *t, struct node *n, uint64_t from, uint64_t to);
void node_drop_bodies_locked(struct tree *t, struct node *n);
void node_sums(struct node *n); /* recount stage_bytes, hole_bytes and aside_bytes */
/* bytes beyond the size for which room was set aside */
static inline uint64_t node_aside_beyond(const struct node *n)
{
	return n->aside_end > n->size ? n->aside_end - n->size : 0;
}
void node_find_own_body(struct tree *t, struct node *n);
void node_stat(const struct node *n, struct stat *st);
struct timespec time_now(void);
bool node_is_dirty(const struct node *n);
void node_undirty(struct node *n);
/* A directory as the disc has it, in memory and with its number: it may be somebody's current one.  Not its links. */
void node_restore_dir(struct node *n, const struct iso_entry *e);

/* All of a node but its number and its references, from the entry (whose extents and target it takes). */
void node_take_entry(struct node *n, uint64_t parent, uint32_t reader, struct iso_entry *e);
void entry_stat(const struct iso_entry *e, struct stat *st); /* what node_stat() would say */

/* ---- fetch.c; with t->lock held ---- */
void node_refer(struct node *n, struct stat *st); /* the child is known to the kernel from now on, or once more */
/* the same, and nobody else uses it: it may be gone */
void node_give_locked(struct tree *t, struct node *n, struct stat *st);
/* The kernel learns of what a base record says, which is not staged under its name: one look-up reference. */
int node_hand_out_locked(struct tree *t, uint64_t parent, struct iso_entry *e, struct stat *st);
/* The node of a number that the kernel knows; -ESTALE, or what the disc or the stage says.  The lock is given back
 * while a record is read, so nodes found before may be gone. */
int node_fetch_locked(struct tree *t, uint64_t ino, struct node **ret);
uint64_t node_take_known_locked(struct tree *t, uint64_t ino);		    /* a node is made: its look-ups so far */
bool known_forget_locked(struct tree *t, uint64_t ino, uint64_t n_lookups); /* false: it is not known, or has a node */
int reader_of_base_locked(struct tree *t, uint32_t *ret); /* the base becomes the reader of its kind; -ENOMEM */
void readers_release(struct tree *t);

/* before a discard: rows that a burn has dropped are no part of it */
void known_keep_burned_locked(struct tree *t);
void known_dropped_locked(struct tree *t);	      /* after a discard: all rows are gone */
void known_drop_locked(struct tree *t, uint64_t ino); /* the row of that one is */

#define SECTIONS_KNOWN 16u /* a longer list is not read again for each request */

/* ---- serials.c; with t->lock held ---- */
/* Before a record of the base in that directory is taken for what its number stands for: if it is another one, its
 * number is one of its own afterwards. */
void serial_settle_locked(struct tree *t, uint64_t parent, struct iso_entry *e);
bool serials_contradict_locked(struct tree *t); /* nothing is to be changed any more */

/* ---- burned.c; with t->lock held ---- */
/* after a rebase: of these some are gone. NULL: it is not known which */
void known_burned_locked(struct tree *t, struct stage_snapshot *rows);
bool burned_has_locked(const struct tree *t, uint64_t ino);	   /* in a batch; one look-up each */
uint64_t burned_parent_locked(const struct tree *t, uint64_t ino); /* 0: it is in none */
bool burned_remove_locked(struct tree *t, uint64_t ino);	   /* false: it was in none */
void burned_release(struct tree *t);

/* ---- idle.c; with t->lock held ---- */
uint32_t idle_most(const struct tree *t);
bool node_leave_known_locked(struct tree *t, const struct node *n); /* nobody uses it: may it go, and only be known? */
void idle_note_locked(struct tree *t, struct node *n);		    /* nobody uses it: it may go when others come */
/* no node is held but those that are pinned or open, and directories */
void idle_settle_locked(struct tree *t);

/* ---- probe.c: what the stage and the base say of a name ---- */
struct probe {
	uint64_t asked; /* the stage: n_name_changes then, + 1; 0: not yet */
	bool staged;	/* it has the name: … */
	uint64_t ino;	/* … STAGE_WHITEOUT, or whose it is */
	bool valid;	/* the base was asked, and said: */
	uint64_t epoch;
	struct iso_extent dir;
	int error; /* of iso_lookup: 0 or -ENOENT */
	struct iso_entry entry;
};
void probe_release(struct probe *p);
#define _cleanup_probe_ __attribute__((cleanup(probe_release)))
/* 0: the probe is good for resolve_locked() as long as the lock is held.  The lock is given back while the base is
 * read, so nodes found before may be gone. Whatever the stage or the disc cannot say is an error. */
int probe_name_locked(struct tree *t, uint64_t parent, const char *name, struct probe *p, struct node **ret_parent);
int probe_names_locked(struct tree *t, uint64_t parent, const char *name, struct probe *p, struct node **ret_parent,
		       uint64_t parent2, const char *name2, struct probe *p2, struct node **ret_parent2);
/* Is there a child of that name, and is p's record what there is of it? */
bool is_of_base_locked(const struct tree *t, const struct node *parent, const struct probe *p);
/* The child of that name now; -ENOENT. */
int resolve_locked(struct tree *t, struct node *parent, struct probe *p, struct node **ret);

/* ---- measure.c, space.c; with t->lock held but for space_measure ---- */
/* Count the base's tree once, before the first change; without the lock. */
int space_measure(struct tree *t);
int space_admit(struct tree *t);			       /* before any change; without the lock */
int space_check_locked(struct tree *t, uint64_t more_sectors); /* 0 or -ENOSPC */
uint64_t space_left_locked(struct tree *t);		       /* sectors that can be staged besides; UINT64_MAX */
/* Room for the file when it has that size, so many bytes more to be written, so many of its bytes on the disc less, and
 * so many pieces more in its map?  0 or -ENOSPC */
struct space_growth {
	uint64_t size, fresh, replaced, pieces;
	uint32_t became; /* enum stage_content */
};
int space_grow_locked(struct tree *t, const struct node *n, const struct space_growth *more);
/* of one change at most: an extent cut in two, the block at the old end, a hole before what is new */
#define SPACE_PIECES_MORE 3u
/* Room for [from, to) to be written, to become a hole? from <= size. Content locked, the tree's lock not held. 0,
 * -ENOSPC, -EFBIG */
int space_write(struct tree *t, struct node *n, uint64_t from, uint64_t to);
int space_stage(struct tree *t, struct node *n, uint64_t from, uint64_t to); /* for its bytes, after space_write() */
int space_zeros(struct tree *t, struct node *n, uint64_t from, uint64_t to);
/* Room for what the file costs when it ends at size, which is not 0: what is left may have to be written.  With the
 * lock. 0, -ENOSPC */
int space_cut_locked(struct tree *t, const struct node *n, uint64_t size);
/* Room for extended attributes of so many bytes, on all its names? 0, -ENOSPC */
int space_xattrs_locked(struct tree *t, const struct node *n, uint64_t bytes);
uint64_t space_xattrs_sectors(const struct tree *t); /* those that are staged */
/* So many sectors of so many directories of the base, when they are written again. */
uint64_t space_with_nanoseconds(const struct space *s, uint64_t sectors, uint64_t directories);
void space_node_locked(struct tree *t, struct node *n); /* its content changed: count it again */
/* it came from a row of that generation: its cost is counted already */
void space_loaded_locked(struct tree *t, struct node *n, uint32_t generation);
void space_forget_node_locked(struct tree *t, struct node *n);
uint64_t space_link_bytes(const struct space *s); /* what the link table may grow by */
uint64_t space_body_locked(const struct tree *t); /* the next session, at most, but its digests */
/* what is counted now: on the medium and on the host's file system */
bool space_fits_locked(struct tree *t);
/* What the medium has left for the next session, sectors, UINT64_MAX: no limit; and how large its body may be in so
 * many. */
uint64_t space_medium_room_locked(const struct tree *t);
uint64_t space_body_room(const struct tree *t, uint64_t sectors);
uint64_t space_staged_bytes_locked(const struct tree *t); /* for display */
int space_counted_locked(struct tree *t);	     /* 0, or why it cannot be counted; no node is held without a pin */
int space_recount_locked(struct tree *t);	     /* from the rows: after opening, rebase, thaw */
uint64_t space_sectors_locked(const struct tree *t); /* the next session, at most */
/* How much more it can have in so many sectors more, when it gets parity; its parity so far. */
uint64_t space_more_locked(const struct tree *t, uint64_t sectors);
uint64_t space_parity_locked(const struct tree *t);
void space_freeze_locked(struct tree *t);
/* After that: the rows with these numbers, ascending, are newer. */
int space_count_newer_locked(struct tree *t, const uint64_t *inos, size_t n);
void space_release(struct tree *t);

/* ---- host.c; with t->lock held ---- */
uint64_t host_left_locked(struct tree *t); /* sectors for what comes; UINT64_MAX: no limit is known */
uint64_t host_room_locked(struct tree *t); /* sectors that the image can get now; UINT64_MAX likewise */
void host_hand_out_locked(struct tree *t, uint64_t sectors);
/* Room for [from, to) in the stage, which may share the file system with the image? 0, -ENOSPC */
int host_stage_locked(struct tree *t, const struct node *n, uint64_t from, uint64_t to);
int host_aside_locked(struct tree *t, uint64_t bytes);	    /* the same for holes that are set aside */
void host_freeze_locked(struct tree *t);		    /* t->space.frozen sectors are for the image */
void host_planned_locked(struct tree *t, uint64_t sectors); /* it is exactly so many */
void host_settled_locked(struct tree *t);		    /* burned, or not */

/* ---- touched.c; with t->lock held ---- */
/* Before a change of the directory, or of the node: room for it and for all directories above it, and their rows.  0,
 * -ENOSPC, or what the stage says: nothing is counted then. */
int dirty_ancestors_locked(struct tree *t, struct node *dir);
int dirty_ancestors_of_locked(struct tree *t, struct node *n);
bool way_unknown_locked(const struct tree *t, const struct node *n);
/* -ENOSPC: not added */
int space_add_name_locked(struct tree *t, struct node *dir, const char *name, const struct node *child);
void space_remove_name_locked(struct tree *t, uint64_t dir, const char *name, const struct node *child);
int space_add_directory_locked(struct tree *t, uint64_t ino); /* -ENOSPC: not added */
void space_remove_directory_locked(struct tree *t, uint64_t ino);
/* For counting from the rows, without asking for room. */
bool touched_has_locked(struct tree *t, uint64_t ino);
/* What a new directory is counted with; 0: it is none, or of the session that is being burned. */
uint64_t touched_fresh_locked(struct tree *t, uint64_t ino);
int touched_directory_locked(struct tree *t, const struct node *dir);
void touched_name_locked(struct tree *t, uint64_t dir, const char *name, const struct node *child);
void touched_clear(struct space *s);
void touched_freeze(struct tree *t);
const char *touched_check_locked(struct tree *t);

/* ---- check.c; with t->lock held ---- */
/* NULL, or what does not hold of the tree in memory. */
const char *tree_check_locked(struct tree *t);

/* ---- rebase.c ---- */
void name_lost_locked(struct tree *t, const struct node *n); /* n has one name fewer, or it lies elsewhere */
void losers_forget_locked(struct tree *t);		     /* at the end of a commit */

/* ---- freeze.c ---- */
/* 1 GiB: what is put aside on the host's file system during a commit is there for its own sake, not at the cost of
 * others. */
#define KEEP_SECTORS (1ull << 19)
/* For what changes all nodes at once: no write is between its body and its map. */
void tree_lock_all(struct tree *t);
void tree_unlock_all(struct tree *t);

/* ---- parents.c; with t->lock held: a path table has 65,535 numbers for directories that have directories ---- */
/* May the directory get one, or is it one too many?  0, -EMLINK; after space_measure(). */
int parents_admit_locked(const struct tree *t, const struct node *dir);
void directory_gains_locked(struct tree *t, struct node *dir); /* one more in it … */
void directory_loses_locked(struct tree *t, struct node *dir); /* … or less */
bool parents_wanted_locked(const struct tree *t);	       /* those of the base are not known, and must be */
/* Without the lock. ascending: the table has the usual order, as a linked session needs it. */
int parents_count(struct iso *base, uint64_t *ret, bool *ret_ascending);

/* ---- by_number.c ---- */
void places_release(struct places *p);

/* ---- xattrs.c; with t->lock held ---- */
/* A node, or a file that is only known, has extended attributes: before anybody learns of it. */
void attributed_note_locked(struct tree *t, uint64_t ino);
static inline bool node_has_xattrs(const struct node *n) { return n->xattrs || n->xattrs_at; }
static inline void attributed_node_locked(struct tree *t, const struct node *n)
{
	if (node_has_xattrs(n))
		attributed_note_locked(t, n->ino);
}

/* ---- dir.c ---- */
/* Is the directory empty? Reads the base: without the lock, node pinned. 0, -ENOTEMPTY or an error. */
int directory_empty(struct tree *t, uint64_t ino);

/* ---- write.c: node pinned or open; takes t->content itself ---- */
int node_resize(struct tree *t, struct node *n, uint64_t size);

#endif
