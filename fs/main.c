/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * main.c - the composition root: the only place that sees all rooms
 *
 * parse -> paths -> fork -> disc, stage, tree (fs/daemon/opening.c) -> commit and server -> mount -> Landlock ->
 * threads -> sandbox -> loop -> last commit -> release
 *
 * The end of a mount.  Unmounted: what is staged is burned now, with the stage marked as finishing (the next mount
 * waits for it) and clients of the control socket told.  Ended by a signal, or because the system goes down, or with
 * commit=manual: a burn under way is finished, everything else stays staged.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "burner/base/child.h"
#include "burner/base/log.h"
#include "burner/base/own.h"
#include "cdappendfs/version.h"
#include "fs/cataloguing.h"
#include "fs/cmd/overview.h"
#include "fs/commit/commit.h"
#include "fs/daemon/daemon.h"
#include "fs/control/listener.h"
#include "fs/control/mounted.h"
#include "fs/fuse/server.h"
#include "fs/kit/kit.h"
#include "fs/daemon/inhibit.h"
#include "fs/daemon/notify.h"
#include "fs/daemon/opening.h"
#include "fs/daemon/options.h"
#include "fs/daemon/remount.h"
#include "fs/daemon/sandbox.h"
#include "fs/daemon/unmounter.h"
#include "fs/sessions.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct app {
	struct options options;
	struct opening opening;
	struct commit *commit; /* NULL: read-only */
	struct server *server;
	struct snapdir *snapdir; /* NULL: sessions=off */
	struct cataloguing *catalogue;
	struct control *control;
	struct daemon_signals signals;
	int pipe; /* to the waiting parent; -1 none */
	pthread_t announcer;
	struct commit_result result; /* of the commit of the unmount */
	struct inhibit *inhibit;     /* the commit's thread: while it burns */
	struct notify *notify;	     /* NULL: nobody asks how the mount is */
	struct unmounter unmounter;
	struct control_mount mount; /* ours; its number is 0 when it could not be told */
	int root;		    /* of the mount, until it has answered; -1 not open */
};

static int fail(int error, const char *what)
{
	log_error("%s: %s", what, strerror(-error));
	return EXIT_FAILED;
}

/* ---- wiring ---- */

static void take_mount_away(void *context)
{
	struct app *a = context;
	int r = a->mount.number ? unmounter_run(&a->unmounter) : -ESTALE;

	if (r < 0 && r != -ENOENT)
		log_warning("%s: the mount could not be taken away (%s); unmount it with 'fusermount3 -u' or, as root, "
			    "'umount'",
			    a->opening.mountpoint, mounted_why(r));
}

/* Root mounts with uid= and without allow_other: for that user alone. */
static bool for_user(const struct options *o) { return getuid() == 0 && o->show_uid && o->uid && !o->allow_other; }

/* Whose mount it is: who may ask for commits. */
static uid_t owner_of(const struct options *o) { return for_user(o) ? o->uid : getuid(); }

/* ---- .sessions ---- */

static bool is_committing(void *context)
{
	struct app *a = context;
	struct commit_status status = {.phase = COMMIT_IDLE};

	if (a->commit)
		commit_status(a->commit, &status);
	return status.phase != COMMIT_IDLE;
}

/* For want of memory the list is that of before: what is new in it is not there yet. */
static void take_sessions(void *context, const struct disc_session *sessions, size_t n)
{
	struct app *a = context;

	if (a->snapdir && snapdir_set_sessions(a->snapdir, sessions, n) < 0)
		log_warning("%s: the new session is not in " HISTORY_DIRECTORY ": no memory", a->opening.disc_path);
	cataloguing_sessions(a->catalogue, sessions, n);
}

static int make_snapdir(struct app *a)
{
	const struct sessions_options options = {.owner = owner_of(&a->options),
						 .changing = is_committing,
						 .context = a};
	int r = sessions_new(&options, &a->opening, a->server, &a->snapdir);

	if (r < 0)
		return fail(r, "the mount cannot be prepared");
	server_set_snapdir(a->server, a->snapdir);
	return 0;
}

static int make_server(struct app *a)
{
	const struct options *o = &a->options;
	const struct server_options options = {
		.mountpoint = a->opening.mountpoint,
		.directory = a->opening.mount_directory > 0 ? a->opening.mount_directory : -1,
		.source = a->opening.disc_path,
		.fuse_options = o->fuse,
		.debug = o->debug,
		.read_only = a->opening.read_only,
		.allow_other = o->allow_other || for_user(o),
		.for_owner = for_user(o),
		.owner = owner_of(o),
		.show_uid = o->show_uid,
		.show_gid = o->show_gid,
		.show_umask = o->show_umask,
		.uid = o->uid,
		.gid = o->gid,
		.umask = o->umask,
		.show_sessions = o->sessions == OPTIONS_SESSIONS_SHOW,
		.sessions = a->opening.sessions,
		.n_sessions = a->opening.n_sessions,
		.take_away = take_mount_away,
		.context = a,
	};
	int r = server_new(&options, a->opening.tree, &a->server);

	return r < 0 ? fail(r, "the mount cannot be prepared") : make_snapdir(a);
}

