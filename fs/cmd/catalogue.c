/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cdappendfs-catalogue - what is on which disc of the shelf
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/printable.h"
#include "burner/base/size.h"
#include "burner/base/time.h"
#include "fs/cmd/catalogue_options.h"
#include "fs/cmd/command.h"
#include "fs/control/report.h"

static const char help[] =
	"Usage: cdappendfs-catalogue add [--place=TEXT] [--digests] [--disc=N | --copy] [--anew] DISC…\n"
	"       cdappendfs-catalogue find [--disc=N] WORD…\n"
	"       cdappendfs-catalogue where [--content] FILE…\n"
	"       cdappendfs-catalogue missing [--content] DIRECTORY…\n"
	"       cdappendfs-catalogue copies [--content] [--min=N] [DIRECTORY…]\n"
	"       cdappendfs-catalogue list\n"
	"       cdappendfs-catalogue show DISC\n"
	"       cdappendfs-catalogue place DISC TEXT\n"
	"       cdappendfs-catalogue forget DISC\n"
	"What is on which disc of the shelf, without the discs.\n"
	"\n"
	"  add      what is on a disc, an image or a mount: the sessions that are not in the catalogue yet\n"
	"  find     names with these words in them, or patterns (*?[) of names or, with a slash, of paths\n"
	"  where    on which discs a file of the hard disk is: by its content where that is known, else by name,\n"
	"           size and date\n"
	"  missing  the files of a directory that are on no disc\n"
	"  copies   the files of a directory that are on fewer than N discs (2); without one: of the discs\n"
	"  list     the discs;  show: one of them with its sessions;  place: where it stands;  forget: it is gone\n"
	"\n"
	"  -p, --place=TEXT   where the disc stands\n"
	"  -s, --digests      read all content, so that files are known by it\n"
	"  -d, --disc=N       it is that disc; find: only on that disc\n"
	"  -c, --copy         it is a further copy of a disc that is there\n"
	"      --anew         read again what is there already\n"
	"      --content      name, size and date are not enough\n"
	"  -m, --min=N        discs that each file should be on\n"
	"  -z, --null         missing, copies: end each path with a zero byte, and print nothing else\n"
	"      --db=FILE      the catalogue is that file\n"
	"  -j, --json         print JSON\n"
	"  -h, --help         print this\n"
	"  -V, --version      print the version\n"
	"\n"
	"Exit status: 0 done, found, nothing is missing; 1 not found, something is missing, or not all of a disc "
	"could\n"
	"be read; 2 wrong usage, or it failed.\n";

/* ---- list, show ---- */

static void disc_json(struct json *j, const struct catalogue_disc *d)
{
	char date[TIME_TEXT_BYTES];

	json_u64(j, "disc", (uint64_t)d->number);
	json_string(j, "label", d->label);
	json_string(j, "medium", d->medium);
	json_string(j, "place", d->place);
	json_string_or_null(j, "path", d->path);
	catalogue_put_hex(j, "identity", d->identity, sizeof(d->identity));
	json_u64(j, "title", (uint64_t)d->title);
	json_u64(j, "bytes", d->bytes);
	json_u64(j, "sessions_known", d->n_sessions);
	json_u64(j, "newest_session", d->newest);
	json_u64(j, "names", d->names);
	json_string_or_null(j, "added", time_text(d->added, date));
	json_string_or_null(j, "seen", time_text(d->seen, date));
}

struct listing {
	struct json json;
	bool as_json;
	int64_t only;	 /* 0: all */
	bool incomplete; /* of that one */
	uint64_t n;
	int64_t *titles; /* of discs before */
};

static void print_disc(const struct catalogue_disc *d)
{
	char bytes[SIZE_TEXT_BYTES], seen[TIME_TEXT_BYTES];
	const char *date = time_text(d->seen, seen);

	say(stdout, "%" PRId64 "  %s  %s  %s  %" PRIu32 " session%s  %s%s%s%s%s%s", d->number, d->label, d->medium,
	    size_text(d->bytes, bytes), d->n_sessions, d->n_sessions == 1 ? "" : "s", date ? date : "(no date)",
	    d->place[0] ? "  " : "", d->place, d->path ? "  " : "", d->path ? d->path : "",
	    d->incomplete ? "  (not all of it could be read)" : "");
}

