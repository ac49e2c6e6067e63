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
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "burner/format/bound.h"
#include "burner/base/bytes.h"
#include "burner/base/idset.h"
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
	uint32_t n_open, n_writers; /* handles; those for writing */
	uint32_t n_pins;	    /* of requests that work on it without t->lock */
	uint32_t n_alone;	    /* handles of tree_file_alone(); … */
	_Atomic bool met;	    /* … another one was opened since; read without t->lock */
	bool staged;		    /* has a row in the stage, or will when flushed */
	bool orphan;		    /* no name left */
	bool dead;		    /* dropped by a discard */
	bool queued, used;	    /* waits in t->idle; was used since */
	uint32_t mode, uid, gid, nlink;
	uint64_t size, rdev;
	uint64_t parent; /* of its name; of several names, one; 0: not known */
	struct timespec atime, mtime, ctime;
	struct iso_extent base_dir; /* directories: listing in t->base; bytes 0: none */
	uint64_t base_sectors;	    /* that it takes in t->base, in both trees; 0: not known */
	char *target;
	struct zisofs zisofs;
	struct map map;
	uint64_t stage_bytes, hole_bytes; /* sums of the map */
	uint64_t cost;			  /* sectors counted for it in t->space.data */
	uint32_t links;			  /* names counted for it in t->space.n_links */
	uint32_t own_body;		  /* sparse body of this generation, 0 none */
	pthread_rwlock_t io;
};

/* Numbers of nodes that nobody uses, the oldest first: a ring (idle.c). */
struct idle {
	uint64_t *inos;
	uint32_t capacity, most, first, count;
};

#define TOUCHED_BUCKETS 4096u
struct space {
	struct disc_state medium;
	uint64_t base_tree;	    /* sectors of the base's directories and path tables */
	uint64_t saved_descriptors; /* for a foreign head that the first session of ours keeps */
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
	uint64_t n_touched;   /* … with the touched directories */
	uint64_t new_ino;     /* files from here on are not in the base */
	bool base_ours;	      /* written by this encoder: its tree has the size it will have again */
	uint64_t table_bytes; /* path tables of staged directories */
	/* sectors of staged data; of touched directories: what they grow by, and wholly */
	uint64_t data, names, linked;
	uint64_t record_bytes; /* of staged names, for display */
	uint64_t frozen;       /* sectors of the session that is being burned */
	bool burning;
	struct touched *touched[TOUCHED_BUCKETS];
	uint64_t host_free; /* as last seen, without the reserve */
	uint64_t host_used; /* handed out since */
	struct timespec host_seen;
	uint64_t directories; /* in the tree: a path table has 65,535 numbers for parents */
};

struct tree {
	struct tree_options options;
	struct disc *disc;
	struct stage *stage;	/* NULL: read-only */
	_Atomic bool finalized; /* the medium takes no further session */
	pthread_rwlock_t content;
	pthread_mutex_t lock;
	/* under lock: */
	struct iso *base; /* NULL: blank */
	uint64_t epoch;	  /* counts the bases */
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
	struct space space;
};

static inline bool tree_is_read_only(const struct tree *t) { return !t->stage || t->options.read_only || t->finalized; }
static inline void tree_lock(struct tree *t) { pthread_mutex_lock(&t->lock); }
static inline void tree_unlock(struct tree *t) { pthread_mutex_unlock(&t->lock); }

/* ---- node.c; all with t->lock held ---- */
struct node *node_find(struct tree *t, uint64_t ino);
/* -ESTALE unknown or dead. */
int node_get(struct tree *t, uint64_t ino, struct node **ret);
int node_new(struct tree *t, uint64_t ino, struct node **ret); /* in the table, all zero otherwise */
/* The node of a base record: the one in memory, its row, or a new one from the entry (whose extents and target it
 * takes). */
