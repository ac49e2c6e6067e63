/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * failing_disc.h - for tests: a disc through which reads go by a function of the test, which may fail them
 *
 *	failing_disc.look = my_look; world.wrap = failing_disc_wrap;
 */
#ifndef TESTS_UNIT_FAILING_DISC_H
#define TESTS_UNIT_FAILING_DISC_H

#include "tests/unit/commit_fixture.h"

/* look: what was read; returns 0, or the error that the reader gets. */
static struct {
	int (*look)(uint32_t lba, const uint8_t *sectors, uint32_t n);
} failing_disc;

static int failing_read(struct disc *d, uint32_t lba, void *buf, uint32_t n)
{
	int r = disc_read(d->inner, lba, buf, n);

	return r ? r : failing_disc.look(lba, buf, n);
}
static int failing_state(struct disc *d, struct disc_state *ret) { return disc_state(d->inner, ret); }
static int failing_sessions(struct disc *d, struct disc_session **ret, size_t *n)
{
	return disc_sessions(d->inner, ret, n);
}
static int failing_identity(struct disc *d, struct disc_identity *ret) { return disc_identity(d->inner, ret); }
static int failing_fingerprint(struct disc *d, struct disc_fingerprint *ret) { return disc_fingerprint(d->inner, ret); }
static int failing_refresh(struct disc *d) { return disc_refresh(d->inner); }
static void failing_close(struct disc *d)
{
	disc_close(d->inner);
	free(d);
}

static struct disc *failing_disc_wrap(struct disc *inner)
{
	static const struct disc_ops ops = {.read = failing_read,
					    .state = failing_state,
					    .sessions = failing_sessions,
					    .identity = failing_identity,
					    .fingerprint = failing_fingerprint,
					    .refresh = failing_refresh,
					    .close = failing_close};
	struct disc *d = calloc(1, sizeof(*d));

	REQUIRE(d);
	*d = (struct disc){.ops = &ops, .inner = inner};
	return d;
}

#endif
