/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * catalogue.h - what is on which disc of the shelf: one SQLite database of a user
 *
 *	catalogue_open -> catalogue_add, catalogue_find, catalogue_file … -> catalogue_close
 *
 * A *title* is what one disc has become, session by session; a *disc* is a piece on the shelf, which has a title up to
 * one of its sessions.  Copies of a disc are several discs of one title, and cost a row each.  Discs are numbered from
 * 1, and no number is given twice.  The schema is in fs/manual/cdappendfs-catalogue.1.
 *
 * Several programs may have it open: readers see what was there before a change, who changes it waits for the others.
 * Each session is added in one transaction: what is killed leaves whole sessions.
 *
 * Threads: one for each catalogue.  Errors: -ENOENT there is none, or no such disc; -EPROTO another version's;
 * -EBADMSG damaged, or no catalogue; -EBUSY another program changes it, and has not ended that in time; -ENOSPC; of the
 * disc -EIO, -EBADMSG, -EAGAIN.  ret_why, if not NULL, gets the words for the user, to be freed.
 */
#ifndef FS_CATALOGUE_CATALOGUE_H
#define FS_CATALOGUE_CATALOGUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "burner/base/own.h"
#include "burner/base/sha256.h"
#include "fs/history/history.h"

struct catalogue;

/* What the environment says: of mounts, whether there is to be one; of all programs, where it is (NULL: the default
 * place, $XDG_DATA_HOME/cdappendfs/catalogue.db).  -EINVAL: it cannot be understood. */
enum catalogue_wish { CATALOGUE_NOT_WISHED, CATALOGUE_WISHED };
#define CATALOGUE_DIRECTORY "cdappendfs"
#define CATALOGUE_FILE "catalogue.db"
int catalogue_wish(enum catalogue_wish *ret, const char **ret_file, char **ret_why);
/* The absolute path of that file; NULL: as the environment says.  create: the directories of the default place are
 * made, by a way that nobody else can change (-EACCES).  To be freed. */
int catalogue_path(const char *file, bool create, char **ret, char **ret_why);

enum catalogue_use { CATALOGUE_READ, CATALOGUE_CHANGE, CATALOGUE_CREATE /* it is made where there is none */ };
/* wait_seconds: for another program that changes it. */
int catalogue_open(const char *path, enum catalogue_use use, unsigned wait_seconds, struct catalogue **ret,
		   char **ret_why);
void catalogue_close(struct catalogue *c); /* NULL is fine */
DEFINE_FREEP(struct catalogue, catalogue_close)

/* ---- adding ---- */

/* A disc that is at hand. */
struct catalogue_source {
	struct disc *disc;
	const struct disc_session *sessions; /* the oldest first */
	size_t n_sessions;
	struct disc_identity identity;
	const char *medium;	/* in words */
	uint64_t bytes;		/* that are used */
	uint64_t there_sectors; /* beyond them nothing can be read, whatever sessions say; 0: not known */
	const char *path;	/* of an image; NULL: a drive */
};

struct catalogue_adding {
	int64_t disc; /* it is this one; 0: that is found out */
	bool copy;    /* it is a further one */
	bool anew;    /* all that is known of the title is read again */
	/* only a disc that is there already is brought up to date: else -ENOENT */
	bool known_only;
	/* NULL, or asked now and then: what it returns, if not 0, ends it */
	int (*pace)(void *context);
	/* a directory that cannot be read, or not to its end, or a file that lies beyond the end of the disc; NULL:
	 * nobody is told */
	void (*lost)(void *context, uint32_t session, const char *path, int error);
	void *context;
};

struct catalogue_added {
	int64_t disc;	   /* its number; 0: none yet */
	bool is_new;	   /* a row of its own now */
	uint32_t sessions; /* that were added */
	uint64_t names;	   /* versions of names that were added */
	bool incomplete;   /* something could not be read */
	/* first session of those that were in the catalogue and are not whole any more; 0: none */
	uint32_t cut;
	int64_t displaced; /* another disc, which was the image at that path when it was last seen; 0: none */
};
/* -ENOTUNIQ: it is one of several, or a copy, and nobody said which: the words say what to do.  -ENOMEDIUM: it is
 * blank.  *ret is filled in any case. */
