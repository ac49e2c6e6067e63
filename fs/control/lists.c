/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lists.c - requests whose answer is a list: a line for each member, then the result
 *
 * The whole tree is read for some, by the connection's thread, while others go on.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "burner/base/own.h"
#include "fs/control/internal.h"
#include "fs/tree/span.h"

static void open_change(struct json *j, char kind, const char *path, const char *from, uint64_t bytes)
{
	json_open(j, NULL, '{');
	json_string(j, "type", "change");
	json_string(j, "kind", (char[]){kind, '\0'});
	json_string(j, "path", path);
	if (from)
		json_string(j, "from", from);
	json_u64(j, "bytes", bytes);
}

int control_emit_dropped(void *context, char kind, const char *path, const char *from, uint64_t bytes)
{
	struct json *j = context;

	open_change(j, kind, path, from, bytes);
	json_close(j, '}');
	json_end_line(j);
	return 0;
}

static int emit_change(void *context, const struct tree_change *c)
{
	struct json *j = context;

	open_change(j, c->kind, c->path, c->from, c->bytes);
	json_u64(j, "cost_bytes", c->cost_bytes);
	json_bool(j, "directory", c->directory);
	json_bool(j, "content", c->content);
	json_bool(j, "attributes", c->attributes);
	json_bool(j, "links", c->links);
	json_close(j, '}');
	json_end_line(j);
	return 0;
}

/* The session below, by the place of its root: whoever has another one is to ask again. */
static void emit_base(struct json *j, uint32_t root_lba)
{
	json_open(j, NULL, '{');
	json_string(j, "type", "base");
	json_u64(j, "root_lba", root_lba);
	json_close(j, '}');
	json_end_line(j);
}

void control_list_changes(struct connection *n)
{
	uint32_t root_lba;
	struct line l;
	int r = control_line_open(&l);

	if (!r && n->control->options.commit) {
		r = tree_changes(n->control->options.tree, emit_change, &l.json, &root_lba);
		if (!r)
			emit_base(&l.json, root_lba);
	}
	if (l.json.out && control_line_send(&l, n) < 0)
		return;
	control_send_result(n, &(struct commit_result){.error = r});
}

/* Of a walk over the whole tree. */
static void say_how_it_ended(struct commit_result *result, int r, const char *where)
{
	result->error = r;
	if (r == -EAGAIN)
		snprintf(result->message, sizeof(result->message),
			 "the drive is burning and cannot be read meanwhile: ask again when it is done");
	else if (r)
		snprintf(result->message, sizeof(result->message), "%.300s: %s; the list is not complete", where,
			 strerror(-r));
}

static int emit_piece(void *context, const char *path, const struct iso_entry *e)
{
	struct json *j = context;

	json_open(j, NULL, '{');
	json_string(j, "type", "piece");
	json_string(j, "path", path);
	json_u64(j, "bytes", e->size);
	json_u64(j, "sections", e->n_sections);
	json_close(j, '}');
	json_end_line(j);
	return 0;
}

void control_list_pieces(struct connection *n)
{
	struct commit_result result = {.cost.files_in_pieces = PIECES_UNKNOWN};
	char where[ISO_WHERE_BYTES] = "";
	struct line l;
	int r = control_line_open(&l);

	if (!r)
		r = tree_pieces(n->control->options.tree, &(struct iso_pieces){emit_piece, &l.json},
				&result.cost.files_in_pieces, where);
	if (l.json.out && control_line_send(&l, n) < 0)
		return;
	say_how_it_ended(&result, r, where);
	control_send_result(n, &result);
}

static int emit_name(struct json *j, const char *path, const char *joliet, const char *why, bool staged)
{
	json_open(j, NULL, '{');
	json_string(j, "type", "name");
	json_string(j, "path", path);
	json_string(j, "joliet", joliet);
	json_string(j, "why", why);
	json_bool(j, "staged", staged);
	json_close(j, '}');
	json_end_line(j);
	return 0;
}

static int emit_burned_name(void *context, const char *path, const char *joliet, const char *why)
{
	return emit_name(context, path, joliet, why, false);
}

static int emit_staged_name(void *context, const char *path, const char *joliet, const char *why)
{
	return emit_name(context, path, joliet, why, true);
}

void control_list_names(struct connection *n)
{
	struct commit_result result = {.fits = true};
	char where[ISO_WHERE_BYTES] = "";
	struct line l;
	int r = control_line_open(&l);

	if (!r)
		r = tree_shown_names(n->control->options.tree, &(struct iso_shown){emit_burned_name, &l.json},
				     n->control->options.commit ? &(struct iso_shown){emit_staged_name, &l.json} : NULL,
				     where);
	if (l.json.out && control_line_send(&l, n) < 0)
		return;
	say_how_it_ended(&result, r, where);
	control_send_result(n, &result);
}

static void emit_placed(struct json *j, uint64_t disc, const char *path, uint64_t bytes, bool only_here)
{
	json_open(j, NULL, '{');
	json_string(j, "type", "span");
	json_u64(j, "disc", disc);
	json_string(j, "path", path);
	json_u64(j, "bytes", bytes);
	json_bool(j, "only_here", only_here);
	json_close(j, '}');
	json_end_line(j);
}

/* Which disc takes what; this one is the first. */
static void list_span(struct connection *n, unsigned flags)
{
	_cleanup_(span_freep) struct span *s = NULL;
	struct commit_result result = {.fits = true, .cost.files_in_pieces = PIECES_UNKNOWN};
	_free_ char *why = NULL;
	struct line l;
	int r = control_line_open(&l);

	if (!r && n->control->options.commit)
		r = span_find(n->control->options.tree, flags, &s, &why);
	for (size_t i = 0; s && i < s->n_tied; i++)
		emit_placed(&l.json, 1, s->tied[i].path, s->tied[i].bytes, true);
	for (size_t i = 0; s && i < s->n; i++)
		emit_placed(&l.json, s->entries[i].disc + 1u, s->entries[i].path, s->entries[i].bytes, false);
	if (l.json.out && control_line_send(&l, n) < 0)
		return;
	result.error = r == -ENODATA ? 0 : r;
	result.set_discs = s ? s->n_discs : 0;
	result.held_bytes = s ? s->held_bytes : 0;
	if (why)
		snprintf(result.message, sizeof(result.message), "%s", why);
	else if (r == -EBUSY)
		snprintf(result.message, sizeof(result.message),
			 "a session is being burned: ask again when it is done");
	control_send_result(n, &result);
}

void control_list_span(struct connection *n) { list_span(n, 0); }

void control_list_span_split(struct connection *n) { list_span(n, SPAN_SPLIT); }

/* How the next disc of a set is mounted. */
void control_list_options(struct connection *n)
{
	const struct control_options *o = &n->control->options;
	_free_ char *closed = NULL;
	struct line l;

	if (o->tree)
		(void)tree_stage_directory_closed(o->tree, &closed); /* else it is asked for where it is now */
	if (control_line_open(&l) < 0)
		return;
	json_open(&l.json, NULL, '{');
	json_string(&l.json, "type", "options");
	json_string(&l.json, "options", o->given ? o->given : "");
	json_string(&l.json, "staging", o->staging ? o->staging : "");
	json_string(&l.json, "staging_closed", closed ? closed : "");
	json_bool(&l.json, "own_staging", o->own_staging);
	json_close(&l.json, '}');
	json_end_line(&l.json);
	if (control_line_send(&l, n) == 0)
		control_send_result(n, &(struct commit_result){.fits = true, .cost.files_in_pieces = PIECES_UNKNOWN});
}
