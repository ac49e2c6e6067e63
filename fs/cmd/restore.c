/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cdappendfs-restore - files and directories as they were in a session, into the mount or beside it
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "burner/base/own.h"
#include "burner/base/path.h"
#include "burner/base/printable.h"
#include "burner/base/values.h"
#include "fs/cmd/argument.h"
#include "fs/cmd/between.h"
#include "fs/cmd/command.h"
#include "fs/cmd/discard.h"
#include "fs/cmd/interrupt.h"
#include "fs/cmd/restore_tell.h"
#include "fs/history/history.h"

static const char help[] =
	"Usage: cdappendfs-restore [OPTION…] PATH…\n"
	"       cdappendfs-restore [OPTION…] DISC|MOUNTPOINT [PATH…]\n"
	"Bring back files and directories as they were in a session, also those that are gone. A PATH is one in a "
	"mount;\n"
	"behind a disc or a mount point it is one on the disc, and without any all of the disc is meant.\n"
	"\n"
	"  -s, --session=NAME  as they were in that session: its number, date, label, or latest\n"
	"  -t, --at=DATE       as they were at that time, as 2024-11-29 or 2024-11-29T06:27:52, in UTC;\n"
	"                      without both: as they were in the newest session that has them\n"
	"  -C, --directory=DIR below that directory, which is made if need be, not in the mount\n"
	"  -f, --force         replace what is there and differs; without, nothing is changed then\n"
	"  -n, --dry-run       change nothing, say what would be restored, and what is in the way\n"
	"  -q, --quiet         print nothing but errors\n"
	"  -j, --json          print JSON\n"
	"  -h, --help          print this\n"
	"  -V, --version       print the version\n"
	"\n"
	"Exit status: 0 done, 1 something could not be restored, or nothing was, 2 wrong usage.\n";

struct options {
	const char *session, *directory;
	bool has_date, force, dry_run, quiet, json, ready;
	struct value_date date;
};

