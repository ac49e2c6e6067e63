/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * disc.h - the read side of a medium: what it is, its sessions, its sectors
 *
 * disc_open_path() (burner/medium) -> disc_state(), disc_sessions(), disc_read() … -> disc_close().  After a publish
 * call disc_refresh().  Decorators (throttle, faults, traces) wrap a disc: a struct disc with other ops whose `inner`
 * is the first.
 *
 * Threads: disc_read(), disc_read_medium(), disc_zeros() from any thread at any time.  All others from one thread at a
 * time.
 * Errors (negative errno): -ENOENT/-EACCES opening; -ENOMEDIUM no disc; -EMEDIUMTYPE not an ISO 9660 disc (text,
 * audio, UDF only); -EBADMSG damaged; -EIO unreadable sector; -EBUSY held by another; -EAGAIN the drive is burning,
 * ask again when it is done (nothing was changed: the request may be parked and repeated). Everything read is hostile
 * until checked.
 */
#ifndef CDAPPENDFS_DISC_H
#define CDAPPENDFS_DISC_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "cdappendfs/pieces.h"

enum medium_kind {
	MEDIUM_IMAGE,
	MEDIUM_CONTAINER,
	MEDIUM_CD_R,
	MEDIUM_CD_RW,
	MEDIUM_CD_ROM,
	MEDIUM_DVD_R,
	MEDIUM_DVD_RW,
	MEDIUM_DVD_PLUS_R,
	MEDIUM_DVD_PLUS_RW,
	MEDIUM_DVD_RAM,
	MEDIUM_DVD_ROM,
	MEDIUM_BD_R,
	MEDIUM_BD_RE,
	MEDIUM_BD_ROM,
	MEDIUM_OTHER
};

/* One session that can be mounted. */
struct disc_session {
	uint32_t number; /* from 1, as on the disc */
	uint32_t start_lba;
	uint32_t sectors; /* its own length */
	/* the primary volume descriptor whose tree is this session's (absolute extents) */
	uint32_t descriptor_lba;
	int64_t created;    /* seconds since the epoch, UTC; 0 unknown */
	char volume_id[33]; /* trailing blanks cut */
	/* carries our application-use field (APPUSE_*) with a valid commit record reference */
	bool ours;
	bool broken;	       /* a burn that failed, or cut off with its root directory: not mountable, linked past */
	bool truncated;	       /* it reaches beyond the end of the image */
	uint8_t uuid[16];      /* ours: of the session */
	bool has_digest;       /* ours, and its commit record was read (in a drive that of the newest): */
	uint8_t digest[32];    /* SHA-256 of that block, which stands for the state of the disc (proof.h) */
	bool has_message;      /* ours, and it has one (session_message.h) */
	bool tells_shared;     /* ours, and it says: */
	uint64_t shared_bytes; /* content of its files that lies in older sessions */
	uint64_t found_bytes;  /* of what was copied to it, not written since it was there already */
	/* ours, of an image: of the medium that it is meant for; 0: it says none */
	uint64_t capacity_sectors;
	uint32_t parity_lba, parity_sectors;	 /* ours: of its parity area; 0 sectors: it has none */
	uint32_t adoption_lba, adoption_sectors; /* ours: the same of its adoption table (adopted.h) */
	/* of its whole tree, those of several sections; PIECES_UNKNOWN: it does not tell, or is not ours */
	uint64_t files_in_pieces;
};

/* Ours by its descriptor, whether or not its commit record could be read. */
static inline bool session_says_ours(const struct disc_session *s)
{
	static const uint8_t none[sizeof(s->uuid)];

	return s->ours || memcmp(s->uuid, none, sizeof(none)) != 0;
}

/* disc_state.why_not of a disc that could take another session, had it been opened for writing. */
#define DISC_WHY_OPENED_READ_ONLY "opened read-only"

struct disc_state {
	enum medium_kind kind;
	const char *name;    /* "image file", "CD-R"… static */
	bool blank;	     /* no session at all */
	bool appendable;     /* another session could be burned */
	const char *why_not; /* when !appendable: why, for the user; static */
	bool finalized;	     /* closed for ever: !appendable */
	/* overwritable: the head cannot be read and should be written again: !appendable */
	bool published_unreadable;
	bool overwritable; /* head at LBA 16-31 (image, DVD+RW, DVD-RAM, BD-RE) */
	/* of the whole medium; 0 = bounded only by the file system that holds the image */
	uint64_t capacity_sectors;
	uint64_t told_capacity_sectors; /* image: the same as its newest session of ours says it; 0: it does not */
	uint64_t used_sectors;		/* up to the end of the newest session, as it says itself */
	uint64_t there_sectors;		/* beyond them nothing can be read, whatever sessions say; 0: not known */
	/* image: behind the newest session, of something else, which stays; the next session starts behind it */
	uint64_t kept_sectors;
	uint32_t next_lba;		/* where the next session starts */
	uint32_t after_session_sectors; /* lost after the session to be burned (padding, gap, border); 0 on images */
	uint32_t tail_sectors;		/* of these, what must still fit on the medium (padding, run-out); at most */
	/* a drive that burned and cannot close its tray: until the disc was out and in again, Linux goes on with what
	 * was there before */
	bool needs_reload;
	bool exclusive;		  /* a drive: whoever has opened it has it alone, for writing too */
	uint64_t host_free_bytes; /* image: what its file system has left for this user; else 0 */
	uint64_t host_device;	  /* image: st_dev of that file system; else 0 */
};

