/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * recover.c - after a crash: what the journal says, compared with what is on the disc
 *
 * The disc decides: a session is published when the newest one has the uuid in the journal.  If not, then a session
 * that was being published and is whole is published again, anything else is taken back (an image is cut to its old
 * length).  Nothing is cut or published unless the disc below is as the stage knows it: another program may have
 * appended meanwhile. Every step may be interrupted and is then repeated by the next mount: the journal changes only
 * after what it stands for.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/own.h"
#include "fs/manifest/directories.h"
#include "fs/commit/internal.h"
#include "fs/commit/message.h"

#define MESSAGE_BYTES 1024u

struct recovery {
	struct stage *stage;
	struct disc *disc;
	struct stage_commit record;
	char message[MESSAGE_BYTES];
};

static int journal(struct recovery *v, enum stage_commit_state state)
{
	struct stage_commit next = v->record;

	if (state == STAGE_IDLE)
		next = (struct stage_commit){.state = STAGE_IDLE};
	next.state = state;
	return commit_journal(NULL, v->stage, &next);
}

static int failed(struct recovery *v, const char *what, int error)
{
	if (!v->message[0])
		message_failed(v->message, sizeof(v->message), what, error, NULL);
	return error;
}

/* Published, as the disc shows. */
static int roll_forward(struct recovery *v, uint32_t *ret_generation)
{
	int r = v->record.state == STAGE_REBASING ? 0 : journal(v, STAGE_REBASING);

	if (r)
		return failed(v, "the last burn could not be recorded", r);
	snprintf(v->message, sizeof(v->message), "the last mount ended after session %u was burned; it is complete",
		 v->record.session_number);
	*ret_generation = v->record.generation;
	return 0;
}

static int publish_again(struct recovery *v, uint32_t *ret_generation)
{
	_cleanup_(target_freep) struct target *target = NULL;
	struct disc_session newest;
	int r = medium_open_target(v->disc, NULL, 0, &target);

	if (!r)
		r = burn_publish(v->disc, target, v->record.start_lba);
	if (!r)
		r = disc_refresh(v->disc);
	if (!r)
		r = medium_newest_is(v->disc, v->record.uuid, &newest);
	if (r <= 0)
		return failed(v, "the last burn is complete, but could not be made the newest session", r ? r : -EIO);
	return roll_forward(v, ret_generation);
}

/* A head whose publication was begun and whose session is not readable any more: back to the session before, if we
 * can make its head. */
static int restore_published(struct recovery *v)
{
	_cleanup_(target_freep) struct target *target = NULL;
	_free_ struct disc_session *sessions = NULL;
	const struct disc_session *newest;
	size_t n = 0;
	int r = disc_sessions(v->disc, &sessions, &n);

	newest = r ? NULL : newest_session(sessions, n);
	if (r || !newest)
		return r; /* blank: without a descriptor at LBA 16 it stays that */
	if (!newest->ours)
		return -EIO;
	r = medium_open_target(v->disc, NULL, 0, &target);
	return r ? r : burn_publish(v->disc, target, newest->start_lba);
}

static int take_back(struct recovery *v)
{
	bool begun = v->record.state != STAGE_FROZEN;
	int r = v->record.state == STAGE_PUBLISHING ? restore_published(v) : 0;

	if (!r && begun)
		r = disc_cut_image(v->disc, v->record.image_bytes);
	if (!r && begun)
		r = disc_clear_session(v->disc, v->record.start_lba, v->record.sectors);
	if (!r)
		r = medium_is_expected(v->stage, v->disc, v->message, sizeof(v->message));
	if (!r)
		r = journal(v, STAGE_IDLE);
	if (r)
		return failed(v, "what an interrupted burn left on the disc could not be removed", r);
	stage_unfreeze(v->stage);
	snprintf(v->message, sizeof(v->message),
		 "the last mount ended %s; nothing was lost: the changes are staged; sync burns them",
		 begun ? "while it burned: the unfinished session was removed" : "before it burned");
	return 0;
}

/* A write-once disc keeps what was burned: its open track is closed, and the stage goes on from there. */
static int conclude(struct recovery *v, uint32_t *ret_generation)
{
	int r = medium_conclude(v->stage, v->disc, &v->record, NULL);

	if (r > 0)
		return roll_forward(v, ret_generation);
	if (r < 0)
		return failed(v, "what became of the last burn could not be found out", r);
	stage_unfreeze(v->stage);
	snprintf(v->message, sizeof(v->message),
		 "the last mount ended while it burned: session %u is not readable; nothing was lost: the changes "
		 "are staged; sync burns them",
		 v->record.session_number);
	return 0;
}

static int is_whole(struct recovery *v)
{
	int r = burn_session_is_complete(v->disc, v->record.start_lba, v->record.uuid);

	return r < 0 ? failed(v, "the disc could not be looked at", r) : r;
}

static int recover(struct recovery *v, uint32_t *ret_generation)
{
	enum stage_commit_state state = v->record.state;
	struct disc_session newest;
	struct disc_state disc;
	int r = disc_state(v->disc, &disc), published, whole;

	if (r)
		return failed(v, "the disc could not be looked at", r);
	if (!disc.overwritable && state >= STAGE_BURNING && state < STAGE_REBASING)
		return conclude(v, ret_generation);
	published = state == STAGE_FROZEN ? 0 : medium_newest_is(v->disc, v->record.uuid, &newest);
	if (published < 0)
		return failed(v, "the disc could not be looked at", published);
	/* Once more: the head's first sector is written in place, and a power cut may have left a part of it. */
	if (published && disc.overwritable && (state == STAGE_PUBLISHING || disc.published_unreadable))
		return publish_again(v, ret_generation);
	whole = published && state < STAGE_PUBLISHING ? is_whole(v) : 0;
	if (published && (state >= STAGE_PUBLISHING || whole))
		return whole < 0 ? whole : roll_forward(v, ret_generation);
	r = medium_is_expected(v->stage, v->disc, v->message, sizeof(v->message));
	if (r)
		return r;
	if (state == STAGE_REBASING)
		return failed(v, "the last session burned is not on this disc", -ESTALE);
	whole = state == STAGE_PUBLISHING ? is_whole(v) : 0;
	if (whole)
		return whole < 0 ? whole : publish_again(v, ret_generation);
	return take_back(v);
}

int commit_recover(struct stage *stage, struct disc *disc, uint32_t *ret_generation, char **ret_message)
{
	struct recovery v = {.stage = stage, .disc = disc};
	uint32_t generation = 0;
	char *message = NULL;
	int r = stage_commit_get(stage, &v.record);

	if (!r && v.record.state != STAGE_IDLE)
		r = recover(&v, &generation);
	if (v.message[0])
		message = strdup(v.message);
	*ret_message = message;
	if (!r)
		*ret_generation = generation;
	return r;
}

int commit_finish_recovery(struct stage *stage, struct disc *disc, struct tree *tree, struct iso *base,
			   uint32_t generation)
{
	_free_ struct burn_directory *directories = NULL;
	struct disc_state state;
	struct iso_info info;
	size_t n = 0;
	int r = disc_state(disc, &state);

	iso_info(base, &info);
	if (!r)
		r = directories_of(base, info.ours ? info.appuse.start_lba : 0, &directories, &n);
	if (!r) {
		struct burn_placements placements = {.directories = directories, .n_directories = n, .from_disc = true};

		r = tree_rebase(tree, generation, base, &state, &placements, NULL);
	}
	if (!r)
		r = medium_settle(stage, disc, NULL);
	return r ? r : stage_collect(stage, NULL, 0);
}
