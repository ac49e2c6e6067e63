/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/cmd/restore_tell.h"

#include <errno.h>
#include <stdlib.h>

#include "burner/base/printable.h"
#include "burner/base/size.h"
#include "burner/base/time.h"
#include "fs/cmd/command.h"
#include "fs/control/report.h"

#define LINES_TOLD 20u /* of one kind; JSON has all */

static int array_open(struct tell_array *a)
{
	a->json.out = open_memstream(&a->text, &a->length);
	return a->json.out ? 0 : -ENOMEM;
}

int tell_open(struct telling *t)
{
	if (!t->as_json)
		return 0;
	return array_open(&t->restored) || array_open(&t->clashes) || array_open(&t->lost) ? -ENOMEM : 0;
}

void tell_begin(struct telling *t, bool shows)
{
	t->shows = shows;
	t->n_told = 0;
}

/* ---- on the way ---- */

static void say_one(struct telling *t, const char *path, const char *why)
{
	if (t->n_told++ < LINES_TOLD)
		command_note("/%s: %s", path, why);
}

void tell_clash(void *context, const char *path, const char *why, bool final)
{
	struct telling *t = context;
	struct json *j = &t->clashes.json;

	t->n_clashes++;
	t->n_final += final;
	if (j->out) {
		json_open(j, NULL, '{');
		json_string(j, "path", path);
		json_string(j, "why", why);
		json_bool(j, "final", final);
		json_close(j, '}');
	}
	say_one(t, path, why);
}

void tell_lost(void *context, const char *path, const char *what)
{
	struct telling *t = context;
	struct json *j = &t->lost.json;

	if (!t->shows)
		return;
	t->n_lost++;
	if (j->out) {
		json_open(j, NULL, '{');
		json_string(j, "path", path);
		json_u64(j, "session", t->session->number);
		json_string(j, "what", what);
		json_close(j, '}');
	}
	say_one(t, path, what);
}

static const char *plural(uint64_t n, const char *one, const char *more) { return n == 1 ? one : more; }

static void count_text(const struct restore_count *n, char *ret, size_t bytes)
{
	char size[SIZE_TEXT_BYTES], directories[64] = "", present[64] = "";

	if (n->directories)
		snprintf(directories, sizeof(directories), "%" PRIu64 " %s, ", n->directories,
			 plural(n->directories, "directory", "directories"));
	if (n->present)
		snprintf(present, sizeof(present), "; %" PRIu64 " %s there as %s", n->present,
			 plural(n->present, "is", "are"), plural(n->present, "it was", "they were"));
	snprintf(ret, bytes, "%s%" PRIu64 " %s, %s%s", directories, n->files, plural(n->files, "file", "files"),
		 size_text(n->bytes, size), present);
}

static void count_json(struct telling *t, const char *path, const struct restore_count *n)
{
	struct json *j = &t->restored.json;
	char date[TIME_TEXT_BYTES];

	json_open(j, NULL, '{');
	json_string(j, "path", path);
	json_u64(j, "session", t->session->number);
	json_string_or_null(j, "date", time_text(t->session->created, date));
	json_u64(j, "files", n->files);
	json_u64(j, "directories", n->directories);
	json_u64(j, "bytes", n->bytes);
	json_u64(j, "present", n->present);
	json_u64(j, "lost", n->lost);
	json_close(j, '}');
}

void tell_count(struct telling *t, const char *path, const struct restore_count *n, bool failed)
{
	char date[TIME_TEXT_BYTES], text[256];
	const char *when = time_text(t->session->created, date);

	if (!t->shows)
		return;
	t->strange += n->strange;
	t->without_rights += n->without_rights;
	if (t->restored.json.out) {
		count_json(t, path, n);
		return;
	}
	if (t->quiet || (failed && !t->dry_run))
		return;
	count_text(n, text, sizeof(text));
	if (!n->files && !n->directories && n->present)
		say(stdout, "/%s: there as it was in session %" PRIu32 " (%s)", path, t->session->number,
		    when ? when : "no date");
	else
		say(stdout, "/%s: %s from session %" PRIu32 " (%s): %s", path,
		    t->dry_run ? "to be restored" : "restored", t->session->number, when ? when : "no date", text);
}

/* ---- the end ---- */

static void array_print(struct json *j, const char *key, struct tell_array *a)
{
	fclose(a->json.out);
	json_open(j, key, '[');
	fputs(a->text ? a->text : "", j->out);
	json_close(j, ']');
	free(a->text);
}

static void print_json(struct telling *t, bool complete)
{
	struct json j = {stdout, false};

	if (!t->restored.json.out || !t->clashes.json.out || !t->lost.json.out)
		return;
	json_open(&j, NULL, '{');
	array_print(&j, "restored", &t->restored);
	array_print(&j, "clashes", &t->clashes);
	array_print(&j, "lost", &t->lost);
	json_bool(&j, "dry_run", t->dry_run);
	command_json_end(&j, complete);
}

static void note_rights(const struct telling *t)
{
	if (t->strange)
		command_note("%" PRIu64 " of it %s the caller's: only root can give files away", t->strange,
			     plural(t->strange, "is", "are"));
	if (t->without_rights)
		command_note("%" PRIu64 " %s left out: only root can set attributes of trusted. and security.",
			     t->without_rights, plural(t->without_rights, "attribute was", "attributes were"));
}

static int stop_for_clashes(const struct telling *t)
{
	if (t->dry_run)
		return command_fail("that would not be replaced %s --force",
				    t->n_final == t->n_clashes ? "with" : "without");
	return command_fail("nothing was changed: %s-C DIR restores elsewhere",
			    t->n_final == t->n_clashes ? "--force does not replace it either: move it away; " :
							 "--force replaces what is a file now, ");
}

int tell_end(struct telling *t, int status)
{
	print_json(t, status == COMMAND_DONE && !t->n_clashes && !t->n_lost);
	if (t->n_told > LINES_TOLD)
		command_note("and %" PRIu64 " more; --json names all", t->n_told - LINES_TOLD);
	if (!t->quiet)
		note_rights(t);
	if (t->n_clashes && status == COMMAND_DONE && t->shows && !t->dry_run)
		return command_fail("not all of it was restored: what is in the way has come there meanwhile; ask for "
				    "that again, or with -C DIR");
	if (t->n_clashes && status == COMMAND_DONE)
		return stop_for_clashes(t);
	if (t->n_lost && status == COMMAND_DONE)
		return command_fail("%" PRIu64 " %s not be restored; all else was", t->n_lost,
				    plural(t->n_lost, "thing could", "things could"));
	return status;
}
