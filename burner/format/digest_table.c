/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/format/digest_table.h"

#include <assert.h>
#include <string.h>

#include "cdappendfs/proof.h"

static_assert(PROOF_PIECE_SECTORS <= PROOF_PIECE_MAX_SECTORS, "what is written is read");

static uint64_t parts(uint64_t n, uint64_t each) { return (n + each - 1) / each; }

struct digest_shape digest_table_shape(uint32_t pieces)
{
	struct digest_shape s = {0};
	uint32_t digests = pieces;

	do {
		uint32_t n = (uint32_t)parts(digests, DIGESTS_PER_SECTOR);

		s.first[s.n_levels] = s.sectors;
		s.n[s.n_levels++] = n;
		s.sectors += n;
		digests = n;
	} while (digests > 1);
	return s;
}

static uint64_t table_sectors(uint64_t covered)
{
	return digest_table_shape((uint32_t)min_u64(parts(covered, PROOF_PIECE_SECTORS), UINT32_MAX)).sectors;
}

/* What is behind covers less, so the first guess is too much, if by few sectors. */
uint64_t digest_table_body(uint64_t session_sectors)
{
	uint64_t n = session_sectors > 1 ? table_sectors(session_sectors - 1) : 0;

	if (session_sectors < n + 2)
		return 0;
	while (n > 1 && table_sectors(session_sectors - n) < n)
		n--;
	return session_sectors - 1 - n;
}

uint64_t digest_table_place(uint64_t body_sectors, uint32_t unit, uint64_t *ret_table_sectors)
{
	uint64_t all = round_up(body_sectors + table_sectors(body_sectors) + 1, unit), room;

	while ((room = digest_table_body(all)) < body_sectors)
		all += unit;
	*ret_table_sectors = all - 1 - room;
	return all;
}

int digest_of_piece(const void *buf, uint32_t n_sectors, uint8_t ret[SHA256_BYTES])
{
	static const uint8_t zeros[PROOF_PIECE_SECTORS * SECTOR_BYTES],
		zeros_sha256[] = {0xde, 0x2f, 0x25, 0x60, 0x64, 0xa0, 0xaf, 0x79, 0x77, 0x47, 0xc2,
				  0xb9, 0x75, 0x05, 0xdc, 0x0b, 0x9f, 0x3d, 0xf0, 0xde, 0x4f, 0x48,
				  0x9e, 0xac, 0x73, 0x1c, 0x23, 0xae, 0x9c, 0xa9, 0xcc, 0x31};

	if (n_sectors != PROOF_PIECE_SECTORS || (buf && !bytes_are_zeros(buf, sizeof(zeros))))
		return sha256_of(buf ? buf : zeros, (size_t)n_sectors * SECTOR_BYTES, ret);
	memcpy(ret, zeros_sha256, SHA256_BYTES);
	return 0;
}

int digest_table_finish(uint8_t *table, uint32_t pieces, uint8_t ret_root[SHA256_BYTES])
{
	const struct digest_shape s = digest_table_shape(pieces);

	for (unsigned level = 0; level + 1 < s.n_levels; level++) {
		const uint8_t *from = table + (size_t)s.first[level] * SECTOR_BYTES;
		uint8_t *to = table + (size_t)s.first[level + 1] * SECTOR_BYTES;

		for (uint32_t i = 0; i < s.n[level]; i++)
			if (sha256_of(from + (size_t)i * SECTOR_BYTES, SECTOR_BYTES, to + (size_t)i * SHA256_BYTES) < 0)
				return -ENOMEM;
	}
	return sha256_of(table + (size_t)(s.sectors - 1) * SECTOR_BYTES, SECTOR_BYTES, ret_root);
}
