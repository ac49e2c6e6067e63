/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * split_rows.h - inside fs/tree: rows of what a file is split into
 *
 * Threads: none of its own.
 */
#ifndef FS_TREE_SPLIT_ROWS_H
#define FS_TREE_SPLIT_ROWS_H

#include "fs/tree/span.h"
#include "fs/tree/split.h"

/* Is it the file that was planned for? */
bool split_fits_row(const struct split *s, const struct stage_node *row);
/* The extents of a part: at most as many as the whole has.  Returns how many there are. */
uint32_t split_extents(const struct split *s, uint32_t part, const struct stage_node *whole, struct extent *ret);
/* All of it but extents, and of a text its size.  What they point at is the whole's. */
struct stage_node split_part_row(const struct split *s, uint32_t part, const struct stage_node *whole, uint64_t ino);
struct stage_node split_text_row(const struct split *s, size_t name, const struct stage_node *whole, uint64_t ino);

#endif
