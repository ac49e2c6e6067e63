/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * internal.h - what the files of burner/medium share
 *
 * image.c and container.c make a struct disc, sessions.c finds the sessions of any of them by disc_read() alone,
 * guess.c says what a file that is no disc looks like, image_target.c writes, image_unburn.c takes back.  Threads
 * and errors as in cdappendfs/disc.h.
 */
#ifndef BURNER_MEDIUM_INTERNAL_H
#define BURNER_MEDIUM_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/format/appuse.h"
#include "cdappendfs/burn.h"
#include "burner/format/geometry.h"
#include "cdappendfs/disc.h"
#include "cdappendfs/proof.h"

/* Of an image, up to the first descriptor of its first session. */
#define FIRST_BURN_SECTORS (FIRST_SESSION_LBA + SESSION_DESCRIPTORS + 1)

/* ---- sessions.c: which sessions a medium holds ---- */

struct session_list {
	struct disc_session *sessions; /* oldest first */
	size_t n;
	uint64_t end_sectors;	   /* of the newest session, or of the volume that the head describes */
	bool udf, hfs;		   /* a UDF, an HFS volume lies beside the ISO 9660 one */
	bool damaged;		   /* the newest session's own descriptors are not readable, only the head is */
	bool partition;		   /* a partition lies behind the newest session */
	bool published_unreadable; /* found without the head, which cannot be read */
	bool no_head;		   /* an image: the same, since it makes no sense */
	bool unpublished;	   /* an image without a head or sessions: a first session of ours is whole */
	bool hidden;		   /* a session lies just beyond the newest one that the head does not know */
	bool unreadable;	   /* whether there is a partition or such a volume cannot be read */
	bool sequential;	   /* an image: a copy of a disc that was burned session by session */
	bool displaced;		   /* the head's primary descriptor is not the first of its set */
	bool small_blocks;	   /* its logical blocks have 512 or 1024 bytes */
	bool cut;		   /* sessions older than these are not listed: they cannot be read */
	bool behind;		   /* in a drive: something else lies where the next session would begin */
};
/* disc_state.why_not */
#define MEDIUM_WHY_UNREADABLE \
	"blocks that tell what else is on it cannot be read, and a session might overwrite what is there"
#define MEDIUM_WHY_DISPLACED "its primary volume descriptor is not the first one, where sessions have it"
#define MEDIUM_WHY_SEQUENTIAL \
	"it is a copy of a disc with several sessions, of which the first would be overwritten by the head of a " \
	"further one"
#define MEDIUM_WHY_SMALL_BLOCKS "its logical blocks have less than 2048 bytes, of which sessions are made"
/* All sessions of a medium with a head at LBA 16.  n_sectors: its length.  -EMEDIUMTYPE: no descriptor at LBA 16;
 * -EBADMSG it makes no sense; what disc_read says. */
int sessions_scan(struct disc *d, uint64_t n_sectors, struct session_list *ret);
/* What is recorded from LBA 0 on as one track may be an image with several sessions: their list, as sessions_scan()
 * has it but without a look at what is beside them. pvd: of LBA 16. *ret is empty when there are not several, or what
 * tells of them cannot be read; other errors of disc_read(), -ENOMEM. */
int sessions_scan_track(struct disc *d, const uint8_t pvd[SECTOR_BYTES], uint64_t n_sectors, struct session_list *ret);
/* The same when the head cannot be read, by the chain of sessions from LBA 32 on. -EMEDIUMTYPE: there is none. */
int sessions_scan_by_chain(struct disc *d, uint64_t n_sectors, struct session_list *ret);
/* The same, of which the newest may be one that was never published, or has lost its commit record. */
int sessions_scan_all(struct disc *d, uint64_t n_sectors, struct session_list *ret);
void session_list_release(struct session_list *l);
/* A primary volume descriptor whose root directory lies inside [low, n_sectors).  0 or -EBADMSG. */
int pvd_check(const uint8_t sector[SECTOR_BYTES], uint64_t low, uint64_t n_sectors);
/* The primary descriptor of the set at the beginning of a session, and where it is.  -EMEDIUMTYPE: there is none,
 * nor one of another kind in the first place; -EBADMSG: none that could be read, or neither its root nor that of a
 * Joliet tree is on the medium; what disc_read() says. */
