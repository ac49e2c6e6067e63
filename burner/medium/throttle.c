/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * throttle.c - a target with the speed of a slow drive
 */
#include <errno.h>
#include <stdlib.h>

#include "burner/base/bytes.h"
#include "burner/medium/decorator.h"
#include "cdappendfs/burn.h"

#define SLICE_SECTORS_MAX 65536u

struct slow_target {
	struct target target;
	uint64_t bytes_per_second;
	struct timespec due; /* when the next write may start; time lost elsewhere is not caught up */
};

/* In slices, so that a write of a slow drive does not take seconds. */
static int slow_write(struct target *target, uint32_t lba, const void *buf, uint32_t n_sectors, uint32_t *ret_accepted)
{
	struct slow_target *t = (struct slow_target *)(void *)target;
	uint32_t slice = (uint32_t)min_u64(t->bytes_per_second / (1000000000 / SLICE_NS) / SECTOR_BYTES + 1,
					   SLICE_SECTORS_MAX),
		 accepted;
	struct timespec now;
	int r = 0;

	*ret_accepted = 0;
	for (uint32_t done = 0; done < n_sectors && !r; done += slice) {
		uint32_t n = (uint32_t)min_u64(slice, n_sectors - done);

		clock_gettime(CLOCK_MONOTONIC, &now);
		if (t->due.tv_sec < now.tv_sec || (t->due.tv_sec == now.tv_sec && t->due.tv_nsec < now.tv_nsec))
			t->due = now;
		accepted = 0;
		r = target_write(target->inner, lba + done,
				 buf ? (const uint8_t *)buf + (size_t)done * SECTOR_BYTES : NULL, n, &accepted);
		*ret_accepted += accepted;
		add_ns(&t->due, (uint64_t)n * SECTOR_BYTES * 1000000000 / t->bytes_per_second);
		sleep_until(&t->due);
	}
	return r;
}

static const struct target_ops slow_ops = {
	.reserve = pass_reserve,
	.write = slow_write,
	.sync = pass_sync,
	.publish = pass_publish,
	.abort = pass_abort,
	.words = pass_words,
	.free = pass_free,
};
static const struct target_ops slow_ops_by_sector = {
	.reserve = pass_reserve,
	.write = slow_write,
	.sync = pass_sync,
	.publish_sector = pass_publish_sector,
	.abort = pass_abort,
	.words = pass_words,
	.free = pass_free,
};

struct target *target_wrap_throttle(struct target *inner, uint64_t bytes_per_second)
{
	struct slow_target *t = calloc(1, sizeof(*t));

	if (!t) {
		target_free(inner);
		errno = ENOMEM;
		return NULL;
	}
	t->target.ops = inner->ops->publish_sector ? &slow_ops_by_sector : &slow_ops;
	t->target.inner = inner;
	t->bytes_per_second = bytes_per_second ? bytes_per_second : UINT64_MAX / 2;
	return &t->target;
}
