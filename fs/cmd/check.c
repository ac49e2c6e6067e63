/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cdappendfs-check - is everything on a disc readable, and what it was when it was burned?
 *
 * What is staged is not on the disc.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>

#include "burner/base/json.h"
#include "burner/base/new_file.h"
#include "burner/base/own.h"
#include "burner/base/printable.h"
#include "burner/base/time.h"
#include "burner/base/bytes.h"
#include "cdappendfs/burn.h"
#include "fs/check/check.h"
#include "fs/check/manifest.h"
#include "fs/check/mapfile.h"
#include "fs/cmd/argument.h"
#include "fs/cmd/check_merge.h"
#include "fs/cmd/check_part.h"
#include "fs/cmd/check_repair.h"
#include "fs/cmd/check_tell.h"
#include "fs/cmd/command.h"
#include "fs/cmd/interrupt.h"
#include "fs/cmd/watch.h"
#include "fs/control/client.h"

#define NAMES_DEFAULT 1000u
#define COPIES 16u
#define MINUTES_MAX 100000u

static const char help[] =
	"Usage: cdappendfs-check [OPTION…] DISC|MOUNTPOINT\n"
	"       cdappendfs-check --merge=OUT [OPTION…] COPY COPY…\n"
	"Read all sessions of a disc once, compare them with their checksums, and name the files that are damaged.\n"
	"Any path in a mount stands for its disc; what is staged is not looked at.\n"
	"\n"
	"      --session=N   check session N alone\n"
	"      --manifest    check nothing; print the SHA-256 of each file of the newest session, or of session N, as\n"
	"                    'sha256sum -c' reads it\n"
	"      --repair=OUT  write a new image in which what is damaged is made good, by parity or from what\n"
	"                    is whole; if all of it can be\n"
	"      --subset=N/M  check part N of M parts alone\n"
	"      --minutes=T   go on where the last check of this disc ended, for T minutes\n"
	"      --state=DIR   where it is remembered what was checked; default: beside the stages of this user\n"
	"      --merge=OUT   make the image OUT of what is right in several image files of one disc, and check it\n"
	"      --map=FILE    what ddrescue could not read of the disc; with --merge: COPY=FILE, and without it "
	"COPY.map\n"
	"      --names=N     list up to N names of each session; default: 1000, 0: all\n"
	"  -j, --json        print JSON: a line for each second, and the result as the last line\n"
	"  -q, --quiet       print nothing but what is damaged, and errors\n"
	"  -h, --help        print this\n"
	"  -V, --version     print the version\n"
	"\n"
	"Exit status: 0 sound, 1 damaged or could not be checked, 2 wrong usage.\n";

struct options {
	struct check_options check;
	bool json, quiet, manifest;
	bool remote; /* a drive, through its mount */
	struct part_asked part;
	const char *faults, *repair, *argument, *merge;
	struct new_file *to; /* of --repair */
	char *maps[COPIES];  /* of --map */
	size_t n_maps;
	char **copies;
	int n_copies;
};

/* ---- the command line ---- */

static int parse_number(const char *name, uint64_t low, uint64_t high, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(optarg, &end, 10);
	if (errno || *end || optarg[0] < '0' || optarg[0] > '9' || *ret < low || *ret > high)
		return command_usage("--%s: '%s' is no number from %" PRIu64 " on", name, optarg, low);
	return COMMAND_DONE;
}

/* "N/M" */
static int parse_subset(struct part_asked *ret)
{
	int n = 0;

	if (sscanf(optarg, "%9" SCNu64 "/%9" SCNu64 "%n", &ret->subset, &ret->of, &n) != 2 || optarg[n] ||
	    !ret->subset || ret->subset > ret->of)
		return command_usage("--subset: '%s' is not N/M, a part of so many, as 1/12", optarg);
	return COMMAND_DONE;
}

static int add_map(struct options *o)
{
	if (o->n_maps == COPIES)
		return command_usage("--map: %u are the most", COPIES);
	o->maps[o->n_maps++] = optarg;
	return COMMAND_DONE;
}

/* What goes together, and what is left behind the options. */
static int judge_options(int argc, char **argv, struct options *o)
{
	bool part = o->part.of || o->part.minutes;

	if (o->manifest && (o->json || part || o->merge))
		return command_usage("--manifest prints lines for sha256sum: it goes with --session, and nothing else");
	if (part && (o->check.session || o->merge || (o->part.of && o->part.minutes)))
		return command_usage("only one of --subset, --minutes, --session and --merge can be asked for");
	if (o->merge && o->check.session)
		return command_usage("--merge makes a whole disc: leave --session out");
	if (!o->merge && o->n_maps > 1)
		return command_usage("--map: one for a disc");
	if (o->repair && (o->manifest || part || o->merge || o->check.session))
		return command_usage("--repair is of the whole disc, and goes with none of --manifest, --session, "
				     "--subset, --minutes and --merge");
	if (!o->merge)
		return command_argument(argc, argv, "disc or mount point", &o->argument);
	o->copies = argv + optind;
	o->n_copies = argc - optind;
	o->argument = o->merge;
	if (o->n_copies < 2)
		return command_usage("--merge: two copies and more are needed");
	return COMMAND_DONE;
}

