/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cdappendfs-diff - what is different between two sessions of a disc, or between a session and what is staged
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/json.h"
#include "burner/base/own.h"
#include "burner/base/path.h"
#include "burner/base/printable.h"
#include "burner/base/size.h"
#include "fs/cmd/argument.h"
#include "fs/cmd/between.h"
#include "fs/cmd/command.h"
#include "fs/cmd/interrupt.h"
#include "fs/cmd/moves.h"
#include "fs/cmd/staged.h"
#include "fs/control/report.h"

/* As diff(1). */
enum diff_status { DIFF_SAME = 0, DIFF_DIFFERENT = 1, DIFF_TROUBLE = 2 };

static const char help[] =
	"Usage: cdappendfs-diff [OPTION…] DISC|PATH A [B]\n"
	"Tell what is different between session A of a disc and session B: a number, a date, a label, or 'latest'.\n"
	"Without B: the newest session, of a disc that is mounted with what is staged.  Of a PATH in a mount: what is\n"
	"different there and below.\n"
	"\n"
	"  A  added    D  deleted    M  modified    m  only attributes    R  renamed (RM, Rm: and modified)\n"
	"\n"
	"      --stat      with sizes, what of them is new on the disc, and the sums\n"
	"  -z, --null      end each line, and each path, with a zero byte, and leave paths as they are\n"
	"  -j, --json      print JSON\n"
	"  -h, --help      print this\n"
	"  -V, --version   print the version\n"
	"\n"
	"Exit status: 0 no difference, 1 differences, 2 wrong usage, or something cannot be read and is not known.\n";

struct options {
	bool json, stat, null;
	const char *argument, *a, *b;
};

static int parse_options(int argc, char **argv, struct options *ret)
{
	enum { OPTION_STAT = 256 };
	static const struct option options[] = {
		{"stat", no_argument, NULL, OPTION_STAT}, {"null", no_argument, NULL, 'z'},
		{"json", no_argument, NULL, 'j'},	  {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},	  {0},
	};
	int c;

	while ((c = command_option(argc, argv, ":zjhV", options)) >= 0) {
		switch (c) {
		case OPTION_STAT:
			ret->stat = true;
			break;
		case 'z':
			ret->null = true;
			break;
		case 'j':
			ret->json = true;
			break;
		default:
			return command_common(c, argv, options, help);
		}
	}
	if (ret->json + ret->stat + ret->null > 1)
		return command_usage("only one of --json, --stat and --null can be asked for");
	if (argc - optind < 2)
		return command_usage("the %s is missing", argc == optind ? "disc or path" : "session");
	if (argc - optind > 3)
		return command_usage("two sessions are compared, and no more");
	ret->argument = argv[optind];
	ret->a = argv[optind + 1];
	ret->b = argv[optind + 2]; /* or NULL, as argv ends */
	return COMMAND_DONE;
}

/* ---- printing ---- */

/* "RM" and the like. */
static void letters(const struct diff_change *c, char ret[3])
{
	char change = c->content ? 'M' : c->attributes ? 'm' : '\0';

	ret[0] = c->kind == 'M' ? change : c->kind;
	ret[1] = c->kind == 'R' ? change : '\0';
	ret[2] = '\0';
}

static void print_null(const struct diff_change *c)
{
	char kind[3];

	letters(c, kind);
	printf("%s%c", kind, 0);
	if (c->from)
		printf("%s%c", c->from, 0);
	printf("%s%c", c->path, 0);
}

static void print_line_of(const struct diff_change *c, bool stat)
{
	const char *slash = S_ISDIR(c->mode) ? "/" : "", *from = c->from ? c->from : "";
	char kind[3], bytes[SIZE_TEXT_BYTES], new[SIZE_TEXT_BYTES];

	letters(c, kind);
	if (!stat || !S_ISREG(c->mode))
		say(stdout, "%-2s %s%s%s%s%s", kind, from, c->from ? slash : "", c->from ? " -> " : "", c->path, slash);
	else if (c->new_bytes)
		say(stdout, "%-2s %s%s%s | %s, %s new", kind, from, c->from ? " -> " : "", c->path,
		    size_text(c->bytes, bytes), size_text(c->new_bytes, new));
	else
		say(stdout, "%-2s %s%s%s | %s", kind, from, c->from ? " -> " : "", c->path, size_text(c->bytes, bytes));
}

