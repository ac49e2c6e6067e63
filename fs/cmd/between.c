/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/cmd/between.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "fs/cmd/command.h"
#include "fs/cmd/interrupt.h"

const struct disc_session *between_former(const struct between *b, const struct disc_session *s)
{
	while (s > b->history->sessions)
		if (!(--s)->broken)
			return s;
	return NULL;
}

bool between_misses_former(const struct between *b, const struct disc_session *s)
{
	bool follows = s > b->history->sessions && s[-1].number == s->number - 1;

	return session_says_ours(s) && s->number > 1 && (!follows || !between_former(b, s));
}

static bool numbers_hold(const struct between_asked *asked)
{
	return !asked->old || history_numbers_hold(asked->old, asked->new);
}

struct telling {
	const struct between *b;
	const struct between_asked *asked;
};

static int tell_lost(void *context, const char *path, bool newer, int error)
{
	const struct telling *l = context;
	const struct disc_session *s = newer ? l->asked->new : l->asked->old;

	command_note("%s: session %" PRIu32 ": /%s: cannot be read, so what is different there is not known: %s",
		     l->b->name, s ? s->number : 0, path, strerror(-error));
	return l->asked->lost ? l->asked->lost(l->asked->context, path, newer) : 0;
}

static int pass_fresh(void *context, const struct diff_change *c)
{
	const struct telling *l = context;

	return l->asked->fresh(l->asked->context, c);
}

static int open_tree(const struct between *b, const struct disc_session *s, struct iso **ret)
{
	int r = s ? history_tree(b->disc, s, ret) : 0;

	if (r)
		command_fail("%s: session %" PRIu32 ": its tree cannot be read: %s", b->name, s->number, strerror(-r));
	return r;
}

int between_sessions(const struct between *b, const struct between_asked *asked, struct diff *ret)
{
	_cleanup_(iso_unrefp) struct iso *old = NULL, *new = asked->base ? iso_ref(asked->base) : NULL;
	struct telling telling = {b, asked};
	struct diff_options o = {.by_number = numbers_hold(asked),
				 .counted = asked->counted,
				 .fresh = asked->fresh ? pass_fresh : NULL,
				 .pace = interrupt_pace,
				 .lost = tell_lost,
				 .context = &telling};
	int r = open_tree(b, asked->old, &old);

	if (!r && !new)
		r = open_tree(b, asked->new, &new);
	if (r)
		return r;
	if (asked->old)
		o.new_from = ((uint64_t)asked->old->start_lba + asked->old->sectors) * SECTOR_BYTES;
	o.old.iso = old;
	o.new.iso = new;
	o.new.overlay = asked->overlay;
	r = diff_trees(&o, ret);
	if (r && r != -ECANCELED)
		command_fail("%s: the sessions could not be compared: %s", b->name, strerror(-r));
	return r;
}