int node_from_entry(struct tree *t, uint64_t parent, struct iso_entry *e, struct node **ret);
/* The node of that number, in memory or staged; -ENOENT. */
int node_from_number(struct tree *t, uint64_t ino, struct node **ret);
/* The node of a staged name. */
int node_from_stage(struct tree *t, uint64_t ino, struct node **ret);
/* Fill a node from a row (extents and target move over). */
void node_fill_from_row(struct tree *t, struct node *n, struct stage_node *row);
void node_changed(struct tree *t, struct node *n); /* put its row at the next flush */
int node_put(struct tree *t, struct node *n);	   /* put its row now */
int node_flush_all(struct tree *t);		   /* all that changed */
void node_orphan(struct tree *t, struct node *n);  /* its last name is gone */
/* Free the node when nobody refers to it; after every request that may have been the last user. */
void node_unused(struct tree *t, struct node *n);
void node_drop(struct tree *t, struct node *n); /* out of the table and of memory, whoever refers to it */
void node_discard_body(struct tree *t, struct node *n, uint64_t from, uint64_t to);
void node_drop_bodies(struct tree *t, struct node *n);
void node_sums(struct node *n); /* recount stage_bytes and hole_bytes */
void node_find_own_body(struct tree *t, struct node *n);
void node_stat(const struct node *n, struct stat *st);
struct timespec time_now(void);
bool node_is_dirty(const struct node *n);
void node_undirty(struct node *n);

/* All of a node but its number and its references, from the entry (whose extents and target it takes). */
void node_take_entry(struct node *n, uint64_t parent, uint32_t reader, struct iso_entry *e);
void entry_stat(const struct iso_entry *e, struct stat *st); /* what node_stat() would say */

/* ---- fetch.c; with t->lock held but for node_fetch ---- */
void node_refer(struct node *n, struct stat *st); /* the child is known to the kernel from now on, or once more */
/* the same, and nobody else uses it: it may be gone */
void node_give(struct tree *t, struct node *n, struct stat *st);
/* The kernel learns of what a base record says, which is not staged under its name: one look-up reference. */
int node_hand_out(struct tree *t, uint64_t parent, struct iso_entry *e, struct stat *st);
/* The node of a number that the kernel knows: 0 with t->lock HELD; -ESTALE, or what the disc says, without. */
int node_fetch(struct tree *t, uint64_t ino, struct node **ret);
uint64_t node_take_known(struct tree *t, uint64_t ino);		     /* a node is made: its look-ups so far */
bool known_forget(struct tree *t, uint64_t ino, uint64_t n_lookups); /* false: it is not known, or has a node */
int reader_of_base(struct tree *t, uint32_t *ret); /* the base becomes the reader of its kind; -ENOMEM */
void readers_release(struct tree *t);

/* before a discard: rows that a burn has dropped are no part of it */
void known_keep_burned(struct tree *t);
void known_dropped(struct tree *t); /* after a discard: all rows are gone */

#define SECTIONS_KNOWN 16u /* a longer list is not read again for each request */

/* ---- burned.c; with t->lock held ---- */
/* after a rebase: of these some are gone. NULL: it is not known which */
void known_burned(struct tree *t, struct stage_snapshot *rows);
bool burned_has(const struct tree *t, uint64_t ino);	    /* in a batch; one look-up each */
uint64_t burned_parent(const struct tree *t, uint64_t ino); /* 0: it is in none */
bool burned_remove(struct tree *t, uint64_t ino);	    /* false: it was in none */
void burned_release(struct tree *t);

/* ---- idle.c; with t->lock held ---- */
uint32_t idle_most(const struct tree *t);
bool node_leave_known(struct tree *t, const struct node *n); /* nobody uses it: may it go, and only be known? */
void idle_note(struct tree *t, struct node *n);		     /* nobody uses it: it may go when others come */
/* no node is held but those that are pinned or open, and directories */
void idle_settle(struct tree *t);

/* ---- probe.c: what the base says of a name, fetched without the lock ---- */
struct probe {
	bool valid;
	uint64_t epoch;
	struct iso_extent dir;
	int error; /* of iso_lookup: 0 or -ENOENT */
	struct iso_entry entry;
};
void probe_release(struct probe *p);
#define _cleanup_probe_ __attribute__((cleanup(probe_release)))
/* 0 with t->lock HELD and the probe good for resolve(); an error without the lock. */
int probe_name(struct tree *t, uint64_t parent, const char *name, struct probe *p, struct node **ret_parent);
int probe_names(struct tree *t, uint64_t parent, const char *name, struct probe *p, struct node **ret_parent,
		uint64_t parent2, const char *name2, struct probe *p2, struct node **ret_parent2);
