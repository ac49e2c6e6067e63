/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fault.h - what goes wrong, and when
 *
 * A fault waits for a command, or for a block, and then strikes `times` times.  fault_parse reads one line:
 *
 *	KIND [cmd=NAME|0xNN|write|read] [lba=A[-B]] [function=N] [skip=N] [times=N] [seconds=S] [lose=BLOCKS] [deferred]
 *
 * write-error read-error underrun miscompare corrupt busy delay medium-removed power-lost sense=K/ASC/ASCQ
 * (hexadecimal) Without cmd: write-error, underrun and corrupt wait for a WRITE, read-error for a READ, the others
 * for any command that moves data.  function: of CLOSE TRACK SESSION.  skip: matches that pass first.  times=0:
 * always.
 */
#ifndef TESTS_BURNER_FAULT_H
#define TESTS_BURNER_FAULT_H

#include "tests/burner/sense.h"

enum fault_kind {
	FAULT_NONE,
	FAULT_WRITE_ERROR,
	FAULT_READ_ERROR,
	FAULT_UNDERRUN,
	FAULT_MISCOMPARE,
	FAULT_CORRUPT, /* the block is recorded wrong, without an error */
	FAULT_BUSY,
	FAULT_DELAY,
	FAULT_MEDIUM_REMOVED,
	FAULT_POWER_LOST,
	FAULT_SENSE,
};

enum { ANY_COMMAND = -1, ANY_WRITE = -2, ANY_READ = -3, ANY_TRANSFER = -4 };

struct fault {
	enum fault_kind kind;
	int opcode;		     /* or one of the above */
	int function;		     /* of CLOSE TRACK SESSION, -1 for any */
	int32_t first_lba, last_lba; /* -1: whatever the address */
	unsigned skip, times;	     /* times 0: always */
	unsigned milliseconds;
	int32_t lose;	    /* blocks in the buffer that the power cut takes away */
	bool deferred;	    /* reported by the next command */
	bool until_written; /* a write of one of its blocks ends it */
	struct sense sense;
};

enum { MAX_FAULTS = 16 };

struct faults {
	struct fault list[MAX_FAULTS];
	int n;
};

/* 0 or -EINVAL, -ENOSPC. */
int fault_add(struct faults *faults, const char *line);
void fault_clear(struct faults *faults);
/* The fault that strikes this command, or NULL; it is used up.  blocks is 0 for a command without a range. */
const struct fault *fault_strikes(struct faults *faults, const uint8_t *cdb, int32_t lba, int32_t blocks);
/* Whether a power cut is among them, so that the disc must remember its cache. */
bool fault_needs_undo(const struct faults *faults);

bool command_writes(uint8_t opcode);
bool command_reads(uint8_t opcode);

#endif
