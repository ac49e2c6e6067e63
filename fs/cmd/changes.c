/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/cmd/changes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "burner/base/grow.h"
#include "burner/base/json.h"
#include "burner/base/own.h"
#include "burner/base/printable.h"
#include "burner/base/size.h"
#include "fs/cmd/command.h"
#include "fs/control/client.h"
#include "fs/control/report.h"

struct change {
	char kind;
	bool directory, content, attributes, links;
	char *path, *from;
	uint64_t bytes, cost_bytes;
};

struct changes {
	enum changes_form form;
	size_t top;
	struct json json;
	struct change *list; /* unless each is printed at once */
	size_t n, capacity;
	uint64_t cost_bytes; /* of all */
	int error;	     /* of a line of the daemon */
};

static void release(struct changes *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->list[i].path);
		free(c->list[i].from);
	}
	free(c->list);
}

/* ---- one ---- */

static void print_json(struct json *j, const struct change *c)
{
	json_open(j, NULL, '{');
	json_string(j, "kind", (char[]){c->kind, 0});
	json_string(j, "path", c->path);
	if (c->from)
		json_string(j, "from", c->from);
	json_bool(j, "directory", c->directory);
	json_bool(j, "content", c->content);
	json_bool(j, "attributes", c->attributes);
	json_u64(j, "bytes", c->bytes);
	json_u64(j, "cost_bytes", c->cost_bytes);
	json_close(j, '}');
}

static bool is_other(const struct change *c) { return c->content || c->attributes; }

/* As cdappendfs-diff writes them. */
static const char *letters(const struct change *c, char ret[4])
{
	char differs = c->content ? 'M' : 'm', first = c->kind == 'M' && is_other(c) ? differs : c->kind;

	snprintf(ret, 4, "%c%c ", first, c->kind == 'R' && is_other(c) ? differs : ' ');
	return ret;
}

static void print_for_person(const struct change *c, bool with_kind)
{
	const char *slash = c->directory ? "/" : "", *from = c->from ? c->from : "";
	char bytes[SIZE_TEXT_BYTES], kind[4];

	say(stdout, "  %10s  %s%s%s%s%s%s", c->cost_bytes ? size_text(c->cost_bytes, bytes) : "-",
	    with_kind ? letters(c, kind) : "", from, c->from ? slash : "", c->from ? " -> " : "", c->path, slash);
}

static void print_one(struct changes *c, const struct change *change)
{
	if (c->form == CHANGES_JSON)
		print_json(&c->json, change);
	else if (c->form == CHANGES_GROUPS)
		print_for_person(change, true);
	else
		command_change(stdout, change->kind, change->path, change->from,
			       c->top ? change->cost_bytes : change->bytes);
}

/* ---- from the daemon ---- */

static bool is_kept(const struct changes *c) { return c->form == CHANGES_GROUPS || c->top; }

static int take(struct changes *c, const struct change *change)
{
	int r;

	/* Of a file that only has other names now the names are told. */
	if (change->kind == 'M' && change->links && !is_other(change))
		return 0;
	c->cost_bytes += change->cost_bytes;
	if (!is_kept(c)) {
		print_one(c, change);
		return 0;
	}
	r = grow(&c->list, &c->capacity, c->n, sizeof(*c->list));
	if (r)
		return r;
	c->list[c->n] = *change;
	c->list[c->n].path = strdup(change->path);
	c->list[c->n].from = change->from ? strdup(change->from) : NULL;
	c->n++;
	return c->list[c->n - 1].path && (!change->from || c->list[c->n - 1].from) ? 0 : -ENOMEM;
}

/* size: room in path and from, for they may be longer than PATH_MAX. */
static int parse(const char *line, char *path, char *from, size_t size, struct change *ret)
{
	char kind[8];

	if (json_get_string(line, "kind", kind, sizeof(kind)) < 0 || json_get_string(line, "path", path, size) < 0)
		return -EPROTO;
	*ret = (struct change){.kind = kind[0], .path = path};
	if (json_get_string(line, "from", from, size) == 0)
		ret->from = from;
	json_get_u64(line, "bytes", &ret->bytes);
	/* A daemon of an older version tells new bytes only. */
	if (json_get_u64(line, "cost_bytes", &ret->cost_bytes) < 0)
		ret->cost_bytes = ret->bytes;
	json_get_bool(line, "directory", &ret->directory);
	json_get_bool(line, "content", &ret->content);
	json_get_bool(line, "attributes", &ret->attributes);
	json_get_bool(line, "links", &ret->links);
	return 0;
}

