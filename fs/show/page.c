/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * page.c - the page: page.html with what it shows put into it
 *
 * Its data are JSON in an element of its own, where a browser looks for nothing but its end; so a "<" in them, which is
 * in texts only, is escaped.
 */
#include "fs/show/page.h"

#include <stdlib.h>
#include <string.h>

#include "burner/base/json.h"
#include "cdappendfs/session_message.h"
#include "fs/show/trees.h"

extern const char page_html[]; /* fs/show/page.html, made into C by the Makefile */

/* Of each session the place of its root in the list; SIZE_MAX: it cannot be read. */
static int take_trees(struct disc *disc, const struct history *h, struct trees *t, size_t *roots,
		      struct page_lost *lost)
{
	for (size_t i = 0; i < h->n; i++) {
		_cleanup_(iso_unrefp) struct iso *iso = NULL;
		int r;

		roots[i] = SIZE_MAX;
		if (h->sessions[i].broken)
			continue;
		r = history_tree(disc, &h->sessions[i], &iso);
		if (r == 0)
			r = trees_add(t, iso, &roots[i]);
		if (r == 0)
			continue;
		if (!disc_is_damage(r))
			return r;
		roots[i] = SIZE_MAX;
		lost->sessions++;
	}
	lost->directories = t->lost;
	return 0;
}

static void put_null(struct json *j, const char *key)
{
	json_key(j, key);
	fputs("null", j->out);
}

static int put_message(struct json *j, struct disc *disc, const struct disc_session *s, struct page_lost *lost)
{
	session_message message = "";
	int r = s->broken ? 0 : session_message_read(disc, s, message);

	if (r == 0) {
		json_string(j, "message", message);
		return 0;
	}
	if (!disc_is_damage(r))
		return r;
	put_null(j, "message");
	lost->messages++;
	return 0;
}

static int put_session(struct json *j, struct disc *disc, const struct disc_session *s, size_t root,
		       struct page_lost *lost)
{
	char date[HISTORY_NAME_BYTES];
	int r;

	json_open(j, NULL, '{');
	json_u64(j, "number", s->number);
	json_string(j, "date", history_name_of(s, HISTORY_DATE, date) ? date : "");
	json_string(j, "label", s->volume_id);
	json_bool(j, "broken", s->broken);
	json_u64(j, "sectors", s->sectors);
	if (s->tells_shared)
		json_u64(j, "shared", s->shared_bytes);
	else
		put_null(j, "shared");
	if (root == SIZE_MAX)
		put_null(j, "root");
	else
		json_u64(j, "root", root);
	r = put_message(j, disc, s, lost);
	json_close(j, '}');
	return r;
}

static int put_data(struct disc *disc, const struct history *h, FILE *out, struct page_lost *lost)
{
	_cleanup_(trees_release) struct trees t = {.n = 0};
	_free_ size_t *roots = calloc(h->n + 1, sizeof(*roots));
	const struct disc_session *newest = history_newest(h);
	struct json j = {out, false};
	int r;

	if (!roots)
		return -ENOMEM;
	r = take_trees(disc, h, &t, roots, lost);
	json_open(&j, NULL, '{');
	json_string(&j, "title", newest && newest->volume_id[0] ? newest->volume_id : "Disc without a label");
	json_open(&j, "sessions", '[');
	for (size_t i = 0; r == 0 && i < h->n; i++)
		r = put_session(&j, disc, &h->sessions[i], roots[i], lost);
	json_close(&j, ']');
	json_key(&j, "dirs");
	trees_print(&t, out);
	json_close(&j, '}');
	return r;
}

/* As JSON in an element of HTML. */
static void put_escaped(const char *json, size_t bytes, FILE *out)
{
	for (size_t i = 0; i < bytes; i++) {
		if (json[i] == '<')
			fputs("\\u003c", out);
		else
			putc(json[i], out);
	}
}

/* What stands before the mark; returns what stands behind it. */
static const char *put_until(const char *text, const char *mark, FILE *out)
{
	const char *end = strstr(text, mark);

	fwrite(text, 1, (size_t)(end - text), out);
	return end + strlen(mark);
}

int page_write(struct disc *disc, const struct history *h, const struct picture *p, FILE *out, struct page_lost *ret)
{
	_free_ char *data = NULL;
	size_t bytes = 0;
	FILE *memory = open_memstream(&data, &bytes);
	const char *rest;
	int r;

	*ret = (struct page_lost){.directories = 0};
	if (!memory)
		return -ENOMEM;
	r = put_data(disc, h, memory, ret);
	if (fclose(memory) != 0 && r == 0)
		r = -ENOMEM;
	if (r < 0)
		return r;
	rest = put_until(page_html, "@PICTURE@", out);
	picture_svg(p, out);
	rest = put_until(rest, "@DATA@", out);
	put_escaped(data, bytes, out);
	fputs(rest, out);
	return 0;
}
