/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cdappendfs-log - the sessions of a disc and what each of them changed, or the versions of a file
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/json.h"
#include "burner/base/own.h"
#include "burner/base/path.h"
#include "burner/base/printable.h"
#include "burner/base/size.h"
#include "cdappendfs/session_message.h"
#include "fs/cmd/argument.h"
#include "fs/cmd/between.h"
#include "fs/cmd/command.h"
#include "fs/cmd/interrupt.h"
#include "fs/cmd/staged.h"
#include "fs/cmd/versions.h"
#include "fs/control/report.h"

static const char help[] =
	"Usage: cdappendfs-log [OPTION…] DISC|PATH\n"
	"List the sessions of a disc, the newest first: number, date, label, message, and what each of them changed.\n"
	"A mount point stands for its disc; of another path in a mount the versions are listed, through renames.\n"
	"\n"
	"  -b, --brief     do not count what the sessions changed: only what they say of themselves is read\n"
	"  -n, --max=N     list the N newest ones\n"
	"  -j, --json      print JSON\n"
	"  -h, --help      print this\n"
	"  -V, --version   print the version\n"
	"\n"
	"Exit status: 0 done, 1 failed, or something cannot be read and is not known, 2 wrong usage.\n";

struct options {
	bool json, brief;
	uint64_t max;
	const char *argument;
};

static int parse_max(uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(optarg, &end, 10);
	return errno || *end || optarg[0] < '0' || optarg[0] > '9' || !*ret ?
		       command_usage("--max: '%s' is no number from 1 on", optarg) :
		       COMMAND_DONE;
}

