/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cdappendfs-check - is everything on a disc readable, and what it was when it was burned?
 *
 * An image is read beside its mount, whose daemon only appends to it; what is staged is not on the disc.  A drive
 * belongs to the mount alone.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/stat.h>

#include "burner/base/json.h"
#include "burner/base/own.h"
#include "burner/base/printable.h"
#include "burner/base/time.h"
#include "burner/base/bytes.h"
#include "cdappendfs/burn.h"
#include "fs/check/check.h"
#include "fs/check/manifest.h"
#include "fs/cmd/check_tell.h"
#include "fs/cmd/command.h"
#include "fs/cmd/interrupt.h"
#include "fs/control/mounts.h"
#include "fs/control/progress.h"

#define EVENT_EVERY_MS 1000
#define NAMES_DEFAULT 1000u

static const char help[] =
	"Usage: cdappendfs-check [OPTION…] DISC|MOUNTPOINT\n"
	"Read all sessions of a disc once, compare them with their checksums, and name the files that are damaged.\n"
	"Any path in a mount stands for its disc; what is staged is not looked at.\n"
	"\n"
	"      --session=N   check session N alone\n"
	"      --manifest    check nothing; print the SHA-256 of each file of the newest session, or of session N, as\n"
	"                    'sha256sum -c' reads it\n"
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
	const char *faults, *argument;
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

static int parse_options(int argc, char **argv, struct options *ret)
{
	enum { OPTION_SESSION = 256, OPTION_MANIFEST, OPTION_NAMES, OPTION_FAULTS };
	static const struct option options[] = {
		{"session", required_argument, NULL, OPTION_SESSION},
		{"manifest", no_argument, NULL, OPTION_MANIFEST},
		{"names", required_argument, NULL, OPTION_NAMES},
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
	if (status != COMMAND_DONE)
		return status;
	if (ret->manifest && ret->json)
		return command_usage("--manifest prints lines for sha256sum: leave --json out");
	return command_argument(argc, argv, "disc or mount point", &ret->argument);
}

/* ---- while it reads ---- */

struct watch {
	bool json;
	struct progress line;
	int64_t began_ms, told_ms;
};

static void on_progress(void *context, uint64_t done_sectors, uint64_t all_sectors)
{
	struct watch *w = context;
	struct burning b = {.phase = "checking",
			    .done_bytes = done_sectors * SECTOR_BYTES,
			    .all_bytes = all_sectors * SECTOR_BYTES};
	struct json j = {stdout, false};
	int64_t now = now_ms();

	burning_measure(&b, now - w->began_ms);
	progress_report(&w->line, &b);
	if (!w->json || now - w->told_ms < EVENT_EVERY_MS)
		return;
	w->told_ms = now;
	json_open(&j, NULL, '{');
	json_string(&j, "event", "progress");
	burning_json(&j, &b);
	json_close(&j, '}');
	json_end_line(&j);
	fflush(stdout);
}

static bool is_interrupted(void *context)
{
	(void)context;
	return interrupted != 0;
}

/* ---- what is checked ---- */

static int fail_check(const struct options *o, const char *name, int r)
{
	if (r == -ECANCELED)
		return interrupt_end();
	if (r == -ENOENT)
		return command_fail("%s: there is no session %" PRIu32 "; 'cdappendfs-info %s' lists them", name,
				    o->check.session, SHELL_WORD(name));
	return command_fail("%s: it could not be checked to its end: %s", name, strerror(-r));
}

static int check_disc(const struct options *o, const char *name, struct disc *disc)
{
	struct watch watch = {.json = o->json, .began_ms = now_ms(), .told_ms = now_ms()};
	struct check_options options = o->check;
	struct check_report report;
	struct check_told told = {.disc = name, .quiet = o->quiet};
	int status = COMMAND_FAILED, r;

	progress_init(&watch.line, o->quiet ? PROGRESS_QUIET : PROGRESS_AUTO);
	options.progress = (struct burn_progress){on_progress, is_interrupted, &watch};
	interrupt_catch();
	r = check_run(disc, &options, &report);
	progress_clear(&watch.line);
	if (!r) {
		told.passed_ms = (uint64_t)(now_ms() - watch.began_ms);
		if (o->json)
			check_tell_json(&report, &told);
		else
			check_tell_text(&report, &told);
		status = report.sound ? COMMAND_DONE : COMMAND_FAILED;
	} else {
		status = fail_check(o, name, r);
	}
	check_report_release(&report);
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

static int open_disc(const struct options *o, const char *path, const struct control_mount *mount, struct disc **ret)
{
	const struct disc_open_options how = {.unbounded = false};
	const char *why = NULL;
	int r = disc_open_path(path, &how, ret, &why);

	if (r == -EBUSY && mount)
		return command_fail("%s: its mount %s has the drive for itself: unmount it ('cdappendfs-umount %s'), "
				    "and check the disc then",
				    path, mount->mountpoint, SHELL_WORD(mount->mountpoint));
	if (r < 0)
		return command_fail("%s: it cannot be checked: %s", path, why ? why : strerror(-r));
	if (o->faults) {
		*ret = disc_wrap_faults(TAKE_PTR(*ret), o->faults);
		if (!*ret)
			return command_usage("--disc-fault: %s", strerror(errno));
	}
	return COMMAND_DONE;
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

static int check_path(const struct options *o, const char *path, const struct control_mount *mount)
{
	_cleanup_(disc_closep) struct disc *disc = NULL;
	struct disc_state state;
	int status = open_disc(o, path, mount, &disc), r;

	if (status != COMMAND_DONE)
		return status;
	r = disc_state(disc, &state);
	if (r < 0)
		return command_fail("%s: it cannot be checked: %s", path, strerror(-r));
	if (state.blank)
		return print_blank(o, path);
	return o->manifest ? print_manifest(o, path, disc) : check_disc(o, path, disc);
}

static int check_argument(const struct options *o)
{
	struct control_mount mount;
	char path[PATH_MAX];
	struct stat st;
	int found = mounts_find(o->argument, &mount);

	if (found == 0 && command_source_is_known(o->argument, &mount))
		return check_path(o, mount.source, &mount);
	if (found == 0)
		return command_fail("%s: a mount of user %u, who may call its disc what he likes: give the disc",
				    mount.mountpoint, (unsigned)mount.owner);
	if (!realpath(o->argument, path))
		return command_fail("%s: %s", o->argument, strerror(errno));
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return found == -ENOTSUP ? command_mount(o->argument, &mount) :
					   command_fail("%s: no cdappendfs is mounted there, and a directory is no "
							"disc; see 'findmnt -t fuse.cdappendfs'",
							o->argument);
	return check_path(o, path, NULL);
}

int main(int argc, char **argv)
{
	struct options o = {.json = false};
	int status = parse_options(argc, argv, &o);

	if (status != COMMAND_DONE || !o.argument)
		return status;
	return command_end(check_argument(&o));
}