static int list_disc(void *context, const struct catalogue_disc *d)
{
	struct listing *l = context;

	if (l->only && d->number != l->only)
		return 0;
	l->n++;
	if (l->as_json) {
		json_open(&l->json, NULL, '{');
		disc_json(&l->json, d);
		json_bool(&l->json, "complete", !d->incomplete);
		json_close(&l->json, '}');
	} else {
		print_disc(d);
	}
	return 0;
}

static int do_list(const struct catalogue_options *o)
{
	_cleanup_(catalogue_closep) struct catalogue *c = NULL;
	struct listing l = {.json = {stdout, false}, .as_json = o->json};
	_free_ char *why = NULL;
	int status = catalogue_open_asked(o, CATALOGUE_READ, &c), r;

	if (status)
		return status;
	if (o->json) {
		json_open(&l.json, NULL, '{');
		json_open(&l.json, "discs", '[');
	}
	r = catalogue_discs(c, list_disc, &l, &why);
	if (o->json) {
		json_close(&l.json, ']');
		command_json_end(&l.json, !r);
	}
	return r ? catalogue_trouble("the catalogue", r, why) : CATALOGUE_YES;
}

static int show_session(void *context, const struct catalogue_session *s)
{
	struct listing *l = context;
	struct json *j = &l->json;
	char date[TIME_TEXT_BYTES];
	const char *when = time_text(s->created, date);

	if (!l->as_json) {
		say(stdout, "session %" PRIu32 "  %s  %s  %" PRIu64 " names%s", s->number, when ? when : "(no date)",
		    s->label, s->added,
		    s->broken	  ? "  (a burn that failed, or cannot be read)" :
		    s->incomplete ? "  (not all of it could be read)" :
				    "");
		if (s->message)
			say(stdout, "    %s", s->message);
		return 0;
	}
	json_open(j, NULL, '{');
	json_u64(j, "number", s->number);
	json_string_or_null(j, "date", when);
	json_string(j, "label", s->label);
	json_string_or_null(j, "message", s->message);
	json_bool(j, "broken", s->broken);
	json_bool(j, "complete", !s->incomplete);
	json_u64(j, "names", s->added);
	json_close(j, '}');
	return 0;
}

static int show_head(void *context, const struct catalogue_disc *d)
{
	struct listing *l = context;

	if (d->number != l->only)
		return 0;
	l->incomplete = d->incomplete;
	if (l->as_json)
		disc_json(&l->json, d);
	else
		print_disc(d);
	return 0;
}

/* The catalogue, and the disc that the first word names. */
static int open_with_disc(const struct catalogue_options *o, enum catalogue_use use, struct catalogue **ret,
			  int64_t *ret_disc)
{
	int status = catalogue_open_asked(o, use, ret);

	return status ? status : catalogue_find_disc(*ret, o->words[0], ret_disc);
}

static int do_show(const struct catalogue_options *o)
{
	_cleanup_(catalogue_closep) struct catalogue *c = NULL;
	struct listing l = {.json = {stdout, false}, .as_json = o->json};
	_free_ char *why = NULL;
	int status = open_with_disc(o, CATALOGUE_READ, &c, &l.only), r;

	if (status)
		return status;
	if (o->json)
		json_open(&l.json, NULL, '{');
	r = catalogue_discs(c, show_head, &l, &why);
	if (o->json)
		json_open(&l.json, "sessions", '[');
	if (!r)
		r = catalogue_sessions(c, l.only, show_session, &l, &why);
	if (o->json) {
		json_close(&l.json, ']');
		command_json_end(&l.json, !r && !l.incomplete);
	}
	return r ? catalogue_trouble("the catalogue", r, why) : CATALOGUE_YES;
}

/* ---- place, forget ---- */

