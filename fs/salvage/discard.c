/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Dropping a stage.  A burn that was cut off is brought to an end before: its session is published, or taken back, or
 * what it has left on the disc would be nobody's.
 */
#include <errno.h>
#include <string.h>

#include "fs/commit/commit.h"
#include "fs/salvage/internal.h"

static int settle(struct salvage *s, char **ret_why)
{
	struct stage_commit commit;
	_free_ char *message = NULL;
	uint32_t generation = 0;
	int r;

	stage_commit_get(s->stage, &commit);
	if (commit.state == STAGE_IDLE || !s->disc)
		return 0; /* gone: what it left went with it */
	r = commit_recover(s->stage, s->disc, &generation, &message);
	if (r < 0)
		return why_set(ret_why, r, "a burn of it was cut off and cannot be ended now: %s",
			       message && *message ? message : strerror(-r));
	return 0;
}

static int erase(struct salvage *s, char **ret_why)
{
	struct stage_holder holder = {.pid = 0};
	int r = stage_erase(s->directory, &holder, ret_why);

	return r == -EBUSY ? salvage_in_use(ret_why, s->directory, &holder) : r;
}

int salvage_discard(struct salvage *s, uint64_t *ret_bytes, char **ret_why)
{
	struct stage_commit idle = {.state = STAGE_IDLE};
	int error, r;

	*ret_bytes = 0;
	if (!s->stage)
		return erase(s, ret_why);
	*ret_bytes = stage_bytes(s->stage);
	r = settle(s, ret_why);
	if (r == 0)
		r = stage_commit_set(s->stage, &idle);
	if (r < 0)
		return r;
	stage_unfreeze(s->stage);
	r = stage_discard(s->stage);
	if (r == 0 && !s->disc)
		r = stage_forget_capacity(s->stage); /* that of a disc which is gone */
	if (r == 0) {				     /* a failure that was not told is not of interest any more */
		_free_ char *text = NULL;

		(void)stage_result_get(s->stage, &error, &text);
	}
	return r;
}
