/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adoption_disc.h - a disc in memory with sessions of which no more is there than an adoption table, and what proves it
 */
#ifndef TESTS_UNIT_ADOPTION_DISC_H
#define TESTS_UNIT_ADOPTION_DISC_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/format/adoption.h"
#include "burner/format/commit_record.h"
#include "burner/format/digest_table.h"
#include "cdappendfs/adopted.h"

#define ADOPTION_DISC_SECTORS 1024u
#define ADOPTION_DISC_SESSIONS 4u

struct adoption_disc {
	struct disc disc;
	uint8_t bytes[ADOPTION_DISC_SECTORS][SECTOR_BYTES];
	uint32_t unreadable; /* 0: none is */
	struct disc_session sessions[ADOPTION_DISC_SESSIONS];
	size_t n_sessions;
};

static inline int adoption_disc_read(struct disc *d, uint32_t lba, void *buf, uint32_t n)
{
	const struct adoption_disc *a = (const struct adoption_disc *)(const void *)d;

	if (lba >= ADOPTION_DISC_SECTORS || n > ADOPTION_DISC_SECTORS - lba ||
	    (a->unreadable >= lba && a->unreadable - lba < n && a->unreadable))
		return -EIO;
	memcpy(buf, a->bytes[lba], (size_t)n * SECTOR_BYTES);
	return 0;
}

static inline int adoption_disc_state(struct disc *d, struct disc_state *ret)
{
	(void)d;
	*ret = (struct disc_state){.next_lba = ADOPTION_DISC_SECTORS};
	return 0;
}

static inline int adoption_disc_list(struct disc *d, struct disc_session **ret, size_t *ret_n)
{
	const struct adoption_disc *a = (const struct adoption_disc *)(const void *)d;

	*ret = calloc(ADOPTION_DISC_SESSIONS, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	memcpy(*ret, a->sessions, a->n_sessions * sizeof(**ret));
	*ret_n = a->n_sessions;
	return 0;
}

static inline void adoption_disc_init(struct adoption_disc *d)
{
	static const struct disc_ops ops = {.read = adoption_disc_read,
					    .state = adoption_disc_state,
					    .sessions = adoption_disc_list};

	memset(d, 0, sizeof(*d));
	d->disc.ops = &ops;
}

/* Among the others, the oldest first; whether there is room. */
static inline bool adoption_disc_note(struct adoption_disc *d, const struct commit_record *r)
{
	size_t at = 0;

	while (at < d->n_sessions && d->sessions[at].start_lba < r->start_lba)
		at++;
	if (at == d->n_sessions || d->sessions[at].start_lba != r->start_lba) {
		if (d->n_sessions == ADOPTION_DISC_SESSIONS)
			return false;
		memmove(&d->sessions[at + 1], &d->sessions[at], (d->n_sessions++ - at) * sizeof(d->sessions[0]));
	}
	d->sessions[at] = (struct disc_session){.number = r->number,
						.start_lba = r->start_lba,
						.sectors = r->sectors,
						.ours = true};
	memcpy(d->sessions[at].uuid, r->uuid, sizeof(r->uuid));
	return true;
}

/*
 * A session at `start` whose second block is the header, with digests that are `fill`; its blocks are as the header
 * says, however that lies.  Whether there is room.
 */
static inline bool adoption_disc_put(struct adoption_disc *d, uint32_t start, struct adoption *h, uint8_t fill,
				     struct commit_record *ret)
{
	uint64_t sectors = adoption_sectors_for(adoption_pieces(h)), body = sectors + 1, i;
	uint32_t pieces = (uint32_t)((body + 31) / 32);
	struct digest_shape shape = digest_table_shape(pieces);

	if (start + body + shape.sectors + 1 > ADOPTION_DISC_SECTORS || start >= ADOPTION_DISC_SECTORS)
		return false;
	h->lba = start + 1;
	h->sectors = (uint32_t)sectors;
	memset(h->uuid, (int)start, sizeof(h->uuid));
	if (adoption_encode(h, d->bytes[start + 1]))
		return false;
	memset(d->bytes[start + 2], fill, (size_t)(sectors - 1) * SECTOR_BYTES);
	*ret = (struct commit_record){.number = start,
				      .start_lba = start,
				      .sectors = (uint32_t)body + shape.sectors + 1,
				      .kind = COMMIT_DIGEST_TABLE,
				      .piece_sectors = 32,
				      .table_lba = start + (uint32_t)body,
				      .table_sectors = shape.sectors,
				      .adoption_lba = h->lba,
				      .adoption_sectors = h->sectors};
	memcpy(ret->uuid, h->uuid, sizeof(ret->uuid));
	for (i = 0; i < pieces; i++)
		if (digest_of_piece(d->bytes[start + i * 32], (uint32_t)(body - i * 32 < 32 ? body - i * 32 : 32),
				    d->bytes[ret->table_lba] + i * SHA256_BYTES))
			return false;
	return digest_table_finish(d->bytes[ret->table_lba], pieces, ret->sha256) == 0 &&
	       commit_record_encode(ret, d->bytes[start + ret->sectors - 1]) == 0 && adoption_disc_note(d, ret);
}

#endif
