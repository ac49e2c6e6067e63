/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * disc_faults.c - a disc with faults to order: reads that fail, or take their time
 *
 * It has no file descriptor: splice would go around it.
 */
#include <errno.h>
#include <stdlib.h>

#include "burner/base/bytes.h"
#include "burner/medium/decorator.h"
#include "burner/medium/faults.h"
#include "cdappendfs/burn.h"

struct faulty_disc {
	struct disc disc;
	struct fault_list faults;
};

/* What is to happen at a read: 0, or its error. */
static int before_read(struct disc *d, uint32_t lba, uint32_t n_sectors)
{
	const struct fault_list *f = &((struct faulty_disc *)(void *)d)->faults;
	const struct fault *delay = fault_list_find(f, FAULT_DELAY, 0, UINT64_MAX),
			   *bad = fault_list_find(f, FAULT_READ, lba, n_sectors);
	struct timespec due;

	if (delay) {
		clock_gettime(CLOCK_MONOTONIC, &due);
		add_ns(&due, min_u64(delay->at, 3600000) * 1000000);
		sleep_until(&due);
	}
	return bad ? bad->error : 0;
}

static int faulty_read(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors)
{
	int r = before_read(d, lba, n_sectors);

	return r ? r : disc_read(d->inner, lba, buf, n_sectors);
}

static int faulty_read_medium(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors)
{
	int r = before_read(d, lba, n_sectors);

	return r ? r : disc_read_medium(d->inner, lba, buf, n_sectors);
}

static void faulty_close(struct disc *d)
{
	disc_close(d->inner);
	free(d);
}

static const struct disc_ops faulty_disc_ops = {
	.read = faulty_read,
	.read_medium = faulty_read_medium,
	.state = pass_state,
	.sessions = pass_sessions,
	.identity = pass_identity,
	.fingerprint = pass_fingerprint,
	.refresh = pass_refresh,
	.forgive = pass_forgive,
	.close = faulty_close,
};

struct disc *disc_wrap_faults(struct disc *inner, const char *spec)
{
	struct faulty_disc *d = calloc(1, sizeof(*d));
	int r = d ? fault_list_parse(spec, DISC_FAULTS, &d->faults) : -ENOMEM;

	if (r < 0) {
		free(d);
		disc_close(inner);
		errno = -r;
		return NULL;
	}
	d->disc.ops = &faulty_disc_ops;
	d->disc.inner = inner;
	return &d->disc;
}