static int do_place(const struct catalogue_options *o)
{
	_cleanup_(catalogue_closep) struct catalogue *c = NULL;
	_free_ char *why = NULL;
	int64_t disc;
	int status = open_with_disc(o, CATALOGUE_CHANGE, &c, &disc), r;

	if (status)
		return status;
	r = catalogue_place(c, disc, o->words[1], &why);
	return r ? catalogue_trouble("the catalogue", r, why) : CATALOGUE_YES;
}

static int do_forget(const struct catalogue_options *o)
{
	_cleanup_(catalogue_closep) struct catalogue *c = NULL;
	_free_ char *why = NULL;
	int64_t disc;
	int status = open_with_disc(o, CATALOGUE_CHANGE, &c, &disc), r;

	if (status)
		return status;
	r = catalogue_forget(c, disc, &why);
	return r ? catalogue_trouble("the catalogue", r, why) : CATALOGUE_YES;
}

/* ---- find ---- */

static int print_found(void *context, const struct catalogue_hit *hit)
{
	struct listing *l = context;
	char disc[DISC_TEXT_BYTES], sessions[SESSIONS_TEXT_BYTES], bytes[SIZE_TEXT_BYTES], modified[TIME_TEXT_BYTES];
	const char *date = time_text(hit->mtime, modified);

	l->n++;
	if (l->as_json)
		catalogue_hit_json(&l->json, hit);
	else
		say(stdout, "%s  %s  %s  %s  %s%s", catalogue_disc_text(hit->disc, disc),
		    catalogue_sessions_text(hit, sessions), hit->kind == 'f' ? size_text(hit->bytes, bytes) : "-",
		    date ? date : "-", hit->path, hit->kind == 'd' ? "/" : "");
	return ferror(stdout) ? -EIO : 0;
}

static int do_find(const struct catalogue_options *o)
{
	_cleanup_(catalogue_closep) struct catalogue *c = NULL;
	struct listing l = {.json = {stdout, false}, .as_json = o->json};
	struct catalogue_asked asked = {.found = print_found, .context = &l};
	_free_ char *why = NULL;
	int status = catalogue_open_asked(o, CATALOGUE_READ, &c), r;

	if (!status && o->disc)
		status = catalogue_find_disc(c, o->disc, &asked.disc);
	if (status)
		return status;
	if (o->json) {
		json_open(&l.json, NULL, '{');
		json_open(&l.json, "found", '[');
	}
	r = catalogue_find(c, (const char *const *)o->words, (size_t)o->n_words, &asked, &why);
	if (o->json) {
		json_close(&l.json, ']');
		command_json_end(&l.json, !r);
	}
	if (r && !ferror(stdout))
		return catalogue_trouble("the catalogue", r, why);
	return l.n ? CATALOGUE_YES : CATALOGUE_NO;
}

/* ---- what was asked ---- */

struct verb {
	const char *name;
	int (*run)(const struct catalogue_options *o);
	int least, most;
	const char *usage, *options; /* letters of those that go with it */
};

static const struct verb verbs[] = {
	{"add", catalogue_do_add, 1, INT32_MAX, "add DISC…", "psdcaj"},
	{"find", do_find, 1, INT32_MAX, "find WORD…", "dj"},
	{"where", catalogue_do_where, 1, INT32_MAX, "where FILE…", "oj"},
	{"missing", catalogue_do_missing, 1, INT32_MAX, "missing DIRECTORY…", "ozj"},
	{"copies", catalogue_do_copies, 0, INT32_MAX, "copies [DIRECTORY…]", "omzj"},
	{"list", do_list, 0, 0, "list takes no argument", "j"},
	{"show", do_show, 1, 1, "show DISC", "j"},
	{"place", do_place, 2, 2, "place DISC TEXT", ""},
	{"forget", do_forget, 1, 1, "forget DISC", ""},
};

static int parse_min(uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(optarg, &end, 10);
	return errno || *end || optarg[0] < '1' || optarg[0] > '9' ?
		       command_usage("--min: '%s' is no number from 1 on", optarg) :
		       COMMAND_DONE;
}

