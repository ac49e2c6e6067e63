/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * container.h - what the files of cue, nrg and toc images share
 *
 *	container.c		the disc
 *	container_files.c	the files of one: opened once, all of them beside the one that was named
 *	container_names.c	names for them, by which libcdio opens what was opened, and nothing else
 *	sheet.c, nrg.c		a copy for libcdio of what such a file says, made of what was checked
 *
 * Whoever wrote such a file may not be whoever reads it, and can change it at any time.  So what it says is read once
 * and libcdio gets a copy; and it names files that its writer could read as well, or it is refused.
 *
 * 0 or -errno.  Threads: any, one at a time for each object.
 */
#ifndef BURNER_MEDIUM_CONTAINER_H
#define BURNER_MEDIUM_CONTAINER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "burner/base/bytes.h"

/* ---- container_files.c ---- */

struct container_file {
	int fd;
	struct stat st; /* when it was opened */
};
struct container_files {
	struct container_file *files;
	size_t n;
};
/* A cue, nrg or toc file and the directory it is in. */
struct container_place {
	int directory_fd; /* O_PATH */
	int fd;
	struct stat st;
	char *path;    /* absolute, without symbolic links */
	char why[512]; /* what was refused, with what can be done; "": nothing to be said besides the error */
};
/* The file itself, a regular one.  To be released whatever is returned. */
int container_place_open(const char *path, struct container_place *ret);
void container_place_release(struct container_place *p);
/*
 * The data file that a sheet names, as files->files[*ret_index]: a plain name in the directory of the sheet, a regular
 * file, of the sheet's owner.  -EACCES refused; -ENOENT; -EBADMSG too many of them.  Each time p->why says why.
 */
int container_add_beside(struct container_place *p, const char *name, struct container_files *files, size_t *ret_index);
/* -EIO: one of them has become shorter. */
int container_files_check(const struct container_files *files);
void container_files_release(struct container_files *files);
/* A file without a name that holds these bytes from pos on, and zeros before them. */
int container_copy(const void *bytes, size_t n, uint64_t pos, int *ret_fd);

/* ---- container_names.c ---- */

/* A directory for as long as it takes libcdio to open everything, with links to open files. */
struct container_names {
	int parent_fd, fd;
	char name[32], path[32]; /* path: of the directory */
	const char *links[2];	 /* their names */
	size_t n_links;
};
/* Below TMPDIR, or /tmp.  To be removed when it succeeded. */
int container_names_make(struct container_names *ret);
/* Two at most; the name is kept, not copied. */
int container_names_add(struct container_names *names, const char *name, int fd);
void container_names_remove(struct container_names *names);

/* ---- sheet.c ---- */

enum sheet_kind { SHEET_CUE, SHEET_TOC };
/*
 * A copy of the sheet for libcdio, and its data files; of a cue the first is to be called i.bin beside i.cue, those of
 * a toc have the paths of open files in it.  -EMEDIUMTYPE: none that libcdio understands.
 */
int sheet_copy(struct container_place *p, enum sheet_kind kind, struct container_files *files, int *ret_fd);

/* ---- nrg.c ---- */

/* A copy of the index at the end of an nrg file, behind as many zeros.  -EMEDIUMTYPE: none that libcdio can read
 * without being led astray. */
int nrg_copy(int fd, int *ret_fd);

#endif
