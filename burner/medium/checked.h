/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * checked.h - inside burner/medium: a disc whose reads are checked (disc_checked.c), and which of its blocks are proven
 * by what (disc_believed.c)
 *
 * Functions that end in _locked need the disc's lock; the others take it.
 */
#ifndef BURNER_MEDIUM_CHECKED_H
#define BURNER_MEDIUM_CHECKED_H

#include "burner/base/bytes.h"
#include "burner/base/lock.h"
#include "cdappendfs/adopted.h"
#include "cdappendfs/burn.h"

#define KEPT 16u
#define TOLD 256u /* pieces that were told; beyond it one may be told again */

enum belief { TABLE, NO_TABLE, EXCHANGED, RECORD_LOST };

/* Blocks of a session of ours. */
struct checked_session {
	uint32_t number, start_lba, end_lba;
	bool may_adopt;	    /* nobody knows what it says of blocks of others; not with TABLE and NO_TABLE */
	enum belief belief; /* what follows is there with TABLE */
	struct commit_record record;
	struct proof *proof; /* under the disc's lock */
};

struct kept_piece {
	uint32_t lba, sectors; /* 0: nothing */
	uint64_t used;
	uint8_t *bytes;
};

struct checked_disc {
	struct disc disc;
	struct disc_check_options options;
	uint32_t floor_lba;	     /* nothing of ours lies below it */
	struct rwlock list;	     /* guards the list itself: */
	struct disc_session *listed; /* oldest first */
	size_t n_listed;
	struct lock lock;		/* guards: */
	struct checked_session **known; /* newest first; never two of one block */
	size_t n_known;
	uint32_t bottom_lba; /* from there on all are known */
	size_t left;	     /* of the list, those that were not looked at */
	/* the record that the last known one names; 0: none, or that one is lost */
	uint32_t expected_lba;
	uint8_t expected_sha256[PROOF_DIGEST_BYTES];
	struct kept_piece kept[KEPT];
	uint64_t clock;
	uint32_t told[TOLD];
	uint32_t n_told;
	struct adopted *adopted;    /* what known ones say of blocks of other programs */
	size_t n_adopted;	    /* so many of the known were asked for that */
	uint32_t adopted_below_lba; /* what lies below, in nothing else, may be named by what is lost; 0: nothing is */
};

/* Blocks with a digest. */
struct checked_piece {
	uint32_t lba, sectors;
	uint32_t number;		 /* of the session that it lies in */
	struct checked_session *session; /* it lies in; NULL: it was adopted */
};

/* Something is damaged: the user of the disc is told, once. */
void checked_tell(struct checked_disc *c, uint32_t session, uint32_t lba, uint32_t n_sectors, enum disc_damage what);

/* The session of ours that the block lies in, or NULL; *ret_next: how far that holds. */
int checked_session_at(struct checked_disc *c, uint32_t lba, struct checked_session **ret, uint32_t *ret_next);
/* Of a block that lies in none: 1, *ret is the piece that was adopted; 0: it was not, up to *ret_next at most; -EIO:
 * that cannot be known. */
int checked_adopted_at(struct checked_disc *c, uint32_t lba, struct checked_piece *ret, uint32_t *ret_next);
/* Proven.  -ENODATA: there is none of it, and that is no damage. */
int checked_digest(struct checked_disc *c, const struct checked_piece *p, uint8_t ret[PROOF_DIGEST_BYTES]);
void checked_forget_locked(struct checked_disc *c);

#endif