static int set_option(struct catalogue_options *o, int c)
{
	switch (c) {
	case 'p':
		o->place = optarg;
		break;
	case 's':
		o->digests = true;
		break;
	case 'd':
		o->disc = optarg;
		break;
	case 'c':
		o->copy = true;
		break;
	case 'a':
		o->anew = true;
		break;
	case 'o':
		o->content = true;
		break;
	case 'm':
		return parse_min(&o->min);
	case 'z':
		o->null = true;
		break;
	case 'j':
		o->json = true;
		break;
	default: /* 'b' */
		o->db = optarg;
	}
	return COMMAND_DONE;
}

static const struct verb *find_verb(int argc, char **argv)
{
	for (size_t i = 0; argc > optind && i < ARRAY_LENGTH(verbs); i++)
		if (strcmp(argv[optind], verbs[i].name) == 0)
			return &verbs[i];
	return NULL;
}

/* given: the letters of the options that were. */
static int check(const struct verb *v, const struct catalogue_options *o, const char *given)
{
	static const struct {
		char letter;
		const char *name;
	} names[] = {{'p', "place"},   {'s', "digests"}, {'d', "disc"}, {'c', "copy"}, {'a', "anew"},
		     {'o', "content"}, {'m', "min"},	 {'z', "null"}, {'j', "json"}};

	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		if (strchr(given, names[i].letter) && !strchr(v->options, names[i].letter))
			return command_usage("--%s does not go with %s", names[i].name, v->name);
	if (o->n_words < v->least || o->n_words > v->most)
		return command_usage("%s", v->usage);
	for (int i = 0; i < o->n_words; i++)
		if (!*o->words[i] && (v->run != do_place || i == 0))
			return command_usage("an argument is empty: %s", v->usage);
	if (o->copy && o->disc)
		return command_usage("--disc and --copy: it is that disc, or a further one");
	if (o->json && o->null)
		return command_usage("--json and --null: one of them");
	if (v->run == catalogue_do_add && (o->disc || o->copy) && o->n_words > 1)
		return command_usage("--disc and --copy are of one disc");
	if (o->db && !*o->db)
		return command_usage("--db=: the file is missing");
	return COMMAND_DONE;
}

static int parse(int argc, char **argv, struct catalogue_options *ret, const struct verb **ret_verb)
{
	static const struct option options[] = {
		{"place", required_argument, NULL, 'p'},
		{"digests", no_argument, NULL, 's'},
		{"disc", required_argument, NULL, 'd'},
		{"copy", no_argument, NULL, 'c'},
		{"anew", no_argument, NULL, 'a'},
		{"content", no_argument, NULL, 'o'},
		{"min", required_argument, NULL, 'm'},
		{"null", no_argument, NULL, 'z'},
		{"db", required_argument, NULL, 'b'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	char given[64] = "";
	int c, n = 0, status = COMMAND_DONE;

	ret->min = 2;
	while (status == COMMAND_DONE && (c = command_option(argc, argv, ":p:sd:cm:zjhV", options)) >= 0) {
		if (!strchr("psdcaomzjb", c))
			return command_common(c, argv, options, help);
		status = set_option(ret, c);
		if (n < (int)sizeof(given) - 1 && !strchr(given, c))
			given[n++] = (char)c;
	}
	if (status != COMMAND_DONE)
		return status;
	*ret_verb = find_verb(argc, argv);
	if (!*ret_verb)
		return argc > optind ?
			       command_unknown_word(argv[optind],
						    "add, find, where, missing, copies, list, show, place, forget") :
			       command_usage("what to do is missing: add, find, where, missing, copies, list, show, "
					     "place or forget");
	ret->words = argv + optind + 1;
	ret->n_words = argc - optind - 1;
	return check(*ret_verb, ret, given);
}

int main(int argc, char **argv)
{
	struct catalogue_options o = {.json = false};
	const struct verb *verb = NULL;
	int status = parse(argc, argv, &o, &verb);

	if (status != COMMAND_DONE || !verb)
		return status == COMMAND_DONE ? CATALOGUE_YES : CATALOGUE_TROUBLE;
	status = verb->run(&o);
	return command_end(COMMAND_DONE) == COMMAND_DONE ? status : CATALOGUE_TROUBLE;
}
