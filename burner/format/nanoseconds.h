/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nanoseconds.h - what of a file's times TF does not say: a System Use entry of ours alone, as padding (PD, SUSP 5.2)
 *
 * No standard has them, and libisofs has no name for them.  Numbers of 32 bits, little-endian:
 *	 0   4	PD, 6 + 4n, 1
 *	 4   2	"NS": it is no other padding
 *	 6  4n	bits 0-29 nanoseconds, below 1,000,000,000; bits 30-31: of so many more times it is the same
 * The times are those of modification, attribute change, access, creation, in this order; those at the end that have
 * none are left out.  n is 1 to 4.
 */
#ifndef BURNER_FORMAT_NANOSECONDS_H
#define BURNER_FORMAT_NANOSECONDS_H

#include "burner/format/susp.h"

enum { NS_MODIFY, NS_ATTRIBUTES, NS_ACCESS, NS_CREATION, NS_TIMES };
#define NANOSECONDS_FIXED_BYTES 6u
#define NANOSECONDS_BYTES_MAX (NANOSECONDS_FIXED_BYTES + 4u * NS_TIMES)

/* Bytes of the entry, 0: all of them are 0, and there is none.  entry NULL: measure. */
unsigned nanoseconds_encode(const uint32_t ns[NS_TIMES], uint8_t *entry);
/* Of a PD entry.  1, or 0: it is other padding; -EBADMSG: no such numbers. */
int nanoseconds_decode(const uint8_t *entry, uint32_t ret[NS_TIMES]);

#endif
