/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/cmd/reverting.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/json.h"
#include "burner/base/own.h"
#include "burner/base/path.h"
#include "burner/base/printable.h"
#include "fs/cmd/argument.h"
#include "fs/cmd/command.h"
#include "fs/control/client.h"

/* From the root of the disc; one that begins with the mount point is of that. */
static char *path_on_disc(const struct argument *a, const char *path)
{
	const char *root = a->mount.mountpoint;

	return path_from_root(path[0] == '/' && path_is_inside(path, root) ? path + strlen(root) : path);
}

/* A path that is the root stands for all of it. */
static int put_paths(struct json *j, const struct reverting *o, const struct argument *a)
{
	char key[16];

	for (int i = 1; i < o->n; i++) {
		_free_ char *path = path_on_disc(a, o->arguments[i]);

		if (!path)
			return command_fail("%s", strerror(ENOMEM));
		if (!path[0])
			return command_fail("%s: that is all of the disc: leave the paths out", o->arguments[i]);
		if (path_is_inside(path, HISTORY_DIRECTORY))
			return command_fail("%s: what is in '" HISTORY_DIRECTORY "' is no path of the disc",
					    o->arguments[i]);
		snprintf(key, sizeof(key), "%d", i);
		json_string(j, key, path);
	}
	return COMMAND_DONE;
}

static int word(const struct reverting *o, const struct argument *a, uint32_t session, char **ret)
{
	char *text = NULL;
	size_t length;
	struct json j = {open_memstream(&text, &length), false};
	int status;

	if (!j.out)
		return command_fail("%s", strerror(ENOMEM));
	fputs("revert ", j.out);
	json_open(&j, NULL, '{');
	json_u64(&j, "session", session);
	json_bool(&j, "force", o->force);
	status = put_paths(&j, o, a);
	json_close(&j, '}');
	if (fclose(j.out) != 0 && status == COMMAND_DONE)
		status = command_fail("%s", strerror(ENOMEM));
	if (status == COMMAND_DONE && length >= CONTROL_LINE_MAX)
		status = command_fail("so many paths are too long for one request: give fewer");
	if (status == COMMAND_DONE)
		*ret = text;
	else
		free(text);
	return status;
}

static void print_json(const struct client_result *r)
{
	struct json j = {stdout, false};

	json_open(&j, NULL, '{');
	json_string(&j, "event", "result");
	json_u64(&j, "session", r->session);
	json_u64(&j, "made", r->made);
	json_u64(&j, "changed", r->changed);
	json_u64(&j, "renamed", r->renamed);
	json_u64(&j, "removed", r->removed);
	json_u64(&j, "error", (uint64_t)r->error);
	json_string(&j, "message", r->message);
	json_close(&j, '}');
	json_end_line(&j);
}

static void print_text(const struct client_result *r)
{
	if (!r->made && !r->changed && !r->renamed && !r->removed)
		say(stdout, "as in session %" PRIu32 ": no file is different", r->session);
	else
		say(stdout,
		    "as in session %" PRIu32 ": %" PRIu64 " made again, %" PRIu64 " changed, %" PRIu64
		    " renamed, %" PRIu64 " removed; staged, to be burned by the next session",
		    r->session, r->made, r->changed, r->renamed, r->removed);
}

static int ask(const struct reverting *o, const struct argument *a, uint32_t session)
{
	struct client_handlers handlers = {.progress = NULL};
	struct client_result result = {0};
	_free_ char *request = NULL;
	int status = word(o, a, session, &request), r;

	if (status != COMMAND_DONE)
		return status;
	r = client_ask(&a->mount, request, &handlers, &result);
	if (r < 0)
		return command_fail("%s: %s", a->mount.mountpoint, client_why(r));
	if (o->json)
		print_json(&result);
	if (result.error)
		return command_fail("%s: %s", a->mount.mountpoint,
				    result.message[0] ? result.message : strerror(result.error));
	if (!o->json && !o->quiet)
		print_text(&result);
	return COMMAND_DONE;
}

int reverting(const struct reverting *o)
{
	_cleanup_history_ struct history history = {.n = 0};
	_cleanup_(disc_closep) struct disc *disc = NULL;
	const struct disc_session *s;
	struct argument a;
	int status = argument_history(o->arguments[0], &a, &disc, &history);

	if (status != COMMAND_DONE)
		return status;
	if (!a.mounted)
		return command_fail("%s: it is not mounted: what is to be burned has to be staged in a mount",
				    o->arguments[0]);
	if (a.inside[0])
		return command_usage("%s is a path in a mount: give the mount point, %s, and behind it what of it is "
				     "to be reverted",
				     o->arguments[0], a.mount.mountpoint);
	s = history_named(&history, o->session);
	if (!s)
		return command_fail("%s: there is no session '%s'; 'cdappendfs-log %s' lists them", a.disc, o->session,
				    SHELL_WORD(a.disc));
	if (s->broken)
		return command_fail("%s: session %" PRIu32 " is a burn that failed, or cannot be read: name another "
				    "one",
				    a.disc, s->number);
	return ask(o, &a, s->number);
}
