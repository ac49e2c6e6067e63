/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stage_use.h - a stage with something of each kind in it, and all that a mount does with one
 *
 * stage_use_template() gives the journal of a stage over the hand-made image (image.h): what the targets damage.
 * stage_use() mounts what lies in the scratch directory, without FUSE: recovery, the merged tree, changes, a commit
 * up to its last sector.
 */
#ifndef TESTS_FUZZ_STAGE_USE_H
#define TESTS_FUZZ_STAGE_USE_H

#include <stddef.h>
#include <stdint.h>

#define STAGE_USE_UUID 7 /* first byte of the newest session's; the others are 0 */

struct stage_template {
	uint8_t *db, *db_early, *wal; /* as closed; as a crash leaves it, with its log */
	size_t n_db, n_db_early, n_wal;
	uint64_t inos[32]; /* of its rows, ascending */
	size_t n_inos;
};
const struct stage_template *stage_use_template(void);
/* In the scratch directory; made when it is missing. */
const char *stage_use_directory(void);
void stage_use(void);

#endif