static int flush_writers(void *context) { return server_flush_writers(((struct app *)context)->server); }
static void discarded(void *context, const struct stage_snapshot *what)
{
	server_discarded(((struct app *)context)->server, what);
}

static void hold_system(void *context)
{
	struct app *a = context;

	notify_burn(a->notify);
	a->inhibit = inhibit_take("A disc is being burned; what is cut off is lost on the disc");
}

static void let_system_go(void *context)
{
	struct app *a = context;

	inhibit_release(TAKE_PTR(a->inhibit));
}

static int make_commit(struct app *a)
{
	const struct options *o = &a->options;
	struct commit_options options = {
		.no_joliet = o->no_joliet,
		.pieces = options_pieces(o),
		.compat = o->compat,
		.parity_percent = o->parity_percent,
		.compress = o->compress,
		.md5 = o->md5,
		.span = o->span,
		.policy = o->commit,
		.no_verify = o->no_verify,
		.accepted = o->accepted,
		.speed = o->speed,
		.bytes_per_second = o->bytes_per_second,
		.fault = o->fault,
	};
	const struct commit_hooks hooks = {.flush_writers = flush_writers,
					   .discarded = discarded,
					   .sessions = take_sessions,
					   .inhibit = hold_system,
					   .uninhibit = let_system_go,
					   .context = a};
	int r;

	if (a->opening.read_only)
		return 0;
	memcpy(options.volume_id, o->volume_id, sizeof(options.volume_id));
	cataloguing_disc(a->catalogue, &a->opening);
	r = commit_new(&options, &hooks, a->opening.disc, a->opening.stage, a->opening.tree, &a->commit);
	if (r < 0)
		return fail(r, "commits cannot be prepared");
	server_set_commit(a->server, a->commit);
	return 0;
}

static bool unmounted(void *server) { return server_unmounted(server); }

static int make_control(struct app *a)
{
	const struct opening *o = &a->opening;
	struct control_options options = {
		.tree = o->tree,
		.commit = a->commit,
		.disc_path = o->disc_path,
		.mountpoint = o->mountpoint,
		.staging = o->stage ? stage_directory(o->stage) : NULL,
		.given = a->options.given,
		.own_staging = a->options.staging != NULL,
		.owner = owner_of(&a->options),
		.unmounted = unmounted,
		.context = a->server,
		.holding = o->holding,
		.disc = disc_innermost(o->disc),
		.state = o->state,
		.sessions = o->sessions,
		.n_sessions = o->n_sessions,
	};
	int r = disc_identity(o->disc, &options.identity);

	if (r == 0)
		r = control_new(&options, &a->control);

	return r < 0 ? fail(r, "the control socket cannot be prepared") : 0;
}

static int start_threads(struct app *a)
{
	int r = notify_start(a->notify, a->commit);

	if (!r && a->commit)
		r = stage_start_thread(a->opening.stage);
	if (!r && a->commit)
		r = commit_start_thread(a->commit);
	if (!r && a->commit)
		r = cataloguing_start(a->catalogue);
	return r < 0 ? fail(r, "no threads can be started") : 0;
}

/* ---- signals ---- */

static void on_first_signal(void *context)
{
	struct app *a = context;
	struct commit_status status = {.phase = COMMIT_IDLE};

	if (a->commit)
		commit_status(a->commit, &status);
	if (status.phase != COMMIT_IDLE)
		log_notice(
			"the burn under way is finished; a second signal cancels it. What is not burned stays staged");
	server_stop(a->server);
}

static void on_further_signal(void *context)
{
	struct app *a = context;

	if (a->commit)
		commit_cancel(a->commit);
	cataloguing_cancel(a->catalogue);
}

/* ---- the mount answers ---- */

/* The first client of the mount: when it is answered, the parent may say so. */
static void *announce(void *arg)
{
	struct app *a = arg;
	dev_t device;
	int r = a->root < 0 ? -ENOTCONN : server_answers(a->root, &device);

	close_fd(&a->root);
	if (r < 0)
		return NULL; /* it has ended already */
	server_tune(device);
	r = control_listen(a->control, device);
	if (r < 0)
		log_warning("cdappendfs-sync and the other commands cannot reach this mount: %s", strerror(-r));
	notify_ready(a->notify, a->opening.disc_path, a->opening.mountpoint);
	daemon_ready(a->pipe);
	return NULL;
}

