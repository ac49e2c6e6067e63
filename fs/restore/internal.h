/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * internal.h - what the files of fs/restore share
 *
 *	restore.c	the walk: what is asked for, what is there, what becomes of it
 *	beside.c	what is new lies beside its place until it is whole
 *	node.c		one file, with its content
 *	attributes.c	what a file or directory is besides that
 *	same.c		is it there as it was?
 *	tell.c		what is told to who called
 */
#ifndef FS_RESTORE_INTERNAL_H
#define FS_RESTORE_INTERNAL_H

#include <sys/stat.h>

#include "burner/base/idmap.h"
#include "burner/base/idset.h"
#include "burner/base/sha256.h"
#include "fs/restore/restore.h"

#define BESIDE ".cdappendfs-restore-"
#define BESIDE_BYTES 40u

/* A directory on the way. */
struct frame {
	struct iso_entry e;
	struct iso_dir *dir; /* NULL: of what is in it `rest` alone is wanted */
	const char *rest;    /* path; "": it was asked for */
	int fd;		     /* where it is to be, O_PATH; -1: nothing is there (a check) */
	bool made;	     /* it is new: nobody has seen it yet */
	bool passed;	     /* `rest` was looked for */
	size_t path_bytes;   /* of x->path */
};

/* What is made now, beside its place; parent NULL: nothing. */
struct beside {
	bool active;
	int parent; /* borrowed */
	char temporary[BESIDE_BYTES];
	size_t path_bytes; /* of the path that it gets */
	size_t frame;	   /* of a directory */
};

/* A file of several names: the first that it has now, and what it is. */
struct link {
	char *path;
	uint8_t digest[SHA256_BYTES];
};

struct restore {
	struct restore_options o;
	struct iso *iso;
	int shown;
	bool checking;
	struct frame *frames;
	size_t n_frames, frames_capacity;
	char *path; /* of what is looked at, terminated */
	size_t path_bytes, path_capacity;
	struct beside beside;
	struct idset met; /* blocks of directories whose lists were opened */
	struct iso_room room;
	struct idmap linked; /* numbers of files of several names to links[] */
	struct link *links;
	size_t n_links, links_capacity;
	struct restore_count *count;
	uint64_t clashes;
	char **ret_why;
	uint8_t *buffer;
};

#define PIECE_BYTES ((size_t)1 << 20)

/* ---- tell.c ---- */

int restore_pace(struct restore *x);
void restore_lose(struct restore *x, const char *what, int error);
/* -errno with the path and these words. */
int restore_fail(struct restore *x, const char *what, int error);

/* ---- beside.c ---- */

/* A directory below another one, by names that are no links; O_PATH, or -errno. */
int open_directory(int at, const char *name);
void beside_name(char ret[BESIDE_BYTES]);
/* It gets its name.  taken: something may have it.  0, -EEXIST, or an error with words. */
int beside_publish(struct restore *x, int parent, const char *temporary, const char *name, bool taken);
/* With all that is in it. */
int remove_tree(int at, const char *name);

/* ---- node.c ---- */

/* Anything but a directory, under a name that is free.  1: it was made; 0: it is lost, which was told; or an error. */
int node_make(struct restore *x, int at, const char *name, const struct iso_entry *e);
/* It has its name now: others of the same file become links to it. */
int node_remember(struct restore *x, const struct iso_entry *e);
void node_forget_links(struct restore *x);

/* ---- attributes.c ---- */

/* Of what is there under that name, "." the directory itself. 0, or an error with words. */
int attributes_put(struct restore *x, int at, const char *name, const struct iso_entry *e);
/* Would it change no extended attribute?  What cannot be known, or not be set, is no. */
bool attributes_are_there(struct restore *x, int at, const char *name, const struct iso_entry *e);

/* ---- same.c ---- */

/* 1: its type, length, time, mode and content are those, and where it could be replaced by force all else; 0; or
 * -errno.  Without force content is compared in a check alone, which came before. */
int same_as(struct restore *x, int at, const char *name, const struct stat *st, const struct iso_entry *e);

#endif
