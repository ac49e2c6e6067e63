/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mixing.c - one piece of a disc, out of several copies
 *
 * With its digest: a copy in which it is right; else the blocks that could be read in one or another; else, where the
 * copies differ in few blocks, each mixture of them, up to MIXTURES_MAX.  Copies made by other means have zeros where a
 * disc could not be read: so a block that is no zeros comes before one that is.
 */
#include "fs/check/internal.h"

#include <errno.h>
#include <string.h>

#include "burner/format/digest_table.h"

#define MIXTURES_MAX 4096u

void mixing_release(struct mixing *m)
{
	for (size_t i = 0; i < m->n_copies; i++)
		free(m->from[i].bytes);
	free(m->made);
	*m = (struct mixing){.n_copies = 0};
}

int mixing_init(struct mixing *m, struct copy *copies, size_t n)
{
	*m = (struct mixing){.copies = copies, .n_copies = n};
	m->made = malloc((size_t)SWEEP_PIECE_SECTORS * SECTOR_BYTES);
	for (size_t i = 0; i < n && m->made; i++) {
		m->from[i].bytes = malloc((size_t)SWEEP_PIECE_SECTORS * SECTOR_BYTES);
		if (!m->from[i].bytes)
			return -ENOMEM;
	}
	return m->made ? 0 : -ENOMEM;
}

static const uint8_t *block(const struct mixing *m, size_t copy, uint32_t i)
{
	return m->from[copy].bytes + (size_t)i * SECTOR_BYTES;
}

static int load(struct mixing *m, size_t copy)
{
	struct mixing_copy *from = &m->from[copy];
	int r = 0;

	if (!from->loaded)
		r = reader_fill(&m->copies[copy].reader, m->lba, m->n, from->bytes, from->bad, &from->n_bad);
	from->loaded = true;
	return r;
}

/* ---- without a digest ---- */

/* The copy that a block is taken from, beginning with `first`; n_copies: none has it. */
static size_t choose(const struct mixing *m, uint32_t i, size_t first)
{
	size_t chosen = m->n_copies;

	for (size_t k = 0; k < m->n_copies; k++) {
		size_t copy = (first + k) % m->n_copies;

		if (m->from[copy].bad[i])
			continue;
		if (!bytes_are_zeros(block(m, copy, i), SECTOR_BYTES))
			return copy;
		chosen = chosen == m->n_copies ? copy : chosen;
	}
	return chosen;
}

/* What can be read of it, beginning with that copy.  How many blocks are in none. */
static uint32_t compose(struct mixing *m, size_t first)
{
	uint32_t lost = 0;

	for (uint32_t i = 0; i < m->n; i++) {
		size_t copy = choose(m, i, first);
		uint8_t *to = m->made + (size_t)i * SECTOR_BYTES;

		m->taken[i] = (uint8_t)copy;
		if (copy == m->n_copies) {
			memset(to, 0, SECTOR_BYTES);
			lost++;
		} else {
			memcpy(to, block(m, copy, i), SECTOR_BYTES);
		}
	}
	return lost;
}

static uint32_t count_undecided(const struct mixing *m)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->n; i++) {
		bool differs = false;

		for (size_t copy = 0; copy < m->n_copies && m->taken[i] < m->n_copies && !differs; copy++)
			differs = !m->from[copy].bad[i] && !bytes_are_zeros(block(m, copy, i), SECTOR_BYTES) &&
				  memcmp(block(m, copy, i), m->made + (size_t)i * SECTOR_BYTES, SECTOR_BYTES) != 0;
		n += differs;
	}
	return n;
}

static int load_all(struct mixing *m)
{
	int r = 0;

	for (size_t i = 0; i < m->n_copies && !r; i++)
		r = load(m, i);
	return r;
}

static void begin(struct mixing *m, uint32_t lba, uint32_t n)
{
	m->lba = lba;
	m->n = n;
	for (size_t i = 0; i < m->n_copies; i++)
		m->from[i].loaded = false;
}

