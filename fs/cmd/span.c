/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/cmd/span.h"

#include <stdlib.h>
#include <string.h>

#include "burner/base/grow.h"
#include "burner/base/json.h"
#include "burner/base/own.h"
#include "burner/base/printable.h"
#include "burner/base/size.h"
#include "fs/cmd/command.h"
#include "fs/cmd/next.h"
#include "fs/control/report.h"

#define PATH_BYTES 4096u

struct placed {
	uint64_t disc, bytes;
	char *path;
	bool only_here;
};

struct list {
	bool json;
	struct placed *all;
	size_t n, capacity;
	bool failed; /* no memory */
};

static void list_release(struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->all[i].path);
	free(l->all);
}

static void print_placed(const struct placed *p, const char *path)
{
	struct json j = {stdout, false};

	json_open(&j, NULL, '{');
	json_string(&j, "event", "placed");
	json_u64(&j, "disc", p->disc);
	json_string(&j, "path", path);
	json_u64(&j, "bytes", p->bytes);
	json_bool(&j, "only_here", p->only_here);
	json_close(&j, '}');
	json_end_line(&j);
}

static void on_placed(void *context, const char *type, const char *line)
{
	struct list *l = context;
	struct placed p = {0};
	char path[PATH_BYTES];

	if (strcmp(type, "span") != 0 || json_get_u64(line, "disc", &p.disc) < 0)
		return;
	json_get_string(line, "path", path, sizeof(path));
	json_get_u64(line, "bytes", &p.bytes);
	json_get_bool(line, "only_here", &p.only_here);
	if (l->json) {
		print_placed(&p, path);
		return;
	}
	p.path = strdup(path);
	if (!p.path || grow(&l->all, &l->capacity, l->n, sizeof(*l->all))) {
		free(p.path);
		l->failed = true;
		return;
	}
	l->all[l->n++] = p;
}

static void print_disc(const struct list *l, uint64_t disc)
{
	char size[SIZE_TEXT_BYTES];
	uint64_t bytes = 0;

	for (size_t i = 0; i < l->n; i++)
		bytes += l->all[i].disc == disc ? l->all[i].bytes : 0;
	printf("disc %" PRIu64 "%s: %s\n", disc, disc == 1 ? ", this one" : "", size_text(bytes, size));
	for (size_t i = 0; i < l->n; i++)
		if (l->all[i].disc == disc)
			say(stdout, "  %s  %s%s", size_text(l->all[i].bytes, size), l->all[i].path,
			    l->all[i].only_here ? "  (only here: it changes what is on this disc)" : "");
}

int span_list(const struct control_mount *mount, bool split, bool json, bool quiet)
{
	_cleanup_(list_release) struct list l = {.json = json};
	struct client_handlers handlers = {.line = quiet && !json ? NULL : on_placed, .context = &l};
	struct client_result result;
	int r = client_ask(mount, split ? "span split" : "span", &handlers, &result);

	if (r < 0)
		return command_fail("%s: %s", mount->mountpoint, client_why(r));
	if (result.error)
		return command_fail("%s: %s", mount->mountpoint,
				    result.message[0] ? result.message : strerror(result.error));
	if (l.failed)
		return command_fail("%s: %s", mount->mountpoint, strerror(ENOMEM));
	for (uint64_t disc = 1; !json && !quiet && l.n && disc <= result.discs; disc++)
		print_disc(&l, disc);
	return COMMAND_DONE;
}

void span_tell(const struct client_result *r, const struct control_mount *mount, bool split, bool goes_on)
{
	char size[SIZE_TEXT_BYTES];

	if (r->burned && r->disc && r->held_bytes)
		printf("this is disc %" PRIu64 " of set %08" PRIx64 ", of %" PRIu64 " as it seems now\n", r->disc,
		       r->set, r->discs);
	else if (r->burned && r->disc)
		printf("this is disc %" PRIu64 " of %" PRIu64 " of set %08" PRIx64 "\n", r->disc, r->disc, r->set);
	if (!r->held_bytes)
		return;
	say(stdout, "%s stay staged, for the next disc", size_text(r->held_bytes, size));
	if (!r->burned || goes_on)
		return;
	_free_ char *line = next_by_hand(mount);

	if (line)
		say(stdout, "to go on: %s; cdappendfs-sync --span%s %s", line, split ? " --split" : "",
		    SHELL_WORD(mount->mountpoint));
}
