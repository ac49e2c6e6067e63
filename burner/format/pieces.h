/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pieces.h - which parts of a file can stay where they are on the disc, and whether that is worth several sections
 *
 * One rule for who plans a session (burner/session/sections.c), who looks for equal content (fs/sharing) and who counts
 * what the session takes at most (fs/tree/space.c). Pure.
 */
#ifndef BURNER_FORMAT_PIECES_H
#define BURNER_FORMAT_PIECES_H

#include <stdbool.h>
#include <stdint.h>

#include "cdappendfs/extent.h"
#include "cdappendfs/pieces.h"

/*
 * The part of an extent that can stay: whole blocks at multiples of 2048 of the file, but for the file's end; nothing
 * below fresh_below.  False: there is none.
 */
bool pieces_keepable(const struct extent *e, uint64_t file_bytes, uint64_t fresh_below, struct extent *ret);
/*
 * Is it worth it that a file of so many bytes, with so many names, has so many sections, of which kept_bytes need not
 * be written? They must save least_bytes besides what their records take.
 */
bool pieces_pay(const struct pieces_rule *rule, uint64_t file_bytes, uint64_t kept_bytes, uint64_t sections,
		uint64_t names);

#endif
