/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * disc_believed.c - of a disc whose reads are checked: which sessions are believed, and what proves which block
 *
 * Which sessions there are is what commit records say, from the newest session down: each names the one before by its
 * place and digest, so whatever was put in its place, of whatever length, is -EIO, and so is a session that says that
 * it is ours, whose record is lost.  A record that is right stands for its blocks also where the session is no longer
 * found by its descriptors.  Below a lost record, and one that names none, sessions are believed for themselves, by
 * the list of the disc.
 *
 * Blocks of other programs are looked for in the adoption tables of the sessions above them, which are all known then.
 * Where one of these tables is lost nobody knows whether a block is in it.
 */
#include <stdlib.h>
#include <string.h>

#include "burner/base/own.h"
#include "burner/format/commit_record.h"
#include "burner/format/geometry.h"
#include "burner/medium/checked.h"
#include "burner/medium/internal.h"
#include "cdappendfs/proof.h"

static void tell_locked(struct checked_disc *c, uint32_t session, uint32_t lba, uint32_t n_sectors,
			enum disc_damage what)
{
	const struct disc_damaged damaged = {what, session, lba, n_sectors};

	lock_assert(&c->lock);
	for (uint32_t i = 0; i < min_u64(c->n_told, TOLD); i++)
		if (c->told[i] == lba)
			return;
	c->told[c->n_told++ % TOLD] = lba;
	if (c->options.damaged)
		c->options.damaged(c->options.context, &damaged);
}

void checked_tell(struct checked_disc *c, uint32_t session, uint32_t lba, uint32_t n_sectors, enum disc_damage what)
{
	lock_take(&c->lock);
	tell_locked(c, session, lba, n_sectors, what);
	lock_give(&c->lock);
}

/* ---- what is believed of the sessions ---- */

/* Up to where the list has something else. */
static uint32_t end_of_listed(const struct checked_disc *c, size_t i)
{
	uint64_t end = (uint64_t)c->listed[i].start_lba + c->listed[i].sectors;

	return (uint32_t)min_u64(end, i + 1 < c->n_listed ? c->listed[i + 1].start_lba : UINT32_MAX);
}

/* The next older one; record NULL: it has none that is believed.  It is told at once that it is not. */
static int add_known_locked(struct checked_disc *c, struct checked_session session, const struct commit_record *record)
{
	struct checked_session **grown = reallocarray(c->known, c->n_known + 1, sizeof(*grown));
	struct checked_session *s;

	lock_assert(&c->lock);
	if (!grown)
		return -ENOMEM;
	c->known = grown;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	*s = session;
	s->end_lba = (uint32_t)min_u64(s->end_lba, c->bottom_lba);
	if (record) {
		s->record = *record;
		s->belief = commit_has_table(record) ? TABLE : NO_TABLE;
	}
	if (s->belief == TABLE && proof_open(c->disc.inner, &s->record, &s->proof) < 0) {
		free(s);
		return -ENOMEM;
	}
	c->known[c->n_known++] = s;
	c->bottom_lba = s->start_lba;
	if (!record)
		tell_locked(c, s->number, s->start_lba, s->end_lba - s->start_lba,
			    s->belief == EXCHANGED ? DISC_DAMAGE_CHAIN : DISC_DAMAGE_RECORD);
	return 0;
}

/* Where the next older one is to be; NULL: nothing says so. */
static void expect_locked(struct checked_disc *c, const struct commit_record *record)
{
	lock_assert(&c->lock);
	c->expected_lba = record && commit_has_table(record) ? record->previous_lba : 0;
	if (c->expected_lba)
		memcpy(c->expected_sha256, record->previous_sha256, sizeof(c->expected_sha256));
}

static struct checked_session blocks_of_listed(const struct checked_disc *c, size_t i, enum belief belief)
{
	return (struct checked_session){.number = c->listed[i].number,
					.start_lba = c->listed[i].start_lba,
					.end_lba = end_of_listed(c, i),
					.may_adopt = belief == EXCHANGED || !session_says_ours(&c->listed[i]) ||
						     c->listed[i].adoption_sectors,
					.belief = belief};
}

/* Believed for itself. */
static int take_listed_locked(struct checked_disc *c, size_t i)
{
	struct commit_record record;
	int r = proof_own_record(c->disc.inner, &c->listed[i], &record, NULL);

	if (r < 0 && !disc_is_damage(r))
		return r;
	const struct commit_record *believed = r < 0 ? NULL : &record;

	r = add_known_locked(c, blocks_of_listed(c, i, RECORD_LOST), believed);
	if (r == 0)
		expect_locked(c, believed);
	return r;
}

