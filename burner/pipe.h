/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pipe.h - inside burner: pieces of a session are filled, digested, written, all at once
 *
 *	pipe_run(options): until fill() has no more, or the first error
 *
 * Threads live as long as the call.  The caller's fills pieces, several take each its next one and digest it, a last
 * one hands them to the target in order; a piece is filled again when both are done with it.  The target is that
 * thread's until the call returns, whatever fill() uses is the caller's all the time, and digest() is called from
 * several threads at once, for different pieces.
 */
#ifndef BURNER_PIPE_H
#define BURNER_PIPE_H

#include <stdbool.h>
#include <stdint.h>

#include "cdappendfs/burn.h"

#define PIPE_SLOTS 8u
#define PIPE_PIECE_SECTORS 512u /* 1 MiB */

struct pipe_piece {
	uint8_t *buf;
	uint32_t at; /* its first sector, as fill() counts them */
	uint32_t n_sectors;
	unsigned slot; /* below PIPE_SLOTS; no other piece that is there has it */
	bool zeros;    /* it has no bytes, and may be longer than a slot */
};

struct pipe_options {
	/* Sets at, n_sectors (0 at the end), and zeros or fills buf. */
	int (*fill)(void *context, struct pipe_piece *piece);
	int (*digest)(void *context, const struct pipe_piece *piece);
	void *context;
	bool one_digester;     /* digest() needs the pieces in their order */
	struct target *target; /* NULL: they are not written */
	uint32_t start_lba;    /* where the first one goes */
	uint64_t all_sectors;  /* for the progress */
	const struct burn_progress *progress;
};
int pipe_run(const struct pipe_options *options);

#endif
