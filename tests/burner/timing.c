/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/burner/timing.h"

#include <stdlib.h>
#include <time.h>

#include "burner/base/bytes.h"

enum {
	SEEK_MIN_MS = 15,	   /* a step of the sledge */
	SEEK_FULL_MS = 160,	   /* from the inside to the outside */
	SEEK_NEAR_BLOCKS = 64,	   /* reached by waiting, without a seek */
	START_OF_WRITING_MS = 400, /* calibration, spinning up */
};

#define MS 1000000LL

int64_t timing_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 * MS + now.tv_nsec;
}

int64_t timing_of(const struct timing *t, uint64_t milliseconds)
{
	return (int64_t)((double)milliseconds * t->scale * (double)MS);
}

static int64_t transfer(const struct timing *t, uint64_t bytes, uint32_t speed)
{
	return speed ? (int64_t)((double)bytes * 1e6 / (double)speed * t->scale) : 0;
}

static int64_t seek(struct timing *t, const struct medium *m, int32_t lba)
{
	int32_t distance = lba - t->head_lba;

	if (distance >= 0 && distance < SEEK_NEAR_BLOCKS)
		return 0;
	return timing_of(t, SEEK_MIN_MS + (uint64_t)llabs(distance) * SEEK_FULL_MS / (uint64_t)m->capacity);
}

int64_t timing_read(struct timing *t, const struct medium *m, int32_t lba, int32_t blocks)
{
	int64_t time = seek(t, m, lba) + transfer(t, (uint64_t)blocks * SECTOR_BYTES, t->read_speed);

	t->head_lba = lba + blocks;
	return time;
}

static void drain(struct timing *t)
{
	int64_t now = timing_now();
	double drained;

	if (now < t->buffered_at) /* writing has not begun */
		return;
	drained = t->scale > 0 ? (double)(now - t->buffered_at) / 1e6 * t->write_speed / t->scale : 1e18;
	t->buffered = drained >= (double)t->buffered ? 0 : t->buffered - (uint64_t)drained;
	t->buffered_at = now;
}

int64_t timing_write(struct timing *t, const struct medium *m, int32_t lba, int32_t blocks)
{
	uint64_t bytes = (uint64_t)blocks * SECTOR_BYTES;
	int64_t time;

	if (t->scale <= 0)
		return 0;
	drain(t);
	time = t->buffered ? 0 : timing_of(t, START_OF_WRITING_MS) + seek(t, m, lba);
	t->buffered_at += time;
	t->buffered += bytes;
	if (t->buffered > BUFFER_BYTES)
		time += transfer(t, t->buffered - BUFFER_BYTES, t->write_speed);
	t->head_lba = lba + blocks;
	return time;
}

int64_t timing_flush(struct timing *t)
{
	drain(t);
	return transfer(t, t->buffered, t->write_speed);
}

uint32_t timing_buffer_free(struct timing *t)
{
	drain(t);
	return t->buffered >= BUFFER_BYTES ? 0 : (uint32_t)(BUFFER_BYTES - t->buffered);
}