int mixing_any(struct mixing *m, uint32_t lba, uint32_t n, uint32_t *ret_undecided)
{
	int r;

	begin(m, lba, n);
	r = load_all(m);
	if (r)
		return r;
	compose(m, 0);
	*ret_undecided = count_undecided(m);
	return 0;
}

/* ---- with one ---- */

/* 1: it is right. */
static int is_right(const struct mixing *m, const uint8_t *bytes, const uint8_t sha256[SHA256_BYTES])
{
	uint8_t digest[SHA256_BYTES];

	if (digest_of_piece(bytes, m->n, digest) < 0)
		return -ENOMEM;
	return memcmp(digest, sha256, sizeof(digest)) == 0;
}

static int by_one(struct mixing *m, const uint8_t sha256[SHA256_BYTES])
{
	int r = 0;

	for (size_t i = 0; i < m->n_copies && !r; i++) {
		r = load(m, i);
		if (r || m->from[i].n_bad)
			continue;
		r = is_right(m, m->from[i].bytes, sha256);
		if (r <= 0)
			continue;
		memcpy(m->made, m->from[i].bytes, (size_t)m->n * SECTOR_BYTES);
		memset(m->taken, (int)i, m->n);
	}
	return r;
}

static int by_what_is_there(struct mixing *m, const uint8_t sha256[SHA256_BYTES])
{
	int r = 0;

	for (size_t i = 0; i < m->n_copies && !r; i++)
		r = compose(m, i) ? 0 : is_right(m, m->made, sha256);
	return r;
}

/* The copies in which a block is another one than in those before. */
static unsigned alternatives(const struct mixing *m, uint32_t i, uint8_t ret[COPIES_MAX])
{
	unsigned n = 0;

	for (size_t copy = 0; copy < m->n_copies; copy++) {
		bool known = m->from[copy].bad[i];

		for (unsigned k = 0; k < n && !known; k++)
			known = !memcmp(block(m, ret[k], i), block(m, copy, i), SECTOR_BYTES);
		if (!known)
			ret[n++] = (uint8_t)copy;
	}
	return n;
}

struct choices {
	uint32_t block[16]; /* that differ; 2^12 mixtures are 12 of them at most */
	uint8_t of[16][COPIES_MAX];
	unsigned n_of[16], at[16];
	unsigned n;
};

/* False: one is in no copy, or they are too many. */
static bool find_choices(const struct mixing *m, struct choices *c)
{
	uint64_t mixtures = 1;

	c->n = 0;
	for (uint32_t i = 0; i < m->n; i++) {
		uint8_t of[COPIES_MAX];
		unsigned n = alternatives(m, i, of);

		mixtures *= n;
		if (!n || mixtures > MIXTURES_MAX)
			return false;
		if (n == 1)
			continue;
		memcpy(c->of[c->n], of, sizeof(of));
		c->block[c->n] = i;
		c->at[c->n] = 0;
		c->n_of[c->n++] = n;
	}
	return true;
}

static int by_mixtures(struct mixing *m, const uint8_t sha256[SHA256_BYTES])
{
	struct choices c;
	unsigned digit = 0;
	int r = 0;

	if (!find_choices(m, &c))
		return 0;
	compose(m, 0);
	while (!r && digit <= c.n) {
		for (unsigned k = 0; k < c.n; k++) {
			m->taken[c.block[k]] = c.of[k][c.at[k]];
			memcpy(m->made + (size_t)c.block[k] * SECTOR_BYTES, block(m, c.of[k][c.at[k]], c.block[k]),
			       SECTOR_BYTES);
		}
		r = is_right(m, m->made, sha256);
		for (digit = 0; digit < c.n && ++c.at[digit] == c.n_of[digit]; digit++)
			c.at[digit] = 0;
		digit += digit == c.n; /* all of them were tried */
	}
	return r;
}

int mixing_piece(struct mixing *m, uint32_t lba, uint32_t n, const uint8_t sha256[SHA256_BYTES])
{
	int r;

	begin(m, lba, n);
	r = by_one(m, sha256);
	if (!r)
		r = by_what_is_there(m, sha256);
	if (!r)
		r = by_mixtures(m, sha256);
	if (!r)
		compose(m, 0);
	return r;
}