int pvd_find(struct disc *d, uint32_t start_lba, uint64_t n_sectors, uint8_t ret[SECTOR_BYTES], uint32_t *ret_lba);
/* The session at start_lba whose primary descriptor is this sector; number is left 0. */
void pvd_session(const uint8_t sector[SECTOR_BYTES], uint32_t start_lba, uint32_t descriptor_lba,
		 struct disc_session *ret);
/* What a descriptor of ours says besides; `ours` is set by whoever has seen the commit record. */
void pvd_session_ours(const struct appuse *a, struct disc_session *ret);
/* Identity by the oldest session (-EIO: it could not be read, so there is none), provisional from the file itself;
 * fingerprint's descriptor (zeros when n is 0). */
int sessions_identity(struct disc *d, const struct session_list *l, const struct stat *st, const char *path,
		      struct disc_identity *ret);
int sessions_fingerprint(struct disc *d, const struct session_list *l, struct disc_fingerprint *ret);
/* A copy of the list for disc_sessions(). */
int sessions_copy(const struct session_list *l, struct disc_session **ret, size_t *ret_n);

/* ---- guess.c: what it is when it is no ISO 9660 volume ---- */

/* Static text; never NULL. */
const char *guess_content(struct disc *d);
/* 1: a UDF volume recognition sequence (ECMA-167 2/8.3) is somewhere in sectors 16-47 from start_lba.  0, or what
 * disc_read() says. */
int guess_udf(struct disc *d, uint32_t start_lba);

/* ---- beside.c ---- */

/* Fills in udf and hfs; what cannot be read is unreadable.  session_lba: start of the volume whose UDF it would be. */
int beside_look(struct disc *d, uint32_t session_lba, uint64_t n_sectors, struct session_list *list);
/* Why nothing is appended to that.  NULL: nothing is there, or it was accepted: now, or by who appended a session of
 * ours already.  Static. */
const char *beside_refusal(const struct session_list *list, oddities accepted);

/* ---- partitions.c ---- */

/* 1: a partition of the system area's tables begins at or behind end_sectors, on a medium of n_sectors.  0, or what
 * disc_read() says. */
int partition_behind(struct disc *d, uint64_t end_sectors, uint64_t n_sectors);

/* ---- behind.c: what lies behind the newest session and is somebody's ---- */

/* In an image file of so many bytes: its end in sectors; l->end_sectors: there is nothing.  The list has not to be
 * empty. */
int behind_in_image(struct disc *d, int fd, const struct session_list *l, uint64_t bytes, uint64_t *ret_sectors);
/* On a medium in a drive: 1, something that names itself, or that is in the way of the next session.  -EIO: what of the
 * newest session would say so cannot be read. */
int behind_on_drive(struct disc *d, const struct session_list *l, uint64_t n_sectors);

/* ---- image.c, image_target.c ---- */

#define DIRECT_ALIGN 4096u /* position, length and memory of I/O past the page cache */

struct image {
	struct disc disc;
	int fd;
	/* the same file past the page cache (O_DIRECT); -1: not here, or opened read-only */
	int direct_fd;
	bool writable;
	oddities accepted;
	uint64_t asked_sectors;			 /* capacity as the options have it; 0: as it is told */
	bool unbounded;				 /* whatever is told */
	uint64_t capacity_sectors, told_sectors; /* as of the last refresh: what holds, what is told */
	char *path;				 /* absolute: part of the provisional identity */
	struct stat st;				 /* as of the last refresh */
	bool blank;
	struct session_list list;
	bool look_behind; /* or it is writable */
	/* end of the newest session, or of what lies behind it and stays; as of that state of the file */
	uint64_t kept_end, looked_from;
	struct stat looked;
	char why_not[256]; /* empty: appendable */
};
int image_open(const char *path, const struct disc_open_options *options, struct disc **ret, const char **ret_why);
/* The image behind a disc and its decorators, or NULL. */
struct image *image_of(struct disc *d);
/* Bytes that this user can still write to the file system. */
int image_host_free(const struct image *image, uint64_t *ret_bytes);
static inline bool direct_fits(const void *buf, uint64_t pos)
{
	return (uintptr_t)buf % DIRECT_ALIGN == 0 && pos % DIRECT_ALIGN == 0;
}
int image_target_new(struct image *image, struct target **ret);

/* ---- container.c ---- */

bool container_name(const char *path);
int container_open(const char *path, struct disc **ret, const char **ret_why);

#endif
