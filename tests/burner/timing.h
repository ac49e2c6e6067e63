/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * timing.h - how long a real drive would take
 *
 * Off until `scale` is set: then everything takes no time.  A scale of 1 is a real drive, 0.1 ten times faster.
 * Times are nanoseconds of the monotonic clock.  The write buffer fills at the speed of the host and drains at the
 * writing speed; a WRITE waits only for room in it, and what is left in it is waited for by SYNCHRONIZE CACHE.
 */
#ifndef TESTS_BURNER_TIMING_H
#define TESTS_BURNER_TIMING_H

#include <stdint.h>

#include "tests/burner/medium.h"

enum { BUFFER_BYTES = 2 * 1024 * 1024 };

struct timing {
	double scale;			  /* 0: off */
	uint32_t read_speed, write_speed; /* 1000 bytes a second */
	int32_t head_lba;		  /* where the laser stands */
	uint64_t buffered;		  /* bytes in the write buffer at `buffered_at` */
	int64_t buffered_at;
};

int64_t timing_now(void);
/* Each returns how long the command takes from now. */
int64_t timing_read(struct timing *t, const struct medium *m, int32_t lba, int32_t blocks);
int64_t timing_write(struct timing *t, const struct medium *m, int32_t lba, int32_t blocks);
int64_t timing_flush(struct timing *t);
int64_t timing_of(const struct timing *t, uint64_t milliseconds);
/* Bytes free in the buffer now. */
uint32_t timing_buffer_free(struct timing *t);

#endif
