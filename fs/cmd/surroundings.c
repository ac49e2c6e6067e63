/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/cmd/surroundings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "burner/base/grow.h"
#include "fs/cmd/command.h"
#include "fs/control/client.h"
#include "fs/control/mounts.h"

#define ANSWER_MS 5000

/* ---- mounts ---- */

static void on_line(void *context, const char *type, const char *line)
{
	struct seen_mount *m = context;

	if (strcmp(type, "info") != 0)
		return;
	report_parsed_free(TAKE_PTR(m->info));
	if (report_info_parse(line, &m->info) < 0)
		m->info = NULL;
}

static void ask_daemon(struct seen_mount *m)
{
	const struct client_handlers handlers = {.line = on_line, .context = m};
	_cleanup_(client_freep) struct client *c = NULL;
	struct client_result result = {0};
	int r = client_open(&m->mount, &c);

	if (r == 0)
		r = client_send(c, "info");
	/* A daemon that is stopped, or hangs, is one line of many. */
	if (r == 0)
		r = client_await_first(c, ANSWER_MS);
	if (r == 0)
		r = client_finish(c, &handlers, &result);
	if (r == 0 && !result.error && m->info)
		return;
	report_parsed_free(TAKE_PTR(m->info));
	m->why = strdup(r < 0		  ? client_why(r) :
			result.message[0] ? result.message :
			result.error	  ? strerror(result.error) :
					    client_why(-EPROTO));
}

static int look_at_mounts(struct surroundings *s)
{
	_close_file_ FILE *f = mounts_open();
	_free_ char *line = NULL;
	size_t size = 0;
	struct mounts_line l;

	if (!f)
		return command_fail("the mounts cannot be seen: %s", strerror(errno));
	while (getline(&line, &size, f) >= 0) {
		if (mounts_parse(line, &l) < 0 || !l.ours)
			continue;
		if (grow(&s->mounts, &s->mounts_room, s->n_mounts, sizeof(*s->mounts)) < 0)
			return command_fail("the mounts: %s", strerror(ENOMEM));
		s->mounts[s->n_mounts++] = (struct seen_mount){.mount = l.mount,
							       .writable = l.writable,
							       .ours = geteuid() == 0 || l.mount.owner == geteuid()};
	}
	if (!feof(f))
		return command_fail("the mounts cannot be read: %s", strerror(EIO));
	for (size_t i = 0; i < s->n_mounts; i++)
		if (s->mounts[i].ours)
			ask_daemon(&s->mounts[i]);
	return COMMAND_DONE;
}

const struct seen_mount *surroundings_mount_of(const struct surroundings *s, const char *disc)
{
	for (size_t i = 0; i < s->n_mounts; i++)
		if (strcmp(s->mounts[i].mount.source, disc) == 0)
			return &s->mounts[i];
	return NULL;
}

/* ---- drives, stages ---- */

static bool is_mounted(void *context, const char *path) { return surroundings_mount_of(context, path); }

static int look_at_drives(struct surroundings *s)
{
	int r = drives_list(is_mounted, s, &s->drives, &s->n_drives);

	return r < 0 ? command_fail("the drives cannot be listed: %s", strerror(-r)) : COMMAND_DONE;
}

static int look_at_stages(struct surroundings *s)
{
	_free_ char *why = NULL;
	int r = salvage_list(NULL, &s->stages, &why);

	if (r < 0)
		return command_fail("what is staged cannot be listed: %s", why ? why : strerror(-r));
	salvage_list_forget_mounted(&s->stages);
	return COMMAND_DONE;
}

int surroundings_look(struct surroundings *ret)
{
	*ret = (struct surroundings){0};
	/* In this order: a drive that is mounted is not asked. */
	const int mounts = look_at_mounts(ret), drives = look_at_drives(ret), stages = look_at_stages(ret);

	return mounts != COMMAND_DONE || drives != COMMAND_DONE || stages != COMMAND_DONE ? COMMAND_FAILED :
											    COMMAND_DONE;
}

void surroundings_release(struct surroundings *s)
{
	drives_free(s->drives);
	for (size_t i = 0; i < s->n_mounts; i++) {
		report_parsed_free(s->mounts[i].info);
		free(s->mounts[i].why);
	}
	free(s->mounts);
	salvage_list_release(&s->stages);
	*s = (struct surroundings){0};
}
