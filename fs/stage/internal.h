/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * internal.h - the stage's parts among themselves (fs/stage only)
 *
 *	stage.c place.c		its directory, the lock, closing
 *	way.c			the way to that: nobody else can exchange what is on it
 *	opening.c		whose stage it is
 *	origin.c kept.c		which file it was begun on: originals and copies; what is kept of that
 *	rescue.c		stages looked at without their disc
 *	database.c schema.c	the database: schema, statements, the open transaction
 *	vfs.c			how SQLite opens the files of it
 *	wal.c			its log, held back until the bodies are synced
 *	sound.c			rows that say what no row of ours says
 *	rows.c name_rows.c	nodes and names
 *	bodies.c discard.c	file data, giving space back, collecting
 *	durable.c		the bodies of one commit, made durable together
 *	sync_thread.c		group commit, the thread, checkpoints
 *	generations.c state.c	freeze, snapshot, drop; commit state and results
 *	check.c			what must hold between two steps
 *
 * Lock order: giving -> s->lock -> bodies.lock or sync.lock.  The leader (sync.running, one thread) is the only one
 * that commits, flushes or checkpoints.
 */
#ifndef FS_STAGE_INTERNAL_H
#define FS_STAGE_INTERNAL_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "burner/base/why.h"
#include "burner/base/idset.h"
#include "burner/base/lock.h"
#include "fs/stage/stage.h"
#include "fs/stage/wal.h"

#define BODIES_DIRECTORY "bodies"
#define LOCK_FILE "lock"
#define MADE_FILE "journal.made" /* a journal was made and durable: where there is none, it was taken away */

enum statement {
	ST_BEGIN,
	ST_COMMIT,
	ST_SAVE,
	ST_RELEASE,
	ST_ROLLBACK_TO,
	ST_PAGES,
	ST_STATE_GET,
	ST_STATE_PUT,
	ST_STATE_DELETE,
	ST_NODE_GET,
	ST_NODE_PUT,
	ST_NODE_DELETE,
	ST_NODE_PARENT,
	ST_NODE_RENEW,
	ST_NODE_DROP,
	ST_NODE_NEWER,
	ST_NODES_ALL,
	ST_NODES_EXTENTS,
	ST_NODES_CLEAR,
	ST_NODE_INOS,
	ST_NAME_GET,
	ST_NAME_INSERT,
	ST_NAME_UPDATE,
	ST_NAME_DELETE,
	ST_NAME_DROP,
	ST_NAME_NEWER,
	ST_NAMES_OF,
	ST_NAMES_DELETE,
	ST_NAMES_ALL,
	ST_NAMES_WHOLE,
	ST_NAMES_ASTRAY,
	ST_NAMES_COUNT,
	ST_NAMES_CLEAR,
	ST_BODY_PUT,
	ST_BODY_DELETE,
	ST_BODIES_ALL,
	ST_N
};

struct body {
	uint32_t number, generation;
	bool sparse, made_now; /* made_now: since the stage was opened */
	/* under bodies.lock */
	bool dirty, doomed;
	int fd;
	unsigned refs;
	struct body *newer, *older; /* idle: open, but not in use */
	atomic_uint discards;	    /* ranges waiting to be given back */
};

struct bodies {
	struct lock lock;
	struct idmap table;	      /* number -> struct body * */
	struct body *newest, *oldest; /* idle ones by time of use */
	unsigned n_open, n_dirty;
	bool directory_dirty;
	struct idmap halves; /* body << 32 | page -> which of its two blocks are dead */
	/* under s->lock */
	struct body *running; /* the segment that is filled */
	uint64_t running_bytes;
	/* bytes that may be taken before free space is asked for again */
	_Atomic int64_t budget;
	_Atomic uint64_t unwritten; /* bytes written since the kernel was told to begin with them */
};

struct discard {
	uint64_t pos, length;
	uint32_t body;
};
struct discards {
	struct discard *items;
	size_t n, capacity;
};

/* The identity in hex; of copies of that disc with a number. */
#define STAGE_LEAF_MAX 80u