/* Sessions of ours above the record that the newer one names, which knows nothing of them. */
static int pass_over_locked(struct checked_disc *c, uint32_t expected_lba)
{
	int r = 0;

	for (; c->left > 0 && c->listed[c->left - 1].start_lba > expected_lba && !r; c->left -= r == 0) {
		const struct disc_session *s = &c->listed[c->left - 1];
		struct commit_record record;

		if (s->broken || !session_says_ours(s) || s->start_lba >= c->bottom_lba)
			continue;
		r = proof_own_record(c->disc.inner, s, &record, NULL);
		if (r == 0 || disc_is_damage(r))
			r = add_known_locked(c, blocks_of_listed(c, c->left - 1, r ? RECORD_LOST : EXCHANGED), NULL);
	}
	return r;
}

/* The record that is named is another one or none (sector), or cannot be read (NULL): which blocks are of no use. */
static int lose_locked(struct checked_disc *c, uint32_t expected_lba, const uint8_t *sector)
{
	struct checked_session lost = {.number = c->known[c->n_known - 1]->number - 1,
				       .start_lba = (uint32_t)min_u64(FIRST_SESSION_LBA, c->bottom_lba),
				       .end_lba = expected_lba + 1,
				       .may_adopt = true,
				       .belief = RECORD_LOST};
	struct commit_record other;
	int r = sector ? commit_record_decode(sector, &other) : -ENODATA;

	if (r == -ENOMEM)
		return r;
	if (r == 0 && other.start_lba + (uint64_t)other.sectors == expected_lba + UINT64_C(1))
		lost.belief = EXCHANGED;
	if (c->left > 0) { /* it begins at that place or below */
		size_t i = c->left - 1;
		struct checked_session there = blocks_of_listed(c, i, lost.belief);
		bool ours = session_says_ours(&c->listed[i]);

		r = ours ? proof_own_record(c->disc.inner, &c->listed[i], &other, NULL) : -EBADMSG;
		if (r < 0 && !disc_is_damage(r))
			return r;
		if (ours || there.end_lba > expected_lba) {
			there.end_lba = (uint32_t)max_u64(there.end_lba, lost.end_lba);
			lost = there;
			if (sector && (r == 0 || !ours))
				lost.belief = EXCHANGED;
			lost.may_adopt |= lost.belief == EXCHANGED;
		} else {
			lost.start_lba = there.end_lba;
		}
	}
	r = add_known_locked(c, lost, NULL);
	if (r == 0)
		expect_locked(c, NULL);
	return r;
}

/* 1: the record that the newer one names; 0: another or none (*ret_there), or it cannot be read. */
static int expected_record(struct checked_disc *c, uint8_t sector[SECTOR_BYTES], bool *ret_there,
			   struct commit_record *ret)
{
	int r = proof_record_at(c->disc.inner, c->expected_lba, c->expected_sha256, sector, ret);

	*ret_there = r == 0 || r == -EBADMSG;
	return disc_is_damage(r) || r == -ENODATA ? 0 : r ? r : 1;
}

static int follow_locked(struct checked_disc *c)
{
	uint32_t lba = c->expected_lba;
	uint8_t sector[SECTOR_BYTES];
	struct commit_record record;
	bool is_there;
	int right = expected_record(c, sector, &is_there, &record), r = right < 0 ? right : pass_over_locked(c, lba);

	if (r < 0)
		return r;
	if (!right)
		return lose_locked(c, lba, is_there ? sector : NULL);
	r = add_known_locked(
		c, (struct checked_session){.number = record.number, .start_lba = record.start_lba, .end_lba = lba + 1},
		&record);
	if (r == 0)
		expect_locked(c, &record);
	return r;
}

static int step_locked(struct checked_disc *c)
{
	lock_assert(&c->lock);
	if (c->expected_lba)
		return follow_locked(c);
	for (; c->left > 0; c->left--) {
		const struct disc_session *s = &c->listed[c->left - 1];

		if (!s->broken && session_says_ours(s) && s->start_lba < c->bottom_lba)
			return take_listed_locked(c, c->left - 1);
	}
	c->bottom_lba = 0;
	return 0;
}

