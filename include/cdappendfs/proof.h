/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * proof.h - what our sessions say of their own blocks: commit records, digest tables, the chain
 *
 *	proof_record(disc, session) -> the record -> proof_open(disc, record) -> proof_digests(…) … -> proof_free
 *	proof_chain(disc, newer, older): is it the session that the newer one was burned upon?
 *
 * The commit record is the last block of a session; its SHA-256 stands for the disc's state up to there.  A session
 * with a table has a digest of each of its pieces: PROOF_PIECE_SECTORS blocks from its first one on, up to the table;
 * the last piece may be shorter.  What is read of a table is proven by the record before it is believed, a part for
 * itself: of each of its levels one block (burner/format/digest_table.h).  Sessions of older versions have one SHA-256
 * over all blocks before the record, and no table.
 *
 * Threads: a struct proof belongs to one at a time.  Errors as in disc.h; -EBADMSG: what is there is not what the
 * record says.
 */
#ifndef CDAPPENDFS_PROOF_H
#define CDAPPENDFS_PROOF_H

#include "cdappendfs/disc.h"

#define PROOF_PIECE_SECTORS 32u /* that our sessions have; other numbers are read as well */
#define PROOF_PIECE_MAX_SECTORS 512u
#define PROOF_DIGEST_BYTES 32u
#define PROOF_TEXT_BYTES (2 * PROOF_DIGEST_BYTES + 1)

enum commit_digest {
	COMMIT_DIGEST_ALL = 0,	/* SHA-256 of all blocks before the record */
	COMMIT_DIGEST_TABLE = 1 /* of the table's root */
};

/* A commit record, as it stands on the disc (burner/format/commit_record.h). */
struct commit_record {
	uint8_t uuid[16];
	uint32_t number, start_lba, sectors;
	uint32_t kind; /* enum commit_digest; another one: of a newer version, which nobody here can verify */
	uint8_t sha256[PROOF_DIGEST_BYTES];
	/* COMMIT_DIGEST_TABLE, else zeros: */
	uint32_t piece_sectors;
	uint32_t table_lba, table_sectors;		/* up to the record */
	uint32_t previous_lba;				/* of the commit record before it; 0: there is none of ours */
	uint8_t previous_sha256[PROOF_DIGEST_BYTES];	/* of that block */
	uint8_t descriptors_sha256[PROOF_DIGEST_BYTES]; /* of the session's first piece, where they lie */
	uint32_t adoption_lba, adoption_sectors;	/* of its adoption table (adopted.h); 0: it has none */
};

static inline bool commit_has_table(const struct commit_record *r) { return r->kind == COMMIT_DIGEST_TABLE; }
/* Pieces of a session with a table. */
static inline uint32_t commit_pieces(const struct commit_record *r)
{
	return (r->table_lba - r->start_lba + r->piece_sectors - 1) / r->piece_sectors;
}
/* Blocks of one of them. */
static inline uint32_t commit_piece_sectors(const struct commit_record *r, uint32_t piece)
{
	uint32_t left = r->table_lba - r->start_lba - piece * r->piece_sectors;

	return left < r->piece_sectors ? left : r->piece_sectors;
}

/*
 * The record of a session of ours, which has to be of that uuid, start and length. ret_sha256 may be NULL: of its
 * block, the digest of the disc's state.  -ENODATA: the session is not ours, or has none.
 */
int proof_record(struct disc *d, const struct disc_session *session, struct commit_record *ret,
		 uint8_t ret_sha256[PROOF_DIGEST_BYTES]);
/* The same of one that says that it is ours, also where the list of sessions was made without its record.  -EBADMSG: it
 * has none. */
int proof_own_record(struct disc *d, const struct disc_session *session, struct commit_record *ret,
		     uint8_t ret_sha256[PROOF_DIGEST_BYTES]);

/*
 * The record that ends at that block, which a newer one names with the SHA-256 of it (NULL: any will do).  sector: its
 * block, also where it is another one.  -EBADMSG: it is not that one.
 */
int proof_record_at(struct disc *d, uint32_t lba, const uint8_t *sha256, uint8_t sector[2048],
		    struct commit_record *ret);
/* The one that the newer one names.  -ENODATA: it names none. */
int proof_previous(struct disc *d, const struct commit_record *newer, struct commit_record *ret);

/* 0, or -EBADMSG: the record at newer->previous_lba is not the one that was there when the newer was burned. 0 too when
 * the newer one says nothing of it. */
int proof_chain(struct disc *d, const struct commit_record *newer);

/* Hexadecimal digits, with a terminator. */
void proof_text(const uint8_t sha256[PROOF_DIGEST_BYTES], char ret[PROOF_TEXT_BYTES]);
#define PROOF_PREFIX_MIN 16u /* digits: fewer might be those of another disc */
/* Is it the first digits of a digest, and are there enough? */
bool proof_is_prefix(const char *text);
/* Of that one? */
bool proof_matches(const uint8_t sha256[PROOF_DIGEST_BYTES], const char *prefix);
/* The first piece of the session, where its descriptors lie, is what the record says. -EBADMSG; 0 too when the record
 * says nothing of it. */
int proof_descriptors(struct disc *d, const struct commit_record *record);

struct proof;
/* The table of that record, which must have one (-EINVAL).  Reads nothing so far. */
int proof_open(struct disc *d, const struct commit_record *record, struct proof **ret);
void proof_free(struct proof *p);
static inline void proof_freep(struct proof **p)
{
	if (*p)
		proof_free(*p);
}
/* Digests of n pieces from `first` on, proven. */
int proof_digests(struct proof *p, uint32_t first, uint32_t n, uint8_t (*ret)[PROOF_DIGEST_BYTES]);
/* A whole piece, as it was.  buf: room for commit_piece_sectors(). -EBADMSG: it is another one. */
int proof_read(struct proof *p, uint32_t piece, uint8_t *buf);
/* The blocks behind the table's root are zeros, the record's word of the first piece is the table's: with the digests
 * of all pieces, that is all a session says of itself. */
int proof_rest(struct proof *p);

/*
 * The head of a medium that has one, blocks 16 to 31, as the sessions on it prove it (burner/medium/head.c).  Oldest
 * first.  -ENODATA: nothing does: the newest session is another program's, or what would prove it is damaged.
 */
int proof_head(struct disc *d, const struct disc_session *sessions, size_t n, uint8_t ret[16 * 2048]);
/* Where the head is not that: 1, a session of ours lies behind the newest, and a head made by that would hide it. */
int proof_head_hides(struct disc *d, const struct disc_session *newest);

#endif
