/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * internal.h - what the files of fs/salvage share
 *
 *	list.c		all stages
 *	find.c		which is that disc's
 *	open.c		stage and disc, and the session that the one stands on
 *	discard.c
 *	export.c	what is staged, file by file
 *	archive.c	where it goes: a directory or a tar (libarchive)
 *	rebase.c	onto another session
 *	clash.c		may it?
 *	move.c		onto the next disc of a set
 */
#ifndef FS_SALVAGE_INTERNAL_H
#define FS_SALVAGE_INTERNAL_H

#include "burner/base/why.h"
#include "cdappendfs/burn.h"
#include "fs/iso/iso.h"
#include "fs/salvage/salvage.h"
#include "fs/stage/stage.h"
#include "fs/tree/staged.h"

struct salvage {
	char *directory, *disc_path;
	struct stage *stage; /* NULL: damaged */
	struct disc *disc;   /* NULL: it is gone, cannot be read, or is another one: … */
	char *disc_why;	     /* … this is why */
	bool writable;	     /* the disc is locked */
	struct disc_state state;
	struct disc_session *sessions;
	size_t n_sessions;
	struct disc_identity identity;
	struct disc_fingerprint fingerprint; /* as it is now */
	struct iso *newest;		     /* NULL: blank */
	struct iso *base;		     /* what the stage stands on; NULL: a blank disc, or it cannot be found */
	struct iso_extent base_root;	     /* its root, when base is a reader of another session */
	bool base_missing;		     /* it was not blank */
};

/* Who has it, with advice; -EBUSY. */
int salvage_in_use(char **ret_why, const char *directory, const struct stage_holder *holder);
/* Opened for reading, with its identity; *ret_why static or NULL. */
int salvage_open_disc(const char *path, struct disc **ret, struct disc_identity *ret_identity, const char **ret_why);
/* The disc at s->disc_path, if it is that of the stage; else disc_why. */
int salvage_look_at_disc(struct salvage *s, enum salvage_for purpose);
/* Was the stage made for that disc? */
bool salvage_same_disc(const struct disc_identity *stage, const struct stage_origin *origin,
		       const struct disc_identity *disc, const char *path);
/* Another identity, but what the stage stands on is there: a program wrote over the only descriptor that the disc
 * had.  1, 0, or -errno: it cannot be told. */
int salvage_grown(struct stage *stage, struct disc *disc);
/* The session that the stage stands on, by its fingerprint; and the newest one. */
int salvage_open_base(struct salvage *s, char **ret_why);

/* ---- archive.c ---- */

struct archive_out;
struct out_entry {
	const char *path; /* relative */
	const struct stage_node *row;
	const char *link; /* hard link to that path; NULL: none */
	uint64_t size;
	const uint8_t *xattrs; /* a set (burner/base/xattrs.h) */
	size_t xattrs_bytes;
};
/* directory NULL: a tar on standard output */
int archive_out_open(const char *directory, struct archive_out **ret, char **ret_why);
/* An entry begins; 0, 1: it was left out (not permitted), *ret_why says why; or an error. */
int archive_out_begin(struct archive_out *a, const struct out_entry *e, char **ret_why);
int archive_out_data(struct archive_out *a, const void *bytes, size_t length, char **ret_why);
/* 0, 1: not all of it can be had there (attributes, owner), *ret_why says why; or an error. */
int archive_out_end(struct archive_out *a, char **ret_why);
/* Attributes of directories come last. */
int archive_out_finish(struct archive_out *a, char **ret_why);
void archive_out_free(struct archive_out *a);
DEFINE_FREEP(struct archive_out, archive_out_free)

/* ---- clash.c ---- */

struct clash_sides {
	struct iso *old, *now; /* old NULL: it was blank */
	struct iso_extent old_root;
	const struct staged_list *list;
	const struct stage_snapshot *rows;
	const struct salvage_tell *tell;
	uint64_t n_clashes;
};
/* Path on the disc of a directory of the merged tree; NULL: it is new.  -ENOMEM, -EBADMSG. */
int clash_disc_path(const struct staged_list *l, const struct staged_dir *d, char **ret);
/* The record of a path; root: where that begins, {0}: as the session has it.  -ENOENT. */
int clash_lookup(struct iso *iso, struct iso_extent root, const char *path, struct iso_entry *ret);
/* Each clash is told; -errno: it is not known. */
int clash_check(struct clash_sides *c);

#endif
