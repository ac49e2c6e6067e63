/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cdappendfs-find - versions of files in all sessions of a disc, and where they are now
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/json.h"
#include "burner/base/own.h"
#include "burner/base/printable.h"
#include "burner/base/size.h"
#include "burner/base/time.h"
#include "burner/base/type_letter.h"
#include "burner/base/values.h"
#include "fs/cmd/argument.h"
#include "fs/cmd/command.h"
#include "fs/cmd/interrupt.h"
#include "fs/cmd/search.h"
#include "fs/control/report.h"

/* As grep(1). */
enum find_status { FIND_FOUND = 0, FIND_NOTHING = 1, FIND_TROUBLE = 2 };

static const char help[] =
	"Usage: cdappendfs-find [OPTION…] DISC|PATH\n"
	"Find files in all sessions of a disc: each version of a file once, with the path that it has now, or the "
	"session\n"
	"that deleted it. Of a disc that is mounted also what is staged. Of a PATH in a mount: what is or was there "
	"and\n"
	"below, through renames.\n"
	"\n"
	"      --name=GLOB    whose name is like that; *, ? and [] as in a shell; of several one\n"
	"      --iname=GLOB   the same, capitals or not\n"
	"      --path=GLOB    whose path from the root of the disc is like that; a * stands for slashes, too\n"
	"      --ipath=GLOB   the same, capitals or not\n"
	"      --size=RANGE   regular files of that size: 10M-1G, 10M- (or more), -1G (or less), 1474560\n"
	"      --newer=DATE   modified then or later: 2026, 2026-11, 2026-11-29, 2026-11-29T06:27:52 (UTC), @SECONDS\n"
	"      --older=DATE   modified before\n"
	"      --type=LETTERS f files, d directories, l symbolic links, b, c, p, s as in find; several: f,l\n"
	"      --gone         only what is there no more, under any path\n"
	"  -z, --null         print SESSION/PATH alone, as it is in .sessions, and a zero byte behind each\n"
	"  -j, --json         print JSON\n"
	"  -h, --help         print this\n"
	"  -V, --version      print the version\n"
	"\n"
	"Exit status: 0 found, 1 nothing found, 2 wrong usage, or something cannot be read and is not known.\n";

struct options {
	struct criteria criteria;
	bool json, null, gone;
	const char *argument;
};

enum option_value {
	OPTION_NAME = 256,
	OPTION_INAME,
	OPTION_PATH,
	OPTION_IPATH,
	OPTION_SIZE,
	OPTION_NEWER,
	OPTION_OLDER,
	OPTION_TYPE,
	OPTION_GONE,
};

static int take_pattern(struct options *o, int c)
{
	const struct pattern p = {.glob = optarg,
				  .of_path = c == OPTION_PATH || c == OPTION_IPATH,
				  .any_case = c == OPTION_INAME || c == OPTION_IPATH};

	if (!p.of_path && strchr(optarg, '/'))
		return command_usage("--%s: '%s' has a slash, and no name has one: that is for --path",
				     p.any_case ? "iname" : "name", optarg);
	return criteria_add_pattern(&o->criteria, &p) ? command_fail("%s", strerror(ENOMEM)) : COMMAND_DONE;
}

static int take_date(const char *option, int64_t *ret)
{
	struct value_date date;

	if (value_date(optarg, &date) == 0) {
		*ret = date.first;
		return COMMAND_DONE;
	}
	return command_usage("--%s: '%s' is no date: 2026, 2026-11, 2026-11-29, 2026-11-29T06:27, "
			     "2026-11-29T06:27:52 or @SECONDS",
			     option, optarg);
}

static int take_criterion(struct options *o, int c)
{
	switch (c) {
	case OPTION_SIZE:
		return criteria_set_size(&o->criteria, optarg) == 0 ?
			       COMMAND_DONE :
			       command_usage("--size: '%s' is no range of sizes: 10M-1G, 10M-, -1G or 1474560", optarg);
	case OPTION_NEWER:
		return take_date("newer", &o->criteria.newer);
	case OPTION_OLDER:
		return take_date("older", &o->criteria.older);
	case OPTION_TYPE:
		return criteria_set_types(&o->criteria, optarg) == 0 ?
			       COMMAND_DONE :
			       command_usage("--type: '%s': the types are f, d, l, b, c, p and s", optarg);
	default:
		return take_pattern(o, c);
	}
}

