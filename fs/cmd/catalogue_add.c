/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * catalogue_add.c - discs into the catalogue
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "burner/base/printable.h"
#include "fs/cmd/argument.h"
#include "fs/cmd/catalogue_options.h"
#include "fs/cmd/command.h"
#include "fs/cmd/interrupt.h"

struct adding_one {
	const struct catalogue_options *o;
	struct catalogue *c;
	struct argument a;
	bool incomplete;
	struct json *json;
};

static void tell_lost(void *context, uint32_t session, const char *path, int error)
{
	struct adding_one *one = context;

	one->incomplete = true;
	command_note("%s: session %" PRIu32 ": /%s: cannot be read, so what is there is not known: %s", one->a.disc,
		     session, path, strerror(-error));
}

static void print_added(struct adding_one *one, const struct catalogue_added *added, uint64_t n_digests)
{
	struct json *j = one->json;

	if (j) {
		json_open(j, NULL, '{');
		json_string(j, "path", one->a.disc);
		json_u64(j, "disc", (uint64_t)added->disc);
		json_bool(j, "new", added->is_new);
		json_u64(j, "sessions", added->sessions);
		json_u64(j, "names", added->names);
		json_u64_or_null(j, "displaced", (uint64_t)added->displaced, 0);
		json_u64(j, "digests", n_digests);
		json_bool(j, "complete", !one->incomplete);
		json_close(j, '}');
		return;
	}
	say(stdout, "%s: disc %" PRId64 "%s: %" PRIu32 " session%s, %" PRIu64 " names added", one->a.disc, added->disc,
	    added->is_new ? ", new" : "", added->sessions, added->sessions == 1 ? "" : "s", added->names);
	if (one->o->digests)
		say(stdout, "%s: the content of %" PRIu64 " files was read", one->a.disc, n_digests);
}

static int add_source(struct adding_one *one, const struct catalogue_source *at)
{
	const struct catalogue_options *o = one->o;
	struct catalogue_adding asked = {
		.copy = o->copy, .anew = o->anew, .pace = interrupt_pace, .lost = tell_lost, .context = one};
	struct catalogue_added added;
	_free_ char *why = NULL;
	uint64_t n_digests = 0;
	int status = o->disc ? catalogue_find_disc(one->c, o->disc, &asked.disc) : CATALOGUE_YES, r;

	if (status)
		return status;
	r = catalogue_add(one->c, at, &asked, &added, &why);
	if (!r && o->place)
		r = catalogue_place(one->c, added.disc, o->place, &why);
	if (!r && o->digests)
		r = catalogue_digest(one->c, at, added.disc, &asked, &n_digests, &why);
	if (r == -ECANCELED)
		return CATALOGUE_TROUBLE;
	if (r) {
		command_fail("%s: %s", one->a.disc, why ? why : strerror(-r));
		return CATALOGUE_TROUBLE;
	}
	if (added.cut) {
		one->incomplete = true;
		command_note(
			"%s: session %" PRIu32 " and what is behind it were whole when they were added, and are cut "
			"off now: the catalogue still has all of it; 'cdappendfs-catalogue add --anew' keeps what is "
			"left",
			one->a.disc, added.cut);
	}
	if (added.displaced)
		command_note("%s: disc %" PRId64 " was there before: if it is gone, and no copy of it is left, "
			     "'cdappendfs-catalogue forget %" PRId64 "', or its files count as being on a disc",
			     one->a.disc, added.displaced, added.displaced);
	print_added(one, &added, n_digests);
	return one->incomplete ? CATALOGUE_NO : CATALOGUE_YES;
}

static int add_disc(struct adding_one *one, struct disc *disc)
{
	_cleanup_history_ struct history history = {.n = 0};
	struct catalogue_source at = {.disc = disc};
	struct disc_state state;
	int r = disc_state(disc, &state);

	if (!r)
		r = history_read(disc, &history);
	if (!r)
		r = disc_identity(disc, &at.identity);
	if (r) {
		command_fail("%s: its sessions cannot be read: %s", one->a.disc, strerror(-r));
		return CATALOGUE_TROUBLE;
	}
	at.sessions = history.sessions;
	at.n_sessions = history.n;
	at.medium = state.name;
	at.bytes = state.used_sectors * SECTOR_BYTES;
	at.there_sectors = state.there_sectors;
	at.path = state.kind == MEDIUM_IMAGE || state.kind == MEDIUM_CONTAINER ? one->a.disc : NULL;
	return add_source(one, &at);
}

static int add_argument(const struct catalogue_options *o, struct catalogue *c, const char *argument, struct json *j)
{
	_cleanup_(disc_closep) struct disc *disc = NULL;
	struct adding_one one = {.o = o, .c = c, .json = j};

	if (argument_find(argument, &one.a) != COMMAND_DONE ||
	    argument_open(&one.a, &argument_to_read, &disc) != COMMAND_DONE)
		return CATALOGUE_TROUBLE;
	if (one.a.inside[0]) {
		command_fail("%s: it is in a disc: give the disc, or its mount point", argument);
		return CATALOGUE_TROUBLE;
	}
	return add_disc(&one, disc);
}

int catalogue_do_add(const struct catalogue_options *o)
{
	_cleanup_(catalogue_closep) struct catalogue *c = NULL;
	struct json j = {stdout, false};
	int status = catalogue_open_asked(o, CATALOGUE_CREATE, &c);

	if (status)
		return status;
	interrupt_catch();
	if (o->json) {
		json_open(&j, NULL, '{');
		json_open(&j, "added", '[');
	}
	for (int i = 0; i < o->n_words && !interrupted; i++) {
		int one = add_argument(o, c, o->words[i], o->json ? &j : NULL);

		status = one > status ? one : status;
	}
	if (o->json) {
		json_close(&j, ']');
		command_json_end(&j, !status && !interrupted);
	}
	if (interrupted) {
		command_note(
			"ended: the catalogue has the sessions that were whole; 'cdappendfs-catalogue add' goes on "
			"there");
		return interrupt_end();
	}
	return status;
}
