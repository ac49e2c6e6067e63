/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include "burner/base/own.h"
#include "fs/commit/internal.h"
#include "fs/commit/message.h"

int medium_is_expected(struct stage *stage, struct disc *disc, char *message, size_t n)
{
	struct disc_fingerprint expected, found;
	int r = stage_fingerprint(stage, &expected);

	if (!r)
		r = disc_fingerprint(disc, &found);
	if (r) {
		message_failed(message, n, "the disc could not be identified", r, NULL);
	} else if (!disc_same_state(&expected, &found)) {
		message_changed(message, n, &expected, &found);
		r = -ESTALE;
	}
	return r;
}

int medium_newest_is(struct disc *disc, const uint8_t uuid[16], struct disc_session *ret)
{
	_free_ struct disc_session *sessions = NULL;
	const struct disc_session *newest;
	size_t n = 0;
	int r = disc_sessions(disc, &sessions, &n);

	if (r)
		return r;
	newest = newest_session(sessions, n);
	if (!newest || !newest->ours || memcmp(newest->uuid, uuid, sizeof(newest->uuid)) != 0)
		return 0;
	*ret = *newest;
	return 1;
}

int medium_explain(struct disc *disc, int error)
{
	int looked = error == -EIO ? disc_refresh(disc) : 0;

	return looked == -ENOMEDIUM || looked == -ENODEV ? looked : error;
}

/* Wraps own what they wrap, also when they fail. */
int medium_open_target(struct disc *disc, const struct commit_options *o, unsigned flags, struct target **ret)
{
	const struct target_options options = {.finalize = flags & COMMIT_FINALIZE, .speed = o ? o->speed : 0};
	struct disc_state state;
	struct target *target;
	int r = disc_state(disc, &state);

	if (!r)
		r = disc_open_target(disc, &options, &target);
	if (r)
		return r;
	if (o && o->bytes_per_second && state.kind == MEDIUM_IMAGE)
		target = target_wrap_throttle(target, o->bytes_per_second);
	if (target && o && o->fault)
		target = target_wrap_faults(target, o->fault);
	if (!target)
		return -errno;
	*ret = target;
	return 0;
}

/* ---- a burn that failed on a write-once disc ---- */

/*
 * The disc is told by its first session, and by what was the newest before the burn; a blank one by its kind alone.
 * Nothing but the session that failed may have been added.
 */
static int same_disc(struct stage *stage, struct disc *disc, uint32_t failed_lba, bool *ret_recorded)
{
	_free_ struct disc_session *sessions = NULL;
	struct disc_identity expected, found;
	struct disc_fingerprint before;
	bool seen;
	size_t n = 0;
	int r = stage_identity(stage, &expected);

	if (!r)
		r = stage_fingerprint(stage, &before);
	if (!r)
		r = disc_identity(disc, &found);
	if (!r)
		r = disc_sessions(disc, &sessions, &n);
	if (r)
		return r;
	if (expected.is_provisional ? memcmp(expected.provisional, found.provisional, 32) != 0 :
				      memcmp(expected.id, found.id, 32) != 0)
		return -ESTALE;
	seen = before.session_lba == UINT32_MAX;
	*ret_recorded = false;
	for (size_t i = 0; i < n; i++) {
		if (sessions[i].start_lba == before.session_lba)
			seen = true;
		else if (sessions[i].start_lba == failed_lba)
			*ret_recorded = true;
		else if (before.session_lba == UINT32_MAX || sessions[i].start_lba > before.session_lba)
			return -ESTALE;
	}
	return seen ? 0 : -ESTALE;
}

static int close_open_track(struct disc *disc)
{
	_cleanup_(target_freep) struct target *target = NULL;
	int r = medium_open_target(disc, NULL, 0, &target);

	return r ? r : target_abort(target);
}

/* With or without the verdict that the session there has failed. */
static int look_at(struct disc *disc, uint32_t failed_lba)
{
	int r = disc_forgive(disc, failed_lba);

	return r ? r : disc_refresh(disc);
}

int medium_conclude(struct stage *stage, struct disc *disc, const struct stage_commit *record,
		    const struct faults *faults)
{
	struct disc_session newest;
	bool recorded = false;
	int r = look_at(disc, record->start_lba);

	if (!r)
		r = same_disc(stage, disc, record->start_lba, &recorded);
	if (!r)
		r = close_open_track(disc);
	if (!r)
		r = look_at(disc, stage_failed_lba(stage));
	if (!r)
		r = medium_newest_is(disc, record->uuid, &newest);
	if (r < 0)
		return r;
	if (r > 0)
		r = burn_session_is_complete(disc, record->start_lba, record->uuid);
	if (r)
		return r;
	/* Nothing may have been recorded at all: then the next session starts there. */
	r = same_disc(stage, disc, record->start_lba, &recorded);
	if (!r && recorded)
		r = stage_set_failed_lba(stage, record->start_lba);
	if (!r)
		r = look_at(disc, stage_failed_lba(stage));
	return r ? r : medium_settle(stage, disc, faults);
}

int medium_settle(struct stage *stage, struct disc *disc, const struct faults *faults)
{
	const struct stage_commit idle = {.state = STAGE_IDLE};
	struct disc_identity identity;
	struct disc_fingerprint fingerprint;
	int r = disc_identity(disc, &identity);

	if (!r)
		r = disc_fingerprint(disc, &fingerprint);
	if (!r)
		r = stage_rebind(stage, &identity, &fingerprint);
	return r ? r : commit_journal(faults, stage, &idle);
}
