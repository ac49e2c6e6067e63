/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * scan.h - inside burner/medium: looking for sessions on a medium whose head is at LBA 16 (sessions.c)
 *
 *	scan.c		what is at a place: descriptors, our words, commit records, sessions; the chain of xorriso
 *	newest.c	which session the head stands for
 *	sessions.c	the way back from there, and the list
 */
#ifndef BURNER_MEDIUM_SCAN_H
#define BURNER_MEDIUM_SCAN_H

#include "burner/format/appuse.h"
#include "burner/format/commit_record.h"
#include "burner/medium/internal.h"

#define SESSIONS_MAX 4096u
#define PROBES 4096u
#define PROBE_STEP 16u /* growisofs aligns to 16 sectors, xorriso and we to 32 */

struct found {
	struct disc_session session;
	struct appuse appuse; /* when has_appuse */
	bool has_appuse;
	uint64_t root_end; /* in sectors: of its root directory */
};

struct scan {
	struct disc *disc;
	/* of the medium: as it should be, and as it is; less when it was cut off */
	uint64_t n_sectors, n_left;
	struct found *found; /* newest first */
	size_t n_found, capacity;
	uint32_t *chain; /* starts of xorriso's chain, ascending */
	size_t n_chain;
	uint64_t chain_end; /* where a further one would start */
	unsigned probes;
	bool lost; /* the newest may be one of ours without its commit record */
	bool cut;  /* a session that ours names as its predecessor cannot be read */
};

/* ---- scan.c ---- */

struct scan scan_of(struct disc *d, uint64_t n_sectors);
void scan_release(struct scan *s);
/* A primary descriptor whose root is there, at `low` or above.  -EBADMSG: there is none; what disc_read() says. */
int scan_pvd(struct scan *s, uint64_t lba, uint64_t low, uint8_t sector[SECTOR_BYTES]);
/* Our words in the descriptor of the session that starts there.  A later program may have copied them: then the start
 * differs. */
bool scan_appuse(const uint8_t sector[SECTOR_BYTES], uint32_t start, struct appuse *ret);
/* 1: there is one that ends there; ret_sha256: NULL, or of its block. */
int scan_commit_record(struct scan *s, uint64_t lba, struct commit_record *ret, uint8_t ret_sha256[32]);
/* The session of that descriptor, behind those found. */
int scan_add(struct scan *s, const uint8_t sector[SECTOR_BYTES], uint32_t start, uint32_t descriptor);
/* 1: a foreign or own session whose own root directory is inside it.  Blocks of rewritable media that were never
 * written may be unreadable: there is none. */
int scan_session(struct scan *s, uint64_t start, uint8_t sector[SECTOR_BYTES]);
/* s->chain, once. */
int scan_chain(struct scan *s);

/* ---- newest.c ---- */

/* The head is ours: 1 and the session is added, 0 it is not ours, -errno. */
int newest_ours(struct scan *s, const uint8_t published[SECTOR_BYTES], bool *damaged);
/* It is another program's, or of a burn that was cut off: the session is added. */
int newest_foreign(struct scan *s, const uint8_t published[SECTOR_BYTES], uint32_t published_lba, bool *damaged);
/* The newest session below `end` that has its descriptor: 1, its start and descriptor. */
int newest_left(struct scan *s, uint64_t end, uint32_t *ret_start, uint8_t sector[SECTOR_BYTES]);
/* A session of ours whose commit record is the last block of the medium: 1 and it is added, 0 there is none. */
int newest_at_end(struct scan *s);
/* Of the chain from LBA 32 the last that is whole: a session of ours without its commit record was never published.
 * It is added, or -EMEDIUMTYPE. */
int newest_of_chain(struct scan *s);

#endif