static void print_change(struct json *j, const struct diff_change *c)
{
	json_open(j, NULL, '{');
	json_string(j, "kind", (char[]){c->kind, '\0'});
	json_string(j, "path", c->path);
	if (c->from)
		json_string(j, "from", c->from);
	json_bool(j, "directory", S_ISDIR(c->mode));
	json_bool(j, "content", c->content);
	json_bool(j, "attributes", c->attributes);
	json_u64(j, "bytes", c->bytes);
	json_u64(j, "new_bytes", c->new_bytes);
	json_close(j, '}');
}

static void print_sums(const struct diff_count *n)
{
	char new[SIZE_TEXT_BYTES], shared[SIZE_TEXT_BYTES];

	printf("files: %" PRIu64 " added, %" PRIu64 " changed, %" PRIu64 " moved, %" PRIu64 " deleted; %s new, %s "
	       "shared\n",
	       n->added, n->changed, n->renamed, n->deleted, size_text(n->new_bytes, new),
	       size_text(n->shared_bytes, shared));
}

/* ---- what is asked for ---- */

/* A path, as it is called in one of both trees. */
struct part {
	const char *inside; /* "": all */
	struct diff moved;  /* directories that were renamed, in the order of the whole */
	/* how it, or the nearest directory above it, got its name, or another one; NULL: it did not */
	const struct diff_change *come, *gone;
};

static int part_find(const struct diff *d, const char *inside, struct part *ret)
{
	*ret = (struct part){.inside = inside};
	if (!inside[0] || !d->n)
		return 0;
	ret->moved.changes = calloc(d->n, sizeof(*ret->moved.changes));
	if (!ret->moved.changes)
		return -ENOMEM;
	for (size_t i = 0; i < d->n; i++)
		if (d->changes[i].kind == 'R' && S_ISDIR(d->changes[i].mode))
			ret->moved.changes[ret->moved.n++] = d->changes[i];
	ret->come = moves_nearest(d, inside, false);
	ret->gone = moves_nearest(d, inside, true);
	return 0;
}

static void part_release(struct part *p) { free(p->moved.changes); }

/* Is it there by the name that it has in the other tree, through what was renamed above it? */
static bool is_carried_inside(const struct part *p, const struct diff_change *c)
{
	_free_ char *other = NULL;

	return c->kind != 'R' && moves_carry(&p->moved, c->path, c->kind == 'D', &other) == 0 && other &&
	       path_is_inside(other, p->inside);
}

static bool is_asked_for(const struct part *p, const struct diff_change *c)
{
	return !p->inside[0] || path_is_inside(c->path, p->inside) || (c->from && path_is_inside(c->from, p->inside)) ||
	       (c->kind == 'R' && (c == p->come || c == p->gone)) || is_carried_inside(p, c);
}

/* The directory of sessions is in no tree, unless a file has its name. */
static bool is_among_sessions(const char *inside) { return path_is_inside(inside, HISTORY_DIRECTORY); }

/* 1: it is there; 0: it is not; or an error. */
static int look_for(const struct between *b, const struct disc_session *s, const char *inside)
{
	_cleanup_(iso_unrefp) struct iso *iso = NULL;
	_cleanup_entry_ struct iso_entry e = {.ino = 0};
	int r = history_tree(b->disc, s, &iso);

	if (!r)
		r = iso_lookup_path(iso, inside, &e);
	return r == -ENOENT ? 0 : r ? r : 1;
}

static int look_staged(const struct argument *a)
{
	struct stat st;

	if (is_among_sessions(a->inside) || (lstat(a->given, &st) < 0 && (errno == ENOENT || errno == ENOTDIR)))
		return 0;
	return 1;
}

static int refuse_path(const struct argument *a)
{
	if (is_among_sessions(a->inside))
		command_fail("%s: what is in '" HISTORY_DIRECTORY
			     "' is no path of the disc: give the path without '" HISTORY_DIRECTORY
			     "' and the session, and name the sessions that are to be compared",
			     a->given);
	else
		command_fail("%s: it is in neither of both trees; 'cdappendfs-log %s' lists the versions of a path",
			     a->given, SHELL_WORD(a->given));
	return -ENOENT;
}

/* What is not there is not the same, and what is told of a directory above it is not told of it. */
static int part_look(const struct between *b, const struct between_asked *asked, const struct argument *a,
		     struct part *p)
{
	int old, new;