/* What a stage is tied to. */
struct disc_identity {
	/* SHA-256 of the first session's root record, volume id and creation date; of device+inode+path when blank */
	uint8_t id[32];
	uint8_t provisional[32]; /* always the latter */
	bool is_provisional;	 /* blank: id == provisional */
};
struct disc_fingerprint {
	uint32_t session_lba;	/* start of the newest session; UINT32_MAX when blank */
	uint32_t next_lba;	/* where the next would start if nothing of something else were there */
	uint64_t image_bytes;	/* 0 on a drive */
	uint8_t descriptor[32]; /* SHA-256 of its descriptor sector; zeros when blank */
};

static inline bool disc_same_state(const struct disc_fingerprint *a, const struct disc_fingerprint *b)
{
	return a->session_lba == b->session_lba && a->next_lba == b->next_lba && a->image_bytes == b->image_bytes &&
	       memcmp(a->descriptor, b->descriptor, sizeof(a->descriptor)) == 0;
}

struct disc;
struct disc_ops {
	int (*read)(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors);
	int (*read_medium)(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors); /* NULL: -EOPNOTSUPP */
	uint32_t (*zeros)(struct disc *d, uint32_t lba, uint32_t n_sectors);		 /* NULL: 0 */
	int (*state)(struct disc *d, struct disc_state *ret);
	int (*sessions)(struct disc *d, struct disc_session **ret, size_t *ret_n);
	int (*identity)(struct disc *d, struct disc_identity *ret);
	int (*fingerprint)(struct disc *d, struct disc_fingerprint *ret);
	int (*refresh)(struct disc *d);
	int (*forgive)(struct disc *d, uint32_t session_lba); /* NULL: it makes no difference */
	/* NULL: nothing can be */
	int (*heal)(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors);
	/* NULL or: descriptor whose byte lba*2048 is that sector, for splice; -1 none */
	int (*fd)(struct disc *d);
	void (*close)(struct disc *d);
};
struct disc {
	const struct disc_ops *ops;
	struct disc *inner;
};
/* What lies below all that it is wrapped into. */
static inline struct disc *disc_innermost(struct disc *d)
{
	while (d->inner)
		d = d->inner;
	return d;
}

/* Whole sectors; 0, or an errno with buf in any state.  Reading past the end is -EIO. */
static inline int disc_read(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors)
{
	return d->ops->read(d, lba, buf, n_sectors);
}
/* Is it an error of blocks, not of the disc as a whole, the drive or memory? */
static inline bool disc_is_damage(int error) { return error == -EIO || error == -EBADMSG; }
/* The same around what is damaged: such blocks are zeros (burner/medium/around.c).  Other errors. */
int disc_read_around(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors);
/*
 * The same past what is in memory of it, the page cache of an image, what was read before from a drive: for proof of
 * what the medium holds.  buf at a multiple of 4096; large pieces, of an image.
 * -EOPNOTSUPP: not this piece, or not here at all; then disc_read().
 */
static inline int disc_read_medium(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors)
{
	return d->ops->read_medium ? d->ops->read_medium(d, lba, buf, n_sectors) : -EOPNOTSUPP;
}
/*
 * How many of the n_sectors from lba on are zeros, as is known without reading them: a hole of an image.  0: it is not
 * known; read.  Any thread.
 */
static inline uint32_t disc_zeros(struct disc *d, uint32_t lba, uint32_t n_sectors)
{
	return d->ops->zeros ? d->ops->zeros(d, lba, n_sectors) : 0;
}
static inline int disc_state(struct disc *d, struct disc_state *ret) { return d->ops->state(d, ret); }
/* Oldest first; the caller frees *ret with free().  Blank: 0 sessions. */
static inline int disc_sessions(struct disc *d, struct disc_session **ret, size_t *ret_n)
{
	return d->ops->sessions(d, ret, ret_n);
}
static inline int disc_identity(struct disc *d, struct disc_identity *ret) { return d->ops->identity(d, ret); }
static inline int disc_fingerprint(struct disc *d, struct disc_fingerprint *ret) { return d->ops->fingerprint(d, ret); }
/* Look at the medium again (after a burn, or because it may have been changed). */
static inline int disc_refresh(struct disc *d) { return d->ops->refresh ? d->ops->refresh(d) : 0; }
/* From the next disc_refresh() on: what is recorded at session_lba is what a burn of ours that failed has left, and
 * hides nothing. */
static inline int disc_forgive(struct disc *d, uint32_t session_lba)
{
	return d->ops->forgive ? d->ops->forgive(d, session_lba) : 0;
}
/* What read() gave for those sectors is not what was burned, by its digest: as it was, by parity, also when it can be
 * read.  -EIO: they are lost, or have no parity.  Any thread. */
static inline int disc_heal(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors)
{
	return d->ops->heal ? d->ops->heal(d, lba, buf, n_sectors) : -EIO;
}
static inline int disc_fd(struct disc *d) { return d->ops->fd ? d->ops->fd(d) : -1; }
/* The same below all decorators: for what is asked of the file, not read from it. */
static inline int disc_file(struct disc *d)
{
	while (d->inner)
		d = d->inner;
	return disc_fd(d);
}
static inline void disc_close(struct disc *d)
{
	if (d)
		d->ops->close(d);
}
static inline void disc_closep(struct disc **d) { disc_close(*d); }

#endif