int catalogue_add(struct catalogue *c, const struct catalogue_source *at, const struct catalogue_adding *asked,
		  struct catalogue_added *ret, char **ret_why);
/* The SHA-256 of the content of all versions of that disc's files of which it is not known: reads them.  *ret: how
 * many.  A file that cannot be read is told by lost, and left out. */
int catalogue_digest(struct catalogue *c, const struct catalogue_source *at, int64_t disc,
		     const struct catalogue_adding *asked, uint64_t *ret, char **ret_why);

/* ---- discs ---- */

struct catalogue_disc {
	int64_t number;
	const char *label, *medium, *place, *path; /* place: "" none; path: of an image, as last seen; NULL */
	uint8_t identity[SHA256_BYTES];
	uint64_t bytes, names; /* names: versions of names of its title */
	int64_t added, seen;   /* seconds since the epoch */
	uint32_t newest;       /* session that it has */
	uint32_t n_sessions;
	int64_t title;	 /* discs with the same title are copies */
	bool incomplete; /* something of it could not be read */
};
int catalogue_discs(struct catalogue *c, int (*found)(void *context, const struct catalogue_disc *d), void *context,
		    char **ret_why);
/* By number, or by label if no other disc has it (-ENOTUNIQ). */
int catalogue_disc_named(struct catalogue *c, const char *name, int64_t *ret, char **ret_why);

struct catalogue_session {
	uint32_t number;
	int64_t created;
	const char *label, *message;
	bool broken, incomplete;
	uint64_t added; /* versions of names that it brought */
};
int catalogue_sessions(struct catalogue *c, int64_t disc,
		       int (*found)(void *context, const struct catalogue_session *s), void *context, char **ret_why);
int catalogue_place(struct catalogue *c, int64_t disc, const char *place, char **ret_why);
/* What no other disc has is taken out of it. */
int catalogue_forget(struct catalogue *c, int64_t disc, char **ret_why);

/* ---- asking ---- */

/* How it is known that it is the same. */
enum catalogue_evidence { BY_NAME, BY_SHA256, BY_MD5, BY_TIME /* name, size, time of change */ };

/* A version of a name on a disc. */
struct catalogue_hit {
	const struct catalogue_disc *disc;
	const char *path; /* in the newest session that has it, without a slash before it */
	char kind;	  /* as in find -type */
	uint64_t bytes;	  /* of files */
	int64_t mtime;	  /* seconds; of directories 0 */
	uint32_t first, last;
	bool present;	       /* last is the newest session of the disc */
	const uint8_t *sha256; /* NULL: not known */
	enum catalogue_evidence by;
	uint64_t copies; /* catalogue_few(): discs that have its content */
};
struct catalogue_asked {
	int64_t disc;	 /* only on that; 0: any */
	bool by_content; /* catalogue_file(): name, size and time are not enough */
	int (*found)(void *context, const struct catalogue_hit *hit);
	void *context;
};

/*
 * Names in which each of the words is found, whatever the case; a word with one of *?[ is a pattern (GLOB) of the whole
 * name, with a slash in it of the whole path or its end.
 */
int catalogue_find(struct catalogue *c, const char *const *words, size_t n_words, const struct catalogue_asked *asked,
		   char **ret_why);
/* Where content as that of an open file lies; name: its last name.  The file is read only where something of its size
 * has a digest. */
int catalogue_file(struct catalogue *c, int fd, const char *name, const struct stat *st,
		   const struct catalogue_asked *asked, char **ret_why);

/* Files of the newest sessions whose content, in whatever session, is on fewer discs than that.  Empty ones are not
 * counted. */
int catalogue_few(struct catalogue *c, uint64_t least, const struct catalogue_asked *asked, char **ret_why);

#endif
