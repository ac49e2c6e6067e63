/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * link_pieces.h - how the target of a symbolic link is cut into SL entries (RRIP 4.1.3): of burner/session and of the
 * bound
 *
 * An entry has 255 bytes at most.  What does not fit is cut inside a component, wherever one of two bytes or more
 * stands at the cut: libarchive loses the slash between two entries.
 */
#ifndef BURNER_FORMAT_LINK_PIECES_H
#define BURNER_FORMAT_LINK_PIECES_H

#include "burner/base/bytes.h"

#define SL_ENTRY_MAX 255u
#define SL_HEADER_BYTES 5u
#define SL_COMPONENT_BYTES 2u /* header of one */
#define SL_PIECE_MIN (SL_COMPONENT_BYTES + 1u)

/* Bytes of a component, n of them left, that go behind `used` bytes of an entry, or of a new one when not one fits;
 * what is left then begins a new one. more: other components follow. */
uint32_t sl_piece(uint32_t used, uint32_t n, bool more);

#endif
