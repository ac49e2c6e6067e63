/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * choose.h - which equal parts of a file are worth the directory records that they cost
 */
#ifndef FS_SHARING_CHOOSE_H
#define FS_SHARING_CHOOSE_H

#include "cdappendfs/manifest.h"
#include "fs/sharing/compare.h"

/* Is it all of the file, and does it save what its sections cost beyond those of a file that is written whole
 * (burner/format/bound.h), and that they are several (burner/format/pieces.h)? */
bool choose_whole(const struct manifest *m, uint32_t node, const struct equal_runs *runs,
		  const struct pieces_rule *rule);
/* Are the extents that the node has worth it? */
bool choose_pays(const struct manifest *m, uint32_t node, const struct pieces_rule *rule);
/* Can any parts be, of another content of so many bytes? */
bool choose_may_pay(const struct manifest *m, uint32_t node, uint64_t bytes, const struct pieces_rule *rule);
/*
 * Of a file that is equal in parts: never more than was counted for it, and never so many that the plan would have to
 * write parts again that are on the disc (burner/session/sections.c).  The longest, if together they save enough; else
 * those that do so each for itself. -ENOMEM, with the runs as they were.
 */
int choose_parts(const struct manifest *m, uint32_t node, struct equal_runs *runs);
/* Another file that is still there may begin so (burner/session/sections.c). */
void choose_not_first_block(struct equal_runs *runs);

#endif
