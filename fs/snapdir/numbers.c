/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * numbers.c - numbers of nodes
 *
 *	63 0 | 62 1 | 61-46 the session's number | 45 stray | 44-0 the number in the session's tree
 *
 * Serial numbers of ours have 32 bits, places of records on other discs 38, and of strays (ISO_STRAY) 43; a stray file
 * of very many sections is beyond that, and cannot be shown.
 */
#include "fs/snapdir/internal.h"

#include <errno.h>

#define PAST (1ull << 62)
#define STRAY (1ull << 45)

uint64_t number_inner(uint64_t ino)
{
	uint64_t inner = ino & (STRAY - 1);

	return ino & STRAY ? inner | ISO_STRAY : inner;
}

int number_of(uint32_t session, uint64_t inner, uint64_t *ret)
{
	uint64_t bits = inner & ~ISO_STRAY;

	if (session > UINT16_MAX || bits >= STRAY)
		return -EOVERFLOW;
	*ret = PAST | (uint64_t)session << 46 | (iso_is_stray(inner) ? STRAY : 0) | bits;
	return 0;
}

bool snapdir_is_constant(const struct snapdir *p, uint64_t ino)
{
	return number_session(ino) && !(p->options.lazy && number_inner(ino) == TREE_ROOT);
}