static void on_line(void *context, const char *type, const char *line)
{
	struct changes *c = context;
	size_t size = strlen(line) + 1;
	_free_ char *path = NULL, *from = NULL;
	struct change change;

	if (c->error || strcmp(type, "change") != 0)
		return;
	path = malloc(size);
	from = malloc(size);
	c->error = path && from ? parse(line, path, from, size, &change) : -ENOMEM;
	if (!c->error)
		c->error = take(c, &change);
}

/* ---- all of them ---- */

static int compare_cost(const void *a, const void *b)
{
	const struct change *x = a, *y = b;

	if (x->cost_bytes != y->cost_bytes)
		return x->cost_bytes > y->cost_bytes ? -1 : 1;
	return strcmp(x->path, y->path);
}

static void print_top(struct changes *c)
{
	if (c->n)
		qsort(c->list, c->n, sizeof(*c->list), compare_cost);
	for (size_t i = 0; i < c->n && i < c->top && c->list[i].cost_bytes; i++)
		print_one(c, &c->list[i]);
}

struct group {
	char kind;
	bool other; /* of what was renamed: is it another one, too? */
	const char *title;
};

static bool is_of_group(const struct change *c, const struct group *g)
{
	return c->kind == g->kind && (c->kind != 'R' || is_other(c) == g->other);
}

static void print_group(const struct changes *c, const struct group *g)
{
	uint64_t n = 0, cost_bytes = 0;
	char bytes[SIZE_TEXT_BYTES];

	for (size_t i = 0; i < c->n; i++)
		if (is_of_group(&c->list[i], g)) {
			n++;
			cost_bytes += c->list[i].cost_bytes;
		}
	if (!n)
		return;
	if (cost_bytes)
		printf("%s: %" PRIu64 ", %s\n", g->title, n, size_text(cost_bytes, bytes));
	else
		printf("%s: %" PRIu64 "\n", g->title, n);
	for (size_t i = 0; i < c->n; i++)
		if (is_of_group(&c->list[i], g))
			print_for_person(&c->list[i], false);
}

/* As git status names them. */
static void print_groups(const struct changes *c)
{
	static const struct group groups[] = {{'A', false, "New"},
					      {'M', false, "Modified"},
					      {'R', false, "Renamed"},
					      {'R', true, "Renamed and modified"},
					      {'D', false, "Deleted"}};

	for (size_t i = 0; i < ARRAY_LENGTH(groups); i++)
		print_group(c, &groups[i]);
}

static void print_sum(const struct changes *c, const char *mountpoint)
{
	char bytes[SIZE_TEXT_BYTES];

	if (!c->n)
		puts("nothing is staged");
	else
		say(stdout,
		    "%s of content at most, and directories; 'cdappendfs-sync --dry-run %s' tells it to the block",
		    size_text(c->cost_bytes, bytes), SHELL_WORD(mountpoint));
}

static int ask(const struct control_mount *mount, struct changes *c)
{
	struct client_handlers handlers = {.line = on_line, .context = c};
	struct client_result result = {0};
	int r = client_ask(mount, "changes", &handlers, &result);

	if (r == 0)
		r = c->error;
	if (r < 0)
		return command_fail("%s: %s", mount->mountpoint, client_why(r));
	if (result.error)
		return command_fail("%s: %s", mount->mountpoint,
				    result.message[0] ? result.message : strerror(result.error));
	return COMMAND_DONE;
}

int changes_of_mount(const struct changes_asked *asked, const struct control_mount *mount)
{
	_cleanup_(release) struct changes c = {.form = asked->form, .top = asked->top, .json = {stdout, false}};
	int status;

	if (c.form == CHANGES_AUTO)
		c.form = isatty(STDOUT_FILENO) ? CHANGES_GROUPS : CHANGES_LINES;
	if (c.form == CHANGES_JSON) {
		json_open(&c.json, NULL, '{');
		json_open(&c.json, "changes", '[');
	}
	status = ask(mount, &c);
	if (c.top)
		print_top(&c);
	else if (c.form == CHANGES_GROUPS)
		print_groups(&c);
	if (c.form == CHANGES_GROUPS && status == COMMAND_DONE)
		print_sum(&c, mount->mountpoint);
	if (c.form == CHANGES_JSON) {
		json_close(&c.json, ']');
		json_u64(&c.json, "cost_bytes", c.cost_bytes);
		command_json_end(&c.json, status == COMMAND_DONE);
	}
	fflush(stdout);
	return status;
}