int checked_session_at(struct checked_disc *c, uint32_t lba, struct checked_session **ret, uint32_t *ret_next)
{
	size_t low = 0, high;
	int r = 0;

	*ret = NULL;
	*ret_next = c->floor_lba;
	if (lba < c->floor_lba)
		return 0;
	lock_take(&c->lock);
	while (c->bottom_lba > lba && r == 0)
		r = step_locked(c);
	for (high = c->n_known; low < high;) {
		size_t middle = low + (high - low) / 2;

		if (c->known[middle]->start_lba > lba)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_next = low > 0 ? c->known[low - 1]->start_lba : UINT32_MAX;
	if (r == 0 && low < c->n_known && c->known[low]->end_lba > lba) {
		*ret = c->known[low];
		*ret_next = (*ret)->end_lba;
	}
	lock_give(&c->lock);
	return r;
}

/* ---- what was adopted ---- */

/* What those say that became known since the last time.  -EIO: one of them had something to say, and that is lost. */
static int ask_known_locked(struct checked_disc *c, uint32_t lba)
{
	int r = c->adopted ? 0 : adopted_new(c->disc.inner, c->floor_lba, &c->adopted);

	lock_assert(&c->lock);
	for (; c->n_adopted < c->n_known && !r; c->n_adopted += r == 0) {
		const struct checked_session *s = c->known[c->n_adopted];

		r = s->belief == TABLE ? adopted_add(c->adopted, &s->record) : 0;
		if (disc_is_damage(r))
			tell_locked(c, s->number, s->record.adoption_lba, s->record.adoption_sectors,
				    DISC_DAMAGE_TABLE);
		else if (s->belief == TABLE || s->belief == NO_TABLE || !s->may_adopt)
			continue;
		c->adopted_below_lba = (uint32_t)max_u64(c->adopted_below_lba, s->start_lba);
		r = 0;
	}
	return !r && lba < c->adopted_below_lba ? -EIO : r;
}

/* That the block lies in, by the list of the disc. */
static uint32_t number_of(const struct checked_disc *c, uint32_t lba)
{
	size_t i = c->n_listed;

	while (i > 0 && c->listed[i - 1].start_lba > lba)
		i--;
	return i ? c->listed[i - 1].number : 0;
}

int checked_adopted_at(struct checked_disc *c, uint32_t lba, struct checked_piece *ret, uint32_t *ret_next)
{
	struct adopted_run run;
	int r;

	if (lba < c->floor_lba)
		return 0;
	lock_take(&c->lock);
	r = ask_known_locked(c, lba);
	bool any = (!r || r == -EIO) && adopted_next(c->adopted, lba, &run);

	if (any && run.lba <= lba) {
		uint32_t piece = (lba - run.lba) / ADOPTED_PIECE_SECTORS * ADOPTED_PIECE_SECTORS;

		*ret = (struct checked_piece){run.lba + piece,
					      (uint32_t)min_u64(ADOPTED_PIECE_SECTORS, run.sectors - piece),
					      number_of(c, lba), NULL};
		r = 1;
	} else if (any) {
		*ret_next = (uint32_t)min_u64(*ret_next, run.lba);
	}
	lock_give(&c->lock);
	return r;
}

int checked_digest(struct checked_disc *c, const struct checked_piece *p, uint8_t ret[PROOF_DIGEST_BYTES])
{
	struct checked_session *s = p->session;
	uint8_t digest[1][PROOF_DIGEST_BYTES];
	uint32_t lba, sectors;
	int r;

	lock_take(&c->lock);
	if (s)
		r = proof_digests(s->proof, (p->lba - s->start_lba) / s->record.piece_sectors, 1, digest);
	else
		r = adopted_digest(c->adopted, p->lba, digest[0], &lba, &sectors);
	lock_give(&c->lock);
	if (!r)
		memcpy(ret, digest[0], PROOF_DIGEST_BYTES);
	return r;
}

void checked_forget_locked(struct checked_disc *c)
{
	for (size_t i = 0; i < c->n_known; i++) {
		proof_free(c->known[i]->proof);
		free(c->known[i]);
	}
	free(c->known);
	c->known = NULL;
	c->n_known = 0;
	if (c->adopted)
		adopted_free(TAKE_PTR(c->adopted));
	c->n_adopted = 0;
	c->adopted_below_lba = 0;
	c->expected_lba = 0;
	c->bottom_lba = UINT32_MAX;
	c->left = c->n_listed;
	for (unsigned i = 0; i < KEPT; i++)
		c->kept[i].sectors = 0;
}