static int parse_options(int argc, char **argv, struct options *ret)
{
	static const struct option options[] = {
		{"session", required_argument, NULL, 's'},
		{"at", required_argument, NULL, 't'},
		{"directory", required_argument, NULL, 'C'},
		{"force", no_argument, NULL, 'f'},
		{"dry-run", no_argument, NULL, 'n'},
		{"quiet", no_argument, NULL, 'q'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	int c;

	while ((c = command_option(argc, argv, ":s:t:C:fnqjhV", options)) >= 0) {
		switch (c) {
		case 's':
			ret->session = optarg;
			break;
		case 't':
			ret->has_date = true;
			if (value_date(optarg, &ret->date) < 0)
				return command_usage(
					"--at: '%s' is no date: write 2024-11-29, or 2024-11-29T06:27:52, in UTC",
					optarg);
			break;
		case 'C':
			ret->directory = optarg;
			break;
		case 'f':
			ret->force = true;
			break;
		case 'n':
			ret->dry_run = true;
			break;
		case 'q':
			ret->quiet = true;
			break;
		case 'j':
			ret->json = true;
			break;
		default:
			return command_common(c, argv, options, help);
		}
	}
	if (ret->session && ret->has_date)
		return command_usage("--session and --at both say when: leave one out");
	ret->ready = optind < argc;
	return ret->ready ? COMMAND_DONE : command_usage("the path, or the disc, is missing");
}

/* A path that is asked for, and the session that it comes from. */
struct wanted {
	char *path;	   /* on the disc; "": all */
	bool is_directory; /* as it was given */
	const struct disc_session *session;
};

struct job {
	const struct options *o;
	struct argument a;
	struct disc *disc;
	struct history history;
	struct between between; /* of these two */
	struct wanted *wanted;
	size_t n;
	int root;	       /* of the mount; -1: there is none, or it cannot be entered */
	int to;		       /* -1: it does not exist (a dry run) */
	bool to_new, in_mount; /* it was made; it is in the mount */
	struct telling tell;
};

static void job_release(struct job *j)
{
	for (size_t i = 0; i < j->n; i++)
		free(j->wanted[i].path);
	free(j->wanted);
	history_release(&j->history);
	disc_close(j->disc);
	close_fd(&j->root);
	close_fd(&j->to);
}

/* ---- what is asked for ---- */

/* given: with a slash behind it, it is to be a directory. */
static int want(struct job *j, const char *given, char *path)
{
	size_t n = strlen(given);

	if (!path)
		return command_fail("%s", strerror(ENOMEM));
	j->wanted[j->n++] = (struct wanted){.path = path, .is_directory = path[0] && n && given[n - 1] == '/'};
	if (path_is_inside(path, HISTORY_DIRECTORY))
		return command_fail("%s: what is in '" HISTORY_DIRECTORY
				    "' is no path of the disc: give the path without '" HISTORY_DIRECTORY
				    "' and the session, and say --session",
				    path);
	return COMMAND_DONE;
}

static int want_in_mount(struct job *j, const char *path)
{
	struct control_mount mount;
	char inside[PATH_MAX];
	int r = discard_locate(path, &mount, inside);

	if (r == -ENOENT)
		return command_fail("%s: it is in no mount of cdappendfs; see 'findmnt -t fuse.cdappendfs'", path);
	if (r < 0)
		return command_fail("%s: %s", path, strerror(-r));
	if (mount.major != j->a.mount.major || mount.minor != j->a.mount.minor)
		return command_fail("%s: it is in another mount than %s: one disc at a time", path, j->a.given);
	return want(j, path, strdup(inside));
}

static int take_arguments(struct job *j, char **arguments, int n)
{
	bool is_disc = !j->a.inside[0];
	int status = COMMAND_DONE;

	j->wanted = calloc((size_t)n, sizeof(*j->wanted));
	if (!j->wanted)
		return command_fail("%s", strerror(ENOMEM));
	if (is_disc && n == 1)
		return want(j, "", strdup(""));
	for (int i = is_disc; status == COMMAND_DONE && i < n; i++)
		status = is_disc ? want(j, arguments[i], path_from_root(arguments[i])) : want_in_mount(j, arguments[i]);
	return status;
}

/* ---- from which session ---- */

/* 1: it has it; 0; or an error, told. */
static int has_path(const struct job *j, const struct disc_session *s, const struct wanted *w)
{
	const char *path = w->path;
	_cleanup_(iso_unrefp) struct iso *iso = NULL;
	_cleanup_entry_ struct iso_entry e = {.ino = 0};
	int r = history_tree(j->disc, s, &iso);

	if (!r)
		r = iso_lookup_path(iso, path, &e);
	if (!r && w->is_directory && !S_ISDIR(e.mode)) {
		command_fail("%s: session %" PRIu32 ": /%s: %s: it is to be given without a slash behind it", j->a.disc,
			     s->number, path, strerror(ENOTDIR));
		return -ENOTDIR;
	}
	if (!r || r == -ENOENT)
		return !r;
	command_fail("%s: session %" PRIu32 ": /%s: it cannot be known whether it is there: %s; name an older session",
		     j->a.disc, s->number, path, strerror(-r));
	return r;
}

/* A burn that failed has nothing; one that was cut off may have it. */
static int pass_over(const struct job *j, const struct disc_session *s, const char *path)
{
	if (!s->truncated)
		return 0;
	command_fail("%s: session %" PRIu32 ": /%s: it cannot be known whether it is there: the image is cut off "
		     "there; name an older session",
		     j->a.disc, s->number, path);
	return -EIO;
}

/* It has it not; sessions before it that are not found may have it. */
static int pass_before(const struct job *j, const struct disc_session *s, const char *path)
{
	if (!between_misses_former(&j->between, s))
		return 0;
	command_fail("%s: session %" PRIu32 ": the sessions before it are not found, so it cannot be known whether "
		     "they have /%s; name an older session, if 'cdappendfs-log %s' lists one",
		     j->a.disc, s->number, path, SHELL_WORD(j->a.disc));
	return -EIO;
}

static int find_newest(struct job *j, struct wanted *w)
{
	int r = 0;

	for (size_t i = j->history.n; i-- > 0 && !r;) {
		w->session = &j->history.sessions[i];
		r = w->session->broken ? pass_over(j, w->session, w->path) : has_path(j, w->session, w);
		if (!r)
			r = pass_before(j, w->session, w->path);
	}
	if (!r)
		command_fail("%s: /%s: no session has it; 'cdappendfs-log' tells what each of them changed", j->a.disc,
			     w->path);
	return r > 0 ? COMMAND_DONE : COMMAND_FAILED;
}

/* One that may be of that time, and newer than the one that was found. */
static bool is_missed(const struct job *j, const struct wanted *w)
{
	for (size_t i = j->history.n; i-- > 0 && &j->history.sessions[i] != w->session;) {
		const struct disc_session *s = &j->history.sessions[i];

		if ((s->broken && s->created <= j->o->date.last && pass_over(j, s, w->path)) ||
		    (between_former(&j->between, s) == w->session && pass_before(j, s, w->path)))
			return true;
	}
	return false;
}

static int find_named(struct job *j, struct wanted *w)
{
	const struct options *o = j->o;
	char date[TIME_TEXT_BYTES];
	int r;

	w->session = o->session ? history_named(&j->history, o->session) : history_at(&j->history, o->date.last);
	if (o->has_date && is_missed(j, w))
		return COMMAND_FAILED;
	if (!w->session && o->session)
		return command_fail("%s: there is no session '%s'; 'cdappendfs-log %s' lists them", j->a.disc,
				    o->session, SHELL_WORD(j->a.disc));
	if (!w->session)
		return command_fail("%s: there is no session of %s or before; 'cdappendfs-log %s' lists them",
				    j->a.disc, time_text(o->date.last, date) ? date : "that time",
				    SHELL_WORD(j->a.disc));
	if (w->session->broken)
		return command_fail("%s: session %" PRIu32 " is a burn that failed, or cannot be read: name another "
				    "one; 'cdappendfs-log %s' lists them",
				    j->a.disc, w->session->number, SHELL_WORD(j->a.disc));
	r = has_path(j, w->session, w);
	if (!r)
		command_fail("%s: session %" PRIu32 " has no /%s; without --session and --at it is taken from the "
			     "newest session that has it",
			     j->a.disc, w->session->number, w->path);
	return r > 0 ? COMMAND_DONE : COMMAND_FAILED;
}

static int find_sessions(struct job *j)
{
	int status = COMMAND_DONE;

	if (!j->history.n)
		return command_fail("%s: it is blank: there are no sessions", j->a.disc);
	for (size_t i = 0; status == COMMAND_DONE && i < j->n; i++) {
		struct wanted *w = &j->wanted[i];

		status = j->o->session || j->o->has_date ? find_named(j, w) : find_newest(j, w);
	}
	return status;
}

/* ---- where to ---- */

static int open_mount(struct job *j)
{
	const char *at = j->a.mount.mountpoint;

	if (j->a.mounted)
		j->root = open(at, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (j->o->directory || j->root >= 0)
		return COMMAND_DONE;
	return j->a.mounted ? command_fail("%s: %s; restore it elsewhere: -C DIR", at, strerror(errno)) :
			      command_usage("%s is not mounted: say where to, with -C DIR", j->a.given);
}

static int open_directory_of(struct job *j, const char *path)
{
	j->to_new = !j->o->dry_run && mkdir(path, 0777) == 0;
	j->to = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (j->to < 0 && (errno != ENOENT || !j->o->dry_run))
		return command_fail("%s: %s", path, strerror(errno));
	return COMMAND_DONE;
}

static int open_target(struct job *j)
{
	struct stat mount, to;
	int status = open_mount(j);

	if (status == COMMAND_DONE && j->o->directory)
		status = open_directory_of(j, j->o->directory);
	else if (status == COMMAND_DONE)
		j->to = fcntl(j->root, F_DUPFD_CLOEXEC, 0);
	j->in_mount = status == COMMAND_DONE && j->root >= 0 && j->to >= 0 && fstat(j->root, &mount) == 0 &&
		      fstat(j->to, &to) == 0 && mount.st_dev == to.st_dev;
	return status;
}

/* The session's directory in the mount, by its own number: what is called so may be a file of the user's. */
static int open_shown(const struct job *j, const struct disc_session *s)
{
	char path[sizeof(HISTORY_DIRECTORY) + 16];
	_close_ int all = j->in_mount ? openat(j->root, HISTORY_DIRECTORY, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	struct stat st;

	if (all < 0 || fstat(all, &st) < 0 || (uint64_t)st.st_ino != HISTORY_INO)
		return -1;
	snprintf(path, sizeof(path), "%" PRIu32, s->number);
	return openat(all, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* ---- doing it ---- */

/* A descriptor is open for each level of directories. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int fail(const struct job *j, int error, const char *why)
{
	if (error == -ECANCELED)
		return command_fail("%s: ended; what is not whole was taken away again", j->a.disc);
	return command_fail(
		"%s: %s%s", j->o->directory ? j->o->directory : j->a.mount.mountpoint, why ? why : strerror(-error),
		error == -ENOSPC && j->in_mount ?
			"; 'cdappendfs-info --changes' tells what is staged, and -C DIR restores elsewhere" :
		error == -EROFS && j->in_mount ? "; -C DIR restores elsewhere" :
						 "");
}

typedef int restore_step(struct restore *x, const char *path, struct restore_count *ret, char **ret_why);

/* What is read of the session that the last path came from. */
struct source {
	const struct disc_session *session;
	struct iso *iso;
	int shown;
};

static void source_release(struct source *s)
{
	iso_unref(s->iso);
	close_fd(&s->shown);
}

static int source_open(struct job *j, struct restore *x, const struct disc_session *session, bool shown,
		       struct source *s)
{
	int r;

	if (s->session == session)
		return COMMAND_DONE;
	source_release(s);
	*s = (struct source){.session = session, .shown = shown ? open_shown(j, session) : -1};
	r = history_tree(j->disc, session, &s->iso);
	if (r)
		return command_fail("%s: session %" PRIu32 ": its tree cannot be read: %s", j->a.disc, session->number,
				    strerror(-r));
	j->tell.session = session;
	restore_session(x, s->iso, s->shown);
	return COMMAND_DONE;
}

/* Each path in its turn; a clash does not keep the others from being looked at. */
static int run(struct job *j, struct restore *x, restore_step *step)
{
	_cleanup_(source_release) struct source source = {.shown = -1};
	int status = COMMAND_DONE;

	for (size_t i = 0; status == COMMAND_DONE && i < j->n; i++) {
		const struct wanted *w = &j->wanted[i];
		_free_ char *why = NULL;
		struct restore_count n = {0};
		int r;

		status = source_open(j, x, w->session, step == restore_put, &source);
		if (status != COMMAND_DONE)
			return status;
		r = step(x, w->path, &n, &why);
		tell_count(&j->tell, w->path, &n, r != 0);
		if (r && r != -EEXIST)
			status = fail(j, r, why);
	}
	return status;
}

static int restore_all(struct job *j)
{
	const struct restore_options options = {.to = j->to,
						.to_new = j->to_new,
						.force = j->o->force,
						.pace = interrupt_pace,
						.clash = tell_clash,
						.lost = tell_lost,
						.context = &j->tell};
	_cleanup_(restore_freep) struct restore *x = NULL;
	int r = restore_new(&options, &x), status;

	if (!r)
		r = tell_open(&j->tell);
	if (r)
		return command_fail("%s", strerror(-r));
	tell_begin(&j->tell, j->o->dry_run);
	status = run(j, x, restore_check);
	if (status == COMMAND_DONE && !j->tell.n_clashes && !j->o->dry_run) {
		tell_begin(&j->tell, true);
		status = run(j, x, restore_put);
	}
	if (j->to_new && status != COMMAND_DONE)
		(void)rmdir(j->o->directory);
	return tell_end(&j->tell, status);
}

static int restore(const struct options *o, char **arguments, int n)
{
	_cleanup_(job_release) struct job j = {
		.o = o,
		.root = -1,
		.to = -1,
		.tell = {.as_json = o->json, .quiet = o->quiet, .dry_run = o->dry_run},
	};
	int status = argument_history(arguments[0], &j.a, &j.disc, &j.history);

	j.between = (struct between){j.disc, &j.history, j.a.disc};
	interrupt_catch();
	raise_limit();
	if (status == COMMAND_DONE)
		status = take_arguments(&j, arguments, n);
	if (status == COMMAND_DONE)
		status = find_sessions(&j);
	if (status == COMMAND_DONE)
		status = open_target(&j);
	return status == COMMAND_DONE ? restore_all(&j) : status;
}

int main(int argc, char **argv)
{
	struct options o = {.session = NULL};
	int status = parse_options(argc, argv, &o);

	if (status != COMMAND_DONE || !o.ready)
		return status;
	status = restore(&o, argv + optind, argc - optind);
	return interrupted && status != COMMAND_DONE ? interrupt_end() : command_end(status);
}
