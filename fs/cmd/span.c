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
#include "fs/control/report.h"

#define PATH_BYTES 4096u

struct placed {
	uint64_t disc, bytes;
	char *path;
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

static void print_placed(uint64_t disc, const char *path, uint64_t bytes)
{
	struct json j = {stdout, false};

	json_open(&j, NULL, '{');
	json_string(&j, "event", "placed");
	json_u64(&j, "disc", disc);
	json_string(&j, "path", path);
	json_u64(&j, "bytes", bytes);
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
	if (l->json) {
		print_placed(p.disc, path, p.bytes);
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
			say(stdout, "  %s  %s", size_text(l->all[i].bytes, size), l->all[i].path);
}

int span_list(const struct control_mount *mount, bool json, bool quiet)
{
	_cleanup_(list_release) struct list l = {.json = json};
	struct client_handlers handlers = {.line = quiet && !json ? NULL : on_placed, .context = &l};
	struct client_result result;
	int r = client_ask(mount, "span", &handlers, &result);

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

void span_tell(const struct client_result *r, const struct control_mount *mount, bool goes_on)
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
	if (r->burned && !goes_on)
		say(stdout,
		    "to go on: cdappendfs-umount %s; cdappendfs-stage move %s NEXT; cdappendfs -o span NEXT %s; "
		    "cdappendfs-sync --span %s",
		    SHELL_WORD(mount->mountpoint), SHELL_WORD(mount->source), SHELL_WORD(mount->mountpoint),
		    SHELL_WORD(mount->mountpoint));
}
