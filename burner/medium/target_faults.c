/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * target_faults.c - a target with faults to order: steps that fail, and kills in front of them
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "burner/medium/decorator.h"
#include "burner/medium/faults.h"
#include "burner/medium/internal.h"

struct faulty_target {
	struct target target;
	struct fault_list faults;
	uint32_t start_lba;
	uint64_t n_published;
};

static struct faulty_target *to_faulty(struct target *t)
{
	return (struct faulty_target *)(void *)t; /* its first member */
}

static int faulty_reserve(struct target *t, uint32_t start_lba, uint64_t sectors)
{
	int r = fault_list_error(&to_faulty(t)->faults, FAULT_RESERVE);

	to_faulty(t)->start_lba = start_lba;
	return r ? r : target_reserve(t->inner, start_lba, sectors);
}

/* What lies before the bad sector is written. */
static int faulty_write(struct target *t, uint32_t lba, const void *buf, uint32_t n_sectors, uint32_t *ret_accepted)
{
	const struct faulty_target *f = to_faulty(t);
	uint64_t at = lba - f->start_lba;
	const struct fault *bad = fault_list_find(&f->faults, FAULT_WRITE, at, n_sectors),
			   *fatal = fault_list_find(&f->faults, FAULT_KILL, at, n_sectors);
	int r = 0;

	*ret_accepted = 0;
	if (fatal && (!bad || fatal->at <= bad->at))
		bad = fatal;
	if (!bad)
		return target_write(t->inner, lba, buf, n_sectors, ret_accepted);
	if (bad->at > at)
		r = target_write(t->inner, lba, buf, (uint32_t)(bad->at - at), ret_accepted);
	if (!r && bad == fatal)
		raise(SIGKILL);
	return r ? r : bad->error;
}

static int faulty_sync(struct target *t)
{
	const struct faulty_target *f = to_faulty(t);
	int r = fault_list_error(&f->faults, FAULT_SYNC);

	if (fault_list_find(&f->faults, FAULT_KILL_SYNC, 0, UINT64_MAX) ||
	    (f->n_published == 16 && fault_list_find(&f->faults, FAULT_KILL_PUBLISH, 16, 1)))
		raise(SIGKILL);
	return r ? r : target_sync(t->inner);
}

static int faulty_publish_sector(struct target *t, uint32_t lba, const uint8_t sector[SECTOR_BYTES])
{
	struct faulty_target *f = to_faulty(t);
	int r = fault_list_error(&f->faults, FAULT_PUBLISH);

	f->n_published = FIRST_SESSION_LBA - 1 - lba;
	if (fault_list_find(&f->faults, FAULT_KILL_PUBLISH, f->n_published, 1))
		raise(SIGKILL);
	f->n_published++;
	return r ? r : pass_publish_sector(t, lba, sector);
}

static int faulty_publish(struct target *t, const uint8_t published[DESCRIPTORS_SECTORS * SECTOR_BYTES])
{
	int r = fault_list_error(&to_faulty(t)->faults, FAULT_PUBLISH);

	if (fault_list_find(&to_faulty(t)->faults, FAULT_KILL_PUBLISH, 0, UINT64_MAX))
		raise(SIGKILL);
	return r ? r : target_publish(t->inner, published);
}

static const struct target_ops faulty_ops = {
	.reserve = faulty_reserve,
	.write = faulty_write,
	.sync = faulty_sync,
	.publish = faulty_publish,
	.abort = pass_abort,
	.words = pass_words,
	.free = pass_free,
};
static const struct target_ops faulty_ops_by_sector = {
	.reserve = faulty_reserve,
	.write = faulty_write,
	.sync = faulty_sync,
	.publish_sector = faulty_publish_sector,
	.abort = pass_abort,
	.words = pass_words,
	.free = pass_free,
};

struct target *target_wrap_faults(struct target *inner, const char *spec)
{
	struct faulty_target *t = calloc(1, sizeof(*t));
	int r = t ? fault_list_parse(spec, ~DISC_FAULTS, &t->faults) : -ENOMEM;

	if (r < 0) {
		free(t);
		target_free(inner);
		errno = -r;
		return NULL;
	}
	t->target.ops = inner->ops->publish_sector ? &faulty_ops_by_sector : &faulty_ops;
	t->target.inner = inner;
	return &t->target;
}