/* Is there a child of that name, and is p's record what there is of it? */
bool is_of_base(struct tree *t, const struct node *parent, const char *name, const struct probe *p);
/* The child of that name now; -ENOENT. The lock is held and stays held. */
int resolve(struct tree *t, struct node *parent, const char *name, struct probe *p, struct node **ret);

/* ---- measure.c, space.c; with t->lock held but for space_measure ---- */
/* More than this no tree's directories can have: one that has is a loop of a damaged disc. */
uint64_t space_directory_bytes_max(struct iso *base);
/* Count the base's tree once, before the first change; without the lock. */
int space_measure(struct tree *t);
int space_admit(struct tree *t);			/* before any change; without the lock */
int space_check(struct tree *t, uint64_t more_sectors); /* 0 or -ENOSPC */
/* Room for the file with so many bytes more to be written and so many pieces more in its map, when it has that size?
 * 0 or -ENOSPC */
int space_grow(struct tree *t, const struct node *n, uint64_t more_bytes, uint64_t more_pieces, uint64_t size);
/* of one change at most: an extent cut in two, the block at the old end, a hole before what is new */
#define SPACE_PIECES_MORE 3u
/* Room for [from, to) to be written, to become a hole? from <= size. Content locked, the tree's lock not held. 0,
 * -ENOSPC, -EFBIG */
int space_write(struct tree *t, struct node *n, uint64_t from, uint64_t to);
int space_zeros(struct tree *t, struct node *n, uint64_t from, uint64_t to);
void space_node(struct tree *t, struct node *n); /* its content changed: count it again */
/* it came from a row of that generation: its cost is counted already */
void space_loaded(struct tree *t, struct node *n, uint32_t generation);
void space_forget_node(struct tree *t, struct node *n);
uint64_t space_link_bytes(const struct space *s); /* what the link table may grow by */
uint64_t space_exact(const struct tree *t);	  /* the next session, at most, before it is rounded up */
/* what is counted now: on the medium and on the host's file system */
bool space_fits(struct tree *t);
int space_recount(struct tree *t);	      /* from the rows: after opening, rebase, thaw */
uint64_t space_sectors(const struct tree *t); /* the next session, at most */
void space_freeze(struct tree *t);
void space_release(struct tree *t);

/* ---- touched.c; with t->lock held ---- */
/* Before a change of the directory, or of the node: room for it and for all directories above it, and their rows.  0,
 * -ENOSPC, or what the stage says: nothing is counted then. */
int dirty_ancestors(struct tree *t, struct node *dir);
int dirty_ancestors_of(struct tree *t, struct node *n);
bool way_unknown(const struct tree *t, const struct node *n);
/* -ENOSPC: not added */
int space_add_name(struct tree *t, struct node *dir, const char *name, const struct node *child);
void space_remove_name(struct tree *t, uint64_t dir, const char *name, const struct node *child);
int space_add_directory(struct tree *t, uint64_t ino); /* -ENOSPC: not added */
void space_remove_directory(struct tree *t, uint64_t ino);
/* For counting from the rows, without asking for room. */
bool touched_has(struct tree *t, uint64_t ino);
int touched_directory(struct tree *t, const struct node *dir);
void touched_name(struct tree *t, uint64_t dir, const char *name, const struct node *child);
void touched_clear(struct space *s);
void touched_freeze(struct space *s);

/* ---- dir.c ---- */
/* Is the directory empty? Reads the base: without the lock, node pinned. 0, -ENOTEMPTY or an error. */
int directory_empty(struct tree *t, uint64_t ino);

/* ---- write.c: node pinned or open; takes t->content itself ---- */
int node_resize(struct tree *t, struct node *n, uint64_t size);

#endif
