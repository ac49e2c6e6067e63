/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nanoseconds.h - what of a file's times TF does not say: a System Use entry of ours alone, as padding (PD, SUSP 5.2)
 *
 * No standard has them, and libisofs has no name for them.  18 bytes, numbers of 32 bits, little-endian:
 *	 0   4	PD, 18, 1
 *	 4   2	"NS": it is no other padding
 *	 6   4	nanoseconds of the time of modification, below 1,000,000,000
 *	10   4	of that of the attributes' change
 *	14   4	of that of access
 * Each record has as many bytes of it, whatever the times are: so a change of times makes no directory longer, and what
 * a name takes at most follows from the name (bound.h).
 */
#ifndef BURNER_FORMAT_NANOSECONDS_H
#define BURNER_FORMAT_NANOSECONDS_H

#include "burner/format/susp.h"

enum { NS_MODIFY, NS_ATTRIBUTES, NS_ACCESS, NS_TIMES };
#define NANOSECONDS_BYTES 18u

void nanoseconds_encode(const uint32_t ns[NS_TIMES], uint8_t entry[NANOSECONDS_BYTES]);
/* Of a PD entry.  1, or 0: it is other padding; -EBADMSG: no such numbers. */
int nanoseconds_decode(const uint8_t *entry, uint32_t ret[NS_TIMES]);

#endif