static int parse_options(int argc, char **argv, struct options *ret)
{
	static const struct option options[] = {
		{"name", required_argument, NULL, OPTION_NAME},
		{"iname", required_argument, NULL, OPTION_INAME},
		{"path", required_argument, NULL, OPTION_PATH},
		{"ipath", required_argument, NULL, OPTION_IPATH},
		{"size", required_argument, NULL, OPTION_SIZE},
		{"newer", required_argument, NULL, OPTION_NEWER},
		{"older", required_argument, NULL, OPTION_OLDER},
		{"type", required_argument, NULL, OPTION_TYPE},
		{"gone", no_argument, NULL, OPTION_GONE},
		{"null", no_argument, NULL, 'z'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	int c, status = COMMAND_DONE;

	while (status == COMMAND_DONE && (c = command_option(argc, argv, ":zjhV", options)) >= 0) {
		switch (c) {
		case OPTION_GONE:
			ret->gone = true;
			break;
		case 'z':
			ret->null = true;
			break;
		case 'j':
			ret->json = true;
			break;
		default:
			if (c < OPTION_NAME || c > OPTION_TYPE)
				return command_common(c, argv, options, help);
			status = take_criterion(ret, c);
		}
	}
	if (status != COMMAND_DONE)
		return status;
	if (ret->json && ret->null)
		return command_usage("only one of --json and --null can be asked for");
	return command_argument(argc, argv, "disc or path", &ret->argument);
}

/* ---- printing ---- */

struct telling {
	const struct options *o;
	struct json json;
	size_t n;
};

static void put_session(struct json *j, const char *key, bool is, const struct disc_session *s)
{
	json_u64_or_null(j, key, is && s ? s->number : UINT64_MAX, UINT64_MAX);
}

/* The last that became of it, when no session has that yet. */
static const char *staged_word(const struct found_version *v, const struct found_fate *fate)
{
	if (!v->session && !fate->in_stage)
		return v->kind == 'A' ? "added" : v->kind == 'R' ? "moved" : "changed";
	if (!fate->in_stage)
		return NULL;
	return fate->gone ? "deleted" : v->replaced && !v->replaced_in ? "changed" : "moved";
}

static void print_json(struct json *j, const struct found_version *v, const struct found_fate *fate)
{
	const struct disc_session *s = v->session;
	char date[TIME_TEXT_BYTES];

	json_open(j, NULL, '{');
	put_session(j, "session", true, s);
	json_string_or_null(j, "date", s ? time_text(s->created, date) : NULL);
	json_string(j, "path", v->file.path);
	json_string(j, "kind", (char[]){v->kind, '\0'});
	json_string(j, "type", (char[]){type_letter(v->file.mode), '\0'});
	json_u64(j, "bytes", v->file.bytes);
	json_string_or_null(j, "modified", time_text(v->file.mtime, date));
	json_bool(j, "known", fate->known);
	json_string_or_null(j, "now", fate->now);
	json_bool(j, "current", fate->is_current);
	put_session(j, "replaced", v->replaced, v->replaced_in);
	put_session(j, "vanished", fate->gone, fate->gone_in);
	json_string_or_null(j, "vanished_date", fate->gone_in ? time_text(fate->gone_in->created, date) : NULL);
	json_string_or_null(j, "staged", staged_word(v, fate));
	json_close(j, '}');
}

#define EVENT_BYTES 64u
static const char *event(const char *what, const struct disc_session *s, char ret[EVENT_BYTES])
{
	if (s)
		snprintf(ret, EVENT_BYTES, "%s in session %" PRIu32, what, s->number);
	else
		snprintf(ret, EVENT_BYTES, "%s (not burned yet)", what);
	return ret;
}

/* What became of it. */
static void put_fate(FILE *out, const struct found_version *v, const struct found_fate *fate)
{
	const bool elsewhere = fate->now && strcmp(fate->now, v->file.path) != 0;
	const bool moved = elsewhere && fate->in_stage && !(v->replaced && !v->replaced_in);
	char text[EVENT_BYTES];

	if (v->replaced)
		fprintf(out, "%s, ", event("changed", v->replaced_in, text));
	if (!fate->known)
		fputs("whether it is there now is not known", out);
	else if (fate->gone)
		fputs(event("deleted", fate->gone_in, text), out);
	else if (elsewhere)
		fprintf(out, "now %s%s%s", fate->now, S_ISDIR(v->file.mode) ? "/" : "",
			moved ? " (not burned yet)" : "");
	else
		fputs("is there", out);
}

/* 1, or an error, for a line that is left out would be a version that is not there. */
static int print_text(const struct found_version *v, const struct found_fate *fate)
{
	char first[2 * TIME_TEXT_BYTES] = "staged", date[TIME_TEXT_BYTES], bytes[SIZE_TEXT_BYTES];
	const char *when = v->session ? time_text(v->session->created, date) : NULL;
	_free_ char *became = NULL;
	size_t n;
	FILE *out = open_memstream(&became, &n);

	if (out)
		put_fate(out, v, fate);
	if (!out || fclose(out) != 0)
		return -ENOMEM;
	if (v->session)
		snprintf(first, sizeof(first), "session %" PRIu32 "  %s", v->session->number,
			 when ? when : "(no date)");
	say(stdout, "%s  %c  %s  %s%s | %s", first, v->kind,
	    S_ISREG(v->file.mode) ? size_text(v->file.bytes, bytes) : "-", v->file.path,
	    S_ISDIR(v->file.mode) ? "/" : "", became);
	return 1;
}

static int tell(struct telling *t, const struct found_version *v, const struct found_fate *fate)
{
	int r = 1;

	/* With --null what is only staged is left out: it has no path in .sessions. */
	if ((t->o->gone && (!fate->known || fate->now)) || (t->o->null && !v->session))
		return 0;
	if (t->json.out)
		print_json(&t->json, v, fate);
	else if (t->o->null)
		printf("%" PRIu32 "/%s%c", v->session->number, v->file.path, 0);
	else
		r = print_text(v, fate);
	t->n += r > 0;
	return r < 0 ? r : 0;
}

static int tell_all(struct telling *t, const struct found *f)
{
	_free_ uint32_t *order = NULL;
	int r = found_order(f, &order);

	for (size_t i = 0; i < f->n && !r; i++) {
		const struct found_version *v = &f->versions[order[i]];
		struct found_fate fate;

		r = found_fate(f, v, &fate);
		if (!r)
			r = tell(t, v, &fate);
		free(fate.now);
	}
	return r ? command_fail("%s", strerror(-r)) : COMMAND_DONE;
}

static int print_found(const struct options *o, const struct found *f, bool lost)
{
	struct telling t = {.o = o, .json = {o->json ? stdout : NULL, false}};
	int status;

	if (o->json) {
		json_open(&t.json, NULL, '{');
		json_open(&t.json, "versions", '[');
	}
	status = tell_all(&t, f);
	if (o->json) {
		json_close(&t.json, ']');
		command_json_end(&t.json, !lost && status == COMMAND_DONE);
	}
	if (lost || status != COMMAND_DONE)
		return FIND_TROUBLE;
	return t.n ? FIND_FOUND : FIND_NOTHING;
}

/* ---- which disc ---- */

static int find_in(const struct options *o)
{
	_cleanup_history_ struct history history = {.n = 0};
	_cleanup_(disc_closep) struct disc *disc = NULL;
	_cleanup_(found_release) struct found found;
	struct argument a;
	bool lost = false;

	found_init(&found, &o->criteria);
	if (argument_history(o->argument, &a, &disc, &history) != COMMAND_DONE)
		return FIND_TROUBLE;
	interrupt_catch();
	const struct between b = {disc, &history, a.disc};
	if (search_all(&(struct search_asked){&b, &a}, &found, &lost))
		return FIND_TROUBLE;
	return print_found(o, &found, lost);
}

int main(int argc, char **argv)
{
	struct options o = {.json = false};
	int status;

	setlocale(LC_CTYPE, "C.UTF-8"); /* characters in patterns */
	criteria_init(&o.criteria);
	status = parse_options(argc, argv, &o);
	if (status == COMMAND_DONE && o.argument)
		status = find_in(&o);
	else if (status != COMMAND_DONE)
		status = FIND_TROUBLE;
	criteria_release(&o.criteria);
	if (interrupted && status == FIND_TROUBLE)
		return interrupt_end();
	return command_end(COMMAND_DONE) == COMMAND_DONE ? status : FIND_TROUBLE;
}