struct stage {
	/* fixed after stage_open */
	char *directory, *disc_path, *mountpoint;
	int dir_fd, bodies_fd, lock_fd, db_fd;
	bool read_only;
	bool glance;		   /* its state is read, nothing else */
	bool given_out;		   /* what can be read of it is wanted, however damaged it is */
	bool first_version;	   /* read only: its rows are those of version 1 of the journal */
	bool by_identity;	   /* below the default root: may be renamed and removed */
	int root_fd;		   /* by_identity: the root, else -1 */
	char leaf[STAGE_LEAF_MAX]; /* by_identity: the directory's name in it */
	dev_t device;
	struct stage_origin here; /* of disc_path, as it was opened */
	uint32_t dir_ino;	  /* of the directory, so many bits as are kept */
	struct wal wal;

	struct lock lock; /* recursive: the connection and all below */
	sqlite3 *db;
	sqlite3_stmt *statements[ST_N];
	int (*step)(sqlite3_stmt *row); /* sqlite3_step(), or what a test has in its place */
	char *why;			/* why it cannot be opened, in words */
	int failed;			/* sticky: what is in memory can no longer be made durable */
	bool wal_full;			/* the last commit could not be written for want of space */
	unsigned changes, changes_checked;
	bool early_sync; /* many changes: the thread does not wait for its time */
	unsigned wal_frames;
	struct idset nodes; /* inode numbers with a row */
	struct idmap names; /* parent -> number of names */
	uint64_t n_names;
	_Atomic uint32_t generation;
	bool frozen;
	uint32_t next_body;
	uint64_t next_ino, ino_limit;
	uint64_t highest_ino; /* of its rows, when they were last looked at */
	uint32_t failed_lba;  /* UINT32_MAX: none */
	struct disc_identity identity;
	struct disc_fingerprint fingerprint;
	char *made_for;		    /* path of the disc the stage was begun with, … */
	struct stage_origin origin; /* … which file that was, … */
	struct timespec begun;	    /* … and when the first row was put; zeros: it is empty */
	bool copied;		    /* the directory is a copy, too: as good as the copy of the disc */
	bool capacity_kept;
	uint64_t capacity_sectors;
	struct stage_commit commit;
	enum stage_user user;
	struct discards queued, committing, ready;

	struct lock giving;	     /* one at a time gives back: who needs the space waits for it */
	_Atomic uint64_t given_back; /* how often */

	struct bodies bodies;

	struct {
		struct lock lock;
		pthread_cond_t changed;
		bool running, thread_started, stop, kicked;
		uint64_t begun, done;
		int error;
		pthread_t thread;
	} sync;
};

/* stage.c: what is left on the host's file system, and how much of it is kept for the journal; zeros when it cannot
 * be asked */
void stage_host_space(const struct stage *s, uint64_t *ret_free, uint64_t *ret_reserve);
/* database.c: all with the lock held; reads and writes return 0 or -errno */
int db_open(struct stage *s);		    /* and prepares the statements; -ENOENT: read_only and there is none */
void db_close(struct stage *s, bool clean); /* clean: everything is in the database, the log may go */
int db_errno(struct stage *s, int rc);
int db_begin_locked(struct stage *s, bool grows); /* before a change; grows: not a deletion, needs space */
int db_commit_locked(struct stage *s);
bool db_dirty(struct stage *s); /* a transaction is open */
/* SQLITE_ROW -> 1, done -> 0 (and reset), -errno (reset) */
int db_step_locked(struct stage *s, enum statement statement);
int db_run(struct stage *s, enum statement statement); /* to its end, and reset; bindings cleared */
void db_reset_locked(struct stage *s, enum statement statement);
int db_save(struct stage *s);			   /* a step of several statements … */
int db_restore_locked(struct stage *s, int error); /* … failed: undone.  Returns error. */
int db_release(struct stage *s);
/* schema.c */
const char *stage_schema_sql(const struct stage *s, enum statement statement);
int stage_schema_setup(struct stage *s); /* checks what is there, or makes it */

/* state.c: the lock held */
/* Is each number of a row one that was given to it, or one of the disc, which has those below FIRST_INO (0: unknown)?
 * Else it would be given again, and two files would be one. */