static int parse_options(int argc, char **argv, struct options *ret)
{
	static const struct option options[] = {
		{"brief", no_argument, NULL, 'b'},   {"max", required_argument, NULL, 'n'},
		{"json", no_argument, NULL, 'j'},    {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'}, {0},
	};
	int c, status = COMMAND_DONE;

	ret->max = UINT64_MAX;
	while (status == COMMAND_DONE && (c = command_option(argc, argv, ":bn:jhV", options)) >= 0) {
		switch (c) {
		case 'b':
			ret->brief = true;
			break;
		case 'n':
			status = parse_max(&ret->max);
			break;
		case 'j':
			ret->json = true;
			break;
		default:
			return command_common(c, argv, options, help);
		}
	}
	return status == COMMAND_DONE ? command_argument(argc, argv, "disc or path", &ret->argument) : status;
}

/* ---- a session ---- */

struct told {
	const struct disc_session *session;
	session_message message;
	bool message_lost;
	bool counted;	    /* it is known what it changed */
	bool misses_former; /* it is not, since the sessions before it are not found */
	struct diff_count count;
};

/* *ret_lost: something cannot be known, which was told. */
static int look_at(const struct options *o, const struct between *b, const struct disc_session *s, struct told *ret,
		   bool *ret_lost)
{
	const struct between_asked asked = {.old = between_former(b, s), .new = s, .counted = true};
	_cleanup_diff_ struct diff d = {.n = 0};
	int r = session_message_read(b->disc, s, ret->message);

	ret->session = s;
	ret->message_lost = r < 0;
	if (r < 0) {
		ret->message[0] = '\0';
		command_note("%s: session %" PRIu32 ": its message cannot be read: %s", b->name, s->number,
			     strerror(-r));
	}
	*ret_lost |= r < 0;
	if (o->brief || s->broken)
		return 0;
	ret->misses_former = between_misses_former(b, s);
	*ret_lost |= ret->misses_former;
	if (ret->misses_former)
		return 0;
	r = between_sessions(b, &asked, &d);
	ret->counted = !r && d.complete;
	ret->count = d.count;
	*ret_lost |= !ret->counted;
	return r == -ECANCELED ? r : 0;
}

static void put_count(struct json *j, const char *key, const struct told *t, uint64_t n)
{
	json_u64_or_null(j, key, t->counted ? n : UINT64_MAX, UINT64_MAX);
}

static void print_json(struct json *j, const struct told *t)
{
	const struct disc_session *s = t->session;
	const struct diff_count *n = &t->count;
	char date[TIME_TEXT_BYTES];

	json_open(j, NULL, '{');
	json_u64(j, "number", s->number);
	json_string_or_null(j, "date", time_text(s->created, date));
	json_string(j, "label", s->volume_id);
	json_string_or_null(j, "message", t->message[0] ? t->message : NULL);
	if (t->message_lost)
		json_bool(j, "message_lost", true);
	json_bool(j, "ours", session_says_ours(s));
	json_bool(j, "broken", s->broken);
	put_count(j, "added", t, n->added);
	put_count(j, "changed", t, n->changed);
	put_count(j, "moved", t, n->renamed);
	put_count(j, "moved_directories", t, n->renamed_directories);
	put_count(j, "deleted", t, n->deleted);
	put_count(j, "new_bytes", t, n->new_bytes);
	put_count(j, "shared_bytes", t, n->shared_bytes);
	json_close(j, '}');
}

/* What is not 0, so that it is short. */
static void print_counts(const struct told *t)
{
	const struct diff_count *n = &t->count;
	const struct {
		uint64_t n;
		const char *what;
	} parts[] = {{n->added, "added"},
		     {n->changed, "changed"},
		     {n->renamed + n->renamed_directories, "moved"},
		     {n->deleted, "deleted"}};
	char new[SIZE_TEXT_BYTES], shared[SIZE_TEXT_BYTES];
	const char *before = "    ";

	if (!t->counted) {
		printf("    what it changed is not known%s\n",
		       t->misses_former ? ": the sessions before it are not found" : "");
		return;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
		if (!parts[i].n)
			continue;
		printf("%s%" PRIu64 " %s", before, parts[i].n, parts[i].what);
		before = ", ";
	}
	if (before[0] == ' ')
		fputs("    no file changed", stdout);
	if (n->new_bytes || n->shared_bytes)
		printf("; %s new, %s shared", size_text(n->new_bytes, new), size_text(n->shared_bytes, shared));
	putchar('\n');
}

static void print_text(const struct options *o, const struct told *t)
{
	const struct disc_session *s = t->session;
	char date[TIME_TEXT_BYTES];
	const char *when = time_text(s->created, date);

	say(stdout, "session %" PRIu32 "  %s  %s%s", s->number, when ? when : "(no date)", s->volume_id,
	    s->broken		 ? "  (a burn that failed, or cannot be read)" :
	    s->ours		 ? "" :
	    session_says_ours(s) ? "  (its commit record cannot be read)" :
				   "  (of another program)");
	if (t->message[0])
		say(stdout, "    %s", t->message);
	if (t->message_lost)
		puts("    (its message cannot be read)");
	if (!o->brief && !s->broken)
		print_counts(t);
	fflush(stdout);
}

static int log_sessions(const struct options *o, const struct between *b)
{
	struct json j = {stdout, false};
	bool lost = false;
	uint64_t n = 0;
	int r = 0;

	if (o->json) {
		json_open(&j, NULL, '{');
		json_open(&j, "sessions", '[');
	}
	for (size_t i = b->history->n; i-- > 0 && n < o->max && !r; n++) {
		struct told t = {.session = NULL};

		r = look_at(o, b, &b->history->sessions[i], &t, &lost);
		if (!r && o->json)
			print_json(&j, &t);
		else if (!r)
			print_text(o, &t);
	}
	if (o->json) {
		json_close(&j, ']');
		command_json_end(&j, !r && !lost);
	} else if (!b->history->n) {
		command_note("%s: it is blank: there are no sessions", b->name);
	}
	return r || lost ? COMMAND_FAILED : COMMAND_DONE;
}

/* ---- a file ---- */

struct printing {
	struct json json;
	bool lost; /* of one it is not known what the session did */
};

static void print_version(void *context, const struct version *v)
{
	struct printing *p = context;
	struct json *j = &p->json;
	char date[TIME_TEXT_BYTES], bytes[SIZE_TEXT_BYTES];
	const char *when = time_text(v->session->created, date);

	p->lost |= v->kind == '?';
	if (j->out) {
		json_open(j, NULL, '{');
		json_u64(j, "session", v->session->number);
		json_string_or_null(j, "date", when);
		json_string(j, "path", v->path);
		json_string(j, "kind", (char[]){v->kind, '\0'});
		if (v->from)
			json_string(j, "from", v->from);
		json_u64(j, "bytes", v->bytes);
		json_close(j, '}');
		return;
	}
	say(stdout, "session %" PRIu32 "  %s  %c  %s  %s%s%s", v->session->number, when ? when : "(no date)", v->kind,
	    v->kind == 'D' ? "-" : size_text(v->bytes, bytes), v->from ? v->from : "", v->from ? " -> " : "", v->path);
	fflush(stdout);
}

static int log_file(const struct options *o, const struct between *b, const struct argument *a)
{
	struct printing printing = {.json = {o->json ? stdout : NULL, false}};
	struct versions_asked asked = {.path = a->inside, .max = o->max, .found = print_version, .context = &printing};
	struct json *j = &printing.json;
	_free_ char *former = NULL;
	bool any = false;
	int r;

	if (o->json) {
		json_open(j, NULL, '{');
		json_open(j, "versions", '[');
	}
	r = versions_list(b, &asked, &any);
	if (!r && !any)
		r = staged_former(&a->mount, history_newest(b->history), a->inside, &former);
	if (!r && former) {
		asked.path = former;
		r = versions_list(b, &asked, &any);
	}
	if (o->json) {
		json_close(j, ']');
		command_json_end(j, !r && any && !printing.lost);
	}
	if (!r && !any && path_is_inside(a->inside, HISTORY_DIRECTORY))
		return command_fail("%s: what is in '" HISTORY_DIRECTORY
				    "' is no path of the disc: give the path without '" HISTORY_DIRECTORY
				    "' and the session",
				    o->argument);
	if (!r && !any)
		return command_fail("%s: no session has it; 'cdappendfs-info --changes' tells what is staged",
				    o->argument);
	return r || printing.lost ? COMMAND_FAILED : COMMAND_DONE;
}

/* ---- which disc ---- */

static int log_argument(const struct options *o)
{
	_cleanup_history_ struct history history = {.n = 0};
	_cleanup_(disc_closep) struct disc *disc = NULL;
	struct argument a;
	int status = argument_history(o->argument, &a, &disc, &history);

	if (status != COMMAND_DONE)
		return status;
	interrupt_catch();
	const struct between b = {disc, &history, a.disc};
	return a.inside[0] ? log_file(o, &b, &a) : log_sessions(o, &b);
}

int main(int argc, char **argv)
{
	struct options o = {.json = false};
	int status = parse_options(argc, argv, &o);

	if (status != COMMAND_DONE || !o.argument)
		return status;
	status = log_argument(&o);
	return interrupted && status != COMMAND_DONE ? interrupt_end() : command_end(status);
}
