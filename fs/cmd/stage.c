/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cdappendfs-stage - what is staged for discs that are not mounted: list, export, discard, rebase, move
 */
#include <getopt.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "burner/base/printable.h"
#include "burner/base/json.h"
#include "burner/base/size.h"
#include "burner/base/time.h"
#include "fs/cmd/command.h"
#include "fs/cmd/stages_json.h"
#include "fs/control/report.h"
#include "fs/salvage/salvage.h"

#define TEXT_MAX 4096u

static const char help[] =
	"Usage: cdappendfs-stage list [--json] [--staging=DIR]\n"
	"       cdappendfs-stage export [--staging=DIR] DISC DIRECTORY|-\n"
	"       cdappendfs-stage rebase [--staging=DIR] DISC\n"
	"       cdappendfs-stage move [--staging=DIR] DISC NEXT\n"
	"       cdappendfs-stage discard [--staging=DIR] DISC\n"
	"What is staged for discs that are not mounted, also where a mount is refused: another program has\n"
	"written to the disc, it was moved, or it is gone.\n"
	"\n"
	"  list      all stages of this user: disc, size, date, and why each waits\n"
	"  export    write what is staged, files whole, into a directory that is empty or missing, or as a tar\n"
	"            on standard output (-); what was renamed and removed is listed\n"
	"  rebase    put it onto the newest session of the disc, if no paths clash: all or nothing\n"
	"  move      put it onto NEXT, a blank disc: a drive, or an image, which is made when it is missing; what\n"
	"            changes what is on DISC cannot go there\n"
	"  discard   drop it\n"
	"\n"
	"  DISC is a path, which may be gone, or a directory that list prints.\n"
	"  -j, --json         list as JSON\n"
	"      --staging=DIR  the stage is there: the disc was mounted with -o staging=DIR\n"
	"  -h, --help         print this\n"
	"  -V, --version      print the version\n"
	"\n"
	"Exit status: 0 done, 1 failed (also: something of an export is missing), 2 wrong usage.\n";

struct options {
	bool json;
	const char *staging;
	const char *what, *disc, *to;
};

static int take_arguments(int n, char **words, struct options *ret)
{
	static const struct {
		const char *name;
		int n;
		const char *usage;
	} whats[] = {
		{"list", 0, "list takes no disc"}, {"export", 2, "export DISC DIRECTORY|-"},
		{"rebase", 1, "rebase DISC"},	   {"move", 2, "move DISC NEXT"},
		{"discard", 1, "discard DISC"},
	};

	if (n == 0)
		return command_usage("what to do is missing: list, export, rebase, move or discard");
	for (size_t i = 0; i < sizeof(whats) / sizeof(whats[0]); i++) {
		if (strcmp(words[0], whats[i].name) != 0)
			continue;
		if (n - 1 != whats[i].n)
			return command_usage("%s", whats[i].usage);
		if (ret->json && i > 0)
			return command_usage("--json goes with list");
		ret->what = whats[i].name;
		ret->disc = n > 1 ? words[1] : NULL;
		ret->to = n > 2 ? words[2] : NULL;
		if ((ret->disc && !*ret->disc) || (ret->to && !*ret->to))
			return command_usage("an argument is empty: %s", whats[i].usage);
		return COMMAND_DONE;
	}
	return command_unknown_word(words[0], "list, export, rebase, move, discard");
}

static int parse_options(int argc, char **argv, struct options *ret)
{
	enum { OPTION_STAGING = 256 };
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"staging", required_argument, NULL, OPTION_STAGING},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	int c;

	while ((c = command_option(argc, argv, ":jhV", options)) >= 0) {
		switch (c) {
		case 'j':
			ret->json = true;
			break;
		case OPTION_STAGING:
			ret->staging = optarg;
			break;
		default:
			return command_common(c, argv, options, help);
		}
	}
	if (ret->staging && !*ret->staging)
		return command_usage("--staging=: the directory is missing");
	return take_arguments(argc - optind, argv + optind, ret);
}

static int fail(const char *name, int error, const char *why)
{
	return command_fail("%s: %s", name, why ? why : strerror(-error));
}

/* ---- list ---- */

static void print_json(const struct salvage_stages *s)
{
	struct json j = {stdout, false};

	json_open(&j, NULL, '{');
	stages_json(&j, s);
	json_close(&j, '}');
	json_end_line(&j);
}

static void print_text(const struct salvage_stages *s)
{
	char bytes[SIZE_TEXT_BYTES], date[TIME_TEXT_BYTES];

	for (size_t i = 0; i < s->n; i++) {
		const struct salvage_stage *at = &s->all[i];
		const char *changed = time_text(at->changed.tv_sec, date);
		bool used = at->state == SALVAGE_MOUNTED || at->state == SALVAGE_FINISHING;

		if (i)
			putchar('\n');
		say(stdout, "%s", *at->disc ? at->disc : "a disc whose path is not known");
		if (!used && at->state != SALVAGE_DAMAGED)
			printf("  %s, %s\n", size_text(at->staged_bytes, bytes), changed ? changed : "date unknown");
		say(stdout, "  %s: %s", salvage_state_name(at->state), at->why);
		say(stdout, "  %s", at->directory);
	}
	if (!s->n)
		puts("nothing is staged");
}