static int parse_options(int argc, char **argv, struct options *ret)
{
	enum {
		OPTION_SESSION = 256,
		OPTION_MANIFEST,
		OPTION_NAMES,
		OPTION_FAULTS,
		OPTION_SUBSET,
		OPTION_MINUTES,
		OPTION_STATE,
		OPTION_MERGE,
		OPTION_MAP,
		OPTION_REPAIR
	};
	static const struct option options[] = {
		{"session", required_argument, NULL, OPTION_SESSION},
		{"manifest", no_argument, NULL, OPTION_MANIFEST},
		{"names", required_argument, NULL, OPTION_NAMES},
		{"repair", required_argument, NULL, OPTION_REPAIR},
		{"subset", required_argument, NULL, OPTION_SUBSET},
		{"minutes", required_argument, NULL, OPTION_MINUTES},
		{"state", required_argument, NULL, OPTION_STATE},
		{"merge", required_argument, NULL, OPTION_MERGE},
		{"map", required_argument, NULL, OPTION_MAP},
		{"disc-fault", required_argument, NULL, OPTION_FAULTS}, /* for tests */
		{"json", no_argument, NULL, 'j'},
		{"quiet", no_argument, NULL, 'q'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	uint64_t number = 0;
	int c, status = COMMAND_DONE;

	ret->check.names_max = NAMES_DEFAULT;
	while (status == COMMAND_DONE && (c = command_option(argc, argv, ":jqhV", options)) >= 0) {
		switch (c) {
		case OPTION_SESSION:
			status = parse_number("session", 1, UINT32_MAX, &number);
			ret->check.session = (uint32_t)number;
			break;
		case OPTION_MANIFEST:
			ret->manifest = true;
			break;
		case OPTION_NAMES:
			status = parse_number("names", 0, UINT64_MAX - 1, &ret->check.names_max);
			break;
		case OPTION_REPAIR:
			ret->repair = optarg;
			break;
		case OPTION_SUBSET:
			status = parse_subset(&ret->part);
			break;
		case OPTION_MINUTES:
			status = parse_number("minutes", 1, MINUTES_MAX, &ret->part.minutes);
			break;
		case OPTION_STATE:
			ret->part.state = optarg;
			break;
		case OPTION_MERGE:
			ret->merge = optarg;
			break;
		case OPTION_MAP:
			status = add_map(ret);
			break;
		case OPTION_FAULTS:
			ret->faults = optarg;
			break;
		case 'j':
			ret->json = true;
			break;
		case 'q':
			ret->quiet = true;
			break;
		default:
			return command_common(c, argv, options, help);
		}
	}
	return status == COMMAND_DONE ? judge_options(argc, argv, ret) : status;
}

/* ---- while it reads ---- */

struct checking {
	struct watch watch;
	struct part *part; /* NULL: nothing is remembered */
};

static void on_progress(void *context, uint64_t done_sectors, uint64_t all_sectors)
{
	struct checking *c = context;

	if (c->part)
		part_keep(c->part);
	watch_report(&c->watch, done_sectors, all_sectors);
}

/* ---- what is checked ---- */

/* Who was interrupted ends when all is given back: main(). */
static int fail_check(const struct options *o, const char *name, int r)
{
	if (r == -ECANCELED)
		return o->to ? command_fail("%s: ended, and not made", o->repair) : COMMAND_FAILED;
	if (r == -ENOENT)
		return command_fail("%s: there is no session %" PRIu32 "; 'cdappendfs-info %s' lists them", name,
				    o->check.session, SHELL_WORD(name));
	if (o->remote && r == -ENOTCONN)
		return command_fail("%s: it could not be checked to its end: the mount that has the drive for itself "
				    "has ended; check the disc again when a burn of it is done",
				    name);
	return command_fail("%s: it could not be checked to its end: %s", name,
			    o->remote ? client_why(r) : strerror(-r));
}

static void on_reached(void *context, uint64_t lba, bool damaged)
{
	const struct checking *c = context;

	if (c->part)
		part_reached(c->part, lba, damaged);
}

static void begin(struct checking *c, const struct options *o, const char *phase)
{
	c->part = NULL;
	watch_init(&c->watch, &(struct watch_options){.json = o->json, .quiet = o->quiet}, phase);
}

static void tell(const struct options *o, const struct check_report *report, const struct check_told *told)
{
	if (o->json)
		check_tell_json(report, told);
	else
		check_tell_text(report, told);
}

/* What comes of the report; what can be made good is looked at where it was read as a whole. */
static int conclude(const struct options *o, struct disc *disc, const struct check_options *options,
		    struct check_report *report, struct check_told *told)
{
	_cleanup_(check_repair_release) struct check_repair repair = {0};
	struct watch *watch = &((struct checking *)options->progress.context)->watch;
	int r = 0, status;

	told->passed_ms = (uint64_t)(now_ms() - watch->began_ms);
	if (!report->sound && !report->partial && !o->merge)
		r = check_repair_look(disc, options, &repair);
	progress_clear(&watch->line);
	if (r == -ECANCELED)
		return fail_check(o, told->disc, r);
	told->repaired = !r && repair.disc ? &repair.report : NULL; /* half of a report is none */
	told->repairing = o->repair;
	tell(o, report, told);
	if (r)
		return check_repair_fail(told->disc, r);
	if (!o->repair)
		return report->sound ? COMMAND_DONE : COMMAND_FAILED;
	if (report->sound) {
		command_note("%s is sound: there is nothing to repair, and %s was not written", told->disc, o->repair);
		return COMMAND_DONE;
	}
	watch->json = false; /* the result is the last line */
	status = check_repair_write(&repair, disc, told->disc, o->to, &options->progress);
	progress_clear(&watch->line);
	if (status == COMMAND_DONE && !o->json && !o->quiet)
		say(stdout, "%s is whole", o->repair);
	return status;
}

/* part NULL: nothing is remembered. */
static int check_disc(const struct options *o, const char *name, struct disc *disc, struct part *part, bool *ret_proven)
{
	struct check_options options = o->check;
	struct check_report report;
	struct check_told told = {.disc = name, .quiet = o->quiet, .part = part};
	struct checking checking;
	int status, r;

	begin(&checking, o, "checking");
	checking.part = part;
	if (part)
		part_narrow(part, &options);
	options.reached = on_reached;
	options.exact = o->n_maps || o->merge;
	options.progress = (struct burn_progress){on_progress, watch_is_interrupted, &checking};
	r = check_run(disc, &options, &report);
	progress_clear(&checking.watch.line);
	if (part)
		part_end(part, r ? NULL : &report, &options);
	if (!r)
		*ret_proven = report.proven;
	status = r ? fail_check(o, name, r) : conclude(o, disc, &options, &report, &told);
	check_report_release(&report);
	return status;
}

/* ---- several copies ---- */

static int check_merged(void *context, struct disc *disc, const char *name, bool *ret_proven)
{
	return check_disc(context, name, disc, NULL, ret_proven);
}

static int merge(struct options *o)
{
	struct checking checking;
	struct burn_progress progress = {on_progress, watch_is_interrupted, &checking};
	const struct merge_asked asked = {.out = o->merge,
					  .copies = o->copies,
					  .n_copies = o->n_copies,
					  .maps = o->maps,
					  .n_maps = o->n_maps,
					  .quiet = o->quiet,
					  .progress = &progress,
					  .check = check_merged,
					  .context = o};

	begin(&checking, o, "merging");
	int status = check_merge(&asked);
	progress_clear(&checking.watch.line);
	return status;
}

/* ---- the manifest ---- */

struct printing {
	const char *disc;
	uint64_t failed;
};

/* As sha256sum does: a name with a newline, a carriage return or a backslash has them escaped, and its line says so. */
static void print_escaped(const char *path)
{
	for (; *path; path++) {
		const char *escape = *path == '\\' ? "\\\\" : *path == '\n' ? "\\n" : *path == '\r' ? "\\r" : NULL;

		if (escape)
			fputs(escape, stdout);
		else
			putchar(*path);
	}
}

static int print_file(void *context, const char *path, const uint8_t *sha256, int error)
{
	struct printing *p = context;

	if (interrupted)
		return -ECANCELED;
	if (!sha256) {
		p->failed++;
		command_note("%s: %s: it is left out: %s", p->disc, path, strerror(-error));
		return 0;
	}
	if (path[strcspn(path, "\\\n\r")])
		putchar('\\');
	for (unsigned i = 0; i < 32; i++)
		printf("%02x", sha256[i]);
	fputs("  .", stdout);
	print_escaped(path);
	return putchar('\n') == EOF || ferror(stdout) ? -EPIPE : 0;
}

static int print_lost(void *context, const char *path, int error)
{
	struct printing *p = context;

	p->failed++;
	command_note("%s: %s: this directory cannot be read to its end, and what else is in it is left out: %s",
		     p->disc, path, strerror(-error));
	return 0;
}

static int print_manifest(const struct options *o, const char *name, struct disc *disc)
{
	struct printing p = {.disc = name};
	const struct check_manifest asked = {print_file, print_lost, &p};
	int r;

	interrupt_catch();
	r = check_manifest(disc, o->check.session, &asked);
	if (r == -EPIPE)
		return COMMAND_FAILED; /* command_end() says it */
	if (r == -ENOENT && !o->check.session)
		return command_fail("%s: no session of it can be read", name);
	if (r)
		return fail_check(o, name, r);
	if (p.failed)
		return command_fail("%s: the list is not complete: %" PRIu64
				    " of its files and directories cannot be read",
				    name, p.failed);
	return COMMAND_DONE;
}

/* ---- which disc ---- */

static int open_disc(struct options *o, struct argument *a, struct disc **ret)
{
	int status = argument_open(a, &(struct argument_use){.done = "checked", .from_medium = true}, ret);

	o->remote = a->remote;
	if (status == COMMAND_DONE && o->faults) {
		*ret = disc_wrap_faults(TAKE_PTR(*ret), o->faults);
		if (!*ret)
			return command_usage("--disc-fault: %s", strerror(errno));
	}
	return status;
}

static int print_blank(const struct options *o, const char *name)
{
	const struct check_report report = {.sound = true};

	if (o->check.session)
		return fail_check(o, name, -ENOENT);
	if (o->json && !o->manifest)
		check_tell_json(&report, &(struct check_told){.disc = name});
	else if (!o->manifest && !o->quiet)
		say(stdout, "%s is blank: there is nothing to check", name);
	return COMMAND_DONE;
}

/* Of one session nothing is remembered, and nothing of what --map tells of the drive that it was read in. */
static int check_and_remember(const struct options *o, const char *path, struct disc *disc)
{
	bool proven = false, remembered = !o->check.session && !o->n_maps;
	struct part part;
	int status = remembered ? part_begin(&part, &o->part, disc, path) : COMMAND_DONE;

	if (status == COMMAND_DONE)
		status = check_disc(o, path, disc, remembered ? &part : NULL, &proven);
	if (remembered)
		part_release(&part);
	return status;
}

static int check_path(const struct options *asked, struct argument *a)
{
	const char *path = a->disc;
	_cleanup_(new_file_release) struct new_file to = NEW_FILE_NONE;
	struct options with_file = *asked;
	const struct options *o = &with_file;
	_cleanup_(mapfile_release) struct mapfile map = {.n = 0};
	_cleanup_(disc_closep) struct disc *disc = NULL;
	_free_ char *why = NULL;
	struct disc_state shown, state;
	int status = open_disc(&with_file, a, &disc), r;

	if (status != COMMAND_DONE)
		return status;
	if (o->n_maps && mapfile_read(o->maps[0], &map, &why))
		return command_fail("%s", why ? why : strerror(ENOMEM));
	if (o->n_maps && !(disc = mapfile_wrap(disc, &map)))
		return command_fail("%s: %s", path, strerror(ENOMEM));
	if (o->repair)
		interrupt_catch(); /* whenever it comes, nothing of the file stays */
	if (o->repair && new_file_begin(o->repair, &to, &why))
		return command_fail("%s", why ? why : strerror(ENOMEM));
	with_file.to = o->repair ? &to : NULL;
	r = disc_state(disc, &shown);
	if (!r)
		r = disc_without_head(&disc);
	if (!r)
		r = disc_state(disc, &state);
	if (r < 0)
		return command_fail("%s: it cannot be checked: %s", path, strerror(-r));
	if (state.blank)
		return print_blank(o, path);
	if (shown.blank && shown.why_not)
		command_note("%s: %s", path, shown.why_not);
	return o->manifest ? print_manifest(o, path, disc) : check_and_remember(o, path, disc);
}

static int check_argument(const struct options *o)
{
	struct argument a;
	int status = argument_find(o->argument, &a);

	return status == COMMAND_DONE ? check_path(o, &a) : status;
}

int main(int argc, char **argv)
{
	struct options o = {.json = false};
	int status = parse_options(argc, argv, &o);

	if (status != COMMAND_DONE || !o.argument)
		return status;
	status = o.merge ? merge(&o) : check_argument(&o);
	return interrupted && status != COMMAND_DONE ? interrupt_end() : command_end(status);
}
