/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * new_file.h - a file that gets its name when it is whole
 *
 *	new_file_begin(path) -> write to .fd -> new_file_publish -> new_file_release
 *
 * Until then it lies beside, as PATH.unfinished, and release takes it away.  What is there is never written over.
 * Errors with a message in *ret_why (allocated, or NULL).
 */
#ifndef BURNER_BASE_NEW_FILE_H
#define BURNER_BASE_NEW_FILE_H

struct new_file {
	char *path, *temporary; /* temporary NULL: it was published, or never begun */
	int fd;			/* for reading and writing */
};
#define NEW_FILE_NONE ((struct new_file){.fd = -1})

/* Mode 0600. -EEXIST: that file, or an unfinished one, is there. *ret is NEW_FILE_NONE then. */
int new_file_begin(const char *path, struct new_file *ret, char **ret_why);
/* Durably. -EEXIST: somebody has made one meanwhile; it stays unfinished. */
int new_file_publish(struct new_file *f, char **ret_why);
void new_file_release(struct new_file *f);

#endif