static int list(const struct options *o)
{
	struct salvage_stages all;
	_free_ char *why = NULL;
	int r = salvage_list(o->staging, &all, &why);

	if (r < 0)
		return fail(o->staging ? o->staging : "the stages", r, why);
	if (o->json)
		print_json(&all);
	else
		print_text(&all);
	salvage_list_release(&all);
	return COMMAND_DONE;
}

/* ---- of one disc ---- */

static int find_stage(const struct options *o, char **ret)
{
	struct control_mount mount;
	_free_ char *why = NULL;
	char path[4096];

	/* Mounts of others, of whom root believes the disc's owner, have no stage of ours. */
	if (!o->staging && realpath(o->disc, path) && control_find_disc(path, &mount) == 0 &&
	    (mount.owner == 0 || mount.owner == geteuid()))
		return command_fail(
			"%s: it is mounted at %s: burn what is staged with 'cdappendfs-sync %s', drop it with "
			"'cdappendfs-sync --discard %s', copy it from there, or unmount it first",
			o->disc, mount.mountpoint, SHELL_WORD(mount.mountpoint), SHELL_WORD(mount.mountpoint));
	int r = salvage_find(o->staging, o->disc, ret, &why);
	return r < 0 ? fail(o->disc, r, why) : COMMAND_DONE;
}

static int open_stage(const struct options *o, enum salvage_for purpose, struct salvage **ret)
{
	_free_ char *directory = NULL, *why = NULL;
	int status = find_stage(o, &directory);

	if (status != COMMAND_DONE)
		return status;
	int r = salvage_open(directory, o->disc, purpose, ret, &why);
	return r < 0 ? fail(o->disc, r, why) : COMMAND_DONE;
}

struct telling {
	FILE *out;
};

static void tell_change(void *context, char kind, const char *path, const char *from, uint64_t bytes)
{
	const struct telling *t = context;

	command_change(t->out, kind, path, from, bytes);
}

static void tell_missing(void *context, const char *path, const char *what)
{
	(void)context;
	command_note("%s: %s", path, what);
}

static int export(const struct options *o)
{
	_cleanup_(salvage_closep) struct salvage *s = NULL;
	_free_ char *why = NULL;
	bool tar = strcmp(o->to, "-") == 0;
	struct telling telling = {.out = tar ? stderr : stdout};
	const struct salvage_tell tell = {tell_change, tell_missing, &telling};
	uint64_t missing = 0;
	int status, r;

	if (tar && isatty(STDOUT_FILENO))
		return command_usage("a tar is not for a terminal: send it to a file or a program");
	status = open_stage(o, SALVAGE_TO_READ, &s);
	if (status != COMMAND_DONE)
		return status;
	r = salvage_export(s, tar ? NULL : o->to, &tell, &missing, &why);
	if (r < 0)
		return fail(o->disc, r, why);
	if (missing)
		return command_fail("%s: the export is not complete, as told above; nothing of the stage was changed",
				    o->disc);
	return COMMAND_DONE;
}

static int discard(const struct options *o)
{
	_cleanup_(salvage_closep) struct salvage *s = NULL;
	_free_ char *why = NULL;
	char bytes[SIZE_TEXT_BYTES];
	uint64_t dropped;
	int r, status = open_stage(o, SALVAGE_TO_CHANGE, &s);

	if (status != COMMAND_DONE)
		return status;
	r = salvage_discard(s, &dropped, &why);
	if (r < 0)
		return fail(o->disc, r, why);
	say(stdout, "what was staged for %s is dropped (%s)", o->disc,
	    dropped ? size_text(dropped, bytes) : "how much is not known");
	return COMMAND_DONE;
}

static int rebase(const struct options *o)
{
	_cleanup_(salvage_closep) struct salvage *s = NULL;
	_free_ char *why = NULL;
	struct telling telling = {.out = stdout};
	const struct salvage_tell tell = {tell_change, tell_missing, &telling};
	int r, status = open_stage(o, SALVAGE_TO_CHANGE, &s);

	if (status != COMMAND_DONE)
		return status;
	r = salvage_rebase(s, &tell, &why);
	if (r == -EALREADY) {
		say(stdout, "nothing to do: what is staged for %s stands on its newest session", o->disc);
		return COMMAND_DONE;
	}
	if (r < 0)
		return fail(o->disc, r, why);
	say(stdout, "what is staged for %s stands on its newest session now; the next mount shows it", o->disc);
	return COMMAND_DONE;
}

static int move(const struct options *o)
{
	_free_ char *directory = NULL, *why = NULL;
	const struct salvage_tell tell = {NULL, tell_missing, NULL};
	int r, status = find_stage(o, &directory);

	if (status != COMMAND_DONE)
		return status;
	r = salvage_move(directory, o->to, &tell, &why);
	if (r < 0)
		return fail(o->disc, r, why);
	say(stdout, "what was staged for %s is staged for %s now; the next mount of that shows it", o->disc, o->to);
	return COMMAND_DONE;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *what;
		int (*run)(const struct options *);
	} runs[] = {{"list", list}, {"export", export}, {"discard", discard}, {"rebase", rebase}, {"move", move}};
	struct options o = {0};
	int status = parse_options(argc, argv, &o);

	if (status != COMMAND_DONE || !o.what)
		return status;
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++)
		if (strcmp(o.what, runs[i].what) == 0)
			return command_end(runs[i].run(&o));
	return COMMAND_USAGE;
}