/* Which mount is ours, while nobody was served yet: by its number it is found when all names lead elsewhere. */
static int note_mount(struct app *a)
{
	struct mounted m;
	int r = mounted_on(a->opening.mount_directory, &a->mount);

	if (r == 0 && a->mount.owner != getuid())
		r = -ESTALE;
	if (r == 0)
		r = mounted_find(&a->mount, &m);
	if (r < 0) {
		a->mount.number = 0;
		a->root = open(a->opening.mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
		return r;
	}
	a->root = TAKE_FD(m.root);
	mounted_release(&m);
	unmounter_know(&a->unmounter, &a->mount);
	return 0;
}

static struct sandbox_options sandbox(const struct app *a)
{
	return (struct sandbox_options){.drive = a->opening.state.exclusive, .dumpable = a->options.debug};
}

/* All is open, and nobody has asked for anything yet. */
static void enter_sandbox(const struct app *a)
{
	const struct sandbox_options options = sandbox(a);
	int r = sandbox_enter(&options);

	if (r < 0)
		log_debug("no filter of system calls: %s", strerror(-r));
}

/* One thread only: those to come are held to it too. */
static void confine(const struct app *a)
{
	const struct opening *o = &a->opening;
	char tuning[SERVER_TUNING_MAX];
	const struct sandbox_files files = {
		.image = o->state.exclusive ? -1 : disc_file(o->disc),
		.writable = !o->read_only,
		.stage = o->stage ? stage_directory_fd(o->stage) : -1,
		.stages = o->stage ? stage_root_fd(o->stage) : -1,
		.catalogue = cataloguing_directory(a->catalogue),
		.drive = o->state.exclusive,
		.tuning = a->mount.number && geteuid() == 0 ? tuning : NULL,
	};

	server_tuning(makedev(a->mount.major, a->mount.minor), tuning);
	int r = sandbox_confine(&files);
	if (r < 0)
		log_debug("files are not confined: %s", strerror(-r));
}

static int mount_disc(struct app *a)
{
	int r;

	daemon_hold_signals();
	r = server_mount(a->server);
	if (r < 0)
		return EXIT_FAILED; /* libfuse said why */
	a->opening.created = false;
	r = note_mount(a);
	if (r < 0)
		log_warning("%s: which mount it is cannot be told (%s): when this daemon ends by itself it stays there",
			    a->opening.mountpoint, mounted_why(r));
	opening_forget_directory(&a->opening);
	return 0;
}

/* A mount without a kit is better than none. */
static void put_kit(const struct app *a)
{
	const struct tree_caller owner = {
		.uid = owner_of(&a->options),
		.gid = a->options.show_gid && for_user(&a->options) ? a->options.gid : getgid(),
	};
	const char *name = NULL;
	int r;

	if (!a->options.kit)
		return;
	r = a->opening.read_only ? -EROFS : kit_put(a->opening.tree, &owner, &name);
	if (r == -ENOTDIR || r == -EEXIST)
		log_warning("no kit is put on the disc: '%s' is there already, and is something else; rename it", name);
	else if (r < 0)
		log_warning("no kit is put on the disc: %s", strerror(-r));
}

static int start(struct app *a)
{
	struct sandbox_options options = sandbox(a);
	int r;

	options.mounted = true;
	sandbox_drop_capabilities(&options);
	confine(a);
	a->signals = (struct daemon_signals){.first = on_first_signal, .again = on_further_signal, .context = a};
	r = daemon_catch_signals(&a->signals);
	if (r < 0)
		return fail(r, "no threads can be started");
	r = start_threads(a);
	if (r)
		return r;
	put_kit(a);
	enter_sandbox(a);
	r = -pthread_create(&a->announcer, NULL, announce, a);
	return r < 0 ? fail(r, "no threads can be started") : 0;
}

static int mount_and_serve(struct app *a)
{
	int r = mount_disc(a), served = 0;

	if (r)
		return r;
	r = start(a);
	if (!r)
		served = server_loop(a->server);
	atomic_store(&a->signals.awake, true);
	server_unmount(a->server); /* before the announcer is waited for: it may be asking the mount */
	unmounter_quit(&a->unmounter);
	if (r)
		return r;
	pthread_join(a->announcer, NULL);
	control_deafen(a->control);
	notify_stopping(a->notify);
	return served < 0 ? fail(served, "the mount ended") : 0;
}

/* ---- the end ---- */

static bool commits_at_end(const struct app *a)
{
	if (!a->commit || a->options.commit.when == POLICY_MANUAL || atomic_load(&a->signals.seen) ||
	    !tree_changed(a->opening.tree))
		return false;
	if (!daemon_system_stops())
		return true;
	log_notice("the system goes down: what is staged is kept and burned by the next mount");
	return false;
}

static void last_commit_done(void *arg, const struct commit_result *result)
{
	struct app *a = arg;

	a->result = *result;
}

static void explain_kept(struct app *a)
{
	bool kept = a->commit && tree_changed(a->opening.tree);

	if (kept)
		snprintf(a->result.message, sizeof(a->result.message),
			 "nothing was burned; what is staged is kept for the next mount");
}

/* Returns the exit status: it matters in the foreground. */
static int finish(struct app *a)
{
	const struct commit_request_options request = {.message = a->options.message,
						       .flags = a->options.span ? COMMIT_SPAN : 0};
	bool burn = commits_at_end(a);
	int r = 0;

	if (burn) {
		stage_set_user(a->opening.stage, STAGE_FINISHING);
		r = commit_request(a->commit, &request, last_commit_done, a);
		notify_burn(a->notify);
		if (r < 0) /* else it may be done by now, and have failed */
			a->result.error = r;
	} else {
		explain_kept(a);
	}
	if (a->commit) {
		stage_set_user(a->opening.stage, STAGE_FINISHING);
		commit_stop(a->commit, burn);
	}
	cataloguing_stop(a->catalogue);
	if (a->result.error)
		log_error("%s: %s", a->opening.disc_path,
			  a->result.message[0] ? a->result.message : strerror(-a->result.error));
	if (a->commit)
		commit_explain_reload(a->commit, &a->result);
	control_finish(a->control, &a->result);
	notify_stop(a->notify, &a->result);
	return a->result.error ? EXIT_FAILED : EXIT_DONE;
}

static void release(struct app *a)
{
	control_free(TAKE_PTR(a->control));
	daemon_quit_signals(&a->signals);
	notify_free(TAKE_PTR(a->notify));
	if (a->commit)
		commit_free(TAKE_PTR(a->commit));
	cataloguing_free(TAKE_PTR(a->catalogue));
	server_free(TAKE_PTR(a->server));
	snapdir_free(TAKE_PTR(a->snapdir));
	unmounter_quit(&a->unmounter);
	close_fd(&a->root);
	opening_release(&a->opening);
	options_release(&a->options);
}

static int start_unmounter(struct app *a)
{
	int r = unmounter_start(&a->unmounter);

	return r < 0 ? fail(r, "no process can be started") : 0;
}

static void drop_capabilities(const struct app *a)
{
	const struct sandbox_options options = sandbox(a);

	sandbox_drop_capabilities(&options);
}

static int run(struct app *a)
{
	int r = a->options.foreground ? notify_open(&a->notify) : 0;

	if (r < 0)
		log_warning("the service manager cannot be told how the mount is: NOTIFY_SOCKET: %s", strerror(-r));
	r = start_unmounter(a);
	if (!r)
		r = opening_open(&a->opening);
	if (!r)
		r = make_server(a);
	if (!r)
		r = make_commit(a);
	if (!r)
		r = make_control(a);
	if (r)
		return r;
	drop_capabilities(a);
	r = mount_and_serve(a);
	int ended = finish(a);
	return r ? r : ended;
}

static int usage(struct app *a, const char *why)
{
	log_error("%s", why);
	options_release(&a->options);
	return EXIT_USAGE;
}

static int remount_only(struct app *a)
{
	char why[REMOUNT_WHY_MAX] = "";
	int r = remount(a->options.mountpoint, a->options.read_only, why);

	if (r < 0)
		log_error("%s", why);
	release(a);
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

int main(int argc, char **argv)
{
	struct app a = {.pipe = -1, .root = -1};
	char why[OPTIONS_WHY_MAX] = "";

	sandbox_close_door();
	child_expect(); /* of libfuse, too */
	daemon_tune_memory();
	int r = options_parse(argc, argv, &a.options, why);
	if (r < 0)
		return usage(&a, why);
	if (a.options.debug)
		sandbox_open_door();
	if (a.options.help || a.options.version) {
		if (a.options.help)
			options_print_help(stdout);
		else
			printf("cdappendfs %s\n", CDAPPENDFS_VERSION);
		return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
	}
	if (a.options.overview)
		return overview_print(a.options.json);
	if (a.options.remount)
		return remount_only(&a);
	if (a.options.note[0])
		log_notice("%s", a.options.note);
	r = opening_resolve(&a.opening, &a.options);
	r = r ? r : cataloguing_new(&a.options, &a.catalogue) < 0 ? EXIT_FAILED : EXIT_DONE;
	if (!r) {
		int forked = daemon_begin(a.options.foreground, &a.pipe);
		r = forked < 0	   ? fail(forked, "no process can be started") :
		    chdir("/") < 0 ? fail(-errno, "/") :
				     run(&a);
	}
	release(&a);
	return r;
}