int stage_numbers_sound(struct stage *s, uint64_t first_ino);
int stage_state_load(struct stage *s);
int stage_state_get_packed(struct stage *s, const char *key, uint8_t *packed, size_t length); /* absent: zeros */
int stage_state_put(struct stage *s, const char *key, const void *value, size_t length);
int stage_state_put_number(struct stage *s, const char *key, uint64_t value);
int stage_state_get(struct stage *s, const char *key, void **ret, size_t *ret_length); /* -ENOENT */
int stage_state_get_number(struct stage *s, const char *key, uint64_t *ret);
int stage_state_delete(struct stage *s, const char *key);
int stage_state_forget_failed_lba(struct stage *s);
int stage_state_bind(struct stage *s, const struct disc_identity *identity, const struct disc_fingerprint *fingerprint);
int stage_state_settle_ino(struct stage *s); /* closing: give back what was reserved and not given */
bool stage_state_result_waits(struct stage *s);
int stage_state_forget_result(struct stage *s); /* a failure that nobody was shown */
int stage_state_load_origin(struct stage *s);
int stage_state_put_origin(struct stage *s); /* the disc is where and what it is now */
int stage_state_begin(struct stage *s);	     /* the first row comes */
int stage_state_end(struct stage *s);	     /* the last one went */

/* rows.c, name_rows.c: the lock held */
int stage_rows_load(struct stage *s); /* the sets in memory */
/* as a directory entry; what the journal says may be anything */
bool stage_name_is_sound(const char *name, size_t length);
int stage_extents_unpack(const uint8_t *packed, size_t length, struct extent *to); /* -EBADMSG */
void stage_node_scalars(sqlite3_stmt *row, struct stage_node *ret);
uint64_t stage_row_number(sqlite3_stmt *row, int column);
#define NODE_COLUMNS \
	"ino,generation,mode,uid,gid,nlink,size,rdev,parent,atime,atime_ns,mtime,mtime_ns,ctime,ctime_ns," \
	"base_lba,base_bytes,zisofs,birth,birth_ns,xattrs_at,extents,target,xattrs"
/* The same of a journal of version 1, which is only read. */
#define NODE_COLUMNS_1 \
	"ino,generation,mode,uid,gid,nlink,size,rdev,parent,atime,atime_ns,mtime,mtime_ns,ctime,ctime_ns," \
	"base_lba,base_bytes,zisofs,0,0,0,extents,target,NULL"
enum { COLUMN_BIRTH = 18, COLUMN_EXTENTS = 21, COLUMN_TARGET = 22, COLUMN_XATTRS = 23 };
#define EXTENT_PACKED_BYTES 32u

/* bodies.c */
int stage_bodies_load(struct stage *s); /* the table */
/* removes files without a row: a crash came before their commit */
void stage_bodies_sweep(struct stage *s);
void stage_bodies_release(struct stage *s);
struct body *stage_body_find(struct stage *s, uint32_t number);		     /* NULL: there is none */
int stage_body_acquire(struct stage *s, uint32_t number, struct body **ret); /* with its descriptor open */
void stage_body_release(struct stage *s, struct body *b, bool wrote);
/* its row (in the open transaction); its file is to be unlinked; -ENOENT */
int stage_body_drop_locked(struct stage *s, uint32_t number);
void stage_body_name(uint32_t number, char ret[16]);
/* referenced */
int stage_bodies_collect_dirty(struct stage *s, struct body ***ret, size_t *ret_n, bool *ret_directory);
/* when much was written: the kernel begins to write it, nobody waits */
void stage_bodies_write_early(struct stage *s);
void stage_bodies_begin_writing(struct stage *s); /* the thread does so now, however little it is */

/* check.c */
/* -EBADMSG: something does not hold between the rows, the sets in memory and the bodies; of one that failed nothing
 * is known. For tests. */
int stage_check(struct stage *s);

/* durable.c */
/* and gives the references back */
int stage_bodies_sync(struct stage *s, struct body **bodies, size_t n, bool directory);

/* discard.c */
/* mutex held: all move on */
void stage_discards_commit_locked(struct stage *s, struct discards *from, struct discards *to);
void stage_discards_apply(struct stage *s); /* what is ready and not frozen */
/* sparse: it is written again */
void stage_discards_cancel(struct stage *s, struct body *b, uint64_t pos, uint64_t length);
void stage_discards_release(struct stage *s);