	if (!a->inside[0])
		return 0;
	old = look_for(b, asked->old, a->inside);
	new = asked->overlay ? look_staged(a) : look_for(b, asked->new, a->inside);
	if (!old && !new)
		return refuse_path(a);
	if (old < 0 || new < 0)
		return command_fail("%s: it cannot be known whether it is there: %s", a->given,
				    strerror(old < 0 ? -old : -new));
	p->come = new ? p->come : NULL;
	p->gone = old ? p->gone : NULL;
	return 0;
}

/* ---- printing all ---- */

static size_t print_all(const struct options *o, const struct diff *d, const struct part *part)
{
	struct json j = {stdout, false};
	size_t n = 0;

	if (o->json) {
		json_open(&j, NULL, '{');
		json_open(&j, "changes", '[');
	}
	for (size_t i = 0; i < d->n; i++) {
		const struct diff_change *c = &d->changes[i];

		if (!is_asked_for(part, c))
			continue;
		n++;
		if (o->json)
			print_change(&j, c);
		else if (o->null)
			print_null(c);
		else
			print_line_of(c, o->stat);
	}
	if (o->json) {
		json_close(&j, ']');
		command_json_end(&j, d->complete);
	}
	if (o->stat && n && !part->inside[0])
		print_sums(&d->count);
	return n;
}

/* ---- what is compared ---- */

static const struct disc_session *find_session(const struct between *b, const char *name)
{
	const struct disc_session *s = history_named(b->history, name);

	if (!s)
		command_fail("%s: there is no session '%s'; 'cdappendfs-log %s' lists them", b->name, name,
			     SHELL_WORD(b->name));
	return s;
}

static int compare(const struct options *o, const struct between *b, const struct between_asked *asked,
		   const struct argument *a)
{
	_cleanup_(part_release) struct part part = {.inside = a->inside};
	_cleanup_diff_ struct diff d = {.n = 0};
	size_t n;

	if (between_sessions(b, asked, &d))
		return DIFF_TROUBLE;
	if (part_find(&d, a->inside, &part)) {
		command_fail("%s: %s", b->name, strerror(ENOMEM));
		return DIFF_TROUBLE;
	}
	if (part_look(b, asked, a, &part))
		return DIFF_TROUBLE;
	n = print_all(o, &d, &part);
	return !d.complete ? DIFF_TROUBLE : n ? DIFF_DIFFERENT : DIFF_SAME;
}

/* With what is staged above the newest one. */
static int compare_staged(const struct options *o, const struct between *b, const struct argument *a,
			  struct between_asked *asked)
{
	_cleanup_(staged_release) struct staged staged = STAGED_NONE;
	_cleanup_(iso_unrefp) struct iso *base = NULL;
	int r = history_tree(b->disc, asked->new, &base);

	if (r) {
		command_fail("%s: the newest session cannot be read: %s", b->name, strerror(-r));
		return DIFF_TROUBLE;
	}
	if (staged_open(&a->mount, asked->new, base, "; name two sessions to compare these", &staged))
		return DIFF_TROUBLE;
	asked->base = base;
	asked->overlay = staged.overlay;
	return compare(o, b, asked, a);
}

static int diff_sessions(const struct options *o, const struct between *b, const struct argument *a)
{
	struct between_asked asked = {.old = find_session(b, o->a)};

	if (!asked.old)
		return DIFF_TROUBLE;
	asked.new = o->b ? find_session(b, o->b) : history_newest(b->history);
	if (!asked.new)
		return DIFF_TROUBLE;
	return o->b || !a->mounted ? compare(o, b, &asked, a) : compare_staged(o, b, a, &asked);
}

static int diff_argument(const struct options *o)
{
	_cleanup_history_ struct history history = {.n = 0};
	_cleanup_(disc_closep) struct disc *disc = NULL;
	struct argument a;

	if (argument_history(o->argument, &a, &disc, &history) != COMMAND_DONE)
		return DIFF_TROUBLE;
	interrupt_catch();
	return diff_sessions(o, &(struct between){disc, &history, a.disc}, &a);
}

int main(int argc, char **argv)
{
	struct options o = {.json = false};
	int status = parse_options(argc, argv, &o);

	if (status != COMMAND_DONE || !o.argument)
		return status == COMMAND_DONE ? DIFF_SAME : DIFF_TROUBLE;
	status = diff_argument(&o);
	if (interrupted && status == DIFF_TROUBLE)
		return interrupt_end();
	return command_end(COMMAND_DONE) == COMMAND_DONE ? status : DIFF_TROUBLE;
}