/* sync_thread.c */
int stage_sync_init(struct stage *s);
void stage_sync_kick(struct stage *s);
void stage_sync_stop(struct stage *s);
int stage_sync_checkpoint_all(struct stage *s); /* closing: the whole log into the database, durable */

/* place.c */
struct stage_place {
	int root_fd, dir_fd, lock_fd;
	char *path;
	char *why; /* of a stage that could not be opened */
	bool by_identity;
	char leaf[STAGE_LEAF_MAX];
};
#define STAGE_PLACE_NONE \
	{ \
		.root_fd = -1, .dir_fd = -1, .lock_fd = -1 \
	}
/* make it when missing; only if it is there; read only, shared lock */
enum place_how { PLACE_CREATE, PLACE_LOOK, PLACE_READ };
void stage_place_hex(const uint8_t id[32], char ret[65]);
void stage_place_release(struct stage_place *p);
static inline void stage_place_releasep(struct stage_place *p) { stage_place_release(p); }
/* Opens and locks.  -ENOENT, -EBUSY with *ret_holder (and the identity it is bound to), -EAGAIN: it vanished
 * meanwhile, again. */
int stage_place_open(struct stage_place *p, const char *name, enum place_how how, struct stage_holder *ret_holder,
		     char ret_bound[65], char **ret_why);
int stage_place_open_root(struct stage_place *p, bool create, char **ret_why);
/* Names in the root that are that identity, with a number or without; freed by stage_list_free(). */
int stage_place_names(const struct stage_place *root, const char *hex, char ***ret, size_t *ret_n);
/* A file of the stage, open: -EACCES, -EBADMSG with *ret_why when it is not this user's alone. */
int stage_place_check_file(const char *directory, const char *name, int fd, char **ret_why);
/* The journal is there, and durable. */
int stage_place_mark(struct stage *s);
/* -EBADMSG: it was, and is not any more. */
int stage_place_check_mark(const struct stage *s);
/* Our files of a directory, the mark first, all of it durable; the lock is held. */
int stage_place_clear(int dir_fd);
void stage_place_write_lock(struct stage *s);
void stage_place_clear_lock(struct stage *s);
/* way.c */
enum { WAY_MAKE_LAST = 1, WAY_MAKE_ALL = 2, WAY_OWN = 4 }; /* WAY_OWN: the last one is looked at by the caller */
/* Opens a directory by a way that nobody else can change; *ret_path: its own path.  -EACCES with *ret_why: others
 * can. */
int stage_way(const char *path, unsigned how, int *ret_fd, char **ret_path, char **ret_why);
/* Is that in a FUSE file system which another user has mounted?  Then nothing that it says of its files is certain. */
bool stage_is_others_fuse(int fd);
/* origin.c */
/* Of which file the stage is, for this disc. */
enum stage_kin {
	KIN_SAME,  /* of this one */
	KIN_HEIR,  /* of one that is gone: this one is what has become of it */
	KIN_LOST,  /* of one of which nothing is there; whether this one is what has become of it is not certain */
	KIN_COPY,  /* of another one, which is there */
	KIN_OLDER, /* the same, and this one was there before anything was staged for that: it has nothing to take */
};
enum stage_kin stage_kin(const struct stage_origin *was, const char *was_path, struct timespec begun,
			 const struct stage_origin *now, const char *now_path, char **ret_original);
bool stage_is_as_private(const struct stage_origin *was, const struct stage_origin *now);
void stage_origin_pack(const struct stage_origin *o, uint32_t directory, uint8_t to[36]);
void stage_origin_unpack(const uint8_t from[36], struct stage_origin *ret);
void stage_owner_pack(const struct stage_origin *o, uint8_t to[32]);
void stage_owner_unpack(const uint8_t from[32], struct stage_origin *ret); /* into what that one has filled */

/* stage.c: for rescue.c.  Its database is open. */
int stage_open_place(struct stage_place *p, const struct stage_options *o, struct stage **ret);
/* Without rows and bodies, and unchecked. */
int stage_glance(struct stage_place *p, const struct stage_options *o, struct stage **ret);
void stage_free(struct stage *s);
static inline void stage_freep(struct stage **s)
{
	if (*s)
		stage_free(*s);
}
/* The directory of a disc that was blank gets the name of what it has become. */
int stage_rename(struct stage *s, const struct disc_identity *identity);

#endif
